"""Distances between careers of the family data `biofam`: kruispunt beside Sequenzo.

2,000 women and men from 15 to 30, eight states, 16 positions (Swiss Household Panel; shipped with
Sequenzo, not with kruispunt). No clock: the record says by measure how far the two are apart at most,
over all pairs of the first 600 persons, in f64 and in the f32 path, and how far kruispunt is from the
definition of the measure, computed slowly by `crates/kruispunt/tests/oracles/trajectory/definitions.py`,
over all pairs of the first 60 different careers (12 where all subsequences are listed). Measures of
which Sequenzo 0.1.42 ends with a segmentation fault (DHD) or differs from TraMineR (OMslen) are held to
the definition alone. OMstran is asked: there the peer differs from TraMineR too (by 0.07 on mvad, where
kruispunt equals TraMineR).
"""

from __future__ import annotations

import contextlib
import datetime as dt
import importlib.util
import io
import itertools
import json
import sys
from importlib.metadata import version
from pathlib import Path
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


def definitions(careers: Any) -> dict[str, tuple[dict[str, Any], int, Any]]:
    """Give by measure kruispunt's arguments, how many careers to compare, and the definition."""
    folder = Path(__file__).parents[1] / "crates/kruispunt/tests/oracles/trajectory"
    spec = importlib.util.spec_from_file_location("definitions", folder / "definitions.py")
    if spec is None or spec.loader is None:
        raise LookupError(folder)
    own = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(own)
    codes = careers.codes.astype(int)
    states = len(careers.states)
    rates, indel = (part.tolist() for part in careers.costs("trate"))
    log, log_indel = (part.tolist() for part in careers.costs("indelslog"))
    two = (2.0 - 2.0 * np.eye(states)).tolist()
    one = [1.0] * states
    positions = own.dynamic(codes, states)
    shares = own.shares(codes, states, 1)
    index = {tuple(row): at for at, row in enumerate(codes.tolist())}

    def chi2(marginal: Any) -> Any:
        return lambda a, b: own.chi2(shares[index[tuple(a)]], shares[index[tuple(b)]], marginal)

    constant = {"costs": 2.0, "indel": 1.0}
    return {
        "om-trate": (
            {"method": "om", "costs": "trate", "indel": 1.0},
            60, lambda a, b: own.om(a, b, rates, one),
        ),
        "om-indelslog": (
            {"method": "om", "costs": "indelslog"}, 60, lambda a, b: own.om(a, b, log, log_indel),
        ),
        "ham": ({"method": "ham", "costs": "trate"}, 60, lambda a, b: own.ham(a, b, rates)),
        "dhd": ({"method": "dhd"}, 60, lambda a, b: own.dhd(a, b, positions)),
        "lcs": ({"method": "lcs"}, 60, own.lcs),
        "lcp": ({"method": "lcp"}, 60, own.lcp),
        "rlcp": ({"method": "rlcp"}, 60, lambda a, b: own.lcp(a[::-1], b[::-1])),
        "omloc": (
            {"method": "omloc", "costs": "trate", "expansion": 0.3, "context": 0.4},
            60, lambda a, b: own.omloc(a, b, rates, 0.3, 0.4),
        ),
        "omslen": (
            {"method": "omslen", **constant}, 60,
            lambda a, b: own.omslen(a, b, two, one, 0.5, "mean"),
        ),
        "omspell": (
            {"method": "omspell", "costs": "trate"}, 60,
            lambda a, b: own.omspell(a, b, rates, indel, 0.5, 1.0),
        ),
        "omstran": (
            {"method": "omstran", "costs": "indelslog"}, 60,
            lambda a, b: own.omstran(a, b, log, log_indel, 0.5),
        ),
        "twed": (
            {"method": "twed", "costs": "trate"}, 60, lambda a, b: own.twed(a, b, rates, 0.5, 0.5),
        ),
        "nms": ({"method": "nms"}, 12, own.nms),
        "nmsmst": ({"method": "nmsmst"}, 60, own.nmsmst),
        "svrspell": ({"method": "svrspell"}, 60, lambda a, b: own.svrspell(a, b, 1.0)),
        "chi2": ({"method": "chi2"}, 60, chi2(shares.mean(axis=0))),
        "euclid": ({"method": "euclid"}, 60, chi2(None)),
    }  # fmt: skip


def defined(careers: Any) -> list[dict[str, Any]]:
    """Compare distances with their definitions."""
    codes = careers.codes.astype(int).tolist()
    first = [at for at, row in enumerate(codes) if row not in codes[:at]]
    rows = []
    for name, (options, most, slow) in definitions(careers).items():
        pairs = list(itertools.combinations(first[:most], 2))
        other = np.array([slow(codes[i], codes[j]) for i, j in pairs])
        row: dict[str, Any] = {"measure": f"{name}, by definition", "pairs": len(pairs)}
        for precision in ("f64", "f32"):
            found = careers.distances(**options, precision=precision)
            own = np.array([found[i, j] for i, j in pairs])
            row[f"gap_{precision}"], row[f"relative_{precision}"] = gaps(own, other)
        rows.append(row)
    return rows


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
    rows += defined(careers)
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
