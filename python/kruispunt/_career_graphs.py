"""Pictures of careers that need more than one axis, with matplotlib (the ``plots`` extra)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kruispunt._careers import (
    _chronogram,
    _finish,
    _handles,
    _image,
    _mean_time,
    _modal,
    _Part,
    new_figure,
)
from kruispunt.exceptions import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from kruispunt._types import DiscrepancyTree, RelativeFrequency

__all__ = ["discrepancy_tree", "relative_frequency", "transition_graph"]


def transition_graph(axes: Axes, part: _Part, least: float = 0.02) -> None:
    """Draw states as discs of their share of time and rates of change between them as arrows."""
    from matplotlib.patches import Circle, FancyArrowPatch

    k = part.states
    rates = part.rates()
    time = np.array([float(part.weights @ (part.codes == s).sum(axis=1)) for s in range(k)])
    share = time / max(time.sum(), 1e-300)
    angles = np.pi / 2 - 2 * np.pi * np.arange(k) / max(k, 1)
    places = np.column_stack([np.cos(angles), np.sin(angles)]) if k > 1 else np.zeros((1, 2))
    radii = 0.07 + 0.23 * np.sqrt(share)
    own = part.sequences
    largest = max([rates[a, b] for a in range(k) for b in range(k) if a != b], default=0.0)
    for a in range(k):
        for b in range(k):
            if a == b or rates[a, b] < least:
                continue
            one, other = places[a], places[b]
            along = (other - one) / np.linalg.norm(other - one)
            axes.add_patch(
                FancyArrowPatch(
                    one + along * radii[a], other - along * (radii[b] + 0.02),
                    connectionstyle="arc3,rad=0.18", arrowstyle="-|>", mutation_scale=11,
                    linewidth=0.6 + 3.4 * rates[a, b] / largest, color="#555555", alpha=0.85,
                    shrinkA=0, shrinkB=0, zorder=1,
                )
            )  # fmt: skip
            # beside the arc, on the side to which it bends
            normal = np.array([along[1], -along[0]])
            where = one + (other - one) * 0.42 + normal * 0.09 * np.linalg.norm(other - one)
            axes.text(
                float(where[0]), float(where[1]), f"{rates[a, b]:.2f}", fontsize=7, ha="center", va="center", zorder=3,
                bbox={"facecolor": "#ffffff", "edgecolor": "none", "pad": 0.8},
            )  # fmt: skip
    for at in range(k):
        axes.add_patch(
            Circle(
                tuple(places[at]), radii[at], facecolor=own.colours[at], edgecolor="#222222",
                linewidth=0.8, zorder=2,
            )
        )  # fmt: skip
        more = 0.08 + 0.12 * abs(places[at][1])
        out = places[at] * (1 + radii[at] + more) if k > 1 else places[at] + [0, radii[at] + 0.2]
        side = "center" if abs(places[at][0]) < 0.2 else "left" if places[at][0] > 0 else "right"
        axes.text(
            float(out[0]), float(out[1]), f"{own.labels[at]}\n{share[at]:.0%} of time, stays {rates[at, at]:.2f}",
            fontsize=8, ha=side, va="center", zorder=4,
        )  # fmt: skip
    axes.set_xlim(-2.1, 2.1)
    axes.set_ylim(-1.55, 1.55)
    axes.set_aspect("equal")
    axes.set_axis_off()


def relative_frequency(own: RelativeFrequency, title: str | None) -> Figure:
    """Draw medoids as lines and distances to them as boxes."""
    figure = new_figure((7.6, 4.6))
    part = _Part(own._sequences, np.arange(len(own._sequences)))
    left, right = figure.subplots(1, 2, width_ratios=[3, 1], sharey=True)
    groups = len(own.medoids)
    _image(left, part, own._sequences.codes[own.medoids], np.arange(groups + 1).tolist())
    _finish(left, part, "index", title)
    left.set_ylabel(f"{groups} groups of equal weight, by their medoids")
    apart: list[NDArray[np.float64]] = [own.apart[own._group == at] for at in range(groups)]
    right.boxplot(
        apart, positions=np.arange(groups) + 0.5, orientation="horizontal", widths=0.7,
        showfliers=False, patch_artist=True, manage_ticks=False,
        boxprops={"facecolor": "#56B4E9", "linewidth": 0.5}, medianprops={"color": "#000000"},
        whiskerprops={"linewidth": 0.5}, capprops={"linewidth": 0.5},
    )  # fmt: skip
    right.spines[["top", "right"]].set_visible(False)
    right.set_xlabel("distance to the medoid", fontsize=9)
    right.tick_params(labelsize=8)
    right.set_title(f"R2 = {own.r2:.2f}, F = {own.f:.1f}", fontsize=10, loc="left")
    left.set_ylim(0, groups)
    _below(figure, part, "index")
    return figure


def discrepancy_tree(own: DiscrepancyTree, kind: str, title: str | None) -> Figure:
    """Draw a picture in each branch, and what splits it."""
    drawers: dict[str, Any] = {
        "chronogram": _chronogram,
        "modal": _modal,
        "mean_time": _mean_time,
        "index": _lines,
    }
    if kind not in drawers:
        message = f"`kind`: {kind!r} is none of {', '.join(drawers)}"
        raise InputError(message)
    rows = own._rows
    children = {at: [w for w, row in enumerate(rows) if row[0] == at] for at in range(len(rows))}
    places: dict[int, float] = {}

    def place(at: int, free: float) -> float:
        """Put leaves side by side and branches above the middle of theirs; gives what is free."""
        if not children[at]:
            places[at] = free
            return free + 1
        for below in children[at]:
            free = place(below, free)
        places[at] = float(np.mean([places[below] for below in children[at]]))
        return free

    leaves = place(0, 0.0)
    depth = max(row[1] for row in rows) + 1
    figure = new_figure((max(3.2 * leaves, 5.0), 2.9 * depth + 0.9), layout=None)
    everybody = _Part(own._distances.sequences, np.arange(len(own.leaves)))
    wide, high = 1 / leaves, 0.88 / depth
    boxes = {}
    for at, row in enumerate(rows):
        x, y = places[at] * wide + 0.14 * wide, 0.97 - (row[1] + 1) * high + 0.26 * high
        axes = figure.add_axes((x, y, 0.74 * wide, 0.5 * high))
        inside = np.isin(own.leaves - 1, _leaves_below(at, children))
        part = _Part(own._distances.sequences, np.flatnonzero(inside))
        drawers[kind](axes, part)
        _finish(axes, part, kind, None)
        axes.set_xlabel("")
        axes.set_ylabel("")
        axes.tick_params(labelsize=6)
        axes.spines[["top", "right"]].set_visible(False)
        text = f"{row[8] or title or 'all'}\n{part.size()}, discrepancy {row[4]:.3g}"
        axes.set_title(text, fontsize=8, loc="left")
        boxes[at] = (x + 0.37 * wide, y, y + 0.5 * high)
    from matplotlib.lines import Line2D

    for at, below in children.items():
        x, bottom, _ = boxes[at]
        if below:
            split = rows[at]
            text = f"{split[6]}: R2 {split[7][0]:.3f}, p {split[7][2]:.3f}"
            # below the labels of the positions
            figure.text(x, bottom - 0.165 * high, text, fontsize=8, ha="center", va="top")
        for one in below:
            other, _, top = boxes[one]
            line = Line2D(
                [x, other], [bottom - 0.235 * high, top + 0.16 * high], color="#777777",
                linewidth=0.8, transform=figure.transFigure,
            )  # fmt: skip
            figure.add_artist(line)
    figure.text(0.01, 0.005, f"R2 of all leaves: {own.r2:.3f}", fontsize=8, va="bottom")
    if kind != "mean_time":
        figure.legend(
            handles=_handles(everybody, kind), loc="lower center", frameon=False, fontsize=8,
            ncols=min(4, everybody.states + 1),
        )  # fmt: skip
    return figure


def _leaves_below(at: int, children: dict[int, list[int]]) -> list[int]:
    if not children[at]:
        return [at]
    return [leaf for below in children[at] for leaf in _leaves_below(below, children)]


def _lines(axes: Axes, part: _Part) -> None:
    from kruispunt._careers import _index

    _index(axes, part, "start")


def _below(figure: Figure, part: _Part, kind: str) -> None:
    figure.legend(
        handles=_handles(part, kind), loc="outside lower center", frameon=False, fontsize=8,
        ncols=min(4, part.states + 1),
    )  # fmt: skip
