"""Pages about links: a template, and data that stand in it."""

from __future__ import annotations

import html
import json
import math
from collections.abc import Iterable, Sequence
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kruispunt import _core
from kruispunt._frames import ITEM, IntoTable, to_table
from kruispunt.exceptions import InputError
from kruispunt.table import Table

__all__ = ["cells_of", "columns_of", "filled"]


def filled(template: str, data: dict[str, Any], title: str) -> str:
    """Give the page: the template with its data, which run no code and close no tag."""
    text = resources.files("kruispunt").joinpath("pages", template).read_text(encoding="utf-8")
    style = resources.files("kruispunt").joinpath("pages", "pages.css").read_text(encoding="utf-8")
    stored = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for sign, code in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026"), ("\u2028", "\\u2028")):
        stored = stored.replace(sign, code)
    text = text.replace("/*STYLE*/", style).replace("<!--TITLE-->", html.escape(title))
    return text.replace("/*DATA*/", stored)


def cells_of(
    data: IntoTable, names: Sequence[str], rows: NDArray[Any], argument: str
) -> list[list[str | None]]:
    """Give cells as text, row by row in the order of `rows`."""
    table = to_table(data, list(names), argument, lists=True)
    distinct = list(dict.fromkeys(names))
    at = [distinct.index(name) for name in names]
    most = int(rows.max()) + 1 if len(rows) else 0
    if len(table) < most:
        raise InputError(f"`{argument}`: the table has {len(table)} rows; the pairs need {most}")
    cells = []
    for row in rows.tolist():
        (own,) = table.cells(row, 1)
        cells.append([_readable(own[place]) for place in at])
    return cells


def _readable(cell: str | None) -> str | None:
    """Show a list as its items."""
    if cell is None or not cell.startswith(ITEM):
        return cell
    return ", ".join(cell.split(ITEM)[1:-1])


def columns_of(native: _core.Table, names: Iterable[str] | None = None) -> dict[str, list[Any]]:
    """Give columns as lists that JSON can hold: NaN and infinity become null."""
    table = Table.wrap(native)
    return {name: _plain(table[name]) for name in (names or table.columns)}


def _plain(values: NDArray[Any]) -> list[Any]:
    if values.dtype.kind == "f":
        return [_rounded(own) if math.isfinite(own) else None for own in values.tolist()]
    if values.dtype.kind in "MO":
        return [None if own is None else own if isinstance(own, bool) else str(own)
                for own in values.tolist()]  # fmt: skip
    return list(np.asarray(values).tolist())


def _rounded(value: float) -> float:
    """Six digits, which is more than a page shows."""
    return float(f"{value:.6g}")
