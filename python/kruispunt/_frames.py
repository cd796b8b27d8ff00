"""Any table in, the same kind out.

Arrow is the border: whatever has ``__arrow_c_stream__`` is read as it is, without a copy where
none is needed. pandas comes column by column (its own Arrow stream needs pyarrow and carries the
index along), mappings and structured arrays through NumPy.
"""

from __future__ import annotations

import datetime as dt
import decimal
import difflib
import functools
import importlib
import sys
from collections.abc import Iterable, Mapping, Sequence
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kruispunt import _core
from kruispunt._made import reads
from kruispunt.exceptions import InputError
from kruispunt.table import Table

__all__ = ["IntoTable", "to_frame", "to_table"]

IntoTable: TypeAlias = Any
"""What verbs take as a table: see :class:`kruispunt.Table`."""

_ACCEPTED = (
    "a pandas or polars data frame, a pyarrow table, a DuckDB relation, a kruispunt table, "
    "a mapping of names to arrays, or anything with `__arrow_c_stream__`"
)
# What the core writes before and after the items of a list.
ITEM = "\x1d"
_EPOCH = dt.date(1970, 1, 1)
_UNITS = {"M": "month", "Q-DEC": "quarter", "Y-DEC": "year", "A-DEC": "year"}
_EPOCHS = {"month": 1970 * 12, "quarter": 1970 * 4, "year": 1970}


def to_table(
    data: IntoTable,
    columns: Sequence[str] | None = None,
    argument: str = "data",
    *,
    lists: bool = False,
) -> _core.Table:
    """Read a table of any kind.

    Parameters
    ----------
    data : data frame, mapping or Table
        See :class:`kruispunt.Table`.
    columns : sequence of str, optional
        The columns to read, in that order; all by default. Only these are converted.
    argument : str
        The caller's argument, for messages.
    lists : bool
        Whether columns of lists are read, as text with a mark after each item.

    Returns
    -------
    _core.Table
        The native table.

    Raises
    ------
    InputError
        If `data` is no table, a column is not there, or has a type that no verb reads.

    Examples
    --------
    >>> to_table({"person": [7, 9], "wage": [101.5, 99.0]}, ["wage"])
    <Table of 2 rows and 1 columns>
    """
    table = _read(data, columns, argument, lists=lists)
    reads(data, table, argument)
    return table


def _read(
    data: IntoTable, columns: Sequence[str] | None, argument: str, *, lists: bool
) -> _core.Table:
    names = None if columns is None else _names(columns, argument)
    inner = _unwrapped(data)
    if isinstance(inner, _core.Table):
        return inner if names is None else inner.select(names, argument)
    if _is_pandas(inner):
        return _from_pandas(inner, names, argument, lists=lists)
    if isinstance(inner, Mapping):
        return _from_mapping(inner, names, argument, lists=lists)
    if isinstance(inner, np.ndarray):
        return _from_structured(inner, names, argument)
    narrowed = _narrowed(inner, names)
    table = _core.Table.from_arrow(narrowed, names, argument, lists)
    if table is None:
        message = f"`{argument}`: {_kind(data)} is not a table; give {_ACCEPTED}"
        raise InputError(message)
    return table


def to_frame(table: _core.Table | Table, like: Any = None) -> Any:
    """Give a table as the caller's own kind of data frame.

    Parameters
    ----------
    table : Table
        What a verb made.
    like : data frame, optional
        What the caller handed in. pandas, polars (eager also for a lazy frame), pyarrow, DuckDB,
        a mapping and a structured array come back as such; anything else gives a
        :class:`kruispunt.Table`.
    """
    if isinstance(table, _core.Table):
        table = Table.wrap(table)
    if _is_narwhals(like):
        import narwhals as nw

        return nw.from_native(to_frame(table, like.to_native()))
    if _is_pandas(like):
        return table.to_pandas()
    if _is_polars(like):
        return table.to_polars()
    if _is_from(like, "pyarrow", "Table"):
        return table.to_arrow()
    if _is_from(like, "pyarrow", "RecordBatch"):
        return table.to_arrow().combine_chunks().to_batches()[0]
    if _is_duckdb(like):
        made = table  # noqa: F841 - DuckDB finds it by its name
        return like.query("like_", "from made")
    if isinstance(like, Mapping) and not isinstance(like, Table):
        return table.to_dict()
    if isinstance(like, np.ndarray):
        arrays = table.to_dict()
        rows = np.empty(len(table), dtype=[(name, array.dtype) for name, array in arrays.items()])
        for name, array in arrays.items():
            rows[name] = array
        return rows
    return table


def _names(columns: Sequence[str], argument: str) -> list[str]:
    names: list[Any] = [columns] if isinstance(columns, str) else list(columns)
    for name in names:
        if not isinstance(name, str):
            message = f"`{argument}`: column names are text, not {_kind(name)}"
            raise InputError(message)
    return list(dict.fromkeys(names))


def _kind(value: object) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")


def _is_from(value: object, package: str, *names: str) -> bool:
    """Whether `value` is of a class of a package that may not be installed."""
    module = sys.modules.get(package)
    if module is None:
        return False
    kinds = tuple(kind for name in names if isinstance(kind := getattr(module, name, None), type))
    return isinstance(value, kinds)


def _is_pandas(value: object) -> bool:
    return _is_from(value, "pandas", "DataFrame")


def _is_polars(value: object) -> bool:
    return _is_from(value, "polars", "DataFrame", "LazyFrame")


def _is_duckdb(value: object) -> bool:
    return _is_from(value, "duckdb", "DuckDBPyRelation")


def _is_narwhals(value: object) -> bool:
    return _is_from(value, "narwhals", "DataFrame", "LazyFrame") or _is_from(
        value, "narwhals.stable.v1", "DataFrame", "LazyFrame"
    )


def _unwrapped(data: IntoTable) -> Any:
    """Look through the faces a table may have."""
    if _is_narwhals(data):
        return _unwrapped(data.to_native())
    if isinstance(data, Table):
        return data.native
    native = getattr(data, "__kruispunt_table__", None)
    return native() if callable(native) else data


def _narrowed(data: Any, names: list[str] | None) -> Any:
    """Select columns on the other side, so that only these are converted.

    A column that is not there is left to the reader, which lists those that are.
    """
    if _is_from(data, "polars", "LazyFrame"):
        present = data.collect_schema().names()
        wanted = names if names is not None and set(names) <= set(present) else present
        return data.select(wanted).collect()
    if names is None:
        return data
    if _is_polars(data) and set(names) <= set(data.columns):
        return data.select(names)
    if _is_from(data, "pyarrow", "Table", "RecordBatch"):
        present = data.schema.names
        if set(names) <= set(present) and len(present) == len(set(present)):
            return data.select(names)
    if _is_duckdb(data) and set(names) <= set(data.columns):
        return data.select(*(sys.modules["duckdb"].ColumnExpression(name) for name in names))
    return data


@functools.cache
def _installed(name: str) -> ModuleType | None:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def _missing(name: str, present: Iterable[str], argument: str) -> InputError:
    present = list(present)
    there = ", ".join(f'"{one}"' for one in present[:20]) or "no columns"
    near = difflib.get_close_matches(name, present[:1000], n=1)
    meant = f'did you mean "{near[0]}"? ' if near else ""
    return InputError(f'`{argument}`: there is no column "{name}"; {meant}the table has {there}')


def _unreadable(name: str, argument: str, what: str) -> InputError:
    return InputError(
        f'`{argument}`: column "{name}" holds {what}, which kruispunt does not read; '
        "give numbers, text, dates, booleans or categories"
    )


# pandas -------------------------------------------------------------------------------------


def _from_pandas(frame: Any, names: list[str] | None, argument: str, *, lists: bool) -> _core.Table:
    """Read a pandas frame; index levels that have a name count as columns."""
    sources: dict[str, Any] = {}
    for level, name in enumerate(frame.index.names):
        if isinstance(name, str):
            sources[name] = frame.index.get_level_values(level).to_series()
    for at, name in enumerate(frame.columns):
        if not isinstance(name, str):
            if names is None:
                message = f"`{argument}`: column names are text, not {_kind(name)}; rename them"
                raise InputError(message)
            continue
        if name in sources and names is None:
            message = f'column "{name}" occurs twice; rename or drop one of them'
            raise InputError(message)
        sources[name] = frame.iloc[:, at]
    if names is None:
        names = list(sources)
    for name in names:
        if name not in sources:
            raise _missing(name, sources, argument)
    return _core.Table.from_columns(
        [(name, _pandas_column(sources[name], name, argument, lists=lists)) for name in names]
    )


def _pandas_column(series: Any, name: str, argument: str, *, lists: bool = False) -> _core.Column:
    pyarrow = _installed("pyarrow")
    if pyarrow is None:
        return _pandas_by_numpy(series, name, argument, lists=lists)
    try:
        plain = _plain(series)
        array = pyarrow.array(series, from_pandas=True) if plain is None else pyarrow.array(plain)
    except (pyarrow.ArrowException, TypeError, ValueError, OverflowError):
        # Arrow's own message would show a cell.
        return _objects(series.to_numpy(dtype=object), name, argument, lists=lists)
    column = _core.Column.from_arrow(array, argument, name, lists)
    if column is None:  # pyarrow before 14 has no capsules
        return _pandas_by_numpy(series, name, argument, lists=lists)
    return column


def _plain(series: Any) -> NDArray[np.float64] | None:
    """Give the array of a pandas column without NaN, which Arrow takes as it is."""
    if not isinstance(series.dtype, np.dtype) or series.dtype != np.float64 or series.empty:
        return None
    values: NDArray[np.float64] = series.to_numpy()
    return None if np.isnan(values.min()) else values


def _pandas_by_numpy(series: Any, name: str, argument: str, *, lists: bool = False) -> _core.Column:
    """Read a pandas column where there is no pyarrow."""
    dtype = series.dtype
    missing = series.isna().to_numpy(dtype=bool)
    valid = None if not missing.any() else ~missing
    if hasattr(dtype, "categories") and hasattr(dtype, "ordered"):
        levels = list(dtype.categories)
        if all(isinstance(level, str) for level in levels):
            return _core.Column.categories(series.cat.codes.to_numpy(dtype=np.int64), levels)
        return _objects(series.to_numpy(dtype=object), name, argument)
    if type(dtype).__name__ == "PeriodDtype":
        unit = _UNITS.get(str(dtype).removeprefix("period[").removesuffix("]"))
        if unit is None:
            what = "periods other than calendar months, quarters or years"
            raise _unreadable(name, argument, what)
        ordinals = np.where(missing, 0, series.array.asi8) + _EPOCHS[unit]
        return _core.Column.periods(ordinals.astype(np.int32), unit, valid)
    if getattr(dtype, "tz", None) is not None:
        if str(dtype.tz) != "UTC":
            what = f"timestamps in the zone {dtype.tz}; turn them into local dates first"
            raise _unreadable(name, argument, what)
        return _dates(series.dt.tz_localize(None).to_numpy(), name, argument)
    if dtype.kind == "b":
        return _core.Column.bools(series.to_numpy(dtype=bool, na_value=False), valid)
    if dtype.kind in "iu":
        filled = series.to_numpy(dtype=dtype.kind + "8", na_value=0)
        return _numbers(filled, valid, name, argument)
    if dtype.kind == "f":
        return _core.Column.floats(series.to_numpy(dtype=np.float64, na_value=np.nan), valid)
    if dtype.kind == "M":
        return _dates(series.to_numpy(), name, argument)
    return _objects(series.to_numpy(dtype=object), name, argument, lists=lists)


# mappings and NumPy -------------------------------------------------------------------------


def _from_mapping(
    data: Mapping[Any, Any], names: list[str] | None, argument: str, *, lists: bool = False
) -> _core.Table:
    for name in data:
        if not isinstance(name, str):
            message = f"`{argument}`: column names are text, not {_kind(name)}"
            raise InputError(message)
    for name in names or ():
        if name not in data:
            raise _missing(name, data, argument)
    wanted = list(data) if names is None else names
    return _core.Table.from_columns(
        [(name, _any_column(data[name], name, argument, lists=lists)) for name in wanted]
    )


def _from_structured(data: NDArray[Any], names: list[str] | None, argument: str) -> _core.Table:
    if data.dtype.names is None or data.ndim != 1:
        message = (
            f"`{argument}`: a NumPy array of shape {data.shape} has no column names; give a "
            "structured array or a mapping of names to arrays"
        )
        raise InputError(message)
    return _from_mapping({name: data[name] for name in data.dtype.names}, names, argument)


def _any_column(values: Any, name: str, argument: str, *, lists: bool) -> _core.Column:
    """Read what a mapping holds under a name."""
    if isinstance(values, np.ndarray):
        return _numpy_column(values, name, argument, lists=lists)
    if _is_from(values, "pandas", "Series", "Index"):
        series = values.to_series() if _is_from(values, "pandas", "Index") else values
        return _pandas_column(series, name, argument, lists=lists)
    if _is_from(values, "pandas", "Categorical") or hasattr(values, "__pandas_priority__"):
        return _pandas_column(sys.modules["pandas"].Series(values), name, argument, lists=lists)
    column = _core.Column.from_arrow(values, argument, name, lists)
    if column is not None:
        return column
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        message = f'`{argument}`: column "{name}" is {_kind(values)}; give an array or a list'
        raise InputError(message)
    listed = list(values)
    array = np.empty(len(listed), dtype=object)
    for at, value in enumerate(listed):
        array[at] = value
    return _objects(array, name, argument, lists=lists)


def _numpy_column(
    array: NDArray[Any], name: str, argument: str, *, lists: bool = False
) -> _core.Column:
    if array.ndim != 1:
        message = f'`{argument}`: column "{name}" has shape {array.shape}; give one dimension'
        raise InputError(message)
    valid = None
    if isinstance(array, np.ma.MaskedArray):
        valid = ~np.ma.getmaskarray(array)
        array = array.filled() if array.dtype.kind != "M" else array.filled(np.datetime64("NaT"))
    match array.dtype.kind:
        case "b":
            return _core.Column.bools(array, valid)
        case "i" | "u":
            return _numbers(array, valid, name, argument)
        case "f":
            return _core.Column.floats(array.astype(np.float64, copy=False), valid)
        case "M":
            return _dates(array, name, argument)
        case "U" | "T":
            return _texts(array.tolist(), valid)
        case "S":
            return _objects(np.char.decode(array, "utf-8").astype(object), name, argument)
        case "O":
            if valid is not None:
                array = _filled(array, ~valid, None, object)
            return _objects(array, name, argument, lists=lists)
        case _:
            raise _unreadable(name, argument, f"NumPy's {array.dtype}")


def _texts(texts: list[Any], valid: NDArray[np.bool_] | None) -> _core.Column:
    if valid is not None:
        texts = [text if there else None for text, there in zip(texts, valid, strict=True)]
    return _core.Column.texts([text if isinstance(text, str) else None for text in texts])


def _numbers(
    array: NDArray[Any], valid: NDArray[np.bool_] | None, name: str, argument: str
) -> _core.Column:
    if array.dtype.kind == "u" and array.dtype.itemsize == 8:
        beyond = array > np.uint64(np.iinfo(np.int64).max)
        if valid is not None:
            beyond &= valid
        if beyond.any():
            row = int(np.argmax(beyond))
            raise _bad_cell(name, row, "a whole number below 2^63", argument)
    return _core.Column.ints(array.astype(np.int64), valid)


def _bad_cell(name: str, row: int, expected: str, argument: str) -> InputError:
    return InputError(f'`{argument}`: column "{name}" at row {row} is not {expected}')


def _dates(array: NDArray[Any], name: str, argument: str) -> _core.Column:
    days = array.astype("datetime64[D]")
    missing = np.isnat(days)
    off = (days.astype(array.dtype) != array) & ~missing
    if off.any():
        row = int(np.argmax(off))
        raise _bad_cell(name, row, "a day; cut the time of day off first", argument)
    numbers = np.where(missing, 0, days.astype(np.int64))
    far = np.abs(numbers) > np.iinfo(np.int32).max
    if far.any():
        raise _bad_cell(name, int(np.argmax(far)), "a day within reach", argument)
    return _core.Column.dates(numbers.astype(np.int32), ~missing if missing.any() else None)


def _objects(array: NDArray[Any], name: str, argument: str, *, lists: bool = False) -> _core.Column:
    """Read Python objects: one kind a column, with None, NaN, NaT and NA as missing."""
    missing = np.fromiter((_is_missing(value) for value in array), dtype=bool, count=len(array))
    valid = ~missing if missing.any() else None
    there = array[~missing]
    kinds = {_object_kind(value) for value in there}
    if not kinds or kinds == {"text"}:
        return _core.Column.texts(
            [None if gone else str(v) for v, gone in zip(array, missing, strict=True)]
        )
    if lists and kinds <= {"list", "tuple", "numpy.ndarray"}:
        rows = enumerate(zip(array, missing, strict=True))
        return _core.Column.texts(
            [None if gone else list_text(own, (name, row, argument)) for row, (own, gone) in rows]
        )
    if kinds == {"bool"}:
        return _core.Column.bools(_filled(array, missing, 0, np.bool_), valid)
    if kinds == {"int"}:
        try:
            return _core.Column.ints(_filled(array, missing, 0, np.int64), valid)
        except OverflowError:
            limits = np.iinfo(np.int64)
            row = next(
                row
                for row, value in enumerate(array)
                if not missing[row] and not limits.min <= int(value) <= limits.max
            )
            raise _bad_cell(name, row, "a whole number below 2^63", argument) from None
    if kinds <= {"int", "float", "decimal"}:
        return _core.Column.floats(_filled(array, missing, np.nan, np.float64), valid)
    if kinds <= {"date", "datetime"}:
        return _dates(
            _filled(array, missing, np.datetime64("NaT"), "datetime64[us]"), name, argument
        )
    mixed = ", ".join(sorted({_kind(value) for value in there}))
    raise _unreadable(
        name, argument, f"a mix of Python objects ({mixed})" if len(kinds) > 1 else mixed
    )


def list_text(items: Any, place: tuple[str, int, str]) -> str:
    """Write a list as the core reads it: a mark, then each item and a mark; nothing for None."""
    texts = [str(own) for own in items if not _is_missing(own)]
    if any(ITEM in own for own in texts):
        name, row, argument = place
        raise _bad_cell(name, row, "a list of items without the control character U+001D", argument)
    return ITEM + "".join(own + ITEM for own in texts)


def _filled(array: NDArray[Any], missing: NDArray[np.bool_], fill: Any, dtype: Any) -> NDArray[Any]:
    filled = array.copy()
    filled[missing] = fill
    return filled.astype(dtype)


def _is_missing(value: object) -> bool:
    if value is None:
        return True
    if isinstance(value, float | np.floating):
        return bool(value != value)  # noqa: PLR0124 - only NaN differs from itself
    return type(value).__name__ in {"NAType", "NaTType"} or (
        isinstance(value, np.datetime64) and bool(np.isnat(value))
    )


def _object_kind(value: object) -> str:
    match value:
        case bool() | np.bool_():
            return "bool"
        case int() | np.integer():
            return "int"
        case float() | np.floating():
            return "float"
        case str():
            return "text"
        case dt.datetime() if value.tzinfo is not None:
            return "zoned"
        case dt.datetime() | np.datetime64():
            return "datetime"
        case dt.date():
            return "date"
        case decimal.Decimal():
            return "decimal"
        case _:
            return _kind(value)
