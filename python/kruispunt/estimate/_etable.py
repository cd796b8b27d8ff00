"""Fits side by side."""

from __future__ import annotations

import csv
import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from kruispunt import _core
from kruispunt._frames import to_frame
from kruispunt._gate import current
from kruispunt.estimate._chosen import chosen
from kruispunt.estimate._fit import Fit
from kruispunt.estimate._fits import Fits
from kruispunt.table import Table

__all__ = ["etable"]


class Printed(str):  # noqa: SLOT000 - it has one more thing to say
    """A table as text, which a notebook shows as a table."""

    html: str
    passed: bool = False

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return self.html


def etable(  # noqa: PLR0917 - the order of pyfixest
    models: Fit | Fits | Sequence[Fit],
    type: Literal["text", "md", "html", "gt", "tex", "df"] = "text",  # noqa: A002 - as in pyfixest
    signif_code: Sequence[float] | None = (0.001, 0.01, 0.05),
    coef_fmt: str | None = None,
    custom_stats: Mapping[str, Sequence[Sequence[float | str]]] | None = None,
    custom_model_stats: Mapping[str, Sequence[float | str]] | None = None,
    keep: Sequence[str] | str | None = None,
    drop: Sequence[str] | str | None = None,
    exact_match: bool = False,  # noqa: FBT001, FBT002
    labels: Mapping[str, str] | None = None,
    cat_template: str | None = None,
    show_fe: bool = True,  # noqa: FBT001, FBT002
    felabels: Mapping[str, str] | None = None,
    fe_present: str = "x",
    fe_absent: str = "-",
    notes: str | None = None,
    model_heads: Sequence[str] | None = None,
    head_order: Literal["dh", "hd", "d", "h", ""] = "dh",
    file_name: str | Path | None = None,
    *,
    digits: int = 3,
) -> Any:
    r"""Put fits side by side: coefficients over standard errors, effects, observations.

    Parameters
    ----------
    models : Fit, Fits or sequence of Fit
        The columns of the table.
    type : {"text", "md", "html", "gt", "tex", "df"}
        Plain text, Markdown, HTML (``"gt"`` too: a table that a notebook shows), a LaTeX ``tabular``
        with the rules of ``booktabs``, or a data frame of the kind the first fit was made from.
    signif_code : sequence of float or None
        P values below which one star more is added; pyfixest's by default, ``None`` for no stars.
    coef_fmt : str, optional
        What a cell shows, ``"b*\n(se)"`` by default: ``b``, ``se``, ``t``, ``p``, ``ci95l``,
        ``ci95u`` and the names of `custom_stats`, with text between them. ``\n`` starts a line,
        ``*`` adds the stars, ``:.2f``, ``:,.2f``, ``:.2e`` and ``:d`` say how a number is written;
        a backslash takes the next character as it is.
    custom_stats : dict, optional
        Numbers or texts by name for `coef_fmt`: for each model a sequence with one entry a
        coefficient, in the order of ``fit.coef()``.
    custom_model_stats : dict, optional
        More lines at the bottom: a label and one entry a model.
    keep, drop : str or sequence of str, optional
        Regular expressions for the coefficients to show, in the order of `keep`, and to leave out.
    exact_match : bool
        Whether they are names, not expressions.
    labels : dict, optional
        Text for names of coefficients, outcomes and effects; parts of interactions one by one.
    cat_template : str, optional
        How a level of a category is named, such as ``"{variable}: {value}"``; by default as the
        coefficient is.
    show_fe : bool
        Whether to list the effects.
    felabels : dict, optional
        Text for the effects.
    fe_present, fe_absent : str
        The marks of models with and without an effect.
    notes : str, optional
        The text under the table, in place of what cells hold and what stars mean.
    model_heads : sequence of str, optional
        Text over each column; (1), (2), ... by default.
    head_order : {"dh", "hd", "d", "h", ""}
        What stands over the columns: outcome and head, head and outcome, outcome and number, head,
        or the number only.
    file_name : str or Path, optional
        A file to write the table to as well.
    digits : int
        Decimals.

    Returns
    -------
    str or data frame
        The table; a notebook shows plain text and HTML as a table, the others as they are.

    Raises
    ------
    InputError
        For patterns that match no coefficient, a format that cannot be read, or statistics that do
        not have one entry for each coefficient or model.
    DisclosureError
        If a profile is set (:func:`kruispunt.set_disclosure`) and a model has too few degrees of
        freedom or observations, or there are statistics of one's own, which nobody has checked.

    Examples
    --------
    >>> panel = {"person": [7, 7, 9, 9], "trained": [0, 1, 0, 1], "wage": [10.0, 12.0, 20.0, 24.0]}
    >>> fit = kp.feols("wage ~ trained | person", panel)
    >>> print(kp.etable(fit, labels={"trained": "Trained"}, signif_code=None))
                       wage
                        (1)
    -----------------------
    Trained           3.000
                    (1.000)
    -----------------------
    person effects        x
    -----------------------
    Observations          4
    R²                0.992
    R² within         0.900
    Std. errors         iid
    -----------------------
    Standard errors in parentheses.
    """
    fits = [models] if isinstance(models, Fit) else list(models)
    session = current()
    if session is not None:
        session.models("etable", {f"model {at}": fit for at, fit in enumerate(fits, start=1)})
        if custom_stats or custom_model_stats:
            why = (
                "statistics of one's own are not checked (`custom_stats`, `custom_model_stats`): "
                "protect them as a table of their own"
            )
            raise session.refuse("etable", "custom_stats", why)
    names = [name for fit in fits for name in fit.coef()]
    names = [name for name in names if name != "Intercept"] + ["Intercept"] * ("Intercept" in names)
    heads = list(model_heads or ())
    asked: dict[str, Any] = {
        "labels": list((labels or {}).items()),
        "category": cat_template,
        "heads": heads,
        "head_order": head_order,
        "keep": chosen(names, keep, drop, exact_match) if keep or drop else [],
        "digits": digits,
        "stars": list(signif_code or ()),
        "cells": coef_fmt or ("b*\n(se)" if custom_stats else None),
        "own": [
            (name, [[_plain(cell) for cell in own] for own in cells])
            for name, cells in (custom_stats or {}).items()
        ],
        "marks": (fe_present, fe_absent) if show_fe else None,
        "effect_labels": list((felabels or {}).items()),
        "below": [
            (label, [_text(cell, digits) for cell in cells])
            for label, cells in (custom_model_stats or {}).items()
        ],
        "note": notes,
    }
    native = [fit.native for fit in fits]
    if type == "df":
        rows = _core.etable_rows(native, asked)
        heads += [f"({at})" for at in range(len(heads) + 1, len(fits) + 1)]
        columns = {"": [label for label, _ in rows]}
        for at, head in enumerate(heads[: len(fits)]):
            name = head if head not in columns else f"{head} ({at + 1})"
            columns[name] = [cells[at] for _, cells in rows]
        frame = to_frame(Table(columns).native, fits[0].like if fits else None)
        if file_name is not None:
            with Path(file_name).open("w", encoding="utf-8", newline="") as file:
                csv.writer(file).writerows([list(columns), *zip(*columns.values(), strict=True)])
        return frame

    def written(form: str) -> str:
        return _core.etable(native, form, asked).rstrip("\n")

    table = Printed(written("html" if type == "gt" else type))
    table.passed = session is not None
    shown = type in ("text", "html", "gt")
    table.html = written("html") if shown else f"<pre>{html.escape(table)}</pre>"
    if file_name is not None:
        Path(file_name).write_text(table + "\n", encoding="utf-8")
    return table


def _plain(cell: Any) -> float | str:
    """Give a cell as a number or text, whatever type holds it."""
    return cell if isinstance(cell, str) else float(cell)


def _text(cell: Any, digits: int) -> str:
    if isinstance(cell, str):
        return cell
    number = float(cell)
    if number.is_integer() and not isinstance(cell, float):
        return f"{int(number):,}"
    return f"{number:.{digits}f}"
