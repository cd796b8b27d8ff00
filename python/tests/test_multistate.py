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
