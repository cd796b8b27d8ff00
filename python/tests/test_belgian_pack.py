"""The Belgian pack, item by item: traps, code lists, numbers and constructs worked by hand."""

from __future__ import annotations

import datetime as dt
import pickle

import numpy as np
import polars as pl
import pytest

import kruispunt as kp
from kruispunt.exceptions import InputError

CAL = kp.Calendar.quarters("2012Q1", "2013Q2")


def found(registers: dict[str, pl.DataFrame]) -> dict[str, tuple[str, int, int]]:
    rows = kp.belgium.checks(registers).select("check", "status", "rows", "of").rows()
    return {name: (status, n, of) for name, status, n, of in rows}


def test_every_switch_has_a_check_of_its_name_that_fires() -> None:
    names = set(kp.synth.imperfections())
    faulty = kp.synth.registers("test", seed=2, backend="polars", progress=False)
    clean = kp.synth.registers(
        "test", seed=2, imperfections=[], backend="polars", progress=False
    )  # fmt: skip
    for registers, status in ((faulty, "found"), (clean, "clean")):
        said = found({name: registers[name] for name in registers})
        assert names <= set(said)
        assert {said[name][0] for name in names} == {status}
        if status == "found":
            assert all(0 < said[name][1] <= said[name][2] for name in names)


def test_traps_that_no_switch_makes_are_found_in_deliveries_made_by_hand() -> None:
    quarters = [f"{year}Q{q}" for year in range(2010, 2013) for q in range(1, 5)]
    positions = pl.DataFrame(
        [(quarter, pid, "111") for quarter in quarters for pid in range(8)],
        schema=["quarter", "pid", "nomenc"], orient="row",
    )  # fmt: skip
    whole = found({"nomenc": positions})
    assert whole["coverage_hole"] == ("clean", 0, 12)
    assert whole["nomenclature_2003"][0] == "clean"
    gone = positions.filter(pl.col("quarter") != "2011Q2")
    assert found({"nomenc": gone})["coverage_hole"] == ("found", 1, 12)
    few = positions.filter((pl.col("quarter") != "2011Q2") | (pl.col("pid") < 3))
    assert found({"nomenc": few})["coverage_hole"] == ("found", 1, 12)
    early = positions.with_columns(quarter=pl.col("quarter").str.replace("2010", "2002"))
    assert found({"nomenc": early})["nomenclature_2003"] == ("found", 32, 96)
    deaths = pl.DataFrame({"pid": [1, 1, 2], "death_date": [
        dt.date(2012, 2, 1), dt.date(2012, 8, 1), dt.date(2013, 1, 1)]})  # fmt: skip
    said = found({"nomenc": positions, "deaths": deaths})
    assert said["life_after_death"] == ("found", 3, 96)
    assert said["double_death"] == ("found", 1, 2)
    lines = pl.DataFrame({"quarter": ["2016Q4", "2017Q1", "2017Q2"], "pid": [1, 1, 2]})
    assert found({"dmfa_jobs": lines})["dibiss_break_2017"] == ("found", 2, 3)
    assert found({"dmfa_jobs": lines[:1]})["dibiss_break_2017"][0] == "clean"
    years = [2006, 2007, 2008] * 2 + [2010, 2011, 2012] * 2
    stays = pl.DataFrame({"pid": range(12), "from": [dt.date(year, 1, 1) for year in years],
                          "nis5": ["11002"] * 12,
                          "stat_sec": [f"11002{s}01-" for s in "AAABBBCCCDDD"]})  # fmt: skip
    assert found({"residence_spells": stays})["statsec_recode_2009"] == ("found", 6, 12)
    same = stays.with_columns(stat_sec=pl.Series([f"11002{s}01-" for s in "AABBAABBABAB"]))
    assert found({"residence_spells": same})["statsec_recode_2009"][0] == "clean"
    assert found({"residence_spells": stays[6:]})["statsec_recode_2009"][0] == "clean"
    places = stays.with_columns(nis5=pl.Series(["44084"] * 2 + ["11002"] * 9 + ["99999"]))
    assert found({"residence_spells": places})["nis_recode"] == ("found", 2, 12)
    listed = {"residence_spells": places, "municipalities": pl.DataFrame({"nis5": ["11002"]})}
    assert found(listed)["nis_recode"] == ("found", 3, 12)
    later = places.with_columns(pl.col("from").dt.offset_by("20y"))
    assert found({"residence_spells": later})["nis_recode"][0] == "clean"


def test_annual_attributes_lag_behind_moves_within_the_year() -> None:
    """A snapshot of 31 December on quarters: the place is a year old at most, and said to be."""
    moves = kp.Spells(
        {"pid": [1, 1], "from": ["2011-01-01", "2012-05-10"], "to": ["2012-05-09", None],
         "nis": ["11002", "44021"]}, person="pid", start="from", end="to",
    )  # fmt: skip
    snapshot = kp.Spells(
        {"pid": [1] * 2, "day": ["2011-12-31", "2012-12-31"], "nis": ["11002", "44021"]},
        person="pid", day="day", name="snapshot",
    )  # fmt: skip
    panel = kp.Panel({"pid": [1] * 6, "q": CAL.labels}, person="pid", period="q")
    true = panel.as_of(moves)["nis"]
    seen = panel.as_of(snapshot, tolerance=275)
    assert true.tolist() == ["11002"] + ["44021"] * 5
    assert seen["nis"].tolist() == ["11002"] * 3 + ["44021"] * 3
    assert "from spells that ended before" in seen.account.steps[-1].notes[-1]


def test_code_lists_have_their_dates() -> None:
    names = ["asylum_access", "countries", "it202", "lipro", "nis_changes", "nomenclature",
             "permit_articles"]  # fmt: skip
    lists = {name: kp.belgium.codes(name, pl.DataFrame()) for name in names}
    for name, frame in lists.items():
        assert len(frame) > 0, name
        assert frame[frame.columns[0]].is_unique().all(), name
        if name != "countries":
            assert set(frame["certainty"]) <= {"read", "unchecked", "synthetic"}, name
    for name in ("asylum_access", "nomenclature"):
        assert lists[name].schema["from"] == pl.Date
        assert (lists[name]["from"] <= lists[name]["to"]).drop_nulls().all()
    assert len(lists["lipro"]) == 12
    assert lists["it202"]["code"].to_list() == [str(code) for code in range(1, 9)]
    with pytest.raises(InputError, match='"asylum_access", "countries"'):
        kp.belgium.codes("nis")
    # the rule of access is the list: read back, it gives the same days
    claims = np.arange("2005-01-01", "2018-01-01", 31, dtype="datetime64[D]")
    rules = lists["asylum_access"].with_columns(pl.col("months").cast(pl.Int64))
    own = kp.belgium.asylum_access(claims, rules)
    np.testing.assert_array_equal(own, kp.belgium.asylum_access(claims))


def test_municipalities_of_2019_are_followed() -> None:
    changes = kp.belgium.codes("nis_changes", pl.DataFrame())
    assert len(changes) == 26
    homes = pl.DataFrame({"pid": np.arange(27), "nis": [*changes["code"], "11002"]}).with_columns(
        start=dt.date(2018, 1, 1), end=dt.date(2019, 12, 31)
    )
    spells = kp.Spells(homes, person="pid", start="start", end="end")
    walk = kp.belgium.nis_crosswalk(pl.DataFrame())
    moved = spells.crosswalk(
        "nis", walk, code="code", to="to", valid_from="valid_from", valid_to="valid_to",
        on_unknown="keep",
    )  # fmt: skip
    years = kp.Calendar.years(2018, 2019)
    panel = moved.resolve([]).to_panel(years, state=None, days=True).as_of(moved, "nis").to_frame()
    before = panel.filter(pl.col("year").cast(pl.String) == "2018").sort("pid")["nis"].to_list()
    after = panel.filter(pl.col("year").cast(pl.String) == "2019").sort("pid")["nis"].to_list()
    assert before == [*changes["code"], "11002"]
    assert after == [*changes["new_code"], "11002"]


def test_the_calendar_has_the_dates_designs_need() -> None:
    events = {event["date"]: event for event in kp.belgium.calendar()}
    for day, kind in (("2015-11-09", "policy"), ("2016-02-29", "policy"), ("2017-01-01", "register"),
                      ("2011-01-01", "register"), ("2019-01-01", None)):  # fmt: skip
        assert day in events, day
        assert kind is None or events[day]["kind"] == kind


def slip(number: str, rng: np.random.Generator) -> str:
    digits = list(number)
    at = int(rng.integers(0, 10))
    if rng.random() < 0.5:
        digits[at], digits[at + 1] = digits[at + 1], digits[at]
    else:
        digits[at] = str((int(digits[at]) + int(rng.integers(1, 10))) % 10)
    return "".join(digits)


def test_numbers_are_read_checked_and_repaired() -> None:
    reg = kp.synth.registers(
        "test", seed=4, imperfections=["bis_to_nr"], backend="polars", progress=False
    )
    people = reg["identities"].with_columns(pl.col("sex").cast(pl.String))
    read = kp.belgium.insz.read(people, birth_date="birth_date", sex="sex")
    frame = read.to_frame()
    assert set(frame["insz_quality"]) == {"valid"}
    assert frame["insz"].to_list() == people["insz"].to_list()
    assert frame["insz_birth_date"].cast(pl.String).to_list() == people["birth_date"].to_list()
    assert frame["insz_sex"].to_list() == people["sex"].replace({"1": "M", "2": "F"}).to_list()
    assert pickle.loads(pickle.dumps(read)).account == read.account
    (step,) = read.account.steps
    assert list(step.notes) == [f"valid {len(people)}"]
    # slips: what is repaired is right, always; most are
    rng = np.random.default_rng(4)
    wrong = people.with_columns(wrong=pl.Series([slip(own, rng) for own in people["insz"]]))
    mended = kp.belgium.insz.read(wrong, "wrong", birth_date="birth_date", sex="sex").to_frame()
    both = mended.with_columns(truth=people["insz"])
    sure = both.filter(pl.col("insz_quality").is_in(["digit repaired", "digits swapped", "valid"]))
    assert (sure["insz"] == sure["truth"]).all()
    assert len(sure) > 0.75 * len(people)
    assert set(both["insz_quality"]) - set(sure["insz_quality"]) <= {
        "ambiguous", "other birth date", "other sex"
    }  # fmt: skip
    # without a birth date nothing is guessed
    blind = kp.belgium.insz.read(wrong.filter(wrong["wrong"] != wrong["insz"]), "wrong").to_frame()
    assert set(blind["insz_quality"]) <= {"invalid", "valid"}
    assert (blind["insz_quality"] == "valid").mean() < 0.01
    # zeros that a spreadsheet took off
    young = people.filter(pl.col("insz").str.starts_with("0")).with_columns(
        short=pl.col("insz").cast(pl.Int64)
    )
    back = kp.belgium.insz.read(young, "short", birth_date="birth_date").to_frame()
    assert set(back["insz_quality"]) == {"zeros lost"}
    assert back["insz"].to_list() == young["insz"].to_list()
    with pytest.raises(InputError, match="birth_date"):
        kp.belgium.insz.read(people.with_columns(born=1.5), birth_date="born")
    with pytest.raises(InputError, match='"number"'):
        kp.belgium.insz.read(people, "number")


def test_stable_employment_leaves_trainees_and_students_out() -> None:
    rows = pl.DataFrame(
        {
            "pid": [1] * 6 + [2] * 5,
            "q": [*CAL.labels, *CAL.labels[:2], *CAL.labels[3:]],
            "work": [1] * 11,
            "days": [65, 65, 12, 65, 65, 65, 65, 65, 65, 65, 65],
            "trainee": [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0],
            "student": [0] * 10 + [1],
        }
    )
    panel = kp.Panel(rows, person="pid", period="q")

    def stable(**options: object) -> list[int]:
        made = kp.belgium.stable_employment(panel, "work", **options)  # type: ignore[arg-type]
        return made["stable"].astype(int).tolist()

    # the second person has no row in the third quarter: a gap breaks a run
    assert stable(quarters=3) == [1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1]
    assert stable(quarters=3, exclude="trainee") == [1, 1, 1, 1, 1, 0, 0, 0, 1, 1, 1]
    assert stable(quarters=3, exclude=["trainee", "student"]) == [1, 1, 1, 1, 1, 0] + [0] * 5
    assert stable(quarters=2, days=("days", 30)) == [1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1]
    assert stable(quarters=3, days=("days", 30)) == [0, 0, 0, 1, 1, 1, 0, 0, 1, 1, 1]
    censored = kp.belgium.stable_employment(panel, "work", quarters=3, days=("days", 30))
    assert censored["stable_censored"].tolist() == [True, True, False, False, False, False, True,
                                                    True, False, False, False]  # fmt: skip
    assert censored["stable_run"].tolist() == [1, 2, 0, 1, 2, 3, 1, 2, 1, 2, 3]


def test_leave_counts_days_with_the_present_employer() -> None:
    jobs = pl.DataFrame(
        [
            (1, dt.date(2011, 1, 1), dt.date(2012, 6, 30), 10),
            (1, dt.date(2012, 7, 1), None, 11),
            (2, dt.date(2011, 9, 1), dt.date(2012, 3, 31), 10),
            (2, dt.date(2012, 5, 1), dt.date(2013, 6, 30), 10),
        ],
        schema=["pid", "from", "to", "employer"], orient="row",
    )  # fmt: skip
    panel = kp.Panel({"pid": [1] * 6 + [2] * 6, "q": CAL.labels * 2}, person="pid", period="q")
    made = kp.belgium.leave_eligibility(
        panel, kp.Spells(jobs, person="pid", start="from", end="to"), days=365, months=15
    ).to_frame()
    ends = [dt.date(2012, 3, 31), dt.date(2012, 6, 30), dt.date(2012, 9, 30), dt.date(2012, 12, 31),
            dt.date(2013, 3, 31), dt.date(2013, 6, 30)]  # fmt: skip
    begins = [dt.date(2011, 1, 1), dt.date(2011, 4, 1), dt.date(2011, 7, 1), dt.date(2011, 10, 1),
              dt.date(2012, 1, 1), dt.date(2012, 4, 1)]  # fmt: skip
    expected: list[int] = []
    for pid in (1, 2):
        own = jobs.filter(pl.col("pid") == pid).rows()
        for begin, end in zip(begins, ends, strict=True):
            now = [row for row in own if row[1] <= end <= (row[2] or end)]
            employer = now[0][3] if now else None
            days = [
                (min(row[2] or end, end) - max(row[1], begin)).days + 1
                for row in own if row[3] == employer
            ]  # fmt: skip
            expected.append(sum(own_days for own_days in days if own_days > 0))
    assert np.nan_to_num(made["leave_days"]).tolist() == expected
    assert made["leave"].tolist() == [days >= 365 for days in expected]
    assert expected[:2] == [456, 457]
    with pytest.raises(InputError, match="months"):
        kp.belgium.leave_eligibility(
            panel, kp.Spells(jobs, person="pid", start="from", end="to"), months=0
        )


def test_programme_paths_by_hand() -> None:
    """Integration, then the employment service, then training, then a job."""
    days = {
        "integration": [(1, "2012-01-09"), (2, "2012-01-09"), (3, "2012-05-01"), (5, "2012-01-01")],
        "service": [(1, "2012-03-01"), (1, "2012-02-01"), (2, "2012-03-01"), (3, "2012-04-01"),
                    (5, "2012-01-01")],
        "training": [(1, "2012-06-01"), (4, "2012-06-01")],
        "job": [(1, "2012-09-01"), (2, "2012-09-01"), (4, "2012-01-01")],
    }  # fmt: skip
    stages = {
        name: kp.Spells(
            pl.DataFrame(rows, schema=["pid", "day"], orient="row"),
            person="pid",
            day="day",
            name=name,
        )
        for name, rows in days.items()
    }
    frame = kp.belgium.programme_paths(stages).to_frame().sort("pid")
    assert frame["path"].to_list() == [
        "integration > service > training > job", "integration > service > job",
        "service > integration", "job > training", "integration > service",
    ]  # fmt: skip
    assert frame["reached"].cast(pl.String).to_list() == [
        "job", "service", "integration", None, "service"
    ]  # fmt: skip
    assert frame["in_order"].to_list() == [True, True, False, False, True]
    assert str(frame["first_service"][0]) == "2012-02-01"
    assert frame["first_training"].null_count() == 3


def test_identifiers_are_resolved_with_an_account() -> None:
    reg = kp.synth.registers(
        "test", seed=3, imperfections=["bis_to_nr"], backend="polars", progress=False
    )
    history = reg["insz_history"]
    resolved = kp.belgium.identifiers(history)
    frame = resolved.to_frame()
    assert set(frame["identifier_reason"]) == {"replaced", "current"}
    replaced = frame.filter(pl.col("identifier_reason") == "replaced")
    both = history.join(replaced, left_on="old_insz", right_on="identifier")
    assert len(both) == history["old_insz"].n_unique()
    assert (both["person"] == both["new_insz"]).all()
    # a few national numbers are replaced too
    assert replaced["identifier_kind"].str.starts_with("bis").mean() > 0.9
    known = reg["identities"]["insz"]
    assert replaced["person"].is_in(known.implode()).mean() > 0.99
    (step,) = resolved.account.steps
    assert step.before.rows == len(history)
    assert step.after.rows == len(frame)
    assert step.after.persons == replaced["person"].n_unique()
    odd = kp.belgium.identifiers(
        {"old_insz": ["a", "b", "c", "d", "d"], "new_insz": ["b", "a", None, "x", "y"]}
    ).to_frame()
    reasons = dict(zip(odd["identifier"], odd["identifier_reason"], strict=True))
    assert reasons["a"] == reasons["b"] == "goes round"
    assert reasons["c"] == "cancelled"
    assert reasons["d"] == "replaced by two numbers"
    assert reasons["x"] == "current"
