"""How one fit or several show themselves: methods that :class:`Fit` and :class:`Fits` share."""

from __future__ import annotations

from typing import Any

__all__ = ["coefplot", "etable", "iplot"]


def etable(self: Any, type: str = "text", **options: Any) -> Any:  # noqa: A002 - as in pyfixest
    """Give a regression table, several fits side by side; see :func:`kruispunt.etable`."""
    from kruispunt.estimate._etable import etable

    return etable(self, type, **options)  # type: ignore[arg-type]


def coefplot(self: Any, **options: Any) -> Any:
    """Draw the coefficients, those of several fits side by side; see :func:`kruispunt.coefplot`."""
    from kruispunt.plots import coefplot

    return coefplot(self, **options)


def iplot(self: Any, **options: Any) -> Any:
    """Draw an event study, those of several fits side by side; see :func:`kruispunt.iplot`."""
    from kruispunt.plots import iplot

    return iplot(self, **options)
