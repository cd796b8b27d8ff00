"""Spells to a person-quarter panel: kruispunt, polars, DuckDB.

A million persons (by default a tenth of that) with ten spells each, 2005 to 2016, five states. The
answer is one row for each person and quarter with at least a day in a spell: days and pay, pay
divided over the days of its spell. The spells arrive sorted by person.
"""

from __future__ import annotations

from typing import Any

import harness
import numpy as np

FIRST, LAST = np.datetime64("2005-01-01"), np.datetime64("2016-12-31")


def data(persons: int) -> dict[str, np.ndarray]:
    """Make the spells; spells of one person may overlap."""
    rng = np.random.default_rng(persons)
    n = persons * 10
    window = int((LAST - FIRST).astype(int)) + 1
    start = rng.integers(0, window, n)
    length = np.maximum(1, rng.exponential(250, n).astype(np.int64))
    end = np.minimum(start + length - 1, window - 1)
    return {
        "pid": np.repeat(np.arange(persons), 10),
        "start": FIRST + start,
        "end": FIRST + end,
        "pay": np.round(rng.uniform(50, 200, n) * (end - start + 1), 2),
    }


def ours(frame: Any) -> tuple[int, int, float]:
    """Sweep the spells."""
    import kruispunt as kp

    spells = kp.Spells(frame, person="pid", start="start", end="end", carry=["pay"])
    calendar = kp.Calendar.quarters("2005Q1", "2016Q4")
    panel = spells.to_panel(calendar, days=True, sum="pay", balance="none")
    return len(panel), int(panel["days"].sum()), float(panel["pay"].sum())


def with_polars(frame: Any) -> tuple[int, int, float]:
    """Cut each spell at the quarters it touches, then group."""
    import polars as pl

    first, last = pl.col("start").dt.truncate("1q"), pl.col("end").dt.truncate("1q")
    lazy = pl.DataFrame(frame).lazy().with_columns(
        pl.col("start", "end").cast(pl.Date),
    ).with_columns(
        rate=pl.col("pay") / ((pl.col("end") - pl.col("start")).dt.total_days() + 1),
    )  # fmt: skip
    cut = (
        lazy.with_columns(quarter=pl.date_ranges(first, last, "1q"))
        .explode("quarter")
        .with_columns(
            days=(
                pl.min_horizontal("end", pl.col("quarter").dt.offset_by("1q").dt.offset_by("-1d"))
                - pl.max_horizontal("start", "quarter")
            ).dt.total_days()
            + 1
        )
        .group_by("pid", "quarter")
        .agg(days=pl.col("days").sum(), pay=(pl.col("days") * pl.col("rate")).sum())
        .sort("pid", "quarter")
        .collect(engine="streaming")
    )
    return len(cut), int(cut["days"].sum()), float(cut["pay"].sum())


def with_duckdb(frame: Any) -> tuple[int, int, float]:
    """Join spells with the quarters they touch, then group."""
    import duckdb
    import polars as pl

    spells = pl.DataFrame(frame).with_columns(pl.col("start", "end").cast(pl.Date))  # noqa: F841
    connection = duckdb.connect()
    connection.execute("set threads = 2")
    found = connection.sql(
        """
        with quarters as (
            select unnest(generate_series(date '2005-01-01', date '2016-10-01', interval 3 month))::date as q
        )
        select pid, q,
            sum(date_diff('day', greatest("start", q), least("end", (q + interval 3 month)::date - 1)) + 1) as days,
            sum((date_diff('day', greatest("start", q), least("end", (q + interval 3 month)::date - 1)) + 1)
                * pay / (date_diff('day', "start", "end") + 1)) as pay
        from spells join quarters on "start" < q + interval 3 month and "end" >= q
        group by pid, q order by pid, q
        """
    )
    cells = pl.DataFrame(found)
    return len(cells), int(cells["days"].sum()), float(cells["pay"].sum())


def agree(one: list[float], other: list[float]) -> str | None:
    """Rows and days exactly, pay to 1e-9 relative."""
    if one[:2] == other[:2] and abs(one[2] / other[2] - 1) < 1e-9:
        return None
    return f"{one} against {other}"


def main() -> None:
    """Run one engine, or all."""
    parser = harness.arguments(__doc__ or "")
    parser.add_argument("--persons", type=int, default=100_000)
    options = parser.parse_args()
    if options.engine:
        engines = {"kruispunt": ours, "polars": with_polars, "duckdb": with_duckdb}
        frame = data(options.persons)
        if options.engine == "kruispunt":
            import polars as pl

            frame = pl.DataFrame(frame).with_columns(pl.col("start", "end").cast(pl.Date))
        engines[options.engine](frame[:1000] if options.engine == "kruispunt" else data(100))
        answer, figures = harness.timed(lambda: engines[options.engine](frame))
        harness.child(answer, figures)
        return
    bytes_moved = options.persons * (10 * (8 + 4 + 4 + 8) + 27 * (8 + 4 + 8 + 8))
    harness.compare(
        "panel",
        {"kruispunt": "kruispunt", "polars": "polars", "duckdb": "duckdb"},
        options,
        agree=agree,
        bytes_moved=bytes_moved,
        extra=["--persons", str(options.persons)],
    )


if __name__ == "__main__":
    main()
