"""What several regressions found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kruispunt._frames import to_frame
from kruispunt.estimate import _shows
from kruispunt.estimate._fit import Fit
from kruispunt.estimate._vcov import VcovType
from kruispunt.exceptions import InputError
from kruispunt.table import Table

if TYPE_CHECKING:
    from typing import Self

__all__ = ["Fits"]


class Fits(Sequence[Fit]):
    """Fits of several regressions, in order, by the formula of each.

    :func:`feols` gives it for a formula that stands for several (``sw``, ``csw``, several
    outcomes) and for ``split`` and ``fsplit``. Method names are those of pyfixest's
    ``FixestMulti``.

    Parameters
    ----------
    fits : dict
        Fits by name: the formula, followed by the subsample if there is one.

    Examples
    --------
    >>> panel = {
    ...     "person": [7, 7, 9, 9, 4, 4],
    ...     "trained": [0, 1, 0, 1, 0, 0],
    ...     "age": [30, 31, 40, 44, 51, 50],
    ...     "wage": [10.0, 12.0, 20.0, 24.0, 15.0, 15.0],
    ... }
    >>> fits = kp.feols("wage ~ csw(trained, age)", panel)
    >>> list(fits.all_fitted_models)
    ['wage ~ trained', 'wage ~ trained + age']
    >>> fits[0].n_obs
    6
    """

    __slots__ = ("__weakref__", "_fits", "_like")

    def __init__(self, fits: Mapping[str, Fit], like: Any = None) -> None:
        self._fits = dict(fits)
        self._like = like

    @property
    def all_fitted_models(self) -> dict[str, Fit]:
        """The fits by name."""
        return dict(self._fits)

    def to_list(self) -> list[Fit]:
        """Give the fits in order."""
        return list(self._fits.values())

    def fetch_model(self, i: int | str, print_fml: bool = True) -> Fit:  # noqa: FBT001, FBT002
        """Give one fit by its place, counted from 0, or by its name.

        Parameters
        ----------
        i : int or str
            The place or the name.
        print_fml : bool
            Whether to print the name, as pyfixest does.
        """
        names = list(self._fits)
        if isinstance(i, str) and i in self._fits:
            name = i
        else:
            place = int(i)
            if not -len(names) <= place < len(names):
                message = f"`i`: there are {len(names)} fits, counted from 0; there is no {place}"
                raise InputError(message)
            name = names[place]
        if print_fml:
            print("Model: ", name)  # noqa: T201 - asked for
        return self._fits[name]

    def vcov(self, vcov: VcovType, vcov_kwargs: Mapping[str, Any] | None = None) -> Self:
        """Change the covariance of every fit; gives these fits back."""
        for fit in self._fits.values():
            fit.vcov(vcov, vcov_kwargs)
        return self

    def tidy(self, alpha: float = 0.05) -> Any:
        """Give one row a coefficient, fit by fit; the column ``fml`` names the fit."""
        columns: dict[str, list[Any]] = {"fml": []}
        for name, fit in self._fits.items():
            table = Table.wrap(fit.native.tidy(alpha))
            columns["fml"] += [name] * len(table)
            for column in table.columns:
                columns.setdefault(column, []).extend(table[column].tolist())
        return to_frame(Table(columns).native, self._like)

    def _column(self, name: str) -> dict[tuple[str, str], float]:
        return {
            (fml, coefficient): value
            for fml, fit in self._fits.items()
            for coefficient, value in getattr(fit, name)().items()
        }

    def coef(self) -> dict[tuple[str, str], float]:
        """Give the coefficients, by fit and name."""
        return self._column("coef")

    def se(self) -> dict[tuple[str, str], float]:
        """Give the standard errors, by fit and name."""
        return self._column("se")

    def tstat(self) -> dict[tuple[str, str], float]:
        """Give the coefficients over their standard errors, by fit and name."""
        return self._column("tstat")

    def pvalue(self) -> dict[tuple[str, str], float]:
        """Give the two-sided p values, by fit and name."""
        return self._column("pvalue")

    def confint(self, alpha: float = 0.05, **options: Any) -> dict[tuple[str, str], Any]:
        """Give the confidence intervals, by fit and name; options as in :meth:`Fit.confint`."""
        return {
            (fml, name): bounds
            for fml, fit in self._fits.items()
            for name, bounds in fit.confint(alpha, **options).items()
        }

    def wildboottest(
        self,
        reps: int = 9999,
        cluster: str | None = None,
        param: str | None = None,
        *args: Any,
        **options: Any,
    ) -> Any:
        """Test a restriction in every fit by the wild cluster bootstrap: one row a fit.

        Arguments as in :meth:`Fit.wildboottest`; fits without the coefficient are left out. With
        ``return_bootstrapped_t_stats=True`` a pair: the table, and the t statistics of the draws by
        the name of the fit.
        """
        wanted = bool(options.pop("return_bootstrapped_t_stats", False))
        draws: dict[str, NDArray[np.float64]] = {}
        columns: dict[str, list[Any]] = {"fml": []}
        for name, fit in self._fits.items():
            if param is not None and param not in fit.coef():
                continue
            options["return_bootstrapped_t_stats"] = True
            test, draws[name] = fit.wildboottest(reps, cluster, param, *args, **options)
            columns["fml"].append(name)
            low, high = test["confint"]
            shown = {
                "param": test["param"], "estimate": test["estimate"], "t value": test["t value"],
                "Pr(>|t|)": test["Pr(>|t|)"], "ci_low": low, "ci_high": high,
                "clusters": test["clusters"],
            }  # fmt: skip
            for key, value in shown.items():
                columns.setdefault(key, []).append(value)
        if not columns["fml"]:
            message = f"`param`: no fit has a coefficient {param!r}"
            raise InputError(message)
        if param is None:
            del columns["param"]
        table = to_frame(Table(columns).native, self._like)
        return (table, draws) if wanted else table

    etable, coefplot, iplot = _shows.etable, _shows.coefplot, _shows.iplot

    def summary(self, digits: int | None = None) -> None:
        """Print every fit, with so many decimals if they are given."""
        for name, fit in self._fits.items():
            print(f"{name}\n{fit._summary(digits)}\n")  # noqa: T201 - it is what a summary does

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, str):
            return self._fits[at]
        return list(self._fits.values())[at]

    def __len__(self) -> int:
        return len(self._fits)

    def __iter__(self) -> Iterator[Fit]:
        return iter(self._fits.values())

    def __repr__(self) -> str:
        return "\n\n".join(f"{name}\n{fit!r}" for name, fit in self._fits.items())

    def _repr_html_(self) -> str:
        return "".join(fit._repr_html_() for fit in self._fits.values())

    def __reduce__(self) -> tuple[Any, ...]:
        return Fits, (self._fits,)
