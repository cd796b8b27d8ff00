"""Names kept apart from numbers."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kruispunt import _core
from kruispunt._frames import IntoTable, to_frame, to_table
from kruispunt.exceptions import InputError
from kruispunt.table import Table

__all__ = ["Registry"]

_EPOCH = dt.date(1970, 1, 1)


class Registry:
    """The pseudonyms and the consent of a study, in a log that shows when it was tampered with.

    A pseudonym is ``P`` and the first 80 bits of ``HMAC-SHA-256(key, identifier)``: with the key
    the same person has the same pseudonym again, without it nobody can tell or try whose it is.
    Identifiers are stored nowhere. The log is only ever appended to; each line is sealed with the
    key over itself and the seal before, so that a line changed, taken out or put in is found when
    the log is opened. A log cut off at its end is found by :meth:`verify` with a noted
    :attr:`head`.

    Parameters
    ----------
    path : str or Path
        The log; it is made when there is none.
    key : str, Path or bytes
        The file with the key, or the key: 32 random bytes or more. Keep it elsewhere than the log;
        :meth:`new_key` makes one.

    Raises
    ------
    InputError
        If the key is too short or another one, or a line of the log was changed.

    References
    ----------
    Krawczyk, H., Bellare, M. & Canetti, R. (1997). *HMAC: Keyed-Hashing for Message Authentication*,
    RFC 2104.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> registry = kp.cases.Registry(folder / "log.jsonl", b"a key of 32 bytes, for an example.")
    >>> who = registry.register(["85.07.30-033.28", "90.01.01-001.01"], ["interview", "quote"])
    >>> registry.revoke(who[:1], ["quote"])
    >>> registry.consented("quote") == who[1:], len(registry.consented("interview"))
    (True, 2)
    """

    __slots__ = ("native",)

    native: _core.Registry

    def __init__(self, path: str | Path, key: str | Path | bytes) -> None:
        if not isinstance(key, bytes):
            try:
                key = Path(key).read_bytes()
            except OSError as error:
                message = f"`key`: the file cannot be read: {error.strerror}"
                raise InputError(message) from None
        self.native = _core.Registry.open(Path(path), key)

    @staticmethod
    def new_key(path: str | Path) -> Path:
        """Write 32 random bytes to a new file that only its owner reads; give its full path."""
        target = Path(path)
        try:
            target.touch(mode=0o600, exist_ok=False)
        except FileExistsError:
            message = "`path`: the file exists; a key is never written over"
            raise InputError(message) from None
        target.write_bytes(secrets.token_bytes(32))
        return target.resolve()

    def pseudonym(self, identifier: object) -> str:
        """Give the pseudonym of one identifier."""
        return self.native.pseudonym(str(identifier))

    def pseudonymise(self, data: IntoTable, column: str) -> Any:
        """Give the table with pseudonyms in the place of the identifiers of a column."""
        table = to_table(data)
        made = self.native.pseudonyms(table.column(column))
        columns = [(n, made if n == column else table.column(n)) for n in table.columns]
        return to_frame(_core.Table.from_columns(columns), data)

    def register(
        self, identifiers: Iterable[object], uses: str | Sequence[str] = (), *, on: Any = None
    ) -> list[str]:
        """Register persons with what they consent to, and give their pseudonyms.

        Parameters
        ----------
        identifiers : iterable
            Identifiers; only their pseudonyms are kept.
        uses : str or sequence of str
            What they consent to: ``"interview"``, ``"quote"``, ``"timeline"``.
        on : date, optional
            The day; today by default.
        """
        who = [self.pseudonym(one) for one in identifiers]
        self._append("register", who, uses, on)
        return who

    def consent(self, who: Iterable[str], uses: str | Sequence[str], *, on: Any = None) -> None:
        """Note that persons, by their pseudonyms, consent to uses."""
        self._append("consent", who, uses, on)

    def revoke(self, who: Iterable[str], uses: str | Sequence[str] = (), *, on: Any = None) -> None:
        """Note that persons take consent back: to uses, or to all when none is named."""
        self._append("revoke", who, uses, on)

    def _append(self, act: str, who: Iterable[str], uses: str | Sequence[str], on: Any) -> None:
        if isinstance(who, str):
            message = "`who`: expected a list of pseudonyms, got one text"
            raise InputError(message)
        day = dt.datetime.now(tz=dt.UTC).date() if on is None else on
        if isinstance(day, str):
            try:
                day = dt.date.fromisoformat(day)
            except ValueError:
                message = "`on`: not a date such as 2012-03-31"
                raise InputError(message) from None
        named = [uses] if isinstance(uses, str) else list(uses)
        self.native.append(act, list(who), named, (day - _EPOCH).days)

    def consented(self, to: str) -> list[str]:
        """Give the pseudonyms of those who consent to a use now."""
        return self.native.consented(to)

    def keep(self, data: IntoTable, column: str, to: str) -> Any:
        """Give the rows of those who consent to a use now; the column holds pseudonyms."""
        consented = set(self.consented(to))
        columns = Table.wrap(to_table(data)).to_dict()
        if column not in columns:
            message = f'`column`: there is no column "{column}"; the table has {list(columns)}'
            raise InputError(message)
        kept = np.array([one in consented for one in columns[column].tolist()], dtype=bool)
        return to_frame(to_table({name: own[kept] for name, own in columns.items()}), data)

    @property
    def head(self) -> tuple[int, str]:
        """Lines of the log and the seal of the last; note them elsewhere."""
        return self.native.head()

    def verify(self, head: tuple[int, str] | None = None) -> None:
        """Read the log again and check its seals, and that it goes on from a noted head.

        Raises
        ------
        InputError
            If a line was changed or is missing.
        """
        self.native.verify(head)

    def log(self, like: Any = None) -> Any:
        """Give the log: ``line``, ``act``, ``who``, ``uses``, ``on``."""
        return to_frame(self.native.table(), {} if like is None else like)

    def __repr__(self) -> str:
        return f"<Registry: a log of {self.head[0]} lines>"
