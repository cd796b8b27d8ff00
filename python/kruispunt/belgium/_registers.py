"""Checks of a delivery; countries and dates."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from kruispunt import _core
from kruispunt._frames import to_frame, to_table
from kruispunt.exceptions import BreakWarning
from kruispunt.panel import Panel

__all__ = ["calendar", "checks", "countries", "coverage"]


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


def coverage(panel: Panel, reason: str = "it202", *, name: str = "covered") -> Panel:
    """Mark the person-periods that the person file does not cover: asylum seekers before 2011.

    Asylum seekers stand in the waiting register, which joined the person file on 1 January 2011.
    Before, the file has only those who left that register, so that a rate over all residents has
    another denominator before 2011 than after. Keep the covered rows for a rate over time.

    Parameters
    ----------
    panel : Panel
        Person x period.
    reason : str
        The column of reasons of stay, codes of IT202 (2 is asylum or protection). A missing reason
        counts as covered: it is blank for Belgians, and incomplete before 2013.
    name : str
        What the column is called.

    Returns
    -------
    Panel
        With ``<name>``, false in periods that begin before 2011 of persons who came for asylum or
        protection.

    Warns
    -----
    BreakWarning
        With how many rows and persons are not covered, if any are not.

    Examples
    --------
    >>> rows = {"pid": [7, 7], "q": ["2010Q4", "2011Q1"], "it202": ["2", "2"]}
    >>> panel = kp.Panel(rows, person="pid", period="q")
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     kp.belgium.coverage(panel)["covered"]
    array([False,  True])
    """
    native, rows, persons = _core.waiting_register_mask(panel.native, reason, name)
    if rows > 0:
        text = (
            f"waiting register: {rows} rows of {persons} persons lie before 2011-01-01, when the "
            f'person file had no asylum seekers; keep the rows with "{name}", or say that the '
            "denominators before and after differ"
        )
        warnings.warn(text, BreakWarning, stacklevel=2)
    return panel._new(native)


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
