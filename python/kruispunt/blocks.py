"""Registers larger than memory, a block of persons at a time."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from kruispunt.exceptions import InputError, MissingPackageError

__all__ = ["person_blocks"]


def person_blocks(
    files: str | Path | Sequence[str | Path],
    *,
    person: str,
    rows: int = 10_000_000,
    columns: Sequence[str] | None = None,
) -> Iterator[Any]:
    """Read Parquet files a block of persons at a time, each person whole.

    What spells and panels do, they do person by person; a register that does not fit into memory is
    worked through in blocks, and what is kept of each (a panel written to a file, counts) is small.
    The identifiers are read first, to find where blocks begin; then each block is read by a filter on
    them. Files sorted by person are read once, since Parquet knows the smallest and largest identifier
    of each part; others are searched again for each block.

    Parameters
    ----------
    files : path or sequence of paths
        Parquet files of the same columns; a person may occur in several.
    person : str
        The column of identifiers.
    rows : int
        About how many rows a block has. A block ends with a person, so it may have more.
    columns : sequence of str, optional
        What to read; all columns by default. The identifiers are always read.

    Yields
    ------
    data frame
        Of polars or else pyarrow, whichever is installed: persons in the order of their identifiers.
        Rows without an identifier come with the first block.

    Raises
    ------
    InputError
        If there is no file, or `rows` is not positive.
    MissingPackageError
        If neither polars nor pyarrow is installed.

    Examples
    --------
    >>> import tempfile
    >>> import polars as pl
    >>> jobs = pl.DataFrame({"pid": [1, 1, 2, 3], "day": ["2012-01-01"] * 4})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     jobs.write_parquet(f"{folder}/jobs.parquet")
    ...     for block in kp.person_blocks(f"{folder}/jobs.parquet", person="pid", rows=2):
    ...         print(kp.Spells(block, person="pid", day="day"))
    Spells of spells: 2 spells of 1 person
    Spells of spells: 2 spells of 2 persons
    """
    listed = [str(files)] if isinstance(files, str | Path) else [str(file) for file in files]
    if not listed:
        raise InputError("`files`: expected one Parquet file or more")
    given: Any = rows
    if isinstance(given, bool) or not isinstance(given, int) or given < 1:
        raise InputError(f"`rows`: expected a number of rows from 1 on, got {given!r}")
    wanted = None if columns is None else list(dict.fromkeys([person, *columns]))
    if importlib.util.find_spec("polars") is not None:
        return _with_polars(listed, person, rows, wanted)
    if importlib.util.find_spec("pyarrow") is not None:
        return _with_pyarrow(listed, person, rows, wanted)
    raise MissingPackageError("reading Parquet needs polars or pyarrow: pip install polars")


def _with_polars(
    files: list[str], person: str, rows: int, columns: list[str] | None
) -> Iterator[Any]:
    import polars as pl

    scan = pl.scan_parquet(files)
    names = scan.collect_schema().names()
    _look_up(names, [person, *(columns or [])])
    if columns is not None:
        scan = scan.select(columns)
    one = pl.col(person)
    block = pl.col("len").cum_sum() - 1
    borders = (
        pl.scan_parquet(files)
        .filter(one.is_not_null())
        .group_by(person)
        .len()
        .sort(person)
        .group_by(block // rows, maintain_order=True)
        .agg(low=one.first(), high=one.last())
        .collect(engine="streaming")
    )
    extra: Any = one.is_null()
    if borders.is_empty():
        yield scan.collect()
    for low, high in borders.select("low", "high").iter_rows():
        inside = one.is_between(low, high)
        yield scan.filter(inside if extra is None else inside | extra).collect()
        extra = None


def _with_pyarrow(
    files: list[str], person: str, rows: int, columns: list[str] | None
) -> Iterator[Any]:
    import pyarrow.compute as pc
    import pyarrow.dataset as ds

    data = ds.dataset(files, format="parquet")
    _look_up(data.schema.names, [person, *(columns or [])])
    one = pc.field(person)
    known = data.to_table(columns=[person], filter=~one.is_null())
    counts = known.group_by(person).aggregate([([], "count_all")]).sort_by(person)
    places = pc.subtract(pc.cumulative_sum(counts["count_all"]), 1)
    blocks = counts.append_column("block", pc.divide(places, rows))
    borders = (
        blocks.group_by("block").aggregate([(person, "min"), (person, "max")]).sort_by("block")
    )
    extra: Any = one.is_null()
    if borders.num_rows == 0:
        yield data.to_table(columns=columns)
    for low, high in zip(borders[f"{person}_min"], borders[f"{person}_max"], strict=True):
        inside = (one >= low) & (one <= high)
        keep = inside if extra is None else inside | extra
        yield data.to_table(columns=columns, filter=keep)
        extra = None


def _look_up(names: list[str], wanted: list[str]) -> None:
    for name in wanted:
        if name not in names:
            raise InputError(f'`person`: there is no column "{name}"; there are {", ".join(names)}')
