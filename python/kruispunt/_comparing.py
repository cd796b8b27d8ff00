"""What is compared: comparisons beyond one measure of one column, and conditions for levels."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kruispunt.exceptions import InputError

__all__ = [
    "Comparison",
    "Condition",
    "compare",
    "cosine",
    "distance",
    "full_name",
    "insz",
    "levels",
    "overlap",
    "percent",
    "person",
    "when",
]

_NOTHING = "{}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One column, or several, compared on the two sides; made by ``name``, ``date`` and others.

    The first level is equality, the last is everything else. A missing or blank value says
    nothing about the pair (missing at random), unless ``having(missing_levels=True)``.

    Attributes
    ----------
    kind : str
        The function that made it.
    column : str
        The column on the left, also the name of the comparison.
    right : str
        The column on the right.
    tf : bool
        Whether agreement is weighed by how rare the value is.
    thresholds : tuple of float
        Where levels end.
    settings : str
        What else was asked, as JSON.
    """

    kind: str
    column: str
    right: str
    tf: bool = False
    thresholds: tuple[float, ...] = ()
    settings: str = _NOTHING

    def _plain(self) -> tuple[str, str, str, bool, list[float], str]:
        return self.kind, self.column, self.right, self.tf, list(self.thresholds), self.settings

    def having(
        self,
        *,
        missing_levels: bool | None = None,
        monotone: bool | None = None,
        prior: Sequence[float] | None = None,
        m: Mapping[int, float] | None = None,
        u: Mapping[int, float] | None = None,
        tf_levels: int | None = None,
    ) -> Comparison:
        """Give this comparison with more asked of it.

        Parameters
        ----------
        missing_levels : bool, optional
            A value that is missing on one side, and one that is missing on both, are two more
            levels, after "else", learned like the others.
        monotone : bool, optional
            m / u never rises from a level to the next (isotonic maximum likelihood).
        prior : sequence of float, optional
            Pairs given beforehand to each level of m (a Dirichlet prior, less one); a tenth each
            by default.
        m, u : mapping of int to float, optional
            Fixed probabilities by level, the first level being 0; the others share the rest.
        tf_levels : int, optional
            Levels from the top that term frequencies adjust: 1 is equality alone, 2 (the default)
            the next level too, by the commoner of the two values, and so on.

        Returns
        -------
        Comparison
            Another one; this one stays as it is.

        Examples
        --------
        >>> sex = kp.linkage.exact("sex").having(m={0: 0.99}, missing_levels=True)
        >>> sex.settings
        '{"options": {"missing": true, "m": [0.99]}}'
        """
        settings: dict[str, Any] = json.loads(self.settings)
        options: dict[str, Any] = settings.setdefault("options", {})
        if missing_levels is not None:
            options["missing"] = bool(missing_levels)
        if monotone is not None:
            options["monotone"] = bool(monotone)
        if prior is not None:
            options["prior"] = [_number("prior", one) for one in prior]
        for argument, fixed in (("m", m), ("u", u)):
            if fixed is not None:
                options[argument] = _by_level(argument, fixed)
        tf = self.tf
        given: Any = tf_levels
        if given is not None:
            if not isinstance(given, int | np.integer) or not 1 <= given <= 100:
                raise InputError("`tf_levels` must be a whole number from 1 to 100")
            options["rare"], tf = int(given), True
        return replace(self, tf=tf, settings=json.dumps(settings))


def _number(argument: str, value: Any) -> float:
    if not isinstance(value, int | float | np.number) or not np.isfinite(value):
        raise InputError(f"`{argument}`: expected finite numbers, not {type(value).__name__}")
    return float(value)


def _by_level(argument: str, fixed: Mapping[int, float]) -> list[float | None]:
    out: list[float | None] = []
    listed: dict[Any, Any] = dict(fixed)
    for level, value in listed.items():
        if not isinstance(level, int | np.integer) or not 0 <= level <= 1000:
            raise InputError(f"`{argument}`: levels are whole numbers from 0")
        out.extend([None] * (int(level) + 1 - len(out)))
        out[int(level)] = _number(argument, value)
    return out


def compare(
    kind: str,
    column: str,
    right: str | None,
    tf: object,
    thresholds: Iterable[float] = (),
    *,
    settings: str = _NOTHING,
) -> Comparison:
    """Make a comparison, its arguments looked at."""
    names: tuple[tuple[str, Any], ...] = (("column", column), ("right", right))
    for argument, value in names:
        if value is not None and not isinstance(value, str):
            raise InputError(f"`{argument}`: a column name is text, not {type(value).__name__}")
    given = tuple(thresholds)
    if not all(isinstance(one, int | float | np.number) for one in given):
        raise InputError(f'`thresholds`: those of "{column}" must be numbers')
    right = column if right is None else right
    return Comparison(kind, column, right, bool(tf), tuple(float(t) for t in given), settings)


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition on a pair of rows; made by :func:`when`, joined by ``&``, ``|`` and ``~``.

    Attributes
    ----------
    stored : dict
        The condition as it is stored.
    label : str
        The condition in words.
    """

    stored: dict[str, Any]
    label: str

    def __and__(self, other: Condition) -> Condition:
        return Condition(
            {"all": {"of": [self.stored, _condition(other).stored]}},
            f"{self._inner()} and {other._inner()}",
        )

    def __or__(self, other: Condition) -> Condition:
        return Condition(
            {"any": {"of": [self.stored, _condition(other).stored]}},
            f"{self.label} or {other.label}",
        )

    def __invert__(self) -> Condition:
        return Condition({"not": {"of": self.stored}}, f"not ({self.label})")

    def _inner(self) -> str:
        return f"({self.label})" if "any" in self.stored else self.label

    def named(self, label: str) -> Condition:
        """Give the condition with a label of one's own."""
        return Condition(self.stored, str(label))


def _condition(value: Any) -> Condition:
    if not isinstance(value, Condition):
        raise InputError(
            f"`conditions`: {type(value).__name__} is no condition; write "
            'when("surname").same() and the like'
        )
    return value


_MEASURES = {
    "levenshtein": ("Levenshtein", "<="),
    "osa": ("Osa", "<="),
    "damerau": ("Damerau", "<="),
    "jaro": ("Jaro", ">="),
    "jaro_winkler": ("JaroWinkler", ">="),
    "dice": ("Dice", ">="),
    "jaccard": ("Jaccard", ">="),
}


@dataclass(frozen=True, slots=True)
class When:
    """A column of which conditions are made; see :func:`when`."""

    column: str

    def same(self) -> Condition:
        """Equal, accents, case, spaces and punctuation apart."""
        return Condition({"same": {"column": self.column}}, f"{self.column} equal")

    def sounds(self) -> Condition:
        """Sound the same, or have the same words in another order or without particles."""
        return Condition({"sound": {"column": self.column}}, f"{self.column} sounds the same")

    def alike(self, measure: str, threshold: float) -> Condition:
        """At least `threshold` similar, or at most `threshold` far apart."""
        if measure not in _MEASURES:
            raise InputError(f'`measure`: there is no "{measure}"; one of {", ".join(_MEASURES)}')
        name, sign = _MEASURES[measure]
        value = _number("threshold", threshold)
        stored = {"column": self.column, "measure": name, "threshold": value}
        return Condition({"alike": stored}, f"{self.column} {measure} {sign} {threshold}")

    def crossed(self, other: str) -> Condition:
        """Equal to another column of the other row, and that one to this."""
        stored = {"first": self.column, "second": other}
        return Condition({"crossed": stored}, f"{self.column} and {other} swapped")

    def within(self, most: float) -> Condition:
        """Numbers at most this far apart."""
        stored = {"column": self.column, "most": _number("most", most)}
        return Condition({"within": stored}, f"{self.column} difference <= {most}")

    def share(self, most: float) -> Condition:
        """Numbers whose difference is at most this share of the larger absolute value."""
        stored = {"column": self.column, "most": _number("most", most)}
        return Condition({"share": stored}, f"{self.column} difference <= {100 * most:g}%")

    def overlaps(self, least: int = 1, separator: str = ";") -> Condition:
        """Have lists, or text cut at the separator, with at least so many items in common."""
        given: Any = separator
        if not isinstance(given, str) or len(given) != 1:
            raise InputError("`separator` must be one character")
        stored = {
            "column": self.column,
            "least": _number("least", least),
            "separator": separator,
        }
        return Condition({"overlap": stored}, f"{self.column} shares {least}")

    def missing(self, sides: str = "one") -> Condition:
        """Missing on ``"one"`` side, or on ``"both"``."""
        kinds = {
            "one": ("missing_one", "missing on one side"),
            "both": ("missing_both", "missing on both sides"),
        }
        if sides not in kinds:
            raise InputError(f'`sides`: "{sides}" is not "one" or "both"')
        kind, words = kinds[sides]
        return Condition({kind: {"column": self.column}}, f"{self.column} {words}")


def when(column: str) -> When:
    """Begin a condition on a column, for :func:`levels`.

    Parameters
    ----------
    column : str
        The column, on both sides.

    Returns
    -------
    When
        ``same()``, ``sounds()``, ``alike(measure, threshold)``, ``crossed(other)``,
        ``within(most)``, ``share(most)``, ``overlaps(least)`` and ``missing("one" or "both")``
        give conditions, joined by ``&``, ``|`` and ``~``. But for the last they do not hold where
        a value is missing.

    Examples
    --------
    >>> (kp.linkage.when("town").same() & ~kp.linkage.when("street").same()).label
    'town equal and not (street equal)'
    """
    if not isinstance(column, str):
        raise InputError(f"`column`: a column name is text, not {type(column).__name__}")
    return When(column)


def levels(name: str, *conditions: Condition) -> Comparison:
    """Compare by conditions of one's own over any columns, the most telling first.

    A pair has the first level whose condition holds; the last level, else, has none. The pair
    says nothing where no condition holds and no column of them has a value on both sides.

    Parameters
    ----------
    name : str
        What the comparison is called.
    *conditions : Condition
        See :func:`when`.

    Examples
    --------
    >>> c = kp.linkage
    >>> moved = c.levels(
    ...     "address",
    ...     c.when("street").same() & c.when("town").same(),
    ...     c.when("street").alike("jaro_winkler", 0.9),
    ...     c.when("town").same() | c.when("postcode").same(),
    ... )
    >>> moved.kind
    'levels'
    """
    listed = [[_condition(one).label, _condition(one).stored] for one in conditions]
    return compare("levels", name, None, tf=False, settings=json.dumps({"conditions": listed}))


def full_name(first: str, last: str, *, tf: bool = False, name: str | None = None) -> Comparison:
    """Compare given name and surname together, swapped ones included.

    Both equal; swapped; both sound the same; the surname alike and the given name equal; the given
    name alike and the surname equal; the surname equal; the given name equal; else.

    Parameters
    ----------
    first, last : str
        The columns.
    tf : bool
        Weigh equality of both by how rare the pair of names is.
    name : str, optional
        What the comparison is called; ``"first last"`` by default.

    Examples
    --------
    >>> kp.linkage.full_name("first_name", "surname").column
    'first_name surname'
    """
    a, b = when(first), when(last)
    made = levels(
        f"{first} {last}" if name is None else name,
        (a.same() & b.same()).named("equal"),
        a.crossed(last),
        (a.sounds() & b.sounds()).named("both sound the same"),
        a.same() & b.alike("jaro_winkler", 0.9),
        b.same() & a.alike("jaro_winkler", 0.9),
        b.same(),
        a.same(),
    )
    return made.having(tf_levels=1) if tf else made


def percent(column: str, *at_most: float) -> Comparison:
    """Compare numbers by their difference as a share of the larger one.

    Parameters
    ----------
    column : str
        The column, on both sides.
    *at_most : float
        Largest shares, upwards; 0.01 and 0.1 by default.

    Examples
    --------
    >>> kp.linkage.percent("wage", 0.02).column
    'wage'
    """
    own = when(column)
    return levels(
        column, own.share(0).named("equal"), *(own.share(most) for most in at_most or (0.01, 0.1))
    )


def distance(
    latitude: str, longitude: str, *kilometres: float, name: str | None = None
) -> Comparison:
    """Compare places by their great-circle distance.

    Parameters
    ----------
    latitude, longitude : str
        Columns in degrees.
    *kilometres : float
        Largest distances, upwards; 0.1, 1 and 10 by default.
    name : str, optional
        What the comparison is called; ``"latitude longitude"`` by default.

    Examples
    --------
    >>> kp.linkage.distance("lat", "lon", 1, 5).column
    'lat lon'
    """
    conditions = [
        Condition(
            {
                "kilometres": {
                    "latitude": latitude,
                    "longitude": longitude,
                    "most": _number("kilometres", most),
                }
            },
            "equal" if most == 0 else f"distance <= {most} km",
        )
        for most in (0, *(kilometres or (0.1, 1, 10)))
    ]
    return levels(f"{latitude} {longitude}" if name is None else name, *conditions)


def cosine(columns: str | Sequence[str], *at_least: float, name: str | None = None) -> Comparison:
    """Compare vectors, such as embeddings of text, by the cosine of their angle.

    Parameters
    ----------
    columns : str or sequence of str
        A column of text that holds the numbers (``"[0.1, 0.2]"``), or one column a dimension.
    *at_least : float
        Smallest similarities, downwards; 0.95 and 0.8 by default.
    name : str, optional
        What the comparison is called; the first column by default.

    Examples
    --------
    >>> kp.linkage.cosine(["e0", "e1", "e2"], 0.9, name="job title").column
    'job title'
    """
    names = [columns] if isinstance(columns, str) else list(columns)
    conditions = [
        Condition(
            {"cosine": {"columns": names, "least": _number("at_least", least)}},
            f"cosine >= {least}",
        )
        for least in at_least or (0.95, 0.8)
    ]
    return levels((names or [""])[0] if name is None else name, *conditions)


def overlap(column: str, *at_least: int, separator: str = ";") -> Comparison:
    """Compare lists by how many items they have in common.

    Parameters
    ----------
    column : str
        A column of lists (of pyarrow, polars, pandas or Python), or of text whose items end at the
        separator. A list that is missing says nothing; an empty one has nothing in common with
        another. Missing items do not count.
    *at_least : int
        Numbers of different items, downwards; 2 and 1 by default.
    separator : str
        One character, for text.

    Examples
    --------
    >>> kp.linkage.overlap("telephones", 1).column
    'telephones'
    """
    own = when(column)
    return levels(column, *(own.overlaps(least, separator) for least in at_least or (2, 1)))


def person(
    column: str,
    *,
    tf: bool = False,
    right: str | None = None,
    nicknames: bool | Sequence[Sequence[str]] = True,
) -> Comparison:
    """Compare names of persons by spelling and by sound.

    Equal; the same name in another spelling (the same sounds, the same words in another order or
    without particles, or a given name that the person goes by too); Jaro-Winkler at least 0.92; at
    least 0.85; else. Sounds are those of Dutch, French, English, Turkish, Slavic and
    transliterated Arabic spelling (ou/oe/u/w, ch/sh/sj, dj/j, y/i/ij, q/k, ph/f, doubled letters,
    final h, -ski and -ska); Cyrillic and Greek letters are transliterated.

    Parameters
    ----------
    column : str
        The column on the left, and on the right unless `right` says otherwise.
    tf : bool
        Weigh agreement by how rare the value is (term frequencies).
    right : str, optional
        The column on the right.
    nicknames : bool or sequence of sequences of str
        Whether listed given names count as one (Jef and Jozef, Mehmet and Mohamed); groups of
        names of one's own are added to the list.

    Examples
    --------
    >>> kp.linkage.person("first_name", nicknames=[["Bea", "Beatrijs"]]).kind
    'person'
    """
    own = [] if isinstance(nicknames, bool) else [list(group) for group in nicknames]
    settings = {"listed": bool(nicknames) or bool(own), "nicknames": own}
    return compare("person", column, right, tf, settings=json.dumps(settings))


def insz(column: str, *, tf: bool = False, right: str | None = None) -> Comparison:
    """Compare Belgian national numbers (INSZ, BIS included) with their check digits.

    Equal; one slip away and one of the two fails its check; one slip away otherwise; else. The
    check digits catch every slip of a digit and every swap of neighbours: two numbers that both
    pass and are one slip apart are two persons' numbers, one that fails and is a slip from one
    that passes is that number, repaired.

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
    >>> kp.linkage.insz("insz").kind
    'insz'
    """
    return compare("insz", column, right, tf)
