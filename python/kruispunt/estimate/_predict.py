"""What a fit says about rows: methods of :class:`Fit`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kruispunt._frames import IntoTable, to_frame, to_table
from kruispunt.exceptions import InputError
from kruispunt.table import Table

if TYPE_CHECKING:
    from kruispunt.estimate._fit import Fit

__all__ = ["bias_corrected", "marginal_effects", "predict", "update"]


def predict(  # noqa: PLR0917 - the order of pyfixest
    self: Fit,
    newdata: IntoTable | None = None,
    atol: float | None = None,
    btol: float | None = None,
    type: Literal["response", "link"] = "response",  # noqa: A002 - as in pyfixest
    se_fit: bool = False,  # noqa: FBT001, FBT002
    interval: Literal["prediction", "confidence"] | None = None,
    alpha: float = 0.05,
) -> Any:
    """Give the fitted values with effects, one a row of the sample (see :meth:`rows`).

    Parameters
    ----------
    newdata : data frame, optional
        Other rows to predict for; the outcome need not be among the columns. NaN where a
        column is missing or a level of a classification did not occur in the sample.
    atol, btol : float, optional
        Accepted as pyfixest's; effects are found to 1e-10 whatever they are.
    type : {"response", "link"}
        Of a generalised linear model: the mean of the outcome, or the linear predictor
        (pyfixest's default).
    se_fit : bool
        Whether to give the standard errors of the predictions in place of them, with the
        covariance of the fit; of least squares without effects.
    interval : {"prediction", "confidence"}, optional
        Whether to give a frame with ``fit``, ``se_fit``, ``ci_low`` and ``ci_high``: bounds
        for new observations, whose errors have one variance, or for their mean.
    alpha : float
        One minus the probability of the interval.

    Returns
    -------
    numpy.ndarray or data frame

    Examples
    --------
    >>> panel = {
    ...     "person": [7, 7, 9, 9],
    ...     "hours": [1.0, 2.0, 1.0, 3.0],
    ...     "wage": [10.0, 12.0, 20.0, 24.0],
    ... }
    >>> fit = kp.feols("wage ~ hours | person", panel)
    >>> fit.predict({"person": [9, 5], "hours": [5.0, 5.0]}).round(6)
    array([28., nan])
    >>> kp.feols("wage ~ hours", panel).predict(se_fit=True).round(2)
    array([4.55, 3.52, 4.55, 6.1 ])
    """
    del atol, btol
    if type not in ("response", "link"):
        message = f"`type`: {type!r} is not response or link"
        raise InputError(message)
    if interval not in (None, "prediction", "confidence"):
        message = f"`interval`: {interval!r} is not prediction or confidence"
        raise InputError(message)
    needed = self._native.predict_columns()
    if newdata is not None:
        table = to_table(newdata, needed, "newdata")
        fitted = self._native.predict_at(table, type == "response")
    elif type == "response":
        fitted = self._native.predict()
    else:
        fitted = self._native.predict_link()
    if not se_fit and interval is None:
        return fitted
    if newdata is None:
        if self._data is None:
            message = "`newdata`: give the table the fit was made from; it is not at hand"
            raise InputError(message)
        errors = self._native.predict_errors_at(to_table(self._data, needed, "data"))
        errors = errors[self.rows()]
    else:
        errors = self._native.predict_errors_at(table)
    if interval is None:
        return errors
    # the quantile of t that the intervals of coefficients have
    names, se = self._native.names, self._native.se()
    if not names or not se[0] > 0:
        message = "`interval`: the model has no coefficient with a standard error"
        raise InputError(message)
    low, high = self._native.confint(alpha)[0]
    quantile = (high - low) / 2 / se[0]
    spread = 0.0
    if interval == "prediction":
        residuals = self.resid()
        spread = float(residuals @ residuals) / (self.n_obs - len(names))
    reach = quantile * np.sqrt(errors**2 + spread)
    columns = {
        "fit": fitted, "se_fit": errors, "ci_low": fitted - reach, "ci_high": fitted + reach
    }  # fmt: skip
    return to_frame(Table(columns).native, self._like)


def marginal_effects(self: Fit) -> Fit:
    r"""Give average marginal effects, with standard errors by the delta method.

    .. math:: m_j = \beta_j \cdot \frac{1}{N} \sum_i \frac{d\mu(\eta_i)}{d\eta}

    Every regressor counts as a number of its own: the effect of a dummy is a slope, not a step,
    and an interaction is one regressor more. Effects swept out count as estimates, so that
    errors are those of a model with dummies.

    Returns
    -------
    Fit
        For ``tidy``, ``confint``, ``wald_test`` and ``etable``; without a sample.

    Raises
    ------
    InputError
        For least squares, whose coefficients are its marginal effects.

    Examples
    --------
    >>> panel = {"trained": [0, 0, 0, 0, 1, 1, 1, 1], "employed": [0, 1, 0, 0, 1, 1, 0, 1]}
    >>> fit = kp.feglm("employed ~ trained", panel, family="logit")
    >>> round(fit.marginal_effects().coef()["trained"], 4)
    0.412
    """
    return type(self)(self._native.marginal_effects(), None, self._like, self._before)


def bias_corrected(self: Fit) -> Fit:
    """Take out the bias that estimating effects from few observations brings.

    For logit, probit and complementary log-log with one effect or more, and regressors that do
    not depend on past outcomes (analytic correction). The covariance stays, since the
    correction is of smaller order.

    Returns
    -------
    Fit
        With corrected coefficients; without a sample.

    Raises
    ------
    InputError
        For other models, and without effects.

    References
    ----------
    Fernandez-Val, I. & Weidner, M. (2016). Individual and time effects in nonlinear panel
    models with large N, T. *Journal of Econometrics* 192(1), 291-312.

    Examples
    --------
    >>> panel = {
    ...     "person": [row // 4 for row in range(40)],
    ...     "hours": [float(row * 7 % 11) for row in range(40)],
    ...     "employed": [row * 5 % 13 % 2 for row in range(40)],
    ... }
    >>> fit = kp.feglm("employed ~ hours | person", panel, family="logit")
    >>> abs(fit.bias_corrected().coef()["hours"]) < abs(fit.coef()["hours"])
    True
    """
    return type(self)(self._native.bias_corrected(), None, self._like, self._before)


def update(
    self: Fit,
    X_new: ArrayLike,
    y_new: ArrayLike,
    inplace: bool = False,  # noqa: FBT001, FBT002
) -> NDArray[np.float64]:
    """Give the coefficients once more rows are in the sample, without reading it again.

    Each row changes the inverse of the cross-products by one product (Sherman & Morrison 1950). A
    fit stays what it was estimated from: standard errors, tests and the account of the longer table
    are those of :func:`feols` on it.

    Parameters
    ----------
    X_new : array_like, shape (m, k) or (m, k - 1)
        Regressors of the new rows in the order of :meth:`coef`; the intercept may be left out.
    y_new : array_like, shape (m,)
        Outcomes of the new rows. In a weighted fit they weigh 1.
    inplace : bool
        Must be ``False``.

    Returns
    -------
    array, shape (k,)

    Raises
    ------
    InputError
        For models with effects or instruments or not of least squares, columns that do not match,
        values that are not finite, and ``inplace=True``.

    References
    ----------
    Sherman, J. & Morrison, W. J. (1950). Adjustment of an inverse matrix corresponding to a change
    in one element of a given matrix. *Annals of Mathematical Statistics* 21(1), 124-127.

    Examples
    --------
    >>> fit = kp.feols("wage ~ hours", {"hours": [1.0, 2.0, 3.0], "wage": [1.0, 2.0, 3.0]})
    >>> fit.update([[4.0]], [4.0]).round(9) + 0.0
    array([0., 1.])
    """
    if inplace:
        message = "`inplace`: a fit does not change; estimate on the longer table"
        raise InputError(message)
    x = np.asarray(X_new, dtype=np.float64)
    y = np.asarray(y_new, dtype=np.float64).ravel()
    names = self.native.names
    if x.ndim != 2 or len(x) != len(y):
        message = f"`X_new`: expected one row for each of {len(y)} outcomes, got shape {x.shape}"
        raise InputError(message)
    if x.shape[1] == len(names) - 1 and "Intercept" in names:
        x = np.insert(x, names.index("Intercept"), 1.0, axis=1)
    if x.shape[1] != len(names):
        message = (
            f"`X_new`: {x.shape[1]} columns for {len(names)} coefficients ({', '.join(names)})"
        )
        raise InputError(message)
    return self.native.updated(x.ravel().tolist(), y.tolist())
