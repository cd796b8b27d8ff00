"""Who could have started when; paths through stages; several kinds of treatment in pairs; placebos."""

from __future__ import annotations

import html
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kruispunt import _core
from kruispunt._frames import to_frame
from kruispunt._progress import Callback, reporting
from kruispunt._shown import said
from kruispunt.account import Account
from kruispunt.evaluate import Effects, _native
from kruispunt.exceptions import DesignWarning, InputError
from kruispunt.matching import ByGroup, _request
from kruispunt.panel import Panel

__all__ = [
    "NegativeControls",
    "Pairwise",
    "RiskSets",
    "negative_controls",
    "pairwise_matching",
    "risk_sets",
    "stage_paths",
]


class RiskSets:
    """Who could have started in each period, and how spells of eligibility end.

    :func:`risk_sets` makes it.
    """

    __slots__ = ("__weakref__", "_like", "_native")

    def __init__(self, native: _core.RiskTable, like: Any = None) -> None:
        self._native = native
        self._like = like

    @property
    def cautions(self) -> dict[str, str]:
        """What a reader must know, by name."""
        return dict(self._native.cautions)

    @property
    def account(self) -> Account:
        """Which rows of the panel are in a risk set and why others are not."""
        return Account.from_json(self._native.account_json())

    def rows(self) -> Any:
        """Give one row a person and a period at risk.

        Returns
        -------
        table
            Person, period, ``duration`` (periods eligible without a break), ``starts`` (in the
            period), ``later`` (starts later in the panel).
        """
        return to_frame(self._native.rows(), self._like)

    def by_period(self) -> Any:
        """Count by period: ``at_risk``, ``starts``, ``later``, ``never``, ``unknown``.

        Those of ``unknown`` are eligible, but since before the panel begins, and in no risk set.
        """
        return to_frame(self._native.by_period(), self._like)

    def by_duration(self) -> Any:
        """Count by elapsed duration, as :meth:`by_period`."""
        return to_frame(self._native.by_duration(), self._like)

    def spells(self) -> Any:
        """Give one row a spell of eligibility, up to its end or the start of the first treatment.

        Returns
        -------
        table
            Person, ``begin`` (period), ``time`` (length in periods), ``event`` (``"start"`` or the
            kind that starts, ``"left"`` the state, ``"gone"`` from the registers, missing when the
            panel ends), ``truncated`` (there already when the panel begins, so that it is longer
            than can be seen). :func:`cumulative_incidence` takes it with ``time="time"`` and
            ``event="event"``; leave out truncated spells first.
        """
        return to_frame(self._native.spells(), self._like)

    def __repr__(self) -> str:
        step = self.account.steps[-1]
        return f"RiskSets: {step.after.rows} rows of {step.after.persons} persons at risk"

    def _repr_html_(self) -> str:
        return said(self, self._native.by_period(), self._native.by_duration())

    def __getstate__(self) -> dict[str, Any]:
        return {"native": self._native}

    def __setstate__(self, state: dict[str, Any]) -> None:
        RiskSets.__init__(self, state["native"])


def risk_sets(
    panel: Panel,
    *,
    eligible: str,
    treatment: str = "cohort",
    kind: str | None = None,
    duration: int | None = None,
    gap: int = 0,
) -> RiskSets:
    """Show who could have started a treatment in each period, before any outcome is looked at.

    A person is at risk in a period when eligible and not treated before; the elapsed duration counts
    periods since the spell of eligibility began. These are the risk sets that
    :func:`dynamic_matching` compares within.

    Parameters
    ----------
    panel : Panel
        One row a person and a period.
    eligible : str
        Whether the person could start in the period: truth values, or 0 and 1 (missing: no).
    treatment : str
        The period of the first treatment, missing for never.
    kind : str, optional
        A column with the kind of that treatment, by which spells are told to end.
    duration : int, optional
        Durations of so many periods and more are one. Without it, spells that began before the
        panel are in no risk set, since nobody knows how long they last.
    gap : int
        So many periods without eligibility do not end a spell.

    Returns
    -------
    RiskSets

    Raises
    ------
    InputError
        If a column is missing or of the wrong type, or the treatment varies within a person.

    Warns
    -----
    DesignWarning
        ``left_truncation``: spells that were there already when the panel begins.

    Examples
    --------
    >>> panel = kp.Panel(
    ...     {
    ...         "person": [1, 1, 1, 2, 2, 2],
    ...         "quarter": ["2012Q1", "2012Q2", "2012Q3"] * 2,
    ...         "seeking": [0, 1, 1, 0, 1, 0],
    ...         "cohort": ["2012Q3"] * 3 + [None] * 3,
    ...     },
    ...     person="person", period="quarter",
    ... )
    >>> kp.risk_sets(panel, eligible="seeking").by_duration()["at_risk"].tolist()
    [2, 1]
    """
    asked = {"eligible": eligible, "treatment": treatment, "duration": duration, "gap": gap}
    request = _request("", asked, kinds=kind)
    found = RiskSets(_core.risk_sets(_native(panel), request), getattr(panel, "_like", None))
    for code, text in found.cautions.items():
        warnings.warn(f"{code}: {text}", DesignWarning, stacklevel=2)
    return found


def stage_paths(panel: Panel, stages: Mapping[str, str]) -> Any:
    """Count the orders in which persons first reach stages: integration, service, training, job.

    Parameters
    ----------
    panel : Panel
        One row a person and a period.
    stages : mapping of str to str
        Labels, and columns with the period in which a person first reaches the stage (missing for
        never), as :meth:`Panel.event_time` adds them.

    Returns
    -------
    table
        One row a path, the commonest first: ``path`` (``"integration > job"``; stages of one
        period with a plus; ``"none"``), ``persons``, ``share``, ``steps``, ``mean_periods`` from
        the first stage to the last.

    Raises
    ------
    InputError
        If a column is missing or no period, or varies within a person.

    Examples
    --------
    >>> panel = kp.Panel(
    ...     {
    ...         "person": [1, 2, 3],
    ...         "quarter": ["2012Q1"] * 3,
    ...         "integration": ["2012Q1", "2012Q2", None],
    ...         "job": ["2013Q1", "2012Q2", None],
    ...     },
    ...     person="person", period="quarter",
    ... )
    >>> kp.stage_paths(panel, {"integration": "integration", "job": "job"})["path"].tolist()
    ['integration + job', 'integration > job', 'none']
    """
    table = _core.stage_paths(_native(panel), [(str(a), str(b)) for a, b in stages.items()])
    return to_frame(table, getattr(panel, "_like", None))


class Pairwise(ByGroup):
    r"""Effects of each kind of treatment against each other; :func:`pairwise_matching` makes it.

    A mapping from ``"A rather than B"`` to its :class:`Effects`. The same persons stand in several
    comparisons: bands of level :math:`1 - \alpha/G` for each of G hold together (Bonferroni).
    """

    __slots__ = ()

    def tidy(self, alpha: float = 0.05, *, draws: int = 20_000, seed: int = 1) -> dict[str, Any]:
        """Give the table of each comparison; bands hold for the paths of all together."""
        own = alpha / max(len(self), 1)
        tables = {
            name: effects.native.tidy("sup-t", own, draws, seed)
            for name, effects in self._effects.items()
        }
        return {name: to_frame(table, self._like) for name, table in tables.items()}


def pairwise_matching(
    panel: Panel,
    outcome: str,
    *,
    kind: str,
    kinds: Sequence[str],
    progress: bool | Callback | None = None,
    **matching: Any,
) -> Pairwise:
    """Compare several kinds of treatment with waiting and with each other (Lechner 2001).

    Parameters
    ----------
    panel, outcome, **matching
        As in :func:`dynamic_matching`.
    kind : str
        The column with the kind of the first treatment.
    kinds : sequence of str
        The kinds to compare: each with those who wait, and each with each other among those who
        start either in the same period.
    progress : bool or callable, optional
        As in :func:`kruispunt.progress`.

    Returns
    -------
    Pairwise
        ``"OCT rather than waiting"``, ``"OCT rather than GCT"``, ... Each is the effect on those
        who start the first of the two, so that A rather than B is not minus B rather than A.

    Raises
    ------
    InputError
        As :func:`dynamic_matching`, and when there are fewer than two kinds.

    References
    ----------
    Lechner, M. (2001). Identification and estimation of causal effects of multiple treatments under
    the conditional independence assumption. In *Econometric Evaluation of Labour Market Policies*,
    43-58. Physica.

    Examples
    --------
    >>> random = np.random.default_rng(1)
    >>> quarters = kp.Calendar.quarters("2012Q1", "2013Q2").labels
    >>> starts = np.repeat(random.integers(0, 4, 200), 6)
    >>> panel = kp.Panel(
    ...     {
    ...         "person": np.repeat(np.arange(200), 6), "quarter": list(quarters) * 200,
    ...         "seeking": [1] * 1200, "days": random.normal(size=1200),
    ...         "cohort": [quarters[start] if start < 3 else None for start in starts],
    ...         "kind": np.where(starts < 3, np.repeat(["course", "coaching"], 6 * 100), "none"),
    ...     },
    ...     person="person", period="quarter",
    ... )
    >>> found = kp.pairwise_matching(
    ...     panel, "days", eligible="seeking", duration=1, horizons=[1],
    ...     kind="kind", kinds=["course", "coaching"],
    ... )
    >>> list(found)[0]
    'course rather than waiting'
    """
    if len(set(kinds)) < 2:
        raise InputError(f"`kinds`: expected at least two kinds, got {list(kinds)}")
    for name in ("versus",):
        if name in matching:
            raise InputError(f"`{name}`: pairwise_matching goes through all pairs itself")
    like = getattr(panel, "_like", None)
    found: dict[str, Effects] = {}
    with reporting(progress) as callback:
        for one in kinds:
            for other in [None, *(own for own in kinds if own != one)]:
                options: Any = {**matching, "kind": (kind, one)}
                if other is not None:
                    options = {**options, "versus": other, "against": "waiting"}
                request = _request(outcome, options)
                native = _core.dynamic_matching(_native(panel), request, callback)
                than = matching.get("against", "waiting") if other is None else other
                found[f"{one} rather than {than}"] = Effects(native, like)
    return Pairwise(found, like)


@dataclass(frozen=True, slots=True, weakref_slot=True)
class NegativeControls:
    """Effects on what treatment cannot change; :func:`negative_controls` makes it.

    Attributes
    ----------
    effects : dict of str to Effects
        By outcome, at horizons before the start.
    joint : dict of str to dict
        By outcome, ``statistic``, ``df``, ``pvalue`` of the test that all are zero, and ``largest``,
        the largest difference in standard errors.
    alpha : float
        One minus the probability that nothing is flagged when nothing is there.
    flagged : list of str
        Outcomes whose p value is below `alpha` over the number of outcomes.
    """

    effects: dict[str, Effects]
    joint: dict[str, dict[str, float]]
    alpha: float
    flagged: list[str]
    _like: Any = field(default=None, repr=False, compare=False)

    def tidy(self) -> Any:
        """Give one row an outcome: the joint test and whether it is flagged."""
        rows: dict[str, list[Any]] = {"outcome": list(self.joint)}
        for name in ("statistic", "df", "pvalue", "largest"):
            rows[name] = [own[name] for own in self.joint.values()]
        rows["flagged"] = [name in self.flagged for name in self.joint]
        return to_frame(_core_table(rows), self._like)

    def plot(self, **options: Any) -> Any:
        """Draw the differences before the start; see :func:`plot_effects` for the options."""
        from kruispunt.plots import plot_effects

        return plot_effects(self.effects, **options)

    def __repr__(self) -> str:
        lines = [f"{'negative control':<24}{'statistic':>11}{'df':>4}{'p value':>11}"]
        for name, own in self.joint.items():
            mark = "  flagged" if name in self.flagged else ""
            lines.append(
                f"{name:<24}{own['statistic']:>11.2f}{own['df']:>4.0f}{own['pvalue']:>11.2g}{mark}"
            )
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(repr(self))}</pre>"


def negative_controls(
    panel: Panel,
    outcome: str,
    *,
    controls: str | Sequence[str],
    horizons: Iterable[int] = (-1, -2, -4, -8),
    alpha: float = 0.05,
    progress: bool | Callback | None = None,
    **matching: Any,
) -> NegativeControls:
    r"""Estimate the "effect" of a treatment on what it cannot have changed.

    The design of :func:`dynamic_matching` is applied to outcomes of before the start: earlier wages,
    days worked, benefits. Starters and their controls should not differ in them. Where they do,
    something sets starters apart that the design does not hold equal, and it may go on to work after
    the start: *cream-skimming* shows in the wages of earlier jobs of those whom employers chose,
    though their record of employment is that of their controls. An outcome that does not vary with
    what is unobserved shows nothing; choose controls that would.

    Parameters
    ----------
    panel, outcome, **matching
        As in :func:`dynamic_matching`; the design is that of `outcome` (a `history` is of it).
    controls : str or sequence of str
        Columns that treatment cannot have changed before it starts. Rows without a value at a
        horizon are left out there.
    horizons : iterable of int
        Periods before the start, all below 0.
    alpha : float
        How often anything at all may be flagged when nothing is there.
    progress : bool or callable, optional
        As in :func:`kruispunt.progress`.

    Returns
    -------
    NegativeControls

    Raises
    ------
    InputError
        As :func:`dynamic_matching`, and when a horizon is not before the start.

    Warns
    -----
    DesignWarning
        ``unobserved_selection``, when a control is flagged.

    References
    ----------
    Lipsitch, M., Tchetgen Tchetgen, E. & Cohen, T. (2010). Negative controls: a tool for detecting
    confounding and bias in observational studies. *Epidemiology* 21(3), 383-388.

    Examples
    --------
    >>> random = np.random.default_rng(1)
    >>> quarters = kp.Calendar.quarters("2012Q1", "2013Q2").labels
    >>> starts = np.repeat(random.integers(0, 4, 200), 6)
    >>> panel = kp.Panel(
    ...     {
    ...         "person": np.repeat(np.arange(200), 6), "quarter": list(quarters) * 200,
    ...         "seeking": [1] * 1200, "days": random.normal(size=1200),
    ...         "cohort": [quarters[start] if start < 3 else None for start in starts],
    ...         "wage": random.normal(size=1200),
    ...     },
    ...     person="person", period="quarter",
    ... )
    >>> import warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", kp.exceptions.DesignWarning)
    ...     found = kp.negative_controls(
    ...         panel, "days", controls="wage", eligible="seeking", duration=1, horizons=[-1]
    ...     )
    >>> sorted(found.joint["wage"])
    ['df', 'largest', 'pvalue', 'statistic']
    """
    before = [int(own) for own in horizons]
    if not before or max(before) >= 0:
        raise InputError(f"`horizons`: expected periods before the start, below 0, got {before}")
    names = [controls] if isinstance(controls, str) else list(controls)
    if not names:
        raise InputError("`controls`: name at least one column")
    if not 0 < alpha < 1:
        raise InputError(f"`alpha`: expected a probability between 0 and 1, got {alpha}")
    like = getattr(panel, "_like", None)
    found: dict[str, Effects] = {}
    joint: dict[str, dict[str, float]] = {}
    # What absence means for the outcome it does not mean for a control: no wage is not a wage of 0.
    options: Any = {**matching, "horizons": before, "absent": None}
    with reporting(progress) as callback:
        for name in names:
            request = _request(name, options, record_of=outcome)
            own = Effects(_core.dynamic_matching(_native(panel), request, callback), like)
            statistic, df, pvalue, _, _ = own.native.pretest()
            pairs = zip(own.estimates, own.std_errors, strict=True)
            largest = max((float(e / s) for e, s in pairs if s > 0), key=abs, default=0.0)
            found[name] = own
            joint[name] = {
                "statistic": statistic, "df": df, "pvalue": pvalue, "largest": largest,
            }  # fmt: skip
    flagged = [name for name, own in joint.items() if own["pvalue"] < alpha / len(names)]
    for name in flagged:
        message = (
            f"unobserved_selection: before the start those who start differ from their controls in "
            f"{name} already (p {joint[name]['pvalue']:.2g}, {joint[name]['largest']:+.1f} standard "
            "errors at most): what sets them apart then may do so later"
        )
        warnings.warn(message, DesignWarning, stacklevel=2)
    return NegativeControls(found, joint, alpha, flagged, like)


def _core_table(rows: Mapping[str, Sequence[Any]]) -> _core.Table:
    from kruispunt._frames import to_table

    return to_table(dict(rows))
