"""Separated observations: the published sets, and linear programmes of random ones."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog

import kruispunt as kp

SETS = Path(__file__).parents[2] / "crates/kruispunt/tests/oracles/separation"


def test_all_sets_are_there() -> None:
    numbered = {path.stem for path in SETS.glob("[01]?.csv")}
    assert numbered == {f"{number:02}" for number in range(1, 19)} - {"12"}


def _names(data: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Regressors and effects."""
    terms = [name for name in data.columns if re.fullmatch(r"x\d", name)]
    return terms, [name for name in data.columns if re.fullmatch(r"id\d|i|j", name)]


@pytest.mark.parametrize("path", sorted(SETS.glob("*.csv")), ids=lambda path: path.stem)
def test_published_sets_are_classified_exactly(path: Path) -> None:
    data = pd.read_csv(path)
    terms, effects = _names(data)
    bar = f" | {' + '.join(effects)}" if effects else ""
    fit = kp.fepois(f"y ~ {' + '.join(terms) or '1'}{bar}", data, fixef_rm="none")
    gone = np.setdiff1d(np.arange(len(data)), fit.rows())
    np.testing.assert_array_equal(gone, np.flatnonzero(data["separated"]))


def _by_programme(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Rows that some combination sends to infinity, from the definition."""
    zero, k = y == 0, x.shape[1]
    m = int(zero.sum())
    found = linprog(
        np.concatenate([np.zeros(k), -np.ones(m)]),
        A_ub=np.hstack([-x[zero], np.eye(m)]),
        b_ub=np.zeros(m),
        A_eq=np.hstack([x[~zero], np.zeros((len(y) - m, m))]),
        b_eq=np.zeros(len(y) - m),
        bounds=[(None, None)] * k + [(0, 1)] * m,
        method="highs",
    )
    gone = np.zeros(len(y), dtype=bool)
    gone[zero] = found.x[k:] > 0.5
    return gone


@pytest.mark.parametrize("path", sorted(SETS.glob("[01]?.csv")), ids=lambda path: path.stem)
def test_the_authors_rows_are_those_of_the_definition(path: Path) -> None:
    data = pd.read_csv(path)
    terms, effects = _names(data)
    x = np.hstack([data[terms].to_numpy(float), np.ones((len(data), 1))])
    x /= np.abs(x).max(axis=0)
    for name in effects:
        x = np.hstack([x, (data[[name]].to_numpy() == np.unique(data[name])).astype(float)])
    truth = _by_programme(data["y"].to_numpy(float), x)
    np.testing.assert_array_equal(truth, data["separated"] == 1)


@pytest.mark.parametrize("seed", range(60))
def test_random_sets_are_classified_as_a_linear_programme_does(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, k = int(rng.integers(15, 60)), int(rng.integers(1, 5))
    x = rng.integers(-2, 3, (n, k)).astype(float) * (rng.uniform(size=(n, k)) < 0.4)
    groups = rng.integers(0, 5, n)
    y = rng.poisson(np.where(np.abs(x[:, 0]) > 0, 0.15, 1.2)).astype(float)
    if k > 1:
        x[y > 0, 1] *= rng.uniform(size=int((y > 0).sum())) < 0.1
    if not 3 < (y > 0).sum() < n - 3:
        pytest.skip("the outcome hardly varies")
    dummies = (groups[:, None] == np.unique(groups)).astype(float)
    truth = _by_programme(y, np.hstack([x, dummies]))
    data = pd.DataFrame({"y": y, "g": groups} | {f"x{j}": x[:, j] for j in range(k)})
    fml = f"y ~ {' + '.join(f'x{j}' for j in range(k))} | g"
    try:
        fit = kp.fepois(fml, data, fixef_rm="none")
    except kp.exceptions.InputError:
        left = np.hstack([x, dummies])[~truth]
        assert np.linalg.matrix_rank(left) in (np.unique(groups[~truth]).size, len(left))
        return
    gone = np.ones(n, dtype=bool)
    gone[fit.rows()] = False
    np.testing.assert_array_equal(gone, truth)


@pytest.mark.parametrize("effects", [False, True], ids=["none", "one"])
@pytest.mark.parametrize("seed", range(20))
def test_the_simplex_finds_what_a_linear_programme_finds(seed: int, effects: bool) -> None:
    rng = np.random.default_rng(seed)
    n, k = int(rng.integers(15, 60)), int(rng.integers(2, 5))
    x = rng.integers(-2, 3, (n, k)).astype(float) * (rng.uniform(size=(n, k)) < 0.4)
    groups = rng.integers(0, 5, n)
    y = rng.poisson(np.where(np.abs(x[:, 0]) > 0, 0.15, 1.2)).astype(float)
    x[y > 0, 1] *= rng.uniform(size=int((y > 0).sum())) < 0.1
    constant = (groups[:, None] == np.unique(groups)).astype(float) if effects else np.ones((n, 1))
    truth = _by_programme(y, np.hstack([x, constant]))
    data = pd.DataFrame({"y": y, "g": groups} | {f"x{j}": x[:, j] for j in range(k)})
    fml = f"y ~ {' + '.join(f'x{j}' for j in range(k))}" + (" | g" if effects else "")
    try:
        fit = kp.fepois(fml, data, fixef_rm="none", separation_check=["fe", "simplex"])
    except kp.exceptions.InputError as error:
        assert "collinear" in str(error) or "varies" in str(error)  # noqa: PT017
        return
    np.testing.assert_array_equal(np.setdiff1d(np.arange(n), fit.rows()), np.flatnonzero(truth))
