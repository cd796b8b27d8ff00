"""Which covariance, read from Python's forms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from kruispunt.exceptions import InputError

__all__ = ["VcovType", "corrections", "read_vcov", "ssc"]

VcovType: TypeAlias = str | Mapping[str, str] | None
"""``"iid"``, ``"hetero"``, ``"HC1"``, ``"HC2"``, ``"HC3"``, ``{"CRV1": "person"}``,
``{"CRV1": "a+b"}``, ``{"CRV2": "person"}``, ``{"CRV3": "person"}``, ``"NW"``, ``"DK"`` and
``"conley"`` (with ``vcov_kwargs``)."""

_OPTIONS = ("time_id", "panel_id", "lag")
_SPACE = ("lat", "lon", "cutoff", "distance", "kernel")
_KM = {"km": 1.0, "mi": 1.609344}


def read_vcov(vcov: Any, vcov_kwargs: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Give the kind of covariance, its variables and its lag."""
    options = dict(vcov_kwargs or {})
    if vcov in ("NW", "DK"):
        return {"kind": vcov, "space": None, **_periods(options)}
    if vcov == "conley":
        return {"kind": vcov, "lag": None, **_space(options)}
    if options:
        message = f"`vcov_kwargs`: {', '.join(map(repr, options))} means nothing for {vcov!r}"
        raise InputError(message)
    if vcov is None:
        return {"kind": "iid", "variables": [], "lag": None, "space": None}
    if isinstance(vcov, str):
        return {"kind": vcov, "variables": [], "lag": None, "space": None}
    if isinstance(vcov, Mapping) and len(vcov) == 1:
        kind, variables = next(iter(vcov.items()))
        if isinstance(variables, str):
            names = [name.strip() for name in variables.split("+")]
            if kind in ("CRV1", "CRV2", "CRV3") and all(names):
                return {"kind": kind, "variables": names, "lag": None, "space": None}
    message = (
        f'`vcov`: {vcov!r} is not "iid", "hetero", "HC1", "HC2", "HC3", "NW", "DK", "conley", '
        f'{{"CRV1": "person"}}, {{"CRV1": "person+quarter"}}, {{"CRV2": "person"}} or '
        f'{{"CRV3": "person"}}'
    )
    raise InputError(message)


def _periods(options: Mapping[str, Any]) -> dict[str, Any]:
    """Read what Newey-West and Driscoll-Kraay are told."""
    for name in options:
        if name not in _OPTIONS:
            message = f"`vcov_kwargs`: there is no option {name!r}; there are {', '.join(_OPTIONS)}"
            raise InputError(message)
    time, panel, lag = (options.get(name) for name in _OPTIONS)
    if not isinstance(time, str):
        message = "`vcov_kwargs`: `time_id` names the column of periods; it is missing"
        raise InputError(message)
    if lag is not None and not (isinstance(lag, int) and lag >= 0):
        message = f"`vcov_kwargs`: `lag` is a whole number of periods, not {lag!r}"
        raise InputError(message)
    if panel is not None and not isinstance(panel, str):
        message = f"`vcov_kwargs`: `panel_id` names the column of units, not {panel!r}"
        raise InputError(message)
    return {"variables": [time] if panel is None else [time, panel], "lag": lag}


def _space(options: Mapping[str, Any]) -> dict[str, Any]:
    """Read what Conley's covariance is told."""
    for name in options:
        if name not in _SPACE:
            message = f"`vcov_kwargs`: there is no option {name!r}; there are {', '.join(_SPACE)}"
            raise InputError(message)
    lat, lon, cutoff = (options.get(name) for name in _SPACE[:3])
    if not (isinstance(lat, str) and isinstance(lon, str)):
        message = "`vcov_kwargs`: `lat` and `lon` name the columns of degrees"
        raise InputError(message)
    unit = 1.0
    if isinstance(cutoff, str):
        text = cutoff.strip().lower()
        unit = _KM.get(text[-2:], 0.0)
        cutoff = text[:-2]
    try:
        reach = float(cutoff) * unit  # type: ignore[arg-type]
    except (TypeError, ValueError):
        reach = 0.0
    if not reach > 0:
        message = f"`vcov_kwargs`: `cutoff` is a distance: 100 (km) or '60mi', not {cutoff!r}"
        raise InputError(message)
    distance, kernel = options.get("distance", "triangular"), options.get("kernel", "uniform")
    return {"variables": [lat, lon], "space": (reach, str(distance), str(kernel))}


_OLD_NAMES = {
    "adj": "k_adj", "fixef_k": "k_fixef", "cluster_adj": "G_adj", "cluster_df": "G_df"
}  # fmt: skip


def ssc(
    *,
    k_adj: bool = True,
    k_fixef: Literal["none", "nonnested", "full"] = "nonnested",
    G_adj: bool = True,
    G_df: Literal["min", "conventional"] = "min",
    **old: Any,
) -> dict[str, Any]:
    r"""Choose small-sample corrections of the covariance.

    .. math:: V = \frac{N - 1}{N - K} \cdot \frac{G}{G - 1} \cdot B M B

    Parameters
    ----------
    k_adj : bool
        Whether to correct by :math:`(N-1)/(N-K)`.
    k_fixef : {"nonnested", "none", "full"}
        Which effects count in :math:`K`: those not nested in a cluster variable, none, or all.
    G_adj : bool
        Whether to correct by :math:`G/(G-1)` when clustered.
    G_df : {"min", "conventional"}
        With several cluster variables, :math:`G` is the smallest number of clusters for all
        summands, or each summand's own.
    **old
        The older names of pyfixest: ``adj``, ``fixef_k``, ``cluster_adj``, ``cluster_df``.

    Returns
    -------
    dict
        For the argument ``ssc`` of :func:`feols`.

    Examples
    --------
    >>> kp.ssc(k_fixef="full")["k_fixef"]
    'full'
    """
    chosen = {"k_adj": k_adj, "k_fixef": k_fixef, "G_adj": G_adj, "G_df": G_df}
    for name, value in old.items():
        if name not in _OLD_NAMES:
            message = f"`ssc`: there is no correction {name!r}; there are {', '.join(chosen)}"
            raise InputError(message)
        chosen[_OLD_NAMES[name]] = value
    return chosen


def corrections(chosen: Mapping[str, Any] | None) -> tuple[bool, str, bool, str]:
    full = ssc(**(chosen or {}))
    return bool(full["k_adj"]), str(full["k_fixef"]), bool(full["G_adj"]), str(full["G_df"])
