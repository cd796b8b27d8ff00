"""Distances of 30 persons by two sequences each by Sequenzo (BSD-3), for `python/tests/test_channels.py`.

pip install sequenzo==0.1.42
python make.py
"""

from __future__ import annotations

import contextlib
import io
import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from sequenzo import SequenceData
from sequenzo.multidomain import compute_cat_distance_matrix, compute_dat_distance_matrix

N, LENGTH = 30, 12
STATES = {"work": ["e", "s", "u"], "home": ["c", "p"]}


def drawn(rng: np.random.Generator, states: int) -> np.ndarray:
    """Draw careers that stay where they are most of the time."""
    codes = np.empty((N, LENGTH), dtype=int)
    codes[:, 0] = rng.integers(0, states, N)
    for at in range(1, LENGTH):
        moves = rng.random(N) > 0.75
        codes[:, at] = np.where(moves, rng.integers(0, states, N), codes[:, at - 1])
    return codes


def main() -> None:
    """Draw careers, ask Sequenzo, write `expected.json`."""
    rng = np.random.default_rng(8)
    words, read = {}, []
    with contextlib.redirect_stdout(io.StringIO()):
        for name, states in STATES.items():
            codes = np.array(states)[drawn(rng, len(states))]
            words[name] = ["".join(row) for row in codes]
            frame = pd.DataFrame(codes, columns=[f"t{at}" for at in range(LENGTH)])
            frame.insert(0, "id", np.arange(N))
            read.append(
                SequenceData(
                    frame, time=list(frame.columns[1:]), id_col="id", states=states, labels=states
                )
            )
        cases = {
            "costs_trate": compute_cat_distance_matrix(
                read, method="OM", sm=["TRATE", "TRATE"], indel=1.0, norm="none", what="diss"
            ),
            "costs_weighted": compute_cat_distance_matrix(
                read, method="OM", sm=["TRATE", "CONSTANT"], indel=1.0, norm="none",
                cweight=[1.0, 0.5], what="diss",
            ),
            "costs_ham": compute_cat_distance_matrix(
                read, method="HAM", sm=["CONSTANT", "CONSTANT"], norm="none", cval=1.0, what="diss"
            ),
            "distances_trate": compute_dat_distance_matrix(
                read, [{"method": "OM", "sm": "TRATE", "indel": 1, "norm": "none"}] * 2
            ),
        }  # fmt: skip
    upper = np.triu_indices(N, 1)
    out = {
        "peer": f"sequenzo {version('sequenzo')}",
        "sequences": words,
        "distances": {
            name: [round(float(d), 12) for d in np.asarray(matrix)[upper]]
            for name, matrix in cases.items()
        },
    }
    path = Path(__file__).parent / "expected.json"
    path.write_text(json.dumps(out, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
