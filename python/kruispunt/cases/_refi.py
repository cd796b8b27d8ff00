"""Projects and codebooks of the REFI-QDA standard, and code tables of programs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from kruispunt import _core
from kruispunt._frames import IntoTable, to_frame, to_table
from kruispunt._gate import current
from kruispunt._shown import said
from kruispunt.exceptions import InputError
from kruispunt.table import Table

if TYPE_CHECKING:
    from typing import Self

__all__ = ["Project", "code_table", "read_qdc", "read_qdpx"]


class Project:
    """A REFI-QDA project (``.qdpx``) or codebook (``.qdc``).

    It keeps the bytes it was read from. Every change gives a new project, in which the tags that
    were changed are made anew and all else (elements this does not know, files, white space) is as
    it was; without a change the file written is the file read. GUIDs of new objects are made of
    what they name, so that the same change gives the same file.

    Parameters
    ----------
    name : str
        The name of a new, empty project; see :func:`read_qdpx` for one there is.

    References
    ----------
    Rotterdam Exchange Format Initiative (2019). *REFI-QDA Standard, version 1.5*.
    https://www.qdasoftware.org

    Examples
    --------
    >>> project = (
    ...     kp.cases.Project("Interviews")
    ...     .with_codes([("barriers", None, "#D55E00"), ("language", "barriers")])
    ...     .with_text("case 1", "I did not speak Dutch then.")
    ...     .with_codings([("case 1", "barriers / language", (0, 22))])
    ...     .with_cases({"case 1": ["case 1"]})
    ...     .with_values({"case": ["case 1"], "type": ["slow entry"], "quarters": [7]})
    ... )
    >>> project.selections()["text"].tolist()
    ['I did not speak Dutch ']
    >>> project.codes()["path"].tolist()
    ['barriers', 'barriers / language']
    >>> project.variables()["value"].tolist()
    ['slow entry', '7']
    """

    __slots__ = ("native",)

    native: _core.Project

    def __init__(self, name: str) -> None:
        self.native = _core.Project.create(name)

    @classmethod
    def _wrap(cls, native: _core.Project) -> Self:
        project = cls.__new__(cls)
        project.native = native
        return project

    @property
    def is_codebook(self) -> bool:
        """Whether it is a codebook alone (``.qdc``)."""
        return self.native.is_codebook

    def _table(self, what: str, like: Any) -> Any:
        return to_frame(self.native.table(what), {} if like is None else like)

    def codes(self, like: Any = None) -> Any:
        """Give one row a code, parents first.

        Columns ``guid``, ``name``, ``path`` (names from the top, `` / `` between), ``parent``,
        ``depth``, ``colour``, ``codable``, ``description``.
        """
        return self._table("codes", like)

    def sources(self, like: Any = None) -> Any:
        """Give one row a source: ``guid``, ``name``, ``kind``, ``path``, ``description``."""
        return self._table("sources", like)

    def selections(self, like: Any = None) -> Any:
        """Give one row a selection.

        Columns ``guid``, ``source``, ``kind``, ``name``, ``start``, ``end`` (characters of text,
        milliseconds of sound; the end does not belong to it) and ``text``.
        """
        return self._table("selections", like)

    def codings(self, like: Any = None) -> Any:
        """Give one row a coding.

        Columns ``guid``, ``code``, ``code_name``, ``source``, ``source_name``, ``selection``
        (missing where the whole source is coded), ``user``, ``created``.
        """
        return self._table("codings", like)

    def cases(self, like: Any = None) -> Any:
        """Give one row for a case and what belongs to it.

        Columns ``guid``, ``name``, ``description``, ``kind`` (source, selection, code) and
        ``target``.
        """
        return self._table("cases", like)

    def variables(self, like: Any = None) -> Any:
        """Give the values: ``holder``, ``holder_name``, ``variable``, ``type``, ``value``."""
        return self._table("variables", like)

    def notes(self, like: Any = None) -> Any:
        """Give one row a note: ``guid``, ``name``, ``text``."""
        return self._table("notes", like)

    def users(self, like: Any = None) -> Any:
        """Give one row a user: ``guid``, ``name``."""
        return self._table("users", like)

    def text(self, source: str) -> str | None:
        """Give the plain text of a source, by its GUID; None where it has none."""
        return self.native.text(source)

    def with_codes(self, codes: Iterable[Sequence[str | None]]) -> Self:
        """Add codes: ``(name, parent, colour, description)``, as much of it as there is.

        The parent is a GUID, a name or a path; codes may be parents of those after them.
        """
        return self._wrap(self.native.with_codes([_code(code) for code in codes]))

    def recode(self, codes: Mapping[str, Mapping[str, str]]) -> Self:
        """Change codes: ``{"barriers": {"name": ..., "colour": ..., "description": ...}}``."""
        made = []
        for which, what in codes.items():
            unknown = set(what) - {"name", "colour", "description"}
            if unknown:
                message = f"`codes`: {sorted(unknown)} is none of name, colour, description"
                raise InputError(message)
            code = (what.get("name", ""), None, what.get("colour"), what.get("description"))
            made.append((which, code))
        return self._wrap(self.native.recoded(made))

    def with_text(self, name: str, text: str) -> Self:
        """Add a text source."""
        return self._wrap(self.native.with_text(name, text))

    def with_codings(self, codings: Iterable[tuple[str, str, tuple[int, int] | None]]) -> Self:
        """Code text: ``(source, code, (start, end))``; None in place of the range codes all of it.

        Characters are counted from 0; the end does not belong to the range.
        """
        return self._wrap(self.native.with_codings([(s, c, r) for s, c, r in codings]))

    def with_cases(self, cases: Mapping[str, Sequence[str]]) -> Self:
        """Add cases: names, and the sources (GUID or name) that belong to each."""
        return self._wrap(self.native.with_cases([(n, list(own)) for n, own in cases.items()]))

    def with_values(
        self, data: IntoTable, *, case: str = "case", columns: Sequence[str] | None = None
    ) -> Self:
        """Write columns of a table as variables of the cases; what is missing is taken away.

        Parameters
        ----------
        data : data frame, mapping or Table
            One row a case.
        case : str
            The column with the GUID or the name of the case.
        columns : sequence of str, optional
            The columns to write; all others by default. Their type becomes that of the variable.

        Raises
        ------
        InputError
            If a case is not in the project, or a variable of that name has another type.
        """
        table = Table.wrap(to_table(data))
        names = [name for name in table.columns if name != case] if columns is None else columns
        rows = to_frame(table.native.select([case, *names], "data"), {})
        kinds = {name: _KINDS.get(table.native.column(name).kind, "Text") for name in names}
        values = []
        for at, who in enumerate(rows[case].tolist()):
            for name in names:
                value = rows[name][at]
                values.append((str(who), str(name), kinds[name], _written(value, kinds[name])))
        return self._wrap(self.native.with_values(values))

    def write(self, path: str | Path, *, safe: str | None = None) -> Path:
        """Write the file, whole or not at all, and give its full path.

        With a profile of disclosure control (:func:`kruispunt.set_disclosure`) projects are refused,
        unless `safe` states why they are no risk; a codebook alone passes.
        """
        target = Path(path).resolve()
        if (session := current()) is not None:
            if self.is_codebook:
                session.note("project", target.name, "released")
            else:
                session.exception("project", target.name, safe, "it holds single persons")
        self.native.write(target)
        return target

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return type(self)._wrap, (self.native,)

    def __repr__(self) -> str:
        if self.is_codebook:
            return f"<Project: a codebook of {len(self.codes(Table))} codes>"
        return (
            f"<Project of {len(self.sources(Table))} sources, {len(self.codes(Table))} codes, "
            f"{len(self.codings(Table))} codings>"
        )

    def _repr_html_(self) -> str:
        return said(self, self.codes(Table).native)


_KINDS = {"bool": "Boolean", "int": "Integer", "float": "Float", "date": "Date"}


def _written(value: Any, kind: str) -> str | None:
    """Write a value as the standard wants it; None where it is missing."""
    if value is None or (isinstance(value, float | np.floating) and np.isnan(value)):
        return None
    if isinstance(value, np.datetime64) and np.isnat(value):
        return None
    if kind == "Boolean":
        return "true" if value else "false"
    if kind == "Integer":
        return str(int(value))
    if kind == "Float":
        return np.format_float_positional(float(value), trim="0")
    if kind == "Date":
        day = value.astype("datetime64[D]").item() if isinstance(value, np.datetime64) else value
        return day.isoformat() if isinstance(day, dt.date) else str(day)
    return str(value)


def _code(code: Sequence[str | None]) -> tuple[str, str | None, str | None, str | None]:
    if isinstance(code, str):
        return code, None, None, None
    if not 1 <= len(code) <= 4:
        message = "`codes`: a code is (name, parent, colour, description)"
        raise InputError(message)
    name, parent, colour, description = [*code, None, None, None][:4]
    return str(name or ""), parent, colour, description


def read_qdpx(path: str | Path, *, limit: int = 8 << 30) -> Project:
    """Read a REFI-QDA project of version 1.0 or 1.5.

    Parameters
    ----------
    path : str or Path
        The ``.qdpx``.
    limit : int
        The most bytes all files of the archive may unpack to.

    Returns
    -------
    Project

    Raises
    ------
    InputError
        If the archive is broken, unpacks to more than `limit` or to 500 times its size, holds a
        file that points outside it; if the XML is broken, declares a document type, is of another
        version; or if a GUID is none or occurs twice. Nothing is ever unpacked to disk.
    """
    project = Project._wrap(_core.Project.read(Path(path), limit))
    if project.is_codebook:
        message = "`path`: this is a codebook; read it with `read_qdc`"
        raise InputError(message)
    return project


def read_qdc(path: str | Path) -> Project:
    """Read a REFI-QDA codebook; see :func:`read_qdpx`."""
    project = Project._wrap(_core.Project.read(Path(path), 1 << 30))
    if not project.is_codebook:
        message = "`path`: this is a project; read it with `read_qdpx`"
        raise InputError(message)
    return project


# Columns as the programs name them in their exports, in the order in which they are looked for: those of
# ATLAS.ti's quotation export, NVivo's coding report extract and MAXQDA's coded segments (in English and in
# German: it names them in the language it runs in) as in files that published studies read. A second
# column of one name is called so by pandas and by polars.
_TOOLS: dict[str, dict[str, tuple[str, ...]]] = {
    "nvivo": {
        "source": (
            "File Name",
            "File",
            "Source Name",
            "Hierarchical Name.1",
            "Hierarchical Name_duplicated_0",
            "Name",
        ),
        "code": ("Code", "Node", "Code Name", "Codes", "Hierarchical Name"),
        "case": ("Case", "Cases", "Case Name"),
        "text": ("Coded Text", "Reference", "Text", "Content"),
        "coder": ("User", "Coded By", "Initials", "User Name"),
    },
    "atlas.ti": {
        "source": ("Document", "Document Name", "Documents"),
        "code": ("Codes", "Code", "Code Name"),
        "case": ("Document Groups", "Document Group", "Case"),
        "text": ("Quotation Content", "Quotation", "Content", "Text"),
        "coder": ("Created by", "Creator", "Modified by", "Author"),
    },
    "maxqda": {
        "source": ("Document name", "Dokumentname", "Document"),
        "code": ("Code", "Code name", "Codes"),
        "case": ("Document group", "Dokumentgruppe", "Case"),
        "text": ("Segment", "Coded segment", "Preview", "Text"),
        "coder": ("Created by", "Erstellt von", "Author", "Autor", "Modified by", "Bearbeitet von"),
    },
}


def code_table(
    data: IntoTable,
    tool: Literal["nvivo", "atlas.ti", "maxqda"] | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    several: str | None = None,
) -> Any:
    """Give a table of codings that a program exported the names used here.

    Parameters
    ----------
    data : data frame, mapping or Table
        The export (CSV or XLSX) as your own reader read it: one row a coded piece.
    tool : {"nvivo", "atlas.ti", "maxqda"}, optional
        Whose names of columns to look for: in English, of MAXQDA in German too; exports in another
        language or of another kind take `columns`.
    columns : mapping, optional
        Names by hand: ``{"source": "Fichier", "code": "Code"}``; they come before those of `tool`.
    several : str, optional
        What stands between codes where a cell has several; such a row becomes one row a code.

    Returns
    -------
    data frame
        ``source`` and ``code``, and of ``case``, ``text``, ``coder`` what there is; further
        columns are left out.

    Raises
    ------
    InputError
        If there is no column for source or code.

    Examples
    --------
    >>> exported = {"Document": ["case 1"], "Quotation Content": ["I ..."], "Codes": ["work;home"]}
    >>> kp.cases.code_table(exported, "atlas.ti", several=";")["code"].tolist()
    ['work', 'home']
    """
    if tool is not None and tool not in _TOOLS:
        message = f"`tool`: {tool!r} is none of {', '.join(_TOOLS)}"
        raise InputError(message)
    table = to_table(data)
    low = {name.strip().lower(): name for name in reversed(table.columns)}
    found: dict[str, str] = {}
    for role in ("source", "code", "case", "text", "coder"):
        by_hand = (columns or {}).get(role)
        if by_hand is not None:
            found[role] = by_hand
            continue
        wanted = (*_TOOLS.get(tool or "", {}).get(role, ()), role)
        name = next((low[own.lower()] for own in wanted if own.lower() in low), None)
        if name is not None and name not in found.values():
            found[role] = name
    for role in ("source", "code"):
        if role not in found:
            message = (
                f"`columns`: no column for {role}; the table has {', '.join(table.columns)}; "
                f"name it, as in columns={{'{role}': ...}}"
            )
            raise InputError(message)
    rows = to_frame(table.select(list(found.values()), "columns"), {})
    renamed = {role: rows[name].tolist() for role, name in found.items()}
    made: dict[str, list[Any]] = {role: [] for role in renamed}
    for at, cell in enumerate(renamed["code"]):
        codes = [cell] if several is None or cell is None else str(cell).split(several)
        for code in codes:
            if code is not None and not str(code).strip():
                continue
            for role, own in renamed.items():
                value = str(code).strip() if role == "code" and code is not None else own[at]
                made[role].append(value)
    return to_frame(to_table(made), data)
