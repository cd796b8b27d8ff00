"""Expectations for improved weights, counts, triple differences and doses, from peers.

python make.py   (in an environment with moderndid 0.2.0, diff-diff 3.13, numpy and pandas)

The panel is that of `../did/expected.json`.
"""

import json
import warnings
from importlib.metadata import version
from pathlib import Path

import diff_diff as dd
import moderndid as md
import numpy as np
import pandas as pd

warnings.filterwarnings("ignore")
here = Path(__file__).parent
data = pd.DataFrame(json.loads((here.parent / "did/expected.json").read_text())["data"])


def improved(cohort, t, base, names, weights=None):
    """Sant'Anna & Zhao's improved estimator for one cohort, against the never treated."""
    rows = data[data["first"].isin([0, cohort])]
    y1 = rows[rows.year == t].sort_values("person")
    y0 = rows[rows.year == base].sort_values("person")
    d = (y1["first"] == cohort).to_numpy().astype(float)
    x = np.column_stack([np.ones(len(y1)), y1[names].to_numpy()])
    w = None if weights is None else y1[weights].to_numpy()
    own = md.drdid_imp_panel(y1["y"].to_numpy(), y0["y"].to_numpy(), d, x, w, influence_func=True)
    psi = np.asarray(own.att_inf_func)
    return {"att": float(own.att), "se": float(np.sqrt(np.mean(psi**2) / len(psi)))}


cells = [(2012, 2012, 2011), (2013, 2015, 2012), (2015, 2016, 2014)]
rng = np.random.default_rng(5)
data["count"] = rng.poisson(np.exp(0.3 + 0.4 * data["y"]))
data["high"] = (data["y"] + 0.5 * rng.normal(size=len(data)) > 0.5).astype(int)


def extended(outcome, method):
    """Wooldridge's extended two-way regression of counts or shares: effects by cohort and year."""
    fit = dd.WooldridgeDiD(method=method, cluster="person").fit(
        data, outcome=outcome, unit="person", time="year", first_treat="first"
    )
    return [
        {"cohort": int(g), "t": int(t), "att": float(own["att"]), "se": float(own["se"])}
        for (g, t), own in fit.group_time_effects.items()
        if t >= g
    ]


women = (np.random.default_rng(6).random(int(data["person"].max())) < 0.5).astype(int)
data["woman"] = women[data["person"] - 1]
hours = np.random.default_rng(7).gamma(4, 5, int(data["person"].max())).round(2)
data["hours"] = np.where(data["first"] > 0, hours[data["person"] - 1], 0.0)


def triple(names, controls):
    """Triple differences of Ortiz-Villavicencio & Sant'Anna, doubly robust."""
    own = md.didtriple.estimators.ddd_mp(
        data.assign(first=data["first"].astype(float)),
        "y", "year", "person", "first", "woman",
        covariate_cols=names, control_group=controls, base_period="varying",
    )  # fmt: skip
    rows = zip(own.groups, own.times, own.att, own.se, strict=True)
    return [
        {"cohort": int(g), "t": int(t), "att": float(att), "se": float(se)}
        for g, t, att, se in rows
        if t >= g
    ]


def dose(**options):
    """Effects by dose of Callaway, Goodman-Bacon & Sant'Anna."""
    at = np.array([8.0, 12.0, 20.0, 30.0])
    own = dd.ContinuousDiD(dvals=at, **options).fit(data, "y", "person", "year", "first", "hours")
    level, slope = own.dose_response_att, own.dose_response_acrt
    return {
        "at": at.tolist(),
        "level": np.asarray(level.effects).tolist(),
        "level_error": np.asarray(level.se).tolist(),
        "slope": np.asarray(slope.effects).tolist(),
        "slope_error": np.asarray(slope.se).tolist(),
        "overall": [float(own.overall_att), float(own.overall_acrt)],
        "overall_error": float(own.overall_att_se),
    }


expected = {
    "made_by": ", ".join(f"{name} {version(name)}" for name in ("moderndid", "diff-diff", "numpy")),
    "count": data["count"].tolist(),
    "high": data["high"].tolist(),
    "woman": data["woman"].tolist(),
    "hours": data["hours"].tolist(),
    "triple_never": triple(None, "nevertreated"),
    "triple_never_x1": triple(["x1"], "nevertreated"),
    "triple_notyet": triple(None, "notyettreated"),
    "dose_cubic": dose(degree=3, num_knots=0),
    "dose_knots": dose(degree=2, num_knots=1),
    "dose_line": dose(degree=1, num_knots=0),
    "dose_notyet": dose(degree=1, num_knots=0, control_group="not_yet_treated"),
    "poisson": extended("count", "poisson"),
    "logit": extended("high", "logit"),
    "improved": [
        {"cohort": g, "t": t} | improved(g, t, base, ["x1", "x2"]) for g, t, base in cells
    ],
    "improved_weights": [
        {"cohort": g, "t": t} | improved(g, t, base, ["x1", "x2"], "weight") for g, t, base in cells
    ],
}
(here / "expected.json").write_text(json.dumps(expected, indent=1) + "\n", encoding="utf-8")
