"""One result of every kind, as the examples in the docstrings make them.

:func:`results` runs the examples of all public names and keeps the first instance of each class that
shows itself in a notebook. :func:`page` lays them out on one page, with a script that measures how
well each of its texts stands out from what is behind it.
"""

from __future__ import annotations

import contextlib
import doctest
import html
import inspect
import io
import os
import sys
import tempfile
import types
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import kruispunt as kp

MEASURE = """
const channel = v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
const bright = c => .2126 * channel(c[0]) + .7152 * channel(c[1]) + .0722 * channel(c[2]);
const read = text => { const n = text.match(/[\\d.]+/g).map(Number);
  return [n[0], n[1], n[2], n.length > 3 ? n[3] : 1]; };
const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3]));
const behind = e => { const all = [];
  for (; e; e = e.parentElement) all.push(read(getComputedStyle(e).backgroundColor));
  return all.reverse().reduce((below, top) => over(top, below), paper); };
const dark = matchMedia('(prefers-color-scheme: dark)').matches;
const paper = dark ? [18, 18, 18] : [255, 255, 255];
for (const part of document.querySelectorAll('section')) {
  const walk = document.createTreeWalker(part, NodeFilter.SHOW_TEXT);
  let least = 21, text = '', all = 0;
  for (let node; node = walk.nextNode();) {
    const own = node.parentElement;
    if (!node.data.trim() || ['STYLE', 'SCRIPT', 'TITLE', 'DESC'].includes(own.tagName)) continue;
    if (own.closest('svg')) continue;  // pictures bring what is behind their texts
    if (!own.getClientRects().length || own.closest('details:not([open]) > :not(summary)')) continue;
    all += 1;
    const style = getComputedStyle(own);
    const [ink, ground] = [read(style.color), behind(own)];
    const [a, b] = [bright(over(ink, ground)), bright(ground)].sort((x, y) => y - x);
    const ratio = (a + .05) / (b + .05);
    if (ratio < least) { least = ratio; text = node.data.trim().slice(0, 40); }
  }
  part.dataset.texts = all;
  part.dataset.least = least.toFixed(2);
  part.dataset.worst = text;
}
document.body.dataset.dark = dark;
"""


def kinds() -> dict[type, str]:
    """Give all exported classes that show themselves, with their names."""

    def exported(module: types.ModuleType, before: str) -> Iterator[tuple[type, str]]:
        for name in module.__all__:
            what = getattr(module, name)
            if inspect.isclass(what) and hasattr(what, "_repr_html_"):
                yield what, before + name
            elif inspect.ismodule(what):
                yield from exported(what, f"{before}{name}.")

    found: dict[type, str] = {}
    for kind, name in exported(kp, "kp."):
        found.setdefault(kind, name)
    return found


def examples() -> list[doctest.DocTest]:
    """Give the examples of all public names, in the order of the modules."""
    finder = doctest.DocTestFinder(exclude_empty=True)
    seen: dict[str, doctest.DocTest] = {}
    modules = [kp, *(own for own in vars(kp).values() if inspect.ismodule(own))]
    for module in modules:
        for name in getattr(module, "__all__", ()):
            what = getattr(module, name)
            if callable(what):
                # methods may stand in another module than their class
                for one in finder.find(what, name, module=False, globs={}):
                    if one.examples:
                        seen.setdefault(f"{module.__name__}.{one.name}", one)
    return list(seen.values())


def results() -> dict[str, Any]:
    """Run the examples; give the first result of each kind, by the name of its class."""
    wanted, found = kinds(), {}
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        os.chdir(folder)
        try:
            for example in examples():
                if len(found) == len(wanted):
                    break
                scope: dict[str, Any] = {"kp": kp, "np": np}
                for line in example.examples:
                    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(Exception):
                        code = compile(line.source, example.name, "single")
                        shown: list[Any] = []
                        with _displayed(shown):
                            exec(code, scope)  # noqa: S102 - the library's own examples
                        for value in [*shown, *scope.values()]:
                            name = wanted.get(type(value))
                            if name is not None:
                                found.setdefault(name, value)
        finally:
            os.chdir(here)
        for name, own in more().items():
            found.setdefault(name, own)
    return dict(sorted(found.items()))


def more() -> dict[str, Any]:
    """Make the results that no example shows: they take more rows than a docstring has room for."""
    random = np.random.default_rng(2)
    persons, quarters = 240, 8
    who, when = np.repeat(np.arange(persons), quarters), np.tile(np.arange(quarters), persons)
    labels = np.array(kp.Calendar.quarters("2012Q1", "2013Q4").labels, dtype=object)
    start = np.where(random.random(persons) < 0.5, random.integers(2, 6, persons), -1)
    seeking = random.random(len(who)) < 0.6
    seeking |= when == start[who]
    y = random.normal(size=len(who)) + (start[who] >= 0) * (when >= start[who])
    panel = kp.Panel(
        {
            "pid": who, "quarter": labels[when], "y": y, "seeking": seeking.astype(int),
            "cohort": [labels[s] if s >= 0 else None for s in start[who]],
            "origin": np.where(who % 3 == 0, "BE", "MA"),
        },
        person="pid", period="quarter",
    )  # fmt: skip
    found: dict[str, Any] = {}
    design: Any = {"eligible": "seeking", "duration": 2}
    found["kp.ByGroup"] = kp.dynamic_matching(panel, "y", by="origin", horizons=[1, 2], **design)
    found["kp.RiskSets"] = kp.risk_sets(panel, **design)
    careers = {f"q{at}": random.choice(["work", "search", "study"], 60) for at in range(6)}
    sequences = kp.trajectory.Sequences(careers, list(careers))
    distances = sequences.distances("ham")
    found |= {
        "kp.trajectory.Typology": distances.pam(3),
        "kp.trajectory.Typologies": distances.pam([2, 3]),
        "kp.trajectory.Tree": distances.tree(),
        "kp.trajectory.Fuzzy": distances.fuzzy(2),
        "kp.trajectory.Representatives": distances.representatives(),
        "kp.trajectory.RelativeFrequency": distances.relative_frequency(10),
        "kp.trajectory.DiscrepancyTree": distances.discrepancy_tree(
            {"sex": random.choice(["f", "m"], 60)}, permutations=99
        ),
    }
    registers = kp.synth.registers("test", seed=1, progress=False)
    found["kp.synth.Truth"] = registers.truth
    names = random.choice(["anna", "bert", "carl", "dora", "emma"], 80)
    people = {"name": names, "born": random.integers(0, 9000, 80).astype("datetime64[D]")}
    c = kp.linkage
    linker = c.Linker(comparisons=[c.name("name"), c.date("born")], blocking=[["name"], ["born"]])
    linker.train(people, people, seed=3, progress=False)
    truth = np.column_stack([np.arange(80), np.arange(80)])
    found["kp.linkage.Cover"] = linker.learn_blocking(people, people, matches=truth, progress=False)
    numbers = {"insz": ["85073003328", "75460100123"]}
    links = c.key_link(numbers, numbers | {"pid": [1, 2]}, "insz")
    found["kp.linkage.Linked"] = links.attach(numbers, {"pid": [1, 2]}, "pid")
    return found


@contextlib.contextmanager
def _displayed(shown: list[Any]) -> Iterator[None]:
    before = sys.displayhook
    sys.displayhook = shown.append
    try:
        yield
    finally:
        sys.displayhook = before


def page(results: dict[str, Any]) -> str:
    """Lay results out on one page, as a notebook in light or dark has them."""
    parts = [
        f'<section id="{html.escape(name)}"><h2>{html.escape(name)}</h2>{own._repr_html_()}</section>'
        for name, own in results.items()
    ]
    style = (
        ":root{color-scheme:light dark}body{font:14px sans-serif;background:#fff;color:#111}"
        "@media (prefers-color-scheme:dark){body{background:#121212;color:#eee}}"
    )
    return (
        f"<!doctype html><meta charset='utf-8'><style>{style}</style><body>{''.join(parts)}"
        f"<script>{MEASURE}</script></body>"
    )
