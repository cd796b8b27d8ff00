"""What tables with an account have in common."""

from __future__ import annotations

import html
from typing import Any

from kruispunt import _core
from kruispunt._frames import to_frame
from kruispunt.table import Table

__all__ = ["Shown", "said"]


def said(what: object, *tables: _core.Table) -> str:
    """Write what something says of itself as HTML, with the first rows of tables."""
    shown = html.escape(repr(what))
    head = f"<pre>{shown}</pre>" if "\n" in shown else f"<p>{shown}</p>"
    return f"<div>{head}{''.join(Table.wrap(table)._repr_html_() for table in tables)}</div>"


class Shown:
    """What linked registers, spells, timelines and panels have in common: a table, an account, a face."""

    __slots__ = ("__weakref__", "_like")

    _like: Any

    def __kruispunt_table__(self) -> _core.Table:
        raise NotImplementedError

    def to_frame(self, like: Any = None) -> Any:
        """Give the rows as a data frame.

        Parameters
        ----------
        like : data frame, optional
            The kind of frame to give; by default the kind that was read.
        """
        return to_frame(self.__kruispunt_table__(), self._like if like is None else like)

    def _frame(self, native: _core.Table) -> Any:
        return to_frame(native, self._like)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.__kruispunt_table__().__arrow_c_stream__(requested_schema)

    def _repr_html_(self) -> str:
        return said(self, self.__kruispunt_table__())
