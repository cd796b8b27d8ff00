"""Tables that kruispunt hands out."""

from __future__ import annotations

import csv
import html
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kruispunt import _core
from kruispunt.exceptions import MissingPackageError

__all__ = ["Table"]

_SHOWN = 10
_BLOCK = 10_000


class Table:
    """Columns of one length, in kruispunt's own memory.

    It speaks Arrow (``__arrow_c_stream__``): ``pl.DataFrame(table)``, ``pa.table(table)``,
    ``pd.DataFrame.from_arrow(table)`` and ``duckdb.sql("from table")`` read it directly. Verbs
    that got a data frame give the caller's own kind back; a ``Table`` comes out where there is no
    such kind.

    Parameters
    ----------
    data : data frame, mapping or Table
        Anything that has columns: pandas, polars (a lazy frame is collected), pyarrow, a DuckDB
        relation, a mapping of names to arrays, a NumPy structured array.
    columns : sequence of str, optional
        The columns to read, in that order; all by default.

    Raises
    ------
    InputError
        If there is no such column, or a column has a type that no verb reads.

    Examples
    --------
    >>> wages = kp.Table({"person": [7, 7, 9], "wage": [101.5, 99.0, None]})
    >>> wages
    person  wage
    ------  -----
         7  101.5
         7     99
         9
    3 rows x 2 columns
    >>> wages["wage"]
    array([101.5,  99. ,   nan])
    """

    __slots__ = ("__weakref__", "native")

    native: _core.Table

    def __init__(self, data: object, columns: list[str] | None = None) -> None:
        from kruispunt._frames import to_table

        self.native = to_table(data, columns)

    @classmethod
    def wrap(cls, native: _core.Table) -> Table:
        """Give a native table its Python face."""
        table = cls.__new__(cls)
        table.native = native
        return table

    @property
    def columns(self) -> list[str]:
        """The names, in order."""
        return self.native.columns

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self.native), len(self.columns)

    def __len__(self) -> int:
        return len(self.native)

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __contains__(self, name: object) -> bool:
        return name in self.columns

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Table) and self.native == other.native

    __hash__ = None  # type: ignore[assignment]  # compared by content, as data frames are

    def __getitem__(self, name: str) -> NDArray[Any]:
        """Give a column as a new NumPy array.

        Missing is NaN in numbers (whole numbers become real ones then), NaT in dates and ``None``
        in text, categories, periods and truth values.
        """
        return to_numpy(self.native.column(name))

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.native.__arrow_c_stream__(requested_schema)

    def __arrow_c_schema__(self) -> object:
        return self.native.__arrow_c_schema__()

    def __reduce__(self) -> tuple[Any, tuple[_core.Table]]:
        return Table.wrap, (self.native,)

    def select(self, *names: str) -> Table:
        """Give the columns `names`, in that order."""
        return Table.wrap(self.native.select(list(names), "names"))

    def to_dict(self) -> dict[str, NDArray[Any]]:
        """Give the columns as NumPy arrays by name."""
        return {name: self[name] for name in self.columns}

    def to_pandas(self) -> Any:
        """Give a pandas data frame; pyarrow is not needed.

        Whole numbers and truth values with missing cells get pandas' nullable types, dates become
        ``datetime64[s]``, periods an ordered categorical.
        """
        pd = _needed("pandas")
        return pd.DataFrame(
            {name: _series(pd, self.native.column(name)) for name in self.columns},
            index=pd.RangeIndex(len(self)),
        )

    def to_polars(self) -> Any:
        """Give a polars data frame."""
        return _needed("polars").DataFrame(self)

    def to_arrow(self) -> Any:
        """Give a pyarrow table."""
        return _needed("pyarrow").table(self)

    def fingerprint(self) -> str:
        """Give the XXH3 digest (128 bits) of names, kinds and values, in 32 hexadecimal digits.

        Equal tables have equal fingerprints, whatever library held them; rows in another order,
        other names or other kinds of numbers give others. Manifests tell fingerprints of what was
        read (see :func:`kruispunt.manifest`).

        Examples
        --------
        >>> wages = kp.Table({"wage": [101.5, 99.0]})
        >>> wages.fingerprint()[:12] == kp.Table({"wage": [101.5, 99.0]}).fingerprint()[:12]
        True
        """
        return self.native.fingerprint()

    def to_csv(self, path: str | Path, *, safe: str | None = None, **roles: Any) -> None:
        """Write a comma-separated file in UTF-8; missing cells are empty.

        Parameters
        ----------
        path : str or Path
            The file.
        safe : str, optional
            With a profile of disclosure control (:func:`kruispunt.set_disclosure`): why the table
            is no risk, though no rule can judge it; it is logged.
        **roles
            With a profile: the roles of the columns, as in :meth:`Disclosure.protect`.
        """
        from kruispunt._gate import current

        session = current()
        if session is not None:
            from kruispunt.disclosure import write_csv

            name = Path(path).stem
            shown = session.table(self, name, output="file", safe=safe, **roles)
            write_csv(shown, Path(path), "" if safe is not None else "c")
            session.written("file", Path(path).name, Path(path).read_text(encoding="utf-8"))
            return
        with Path(path).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(self.columns)
            for start in range(0, len(self), _BLOCK):
                writer.writerows(self.native.cells(start, _BLOCK))

    def __repr__(self) -> str:
        cells, numeric = self._first_rows()
        widths = [
            max([len(name), *(len(row[at]) for row in cells)])
            for at, name in enumerate(self.columns)
        ]

        def line(texts: list[str], right: list[bool]) -> str:
            padded = [
                text.rjust(width) if to_right else text.ljust(width)
                for text, width, to_right in zip(texts, widths, right, strict=True)
            ]
            return "  ".join(padded).rstrip()

        left = [False] * len(widths)
        lines = [line(self.columns, left), line(["-" * width for width in widths], left)]
        lines += [line(row, numeric) for row in cells]
        lines += ["..."] * (len(self) > _SHOWN)
        return "\n".join([*lines, self._size()])

    def _first_rows(self) -> tuple[list[list[str]], list[bool]]:
        """Give the cells to show, and which columns are numbers."""
        kinds = [self.native.column(name).kind for name in self.columns]
        shown = [
            [
                _short(cell or "") if kind == "float" else cell or ""
                for cell, kind in zip(row, kinds, strict=True)
            ]
            for row in self.native.cells(0, _SHOWN)
        ]
        return shown, [kind in {"int", "float"} for kind in kinds]

    def _repr_html_(self) -> str:
        cells, numeric = self._first_rows()
        sides = [f'style="text-align: {"right" if own else "left"}"' for own in numeric]
        head = "".join(
            f"<th {side}>{html.escape(name)}</th>"
            for name, side in zip(self.columns, sides, strict=True)
        )
        rows = [
            "".join(
                f"<td {side}>{html.escape(cell)}</td>"
                for cell, side in zip(row, sides, strict=True)
            )
            for row in cells
        ]
        body = "".join(f"<tr>{row}</tr>" for row in rows)
        if len(self) > _SHOWN:
            body += f'<tr><td colspan="{len(self.columns)}">&#8230;</td></tr>'
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        return f'<div style="overflow-x: auto">{table}<p>{self._size()}</p></div>'

    def _size(self) -> str:
        rows, columns = self.shape
        plural = ("" if rows == 1 else "s", "" if columns == 1 else "s")
        return f"{rows:,} row{plural[0]} x {columns} column{plural[1]}"


def _short(cell: str) -> str:
    """Show a real number with some seven digits."""
    if len(cell) <= 10:
        return cell
    value = float(cell)
    if value != 0 and not 1e-4 <= abs(value) < 1e10:
        return f"{value:.5g}"
    whole = len(str(int(abs(value)))) if abs(value) >= 1 else 0
    return f"{value:.{max(7 - whole, 2)}f}"


def to_numpy(column: _core.Column) -> NDArray[Any]:
    """Give a native column as a new NumPy array; see :meth:`Table.__getitem__`."""
    values, valid = column.values(), column.valid()
    match column.kind:
        case "float":
            if valid is not None:
                values[~valid] = np.nan
            return values
        case "int" if valid is not None:
            real = values.astype(np.float64)
            real[~valid] = np.nan
            return real
        case "date":
            days = values.astype("datetime64[D]")
            if valid is not None:
                days[~valid] = np.datetime64("NaT")
            return days
        case "int":
            return values
        case "bool" if valid is not None:
            flags = values.astype(object)
            flags[~valid] = None
            return flags
        case "bool":
            return values
    levels = column.levels()
    labels = np.empty(max(len(levels), 1), dtype=object)
    for code, level in enumerate(levels):
        labels[code] = level
    texts: NDArray[Any] = labels[values]
    if valid is not None:
        texts[~valid] = None
    return texts


def _needed(name: str) -> Any:
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError as error:
        message = f"{name} is not installed; install it with: pip install {name}"
        raise MissingPackageError(message) from error


def _series(pd: Any, column: _core.Column) -> Any:
    """Give a native column as pandas holds such a column."""
    valid = column.valid()
    kind = column.kind
    if kind in {"int", "bool"} and valid is not None:
        array = pd.arrays.IntegerArray if kind == "int" else pd.arrays.BooleanArray
        return array(column.values(), ~valid)
    if kind == "date":
        return to_numpy(column).astype("datetime64[s]")
    if kind in {"category", "month", "quarter", "year"}:
        codes = column.values().astype(np.int64)
        if valid is not None:
            codes[~valid] = -1
        ordered = kind != "category"
        return pd.Categorical.from_codes(codes, categories=column.levels(), ordered=ordered)
    if kind == "text":
        return pd.array(to_numpy(column), dtype=pd.StringDtype(na_value=np.nan))
    return to_numpy(column)
