"""Estimates that know about wrong and uncertain links."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, overload

import numpy as np

from kruispunt import _core
from kruispunt._frames import to_frame, to_table
from kruispunt._progress import Callback, reporting
from kruispunt.account import Account
from kruispunt.durations import _before, _distinct
from kruispunt.estimate import Fit, feols
from kruispunt.estimate._models import _kind as same_kind
from kruispunt.evaluate import Effects
from kruispunt.exceptions import DesignWarning, InputError
from kruispunt.linked import Linked
from kruispunt.table import to_numpy

if TYPE_CHECKING:
    from kruispunt._frames import IntoTable
    from kruispunt.linkage import Links

__all__ = [
    "AfterLinkage",
    "MismatchFit",
    "after_linkage",
    "link_rates",
    "mismatch_mixture",
    "over_draws",
    "over_thresholds",
    "pool",
    "posterior_weighted",
]

Rate: TypeAlias = float | tuple[int, int]
"""A probability taken as known, or how many links were right of how many looked at."""


class AfterLinkage(Fit):
    """Coefficients adjusted for wrong links, beside those that are not.

    :func:`after_linkage` makes it. It is a :class:`Fit` without its sample: another covariance
    needs another fit.
    """

    __slots__ = ("_model", "_request", "_table")

    def __init__(
        self,
        model: _core.LinkedFit,
        request: dict[str, Any] | None = None,
        table: _core.Table | None = None,
        like: Any = None,
        before: Account | None = None,
    ) -> None:
        super().__init__(model.fit(), None, like, before)
        self._model = model
        self._request = request
        self._table = table

    @property
    def naive(self) -> Fit:
        """The same regression as if all links were right."""
        return Fit(self._model.naive(), None, self._like, self._before)

    @property
    def cautions(self) -> dict[str, str]:
        """What a reader must know, by name."""
        return dict(self._model.cautions)

    def compare(self) -> dict[str, dict[str, float]]:
        """Lay naive and adjusted estimates side by side.

        Returns
        -------
        dict
            By coefficient: ``naive``, ``naive_se``, ``adjusted``, ``adjusted_se``.
        """
        naive, own = self.naive, self
        return {
            name: {
                "naive": naive.coef()[name],
                "naive_se": naive.se()[name],
                "adjusted": own.coef()[name],
                "adjusted_se": own.se()[name],
            }
            for name in own.coef()
        }

    def sensitivity(
        self,
        rates: Sequence[float],
        *,
        group: str | None = None,
        progress: bool | Callback | None = None,
    ) -> Any:
        """Estimate along rates of correct links.

        Parameters
        ----------
        rates : sequence of float
            Rates above 0 to 1.
        group : str, optional
            The group whose rate moves while the others stay; without it all rows get the rate.
        progress : bool or callable, optional
            As in :func:`kruispunt.progress`.

        Returns
        -------
        table
            ``rate``, ``Coefficient``, ``Estimate``, ``Std. Error``.

        Raises
        ------
        InputError
            If the fit was unpickled, or the group has no rate of its own.
        """
        if self._request is None or self._table is None:
            raise InputError("`sensitivity` needs the data, and this fit was stored without them")
        with reporting(progress) as callback:
            found = _core.linkage_sensitivity(
                self._table, self._request, [float(rate) for rate in rates], group, callback
            )
        return to_frame(found, self._like)

    def __getstate__(self) -> dict[str, Any]:
        return {"model": self._model, "before": self._before}

    def __setstate__(self, state: dict[str, Any]) -> None:
        AfterLinkage.__init__(self, state["model"], before=state["before"])


def after_linkage(
    fml: str,
    data: IntoTable,
    *,
    rate: Rate | str | Mapping[str, Mapping[Any, Rate]],
    wrong_links: str | Sequence[str],
    family: Literal["gaussian", "logit", "poisson"] = "gaussian",
    weighting: Literal["ratio", "lahiri-larsen", "blue"] = "lahiri-larsen",
    vcov: str | Mapping[str, str] | None = None,
    offset: str | None = None,
    progress: bool | Callback | None = None,
) -> AfterLinkage:
    r"""Fit a regression whose outcome came by linkage and is sometimes another person's.

    .. math::

        E[y^*_i | X] = \lambda_i f_i + (1 - \lambda_i) \bar f_{-i}, \qquad
        G'(y^* - E f(X\beta)) = 0

    with the rate of correct links :math:`\lambda`, :math:`f = X\beta` (or its logistic or
    exponential) and the mean of :math:`f` over the others of the pool that wrong links come from.
    Outcome and regressors stand in two registers; the rows are the links. The matrix :math:`E` is
    never made.

    Parameters
    ----------
    fml : str
        ``"wage ~ migrant + age"``. Effects after a bar are absorbed for linear outcomes where wrong
        links leave them effects: each pool in one level of the effect, or effects and pools crossed
        in balance at one rate (a balanced panel linked period by period). This is checked and
        anything else is refused.
    data : table
        The linked rows.
    rate : float, tuple, str or mapping
        How often links are right: a probability; ``(right, looked_at)`` of an audit sample, whose
        uncertainty goes into the standard errors; a column with the probability of each row; or by
        group, ``{"origin": {"BE": (490, 500), "MA": 0.85}}``. See :func:`link_rates`.
    wrong_links : str or list of str
        The pool that wrong links come from: ``"everybody"``, or the columns whose values a right
        and a wrong link share (blocks, the group). There is no default, for it decides whether a
        gap between groups is biased at all.
    family : {"gaussian", "logit", "poisson"}
        The outcome.
    weighting : {"ratio", "lahiri-larsen", "blue"}
        :math:`G = X`, :math:`G = EX`, or best linear unbiased,
        :math:`G = Var(y^*)^{-1} E\,\partial f/\partial\beta` (not with effects).
    vcov : "model", "hetero" or {"CRV1": column}, optional
        What the model of wrong links says (the default; not with effects), or from residuals.
    offset : str, optional
        A column added to the linear predictor.
    progress : bool or callable, optional
        As in :func:`kruispunt.progress`.

    Returns
    -------
    AfterLinkage
        A :class:`Fit` with ``naive``, ``compare()`` and ``sensitivity(rates)``.

    Raises
    ------
    InputError
        If a rate is not above 0 to 1, a group of the sample has no rate, or an effect does not stay
        an effect after wrong links.
    EstimationError
        If the equations have no root that could be found.

    Warns
    -----
    DesignWarning
        If rates of correct links differ (``differential_linkage``).

    References
    ----------
    Chambers, R. (2009). Regression analysis of probability-linked data. *Official Statistics
    Research Series* 4, Statistics New Zealand.

    Lahiri, P. & Larsen, M. D. (2005). Regression analysis with linked data. *JASA* 100, 222-230.

    Kim, G. & Chambers, R. (2012). Regression analysis under incomplete linkage. *Computational
    Statistics & Data Analysis* 56, 2756-2770.

    Examples
    --------
    A fifth of the wages are those of somebody else:

    >>> rng = np.random.default_rng(1)
    >>> age = rng.normal(40, 10, 4000)
    >>> wage = 10 + 0.5 * age + rng.normal(0, 2, 4000)
    >>> wrong = rng.permutation(4000)[:800]
    >>> wage[wrong] = wage[np.roll(wrong, 1)]
    >>> fit = kp.after_linkage(
    ...     "wage ~ age", {"wage": wage, "age": age}, rate=0.8, wrong_links="everybody"
    ... )
    >>> print(f"naive {fit.naive.coef()['age']:.2f}, adjusted {fit.coef()['age']:.2f}")
    naive 0.40, adjusted 0.50
    """
    kind, clusters = _covariance(vcov)
    request = {
        "formula": fml,
        "family": family,
        "rate": _rate(rate),
        "wrong_links": _pool_columns(wrong_links),
        "weighting": weighting,
        "vcov": kind,
        "clusters": clusters,
        "offset": offset,
    }
    table = to_table(data, _distinct(_core.linked_columns(request)), "data")
    with reporting(progress) as callback:
        native = _core.after_linkage(table, request, callback)
    fit = AfterLinkage(native, request, table, same_kind(data), _before(data))
    text = fit.cautions.get("differential_linkage")
    if text is not None:
        warnings.warn(f"differential_linkage: {text}", DesignWarning, stacklevel=3)
    return fit


class MismatchFit(Fit):
    """Coefficients of the rows that are linked right, learned beside which rows look wrong.

    :func:`mismatch_mixture` makes it. It is a :class:`Fit` without its sample.
    """

    __slots__ = ("_model",)

    def __init__(
        self, model: _core.MismatchFit, like: Any = None, before: Account | None = None
    ) -> None:
        super().__init__(model.fit(), None, like, before)
        self._model = model

    @property
    def naive(self) -> Fit:
        """The same regression as if all links were right."""
        return Fit(self._model.naive(), None, self._like, self._before)

    @property
    def cautions(self) -> dict[str, str]:
        """What a reader must know, by name."""
        return dict(self._model.cautions)

    @property
    def mean_mismatch(self) -> float:
        """The estimated share of wrong links."""
        return self._model.mean_mismatch

    @property
    def correct_links(self) -> dict[str, tuple[float, float]]:
        """Coefficient and standard error by predictor of a right link (logit)."""
        return {name: (value, error) for name, value, error in self._model.correct_links}

    def posterior(self) -> Any:
        """Give ``row`` and ``correct``: the probability that the link of a row is right."""
        return to_frame(self._model.posterior(), self._like)

    def __getstate__(self) -> dict[str, Any]:
        return {"model": self._model, "before": self._before}

    def __setstate__(self, state: dict[str, Any]) -> None:
        MismatchFit.__init__(self, state["model"], before=state["before"])


def mismatch_mixture(
    fml: str,
    data: IntoTable,
    *,
    family: Literal["gaussian", "logit", "poisson"] = "gaussian",
    predictors: str | None = None,
    safe: str | None = None,
    max_mismatch: float | None = None,
    cluster: str | None = None,
    progress: bool | Callback | None = None,
) -> MismatchFit:
    r"""Fit a regression on a file already linked, of which only the file is known.

    .. math::

        p(y | x, z) = h(z'\gamma) f(y | x; \beta) + (1 - h(z'\gamma)) f_Y(y)

    A row is right with probability :math:`h`; else its outcome is that of anybody, with the density
    :math:`f_Y` of the file. Fitted by EM; the covariance is the sandwich of the composite scores.

    Parameters
    ----------
    fml : str
        ``"wage ~ migrant + age"``, without effects to absorb.
    data : table
        The linked rows.
    family : {"gaussian", "logit", "poisson"}
        The outcome.
    predictors : str, optional
        What predicts a right link, such as ``"weight + origin"``; a constant rate by default.
    safe : str, optional
        A column that is 1 where the link is surely right.
    max_mismatch : float, optional
        The mean rate of wrong links is at most this; known from an audit elsewhere.
    cluster : str, optional
        Rows that belong together, for the covariance.
    progress : bool or callable, optional
        As in :func:`kruispunt.progress`.

    Returns
    -------
    MismatchFit
        A :class:`Fit` with ``naive``, ``mean_mismatch``, ``correct_links`` and ``posterior()``.

    Raises
    ------
    InputError
        If the formula absorbs effects, the bound is not between 0 and 1, or the family cannot have
        the outcome.
    EstimationError
        If right and wrong links cannot be told apart.

    References
    ----------
    Slawski, M., West, B. T., Bukke, P., Wang, Z., Diao, G. & Ben-David, E. (2025). A general
    framework for regression with mismatched data based on mixture modelling. *JRSS A* 188(3),
    896-919.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> age = rng.normal(40, 10, 4000)
    >>> wage = 10 + 0.5 * age + rng.normal(0, 2, 4000)
    >>> wage[:400] = rng.permutation(wage)[:400]
    >>> fit = kp.mismatch_mixture("wage ~ age", {"wage": wage, "age": age})
    >>> print(f"naive {fit.naive.coef()['age']:.2f}, adjusted {fit.coef()['age']:.2f}")
    naive 0.46, adjusted 0.50
    >>> 0.05 < fit.mean_mismatch < 0.15
    True
    """
    request = {
        "formula": fml,
        "family": family,
        "predictors": predictors,
        "safe": safe,
        "max_mismatch": max_mismatch,
        "cluster": cluster,
    }
    table = to_table(data, _distinct(_core.mixture_columns(request)), "data")
    with reporting(progress) as callback:
        native = _core.mismatch_mixture(table, request, callback)
    return MismatchFit(native, same_kind(data), _before(data))


def link_rates(links: Links, by: str) -> dict[str, dict[str, float]]:
    """Give the expected rate of correct links by group, as :func:`after_linkage` takes it.

    One minus the expected false discovery rate of the links, from the posterior of each link: no
    labels are needed, but it is as good as the model of the linkage, and its own uncertainty is
    not in it. Where links were looked at by hand, give ``(right, looked_at)`` instead.

    Parameters
    ----------
    links : Links
        What was linked by a model.
    by : str
        A column of the left table.

    Returns
    -------
    dict
        ``{by: {label: rate}}``, without groups that have no link.

    Examples
    --------
    >>> reg = kp.synth.registers("test", seed=1)
    >>> own = {"surname": "naam", "first_name": "voornaam", "birth_date": "geboortedatum"}
    >>> permits = {name: reg["permits"][old] for name, old in own.items()}
    >>> permits["sex"] = reg["permits"]["sex"]
    >>> c = kp.linkage
    >>> linker = c.Linker(
    ...     [c.name("surname"), c.name("first_name"), c.date("birth_date")],
    ...     blocking=[["birth_date"], ["surname"], ["first_name"]],
    ... )
    >>> _ = linker.train(permits, reg["identities"], seed=1)
    >>> rates = kp.link_rates(linker.link(permits, reg["identities"]), by="sex")
    >>> all(0 < rate <= 1 for rate in rates["sex"].values())
    True
    """
    report = links.native.report(links._groups(by), None)
    rates = to_numpy(report.column("expected_precision"))
    groups = to_numpy(report.column("group"))
    found = zip(groups, rates, strict=True)
    known = {str(group): float(rate) for group, rate in found if rate is not None and rate > 0}
    return {by: known}


@overload
def pool(estimates: Iterable[Fit]) -> Fit: ...
@overload
def pool(estimates: Iterable[Effects]) -> Effects: ...
def pool(estimates: Iterable[Any]) -> Any:
    r"""Pool estimates on several drawn linkages, or imputations, by Rubin's rules.

    .. math::

        \bar q = \frac1m \sum_d q_d, \qquad T = \bar U + (1 + 1/m) B

    Degrees of freedom are those of Barnard & Rubin (1999), one number a coefficient.

    Parameters
    ----------
    estimates : iterable of Fit or of Effects
        The same model on each draw: two or more.

    Returns
    -------
    Fit or Effects
        Pooled; the account of a fit says which share of each variance lies between draws.

    Raises
    ------
    InputError
        If there are fewer than two, of two kinds, or with other coefficients or cells.

    References
    ----------
    Rubin, D. B. (1987). *Multiple Imputation for Nonresponse in Surveys*. Wiley.

    Barnard, J. & Rubin, D. B. (1999). Small-sample degrees of freedom with multiple imputation.
    *Biometrika* 86, 948-955.

    Examples
    --------
    >>> first = kp.feols("wage ~ age", {"wage": [1.0, 2.1, 2.9, 4.0], "age": [1, 2, 3, 4]})
    >>> second = kp.feols("wage ~ age", {"wage": [2.1, 1.0, 2.9, 4.0], "age": [1, 2, 3, 4]})
    >>> print(f"{kp.pool([first, second]).coef()['age']:.3f}")
    0.870
    """
    listed = list(estimates)
    if all(isinstance(own, Fit) for own in listed):
        like = listed[0]._like if listed else None
        return Fit(_core.pooled_fit([own.native for own in listed]), None, like)
    if all(isinstance(own, Effects) for own in listed):
        return Effects(_core.pooled_effects([own.native for own in listed]), listed[0]._like)
    kinds = sorted({type(own).__name__ for own in listed})
    raise InputError(f"`estimates`: all of them Fit, or all of them Effects, not {kinds}")


def posterior_weighted(
    fml: str,
    links: Links,
    left: IntoTable,
    right: IntoTable,
    columns: str | Sequence[str],
    *,
    linked: Literal["outcome", "covariates"] = "outcome",
) -> Fit:
    r"""Regress with all candidate pairs, weighted by their posterior.

    With :math:`z_{ij}` the posterior that row i of `left` and row j of `right` are one person, a
    linked outcome gives

    .. math::

        \hat\beta = \arg\min \sum_i \sum_j z_{ij} (y_j - x_i'\beta)^2,

    and linked covariates enter as :math:`\sum_j z_{ij} x_j / \sum_j z_{ij}`, with the weight
    :math:`\min(1, \sum_j z_{ij})` of the row. Errors are clustered by row of `left`; the
    posterior is taken as known.

    Parameters
    ----------
    fml : str
        As in :func:`feols`, over columns of both tables.
    links : Links
        Links without assignment above a low threshold:
        ``linker.link(left, right, assignment="none", threshold=0.01)``.
    left, right : data frame, mapping or Table
        The tables that were linked.
    columns : str or sequence of str
        Columns of `right` that the formula uses.
    linked : {"outcome", "covariates"}
        Which side of the formula they stand on.

    Returns
    -------
    Fit

    Raises
    ------
    InputError, LinkageError
        As :meth:`Links.attach` and :func:`feols`.

    Notes
    -----
    Candidates that are somebody else stay in with a small weight, so that slopes are drawn to zero
    where posteriors are far from 0 and 1; :func:`after_linkage` corrects for that.

    References
    ----------
    Enamorado, T., Fifield, B. & Imai, K. (2019). Using a probabilistic model to assist merging of
    large-scale administrative records. *American Political Science Review* 113(2), 353-371.
    """
    if linked not in ("outcome", "covariates"):
        message = f'`linked`: {linked!r} is not "outcome" or "covariates"'
        raise InputError(message)
    names = [columns] if isinstance(columns, str) else list(columns)
    native = links.native.candidates(
        to_table(left, argument="left", lists=True),
        to_table(right, names, "right", lists=True),
        names,
        "candidates",
        linked == "covariates",
    )
    data = Linked(native, left)
    fit: Fit = feols(fml, data, weights="posterior", vcov={"CRV1": "left_row"})
    return fit


def over_draws(
    links: Links,
    function: Callable[[Any], Any],
    *,
    n: int = 20,
    seed: int = 1,
    progress: bool | Callback | None = None,
) -> Any:
    """Run the whole chain on drawn linkages and pool what it gives.

    Each draw is a whole configuration of links from their posterior (:meth:`Links.draws
    <kruispunt.linkage.Links.draws>`), so that wrong and missing links, the panel made from them and
    the estimate on it all vary together. This holds where linkage errors are clustered (one wrong
    person id spoils all quarters of a person), and is as good as the linkage's own posterior.

    Parameters
    ----------
    links : Links
        Fresh links of two tables by a model.
    function : callable
        Called with the pairs of each draw (``left_row``, ``right_row``), gives a :class:`Fit` or
        :class:`Effects`.
    n : int
        How many draws.
    seed : int
        The same seed gives the same draws.
    progress : bool or callable, optional
        As in :func:`kruispunt.progress`. Ctrl-C ends it between draws and within native work.

    Returns
    -------
    Fit or Effects
        As :func:`pool` gives it.

    Raises
    ------
    InputError
        If the links cannot be drawn again, or `n` is below 2.

    Examples
    --------
    See ``examples/notebooks/02_linkage_quality.py``.
    """
    if n < 2:
        raise InputError(f"`n`: pooling needs 2 draws or more, not {n}")
    drawn = to_table(links.draws(n, seed=seed, progress=progress), None, "links")
    which = to_numpy(drawn.column("draw"))
    left, right = to_numpy(drawn.column("left_row")), to_numpy(drawn.column("right_row"))
    ends = np.searchsorted(which, np.arange(n + 1))
    found = []
    with reporting(progress) as callback:
        for draw in range(n):
            if callback is not None:
                callback("draws", draw, n)
            rows = slice(ends[draw], ends[draw + 1])
            pairs = to_table({"left_row": left[rows], "right_row": right[rows]}, None, "links")
            found.append(function(to_frame(pairs, like=links._left)))
    return pool(found)


def over_thresholds(
    links: Links,
    function: Callable[[Any], Fit],
    thresholds: Sequence[float],
    *,
    progress: bool | Callback | None = None,
) -> dict[str, list[Any]]:
    """Estimate on the links above each threshold.

    Parameters
    ----------
    links : Links
        What was linked by a model, at a threshold no higher than the lowest here.
    function : callable
        Called with ``links.pairs`` above the threshold, gives a :class:`Fit`.
    thresholds : sequence of float
        Match probabilities.
    progress : bool or callable, optional
        As in :func:`kruispunt.progress`.

    Returns
    -------
    dict
        Columns ``threshold``, ``links``, ``Coefficient``, ``Estimate``, ``Std. Error``.

    Raises
    ------
    InputError
        If a threshold lies below that of the links: pairs below were not kept.
    """
    if links.threshold is None:
        raise InputError("`links`: a key decided; there is no threshold to move")
    pairs = links.native.pairs()
    chance = to_numpy(pairs.column("probability"))
    columns = {name: to_numpy(pairs.column(name)) for name in pairs.columns}
    names = ("threshold", "links", "Coefficient", "Estimate", "Std. Error")
    found: dict[str, list[Any]] = {name: [] for name in names}
    with reporting(progress) as callback:
        for at, threshold in enumerate(thresholds):
            if not links.threshold <= threshold <= 1:
                raise InputError(
                    f"`thresholds`: {threshold} is not from {links.threshold:.3f} (that of the "
                    "links) to 1; link again with a lower threshold"
                )
            if callback is not None:
                callback("thresholds", at, len(thresholds))
            above = chance >= threshold
            own = {name: values[above] for name, values in columns.items()}
            fit = function(to_frame(to_table(own, None, "links"), like=links._left))
            errors = fit.se()
            for name, value in fit.coef().items():
                row = (float(threshold), int(above.sum()), name, value, errors[name])
                for column, cell in zip(names, row, strict=True):
                    found[column].append(cell)
    return found


def _rate(rate: Any) -> dict[str, Any]:
    """Give the column of rates, and label, rate and size of the audit by group."""
    if isinstance(rate, str):
        return {"column": rate, "rates": []}
    if not isinstance(rate, Mapping):
        return {"column": None, "rates": [("all", *_one_rate(rate))]}
    if len(rate) != 1 or not isinstance(next(iter(rate.values())), Mapping):
        raise InputError(
            "`rate`: rates by group are written {column: {label: rate}}, with one column"
        )
    column, groups = next(iter(rate.items()))
    if not groups:
        raise InputError(f'`rate`: no group of "{column}" has a rate')
    return {
        "column": column,
        "rates": [(str(label), *_one_rate(own)) for label, own in groups.items()],
    }


def _one_rate(rate: Any) -> tuple[float, int | None]:
    if isinstance(rate, tuple):
        whole = [isinstance(own, (int, np.integer)) for own in rate]
        if len(rate) != 2 or not all(whole) or not 0 < rate[0] <= rate[1]:
            raise InputError("`rate`: an audit is (right, looked_at), whole numbers, right above 0")
        return rate[0] / rate[1], int(rate[1])
    if isinstance(rate, bool) or not isinstance(rate, (int, float, np.number)):
        raise InputError(
            "`rate`: a number above 0 to 1, (right, looked_at), a column, or {column: {label: rate}}"
        )
    return float(rate), None


def _pool_columns(wrong_links: Any) -> list[str]:
    if wrong_links == "everybody":
        return []
    columns = [wrong_links] if isinstance(wrong_links, str) else list(wrong_links)
    if not columns or not all(isinstance(own, str) for own in columns):
        raise InputError('`wrong_links`: "everybody", a column or a list of columns')
    return columns


def _covariance(vcov: Any) -> tuple[str, list[str]]:
    if vcov is None:
        return "model", []
    if isinstance(vcov, str):
        return vcov, []
    if isinstance(vcov, Mapping) and list(vcov) == ["CRV1"] and isinstance(vcov["CRV1"], str):
        return "CRV1", [name.strip() for name in vcov["CRV1"].split("+")]
    raise InputError(f'`vcov`: {vcov!r} is not "model", "hetero" or {{"CRV1": "person"}}')
