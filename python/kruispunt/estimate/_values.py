"""Numbers by name: what fits give back."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kruispunt._frames import to_frame
from kruispunt.table import Table

__all__ = ["Decomposition", "Estimates"]


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
