"""A gap of -12 between origins after wrong links: naive and adjusted, and whether intervals hold.

Persons of the synthetic registers with their origins; links are wrong for 2 % of the persons of
Belgian origin and for 15 % of those of other countries, within blocks. 200 samples; a share of intervals that hold the truth
within [.92, .98] is as it should be (its own standard error is 1.5 points). A dated record.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

import kruispunt as kp

GAP, SLOPE = -12.0, 5.0
RIGHT = {"BE": 0.98, "EU14": 0.96, "EU13": 0.94, "TR": 0.93, "MA": 0.90, "nonEU": 0.85}
BLOCKS, AUDITED = 25, 400


def sample(seed: int, persons: Any, n: int = 6_000) -> dict[str, Any]:
    """Draw persons, give them wages, and give some the wage of another person of their block."""
    rng = np.random.default_rng(seed)
    drawn = rng.choice(len(persons["origin"]), n, replace=False)
    origin = np.asarray(persons["origin"]).astype(str)[drawn]
    foreign = (~np.isin(origin, ["BE", "EU14"])).astype(float)
    age = rng.normal(size=n) + 0.5 * foreign
    wage = 100 + GAP * foreign + SLOPE * age + rng.normal(scale=3, size=n)
    right = np.array([RIGHT[own] for own in origin])
    wrong = rng.random(n) >= right
    block = np.arange(n) % BLOCKS
    other = (np.arange(n) + BLOCKS * rng.integers(1, n // BLOCKS, n)) % n
    audit = {own: (int(rng.binomial(AUDITED, rate)), AUDITED) for own, rate in RIGHT.items()}
    columns = {"wage": np.where(wrong, wage[other], wage), "age": age, "foreign": foreign}
    return {"rows": columns | {"origin": origin, "block": block}, "audit": audit, "n": n}


def estimates(own: dict[str, Any]) -> dict[str, tuple[float, float]]:
    """Give estimate and standard error of the gap by method."""
    rows = own["rows"]
    fml = "wage ~ foreign + age"
    found: dict[str, Any] = {"naive": kp.feols(fml, rows, vcov="hetero")}
    for name, rate in (("known rates", RIGHT), ("audited rates", own["audit"])):
        for weighting in ("ratio", "lahiri-larsen", "blue"):
            found[f"{weighting}, {name}"] = kp.after_linkage(
                fml, rows, rate={"origin": rate}, wrong_links="block", weighting=weighting
            )
    one = float(np.mean([RIGHT[group] for group in rows["origin"]]))
    found["lahiri-larsen, one rate for all"] = kp.after_linkage(
        fml, rows, rate=one, wrong_links="block"
    )
    found["mixture, by origin"] = kp.mismatch_mixture(fml, rows, predictors="i(origin)")
    return {name: (fit.coef()["foreign"], fit.se()["foreign"]) for name, fit in found.items()}


def main() -> None:
    """Simulate, print, record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--no-record", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    persons = kp.synth.registers("chair", seed=1)["persons"]
    found: dict[str, list[tuple[float, float]]] = {}
    for seed in range(options.seeds):
        for name, own in estimates(sample(seed, persons)).items():
            found.setdefault(name, []).append(own)
    rows = []
    for name, own in found.items():
        value, error = np.array(own).T
        rows.append(
            {
                "method": name,
                "mean": round(float(value.mean()), 4),
                "mc_error": round(float(value.std(ddof=1) / np.sqrt(len(value))), 4),
                "sd": round(float(value.std(ddof=1)), 4),
                "mean_std_error": round(float(error.mean()), 4),
                "coverage": round(float(np.mean(np.abs(value - GAP) <= 1.959964 * error)), 4),
            }
        )
    record = {
        "bench": "after-linkage",
        "date": dt.datetime.now(tz=dt.UTC).date().isoformat(),
        "truth": GAP,
        "seeds": options.seeds,
        "rows": rows,
    }
    sys.stdout.write(json.dumps(record, indent=1) + "\n")
    if not options.no_record:
        path = Path(__file__).parent / "record" / f"{record['date']}-after-linkage.json"
        path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
