"""What one regression found."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kruispunt import _core
from kruispunt._frames import IntoTable, to_frame, to_table
from kruispunt.account import Account
from kruispunt.estimate import _causal, _inference, _predict, _shows
from kruispunt.estimate._chosen import chosen
from kruispunt.estimate._values import Decomposition, Estimates
from kruispunt.estimate._vcov import VcovType, read_vcov
from kruispunt.exceptions import InputError

if TYPE_CHECKING:
    from typing import Self

__all__ = ["Decomposition", "Estimates", "Fit"]


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

    def dfs(self) -> Estimates:
        """Give the degrees of freedom of each coefficient's t test.

        They differ between coefficients for ``{"CRV2": ...}`` only (Satterthwaite).
        """
        return self._named(self._native.dfs())

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

    wald_test, iv_tests = _inference.wald_test, _inference.iv_tests
    wildboottest, pairs_bootstrap = _inference.wildboottest, _inference.pairs_bootstrap
    joint_confint = _inference.joint_confint
    ritest, ccv, decompose = _causal.ritest, _causal.ccv, _causal.decompose
    predict, update = _predict.predict, _predict.update
    marginal_effects, bias_corrected = _predict.marginal_effects, _predict.bias_corrected
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


def _short(cell: str | None) -> str:
    return "" if cell is None else f"{float(cell):.4g}"
