"""Time since arrival, leave, programme paths, families, identifiers and code lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from kruispunt import _core
from kruispunt._frames import IntoTable, to_frame, to_table
from kruispunt.exceptions import InputError
from kruispunt.linked import Register
from kruispunt.panel import Panel, Spells, Timeline

__all__ = [
    "codes",
    "family_origin",
    "identifiers",
    "leave_eligibility",
    "nis_crosswalk",
    "programme_paths",
    "since_arrival",
    "work_access",
]


def since_arrival(panel: Panel, residence: Spells | Timeline, *, absence: int = 365) -> Panel:
    """Add quarters since arrival and since the latest entry.

    Parameters
    ----------
    panel : Panel
        Person x period.
    residence : Spells or Timeline
        When persons were registered.
    absence : int
        A registration after more than so many days without one is a new entry; a shorter absence
        is none.

    Returns
    -------
    Panel
        As of the last day of each period: ``since_arrival`` and ``since_entry`` (periods; missing
        before the arrival), ``entries``, ``periods_present`` (on whose last day the person was
        registered) and ``here_before`` (true for persons registered before the calendar begins).

    Examples
    --------
    >>> panel = kp.Panel(
    ...     {"pid": [7] * 3, "q": ["2012Q1", "2012Q2", "2012Q3"]}, person="pid", period="q"
    ... )
    >>> home = {"pid": [7, 7], "from": ["2010-05-01", "2012-08-01"], "to": ["2011-01-31", None]}
    >>> home = kp.Spells(home, person="pid", start="from", end="to")
    >>> kp.belgium.since_arrival(panel, home)["since_entry"].tolist()
    [7, 8, 0]
    """
    given: Any = absence
    if isinstance(given, bool) or not isinstance(given, int) or given < 0:
        raise InputError(f"`absence`: expected a number of days from 0 on, got {given!r}")
    return panel._new(panel.native.since_entry(_native(residence, "residence"), absence))


def leave_eligibility(
    panel: Panel,
    jobs: Spells | Timeline,
    *,
    employer: str = "employer",
    days: int = 365,
    months: int = 15,
    name: str = "leave",
) -> Panel:
    """Add who may take leave by seniority: enough days with the present employer.

    Parameters
    ----------
    panel : Panel
        Person x period.
    jobs : Spells or Timeline
        Jobs, with their employer.
    employer : str
        The column of employers.
    days, months : int
        At least so many days with the employer of the reference day, of the `months` months that
        end on it. By default twelve months of fifteen.
    name : str
        What the column is called.

    Returns
    -------
    Panel
        With ``<name>`` (true or false) and ``<name>_days`` (missing without a job that day).

    Examples
    --------
    >>> panel = kp.Panel({"pid": [7, 7], "q": ["2012Q2", "2012Q4"]}, person="pid", period="q")
    >>> jobs = kp.Spells(
    ...     {"pid": [7], "from": ["2011-10-01"], "to": [None], "employer": [12]},
    ...     person="pid", start="from", end="to",
    ... )
    >>> kp.belgium.leave_eligibility(panel, jobs)["leave"]
    array([False,  True])
    """
    native = _core.eligible_for_leave(
        panel.native, _native(jobs, "jobs"), employer, days, months, name
    )
    return panel._new(native)


def work_access(
    panel: Panel, grounds: Sequence[Spells | Timeline], *, name: str = "access"
) -> Panel:
    """Add on which ground persons may work: by nationality, by a permit, by a waiting rule.

    Parameters
    ----------
    panel : Panel
        Person x period.
    grounds : sequence of Spells or Timeline
        Registers of different names, the ground that is shown first before the others: times of
        free access (nationality, recognised status), granted permits, times from the day of access
        of a claim on (:func:`asylum_access`). A ground holds on each day of its spells.
    name : str
        What the column is called.

    Returns
    -------
    Panel
        With ``<name>`` (true or false on the reference day), ``<name>_by`` (the first ground that
        holds that day, by the name of its register; missing without one) and ``<name>_days`` (days
        of the period on which any ground holds).

    Raises
    ------
    InputError
        If there is no ground, two have one name, or their columns of one name have different types.

    Examples
    --------
    >>> panel = kp.Panel({"pid": [7, 7], "q": ["2015Q3", "2015Q4"]}, person="pid", period="q")
    >>> claim = kp.Spells({"pid": [7], "from": ["2015-11-09"], "to": [None]}, person="pid",
    ...                   start="from", end="to", name="claim")
    >>> permit = kp.Spells({"pid": [7], "from": ["2015-12-01"], "to": ["2016-11-30"]}, person="pid",
    ...                    start="from", end="to", name="permit")
    >>> may = kp.belgium.work_access(panel, [permit, claim])
    >>> may["access_by"].tolist(), may["access_days"].tolist()
    ([None, 'permit'], [0, 53])
    """
    listed = list(grounds)
    natives = [_native(one, f"grounds[{at}]") for at, one in enumerate(listed)]
    return panel._new(_core.work_grounds(panel.native, natives, name))


def programme_paths(stages: Mapping[str, Spells | Timeline]) -> Register:
    """Say which way persons went through the stages of a programme.

    Parameters
    ----------
    stages : mapping of str to Spells or Timeline
        The stages in the order in which the programme means them: integration, employment service,
        training, job.

    Returns
    -------
    Register
        One row a person: ``first_<stage>`` (its first day), ``path`` (the stages in the order in
        which they began), ``reached`` (the furthest stage reached through all before it, each
        beginning no earlier than the one before) and ``in_order``.

    Examples
    --------
    >>> nt2 = kp.Spells({"pid": [7, 9], "on": ["2012-01-09"] * 2}, person="pid", day="on")
    >>> job = kp.Spells({"pid": [7, 9], "on": ["2012-09-01", "2011-05-02"]}, person="pid", day="on")
    >>> kp.belgium.programme_paths({"nt2": nt2, "job": job}).to_frame()["path"].tolist()
    ['nt2 > job', 'job > nt2']
    """
    natives = [(str(name), _native(spells, f"stages[{name!r}]")) for name, spells in stages.items()]
    first = next(iter(stages.values()), None)
    return Register(_core.programme_paths(natives), {} if first is None else first._like)


def family_origin(
    data: IntoTable,
    *,
    household: str = "ref_pid",
    person: str = "pid",
    position: str = "lipro",
    group: str = "origin_group",
    groups: Sequence[str] = ("TR", "MA", "nonEU"),
    rule: Literal["any", "all", "reference"] = "any",
) -> Register:
    """Say which households are families of an origin, by their parent figures.

    Parameters
    ----------
    data : data frame, mapping, Table or Register
        One row a person in a household, at one time.
    household, person : str
        The key of the household (its reference person's number), and the person.
    position : str
        The LIPRO position; ``MAR+``, ``UNM+`` and ``H1PA`` are parent figures.
    group : str
        The group of origin (:func:`origin`); missing is unknown.
    groups : sequence of str
        The groups that count.
    rule : {"any", "all", "reference"}
        At least one parent figure, all of them, or the reference person.

    Returns
    -------
    Register
        One row a household: ``family_foreign`` (1 or 0; missing when undetermined), ``parents``,
        ``parents_foreign``, ``parents_unknown``, ``family_reason``.

    Examples
    --------
    >>> home = {"ref_pid": [1, 1, 1], "pid": [1, 2, 3], "lipro": ["MAR+", "MAR+", "CMAR"],
    ...         "origin_group": ["BE", "MA", "MA"]}
    >>> [int(kp.belgium.family_origin(home, rule=rule).to_frame()["family_foreign"][0])
    ...  for rule in ("any", "all", "reference")]
    [1, 0, 0]
    """
    columns = [household, person, position, group]
    table = to_table(data, list(dict.fromkeys(columns)))
    return Register(_core.family_origin(table, columns, list(groups), rule), data)


def identifiers(history: IntoTable, *, old: str = "old_insz", new: str = "new_insz") -> Register:
    """Follow replaced numbers to the last: a crosswalk from every number to its person.

    Parameters
    ----------
    history : data frame, mapping, Table or Register
        One row a replacement: a BIS number and the national number that replaced it, or a number
        that was cancelled (`new` is missing).
    old, new : str
        Its columns.

    Returns
    -------
    Register
        One row a number: ``identifier``, ``person`` (the last number; missing when cancelled),
        ``steps``, ``identifier_kind`` (``bis``, ``national``) and ``identifier_reason``
        (``replaced``, ``current``, ``cancelled``, ``replaced by two numbers``, ``goes round``).
        Ready for :meth:`kruispunt.Spells.identify`.

    Examples
    --------
    >>> history = {"old_insz": ["a", "b", "x"], "new_insz": ["b", "c", None]}
    >>> found = kp.belgium.identifiers(history).to_frame()
    >>> list(zip(found["identifier"].tolist(), found["person"].tolist()))
    [('a', 'c'), ('b', 'c'), ('c', 'c'), ('x', None)]
    """
    return Register(_core.resolve_identifiers(to_table(history, [old, new]), old, new), history)


def codes(name: str, like: Any = None) -> Any:
    """Give a code list with its dates of validity.

    Parameters
    ----------
    name : {"asylum_access", "countries", "it202", "lipro", "nis_changes", "nomenclature", "permit_articles"}
        The list. Its `certainty` says what is ``read`` in public sources and what is ``unchecked``.
    like : data frame, optional
        The kind of frame to give; by default a mapping of arrays.

    Returns
    -------
    data frame or mapping
        One row a code.

    Examples
    --------
    >>> lipro = kp.belgium.codes("lipro")
    >>> lipro["code"][lipro["role"] == "parent"].tolist()
    ['MAR+', 'UNM+', 'H1PA']
    """
    return to_frame(_core.code_list(name), {} if like is None else like)


def nis_crosswalk(like: Any = None) -> Any:
    """Give the municipality codes that changed in 2019, for :meth:`kruispunt.Spells.crosswalk`.

    Codes from memory: compare them with the list of your delivery. Codes that did not change are
    not in it, so recode with ``on_unknown="keep"``.

    Returns
    -------
    data frame or mapping
        ``code``, ``to``, ``valid_from``, ``valid_to``.

    Examples
    --------
    >>> home = kp.Spells(
    ...     {"pid": [7], "from": ["2018-07-01"], "to": [None], "nis5": ["44029"]},
    ...     person="pid", start="from", end="to",
    ... )
    >>> dates = {"valid_from": "valid_from", "valid_to": "valid_to", "on_unknown": "keep"}
    >>> moved = home.crosswalk("nis5", kp.belgium.nis_crosswalk(), code="code", to="to", **dates)
    >>> moved.to_frame()["nis5"].tolist()
    ['44029', '44084']
    """
    return to_frame(_core.nis_crosswalk(), {} if like is None else like)


def _native(spells: Spells | Timeline, argument: str) -> _core.Spells:
    if isinstance(spells, Timeline):
        return spells.native.spells()
    if not isinstance(spells, Spells):
        raise InputError(f"`{argument}`: expected kp.Spells, got {type(spells).__name__}")
    return spells.native
