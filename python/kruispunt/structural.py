"""Marginal structural models: treatments that begin, overlap and end."""

from __future__ import annotations

import html
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kruispunt import _core
from kruispunt._frames import to_frame
from kruispunt._progress import Callback, reporting
from kruispunt.account import Account
from kruispunt.durations import Hazard, hazard
from kruispunt.estimate import Fit, feols
from kruispunt.evaluate import _native
from kruispunt.exceptions import DesignWarning, InputError
from kruispunt.panel import Panel

__all__ = ["Structural", "TreatmentWeights", "marginal_structural", "treatment_weights"]


@dataclass(frozen=True, slots=True, weakref_slot=True)
class TreatmentWeights:
    """Stabilised weights of the rows of a panel; :func:`treatment_weights` makes it.

    Attributes
    ----------
    weights : ndarray
        One a row of the panel; NaN where a value is missing, now or before.
    by_period : table
        ``n``, ``mean`` (about 1), ``sd``, ``smallest``, ``largest``, ``effective`` by period.
    models : table
        One row a model of treatment: rows, events, the smallest chance of what happened.
    cautions : dict of str to str
        What a reader must know, by name.
    account : Account
        Which rows have a weight.
    """

    weights: NDArray[np.float64]
    by_period: Any
    models: Any
    cautions: dict[str, str]
    account: Account
    _shown: str = field(default="", repr=False, compare=False)

    def attach(self, panel: Panel, name: str = "treatment_weight") -> Panel:
        """Add the weights to the panel they were made from; rows without one are left out."""
        there = ~np.isnan(self.weights)
        whole = panel.with_column(name, np.where(there, self.weights, 1.0))
        return whole if there.all() else whole.filter(there, "no weight can be known")

    def __repr__(self) -> str:
        own = self.weights[~np.isnan(self.weights)]
        return (
            f"TreatmentWeights: {len(own)} rows, mean {own.mean():.3f}, "
            f"from {own.min():.3f} to {own.max():.3f}"
        )

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(repr(self))}</p>{self._shown}"


def treatment_weights(
    panel: Panel,
    treatment: str | Sequence[str],
    *,
    given: str,
    fixed: str = "1",
    dropout: bool = False,
    truncate: float | None = None,
    progress: bool | Callback | None = None,
) -> TreatmentWeights:
    r"""Weigh the rows of a panel so that treatment no longer depends on what drives it.

    With :math:`A_t` a treatment in period t, :math:`L_t` what drives it (and may have been changed
    by earlier treatment), :math:`V` what is fixed,

    .. math::

        w_{it} = \prod_{s \le t} \frac{P(A_s \mid A_{s-1}, V)}{P(A_s \mid A_{s-1}, L_s, V)}

    over all treatments. Chances are logits of their own for those treated and not treated the
    period before.

    Parameters
    ----------
    panel : Panel
        One row a person and a period.
    treatment : str or sequence of str
        Columns of 0 and 1 (missing: 0): whether treated in the period. Several may overlap.
    given : str
        What drives treatment, as the right-hand side of a formula, with what is fixed:
        ``"employed_lag1 + C(edu) | quarter"``.
    fixed : str
        What of it does not change in time: ``"C(edu) | quarter"``; it may stand in the outcome
        model. ``"1"`` for nothing.
    dropout : bool
        Whether those who stay are weighed for those who leave the registers, too.
    truncate : float, optional
        Weights beyond this share of either tail are set to where it begins.
    progress : bool or callable, optional
        As in :func:`kruispunt.progress`.

    Returns
    -------
    TreatmentWeights

    Raises
    ------
    InputError
        If a column or a right-hand side is wrong, or a treatment is neither 0 nor 1.
    EstimationError
        If what is given predicts treatment perfectly.

    Warns
    -----
    DesignWarning
        ``weights_off_one``, ``extreme_weights``, ``no_overlap``.

    References
    ----------
    Robins, J., Hernán, M. & Brumback, B. (2000). Marginal structural models and causal inference in
    epidemiology. *Epidemiology* 11, 550-560.

    Cole, S. & Hernán, M. (2008). Constructing inverse probability weights for marginal structural
    models. *American Journal of Epidemiology* 168, 656-664.

    Examples
    --------
    >>> random = np.random.default_rng(1)
    >>> panel = kp.Panel(
    ...     {
    ...         "person": np.repeat(np.arange(200), 6),
    ...         "quarter": list(kp.Calendar.quarters("2012Q1", "2013Q2").labels) * 200,
    ...         "trained": random.integers(0, 2, 1200), "record": random.normal(size=1200),
    ...         "days": random.normal(size=1200),
    ...     },
    ...     person="person", period="quarter",
    ... )
    >>> weights = kp.treatment_weights(panel, "trained", given="record")
    >>> len(weights.attach(panel)), weights.cautions
    (1200, {})
    """
    names = [treatment] if isinstance(treatment, str) else list(treatment)
    with reporting(progress) as callback:
        weights, periods, models, cautions, account = _core.treatment_weights(
            _native(panel), names, (given, fixed), dropout, truncate, callback
        )
    like = getattr(panel, "_like", None)
    from kruispunt.table import Table

    found = TreatmentWeights(
        weights,
        to_frame(periods, like),
        to_frame(models, like),
        dict(cautions),
        Account.from_json(account),
        Table.wrap(models)._repr_html_() + Table.wrap(periods)._repr_html_(),
    )
    for code, text in found.cautions.items():
        warnings.warn(f"{code}: {text}", DesignWarning, stacklevel=2)
    return found


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Structural:
    """A marginal structural model; :func:`marginal_structural` makes it.

    Attributes
    ----------
    fit : Fit or Hazard
        The weighted regression, clustered by person.
    weights : TreatmentWeights
        The weights behind it.
    """

    fit: Fit | Hazard
    weights: TreatmentWeights

    def __repr__(self) -> str:
        return f"{self.fit!r}\n{self.weights!r}"

    def _repr_html_(self) -> str:
        return f"<div>{self.fit._repr_html_()}{self.weights._repr_html_()}</div>"


def marginal_structural(
    fml: str,
    panel: Panel,
    *,
    treatment: str | Sequence[str],
    given: str,
    fixed: str = "1",
    model: Literal["linear", "logit", "cloglog"] = "linear",
    dropout: bool = False,
    truncate: float | None = None,
    person: str,
    progress: bool | Callback | None = None,
) -> Structural:
    """Estimate what treatments that change in time do, adjusting for what they change themselves.

    A regression of the outcome on treatment, in rows weighed by :func:`treatment_weights`: someone's
    record drives the next course and is changed by the last one, so that to put it among the
    regressors would take away part of the effect, and to leave it out would mix in selection.

    Parameters
    ----------
    fml : str
        The outcome on treatment and what is fixed: ``"employed ~ trained + C(edu) | quarter"``.
    panel : Panel
        One row a person and a period.
    treatment, given, fixed, dropout, truncate
        As in :func:`treatment_weights`.
    model : {"linear", "logit", "cloglog"}
        Least squares, or a hazard on rows at risk.
    person : str
        The column of persons, by which errors are clustered. They take the weights as known, which
        makes them too large rather than too small.
    progress : bool or callable, optional
        As in :func:`kruispunt.progress`.

    Returns
    -------
    Structural
        ``fit`` and ``weights``.

    Examples
    --------
    >>> random = np.random.default_rng(1)
    >>> panel = kp.Panel(
    ...     {
    ...         "person": np.repeat(np.arange(200), 6),
    ...         "quarter": list(kp.Calendar.quarters("2012Q1", "2013Q2").labels) * 200,
    ...         "trained": random.integers(0, 2, 1200), "record": random.normal(size=1200),
    ...         "days": random.normal(size=1200),
    ...     },
    ...     person="person", period="quarter",
    ... )
    >>> found = kp.marginal_structural(
    ...     "days ~ trained", panel, treatment="trained", given="record", person="person"
    ... )
    >>> list(found.fit.coef())
    ['Intercept', 'trained']
    """
    if model not in ("linear", "logit", "cloglog"):
        raise InputError(f'`model`: "{model}" is none of "linear", "logit", "cloglog"')
    weights = treatment_weights(
        panel, treatment, given=given, fixed=fixed, dropout=dropout, truncate=truncate,
        progress=progress,
    )  # fmt: skip
    weighted = weights.attach(panel)
    errors = {"CRV1": person}
    if model == "linear":
        return Structural(feols(fml, weighted, weights="treatment_weight", vcov=errors), weights)
    found = hazard(fml, weighted, link=model, weights="treatment_weight", vcov=errors)
    return Structural(found, weights)
