"""Poisson and logit with effects swept out: kruispunt, fereg, pyfixest.

    python benches/glm.py --n 1000000 --family poisson --design simple --effects 2

From a pandas frame to a tidy table with heteroskedastic errors, in a process of its own for each engine.
Coefficients and standard errors are compared first.
"""

from __future__ import annotations

import gc
import sys
from typing import Any

import feols
import harness
import numpy as np


def data(n: int, design: str, family: str) -> feols.Arrays:
    """Make counts or yes and no from the designs of feols.py."""
    arrays = feols.data(n, design, 2)
    rng = np.random.default_rng(n + 7)
    eta = 0.25 * (arrays.pop("y") - 0.5)
    if family == "poisson":
        arrays["y"] = rng.poisson(np.exp(np.clip(eta, -8.0, 4.0))).astype(float)
    else:
        arrays["y"] = (eta + rng.logistic(size=len(eta)) > 0).astype(float)
    return arrays


def fit(engine: str, frame: Any, formula: str, family: str) -> list[float]:
    """Fit with one engine; coefficients, then standard errors."""
    if engine == "kruispunt":
        import kruispunt as kp

        if family == "poisson":
            done = kp.fepois(formula, frame, vcov="hetero")
        else:
            done = kp.feglm(formula, frame, family="logit", vcov="hetero")
        done.tidy()
        return [*map(float, done.coef().values()), *map(float, done.se().values())]
    if engine == "pyfixest":
        import pyfixest as pf

        if family == "poisson":
            done = pf.fepois(formula, frame, vcov="hetero")
        else:
            done = pf.feglm(formula, frame, family="logit", vcov="hetero")
        done.tidy()
        return [*done.coef().tolist(), *done.se().tolist()]
    import fereg

    if family == "poisson":
        done = fereg.fepois(formula, frame, vcov="hetero")
    else:
        done = fereg.feglm(formula, frame, family="logit", vcov="hetero")
    done.tidy()
    return [*map(float, np.asarray(done.coef())), *map(float, np.asarray(done.se()))]


def agree(one: list[float], other: list[float]) -> str | None:
    """Coefficients to 1e-5 and standard errors to 1e-4 relative: peers stop on the deviance."""
    one_, other_ = np.array(one), np.array(other)
    gap = np.abs(one_ - other_) / np.abs(one_)
    half = len(one) // 2
    if gap[:half].max() < 1e-5 and gap[half:].max() < 1e-4:
        return None
    return f"coefficients differ by {gap[:half].max():.1e}, errors by {gap[half:].max():.1e}"


def one(engine: str, options: Any, formula: str) -> None:
    """Run one engine, warmed up on small data."""
    import pandas as pd

    sys.path.pop(0)  # numba looks for `coverage`, which is a bench here
    frame = pd.DataFrame(data(options.n, options.design, options.family))
    fit(engine, pd.DataFrame(data(4_600, "simple", options.family)), formula, options.family)
    gc.collect()
    answer, figures = harness.timed(lambda: fit(engine, frame, formula, options.family))
    harness.child(answer, figures)


def main() -> None:
    """Run one engine, or all."""
    parser = harness.arguments(__doc__ or "")
    parser.add_argument("--n", type=int, default=1_000_000)
    parser.add_argument("--family", choices=["poisson", "logit"], default="poisson")
    parser.add_argument("--design", choices=feols.DESIGNS, default="simple")
    parser.add_argument("--effects", type=int, choices=[2, 3], default=2)
    parser.add_argument("--engines", default="kruispunt,fereg,pyfixest")
    options = parser.parse_args()
    second, third = ("year", "firm") if options.design == "simple" else ("firm", "year")
    formula = f"y ~ x1 + x2 | individual + {second}"
    formula += f" + {third}" if options.effects == 3 else ""
    if options.engine:
        one(options.engine, options, formula)
        return
    name = f"glm-{options.family}-{options.design}-{options.n:.0e}-{options.effects}fe"
    harness.compare(
        name.replace("e+0", "e"),
        {engine: engine for engine in options.engines.split(",")},
        options,
        agree=agree,
        extra=[
            *("--n", str(options.n), "--design", options.design, "--family", options.family),
            *("--effects", str(options.effects)),
        ],
    )


if __name__ == "__main__":
    main()
