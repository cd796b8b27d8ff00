"""Careers as sequences of states: what they look like, how far apart they are, which types.

``kp.trajectory.Sequences`` reads a table, ``panel.sequences("state", since="arrival")`` a panel::

    careers = panel.sequences("state", since="arrival", length=20)
    careers.plot("chronogram")
    types = careers.distances("om", costs="trate").pam(range(2, 9))
    panel = panel.attach_person(types.best("asw"))
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kruispunt import _core
from kruispunt._channels import combine, multichannel, over_types
from kruispunt._frames import IntoTable, to_frame, to_table
from kruispunt._progress import reporting
from kruispunt._shown import Shown, said
from kruispunt._types import (
    DiscrepancyTree,
    Fuzzy,
    MoreDistances,
    MoreSequences,
    RelativeFrequency,
    Representatives,
)
from kruispunt._undesirable import Undesirable
from kruispunt.account import Account
from kruispunt.exceptions import DesignWarning, InputError
from kruispunt.panel import Panel, _face
from kruispunt.table import to_numpy

if TYPE_CHECKING:
    from typing import Self

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "DiscrepancyTree",
    "Distances",
    "Fuzzy",
    "RelativeFrequency",
    "Representatives",
    "Sequences",
    "Tree",
    "Typologies",
    "Typology",
    "combine",
    "multichannel",
    "over_types",
]

Edge: TypeAlias = Literal["missing", "delete"]
Empty: TypeAlias = Literal["refuse", "drop", "keep"]
Format: TypeAlias = Literal["sts", "spell", "dss", "sps"]
Method: TypeAlias = Literal[
    "om", "ham", "dhd", "lcs", "lcp", "rlcp", "omloc", "omslen", "omspell", "omstran", "twed",
    "nms", "nmsmst", "svrspell", "chi2", "euclid",
]  # fmt: skip
Norm: TypeAlias = Literal["none", "auto", "maxlength", "gmean", "maxdist", "yujianbo"]
Costs: TypeAlias = (
    str | float | ArrayLike | Mapping[str, Sequence[float]] | tuple[ArrayLike, ArrayLike]
)
"""``"constant"``, ``"trate"``, ``"indels"``, ``"indelslog"``, ``"future"``, a number for all
substitutions, a symmetric matrix, a pair of a matrix and what each state costs to insert, or a
mapping of features to one value a state."""

_INDICATORS = (
    "length", "transitions", "transition_share", "entropy", "entropy_raw", "turbulence",
    "turbulence_relative", "complexity", "subsequences", "visited", "recurrence", "mean_spell",
    "spell_deviation", "mean_spell_all", "spell_deviation_all", "volatility",
)  # fmt: skip


def _reading(
    states: Sequence[object] | None,
    labels: Sequence[str] | None,
    colours: Sequence[str] | None,
    edges: tuple[Edge, Edge, Edge],
    empty: Empty,
    *,
    id: str | None = None,  # noqa: A002 - the word users know
    weights: str | None = None,
) -> dict[str, Any]:
    return {
        "states": None if states is None else [str(state) for state in states],
        "labels": None if labels is None else list(labels),
        "colours": None if colours is None else list(colours),
        "id": id,
        "weights": weights,
        "left": edges[0],
        "gaps": edges[1],
        "right": edges[2],
        "empty": empty,
    }


def _pricing(costs: Costs | None, method: str, weights: Sequence[float] | None) -> Any:
    """Costs as the native module takes them."""
    if costs is None:
        return None
    plain = {"kind": "constant", "value": 1.0 if method == "ham" else 2.0}
    empty: dict[str, Any] = {"values": [], "weights": []}
    if isinstance(costs, str):
        return {**plain, **empty, "kind": costs}
    if isinstance(costs, Mapping):
        features = [np.asarray(values, dtype=np.float64) for values in costs.values()]
        if not features or any(values.ndim != 1 for values in features):
            message = "`costs`: a mapping of features holds one number a state for each"
            raise InputError(message)
        if len({len(values) for values in features}) > 1:
            message = "`costs`: all features have one value a state"
            raise InputError(message)
        own = [1.0] * len(features) if weights is None else [float(w) for w in weights]
        values = np.column_stack(features).ravel().tolist()
        return {"kind": "features", "value": 0.0, "values": values, "weights": own}
    inserted: list[float] | None = None
    if isinstance(costs, tuple) and len(costs) == 2 and np.ndim(costs[0]) == 2:
        inserted = np.asarray(costs[1], dtype=np.float64).ravel().tolist()
        costs = costs[0]
    array = np.asarray(costs, dtype=np.float64)
    if array.ndim == 0:
        return {**empty, "kind": "constant", "value": float(array)}
    if array.ndim != 2 or array.shape[0] != array.shape[1]:
        message = f"`costs`: expected a number or a square matrix, got shape {array.shape}"
        raise InputError(message)
    if inserted is not None:
        values = array.ravel().tolist()
        return {"kind": "own", "value": 0.0, "values": values, "weights": inserted}
    return {**empty, "kind": "matrix", "value": 0.0, "values": array.ravel().tolist()}


def _measuring(
    method: str,
    costs: Costs | None = None,
    *,
    indel: float | None = None,
    norm: Norm = "none",
    missing: Literal["refuse", "state"] = "refuse",
    precision: Literal["auto", "f32", "f64"] = "auto",
    limit: int | None = None,
    feature_weights: Sequence[float] | None = None,
    expansion: float = 0.5,
    context: float | None = None,
    h: float = 0.5,
    link: Literal["mean", "gmean"] = "mean",
    power: float = 1.0,
    origin: float = 0.5,
    stiffness: float = 0.5,
    penalty: float = 0.5,
    step: int = 1,
) -> dict[str, Any]:
    return {
        "method": method,
        "costs": _pricing(costs, method, feature_weights),
        "indel": indel,
        "norm": norm,
        "missing": missing,
        "precision": precision,
        "limit": limit,
        "expansion": expansion,
        "context": context,
        "h": h,
        "link": link,
        "power": power,
        "origin": origin,
        "stiffness": stiffness,
        "penalty": penalty,
        "step": step,
    }


def _ks(k: int | Iterable[int]) -> list[int]:
    ks = [k] if isinstance(k, int | np.integer) else list(k)
    if not ks or any(int(own) < 1 for own in ks):
        message = "`k`: expected one or more numbers of types of at least 1"
        raise InputError(message)
    return [int(own) for own in ks]


def _coded(values: Sequence[object], argument: str, n: int) -> tuple[list[int], list[Any]]:
    """One code a value, and the values in order."""
    own = list(values)
    if len(own) != n:
        message = f"`{argument}`: expected one value a sequence ({n}), got {len(own)}"
        raise InputError(message)
    if any(value is None or value != value for value in own):  # noqa: PLR0124 - NaN
        message = f"`{argument}`: a value is missing; leave those sequences out first"
        raise InputError(message)
    levels = sorted(set(own), key=lambda value: (str(type(value)), value))
    code = {level: at for at, level in enumerate(levels)}
    return [code[value] for value in own], levels


class Sequences(Undesirable, MoreSequences, Shown):
    """Sequences of states, one a person: what happened in which order.

    A position holds a state, or is *missing* (unknown), or *void* (the sequence has ended). As in
    TraMineR, missing positions at the start and in the middle are missing, those at the end are no
    part of the sequence, unless `left`, `gaps` and `right` say otherwise.

    Parameters
    ----------
    data : data frame, mapping or Table
        One row a person, one column a position.
    columns : sequence of str, optional
        The columns of positions, in order; by default all but `id` and `weights`.
    id : str, optional
        The column that says who a row is of; by default the number of the row.
    weights : str, optional
        The column of weights: finite, not negative.
    states : sequence, optional
        The states in the order wanted; by default all that occur, categories in their own order,
        numbers by size, text by Unicode.
    labels : sequence of str, optional
        What readers see in place of the names of the states.
    colours : sequence of str, optional
        Colours as ``#rrggbb``; by default colours that colour-blind readers can tell apart.
    left, gaps, right : {"missing", "delete"}
        What a missing position before the first state, between states, and after the last state
        is: a state that is not known, or no position at all (what follows moves up).
    empty : {"refuse", "drop", "keep"}
        What to do with a sequence without a state: an error, leave it out (and say so in the
        account), or keep it with length 0.

    Raises
    ------
    InputError
        If a column is not there, a cell holds a state that is not in `states`, a sequence has no
        state, or there are more than 250 states.

    References
    ----------
    Gabadinho, A., Ritschard, G., Muller, N. S. & Studer, M. (2011). Analyzing and visualizing state
    sequences in R with TraMineR. *Journal of Statistical Software* 40(4), 1-37.

    Examples
    --------
    >>> careers = kp.trajectory.Sequences(
    ...     {"person": [7, 9], "q1": ["school", "school"], "q2": ["school", "work"]}, id="person"
    ... )
    >>> careers
    Sequences of 2 persons over 2 positions: 2 states, 2 different sequences
    >>> careers.distances("om").square()
    array([[0., 2.],
           [2., 0.]])
    """

    __slots__ = ("native",)

    native: _core.Sequences

    def __init__(
        self,
        data: IntoTable,
        columns: Sequence[str] | None = None,
        *,
        id: str | None = None,  # noqa: A002 - the word users know
        weights: str | None = None,
        states: Sequence[object] | None = None,
        labels: Sequence[str] | None = None,
        colours: Sequence[str] | None = None,
        left: Edge = "missing",
        gaps: Edge = "missing",
        right: Edge = "delete",
        empty: Empty = "refuse",
    ) -> None:
        table = to_table(data)
        if columns is None:
            columns = [name for name in table.columns if name not in {id, weights}]
        reading = _reading(
            states, labels, colours, (left, gaps, right), empty, id=id, weights=weights
        )
        self.native = _core.Sequences.wide(table, list(columns), reading)
        self._like = _face(data)

    @classmethod
    def _wrap(cls, native: _core.Sequences, like: Any) -> Self:
        sequences = cls.__new__(cls)
        sequences.native = native
        sequences._like = like
        return sequences

    @classmethod
    def from_long(
        cls,
        data: IntoTable,
        *,
        person: str,
        time: str,
        state: str,
        weights: str | None = None,
        states: Sequence[object] | None = None,
        labels: Sequence[str] | None = None,
        colours: Sequence[str] | None = None,
        left: Edge = "missing",
        gaps: Edge = "missing",
        right: Edge = "delete",
        empty: Empty = "refuse",
    ) -> Self:
        """Read a table with a row a person and a position.

        Parameters
        ----------
        data : data frame, mapping or Table
            One row a person and a position.
        person, time, state : str
            The columns; `time` holds whole numbers or periods, and positions run from the first to
            the last that occur.
        weights : str, optional
            The column of weights, the same in all rows of a person.
        states, labels, colours, left, gaps, right, empty
            As for :class:`Sequences`.
        """
        reading = _reading(states, labels, colours, (left, gaps, right), empty, weights=weights)
        native = _core.Sequences.long(to_table(data), person, time, state, reading)
        return cls._wrap(native, _face(data))

    @classmethod
    def from_spells(
        cls,
        data: IntoTable,
        *,
        person: str,
        begin: str,
        end: str,
        state: str,
        clock: Literal["calendar", "person"] = "calendar",
        states: Sequence[object] | None = None,
        labels: Sequence[str] | None = None,
        colours: Sequence[str] | None = None,
        left: Edge = "missing",
        gaps: Edge = "missing",
        right: Edge = "delete",
        empty: Empty = "refuse",
    ) -> Self:
        """Read a table with a row a spell.

        For spells of days make a panel first: :meth:`kruispunt.Spells.to_panel`.

        Parameters
        ----------
        data : data frame, mapping or Table
            One row a spell; where spells overlap the later row counts.
        person, begin, end, state : str
            The columns; `begin` and `end` hold whole numbers or periods, both included.
        clock : {"calendar", "person"}
            Whether positions count from the first begin of all or of each person.
        states, labels, colours, left, gaps, right, empty
            As for :class:`Sequences`.
        """
        reading = _reading(states, labels, colours, (left, gaps, right), empty)
        span = (begin, end)
        native = _core.Sequences.spells(to_table(data), person, span, state, clock, reading)
        return cls._wrap(native, _face(data))

    @classmethod
    def from_sps(
        cls,
        data: IntoTable,
        column: str,
        *,
        id: str | None = None,  # noqa: A002 - the word users know
        states: Sequence[object] | None = None,
        labels: Sequence[str] | None = None,
        colours: Sequence[str] | None = None,
        empty: Empty = "refuse",
    ) -> Self:
        """Read a column of ``(school,4)-(work,8)``; ``*`` is missing.

        For the parameters see :class:`Sequences`.
        """
        edges: tuple[Edge, Edge, Edge] = ("missing", "missing", "delete")
        reading = _reading(states, labels, colours, edges, empty, id=id)
        return cls._wrap(_core.Sequences.sps(to_table(data), column, reading), _face(data))

    @classmethod
    def from_panel(
        cls,
        panel: Panel,
        state: str,
        *,
        since: str | None = None,
        length: int | None = None,
        weights: str | None = None,
        states: Sequence[object] | None = None,
        labels: Sequence[str] | None = None,
        colours: Sequence[str] | None = None,
        left: Edge = "missing",
        gaps: Edge = "missing",
        right: Edge = "delete",
        empty: Empty = "refuse",
    ) -> Self:
        """Read the states of a panel; :meth:`kruispunt.Panel.sequences` is the same.

        Parameters
        ----------
        panel : Panel
            One row a person and a period; cells without a row are missing.
        state : str
            The column of states.
        since : str, optional
            A column that says when positions begin: a period or day that is the same in all rows of
            a person, truth values of which the first true period counts, or ``event_time``. Persons
            without the event are left out. By default positions are the periods of the calendar.
        length : int, optional
            How many positions.
        weights : str, optional
            The column of weights, the same in all rows of a person.
        states, labels, colours, left, gaps, right, empty
            As for :class:`Sequences`.
        """
        reading = _reading(states, labels, colours, (left, gaps, right), empty, weights=weights)
        native = _core.Sequences.panel(panel.native, state, since, length, reading)
        return cls._wrap(native, panel._like)

    @property
    def account(self) -> Account:
        """What happened to the rows so far."""
        return Account.from_json(self.native.account_json())

    @property
    def states(self) -> list[str]:
        """The names of the states, in order."""
        return [name for name, _, _ in self.native.states]

    @property
    def labels(self) -> list[str]:
        """What readers see in place of the names."""
        return [label for _, label, _ in self.native.states]

    @property
    def colours(self) -> list[str]:
        """The colours of the states."""
        return [colour for _, _, colour in self.native.states]

    @property
    def positions(self) -> list[str]:
        """The labels of the positions."""
        return self.native.positions

    @property
    def ids(self) -> NDArray[Any]:
        """Who each sequence is of, shape ``(n,)``."""
        return to_numpy(self.native.ids())

    @property
    def weights(self) -> NDArray[np.float64]:
        """The weight of each sequence, shape ``(n,)``; 1 without weights."""
        return self.native.weights()

    @property
    def codes(self) -> NDArray[np.int16]:
        """The number of the state, shape ``(n, positions)``; -1 missing, -2 after the end."""
        return self.native.codes().reshape(len(self), len(self.positions))

    @property
    def n_unique(self) -> int:
        """How many different sequences there are."""
        return len(self.native.unique_rows())

    def text(self, sequence: int) -> str:
        """Give a sequence as ``school-school-work``, ``*`` for missing."""
        return self.native.text(sequence)

    def to_frame(self, like: Any = None, *, format: Format = "sts") -> Any:  # noqa: A002
        """Give the sequences as a data frame.

        Parameters
        ----------
        like : data frame, optional
            The kind of frame to give; by default the kind that was read.
        format : {"sts", "spell", "dss", "sps"}
            A column a position; a row a spell (positions from 1, both ends included); the distinct
            successive states with their lengths; ``(school,4)-(work,8)``.
        """
        return to_frame(self.native.table(format), self._like if like is None else like)

    def distribution(self) -> Any:
        """Give the share of each state at each position.

        Returns
        -------
        data frame
            Columns ``position``, one a state, ``n`` (sequences with a known state), ``weight``,
            ``entropy`` (over its largest value) and ``modal``, the most frequent state.
        """
        shares, valid, n, entropy, modal = self.native.cross_section()
        by_state = shares.reshape(len(self.states), len(self.positions))
        names = self.states
        columns: dict[str, Any] = {"position": self.positions}
        columns |= {name: by_state[at] for at, name in enumerate(names)}
        columns |= {"n": n, "weight": valid, "entropy": entropy}
        columns["modal"] = [None if at is None else names[at] for at in modal]
        return self._frame(to_table(columns))

    def mean_time(self) -> dict[str, float]:
        """Give the mean number of positions in each state, weighted."""
        return dict(zip(self.states, self.native.mean_time().tolist(), strict=True))

    def transition_rates(self, lag: int = 1) -> NDArray[np.float64]:
        """Give how often a state is followed by another, shape ``(states, states)``.

        Rows sum to one, or to zero for a state that is never followed.

        Parameters
        ----------
        lag : int
            Positions between the two.
        """
        k = len(self.states)
        return self.native.transition_rates(lag).reshape(k, k)

    def costs(
        self,
        costs: Costs = "trate",
        *,
        missing: Literal["refuse", "state"] = "refuse",
        feature_weights: Sequence[float] | None = None,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Give costs as numbers: substitutions, shape ``(states, states)``, and insertions.

        With ``missing="state"`` the missing state comes last. For the costs see :meth:`distances`.
        """
        pricing = _pricing(costs, "om", feature_weights)
        substitution, indel = self.native.costs(pricing, missing == "state")
        return substitution.reshape(len(indel), len(indel)), indel

    def indicators(self, names: Iterable[str] | None = None) -> Any:
        """Give one number a sequence and an indicator.

        Missing positions count for the length alone.

        Parameters
        ----------
        names : iterable of str, optional
            Which, by default all: ``length``, ``transitions``, ``transition_share`` (of the most
            there could be), ``entropy`` (of the time in each state, over its largest value),
            ``entropy_raw`` (in nats), ``turbulence`` and ``turbulence_relative`` (Elzinga &
            Liefbroer 2007), ``complexity`` (Gabadinho and others 2010), ``subsequences``,
            ``visited`` (states), ``recurrence`` (spells a visited state), ``mean_spell``,
            ``spell_deviation``, ``mean_spell_all`` and ``spell_deviation_all`` (with a spell of
            length 0 for each state never visited), ``volatility`` (Brzinsky-Fay 2007).

        References
        ----------
        Ritschard, G. (2023). Measuring the nature of individual sequences. *Sociological Methods &
        Research* 52(4), 2016-2049.
        """
        wanted = _INDICATORS if names is None else list(names)
        columns: dict[str, Any] = {self.native.id: self.ids}
        columns |= {name: self.native.indicator(name) for name in wanted}
        return self._frame(to_table(columns))

    def entropy(self) -> NDArray[np.float64]:
        """Give the entropy of the time in each state, over its largest value, shape ``(n,)``."""
        return self.native.indicator("entropy")

    def turbulence(self) -> NDArray[np.float64]:
        """Give the turbulence of each sequence (Elzinga & Liefbroer 2007), shape ``(n,)``."""
        return self.native.indicator("turbulence")

    def complexity(self) -> NDArray[np.float64]:
        """Give the complexity of each sequence (Gabadinho and others 2010), shape ``(n,)``."""
        return self.native.indicator("complexity")

    def times(self) -> NDArray[np.uint32]:
        """Give the number of positions in each state, shape ``(n, states)``."""
        return self.native.times().reshape(len(self), len(self.states))

    def integration(self, states: Sequence[object], *, power: float = 1.0) -> NDArray[np.float64]:
        """Give how far each sequence has come to stay in `states`, from 0 to 1, shape ``(n,)``.

        The share of its known positions that are in one of them, position t weighing
        :math:`t^{power}`.
        """
        return self.native.integration([str(state) for state in states], power)

    def distances(
        self,
        method: Method = "om",
        *,
        costs: Costs | None = None,
        indel: float | None = None,
        norm: Norm = "none",
        missing: Literal["refuse", "state"] = "refuse",
        precision: Literal["auto", "f32", "f64"] = "auto",
        limit: int | None = None,
        feature_weights: Sequence[float] | None = None,
        expansion: float = 0.5,
        context: float | None = None,
        h: float = 0.5,
        link: Literal["mean", "gmean"] = "mean",
        power: float = 1.0,
        origin: float = 0.5,
        stiffness: float = 0.5,
        penalty: float = 0.5,
        step: int = 1,
    ) -> Distances:
        """Give the distances between all sequences.

        Names and numbers are those of TraMineR's ``seqdist``. Sequences that are the same are
        computed once; only the upper triangle is stored.

        Parameters
        ----------
        method : str
            ``om`` (optimal matching), ``ham`` (Hamming), ``dhd`` (dynamic Hamming), ``lcs``
            (longest common subsequence), ``lcp`` and ``rlcp`` (longest common beginning, end),
            ``omloc``, ``omslen``, ``omspell``, ``omstran``, ``twed``, ``nms``, ``nmsmst``,
            ``svrspell``, ``chi2``, ``euclid``.
        costs : str, number, matrix or mapping, optional
            Substitution: ``trate`` (from transition rates), ``constant``, ``indels`` and
            ``indelslog`` (rare states are dear), ``future`` (states with another future are far
            apart), a number, a symmetric matrix, a pair of such a matrix and what each state costs to
            insert, or features (Gower's distance). By default 2, and 1 for ``ham``.
        indel : float, optional
            Insertion and deletion; by default half the dearest substitution, or what goes with
            `costs`.
        norm : {"none", "auto", "maxlength", "gmean", "maxdist", "yujianbo"}
            Normalisation by length; ``auto`` takes what suits the method.
        missing : {"refuse", "state"}
            Whether missing positions are an error or one more state.
        precision : {"auto", "f32", "f64"}
            ``auto`` is f64 up to 10,000 different sequences and f32 (seven digits) beyond.
        limit : int, optional
            The most bytes the distances may take; 8 GiB by default.
        feature_weights : sequence of float, optional
            One a feature, where `costs` is a mapping of features.
        expansion : float
            ``omloc``, ``omspell``: the cost of a spell longer by one (in dearest substitutions for
            ``omloc``).
        context : float, optional
            ``omloc``: weight of the neighbours, by default ``1 - 2 * expansion``.
        h, link
            ``omslen``: exponent of the length of spells, and how two lengths are joined.
        power : float
            ``omspell``, ``svrspell``: exponent of the length of spells.
        origin : float
            ``omstran``: weight of the state against the move, 0 to 1.
        stiffness, penalty : float
            ``twed``: cost of a shift in time, and of a gap.
        step : int
            ``chi2``, ``euclid``: positions an interval.

        Returns
        -------
        Distances

        Warns
        -----
        DesignWarning
            ``triangle_inequality`` where a substitution costs more than going over a third state;
            ``substitution_never_made`` where it costs more than deleting and inserting.

        Raises
        ------
        InputError
            If costs are none, sequences of unequal length meet ``ham`` or ``dhd``, positions are
            missing, or the distances do not fit `limit`.

        References
        ----------
        Studer, M. & Ritschard, G. (2016). What matters in differences between life trajectories.
        *Journal of the Royal Statistical Society* A 179(2), 481-511.
        """
        measuring = _measuring(
            method, costs, indel=indel, norm=norm, missing=missing, precision=precision,
            limit=limit, feature_weights=feature_weights, expansion=expansion, context=context,
            h=h, link=link, power=power, origin=origin, stiffness=stiffness, penalty=penalty,
            step=step,
        )  # fmt: skip
        with reporting(None) as progress:
            native = self.native.distances(measuring, progress)
        distances = Distances._wrap(native, self)
        for code, text in distances.cautions.items():
            warnings.warn(f"{code}: {text}", DesignWarning, stacklevel=3)
        return distances

    def clara(
        self,
        k: int | Iterable[int],
        method: Method = "om",
        *,
        costs: Costs | None = None,
        indel: float | None = None,
        norm: Norm = "none",
        missing: Literal["refuse", "state"] = "refuse",
        samples: int = 20,
        size: int | None = None,
        seed: int = 1,
    ) -> Typologies:
        """Find types around medoids in samples: for more sequences than all distances have room.

        Each sample of different sequences, drawn by weight, is clustered around medoids; all go to
        the nearest, and the sample with the smallest sum of distances is kept. Distances are in
        f32.

        Parameters
        ----------
        k : int or iterable of int
            Numbers of types.
        method, costs, indel, norm, missing
            As for :meth:`distances`.
        samples : int
            How many samples.
        size : int, optional
            Different sequences a sample, by default ``100 + 10 * k``.
        seed : int
            The seed of the samples.

        References
        ----------
        Kaufman, L. & Rousseeuw, P. J. (1990). *Finding Groups in Data*, chapter 3. Wiley.
        """
        measuring = _measuring(
            method, costs, indel=indel, norm=norm, missing=missing, precision="f32"
        )
        with reporting(None) as progress:
            found = self.native.clara(measuring, _ks(k), samples, size, seed, progress)
        return Typologies([Typology._wrap(native, self) for native in found])

    def plot(
        self,
        kind: str = "chronogram",
        *,
        by: Sequence[object] | Typology | None = None,
        sort: Literal["start", "end", "none"] = "start",
        most: int = 10,
        ax: Axes | None = None,
        title: str | None = None,
    ) -> Axes | Figure:
        """Draw the sequences.

        Parameters
        ----------
        kind : str
            ``index`` (a line a sequence), ``frequency`` (the most frequent sequences),
            ``chronogram`` (the distribution of states at each position), ``modal`` (the most
            frequent state and its share), ``mean_time``, ``entropy``, ``transitions`` (rates from
            state to state), ``graph`` (states as discs, the same rates as arrows). See also
            :meth:`Distances.relative_frequency`.
        by : sequence or Typology, optional
            One value a sequence: a panel for each, on a new figure.
        sort : {"start", "end", "none"}
            How the lines of ``index`` are ordered.
        most : int
            How many sequences ``frequency`` shows.
        ax : matplotlib.axes.Axes, optional
            Where to draw, without `by`; by default on a new figure.
        title : str, optional
            The title; the number of sequences and their weight are added.

        Returns
        -------
        matplotlib.axes.Axes or matplotlib.figure.Figure
            A figure with `by`.
        """
        from kruispunt._careers import draw

        return draw(self, kind, by=by, sort=sort, most=most, ax=ax, title=title)

    def __kruispunt_table__(self) -> _core.Table:
        return self.native.table("sts")

    def __len__(self) -> int:
        return len(self.native)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequences) and self.native == other.native

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return type(self)._wrap, (self.native, None)

    def __repr__(self) -> str:
        return (
            f"Sequences of {len(self):,} persons over {len(self.positions)} positions: "
            f"{len(self.states)} states, {self.n_unique:,} different sequences"
        )


class Distances(MoreDistances):
    """Distances between sequences; made by :meth:`Sequences.distances`."""

    __slots__ = ("__weakref__", "_sequences", "native")

    native: _core.Distances
    _sequences: Sequences

    def __init__(self) -> None:
        message = "distances are made by `Sequences.distances`"
        raise TypeError(message)

    @classmethod
    def _wrap(cls, native: _core.Distances, sequences: Sequences) -> Self:
        distances = cls.__new__(cls)
        distances.native = native
        distances._sequences = sequences
        return distances

    @property
    def sequences(self) -> Sequences:
        """The sequences."""
        return self._sequences

    @property
    def method(self) -> str:
        """The measure."""
        return self.native.method

    @property
    def precision(self) -> str:
        """``f32`` or ``f64``."""
        return self.native.precision

    @property
    def n_unique(self) -> int:
        """How many different sequences there are."""
        return self.native.n_unique

    @property
    def cautions(self) -> dict[str, str]:
        """What a reader must know, by name."""
        return dict(self.native.cautions)

    @property
    def account(self) -> Account:
        """What happened to the rows so far."""
        return Account.from_json(self.native.account_json())

    def condensed(self) -> NDArray[Any]:
        """Give the upper triangle of the different sequences, row by row.

        They are numbered by :attr:`unique_of`; the order is that of ``scipy``'s condensed form.
        """
        array: NDArray[Any] = self.native.condensed()
        return array

    @property
    def unique_of(self) -> NDArray[np.uint32]:
        """The number of each sequence among the different ones, shape ``(n,)``."""
        return self.native.unique_of()

    def square(self) -> NDArray[np.float64]:
        """Give all distances, shape ``(n, n)``: mind the memory."""
        square: NDArray[np.float64] = self.native.square()
        return square

    def __getitem__(self, pair: tuple[int, int]) -> float:
        given: Any = pair
        if not isinstance(given, tuple) or len(given) != 2:
            message = "`pair`: expected two sequences, `distances[0, 1]`; `square()` gives all"
            raise InputError(message)
        return self.native.get(*pair)

    @overload
    def pam(self, k: int) -> Typology: ...
    @overload
    def pam(self, k: Iterable[int]) -> Typologies: ...
    def pam(self, k: int | Iterable[int]) -> Typology | Typologies:
        """Find types around medoids.

        The first medoids each lower the sum of distances most; then medoids are swapped for other
        sequences until no swap helps.

        Parameters
        ----------
        k : int or iterable of int
            One number of types, or several to choose from.

        Returns
        -------
        Typology or Typologies

        References
        ----------
        Kaufman, L. & Rousseeuw, P. J. (1990). *Finding Groups in Data*, chapter 2. Wiley.
        Schubert, E. & Rousseeuw, P. J. (2021). Fast and eager k-medoids clustering. *Information
        Systems* 101, 101804.
        """
        with reporting(None) as progress:
            found = self.native.pam(_ks(k), progress)
        return self._typologies(k, found)

    def tree(self, linkage: str = "ward") -> Tree:
        """Join the nearest groups until one is left.

        Parameters
        ----------
        linkage : {"ward", "ward_unsquared", "average", "weighted", "single", "complete"}
            How far apart groups are. ``ward`` works on squared distances (``ward.D2`` of R).

        Examples
        --------
        >>> random = np.random.default_rng(1)
        >>> careers = {f"q{at}": random.choice(["work", "search"], 40) for at in range(6)}
        >>> distances = kp.trajectory.Sequences(careers, list(careers)).distances("ham")
        >>> distances.tree().cut(2).k
        2
        """
        with reporting(None) as progress:
            return Tree._wrap(self.native.tree(linkage, progress), self)

    @property
    def discrepancy(self) -> float:
        """Half the mean distance of two sequences: a variance without numbers."""
        return self.native.discrepancy

    def compare(
        self, groups: Sequence[object], *, permutations: int = 999, seed: int = 1
    ) -> dict[str, Any]:
        """Compare groups: how much of the discrepancy lies between them, by permutation.

        Distances are taken as they are, not squared.

        Parameters
        ----------
        groups : sequence
            One value a sequence; none may be missing.
        permutations : int
            How many permutations of the groups; the smallest p value is one over one more.
        seed : int
            The seed of the permutations.

        Returns
        -------
        dict
            ``f`` and ``f_pvalue`` (pseudo F), ``r2``, ``levene`` and ``levene_pvalue`` (do groups
            differ in discrepancy), ``total`` (discrepancy of all), ``discrepancy`` and ``weight`` by
            group.

        References
        ----------
        Studer, M., Ritschard, G., Gabadinho, A. & Muller, N. S. (2011). Discrepancy analysis of
        state sequences. *Sociological Methods & Research* 40(3), 471-510.
        """
        codes, levels = _coded(groups, "groups", len(self))
        with reporting(None) as progress:
            weights, own, total, f, r2, levene = self.native.compare(
                codes, permutations, seed, progress
            )
        return {
            "f": f[0],
            "f_pvalue": f[1],
            "r2": r2,
            "levene": levene[0],
            "levene_pvalue": levene[1],
            "total": total,
            "discrepancy": dict(zip(levels, own, strict=True)),
            "weight": dict(zip(levels, weights, strict=True)),
        }

    def explain(
        self,
        factors: Mapping[str, Sequence[object]],
        *,
        permutations: int = 999,
        seed: int = 1,
    ) -> Any:
        """Give how much of the discrepancy each factor explains beside the others.

        Parameters
        ----------
        factors : mapping of str to sequence
            One value a sequence for each factor; none may be missing.
        permutations : int
            How many permutations.
        seed : int
            The seed of the permutations.

        Returns
        -------
        data frame
            Columns ``factor`` (the last row is ``all``), ``df``, ``f``, ``r2``, ``pvalue``.

        References
        ----------
        McArdle, B. H. & Anderson, M. J. (2001). Fitting multivariate models to community data.
        *Ecology* 82(1), 290-297.
        """
        coded = [
            (name, _coded(values, "factors", len(self))[0]) for name, values in factors.items()
        ]
        with reporting(None) as progress:
            rows = self.native.explain(coded, permutations, seed, progress)
        names = ("factor", "df", "f", "r2", "pvalue")
        columns = {name: [row[at] for row in rows] for at, name in enumerate(names)}
        return to_frame(to_table(columns), self._sequences._like)

    def stability(self, typology: Typology, *, draws: int = 100, seed: int = 1) -> dict[str, Any]:
        """Say how sure types are: draw sequences anew, cluster around medoids, compare.

        Parameters
        ----------
        typology : Typology
            Types of these sequences.
        draws : int
            How often to draw.
        seed : int
            The seed of the draws.

        Returns
        -------
        dict
            ``jaccard``, for each type its mean overlap with the most alike type found (above 0.75 a
            type is there, below 0.5 it is not), shape ``(k,)``; ``membership``, for each sequence
            the share of draws in which it was of each type, shape ``(n, k)``: weights for a
            regression that should know how sure the types are.

        References
        ----------
        Hennig, C. (2007). Cluster-wise assessment of cluster stability. *Computational Statistics &
        Data Analysis* 52(1), 258-271.
        """
        with reporting(None) as progress:
            jaccard, membership = self.native.stability(typology.native, draws, seed, progress)
        return {
            "jaccard": np.asarray(jaccard),
            "membership": membership.reshape(len(self), typology.k),
        }

    def _typologies(
        self, k: int | Iterable[int], found: list[_core.Typology]
    ) -> Typology | Typologies:
        wrapped = [Typology._wrap(native, self._sequences, self) for native in found]
        return wrapped[0] if isinstance(k, int | np.integer) else Typologies(wrapped)

    def __len__(self) -> int:
        return len(self.native)

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return type(self)._wrap, (self.native, self._sequences)

    def __repr__(self) -> str:
        return (
            f"Distances of {len(self):,} sequences ({self.n_unique:,} different), "
            f"{self.method} in {self.precision}"
        )

    def _repr_html_(self) -> str:
        return said(self)


class Tree:
    """A tree of sequences; made by :meth:`Distances.tree`."""

    __slots__ = ("__weakref__", "_distances", "native")

    native: _core.Tree
    _distances: Distances

    def __init__(self) -> None:
        message = "trees are made by `Distances.tree`"
        raise TypeError(message)

    @classmethod
    def _wrap(cls, native: _core.Tree, distances: Distances) -> Self:
        tree = cls.__new__(cls)
        tree.native = native
        tree._distances = distances
        return tree

    @property
    def linkage(self) -> str:
        """How groups were joined."""
        return self.native.linkage

    def merges(self) -> NDArray[np.float64]:
        """Give the merges, shape ``(different - 1, 4)``: two groups, distance, weight of both.

        Groups below the number of different sequences are sequences, others the merge of that
        number after them, as in ``scipy.cluster.hierarchy``.
        """
        return np.asarray(self.native.merges(), dtype=np.float64).reshape(-1, 4)

    @overload
    def cut(self, k: int) -> Typology: ...
    @overload
    def cut(self, k: Iterable[int]) -> Typologies: ...
    def cut(self, k: int | Iterable[int]) -> Typology | Typologies:
        """Give the types left when all but the last ``k - 1`` merges are done."""
        with reporting(None) as progress:
            found = self._distances.native.cut(self.native, _ks(k), progress)
        return self._distances._typologies(k, found)

    def __len__(self) -> int:
        return len(self.native)

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return type(self)._wrap, (self.native, self._distances)

    def __repr__(self) -> str:
        return f"Tree of {len(self):,} different sequences, {self.linkage} linkage"

    def _repr_html_(self) -> str:
        return said(self)


class Typology:
    """Types of sequences: who is of which, and who stands for each.

    Types are numbered from 1 by falling weight. Attach it to a panel with
    ``panel.attach_person(typology)``, which adds the column ``type``.
    """

    __slots__ = ("__weakref__", "_distances", "_quality", "_sequences", "native")

    native: _core.Typology
    _sequences: Sequences
    _distances: Distances | None
    _quality: dict[str, float] | None

    def __init__(self) -> None:
        message = "types are made by `Distances.pam`, `Tree.cut` and `Sequences.clara`"
        raise TypeError(message)

    @classmethod
    def _wrap(
        cls, native: _core.Typology, sequences: Sequences, distances: Distances | None = None
    ) -> Self:
        typology = cls.__new__(cls)
        typology.native = native
        typology._sequences = sequences
        typology._distances = distances
        typology._quality = None
        return typology

    @property
    def sequences(self) -> Sequences:
        """The sequences."""
        return self._sequences

    @property
    def k(self) -> int:
        """How many types."""
        return self.native.k

    @property
    def method(self) -> str:
        """How they were found, in words."""
        return self.native.method

    @property
    def types(self) -> NDArray[np.uint32]:
        """The type of each sequence, from 1, shape ``(n,)``."""
        return self.native.types() + np.uint32(1)

    @property
    def medoids(self) -> NDArray[np.uint32]:
        """The sequence that stands for each type: the one nearest to all others of it."""
        return self.native.medoids()

    @property
    def sizes(self) -> NDArray[np.uint64]:
        """Sequences of each type, shape ``(k,)``."""
        return self.native.sizes()

    @property
    def weights(self) -> NDArray[np.float64]:
        """Weight of each type, shape ``(k,)``."""
        return self.native.weights()

    @property
    def total(self) -> float:
        """The weighted sum of the distances to the medoids."""
        return self.native.total

    @property
    def quality(self) -> dict[str, float]:
        """How good the types are, by name (Studer 2013): high is good, but for ``hc``.

        ``pbc`` point biserial correlation; ``hg`` Hubert's gamma, ``hgsd`` with ties; ``asw`` and
        ``asww`` average silhouette width; ``ch`` and ``chsq`` Calinski-Harabasz index on distances
        and their squares; ``r2`` and ``r2sq`` share of discrepancy explained; ``hc`` Hubert's C.
        Empty where not all distances were at hand.
        """
        if self._quality is None:
            _measure([self])
        return dict(self._quality or {})

    @property
    def account(self) -> Account:
        """What happened to the rows so far."""
        return Account.from_json(self.native.account_json())

    def to_frame(self, like: Any = None, *, name: str = "type") -> Any:
        """Give who is of which type, as a data frame: the identifiers and the column `name`."""
        return to_frame(self.native.table(name), self._sequences._like if like is None else like)

    def summary(self) -> Any:
        """Give a row a type: ``type``, ``n``, ``weight``, ``share`` and the medoid's sequence."""
        spells = to_numpy(self._sequences.native.table("sps").column("sequence"))
        medoids = self.medoids
        weights = self.weights
        columns = {
            "type": [f"type {at}" for at in range(1, self.k + 1)],
            "n": self.sizes.astype(np.int64),
            "weight": weights,
            "share": weights / weights.sum(),
            "medoid": [str(spells[at]) for at in medoids],
        }
        return to_frame(to_table(columns), self._sequences._like)

    def plot(self, kind: str = "chronogram", **options: Any) -> Axes | Figure:
        """Draw the sequences type by type; see :meth:`Sequences.plot`."""
        return self._sequences.plot(kind, by=self, **options)

    def __kruispunt_table__(self) -> _core.Table:
        return self.native.table("type")

    def __len__(self) -> int:
        return len(self.native)

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return type(self)._wrap, (self.native, self._sequences, self._distances)

    def __repr__(self) -> str:
        sizes = ", ".join(f"{size:,}" for size in self.sizes)
        return f"Typology of {len(self):,} sequences, {self.k} types ({sizes}): {self.method}"

    def _repr_html_(self) -> str:
        return said(self)


def _measure(typologies: Sequence[Typology]) -> None:
    """Compute the quality of typologies of the same distances, where not yet done."""
    missing = [own for own in typologies if own._quality is None]
    if not missing or missing[0]._distances is None:
        return
    found = missing[0]._distances.native.quality([own.native for own in missing])
    for own, quality in zip(missing, found, strict=True):
        own._quality = dict(quality)


class Typologies(Mapping[int, Typology]):
    """Typologies by their number of types, to choose from."""

    __slots__ = ("__weakref__", "_own")

    def __init__(self, typologies: Sequence[Typology]) -> None:
        self._own = {typology.k: typology for typology in typologies}

    def __getitem__(self, k: int) -> Typology:
        return self._own[k]

    def __iter__(self) -> Iterator[int]:
        return iter(self._own)

    def __len__(self) -> int:
        return len(self._own)

    def quality(self) -> Any:
        """Give a row a number of types: ``k``, ``total`` and the measures of quality."""
        rows = list(self._own.values())
        _measure(rows)
        columns: dict[str, Any] = {"k": [own.k for own in rows], "total": [o.total for o in rows]}
        names = list(rows[0].quality) if rows else []
        columns |= {name: [own.quality[name] for own in rows] for name in names}
        like = rows[0].sequences._like if rows else None
        return to_frame(to_table(columns), like)

    def best(self, measure: str = "asw") -> Typology:
        """Give the typology that is best by one measure of quality; the first among equals.

        Parameters
        ----------
        measure : str
            See :attr:`Typology.quality`; ``hc`` is best when low.
        """
        rows = list(self._own.values())
        _measure(rows)
        if not rows or measure not in rows[0].quality:
            known = ", ".join(rows[0].quality) if rows else ""
            message = f"`measure`: {measure!r} is none of {known or 'those there are (none)'}"
            raise InputError(message)
        sign = -1.0 if measure == "hc" else 1.0
        values = [sign * own.quality[measure] for own in rows]
        known_values = [-np.inf if np.isnan(value) else value for value in values]
        return rows[int(np.argmax(known_values))]

    def __repr__(self) -> str:
        return f"Typologies of {', '.join(str(k) for k in self._own)} types"

    def _repr_html_(self) -> str:
        return said(self)
