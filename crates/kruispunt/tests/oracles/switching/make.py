"""Expectations for treatments that switch, from the authors' Python port.

python make.py   (in an environment with py-did-multiplegt-dyn 0.1.9, polars 1.19, linearmodels 7.1)

"wagepan": union membership and log wages of 545 men, 1980-1987 (Vella & Verbeek 1998), as
linearmodels ships them; the data are not stored here. "doses": invented, a treatment of 0, 1, 2 or
3 that rises and falls, with towns as clusters. "missing": the same without some rows, outcomes or
doses, those of the rows listed; "trend": trends differ by the first dose, whose errors the port
leaves to a bootstrap. Weights are town + 1.
"""

import bz2
import json
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
import polars as pl
from did_multiplegt_dyn import DidMultiplegtDyn

warnings.filterwarnings("ignore")


def wagepan():
    import linearmodels

    folder = Path(linearmodels.__file__).parent / "datasets/wage_panel"
    text = bz2.decompress((folder / "wage_panel.csv.bz2").read_bytes())
    return pl.read_csv(text).select("nr", "year", "union", "lwage")


def doses():
    rng = np.random.default_rng(11)
    rows = []
    for unit in range(150):
        dose = int(rng.choice([0, 0, 0, 1, 2]))
        level, town = rng.normal(), unit % 24
        past = 0.0
        for year in range(2001, 2010):
            if rng.random() < 0.12:
                dose = int(rng.integers(0, 4))
            past = 0.5 * past + dose
            y = level + 0.1 * (year - 2001) + 0.3 * past + 0.4 * rng.normal() + 0.05 * town
            rows.append((unit, year, dose, town, round(y, 5)))
    return pl.DataFrame(rows, schema=["unit", "year", "dose", "town", "y"], orient="row")


def run(data, names, effects, placebo, **options):
    outcome, group, time, treatment = names
    model = DidMultiplegtDyn(
        df=data, outcome=outcome, group=group, time=time, treatment=treatment,
        effects=effects, placebo=placebo, **options,
    )  # fmt: skip
    model.fit()
    table = model.result["mat_res_XX"]
    return {
        "estimate": [float(v) for v in table["Estimate"]],
        "se": [float(v) for v in table["SE"]],
        "switchers": [float(v) for v in table["Switchers"]],
        "rows": [str(v).strip() for v in table.index],
    }


if __name__ == "__main__":
    wages, invented = wagepan(), doses()
    names = ("lwage", "nr", "year", "union")
    own = ("y", "unit", "year", "dose")
    lost = np.random.default_rng(3).random(invented.height) <= 0.06
    here = pl.Series(~lost)

    def without(name):
        return invented.with_columns(pl.when(here).then(pl.col(name)).otherwise(None).alias(name))

    weighted = invented.with_columns((pl.col("town") + 1).alias("weight"))
    expected = {
        "made_by": f"py-did-multiplegt-dyn {version('py-did-multiplegt-dyn')}",
        "wagepan": run(wages, names, 5, 2),
        "wagepan_normalized": run(wages, names, 5, 2, normalized=True),
        "data": invented.to_dict(as_series=False),
        "missing": np.flatnonzero(lost).tolist(),
        "doses": run(invented, own, 4, 2),
        "doses_normalized": run(invented, own, 4, 2, normalized=True),
        "doses_town": run(invented, own, 4, 2, cluster="town"),
        "doses_in": run(invented, own, 4, 2, switchers="in"),
        "doses_out": run(invented, own, 4, 2, switchers="out"),
        "doses_same": run(invented, own, 4, 2, same_switchers=True),
        "doses_within": run(invented, own, 4, 2, trends_nonparam=["town"]),
        "doses_trend": run(invented, own, 4, 2, continuous=1),
        "doses_trend_2": run(invented, own, 4, 2, continuous=2),
        "doses_weights": run(weighted, own, 4, 2, weight="weight"),
        "no_row": run(invented.filter(here), own, 4, 2),
        "no_outcome": run(without("y"), own, 4, 2),
        "no_dose": run(without("dose"), own, 4, 2),
        "no_dose_normalized": run(without("dose"), own, 4, 2, normalized=True),
    }
    Path(__file__).with_name("expected.json").write_text(json.dumps(expected) + "\n")
