"""Careers through the Python door."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import kruispunt as kp
from kruispunt.exceptions import DesignWarning, InputError
from kruispunt.trajectory import Distances, Sequences, Tree, Typology


def drawn(n=200, length=12, states=4, seed=1):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, states, (n, length))
    for at in range(1, length):
        stay = rng.random(n) < 0.8
        codes[stay, at] = codes[stay, at - 1]
    names = np.array(["school", "work", "search", "away"][:states])
    return {f"q{at}": names[codes[:, at]].tolist() for at in range(length)} | {
        "person": np.arange(n) + 1000
    }


@pytest.fixture(scope="module")
def careers():
    return Sequences(drawn(), id="person", states=["school", "work", "search", "away"])


def test_reads_what_it_is_given(careers):
    assert len(careers) == 200
    assert careers.states == ["school", "work", "search", "away"]
    assert careers.codes.shape == (200, 12)
    np.testing.assert_array_equal(careers.ids, np.arange(200) + 1000)
    assert careers.account.steps[-1].verb == "states"
    assert "200 persons over 12 positions" in repr(careers)
    back = Sequences(careers.to_frame(), id="person", states=careers.states)
    assert back == careers
    again = Sequences.from_sps(careers.to_frame(format="sps"), "sequence", id="person")
    assert [again.text(at) for at in range(5)] == [careers.text(at) for at in range(5)]
    spells = careers.to_frame(format="spell")
    again = Sequences.from_spells(
        spells, person="person", begin="begin", end="end", state="state", states=careers.states
    )
    np.testing.assert_array_equal(again.codes, careers.codes)


def test_describes(careers):
    rates = careers.transition_rates()
    np.testing.assert_allclose(rates.sum(axis=1), 1)
    assert rates.diagonal().min() > 0.6
    assert sum(careers.mean_time().values()) == pytest.approx(12)
    table = careers.distribution()
    np.testing.assert_allclose(sum(np.asarray(table[name]) for name in careers.states), 1)
    indicators = careers.indicators(["visited", "transitions"])
    np.testing.assert_array_equal(
        indicators["transitions"], (np.diff(careers.codes, axis=1) != 0).sum(axis=1)
    )
    assert careers.integration(["work"]).max() == 1
    np.testing.assert_array_equal(careers.times().sum(axis=1), 12)
    assert careers.entropy().shape == careers.turbulence().shape == careers.complexity().shape


def test_distances_equal_the_definition(careers):
    codes = careers.codes
    hamming = careers.distances("ham").square()
    np.testing.assert_array_equal(hamming, (codes[:, None] != codes[None]).sum(axis=2))
    om = careers.distances("om", costs="trate")
    substitution, indel = careers.costs("trate")
    table = np.zeros((13, 13))
    table[0, :] = table[:, 0] = np.arange(13) * indel[0]
    for i in range(12):
        for j in range(12):
            table[i + 1, j + 1] = min(
                table[i, j] + substitution[codes[3, i], codes[9, j]],
                table[i, j + 1] + indel[0],
                table[i + 1, j] + indel[0],
            )
    assert om[3, 9] == pytest.approx(table[-1, -1], rel=1e-12)
    single = careers.distances("om", costs="trate", precision="f32")
    np.testing.assert_allclose(single.condensed(), om.condensed(), rtol=1e-5)
    assert (om.precision, single.precision) == ("f64", "f32")
    matrix = careers.distances("om", costs=substitution)
    np.testing.assert_array_equal(matrix.condensed(), om.condensed())


@pytest.mark.parametrize(
    "method",
    ["lcs", "lcp", "rlcp", "dhd", "omloc", "omslen", "omspell", "omstran", "twed", "nms",
     "nmsmst", "svrspell", "chi2", "euclid"],
)  # fmt: skip
def test_every_measure_is_a_dissimilarity(careers, method):
    square = careers.distances(method).square()
    assert np.isfinite(square).all()
    assert square.min() == 0
    np.testing.assert_array_equal(square, square.T)
    np.testing.assert_array_equal(square.diagonal(), 0)


def test_finds_types_that_were_put_in():
    rng = np.random.default_rng(2)
    types = rng.integers(0, 3, 300)
    starts = np.array([[0] * 10 + [1] * 10, [2] * 20, [1] * 4 + [0] * 16])[types]
    noise = rng.random(starts.shape) < 0.08
    codes = np.where(noise, rng.integers(0, 3, starts.shape), starts)
    names = np.array(["a", "b", "c"])
    careers = Sequences({f"t{at:02}": names[codes[:, at]].tolist() for at in range(20)})
    distances = careers.distances("om", costs="trate")
    for found in (distances.pam(range(2, 7)), distances.tree().cut(range(2, 7))):
        best = found.best("asw")
        assert best.k == 3
        pairs = {(int(a), int(b)) for a, b in zip(types, best.types, strict=True)}
        assert len(pairs) == 3
        assert list(best.sizes) == sorted(best.sizes, reverse=True)
        assert list(found.quality()["k"]) == [2, 3, 4, 5, 6]
    clara = careers.clara(3, costs="trate", samples=5, size=60)[3]
    assert (clara.types == best.types).mean() > 0.98
    assert clara.quality == {}
    summary = best.summary()
    assert summary["medoid"][0].startswith("(")
    assert sum(summary["n"]) == 300


def test_a_typology_goes_back_to_the_panel():
    periods = [f"20{year:02}Q{quarter}" for year in (10, 11) for quarter in range(1, 5)]
    rows = {
        "pid": np.repeat([5, 6, 7, 8], 8),
        "q": periods * 4,
        "state": (["a"] * 8 + ["a"] * 7 + ["b"] + ["b"] * 8 + ["b"] * 7 + ["a"]),
        "start": np.repeat(["2010Q3", "2010Q1", None, "2010Q2"], 8).tolist(),
    }
    panel = kp.Panel(rows, person="pid", period="q")
    by_calendar = panel.sequences("state")
    assert by_calendar.positions == periods
    panel = panel.attach_person(by_calendar.distances("ham").pam(2))
    assert set(panel["type"]) == {"type 1", "type 2"}
    assert len({(pid, kind) for pid, kind in zip(panel["pid"], panel["type"], strict=True)}) == 4
    since = panel.sequences("state", since="start", length=6)
    assert len(since) == 3
    assert since.text(0) == "-".join("aaaaaa")
    excluded = since.account.steps[-2].excluded[0]
    assert (excluded.reason, excluded.count.rows) == ("without the event", 1)


def test_weights_are_duplication():
    data = drawn(40, 6, 3)
    weights = np.arange(40) % 3 + 1
    rows = np.repeat(np.arange(40), weights)
    twice = {name: [values[at] for at in rows] for name, values in data.items()}
    columns = [f"q{at}" for at in range(6)]
    one = Sequences(data | {"w": weights}, columns, weights="w").distances("om", costs="trate")
    two = Sequences(twice, columns).distances("om", costs="trate")
    np.testing.assert_allclose(one.condensed(), two.condensed(), rtol=1e-12)
    for k in (2, 4):
        a, b = one.pam(k), two.pam(k)
        assert a.total == pytest.approx(b.total)
        np.testing.assert_allclose(a.weights, b.sizes)
        for name, value in a.quality.items():
            assert value == pytest.approx(b.quality[name]), name


def test_names_what_is_wrong(careers):
    data = drawn(3, 4)
    with pytest.raises(InputError, match='column "q1" at row 0 holds a state that is not among'):
        Sequences({"q1": ["a"]}, states=["b"])
    with pytest.raises(InputError, match=r"sequence 1 .* has no state at all"):
        Sequences({"q1": ["a", None], "q2": ["b", None]})
    with pytest.raises(InputError, match="more than the 250"):
        Sequences({"q1": list(range(300))})
    with pytest.raises(InputError, match="`method`"):
        careers.distances("optimal")
    with pytest.raises(InputError, match="`costs`"):
        careers.distances(costs="cheap")
    with pytest.raises(InputError, match="symmetric"):
        careers.distances(costs=np.triu(np.ones((4, 4)), 1))
    with pytest.raises(InputError, match="`costs` cannot be used"):
        careers.distances("lcs", costs="trate")
    with pytest.raises(InputError, match="different sequences; ask for fewer"):
        Sequences({"q1": ["a", "a"]}).distances().pam(2)
    with pytest.raises(InputError, match="has missing states"):
        Sequences({"q1": ["a", None], "q2": ["b", "b"]}).distances()
    with pytest.raises(InputError, match="compares position by position"):
        Sequences({"q1": ["a", "a"], "q2": ["b", None]}).distances("ham")
    with pytest.raises(InputError, match="at least 1"):
        careers.distances().pam([])
    with pytest.raises(InputError, match="`limit`"):
        careers.distances(limit=10)
    with pytest.raises(InputError, match="no column"):
        Sequences(data, ["q9"])
    costs = np.array([[0, 1, 5], [1, 0, 1], [5, 1, 0.0]])
    with pytest.warns(DesignWarning, match="triangle_inequality"):
        Sequences({"q1": ["a", "b", "c"]}).distances(costs=costs)


def test_compares_groups(careers):
    distances = careers.distances("ham")
    square = distances.square()
    rng = np.random.default_rng(3)
    group = rng.integers(0, 3, 200)
    n = [int((group == g).sum()) for g in range(3)]
    total = square.sum() / 2 / 200
    within = sum(square[np.ix_(group == g, group == g)].sum() / 2 / n[g] for g in range(3))
    found = distances.compare(group, permutations=99)
    assert found["r2"] == pytest.approx(1 - within / total)
    assert found["f"] == pytest.approx((total - within) / 2 / (within / 197))
    assert found["total"] == pytest.approx(distances.discrepancy) == pytest.approx(total / 200)
    assert found["f_pvalue"] > 0.01
    assert distances.compare(careers.codes[:, 0], permutations=99)["f_pvalue"] == 0.01
    table = distances.explain({"group": group, "start": careers.codes[:, 0]}, permutations=99)
    one = distances.explain({"group": group}, permutations=0)
    assert list(table["factor"]) == ["group", "start", "all"]
    assert one["r2"][0] == pytest.approx(found["r2"])
    with pytest.raises(InputError, match="one value a sequence"):
        distances.compare([1, 2])
    with pytest.raises(InputError, match="missing"):
        distances.compare([None] * 200)
    with pytest.raises(InputError, match="at least two groups"):
        distances.compare([1] * 200)


def test_says_how_sure_types_are():
    codes = np.repeat([[0] * 8, [1] * 8, [2] * 8], 30, axis=0)
    codes[np.arange(90), np.arange(90) % 8] = 0
    careers = Sequences({f"t{at}": codes[:, at] for at in range(8)})
    distances = careers.distances("ham")
    sure = distances.stability(distances.pam(3), draws=20)
    np.testing.assert_allclose(sure["jaccard"], 1)
    np.testing.assert_allclose(sure["membership"].sum(axis=1), 1)
    np.testing.assert_array_equal(sure["membership"].argmax(axis=1) + 1, distances.pam(3).types)
    assert distances.stability(distances.pam(6), draws=20)["jaccard"].min() < 0.75


def test_pickles(careers):
    assert pickle.loads(pickle.dumps(careers)) == careers
    distances = careers.distances("ham")
    again = pickle.loads(pickle.dumps(distances))
    assert isinstance(again, Distances)
    np.testing.assert_array_equal(again.condensed(), distances.condensed())
    tree = pickle.loads(pickle.dumps(distances.tree()))
    assert isinstance(tree, Tree)
    typology = pickle.loads(pickle.dumps(tree.cut(3)))
    assert isinstance(typology, Typology)
    assert typology.k == 3
    for kind in (Distances, Tree, Typology):
        with pytest.raises(TypeError):
            kind()


@pytest.mark.parametrize(
    "kind",
    ["index", "frequency", "chronogram", "modal", "mean_time", "entropy", "transitions"],
)
def test_draws(careers, kind, tmp_path):
    axes = careers.plot(kind)
    assert "n = 200" in axes.get_title(loc="left")
    typology = careers.distances("ham").pam(3)
    figure = typology.plot(kind)
    figure.savefig(tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 5000
    assert "type 1" in figure.axes[0].get_title(loc="left")


def test_draws_nothing_it_does_not_know(careers):
    with pytest.raises(InputError, match="`kind`"):
        careers.plot("pie")
    with pytest.raises(InputError, match="`by`"):
        careers.plot("index", by=[1, 2])
    with pytest.raises(InputError, match="`sort`"):
        careers.plot("index", sort="up")
