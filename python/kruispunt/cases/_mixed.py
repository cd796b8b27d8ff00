"""What was told and coded, beside what was counted."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kruispunt import _core
from kruispunt._frames import IntoTable, to_table
from kruispunt._gate import current
from kruispunt.cases._registry import Registry
from kruispunt.exceptions import InputError
from kruispunt.linked import Register
from kruispunt.table import Table

if TYPE_CHECKING:
    from kruispunt.panel import Spells, Timeline

__all__ = ["JointDisplay", "agreement", "joint_display", "prevalence", "recall"]


def _seed(seed: int, draws: int = 0) -> None:
    if seed < 0 or draws < 0:
        message = f"`seed` and `draws` are 0 or more; got {seed} and {draws}"
        raise InputError(message)


def agreement(
    data: IntoTable,
    *,
    unit: str = "unit",
    coder: str = "coder",
    value: str = "value",
    by: str | None = None,
    draws: int = 2000,
    level: float = 0.95,
    seed: int = 1,
) -> Register:
    r"""Measure how far coders agree on values without order.

    ``percent`` is the mean over units of the share of pairs of coders that agree; ``kappa`` is
    Cohen's, with more than two coders the mean over pairs (Light); ``alpha`` Krippendorff's for
    nominal values, any number of coders and missing judgements:

    .. math:: \alpha = 1 - (n - 1) \frac{n - \sum_c o_{cc}}{n^2 - \sum_c n_c^2}

    ``low`` and ``high`` are percentiles of alpha over samples of units with replacement, which
    Krippendorff's own algorithm (samples of coincidences) approximates.

    Parameters
    ----------
    data : data frame, mapping or Table
        One row a judgement.
    unit, coder, value : str
        Columns: what is judged, by whom, and the value (a code, or whether a code applies).
    by : str, optional
        A row of the answer for each value of this column, such as the code.
    draws : int
        Samples for the interval.
    level : float
        Of the interval.
    seed : int
        Of the samples.

    Returns
    -------
    Register
        ``units`` judged more than once, ``judgements`` of them, ``percent``, ``kappa``, ``alpha``,
        ``low``, ``high``; missing where not defined (one value only).

    Raises
    ------
    InputError
        If a coder judged a unit twice.

    References
    ----------
    Krippendorff, K. (2018). *Content Analysis*, 4th ed., chapter 12. Sage.

    Cohen, J. (1960). A coefficient of agreement for nominal scales. *Educational and Psychological
    Measurement* 20(1), 37-46.

    Light, R. J. (1971). Measures of response agreement for qualitative data. *Psychological
    Bulletin* 76(5), 365-377.

    Examples
    --------
    >>> judged = {
    ...     "unit": [1, 1, 2, 2, 3, 3, 4, 4],
    ...     "coder": ["A", "B"] * 4,
    ...     "value": ["x", "x", "y", "y", "x", "y", "y", "y"],
    ... }
    >>> found = kp.cases.agreement(judged).to_frame()
    >>> found["percent"].tolist(), found["kappa"].tolist(), found["alpha"].round(3).tolist()
    ([0.75], [0.5], [0.533])
    """
    _seed(seed, draws)
    names = [unit, coder, value, *([] if by is None else [by])]
    native = _core.cases_agreement(
        to_table(data, names), (unit, coder, value, by), draws, level, seed
    )
    return Register(native, getattr(data, "_like", data))


def prevalence(
    people: IntoTable,
    codings: IntoTable,
    *,
    person: str,
    group: str = "type",
    case: str = "case",
    code: str = "code",
    draws: int = 9999,
    seed: int = 1,
) -> Register:
    """Compare groups by the share of their cases that have a code.

    The statistic is Pearson's chi-squared of code by group. Groups are permuted among cases: ``p``
    is ``(1 + #{permuted >= observed}) / (1 + draws)``, and ``p_adjusted`` the same for the largest
    statistic of all codes, so that the chance of any false finding is kept.

    Parameters
    ----------
    people : data frame, mapping or Table
        One row a case that was coded: who it is and its group.
    codings : data frame, mapping or Table
        One row a coding.
    person, group : str
        Columns of `people`.
    case, code : str
        Columns of `codings`.
    draws : int
        Permutations.
    seed : int
        Of the permutations.

    Returns
    -------
    Register
        One row a code and group: ``cases``, ``with_code``, ``share``, ``statistic``, ``p``,
        ``p_adjusted``.

    References
    ----------
    Phipson, B. & Smyth, G. K. (2010). Permutation p-values should never be zero. *Statistical
    Applications in Genetics and Molecular Biology* 9(1).

    Westfall, P. H. & Young, S. S. (1993). *Resampling-Based Multiple Testing*. Wiley.

    Examples
    --------
    >>> people = {"pid": list(range(12)), "type": ["slow"] * 6 + ["fast"] * 6}
    >>> codings = {"case": [0, 1, 2, 3, 4, 5, 6, 7], "code": ["language"] * 6 + ["luck"] * 2}
    >>> found = kp.cases.prevalence(people, codings, person="pid").to_frame()
    >>> dict(zip(found["code"], found["p"].round(2).tolist()))
    {'language': 0.0, 'luck': 0.45}
    """
    _seed(seed, draws)
    native = _core.cases_prevalence(
        to_table(people, [person, group], "people"), (person, group),
        to_table(codings, [case, code], "codings"), (case, code), draws, seed,
    )  # fmt: skip
    return Register(native, getattr(codings, "_like", codings))


class JointDisplay(Register):
    """Groups, and what was counted, estimated and said of each, side by side.

    Attributes
    ----------
    account : Account
        What is not shown, and why.
    """

    __slots__ = ()

    def html(self, title: str = "Joint display") -> str:
        """Give the table as HTML, without network and code.

        Raises
        ------
        DisclosureError
            If a profile is set (:func:`kruispunt.set_disclosure`) and a group has too few persons.
        """
        rows = Table.wrap(self.native.table()).to_dict()
        if (session := current()) is not None:
            few = session.profile.native.is_few
            if any(few(int(n)) for n in rows["n"] if n is not None and n >= 0):
                why = "a group has too few persons; make it with a larger `least`"
                raise session.refuse("joint display", title, why)
            session.note("joint display", title, "released", rows=len(self))
        head = "".join(f"<th>{html.escape(name)}</th>" for name in rows)
        lines = []
        for at in range(len(self)):
            cells = "".join(f"<td>{html.escape(_cell(rows[name][at]))}</td>" for name in rows)
            lines.append(f"<tr>{cells}</tr>")
        notes = "".join(f"<p>{html.escape(note)}.</p>" for note in self.account.steps[-1].notes)
        style = (
            "body{font:14px system-ui,sans-serif;margin:2em}table{border-collapse:collapse}"
            "th,td{border-bottom:1px solid #ccc;padding:.4em .7em;text-align:left;"
            "vertical-align:top}p{color:#444}"
        )
        return (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            f"<title>{html.escape(title)}</title><style>{style}</style></head><body>"
            f"<h1>{html.escape(title)}</h1><table><thead><tr>{head}</tr></thead><tbody>"
            f"{''.join(lines)}</tbody></table>{notes}</body></html>\n"
        )


def _cell(value: Any) -> str:
    if value is None or value != value:  # noqa: PLR0124 - NaN is what does not equal itself
        return "\N{EN DASH}"
    if isinstance(value, float):
        return f"{value:,.0f}" if value == int(value) and abs(value) > 1 else f"{value:.2f}"
    return str(value)


def joint_display(
    people: IntoTable,
    codings: IntoTable,
    *,
    person: str,
    group: str = "type",
    estimates: IntoTable | None = None,
    case: str = "case",
    code: str = "code",
    quote: str | None = None,
    consent: Registry | Sequence[str] = (),
    interviewed: Sequence[Any] | None = None,
    least: int = 5,
) -> JointDisplay:
    """Put types, estimates, codes and quotes side by side, one row a type.

    Parameters
    ----------
    people : data frame, mapping or Table
        One row a person: who it is and its group.
    codings : data frame, mapping or Table
        One row a coding.
    person, group : str
        Columns of `people`.
    estimates : data frame, mapping or Table, optional
        One row a group, in a column called as `group`; all other columns are shown.
    case, code : str
        Columns of `codings`.
    quote : str, optional
        The column of `codings` with words to quote.
    consent : Registry or sequence of str
        Who may be quoted: those who consent to ``"quote"`` in a registry now, or a list. Nobody by
        default.
    interviewed : sequence, optional
        All who were interviewed, also those without a code; by default those with one.
    least : int
        What rests on fewer persons is not shown.

    Returns
    -------
    JointDisplay
        ``group``, ``n``, the estimates, ``interviewed`` cases, ``code: <name>`` the share of these
        that have the code, ``quote``. The first quote of somebody who consents is taken.

    References
    ----------
    Guetterman, T. C., Fetters, M. D. & Creswell, J. W. (2015). Integrating quantitative and
    qualitative results through joint displays. *Annals of Family Medicine* 13(6), 554-561.

    Examples
    --------
    >>> people = {"pid": list(range(12)), "type": ["slow"] * 6 + ["fast"] * 6}
    >>> codings = {"case": [0, 1, 2], "code": ["language"] * 3, "text": ["a", "b", "c"]}
    >>> display = kp.cases.joint_display(
    ...     people, codings, person="pid", quote="text", consent=["1"], least=3
    ... )
    >>> kp.Table(display)
    group  n  interviewed  code: language  quote
    -----  -  -----------  --------------  --------------
    fast   6            0
    slow   6            3               1  “b” (language)
    2 rows x 5 columns
    """
    if least < 0:
        message = f"`least`: {least} is less than 0"
        raise InputError(message)
    told = [case, code, *([] if quote is None else [quote])]
    allowed = consent.consented("quote") if isinstance(consent, Registry) else consent
    beside = None if estimates is None else (to_table(estimates, argument="estimates"), group)
    native = _core.cases_joint(
        to_table(people, [person, group], "people"), (person, group), beside,
        to_table(codings, told, "codings"), (case, code, quote), [str(one) for one in allowed],
        None if interviewed is None else [str(one) for one in interviewed], least,
    )  # fmt: skip
    return JointDisplay(native, getattr(people, "_like", people))


def recall(
    told: IntoTable,
    register: Spells | Timeline,
    *,
    person: str,
    day: str = "day",
    event: str = "event",
    days: int = 92,
    telescoped: int = 1096,
) -> Register:
    """Compare events told in an interview with the starts of register spells.

    An event and a spell of the same person and state are ``matched`` when at most `days` apart;
    ``telescoped forward`` when told later than the register says (remembered as more recent),
    ``telescoped backward`` when told earlier, at most `telescoped` days apart. What has no partner
    is ``not in register`` (informal work, work abroad) or ``not told``. Pairs are taken in the order
    of the days between them, each event and each spell once.

    Parameters
    ----------
    told : data frame, mapping or Table
        One row an event.
    register : Spells or Timeline
        Spells with states; events are compared with spells of the state of the same name.
    person, day, event : str
        Columns of `told`.
    days : int
        How near is the same.
    telescoped : int
        How far a memory may move.

    Returns
    -------
    Register
        ``person``, ``event``, ``told``, ``register``, ``days`` (told less register), ``outcome``.

    References
    ----------
    Neter, J. & Waksberg, J. (1964). A study of response errors in expenditures data from household
    interviews. *JASA* 59(305), 18-55.

    Examples
    --------
    >>> jobs = kp.Spells(
    ...     {"pid": [7, 7], "start": ["2010-02-10", "2012-05-01"], "status": ["job", "job"],
    ...      "end": ["2011-02-28", None]},
    ...     person="pid", start="start", end="end", state="status",
    ... )
    >>> told = {"pid": [7, 7], "day": ["2010-03-01", "2013-05-01"], "event": ["job", "job"]}
    >>> kp.cases.recall(told, jobs, person="pid").to_frame()["outcome"].tolist()
    ['matched', 'telescoped forward']
    """
    from kruispunt.panel import Timeline

    spells = register.native.spells() if isinstance(register, Timeline) else register.native
    native = _core.cases_recall(
        to_table(told, [person, day, event], "told"), (person, day, event), spells, days, telescoped
    )
    return Register(native, getattr(told, "_like", told))
