"""The wild cluster bootstrap beside wildboottest: 1e6 rows, 50 clusters, 9,999 draws.

    python benches/wild.py [--n 1000000] [--draws 9999]

The fit is made outside the clock. wildboottest gets the regressors without effects, the kindest case
for it (it would turn effects into dummies); `kruispunt` does the same, `kruispunt-person` has 1e5 persons
swept out, `kruispunt-crossed` quarters that cross the clusters as well. P values of the first two are
compared; the others test another hypothesis.
"""

from __future__ import annotations

import gc
import sys
from typing import Any

import harness
import numpy as np

TERMS = " + ".join(f"x{at}" for at in range(5))
BARS = {
    "kruispunt": "",
    "kruispunt-person": " | person",
    "kruispunt-crossed": " | person + quarter",
}


def data(n: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Five regressors whose first has an effect that differs by region."""
    rng = np.random.default_rng(1)
    person = np.arange(n) // 10
    region, quarter = person % 50, np.arange(n) % 40
    x = rng.normal(size=(n, 5))
    y = 0.004 * x[:, 0] + rng.normal(size=50)[region] * 0.01 * x[:, 0] + rng.normal(size=n)
    columns = {f"x{at}": x[:, at] for at in range(5)}
    return x, columns | {"y": y, "person": person, "region": region, "quarter": quarter}


def peer(x: np.ndarray, y: np.ndarray, region: np.ndarray, draws: int) -> float:
    """Run wildboottest's machine."""
    from wildboottest.wildboottest import WildboottestCL

    restriction = np.zeros(x.shape[1])
    restriction[1] = 1
    boot = WildboottestCL(X=x, Y=y, cluster=region, R=restriction, B=draws, seed=1)
    boot.get_scores(bootstrap_type="11", impose_null=True)
    boot.get_weights(weights_type="rademacher")
    boot.get_numer()
    boot.get_denom()
    boot.get_tboot()
    boot.get_vcov()
    boot.get_tstat()
    boot.get_pvalue()
    return float(boot.pvalue)


def one(engine: str, options: Any) -> None:
    """Run one engine."""
    x, columns = data(options.n)
    if engine == "wildboottest":
        sys.path.pop(0)  # numba looks for `coverage`, which is a bench here
        full = np.column_stack([np.ones(len(x)), x])
        small = slice(0, 5_000)
        peer(full[small], columns["y"][small], columns["region"][small], 99)
        gc.collect()
        work = lambda: peer(full, columns["y"], columns["region"], options.draws)  # noqa: E731
    else:
        import kruispunt as kp

        fit = kp.feols(f"y ~ {TERMS}{BARS[engine]}", columns, vcov={"CRV1": "region"})
        fit.wildboottest(99, param="x0")
        gc.collect()
        work = lambda: fit.wildboottest(options.draws, param="x0", seed=1)["Pr(>|t|)"]  # noqa: E731
    answer, figures = harness.timed(work)
    harness.child(float(answer), figures)


def main() -> None:
    """Run one engine, or all."""
    parser = harness.arguments(__doc__ or "")
    parser.add_argument("--n", type=int, default=1_000_000)
    parser.add_argument("--draws", type=int, default=9_999)
    options = parser.parse_args()
    if options.engine:
        one(options.engine, options)
        return

    def agree(ours: float, theirs: float) -> str | None:
        """P values within four standard errors of two sets of draws."""
        gap = 4 * np.sqrt(2 * theirs * (1 - theirs) / options.draws) + 1e-3
        return None if abs(ours - theirs) < gap else f"p values {ours:.4f} and {theirs:.4f}"

    harness.compare(
        f"wild-{options.n:.0e}".replace("e+0", "e"),
        {"kruispunt": "kruispunt", "wildboottest": "wildboottest"}
        | dict.fromkeys(list(BARS)[1:], "kruispunt"),
        options,
        agree=agree,
        bytes_moved=options.n * 8 * 7,
        extra=["--n", str(options.n), "--draws", str(options.draws)],
    )


if __name__ == "__main__":
    main()
