"""Expectations for synthetic difference-in-differences.

python make.py   (in an environment with synthdid-py 0.1.0, pandas and numpy)

"california": packs of cigarettes sold a head by state, 1970-2000; California raised its tax in
1989. Data of R's synthdid 0.0.9 (Stanford University, GPL-2 or later | BSD-3-Clause, taken under
BSD-3-Clause), as synthdid-py carries them. The block "r" is what R's synthdid 0.0.9 gives.
"invented": three cohorts beside never treated units, by synthdid-py's port of the same solver.
"""

import json
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import synthdid
from synthdid.staggered import staggered_panel_matrices, staggered_synthdid_estimate

warnings.filterwarnings("ignore")
R = {
    "synthdid": -15.6038278727338,
    "sc": -19.619663470944,
    "did": -27.3491110836149,
    "lambda": {"1986": 0.366470631936465, "1987": 0.206453050560177, "1988": 0.427076317503358},
}


def wide(data, unit, time, outcome, treated):
    y = data.pivot(index=unit, columns=time, values=outcome)
    first = data[data[treated] == 1].groupby(unit)[time].min().reindex(y.index).fillna(0)
    return {
        "periods": [int(t) for t in y.columns],
        "first": [int(t) for t in first],
        "y": y.to_numpy().tolist(),
    }


def california():
    data = synthdid.load_california_prop99()
    return wide(data, *data.columns[:4]) | {"r": R}


def invented():
    rng = np.random.default_rng(7)
    units, years = 36, np.arange(2001, 2013)
    first = np.r_[np.zeros(26), np.full(5, 2007), np.full(5, 2010)].astype(int)
    factor = rng.normal(size=(units, 2)) + 0.5 * (first > 0)[:, None]
    common = np.cumsum(rng.normal(size=(2, len(years))), axis=1)
    y = 10 + factor @ common + 0.3 * rng.normal(size=(units, len(years)))
    y += 1.5 * ((first[:, None] > 0) & (years >= first[:, None]))
    y = y.round(5)
    long = pd.DataFrame(
        {
            "unit": np.repeat(np.arange(units), len(years)),
            "year": np.tile(years, units),
            "y": y.ravel(),
            "treated": ((first[:, None] > 0) & (years >= first[:, None])).astype(int).ravel(),
        }
    )
    panel = staggered_panel_matrices(long)
    staggered = staggered_synthdid_estimate(panel)
    one = long[~long["unit"].between(31, 35)]
    setup = synthdid.panel_matrices(one)
    single = synthdid.synthdid_estimate(setup.Y, setup.N0, setup.T0)
    control = synthdid.sc_estimate(setup.Y, setup.N0, setup.T0)
    return wide(long, "unit", "year", "y", "treated") | {
        "staggered": float(staggered),
        "single": float(single),
        "single_jackknife": float(single.se("jackknife")),
        "single_placebo_200": float(single.se("placebo", replications=200)),
        "single_bootstrap_100": float(single.se("bootstrap", replications=100)),
        "control": float(control),
        "curve": [float(v) for v in np.ravel(single.effect_curve())],
    }


expected = {
    "made_by": f"synthdid-py {version('synthdid-py')}, numpy {version('numpy')}",
    "california": california(),
    "invented": invented(),
}
Path(__file__).with_name("expected.json").write_text(json.dumps(expected) + "\n")
