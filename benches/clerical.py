"""How often intervals from a clerical sample hold the truth: many samples of linkages with known truth.

Two linkages of invented persons, one with narrow rules and one with wide ones (half a million pairs
compared, hardly any of them a match). Wished: 95 percent intervals that hold precision and recall in at
least 90 percent of the samples (the record says where they do not), and precision without bias.
"""

from __future__ import annotations

import argparse
import json
import warnings
from pathlib import Path

import numpy as np

import kruispunt as kp

c = kp.linkage


def people(n: int, seed: int) -> tuple[dict, dict]:
    """Two lists of the same persons with slips, more of them in one group."""
    rng = np.random.default_rng(seed)
    letters = np.array(list("abcdefghijklmnoprstu"))
    words = np.array(["".join(rng.choice(letters, 5)) for _ in range(500)])
    origin = np.where(rng.random(n) < 0.4, "other", "here")
    left = {
        "first": words[rng.zipf(1.5, n) % 90],
        "last": words[100 + rng.zipf(1.3, n) % 380],
        "birth": (np.datetime64("1980-01-01") + rng.integers(0, 2500, n)).astype(str),
        "origin": origin,
    }
    right = {name: own.copy() for name, own in left.items()}
    slips = np.where(origin == "other", 0.4, 0.15)
    for name in ("first", "last", "birth"):
        wrong = rng.random(n) < slips
        right[name][wrong] = left[name][rng.integers(0, n, wrong.sum())]
    order = rng.permutation(n)
    right = {name: own[order] for name, own in right.items()}
    return left | {"person": np.arange(n)}, right | {"person": order}


def job(rules: list, sizes: list[int], samples: int) -> dict:
    """Draw samples of a linkage and see what their intervals hold."""
    left, right = people(1500, 3)
    linker = c.Linker([c.name("first"), c.name("last"), c.date("birth")], rules, dependence="none")
    linker.train(left, right, progress=False)
    links = linker.link(left, right, progress=False)
    compared = linker.link(left, right, assignment="none", threshold=1e-4, progress=False)

    def right_ones(pairs: dict) -> np.ndarray:
        rows = (np.asarray(pairs[name]).astype(int) for name in ("left_row", "right_row"))
        return np.asarray(left["person"])[next(rows)] == np.asarray(right["person"])[next(rows)]

    hits, matches = right_ones(links.pairs), right_ones(compared.pairs)
    goal = {"precision": float(hits.mean()), "recall": float(hits.sum() / matches.sum())}
    answer = {
        "links": len(links),
        "pairs_compared": len(compared),
        "truth": goal,
        "samples": samples,
    }
    for n in sizes:
        found: dict[str, list] = {name: [] for name in goal}
        for seed in range(samples):
            sample = c.clerical_sample(links, n, compared=compared, seed=seed)
            rates = sample.estimate(right_ones(sample.pairs))
            for name, own in found.items():
                own.append([float(rates[f"{name}{end}"][0]) for end in ("", "_low", "_high")])
        answer[str(n)] = {}
        for name, own in found.items():
            value, low, high = np.array(own).T
            answer[str(n)][name] = {
                "held": float(((low <= goal[name]) & (goal[name] <= high)).mean()),
                "mean": float(value.mean()),
                "median": float(np.median(value)),
                "monte_carlo_error": float(value.std(ddof=1) / np.sqrt(samples)),
                "mean_low": float(low.mean()),
                "mean_high": float(high.mean()),
            }
    return answer


def main() -> None:
    """Run both and write the record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--wide", type=int, default=50, help="samples with wide rules; 0 for none")
    parser.add_argument("--record", type=Path, default=None)
    options = parser.parse_args()
    warnings.simplefilter("ignore", kp.exceptions.DesignWarning)
    narrow = [["first", "last"], ["last", "birth"], ["first", "birth"]]
    record = {
        "narrow rules": job(narrow, [100, 300, 1000], options.samples),
    }
    if options.wide:
        wide = [["first"], ["last"], ["birth"]]
        record["wide rules"] = job(wide, [300], options.wide)
    print(json.dumps(record, indent=1))
    if options.record:
        options.record.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
