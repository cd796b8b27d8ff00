"""Marginal structural models: a slow twin, and an effect that the usual adjustment misses."""

import numpy as np
import pytest

import kruispunt as kp
from kruispunt.exceptions import DesignWarning, EstimationError, InputError

pytestmark = pytest.mark.filterwarnings("ignore:extreme_weights")


def world(n=4000, quarters=6, seed=4):
    """A record that drives the next course and is changed by the last one.

    Each quarter in a course adds 1 to the outcome of all later ones; the record, like the outcome,
    holds what nobody sees.
    """
    rng = np.random.default_rng(seed)
    edu = rng.integers(0, 2, n).astype(float)
    u = rng.normal(size=n)
    labels = kp.Calendar.quarters("2010Q1", "2011Q2").labels
    before, total = np.zeros(n), np.zeros(n)
    rows = {name: [] for name in ("pid", "quarter", "record", "course", "edu", "courses", "y")}
    for q in range(quarters):
        record = u + 0.6 * total + 0.5 * rng.normal(size=n)
        chance = 1 / (1 + np.exp(0.7 + 0.4 * record - 0.5 * edu - 0.8 * before))
        course = (rng.random(n) < chance).astype(float)
        total = total + course
        y = u + edu + total + rng.normal(size=n)
        for name, value in (
            ("pid", np.arange(n)), ("quarter", np.full(n, labels[q])), ("record", record),
            ("course", course), ("edu", edu), ("courses", total), ("y", y),
        ):  # fmt: skip
            rows[name].append(value)
        before = course
    data = {name: np.concatenate(values) for name, values in rows.items()}
    return data, kp.Panel(data, person="pid", period="quarter")


@pytest.fixture(scope="module")
def made():
    return world()


def logit(x, event):
    """Chances by Newton steps, the slow way."""
    beta = np.zeros(x.shape[1])
    for _ in range(40):
        p = 1 / (1 + np.exp(-x @ beta))
        beta += np.linalg.solve((x * (p * (1 - p))[:, None]).T @ x, x.T @ (event - p))
    return 1 / (1 + np.exp(-x @ beta))


def test_weights_are_those_of_a_slow_twin(made):
    data, panel = made
    found = kp.treatment_weights(panel, "course", given="record + edu", fixed="edu")
    n = data["pid"].max() + 1
    grid = {name: data[name].reshape(-1, n).astype(float) for name in ("record", "course", "edu")}
    before = np.vstack([np.zeros(n), grid["course"][:-1]])
    factor = np.ones_like(before)
    for was in (0.0, 1.0):
        at = before == was
        event, one = grid["course"][at], np.ones(at.sum())
        below = logit(np.column_stack([one, grid["record"][at], grid["edu"][at]]), event)
        above = logit(np.column_stack([one, grid["edu"][at]]), event)
        factor[at] = np.where(event == 1, above / below, (1 - above) / (1 - below))
    expected = np.cumprod(factor, axis=0).T.ravel()
    np.testing.assert_allclose(found.weights, expected, rtol=1e-8)
    assert abs(found.weights.mean() - 1) < 0.1
    assert list(found.models["events"]) == [
        int(grid["course"][before == 0].sum()), int(grid["course"][before == 1].sum()),
    ]  # fmt: skip
    assert len(found.by_period["mean"]) == 6


def test_the_effect_is_found_that_adjustment_takes_away(made):
    data, panel = made
    model = kp.marginal_structural(
        "y ~ courses + edu | quarter", panel, treatment="course",
        given="record + edu | quarter", fixed="edu | quarter", person="pid",
    )  # fmt: skip
    found, error = model.fit.coef()["courses"], model.fit.se()["courses"]
    assert abs(found - 1.0) < 3.5 * error, (found, error)
    adjusted = kp.feols("y ~ courses + record + edu | quarter", panel, vcov={"CRV1": "pid"})
    crude = kp.feols("y ~ courses + edu | quarter", panel, vcov={"CRV1": "pid"})
    assert adjusted.coef()["courses"] < 0.75
    assert crude.coef()["courses"] < 0.85
    assert "TreatmentWeights" in repr(model)
    assert "<table" in model._repr_html_()
    assert len(data["y"]) == len(model.weights.weights)


def test_several_treatments_leavers_and_tails(made):
    data, panel = made
    rng = np.random.default_rng(1)
    other = panel.with_column("other", (rng.random(len(data["y"])) < 0.2).astype(float))
    both = kp.treatment_weights(
        other, ["course", "other"], given="record + edu", fixed="edu", truncate=0.01
    )
    assert len(both.models["model"]) == 4
    single = kp.treatment_weights(panel, "course", given="record + edu", fixed="edu")
    assert both.weights.max() < single.weights.max()
    stay = np.ones(len(data["y"]), bool)
    quarter = np.asarray(panel["quarter"], dtype=object)
    stay[(quarter == "2011Q2") & (np.asarray(panel["record"]) > 1)] = False
    left = panel.filter(stay)
    told = kp.treatment_weights(left, "course", given="record", dropout=True)
    assert told.models["model"][-1] == "leaving"
    assert told.weights.shape == (stay.sum(),)
    hazard = kp.marginal_structural(
        "other ~ edu | quarter", other, treatment="course", given="record + edu", fixed="edu",
        model="logit", person="pid",
    )  # fmt: skip
    assert "edu" in hazard.fit.coef()


def test_warnings_and_refusals_by_name(made):
    _, panel = made
    record = np.asarray(panel["record"])
    sharp = panel.with_column("sharp", (record > 0).astype(float))
    with pytest.raises((EstimationError, InputError), match="perfectly"):
        kp.treatment_weights(sharp, "sharp", given="record")
    rng = np.random.default_rng(0)
    steep = panel.with_column(
        "steep", (rng.random(len(record)) < 1 / (1 + np.exp(-4 * record))).astype(float)
    )
    with pytest.warns(DesignWarning) as told:
        kp.treatment_weights(steep, "steep", given="record")
    codes = {str(one.message).split(":")[0] for one in told}
    assert "no_overlap" in codes
    assert "extreme_weights" in codes or "weights_off_one" in codes
    with pytest.raises(InputError, match="neither 0 nor 1"):
        kp.treatment_weights(panel, "record", given="edu")
    with pytest.raises(InputError, match="right-hand side"):
        kp.treatment_weights(panel, "course", given="y ~ edu")
    with pytest.raises(InputError, match="`truncate`"):
        kp.treatment_weights(panel, "course", given="edu", truncate=0.7)
    with pytest.raises(InputError, match="no column"):
        kp.treatment_weights(panel, "course", given="nothing")
    with pytest.raises(InputError, match="`model`"):
        kp.marginal_structural(
            "y ~ course", panel, treatment="course", given="edu", model="probit", person="pid"
        )
    holes = np.where(np.arange(len(record)) % 50 == 0, np.nan, record)
    with_holes = panel.with_column("holes", np.ma.masked_invalid(holes))
    found = kp.treatment_weights(with_holes, "course", given="holes")
    assert np.isnan(found.weights).sum() == found.account.steps[-1].excluded[0].count.rows > 0
    assert len(found.attach(with_holes)["y"]) == (~np.isnan(found.weights)).sum()
