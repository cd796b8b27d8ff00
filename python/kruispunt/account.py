"""What happened to the rows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kruispunt import _core

if TYPE_CHECKING:
    from typing import Self


__all__ = ["Account", "Count", "Exclusion", "Step", "Ties"]


@dataclass(frozen=True, slots=True)
class Count:
    """Rows, and persons where the table knows persons."""

    rows: int
    persons: int | None = None

    def __str__(self) -> str:
        rows = f"{self.rows:,} row{'' if self.rows == 1 else 's'}"
        if self.persons is None:
            return rows
        return f"{rows}, {self.persons:,} person{'' if self.persons == 1 else 's'}"


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Rows left out, for one reason."""

    reason: str
    count: Count


@dataclass(frozen=True, slots=True)
class Ties:
    """Ties met, and how they were settled."""

    what: str
    met: int
    settled_by: str


@dataclass(frozen=True, slots=True)
class Step:
    """What one verb did."""

    verb: str
    detail: str
    before: Count
    after: Count
    excluded: tuple[Exclusion, ...] = ()
    ties: tuple[Ties, ...] = ()
    notes: tuple[str, ...] = ()
    joined: tuple[Account, ...] = ()

    @property
    def adds_up(self) -> bool:
        """Whether rows in are rows out plus rows excluded."""
        excluded = sum(exclusion.count.rows for exclusion in self.excluded)
        return self.before.rows == self.after.rows + excluded


@dataclass(frozen=True, slots=True)
class Account:
    """What happened to a table's rows, verb by verb: nothing is lost in silence.

    Every result carries one as ``.account``. Accounts chain into the flow diagram that CONSORT
    (2010) and RECORD (2015) ask for.

    Attributes
    ----------
    source : str
        The name of the table the account starts from.
    steps : tuple of Step
        The verbs, in order.

    Examples
    --------
    >>> account = kp.Account.from_json(
    ...     '{"source": "jobs", "steps": [{"verb": "clip", "detail": "to 2005Q1-2016Q4",'
    ...     ' "before": {"rows": 10, "persons": 4}, "after": {"rows": 8, "persons": 4},'
    ...     ' "excluded": [{"reason": "ended before 2005-01-01",'
    ...     ' "count": {"rows": 2, "persons": 1}}], "ties": [], "notes": [], "joined": []}]}'
    ... )
    >>> print(account)
    jobs
    1. clip: to 2005Q1-2016Q4
       10 rows, 4 persons -> 8 rows, 4 persons
       - 2 rows, 1 person: ended before 2005-01-01
    >>> account.steps[0].adds_up
    True
    """

    source: str
    steps: tuple[Step, ...] = field(default=())

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read an account that :meth:`to_json` wrote.

        Raises
        ------
        InputError
            If the text is not an account.
        """
        return cls._read(json.loads(_core.check_account(text)))

    @classmethod
    def _read(cls, raw: dict[str, Any]) -> Self:
        return cls(raw["source"], tuple(_step(step) for step in raw["steps"]))

    def to_json(self) -> str:
        """Write the account as JSON."""
        return json.dumps(_plain(self), ensure_ascii=False)

    def to_frame(self, like: object = None) -> Any:
        """Give one row a step and one a reason for exclusion.

        Parameters
        ----------
        like : data frame, optional
            The kind of frame to give; a :class:`Table` by default.
        """
        from kruispunt._frames import to_frame, to_table

        rows = list(self._rows())
        names = ["source", "step", "verb", "what", "rows", "persons"]
        columns = {name: [row[at] for row in rows] for at, name in enumerate(names)}
        return to_frame(to_table(columns), like)

    def svg(self) -> str:
        """Draw the flow of rows and persons as one SVG element.

        The main column shows the verbs from top to bottom; to the right stands what was left out
        and why, to the left the tables that joined (RECORD 2015, item 13.1).
        """
        return _core.flow_svg(self.to_json())

    def _repr_html_(self) -> str:
        return self.svg()

    def _rows(self) -> Iterator[tuple[str, int, str, str, int, int | None]]:
        for number, step in enumerate(self.steps, start=1):
            for account in step.joined:
                yield from account._rows()
            head = (self.source, number, step.verb)
            yield (*head, "in", step.before.rows, step.before.persons)
            for exclusion in step.excluded:
                count = exclusion.count
                yield (*head, f"excluded: {exclusion.reason}", count.rows, count.persons)
            for ties in step.ties:
                yield (*head, f"ties: {ties.what}, settled by {ties.settled_by}", ties.met, None)
            yield (*head, "out", step.after.rows, step.after.persons)

    def __len__(self) -> int:
        return len(self.steps)

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield self.source
        for number, step in enumerate(self.steps, start=1):
            yield f"{number}. {step.verb}" + (f": {step.detail}" if step.detail else "")
            for account in step.joined:
                yield from (f"   | {line}" for line in account._lines())
            yield f"   {step.before} -> {step.after}"
            for exclusion in step.excluded:
                yield f"   - {exclusion.count}: {exclusion.reason}"
            for ties in step.ties:
                yield f"   = {ties.met:,} ties, {ties.what}: settled by {ties.settled_by}"
            for note in step.notes:
                yield f"   * {note}"


def _count(raw: dict[str, Any]) -> Count:
    return Count(raw["rows"], raw.get("persons"))


def _step(raw: dict[str, Any]) -> Step:
    return Step(
        raw["verb"],
        raw["detail"],
        _count(raw["before"]),
        _count(raw["after"]),
        tuple(Exclusion(one["reason"], _count(one["count"])) for one in raw["excluded"]),
        tuple(Ties(one["what"], one["met"], one["settled_by"]) for one in raw["ties"]),
        tuple(raw["notes"]),
        tuple(Account._read(one) for one in raw["joined"]),
    )


def _plain(value: object) -> Any:
    """Give the dataclasses as the dictionaries that the native side reads."""
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    slots = getattr(type(value), "__slots__", None)
    if slots is None:
        return value
    return {name: _plain(getattr(value, name)) for name in slots}
