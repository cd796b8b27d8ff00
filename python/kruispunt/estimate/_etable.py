"""Fits side by side."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Literal

from kruispunt import _core
from kruispunt._gate import current
from kruispunt.estimate._fit import Fit
from kruispunt.estimate._fits import Fits

__all__ = ["etable"]


class Printed(str):  # noqa: SLOT000 - it has one more thing to say
    """A table as text, which a notebook shows as a table."""

    html: str
    passed: bool = False

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return self.html


def etable(
    models: Fit | Fits | Sequence[Fit],
    type: Literal["text", "md", "html", "tex"] = "text",  # noqa: A002 - as in pyfixest
    *,
    labels: Mapping[str, str] | None = None,
    model_heads: Sequence[str] = (),
    keep: Sequence[str] = (),
    digits: int = 3,
    signif_code: Sequence[float] | None = (0.001, 0.01, 0.05),
) -> str:
    """Put fits side by side: coefficients over standard errors, effects, observations.

    Parameters
    ----------
    models : Fit, Fits or sequence of Fit
        The columns of the table.
    type : {"text", "md", "html", "tex"}
        Plain text, Markdown, HTML, or a LaTeX ``tabular`` with the rules of ``booktabs``.
    labels : dict, optional
        Text for names of coefficients, outcomes and effects; parts of interactions one by one.
    model_heads : sequence of str
        Text over each column; (1), (2), ... by default.
    keep : sequence of str
        The coefficients to show, in this order; all by default.
    digits : int
        Decimals.
    signif_code : sequence of float or None
        P values below which one star more is added; pyfixest's by default, ``None`` for no stars.

    Returns
    -------
    str
        The table; a notebook shows plain text and HTML as a table, the others as they are.

    Raises
    ------
    DisclosureError
        If a profile is set (:func:`kruispunt.set_disclosure`) and a model has too few degrees of
        freedom or observations.

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

    def written(type_: str) -> str:
        table = _core.etable(
            [fit.native for fit in fits],
            type_,
            list((labels or {}).items()),
            list(model_heads),
            list(keep),
            digits,
            list(signif_code or ()),
        )
        return table.rstrip("\n")

    table = Printed(written(type))
    table.passed = session is not None
    shown = type in ("text", "html")
    table.html = written("html") if shown else f"<pre>{html.escape(table)}</pre>"
    return table
