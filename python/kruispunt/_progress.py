"""Progress of long work.

Long verbs tell how far they are: in a terminal as one line on standard error, in a notebook as a
line of the output cell, elsewhere not at all. A verb that is over within half a second says
nothing. Ctrl-C (or "interrupt kernel") ends it.
"""

from __future__ import annotations

import contextlib
import html
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

__all__ = ["Callback", "progress", "reporting"]

Callback: TypeAlias = Callable[[str, int, int], object]
"""Called with the stage, the units done and the units in all (0 when unknown)."""

_DELAY = 0.5
_EVERY = 0.1
_WIDTH = 30


class _Setting:
    value: bool | Callback | None = None


def progress(show: bool | Callback | None) -> None:  # noqa: FBT001 - reads as kp.progress(False)
    """Say whether long work shows its progress.

    Parameters
    ----------
    show : bool, callable or None
        ``False`` never, ``True`` always, ``None`` (as it starts) in a terminal or a notebook. A
        callable is called with the stage, the units done and the units in all (0 when unknown).

    Examples
    --------
    >>> import kruispunt as kp
    >>> kp.progress(False)
    >>> kp.progress(None)
    """
    _Setting.value = show


def _shell() -> Any:
    ipython = sys.modules.get("IPython")
    return None if ipython is None else ipython.get_ipython()


def _in_notebook() -> bool:
    return type(_shell()).__name__ == "ZMQInteractiveShell"


def _line(stage: str, done: int, total: int) -> str:
    if total <= 0:
        return f"{stage} {done:,}" if done else stage
    share = min(done / total, 1.0)
    filled = round(share * _WIDTH)
    return f"{stage} [{'#' * filled}{'.' * (_WIDTH - filled)}] {share:4.0%}"


class _Bar:
    """Draws at most ten times a second, and only when the work takes a while."""

    def __init__(self, draw: Callable[[str], None]) -> None:
        self._draw = draw
        self._next = time.monotonic() + _DELAY
        self.drawn = False

    def __call__(self, stage: str, done: int, total: int) -> None:
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + _EVERY
        self.drawn = True
        self._draw(_line(stage, done, total))


def _draw_in_terminal(line: str) -> None:
    sys.stderr.write(f"\r\x1b[2K{line}")
    sys.stderr.flush()


def _notebook_bar() -> tuple[_Bar, Callable[[], None]]:
    from IPython.display import HTML, display

    handle: list[Any] = []

    def draw(line: str) -> None:
        shown = HTML(f"<pre>{html.escape(line)}</pre>")
        if handle:
            handle[0].update(shown)
        else:
            handle.append(display(shown, display_id=True))

    def close() -> None:
        if handle:
            handle[0].update(HTML(""))

    return _Bar(draw), close


@contextlib.contextmanager
def reporting(show: bool | Callback | None = None) -> Iterator[Callback | None]:  # noqa: FBT001 - passed on from `progress=`
    """Give the callback that a native verb reports to, and clean up behind it.

    Parameters
    ----------
    show : bool, callable or None
        As in :func:`progress`; ``None`` is what was set there.

    Yields
    ------
    callable or None
        What to hand to the native verb.

    Examples
    --------
    >>> from kruispunt._progress import reporting
    >>> with reporting(False) as callback:
    ...     print(callback)
    None
    """
    if show is None:
        show = _Setting.value
    if callable(show):
        yield show
    elif show is False or (show is None and not _in_notebook() and not sys.stderr.isatty()):
        yield None
    elif _in_notebook():
        bar, close = _notebook_bar()
        try:
            yield bar
        finally:
            close()
    else:
        bar = _Bar(_draw_in_terminal)
        try:
            yield bar
        finally:
            if bar.drawn:
                sys.stderr.write("\r\x1b[2K")
                sys.stderr.flush()
