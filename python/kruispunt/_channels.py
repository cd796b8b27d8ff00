"""Several sequences a person side by side, and models over drawn types."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from kruispunt import _core
from kruispunt._frames import to_frame, to_table
from kruispunt._progress import Callback, reporting
from kruispunt.exceptions import DesignWarning, InputError

if TYPE_CHECKING:
    from kruispunt.trajectory import Costs, Distances, Method, Norm, Sequences, Typology

__all__ = ["combine", "multichannel", "over_types"]


def _side_by_side(channels: Mapping[str, Sequences]) -> _core.Channels:
    if not hasattr(channels, "items"):
        message = '`channels`: name each, as in {"work": careers, "family": families}'
        raise InputError(message)
    return _core.Channels([(str(name), own.native) for name, own in channels.items()])


def combine(channels: Mapping[str, Sequences]) -> Sequences:
    """Put several sequences of the same persons side by side as one.

    The states are the combinations that occur (``work + single``), 250 at most. Persons are met by
    their identifier; those who are not in all channels are left out, and the account counts them.

    Parameters
    ----------
    channels : mapping of str to Sequences
        Sequences by name, with the same number of positions.

    Returns
    -------
    Sequences

    Raises
    ------
    InputError
        If there are fewer than two channels, positions or weights differ, a person comes twice, or
        more than 250 combinations occur.

    Examples
    --------
    >>> work = kp.trajectory.Sequences({"pid": [1, 2], "a": ["w", "w"], "b": ["w", "u"]}, id="pid")
    >>> home = kp.trajectory.Sequences({"pid": [1, 2], "a": ["s", "s"], "b": ["m", "s"]}, id="pid")
    >>> kp.trajectory.combine({"work": work, "home": home}).states
    ['u + s', 'w + m', 'w + s']
    """
    from kruispunt.trajectory import Sequences as Made

    native = _side_by_side(channels).combined()
    first = next(iter(channels.values()))
    return Made._wrap(native, getattr(first, "_like", None))


def _each(value: Any, names: Sequence[str], argument: str) -> list[Any]:
    """One value a channel, of one for all or a mapping by name."""
    if not isinstance(value, Mapping) or not set(value) <= set(names):
        if isinstance(value, Mapping):
            wrong = next(name for name in value if name not in names)
            message = f"`{argument}`: there is no channel {wrong!r}; there are {', '.join(names)}"
            raise InputError(message)
        return [value] * len(names)
    return [value.get(name) for name in names]


def multichannel(
    channels: Mapping[str, Sequences],
    method: Method = "om",
    *,
    how: Literal["costs", "distances"] = "costs",
    costs: Costs | Mapping[str, Costs] | None = None,
    indel: float | Mapping[str, float] | None = None,
    weights: Mapping[str, float] | None = None,
    norm: Norm = "none",
    missing: Literal["refuse", "state"] = "refuse",
    precision: Literal["auto", "f32", "f64"] = "auto",
    **options: Any,
) -> Distances:
    r"""Give distances between persons by several sequences at once.

    With ``how="costs"`` channels are aligned together: turning one combination of states into
    another costs :math:`\sum_c w_c s_c(a_c, b_c)`, and inserting it :math:`\sum_c w_c i_c(a_c)`
    (TraMineR's ``CAT``). With ``how="distances"`` each channel is aligned on its own and distances
    are added up, :math:`\sum_c w_c d_c` (``DAT``). To learn costs from the combinations themselves
    take :func:`combine` and its distances.

    Parameters
    ----------
    channels : mapping of str to Sequences
        Sequences by name, with the same number of positions.
    method : str
        As for :meth:`Sequences.distances`; with ``how="costs"`` one that has costs.
    how : {"costs", "distances"}
        See above.
    costs, indel
        As for :meth:`Sequences.distances`, one for all channels or by name. Costs are learned from
        each channel. Costs by feature cannot be given by name; give a matrix.
    weights : mapping of str to float, optional
        Weights of channels, 1 each by default.
    norm, missing, precision
        As for :meth:`Sequences.distances`. A state missing in one channel is missing there alone.
    **options
        Further options of :meth:`Sequences.distances`.

    Returns
    -------
    Distances
        Of the combined sequences (:attr:`Distances.sequences`).

    Raises
    ------
    InputError
        As :func:`combine` and :meth:`Sequences.distances`.

    References
    ----------
    Pollock, G. (2007). Holistic trajectories. *Journal of the Royal Statistical Society* A 170(1),
    167-183.

    Ritschard, G., Liao, T. F. & Struffolino, E. (2023). Strategies for multidomain sequence
    analysis in social research. *Sociological Methodology* 53(2), 288-322.

    Examples
    --------
    >>> work = kp.trajectory.Sequences({"pid": [1, 2], "a": ["w", "w"], "b": ["w", "u"]}, id="pid")
    >>> home = kp.trajectory.Sequences({"pid": [1, 2], "a": ["s", "s"], "b": ["m", "s"]}, id="pid")
    >>> both = {"work": work, "home": home}
    >>> kp.trajectory.multichannel(both, costs=2.0)[0, 1]
    4.0
    >>> kp.trajectory.multichannel(both, how="distances", costs=2.0, weights={"home": 0.5})[0, 1]
    3.0
    """
    from kruispunt.trajectory import Distances as Made
    from kruispunt.trajectory import Sequences as Read
    from kruispunt.trajectory import _pricing

    if how not in {"costs", "distances"}:
        message = f"`how`: {how!r} is none of costs, distances"
        raise InputError(message)
    native = _side_by_side(channels)
    names = [str(name) for name in channels]
    like = next(iter(channels.values()))._like
    combined = Read._wrap(native.combined(), like)
    # a mapping whose names are channels is by channel, another one is of features
    by_name = isinstance(costs, Mapping) and set(costs) <= set(names)
    each: list[Any] = _each(costs, names, "costs") if by_name else [costs] * len(names)
    indels = _each(indel, names, "indel")
    own = [1.0 if one is None else float(one) for one in _each(weights, names, "weights")]
    if how == "distances":
        parts = [Read._wrap(part, like) for part in native.parts()]
        found = [
            part.distances(
                method, costs=cost, indel=one, norm=norm, missing=missing, precision=precision,
                **options,
            )
            for part, cost, one in zip(parts, each, indels, strict=True)
        ]  # fmt: skip
        pairs = [(one.native, weight) for one, weight in zip(found, own, strict=True)]
        with reporting(None) as progress:
            return Made._wrap(_core.trajectory_sum(pairs, progress), combined)
    pricing = [_pricing(cost, method, None) or _pricing("constant", method, None) for cost in each]
    substitution, inserted = native.costs(pricing, indels, own, missing == "state")
    n = len(inserted)
    prices = (substitution.reshape(n, n), inserted)
    return combined.distances(
        method, costs=prices, norm=norm, missing=missing, precision=precision, **options
    )


def over_types(
    typology: Typology,
    function: Callable[[Any], Any],
    *,
    draws: int = 20,
    seed: int = 1,
    name: str = "type",
    progress: bool | Callback | None = None,
) -> Any:
    """Estimate with types as unsure as they are.

    A model that takes types as given forgets that they were estimated: other persons in the sample
    would have given other types, and persons between two types another one. Here persons are drawn
    anew and clustered around medoids `draws` times, all persons go to the nearest medoid, types
    found are given the name of the type they are most alike, and the model is fitted on each
    assignment. Estimates are pooled by Rubin's rules: the total variance is that within fits and
    ``1 + 1 / draws`` times that between them. It does not cover the choice of the number of types
    and of the measure; a type that most draws do not find (:meth:`Distances.stability`) makes all
    coefficients of types hard to read.

    Parameters
    ----------
    typology : Typology
        Types from :meth:`Distances.pam` or :meth:`Tree.cut`.
    function : callable
        Called with the data frame of each draw (identifier and type), gives a :class:`Fit` or
        :class:`Effects` with the same coefficients each time.
    draws : int
        How many draws, 2 or more.
    seed : int
        The same seed gives the same draws.
    name : str
        The name of the column of types.
    progress : bool or callable, optional
        As in :func:`kruispunt.progress`.

    Returns
    -------
    Fit or Effects
        As :func:`kruispunt.pool` gives it.

    Warns
    -----
    DesignWarning
        ``unstable_types`` where half of the draws of a type or more are of other persons.

    Raises
    ------
    InputError
        If the types have no distances at hand, or `draws` is below 2.

    References
    ----------
    Rubin, D. B. (1987). *Multiple Imputation for Nonresponse in Surveys*. Wiley.

    Roth, L., Studer, M., Zuercher, E. & Peytremann-Bridevaux, I. (2024). Robustness assessment of
    regressions using cluster analysis typologies. *BMC Medical Research Methodology* 24, 303.

    Examples
    --------
    See ``examples/notebooks/08_trajectories_to_work.py``.
    """
    from kruispunt.uncertain_links import pool

    if draws < 2:
        message = f"`draws`: pooling needs 2 draws or more, not {draws}"
        raise InputError(message)
    if typology._distances is None:
        message = "`typology`: types from samples have no distances; make them by `Distances.pam`"
        raise InputError(message)
    native, distances = typology.native, typology._distances
    sequences = typology.sequences
    with reporting(progress) as callback:
        sure, drawn = _core.trajectory_types_drawn(distances.native, native, draws, seed, callback)
        types = drawn.reshape(draws, len(distances))
        weak = ", ".join(f"type {at}" for at, overlap in enumerate(sure, 1) if overlap < 0.5)
        if weak:
            text = f"unstable_types: draws find {weak} with an overlap below a half"
            warnings.warn(text, DesignWarning, stacklevel=2)
        names = np.array([f"type {at}" for at in range(1, typology.k + 1)], dtype=object)
        found = []
        for draw in range(draws):
            if callback is not None:
                callback("models", draw, draws)
            columns = {sequences.native.id: sequences.ids, name: names[types[draw]]}
            found.append(function(to_frame(to_table(columns), sequences._like)))
    return pool(found)
