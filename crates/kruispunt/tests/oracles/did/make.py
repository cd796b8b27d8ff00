"""Expectations for difference-in-differences, from csdid on an invented panel.

python make.py   (in an environment with csdid 0.4.3, pandas and numpy)
"""

import json
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from csdid.att_gt import ATTgt

warnings.filterwarnings("ignore")
rng = np.random.default_rng(20261123)
n, years = 120, np.arange(2010, 2017)
first = rng.choice([0, 2012, 2013, 2015], n, p=[0.3, 0.25, 0.25, 0.2])
x1, x2 = rng.normal(size=n).round(3), (rng.random(n) < 0.4).astype(float)
weight = (0.5 + rng.random(n)).round(3)
town = rng.integers(1, 16, n)
level = rng.normal(size=n) + 0.3 * x1
rows = []
for i in range(n):
    for year in years:
        since = year - first[i]
        effect = 0.2 * (since + 1) if first[i] and since >= 0 else 0.0
        y = level[i] + 0.1 * (year - 2010) * (1 + 0.5 * x1[i]) + effect + 0.5 * rng.normal()
        rows.append(
            (i + 1, int(year), int(first[i]), round(y, 6), x1[i], x2[i], weight[i], int(town[i]))
        )
names = ["person", "year", "first", "y", "x1", "x2", "weight", "town"]
data = pd.DataFrame(rows, columns=names)


def run(xformla="y ~ 1", estimator="dr", **options):
    fit = ATTgt(
        yname="y",
        tname="year",
        idname="person",
        gname="first",
        data=data.copy(),
        xformla=xformla,
        **options,
    ).fit(est_method=estimator, bstrap=False)
    found = {k: list(map(float, fit.results[k])) for k in ("group", "year", "att", "se")}
    for kind in ("simple", "dynamic", "group", "calendar"):
        key = "group_agg" if kind == "group" else kind
        fit.aggte(typec=kind, bstrap=False, cband=False)
        a = fit.atte
        own = {
            "overall": float(a["overall_att"]),
            "overall_se": float(np.ravel(a["overall_se"])[0]),
        }
        if kind != "simple":
            own |= {
                "egt": list(map(float, a["egt"])),
                "att": list(map(float, a["att_egt"])),
                "se": [float(np.ravel(v)[0]) for v in np.ravel(a["se_egt"])],
            }
        found[key] = own
    return found


x = "y ~ x1 + x2"
cases = {
    "never": run(control_group="nevertreated"),
    "notyet": run(control_group="notyettreated"),
    "weights": run(control_group="notyettreated", weights_name="weight"),
    "town": run(control_group="notyettreated", clustervar="town"),
    "dr_never": run(x, control_group="nevertreated"),
    "dr_notyet_weights": run(x, control_group="notyettreated", weights_name="weight"),
    "reg_never": run(x, "reg", control_group="nevertreated"),
    "ipw_notyet": run(x, "ipw", control_group="notyettreated"),
    "anticipation": run(control_group="notyettreated", anticipation=1),
}
expected = {
    "made_by": f"csdid {version('csdid')}, pandas {version('pandas')}, numpy {version('numpy')}",
    "data": {name: data[name].tolist() for name in names},
    "cases": cases,
}
Path(__file__).with_name("expected.json").write_text(json.dumps(expected) + "\n")
