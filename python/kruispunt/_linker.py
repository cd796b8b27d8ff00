"""Probabilistic linkage: what is compared, which pairs are looked at, what was learned."""

from __future__ import annotations

import json
import sys
import weakref
from collections.abc import Sequence
from typing import Any, Literal

from kruispunt import _core, _splink
from kruispunt._comparing import Comparison
from kruispunt._finding import Cover, PairScorer, Rule
from kruispunt._finding import json_of as _rule
from kruispunt._finding import shown as _shown_rule
from kruispunt._frames import IntoTable, to_frame, to_table
from kruispunt._links import Assignment, Links
from kruispunt._progress import Callback, reporting
from kruispunt._rows import labelled, probability_of, row_pairs, warn, whole
from kruispunt._shown import said
from kruispunt.exceptions import InputError
from kruispunt.table import Table

__all__ = ["Linker"]


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
            whole(argument, value, 1)
        if max_block is not None:
            whole("max_block", max_block, 1)
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
        whole("seed", seed, 0)
        with reporting(progress) as callback:
            self.native = self.native.train(*tables, assignment, seed, callback, labelled(labels))
        warn(self.native.cautions)
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
        probability = probability_of(threshold)
        with reporting(progress) as callback:
            native = self.native.link(*tables, assignment, probability, fdr, callback)
        warn(native.cautions)
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
        probability = probability_of(threshold)
        with reporting(progress) as callback:
            links = self.native.link(native, None, "none", probability, fdr, callback)
        warn(links.cautions)
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
        whole("since", since, 0)
        with reporting(progress) as callback:
            links = self.native.link_since(
                native, int(since), probability_of(threshold), fdr, callback
            )
        warn(links.cautions)
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
        return to_frame(self.native.score(tables[0], tables[1], row_pairs("rows", rows)), like=left)

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
        whole("max_pairs", max_pairs, 1)
        if matches is None:
            found = (
                self.dedupe(left, threshold=0.99, progress=progress)
                if right is None
                else self.link(left, right, threshold=0.99, progress=progress)
            )
            matches = found
        if isinstance(matches, Links):
            matches = matches.native.pairs()
        pairs = row_pairs("matches", matches)
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
            Trained, unless a comparison has no m or no u at all. What single levels lack is what
            Splink assumes of them, and one of the `cautions`.

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
        filled = [one.filled(at) for at, one in enumerate(found)]
        gone = sum(n for *_, n in filled)
        stored["linker"]["model"] = {
            "lambda": float(read.get("probability_two_random_records_match", 0.0001)),
            "completeness": 1.0,
            "learned": [{"m": m, "u": u} for m, u, _ in filled],
            "notes": ["m, u and the share of matches are those of Splink"],
            "cautions": [
                (
                    f"levels_not_trained: {gone} m or u were not in the settings; Splink's assumptions "
                    "stand in their place"
                )
            ]
            if gone
            else [],
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
