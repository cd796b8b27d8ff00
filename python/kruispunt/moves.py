"""Moves between several states, and where persons are by then."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from kruispunt import _core
from kruispunt._frames import to_frame, to_table
from kruispunt._progress import Callback, reporting
from kruispunt._shown import said
from kruispunt.account import Account
from kruispunt.durations import Hazard, Staged, _split
from kruispunt.evaluate import _native
from kruispunt.exceptions import DesignWarning, InputError
from kruispunt.panel import Panel

__all__ = ["Multistate", "multistate"]


class Multistate:
    """Moves between states; :func:`multistate` makes it."""

    __slots__ = ("__weakref__", "_like", "_native")

    def __init__(self, native: _core.Multistate, like: Any = None) -> None:
        self._native = native
        self._like = like

    @property
    def states(self) -> list[str]:
        """The states, in their natural order."""
        return self._native.states

    @property
    def cautions(self) -> dict[str, str]:
        """What a reader must know, by name."""
        return dict(self._native.cautions)

    @property
    def account(self) -> Account:
        """Which rows tell of a move and why others do not."""
        return Account.from_json(self._native.account_json())

    def moves(self) -> Any:
        """Give one row a pair of states: how many moved, as a share of those in the first."""
        return to_frame(self._native.moves(), self._like)

    def model(self, state: str) -> tuple[Hazard, list[str]]:
        """Give the hazards of leaving a state, and the states that its events lead to.

        Raises
        ------
        InputError
            If there is no such state, or nobody leaves it.
        """
        found = self._native.model(state)
        if found is None:
            left = "nobody leaves it" if state in self.states else "there is no such state"
            raise InputError(f'`state`: "{state}": {left}; the states are {self.states}')
        fit, to = found
        return Hazard(fit, self._like), to

    def occupation(
        self,
        profiles: Mapping[str, Sequence[float]] | Any = None,
        *,
        start: str,
        periods: int,
        by: str | None = None,
        clock: float = 1.0,
        rising: str | Sequence[str] = (),
        draws: int = 400,
        seed: int = 1,
        alpha: float = 0.05,
        progress: bool | Callback | None = None,
    ) -> Any:
        """Predict the share of persons in each state, period by period.

        Parameters
        ----------
        profiles : table or mapping, optional
            One row a profile, columns named as the regressors; a regressor that is not there stands
            at its mean. Without profiles, one at all means.
        start : str
            The state in which persons begin.
        periods : int
            Periods to look ahead.
        by : str, optional
            A column of `profiles`: averages over its rows by value (standardisation).
        clock : float
            The clock at the beginning, when it is a column.
        rising : str or sequence of str
            Regressors that rise by one each period, such as quarters since arrival; `profiles` has
            their values at the beginning.
        draws : int
            Draws of the coefficients for standard errors and intervals; 0 for none.
        seed : int
            Their seed.
        alpha : float
            One minus the probability of the intervals.
        progress : bool or callable, optional
            As in :func:`kruispunt.progress`.

        Returns
        -------
        table
            One row a profile, period (0 is the beginning) and state: ``share``, ``std_error``,
            ``conf_low``, ``conf_high``.
        """
        table = _core.Table.from_columns([]) if profiles is None else to_table(profiles)
        if periods < 1:
            raise InputError(f"`periods`: expected at least 1, got {periods}")
        names = [rising] if isinstance(rising, str) else list(rising)
        ask = (start, float(clock), int(periods), max(int(draws), 0), int(seed), names)
        with reporting(progress) as callback:
            found = self._native.occupation(table, by, ask, alpha, callback)
        return to_frame(found, self._like)

    def split(
        self,
        programme: str,
        *,
        through: str,
        goal: str,
        start: str,
        periods: int,
        profiles: Mapping[str, Sequence[float]] | Any = None,
        clock: float = 1.0,
        rising: str | Sequence[str] = (),
        draws: int = 400,
        seed: int = 1,
        alpha: float = 0.05,
        progress: bool | Callback | None = None,
    ) -> Staged:
        r"""Split what a programme does by whether it runs through moves into a state.

        The outcome is to have been in the state `goal` by the last period. With :math:`P(a, b)` the
        share who were, when moves into the state `through` are those with programme :math:`b` and
        all other moves those with programme :math:`a`,

        .. math::

            P(1,1) - P(0,0) = \underbrace{P(1,1) - P(1,0)}_{via} +
                \underbrace{P(1,0) - P(0,0)}_{direct}

        Moves out of a state compete: who registers in a period does not begin a job in it, and
        those who would have registered are at risk of a job where registering does not react. One
        may leave the stage and come back, or leave the country.

        Parameters
        ----------
        programme : str
            The regressor that says whether the programme began, 0 or 1.
        through : str
            The state it may work through (registered as a job-seeker).
        goal : str
            The state to reach (a first job).
        start : str
            The state in which persons begin.
        periods : int
            Periods to look ahead.
        profiles : table or mapping, optional
            One row a person, with the other regressors; averages are over these. Without, one
            person at all means.
        clock : float
            The clock at the beginning, when it is a column.
        rising : str or sequence of str
            Regressors that rise by one each period, such as quarters since arrival; `profiles` has
            their values at the beginning.
        draws, seed : int
            Draws of the coefficients, for standard errors and intervals.
        alpha : float
            One minus the probability of the intervals.
        progress : bool or callable, optional
            As in :func:`kruispunt.progress`.

        Returns
        -------
        Staged
            With the assumptions the split rests on.

        Raises
        ------
        InputError
            If a state or the programme is not there, or there are too few draws.

        Warns
        -----
        DesignWarning
            ``unobserved_selection``: who moves into the stage sooner than the model says reaches
            the goal sooner too, see :meth:`dependence`.

        References
        ----------
        VanderWeele, T. (2015). *Explanation in Causal Inference*, ch. 4. Oxford University Press.

        Examples
        --------
        >>> random = np.random.default_rng(1)
        >>> panel = kp.Panel(
        ...     {
        ...         "pid": np.repeat(np.arange(200), 8),
        ...         "quarter": kp.Calendar.quarters("2010Q1", "2011Q4").labels * 200,
        ...         "state": random.choice(["neither", "service", "work"], 1600),
        ...         "begun": np.repeat(random.integers(0, 2, 200), 8).astype(float),
        ...     },
        ...     person="pid", period="quarter",
        ... )
        >>> fit = kp.multistate("state ~ begun", panel)
        >>> found = fit.split(
        ...     "begun", through="service", goal="work", start="neither", periods=4, draws=50
        ... )
        >>> round(found.via["estimate"] + found.direct["estimate"] - found.total["estimate"], 12)
        0.0
        """
        table = _core.Table.from_columns([]) if profiles is None else to_table(profiles)
        names = [rising] if isinstance(rising, str) else list(rising)
        ask = (start, float(clock), max(int(periods), 0), max(int(draws), 0), int(seed), names)
        with reporting(progress) as callback:
            found = self._native.split(table, (programme, through, goal), ask, alpha, callback)
        return _split(found, self._like)

    def dependence(self) -> Any:
        """Test whether moves of a person depend on each other beyond the model.

        Who moves into one state sooner than the model says: does the same person also move into
        another sooner? Under the model products of a person's residuals of different periods are 0
        on average; what persons bring that nobody recorded, the same in all their rows, makes them
        positive (a score test of shared frailty). A clock or an interaction that is missing may do
        so too. Errors do not allow for estimated slopes, which makes the test somewhat cautious.

        Returns
        -------
        table
            One row a pair of states: ``into``, ``and_into``, ``excess`` (the mean product by
            person) and ``z``, standard normal when there is no dependence.

        References
        ----------
        Commenges, D. & Andersen, P. K. (1995). Score test of homogeneity for survival data.
        *Lifetime Data Analysis* 1, 145-156.
        """
        return to_frame(self._native.dependence(), self._like)

    def __repr__(self) -> str:
        step = self.account.steps[-1]
        return f"Multistate: {', '.join(self.states)}; {step.after.rows} moves and stays"

    def _repr_html_(self) -> str:
        return said(self, self._native.moves())

    def __getstate__(self) -> dict[str, Any]:
        return {"native": self._native}

    def __setstate__(self, state: dict[str, Any]) -> None:
        Multistate.__init__(self, state["native"])


def multistate(
    fml: str,
    panel: Panel,
    *,
    duration: int | None = None,
    absent: str | None = None,
    progress: bool | Callback | None = None,
) -> Multistate:
    r"""Model moves between states in discrete time: work, job-seeking, inactivity, abroad.

    From each state s a multinomial logit of the state of the next period,

    .. math::

        \log (p_{sr} / p_{ss}) = \alpha_{sr}(\text{clock}) + x'\beta_{sr}

    for each other state r. The clock is what stands after the bar (quarters since arrival, age), or
    with `duration` the elapsed time in the state, which makes the process semi-Markov. Without
    regressors and with a clock after the bar, chances are the shares of moves (Aalen-Johansen in
    discrete time). Regressors are those of the period before the move; errors are clustered by
    person.

    Parameters
    ----------
    fml : str
        ``"state ~ woman + edu | quarters_here"``; ``"state ~ 1"`` for no regressor.
    panel : Panel
        One row a person and a period.
    duration : int, optional
        The clock is the elapsed time in the state; so many periods and more are one. Spells that
        began before the panel are left out until they are that long.
    absent : str, optional
        Who has no row in the period after an own one moves to this state (``"abroad"``). Without
        it such rows are left out, as if who leaves the registers were like those who stay.
    progress : bool or callable, optional
        As in :func:`kruispunt.progress`.

    Returns
    -------
    Multistate
        With ``moves()``, ``model(state)`` and ``occupation(...)``.

    Raises
    ------
    InputError
        If the formula or a column is wrong, or there are two clocks.
    EstimationError
        If a regressor predicts a move perfectly.

    Warns
    -----
    DesignWarning
        ``emigration``: many leave the registers and are left out.

    References
    ----------
    Aalen, O. & Johansen, S. (1978). An empirical transition matrix for non-homogeneous Markov
    chains based on censored observations. *Scandinavian Journal of Statistics* 5, 141-150.

    Putter, H., Fiocco, M. & Geskus, R. (2007). Tutorial in biostatistics: competing risks and
    multi-state models. *Statistics in Medicine* 26, 2389-2430.

    Examples
    --------
    >>> panel = kp.Panel(
    ...     {
    ...         "person": [1, 1, 1, 2, 2, 2, 3, 3, 3],
    ...         "quarter": ["2012Q1", "2012Q2", "2012Q3"] * 3,
    ...         "state": ["U", "E", "E", "U", "U", "E", "E", "U", "U"],
    ...     },
    ...     person="person", period="quarter",
    ... )
    >>> fit = kp.multistate("state ~ 1", panel)
    >>> fit.moves()["n"].tolist()
    [1, 1, 2, 2]
    >>> shares = fit.occupation(start="U", periods=2, draws=0)
    >>> shares["share"].round(3).tolist()
    [0.0, 1.0, 0.5, 0.5, 0.5, 0.5]
    """
    with reporting(progress) as callback:
        native = _core.multistate(_native(panel), fml, duration, absent, callback)
    found = Multistate(native, getattr(panel, "_like", None))
    for code, text in found.cautions.items():
        warnings.warn(f"{code}: {text}", DesignWarning, stacklevel=2)
    return found
