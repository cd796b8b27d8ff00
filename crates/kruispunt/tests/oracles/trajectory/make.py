"""Distances of 24 drawn careers by Sequenzo (BSD-3), for `tests/it/trajectory.rs`.

    pip install sequenzo==0.1.42
    python make.py

Sequenzo ports TraMineR; where TraMineR's own data are at hand (`KRUISPUNT_ORACLES`), the tests hold
kruispunt to TraMineR itself. Not asked: DHD (Sequenzo 0.1.42 ends with a segmentation fault) and OMslen
(it differs from TraMineR, which kruispunt equals).
"""

from __future__ import annotations

import contextlib
import io
import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from sequenzo import SequenceData, get_distance_matrix

STATES = ["a", "b", "c", "d"]
CASES = {
    "OM_trate": {"method": "OM", "sm": "TRATE", "indel": 1, "norm": "none"},
    "OM_trate_auto": {"method": "OM", "sm": "TRATE", "indel": 1, "norm": "auto"},
    "OM_constant": {"method": "OM", "sm": "CONSTANT", "indel": 1, "norm": "none"},
    "HAM": {"method": "HAM", "norm": "none"},
    "LCS": {"method": "LCS", "norm": "none"},
    "LCP": {"method": "LCP", "norm": "none"},
    "RLCP": {"method": "RLCP", "norm": "none"},
    "OMspell": {"method": "OMspell", "sm": "CONSTANT", "indel": 1, "norm": "none"},
    "TWED": {"method": "TWED", "sm": "CONSTANT", "indel": 2, "nu": 0.5, "h": 0.5, "norm": "none"},
    "NMS": {"method": "NMS", "norm": "none"},
    "SVRspell": {"method": "SVRspell", "norm": "none"},
    "CHI2": {"method": "CHI2", "norm": "none"},
    "EUCLID": {"method": "EUCLID", "norm": "none"},
}


def main() -> None:
    """Draw careers, ask Sequenzo, write `expected.json`."""
    rng = np.random.default_rng(5)
    codes = np.empty((24, 10), dtype=int)
    codes[:, 0] = rng.integers(0, 4, 24)
    for at in range(1, 10):
        moves = rng.random(24) > 0.75
        codes[:, at] = np.where(moves, rng.integers(0, 4, 24), codes[:, at - 1])
    names = [f"t{at}" for at in range(10)]
    frame = pd.DataFrame(np.array(STATES)[codes], columns=names)
    frame.insert(0, "id", np.arange(24))
    expected: dict[str, object] = {}
    with contextlib.redirect_stdout(io.StringIO()):
        data = SequenceData(frame, time=names, id_col="id", states=STATES, labels=STATES)
        for name, options in CASES.items():
            with contextlib.suppress(Exception):
                matrix = np.asarray(get_distance_matrix(data, full_matrix=True, **options))
                expected[name] = [round(float(d), 12) for d in matrix[np.triu_indices(24, 1)]]
    out = {
        "peer": f"sequenzo {version('sequenzo')}",
        "sequences": ["".join(np.array(STATES)[row]) for row in codes],
        "distances": expected,
    }
    path = Path(__file__).parent / "expected.json"
    path.write_text(json.dumps(out, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
