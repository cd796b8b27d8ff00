"""Registers as they come, and registers that are wrong: read as meant, or refused by name.

============================================  =======================================================
what is wrong                                 test
============================================  =======================================================
overlap without a rule                        test_overlaps_without_a_rule
a period that does not exist                  test_periods_are_read_in_every_spelling_or_refused
mixed calendars                               test_reading: test_mixed_calendars_are_refused_by_name
end before start                              test_hostile: an inverted spell; test_register_steps: test_01_check
dates as numbers of unknown origin            test_reading: test_days_as_numbers_need_an_origin
a person id of changing type                  test_persons_have_one_type
a lag on an unsorted or duplicated panel      test_lags_go_by_period_whatever_the_order_of_rows
an interval over a break without a crosswalk  test_reading: test_panels_warn_of_spells_over_a_break_by_name
something dropped in silence                  test_every_row_is_accounted_for
============================================  =======================================================
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import kruispunt as kp
from kruispunt.exceptions import InputError, PanelError

SECRET = "85073003328"
CAL = kp.Calendar.quarters("2012Q1", "2012Q4")


def test_overlaps_without_a_rule() -> None:
    rows = {
        "pid": ["a", "a", SECRET, SECRET],
        "from": ["2012-01-01", "2012-04-01", "2012-01-01", "2012-02-01"],
        "to": ["2012-03-31", "2012-06-30", "2012-03-31", "2012-04-30"],
        "state": ["work", "work", "work", "study"],
    }
    spells = kp.Spells(rows, person="pid", start="from", end="to", state="state")
    for cells in ({"state": "last_day"}, {"state": 15}, {"state": "first_day", "days": True}):
        with pytest.raises(PanelError, match=r"rows 2 and 3 overlap; say which wins") as refused:
            spells.to_panel(CAL, **cells)
        assert SECRET not in str(refused.value)
    # what adds up needs no rule, and a rule settles the rest
    assert spells.to_panel(CAL, days=True, balance="none")["days"].tolist() == [91 + 60, 30, 91, 91]
    shown = spells.to_panel(CAL, state="last_day", order="state", balance="none")
    assert shown["state"].tolist() == ["study", None, "work", "work"]


@pytest.mark.parametrize(
    "said",
    [
        ["2012Q1", "2012Q2"], ["2012q1", "2012-Q2"], ["20121", "20122"], [20121, 20122],
        ["2012-03-31", "2012-06-30"], ["31-03-2012", "30-06-2012"], ["31/03/2012", "30/06/2012"],
        [dt.date(2012, 3, 31), dt.date(2012, 4, 1)], pd.PeriodIndex(["2012Q1", "2012Q2"], freq="Q"),
    ],
    ids=str,
)  # fmt: skip
def test_periods_are_read_in_every_spelling_or_refused(said: Any) -> None:
    spells = kp.Spells({"pid": [1, 1], "when": said}, person="pid", period="when").to_frame()
    assert [str(day) for day in spells["start"]] == ["2012-01-01", "2012-04-01"]
    assert [str(day) for day in spells["end"]] == ["2012-03-31", "2012-06-30"]
    panel = kp.Panel({"pid": [1, 1], "when": said}, person="pid", period="when")
    assert panel["when"].tolist() == ["2012Q1", "2012Q2"]


@pytest.mark.parametrize("said", ["2012Q5", "2012Q0", "2012-13-31", "20125", "soon", "2012"])
def test_periods_that_do_not_exist_are_refused_with_their_row(said: str) -> None:
    rows = {"pid": [1, 2], "when": ["2012Q1", said]}
    with pytest.raises(InputError, match=r'`period`: column "when" at row 1 is not a quarter'):
        kp.Spells(rows, person="pid", period="when")
    with pytest.raises(InputError, match=r'"when" at row 1'):
        kp.Panel(rows, person="pid", period="when")


def test_persons_have_one_type() -> None:
    mixed = {"pid": [7, "7", 7.0], "day": ["2012-01-01"] * 3}
    for data in (mixed, pd.DataFrame(mixed)):
        with pytest.raises(InputError, match=r'column "pid" holds a mix'):
            kp.Spells(data, person="pid", day="day")
    with pytest.raises(InputError, match=r'`person`: column "pid" at row 1'):
        kp.Spells({"pid": [7.0, 7.5], "day": ["2012-01-01"] * 2}, person="pid", day="day")
    numbers = kp.Spells({"pid": [7], "day": ["2012-01-01"]}, person="pid", day="day", name="one")
    text = kp.Spells({"pid": ["7"], "day": ["2012-01-01"]}, person="pid", day="day", name="two")
    panel = kp.Panel({"pid": [7], "q": ["2012Q1"]}, person="pid", period="q")
    for run in (
        lambda: kp.Spells.stack([numbers, text]), lambda: numbers.intersect(text),
        lambda: panel.attach(text), lambda: panel.as_of(text), lambda: panel.event_time(text),
        lambda: panel.attach_person({"pid": ["7"], "x": [1]}),
    ):  # fmt: skip
        with pytest.raises(InputError, match="whole numbers"):
            run()
    # whole numbers that a spreadsheet made real are whole numbers
    real = kp.Spells({"pid": [7.0], "day": ["2012-01-01"]}, person="pid", day="day", name="real")
    assert panel.attach(real, name="seen")["seen"].tolist() == [True]


def test_lags_go_by_period_whatever_the_order_of_rows() -> None:
    rng = np.random.default_rng(2)
    rows = pl.DataFrame(
        [(pid, f"201{year}Q{q}", rng.integers(100)) for pid in range(6) for year in (1, 2)
         for q in range(1, 5)], schema=["pid", "q", "pay"], orient="row",
    ).sample(fraction=0.7, seed=1)  # fmt: skip
    known = {(pid, q): pay for pid, q, pay in rows.iter_rows()}
    labels = [f"201{year}Q{q}" for year in (1, 2) for q in range(1, 5)]
    expected = None
    for seed in range(4):
        own = rows.sample(fraction=1.0, shuffle=True, seed=seed)
        made = kp.Panel(own, person="pid", period="q").lag("pay", 2).to_frame()
        for pid, q, lag in made.select("pid", pl.col("q").cast(pl.String), "pay_lag2").iter_rows():
            before = labels.index(q) - 2
            assert lag == (known.get((pid, labels[before])) if before >= 0 else None)
        assert expected is None or made.equals(expected)
        expected = made
    twice = pl.concat([rows, rows[:1]])
    with pytest.raises(InputError, match=rf"rows 0 and {len(rows)} are the same person"):
        kp.Panel(twice, person="pid", period="q")


def test_every_row_is_accounted_for() -> None:
    """What each step had is what it gave and what it left out, by reason."""
    rows = pl.DataFrame(
        [
            (1, "2012-01-01", "2012-02-10", 10.0), (1, "2012-02-01", "2012-03-10", 20.0),
            (2, "2012-03-01", "2012-02-01", 30.0), (None, "2012-03-01", "2012-04-01", 40.0),
            (3, "2010-03-01", "2010-04-01", 50.0), (5, "2011-12-20", "2012-01-10", 70.0), (4, "2012-11-01", None, 60.0),
        ],
        schema=["pid", "from", "to", "pay"], orient="row",
    )  # fmt: skip
    read = kp.Spells(
        rows, person="pid", start="from", end="to", on_inverted="drop", on_missing="drop"
    )
    clipped = read.clip(CAL)
    ended = clipped.censor({"pid": [4], "day": ["2012-10-31"]}, day="day", reason="death")
    panel = ended.resolve("-pay").to_panel(CAL, state=None, days=True, balance="none")
    kept = panel.filter(panel["days"] > 30, reason="a month or less")
    out = [{one.reason: one.count.rows for one in step.excluded} for step in kept.account.steps]
    verbs = [step.verb for step in kept.account.steps]
    assert verbs == ["read", "clip", "censor", "resolve", "to_panel", "filter"]
    # inverted, without a person; before the window; after death; overlapped in part
    assert [sum(own.values()) for own in out] == [2, 1, 1, 0, 0, 1]
    assert out[-1] == {"a month or less": 1}
    assert kept["days"].tolist() == [70]
    for step in (*read.account.steps[:1], *clipped.account.steps[1:2], *ended.account.steps[2:3]):
        assert step.before.rows - sum(one.count.rows for one in step.excluded) == step.after.rows
