"""Identification numbers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from kruispunt import _core
from kruispunt._frames import IntoTable, to_table
from kruispunt.exceptions import InputError
from kruispunt.linked import Register

__all__ = ["Insz", "insz"]


@dataclass(frozen=True, slots=True)
class Insz:
    """A valid identification number; its printed form hides the digits.

    Attributes
    ----------
    compact : str
        The eleven digits.
    formatted : str
        The digits as printed on cards, ``93.05.18-223.61``.
    kind : str
        ``"national"``, ``"bis"`` (month + 40) or ``"bis_sex_unknown"`` (month + 20).
    sex : str or None
        ``"M"``, ``"F"``; ``None`` when the number was given before the sex was known.
    century : int
        1900 or 2000, as the check digits prove.
    birth_year : int or None
        Year of birth; ``None`` in the number of a wholly unknown date.
    birth_date : datetime.date or None
        Date of birth, when year, month and day are stated.
    """

    compact: str = field(repr=False)
    formatted: str = field(repr=False)
    kind: str
    sex: str | None
    century: int
    birth_year: int | None = field(repr=False)
    birth_date: dt.date | None = field(repr=False)


class insz:  # noqa: N801 - reads as a module: kp.belgium.insz.parse
    """Parse and check INSZ numbers of the National Register and the BIS register.

    Eleven digits ``YYMMDD SSS CC`` with ``CC = 97 - n mod 97``, where ``n`` is the first nine
    digits, with a 2 in front for births from 2000 on. One check never fits both centuries.

    Examples
    --------
    >>> number = kp.belgium.insz.parse("93.05.18-223.61")
    >>> number.birth_date, number.sex, number.kind
    (datetime.date(1993, 5, 18), 'M', 'national')
    >>> kp.belgium.insz.is_valid("93051822362")
    False
    """

    @staticmethod
    def parse(text: str, *, birth_year: int | None = None) -> Insz:
        """Read a number, with or without dots, spaces and dashes.

        Parameters
        ----------
        text : str
            The number.
        birth_year : int, optional
            The year of birth, when known. All slips of one digit and all swaps of neighbours are
            caught then; without it one slip in 250 passes as a birth in the other century.

        Returns
        -------
        Insz
            What the number says.

        Raises
        ------
        InputError
            If it is not a valid number; the message says why and never shows the number.
        """
        given: object = text
        if not isinstance(given, str):
            message = f"`text`: an INSZ is text, not {type(text).__name__}: leading zeros matter"
            raise InputError(message)
        compact, formatted, kind, sex, century, year, date = _core.insz_parse(text, birth_year)
        born = None if date is None else dt.date.fromisoformat(date)
        return Insz(compact, formatted, kind, sex, century, year, born)

    @overload
    @staticmethod
    def is_valid(text: str) -> bool: ...
    @overload
    @staticmethod
    def is_valid(text: Iterable[Any]) -> NDArray[np.bool_]: ...
    @staticmethod
    def is_valid(text: str | Iterable[Any]) -> bool | NDArray[np.bool_]:
        """Say whether a number, or each number of a column, is valid; missing is not.

        Parameters
        ----------
        text : str or iterable of str
            One number, or a column of numbers.

        Returns
        -------
        bool or ndarray of bool
            One answer, or one a row.
        """
        if isinstance(text, str):
            return _core.insz_valid([text])[0]
        texts = [one if isinstance(one, str) else None for one in text]
        return np.array(_core.insz_valid(texts), dtype=np.bool_)

    @staticmethod
    def read(
        data: IntoTable,
        number: str = "insz",
        *,
        person: str = "pid",
        birth_date: str | None = None,
        sex: str | None = None,
    ) -> Register:
        """Read a column of numbers, check them against birth date and sex, and repair slips.

        A wrong number is repaired when exactly one valid number with the person's birth date (and
        sex, where known) lies one digit, or one swap of neighbours, away. Without a birth date only
        lost leading zeros are: about two valid numbers lie one digit away from any eleven digits.

        Parameters
        ----------
        data : data frame, mapping or Table
            One row a person or record.
        number : str
            The column of numbers: text, or whole numbers that lost their leading zeros.
        person : str
            The column of identifiers that goes into the answer.
        birth_date : str, optional
            Birth dates from elsewhere: dates, or text ``YYYY-MM-DD`` (with ``00``: not used).
        sex : str, optional
            The sex from elsewhere: 1 or M; 2, F or V.

        Returns
        -------
        Register
            The identifier, ``insz`` (eleven digits; missing when unknown), ``insz_kind``,
            ``insz_sex``, ``insz_birth_date`` (what the number states) and ``insz_quality``:
            ``valid``, ``other birth date``, ``other sex`` (valid, but disagrees with the columns),
            ``zeros lost``, ``digit repaired``, ``digits swapped``, ``ambiguous`` (several repairs
            fit), ``invalid``, ``missing``. Its account counts them.

        Raises
        ------
        InputError
            If a column is not there, or the birth dates are neither dates nor text.

        Examples
        --------
        >>> clients = {
        ...     "pid": [1, 2, 3],
        ...     "insz": ["93051822361", "93051922361", "9305182236"],
        ...     "born": ["1993-05-18"] * 3,
        ... }
        >>> found = kp.belgium.insz.read(clients, birth_date="born").to_frame()
        >>> found["insz_quality"].tolist()
        ['valid', 'digit repaired', 'invalid']
        >>> found["insz"].tolist()
        ['93051822361', '93051822361', None]
        """
        names = [person, number, *(name for name in (birth_date, sex) if name is not None)]
        table = to_table(data, list(dict.fromkeys(names)))
        return Register(_core.insz_read(table, person, number, birth_date, sex), data)
