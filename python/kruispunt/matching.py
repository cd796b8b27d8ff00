"""What a programme did to those who started it: dynamic matching in risk sets."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np

from kruispunt import _core
from kruispunt._progress import Callback, reporting
from kruispunt.evaluate import Effects, _native
from kruispunt.exceptions import DesignWarning, InputError
from kruispunt.panel import Panel

__all__ = ["dynamic_matching"]


def dynamic_matching(
    panel: Panel,
    outcome: str,
    *,
    eligible: str,
    treatment: str = "cohort",
    kind: tuple[str, str] | None = None,
    exact: str | Sequence[str] = (),
    horizons: Iterable[int] = range(1, 17),
    duration: int | None = None,
    against: Literal["waiting", "never"] = "waiting",
    absent: float | None = None,
    progress: bool | Callback | None = None,
) -> Effects:
    r"""Compare those who start a treatment now with those of the same risk set who do not.

    In each period the risk set holds the persons who are eligible and were not treated before.
    Cells are equal in the period, in how long a person has been eligible without a break, and in
    the columns `exact`. With :math:`n_{1c}` starters in cell :math:`c`,

    .. math::

        ATT(e) = \sum_c n_{1c} (\bar y_{1c,q+e} - \bar y_{0c,q+e}) / \sum_c n_{1c}

    over cells with starters and controls: the coefficient of a regression with an effect for each
    cell in which a control weighs :math:`n_{1c}/n_{0c}`. Errors are clustered by person; controls
    that are alone in their cell get the mean variance of the others.

    Parameters
    ----------
    panel : Panel
        One row a person and a period.
    outcome : str
        The outcome: numbers or truth values.
    eligible : str
        Whether the person could start in the period: truth values, or 0 and 1 (missing: no).
    treatment : str
        The period of the person's first treatment, missing for never, as
        :meth:`Panel.event_time` adds it.
    kind : (str, str), optional
        A column and its value: only treatments of that kind. Who begins another kind in a period
        is neither treated nor a control in it.
    exact : str or sequence of str
        Columns that must be equal within a cell. A missing value is a value of its own.
    horizons : iterable of int
        Periods since the start at which the outcome is looked at; negative ones look back and
        should show nothing.
    duration : int, optional
        Durations of so many periods and more are one. Without it, spells that began before the
        panel are left out, since nobody knows how long they last.
    against : {"waiting", "never"}
        Compare with all who do not start in the period, though perhaps later; or only with those
        who never do, which conditions on the future.
    absent : float, optional
        The outcome of persons without a row or a value at the horizon: who is abroad or dead is
        not employed, 0. By default they are left out at that horizon.
    progress : bool or callable, optional
        As in :func:`kruispunt.progress`.

    Returns
    -------
    Effects
        One row a horizon, with the covariance of all; :meth:`Effects.bands` gives a band for the
        whole path.

    Raises
    ------
    InputError
        If a column is missing or of the wrong type, an outcome is not finite, the treatment varies
        within a person, or nobody starts from a risk set.
    EstimationError
        If no starter has a control in the same cell.

    Warns
    -----
    DesignWarning
        For each caution: starters without control, controls chosen by their future, few persons.

    References
    ----------
    Sianesi, B. (2004). An evaluation of the Swedish system of active labor market programs in the
    1990s. *Review of Economics and Statistics* 86(1), 133-155.

    Fredriksson, P. & Johansson, P. (2008). Dynamic treatment assignment. *Journal of Business &
    Economic Statistics* 26(4), 435-445.

    Examples
    --------
    >>> import warnings
    >>> panel = kp.Panel(
    ...     {
    ...         "person": [1, 1, 1, 2, 2, 2, 3, 3, 3],
    ...         "quarter": ["2012Q1", "2012Q2", "2012Q3"] * 3,
    ...         "seeking": [0, 1, 0, 0, 1, 1, 0, 1, 0],
    ...         "cohort": ["2012Q2"] * 3 + [None] * 6,
    ...         "employed": [1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0],
    ...     },
    ...     person="person", period="quarter",
    ... )
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", kp.exceptions.DesignWarning)  # three persons are few
    ...     effects = kp.dynamic_matching(panel, "employed", eligible="seeking", horizons=[1])
    >>> effects.estimates
    array([0.5])
    """
    native_panel = _native(panel)
    if duration is not None and not 1 <= _whole("duration", duration) < 2**31:
        raise InputError(f"`duration`: expected at least 1 period, got {duration}")
    matching = {
        "outcome": outcome,
        "treatment": treatment,
        "eligible": eligible,
        "kind": None if kind is None else _kind(kind),
        "exact": [exact] if isinstance(exact, str) else list(exact),
        "horizons": [_whole("horizons", one) for one in horizons],
        "duration": duration,
        "against": against,
        "absent": absent,
    }
    with reporting(progress) as callback:
        native = _core.dynamic_matching(native_panel, matching, callback)
    effects = Effects(native, getattr(panel, "_like", None))
    for code, text in effects.cautions.items():
        warnings.warn(f"{code}: {text}", DesignWarning, stacklevel=2)
    return effects


def _kind(kind: Any) -> tuple[str, str]:
    if not (isinstance(kind, tuple | list) and len(kind) == 2):
        raise InputError('`kind`: expected a column and a value, such as ("type", "GCT")')
    return str(kind[0]), str(kind[1])


def _whole(argument: str, value: Any) -> int:
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or abs(int(value)) >= 2**31:
        raise InputError(f"`{argument}`: expected a whole number of periods, got {value!r}")
    return int(value)
