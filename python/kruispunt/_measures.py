"""Comparisons of one column by one measure."""

from __future__ import annotations

from kruispunt._comparing import Comparison
from kruispunt._comparing import compare as _compare

__all__ = [
    "damerau",
    "date",
    "dice",
    "exact",
    "identifier",
    "jaccard",
    "jaro",
    "jaro_winkler",
    "levenshtein",
    "name",
    "numeric",
    "osa",
]


def exact(column: str, *, tf: bool = False, right: str | None = None) -> Comparison:
    """Compare for equality; case and surrounding space do not count.

    Parameters
    ----------
    column : str
        The column on the left, and on the right unless `right` says otherwise.
    tf : bool
        Weigh agreement by how rare the value is (term frequencies).
    right : str, optional
        The column on the right.

    Examples
    --------
    >>> kp.linkage.exact("sex").kind
    'exact'
    """
    return _compare("exact", column, right, tf)


def name(column: str, *, tf: bool = False, right: str | None = None) -> Comparison:
    """Compare names: equal; other word order, no particles or Jaro-Winkler 0.92; 0.85; else.

    Accents, case, spaces, hyphens and apostrophes do not count, and the Turkish dotless and
    dotted i are one letter: "Van den Berg" equals "VANDENBERG", "Yıldız" equals "YILDIZ".

    Parameters
    ----------
    column, tf, right
        As in :func:`exact`.

    Examples
    --------
    >>> kp.linkage.name("surname", tf=True, right="family_name").right
    'family_name'
    """
    return _compare("name", column, right, tf)


def date(column: str, *, tf: bool = True, right: str | None = None) -> Comparison:
    """Compare dates: the same day; one slip; two parts agree; within a year; else.

    One slip is a wrong digit, two neighbouring digits or day and month swapped. Dates, text and
    eight-digit numbers are read. Parts written ``00`` are unknown and never agree; impossible
    dates are compared by their digits; what has no eight digits counts as missing and is counted
    in the account.

    Parameters
    ----------
    column, right
        As in :func:`exact`.
    tf : bool
        Weigh agreement by how rare the date is, so that an invented 1 January says less.

    Examples
    --------
    >>> kp.linkage.date("birth_date").tf
    True
    """
    return _compare("date", column, right, tf)


def identifier(column: str, *, tf: bool = False, right: str | None = None) -> Comparison:
    """Compare a number of a person: equal; one slip (OSA at most 1); else.

    Punctuation does not count; blank and all zeros are missing.

    Parameters
    ----------
    column, tf, right
        As in :func:`exact`.

    Examples
    --------
    >>> kp.linkage.identifier("insz").column
    'insz'
    """
    return _compare("identifier", column, right, tf)


def osa(column: str, *at_most: int, tf: bool = False, right: str | None = None) -> Comparison:
    """Compare text by edits and swaps of neighbours (optimal string alignment).

    Parameters
    ----------
    column, tf, right
        As in :func:`exact`.
    *at_most : int
        The most edits of each level, ascending; 1 and 2 by default.

    Examples
    --------
    >>> kp.linkage.osa("postcode", 1, 2).thresholds
    (1.0, 2.0)
    """
    return _compare("osa", column, right, tf, at_most or (1, 2))


def levenshtein(
    column: str, *at_most: int, tf: bool = False, right: str | None = None
) -> Comparison:
    """Compare text by insertions, deletions and changes.

    Parameters
    ----------
    column, at_most, tf, right
        As in :func:`osa`.

    Examples
    --------
    >>> kp.linkage.levenshtein("email", 2).thresholds
    (2.0,)
    """
    return _compare("levenshtein", column, right, tf, at_most or (1, 2))


def damerau(column: str, *at_most: int, tf: bool = False, right: str | None = None) -> Comparison:
    """Compare text by edits and swaps, of which any part may be edited again.

    Parameters
    ----------
    column, at_most, tf, right
        As in :func:`osa`.

    Examples
    --------
    >>> kp.linkage.damerau("street").thresholds
    (1.0, 2.0)
    """
    return _compare("damerau", column, right, tf, at_most or (1, 2))


def jaro_winkler(
    column: str, *at_least: float, tf: bool = False, right: str | None = None
) -> Comparison:
    """Compare text by Jaro-Winkler similarity.

    Parameters
    ----------
    column, tf, right
        As in :func:`exact`.
    *at_least : float
        The least similarity of each level, descending, at most 1; 0.92 and 0.85 by default.

    Examples
    --------
    >>> kp.linkage.jaro_winkler("street", 0.92, 0.8).thresholds
    (0.92, 0.8)
    """
    return _compare("jaro_winkler", column, right, tf, at_least or (0.92, 0.85))


def jaro(column: str, *at_least: float, tf: bool = False, right: str | None = None) -> Comparison:
    """Compare text by Jaro similarity.

    Parameters
    ----------
    column, at_least, tf, right
        As in :func:`jaro_winkler`.

    Examples
    --------
    >>> kp.linkage.jaro("street", 0.9).kind
    'jaro'
    """
    return _compare("jaro", column, right, tf, at_least or (0.92, 0.85))


def dice(column: str, *at_least: float, tf: bool = False, right: str | None = None) -> Comparison:
    """Compare text by the pairs of letters in common, Dice coefficient.

    Parameters
    ----------
    column, tf, right
        As in :func:`exact`.
    *at_least : float
        The least coefficient of each level, descending, at most 1; 0.8 and 0.6 by default.

    Examples
    --------
    >>> kp.linkage.dice("employer").thresholds
    (0.8, 0.6)
    """
    return _compare("dice", column, right, tf, at_least or (0.8, 0.6))


def jaccard(
    column: str, *at_least: float, tf: bool = False, right: str | None = None
) -> Comparison:
    """Compare text by the pairs of letters in common, Jaccard coefficient.

    Parameters
    ----------
    column, at_least, tf, right
        As in :func:`dice`.

    Examples
    --------
    >>> kp.linkage.jaccard("employer", 0.7).thresholds
    (0.7,)
    """
    return _compare("jaccard", column, right, tf, at_least or (0.8, 0.6))


def numeric(column: str, *at_most: float, tf: bool = False, right: str | None = None) -> Comparison:
    """Compare numbers by their difference.

    Parameters
    ----------
    column, tf, right
        As in :func:`exact`.
    *at_most : float
        The largest difference of each level, ascending; 1 by default.

    Examples
    --------
    >>> kp.linkage.numeric("height", 1, 5).thresholds
    (1.0, 5.0)
    """
    return _compare("numeric", column, right, tf, at_most or (1,))
