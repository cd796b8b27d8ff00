"""What it costs to remember what was read, beside the floor: SHA-256 of the same bytes.

Usage: ``python benches/fingerprint.py [rows]``. The table has four columns of eight bytes; the
floor is hashlib's SHA-256 (OpenSSL) of as many bytes on one thread. The share of a fit is that of
``feols`` with two effects on the same table.
"""

from __future__ import annotations

import datetime as dt
import hashlib
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


def main() -> None:
    """Measure and write the record."""
    rows = int(float(sys.argv[1])) if len(sys.argv) > 1 else 48_000_000
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
    print_of = table.fingerprint()
    assert table.fingerprint() == print_of
    wall, cpu = seconds(table.fingerprint)
    block = np.zeros(1 << 27, dtype=np.uint8).tobytes()
    floor = seconds(lambda: hashlib.sha256(block).digest())[0] / len(block)
    size = rows * 32
    call, _ = seconds(lambda: kp.feols("y ~ x", {"y": [1.0, 2.0, 4.0], "x": [0, 1, 1]}), 50)
    bare = kp.feols.__wrapped__  # type: ignore[attr-defined]
    plain, _ = seconds(lambda: bare("y ~ x", {"y": [1.0, 2.0, 4.0], "x": [0, 1, 1]}), 50)
    record = {
        "bench": "fingerprint",
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "cores": os.cpu_count(),
        "rows": rows,
        "bytes": size,
        "wall_seconds": round(wall, 3),
        "cpu_seconds": round(cpu, 3),
        "gigabytes_per_cpu_second": round(size / cpu / 1e9, 2),
        "floor_gigabytes_per_cpu_second": round(1 / floor / 1e9, 2),
        "floor_cpu_seconds": round(size * floor, 3),
        "small_call_milliseconds": {"traced": round(call * 1e3, 3), "bare": round(plain * 1e3, 3)},
    }
    if rows <= 50_000_000:
        fit, fit_cpu = seconds(lambda: kp.feols("wage ~ days | person + quarter", table), 1)
        record["feols_two_effects"] = {
            "wall_seconds": round(fit, 2),
            "share_of_cpu": round(cpu / fit_cpu, 4),
        }
    text = json.dumps(record, indent=1)
    print(text)
    name = f"{record['date']}-fingerprint.json"
    (Path(__file__).parent / "record" / name).write_text(text + "\n")


if __name__ == "__main__":
    main()
