"""Two- and three-way fixed effects, a million rows: kruispunt, pyfixest, fereg.

The data are the "simple" and "difficult" designs of the fixest and pyfixest benchmarks (Butts):
n/10 individuals over 10 years, n/230 firms, y = x + effects + noise.
"""

from __future__ import annotations

from typing import Any

import harness
import numpy as np


def data(n: int, design: str) -> dict[str, np.ndarray]:
    """Make the design."""
    rng = np.random.default_rng(n + 42)
    individuals, firms = n // 10, round(n / 230)
    individual, year = np.repeat(np.arange(individuals), 10), np.tile(np.arange(10), individuals)
    rows = np.arange(n)
    firm = rng.integers(0, firms, n) if design == "simple" else rows % firms
    x1, x2 = rng.normal(size=n), rng.normal(size=n)
    effects = rng.normal(size=individuals)[individual] + rng.normal(size=firms)[firm]
    y = x1 + x2 / 2 + effects + rng.normal(size=10)[year] + rng.normal(size=n)
    return {"y": y, "x1": x1, "x2": x2, "individual": individual, "year": year, "firm": firm}


def fit(engine: str, frame: Any, formula: str) -> list[float]:
    """Fit with one engine, errors clustered by individual; coefficients, then standard errors."""
    vcov = {"CRV1": "individual"}
    if engine == "kruispunt":
        import kruispunt as kp

        done = kp.feols(formula, frame, vcov=vcov)
        return [*map(float, done.coef().values()), *map(float, done.se().values())]
    if engine == "pyfixest":
        import pyfixest as pf

        done = pf.feols(formula, frame, vcov=vcov)
        return [*done.coef().tolist(), *done.se().tolist()]
    import fereg

    done = fereg.feols(formula, frame, vcov=vcov)
    return [*map(float, np.asarray(done.coef())), *map(float, np.asarray(done.se()))]


def agree(one: list[float], other: list[float]) -> str | None:
    """Coefficients to 1e-7 and standard errors to 1e-5 relative."""
    one_, other_ = np.array(one), np.array(other)
    gap = np.abs(one_ - other_) / np.abs(one_)
    half = len(one) // 2
    if gap[:half].max() < 1e-7 and gap[half:].max() < 1e-5:
        return None
    return f"coefficients differ by {gap[:half].max():.1e}, errors by {gap[half:].max():.1e}"


def main() -> None:
    """Run one engine, or all."""
    parser = harness.arguments(__doc__ or "")
    parser.add_argument("--n", type=int, default=1_000_000)
    parser.add_argument("--design", choices=["simple", "difficult"], default="simple")
    parser.add_argument("--effects", type=int, choices=[2, 3], default=2)
    options = parser.parse_args()
    formula = "y ~ x1 + x2 | individual + year" + (" + firm" if options.effects == 3 else "")
    if options.design == "difficult" and options.effects == 2:
        formula = "y ~ x1 + x2 | individual + firm"
    if options.engine:
        import pandas as pd

        frame = pd.DataFrame(data(options.n, options.design))
        small = pd.DataFrame(data(2_300, options.design))
        fit(options.engine, small, formula)  # compile, import and warm up outside the clock
        answer, figures = harness.timed(lambda: fit(options.engine, frame, formula))
        harness.child(answer, figures)
        return
    bytes_moved = options.n * 8 * (3 + 3 + options.effects)
    harness.compare(
        f"feols-{options.design}-{options.effects}way",
        {"kruispunt": "kruispunt", "pyfixest": "pyfixest", "fereg": "fereg"},
        options,
        agree=agree,
        bytes_moved=bytes_moved,
        extra=[
            "--n", str(options.n), "--design", options.design, "--effects", str(options.effects),
        ],
    )  # fmt: skip


if __name__ == "__main__":
    main()
