"""Spells to panels, side by side: kruispunt, polars, DuckDB.

A million persons (by default) with ten spells each, 2005 to 2016, five states, a day wage. Jobs:

- ``unsorted`` and ``sorted``: the balanced panel of 48 quarters a person, with days in each state,
  pay, the state of the best-paid spell on the last day of the quarter, and the state with most days;
- ``merge``: spells of one state that overlap or follow within 30 days become one;
- ``episodes``: elementary episodes with the number of spells, the sum of wages, the best-paid state;
- ``attach``: ten changes a person cut a timeline of one spell a person and give it a value;
- ``lag``: the value of the quarter before, in a panel with one cell in five missing (seconds are for
  the lag alone; polars shifts rows and guards the gaps);
- ``blocks``: spells in Parquet, ten times as many, a block of persons at a time, panels not kept;
- ``chair``: the synthetic registers of that scale to a panel with every construct (main job, pay,
  reasons of empty cells, training by days, dose and treatment, event time, chains of permits, time
  since arrival, stable employment, leave, paths through programmes); `--persons` says nothing there.

An engine states its result in memory. States are categories for kruispunt and numbers of one byte
for the peers, whose plans they suit best. Answers are compared by row counts, sums and weighted sums.
"""

from __future__ import annotations

import datetime as dt
import tempfile
from pathlib import Path
from typing import Any

import harness
import numpy as np

FIRST, LAST = dt.date(2005, 1, 1), dt.date(2016, 12, 31)
DAY = (FIRST - dt.date(1970, 1, 1)).days
WINDOW = (LAST - FIRST).days + 1
STATES = ["a", "b", "c", "d", "e"]
GAP = 30


def spells(persons: int, *, ordered: bool, first: int = 0) -> Any:
    """Make ten spells a person, which may overlap; wages are whole and practically all different."""
    import polars as pl

    rng = np.random.default_rng(persons + first)
    n = persons * 10
    start = rng.integers(0, WINDOW, n)
    end = np.minimum(
        start + np.maximum(1, rng.exponential(250, n)).astype(np.int64) - 1, WINDOW - 1
    )
    pid = np.repeat(np.arange(first, first + persons), 10)
    order = np.lexsort((end, start, pid)) if ordered else rng.permutation(n)
    return pl.DataFrame(
        {
            "pid": pid[order],
            "start": (start[order] + DAY).astype(np.int32),
            "end": (end[order] + DAY).astype(np.int32),
            "state": rng.integers(0, 5, n).astype(np.uint8),
            "wage": rng.integers(1, 1 << 40, n).astype(np.float64),
        }
    ).with_columns(pl.col("start", "end").cast(pl.Date))


def categories(frame: Any) -> Any:
    """Give states as categories."""
    import polars as pl

    named = pl.Series(STATES, dtype=pl.Enum(STATES))
    return frame.with_columns(state=named.gather(frame["state"].cast(pl.UInt32)))


# The panel ------------------------------------------------------------------------------------


def panel_kruispunt(frame: Any) -> Any:
    """Sweep the spells once."""
    import kruispunt as kp

    register = kp.Spells(
        frame, person="pid", start="start", end="end", state="state", carry=["wage"]
    )
    return register.to_panel(
        kp.Calendar.quarters("2005Q1", "2016Q4"), state="last_day", order="-wage", dominant=True,
        days_by_state=True, sum="wage", spread="daily", balance="full",
    )  # fmt: skip


def quarters() -> Any:
    """Give first and last days of the quarters."""
    import polars as pl

    starts = pl.date_range(FIRST, LAST, "1q", eager=True)
    return pl.DataFrame({"q": np.arange(48, dtype=np.int16), "qs": starts}).with_columns(
        qe=pl.col("qs").dt.offset_by("1q").dt.offset_by("-1d")
    )


def panel_polars(frame: Any) -> Any:
    """Expand spells by the quarters they touch, group, put into the grid."""
    import polars as pl

    def quarter(day: str) -> Any:
        at = pl.col(day)
        return ((at.dt.year() - 2005) * 4 + at.dt.quarter() - 1).cast(pl.Int16)

    covers = pl.col("end") >= pl.col("qe")
    best = (pl.col("wage").cast(pl.Int64) * 8 + pl.col("state")).filter(covers).max()
    cells = (
        frame.lazy()
        .with_columns(q=pl.int_ranges(quarter("start"), quarter("end") + 1, dtype=pl.Int16))
        .explode("q")
        .join(quarters().lazy(), on="q")
        .with_columns(
            days=(
                (pl.min_horizontal("end", "qe") - pl.max_horizontal("start", "qs")).dt.total_days()
                + 1
            ).cast(pl.Int32)
        )
        .group_by("pid", "q")
        .agg(
            *[pl.col("days").filter(pl.col("state") == s).sum().alias(f"d{s}") for s in range(5)],
            wage=(pl.col("days") * pl.col("wage")).sum(),
            state=(best % 8).cast(pl.UInt8),
        )
    )
    most = pl.max_horizontal([f"d{s}" for s in range(5)])
    dominant = pl.when(pl.col("d0") == most).then(0)
    for state in range(1, 5):
        dominant = dominant.when(pl.col(f"d{state}") == most).then(state)
    persons = frame.lazy().select(pl.col("pid").unique())
    grid = persons.join(quarters().lazy().select("q"), how="cross")
    return (
        grid.join(cells.with_columns(dominant=dominant.cast(pl.UInt8)), on=["pid", "q"], how="left")
        .with_columns(pl.col([f"d{s}" for s in range(5)]).fill_null(0))
        .collect(engine="streaming")
    )


def panel_duckdb(frame: Any) -> Any:
    """Do the same in SQL."""
    connection = duckdb_with(frame)
    connection.register("quarters", quarters())
    days = 'date_diff(\'day\', greatest("start", qs), least("end", qe)) + 1'
    by_state = ", ".join(f"coalesce(sum(days) filter (state = {s}), 0) as d{s}" for s in range(5))
    most = "case " + " ".join(
        f"when d{s} = greatest(d0, d1, d2, d3, d4) then {s}" for s in range(5)
    )
    connection.execute(
        f"""
        create table panel as
        with expanded as (
            select *, unnest(generate_series(
                (year("start") - 2005) * 4 + quarter("start") - 1,
                (year("end") - 2005) * 4 + quarter("end") - 1
            )) as q from spells
        ), parts as (
            select pid, q, state, wage, {days} as days, "end" >= qe as covers
            from expanded join quarters using (q)
        ), cells as (
            select pid, q, {by_state}, sum(days * wage) as wage,
                arg_max(state, wage) filter (covers) as state
            from parts group by pid, q
        )
        select p.pid, g.q, d0, d1, d2, d3, d4, c.wage, c.state, {most} end as dominant
        from (select distinct pid from spells) p cross join quarters g
            left join cells c on c.pid = p.pid and c.q = g.q
        """
    )
    return connection


def panel_sums(result: Any, engine: str) -> list[float]:
    """Rows, days by state, states by kind, pay plain and weighted by place."""
    import polars as pl

    if engine == "kruispunt":
        result = as_peers(result)
    if engine == "duckdb":
        found = result.execute(
            "select count(*), sum(d0), sum(d1), sum(d2), sum(d3), sum(d4), "
            + ", ".join(
                f"count(*) filter ({name} = {code} and wage is not null)"
                for name in ("state", "dominant")
                for code in range(5)
            )
            + ", sum(wage), sum(wage * ((pid * 48 + q) % 1009)) from panel"
        ).fetchone()
        return [float(value) for value in found]
    place = (pl.col("pid") * 48 + pl.col("q")) % 1009
    seen = pl.col("wage").is_not_null()
    found = result.select(
        pl.len(),
        *[pl.col(f"d{s}").sum() for s in range(5)],
        *[
            ((pl.col(name) == code) & seen).sum().alias(f"{name}{code}")
            for name in ("state", "dominant")
            for code in range(5)
        ],
        pay=pl.col("wage").sum(),
        weighted=(pl.col("wage") * place).sum(),
    )
    return [float(value) for value in found.row(0)]


def as_peers(panel: Any) -> Any:
    """Give the panel with the names and types of the peers' answers."""
    import polars as pl

    def code(name: str) -> Any:
        return pl.col(name).cast(pl.Enum(STATES)).to_physical().cast(pl.UInt8)

    quarter = pl.int_range(pl.len(), dtype=pl.Int64) % 48
    return panel.to_frame().select(
        "pid", "wage", q=quarter, state=code("state"), dominant=code("dominant"),
        **{f"d{at}": f"days_{state}" for at, state in enumerate(STATES)},
    )  # fmt: skip


# Merging --------------------------------------------------------------------------------------


def merge_kruispunt(frame: Any) -> Any:
    """Chain the spells of each person."""
    import kruispunt as kp

    register = kp.Spells(frame, person="pid", start="start", end="end", state="state", carry=[])
    return register.merge(gap=GAP)


def merge_polars(frame: Any) -> Any:
    """Sort, mark the beginnings, number, group."""
    import polars as pl

    reach = pl.col("end").cum_max().shift(1).over("pid", "state")
    new = reach.is_null() | (pl.col("start") > reach + pl.duration(days=GAP + 1))
    return (
        frame.lazy()
        .sort("pid", "state", "start")
        .with_columns(era=new.cast(pl.Int32).cum_sum())
        .group_by("pid", "state", "era")
        .agg(pl.col("start").min(), pl.col("end").max())
        .collect(engine="streaming")
    )


def merge_duckdb(frame: Any) -> Any:
    """Do the same with windows."""
    connection = duckdb_with(frame)
    connection.execute(
        f"""
        create table eras as
        with reach as (
            select *, max("end") over (partition by pid, state order by "start"
                rows between unbounded preceding and 1 preceding) as until from spells
        ), numbered as (
            select *, sum(case when until is null or "start" > until + {GAP + 1} then 1 else 0 end)
                over (partition by pid, state order by "start" rows unbounded preceding) as era
            from reach
        )
        select pid, state, era, min("start") as "start", max("end") as "end"
        from numbered group by pid, state, era
        """
    )
    return connection


def merge_sums(result: Any, engine: str) -> list[float]:
    """Eras, their days, and the sum of first days weighted by person."""
    if engine == "duckdb":
        found = result.execute(
            'select count(*), sum("end" - "start"), sum(("start" - date \'1970-01-01\')'
            " * (pid % 1009)) from eras"
        ).fetchone()
        return [float(value) for value in found]
    frame = result.to_frame() if engine == "kruispunt" else result
    return _spans(frame)


def _spans(frame: Any) -> list[float]:
    import polars as pl

    found = frame.select(
        pl.len(),
        days=(pl.col("end").cast(pl.Int64) - pl.col("start").cast(pl.Int64)).sum(),
        place=(pl.col("start").cast(pl.Int64) * (pl.col("pid") % 1009)).sum(),
    )
    return [float(value) for value in found.row(0)]


# Elementary episodes --------------------------------------------------------------------------


def episodes_kruispunt(frame: Any) -> Any:
    """Cut at every start and end."""
    import kruispunt as kp

    register = kp.Spells(
        frame, person="pid", start="start", end="end", state="state", carry=["wage"]
    )
    return register.episodes(count=True, sum="wage", top="state", order="-wage")


def episodes_polars(frame: Any) -> Any:
    """Find the cuts, join what covers them, group."""
    import polars as pl

    lazy = frame.lazy().with_columns(next=pl.col("end") + pl.duration(days=1))
    points = (
        pl.concat([lazy.select("pid", day="start"), lazy.select("pid", day="next")])
        .unique()
        .sort("pid", "day")
        .with_columns(until=pl.col("day").shift(-1).over("pid"))
        .drop_nulls("until")
    )
    key = pl.col("wage").cast(pl.Int64) * 8 + pl.col("state")
    return (
        points.join(lazy, on="pid")
        .filter((pl.col("start") <= pl.col("day")) & (pl.col("next") >= pl.col("until")))
        .group_by("pid", "day", "until")
        .agg(n=pl.len(), wage=pl.col("wage").sum(), state=(key.max() % 8).cast(pl.UInt8))
        .collect(engine="streaming")
    )


def episodes_duckdb(frame: Any) -> Any:
    """Do the same in SQL."""
    connection = duckdb_with(frame)
    connection.execute(
        """
        create table episodes as
        with points as (
            select pid, "start" as day from spells union select pid, "end" + 1 as day from spells
        ), runs as (
            select pid, day, lead(day) over (partition by pid order by day) as until from points
        )
        select r.pid, day, until, count(*) as n, sum(wage) as wage, arg_max(state, wage) as state
        from runs r join spells s on r.pid = s.pid and s."start" <= r.day and s."end" + 1 >= r.until
        where until is not null group by r.pid, day, until
        """
    )
    return connection


def episodes_sums(result: Any, engine: str) -> list[float]:
    """Episodes, covering spells, wages, states, days weighted by the number of spells."""
    import polars as pl

    if engine == "duckdb":
        found = result.execute(
            "select count(*), sum(n), sum(wage), sum(state), sum((until - day) * n) from episodes"
        ).fetchone()
        return [float(value) for value in found]
    if engine == "kruispunt":
        frame = result.to_frame().select(
            n="count",
            wage="wage_sum",
            state=pl.col("state_top").cast(pl.Enum(STATES)).to_physical(),
            days=pl.col("end").cast(pl.Int64) - pl.col("start").cast(pl.Int64) + 1,
        )
    else:
        days = pl.col("until").cast(pl.Int64) - pl.col("day").cast(pl.Int64)
        frame = result.select("n", "wage", "state", days=days)
    found = frame.select(
        pl.len().alias("rows"),
        pl.col("n").cast(pl.Int64).sum(),
        pl.col("wage").sum(),
        pl.col("state").cast(pl.Int64).sum(),
        days=(pl.col("days") * pl.col("n").cast(pl.Int64)).sum(),
    )
    return [float(value) for value in found.row(0)]


# Changes over time ----------------------------------------------------------------------------


def changes(persons: int) -> tuple[Any, Any]:
    """Make one spell of the whole window a person, and ten changes of a value."""
    import polars as pl

    rng = np.random.default_rng(persons)
    days = np.sort(
        rng.integers(1, WINDOW // 10, (persons, 10)) + np.arange(10) * (WINDOW // 10), axis=1
    ).ravel()
    pid = np.arange(persons)
    line = pl.DataFrame({"pid": pid}).with_columns(start=pl.lit(FIRST), end=pl.lit(LAST))
    changes = pl.DataFrame(
        {
            "pid": np.repeat(pid, 10),
            "day": (days + DAY).astype(np.int32),
            "value": rng.integers(0, 100, persons * 10).astype(np.float64),
        }
    ).with_columns(pl.col("day").cast(pl.Date))
    return line, changes


def attach_kruispunt(frames: Any) -> Any:
    """Read both, cut the timeline at the changes."""
    import kruispunt as kp

    line, changes = frames
    timeline = kp.Spells(line, person="pid", start="start", end="end").resolve([])
    return timeline.attach(kp.Spells(changes, person="pid", day="day"), "value", column="value")


def attach_polars(frames: Any) -> Any:
    """Stack starts and changes, look ahead to the next."""
    import polars as pl

    line, changes = frames
    starts = line.lazy().select("pid", day="start", value=pl.lit(None, dtype=pl.Float64))
    last = pl.lit(LAST).cast(pl.Date)
    return (
        pl.concat([starts, changes.lazy()])
        .sort("pid", "day")
        .with_columns(
            end=(pl.col("day").shift(-1).over("pid") - pl.duration(days=1)).fill_null(last)
        )
        .rename({"day": "start"})
        .collect()
    )


def attach_sums(result: Any, engine: str) -> list[float]:
    """Pieces, days, places and days weighted by value."""
    import polars as pl

    frame = result.to_frame() if engine == "kruispunt" else result
    days = pl.col("end").cast(pl.Int64) - pl.col("start").cast(pl.Int64) + 1
    return [*_spans(frame), float(frame.select((days * pl.col("value")).sum()).item())]


# Lags -----------------------------------------------------------------------------------------


def cells(persons: int) -> Any:
    """Make a panel with one cell in five missing."""
    import polars as pl

    rng = np.random.default_rng(persons)
    kept = rng.random(persons * 48) > 0.2
    return pl.DataFrame(
        {
            "pid": np.repeat(np.arange(persons), 48)[kept],
            "q": np.tile(np.arange(48, dtype=np.int64), persons)[kept],
            "y": rng.random(persons * 48)[kept],
        }
    )


def lag_input(frame: Any) -> Any:
    """Make the panel before the clock starts."""
    import polars as pl

    import kruispunt as kp

    year = (2005 + pl.col("q") // 4) * 10 + pl.col("q") % 4 + 1
    return kp.Panel(frame.with_columns(q=year), person="pid", period="q")


def lag_polars(frame: Any) -> Any:
    """Shift rows, and guard the gaps."""
    import polars as pl

    before = pl.col("q").shift(1).over("pid") == pl.col("q") - 1
    return frame.with_columns(lagged=pl.when(before).then(pl.col("y").shift(1).over("pid")))


def lag_sums(result: Any, engine: str) -> list[float]:
    """Rows, nulls, the sum weighted by place."""
    lagged = (
        np.asarray(result["y_lag1"])
        if engine == "kruispunt"
        else result["lagged"].to_numpy(allow_copy=True)
    )
    known = np.nan_to_num(lagged)
    place = np.arange(len(known)) % 1009
    return [float(len(known)), float(np.isnan(lagged).sum()), float(known @ place)]


# Out of core ----------------------------------------------------------------------------------


def blocks_kruispunt(folder: Path) -> list[float]:
    """Read persons a block at a time; keep sums of the panels only."""
    import kruispunt as kp

    total = np.zeros(8)
    for block in kp.person_blocks(sorted(folder.glob("*.parquet")), person="pid", rows=10_000_000):
        panel = panel_kruispunt(categories(block))
        sums = [float(panel[f"days_{state}"].sum()) for state in STATES]
        pay = np.nan_to_num(panel["wage"])
        total += [len(panel), panel.persons, *sums, pay.sum()]
    return [float(value) for value in total]


def write_blocks(folder: Path, persons: int) -> None:
    """Write the files, a tenth of the persons at a time, each file sorted by person."""
    step = max(1, persons // 10)
    for at, first in enumerate(range(0, persons, step)):
        frame = spells(min(step, persons - first), ordered=True, first=first)
        frame.write_parquet(folder / f"spells-{at:02d}.parquet", row_group_size=1_000_000)


# All constructs -------------------------------------------------------------------------------


def registers(scale: str) -> dict[str, Any]:
    """Make the synthetic registers, and what linkage would say of their identifiers."""
    import polars as pl

    import kruispunt as kp

    world = kp.synth.registers(scale, seed=1, imperfections=[], backend="polars", progress=False)
    links = world.truth["links"].with_columns(pl.col("source").cast(pl.String))

    def bridge(source: str, record: Any) -> Any:
        return links.filter(pl.col("source") == source).select(record, "pid")

    clients = bridge("vdab_klanten", pl.col("record").cast(pl.Int64).alias("vdab_id"))
    permits = bridge("permits", pl.col("record").alias("permit_id"))
    dossiers = bridge("kbi_dossier", pl.col("record").alias("kbi_nr"))
    names = ["dmfa_jobs", "residence_spells", "deaths", "persons", "vdab_acties", "permits"]
    names += ["kbi_dossier", "vdab_inschrijving"]
    return {name: world[name] for name in names} | {
        "clients": clients, "permit_holders": permits, "dossier_holders": dossiers,
    }  # fmt: skip


def chair_kruispunt(reg: dict[str, Any]) -> list[float]:
    """Take registers to a panel with every construct."""
    import polars as pl

    import kruispunt as kp

    quarters = kp.Calendar.quarters("2005Q1", "2016Q4")
    lines = reg["dmfa_jobs"].with_columns(day_wage=kp.belgium.day_wage(reg["dmfa_jobs"]))
    jobs = kp.Spells(
        lines, person="pid", period="quarter", state="clatra", name="jobs",
        carry=["matric", "days_ft", "hours_pt", "wage_ord", "day_wage"],
    )  # fmt: skip
    residence = kp.Spells(reg["residence_spells"], person="pid", start="from", end="to")
    panel = jobs.to_panel(
        quarters, state="main", order=["-days_ft", "-hours_pt", "-wage_ord", "matric"],
        values=["matric", "day_wage"], count=True, sum="wage_ord", balance="full",
        presence=residence,
        arrived=kp.Spells(reg["persons"], person="pid", day="first_reg_date", carry=[]),
        died=kp.Spells(reg["deaths"], person="pid", day="death_date"),
    )  # fmt: skip
    kinds = pl.col("type").cast(pl.String).is_in(["GCT", "OCT", "NCWT", "CWT"])
    training = kp.Spells(
        reg["vdab_acties"].filter(kinds), person="vdab_id", start="from", end="to", state="type",
        carry=["hours"], name="training",
    ).identify(reg["clients"], person="pid")  # fmt: skip
    exposed = panel.attach(training, "days").dose(training).treatment(training)
    exposed = exposed.event_time(training)
    granted = pl.col("decision").cast(pl.String) == "toegekend"
    permits = kp.Spells(
        reg["permits"].filter(granted), person="permit_id", start="from", end="to", state="card",
        name="permits",
    ).identify(reg["permit_holders"], person="pid")  # fmt: skip
    chains = permits.merge(gap=30)
    clocks = kp.belgium.since_arrival(exposed, residence, absence=365)
    work = clocks.with_column("employed", clocks["count"] > 0)
    work = kp.belgium.stable_employment(work, "employed", quarters=4)
    work = kp.belgium.leave_eligibility(work, jobs, employer="matric")
    dossiers = reg["kbi_dossier"].join(reg["dossier_holders"], on="kbi_nr")
    service = reg["vdab_inschrijving"].select("vdab_id", "from")
    paths = kp.belgium.programme_paths(
        {
            "integration": kp.Spells(
                dossiers.select("pid", "aanmelding"), person="pid", day="aanmelding"
            ),
            "service": kp.Spells(service, person="vdab_id", day="from", name="service").identify(
                reg["clients"], person="pid"
            ),
            "training": training,
            "job": jobs,
        }
    )
    held = [float(np.nansum(work[name])) for name in ("count", "wage_ord", "training_days")]
    stable = [float(np.nansum(work[name])) for name in ("stable", "leave", "since_arrival")]
    return [float(len(work)), float(work.persons), *held, *stable, float(len(chains)), len(paths)]


# The whole ------------------------------------------------------------------------------------


def duckdb_with(frame: Any) -> Any:
    """Open a connection that sees the spells."""
    import duckdb

    connection = duckdb.connect()
    connection.execute("set threads = 2")
    connection.register("spells", frame.to_arrow())
    return connection


JOBS: dict[str, Any] = {
    "unsorted": (panel_sums, panel_kruispunt, panel_polars, panel_duckdb),
    "sorted": (panel_sums, panel_kruispunt, panel_polars, panel_duckdb),
    "merge": (merge_sums, merge_kruispunt, merge_polars, merge_duckdb),
    "episodes": (episodes_sums, episodes_kruispunt, episodes_polars, episodes_duckdb),
    "attach": (attach_sums, attach_kruispunt, attach_polars, None),
    "lag": (lag_sums, lambda panel: panel.lag("y", 1), lag_polars, None),
    "blocks": (lambda result, _: result, blocks_kruispunt, None, None),
    "chair": (lambda result, _: result, chair_kruispunt, None, None),
}

# Bytes a person that any engine must read and write: spells of 33 bytes, cells of 2 to 8 bytes.
MOVED = {
    "unsorted": 10 * 33 + 48 * (8 + 4 + 5 * 2 + 8 + 1 + 1),
    "sorted": 10 * 33 + 48 * (8 + 4 + 5 * 2 + 8 + 1 + 1),
    "merge": 10 * 17 + 9 * 17,
    "episodes": 10 * 25 + 14 * (8 + 4 + 4 + 8 + 8 + 1),
    "attach": 16 + 10 * 20 + 11 * 24,
    "lag": 38 * (8 + 4 + 8 + 8),
    "blocks": 100 * 33 + 10 * 48 * 32,
}


def agree(one: list[float], other: list[float]) -> str | None:
    """Counts exactly, sums of real numbers to 1e-9 relative."""
    close = np.allclose(one, other, rtol=1e-9, atol=0) and len(one) == len(other)
    return None if close else f"{one} against {other}"


def run_engine(job: str, engine: str, persons: int) -> None:
    """Run one engine in this process, and print its answer and its figures."""
    sums, *works = JOBS[job]
    work = dict(zip(("kruispunt", "polars", "duckdb"), works, strict=True))[engine]
    data: Any
    small: Any
    if job == "blocks":
        with tempfile.TemporaryDirectory() as name:
            write_blocks(Path(name), persons * 10)
            answer, figures = harness.timed(lambda: work(Path(name)))
        harness.child(answer, figures)
        return
    if job == "chair":
        data, small = registers("chair"), registers("test")
    elif job == "attach":
        data, small = changes(persons), changes(100)
    elif job == "lag":
        data, small = cells(persons), cells(100)
        if engine == "kruispunt":
            data, small = lag_input(data), lag_input(small)
    else:
        ordered = job != "unsorted"
        data, small = spells(persons, ordered=ordered), spells(100, ordered=ordered)
        if engine == "kruispunt":
            data, small = categories(data), categories(small)
    work(small)
    result, figures = harness.timed(lambda: work(data))
    harness.child(sums(result, engine), figures)


def main() -> None:
    """Run one engine, or all that do the job."""
    parser = harness.arguments(__doc__ or "")
    parser.add_argument("--persons", type=int, default=1_000_000)
    parser.add_argument("--job", choices=list(JOBS), default="unsorted")
    options = parser.parse_args()
    if options.engine:
        run_engine(options.job, options.engine, options.persons)
        return
    engines = zip(("kruispunt", "polars", "duckdb"), JOBS[options.job][1:], strict=True)
    harness.compare(
        f"panel-{options.job}",
        {engine: engine for engine, work in engines if work is not None},
        options,
        agree=agree,
        bytes_moved=options.persons * MOVED[options.job] if options.job in MOVED else None,
        extra=["--persons", str(options.persons), "--job", options.job],
    )


if __name__ == "__main__":
    main()
