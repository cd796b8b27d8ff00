"""Settings of Splink, read as comparisons, blocking rules and a model."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kruispunt._comparing import Comparison, compare
from kruispunt._splink_sql import KINDS, SIMILARITIES, RefusedError, Sql, holding
from kruispunt.exceptions import InputError

__all__ = ["Read", "comparison", "read", "rule"]

NAME = r'"?([^"\s,()]+?)"?'
SAME = re.compile(rf"^l\.{NAME} = r\.{NAME}$")
FIRST = re.compile(
    rf"^substr(?:ing)?\(l\.{NAME}, ?1, ?(\d+)\) = substr(?:ing)?\(r\.{NAME}, ?1, ?(\d+)\)$", re.I
)

# Splink takes no probability for less.
LEAST = 1e-300

Stored = dict[str, Any]
Blocked = list[str | tuple[str, int]]


def read(settings: Any) -> Stored:
    """Take a dictionary, the text of a JSON file or its path."""
    if isinstance(settings, dict):
        return settings
    try:
        text = str(settings)
        if not text.lstrip().startswith("{"):
            text = Path(settings).read_text(encoding="utf-8")
        found = json.loads(text)
    except (OSError, ValueError, TypeError) as error:
        kind = type(error).__name__
        raise InputError(f"`settings`: neither a JSON text nor a file with one ({kind})") from error
    if not isinstance(found, dict):
        raise InputError("`settings`: a Splink model is a JSON object")
    return found


@dataclass(slots=True)
class Read:
    """A comparison, and its m and u as far as they are there (else NaN)."""

    comparison: Comparison
    m: list[float]
    u: list[float]

    @property
    def learned(self) -> bool:
        """Whether some level has m and some has u."""
        return all(not all(map(math.isnan, own)) for own in (self.m, self.u))

    def filled(self, at: int) -> tuple[list[float], list[float], int]:
        """Give m and u, those that are not there as Splink assumes them, and how many they are."""
        n = len(self.m)
        steps = [-5 + 8 * at / max(n - 2, 1) for at in range(n - 1)]
        m = [0.95, *[0.05 / (n - 1)] * (n - 1)] if n > 1 else [0.95]
        u = [own / 2**bits for own, bits in zip(m, [10, *reversed(steps)], strict=True)]
        gone = sum(math.isnan(own) for own in (*self.m, *self.u))
        given = [
            [assumed if math.isnan(own) else max(own, LEAST) for own, assumed in pair]
            for pair in (zip(self.m, m, strict=True), zip(self.u, u, strict=True))
        ]
        if max(given[1]) > 1:
            raise InputError(
                f"`settings`: comparison {at} lacks u of its last level, for which Splink assumes "
                "more than 1; train it there, or write it into the settings"
            )
        return given[0], given[1], gone


def comparison(stored: Stored, at: int) -> Read:
    """Read one comparison."""
    where = f"`settings`: comparison {at}"
    levels: list[Stored] = list(stored.get("comparison_levels", []))
    if not levels:
        raise InputError(f"{where} has no levels")
    if str(levels[-1].get("sql_condition", "")).strip().upper() != "ELSE":
        raise InputError(f'{where}: its last level is not "ELSE"; add a level for everything else')
    sql = Sql()
    nothing: list[Stored] = []
    kept: list[tuple[str, Any]] = []
    for place, level in enumerate(levels[:-1]):
        condition = str(level.get("sql_condition", ""))
        try:
            node = sql.read(condition)
        except RefusedError as error:
            raise InputError(
                f"{where}, level {place}: {error}; rewrite it with Splink's own levels, or make "
                "the value a column of its own and compare that"
            ) from error
        if level.get("is_null_level"):
            before = [{"not": {"of": holding(own)}} for _, own in kept]
            own = holding(node)
            nothing.append({"all": {"of": [own, *before]}} if before else own)
        else:
            kept.append((str(level.get("label_for_charts") or condition), node))
    real = [one for one in levels if not one.get("is_null_level")]
    options = _options(real, [own for _, own in kept], where)
    kind, column, thresholds = _plain(kept, nothing, sql, options) or ("levels", "", [])
    settings: Stored = {"options": options}
    if kind == "levels":
        if not kept:
            raise InputError(f'{where}: it has no level but "ELSE"')
        settings["conditions"] = [[label, holding(own)] for label, own in kept]
        if sql.made:
            settings["made"] = list(sql.made.values())
        if nothing:
            settings["nothing"] = nothing[0] if len(nothing) == 1 else {"any": {"of": nothing}}
        column = str(stored.get("output_column_name") or next(iter(sql.columns), "comparison"))
    made = compare(
        kind, column, None, "common" in options, thresholds, settings=json.dumps(settings)
    )
    return Read(made, _numbers(real, "m_probability"), _numbers(real, "u_probability"))


def _numbers(levels: list[Stored], name: str) -> list[float]:
    values = [level.get(name) for level in levels]
    return [float(own) if isinstance(own, int | float) else math.nan for own in values]


def _options(levels: list[Stored], nodes: list[Any], where: str) -> Stored:
    """Give what is asked of the levels: frequencies, and m and u that are fixed."""
    options: Stored = {"written": True}
    common: list[Stored | None] = []
    for place, level in enumerate(levels):
        column, weight = level.get("tf_adjustment_column"), level.get("tf_adjustment_weight", 1.0)
        if not column or not weight or place == len(levels) - 1:
            common.append(None)
            continue
        exact = {"same": {"column": column}}
        base = next((at for at, own in enumerate(nodes) if holding(own) == exact), None)
        if level.get("disable_tf_exact_match_detection"):
            base = place
        if base is None:
            raise InputError(
                f'{where}, level {place}: term frequencies of "{column}" need a level that is its '
                "equality; add one, or set disable_tf_exact_match_detection"
            )
        least = float(level.get("tf_minimum_u_value", 0.0))
        own = {"column": column, "weight": float(weight), "least": least, "base": base}
        common.append(own)
    if any(common):
        options["common"] = common
    for flag, name, option in (
        ("fix_m_probability", "m_probability", "m"),
        ("fix_u_probability", "u_probability", "u"),
    ):
        fixed = [
            float(level[name]) if level.get(flag) and name in level else None for level in levels
        ]
        if any(own is not None for own in fixed):
            options[option] = fixed
    return options


def _plain(
    kept: list[tuple[str, Any]], nothing: list[Stored], sql: Sql, options: Stored
) -> tuple[str, str, list[float]] | None:
    """Give a comparison of one column by equality and one measure, which runs faster."""
    stored = [holding(own) for _, own in kept]
    if not stored or "same" not in stored[0] or sql.made or len(nothing) != 1:
        return None
    column = stored[0]["same"]["column"]
    missing = [{"missing": {"column": column, "right": right}} for right in (False, True)]
    if nothing[0] != {"any": {"of": missing}} or sql.columns.keys() != {column}:
        return None
    if any(own and own["column"] != column for own in options.get("common", ())):
        return None
    kind, thresholds = "exact", list[float]()
    for own in stored[1:]:
        if "alike" not in own:
            return None
        name, threshold = KINDS[own["alike"]["measure"]], own["alike"]["threshold"]
        falls = bool(thresholds) and (threshold < thresholds[-1]) != (name in SIMILARITIES)
        if kind not in {"exact", name} or falls or threshold <= 0:
            return None
        kind = name
        thresholds.append(threshold)
    return kind, column, thresholds


def rule(stored: Any, at: int) -> Blocked:
    """Read one blocking rule."""
    sql = str(stored.get("blocking_rule", "") if isinstance(stored, dict) else stored)
    keys: Blocked = []
    for raw in re.split(r"\s+and\s+", sql.strip(), flags=re.I):
        part = raw.strip()
        while part.startswith("(") and part.endswith(")"):
            part = part[1:-1].strip()
        same, first = SAME.match(part), FIRST.match(part)
        if same and same[1] == same[2]:
            keys.append(same[1])
        elif first and first[1] == first[3] and first[2] == first[4]:
            keys.append((first[1], int(first[2])))
        else:
            raise InputError(
                f"`settings`: blocking rule {at} is not an equality of columns or of first letters"
            )
    return keys
