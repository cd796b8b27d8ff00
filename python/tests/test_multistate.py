"""Moves between states and predicted occupation."""

import pickle
import warnings

import numpy as np
import pytest

import kruispunt as kp
from kruispunt.exceptions import DesignWarning, InputError

STATES = ["E", "I", "U"]


def chain(n=3000, quarters=12, seed=2, *, leave=0.0):
    """A Markov chain with a regressor; some leave the registers for good."""
    rng = np.random.default_rng(seed)
    woman = (rng.random(n) < 0.5).astype(float)
    state = rng.integers(0, 3, n)
    here = np.ones(n, bool)
    labels = kp.Calendar.quarters("2010Q1", "2012Q4").labels
    rows = {name: [] for name in ("pid", "quarter", "t", "state", "woman")}
    for q in range(quarters):
        for name, value in (
            ("pid", np.arange(n)[here]), ("quarter", np.full(here.sum(), labels[q])),
            ("t", np.full(here.sum(), q + 1)), ("state", np.array(STATES)[state[here]]),
            ("woman", woman[here]),
        ):  # fmt: skip
            rows[name].append(value)
        state = step(state, woman, q, rng)
        here &= rng.random(n) >= leave
    data = {name: np.concatenate(values) for name, values in rows.items()}
    return data, kp.Panel(data, person="pid", period="quarter")


def chances(woman, q):
    """Chances to move, from state by row, of a person."""
    log = np.zeros((3, 3))
    log[0, 1], log[0, 2] = -3.0 + 0.4 * woman, -2.5
    log[1, 0], log[1, 2] = -2.2 - 0.3 * woman, -2.0 + 0.05 * q
    log[2, 0], log[2, 1] = -1.0 - 0.5 * woman, -2.5
    weights = np.exp(log)
    return weights / weights.sum(axis=1, keepdims=True)


def step(state, woman, q, rng):
    both = np.stack([chances(0.0, q), chances(1.0, q)])
    own = both[woman.astype(int), state]
    return (rng.random(len(state))[:, None] > own.cumsum(axis=1)).sum(axis=1)


@pytest.fixture(scope="module")
def made():
    return chain()


def test_without_regressors_chances_are_shares_of_moves(made):
    data, panel = made
    fit = kp.multistate("state ~ 1 | t", panel)
    assert fit.states == STATES
    shares = fit.occupation(start="U", periods=11, draws=0)
    own = np.array([0.0, 0.0, 1.0])
    order = np.lexsort((data["t"], data["pid"]))
    codes = np.searchsorted(STATES, data["state"][order]).reshape(-1, 12)
    expected = [own]
    for t in range(11):
        moves = np.zeros((3, 3))
        np.add.at(moves, (codes[:, t], codes[:, t + 1]), 1.0)
        own = own @ (moves / moves.sum(axis=1, keepdims=True))
        expected.append(own)
    np.testing.assert_allclose(shares["share"], np.concatenate(expected), atol=1e-8)
    counts = np.zeros((3, 3), int)
    np.add.at(counts, (codes[:, :-1].ravel(), codes[:, 1:].ravel()), 1)
    assert fit.moves()["n"].tolist() == counts.ravel().tolist()


def test_occupation_of_the_truth_is_found_with_its_errors(made):
    _, panel = made
    fit = kp.multistate("state ~ woman | t", panel)
    shares = fit.occupation({"woman": [0.0, 1.0]}, start="I", periods=11, draws=200)
    for woman in (0.0, 1.0):
        own, expected = np.array([0.0, 1.0, 0.0]), []
        for q in range(12):
            expected.append(own)
            own = own @ chances(woman, q)
        rows = np.asarray(shares["woman"]) == woman
        found = np.asarray(shares["share"])[rows].reshape(12, 3)
        errors = np.asarray(shares["std_error"])[rows].reshape(12, 3)
        np.testing.assert_allclose(found.sum(axis=1), 1.0, atol=1e-12)
        gaps = (found - expected)[1:] / errors[1:]
        assert np.abs(gaps).max() < 4, gaps
        assert np.abs(gaps).mean() < 1.5
    hazards, to = fit.model("U")
    assert to == ["E", "I"]
    assert abs(hazards.coef()["1: woman"] + 0.5) < 3 * hazards.se()["1: woman"]
    with pytest.raises(InputError, match="no such state"):
        fit.model("X")


def test_the_clock_may_be_the_time_in_the_state(made):
    _, panel = made
    fit = kp.multistate("state ~ woman", panel, duration=4)
    shares = fit.occupation(start="E", periods=6, draws=0)
    assert abs(np.sum(shares["share"]) - 7) < 1e-9
    truncated = next(
        one for one in fit.account.steps[-1].excluded if "before the panel begins" in one.reason
    )
    assert truncated.count.rows > 0
    # A chain that forgets is the same by either clock, up to noise.
    by_time = kp.multistate("state ~ woman", panel).occupation(start="E", periods=6, draws=0)
    assert np.abs(np.asarray(shares["share"]) - by_time["share"]).max() < 0.03
    groups = fit.occupation(
        {"woman": [0.0, 1.0, 1.0], "place": ["a", "b", "b"]}, start="E", periods=2, by="place",
        draws=50,
    )  # fmt: skip
    assert len(groups["share"]) == 2 * 3 * 3
    copy = pickle.loads(pickle.dumps(fit))
    assert copy.moves()["n"].tolist() == fit.moves()["n"].tolist()
    assert "U" in repr(fit)
    assert "<table" in fit._repr_html_()


def test_leaving_the_registers_is_told_or_a_state_of_its_own():
    _, panel = chain(800, leave=0.05)
    with pytest.warns(DesignWarning, match="emigration"):
        kp.multistate("state ~ woman", panel)
    with warnings.catch_warnings():
        warnings.simplefilter("error", DesignWarning)
        fit = kp.multistate("state ~ woman", panel, absent="abroad")
    assert fit.states == [*STATES, "abroad"]
    shares = fit.occupation(start="E", periods=3, draws=0)
    assert np.asarray(shares["share"])[-1] > 0.05
    with pytest.raises(InputError, match="nobody leaves"):
        fit.model("abroad")


def test_wrong_arguments_are_refused_by_name(made):
    _, panel = made
    with pytest.raises(InputError, match="one clock"):
        kp.multistate("state ~ woman | t", panel, duration=3)
    with pytest.raises(InputError, match="no column"):
        kp.multistate("state ~ age", panel)
    fit = kp.multistate("state ~ woman", panel)
    with pytest.raises(InputError, match="`start`"):
        fit.occupation(start="X", periods=2)
    with pytest.raises(InputError, match="`draws`"):
        fit.occupation(start="E", periods=2, draws=7)
    with pytest.raises(InputError, match="`periods`"):
        fit.occupation(start="E", periods=0)
    with pytest.raises(InputError, match="`profiles`"):
        fit.occupation({"age": [1.0]}, start="E", periods=2)


NAMES = np.array(["neither", "service", "work", "abroad"])


def integration(woman, programme, reacts, u=0.0):
    """Log odds to move from neither and from the service, of all four states."""
    zero = np.zeros(len(woman))
    outside = [zero, -2.2 - 0.3 * woman + 1.5 * reacts + u, -2.6 + 0.4 * programme + u, zero - 4.5]
    inside = [zero - 2.0, zero, -1.2 + 0.4 * programme - 0.2 * woman + u, zero - 4.0]
    return np.stack([np.stack(outside, axis=1), np.stack(inside, axis=1)])


def moves_to(log):
    weights = np.exp(log)
    return weights / weights.sum(axis=-1, keepdims=True)


def newcomers(n, quarters=12, seed=3, *, spread=0.0, ends=True):
    """Newcomers who may begin a programme; with `spread` something unrecorded moves them."""
    rng = np.random.default_rng(seed)
    woman = (rng.random(n) < 0.5).astype(float)
    start = np.where(rng.random(n) < 0.6, rng.integers(0, 5, n), 99)
    u = spread * rng.normal(size=n)
    state = np.zeros(n, int)
    labels = kp.Calendar.quarters("2010Q1", "2015Q4").labels
    rows = {name: [] for name in ("pid", "quarter", "state", "begun", "woman")}
    for q in range(quarters):
        here = state < 3
        begun = (start <= q).astype(float)
        values = (np.arange(n), np.full(n, labels[q]), NAMES[state], begun, woman)
        for name, value in zip(rows, values, strict=True):
            rows[name].append(value[here])
        chances = moves_to(integration(woman, begun, begun, u))
        own = chances[np.clip(state, 0, 1), np.arange(n)]
        moved = (rng.random(n)[:, None] > own.cumsum(axis=1)).sum(axis=1)
        loses = (rng.random(n) < 0.2) & (not ends)
        state = np.where(state < 2, moved, np.where((state == 2) & loses, 0, state))
    data = {name: np.concatenate(values) for name, values in rows.items()}
    return data, kp.Panel(data, person="pid", period="quarter")


def worked(programme, reacts, quarters):
    """The share with a first job by then, exactly."""
    shares = []
    for woman in (0.0, 1.0):
        chances = moves_to(
            integration(np.array([woman]), np.array([programme]), np.array([reacts]))
        )[:, 0]
        own = np.array([1.0, 0.0, 0.0, 0.0])
        for _ in range(quarters):
            own = own[0] * chances[0] + own[1] * chances[1] + np.array([0, 0, own[2], own[3]])
        shares.append(own[2])
    return np.mean(shares)


def test_an_effect_splits_by_moves_into_a_state():
    quarters = 12
    _, panel = newcomers(12_000)
    fit = kp.multistate("state ~ begun + woman", panel, absent="abroad")
    how = {"through": "service", "goal": "work", "start": "neither", "periods": quarters}
    profiles = {"woman": [0.0, 1.0, 1.0, 0.0]}
    with warnings.catch_warnings():
        warnings.simplefilter("error", DesignWarning)
        found = fit.split("begun", **how, profiles=profiles, draws=200)
    none, both, half = worked(0.0, 0.0, quarters), worked(1.0, 1.0, quarters), worked(1.0, 0.0, quarters)  # fmt: skip
    total, via = both - none, both - half
    for own, truth in (
        (found.total, total), (found.via, via), (found.direct, total - via), (found.share, via / total),
    ):  # fmt: skip
        assert abs(own["estimate"] - truth) < 3.5 * own["std_error"], (own, truth)
        assert own["low"] <= own["estimate"] <= own["high"]
    assert found.share["std_error"] < 0.05
    whole = found.via["estimate"] + found.direct["estimate"]
    assert abs(whole - found.total["estimate"]) < 1e-12
    occupation = found.occupation
    assert len(occupation["share"]) == 3 * (quarters + 1) * 4
    assert abs(np.sum(occupation["share"]) - 3 * (quarters + 1)) < 1e-9
    # With the programme in all moves or in none, the worlds are those of `occupation`.
    one = fit.occupation(
        {"begun": [1.0, 1.0], "woman": [0.0, 1.0], "all": [1, 1]}, by="all", start="neither",
        periods=quarters, draws=0,
    )  # fmt: skip
    np.testing.assert_allclose(
        np.asarray(one["share"]), np.asarray(occupation["share"])[52:104], atol=1e-12
    )


def test_regressors_that_rise_rise_by_one_each_period(made):
    _, panel = made
    fit = kp.multistate("state ~ t", panel)
    rises = fit.occupation({"t": [1.0]}, start="U", periods=6, rising="t", draws=0)
    own = np.array([0.0, 0.0, 1.0])
    expected = [own]
    for t in range(1, 7):
        step_ = np.zeros((3, 3))
        for at, state in enumerate(STATES):
            one = fit.occupation({"t": [float(t)]}, start=state, periods=1, draws=0)
            step_[at] = np.asarray(one["share"])[3:]
        own = own @ step_
        expected.append(own)
    np.testing.assert_allclose(rises["share"], np.concatenate(expected), atol=1e-12)
    for profiles, rising in ((None, "t"), ({"t": [1.0]}, "age")):
        with pytest.raises(InputError, match="`rising`"):
            fit.occupation(profiles, start="U", periods=2, rising=rising)


def test_what_is_not_recorded_shows_where_persons_repeat():
    how = {"through": "service", "goal": "work", "start": "neither", "periods": 8, "draws": 50}
    for spread in (0.0, 1.0):
        _, panel = newcomers(3000, 20, spread=spread, ends=False)
        fit = kp.multistate("state ~ begun + woman", panel, absent="abroad")
        table = fit.dependence()
        z = {(str(a), str(b)): float(v)
             for a, b, v in zip(table["into"], table["and_into"], table["z"], strict=True)}  # fmt: skip
        if spread:
            assert z["service", "work"] > 4
            with pytest.warns(DesignWarning, match="unobserved_selection"):
                found = fit.split("begun", **how)
            assert "unobserved_selection" in repr(found)
        else:
            assert abs(z["service", "work"]) < 3
            assert max(abs(own) for own in z.values()) < 4
            assert "unobserved_selection" not in fit.split("begun", **how).cautions


def test_dependence_is_standard_normal_when_there_is_none():
    found = []
    for seed in range(40):
        _, panel = newcomers(400, 16, seed=seed, ends=False)
        table = kp.multistate("state ~ begun + woman", panel, absent="abroad").dependence()
        pairs = zip(table["into"], table["and_into"], table["z"], strict=True)
        found.append(next(float(z) for a, b, z in pairs if (a, b) == ("service", "work")))
    assert abs(np.mean(found)) < 3 / np.sqrt(40)
    assert 0.6 < np.std(found) < 1.4


def test_wrong_splits_are_refused_by_name():
    _, panel = newcomers(500)
    fit = kp.multistate("state ~ begun + woman", panel, absent="abroad")
    good = {"through": "service", "goal": "work", "start": "neither", "periods": 4, "draws": 50}
    for name, value, match in (
        ("through", "school", "`through`"), ("goal", "school", "`goal`"), ("start", "x", "`start`"),
        ("goal", "service", "`goal`"), ("goal", "neither", "`goal`"), ("periods", 0, "`periods`"),
        ("draws", 3, "`draws`"), ("alpha", 2.0, "`alpha`"), ("profiles", {"begun": [1.0]}, "`profiles`"),
        ("profiles", {"age": [1.0]}, "`profiles`"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=match):
            fit.split("begun", **(good | {name: value}))
    with pytest.raises(InputError, match="`programme`"):
        fit.split("age", **good)
