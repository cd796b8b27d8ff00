"""What one regression found."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kruispunt import _core
from kruispunt._frames import IntoTable, to_frame, to_table
from kruispunt._progress import reporting
from kruispunt.account import Account
from kruispunt.estimate import _shows
from kruispunt.estimate._chosen import chosen
from kruispunt.estimate._vcov import VcovType, read_vcov
from kruispunt.exceptions import InputError
from kruispunt.table import Table

if TYPE_CHECKING:
    from typing import Self

__all__ = ["Decomposition", "Estimates", "Fit"]


class Estimates(Mapping[str, float]):
    """Numbers by name, in order.

    A mapping (``estimates["trained"]``, ``.items()``, ``.values()``) that NumPy reads as an array
    and a data frame library as a column.

    Parameters
    ----------
    names : sequence of str
        The names, each once.
    values : array_like, shape (k,)
        The numbers.

    Examples
    --------
    >>> estimates = kp.Estimates(["trained", "age"], [2.5, -0.125])
    >>> estimates
    trained   2.5
    age      -0.125
    >>> estimates["age"], np.asarray(estimates).sum()
    (-0.125, np.float64(2.375))
    """

    __slots__ = ("_names", "_values")

    def __init__(self, names: Sequence[str], values: ArrayLike) -> None:
        self._names = {name: at for at, name in enumerate(names)}
        self._values = np.asarray(values, dtype=np.float64)

    @property
    def index(self) -> list[str]:
        """The names, in order."""
        return list(self._names)

    def to_numpy(self) -> NDArray[np.float64]:
        """Give the numbers as a new array, shape ``(k,)``."""
        return self._values.copy()

    def to_dict(self) -> dict[str, float]:
        """Give a plain dictionary."""
        return dict(self)

    def __getitem__(self, name: str) -> float:
        return float(self._values[self._names[name]])

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:  # noqa: FBT001
        if copy is False and dtype not in (None, np.float64):
            message = "another type needs a copy"
            raise ValueError(message)
        return np.array(self._values, dtype=dtype)

    def __float__(self) -> float:
        if len(self) != 1:
            message = f"{len(self)} estimates are not one number; choose one by name"
            raise TypeError(message)
        return float(self._values[0])

    def __repr__(self) -> str:
        width = max((len(name) for name in self._names), default=0)
        return "\n".join(f"{name:<{width}}  {value: .6g}" for name, value in self.items())


class Decomposition(Mapping[str, float]):
    """What changes a coefficient between a short regression and a full one.

    :meth:`Fit.decompose` makes it. A mapping of ``direct_effect`` (the coefficient of the short
    regression), ``full_effect``, ``explained_effect`` (their difference) and its parts by name.

    Parameters
    ----------
    variable : str
        The variable whose coefficient it is.
    parts : sequence of (str, float, float)
        Name, estimate and standard error.
    like : optional
        An empty frame of the kind that tables come back as.
    """

    __slots__ = ("__weakref__", "_like", "_parts", "variable")

    def __init__(
        self, variable: str, parts: Sequence[tuple[str, float, float]], like: Any = None
    ) -> None:
        self.variable = variable
        self._parts = {name: (estimate, se) for name, estimate, se in parts}
        self._like = like

    def __getitem__(self, name: str) -> float:
        return self._parts[name][0]

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self._parts)

    def se(self) -> dict[str, float]:
        """Give the standard errors."""
        return {name: own[1] for name, own in self._parts.items()}

    def tidy(self) -> Any:
        """Give one row a part, as the kind of frame the fit was made from.

        Columns: ``part``, ``coefficients``, ``std_error``, ``share_full`` (of the short regression's
        coefficient) and ``share_explained``.
        """
        direct, explained = self["direct_effect"], self["explained_effect"]
        values = [own[0] for own in self._parts.values()]
        table = Table(
            {
                "part": list(self._parts),
                "coefficients": values,
                "std_error": [own[1] for own in self._parts.values()],
                "share_full": [value / direct if direct else float("nan") for value in values],
                "share_explained": [
                    value / explained if explained else float("nan") for value in values
                ],
            }
        )
        return to_frame(table.native, self._like)

    def __repr__(self) -> str:
        width = max(len(name) for name in self._parts)
        lines = [f"{name:<{width}}  {b: .6g}  ({se:.4g})" for name, (b, se) in self._parts.items()]
        return "\n".join([f"Coefficient of {self.variable}, decomposed", *lines])

    def _repr_html_(self) -> str:
        head = "<th></th><th>estimate</th><th>std. error</th>"
        body = "".join(
            f"<tr><th style='text-align:left'>{html.escape(name)}</th><td>{b:.4g}</td>"
            f"<td>{se:.4g}</td></tr>"
            for name, (b, se) in self._parts.items()
        )
        title = html.escape(f"Coefficient of {self.variable}, decomposed")
        return f"<table><caption>{title}</caption><tr>{head}</tr>{body}</table>"


class Fit:
    """Coefficients, their covariance, and the sample they rest on.

    :func:`feols` makes it. Method names are those of pyfixest; results come back as
    :class:`Estimates` (a mapping that NumPy reads) and tables in the caller's own kind.
    """

    __slots__ = ("__weakref__", "_before", "_data", "_like", "_native")

    def __init__(
        self,
        native: _core.Fit,
        data: Any = None,
        like: Any = None,
        before: Account | None = None,
    ) -> None:
        self._native = native
        self._data = data
        self._like = like
        self._before = before

    @property
    def account(self) -> Account:
        """Which rows are in the sample and why others are not, from the first register on."""
        own = Account.from_json(self._native.account_json())
        if self._before is None:
            return own
        return Account(self._before.source, self._before.steps + own.steps)

    @property
    def native(self) -> _core.Fit:
        """The native fit."""
        return self._native

    @property
    def like(self) -> Any:
        """An empty frame of the kind that tables come back as."""
        return self._like

    @property
    def formula(self) -> str:
        """The formula as written."""
        return self._native.formula

    @property
    def outcome(self) -> str:
        """The outcome."""
        return self._native.outcome

    @property
    def n_obs(self) -> int:
        """Observations in the sample."""
        return self._native.n_obs

    @property
    def df(self) -> float:
        """Degrees of freedom of the t distribution."""
        return self._native.df

    @property
    def vcov_type(self) -> str:
        """What kind of covariance the standard errors come from, in words."""
        return self._native.vcov_text

    @property
    def effects(self) -> dict[str, int]:
        """Effects swept out, with their levels in the sample."""
        return dict(self._native.effects)

    @property
    def clusters(self) -> dict[str, int]:
        """Cluster variables, with their clusters in the sample."""
        return dict(self._native.clusters)

    @property
    def dropped(self) -> list[str]:
        """Regressors dropped because others, or the effects, determine them."""
        return self._native.dropped

    @property
    def goodness(self) -> dict[str, float]:
        """``r2``, ``adj_r2``, ``within_r2``, ``adj_within_r2``, ``rmse``."""
        names = ("r2", "adj_r2", "within_r2", "adj_within_r2", "rmse")
        return dict(zip(names, self._native.goodness, strict=True))

    @property
    def convergence(self) -> dict[str, float]:
        """``iterations`` of the solver, and the largest group mean ``left`` (in sd)."""
        iterations, left = self._native.convergence
        return {"iterations": iterations, "left": left}

    def _named(self, values: ArrayLike) -> Estimates:
        return Estimates(self._native.names, values)

    def coef(self) -> Estimates:
        """Give the coefficients."""
        return self._named(self._native.coef())

    def se(self) -> Estimates:
        """Give the standard errors."""
        return self._named(self._native.se())

    def tstat(self) -> Estimates:
        """Give the coefficients over their standard errors."""
        return self._named(self._native.tstat())

    def pvalue(self) -> Estimates:
        """Give the two-sided p values."""
        return self._named(self._native.pvalue())

    def vcov_matrix(self) -> NDArray[np.float64]:
        """Give the covariance of the coefficients, shape ``(k, k)``."""
        k = len(self._native.names)
        return self._native.covariance().reshape(k, k)

    def confint(  # noqa: PLR0917 - the order of pyfixest
        self,
        alpha: float = 0.05,
        keep: Sequence[str] | str | None = None,
        drop: Sequence[str] | str | None = None,
        exact_match: bool = False,  # noqa: FBT001, FBT002
        joint: bool = False,  # noqa: FBT001, FBT002
        seed: int | None = None,
        reps: int = 99_999,
    ) -> dict[str, tuple[float, float]]:
        """Give the confidence intervals of probability ``1 - alpha``, by coefficient.

        Parameters
        ----------
        alpha : float
            One minus the probability.
        keep, drop : str or sequence of str, optional
            Regular expressions for the coefficients to give, in the order of `keep`, and to leave
            out.
        exact_match : bool
            Whether they are names, not expressions.
        joint : bool
            Whether the intervals hold together, as those of :meth:`joint_confint`.
        seed, reps : int
            Of the draws for joint intervals.
        """
        names = chosen(self._native.names, keep, drop, exact_match)
        if joint:
            return self.joint_confint(alpha, names, reps, seed)
        bounds = dict(zip(self._native.names, self._native.confint(alpha), strict=True))
        return {name: bounds[name] for name in names}

    def tidy(self, alpha: float = 0.05) -> Any:
        """Give one row a coefficient, as the kind of frame the fit was made from.

        Columns: ``Coefficient``, ``Estimate``, ``Std. Error``, ``t value``, ``Pr(>|t|)`` and the
        bounds of the interval (``2.5%``, ``97.5%``).
        """
        return to_frame(self._native.tidy(alpha), self._like)

    def vcov(
        self,
        vcov: VcovType,
        vcov_kwargs: Mapping[str, Any] | None = None,
        data: IntoTable | None = None,
    ) -> Self:
        """Change the covariance, without estimating again; gives this fit back, as in pyfixest.

        Parameters
        ----------
        vcov : str or dict
            As in :func:`feols`.
        vcov_kwargs : dict, optional
            As in :func:`feols`.
        data : data frame, optional
            The table the fit was made from, when a cluster variable is not in the fit; by default
            the one it was made from, as long as that is at hand (not after unpickling).
        """
        covariance = read_vcov(vcov, vcov_kwargs)
        known = set() if covariance["space"] else {*self.effects, *self.clusters}
        source = self._data if data is None else data
        missing = [name for name in covariance["variables"] if name not in known]
        table = to_table(source, missing, "vcov") if missing and source is not None else None
        self._native = self._native.with_vcov(covariance, table)
        return self

    def wald_test(
        self,
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
            R, q = self._linearised(R, q)
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
        self, of: Callable[[Estimates], ArrayLike], q: ArrayLike | None
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

    def dfs(self) -> Estimates:
        """Give the degrees of freedom of each coefficient's t test.

        They differ between coefficients for ``{"CRV2": ...}`` only (Satterthwaite).
        """
        return self._named(self._native.dfs())

    def wildboottest(  # noqa: PLR0917 - the order of pyfixest
        self,
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
        self,
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

    def ritest(  # noqa: PLR0917 - the order of pyfixest
        self,
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
        self,
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
        self,
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

    def joint_confint(
        self,
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

    def _cluster(self, cluster: str | None) -> str:
        if cluster is not None:
            return cluster
        if len(self.clusters) != 1:
            message = "`cluster`: name one variable; the fit is not clustered by just one"
            raise InputError(message)
        return next(iter(self.clusters))

    def _with(self, cluster: str, data: IntoTable | None) -> _core.Table | None:
        """Give the table with a cluster variable that is not in the fit."""
        source = self._data if data is None else data
        known = cluster in {*self.effects, *self.clusters}
        return None if known or source is None else to_table(source, [cluster], "cluster")

    def resid(self) -> NDArray[np.float64]:
        """Give the residuals, one a row of the sample (see :meth:`rows`)."""
        return self._native.resid()

    def predict(  # noqa: PLR0917 - the order of pyfixest
        self,
        newdata: IntoTable | None = None,
        atol: float | None = None,
        btol: float | None = None,
        type: Literal["response", "link"] = "response",  # noqa: A002 - as in pyfixest
        se_fit: bool = False,  # noqa: FBT001, FBT002
        interval: Literal["prediction", "confidence"] | None = None,
        alpha: float = 0.05,
    ) -> Any:
        """Give the fitted values with effects, one a row of the sample (see :meth:`rows`).

        Parameters
        ----------
        newdata : data frame, optional
            Other rows to predict for; the outcome need not be among the columns. NaN where a
            column is missing or a level of a classification did not occur in the sample.
        atol, btol : float, optional
            Accepted as pyfixest's; effects are found to 1e-10 whatever they are.
        type : {"response", "link"}
            Of a generalised linear model: the mean of the outcome, or the linear predictor
            (pyfixest's default).
        se_fit : bool
            Whether to give the standard errors of the predictions in place of them, with the
            covariance of the fit; of least squares without effects.
        interval : {"prediction", "confidence"}, optional
            Whether to give a frame with ``fit``, ``se_fit``, ``ci_low`` and ``ci_high``: bounds
            for new observations, whose errors have one variance, or for their mean.
        alpha : float
            One minus the probability of the interval.

        Returns
        -------
        numpy.ndarray or data frame

        Examples
        --------
        >>> panel = {
        ...     "person": [7, 7, 9, 9],
        ...     "hours": [1.0, 2.0, 1.0, 3.0],
        ...     "wage": [10.0, 12.0, 20.0, 24.0],
        ... }
        >>> fit = kp.feols("wage ~ hours | person", panel)
        >>> fit.predict({"person": [9, 5], "hours": [5.0, 5.0]}).round(6)
        array([28., nan])
        >>> kp.feols("wage ~ hours", panel).predict(se_fit=True).round(2)
        array([4.55, 3.52, 4.55, 6.1 ])
        """
        del atol, btol
        if type not in ("response", "link"):
            message = f"`type`: {type!r} is not response or link"
            raise InputError(message)
        if interval not in (None, "prediction", "confidence"):
            message = f"`interval`: {interval!r} is not prediction or confidence"
            raise InputError(message)
        needed = self._native.predict_columns()
        if newdata is not None:
            table = to_table(newdata, needed, "newdata")
            fitted = self._native.predict_at(table, type == "response")
        elif type == "response":
            fitted = self._native.predict()
        else:
            fitted = self._native.predict_link()
        if not se_fit and interval is None:
            return fitted
        if newdata is None:
            if self._data is None:
                message = "`newdata`: give the table the fit was made from; it is not at hand"
                raise InputError(message)
            errors = self._native.predict_errors_at(to_table(self._data, needed, "data"))
            errors = errors[self.rows()]
        else:
            errors = self._native.predict_errors_at(table)
        if interval is None:
            return errors
        # the quantile of t that the intervals of coefficients have
        names, se = self._native.names, self._native.se()
        if not names or not se[0] > 0:
            message = "`interval`: the model has no coefficient with a standard error"
            raise InputError(message)
        low, high = self._native.confint(alpha)[0]
        quantile = (high - low) / 2 / se[0]
        spread = 0.0
        if interval == "prediction":
            residuals = self.resid()
            spread = float(residuals @ residuals) / (self.n_obs - len(names))
        reach = quantile * np.sqrt(errors**2 + spread)
        columns = {
            "fit": fitted, "se_fit": errors, "ci_low": fitted - reach, "ci_high": fitted + reach
        }  # fmt: skip
        return to_frame(Table(columns).native, self._like)

    def marginal_effects(self) -> Fit:
        r"""Give average marginal effects, with standard errors by the delta method.

        .. math:: m_j = \beta_j \cdot \frac{1}{N} \sum_i \frac{d\mu(\eta_i)}{d\eta}

        Every regressor counts as a number of its own: the effect of a dummy is a slope, not a step,
        and an interaction is one regressor more. Effects swept out count as estimates, so that
        errors are those of a model with dummies.

        Returns
        -------
        Fit
            For ``tidy``, ``confint``, ``wald_test`` and ``etable``; without a sample.

        Raises
        ------
        InputError
            For least squares, whose coefficients are its marginal effects.

        Examples
        --------
        >>> panel = {"trained": [0, 0, 0, 0, 1, 1, 1, 1], "employed": [0, 1, 0, 0, 1, 1, 0, 1]}
        >>> fit = kp.feglm("employed ~ trained", panel, family="logit")
        >>> round(fit.marginal_effects().coef()["trained"], 4)
        0.412
        """
        return Fit(self._native.marginal_effects(), None, self._like, self._before)

    def bias_corrected(self) -> Fit:
        """Take out the bias that estimating effects from few observations brings.

        For logit, probit and complementary log-log with one effect or more, and regressors that do
        not depend on past outcomes (analytic correction). The covariance stays, since the
        correction is of smaller order.

        Returns
        -------
        Fit
            With corrected coefficients; without a sample.

        Raises
        ------
        InputError
            For other models, and without effects.

        References
        ----------
        Fernandez-Val, I. & Weidner, M. (2016). Individual and time effects in nonlinear panel
        models with large N, T. *Journal of Econometrics* 192(1), 291-312.

        Examples
        --------
        >>> panel = {
        ...     "person": [row // 4 for row in range(40)],
        ...     "hours": [float(row * 7 % 11) for row in range(40)],
        ...     "employed": [row * 5 % 13 % 2 for row in range(40)],
        ... }
        >>> fit = kp.feglm("employed ~ hours | person", panel, family="logit")
        >>> abs(fit.bias_corrected().coef()["hours"]) < abs(fit.coef()["hours"])
        True
        """
        return Fit(self._native.bias_corrected(), None, self._like, self._before)

    @property
    def variances(self) -> dict[str, float] | None:
        """Variances of ``error`` and ``effect`` of a model with random effects; else None."""
        found = self._native.variances
        return None if found is None else {"error": found[0], "effect": found[1]}

    @property
    def likelihood(self) -> dict[str, Any] | None:
        """``family``, ``deviance``, ``loglik``, ``loglik_null``, ``pseudo_r2``, ``iterations``.

        None for least squares.
        """
        names = ("family", "deviance", "loglik", "loglik_null", "pseudo_r2", "iterations")
        found = self._native.likelihood
        return None if found is None else dict(zip(names, found, strict=True))

    def first_stage(self) -> list[Fit]:
        """Give the first stages of two-stage least squares, one an endogenous variable.

        Their standard errors are of the kind of this fit's.
        """
        return [
            Fit(native, None, self._like, self._before) for native in self._native.first_stage()
        ]

    def iv_tests(self) -> dict[str, dict[str, Any]]:
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

    def rows(self) -> NDArray[np.uint32]:
        """Give the rows of the table that are in the sample, counted from 0."""
        return self._native.rows()

    def fixef(
        self,
        atol: float | None = None,
        btol: float | None = None,
    ) -> dict[str, Estimates]:
        """Give the values of the effects, by effect and level.

        `atol` and `btol` are accepted as pyfixest's; effects are found to 1e-10 whatever they are.

        With several effects only differences within connected levels are determined: the largest
        effect carries the level, and in every other one the first level is 0.
        """
        del atol, btol
        return {name: Estimates(labels, own) for name, labels, own in self._native.fixef()}

    def lean(self) -> Self:
        """Give the fit without its sample: no residuals, effects or new covariances."""
        return type(self)(self._native.lean(), None, self._like, self._before)

    def _head(self) -> list[tuple[str, str]]:
        effects = " + ".join(f"{name} ({levels:,})" for name, levels in self.effects.items())
        good = self.goodness
        within = "" if np.isnan(good["within_r2"]) else f", within {good['within_r2']:.3f}"
        head = [
            ("Formula", self.formula),
            ("Effects", effects or "none"),
            ("Standard errors", self.vcov_type),
            ("Observations", f"{self.n_obs:,}"),
        ]
        likelihood = self.likelihood
        if likelihood is None:
            if not np.isnan(good["r2"]):
                head.append(("R2", f"{good['r2']:.3f}{within}; RMSE {good['rmse']:.4g}"))
        else:
            deviance, pseudo = likelihood["deviance"], likelihood["pseudo_r2"]
            head.append((likelihood["family"], f"deviance {deviance:.6g}, pseudo R2 {pseudo:.3f}"))
        if self._native.instruments:
            head.append(("Instruments", ", ".join(self._native.instruments)))
        if self.dropped:
            head.append(("Dropped as collinear", ", ".join(self.dropped)))
        return head

    def __repr__(self) -> str:
        return self._told(_short)

    def _told(self, write: Callable[[str | None], str]) -> str:
        table = to_frame(self._native.tidy(0.05))
        lines = [f"{name}: {text}" for name, text in self._head()]
        names = table.columns
        rows = [
            names,
            *([row[0] or "", *map(write, row[1:])] for row in table.native.cells(0, 60)),
        ]
        widths = [max(len(row[at]) for row in rows) for at in range(len(names))]
        for row in rows:
            cells = [f"{row[0]:<{widths[0]}}"]
            cells += [f"{cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True)]
            lines.append("  ".join(cells))
        more = len(table) - 60
        return "\n".join(lines) + (f"\n... and {more} more" if more > 0 else "")

    def summary(self, digits: int | None = None) -> None:
        """Print the model, its coefficients and how well it fits.

        Parameters
        ----------
        digits : int, optional
            Decimals; four significant digits by default.
        """
        print(self._summary(digits))  # noqa: T201 - it is what a summary does

    def _summary(self, digits: int | None) -> str:
        if digits is None:
            return repr(self)
        return self._told(lambda cell: "" if cell is None else f"{float(cell):.{digits}f}")

    etable, coefplot, iplot = _shows.etable, _shows.coefplot, _shows.iplot

    def _repr_html_(self) -> str:
        pairs = (f"<b>{html.escape(name)}</b>: {html.escape(text)}" for name, text in self._head())
        table = to_frame(self._native.tidy(0.05))
        head = "".join(f"<th>{html.escape(name)}</th>" for name in table.columns)
        body = ""
        for row in table.native.cells(0, 60):
            cells = [f"<th style='text-align:left'>{html.escape(row[0] or '')}</th>"]
            cells += [f"<td style='text-align:right'>{_short(cell)}</td>" for cell in row[1:]]
            body += f"<tr>{''.join(cells)}</tr>"
        return (
            f"<div><p>{'<br>'.join(pairs)}</p>"
            f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        )

    def __getstate__(self) -> dict[str, Any]:
        return {"native": self._native, "before": self._before}

    def __setstate__(self, state: dict[str, Any]) -> None:
        Fit.__init__(self, state["native"], before=state["before"])


def _check_reps(reps: int) -> None:
    if reps < 1 or int(reps) != reps:
        message = f"`reps`: expected a whole number above 0, got {reps!r}"
        raise InputError(message)


def _test(found: tuple[float, int, float | None, float]) -> dict[str, Any]:
    statistic, df1, df2, pvalue = found
    more = {} if df2 is None else {"df2": df2}
    return {"statistic": statistic, "pvalue": pvalue, "df1": df1, **more}


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _are_names(values: Sequence[Any]) -> bool:
    return all(isinstance(value, str) for value in values)


def _short(cell: str | None) -> str:
    return "" if cell is None else f"{float(cell):.4g}"
