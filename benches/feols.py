"""Fixed effects, from data frame to tidy table with clustered errors: kruispunt, fereg, pyfixest.

Designs: the "simple" and "difficult" ones of the fixest and pyfixest benchmarks (Butts: n/10
individuals over 10 years, n/230 firms); "local" (the difficult one of fixest's own benchmark:
firms near an individual's number); "movers" and "stayers" (workers who change firm in one year of
ten, or of a hundred; Pareto firm sizes); and "careers" (200,000 persons x 48 quarters, 20,000
employers, spells, gaps; 9.3 million rows whatever ``--n``); and "chair" (the jobs of the synthetic
registers at the scale of the model study: persons, quarters, employers as they occur; 752,192 rows
whatever ``--n``).

``--input polars`` hands over a polars frame, that is Arrow memory, in place of a pandas frame.
"""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path
from typing import Any

import harness
import numpy as np

DESIGNS = ["simple", "difficult", "local", "movers", "stayers", "careers", "chair"]
Arrays = dict[str, np.ndarray]


def classic(n: int, design: str, rng: np.random.Generator) -> Arrays:
    """Individuals over ten years; firms at random or in turn."""
    individuals, firms = n // 10, round(n / 230)
    firm = rng.integers(0, firms, n) if design == "simple" else np.arange(n) % firms
    individual = np.repeat(np.arange(individuals), 10)
    return {"individual": individual, "year": np.tile(np.arange(10), individuals), "firm": firm}


def local(n: int, rng: np.random.Generator) -> Arrays:
    """Firms near the individual's number, rows in no order."""
    individual = rng.integers(1, n // 20 + 1, n)
    firm = np.minimum(rng.integers(0, 21, n) + np.maximum(1, individual // 8 - 10), round(n / 160))
    return {"individual": individual, "year": rng.integers(1, round(n**0.3) + 1, n), "firm": firm}


def movers(n: int, share: float, rng: np.random.Generator) -> Arrays:
    """Workers over ten years who change firm with a probability; firm sizes are Pareto."""
    workers = n // 10
    sizes = 1 / (rng.random(min(50_000, max(500, workers // 2))) + 1e-3)
    steps = np.cumsum(sizes / sizes.sum())
    firm = np.empty((workers, 10), np.int64)
    for year in range(10):
        drawn = np.minimum(np.searchsorted(steps, rng.random(workers)), len(sizes) - 1)
        moves = (rng.random(workers) < share) | (year == 0)
        firm[:, year] = np.where(moves, drawn, firm[:, year - 1])
    year = np.tile(np.arange(10), workers)
    return {"individual": np.repeat(np.arange(workers), 10), "year": year, "firm": firm.ravel()}


def careers(rng: np.random.Generator) -> Arrays:
    """Persons by quarter at employers of very unequal size, in spells, with gaps."""
    persons, quarters, employers = 200_000, 48, 20_000
    steps = np.cumsum(1 / np.arange(1, employers + 1) ** 0.9)
    steps /= steps[-1]
    employer = np.empty((persons, quarters), np.int64)
    for quarter in range(quarters):
        drawn = np.minimum(np.searchsorted(steps, rng.random(persons)), employers - 1)
        moves = (rng.random(persons) < 0.03) | (quarter == 0)
        employer[:, quarter] = np.where(moves, drawn, employer[:, quarter - 1])
    there = rng.random(persons * quarters) < 0.97
    return {
        "individual": np.repeat(np.arange(persons), quarters)[there],
        "year": np.tile(np.arange(quarters), persons)[there],
        "firm": employer.ravel()[there],
    }


def chair() -> Arrays:
    """Jobs of the synthetic registers: their persons, quarters and employers, numbered."""
    import kruispunt as kp

    jobs = kp.synth.registers("chair", seed=1, progress=False)["dmfa_jobs"]
    names = {"individual": "pid", "year": "quarter", "firm": "matric"}
    numbered = {}
    for name, column in names.items():
        numbered[name] = np.unique(np.asarray(jobs[column]), return_inverse=True)[1]
    order = np.lexsort((numbered["year"], numbered["individual"]))
    return {name: codes[order] for name, codes in numbered.items()}


def data(n: int, design: str, k: int) -> Arrays:
    """Make the design: y = sum of x_j / j + effects + noise."""
    rng = np.random.default_rng(n + 42)
    if design == "local":
        codes = local(n, rng)
    elif design == "careers":
        codes = careers(rng)
    elif design == "chair":
        codes = chair()
    elif design in {"movers", "stayers"}:
        codes = movers(n, 0.1 if design == "movers" else 0.01, rng)
    else:
        codes = classic(n, design, rng)
    rows = len(codes["firm"])
    effects = {name: rng.normal(size=own.max() + 1)[own] for name, own in codes.items()}
    x = {f"x{j}": rng.normal(size=rows) for j in range(1, k + 1)}
    x["x1"] = x["x1"] + 0.3 * effects["firm"]
    y = sum(x[f"x{j}"] / j for j in range(1, k + 1)) + sum(effects.values()) + rng.normal(size=rows)
    return {"y": np.asarray(y), **x, **codes}


def fit(engine: str, frame: Any, formula: str) -> list[float]:
    """Fit with one engine, errors clustered by individual; coefficients, then standard errors."""
    vcov = {"CRV1": "individual"}
    if engine == "kruispunt":
        import kruispunt as kp

        done = kp.feols(formula, frame, vcov=vcov)
        done.tidy()
        return [*map(float, done.coef().values()), *map(float, done.se().values())]
    if engine == "pyfixest":
        import pyfixest as pf

        done = pf.feols(formula, frame, vcov=vcov)
        done.tidy()
        return [*done.coef().tolist(), *done.se().tolist()]
    import fereg

    done = fereg.feols(formula, frame, vcov=vcov)
    done.tidy()
    return [*map(float, np.asarray(done.coef())), *map(float, np.asarray(done.se()))]


def agree(one: list[float], other: list[float]) -> str | None:
    """Coefficients to 1e-7 and standard errors to 1e-5 relative."""
    one_, other_ = np.array(one), np.array(other)
    gap = np.abs(one_ - other_) / np.abs(one_)
    half = len(one) // 2
    if gap[:half].max() < 1e-7 and gap[half:].max() < 1e-5:
        return None
    return f"coefficients differ by {gap[:half].max():.1e}, errors by {gap[half:].max():.1e}"


def memory(field: str) -> float:
    """Read one figure of this process's memory, in MiB; 0 where the system does not tell."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(field)), 0.0)


def one(engine: str, options: Any, formula: str) -> None:
    """Run one engine; beside the figures of the harness, memory above the input, in inputs."""
    import pandas as pd

    frame, small = (
        pd.DataFrame(data(n, design, options.k))
        for n, design in ((options.n, options.design), (2_300, "simple"))
    )
    held = sum(frame[name].nbytes for name in frame) / 2**20
    if options.input == "polars":
        import polars as pl

        frame, small = pl.from_pandas(frame), pl.from_pandas(small)
    fit(engine, small, formula)  # compile, import and warm up outside the clock
    gc.collect()
    marks = Path("/proc/self/clear_refs")
    if marks.exists():
        marks.write_text("5", encoding="ascii")  # forget the peak so far
    before = memory("VmRSS")
    answer, figures = harness.timed(lambda: fit(engine, frame, formula))
    figures["extra_mib"] = memory("VmHWM") - before
    figures["extra_in_inputs"] = figures["extra_mib"] / held
    harness.child(answer, figures)


SUITE = [
    (design, n, effects, 2)
    for n in (100_000, 1_000_000)
    for design in DESIGNS[:5]
    for effects in (2, 3)
] + [
    ("simple", 1_000_000, 1, 2),
    ("simple", 1_000_000, 3, 10),
    ("difficult", 1_000_000, 3, 10),
    ("simple", 10_000_000, 2, 2),
    ("simple", 10_000_000, 3, 2),
    ("difficult", 10_000_000, 3, 2),
    ("careers", 9_300_000, 2, 2),
    ("careers", 9_300_000, 3, 2),
    ("chair", 752_192, 2, 2),
    ("chair", 752_192, 3, 2),
]


def main() -> None:
    """Run one engine, or all, or all on every design."""
    parser = harness.arguments(__doc__ or "")
    parser.add_argument("--n", type=int, default=1_000_000)
    parser.add_argument("--k", type=int, default=2, help="regressors")
    parser.add_argument("--design", choices=DESIGNS, default="simple")
    parser.add_argument("--effects", type=int, choices=[1, 2, 3], default=2)
    parser.add_argument("--engines", default="kruispunt,fereg,pyfixest")
    parser.add_argument("--input", choices=["pandas", "polars"], default="pandas")
    parser.add_argument("--suite", action="store_true", help="all designs and sizes")
    options = parser.parse_args()
    if options.suite:
        for design, n, effects, k in SUITE:
            # pyfixest takes minutes on the larger ones
            engines = "kruispunt,fereg" + (",pyfixest" if n <= 100_000 else "")
            extra = ["--n", n, "--design", design, "--effects", effects, "--k", k]
            command = [sys.executable, __file__, "--runs", options.runs, "--engines", engines]
            subprocess.run([*map(str, command), *map(str, extra)], check=True)
        return
    formula = "y ~ " + " + ".join(f"x{j}" for j in range(1, options.k + 1)) + " | individual"
    # two effects: the pair that is hard in the design
    second = "year" if options.design == "simple" else "firm"
    third = "firm" if options.design == "simple" else "year"
    formula += "".join(f" + {name}" for name in [second, third][: options.effects - 1])
    if options.engine:
        one(options.engine, options, formula)
        return
    name = f"feols-{options.design}-{options.n:.0e}-{options.effects}fe-k{options.k}"
    if options.design == "chair":
        name = f"feols-chair-{options.effects}fe-k{options.k}"
    if options.input != "pandas":
        name += f"-{options.input}"
    harness.compare(
        name.replace("e+0", "e"),
        {engine: engine for engine in options.engines.split(",")},
        options,
        agree=agree,
        bytes_moved=options.n * 8 * (2 * (options.k + 1) + options.effects),
        extra=[
            *("--n", str(options.n), "--design", options.design, "--k", str(options.k)),
            *("--effects", str(options.effects)),
        ],
        figures=("extra_mib", "extra_in_inputs"),
    )


if __name__ == "__main__":
    main()
