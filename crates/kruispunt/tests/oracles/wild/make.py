"""Wild cluster bootstraps by wildboottest, all sign patterns enumerated.

Run in an environment with wildboottest; writes expected.json beside this file. Its variance of the
jackknife does not run with NumPy 2.4, so that those lines are written out here from its scores.
"""

import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
from wildboottest.wildboottest import WildboottestCL

N, REGIONS = 120, 9


def jackknife_variance(boot: WildboottestCL, at: int) -> np.ndarray:
    """Give the variance of every draw by the cluster jackknife."""
    scores, draws = boot.scores_mat, boot.v
    total = scores @ draws
    all_of_it = boot.tXXinv @ total
    variance = np.zeros(draws.shape[1])
    for g, own in enumerate(boot.tXgXg_list):
        without = np.linalg.pinv(boot.tXX - own) @ (total - np.outer(scores[:, g], draws[g]))
        variance += (without - all_of_it)[at] ** 2
    return boot.ssc * variance


def main() -> None:
    rng = np.random.default_rng(20261123)
    region = rng.integers(0, REGIONS, N)
    person = region * 3 + rng.integers(0, 3, N)
    hours, age = rng.normal(size=(2, N)).round(6)
    slope = 0.3 * rng.normal(size=REGIONS)[region]
    wage = (slope * hours - 0.2 * age + rng.normal(size=N)).round(6)
    dummies = (person[:, None] == np.unique(person)).astype(float)
    designs = {
        "wage ~ hours + age": np.column_stack([np.ones(N), hours, age]),
        "wage ~ hours + age | person": np.column_stack([dummies, hours, age]),
    }
    cases = []
    for formula, design in designs.items():
        restriction = np.zeros(design.shape[1])
        restriction[-2] = 1
        kinds = ("11", "13", "31", "33") if "|" not in formula else ("11",)
        for kind in kinds:
            for impose_null in (True, False):
                boot = WildboottestCL(
                    X=design, Y=wage, cluster=region, R=restriction, B=2**REGIONS + 1, seed=1
                )
                boot.get_scores(bootstrap_type=kind, impose_null=impose_null)
                boot.get_weights(weights_type="rademacher")
                boot.get_numer()
                if kind[1] == "3":
                    boot.denom = jackknife_variance(boot, design.shape[1] - 2)
                else:
                    boot.get_denom()
                boot.get_tboot()
                boot.get_vcov()
                boot.get_tstat()
                boot.get_pvalue()
                cases.append(
                    {
                        "formula": formula,
                        "bootstrap_type": kind,
                        "impose_null": impose_null,
                        "t": float(np.ravel(boot.t_stat)[0]),
                        "p": float(np.ravel(boot.pvalue)[0]),
                    }
                )
    expected = {
        "peer": f"wildboottest {version('wildboottest')}",
        "data": {
            "region": region.tolist(), "person": person.tolist(), "hours": hours.tolist(),
            "age": age.tolist(), "wage": wage.tolist(),
        },
        "cases": cases,
    }  # fmt: skip
    Path(__file__).with_name("expected.json").write_text(json.dumps(expected) + "\n")


if __name__ == "__main__":
    main()
