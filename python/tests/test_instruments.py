"""Two-stage least squares against pyfixest and linearmodels."""

from __future__ import annotations

import pickle
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

import kruispunt as kp

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import pyfixest as pf
    from linearmodels.datasets import wage_panel
    from linearmodels.iv import IV2SLS


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    return wage_panel.load().reset_index(drop=True).query("hours > 0")


def _pyfixest(fml: str, panel: pd.DataFrame, vcov: Any, **options: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pf.feols(fml, panel, vcov=vcov, demeaner=pf.MapDemeaner(fixef_tol=1e-12), **options)


@pytest.mark.parametrize(
    ("fml", "vcov", "weights"),
    [
        ("lwage ~ married | hours ~ union", "iid", None),
        ("lwage ~ married + black | hours ~ union + educ", "hetero", None),
        ("lwage ~ married | nr | hours ~ union", {"CRV1": "nr"}, None),
        ("lwage ~ married | year | hours ~ union + educ", "iid", None),
        ("lwage ~ married | year | hours ~ union + educ", "hetero", "educ"),
        ("lwage ~ 1 | occupation | hours ~ union + married", {"CRV1": "nr"}, None),
    ],
)
def test_equals_pyfixest(panel: pd.DataFrame, fml: str, vcov: Any, weights: str | None) -> None:
    ours = kp.feols(fml, panel, vcov=vcov, weights=weights)
    theirs = _pyfixest(fml, panel, vcov, weights=weights)
    assert ours.coef().index == [str(name) for name in theirs.coef().index]
    np.testing.assert_allclose(ours.coef(), theirs.coef(), rtol=1e-8)
    np.testing.assert_allclose(ours.se(), theirs.se(), rtol=1e-7)
    (first,) = ours.first_stage()
    peer = theirs._model_1st_stage
    names = [str(name) for name in peer.coef().index]
    assert sorted(first.coef().index) == sorted(names)
    np.testing.assert_allclose([first.coef()[name] for name in names], peer.coef(), rtol=1e-8)
    np.testing.assert_allclose([first.se()[name] for name in names], peer.se(), rtol=1e-7)
    tests = ours.iv_tests()
    robust = tests["robust f of hours"]["statistic"]
    np.testing.assert_allclose(robust, theirs._f_stat_1st_stage, rtol=1e-7)


@pytest.mark.parametrize("instruments", [["union"], ["union", "educ"], ["union", "educ", "black"]])
def test_tests_of_instruments_equal_linearmodels(
    panel: pd.DataFrame, instruments: list[str]
) -> None:
    ours = kp.feols(f"lwage ~ married + expersq | hours ~ {' + '.join(instruments)}", panel)
    exogenous = panel[["married", "expersq"]].assign(one=1.0)
    theirs = IV2SLS(panel["lwage"], exogenous, panel[["hours"]], panel[instruments]).fit(
        cov_type="unadjusted"
    )
    np.testing.assert_allclose(ours.coef()["hours"], theirs.params["hours"], rtol=1e-8)
    tests = ours.iv_tests()
    wu_hausman = theirs.wu_hausman()
    np.testing.assert_allclose(tests["wu-hausman"]["statistic"], wu_hausman.stat, rtol=1e-7)
    np.testing.assert_allclose(tests["wu-hausman"]["pvalue"], wu_hausman.pval, rtol=1e-6)
    if len(instruments) == 1:
        assert "sargan" not in tests
        return
    for name, test in (("sargan", theirs.sargan), ("wooldridge", theirs.wooldridge_overid)):
        np.testing.assert_allclose(tests[name]["statistic"], test.stat, rtol=1e-6)
        np.testing.assert_allclose(tests[name]["pvalue"], test.pval, rtol=1e-5, atol=1e-12)
        assert tests[name]["df1"] == len(instruments) - 1


def test_two_endogenous_variables_equal_linearmodels(panel: pd.DataFrame) -> None:
    ours = kp.feols("lwage ~ married | hours + union ~ educ + black + expersq", panel, "hetero")
    theirs = IV2SLS(
        panel["lwage"],
        panel[["married"]].assign(one=1.0),
        panel[["hours", "union"]],
        panel[["educ", "black", "expersq"]],
    ).fit(cov_type="robust", debiased=True)
    for name in ("married", "hours", "union"):
        np.testing.assert_allclose(ours.coef()[name], theirs.params[name], rtol=1e-7)
        np.testing.assert_allclose(ours.se()[name], theirs.std_errors[name], rtol=1e-7)
    assert len(ours.first_stage()) == 2


def test_one_instrument_has_the_effective_f_of_pyfixest(panel: pd.DataFrame) -> None:
    fml = "lwage ~ married | year | hours ~ union"
    theirs = _pyfixest(fml, panel, "hetero")
    theirs.IV_Diag()
    ours = kp.feols(fml, panel, "hetero").iv_tests()
    np.testing.assert_allclose(ours["effective f of hours"]["statistic"], theirs._eff_F, rtol=1e-7)


def test_a_new_covariance_reaches_the_first_stage(panel: pd.DataFrame) -> None:
    fit = kp.feols("lwage ~ married | hours ~ union", panel)
    before = fit.first_stage()[0].se()["union"]
    fit = pickle.loads(pickle.dumps(fit.vcov("hetero")))
    again = kp.feols("lwage ~ married | hours ~ union", panel, "hetero")
    assert fit.first_stage()[0].se()["union"] != before
    assert fit.first_stage()[0].se().to_dict() == again.first_stage()[0].se().to_dict()
    assert fit.se().to_dict() == again.se().to_dict()
    assert "union" in repr(fit)


def test_what_instruments_cannot_do_is_said(panel: pd.DataFrame) -> None:
    with pytest.raises(kp.exceptions.InputError, match="no instruments"):
        kp.feols("lwage ~ married", panel).iv_tests()
    with pytest.raises(kp.exceptions.InputError, match="vcov"):
        kp.feols("lwage ~ married | hours ~ union", panel, "HC3")
    with pytest.raises(kp.exceptions.InputError, match="vcov"):
        kp.feols("lwage ~ married | hours ~ union", panel, {"CRV2": "nr"}, iv="fuller")
    with pytest.raises(kp.exceptions.InputError, match="instruments"):
        kp.fepois("hours ~ married | educ ~ union", panel)
