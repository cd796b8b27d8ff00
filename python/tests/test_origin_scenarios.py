"""Origin, generation and families: forty persons made by hand, and the synthetic truth.

The scenarios and their pass lines stand in ``test_register_scenarios.py``.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest

import kruispunt as kp

# First nationalities of father and mother, own, present; countries of birth of the person, the
# father, the mother; a grandparent; age at arrival | monitoring, statbel, arvastat, country of
# birth | generation. `-` is unknown, `?` undetermined.
FORTY = """
mixed parents
MA BE BE BE BE MA BE BE -  | MA MA nonEU MA           | 2.5
BE MA BE BE BE BE MA BE -  | MA MA nonEU MA           | 2.5
TR MA BE BE BE TR MA TR -  | TR TR nonEU MA           | 2
MA TR BE BE BE MA TR MA -  | MA MA nonEU TR           | 2
IT BE BE BE BE IT BE IT -  | EU14 EU14 south EU14     | 2.5
BE PL BE BE BE BE PL PL -  | EU13 EU13 EU28 EU13      | 2.5
NL DE BE BE BE NL DE NL -  | EU14 EU14 neighbour EU14 | 2
BE BE MA BE BE BE BE BE -  | MA MA nonEU BE           | 0
unknown parents
-  BE BE BE BE -  BE -  -  | ?  BE BE ?               | ?
BE -  BE BE BE BE -  -  -  | ?  BE BE ?               | ?
-  -  BE BE BE -  -  -  -  | ?  BE BE ?               | ?
-  -  -  -  -  -  -  -  -  | ?  ?  ?  ?               | ?
-  MA BE BE BE -  MA -  -  | MA MA nonEU MA           | 2
MA -  BE BE BE MA -  -  -  | MA MA nonEU MA           | 2
-  -  MA BE MA -  -  -  30 | MA MA nonEU MA           | 1
-  -  BE BE MA -  -  -  9  | ?  BE BE MA              | 1.5
-  -  -  MA MA -  -  -  22 | MA MA nonEU MA           | 1
-  BE BE MA BE -  BE -  -  | MA MA nonEU ?            | ?
adopted
BE BE BE BE CD BE BE BE 1  | BE BE BE nonEU           | 0
BE BE CD BE CD BE BE BE 2  | nonEU nonEU nonEU nonEU  | 0
BE BE BE BE TR BE BE BE 0  | BE BE BE TR              | 0
FR BE BE BE CD FR BE FR 3  | EU14 EU14 neighbour nonEU | 1.5
-  BE BE BE CD -  BE -  1  | ?  BE BE nonEU           | 1.5
naturalised
MA MA MA BE MA MA MA MA 25 | MA MA nonEU MA           | 1
TR TR TR BE TR TR TR TR 10 | TR TR nonEU TR           | 1.5
PL PL PL BE PL PL PL PL 40 | EU13 EU13 EU28 EU13      | 1
-  -  -  BE MA -  -  -  20 | ?  BE BE MA              | 1
SY SY SY BE SY SY SY SY 17 | nonEU nonEU nonEU nonEU  | 1.5
BE RU RU BE RU BE RU RU 18 | nonEU nonEU nonEU nonEU  | 1
third generation
BE BE BE BE BE BE BE MA -  | BE BE BE BE              | 3
BE BE BE BE BE BE TR TR -  | BE BE BE TR              | 3
BE BE BE BE BE BE BE IT -  | BE BE BE BE              | 3
MA BE BE BE BE BE BE MA -  | MA MA nonEU BE           | 2.5
-  BE BE BE BE -  BE MA -  | ?  BE BE ?               | ?
Belgium and Europe
BE BE BE BE BE BE BE BE -  | BE BE BE BE              | 0
NL NL NL NL NL NL NL NL 35 | EU14 EU14 neighbour EU14 | 1
SE SE SE SE SE SE SE SE 50 | EU14 EU14 west EU14      | 1
GR GR BE BE BE GR GR GR -  | EU14 EU14 south EU14     | 2
HR HR HR BE HR HR HR HR 12 | EU13 EU13 EU28 EU13      | 1.5
GB BE BE BE BE BE BE GB -  | EU14 EU14 west BE        | 2.5
"""
FACTS = ["father", "mother", "own", "now", "born", "father_born", "mother_born", "grand", "age"]
RULES = ["monitoring", "statbel", "arvastat", "country_of_birth"]
COLUMNS = {name: name for name in FACTS[:7]}
READ = {
    "father": "father_nat_first", "mother": "mother_nat_first", "own": "nat_first", "now": "now",
}  # fmt: skip


def forty() -> pl.DataFrame:
    rows = []
    for line in FORTY.strip().splitlines():
        parts = [part.split() for part in line.split("|")]
        if len(parts) == 1:
            continue
        facts, answers, (generation,) = parts
        row = dict(zip([*FACTS, *RULES], [*facts, *answers], strict=True))
        rows.append({"pid": len(rows) + 1, **row, "generation": generation})
    return pl.DataFrame(rows).with_columns(
        pl.exclude("pid").replace({"-": None, "?": None}),
    )


def test_s7_forty_persons() -> None:
    """Mixed and unknown parents, adopted, naturalised, third generation: what decided, and why not."""
    people = forty()
    assert len(people) == 40
    order = {
        "monitoring": FACTS[:4], "statbel": FACTS[:4], "arvastat": FACTS[:4],
        "country_of_birth": ["born", "mother_born", "father_born"],
    }  # fmt: skip
    for rule, criteria in order.items():
        found = kp.belgium.origin(people, rule, **COLUMNS).to_frame()
        assert found["origin_group"].to_list() == people[rule].to_list(), rule
        for person, answer in zip(people.to_dicts(), found.to_dicts(), strict=True):
            foreign = [name for name in criteria if person[name] not in (None, "BE")]
            by = foreign[0] if foreign else ("all" if person[rule] == "BE" else None)
            assert answer["origin_by"] == by
            assert (answer["origin_reason"] is None) == (answer["origin_group"] is not None)
    # the same persons, three answers: what a rule does with the unknown is its difference
    differ = people.filter(pl.col("monitoring").is_null() & (pl.col("statbel") == "BE"))
    assert len(differ) == 7
    said = kp.belgium.origin(people, "monitoring", **COLUMNS).to_frame()
    reasons = said.filter(pl.col("pid").is_in(differ["pid"].implode()))["origin_reason"].to_list()
    assert reasons == [
        "father unknown", "mother unknown", "both parents unknown", "both parents unknown",
        "father unknown", "both parents unknown", "father unknown",
    ]  # fmt: skip
    belgian = kp.belgium.origin(people, "monitoring", **COLUMNS, unknown="belgian").to_frame()
    assert belgian["origin_group"].to_list() == people["statbel"].to_list()
    # a priority of one's own: the mother before the father
    mother = kp.belgium.origin(people, ["mother", "father", "own"], **COLUMNS).to_frame()
    turkish = people.filter((pl.col("father") == "MA") & (pl.col("mother") == "TR"))["pid"]
    assert mother.filter(pl.col("pid").is_in(turkish.implode()))["origin_group"].to_list() == ["TR"]
    birth = dt.date(1980, 5, 17)
    dated = people.with_columns(
        birth=pl.lit(birth),
        came=pl.Series(
            [None if age is None else dt.date(1980 + int(age), 5, 17) for age in people["age"]],
            dtype=pl.Date,
        ).fill_null(birth),
    )
    generation = kp.belgium.generation(
        dated, born="born", birth_date="birth", arrival="came", father="father", mother="mother",
        grandparents=["grand"],
    ).to_frame()  # fmt: skip
    assert generation["generation"].to_list() == people["generation"].to_list()
    one = generation.filter(pl.col("generation_reason").str.contains("2 or 2.5"))
    assert one["pid"].to_list() == [13, 14]


@pytest.fixture(scope="module")
def persons(clean: kp.synth.Registers) -> pl.DataFrame:
    now = clean["nationality_spells"].sort("from").group_by("pid").agg(now=pl.last("nat"))
    people = clean["persons"].join(clean["parents"], on="pid").join(now, on="pid")
    return people.with_columns(pl.col("origin", "generation").cast(pl.String))


ROOTS = {
    "born": "birth_country", "birth_date": "birth_date", "arrival": "first_reg_date",
    "father": "father_nat_first", "mother": "mother_nat_first",
}  # fmt: skip
GRAND = ["ff_nat_first", "fm_nat_first", "mf_nat_first", "mm_nat_first"]


def generations(persons: pl.DataFrame, **options: object) -> pl.DataFrame:
    found = kp.belgium.generation(persons, **ROOTS, **options).to_frame()
    return persons.join(
        found.select("pid", "arrival_age", "generation_reason", answer=pl.col("generation")),
        on="pid",
    )


@pytest.mark.parametrize("below", [6, 12, 18])
def test_g2_cut_offs(persons: pl.DataFrame, below: int) -> None:
    both = generations(persons, bands={"1.5": below})
    born = pl.col("birth_date").str.to_date()
    early = pl.col("first_reg_date").dt.strftime("%m%d") < born.dt.strftime("%m%d")
    years = pl.col("first_reg_date").dt.year() - born.dt.year() - early.cast(pl.Int32)
    both = both.with_columns(age=years)
    came = both.filter(pl.col("birth_country") != "150")
    assert came["answer"].to_list() == [
        "1.5" if age < below else "1" for age in came["age"].to_list()
    ]
    assert came["arrival_age"].to_list() == came["age"].to_list()
    assert (came["answer"] == "1.5").sum() > 50
    if below == 18:  # where the truth draws the line
        assert came["answer"].to_list() == came["generation"].to_list()
    rest = both.filter(pl.col("birth_country") == "150")
    assert not rest["answer"].is_in(["1", "1.5"]).any()


def test_g2_schooling(clean: kp.synth.Registers, persons: pl.DataFrame) -> None:
    """Evidence of schooling: a quarter as a child with child benefit in the registers."""
    child = clean["nomenc"].filter(pl.col("nomenc").cast(pl.String) == "370")["pid"].unique()
    people = persons.with_columns(here=pl.col("pid").is_in(child.implode()))
    both = generations(people, schooled="here", bands={"1.5": 18})
    came = both.filter(pl.col("generation") == "1.5")
    expected = came["here"].replace_strict({True: "1.5", False: "1"}, return_dtype=pl.String)
    assert came["answer"].to_list() == expected.to_list()
    assert 0 < came["here"].sum() < len(came)
    others = both.filter(pl.col("generation") != "1.5").drop_nulls("answer")
    plain = generations(persons, bands={"1.5": 18}).join(others.select("pid"), on="pid")
    assert others.sort("pid")["answer"].to_list() == plain.sort("pid")["answer"].to_list()


def test_g3_second_and_third(persons: pl.DataFrame) -> None:
    both = generations(persons, grandparents=GRAND)
    father, mother = pl.col("father_nat_first"), pl.col("mother_nat_first")
    known = both.drop_nulls("answer")
    truth = known["generation"].to_list()
    whole = [{"2.5": "2"}.get(answer, answer) for answer in known["answer"].to_list()]
    assert whole == truth
    # 2.5 where one parent is Belgian; where a parent is unknown and the other foreign, 2 or 2.5
    second = known.filter(pl.col("generation") == "2")
    half = second.select((father == "150") | (mother == "150")).to_series().fill_null(value=False)
    assert ((second["answer"] == "2.5") == half).all()
    missing = second.filter(pl.col("father_missing") + pl.col("mother_missing") == 1)
    assert len(missing) > 20
    assert missing["generation_reason"].str.contains("2 or 2.5").all()
    assert second.filter(pl.col("answer") == "2.5").height > 50
    # undetermined only where nothing but Belgian is known and a parent is not
    open_ones = both.filter(pl.col("answer").is_null())
    assert set(open_ones["generation"]) == {"0", "2"}
    assert (open_ones["father_missing"] + open_ones["mother_missing"] >= 1).all()
    # the third generation: persons of the truth's second as parents, their parents as grandparents
    parents = second.filter(pl.col("answer") == "2").head(200)
    children = pl.DataFrame(
        {
            "pid": np.arange(200), "birth_country": ["150"] * 200, "birth_date": ["2010-05-01"] * 200,
            "first_reg_date": [dt.date(2010, 5, 1)] * 200, "father_nat_first": ["150"] * 200,
            "mother_nat_first": ["150"] * 200, "ff_nat_first": parents["father_nat_first"],
            "fm_nat_first": parents["mother_nat_first"],
        }
    )  # fmt: skip
    third = kp.belgium.generation(children, **ROOTS, grandparents=GRAND[:2]).to_frame()
    assert set(third["generation"]) == {"3"}
    without = kp.belgium.generation(children, **ROOTS).to_frame()
    assert set(without["generation"]) == {"0"}


def test_g5_families(clean: kp.synth.Registers) -> None:
    year = clean["households"].filter(pl.col("year").cast(pl.String) == "2010")
    origin = clean["persons"].select("pid", origin_group=pl.col("origin").cast(pl.String))
    home = year.join(origin, on="pid").with_columns(pl.col("lipro").cast(pl.String))
    parents = home.filter(pl.col("lipro").is_in(["MAR+", "UNM+", "H1PA"])).with_columns(
        far=pl.col("origin_group").is_in(["TR", "MA", "nonEU"])
    )
    twin = parents.group_by("ref_pid").agg(any=pl.col("far").any(), all=pl.col("far").all())
    for rule in ("any", "all"):
        found = kp.belgium.family_origin(home, rule=rule).to_frame()
        both = found.join(twin, on="ref_pid")
        assert len(both) == len(twin)
        assert (both["family_foreign"] == both[rule].cast(pl.Int64)).all()
        rest = found.filter(pl.col("family_foreign").is_null())
        assert set(rest["family_reason"]) <= {"no parent figure"}
    reference = kp.belgium.family_origin(home, rule="reference").to_frame()
    head = home.filter(pl.col("pid") == pl.col("ref_pid"))
    own = reference.join(head.select("ref_pid", "origin_group"), on="ref_pid")
    far = own["origin_group"].is_in(["TR", "MA", "nonEU"]).cast(pl.Int64)
    assert (own["family_foreign"] == far).all()

    # parent figures and parents by filiation: who is a parent in the persons file and lives there
    kids = (
        home.filter(pl.col("lipro").is_in(["CMAR", "CUNM", "C1PA"]))
        .join(clean["persons"].select("pid", "father_pid", "mother_pid"), on="pid")
        .drop("pid")
    )
    named = kids.unpivot(on=["father_pid", "mother_pid"], index="ref_pid", value_name="pid")
    by_filiation = named.drop_nulls("pid").select("ref_pid", "pid").unique()
    there = by_filiation.join(home.select("ref_pid", "pid", "lipro"), on=["ref_pid", "pid"])
    assert len(there) > 500
    assert set(there["lipro"]) == {"MAR+", "UNM+", "H1PA"}
    filed = there.join(origin, on="pid").group_by("ref_pid").agg(
        any=pl.col("origin_group").is_in(["TR", "MA", "nonEU"]).any()
    )  # fmt: skip
    both = kp.belgium.family_origin(home, rule="any").to_frame().join(filed, on="ref_pid")
    assert (both["family_foreign"] == both["any"].cast(pl.Int64)).all()


def test_g5_unknown_parents() -> None:
    home = {
        "ref_pid": [1, 1, 4, 4, 6], "pid": [1, 2, 4, 5, 6],
        "lipro": ["MAR+", "MAR+", "UNM+", "UNM+", "SING"],
        "origin_group": ["BE", None, "MA", None, "BE"],
    }  # fmt: skip
    answers = {
        rule: [None if own is None or own != own else int(own) for own in np.asarray(
            kp.belgium.family_origin(home, rule=rule).to_frame()["family_foreign"], dtype=object
        )]
        for rule in ("any", "all")
    }  # fmt: skip
    assert answers == {"any": [None, 1, None], "all": [0, None, None]}
