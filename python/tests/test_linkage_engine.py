"""What linkage compares, finds, learns and decides, beside twins, truths and hostile input."""

from __future__ import annotations

import itertools
import json
import time
import warnings

import numpy as np
import pytest

import kruispunt as kp

c = kp.linkage
pytestmark = pytest.mark.filterwarnings("ignore::kruispunt.exceptions.DesignWarning")

FIRST = ["ana", "bilal", "chloe", "daan", "emine", "fatma", "gert", "hind", "ivo", "jef", "karim"]
LAST = ["maes", "peeters", "yildiz", "nowak", "diallo", "amrani", "claes", "janssens", "wouters",
        "boutahar", "kowalski", "ivanov", "silva", "mertens", "goossens", "aydin"]  # fmt: skip


def registers(n=600, seed=0, typo=0.1):
    """Two lists of the same persons with errors on the right."""
    rng = np.random.default_rng(seed)
    left = {
        "first": rng.choice(FIRST, n).astype(object),
        "last": np.array([rng.choice(LAST) + rng.choice(["", "sen", "a", "ov"]) for _ in range(n)],
                         dtype=object),
        "birth": (np.datetime64("1950-01-01") + rng.integers(0, 18000, n)).astype(str).astype(object),
        "town": rng.integers(1000, 1060, n).astype(str).astype(object),
        "origin": rng.choice(["BE", "MA"], n).astype(object),
    }  # fmt: skip
    right = {name: values.copy() for name, values in left.items()}
    for name in ("first", "last", "birth"):
        wrong = np.flatnonzero(rng.random(n) < typo)
        for row in wrong:
            text = right[name][row]
            at = rng.integers(len(text))
            right[name][row] = text[:at] + ("x" if name != "birth" else "7") + text[at + 1 :]
    moved = rng.random(n) < 0.2
    right["town"][moved] = rng.integers(1000, 1060, moved.sum()).astype(str)
    for frame in (left, right):
        frame["person"] = np.arange(n)
    order = rng.permutation(n)
    return left, {name: values[order] for name, values in right.items()}


RULES = [["first", "last"], ["last", "birth"], ["first", "birth"]]


def compared(**having):
    one = [c.name("first"), c.name("last"), c.date("birth"), c.exact("town")]
    return [own.having(**having) for own in one] if having else one


def found(links, truth="person"):
    return {name: float(np.asarray(c.evaluate(links, truth)[name])[0])
            for name in ("precision", "recall", "f1")}  # fmt: skip


def level_of(comparison, a, b):
    """The level of one pair of records, by the scorer of named pairs."""
    names = sorted(set(a) | set(b))

    def other(value, k):
        return [f"other{k}"] if isinstance(value, list) else f"other{k}"

    cells = [{name: [record.get(name)] * 2 + [other(record.get(name), k)] for name in names}
             for k, record in enumerate((a, b))]  # fmt: skip
    linker = c.Linker([comparison, c.exact("key")], [["key"]])
    tables = [{**frame, "key": [1, 2, 3]} for frame in cells]
    numeric = {"lat", "lon", "wage", "e0", "e1", "zip"}
    for frame in tables:
        for name in numeric & set(frame):
            frame[name] = np.array([frame[name][0], frame[name][1], 0.0], dtype=float)
    stored = json.loads(linker.to_json())
    n = n_levels(comparison)
    even = [1.0 / n] * n
    stored["linker"]["model"] = {
        "lambda": 0.1, "completeness": 1.0, "notes": [],
        "learned": [{"m": even, "u": even}, {"m": [0.5, 0.5], "u": [0.5, 0.5]}],
    }  # fmt: skip
    scored = c.Linker.from_json(json.dumps(stored)).score(*tables, [(0, 0)])
    value = np.asarray(scored[f"level_{comparison.column}"])[0]
    return None if value is None or value != value else value


def n_levels(comparison):
    """How many levels a comparison has: the m that a stored model must have."""
    linker = c.Linker([comparison], [[comparison.column]])
    for n in range(2, 40):
        stored = json.loads(linker.to_json())
        even = [1.0 / n] * n
        stored["linker"]["model"] = {"lambda": 0.1, "completeness": 1.0, "notes": [],
                                     "learned": [{"m": even, "u": even}]}  # fmt: skip
        try:
            c.Linker.from_json(json.dumps(stored))
        except kp.exceptions.InputError:
            continue
        return n
    raise AssertionError


@pytest.mark.parametrize(
    ("comparison", "a", "b", "level"),
    [
        (c.person("n"), "Yıldız", "YILDIZ", "equal"),
        (c.person("n"), "Boutahar", "Boetahar", "same name, other spelling"),
        (c.person("n"), "Иванова", "Ivanov", "same name, other spelling"),
        (c.person("n"), "El Amrani", "Amrani", "same name, other spelling"),
        (c.person("n"), "Jef", "Jozef", "same name, other spelling"),
        (c.person("n", nicknames=False), "Jef", "Jozef", "else"),
        (c.person("n", nicknames=[["Bea", "Beatrijs"]]), "Bea", "Beatrijs",
         "same name, other spelling"),
        (c.person("n"), "Janssens", "Jansseks", "Jaro-Winkler >= 0.92"),
        (c.person("n"), "Janssens", "Nowak", "else"),
        (c.insz("n"), "85.07.30-033.28", "85073003328", "equal"),
        (c.insz("n"), "85073003328", "85073003329", "one slip, one check fails"),
        (c.insz("n"), "85073003328", "58073003328", "one slip, one check fails"),
        # Both pass: two persons, not a slip.
        (c.insz("n"), "85073003328", "85073103425", "else"),
        (c.overlap("n", 2, 1), "a;b;c", "c; b", "n shares 2"),
        (c.overlap("n", 2, 1, separator=","), "a,b", "b", "n shares 1"),
        (c.overlap("n", 2, 1), "a", "b", "else"),
        (c.cosine("n", 0.95), "[1, 0, 1]", "2 0 2", "cosine >= 0.95"),
        (c.cosine("n", 0.95), "[1, 0, 1]", "[0, 1, 0]", "else"),
        (c.cosine("n", 0.95), "[1, 0]", "[1, 0, 0]", "else"),
    ],
)  # fmt: skip
def test_levels_of_one_column(comparison, a, b, level):
    assert level_of(comparison, {"n": a}, {"n": b}) == level
    assert level_of(comparison, {"n": b}, {"n": a}) == level


def test_levels_over_several_columns():
    names = c.full_name("first", "last")
    jan = {"first": "Jan", "last": "Maes"}
    for other, level in (
        ({"first": "JAN", "last": "maes"}, "equal"),
        ({"first": "Maes", "last": "Jan"}, "first and last swapped"),
        ({"first": "Jan", "last": "Maess"}, "both sound the same"),
        ({"first": "Jan", "last": "Mas"}, "both sound the same"),
        ({"first": "Jan", "last": "Maets"}, "first equal and last jaro_winkler >= 0.9"),
        ({"first": "Piet", "last": "Maes"}, "last equal"),
        ({"first": "Jan", "last": None}, "first equal"),
        ({"first": "Piet", "last": None}, "else"),
        ({"first": None, "last": None}, None),
    ):
        assert level_of(names, jan, other) == level, other
    place = c.distance("lat", "lon", 1, 60)
    brussels, antwerp = {"lat": 50.8503, "lon": 4.3517}, {"lat": 51.2194, "lon": 4.4025}
    assert level_of(place, brussels, brussels) == "equal"
    assert level_of(place, brussels, antwerp) == "distance <= 60 km"
    assert level_of(c.distance("lat", "lon", 1, 40), brussels, antwerp) == "else"
    wage = c.percent("wage", 0.05)
    assert level_of(wage, {"wage": 1000}, {"wage": 960}) == "wage difference <= 5%"
    assert level_of(wage, {"wage": 1000}, {"wage": 940}) == "else"
    e = c.cosine(["e0", "e1"], 0.9)
    assert level_of(e, {"e0": 1, "e1": 1}, {"e0": 2, "e1": 2.1}) == "cosine >= 0.9"
    own = c.levels(
        "address", c.when("street").missing("both"), c.when("street").missing("one"),
        ~c.when("street").same() & (c.when("town").same() | c.when("zip").within(1)),
    )  # fmt: skip
    street = {"street": "Kerkstraat", "town": "Gent", "zip": 9000}
    assert level_of(own, street, street | {"street": None}) == "street missing on one side"
    assert (
        level_of(
            own, {"street": None, "zip": 1, "town": None}, {"street": None, "zip": 9, "town": None}
        )
        == "street missing on both sides"
    )
    assert level_of(own, street, street | {"street": "Dorp"}).startswith("not (street equal) and (")
    assert level_of(own, street, street) == "else"


def test_missing_on_one_side_and_on_both_are_learned():
    left, right = registers(800)
    rng = np.random.default_rng(3)
    # The number is missing in both lists or in neither, but for other persons.
    gone = rng.random(800) < 0.4
    number = rng.integers(10**6, 10**7, 800).astype(str).astype(object)
    left["number"] = np.where(gone, None, number)
    right["number"] = left["number"][right["person"]]
    told = c.Linker([*compared(), c.exact("number").having(missing_levels=True)], RULES)
    told.train(left, right, progress=False)
    learned = told.parameters()
    rows = np.flatnonzero(np.asarray(learned["comparison"]) == "number")
    m, u = np.asarray(learned["m"])[rows], np.asarray(learned["u"])[rows]
    assert list(np.asarray(learned["level"])[rows]) == [
        "equal", "else", "missing on one side", "missing on both sides"]  # fmt: skip
    share = gone.mean()
    assert abs(m[3] - share) < 0.05
    assert m[2] < 0.02
    assert abs(u[3] - share**2) < 0.02
    assert abs(u[2] - 2 * share * (1 - share)) < 0.02
    assert abs(u.sum() - 1) < 1e-9


def test_fixed_priors_and_order():
    left, right = registers()
    fixed = [c.name("first"), c.name("last"), c.date("birth"),
             c.exact("town").having(m={0: 0.7}, u={0: 0.02})]  # fmt: skip
    learned = c.Linker(fixed, RULES).train(left, right, progress=False).parameters()
    rows = np.asarray(learned["comparison"]) == "town"
    np.testing.assert_allclose(np.asarray(learned["m"])[rows], [0.7, 0.3], atol=1e-12)
    np.testing.assert_allclose(np.asarray(learned["u"])[rows], [0.02, 0.98], atol=1e-12)
    # A heavy prior is what is learned; a light one is not.
    prior = [3e6, 1e6]
    heavy = [*compared()[:3], c.exact("town").having(prior=prior)]
    learned = c.Linker(heavy, RULES).train(left, right, progress=False).parameters()
    np.testing.assert_allclose(np.asarray(learned["m"])[rows], [0.75, 0.25], atol=1e-3)
    ordered = c.Linker(compared(monotone=True), RULES).train(left, right, progress=False)
    learned = ordered.parameters()
    weight, name = np.asarray(learned["weight"]), np.asarray(learned["comparison"])
    for column in ("first", "last", "birth"):
        # u is estimated again after the last m: the order is kept up to what that changes.
        assert np.all(np.diff(weight[name == column]) < 0.02), column


def test_labels_teach_m():
    left, right = registers(1000)
    place = {person: row for row, person in enumerate(right["person"])}
    rows = np.arange(0, 1000, 2)
    pairs = {"left_row": rows, "right_row": np.array([place[row] for row in rows])}
    learned = c.Linker(compared(), RULES).train(left, right, labels=pairs, progress=False)
    table = learned.parameters()
    moved = left["town"][rows] != right["town"][pairs["right_row"]]
    town = np.asarray(table["comparison"]) == "town"
    expected = (0.1 + (~moved).sum()) / (0.2 + len(rows))
    assert abs(np.asarray(table["m"])[town][0] - expected) < 1e-9
    assert found(learned.link(left, right, progress=False))["f1"] > 0.95


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ({"left_row": [0, 0], "right_row": [1, 1], "match": [True, False]}, "labels 1 and 0"),
        ({"left_row": [0, 2, 2, 0], "right_row": [1, 1, 3, 3], "match": [1, 1, 1, 0]},
         "one person and two persons at once"),
        ({"left_row": [0], "right_row": [1], "match": [False]}, "no pair of one person"),
        ({"left_row": [0], "right_row": [10**6]}, "`labels` is 1000000"),
        ({"left_row": [-1], "right_row": [0]}, "row numbers"),
        ({"left_row": [0], "right_row": [1], "match": [7]}, "true or false"),
    ],
)  # fmt: skip
def test_labels_that_cannot_be(labels, words):
    left, right = registers(50)
    with pytest.raises(kp.exceptions.InputError, match=words):
        c.Linker(compared(), RULES).train(left, right, labels=labels, progress=False)


def test_groups_have_their_own_m():
    left, right = registers(3000, typo=0.05)
    rng = np.random.default_rng(9)
    group = left["origin"][right["person"]]
    # Surnames of one group are often spelled otherwise.
    for row in np.flatnonzero((group == "MA") & (rng.random(3000) < 0.4)):
        right["last"][row] = "q" + right["last"][row][1:]
    linker = c.Linker(compared(), RULES, by="origin").train(left, right, progress=False)
    learned = linker.parameters()
    at = (np.asarray(learned["comparison"]) == "last") & (np.asarray(learned["level"]) == "equal")
    m = dict(zip(np.asarray(learned["group"])[at], np.asarray(learned["m"])[at], strict=True))
    assert m["BE"] > 0.9
    assert m["MA"] < 0.7
    assert m["MA"] < m[None] < m["BE"]
    links = linker.link(left, right, progress=False)
    scores = found(links)
    assert scores["f1"] > 0.9
    # The waterfall of a link ends at its weight, by its group's own m and u.
    for row in (0, len(links) // 2, len(links) - 1):
        steps = links.waterfall(row)
        weight = np.asarray(links.pairs["weight"])[row]
        assert np.asarray(steps["running"])[-1] == pytest.approx(weight, abs=1e-9)
    again = c.Linker.from_json(linker.to_json())
    assert again.native.by == "origin"
    np.testing.assert_array_equal(
        again.link(left, right, progress=False).pairs["weight"], links.pairs["weight"]
    )
    shares = linker.match_shares()
    assert list(np.asarray(shares["group"])) == [None, "BE", "MA"]
    with pytest.raises(kp.exceptions.InputError, match='"nowhere"'):
        c.Linker(compared(), RULES, by="nowhere").train(left, right)


def test_the_share_of_matches_and_its_error():
    """Over samples, the estimate lies around the truth about as far as it says."""
    apart = []
    for seed in range(12):
        left, right = registers(700, seed=seed, typo=0.15)
        some = np.arange(700) % 10 < 7
        left = {name: values[some] for name, values in left.items()}
        linker = c.Linker(compared(), RULES).train(left, right, progress=False)
        truth = some.sum() / (some.sum() * 700)
        assert linker.match_share_error > 0
        apart.append((linker.match_share / truth - 1) / linker.match_share_error)
    assert np.sqrt(np.mean(np.square(apart))) < 4


def neighbours_twin(values, window):
    """Pairs at most so many places apart, by sorting all rows."""
    order = sorted(range(len(values)), key=lambda row: (values[row], row))
    return {
        (min(order[i], order[j]), max(order[i], order[j]))
        for i in range(len(order)) for j in range(i + 1, min(i + window + 1, len(order)))
    }  # fmt: skip


def all_pairs(linker, *tables):
    """Every pair that the rules find, whatever it weighs."""
    stored = json.loads(linker.to_json())
    stored["linker"]["model"] = {
        "lambda": 0.5, "completeness": 1.0, "notes": [],
        "learned": [{"m": [1 / n] * n, "u": [1 / n] * n}
                    for n in map(n_levels, linker.comparisons)],
    }  # fmt: skip
    linker = c.Linker.from_json(json.dumps(stored))
    links = (linker.dedupe(tables[0], threshold=0.0, progress=False) if len(tables) == 1
             else linker.link(*tables, assignment="none", threshold=0.0, progress=False))  # fmt: skip
    pairs = links.pairs
    return set(zip(np.asarray(pairs["left_row"]).tolist(),
                   np.asarray(pairs["right_row"]).tolist(), strict=True))  # fmt: skip


def test_sorted_neighbourhood_equals_its_twin():
    rng = np.random.default_rng(5)
    values = ["".join(rng.choice(list("abc"), 3)) for _ in range(60)]
    table = {"n": values, "sex": rng.choice(["f", "m"], 60).tolist()}
    for window in (1, 4, 100):
        linker = c.Linker([c.exact("n")], [c.neighbours("n", window)])
        twin = neighbours_twin(values, window)
        assert all_pairs(linker, table) == twin
        assert np.asarray(linker.forecast(table)["pairs"]).tolist() == [len(twin)]
    # Within a key, of both tables in one order.
    linker = c.Linker([c.exact("n")], [c.neighbours("n", 3, within=["sex"])])
    left = {name: column[:30] for name, column in table.items()}
    right = {name: column[30:] for name, column in table.items()}
    twin = set()
    for sex in "fm":
        rows = [row for row in range(60) if table["sex"][row] == sex]
        order = sorted(rows, key=lambda row: (values[row], row))
        for i, j in itertools.combinations(range(len(order)), 2):
            a, b = sorted((order[i], order[j]))
            if j - i <= 3 and a < 30 <= b:
                twin.add((a, b - 30))
    assert all_pairs(linker, left, right) == twin
    assert np.asarray(linker.forecast(left, right)["pairs"]).tolist() == [len(twin)]


def test_similar_letters_meet_as_often_as_they_should():
    rng = np.random.default_rng(6)
    letters = list("abcdefghijklmnopqrstuvwxyz")
    base = ["".join(rng.choice(letters, 12)) for _ in range(400)]

    def other(word):
        at = rng.integers(1, 11)
        return word[:at] + "0" + word[at + 1 :]

    left, right = {"n": base}, {"n": [other(word) for word in base]}
    linker = c.Linker([c.exact("n")], [c.similar("n", bands=8, rows=3)])
    pairs = all_pairs(linker, left, right)
    hits = sum((row, row) in pairs for row in range(400)) / 400
    # 13 pairs of letters with the ends; 11 are shared of 15 in all.
    jaccard = 11 / 15
    assert abs(hits - (1 - (1 - jaccard**3) ** 8)) < 0.05
    assert len(pairs) < 0.02 * 400 * 400
    counted = linker.forecast(left, right)
    assert np.asarray(counted["pairs"]).tolist() == [len(pairs)]


def test_blocking_by_sound_and_giant_blocks():
    left = {"n": ["Boutahar", "Nowak", None], "x": ["1", "1", "1"]}
    right = {"n": ["Boetahar", "Novak", None], "x": ["1", "1", "1"]}
    linker = c.Linker([c.person("n")], [[("n", "sound")]])
    assert all_pairs(linker, left, right) == {(0, 0)}
    assert linker.blocking == [[("n", "sound")]]
    giant = c.Linker([c.person("n"), c.exact("y")], [["x"], [("n", "sound")]], max_block=8)
    for frame in (left, right):
        frame["y"] = ["1", "2", "3"]
    with pytest.raises(kp.exceptions.InputError, match=r"rule \[x\] has a block of 9 pairs"):
        giant.train(left, right)
    with pytest.raises(kp.exceptions.InputError, match="`window`"):
        c.Linker([c.person("n")], [c.neighbours("n", 0)]).forecast(left, right)
    with pytest.raises(kp.exceptions.InputError, match="`bands`"):
        c.Linker([c.person("n")], [c.similar("n", bands=65)]).forecast(left, right)
    with pytest.raises(kp.exceptions.InputError, match="whole number"):
        c.neighbours("n", "five")
    for wrong in ([("n", "taste")], [("n", 0)], [("n",)]):
        with pytest.raises(kp.exceptions.InputError, match="a rule is a list"):
            c.Linker([c.person("n")], [wrong])


def test_rules_are_learned_and_say_what_they_add():
    left, right = registers(1500)
    linker = c.Linker(compared(), RULES).train(left, right, progress=False)
    links = linker.link(left, right, progress=False)
    worth = links.rules
    assert np.asarray(worth["rule"]).tolist() == ["first + last", "last + birth", "first + birth"]
    forecast = linker.forecast(left, right)
    np.testing.assert_array_equal(worth["new_pairs"], forecast["new"])
    assert np.all(np.asarray(worth["alone"]) <= 1500)
    place = {person: row for row, person in enumerate(right["person"])}
    truth = np.array([[row, place[row]] for row in range(1500)])
    cover = linker.learn_blocking(left, right, matches=truth, recall=0.97)
    share = np.asarray(cover.table["found"])
    assert share[-1] >= 0.97
    assert np.all(np.diff(share) > 0)
    # What is told is so: the rules find these matches, in these pairs.
    other = linker.with_blocking(cover.rules)
    pairs = all_pairs(other, left, right)
    assert sum((row, place[row]) in pairs for row in range(1500)) / 1500 == pytest.approx(share[-1])
    counted = np.asarray(other.forecast(left, right)["pairs"])
    np.testing.assert_array_equal(counted, cover.table["pairs"])
    assert counted.sum() < 0.1 * 1500 * 1500
    sure = linker.learn_blocking(left, right, recall=0.9, max_pairs=100_000)
    assert len(sure.rules) >= 1
    assert "<table" in sure._repr_html_()
    for bad, words in (({"recall": 2.0}, "`recall`"), ({"matches": np.zeros((0, 2), int)}, "no match"),
                       ({"matches": [[0, 10**7]]}, "`matches` is 10000000"),
                       ({"matches": [1, 2]}, "shape")):  # fmt: skip
        with pytest.raises(kp.exceptions.InputError, match=words):
            linker.learn_blocking(left, right, **bad)


def test_several_tables_between_and_within():
    left, right = registers(500)
    third = {name: values[::-1].copy() for name, values in left.items()}
    everything = c.stack({"a": left, "b": right, "c": third})
    assert len(everything) == 1500
    linker = c.Linker(compared(), RULES, between="source").train(everything, progress=False)
    links = linker.dedupe(everything, progress=False)
    source = np.asarray(everything.to_dict()["source"])
    pairs = links.pairs.to_dict()
    assert np.all(source[pairs["left_row"]] != source[pairs["right_row"]])
    assert found(links)["f1"] > 0.9
    sizes = np.unique(np.asarray(links.clusters().to_dict()["cluster"]), return_counts=True)[1]
    assert (sizes == 3).sum() > 400
    # With no rule on sources, rows of one table are looked at too.
    both = c.Linker(compared(), RULES)
    total = np.asarray(both.forecast(everything)["pairs"]).sum()
    between = np.asarray(linker.forecast(everything)["pairs"]).sum()
    inner = sum(np.asarray(both.forecast(frame)["pairs"]).sum() for frame in (left, right, third))
    assert total == between + inner
    holes = c.stack({"a": left, "b": right}).to_dict()
    holes["source"][3] = None
    with pytest.raises(kp.exceptions.InputError, match="row 3"):
        linker.dedupe(holes)
    with pytest.raises(kp.exceptions.InputError, match="town"):
        c.stack({"a": left, "b": {"town": [1.5]}})


def test_new_rows_join_what_was_there_and_ids_stay():
    left, right = registers(600)
    everything = c.stack({"old": left, "new": right}).to_dict()
    old = {name: values[:600] for name, values in everything.items()}
    linker = c.Linker(compared(), RULES).train(everything, progress=False)
    before = np.asarray(linker.dedupe(old, progress=False).clusters()["cluster"]) + 5000
    links = linker.update(everything, 600, progress=False)
    pairs = links.pairs
    assert np.asarray(pairs["right_row"]).min() >= 600
    ids = links.clusters(previous=[*before.tolist(), *[None] * 600])
    after = np.asarray(ids["cluster"])
    same = [old == new for old, new in zip(before, after[:600], strict=True)]
    # An id ends only where a new row shows that two old rows are one.
    assert np.mean(same) > 0.97
    new = after[600:]
    assert np.mean(np.isin(new, before)) > 0.9
    assert new[~np.isin(new, before)].min() > before.max()
    # The links of new rows are those of linking everything, restricted to them.
    whole = linker.dedupe(everything, threshold=0.9, progress=False).pairs
    keep = np.asarray(whole["right_row"]) >= 600
    some = linker.update(everything, 600, threshold=0.9, progress=False).pairs
    for name in ("left_row", "right_row", "weight"):
        np.testing.assert_array_equal(np.asarray(whole[name])[keep], np.asarray(some[name]))
    for since, words in ((1200, "`since` is 1200"), (-1, "whole number")):
        with pytest.raises(kp.exceptions.InputError, match=words):
            linker.update(everything, since)
    for wrong, words in (([1, 2], "`previous` is 2"), ([0.5] * 1200, "whole number")):
        with pytest.raises(kp.exceptions.InputError, match=words):
            links.clusters(previous=wrong)
    with pytest.raises(kp.exceptions.InputError, match="of two tables"):
        linker.link(left, right, progress=False).clusters(previous=list(range(600)))


def test_single_pairs_weigh_what_they_weigh_in_tables():
    left, right = registers(400)
    columns = [c.person("first", tf=True), c.name("last", tf=True), c.date("birth"),
               c.levels("town", c.when("town").same(), c.when("town").alike("osa", 1))]  # fmt: skip
    linker = c.Linker(columns, RULES).train(left, right, progress=False)
    scorer = linker.scorer(left, right)
    names = ("first", "last", "birth", "town")
    rows = [(0, 0), (1, 7), (5, 5), (20, 20), (33, 1)]
    table = linker.score(left, right, rows)
    for at, (l_row, r_row) in enumerate(rows):
        one = scorer.score({n: left[n][l_row] for n in names}, {n: right[n][r_row] for n in names})
        assert one["weight"] == pytest.approx(np.asarray(table["weight"])[at], abs=1e-9)
    links = linker.link(left, right, assignment="none", threshold=0.5, progress=False)
    pairs = links.pairs
    picked = np.stack([pairs["left_row"], pairs["right_row"]], axis=1)
    again = linker.score(left, right, picked)
    np.testing.assert_array_equal(again["weight"], pairs["weight"])
    records = {n: left[n][0] for n in names}, {n: right[n][0] for n in names}
    start = time.perf_counter()
    for _ in range(300):
        scorer.score(*records)
    assert (time.perf_counter() - start) / 300 < 2e-3
    assert scorer.score({}, {})["levels"] == dict.fromkeys(("first", "last", "birth", "town"))
    assert "first" in repr(scorer)
    with pytest.raises(kp.exceptions.InputError, match="is 400"):
        linker.score(left, right, [(400, 0)])
    with pytest.raises(kp.exceptions.InputError, match="not trained"):
        c.Linker(columns, RULES).scorer(left, right)


def test_passes_take_what_only_one_row_can_be():
    left = {"n": ["Maes", "Maes", "Yıldız", "Nowak", None], "b": ["1", "2", "3", None, None]}
    right = {"n": ["YILDIZ", "Maes", "Maes", "Nowak", "Nowak"], "b": [None, "2", "9", "4", "5"]}
    links = c.rule_link(left, right, [["n", "b"], ["n"]], spelled=[c.name("n")])
    pairs = links.pairs
    # Maes-2 by both; then one Maes is left on each side; Nowak could be two rows.
    assert np.asarray(pairs["left_row"]).tolist() == [0, 1, 2]
    assert np.asarray(pairs["right_row"]).tolist() == [2, 1, 0]
    assert np.asarray(pairs["rule"]).tolist() == ["n", "n + b", "n"]
    step = links.account.steps[-1]
    assert sum(one.count.rows for one in step.excluded) == 2
    many = c.rule_link(left, right, [["n"]], spelled=[c.name("n")], assignment="many-to-one")
    assert np.asarray(many.pairs["left_row"]).tolist() == [2]
    none = c.rule_link(left, {"n": ["x"], "b": ["y"]}, [["n"]])
    assert len(none) == 0
    for args, words in (((left, right, []), "no rules"), ((left, right, [["z"]]), '"z"'),
                        (({"n": []}, right, [["n"]]), "`left`")):  # fmt: skip
        with pytest.raises(kp.exceptions.InputError, match=words):
            c.rule_link(*args)
    with pytest.raises(kp.exceptions.InputError, match="`assignment`"):
        c.rule_link(left, right, [["n"]], assignment="none")


def test_one_to_many_is_many_to_one_turned_round():
    left, right = registers(300)
    twice = {name: np.concatenate([values, values[:100]]) for name, values in right.items()}
    linker = c.Linker(compared(), RULES).train(
        left, twice, assignment="one-to-many", progress=False
    )
    links = linker.link(left, twice, assignment="one-to-many", progress=False).pairs
    rights = np.asarray(links["right_row"])
    assert len(set(rights.tolist())) == len(rights)
    assert len(set(np.asarray(links["left_row"]).tolist())) < len(rights)
    turned = c.Linker(compared(), RULES).train(
        twice, left, assignment="many-to-one", progress=False
    )
    back = turned.link(twice, left, assignment="many-to-one", progress=False).pairs
    one = set(zip(np.asarray(links["left_row"]).tolist(), rights.tolist(), strict=True))
    other = set(zip(np.asarray(back["right_row"]).tolist(),
                    np.asarray(back["left_row"]).tolist(), strict=True))  # fmt: skip
    assert len(one & other) / len(one | other) > 0.97
    drawn = linker.link(left, twice, assignment="one-to-many", progress=False).draws(3)
    for draw in range(3):
        own = np.asarray(drawn["right_row"])[np.asarray(drawn["draw"]) == draw]
        assert len(set(own.tolist())) == len(own)


def test_correlation_clustering_cuts_wrong_bridges():
    left, right = registers(500, typo=0.25)
    everything = c.stack({"a": left, "b": right}).to_dict()
    linker = c.Linker(compared(), [*RULES, ["last", "town"]]).train(everything, progress=False)
    links = linker.dedupe(everything, threshold=0.2, progress=False)
    truth = np.asarray(everything["person"])

    def precision(grouping):
        cluster = np.asarray(links.clusters(grouping)["cluster"])
        pairs = [
            (a, b) for a, b in itertools.combinations(range(1000), 2) if cluster[a] == cluster[b]
        ]
        return np.mean([truth[a] == truth[b] for a, b in pairs])

    assert precision("correlation") >= precision("connected")


def test_clusters_are_grouped_as_suits_the_links():
    left, right = registers(500, typo=0.25)
    everything = c.stack({"a": left, "b": right})
    linker = c.Linker(compared(), [*RULES, ["last", "town"]]).train(everything, progress=False)
    within = linker.dedupe(everything, threshold=0.2, progress=False)
    between = linker.link(left, right, assignment="none", threshold=0.2, progress=False)

    def cluster(links, *grouping):
        return np.asarray(links.clusters(*grouping)["cluster"])

    for links, suited, other in (
        (within, "correlation", "connected"), (between, "connected", "correlation")
    ):  # fmt: skip
        np.testing.assert_array_equal(cluster(links), cluster(links, suited))
        assert (cluster(links) != cluster(links, other)).any()


def test_report_says_what_is_missed_and_what_is_wrong():
    left, right = registers(800)
    linker = c.Linker(compared(), RULES).train(left, right, progress=False)
    report = linker.link(left, right, progress=False).report(by="origin")
    for one, other in (("expected_fdr", "expected_precision"), ("expected_fnr", "expected_recall")):
        np.testing.assert_allclose(np.asarray(report[one]) + np.asarray(report[other]), 1)


# bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("comparison", "words"),
    [
        (c.exact("town").having(m={0: 1.5}), "fixed probabilities"),
        (c.exact("town").having(m={0: 0.6, 1: 0.6}), "fixed probabilities"),
        (c.exact("town").having(u={9: 0.5}), "levels that it has"),
        (c.exact("town").having(prior=[1.0]), "a prior for every level"),
        (c.exact("town").having(prior=[1.0, 0.0]), "priors above 0"),
        (c.levels("x"), "from 1 to 100 conditions"),
        (c.levels("x", c.when("town").alike("jaro", 1.5)), "thresholds that can be met"),
        (c.levels("x", c.when("town").same()).having(missing_levels=True), "instead of the option"),
        (c.levels("x", c.when("nowhere").same()), '"nowhere"'),
        (c.levels("x", c.when("town").within(-1)), "thresholds that can be met"),
        (c.percent("first", 0.1), "numbers"),
        (c.distance("first", "last"), "numbers"),
        (c.cosine([], 0.9, name="x"), "columns for every vector"),
        (c.numeric("first"), "numbers"),
        (c.Comparison("odd", "town", "town"), 'there is no "odd"'),
        (c.Comparison("exact", "town", "town", settings="{"), "settings of a comparison"),
    ],
)
def test_comparisons_that_cannot_be(comparison, words):
    left, right = registers(60)
    with pytest.raises(kp.exceptions.InputError, match=words):
        c.Linker([c.name("first"), comparison], RULES).train(left, right, progress=False)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: c.exact("x").having(m={-1: 0.5}), "levels are whole numbers"),
        (lambda: c.exact("x").having(prior=["a"]), "finite numbers"),
        (lambda: c.exact("x").having(tf_levels=0), "`tf_levels`"),
        (lambda: c.when(3), "column name"),
        (lambda: c.when("x").alike("taste", 1), "there is no"),
        (lambda: c.when("x").missing("left"), "`sides`"),
        (lambda: c.when("x").overlaps(1, ";;"), "one character"),
        (lambda: c.levels("x", "town"), "is no condition"),
        (lambda: c.Linker([c.exact("x")], [["x"]], between=3), "`between`"),
        (lambda: c.Linker([c.exact("x")], [["x"]], max_block=0), "`max_block`"),
    ],
)
def test_arguments_that_cannot_be(make, words):
    with pytest.raises(kp.exceptions.InputError, match=words):
        make()


def test_tables_that_have_nothing_to_link_by():
    left, right = registers(60)
    linker = c.Linker(compared(), RULES)
    gone = left | dict.fromkeys(("first", "last", "birth", "town"), [None] * 60)
    nothing = {name: values[:0] for name, values in left.items()}
    error = kp.exceptions
    for tables, kind, words in (
        ((nothing, right), error.InputError, "`left`"),
        ((left, nothing), error.InputError, "`right`"),
        ((gone, right), error.LinkageError, "missing value in every rule"),
        (({"first": left["first"]}, right), error.InputError, '"last"'),
    ):
        with pytest.raises(kind, match=words):
            linker.train(*tables, progress=False)
    # A rule that finds everything is refused by its numbers.
    same = {name: np.full(2000, "x", dtype=object) for name in ("first", "last", "birth", "town")}
    with pytest.raises(error.InputError, match="more than the cap of 1000000"):
        c.Linker(compared(), RULES, max_pairs=1_000_000).train(same, same, progress=False)
    # Rules that find nothing say so.
    other = right | {"first": ["?!"] * 60, "last": [f"z{row}" for row in range(60)]}
    with pytest.raises(error.LinkageError, match="no rule finds a pair"):
        linker.train(left, other, progress=False)


def test_no_usable_id_and_ids_that_are_there_twice():
    """Rows are who they are by their place: ids are not needed, and not trusted."""
    left, right = registers(300)
    bare = [{name: frame[name] for name in ("first", "last", "birth", "town")}
            for frame in (left, right)]  # fmt: skip
    linker = c.Linker(compared(), RULES).train(*bare, progress=False)
    links = linker.link(*bare, progress=False)
    twice = left | {"id": ["7"] * 300}
    again = linker.link(twice, right | {"id": [None] * 300}, progress=False)
    np.testing.assert_array_equal(links.pairs["right_row"], again.pairs["right_row"])
    with pytest.raises(kp.exceptions.InputError, match="rows 0 and 1"):
        c.key_link(left, twice, "person", right_on="id")


def test_text_that_is_no_utf8_is_refused_by_name():
    pa = pytest.importorskip("pyarrow")
    data = b"maes\xff\xfenowak"
    offsets = np.array([0, 4, 6, 11], dtype=np.int32)
    bad = pa.Array.from_buffers(pa.string(), 3, [None, pa.py_buffer(offsets), pa.py_buffer(data)])
    good = pa.array(["maes", "x", "nowak"])
    table = pa.table({"n": bad, "k": good})
    linker = c.Linker([c.name("n"), c.exact("k")], [["k"], ["n"]])
    with pytest.raises(kp.exceptions.InputError, match="UTF-8"):
        linker.train(table, table, progress=False)


def test_stored_linkers_keep_everything_and_other_versions_are_named():
    left, right = registers(300)
    comparisons = [
        c.person("first", nicknames=[["Bea", "Beatrijs"]]).having(monotone=True),
        c.full_name("first", "last", name="names", tf=True),
        c.date("birth").having(prior=[1, 0.1, 0.1, 0.1, 0.1]),
        c.exact("town").having(missing_levels=True, m={0: 0.8}),
    ]
    rules = [["first", "birth"], [("last", "sound"), ("birth", 4)], c.neighbours("last", 3, within="birth"),
             c.similar("last", within=["town"]), ["last", "town"], ["birth", "town"]]  # fmt: skip
    linker = c.Linker(comparisons, rules, max_block=10**6, by="origin")
    linker.train(left, right, progress=False)
    again = c.Linker.from_json(linker.to_json())
    assert again.to_json() == linker.to_json()
    assert [one.kind for one in again.comparisons] == ["person", "levels", "date", "exact"]
    assert again.blocking[0] == ["first", "birth"]
    assert again.blocking[2].search == {"neighbours": {"column": "last", "window": 3}}
    one, other = (own.link(left, right, progress=False).pairs for own in (linker, again))
    np.testing.assert_array_equal(one["weight"], other["weight"])
    stored = json.loads(linker.to_json())
    stored["version"] = 99
    with pytest.raises(kp.exceptions.InputError, match="has version 99"):
        c.Linker.from_json(json.dumps(stored))
    stored["version"] = 1
    stored["linker"]["model"]["groups"][0][1]["learned"][0]["m"] = [0.5]
    with pytest.raises(kp.exceptions.InputError, match="does not fit"):
        c.Linker.from_json(json.dumps(stored))


def test_results_are_the_same_on_every_run():
    left, right = registers(500)

    def run():
        linker = c.Linker(
            [c.person("first"), c.full_name("first", "last", name="names"), c.date("birth"),
             c.exact("town")],
            [["last", "birth"], ["birth", "town"], c.similar("last", within="first"), c.neighbours("last", 4, within="town")],
            by="origin",
        )  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return linker.train(left, right, progress=False).link(left, right, progress=False).pairs

    one, other = run(), run()
    for name in ("left_row", "right_row", "weight"):
        np.testing.assert_array_equal(one[name], other[name])


@pytest.mark.parametrize(
    ("comparison", "a", "b", "level"),
    [
        (c.exact("n"), " Gent", "gent", "equal"),
        (c.exact("n"), "gent", "ghent", "else"),
        (c.jaro("n", 0.9, 0.7), "martha", "marhta", "Jaro >= 0.9"),
        (c.jaro("n", 0.95, 0.7), "martha", "marhta", "Jaro >= 0.7"),
        # 0.9444 by Jaro, 0.9611 with Winkler's three letters.
        (c.jaro_winkler("n", 0.96), "martha", "marhta", "Jaro-Winkler >= 0.96"),
        (c.jaro_winkler("n", 0.97), "martha", "marhta", "else"),
        (c.levenshtein("n", 1, 3), "kitten", "sitting", "Levenshtein <= 3"),
        (c.levenshtein("n", 1, 2), "ab", "ba", "Levenshtein <= 2"),
        (c.osa("n", 1, 2), "ab", "ba", "OSA <= 1"),
        # A swap and an insertion between: three edits where no part is edited twice, else two.
        (c.osa("n", 1, 2), "ca", "abc", "else"),
        (c.damerau("n", 1, 2), "ca", "abc", "Damerau <= 2"),
        # ni ig gh ht and na ac ch ht: one of four.
        (c.dice("n", 0.25), "night", "nacht", "Dice >= 0.25"),
        (c.dice("n", 0.26), "night", "nacht", "else"),
        (c.jaccard("n", 0.14), "night", "nacht", "Jaccard >= 0.14"),
        (c.jaccard("n", 0.15), "night", "nacht", "else"),
        (c.date("n"), "1985-07-30", "19850730", "same day"),
        (c.date("n"), "1985-07-03", "1985-03-07", "one slip"),
        (c.date("n"), "1985-07-30", "1985-07-31", "one slip"),
        (c.date("n"), "1985-07-12", "1985-07-30", "two parts agree"),
        (c.date("n"), "1985-01-01", "1985-07-30", "within a year"),
        (c.date("n"), "1985-01-01", "1999-07-30", "else"),
        # Unknown parts never agree.
        (c.date("n"), "1985-00-00", "1985-00-00", "within a year"),
        (c.date("n"), "1985-00-00", None, None),
        (c.identifier("n"), "85.07-1", "85071", "equal"),
        (c.identifier("n"), "85071", "85017", "OSA <= 1"),
        (c.numeric("wage", 1, 5), 100, 104, "difference <= 5"),
        (c.numeric("wage", 1, 5), 100, 106, "else"),
        (c.overlap("n", 2, 1), ["a", "b", "b"], ["b", "a"], "n shares 2"),
        # A comma or a semicolon inside an item is no separator there.
        (c.overlap("n", 2, 1), ["a;b"], ["a", "b"], "else"),
        (c.overlap("n", 2, 1), [], ["a"], "else"),
        (c.overlap("n", 2, 1), [], [], "else"),
        (c.overlap("n", 2, 1), None, ["a"], None),
        (c.overlap("n", 2, 1), [None], ["a"], "else"),
        (c.cosine("n", 0.95), [1.0, 0.0, 1.0], [2.0, 0.0, 2.0], "cosine >= 0.95"),
    ],
)  # fmt: skip
def test_levels_of_measures_dates_numbers_and_lists(comparison, a, b, level):
    assert level_of(comparison, {comparison.column: a}, {comparison.column: b}) == level
    assert level_of(comparison, {comparison.column: b}, {comparison.column: a}) == level


def test_an_invented_first_of_january_says_less_than_another_day():
    """Every fifth person has 1 January: agreement on it adds fewer bits."""
    left, right = registers(2000)
    invented = np.arange(2000) % 5 == 0
    left["birth"][invented] = [own[:4] + "-01-01" for own in left["birth"][invented]]
    right["birth"] = left["birth"][right["person"]].copy()
    linker = c.Linker(compared(), RULES).train(left, right, progress=False)
    links = linker.link(left, right, progress=False)
    added = {True: [], False: []}
    for at in range(0, len(links), 7):
        steps = links.waterfall(at)
        place = list(steps["step"]).index("birth")
        if steps["level"][place] != "same day":
            continue
        day = left["birth"][int(np.asarray(links.pairs["left_row"])[at])]
        bits = float(np.asarray(steps["tf_adjustment"])[place])
        added[day.endswith("-01-01")].append(bits)
    assert min(len(added[True]), len(added[False])) > 30
    assert max(added[True]) < min(added[False])


def lists_of(kind):
    """Give a column of lists as pyarrow, polars, pandas or Python hold it."""
    rows = [["011", "022"], [], None, ["033"], ["022", None]]
    keys = ["x"] * 5
    if kind == "python":
        return {"phones": rows, "key": keys}
    if kind == "numpy":
        array = np.empty(5, dtype=object)
        for at, own in enumerate(rows):
            array[at] = own
        return {"phones": array, "key": keys}
    if kind == "pandas":
        return pytest.importorskip("pandas").DataFrame({"phones": rows, "key": keys})
    if kind == "polars":
        return pytest.importorskip("polars").DataFrame({"phones": rows, "key": keys})
    pa = pytest.importorskip("pyarrow")
    types = {
        "pyarrow": pa.list_(pa.string()), "large": pa.large_list(pa.large_string()),
        "category": pa.list_(pa.dictionary(pa.int32(), pa.string())),
        "whole": pa.list_(pa.int64()),
    }  # fmt: skip
    if kind == "whole":
        rows = [None if row is None else [own and int(own) for own in row] for row in rows]
    if kind == "chunks":
        parts = [pa.array(rows[at : at + 2], pa.list_(pa.string())) for at in (0, 2, 4)]
        return pa.table({"phones": pa.chunked_array(parts), "key": keys})
    if kind == "sliced":
        own = pa.array([["no"], *rows, ["no", "no"]], pa.list_(pa.string())).slice(1, 5)
        return pa.table({"phones": own, "key": keys})
    return pa.table({"phones": pa.array(rows, types[kind]), "key": keys})


@pytest.mark.parametrize(
    "kind",
    ["python", "numpy", "pandas", "polars", "pyarrow", "large", "category", "whole", "chunks",
     "sliced"],
)  # fmt: skip
def test_lists_come_from_every_kind_of_table(kind):
    table = lists_of(kind)
    linker = c.Linker([c.overlap("phones", 2, 1), c.exact("key")], [["key"]])
    stored = json.loads(linker.to_json())
    stored["linker"]["model"] = {
        "lambda": 0.1, "completeness": 1.0, "notes": [],
        "learned": [{"m": [0.5, 0.3, 0.2], "u": [0.1, 0.2, 0.7]}, {"m": [0.5, 0.5], "u": [0.5, 0.5]}],
    }  # fmt: skip
    linker = c.Linker.from_json(json.dumps(stored))
    pairs = [(a, b) for a in range(5) for b in range(5)]
    scored = linker.score(table, table, pairs)
    levels = [
        None if own is None or own != own else str(own) for own in list(scored["level_phones"])
    ]
    levels = [None if own == "None" else own for own in levels]
    items = [{"011", "022"}, set(), None, {"033"}, {"022"}]
    if kind == "whole":
        items = [own and {int(one) for one in own} for own in items]
        items[1] = set()

    def twin(a, b):
        if items[a] is None or items[b] is None:
            return None
        shared = len(items[a] & items[b])
        return f"phones shares {min(shared, 2)}" if shared else "else"

    assert levels == [twin(a, b) for a, b in pairs]
    # Single records, and a page that shows the items.
    scorer = linker.scorer(table)
    both = {"phones": ["011", "022"], "key": "x"}
    assert scorer.score(both, both | {"phones": ["022"]})["levels"]["phones"] == 1
    assert scorer.score(both, both | {"phones": []})["levels"]["phones"] == 2
    assert scorer.score(both, {"key": "x"})["levels"]["phones"] is None


@pytest.mark.parametrize("kind", ["python", "pandas", "polars", "pyarrow", "whole"])
def test_lists_are_carried_along_to_the_linked_register(kind):
    table = lists_of(kind)
    persons = {"key": ["x"], "pid": [7], "codes": [["a", "b"]]}
    frame = c.key_link(table, persons, "key").attach(table, persons, ["pid", "codes"]).to_frame()

    def rows(name):
        own = frame[name].to_pylist() if kind in {"pyarrow", "whole"} else frame[name]
        return [None if one is None else list(one) for one in own]

    first = "11", "22", "33"
    items = first if kind == "whole" else tuple(f"0{item}" for item in first)
    assert rows("phones") == [[*items[:2]], [], None, [items[2]], [items[1]]]
    assert rows("codes") == [["a", "b"]] * 5


def test_lists_where_one_value_is_compared_are_refused():
    table = {"phones": [["a"], ["b"]], "key": ["x", "y"]}
    for comparison in (c.exact("phones"), c.name("phones"), c.levels("n", c.when("phones").same())):
        linker = c.Linker([comparison, c.exact("key")], [["key"]])
        with pytest.raises(kp.exceptions.InputError, match=r'"phones" at row 0 .* `overlap`'):
            linker.forecast(table)
    with pytest.raises(kp.exceptions.InputError, match="U\\+001D"):
        c.Linker([c.overlap("n")], [["key"]]).forecast({"n": [["a\x1db"]], "key": ["x"]})
    # Elsewhere a list is no value.
    with pytest.raises(kp.exceptions.InputError, match='"phones" holds list'):
        kp.Table(table)
