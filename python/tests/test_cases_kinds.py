"""Several kinds of case in one list, quotas that are met whenever they can be, large panels."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import kruispunt as kp
from kruispunt.exceptions import InputError


@pytest.fixture(scope="module")
def town():
    """60,000 persons over 48 quarters, six kinds of career."""
    rng = np.random.default_rng(11)
    n, length = 60_000, 48
    kinds = rng.integers(0, 6, n)
    first, last = np.array([0, 0, 1, 1, 2, 0])[kinds], np.array([0, 1, 1, 2, 2, 2])[kinds]
    change = rng.integers(6, 42, n)
    grid = np.where(np.arange(length)[None, :] < change[:, None], first[:, None], last[:, None])
    noise = rng.random(grid.shape) < 0.04
    grid = np.where(noise, rng.integers(0, 3, grid.shape), grid)
    people = {
        "pid": np.arange(n) + 10_000,
        "origin": rng.choice(
            ["BE", "EU", "MA", "TR", "XX"], n, p=[0.6, 0.15, 0.14, 0.1095, 0.0005]
        ),
        "sex": rng.choice(["F", "M"], n),
        "cohort": rng.choice(["2005", "2008", "2011"], n),
        "dutch": rng.choice(["1.1", "1.2", "2.1", "none"], n),
        "region": rng.choice(["ANT", "GNT", "LIM", "rest"], n),
    }
    columns = {f"q{at:02}": grid[:, at] for at in range(length)}
    sequences = kp.trajectory.Sequences(columns | {"pid": people["pid"]}, id="pid")
    types = sequences.clara(6, "ham", samples=3, size=200, seed=1)[6]
    return types, people


QUOTA = {
    "origin": {"MA": 6, "TR": 6, "EU": 4},
    "sex": {"F": 12, "M": 10},
    "cohort": {"2005": 6, "2008": 6, "2011": 6},
    "dutch": {"none": 4, "2.1": 4},
    "region": {"ANT": 5, "GNT": 5, "LIM": 5},
}


def test_q1_of_sixty_thousand_two_typical_and_two_deviant_cases_of_each_type(town):
    types, people = town
    options = {
        "data": people, "quota": QUOTA, "reserves": 1, "printed": ["cohort"], "k": 5, "seed": 3,
    }  # fmt: skip
    kinds = {"typical": 12, "deviant": 12}
    chosen = kp.cases.select(types, kinds, **options)
    rows = kp.Table(chosen).to_dict()
    at = rows["pid"] - 10_000
    case = rows["role"] == "case"
    assert case.sum() == (~case).sum() == 24
    assert len(set(rows["pid"].tolist())) == 48
    for kind in kinds:
        own = case & (rows["kind"] == kind)
        assert np.bincount(types.types[at[own]], minlength=7)[1:].tolist() == [2] * 6
    for column, levels in QUOTA.items():
        for level, wanted in levels.items():
            assert (people[column][at[case]] == level).sum() >= wanted, (column, level)
    # a reserve is of the kind and the type of its case
    for number in range(1, 25):
        one, other = np.flatnonzero(rows["case"] == number)
        assert types.types[at[one]] == types.types[at[other]]
        assert rows["kind"][one] == rows["kind"][other]
    # what is printed is shared by five or more
    shown = kp.Table(chosen.printed(kp.Table)).to_dict()
    listed = [name for name in shown if name in people or name == "type"]
    assert {"type", "origin", "sex", "cohort", "dutch", "region"} == set(listed)
    everybody = {name: people[name] for name in listed if name != "type"}
    everybody["type"] = np.array([f"type {own}" for own in types.types])
    for row in range(48):
        same = np.ones(60_000, dtype=bool)
        for name in listed:
            if shown[name][row] is not None:
                same &= everybody[name] == shown[name][row]
        assert same.sum() == shown["class_size"][row] >= 5
    assert "pid" not in shown
    assert "score" not in shown
    again = kp.cases.select(types, kinds, **options)
    assert again.ids == chosen.ids
    assert kp.Table(again).to_dict()["score"].tolist() == rows["score"].tolist()
    step = chosen.account.steps[-1]
    assert step.adds_up
    assert chosen.kind == "typical and deviant"
    assert "simplified silhouette" in chosen.definition


@pytest.fixture(scope="module")
def small():
    rng = np.random.default_rng(5)
    n = 14
    return {
        "pid": np.arange(n), "x": rng.normal(size=n).round(2), "sex": rng.choice(["F", "M"], n),
        "origin": rng.choice(["BE", "MA", "TR"], n), "age": rng.choice(["old", "young"], n),
    }  # fmt: skip


def score(x):
    return np.abs(x - x.mean()) / x.std(ddof=1)


@pytest.mark.parametrize("seed", range(12))
def test_of_all_choices_within_quotas_the_best_is_taken(small, seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(3, 6))
    quota = {
        "sex": {level: int(rng.integers(0, n // 2 + 2)) for level in ("F", "M")},
        "origin": {level: int(rng.integers(0, 3)) for level in ("MA", "TR")},
        "age": {"old": int(rng.integers(0, n + 1))},
    }
    values = score(small["x"])
    best = None
    for own in itertools.combinations(range(14), n):
        rows = list(own)
        met = all(
            (small[column][rows] == level).sum() >= wanted
            for column, levels in quota.items()
            for level, wanted in levels.items()
        )
        if met and (best is None or values[rows].sum() > best):
            best = values[rows].sum()
    options = {"person": "pid", "on": "x", "quota": quota, "k": 1}
    if best is None:
        with pytest.raises(InputError, match="`quota`"):
            kp.cases.select(small, "extreme", n, **options)
        return
    chosen = kp.cases.select(small, "extreme", n, **options)
    assert values[chosen.ids].sum() == pytest.approx(best)
    assert "no better choice" in " ".join(chosen.account.steps[-1].notes)


def test_quotas_that_exchanges_would_not_find():
    # only one choice of three meets all: each of the best must go at once
    people = {
        "pid": np.arange(9), "x": [90.0, 80, 70, 3, 2, 1, 0, 0, 0], "a": list("uuuvwzuuu"),
        "b": list("rrrsstrrr"), "c": list("mmmnonmmm"),
    }  # fmt: skip
    quota = {"a": {"v": 1, "w": 1, "z": 1}, "b": {"s": 2, "t": 1}, "c": {"n": 2, "o": 1}}
    chosen = kp.cases.select(people, "extreme", 3, person="pid", on="x", quota=quota, k=1)
    assert sorted(chosen.ids) == [3, 4, 5]
    with pytest.raises(InputError, match='2 of "t" in "b" are wanted, 1 candidates'):
        kp.cases.select(
            people, "extreme", 3, person="pid", on="x", quota=quota | {"b": {"t": 2}}, k=1
        )
    with pytest.raises(InputError, match="0 can be had beside the other quotas"):
        kp.cases.select(
            people, "extreme", 3, person="pid", on="x", k=1,
            quota={"a": {"v": 1, "w": 1, "u": 1}, "b": {"t": 1}},
        )  # fmt: skip


def test_nobody_is_chosen_as_two_kinds(small):
    wages = {"pid": np.arange(60), "x": np.random.default_rng(1).normal(size=60)}
    wages["y"] = wages["x"] + np.random.default_rng(2).normal(size=60)
    fit = kp.feols("y ~ x", wages)
    options = {"data": wages, "person": "pid", "k": 1}
    both = kp.cases.select(fit, {"deviant": 5, "influential": 5, "random": 5}, **options)
    assert len(set(both.ids)) == 15
    rows = kp.Table(both).to_dict()
    assert rows["kind"].tolist() == ["deviant"] * 5 + ["influential"] * 5 + ["random"] * 5
    alone = kp.cases.select(fit, "deviant", 5, **options)
    assert both.ids[:5] == alone.ids
    assert "deviant and influential and random" in repr(both)
    with pytest.raises(InputError, match="not the sum"):
        kp.cases.select(fit, {"deviant": 5, "typical": 5}, 11, **options)
    with pytest.raises(InputError, match="one kind or more"):
        kp.cases.select(fit, {}, **options)
    with pytest.raises(InputError, match="1 case or more"):
        kp.cases.select(fit, {"deviant": 5, "typical": 0}, **options)
    with pytest.raises(InputError, match="a kind that chooses pairs"):
        kp.cases.select(
            small, {"extreme": 2, "most-similar": 2}, person="pid", on=["x"], contrast="sex", k=1
        )
    with pytest.raises(InputError, match="31 cases"):
        kp.cases.select(fit, {"deviant": 30, "typical": 31}, **options)


def gower(table, names):
    """Mean over columns of unlike words and of the share of the range of numbers."""
    parts = []
    for name in names:
        own = np.asarray(table[name])
        if own.dtype.kind in "iuf":
            parts.append(np.abs(own[:, None] - own[None, :]) / np.ptp(own))
        else:
            parts.append((own[:, None] != own[None, :]).astype(float))
    return np.mean(parts, axis=0)


@pytest.mark.parametrize("kind", ["most-similar", "most-different"])
@pytest.mark.parametrize("seed", range(8))
def test_of_all_choices_of_pairs_within_quotas_the_best_is_taken(small, kind, seed):
    rng = np.random.default_rng(100 + seed)
    quota = {
        "origin": {"MA": int(rng.integers(0, 4)), "TR": int(rng.integers(0, 3))},
        "age": {"old": int(rng.integers(0, 4))},
    }
    far = gower(small, ["x", "origin"])
    score = -far if kind == "most-similar" else far
    n = len(small["pid"])
    possible = [
        (one, other)
        for one in range(n)
        for other in range(one + 1, n)
        if (small["sex"][one] != small["sex"][other]) == (kind == "most-similar")
    ]
    best = None
    for two in itertools.combinations(possible, 2):
        rows = [row for pair in two for row in pair]
        met = len(set(rows)) == 4 and all(
            (small[column][rows] == level).sum() >= wanted
            for column, levels in quota.items()
            for level, wanted in levels.items()
        )
        value = sum(score[pair] for pair in two)
        if met and (best is None or value > best):
            best = value
    options = {"person": "pid", "on": ["x", "origin"], "contrast": "sex", "quota": quota, "k": 1}
    if best is None:
        with pytest.raises(InputError, match="`quota`"):
            kp.cases.select(small, kind, 4, **options)
        return
    chosen = kp.cases.select(small, kind, 4, **options)
    rows = kp.Table(chosen).to_dict()
    assert rows["pair"].tolist() == [1, 1, 2, 2]
    assert rows["case"].tolist() == [1, 2, 3, 4]
    ids = rows["pid"].reshape(2, 2)
    assert len(set(chosen.ids)) == 4
    assert sum(score[tuple(pair)] for pair in ids) == pytest.approx(best)
    each = [score[tuple(pair)] for pair in ids]
    assert rows["score"][::2].tolist() == pytest.approx(each)
    assert "no better choice" in " ".join(chosen.account.steps[-1].notes)


def test_pairs_across_types_meet_quotas_and_have_reserves(town):
    types, people = town
    some = {name: own[:1_500] for name, own in people.items()}
    few = kp.trajectory.Sequences(
        {f"q{at:02}": types.sequences.codes[:1_500, at] for at in range(48)} | {"pid": some["pid"]},
        id="pid",
    )
    own = few.distances("ham").pam(4)
    quota = {"origin": {"MA": 5, "TR": 3}, "sex": {"F": 6, "M": 5}, "region": {"LIM": 4}}
    on = ["origin", "cohort", "dutch"]
    options = {"data": some, "on": on, "quota": quota, "reserves": 2, "k": 1}
    chosen = kp.cases.select(own, "most-similar", 12, **options)
    rows = kp.Table(chosen).to_dict()
    at = rows["pid"] - 10_000
    case = rows["role"] == "case"
    assert (case.sum(), (~case).sum(), len(set(rows["pid"].tolist()))) == (12, 24, 36)
    for column, levels in quota.items():
        for level, wanted in levels.items():
            assert (some[column][at[case]] == level).sum() >= wanted, (column, level)
    for pair in range(1, 7):
        theirs = at[case & (rows["pair"] == pair)]
        assert own.types[theirs[0]] != own.types[theirs[1]]
        helps = sorted((some["sex"][row], some["origin"][row]) for row in theirs)
        for start in (0, 2):
            stand_in = at[~case & (rows["pair"] == pair)][start : start + 2]
            assert own.types[stand_in[0]] != own.types[stand_in[1]]
            found = [(some["sex"][row], some["origin"][row]) for row in stand_in]
            # MA and TR and both sexes are what the quotas ask for
            wanted = [origin for _, origin in helps if origin in {"MA", "TR"}]
            assert sorted(origin for _, origin in found if origin in {"MA", "TR"}) == wanted
    assert kp.cases.select(own, "most-similar", 12, **options).ids == chosen.ids
    with pytest.raises(InputError, match='9 of "XX" in "origin" are wanted'):
        kp.cases.select(own, "most-similar", 12, data=some, on=on, quota={"origin": {"XX": 9}}, k=1)
