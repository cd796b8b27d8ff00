"""Fuzzy types, how good types are, who stands for whom, trees of splits, null models."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from kruispunt import _core
from kruispunt._frames import IntoTable, to_frame, to_table
from kruispunt._progress import reporting
from kruispunt._shown import Shown, said
from kruispunt.exceptions import DesignWarning, InputError
from kruispunt.table import Table, to_numpy

if TYPE_CHECKING:
    from typing import Self

    from matplotlib.figure import Figure

    from kruispunt.trajectory import Distances, Sequences, Typologies, Typology

__all__ = ["DiscrepancyTree", "Fuzzy", "RelativeFrequency", "Representatives"]

NullModel: TypeAlias = Literal["combined", "sequencing", "duration", "states", "markov"]


class Fuzzy(Shown):
    """Types to which persons belong by degrees; made by :meth:`Distances.fuzzy`.

    Attributes
    ----------
    typology : Typology
        The types of highest membership, with their medoids.
    membership : array
        Shape ``(n, k)``; rows sum to one.
    objective : float
        What was made small.
    partition : float
        Dunn's partition coefficient: 1 for crisp types, ``1 / k`` where all belong to all alike.
    """

    __slots__ = ("membership", "objective", "partition", "typology")

    typology: Typology
    membership: NDArray[np.float64]
    objective: float
    partition: float

    @classmethod
    def _made(
        cls, typology: Typology, membership: NDArray[np.float64], objective: float, partition: float
    ) -> Self:
        own = cls.__new__(cls)
        own.typology, own.membership = typology, membership
        own.objective, own.partition = objective, partition
        own._like = typology.sequences._like
        return own

    def __init__(self) -> None:
        message = "fuzzy types are made by `Distances.fuzzy`"
        raise TypeError(message)

    @property
    def k(self) -> int:
        """How many types."""
        return self.typology.k

    def __kruispunt_table__(self) -> _core.Table:
        sequences = self.typology.sequences
        columns: dict[str, Any] = {sequences.native.id: sequences.ids}
        columns |= {f"type {at + 1}": self.membership[:, at] for at in range(self.k)}
        return to_table(columns)

    def __len__(self) -> int:
        return len(self.membership)

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return type(self)._made, (self.typology, self.membership, self.objective, self.partition)

    def __repr__(self) -> str:
        return (
            f"Fuzzy types of {len(self):,} sequences, {self.k} types, partition coefficient "
            f"{self.partition:.2f}"
        )


class Representatives(Shown):
    """Sequences that stand for others; made by :meth:`Distances.representatives`.

    Its frame has a row a representative: the identifier, ``near`` (share within the radius),
    ``assigned`` (share to which it is the nearest), ``mean`` (their mean distance) and ``sequence``.

    Attributes
    ----------
    rows : array
        The sequences, best first.
    nearest : array
        The number of the nearest representative of each sequence, shape ``(n,)``.
    coverage : float
        The share within the radius of any.
    quality : float
        How much nearer sequences are to their representative than to the medoid of all, from 0 to 1.
    radius : float
        The radius, in distances.
    """

    __slots__ = ("_table", "coverage", "nearest", "quality", "radius", "rows")

    _table: _core.Table
    rows: NDArray[np.intp]
    nearest: NDArray[np.uint32]
    coverage: float
    quality: float
    radius: float

    def __init__(self) -> None:
        message = "representatives are made by `Distances.representatives`"
        raise TypeError(message)

    @classmethod
    def _made(cls, parts: tuple[Any, ...], table: _core.Table, like: Any) -> Self:
        own = cls.__new__(cls)
        own.rows, own.coverage, own.quality, own.radius, own.nearest = parts
        own._table, own._like = table, like
        return own

    def __kruispunt_table__(self) -> _core.Table:
        return self._table

    def __len__(self) -> int:
        return len(self.rows)

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        parts = (self.rows, self.coverage, self.quality, self.radius, self.nearest)
        return type(self)._made, (parts, self._table, None)

    def __repr__(self) -> str:
        return (
            f"{len(self)} representatives: {self.coverage:.0%} of sequences within "
            f"{self.radius:.4g} of one, quality {self.quality:.2f}"
        )


class RelativeFrequency(Shown):
    """Groups of equal weight along an order; made by :meth:`Distances.relative_frequency`.

    Its frame has a row a sequence: the identifier, ``group`` (from 1) and ``apart``, the distance to
    the medoid of the group.

    Attributes
    ----------
    medoids : array
        The sequence that stands for each group.
    r2 : float
        How much nearer sequences are to the medoid of their group than to that of all.
    f : float
        Pseudo F of the same sums.
    """

    __slots__ = ("_apart", "_group", "_sequences", "f", "medoids", "r2")

    medoids: NDArray[np.intp]
    r2: float
    f: float
    _group: NDArray[np.uint32]
    _apart: NDArray[np.float64]
    _sequences: Sequences

    def __init__(self) -> None:
        message = "they are made by `Distances.relative_frequency`"
        raise TypeError(message)

    @classmethod
    def _made(cls, parts: tuple[Any, ...], sequences: Sequences) -> Self:
        own = cls.__new__(cls)
        own._group, own._apart, own.medoids, own.r2, own.f = parts
        own._sequences, own._like = sequences, sequences._like
        return own

    @property
    def groups(self) -> NDArray[np.uint32]:
        """The group of each sequence, from 1, shape ``(n,)``."""
        return self._group + np.uint32(1)

    @property
    def apart(self) -> NDArray[np.float64]:
        """The distance of each sequence to the medoid of its group, shape ``(n,)``."""
        return self._apart

    def plot(self, *, title: str | None = None) -> Figure:
        """Draw the medoid of each group as a line, and how far the group is from it.

        Parameters
        ----------
        title : str, optional
            The title; the number of sequences, groups and R2 are added.
        """
        from kruispunt._career_graphs import relative_frequency

        return relative_frequency(self, title)

    def __kruispunt_table__(self) -> _core.Table:
        own = self._sequences
        return to_table({own.native.id: own.ids, "group": self.groups, "apart": self._apart})

    def __len__(self) -> int:
        return len(self._group)

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        parts = (self._group, self._apart, self.medoids, self.r2, self.f)
        return type(self)._made, (parts, self._sequences)

    def __repr__(self) -> str:
        return (
            f"{len(self.medoids)} groups of {len(self):,} sequences along an order: "
            f"R2 {self.r2:.2f}, F {self.f:.1f}"
        )


class DiscrepancyTree(Shown):
    """Splits by what is known of persons; made by :meth:`Distances.discrepancy_tree`.

    Its frame has a row a branch: ``branch`` (from 1), ``parent``, ``depth``, ``rule`` (what leads
    there), ``n``, ``weight``, ``discrepancy``, ``split`` (by which factor it was split; missing for
    leaves), ``r2``, ``f``, ``pvalue`` of that split, and ``medoid``, the identifier of the sequence
    nearest to the others.

    Attributes
    ----------
    r2 : float
        The share of the discrepancy of all that leaves explain.
    leaves : array
        The leaf of each sequence, a number of ``branch``, shape ``(n,)``.
    """

    __slots__ = ("_distances", "_rows", "leaves", "r2")

    leaves: NDArray[np.uint32]
    r2: float
    _rows: list[tuple[Any, ...]]
    _distances: Distances

    def __init__(self) -> None:
        message = "trees of splits are made by `Distances.discrepancy_tree`"
        raise TypeError(message)

    @classmethod
    def _made(
        cls, rows: list[tuple[Any, ...]], leaves: Any, r2: float, distances: Distances
    ) -> Self:
        own = cls.__new__(cls)
        own._rows, own.leaves, own.r2, own._distances = rows, leaves, r2, distances
        own._like = distances.sequences._like
        return own

    def rules(self) -> dict[int, str]:
        """Give what leads to each leaf: ``origin in BE; arrival <= 2008``."""
        found = {}
        for at, row in enumerate(self._rows):
            if row[6] is not None:
                continue
            parts, here = [], at
            while self._rows[here][0] is not None:
                parts.append(self._rows[here][8])
                here = self._rows[here][0]
            found[at + 1] = "; ".join(reversed(parts)) or "all"
        return found

    def plot(self, kind: str = "chronogram", *, title: str | None = None) -> Figure:
        """Draw the tree: a picture of the sequences in each branch, and what splits it.

        Parameters
        ----------
        kind : str
            ``chronogram``, ``index``, ``modal`` or ``mean_time``; see :meth:`Sequences.plot`.
        title : str, optional
            The title; R2 is added.
        """
        from kruispunt._career_graphs import discrepancy_tree

        return discrepancy_tree(self, kind, title)

    def __kruispunt_table__(self) -> _core.Table:
        ids = self._distances.sequences.ids
        rows = self._rows
        nothing = (None, None, None)
        splits = [row[7] if row[7] is not None else nothing for row in rows]
        columns: dict[str, Any] = {
            "branch": [at + 1 for at in range(len(rows))],
            "parent": [None if row[0] is None else row[0] + 1 for row in rows],
            "depth": [row[1] for row in rows],
            "rule": [row[8] or "all" for row in rows],
            "n": [row[2] for row in rows],
            "weight": [row[3] for row in rows],
            "discrepancy": [row[4] for row in rows],
            "split": [row[6] for row in rows],
            "r2": [split[0] for split in splits],
            "f": [split[1] for split in splits],
            "pvalue": [split[2] for split in splits],
            "medoid": [ids[row[5]] for row in rows],
        }
        if all(value is None for value in columns["split"]):
            # nothing was split: columns without a value have no kind of their own
            empty = np.full(len(rows), np.nan)
            columns |= {"r2": empty, "f": empty, "pvalue": empty, "split": [""] * len(rows)}
        if len(rows) == 1:
            columns["parent"] = [np.nan]
        return to_table(columns)

    def __len__(self) -> int:
        return len(self._rows)

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return type(self)._made, (self._rows, self.leaves, self.r2, self._distances)

    def __repr__(self) -> str:
        leaves = sum(row[6] is None for row in self._rows)
        lines = [f"Tree of {len(self.leaves):,} sequences, {leaves} leaves, R2 {self.r2:.3f}"]
        for row in self._ordered():
            own = self._rows[row]
            what = (
                ""
                if own[6] is None
                else f", split by {own[6]} (R2 {own[7][0]:.3f}, p {own[7][2]:.3f})"
            )
            lines.append(
                f"{'  ' * own[1]}{own[8] or 'all'}: n {own[2]:,}, discrepancy {own[4]:.3g}{what}"
            )
        return "\n".join(lines)

    def _ordered(self) -> list[int]:
        """Branches with those that come from each right after it."""
        order, stack = [], [0]
        while stack:
            at = stack.pop()
            order.append(at)
            below = [which for which, row in enumerate(self._rows) if row[0] == at]
            stack += reversed(below)
        return order

    def _repr_html_(self) -> str:
        return said(self, self.__kruispunt_table__())


def _factors(
    factors: Mapping[str, Sequence[object]] | IntoTable, n: int
) -> list[tuple[str, list[int], list[str], bool]]:
    """Columns as codes: numbers are in order, words and truth values are not."""
    if isinstance(factors, Mapping):
        columns = {str(name): np.asarray(list(values)) for name, values in factors.items()}
    else:
        table = Table.wrap(to_table(factors)).to_dict()
        columns = {name: np.asarray(values) for name, values in table.items()}
    found = []
    for name, values in columns.items():
        if values.shape != (n,):
            message = (
                f"`factors`: expected one value a sequence ({n}) in {name}, got {values.shape}"
            )
            raise InputError(message)
        missing = [value is None or value != value for value in values.tolist()]  # noqa: PLR0124
        if any(missing):
            message = (
                f"`factors`: {name} is missing at row {missing.index(True)}; leave it out first"
            )
            raise InputError(message)
        ordered = values.dtype.kind in "iuf"
        if ordered:
            levels, codes = np.unique(values, return_inverse=True)
            names = [f"{level:g}" if values.dtype.kind == "f" else str(level) for level in levels]
        else:
            levels, codes = np.unique(values.astype(str), return_inverse=True)
            names = [str(level) for level in levels]
        found.append((name, codes.ravel().tolist(), names, ordered))
    return found


class MoreDistances:
    """What distances can do beyond groups."""

    __slots__ = ()

    native: _core.Distances

    if TYPE_CHECKING:

        @property
        def sequences(self) -> Sequences: ...
        def __len__(self) -> int: ...

    def fuzzy(
        self,
        k: int,
        *,
        exponent: float = 1.5,
        tolerance: float = 1e-12,
        steps: int = 2000,
    ) -> Fuzzy:
        r"""Find types to which persons belong by degrees.

        Memberships :math:`u_{iv} \ge 0` with :math:`\sum_v u_{iv} = 1` make

        .. math:: \sum_v \frac{\sum_{ij} u_{iv}^r u_{jv}^r d_{ij}}{2 \sum_j u_{jv}^r}

        small (FANNY; weights count as frequencies). Types are in the order of their weight.

        Parameters
        ----------
        k : int
            How many types.
        exponent : float
            r, above 1: near 1 types are crisp; from about 2 on careers often belong to all types
            alike.
        tolerance : float
            It ends when the objective changes by less, relative to itself.
        steps : int
            The most steps.

        Returns
        -------
        Fuzzy

        Warns
        -----
        DesignWarning
            ``not_converged`` where `steps` were too few; ``all_alike`` where nearly everybody belongs
            to all types alike.

        References
        ----------
        Kaufman, L. & Rousseeuw, P. J. (1990). *Finding Groups in Data*, chapter 4. Wiley.

        Studer, M. (2018). Divisive property-based and fuzzy clustering for sequence analysis. In
        *Sequence Analysis and Related Approaches*, 223-239. Springer.

        Examples
        --------
        >>> random = np.random.default_rng(1)
        >>> careers = {f"q{at}": random.choice(["work", "search"], 40) for at in range(6)}
        >>> distances = kp.trajectory.Sequences(careers, list(careers)).distances("ham")
        >>> distances.fuzzy(2).membership.sum(axis=1).round(9).tolist()[:2]
        [1.0, 1.0]
        """
        from kruispunt.trajectory import Typology as Made

        with reporting(None) as progress:
            native, flat, objective, partition, made, converged = _core.trajectory_fuzzy(
                self.native, int(k), exponent, tolerance, steps, progress
            )
        if not converged:
            text = f"not_converged: memberships still changed after {made} steps; raise `steps`"
            warnings.warn(text, DesignWarning, stacklevel=2)
        if k > 1 and (partition - 1 / k) / (1 - 1 / k) < 0.1:
            text = "all_alike: nearly everybody belongs to all types alike; lower `exponent`"
            warnings.warn(text, DesignWarning, stacklevel=2)
        typology = Made._wrap(native, self.sequences, cast("Distances", self))
        return Fuzzy._made(typology, flat.reshape(len(self), int(k)), objective, partition)

    def quality_draws(
        self,
        typologies: Typology | Typologies,
        *,
        draws: int = 200,
        level: float = 0.95,
        seed: int = 1,
    ) -> Any:
        """Give how the quality of types varies from sample to sample.

        Persons are drawn anew, with replacement, and the same types are judged by them.

        Parameters
        ----------
        typologies : Typology or Typologies
            Types of these sequences.
        draws : int
            How often.
        level : float
            The share of draws between ``low`` and ``high``.
        seed : int
            The seed of the draws.

        Returns
        -------
        data frame
            One row a number of types and a measure: ``k``, ``measure`` (see
            :attr:`Typology.quality`), ``observed``, ``mean``, ``sd``, ``low``, ``high``.

        References
        ----------
        Studer, M. (2021). Validating sequence analysis typologies using parametric bootstrap.
        *Sociological Methodology* 51(2), 290-318.
        """
        own = list(typologies.values()) if isinstance(typologies, Mapping) else [typologies]
        natives = [one.native for one in own]
        with reporting(None) as progress:
            rows = _core.trajectory_quality_drawn(
                self.native, natives, draws, level, seed, progress
            )
        names = ("k", "measure", "observed", "mean", "sd", "low", "high")
        columns = {name: [row[at] for row in rows] for at, name in enumerate(names)}
        return to_frame(to_table(columns), self.sequences._like)

    def representatives(
        self,
        *,
        criterion: Literal["density", "frequency", "centrality"] = "density",
        coverage: float = 0.25,
        radius: float = 0.1,
    ) -> Representatives:
        """Find a few sequences that stand for the others.

        Candidates are taken in order, each at least the radius away from those before, until the
        share `coverage` of all sequences lies within the radius of one (TraMineR's ``seqrep``).

        Parameters
        ----------
        criterion : {"density", "frequency", "centrality"}
            Candidates first that have many others within the radius, that occur most often, or that
            are nearest to all.
        coverage : float
            The share of sequences to stand for.
        radius : float
            The radius as a share of the largest distance.

        Returns
        -------
        Representatives

        References
        ----------
        Gabadinho, A. & Ritschard, G. (2013). Searching for typical life trajectories applied to
        childbirth histories. In *Gendered Life Courses*, 287-312. LIT.

        Examples
        --------
        >>> random = np.random.default_rng(1)
        >>> careers = {f"q{at}": random.choice(["work", "search"], 40) for at in range(6)}
        >>> distances = kp.trajectory.Sequences(careers, list(careers)).distances("ham")
        >>> distances.representatives(coverage=0.5).coverage >= 0.5
        True
        """
        with reporting(None) as progress:
            rows, near, assigned, mean, covered, quality, wide, nearest = (
                _core.trajectory_representatives(self.native, criterion, coverage, radius, progress)
            )
        own = self.sequences
        spells = to_numpy(own.native.table("sps").column("sequence"))
        at = np.asarray(rows, dtype=np.intp)
        columns = {
            own.native.id: own.ids[at], "near": near, "assigned": assigned, "mean": mean,
            "sequence": [str(spells[row]) for row in rows],
        }  # fmt: skip
        parts = (at, covered, quality, wide, nearest)
        return Representatives._made(parts, to_table(columns), own._like)

    def relative_frequency(
        self, groups: int = 100, *, order: Sequence[float] | None = None
    ) -> RelativeFrequency:
        """Cut the sequences into groups of equal weight along an order, each with its medoid.

        What a picture of as many lines as it can hold should show of many sequences
        (:meth:`RelativeFrequency.plot`).

        Parameters
        ----------
        groups : int
            How many groups; at most one a sequence.
        order : sequence of float, optional
            One number a sequence; by default the first principal coordinate of the squared
            distances.

        References
        ----------
        Fasang, A. E. & Liao, T. F. (2014). Visualizing sequences in the social sciences: relative
        frequency sequence plots. *Sociological Methods & Research* 43(4), 643-676.

        Examples
        --------
        >>> random = np.random.default_rng(1)
        >>> careers = {f"q{at}": random.choice(["work", "search"], 40) for at in range(6)}
        >>> distances = kp.trajectory.Sequences(careers, list(careers)).distances("ham")
        >>> len(distances.relative_frequency(10).medoids)
        10
        """
        given = None if order is None else [float(value) for value in order]
        with reporting(None) as progress:
            group, apart, medoids, r2, f = _core.trajectory_relative(
                self.native, min(int(groups), len(self)), given, progress
            )
        parts = (group, apart, np.asarray(medoids, dtype=np.intp), r2, f)
        return RelativeFrequency._made(parts, self.sequences)

    def discrepancy_tree(
        self,
        factors: Mapping[str, Sequence[object]] | IntoTable,
        *,
        least: float = 0.05,
        depth: int = 5,
        permutations: int = 999,
        level: float = 0.05,
        seed: int = 1,
    ) -> DiscrepancyTree:
        """Split persons by what is known of them, so that careers within branches are alike.

        Each branch is split by the factor and the values that take away most of its discrepancy,
        if a permutation test within the branch allows. That p value is of the split as if it had
        been chosen beforehand: it stops the tree, it is no proof.

        Parameters
        ----------
        factors : mapping or data frame
            One value a sequence and factor, none missing. Numbers are split below and above a value,
            words and truth values into any two sets (12 values at most).
        least : float
            The least share of all weight in a branch.
        depth : int
            The most splits one after the other.
        permutations : int
            For each split.
        level : float
            A split with a larger p value is not made.
        seed : int
            The seed of the permutations.

        Returns
        -------
        DiscrepancyTree

        Raises
        ------
        InputError
            If a factor is missing somewhere or has too many values without an order.

        References
        ----------
        Studer, M., Ritschard, G., Gabadinho, A. & Muller, N. S. (2011). Discrepancy analysis of
        state sequences. *Sociological Methods & Research* 40(3), 471-510.

        Examples
        --------
        >>> random = np.random.default_rng(1)
        >>> careers = {f"q{at}": random.choice(["work", "search"], 40) for at in range(6)}
        >>> distances = kp.trajectory.Sequences(careers, list(careers)).distances("ham")
        >>> sex = ["f", "m"] * 20
        >>> 0 <= distances.discrepancy_tree({"sex": sex}, permutations=99).r2 <= 1
        True
        """
        coded = _factors(factors, len(self))
        with reporting(None) as progress:
            rows, leaves, r2 = _core.trajectory_branches(
                self.native, coded, (least, depth, permutations, level, seed), progress
            )
        return DiscrepancyTree._made(rows, leaves + np.uint32(1), r2, cast("Distances", self))


class MoreSequences:
    """Formats and null models of sequences."""

    __slots__ = ()

    native: _core.Sequences

    if TYPE_CHECKING:

        @classmethod
        def _wrap(cls, native: _core.Sequences, like: Any) -> Self: ...

    def _face(self) -> Any:
        return getattr(self, "_like", None)

    @classmethod
    def from_dss(
        cls,
        data: IntoTable,
        states: str = "states",
        lengths: str = "lengths",
        *,
        id: str | None = None,  # noqa: A002 - the word users know
        alphabet: Sequence[object] | None = None,
        labels: Sequence[str] | None = None,
        colours: Sequence[str] | None = None,
        empty: Literal["refuse", "drop", "keep"] = "refuse",
    ) -> Self:
        """Read distinct successive states and how long they last, ``school-work`` and ``4-8``.

        Parameters
        ----------
        data : data frame, mapping or Table
            One row a person.
        states, lengths : str
            The columns; ``*`` is missing.
        id : str, optional
            The column that says who a row is of.
        alphabet, labels, colours, empty
            As `states` and the others of :class:`Sequences`.

        Examples
        --------
        >>> data = {"states": ["school-work"], "lengths": ["2-1"]}
        >>> kp.trajectory.Sequences.from_dss(data).text(0)
        'school-school-work'
        """
        from kruispunt.panel import _face
        from kruispunt.trajectory import _reading

        reading = _reading(
            alphabet, labels, colours, ("missing", "missing", "delete"), empty, id=id
        )
        native = _core.trajectory_dss(to_table(data), states, lengths, reading)
        return cls._wrap(native, _face(data))

    def null(self, model: NullModel = "combined", *, seed: int = 1) -> Self:
        """Draw sequences without types, that are otherwise as these.

        Parameters
        ----------
        model : {"combined", "sequencing", "duration", "states", "markov"}
            The spells of each person in another order and of random length; in another order alone;
            of random length alone; each position from the shares of states; each from the one before
            by the transition rates.
        seed : int
            The seed.
        """
        return self._wrap(_core.trajectory_drawn(self.native, model, seed), self._face())

    def null_quality(
        self,
        k: int | Iterable[int],
        method: str = "om",
        *,
        by: Literal["pam", "ward", "average", "complete"] = "pam",
        model: NullModel = "combined",
        draws: int = 100,
        seed: int = 1,
        **measuring: Any,
    ) -> Any:
        """Compare the quality of types with that of types found in sequences without types.

        A clustering finds types in noise too. Here the same distances and the same clustering are
        run on sequences of :meth:`null`.

        Parameters
        ----------
        k : int or iterable of int
            Numbers of types, from 2 on.
        method : str
            As for :meth:`distances`, whose other arguments are taken too (`costs`, `norm`...).
        by : {"pam", "ward", "average", "complete"}
            How types are found.
        model : str
            See :meth:`null`.
        draws : int
            How many sets of sequences.
        seed : int
            The seed.

        Returns
        -------
        data frame
            One row a number of types and a measure of quality: ``k``, ``measure``, ``observed``,
            ``mean``, ``sd``, ``low`` and ``high`` (95 percent of draws), ``pvalue``, and
            ``pvalue_any``, which counts that the best number of types may have been chosen by the
            measure.

        References
        ----------
        Studer, M. (2021). Validating sequence analysis typologies using parametric bootstrap.
        *Sociological Methodology* 51(2), 290-318.
        """
        from kruispunt.trajectory import _ks, _measuring

        options = _measuring(method, **measuring)
        with reporting(None) as progress:
            rows = _core.trajectory_against(
                self.native, options, by, _ks(k), model, draws, seed, progress
            )
        columns = {
            "k": [row[0] for row in rows], "measure": [row[1] for row in rows],
            "observed": [row[2] for row in rows], "mean": [row[3] for row in rows],
            "sd": [row[4] for row in rows], "low": [row[5][0] for row in rows],
            "high": [row[5][1] for row in rows], "pvalue": [row[6] for row in rows],
            "pvalue_any": [row[7] for row in rows],
        }  # fmt: skip
        return to_frame(to_table(columns), self._face())
