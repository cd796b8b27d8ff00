"""Expectations for stacked difference-in-differences, from diff-diff.

python make.py   (in an environment with diff-diff 3.13, numpy and pandas)

The panel is that of `../did/expected.json`; two periods before treatment and one after, cohorts
weighted by their treated units (Wing, Freedman & Hollingsworth 2024), clustered by person. The peer
multiplies its variance by G/(G-1) (n-1)/(n-p).
"""

import json
import warnings
from importlib.metadata import version
from pathlib import Path

import diff_diff as dd
import pandas as pd

warnings.filterwarnings("ignore")
here = Path(__file__).parent
data = pd.DataFrame(json.loads((here.parent / "did/expected.json").read_text())["data"])


def run(clean):
    fit = dd.StackedDiD(kappa_pre=2, kappa_post=1, cluster="unit", clean_control=clean).fit(
        data, outcome="y", unit="person", time="year", first_treat="first", aggregate="event_study"
    )
    return {
        str(event): [float(own["effect"]), float(own["se"])]
        for event, own in sorted(fit.event_study_effects.items())
        if own["se"] > 0
    }


if __name__ == "__main__":
    expected = {
        "made_by": f"diff-diff {version('diff-diff')}",
        "cases": {"never": run("never_treated"), "not_yet": run("not_yet_treated")},
    }
    here.joinpath("expected.json").write_text(json.dumps(expected) + "\n")
