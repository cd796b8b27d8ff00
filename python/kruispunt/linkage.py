"""Which rows of two registers are one person.

A :class:`Linker` compares columns (:func:`name`, :func:`date`, :func:`identifier` and others) of
the pairs of rows that its blocking rules find, learns without labels what agreement is worth, and
gives :class:`Links`. :func:`key_link` links by a number that both registers have.

Examples
--------
>>> c = kp.linkage
>>> births = ["1985-07-30", "1990-01-12", "1978-11-03", "1969-05-21", "1995-02-02", "1981-09-17"]
>>> left = {"surname": ["Yıldız", "Janssens", "El Amrani", "Peeters", "Diallo", "Nowak"],
...         "birth_date": births, "origin": ["TR", "BE", "MA", "BE", "GN", "PL"]}
>>> right = {"surname": ["YILDIZ", "Jansens", "Amrani", "Peeters", "Diallo", "Novak"],
...          "birth_date": births}
>>> linker = c.Linker(
...     comparisons=[c.name("surname"), c.date("birth_date")],
...     blocking=[["surname"], ["birth_date"]],
... )
>>> linker.forecast(left, right)["pairs"]
array([3, 6])
>>> links = linker.train(left, right).link(left, right)
>>> links.pairs["right_row"]
array([0, 1, 2, 3, 4, 5])
"""

from __future__ import annotations

import json
import sys
import warnings
import weakref
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kruispunt import _core, _splink
from kruispunt._comparing import (
    Comparison,
    Condition,
    cosine,
    distance,
    full_name,
    insz,
    levels,
    overlap,
    percent,
    person,
    when,
)
from kruispunt._comparing import compare as _compare
from kruispunt._finding import Blocking, Cover, PairScorer, Rule, neighbours, similar
from kruispunt._finding import json_of as _rule
from kruispunt._finding import shown as _shown_rule
from kruispunt._frames import IntoTable, to_frame, to_table
from kruispunt._progress import Callback, reporting
from kruispunt._shown import said
from kruispunt.account import Account
from kruispunt.exceptions import DesignWarning, InputError
from kruispunt.link_figures import (
    plot_balance,
    plot_calibration,
    plot_clusters,
    plot_comparisons,
    plot_parameters,
    plot_precision_recall,
    plot_roc,
    plot_thresholds,
    plot_waterfall,
    plot_weights,
)
from kruispunt.link_pages import page
from kruispunt.link_quality import (
    Check,
    balance,
    calibration,
    cluster_measures,
    cluster_table,
    evidence,
    implausible,
    implausible_links,
    patterns,
    ranking,
    thresholds,
    weight_histogram,
)
from kruispunt.link_review import ClericalSample, clerical_sample, read_labels
from kruispunt.linked import Linked
from kruispunt.table import Table, to_numpy

__all__ = [
    "Blocking",
    "Comparison",
    "Condition",
    "Cover",
    "Linked",
    "Linker",
    "Links",
    "PairScorer",
    "cosine",
    "damerau",
    "date",
    "dice",
    "distance",
    "evaluate",
    "exact",
    "full_name",
    "identifier",
    "insz",
    "jaccard",
    "jaro",
    "jaro_winkler",
    "key_link",
    "levels",
    "levenshtein",
    "name",
    "neighbours",
    "numeric",
    "osa",
    "overlap",
    "percent",
    "person",
    "resolve_key",
    "rule_link",
    "similar",
    "stack",
    "when",
]

Assignment: TypeAlias = Literal["one-to-one", "many-to-one", "one-to-many", "none"]
"""Who may be linked to whom."""

Truth: TypeAlias = Any
"""A column of persons in both tables, a pair of such names, or a table of true pairs."""


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


class Linker:
    r"""Probabilistic record linkage after Fellegi and Sunter.

    .. math::

        \log_2 \mathrm{odds} = \log_2 \frac{\lambda}{1 - \lambda}
            + \sum_k \log_2 \frac{m_k(\mathrm{level})}{u_k(\mathrm{level})}

    `m` and `u` are the probabilities of a level among matches and non-matches. `u` comes from
    value frequencies (equality in closed form, other levels from pairs of distinct values or
    sampled pairs of rows) with the matches taken out; `m` from expectation-maximisation on
    counted patterns, one run for each blocking rule without the comparisons it makes equal; the
    share of matches from the expected matches among blocked pairs over the completeness of the
    rules. That is the smaller of two estimates: from how many rules find each match (Chao 1987)
    and from how often the columns of the rules agree among matches. Both are optimistic.

    Two comparisons may plainly go together given the match status: who moved has another street
    and another postcode. Their weight then gains :math:`\log_2 c_m / c_u`, with `c` the joint
    probability of two levels over the product of the two, for the pairs of a forest (Chow & Liu
    1968), learned from pairs of rows whose status is plain without the two.

    Parameters
    ----------
    comparisons : sequence of Comparison
        What is compared.
    blocking : sequence of rules
        Each rule is a list of columns (or ``(column, letters)`` for its first letters); a pair is
        looked at once, when any rule finds it equal. Missing values never block. Columns that
        are compared are spelled as compared.
    max_pairs : int
        The most pairs the rules may find together.
    max_block : int, optional
        The most pairs that one block of a rule may have; a giant block is most often a value that
        means missing.
    between : str, optional
        A column of sources, for several registers in one table (see :func:`stack`): only pairs of
        rows of different sources are looked at.
    by : str, optional
        A column of the left table (of the one table): m, u, the share of matches and term
        frequencies are learned for each of its groups. A group begins with m of all rows, worth
        20 matches; one of fewer than 50 rows, or that cannot be learned, has the model of all
        rows, and a pair of rows of two groups too.
    draws : int
        Random pairs of rows for `u` of each comparison, where sampling is needed.
    dependence : {"tree", "none"}
        Whether comparisons may go together given the match status; see :meth:`dependencies`.

    Raises
    ------
    InputError
        If a comparison or a rule is not what it should be.

    References
    ----------
    Fellegi, I. P. & Sunter, A. B. (1969). A theory for record linkage. *JASA* 64, 1183-1210.

    Chao, A. (1987). Estimating the population size for capture-recapture data with unequal
    catchability. *Biometrics* 43, 783-791.

    Chow, C. K. & Liu, C. N. (1968). Approximating discrete probability distributions with
    dependence trees. *IEEE Transactions on Information Theory* 14, 462-467.

    Examples
    --------
    See :mod:`kruispunt.linkage`.
    """

    def __init__(
        self,
        comparisons: Sequence[Comparison],
        blocking: Sequence[Rule],
        *,
        max_pairs: int = 1_000_000_000,
        draws: int = 1_000_000,
        dependence: Literal["tree", "none"] = "tree",
        max_block: int | None = None,
        between: str | None = None,
        by: str | None = None,
    ) -> None:
        listed: list[Any] = list(comparisons)
        for one in listed:
            if not isinstance(one, Comparison):
                kind = type(one).__name__
                raise InputError(
                    f"`comparisons`: {kind} is no comparison; write name(...), date(...), exact(...)"
                )
        for argument, value in (("max_pairs", max_pairs), ("draws", draws)):
            _whole(argument, value, 1)
        if max_block is not None:
            _whole("max_block", max_block, 1)
        texts: tuple[tuple[str, Any], ...] = (("between", between), ("by", by))
        for argument, text in texts:
            if text is not None and not isinstance(text, str):
                raise InputError(f"`{argument}`: a column name is text, not {type(text).__name__}")
        self.native = _core.Linker(
            [one._plain() for one in listed],
            [_rule(rule) for rule in blocking],
            max_pairs,
            draws,
            dependence,
            max_block,
            between,
            by,
        )

    @classmethod
    def _wrap(cls, native: _core.Linker) -> Linker:
        made = cls.__new__(cls)
        made.native = native
        return made

    @property
    def comparisons(self) -> tuple[Comparison, ...]:
        """What is compared."""
        return tuple(
            Comparison(kind, column, right, tf, tuple(thresholds), settings)
            for kind, column, right, tf, thresholds, settings in self.native.comparisons()
        )

    @property
    def blocking(self) -> list[Rule]:
        """The rules that find pairs."""
        return [_shown_rule(rule) for rule in self.native.blocking()]

    @property
    def match_share(self) -> float | None:
        """The share of matches among all pairs of rows, as learned."""
        return self.native.probability

    @property
    def completeness(self) -> float | None:
        """The estimated share of the matches that the rules find, as learned."""
        return self.native.completeness

    @property
    def match_share_error(self) -> float | None:
        """The relative standard error of the share of matches, given m and u.

        It holds what is open about the status of the pairs that rules find, and Chao's variance of
        what no rule finds.
        """
        return self.native.probability_error

    def match_shares(self) -> Table:
        """Give the share of matches by group of ``by=``, that of all rows first.

        Returns
        -------
        Table
            ``group`` (null for all rows), ``match_share``, ``relative_error`` and
            ``completeness``.
        """
        return Table.wrap(self.native.match_shares())

    def _read(
        self, left: IntoTable, right: IntoTable | None, argument: str = "left"
    ) -> tuple[_core.Table, _core.Table | None]:
        lefts, rights = self.native.columns()
        table = self._once(left, lefts, argument)
        return table, None if right is None else self._once(right, rights, "right")

    def _once(self, data: IntoTable, names: list[str], argument: str) -> _core.Table:
        """Read a table; one that cannot change (of pyarrow) is read once for training and linking."""
        pyarrow = sys.modules.get("pyarrow")
        if pyarrow is None or not isinstance(data, pyarrow.Table):
            return to_table(data, names, argument, lists=True)
        seen: dict[bool, tuple[Any, list[str], _core.Table]] = self.__dict__.setdefault("_seen", {})
        side = argument == "right"
        if side in seen:
            known, of, table = seen[side]
            if known() is data and of == names:
                return table
        table = to_table(data, names, argument, lists=True)
        seen[side] = (weakref.ref(data), names, table)
        return table

    def forecast(
        self,
        left: IntoTable,
        right: IntoTable | None = None,
        *,
        progress: bool | Callback | None = None,
    ) -> Any:
        """Count the pairs of each rule before anything runs.

        Parameters
        ----------
        left, right : table
            The registers; without `right`, the rows of `left` among themselves.
        progress : bool or callable, optional
            As in :func:`kruispunt.progress`.

        Returns
        -------
        table
            ``rule``, ``pairs``, ``new`` (not found by an earlier rule) and ``largest_block``.
        """
        tables = self._read(left, right)
        with reporting(progress) as callback:
            return to_frame(self.native.forecast(*tables, callback), like=left)

    def train(
        self,
        left: IntoTable,
        right: IntoTable | None = None,
        *,
        seed: int = 1,
        assignment: Assignment = "one-to-one",
        labels: IntoTable | None = None,
        progress: bool | Callback | None = None,
    ) -> Linker:
        """Learn what agreement is worth, without labels or with some.

        Parameters
        ----------
        left, right : table
            The registers; without `right`, the rows of `left` among themselves.
        seed : int
            The seed of the sampling; the same seed gives the same bits.
        assignment : {"one-to-one", "many-to-one", "one-to-many", "none"}
            What :meth:`link` will be asked for; it bounds the number of matches.
        labels : table, optional
            Pairs of rows whose status is known: ``left_row``, ``right_row`` and, unless all are
            matches, ``match``. m comes from the matches among them; u and the share of matches
            are learned as without.
        progress : bool or callable, optional
            As in :func:`kruispunt.progress`.

        Returns
        -------
        Linker
            This linker, trained.

        Raises
        ------
        InputError
            If a table has no rows, lacks a column, the rules find more than `max_pairs` or a block
            more than `max_block`, or labels contradict each other.
        LinkageError
            If the rules find no pair, or a comparison cannot be learned (it is part of every
            rule, or never present on both sides).

        Warns
        -----
        DesignWarning
            By name, when what was learned is not to be trusted: ``no_separation``,
            ``match_share_at_bound``, ``not_converged``.
        """
        tables = self._read(left, right)
        _whole("seed", seed, 0)
        with reporting(progress) as callback:
            self.native = self.native.train(*tables, assignment, seed, callback, _labels(labels))
        _warn(self.native.cautions)
        return self

    def link(
        self,
        left: IntoTable,
        right: IntoTable,
        *,
        assignment: Assignment = "one-to-one",
        threshold: float | Literal["auto"] = "auto",
        fdr: float | None = None,
        progress: bool | Callback | None = None,
    ) -> Links:
        """Link the rows of two tables.

        Parameters
        ----------
        left, right : table
            The registers.
        assignment : {"one-to-one", "many-to-one", "one-to-many", "none"}
            One-to-one (the default) uses every row at most once and maximises the total weight;
            many-to-one gives every left row its best right row, for left tables with several rows
            a person; one-to-many gives every right row its best left row; none keeps every pair.
        threshold : float or "auto"
            The probability at which links begin; ``"auto"`` maximises the expected F1.
        fdr : float, optional
            Instead of a threshold: the largest expected share of wrong links, from the links' own
            probabilities.
        progress : bool or callable, optional
            As in :func:`kruispunt.progress`.

        Returns
        -------
        Links
            With probabilities that take the rivals of each pair into account.

        Raises
        ------
        InputError
            If the linker is not trained, or a table or argument is not what it should be.

        Warns
        -----
        DesignWarning
            ``low_expected_precision``, when the model expects more than a fifth of the links to
            be wrong.
        """
        if right is None:
            raise InputError("`right`: a table is needed; to link the rows of one table, dedupe it")
        tables = self._read(left, right)
        probability = _threshold(threshold)
        with reporting(progress) as callback:
            native = self.native.link(*tables, assignment, probability, fdr, callback)
        _warn(native.cautions)
        return Links(native, left, right, (self.native, assignment))

    def dedupe(
        self,
        table: IntoTable,
        *,
        threshold: float | Literal["auto"] = "auto",
        fdr: float | None = None,
        progress: bool | Callback | None = None,
    ) -> Links:
        """Find rows of one table that are one person; follow with :meth:`Links.clusters`.

        Parameters
        ----------
        table : table
            The register.
        threshold, fdr, progress
            As in :meth:`link`.

        Returns
        -------
        Links
            Pairs of rows of the table.
        """
        native, _ = self._read(table, None, "table")
        probability = _threshold(threshold)
        with reporting(progress) as callback:
            links = self.native.link(native, None, "none", probability, fdr, callback)
        _warn(links.cautions)
        return Links(links, table, table, (self.native, "none"))

    def update(
        self,
        table: IntoTable,
        since: int,
        *,
        threshold: float | Literal["auto"] = "auto",
        fdr: float | None = None,
        progress: bool | Callback | None = None,
    ) -> Links:
        """Find what the new rows of a table belong to: rows that were there, and each other.

        Pairs of old rows are not looked at again. Follow with ``links.clusters(previous=ids)``,
        which keeps the cluster ids of the old rows.

        Parameters
        ----------
        table : table
            The old rows and, below them, the new ones (see :func:`stack`).
        since : int
            The first new row.
        threshold, fdr, progress
            As in :meth:`link`.

        Returns
        -------
        Links
            Pairs of rows of the table with at least one new row.

        Raises
        ------
        InputError
            If the linker is not trained, or no row is new.
        """
        native, _ = self._read(table, None, "table")
        _whole("since", since, 0)
        with reporting(progress) as callback:
            links = self.native.link_since(native, int(since), _threshold(threshold), fdr, callback)
        _warn(links.cautions)
        return Links(links, table, table)

    def score(self, left: IntoTable, right: IntoTable, rows: Any) -> Any:
        """Weigh pairs of rows that are named, whether or not a rule finds them.

        Parameters
        ----------
        left, right : table
            The registers.
        rows : array of int, shape (n_pairs, 2), or table
            Row numbers from 0; as a table in ``left_row`` and ``right_row``.

        Returns
        -------
        table
            ``left_row``, ``right_row``, ``weight`` (bits), ``probability`` (without rivals) and
            the level of each comparison.

        Raises
        ------
        InputError
            If the linker is not trained or a row does not exist.
        """
        tables = self._read(left, right)
        if tables[1] is None:
            raise InputError("`right`: a table is needed; give the same one twice")
        return to_frame(
            self.native.score(tables[0], tables[1], _row_pairs("rows", rows)), like=left
        )

    def scorer(self, left: IntoTable, right: IntoTable | None = None) -> PairScorer:
        """Make a scorer of single pairs of records that are in no table.

        Parameters
        ----------
        left, right : table
            Where the frequencies of values come from; without `right`, of one table.

        Returns
        -------
        PairScorer
            ``scorer.score(record, other)`` takes two mappings and some microseconds.
        """
        return PairScorer(self.native.scorer(*self._read(left, right)))

    def learn_blocking(
        self,
        left: IntoTable,
        right: IntoTable | None = None,
        *,
        matches: Any = None,
        recall: float = 0.99,
        max_pairs: int = 1_000_000_000,
        progress: bool | Callback | None = None,
    ) -> Cover:
        """Learn which blocking rules find the matches in the fewest pairs.

        Greedy set cover over all rules of up to three keys: compared columns, their first three
        letters (four digits of a date) and the sound of names.

        Parameters
        ----------
        left, right : table
            The registers; without `right`, the rows of `left` among themselves.
        matches : array of int, shape (n_matches, 2), Links or table, optional
            Pairs of rows that are one person. By default the pairs that this linker, trained, is
            sure of (0.99): what its own rules cannot find stays unknown then.
        recall : float
            The share of the matches to find.
        max_pairs : int
            The most pairs of one rule.
        progress : bool or callable, optional
            As in :func:`kruispunt.progress`.

        Returns
        -------
        Cover
            ``rules``, for :meth:`with_blocking`, and ``table``: what each finds and costs.

        References
        ----------
        Bilenko, M., Kamath, B. & Mooney, R. (2006). Adaptive blocking: learning to scale up record
        linkage. *ICDM*.
        """
        tables = self._read(left, right)
        _whole("max_pairs", max_pairs, 1)
        if matches is None:
            found = (
                self.dedupe(left, threshold=0.99, progress=progress)
                if right is None
                else self.link(left, right, threshold=0.99, progress=progress)
            )
            matches = found
        if isinstance(matches, Links):
            matches = matches.native.pairs()
        pairs = _row_pairs("matches", matches)
        with reporting(progress) as callback:
            rules, table = self.native.learn_rules(
                *tables, pairs, float(recall), max_pairs, callback
            )
        return Cover([_shown_rule(rule) for rule in rules], Table.wrap(table))

    def with_blocking(self, blocking: Sequence[Rule]) -> Linker:
        """Give this linker, and what it learned, with other blocking rules."""
        return Linker._wrap(self.native.with_blocking([_rule(rule) for rule in blocking]))

    @property
    def cautions(self) -> list[str]:
        """What whoever uses the model must know, each with a name before a colon."""
        return self.native.cautions

    @classmethod
    def from_splink(cls, settings: Any) -> Linker:
        """Take over a model of Splink.

        All levels of Splink's own comparisons in its DuckDB dialect are read, and what ``And``,
        ``Or`` and ``Not`` make of them, with term frequencies of the levels that have them; and
        blocking rules of equal columns or first letters. Weights are those of Splink: text is
        compared as it is written, measures count bytes, only a null is missing, and the frequency
        of a value is its share of all rows, the pair itself included.

        Parameters
        ----------
        settings : dict, str or path
            What ``save_model_to_json`` gave, as a dictionary, as text or as a file.

        Returns
        -------
        Linker
            Trained when all levels have m and u.

        Raises
        ------
        InputError
            If something in the settings cannot be read; the message names its place.

        Examples
        --------
        >>> levels = [
        ...     {"sql_condition": '"name_l" = "name_r"', "m_probability": 0.9, "u_probability": 0.1},
        ...     {"sql_condition": "ELSE", "m_probability": 0.1, "u_probability": 0.9},
        ... ]
        >>> linker = kp.linkage.Linker.from_splink({
        ...     "probability_two_random_records_match": 0.01,
        ...     "comparisons": [{"comparison_levels": levels}],
        ...     "blocking_rules_to_generate_predictions": ['l."name" = r."name"'],
        ... })
        >>> linker.parameters()["weight"].round(3)
        array([ 3.17, -3.17])
        """
        read = _splink.read(settings)
        found = [_splink.comparison(one, at) for at, one in enumerate(read.get("comparisons", []))]
        rules = read.get("blocking_rules_to_generate_predictions", [])
        linker = cls(
            [one.comparison for one in found],
            [_splink.rule(one, at) for at, one in enumerate(rules)],
        )
        if not found or not all(one.learned for one in found):
            return linker
        stored = json.loads(linker.to_json())
        stored["linker"]["model"] = {
            "lambda": float(read.get("probability_two_random_records_match", 0.0001)),
            "completeness": 1.0,
            "learned": [{"m": one.m, "u": one.u} for one in found],
            "notes": ["m, u and the share of matches are those of Splink"],
        }
        return cls.from_json(json.dumps(stored))

    def parameters(self) -> Table:
        """Give what was learned: ``comparison``, ``level``, ``m``, ``u`` and ``weight`` (bits)."""
        return Table.wrap(self.native.parameters())

    def dependencies(self) -> Table:
        """Give the information that pairs of comparisons share, given the match status.

        Left out of the model, what goes together among matches makes their probabilities too
        low at the border, and what goes together among other pairs makes theirs too high.

        Returns
        -------
        Table
            ``first``, ``second``, ``matches`` and ``others`` (mutual information in bits) and
            ``in_model``.
        """
        return Table.wrap(self.native.dependencies())

    def to_json(self) -> str:
        """Write the linker with all it learned as JSON."""
        return self.native.to_json()

    @classmethod
    def from_json(cls, text: str) -> Linker:
        """Read a linker that :meth:`to_json` wrote.

        Raises
        ------
        InputError
            If the text is no linker, or of another version.
        """
        return cls._wrap(_core.Linker.from_json(text))

    def __reduce__(self) -> tuple[Any, tuple[_core.Linker]]:
        return Linker._wrap, (self.native,)

    def __repr__(self) -> str:
        state = "not trained" if self.native.probability is None else "trained"
        compared = ", ".join(one.column for one in self.comparisons)
        return f"<Linker on {compared}; {len(self.blocking)} blocking rules; {state}>"

    def _repr_html_(self) -> str:
        learned = [] if self.native.probability is None else [self.native.parameters()]
        return said(self, *learned)


class Links:
    """Pairs of rows that are one person, with the probability of each.

    Rows are those of the tables that were linked, counted from 0.

    Attributes
    ----------
    pairs : table
        ``left_row``, ``right_row``, ``weight`` (bits; null when a key decided), ``probability``,
        ``rule`` and the level of each comparison.
    account : Account
        What happened to the left rows.
    """

    def __init__(
        self,
        native: _core.Links,
        left: Any = None,
        right: Any = None,
        model: tuple[_core.Linker, Assignment] | None = None,
    ) -> None:
        self.native = native
        self._left = left
        self._right = right
        self._model = model

    @property
    def pairs(self) -> Any:
        """The links, as the kind of table that was linked."""
        return to_frame(self.native.pairs(), like=self._left)

    @property
    def account(self) -> Account:
        """What happened to the left rows."""
        return Account.from_json(self.native.account_json())

    @property
    def threshold(self) -> float | None:
        """The probability at which links begin; None when a key decided."""
        return self.native.threshold

    @property
    def n_left(self) -> int:
        """Rows of the left table."""
        return self.native.n_left

    @property
    def n_right(self) -> int:
        """Rows of the right table."""
        return self.native.n_right

    def draws(self, n: int, *, seed: int = 1, progress: bool | Callback | None = None) -> Any:
        """Draw whole configurations of links from their posterior.

        What might have been linked, for estimates that take the uncertainty of the linkage with
        them: estimate on each draw and pool by Rubin's rules. The probability of a configuration
        is proportional to the product of the odds of its pairs, over the configurations that the
        assignment allows; the threshold plays no part. Connected groups of at most twelve
        candidate pairs are drawn exactly, larger ones by a Markov chain.

        Parameters
        ----------
        n : int
            How many, at most 100,000.
        seed : int
            The same seed gives the same draws.
        progress : bool or callable, optional
            As in :func:`kruispunt.progress`.

        Returns
        -------
        table
            ``draw`` (from 0), ``left_row`` and ``right_row``.

        Raises
        ------
        InputError
            If a key decided, the links are within one table or were unpickled.
        """
        if self._model is None or self.native.within:
            raise InputError(
                "`links`: only fresh links of two tables by a model can be drawn again"
            )
        _whole("n", n, 1)
        _whole("seed", seed, 0)
        linker, assignment = self._model
        left, right = Linker._wrap(linker)._read(self._left, self._right)
        with reporting(progress) as callback:
            drawn = linker.draws(
                left, left if right is None else right, assignment, int(n), int(seed), callback
            )
        return to_frame(drawn, like=self._left)

    def clusters(
        self,
        grouping: Literal["connected", "best-link", "complete", "correlation"] = "connected",
        *,
        previous: Any = None,
        keep: bool = True,
    ) -> Any:
        """Group rows that belong together.

        Parameters
        ----------
        grouping : {"connected", "best-link", "complete", "correlation"}
            Rows connected over any number of links; over links that are the most probable of one
            of their rows; rows that are all linked to each other, joined from the most probable
            link down; or groups that agree with most of the evidence for and against (correlation
            clustering).
        previous : array of int, optional
            The cluster of each row in an earlier run, missing where the row was not there: ids are
            kept. An id goes to the cluster with most of its rows; of several ids a cluster takes
            that of most rows, then the smallest; a new cluster gets one above all of them.
        keep : bool
            Whether rows of one earlier cluster stay together, as they must when they were not
            compared again (:meth:`Linker.update`).

        Returns
        -------
        table
            ``row`` and ``cluster`` (the smallest row of the cluster); for two tables also
            ``side``, and right rows without a link are numbered on from the left rows. With
            `previous` also ``previous``.
        """
        before = None
        if previous is not None:
            before = to_table({"previous": previous}, ["previous"], "previous").column("previous")
        return to_frame(self.native.clusters(grouping, before, bool(keep)), like=self._left)

    @property
    def rules(self) -> Any:
        """What each blocking rule adds to those before it.

        ``rule``, ``new_pairs``, ``expected_matches`` among them and ``alone``, the expected
        matches that no other rule finds.
        """
        return to_frame(self.native.rules(), like=self._left)

    def report(self, by: Any = None, *, truth: Truth | None = None) -> Any:
        """Tell how well the left rows linked, by group.

        Parameters
        ----------
        by : str or array, optional
            A column of the left table, or one value for each left row.
        truth : str, pair of str or table, optional
            As in :func:`evaluate`.

        Returns
        -------
        table
            ``group``, ``n``, ``linked``, ``link_rate``, ``expected_precision``,
            ``expected_recall``, ``expected_fdr`` and ``expected_fnr`` (no labels needed) and, with `truth`, ``precision`` and ``recall``.
        """
        answer = self.native.report(self._groups(by), self._truth(truth))
        return to_frame(answer, like=self._left)

    @property
    def unlinked(self) -> NDArray[np.uint32]:
        """The left rows without a link, ascending."""
        return self.native.unlinked()

    def then(self, rest: Links) -> Links:
        """Put the links of a second pass to these.

        Parameters
        ----------
        rest : Links
            Links of the rows that these left open: of ``left[links.unlinked]`` and the same right
            table.

        Returns
        -------
        Links
            Of the whole left table; ``rule`` says which pass found a link.

        Raises
        ------
        InputError
            If `rest` has other rows, or both passes were weighed by a model.

        Examples
        --------
        >>> clients = {"insz": ["85073003328", None], "name": ["Diallo", "Peeters"]}
        >>> persons = {"insz": ["75460100123", "85073003328"], "name": ["Peeters", "Diallo"]}
        >>> by_number = kp.linkage.key_link(clients, persons, "insz")
        >>> rest = {"name": np.array(clients["name"])[by_number.unlinked]}
        >>> links = by_number.then(kp.linkage.key_link(rest, persons, "name"))
        >>> links.pairs["right_row"]
        array([1, 0])
        """
        if not isinstance(rest, Links):
            raise InputError(f"`rest`: expected links, got {type(rest).__name__}")
        return Links(self.native.then(rest.native), self._left, self._right)

    def attach(
        self,
        left: IntoTable,
        right: IntoTable,
        columns: str | Sequence[str],
        *,
        name: str = "linked",
    ) -> Linked:
        """Give the linked rows of the left register, with columns of the right one.

        Rows without a link are left out, as the account says; so are rows with more than one.

        Parameters
        ----------
        left, right : table
            The registers that were linked, with any columns, in the same order of rows.
        columns : str or sequence of str
            The columns of `right` to attach.
        name : str
            What the register is called in accounts.

        Returns
        -------
        Linked
            A table with an account: spells and panels that read it begin with the linkage.

        Raises
        ------
        InputError
            If a table has other rows than the one that was linked, a column is not there or both
            tables have it, or the links are within one table.

        Examples
        --------
        >>> clients = {"client": [101, 102], "insz": ["85073003328", None]}
        >>> persons = {"pid": [7, 9], "insz": ["75460100123", "85073003328"]}
        >>> links = kp.linkage.key_link(clients, persons, "insz")
        >>> links.attach(clients, persons, "pid").to_frame()
        {'client': array([101]), 'insz': array(['85073003328'], dtype=object), 'pid': array([9])}
        """
        names = [columns] if isinstance(columns, str) else list(columns)
        tables = to_table(left, argument="left"), to_table(right, names, "right")
        return Linked(self.native.attach(*tables, names, name), left)

    def waterfall(self, link: int) -> Any:
        """Show how the weight of a link came about, comparison by comparison.

        Parameters
        ----------
        link : int
            The link, a row of :attr:`pairs`.

        Returns
        -------
        table
            ``step``, ``level``, ``m``, ``u``, ``weight``, ``tf_adjustment`` and ``running``, in
            bits, the prior first.
        """
        _whole("link", link, 0)
        return to_frame(self.native.waterfall(int(link)), like=self._left)

    def _groups(self, by: Any) -> _core.Column | None:
        if by is None:
            return None
        if isinstance(by, str):
            if self._left is None:
                raise InputError("`by`: these links no longer know their table; give an array")
            return to_table(self._left, [by], "by").column(by, "by")
        return to_table({"by": by}, ["by"], "by").column("by")

    def _truth(self, truth: Truth | None) -> _core.Truth | None:
        if truth is None:
            return None
        pair = (truth, truth) if isinstance(truth, str) else truth
        if isinstance(pair, tuple) and len(pair) == 2 and all(isinstance(n, str) for n in pair):
            if self._left is None:
                raise InputError("`truth`: these links no longer know their tables; give pairs")
            left = to_table(self._left, [pair[0]], "truth").column(pair[0], "truth")
            if self.native.within:
                return _core.Truth.persons(left)
            right = to_table(self._right, [pair[1]], "truth").column(pair[1], "truth")
            return _core.Truth.persons(left, right)
        table = to_table(truth, ["left_row", "right_row"], "truth")
        rows = _row_columns("truth", table)
        return _core.Truth.pairs(rows[0], rows[1], self.native)

    def __kruispunt_table__(self) -> _core.Table:
        return self.native.pairs()

    def __reduce__(self) -> tuple[Any, tuple[_core.Links]]:
        return Links, (self.native,)

    def __len__(self) -> int:
        return len(self.native)

    def __repr__(self) -> str:
        return f"<{len(self):,} links of {self.n_left:,} to {self.n_right:,} rows>"

    def _repr_html_(self) -> str:
        return said(self, self.native.pairs())


# how good a linkage is
__all__ += [
    "Check",
    "ClericalSample",
    "balance",
    "calibration",
    "clerical_sample",
    "cluster_measures",
    "cluster_table",
    "evidence",
    "implausible",
    "implausible_links",
    "page",
    "patterns",
    "plot_balance",
    "plot_calibration",
    "plot_clusters",
    "plot_comparisons",
    "plot_parameters",
    "plot_precision_recall",
    "plot_roc",
    "plot_thresholds",
    "plot_waterfall",
    "plot_weights",
    "ranking",
    "read_labels",
    "thresholds",
    "weight_histogram",
]


def evaluate(links: Links, truth: Truth, *, by: Any = None) -> Any:
    """Compare links with the truth.

    Parameters
    ----------
    links : Links
        What was linked.
    truth : str, pair of str or table
        A column of both tables that says who each row is (or its two names), or a table with the
        true pairs in ``left_row`` and ``right_row``.
    by : str or array, optional
        A column of the left table, or one value for each left row.

    Returns
    -------
    table
        By group: ``links``, ``matches``, ``correct``, ``precision``, ``recall`` (with 95 percent
        Wilson intervals, links taken as independent), ``f1`` (with its own) and the row-by-row cluster measures
        ``b3_precision``, ``b3_recall`` and ``b3_f1``, whose intervals know which rows hang together.
        More measures of clusters: :func:`cluster_measures`.

    Raises
    ------
    InputError
        If a column is not there or a row does not exist.

    References
    ----------
    Bagga, A. & Baldwin, B. (1998). Algorithms for scoring coreference chains. *LREC*.

    Examples
    --------
    >>> permits = {"insz": ["B", "A", "B"]}
    >>> persons = {"insz": ["A", "B"]}
    >>> links = kp.linkage.key_link(permits, persons, on="insz")
    >>> kp.linkage.evaluate(links, "insz")["f1"]
    array([1.])
    """
    if not isinstance(links, Links):
        raise InputError("`links`: give what Linker.link, Linker.dedupe or key_link gave")
    known = links._truth(truth)
    if known is None:
        raise InputError("`truth` is None; give a column name or true pairs")
    return to_frame(links.native.evaluate(known, links._groups(by)), like=links._left)


def key_link(
    left: IntoTable,
    right: IntoTable,
    on: str,
    *,
    right_on: str | None = None,
    history: IntoTable | None = None,
    old: str = "old",
    new: str = "new",
    replaced_on: str | None = None,
) -> Links:
    """Link by a number that both tables have, replaced numbers resolved.

    Every left row goes to the one right row with its key; a right row may have many left rows.
    Punctuation and case do not count; blank and all-zero keys are missing; leading zeros do not
    count as soon as one of the columns holds numbers, which have lost them.

    Parameters
    ----------
    left, right : table
        The register and the reference; the reference has each key once.
    on : str
        The key on the left, and on the right unless `right_on` says otherwise.
    right_on : str, optional
        The key on the right.
    history : table, optional
        Replaced numbers, such as BIS numbers that became national numbers; chains are followed.
    old, new : str
        Its columns.
    replaced_on : str, optional
        Its column with the day of the replacement. A number with two different replacements
        follows the later one, and is an error without dates.

    Returns
    -------
    Links
        With probability 1; the account counts missing and unknown keys.

    Raises
    ------
    InputError
        If the reference has a key twice, replacements go round in a circle or are ambiguous; the
        message names rows, never numbers.

    Examples
    --------
    >>> permits = {"insz": ["75.46.01-001.23", None, "85073003328"]}
    >>> persons = {"insz": ["85073003328"]}
    >>> history = {"old": ["75460100123"], "new": ["85073003328"]}
    >>> kp.linkage.key_link(permits, persons, "insz", history=history).pairs["left_row"]
    array([0, 2])
    """
    there = on if right_on is None else right_on
    native = _core.key_link(
        to_table(left, [on], "left"),
        to_table(right, [there], "right"),
        on,
        there,
        _history(history, old, new, replaced_on),
    )
    return Links(native, left, right)


def resolve_key(
    data: IntoTable,
    on: str,
    *,
    history: IntoTable | None = None,
    old: str = "old",
    new: str = "new",
    replaced_on: str | None = None,
) -> NDArray[Any]:
    """Give the current number of every row, as it is compared by :func:`key_link`.

    Parameters
    ----------
    data : table
        The register.
    on : str
        Its key.
    history, old, new, replaced_on
        As in :func:`key_link`.

    Returns
    -------
    numpy.ndarray of object, shape (n_rows,)
        Text, None where the key is missing.

    Examples
    --------
    >>> history = {"old": ["A1", "B1"], "new": ["B1", "C1"]}
    >>> kp.linkage.resolve_key({"insz": ["a-1", "C1", ""]}, "insz", history=history)
    array(['C1', 'C1', None], dtype=object)
    """
    table = to_table(data, [on], "data")
    return to_numpy(_core.resolve_key(table, on, _history(history, old, new, replaced_on)))


def _history(
    history: IntoTable | None, old: str, new: str, date: str | None
) -> tuple[_core.Table, str, str, str | None] | None:
    if history is None:
        return None
    columns = [old, new] if date is None else [old, new, date]
    return to_table(history, columns, "history"), old, new, date


def _warn(cautions: Iterable[str]) -> None:
    for caution in cautions:
        warnings.warn(caution, DesignWarning, stacklevel=4)


def _threshold(threshold: float | Literal["auto"]) -> float | None:
    if isinstance(threshold, str):
        if threshold != "auto":
            raise InputError(f'`threshold`: "{threshold}" is neither "auto" nor a probability')
        return None
    return float(threshold)


def _whole(argument: str, value: Any, least: int) -> None:
    if not isinstance(value, int | np.integer) or not least <= value < 2**63:
        raise InputError(f"`{argument}` must be a whole number of at least {least}")


def _row_pairs(argument: str, rows: Any) -> list[tuple[int, int]]:
    """Read pairs of row numbers, as an array of two columns or a table."""
    if isinstance(rows, list | tuple | np.ndarray):
        listed = np.asarray(rows)
        if listed.ndim != 2 or listed.shape[1] != 2 or listed.dtype.kind not in "iu":
            raise InputError(f"`{argument}`: expected row numbers of shape (n_pairs, 2)")
        left, right = listed.T
    else:
        left, right = _row_columns(argument, to_table(rows, ["left_row", "right_row"], argument))
    if len(left) and (left.min() < 0 or right.min() < 0):
        raise InputError(f"`{argument}`: rows are numbered from 0")
    return list(zip(left.tolist(), right.tolist(), strict=True))


def _row_columns(argument: str, table: _core.Table) -> list[NDArray[Any]]:
    rows = []
    for column in ("left_row", "right_row"):
        values = to_numpy(table.column(column, argument))
        if values.dtype.kind != "i" or (values < 0).any():
            raise InputError(f'`{argument}`: column "{column}" must hold row numbers from 0')
        rows.append(values)
    return rows


def _labels(labels: IntoTable | None) -> list[tuple[int, int, bool]] | None:
    if labels is None:
        return None
    table = to_table(labels, None, "labels")
    left, right = _row_columns("labels", table)
    match = np.ones(len(left), dtype=bool)
    if "match" in table.columns:
        values = to_numpy(table.column("match", "labels"))
        if values.dtype.kind not in "bi" or not np.isin(values, (0, 1)).all():
            raise InputError('`labels`: column "match" must hold true or false for every pair')
        match = values.astype(bool)
    return list(zip(left.tolist(), right.tolist(), match.tolist(), strict=True))


def rule_link(
    left: IntoTable,
    right: IntoTable,
    passes: Sequence[Rule],
    *,
    spelled: Sequence[Comparison] = (),
    assignment: Literal["one-to-one", "many-to-one"] = "one-to-one",
    progress: bool | Callback | None = None,
) -> Links:
    """Link rows whose keys are equal, by the first rule that tells which.

    The passes go from the strictest rule down. In each, a left row that is still open goes to the
    right row with its keys when there is exactly one that may take it; where there are several,
    it stays open for the next pass and is counted. Nothing is weighed or learned.

    Parameters
    ----------
    left, right : table
        The registers.
    passes : sequence of rules
        As the `blocking` of a :class:`Linker`, the strictest first.
    spelled : sequence of Comparison
        How columns are spelled: ``name("surname")`` leaves accents and spaces out. Other columns
        are compared without case and outer space.
    assignment : {"one-to-one", "many-to-one"}
        Whether a right row may be taken once.
    progress : bool or callable, optional
        As in :func:`kruispunt.progress`.

    Returns
    -------
    Links
        With probability 1 and the rule of each; the account counts the rows of each pass and those
        that several rows could have taken.

    Raises
    ------
    InputError
        If there is no pass, a column is not there or a table has no rows.

    Examples
    --------
    >>> left = {"surname": ["Yıldız", "Maes"], "birth_date": ["1985-07-30", "1990-01-12"]}
    >>> right = {"surname": ["Maes", "YILDIZ"], "birth_date": ["1990-01-12", None]}
    >>> c = kp.linkage
    >>> links = c.rule_link(
    ...     left, right, [["surname", "birth_date"], ["surname"]], spelled=[c.name("surname")]
    ... )
    >>> links.pairs["right_row"]
    array([1, 0])
    """
    compared = list(spelled)
    listed = [_rule(rule) for rule in passes]
    if not listed:
        raise InputError("`passes`: there are no rules; give lists of columns, the strictest first")
    shell = _core.Linker([one._plain() for one in compared], listed, 1, 1)
    lefts, rights = shell.columns()
    tables = (
        to_table(left, lefts, "left", lists=True),
        to_table(right, rights, "right", lists=True),
    )
    with reporting(progress) as callback:
        native = _core.rule_link(
            *tables, [one._plain() for one in compared], listed, assignment, callback
        )
    return Links(native, left, right)


def stack(tables: Mapping[str, IntoTable], *, source: str = "source") -> Table:
    """Put tables one below the other, with the source of each row.

    For several registers at once: ``Linker(..., between="source")`` links between them, without
    ``between`` also within each (link and deduplicate).

    Parameters
    ----------
    tables : mapping of str to table
        The registers by name. A column that one lacks is missing there.
    source : str
        The column for the names.

    Returns
    -------
    Table
        All rows, in the order of the tables.

    Raises
    ------
    InputError
        If a column has another type in another table.

    Examples
    --------
    >>> all = kp.linkage.stack({"permits": {"name": ["Nowak"]}, "courses": {"name": ["Novak"]}})
    >>> all.to_dict()["source"]
    array(['permits', 'courses'], dtype=object)
    """
    names = list(tables)
    read = [to_table(tables[name], None, f"tables[{name!r}]", lists=True) for name in names]
    return Table.wrap(_core.stack(names, read, source))
