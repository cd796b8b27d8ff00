"""The door of the room: a profile that all outputs pass, and its log."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import json
import weakref
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kruispunt import _core
from kruispunt.account import Account, Count, Exclusion
from kruispunt.exceptions import DisclosureError, InputError

if TYPE_CHECKING:
    from typing import Self

    from kruispunt.disclosure import Disclosure

__all__ = ["Log", "Session", "current", "set_disclosure"]

_sessions: list[Session] = []
_drawings: weakref.WeakSet[Any] = weakref.WeakSet()


def _tidied(data: Any) -> Any:
    """Give the table of a result."""
    native = getattr(data, "native", None)
    if hasattr(native, "tidy") and hasattr(data, "tidy"):
        return data.tidy()
    return data


def current() -> Session | None:
    """Give the session that is on, if one is."""
    return _sessions[-1] if _sessions else None


class Log:
    """An append-only log: a line of JSON for each output, chained by SHA-256.

    Parameters
    ----------
    path : str or Path, optional
        The file; without it the log is kept in memory.
    """

    def __init__(self, path: str | Path | None = None) -> None:
        self.path = None if path is None else Path(path)
        self._lines: list[str] = []
        if self.path is not None and self.path.exists():
            self._lines = self.path.read_text(encoding="utf-8").splitlines()
            self.verify()

    def append(self, entry: Mapping[str, Any]) -> None:
        """Add a line; what stands there is never changed."""
        now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        before = hashlib.sha256(self._lines[-1].encode()).hexdigest() if self._lines else ""
        own = {"line": len(self._lines) + 1, "time": now, **entry, "before": before}
        line = json.dumps(own, ensure_ascii=False)
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        self._lines.append(line)

    @property
    def entries(self) -> list[dict[str, Any]]:
        """The lines, read."""
        return [json.loads(line) for line in self._lines]

    def verify(self) -> None:
        """Look whether a line was changed, taken out or put in.

        Raises
        ------
        InputError
            Naming the first line that does not follow from the one before.
        """
        before = ""
        for number, line in enumerate(self._lines, start=1):
            try:
                own = json.loads(line)
                fits = own["line"] == number and own["before"] == before
            except (json.JSONDecodeError, KeyError, TypeError):
                fits = False
            if not fits:
                message = f"`log`: line {number} does not follow from the line before it"
                raise InputError(message)
            before = hashlib.sha256(line.encode()).hexdigest()

    def __len__(self) -> int:
        return len(self._lines)


class Session:
    """A time in which all outputs pass a profile; :func:`kruispunt.set_disclosure` starts it.

    Attributes
    ----------
    profile : Disclosure
        The rules.
    log : Log
        What was released, withheld and refused, line by line.
    """

    def __init__(self, profile: Disclosure, log: str | Path | None) -> None:
        self.profile = profile
        self.log = Log(log)
        self._memory = None if log is None else Path(log).with_suffix(".cells.json")
        text = None
        if self._memory is not None and self._memory.exists():
            text = self._memory.read_text(encoding="utf-8")
        self.released = _core.Released(text)

    def keep(self) -> None:
        """Write down what was released, so that later sessions know it."""
        if self._memory is not None:
            self._memory.parent.mkdir(parents=True, exist_ok=True)
            part = self._memory.with_suffix(".part")
            part.write_text(self.released.to_json(), encoding="utf-8")
            part.replace(self._memory)

    def note(self, output: str, name: str, decision: str, **more: Any) -> None:
        """Add a line to the log."""
        rules = self.profile.rules()
        self.log.append(
            {"output": output, "name": name, "decision": decision, "profile": rules, **more}
        )

    def refuse(self, output: str, name: str, reason: str) -> DisclosureError:
        """Log a refusal and give the error to raise."""
        self.note(output, name, "refused", reason=reason)
        return DisclosureError(f"{output} {name!r} may not leave the room: {reason}")

    def models(self, output: str, fits: Mapping[str, Any]) -> None:
        """Look whether models may be shown."""
        for name, fit in fits.items():
            reason = self.profile.native.refuses_model(int(fit.n_obs), float(fit.df))
            if reason is not None:
                raise self.refuse(output, name or fit.formula, reason)
        self.note(output, ", ".join(fits) or "model", "released", models=len(fits))

    def table(
        self, data: Any, name: str, *, output: str, safe: str | None = None, **roles: Any
    ) -> _core.Table:
        """Give what may be shown of a table, a result or a protected table, and log it."""
        from kruispunt._frames import to_table
        from kruispunt.disclosure import Protected

        if safe is not None:
            self.exception(output, name, safe, "")
            return to_table(_tidied(data))
        if not isinstance(data, Protected):
            try:
                estimates = self.profile._estimates(data, name)
                found = None if estimates else self.profile.protect(data, name=name, **roles)
            except (InputError, DisclosureError) as error:
                why = f'{error}; or state why it is no risk: safe="..."'
                raise self.refuse(output, name, why) from error
            if estimates is not None:
                table = to_table(estimates[0])
                few = {"rests on few persons": estimates[1]} if estimates[1] else {}
                self.note(output, name, "released", withheld=few, rows=len(table))
                return table
            data = found
        native: _core.Table = data.__kruispunt_table__()
        self.note(output, name, "released", withheld=data.why, rows=len(native), safe=data.is_safe)
        return native

    def account(self, account: Account) -> Account:
        """Give an account without reasons that few rows or persons have: they become one."""
        few = self.profile.native.is_few

        def small(count: Count) -> bool:
            return few(count.rows) or (count.persons is not None and few(count.persons))

        steps = []
        for step in account.steps:
            kept = [own for own in step.excluded if not small(own.count)]
            lost = [own for own in step.excluded if small(own.count)]
            rows = sum(own.count.rows for own in lost)
            while lost and few(rows) and kept:
                last = min(kept, key=lambda own: own.count.rows)
                kept.remove(last)
                rows += last.count.rows
            if lost and few(rows):
                kept, after = [], Count(step.before.rows, step.before.persons)
                steps.append(replace(step, after=after, excluded=(), ties=(), notes=()))
                continue
            others = [Exclusion("other reasons", Count(rows))] if lost else []
            joined = tuple(self.account(own) for own in step.joined)
            ties = tuple(own for own in step.ties if not few(own.met))
            steps.append(
                replace(step, excluded=(*kept, *others), ties=ties, notes=(), joined=joined)
            )
        self.note("account", account.source, "released", steps=len(steps))
        return Account(account.source, tuple(steps))

    def drawn(self, figure: Any) -> None:
        """Remember that a drawing has passed."""
        with contextlib.suppress(TypeError):
            _drawings.add(figure)

    def drawing(self, drawing: Any, name: str, safe: str | None) -> None:
        """Let a drawing into a report that has passed, or for a reason."""
        figure = getattr(drawing, "figure", None) or drawing
        try:
            known = figure in _drawings
        except TypeError:
            known = False
        if known and safe is None:
            self.note("figure", name, "released")
        else:
            why = "it is no plot of kruispunt, so that no rule can judge it; hand over such a plot"
            self.exception("figure", name, safe, why)

    def written(self, output: str, name: str, text: str) -> None:
        """Log a file."""
        digest = hashlib.sha256(text.encode()).hexdigest()
        self.note(output, name, "written", sha256=digest)

    def exception(self, output: str, name: str, safe: str | None, why: str) -> None:
        """Let something pass for a reason that the caller states, or refuse it."""
        if safe is None:
            advice = 'or state why it is no risk: safe="..."'
            raise self.refuse(output, name, f"{why}, {advice}")
        self.note(output, name, "released by exception", reason=safe)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self in _sessions:
            _sessions.remove(self)

    def __repr__(self) -> str:
        told, kept = self.released.counts()
        return f"Session: {self.profile!r}; {len(self.log)} outputs, {told} cells told, {kept} kept"


def set_disclosure(profile: Disclosure | None, log: str | Path | None = None) -> Session | None:
    """Let all outputs pass a profile from now on, or none.

    While a profile is set, everything that writes or draws for others goes through it: tables
    written to a file (:meth:`Table.to_csv`), tables, figures and fragments of a :class:`Report`,
    :func:`etable`, plots, printed lists of cases, joint displays and timelines. Cells are
    withheld, curves and effects lose what rests on few persons, models with few degrees of freedom
    and drawings of single persons are refused. What the rules cannot judge is refused too, unless
    ``safe="..."`` states why it is no risk; the statement is logged. Data inside the room
    (data frames, displays of results in a notebook) are left alone: a notebook with its outputs
    must not leave the room.

    Parameters
    ----------
    profile : Disclosure or None
        The rules; ``None`` ends all sessions.
    log : str or Path, optional
        An append-only file, one line of JSON an output, each with the SHA-256 of the line before.
        Beside it lies ``<log>.cells.json``, what was released with what was withheld, so that
        tables of later sessions are protected against those of earlier ones. Both stay in the room.

    Returns
    -------
    Session or None
        Which is also a context: ``with kp.set_disclosure(profile): ...`` ends it.

    Examples
    --------
    >>> table = kp.Table({"origin": ["EU", "other"], "n": [40, 3]})
    >>> with kp.set_disclosure(kp.Disclosure(min_cell=5)) as session:
    ...     report = kp.Report("Origin").table(table, "Persons", name="origin")
    >>> session.log.entries[0]["decision"], session.log.entries[0]["withheld"]
    ('released', {'too few persons': 1})
    """
    if profile is None:
        _sessions.clear()
        return None
    session = Session(profile, log)
    _sessions.append(session)
    return session
