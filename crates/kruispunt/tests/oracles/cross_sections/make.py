"""Expectations for repeated cross-sections, from csdid.

python make.py   (in an environment with csdid 0.4.3, pandas and numpy)

Seven of ten rows of the panel of `../did/expected.json` ("keep"), each taken as a unit of its own.
"""

import contextlib
import io
import json
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from csdid.att_gt import ATTgt

warnings.filterwarnings("ignore")
here = Path(__file__).parent
data = pd.DataFrame(json.loads((here.parent / "did/expected.json").read_text())["data"])
keep = np.flatnonzero(np.random.default_rng(3).random(len(data)) < 0.7)
data = data.iloc[keep].reset_index(drop=True)
data["row"] = np.arange(len(data))


def run(control, weights):
    fit = ATTgt(
        yname="y", tname="year", idname="row", gname="first", data=data, xformla="y ~ 1",
        panel=False, control_group=control, weights_name=weights,
    ).fit(est_method="dr", bstrap=False)  # fmt: skip
    cells = fit.results
    found = {
        "cohort": [int(v) for v in cells["group"]],
        "period": [int(v) for v in cells["year"]],
        "estimate": [float(v) for v in np.ravel(cells["att"])],
        "std_error": [float(v) for v in np.ravel(cells["se"])],
    }
    for ours, theirs in (
        ("simple", "simple"), ("event", "dynamic"), ("group", "group"), ("calendar", "calendar"),
    ):  # fmt: skip
        fit.aggte(typec=theirs, bstrap=False, cband=False)
        found[ours] = [float(fit.atte["overall_att"]), float(fit.atte["overall_se"])]
    return found


if __name__ == "__main__":
    with contextlib.redirect_stdout(io.StringIO()):
        cases = {
            "never": run("nevertreated", None),
            "not_yet": run("notyettreated", None),
            "never_weights": run("nevertreated", "weight"),
            "not_yet_weights": run("notyettreated", "weight"),
        }
    expected = {
        "made_by": f"csdid {version('csdid')}, pandas {version('pandas')}",
        "keep": keep.tolist(),
        "cases": cases,
    }
    here.joinpath("expected.json").write_text(json.dumps(expected) + "\n")
