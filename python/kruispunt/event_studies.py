"""Event studies that were estimated elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kruispunt import _core
from kruispunt.evaluate import Effects
from kruispunt.exceptions import InputError

__all__ = ["event_study"]


def event_study(
    events: Sequence[int],
    estimates: Sequence[float] | NDArray[np.float64],
    vcov: Sequence[Sequence[float]] | NDArray[np.float64],
    *,
    reference: int = -1,
    unit: Literal["quarter", "month", "year"] = "year",
) -> Effects:
    """Give estimates of another source as :class:`Effects`, for bounds, bands, power and plots.

    Parameters
    ----------
    events : sequence of int, shape (k,)
        Periods since treatment, in any order, without the reference period.
    estimates : array, shape (k,)
        Coefficients.
    vcov : array, shape (k, k)
        Their covariance.
    reference : int
        The period that the others are measured from.
    unit : {"quarter", "month", "year"}
        What a period is.

    Returns
    -------
    Effects
        One row an event time, the reference included.

    Raises
    ------
    InputError
        If event times repeat or contain `reference`, sizes do not fit, a number is not finite, or
        `vcov` is no covariance.

    Examples
    --------
    >>> event = kp.event_study([-3, -2, 0, 1], [0.01, -0.02, 0.30, 0.40], 0.01 * np.eye(4))
    >>> bounds = event.honest("rm", m=[1.0])
    >>> bool(np.asarray(bounds["conf_low"])[0] < 0.30 < np.asarray(bounds["conf_high"])[0])
    True
    """
    for event in (*events, reference):
        if isinstance(event, bool) or not isinstance(event, (int, np.integer)):
            message = f"`events`: expected whole numbers, got {event!r}"
            raise InputError(message)
    native = _core.event_study(
        [int(event) for event in events],
        [float(value) for value in np.ravel(np.asarray(estimates, dtype=np.float64))],
        [float(value) for value in np.ravel(np.asarray(vcov, dtype=np.float64))],
        int(reference),
        unit,
    )
    return Effects(native)
