"""What a programme did to those who started it: dynamic matching in risk sets."""

from __future__ import annotations

import html
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, TypedDict, Unpack

import numpy as np
from numpy.typing import NDArray

from kruispunt import _core
from kruispunt._frames import IntoTable, to_frame, to_table
from kruispunt._progress import Callback, reporting
from kruispunt.account import Account
from kruispunt.estimate import Fit
from kruispunt.estimate._models import _kind as same_kind
from kruispunt.evaluate import Effects, _native
from kruispunt.exceptions import DesignWarning, InputError
from kruispunt.panel import Panel

__all__ = [
    "Balanced",
    "ByGroup",
    "att",
    "dynamic_matching",
    "e_value",
    "matching_balance",
    "oster",
    "rosenbaum",
]


class Matching(TypedDict, total=False):
    """The options of :func:`dynamic_matching` that say who is compared with whom."""

    eligible: str
    treatment: str
    kind: tuple[str, str] | None
    exact: str | Sequence[str]
    horizons: Iterable[int]
    duration: int | None
    against: Literal["waiting", "never", "untreated"]
    absent: float | None
    versus: str | None
    coarse: Mapping[str, Sequence[float]]
    covariates: str | Sequence[str]
    history: int
    neighbours: int | None
    kernel: float | None
    distance: Literal["propensity", "mahalanobis"]
    replacement: bool
    caliper: float | None
    odds: bool
    gap: int
    second: str | None
    bootstrap: int | None
    seed: int


class ByGroup(Mapping[str, Effects]):
    r"""Effects by group of persons; :func:`dynamic_matching` with `by` makes it.

    A mapping from the group to its :class:`Effects`. Groups are different persons and so
    independent: bands of level :math:`(1-\alpha)^{1/G}` for each of G groups hold together.
    """

    __slots__ = ("__weakref__", "_effects", "_like")

    def __init__(self, effects: Mapping[str, Effects], like: Any = None) -> None:
        self._effects = dict(effects)
        self._like = like

    def __getitem__(self, group: str) -> Effects:
        return self._effects[group]

    def __iter__(self) -> Iterator[str]:
        return iter(self._effects)

    def __len__(self) -> int:
        return len(self._effects)

    def tidy(self, alpha: float = 0.05, *, draws: int = 20_000, seed: int = 1) -> dict[str, Any]:
        """Give the table of each group; bands hold for the paths of all groups together."""
        own = 1 - (1 - alpha) ** (1 / max(len(self), 1))
        tables = {
            group: effects.native.tidy("sup-t", own, draws, seed)
            for group, effects in self._effects.items()
        }
        return {group: to_frame(table, self._like) for group, table in tables.items()}

    def plot(self, **options: Any) -> Any:
        """Draw the paths side by side; see :func:`plot_effects` for the options."""
        from kruispunt.plots import plot_effects

        return plot_effects(self._effects, **options)

    def __repr__(self) -> str:
        return "\n".join(f"{group}: {effects!r}" for group, effects in self._effects.items())

    def _repr_html_(self) -> str:
        each = self._effects.items()
        shown = (f"<h4>{html.escape(group)}</h4>{own._repr_html_()}" for group, own in each)
        return f"<div>{''.join(shown)}</div>"


def dynamic_matching(
    panel: Panel,
    outcome: str,
    *,
    by: str | None = None,
    progress: bool | Callback | None = None,
    **matching: Unpack[Matching],
) -> Any:
    r"""Compare those who start a treatment now with those of the same risk set who do not.

    In each period the risk set holds the persons who are eligible and were not treated before.
    Cells are equal in the period, in how long a person has been eligible without a break, and in
    the columns `exact`. With :math:`n_{1c}` starters in cell :math:`c`,

    .. math::

        ATT(e) = \sum_c n_{1c} (\bar y_{1c,q+e} - \bar y_{0c,q+e}) / \sum_c n_{1c}

    over cells with starters and controls. With `neighbours` or `kernel` each starter is held
    against the controls of its cell that are near to it, by their chance to start now (a logit on
    `covariates` and the record of the outcome, with a level for each period and duration) or by
    Mahalanobis distance. Errors are clustered by person.

    Parameters
    ----------
    panel : Panel
        One row a person and a period; best with everybody's whole future.
    outcome : str
        The outcome: numbers or truth values.
    by : str, optional
        A column of groups of persons: effects within each, as :class:`ByGroup`.
    progress : bool or callable, optional
        As in :func:`kruispunt.progress`.
    **matching
        Who is compared with whom:

        eligible : str
            Whether the person could start in the period: truth values, or 0 and 1 (missing: no).
        treatment : str
            The period of the person's first treatment, missing for never, as
            :meth:`Panel.event_time` adds it (``"cohort"`` by default).
        kind : (str, str), optional
            A column and its value: only treatments of that kind. Who begins another kind in a
            period is neither treated nor a control in it.
        versus : str, optional
            Another kind: compare with those who start it in the same period.
        exact : str or sequence of str
            Columns that must be equal within a cell. A missing value is a value of its own.
        coarse : mapping of str to cuts
            Columns of numbers of which classes must be equal (coarsened exact matching).
        horizons : iterable of int
            Periods since the start at which the outcome is looked at (1 to 16); negative ones look
            back and should show nothing: outcomes before treatment are negative controls.
        duration : int, optional
            Durations of so many periods and more are one. Without it, spells that began before
            the panel are left out, since nobody knows how long they last.
        against : {"waiting", "never", "untreated"}
            Compare with all who do not start in the period, though perhaps later; only with
            those who never do, which conditions on the future; or with those who do not start up
            to the period of the outcome, weighed by one over their chance of that (van den Berg &
            Vikström): what would have been without any start, also after leaving the state. With
            `covariates` that chance is a logit on them, else the share of the cell.
        absent : float, optional
            The outcome of persons without a row or a value at the horizon: who is abroad or dead
            is not employed, 0. By default they are left out at that horizon.
        covariates : str or sequence of str
            Columns of numbers that make persons near or far.
        history : int
            The outcome in so many periods before as covariates; who lacks one is left out.
        neighbours : int, optional
            So many nearest controls, and all that are as near as the last of them.
        kernel : float, optional
            All controls whose chance to start differs by less, nearer ones weighing more.
        distance : {"propensity", "mahalanobis"}
            What near means.
        replacement : bool
            Whether a control may serve several starters (True).
        odds : bool
            All controls of the cell, weighed by their odds to start given the covariates (inverse
            probability weighting; errors take the weights as known).
        gap : int
            So many periods without eligibility do not end a spell (0); nobody is at risk in them.
        second : str, optional
            The period in which a second treatment begins, missing for never: outcomes from then on
            are left out. Without it the effect is that of the path which the first one begins.
        caliper : float, optional
            The largest distance, in standard deviations of the log odds or of Mahalanobis.
        bootstrap : int, optional
            Standard errors from so many samples of persons drawn anew.
        seed : int
            The seed of the bootstrap (1).

    Returns
    -------
    Effects
        One row a horizon, with the covariance of all; :meth:`Effects.cumulate` adds them up,
        :meth:`Effects.break_even` says when the lock-in is made up for.

    Raises
    ------
    InputError
        If a column is missing or of the wrong type, a number is not finite, the treatment varies
        within a person, nobody starts from a risk set, a covariate predicts starting perfectly, or
        options do not go together.
    EstimationError
        If no starter has a control in the same cell.

    Warns
    -----
    DesignWarning
        For each caution, by name: ``common_support`` (starters without control),
        ``static_controls`` (chosen by their future), ``few_clusters``, ``outcome_counts_trainees``,
        ``unobserved_selection`` (differences before the start), ``emigration`` (who left the
        registers is left out).

    References
    ----------
    Sianesi, B. (2004). An evaluation of the Swedish system of active labor market programs in the
    1990s. *Review of Economics and Statistics* 86(1), 133-155.

    Fredriksson, P. & Johansson, P. (2008). Dynamic treatment assignment. *Journal of Business &
    Economic Statistics* 26(4), 435-445.

    van den Berg, G. & Vikström, J. (2022). Long-run effects of dynamically assigned treatments: a
    new methodology and an evaluation of training effects on earnings. *Econometrica* 90(3),
    1337-1354.

    Abadie, A. & Imbens, G. (2006). Large sample properties of matching estimators for average
    treatment effects. *Econometrica* 74(1), 235-267.

    Examples
    --------
    >>> import warnings
    >>> panel = kp.Panel(
    ...     {
    ...         "person": [1, 1, 1, 2, 2, 2, 3, 3, 3],
    ...         "quarter": ["2012Q1", "2012Q2", "2012Q3"] * 3,
    ...         "seeking": [0, 1, 0, 0, 1, 1, 0, 1, 0],
    ...         "cohort": ["2012Q2"] * 3 + [None] * 6,
    ...         "employed": [1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0],
    ...     },
    ...     person="person", period="quarter",
    ... )
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", kp.exceptions.DesignWarning)  # three persons are few
    ...     effects = kp.dynamic_matching(panel, "employed", eligible="seeking", horizons=[1])
    >>> effects.estimates
    array([0.5])
    """
    native_panel = _native(panel)
    request = _request(outcome, matching)
    like = getattr(panel, "_like", None)
    with reporting(progress) as callback:
        if by is not None:
            groups = _core.dynamic_matching_by(native_panel, request, by, callback)
            return ByGroup({name: Effects(own, like) for name, own in groups}, like)
        native = _core.dynamic_matching(native_panel, request, callback)
    effects = Effects(native, like)
    for code, text in effects.cautions.items():
        warnings.warn(f"{code}: {text}", DesignWarning, stacklevel=3)
    return effects


def matching_balance(panel: Panel, outcome: str, **matching: Unpack[Matching]) -> Any:
    """Tell whether starters and their controls are alike, before and after matching.

    Parameters
    ----------
    panel, outcome, **matching
        As in :func:`dynamic_matching`.

    Returns
    -------
    table
        One row a covariate, with the record of the outcome and the columns of `exact` and `coarse`
        that hold numbers: ``mean_starters``, ``mean_before`` of all controls at risk in the cells,
        ``mean_after`` with the weights they serve with, differences in standard deviations of
        starters (below 0.1 is the usual bar) and ``variance_ratio``. :func:`love_plot` draws it.
    """
    table = _core.matching_balance(_native(panel), _request(outcome, matching))
    return to_frame(table, getattr(panel, "_like", None))


def rosenbaum(
    panel: Panel,
    outcome: str,
    *,
    horizon: int,
    gammas: Sequence[float] = (1, 1.1, 1.25, 1.5, 2, 3),
    **matching: Unpack[Matching],
) -> Any:
    r"""Bound the p value when starters differ from their pairs in what was not observed.

    At :math:`\Gamma` two persons of a pair differ at most by that factor in their odds to start.
    The p values are those of the one-sided signed-rank test (of McNemar for outcomes of 0 and 1)
    at best and at worst.

    Parameters
    ----------
    panel, outcome, **matching
        As in :func:`dynamic_matching`, with ``neighbours=1``.
    horizon : int
        Periods since the start.
    gammas : sequence of float
        Factors of 1 and more.

    Returns
    -------
    table
        ``gamma``, ``p_low``, ``p_high``.

    References
    ----------
    Rosenbaum, P. (2002). *Observational Studies*, 2nd edition, ch. 4. Springer.
    """
    request = _request(outcome, {**matching, "horizons": [horizon]})
    factors = [float(gamma) for gamma in gammas]
    table = _core.matching_rosenbaum(_native(panel), request, horizon, factors)
    return to_frame(table, getattr(panel, "_like", None))


def e_value(ratio: float, low: float, high: float) -> tuple[float, float]:
    r"""Say how strong an unobserved trait must be to explain a risk ratio away.

    Parameters
    ----------
    ratio, low, high : float
        A risk ratio and its interval.

    Returns
    -------
    (float, float)
        :math:`RR + \sqrt{RR(RR-1)}` of the estimate and of the nearer bound (1 when the interval
        holds 1): the trait must have that risk ratio with both treatment and outcome.

    References
    ----------
    VanderWeele, T. & Ding, P. (2017). Sensitivity analysis in observational research: introducing
    the E-value. *Annals of Internal Medicine* 167, 268-274.

    Examples
    --------
    >>> kp.e_value(3.9, 1.8, 8.7)
    (7.26..., 3.0)
    """
    return _core.e_value(ratio, (low, high))


def oster(
    short: tuple[float, float], long: tuple[float, float], r_max: float | None = None
) -> dict[str, float]:
    r"""Say what selection on unobservables in proportion to that on observables would do.

    .. math::

        \beta^* = \beta_{long} - (\beta_{short} - \beta_{long})
            \frac{R_{max} - R_{long}}{R_{long} - R_{short}}

    Parameters
    ----------
    short, long : (float, float)
        Coefficient and R-squared without and with controls.
    r_max : float, optional
        The R-squared one would have with all; 1.3 times that of `long` by default.

    Returns
    -------
    dict
        ``adjusted``, the coefficient if what is not observed were as selective; ``delta``, how much
        more selective it would have to be for no effect.

    References
    ----------
    Oster, E. (2019). Unobservable selection and coefficient stability. *Journal of Business &
    Economic Statistics* 37, 187-204.

    Examples
    --------
    >>> kp.oster((2.0, 0.0), (1.5, 0.5), r_max=1.0)
    {'adjusted': 1.0, 'delta': 3.0}
    """
    most = min(1.0, 1.3 * long[1]) if r_max is None else r_max
    adjusted, delta = _core.oster(short, long, most)
    return {"adjusted": adjusted, "delta": delta}


class Balanced(Fit):
    """An effect on the treated, with the weights behind it; :func:`att` makes it.

    Attributes
    ----------
    weights : ndarray
        One a row of :attr:`sample_rows`; those of controls add up to those of the treated.
    sample_rows : ndarray
        Rows of the data, counted from 0.
    effective_controls : float
        The number of controls that would say as much without weights.
    cautions : dict of str to str
        What a reader must know, by name.
    """

    __slots__ = ("_balance", "cautions", "effective_controls", "sample_rows", "weights")

    weights: NDArray[np.float64]
    sample_rows: NDArray[np.uint32]
    effective_controls: float
    cautions: dict[str, str]
    _balance: _core.Table

    def balance(self) -> Any:
        """Give differences of the covariates before and after, in standard deviations."""
        return to_frame(self._balance, self._like)

    def __getstate__(self) -> dict[str, Any]:
        own = {name: getattr(self, name) for name in Balanced.__slots__}
        return {**super().__getstate__(), "own": own}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for name, value in state["own"].items():
            setattr(self, name, value)


def att(
    fml: str,
    data: IntoTable,
    *,
    treated: str,
    method: Literal["entropy", "ipw", "regression", "dr"] = "entropy",
    weights: str | None = None,
    cluster: str | None = None,
) -> Balanced:
    r"""Estimate the mean effect on the treated when treatment is as good as random given covariates.

    With :math:`D` treated, :math:`p` the chance to be and :math:`m(X)` a regression among the
    others: ``"ipw"`` weighs controls by :math:`p/(1-p)`; ``"entropy"`` by weights that make means
    of the covariates equal exactly; ``"regression"`` subtracts :math:`m(X)`; ``"dr"`` weighs what
    the regression leaves, and is right when either model is.

    Parameters
    ----------
    fml : str
        ``"days ~ age + C(edu) + days_before"``: the outcome and the covariates.
    data : table
        One row a person.
    treated : str
        Whether the person was treated.
    method : {"entropy", "ipw", "regression", "dr"}
        How the others are adjusted.
    weights : str, optional
        A column of sampling weights, above 0.
    cluster : str, optional
        A column within whose values errors may depend on each other.

    Returns
    -------
    Balanced
        A :class:`Fit` with one coefficient, ``weights``, ``balance()``, ``effective_controls``.
        Standard errors hold the estimation of weights and regression.

    Raises
    ------
    InputError
        If the formula or a column is wrong, or nobody is treated.
    EstimationError
        If treated and others do not overlap: a covariate tells them apart.

    Warns
    -----
    DesignWarning
        ``no_overlap``: some are likelier than .995 to be treated (``"ipw"`` and ``"dr"``).

    References
    ----------
    Hainmueller, J. (2012). Entropy balancing for causal effects. *Political Analysis* 20, 25-46.

    Sant'Anna, P. & Zhao, J. (2020). Doubly robust difference-in-differences estimators. *Journal of
    Econometrics* 219, 101-122.

    Examples
    --------
    >>> people = {
    ...     "days": [50.0, 60.0, 30.0, 40.0, 20.0, 45.0],
    ...     "age": [30, 40, 20, 35, 25, 45],
    ...     "trained": [1, 1, 0, 0, 0, 0],
    ... }
    >>> fit = kp.att("days ~ age", people, treated="trained")
    >>> print(f"{fit.coef()['trained']:.2f}")
    18.08
    """
    request = {
        "formula": fml,
        "treated": treated,
        "method": method,
        "weights": weights,
        "cluster": cluster,
    }
    names = dict.fromkeys([*_core.formula_columns(fml), treated, weights, cluster])
    table = to_table(data, [name for name in names if name is not None], "data")
    native, rows, own, balance, effective, cautions = _core.att(table, request)
    before = getattr(data, "account", None)
    account = before if isinstance(before, Account) else None
    found = Balanced(native, None, same_kind(data), account)
    found.weights, found.sample_rows = own, rows
    found.effective_controls, found._balance = effective, balance
    found.cautions = dict(cautions)
    for code, text in found.cautions.items():
        warnings.warn(f"{code}: {text}", DesignWarning, stacklevel=2)
    return found


def _request(
    outcome: str,
    matching: Mapping[str, Any],
    *,
    record_of: str | None = None,
    kinds: str | None = None,
) -> dict[str, Any]:
    known = Matching.__annotations__
    for name in matching:
        if name not in known:
            message = f"`{name}` is no option; there are {', '.join(known)}"
            raise InputError(message)
    if "eligible" not in matching:
        message = "`eligible`: name the column that says who could start in a period"
        raise InputError(message)
    duration = matching.get("duration")
    if duration is not None and not 1 <= _whole("duration", duration) < 2**31:
        raise InputError(f"`duration`: expected at least 1 period, got {duration}")
    kind = matching.get("kind")
    neighbours, kernel = matching.get("neighbours"), matching.get("kernel")
    if neighbours is not None and kernel is not None:
        raise InputError("`kernel`: neighbours or a kernel, not both")
    if matching.get("odds") and (neighbours is not None or kernel is not None):
        raise InputError("`odds`: all controls by their odds, or neighbours or a kernel, not both")
    bootstrap = matching.get("bootstrap")
    draws = None if bootstrap is None else max(_whole("bootstrap", bootstrap), 0)
    return {
        "outcome": outcome,
        "treatment": matching.get("treatment", "cohort"),
        "eligible": matching["eligible"],
        "kind": None if kind is None else _kind(kind),
        "versus": matching.get("versus"),
        "exact": _names(matching.get("exact", ())),
        "coarse": [(k, [float(c) for c in v]) for k, v in matching.get("coarse", {}).items()],
        "horizons": [_whole("horizons", one) for one in matching.get("horizons", range(1, 17))],
        "duration": duration,
        "against": matching.get("against", "waiting"),
        "absent": matching.get("absent"),
        "covariates": _names(matching.get("covariates", ())),
        "history": max(_whole("history", matching.get("history", 0)), 0),
        "nearest": None if neighbours is None else max(_whole("neighbours", neighbours), 0),
        "kernel": kernel,
        "distance": matching.get("distance", "propensity"),
        "reuse": "with" if matching.get("replacement", True) else "without",
        "caliper": matching.get("caliper"),
        "bootstrap": None if draws is None else (draws, matching.get("seed", 1)),
        "more": {
            "odds": bool(matching.get("odds", False)),
            "gap": max(_whole("gap", matching.get("gap", 0)), 0),
            "second": matching.get("second"),
            "record_of": record_of,
            "kinds": kinds,
        },
    }


def _names(names: str | Sequence[str]) -> list[str]:
    return [names] if isinstance(names, str) else list(names)


def _kind(kind: Any) -> tuple[str, str]:
    if not (isinstance(kind, tuple | list) and len(kind) == 2):
        raise InputError('`kind`: expected a column and a value, such as ("type", "GCT")')
    return str(kind[0]), str(kind[1])


def _whole(argument: str, value: Any) -> int:
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or abs(int(value)) >= 2**31:
        raise InputError(f"`{argument}`: expected a whole number of periods, got {value!r}")
    return int(value)
