"""What a policy did: difference-in-differences on one panel."""

from __future__ import annotations

import html
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kruispunt import _core
from kruispunt._frames import to_frame
from kruispunt._progress import reporting
from kruispunt.account import Account
from kruispunt.exceptions import DesignWarning, InputError
from kruispunt.panel import Panel

if TYPE_CHECKING:
    from typing import Self

    from matplotlib.axes import Axes

__all__ = ["Effects", "did"]

By: TypeAlias = Literal["simple", "group", "calendar", "event"]
Bands: TypeAlias = Literal["pointwise", "sup-t"]

_SHOWN = ("cohort", "period", "event", "phase", "estimate", "std_error", "conf_low", "conf_high")


class Effects:
    """Effects of a policy with their covariance, one row a cohort and a period, or means of them.

    :func:`did` makes it; :meth:`aggregate` gives means. What is estimated, whom the treated are
    compared with, and how much of the treatment is identified stand in :attr:`estimand`,
    :attr:`comparison` and :attr:`identified_share`; what a reader must know, in :attr:`cautions`.
    """

    __slots__ = ("_like", "_native")

    def __init__(self, native: _core.Effects, like: Any = None) -> None:
        self._native = native
        self._like = like

    @property
    def native(self) -> _core.Effects:
        """The native effects."""
        return self._native

    @property
    def outcome(self) -> str:
        """The outcome."""
        return self._native.outcome

    @property
    def method(self) -> str:
        """How they were estimated, in words."""
        return self._native.method

    @property
    def by(self) -> str:
        """What the rows stand for: ``cells``, ``event``, ``group``, ``calendar``, ``simple``."""
        return self._native.by

    @property
    def estimand(self) -> str:
        """What is estimated, in words."""
        return self._native.estimand

    @property
    def comparison(self) -> str:
        """Whom the treated are compared with, in words."""
        return self._native.comparison

    @property
    def identified_share(self) -> float:
        """The share of treated unit-periods whose effect is identified, from 0 to 1."""
        return self._native.identified_share

    @property
    def n_units(self) -> int:
        """Units in the sample."""
        return self._native.n_units

    @property
    def n_obs(self) -> int:
        """Unit-periods in the sample."""
        return self._native.n_obs

    @property
    def clusters(self) -> dict[str, int]:
        """The level at which errors may be correlated, with its number of clusters."""
        name, count = self._native.clusters
        return {name: count}

    @property
    def cautions(self) -> dict[str, str]:
        """What a reader must know, by name."""
        return dict(self._native.cautions)

    @property
    def account(self) -> Account:
        """Which rows are in the sample and why others are not, from the first register on."""
        return Account.from_json(self._native.account_json())

    @property
    def estimates(self) -> NDArray[np.float64]:
        """The effects, shape ``(k,)``; NaN where not estimable (see ``status`` in :meth:`tidy`)."""
        return self._native.estimates()

    @property
    def std_errors(self) -> NDArray[np.float64]:
        """Standard errors, shape ``(k,)``; NaN where there is none, 0 in reference periods."""
        return self._native.std_errors()

    def vcov(self) -> NDArray[np.float64]:
        """Give the covariance of the effects, shape ``(k, k)``."""
        k = len(self)
        return self._native.covariance().reshape(k, k)

    def aggregate(
        self,
        by: By = "simple",
        *,
        window: tuple[int, int] | None = None,
        balance: int | None = None,
    ) -> Self:
        """Give means of the effects, with the standard errors their weights deserve.

        With :math:`p_g` the share of cohort g: ``event``, the mean over cohorts of the effects e
        periods after treatment, weighted by :math:`p_g`; ``group``, the plain mean of a cohort's
        effects from treatment on; ``calendar``, the mean over the cohorts treated by t, weighted by
        :math:`p_g`; ``simple``, the mean of all effects from treatment on, weighted by :math:`p_g`.
        The last row, phase ``overall``, is the plain mean over e >= 0, the mean over cohorts
        weighted by :math:`p_g`, or the plain mean over t.

        Parameters
        ----------
        by : {"simple", "group", "calendar", "event"}
            The mean.
        window : (int, int), optional
            First and last event time taken, both included.
        balance : int, optional
            Take only cohorts seen so many periods after treatment, and event times up to that, so
            that each row is over the same cohorts.

        Returns
        -------
        Effects

        Raises
        ------
        InputError
            If the rows do not stand by cohort and period, or nothing is left.

        References
        ----------
        Callaway, B. & Sant'Anna, P. (2021). Difference-in-differences with multiple time periods.
        *Journal of Econometrics* 225(2), 200-230, section 3.
        """
        return type(self)(self._native.aggregate(by, window, balance), self._like)

    def tidy(
        self,
        *,
        bands: Bands = "pointwise",
        level: float = 0.95,
        draws: int = 20_000,
        seed: int = 1,
    ) -> Any:
        """Give one row an effect, as the kind of frame the panel was made from.

        Columns: ``cohort``, ``period``, ``event``, ``phase`` (``before``, ``after``,
        ``overall``), ``estimate``, ``std_error``, ``statistic``, ``p_value``, ``conf_low``,
        ``conf_high`` (pointwise), ``band_low``, ``band_high`` (as `bands` asks), ``n_treated``,
        ``n_control``, ``status`` and the ``reason`` for what is missing.

        Parameters
        ----------
        bands : {"pointwise", "sup-t"}
            Whether bands hold for each row on its own or for the whole path.
        level : float
            Coverage, between 0 and 1.
        draws : int
            Draws of the largest t value, for ``sup-t``.
        seed : int
            The seed of the draws.
        """
        native = self._native.tidy(bands, 1 - level, draws, seed)
        return to_frame(native, self._like)

    def bands(
        self,
        kind: Bands = "sup-t",
        *,
        level: float = 0.95,
        draws: int = 20_000,
        seed: int = 1,
    ) -> NDArray[np.float64]:
        """Give lower and upper bounds, shape ``(k, 2)``; NaN without a standard error.

        ``sup-t`` bands hold the whole path with probability `level` (overall means are not part
        of the path). For the parameters see :meth:`tidy`.

        References
        ----------
        Montiel Olea, J. L. & Plagborg-Moller, M. (2019). Simultaneous confidence bands.
        *Journal of Applied Econometrics* 34(1), 1-17.
        """
        reach = self._native.reach(kind, 1 - level, draws, seed)
        half = reach * self.std_errors
        return np.column_stack([self.estimates - half, self.estimates + half])

    def pretest(self) -> dict[str, float]:
        """Test that all effects before treatment are zero: ``statistic``, ``df``, ``pvalue``.

        Not rejecting is no proof of parallel trends: the test may have little power.
        """
        statistic, df, pvalue = self._native.pretest()
        return {"statistic": statistic, "df": df, "pvalue": pvalue}

    def plot(
        self,
        *,
        bands: Bands = "sup-t",
        level: float = 0.95,
        truth: Any = None,
        marks: Any = None,
        ylabel: str | None = None,
        ax: Axes | None = None,
    ) -> Axes:
        """Draw the effects with pointwise intervals and uniform bands; see :func:`plot_effects`.

        Effects by cohort and period are drawn as an event study.

        Parameters
        ----------
        bands : {"sup-t", "pointwise"}
            The thin line; the thick one is always pointwise.
        level : float
            Coverage, between 0 and 1.
        truth : mapping of int to float, optional
            Known effects by event time, drawn as a black line.
        marks : mapping of str to number, optional
            Event times to mark, by label: register breaks, other reforms.
        ylabel : str, optional
            Label of the vertical axis; give the unit.
        ax : matplotlib.axes.Axes, optional
            Where to draw; by default on a new figure.
        """
        from kruispunt.plots import plot_effects

        return plot_effects(
            self, bands=bands, level=level, truth=truth, marks=marks, ylabel=ylabel, ax=ax
        )

    def __len__(self) -> int:
        return len(self._native)

    def __reduce__(self) -> tuple[Any, tuple[_core.Effects]]:
        return type(self), (self._native,)

    def _head(self) -> list[tuple[str, str]]:
        (cluster, count), *_ = self.clusters.items()
        head = [
            ("Method", self.method),
            ("Estimand", f"{self.estimand}, of {self.outcome}"),
            ("Compared with", self.comparison),
            (
                "Sample",
                f"{self.n_obs:,} rows of {self.n_units:,} units; {count:,} clusters ({cluster})",
            ),
            ("Identified", f"{self.identified_share:.1%} of the treated unit-periods"),
        ]
        return head + [("Caution", text) for text in self.cautions.values()]

    def _cells(self) -> list[list[str]]:
        table = to_frame(self._native.tidy("pointwise", 0.05, 0, 0))
        at = [table.columns.index(name) for name in _SHOWN]
        rows = table.native.cells(0, 60)
        reasons = [row[table.columns.index("reason")] for row in rows]
        shown = [[_short(row[place]) for place in at] for row in rows]
        used = [i for i in range(len(at)) if any(row[i] for row in shown)]
        body = [
            [row[i] for i in used] + [why or ""] for row, why in zip(shown, reasons, strict=True)
        ]
        return [[_SHOWN[i] for i in used] + [""], *body]

    def __repr__(self) -> str:
        lines = [f"{name}: {text}" for name, text in self._head()]
        rows = self._cells()
        widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]) - 1)]
        for row in rows:
            cells = [f"{cell:>{width}}" for cell, width in zip(row, widths, strict=False)]
            lines.append("  ".join([*cells, row[-1]]).rstrip())
        more = len(self) - 60
        return "\n".join(lines) + (f"\n... and {more} more" if more > 0 else "")

    def _repr_html_(self) -> str:
        pairs = (f"<b>{html.escape(name)}</b>: {html.escape(text)}" for name, text in self._head())
        first, *rest = self._cells()
        head = "".join(f"<th>{html.escape(name)}</th>" for name in first)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
            for row in rest
        )
        return (
            f"<div><p>{'<br>'.join(pairs)}</p>"
            f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        )


def _short(cell: str | None) -> str:
    if cell is None:
        return ""
    try:
        value = float(cell)
    except ValueError:
        return cell
    return cell if value.is_integer() else f"{value:.4g}"


def _names(names: str | Sequence[str] | None, argument: str) -> list[str]:
    if names is None:
        return []
    if isinstance(names, str):
        return [names]
    found = list(names)
    if not all(isinstance(name, str) for name in found):
        message = f"`{argument}`: expected names of columns, got {found!r}"
        raise InputError(message)
    return found


def _native(panel: Any) -> _core.Panel:
    if isinstance(panel, Panel):
        return panel.native
    kind = type(panel).__name__
    message = f"`panel`: expected a kp.Panel, got {kind}; make one with kp.Panel(data, person=...)"
    raise InputError(message)


def _periods(value: Any, argument: str) -> int:
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool) and value >= 0:
        return min(int(value), 2**31 - 1)
    message = f"`{argument}`: expected a number of periods from 0 on, got {value!r}"
    raise InputError(message)


def did(
    panel: Panel,
    outcome: str,
    *,
    cohort: str,
    method: Literal["cs"] = "cs",
    controls: Literal["not_yet", "never"] = "not_yet",
    covariates: str | Sequence[str] | None = None,
    nuisance: Literal["dr", "reg", "ipw"] = "dr",
    anticipation: int = 0,
    base: Literal["varying", "universal"] = "varying",
    gaps: Literal["pairs", "balanced", "cross_sections"] = "pairs",
    cluster: str | None = None,
    weights: str | None = None,
) -> Effects:
    r"""Estimate what a treatment did that starts at different times, or never.

    For cohort g, first treated in period g, and period t,

    .. math:: ATT(g, t) = E[Y_t(g) - Y_t(\infty) \mid G = g]

    is estimated by the change of the cohort's outcome since a base period, less the change of the
    untreated.

    Parameters
    ----------
    panel : Panel
        One row a unit and a period.
    outcome : str
        The outcome: numbers or truth values.
    cohort : str
        The first period of treatment of each unit (missing, 0 or infinity for never), or truth
        values or 0/1, of which the first true period counts.
    method : {"cs"}
        The estimator: Callaway & Sant'Anna.
    controls : {"not_yet", "never"}
        Compare with units not treated in either period of a comparison, or never treated.
    covariates : str or sequence of str, optional
        Columns that trends may differ by, taken in the earlier period of each comparison.
    nuisance : {"dr", "reg", "ipw"}
        What covariates are used for: doubly robust, outcome regression, weighting.
    anticipation : int
        Periods before treatment that may already be affected.
    base : {"varying", "universal"}
        Placebos compare with the period before, or with the last period before treatment.
    gaps : {"pairs", "balanced", "cross_sections"}
        Units not seen in every period: each comparison takes those seen in both of its periods;
        only complete units are taken; or each mean takes those seen in its period.
    cluster : str, optional
        Clusters in which units are nested; by default the unit.
    weights : str, optional
        One positive number a unit.

    Returns
    -------
    Effects
        One row a cohort and a period; :meth:`Effects.aggregate` gives an event study.

    Raises
    ------
    InputError
        If a column is missing or of the wrong type, a value is not finite, a cohort, weight or
        cluster varies within a unit, a treatment turns off, or nobody is treated.
    EstimationError
        If no effect can be estimated, with the reason.

    Warns
    -----
    DesignWarning
        For each caution: units treated at the start, no unit untreated at the end, cohorts of one,
        few clusters.

    References
    ----------
    Callaway, B. & Sant'Anna, P. (2021). Difference-in-differences with multiple time periods.
    *Journal of Econometrics* 225(2), 200-230.

    Sant'Anna, P. & Zhao, J. (2020). Doubly robust difference-in-differences estimators.
    *Journal of Econometrics* 219(1), 101-122.

    Examples
    --------
    >>> import warnings
    >>> panel = kp.Panel(
    ...     {
    ...         "person": [1, 1, 2, 2, 3, 3, 4, 4],
    ...         "quarter": ["2012Q1", "2012Q2"] * 4,
    ...         "training": ["2012Q2"] * 4 + [None] * 4,
    ...         "wage": [10.0, 14.0, 20.0, 26.0, 9.0, 10.0, 11.0, 13.0],
    ...     },
    ...     person="person", period="quarter",
    ... )
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", kp.exceptions.DesignWarning)  # four persons are few
    ...     effects = kp.did(panel, "wage", cohort="training")
    >>> effects.aggregate("simple").estimates
    array([3.5])
    >>> list(effects.cautions)
    ['few_clusters']
    """
    design = {
        "outcome": outcome,
        "cohort": cohort,
        "method": method,
        "controls": controls,
        "nuisance": nuisance,
        "covariates": _names(covariates, "covariates"),
        "anticipation": _periods(anticipation, "anticipation"),
        "base": base,
        "gaps": gaps,
        "cluster": cluster,
        "weights": weights,
    }
    with reporting(None) as progress:
        native = _core.did(_native(panel), design, progress)
    effects = Effects(native, getattr(panel, "_like", None))
    for code, text in effects.cautions.items():
        warnings.warn(f"{code}: {text}", DesignWarning, stacklevel=2)
    return effects
