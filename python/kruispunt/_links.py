"""Pairs of rows that are one person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kruispunt import _core
from kruispunt._frames import IntoTable, to_frame, to_table
from kruispunt._progress import Callback, reporting
from kruispunt._rows import row_columns, whole
from kruispunt._shown import said
from kruispunt.account import Account
from kruispunt.exceptions import InputError
from kruispunt.linked import Linked

__all__ = ["Assignment", "Links", "Truth", "evaluate"]

Assignment: TypeAlias = Literal["one-to-one", "many-to-one", "one-to-many", "none"]
"""Who may be linked to whom."""

Truth: TypeAlias = Any
"""A column of persons in both tables, a pair of such names, or a table of true pairs."""


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
        whole("n", n, 1)
        whole("seed", seed, 0)
        from kruispunt._linker import Linker

        linker, assignment = self._model
        left, right = Linker._wrap(linker)._read(self._left, self._right)
        with reporting(progress) as callback:
            drawn = linker.draws(
                left, left if right is None else right, assignment, int(n), int(seed), callback
            )
        return to_frame(drawn, like=self._left)

    def clusters(
        self,
        grouping: Literal["connected", "best-link", "complete", "correlation"] | None = None,
        *,
        previous: Any = None,
        keep: bool = True,
    ) -> Any:
        """Group rows that belong together.

        Parameters
        ----------
        grouping : {"connected", "best-link", "complete", "correlation"}, optional
            Rows connected over any number of links; over links that are the most probable of one
            of their rows; rows that are all linked to each other, joined from the most probable
            link down; or groups that agree with most of the evidence for and against (correlation
            clustering). Unless told, "correlation" where the pairs of one table were weighed, and
            "connected" where keys decided or two tables were linked.
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
            The registers that were linked, with any columns, in the same order of rows. Columns
            of lists come along as lists of text.
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
        tables = (
            to_table(left, argument="left", lists=True),
            to_table(right, names, "right", lists=True),
        )
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
        whole("link", link, 0)
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
        rows = row_columns("truth", table)
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
