"""Runs engines in processes of their own, checks that they agree, and keeps a dated record."""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import datetime as dt
import gc
import importlib.metadata
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

RECORD = Path(__file__).parent / "record"


def timed(work: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    """Run `work` once; give its answer, wall and CPU seconds, and memory.

    `input_mib` is what the process holds when the clock starts (packages and input), `above_mib`
    the peak above that while it works.
    """
    held = _settled_mib()
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    answer = work()
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    figures = {"wall_s": wall, "cpu_s": cpu, "peak_mib": after.ru_maxrss / 1024}
    if held is not None:
        figures |= {"input_mib": held, "above_mib": _status_mib("VmHWM") - held}
    return answer, figures


def _status_mib(name: str) -> float:
    """Read a size of this process from the kernel."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(name + ":"):
            return float(line.split()[1]) / 1024
    raise LookupError(name)


def _settled_mib() -> float | None:
    """Give free memory back and forget the peak so far; give what is held (Linux)."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    if "pyarrow" in sys.modules:
        # What Arrow's reader took and does not need any more.
        sys.modules["pyarrow"].default_memory_pool().release_unused()
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        return _status_mib("VmRSS")
    except (OSError, LookupError):
        return None


def bandwidth_gb_s() -> float:
    """Copy 256 MiB a few times; bytes read and written per second, in GB/s."""
    import numpy as np

    source = np.ones(32 << 20)
    target = np.empty_like(source)
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        np.copyto(target, source)
        best = min(best, time.perf_counter() - start)
    return 2 * source.nbytes / best / 1e9


def version(package: str) -> str:
    """Give the installed version of `package`, or ``absent``."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "absent"


def arguments(description: str) -> argparse.ArgumentParser:
    """Build the options every bench has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--engine", help="run this engine in this process and print its result")
    parser.add_argument("--runs", type=int, default=3, help="runs of each engine")
    parser.add_argument("--no-record", action="store_true", help="do not write to record/")
    return parser


def child(result: Any, figures: dict[str, float]) -> None:
    """Print what an engine's process found, for the parent to read."""
    sys.stdout.write("\n" + json.dumps({"answer": result, **figures}) + "\n")


def compare(
    name: str,
    engines: dict[str, str],
    options: argparse.Namespace,
    *,
    agree: Callable[[Any, Any], str | None],
    bytes_moved: int | None = None,
    extra: list[str] | None = None,
    figures: tuple[str, ...] = (),
) -> None:
    """Run each engine in turn, check agreement with the first, print and record the medians.

    `bytes_moved` is what any engine must read and write; over the memory bandwidth it gives the
    floor. `engines` maps an engine to the package whose version is recorded; the first is the reference.
    `figures` are more that the engines' processes give. `agree` gives ``None`` when two answers agree and otherwise says how they differ.
    """
    runs: dict[str, list[dict[str, Any]]] = {engine: [] for engine in engines}
    for _ in range(options.runs):
        for engine in engines:
            command = [sys.executable, sys.argv[0], "--engine", engine, *(extra or [])]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                lines = done.stderr.strip().splitlines()
                runs[engine].append({"error": lines[-1] if lines else f"exit {done.returncode}"})
                continue
            runs[engine].append(json.loads(done.stdout.strip().splitlines()[-1]))
    reference = next(iter(engines))
    rows = []
    for engine, package in engines.items():
        good = [run for run in runs[engine] if "error" not in run]
        row: dict[str, Any] = {"engine": engine, "version": version(package), "runs": len(good)}
        if not good:
            rows.append({**row, "error": runs[engine][0]["error"]})
            continue
        row["agrees"] = agree(runs[reference][0].get("answer"), good[0]["answer"]) or "yes"
        memory = [name for name in ("input_mib", "above_mib") if all(name in run for run in good)]
        for figure in ("wall_s", "cpu_s", "peak_mib", *memory, *figures):
            row[figure] = round(statistics.median(run[figure] for run in good), 3)
        rows.append(row)
    base = rows[0]
    for row in rows:
        if "cpu_s" in row and "cpu_s" in base:
            row["cpu_ratio"] = round(row["cpu_s"] / max(base["cpu_s"], 1e-9), 2)
    # Measured last: a child process inherits its parent's peak memory.
    bandwidth = bandwidth_gb_s()
    floor = (
        {}
        if bytes_moved is None
        else {"bytes_moved": bytes_moved, "seconds": round(bytes_moved / bandwidth / 1e9, 5)}
    )
    record = {
        "bench": name,
        "date": dt.datetime.now(tz=dt.UTC).date().isoformat(),
        "machine": {"cpus": os.cpu_count(), "arch": platform.machine(), "load": os.getloadavg()[0]},
        "python": platform.python_version(),
        "copy_gb_s": round(bandwidth, 1),
        "floor": floor,
        "options": {k: v for k, v in vars(options).items() if k not in {"engine", "no_record"}},
        "rows": rows,
    }
    sys.stdout.write(json.dumps(record, indent=1) + "\n")
    if not options.no_record:
        RECORD.mkdir(exist_ok=True)
        path = RECORD / f"{record['date']}-{name}.json"
        path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
