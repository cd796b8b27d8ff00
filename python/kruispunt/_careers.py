"""Pictures of careers, with matplotlib (the ``plots`` extra)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from kruispunt._gate import Session, current
from kruispunt.exceptions import InputError, MissingPackageError
from kruispunt.plots import new_axes
from kruispunt.trajectory import Typology

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from kruispunt.trajectory import Sequences

__all__ = ["draw"]

_MISSING = "#dddddd"
_VOID = "#ffffff"
_MOST_PANELS = 24
_NO_LEGEND = {"mean_time", "entropy", "transitions", "graph"}


class _Part:
    """Some of the sequences: codes, weights and what they are called."""

    def __init__(self, sequences: Sequences, rows: NDArray[np.intp]) -> None:
        self.sequences = sequences
        self.codes = sequences.codes[rows]
        self.weights = sequences.weights[rows]
        self.states = len(sequences.states)

    def shares(self) -> NDArray[np.float64]:
        """Weight of each state over that of known ones, shape (states, positions)."""
        counts = np.stack([self.weights @ (self.codes == s) for s in range(self.states)])
        if (session := current()) is not None:
            persons = np.stack([(self.codes == s).sum(axis=0) for s in range(self.states)])
            few = np.vectorize(session.profile.native.is_few, otypes=[bool])(persons)
            counts = np.where(few, 0.0, counts)
        total = counts.sum(axis=0)
        shares: NDArray[np.float64] = np.divide(
            counts, total, out=np.zeros_like(counts), where=total > 0
        )
        return shares

    def rates(self) -> NDArray[np.float64]:
        """How often a state is followed by another, shape (states, states)."""
        k = self.states
        before, after = self.codes[:, :-1], self.codes[:, 1:]
        known = (before >= 0) & (after >= 0)
        pairs = before[known].astype(np.int64) * k + after[known]
        weights = np.broadcast_to(self.weights[:, None], known.shape)[known]
        counts = np.bincount(pairs, weights=weights, minlength=k * k).reshape(k, k)
        total = counts.sum(axis=1, keepdims=True)
        rates: NDArray[np.float64] = np.divide(
            counts, total, out=np.zeros_like(counts), where=total > 0
        )
        return rates

    def size(self) -> str:
        text = f"n = {len(self.codes):,}"
        if self.sequences.native.weighted:
            text += f", weight {self.weights.sum():,.1f}"
        return text


def draw(
    sequences: Sequences,
    kind: str,
    *,
    by: Sequence[object] | Typology | None,
    sort: str,
    most: int,
    ax: Axes | None,
    title: str | None,
) -> Axes | Figure:
    """Draw sequences, or a panel for each value of `by`."""
    drawers: dict[str, Callable[[Axes, _Part], None]] = {
        "index": lambda axes, part: _index(axes, part, sort),
        "frequency": lambda axes, part: _frequency(axes, part, most),
        "chronogram": _chronogram,
        "modal": _modal,
        "mean_time": _mean_time,
        "entropy": _entropy,
        "transitions": _transitions,
        "graph": _graph,
    }
    if kind not in drawers:
        message = f"`kind`: {kind!r} is none of {', '.join(drawers)}"
        raise InputError(message)
    if (session := current()) is not None:
        _pass(session, sequences, kind, by)
    if by is None:
        axes = new_axes(ax)
        if session is not None:
            session.drawn(axes.figure)
        part = _Part(sequences, np.arange(len(sequences)))
        drawers[kind](axes, part)
        _finish(axes, part, kind, title)
        if kind not in _NO_LEGEND:
            _legend(axes, part, kind)
        return axes
    figure = _panels(sequences, kind, drawers[kind], _groups(sequences, by), title)
    if session is not None:
        session.drawn(figure)
    return figure


def _pass(
    session: Session, sequences: Sequences, kind: str, by: Sequence[object] | Typology | None
) -> None:
    """Refuse a picture in which single persons, or groups of few, can be seen."""
    if kind in {"index", "frequency"}:
        why = "each line is a person's career; draw a chronogram, or medoids of large types"
        raise session.refuse("plot", kind, why)
    sizes = [len(sequences)] if by is None else [len(rows) for _, rows in _groups(sequences, by)]
    if any(session.profile.native.is_few(size) for size in sizes):
        raise session.refuse("plot", kind, "a group has too few persons")
    session.note("plot", kind, "released", groups=len(sizes))


def _groups(
    sequences: Sequences, by: Sequence[object] | Typology
) -> list[tuple[str, NDArray[np.intp]]]:
    if isinstance(by, Typology):
        return [(f"type {at}", np.flatnonzero(by.types == at)) for at in range(1, by.k + 1)]
    values = np.asarray(by, dtype=object)
    if values.shape != (len(sequences),):
        message = f"`by`: expected one value a sequence ({len(sequences)}), got {values.shape}"
        raise InputError(message)
    names = sorted({str(value) for value in values})
    if len(names) > _MOST_PANELS:
        message = f"`by`: {len(names)} values are more panels than the {_MOST_PANELS} one can read"
        raise InputError(message)
    texts = np.array([str(value) for value in values])
    return [(name, np.flatnonzero(texts == name)) for name in names]


def new_figure(
    size: tuple[float, float], layout: Literal["constrained"] | None = "constrained"
) -> Figure:
    """Make a figure that notebooks know how to show."""
    try:
        from matplotlib.figure import Figure as NewFigure

        if "ipykernel" in sys.modules:
            import matplotlib.pyplot  # noqa: F401, ICN001 - tells notebooks how to show a figure
    except ImportError as error:
        message = 'plots need matplotlib; install it with: pip install "kruispunt[plots]"'
        raise MissingPackageError(message) from error
    own: Figure = NewFigure(figsize=size, layout=layout)
    return own


def _panels(
    sequences: Sequences,
    kind: str,
    drawer: Callable[[Axes, _Part], None],
    groups: list[tuple[str, NDArray[np.intp]]],
    title: str | None,
) -> Figure:
    across = min(3, len(groups)) if len(groups) != 4 else 2
    down = -(-len(groups) // across)
    # the words beside the discs of a graph need room
    wide, high = (5.2, 4.2) if kind == "graph" else (3.9, 2.8)
    figure = new_figure((wide * across, high * down + 0.9))
    grid = figure.subplots(down, across, squeeze=False)
    for place, axes in enumerate(grid.flat):
        if place >= len(groups):
            axes.set_axis_off()
            continue
        name, rows = groups[place]
        axes.spines[["top", "right"]].set_visible(False)
        part = _Part(sequences, rows)
        drawer(axes, part)
        _finish(axes, part, kind, name)
    if title:
        figure.suptitle(title)
    if kind not in _NO_LEGEND:
        part = _Part(sequences, np.arange(len(sequences)))
        handles = _handles(part, kind)
        figure.legend(
            handles=handles, loc="outside lower center", frameon=False, ncols=_ncols(part)
        )
    return figure


def _finish(axes: Axes, part: _Part, kind: str, title: str | None) -> None:
    axes.set_title(f"{title} ({part.size()})" if title else part.size(), fontsize=10, loc="left")
    if kind in {"mean_time", "transitions", "graph"}:
        return
    positions = part.sequences.positions
    step = max(1, len(positions) // 8)
    places = range(0, len(positions), step)
    axes.set_xticks(list(places), [positions[at] for at in places], rotation=0, fontsize=8)
    axes.tick_params(axis="y", labelsize=8)
    if max(len(name) for name in positions) > 5:
        for label in axes.get_xticklabels():
            label.set_rotation(45)
            label.set_horizontalalignment("right")
    axes.set_xlim(-0.5, len(positions) - 0.5)
    if positions[0].isdigit():
        axes.set_xlabel("position", fontsize=9)


def _ncols(part: _Part) -> int:
    return min(4, part.states + 1)


def _handles(part: _Part, kind: str) -> list[Any]:
    from matplotlib.patches import Patch

    own = part.sequences
    handles = [
        Patch(facecolor=colour, label=label)
        for label, colour in zip(own.labels, own.colours, strict=True)
    ]
    if kind in {"index", "frequency"} and (part.codes == -1).any():
        handles.append(Patch(facecolor=_MISSING, label="missing"))
    return handles


def _legend(axes: Axes, part: _Part, kind: str) -> None:
    axes.legend(
        handles=_handles(part, kind), frameon=False, fontsize=8, ncols=_ncols(part),
        loc="upper center", bbox_to_anchor=(0.5, -0.2),
    )  # fmt: skip


def _colours(part: _Part) -> Any:
    from matplotlib.colors import ListedColormap

    return ListedColormap([_VOID, _MISSING, *part.sequences.colours])


def _image(axes: Axes, part: _Part, codes: NDArray[np.int16], bounds: Sequence[float]) -> None:
    """Draw lines of codes, line i from bounds[i] to bounds[i + 1]."""
    edges = np.arange(codes.shape[1] + 1) - 0.5
    axes.pcolormesh(
        edges, np.asarray(bounds), codes + 2, cmap=_colours(part), vmin=-0.5,
        vmax=part.states + 1.5, rasterized=True,
    )  # fmt: skip
    axes.grid(visible=False)


def _index(axes: Axes, part: _Part, sort: str) -> None:
    if sort not in {"start", "end", "none"}:
        message = f"`sort`: {sort!r} is none of start, end, none"
        raise InputError(message)
    codes = part.codes
    order = np.arange(len(codes))
    if sort != "none":
        keys = codes if sort == "end" else codes[:, ::-1]
        order = np.lexsort(keys.T)
    bounds = np.concatenate([[0.0], np.cumsum(part.weights[order])])
    _image(axes, part, codes[order], bounds.tolist())
    axes.set_ylabel("sequences" if not part.sequences.native.weighted else "weight of sequences")


def _frequency(axes: Axes, part: _Part, most: int) -> None:
    rows, inverse = np.unique(part.codes, axis=0, return_inverse=True)
    weights = np.bincount(inverse.ravel(), weights=part.weights, minlength=len(rows))
    order = np.argsort(-weights, kind="stable")[:most]
    bounds = np.concatenate([[0.0], np.cumsum(weights[order])])
    share = bounds / part.weights.sum()
    _image(axes, part, rows[order], share.tolist())
    axes.set_ylabel(f"share, {len(order)} most frequent")
    axes.set_ylim(0, share[-1])


def _chronogram(axes: Axes, part: _Part) -> None:
    places = np.arange(part.codes.shape[1])
    bottom = np.zeros(len(places))
    for share, colour in zip(part.shares(), part.sequences.colours, strict=True):
        axes.bar(places, share, width=1.0, bottom=bottom, color=colour, linewidth=0)
        bottom += share
    axes.grid(visible=False)
    axes.set_ylim(0, 1)
    axes.set_ylabel("share of known states")


def _modal(axes: Axes, part: _Part) -> None:
    shares = part.shares()
    top = shares.argmax(axis=0)
    colours = [part.sequences.colours[at] for at in top]
    axes.bar(np.arange(shares.shape[1]), shares.max(axis=0), width=1.0, color=colours, linewidth=0)
    axes.set_ylim(0, 1)
    axes.set_ylabel("share of the most frequent state")


def _mean_time(axes: Axes, part: _Part) -> None:
    total = part.weights.sum()
    times = [
        float(part.weights @ (part.codes == s).sum(axis=1) / total) for s in range(part.states)
    ]
    places = np.arange(part.states)
    axes.barh(places, times, color=part.sequences.colours)
    axes.set_yticks(places, part.sequences.labels, fontsize=8)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("mean number of positions")


def _entropy(axes: Axes, part: _Part) -> None:
    shares = part.shares()
    logs = np.log(shares, out=np.zeros_like(shares), where=shares > 0)
    entropy = -(shares * logs).sum(axis=0) / np.log(max(part.states, 2))
    axes.plot(np.arange(shares.shape[1]), entropy, color="#0072B2", linewidth=1.8)
    axes.set_ylim(0, 1)
    axes.set_ylabel("entropy of the distribution")


def _transitions(axes: Axes, part: _Part) -> None:
    k, rates = part.states, part.rates()
    axes.imshow(rates, cmap="cividis_r", vmin=0, vmax=1, aspect="auto")
    axes.grid(visible=False)
    for row, column in np.ndindex(k, k):
        value = rates[row, column]
        colour = "#ffffff" if value > 0.5 else "#000000"
        axes.text(column, row, f"{value:.2f}", ha="center", va="center", color=colour, fontsize=7)
    labels = part.sequences.labels
    axes.set_xticks(range(k), labels, rotation=45, ha="right", fontsize=8)
    axes.set_yticks(range(k), labels, fontsize=8)
    axes.set_xlabel("to")
    axes.set_ylabel("from")


def _graph(axes: Axes, part: _Part) -> None:
    from kruispunt._career_graphs import transition_graph

    transition_graph(axes, part)
