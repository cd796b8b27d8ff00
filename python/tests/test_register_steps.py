"""From deliveries to estimates in thirteen steps, on spells whose every number is worked by hand.

The steps are those of preparations of labour-market biographies (Dauth and Eppelsheimer's of the
German sample, careers from the Belgian warehouse).

====  =====================================================================  ======================
step  what                                                                   test
====  =====================================================================  ======================
1     check a delivery: inverted, outside, overlap, gap, duplicate           test_01_check
2     codes with dates of validity, registers in one stack                   test_02_stack
3     cut at year ends, one-off pay, deflate                                 test_03_pay
4     biographies: jobs by a gap that depends on how the last one ended,     test_04_biography
      first day, days so far, spells so far
5     parallel spells: counted, summed, the main one by a declared order     test_05_parallel
6     gaps bridged, ends at death and emigration                             test_06_eras
7     quarters: state on the last day, days, pay, dominant state, reasons    test_07_quarters
8     what changes over time: place, its unemployment, household, lags       test_08_attach
9     cohort, event time, dose, never and not yet, risk sets                 test_09_treatment
10    origin and generation                                                  test_10_origin
11    patterns, transitions, flows, balance, time to a first (stable) job,   test_11_describe
      small cells
12    sequences, distances, types, membership                                test_12_sequences
13    estimates and the flow diagram                                         test_13_estimate
====  =====================================================================  ======================

Left to the user: the imputation of wages censored at a ceiling.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl
import pytest

import kruispunt as kp

CAL = kp.Calendar.quarters("2012Q1", "2013Q4")
YEARS = kp.Calendar.years(2012, 2013)
# 100 a day but for the second employer of person 1, who pays 150
JOBS = pl.DataFrame(
    [
        (1, "2012-01-01", "2012-03-31", 10, 9_100.0, "5212", 92),
        (1, "2012-05-11", "2012-12-31", 10, 23_500.0, "4711", 366),
        (1, "2012-06-01", "2012-08-31", 11, 13_800.0, "4711", 366),
        (1, "2012-06-01", "2012-08-31", 11, 13_800.0, "4711", 366),
        (2, "2012-07-01", "2013-12-31", 12, 54_900.0, "8411", 366),
        (3, "2012-10-01", "2013-02-28", 10, 15_100.0, "4711", 366),
        (4, "2012-03-01", "2012-02-01", 13, 100.0, "4711", 366),
        (4, "2011-06-01", "2012-02-15", 13, 26_000.0, "5212", 366),
        (4, "2010-01-01", "2010-06-30", 13, 18_100.0, "5212", 366),
    ],
    schema=["pid", "from", "to", "employer", "pay", "nace", "notified"],
    orient="row",
)
# 40 a day
BENEFITS = pl.DataFrame(
    [
        (1, "2012-04-05", "2012-05-05", 1_240.0),
        (2, "2012-01-01", "2012-03-10", 2_800.0),
        (2, "2012-03-15", "2012-06-30", 4_320.0),
    ],
    schema=["pid", "from", "to", "pay"],
    orient="row",
)
HOMES = pl.DataFrame(
    [
        (1, "1985-02-02", "2012-08-09", "11002"),
        (1, "2012-08-10", None, "44021"),
        (2, "1960-01-01", "2013-05-15", "11002"),
        (3, "2012-08-20", "2013-02-28", "44021"),
        (3, "2013-08-01", None, "44021"),
        (4, "1990-07-07", None, "11002"),
    ],
    schema=["pid", "from", "to", "nis"],
    orient="row",
)
DEATHS = {"pid": [2, 2], "day": ["2013-05-20", "2013-05-15"]}


def spells(frame: Any, name: str, **options: Any) -> kp.Spells:
    return kp.Spells(frame, person="pid", start="from", end="to", name=name, **options)


def jobs() -> kp.Spells:
    return spells(JOBS.unique(maintain_order=True), "work", on_inverted="drop").clip(CAL)


def stacked() -> kp.Spells:
    """Work and benefits in one, work first; each spell with its pay a day; ended by death."""
    both = kp.Spells.stack([jobs(), spells(BENEFITS, "benefit")])
    frame = both.to_frame()
    days = (frame["to"] - frame["from"]).dt.total_days() + 1
    rate = frame["pay"] / days
    # spells that were clipped have the pay of all their days
    rate = pl.Series([100.0 if own > 150 else own for own in rate.round(6)])
    frame = frame.with_columns(rate=rate, pay=rate * days, state=pl.col("source").cast(pl.String))
    return spells(frame, "stack", state="state").censor(DEATHS, day="day", reason="death")


def events(rows: dict[str, Any], name: str) -> kp.Spells:
    return kp.Spells(rows, person="pid", day="day", name=name)


def quarterly() -> kp.Panel:
    return (
        stacked()
        .resolve(["source", "-rate"])
        .to_panel(
            CAL, state="last_day", values=["employer"], days_by_state=True, sum="pay",
            dominant=True, balance="full", presence=spells(HOMES, "homes"),
            arrived=events({"pid": [3], "day": ["2012-08-20"]}, "arrivals"),
            died=events(DEATHS, "deaths"),
        )
    )  # fmt: skip


def of(panel: kp.Panel, person: int, name: str) -> list[Any]:
    """A column of a person's rows, missing as None."""
    rows = panel.to_frame().filter(pl.col("pid") == person).sort("quarter")
    own = rows[name]
    return (own.cast(pl.String) if own.dtype == pl.Categorical else own).to_list()


def test_01_check() -> None:
    delivery = spells(JOBS, "work", on_inverted="drop")
    found = delivery.check(CAL)
    counts = dict(found.select("finding", "spells").iter_rows())
    assert counts["inverted"] == 1
    assert counts["outside"] == 2
    assert counts["duplicate"] == 1
    assert counts["overlap"] == 2
    assert counts["gap"] == 2
    assert counts["open"] == counts["empty"] == 0
    rows = dict(found.select("finding", "first_rows").iter_rows())
    assert str(6) in str(rows["inverted"])
    (step,) = delivery.account.steps
    assert (step.before.rows, step.after.rows, step.after.persons) == (9, 8, 4)
    with pytest.raises(kp.exceptions.InputError, match="row 6 ends before it starts"):
        spells(JOBS, "work")
    clipped = jobs()
    assert [reason.count.rows for reason in clipped.account.steps[-1].excluded] == [1]
    assert len(clipped) == 6


def test_02_stack() -> None:
    lines = {
        "old": ["5212", "5212", "4711", "8411"],
        "new": ["5212", "4711", "4711", "8411"],
        "first": [None, "2012-03-01", None, None],
        "last": ["2012-02-29", None, None, None],
    }
    recoded = jobs().crosswalk(
        "nace", lines, code="old", to="new", valid_from="first", valid_to="last"
    )
    frame = recoded.to_frame().filter(pl.col("pid").is_in([1, 4]))
    assert frame.select(pl.col("from", "to").cast(pl.String), "nace").rows() == [
        ("2012-01-01", "2012-02-29", "5212"),
        ("2012-03-01", "2012-03-31", "4711"),
        ("2012-05-11", "2012-12-31", "4711"),
        ("2012-06-01", "2012-08-31", "4711"),
        ("2012-01-01", "2012-02-15", "5212"),
    ]
    # the pay of the spell that was cut is shared out by days
    first = recoded.to_panel(kp.Calendar.months("2012-02", "2012-03"), sum="pay", balance="none")
    assert of_month(first, 1) == [2_900.0, 3_100.0]
    both = kp.Spells.stack([recoded, spells(BENEFITS, "benefit")])
    sizes = dict(both.to_frame()["source"].cast(pl.String).value_counts().iter_rows())
    assert sizes == {"work": 7, "benefit": 3}
    assert both.to_frame().filter(pl.col("source").cast(pl.String) == "benefit")[
        "employer"
    ].null_count() == 3  # fmt: skip


def of_month(panel: kp.Panel, person: int) -> list[float]:
    frame = panel.to_frame().filter(pl.col("pid") == person)
    return frame["pay"].to_list()


def test_03_pay() -> None:
    cut = jobs().cut(YEARS)
    second = cut.to_frame().filter(pl.col("pid") == 2).select(pl.col("from", "to").cast(pl.String))
    assert second.rows() == [("2012-07-01", "2012-12-31"), ("2013-01-01", "2013-12-31")]
    # a year-end bonus goes to the job of the same employer on whose day it falls
    bonus = spells(
        {"pid": [1], "from": ["2012-12-31"], "to": ["2012-12-31"], "employer": [10],
         "pay": [2_350.0]}, "bonus",
    )  # fmt: skip
    whole = kp.Spells.stack([jobs(), bonus]).merge(gap=0, by="employer", sum="pay")
    own = whole.to_frame().filter((pl.col("pid") == 1) & (pl.col("employer") == 10))
    assert own["pay"].to_list() == [9_100.0, 25_850.0]
    assert len(whole) == len(jobs())
    panel = whole.cut(YEARS).to_panel(CAL, sum="pay", balance="none")
    # 51 days of 110 and 30 of 150 in the second quarter
    assert of(panel, 1, "pay")[1] == pytest.approx(51 * 110 + 30 * 150)
    assert of(panel, 2, "pay") == pytest.approx([9_200, 9_200, 9_000, 9_100, 9_200, 9_200])
    # prices of 2012Q1
    index = {label: 1.01**q for q, label in enumerate(CAL.labels)}
    quarters = panel["quarter"].astype(str)
    real = panel.with_column("real", panel["pay"] / np.array([index[q] for q in quarters]))
    assert of(real, 2, "real") == pytest.approx(
        [pay / 1.01**q for q, pay in enumerate(of(panel, 2, "pay"), start=2)]
    )


def test_04_biography() -> None:
    work = jobs()
    careers = work.merge(gap="notified", by="employer")
    own = careers.to_frame().select("pid", pl.col("from", "to").cast(pl.String), "employer")
    assert own.filter(pl.col("pid") == 1).rows() == [
        (1, "2012-01-01", "2012-12-31", 10), (1, "2012-06-01", "2012-08-31", 11),
    ]  # fmt: skip
    # without notice of the end the same gap of forty days makes two jobs
    assert len(work.merge(gap=39, by="employer")) == len(careers) + 1
    panel = (
        quarterly().attach(careers, "cumulative", name="jobs").attach(work, "since", name="since")
    )
    panel = panel.attach(work, "days", name="worked").cumulate("worked")
    assert of(panel, 1, "jobs") == [1, 2, 2, 2, 2, 2, 2, 2]
    assert of(panel, 1, "worked_cumulated") == [91, 142, 234, 326, 326, 326, 326, 326]
    assert of(panel, 3, "since") == [None, None, None, 0, 1, 2, 3, 4]
    # tenure with the present employer on the last day of the quarter, within fifteen months
    tenure = kp.belgium.leave_eligibility(quarterly(), work)
    assert of(tenure, 2, "leave_days")[2:6] == [92, 184, 274, 365]
    assert of(tenure, 2, "leave")[2:6] == [False, False, False, True]
    first = work.to_frame().group_by("pid").agg(pl.col("from").min()).sort("pid")
    assert [str(day) for day in first["from"]] == [
        "2012-01-01", "2012-07-01", "2012-10-01", "2012-01-01",
    ]  # fmt: skip


def test_05_parallel() -> None:
    both = stacked()
    episodes = both.episodes(
        count=True, sum="rate", max="rate", top=["employer", "state"], order=["source", "-rate"]
    ).to_frame()
    own = episodes.filter(pl.col("pid") == 1).select(
        pl.col("from", "to").cast(pl.String), "count", "rate_sum", "employer_top",
        pl.col("state_top").cast(pl.String),
    )  # fmt: skip
    assert own.rows() == [
        ("2012-01-01", "2012-03-31", 1, 100.0, 10, "work"),
        ("2012-04-05", "2012-05-05", 1, 40.0, None, "benefit"),
        ("2012-05-11", "2012-05-31", 1, 100.0, 10, "work"),
        ("2012-06-01", "2012-08-31", 2, 250.0, 11, "work"),
        ("2012-09-01", "2012-12-31", 1, 100.0, 10, "work"),
    ]
    main = both.resolve(["source", "-rate"])
    (step,) = [own for own in main.account.steps if own.verb == "resolve"]
    assert sum(tie.met for tie in step.ties) == 0
    assert main.to_frame().filter(pl.col("pid") == 1)["employer"].to_list() == [
        10,
        None,
        10,
        11,
        10,
    ]


def test_06_eras() -> None:
    benefit = spells(BENEFITS, "benefit")
    assert len(benefit.merge(gap=3)) == 3
    era = benefit.merge(gap=10, sum="pay").to_frame().filter(pl.col("pid") == 2)
    assert era.select(pl.col("from", "to").cast(pl.String), "pay").rows() == [
        ("2012-01-01", "2012-06-30", 7_120.0)
    ]
    ended = stacked().to_frame().filter((pl.col("pid") == 2) & (pl.col("employer") == 12))
    assert [str(day) for day in ended["to"]] == ["2013-05-15"]
    # emigration ends what goes on: the stay abroad is what residence leaves over
    gone = {"pid": [3], "left": ["2013-01-31"]}
    abroad = jobs().censor(gone, day="left", reason="emigration")
    own = abroad.to_frame().filter(pl.col("pid") == 3)
    assert [str(day) for day in own["to"]] == ["2013-01-31"]
    away = spells(HOMES, "homes").complement(CAL).to_frame().filter(pl.col("pid") == 3)
    assert away.select(pl.col("from", "to").cast(pl.String)).rows() == [
        ("2012-01-01", "2012-08-19"), ("2013-03-01", "2013-07-31"),
    ]  # fmt: skip


def test_07_quarters() -> None:
    panel = quarterly()
    assert of(panel, 1, "state") == ["work"] * 4 + [None] * 4
    assert of(panel, 1, "days_work") == [91, 51, 92, 92, 0, 0, 0, 0]
    assert of(panel, 1, "days_benefit") == [0, 31, 0, 0, 0, 0, 0, 0]
    assert of(panel, 1, "pay")[:4] == pytest.approx([9_100, 1_240 + 2_100 + 4_500, 12_300, 9_200])
    assert of(panel, 1, "employer")[:4] == [10, 11, 10, 10]
    assert of(panel, 1, "reason") == [None] * 4 + ["after exit"] * 4
    assert of(panel, 2, "state") == ["benefit"] * 2 + ["work"] * 3 + [None] * 3
    assert of(panel, 2, "dominant") == ["benefit"] * 2 + ["work"] * 4 + [None] * 2
    assert of(panel, 2, "days_benefit")[:2] == [87, 91]
    assert of(panel, 2, "days_work") == [0, 0, 92, 92, 90, 45, 0, 0]
    assert of(panel, 2, "pay")[:6] == pytest.approx([3_480, 3_640, 9_200, 9_200, 9_000, 4_500])
    assert of(panel, 2, "reason") == [None] * 6 + ["dead"] * 2
    assert of(panel, 3, "reason") == [
        "not arrived", "not arrived", "before entry", None, None, "not resident", "after exit",
        "after exit",
    ]  # fmt: skip
    assert of(panel, 3, "days_work")[3:5] == [92, 59]
    assert of(panel, 4, "days_work")[0] == 46
    assert of(panel, 4, "reason") == [None] + ["after exit"] * 7


def test_08_attach() -> None:
    panel = (
        quarterly().as_of(spells(HOMES, "homes"), "nis").lag("days_work", 1).lead("days_work", 4)
    )
    assert of(panel, 1, "nis") == ["11002", "11002"] + ["44021"] * 6
    assert of(panel, 3, "nis") == [None, None, "44021", "44021", None, None, "44021", "44021"]
    assert of(panel, 1, "days_work_lag1") == [None, 91, 51, 92, 92, 0, 0, 0]
    assert of(panel, 2, "days_work_lead4") == [90, 45, 0, 0, None, None, None, None]
    # by period, never by row: without the second quarter the third has no lag of one
    short = quarterly().filter(quarterly()["quarter"].astype(str) != "2012Q2").lag("days_work", 1)
    assert of(short, 1, "days_work_lag1")[:3] == [None, None, 92]
    # the rate of the place and the quarter
    rates = {("11002", "2012Q1"): 0.10, ("11002", "2012Q2"): 0.11, ("44021", "2012Q3"): 0.07}
    where = zip(panel["nis"], panel["quarter"].astype(str), strict=True)
    panel = panel.with_column("rate", np.array([rates.get(cell, math.nan) for cell in where]))
    assert of(panel, 1, "rate")[:4] == [0.10, 0.11, 0.07, None]
    # the household of 31 December, on all quarters of the year before and after it
    lipro = events({"pid": [1, 1], "day": ["2011-12-31", "2012-12-31"], "lipro": ["SING", "MAR0"]},
                   "households")  # fmt: skip
    known = quarterly().as_of(lipro, "lipro", tolerance=183)
    assert of(known, 1, "lipro")[:6] == ["SING", "SING", "MAR0", "MAR0", "MAR0", "MAR0"]


def courses() -> kp.Spells:
    return spells(
        {"pid": [1, 3], "from": ["2012-04-10", "2013-08-15"], "to": ["2012-04-30", "2013-09-13"]},
        "course",
    )


def test_09_treatment() -> None:
    panel = quarterly().treatment(courses()).dose(courses()).event_time(courses())
    panel = panel.with_column("seeking", (panel["days_benefit"] > 0).astype(int))
    panel = panel.risk_set("seeking", courses())
    assert of(panel, 1, "treatment") == ["not yet"] + ["treated"] * 7
    assert of(panel, 2, "treatment") == ["never"] * 8
    assert of(panel, 3, "event_time") == [-6, -5, -4, -3, -2, -1, 0, 1]
    assert of(panel, 1, "cohort") == ["2012Q2"] * 8
    assert of(panel, 2, "cohort") == [None] * 8
    assert of(panel, 1, "course_dose") == [0] + [21] * 7
    assert of(panel, 3, "course_dose") == [0] * 6 + [30] * 2
    assert of(panel, 1, "at_risk") == [False, True] + [False] * 6
    assert of(panel, 1, "starts") == [False, True] + [False] * 6
    assert of(panel, 2, "at_risk") == [True, True] + [False] * 6
    assert of(panel, 2, "elapsed")[:2] == [0, 1]


def test_10_origin() -> None:
    people = {
        "pid": [1, 2, 3, 4],
        "father": ["MA", "BE", "SY", "BE"], "mother": ["BE", "BE", "SY", None],
        "own": ["BE", "BE", "SY", "BE"], "now": ["BE", "BE", "SY", "BE"],
        "born": ["BE", "BE", "SY", "BE"],
        "birth": ["1985-02-02", "1960-01-01", "2000-08-20", "1990-07-07"],
        "came": ["1985-02-02", "1960-01-01", "2012-08-20", "1990-07-07"],
    }  # fmt: skip
    origin = kp.belgium.origin(people, father="father", mother="mother", own="own", now="now")
    generation = kp.belgium.generation(
        people, born="born", birth_date="birth", arrival="came", father="father", mother="mother"
    )
    panel = quarterly().attach_person(origin).attach_person(generation)
    firsts = panel.filter(panel["quarter"].astype(str) == "2012Q1")
    assert firsts["origin_group"].tolist() == ["MA", "BE", "nonEU", None]
    assert firsts["origin_reason"].tolist() == [None, None, None, "mother unknown"]
    assert firsts["generation"].tolist() == ["2.5", "0", "1.5", None]
    assert [step.source for step in panel.account.steps[-1].joined] == ["pid"]


def many() -> kp.Panel:
    """The four persons twenty-five times, with a group."""
    own = quarterly().to_frame().with_columns(pl.col("quarter").cast(pl.String))
    copies = [own.with_columns(pid=pl.col("pid") + 10 * copy, copy=copy) for copy in range(25)]
    whole = pl.concat(copies).with_columns(
        state=pl.coalesce(pl.col("state").cast(pl.String), pl.lit("none"))
    )
    group = pl.when(pl.col("copy") < pl.col("pid") % 10 * 5).then(pl.lit("far")).otherwise(
        pl.lit("near")
    )  # fmt: skip
    return kp.Panel(whole.with_columns(group=group), person="pid", period="quarter")


def test_11_describe() -> None:
    panel = quarterly()
    shown = dict(panel.patterns().select("pattern", "persons").iter_rows())
    assert shown == {"1111....": 1, "111111..": 1, "...11...": 1, "1.......": 1}
    moves = panel.transitions("state")
    moves = {
        (row["from"], row["to"], row["kind"]): row["count"]
        for row in moves.with_columns(pl.col("from", "to", "kind").cast(pl.String)).to_dicts()
    }
    assert moves[("work", "work", "observed")] == 3 + 2
    assert moves[("benefit", "work", "observed")] == 1
    assert moves[("benefit", "benefit", "observed")] == 1
    # 2012Q4 of person 1; the quarters of death and departure have days but no state at their end
    assert moves[("work", None, "no record")] == 1
    assert moves[("work", None, "missing")] == 2
    flows = panel.flows().select("period", "persons", "entered", "left")
    assert flows.with_columns(pl.col("period").cast(pl.String)).rows()[:5] == [
        ("2012Q1", 3, 3, 1), ("2012Q2", 2, 0, 0), ("2012Q3", 2, 0, 0), ("2012Q4", 3, 1, 1),
        ("2013Q1", 2, 0, 1),
    ]  # fmt: skip
    table = many().balance_table("days_work", "group", reference="near").to_dicts()
    far = np.repeat([91 + 51 + 184, 319, 151, 46], [5, 10, 15, 20]).sum() / (8 * 50)
    assert {row["group"]: row["rows"] for row in table} == {"far": 400, "near": 400}
    assert next(row["mean"] for row in table if row["group"] == "far") == pytest.approx(far)
    # quarters to a first job, and to a first quarter of four in a row
    seen = many().with_column("work", (many()["days_work"] > 0).astype(int))
    stable = kp.belgium.stable_employment(seen, "work", quarters=4).to_frame()
    number = pl.col("quarter").cast(pl.String).str.slice(0, 4).cast(int) * 4
    number = number + pl.col("quarter").cast(pl.String).str.slice(5, 1).cast(int) - 2012 * 4
    for column, median, share in (("work", 1, 0.0), ("stable", 3, 0.5)):
        first = stable.with_columns(n=number).group_by("pid").agg(
            time=pl.col("n").filter(pl.col(column) == 1).min().fill_null(8),
            event=(pl.col(column) == 1).any(),
        )  # fmt: skip
        curve = kp.survival(first, time="time", event="event")
        assert curve.quantile()["time"][0] == median
        assert curve.tidy()["survival"][-1] == share
    small = kp.Disclosure(min_cell=5).protect(
        {"group": ["far", "far", "near", "near"], "state": ["work", "none", "work", "none"],
         "n": [3, 40, 50, 60]}, count="n",
    )  # fmt: skip
    assert 3 not in [value for value in np.asarray(small.to_frame()["n"]).tolist() if value]


def test_12_sequences() -> None:
    panel = many()
    sequences = panel.sequences("state")
    assert sequences.text(0) == "work-work-work-work-none-none-none-none"
    distances = sequences.distances("ham")
    text = [sequences.text(row).split("-") for row in range(4)]
    by_hand = [
        [sum(a != b for a, b in zip(one, other, strict=True)) for other in text] for one in text
    ]
    assert distances.square()[:4, :4].tolist() == by_hand
    assert by_hand[0] == [0, 3, 3, 4]
    assert sequences.distances("om", costs="trate").n_unique == 4
    types = distances.pam(3)
    assert sorted(types.sizes.tolist()) == [25, 25, 50]
    # who hardly works is one type: 35 of 50 in one group, 15 of 50 in the other
    member = types.to_frame().with_columns(pl.col("type").cast(pl.String))
    idle = member.filter(pl.col("pid") == 4)["type"][0]
    group = panel.to_frame().group_by("pid").agg(pl.col("group").cast(pl.String).first())
    rows = member.join(group, on="pid").with_columns(
        idle=(pl.col("type") == idle).cast(pl.Float64), far=(pl.col("group") == "far").cast(float)
    )
    fit = kp.feglm("idle ~ far", rows, "logit")
    assert fit.coef()["far"] == pytest.approx(2 * math.log(35 / 15), rel=1e-6)


def test_13_estimate() -> None:
    panel = many().attach_person(
        pl.DataFrame({"pid": [pid + 10 * copy for copy in range(25) for pid in (1, 3)]})
        .with_columns(begun=pl.when(pl.col("pid") % 10 == 1).then(1).otherwise(6))
    )  # fmt: skip
    position = np.array([CAL.labels.index(label) for label in panel["quarter"].astype(str)])
    began = np.nan_to_num(panel["begun"].astype(float), nan=99)
    panel = panel.with_column("treated", (position >= began).astype(float))
    fit = kp.feols("days_work ~ treated | pid + quarter", panel, vcov={"CRV1": "pid"})
    pid = np.unique(panel["pid"], return_inverse=True)[1]
    dense = np.column_stack([
        panel["treated"], np.eye(pid.max() + 1)[pid], np.eye(8)[position][:, 1:]
    ])  # fmt: skip
    beta = np.linalg.lstsq(dense, panel["days_work"].astype(float), rcond=None)[0]
    assert fit.coef()["treated"] == pytest.approx(beta[0], rel=1e-8)
    steps = [step.verb for step in quarterly().account.steps]
    assert steps == ["read", "censor", "resolve", "to_panel"]
    assert "resolve" in str(quarterly().flow())
