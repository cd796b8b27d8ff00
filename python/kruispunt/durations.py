"""How long until it happens: curves, hazards in discrete time, proportional hazards."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from kruispunt import _core
from kruispunt._frames import to_frame, to_table
from kruispunt._progress import Callback, reporting
from kruispunt._shown import said
from kruispunt.account import Account
from kruispunt.estimate import Fit
from kruispunt.estimate._chosen import chosen
from kruispunt.estimate._models import _kind as same_kind
from kruispunt.exceptions import DesignWarning, InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from kruispunt._frames import IntoTable

__all__ = [
    "Hazard",
    "Staged",
    "Survival",
    "cox",
    "cumulative_incidence",
    "hazard",
    "staged",
    "survival",
]


class Survival:
    """Curves of durations by group: survival, cumulative hazard, cumulative incidence.

    :func:`survival` and :func:`cumulative_incidence` make it.
    """

    __slots__ = ("__weakref__", "_like", "_native")

    def __init__(self, native: _core.Survival, like: Any = None) -> None:
        self._native = native
        self._like = like

    @property
    def native(self) -> _core.Survival:
        """The native curves."""
        return self._native

    @property
    def groups(self) -> list[str]:
        """The groups, in their natural order; one without a name when there is no column."""
        return self._native.groups

    @property
    def causes(self) -> list[str]:
        """The events."""
        return self._native.causes

    @property
    def cautions(self) -> dict[str, str]:
        """What a reader must know, by name."""
        return dict(self._native.cautions)

    @property
    def account(self) -> Account:
        """Which episodes are in the curves and why others are not."""
        return Account.from_json(self._native.account_json())

    def tidy(self, alpha: float = 0.05) -> Any:
        """Give one row a group and a time, in the caller's kind of table.

        Parameters
        ----------
        alpha : float
            One minus the probability of the intervals, which are log-log for survival and on the
            log scale for the cumulative hazard.

        Returns
        -------
        table
            ``time``, ``n_risk``, ``n_event``, ``n_censored``, ``survival`` with ``std_error``,
            ``conf_low``, ``conf_high``, ``cumulative_hazard`` with its own.
        """
        return to_frame(self._native.tidy(alpha), self._like)

    def incidence(self, alpha: float = 0.05) -> Any:
        """Give one row a group, event and time: the probability of the event up to the time."""
        return to_frame(self._native.incidence(alpha), self._like)

    def quantile(self, p: float = 0.5, alpha: float = 0.05) -> Any:
        """Give the time at which a share `p` had the event, by group, with its interval."""
        return to_frame(self._native.quantile(p, alpha), self._like)

    def restricted_mean(self, horizon: float) -> dict[str, tuple[float, float]]:
        """Give the mean time up to `horizon` by group, with its standard error."""
        return {own: (mean, se) for own, mean, se in self._native.restricted_mean(horizon)}

    def logrank(self, rho: float = 0.0) -> dict[str, Any]:
        r"""Test that the curves of all groups are one.

        Parameters
        ----------
        rho : float
            Differences at a time weigh :math:`S(t-)^\rho`: 0 is the log-rank test, 1 looks at
            early times more (Peto & Peto).

        Returns
        -------
        dict
            ``statistic``, ``df``, ``p_value`` and ``groups``, a table of observed and expected.
        """
        statistic, df, p_value, table = self._native.logrank(rho)
        groups = to_frame(table, self._like)
        return {"statistic": statistic, "df": df, "p_value": p_value, "groups": groups}

    def plot(
        self,
        *,
        kind: Literal["survival", "uptake", "incidence", "hazard"] = "survival",
        level: float = 0.95,
        ax: Axes | None = None,
    ) -> Axes:
        """Draw the curves with their intervals.

        Parameters
        ----------
        kind : {"survival", "uptake", "incidence", "hazard"}
            Survival; one minus survival; the incidence of each event; the cumulative hazard.
        level : float
            Coverage, between 0 and 1.
        ax : matplotlib axes, optional
            Where to draw.
        """
        from kruispunt.plots import plot_curves

        return plot_curves(self, kind=kind, level=level, ax=ax)

    def __repr__(self) -> str:
        groups = ", ".join(name for name in self.groups if name)
        what = f" by {groups}" if groups else ""
        return f"Survival: {', '.join(self.causes)}{what}"

    def _repr_html_(self) -> str:
        return said(self, self._native.tidy(0.05))

    def __getstate__(self) -> dict[str, Any]:
        return {"native": self._native}

    def __setstate__(self, state: dict[str, Any]) -> None:
        Survival.__init__(self, state["native"])


def survival(
    data: IntoTable,
    *,
    time: str,
    event: str,
    entry: str | None = None,
    by: str | None = None,
    weights: str | None = None,
) -> Survival:
    r"""Survival and cumulative hazard without a model (Kaplan-Meier, Nelson-Aalen).

    With :math:`d` events among :math:`n` at risk at a time,

    .. math::

        S(t) = \prod (1 - d/n), \qquad H(t) = \sum d/n

    with Greenwood's variance, and :math:`\sum d/n^2`. At risk is who entered before the time and
    has not ended before it. Weights count rows.

    Parameters
    ----------
    data : table
        One row an episode.
    time : str
        The time at which it ends, in any unit.
    event : str
        Whether it ends with the event (true or 1) or is censored (false or 0).
    entry : str, optional
        The time from which it is seen (delayed entry, left truncation). Spells that began before
        the register did need it: who is still there at the first day survived until then.
    by : str, optional
        A column of groups.
    weights : str, optional
        A column of weights, above 0.

    Returns
    -------
    Survival
        With ``tidy()``, ``quantile()``, ``restricted_mean()``, ``logrank()`` and ``plot()``.

    Raises
    ------
    InputError
        If a column is missing or of the wrong type, a number is not finite, a time is below 0, an
        event is neither 0 nor 1. Episodes with a missing value or without length are left out and
        counted in ``account``.

    References
    ----------
    Kaplan, E. L. & Meier, P. (1958). Nonparametric estimation from incomplete observations.
    *Journal of the American Statistical Association* 53, 457-481.

    Examples
    --------
    >>> spells = {"quarters": [1, 2, 2, 4], "to_work": [1, 1, 0, 1]}
    >>> curves = kp.survival(spells, time="quarters", event="to_work")
    >>> curves.tidy()["survival"].tolist()
    [0.75, 0.5, 0.0]
    """
    roles = {"time": time, "event": event, "entry": entry, "by": by, "weights": weights}
    return _curves(data, roles, causes=False)


def cumulative_incidence(
    data: IntoTable,
    *,
    time: str,
    event: str,
    entry: str | None = None,
    by: str | None = None,
    weights: str | None = None,
) -> Survival:
    r"""Probabilities of competing events over time (Aalen-Johansen).

    With :math:`d_k` events of kind k among :math:`n` at risk and :math:`S` the probability that
    nothing happened before,

    .. math::

        F_k(t) = \sum S(t-) d_k / n

    with the delta-method variance. One minus a Kaplan-Meier curve that counts the other events as
    censored would be too large: who found work cannot emigrate as a job-seeker any more.

    Parameters
    ----------
    data, time, entry, by, weights
        As in :func:`survival`.
    event : str
        What ended the episode: text (missing or empty for censored) or whole numbers (0 for
        censored).

    Returns
    -------
    Survival
        Its ``incidence()`` has one row a group, event and time.

    References
    ----------
    Aalen, O. & Johansen, S. (1978). An empirical transition matrix for non-homogeneous Markov
    chains based on censored observations. *Scandinavian Journal of Statistics* 5, 141-150.

    Examples
    --------
    >>> spells = {"quarters": [1, 2, 2, 4], "exit": ["work", "abroad", None, "work"]}
    >>> curves = kp.cumulative_incidence(spells, time="quarters", event="exit")
    >>> curves.causes
    ['abroad', 'work']
    >>> curves.incidence()["incidence"].tolist()
    [0.0, 0.25, 0.25, 0.25, 0.25, 0.75]
    """
    roles = {"time": time, "event": event, "entry": entry, "by": by, "weights": weights}
    return _curves(data, roles, causes=True)


def _curves(data: Any, roles: dict[str, str | None], *, causes: bool) -> Survival:
    names = _distinct([*roles.values(), *_told(data, roles)])
    table = to_table(data, names, "data")
    native = _core.survival(table, {**roles, "causes": causes})
    found = Survival(native, same_kind(data))
    for code, text in found.cautions.items():
        warnings.warn(f"{code}: {text}", DesignWarning, stacklevel=4)
    return found


def _told(data: Any, roles: Mapping[str, Any]) -> list[str]:
    """Name columns by which a table of spells tells that it is truncated, when nobody uses them."""
    present = data if isinstance(data, Mapping) else getattr(data, "columns", ())
    if callable(present) or roles["entry"] is not None:
        return []
    return [name for name in ("entry", "truncated") if name in list(present)]


def _distinct(names: Any) -> list[str]:
    return list(dict.fromkeys(name for name in names if name is not None))


class Hazard(Fit):
    """Coefficients of a hazard, with the curves they say.

    :func:`hazard` and :func:`cox` make it. It is a :class:`Fit` without its sample: other
    covariances and residuals need another fit.
    """

    __slots__ = ("_asked", "_model")

    def __init__(
        self,
        model: _core.HazardFit | _core.CoxFit,
        like: Any = None,
        before: Account | None = None,
        asked: tuple[dict[str, Any], _core.Table | None] | None = None,
    ) -> None:
        super().__init__(model.fit(), None, like, before)
        self._model = model
        self._asked = asked

    @property
    def frailty(self) -> dict[str, Any] | None:
        """What was found about frailty, `None` for a model without.

        ``kind`` (``"normal"`` or ``"points"``), ``person`` (the column), ``persons``, ``sd``,
        ``points`` and ``shares`` of types (the first is 0), ``without`` (the log-likelihood without
        frailty), ``lr`` and ``p_value`` (of a normal effect: half of a chi-squared with one degree
        of freedom), and ``quadrature``, the points a normal effect was integrated with.
        """
        if isinstance(self._model, _core.CoxFit) or (told := self._model.mixture) is None:
            return None
        own = json.loads(told)
        (kind,) = own["frailty"]
        names = ("person", "persons", "sd", "points", "shares", "without", "lr", "p_value")
        quadrature = own["frailty"][kind].get("points")
        more = {"quadrature": quadrature} if kind == "Normal" else {}
        return {"kind": kind.lower()} | {name: own[name] for name in names} | more

    def confint(  # noqa: PLR0917 - the order of pyfixest
        self,
        alpha: float = 0.05,
        keep: Sequence[str] | str | None = None,
        drop: Sequence[str] | str | None = None,
        exact_match: bool = False,  # noqa: FBT001, FBT002
        joint: bool = False,  # noqa: FBT001, FBT002
        seed: int | None = None,
        reps: int = 99_999,
        *,
        method: Literal["wald", "profile"] = "wald",
        data: IntoTable | None = None,
        progress: bool | Callback | None = None,
    ) -> dict[str, tuple[float, float]]:
        r"""Give the confidence intervals of probability ``1 - alpha``, by coefficient.

        ``method="profile"``, of :func:`hazard` with ``frailty="normal"``, gives the values of a
        coefficient c at which the largest likelihood over all others is not too low,

        .. math::

            2 \{\ell(\hat\theta) - \max_{\theta: c} \ell(\theta)\} \le z_{1 - \alpha/2}^2

        where the default is c plus or minus z standard errors. One spell a person says little about
        the standard deviation of persons' effects: its likelihood is then far from a parabola, the
        default interval is too short, and where the estimate is 0 there is none. The profile begins
        at 0 when 0 is not too unlikely, ends at infinity when no value up to 5 is, and intervals of
        slopes allow for all values the standard deviation may have. It takes some four fits a
        coefficient.

        Parameters
        ----------
        alpha, keep, drop, exact_match, joint, seed, reps
            As in :meth:`Fit.confint`.
        method : {"wald", "profile"}
            From standard errors, or by the likelihood ratio.
        data : table or Panel, optional
            The table the fit was made from; by default the one it was made from, as long as that is
            at hand (not after unpickling).
        progress : bool or callable, optional
            As in :func:`kruispunt.progress`.

        Raises
        ------
        InputError
            For a profile of a model without normal frailty or with clusters, joint intervals from
            one, or another table.
        EstimationError
            If the estimates are not at the largest likelihood.

        References
        ----------
        Venzon, D. J. & Moolgavkar, S. H. (1988). A method for computing profile-likelihood-based
        confidence intervals. *Applied Statistics* 37, 87-94.

        Self, S. G. & Liang, K.-Y. (1987). Asymptotic properties of maximum likelihood estimators and
        likelihood ratio tests under nonstandard conditions. *Journal of the American Statistical
        Association* 82, 605-610.
        """
        if method == "wald":
            return super().confint(alpha, keep, drop, exact_match, joint, seed, reps)
        if method != "profile":
            raise InputError(f'`method`: "wald" or "profile", not {method!r}')
        if joint:
            raise InputError("`joint`: profiles are of one coefficient each; take joint=False")
        names = chosen(self._native.names, keep, drop, exact_match)
        if not isinstance(self._model, _core.HazardFit) or self._asked is None:
            raise InputError('`method`: "profile" is for kp.hazard with frailty="normal"')
        request, table = self._asked
        if data is not None:
            table = to_table(data, _hazard_columns(request), "data")
        if table is None:
            raise InputError("`data`: the table is not at hand any more; give the one of the fit")
        with reporting(progress) as callback:
            bounds = self._model.profile(table, request, alpha, callback)
        found = dict(zip(self._native.names, bounds, strict=True))
        return {name: found[name] for name in names}

    def curves(
        self,
        profiles: Mapping[str, Sequence[float]] | Any = None,
        *,
        by: str | None = None,
        alpha: float = 0.05,
    ) -> Any:
        """Give survival and cumulative uptake for persons whose regressors stay as they are.

        With frailty these are means over persons who differ by it.

        Parameters
        ----------
        profiles : table or mapping, optional
            One row a profile, columns named as the regressors; a regressor that is not there
            stands at its mean in the sample. Without profiles, one at all means.
        by : str, optional
            A column of `profiles`, a regressor or not: curves averaged over its rows, for each
            value (adjusted curves by group; not of :func:`cox`).
        alpha : float
            One minus the probability of the intervals (delta method, log-log scale).

        Returns
        -------
        table
            One row a profile and duration (and event): ``hazard``, ``incidence``, ``survival``
            with standard errors and intervals; of :func:`cox`, ``cumulative_hazard`` and
            ``survival`` by stratum.
        """
        table = _core.Table.from_columns([]) if profiles is None else to_table(profiles)
        if isinstance(self._model, _core.HazardFit):
            return to_frame(self._model.curves(table, by, alpha), self._like)
        if by is not None:
            raise InputError("`by`: curves of groups are for kp.hazard; give profiles to kp.cox")
        return to_frame(self._model.curves(table, alpha), self._like)

    def __getstate__(self) -> dict[str, Any]:
        request = None if self._asked is None else self._asked[0]
        return {"model": self._model, "before": self._before, "request": request}

    def __setstate__(self, state: dict[str, Any]) -> None:
        asked = None if state["request"] is None else (state["request"], None)
        Hazard.__init__(self, state["model"], before=state["before"], asked=asked)


def _hazard_columns(request: Mapping[str, Any]) -> list[str]:
    roles = [request[role] for role in ("cluster", "weights", "offset", "person")]
    return _distinct([*_core.formula_columns(request["formula"]), *roles])


def hazard(
    fml: str,
    data: IntoTable,
    *,
    link: Literal["logit", "cloglog", "multinomial"] = "logit",
    vcov: str | Mapping[str, str] | None = None,
    weights: str | None = None,
    offset: str | None = None,
    frailty: Literal["normal", "points"] | None = None,
    points: int | None = None,
    person: str | None = None,
    progress: bool | Callback | None = None,
) -> Hazard:
    r"""Fit the hazard of an event in discrete time, on person-period rows.

    A row is a person in a period in which the event could happen. With :math:`h` its chance given
    that it did not happen before,

    .. math::

        g(h_{it}) = \alpha_{d(it)} + x_{it}'\beta

    where :math:`g` is the logit or the complementary log-log and the baseline :math:`\alpha` has a
    value for each level of what stands after the bar, mostly the elapsed duration. Dummies are
    never made. Delayed entry needs nothing: rows begin when the person is first seen, at the
    duration they then have.

    Parameters
    ----------
    fml : str
        ``"to_work ~ trained + age | duration"``.
    data : table or Panel
        Person-period rows; a column of a panel names itself.
    link : {"logit", "cloglog", "multinomial"}
        ``"cloglog"`` gives proportional hazards in continuous time, ``"multinomial"`` competing
        events: the outcome is 0 for none, else the number of the event.
    vcov : "iid" or {"CRV1": column}, optional
        Errors from the information, or rows of a person, household or municipality together,
        times G/(G - 1).
    weights, offset : str, optional
        Columns: weights above 0 (with frailty one a person); what is added to the linear predictor.
    frailty : {"normal", "points"}, optional
        What persons bring that nobody recorded, the same in all their rows: a normal effect,
        integrated out by quadrature around each person's own mode; or a few types of persons, each
        with its own intercept (Heckman & Singer). Without it, who is left at long durations is
        chosen by what is not recorded: the baseline falls too fast, coefficients are too small.
    points : int, optional
        Points of the quadrature (by default 15, and 30 or 60 where twice as many give another
        likelihood), or types of persons (as many as the AIC asks for).
    person : str, optional
        The column of persons that `frailty` is of.
    progress : bool or callable, optional
        As in :func:`kruispunt.progress`.

    Returns
    -------
    Hazard
        A :class:`Fit` whose ``curves()`` gives survival and cumulative uptake, and ``frailty`` what
        was found about it.

    Raises
    ------
    InputError
        If the formula or a column is wrong, or an outcome is no event.
    EstimationError
        If a regressor predicts the outcome perfectly, the event never happens, or the data do not
        tell frailty from the baseline. Levels of the baseline where the event never or always
        happens are left out and counted.

    Warns
    -----
    DesignWarning
        ``frailty_at_zero``: the likelihood is largest where persons do not differ; errors of
        coefficients are those of a model without, too small if they do differ after all.
        ``frailty_weakly_identified``: the standard deviation of persons' effects is hardly told from the
        baseline, so that intervals from standard errors are too short. In both cases take
        ``fit.confint(method="profile")``.

    References
    ----------
    Prentice, R. L. & Gloeckler, L. A. (1978). Regression analysis of grouped survival data with
    application to breast cancer data. *Biometrics* 34, 57-67.

    Heckman, J. & Singer, B. (1984). A method for minimizing the impact of distributional assumptions
    in econometric models for duration data. *Econometrica* 52, 271-320.

    Rabe-Hesketh, S., Skrondal, A. & Pickles, A. (2005). Maximum likelihood estimation of limited
    and discrete dependent variable models with nested random effects. *Journal of Econometrics*
    128, 301-323.

    Singer, J. D. & Willett, J. B. (1993). It's about time: using discrete-time survival analysis
    to study duration and the timing of events. *Journal of Educational Statistics* 18, 155-195.

    Examples
    --------
    >>> rows = {
    ...     "to_work": [1, 0, 0, 1, 1, 0, 1, 0, 1, 0],
    ...     "duration": [1, 1, 1, 1, 2, 2, 2, 2, 2, 2],
    ...     "trained": [0, 0, 1, 1, 1, 1, 1, 0, 0, 0],
    ... }
    >>> fit = kp.hazard("to_work ~ trained | duration", rows)
    >>> print(f"{fit.coef()['trained']:.4f}")
    0.8109
    >>> fit.curves({"trained": [0, 1]})["survival"].round(3).tolist()
    [0.6, 0.36, 0.4, 0.16]
    """
    request = {
        "formula": fml,
        "link": link,
        "cluster": _cluster(vcov)[0],
        "weights": weights,
        "offset": offset,
        "frailty": frailty,
        "points": points,
        "person": person,
    }
    if (frailty is None) != (person is None):
        message = "`person`: frailty and the column of persons go together; give both or neither"
        raise InputError(message)
    table = to_table(data, _hazard_columns(request), "data")
    with reporting(progress) as callback:
        native = _core.hazard(table, request, callback)
    for code, text in native.cautions:
        warnings.warn(f"{code}: {text}", DesignWarning, stacklevel=2)
    return Hazard(native, same_kind(data), _before(data), (request, table))


def cox(
    fml: str,
    data: IntoTable,
    *,
    event: str,
    entry: str | None = None,
    ties: Literal["efron", "breslow"] = "efron",
    vcov: str | Mapping[str, str] | None = None,
    weights: str | None = None,
    offset: str | None = None,
    progress: bool | Callback | None = None,
) -> Hazard:
    r"""Fit proportional hazards with a baseline of any shape (Cox 1972).

    .. math::

        h(t \mid x) = h_s(t) \exp(x'\beta)

    by the partial likelihood over risk sets, with a baseline for each stratum s (what stands after
    the bar). Regressors that change in time are several rows of a person, each from its `entry` to
    its end.

    Parameters
    ----------
    fml : str
        ``"quarters ~ trained + age | region"``: the time at which the row ends, the regressors,
        the strata.
    data : table
        One row an episode, or several of a person.
    event : str
        Whether the row ends with the event.
    entry : str, optional
        The time from which the row is seen.
    ties : {"efron", "breslow"}
        How events at the same time are counted.
    vcov : "iid", "HC0" or {"CRV1": column}, optional
        Errors from the information, robust, or robust with rows of a person together; without a
        factor for the number of clusters, as in R's survival.
    weights, offset : str, optional
        Columns: weights that count rows; what is added to the linear predictor.
    progress : bool or callable, optional
        As in :func:`kruispunt.progress`.

    Returns
    -------
    Hazard
        A :class:`Fit` whose ``curves()`` gives survival.

    References
    ----------
    Cox, D. R. (1972). Regression models and life-tables. *Journal of the Royal Statistical Society
    B* 34, 187-220.

    Efron, B. (1977). The efficiency of Cox's likelihood function for censored data. *Journal of
    the American Statistical Association* 72, 557-565.

    Examples
    --------
    >>> spells = {
    ...     "quarters": [1, 2, 3, 4, 5, 6],
    ...     "to_work": [1, 1, 1, 0, 1, 0],
    ...     "trained": [1, 0, 1, 1, 0, 0],
    ... }
    >>> fit = kp.cox("quarters ~ trained", spells, event="to_work")
    >>> print(f"{fit.coef()['trained']:.4f}")
    0.8341
    """
    cluster, robust = _cluster(vcov)
    request = {
        "formula": fml,
        "event": event,
        "entry": entry,
        "weights": weights,
        "offset": offset,
        "ties": ties,
        "robust": robust,
        "cluster": cluster,
    }
    names = [*_core.formula_columns(fml), event, entry, cluster, weights, offset]
    table = to_table(data, _distinct(names), "data")
    with reporting(progress) as callback:
        native = _core.cox(table, request, callback)
    return Hazard(native, same_kind(data), _before(data))


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Staged:
    """An effect split by whether it runs through a stage.

    :func:`staged` and :meth:`Multistate.split` make it.

    Attributes
    ----------
    total, via, direct, share : dict of str to float
        ``estimate``, ``std_error``, ``low``, ``high``: what the programme does to the chance to
        reach the goal; the part through the stage; the rest; `via` over `total`.
    occupation : table
        One row a world and period: the shares at neither, at the stage, at the goal; from
        :meth:`Multistate.split` one row a world, period and state.
    assumptions : str
        What the split rests on.
    cautions : dict of str to str
        What a reader must know, by name.
    """

    total: dict[str, float]
    via: dict[str, float]
    direct: dict[str, float]
    share: dict[str, float]
    occupation: Any
    assumptions: str = (
        "given the regressors, who starts the programme and who reaches the stage when is as good "
        "as random, and the programme does not change what confounds stage and goal"
    )
    cautions: dict[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        lines = [f"{'':<8}{'estimate':>10}{'std. error':>12}{'low':>10}{'high':>10}"]
        for name in ("total", "via", "direct", "share"):
            own = getattr(self, name)
            lines.append(
                f"{name:<8}{own['estimate']:>10.4f}{own['std_error']:>12.4f}"
                f"{own['low']:>10.4f}{own['high']:>10.4f}"
            )
        told = [f"caution {name}: {text}" for name, text in self.cautions.items()]
        return "\n".join([*lines, f"if {self.assumptions}", *told])

    def _repr_html_(self) -> str:
        return said(self)


def staged(
    stage: Hazard,
    goal: Hazard,
    *,
    programme: str,
    through: str,
    profiles: IntoTable | None = None,
    draws: int = 400,
    seed: int = 1,
    alpha: float = 0.05,
    progress: bool | Callback | None = None,
) -> Staged:
    r"""Split the effect of a programme by whether it runs through an earlier stage.

    Two hazards in discrete time on the same clock: of the stage (registering with the employment
    service) given the programme, among persons who reached neither stage nor goal; and of the goal
    (a job) given programme and stage. In a period the stage comes first: who reaches it may reach
    the goal in the same period, and nobody leaves it. Where a register shows one state a period, so
    that who registers in a quarter is not at work in it, and persons may leave the stage or the
    country, that order is wrong and so is the share: use :meth:`Multistate.split`. With
    :math:`P(a, b)` the chance to reach the goal by the last period when the hazard of the goal is
    that with programme :math:`a` and that of the stage that with programme :math:`b`,

    .. math::

        P(1,1) - P(0,0) = \underbrace{P(1,1) - P(1,0)}_{via} +
            \underbrace{P(1,0) - P(0,0)}_{direct}

    Parameters
    ----------
    stage, goal : Hazard
        What :func:`hazard` gave for the stage and the goal, with a baseline of durations.
    programme : str
        The regressor of both that says whether the programme began.
    through : str
        The regressor of `goal` that says whether the stage was reached.
    profiles : table, optional
        One row a person, with the other regressors; averages are over these. Without, one person
        at all means.
    draws, seed : int
        Draws of the coefficients of both models, for standard errors and intervals.
    alpha : float
        One minus the probability of the intervals.
    progress : bool or callable, optional
        As in :func:`kruispunt.progress`.

    Returns
    -------
    Staged
        With the assumptions the split rests on.

    References
    ----------
    VanderWeele, T. (2015). *Explanation in Causal Inference*, ch. 4. Oxford University Press.

    Examples
    --------
    >>> random = np.random.default_rng(1)
    >>> rows = {
    ...     "quarter": np.tile(np.arange(1, 9), 300),
    ...     "offered": np.repeat(random.integers(0, 2, 300), 8).astype(float),
    ...     "registered": random.integers(0, 2, 2400).astype(float),
    ...     "registers": random.integers(0, 2, 2400), "works": random.integers(0, 2, 2400),
    ... }
    >>> before = {name: values[rows["registered"] == 0] for name, values in rows.items()}
    >>> stage = kp.hazard("registers ~ offered | quarter", before)
    >>> goal = kp.hazard("works ~ offered + registered | quarter", rows)
    >>> found = kp.staged(stage, goal, programme="offered", through="registered", draws=50)
    >>> round(found.via["estimate"] + found.direct["estimate"] - found.total["estimate"], 12)
    0.0
    """
    models = [own._model for own in (stage, goal)]
    first, second = models
    if not isinstance(first, _core.HazardFit) or not isinstance(second, _core.HazardFit):
        message = "`stage`: the split needs hazards in discrete time, made by kp.hazard"
        raise InputError(message)
    table = _core.Table.from_columns([]) if profiles is None else to_table(profiles)
    with reporting(progress) as callback:
        found = _core.staged(
            first, second, (programme, through), table, (draws, seed), alpha, callback
        )
    return _split(found, goal._like)


def _split(
    found: tuple[list[tuple[float, float, float, float]], _core.Table, list[tuple[str, str]]],
    like: Any,
) -> Staged:
    """Name the parts of a split; warn of what a reader must know."""
    numbers, occupation, cautions = found
    keys = ("estimate", "std_error", "low", "high")
    total, via, direct, share = (dict(zip(keys, own, strict=True)) for own in numbers)
    own = Staged(total, via, direct, share, to_frame(occupation, like), cautions=dict(cautions))
    for code, text in own.cautions.items():
        warnings.warn(f"{code}: {text}", DesignWarning, stacklevel=3)
    return own


def _cluster(vcov: Any) -> tuple[str | None, bool]:
    """Give the column of clusters, and whether errors are robust."""
    if vcov is None or vcov == "iid":
        return None, False
    if vcov in ("HC0", "hetero"):
        return None, True
    if isinstance(vcov, Mapping) and list(vcov) == ["CRV1"] and isinstance(vcov["CRV1"], str):
        return vcov["CRV1"], True
    message = f'`vcov`: {vcov!r} is not "iid", "HC0" or {{"CRV1": "person"}}'
    raise InputError(message)


def _before(data: Any) -> Account | None:
    before = getattr(data, "account", None)
    return before if isinstance(before, Account) else None
