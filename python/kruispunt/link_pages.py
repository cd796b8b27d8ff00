"""One page that shows a linkage: offline, in one file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kruispunt import _core
from kruispunt._gate import current
from kruispunt._linkage_page import cells_of, columns_of, filled
from kruispunt.exceptions import InputError
from kruispunt.link_quality import (
    Check,
    _count,
    _known,
    _sides,
    balance,
    compared_columns,
    compared_pairs,
    native_of,
)
from kruispunt.table import Table

if TYPE_CHECKING:
    from kruispunt._links import Links, Truth

__all__ = ["page"]

MOST_PATTERNS = 400


def page(
    links: Links,
    path: str | Path,
    *,
    truth: Truth | None = None,
    by: Any = None,
    pairs: Links | None = None,
    columns: Sequence[str] | None = None,
    checks: Sequence[Check] = (),
    values: bool = False,
    shown: int = 300,
    clusters: int = 200,
    title: str = "What was linked, and how well",
    safe: str | None = None,
) -> Path:
    """Write one HTML file that shows a linkage from all sides, without a network.

    The page holds: what was linked by group, with expected and (given `truth`) true precision and
    recall; precision and recall at every threshold, with ROC and precision-recall curves; the
    histogram of match weights; m and u of every level; a viewer of comparisons, with the waterfall
    of each pair; a viewer of clusters; and, where asked for, linked beside unlinked rows and
    implausible links.

    **It shows row numbers and levels of agreement, no values of persons, unless you say**
    ``values=True``. **Then it holds personal data: keep it where the registers are kept.** Groups
    and levels of `by` and `columns` are counted, small cells too: look at them before the page
    leaves the room.

    Parameters
    ----------
    links : Links
        What was linked.
    path : str or path
        Where to write.
    truth : str, pair of str or table, optional
        As in :func:`evaluate`.
    by : str or array, optional
        A column of the left table, or one value for each left row.
    pairs : Links, optional
        All pairs that were compared, for the histogram and the curves:
        ``linker.link(left, right, assignment="none", threshold=0.0001)``. Made anew for fresh links
        of a model.
    columns : sequence of str, optional
        Columns of the left table for which linked and unlinked rows are laid side by side.
    checks : sequence of Check, optional
        What should not happen to the rows of a link; see :func:`implausible`.
    values : bool
        Whether the viewers show the values that were compared.
    shown : int
        The most pairs in the viewer: an example of each pattern, then those nearest the threshold.
    clusters : int
        The most clusters in the viewer, the largest and weakest first.
    title : str
        The heading.
    safe : str, optional
        With a profile of disclosure control, why the page is no risk; without a reason it is
        refused, since it shows single pairs of rows.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    InputError
        If a column is not there, a row does not exist, or values are asked for and the links no
        longer know their tables.
    DisclosureError
        If a profile is set (:func:`kruispunt.set_disclosure`) and no reason is given.

    Examples
    --------
    >>> import tempfile
    >>> permits = {"insz": ["B", "A", "B"], "sex": ["f", "m", "f"]}
    >>> links = kp.linkage.key_link(permits, {"insz": ["A", "B"]}, on="insz")
    >>> folder = Path(tempfile.mkdtemp())
    >>> kp.linkage.page(links, folder / "links.html", truth="insz", by="sex").name
    'links.html'
    """
    if (session := current()) is not None:
        session.exception("page", Path(path).name, safe, "it shows single pairs of rows")
    native = native_of(links)
    shown, clusters = _count("shown", shown, 0), _count("clusters", clusters, 0)
    known = None if truth is None else _known(links, truth)
    groups = links._groups(by)
    scored = compared_pairs(links) if pairs is None else pairs
    weighed = native.threshold is not None
    data: dict[str, Any] = {
        "title": title, "n_left": native.n_left, "n_right": native.n_right, "links": len(native),
        "within": native.within, "threshold": native.threshold, "values": values,
        "by": by if isinstance(by, str) else "group",
        "cautions": list(native.cautions), "account": _account(links),
        "report": columns_of(native.report(None, known)),
        "groups": None if groups is None else columns_of(native.report(groups, known)),
        "evaluate": None if known is None else columns_of(native.evaluate(known, groups)),
        "measures": None if known is None else columns_of(
            _core.link_cluster_measures(native, known, None, None)),
        "curve": columns_of(_core.link_thresholds(native, known, None, 400)),
        "clusters": _clusters(links, known, clusters, values=values),
        "balance": None, "checks": None, "ranking": None, "candidates": None,
        "histogram": None, "evidence": None, "patterns": None, "viewer": None,
    }  # fmt: skip
    if weighed:
        broad = native if scored is None else native_of(scored, "pairs")
        data["all_pairs"] = scored is not None
        data["histogram"] = columns_of(_core.link_histogram(broad, known, 60))
        data["evidence"] = columns_of(_core.link_evidence(native))
        data |= _viewer(links, shown, known, values=values)
        if known is not None:
            data["candidates"] = columns_of(_core.link_thresholds(broad, known, None, 400))
            data["ranking"] = columns_of(_core.link_ranking(broad, known, None))
    if columns is not None:
        data["balance"] = columns_of(Table(balance(links, columns)).native)
    if checks:
        plain = [own._plain() for own in checks]
        tables = _sides(links, list(checks), None, None)
        data["checks"] = columns_of(_core.link_implausible(native, *tables, plain, groups))
    target = Path(path)
    target.write_text(filled("linkage.html", data, title), encoding="utf-8")
    return target


def _account(links: Links) -> list[dict[str, Any]]:
    return [
        {
            "verb": step.verb,
            "before": step.before.rows,
            "after": step.after.rows,
            "excluded": [[one.reason, one.count.rows] for one in step.excluded],
        }
        for step in links.account.steps
    ]


def _viewer(links: Links, shown: int, known: _core.Truth | None, *, values: bool) -> dict[str, Any]:
    """Give patterns, and pairs with their waterfalls."""
    native = links.native
    patterns = Table.wrap(_core.link_patterns(native))
    pairs = Table.wrap(native.pairs())
    names = [name for name in pairs.columns if name.startswith("level_")]
    weight, sure = pairs["weight"], pairs["probability"]
    finite = np.flatnonzero(np.isfinite(weight))
    nearest = finite[np.argsort(sure[finite], kind="stable")]
    examples = patterns["example"].astype(np.int64)
    chosen = list(dict.fromkeys([*examples.tolist(), *nearest.tolist()]))[:shown]
    rows = pairs["left_row"].astype(np.int64), pairs["right_row"].astype(np.int64)
    levels = {name: pairs[name] for name in names}
    falls = _waterfalls(native, chosen)
    right = None if known is None else _right_ones(native, known, chosen)
    viewer: dict[str, Any] = {
        "link": chosen,
        "left_row": [int(rows[0][at]) for at in chosen],
        "right_row": [int(rows[1][at]) for at in chosen],
        "weight": [float(f"{weight[at]:.6g}") for at in chosen],
        "probability": [float(f"{sure[at]:.6g}") for at in chosen],
        "levels": [[levels[name][at] for name in names] for at in chosen],
        "steps": falls,
        "right": right,
        "total": len(native),
    }
    if values:
        viewer |= _values(links, rows, chosen)
    few = columns_of(patterns.native)
    few = {name: own[:MOST_PATTERNS] for name, own in few.items()}
    return {"patterns": few, "n_patterns": len(patterns), "viewer": viewer}


def _waterfalls(native: _core.Links, chosen: list[int]) -> list[dict[str, list[Any]]]:
    own = columns_of(_core.link_waterfalls(native, chosen))
    places: dict[int, list[int]] = {at: [] for at in chosen}
    for row, at in enumerate(own.pop("link")):
        places[int(at)].append(row)
    return [
        {name: [values[row] for row in places[at]] for name, values in own.items()} for at in chosen
    ]


def _right_ones(native: _core.Links, known: _core.Truth, chosen: list[int]) -> list[bool]:
    right = _core.link_right_ones(native, known)
    return [right[at] for at in chosen]


def _values(links: Links, rows: tuple[Any, Any], chosen: list[int]) -> dict[str, Any]:
    compared = compared_columns(links)
    if not compared or links._left is None or links._right is None:
        raise InputError(
            "`values`: these links no longer know what was compared; link again, or leave values out"
        )
    own = [column for column, _ in compared], [column for _, column in compared]
    picked = [np.array([side[at] for at in chosen], dtype=np.int64) for side in rows]
    return {
        "columns": own[0],
        "left": cells_of(links._left, own[0], picked[0], "left"),
        "right": cells_of(links._right, own[1], picked[1], "right"),
    }


def _clusters(
    links: Links, known: _core.Truth | None, most: int, *, values: bool
) -> dict[str, Any]:
    """Give the clusters that most deserve a look: large ones, then weak ones."""
    native = links.native
    table = Table.wrap(_core.link_cluster_table(native, None, known))
    size, weakest = table["rows"], table["weakest"]
    order = np.lexsort((weakest, -size))[:most]
    sizes, counts = np.unique(size, return_counts=True)
    members = Table.wrap(native.clusters())
    cluster = members["cluster"].astype(np.int64)
    wanted = table["cluster"].astype(np.int64)[order]
    place = {int(own): at for at, own in enumerate(wanted)}
    row = members["row"].astype(np.int64)
    side = None if native.within else members["side"]
    nodes: list[list[Any]] = [[] for _ in wanted]
    where: dict[tuple[str, int], tuple[int, int]] = {}
    for at in np.flatnonzero(np.isin(cluster, wanted)):
        here = place[int(cluster[at])]
        mark = "" if side is None else str(side[at])
        where[mark, int(row[at])] = here, len(nodes[here])
        nodes[here].append([mark, int(row[at])])
    edges: list[list[Any]] = [[] for _ in wanted]
    pairs = Table.wrap(native.pairs())
    left, right = pairs["left_row"].astype(np.int64), pairs["right_row"].astype(np.int64)
    probability = pairs["probability"]
    marks = ("", "") if native.within else ("left", "right")
    for at in np.flatnonzero(np.isin(cluster[left], wanted)):
        one, other = where.get((marks[0], int(left[at]))), where.get((marks[1], int(right[at])))
        if one is not None and other is not None and one[0] == other[0]:
            edges[one[0]].append([one[1], other[1], float(f"{probability[at]:.6g}"), int(at)])
    answer: dict[str, Any] = {
        "total": len(table), "sizes": [int(own) for own in sizes],
        "counts": [int(own) for own in counts],
        "table": {
            name: [own[at] for at in order.tolist()]
            for name, own in columns_of(table.native).items()
        },
        "nodes": nodes, "edges": edges, "labels": None,
    }  # fmt: skip
    if values and compared_columns(links):
        answer["labels"] = _labels(links, nodes)
    return answer


def _labels(links: Links, nodes: list[list[Any]]) -> list[list[str]]:
    """Give what was compared of each row of a cluster, as one line."""
    compared = compared_columns(links)
    lines: dict[tuple[str, int], str] = {}
    for mark in {node[0] for own in nodes for node in own}:
        table = links._right if mark == "right" else links._left
        names = [column[mark == "right"] for column in compared]
        rows = [node[1] for own in nodes for node in own if node[0] == mark]
        cells = cells_of(table, names, np.array(rows, dtype=np.int64), mark or "left")
        for row, own in zip(rows, cells, strict=True):
            lines[mark, row] = " · ".join(cell for cell in own if cell)
    return [[lines[mark, row] for mark, row in own] for own in nodes]
