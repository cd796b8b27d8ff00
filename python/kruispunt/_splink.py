"""Settings of Splink, read as comparisons, blocking rules and a model."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from kruispunt.exceptions import InputError

__all__ = ["read"]

NAME = r'"?([^"\s,()]+?)"?'
EQUAL = re.compile(r'^"?([^"\s,()]+?)_l"? = "?([^"\s,()]+?)_r"?$')
BETWEEN = re.compile(r'^(\w+)\("?([^"\s,()]+?)_l"?, ?"?([^"\s,()]+?)_r"?\) (<=|>=) ([0-9.]+)$')
SAME = re.compile(rf"^l\.{NAME} = r\.{NAME}$")
FIRST = re.compile(
    rf"^substr(?:ing)?\(l\.{NAME}, ?1, ?(\d+)\) = substr(?:ing)?\(r\.{NAME}, ?1, ?(\d+)\)$", re.I
)
MEASURES = {
    "jaro_winkler_similarity": "jaro_winkler",
    "jaro_similarity": "jaro",
    "levenshtein": "levenshtein",
    "damerau_levenshtein": "damerau",
}

Compared = tuple[str, str, bool, list[float]]
Blocked = list[str | tuple[str, int]]


def read(settings: Any) -> dict[str, Any]:
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


def comparison(stored: dict[str, Any], at: int) -> tuple[Compared, list[float], list[float]]:
    """Read one comparison: kind, column, term frequencies, thresholds; then m and u."""
    kind, column, tf, thresholds = "exact", "", False, list[float]()
    m, u = list[float](), list[float]()
    where = f"`settings`: comparison {at}"
    levels = [one for one in stored.get("comparison_levels", []) if not one.get("is_null_level")]
    for place, level in enumerate(levels):
        condition = str(level.get("sql_condition", "")).strip()
        tf = tf or bool(level.get("tf_adjustment_column"))
        if "m_probability" in level and "u_probability" in level:
            m.append(float(level["m_probability"]))
            u.append(float(level["u_probability"]))
        if place == 0:
            found = EQUAL.match(condition)
            if not found or found[1] != found[2]:
                raise InputError(f"{where}: the first level is not the equality of one column")
            column = found[1]
        elif condition.upper() == "ELSE":
            break
        else:
            rung = BETWEEN.match(condition)
            if not rung or rung[1] not in MEASURES or rung[2] != column or rung[3] != column:
                raise InputError(
                    f"{where}, level {place}: only Jaro, Jaro-Winkler, Levenshtein and "
                    "Damerau-Levenshtein of the same column can be read"
                )
            own = MEASURES[rung[1]]
            if kind not in {"exact", own}:
                raise InputError(f"{where}: its levels use two measures")
            kind = own
            thresholds.append(float(rung[5]))
    if not column:
        raise InputError(f"{where} has no levels")
    return (kind, column, tf, thresholds), m, u


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
