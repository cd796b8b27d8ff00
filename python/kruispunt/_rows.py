"""Row numbers, labels and other arguments of linkage, read."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kruispunt import _core
from kruispunt._frames import IntoTable, to_table
from kruispunt.exceptions import DesignWarning, InputError
from kruispunt.table import to_numpy

__all__ = ["labelled", "probability_of", "row_columns", "row_pairs", "warn", "whole"]


def warn(cautions: Iterable[str]) -> None:
    """Warn of what whoever uses a model must know."""
    for caution in cautions:
        warnings.warn(caution, DesignWarning, stacklevel=4)


def probability_of(threshold: float | Literal["auto"]) -> float | None:
    """Read where links begin; None is automatic."""
    if isinstance(threshold, str):
        if threshold != "auto":
            raise InputError(f'`threshold`: "{threshold}" is neither "auto" nor a probability')
        return None
    return float(threshold)


def whole(argument: str, value: Any, least: int) -> None:
    """Refuse what is no whole number of at least `least`."""
    if not isinstance(value, int | np.integer) or not least <= value < 2**63:
        raise InputError(f"`{argument}` must be a whole number of at least {least}")


def row_pairs(argument: str, rows: Any) -> list[tuple[int, int]]:
    """Read pairs of row numbers, as an array of two columns or a table."""
    if isinstance(rows, list | tuple | np.ndarray):
        listed = np.asarray(rows)
        if listed.ndim != 2 or listed.shape[1] != 2 or listed.dtype.kind not in "iu":
            raise InputError(f"`{argument}`: expected row numbers of shape (n_pairs, 2)")
        left, right = listed.T
    else:
        left, right = row_columns(argument, to_table(rows, ["left_row", "right_row"], argument))
    if len(left) and (left.min() < 0 or right.min() < 0):
        raise InputError(f"`{argument}`: rows are numbered from 0")
    return list(zip(left.tolist(), right.tolist(), strict=True))


def row_columns(argument: str, table: _core.Table) -> list[NDArray[Any]]:
    """Read the two columns of row numbers of a table."""
    rows = []
    for column in ("left_row", "right_row"):
        values = to_numpy(table.column(column, argument))
        if values.dtype.kind != "i" or (values < 0).any():
            raise InputError(f'`{argument}`: column "{column}" must hold row numbers from 0')
        rows.append(values)
    return rows


def labelled(labels: IntoTable | None) -> list[tuple[int, int, bool]] | None:
    """Read pairs of rows whose status is known."""
    if labels is None:
        return None
    table = to_table(labels, None, "labels")
    left, right = row_columns("labels", table)
    match = np.ones(len(left), dtype=bool)
    if "match" in table.columns:
        values = to_numpy(table.column("match", "labels"))
        if values.dtype.kind not in "bi" or not np.isin(values, (0, 1)).all():
            raise InputError('`labels`: column "match" must hold true or false for every pair')
        match = values.astype(bool)
    return list(zip(left.tolist(), right.tolist(), match.tolist(), strict=True))
