"""Several sequences a person, formats both ways, undesirable careers."""

from __future__ import annotations

import itertools
import json
import pickle
from pathlib import Path

import numpy as np
import pytest

import kruispunt as kp
from kruispunt.exceptions import InputError
from kruispunt.trajectory import Sequences, combine, multichannel

ORACLE = Path(__file__).parents[2] / "crates/kruispunt/tests/oracles/channels/expected.json"
EXPECTED = json.loads(ORACLE.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def channels():
    def read(words):
        table = {"pid": np.arange(len(words))}
        table |= {f"t{at}": [word[at] for word in words] for at in range(len(words[0]))}
        return Sequences(table, id="pid")

    return {name: read(words) for name, words in EXPECTED["sequences"].items()}


def upper(distances):
    square = distances.square()
    return square[np.triu_indices(len(square), 1)]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("costs_trate", {"costs": "trate", "indel": 1.0}),
        (
            "costs_weighted",
            {"costs": {"work": "trate", "home": 2.0}, "indel": 1.0, "weights": {"home": 0.5}},
        ),
        ("costs_ham", {"method": "ham", "costs": 1.0}),
        ("distances_trate", {"costs": "trate", "indel": 1.0, "how": "distances"}),
    ],
)
def test_distances_of_channels_are_those_of_the_peer(channels, name, options):
    distances = multichannel(channels, **options)
    np.testing.assert_allclose(upper(distances), EXPECTED["distances"][name], atol=1e-9)
    single = multichannel(channels, **options, precision="f32")
    np.testing.assert_allclose(upper(single), EXPECTED["distances"][name], rtol=1e-5, atol=1e-5)


def test_positions_alone_do_not_care_how_channels_are_added(channels):
    for weights in ({"work": 1.0, "home": 1.0}, {"work": 0.3, "home": 2.0}):
        one = multichannel(channels, "ham", costs=1.0, weights=weights)
        two = multichannel(channels, "ham", costs=1.0, weights=weights, how="distances")
        np.testing.assert_allclose(one.square(), two.square(), atol=1e-12)
        expected = sum(
            weight * (own.codes[:, None] != own.codes[None]).sum(axis=2)
            for own, weight in zip(channels.values(), weights.values(), strict=True)
        )
        np.testing.assert_allclose(one.square(), expected, atol=1e-12)


def test_combined_sequences_hold_what_channels_hold(channels):
    both = combine(channels)
    work, home = channels.values()
    for row in (0, 7, 29):
        parts = zip(work.text(row).split("-"), home.text(row).split("-"), strict=True)
        assert both.text(row) == "-".join(f"{a} + {b}" for a, b in parts)
    assert set(both.states) <= {" + ".join(pair) for pair in itertools.product("esu", "cp")}
    types = multichannel(channels, costs="trate").pam(3)
    assert types.sequences == both
    assert work.plot("chronogram", by=types) is not None
    assert pickle.loads(pickle.dumps(both)) == both
    # three channels, of which one says nothing, are two
    still = Sequences({"pid": np.arange(30)} | {f"t{at}": ["x"] * 30 for at in range(12)}, id="pid")
    three = multichannel(channels | {"still": still}, "ham", costs=1.0)
    np.testing.assert_allclose(three.square(), multichannel(channels, "ham", costs=1.0).square())


def test_persons_are_met_and_gaps_stay_in_their_channel():
    work = Sequences({"pid": [3, 1, 2], "a": ["w", "w", "u"], "b": ["w", "u", "u"]}, id="pid")
    home = Sequences({"pid": [1, 3, 9], "a": ["s", "m", "s"], "b": [None, "m", "s"]}, id="pid",
                     right="missing")  # fmt: skip
    both = combine({"work": work, "home": home})
    assert both.ids.tolist() == [3, 1]
    assert both.text(1) == "w + s-u + *"
    step = both.account.steps[-1]
    assert step.verb == "channels"
    assert step.excluded[0].reason == "not in all channels"
    assert step.excluded[0].count.rows == 1
    channels = {"work": work, "home": home}
    with pytest.raises(InputError, match="has missing states"):
        multichannel(channels)
    distances = multichannel(channels, "ham", costs=1.0, missing="state")
    assert distances[0, 1] == 3.0
    parts = multichannel(channels, "ham", costs=1.0, missing="state", how="distances")
    assert parts[0, 1] == 3.0


def test_channels_say_what_is_wrong(channels):
    work = channels["work"]
    with pytest.raises(InputError, match="two channels or more"):
        combine({"work": work})
    with pytest.raises(InputError, match="name each"):
        combine([work, work])
    short = Sequences({"pid": [0, 1], "a": ["x", "y"]}, id="pid")
    with pytest.raises(InputError, match="same number of positions"):
        combine({"work": work, "short": short})
    twice = Sequences({"pid": [0, 0], "a": ["x", "y"]}, id="pid")
    with pytest.raises(InputError, match="each person once"):
        combine({"one": short, "two": twice})
    nobody = Sequences({"pid": [7, 8], "a": ["x", "y"]}, id="pid")
    with pytest.raises(InputError, match="in all channels"):
        combine({"one": short, "two": nobody})
    with pytest.raises(InputError, match="there is no channel"):
        multichannel(channels, weights={"family": 1.0})
    with pytest.raises(InputError, match="weight of at least 0"):
        multichannel(channels, weights={"home": -1.0})
    with pytest.raises(InputError, match="cannot be used"):
        multichannel(channels, "lcs")
    with pytest.raises(InputError, match="none of costs, distances"):
        multichannel(channels, how="sum")
    many = Sequences({"pid": np.arange(256), "a": [f"s{at // 16}" for at in range(256)]}, id="pid")
    other = Sequences({"pid": np.arange(256), "a": [f"s{at % 16}" for at in range(256)]}, id="pid")
    with pytest.raises(InputError, match="more than the 250"):
        combine({"one": many, "two": other})


def test_costs_of_ones_own_with_insertions(channels):
    work = channels["work"]
    substitution, indel = work.costs("indels")
    given = work.distances("om", costs=(substitution, indel))
    np.testing.assert_array_equal(
        given.condensed(), work.distances("om", costs="indels").condensed()
    )
    with pytest.raises(InputError, match="one cost a state"):
        work.distances("om", costs=(substitution, [1.0]))


def test_formats_come_back(channels):
    own = channels["work"]
    frame = own.to_frame(format="dss")
    back = Sequences.from_dss(frame, id="pid", alphabet=own.states)
    assert [back.text(at) for at in range(30)] == [own.text(at) for at in range(30)]
    for form, again in {
        "sts": lambda f: Sequences(f, id="pid", states=own.states),
        "sps": lambda f: Sequences.from_sps(f, "sequence", id="pid", states=own.states),
        "spell": lambda f: Sequences.from_spells(
            f, person="pid", begin="begin", end="end", state="state", states=own.states
        ),
    }.items():
        read = again(own.to_frame(format=form))
        np.testing.assert_array_equal(read.codes, own.codes)
    gaps = Sequences.from_dss({"states": ["a-*-b"], "lengths": ["2-1-3"]})
    assert gaps.text(0) == "a-a-*-b-b-b"
    for lengths in ("2-x-3", "2-1", "2-0-3"):
        with pytest.raises(InputError, match="row 0"):
            Sequences.from_dss({"states": ["a-*-b"], "lengths": [lengths]})


WORDS = [
    "aaaaaaaa", "aaaabbbb", "aaaadddd", "ddddaaaa", "abababab", "aabbccdd", "ddccbbaa", "acbdacbd",
    "bbbbbbbb", "dddddddd", "aabbaabb", "abbbbbbb", "aaaaaaab",
]  # fmt: skip
# Sequenzo 0.1.42, get_degradation_index(spell_integr=False) and get_precarity_index
PEER = {
    "one": [0, 1, 1, -1, 1 / 7, 1, -1, 1 / 7, 0, 0, 1 / 3, 1, 1],
    "rank": [0, 1, 1, -1, 1 / 7, 1, -1, 3 / 13, 0, 0, 1 / 3, 1, 1],
}
PRECARITY = {
    "one": [0, .49120, .49120, .2, .66400, 1.20320, .2, .93903, .06667, .2, .52301, .36215, .36215],
    "rank": [0, .49120, .49120, .2, .66400, 1.20320, .2, 1.02637, .06667, .2, .52301, .36215, .36215],
}  # fmt: skip


@pytest.fixture(scope="module")
def words():
    return Sequences({f"t{at}": [word[at] for word in WORDS] for at in range(8)})


def test_precarity_is_that_of_the_peer(words):
    for weight, expected in PEER.items():
        np.testing.assert_allclose(words.degradation("abcd", weight=weight), expected, atol=1e-12)
    for weight, expected in PRECARITY.items():
        np.testing.assert_allclose(words.precarity("abcd", weight=weight), expected, atol=6e-6)


def test_rare_changes_count_more(words):
    pairs = [
        [a + b for a, b in itertools.pairwise(word) if a != b] for word in WORDS
    ]  # fmt: skip
    all_pairs = [pair for own in pairs for pair in own]
    rate = {
        pair: all_pairs.count(pair) / sum(other[0] == pair[0] for other in all_pairs)
        for pair in set(all_pairs)
    }
    assert max(rate.values()) < 0.99
    expected = []
    for own in pairs:
        weights = [1 - rate[pair] for pair in own]
        signed = [w if p[1] > p[0] else -w for w, p in zip(weights, own, strict=True)]
        expected.append(sum(signed) / sum(weights) if own else 0.0)
    found = words.degradation("abcd", weight="rates")
    np.testing.assert_allclose(found, expected, atol=1e-12)
    start = np.array(["abcd".index(word[0]) / 3 for word in WORDS])
    prec = 0.2 * start + 0.8 * (1 + found) ** 1.2 * words.complexity()
    np.testing.assert_allclose(words.precarity("abcd"), prec, atol=1e-12)
    # where one change is all there is after a state, it still counts a tenth
    only = Sequences({"a": ["x", "y"], "b": ["y", "y"], "c": ["x", "y"]})
    np.testing.assert_allclose(only.degradation("xy", weight="rates"), [0.0, 0.0])


def test_insecurity_is_what_it_is_defined_as(words):
    degree = {state: at / 3 for at, state in enumerate("abcd")}
    for power in (0.0, 1.0, 2.0):
        weights = np.arange(1, 9) ** power
        expected = []
        for word, complexity in zip(WORDS, words.complexity(), strict=True):
            total, before, at = complexity, None, 0
            for state, run in itertools.groupby(word):
                n = len(list(run))
                share = weights[at : at + n].sum() / weights.sum()
                total += share * (degree[state] if before is None else degree[state] - before)
                before, at = degree[state], at + n
            expected.append(total)
        np.testing.assert_allclose(words.insecurity("abcd", power=power), expected, atol=1e-12)
        bad = [sum(w * degree[s] for w, s in zip(weights, word, strict=True)) for word in WORDS]
        np.testing.assert_allclose(
            words.badness("abcd", power=power), np.array(bad) / weights.sum(), atol=1e-12
        )


def test_states_may_be_as_good_or_not_comparable(words):
    # b and c are one: no change between them
    own = words.degradation(["a", ["b", "c"], "d"], weight="one")
    np.testing.assert_allclose(own[7], 3 / 5)
    # without b: aabbaabb is a alone, aaaabbbb too
    own = words.degradation(["a", "c", "d"], weight="one")
    np.testing.assert_array_equal(own[[1, 10]], 0)
    np.testing.assert_allclose(own[7], 3 / 5)
    # a career in a state that is not comparable stands at the mean degree
    assert words.badness(["a", "c", "d"])[8] == 0.5
    given = words.badness({"a": 0.0, "b": 0.1, "c": 0.2, "d": 1.0})
    assert given[8] == pytest.approx(0.1)
    with pytest.raises(InputError, match="not in the alphabet"):
        words.precarity("abx")
    with pytest.raises(InputError, match="degree from 0 to 1"):
        words.precarity({"a": 0.0, "b": 2.0})
    with pytest.raises(InputError, match="`start`"):
        words.precarity("abcd", start=2)


def test_a_panel_gives_channels():
    periods = [f"20{year}Q{quarter}" for year in (10, 11) for quarter in range(1, 5)]
    rng = np.random.default_rng(1)
    panel = kp.Panel(
        {
            "pid": np.repeat(np.arange(20), 8),
            "q": periods * 20,
            "work": rng.choice(["in", "out"], 160),
            "home": rng.choice(["single", "couple"], 160),
        },
        person="pid",
        period="q",
    )
    channels = {name: panel.sequences(name) for name in ("work", "home")}
    types = multichannel(channels, costs="trate").pam(2)
    panel = panel.attach_person(types)
    assert set(panel["type"]) == {"type 1", "type 2"}
