"""Checks of a delivery; countries and dates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kruispunt import _core
from kruispunt._frames import to_frame, to_table

__all__ = ["calendar", "checks", "countries"]


def checks(registers: Mapping[str, Any]) -> Any:
    """Look for the traps of the warehouse in a delivery.

    Parameters
    ----------
    registers : mapping of str to table
        Tables by name, with the table and column names of ``docs/registers.md``. Tables that are
        not there are reported as not checked.

    Returns
    -------
    data frame
        One row a check: ``check``, ``table``, ``status`` (``found``, ``clean``, ``not checked``),
        ``rows`` that show it, ``of`` how many, ``what`` it is, ``advice``. Of the kind of the first
        table.

    Examples
    --------
    >>> deaths = {"pid": [1, 1], "death_date": ["2010-01-02", "2010-02-01"]}
    >>> found = kp.belgium.checks({"deaths": deaths})
    >>> double = found["check"].tolist().index("double_death")
    >>> found["status"][double], found["advice"][double]
    ('found', 'take the earliest')
    """
    tables = [(name, registers[name]) for name in registers]
    natives = [(name, to_table(table, argument=name)) for name, table in tables]
    return to_frame(_core.register_checks(natives), tables[0][1] if tables else {})


def calendar() -> list[dict[str, str]]:
    """Give the dates at which policies and registers changed.

    Returns
    -------
    list of dict
        ``date``, ``name``, ``what``, ``kind`` (``policy``, ``register``) and ``certainty``
        (``read`` in a public source, ``unchecked``: from memory, check before use).

    Examples
    --------
    >>> [event["date"] for event in kp.belgium.calendar() if event["name"] == "card_c_4_months"]
    ['2015-11-09']
    """
    names = ("date", "name", "what", "kind", "certainty")
    return [dict(zip(names, event, strict=True)) for event in _core.policy_events()]


def countries() -> list[dict[str, str]]:
    """Give the countries the pack knows, with the groups they fall into.

    The list is partial, and partly from memory: compare it with the one of your delivery.

    Returns
    -------
    list of dict
        ``code`` (register), ``iso2``, ``name``, ``group``, ``arvastat``.

    Examples
    --------
    >>> [one["code"] for one in kp.belgium.countries() if one["iso2"] == "BE"]
    ['150']
    """
    names = ("code", "iso2", "name", "group", "arvastat")
    return [dict(zip(names, line, strict=True)) for line in _core.country_list()]
