"""Gaps between groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from kruispunt import _core
from kruispunt._frames import IntoTable, to_table
from kruispunt.linked import Register
from kruispunt.panel import Panel

__all__ = ["gap"]

GapMethod = Literal["raw", "standardised", "kitagawa", "oaxaca_blinder"]


def gap(
    data: IntoTable,
    outcome: str,
    group: str | Sequence[str],
    *,
    reference: str,
    method: GapMethod = "raw",
    adjust: str | Sequence[str] = (),
    by: str | Sequence[str] = (),
    weights: str | None = None,
    cluster: str | None = None,
    level: float = 0.95,
) -> Register:
    """Measure the gap in an outcome between groups, and take it apart.

    The raw gap is ``mean(y | group) - mean(y | reference)``. Kitagawa's decomposition over cells
    ``c`` of the characteristics, with compositions ``p`` and means ``m``::

        rate        = sum_c (p_gc + p_rc) / 2 * (m_gc - m_rc)
        composition = sum_c (p_gc - p_rc) * (m_gc + m_rc) / 2

    Direct standardisation weighs the rates by the reference's composition. Oaxaca-Blinder splits
    the gap at the reference's coefficients: ``explained = (x_g - x_r)' b_r``.

    Parameters
    ----------
    data : data frame, mapping, Table or Panel
        One row a person, or a person and a period.
    outcome : str
        A number or a truth value.
    group : str or sequence of str
        The column of groups; each is compared with the reference. A sequence gives the gaps under
        several rules side by side: each column is a rule that says who is in which group, as
        :func:`kruispunt.belgium.origin` does.
    reference : str
        The reference group.
    method : {"raw", "standardised", "kitagawa", "oaxaca_blinder"}
        How the gap is taken apart.
    adjust : str or sequence of str
        Characteristics. Crossed into cells for standardisation and Kitagawa; in Oaxaca-Blinder
        numbers as they are, other columns by level.
    by : str or sequence of str
        A gap for each value: quarter, cohort, sex.
    weights : str, optional
        A column of weights above 0.
    cluster : str, optional
        Rows of one cluster may depend on each other; by default the person of a panel.
    level : float
        Of the intervals.

    Returns
    -------
    Register
        A row for each value of `by`, group and component (``gap``; ``rate``, ``composition``,
        ``off_support``; ``explained``, ``unexplained``, ``explained:<column>``): ``estimate``,
        ``se``, ``low``, ``high``, ``n_group``, ``n_reference``, ``clusters`` and ``note``.
        ``off_support`` is what cells with one of the two groups only add to the gap; rate and
        composition are those of the others. Under several rules ``rule`` names the column before
        them. The account counts the rows left out, rule by rule.

    Raises
    ------
    InputError
        If the reference does not occur, or a column is missing.

    References
    ----------
    Kitagawa, E. M. (1955). Components of a difference between two rates. *JASA* 50(272). Oaxaca, R.
    (1973). *International Economic Review* 14(3). Blinder, A. S. (1973). *Journal of Human
    Resources* 8(4).

    Examples
    --------
    >>> people = {
    ...     "employed": [1, 1, 1, 0, 1, 0, 0, 0],
    ...     "origin": ["BE"] * 4 + ["MA"] * 4,
    ...     "edu": ["H", "H", "L", "L", "H", "L", "L", "L"],
    ... }
    >>> found = kp.gap(
    ...     people, "employed", "origin", reference="BE", method="kitagawa", adjust="edu"
    ... ).to_frame()
    >>> dict(zip(found["component"].tolist(), found["estimate"].round(4).tolist()))
    {'gap': -0.5, 'rate': -0.3125, 'composition': -0.1875, 'off_support': 0.0}

    Two rules for a person of whom one parent is unknown:

    >>> people["broad"] = ["BE"] * 3 + [None] + ["MA"] * 4
    >>> rules = kp.gap(people, "employed", ["origin", "broad"], reference="BE").to_frame()
    >>> rules["rule"].tolist(), rules["estimate"].tolist()
    (['origin', 'broad'], [-0.5, -0.75])
    """
    adjusting = [adjust] if isinstance(adjust, str) else list(adjust)
    splitting = [by] if isinstance(by, str) else list(by)
    if cluster is None and isinstance(data, Panel):
        cluster = data.native.person
    groups = [group] if isinstance(group, str) else list(group)
    names = [outcome, *groups, *adjusting, *splitting]
    names += [name for name in (weights, cluster) if name is not None]
    table = to_table(data, list(dict.fromkeys(names)))
    native = _core.gap(
        table, outcome, groups, not isinstance(group, str), reference, method, adjusting, splitting,
        weights, cluster, level,
    )  # fmt: skip
    return Register(native, getattr(data, "_like", data))
