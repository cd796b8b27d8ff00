"""Which pairs are looked at: blocking rules beyond equal columns, learned rules, single pairs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from kruispunt import _core
from kruispunt._frames import list_text
from kruispunt._shown import said
from kruispunt.exceptions import InputError
from kruispunt.table import Table

__all__ = ["Blocking", "Cover", "PairScorer", "Rule", "json_of", "neighbours", "shown", "similar"]


@dataclass(frozen=True, slots=True)
class Blocking:
    """A rule that looks for more than equal columns; made by ``neighbours`` and ``similar``.

    Attributes
    ----------
    within : tuple
        Keys that must be equal, as in a list of columns.
    search : dict
        What is looked for among rows with equal keys.
    """

    within: tuple[str | tuple[str, int | str], ...]
    search: dict[str, Any] = field(default_factory=dict)


Rule: TypeAlias = str | Sequence[str | tuple[str, int | str]] | Blocking
"""A column, or columns; ``("surname", 3)`` means its first three letters, ``("surname", "sound")``
its sound."""


def _keys(given: Sequence[Any]) -> list[dict[str, Any]]:
    keys: list[dict[str, Any]] = []
    for key in given:
        if isinstance(key, str):
            keys.append({"column": key, "first": None})
            continue
        whole = isinstance(key, tuple) and len(key) == 2 and isinstance(key[0], str)
        if whole and key[1] == "sound":
            keys.append({"column": key[0], "first": None, "sound": True})
            continue
        if not whole or not isinstance(key[1], int) or key[1] < 1:
            raise InputError(
                '`blocking`: a rule is a list of columns such as ["surname", "birth_date"], '
                '["birth_date", ("surname", 3)] or ["birth_date", ("surname", "sound")]'
            )
        keys.append({"column": key[0], "first": key[1]})
    return keys


def json_of(rule: Rule) -> str:
    """Write a rule as it is stored."""
    if isinstance(rule, Blocking):
        return json.dumps({"keys": _keys(rule.within), "search": rule.search})
    given: list[Any] = [rule] if isinstance(rule, str) else list(rule)
    return json.dumps({"keys": _keys(given)})


def shown(stored: str) -> Rule:
    """Read a stored rule as it is written in a linker."""
    rule = json.loads(stored)
    keys: list[str | tuple[str, int | str]] = []
    for key in rule["keys"]:
        if key.get("sound"):
            keys.append((key["column"], "sound"))
        elif key["first"] is None:
            keys.append(key["column"])
        else:
            keys.append((key["column"], key["first"]))
    search = rule.get("search", "equal")
    return keys if search == "equal" else Blocking(tuple(keys), search)


def _given(column: Any, within: Any) -> tuple[Any, ...]:
    if not isinstance(column, str):
        raise InputError(f"`column`: a column name is text, not {type(column).__name__}")
    return (within,) if isinstance(within, str) else tuple(within)


def _count(argument: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**32:
        raise InputError(f"`{argument}` must be a whole number")
    return value


def neighbours(
    column: str, window: int = 5, *, within: str | Sequence[str | tuple[str, int | str]] = ()
) -> Blocking:
    """Block by sorted neighbourhood: rows at most `window` places apart when sorted by a column.

    Parameters
    ----------
    column : str
        The column to sort by.
    window : int
        Places, from 1 to 1000.
    within : sequence of keys
        Keys that must be equal, as in a list of columns.

    References
    ----------
    Hernandez, M. A. & Stolfo, S. J. (1995). The merge/purge problem for large databases. *SIGMOD*.

    Examples
    --------
    >>> kp.linkage.neighbours("surname", 3, within=["sex"]).search
    {'neighbours': {'column': 'surname', 'window': 3}}
    """
    keys = _given(column, within)
    return Blocking(keys, {"neighbours": {"column": column, "window": _count("window", window)}})


def similar(
    column: str,
    *,
    bands: int = 8,
    rows: int = 3,
    within: str | Sequence[str | tuple[str, int | str]] = (),
) -> Blocking:
    """Block by similar letters (MinHash): rows meet with probability ``1 - (1 - J**rows)**bands``.

    `J` is the Jaccard similarity of the pairs of letters of the two values: with 8 bands of 3 rows
    0.99 at 0.75, 0.66 at 0.5 and 0.12 at 0.25.

    Parameters
    ----------
    column : str
        The column.
    bands, rows : int
        Bands (at most 64) and hashes a band (at most 16).
    within : sequence of keys
        Keys that must be equal, as in a list of columns.

    References
    ----------
    Broder, A. Z. (1997). On the resemblance and containment of documents. *SEQUENCES*.

    Examples
    --------
    >>> kp.linkage.similar("surname", bands=4, rows=2).search
    {'similar': {'column': 'surname', 'bands': 4, 'rows': 2}}
    """
    keys = _given(column, within)
    search = {"column": column, "bands": _count("bands", bands), "rows": _count("rows", rows)}
    return Blocking(keys, {"similar": search})


class Cover:
    """Blocking rules that were learned; see ``Linker.learn_blocking``.

    Attributes
    ----------
    rules : list
        For ``Linker.with_blocking``, the one that pays best first.
    table : Table
        ``rule``, ``pairs`` (estimated from a sample beyond 200,000 rows), ``matches`` it finds,
        ``new`` ones, and ``found``, the share of the matches found so far.
    """

    def __init__(self, rules: list[Rule], table: Table) -> None:
        self.rules = rules
        self.table = table

    def __repr__(self) -> str:
        return f"<Cover of {len(self.rules)} rules>"

    def _repr_html_(self) -> str:
        return said(self, self.table.native)


class PairScorer:
    """Weighs one pair of records at a time; see ``Linker.scorer``."""

    def __init__(self, native: _core.PairScorer) -> None:
        self.native = native

    def score(self, left: Mapping[str, Any], right: Mapping[str, Any]) -> dict[str, Any]:
        """Weigh two records.

        Parameters
        ----------
        left, right : mapping
            Column and value (a list where items are compared); a column that is not there, or is
            None, is missing.

        Returns
        -------
        dict
            ``weight`` (bits), ``probability`` (without rivals) and ``levels`` (by comparison, None
            where it says nothing).
        """
        weight, probability, levels = self.native.score(_cells(left), _cells(right))
        named = dict(zip(self.native.comparisons, levels, strict=True))
        return {"weight": weight, "probability": probability, "levels": named}

    def __repr__(self) -> str:
        return f"<PairScorer on {', '.join(self.native.comparisons)}>"


def _cells(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    cells = []
    for name, value in record.items():
        if isinstance(value, list | tuple | np.ndarray):
            cells.append((name, list_text(value, (name, 0, "record"))))
        elif value is not None:
            cells.append((name, str(value)))
    return cells
