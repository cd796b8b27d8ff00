"""Identification numbers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from kruispunt import _core
from kruispunt.exceptions import InputError

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
