"""Whom to interview."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from kruispunt import _core
from kruispunt._frames import IntoTable, to_frame, to_table
from kruispunt._gate import current
from kruispunt.estimate import Fit
from kruispunt.evaluate import Effects
from kruispunt.exceptions import InputError
from kruispunt.linked import Register
from kruispunt.table import Table
from kruispunt.trajectory import Typology

if TYPE_CHECKING:
    from typing import Self

__all__ = ["Selection", "select"]

Kind: TypeAlias = Literal[
    "typical", "deviant", "extreme", "influential", "pathway", "diverse", "most-similar",
    "most-different", "medoid", "boundary", "random",
]  # fmt: skip


class Selection(Register):
    """Chosen cases: identifier, ``case``, ``role``, the group, ``score`` and what may be printed.

    What is shown (``repr``, the page of a notebook, :meth:`printed`) has no identifiers; these
    stand in :meth:`to_frame` and :attr:`ids`.

    Attributes
    ----------
    account : Account
        How the cases were chosen: definition, seed, quotas, ties, cells emptied.
    """

    __slots__ = ("_definition", "_kind")

    _definition: str
    _kind: str

    @classmethod
    def _made(cls, native: _core.Linked, kind: str, definition: str, like: Any) -> Self:
        made = cls(native, like)
        made._kind, made._definition = kind, definition
        return made

    @property
    def kind(self) -> str:
        """The kind of case."""
        return self._kind

    @property
    def definition(self) -> str:
        """How the score is defined, in words."""
        return self._definition

    @property
    def ids(self) -> list[Any]:
        """The identifiers of the cases, without reserves, in order."""
        table = Table.wrap(self.native.table())
        roles, ids = table.to_dict()["role"], table.to_dict()[table.columns[0]]
        return [
            one for one, role in zip(ids.tolist(), roles.tolist(), strict=True) if role == "case"
        ]

    def printed(self, like: Any = None) -> Any:
        """Give the list without identifiers and scores, as it may be printed.

        Parameters
        ----------
        like : data frame, optional
            The kind of frame to give; by default the kind that was read.
        """
        native = self.native.table()
        names = [name for name in native.columns[1:] if name != "score"]
        shown = native.select(names, "printed")
        if (session := current()) is not None:
            sizes = Table.wrap(native)["class_size"] if "class_size" in names else [1]
            if any(session.profile.native.is_few(int(size)) for size in sizes):
                why = "persons share what is printed with too few others; select with a larger `k`"
                raise session.refuse("list", self._kind, why)
            session.note("list", self._kind, "released", rows=len(native))
        return to_frame(shown, self._like if like is None else like)

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return type(self)._made, (self.native, self._kind, self._definition, None)

    def __repr__(self) -> str:
        roles = Table.wrap(self.native.table()).to_dict()["role"].tolist()
        cases = roles.count("case")
        more = f" and {len(roles) - cases} reserves" if cases < len(roles) else ""
        return f"<Selection of {cases} {self._kind} cases{more}: {self._definition}>"

    def _repr_html_(self) -> str:
        table = self.printed(Table)._repr_html_()
        return f"<div><p>{html.escape(repr(self))}</p>{table}</div>"


def _names(names: str | Sequence[str]) -> list[str]:
    return [names] if isinstance(names, str) else list(names)


def _label(value: object) -> str:
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    return str(value)


def _quotas(quota: Mapping[str, Mapping[Any, int]] | None) -> list[Any]:
    quotas = []
    for column, levels in (quota or {}).items():
        if not hasattr(levels, "items"):
            message = f'`quota`: "{column}" needs a mapping of values to numbers of cases'
            raise InputError(message)
        if any(int(count) < 0 for count in levels.values()):
            message = f'`quota`: a number of cases of "{column}" is less than 0'
            raise InputError(message)
        pairs = [(_label(level), int(count)) for level, count in levels.items()]
        quotas.append((column, pairs))
    return quotas


def _of_effects(effects: Effects, group: str | None) -> tuple[Any, ...]:
    """Give the effect of each group, and the overall one."""
    if group is None:
        message = "`group`: name the column of `data` whose values are the groups of the effects"
        raise InputError(message)
    own = effects.aggregate("group") if effects.by == "cells" else effects
    rows = Table.wrap(to_table(own.tidy())).to_dict()
    name = "event" if own.by == "event" else "period" if own.by == "calendar" else "cohort"
    each, overall = [], np.nan
    values = zip(
        rows[name].tolist(), rows["phase"].tolist(), rows["estimate"].tolist(),
        rows["std_error"].tolist(), strict=True,
    )  # fmt: skip
    for label, phase, estimate, se in values:
        if estimate is None or np.isnan(estimate):
            continue
        if phase == "overall":
            overall = estimate
        else:
            each.append((_label(label), estimate, np.nan if se is None else se))
    if np.isnan(overall):
        overall = float(np.mean([row[1] for row in each])) if each else np.nan
    return group, each, float(overall), effects.account.to_json()


def _source(
    source: Any, data: IntoTable | None, without: Fit | None, group: str | None
) -> tuple[tuple[Any, ...] | None, IntoTable | None]:
    if isinstance(source, Typology):
        distances = source._distances
        return (source.native, None if distances is None else distances.native), data
    if isinstance(source, Fit):
        return (source.native, None if without is None else without.native), data
    if isinstance(source, Effects):
        return _of_effects(source, group), data
    if data is not None:
        message = "`data`: a table as `source` is itself the data; give one of the two"
        raise InputError(message)
    return None, source


def _count(value: int, argument: str) -> int:
    if value < 0:
        message = f"`{argument}`: {value} is less than 0"
        raise InputError(message)
    return int(value)


def _kinds(kind: Kind | Mapping[Kind, int], n: int | None) -> list[tuple[str, int]]:
    if not isinstance(kind, Mapping):
        return [(str(kind), _count(12 if n is None else n, "n"))]
    each = [(str(own), _count(count, "kind")) for own, count in kind.items()]
    if not each:
        message = "`kind`: a mapping of kinds to numbers of cases has one kind or more"
        raise InputError(message)
    total = sum(count for _, count in each)
    if n is not None and n != total:
        message = f"`n`: {n} is not the sum of the numbers of the kinds, {total}; leave it out"
        raise InputError(message)
    return each


def select(
    source: Typology | Fit | Effects | IntoTable,
    kind: Kind | Mapping[Kind, int],
    n: int | None = None,
    *,
    data: IntoTable | None = None,
    person: str | None = None,
    on: str | Sequence[str] = (),
    contrast: str | None = None,
    cause: str | None = None,
    without: Fit | None = None,
    group: str | None = None,
    quota: Mapping[str, Mapping[Any, int]] | None = None,
    reserves: int = 0,
    printed: str | Sequence[str] = (),
    k: int = 5,
    seed: int = 1,
) -> Selection:
    r"""Choose cases for interviews.

    With residuals :math:`e_i`, silhouettes :math:`s_i` and distances :math:`d_i` to the medoid of
    the own type:

    - ``typical``: :math:`-|e_i|`; of a typology :math:`s_i`; of effects, persons of groups whose
      effect is near the overall one
    - ``deviant``: :math:`|e_i|`; of a typology :math:`d_i`; of effects, of groups far from it
    - ``extreme``: :math:`|x_i - \bar x| / s_x` of the column `on`, or of the outcome of a model
    - ``influential``: Cook's distance of leaving the person out, or the change of the coefficient
      `cause` in standard errors
    - ``pathway``: :math:`|e_i^{without}| - |e_i|` where it is above 0: whom the cause explains
    - ``diverse``: the middle case, then each time the one farthest from all before, among careers
      or on the columns `on`
    - ``most-similar``: pairs alike on `on`, of different types or different `contrast`
    - ``most-different``: pairs unlike on `on`, of one type or one `contrast`
    - ``medoid``: :math:`-d_i`; ``boundary``: as near to another medoid as to the own
    - ``random``: a draw

    A person with several rows in a model has the root of the mean of squared residuals. Cases are
    shared out evenly over types. Quotas are minima: of all choices that meet them the one with the
    largest sum of scores is taken (with several kinds in standard deviations of each), by a search
    over all of them; where that would be too long it is cut short, and the account says so. Ties are
    settled by a draw from the seed, then the row number, and counted in the account.

    Of the kinds that choose pairs those disjoint pairs are taken that have the largest sum of scores;
    both persons of a pair count towards quotas, and a reserve is a pair that helps to meet the same
    quotas. The search over all choices of pairs is cut short where it would be too long, and the
    account says so; among pairs as good as each other the first rows come first.

    Residuals choose well only as far as the controls of the model are identified; for discovery
    Seawright (2016) advises extreme cases on the cause, and deviant ones.

    Parameters
    ----------
    source : Typology, Fit, Effects or data frame
        What to choose from.
    kind : str or mapping of str to int
        The kind of case, see above; or several kinds in one list, each with its number:
        ``{"typical": 12, "deviant": 12}``. Nobody is chosen twice, quotas and reserves hold for all
        together, and a column ``kind`` says of each case which it is.
    n : int, optional
        How many cases in all, by default 12; with several kinds their numbers say it.
    data : data frame, optional
        What is known of persons. For a typology one row a person, with the identifier of its
        sequences; for a fit the table it was estimated on; for effects one row a person.
    person : str, optional
        The column that names persons; that of the sequences for a typology, of the panel for one.
    on : str or sequence of str
        Columns of `data` for ``extreme``, ``diverse``, ``most-similar`` and ``most-different``.
    contrast : str, optional
        The column in which pairs differ or agree, where `source` is no typology.
    cause : str, optional
        The coefficient for ``influential``.
    without : Fit, optional
        For ``pathway``, the fit of the same rows without the cause.
    group : str, optional
        For effects, the column of `data` with their groups (the cohort).
    quota : mapping, optional
        Minima by value: ``{"origin": {"BE": 8, "MA": 8}, "sex": {"F": 12}}``.
    reserves : int
        Reserves for each case: the next best of the same type and the same quota values; of pairs
        the next best pair of the same quota values.
    printed : str or sequence of str
        Further columns to list. They, the type and the columns of quotas are emptied, as few cells
        as possible, until at least `k` candidates share what is printed of a case.
    k : int
        See `printed`.
    seed : int
        Of draws and ties: the same seed gives the same list.

    Returns
    -------
    Selection

    Raises
    ------
    InputError
        If a kind is not defined for the source, candidates or quotas do not suffice, a column is
        not there, or an identifier is missing or occurs twice.

    References
    ----------
    Seawright, J. & Gerring, J. (2008). Case selection techniques in case study research. *Political
    Research Quarterly* 61(2), 294-308.

    Lieberman, E. S. (2005). Nested analysis as a mixed-method strategy for comparative research.
    *American Political Science Review* 99(3), 435-452.

    Weller, N. & Barnes, J. (2014). *Finding Pathways*. Cambridge University Press.

    Seawright, J. (2016). *Multi-Method Social Science*. Cambridge University Press, chapter 4.

    Examples
    --------
    >>> people = {
    ...     "pid": list(range(40)),
    ...     "quarters": [at % 20 for at in range(40)],
    ...     "sex": ["F", "M"] * 20,
    ... }
    >>> chosen = kp.cases.select(
    ...     people, "extreme", 4, person="pid", on="quarters", quota={"sex": {"F": 2}}, reserves=1
    ... )
    >>> chosen
    <Selection of 4 extreme cases and 4 reserves: far from the mean of quarters, |x - mean| / sd>
    >>> sorted(chosen.printed()["sex"][:4].tolist()), chosen.printed()["class_size"].tolist()[0]
    (['F', 'F', 'M', 'M'], 20)
    """
    native, table = _source(source, data, without, group)
    panel = getattr(getattr(table, "native", None), "person", None)
    request: dict[str, Any] = {
        "kinds": _kinds(kind, n),
        "reserves": _count(reserves, "reserves"),
        "quotas": _quotas(quota),
        "printed": _names(printed),
        "k": _count(k, "k"),
        "seed": _count(seed, "seed"),
        "person": person if person is not None else panel,
        "on": _names(on),
        "contrast": contrast,
        "cause": cause,
    }
    read = None if table is None else to_table(table)
    found, definitions = _core.cases_select(native, read, request)
    like = table if table is not None else getattr(source, "_like", None)
    if isinstance(source, Typology) and table is None:
        like = source.sequences._like
    names = [name.replace("_", "-") for name, _ in request["kinds"]]
    told = definitions
    if len(names) > 1:
        told = [f"{name}: {own}" for name, own in zip(names, definitions, strict=True)]
    return Selection._made(
        found, " and ".join(names), "; ".join(told), getattr(like, "_like", like)
    )
