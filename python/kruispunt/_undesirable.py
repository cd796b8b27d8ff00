"""How undesirable careers are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kruispunt import _core
from kruispunt.exceptions import InputError

__all__ = ["Undesirable"]

Order: TypeAlias = Sequence[object] | Mapping[str, float]
"""States from the best to the worst, equally far apart; a list of states within it holds states that
are as good; states left out are not comparable. Or a degree from 0 (best) to 1 (worst) by state."""
Weight: TypeAlias = Literal["rank", "one", "rates"]


class Undesirable:
    """Indices of sequences whose states can be put in order."""

    __slots__ = ()

    native: _core.Sequences

    if TYPE_CHECKING:

        @property
        def states(self) -> list[str]: ...

    def _degrees(self, order: Order) -> list[float | None]:
        known = self.states
        if isinstance(order, Mapping):
            found = {str(state): float(degree) for state, degree in order.items()}
        else:
            classes = [
                [str(own) for own in part] if isinstance(part, list | tuple) else [str(part)]
                for part in order
            ]
            last = max(sum(len(part) for part in classes) - 1, 1)
            found, place = {}, 0
            for part in classes:
                degree = (place + (len(part) - 1) / 2) / last
                found |= dict.fromkeys(part, degree)
                place += len(part)
            span = [min(found.values(), default=0.0), max(found.values(), default=1.0)]
            width = span[1] - span[0]
            if width > 0:
                found = {state: (degree - span[0]) / width for state, degree in found.items()}
        wrong = [state for state in found if state not in known]
        if wrong:
            message = f"`order`: {wrong[0]!r} is not in the alphabet ({', '.join(known)})"
            raise InputError(message)
        return [found.get(state) for state in known]

    def degradation(self, order: Order, *, weight: Weight = "rank") -> NDArray[np.float64]:
        r"""Give changes for the worse less changes for the better, over all changes, shape ``(n,)``.

        .. math:: q(x) = \frac{\sum_{worse} w - \sum_{better} w}{\sum w}

        From -1 to 1, and 0 without a change. It is TraMineR's ``seqidegrad`` with ``pow=FALSE``.

        Parameters
        ----------
        order : sequence or mapping
            States from the best to the worst, ``["work", ["training", "school"], "search"]``, where
            states in an inner list are as good as each other, and states left out are not
            comparable (a change into and out of one is the change between the states around it); or
            a degree from 0 (best) to 1 (worst) by state.
        weight : {"rank", "one", "rates"}
            What a change counts for: the difference of degrees, one, or one less the transition
            rate between spells (rare changes count).

        References
        ----------
        Ritschard, G. (2023). Measuring the nature of individual sequences. *Sociological Methods &
        Research* 52(4), 2016-2049.

        Examples
        --------
        >>> careers = kp.trajectory.Sequences({"q1": ["a", "b"], "q2": ["a", "b"], "q3": ["b", "a"]})
        >>> careers.degradation(["a", "b"]).tolist()
        [1.0, -1.0]
        """
        degrees = self._degrees(order)
        return _core.trajectory_undesirable(
            self.native, "degradation", degrees, weight, 0.0, (1.0, 1.0)
        )

    def precarity(
        self,
        order: Order,
        *,
        start: float = 0.2,
        correction: float = 1.2,
        power: float = 1.0,
        weight: Weight = "rates",
    ) -> NDArray[np.float64]:
        r"""Give the precarity of each sequence, shape ``(n,)``.

        .. math:: \lambda a(x_1) + (1 - \lambda) (1 + q(x))^\beta c(x)^\alpha

        with the degree of the first state, the degradation and the complexity.

        Parameters
        ----------
        order
            As for :meth:`degradation`.
        start : float
            The weight of the first state, from 0 to 1.
        correction, power : float
            The exponents beta and alpha.
        weight
            As for :meth:`degradation`.

        References
        ----------
        Ritschard, G., Bussi, M. & O'Reilly, J. (2018). An index of precarity for measuring early
        employment insecurity. In *Sequence Analysis and Related Approaches*, 279-295. Springer.
        """
        degrees = self._degrees(order)
        return _core.trajectory_undesirable(
            self.native, "precarity", degrees, weight, start, (correction, power)
        )

    def insecurity(self, order: Order, *, power: float = 1.0) -> NDArray[np.float64]:
        r"""Give the insecurity of each sequence, shape ``(n,)``.

        .. math:: a(x_1) i_1 + c(x) + \sum_s (a(x_s) - a(x_{s-1})) i_s

        over spells s, with c the complexity and the integration
        :math:`i_s = \sum_{t \in s} t^{power} / \sum_t t^{power}`: what comes late and lasts counts.

        Parameters
        ----------
        order
            As for :meth:`degradation`.
        power : float
            How much later positions weigh more; 0 for not at all.

        References
        ----------
        Ritschard, G. (2023). Measuring the nature of individual sequences. *Sociological Methods &
        Research* 52(4), 2016-2049.
        """
        degrees = self._degrees(order)
        return _core.trajectory_undesirable(
            self.native, "insecurity", degrees, "rank", 0.0, (1.0, power)
        )

    def badness(self, order: Order, *, power: float = 1.0) -> NDArray[np.float64]:
        r"""Give the mean degree of the states of each sequence, shape ``(n,)``.

        :math:`\sum_t t^{power} a(x_t) / \sum_t t^{power}`: 0 for a career in the best state, 1 for
        one in the worst.

        Parameters
        ----------
        order
            As for :meth:`degradation`.
        power : float
            As for :meth:`insecurity`.
        """
        degrees = self._degrees(order)
        return _core.trajectory_undesirable(
            self.native, "badness", degrees, "rank", 0.0, (1.0, power)
        )
