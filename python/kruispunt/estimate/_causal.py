"""Randomisation, causal clusters and decompositions of a fit: methods of :class:`Fit`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from kruispunt._frames import IntoTable, to_table
from kruispunt._progress import reporting
from kruispunt.estimate._inference import _check_reps
from kruispunt.estimate._values import Decomposition
from kruispunt.estimate._vcov import read_vcov
from kruispunt.exceptions import InputError

if TYPE_CHECKING:
    from kruispunt.estimate._fit import Fit

__all__ = ["ccv", "decompose", "ritest"]


def ritest(  # noqa: PLR0917 - the order of pyfixest
    self: Fit,
    resampvar: str,
    cluster: str | None = None,
    reps: int = 999,
    type: Literal["randomization-c", "randomization-t"] = "randomization-c",  # noqa: A002
    rng: np.random.Generator | None = None,
    choose_algorithm: str = "auto",
    store_ritest_statistics: bool = False,  # noqa: FBT001, FBT002
    level: float = 0.95,
    *,
    strata: str | None = None,
    seed: int | None = None,
    data: IntoTable | None = None,
    return_draws: bool = False,
    progress: Any = None,
) -> Any:
    """Test a coefficient by randomisation inference: the treatment is permuted.

    Parameters
    ----------
    resampvar : str
        The treatment, a column and a coefficient of the fit (``"trained"`` or ``"trained=0"``).
    cluster : str, optional
        A variable within whose classes the treatment does not vary; whole classes swap theirs.
    reps : int
        Permutations. Each sweeps the effects out of a new treatment.
    type : {"randomization-c", "randomization-t"}
        Compare coefficients, or coefficients over their robust standard errors (by cluster, if
        there is one): Wu and Ding's, which in large samples is right also where training
        changes something for some and nothing on average.
    rng : numpy.random.Generator, optional
        Gives the seed, in place of `seed`.
    choose_algorithm, store_ritest_statistics
        Accepted as pyfixest's: there is one algorithm, and statistics are given, not stored.
    level : float
        Coverage of the interval of the p value, which comes from its being a share of draws.
    strata : str, optional
        Treatments are swapped within its classes only.
    seed : int, optional
        The same seed gives the same draws; 0 by default.
    data : data frame, optional
        As in :meth:`vcov`.
    return_draws : bool
        Whether to give the statistics of the draws too.
    progress : callable, optional
        Called with stage, done and total.

    Returns
    -------
    dict, or dict and array
        As in pyfixest: ``H0``, ``ri-type``, ``Estimate``, ``Pr(>|t|)``, the share of draws (and
        of the treatment as it was) whose statistic is at least as far from 0, with its
        ``Std. Error (Pr(>|t|))`` and the bounds of its interval; ``Cluster`` if there is one.

    Raises
    ------
    InputError
        For an unknown coefficient, a treatment that varies within clusters, clusters that cross
        strata, instruments or models that are not linear.

    References
    ----------
    Hess, S. (2017). Randomization inference with Stata. *Stata Journal* 17(3), 630-651.

    Wu, J. & Ding, P. (2021). Randomization tests for weak null hypotheses in randomized
    experiments. *Journal of the American Statistical Association* 116(536), 1898-1913.

    Examples
    --------
    >>> panel = {
    ...     "trained": [row % 3 == 0 for row in range(60)],
    ...     "wage": [float(row * 5 % 13) for row in range(60)],
    ... }
    >>> panel["trained"] = [float(value) for value in panel["trained"]]
    >>> fit = kp.feols("wage ~ trained", panel)
    >>> test = fit.ritest("trained", reps=99)
    >>> test["H0"], 0 < test["Pr(>|t|)"] <= 1
    ('trained=0', True)
    """
    _check_reps(reps)
    if type not in ("randomization-c", "randomization-t"):
        message = f"`type`: {type!r} is not randomization-c or randomization-t"
        raise InputError(message)
    if choose_algorithm not in ("auto", "fast", "slow"):
        message = f"`choose_algorithm`: {choose_algorithm!r} is not auto, fast or slow"
        raise InputError(message)
    if not 0 < level < 1:
        message = f"`level`: {level!r} does not lie between 0 and 1"
        raise InputError(message)
    treatment, _, value = (part.strip() for part in resampvar.partition("="))
    if value and (not _is_number(value) or float(value) != 0):
        message = "`resampvar`: the hypothesis is that the treatment changes nothing (x=0)"
        raise InputError(message)
    source = self._data if data is None else data
    if source is None:
        message = "`data`: give the table the fit was made from; it is not at hand any more"
        raise InputError(message)
    known = {*self.effects, *self.clusters}
    groups = [name for name in (cluster, strata) if name is not None and name not in known]
    table = to_table(source, [treatment, *groups], "data")
    drawn = int(rng.integers(2**63)) if rng is not None else int(seed or 0)
    with reporting(progress) as report:
        estimate, pvalue, draws = self._native.randomise(
            treatment, table, (cluster, strata), type == "randomization-t",
            (int(reps), drawn), report,
        )  # fmt: skip
    error = float(np.sqrt(pvalue * (1 - pvalue) / reps))
    reach = NormalDist().inv_cdf((1 + level) / 2) * error
    tail = 100 * (1 - level) / 2
    test = {
        "H0": f"{treatment}=0", "ri-type": type, "Estimate": estimate, "Pr(>|t|)": pvalue,
        "Std. Error (Pr(>|t|))": error,
        f"{tail:.1f}% (Pr(>|t|))": max(0.0, pvalue - reach),
        f"{100 - tail:.1f}% (Pr(>|t|))": min(1.0, pvalue + reach),
    }  # fmt: skip
    if cluster is not None:
        test["Cluster"] = cluster
    return (test, draws) if return_draws or store_ritest_statistics else test


def ccv(  # noqa: PLR0917 - the order of pyfixest
    self: Fit,
    treatment: str,
    cluster: str | None = None,
    seed: int | None = None,
    n_splits: int = 8,
    pk: float = 1,
    qk: float = 1,
    *,
    data: IntoTable | None = None,
    progress: Any = None,
) -> dict[str, dict[str, float]]:
    """Give the causal cluster variance of a treatment of 0 and 1, beside CRV1.

    Clustering matters as far as the treatment is assigned by cluster, and clusters are drawn
    from more of them; where it is assigned within clusters, CRV1 is too large.

    Parameters
    ----------
    treatment : str
        A coefficient of the fit, which has no effects, weights or instruments.
    cluster : str, optional
        The cluster variable, that of the fit by default.
    seed : int, optional
        The same seed gives the same halves; 0 by default.
    n_splits : int
        Random halves that are averaged over.
    pk, qk : float
        Shares of the population's clusters, and of a cluster's units, that are in the sample.
        The term for clusters that were not drawn is that of pyfixest and Stata's ``ccv``.
    data : data frame, optional
        As in :meth:`vcov`.
    progress : callable, optional
        Called with stage, done and total.

    Returns
    -------
    dict
        ``"CCV"`` and ``"CRV1"``, each with ``Estimate``, ``Std. Error`` and ``t value``.

    Raises
    ------
    InputError
        For effects, weights, other models than least squares, or a treatment that is not 0 and 1.

    References
    ----------
    Abadie, A., Athey, S., Imbens, G. W. & Wooldridge, J. M. (2023). When should you adjust
    standard errors for clustering? *Quarterly Journal of Economics* 138(1), 1-35.

    Examples
    --------
    >>> panel = {
    ...     "region": [row // 20 for row in range(200)],
    ...     "trained": [float(row * 7 % 3 == 0) for row in range(200)],
    ...     "wage": [float(row * 5 % 13 + row // 20) for row in range(200)],
    ... }
    >>> fit = kp.feols("wage ~ trained", panel, vcov={"CRV1": "region"})
    >>> found = fit.ccv("trained", seed=1)
    >>> sorted(found)
    ['CCV', 'CRV1']
    """
    cluster = self._cluster(cluster)
    table = self._with(cluster, data)
    drawing = (int(n_splits), float(pk), float(qk))
    with reporting(progress) as report:
        estimate, se, crv1, _ = self._native.causal_cluster(
            treatment, cluster, table, drawing, int(seed or 0), report
        )
    return {
        name: {"Estimate": estimate, "Std. Error": own, "t value": estimate / own}
        for name, own in (("CCV", se), ("CRV1", crv1))
    }


def decompose(
    self: Fit,
    param: str | None = None,
    x1_vars: Sequence[str] | str | None = None,
    decomp_var: str | None = None,
    *,
    cluster: str | None = None,
    combine_covariates: Mapping[str, Sequence[str]] | None = None,
    data: IntoTable | None = None,
    **peer: Any,
) -> Decomposition:
    r"""Decompose what regressors and effects change in a coefficient (Gelbach).

    .. math:: b_{short} - b = \sum_k \gamma_k b_k

    with :math:`\gamma_k` the coefficient of the variable in a regression of regressor k on the
    short regression's regressors. Effects are not in the short regression; what they explain
    together is one part. Standard errors come from the influence of each row, summed by the
    cluster of the fit if it has one.

    Parameters
    ----------
    param, decomp_var : str
        The variable (one of the two names pyfixest has for it).
    x1_vars : sequence of str, optional
        Regressors of the short regression beside it (or ``"a + b"``).
    cluster : str, optional
        Sum the influence by this variable, whatever the fit is clustered by.
    combine_covariates : dict, optional
        Regressors to add up, by a name for them; the rest is ``"other"``.
    data : data frame, optional
        As in :meth:`vcov`.
    **peer
        ``type``, ``reps``, ``seed``, ``nthreads``, ``agg_first``, ``only_coef`` and ``digits``
        of pyfixest, which draws a bootstrap, are accepted and change nothing.

    Returns
    -------
    Decomposition
        Contributions with standard errors.

    Raises
    ------
    InputError
        For an unknown regressor, one in two groups, or other models than least squares.

    References
    ----------
    Gelbach, J. B. (2016). When do covariates matter? And which ones, and how much? *Journal of
    Labor Economics* 34(2), 509-543.

    Examples
    --------
    >>> panel = {
    ...     "trained": [0, 0, 0, 1, 1, 1],
    ...     "age": [20.0, 30.0, 40.0, 30.0, 40.0, 51.0],
    ...     "wage": [10.0, 13.0, 15.0, 15.0, 18.0, 20.0],
    ... }
    >>> fit = kp.feols("wage ~ trained + age", panel)
    >>> found = fit.decompose(decomp_var="trained")
    >>> round(found["direct_effect"], 6), round(found["age"] + found["full_effect"], 6)
    (5.0, 5.0)
    """
    known = {"type", "reps", "seed", "nthreads", "agg_first", "only_coef", "digits"}
    for name in peer:
        if name not in known:
            message = f"`decompose`: there is no argument {name!r}"
            raise InputError(message)
    if (param is None) == (decomp_var is None):
        message = "`decomp_var`: name one variable"
        raise InputError(message)
    variable = decomp_var if param is None else param
    if isinstance(x1_vars, str):
        x1_vars = [name.strip() for name in x1_vars.split("+")]
    source = self._data if data is None else data
    if source is None:
        message = "`data`: give the table the fit was made from; it is not at hand any more"
        raise InputError(message)
    groups = [(name, list(own)) for name, own in (combine_covariates or {}).items()]
    table = to_table(source, self._native.predict_columns(), "data")
    native = self._native
    if cluster is not None:
        native = native.with_vcov(read_vcov({"CRV1": cluster}), self._with(cluster, source))
    parts = native.decompose(str(variable), list(x1_vars or []), groups, table)
    return Decomposition(str(variable), parts, self._like)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
