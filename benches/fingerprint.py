"""What it costs to remember what was read, beside the floor: the same bytes read.

Usage: ``python benches/fingerprint.py [rows...]``. The table has four columns of eight bytes; the
floor is reading as many bytes on one thread (numpy's maximum of whole numbers). The share of a fit is that of
``feols`` with two effects on the same table.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import sys
import time
from pathlib import Path

import numpy as np

import kruispunt as kp


def seconds(work: object, times: int = 3) -> tuple[float, float]:
    """Give the least wall and CPU seconds of some runs."""
    best = (float("inf"), float("inf"))
    for _ in range(times):
        wall, cpu = time.perf_counter(), time.process_time()
        work()  # type: ignore[operator]
        best = min(best, (time.perf_counter() - wall, time.process_time() - cpu))
    return best


def measured(rows: int, floor: float, *, fit: bool) -> dict[str, object]:
    """Measure one size."""
    persons = rows // 48
    random = np.random.default_rng(1)
    table = kp.Table(
        {
            "person": np.repeat(np.arange(persons), 48),
            "quarter": np.tile(np.arange(48), persons),
            "days": random.integers(0, 90, persons * 48),
            "wage": random.normal(100, 10, persons * 48),
        }
    )
    assert table.fingerprint() == table.fingerprint()
    wall, cpu = seconds(table.fingerprint)
    size = persons * 48 * 32
    found: dict[str, object] = {
        "rows": persons * 48,
        "bytes": size,
        "wall_seconds": round(wall, 3),
        "cpu_seconds": round(cpu, 3),
        "gigabytes_per_cpu_second": round(size / cpu / 1e9, 2),
        "floor_cpu_seconds": round(size * floor, 3),
    }
    if fit:
        _, fit_cpu = seconds(lambda: kp.feols("wage ~ days | person + quarter", table), 1)
        found["feols_two_effects_cpu_seconds"] = round(fit_cpu, 2)
        found["share_of_feols"] = round(cpu / fit_cpu, 4)
    return found


def main() -> None:
    """Measure and write the record."""
    sizes = [int(float(size)) for size in sys.argv[1:]] or [4_800_000, 48_000_000]
    block = np.arange(1 << 24)
    floor = seconds(block.max)[1] / block.nbytes
    small = {"y": [1.0, 2.0, 4.0], "x": [0, 1, 1]}
    bare = kp.feols.__wrapped__  # type: ignore[attr-defined]
    traced = seconds(lambda: kp.feols("y ~ x", small), 100)[0]
    plain = seconds(lambda: bare("y ~ x", small), 100)[0]
    record = {
        "bench": "fingerprint",
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "cores": os.cpu_count(),
        "floor_gigabytes_per_cpu_second": round(1 / floor / 1e9, 2),
        "small_call_milliseconds": {
            "traced": round(traced * 1e3, 3),
            "bare": round(plain * 1e3, 3),
        },
        "sizes": [measured(rows, floor, fit=rows <= 10_000_000) for rows in sizes],
    }
    text = json.dumps(record, indent=1)
    print(text)
    name = f"{record['date']}-fingerprint.json"
    (Path(__file__).parent / "record" / name).write_text(text + "\n")


if __name__ == "__main__":
    main()
