"""Expectations for repeated cross-sections given covariates, from csdid.

python covariates.py   (in an environment with csdid 0.4.3, pandas and numpy)

The rows of `make.py`, with x1 and x2.
"""

import contextlib
import io
import json
from importlib.metadata import version

import numpy as np
from csdid.att_gt import ATTgt
from make import data, here, keep


def run(control, method, weights):
    fit = ATTgt(
        yname="y", tname="year", idname="row", gname="first", data=data, xformla="y ~ x1 + x2",
        panel=False, control_group=control, weights_name=weights,
    ).fit(est_method=method, bstrap=False)  # fmt: skip
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
            f"{method} {control} {weights}": run(control, method, weights)
            for method in ("dr", "reg", "ipw")
            for control in ("nevertreated", "notyettreated")
            for weights in (None, "weight")
        }
    expected = {"made_by": f"csdid {version('csdid')}", "rows": len(keep), "cases": cases}
    here.joinpath("covariates.json").write_text(json.dumps(expected) + "\n")
