"""Coefficients chosen by pattern."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from kruispunt.exceptions import InputError

__all__ = ["chosen"]


def chosen(
    names: Iterable[str],
    keep: Sequence[str] | str | None = None,
    drop: Sequence[str] | str | None = None,
    exact_match: bool = False,  # noqa: FBT001, FBT002 - as in pyfixest
) -> list[str]:
    """Choose names by regular expressions, in the order of the expressions in `keep`.

    A name itself is a pattern too, whatever characters it has. A pattern that matches nothing, and
    patterns that leave nothing, are errors.
    """
    all_names = list(dict.fromkeys(names))

    def matches(argument: str, pattern: str) -> list[str]:
        found = [name for name in all_names if name == pattern]
        try:
            expression = None if exact_match else re.compile(pattern)
        except re.error as error:
            if not found:
                message = f"`{argument}`: {pattern!r} is not a regular expression ({error})"
                raise InputError(message) from error
            expression = None
        if expression is not None:
            found = [name for name in all_names if name == pattern or expression.search(name)]
        if not found:
            present = ", ".join(all_names[:20]) + (", ..." if len(all_names) > 20 else "")
            message = f"`{argument}`: no fit has a coefficient {pattern!r}; found {present}"
            raise InputError(message)
        return found

    kept = [name for pattern in _listed(keep) for name in matches("keep", pattern)]
    kept = list(dict.fromkeys(kept)) if _listed(keep) else all_names
    gone = {name for pattern in _listed(drop) for name in matches("drop", pattern)}
    left = [name for name in kept if name not in gone]
    if gone and not left:
        message = "`drop`: no coefficient is left"
        raise InputError(message)
    return left


def _listed(patterns: Sequence[str] | str | None) -> list[str]:
    if patterns is None:
        return []
    return [patterns] if isinstance(patterns, str) else list(patterns)
