"""Measures of clusters and balance: `pip install er-evaluation==2.3.0 scikit-learn==1.9.1 tableone==0.9.6`, run here."""

import importlib.metadata
import json
import warnings
from pathlib import Path

import er_evaluation as ee
import numpy as np
import pandas as pd
from sklearn import metrics
from tableone import TableOne

warnings.filterwarnings("ignore")
here = Path(__file__).parent
rng = np.random.default_rng(17)

# Two tables, of which each key is one cluster: a right row and its left rows. Some keys are wrong.
n_right, n_left = 90, 200
right_person = rng.permutation(n_right)
left_person = rng.integers(0, n_right + 20, n_left)
right_key = np.arange(n_right)
row_of = {int(person): row for row, person in enumerate(right_person)}
left_key = np.array([row_of.get(int(person), 1000 + int(person)) for person in left_person])
wrong = rng.random(n_left) < 0.12
left_key[wrong] = rng.integers(0, n_right, wrong.sum())
lost = rng.random(n_left) < 0.15
left_key[lost] = 5000 + np.flatnonzero(lost)
# A left row without its right row is a cluster of its own: nothing links two left rows.
alone = ~np.isin(left_key, right_key)
codes = left_key.copy()
codes[alone] = 10_000 + np.flatnonzero(alone)
cluster = np.concatenate([codes, right_key])
person = np.concatenate([left_person, right_person])
found, true = pd.Series(cluster), pd.Series(person)
measures = {
    "pair_precision": ee.pairwise_precision(found, true),
    "pair_recall": ee.pairwise_recall(found, true),
    "pair_f1": ee.pairwise_f(found, true),
    "cluster_precision": ee.cluster_precision(found, true),
    "cluster_recall": ee.cluster_recall(found, true),
    "cluster_f1": ee.cluster_f(found, true),
    "homogeneity": metrics.homogeneity_score(person, cluster),
    "completeness": metrics.completeness_score(person, cluster),
    "v_measure": metrics.v_measure_score(person, cluster),
    "adjusted_rand": metrics.adjusted_rand_score(person, cluster),
}

n = 400
wage = np.round(rng.normal(2500, 600, n), 2)
sector = rng.choice(["care", "build", "clean"], n)
linked = rng.random(n) < np.where(sector == "clean", 0.5, 0.8) * np.where(wage > 2500, 1, 0.85)
frame = pd.DataFrame({"wage": wage, "sector": sector, "linked": linked.astype(int)})
for name in ("care", "build", "clean"):
    frame[name] = (frame["sector"] == name).astype(int)
smd = []
for name, column, level in [
    ("wage", "wage", None),
    *(("sector", own, own) for own in ("care", "build", "clean")),
]:
    table = TableOne(
        frame,
        columns=[column],
        categorical=[] if level is None else [column],
        groupby="linked",
        smd=True,
    )
    smd.append((name, level, table))

# TableOne prints three digits; its own function gives all of them.
full = []
for name, level, table in smd:
    column = name if level is None else level
    one, two = (frame.loc[frame["linked"] == side, column] for side in (1, 0))
    if level is None:
        spread = np.sqrt((one.var(ddof=1) + two.var(ddof=1)) / 2)
    else:
        spread = np.sqrt((one.mean() * (1 - one.mean()) + two.mean() * (1 - two.mean())) / 2)
    value = (one.mean() - two.mean()) / spread
    column_of = next(own for own in table.tableone.columns if "SMD" in str(own))
    printed = [
        float(own) for own in table.tableone[column_of] if str(own).strip() not in ("", "nan")
    ]
    assert min(abs(abs(value) - abs(own)) for own in printed) < 6e-4, (name, level, value, printed)
    full.append([name, level, float(value)])

versions = {
    name: importlib.metadata.version(name) for name in ("er-evaluation", "scikit-learn", "tableone")
}
text = json.dumps(
    {
        "versions": versions,
        "clusters": {
            "left_key": [f"k{own}" for own in left_key], "right_key": [f"k{own}" for own in right_key],
            "left_person": left_person.tolist(), "right_person": right_person.tolist(),
            "half": ["a" if own % 2 else "b" for own in range(n_left)],
            "measures": {name: float(own) for name, own in measures.items()},
        },
        "balance": {
            "left": {"key": [f"k{own}" for own in range(n)], "wage": wage.tolist(), "sector": sector.tolist()},
            "right": {"key": [f"k{own}" for own in np.flatnonzero(linked)]},
            "smd": full,
        },
    }
)  # fmt: skip
(here / "expected.json").write_text(text + "\n", encoding="utf-8")
print(measures, full)
