"""Tests and intervals of a fit: methods of :class:`Fit`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kruispunt._frames import IntoTable
from kruispunt._progress import reporting
from kruispunt.estimate._values import Estimates
from kruispunt.exceptions import InputError

if TYPE_CHECKING:
    from kruispunt.estimate._fit import Fit

__all__ = ["iv_tests", "joint_confint", "pairs_bootstrap", "wald_test", "wildboottest"]


def wald_test(
    self: Fit,
    R: ArrayLike | Sequence[str] | Callable[[Estimates], ArrayLike] | None = None,
    q: ArrayLike | None = None,
    distribution: Literal["F", "chi2"] = "F",
) -> dict[str, float]:
    r"""Test restrictions :math:`R\beta = q` or :math:`g(\beta) = q`.

    A function is tested by the delta method, with its derivatives by central differences.

    Parameters
    ----------
    R : array_like, shape (m, k), names of coefficients, or callable, optional
        The restrictions; names are tested to be zero together; all coefficients by default. A
        callable is given the coefficients (by name, or as an array) and gives m numbers.
    q : array_like, shape (m,), optional
        Zeros by default.
    distribution : {"F", "chi2"}
        The F test has the degrees of freedom of the t tests.

    Returns
    -------
    dict
        ``statistic``, ``pvalue``, ``df1`` and, for F, ``df2``.

    Examples
    --------
    Whether two effects are in the proportion of two to one:

    >>> panel = {
    ...     "trained": [0, 1, 0, 1, 0, 1, 0, 1],
    ...     "age": [30, 31, 40, 44, 51, 50, 33, 35],
    ...     "wage": [10.0, 12.0, 20.0, 24.0, 15.0, 15.0, 11.0, 19.0],
    ... }
    >>> fit = kp.feols("wage ~ trained + age", panel)
    >>> test = fit.wald_test(lambda b: b["trained"] / b["age"], q=2.0)
    >>> test["df1"], test["df2"]
    (1, 5.0)
    """
    if distribution not in ("F", "chi2"):
        message = f"`distribution`: {distribution!r} is not F or chi2"
        raise InputError(message)
    if callable(R):
        R, q = _linearised(self, R, q)
    restrictions = self._native.names if R is None else R
    if isinstance(restrictions, str):
        restrictions = [restrictions]
    if q is None and isinstance(restrictions, Sequence) and _are_names(restrictions):
        chi2, f, df1, df2, p_f, p_chi2 = self._native.wald_named(list(restrictions))
    else:
        if isinstance(restrictions, Sequence) and _are_names(restrictions):
            names = self._native.names
            rows = [[float(name == own) for own in names] for name in restrictions]
        else:
            rows = np.atleast_2d(np.asarray(restrictions, dtype=np.float64)).tolist()
        right = np.zeros(len(rows)) if q is None else np.atleast_1d(np.asarray(q, np.float64))
        chi2, f, df1, df2, p_f, p_chi2 = self._native.wald_of(rows, right.tolist())
    if distribution == "F":
        return {"statistic": f, "pvalue": p_f, "df1": df1, "df2": df2}
    return {"statistic": chi2, "pvalue": p_chi2, "df1": df1}


def _linearised(
    self: Fit, of: Callable[[Estimates], ArrayLike], q: ArrayLike | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give derivatives of a function at the coefficients, and the right-hand side they need."""
    b = self._native.coef()

    def value(at: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.atleast_1d(np.asarray(of(self._named(at)), dtype=np.float64))

    here = value(b)
    scale = np.maximum(np.abs(b), self._native.se())
    slopes = np.empty((len(here), len(b)))
    for j in range(len(b)):
        step = np.zeros(len(b))
        step[j] = 6e-6 * (scale[j] if scale[j] > 0 else 1.0)
        slopes[:, j] = (value(b + step) - value(b - step)) / (2 * step[j])
    if not (np.isfinite(here).all() and np.isfinite(slopes).all()):
        message = "`R`: the function or its derivative is not finite at the coefficients"
        raise InputError(message)
    right = np.zeros(len(here)) if q is None else np.atleast_1d(np.asarray(q, np.float64))
    if right.shape != here.shape:
        message = f"`q`: {right.size} numbers for {here.size} restrictions"
        raise InputError(message)
    return slopes, slopes @ b - here + right


def wildboottest(  # noqa: PLR0917 - the order of pyfixest
    self: Fit,
    reps: int = 9999,
    cluster: str | None = None,
    param: str | None = None,
    weights_type: Literal["rademacher", "mammen", "webb", "normal"] = "rademacher",
    impose_null: bool = True,  # noqa: FBT001, FBT002
    bootstrap_type: Literal["11", "13", "31", "33"] = "11",
    seed: int | None = None,
    *,
    R: ArrayLike | None = None,
    q: float = 0.0,
    alpha: float = 0.05,
    return_bootstrapped_t_stats: bool = False,
    data: IntoTable | None = None,
    progress: Any = None,
    **peer: Any,
) -> Any:
    r"""Test one restriction by the wild cluster bootstrap.

    A draw multiplies the residuals of every cluster by one random number and computes
    :math:`t` anew; the p value is the share of draws with a larger :math:`|t|`. Effects stay
    swept out, also those that cross clusters; a draw costs clusters times coefficients, never
    rows. With few clusters and signs as weights all sign patterns are enumerated when there
    are no more of them than draws. pyfixest turns effects into dummies; the p value is the
    same, up to the draws.

    Parameters
    ----------
    reps : int
        Draws.
    cluster : str, optional
        The cluster variable, that of the fit by default.
    param : str, optional
        The coefficient to test; or give `R`.
    weights_type : {"rademacher", "mammen", "webb", "normal"}
        The random numbers.
    impose_null : bool
        Whether draws are made as if the null hypothesis held (WCR) or at the estimate (WCU).
    bootstrap_type : {"11", "13", "31", "33"}
        First digit: residuals of the fit (1) or of the fit without the cluster (3). Second:
        studentised by CRV1 or CRV3. A 3 is refused where an effect crosses clusters.
    seed : int, optional
        The same seed gives the same draws; 0 by default.
    R : array_like, shape (k,), optional
        A restriction :math:`R\beta = q` in place of `param`.
    q : float
        The value under the null hypothesis.
    alpha : float
        One minus the probability of the confidence set, found by inverting the test.
    return_bootstrapped_t_stats : bool
        Whether to give the t statistics of the draws too.
    data : data frame, optional
        As in :meth:`vcov`.
    progress : callable, optional
        Called with stage, done and total.
    **peer
        ``k_adj``, ``G_adj``, ``parallel`` of pyfixest are accepted and change nothing: the
        corrections are those of the fit, and the p value does not depend on them.

    Returns
    -------
    dict, or dict and array
        ``param``, ``t value``, ``Pr(>|t|)``, ``bootstrap_type``, ``inference``,
        ``impose_null``, ``ssc`` as in pyfixest; ``estimate``, ``se``, ``confint``,
        ``clusters``, ``enumerated``.

    Raises
    ------
    InputError
        For an unknown coefficient or cluster variable, fewer than two clusters, instruments or
        models that are not linear.

    References
    ----------
    Roodman, D., Nielsen, M. O., MacKinnon, J. G. & Webb, M. D. (2019). Fast and wild: bootstrap
    inference in Stata using boottest. *Stata Journal* 19(1), 4-60.

    MacKinnon, J. G., Nielsen, M. O. & Webb, M. D. (2023). Fast and reliable jackknife and
    bootstrap methods for cluster-robust inference. *Journal of Applied Econometrics* 38,
    671-694.

    Examples
    --------
    >>> panel = {
    ...     "region": [row // 6 for row in range(60)],
    ...     "hours": [float(row * 7 % 11) for row in range(60)],
    ...     "wage": [float(row * 5 % 13) for row in range(60)],
    ... }
    >>> fit = kp.feols("wage ~ hours | region", panel, vcov={"CRV1": "region"})
    >>> test = fit.wildboottest(1023, param="hours")
    >>> test["enumerated"], test["clusters"]
    (False, 10)
    """
    for name in peer:
        if name not in ("k_adj", "G_adj", "parallel", "adj", "cluster_adj"):
            message = f"`wildboottest`: there is no argument {name!r}"
            raise InputError(message)
    cluster = self._cluster(cluster)
    if (param is None) == (R is None):
        message = "`param`: name one coefficient, or give `R`"
        raise InputError(message)
    _check_reps(reps)
    row = [] if R is None else np.asarray(R, dtype=np.float64).ravel().tolist()
    request = {
        "param": param, "r": row, "q": float(q), "reps": int(reps), "cluster": cluster,
        "weights_type": weights_type, "impose_null": bool(impose_null),
        "bootstrap_type": bootstrap_type, "seed": 0 if seed is None else int(seed),
        "alpha": float(alpha),
    }  # fmt: skip
    table = self._with(cluster, data)
    with reporting(progress) as report:
        found = self._native.wild(request, table, report)
    estimate, se, t, pvalue, confint, clusters, correction, enumerated, draws = found
    test = {
        "param": param, "t value": t, "Pr(>|t|)": pvalue, "bootstrap_type": bootstrap_type,
        "inference": f"CRV({cluster})", "impose_null": bool(impose_null), "ssc": correction,
        "estimate": estimate, "se": se, "confint": confint, "clusters": clusters,
        "enumerated": enumerated,
    }  # fmt: skip
    return (test, draws) if return_bootstrapped_t_stats else test


def pairs_bootstrap(
    self: Fit,
    reps: int = 9999,
    cluster: str | None = None,
    seed: int | None = None,
    *,
    alpha: float = 0.05,
    data: IntoTable | None = None,
    progress: Any = None,
) -> dict[str, Any]:
    """Draw clusters with replacement, and estimate again from their sums.

    Effects must lie within clusters; each drawn cluster brings effects of its own. A draw costs
    clusters, never rows.

    Parameters
    ----------
    reps : int
        Draws.
    cluster : str, optional
        The cluster variable, that of the fit by default.
    seed : int, optional
        The same seed gives the same draws; 0 by default.
    alpha : float
        One minus the probability of the percentile intervals.
    data : data frame, optional
        As in :meth:`vcov`.
    progress : callable, optional
        Called with stage, done and total.

    Returns
    -------
    dict
        ``se`` and ``confint`` by coefficient, ``draws`` of shape ``(reps, k)``, and ``lost``,
        how many draws do not determine all coefficients and are left out.

    Raises
    ------
    InputError
        For an unknown cluster variable, effects that cross clusters, instruments or models that
        are not linear.

    References
    ----------
    Cameron, A. C., Gelbach, J. B. & Miller, D. L. (2008). Bootstrap-based improvements for
    inference with clustered errors. *Review of Economics and Statistics* 90(3), 414-427.

    Examples
    --------
    >>> panel = {
    ...     "region": [row // 6 for row in range(60)],
    ...     "hours": [float(row * 7 % 11) for row in range(60)],
    ...     "wage": [float(row * 5 % 13) for row in range(60)],
    ... }
    >>> fit = kp.feols("wage ~ hours | region", panel, vcov={"CRV1": "region"})
    >>> fit.pairs_bootstrap(99)["draws"].shape
    (99, 1)
    """
    cluster = self._cluster(cluster)
    _check_reps(reps)
    table = self._with(cluster, data)
    draws = (int(reps), 0 if seed is None else int(seed))
    with reporting(progress) as report:
        found = self._native.pairs(cluster, table, draws, float(alpha), report)
    se, confint, flat, lost = found
    names = self._native.names
    return {
        "se": self._named(se),
        "confint": dict(zip(names, confint, strict=True)),
        "draws": flat.reshape(-1, len(names)),
        "lost": lost,
    }


def joint_confint(
    self: Fit,
    alpha: float = 0.05,
    names: Sequence[str] | None = None,
    reps: int = 99_999,
    seed: int | None = None,
) -> dict[str, tuple[float, float]]:
    """Give confidence intervals that hold together (sup-t bands).

    Parameters
    ----------
    alpha : float
        One minus the probability that all intervals hold.
    names : sequence of str, optional
        The coefficients, all by default.
    reps : int
        Draws of a normal distribution with the correlations of the estimates.
    seed : int, optional
        The same seed gives the same draws; 0 by default.

    Returns
    -------
    dict
        Lower and upper bound by coefficient.

    References
    ----------
    Montiel Olea, J. L. & Plagborg-Moller, M. (2019). Simultaneous confidence bands: theory,
    implementation, and an application to SVARs. *Journal of Applied Econometrics* 34(1), 1-17.

    Examples
    --------
    >>> panel = {
    ...     "hours": [float(row * 7 % 11) for row in range(60)],
    ...     "wage": [float(row * 5 % 13) for row in range(60)],
    ... }
    >>> fit = kp.feols("wage ~ hours", panel)
    >>> low, high = fit.joint_confint()["hours"]
    >>> low < fit.confint()["hours"][0] and high > fit.confint()["hours"][1]
    True
    """
    _check_reps(reps)
    chosen = self._native.names if names is None else list(names)
    reach = self._native.joint(chosen, float(alpha), int(reps), int(seed or 0))
    b, se = self.coef(), self.se()
    return {name: (b[name] - reach * se[name], b[name] + reach * se[name]) for name in chosen}


def iv_tests(self: Fit) -> dict[str, dict[str, Any]]:
    """Test the instruments.

    Returns
    -------
    dict
        ``"f of x"`` for each endogenous x: that the instruments have no effect on it, with
        errors of one variance; ``"robust f of x"``: the same with the covariance of this fit
        (with one endogenous variable the F form of Kleibergen and Paap); ``"effective f of
        x"`` of Montiel Olea and Pflueger; ``"wu-hausman"``: that x is exogenous; and, with
        more instruments than needed, that they are valid: ``"sargan"``, ``"wooldridge"``
        whatever the variance of the errors, and ``"hansen"``, two-step GMM with the variance of
        the fit (heteroskedastic or clustered). ``"kleibergen-paap lm"``: that the equation is
        not identified. Each a dictionary of ``statistic``, ``pvalue``, ``df1`` and, for F,
        ``df2``. ``"cragg-donald f"`` and ``"kleibergen-paap f"`` say how weak the instruments
        are together; the first has ``critical``, from Stock and Yogo: by what is bounded
        (``"10% size"``, ``"5% bias"``) the value above which more is ruled out.

    Raises
    ------
    InputError
        If the fit has no instruments.

    References
    ----------
    Kleibergen, F. & Paap, R. (2006). Generalized reduced rank tests using the singular value
    decomposition. *Journal of Econometrics* 133(1), 97-126.

    Montiel Olea, J. L. & Pflueger, C. (2013). A robust test for weak instruments. *Journal of
    Business & Economic Statistics* 31(3), 358-369.

    Stock, J. H. & Yogo, M. (2005). Testing for weak instruments in linear IV regression. In
    *Identification and Inference for Econometric Models*, 80-108.

    Wooldridge, J. M. (1995). Score diagnostics for linear models estimated by two stage least
    squares. In *Advances in Econometrics and Quantitative Economics*, 66-87.
    """
    first, others, (cragg_donald, kleibergen_paap, critical) = self._native.iv_tests()
    tests: dict[str, dict[str, Any]] = {}
    for name, plain, robust, effective in first:
        tests[f"f of {name}"] = _test(plain)
        tests[f"robust f of {name}"] = _test(robust)
        tests[f"effective f of {name}"] = {"statistic": effective}
    names = ("wu-hausman", "kleibergen-paap lm", "sargan", "wooldridge", "hansen")
    for name, found in zip(names, others, strict=True):
        if found is not None:
            tests[name] = _test(found)
    values = {
        f"{100 * bound:.0f}% {'size' if of_size else 'bias'}": value
        for of_size, bound, value in critical
    }
    tests["cragg-donald f"] = {"statistic": cragg_donald, "critical": values}
    tests["kleibergen-paap f"] = {"statistic": kleibergen_paap}
    return tests


def _check_reps(reps: int) -> None:
    if reps < 1 or int(reps) != reps:
        message = f"`reps`: expected a whole number above 0, got {reps!r}"
        raise InputError(message)


def _test(found: tuple[float, int, float | None, float]) -> dict[str, Any]:
    statistic, df1, df2, pvalue = found
    more = {} if df2 is None else {"df2": df2}
    return {"statistic": statistic, "pvalue": pvalue, "df1": df1, **more}


def _are_names(values: Sequence[Any]) -> bool:
    return all(isinstance(value, str) for value in values)
