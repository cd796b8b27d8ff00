"""Fixed-effects regression in the dialect of fixest and pyfixest."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kruispunt import _core
from kruispunt._frames import IntoTable, to_frame, to_table
from kruispunt._progress import reporting
from kruispunt.account import Account
from kruispunt.exceptions import InputError

if TYPE_CHECKING:
    from typing import Self

__all__ = ["Estimates", "Fit", "etable", "feols", "ssc"]

VcovType: TypeAlias = str | Mapping[str, str] | None
"""``"iid"``, ``"hetero"``, ``"HC1"``, ``{"CRV1": "person"}``, ``{"CRV1": "a+b"}``,
``{"CRV3": "person"}``."""


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


class Fit:
    """Coefficients, their covariance, and the sample they rest on.

    :func:`feols` makes it. Method names are those of pyfixest; results come back as
    :class:`Estimates` (a mapping that NumPy reads) and tables in the caller's own kind.
    """

    __slots__ = ("_before", "_data", "_like", "_native")

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

    def confint(self, alpha: float = 0.05) -> dict[str, tuple[float, float]]:
        """Give the confidence intervals of probability ``1 - alpha``, by coefficient."""
        return dict(zip(self._native.names, self._native.confint(alpha), strict=True))

    def tidy(self, alpha: float = 0.05) -> Any:
        """Give one row a coefficient, as the kind of frame the fit was made from.

        Columns: ``Coefficient``, ``Estimate``, ``Std. Error``, ``t value``, ``Pr(>|t|)`` and the
        bounds of the interval (``2.5%``, ``97.5%``).
        """
        return to_frame(self._native.tidy(alpha), self._like)

    def vcov(self, vcov: VcovType, data: IntoTable | None = None) -> Self:
        """Change the covariance, without estimating again; gives this fit back, as in pyfixest.

        Parameters
        ----------
        vcov : str or dict
            As in :func:`feols`.
        data : data frame, optional
            The table the fit was made from, when a cluster variable is not in the fit; by default
            the one it was made from, as long as that is at hand (not after unpickling).
        """
        kind, clusters = _vcov(vcov)
        known = {*self.effects, *self.clusters}
        source = self._data if data is None else data
        missing = [name for name in clusters if name not in known]
        table = to_table(source, missing, "vcov") if missing and source is not None else None
        self._native = self._native.with_vcov(kind, clusters, table)
        return self

    def wald_test(
        self,
        R: ArrayLike | Sequence[str] | None = None,
        q: ArrayLike | None = None,
        distribution: Literal["F", "chi2"] = "F",
    ) -> dict[str, float]:
        r"""Test linear restrictions :math:`R\beta = q`.

        Parameters
        ----------
        R : array_like, shape (m, k), or names of coefficients, optional
            The restrictions; names are tested to be zero together; all coefficients by default.
        q : array_like, shape (m,), optional
            Zeros by default.
        distribution : {"F", "chi2"}
            The F test has the degrees of freedom of the t tests.

        Returns
        -------
        dict
            ``statistic``, ``pvalue``, ``df1`` and, for F, ``df2``.
        """
        if distribution not in ("F", "chi2"):
            message = f"`distribution`: {distribution!r} is not F or chi2"
            raise InputError(message)
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

    def resid(self) -> NDArray[np.float64]:
        """Give the residuals, one a row of the sample (see :meth:`rows`)."""
        return self._native.resid()

    def predict(self) -> NDArray[np.float64]:
        """Give the fitted values with effects, one a row of the sample (see :meth:`rows`)."""
        return self._native.predict()

    def rows(self) -> NDArray[np.uint32]:
        """Give the rows of the table that are in the sample, counted from 0."""
        return self._native.rows()

    def fixef(self) -> dict[str, Estimates]:
        """Give the values of the effects, by effect and level.

        With several effects only differences within connected levels are determined: the largest
        effect carries the level, and in every other one the first level is 0.
        """
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
            ("R2", f"{good['r2']:.3f}{within}; RMSE {good['rmse']:.4g}"),
        ]
        if self.dropped:
            head.append(("Dropped as collinear", ", ".join(self.dropped)))
        return head

    def __repr__(self) -> str:
        table = to_frame(self._native.tidy(0.05))
        lines = [f"{name}: {text}" for name, text in self._head()]
        names = table.columns
        rows = [
            names,
            *([row[0] or "", *map(_short, row[1:])] for row in table.native.cells(0, 60)),
        ]
        widths = [max(len(row[at]) for row in rows) for at in range(len(names))]
        for row in rows:
            cells = [f"{row[0]:<{widths[0]}}"]
            cells += [f"{cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True)]
            lines.append("  ".join(cells))
        more = len(table) - 60
        return "\n".join(lines) + (f"\n... and {more} more" if more > 0 else "")

    def summary(self) -> None:
        """Print the model, its coefficients and how well it fits."""
        print(self)  # noqa: T201 - it is what a summary does

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


def _are_names(values: Sequence[Any]) -> bool:
    return all(isinstance(value, str) for value in values)


def _short(cell: str | None) -> str:
    return "" if cell is None else f"{float(cell):.4g}"


def _vcov(vcov: Any) -> tuple[str, list[str]]:
    if vcov is None:
        return "iid", []
    if isinstance(vcov, str):
        return vcov, []
    if isinstance(vcov, Mapping) and len(vcov) == 1:
        kind, variables = next(iter(vcov.items()))
        if isinstance(variables, str):
            clusters = [name.strip() for name in variables.split("+")]
            if kind in ("CRV1", "CRV3") and all(clusters):
                return kind, clusters
    message = (
        f'`vcov`: {vcov!r} is not "iid", "hetero", "HC1", {{"CRV1": "person"}}, '
        f'{{"CRV1": "person+quarter"}} or {{"CRV3": "person"}}'
    )
    raise InputError(message)


_OLD_NAMES = {
    "adj": "k_adj", "fixef_k": "k_fixef", "cluster_adj": "G_adj", "cluster_df": "G_df"
}  # fmt: skip


def ssc(
    *,
    k_adj: bool = True,
    k_fixef: Literal["none", "nonnested", "full"] = "nonnested",
    G_adj: bool = True,
    G_df: Literal["min", "conventional"] = "min",
    **old: Any,
) -> dict[str, Any]:
    r"""Choose small-sample corrections of the covariance.

    .. math:: V = \frac{N - 1}{N - K} \cdot \frac{G}{G - 1} \cdot B M B

    Parameters
    ----------
    k_adj : bool
        Whether to correct by :math:`(N-1)/(N-K)`.
    k_fixef : {"nonnested", "none", "full"}
        Which effects count in :math:`K`: those not nested in a cluster variable, none, or all.
    G_adj : bool
        Whether to correct by :math:`G/(G-1)` when clustered.
    G_df : {"min", "conventional"}
        With several cluster variables, :math:`G` is the smallest number of clusters for all
        summands, or each summand's own.
    **old
        The older names of pyfixest: ``adj``, ``fixef_k``, ``cluster_adj``, ``cluster_df``.

    Returns
    -------
    dict
        For the argument ``ssc`` of :func:`feols`.

    Examples
    --------
    >>> kp.ssc(k_fixef="full")["k_fixef"]
    'full'
    """
    chosen = {"k_adj": k_adj, "k_fixef": k_fixef, "G_adj": G_adj, "G_df": G_df}
    for name, value in old.items():
        if name not in _OLD_NAMES:
            message = f"`ssc`: there is no correction {name!r}; there are {', '.join(chosen)}"
            raise InputError(message)
        chosen[_OLD_NAMES[name]] = value
    return chosen


def feols(
    fml: str,
    data: IntoTable,
    vcov: VcovType = None,
    *,
    weights: str | None = None,
    ssc: Mapping[str, Any] | None = None,
    fixef_rm: Literal["singleton", "none"] = "singleton",
    collin_tol: float = 1e-9,
    fixef_tol: float = 1e-8,
    fixef_maxiter: int = 10_000,
    lean: bool = False,
) -> Fit:
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
        ``i(f, ref=...)``, ``i(f, x, ref=...)``, ``I(...)``, ``log``, ``exp``, ``sqrt``, ``abs``.
        Names that are no names stand in backquotes. Not yet: several estimations (``sw``,
        ``csw``), instruments, varying slopes; they are refused by name.
    data : data frame, Panel or mapping
        See :class:`kruispunt.Table`; only the columns needed are read.
    vcov : str or dict, optional
        ``"iid"`` (the default), ``"hetero"`` or ``"HC1"``, ``{"CRV1": "person"}``,
        ``{"CRV1": "person+quarter"}``, ``{"CRV3": "person"}``.
    weights : str, optional
        Column of analytic weights, all above 0.
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

    Returns
    -------
    Fit
        Coefficients, standard errors and an account of the rows.

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
    kind, clusters = _vcov(vcov)
    if fixef_rm not in ("singleton", "none"):
        message = f"`fixef_rm`: {fixef_rm!r} is not singleton or none"
        raise InputError(message)
    columns = _core.feols_columns(fml, clusters, weights)
    request = {
        "fml": fml,
        "kind": kind,
        "clusters": clusters,
        "weights": weights,
        "ssc": _corrections(ssc),
        "singletons": fixef_rm == "singleton",
        "collin_tol": collin_tol,
        "tol": fixef_tol,
        "max_iter": fixef_maxiter,
    }
    table = to_table(data, columns, "data")
    with reporting(None) as progress:
        native = _core.feols(table, request, progress)
    before = getattr(data, "account", None)
    return Fit(
        native.lean() if lean else native,
        None if lean else data,
        _kind(data),
        before if isinstance(before, Account) else None,
    )


def _kind(data: Any) -> Any:
    """Give an empty frame of the same kind, so that a fit does not hold on to the rows."""
    if hasattr(data, "__kruispunt_table__"):
        return getattr(data, "_like", None)
    try:
        return data[:0]
    except Exception:  # noqa: BLE001 - whatever cannot be cut gives a kp.Table back
        return {} if isinstance(data, Mapping) else None


def _corrections(chosen: Mapping[str, Any] | None) -> tuple[bool, str, bool, str]:
    full = ssc(**(chosen or {}))
    return bool(full["k_adj"]), str(full["k_fixef"]), bool(full["G_adj"]), str(full["G_df"])


def etable(
    models: Fit | Sequence[Fit],
    type: Literal["text", "md", "html", "tex"] = "text",  # noqa: A002 - as in pyfixest
    *,
    labels: Mapping[str, str] | None = None,
    model_heads: Sequence[str] = (),
    keep: Sequence[str] = (),
    digits: int = 3,
    signif_code: Sequence[float] | None = (0.001, 0.01, 0.05),
) -> str:
    """Put fits side by side: coefficients over standard errors, effects, observations.

    Parameters
    ----------
    models : Fit or sequence of Fit
        The columns of the table.
    type : {"text", "md", "html", "tex"}
        Plain text, Markdown, HTML, or a LaTeX ``tabular`` with the rules of ``booktabs``.
    labels : dict, optional
        Text for names of coefficients, outcomes and effects; parts of interactions one by one.
    model_heads : sequence of str
        Text over each column; (1), (2), ... by default.
    keep : sequence of str
        The coefficients to show, in this order; all by default.
    digits : int
        Decimals.
    signif_code : sequence of float or None
        P values below which one star more is added; pyfixest's by default, ``None`` for no stars.

    Returns
    -------
    str
        The table.

    Examples
    --------
    >>> panel = {"person": [7, 7, 9, 9], "trained": [0, 1, 0, 1], "wage": [10.0, 12.0, 20.0, 24.0]}
    >>> fit = kp.feols("wage ~ trained | person", panel)
    >>> print(kp.etable(fit, labels={"trained": "Trained"}, signif_code=None))
                       wage
                        (1)
    -----------------------
    Trained           3.000
                    (1.000)
    -----------------------
    person effects        x
    -----------------------
    Observations          4
    R²                0.992
    R² within         0.900
    Std. errors         iid
    -----------------------
    Standard errors in parentheses.
    """
    fits = [models] if isinstance(models, Fit) else list(models)
    table = _core.etable(
        [fit.native for fit in fits],
        type,
        list((labels or {}).items()),
        list(model_heads),
        list(keep),
        digits,
        list(signif_code or ()),
    )
    return table.rstrip("\n")
