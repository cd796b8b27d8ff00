"""Every distance with parameters and costs beside its definition, and beside what TraMineR gives."""

from __future__ import annotations

import importlib.util
import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from kruispunt.trajectory import Sequences

STATES = 4
FOLDER = Path(__file__).parents[2] / "crates" / "kruispunt" / "tests" / "oracles" / "trajectory"
SPEC = importlib.util.spec_from_file_location("definitions", FOLDER / "definitions.py")
definition = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(definition)
TRAMINER = json.loads((FOLDER / "traminer.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def drawn():
    rng = np.random.default_rng(8)
    codes = np.empty((14, 9), dtype=int)
    codes[:, 0] = rng.integers(0, STATES, 14)
    for at in range(1, 9):
        moves = rng.random(14) > 0.6
        codes[:, at] = np.where(moves, rng.integers(0, STATES, 14), codes[:, at - 1])
    columns = {f"t{at}": codes[:, at] for at in range(9)}
    return Sequences(columns, states=range(STATES)), codes


def costs_of(seed):
    """Costs that differ by state and keep the triangle inequality."""
    rng = np.random.default_rng(seed)
    places = rng.uniform(0.0, 2.0, (STATES, 2))
    sub = np.abs(places[:, None] - places[None]).sum(axis=2)
    indel = rng.uniform(0.55, 0.9, STATES) * sub.max()
    return sub, indel


def pair(name, a, b, sub, indel):
    one = {
        "om": lambda: definition.om(a, b, sub, indel),
        "ham": lambda: definition.ham(a, b, sub),
        "lcs": lambda: definition.lcs(a, b),
        "lcp": lambda: definition.lcp(a, b),
        "rlcp": lambda: definition.lcp(a[::-1], b[::-1]),
        "omloc": lambda: definition.omloc(a, b, sub, 0.3, 0.4),
        "omslen mean": lambda: definition.omslen(a, b, sub, indel, 0.7, "mean"),
        "omslen gmean": lambda: definition.omslen(a, b, sub, indel, 0.4, "gmean"),
        "omspell": lambda: definition.omspell(a, b, sub, indel, 0.3, 0.6),
        "omstran": lambda: definition.omstran(a, b, sub, indel, 0.3),
        "twed": lambda: definition.twed(a, b, sub, 0.2, 0.7),
        "nms": lambda: definition.nms(a, b),
        "nmsmst": lambda: definition.nmsmst(a, b),
        "svrspell": lambda: definition.svrspell(a, b, 0.5),
    }
    return one[name]()


OPTIONS = {
    "om": {}, "ham": {}, "omloc": {"expansion": 0.3, "context": 0.4},
    "omslen mean": {"h": 0.7}, "omslen gmean": {"h": 0.4, "link": "gmean"},
    "omspell": {"expansion": 0.3, "power": 0.6}, "omstran": {"origin": 0.3},
    "twed": {"stiffness": 0.2, "penalty": 0.7},
    "lcs": None, "lcp": None, "rlcp": None, "nms": None, "nmsmst": None, "svrspell": None,
}  # fmt: skip


def compare(sequences, method, options, expected):
    """In f64 to 1e-9, in f32 to 1e-4 relative."""
    for precision, tolerance in (("f64", 1e-9), ("f32", 1e-4)):
        square = sequences.distances(method, precision=precision, **options).square()
        found = square[np.triu_indices(len(square), 1)]
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", OPTIONS)
def test_distances_are_what_they_are_defined_as(drawn, name):
    sequences, codes = drawn
    sub, indel = costs_of(3)
    method = name.split()[0]
    options = OPTIONS[name]
    if options is not None:
        costs = sub if method in {"ham", "omloc", "twed"} else (sub, indel)
        options = options | {"costs": costs}
    elif name == "svrspell":
        options = {"power": 0.5}
    lists = codes.tolist()
    expected = [
        pair(name, a, b, sub.tolist(), indel.tolist()) for a, b in itertools.combinations(lists, 2)
    ]
    assert max(expected) > 0
    compare(sequences, method, options or {}, expected)


def test_costs_that_follow_positions_and_shares_are_what_they_are_defined_as(drawn):
    sequences, codes = drawn
    pairs = list(itertools.combinations(range(len(codes)), 2))
    costs = definition.dynamic(codes, STATES)
    compare(sequences, "dhd", {}, [definition.dhd(codes[i], codes[j], costs) for i, j in pairs])
    for step in (1, 4):
        shares = definition.shares(codes, STATES, step)
        for method, marginal in (("chi2", shares.mean(axis=0)), ("euclid", None)):
            expected = [definition.chi2(shares[i], shares[j], marginal) for i, j in pairs]
            compare(sequences, method, {"step": step}, expected)


def test_one_cost_for_all_is_counted(drawn):
    """Hamming distances with one cost are counted, with several summed: both are the definition."""
    sequences, codes = drawn
    differ = [int((codes[i] != codes[j]).sum()) for i, j in itertools.combinations(range(14), 2)]
    for cost in (1.0, 0.3):
        compare(sequences, "ham", {"costs": cost}, [cost * n for n in differ])
    long = np.repeat(codes, 40, axis=1)
    own = Sequences({f"t{at}": long[:, at] for at in range(360)}, states=range(STATES))
    compare(own, "ham", {}, [40.0 * n for n in differ])


TRAMINER_OPTIONS = {
    "omstran": ("omstran", {"costs": "trate", "origin": 0.3, "norm": "yujianbo"}),
    "omspell 0.3": ("omspell", {"costs": "trate", "expansion": 0.3, "norm": "yujianbo"}),
    "svrspell 0.5": ("svrspell", {"power": 0.5}),
    "svrspell 2": ("svrspell", {"power": 2.0}),
    "features": ("om", {"costs": {"level": [1, 2, 3, 4, 5, 6]}, "norm": "maxlength"}),
    "future": ("om", {"costs": "future", "norm": "maxlength"}),
    "indels": ("om", {"costs": "indels", "norm": "maxlength"}),
}


@pytest.mark.parametrize("name", TRAMINER["distances"])
def test_further_parameters_are_those_of_traminer(name):
    method, options = TRAMINER_OPTIONS[name]
    rows = [row[:10] if method == "svrspell" else row for row in TRAMINER["sequences"]]
    columns = {f"t{at}": [row[at] for row in rows] for at in range(len(rows[0]))}
    sequences = Sequences(columns, states="123456")
    compare(sequences, method, options, TRAMINER["distances"][name])


def test_time_warps_are_those_of_traminer():
    rows = TRAMINER["short"]
    columns = {f"t{at}": [row[at] for row in rows] for at in range(len(rows[0]))}
    sequences = Sequences(columns, states="12")
    for name, expected in TRAMINER["twed"].items():
        _, _, stiffness, _, penalty, _, indel = name.split()
        options = {"stiffness": float(stiffness), "penalty": float(penalty), "indel": float(indel)}
        compare(sequences, "twed", options | {"costs": 2.0}, expected)
