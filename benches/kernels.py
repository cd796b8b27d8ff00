"""The string kernels beside the `rapidfuzz` crate: nanoseconds a pair, one thread.

Each left word meets 16 right ones, as in a block: both prepare the left word once (a pattern, a
`BatchComparator`). Names of 2 to 4 syllables, dates of ten characters, texts of 22 to 29 syllables
(longer than a word of 64 bits). Whether they give the same numbers is a property test of the crate.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import platform
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
COMMAND = [
    "cargo", "test", "--release", "-p", "kruispunt", "--lib", "--", "--ignored", "--nocapture",
    "kernels_beside_rapidfuzz",
]  # fmt: skip


def main() -> None:
    """Run the kernels, or read what a run printed from the file that KERNELS names."""
    told = os.environ.get("KERNELS")
    if told:
        printed = Path(told).read_text(encoding="utf-8")
    else:
        done = subprocess.run(COMMAND, cwd=ROOT, check=True, capture_output=True, text=True)
        printed = done.stdout
    rows = []
    for line in printed.splitlines():
        if "KERNEL {" in line:
            row = json.loads(line[line.index("{") :])
            row["ratio"] = round(row["rapidfuzz_ns"] / row["ours_ns"], 2)
            rows.append(row)
            print(
                f"{row['kernel']:>14} {row['words']:>6} {row['ours_ns']:8.1f} {row['ratio']:6.2f}"
            )
    today = dt.datetime.now(dt.UTC).date().isoformat()
    record = {
        "bench": "linkage-kernels", "date": today,
        "machine": {"cpus": os.cpu_count(), "arch": platform.machine(), "load": os.getloadavg()[0]},
        "rapidfuzz": "0.5.0", "rows": rows,
    }  # fmt: skip
    path = ROOT / "benches/record" / f"{today}-linkage-kernels.json"
    path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
