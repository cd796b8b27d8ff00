"""Hazards with frailty: against sums over a dense grid, and known truth."""

import pickle

import numpy as np
import pytest
import scipy.optimize

import kruispunt as kp
from kruispunt.exceptions import EstimationError, InputError

GRID = np.linspace(-8, 8, 241)


def spells(n, draw, *, beta=0.8, link="logit", seed=3, quarters=10, base=-1.6):
    """Person-quarters until an event; `draw` gives each person's own effect."""
    rng = np.random.default_rng(seed)
    x, own = rng.normal(size=n), draw(rng, n)
    alive = np.arange(n)
    rows = {name: [] for name in ("person", "house", "d", "x", "exit")}
    for quarter in range(1, quarters + 1):
        line = base - 0.05 * quarter + beta * x[alive] + own[alive]
        chance = 1 / (1 + np.exp(-line)) if link == "logit" else 1 - np.exp(-np.exp(line))
        exits = rng.random(len(alive)) < chance
        values = (alive, alive // 3, np.full(len(alive), quarter), x[alive], exits.astype(int))
        for name, value in zip(rows, values, strict=True):
            rows[name].append(value)
        alive = alive[~exits]
    return {name: np.concatenate(values) for name, values in rows.items()}


def by_grid(rows, link, line, nodes, weights, shifts):
    """The log-likelihood by a sum over nodes, the slow way."""
    eta = line[:, None] + shifts[None, :]
    if link == "logit":
        log1, log0 = -np.log1p(np.exp(-eta)), -np.log1p(np.exp(eta))
    else:
        log1, log0 = np.log(-np.expm1(-np.exp(eta))), -np.exp(eta)
    each = np.where(rows["exit"][:, None] == 1, log1, log0)
    persons = np.zeros((rows["person"].max() + 1, len(nodes)))
    np.add.at(persons, rows["person"], each)
    top = persons.max(axis=1)
    return float(np.sum(top + np.log(np.exp(persons - top[:, None]) @ weights)))


def normal(rows, link, theta):
    """The log-likelihood with a normal effect: intercept, d, x, standard deviation."""
    line = theta[0] + theta[1] * rows["d"] + theta[2] * rows["x"]
    weights = np.exp(-0.5 * GRID**2) / np.sqrt(2 * np.pi) * (GRID[1] - GRID[0])
    return by_grid(rows, link, line, GRID, weights, theta[3] * GRID)


def types(rows, link, theta):
    """The log-likelihood with two types: intercept, d, x, place, log odds."""
    line = theta[0] + theta[1] * rows["d"] + theta[2] * rows["x"]
    share = 1 / (1 + np.exp(-theta[4]))
    weights = np.array([1 - share, share])
    return by_grid(rows, link, line, weights, weights, np.array([0.0, theta[3]]))


def slopes(value, theta, step=1e-4):
    """Gradient and Hessian by differences."""
    k = len(theta)
    unit = np.eye(k) * step
    gradient = np.array([(value(theta + e) - value(theta - e)) / (2 * step) for e in unit])
    hessian = np.array(
        [
            [
                (
                    value(theta + a + b) - value(theta + a - b)
                    - value(theta - a + b) + value(theta - a - b)
                ) / (4 * step**2)
                for b in unit
            ]
            for a in unit
        ]
    )  # fmt: skip
    return gradient, hessian


@pytest.mark.parametrize("link", ["logit", "cloglog"])
@pytest.mark.parametrize("kind", ["normal", "points"])
def test_the_top_is_that_of_a_sum_over_a_dense_grid(link, kind):
    if kind == "normal":
        rows = spells(400, lambda rng, n: rng.normal(0, 1.2, n), link=link, seed=4)
    else:
        rows = spells(300, lambda rng, n: 2.5 * (rng.random(n) < 0.4), link=link, base=-2.5)
    points = 31 if kind == "normal" else 2
    fit = kp.hazard("exit ~ d + x", rows, link=link, frailty=kind, person="person", points=points)
    value = normal if kind == "normal" else types
    theta = np.array(list(fit.coef().values()))
    assert fit.frailty["sd"] > 0.5
    assert abs(value(rows, link, theta) - fit.likelihood["loglik"]) < 1e-5
    gradient, hessian = slopes(lambda own: value(rows, link, own), theta)
    length = gradient @ np.linalg.inv(-hessian) @ gradient
    # In standard errors, squared: what 31 points leave of the integral.
    assert length < 1e-6, gradient
    errors = np.sqrt(np.diag(np.linalg.inv(-hessian)))
    np.testing.assert_allclose(list(fit.se().values()), errors, rtol=2e-3)


def test_a_normal_effect_finds_the_truth_that_is_missed_without():
    rows = spells(3000, lambda rng, n: rng.normal(0, 1.5, n), seed=5)
    fit = kp.hazard("exit ~ x + d", rows, frailty="normal", person="person")
    plain = kp.hazard("exit ~ x + d", rows)
    assert abs(fit.coef()["x"] - 0.8) < 3 * fit.se()["x"]
    assert plain.coef()["x"] < 0.8 - 3 * plain.se()["x"]
    found = fit.frailty
    assert found["kind"] == "normal"
    assert found["persons"] == 3000
    assert abs(found["sd"] - 1.5) < 3 * fit.se()["sd of person"]
    assert found["p_value"] < 1e-6
    assert plain.frailty is None
    copy = pickle.loads(pickle.dumps(fit))
    assert copy.frailty == found
    # Rows in another order are the same rows.
    order = np.random.default_rng(0).permutation(len(rows["x"]))
    again = kp.hazard(
        "exit ~ x + d", {k: v[order] for k, v in rows.items()}, frailty="normal", person="person"
    )
    assert abs(again.coef()["x"] - fit.coef()["x"]) < 1e-6


def test_types_of_persons_are_found_and_counted():
    rows = spells(3000, lambda rng, n: 2.5 * (rng.random(n) < 0.35), seed=8, base=-2.8)
    fit = kp.hazard("exit ~ x + d", rows, frailty="points", person="person")
    found = fit.frailty
    assert len(found["points"]) == len(found["shares"]) >= 2
    assert abs(sum(found["shares"]) - 1) < 1e-12
    assert abs(found["sd"] - 2.5 * np.sqrt(0.35 * 0.65)) < 0.35
    assert abs(fit.coef()["x"] - 0.8) < 3.5 * fit.se()["x"]
    two = kp.hazard("exit ~ x + d", rows, frailty="points", points=2, person="person")
    assert len(two.frailty["points"]) == 2
    assert two.frailty["lr"] > 20


def test_curves_are_means_over_persons():
    rows = spells(3000, lambda rng, n: rng.normal(0, 1.5, n), seed=5)
    fit = kp.hazard("exit ~ x | d", rows, frailty="normal", person="person")
    curve = fit.curves({"x": [0.0]})
    v = np.random.default_rng(1).normal(0, 1.5, 200_000)
    alive, truth = np.ones(len(v)), []
    for quarter in range(1, 11):
        alive = alive * (1 - 1 / (1 + np.exp(1.6 + 0.05 * quarter - v)))
        truth.append(alive.mean())
    gaps = (np.asarray(curve["survival"]) - truth) / np.asarray(curve["survival_se"])
    assert np.abs(gaps).max() < 3.5
    # Standardised over those who are there, by group.
    people = {"x": [-1.0, 0.0, 1.0, 2.0], "sex": ["m", "f", "m", "f"]}
    by = fit.curves(people, by="sex")
    each = fit.curves({"x": people["x"]})
    own = np.asarray(each["survival"]).reshape(4, 10)
    np.testing.assert_allclose(
        np.asarray(by["survival"]).reshape(2, 10), [own[[1, 3]].mean(0), own[[0, 2]].mean(0)]
    )
    assert list(by["sex"][::10]) == ["f", "m"]


def test_curves_of_groups_have_delta_method_errors():
    rows = spells(1500, lambda rng, n: np.zeros(n), seed=2)
    fit = kp.hazard("exit ~ x", {**rows, "one": np.ones(len(rows["x"]))})
    with pytest.raises(InputError, match="baseline"):
        fit.curves()
    fit = kp.hazard("exit ~ x | d", rows)
    one, both = fit.curves({"x": [1.0]}), fit.curves({"x": [1.0, 1.0], "g": [7, 7]}, by="g")
    np.testing.assert_allclose(one["survival_se"], both["survival_se"], rtol=1e-10)
    np.testing.assert_allclose(one["incidence_low"], both["incidence_low"], rtol=1e-10)


@pytest.mark.filterwarnings("ignore:frailty_weakly_identified")
def test_clusters_weights_and_what_is_refused():
    rows = spells(500, lambda rng, n: rng.normal(0, 1, n))
    options = {"frailty": "normal", "person": "person"}
    plain = kp.hazard("exit ~ x + d", rows, **options)
    clustered = kp.hazard("exit ~ x + d", rows, **options, vcov={"CRV1": "house"})
    assert plain.coef() == clustered.coef()
    assert clustered.se()["x"] != plain.se()["x"]
    own = kp.hazard("exit ~ x + d", rows, **options, vcov={"CRV1": "person"})
    assert abs(own.se()["x"] / plain.se()["x"] - 1) < 0.2
    # A weight of 2 is a person twice.
    twice = {
        name: np.concatenate([values, values + (10_000 if name == "person" else 0)])
        for name, values in rows.items()
    }
    doubled = kp.hazard("exit ~ x + d", twice, **options)
    weighted = kp.hazard(
        "exit ~ x + d", {**rows, "w": np.full(len(rows["x"]), 2.0)}, **options, weights="w"
    )
    assert abs(doubled.coef()["x"] - weighted.coef()["x"]) < 1e-6
    assert abs(doubled.se()["x"] - weighted.se()["x"]) < 1e-6
    uneven = {**rows, "w": np.random.default_rng(0).random(len(rows["x"])) + 0.5}
    with pytest.raises(InputError, match="one a person"):
        kp.hazard("exit ~ x", uneven, **options, weights="w")
    with pytest.raises(InputError, match="`person`"):
        kp.hazard("exit ~ x", rows, frailty="normal")
    with pytest.raises(InputError, match="`frailty`"):
        kp.hazard("exit ~ x", rows, frailty="gamma", person="person")
    with pytest.raises(InputError, match="points of the quadrature"):
        kp.hazard("exit ~ x", rows, **options, points=0)
    with pytest.raises(InputError, match="one event"):
        kp.hazard("exit ~ x", rows, **options, link="multinomial")
    with pytest.raises(InputError, match="no column"):
        kp.hazard("exit ~ x", rows, frailty="normal", person="nobody")
    with pytest.raises(InputError, match="two clusters"):
        kp.hazard("exit ~ x", rows, **options, vcov={"CRV1": "d"})


def test_persons_who_do_not_differ_get_no_second_type():
    rows = spells(800, lambda rng, n: np.zeros(n), seed=12)
    with pytest.warns(kp.exceptions.DesignWarning, match="frailty_at_zero"):
        fit = kp.hazard("exit ~ x + d", rows, frailty="normal", person="person")
    assert fit.frailty["p_value"] == 0.5
    with pytest.raises(EstimationError, match="do not differ"):
        kp.hazard("exit ~ x + d", rows, frailty="points", person="person")


def test_a_likelihood_that_is_largest_at_zero_says_so():
    rows = spells(1500, lambda rng, n: np.zeros(n), seed=5)
    plain = kp.hazard("exit ~ x | d", rows)
    with pytest.warns(kp.exceptions.DesignWarning, match="frailty_at_zero"):
        fit = kp.hazard("exit ~ x | d", rows, frailty="normal", person="person")
    assert fit.frailty["sd"] == 0.0
    assert fit.frailty["lr"] == 0.0
    assert fit.frailty["quadrature"] == 15
    assert np.isnan(fit.se()["sd of person"])
    np.testing.assert_allclose(fit.coef()["x"], plain.coef()["x"], rtol=1e-6)
    np.testing.assert_allclose(fit.se()["x"], plain.se()["x"], rtol=1e-6)
    ours, theirs = (own.curves({"x": [0.0]}) for own in (fit, plain))
    np.testing.assert_allclose(ours["survival"], theirs["survival"], rtol=1e-6)
    np.testing.assert_allclose(ours["survival_se"], theirs["survival_se"], rtol=1e-5)


def test_more_points_are_taken_where_they_are_needed():
    """A wide effect in many spells: the answer is that of the grid, whatever one starts with."""
    rows = spells(400, lambda rng, n: 3.0 * rng.normal(size=n), seed=11, quarters=30, base=0.0)
    fit = kp.hazard("exit ~ d + x", rows, frailty="normal", person="person")
    assert fit.frailty["quadrature"] > 15
    most = kp.hazard("exit ~ d + x", rows, frailty="normal", person="person", points=60)
    assert fit.frailty["sd"] == pytest.approx(most.frailty["sd"], rel=1e-2)
    likelihood = fit.frailty["without"] + fit.frailty["lr"] / 2
    coef = fit.coef()
    theta = [coef["Intercept"], coef["d"], coef["x"], coef["sd of person"]]
    assert likelihood == pytest.approx(normal(rows, "logit", theta), abs=1e-3)


def largest(rows, link, start, held):
    """The largest likelihood by a sum over nodes where one parameter is held, the slow way."""
    others = [at for at in range(4) if at != held[0]]
    theta = np.array(start, dtype=float)
    theta[held[0]] = held[1]

    def fall(free):
        theta[others] = free
        return -normal(rows, link, theta)

    found = scipy.optimize.minimize(fall, theta[others], options={"gtol": 1e-4})
    return -found.fun, [*found.x[: held[0]], held[1], *found.x[held[0] :]]


@pytest.mark.parametrize("link", ["logit", "cloglog"])
def test_profiles_end_where_the_likelihood_by_a_dense_grid_has_fallen(link):
    rows = spells(250, lambda rng, n: rng.normal(0, 1.5, n), link=link, seed=4, quarters=12)
    fit = kp.hazard("exit ~ d + x", rows, link=link, frailty="normal", person="person")
    theta = list(fit.coef().values())
    top = normal(rows, link, np.array(theta))
    found = fit.confint(method="profile")
    assert list(found) == list(fit.coef())
    for at, (low, high) in enumerate(found.values()):
        assert low < theta[at] < high
        for bound in (low, high):
            held, _ = largest(rows, link, theta, (at, bound))
            assert 2 * (top - held) == pytest.approx(1.959964**2, rel=5e-3)
    assert fit.confint(method="profile", keep="x") == {"x": found["x"]}


def test_a_profile_starts_at_zero_where_the_likelihood_is_largest_there():
    rows = spells(1500, lambda rng, n: np.zeros(n), seed=5)
    with pytest.warns(kp.exceptions.DesignWarning, match="frailty_at_zero"):
        fit = kp.hazard("exit ~ x | d", rows, frailty="normal", person="person")
    low, high = fit.confint(method="profile")["sd of person"]
    assert low == 0.0
    assert 0.05 < high < 3
    assert np.isnan(fit.confint()["sd of person"]).all()
    # What persons may differ by makes slopes larger.
    (wald, profile) = (fit.confint(method=own)["x"] for own in ("wald", "profile"))
    assert profile[0] == pytest.approx(wald[0], abs=0.02)
    assert profile[1] > wald[1] + 0.005
    copy = pickle.loads(pickle.dumps(fit))
    with pytest.raises(InputError, match="at hand"):
        copy.confint(method="profile")
    assert copy.confint(method="profile", data=rows) == fit.confint(method="profile")


def test_a_bound_that_only_larger_standard_deviations_give_is_infinite():
    """One spell and a free baseline: the likelihood levels off above, by a dense grid too."""
    rows = spells(250, lambda rng, n: rng.normal(0, 1.0, n), seed=8, quarters=8)
    rows["d"] = (rows["d"] > 4).astype(int)
    fit = kp.hazard("exit ~ d + x", rows, frailty="normal", person="person")
    theta = list(fit.coef().values())
    top = normal(rows, "logit", np.array(theta))
    found = fit.confint(method="profile")
    levels_off, _ = largest(rows, "logit", theta, (3, 5.0))
    assert (found["sd of person"][1] == np.inf) == (2 * (top - levels_off) <= 1.959964**2)


def test_what_has_no_profile_is_refused():
    rows = spells(400, lambda rng, n: rng.normal(0, 1.5, n), seed=5, quarters=20)
    options = {"frailty": "normal", "person": "person"}
    fit = kp.hazard("exit ~ x + d", rows, **options)
    with pytest.raises(InputError, match="`method`"):
        fit.confint(method="bayes")
    with pytest.raises(InputError, match="`joint`"):
        fit.confint(joint=True, method="profile")
    with pytest.raises(InputError, match="`alpha`"):
        fit.confint(2.0, method="profile")
    other = {**rows, "x": rows["x"] + rows["d"] % 2}
    with pytest.raises(InputError, match="another"):
        fit.confint(method="profile", data=other)
    with pytest.raises(InputError, match="`method`"):
        kp.hazard("exit ~ x + d", rows).confint(method="profile")
    clustered = kp.hazard("exit ~ x + d", rows, **options, vcov={"CRV1": "house"})
    with pytest.raises(InputError, match="clusters"):
        clustered.confint(method="profile")
    cox = kp.cox("d ~ x", rows, event="exit")
    with pytest.raises(InputError, match="`method`"):
        cox.confint(method="profile")


def test_a_standard_deviation_that_is_hardly_told_from_zero_is_named():
    rows = spells(300, lambda rng, n: rng.normal(0, 0.8, n), seed=3)
    with pytest.warns(kp.exceptions.DesignWarning, match="frailty_weakly_identified"):
        fit = kp.hazard("exit ~ x | d", rows, frailty="normal", person="person")
    assert 0 < fit.frailty["lr"] < 3.84
    assert fit.confint(method="profile")["sd of person"][0] == 0.0
