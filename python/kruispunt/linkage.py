"""Which rows of two registers are one person.

A :class:`Linker` compares columns (:func:`name`, :func:`date`, :func:`identifier` and others) of
the pairs of rows that its blocking rules find, learns without labels what agreement is worth, and
gives :class:`Links`. :func:`key_link` links by a number that both registers have.

Examples
--------
>>> c = kp.linkage
>>> births = ["1985-07-30", "1990-01-12", "1978-11-03", "1969-05-21", "1995-02-02", "1981-09-17"]
>>> left = {"surname": ["Yıldız", "Janssens", "El Amrani", "Peeters", "Diallo", "Nowak"],
...         "birth_date": births, "origin": ["TR", "BE", "MA", "BE", "GN", "PL"]}
>>> right = {"surname": ["YILDIZ", "Jansens", "Amrani", "Peeters", "Diallo", "Novak"],
...          "birth_date": births}
>>> linker = c.Linker(
...     comparisons=[c.name("surname"), c.date("birth_date")],
...     blocking=[["surname"], ["birth_date"]],
... )
>>> linker.forecast(left, right)["pairs"]
array([3, 6])
>>> links = linker.train(left, right).link(left, right)
>>> links.pairs["right_row"]
array([0, 1, 2, 3, 4, 5])
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from numpy.typing import NDArray

from kruispunt import _core
from kruispunt._comparing import (
    Comparison,
    Condition,
    cosine,
    distance,
    full_name,
    insz,
    levels,
    overlap,
    percent,
    person,
    when,
)
from kruispunt._finding import Blocking, Cover, PairScorer, Rule, neighbours, similar
from kruispunt._finding import json_of as _rule
from kruispunt._frames import IntoTable, to_table
from kruispunt._linker import Linker
from kruispunt._links import Links, evaluate
from kruispunt._measures import (
    damerau,
    date,
    dice,
    exact,
    identifier,
    jaccard,
    jaro,
    jaro_winkler,
    levenshtein,
    name,
    numeric,
    osa,
)
from kruispunt._progress import Callback, reporting
from kruispunt.exceptions import InputError
from kruispunt.link_figures import (
    plot_balance,
    plot_calibration,
    plot_clusters,
    plot_comparisons,
    plot_parameters,
    plot_precision_recall,
    plot_roc,
    plot_thresholds,
    plot_waterfall,
    plot_weights,
)
from kruispunt.link_pages import page
from kruispunt.link_quality import (
    Check,
    balance,
    calibration,
    cluster_measures,
    cluster_table,
    evidence,
    implausible,
    implausible_links,
    patterns,
    ranking,
    thresholds,
    weight_histogram,
)
from kruispunt.link_review import ClericalSample, clerical_sample, read_labels
from kruispunt.linked import Linked
from kruispunt.table import Table, to_numpy

__all__ = [
    "Blocking",
    "Comparison",
    "Condition",
    "Cover",
    "Linked",
    "Linker",
    "Links",
    "PairScorer",
    "cosine",
    "damerau",
    "date",
    "dice",
    "distance",
    "evaluate",
    "exact",
    "full_name",
    "identifier",
    "insz",
    "jaccard",
    "jaro",
    "jaro_winkler",
    "key_link",
    "levels",
    "levenshtein",
    "name",
    "neighbours",
    "numeric",
    "osa",
    "overlap",
    "percent",
    "person",
    "resolve_key",
    "rule_link",
    "similar",
    "stack",
    "when",
]

# how good a linkage is
__all__ += [
    "Check",
    "ClericalSample",
    "balance",
    "calibration",
    "clerical_sample",
    "cluster_measures",
    "cluster_table",
    "evidence",
    "implausible",
    "implausible_links",
    "page",
    "patterns",
    "plot_balance",
    "plot_calibration",
    "plot_clusters",
    "plot_comparisons",
    "plot_parameters",
    "plot_precision_recall",
    "plot_roc",
    "plot_thresholds",
    "plot_waterfall",
    "plot_weights",
    "ranking",
    "read_labels",
    "thresholds",
    "weight_histogram",
]


def key_link(
    left: IntoTable,
    right: IntoTable,
    on: str,
    *,
    right_on: str | None = None,
    history: IntoTable | None = None,
    old: str = "old",
    new: str = "new",
    replaced_on: str | None = None,
) -> Links:
    """Link by a number that both tables have, replaced numbers resolved.

    Every left row goes to the one right row with its key; a right row may have many left rows.
    Punctuation and case do not count; blank and all-zero keys are missing; leading zeros do not
    count as soon as one of the columns holds numbers, which have lost them.

    Parameters
    ----------
    left, right : table
        The register and the reference; the reference has each key once.
    on : str
        The key on the left, and on the right unless `right_on` says otherwise.
    right_on : str, optional
        The key on the right.
    history : table, optional
        Replaced numbers, such as BIS numbers that became national numbers; chains are followed.
    old, new : str
        Its columns.
    replaced_on : str, optional
        Its column with the day of the replacement. A number with two different replacements
        follows the later one, and is an error without dates.

    Returns
    -------
    Links
        With probability 1; the account counts missing and unknown keys.

    Raises
    ------
    InputError
        If the reference has a key twice, replacements go round in a circle or are ambiguous; the
        message names rows, never numbers.

    Examples
    --------
    >>> permits = {"insz": ["75.46.01-001.23", None, "85073003328"]}
    >>> persons = {"insz": ["85073003328"]}
    >>> history = {"old": ["75460100123"], "new": ["85073003328"]}
    >>> kp.linkage.key_link(permits, persons, "insz", history=history).pairs["left_row"]
    array([0, 2])
    """
    there = on if right_on is None else right_on
    native = _core.key_link(
        to_table(left, [on], "left"),
        to_table(right, [there], "right"),
        on,
        there,
        _history(history, old, new, replaced_on),
    )
    return Links(native, left, right)


def resolve_key(
    data: IntoTable,
    on: str,
    *,
    history: IntoTable | None = None,
    old: str = "old",
    new: str = "new",
    replaced_on: str | None = None,
) -> NDArray[Any]:
    """Give the current number of every row, as it is compared by :func:`key_link`.

    Parameters
    ----------
    data : table
        The register.
    on : str
        Its key.
    history, old, new, replaced_on
        As in :func:`key_link`.

    Returns
    -------
    numpy.ndarray of object, shape (n_rows,)
        Text, None where the key is missing.

    Examples
    --------
    >>> history = {"old": ["A1", "B1"], "new": ["B1", "C1"]}
    >>> kp.linkage.resolve_key({"insz": ["a-1", "C1", ""]}, "insz", history=history)
    array(['C1', 'C1', None], dtype=object)
    """
    table = to_table(data, [on], "data")
    return to_numpy(_core.resolve_key(table, on, _history(history, old, new, replaced_on)))


def _history(
    history: IntoTable | None, old: str, new: str, date: str | None
) -> tuple[_core.Table, str, str, str | None] | None:
    if history is None:
        return None
    columns = [old, new] if date is None else [old, new, date]
    return to_table(history, columns, "history"), old, new, date


def rule_link(
    left: IntoTable,
    right: IntoTable,
    passes: Sequence[Rule],
    *,
    spelled: Sequence[Comparison] = (),
    assignment: Literal["one-to-one", "many-to-one"] = "one-to-one",
    progress: bool | Callback | None = None,
) -> Links:
    """Link rows whose keys are equal, by the first rule that tells which.

    The passes go from the strictest rule down. In each, a left row that is still open goes to the
    right row with its keys when there is exactly one that may take it; where there are several,
    it stays open for the next pass and is counted. Nothing is weighed or learned.

    Parameters
    ----------
    left, right : table
        The registers.
    passes : sequence of rules
        As the `blocking` of a :class:`Linker`, the strictest first.
    spelled : sequence of Comparison
        How columns are spelled: ``name("surname")`` leaves accents and spaces out. Other columns
        are compared without case and outer space.
    assignment : {"one-to-one", "many-to-one"}
        Whether a right row may be taken once.
    progress : bool or callable, optional
        As in :func:`kruispunt.progress`.

    Returns
    -------
    Links
        With probability 1 and the rule of each; the account counts the rows of each pass and those
        that several rows could have taken.

    Raises
    ------
    InputError
        If there is no pass, a column is not there or a table has no rows.

    Examples
    --------
    >>> left = {"surname": ["Yıldız", "Maes"], "birth_date": ["1985-07-30", "1990-01-12"]}
    >>> right = {"surname": ["Maes", "YILDIZ"], "birth_date": ["1990-01-12", None]}
    >>> c = kp.linkage
    >>> links = c.rule_link(
    ...     left, right, [["surname", "birth_date"], ["surname"]], spelled=[c.name("surname")]
    ... )
    >>> links.pairs["right_row"]
    array([1, 0])
    """
    compared = list(spelled)
    listed = [_rule(rule) for rule in passes]
    if not listed:
        raise InputError("`passes`: there are no rules; give lists of columns, the strictest first")
    shell = _core.Linker([one._plain() for one in compared], listed, 1, 1)
    lefts, rights = shell.columns()
    tables = (
        to_table(left, lefts, "left", lists=True),
        to_table(right, rights, "right", lists=True),
    )
    with reporting(progress) as callback:
        native = _core.rule_link(
            *tables, [one._plain() for one in compared], listed, assignment, callback
        )
    return Links(native, left, right)


def stack(tables: Mapping[str, IntoTable], *, source: str = "source") -> Table:
    """Put tables one below the other, with the source of each row.

    For several registers at once: ``Linker(..., between="source")`` links between them, without
    ``between`` also within each (link and deduplicate).

    Parameters
    ----------
    tables : mapping of str to table
        The registers by name. A column that one lacks is missing there.
    source : str
        The column for the names.

    Returns
    -------
    Table
        All rows, in the order of the tables.

    Raises
    ------
    InputError
        If a column has another type in another table.

    Examples
    --------
    >>> all = kp.linkage.stack({"permits": {"name": ["Nowak"]}, "courses": {"name": ["Novak"]}})
    >>> all.to_dict()["source"]
    array(['permits', 'courses'], dtype=object)
    """
    names = list(tables)
    read = [to_table(tables[name], None, f"tables[{name!r}]", lists=True) for name in names]
    return Table.wrap(_core.stack(names, read, source))
