"""What a policy did: difference-in-differences on one panel."""

from __future__ import annotations

import html
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kruispunt import _core
from kruispunt._frames import to_frame, to_table
from kruispunt._progress import reporting
from kruispunt.account import Account
from kruispunt.exceptions import DesignWarning, EstimationError, InputError
from kruispunt.panel import Panel

if TYPE_CHECKING:
    from typing import Self

    from matplotlib.axes import Axes

__all__ = ["Comparison", "Effects", "bacon", "compare_did", "did", "twfe_weights"]

By: TypeAlias = Literal["simple", "group", "calendar", "event"]
Bands: TypeAlias = Literal["pointwise", "sup-t"]
Controls: TypeAlias = Literal["not_yet", "never"]
Method: TypeAlias = Literal[
    "cs", "sa", "imputation", "did2s", "lpdid", "lpdid_rw", "stacked", "etwfe", "twfe", "ddd",
    "synthetic", "sc", "dcdh",
]  # fmt: skip

Parity: TypeAlias = Literal["did", "fixest", "synthdid"]

_SHOWN = ("cohort", "period", "event", "phase", "estimate", "std_error", "conf_low", "conf_high")


class Effects:
    """Effects of a policy with their covariance, one row a cohort and a period, or means of them.

    :func:`did` makes it; :meth:`aggregate` gives means. What is estimated, whom the treated are
    compared with, and how much of the treatment is identified stand in :attr:`estimand`,
    :attr:`comparison` and :attr:`identified_share`; what a reader must know, in :attr:`cautions`.
    """

    __slots__ = ("__weakref__", "_like", "_native", "_parity")

    def __init__(
        self, native: _core.Effects, like: Any = None, parity: Parity | None = None
    ) -> None:
        self._native = native
        self._like = like
        self._parity = parity

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

    def draws(self) -> NDArray[np.float64] | None:
        """Give multiplier draws around the effects, shape ``(draws, k)``; None without any.

        Made by ``did(..., errors="multiplier")``; means of effects have draws of their own.
        """
        own = self._native.draws()
        return None if own is None else own.reshape(-1, len(self))

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
        own = self._native.aggregate(by, window, balance)
        return type(self)(own, self._like, self._parity)

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

        Notes
        -----
        With ``parity="did"`` standard errors, intervals and bands are those of R's ``did`` with its
        bootstrap: interquartile ranges of draws over those of the normal.
        """
        kind = "did" if self._parity == "did" else bands
        native = self._native.tidy(kind, 1 - level, draws, seed)
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
        if self._parity == "did":
            table = self._native.tidy("did", 1 - level, draws, seed)
            names = ("conf_low", "conf_high") if kind == "pointwise" else ("band_low", "band_high")
            bounds = [np.asarray(to_frame(table)[name], dtype=np.float64) for name in names]
            return np.column_stack(bounds)
        reach = self._native.reach(kind, 1 - level, draws, seed)
        half = reach * self.std_errors
        return np.column_stack([self.estimates - half, self.estimates + half])

    def pretest(self) -> dict[str, float]:
        """Test that all effects before treatment are zero.

        Returns
        -------
        dict
            ``statistic``, ``df``, ``pvalue``; ``slope_80``, the slope of a difference in trends
            that this test finds in 80 % of samples (at 5 %), and ``bias_80``, what it would add to
            the mean effect after treatment (both NaN where placebos are not measured from one
            period). Where the test does not reject and ``bias_80`` is as large as the effect, it
            says nothing, and a :class:`~kruispunt.exceptions.DesignWarning` says so; see also
            :meth:`power`.
        """
        statistic, df, pvalue, slope, bias = self._native.pretest()
        if pvalue >= 0.05:
            self._warn_without_power(bias)
        found = {"statistic": statistic, "df": df, "pvalue": pvalue}
        return found | {"slope_80": slope, "bias_80": bias}

    def _warn_without_power(self, bias: float) -> None:
        after = [
            value
            for value, phase in zip(self.estimates, self._phases(), strict=True)
            if phase == "after" and not np.isnan(value)
        ]
        if after and abs(bias) >= abs(float(np.mean(after))):
            message = (
                "pretest_without_power: a difference in trends that the placebos would miss in one "
                f"of five samples explains {bias:.3g}, as much as the mean effect"
            )
            warnings.warn(message, DesignWarning, stacklevel=4)

    def power(
        self,
        trend: float | Sequence[float] | NDArray[np.float64] | None = None,
        *,
        level: float = 0.95,
    ) -> dict[str, Any]:
        r"""Say how large a difference in trends the placebos would have shown.

        For an event study from one reference period (``cs`` with ``base="universal"``, ``sa``,
        ``lpdid``, ``stacked``, ``twfe``, :func:`kruispunt.event_study`). Placebos are normal around
        the difference in trends; it is found when one of them is significant.

        Parameters
        ----------
        trend : float or sequence of float, optional
            A difference in trends to judge: a slope a period, or one number a row.
        level : float
            One less the size of the tests of the placebos.

        Returns
        -------
        dict
            ``slope_50`` and ``slope_80``, the slopes that some placebo shows as different from 0
            in 50 and 80 % of samples; ``bias_80``, what the second would add to the mean effect
            after treatment. Where ``bias_80`` is as large as the effect, the pre-test says
            nothing, and a :class:`~kruispunt.exceptions.DesignWarning` says so. With `trend` also
            ``power``, the probability of finding it; ``bayes_factor``, the probability of passing
            under it over that under parallel trends; ``likelihood_ratio``, the likelihood of the
            placebos under it over that under parallel trends; ``expected``, an array of what each
            row is on average in samples that pass, if the trend is all there is.

        References
        ----------
        Roth, J. (2022). Pretest with caution: event-study estimates after testing for parallel
        trends. *American Economic Review: Insights* 4(3), 305-322.
        """
        slope_50, slope_80, bias_80 = self._native.power(1 - level)
        self._warn_without_power(bias_80)
        found: dict[str, Any] = {"slope_50": slope_50, "slope_80": slope_80, "bias_80": bias_80}
        if trend is None:
            return found
        values = np.asarray(trend, dtype=np.float64)
        if values.ndim == 0:
            values = float(values) * self._distances()
        own = self._native.passing(values.ravel().tolist(), 1 - level)
        names = ("power", "bayes_factor", "likelihood_ratio", "expected")
        return found | dict(zip(names, own, strict=True))

    def _distances(self) -> NDArray[np.float64]:
        """Give periods from the reference by row; NaN in means over rows."""
        table = self._native.tidy("pointwise", 0.05, 0, 0)
        rows = table.cells(0, len(table))
        event, status = (table.columns.index(name) for name in ("event", "status"))
        cells = [row[event] for row in rows]
        times = np.array([np.nan if cell is None else float(cell) for cell in cells])
        reference = [
            time for time, row in zip(times, rows, strict=True) if row[status] == "reference"
        ]
        return times - (reference[0] if reference else np.nan)

    def honest(
        self,
        kind: Literal["smoothness", "rm", "smoothness_rm"],
        m: float | Sequence[float],
        *,
        weights: Sequence[float] | NDArray[np.float64] | None = None,
        test: Literal["flci", "c-lf", "c-f"] | None = None,
        level: float = 0.95,
    ) -> Any:
        r"""Give intervals that hold when trends are not quite parallel.

        With :math:`\delta` the difference in trends,

        .. math::

            \text{smoothness: } & |\delta_{t+1} - 2\delta_t + \delta_{t-1}| \le m \\
            \text{rm: } & |\delta_{t+1} - \delta_t| \le
                m \max_{s < 0} |\delta_{s+1} - \delta_s| \\
            \text{smoothness\_rm: } & |\delta_{t+1} - 2\delta_t + \delta_{t-1}| \le
                m \max_{s < 0} |\delta_{s+1} - 2\delta_s + \delta_{s-1}|

        so that ``m=0`` allows for any linear trend in the first and the last, and ``m=1`` lets
        trends break (or bend) after treatment as much as they did before in the others. For
        an event study from one reference period, as in :meth:`power`; ``smoothness_rm`` needs two
        effects before it.

        Parameters
        ----------
        kind : {"smoothness", "rm"}
            What trends may do.
        m : float or sequence of float
            Largest bends, in units of the outcome a period; or largest breaks after treatment, in
            largest breaks before.
        weights : sequence of float, optional
            The mean of effects after treatment that is meant, one number an event time; by default
            the first effect.
        test : {"flci", "c-lf", "c-f"}, optional
            The test that is inverted, without simulation. ``flci`` (smoothness, where it is the
            default): the shortest interval around an affine estimator. ``c-lf`` (the default of the
            others): the hybrid of the least favourable and the conditional test, of the moments
            after treatment; for smoothness these know of the periods before treatment the last
            alone. ``c-f`` (smoothness): the conditional test within the interval of fixed length
            of level 1 - a tenth of the size.
        level : float
            Coverage, between 0 and 1.

        Returns
        -------
        data frame
            Columns ``m``, ``conf_low``, ``conf_high``.

        References
        ----------
        Rambachan, A. & Roth, J. (2023). A more credible approach to parallel trends. *Review of
        Economic Studies* 90(5), 2555-2591.

        Andrews, I., Roth, J. & Pakes, A. (2023). Inference for linear conditional moment
        inequalities. *Review of Economic Studies* 90(6), 2763-2791.

        Examples
        --------
        >>> import warnings
        >>> rng = np.random.default_rng(1)
        >>> person, year = np.repeat(np.arange(60), 6), np.tile(np.arange(2010, 2016), 60)
        >>> first = np.where(person < 30, 2013, 0)
        >>> wage = 0.5 * ((first > 0) & (year >= 2013)) + rng.normal(scale=0.1, size=360)
        >>> panel = kp.Panel(
        ...     {"person": person, "year": year, "first": first, "wage": wage},
        ...     person="person", period="year", unit="year",
        ... )
        >>> event = kp.did(panel, "wage", cohort="first", base="universal").aggregate("event")
        >>> bounds = event.honest("rm", m=[0.5, 1.0])
        >>> bool(np.asarray(bounds["conf_low"])[1] > 0)  # still above 0 if trends break as before
        True
        """
        breaks = [float(value) for value in np.atleast_1d(np.asarray(m, dtype=np.float64))]
        mean = [] if weights is None else [float(weight) for weight in weights]
        rows = self._native.honest(kind, breaks, mean, test, 1 - level)
        names = ("m", "conf_low", "conf_high")
        columns = {name: np.array([row[at] for row in rows]) for at, name in enumerate(names)}
        return to_frame(to_table(columns), self._like)

    def _phases(self) -> list[str]:
        table = self._native.tidy("pointwise", 0.05, 0, 0)
        at = table.columns.index("phase")
        return [cells[at] or "" for cells in table.cells(0, len(table))]

    def cumulate(self) -> Self:
        """Add effects up over horizons: quarters or days gained by then, with their covariance.

        Raises
        ------
        InputError
            Unless rows stand by event time, each horizon after the one before, all estimated.
        """
        return type(self)(self._native.cumulate(), self._like, self._parity)

    def break_even(self, alpha: float = 0.05, seed: int = 1) -> dict[str, Any]:
        """Say from which horizon on what was lost at first is made up for.

        Returns
        -------
        dict
            ``at``, the first horizon from which the sum of effects stays above 0, None when it does
            not within sight; ``low`` and ``high``, the same in draws of the estimates; ``never``,
            the share of draws in which it is not made up for.
        """
        at, low, high, never = self._native.break_even(alpha, seed)
        return {"at": at, "low": low, "high": high, "never": never}

    def plot(
        self,
        *,
        bands: Bands = "sup-t",
        level: float = 0.95,
        truth: Any = None,
        marks: Any = None,
        dates: Any = None,
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
        dates : sequence of mapping, optional
            Dates to mark, as :func:`kruispunt.belgium.calendar` gives them: breaks in registers
            and policies. On an axis of event times they need effects of one cohort.
        ylabel : str, optional
            Label of the vertical axis; give the unit.
        ax : matplotlib.axes.Axes, optional
            Where to draw; by default on a new figure.
        """
        from kruispunt.plots import plot_effects

        return plot_effects(
            self, bands=bands, level=level, truth=truth, marks=marks, dates=dates, ylabel=ylabel,
            ax=ax,
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self._native)

    def __reduce__(self) -> tuple[Any, tuple[_core.Effects, None, Parity | None]]:
        return type(self), (self._native, None, self._parity)

    def _head(self) -> list[tuple[str, str]]:
        (cluster, count), *_ = self.clusters.items()
        head = [
            ("Method", self.method),
            ("Estimand", f"{self.estimand}, of {self.outcome}"),
            ("Compared with", self.comparison),
        ]
        if self.n_obs > 0:
            sample = (
                f"{self.n_obs:,} rows of {self.n_units:,} units; {count:,} clusters ({cluster})"
            )
            share = f"{self.identified_share:.1%} of the treated unit-periods"
            head += [("Sample", sample), ("Identified", share)]
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


def _design(
    outcome: str,
    cohort: str,
    *,
    method: str = "cs",
    controls: str | None = None,
    covariates: str | Sequence[str] | None = None,
    nuisance: str = "dr",
    anticipation: int = 0,
    base: str | None = None,
    window: tuple[int, int] = (3, 3),
    leads: int = 3,
    gaps: str = "pairs",
    cluster: str | None = None,
    weights: str | None = None,
    extra: dict[str, Any] | None = None,
) -> dict[str, Any]:
    before, after = (_periods(periods, "window") for periods in window)
    return {
        "outcome": outcome,
        "cohort": cohort,
        "method": method,
        "controls": controls,
        "nuisance": nuisance,
        "covariates": _names(covariates, "covariates"),
        "anticipation": _periods(anticipation, "anticipation"),
        "base": base,
        "window": (before, after),
        "leads": _periods(leads, "leads"),
        "gaps": gaps,
        "cluster": cluster,
        "weights": weights,
        "extra": _extra() if extra is None else extra,
    }


def _extra(
    *,
    placebo: int | str | None = None,
    parity: str | None = None,
    force: str | Sequence[str] | None = None,
    family: str = "linear",
    partition: str | None = None,
    multipliers: tuple[str, int, int] | None = None,
    premean: int | str | None = None,
    fixed_sample: bool = False,
) -> dict[str, Any]:
    group = placebo if isinstance(placebo, str) else None
    if parity not in (None, "did", "fixest"):
        message = f'`parity`: {parity!r} is none of "did", "fixest"'
        raise InputError(message)
    return {
        "placebo_periods": None if placebo is None or group else _periods(placebo, "placebo"),
        "placebo_group": group,
        "shares": "fixed" if parity == "fixest" else "own",
        "force": _names(force, "force"),
        "family": family,
        "partition": partition,
        "multipliers": multipliers,
        "premean": 2**32 - 1 if premean == "all" else _before(premean),
        "fixed_sample": bool(fixed_sample),
    }


def _before(premean: int | str | None) -> int | None:
    """Give the number of periods before treatment whose mean changes are measured from."""
    if premean is None:
        return None
    if isinstance(premean, str):
        message = f'`premean`: expected a number of periods or "all", got {premean!r}'
        raise InputError(message)
    return _periods(premean, "premean")


_RESAMPLED = {"errors": None, "draws": None, "seed": 1}


def _multipliers(
    method: str, errors: str | None, draws: int | None, seed: int, law: str
) -> tuple[str, int, int] | None:
    """Give what multiplier draws are asked for."""
    if errors != "multiplier":
        known = {"multiplier": "rademacher"}
        _refuse(method, {"multiplier": law}, known, 'it needs errors="multiplier"')
        return None
    made: Any = 999 if draws is None else draws
    if isinstance(made, bool) or not isinstance(made, (int, np.integer)) or not 0 < made < 2**31:
        message = f"`draws`: expected at least 100 multiplier draws, got {made!r}"
        raise InputError(message)
    return law, int(made), int(seed)


def _refuse(method: str, given: dict[str, Any], known: dict[str, Any], why: str) -> None:
    """Refuse arguments that differ from their default and that the method has no use for."""
    for argument, default in known.items():
        if given[argument] != default:
            message = f'`{argument}` cannot be used with method "{method}": {why}'
            raise InputError(message)


def _synthetic(design: dict[str, Any], resampled: dict[str, Any]) -> dict[str, Any]:
    """Give the design of a synthetic control, and refuse what it has no use for."""
    plain = _design(design["outcome"], design["cohort"], method=design["method"])
    plain.pop("gaps")  # only units seen in every period can be weighted
    extra = plain.pop("extra")
    why = "never treated units are weighted, and only those seen in every period"
    _refuse(design["method"], design, plain, why)
    _refuse(design["method"], design["extra"], extra, why)
    if design["gaps"] == "cross_sections":
        _refuse(design["method"], design, {"gaps": "balanced"}, "units are followed over time")
    return {name: design[name] for name in ("outcome", "cohort", "method")} | resampled


def _start(method: str, cohort: str | None, treatment: str | None) -> str:
    """Give the column that says when treatment starts or changes."""
    if treatment is not None and method != "dcdh":
        why = 'it takes the first period in `cohort`; "dcdh" takes changes'
        message = f'`treatment` cannot be used with method "{method}": {why}'
        raise InputError(message)
    if treatment is not None and cohort is not None:
        message = "`treatment`: expected either a first period in `cohort` or this, got both"
        raise InputError(message)
    name = cohort if treatment is None else treatment
    if name is None:
        either = " in `cohort` or `treatment`" if method == "dcdh" else ""
        message = f'`cohort`: method "{method}" needs the name of a column{either}'
        raise InputError(message)
    return name


def _degree(value: Any) -> int:
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool) and 1 <= value <= 5:
        return int(value)
    message = f"`continuous`: expected a degree from 1 to 5, got {value!r}"
    raise InputError(message)


_CHANGES: dict[str, Any] = {
    "normalized": False, "switchers": "all", "within": None, "continuous": None,
}  # fmt: skip


def _switching(
    design: dict[str, Any], treatment: str | None, changes: dict[str, Any]
) -> dict[str, Any]:
    """Give the design of changes of treatment, and refuse what it has no use for."""
    taken = ("outcome", "cohort", "method", "window", "gaps", "weights", "cluster", "extra")
    plain = _design(design["outcome"], design["cohort"], method=design["method"])
    why = "it compares units with the same first treatment, before and after one has left it"
    known = {name: value for name, value in plain.items() if name not in taken}
    _refuse(design["method"], design, known, why)
    _refuse(design["method"], design["extra"], plain["extra"], why)
    if design["gaps"] == "cross_sections":
        _refuse(design["method"], design, {"gaps": "pairs"}, "units are followed over time")
    own = {name: design[name] for name in ("outcome", "window", "gaps", "weights", "cluster")}
    start = {"cohort": design["cohort"] if treatment is None else None, "treatment": treatment}
    return own | start | changes


def did(
    panel: Panel,
    outcome: str,
    *,
    cohort: str | None = None,
    treatment: str | None = None,
    method: Method = "cs",
    controls: Controls | None = None,
    covariates: str | Sequence[str] | None = None,
    nuisance: Literal["dr", "dr_imp", "reg", "ipw"] = "dr",
    anticipation: int = 0,
    base: Literal["varying", "universal"] | None = None,
    window: tuple[int, int] = (3, 3),
    leads: int = 3,
    gaps: Literal["pairs", "balanced", "cross_sections"] = "pairs",
    cluster: str | None = None,
    weights: str | None = None,
    partition: str | None = None,
    family: Literal["linear", "poisson", "logit"] = "linear",
    placebo: int | str | None = None,
    parity: Parity | None = None,
    force: Literal["eligibility"] | Sequence[Literal["eligibility"]] | None = None,
    errors: Literal["placebo", "jackknife", "bootstrap", "multiplier"] | None = None,
    draws: int | None = None,
    seed: int = 1,
    multiplier: Literal["rademacher", "mammen"] = "rademacher",
    premean: int | Literal["all"] | None = None,
    fixed_sample: bool = False,
    normalized: bool = False,
    switchers: Literal["all", "in", "out"] = "all",
    within: str | None = None,
    continuous: int | None = None,
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
    treatment : str, in place of `cohort`
        For ``dcdh``: a treatment that may switch on and off, or have doses; numbers or truth values.
        Where its first change lies in a gap, or the treatment has been above and below the first
        one, a unit leaves the sample, counted.
    method : str
        The estimator. ``cs``: Callaway & Sant'Anna. ``sa``: Sun & Abraham, one regression against
        the never treated. ``imputation``: Borusyak, Jaravel & Spiess, unit and period effects of
        untreated outcomes impute what the treated would have had; ``did2s``: the same with shares
        estimated (Gardner). ``lpdid``: local projections (Dube and others), cohorts weighted by
        their precision; ``lpdid_rw``: each treated unit alike. ``stacked``: a window around each
        cohort with clean controls (Wing and others). ``etwfe``: extended two-way regression
        (Wooldridge). ``ddd``: triple differences (Ortiz-Villavicencio & Sant'Anna), for a policy
        that treats one kind of unit (`partition`) in the cohorts it reaches. ``synthetic``:
        synthetic difference-in-differences (Arkhangelsky and others), never treated units and
        periods before treatment weighted to resemble the treated; ``sc``: synthetic control.
        ``dcdh``: intertemporal effects of leaving one's first treatment (de Chaisemartin &
        D'Haultfoeuille), for treatments that switch or have doses, against units with the same
        first treatment that have not left it; its overall row is the effect per unit of treatment.
        ``twfe``: two-way fixed effects, for comparison.
    controls : {"not_yet", "never"}, optional
        Compare with units not yet treated (by default, where the method allows it), or never
        treated.
    covariates : str or sequence of str, optional
        For ``cs``, ``ddd`` and ``etwfe``: columns that trends may differ by. For ``cs`` and ``ddd``
        taken in the earlier period of each comparison. For ``etwfe`` interacted with cohorts, with
        periods and, less their mean, with cells, as in R's ``etwfe``; the effect of a cell is the
        mean over its units. It takes them in the period of the outcome: they must not be affected
        by the treatment.
    nuisance : {"dr", "dr_imp", "reg", "ipw"}
        For ``cs`` and ``ddd``: what covariates are used for: doubly robust, doubly robust with weights that balance the
        covariates exactly (Sant'Anna & Zhao's improved estimator), outcome regression, weighting.
    anticipation : int
        Periods before treatment that may already be affected.
    base : {"varying", "universal"}, optional
        For ``cs``: placebos compare with the period before (by default), or with the last period
        before treatment.
    window : (int, int)
        For ``stacked``: periods before and after treatment that a stack holds. For ``dcdh``:
        placebos before, and the last period since the change, which is period 0. For ``lpdid``:
        the second is the last period that its overall row pools, from 0 on.
    leads : int
        For ``imputation`` and ``did2s``: periods before treatment with a placebo effect.
    gaps : {"pairs", "balanced", "cross_sections"}
        Units not seen in every period: each comparison takes those seen in both of its periods;
        only complete units are taken; or each mean takes those seen in its period. For ``dcdh``,
        ``"balanced"`` takes the changing units whose effects can be estimated in the whole window.
    cluster : str, optional
        Clusters in which units are nested; by default the unit.
    weights : str, optional
        One positive number a unit.
    partition : str, optional
        For ``ddd``: truth values or 0/1, one a unit: whom the policy is for.
    family : {"linear", "poisson", "logit"}
        For ``etwfe``: trends are parallel in means, in logarithms of means (counts, amounts from 0
        on) or in log-odds (shares, truth values). Effects stay in the unit of the outcome.
    placebo : int or str, optional
        A treatment that did not happen, whose effect should be zero. A number: as if it had started
        so many periods earlier, on outcomes before the true start. A column: first periods for
        units that were never treated, such as neighbours of the treated; the treated are left out.
    parity : {"did", "fixest", "synthdid"}, optional
        Another package's conventions where ours differ on purpose. ``did``: :meth:`Effects.tidy`
        and :meth:`Effects.bands` give bootstrap standard errors from interquartile ranges, as R's
        ``did``; ``fixest``: shares in averages are held fixed, as its ``sunab`` does; ``synthdid``:
        weights of ``synthetic`` and ``sc`` as far as R's ``synthdid`` optimises them, in place of
        the minimum.
    force : {"eligibility"}, optional
        Estimate although who is treated depends on the outcome, with a caution.
    errors : {"placebo", "jackknife", "bootstrap", "multiplier"}, optional
        For ``synthetic`` and ``sc``: standard errors from controls in the place of the treated (by
        default; the treated must vary as controls do), from leaving out one unit at a time with
        weights kept, or from units drawn anew (both: two treated units or more in each cohort).
        For the others (but ``dcdh`` and ``twfe``) ``"multiplier"``: uniform bands rest on draws of
        the influence functions of units or clusters under random signs, not on the normal law;
        with ``parity="did"`` standard errors do too. Standard errors are else analytic.
    draws, seed : int
        Placebos, samples (200 by default) or multipliers (999) drawn for them, and the seed.
    multiplier : {"rademacher", "mammen"}
        The law of the multipliers: signs, or Mammen's two points.
    premean : int or "all", optional
        For ``lpdid``: changes are measured from the mean of so many last periods before treatment,
        or of all, in place of the last one.
    fixed_sample : bool
        For ``lpdid``: the same units at all horizons from treatment to the end of `window`.
    normalized : bool
        For ``dcdh``: divide each effect by the mean dose received since the change.
    switchers : {"all", "in", "out"}
        For ``dcdh``: all first changes (falls with their sign turned), rises or falls alone.
    within : str, optional
        For ``dcdh``: a column in which units and their controls must be equal, one value a unit.
    continuous : int, optional
        For ``dcdh``, where hardly two units begin with the same treatment: controls may begin with
        any, and trends differ by a polynomial of this degree in the first treatment, estimated
        among units that have not changed. Errors carry that it is estimated.

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
        If no effect can be estimated, with the reason; if who is treated depends on the outcome:
        nearly all of the treated have one value of it in the last period before treatment (all are
        out of work when training starts), clearly fewer of them earlier and of the untreated.

    Warns
    -----
    DesignWarning
        For each caution: units treated at the start, no unit untreated at the end, cohorts of one,
        few clusters, few of them treated, a change right before treatment, a base period that is
        missing, negative weights, eligibility that depends on the outcome, changes of treatment
        that hardly two units share.

    References
    ----------
    Callaway, B. & Sant'Anna, P. (2021). Difference-in-differences with multiple time periods.
    *Journal of Econometrics* 225(2), 200-230.

    Sun, L. & Abraham, S. (2021). Estimating dynamic treatment effects in event studies with
    heterogeneous treatment effects. *Journal of Econometrics* 225(2), 175-199.

    Borusyak, K., Jaravel, X. & Spiess, J. (2024). Revisiting event-study designs: robust and
    efficient estimation. *Review of Economic Studies* 91(6), 3253-3285.

    Gardner, J. (2022). Two-stage differences in differences. arXiv:2207.05943.

    Dube, A., Girardi, D., Jorda, O. & Taylor, A. (2025). A local projections approach to
    difference-in-differences. *Journal of Applied Econometrics*.

    Wing, C., Freedman, S. & Hollingsworth, A. (2024). Stacked difference-in-differences. NBER
    working paper 32054.

    Wooldridge, J. (2021). Two-way fixed effects, the two-way Mundlak regression, and
    difference-in-differences estimators. Working paper, Michigan State University.

    Wooldridge, J. (2023). Simple approaches to nonlinear difference-in-differences with panel
    data. *Econometrics Journal* 26(3), C31-C66.

    Ortiz-Villavicencio, M. & Sant'Anna, P. (2025). Better understanding triple differences
    estimators. arXiv:2505.09942.

    Sant'Anna, P. & Zhao, J. (2020). Doubly robust difference-in-differences estimators.
    *Journal of Econometrics* 219(1), 101-122.

    Arkhangelsky, D., Athey, S., Hirshberg, D., Imbens, G. & Wager, S. (2021). Synthetic
    difference-in-differences. *American Economic Review* 111(12), 4088-4118.

    de Chaisemartin, C. & D'Haultfoeuille, X. (2024). Difference-in-differences estimators of
    intertemporal treatment effects. *Review of Economics and Statistics*.

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
    drawn = method in ("synthetic", "sc")
    several = None if drawn else _multipliers(method, errors, draws, seed, multiplier)
    design = _design(
        outcome, _start(method, cohort, treatment), method=method, controls=controls, covariates=covariates,
        nuisance=nuisance, anticipation=anticipation, base=base, window=window, leads=leads,
        gaps=gaps, cluster=cluster, weights=weights,
        extra=_extra(
            placebo=placebo, parity=None if drawn else parity, force=force, family=family,
            partition=partition, multipliers=several, premean=premean, fixed_sample=fixed_sample,
        ),
    )  # fmt: skip
    resampled = {"errors": errors, "draws": draws, "seed": seed, "parity": parity}
    if drawn:
        resampled |= {"errors": errors or "placebo", "draws": 200 if draws is None else draws}
    changes = {
        "normalized": normalized, "switchers": switchers, "within": within,
        "continuous": None if continuous is None else _degree(continuous),
    }  # fmt: skip
    if method != "dcdh":
        _refuse(method, changes, _CHANGES, "it knows no changes of treatment but its start")
    with reporting(None) as progress:
        if drawn:
            own = _synthetic(design, resampled)
            native = _core.synthetic_did(_native(panel), own, progress)
        else:
            if several is None or method == "dcdh":
                _refuse(method, resampled, _RESAMPLED, "its errors are not drawn")
            if method == "dcdh":
                own = _switching(design, treatment, changes)
                native = _core.switching_did(_native(panel), own, progress)
            else:
                native = _core.did(_native(panel), design, progress)
    effects = Effects(native, getattr(panel, "_like", None), parity)
    for code, text in effects.cautions.items():
        warnings.warn(f"{code}: {text}", DesignWarning, stacklevel=3)
    return effects


class Comparison(Mapping[str, Effects]):
    """Effects of several estimators side by side, by name of the estimator.

    :func:`compare_did` makes it. Estimators that could not be used stand in :attr:`refused`, with
    the reason.
    """

    def __init__(self, effects: Mapping[str, Effects], refused: Mapping[str, str]) -> None:
        self._effects = dict(effects)
        self.refused = dict(refused)

    def __getitem__(self, method: str) -> Effects:
        return self._effects[method]

    def __iter__(self) -> Iterator[str]:
        return iter(self._effects)

    def __len__(self) -> int:
        return len(self._effects)

    def tidy(self) -> Any:
        """Give one row an estimator and event time.

        Columns: ``method``, ``event``, ``phase``, ``estimate``, ``std_error``, ``conf_low``,
        ``conf_high``, ``status``.
        """
        columns: dict[str, list[Any]] = {"method": []}
        names = ("event", "phase", "estimate", "std_error", "conf_low", "conf_high", "status")
        like = None
        for method, effects in self.items():
            table = to_frame(_event(effects).native.tidy("pointwise", 0.05, 0, 0))
            like = effects._like if like is None else like
            columns["method"] += [method] * len(table)
            for name in names:
                columns.setdefault(name, []).extend(np.asarray(table[name]).tolist())
        for name in names:
            if name not in ("phase", "status"):
                filled = [np.nan if value is None else value for value in columns[name]]
                columns[name] = np.asarray(filled, dtype=np.float64)  # type: ignore[assignment]
        return to_frame(to_table(columns), like)

    def plot(self, **options: Any) -> Axes:
        """Draw all event studies on one plot; see :func:`plot_effects` for the options."""
        from kruispunt.plots import plot_effects

        options.setdefault("bands", "pointwise")
        return plot_effects({method: _event(own) for method, own in self.items()}, **options)

    def _overall(self) -> list[tuple[str, str, str, str]]:
        rows = []
        for method, effects in self.items():
            own = effects.aggregate("simple") if effects.by == "cells" else effects
            table = to_frame(own.native.tidy("pointwise", 0.05, 0, 0))
            row = table.native.cells(len(table) - 1, 1)[0]
            value, error = (row[table.columns.index(name)] for name in ("estimate", "std_error"))
            overall = row[table.columns.index("phase")] == "overall"
            shown = (_short(value), _short(error)) if overall else ("", "")
            rows.append((method, *shown, own.estimand))
        return rows

    def __repr__(self) -> str:
        lines = [f"{'':<12}{'overall':>12}{'std. error':>12}  of"]
        for method, value, error, of in self._overall():
            lines.append(f"{method:<12}{value:>12}{error:>12}  {of}")
        lines += [f"{method:<12}refused: {reason}" for method, reason in self.refused.items()]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        refused = [(method, "", "", f"refused: {why}") for method, why in self.refused.items()]
        head = "".join(f"<th>{name}</th>" for name in ("method", "overall", "std. error", "of"))
        body = "".join(
            f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>"
            for row in [*self._overall(), *refused]
        )
        return f"<div><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def _event(effects: Effects) -> Effects:
    return effects.aggregate("event") if effects.by == "cells" else effects


def compare_did(
    panel: Panel,
    outcome: str,
    *,
    cohort: str,
    methods: Sequence[Method] = ("twfe", "cs", "sa", "imputation", "did2s", "lpdid", "etwfe"),
    **options: Any,
) -> Comparison:
    """Estimate the same design by several estimators.

    Where effects are the same for all cohorts and do not grow they agree; where ``twfe`` stands
    apart from the others, see :func:`twfe_weights` and :func:`bacon`.

    Parameters
    ----------
    panel : Panel
        One row a unit and a period.
    outcome : str
        The outcome.
    cohort : str
        The first period of treatment of each unit.
    methods : sequence of str
        As `method` of :func:`did`.
    **options
        Passed to :func:`did` for each estimator, which refuses those it has no use for.

    Returns
    -------
    Comparison
        Effects by estimator, with one table and one plot.

    Examples
    --------
    >>> import warnings
    >>> random = np.random.default_rng(1)
    >>> panel = kp.Panel(
    ...     {
    ...         "unit": np.repeat(np.arange(40), 6), "year": np.tile(np.arange(2010, 2016), 40),
    ...         "opened": np.repeat([2012, 2014, 0, 0] * 10, 6), "jobs": random.normal(size=240),
    ...     },
    ...     person="unit", period="year", unit="year",
    ... )
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", kp.exceptions.DesignWarning)  # twfe warns of two cohorts
    ...     found = kp.compare_did(panel, "jobs", cohort="opened", methods=["twfe", "cs"])
    >>> list(found)
    ['twfe', 'cs']
    """
    found: dict[str, Effects] = {}
    refused: dict[str, str] = {}
    for method in methods:
        try:
            found[method] = did(panel, outcome, cohort=cohort, method=method, **options)
        except (EstimationError, InputError) as error:
            if isinstance(error, InputError) and "cannot be used with method" not in str(error):
                raise
            refused[method] = str(error)
    return Comparison(found, refused)


def bacon(panel: Panel, outcome: str, *, cohort: str, weights: str | None = None) -> Any:
    """Split the two-way coefficient into comparisons of two cohorts.

    Parameters
    ----------
    panel : Panel
        One row a unit and a period; units not seen in every period are left out.
    outcome : str
        The outcome.
    cohort : str
        The first period of treatment of each unit, or an indicator; as in :func:`did`.
    weights : str, optional
        One positive number a unit.

    Returns
    -------
    data frame
        Columns ``kind`` (``later vs earlier`` has already treated controls), ``treated``,
        ``control`` (missing for never), ``estimate``, ``weight``; weights sum to 1 and the
        weighted mean is the two-way coefficient.

    References
    ----------
    Goodman-Bacon, A. (2021). Difference-in-differences with variation in treatment timing.
    *Journal of Econometrics* 225(2), 254-277.
    """
    design = _design(outcome, cohort, weights=weights)
    return to_frame(_core.bacon(_native(panel), design), panel._like)


def twfe_weights(panel: Panel, outcome: str, *, cohort: str, weights: str | None = None) -> Any:
    """Give the weight of each treated cohort and period in the two-way coefficient.

    Negative weights can make the coefficient negative while every effect is positive. For the
    parameters see :func:`bacon`.

    Returns
    -------
    data frame
        Columns ``cohort``, ``period``, ``weight`` (they sum to 1), ``n_treated``.

    References
    ----------
    de Chaisemartin, C. & D'Haultfoeuille, X. (2020). Two-way fixed effects estimators with
    heterogeneous treatment effects. *American Economic Review* 110(9), 2964-2996.
    """
    design = _design(outcome, cohort, weights=weights)
    return to_frame(_core.twfe_weights(_native(panel), design), panel._like)
