"""Regressions, as pyfixest names them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from kruispunt import _core
from kruispunt._frames import IntoTable, to_table
from kruispunt._progress import reporting
from kruispunt.account import Account
from kruispunt.estimate._fit import Fit
from kruispunt.estimate._fits import Fits
from kruispunt.estimate._vcov import VcovType, corrections, read_vcov
from kruispunt.exceptions import InputError
from kruispunt.panel import Panel

__all__ = ["clogit", "feglm", "feols", "fepois", "hausman", "panel_ols"]

_MACHINERY = frozenset({
    "context", "copy_data", "demeaner", "demeaner_backend", "reps", "seed", "solver", "store_data",
    "use_compression",
})  # fmt: skip


def feols(  # noqa: PLR0917 - the order of pyfixest
    fml: str,
    data: IntoTable,
    vcov: VcovType = None,
    vcov_kwargs: Mapping[str, Any] | None = None,
    weights: str | None = None,
    ssc: Mapping[str, Any] | None = None,
    *,
    fixef_rm: Literal["singleton", "none"] = "singleton",
    collin_tol: float = 1e-9,
    fixef_tol: float = 1e-10,
    fixef_maxiter: int = 10_000,
    lean: bool = False,
    drop_intercept: bool = False,
    split: str | None = None,
    fsplit: str | None = None,
    panel_id: Sequence[str] | None = None,
    iv: Literal["2sls", "liml", "fuller"] = "2sls",
    weights_type: Literal["aweights", "fweights", "pweights"] = "aweights",
    not_finite: Literal["error", "drop"] = "error",
    **peer: Any,
) -> Any:
    r"""Regress by least squares, with any number of effects swept out.

    .. math:: y_i = x_i'\beta + \sum_f \alpha_{f(i)} + \varepsilon_i

    The effects are removed from :math:`y` and every column of :math:`x`, and the one is regressed
    on the other (Frisch-Waugh-Lovell). The dialect, the names of coefficients and all numbers are
    those of pyfixest: a script written for it runs with the import changed. Where we differ: NaN
    is an error and not a missing value (pandas' NaN in a NumPy column counts as missing); what is
    collinear is judged relative to the regressor's own size, whatever its unit; a several-way
    covariance is made positive semidefinite, as in R's fixest.

    Parameters
    ----------
    fml : str
        ``"outcome ~ terms | effects"``, for example ``"employed ~ trained*age | person +
        sector^quarter"``. Terms: ``+ - : * / **``, ``0`` or ``-1`` (no intercept), ``C(f)``,
        ``i(f, ref=...)``, ``i(f, x, ref=...)``, ``I(...)``, ``log``, ``exp``, ``sqrt``, ``abs``;
        ``l(x)``, ``l(x, 1:3)``, ``f(x)``, ``d(x)`` for the values of other periods (see
        `panel_id`). Names that are no names stand in backquotes. Several outcomes (``y1 + y2 ~
        x``), ``sw(a, b)``, ``sw0``, ``csw``, ``csw0`` and ``mvsw`` stand for several regressions.
        Instruments stand after the last bar: ``"wage ~ age | person | hours ~ distance + rain"`` is
        two-stage least squares; see :meth:`Fit.first_stage` and :meth:`Fit.iv_tests`. Effects may
        have slopes: ``person[age]`` is an effect and a slope of age for each person,
        ``person[[age]]`` the slope alone, ``person[age, hours]`` two slopes.
    data : data frame, Panel or mapping
        See :class:`kruispunt.Table`; only the columns needed are read.
    vcov : str or dict, optional
        ``"iid"`` (the default), ``"hetero"`` or ``"HC1"``, ``"HC2"``, ``"HC3"`` (the leverage
        counts the effects), ``{"CRV1": "person"}``, ``{"CRV1": "person+quarter"}``, ``{"CRV2":
        "person"}`` (bias-reduced, with Satterthwaite's degrees of freedom), ``{"CRV3": "person"}``
        (the jackknife), ``"NW"`` (Newey-West), ``"DK"`` (Driscoll-Kraay) and ``"conley"`` (rows
        within a distance of each other).
    vcov_kwargs : dict, optional
        Of ``"NW"`` and ``"DK"``: ``time_id``, the column of periods; ``panel_id``, that of units;
        ``lag``, the longest distance in periods (the fourth root of their number if not given). Of
        ``"conley"``: ``lat`` and ``lon``, the columns of degrees; ``cutoff``, the longest distance
        (``100`` km, ``"60mi"``); ``distance``, ``"triangular"`` (on a plane, fixest's) or
        ``"spherical"``; ``kernel``, ``"uniform"`` (fixest's) or ``"bartlett"``.
    weights : str, optional
        Column of weights, all above 0.
    weights_type : {"aweights", "fweights", "pweights"}
        Analytic weights; frequencies: whole numbers that say for how many equal rows each
        stands, and all numbers are then those of the table with so many rows; or sampling weights,
        one over the probability to be in the sample: as analytic ones with robust errors (HC1 if
        `vcov` is not given; ``"iid"`` is refused).
    not_finite : {"error", "drop"}
        Whether NaN and infinite numbers (which are not missing; pandas' NaN is) are an error with
        their row, or their rows are left out and counted, as fixest and pyfixest do.
    ssc : dict, optional
        Small-sample corrections, from :func:`ssc`.
    fixef_rm : {"singleton", "none"}
        Whether rows that are alone in a level of an effect are left out, again and again.
    collin_tol : float
        A regressor is dropped when what remains of it beside the effects and the regressors
        before it has less than this share of its sum of squares.
    fixef_tol : float
        Largest group mean left by the sweep, in standard deviations of the column. The error of
        the coefficients is about its square.
    fixef_maxiter : int
        Steps of the solver at most.
    lean : bool
        Whether to forget the sample: the fit is small, but has no residuals, effects or new
        covariances.
    drop_intercept : bool
        Whether to leave the intercept out once categories are coded beside it: unlike ``0 + ...``
        they lack their first level.
    split, fsplit : str, optional
        A column; the regression is run on the rows of each of its levels (`fsplit`: and before
        that on all rows).
    panel_id : (str, str), optional
        The columns of person and period, for ``l()``, ``f()`` and ``d()``; a :class:`Panel` brings
        its own. A lag is the value of the period before, and missing where that has no row.
    iv : {"2sls", "liml", "fuller"}
        How instruments are used: two-stage least squares, limited information maximum likelihood,
        or that with Fuller's correction (alpha of 1), whose mean exists.
    **peer
        Arguments that pyfixest has for its own machinery (``copy_data``, ``store_data``,
        ``solver``, ``demeaner``, ``demeaner_backend``, ``context``, ``use_compression``, ``reps``,
        ``seed``) are accepted and change nothing.

    Returns
    -------
    Fit or Fits
        Coefficients, standard errors and an account of the rows; of several regressions a
        :class:`Fits`.

    Raises
    ------
    InputError
        If the formula cannot be read (with a caret under the place), a column is missing or of
        the wrong type, a value is not finite, or nothing remains to be estimated.
    EstimationError
        If the effects could not be swept out to the tolerance.

    References
    ----------
    Guimaraes, P. & Portugal, P. (2010). A simple feasible procedure to fit models with
    high-dimensional fixed effects. *Stata Journal* 10(4), 628-649.

    Correia, S. (2015). Singletons, cluster-robust standard errors and fixed effects: a bad mix.
    Working paper, Duke University.

    Examples
    --------
    >>> panel = {
    ...     "person": [7, 7, 9, 9, 4, 4],
    ...     "trained": [0, 1, 0, 1, 0, 0],
    ...     "wage": [10.0, 12.0, 20.0, 24.0, 15.0, 15.0],
    ... }
    >>> fit = kp.feols("wage ~ trained | person", panel, vcov={"CRV1": "person"})
    >>> round(fit.coef()["trained"], 6)
    3.0
    """
    return _fit_models(
        data,
        fml=fml,
        vcov=read_vcov(vcov, vcov_kwargs),
        weights=weights,
        ssc=corrections(ssc),
        singletons=_singletons(fixef_rm),
        collin_tol=collin_tol,
        tol=fixef_tol,
        max_iter=fixef_maxiter,
        split=_split(split, fsplit),
        full=split is None,
        lean=lean,
        drop_intercept=drop_intercept,
        panel_id=_panel_id(panel_id, data),
        glm=None,
        iv=iv,
        weights_type=_weights_type(weights_type),
        drop_not_finite=_not_finite(not_finite),
        panel=None,
        peer=peer,
    )


def fepois(
    fml: str,
    data: IntoTable,
    vcov: VcovType = None,
    vcov_kwargs: Mapping[str, Any] | None = None,
    weights: str | None = None,
    *,
    offset: str | None = None,
    ssc: Mapping[str, Any] | None = None,
    fixef_rm: Literal["singleton", "none"] = "singleton",
    iwls_tol: float = 1e-8,
    iwls_maxiter: int = 100,
    collin_tol: float = 1e-9,
    separation_check: Sequence[str] | None = None,
    fixef_tol: float = 1e-10,
    fixef_maxiter: int = 10_000,
    lean: bool = False,
    drop_intercept: bool = False,
    split: str | None = None,
    fsplit: str | None = None,
    panel_id: Sequence[str] | None = None,
    weights_type: Literal["aweights", "fweights", "pweights"] = "aweights",
    not_finite: Literal["error", "drop"] = "error",
    **peer: Any,
) -> Any:
    r"""Regress a count or an amount by Poisson pseudo maximum likelihood.

    .. math:: E(y_i) = \exp\Big(x_i'\beta + o_i + \sum_f \alpha_{f(i)}\Big)

    Nothing but the mean need be Poisson's; zeros are welcome. Observations that are fitted
    perfectly at infinity (*separated*) carry no information and are left out, with a line in the
    account. Estimation ends when neither the deviance nor the linear predictor moves, so that
    coefficients are exact to about ten digits. The normal distribution stands in for t.

    Parameters
    ----------
    fml, data, vcov, vcov_kwargs, weights, ssc, fixef_rm, collin_tol, fixef_tol, fixef_maxiter
        As in :func:`feols`; without instruments.
    offset : str, optional
        A column added to the linear predictor: the log of an exposure, such as days at risk.
    iwls_tol : float
        Largest relative change of the deviance in the last step.
    iwls_maxiter : int
        Weighted regressions at most.
    separation_check : sequence of {"fe", "ir", "simplex"}, optional
        How separated observations are found: levels of an effect whose outcomes are all 0; the
        iterative rectifier, which runs only where the steps of the estimation do not show that it
        would find nothing; a linear programme of the regressors. The first two by default; an
        empty list leaves them in.
    lean, drop_intercept, split, fsplit, panel_id, weights_type, not_finite, **peer
        As in :func:`feols`.

    Returns
    -------
    Fit or Fits
        As of :func:`feols`, with :attr:`Fit.likelihood`.

    Raises
    ------
    InputError
        As in :func:`feols`; or if an outcome is negative.
    EstimationError
        If the likelihood was not maximised.

    References
    ----------
    Correia, S., Guimaraes, P. & Zylkin, T. (2020). Fast Poisson estimation with high-dimensional
    fixed effects. *Stata Journal* 20(1), 95-115.

    Gourieroux, C., Monfort, A. & Trognon, A. (1984). Pseudo maximum likelihood methods:
    applications to Poisson models. *Econometrica* 52(3), 701-720.

    Examples
    --------
    >>> panel = {
    ...     "person": [7, 7, 9, 9, 4, 4],
    ...     "trained": [0, 1, 0, 1, 0, 1],
    ...     "days": [10, 20, 30, 60, 5, 10],
    ... }
    >>> fit = kp.fepois("days ~ trained | person", panel)
    >>> round(np.exp(fit.coef()["trained"]), 6)
    np.float64(2.0)
    """
    return _fit_models(
        data,
        fml=fml,
        vcov=read_vcov(vcov, vcov_kwargs),
        weights=weights,
        ssc=corrections(ssc),
        singletons=_singletons(fixef_rm),
        collin_tol=collin_tol,
        tol=fixef_tol,
        max_iter=fixef_maxiter,
        split=_split(split, fsplit),
        full=split is None,
        lean=lean,
        drop_intercept=drop_intercept,
        panel_id=_panel_id(panel_id, data),
        glm={
            "family": "poisson",
            "separation": list(("fe", "ir") if separation_check is None else separation_check),
            "offset": offset,
            "iwls_tol": iwls_tol,
            "iwls_maxiter": iwls_maxiter,
        },
        iv="2sls",
        weights_type=_weights_type(weights_type),
        drop_not_finite=_not_finite(not_finite),
        panel=None,
        peer=peer,
    )


def feglm(
    fml: str,
    data: IntoTable,
    family: Literal["logit", "probit", "cloglog", "gaussian", "poisson"],
    vcov: VcovType = None,
    vcov_kwargs: Mapping[str, Any] | None = None,
    *,
    weights: str | None = None,
    offset: str | None = None,
    ssc: Mapping[str, Any] | None = None,
    fixef_rm: Literal["singleton", "none"] = "singleton",
    iwls_tol: float = 1e-8,
    iwls_maxiter: int = 100,
    collin_tol: float = 1e-9,
    separation_check: Sequence[str] | None = None,
    fixef_tol: float = 1e-10,
    fixef_maxiter: int = 10_000,
    lean: bool = False,
    drop_intercept: bool = False,
    split: str | None = None,
    fsplit: str | None = None,
    panel_id: Sequence[str] | None = None,
    weights_type: Literal["aweights", "fweights", "pweights"] = "aweights",
    not_finite: Literal["error", "drop"] = "error",
    **peer: Any,
) -> Any:
    r"""Regress yes or no (or a number) by maximum likelihood.

    .. math:: g(E(y_i)) = x_i'\beta + o_i + \sum_f \alpha_{f(i)}

    Levels of an effect whose outcomes are all 0 or all 1 carry no information and are left out.
    With few observations a level (short panels) the coefficients are biased away from 0 (Neyman &
    Scott 1948); nothing is corrected here.

    Parameters
    ----------
    fml, data, vcov, vcov_kwargs, weights, ssc, fixef_rm, collin_tol, fixef_tol, fixef_maxiter
        As in :func:`feols`; without instruments.
    family : {"logit", "probit", "cloglog", "gaussian", "poisson"}
        The link: log odds, normal quantile, complementary log-log (a hazard in grouped time),
        identity, log.
    offset, iwls_tol, iwls_maxiter
        As in :func:`fepois`.
    separation_check : sequence of {"fe", "ir", "simplex"}, optional
        As in :func:`fepois`; the last two are for ``"poisson"`` alone.
    lean, drop_intercept, split, fsplit, panel_id, weights_type, not_finite, **peer
        As in :func:`feols`.

    Returns
    -------
    Fit or Fits
        As of :func:`feols`, with :attr:`Fit.likelihood`.

    Raises
    ------
    InputError
        As in :func:`feols`; or if an outcome is not one of the family's.
    EstimationError
        If the likelihood was not maximised.

    References
    ----------
    Neyman, J. & Scott, E. L. (1948). Consistent estimates based on partially consistent
    observations. *Econometrica* 16(1), 1-32.

    Examples
    --------
    >>> panel = {"trained": [0, 0, 0, 0, 1, 1, 1, 1], "employed": [0, 1, 0, 0, 1, 1, 0, 1]}
    >>> fit = kp.feglm("employed ~ trained", panel, family="logit")
    >>> round(fit.coef()["trained"] / np.log(9), 6)
    np.float64(1.0)
    """
    return _fit_models(
        data,
        fml=fml,
        vcov=read_vcov(vcov, vcov_kwargs),
        weights=weights,
        ssc=corrections(ssc),
        singletons=_singletons(fixef_rm),
        collin_tol=collin_tol,
        tol=fixef_tol,
        max_iter=fixef_maxiter,
        split=_split(split, fsplit),
        full=split is None,
        lean=lean,
        drop_intercept=drop_intercept,
        panel_id=_panel_id(panel_id, data),
        glm={
            "family": family,
            "separation": list(("fe", "ir") if separation_check is None else separation_check),
            "offset": offset,
            "iwls_tol": iwls_tol,
            "iwls_maxiter": iwls_maxiter,
        },
        iv="2sls",
        weights_type=_weights_type(weights_type),
        drop_not_finite=_not_finite(not_finite),
        panel=None,
        peer=peer,
    )


def panel_ols(
    fml: str,
    data: IntoTable,
    vcov: VcovType = None,
    vcov_kwargs: Mapping[str, Any] | None = None,
    *,
    model: Literal["random", "mundlak", "between", "first-differences"] = "random",
    panel_id: Sequence[str] | None = None,
    components: Literal["swamy-arora", "baltagi-chang"] = "swamy-arora",
    ssc: Mapping[str, Any] | None = None,
    collin_tol: float = 1e-9,
    lean: bool = False,
) -> Any:
    r"""Regress a panel with random effects, on persons' means or on differences.

    .. math:: y_{it} = x_{it}'\beta + u_i + \varepsilon_{it}

    With random effects, rows less a share :math:`\theta_i = 1 - \sqrt{\sigma_\varepsilon^2 /
    (T_i \sigma_u^2 + \sigma_\varepsilon^2)}` of their person's mean are independent; the variances
    come from the regressions within persons and of persons' means, as in linearmodels and plm.
    :attr:`Fit.variances` has them. Residuals and fitted values are those of the transformed rows.
    For fixed effects use :func:`feols`.

    Parameters
    ----------
    fml : str
        As in :func:`feols`, without effects and instruments.
    data, vcov, vcov_kwargs, ssc, collin_tol, lean
        As in :func:`feols`.
    model : {"random", "mundlak", "between", "first-differences"}
        ``"mundlak"`` (correlated random effects) puts the persons' means of the regressors that
        vary within persons beside them, as ``mean(x)``; a Wald test of these is a robust test of
        random against fixed effects. ``"between"`` regresses persons' means; ``"first-differences"``
        the change since the period before, without intercept.
    panel_id : (str, str), optional
        The columns of person and period; a :class:`Panel` brings its own.
    components : {"swamy-arora", "baltagi-chang"}
        How the variance of the effects is estimated; the second for panels with very different
        numbers of rows a person.

    Returns
    -------
    Fit
        As of :func:`feols`.

    Raises
    ------
    InputError
        As in :func:`feols`; for effects or instruments in the formula, or too few persons.

    References
    ----------
    Baltagi, B. H. & Chang, Y.-J. (1994). Incomplete panels. *Journal of Econometrics* 62(2), 67-89.

    Mundlak, Y. (1978). On the pooling of time series and cross section data. *Econometrica* 46(1),
    69-85.

    Swamy, P. A. V. B. & Arora, S. S. (1972). The exact finite sample properties of the estimators
    of coefficients in the error components regression models. *Econometrica* 40(2), 261-275.

    Examples
    --------
    >>> panel = {
    ...     "person": [7, 7, 9, 9, 4, 4],
    ...     "year": [1, 2, 1, 2, 1, 2],
    ...     "trained": [0, 1, 0, 1, 0, 0],
    ...     "wage": [10.0, 12.0, 20.0, 24.0, 15.0, 15.0],
    ... }
    >>> fit = kp.panel_ols(
    ...     "wage ~ trained", panel, model="first-differences", panel_id=("person", "year")
    ... )
    >>> round(fit.coef()["trained"], 6)
    3.0
    """
    return _fit_models(
        data,
        fml=fml,
        vcov=read_vcov(vcov, vcov_kwargs),
        weights=None,
        ssc=corrections(ssc),
        singletons=False,
        collin_tol=collin_tol,
        tol=1e-10,
        max_iter=10_000,
        split=None,
        full=True,
        lean=lean,
        panel_id=_panel_id(panel_id, data),
        glm=None,
        iv="2sls",
        weights_type="aweights",
        drop_not_finite=False,
        panel=(model, components),
        peer={},
    )


def clogit(
    fml: str,
    data: IntoTable,
    *,
    collin_tol: float = 1e-9,
) -> Any:
    r"""Regress yes or no within groups, given how many of a group are yes (conditional logit).

    .. math:: P\Big(y_g \Big| \sum y_g\Big) = \frac{\exp(\sum_i y_i x_i'\beta)}
              {\sum_{d: \sum d = \sum y_g} \exp(\sum_i d_i x_i'\beta)}

    The groups' own levels leave the likelihood, and with them the bias that estimating them would
    bring. Groups whose outcomes are all the same are left out, with a line in the account. The
    denominator is computed by recursion: group size times number of yes.

    Parameters
    ----------
    fml : str
        ``"employed ~ trained | person"``, with one effect: the groups.
    data, collin_tol
        As in :func:`feols`.

    Returns
    -------
    Fit
        Without a sample; standard errors are those of the information.

    Raises
    ------
    InputError
        As in :func:`feols`; without exactly one effect, or for an outcome that is not 0 or 1.
    EstimationError
        If the likelihood was not maximised.

    References
    ----------
    Chamberlain, G. (1980). Analysis of covariance with qualitative data. *Review of Economic
    Studies* 47(1), 225-238.

    Examples
    --------
    >>> panel = {
    ...     "person": [1, 1, 2, 2, 3, 3, 4, 4],
    ...     "trained": [0, 1, 0, 1, 0, 1, 0, 1],
    ...     "employed": [0, 1, 0, 1, 0, 1, 1, 0],
    ... }
    >>> fit = kp.clogit("employed ~ trained | person", panel)
    >>> round(np.exp(fit.coef()["trained"]), 6)
    np.float64(3.0)
    """
    return _fit_models(
        data,
        fml=fml,
        vcov=read_vcov(None),
        weights=None,
        ssc=corrections(None),
        singletons=False,
        collin_tol=collin_tol,
        tol=1e-10,
        max_iter=10_000,
        split=None,
        full=True,
        lean=True,
        panel_id=None,
        glm=None,
        iv="2sls",
        weights_type="aweights",
        drop_not_finite=False,
        panel=("clogit", ""),
        peer={},
    )


def hausman(consistent: Fit, efficient: Fit) -> dict[str, Any]:
    r"""Test whether two fits estimate the same coefficients, one of them efficiently.

    .. math:: (a - b)'(V_a - V_b)^{-1}(a - b)

    over the coefficients both have (without the intercept), as plm's ``phtest``.

    Parameters
    ----------
    consistent : Fit
        Consistent under both hypotheses: fixed effects.
    efficient : Fit
        Consistent and efficient under the null hypothesis: random effects.

    Returns
    -------
    dict
        ``statistic`` (chi-squared), ``pvalue``, ``df1``.

    Raises
    ------
    InputError
        If no coefficient is common, or the difference of covariances is not positive definite;
        ``panel_ols(model="mundlak")`` with clustered errors then answers the same question.

    References
    ----------
    Hausman, J. A. (1978). Specification tests in econometrics. *Econometrica* 46(6), 1251-1271.

    Examples
    --------
    >>> panel = {
    ...     "person": [p for p in range(8) for _ in range(3)],
    ...     "year": [1, 2, 3] * 8,
    ...     "hours": [float(row * 7 % 11) for row in range(24)],
    ...     "wage": [float(row * 5 % 13 + row // 3) for row in range(24)],
    ... }
    >>> within = kp.feols("wage ~ hours | person", panel)
    >>> random = kp.panel_ols("wage ~ hours", panel, panel_id=("person", "year"))
    >>> kp.hausman(within, random)["df1"]
    1
    """
    statistic, df1, _, pvalue = consistent.native.hausman(efficient.native)
    return {"statistic": statistic, "pvalue": pvalue, "df1": df1}


def _weights_type(weights_type: str) -> str:
    if weights_type not in ("aweights", "fweights", "pweights"):
        message = f"`weights_type`: {weights_type!r} is not aweights, fweights or pweights"
        raise InputError(message)
    return weights_type


def _not_finite(not_finite: str) -> bool:
    if not_finite not in ("error", "drop"):
        message = f"`not_finite`: {not_finite!r} is not error or drop"
        raise InputError(message)
    return not_finite == "drop"


def _fit_models(data: IntoTable, *, peer: Mapping[str, Any], **request: Any) -> Any:
    """Fit what is asked for; `peer` holds arguments of pyfixest that change nothing here."""
    for name in peer:
        if name not in _MACHINERY:
            message = f"there is no argument `{name}`"
            raise InputError(message)
    request.setdefault("drop_intercept", False)
    table = to_table(data, _core.model_columns(request), "data")
    with reporting(None) as progress:
        panel = data.native if isinstance(data, Panel) else None
        found = _core.fit_models(table, request, progress, panel)
    before = getattr(data, "account", None)
    kept = None if request["lean"] else data
    account = before if isinstance(before, Account) else None
    like = _kind(data)
    fits = [(Fit(native, kept, like, account), level) for native, level in found]
    if len(fits) == 1 and request["split"] is None:
        return fits[0][0]
    return Fits({_name(fit, request["split"], level): fit for fit, level in fits}, like)


def _name(fit: Fit, split: str | None, level: str | None) -> str:
    """Name a fit as pyfixest does."""
    if split is None:
        return fit.formula
    return f"{fit.formula} (Sample: {split} = {'all' if level is None else level})"


def _singletons(fixef_rm: str) -> bool:
    if fixef_rm not in ("singleton", "none"):
        message = f"`fixef_rm`: {fixef_rm!r} is not singleton or none"
        raise InputError(message)
    return fixef_rm == "singleton"


def _split(split: str | None, fsplit: str | None) -> str | None:
    if split is not None and fsplit is not None and split != fsplit:
        message = "`split` and `fsplit` name two columns; give one of them"
        raise InputError(message)
    return fsplit if split is None else split


def _panel_id(panel_id: Sequence[str] | None, data: Any) -> tuple[str, str] | None:
    if panel_id is None:
        return (data.native.person, data.native.period) if isinstance(data, Panel) else None
    if isinstance(panel_id, str) or len(panel_id) != 2:
        message = f"`panel_id`: {panel_id!r} is not the names of two columns, person and period"
        raise InputError(message)
    person, period = panel_id
    return person, period


def _kind(data: Any) -> Any:
    """Give an empty frame of the same kind, so that a fit does not hold on to the rows."""
    if hasattr(data, "__kruispunt_table__"):
        return getattr(data, "_like", None)
    try:
        return data[:0]
    except Exception:  # noqa: BLE001 - whatever cannot be cut gives a kp.Table back
        return {} if isinstance(data, Mapping) else None
