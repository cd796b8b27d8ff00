"""Figures of a linkage, with matplotlib (the ``plots`` extra).

All names stand in :mod:`kruispunt.linkage`. Every figure draws numbers that a verb of
:mod:`kruispunt.link_quality` gives and returns the matplotlib ``Axes`` it drew on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kruispunt import _core
from kruispunt.exceptions import InputError
from kruispunt.link_quality import _count, _known, balance, compared_pairs, native_of
from kruispunt.plots import COLOURS, new_axes
from kruispunt.table import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from kruispunt._links import Links, Truth

__all__ = [
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
]

_PLACES = (1e-4, 1e-3, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999)
_END = 20.0


def _bits(threshold: Any) -> Any:
    """Give log2 odds within what a figure shows."""
    with np.errstate(divide="ignore"):
        return np.clip(np.log2(threshold) - np.log2(1 - np.asarray(threshold)), -14, _END)


def _curve(links: Links, truth: Truth | None, pairs: Links | None, by: Any = None) -> Table:
    native = native_of(links)
    known = None if truth is None else _known(links, truth)
    scored = compared_pairs(links) if pairs is None else pairs
    broad = native if scored is None else native_of(scored, "pairs")
    return Table.wrap(_core.link_thresholds(broad, known, links._groups(by), 800))


def plot_thresholds(
    links: Links,
    truth: Truth | None = None,
    *,
    pairs: Links | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw precision, recall and F1 at every threshold: dashed as expected, solid by labels.

    Parameters
    ----------
    links : Links
        What was linked; their threshold is marked.
    truth : str, pair of str or table, optional
        As in :func:`kruispunt.linkage.evaluate`.
    pairs : Links, optional
        The pairs to follow; by default all that were compared, where the links are fresh, else the
        links.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default on a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    MissingPackageError
        If matplotlib is not installed.
    """
    table = _curve(links, truth, pairs)
    bits = _bits(table["threshold"])
    # Beyond a chance of one in a million the figure would show rounding only.
    kept = (bits < _END) | (np.arange(len(bits)) + 1 == len(bits))
    place = bits[kept]
    curve = {name: table[name][kept] for name in table.columns}
    axes = new_axes(ax)
    drawn = (("precision", COLOURS[0]), ("recall", COLOURS[1]), ("f1", COLOURS[2]))
    for name, colour in drawn:
        label = "F1" if name == "f1" else name
        if truth is not None:
            axes.plot(place, curve[name], color=colour, linewidth=1.8, label=label)
        if truth is None or name != "f1":
            axes.plot(
                place, curve[f"expected_{name}"], color=colour, linewidth=1.4, linestyle="--",
                label=f"{label}, expected",
            )  # fmt: skip
    if links.threshold is not None:
        axes.axvline(float(_bits(links.threshold)), color="#444444", linewidth=0.9, linestyle=":")
    ticks = [own for own in _PLACES if place.min() <= _bits(own) <= place.max()]
    axes.set_xticks([float(_bits(own)) for own in ticks], [f"{own:g}" for own in ticks])
    axes.tick_params(axis="x", labelsize="small")
    axes.set_xlabel("threshold: the probability where links begin (dotted: these links)")
    axes.set_ylim(top=1.005)
    axes.legend(frameon=False, ncols=2, fontsize="small")
    return axes


def plot_precision_recall(
    links: Links,
    truth: Truth,
    *,
    pairs: Links | None = None,
    by: Any = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw precision against recall over all thresholds, one line a group.

    Parameters
    ----------
    links, truth, pairs, ax
        As in :func:`plot_thresholds`.
    by : str or array, optional
        A column of the left table, or one value for each left row.

    Returns
    -------
    matplotlib.axes.Axes
    """
    axes = new_axes(ax, width=5.4, height=4.6)
    for label, own in _by_group(_curve(links, truth, pairs, by)):
        axes.plot(own["recall"], own["precision"], linewidth=1.8, label=label)
    _colours(axes)
    axes.set_xlabel("recall")
    axes.set_ylabel("precision")
    axes.set_ylim(top=1.005)
    if by is not None:
        axes.legend(frameon=False, fontsize="small")
    return axes


def plot_roc(
    links: Links,
    truth: Truth,
    *,
    pairs: Links | None = None,
    by: Any = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw recall against the share of other pairs that are linked, on a logarithmic axis.

    Among millions of pairs of rows few are matches, so that on a plain axis any linkage looks
    perfect.

    Parameters
    ----------
    links, truth, pairs, by, ax
        As in :func:`plot_precision_recall`.

    Returns
    -------
    matplotlib.axes.Axes
    """
    axes = new_axes(ax, width=5.4, height=4.6)
    for label, own in _by_group(_curve(links, truth, pairs, by)):
        wrong = own["false_positive_rate"]
        least = wrong[wrong > 0].min() / 2 if (wrong > 0).any() else 1e-12
        axes.plot(np.maximum(wrong, least), own["recall"], linewidth=1.8, label=label)
    _colours(axes)
    axes.set_xscale("log")
    axes.set_xlabel("share of the pairs of rows that are no match and are linked")
    axes.set_ylabel("recall")
    axes.set_ylim(top=1.005)
    if by is not None:
        axes.legend(frameon=False, fontsize="small")
    return axes


def plot_calibration(
    links: Links, truth: Truth, *, pairs: Links | None = None, ax: Axes | None = None
) -> Axes:
    """Draw how often pairs are right against how probable the model finds them.

    Parameters
    ----------
    links, truth, pairs, ax
        As in :func:`plot_thresholds`. With `pairs` each pair stands on its own.

    Returns
    -------
    matplotlib.axes.Axes
    """
    scored = compared_pairs(links) if pairs is None else pairs
    broad = native_of(links) if scored is None else native_of(scored, "pairs")
    own = Table.wrap(_core.link_calibration(broad, _known(links, truth)))
    axes = new_axes(ax, width=5.4, height=4.6)
    share = own["share"]
    axes.plot([0, 1], [0, 1], color=COLOURS[6], linewidth=0.8)
    axes.errorbar(
        own["mean_probability"], share, yerr=[share - own["share_low"], own["share_high"] - share],
        fmt="o", color=COLOURS[0], markersize=4.5, capsize=2, linewidth=1.2,
    )  # fmt: skip
    axes.set_xlabel("mean probability of the class")
    axes.set_ylabel("share that is right (95% interval)")
    return axes


def plot_weights(
    links: Links,
    truth: Truth | None = None,
    *,
    pairs: Links | None = None,
    bins: int = 60,
    log: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Draw the histogram of match weights, matches (expected, or by labels) apart from the others.

    Parameters
    ----------
    links, truth, pairs, ax
        As in :func:`plot_thresholds`.
    bins : int
        The most classes.
    log : bool
        Whether counts stand on a logarithmic axis.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        If a key decided, so that there are no weights.
    """
    scored = compared_pairs(links) if pairs is None else pairs
    broad = native_of(links) if scored is None else native_of(scored, "pairs")
    known = None if truth is None else _known(links, truth)
    own = Table.wrap(_core.link_histogram(broad, known, bins))
    axes = new_axes(ax)
    place, width = own["low"], (own["high"] - own["low"]) * 0.94
    matches = own["expected_matches" if known is None else "matches"]
    axes.bar(place, own["pairs"], width, align="edge", color=COLOURS[4], label="other pairs")
    label = "matches the model expects" if known is None else "matches by the labels"
    axes.bar(place, matches, width, align="edge", color=COLOURS[0], label=label)
    if log:
        axes.set_yscale("symlog", linthresh=1)
        axes.set_ylim(bottom=0)
    threshold = links.threshold
    if threshold is not None and 0 < threshold < 1:
        at = float(_bits(threshold))
        axes.axvline(at, color="#444444", linewidth=0.9, linestyle=":", label="links begin")
    axes.set_xlabel("match weight, bits (0: as likely a match as not)")
    axes.set_ylabel("pairs")
    axes.legend(frameon=False, fontsize="small")
    return axes


def plot_parameters(links: Links, *, ax: Axes | None = None) -> Axes:
    """Draw m and u of every level side by side, with its weight in bits.

    Parameters
    ----------
    links : Links
        Links of a model.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default on a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        If a key decided, so that nothing was weighed.
    """
    own = Table.wrap(_core.link_evidence(native_of(links)))
    n = len(own)
    axes = new_axes(ax, width=8.5, height=1.2 + 0.3 * n)
    axes.grid(visible=False)
    place = np.arange(n)
    axes.barh(place - 0.2, own["m"], 0.38, color=COLOURS[0], label="m: among matches")
    axes.barh(place + 0.2, own["u"], 0.38, color=COLOURS[1], label="u: among other pairs")
    names, texts, before = own["comparison"], [], None
    for at, (name, level) in enumerate(zip(names, own["level"], strict=True)):
        if name != before and at:
            axes.axhline(at - 0.5, color="#bbbbbb", linewidth=0.7)
        texts.append(f"{name}: {level}" if name != before else str(level))
        before = name
    for at, weight in enumerate(own["weight"]):
        axes.annotate(
            f"{weight:+.1f}", (1.02, at), xycoords=("axes fraction", "data"), va="center",
            fontsize="small", color=COLOURS[0] if weight > 0 else COLOURS[1],
        )  # fmt: skip
    axes.annotate("bits", (1.02, 1.01), xycoords="axes fraction", fontsize="small")
    axes.set_yticks(place, texts, fontsize="small")
    axes.set_xlim(0, 1)
    axes.invert_yaxis()
    axes.set_xlabel("share of pairs at the level")
    place_of = (0, 1.02 + 0.35 / (1.2 + 0.3 * n))
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=place_of, ncols=2, fontsize="small")
    return axes


def plot_waterfall(links: Links, link: int, *, ax: Axes | None = None) -> Axes:
    """Draw how the weight of a link came about, comparison by comparison.

    Parameters
    ----------
    links : Links
        Links of a model.
    link : int
        The link, a row of :attr:`Links.pairs`.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default on a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        If there is no such link, or a key decided it.
    """
    own = Table.wrap(native_of(links).waterfall(_count("link", link, 0)))
    added = own["weight"] + own["tf_adjustment"]
    end = own["running"]
    n = len(own)
    axes = new_axes(ax, width=8.0, height=1.2 + 0.34 * (n + 1))
    axes.grid(visible=False)
    axes.grid(visible=True, axis="x", color="#dddddd", linewidth=0.6)
    colours = [COLOURS[0] if own >= 0 else COLOURS[1] for own in added]
    axes.barh(range(n), added, 0.62, left=end - added, color=colours)
    axes.barh(n, end[-1], 0.62, color=COLOURS[2])
    for at, (value, stop) in enumerate(zip(added, end, strict=True)):
        side = max(stop, stop - value)
        axes.annotate(
            f"{value:+.1f}", (side, at), xytext=(3, 0), textcoords="offset points", va="center",
            fontsize="small",
        )  # fmt: skip
    axes.annotate(
        f"{end[-1]:.1f}", (max(end[-1], 0), n), xytext=(3, 0), textcoords="offset points",
        va="center", fontsize="small",
    )  # fmt: skip
    levels = [f"{step}: {level}" if level else str(step)
              for step, level in zip(own["step"], own["level"], strict=True)]  # fmt: skip
    axes.set_yticks(range(n + 1), [*levels, "match weight"], fontsize="small")
    axes.invert_yaxis()
    axes.axvline(0, color="#444444", linewidth=0.8)
    axes.margins(x=0.08)
    axes.set_xlabel("bits (log2 odds of a match)")
    return axes


def plot_comparisons(links: Links, *, most: int = 25, ax: Axes | None = None) -> Axes:
    """Draw what links agree on: one row a pattern of levels, coloured by what each level is worth.

    Parameters
    ----------
    links : Links
        Links of a model.
    most : int
        The patterns that are drawn, those with the most links.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default on a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        If a key decided, so that nothing was compared.
    """
    native = native_of(links)
    found = Table.wrap(_core.link_patterns(native))
    weights = Table.wrap(_core.link_evidence(native))
    names = [name for name in found.columns if name.startswith("level_")]
    worth = {
        (name, level): weight
        for name, level, weight in zip(
            weights["comparison"], weights["level"], weights["weight"], strict=True
        )
    }
    chosen = np.sort(np.argsort(-found["links"], kind="stable")[:most])
    columns = [found[name] for name in names]
    axes = new_axes(ax, width=1.9 + 1.35 * len(names), height=1.1 + 0.3 * max(len(chosen), 1))
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    grid = np.array(
        [
            [worth.get((name.removeprefix("level_"), own[at]), 0.0)
             for name, own in zip(names, columns, strict=True)]
            for at in chosen
        ]
    ).reshape(len(chosen), len(names))  # fmt: skip
    finite = np.abs(grid[np.isfinite(grid)])
    reach = float(finite.max()) if finite.size else 1.0
    axes.imshow(
        grid, cmap="RdBu", vmin=-1.6 * reach, vmax=1.6 * reach, aspect="auto", interpolation="none"
    )
    for y, at in enumerate(chosen):
        for x, own in enumerate(columns):
            text = "–" if own[at] is None else str(own[at])
            short = text if len(text) <= 18 else text[:17] + "…"
            axes.text(x, y, short, ha="center", va="center", fontsize=7, color="#111111")
    axes.set_xticks(range(len(names)), [name.removeprefix("level_") for name in names])
    axes.xaxis.tick_top()
    labels = [f"{int(found['links'][at]):,} links, {found['weight'][at]:.1f} bits" for at in chosen]
    axes.set_yticks(range(len(chosen)), labels, fontsize="small")
    axes.tick_params(length=0)
    return axes


def plot_clusters(links: Links, cluster: int | None = None, *, ax: Axes | None = None) -> Axes:
    """Draw a cluster with its links: dashed and orange where the probability is below 0.9.

    Parameters
    ----------
    links : Links
        What was linked.
    cluster : int, optional
        The cluster, as :meth:`Links.clusters` numbers it; by default the largest, and of these the
        one with the weakest link.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default on a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        If there is no such cluster of two rows or more.
    """
    native = native_of(links)
    table = Table.wrap(_core.link_cluster_table(native))
    ids = table["cluster"].astype(np.int64)
    if cluster is None:
        if not len(ids):
            raise InputError("`links`: there is no cluster of two rows or more")
        cluster = int(ids[np.lexsort((table["weakest"], -table["rows"]))[0]])
    if cluster not in ids:
        raise InputError(f"`cluster`: there is no cluster {cluster} of two rows or more")
    members = Table.wrap(native.clusters())
    here = np.flatnonzero(members["cluster"] == cluster)
    rows = members["row"].astype(np.int64)[here]
    sides = ["left"] * len(here) if native.within else list(members["side"][here])
    turn = 2 * np.pi * np.arange(len(here)) / len(here) + np.pi / 2
    place = {
        (side, int(row)): (float(np.cos(a)), float(np.sin(a)))
        for side, row, a in zip(sides, rows, turn, strict=True)
    }
    axes = new_axes(ax, width=5.2, height=5.2)
    axes.grid(visible=False)
    axes.set_axis_off()
    pairs = Table.wrap(native.pairs())
    right = "left" if native.within else "right"
    ends = zip(pairs["left_row"], pairs["right_row"], pairs["probability"], strict=True)
    for own, other, sure in ends:
        one, two = place.get(("left", int(own))), place.get((right, int(other)))
        if one is None or two is None:
            continue
        weak = sure < 0.9
        axes.plot(
            [one[0], two[0]], [one[1], two[1]], color=COLOURS[1] if weak else COLOURS[0],
            linestyle="--" if weak else "-", linewidth=0.8 + 2 * float(sure), zorder=1,
        )  # fmt: skip
        if len(here) <= 8:
            axes.text(
                (one[0] + two[0]) / 2, (one[1] + two[1]) / 2, f"{sure:.3f}", fontsize="small",
                ha="center", va="center", bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
            )  # fmt: skip
    for (side, row), (x, y) in place.items():
        text = f"{row}" if native.within else f"{side[0].upper()} {row}"
        axes.text(
            x, y, text, ha="center", va="center", zorder=3, fontsize="small",
            bbox={"boxstyle": "round,pad=0.5", "facecolor": "white", "edgecolor": "#444444"},
        )  # fmt: skip
    axes.set_xlim(-1.35, 1.35)
    axes.set_ylim(-1.35, 1.35)
    axes.set_aspect("equal")
    axes.set_title(f"cluster {cluster}: {len(here)} rows", fontsize="medium")
    return axes


def plot_balance(
    links: Links,
    columns: str | Sequence[str] | None = None,
    *,
    left: Any = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw standardised differences between linked and unlinked rows.

    Parameters
    ----------
    links, columns, left
        As in :func:`kruispunt.linkage.balance`.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default on a new figure.

    Returns
    -------
    matplotlib.axes.Axes
    """
    own = Table(balance(links, columns, left=left))
    names = [
        str(column) if level is None else f"{column}: {level}"
        for column, level in zip(own["column"], own["level"], strict=True)
    ]
    size = own["standardised"]
    axes = new_axes(ax, height=1.0 + 0.26 * max(len(names), 1))
    axes.grid(visible=False)
    axes.grid(visible=True, axis="x", color="#dddddd", linewidth=0.6)
    axes.axvspan(-0.1, 0.1, color=COLOURS[2], alpha=0.12, linewidth=0)
    axes.axvline(0, color="#444444", linewidth=0.8)
    far = np.abs(size) > 0.1
    for mask, colour in ((~far, COLOURS[0]), (far, COLOURS[1])):
        axes.scatter(size[mask], np.flatnonzero(mask), color=colour, s=28, zorder=3)
    axes.set_yticks(range(len(names)), names, fontsize="small")
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlabel("standardised difference, linked minus unlinked (band: within 0.1)")
    return axes


def _by_group(curve: Table) -> list[tuple[str, dict[str, Any]]]:
    groups = curve["group"]
    columns = {name: curve[name] for name in ("recall", "precision", "false_positive_rate")}
    labels = list(dict.fromkeys(groups.tolist()))
    return [
        (
            "missing" if label is None else str(label),
            {name: own[groups == label] for name, own in columns.items()},
        )
        for label in labels
    ]


def _colours(axes: Axes) -> None:
    for at, line in enumerate(axes.get_lines()):
        line.set_color(COLOURS[at % 6])
        line.set_linestyle(("-", "--", ":", "-.")[at // 6 % 4])
