"""What a treatment did by its dose."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from kruispunt import _core
from kruispunt._frames import to_frame
from kruispunt._progress import reporting
from kruispunt._shown import said
from kruispunt.account import Account
from kruispunt.evaluate import Controls, Parity, _design, _extra, _native
from kruispunt.exceptions import DesignWarning, InputError
from kruispunt.panel import Panel

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["DoseResponse", "dose_response"]


class DoseResponse:
    """Effects of a treatment by its dose, with their covariance.

    :func:`dose_response` makes it.
    """

    __slots__ = ("__weakref__", "_like", "_native")

    def __init__(self, native: _core.DoseEffects, like: Any = None) -> None:
        self._native = native
        self._like = like

    @property
    def native(self) -> _core.DoseEffects:
        """The native effects."""
        return self._native

    @property
    def estimand(self) -> str:
        """What is estimated, in words."""
        return self._native.estimand

    @property
    def comparison(self) -> str:
        """Whom the treated are compared with, in words."""
        return self._native.comparison

    @property
    def cautions(self) -> dict[str, str]:
        """What a reader must know, by name."""
        return dict(self._native.cautions)

    @property
    def account(self) -> Account:
        """Which rows are in the sample and why others are not, from the first register on."""
        return Account.from_json(self._native.account_json())

    @property
    def doses(self) -> NDArray[np.float64]:
        """The doses, shape ``(m,)``."""
        return self._native.doses()

    @property
    def levels(self) -> NDArray[np.float64]:
        """ATT(d): the effect of each dose in the unit of the outcome, shape ``(m,)``."""
        return self._native.levels()

    @property
    def slopes(self) -> NDArray[np.float64]:
        """ACRT(d): what one more unit of the dose adds, shape ``(m,)``; NaN for bins."""
        return self._native.slopes()

    @property
    def overall(self) -> dict[str, float]:
        """Means over the doses of the treated: ``level``, ``slope`` and their standard errors."""
        level, slope = self._native.overall
        errors = self._native.std_errors()[-2:]
        own = {"level": level, "level_error": float(errors[0])}
        return own | {"slope": slope, "slope_error": float(errors[1])}

    def vcov(self) -> NDArray[np.float64]:
        """Give the covariance of levels, slopes, mean level, mean slope: ``(2m + 2, 2m + 2)``."""
        width = 2 * len(self.doses) + 2
        return self._native.covariance().reshape(width, width)

    def tidy(self, *, level: float = 0.95, draws: int = 20_000, seed: int = 1) -> Any:
        """Give one row a dose, and a last one for the means (its ``dose`` is missing).

        Columns: ``dose``, ``level``, ``level_error``, ``level_low``, ``level_high`` (pointwise),
        ``level_band_low``, ``level_band_high`` (the whole curve), and the same of ``slope``.

        Parameters
        ----------
        level : float
            Coverage, between 0 and 1.
        draws : int
            Draws of the largest t value, for the bands.
        seed : int
            The seed of the draws.
        """
        return to_frame(self._native.tidy(1 - level, draws, seed), self._like)

    def plot(
        self,
        what: Literal["level", "slope"] = "level",
        *,
        level: float = 0.95,
        truth: Any = None,
        xlabel: str = "dose",
        ylabel: str | None = None,
        ax: Axes | None = None,
    ) -> Axes:
        """Draw a curve with pointwise intervals and a uniform band.

        Parameters
        ----------
        what : {"level", "slope"}
            The effect of a dose, or what one more unit adds.
        level : float
            Coverage, between 0 and 1.
        truth : mapping of float to float, optional
            Known effects by dose, drawn as a black line.
        xlabel, ylabel : str, optional
            Labels of the axes; give the unit.
        ax : matplotlib.axes.Axes, optional
            Where to draw; by default on a new figure.
        """
        from kruispunt.plots import COLOURS, new_axes

        if what not in ("level", "slope"):
            message = f'`what`: {what!r} is none of "level", "slope"'
            raise InputError(message)
        table = to_frame(self._native.tidy(1 - level, 20_000, 1))
        order = np.argsort(self.doses)

        def column(name: str) -> NDArray[np.float64]:
            return np.asarray(table[name], dtype=np.float64)[:-1][order]

        axes = new_axes(ax)
        doses, colour = column("dose"), COLOURS[0]
        low, high = column(f"{what}_band_low"), column(f"{what}_band_high")
        axes.fill_between(doses, low, high, color=colour, alpha=0.15, linewidth=0)
        low, high = column(f"{what}_low"), column(f"{what}_high")
        axes.fill_between(doses, low, high, color=colour, alpha=0.25, linewidth=0)
        axes.plot(doses, column(what), color=colour, label=f"estimate ({level:.0%} interval, band)")
        if truth is not None:
            known = sorted(truth)
            axes.plot(known, [truth[dose] for dose in known], color=COLOURS[6], label="truth")
        axes.axhline(0, color="#444444", linewidth=0.8)
        axes.set_xlabel(xlabel)
        axes.set_ylabel(ylabel if ylabel is not None else f"{what} of the effect")
        axes.legend(frameon=False)
        return axes

    def __len__(self) -> int:
        return len(self.doses)

    def __reduce__(self) -> tuple[Any, tuple[_core.DoseEffects]]:
        return type(self), (self._native,)

    def _repr_html_(self) -> str:
        return said(self, self._native.tidy(0.05, 20_000, 1))

    def __repr__(self) -> str:
        treated, units, clusters = self._native.sizes
        own = self.overall
        lines = [
            f"{'Estimand':<14}{self.estimand}",
            f"{'Compared with':<14}{self.comparison}",
            f"{'Sample':<14}{treated:,} treated of {units:,} units; {clusters:,} clusters",
            f"{'Mean level':<14}{own['level']:.4g} ({own['level_error']:.4g})",
            f"{'Mean slope':<14}{own['slope']:.4g} ({own['slope_error']:.4g})",
        ]
        return "\n".join(lines + [f"{'Caution':<14}{text}" for text in self.cautions.values()])


def dose_response(
    panel: Panel,
    outcome: str,
    *,
    cohort: str,
    dose: str,
    curve: Literal["spline", "polynomial", "bins"] = "spline",
    degree: int = 3,
    knots: int = 0,
    edges: Sequence[float] = (),
    at: Sequence[float] | NDArray[np.float64] = (),
    controls: Controls | None = None,
    anticipation: int = 0,
    gaps: Literal["pairs", "balanced"] = "pairs",
    cluster: str | None = None,
    weights: str | None = None,
    parity: Parity | None = None,
    force: Literal["eligibility"] | None = None,
) -> DoseResponse:
    r"""Estimate what a treatment did by its dose: hours of a course, euros of a subsidy.

    With D the dose, one number a unit,

    .. math::
        ATT(d | g, t) = E[Y_t - Y_b | G = g, D = d] - E[Y_t - Y_b | \text{untreated}], \quad
        ACRT(d | g, t) = \partial ATT(d | g, t) / \partial d

    averaged over each cohort's treated periods, then over cohorts by their size. Levels need
    parallel trends of the treated at each dose and the untreated; slopes compare doses with each
    other and need strong parallel trends, which a caution says.

    Parameters
    ----------
    panel : Panel
        One row a unit and a period.
    outcome : str
        The outcome.
    cohort : str
        The first period of treatment of each unit; as in :func:`did`.
    dose : str
        The dose, above 0 for the treated and the same in all periods of a unit; of the untreated it
        is not read.
    curve : {"spline", "polynomial", "bins"}
        A B-spline of `degree` with inner `knots` at quantiles, a polynomial of `degree`, or one
        effect for each bin between `edges`.
    degree : int
        1 to 8; 1 is a line.
    knots : int
        Inner knots of the spline.
    edges : sequence of float
        For bins: doses up to the first edge, up to the second, ..., above the last.
    at : sequence of float, optional
        Doses at which the curve is given; by default the deciles of the doses of the treated.
    controls, anticipation, gaps, cluster, weights, parity, force
        As in :func:`did`; ``parity="fixest"`` holds the shares of cohorts fixed, as diff-diff does.

    Returns
    -------
    DoseResponse

    Raises
    ------
    InputError
        For a treated unit without a dose above 0, a dose that varies within a unit, a curve that
        makes no sense, doses in `at` beyond those of the treated, and as :func:`did`.
    EstimationError
        If no effect can be estimated, with the reason.

    References
    ----------
    Callaway, B., Goodman-Bacon, A. & Sant'Anna, P. (2024). Difference-in-differences with a
    continuous treatment. NBER working paper 32117.

    Examples
    --------
    >>> import warnings
    >>> panel = kp.Panel(
    ...     {
    ...         "person": np.repeat([1, 2, 3, 4, 5], 2),
    ...         "year": [2011, 2012] * 5,
    ...         "training": np.repeat([2012, 2012, 2012, 0, 0], 2),
    ...         "hours": np.repeat([10.0, 20.0, 30.0, 0.0, 0.0], 2),
    ...         "wage": [9.0, 12.0, 8.0, 13.0, 10.0, 17.0, 9.0, 10.0, 11.0, 12.0],
    ...     },
    ...     person="person", period="year", unit="year",
    ... )
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", kp.exceptions.DesignWarning)
    ...     effects = kp.dose_response(
    ...         panel, "wage", cohort="training", dose="hours", curve="polynomial", degree=1,
    ...         at=[10.0, 30.0],
    ...     )
    >>> effects.levels.round(6)
    array([2., 6.])
    >>> round(effects.overall["slope"], 6)
    0.2
    """
    design = _design(
        outcome, cohort, controls=controls, anticipation=anticipation, gaps=gaps,
        cluster=cluster, weights=weights, extra=_extra(parity=parity, force=force),
    )  # fmt: skip
    numbers: dict[str, object] = {"degree": degree, "knots": knots}
    for name, value in numbers.items():
        if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < 0:
            message = f"`{name}`: expected a whole number from 0 on, got {value!r}"
            raise InputError(message)
    request = {
        "kind": curve,
        "degree": min(int(degree), 10_000),
        "knots": min(int(knots), 10_000),
        "edges": [float(edge) for edge in edges],
        "at": [float(value) for value in np.asarray(at, dtype=np.float64).ravel()],
    }
    with reporting(None) as progress:
        native = _core.dose_response(_native(panel), design, dose, request, progress)
    effects = DoseResponse(native, getattr(panel, "_like", None))
    for code, text in effects.cautions.items():
        warnings.warn(f"{code}: {text}", DesignWarning, stacklevel=3)
    return effects
