"""Two persons alike in all but one thing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kruispunt import _core
from kruispunt._frames import IntoTable, to_frame, to_table
from kruispunt.cases._select import _names
from kruispunt.exceptions import InputError
from kruispunt.linked import Register
from kruispunt.table import Table

if TYPE_CHECKING:
    from typing import Self

__all__ = ["Pairs", "pairs"]


class Pairs(Register):
    """Pairs of persons: identifier, ``pair``, ``contrast`` and ``distance``, two rows a pair.

    Attributes
    ----------
    account : Account
        How they were found.
    """

    __slots__ = ("_balance",)

    _balance: _core.Table

    @classmethod
    def _made(cls, native: _core.Linked, balance: _core.Table, like: Any) -> Self:
        made = cls(native, like)
        made._balance = balance
        return made

    @property
    def ids(self) -> list[Any]:
        """The identifiers, pair by pair, the one with the contrast first."""
        table = Table.wrap(self.native.table())
        found: list[Any] = table.to_dict()[table.columns[0]].tolist()
        return found

    def balance(self, like: Any = None) -> Any:
        """Give one row a column of `near`: differences of means in standard deviations.

        ``before``: all with the contrast less all without; ``after``: the same within pairs. The
        standard deviation is that of before, ``sqrt((s_1^2 + s_0^2) / 2)``, in both.
        """
        return to_frame(self._balance, self._like if like is None else like)

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return type(self)._made, (self.native, self._balance, None)

    def __repr__(self) -> str:
        return f"<Pairs: {len(self) // 2} pairs>"

    def _repr_html_(self) -> str:
        return f"<p>{len(self) // 2} pairs</p>" + Table.wrap(self._balance)._repr_html_()


def pairs(
    data: IntoTable,
    contrast: str,
    *,
    person: str | None = None,
    n: int = 10,
    alike: str | Sequence[str] = (),
    near: str | Sequence[str] = (),
    caliper: float | None = None,
    seed: int = 1,
) -> Pairs:
    """Find pairs of persons who differ in one thing and are alike in the rest.

    Partners are equal on `alike`. On `near` their distance is ``sqrt((x - y)' S^-1 (x - y))`` with
    S the covariance pooled within the two sides. Pairs are taken in the order of their distance as
    long as both persons are free: greedy, not optimal matching.

    Parameters
    ----------
    data : data frame, mapping or Table
        One row a person.
    contrast : str
        A column of two values; the second in natural order (true, 1) has the contrast.
    person : str
        The column that names persons.
    n : int
        How many pairs.
    alike : str or sequence of str
        Columns on which partners are equal.
    near : str or sequence of str
        Columns of numbers on which they are near: history up to the event, for example.
    caliper : float, optional
        The largest distance of a pair.
    seed : int
        Settles ties, before the row numbers do.

    Returns
    -------
    Pairs

    Raises
    ------
    InputError
        If a column is not there, `contrast` has not two values, or too few pairs are alike.

    References
    ----------
    Rubin, D. B. (1980). Bias reduction using Mahalanobis-metric matching. *Biometrics* 36(2),
    293-298.

    Examples
    --------
    >>> people = {
    ...     "pid": [1, 2, 3, 4, 5, 6],
    ...     "trained": [True, False, False, True, False, False],
    ...     "sex": ["F", "F", "F", "M", "M", "M"],
    ...     "quarters_employed": [8, 2, 7, 3, 4, 11],
    ... }
    >>> found = kp.cases.pairs(
    ...     people, "trained", person="pid", n=2, alike="sex", near="quarters_employed"
    ... )
    >>> found.ids
    [1, 3, 4, 5]
    >>> found.balance()["after"].round(2).tolist()
    [0.0]
    """
    if person is None:
        person = getattr(getattr(data, "native", None), "person", None)
    if person is None:
        message = "`person`: name the column that names persons"
        raise InputError(message)
    if n < 0 or seed < 0:
        message = f"`n` and `seed` are 0 or more; got {n} and {seed}"
        raise InputError(message)
    found, balance = _core.cases_pairs(
        to_table(data), person, contrast, n, _names(alike), _names(near), caliper, seed
    )
    return Pairs._made(found, balance, getattr(data, "_like", data))
