"""Days that a register writes as numbers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np

from kruispunt import _core
from kruispunt.exceptions import InputError

__all__ = ["dated", "refuse_numbers"]

ORIGINS = {
    "unix": dt.date(1970, 1, 1),
    "sas": dt.date(1960, 1, 1),
    "stata": dt.date(1960, 1, 1),
    # Excel counts 29 February 1900, which never was: from 1 March 1900 on this is its day 0
    "excel": dt.date(1899, 12, 30),
    "excel1904": dt.date(1904, 1, 1),
}
_EPOCH = dt.date(1970, 1, 1)
_FIRST, _LAST = (dt.date(1, 1, 1) - _EPOCH).days, (dt.date(9999, 12, 31) - _EPOCH).days


def dated(
    data: _core.Table | _core.Linked, columns: Sequence[str], origin: str
) -> _core.Table | _core.Linked:
    """Make dates of the columns that hold numbers of days since `origin`."""
    base = _origin(origin)
    table = data.table() if isinstance(data, _core.Linked) else data
    numeric = [name for name in columns if _is_number(table, name)]
    if not numeric:
        return data
    if isinstance(data, _core.Linked):
        raise InputError("`origin`: turn numbers into dates before their rows are linked")
    return _core.Table.from_columns(
        [
            (
                name,
                _dates(table.column(name), name, base) if name in numeric else table.column(name),
            )
            for name in table.columns
        ]
    )


def refuse_numbers(
    data: _core.Table | _core.Linked, columns: Sequence[tuple[str, str | None]]
) -> None:
    """Raise for numbers where days should be: nobody knows since when they count."""
    table = data.table() if isinstance(data, _core.Linked) else data
    for argument, name in columns:
        if name is not None and _is_number(table, name):
            known = ", ".join(f'"{origin}"' for origin in ORIGINS)
            what = "real" if table.column(name).kind == "float" else "whole"
            raise InputError(
                f'`{argument}`: column "{name}" holds {what} numbers, not dates; days as numbers count from '
                f"another day in each program; say which with `origin`: {known}, or a day such as "
                '"1960-01-01"'
            )


def _is_number(table: _core.Table, name: str) -> bool:
    return name in table.columns and table.column(name).kind in {"int", "float"}


def _origin(origin: str) -> int:
    given = ORIGINS.get(origin)
    if given is None:
        try:
            given = dt.date.fromisoformat(str(origin))
        except ValueError:
            known = ", ".join(f'"{name}"' for name in ORIGINS)
            raise InputError(
                f'`origin`: expected {known} or a day such as "1960-01-01", got {origin!r}'
            ) from None
    return (given - _EPOCH).days


def _dates(column: _core.Column, name: str, base: int) -> _core.Column:
    values = np.asarray(column.values(), dtype=np.float64)
    valid = column.valid()
    there = np.isfinite(values) if valid is None else np.isfinite(values) & valid
    days = np.where(there, values, 0.0) + base
    off = there & ((days != np.floor(days)) | (days < _FIRST) | (days > _LAST))
    off |= np.isinf(values) if valid is None else np.isinf(values) & valid
    if off.any():
        row = int(np.argmax(off))
        raise InputError(
            f'`origin`: column "{name}" at row {row} is not a whole number of days between the '
            "years 1 and 9999; seconds must be divided by 86,400 first"
        )
    whole = np.where(there, days, 0.0).astype(np.int32)
    return _core.Column.dates(whole, None if there.all() else there)
