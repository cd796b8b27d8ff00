"""Regression discontinuity, also in time: who came just before a reform, and just after."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

import numpy as np

from kruispunt import _core
from kruispunt._frames import to_table
from kruispunt._shown import said
from kruispunt.account import Account
from kruispunt.exceptions import InputError

__all__ = ["Jump", "rd_in_time"]


@dataclass(frozen=True)
class Jump:
    """A jump of an outcome at a cutoff; :func:`rd_in_time` makes it.

    `estimate` and `std_error` are corrected for the curvature on both sides and know that it was
    estimated; `conventional` and `conventional_se` are those of the lines alone. `h` and `b` are
    the bandwidths of the lines and of the parabolas, `n_below` and `n_above` the observations
    within `h`.
    """

    estimate: float
    std_error: float
    conf_low: float
    conf_high: float
    p_value: float
    conventional: float
    conventional_se: float
    h: float
    b: float
    n_below: int
    n_above: int
    account: Account = field(repr=False)

    def _repr_html_(self) -> str:
        return said(self)


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


def rd_in_time(
    data: Any,
    outcome: str,
    *,
    running: str,
    cutoff: float | str | date,
    donut: float = 0.0,
    bandwidth: float | tuple[float, float] | None = None,
    kernel: Literal["triangular", "uniform", "epanechnikov"] = "triangular",
    level: float = 0.95,
) -> Jump:
    r"""Estimate the jump of an outcome where a date, or another running variable, passes a cutoff.

    .. math:: \lim_{x \downarrow c} E[Y \mid X = x] - \lim_{x \uparrow c} E[Y \mid X = x]

    by a line on each side within `h` of the cutoff; its bias, from a parabola within `b`, is taken
    out and its noise put into the standard error (Calonico, Cattaneo & Titiunik). Variances are from
    the three nearest neighbours on the same side, ties included.

    Whatever else changes on that date changes the outcome too, and seasons look like slopes: try
    dates on which nothing happened, and outcomes the reform cannot touch.

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
    donut : float
        Leave out rows nearer to the cutoff than this (days, for dates): people who could have
        chosen their side.
    bandwidth : float or (float, float), optional
        `h`, or `h` and `b`; by default they minimise the mean squared error of the jump.
    kernel : {"triangular", "uniform", "epanechnikov"}
        Weights by distance.
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

    References
    ----------
    Calonico, S., Cattaneo, M. & Titiunik, R. (2014). Robust nonparametric confidence intervals for
    regression-discontinuity designs. *Econometrica* 82(6), 2295-2326.

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
        pair = np.atleast_1d(np.asarray(bandwidth, dtype=np.float64)).tolist()
        if len(pair) not in (1, 2):
            message = f"`bandwidth`: expected one number or two, got {len(pair)}"
            raise InputError(message)
        both = (pair[0], pair[-1])
    table = to_table(data, [outcome, running], "data")
    design = {
        "outcome": outcome,
        "running": running,
        "cutoff": _cutoff(cutoff),
        "donut": float(donut),
        "bandwidth": both,
        "kernel": kernel,
    }
    found, account = _core.discontinuity(table, design, 1 - level)
    own: dict[str, Any] = dict(found)
    own["n_below"], own["n_above"] = int(own["n_below"]), int(own["n_above"])
    return Jump(**own, account=Account.from_json(account))
