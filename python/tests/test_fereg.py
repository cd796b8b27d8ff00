"""Models x effects x weights x covariances against fereg's stored numbers, and pyfixest's live ones."""

from __future__ import annotations

import itertools
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import kruispunt as kp

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import pyfixest as pf

pytestmark = pytest.mark.filterwarnings("ignore")

ORACLE = Path(__file__).parents[2] / "crates/kruispunt/tests/oracles/fereg"
DATA = pd.read_csv(ORACLE / "data.csv")
CASES = json.loads((ORACLE / "expected.json").read_text(encoding="utf-8"))["cases"]
GROUPS = sorted({(case["verb"], case["fml"]) for case in CASES})


@pytest.mark.parametrize(("verb", "fml"), GROUPS, ids=lambda own: str(own).replace(" ", ""))
def test_equals_fereg(verb: str, fml: str) -> None:
    cases = [case for case in CASES if (case["verb"], case["fml"]) == (verb, fml)]
    more = {"family": "logit"} if verb == "feglm" else {}
    fits: dict[Any, Any] = {}
    for case in cases:
        weights = case["weights"]
        if weights not in fits:
            fits[weights] = getattr(kp, verb)(fml, DATA, weights=weights, **more)
        if case["vcov"] in ("HC2", "HC3") and "[" in fml:
            with pytest.raises(kp.exceptions.InputError, match="HC2"):
                fits[weights].vcov(case["vcov"])
            continue
        fit = fits[weights].vcov(case["vcov"], case["vcov_kwargs"])
        told = f"{case['vcov']}, {case['vcov_kwargs']}, {weights}"
        assert fit.n_obs == case["n"], told
        ours = [fit.coef()[name] for name in case["names"]]
        np.testing.assert_allclose(ours, case["coef"], rtol=1e-7, err_msg=told)
        if not case["definite"]:
            continue
        errors = [fit.se()[name] for name in case["names"]]
        np.testing.assert_allclose(errors, case["se"], rtol=2e-6, err_msg=told)


PAIRS = list(itertools.product(
    ["y ~ x + z", "y ~ x*half + C(firm)", "y ~ i(half, x) + z | person", "y ~ x + z | person + firm",
     "y ~ x | person^half", "count ~ x + z", "count ~ x | person + firm"],
    [None, "w"],
    ["iid", "hetero", {"CRV1": "district"}, {"CRV3": "district"}],
))  # fmt: skip


@pytest.mark.parametrize(
    "fml", sorted({own[0] for own in PAIRS}), ids=lambda own: own.replace(" ", "")
)
def test_equals_pyfixest_on_a_grid(fml: str) -> None:
    """Where several effects meet clusters pyfixest's errors follow Python's hash seed: left out."""
    for own, weights, vcov in PAIRS:
        clustered = isinstance(vcov, dict)
        count = own.startswith("count")
        if own != fml or (clustered and "person + firm" in fml) or (count and "CRV3" in vcov):
            continue
        verb = "fepois" if count else "feols"
        tight = {"demeaner": pf.MapDemeaner(fixef_tol=1e-12)}
        if count:
            tight |= {"iwls_tol": 1e-12}
        theirs = getattr(pf, verb)(fml, DATA, vcov=vcov, weights=weights, **tight)
        ours = getattr(kp, verb)(fml, DATA, vcov=vcov, weights=weights)
        told = f"{weights}, {vcov}"
        assert ours.coef().index == [str(name) for name in theirs.coef().index]
        np.testing.assert_allclose(ours.coef(), theirs.coef(), rtol=1e-6, atol=1e-9, err_msg=told)
        np.testing.assert_allclose(ours.se(), theirs.se(), rtol=2e-6, err_msg=told)
