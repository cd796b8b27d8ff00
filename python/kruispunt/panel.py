"""Spells of days become a person x period panel."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kruispunt import _core
from kruispunt._days import dated, refuse_numbers
from kruispunt._frames import IntoTable, to_table
from kruispunt._shown import Shown
from kruispunt.account import Account
from kruispunt.exceptions import BreakWarning, InputError
from kruispunt.linked import to_register
from kruispunt.table import Table, to_numpy

if TYPE_CHECKING:
    from typing import Self

    from kruispunt.trajectory import Sequences

__all__ = ["Calendar", "Panel", "Spells", "Timeline"]

Names: TypeAlias = str | Iterable[str]
"""One column name or several."""

StateRule: TypeAlias = Literal["last_day", "first_day", "dominant", "main"]
Balance: TypeAlias = Literal["entry_exit", "full", "none"]
Spread: TypeAlias = Literal["days", "daily", "start", "end"]
How: TypeAlias = Literal["ever", "cumulative", "days", "since", "value", "current"]
Change: TypeAlias = Literal["value", "cumulative", "count", "since"]


class Calendar:
    """The periods of a panel: months, quarters or years in a row.

    Made by :meth:`quarters`, :meth:`months` and :meth:`years`.

    Examples
    --------
    >>> cal = kp.Calendar.quarters("2005Q1", "2016Q4")
    >>> len(cal)
    48
    >>> cal
    Calendar of 48 quarters, 2005Q1 to 2016Q4
    """

    __slots__ = ("native",)

    native: _core.Calendar

    def __init__(self, unit: Literal["month", "quarter", "year"], first: str, last: str) -> None:
        self.native = _core.Calendar(unit, str(first), str(last))

    @classmethod
    def _wrap(cls, native: _core.Calendar) -> Self:
        calendar = cls.__new__(cls)
        calendar.native = native
        return calendar

    @classmethod
    def quarters(cls, first: str, last: str) -> Self:
        """Give the quarters from `first` to `last`, both included, such as ``"2005Q1"``.

        Raises
        ------
        InputError
            If one is not a quarter, or the last lies before the first.
        """
        return cls("quarter", first, last)

    @classmethod
    def months(cls, first: str, last: str) -> Self:
        """Give the months from `first` to `last`, both included, such as ``"2005-01"``."""
        return cls("month", first, last)

    @classmethod
    def years(cls, first: str | int, last: str | int) -> Self:
        """Give the years from `first` to `last`, both included, such as ``"2005"``."""
        return cls("year", str(first), str(last))

    @property
    def unit(self) -> str:
        """The length of a period: ``"month"``, ``"quarter"`` or ``"year"``."""
        return self.native.unit

    @property
    def labels(self) -> list[str]:
        """The periods, written out."""
        return self.native.labels()

    def __len__(self) -> int:
        return len(self.native)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Calendar) and self.native == other.native

    def __hash__(self) -> int:
        return hash(tuple(self.labels))

    def __reduce__(self) -> tuple[Any, tuple[_core.Calendar]]:
        return Calendar._wrap, (self.native,)

    def __repr__(self) -> str:
        labels = self.labels
        plural = "" if len(labels) == 1 else "s"
        return f"Calendar of {len(labels)} {self.unit}{plural}, {labels[0]} to {labels[-1]}"


class Spells(Shown):
    """Spells: what persons did from one day to another.

    A row is a spell with a first and a last day, both included (`start` and `end`; a missing end
    is a spell that has not ended, and so is 31 December 9999), an event of one day (`day`), or a
    row of a periodic register (`period`: the spell is the quarter). Rows may stand in any order
    and overlap. Methods give new spells and leave these as they are; each adds a step to
    ``.account``.

    Parameters
    ----------
    data : data frame, mapping, Table or Linked
        The register, in any kind of table. What happened to the rows of a linked register
        (:meth:`kruispunt.linkage.Links.attach`) joins the account.
    person : str
        The column of identifiers: whole numbers or text.
    start, end : str, optional
        The columns of first and last days: dates or text such as ``2012-03-31``.
    day : str, optional
        The column of days, for events.
    period : str, optional
        The column of periods, for periodic registers: ``2012Q1`` and the like.
    unit : {"quarter", "month", "year"}
        The unit of `period`.
    state : str, optional
        The column of states.
    source : str, optional
        The column that says which register a row comes from.
    carry : sequence of str, optional
        Further columns to keep; all of them by default.
    name : str
        What the register is called in accounts and in the names of attached columns.
    ends : {"inclusive", "exclusive"}
        Whether the day in `end` belongs to the spell.
    on_inverted : {"error", "drop"}
        What to do with spells that end before they start.
    on_missing : {"error", "drop"}
        What to do with rows without person or first day.
    origin : {"unix", "sas", "stata", "excel", "excel1904"} or str, optional
        What day 0 is, where `start`, `end` or `day` hold numbers of days: the convention of a
        program, or a day such as ``"1960-01-01"``. Numbers without an origin are refused, since
        the same number is another day in each program.
    breaks : mapping of str to date or str, optional
        Days on which the register changed what it counts, by name (see :meth:`breaks`). A panel of
        spells that go on over one warns of it by name, unless a :meth:`crosswalk` brought their
        codes to one list.

    Attributes
    ----------
    account : Account
        What happened to the rows so far.

    Raises
    ------
    InputError
        If a column is not there or has the wrong type, a cell is no date, the table has no rows,
        or a row cannot be a spell. The message names argument, column and row (from 0).

    Examples
    --------
    >>> jobs = kp.Spells(
    ...     {
    ...         "pid": [7, 7, 9],
    ...         "start": ["2012-01-01", "2012-02-01", "2012-03-15"],
    ...         "end": ["2012-12-31", "2012-02-29", None],
    ...         "status": ["employee", "self-employed", "jobseeker"],
    ...         "wage": [36_600.0, 4_000.0, None],
    ...     },
    ...     person="pid", start="start", end="end", state="status", name="jobs",
    ... )
    >>> jobs
    Spells of jobs: 3 spells of 2 persons
    >>> timeline = jobs.clip(kp.Calendar.quarters("2012Q1", "2012Q4")).resolve(["-wage"])
    >>> timeline.to_frame()["status"].tolist()
    ['employee', 'jobseeker']
    """

    __slots__ = ("_breaks", "native")

    native: _core.Spells
    _breaks: tuple[tuple[str, str], ...]

    def __init__(
        self,
        data: IntoTable,
        *,
        person: str,
        start: str | None = None,
        end: str | None = None,
        day: str | None = None,
        period: str | None = None,
        unit: Literal["quarter", "month", "year"] = "quarter",
        state: str | None = None,
        source: str | None = None,
        carry: Sequence[str] | None = None,
        name: str = "spells",
        ends: Literal["inclusive", "exclusive"] = "inclusive",
        on_inverted: Literal["error", "drop"] = "error",
        on_missing: Literal["error", "drop"] = "error",
        origin: str | None = None,
        breaks: Mapping[str, Any] | None = None,
    ) -> None:
        roles = {
            "name": name, "person": person, "start": start, "end": end, "day": day,
            "period": period, "unit": unit, "state": state, "source": source,
            "carry": None if carry is None else _names(carry, "carry"),
            "ends": ends, "on_inverted": on_inverted, "on_missing": on_missing,
        }  # fmt: skip
        for argument in ("person", "start", "end", "day", "period", "state", "source"):
            value = roles[argument]
            if value is not None and not isinstance(value, str):
                raise InputError(f"`{argument}`: expected the name of a column")
        dates = [column for column in (start, end, day) if column is not None]
        register = to_register(data)
        if origin is not None:
            register = dated(register, dates, origin)
        else:
            refuse_numbers(register, [("start", start), ("end", end), ("day", day)])
        self.native = _core.Spells.read(register, roles)
        self._like = _face(data)
        self._breaks = _break_days(breaks)

    @classmethod
    def from_wide(
        cls,
        data: IntoTable,
        *,
        person: str,
        columns: Mapping[str, str],
        unit: Literal["quarter", "month", "year"] = "quarter",
        state: str = "state",
        name: str = "spells",
    ) -> Self:
        """Read a register with a column for each period.

        Equal states in neighbouring periods become one spell. A missing state is no spell; a
        period that is not among the columns ends one.

        Parameters
        ----------
        data : data frame, mapping, Table or Linked
            One row a person, or several.
        person : str
            The column of identifiers.
        columns : mapping of str to str
            The columns of states with the period of each: ``{"y_2012Q1": "2012Q1"}``.
        unit : {"quarter", "month", "year"}
            What the periods are.
        state : str
            What the column of states is called in the spells.
        name : str
            What the register is called in accounts.

        Raises
        ------
        InputError
            If a column is not there, the columns have different types, a period does not parse or
            is there twice.

        Examples
        --------
        >>> wide = {"pid": [7, 9], "q1": ["work", None], "q2": ["work", "study"]}
        >>> kp.Spells.from_wide(wide, person="pid", columns={"q1": "2012Q1", "q2": "2012Q2"})
        Spells of spells: 2 spells of 2 persons
        """
        pairs = [(str(column), str(period)) for column, period in columns.items()]
        native = _core.Spells.from_wide(to_register(data), person, pairs, unit, state, name)
        return cls._wrap(native, _face(data))

    @classmethod
    def stack(cls, registers: Sequence[Spells | Timeline], *, source: str = "source") -> Self:
        """Put several registers into one, with a column that says where each spell comes from.

        Columns of the same name are one column; where a register lacks one, its spells have
        missing values. The registers' order is the order of the categories of `source`, so
        ``resolve("source")`` lets the first register win.

        Parameters
        ----------
        registers : sequence of Spells or Timeline
            Registers of different names, of persons identified the same way.
        source : str
            What the new column is called.

        Raises
        ------
        InputError
            If two registers have one name, or columns of one name have different types.

        Examples
        --------
        >>> job = {"pid": [7], "start": ["2012-01-01"], "end": ["2012-12-31"]}
        >>> jobs = kp.Spells(job, person="pid", start="start", end="end", name="jobs")
        >>> leave = {"pid": [7], "start": ["2012-03-01"], "end": ["2012-03-31"]}
        >>> leaves = kp.Spells(leave, person="pid", start="start", end="end", name="leaves")
        >>> kp.Spells.stack([leaves, jobs]).resolve("source").to_frame()["source"].tolist()
        ['jobs', 'leaves', 'jobs']
        """
        listed = list(registers)
        natives = [_spells(one, f"registers[{at}]") for at, one in enumerate(listed)]
        native = _core.Spells.stack(natives, source)
        breaks = {pair: None for one in listed for pair in one._breaks}
        return cls._wrap(native, listed[0]._like, tuple(breaks))

    @classmethod
    def _wrap(
        cls, native: _core.Spells, like: Any, breaks: tuple[tuple[str, str], ...] = ()
    ) -> Self:
        spells = cls.__new__(cls)
        spells.native = native
        spells._like = like
        spells._breaks = breaks
        return spells

    def _new(self, native: _core.Spells) -> Self:
        return self._wrap(native, self._like, self._breaks)

    @property
    def account(self) -> Account:
        """What happened to the rows so far."""
        return Account.from_json(self.native.account)

    @property
    def name(self) -> str:
        """What the register is called."""
        return self.native.name

    @property
    def persons(self) -> int:
        """The number of persons."""
        return self.native.persons

    @property
    def columns(self) -> list[str]:
        """The names of the carried columns."""
        return self.native.columns

    def check(self, calendar: Calendar | None = None, *, next_state: str | None = None) -> Any:
        """Look for what commonly is wrong with spells; changes nothing.

        Within a person, in order of start: ``overlap`` (starts while an earlier spell lasts),
        ``duplicate`` (days and all columns equal an earlier spell), ``gap`` (days without a spell
        before it, the same state after), ``jump`` (as a gap, but another state after it: a
        transition went unseen), ``outside`` (days outside `calendar`), ``open`` (no end),
        ``teleport`` (abuts the spell before, which said in `next_state` that the person would be in
        another state), and the rows that were dropped when reading: ``inverted``, ``empty``,
        ``no person``, ``no first day``.

        Parameters
        ----------
        calendar : Calendar, optional
            Days outside it are findings.
        next_state : str, optional
            A column that says in which state the person is after the spell; missing says nothing.

        Returns
        -------
        data frame
            One row a finding: `finding`, `spells`, `persons`, `first_rows` (at most five).

        References
        ----------
        Therneau, T. (2024), *survival*, function ``survcheck``, for gap and jump.

        Examples
        --------
        >>> spells = kp.Spells(
        ...     {"pid": [1, 1], "from": ["2012-01-01", "2012-01-20"],
        ...      "to": ["2012-01-31", "2012-02-05"]},
        ...     person="pid", start="from", end="to",
        ... )
        >>> found = spells.check()
        >>> dict(zip(found["finding"], found["spells"].tolist()))["overlap"]
        1
        """
        return self._frame(
            self.native.check(None if calendar is None else calendar.native, next_state)
        )

    def crosswalk(
        self,
        column: str,
        table: IntoTable,
        *,
        code: str,
        to: str,
        valid_from: str | None = None,
        valid_to: str | None = None,
        on_unknown: Literal["error", "keep", "null"] = "error",
    ) -> Self:
        """Replace the codes of a column by those of another list, as they were valid on the days.

        A spell that goes on over the day on which its code changed becomes two; amounts are shared
        out by days. Codes are compared as they are written: ``"011"`` and ``"11"`` are two. A
        missing code stays missing.

        Parameters
        ----------
        column : str
            The column to recode; it keeps its name and becomes text.
        table : data frame, mapping, Table or Linked
            One row a code and a time of validity.
        code, to : str
            Its columns of old and new codes.
        valid_from, valid_to : str, optional
            Its columns of first and last days of validity, both included; missing is no limit.
        on_unknown : {"error", "keep", "null"}
            What becomes of a code that has no line on a day of a spell.

        Raises
        ------
        InputError
            If a code is not in the table on a day of a spell (with its row), unless `on_unknown`
            says otherwise; if two lines of one code share a day, or a column is not there.

        Examples
        --------
        >>> home = kp.Spells(
        ...     {"pid": [7], "from": ["2018-07-01"], "to": ["2019-06-30"], "nis": ["44001"]},
        ...     person="pid", start="from", end="to",
        ... )
        >>> lines = {"code": ["44001", "44001"], "to": ["44001", "44084"],
        ...          "first": [None, "2019-01-01"], "last": ["2018-12-31", None]}
        >>> home.crosswalk(
        ...     "nis", lines, code="code", to="to", valid_from="first", valid_to="last"
        ... ).to_frame()["nis"].tolist()
        ['44001', '44084']
        """
        if (valid_from is None) != (valid_to is None):
            raise InputError("`valid_from`: name both columns of validity, or neither")
        valid = None if valid_from is None or valid_to is None else (valid_from, valid_to)
        register = to_register(table, "table")
        native = self.native.crosswalk(column, register, (code, to), valid, on_unknown)
        return self._wrap(native, self._like)

    def breaks(
        self, breaks: Mapping[str, Any], *, on_break: Literal["error", "warn", "cut"] = "error"
    ) -> Self:
        """Look for spells that go on over days on which the register changed what it counts.

        Parameters
        ----------
        breaks : mapping of str to date or str
            Names, and the first day after each change: ``{"dibiss": "2017-01-01"}``. Those of the
            Belgian registers are the ``register`` events of :func:`kruispunt.belgium.calendar`.
        on_break : {"error", "warn", "cut"}
            Stop with the row; warn by name (:class:`~kruispunt.exceptions.BreakWarning`); or cut
            spells there, so that none lies on both sides.

        Raises
        ------
        InputError
            If a spell crosses a break, unless `on_break` says otherwise.

        Examples
        --------
        >>> job = {"pid": [7], "start": ["2016-07-01"], "end": ["2017-06-30"]}
        >>> jobs = kp.Spells(job, person="pid", start="start", end="end", name="jobs")
        >>> len(jobs.breaks({"dibiss": "2017-01-01"}, on_break="cut"))
        2
        """
        pairs = _break_days(breaks)
        native, counts = self.native.breaks(pairs, on_break)
        if on_break == "warn":
            _warn_of_breaks(self.name, pairs, counts, stacklevel=3)
        return self._new(native)

    def clip(self, calendar: Calendar) -> Self:
        """Shorten spells to the calendar and leave out those outside.

        Amounts keep belonging to the whole spell: days cut off take their share along in a panel. A
        frame of these spells still shows the whole amount, so do not read it in as spells again.
        """
        return self._new(self.native.clip(calendar.native))

    def cut(self, calendar: Calendar) -> Self:
        """Cut spells at the ends of the calendar's periods, so that none lies in two.

        Days outside the calendar are not cut. Amounts keep belonging to the whole spell and are
        shared out by days in a panel. A frame of the pieces shows the whole amount in each, so do
        not read it in as spells again.
        """
        return self._new(self.native.cut(calendar.native))

    def intersect(self, other: Spells | Timeline) -> Self:
        """Keep the parts of the spells on days that `other` covers for the same person.

        Examples
        --------
        >>> job = {"pid": [7], "start": ["2012-01-01"], "end": ["2012-12-31"]}
        >>> jobs = kp.Spells(job, person="pid", start="start", end="end", name="jobs")
        >>> leave = {"pid": [7], "start": ["2012-03-01"], "end": ["2012-03-31"]}
        >>> leaves = kp.Spells(leave, person="pid", start="start", end="end", name="leaves")
        >>> len(jobs.intersect(leaves)), len(jobs.subtract(leaves))
        (1, 2)
        """
        return self._new(self.native.intersect(_spells(other, "other")))

    def subtract(self, other: Spells | Timeline) -> Self:
        """Keep the parts of the spells on days that `other` does not cover for the same person."""
        return self._new(self.native.subtract(_spells(other, "other")))

    def complement(self, calendar: Calendar) -> Self:
        """Give the days of the calendar on which a person has no spell, as spells.

        Persons without any spell are not in the register and have no complement. Intersect with
        residence to leave out days on which nobody could have had one.
        """
        return self._new(self.native.complement(calendar.native))

    def censor(
        self, data: IntoTable, *, day: str, person: str | None = None, reason: str = "censoring"
    ) -> Self:
        """End each person's spells on a last day: death, emigration, end of follow-up.

        The day itself belongs to the spell. Of several days for a person the earliest counts
        (and the account says for how many persons); a missing day is no limit.

        Parameters
        ----------
        data : data frame, mapping or Table
            One or more rows a person.
        day : str
            The column of last days.
        person : str, optional
            The column of identifiers; by default called as here.
        reason : str
            Why spells end there, for the account.
        """
        person = self.native.person if person is None else person
        table = to_table(data, [person, day])
        return self._new(self.native.censor(table, person, day, reason))

    def merge(
        self,
        gap: int | str | None = 0,
        *,
        by: Names = (),
        sum: Names = (),  # noqa: A002 - the word of the aggregate
        across_states: bool = False,
    ) -> Self:
        """Make one spell of spells that overlap or follow within a gap of days.

        Parameters
        ----------
        gap : int, str or None
            The most days without a spell to bridge. 0: a spell that ends the day before the next
            starts; None: gaps of any length. A column's name: as many days as the spell before the
            gap says there (the one that ends last; missing is 0), such as 92 where the employer
            notified the end of a job and 366 elsewhere.
        by : str or sequence of str
            Only spells that agree on these columns (and on the state) merge; a missing value
            agrees with nothing.
        sum : str or sequence of str
            Amounts to add up. Other columns keep the value of the first spell; the account counts
            where they disagreed.
        across_states : bool
            Merge spells of different states too.

        Examples
        --------
        >>> weeks = kp.Spells(
        ...     {"pid": [1, 1], "from": ["2012-01-01", "2012-01-20"],
        ...      "to": ["2012-01-10", "2012-02-05"]},
        ...     person="pid", start="from", end="to",
        ... )
        >>> len(weeks.merge(gap=8)), len(weeks.merge(gap=9))
        (2, 1)
        """
        days: int | str | None = gap
        if gap is not None and not isinstance(gap, str):
            days = min(_whole(gap, "gap", "a number of days"), 2**31 - 1)
        return self._new(
            self.native.merge(days, _names(by, "by"), _names(sum, "sum"), bool(across_states))
        )

    def split(
        self,
        *,
        count: bool = False,
        sum: Names = (),  # noqa: A002
        amount: Names = (),
        mean: Names = (),
        max: Names = (),  # noqa: A002
        top: Names = (),
        order: Names = (),
    ) -> Self:
        """Cut spells at every day on which a spell of the same person starts or ends.

        Afterwards spells of a person have the same days or none in common: the elementary
        episodes, with one row for each spell that covers them. Aggregates over the covering spells
        stand in each of these rows.

        Parameters
        ----------
        count : bool
            Add `count`, the number of covering spells.
        sum, mean, max : str or sequence of str
            Add `<name>_sum`, `<name>_mean`, `<name>_max` of the values as they stand.
        amount : str or sequence of str
            Add `<name>_amount`: of amounts that belong to whole spells, the share of these days.
        top : str or sequence of str
            Add `<name>_top`: what the best of the covering spells carries.
        order : str or sequence of str
            Which is best, as in :meth:`resolve`; ties go to the lowest row number, counted.
        """
        made = _aggregates(count, sum, amount, mean, max, top=top)
        return self._new(self.native.split(made, _names(order, "order")))

    def episodes(
        self,
        *,
        count: bool = False,
        sum: Names = (),  # noqa: A002
        amount: Names = (),
        mean: Names = (),
        max: Names = (),  # noqa: A002
        top: Names = (),
        order: Names = (),
    ) -> Timeline:
        """Give the elementary episodes, one row each, with aggregates as in :meth:`split`.

        With the state among `top`, the state of the best spell is the state of the timeline.
        """
        made = _aggregates(count, sum, amount, mean, max, top=top)
        native = self.native.episodes(made, _names(order, "order"))
        return Timeline._wrap(native, self._like, self._breaks)

    def identify(self, crosswalk: IntoTable, *, person: str, key: str | None = None) -> Self:
        """Put persons in the place of the identifiers the spells were read with.

        A register of actions knows clients, and who the clients are was linked. Spells whose
        identifier is not in the crosswalk, or has no person there, are left out and counted. Two
        identifiers of one person give one person with the spells of both.

        Parameters
        ----------
        crosswalk : data frame, mapping, Table or Linked
            One row for each identifier. The account of a linked register
            (:meth:`kruispunt.linkage.Links.attach`) joins the account of the spells.
        person : str
            Its column of persons.
        key : str, optional
            Its column of identifiers; by default called as here.

        Raises
        ------
        InputError
            If an identifier has two rows with different persons, or a column is not there.

        Examples
        --------
        >>> actions = kp.Spells(
        ...     {"client": [101, 102, 103], "day": ["2012-01-09", "2012-03-01", "2012-02-01"]},
        ...     person="client", day="day",
        ... )
        >>> actions.identify({"client": [101, 102], "pid": [7, 7]}, person="pid")
        Spells of spells: 2 spells of 1 person
        """
        key = self.native.person if key is None else key
        return self._new(self.native.identify(to_register(crosswalk, "crosswalk"), key, person))

    def resolve(self, order: Names) -> Timeline:
        """Let the best spell win each day.

        Spells of a person are ordered by the columns of `order`, one after the other, missing
        values last; remaining ties go to the lowest row number and are counted in the account.

        Parameters
        ----------
        order : str or sequence of str
            Column names; a leading minus puts the largest value first. ``"source"``, ``"state"``,
            ``"start"`` and ``"end"`` stand for the columns of that meaning.

        Returns
        -------
        Timeline
            Spells proven without overlap.
        """
        return Timeline._wrap(self.native.resolve(_names(order, "order")), self._like, self._breaks)

    def to_panel(
        self,
        calendar: Calendar,
        *,
        state: StateRule | int | None = None,
        values: Names = (),
        days: bool = False,
        days_by_state: bool = False,
        count: bool = False,
        sum: Names = (),  # noqa: A002
        spread: Spread = "days",
        mean: Names = (),
        balance: Balance = "entry_exit",
        presence: Spells | None = None,
        born: Spells | None = None,
        arrived: Spells | None = None,
        died: Spells | None = None,
        period_name: str | None = None,
        order: Names = (),
        dominant: bool = False,
    ) -> Panel:
        """Make the panel of spells that may overlap.

        Days, amounts and counts add up. States and values need an `order` that says which spell
        counts where several do, or a :class:`Timeline`: without either, spells that overlap raise
        a :class:`~kruispunt.exceptions.PanelError`. All arguments are those of
        :meth:`Timeline.to_panel`.

        Examples
        --------
        The main job of a quarter, by most days, then pay:

        >>> jobs = kp.Spells(
        ...     {"pid": [7, 7], "start": ["2012-01-01", "2012-02-01"],
        ...      "end": ["2012-01-31", "2012-03-31"], "employer": [1, 2], "pay": [900.0, 500.0]},
        ...     person="pid", start="start", end="end",
        ... )
        >>> cal = kp.Calendar.quarters("2012Q1", "2012Q1")
        >>> jobs.to_panel(cal, state="main", order=["-days", "-pay"], values="employer", sum="pay")[
        ...     "employer"
        ... ]
        array([2])
        """
        cells = _cells(
            state, values, sum, mean, order, presence=presence, born=born, arrived=arrived,
            died=died, days=bool(days), days_by_state=bool(days_by_state), count=bool(count),
            spread=spread, balance=balance, period_name=period_name, dominant=bool(dominant),
        )  # fmt: skip
        if self._breaks:
            _, counts = self.native.breaks(self._breaks, "warn")
            _warn_of_breaks(self.name, self._breaks, counts, stacklevel=3)
        return Panel._wrap(self.native.to_panel(calendar.native, cells), self._like)

    def __kruispunt_table__(self) -> _core.Table:
        return self.native.table()

    def __len__(self) -> int:
        return len(self.native)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Spells) and self.native == other.native

    __hash__ = None  # type: ignore[assignment]  # compared by content, as data frames are

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return Spells._wrap, (self.native, _portable(self._like), self._breaks)

    def __repr__(self) -> str:
        return f"Spells of {self.name}: {_counted(len(self), self.persons, 'spell')}"


class Timeline(Shown):
    """Spells of which no two of one person overlap: on every day one state at most.

    Made by :meth:`Spells.resolve` and :meth:`Spells.episodes`. Only a timeline becomes the states
    of a panel.
    """

    __slots__ = ("_breaks", "native")

    native: _core.Timeline
    _breaks: tuple[tuple[str, str], ...]

    @classmethod
    def _wrap(
        cls, native: _core.Timeline, like: Any, breaks: tuple[tuple[str, str], ...] = ()
    ) -> Self:
        timeline = cls.__new__(cls)
        timeline.native = native
        timeline._like = like
        timeline._breaks = breaks
        return timeline

    @property
    def spells(self) -> Spells:
        """The spells, to go on shaping them."""
        return Spells._wrap(self.native.spells(), self._like, self._breaks)

    @property
    def account(self) -> Account:
        """What happened to the rows so far."""
        return self.spells.account

    @property
    def persons(self) -> int:
        """The number of persons."""
        return self.spells.persons

    def to_panel(
        self,
        calendar: Calendar,
        *,
        state: StateRule | int | None = "last_day",
        values: Names = (),
        days: bool = False,
        days_by_state: bool = False,
        count: bool = False,
        sum: Names = (),  # noqa: A002
        spread: Spread = "days",
        mean: Names = (),
        balance: Balance = "entry_exit",
        presence: Spells | None = None,
        born: Spells | None = None,
        arrived: Spells | None = None,
        died: Spells | None = None,
        period_name: str | None = None,
        order: Names = (),
        dominant: bool = False,
    ) -> Panel:
        """Make the panel: one row for a person and a period.

        Parameters
        ----------
        calendar : Calendar
            The periods.
        state : {"last_day", "first_day", "dominant", "main"}, int or None
            Which state of the period column `state` shows: that of the last day (as quarter-end
            nomenclatures do), the first, the n-th day (counted from 1), the one with most days
            (equal days go to the first state in natural order, counted), or that of the first
            spell by `order` among those that touch the period. None: no such column, as when the
            spells have no state.
        values : str or sequence of str
            What the spell that gives the state carries in these columns.
        days : bool
            Add `days`, the days covered.
        days_by_state : bool
            Add `days_<state>` for each state.
        count : bool
            Add `count`, the spells that touch the period.
        sum : str or sequence of str
            Numbers of spells to add up, under their own names. A missing number adds nothing; a
            cell no spell brings a number to is missing.
        spread : {"days", "daily", "start", "end"}
            How a number falls into periods. ``"days"``: an amount of the whole spell, divided
            evenly over the days it had when it was read, so that days clipped off or lost to a
            better spell take their share along. ``"daily"``: a rate per day, times days.
            ``"start"``, ``"end"``: the whole amount, in the period in which the spell starts or
            ends.
        mean : str or sequence of str
            Add `<name>_mean`, weighted by days.
        balance : {"entry_exit", "full", "none"}
            Which periods become rows: all from a person's first period with a record to the last,
            all of the calendar, or only those with a record. Unless ``"none"``, column `reason`
            says why a cell has no record: ``no record``, ``before entry``, ``after exit``,
            ``not resident``, ``not born``, ``not arrived``, ``dead``.
        presence : Spells, optional
            Spells of residence: a cell without a record and without a day of presence is
            ``not resident``.
        born, arrived, died : Spells, optional
            Events (``kp.Spells(..., day=...)``), of which each person's first counts: a cell
            without a record in a period before the birth is ``not born``, before the arrival
            ``not arrived``, after the death ``dead``.
        period_name : str, optional
            The name of the period column; by default that of the unit.
        order : str or sequence of str
            Which spell counts where several do, as in :meth:`Spells.resolve`; ties go to the
            lowest row number, counted. With ``state="main"``, ``days`` stands for the days of the
            spell in the period: ``["-days", "-wage", "employer"]``.
        dominant : bool
            Add `dominant`, the state with most days (where spells overlap, each counts its own).

        Raises
        ------
        PanelError
            If an open spell has an amount to divide.
        InputError
            If a column is not there, holds no numbers, or holds NaN.

        Examples
        --------
        >>> jobs = kp.Spells(
        ...     {"pid": [7, 7], "start": ["2011-12-31", "2012-04-01"],
        ...      "end": ["2012-03-31", "2012-06-29"], "status": ["employee", "jobseeker"],
        ...      "wage": [92.0, None]},
        ...     person="pid", start="start", end="end", state="status",
        ... )
        >>> panel = jobs.resolve("start").to_panel(
        ...     kp.Calendar.quarters("2011Q4", "2012Q4"), days=True, sum="wage"
        ... )
        >>> kp.Table(panel).select("quarter", "state", "days", "wage")
        quarter  state     days  wage
        -------  --------  ----  ----
        2011Q4   employee     1     1
        2012Q1   employee    91    91
        2012Q2               90
        3 rows x 4 columns
        """
        spells = self.native.spells()
        if state == "last_day" and not spells.has_state:
            state = None
        cells = _cells(
            state, values, sum, mean, order, presence=presence, born=born, arrived=arrived,
            died=died, days=bool(days), days_by_state=bool(days_by_state), count=bool(count),
            spread=spread, balance=balance, period_name=period_name, dominant=bool(dominant),
        )  # fmt: skip
        if self._breaks:
            own = self.native.spells()
            _, counts = own.breaks(self._breaks, "warn")
            _warn_of_breaks(own.name, self._breaks, counts, stacklevel=3)
        return Panel._wrap(self.native.to_panel(calendar.native, cells), self._like)

    def attach(
        self,
        changes: Spells,
        how: Change = "value",
        *,
        column: str | None = None,
        name: str | None = None,
    ) -> Self:
        """Cut the timeline at the days of changes, and add a column made of them.

        What ``tmerge`` of R's *survival* does, by days: a change holds from its day on. The account
        tells how many changes fell before a person's first spell (early), after the last (late),
        into a gap, within a spell, at the boundary of two spells, at the first day of one
        (leading), on the day after one (trailing), and on the day of another change (tied: the
        highest row number gives the value).

        Parameters
        ----------
        changes : Spells
            Events of the same persons (``kp.Spells(..., day=...)``); of spells the first day counts.
        how : {"value", "cumulative", "count", "since"}
            ``"value"``: what the latest change carries in `column`, missing before the first (a
            change without a value is none). ``"cumulative"``: how many changes there have been.
            ``"count"``: how many fall on the first day of the piece. ``"since"``: days from the
            latest change to the first day of the piece.
        column : str, optional
            For ``"value"``.
        name : str, optional
            The new column; by default `column`, or the name of the changes and `how`.

        References
        ----------
        Therneau, T., Crowson, C., & Atkinson, E. (2024). Using time dependent covariates and time
        dependent coefficients in the Cox model. Vignette of the R package *survival*.

        Examples
        --------
        >>> stay = {"pid": [7], "from": ["2012-01-01"], "to": ["2012-12-31"]}
        >>> timeline = kp.Spells(stay, person="pid", start="from", end="to").resolve([])
        >>> moves = kp.Spells(
        ...     {"pid": [7], "on": ["2012-03-01"], "nis": ["44021"]}, person="pid", day="on"
        ... )
        >>> timeline.attach(moves, column="nis").to_frame()["nis"].tolist()
        [None, '44021']
        """
        inner = _spells(changes, "changes")
        if name is None:
            name = column if column is not None else f"{inner.name}_{how}"
        return self._wrap(self.native.attach(inner, how, name, column), self._like, self._breaks)

    def __kruispunt_table__(self) -> _core.Table:
        return self.native.spells().table()

    def __len__(self) -> int:
        return len(self.native.spells())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Timeline) and self.native == other.native

    __hash__ = None  # type: ignore[assignment]  # compared by content, as data frames are

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return Timeline._wrap, (self.native, _portable(self._like), self._breaks)

    def __repr__(self) -> str:
        spells = self.native.spells()
        return f"Timeline of {spells.name}: {_counted(len(self), spells.persons, 'spell')}"


class Panel(Shown):
    """A panel: at most one row for a person and a period, sorted by person, then period.

    Made by :meth:`Timeline.to_panel` and :meth:`Spells.to_panel`; this constructor takes a table
    that already is a panel, in any order of rows. Panels do not change: methods give new ones.

    Parameters
    ----------
    data : data frame, mapping or Table
        One row for a person and a period.
    person : str
        The column of identifiers.
    period : str
        The column of periods: ``2012Q1`` and the like, dates, or pandas periods.
    unit : {"quarter", "month", "year"}
        The unit of `period`.

    Attributes
    ----------
    account : Account
        What happened to the rows so far.

    Raises
    ------
    InputError
        If a person has two rows in a period (with the two rows), a period does not parse, or the
        table has no rows.

    Examples
    --------
    >>> panel = kp.Panel(
    ...     {"pid": [9, 7, 7], "q": ["2012Q1", "2012Q3", "2012Q1"], "wage": [9.0, 8.0, 7.0]},
    ...     person="pid", period="q",
    ... )
    >>> panel
    Panel of 2 persons x 3 quarters, 2012Q1 to 2012Q3: 3 rows
    >>> panel.lag("wage", 2)["wage_lag2"]
    array([nan,  7., nan])
    """

    __slots__ = ("native",)

    native: _core.Panel

    def __init__(
        self,
        data: IntoTable,
        *,
        person: str,
        period: str,
        unit: Literal["quarter", "month", "year"] = "quarter",
    ) -> None:
        self.native = _core.Panel.from_table(to_table(data), person, period, unit)
        self._like = _face(data)

    @classmethod
    def _wrap(cls, native: _core.Panel, like: Any) -> Self:
        panel = cls.__new__(cls)
        panel.native = native
        panel._like = like
        return panel

    def _new(self, native: _core.Panel) -> Self:
        return self._wrap(native, self._like)

    @property
    def account(self) -> Account:
        """What happened to the rows so far."""
        return Account.from_json(self.native.account)

    def flow(self) -> Account:
        """Give the account: from the register's rows to the rows analysed."""
        return self.account

    @property
    def calendar(self) -> Calendar:
        """The periods."""
        return Calendar._wrap(self.native.calendar)

    @property
    def persons(self) -> int:
        """The number of persons."""
        return self.native.persons

    @property
    def columns(self) -> list[str]:
        """The names of all columns, person and period first."""
        return self.native.columns

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self), len(self.columns)

    def __getitem__(self, name: str) -> NDArray[Any]:
        """Give a column as a new NumPy array.

        Missing is NaN in numbers (whole numbers become real ones then), NaT in dates and ``None``
        in text, categories, periods and truth values.
        """
        return to_numpy(self.native.column(name))

    def with_column(self, name: str, values: Any) -> Self:
        """Add a column, or put another in the place of the one of that name.

        Parameters
        ----------
        name : str
            Not the name of the person or period column.
        values : array, series or list, shape (n,)
            One value a row, in the order of the panel. NaN in a NumPy array is missing, since
            NumPy has no other way to say so; infinity is kept, and refused by the verbs that meet
            it.

        Raises
        ------
        InputError
            If there is not one value a row.

        Examples
        --------
        >>> panel = kp.Panel(
        ...     {"pid": [7, 7], "q": ["2012Q1", "2012Q2"], "wage": [0.0, 8.0]},
        ...     person="pid", period="q",
        ... )
        >>> panel.with_column("employed", panel["wage"] > 0)["employed"]
        array([False,  True])
        """
        return self._new(self.native.with_column(name, _column(values, name)))

    def attach(
        self,
        spells: Spells | Timeline,
        how: How = "ever",
        *,
        column: str | None = None,
        name: str | None = None,
    ) -> Self:
        """Add a column made of spells or events of the same persons.

        Parameters
        ----------
        spells : Spells or Timeline
            Of the same persons, matched by identifier.
        how : {"ever", "cumulative", "days", "since", "value", "current"}
            ``"ever"``: whether a spell has started by the last day of the period. ``"cumulative"``:
            how many have. ``"days"``: days of the period covered by at least one. ``"since"``:
            periods since the first started, missing before. ``"value"``: what the latest started
            spell carries in `column`, over or not. ``"current"``: what the spell that covers the
            reference day carries in `column`.
        column : str, optional
            For ``"value"`` and ``"current"``.
        name : str, optional
            The new column; by default `column`, or the name of the spells and `how`:
            ``training_ever``.

        Examples
        --------
        >>> panel = kp.Panel({"pid": [7, 7], "q": ["2012Q1", "2012Q2"]}, person="pid", period="q")
        >>> nt2 = kp.Spells({"pid": [7], "on": ["2012-06-30"]}, person="pid", day="on", name="nt2")
        >>> panel.attach(nt2)["nt2_ever"]
        array([False,  True])
        """
        inner = _spells(spells, "spells")
        if name is None:
            name = column if column is not None else f"{inner.name}_{how}"
        return self._new(self.native.attach(inner, how, name, column))

    def as_of(
        self,
        spells: Spells | Timeline,
        columns: Names | None = None,
        *,
        tolerance: int = 0,
    ) -> Self:
        """Add the values that hold on the reference day of each period.

        Missing where no spell covers the day; where several do, the one that started last counts,
        then the highest row number (counted in the account).

        Parameters
        ----------
        spells : Spells or Timeline
            Of the same persons: municipality, permit, household position.
        columns : str or sequence of str, optional
            The columns to add; all that the spells carry by default.
        tolerance : int
            Where no spell covers the day, take the last that ended at most so many days before it,
            and failing that the first that starts at most as many days after. The account tells
            how many rows took their values so.
        """
        inner = _spells(spells, "spells")
        names = inner.columns if columns is None else _names(columns, "columns")
        days = min(_whole(tolerance, "tolerance", "a number of days"), 2**31 - 1)
        return self._new(self.native.as_of(inner, names, days))

    def attach_person(self, data: IntoTable, *, key: str | None = None) -> Self:
        """Add what does not change over time: all columns of a table with one row a person.

        Parameters
        ----------
        data : data frame, mapping, Table or Linked
            One row a person. Persons who are not in it get missing values.
        key : str, optional
            The column of identifiers; by default called as here.

        Raises
        ------
        InputError
            If a person has two rows, or a name is taken.
        """
        key = self.native.person if key is None else key
        return self._new(self.native.attach_person(to_register(data), key))

    def lag(self, column: str, k: int = 1) -> Self:
        """Add `<column>_lag<k>`: the value `k` periods earlier.

        By period, never by row: missing where the person has no row `k` periods earlier.
        """
        return self._new(self.native.lag(column, _periods(k)))

    def lead(self, column: str, k: int = 1) -> Self:
        """Add `<column>_lead<k>`: the value `k` periods later. As :meth:`lag`."""
        return self._new(self.native.lead(column, _periods(k)))

    def diff(self, column: str, k: int = 1) -> Self:
        """Add `<column>_diff<k>`: the change since `k` periods earlier, missing over a gap."""
        return self._new(self.native.diff(column, _periods(k)))

    def growth(self, column: str, k: int = 1) -> Self:
        """Add `<column>_growth<k>`: the value over that of `k` periods earlier, minus 1.

        Missing over a gap and where the earlier value is 0.
        """
        return self._new(self.native.growth(column, _periods(k)))

    def cumulate(self, column: str) -> Self:
        """Add `<column>_cumulated`: the sum of the person's values up to and with the period.

        A missing value adds nothing and is missing itself.
        """
        return self._new(self.native.cumulate(column))

    def since(self, column: str) -> Self:
        """Add `<column>_since`: the periods since the column was last true (or 1).

        0 where it is true, missing before the first time; counted by period, also over a gap.
        """
        return self._new(self.native.since(column))

    def event_time(self, first: str | Spells | Timeline, *, nth: int = 1) -> Self:
        """Add `event_time` and `cohort`: periods since the first treatment, and its period.

        Parameters
        ----------
        first : str, Spells or Timeline
            Spells or events, of which each person's first counts; or a column: a period or a date
            that is the same in all rows of a person, or true and false (or 0 and 1), of which the
            first true period counts. Persons without are never treated: both columns are missing.
        nth : int
            Which treatment: 2 for the second, whose columns are `event_time_2` and `cohort_2`. Of
            truth values, the second time that they become true.

        Examples
        --------
        >>> panel = kp.Panel(
        ...     {"pid": [7, 7, 9], "q": ["2012Q1", "2012Q2", "2012Q1"],
        ...      "trained": [False, True, False]},
        ...     person="pid", period="q",
        ... )
        >>> panel.event_time("trained")["event_time"]
        array([-1.,  0., nan])
        """
        which = min(_whole(nth, "nth", "a number"), 2**31 - 1)
        return self._new(self.native.event_time(*_first(first), which))

    def treatment(self, first: str | Spells | Timeline) -> Self:
        """Add `treatment`: where each row stands with a first treatment.

        ``never`` for persons never treated in what is known of them, ``not yet`` before the period
        of the first treatment, ``treated`` from it on; ``before the panel`` for persons first
        treated before their first row.

        Parameters
        ----------
        first : str, Spells or Timeline
            As for :meth:`event_time`.

        Examples
        --------
        >>> panel = kp.Panel(
        ...     {"pid": [7, 7, 9], "q": ["2012Q1", "2012Q2", "2012Q1"], "nt2": [0, 1, 0]},
        ...     person="pid", period="q",
        ... )
        >>> panel.treatment("nt2")["treatment"].tolist()
        ['not yet', 'treated', 'never']
        """
        return self._new(self.native.treatment(*_first(first)))

    def dose(
        self, spells: Spells | Timeline, amount: str | None = None, *, name: str | None = None
    ) -> Self:
        """Add how much of a treatment a person has had by the end of each period.

        Parameters
        ----------
        spells : Spells or Timeline
            The treatment. Days and amounts before the panel count too.
        amount : str, optional
            A column of amounts (hours of lessons), shared out by days; by default the days that at
            least one spell covers.
        name : str, optional
            The new column; by default the name of the spells and ``dose``: ``nt2_dose``.

        Examples
        --------
        >>> panel = kp.Panel({"pid": [7, 7], "q": ["2012Q1", "2012Q2"]}, person="pid", period="q")
        >>> nt2 = kp.Spells(
        ...     {"pid": [7], "from": ["2012-03-31"], "to": ["2012-04-01"], "hours": [8.0]},
        ...     person="pid", start="from", end="to", name="nt2",
        ... )
        >>> panel.dose(nt2, "hours")["nt2_dose"]
        array([4., 8.])
        """
        inner = _spells(spells, "spells")
        return self._new(self.native.dose(inner, amount, name or f"{inner.name}_dose"))

    def risk_set(self, eligible: str, first: str | Spells | Timeline) -> Self:
        """Add who could start a first treatment when: `at_risk`, `starts` and `elapsed`.

        A row is at risk when `eligible` is true there and the person was not treated in an earlier
        period; `starts` is true in the period of the first treatment, if the row is at risk;
        `elapsed` counts the periods since the present run of eligible periods began.

        Parameters
        ----------
        eligible : str
            A column of truth values, or 0 and 1.
        first : str, Spells or Timeline
            As for :meth:`event_time`.

        Examples
        --------
        >>> panel = kp.Panel(
        ...     {"pid": [7, 7, 7], "q": ["2012Q1", "2012Q2", "2012Q3"],
        ...      "jobseeker": [1, 1, 1], "trained": [0, 1, 0]},
        ...     person="pid", period="q",
        ... ).risk_set("jobseeker", "trained")
        >>> panel["at_risk"].tolist(), panel["starts"].tolist()
        ([True, True, False], [False, True, False])
        """
        return self._new(self.native.risk_set(eligible, *_first(first)))

    def filter(self, mask: Any, reason: str = "left out by a filter") -> Self:
        """Keep the rows where `mask` is true; the account gives `reason` for the others.

        Parameters
        ----------
        mask : array or series of bool, shape (n,)
            One truth value a row; rows where it is missing go too, and are counted apart.
        reason : str
            Why the others go, in words for a reader of the report.
        """
        return self._new(self.native.filter(_column(mask, "mask", "mask"), reason))

    def keep(self, column: str, values: object) -> Self:
        """Keep the rows where a column has one of these values.

        Parameters
        ----------
        column : str
            The column.
        values : value or sequence of values
            Compared as they are written: ``"employee"``, ``"2012Q1"``, ``7``, ``True``.
        """
        single = isinstance(values, str | bytes) or not isinstance(values, Iterable)
        listed = [values] if single else list(values)  # type: ignore[call-overload]
        return self._new(self.native.keep(column, [_label(value) for value in listed]))

    def sequences(
        self,
        state: str = "state",
        *,
        since: str | None = None,
        length: int | None = None,
        **options: Any,
    ) -> Sequences:
        """Read the states of each person as a sequence.

        Parameters
        ----------
        state : str
            The column of states.
        since : str, optional
            A column that says when positions begin; by default they are the periods.
        length : int, optional
            How many positions.
        **options
            As for :meth:`kruispunt.trajectory.Sequences.from_panel`.

        Returns
        -------
        kruispunt.trajectory.Sequences

        Examples
        --------
        >>> panel = kp.Panel(
        ...     {"pid": [7, 7, 9], "q": ["2012Q1", "2012Q2", "2012Q1"], "state": ["a", "b", "a"]},
        ...     person="pid", period="q",
        ... )
        >>> panel.sequences().text(0)
        'a-b'
        """
        from kruispunt.trajectory import Sequences as Own

        return Own.from_panel(self, state, since=since, length=length, **options)

    def patterns(self) -> Any:
        """Describe participation: which periods persons have a record in.

        Returns
        -------
        data frame
            One row a pattern, the most frequent first: `pattern` (``1`` with a record, ``.``
            without, one character a period), `persons`, `share`, `cumulative`.
        """
        return self._frame(self.native.patterns())

    def transitions(self, column: str = "state") -> Any:
        """Count transitions of a column from each period to the next.

        Returns
        -------
        data frame
            One row for `from`, `to` and `kind`, with `count` and `share` of all from `from`.
            `kind` is ``observed``; or `to` is missing because of ``missing`` (a record without a
            value), ``no record`` (a row made by balancing), ``gap`` (no row, but later ones) or
            ``end`` (no later row).
        """
        return self._frame(self.native.transitions(column))

    def variation(self, columns: Names) -> Any:
        """Show where columns vary: over all rows, between persons, within persons.

        Parameters
        ----------
        columns : str or sequence of str
            Columns of numbers.

        Returns
        -------
        data frame
            One row a column and `part` (``overall``, ``between``, ``within``) with `mean`, `sd`,
            `min`, `max` and `n`, as Stata's ``xtsum`` shows.
        """
        return self._frame(self.native.variation(_names(columns, "columns")))

    def linkage_errors(
        self,
        constant: Names,
        *,
        moves: str | None = None,
        by: str | None = None,
        gap: int = 1,
        short: int = 1,
    ) -> Any:
        """Count signs that links behind the panel are wrong or missing, by group.

        A wrong link gives a person quarters of somebody else: a contradiction in what cannot
        change, or a move that is undone at once. A missed link cuts a person in fragments: rows
        end, and somebody alike begins. Some do by chance; a mirror tells how many: ends for which
        somebody alike began just before, who cannot be the same person as both were there.

        Parameters
        ----------
        constant : str or sequence of str
            Columns that cannot change: sex, birth date. The more they tell apart, the fewer
            fragments there are by chance.
        moves : str, optional
            A column in which persons move: employer, municipality.
        by : str, optional
            A column of groups; a person counts where the first row is.
        gap : int
            Periods within which somebody alike begins.
        short : int
            Periods within which a move is undone.

        Returns
        -------
        data frame
            One row a group: ``persons``; ``contradicted``, persons with a contradiction; ``moves``
            and ``returned``, those undone; ``ends`` before the last period, ``followed`` by
            somebody alike, ``by_chance``, and ``fragments``, the excess.

        References
        ----------
        Harron, K., Doidge, J. & Goldstein, H. (2020). Assessing data linkage quality in cohort
        studies. *Annals of Human Biology* 47(2), 218-226 (implausible scenarios).

        Examples
        --------
        >>> panel = kp.Panel(
        ...     {
        ...         "pid": [1, 1, 2, 2], "q": ["2012Q1", "2012Q2", "2012Q3", "2012Q4"],
        ...         "sex": ["f"] * 4, "born": [1980] * 4,
        ...     },
        ...     person="pid", period="q",
        ... )
        >>> signs = panel.linkage_errors(["sex", "born"])
        >>> signs["ends"], signs["fragments"]
        (array([1]), array([1]))
        """
        if gap < 1 or short < 1:
            message = f"`gap` and `short` are 1 or more; got {gap} and {short}"
            raise InputError(message)
        names = _names(constant, "constant")
        return self._frame(self.native.linkage_errors(names, moves, by, gap, short))

    def balance_table(self, columns: Names, by: str, *, reference: str | None = None) -> Any:
        """Put columns side by side in groups: who they are made of, and how far apart.

        Parameters
        ----------
        columns : str or sequence of str
            Columns of numbers or truth values.
        by : str
            The column of groups; rows without one are left out.
        reference : str, optional
            The group to compare with; by default the first.

        Returns
        -------
        data frame
            One row a column and group: `rows`, `missing`, `mean`, `sd`, the standardised
            `difference` ``(m - m0) / sqrt((s**2 + s0**2) / 2)`` and the `variance_ratio`.

        Examples
        --------
        >>> panel = kp.Panel(
        ...     {"pid": [1, 2, 3, 4], "q": ["2012Q1"] * 4, "origin": ["BE", "BE", "MA", "MA"],
        ...      "wage": [1.0, 3.0, 2.0, 4.0]},
        ...     person="pid", period="q",
        ... )
        >>> round(float(panel.balance_table("wage", "origin")["difference"][1]), 4)
        0.7071
        """
        return self._frame(self.native.balance_table(_names(columns, "columns"), by, reference))

    def flows(self) -> Any:
        """Count who enters, stays, returns and leaves, period by period.

        Returns
        -------
        data frame
            One row a `period`: `persons` with a record, of whom `entered`, `stayed` or `returned`;
            how many have no record in the next period (`left`), and how many of these never again
            (`left_for_good`); both are missing in the last period.
        """
        return self._frame(self.native.flows())

    def __kruispunt_table__(self) -> _core.Table:
        return self.native.table()

    def __len__(self) -> int:
        return len(self.native)

    def __iter__(self) -> Any:
        return iter(self.columns)

    def __contains__(self, name: object) -> bool:
        return name in self.columns

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Panel) and self.native == other.native

    __hash__ = None  # type: ignore[assignment]  # compared by content, as data frames are

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return Panel._wrap, (self.native, _portable(self._like))

    def __repr__(self) -> str:
        calendar = repr(self.calendar).removeprefix("Calendar of ")
        persons = f"{self.persons:,} person{'' if self.persons == 1 else 's'}"
        rows = f"{len(self):,} row{'' if len(self) == 1 else 's'}"
        return f"Panel of {persons} x {calendar}: {rows}"


def _names(names: Names, argument: str) -> list[str]:
    listed = [names] if isinstance(names, str) else list(names)
    if any(not isinstance(name, str) for name in listed):
        raise InputError(f"`{argument}`: expected names of columns")
    return listed


def _counted(rows: int, persons: int, word: str) -> str:
    plural = ("" if rows == 1 else "s", "" if persons == 1 else "s")
    return f"{rows:,} {word}{plural[0]} of {persons:,} person{plural[1]}"


def _face(data: Any) -> Any:
    """Give a frame of the same kind without rows, to remember the kind by."""
    if isinstance(data, Shown):
        return data._like
    if isinstance(data, Table):
        return None
    if isinstance(data, Mapping):
        return {}
    if _is_relation(data):
        return data
    return data[:0] if hasattr(data, "__getitem__") else None


def _is_relation(data: Any) -> bool:
    return type(data).__module__.split(".")[0] in {"duckdb", "_duckdb"}


def _portable(like: Any) -> Any:
    """Leave out a DuckDB relation, which belongs to its connection and cannot be pickled."""
    return None if _is_relation(like) else like


def _aggregates(
    count: bool,  # noqa: FBT001 - passed on
    sums: Names,
    amounts: Names,
    means: Names,
    largest: Names,
    *,
    top: Names,
) -> list[tuple[str, str]]:
    made = [("count", "")] if count else []
    kinds = {"sum": sums, "amount": amounts, "mean": means, "max": largest, "top": top}
    for kind, names in kinds.items():
        made += [(kind, name) for name in _names(names, kind)]
    return made


def _cells(
    state: str | int | None,
    values: Names,
    sums: Names,
    means: Names,
    order: Names,
    **cells: Any,
) -> dict[str, Any]:
    day = 0
    if isinstance(state, int | np.integer) and not isinstance(state, bool):
        if not 1 <= state <= 366:
            raise InputError(f"`state`: expected a day of the period from 1 on, got {state}")
        state, day = "day", int(state)
    for known in ("presence", "born", "arrived", "died"):
        if cells[known] is not None:
            cells[known] = _spells(cells[known], known)
    return {
        **cells,
        "state": state,
        "state_day": day,
        "values": _names(values, "values"),
        "sum": _names(sums, "sum"),
        "mean": _names(means, "mean"),
        "order": _names(order, "order"),
    }


def _first(first: str | Spells | Timeline) -> tuple[_core.Spells | None, str | None]:
    return (None, first) if isinstance(first, str) else (_spells(first, "first"), None)


def _break_days(breaks: Mapping[str, Any] | None) -> tuple[tuple[str, str], ...]:
    return tuple((str(name), str(day)[:10]) for name, day in (breaks or {}).items())


def _warn_of_breaks(
    register: str, breaks: Sequence[tuple[str, str]], counts: Sequence[int], *, stacklevel: int
) -> None:
    for (name, day), count in zip(breaks, counts, strict=True):
        if count:
            warnings.warn(
                f"{name}: {count:,} spells of {register} go on over {day}, when the register "
                "changed; cut them there, or bring their codes to one list with a crosswalk",
                BreakWarning,
                stacklevel=stacklevel + 1,
            )


def _spells(spells: Any, argument: str) -> _core.Spells:
    if isinstance(spells, Timeline):
        return spells.native.spells()
    if not isinstance(spells, Spells):
        raise InputError(f"`{argument}`: expected kp.Spells, got {type(spells).__name__}")
    return spells.native


def _periods(k: int) -> int:
    return min(_whole(k, "k", "a number of periods"), 2**31 - 1)


def _whole(value: Any, argument: str, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 0:
        raise InputError(f"`{argument}`: expected {what} from 0 on, got {value!r}")
    return int(value)


def _column(values: Any, name: str, argument: str = "values") -> _core.Column:
    if isinstance(values, np.ndarray) and values.dtype.kind == "f" and values.ndim == 1:
        missing = np.isnan(values)
        real = np.ma.getdata(values).astype(np.float64)
        gone = np.ma.getmaskarray(values) | np.ma.getdata(missing)
        return _core.Column.floats(real, ~gone if gone.any() else None)
    return to_table({name: values}, argument=argument).column(name, argument)


def _label(value: object) -> str:
    return str(value).lower() if isinstance(value, bool | np.bool_) else str(value)
