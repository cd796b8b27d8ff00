"""The estimate room against pyfixest on a textbook panel, and with bad input."""

from __future__ import annotations

import copy
import pickle
import warnings
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import kruispunt as kp

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import pyfixest as pf
    from linearmodels.datasets import wage_panel

FORMULA = "lwage ~ union + married + expersq | nr + year"


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    return wage_panel.load().reset_index(drop=True)


def _pyfixest(fml: str, panel: pd.DataFrame, vcov: Any, **options: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pf.feols(fml, panel, vcov=vcov, demeaner=pf.MapDemeaner(fixef_tol=1e-12), **options)


@pytest.mark.parametrize(
    ("fml", "vcov", "weights"),
    [
        ("lwage ~ union + married + expersq", "iid", None),
        ("lwage ~ union + married + expersq", "hetero", "hours"),
        ("lwage ~ union + C(occupation) + hours:married", {"CRV1": "nr"}, None),
        (FORMULA, "iid", None),
        (FORMULA, "HC1", None),
        (FORMULA, {"CRV1": "year"}, None),
        ("lwage ~ union + married | nr", {"CRV1": "nr"}, None),
        ("lwage ~ union + married | nr", {"CRV1": "nr"}, "hours"),
        ("lwage ~ i(year, union, ref=1980) | nr", {"CRV1": "nr"}, None),
        ("lwage ~ union | occupation^year", {"CRV1": "nr"}, None),
        ("lwage ~ union*educ + black", {"CRV1": "nr+year"}, None),
    ],
)
def test_equals_pyfixest(panel: pd.DataFrame, fml: str, vcov: Any, weights: str | None) -> None:
    panel = panel[panel["hours"] > 0]
    ours = kp.feols(fml, panel, vcov=vcov, weights=weights)
    theirs = _pyfixest(fml, panel, vcov, weights=weights)
    assert ours.coef().index == [str(name) for name in theirs.coef().index]
    np.testing.assert_allclose(ours.coef(), theirs.coef(), rtol=1e-8)
    np.testing.assert_allclose(ours.se(), theirs.se(), rtol=1e-8)
    np.testing.assert_allclose(ours.pvalue(), theirs.pvalue(), rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(list(ours.confint().values()), theirs.confint(), rtol=1e-7)
    assert ours.n_obs == theirs._N


def test_person_clusters_with_year_effects_follow_fixest(panel: pd.DataFrame) -> None:
    """Person effects are nested in the clusters and do not count; year effects do."""
    fit = kp.feols(FORMULA, panel, vcov={"CRV1": "nr"})
    n, persons, years, k = fit.n_obs, panel["nr"].nunique(), panel["year"].nunique(), 3
    plain = kp.feols(FORMULA, panel, vcov={"CRV1": "nr"}, ssc=kp.ssc(k_adj=False, G_adj=False))
    factor = (n - 1) / (n - (k + years)) * persons / (persons - 1)
    np.testing.assert_allclose(fit.vcov_matrix(), plain.vcov_matrix() * factor, rtol=1e-12)
    assert fit.df == persons - 1


def test_any_frame_gives_the_same_bits_and_its_own_kind_back(panel: pd.DataFrame) -> None:
    fit = kp.feols(FORMULA, panel, vcov={"CRV1": "nr"})
    tidy = fit.tidy()
    assert isinstance(tidy, pd.DataFrame)
    assert list(tidy.columns)[:3] == ["Coefficient", "Estimate", "Std. Error"]
    frame = pl.from_pandas(panel)
    other = kp.feols(FORMULA, frame, vcov={"CRV1": "nr"})
    assert isinstance(other.tidy(), pl.DataFrame)
    assert other.coef().to_dict() == fit.coef().to_dict()
    mapping = {name: panel[name].to_numpy() for name in panel}
    assert isinstance(kp.feols(FORMULA, mapping).tidy(), dict)


def test_a_covariance_is_changed_in_place_without_fitting_again(panel: pd.DataFrame) -> None:
    fit = kp.feols(FORMULA, panel)
    assert fit.vcov_type == "iid"
    assert fit.vcov({"CRV1": "occupation+year"}) is fit
    again = kp.feols(FORMULA, panel, vcov={"CRV1": "occupation+year"})
    assert fit.se().to_dict() == again.se().to_dict()
    assert fit.clusters == {"occupation": 9, "year": 8}
    jackknife = kp.feols("lwage ~ union | nr", panel, vcov={"CRV3": "nr"})
    assert jackknife.se()["union"] > 0


@pytest.mark.parametrize(
    ("fml", "vcov", "options"),
    [
        ("lwage ~ union + married", "HC2", None),
        ("lwage ~ union + married", "HC3", None),
        ("lwage ~ union + married | nr", "NW", {"time_id": "year", "panel_id": "nr", "lag": 2}),
        ("lwage ~ union + married | nr", "DK", {"time_id": "year", "panel_id": "nr"}),
        ("lwage ~ union + married | nr + year", "NW", {"time_id": "year", "panel_id": "nr"}),
    ],
)
def test_more_covariances_equal_pyfixest(
    panel: pd.DataFrame, fml: str, vcov: str, options: Any
) -> None:
    ours = kp.feols(fml, panel, vcov, options)
    theirs = _pyfixest(fml, panel, vcov, vcov_kwargs=options)
    np.testing.assert_allclose(ours.se(), theirs.se(), rtol=1e-7)
    again = kp.feols(fml, panel).vcov(vcov, options)
    assert again.se().to_dict() == ours.se().to_dict()


def test_options_of_covariances_are_checked(panel: pd.DataFrame) -> None:
    for vcov, options in [
        ("iid", {"lag": 2}),
        ("NW", None),
        ("NW", {"time_id": "year", "lag": 0.5}),
        ("DK", {"time_id": "year", "nope": 1}),
        ("NW", {"time_id": "nope"}),
        ("NW", {"time_id": "year"}),
    ]:
        with pytest.raises(kp.exceptions.InputError):
            kp.feols(FORMULA, panel, vcov, options)


def test_a_fit_survives_pickling(panel: pd.DataFrame) -> None:
    fit = kp.feols(FORMULA, panel)
    for twin in (pickle.loads(pickle.dumps(fit)), copy.deepcopy(fit)):
        assert twin.coef().to_dict() == fit.coef().to_dict()
        assert twin.account == fit.account
        twin.vcov({"CRV1": "nr"})
        assert twin.se()["union"] != fit.se()["union"]
        with pytest.raises(kp.exceptions.InputError, match="occupation"):
            twin.vcov({"CRV1": "occupation"})
    lean = kp.feols(FORMULA, panel, lean=True)
    assert len(pickle.dumps(lean)) < 5000
    with pytest.raises(kp.exceptions.InputError, match="without"):
        lean.resid()


def test_effects_residuals_and_predictions_add_up(panel: pd.DataFrame) -> None:
    fit = kp.feols("lwage ~ union + married | nr + year", panel)
    rows = panel.iloc[fit.rows()]
    fixef = fit.fixef()
    person = rows["nr"].astype(str).map(fixef["nr"].to_dict())
    year = rows["year"].astype(str).map(fixef["year"].to_dict())
    linear = sum(value * rows[name] for name, value in fit.coef().items())
    np.testing.assert_allclose(fit.predict(), linear + person + year, atol=1e-7)
    np.testing.assert_allclose(fit.predict() + fit.resid(), rows["lwage"], atol=1e-12)


def test_wald_tests(panel: pd.DataFrame) -> None:
    fit = kp.feols(FORMULA, panel, vcov={"CRV1": "nr"})
    one = fit.wald_test("union")
    assert one["statistic"] == pytest.approx(fit.tstat()["union"] ** 2)
    assert one["pvalue"] == pytest.approx(fit.pvalue()["union"])
    both = fit.wald_test(["union", "married"], distribution="chi2")
    same = fit.wald_test(np.eye(3)[:2], np.zeros(2), distribution="chi2")
    assert both == pytest.approx(same)
    theirs = _pyfixest("lwage ~ union + married | nr", panel, {"CRV1": "nr"}).wald_test()
    ours = kp.feols("lwage ~ union + married | nr", panel, vcov={"CRV1": "nr"}).wald_test()
    assert ours["statistic"] == pytest.approx(theirs["statistic"], rel=1e-8)
    with pytest.raises(kp.exceptions.InputError, match="no coefficient"):
        fit.wald_test("nope")


def test_a_table_of_fits_in_four_forms(panel: pd.DataFrame) -> None:
    fits = [kp.feols("lwage ~ union + educ", panel), kp.feols(FORMULA, panel)]
    for form in ("text", "md", "html", "tex"):
        table = kp.etable(fits, form, labels={"union": "Union member"})
        assert "Union member" in table
        assert f"{fits[1].coef()['union']:.3f}" in table
    with pytest.raises(kp.exceptions.InputError, match="type"):
        kp.etable(fits, "docx")  # type: ignore[arg-type]


def test_it_shows_itself(panel: pd.DataFrame, capsys: pytest.CaptureFixture[str]) -> None:
    fit = kp.feols(FORMULA, panel)
    fit.summary()
    assert "union" in capsys.readouterr().out
    assert "<table>" in fit._repr_html_()
    assert "expersq" in repr(fit)


@pytest.mark.parametrize(
    ("fml", "options"),
    [
        ("lwage + hours ~ union", {}),
        ("lwage ~ sw(union, married, union*married) | nr", {}),
        ("lwage + hours ~ csw0(union, C(occupation)) | csw0(nr, year)", {}),
        ("lwage ~ hours + mvsw(union, married) | sw0(nr, occupation^year)", {}),
        ("lwage ~ union + married | nr", {"split": "black"}),
        ("lwage ~ csw(union, married)", {"fsplit": "occupation"}),
    ],
)
def test_several_estimations_equal_pyfixest(
    panel: pd.DataFrame, fml: str, options: dict[str, str]
) -> None:
    ours = kp.feols(fml, panel, vcov="hetero", **options)
    theirs = _pyfixest(fml, panel, "hetero", **options)
    assert len(ours) == len(theirs.all_fitted_models)
    squeezed = [name.replace(" ", "") for name in ours.all_fitted_models]
    if "csw0(nr" not in fml and "sw0(nr" not in fml:  # pyfixest drops `| 1` from the name
        assert squeezed == [name.replace(" ", "") for name in theirs.all_fitted_models]
    for own, peer in zip(ours, theirs.to_list(), strict=True):
        if peer._X_is_empty:
            continue
        assert own.coef().index == [str(name) for name in peer.coef().index]
        np.testing.assert_allclose(own.coef(), peer.coef(), rtol=1e-8)
        np.testing.assert_allclose(own.se(), peer.se(), rtol=1e-8)


def test_fits_are_a_sequence_with_the_methods_of_a_fit(
    panel: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    fits = kp.feols("lwage ~ csw(union, married) | nr", panel)
    assert isinstance(fits, kp.Fits)
    assert fits.fetch_model(1, print_fml=False) is fits[1]
    assert fits.fetch_model("lwage ~ union | nr") is fits[0]
    assert "Model:" in capsys.readouterr().out
    tidy = fits.tidy()
    assert list(tidy["fml"]) == ["lwage ~ union | nr"] + ["lwage ~ union + married | nr"] * 2
    key = ("lwage ~ union + married | nr", "married")
    assert fits.coef()[key] == fits[1].coef()["married"]
    before = fits.se()[key]
    assert fits.vcov({"CRV1": "nr"}).se()[key] != before
    assert "married" in fits.etable()
    assert "married" in repr(fits)
    assert pickle.loads(pickle.dumps(fits)).coef() == fits.coef()
    with pytest.raises(kp.exceptions.InputError, match="there are 2 fits"):
        fits.fetch_model(2)


def test_lags_are_values_of_periods(panel: pd.DataFrame) -> None:
    holes = panel[(panel["nr"] * 7 + panel["year"]) % 5 != 0].copy()
    before = holes[["nr", "year", "hours"]].assign(year=holes["year"] + 1)
    after = holes[["nr", "year", "hours"]].assign(year=holes["year"] - 1)
    by_hand = holes.merge(before, on=["nr", "year"], how="left", suffixes=("", "_before"))
    by_hand = by_hand.merge(after, on=["nr", "year"], how="left", suffixes=("", "_after"))
    fml = "lwage ~ l(hours) + f(hours) + d(hours) | nr"
    ours = kp.feols(fml, holes.sample(frac=1, random_state=3), panel_id=("nr", "year"))
    by_hand["change"] = by_hand["hours"] - by_hand["hours_before"]
    plain = kp.feols("lwage ~ hours_before + hours_after + change | nr", by_hand)
    assert ours.coef().index == ["l(hours, 1)", "f(hours, 1)", "d(hours, 1)"]
    np.testing.assert_allclose(ours.coef(), plain.coef(), rtol=1e-9)
    assert ours.n_obs == plain.n_obs
    years = kp.Panel(holes, person="nr", period="year", unit="year")
    np.testing.assert_allclose(kp.feols(fml, years).coef(), plain.coef(), rtol=1e-9)
    doubled = pd.concat([holes, holes.iloc[:1]])
    with pytest.raises(kp.exceptions.InputError, match="one row for each person and period"):
        kp.feols(fml, doubled, panel_id=("nr", "year"))


def test_arguments_of_pyfixest_are_known(panel: pd.DataFrame) -> None:
    kp.feols("lwage ~ union", panel, copy_data=False, store_data=True, solver="jax")
    with pytest.raises(kp.exceptions.InputError, match="no argument `nope`"):
        kp.feols("lwage ~ union", panel, nope=1)
    with pytest.raises(kp.exceptions.InputError, match="panel_id"):
        kp.feols("lwage ~ union", panel, panel_id="nr")


def test_missing_rows_are_accounted_for(panel: pd.DataFrame) -> None:
    holes = panel.astype({"lwage": float})
    holes.loc[[3, 8], "lwage"] = np.nan
    fit = kp.feols(FORMULA, holes)
    step = fit.account.steps[0]
    assert [(one.reason, one.count.rows) for one in step.excluded] == [("lwage is missing", 2)]
    assert step.adds_up


@pytest.mark.parametrize(
    ("fml", "text"),
    [
        ("lwage ~ nope | nr", 'no column "nope"'),
        ("lwage ~ union +", "\n  lwage ~ union +\n                 ^"),
        ("lwage ~ unoin", 'did you mean "union"?'),
        ("lwage ~ sw(union)", "at least two"),
        ("lwage ~ l(union)", "panel_id"),
        ("lwage ~ union | nr | educ ~ black", "0 instruments remain"),
        ("lwage ~ union | nr | hours ~ union", "among the regressors"),
        ("name ~ union", "expected numbers"),
        ("lwage ~ i(year, ref=3)", "level 3"),
        ("lwage ~ educ | nr", "collinear"),
    ],
)
def test_bad_formulas_are_refused_by_name(panel: pd.DataFrame, fml: str, text: str) -> None:
    with pytest.raises(kp.exceptions.InputError) as caught:
        kp.feols(fml, panel.assign(name="x"))
    assert text in str(caught.value)


def test_bad_values_are_refused_by_name(panel: pd.DataFrame) -> None:
    wages = panel["lwage"].to_numpy().copy()
    wages[4] = np.inf
    with pytest.raises(kp.exceptions.InputError, match="row 4"):
        kp.feols(FORMULA, panel.assign(lwage=wages))
    frame = pl.DataFrame({"y": [1.0, float("nan"), 3.0], "x": [1, 2, 4]})
    with pytest.raises(kp.exceptions.InputError, match="row 1"):
        kp.feols("y ~ x", frame)
    for vcov in ("HC9", {"CRV1": 3}, {"CRV1": ""}, {"CRV2": "nr"}, {"CRV1": "nope"}, 3):
        with pytest.raises(kp.exceptions.InputError, match=r"vcov|nope"):
            kp.feols(FORMULA, panel, vcov=vcov)
    with pytest.raises(kp.exceptions.InputError):
        kp.feols(FORMULA, panel.iloc[:0])
    with pytest.raises(kp.exceptions.InputError, match="weights"):
        kp.feols(FORMULA, panel, weights="union")
    with pytest.raises(kp.exceptions.InputError, match="correction"):
        kp.ssc(nope=1)
    with pytest.raises(kp.exceptions.EstimationError, match="stopped after"):
        kp.feols("lwage ~ union | nr + occupation", panel, fixef_maxiter=0)


def test_a_panel_brings_its_account_along(panel: pd.DataFrame) -> None:
    years = kp.Panel(panel, person="nr", period="year", unit="year")
    fit = kp.feols(FORMULA, years.filter(years["hours"] > 0), vcov={"CRV1": "nr"})
    plain = kp.feols(FORMULA, panel[panel["hours"] > 0], vcov={"CRV1": "nr"})
    np.testing.assert_allclose(fit.coef(), plain.coef(), rtol=1e-9)
    np.testing.assert_allclose(fit.se(), plain.se(), rtol=1e-9)
    assert isinstance(fit.tidy(), pd.DataFrame)
    assert fit.account.steps[-1].verb == "feols"
    assert len(fit.account.steps) > 1
    assert pickle.loads(pickle.dumps(fit)).account == fit.account
