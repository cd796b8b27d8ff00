"""Plots of estimates, with matplotlib (the ``plots`` extra).

Every plot draws numbers that a method already gives, returns the matplotlib ``Axes`` it drew on,
and uses colours that colour-blind readers can tell apart (Okabe & Ito 2008).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from kruispunt._gate import current
from kruispunt.estimate._chosen import chosen
from kruispunt.exceptions import InputError, MissingPackageError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from kruispunt.durations import Survival
    from kruispunt.estimate import Fit
    from kruispunt.evaluate import Effects

__all__ = ["COLOURS", "coefplot", "iplot", "love_plot", "plot_curves", "plot_effects"]

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's colours; black, the last, stands for the truth or a reference."""

_MARKERS = ("o", "s", "^", "D", "v", "P")
_PERIOD = re.compile(r"(-?\d+(?:\.\d+)?)\]?$")


def new_axes(ax: Axes | None = None, *, width: float = 8.0, height: float = 4.2) -> Axes:
    """Give `ax`, or fresh axes in the house style; say what to install without matplotlib."""
    if ax is not None:
        return ax
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        message = 'plots need matplotlib; install it with: pip install "kruispunt[plots]"'
        raise MissingPackageError(message) from error
    if "ipykernel" in sys.modules:
        # A notebook shows the figures that pyplot knows, at the end of the cell, and closes them.
        import matplotlib.pyplot as plt

        axes: Axes = plt.figure(figsize=(width, height), layout="constrained").add_subplot()
    else:
        axes = Figure(figsize=(width, height), layout="constrained").add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(visible=True, axis="y", color="#dddddd", linewidth=0.6)
    return axes


def _named(
    models: Fit | Sequence[Fit] | Mapping[str, Fit], rename: Mapping[str, str] | None = None
) -> dict[str, Fit]:
    """Give fits by the name their legend shows."""
    if isinstance(models, Mapping):
        named = dict(models)
    elif hasattr(models, "all_fitted_models"):
        named = models.all_fitted_models
    elif isinstance(models, Sequence):
        named = {f"model {at}": fit for at, fit in enumerate(models, start=1)}
    else:
        named = {"": models}
    if not rename:
        return named
    shown = {name: rename.get(name, rename.get(fit.formula, name)) for name, fit in named.items()}
    if len(set(shown.values())) < len(shown):
        message = "`rename_models`: two models have the same name"
        raise InputError(message)
    return {shown[name]: fit for name, fit in named.items()}


def _pass_models(axes: Axes, fits: Mapping[str, Fit]) -> None:
    """With a profile of disclosure control, refuse models that may not be shown."""
    session = current()
    if session is not None:
        session.models("plot", fits)
        session.drawn(axes.figure)


def _legend(label: str, level: float) -> str:
    return f"{label or 'estimate'} ({level:.0%} interval)"


@dataclass(frozen=True)
class _Series:
    """What is drawn of one model: estimates with their bounds, and bounds that hold together."""

    label: str
    points: dict[str, tuple[float, float, float]]
    joint: dict[str, tuple[float, float]]


def _series(
    named: Mapping[str, Fit],
    alpha: float,
    joint: bool | str | None,  # noqa: FBT001
    seed: int | None,
    names: Sequence[str],
) -> list[_Series]:
    if joint not in (None, True, False, "both"):
        message = f"`joint`: {joint!r} is not True, False or both"
        raise InputError(message)
    drawn = []
    for label, fit in named.items():
        own = [name for name in names if name in fit.coef()]
        bands = fit.joint_confint(alpha, own, seed=seed) if joint and own else {}
        bounds = bands if joint is True else fit.confint(alpha)
        points = {name: (fit.coef()[name], *bounds[name]) for name in own}
        drawn.append(_Series(label, points, bands if joint == "both" else {}))
    return drawn


def _draw(axes: Axes, series: Sequence[_Series], places: Mapping[str, float], **how: Any) -> None:
    """Draw points with bars beside each other, and thin bars for what holds together."""
    level, flipped, gap = 1 - how["alpha"], how["flipped"], how["gap"]
    for at, own in enumerate(series):
        shift = (at - (len(series) - 1) / 2) * gap
        names = [name for name in places if name in own.points]
        if not names:
            continue
        where = [places[name] + shift for name in names]
        values = [own.points[name][0] for name in names]
        colour = COLOURS[at % 6]
        mark, side = _MARKERS[at % len(_MARKERS)], "xerr" if flipped else "yerr"
        x, y = (values, where) if flipped else (where, values)

        def reach(bounds: Sequence[Sequence[float]], values: list[float] = values) -> Any:
            low, high = (np.array([own[end] for own in bounds]) for end in (-2, -1))
            return np.array([values - low, high - values])

        bars: dict[str, Any] = {side: reach([own.points[name] for name in names])}
        axes.errorbar(
            x, y, **bars, fmt=mark, color=colour, markersize=4.5, capsize=2, linewidth=1.2,
            label=_legend(own.label, level),
        )  # fmt: skip
        if own.joint:
            bars = {side: reach([own.joint[name] for name in names])}
            axes.errorbar(x, y, **bars, fmt="none", color=colour, linewidth=0.7)


def _lines(
    axes: Axes,
    estimate: float | None,
    place: float | None,
    flipped: bool,  # noqa: FBT001
) -> None:
    """Draw lines at an estimate, and at a place among coefficients."""
    across, along = (axes.axvline, axes.axhline) if flipped else (axes.axhline, axes.axvline)
    if estimate is not None:
        across(float(estimate), color="#444444", linewidth=0.8)
    if place is not None:
        along(float(place), color="#444444", linewidth=0.8, linestyle=":")


def _asked(  # noqa: PLR0917 - what two plots ask alike
    models: Fit | Sequence[Fit] | Mapping[str, Fit],
    rename: Mapping[str, str] | None,
    backend: str,
    keep: Sequence[str] | str | None,
    drop: Sequence[str] | str | None,
    exact: bool,  # noqa: FBT001
) -> tuple[dict[str, Fit], list[str]]:
    """Give the fits by name, and the names of the coefficients to draw."""
    if backend != "matplotlib":
        message = f"`plot_backend`: {backend!r} is not matplotlib, the only one there is"
        raise InputError(message)
    named = _named(models, rename)
    every = list(dict.fromkeys(name for fit in named.values() for name in fit.coef()))
    return named, chosen(every, keep, drop, exact)


def iplot(  # noqa: PLR0917 - the order of pyfixest
    models: Fit | Sequence[Fit] | Mapping[str, Fit],
    alpha: float = 0.05,
    figsize: tuple[float, float] | None = None,
    yintercept: float | None = 0,
    xintercept: float | None = None,
    rotate_xticks: float = 0,
    title: str | None = None,
    coord_flip: bool = False,  # noqa: FBT001, FBT002
    keep: Sequence[str] | str | None = None,
    drop: Sequence[str] | str | None = None,
    exact_match: bool = False,  # noqa: FBT001, FBT002
    plot_backend: str = "matplotlib",
    labels: Mapping[str, str] | None = None,
    cat_template: str | None = None,
    rename_models: Mapping[str, str] | None = None,
    ax: Axes | None = None,
    joint: bool | Literal["both"] | None = None,  # noqa: FBT001
    seed: int | None = None,
    *,
    reference: float | None = -1,
    truth: Mapping[float, float] | None = None,
    xlabel: str = "quarters since the event",
    ylabel: str = "effect",
) -> Axes:
    """Draw an event study: the coefficients of ``i(event_time, ref=...)`` with their intervals.

    Parameters
    ----------
    models : Fit, or sequence or mapping of Fit
        One or several fits; the keys of a mapping become the legend.
    alpha : float
        One minus the probability of the intervals.
    figsize : (float, float), optional
        Width and height of a new figure, in inches.
    yintercept : float or None
        An effect at which a line is drawn.
    xintercept : float, optional
        A period at which a line is drawn; by default half a period after `reference`.
    rotate_xticks : float
        Degrees by which the labels of periods are turned.
    title : str, optional
        The title.
    coord_flip : bool
        Whether periods stand on the vertical axis (pyfixest's default; here time runs to the right).
    keep, drop : str or sequence of str, optional
        Regular expressions for the coefficients to draw and to leave out.
    exact_match : bool
        Whether they are names, not expressions.
    plot_backend : str
        ``"matplotlib"``.
    labels : dict, optional
        Text for periods, by the name of the coefficient.
    cat_template : str, optional
        How a period is named, such as ``"{value} quarters"``; by default its number.
    rename_models : dict, optional
        Names of the models in the legend, by the key of a mapping or the formula.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default on a new figure.
    joint : bool or "both", optional
        Whether intervals hold together (sup-t), or both kinds are drawn.
    seed : int, optional
        Of the draws for joint intervals.
    reference : float or None
        The omitted period, drawn at zero. ``None`` draws none.
    truth : mapping of period to effect, optional
        Known effects, drawn as a black line.
    xlabel, ylabel : str
        Labels of periods and effects; give the unit.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        If a fit has no coefficient whose name ends in a period, such as ``event_time::3``.
    MissingPackageError
        If matplotlib is not installed.
    """
    named, wanted = _asked(models, rename_models, plot_backend, keep, drop, exact_match)
    places = {name: float(found.group(1)) for name in wanted if (found := _PERIOD.search(name))}
    for fit in named.values():
        if not any(name in places for name in fit.coef()):
            present = ", ".join(fit.coef())
            message = f"`models`: no coefficient ends in a period (event_time::3); found {present}"
            raise InputError(message)
    width, height = figsize or (8.0, 4.2)
    axes = new_axes(ax, width=width, height=height)
    _pass_models(axes, named)
    series = _series(named, alpha, joint, seed, list(places))
    if reference is not None:
        mark = "(reference)"
        places[mark] = float(reference)
        for own in series:
            own.points[mark] = (0.0, 0.0, 0.0)
            if own.joint:
                own.joint[mark] = (0.0, 0.0)
        xintercept = float(reference) + 0.5 if xintercept is None else xintercept
    places = dict(sorted(places.items(), key=lambda place: place[1]))
    _draw(axes, series, places, alpha=alpha, flipped=coord_flip, gap=0.18)
    if truth is not None:
        periods = sorted(truth)
        effects = [truth[period] for period in periods]
        path = (effects, periods) if coord_flip else (periods, effects)
        axes.plot(*path, color=COLOURS[6], linewidth=1.6, label="truth", zorder=3)
    _lines(axes, yintercept, xintercept, coord_flip)
    texts = dict(labels or {})
    if cat_template is not None:
        for name in places:
            variable, colons, value = name.rpartition("::")
            if colons and name not in texts:
                filled = cat_template.replace("{variable}", variable).replace("{value}", value)
                texts[name] = filled
    shown = {places[name]: text for name, text in texts.items() if name in places}
    if shown:
        ticks = axes.set_yticks if coord_flip else axes.set_xticks
        marks = sorted(set(places.values()))
        ticks(marks, [shown.get(mark, f"{mark:g}") for mark in marks])
    axes.tick_params(axis="y" if coord_flip else "x", rotation=rotate_xticks)
    axes.set_xlabel(ylabel if coord_flip else xlabel)
    axes.set_ylabel(xlabel if coord_flip else ylabel)
    if title is not None:
        axes.set_title(title)
    axes.legend(frameon=False)
    return axes


def coefplot(  # noqa: PLR0917 - the order of pyfixest
    models: Fit | Sequence[Fit] | Mapping[str, Fit],
    alpha: float = 0.05,
    figsize: tuple[float, float] | None = None,
    yintercept: float | None = 0,
    xintercept: float | None = None,
    rotate_xticks: float = 0,
    title: str | None = None,
    coord_flip: bool = True,  # noqa: FBT001, FBT002
    keep: Sequence[str] | str | None = None,
    drop: Sequence[str] | str | None = None,
    exact_match: bool = False,  # noqa: FBT001, FBT002
    plot_backend: str = "matplotlib",
    labels: Mapping[str, str] | None = None,
    joint: bool | Literal["both"] | None = None,  # noqa: FBT001
    seed: int | None = None,
    ax: Axes | None = None,
    rename_models: Mapping[str, str] | None = None,
    *,
    truth: Mapping[str, float] | None = None,
    xlabel: str = "estimate",
) -> Axes:
    """Draw coefficients side by side with their intervals.

    Parameters
    ----------
    models : Fit, or sequence or mapping of Fit
        One or several fits; the keys of a mapping become the legend.
    alpha : float
        One minus the probability of the intervals.
    figsize : (float, float), optional
        Width and height of a new figure, in inches.
    yintercept : float or None
        An estimate at which a line is drawn.
    xintercept : float, optional
        A place among the coefficients, counted from 0, at which a line is drawn.
    rotate_xticks : float
        Degrees by which the names of coefficients are turned.
    title : str, optional
        The title.
    coord_flip : bool
        Whether coefficients stand below each other; else beside each other.
    keep, drop : str or sequence of str, optional
        Regular expressions for the coefficients to draw, in the order of `keep`, and to leave out;
        by default all, in the order of the fits.
    exact_match : bool
        Whether they are names, not expressions.
    plot_backend : str
        ``"matplotlib"``.
    labels : mapping of str to str, optional
        Text shown for a coefficient's name.
    joint : bool or "both", optional
        Whether intervals hold together (sup-t), or both kinds are drawn.
    seed : int, optional
        Of the draws for joint intervals.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default on a new figure.
    rename_models : dict, optional
        Names of the models in the legend, by the key of a mapping or the formula.
    truth : mapping of str to float, optional
        Known values, drawn as black ticks.
    xlabel : str
        Label of the estimates' axis; give the unit.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        If a pattern matches no coefficient.
    MissingPackageError
        If matplotlib is not installed.
    """
    named, names = _asked(models, rename_models, plot_backend, keep, drop, exact_match)
    size = 1.3 + 0.3 * len(names) * max(1.5, len(named))
    width, height = figsize or ((8.0, size) if coord_flip else (max(6.0, size), 4.2))
    axes = new_axes(ax, width=width, height=height)
    _pass_models(axes, named)
    axes.grid(visible=False)
    axes.grid(visible=True, axis="x" if coord_flip else "y", color="#dddddd", linewidth=0.6)
    places = {name: float(place) for place, name in enumerate(names)}
    series = _series(named, alpha, joint, seed, names)
    _draw(axes, series, places, alpha=alpha, flipped=coord_flip, gap=0.2)
    known = {places[name]: value for name, value in (truth or {}).items() if name in places}
    if known:
        x, y = list(known.values()), list(known)
        axes.scatter(
            x if coord_flip else y, y if coord_flip else x, marker="|" if coord_flip else "_",
            s=260, linewidths=2.2, color=COLOURS[6], label="truth", zorder=3,
        )  # fmt: skip
    _lines(axes, yintercept, xintercept, coord_flip)
    ticks = axes.set_yticks if coord_flip else axes.set_xticks
    ticks(range(len(names)), [(labels or {}).get(name, name) for name in names])
    axes.tick_params(axis="y" if coord_flip else "x", rotation=rotate_xticks)
    if coord_flip:
        axes.invert_yaxis()
        axes.set_xlabel(xlabel)
    else:
        axes.set_ylabel(xlabel)
    if title is not None:
        axes.set_title(title)
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(0, -0.18), ncols=2)
    return axes


def plot_effects(
    effects: Effects | Sequence[Effects] | Mapping[str, Effects],
    *,
    bands: str = "sup-t",
    level: float = 0.95,
    truth: Mapping[int, float] | None = None,
    marks: Mapping[str, float] | None = None,
    dates: Sequence[Mapping[str, str]] | None = None,
    xlabel: str | None = None,
    ylabel: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw effects by event time, cohort or period; several estimators side by side.

    Thick lines are point-wise intervals, thin lines uniform bands. Effects by cohort and period
    are drawn as an event study.

    Parameters
    ----------
    effects : Effects, or sequence or mapping of Effects
        One or several; the keys of a mapping become the legend.
    bands : {"sup-t", "pointwise"}
        What the thin lines hold: the whole path, or each effect on its own.
    level : float
        Coverage, between 0 and 1.
    truth : mapping of int to float, optional
        Known effects by place on the horizontal axis, drawn as a black line.
    marks : mapping of str to number, optional
        Places to mark by label: register breaks, dates of other policies.
    dates : sequence of mapping, optional
        Dates to mark, each with ``date`` (``YYYY-MM-DD``), ``name`` and ``kind``, as
        :func:`kruispunt.belgium.calendar` gives them: breaks in registers (``register``) dashed,
        policies dotted. On an axis of event times they need effects of one cohort. Dates beyond
        the axis are left out.
    xlabel, ylabel : str, optional
        Labels of the axes; give the unit.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default on a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        If there is nothing to draw, effects are of different kinds, or `dates` have no place.
    MissingPackageError
        If matplotlib is not installed.
    """
    axes = new_axes(ax)
    given = next(iter(_named_effects(effects).values()), None)
    named = _paths(effects)
    kinds = {own.by for own in named.values()}
    if len(kinds) != 1:
        message = (
            f"`effects`: expected effects of one kind, got {', '.join(sorted(kinds)) or 'none'}"
        )
        raise InputError(message)
    kind = kinds.pop()
    column = {"event": "event", "group": "cohort", "calendar": "period", "simple": "phase"}[kind]
    for at, (label, own) in enumerate(named.items()):
        rows = _drawn(own, column, bands, level)
        shift = (at - (len(named) - 1) / 2) * 0.16
        places = [row[0] + shift for row in rows]
        values = [row[1] for row in rows]
        colour = COLOURS[at % 6]
        for (low, high), width in (((4, 5), 0.9), ((2, 3), 2.2)):
            axes.errorbar(
                places,
                values,
                yerr=[[row[1] - row[low] for row in rows], [row[high] - row[1] for row in rows]],
                fmt="none",
                ecolor=colour,
                elinewidth=width,
                capsize=2 if width < 1 else 0,
            )
        axes.plot(
            places, values, linestyle="none", marker=_MARKERS[at % len(_MARKERS)], color=colour,
            markersize=4.5, label=_legend(label, level),
        )  # fmt: skip
    if (session := current()) is not None:
        session.drawn(axes.figure)
    _decorate(axes, kind, next(iter(named.values())), truth, marks)
    if dates is not None and given is not None:
        _overlay(axes, kind, given, dates)
    axes.set_xlabel(xlabel if xlabel is not None else _axis(kind, next(iter(named.values()))))
    axes.set_ylabel(ylabel if ylabel is not None else "effect")
    axes.legend(frameon=False)
    return axes


def plot_curves(
    curves: Survival,
    *,
    kind: str = "survival",
    level: float = 0.95,
    ax: Axes | None = None,
) -> Axes:
    """Draw curves of durations as steps, with their intervals.

    Parameters
    ----------
    curves : Survival
        What :func:`kruispunt.survival` or :func:`kruispunt.cumulative_incidence` gives.
    kind : {"survival", "uptake", "incidence", "hazard"}
        Survival; one minus survival; the incidence of each event; the cumulative hazard.
    level : float
        Coverage, between 0 and 1.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default on a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        If there is no such kind.
    MissingPackageError
        If matplotlib is not installed.
    """
    columns = {
        "survival": ("survival", "conf_low", "conf_high"),
        "uptake": ("survival", "conf_high", "conf_low"),
        "incidence": ("incidence", "conf_low", "conf_high"),
        "hazard": ("cumulative_hazard", "hazard_low", "hazard_high"),
    }
    if kind not in columns:
        message = f"`kind`: {kind!r} is none of {', '.join(map(repr, columns))}"
        raise InputError(message)
    axes = new_axes(ax)
    own = curves.native
    table = own.incidence(1 - level) if kind == "incidence" else own.tidy(1 - level)
    names = table.columns
    if (session := current()) is not None:
        kept = ["time", *names[: names.index("time")]]
        table, few = session.profile.native.curve(table, "n_risk", "n_event", kept)
        withheld = {"rests on few persons": len(few)} if few else {}
        session.note("plot", kind, "released", withheld=withheld)
        session.drawn(axes.figure)
    labels = [at for at, name in enumerate(names[: names.index("time")])]
    at = [names.index(name) for name in ("time", *columns[kind])]
    lines: dict[str, list[list[float]]] = {}
    for cells in table.cells(0, len(table)):
        if cells[at[1]] is None and session is not None:
            continue
        label = ", ".join(cells[one] or "" for one in labels)
        middle = float(cells[at[1]] or 0)
        numbers = [middle if cells[one] is None else float(cells[one] or 0) for one in at]
        numbers[0] = float(cells[at[0]] or 0)
        if kind == "uptake":
            numbers[1:] = [1 - value for value in numbers[1:]]
        lines.setdefault(label, []).append(numbers)
    start = 1.0 if kind == "survival" else 0.0
    for place, (label, rows) in enumerate(lines.items()):
        colour = COLOURS[place % 6]
        time, middle_line, low, high = (
            [0.0 if column == 0 else start, *[row[column] for row in rows]] for column in range(4)
        )
        axes.step(time, middle_line, where="post", color=colour, label=_legend(label, level))
        axes.fill_between(time, low, high, step="post", color=colour, alpha=0.18, linewidth=0)
    axes.set_xlabel("time")
    axes.set_ylabel(kind)
    axes.legend(frameon=False)
    return axes


def love_plot(balance: Any, *, ax: Axes | None = None) -> Axes:
    """Draw differences of covariates before and after matching or weighting.

    Parameters
    ----------
    balance : table
        What :func:`kruispunt.matching_balance` or ``Balanced.balance()`` gives.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default on a new figure.

    Returns
    -------
    matplotlib.axes.Axes
    """
    from kruispunt._frames import to_table

    table = to_table(balance, ["covariate", "difference_before", "difference_after"], "balance")
    cells = table.cells(0, len(table))
    axes = new_axes(ax, height=1.2 + 0.3 * len(cells))
    places = range(len(cells))
    for column, (label, colour) in enumerate((("before", COLOURS[1]), ("after", COLOURS[0])), 1):
        values = [abs(float(row[column] or "nan")) for row in cells]
        axes.plot(
            values, places, linestyle="none", marker=_MARKERS[column], color=colour, label=label
        )
    axes.axvline(0.1, color="#444444", linewidth=0.8, linestyle=":")
    axes.set_yticks(list(places), [row[0] or "" for row in cells])
    axes.set_xlabel("difference of means, in standard deviations of the treated")
    axes.set_xlim(left=0)
    axes.legend(frameon=False)
    return axes


def _named_effects(
    effects: Effects | Sequence[Effects] | Mapping[str, Effects],
) -> dict[str, Effects]:
    if isinstance(effects, Mapping):
        return dict(effects)
    if isinstance(effects, Sequence):
        return {f"model {at}": own for at, own in enumerate(effects, start=1)}
    return {"": effects}


def _paths(effects: Effects | Sequence[Effects] | Mapping[str, Effects]) -> dict[str, Effects]:
    return {
        label: own.aggregate("event") if own.by == "cells" else own
        for label, own in _named_effects(effects).items()
    }


_STEPS = {"year": 1, "quarter": 4, "month": 12}


def _number(label: str, unit: str) -> float:
    """Give a period such as 2012, 2012Q3 or 2012-07 as periods since year 0."""
    digits = [int(part) for part in re.findall(r"\d+", label)]
    return _STEPS[unit] * digits[0] + (digits[1] - 1 if len(digits) > 1 else 0)


def _moment(date: str, unit: str) -> float:
    """Give a day as periods since year 0, with a fraction; a period lasts until the next begins."""
    try:
        year, month, day = (int(part) for part in date.split("-"))
    except ValueError as error:
        message = f"`dates`: expected days such as 2015-11-09, got {date!r}"
        raise InputError(message) from error
    return (year + (month - 1 + (day - 1) / 31) / 12) * _STEPS[unit]


def _overlay(axes: Axes, kind: str, effects: Effects, dates: Sequence[Mapping[str, str]]) -> None:
    """Mark dates on an axis of periods, or of event times of one cohort."""
    import numpy as np

    unit = effects.native.unit
    table = effects.native.tidy("pointwise", 0.05, 0, 0)

    def cells(name: str) -> list[str]:
        at = table.columns.index(name)
        return [row[at] or "" for row in table.cells(0, len(table)) if row[at]]

    if kind == "event":
        cohorts = sorted(set(cells("cohort")))
        if len(cohorts) != 1:
            message = (
                "`dates`: event times of several cohorts lie at different dates; draw "
                'aggregate("calendar"), or the effects of one cohort'
            )
            raise InputError(message)
        # a period's effect stands in its middle
        numbers, places = [0.0, 1.0], [0.0, 1.0]
        start = _number(cohorts[0], unit) + 0.5
    elif kind in ("group", "calendar"):
        labels = cells("cohort" if kind == "group" else "period")
        numbers = [_number(label, unit) + 0.5 for label in labels]
        places = [float(at) for at in range(len(labels))]
        start = 0.0
    else:
        message = "`dates`: one number has no axis of time; draw an event study or calendar means"
        raise InputError(message)
    low, high = axes.get_xlim()
    for event in dates:
        moment = _moment(event["date"], unit) - start
        if kind == "event":
            place = moment
        elif numbers[0] - 0.5 <= moment <= numbers[-1] + 0.5:
            place = float(np.interp(moment, numbers, places))
            place += min(moment - numbers[0], 0) + max(moment - numbers[-1], 0)
        else:
            continue
        if not low <= place <= high:
            continue
        register = event.get("kind") == "register"
        colour = COLOURS[1] if register else COLOURS[2]
        axes.axvline(place, color=colour, linewidth=1.0, linestyle="--" if register else ":")
        axes.annotate(
            event["name"].replace("_", " "), (place, 0.02), xycoords=("data", "axes fraction"),
            rotation=90, va="bottom", ha="right", fontsize="x-small", color=colour,
        )  # fmt: skip
    axes.set_xlim(low, high)


def _drawn(effects: Effects, column: str, bands: str, level: float) -> list[list[float]]:
    table = effects.native.tidy(bands, 1 - level, 20_000, 1)
    names = table.columns
    wanted = ["estimate", "conf_low", "conf_high", "band_low", "band_high"]
    at = [names.index(name) for name in wanted]
    phase, place = names.index("phase"), names.index(column)
    counts = [names.index(name) for name in ("n_treated", "n_control")]
    session, left_out = current(), 0
    rows = []
    for position, cells in enumerate(table.cells(0, len(table))):
        if cells[at[0]] is None or (cells[phase] == "overall" and column != "phase"):
            continue
        if session is not None and any(
            session.profile.native.is_few(int(float(cells[i] or 0))) for i in counts
        ):
            left_out += 1
            continue
        middle = float(cells[at[0]] or 0)
        numbers = [middle if cells[i] is None else float(cells[i] or 0) for i in at]
        where = float(cells[place] or 0) if column == "event" else float(position)
        rows.append([where, *numbers])
    if session is not None:
        few = {"rests on few persons": left_out} if left_out else {}
        session.note("plot", effects.outcome, "released", withheld=few, points=len(rows))
    if not rows:
        message = "`effects`: there is nothing to draw"
        raise InputError(message)
    return rows


def _axis(kind: str, effects: Effects) -> str:
    unit = effects.native.unit
    return {"event": f"{unit}s since treatment", "group": "cohort", "calendar": unit}.get(kind, "")


def _decorate(
    axes: Axes,
    kind: str,
    effects: Effects,
    truth: Mapping[int, float] | None,
    marks: Mapping[str, float] | None,
) -> None:
    if truth is not None:
        places = sorted(truth)
        values = [truth[place] for place in places]
        axes.plot(places, values, color=COLOURS[6], linewidth=1.6, label="truth", zorder=3)
    axes.axhline(0, color="#444444", linewidth=0.8)
    if kind == "event":
        axes.axvline(-0.5, color="#444444", linewidth=0.8, linestyle=":")
    elif kind in ("group", "calendar"):
        table = effects.native.tidy("pointwise", 0.05, 0, 0)
        column = table.columns.index("cohort" if kind == "group" else "period")
        labels = [cells[column] or "" for cells in table.cells(0, len(table))][:-1]
        # no more labels than fit side by side
        step = 1 + (len(labels) - 1) // 9
        axes.set_xticks(range(0, len(labels), step), labels[::step])
    else:
        axes.set_xticks([])
    for label, place in (marks or {}).items():
        axes.axvline(place, color="#999999", linewidth=0.9, linestyle="--")
        axes.annotate(
            label, (place, 1), xycoords=("data", "axes fraction"), rotation=90,
            va="top", ha="right", fontsize="small", color="#555555",
        )  # fmt: skip
