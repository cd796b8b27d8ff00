"""Estimates after an uncertain linkage, through the door."""

from __future__ import annotations

import json
import pickle
import warnings
from pathlib import Path

import numpy as np
import pytest

import kruispunt as kp
from kruispunt.exceptions import DesignWarning, InputError

ORACLE = Path(__file__).parents[2] / "crates/kruispunt/tests/oracles/linked/expected.json"
RIGHT = {"BE": 0.98, "nonEU": 0.85}


def people(seed, n=6_000, blocks=20):
    """Make linked rows of two origins; wrong links give the wage of somebody else of the block."""
    rng = np.random.default_rng(seed)
    block = np.arange(n) % blocks
    migrant = rng.random(n) < 0.4
    age = rng.normal(size=n) + 0.5 * migrant
    wage = 100 - 12 * migrant + 5 * age + rng.normal(scale=3, size=n)
    wrong = rng.random(n) >= np.where(migrant, RIGHT["nonEU"], RIGHT["BE"])
    other = (np.arange(n) + blocks * rng.integers(1, n // blocks, n)) % n
    linked = np.where(wrong, wage[other], wage)
    origin = np.where(migrant, "nonEU", "BE")
    return {"wage": linked, "age": age, "migrant": migrant * 1.0, "origin": origin, "block": block}


@pytest.mark.parametrize("weighting", ["ratio", "lahiri-larsen", "blue"])
@pytest.mark.parametrize("family", ["gaussian", "logit", "poisson"])
def test_the_door_gives_what_the_formulas_give(family, weighting):
    oracle = json.loads(ORACLE.read_text())
    data = {name: oracle[name] for name in ("age", "migrant", "block")}
    data["y"] = oracle["outcomes"][family]
    rate = {
        str(q): (round(own * many), many)
        for q, (own, many) in enumerate(zip(oracle["rates"], oracle["audit"], strict=True))
    }
    with pytest.warns(DesignWarning, match="differential_linkage"):
        fit = kp.after_linkage(
            "y ~ age + migrant", data, rate={"block": rate}, wrong_links="block", family=family,
            weighting=weighting,
        )  # fmt: skip
    expected = oracle["found"][family][weighting]
    assert list(fit.coef().values()) == pytest.approx(expected["coef"], abs=1e-9)
    variances = np.diag(np.reshape(expected["audit"], (3, 3)))
    assert list(fit.se().values()) == pytest.approx(np.sqrt(variances), rel=1e-8)


@pytest.mark.filterwarnings("ignore::kruispunt.exceptions.DesignWarning")
def test_the_gap_of_origin_comes_back():
    data = people(1)
    how = {"rate": {"origin": RIGHT}, "wrong_links": "block"}
    fit = kp.after_linkage("wage ~ migrant + age", data, **how)
    table = fit.compare()["migrant"]
    assert abs(table["adjusted"] + 12) < 3 * table["adjusted_se"]
    assert table["naive"] > -11.2
    assert table["adjusted_se"] > table["naive_se"] * 0.9
    # one rate for all is not enough; the curve says how far the gap goes
    curve = fit.sensitivity([0.8, 0.85, 0.9], group="nonEU")
    gaps = [
        float(own)
        for own, name in zip(curve["Estimate"], curve["Coefficient"], strict=True)
        if name == "migrant"
    ]
    assert gaps == sorted(gaps)
    assert gaps[0] < -12 < gaps[2]
    again = pickle.loads(pickle.dumps(fit))
    assert again.coef() == fit.coef()
    with pytest.raises(InputError, match="stored without"):
        again.sensitivity([0.9])


@pytest.mark.filterwarnings("ignore::kruispunt.exceptions.DesignWarning")
def test_a_small_audit_widens_the_interval():
    data = people(2)
    known = kp.after_linkage(
        "wage ~ migrant + age", data, rate={"origin": RIGHT}, wrong_links="block"
    )
    audit = {"BE": (49, 50), "nonEU": (34, 40)}
    audited = kp.after_linkage(
        "wage ~ migrant + age", data, rate={"origin": audit}, wrong_links="block"
    )
    assert audited.coef()["migrant"] == pytest.approx(known.coef()["migrant"], abs=1e-9)
    assert audited.se()["migrant"] > 2 * known.se()["migrant"]
    assert "rates_taken_as_known" in known.cautions
    assert "rates_taken_as_known" not in audited.cautions


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rate": 1.2}, "above 0 to 1"),
        ({"rate": (0, 10)}, "right above 0"),
        ({"rate": {"origin": {"BE": 0.9}}}, "a rate for each group"),
        ({"rate": {}}, "with one column"),
        ({"wrong_links": []}, "everybody"),
        ({"weighting": "best"}, "ratio"),
        ({"vcov": {"CRV3": "block"}}, "CRV1"),
        ({"family": "probit"}, "poisson"),
    ],
)
def test_what_makes_no_sense_is_refused(change, message):
    options = {"rate": 0.9, "wrong_links": "everybody"} | change
    with pytest.raises((InputError, kp.exceptions.EstimationError), match=message):
        kp.after_linkage("wage ~ age", people(3, 400), **options)


def test_a_mixture_needs_the_file_alone():
    rng = np.random.default_rng(4)
    n = 5_000
    age, weight = rng.normal(size=n), rng.random(n)
    wage = 2 * age + 0.3 * rng.normal(size=n)
    wrong = rng.random(n) > 1 / (1 + np.exp(-(0.5 + 3 * weight)))
    linked = np.where(wrong, rng.permutation(wage), wage)
    data = {"wage": linked, "age": age, "weight": weight}
    fit = kp.mismatch_mixture("wage ~ age", data, predictors="weight")
    assert abs(fit.coef()["age"] - 2) < 3 * fit.se()["age"]
    assert fit.naive.coef()["age"] < 1.9
    value, error = fit.correct_links["weight"]
    assert abs(value - 3) < 3 * error
    assert fit.mean_mismatch == pytest.approx(wrong.mean(), abs=0.02)
    posterior = fit.posterior()
    chance = np.asarray(posterior["correct"], dtype=float)
    assert chance[wrong].mean() < 0.4 < 0.9 < chance[~wrong].mean()
    assert pickle.loads(pickle.dumps(fit)).mean_mismatch == fit.mean_mismatch
    held = kp.mismatch_mixture("wage ~ age", data, max_mismatch=0.01)
    assert "mismatch_at_bound" in held.cautions
    with pytest.raises(InputError, match="between 0 and 1"):
        kp.mismatch_mixture("wage ~ age", data, max_mismatch=1.5)


def test_pooling_is_rubins():
    data = [people(seed, 400) for seed in range(5)]
    fits = [kp.feols("wage ~ migrant + age", own) for own in data]
    pooled = kp.pool(fits)
    own = np.array([fit.coef()["migrant"] for fit in fits])
    within = np.mean([fit.se()["migrant"] ** 2 for fit in fits])
    assert pooled.coef()["migrant"] == pytest.approx(own.mean())
    assert pooled.se()["migrant"] ** 2 == pytest.approx(within + 1.2 * own.var(ddof=1))
    with pytest.raises(InputError):
        kp.pool(fits[:1])
    with pytest.raises(InputError):
        kp.pool([fits[0], kp.feols("wage ~ age", data[0])])


def test_the_chain_runs_on_every_draw():
    reg = kp.synth.registers("test", seed=4, backend="pandas")
    permits = reg["permits"].rename(
        columns={"naam": "surname", "voornaam": "first_name", "geboortedatum": "birth_date"}
    )
    persons = reg["identities"]
    c = kp.linkage
    linker = c.Linker(
        [c.name("surname", tf=True), c.name("first_name", tf=True), c.date("birth_date")],
        blocking=[
            ["surname", "first_name"],
            ["surname", "birth_date"],
            ["first_name", "birth_date"],
        ],
    )
    linker.train(permits, persons, seed=1, assignment="many-to-one")
    links = linker.link(permits, persons, assignment="many-to-one")
    rng = np.random.default_rng(1)
    score = rng.normal(size=len(persons))

    def estimate(pairs):
        left, right = pairs["left_row"].to_numpy(), pairs["right_row"].to_numpy()
        long = (permits["card"].astype(str) == "B").to_numpy()[left]
        return kp.feols("score ~ b", {"score": score[right], "b": long * 1.0})

    pooled = kp.over_draws(links, estimate, n=5, seed=1)
    single = estimate(links.pairs)
    assert pooled.se()["b"] >= 0.9 * single.se()["b"]
    assert kp.over_draws(links, estimate, n=5, seed=1).coef() == pooled.coef()
    with pytest.raises(InputError, match="2 draws"):
        kp.over_draws(links, estimate, n=1)
    curve = kp.over_thresholds(links, estimate, [links.threshold, 0.99])
    assert curve["links"][0] >= curve["links"][-1] > 0
    with pytest.raises(InputError, match="lower threshold"):
        kp.over_thresholds(links, estimate, [links.threshold / 2])


def test_all_candidates_weigh_by_their_posterior():
    """Against the normal equations, written out with NumPy."""
    random = np.random.default_rng(8)
    n = 300
    names = random.choice(["anna", "bert", "carl", "dora", "emma", "fien"], n)
    born = random.integers(0, 60, n).astype("datetime64[D]")
    x = random.normal(size=n)
    left = {"name": names, "born": born, "x": x}
    order = random.permutation(n)
    y = 2 * x + random.normal(size=n) * 0.1
    right = {"name": names[order], "born": born[order], "y": y[order]}
    c = kp.linkage
    linker = c.Linker(comparisons=[c.exact("name"), c.date("born")], blocking=[["name"], ["born"]])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DesignWarning)
        linker.train(left, right, seed=1)
        links = linker.link(left, right, assignment="none", threshold=0.01)
    pairs = kp.Table(links).to_dict()
    i, j, z = pairs["left_row"], pairs["right_row"], pairs["probability"]
    assert len(z) > n, "no row has two candidates"
    fit = kp.posterior_weighted("y ~ x", links, left, right, "y")
    design = np.column_stack([np.ones(len(i)), x[i]])
    expected = np.linalg.solve((design.T * z) @ design, (design.T * z) @ right["y"][j])
    assert np.allclose(np.asarray(fit.coef()), expected, atol=1e-9)
    assert next(iter(fit.clusters)) == "left_row"
    other = kp.posterior_weighted("x ~ y", links, left, right, "y", linked="covariates")
    total = np.bincount(i, z, n)
    known = total > 0
    mean = (np.bincount(i, z * right["y"][j], n)[known]) / total[known]
    w = np.minimum(total[known], 1)
    design = np.column_stack([np.ones(len(mean)), mean])
    expected = np.linalg.solve((design.T * w) @ design, (design.T * w) @ x[known])
    assert np.allclose(np.asarray(other.coef()), expected, atol=1e-9)
    with pytest.raises(InputError, match="linked"):
        kp.posterior_weighted("y ~ x", links, left, right, "y", linked="both")


def test_fragments_and_foreign_quarters_are_found_in_a_panel():
    """Cut one person in twenty, and give one in twenty a quarter of somebody else."""
    random = np.random.default_rng(3)
    n, quarters = 2_000, 24
    labels = [f"{2010 + at // 4}Q{at % 4 + 1}" for at in range(quarters)]
    pid = np.repeat(np.arange(n), quarters)
    period = np.tile(np.arange(quarters), n)
    sex = random.choice(["f", "m"], n)[pid]
    born = random.integers(0, 15_000, n)[pid]
    firm = random.integers(0, 400, n)[pid]
    cut = random.random(n) < 0.05
    own = np.where(cut[pid] & (period >= 12), pid + n, pid)
    wrong = np.flatnonzero((random.random(n) < 0.05) & ~cut)
    at = wrong * quarters + 7
    other = (at + quarters * 17) % (n * quarters)
    sex[at], born[at], firm[at] = sex[other], born[other], firm[other]
    data = {
        "pid": own, "q": [labels[one] for one in period], "sex": sex, "born": born, "firm": firm,
        "origin": np.where(pid % 3 == 0, "EU", "BE"),
    }  # fmt: skip
    panel = kp.Panel(data, person="pid", period="q")
    signs = panel.linkage_errors(["sex", "born"], moves="firm")
    assert signs["ends"][0] == cut.sum()
    assert signs["fragments"][0] == cut.sum()
    assert signs["contradicted"][0] == len(wrong)
    assert len(wrong) - 3 <= signs["returned"][0] <= len(wrong)
    assert signs["moves"][0] == 2 * signs["returned"][0]
    by = panel.linkage_errors(["sex", "born"], moves="firm", by="origin")
    assert sorted(by["origin"]) == ["BE", "EU"]
    assert by["fragments"].sum() == cut.sum()
    # little is told apart: those alike by chance are told apart from fragments by the mirror
    coarse = panel.linkage_errors("sex")
    assert coarse["followed"][0] == cut.sum()
    with pytest.raises(InputError, match="`gap`"):
        panel.linkage_errors("sex", gap=0)
