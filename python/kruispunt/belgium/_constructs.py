"""Constructs of labour-market research, each with a definition card."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kruispunt import _core
from kruispunt._frames import IntoTable, to_table
from kruispunt.linked import Register
from kruispunt.panel import Panel
from kruispunt.table import to_numpy

__all__ = ["asylum_access", "cards", "day_wage", "obligation", "stable_employment"]


def cards() -> dict[str, dict[str, str]]:
    """Give the definition card of every construct, for a methods section.

    Returns
    -------
    dict of dict
        By name of the function: ``definition``, ``limits``, ``source``.

    Examples
    --------
    >>> print(kp.belgium.cards()["day_wage"]["source"])
    definition of the wage variable of the national office (quarterly statistics)
    """
    names = ("definition", "limits", "source")
    return {name: dict(zip(names, rest, strict=True)) for name, *rest in _core.construct_cards()}


def day_wage(
    jobs: IntoTable,
    *,
    pay: str = "wage_ord",
    lump: str | None = "wage_lump",
    days: str = "days_ft",
    hours: str = "hours_pt",
) -> NDArray[np.float64]:
    """Compute the gross day wage of each job line.

    Full-time: (ordinary pay + lump-sum pay) / paid days. Part-time: 7.6 (ordinary pay + lump-sum
    pay) / paid hours, the wage of a full-time day at 38 hours a week. No paid work: 0.

    Parameters
    ----------
    jobs : data frame, mapping, Table, Spells or Panel
        One row a job line.
    pay, lump : str
        Pay in euro a quarter; ``lump=None`` when there is no lump-sum pay.
    days : str
        Paid days of a full-timer; 0 or missing for a part-timer.
    hours : str
        Paid hours of a part-timer.

    Returns
    -------
    ndarray of float, shape (n,)
        Euro a day; NaN where pay is missing.

    Examples
    --------
    >>> jobs = {"wage_ord": [6500.0, 3000.0], "days_ft": [65.0, 0.0], "hours_pt": [0.0, 228.0]}
    >>> kp.belgium.day_wage(jobs, lump=None)
    array([100., 100.])
    """
    names = [pay, days, hours] if lump is None else [pay, lump, days, hours]
    wage = _core.wage_a_day(to_table(jobs, names, "jobs"), pay, lump, days, hours)
    return np.asarray(to_numpy(wage), dtype=np.float64)


def stable_employment(
    panel: Panel,
    employed: str = "employed",
    *,
    quarters: int = 4,
    days: tuple[str, float] | None = None,
    exclude: str | Sequence[str] = (),
) -> Panel:
    """Mark stable regular employment.

    A person-quarter is in stable employment when it belongs to a run of at least `quarters`
    consecutive periods, each in regular work with enough paid days. A period without a row breaks a
    run.

    Parameters
    ----------
    panel : Panel
        Person x period.
    employed : str
        True (1) in periods with work.
    quarters : int
        Consecutive periods needed.
    days : (str, float), optional
        A column of paid days, and how many a period needs.
    exclude : str or sequence of str
        Columns that are true in periods that do not count: trainees, students, subsidised work.

    Returns
    -------
    Panel
        With ``stable``, ``stable_run`` (periods of the run so far) and ``stable_censored`` (the run
        is too short and touches the first or last period seen of the person).

    Examples
    --------
    >>> rows = {"pid": [7] * 4, "q": ["2012Q1", "2012Q2", "2012Q3", "2012Q4"], "work": [1, 1, 0, 1]}
    >>> panel = kp.Panel(rows, person="pid", period="q")
    >>> kp.belgium.stable_employment(panel, "work", quarters=2)["stable"]
    array([ True,  True, False, False])
    """
    out = [exclude] if isinstance(exclude, str) else list(exclude)
    native = _core.stable_employment(panel.native, employed, quarters, days, out)
    return panel._new(native)


def asylum_access(claims: Any, rules: IntoTable | None = None) -> NDArray[np.datetime64]:
    """Say from when an asylum seeker without a decision may work.

    The first day on which a rule in force lets a claim of that age work: six months from January
    2010 on, four from 9 November 2015 on, not at all between June 2007 and January 2010.

    Parameters
    ----------
    claims : array of dates, shape (n,)
        The day of the claim; NaT where there is none.
    rules : data frame, mapping or Table, optional
        Other rules, one row each: ``from``, ``to`` (both included; missing when the rule still
        holds) and ``months`` or ``days`` that a claim must be old (missing: no access). By default
        those of ``kp.belgium.codes("asylum_access")``.

    Returns
    -------
    ndarray of datetime64[D], shape (n,)
        NaT where no rule ever gives access.

    Raises
    ------
    InputError
        If `claims` are no dates, or a rule has no first day, ends before it starts, or has both
        months and days.

    Examples
    --------
    >>> kp.belgium.asylum_access(np.array(["2012-01-15", "2015-06-01"], dtype="datetime64[D]"))
    array(['2012-07-15', '2015-11-09'], dtype='datetime64[D]')

    A register that counts days:

    >>> days = {"from": ["2010-01-12", "2015-11-09"], "to": ["2015-11-08", None], "days": [180, 120]}
    >>> kp.belgium.asylum_access(np.array(["2012-01-15"], dtype="datetime64[D]"), days)
    array(['2012-07-13'], dtype='datetime64[D]')
    """
    column = to_table({"claims": claims}, argument="claims").column("claims", "claims")
    own = None if rules is None else to_table(rules, argument="rules")
    return to_numpy(_core.access_to_work(column, own))


def obligation(
    data: IntoTable,
    *,
    person: str = "pid",
    nationality: str,
    reason: str,
    birth_date: str,
    arrival: str,
    settled: str | None = None,
) -> Register:
    """Say who must, and who may, follow civic integration in Flanders.

    Parameters
    ----------
    data : data frame, mapping or Table
        One row a person.
    person : str
        The column of identifiers.
    nationality : str
        The nationality at arrival: register or ISO codes.
    reason : str
        The reason of stay, codes of IT202 (1 family, 2 protection, 3 regularisation, 4 worker, ...).
    birth_date, arrival : str
        Birth and first registration in Belgium.
    settled : str, optional
        First registration in Flanders, for those who came from another region.

    Returns
    -------
    Register
        The identifier, ``doelgroep`` (``verplicht``, ``rechthebbend``), ``nt2_level`` (the level of
        Dutch an obligation asks for) and ``doelgroep_reason`` (why there is no answer).

    Examples
    --------
    >>> one = {"pid": [1], "nat": ["MA"], "why": ["1"], "born": ["1985-01-01"], "came": ["2016-03-01"]}
    >>> columns = {"nationality": "nat", "reason": "why", "birth_date": "born", "arrival": "came"}
    >>> kp.belgium.obligation(one, **columns).to_frame()["nt2_level"]
    array(['A2'], dtype=object)
    """
    columns = [nationality, reason, birth_date, arrival]
    names = [person, *columns] if settled is None else [person, *columns, settled]
    table = to_table(data, list(dict.fromkeys(names)))
    return Register(_core.integration_obligation(table, person, columns, settled), data)
