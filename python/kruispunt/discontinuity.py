"""Regression discontinuity, also in time: who came just before a reform, and just after."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from kruispunt import _core
from kruispunt._frames import to_frame, to_table
from kruispunt._shown import said
from kruispunt.account import Account
from kruispunt.exceptions import DesignWarning, InputError
from kruispunt.panel import _face
from kruispunt.table import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Jump", "rd_in_time"]


@dataclass(frozen=True, repr=False)
class Jump:
    """A jump of an outcome at a cutoff; :func:`rd_in_time` makes it.

    Attributes
    ----------
    estimate, std_error, conf_low, conf_high, p_value : float
        Corrected for the curvature on both sides; errors know that it was estimated.
    conventional, conventional_se : float
        Those of the lines alone.
    first_stage, first_stage_se : float or None
        The corrected jump of the treatment; None without one.
    h, b : float
        Bandwidths of the lines and of the parabolas.
    n_below, n_above : int
        Rows within `h`.
    n_clusters : int or None
        Clusters within both bandwidths; None where rows are taken to be independent.
    limit_below, limit_above, slope_below, slope_above : float
        Where the lines of the outcome meet the cutoff, and their slopes.
    density_below, density_above, density_jump, density_jump_se, density_p_value : float or None
        Rows a unit of the running variable (a day, for dates) right at the cutoff, the corrected
        jump of their number, and its p value; None where bins are too few to say.
    outcome, cutoff : str
        The outcome and the cutoff.
    cautions : dict of str to str
        What a reader must know, by name.
    bins : tuple of (float, float, int)
        The middle of each of twenty bins a side within `h`, the mean outcome and the rows there.
    account : Account
        What happened to the rows.
    """

    estimate: float
    std_error: float
    conf_low: float
    conf_high: float
    p_value: float
    conventional: float
    conventional_se: float
    first_stage: float | None
    first_stage_se: float | None
    h: float
    b: float
    n_below: int
    n_above: int
    n_clusters: int | None
    limit_below: float
    limit_above: float
    slope_below: float
    slope_above: float
    density_below: float | None
    density_above: float | None
    density_jump: float | None
    density_jump_se: float | None
    density_p_value: float | None
    outcome: str
    cutoff: str
    cautions: dict[str, str]
    account: Account
    bins: tuple[tuple[float, float, int], ...] = field(compare=False)
    _shown: dict[str, Any] = field(compare=False)

    def _rows(self) -> Table:
        low, high = self.conf_low, self.conf_high
        half = (high - low) / 2 * (self.conventional_se / self.std_error if self.std_error else 1)
        rows = [
            ("lines alone", self.conventional, self.conventional_se,
             self.conventional - half, self.conventional + half),
            ("corrected for curvature", self.estimate, self.std_error, low, high),
        ]  # fmt: skip
        names = ("by", "estimate", "std_error", "conf_low", "conf_high")
        return Table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))

    def tidy(self) -> Any:
        """Give both estimates as a data frame of the kind that was read."""
        return to_frame(self._rows(), self._shown["like"])

    def __repr__(self) -> str:
        interval = f"{self.conf_low:.4g} to {self.conf_high:.4g}"
        lines_alone = f"{self.conventional:.4g} ({self.conventional_se:.4g})"
        limits = f"{self.outcome} from {self.limit_below:.4g} to {self.limit_above:.4g}"
        rows = f"{self.n_below:,} below, {self.n_above:,} from the cutoff on"
        what = "Jump of" if self.first_stage is None else f"Effect of {self._shown['of']} on"
        lines = [
            f"{what} {self.outcome} at {self.cutoff}: {self.estimate:.4g}",
            f"Std. error: {self.std_error:.4g}; interval: {interval}; p = {self.p_value:.3g}",
            f"Lines alone: {lines_alone}; {limits}",
            f"Bandwidths: {self.h:.4g}, {self.b:.4g}; rows: {rows}",
        ]
        if self.first_stage is not None:
            jump = f"{self.first_stage:.4g} (std. error {self.first_stage_se:.4g})"
            lines.append(f"Jump of {self._shown['of']}: {jump}")
        if self.density_p_value is not None:
            lines.append(
                f"Rows a unit at the cutoff: from {self.density_below:.4g} to "
                f"{self.density_above:.4g} (p = {self.density_p_value:.3g})"
            )
        lines += [f"Caution: {text}" for text in self.cautions.values()]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return said(self, self._rows().native)

    def plot(self, *, ylabel: str | None = None, ax: Axes | None = None) -> Axes:
        """Draw means by bin within the bandwidth, and the lines.

        Parameters
        ----------
        ylabel : str, optional
            Label of the vertical axis; give the unit.
        ax : matplotlib.axes.Axes, optional
            Where to draw; by default on a new figure.
        """
        from kruispunt.plots import COLOURS, new_axes

        axes = new_axes(ax)
        places, means, counts = (np.asarray(own) for own in zip(*self.bins, strict=True))
        axes.scatter(places, means, s=8 + 40 * counts / counts.max(), color=COLOURS[0], zorder=3)
        sides = ((-1, self.limit_below, self.slope_below), (1, self.limit_above, self.slope_above))
        for side, limit, slope in sides:
            ends = np.array([0.0, side * self.h])
            axes.plot(ends, limit + slope * ends, color=COLOURS[1], linewidth=1.8)
        axes.axvline(0, color="#666666", linewidth=1.0, linestyle="--")
        axes.set_xlabel(f"{self._shown['unit']} since {self.cutoff}")
        axes.set_ylabel(ylabel if ylabel is not None else self.outcome)
        return axes


def _cutoff(value: Any) -> float:
    if isinstance(value, np.datetime64) and not np.isnat(value):
        return float(value.astype("datetime64[D]").astype(np.int64))
    if isinstance(value, (str, date)):
        try:
            day = date.fromisoformat(str(value)[:10])
        except ValueError:
            day = None
        if day is not None:
            return float(day.toordinal() - date(1970, 1, 1).toordinal())
    elif isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool):
        return float(value)
    message = f'`cutoff`: expected a number or a date such as "2015-11-09", got {value!r}'
    raise InputError(message)


def _distance(value: Any, argument: str) -> float:
    if isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool):
        return float(value)
    message = f"`{argument}`: expected a number (days, for dates), got {value!r}"
    raise InputError(message)


def rd_in_time(
    data: Any,
    outcome: str,
    *,
    running: str,
    cutoff: float | str | date,
    treatment: str | None = None,
    donut: float = 0.0,
    bandwidth: float | tuple[float, float] | None = None,
    kernel: Literal["triangular", "uniform", "epanechnikov"] = "triangular",
    cluster: str | None = None,
    level: float = 0.95,
) -> Jump:
    r"""Estimate the jump of an outcome where a date, or another running variable, passes a cutoff.

    .. math:: \lim_{x \downarrow c} E[Y \mid X = x] - \lim_{x \uparrow c} E[Y \mid X = x]

    by a line on each side within `h` of the cutoff; its bias, from a parabola within `b`, is taken
    out and its noise put into the standard error (Calonico, Cattaneo & Titiunik). Variances are from
    the three nearest neighbours on the same side, ties included; with `cluster` from residuals
    summed by cluster.

    Whatever else changes on that date changes the outcome too, and seasons look like slopes: try
    dates on which nothing happened (on rows of one side of the reform), and outcomes the reform
    cannot touch. Whether people chose their side is asked of their number: counts by equal bins,
    one a day for dates, get the same estimator (McCrary).

    Parameters
    ----------
    data : data frame
        One row a person, or arrival.
    outcome : str
        The outcome: numbers or truth values; for an access reform, days waited or having worked.
    running : str
        Dates, or numbers.
    cutoff : date, str or number
        Where the rule changes; rows on it are above.
    treatment : str, optional
        What the cutoff moves, such as days waited: numbers or truth values. The estimate is then
        the effect of one unit of it on those whom the cutoff moves, the jump of the outcome divided
        by that of the treatment.
    donut : float
        Leave out rows nearer to the cutoff than this (days, for dates): people who could have
        chosen their side.
    bandwidth : float or (float, float), optional
        `h`, or `h` and `b`; by default they minimise the mean squared error of the jump.
    kernel : {"triangular", "uniform", "epanechnikov"}
        Weights by distance.
    cluster : str, optional
        Rows that share what happens to them, such as those of one week; rows without one are left
        out. By default rows are independent.
    level : float
        Coverage, between 0 and 1.

    Returns
    -------
    Jump

    Raises
    ------
    InputError
        If a column is missing or no number or date, a value is not finite, or the cutoff, donut or
        bandwidth make no sense.
    EstimationError
        If a side has too few distinct values near the cutoff.

    Warns
    -----
    DesignWarning
        For each caution: numbers that jump at the cutoff (``sorting``), a donut that takes more
        than half of the bandwidth (``extrapolation``), few distinct values (``few_values``) or
        clusters (``few_clusters``), a treatment that hardly jumps (``weak_first_stage``).

    References
    ----------
    Calonico, S., Cattaneo, M. & Titiunik, R. (2014). Robust nonparametric confidence intervals for
    regression-discontinuity designs. *Econometrica* 82(6), 2295-2326.

    Calonico, S., Cattaneo, M., Farrell, M. & Titiunik, R. (2017). rdrobust: software for
    regression-discontinuity designs. *Stata Journal* 17(2), 372-404.

    McCrary, J. (2008). Manipulation of the running variable in the regression discontinuity
    design: a density test. *Journal of Econometrics* 142(2), 698-714.

    Hausman, C. & Rapson, D. (2018). Regression discontinuity in time. *Annual Review of Resource
    Economics* 10, 533-552.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> arrived = np.datetime64("2015-01-01") + rng.integers(0, 700, size=2000)
    >>> new_rule = arrived >= np.datetime64("2015-11-09")
    >>> waited = np.where(new_rule, 120.0, 180.0) + rng.normal(scale=20, size=2000)
    >>> jump = kp.rd_in_time(
    ...     {"arrived": arrived, "waited": waited}, "waited", running="arrived", cutoff="2015-11-09"
    ... )
    >>> bool(jump.conf_low < -60 < jump.conf_high)
    True
    """
    if not 0 < level < 1:
        message = f"`level`: expected a number between 0 and 1, got {level!r}"
        raise InputError(message)
    both = None
    if bandwidth is not None:
        pair = [_distance(own, "bandwidth") for own in np.atleast_1d(np.asarray(bandwidth, object))]
        if len(pair) not in (1, 2):
            message = f"`bandwidth`: expected one number or two, got {len(pair)}"
            raise InputError(message)
        both = (pair[0], pair[-1])
    columns = [name for name in (outcome, running, treatment, cluster) if name is not None]
    table = to_table(data, list(dict.fromkeys(columns)), "data")
    dates = not isinstance(cutoff, (int, float, np.integer, np.floating))
    design = {
        "outcome": outcome,
        "running": running,
        "cutoff": _cutoff(cutoff),
        "dates": dates,
        "donut": _distance(donut, "donut"),
        "bandwidth": both,
        "kernel": kernel,
        "treatment": treatment,
        "cluster": cluster,
    }
    found, bins, cautions, account = _core.discontinuity(table, design, 1 - level)
    own: dict[str, Any] = dict(found)
    for name in ("n_below", "n_above", "n_clusters"):
        own[name] = None if own[name] is None else int(own[name])
    for code, text in cautions:
        warnings.warn(f"{code}: {text}", DesignWarning, stacklevel=3)
    return Jump(
        **own,
        outcome=outcome,
        cutoff=str(cutoff),
        cautions=dict(cautions),
        account=Account.from_json(account),
        bins=tuple(bins),
        _shown={"like": _face(data), "unit": "days" if dates else running, "of": treatment},
    )
