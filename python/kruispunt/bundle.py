"""An export for the output checker: what may leave, and what shows that it may."""

from __future__ import annotations

import hashlib
import html
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from kruispunt import _core
from kruispunt._frames import to_table
from kruispunt._gate import Session, current
from kruispunt._made import made
from kruispunt.disclosure import Disclosure, Protected, write_csv
from kruispunt.exceptions import DisclosureError, InputError
from kruispunt.manifests import Manifest, manifest
from kruispunt.report import _svg

if TYPE_CHECKING:
    from typing import Self

__all__ = ["Bundle"]

_WORDS = {
    "en": {
        "title": "Export for output checking", "tables": "Tables", "figures": "Figures",
        "methods": "Data and methods", "rules": "Rules", "withheld": "cells withheld",
        "mark": "c stands for a cell that is not shown.", "none": "no rule",
        "code": "Code", "n": "persons", "share": "share", "mean": "mean", "total": "total",
        "release": "The folder `release` may leave the room. The folder `check` is for the output "
        "checker and stays: it tells the number of persons of each cell, why cells are withheld, "
        "and what an attacker could work out of them.",
    },
    "nl": {
        "title": "Uitvoer ter controle", "tables": "Tabellen", "figures": "Figuren",
        "methods": "Gegevens en methode", "rules": "Regels", "withheld": "cellen weggelaten",
        "mark": "c staat voor een cel die niet wordt getoond.", "none": "geen regel",
        "code": "Code", "n": "personen", "share": "aandeel", "mean": "gemiddelde",
        "total": "totaal",
        "release": "De map `release` mag de ruimte verlaten. De map `check` is voor wie de uitvoer "
        "controleert en blijft binnen: zij toont het aantal personen van elke cel, waarom cellen "
        "zijn weggelaten, en wat een aanvaller eruit zou kunnen afleiden.",
    },
}  # fmt: skip
_LABELS = {
    "n": "aantal personen", "persons": "personen", "origin": "herkomst", "quarter": "kwartaal",
    "year": "jaar", "sex": "geslacht", "cohort": "cohorte", "period": "periode",
    "event": "periodes sinds de start", "phase": "fase", "estimate": "schatting",
    "std_error": "standaardfout", "conf_low": "ondergrens", "conf_high": "bovengrens",
    "band_low": "band, onder", "band_high": "band, boven", "p_value": "p-waarde",
    "statistic": "toetsgrootheid", "n_treated": "behandelden", "n_control": "controles",
    "status": "status", "reason": "reden", "time": "tijd", "n_risk": "in de risicogroep",
    "n_event": "gebeurtenissen", "n_censored": "gecensureerd", "survival": "overleving",
    "cumulative_hazard": "cumulatieve hazard", "Coefficient": "coefficient", "Estimate": "schatting",
    "Std. Error": "standaardfout", "t value": "t-waarde", "Pr(>|t|)": "p-waarde",
    "employed": "aan het werk", "wage": "loon", "group": "groep", "gap": "kloof", "total": "totaal",
}  # fmt: skip
_STYLE = (
    ":root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;max-width:60em;"
    "margin:2em auto;padding:0 1em;color:CanvasText;background:Canvas}table{border-collapse:"
    "collapse;margin:1em 0}caption{text-align:left;font-weight:600;padding:.3em 0}th,td{padding:"
    ".25em .8em;border-bottom:1px solid color-mix(in srgb,CanvasText 20%,transparent);text-align:"
    "left}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}figure{margin:1.5em 0}"
    "svg{max-width:100%;height:auto;background:#fff}"
)


class Bundle:
    """Outputs gathered for the output checker, protected by a profile.

    :meth:`write` makes a folder with two parts. ``release`` may leave the room: tables as CSV and
    HTML, figures as SVG, a page with all of them, the paragraph on methods, and a manifest.
    ``check`` stays: the number of persons of each cell, the reasons of withheld cells, the attack
    on them, and the log. Tables are protected together with all that the session released before.

    Parameters
    ----------
    profile : Disclosure
        The rules; where :func:`kruispunt.set_disclosure` set one, its session is used.
    title : str
        The title of the page.
    language : {"en", "nl"}
        The language of headings, labels and methods.
    labels : dict, optional
        Text for names of columns and labels in tables, beside those known in Dutch.
    code : sequence of path
        Files with the code that made the outputs; their SHA-256 is told.

    Examples
    --------
    >>> import tempfile
    >>> people = {"origin": ["EU"] * 40 + ["other"] * 3}
    >>> bundle = kp.Bundle(kp.Disclosure(min_cell=5), "Herkomst", language="nl")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = bundle.tabulate("herkomst", people, "origin").write(folder + "/export")
    ...     print((path / "release" / "tables" / "herkomst.csv").read_text())
    herkomst,aantal personen
    EU,c
    other,c
    totaal,43
    <BLANKLINE>
    """

    def __init__(
        self,
        profile: Disclosure,
        title: str,
        *,
        language: Literal["en", "nl"] = "en",
        labels: Mapping[str, str] | None = None,
        code: Sequence[str | Path] = (),
    ) -> None:
        if language not in _WORDS:
            message = f'`language`: {language!r} is not "en" or "nl"'
            raise InputError(message)
        known = current()
        same = known is not None and known.profile == profile
        self._session = known if known is not None and same else Session(profile, None)
        self._title, self._language = title, language
        self._labels = {**(_LABELS if language == "nl" else {}), **(labels or {})}
        self._code = [Path(one) for one in code]
        self._parts: list[dict[str, Any]] = []

    def _name(self, name: str) -> None:
        if not name.replace("-", "").replace("_", "").isalnum():
            message = f"`name`: {name!r} is the name of a file; use letters, digits, - and _"
            raise InputError(message)
        if any(part["name"] == name for part in self._parts):
            message = f"`name`: there is an output {name!r} already"
            raise InputError(message)

    def _run(self, protect: Any) -> Any:
        """Protect within the session, whichever is on."""
        from kruispunt import _gate

        _gate._sessions.append(self._session)
        try:
            return protect()
        finally:
            _gate._sessions.remove(self._session)

    def table(self, name: str, data: Any, caption: str = "", **roles: Any) -> Self:
        """Add a table of cells, or the estimates of a result.

        Parameters
        ----------
        name : str
            The name of the file.
        data : data frame, Protected, Fit, Effects, Survival, ...
            What is protected; a table that is protected already stays so.
        caption : str
            What it shows, with units.
        **roles
            The roles of its columns, as in :meth:`Disclosure.protect`.

        Raises
        ------
        DisclosureError, InputError
            As :meth:`Disclosure.protect`.
        """
        self._name(name)
        profile = self._session.profile
        found = data
        if not isinstance(data, Protected):
            found = self._run(lambda: profile.protect(data, name=name, **roles))
        counts = None
        if isinstance(found, Protected) and not isinstance(data, Protected):
            counts = to_table(data)
        self._parts.append({
            "kind": "table", "name": name, "caption": caption, "shown": found, "counts": counts,
            "manifest": _manifest(data),
        })  # fmt: skip
        return self

    def tabulate(
        self, name: str, data: Any, by: str | Sequence[str], caption: str = "", **options: Any
    ) -> Self:
        """Count persons by variables and add the protected table; see :meth:`Disclosure.tabulate`."""
        self._name(name)
        profile = self._session.profile
        found = self._run(lambda: profile.tabulate(data, by, name=name, **options))
        kept = {key: options[key] for key in ("person", "margins") if key in options}
        raw = Disclosure().tabulate(data, by, name=name, **kept)
        self._parts.append({
            "kind": "table", "name": name, "caption": caption, "shown": found,
            "counts": raw.__kruispunt_table__(), "manifest": _manifest(found) or _manifest(data),
        })  # fmt: skip
        return self

    def figure(self, name: str, draw: Any, caption: str = "", *, safe: str | None = None) -> Self:
        """Add a drawing.

        Parameters
        ----------
        name : str
            The name of the file.
        draw : callable, or matplotlib axes or figure
            A function that draws with a plot of kruispunt, such as ``effects.plot``, called while
            the profile is on; or a drawing, which needs `safe`.
        caption : str
            What it shows.
        safe : str, optional
            Why a drawing that no rule can judge is no risk; it is logged.
        """
        self._name(name)

        def drawn() -> str:
            plot = draw() if callable(draw) else draw
            self._session.drawing(plot, name, safe)
            return _svg(plot)

        svg = self._run(drawn)
        self._parts.append({
            "kind": "figure", "name": name, "caption": caption, "shown": svg, "manifest": None,
        })  # fmt: skip
        return self

    def write(self, folder: str | Path) -> Path:
        """Write the folder and give its full path; a folder that is there is not touched.

        Raises
        ------
        DisclosureError
            If there is nothing in the bundle, or a table failed its audit.
        InputError
            If the folder is there already, or a file of code is not.
        """
        target = Path(folder)
        if not self._parts:
            message = "the bundle is empty"
            raise DisclosureError(message)
        if target.exists():
            message = f"`folder`: {target.name!r} is there already; exports are not overwritten"
            raise InputError(message)
        code = {}
        for path in self._code:
            if not path.is_file():
                message = f"`code`: there is no file {path.name!r}"
                raise InputError(message)
            code[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
        part = target.with_name(target.name + ".part")
        shutil.rmtree(part, ignore_errors=True)
        for inner in ("release/tables", "release/figures", "check"):
            (part / inner).mkdir(parents=True)
        outputs = [self._put(one, part) for one in self._parts]
        methods = self._methods()
        page = self._page(outputs, methods, code)
        (part / "release" / "index.html").write_text(page, encoding="utf-8")
        (part / "release" / "methods.txt").write_text(methods + "\n", encoding="utf-8")
        for own in outputs:
            own.pop("html")
        told = {
            "title": self._title,
            "language": self._language,
            "kruispunt": _core.VERSION,
            "profile": self._session.profile.rules(),
            "code": code,
            "outputs": outputs,
        }
        text = json.dumps(told, ensure_ascii=False, indent=2)
        (part / "release" / "manifest.json").write_text(text + "\n", encoding="utf-8")
        words = _WORDS[self._language]
        readme = f"{self._title}\n\n{words['release']}\n"
        (part / "README.txt").write_text(readme, encoding="utf-8")
        digest = hashlib.sha256(text.encode()).hexdigest()
        self._session.note("bundle", target.name, "written", sha256=digest, outputs=len(outputs))
        lines = [json.dumps(entry, ensure_ascii=False) for entry in self._session.log.entries]
        (part / "check" / "log.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        part.rename(target)
        return target.resolve()

    def _put(self, one: dict[str, Any], part: Path) -> dict[str, Any]:
        """Write one output and say what it is."""
        name, shown = one["name"], one["shown"]
        told: dict[str, Any] = {"name": name, "kind": one["kind"], "caption": one["caption"]}
        if one["kind"] == "figure":
            path = part / "release" / "figures" / f"{name}.svg"
            path.write_text(shown, encoding="utf-8")
            told["html"] = shown[shown.find("<svg") :]
        else:
            native = self._translated(to_table(shown))
            path = part / "release" / "tables" / f"{name}.csv"
            write_csv(native, path, "c")
            told["html"] = _html_table(native, one["caption"], self._language)
            (path.with_suffix(".html")).write_text(
                _document(one["caption"] or name, told["html"], self._language), encoding="utf-8"
            )
            told["rows"] = len(native)
            if isinstance(shown, Protected):
                if not shown.is_safe:
                    message = f"table {name!r} failed its audit"
                    raise DisclosureError(message)
                told["withheld"] = shown.withheld
                self._session.note("table", name, "released", withheld=shown.why)
                check = part / "check"
                _plain_csv(
                    shown.native.reasons(dutch=self._language == "nl"), check, name, "reasons"
                )
                _plain_csv(shown.native.audit(), check, name, "audit")
                if one["counts"] is not None:
                    _plain_csv(one["counts"], check, name, "cells")
            else:
                self._session.note("table", name, "released")
        told["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
        if one["manifest"] is not None:
            told["made"] = one["manifest"].to_dict()
            # what happened to few persons is not for release
            told["made"]["account"] = None
        return told

    def _translated(self, native: _core.Table) -> _core.Table:
        """Give names and labels in the language of the bundle."""
        columns = []
        taken: set[str] = set()
        for name in native.columns:
            column = native.column(name)
            own = self._labels.get(name, name)
            own = name if own in taken else own
            taken.add(own)
            if column.kind in {"text", "category"}:
                cells = [row[0] for row in native.select([name]).cells(0, len(native))]
                labels = [cell if cell is None else self._labels.get(cell, cell) for cell in cells]
                column = _core.Column.texts(labels)
            columns.append((own, column))
        return _core.Table.from_columns(columns)

    def _methods(self) -> str:
        paragraphs = [
            one["manifest"].methods(self._language) for one in self._parts if one["manifest"]
        ]
        said = self._session.profile.native.said()
        words = _WORDS[self._language]
        return "\n\n".join([*dict.fromkeys(paragraphs), f"{words['rules']}: {said}."])

    def _page(self, outputs: list[dict[str, Any]], methods: str, code: dict[str, str]) -> str:
        words = _WORDS[self._language]
        body = [f"<h1>{html.escape(self._title)}</h1>"]
        for kind, heading in (("table", words["tables"]), ("figure", words["figures"])):
            own = [one for one in outputs if one["kind"] == kind]
            if own:
                body.append(f"<h2>{heading}</h2>")
            for one in own:
                withheld = one.get("withheld")
                note = f"<p>{withheld} {words['withheld']}. {words['mark']}</p>" if withheld else ""
                caption = html.escape(one["caption"])
                inner = one["html"] + note
                if kind == "figure":
                    inner = f"<figure>{inner}<figcaption>{caption}</figcaption></figure>"
                body.append(inner)
        body.append(f"<h2>{words['methods']}</h2>")
        body += [f"<p>{html.escape(text)}</p>" for text in methods.split("\n\n")]
        if code:
            rows = "".join(
                f"<tr><td>{html.escape(name)}</td><td><code>{digest}</code></td></tr>"
                for name, digest in code.items()
            )
            body.append(f"<h2>{words['code']}</h2><table>{rows}</table>")
        return _document(self._title, "\n".join(body), self._language)

    def __len__(self) -> int:
        return len(self._parts)

    def __repr__(self) -> str:
        names = ", ".join(one["name"] for one in self._parts) or "nothing yet"
        return f"Bundle {self._title!r}: {names}"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{html.escape(one['name'])}</td><td>{one['kind']}</td>"
            f"<td>{html.escape(one['caption'])}</td></tr>"
            for one in self._parts
        )
        return f"<div><p>{html.escape(repr(self))}</p><table>{rows}</table></div>"


def _manifest(data: Any) -> Manifest | None:
    return manifest(data) if made(data) is not None else None


def _plain_csv(table: _core.Table, folder: Path, name: str, what: str) -> None:
    write_csv(table, folder / f"{name}.{what}.csv", "")


def _html_table(table: _core.Table, caption: str, language: str) -> str:
    numeric = [table.column(name).kind in {"int", "float"} for name in table.columns]
    head = "".join(
        f'<th scope="col"{" class=n" if own else ""}>{html.escape(name)}</th>'
        for name, own in zip(table.columns, numeric, strict=True)
    )
    rows = []
    for cells in table.cells(0, len(table)):
        shown = (
            f"<td{' class=n' if own else ''}>{_number(cell, language) if own else html.escape(cell or '')}</td>"
            for cell, own in zip(cells, numeric, strict=True)
        )
        rows.append(f"<tr>{''.join(shown)}</tr>")
    said = f"<caption>{html.escape(caption)}</caption>" if caption else ""
    return f"<table>{said}<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _number(cell: str | None, language: str) -> str:
    if cell is None:
        return "c"
    value = float(cell)
    if value == int(value) and abs(value) < 1e15:
        text = f"{int(value):,}"
    else:
        text = f"{value:.4g}"
    swap = {",": ".", ".": ","} if language == "nl" else {}
    return "".join(swap.get(one, one) for one in text)


def _document(title: str, body: str, language: str) -> str:
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head><body>{body}</body></html>\n"
    )
