"""Distances between careers and types around medoids: kruispunt beside Sequenzo.

48 quarters, 8 states, a person stays in a state with probability 0.9, so that nearly all careers
differ. The clock runs over the distances alone (or the types, from distances made before), after
both sides have read the sequences. The answer compared is the sum of all distances and those of the
first 60 careers.
"""

from __future__ import annotations

import contextlib
import io
import os
from typing import Any

import harness
import numpy as np

LENGTH, STATES = 48, 8
JOBS = {
    "om-f64": ("om", {"costs": "trate", "indel": 1.0, "precision": "f64"}),
    "om-f32": ("om", {"costs": "trate", "indel": 1.0, "precision": "f32"}),
    "lcs": ("lcs", {"precision": "f64"}),
    "ham": ("ham", {"precision": "f64"}),
    "dhd": ("dhd", {"precision": "f64"}),
    "omspell": ("omspell", {"precision": "f64", "indel": 1.0}),
    "pam": ("om", {"costs": "trate", "indel": 1.0}),
    "clara": ("om", {"costs": "trate", "indel": 1.0}),
    # more different careers than 46,340, all distances held
    "tiles": ("ham", {"precision": "f32"}),
    # memberships of six types from distances made before
    "fuzzy": ("om", {"costs": "trate", "indel": 1.0}),
}
PEER = {
    "om": {"method": "OM", "sm": "TRATE", "indel": 1, "norm": "none"},
    "lcs": {"method": "LCS", "norm": "none"},
    "ham": {"method": "HAM", "norm": "none"},
    "dhd": {"method": "DHD", "sm": "TRATE", "norm": "none"},
    "omspell": {"method": "OMspell", "sm": "CONSTANT", "indel": 1, "norm": "none"},
}
TYPES = 6


def codes(n: int) -> Any:
    """Make careers."""
    rng = np.random.default_rng(7)
    states = np.empty((n, LENGTH), dtype=np.int64)
    states[:, 0] = rng.integers(0, STATES, n)
    for at in range(1, LENGTH):
        moves = rng.random(n) > 0.9
        states[:, at] = np.where(moves, rng.integers(0, STATES, n), states[:, at - 1])
    return states


def first(square: Any, total: float) -> dict[str, Any]:
    """Give what is compared."""
    return {"sum": float(total), "first": np.round(square, 9).ravel().tolist()}


def kruispunt(job: str, n: int) -> tuple[Any, dict[str, float]]:
    """Time kruispunt."""
    import kruispunt as kp

    kp.set_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
    states = codes(n)
    table = {f"q{at}": states[:, at] for at in range(LENGTH)}
    careers = kp.trajectory.Sequences(table, states=range(STATES))
    method, options = JOBS[job]
    if job == "clara":
        found, figures = harness.timed(
            lambda: careers.clara(range(2, 8), samples=10, size=500, costs="trate", indel=1.0)
        )
        return {"types": [typology.k for typology in found.values()]}, figures
    if job == "pam":
        distances = careers.distances(method, **options)
        found, figures = harness.timed(lambda: distances.native.pam([TYPES], None)[0])
        return {"total": found.total}, figures
    if job == "fuzzy":
        distances = careers.distances(method, **options)
        found, figures = harness.timed(lambda: distances.fuzzy(TYPES))
        return {"types": [found.k]}, figures
    distances, figures = harness.timed(lambda: careers.distances(method, **options))
    if job == "tiles":
        rows = np.random.default_rng(1).integers(0, n, (400, 2))
        ok = all(distances[i, j] == (states[i] != states[j]).sum() for i, j in rows.tolist())
        different = distances.n_unique
        return {"types": [different, ok], "n": different}, figures
    unique = np.bincount(distances.unique_of)
    square = np.array([[distances[i, j] for j in range(60)] for i in range(60)])
    total = 2.0 * distances.condensed().sum(dtype=np.float64) if unique.max() == 1 else np.nan
    return first(square, total), figures


def sequenzo(job: str, n: int) -> tuple[Any, dict[str, float]]:
    """Time Sequenzo."""
    import pandas as pd
    from sequenzo import KMedoids, SequenceData, get_distance_matrix

    names = [f"q{at}" for at in range(LENGTH)]
    frame = pd.DataFrame(codes(n), columns=names)
    frame.insert(0, "id", np.arange(n))
    with contextlib.redirect_stdout(io.StringIO()):
        labels = [f"s{state}" for state in range(STATES)]
        data = SequenceData(
            frame, time=names, id_col="id", states=list(range(STATES)), labels=labels
        )
        options = PEER[JOBS[job][0]]
        if job == "pam":
            # the same distances for both, which the other jobs compare
            import kruispunt as kp

            table = {f"q{at}": codes(n)[:, at] for at in range(LENGTH)}
            own = kp.trajectory.Sequences(table, states=range(STATES))
            matrix = own.distances(JOBS[job][0], **JOBS[job][1]).square()
            found, figures = harness.timed(
                lambda: KMedoids(diss=matrix, k=TYPES, method="PAM", weights=np.ones(n))
            )
            # it gives the medoid of each sequence, counted from 1 or from 0
            medoids = np.asarray(found).ravel().astype(int)
            totals = [
                float(matrix[np.arange(n), medoids - shift].sum())
                for shift in (0, 1)
                if medoids.min() >= shift and medoids.max() - shift < n
            ]
            return {"total": min(totals)}, figures
        # a square of more than 10,000 careers takes it three times 8 n^2 bytes
        full = n <= 10_000
        matrix, figures = harness.timed(
            lambda: np.asarray(get_distance_matrix(data, full_matrix=full, **options))
        )
    if full:
        return first(matrix[:60, :60], matrix.sum()), figures
    square = np.zeros((60, 60))
    for i in range(60):
        for j in range(i + 1, 60):
            square[i, j] = square[j, i] = matrix[i * n - i * (i + 1) // 2 + j - i - 1]
    return first(square, 2.0 * matrix.sum()), figures


def numpy(job: str, n: int) -> tuple[Any, dict[str, float]]:
    """Time dynamic Hamming distances in plain numpy, which every peer that works would have to beat."""
    if job != "dhd":
        raise NotImplementedError(job)
    states = codes(n)
    found, figures = harness.timed(lambda: dynamic_hamming(states))
    return first(found[:60, :60], found.sum()), figures


def dynamic_hamming(states: Any) -> Any:
    """Compute distances whose costs follow the transition rates at each position (Lesnard 2010)."""
    n, length = states.shape
    rates = np.zeros((length - 1, STATES, STATES))
    for at in range(length - 1):
        np.add.at(rates[at], (states[:, at], states[:, at + 1]), 1.0)
    rates /= np.maximum(rates.sum(axis=2, keepdims=True), 1e-300)
    both = rates + rates.transpose(0, 2, 1)
    square = np.zeros((n, n))
    for at in range(length):
        cost = 4.0 - both[max(at - 1, 0)] - both[min(at, length - 2)]
        np.fill_diagonal(cost, 0.0)
        # a row of costs for each sequence, then the column of each other
        square += cost[states[:, at]][:, states[:, at]]
    return square


ENGINES = {"kruispunt": kruispunt, "sequenzo": sequenzo, "numpy": numpy}


def agree(one: Any, other: Any) -> str | None:
    """Distances to 1e-4 relative; sums of distances to medoids to 1e-3 (both are local optima)."""
    if "total" in one:
        gap = one["total"] / other["total"] - 1
        return None if abs(gap) < 1e-3 else f"sums of distances differ by {gap:.1e}"
    if "types" in one:
        return None
    gap = np.abs(np.array(one["first"]) - np.array(other["first"])).max()
    both = np.isfinite(one["sum"]) and np.isfinite(other["sum"])
    total = abs(one["sum"] / other["sum"] - 1) if both else 0.0
    return None if gap < 5e-4 and total < 1e-5 else f"distances differ by {gap:.1e}, {total:.1e}"


def main() -> None:
    """Run one engine, or all."""
    parser = harness.arguments(__doc__ or "")
    parser.add_argument("--n", type=int, default=5_000)
    parser.add_argument("--job", choices=sorted(JOBS), default="om-f32")
    parser.add_argument("--alone", action="store_true", help="without the peer")
    options = parser.parse_args()
    if options.engine:
        ENGINES[options.engine](options.job, 100)  # import and warm up outside the clock
        answer, figures = ENGINES[options.engine](options.job, options.n)
        harness.child(answer, figures)
        return
    alone = options.alone or options.job in {"clara", "tiles", "fuzzy"}
    # Sequenzo 0.1.42 ends with a segmentation fault at dynamic Hamming: numpy stands beside it
    engines = list(ENGINES)[: 1 if alone else 3 if options.job == "dhd" else 2]
    pairs = options.n * (options.n - 1) // 2
    harness.compare(
        f"trajectory-{options.job}-{options.n}",
        {engine: engine for engine in engines},
        options,
        agree=agree,
        bytes_moved=pairs * (4 if options.job in {"om-f32", "tiles"} else 8),
        extra=["--n", str(options.n), "--job", options.job],
    )


if __name__ == "__main__":
    main()
