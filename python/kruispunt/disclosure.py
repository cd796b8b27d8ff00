"""Outputs that may leave the room."""

from __future__ import annotations

import csv
import html
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from kruispunt import _core
from kruispunt._frames import IntoTable, to_frame, to_table
from kruispunt._gate import Log, Session, current, set_disclosure
from kruispunt._progress import Callback, reporting
from kruispunt._shown import Shown
from kruispunt.account import Account
from kruispunt.exceptions import DisclosureError, InputError
from kruispunt.table import Table

if TYPE_CHECKING:
    from typing import Self

__all__ = ["Disclosure", "Log", "Protected", "Session", "set_disclosure"]

_ESTIMATES = ("cohort", "period", "event", "phase", "status", "reason", "group", "cause")


class Protected(Shown):
    """A table as it may leave the room; why it looks so stays inside.

    :meth:`Disclosure.protect` makes it. Withheld cells are missing. Only the table may leave:
    :meth:`reasons` and :meth:`audit` tell about withheld cells.

    Attributes
    ----------
    name : str
        The name of the table in the log.
    withheld : int
        How many cells are not shown.
    """

    __slots__ = ("_counts", "native")

    native: _core.Protected

    def __init__(self, native: _core.Protected, like: Any = None) -> None:
        self.native = native
        self._like = like
        reasons = Table.wrap(native.reasons(dutch=False))
        self._counts = Counter(str(reason) for reason in reasons["reason"])

    @property
    def name(self) -> str:
        """The name of the table in the log."""
        return self.native.name

    @property
    def withheld(self) -> int:
        """How many cells are not shown."""
        return sum(self._counts.values())

    @property
    def why(self) -> dict[str, int]:
        """How many cells are withheld, by reason."""
        return dict(self._counts)

    @property
    def account(self) -> Account:
        """What was done."""
        return Account.from_json(self.native.account_json())

    def __kruispunt_table__(self) -> _core.Table:
        return self.native.table()

    def __len__(self) -> int:
        return len(self.native.table())

    def reasons(self, language: Literal["en", "nl"] = "en", like: Any = None) -> Any:
        """Give the withheld cells with their reasons; not to leave the room."""
        native = self.native.reasons(dutch=language == "nl")
        return to_frame(native, self._like if like is None else like)

    def audit(self, like: Any = None) -> Any:
        """Give what an attacker can work out of each withheld cell; not to leave the room.

        One row a cell and quantity: the smallest (``low``) and largest (``high``) value that fit
        all that is shown, by linear programs over all sums that are known to hold; the interval
        that the rules ask for at least; and whether it is that wide (``safe``). Quantities are
        ``count``, ``share:x`` and ``without:x`` (persons behind a share), ``sum:x`` and ``mean:x``
        (the sum behind a mean).
        """
        return to_frame(self.native.audit(), self._like if like is None else like)

    @property
    def is_safe(self) -> bool:
        """Whether each withheld cell is as uncertain as the rules ask for."""
        return bool(Table.wrap(self.native.audit())["safe"].all())

    def to_csv(self, path: str | Path, *, mark: str = "c") -> Path:
        """Write the table in UTF-8, with `mark` for what is withheld, and give the full path."""
        target = Path(path)
        write_csv(self.native.table(), target, mark)
        return target.resolve()

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return type(self), (self.native,)

    def __repr__(self) -> str:
        lines = [f"Protected {self.name!r}: {self.withheld} of {len(self)} cells withheld"]
        lines += [f"  {count}: {reason}" for reason, count in self._counts.items()]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        shown = Table.wrap(self.native.table())._repr_html_()
        lines = "".join(
            f"<li>{count}: {html.escape(reason)}</li>" for reason, count in self._counts.items()
        )
        head = f"{html.escape(self.name)}: {self.withheld} of {len(self)} cells withheld"
        return f"<div><p>{head}</p><ul>{lines}</ul>{shown}</div>"


def write_csv(table: _core.Table, path: Path, mark: str) -> None:
    """Write a protected table; `mark` stands where a number is missing."""
    numbers = [table.column(name).kind in {"int", "float"} for name in table.columns]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(table.columns)
        for cells in table.cells(0, len(table)):
            writer.writerow(
                (mark if number else "") if cell is None else cell
                for cell, number in zip(cells, numbers, strict=True)
            )


class Disclosure:
    r"""Rules of disclosure control: which outputs may leave the room.

    A profile is data: it has the rules it is given and no others, as institutions differ and few
    write theirs down. With X the total of a cell and :math:`x_1 \ge x_2 \ge \dots` what persons
    contribute to it, a cell is sensitive when

    .. math::

        0 < n < \text{min\_cell} \qquad 0 < c < \text{min\_contributors} \\
        x_1 + \dots + x_n > k X \qquad X - x_1 - x_2 < p\, x_1

    Sensitive cells are withheld, and then as many others as it takes that nobody can work them out
    of totals: for each a linear program finds the cheapest change of other cells that keeps all
    totals and moves the cell as far as it must seem possible to move (Kelly, Golden & Assad 1992).
    An audit attacks the result: it solves for the smallest and largest value of each withheld cell
    given all that is shown (Fischetti & Salazar 2001), and a table that fails is refused.

    A count below the minimum is safe when it might be the minimum as well as less than it is; a
    sum, when it might be as much more as would satisfy the rule it breaks.

    Parameters
    ----------
    min_cell : int, optional
        The fewest persons behind a shown cell. Shares are counts in disguise: persons with and
        without are held against it too.
    min_contributors : int, optional
        The fewest distinct contributors.
    dominance : (int, float), optional
        ``(n, k)``: the n largest contributions are at most the share k of a total.
    p_percent : float, optional
        The second largest contributor can estimate the largest no better than to this share.
    rounding : int, optional
        Shown counts are rounded to multiples of this, halves up; shares follow.
    zeros : {"show", "hide"}
        Whether it may be told that nobody (or everybody) is in a cell.
    min_df : float, optional
        The fewest residual degrees of freedom of a model.
    digits : int, optional
        Significant digits of numbers that are not counts.

    Raises
    ------
    InputError
        If a rule makes no sense.

    References
    ----------
    Hundepool, A. et al. (2012). *Statistical Disclosure Control*. Wiley, chapters 4 and 5.
    Kelly, J. P., Golden, B. L. & Assad, A. A. (1992). Cell suppression: disclosure protection for
    sensitive tabular data. *Networks* 22(4), 397-417.
    Fischetti, M. & Salazar, J. J. (2001). Solving the cell suppression problem on tabular data with
    linear constraints. *Management Science* 47(7), 1008-1027.

    Examples
    --------
    Without the second cell, the first is 164 less 120 less 41:

    >>> table = {"origin": ["Belgian", "EU", "other", "total"], "n": [120, 41, 3, 164]}
    >>> protected = kp.Disclosure(min_cell=5).protect(kp.Table(table))
    >>> protected.to_frame()["n"]
    array([120.,  nan,  nan, 164.])
    >>> protected.why
    {'would tell another cell': 1, 'too few persons': 1}
    >>> protected.is_safe
    True
    """

    __slots__ = ("__weakref__", "_rules", "native")

    native: _core.Disclosure

    def __init__(
        self,
        *,
        min_cell: int | None = None,
        min_contributors: int | None = None,
        dominance: tuple[int, float] | None = None,
        p_percent: float | None = None,
        rounding: int | None = None,
        zeros: Literal["show", "hide"] = "show",
        min_df: float | None = None,
        digits: int | None = None,
    ) -> None:
        if zeros not in ("show", "hide"):
            message = f'`zeros`: {zeros!r} is not "show" or "hide"'
            raise InputError(message)
        self._rules: dict[str, Any] = {
            "min_cell": _whole("min_cell", min_cell),
            "min_contributors": _whole("min_contributors", min_contributors),
            "dominance": _pair(dominance),
            "p_percent": None if p_percent is None else float(p_percent),
            "rounding": _whole("rounding", rounding),
            "zeros": zeros,
            "min_df": None if min_df is None else float(min_df),
            "digits": _whole("digits", digits),
        }
        given = {**self._rules, "hide_zeros": zeros == "hide"}
        del given["zeros"]
        self.native = _core.Disclosure(**given)

    def rules(self) -> dict[str, Any]:
        """Give the rules that are set."""
        return {
            name: value
            for name, value in self._rules.items()
            if value is not None and value != "show"
        }

    def to_json(self) -> str:
        """Write the profile as JSON."""
        return json.dumps(self.rules())

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read a profile that :meth:`to_json` wrote, or somebody by hand.

        Raises
        ------
        InputError
            If it is no profile, or has a rule that there is not.
        """
        try:
            rules = json.loads(text)
            if isinstance(rules.get("dominance"), list):
                rules["dominance"] = tuple(rules["dominance"])
            return cls(**rules)
        except (json.JSONDecodeError, AttributeError, TypeError) as error:
            message = f"`text` is not a profile: {error}"
            raise InputError(message) from error

    def protect(
        self,
        table: Any,
        *,
        by: Sequence[str] | None = None,
        count: str | None = None,
        contributors: str | None = None,
        shares: Sequence[str] = (),
        sums: Sequence[str] = (),
        means: Sequence[str] = (),
        other: Sequence[str] = (),
        largest: Mapping[str, Sequence[str]] | None = None,
        total: str = "total",
        totals: Literal["shown", "known"] = "shown",
        within: Mapping[str, Mapping[str, str]] | None = None,
        name: str = "table",
        progress: bool | Callback | None = None,
    ) -> Any:
        """Protect a table of counts, shares and sums, or the estimates of a result.

        Parameters
        ----------
        table : data frame, mapping, Fit, Effects, Survival or sequence of tables
            Rows are cells. A mapping of names to dictionaries with a ``table`` and the arguments
            below is a set of linked tables, protected together. Of a model, its coefficients come
            out when it has enough degrees of freedom; of effects, those that rest on enough treated
            and comparisons; of curves, steps at which enough had an event.
        by : sequence of str, optional
            The columns that classify; by default all that hold no numbers.
        count : str, optional
            The column that counts persons; by default that of whole numbers which is called ``n``,
            ``persons``, ``count``, ``n_persons``, ``units`` or ``aantal``.
        contributors : str, optional
            The column with distinct contributors, for ``min_contributors``.
        shares, sums, means : sequence of str
            Columns with shares of the persons (0 to 1), sums and means over them.
        other : sequence of str
            Columns that no rule looks at; emptied with their cell.
        largest : dict, optional
            By column of `sums` and `means`, the columns with the largest contributions, largest
            first. They are never shown. Needed with ``dominance`` and ``p_percent``; see
            :meth:`tabulate`.
        total : str
            The label of a total.
        totals : {"shown", "known"}
            Whether only totals that the table shows are known to an attacker, or all.
        within : dict, optional
            Hierarchies: by variable, a dictionary of parts to what they are part of.
        name : str
            What the table is called in the log.
        progress : bool or callable, optional
            As in :func:`kruispunt.progress`.

        Returns
        -------
        Protected, dict of Protected, or a table of estimates

        Raises
        ------
        InputError
            If a column has no role, or cells make no sense.
        DisclosureError
            If what was released before already tells a cell, or a model is refused.
        """
        session = current()
        if session is None or session.profile is not self:
            released = _core.Released()
        else:
            released = session.released
        estimates = self._estimates(table, name)
        if estimates is not None:
            return estimates[0]
        roles = {
            "by": by, "count": count, "contributors": contributors, "shares": shares, "sums": sums,
            "means": means, "other": other, "largest": largest, "total": total, "totals": totals,
            "within": within, "name": name,
        }  # fmt: skip
        linked = isinstance(table, Mapping) and any(
            isinstance(one, Mapping) and "table" in one for one in table.values()
        )
        given = table if linked else {name: {"table": table, **roles}}
        asked = [_asked(own, called) for called, own in given.items()]
        with reporting(progress) as show:
            natives = self.native.protect(asked, released, show)
        found = {
            called: Protected(native, _like(own["table"]))
            for (called, own), native in zip(given.items(), natives, strict=True)
        }
        if session is not None and session.profile is self:
            session.keep()
        return found if linked else found[name]

    def tabulate(
        self,
        data: IntoTable,
        by: str | Sequence[str],
        *,
        person: str | None = None,
        shares: Sequence[str] = (),
        sums: Sequence[str] = (),
        means: Sequence[str] = (),
        margins: bool = True,
        totals: Literal["shown", "known"] = "shown",
        within: Mapping[str, Mapping[str, str]] | None = None,
        name: str = "table",
        progress: bool | Callback | None = None,
    ) -> Protected:
        """Count persons by variables and protect the table: the rules see each contribution.

        Parameters
        ----------
        data : data frame, mapping, Panel or Table
            Rows of persons, or of persons and periods.
        by : str or sequence of str
            The columns that classify.
        person : str, optional
            The column that names the person of a row; by default each row is a person. The column
            ``n`` counts distinct persons.
        shares : sequence of str
            Columns of truth values, or of 0 and 1, whose shares are shown.
        sums, means : sequence of str
            Columns of numbers.
        margins : bool
            Whether totals are made: never over a variable in which a person has several labels
            (persons by quarter add up to nothing).
        totals, within, name, progress
            As in :meth:`protect`.

        Returns
        -------
        Protected

        Examples
        --------
        >>> people = {"origin": ["EU"] * 6 + ["other"] * 7, "wage": [100.0] * 12 + [9000.0]}
        >>> profile = kp.Disclosure(min_cell=5, dominance=(1, 0.8))
        >>> profile.tabulate(people, "origin", means=["wage"]).why
        {'wage: a few persons make up most of it': 2}
        """
        columns = [by] if isinstance(by, str) else list(by)
        wanted = [*columns, *([person] if person else []), *shares, *sums, *means]
        native = to_table(data, wanted, "data")
        asked = _asked(
            {
                "table": native, "by": columns, "count": "n", "shares": shares, "sums": sums,
                "means": means, "totals": totals, "within": within, "name": name,
            },
            name,
        )  # fmt: skip
        session = current()
        own = session is not None and session.profile is self
        released = session.released if session is not None and own else _core.Released()
        with reporting(progress) as show:
            found = self.native.tabulate(native, asked, person, margins, released, show)
        if session is not None and own:
            session.keep()
        return Protected(found, _like(data))

    def check(self, model: Any) -> str | None:
        """Say why a model may not be shown; ``None`` when it may."""
        return self.native.refuses_model(int(model.n_obs), float(model.df))

    def _estimates(self, result: Any, name: str) -> tuple[Any, int] | None:
        """Give the estimates of a result that may be shown, and how many rows were emptied."""
        from kruispunt.durations import Survival
        from kruispunt.estimate import Fit
        from kruispunt.evaluate import Effects

        if isinstance(result, Fit):
            reason = self.check(result)
            if reason is not None:
                message = f"model {name!r} may not leave the room: {reason}"
                raise DisclosureError(message)
            native, few = self.native.estimates(result.native.tidy(0.05), [], ["Coefficient"])
        elif isinstance(result, Effects):
            tidy = result.native.tidy("pointwise", 0.05, 20_000, 1)
            keep = [column for column in tidy.columns if column in _ESTIMATES]
            native, few = self.native.estimates(tidy, ["n_treated", "n_control"], keep)
        elif isinstance(result, Survival):
            tidy = result.native.tidy(0.05)
            keep = ["time", *tidy.columns[: tidy.columns.index("time")]]
            native, few = self.native.curve(tidy, "n_risk", "n_event", keep)
        else:
            return None
        return to_frame(native, getattr(result, "_like", None)), len(few)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Disclosure) and self._rules == other._rules

    def __hash__(self) -> int:
        return hash(tuple(self._rules.items()))

    def __reduce__(self) -> tuple[Any, ...]:
        return _of_rules, (self._rules,)

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={value!r}" for name, value in self.rules().items())
        return f"Disclosure({given})"

    def _repr_html_(self) -> str:
        return f"<p>Disclosure: {html.escape(self.native.said())}</p>"


def _of_rules(rules: dict[str, Any]) -> Disclosure:
    return Disclosure(**rules)


def _whole(argument: str, value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or value != int(value) or value < 0:
        message = f"`{argument}`: expected a whole number from 0, got {value!r}"
        raise InputError(message)
    return int(value)


def _pair(dominance: Any) -> tuple[int, float] | None:
    if dominance is None:
        return None
    try:
        n, k = dominance
        return int(n), float(k)
    except (TypeError, ValueError) as error:
        message = f"`dominance`: expected (n, k), such as (1, 0.8), got {dominance!r}"
        raise InputError(message) from error


def _like(table: Any) -> Any:
    return None if isinstance(table, _core.Table | Shown) else table


def _asked(roles: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Give a table with the roles of its columns as the native side takes them."""
    unknown = set(roles) - {
        "table", "by", "count", "contributors", "shares", "sums", "means", "other", "largest",
        "total", "totals", "within", "name",
    }  # fmt: skip
    if unknown:
        message = f"`table`: {', '.join(sorted(unknown))} is no role of a column"
        raise InputError(message)
    totals = roles.get("totals", "shown")
    if totals not in ("shown", "known"):
        message = f'`totals`: {totals!r} is not "shown" or "known"'
        raise InputError(message)
    by = roles.get("by")
    table = roles["table"]
    return {
        "table": table if isinstance(table, _core.Table) else to_table(table, None, "table"),
        "name": roles.get("name") or name,
        "by": [by] if isinstance(by, str) else None if by is None else list(by),
        "count": roles.get("count"),
        "contributors": roles.get("contributors"),
        "shares": _list(roles.get("shares")),
        "sums": _list(roles.get("sums")),
        "means": _list(roles.get("means")),
        "other": _list(roles.get("other")),
        "largest": {own: _list(names) for own, names in (roles.get("largest") or {}).items()},
        "total": roles.get("total", "total"),
        "within": {
            variable: {str(part): str(whole) for part, whole in parts.items()}
            for variable, parts in (roles.get("within") or {}).items()
        },
        "known_totals": totals == "known",
    }


def _list(names: Any) -> list[str]:
    return [names] if isinstance(names, str) else list(names or ())
