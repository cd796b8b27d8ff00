"""Distances between careers of the family data `biofam`: kruispunt beside Sequenzo.

2,000 women and men from 15 to 30, eight states, 16 positions (Swiss Household Panel; shipped with
Sequenzo, not with kruispunt). No clock: the record says by measure how far the two are apart at most,
over all pairs of the first 600 persons, in f64 and in the f32 path. Measures of which Sequenzo 0.1.42
ends with a segmentation fault (DHD) or differs from TraMineR (OMslen) are not asked; DHD is held to the
definition, computed here with numpy. OMstran is asked: there the peer differs from TraMineR too (by 0.07
on mvad, where kruispunt equals TraMineR).
"""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import json
import sys
from importlib.metadata import version
from typing import Any

import harness
import numpy as np

N = 600
# kruispunt's arguments, Sequenzo's arguments
MEASURES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "om-trate": (
        {"method": "om", "costs": "trate", "indel": 1.0},
        {"method": "OM", "sm": "TRATE", "indel": 1},
    ),
    "om-constant": ({"method": "om", "costs": 2.0}, {"method": "OM", "sm": "CONSTANT", "indel": 1}),
    "om-indelslog": (
        {"method": "om", "costs": "indelslog"},
        {"method": "OM", "sm": "INDELSLOG", "indel": "auto"},
    ),
    "om-auto": (
        {"method": "om", "costs": "trate", "indel": 1.0, "norm": "auto"},
        {"method": "OM", "sm": "TRATE", "indel": 1, "norm": "auto"},
    ),
    "ham": ({"method": "ham"}, {"method": "HAM"}),
    "lcs": ({"method": "lcs"}, {"method": "LCS"}),
    "lcp": ({"method": "lcp"}, {"method": "LCP"}),
    "rlcp": ({"method": "rlcp"}, {"method": "RLCP"}),
    "omspell": (
        {"method": "omspell", "costs": 2.0, "indel": 1.0},
        {"method": "OMspell", "sm": "CONSTANT", "indel": 1},
    ),
    "omstran": (
        {"method": "omstran", "costs": 2.0, "indel": 1.0},
        {"method": "OMstran", "sm": "CONSTANT", "indel": 1, "otto": 0.5},
    ),
    "omloc": (
        {"method": "omloc", "costs": 2.0},
        {"method": "OMloc", "sm": "CONSTANT", "expcost": 0.5},
    ),
    "twed": (
        {"method": "twed", "costs": 2.0, "indel": 2.0},
        {"method": "TWED", "sm": "CONSTANT", "indel": 2, "nu": 0.5, "h": 0.5},
    ),
    "nms": ({"method": "nms"}, {"method": "NMS"}),
    "nmsmst": ({"method": "nmsmst"}, {"method": "NMSMST"}),
    "svrspell": ({"method": "svrspell"}, {"method": "SVRspell"}),
    "chi2": ({"method": "chi2"}, {"method": "CHI2"}),
    "euclid": ({"method": "euclid"}, {"method": "EUCLID"}),
}


def gaps(own: Any, other: Any) -> tuple[float, float]:
    """Give the largest gap, absolute and over the largest distance."""
    gap = float(np.abs(own - other).max())
    return gap, gap / float(np.abs(other).max())


def dynamic(codes: Any, states: int) -> Any:
    """Compute DHD by its definition: 4 less the rates into and out of each position, there and back."""
    n, length = codes.shape
    rates = np.zeros((length - 1, states, states))
    for at in range(length - 1):
        np.add.at(rates[at], (codes[:, at], codes[:, at + 1]), 1.0)
        rates[at] /= np.maximum(rates[at].sum(axis=1, keepdims=True), 1e-300)
    both = rates + rates.transpose(0, 2, 1)
    square = np.zeros((n, n))
    for at in range(length):
        into = both[at - 1] if at > 0 else both[at]
        out = both[at] if at < length - 1 else both[at - 1]
        cost = 4.0 - into - out
        np.fill_diagonal(cost, 0.0)
        square += cost[codes[:, at][:, None], codes[:, at][None]]
    return square


def domains(names: list[str]) -> list[dict[str, Any]]:
    """Compare distances by three sequences a person: left home, married, has a child."""
    from sequenzo import SequenceData, load_dataset
    from sequenzo.multidomain import compute_cat_distance_matrix, compute_dat_distance_matrix

    import kruispunt as kp

    channels, read = {}, []
    with contextlib.redirect_stdout(io.StringIO()):
        for name in ("child", "left", "married"):
            frame = load_dataset(f"biofam_{name}_domain").head(N)
            frame.columns = [str(own) for own in frame.columns]
            columns = {at: frame[at].tolist() for at in names}
            channels[name] = kp.trajectory.Sequences(columns, states=[0, 1])
            frame = frame[["id", *names]]
            read.append(
                SequenceData(frame, time=names, id_col="id", states=[0, 1], labels=["no", "yes"])
            )
        peer = {
            "costs": compute_cat_distance_matrix(
                read, method="OM", sm=["TRATE"] * 3, indel=1.0, norm="none", what="diss"
            ),
            "distances": compute_dat_distance_matrix(
                read, [{"method": "OM", "sm": "TRATE", "indel": 1, "norm": "none"}] * 3
            ),
        }
    rows = []
    for how, other in peer.items():
        own = kp.trajectory.multichannel(channels, how=how, costs="trate", indel=1.0)
        gap, relative = gaps(own.square(), np.asarray(other))
        row = {"measure": f"channels, {how}", "gap_f64": gap, "relative_f64": relative}
        rows.append(row)
    return rows


def main() -> None:
    """Compare, print, record."""
    from sequenzo import SequenceData, get_distance_matrix, load_dataset

    import kruispunt as kp

    with contextlib.redirect_stdout(io.StringIO()):
        frame = load_dataset("biofam").head(N)
    names = [str(age) for age in range(15, 31)]
    states = sorted({value for name in names for value in frame[name].tolist()})
    careers = kp.trajectory.Sequences({name: frame[name].tolist() for name in names}, states=states)
    frame = frame[names].copy()
    frame.insert(0, "id", np.arange(len(frame)))
    with contextlib.redirect_stdout(io.StringIO()):
        data = SequenceData(
            frame, time=names, id_col="id", states=states, labels=[str(own) for own in states]
        )
    rows = []
    for name, (own, peer) in MEASURES.items():
        row: dict[str, Any] = {"measure": name}
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                options = {"norm": "none", **peer}
                other = np.asarray(get_distance_matrix(data, full_matrix=True, **options))
        except Exception as error:
            rows.append({**row, "peer": f"{type(error).__name__}: {error}"[:120]})
            continue
        row["gap_f64"], row["relative_f64"] = gaps(
            careers.distances(**own, precision="f64").square(), other
        )
        single = gaps(careers.distances(**own, precision="f32").square(), other)
        row["gap_f32"], row["relative_f32"] = single
        rows.append(row)
    rows += domains(names)
    found = careers.distances("dhd").square()
    gap, relative = gaps(found, dynamic(careers.codes.astype(int), len(states)))
    rows.append({"measure": "dhd, by definition", "gap_f64": gap, "relative_f64": relative})
    record = {
        "bench": "biofam", "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "peer": f"sequenzo {version('sequenzo')}", "persons": len(careers),
        "different": careers.n_unique, "states": len(states), "positions": len(names), "rows": rows,
    }  # fmt: skip
    for row in rows:
        sys.stdout.write(json.dumps(row) + "\n")
    path = harness.RECORD / f"{record['date']}-trajectory-biofam.json"
    path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
