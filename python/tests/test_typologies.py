"""Fuzzy types, how sure types are, who stands for whom, trees of splits, their pictures."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

import kruispunt as kp
from kruispunt.exceptions import DesignWarning, InputError
from kruispunt.trajectory import Sequences, over_types

ORACLE = Path(__file__).parents[2] / "crates/kruispunt/tests/oracles/fuzzy/expected.json"
FANNY = json.loads(ORACLE.read_text(encoding="utf-8"))


def table(words):
    return {f"t{at:02}": [word[at] for word in words] for at in range(len(words[0]))}


@pytest.fixture(scope="module")
def fanny():
    return Sequences(table(FANNY["sequences"]), states="abc").distances("ham")


@pytest.fixture(scope="module")
def planted():
    """Three kinds of career with noise, origin that goes with them, and a sex that does not."""
    rng = np.random.default_rng(4)
    n, length = 240, 20
    kinds = rng.integers(0, 3, n)
    start = np.array([list("a" * 10 + "b" * 10), list("c" * 20), list("b" * 4 + "a" * 16)])
    grid = start[kinds]
    noise = rng.random(grid.shape) < 0.12
    grid = np.where(noise, rng.choice(list("abc"), grid.shape), grid)
    origin = np.array(["BE", "MA", "TR"])[kinds]
    other = rng.random(n) < 0.15
    origin = np.where(other, rng.choice(["BE", "MA", "TR"], n), origin)
    people = {
        "pid": np.arange(n), "origin": origin, "sex": rng.choice(["F", "M"], n),
        "year": 2005 + kinds + rng.integers(0, 2, n),
    }  # fmt: skip
    columns = {f"t{at:02}": grid[:, at] for at in range(length)}
    sequences = Sequences(columns | {"pid": people["pid"]}, id="pid")
    return sequences, people, kinds


@pytest.mark.parametrize("fit", FANNY["fits"], ids=lambda fit: f"exponent {fit['exponent']}")
def test_memberships_are_those_of_fanny(fanny, fit):
    found = fanny.fuzzy(3, exponent=fit["exponent"])
    expected = np.array(fit["membership"])
    order = [int(np.argmin(((expected - column[:, None]) ** 2).sum(axis=0)))
             for column in found.membership.T]  # fmt: skip
    assert sorted(order) == [0, 1, 2]
    np.testing.assert_allclose(found.membership, expected[:, order], atol=2e-6)
    assert found.objective == pytest.approx(fit["objective"], rel=1e-9)
    assert found.partition == pytest.approx(fit["dunn"], abs=1e-6)
    np.testing.assert_allclose(found.membership.sum(axis=1), 1)


def test_weights_are_copies_for_memberships(fanny):
    words = FANNY["sequences"][:20]
    weights = np.arange(20) % 3 + 1
    one = Sequences(table(words) | {"w": weights}, weights="w").distances("ham")
    copies = np.repeat(np.arange(20), weights)
    two = Sequences(table([words[at] for at in copies])).distances("ham")
    a, b = one.fuzzy(3), two.fuzzy(3)
    assert a.objective == pytest.approx(b.objective, rel=1e-9)
    np.testing.assert_allclose(a.membership[copies], b.membership, atol=1e-6)
    np.testing.assert_allclose(a.typology.weights, b.typology.sizes)


def test_fuzzy_types_show_and_warn(fanny):
    found = fanny.fuzzy(3)
    assert found.to_frame()["type 1"].shape == (60,)
    assert found.typology.types.tolist() == (found.membership.argmax(axis=1) + 1).tolist()
    assert pickle.loads(pickle.dumps(found)).objective == found.objective
    assert "3 types" in repr(found)
    one = fanny.fuzzy(1)
    np.testing.assert_array_equal(one.membership, 1)
    with pytest.warns(DesignWarning, match="all_alike"):
        fanny.fuzzy(4, exponent=20)
    with pytest.warns(DesignWarning, match="not_converged"):
        fanny.fuzzy(3, exponent=2, steps=1)
    with pytest.raises(InputError, match="`exponent`"):
        fanny.fuzzy(3, exponent=1.0)
    with pytest.raises(InputError, match="ask for fewer"):
        fanny.fuzzy(61)


def test_types_are_better_than_in_noise(planted):
    sequences, _, _ = planted
    frame = sequences.to_frame()
    some = Sequences({name: own[:90] for name, own in frame.items() if name != "pid"})
    options = {"draws": 19, "seed": 2}
    found = kp.Table(some.null_quality([2, 3, 4], "ham", **options)).to_dict()
    asw = found["measure"] == "asw"
    assert found["k"][asw].tolist() == [2, 3, 4]
    assert found["pvalue"][asw].tolist() == [0.05] * 3
    assert found["pvalue_any"][asw].tolist() == [0.05] * 3
    assert (found["observed"][asw] > found["high"][asw]).all()
    # a null drawn once is noise: it is not better than others
    noise = kp.Table(some.null(seed=5).null_quality(3, "ham", by="ward", **options)).to_dict()
    assert noise["pvalue"][noise["measure"] == "asw"][0] > 0.05
    again = kp.Table(some.null_quality([2, 3, 4], "ham", **options)).to_dict()
    np.testing.assert_array_equal(again["mean"], found["mean"])
    with pytest.raises(InputError, match="`draws`"):
        some.null_quality(2, draws=0)
    with pytest.raises(InputError, match="from 2 on"):
        some.null_quality(1)
    with pytest.raises(InputError, match="`model`"):
        some.null("chaos")


def test_null_models_keep_what_they_say(planted):
    sequences, _, _ = planted
    own = sequences.null("sequencing", seed=3)
    np.testing.assert_array_equal(np.sort(own.codes), np.sort(sequences.codes))
    assert (own.codes != sequences.codes).any()
    timed = sequences.null("duration", seed=3)
    for row in range(0, 240, 17):
        dss = [s for s, t in zip(sequences.codes[row], [-9, *sequences.codes[row]]) if s != t]  # noqa: B905
        other = [s for s, t in zip(timed.codes[row], [-9, *timed.codes[row]]) if s != t]  # noqa: B905
        assert dss == other
    both = sequences.null(seed=3).indicators(["length"])
    assert set(both["length"]) == {20}
    free = sequences.null("states", seed=3)
    np.testing.assert_allclose(
        list(free.mean_time().values()), list(sequences.mean_time().values()), atol=0.5
    )
    assert free.transition_rates().diagonal().max() < 0.6
    walk = sequences.null("markov", seed=3)
    np.testing.assert_allclose(walk.transition_rates(), sequences.transition_rates(), atol=0.06)
    assert sequences.null("markov", seed=3) == walk != sequences.null("markov", seed=4)
    gaps = Sequences({"a": ["x", "y"], "b": [None, "x"], "c": ["y", "y"]}, right="missing")
    for model in ("states", "markov"):
        assert gaps.null(model).codes[0, 1] == -1
    for model in ("combined", "sequencing", "duration"):
        assert (gaps.null(model).codes == -1).sum() == 1


def test_quality_varies_as_samples_do(planted):
    sequences, _, _ = planted
    distances = sequences.distances("ham")
    types = distances.pam([2, 3])
    found = kp.Table(distances.quality_draws(types, draws=60, seed=1)).to_dict()
    for name in ("asw", "r2", "pbc", "hc"):
        rows = found["measure"] == name
        assert found["k"][rows].tolist() == [2, 3]
        observed = [types[2].quality[name], types[3].quality[name]]
        np.testing.assert_allclose(found["observed"][rows], observed)
        assert (found["low"][rows] < found["mean"][rows]).all()
        assert (found["mean"][rows] < found["high"][rows]).all()
        assert (np.abs(found["mean"][rows] - observed) < 4 * found["sd"][rows]).all()
    # by hand: one draw is the quality of the rows drawn, copies included
    with pytest.raises(InputError, match="`level`"):
        distances.quality_draws(types, level=2)


def test_a_tree_finds_the_split_that_was_put_in(planted):
    sequences, people, _ = planted
    distances = sequences.distances("ham")
    factors = {name: people[name] for name in ("origin", "sex", "year")}
    tree = distances.discrepancy_tree(factors, permutations=99, seed=1)
    rows = kp.Table(tree).to_dict()
    assert rows["split"][0] in {"origin", "year"}
    assert "sex" not in set(rows["split"])
    assert rows["n"][0] == 240
    assert rows["discrepancy"][0] == pytest.approx(distances.discrepancy)
    leaves = sorted(set(tree.leaves))
    assert list(tree.rules()) == leaves
    # what leaves explain is what groups explain
    compared = distances.compare(tree.leaves, permutations=0)
    assert compared["r2"] == pytest.approx(tree.r2)
    of = dict(zip(rows["branch"].tolist(), rows["discrepancy"].tolist(), strict=True))
    for leaf in leaves:
        assert compared["discrepancy"][leaf] == pytest.approx(of[leaf])
    assert "leaves, R2" in repr(tree)
    assert "<table" in tree._repr_html_()
    assert pickle.loads(pickle.dumps(tree)).r2 == tree.r2
    # the first split is the best of all, tried one by one
    square = distances.square()

    def within(mask):
        return sum(square[np.ix_(part, part)].sum() / 2 / part.sum() for part in (mask, ~mask))

    tried = {
        ("origin", level): within(people["origin"] == level) for level in ("BE", "MA", "TR")
    } | {("year", year): within(people["year"] <= year) for year in (2005, 2006, 2007)}
    total = square.sum() / 2 / 240
    assert rows["r2"][0] == pytest.approx(1 - min(tried.values()) / total)
    best = min(tried, key=tried.get)
    assert rows["split"][0] == best[0]


def test_a_tree_stops_where_nothing_is_to_be_had(planted):
    sequences, people, _ = planted
    distances = sequences.distances("ham")
    tree = distances.discrepancy_tree({"sex": people["sex"]}, permutations=199, seed=1)
    assert len(tree) in {1, 3}
    none = distances.discrepancy_tree({"sex": ["F"] * 240}, permutations=9)
    assert len(none) == 1
    assert none.rules() == {1: "all"}
    assert none.r2 == 0
    assert "<table" in none._repr_html_()
    flat = distances.discrepancy_tree({"origin": people["origin"]}, depth=0, permutations=9)
    assert len(flat) == 1
    with pytest.raises(InputError, match="12 levels"):
        distances.discrepancy_tree({"pid": [f"p{at}" for at in range(240)]})
    with pytest.raises(InputError, match="missing at row 1"):
        distances.discrepancy_tree({"x": [1.0, np.nan] + [2.0] * 238})
    with pytest.raises(InputError, match="one value a sequence"):
        distances.discrepancy_tree({"x": [1, 2]})
    with pytest.raises(InputError, match="at least one factor"):
        distances.discrepancy_tree({})


def test_weights_are_copies_for_trees():
    words = ["aaaa", "aaab", "abbb", "bbbb", "aabb", "bbba"]
    group = ["x", "x", "y", "y", "x", "y"]
    weights = np.array([2, 1, 3, 2, 1, 2])
    one = Sequences(table(words) | {"w": weights}, weights="w").distances("ham")
    copies = np.repeat(np.arange(6), weights)
    two = Sequences(table([words[at] for at in copies])).distances("ham")
    options = {"permutations": 0, "level": 1.0, "depth": 1}
    a = one.discrepancy_tree({"group": group}, **options)
    b = two.discrepancy_tree({"group": [group[at] for at in copies]}, **options)
    assert a.r2 == pytest.approx(b.r2)
    assert len(a) == len(b) == 3


def test_representatives_stand_for_others(planted):
    sequences, _, kinds = planted
    distances = sequences.distances("ham")
    square = distances.square()
    found = distances.representatives(coverage=0.9, radius=0.5)
    assert len({int(kind) for kind in kinds[found.rows]}) == len(found.rows) == 3
    # by hand
    radius = 0.5 * square.max()
    assert found.radius == radius
    density = (square < radius).sum(axis=1)
    assert found.rows[0] == np.argmax(density)
    near = square[:, found.rows]
    assert found.coverage == pytest.approx((near.min(axis=1) < radius).mean())
    np.testing.assert_array_equal(found.nearest, near.argmin(axis=1))
    quality = 1 - near.min(axis=1).sum() / square.sum(axis=1).min()
    assert found.quality == pytest.approx(quality)
    frame = kp.Table(found).to_dict()
    np.testing.assert_allclose(frame["near"], (near < radius).mean(axis=0))
    assert frame["assigned"].sum() == pytest.approx(1)
    central = distances.representatives(criterion="centrality", coverage=0.01)
    assert central.rows.tolist() == [square.sum(axis=1).argmin()]
    assert "representatives" in repr(found)
    with pytest.raises(InputError, match="`coverage`"):
        distances.representatives(coverage=0)
    with pytest.raises(InputError, match="`criterion`"):
        distances.representatives(criterion="beauty")


def test_relative_frequencies_are_medoids_along_an_order(planted):
    sequences, _, _ = planted
    distances = sequences.distances("ham")
    square = distances.square()
    order = np.random.default_rng(1).random(240)
    found = distances.relative_frequency(12, order=order)
    ranks = order.argsort().argsort()
    np.testing.assert_array_equal(found.groups, ranks // 20 + 1)
    left = 0.0
    for at in range(12):
        own = np.flatnonzero(found.groups == at + 1)
        sums = square[np.ix_(own, own)].sum(axis=1)
        assert found.medoids[at] in own
        assert square[found.medoids[at], own].sum() == sums.min()
        left += sums.min()
    total = square.sum(axis=1).min()
    assert found.r2 == pytest.approx(1 - left / total)
    assert found.f == pytest.approx(((total - left) / 11) / (left / 228))
    # the order of the first principal coordinate is better than a random one
    usual = distances.relative_frequency(12)
    assert usual.r2 > found.r2 + 0.1
    gram = -0.5 * square**2
    centred = gram - gram.mean(0) - gram.mean(1)[:, None] + gram.mean()
    first = np.linalg.eigh(centred)[1][:, -1]
    ranked = [np.corrcoef(usual.groups, sign * first)[0, 1] for sign in (1, -1)]
    assert max(ranked) > 0.85
    assert pickle.loads(pickle.dumps(usual)).r2 == usual.r2
    with pytest.raises(InputError, match="`order`"):
        distances.relative_frequency(5, order=[1.0])
    with pytest.raises(InputError, match="two groups"):
        distances.relative_frequency(1)


def test_models_know_how_unsure_types_are():
    rng = np.random.default_rng(7)
    n, length = 150, 12
    kinds = rng.integers(0, 2, n)
    base = np.where(kinds[:, None] == 0, "a", "b")
    noise = rng.random((n, length)) < 0.36
    grid = np.where(noise, np.where(base == "a", "b", "a"), base)
    careers = Sequences({f"t{at:02}": grid[:, at] for at in range(length)} | {"pid": np.arange(n)},
                        id="pid")  # fmt: skip
    types = careers.distances("ham").pam(2)
    first = types.types[kinds == 0]
    slow = 1 if (first == 1).mean() > 0.5 else 2
    wage = 10.0 + 2.0 * (kinds == 0) + rng.normal(size=n)

    def model(drawn):
        frame = kp.Table(drawn).to_dict()
        assert frame["pid"].tolist() == list(range(n))
        own = (frame["type"] == f"type {slow}").astype(float)
        return kp.feols("wage ~ slow", {"wage": wage, "slow": own})

    pooled = over_types(types, model, draws=30, seed=3)
    crisp = model(types.to_frame())
    assert pooled.se()["slow"] > crisp.se()["slow"] * 1.02
    # types are measured with error, which pulls the effect towards 0
    assert 0.5 < pooled.coef()["slow"] < 2.2
    again = over_types(types, model, draws=30, seed=3)
    assert again.coef()["slow"] == pooled.coef()["slow"]
    with pytest.raises(InputError, match="2 draws"):
        over_types(types, model, draws=1)
    with pytest.raises(InputError, match="no distances"):
        over_types(careers.clara(2, "ham", samples=2, size=40)[2], model)
    with pytest.warns(DesignWarning, match="unstable_types"):
        over_types(
            careers.distances("ham").pam(9), lambda d: kp.feols("y ~ 1", {"y": wage}), draws=5
        )


def test_types_from_samples_know_their_medoids(planted):
    sequences, _, kinds = planted
    types = sequences.clara(3, "ham", samples=4, size=60)[3]
    for kind in ("typical", "deviant", "medoid", "boundary"):
        chosen = kp.cases.select(types, kind, 6)
        assert len(chosen.ids) == 6
    square = sequences.distances("ham").square()[:, types.medoids]
    own = np.arange(240), types.types - 1
    a = square[own]
    other = square.copy()
    other[own] = np.inf
    b = other.min(axis=1)
    rows = kp.Table(kp.cases.select(types, "typical", 240, k=1)).to_dict()
    score = np.empty(240)
    score[rows["pid"]] = rows["score"]
    np.testing.assert_allclose(score, (b - a) / np.maximum(a, b), atol=1e-6)
    assert "simplified" in repr(kp.cases.select(types, "typical", 6))
    assert len(set(zip(kinds.tolist(), types.types.tolist(), strict=True))) >= 3
    assert pickle.loads(pickle.dumps(types)).k == 3


def test_more_careers_than_a_square_would_hold():
    """More different careers than 46,340, where an n x n matrix of doubles takes 17 GB."""
    rng = np.random.default_rng(2)
    numbers = rng.permutation(1 << 17)[:47_000]
    grid = numbers[:, None] >> np.arange(17) & 1
    careers = Sequences({f"t{at:02}": grid[:, at] for at in range(17)})
    assert careers.n_unique == 47_000
    types = careers.clara([2, 3], "ham", samples=2, size=120, seed=1)
    apart = (grid[:, None] != grid[types[3].medoids][None]).sum(axis=2)
    assert types[3].total == apart.min(axis=1).sum()
    np.testing.assert_array_equal(apart[np.arange(47_000), types[3].types - 1], apart.min(axis=1))
    chosen = kp.cases.select(types[3], "medoid", 3)
    assert sorted(chosen.ids) == sorted(types[3].medoids.tolist())
    with pytest.raises(InputError, match=r"`limit`.*clara"):
        careers.distances("ham", limit=1 << 30)


@pytest.mark.parametrize("kind", ["chronogram", "index", "modal", "mean_time"])
def test_draws_trees(planted, kind, tmp_path):
    sequences, people, _ = planted
    distances = sequences.distances("ham")
    tree = distances.discrepancy_tree({"origin": people["origin"]}, permutations=19)
    figure = tree.plot(kind, title="All")
    figure.savefig(tmp_path / "tree.png")
    assert (tmp_path / "tree.png").stat().st_size > 5000
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles[0].startswith("All\nn = 240")
    assert len(titles) == len(tree)
    with pytest.raises(InputError, match="`kind`"):
        tree.plot("pie")


def test_draws_graphs_and_relative_frequencies(planted, tmp_path):
    sequences, _, _ = planted
    axes = sequences.plot("graph")
    assert "n = 240" in axes.get_title(loc="left")
    rates = sequences.transition_rates()
    told = {text.get_text() for text in axes.texts}
    for a in range(3):
        for b in range(3):
            if a != b:
                assert f"{rates[a, b]:.2f}" in told
    figure = sequences.distances("ham").relative_frequency(30).plot(title="Careers")
    figure.savefig(tmp_path / "rf.png")
    assert "n = 240" in figure.axes[0].get_title(loc="left")
    assert figure.axes[1].get_title(loc="left").startswith("R2 = ")
