"""Look at the site: every link leads somewhere, nothing comes from a network, a browser draws it.

The browser is Chromium without a window and without name resolution, so that a page that asks a
network for anything shows it. Results are looked at in light and in dark. Usage: ``look.py SITE``;
without a Chromium the links alone are checked, and it says so.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import gallery
import numpy as np
from matplotlib.image import imread

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
LEGIBLE = 4.5
"""Contrast of text, as WCAG 2 asks for."""
PAGES = {
    "index.html": "crossroads",
    "tour.html": "cell_output",
    "displays.html": "<img",
    "search.html?q=linkage": "search-result",
    "api/evaluation.html": "<math",
    "notebooks/07_roll_outs_and_reforms.html": "cell_output",
}
LOADED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}


class Page(HTMLParser):
    """The anchors of a page, its links, and what it loads."""

    def __init__(self) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take note of one tag."""
        found = {name: value for name, value in attrs if value}
        self.anchors |= {found[name] for name in ("id", "name") if name in found}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        elif tag in LOADED and LOADED[tag] in found:
            self.loaded.append(found[LOADED[tag]])


def broken(site: Path) -> list[str]:
    """Give links that lead nowhere and what comes from elsewhere."""
    pages = {}
    for path in sorted(site.rglob("*.html")):
        pages[path] = Page()
        pages[path].feed(path.read_text())
    wrong = []
    for path, page in pages.items():
        here = path.relative_to(site)
        for address in page.links + page.loaded:
            parts = urlsplit(address)
            if parts.scheme in ("http", "https", "mailto"):
                wrong += [f"{here} loads {address}"] * (address in page.loaded)
                continue
            if parts.scheme == "data":
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.exists():
                wrong.append(f"{here} leads to {address}, which is not there")
            elif parts.fragment and target in pages:
                anchor = unquote(parts.fragment)
                if anchor not in pages[target].anchors and anchor not in ("", "#"):
                    wrong.append(f"{here} leads to {address}: there is no such place")
    return wrong


def browse(browser: str, address: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Open a page in a browser without a window and without a network."""
    with tempfile.TemporaryDirectory() as profile:
        command = [
            browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
            "--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={profile}",
            "--enable-logging=stderr", "--virtual-time-budget=8000", "--window-size=1200,3000",
            *options, address,
        ]  # fmt: skip
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)


def drawn(browser: str, site: Path) -> list[str]:
    """Give what goes wrong when the pages are drawn."""
    wrong = []
    for page, expected in PAGES.items():
        seen = browse(browser, f"file://{site}/{page}", "--dump-dom")
        if expected not in seen.stdout:
            wrong.append(f"{page}: no {expected!r} in what is drawn")
        for line in seen.stderr.splitlines():
            said = re.search(r'CONSOLE[^"]*"(.*)", source', line)
            if said and re.search("error|refused|failed", said[1], re.IGNORECASE):
                wrong.append(f"{page}: {said[1]}")
    with tempfile.TemporaryDirectory() as folder:
        tone = {}
        for name, scheme in (("light", "1"), ("dark", "0")):
            picture = Path(folder) / f"{name}.png"
            browse(
                browser, f"file://{site}/displays.html", f"--screenshot={picture}",
                f"--blink-settings=preferredColorScheme={scheme}",
            )  # fmt: skip
            grey = imread(picture)[..., :3].mean(axis=2)[:, 330:1150]
            rows = grey.reshape(grey.shape[0], -1)
            tone[name] = float(np.median(rows))
            written = np.abs(rows - np.median(rows, axis=1, keepdims=True)).max(axis=1)
            # A line of letters stands out from what is behind it.
            if (written > 0.35).mean() < 0.2:
                wrong.append(f"displays.html: hardly a letter is legible in {name}")
        if not (tone["light"] > 0.8 and tone["dark"] < 0.3):
            wrong.append(f"displays.html: light is {tone['light']:.2f}, dark {tone['dark']:.2f}")
    return wrong


def illegible(browser: str) -> tuple[int, list[str]]:
    """Look at one result of every kind; give how many, and what does not stand out."""
    found = gallery.results()
    wrong = [f"{name}: no example makes one" for name in {*gallery.kinds().values()} - {*found}]
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "results.html"
        page.write_text(gallery.page(found), encoding="utf-8")
        for tone, scheme in (("light", "1"), ("dark", "0")):
            look = f"--blink-settings=preferredColorScheme={scheme}"
            seen = browse(browser, f"file://{page}", "--dump-dom", look).stdout
            if f'data-dark="{str(tone == "dark").lower()}"' not in seen:
                wrong.append(f"results: not drawn in {tone}")
            measured = dict(re.findall(r'<section id="([^"]+)"[^>]*data-least="([\d.]+)"', seen))
            wrong += [
                f"{name}: text does not stand out in {tone} ({measured.get(name)})"
                for name in found
                if float(measured.get(name, 0)) < LEGIBLE
            ]
    return len(found), wrong


def main() -> int:
    """Check the site and say what was wrong."""
    site = Path(sys.argv[1]).resolve()
    wrong = broken(site)
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    kinds = 0
    if browser:
        kinds, dim = illegible(browser)
        wrong += drawn(browser, site) + dim
    pages = len(list(site.rglob("*.html")))
    print("\n".join(wrong))
    looked = (
        f"{len(PAGES)} drawn, {kinds} kinds of results in light and dark"
        if browser
        else "NOT DRAWN: no Chromium"
    )
    print(f"site: {pages} pages, {looked}, {len(wrong)} faults")
    return min(len(wrong), 1)


if __name__ == "__main__":
    sys.exit(main())
