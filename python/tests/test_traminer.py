"""Careers beside what TraMineR 2.2-12 gives of them, where its data are at hand."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest

import kruispunt as kp
from kruispunt.trajectory import Sequences, combine, multichannel

STATES = ["employment", "FE", "HE", "joblessness", "school", "training"]


def reference(name):
    folder = Path(os.environ.get("KRUISPUNT_ORACLES", "/nowhere")) / name
    if not folder.is_dir():
        pytest.skip("KRUISPUNT_ORACLES names no folder with this data")
    stored = json.loads((folder / "reference.json").read_text(encoding="utf-8"))
    return folder, stored


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def mvad():
    folder, stored = reference("mvad")
    rows = rows_of(folder / "mvad.csv")
    names = list(rows[0])[14:86]
    columns = {name: [row[name] for row in rows] for name in ["id", *names]}
    return Sequences(columns, names, id="id", states=STATES), stored, rows


@pytest.fixture(scope="module")
def distances(mvad):
    return mvad[0].distances("om", costs="trate", indel=1.0)


def test_m1_a_map_of_careers(mvad, distances):
    """State distributions, spells, transitions, types, medoids, discrepancy by group: one pass."""
    sequences, stored, rows = mvad
    assert (len(sequences), len(sequences.positions)) == (712, 72)
    assert sequences.n_unique < 712
    shares = kp.Table(sequences.distribution()).to_dict()
    expected = np.array(stored["cross_sectional"]["distribution"])
    np.testing.assert_allclose(np.stack([shares[name] for name in STATES]), expected, atol=1e-12)
    np.testing.assert_allclose(
        sequences.transition_rates(), stored["distances_unweighted"]["trate"], atol=1e-12
    )
    square = distances.square()
    om = stored["distances_unweighted"]["OM_trate_indel1"]
    np.testing.assert_allclose(square[:25, :25], om["first"], rtol=1e-9)
    assert square.sum() == pytest.approx(om["sum"], rel=1e-9)
    medoids = stored["clustering_OM_trate_indel1"]["pam4"]
    types = distances.pam(4)
    assert sorted(types.sizes.tolist()) == sorted(medoids["sizes"])
    assert types.total / 712 == pytest.approx(medoids["objective"][1], rel=1e-9)
    assert types.quality["asw"] == pytest.approx(medoids["avg_sil"], rel=1e-9)
    assert distances.discrepancy == pytest.approx(stored["disscenter"]["dissvar"], rel=1e-9)
    group = [row["gcse5eq"] for row in rows]
    compared = distances.compare(group, permutations=99, seed=1)
    assert compared["f"] == pytest.approx(stored["dissassoc_gcse5eq"]["pseudoF"], rel=1e-9)
    assert compared["r2"] == pytest.approx(stored["dissassoc_gcse5eq"]["pseudoR2"], rel=1e-9)
    assert compared["f_pvalue"] == 0.01


def test_representatives_are_those_of_traminer(mvad, distances):
    expected = [at - 1 for at in mvad[1]["representatives_density_25"]["idx"]]
    assert distances.representatives().rows.tolist() == expected


def test_spells_and_distinct_states_are_those_of_traminer(mvad):
    sequences, stored, _ = mvad
    spells = kp.Table(sequences.to_frame(format="spell")).to_dict()
    head, n = stored["STS_to_SPELL"]["head"], stored["STS_to_SPELL"]["n"]
    assert len(spells["state"]) == n
    for own, other in (("id", "id"), ("begin", "begin"), ("end", "end"), ("state", "states")):
        assert [str(value) for value in spells[own][:20]] == head[other]
    dss = kp.Table(sequences.to_frame(format="dss")).to_dict()
    lengths = [[int(n) for n in own.split("-")] for own in dss["lengths"]]
    assert sum(len(own) for own in lengths) == stored["dss_dur"]["n_dss_total"]
    for own, other in zip(lengths, stored["dss_dur"]["dur_first"], strict=False):
        known = [n for n in other if n is not None]
        assert own[: len(known)] == known
    back = Sequences.from_dss(sequences.to_frame(format="dss"), id="id", alphabet=STATES)
    np.testing.assert_array_equal(back.codes, sequences.codes)


def test_spells_since_the_start_are_those_of_traminer():
    folder, stored = reference("seq_small")
    rows = rows_of(folder / "bfspell20.csv")
    began = {row["id"]: int(float(row["when15"])) for row in rows_of(folder / "bfpdata20.csv")}
    first = {}
    for row in rows:
        begin = int(float(row["begin"]))
        first[row["id"]] = min(first.get(row["id"], begin), begin)
    table = {
        "id": [row["id"] for row in rows],
        "begin": [int(float(row["begin"])) for row in rows],
        "end": [int(float(row["end"])) for row in rows],
        "state": [row["states"] for row in rows],
    }
    own = Sequences.from_spells(
        table, person="id", begin="begin", end="end", state="state", clock="person"
    )
    expected = stored["bfspell_SPELL_to_STS_process_when15_limit16"]
    at = {str(one): row for row, one in enumerate(own.ids.tolist())}
    compared = 0
    for one, row in zip(expected["ids"], expected["rows"], strict=True):
        if first[one] != began[one]:
            continue
        known = [state for state in row.split("|") if state != "NA"]
        assert own.text(at[one]).split("-")[: len(known)] == known
        compared += 1
    assert compared >= 15


def test_channels_of_real_careers(mvad):
    """Two halves of a career are two channels that cut it position by position."""
    sequences, _, _ = mvad
    frame = {name: own.tolist() for name, own in sequences.to_frame().items()}
    names = [name for name in frame if name != "id"]
    work = {
        name: ["in" if state == "employment" else "out" for state in frame[name]] for name in names
    }
    learn = {
        name: ["yes" if state in {"FE", "HE", "school"} else "no" for state in frame[name]]
        for name in names
    }
    channels = {
        "work": Sequences(work | {"id": frame["id"]}, names, id="id"),
        "learn": Sequences(learn | {"id": frame["id"]}, names, id="id"),
    }
    assert combine(channels).states == ["in + no", "out + no", "out + yes"]
    together = multichannel(channels, costs=2.0)
    apart = multichannel(channels, how="distances", costs=2.0)
    # aligned on its own each channel is at most as far as aligned together
    assert (together.condensed() >= 0).all()
    assert (together.square() >= apart.square() - 1e-9).all()
    lcs = channels["work"].distances("lcs").square() + channels["learn"].distances("lcs").square()
    np.testing.assert_allclose(apart.square(), lcs, atol=1e-9)
