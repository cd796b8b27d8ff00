"""How long protecting takes, how much is withheld, and what an attacker finds, by size of table.

Usage: ``python benches/disclosure.py [--attack]``. Counts are drawn with many small cells; each table
is protected with a minimum of 5 and then attacked by its own audit. With ``--attack`` a solver that
shares no code with the library (HiGHS, by way of scipy) looks for the least and the most that every
withheld count can be. No peer for Python withholds second cells, so there is nothing to run beside it.
"""

from __future__ import annotations

import argparse
import datetime as dt
import itertools
import json
import time
from pathlib import Path

import numpy as np

import kruispunt as kp

SIZES = [(6, 8), (10, 20), (5, 6, 4), (10, 16, 2), (10, 48, 2), (7, 6, 5, 4)]
MINIMUM = 5


def attack(sizes: tuple, counts: np.ndarray, table: dict) -> dict:
    """Bounds of every withheld count over all non-negative tables with the counts that are shown."""
    from scipy.optimize import linprog
    from scipy.sparse import csr_matrix

    leaves = np.array(list(itertools.product(*[range(size) for size in sizes])))
    shown = np.array([n is not None and n == n for n in table["n"]])
    rows = np.ones((len(shown), len(leaves)))
    for axis in range(len(sizes)):
        for at, label in enumerate(table[f"v{axis}"]):
            if str(label) != "total":
                rows[at] *= leaves[:, axis] == int(label)
    told = np.array([float(n) for n, known in zip(table["n"], shown, strict=True) if known])
    assert np.array_equal(rows[shown] @ counts, told), "shown counts are the counts"
    assert not ((told > 0) & (told < MINIMUM)).any(), "no small count is shown"
    equal, known_small, exact, narrowest = csr_matrix(rows[shown]), 0, 0, np.inf
    for at in np.flatnonzero(~shown):
        ends = [
            linprog(sign * rows[at], A_eq=equal, b_eq=told, bounds=(0, None), method="highs")
            for sign in (1, -1)
        ]
        assert not any(end.status for end in ends), "the solver came to an answer"
        low, high, true = ends[0].fun, -ends[1].fun, rows[at] @ counts
        assert low - 1e-6 <= true <= high + 1e-6
        exact += high - low < 1e-6
        if 0 < true < MINIMUM:
            known_small += high < MINIMUM - 1e-6
            narrowest = min(narrowest, high - low)
    return {
        "attacked": int((~shown).sum()),
        "exactly_known": int(exact),
        "small_with_most_under_minimum": int(known_small),
        "narrowest_of_small": round(float(narrowest), 3),
    }


def main() -> None:
    """Measure and write the record."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--attack", action="store_true", help="attack with HiGHS (scipy)")
    asked = parser.parse_args()
    random = np.random.default_rng(1)
    rows = []
    for sizes in SIZES:
        cells = int(np.prod(sizes))
        weights = random.lognormal(0, 1.6, cells)
        drawn = random.choice(cells, 30 * cells, p=weights / weights.sum())
        labels = np.unravel_index(drawn, sizes)
        people = {f"v{at}": own.astype(str) for at, own in enumerate(labels)}
        wall, cpu = time.perf_counter(), time.process_time()
        found = kp.Disclosure(min_cell=MINIMUM).tabulate(people, list(people), progress=False)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        assert found.is_safe
        rows.append(
            {
                "labels": list(sizes),
                "cells": len(found),
                "persons": len(drawn),
                "small": found.why.get("too few persons", 0),
                "withheld": found.withheld,
                "wall_seconds": round(wall, 3),
                "cpu_seconds": round(cpu, 3),
            }
        )
        if asked.attack:
            counts = np.bincount(drawn, minlength=cells)
            rows[-1]["attack"] = attack(sizes, counts, kp.Table(found).to_dict())
        print(rows[-1], flush=True)
    date = dt.datetime.now(dt.UTC).date().isoformat()
    record = {"bench": "disclosure", "date": date, "min_cell": MINIMUM, "tables": rows}
    path = Path(__file__).parent / "record" / f"{date}-disclosure.json"
    path.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
