"""Scripts written for pyfixest run with the import changed: names, arguments, numbers."""

from __future__ import annotations

import inspect
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kruispunt as kp
from kruispunt.exceptions import DisclosureError, InputError

pd = pytest.importorskip("pandas")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    pf = pytest.importorskip("pyfixest")

METHODS = (
    "coef", "se", "tstat", "pvalue", "confint", "tidy", "vcov", "wald_test", "predict", "resid",
    "fixef", "wildboottest", "ritest", "ccv", "decompose",
)  # fmt: skip


@pytest.fixture(scope="module")
def data() -> Any:
    random = np.random.default_rng(7)
    n = 600
    table = pd.DataFrame(
        {
            "region": random.integers(0, 12, n),
            "sector": random.choice(["care", "trade", "industry"], n),
            "age": random.normal(40, 10, n),
            "hours": random.normal(30, 6, n),
        }
    )
    table["trained"] = (table["region"] % 2).astype(float)
    table["wage"] = (
        0.3 * table["trained"] + 0.02 * table["age"] + 0.1 * (table["sector"] == "care")
        + 0.05 * table["region"] + random.normal(size=n)
    )  # fmt: skip
    return table


@pytest.fixture(scope="module")
def both(data: Any) -> tuple[Any, Any]:
    fml = "wage ~ trained + age + hours"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = pf.feols(fml, data, vcov={"CRV1": "region"})
    return kp.feols(fml, data, vcov={"CRV1": "region"}), theirs


@pytest.mark.parametrize("name", METHODS)
def test_methods_take_the_same_arguments(both: tuple[Any, Any], name: str) -> None:
    ours, theirs = (inspect.signature(getattr(fit, name)).parameters for fit in both)
    open_ended = any(own.kind is inspect.Parameter.VAR_KEYWORD for own in ours.values())
    missing = [own for own in theirs if own not in ours]
    assert open_ended or not missing
    positional = [
        own for own, what in ours.items() if what.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    ]
    shared = list(theirs)[: len(positional)]
    assert positional[: len(shared)] == shared


@pytest.mark.parametrize("name", ["etable", "coefplot", "iplot", "rwolf"])
def test_functions_take_the_same_arguments(name: str) -> None:
    theirs = inspect.signature(getattr(pf, name)).parameters
    ours = inspect.signature(getattr(kp, name)).parameters
    open_ended = any(own.kind is inspect.Parameter.VAR_KEYWORD for own in ours.values())
    assert open_ended or not [own for own in theirs if own not in ours and own != "kwargs"]


@pytest.mark.filterwarnings("ignore:The inplace keyword")  # pyfixest's own use of pandas
def test_the_same_script_gives_the_same_numbers(both: tuple[Any, Any], data: Any) -> None:
    ours, theirs = both
    chosen = ours.confint(0.1, keep=["age", "hours|trained"], drop="tr")
    expected = theirs.confint(0.1, keep=["age", "hours|trained"], drop="tr")
    assert list(chosen) == list(expected.index) == ["age", "hours"]
    np.testing.assert_allclose(list(chosen.values()), expected.to_numpy(), rtol=1e-8)
    plain = "wage ~ trained + age + hours"
    ours, theirs = kp.feols(plain, data, vcov="iid"), pf.feols(plain, data, vcov="iid")
    new = data.head(40).assign(age=lambda own: own["age"] + 3)
    np.testing.assert_allclose(ours.predict(se_fit=True), theirs.predict(se_fit=True), rtol=1e-8)
    np.testing.assert_allclose(
        ours.predict(new, se_fit=True), theirs.predict(newdata=new, se_fit=True), rtol=1e-8
    )
    for rows in (None, new):
        found = ours.predict(rows, interval="prediction", alpha=0.2)
        known = theirs.predict(newdata=rows, interval="prediction", alpha=0.2)
        assert list(found.columns) == list(known.columns)
        np.testing.assert_allclose(found.to_numpy(), known.to_numpy(), rtol=1e-8)
    mean = ours.predict(new, interval="confidence")
    reach = (mean["ci_high"] - mean["fit"]) / mean["se_fit"]
    np.testing.assert_allclose(reach, reach.iloc[0], rtol=1e-9)
    joint, theirs_joint = ours.confint(joint=True, seed=3), theirs.confint(joint=True, seed=3)
    np.testing.assert_allclose(list(joint.values()), theirs_joint.to_numpy(), rtol=0.02)
    short = ours.decompose(decomp_var="trained", cluster="region")
    ours.vcov({"CRV1": "region"})
    assert short.se() == pytest.approx(ours.decompose(decomp_var="trained").se())


def test_predictions_without_errors_say_why(data: Any) -> None:
    within = kp.feols("wage ~ age | region", data)
    with pytest.raises(InputError, match="se_fit"):
        within.predict(se_fit=True)
    with pytest.raises(InputError, match="se_fit"):
        kp.fepois("region ~ age", data).predict(se_fit=True)
    with pytest.raises(InputError, match="interval"):
        within.predict(interval="tolerance")
    assert within.fixef(atol=1e-8, btol=1e-8).keys() == {"region"}


def test_tables_show_what_is_asked(data: Any, tmp_path: Path) -> None:
    fits = [
        fit
        for effects in ("", " | region")
        for fit in kp.feols(f"wage ~ csw(hours, age, C(sector)){effects}", data)
    ]
    shown = kp.etable(
        fits, "text", signif_code=[0.01, 0.05], coef_fmt="b:.2f* \n [ci95l:.1f; ci95u:.1f]",
        keep=["sector", "age"], drop=r"T\.trade", labels={"sector": "Sector"},
        cat_template="{variable}: {value}", felabels={"region": "Region"}, fe_present="yes",
        fe_absent="no", notes="Drawn.", model_heads=list("abcdef"), head_order="hd",
        custom_model_stats={"Rows drawn": [600] * 6, "Share": [0.25] * 6, "Who": list("uvwxyz")},
        file_name=tmp_path / "table.txt",
    )  # fmt: skip
    lines = shown.splitlines()
    assert lines[0].split() == list("abcdef")
    assert "Sector: industry" in shown
    assert "trade" not in shown
    assert "hours" not in shown
    assert lines[-1] == "Drawn."
    region = next(line for line in lines if line.startswith("Region "))
    assert sorted(region.split()[1:]) == ["no"] * 3 + ["yes"] * 3
    assert next(line for line in lines if line.startswith("Share")).split()[1:] == ["0.250"] * 6
    assert (tmp_path / "table.txt").read_text(encoding="utf-8").rstrip() == shown
    place = next(at for at, line in enumerate(lines) if line.startswith("Sector: industry"))
    with_sector = [fit for fit in fits if "C(sector)[T.industry]" in fit.coef()]
    low, high = with_sector[0].confint()["C(sector)[T.industry]"]
    assert f"[{low:.1f}; {high:.1f}]" in lines[place + 1]
    order = [line.split()[0] for line in lines[3:] if line and line[0] not in " -"]
    assert order.index("Sector:") < order.index("age")

    one = fits[1]
    extra = {"n": [[float(at) for at in range(len(one.coef()))]], "who": [["x"] * len(one.coef())]}
    shown = one.etable(coef_fmt="b (n:d) who", custom_stats=extra, show_fe=False)
    assert f"{one.coef()['age']:.3f} (2) x" in shown
    assert "Cells: estimate (n) who" in shown
    frame = one.etable("df")
    assert list(frame.columns) == ["", "(1)"]
    assert frame.iloc[0].tolist()[0] == "hours"
    assert one.etable("gt") == one.etable("html")
    one.etable("df", file_name=tmp_path / "table.csv")
    assert (tmp_path / "table.csv").read_text(encoding="utf-8").startswith(",(1)\nhours,")


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"coef_fmt": "beta"}, "no statistic is called"),
        ({"coef_fmt": "b:z"}, "after a colon"),
        ({"coef_fmt": "n", "custom_stats": {"n": [[1.0]]}}, "coefficients"),
        ({"custom_model_stats": {"F": [1, 2]}}, "custom_model_stats"),
        ({"keep": "nope"}, "no fit has a coefficient"),
        ({"keep": "wage", "exact_match": True}, "no fit has a coefficient"),
        ({"drop": "."}, "no coefficient is left"),
        ({"keep": "("}, "regular expression"),
        ({"head_order": "x"}, "head_order"),
    ],
)
def test_tables_that_cannot_be_made(data: Any, options: dict[str, Any], why: str) -> None:
    fit = kp.feols("wage ~ trained + age", data)
    with pytest.raises(InputError, match=why):
        kp.etable(fit, **options)


def test_statistics_of_ones_own_do_not_pass_the_door(data: Any) -> None:
    fit = kp.feols("wage ~ trained + age", data)
    with kp.set_disclosure(kp.Disclosure(min_cell=5)):
        assert "trained" in kp.etable(fit)
        with pytest.raises(DisclosureError, match="not checked"):
            kp.etable(fit, custom_model_stats={"Smallest employer": [3]})


def test_several_fits_are_handled_together(data: Any, capsys: pytest.CaptureFixture[str]) -> None:
    fits = kp.feols("wage ~ sw(trained, age)", data, vcov={"CRV1": "region"})
    table = fits.wildboottest(199, param="trained", seed=1)
    assert table["fml"].tolist() == ["wage ~ trained"]
    alone = fits[0].wildboottest(199, param="trained", seed=1)
    assert table["Pr(>|t|)"].tolist() == [alone["Pr(>|t|)"]]
    with pytest.raises(InputError, match="no fit"):
        fits.wildboottest(199, param="hours")
    again, draws = fits.wildboottest(199, param="trained", seed=1, return_bootstrapped_t_stats=True)
    assert again["Pr(>|t|)"].tolist() == table["Pr(>|t|)"].tolist()
    assert list(draws) == ["wage ~ trained"]
    _, own = fits[0].wildboottest(199, param="trained", seed=1, return_bootstrapped_t_stats=True)
    assert draws["wage ~ trained"].tolist() == own.tolist()
    fits.summary(digits=2)
    told = capsys.readouterr().out
    assert f"{fits[0].coef()['trained']:.2f}" in told
    assert f"{fits[0].coef()['trained']:.4g}" not in told
    assert set(fits.confint(keep="age|trained")) == {
        ("wage ~ trained", "trained"), ("wage ~ age", "age"),
    }  # fmt: skip


@pytest.mark.parametrize("verb", ["feols", "fepois", "feglm"])
@pytest.mark.parametrize("fml", ["age + hours", "age + C(sector)", "C(sector) + C(region) + age"])
def test_the_intercept_is_dropped_as_in_pyfixest(data: Any, verb: str, fml: str) -> None:
    own = data.assign(
        count=np.random.default_rng(3).poisson(np.exp(0.1 * data["wage"])).astype(float),
        worked=(data["wage"] > data["wage"].median()).astype(float),
    )
    outcome = {"feols": "wage", "fepois": "count", "feglm": "worked"}[verb]
    options: dict[str, Any] = {"family": "logit"} if verb == "feglm" else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours = getattr(kp, verb)(
            f"{outcome} ~ {fml}", own, vcov="hetero", drop_intercept=True, **options
        )
        theirs = getattr(pf, verb)(
            f"{outcome} ~ {fml}", own, vcov="hetero", drop_intercept=True, iwls_tol=1e-12, **options
        ) if verb != "feols" else pf.feols(
            f"{outcome} ~ {fml}", own, vcov="hetero", drop_intercept=True
        )  # fmt: skip
    assert "Intercept" not in ours.coef()
    assert len(ours.coef()) == len(theirs.coef())
    np.testing.assert_allclose(list(ours.coef().values()), theirs.coef(), rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(list(ours.se().values()), theirs.se(), rtol=1e-6)
    # effects stand in the place of the intercept in any case
    effects = f"{outcome} ~ age | region"
    plain, without = (
        getattr(kp, verb)(effects, own, drop_intercept=at, **options) for at in (False, True)
    )
    assert plain.coef()["age"] == without.coef()["age"]
    # what is predicted for the sample's own rows is what was fitted
    np.testing.assert_allclose(ours.predict(newdata=own), ours.predict(), rtol=1e-10)


@pytest.mark.parametrize("weights", [None, "hours"])
def test_coefficients_are_updated_as_in_pyfixest(data: Any, weights: str | None) -> None:
    fml = "wage ~ trained + age"
    old, new = data.iloc[:500], data.iloc[500:]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = pf.feols(fml, old, weights=weights)
    ours = kp.feols(fml, old, weights=weights)
    x, y = new[["trained", "age"]].to_numpy(), new["wage"].to_numpy()
    updated = ours.update(x, y)
    if weights is None:
        np.testing.assert_allclose(updated, theirs.update(x, y), rtol=1e-9)
        whole = kp.feols(fml, data)
    else:  # new rows weigh 1
        own = data.assign(hours=np.where(np.arange(len(data)) < 500, data["hours"], 1.0))
        whole = kp.feols(fml, own, weights=weights)
    np.testing.assert_allclose(updated, list(whole.coef().values()), rtol=1e-9)
    with_ones = np.column_stack([np.ones(len(x)), x])
    np.testing.assert_array_equal(ours.update(with_ones, y), updated)
    assert ours.n_obs == 500


def test_what_cannot_be_updated(data: Any) -> None:
    fit = kp.feols("wage ~ trained + age", data)
    x, y = [[1.0, 40.0]], [2.0]
    with pytest.raises(InputError, match="`inplace`"):
        fit.update(x, y, inplace=True)
    with pytest.raises(InputError, match="columns for 3 coefficients"):
        fit.update([[1.0]], y)
    with pytest.raises(InputError, match="one row for each of 2 outcomes"):
        fit.update(x, [1.0, 2.0])
    with pytest.raises(InputError, match="X_new"):
        fit.update([[1.0, np.nan]], y)
    with pytest.raises(InputError, match="y_new"):
        fit.update(x, [np.inf])
    with pytest.raises(InputError, match="effects"):
        kp.feols("wage ~ trained + age | sector", data).update(x, y)
    with pytest.raises(InputError, match="update"):
        kp.fepois("hours ~ trained + age", data.assign(hours=data["hours"].clip(0))).update(x, y)
    with pytest.raises(InputError, match="sample"):
        kp.feols("wage ~ trained + age", data, lean=True).update(x, y)
