"""The cigarette panel of Baltagi: regressions, slopes by state, instruments and Poisson as fixest gives them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import kruispunt as kp

FOLDER = Path(os.environ.get("KRUISPUNT_ORACLES", "/nowhere")) / "cigar"
VCOVS: dict[str, Any] = {
    "iid": "iid",
    "hetero": "hetero",
    "cl_state": {"CRV1": "state"},
    "cl_state_year": {"CRV1": "state + year"},
}
MODELS = {
    "fe_state": "sales ~ price | state",
    "fe_state_year": "sales ~ price + ndi | state + year",
    "fe_state_slope_year": "sales ~ price | state[year]",
    "weighted_pop": "sales ~ price + ndi | state + year",
    "iv": "sales ~ ndi | state + year | price ~ pimin",
    "pois": "sales ~ price + ndi | state + year",
}


@pytest.fixture(scope="module")
def cigar() -> tuple[pd.DataFrame, dict[str, Any]]:
    """Give the panel, which may not be redistributed, and fixest 0.14.2's numbers."""
    if not FOLDER.is_dir():
        pytest.skip("KRUISPUNT_ORACLES names no folder with this data")
    stored = json.loads((FOLDER / "reference.json").read_text(encoding="utf-8"))
    return pd.read_csv(FOLDER / "cigar.csv"), stored["fixest"]


@pytest.mark.parametrize("vcov", VCOVS)
@pytest.mark.parametrize("model", MODELS)
def test_regressions_equal_fixest(
    cigar: tuple[pd.DataFrame, dict[str, Any]], model: str, vcov: str
) -> None:
    data, stored = cigar
    peer = stored[model]
    if model == "pois":
        fit = kp.fepois(MODELS[model], data, vcov=VCOVS[vcov])
    else:
        weights = "pop" if model == "weighted_pop" else None
        fit = kp.feols(MODELS[model], data, vcov=VCOVS[vcov], weights=weights)
    assert len(fit.rows()) == peer["n"]
    loose = 1e-7 if model == "pois" else 1e-8
    coef, errors = dict(fit.coef()), dict(fit.se())
    for name, value in peer["coef"].items():
        own = name.removeprefix("fit_")
        np.testing.assert_allclose(coef[own], value, rtol=loose)
        np.testing.assert_allclose(errors[own], peer["vcov"][vcov][name], rtol=1e-6)
