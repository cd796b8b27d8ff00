"""One page that a person can open: text, tables, drawings, no network."""

from __future__ import annotations

import html
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kruispunt import _core
from kruispunt._frames import to_table
from kruispunt._gate import current
from kruispunt.account import Account
from kruispunt.exceptions import InputError

if TYPE_CHECKING:
    from typing import Self

__all__ = ["Report"]


class Report:
    """A report in one HTML file that opens without network and runs no code.

    Parts appear in the order in which they are added; every method gives the report back, so that
    calls can be chained.

    Parameters
    ----------
    title : str
        The title of the page.

    Examples
    --------
    >>> report = kp.Report("The origin gap").section("Sample").text("48 quarters, 2005Q1-2016Q4.")
    >>> "48 quarters" in report.html()
    True
    """

    __slots__ = ("_page",)

    def __init__(self, title: str) -> None:
        self._page = _core.Page(title)

    def lead(self, text: str) -> Self:
        """Add a paragraph under the title that says what the page is about."""
        self._page.lead(text)
        return self

    def section(self, heading: str) -> Self:
        """Start a section; sections are numbered and listed at the top."""
        self._page.section(heading)
        return self

    def text(self, text: str) -> Self:
        """Add a paragraph."""
        self._page.paragraph(text)
        return self

    def remark(self, text: str) -> Self:
        """Add a remark set apart: what a number means, what it must not be read as."""
        self._page.remark(text)
        return self

    def table(
        self,
        data: Any,
        caption: str = "",
        *,
        digits: int = 3,
        max_rows: int = 200,
        name: str | None = None,
        safe: str | None = None,
        **roles: Any,
    ) -> Self:
        """Add a table.

        Parameters
        ----------
        data : data frame, mapping or Table
            See :class:`kruispunt.Table`.
        caption : str
            What the table shows, with units.
        digits : int
            Decimals of real numbers, 0 to 15.
        max_rows : int
            Rows shown at most; how many more there are is said below the table.
        name : str, optional
            What the table is called in the log of disclosure control; the caption by default.
        safe : str, optional
            With a profile of disclosure control (:func:`kruispunt.set_disclosure`): why the table
            is no risk, though no rule can judge it; it is logged.
        **roles
            With a profile: the roles of the columns, as in :meth:`Disclosure.protect`.

        Raises
        ------
        DisclosureError
            If a profile is set and the table may not leave the room.
        """
        if digits < 0 or max_rows < 0:
            message = f"`digits` and `max_rows` are 0 or more; got {digits} and {max_rows}"
            raise InputError(message)
        session = current()
        if session is None:
            table = to_table(data)
        else:
            called = name or caption or "table"
            table = session.table(data, called, output="table", safe=safe, **roles)
        self._page.table(table, caption, digits, max_rows)
        return self

    def flow(self, account: Account, caption: str = "Flow of rows and persons") -> Self:
        """Add the flow diagram of an account.

        With a profile of disclosure control, reasons that few rows or persons have become one, and
        notes are left out.
        """
        session = current()
        shown = account if session is None else session.account(account)
        self._page.flow(shown.to_json(), caption)
        return self

    def figure(self, drawing: Any, caption: str, *, safe: str | None = None) -> Self:
        """Add a drawing.

        Parameters
        ----------
        drawing : matplotlib.axes.Axes, matplotlib.figure.Figure or str
            A plot, or the text of an SVG drawing.
        caption : str
            What the drawing shows: units, sample, what the bars are.
        safe : str, optional
            As in :meth:`table`, for drawings that kruispunt did not make.

        Raises
        ------
        InputError
            If `drawing` is neither, or its SVG would run code or fetch something.
        """
        session = current()
        if session is not None:
            session.drawing(drawing, caption, safe)
        self._page.figure(_svg(drawing), caption)
        return self

    def fragment(self, html: str, caption: str = "", *, safe: str | None = None) -> Self:
        """Add a ready-made piece of HTML, such as ``kp.etable(fits, type="html")``.

        With a profile of disclosure control a piece that :func:`kruispunt.etable` made passes;
        others need `safe`, as in :meth:`table`.

        Raises
        ------
        InputError
            If it would run code or fetch something.
        """
        session = current()
        if session is not None and not getattr(html, "passed", False):
            why = "no rule can judge ready-made HTML; add tables and plots"
            session.exception("fragment", caption, safe, why)
        self._page.fragment(str(html), caption)
        return self

    def html(self) -> str:
        """Give the page."""
        return self._page.html()

    def _repr_html_(self) -> str:
        # in a frame of its own: the page's styles are for the page, not for the notebook
        page = html.escape(self.html(), quote=True)
        look = "width:100%;height:36rem;border:1px solid #8888"
        return f'<iframe srcdoc="{page}" title="report" sandbox style="{look}"></iframe>'

    def write(self, path: str | Path) -> Path:
        """Write the page in UTF-8 and give its full path."""
        target = Path(path)
        text = self.html()
        target.write_text(text, encoding="utf-8")
        session = current()
        if session is not None:
            session.written("report", target.name, text)
        return target.resolve()


def _svg(drawing: Any) -> str:
    if isinstance(drawing, str):
        return drawing
    figure: Any = drawing if hasattr(drawing, "savefig") else getattr(drawing, "figure", None)
    if figure is None or not hasattr(figure, "savefig"):
        kind = f"{type(drawing).__module__}.{type(drawing).__qualname__}"
        message = f"`drawing`: {kind} is neither a matplotlib plot nor the text of an SVG"
        raise InputError(message)
    import matplotlib as mpl

    text = io.StringIO()
    # A fixed salt makes the ids, and so the file, the same for the same plot.
    with mpl.rc_context({"svg.hashsalt": "kruispunt"}):
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return text.getvalue()
