"""Expectations for the choices of local projections, from diff-diff.

python make.py   (in an environment with diff-diff 3.13.0, pandas and numpy)

The panel of `../did/expected.json`: changes from means of periods before treatment, one sample for
all horizons after it, the outcome of the window pooled.
"""

import json
import warnings
from importlib.metadata import version
from pathlib import Path

import diff_diff as dd
import numpy as np
import pandas as pd

warnings.filterwarnings("ignore")
here = Path(__file__).parent
data = pd.DataFrame(json.loads((here.parent / "did/expected.json").read_text())["data"])
data["treated"] = ((data["first"] > 0) & (data["year"] >= data["first"])).astype(int)


def run(**options):
    fit = dd.LPDiD(pre_window=3, post_window=1, **options).fit(
        data, outcome="y", unit="person", time="year", treatment="treated"
    )
    table = fit.event_study
    names = {name.lower(): name for name in table.columns}
    value = next(names[k] for k in ("coefficient", "effect", "estimate", "att") if k in names)
    error = next(names[k] for k in ("se", "std_error") if k in names)
    events = {
        str(int(h)): [float(b), float(se)]
        for h, b, se in zip(table[names["horizon"]], table[value], table[error], strict=True)
        if np.isfinite(se) and se > 0
    }
    post = fit.pooled[fit.pooled["window"] == "post"].iloc[0]
    return {"events": events, "pooled": [float(post[value]), float(post[error])]}


cases = {
    "plain": run(),
    "premean_2": run(pmd=2),
    "premean_all": run(pmd="max"),
    "fixed": run(no_composition=True),
    "fixed_premean_2": run(no_composition=True, pmd=2),
    "reweighted": run(reweight=True),
    "reweighted_premean_2": run(reweight=True, pmd=2),
    "never": run(control_group="never_treated"),
}
expected = {"made_by": f"diff-diff {version('diff-diff')}", "cases": cases}
here.joinpath("expected.json").write_text(json.dumps(expected) + "\n")
