"""Registers whose rows were linked."""

from __future__ import annotations

from typing import Any

from kruispunt import _core
from kruispunt._frames import IntoTable, to_table
from kruispunt._shown import Shown
from kruispunt.account import Account

__all__ = ["Linked", "Register", "to_register"]


class Register(Shown):
    """Rows that have a past: what a rule or a linkage made of a table.

    It is a table like any other (:meth:`to_frame`, ``__arrow_c_stream__``); what reads it as it is
    (:class:`kruispunt.Spells`, :meth:`kruispunt.Spells.identify`,
    :meth:`kruispunt.Panel.attach_person`) takes over its account, so that the flow diagram of a
    panel tells of it.

    Attributes
    ----------
    account : Account
        What happened to the rows.
    """

    __slots__ = ("native",)

    native: _core.Linked

    def __init__(self, native: _core.Linked, like: Any = None) -> None:
        self.native = native
        self._like = like

    @property
    def account(self) -> Account:
        """What happened to the rows."""
        return Account.from_json(self.native.account)

    def __kruispunt_table__(self) -> _core.Table:
        return self.native.table()

    def __len__(self) -> int:
        return len(self.native)

    def __reduce__(self) -> tuple[Any, tuple[_core.Linked]]:
        return type(self), (self.native,)

    def __repr__(self) -> str:
        names = ", ".join(self.native.table().columns)
        return f"<{type(self).__name__} of {len(self)} rows: {names}>"


class Linked(Register):
    """The linked rows of a register, with columns of the register they were linked to.

    Made by :meth:`kruispunt.linkage.Links.attach`. The flow diagram of a panel that reads it begins
    with the linkage.

    Attributes
    ----------
    account : Account
        How the rows were linked, and what was left out.
    """

    __slots__ = ()


def to_register(data: IntoTable, argument: str = "data") -> _core.Table | _core.Linked:
    """Read a table of any kind, with its past where it has one."""
    return data.native if isinstance(data, Register) else to_table(data, argument=argument)
