"""Agreement of coders as krippendorff and scikit-learn compute it.

Needs krippendorff and scikit-learn; writes expected.json beside itself. The first table is the
worked example of Krippendorff (2011), *Computing Krippendorff's Alpha-Reliability*, section C:
four observers, twelve units, nominal alpha = 0.743.
"""

import itertools
import json
from importlib.metadata import version
from pathlib import Path

import krippendorff
import numpy as np
from sklearn.metrics import cohen_kappa_score

nan = np.nan
tables = {
    "krippendorff-2011-c": [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, nan, nan, nan],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, nan, 3],
        [nan, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, nan],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, nan],
    ]
}
rng = np.random.default_rng(11)
truth = rng.integers(0, 3, 80)
tables["three-coders"] = [
    np.where(rng.random(80) < 0.75, truth, rng.integers(0, 3, 80)).tolist() for _ in range(3)
]
expected = {
    "peers": {name: version(name) for name in ("krippendorff", "scikit-learn", "numpy")},
    "cases": [],
}
for name, table in tables.items():
    values = np.array(table, dtype=float)
    alpha = krippendorff.alpha(reliability_data=values, level_of_measurement="nominal")
    kappas = []
    for one, other in itertools.combinations(values, 2):
        both = ~np.isnan(one) & ~np.isnan(other)
        kappas.append(cohen_kappa_score(one[both].astype(int), other[both].astype(int)))
    rows = [[None if np.isnan(v) else int(v) for v in row] for row in values]
    case = {"name": name, "values": rows, "alpha": alpha, "kappa": float(np.mean(kappas))}
    expected["cases"].append(case)
target = Path(__file__).with_name("expected.json")
target.write_text(json.dumps(expected, indent=1) + "\n", encoding="utf-8")
