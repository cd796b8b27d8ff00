"""Lives as lines."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from kruispunt import _core
from kruispunt._frames import IntoTable, to_table
from kruispunt._gate import current
from kruispunt.account import Account
from kruispunt.exceptions import InputError
from kruispunt.panel import Spells, Timeline
from kruispunt.trajectory import Sequences

__all__ = ["Picture", "Privacy", "timeline"]

Source = Spells | Timeline | Sequences
_EPOCH = dt.date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Privacy:
    """What a drawing hides; there are never identifiers in it.

    Attributes
    ----------
    dates : {"quarter", "month", "year"} or None
        Dates become the first day of their quarter, and what lies within one is not shown (counted
        in the account). None leaves them.
    jitter : int
        All dates of a person are shifted by the same number of days, drawn from -jitter to jitter.
    rare : int
        States and events that fewer persons of the whole source have become "other".
    seed : int
        Of the shifts.
    """

    dates: Literal["quarter", "month", "year"] | None = "quarter"
    jitter: int = 0
    rare: int = 5
    seed: int = 1


class Picture:
    """A page of timelines: SVG, or HTML that opens without network and runs no code.

    Attributes
    ----------
    svg : str
        The drawing.
    html : str
        The page, A4 across when printed.
    notes : list of str
        What was done to it, as it stands at its foot.
    account : Account
        Spells drawn and left out.
    """

    __slots__ = ("_account", "html", "notes", "svg")

    svg: str
    html: str
    notes: list[str]

    def __init__(self, svg: str, html: str, notes: list[str], account: str) -> None:
        self.svg, self.html, self.notes, self._account = svg, html, notes, account

    @property
    def account(self) -> Account:
        """Spells drawn and left out."""
        return Account.from_json(self._account)

    def write(self, path: str | Path, *, safe: str | None = None) -> Path:
        """Write the drawing (``.svg``) or the page (any other name) in UTF-8; give its full path.

        With a profile of disclosure control (:func:`kruispunt.set_disclosure`) timelines are
        refused, unless `safe` states why they are no risk.
        """
        target = Path(path)
        if (session := current()) is not None:
            session.exception("timeline", target.name, safe, "it shows single persons")
        target.write_text(self.svg if target.suffix == ".svg" else self.html, encoding="utf-8")
        return target.resolve()

    def _repr_html_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"<Picture of {len(self.svg):,} characters of SVG>"


def _lane(name: str, source: Any) -> tuple[str, Any]:
    if isinstance(source, Timeline):
        return name, source.native.spells()
    if isinstance(source, Spells | Sequences):
        return name, source.native
    kind = f"{type(source).__module__}.{type(source).__qualname__}"
    message = f"`source`: {kind} is no Spells, Timeline or Sequences"
    raise InputError(message)


def _day(day: Any, argument: str) -> int:
    if isinstance(day, np.datetime64):
        return int(day.astype("datetime64[D]").astype(int))
    if isinstance(day, dt.datetime):
        day = day.date()
    if isinstance(day, str):
        try:
            day = dt.date.fromisoformat(day)
        except ValueError:
            message = f"`{argument}`: a day is not a date such as 2012-03-31"
            raise InputError(message) from None
    if not isinstance(day, dt.date):
        message = f"`{argument}`: expected dates, got {type(day).__name__}"
        raise InputError(message)
    return (day - _EPOCH).days


def timeline(
    source: Source | Mapping[str, Source],
    *,
    people: Sequence[Any] | Mapping[Any, str] | None = None,
    events: IntoTable | None = None,
    person: str | None = None,
    day: str = "day",
    event: str = "event",
    align: Literal["calendar", "start"] | Mapping[Any, Any] = "calendar",
    window: tuple[Any, Any] | None = None,
    privacy: Privacy | bool | None = None,
    labels: Mapping[str, str] | None = None,
    colours: Mapping[str, str] | None = None,
    title: str = "Life courses",
) -> Picture:
    """Draw life courses on one page, a lane a register.

    Colours are those of Okabe and Ito (2008), hatched from the ninth state on, and states stand in
    words on the bars where there is room: no colour has to be told from another.

    Parameters
    ----------
    source : Spells, Timeline, Sequences or mapping
        What to draw; a mapping of names to several registers gives a lane each. Sequences by
        calendar have days too, others positions.
    people : sequence or mapping, optional
        The persons, by identifier, in order; a mapping says what they are called. Otherwise they
        are ``Case 1``, ``Case 2``. All by default, 40 at most.
    events : data frame, mapping or Table, optional
        One row an event.
    person, day, event : str
        The columns of `events`: the person (by default that of the spells), the day, the words.
    align : {"calendar", "start"} or mapping
        One calendar; or time counted from each person's first spell, or from a date of each person
        (``{7: "2012-03-01"}``), as pairs are compared.
    window : (date, date), optional
        The first and the last day drawn. An open spell is drawn to the last day of the source.
    privacy : Privacy or bool, optional
        What to hide; True for dates by quarter and no state of fewer than 5 persons. What was done
        stands at the foot of the page. A page with privacy shows nothing more when pointed at.
    labels : mapping, optional
        What states and events are called.
    colours : mapping, optional
        Colours of states, ``#rrggbb``.
    title : str
        The title.

    Returns
    -------
    Picture

    Raises
    ------
    InputError
        If a person has no spell, lanes have different clocks, or there are more than 40 persons.

    References
    ----------
    Okabe, M. & Ito, K. (2008). *Color Universal Design*.

    Examples
    --------
    >>> jobs = kp.Spells(
    ...     {"pid": [7, 7, 9], "start": ["2011-01-10", "2012-02-01", "2011-03-15"],
    ...      "end": ["2011-12-31", "2013-02-28", None],
    ...      "status": ["employee", "jobseeker", "employee"]},
    ...     person="pid", start="start", end="end", state="status",
    ... )
    >>> page = kp.cases.timeline(
    ...     jobs, events={"pid": [7], "day": ["2012-03-01"], "event": ["training"]},
    ...     privacy=kp.cases.Privacy(rare=1),
    ... )
    >>> "training (2012Q1)" in page.svg, "2012-03-01" in page.svg
    (True, False)
    >>> page.notes[-1]
    'There are no identifiers in this file.'
    """
    lanes = source if isinstance(source, Mapping) else {_name(source): source}
    named = [_lane(str(name), own) for name, own in lanes.items()]
    marks = None
    if events is not None:
        if person is None and named:
            native = named[0][1]
            person = native.person if isinstance(native, _core.Spells) else native.id
        columns = [str(person), day, event]
        marks = (to_table(events, columns, "events"), str(person), day, event)
    who: list[tuple[str, str]] | None = None
    if isinstance(people, Mapping):
        who = [(str(one), str(called)) for one, called in people.items()]
    elif people is not None:
        who = [(str(one), f"Case {at}") for at, one in enumerate(people, start=1)]
    if isinstance(align, str) and align not in {"calendar", "start"}:
        message = f"`align`: {align!r} is none of calendar, start, a mapping of persons to dates"
        raise InputError(message)
    days = None
    if isinstance(align, Mapping):
        days = [(str(one), _day(own, "align")) for one, own in align.items()]
    hidden = Privacy() if privacy is True else privacy or None
    if hidden is not None and min(hidden.jitter, hidden.rare, hidden.seed) < 0:
        message = "`privacy`: jitter, rare and seed are 0 or more"
        raise InputError(message)
    drawn = {
        "title": title,
        "people": who,
        "start": align == "start",
        "days": days,
        "privacy": None
        if hidden is None
        else (hidden.dates, hidden.jitter, hidden.rare, hidden.seed),
        "labels": [(str(a), str(b)) for a, b in (labels or {}).items()],
        "window": None
        if window is None
        else (_day(window[0], "window"), _day(window[1], "window") + 1),
        "colours": [(str(a), str(b)) for a, b in (colours or {}).items()],
    }
    return Picture(*_core.cases_timeline(named, marks, drawn))


def _name(source: Any) -> str:
    return str(getattr(getattr(source, "spells", source), "name", "states"))
