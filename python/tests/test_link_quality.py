"""How good a linkage is: measures beside peers' numbers and slow twins, samples, checks."""

from __future__ import annotations

import json
import pickle
import warnings
from pathlib import Path

import numpy as np
import pytest

import kruispunt as kp
from kruispunt.exceptions import InputError

pd = pytest.importorskip("pandas")
c = kp.linkage
ORACLE = Path(__file__).parents[2] / "crates/kruispunt/tests/oracles/link_quality/expected.json"


def column(table, name):
    return np.asarray(table[name])


def oracle():
    return json.loads(ORACLE.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def keyed():
    """Two tables whose links, by a key, are partly wrong; clusters span both."""
    stored = oracle()["clusters"]
    left = {"key": stored["left_key"], "person": stored["left_person"], "half": stored["half"]}
    right = {"key": stored["right_key"], "person": stored["right_person"]}
    return c.key_link(left, right, "key"), stored


def values(table):
    return dict(zip(column(table, "measure"), column(table, "value"), strict=True))


def test_clusters_are_measured_as_scikit_learn_and_er_evaluation_measure_them(keyed) -> None:
    links, stored = keyed
    ours = values(c.cluster_measures(links, "person"))
    for name, peer in stored["measures"].items():
        assert ours[name] == pytest.approx(peer, abs=1e-12), name


def test_pairs_clusters_and_b3_by_a_slow_twin_and_by_group(keyed) -> None:
    links, _ = keyed
    found = links.clusters()
    cluster = np.asarray(found["cluster"])
    person = np.concatenate([np.asarray(links._left["person"]), np.asarray(links._right["person"])])
    n = len(links._left["person"])
    half = np.asarray(links._left["half"])
    table = c.cluster_measures(links, "person", by="half")
    for group in np.unique(half):
        rows = np.flatnonzero(half == group)
        sums = np.zeros(6)
        for row in rows:
            own, his = cluster == cluster[row], person == person[row]
            both = (own & his).sum()
            sums += [both - 1, own.sum() - 1, his.sum() - 1, both / own.sum(), both / his.sum(), 1]
        here = column(table, "group") == str(group)
        got = dict(zip(column(table, "measure")[here], column(table, "value")[here], strict=True))
        assert got["pair_precision"] == pytest.approx(sums[0] / sums[1])
        assert got["pair_recall"] == pytest.approx(sums[0] / sums[2])
        assert got["b3_precision"] == pytest.approx(sums[3] / sums[5])
        assert got["b3_recall"] == pytest.approx(sums[4] / sums[5])
    assert set(np.unique(column(table, "group"))) == {str(own) for own in np.unique(half)}
    assert n == len(half)


def test_intervals_of_clusters_are_those_of_a_bootstrap_of_what_hangs_together(keyed) -> None:
    links, _ = keyed
    table = c.cluster_measures(links, "person")
    cluster = np.asarray(links.clusters()["cluster"])
    person = np.concatenate([np.asarray(links._left["person"]), np.asarray(links._right["person"])])
    n = len(cluster)
    unit = np.arange(n)
    while True:
        low = unit.copy()
        for codes in (cluster, person):
            least = {}
            for code, own in zip(codes, low, strict=True):
                least[code] = min(own, least.get(code, own))
            low = np.array([least[code] for code in codes])
        if (low == unit).all():
            break
        unit = low
    both = {}
    for pair in zip(cluster, person, strict=True):
        both[pair] = both.get(pair, 0) + 1
    b = np.array([both[pair] for pair in zip(cluster, person, strict=True)], dtype=float)
    sizes = dict(zip(*np.unique(cluster, return_counts=True), strict=True))
    size = np.array([sizes[own] for own in cluster], dtype=float)
    terms = np.column_stack([b - 1, size - 1, b / size, np.ones(n)])
    ids, place = np.unique(unit, return_inverse=True)
    sums = np.zeros((len(ids), 4))
    np.add.at(sums, place, terms)
    rng = np.random.default_rng(1)
    drawn = sums[rng.integers(0, len(ids), (4000, len(ids)))].sum(axis=1)
    names = column(table, "measure")
    for name, ratio in (("pair_precision", drawn[:, 0] / drawn[:, 1]),
                        ("b3_precision", drawn[:, 2] / drawn[:, 3])):  # fmt: skip
        at = list(names).index(name)
        width = column(table, "high")[at] - column(table, "low")[at]
        assert width == pytest.approx(2 * 1.96 * ratio.std(), rel=0.12), name
        assert column(table, "units")[at] == len(ids)
        assert column(table, "low")[at] < column(table, "value")[at] < column(table, "high")[at]


def test_evaluate_gives_b3_an_interval(keyed) -> None:
    links, _ = keyed
    found, table = c.evaluate(links, "person"), c.cluster_measures(links, "person")
    at = list(column(table, "measure")).index("b3_f1")
    for name, other in (("b3_f1", "value"), ("b3_f1_low", "low"), ("b3_f1_high", "high")):
        assert column(found, name)[0] == column(table, other)[at]


# a linkage by a model ------------------------------------------------------------------------


def people(n, seed):
    """Two lists of the same persons with slips; half of them of a group with more."""
    rng = np.random.default_rng(seed)
    letters = np.array(list("abcdefghijklmnoprstu"))
    words = np.array(["".join(rng.choice(letters, 6)) for _ in range(900)])
    origin = np.where(rng.random(n) < 0.4, "other", "here")
    left = {
        "first": words[rng.zipf(1.5, n) % 120],
        "last": words[150 + rng.integers(0, 700, n)],
        "birth": (np.datetime64("1950-01-01") + rng.integers(0, 12000, n)).astype(str),
        "sex": rng.choice(["f", "m"], n),
        "origin": origin,
        "age": rng.integers(20, 70, n).astype(float),
    }
    right = {name: own.copy() for name, own in left.items()}
    slips = np.where(origin == "other", 0.3, 0.08)
    for name in ("first", "last", "birth"):
        wrong = rng.random(n) < slips
        right[name][wrong] = left[name][rng.integers(0, n, wrong.sum())]
    keep, order = rng.random(n) < 0.85, rng.permutation(n)
    left = {name: own[keep] for name, own in left.items()}
    left["person"] = np.arange(n)[keep]
    right = {name: own[order] for name, own in right.items()} | {"person": order}
    return left, right


@pytest.fixture(scope="module")
def linked():
    left, right = people(2500, 5)
    linker = c.Linker(
        [c.name("first", tf=True), c.name("last"), c.date("birth"), c.exact("sex")],
        [["first", "last"], ["last", "birth"], ["first", "birth"]],
    )
    linker.train(left, right, progress=False)
    return linker, linker.link(left, right, progress=False)


@pytest.fixture(scope="module")
def compared(linked):
    """All pairs; most are unlikely, which a warning says."""
    linker, links = linked
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", kp.exceptions.DesignWarning)
        return linker.link(
            links._left, links._right, assignment="none", threshold=1e-4, progress=False
        )


def hits(links):
    pairs = links.pairs
    return (np.asarray(links._left["person"])[column(pairs, "left_row")]
            == np.asarray(links._right["person"])[column(pairs, "right_row")])  # fmt: skip


def test_thresholds_count_as_a_slow_twin_does(linked) -> None:
    _, links = linked
    sure, right = column(links.pairs, "probability"), hits(links)
    table = c.thresholds(links, "person", by="origin", points=100_000)
    origin = np.asarray(links._left["origin"])[column(links.pairs, "left_row")]
    people_there = np.asarray(links._right["person"])
    for group in ("here", "other"):
        here = column(table, "group") == group
        matches = sum(own in people_there for own in
                      np.asarray(links._left["person"])[np.asarray(links._left["origin"]) == group])  # fmt: skip
        others = (np.asarray(links._left["origin"]) == group).sum() * len(people_there) - matches
        for at in np.flatnonzero(here)[::7]:
            kept = (sure >= column(table, "threshold")[at]) & (origin == group)
            correct = (right & kept).sum()
            assert column(table, "links")[at] == kept.sum()
            assert column(table, "correct")[at] == correct
            assert column(table, "precision")[at] == pytest.approx(correct / kept.sum())
            assert column(table, "recall")[at] == pytest.approx(correct / matches)
            assert column(table, "f1")[at] == pytest.approx(2 * correct / (kept.sum() + matches))
            wrong = (kept.sum() - correct) / others
            assert column(table, "false_positive_rate")[at] == pytest.approx(wrong)
            assert column(table, "expected_precision")[at] == pytest.approx(sure[kept].mean())
    last = c.thresholds(links, "person")
    assert column(last, "recall")[-1] == column(c.evaluate(links, "person"), "recall")[0]


def test_a_long_curve_is_thinned_and_keeps_its_ends(compared) -> None:
    whole = c.thresholds(compared, points=100_000)
    few = c.thresholds(compared, points=40)
    assert len(column(few, "links")) <= 45 < len(column(whole, "links"))
    for name in ("links", "threshold", "expected_precision"):
        assert column(few, name)[[0, -1]].tolist() == column(whole, name)[[0, -1]].tolist()
    assert "correct" not in few


@pytest.mark.filterwarnings("ignore::kruispunt.exceptions.DesignWarning")  # unlikely pairs, too
def test_ranking_is_that_of_all_pairs_of_rows() -> None:
    left, right = people(120, 11)
    linker = c.Linker(
        [c.name("first"), c.name("last"), c.date("birth")],
        [["first"], ["last"], ["birth"]], dependence="none",
    )  # fmt: skip
    linker.train(left, right, progress=False)
    links = linker.link(left, right, assignment="none", threshold=1e-4, progress=False)
    pairs = links.pairs
    score = np.zeros((len(left["person"]), len(right["person"])))
    score[column(pairs, "left_row"), column(pairs, "right_row")] = column(pairs, "probability")
    truth = left["person"][:, None] == right["person"][None, :]
    found = c.ranking(links, "person")
    # Average precision and area by their definitions, ties together.
    order = np.argsort(-score.ravel(), kind="stable")
    s, y = score.ravel()[order], truth.ravel()[order]
    ends = np.append(np.flatnonzero(np.diff(s)), len(s) - 1)
    tp, fp = np.cumsum(y)[ends], np.cumsum(~y)[ends]
    recall = np.append(0, tp / y.sum())
    average = (np.diff(recall) * tp / (tp + fp)).sum()
    area = np.trapezoid(recall, np.append(0, fp / (~y).sum()))
    assert column(found, "average_precision")[0] == pytest.approx(average, abs=1e-12)
    assert column(found, "auc")[0] == pytest.approx(area, abs=1e-12)
    f1 = column(c.thresholds(links, "person", points=100_000), "f1")
    assert column(found, "best_f1")[0] == f1.max()


def test_classes_of_probability_hold_every_pair_once(compared) -> None:
    table, right = c.calibration(compared, "person"), hits(compared)
    sure = column(compared.pairs, "probability")
    assert column(table, "pairs").sum() == len(compared)
    assert column(table, "correct").sum() == right.sum()
    for at in range(len(column(table, "low"))):
        low, high = column(table, "low")[at], column(table, "high")[at]
        here = (sure >= low) & ((sure < high) | (high == 1))
        assert column(table, "pairs")[at] == here.sum()
        assert column(table, "mean_probability")[at] == pytest.approx(sure[here].mean())
        assert column(table, "share")[at] == pytest.approx(right[here].mean())


def test_the_histogram_holds_every_weight_once(compared) -> None:
    table, weight = (
        c.weight_histogram(compared, "person", bins=25),
        column(compared.pairs, "weight"),
    )
    low, high = column(table, "low"), column(table, "high")
    assert len(low) <= 27
    np.testing.assert_allclose(low[1:], high[:-1])
    for at in range(len(low)):
        here = (weight >= low[at]) & (weight < high[at])
        assert column(table, "pairs")[at] == here.sum()
        assert column(table, "matches")[at] == hits(compared)[here].sum()
    sums = column(compared.pairs, "probability").sum()
    assert column(table, "expected_matches").sum() == pytest.approx(sums)


def test_patterns_and_evidence_say_what_pairs_say(linked) -> None:
    linker, links = linked
    table, pairs = c.patterns(links), links.pairs
    names = [name for name in pairs if name.startswith("level_")]
    assert column(table, "links").sum() == len(links)
    key = list(zip(*(column(pairs, name) for name in names), strict=True))
    seen = set()
    for at in range(len(column(table, "links"))):
        own = tuple(column(table, name)[at] for name in names)
        here = np.array([one == own for one in key])
        assert column(table, "links")[at] == here.sum()
        assert column(table, "weight")[at] == pytest.approx(column(pairs, "weight")[here].mean())
        assert column(table, "example")[at] == np.flatnonzero(here)[0]
        seen.add(own)
    assert seen == set(key)
    assert (np.diff(column(table, "weight")) <= 1e-9).all()
    told, learned = c.evidence(links), linker.parameters()
    for name in ("m", "u", "weight"):
        np.testing.assert_array_equal(column(told, name), column(learned, name))
    first = (column(told, "comparison") == "sex") & (
        column(told, "level") == column(told, "level")[-2]
    )
    assert column(told, "links")[first].sum() == sum(
        own[-1] == column(told, "level")[-2] for own in key
    )


def test_weak_clusters_are_described(linked) -> None:
    links = c.key_link({"k": ["a", "a", "b"], "p": [1, 2, 3]}, {"k": ["a", "b"], "p": [1, 3]}, "k")
    table = c.cluster_table(links, "p")
    assert column(table, "rows").tolist() == [3, 2]
    assert column(table, "links").tolist() == [2, 1]
    assert column(table, "density").tolist() == [1.0, 1.0]
    assert column(table, "bridges").tolist() == [2, 1]
    assert column(table, "persons").tolist() == [2, 1]
    _, ours = linked
    weak = c.cluster_table(ours)
    assert (column(weak, "rows") == 2).all()
    np.testing.assert_allclose(
        np.sort(column(weak, "weakest")), np.sort(column(ours.pairs, "probability"))
    )


# who is lost ---------------------------------------------------------------------------------


def test_balance_is_that_of_tableone_and_of_a_slow_twin(linked) -> None:
    _, links = linked
    table = c.balance(links, ["origin", "age"])
    left = pd.DataFrame({name: links._left[name] for name in ("origin", "age")})
    found = np.zeros(len(left), dtype=bool)
    found[column(links.pairs, "left_row")] = True
    age = column(table, "column") == "age"
    one, two = left["age"][found], left["age"][~found]
    spread = np.sqrt((one.var() + two.var()) / 2)
    assert column(table, "standardised")[age][0] == pytest.approx(
        (one.mean() - two.mean()) / spread
    )
    assert column(table, "selection")[age][0] == pytest.approx(one.mean() - left["age"].mean())
    share = column(table, "level") == "other"
    a, b = (left["origin"][found] == "other").mean(), (left["origin"][~found] == "other").mean()
    spread = np.sqrt((a * (1 - a) + b * (1 - b)) / 2)
    assert column(table, "standardised")[share][0] == pytest.approx((a - b) / spread)
    rate = found[(left["origin"] == "other").to_numpy()].mean()
    assert column(table, "link_rate")[share][0] == pytest.approx(rate)
    # The group with more slips is found less, and the table says so.
    assert column(table, "standardised")[share][0] < -0.1
    stored = oracle()["balance"]
    links = c.key_link(stored["left"], stored["right"], "key")
    ours = c.balance(links, ["wage", "sector"])
    for name, level, smd in stored["smd"]:
        here = (column(ours, "column") == name) & (column(ours, "level") == level)
        assert abs(column(ours, "standardised")[here][0]) == pytest.approx(abs(smd), abs=1e-9)


def test_balance_counts_what_is_missing_and_folds_what_is_many() -> None:
    left = {"k": ["a", "b", "c", "d"], "age": [30.0, None, 50.0, None],
            "day": ["2012-01-01", "2012-01-02", None, "2012-01-04"]}  # fmt: skip
    left["day"] = np.array(left["day"], dtype="datetime64[D]")
    left["age"] = np.array([30.0, np.nan, 50.0, np.nan])
    frame = pd.DataFrame(left)
    links = c.key_link(frame, {"k": ["a", "b"]}, "k")
    table = c.balance(links, ["age", "day"]).set_index(["column", "level"])
    assert table.loc[("age", "missing"), "linked"] == 0.5
    assert table.loc[("day", "missing"), "unlinked"] == 0.5
    many = {"k": [str(at) for at in range(100)], "name": [f"n{at % 40}" for at in range(100)]}
    folded = c.balance(c.key_link(many, {"k": ["0", "1"]}, "k"), "name")
    assert len(column(folded, "level")) == 31
    assert column(folded, "level")[-1] == "other"
    assert column(folded, "all").sum() == pytest.approx(1)
    with pytest.raises(InputError, match='there is no column "wages"'):
        c.balance(links, "wages")
    with pytest.raises(InputError, match="the table has 100 rows"):
        c.balance(links, "name", left=many)


# links that cannot be right ------------------------------------------------------------------


def test_implausible_links_are_counted_by_group_and_named() -> None:
    left = {
        "k": list("abcdef"), "sex": ["f", "f", "m", "m", " F", None], "born": ["1980-01-01"] * 6,
        "start": ["2012-01-01"] * 5 + ["2016-01-01"], "g": ["x", "x", "x", "y", "y", "y"],
    }  # fmt: skip
    right = {
        "k": list("abcdef"), "sex": ["f", "m", "m", "m", "f", "m"],
        "born": ["1980-01-01", "1979-01-01", "1980-01-02", "1940-01-01", None, "1980-01-01"],
        "death": [None, "2011-01-01", None, "2013-01-01", None, "2015-12-31"],
    }  # fmt: skip
    links = c.key_link(left, right, "k")
    checks = [
        c.Check.same("sex"), c.Check.before("start", "death"), c.Check.near("born", 366),
        c.Check.after("start", "born"), c.Check.crowded(1),
        c.Check.flagged("mine", [True, False, None, None, None, None]),
    ]  # fmt: skip
    table = c.implausible(links, checks)
    assert column(table, "links").tolist() == [5, 3, 5, 5, 6, 2]
    assert column(table, "implausible").tolist() == [1, 2, 1, 0, 0, 1]
    assert column(table, "check").tolist()[:2] == ["same sex", "start before death"]
    by = c.implausible(links, checks[0], by="g")
    assert column(by, "links").tolist() == [3, 2]
    assert column(by, "implausible").tolist() == [1, 0]
    # Half of random pairs of these rows differ in sex, but for what is missing.
    mine, theirs = np.array(["f", "f", "m", "m", "f"]), np.array(right["sex"])
    chance = (mine[:, None] != theirs[None, :]).mean()
    assert column(table, "by_chance")[0] == pytest.approx(chance, abs=0.01)
    assert np.isnan(column(table, "by_chance")[4])
    ratio = column(table, "share")[0] / column(table, "by_chance")[0]
    assert column(table, "wrong_if_random")[0] == pytest.approx(ratio)
    assert c.implausible_links(links, checks[1])["link"].tolist() == [1, 5]
    unknown = {"k": list("abcdef"), "born": ["1980-00-00", *right["born"][1:]], "sex": right["sex"]}
    some = c.implausible(links, checks[2], right=unknown)
    assert column(some, "links")[0] == 4  # an unknown day cannot be told
    with pytest.raises(InputError, match='"sex" at row 0 is not a date'):
        c.implausible(links, c.Check.near("sex", 1))
    with pytest.raises(InputError, match="`flagged` is 1; there are 6"):
        c.implausible(links, c.Check.flagged("short", [True]))
    with pytest.raises(InputError, match='there is no column "death"'):
        c.implausible(links, c.Check.same("death"))
    with pytest.raises(InputError, match="is no Check"):
        c.implausible(links, ["sex"])


def test_wrong_links_at_random_are_counted_by_what_they_break() -> None:
    """With a fifth of the links wrong at random, an eighth of twelve months apart finds a fifth."""
    rng = np.random.default_rng(2)
    n = 6000
    country = rng.integers(0, 6, n).astype(str)
    key = np.arange(n)
    wrong = rng.random(n) < 0.2
    key[wrong] = rng.permutation(key[wrong])
    left = {"k": np.arange(n).astype(str), "country": country}
    right = {"k": key.astype(str), "country": country}
    links = c.key_link(left, right, "k")
    table = c.implausible(links, c.Check.same("country"))
    really = (key[np.argsort(key)] != np.argsort(key)).mean()
    assert column(table, "share")[0] < really
    assert column(table, "wrong_if_random")[0] == pytest.approx(really, abs=0.02)


# wrong input ---------------------------------------------------------------------------------


def test_what_is_no_linkage_is_refused_by_name(keyed) -> None:
    links, _ = keyed
    for verb in (c.cluster_measures, c.ranking, c.calibration):
        with pytest.raises(InputError, match="`links`: give what"):
            verb({"left_row": [0]}, "person")
        with pytest.raises(InputError, match="truth"):
            verb(links, None)
    for verb in (c.patterns, c.evidence, c.weight_histogram):
        with pytest.raises(InputError, match="decided by a key"):
            verb(links)
    with pytest.raises(InputError, match="points"):
        c.thresholds(links, points=1)
    with pytest.raises(InputError, match="by"):
        c.cluster_measures(links, "person", by=[1, 2])
    with pytest.raises(InputError, match="grouping"):
        c.cluster_measures(links, "person", grouping="loose")
    back = pickle.loads(pickle.dumps(links))
    with pytest.raises(InputError, match="no longer know"):
        c.balance(back)
    with pytest.raises(InputError, match="no longer know"):
        c.implausible(back, c.Check.same("person"))


def test_no_links_at_all_give_an_answer() -> None:
    links = c.key_link({"k": ["a"], "p": [1]}, {"k": ["b"], "p": [1]}, "k")
    assert len(links) == 0
    assert values(c.cluster_measures(links, "p"))["pair_recall"] == 0
    assert len(column(c.thresholds(links, "p"), "links")) == 0
    assert column(c.implausible(links, c.Check.same("p")), "links").tolist() == [0]
    assert column(c.balance(links, "p"), "n_unlinked").tolist() == [1]
    assert len(column(c.cluster_table(links), "rows")) == 0


def test_a_stored_model_of_another_version_is_refused_by_its_number(linked) -> None:
    linker, _ = linked
    stored = json.loads(linker.to_json())
    now = stored["version"]
    for other in (now + 1, now - 1, 99):
        stored["version"] = other
        with pytest.raises(
            InputError, match=f"has version {other}; this version of kruispunt reads {now}"
        ):
            c.Linker.from_json(json.dumps(stored))


# a model of Splink ----------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::kruispunt.exceptions.DesignWarning")  # all pairs, not links
def test_a_model_as_splink_saves_it_gives_its_weights() -> None:
    """`save_model_to_json` with five measures and two kinds of rules; every third of its pairs."""
    folder = ORACLE.parents[1]
    stored = json.loads((folder / "splink_model/expected.json").read_text(encoding="utf-8"))
    table = pd.read_csv(folder / "splink/fake_1000.csv", dtype=str)
    for name in ("first_name", "surname", "city", "email"):
        table[name] = table[name].str.lower()
    linker = c.Linker.from_splink(folder / "splink_model/model.json")
    pairs = linker.dedupe(table, threshold=0.0, progress=False).pairs
    ours = {
        (left, right): weight
        for left, right, weight in zip(
            pairs["left_row"], pairs["right_row"], pairs["weight"], strict=True
        )
    }
    assert len(ours) == stored["n_pairs"]
    gaps = [abs(ours[left, right] - weight) for left, right, weight in stored["pairs"]]
    assert len(gaps) > 700
    assert max(gaps) < 1e-6
