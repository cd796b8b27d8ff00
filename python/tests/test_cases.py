"""Choosing and pairing cases."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import kruispunt as kp
from kruispunt.exceptions import InputError


@pytest.fixture(scope="module")
def careers():
    rng = np.random.default_rng(3)
    n, length = 600, 16
    kinds = rng.integers(0, 6, n)
    first = np.array(list("aabbca"))[kinds]
    last = np.array(list("abbcca"))[kinds]
    change = np.where(kinds == 5, 8, np.where(kinds == 0, 16, 4 + 2 * (kinds % 3)))
    grid = np.where(np.arange(length)[None, :] < change[:, None], first[:, None], last[:, None])
    noise = rng.random(grid.shape) < 0.1
    grid = np.where(noise, rng.choice(list("abc"), grid.shape), grid)
    people = {
        "pid": np.arange(n) + 1000,
        "origin": rng.choice(["BE", "MA", "TR", "EU", "XX"], n, p=[0.4, 0.3, 0.2, 0.095, 0.005]),
        "sex": rng.choice(["F", "M"], n),
        "cohort": rng.choice([2005, 2006, 2007], n),
        "score": rng.normal(size=n),
    }
    table = {"pid": people["pid"]} | {f"t{at:02}": grid[:, at] for at in range(length)}
    sequences = kp.trajectory.Sequences(table, states=["a", "b", "c"], id="pid")
    types = sequences.distances("om", costs="trate").pam(6)
    return types, people


def test_q1_twenty_four_cases_with_quotas_and_reserves(careers):
    types, people = careers
    quota = {"origin": {"MA": 8, "TR": 4}, "sex": {"F": 12, "M": 10}}
    options = {
        "data": people, "quota": quota, "reserves": 1, "printed": ["cohort"], "k": 5, "seed": 7,
    }  # fmt: skip
    chosen = kp.cases.select(types, "typical", 24, **options)
    rows = kp.Table(chosen).to_dict()
    case = rows["role"] == "case"
    assert case.sum() == 24
    assert (~case).sum() == 24
    of = dict(zip(people["pid"].tolist(), range(600), strict=True))
    at = np.array([of[pid] for pid in rows["pid"].tolist()])
    assert len(set(at)) == 48
    origin, sex = people["origin"][at], people["sex"][at]
    assert (origin[case] == "MA").sum() >= 8
    assert (origin[case] == "TR").sum() >= 4
    assert (sex[case] == "F").sum() >= 12
    assert np.bincount(types.types[at][case])[1:].tolist() == [4] * 6
    # A reserve can take the place of its case without breaking a quota or a type.
    for number in range(1, 25):
        one, other = at[rows["case"] == number]
        assert types.types[one] == types.types[other]
    assert rows["class_size"].min() >= 5
    again = kp.cases.select(types, "typical", 24, **options)
    assert again.ids == chosen.ids
    assert kp.cases.select(types, "typical", 24, **(options | {"seed": 8})) is not None
    step = chosen.account.steps[-1]
    assert step.adds_up
    assert step.verb == "select"
    assert pickle.loads(pickle.dumps(chosen)).ids == chosen.ids


def test_q1_what_is_printed_is_shared_by_k_candidates(careers):
    types, people = careers
    listed = ["origin", "sex", "cohort"]
    chosen = kp.cases.select(types, "deviant", 60, data=people, printed=listed, k=5)
    shown = kp.Table(chosen.printed(kp.Table)).to_dict()
    assert "pid" not in shown
    assert "score" not in shown
    frame = {name: np.asarray(people[name]).astype(str) for name in listed}
    frame["type"] = np.array([f"type {at}" for at in types.types])
    for row in range(60):
        same = np.ones(600, dtype=bool)
        for name in [*listed, "type"]:
            value = shown[name][row]
            if isinstance(value, str):
                same &= frame[name] == value
        assert same.sum() == shown["class_size"][row]
        assert same.sum() >= 5
    assert "1000" not in repr(chosen)


def test_kinds_of_a_typology_are_what_they_are_defined_as(careers):
    types, people = careers
    square = types._distances.square()
    member = types.types - 1
    own = square[np.arange(600), types.medoids[member]]
    a = np.array(
        [
            square[i, member == member[i]].sum() / ((member == member[i]).sum() - 1)
            for i in range(600)
        ]
    )
    b = np.array(
        [
            min(square[i, member == other].mean() for other in range(6) if other != member[i])
            for i in range(600)
        ]
    )
    silhouette = (b - a) / np.maximum(a, b)
    at = {pid: row for row, pid in enumerate(people["pid"].tolist())}

    def scores(kind):
        rows = kp.Table(kp.cases.select(types, kind, 600, k=1)).to_dict()
        found = np.empty(600)
        found[[at[pid] for pid in rows["pid"].tolist()]] = rows["score"]
        return found

    np.testing.assert_allclose(scores("typical"), silhouette, atol=1e-12)
    np.testing.assert_allclose(scores("deviant"), own)
    np.testing.assert_allclose(scores("medoid"), -own)
    medoids = kp.cases.select(types, "medoid", 6)
    first = {types.sequences.text(at[pid]) for pid in medoids.ids}
    assert first == {types.sequences.text(int(row)) for row in types.medoids}
    diverse = [at[pid] for pid in kp.cases.select(types, "diverse", 6).ids]
    spread = square[np.ix_(diverse, diverse)]
    random = [at[pid] for pid in kp.cases.select(types, "random", 6, seed=2).ids]
    assert (
        spread[np.triu_indices(6, 1)].min()
        > square[np.ix_(random, random)][np.triu_indices(6, 1)].min()
    )


def test_pairs_of_kinds_that_compare(careers):
    types, people = careers
    similar = kp.Table(
        kp.cases.select(types, "most-similar", 10, data=people, on=["origin", "sex", "score"])
    ).to_dict()
    at = {pid: row for row, pid in enumerate(people["pid"].tolist())}
    for pair in range(1, 6):
        one, other = [at[pid] for pid in similar["pid"][similar["pair"] == pair].tolist()]
        assert types.types[one] != types.types[other]
        assert people["origin"][one] == people["origin"][other]
        assert people["sex"][one] == people["sex"][other]
    different = kp.Table(
        kp.cases.select(types, "most-different", 6, data=people, on=["origin", "sex", "score"])
    ).to_dict()
    one, other = [at[pid] for pid in different["pid"][:2].tolist()]
    assert types.types[one] == types.types[other]
    assert people["sex"][one] != people["sex"][other]


@pytest.fixture(scope="module")
def wages():
    rng = np.random.default_rng(5)
    n = 40
    x, z = rng.normal(size=n), rng.normal(size=n)
    return {"pid": np.arange(n), "x": x, "z": z, "wage": 100 + 5 * x + 2 * z + rng.normal(size=n)}


def test_kinds_of_a_model_are_what_they_are_defined_as(wages):
    full, less = kp.feols("wage ~ x + z", wages), kp.feols("wage ~ z", wages)
    n = len(wages["pid"])

    def scores(kind, **options):
        rows = kp.Table(
            kp.cases.select(full, kind, n, data=wages, person="pid", k=1, **options)
        ).to_dict()
        return rows["score"][np.argsort(rows["pid"])]

    np.testing.assert_allclose(scores("typical"), -np.abs(full.resid()))
    np.testing.assert_allclose(scores("deviant"), np.abs(full.resid()))
    x = wages["x"]
    np.testing.assert_allclose(scores("extreme", on="x"), np.abs(x - x.mean()) / x.std(ddof=1))
    gain = np.abs(less.resid()) - np.abs(full.resid())
    most = kp.cases.select(full, "pathway", 3, data=wages, person="pid", without=less, k=1)
    assert most.ids == np.argsort(-gain)[:3].tolist()
    # Leaving each person out and estimating anew.
    design = np.column_stack([np.ones(n), x, wages["z"]])
    s2 = (full.resid() ** 2).sum() / (n - 3)
    bread = np.linalg.inv(design.T @ design)
    change = np.empty((n, 3))
    for out in range(n):
        keep = np.arange(n) != out
        change[out] = (
            full.coef().to_numpy()
            - np.linalg.lstsq(design[keep], wages["wage"][keep], rcond=None)[0]
        )
    cook = np.einsum("ij,jk,ik->i", change, design.T @ design, change) / (3 * s2)
    np.testing.assert_allclose(scores("influential"), cook, rtol=1e-9)
    np.testing.assert_allclose(
        scores("influential", cause="x"),
        np.abs(change[:, 1]) / np.sqrt(s2 * bread[1, 1]),
        atol=1e-11,
    )


def test_influence_in_a_panel_is_leaving_the_person_out():
    rng = np.random.default_rng(6)
    person = np.repeat(np.arange(12), 5)
    x = rng.normal(size=60)
    panel = {"pid": person, "x": x, "y": x + rng.normal(size=12)[person] + rng.normal(size=60)}
    fit = kp.feols("y ~ x | pid", panel)
    rows = kp.Table(
        kp.cases.select(fit, "influential", 12, data=panel, person="pid", cause="x", k=1)
    ).to_dict()
    found = rows["score"][np.argsort(rows["pid"])]
    s2 = (fit.resid() ** 2).sum() / fit.df if fit.df > 0 else np.nan
    within = x - np.array([x[person == own].mean() for own in person])
    se = np.sqrt(s2 / (within**2).sum())
    for out in range(12):
        keep = {name: column[person != out] for name, column in panel.items()}
        anew = kp.feols("y ~ x | pid", keep).coef()["x"]
        np.testing.assert_allclose(found[out], abs(fit.coef()["x"] - anew) / se, rtol=1e-9)


def test_q2_ten_pairs_with_balance():
    rng = np.random.default_rng(8)
    n = 800
    history = rng.normal(size=n)
    trained = rng.random(n) < 1 / (1 + np.exp(2 - history))
    people = {
        "pid": np.arange(n), "trained": trained, "origin": rng.choice(["BE", "MA", "TR"], n),
        "sex": rng.choice(["F", "M"], n), "before": history, "wage": history + rng.normal(size=n),
    }  # fmt: skip
    found = kp.cases.pairs(
        people, "trained", person="pid", n=10, alike=["origin", "sex"], near=["before", "wage"]
    )
    rows = kp.Table(found).to_dict()
    assert len(rows["pid"]) == 20
    assert trained[rows["pid"]].tolist() == [True, False] * 10
    for name in ("origin", "sex"):
        assert (people[name][rows["pid"][::2]] == people[name][rows["pid"][1::2]]).all()
    balance = kp.Table(found.balance(kp.Table)).to_dict()
    one, other = history[trained], history[~trained]
    gap = (one.mean() - other.mean()) / np.sqrt((one.var(ddof=1) + other.var(ddof=1)) / 2)
    np.testing.assert_allclose(balance["before"][0], gap)
    assert np.abs(balance["after"]).max() < 0.1 < balance["before"][0]
    assert found.account.steps[-1].adds_up


def test_groups_of_effects_choose_persons():
    cohort = np.repeat([4, 6, 0], 40)
    rng = np.random.default_rng(1)
    rows = [
        (person, f"{2010 + t}", g and f"{2010 + g}", (t >= g > 0) * (1 + g) + rng.normal())
        for person, g in enumerate(cohort.tolist()) for t in range(8)
    ]  # fmt: skip
    table = {
        "pid": [row[0] for row in rows], "year": [row[1] for row in rows],
        "first": [row[2] or None for row in rows], "y": [float(row[3]) for row in rows],
    }  # fmt: skip
    panel = kp.Panel(table, person="pid", period="year", unit="year")
    effects = kp.did(panel, "y", cohort="first", method="cs", controls="not_yet")
    people = {"pid": np.arange(120), "cohort": np.where(cohort > 0, 2010 + cohort, 0).astype(str)}
    chosen = kp.cases.select(effects, "extreme", 5, data=people, person="pid", group="cohort")
    assert set(cohort[chosen.ids]) == {6}
    assert sum(e.count.rows for e in chosen.account.steps[-1].excluded) == 115


def test_says_what_is_wrong(careers, wages):
    types, people = careers
    fit = kp.feols("wage ~ x", wages)
    with pytest.raises(InputError, match='"best" is none of typical'):
        kp.cases.select(types, "best", 2)
    with pytest.raises(InputError, match="not defined for a typology"):
        kp.cases.select(types, "pathway", 2)
    with pytest.raises(InputError, match="not defined for a model"):
        kp.cases.select(fit, "boundary", 2, data=wages, person="pid")
    with pytest.raises(InputError, match='9 of "XX" in "origin" are wanted'):
        kp.cases.select(types, "typical", 12, data=people, quota={"origin": {"XX": 9}})
    with pytest.raises(InputError, match="beside the other quotas"):
        kp.cases.select(types, "typical", 6, data=people, quota={"sex": {"F": 5, "M": 5}})
    with pytest.raises(InputError, match="occurs before"):
        kp.cases.select({"pid": [1, 1], "x": [1, 2]}, "random", 1, person="pid")
    with pytest.raises(InputError, match="is missing"):
        kp.cases.select({"pid": [1, None], "x": [1, 2]}, "random", 1, person="pid")
    with pytest.raises(InputError, match="700 cases"):
        kp.cases.select(types, "typical", 700)
    with pytest.raises(InputError, match="without"):
        kp.cases.select(fit, "pathway", 2, data=wages, person="pid")
    with pytest.raises(InputError, match="even number"):
        kp.cases.select(types, "most-similar", 3, data=people, on="sex")
    with pytest.raises(InputError, match="NaN or infinite at row 1"):
        kp.cases.select(
            {"pid": list(range(9)), "x": [1, np.inf, *range(7)]}, "extreme", 1, person="pid", on="x"
        )
    with pytest.raises(InputError, match="column of two values"):
        kp.cases.pairs(people, "origin", person="pid", alike="sex")
    with pytest.raises(InputError, match="`k`"):
        kp.cases.select({"pid": [1, 2], "x": [1, 2]}, "random", 1, person="pid")
