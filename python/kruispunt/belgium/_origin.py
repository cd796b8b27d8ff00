"""Origin and generation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from kruispunt import _core
from kruispunt._frames import IntoTable, to_table
from kruispunt.linked import Register

__all__ = ["generation", "origin"]

Rule = Literal["monitoring", "statbel", "arvastat", "country_of_birth"] | Sequence[str]
GroupNames = Literal["register", "arvastat", "eu"]


def origin(
    data: IntoTable,
    rule: Rule = "monitoring",
    *,
    person: str = "pid",
    father: str | None = None,
    mother: str | None = None,
    own: str | None = None,
    now: str | None = None,
    born: str | None = None,
    father_born: str | None = None,
    mother_born: str | None = None,
    unknown: Literal["separate", "belgian"] | None = None,
    groups: GroupNames | Mapping[str, str] | None = None,
) -> Register:
    """Say where persons' origin lies, by a declared rule, and what decided.

    A rule is a list of criteria. The first that is known and foreign gives the country. Without a
    foreign one the person is of Belgian origin if enough is known to say so; rules differ in what
    is enough.

    ======================  =========================================  ====================
    rule                    criteria, in order                         a parent unknown
    ======================  =========================================  ====================
    ``"monitoring"``        father, mother, own, now                   undetermined
    ``"statbel"``           father, mother, own, now                   counts as Belgian
    ``"arvastat"``          father, mother, own, now; its six groups   counts as Belgian
    ``"country_of_birth"``  born, mother_born, father_born             undetermined
    a list of criteria      yours                                      undetermined
    ======================  =========================================  ====================

    Parameters
    ----------
    data : data frame, mapping or Table
        One row a person.
    rule : str or sequence of str
        A rule by name, or criteria in order: ``["mother", "father", "own"]``.
    person : str
        The column of identifiers.
    father, mother, own : str, optional
        Columns of first nationalities (in practice the first one known): register codes
        (``"150"`` or 150) or ISO codes (``"BE"``).
    now : str, optional
        The column of present nationalities.
    born, father_born, mother_born : str, optional
        Columns of countries of birth.
    unknown : {"separate", "belgian"}, optional
        What becomes of persons without a foreign criterion of whom not all is known; by default
        what the rule says.
    groups : {"register", "arvastat", "eu"} or mapping of code to group, optional
        Into which groups countries fall: BE, EU14, EU13, TR, MA, nonEU; those of Arvastat (BE,
        neighbour, west, south, EU28, nonEU); BE, EU, nonEU; or your own, by register code.

    Returns
    -------
    Register
        The identifier, ``origin`` (register code), ``origin_group``, ``origin_by`` (the criterion
        that decided; ``all`` when everything known is Belgian) and ``origin_reason`` (why origin or
        group is undetermined). Its account counts them.

    Raises
    ------
    InputError
        If the rule reads a criterion for which no column is named.

    References
    ----------
    Socio-Economic Monitoring (FPS Employment and Unia). Statistiek Vlaanderen, metadata "Bevolking
    naar herkomst". The list of countries is partial and partly from memory: see
    :func:`kruispunt.belgium.countries`.

    Examples
    --------
    >>> people = {
    ...     "pid": [1, 2, 3],
    ...     "father": ["MA", "BE", None],
    ...     "mother": ["BE", "BE", "BE"],
    ...     "own": ["BE", "BE", "BE"],
    ...     "now": ["BE", "BE", "BE"],
    ... }
    >>> names = {"father": "father", "mother": "mother", "own": "own", "now": "now"}
    >>> found = kp.belgium.origin(people, **names).to_frame()
    >>> found["origin_group"].tolist(), found["origin_by"].tolist(), found["origin_reason"].tolist()
    (['MA', 'BE', None], ['father', 'all', None], [None, None, 'father unknown'])
    """
    columns = {
        "father": father,
        "mother": mother,
        "own": own,
        "now": now,
        "born": born,
        "father_born": father_born,
        "mother_born": mother_born,
    }
    named = [(word, name) for word, name in columns.items() if name is not None]
    words = [rule] if isinstance(rule, str) else list(rule)
    wanted = list(dict.fromkeys([person, *(name for _, name in named)]))
    table = to_table(data, wanted)
    own_groups = dict(groups) if isinstance(groups, Mapping) else groups
    return Register(_core.origin(table, person, words, named, unknown, own_groups), data)


def generation(
    data: IntoTable,
    *,
    person: str = "pid",
    born: str,
    birth_date: str,
    arrival: str,
    father: str,
    mother: str,
    grandparents: Sequence[str] = (),
    schooled: str | None = None,
    bands: Mapping[str, int] | None = None,
) -> Register:
    """Say to which migration generation persons belong.

    Born abroad: ``1``, or the label of the band the age at arrival falls into. Born in Belgium:
    ``2`` with two parents from abroad, ``2.5`` with one, ``3`` with a grandparent from abroad, else
    ``0``. Born abroad of two Belgian parents: ``0``.

    Parameters
    ----------
    data : data frame, mapping or Table
        One row a person.
    person : str
        The column of identifiers.
    born : str
        The country of birth: register or ISO codes.
    birth_date : str
        Dates, or text ``YYYY-MM-DD`` with ``00`` for an unknown month or day (then the middle of
        what is known, and counted in the account).
    arrival : str
        The first registration in Belgium.
    father, mother : str
        The parents' first nationalities or countries of birth.
    grandparents : sequence of str
        The grandparents', as far as there are.
    schooled : str, optional
        Whether there is evidence of schooling here. With it, who came as a child and was not
        schooled here is of generation 1.
    bands : mapping of str to int, optional
        Labels and the age in completed years each ends before, ascending; ``{"1.5": 18}`` by
        default.

    Returns
    -------
    Register
        The identifier, ``generation``, ``arrival_age`` and ``generation_reason`` (what is unknown).

    Examples
    --------
    >>> people = {
    ...     "pid": [1, 2],
    ...     "born": ["MA", "BE"],
    ...     "birth": ["1990-03-15", "1990-03-15"],
    ...     "came": ["1996-03-15", "1990-03-15"],
    ...     "father": ["MA", "MA"],
    ...     "mother": ["MA", "BE"],
    ... }
    >>> columns = {"born": "born", "birth_date": "birth", "arrival": "came"}
    >>> parents = {"father": "father", "mother": "mother"}
    >>> fine = {"1.75": 6, "1.5": 13, "1.25": 18}
    >>> kp.belgium.generation(people, **columns, **parents, bands=fine).to_frame()["generation"]
    array(['1.5', '2.5'], dtype=object)
    """
    roots = {
        "born": born,
        "birth_date": birth_date,
        "arrival": arrival,
        "father": father,
        "mother": mother,
        "grandparents": list(grandparents),
        "schooled": schooled,
    }
    names = [person, born, birth_date, arrival, father, mother, *grandparents]
    if schooled is not None:
        names.append(schooled)
    table = to_table(data, list(dict.fromkeys(names)))
    ages = list((bands or {"1.5": 18}).items())
    return Register(_core.generation(table, person, roots, ages), data)
