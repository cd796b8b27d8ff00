"""Several hypotheses at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kruispunt._frames import to_frame
from kruispunt.estimate._fit import Fit
from kruispunt.estimate._fits import Fits
from kruispunt.exceptions import InputError
from kruispunt.table import Table

__all__ = ["rwolf"]


def rwolf(
    models: Fits | Sequence[Fit],
    param: str,
    reps: int = 9_999,
    seed: int | None = None,
    *,
    cluster: str | None = None,
    **options: Any,
) -> Any:
    r"""Correct the p values of one coefficient in several regressions (Romano & Wolf).

    .. math:: p_{(j)} = \max_{i \le j} \frac{1 + \#\{\max_{k \ge i} |t^*_{(k)}| \ge |t_{(i)}|\}}
              {1 + B}, \qquad |t_{(1)}| \ge |t_{(2)}| \ge \dots

    The probability of one false rejection or more is held at the level, and the dependence between
    the regressions is used: every regression gets the same draws of the wild cluster bootstrap
    (:meth:`Fit.wildboottest`). Where all vectors of signs are taken, the count is not increased by
    one.

    Parameters
    ----------
    models : Fits or sequence of Fit
        Least squares on the same rows.
    param : str
        The coefficient.
    reps : int
        Bootstrap samples.
    seed : int, optional
        Of the draws.
    cluster : str, optional
        The cluster variable; by default the one each fit is clustered by.
    **options
        ``weights_type``, ``impose_null``, ``bootstrap_type`` of :meth:`Fit.wildboottest`.

    Returns
    -------
    data frame
        One row a model: ``model``, ``Estimate``, ``t value``, ``Pr(>|t|)`` of the bootstrap, and
        ``RW Pr(>|t|)``.

    Raises
    ------
    InputError
        When the models do not rest on the same rows, and as :meth:`Fit.wildboottest`.

    References
    ----------
    Romano, J. P. & Wolf, M. (2005). Stepwise multiple testing as formalized data snooping.
    *Econometrica* 73(4), 1237-1282.

    Clarke, D., Romano, J. P. & Wolf, M. (2020). The Romano-Wolf multiple-hypothesis correction in
    Stata. *Stata Journal* 20(4), 812-843.

    Examples
    --------
    >>> panel = {
    ...     "region": [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5],
    ...     "trained": [0, 0, 0, 0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 1, 1],
    ...     "wage": [10, 11, 12, 20, 22, 24, 14, 13, 17, 9, 12, 10, 15, 18, 16],
    ...     "hours": [30, 38, 32, 40, 36, 38, 20, 38, 38, 19, 38, 30, 38, 38, 30],
    ... }
    >>> fits = kp.feols("wage + hours ~ trained", panel, vcov={"CRV1": "region"})
    >>> table = kp.rwolf(fits, "trained", 999)
    >>> list(table)[-1], len(table["model"])
    ('RW Pr(>|t|)', 2)
    """
    fits = list(models)
    if not fits:
        message = "`models`: there are none"
        raise InputError(message)
    rows = fits[0].rows()
    for at, fit in enumerate(fits):
        if not np.array_equal(rows, fit.rows()):
            message = f"`models`: model {at} does not rest on the rows that model 0 rests on"
            raise InputError(message)
    tested = [
        fit.wildboottest(
            reps, cluster, param, seed=seed, return_bootstrapped_t_stats=True, **options
        )
        for fit in fits
    ]
    t = np.array([found["t value"] for found, _ in tested])
    draws = np.abs(np.column_stack([own for _, own in tested]))
    order = np.argsort(-np.abs(t), kind="stable")
    # the largest of a hypothesis and of all that come after it, draw by draw
    largest = np.maximum.accumulate(draws[:, order[::-1]], axis=1)[:, ::-1]
    extra = 0 if tested[0][0]["enumerated"] else 1
    farther = np.sum(largest >= np.abs(t)[order] * (1 - 1e-10), axis=0)
    stepped = np.maximum.accumulate((extra + farther) / (extra + len(draws)))
    adjusted = np.empty(len(fits))
    adjusted[order] = stepped
    table = Table(
        {
            "model": [fit.formula for fit in fits],
            "Estimate": [fit.coef()[param] for fit in fits],
            "t value": t,
            "Pr(>|t|)": [found["Pr(>|t|)"] for found, _ in tested],
            "RW Pr(>|t|)": adjusted,
        }
    )
    return to_frame(table.native, fits[0].like)
