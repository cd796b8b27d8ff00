"""What made a result, as JSON and as a paragraph on methods."""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Any, Literal

import numpy as np

from kruispunt import _core
from kruispunt._made import Input, Made, made
from kruispunt.account import Account
from kruispunt.exceptions import InputError

__all__ = ["Manifest", "manifest"]

_FACTS = (
    "formula", "outcome", "method", "estimand", "comparison", "by", "n_obs", "n_units", "df",
    "vcov_type", "identified_share", "effects", "clusters", "dropped", "cautions", "goodness",
    "groups", "causes", "kind", "definition", "mean_mismatch",
)  # fmt: skip


class Manifest:
    """What made a result: inputs, options, seeds, version and account.

    :func:`manifest` makes it. It holds no cell of any table: of inputs it tells the name, the
    number of rows, the columns that were read and their fingerprint.

    Examples
    --------
    >>> panel = {"person": [7, 7, 9, 9], "trained": [0, 1, 0, 1], "wage": [10.0, 12.0, 20.0, 24.0]}
    >>> made = kp.manifest(kp.feols("wage ~ trained | person", panel))
    >>> made["result"], made["calls"][0]["verb"], made["inputs"][0]["rows"]
    ('Fit', 'feols', 4)
    >>> "Kleinste kwadraten: wage ~ trained | person" in made.methods("nl")
    True
    """

    __slots__ = ("_json",)

    def __init__(self, text: str) -> None:
        self._json = _core.check_manifest(text)

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """Read a manifest that :meth:`to_json` wrote.

        Raises
        ------
        InputError
            If the text is not a manifest.
        """
        return cls(text)

    def to_json(self) -> str:
        """Write the manifest as JSON."""
        return self._json

    def to_dict(self) -> dict[str, Any]:
        """Give the manifest as a dictionary."""
        loaded: dict[str, Any] = json.loads(self._json)
        return loaded

    def __getitem__(self, name: str) -> Any:
        return self.to_dict()[name]

    @property
    def account(self) -> Account | None:
        """What happened to the rows."""
        raw = self.to_dict()["account"]
        return None if raw is None else Account.from_json(json.dumps(raw))

    @property
    def seeds(self) -> dict[str, int]:
        """The seeds, by verb."""
        calls = self.to_dict()["calls"]
        return {c["verb"]: c["options"]["seed"] for c in calls if c["options"].get("seed")}

    def methods(self, language: Literal["en", "nl"] = "en") -> str:
        """Give a paragraph on data and methods.

        Parameters
        ----------
        language : {"en", "nl"}
            English or Dutch. Verbs without a sentence of their own, and reasons that were never
            translated, are told as they are.
        """
        return _core.manifest_methods(self._json, language)

    def write(self, path: str | Path) -> Path:
        """Write the manifest as JSON, or its paragraphs in both languages (``.txt``, ``.md``)."""
        target = Path(path)
        text = self._json + "\n"
        if target.suffix in {".txt", ".md"}:
            text = f"{self.methods('en')}\n\n{self.methods('nl')}\n"
        target.write_text(text, encoding="utf-8")
        return target.resolve()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Manifest) and self._json == other._json

    def __hash__(self) -> int:
        return hash(self._json)

    def __reduce__(self) -> tuple[Any, ...]:
        return Manifest, (self._json,)

    def __repr__(self) -> str:
        raw = self.to_dict()
        lines = [f"Manifest of a {raw['result']}, made by kruispunt {raw['kruispunt']}"]
        lines += [
            f"  {one['name']}: {one['rows']:,} rows, {one['fingerprint'][:12]}..."
            for one in raw["inputs"]
        ]
        lines += [f"  {at}. {call['verb']}" for at, call in enumerate(raw["calls"], start=1)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        raw = self.to_dict()
        rows = "".join(
            f"<tr><td>{html.escape(one['name'])}</td>"
            f'<td style="text-align: right">{one["rows"]:,}</td>'
            f"<td>{html.escape(', '.join(one['columns']))}</td>"
            f"<td><code>{one['fingerprint'][:16]}</code></td></tr>"
            for one in raw["inputs"]
        )
        head = "<tr><th>table</th><th>rows</th><th>columns read</th><th>fingerprint</th></tr>"
        calls = "".join(f"<li>{_told(call)}</li>" for call in raw["calls"])
        return (
            f"<div><p>{html.escape(self.methods('en'))}</p>"
            f'<p lang="nl">{html.escape(self.methods("nl"))}</p>'
            f"<table><thead>{head}</thead><tbody>{rows}</tbody></table><ol>{calls}</ol></div>"
        )


def _told(call: dict[str, Any]) -> str:
    given = [f"{name}={value!r}" for name, value in call["options"].items() if value is not None]
    return f"<code>{html.escape(call['verb'])}({html.escape(', '.join(given))})</code>"


def manifest(result: Any) -> Manifest:
    """Say what made a result.

    Every result remembers the call that made it: the verb, all its options (those left as they
    are included), the results it used, and of each table that came from elsewhere the columns that
    were read with a fingerprint (XXH3 of names, kinds and values, taken when the table was read). The same inputs, options, seed and version give the same result to the last bit, so that
    a manifest is a recipe; compare its fingerprints with :meth:`Table.fingerprint` of what lies in
    a folder. Records are kept beside results, never in data, and travel with pickles.

    Parameters
    ----------
    result : Fit, Effects, Links, Panel, Sequences, Survival, data frame, ...
        Any result of a verb, also when it is a data frame of the caller's kind. A plain dictionary
        cannot be known again.

    Returns
    -------
    Manifest

    Raises
    ------
    InputError
        If the object was not made by a verb of kruispunt.

    Notes
    -----
    A fingerprint reads each value once, on all cores; its floor is the memory's. It tells one
    delivery from another; it is no seal against who wants two tables to look the same.

    Examples
    --------
    >>> spells = kp.Spells(
    ...     {"pid": [1, 2], "start": ["2012-01-01"] * 2, "end": ["2012-03-31", "2012-12-31"]},
    ...     person="pid", start="start", end="end", name="jobs",
    ... )
    >>> panel = spells.episodes().to_panel(kp.Calendar.quarters("2012Q1", "2012Q4"), state=None)
    >>> [call["verb"] for call in kp.manifest(panel)["calls"]]
    ['Spells', 'Spells.episodes', 'Timeline.to_panel']
    """
    record = made(result)
    if record is None:
        kind = type(result).__qualname__
        message = (
            f"`result`: nothing is known of what made this {kind}; give a result of a verb itself "
            "(a plain dictionary or array is not known again)"
        )
        raise InputError(message)
    inputs: list[Input] = []
    calls: list[Made] = []
    _order(record, calls, set())
    for call in calls:
        inputs += [one for one in call.inputs if one not in inputs]
    account = getattr(result, "account", None)
    text = {
        "kruispunt": _core.VERSION,
        "result": type(result).__name__,
        "inputs": [
            {
                "name": one.name,
                "rows": one.rows,
                "columns": list(one.columns),
                "fingerprint": one.fingerprint,
            }
            for one in inputs
        ],
        "calls": [
            {
                "verb": call.verb,
                "reads": [inputs.index(one) for one in call.inputs],
                "uses": [calls.index(one) for one in call.uses],
                "options": call.options,
            }
            for call in calls
        ],
        "facts": _facts(result),
        "account": json.loads(account.to_json()) if isinstance(account, Account) else None,
    }
    return Manifest(json.dumps(text, ensure_ascii=False))


def _order(record: Made, found: list[Made], seen: set[int]) -> None:
    """List a call after all it uses; without recursion, as chains can be long."""
    stack: list[tuple[Made, bool]] = [(record, False)]
    while stack:
        own, done = stack.pop()
        if done:
            found.append(own)
        elif id(own) not in seen:
            seen.add(id(own))
            stack.append((own, True))
            stack += [(other, False) for other in reversed(own.uses)]


def _facts(result: Any) -> dict[str, Any]:
    """Give what a result says of itself."""
    if type(result).__module__.split(".")[0] != "kruispunt":
        return {}
    facts: dict[str, Any] = {}
    for name in _FACTS:
        attribute = getattr(type(result), name, None)
        if isinstance(attribute, property):
            value = _plain(getattr(result, name))
            if value is not None:
                facts[name] = value
    return facts


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value][:50]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    return value if isinstance(value, bool | int | str) else None
