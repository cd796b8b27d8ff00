"""Accounts cross the border and read like a report."""

from __future__ import annotations

import json
import pickle

import polars as pl
import pytest

import kruispunt as kp
from kruispunt.account import Count, Exclusion, Step, Ties

BENEFITS = kp.Account("benefits", (Step("clip", "", Count(5), Count(5)),))
ACCOUNT = kp.Account(
    "jobs",
    (
        Step(
            "clip",
            "to 2005Q1-2016Q4",
            Count(10, 4),
            Count(7, 3),
            (Exclusion("ended before 2005-01-01", Count(2, 1)), Exclusion("empty", Count(1))),
        ),
        Step(
            "resolve",
            "one main job a day",
            Count(7, 3),
            Count(6, 3),
            ties=(Ties("jobs of equal wage", 2, "the lower row number"),),
            notes=("1 spell was split",),
            joined=(BENEFITS,),
        ),
    ),
)


def test_an_account_comes_back_from_json() -> None:
    assert kp.Account.from_json(ACCOUNT.to_json()) == ACCOUNT
    assert pickle.loads(pickle.dumps(ACCOUNT)) == ACCOUNT


def test_what_is_no_account_is_refused() -> None:
    for wrong in ("", "[]", '{"source": 1}', json.dumps({"source": "x", "steps": [{}]})):
        with pytest.raises(kp.exceptions.InputError, match="`json` is not an account"):
            kp.Account.from_json(wrong)


def test_an_account_reads_like_a_report() -> None:
    assert str(ACCOUNT).splitlines() == [
        "jobs",
        "1. clip: to 2005Q1-2016Q4",
        "   10 rows, 4 persons -> 7 rows, 3 persons",
        "   - 2 rows, 1 person: ended before 2005-01-01",
        "   - 1 row: empty",
        "2. resolve: one main job a day",
        "   | benefits",
        "   | 1. clip",
        "   |    5 rows -> 5 rows",
        "   7 rows, 3 persons -> 6 rows, 3 persons",
        "   = 2 ties, jobs of equal wage: settled by the lower row number",
        "   * 1 spell was split",
    ]
    assert [step.adds_up for step in ACCOUNT.steps] == [True, False]


def test_an_account_is_a_table_too() -> None:
    frame = ACCOUNT.to_frame(pl.DataFrame())
    assert isinstance(frame, pl.DataFrame)
    assert frame.filter(pl.col("what") == "out")["rows"].to_list() == [7, 5, 6]
    assert frame.filter(pl.col("source") == "benefits").height == 2
    assert isinstance(ACCOUNT.to_frame(), kp.Table)
