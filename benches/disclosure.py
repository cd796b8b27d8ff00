"""How long protecting takes, and how much is withheld, by the size of the table.

Usage: ``python benches/disclosure.py``. Counts are drawn with many small cells; each table is
protected with a minimum of 5 and then attacked by its own audit. No peer for Python withholds
second cells, so there is nothing to run beside it.
"""

from __future__ import annotations

import datetime as dt
import json
import time
from pathlib import Path

import numpy as np

import kruispunt as kp

SIZES = [(6, 8), (10, 20), (5, 6, 4), (10, 16, 2), (10, 48, 2)]


def main() -> None:
    """Measure and write the record."""
    random = np.random.default_rng(1)
    rows = []
    for sizes in SIZES:
        cells = int(np.prod(sizes))
        weights = random.lognormal(0, 1.6, cells)
        drawn = random.choice(cells, 30 * cells, p=weights / weights.sum())
        labels = np.unravel_index(drawn, sizes)
        people = {f"v{at}": own.astype(str) for at, own in enumerate(labels)}
        wall, cpu = time.perf_counter(), time.process_time()
        found = kp.Disclosure(min_cell=5).tabulate(people, list(people), progress=False)
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
        print(rows[-1], flush=True)
    date = dt.datetime.now(dt.UTC).date().isoformat()
    record = {"bench": "disclosure", "date": date, "min_cell": 5, "tables": rows}
    path = Path(__file__).parent / "record" / f"{date}-disclosure.json"
    path.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
