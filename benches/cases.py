"""Choosing and pairing cases in large panels: kruispunt beside plain numpy.

`pairs`: one in ten persons has the contrast; partners are equal in two columns and near in two. The
numpy engine computes all distances within a cell, keeps as many of each person as may be needed, and
takes pairs in order. `select`: 24 cases of two kinds from types of 48 quarters, with quotas and reserves
(kruispunt alone).
"""

from __future__ import annotations

from typing import Any

import harness
import numpy as np

PAIRS = 50


def people(n: int) -> dict[str, Any]:
    """Draw persons."""
    rng = np.random.default_rng(3)
    return {
        "pid": np.arange(n), "trained": rng.random(n) < 0.1,
        "origin": rng.choice(["BE", "EU", "MA", "TR"], n), "sex": rng.choice(["F", "M"], n),
        "before": rng.normal(size=n), "wage": rng.normal(size=n),
    }  # fmt: skip


def pair_with_kruispunt(n: int) -> tuple[Any, dict[str, float]]:
    """Find pairs."""
    import kruispunt as kp

    table = kp.Table(people(n))
    found, figures = harness.timed(
        lambda: kp.cases.pairs(
            table, "trained", person="pid", n=PAIRS, alike=["origin", "sex"],
            near=["before", "wage"],
        )
    )  # fmt: skip
    rows = kp.Table(found).to_dict()
    return {"sum": float(rows["distance"].sum() / 2)}, figures


def pair_with_numpy(n: int) -> tuple[Any, dict[str, float]]:
    """Find pairs by all distances."""
    table = people(n)

    def search() -> float:
        x = np.column_stack([table["before"], table["wage"]])
        side = table["trained"]
        own = [x[side == value] - x[side == value].mean(axis=0) for value in (True, False)]
        pooled = sum(part.T @ part for part in own) / (n - 2)
        white = np.linalg.solve(np.linalg.cholesky(pooled), x.T).T
        found = []
        for origin in np.unique(table["origin"]):
            for sex in np.unique(table["sex"]):
                cell = (table["origin"] == origin) & (table["sex"] == sex)
                one, other = np.flatnonzero(cell & side), np.flatnonzero(cell & ~side)
                gap = white[one][:, None] - white[other][None]
                d = np.sqrt((gap**2).sum(axis=2))
                keep = min(2 * PAIRS, len(other))
                near = np.argpartition(d, keep - 1, axis=1)[:, :keep]
                for row, at in enumerate(near):
                    found += zip(d[row, at], [one[row]] * keep, other[at], strict=True)
        found.sort()
        used, total, count = set(), 0.0, 0
        for distance, a, b in found:
            if a not in used and b not in used:
                used |= {a, b}
                total, count = total + float(distance), count + 1
                if count == PAIRS:
                    break
        return total

    total, figures = harness.timed(search)
    return {"sum": total}, figures


def select_with_kruispunt(n: int) -> tuple[Any, dict[str, float]]:
    """Choose cases from types."""
    import kruispunt as kp

    rng = np.random.default_rng(5)
    kinds = rng.integers(0, 6, n)
    first, last = np.array([0, 0, 1, 1, 2, 0])[kinds], np.array([0, 1, 1, 2, 2, 2])[kinds]
    change = rng.integers(6, 42, n)
    grid = np.where(np.arange(48)[None, :] < change[:, None], first[:, None], last[:, None])
    noise = rng.random(grid.shape) < 0.04
    grid = np.where(noise, rng.integers(0, 3, grid.shape), grid)
    columns = {f"q{at:02}": grid[:, at] for at in range(48)} | {"pid": np.arange(n)}
    types = kp.trajectory.Sequences(columns, id="pid").clara(6, "ham", samples=3, size=200)[6]
    table = kp.Table(people(n))
    quota = {"origin": {"MA": 6, "TR": 6, "EU": 4}, "sex": {"F": 12, "M": 10}}
    found, figures = harness.timed(
        lambda: kp.cases.select(
            types, {"typical": 12, "deviant": 12}, data=table, quota=quota, reserves=1
        )
    )
    return {"sum": float(len(found.ids))}, figures


ENGINES = {
    "pairs": {"kruispunt": pair_with_kruispunt, "numpy": pair_with_numpy},
    "select": {"kruispunt": select_with_kruispunt},
}


def agree(one: Any, other: Any) -> str | None:
    """Sums of distances to 1e-9."""
    gap = abs(one["sum"] / other["sum"] - 1)
    return None if gap < 1e-9 else f"sums of distances differ by {gap:.1e}"


def main() -> None:
    """Run one engine, or all."""
    parser = harness.arguments(__doc__ or "")
    parser.add_argument("--n", type=int, default=60_000)
    parser.add_argument("--job", choices=sorted(ENGINES), default="pairs")
    options = parser.parse_args()
    engines = ENGINES[options.job]
    if options.engine:
        engines[options.engine](2_000)  # import and warm up outside the clock
        answer, figures = engines[options.engine](options.n)
        harness.child(answer, figures)
        return
    harness.compare(
        f"cases-{options.job}-{options.n}",
        {engine: engine for engine in engines},
        options,
        agree=agree,
        extra=["--n", str(options.n), "--job", options.job],
    )


if __name__ == "__main__":
    main()
