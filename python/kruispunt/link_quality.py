"""How good a linkage is: against labels, by a clerical sample, by its own plausibility.

All names stand in :mod:`kruispunt.linkage`. Four questions, by what is known:

- the truth is known for all rows: :func:`kruispunt.linkage.evaluate`, :func:`cluster_measures`,
  :func:`thresholds`, :func:`ranking`, :func:`calibration`;
- a person can look at some pairs: :func:`clerical_sample`;
- nothing but the registers is known: :func:`balance` (who is lost) and :func:`implausible` (which
  links cannot be right);
- how links came about: :func:`evidence`, :func:`patterns`, :func:`cluster_table`,
  :func:`weight_histogram`.

Figures of all these stand in :mod:`kruispunt.link_figures`, one page with everything is
:func:`kruispunt.linkage.page`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from kruispunt import _core
from kruispunt._frames import IntoTable, to_frame, to_table
from kruispunt.exceptions import InputError

if TYPE_CHECKING:
    from kruispunt._links import Links, Truth

__all__ = [
    "Check",
    "balance",
    "calibration",
    "cluster_measures",
    "cluster_table",
    "evidence",
    "implausible",
    "implausible_links",
    "patterns",
    "ranking",
    "thresholds",
    "weight_histogram",
]

Grouping: TypeAlias = Literal["connected", "best-link", "complete", "correlation"]


def native_of(links: Any, argument: str = "links") -> _core.Links:
    """Give the native links of what should be links."""
    native = getattr(links, "native", None)
    if not isinstance(native, _core.Links):
        raise InputError(f"`{argument}`: give what Linker.link, Linker.dedupe or key_link gave")
    return native


def compared_pairs(links: Links) -> Links | None:
    """Give all pairs worth keeping behind fresh links; None where that is not known any more."""
    from kruispunt.linkage import Linker

    if links._model is None:
        return None
    linker = Linker._wrap(links._model[0])
    right = None if links.native.within else links._right
    tables = linker._read(links._left, right)
    native = links._model[0].link(*tables, "none", 1e-4, None, None)
    return type(links)(native, links._left, links._right)


def compared_columns(links: Links) -> list[tuple[str, str]]:
    """Give the columns that were compared on the two sides; none where that is not known any more."""
    from kruispunt.linkage import Linker

    if links._model is None:
        return []
    return [(own.column, own.right) for own in Linker._wrap(links._model[0]).comparisons]


def cluster_measures(
    links: Links, truth: Truth, *, grouping: Grouping | None = None, by: Any = None
) -> Any:
    r"""Compare clusters of rows with persons.

    With `c` the size of a row's cluster, `p` the rows of its person and `b` the rows in both:

    .. math::

        \mathrm{pair\_precision} = \frac{\sum (b - 1)}{\sum (c - 1)}, \quad
        \mathrm{b3\_precision} = \frac 1 n \sum \frac b c, \quad
        \mathrm{cluster\_precision} = \frac{\sum 1[b = c = p] / c}{\sum 1 / c}

    and recall with `p` for `c`. Pairs over whole clusters differ from the pairs of
    :func:`evaluate`: two rows in one cluster count as said to be one person, linked or not.

    Parameters
    ----------
    links : Links
        What was linked.
    truth : str, pair of str or table
        As in :func:`evaluate`.
    grouping : {"connected", "best-link", "complete", "correlation"}, optional
        As in :meth:`Links.clusters`.
    by : str or array, optional
        A column of the left table, or one value for each left row; sums are then over the left
        rows of a group, each with its whole cluster and person.

    Returns
    -------
    table
        ``group``, ``measure``, ``value``, ``low``, ``high`` (95 percent) and ``units``. Measures:
        ``pair_``, ``b3_`` and ``cluster_`` ``precision``, ``recall`` and ``f1``;
        ``clusters_of_several_persons``, ``persons_in_several_clusters``; ``homogeneity``,
        ``completeness``, ``v_measure`` (their harmonic mean), ``variation_of_information`` (nats),
        ``adjusted_rand`` (not by group), ``mean_cluster_size``.

        Rows that hang together over clusters or persons are one unit; units are taken as
        independent and the interval is Wilson's for as many of them as have the linearised
        variance.

    Raises
    ------
    InputError
        If a column is not there or a row does not exist.

    References
    ----------
    Bagga, A. & Baldwin, B. (1998). Algorithms for scoring coreference chains. *LREC*.

    Hubert, L. & Arabie, P. (1985). Comparing partitions. *Journal of Classification* 2, 193-218.

    Rosenberg, A. & Hirschberg, J. (2007). V-measure: a conditional entropy-based external cluster
    evaluation measure. *EMNLP-CoNLL*, 410-420.

    Examples
    --------
    >>> permits = {"insz": ["B", "A", "B"]}
    >>> persons = {"insz": ["A", "B"]}
    >>> links = kp.linkage.key_link(permits, persons, on="insz")
    >>> found = kp.linkage.cluster_measures(links, "insz")
    >>> dict(zip(found["measure"], found["value"].round(3)))["b3_f1"]
    np.float64(1.0)
    """
    native = native_of(links)
    known = _known(links, truth)
    answer = _core.link_cluster_measures(native, known, grouping, links._groups(by))
    return to_frame(answer, like=links._left)


def thresholds(
    links: Links, truth: Truth | None = None, *, by: Any = None, points: int = 400
) -> Any:
    """Follow what links give that begin at each probability.

    Parameters
    ----------
    links : Links
        The pairs to follow. Links made with a low threshold,
        ``linker.link(left, right, threshold=0.01)``, show a long curve.
    truth : str, pair of str or table, optional
        As in :func:`evaluate`; without it there is only what the model expects.
    by : str or array, optional
        A column of the left table, or one value for each left row.
    points : int
        About how many thresholds a group; all where there are fewer.

    Returns
    -------
    table
        ``group``, ``threshold``, ``bits`` (its log2 odds, missing at 1), ``links``,
        ``expected_precision``, ``expected_recall``, ``expected_f1`` (no labels needed; recall
        counts matches that no rule finds) and, with `truth`, ``correct``, ``precision`` and
        ``recall`` with Wilson intervals, ``f1`` and ``false_positive_rate``: the share of the pairs
        of rows that are no match and are linked.

        A threshold keeps pairs as they are: links assigned anew at each may differ where a better
        rival falls below it.

    Raises
    ------
    InputError
        If a column is not there, a row does not exist, or `points` is less than 2.

    Examples
    --------
    >>> permits = {"insz": ["B", "A", "B"]}
    >>> persons = {"insz": ["A", "B"]}
    >>> links = kp.linkage.key_link(permits, persons, on="insz")
    >>> kp.linkage.thresholds(links, "insz")["recall"]
    array([1.])
    """
    native = native_of(links)
    known = None if truth is None else _known(links, truth)
    answer = _core.link_thresholds(native, known, links._groups(by), _count("points", points))
    return to_frame(answer, like=links._left)


def ranking(links: Links, truth: Truth, *, by: Any = None) -> Any:
    """Tell how well probabilities rank pairs, whatever the threshold.

    Parameters
    ----------
    links : Links
        The pairs; those made with a low threshold and ``assignment="none"`` are all that count.
    truth, by
        As in :func:`evaluate`.

    Returns
    -------
    table
        ``group``, ``links``, ``matches``, ``average_precision``, ``auc`` (over all pairs of rows;
        those not among the links stand last, together: matches that no rule found count against
        it), ``best_threshold`` and ``best_f1``.

        With so few matches among so many pairs, the area under the curve is near 1 for any linkage:
        read the average precision.

    Examples
    --------
    >>> permits = {"insz": ["B", "A", "B"]}
    >>> persons = {"insz": ["A", "B"]}
    >>> links = kp.linkage.key_link(permits, persons, on="insz")
    >>> kp.linkage.ranking(links, "insz")["average_precision"]
    array([1.])
    """
    native = native_of(links)
    answer = _core.link_ranking(native, _known(links, truth), links._groups(by))
    return to_frame(answer, like=links._left)


def calibration(links: Links, truth: Truth) -> Any:
    """Tell whether pairs are right as often as their probability says.

    Parameters
    ----------
    links : Links
        The pairs; make them with a low threshold to see the unlikely ones too.
    truth : str, pair of str or table
        As in :func:`evaluate`.

    Returns
    -------
    table
        By class of probability: ``low``, ``high``, ``pairs``, ``mean_probability``, ``correct``,
        ``share``, ``share_low`` and ``share_high`` (95 percent, Wilson).

    Examples
    --------
    >>> permits = {"insz": ["B", "A", "B"]}
    >>> persons = {"insz": ["A", "B"]}
    >>> links = kp.linkage.key_link(permits, persons, on="insz")
    >>> kp.linkage.calibration(links, "insz")["share"]
    array([1.])
    """
    answer = _core.link_calibration(native_of(links), _known(links, truth))
    return to_frame(answer, like=links._left)


def weight_histogram(links: Links, truth: Truth | None = None, *, bins: int = 60) -> Any:
    """Count pairs by match weight.

    Parameters
    ----------
    links : Links
        The pairs; those made with ``threshold=0.0001`` and ``assignment="none"`` show both humps.
    truth : str, pair of str or table, optional
        As in :func:`evaluate`.
    bins : int
        The most classes; their width is 1, 2 or 5 times a power of ten.

    Returns
    -------
    table
        ``low``, ``high`` (bits), ``pairs``, ``expected_matches`` (sum of probabilities) and, with
        `truth`, ``matches``.

    Raises
    ------
    InputError
        If a key decided, so that there are no weights.
    """
    known = None if truth is None else _known(links, truth)
    answer = _core.link_histogram(native_of(links), known, _count("bins", bins))
    return to_frame(answer, like=links._left)


def patterns(links: Links) -> Any:
    """Tell what links agree on, pattern by pattern.

    Returns
    -------
    table
        The heaviest first: ``links``, ``weight`` and ``probability`` (means), ``example`` (a row of
        :attr:`Links.pairs`) and the level of each comparison, missing where a value is.

    Raises
    ------
    InputError
        If a key decided, so that nothing was compared.
    """
    return to_frame(_core.link_patterns(native_of(links)), like=links._left)


def evidence(links: Links) -> Any:
    """Tell how the pairs were weighed: ``comparison``, ``level``, ``m``, ``u``, ``weight``, ``links``.

    Raises
    ------
    InputError
        If a key decided, so that nothing was weighed.
    """
    return to_frame(_core.link_evidence(native_of(links)), like=links._left)


def cluster_table(
    links: Links, truth: Truth | None = None, *, grouping: Grouping | None = None
) -> Any:
    """Describe the clusters of two rows or more, and where they are weak.

    Returns
    -------
    table
        ``cluster``, ``rows``, ``links``, ``density`` (links over pairs that could be linked),
        ``weakest`` (the smallest probability of its links), ``bridges`` (links without which it
        falls apart) and, with `truth`, ``persons``. A large cluster with a weak bridge is the
        first place to look for two persons taken for one.

    Examples
    --------
    >>> permits = {"insz": ["B", "A", "B"]}
    >>> persons = {"insz": ["A", "B"]}
    >>> links = kp.linkage.key_link(permits, persons, on="insz")
    >>> kp.linkage.cluster_table(links)["rows"]
    array([3, 2])
    """
    known = None if truth is None else _known(links, truth)
    return to_frame(_core.link_cluster_table(native_of(links), grouping, known), like=links._left)


def balance(
    links: Links,
    columns: str | Sequence[str] | None = None,
    *,
    left: IntoTable | None = None,
    by: Any = None,
) -> Any:
    """Lay the left rows that were linked beside those that were not.

    Who is not found is rarely like who is: this is the first table to show beside an estimate on
    linked rows. It needs no labels. Part of a difference may be right: who is in the left register
    and not in the right one cannot be found.

    Parameters
    ----------
    links : Links
        What was linked.
    columns : str or sequence of str, optional
        The columns to compare; by default all of `left`. Text with more than 30 levels (names,
        numbers of persons) shows the 30 commonest and ``other``: better name the columns.
    left : table, optional
        The left table; by default the one that was linked.
    by : str or array, optional
        A column of the left table, or one value for each left row.

    Returns
    -------
    table
        ``group``, ``column``, ``level`` (missing for the mean of numbers and dates; ``missing`` for
        the share without a value), ``n_linked``, ``n_unlinked``, ``linked``, ``unlinked``, ``all``
        (means or shares), ``difference``, ``standardised`` (over the root of the mean of the two
        variances; more than 0.1 is commonly called a difference), ``selection`` (linked minus all:
        what reading linked rows as everybody does to the mean) and, for levels, ``link_rate`` with
        its interval.

    Raises
    ------
    InputError
        If a column is not there or the table has other rows.

    References
    ----------
    Austin, P. C. (2009). Balance diagnostics for comparing the distribution of baseline covariates
    between treatment groups in propensity-score matched samples. *Statistics in Medicine* 28,
    3083-3107.

    Harron, K., Doidge, J. & Goldstein, H. (2020). Assessing data linkage quality in cohort studies.
    *Annals of Human Biology* 47, 218-226.

    Examples
    --------
    >>> permits = {"insz": ["B", None, "B", "Q"], "origin": ["BE", "MA", "BE", "MA"]}
    >>> persons = {"insz": ["A", "B"]}
    >>> links = kp.linkage.key_link(permits, persons, on="insz")
    >>> kp.linkage.balance(links, "origin")["link_rate"]
    array([1., 0.])
    """
    native = native_of(links)
    table = links._left if left is None else left
    if table is None:
        raise InputError("`left`: these links no longer know their table; give it")
    names = [columns] if isinstance(columns, str) else columns
    read = to_table(table, None if names is None else list(names), "columns")
    return to_frame(_core.link_balance(native, read, links._groups(by)), like=table)


@dataclass(frozen=True, slots=True)
class Check:
    """Something that should not happen to the two rows of a link; see :func:`implausible`.

    Made by :meth:`same`, :meth:`before`, :meth:`after`, :meth:`near`, :meth:`crowded` or
    :meth:`flagged`.

    Attributes
    ----------
    name : str
        What tables call it.
    kind : str
        How it was made.
    """

    name: str
    kind: str
    left: str = ""
    right: str = ""
    number: float = 0.0
    flags: Any = field(default=None, repr=False, compare=False)

    @classmethod
    def same(cls, column: str, *, right: str | None = None, name: str | None = None) -> Check:
        """Say that both rows should have the same value, such as sex or country of birth.

        Parameters
        ----------
        column : str
            The column on the left, and on the right unless `right` says otherwise.
        right : str, optional
            The column on the right.
        name : str, optional
            What tables call the check.

        Examples
        --------
        >>> kp.linkage.Check.same("sex").name
        'same sex'
        """
        other = column if right is None else right
        return cls(name or f"same {column}", "same", column, other)

    @classmethod
    def before(cls, left: str, right: str, *, name: str | None = None) -> Check:
        """Say that the left date or number should not lie after the right one.

        Examples
        --------
        >>> kp.linkage.Check.before("job_start", "death").name
        'job_start before death'
        """
        return cls(name or f"{left} before {right}", "before", left, right)

    @classmethod
    def after(cls, left: str, right: str, *, name: str | None = None) -> Check:
        """Say that the left date or number should not lie before the right one.

        Examples
        --------
        >>> kp.linkage.Check.after("permit_start", "birth_date").kind
        'after'
        """
        return cls(name or f"{left} after {right}", "after", left, right)

    @classmethod
    def near(
        cls, column: str, at_most: float, *, right: str | None = None, name: str | None = None
    ) -> Check:
        """Say that two numbers, or dates in days, should not be further apart than `at_most`.

        Examples
        --------
        >>> kp.linkage.Check.near("birth_date", 3660).number
        3660.0
        """
        other = column if right is None else right
        text = name or f"{column} at most {at_most:g} apart"
        return cls(text, "near", column, other, float(at_most))

    @classmethod
    def crowded(cls, at_most: int, *, name: str | None = None) -> Check:
        """Say that a right row should not have more than `at_most` left rows.

        Examples
        --------
        >>> kp.linkage.Check.crowded(2).name
        'at most 2 left rows'
        """
        whole = _count("at_most", at_most)
        return cls(name or f"at most {whole} left rows", "crowded", number=float(whole))

    @classmethod
    def flagged(cls, name: str, flags: Any) -> Check:
        """Mark links that you found implausible yourself.

        Parameters
        ----------
        name : str
            What tables call the check.
        flags : array of bool
            One for each row of :attr:`Links.pairs`; None where it cannot be told.

        Examples
        --------
        >>> kp.linkage.Check.flagged("two jobs far apart", [False, True]).kind
        'flagged'
        """
        return cls(name, "flagged", flags=flags)

    def _plain(self) -> tuple[str, str, str, str, float, _core.Column | None]:
        flags = self.flags
        column = None
        if self.kind == "flagged":
            column = to_table({"flags": flags}, ["flags"], "flags").column("flags")
        return self.kind, self.name, self.left, self.right, self.number, column


def implausible(
    links: Links,
    checks: Check | Sequence[Check],
    *,
    left: IntoTable | None = None,
    right: IntoTable | None = None,
    by: Any = None,
) -> Any:
    """Count links that cannot be right: a man linked to a woman, a job after a death.

    It needs no labels. A right link is implausible only where a register errs, so that the share of
    implausible links is about the least share of wrong ones, and shows in which group most are.
    Check what the linker did *not* compare: it has seen the rest already.

    Parameters
    ----------
    links : Links
        What was linked.
    checks : Check or sequence of Check
        What should not happen.
    left, right : table, optional
        The tables with the columns of the checks; by default those that were linked.
    by : str or array, optional
        A column of the left table, or one value for each left row.

    Returns
    -------
    table
        ``check``, ``group``, ``links`` (those with all values), ``implausible``, ``share`` with its
        interval (``low``, ``high``), ``by_chance`` (the share among random pairs of linked rows)
        and ``wrong_if_random`` (``share / by_chance``: the share of wrong links if those are like
        random pairs and right links never implausible; as wrong links agree on more than random
        pairs, a lower bound too).

    Raises
    ------
    InputError
        If a column is not there or of the wrong kind, or a table has other rows.

    References
    ----------
    Harron, K., Doidge, J. & Goldstein, H. (2020). Assessing data linkage quality in cohort studies.
    *Annals of Human Biology* 47, 218-226.

    Examples
    --------
    >>> permits = {"insz": ["A", "B"], "sex": ["f", "m"], "start": ["2012-01-01", "2013-05-01"]}
    >>> persons = {"insz": ["A", "B"], "sex": ["f", "f"], "death": [None, "2014-01-01"]}
    >>> links = kp.linkage.key_link(permits, persons, on="insz")
    >>> Check = kp.linkage.Check
    >>> found = kp.linkage.implausible(links, [Check.same("sex"), Check.before("start", "death")])
    >>> found["implausible"]
    array([1, 0])
    """
    native = native_of(links)
    listed = [checks] if isinstance(checks, Check) else list(checks)
    for one in listed:
        if not isinstance(one, Check):
            raise InputError(f"`checks`: {type(one).__name__} is no Check; write Check.same(...)")
    tables = _sides(links, listed, left, right)
    plain = [one._plain() for one in listed]
    answer = _core.link_implausible(native, *tables, plain, links._groups(by))
    return to_frame(answer, like=links._left)


def implausible_links(
    links: Links, check: Check, *, left: IntoTable | None = None, right: IntoTable | None = None
) -> Any:
    """Give the links that a check finds implausible, to look at.

    Parameters
    ----------
    links, check, left, right
        As in :func:`implausible`.

    Returns
    -------
    table
        ``link`` (a row of :attr:`Links.pairs`), ``left_row``, ``right_row``, ``probability``.

    Examples
    --------
    >>> permits = {"insz": ["A", "B"], "sex": ["f", "m"]}
    >>> persons = {"insz": ["A", "B"], "sex": ["f", "f"]}
    >>> links = kp.linkage.key_link(permits, persons, on="insz")
    >>> kp.linkage.implausible_links(links, kp.linkage.Check.same("sex"))["link"]
    array([1])
    """
    native = native_of(links)
    tables = _sides(links, [check], left, right)
    return to_frame(_core.link_implausible_rows(native, *tables, check._plain()), like=links._left)


def _sides(
    links: Links, checks: Sequence[Check], left: Any, right: Any
) -> tuple[_core.Table, _core.Table]:
    one = links._left if left is None else left
    other = links._right if right is None else right
    if one is None or other is None:
        raise InputError("`left`: these links no longer know their tables; give left and right")
    names = [check for check in checks if check.left]
    return (
        to_table(one, [check.left for check in names], "left"),
        to_table(other, [check.right for check in names], "right"),
    )


def _known(links: Links, truth: Any) -> _core.Truth:
    known = links._truth(truth)
    if known is None:
        raise InputError("`truth` is None; give a column name or true pairs")
    return known


def _count(argument: str, value: Any, least: int = 1) -> int:
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or not least <= value < 2**32:
        raise InputError(f"`{argument}` must be a whole number of at least {least}")
    return int(value)
