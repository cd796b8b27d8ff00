"""Spells, timelines and panels through the Python door."""

from __future__ import annotations

import copy
import datetime as dt
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import kruispunt as kp
from kruispunt.exceptions import InputError, KruispuntError, PanelError

ROWS = {
    "pid": ["b", "a", "a", "b"],
    "start": ["2012-01-01", "2012-01-01", "2012-05-01", "2012-02-01"],
    "end": ["2012-06-30", "2012-03-31", "2012-09-30", "2012-02-29"],
    "status": ["employee", "employee", "jobseeker", "student"],
    "reg": [1, 1, 2, 2],
    "wage": [182.0, 91.0, None, 29.0],
}
ROLES = {"person": "pid", "start": "start", "end": "end", "state": "status", "source": "reg"}


def year() -> kp.Calendar:
    return kp.Calendar.quarters("2012Q1", "2012Q4")


def jobs(data: object = None) -> kp.Spells:
    return kp.Spells(pl.DataFrame(ROWS) if data is None else data, **ROLES, name="jobs")


def panel(**cells: object) -> kp.Panel:
    return jobs().resolve(["source", "-wage"]).to_panel(year(), **cells)


def test_the_whole_way_from_spells_to_a_panel() -> None:
    made = panel(days=True, sum=["wage"], balance="entry_exit")
    frame = made.to_frame()
    assert isinstance(frame, pl.DataFrame)
    assert frame["pid"].to_list() == ["a", "a", "a", "b", "b"]
    assert frame["quarter"].cast(str).to_list() == [
        "2012Q1",
        "2012Q2",
        "2012Q3",
        "2012Q1",
        "2012Q2",
    ]
    assert frame["state"].to_list() == [
        "employee",
        "jobseeker",
        "jobseeker",
        "employee",
        "employee",
    ]
    assert frame["days"].to_list() == [91, 61, 92, 91, 91]
    assert frame["wage"].to_list() == [91.0, None, None, 91.0, 91.0]
    account = made.account
    assert [step.verb for step in account.steps] == ["read", "resolve", "to_panel"]
    assert account.steps[1].excluded[0].count.rows == 1
    assert made.flow() == account


@pytest.mark.parametrize(
    "kind", [pd.DataFrame, pl.DataFrame, pl.LazyFrame, pa.table, dict, kp.Table], ids=str
)
def test_any_kind_of_table_gives_the_same_panel(kind: object) -> None:
    data = kind(ROWS)
    spells = jobs(data)
    assert spells == jobs()
    back = spells.to_frame()
    if kind not in {pl.LazyFrame, pa.table}:
        assert isinstance(back, kind)
    if kind is pa.table:
        assert isinstance(back, pa.Table)
    assert kp.Table(back)["wage"].shape == (4,)


def test_row_order_does_not_matter() -> None:
    upside_down = pl.DataFrame(ROWS).reverse()
    assert (
        jobs(upside_down)
        .resolve("-wage")
        .to_panel(year())
        .to_frame()
        .equals(jobs().resolve("-wage").to_panel(year()).to_frame())
    )


def test_shaping_spells() -> None:
    spells = jobs()
    assert len(spells.clip(kp.Calendar.quarters("2012Q2", "2012Q2"))) == 2
    assert len(spells.merge(gap=30)) == 4
    assert len(spells.merge(gap=30, across_states=True)) == 2
    split = spells.split(count=True, max="wage").to_frame()
    assert split["count"].to_list() == [1, 1, 1, 2, 2, 1]
    assert split["wage_max"].to_list() == [91.0, None, 182.0, 182.0, 182.0, 182.0]
    episodes = spells.episodes(count=True)
    assert episodes.to_frame()["count"].to_list() == [1, 1, 1, 2, 1]
    dead = spells.censor(
        {"pid": ["a", "c"], "died": [dt.date(2012, 3, 30), None]}, day="died", reason="death"
    )
    assert dead.to_frame()["end"].to_list()[0] == dt.date(2012, 3, 30)
    assert len(dead) == 3
    found = spells.check(year())
    assert dict(zip(found["finding"], found["spells"], strict=True))["overlap"] == 1


def test_columns_in_and_out() -> None:
    made = panel(sum="wage")
    assert np.isnan(made["wage"]).tolist() == [False, True, True, False, False]
    employed = made.with_column("employed", made["state"] == "employee")
    assert employed["employed"].tolist() == [True, False, False, True, True]
    assert "employed" not in made.columns
    logged = made.with_column("log_wage", np.log(made["wage"]))
    assert logged.to_frame()["log_wage"].null_count() == 2
    listed = made.with_column("group", pd.Series(list("xyxyx")))
    assert listed["group"].tolist() == list("xyxyx")
    assert pl.DataFrame(made).shape == made.shape
    assert len(made) == 5
    with pytest.raises(InputError, match="has 2 rows; expected 5"):
        made.with_column("short", np.array([1.0, 2.0]))
    with pytest.raises(InputError, match=r"there is no column \"pay\""):
        made["pay"]


def test_attaching_and_looking_back() -> None:
    training = kp.Spells(
        pd.DataFrame(
            {
                "person": ["b", "b", "z"],
                "from": pd.to_datetime(["2012-06-01", "2012-06-30", "2012-01-01"]),
                "to": pd.to_datetime(["2012-06-10", None, None]),
                "kind": ["nt2", "ibo", "nt2"],
            }
        ),
        person="person", start="from", end="to", name="training",
    )  # fmt: skip
    made = (
        panel(days=True)
        .attach(training)
        .attach(training, how="cumulative", name="n")
        .attach(training, how="days")
        .attach(training, how="value", column="kind")
        .attach_person({"pid": ["a"], "sex": ["f"]})
        .event_time(training)
        .lag("days", 1)
        .lead("days")
        .diff("days")
    )
    assert made["training_ever"].tolist() == [False, False, False, False, True]
    assert made["n"].tolist() == [0, 0, 0, 0, 2]
    assert made["training_days"].tolist() == [0, 0, 0, 0, 11]
    assert made["kind"].tolist() == [None, None, None, None, "ibo"]
    assert made["sex"].tolist() == ["f", "f", "f", None, None]
    np.testing.assert_array_equal(made["event_time"], [np.nan, np.nan, np.nan, -1, 0])
    assert made["cohort"].tolist() == [None, None, None, "2012Q2", "2012Q2"]
    np.testing.assert_array_equal(made["days_lag1"], [np.nan, 91, 61, np.nan, 91])
    np.testing.assert_array_equal(made["days_diff1"], [np.nan, -30, 31, np.nan, 0])
    assert panel().as_of(training, "kind")["kind"].tolist()[-1] == "ibo"
    joined = made.account.steps[3].joined
    assert joined[0].source == "training"


def test_filters_and_descriptions() -> None:
    made = panel(balance="full")
    assert len(made) == 8
    assert made["reason"].tolist()[3] == "after exit"
    kept = made.filter(made["reason"] == None, reason="no record")  # noqa: E711
    assert len(kept) == 5
    assert kept.account.steps[-1].excluded[0].reason == "no record"
    assert len(made.keep("state", "employee")) == 3
    assert len(made.keep("quarter", ["2012Q1", "2012Q2"])) == 4
    patterns = made.patterns()
    assert patterns["pattern"].to_list() == ["11..", "111."]
    transitions = made.transitions("state")
    assert transitions["count"].sum() == 8
    assert set(transitions["kind"].cast(str)) == {"observed", "no record", "end"}


def test_results_can_be_pickled_copied_and_shown() -> None:
    timeline = jobs().resolve("source")
    made = timeline.to_panel(year())
    for one in (year(), jobs(), timeline, made):
        assert pickle.loads(pickle.dumps(one)) == one
        assert copy.deepcopy(one) == one
    assert repr(made) == "Panel of 2 persons x 4 quarters, 2012Q1 to 2012Q4: 5 rows"
    assert "2 persons" in made._repr_html_()
    assert repr(timeline).startswith("Timeline of jobs: ")


def test_a_periodic_register_and_a_ready_made_panel() -> None:
    register = {"pid": [1, 1], "q": ["2012Q1", "2012Q2"], "pay": [10.0, 20.0]}
    spells = kp.Spells(register, person="pid", period="q")
    assert spells.to_panel(year(), sum="pay")["pay"].tolist() == [10.0, 20.0]
    made = kp.Panel(register, person="pid", period="q")
    assert made["pay"].tolist() == [10.0, 20.0]
    assert made.calendar == kp.Calendar.quarters("2012Q1", "2012Q2")


SECRET = "85073003328"


def broken(**changes: object) -> dict[str, object]:
    return {"pid": [SECRET, SECRET], "start": ["2012-01-01", "2012-03-01"],
            "end": ["2012-02-01", "2012-02-01"], "wage": [1.0, 2.0]} | changes  # fmt: skip


@pytest.mark.parametrize(
    ("data", "roles", "message"),
    [
        (broken(), {}, r"`end`: the spell at row 1 ends before it starts"),
        (
            broken(start=["2012-01-01", "soon"]),
            {},
            r'`start`: column "start" at row 1 is not a date',
        ),
        (broken(start=[None, "2012-01-01"]), {}, r'`start`: column "start" is missing at row 0'),
        (broken(start=[1.5, 2.5]), {}, r'`start`: column "start" holds real numbers'),
        (broken(pid=[None, SECRET]), {}, r'`person`: column "pid" is missing at row 0'),
        ({"pid": [], "start": [], "end": []}, {}, r"the table has no rows"),
        (broken(), {"state": "status"}, r'`state`: there is no column "status"'),
        (broken(), {"on_inverted": "ignore"}, r'`on_inverted`: "ignore" is none of'),
        (broken(), {"end": None}, r"give `start` and `end`"),
        (broken(), {"carry": [1]}, r"`carry`: expected names"),
    ],
)
def test_bad_spells_are_refused_by_name_and_row(
    data: dict[str, object], roles: dict[str, object], message: str
) -> None:
    arguments = {"person": "pid", "start": "start", "end": "end"} | roles
    with pytest.raises(InputError, match=message) as refused:
        kp.Spells(data, **arguments)
    assert SECRET not in str(refused.value)


def test_bad_panels_are_refused_by_name_and_row() -> None:
    twice = {"pid": [SECRET, SECRET], "q": ["2012Q1", "2012Q1"]}
    with pytest.raises(InputError, match="rows 0 and 1 are the same person") as refused:
        kp.Panel(twice, person="pid", period="q")
    assert SECRET not in str(refused.value)
    with pytest.raises(InputError, match=r"at row 1 is not a quarter such as 2012Q1"):
        kp.Panel({"pid": [1, 2], "q": ["2012Q1", "2012Q5"]}, person="pid", period="q")
    with pytest.raises(InputError, match="`first`"):
        kp.Calendar.quarters("2012Q5", "2013Q1")
    with pytest.raises(PanelError, match="overlap; say which wins"):
        jobs().to_panel(year(), state="last_day")
    made = panel(days=True)
    for call in (
        lambda: made.lag("days", -1),
        lambda: made.lag("hours"),
        lambda: made.attach(jobs(), how="never"),
        lambda: made.attach(jobs(), how="value"),
        lambda: made.attach(ROWS),
        lambda: made.filter(made["days"]),
        lambda: made.attach_person({"pid": ["a", "a"], "x": [1, 2]}),
        lambda: made.attach_person({"pid": [1], "x": [1]}),
        lambda: made.with_column("pid", made["days"]),
        lambda: panel(state="often"),
        lambda: panel(sum="status"),
        lambda: jobs().merge(gap=-1),
        lambda: jobs().resolve("tenure"),
    ):
        with pytest.raises(KruispuntError) as refused:
            call()
        assert isinstance(refused.value, InputError)


def test_register_algebra_and_description_from_python() -> None:
    job = {"pid": [7, 9], "start": ["2012-01-01"] * 2, "end": ["2012-12-31", "2012-06-30"]}
    leave = {"pid": [7], "start": ["2012-03-01"], "end": ["2012-05-31"]}
    jobs = kp.Spells(job, person="pid", start="start", end="end", name="jobs")
    leaves = kp.Spells(leave, person="pid", start="start", end="end", name="leaves")
    calendar = kp.Calendar.quarters("2012Q1", "2012Q4")
    assert len(jobs.cut(calendar)) == 6
    assert jobs.complement(calendar).to_frame()["start"].astype(str).tolist() == ["2012-07-01"]
    at_work = jobs.subtract(leaves)
    assert len(at_work) == 3
    assert at_work.account.steps[-1].joined == (leaves.account,)
    assert len(jobs.intersect(leaves.resolve("start"))) == 1
    stacked = kp.Spells.stack([leaves, jobs])
    assert stacked.account.steps[0].after.rows == 3
    with pytest.raises(kp.exceptions.InputError, match=r"`registers\[1\]`"):
        kp.Spells.stack([jobs, job])
    with pytest.raises(kp.exceptions.InputError, match="`other`"):
        jobs.subtract(leave)
    with pytest.raises(kp.exceptions.InputError, match="2012Q9"):
        kp.Spells.from_wide({"pid": [7], "q": ["x"]}, person="pid", columns={"q": "2012Q9"})

    panel = stacked.to_panel(calendar, days=True, balance="none")
    panel = panel.growth("days").cumulate("days")
    assert panel["days_cumulated"].max() == 366 + 92, "leave and job both count"
    wide = panel.variation("days")
    assert wide["part"].tolist() == ["overall", "between", "within"]
    assert wide["mean"][0] == pytest.approx(panel["days"].mean())
    flows = panel.flows()
    assert flows["persons"].tolist() == [2, 2, 1, 1]
    assert np.isnan(flows["left"][3])
    panel = panel.with_column("leave", np.array([False, True, False, False, False, False]))
    assert (
        np.isnan(panel.since("leave")["leave_since"]).tolist() == [True] + [False] * 3 + [True] * 2
    )


def test_days_come_out_as_ordinary_whole_numbers() -> None:
    spells = kp.Spells(
        {"pid": [1, 2], "start": ["2012-01-01", "2012-02-01"], "end": ["2012-03-31", "2012-06-30"]},
        person="pid", start="start", end="end",
    )  # fmt: skip
    panel = spells.to_panel(kp.Calendar.quarters("2012Q1", "2012Q2"), days=True, count=True)
    assert panel["days"].dtype == np.int64
    assert panel["days"].tolist() == [91, 60, 91]
    frame = pl.DataFrame(panel)
    assert frame.schema["days"] == pl.Int64
    assert (frame["days"] * 1000).to_list() == [91_000, 60_000, 91_000]
    assert kp.feols("days ~ 1", panel).coef()["Intercept"] == pytest.approx(242 / 3)
