"""Registry, recall, agreement, prevalence, joint displays."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path

import numpy as np
import pytest

import kruispunt as kp
from kruispunt.exceptions import InputError

KEY = bytes(range(32))
ORACLE = Path(__file__).parents[2] / "crates/kruispunt-cases/tests/oracles/agreement/expected.json"
AGREEMENT = json.loads(ORACLE.read_text(encoding="utf-8"))["cases"]


@pytest.fixture
def registry(tmp_path):
    return kp.cases.Registry(tmp_path / "log.jsonl", KEY)


def test_q5_pseudonyms_are_hmac_sha_256(registry):
    expected = hmac.new(KEY, b"kruispunt pseudonym" + b"85073003328", hashlib.sha256).hexdigest()
    assert registry.pseudonym("85073003328") == "P" + expected[:20]
    assert registry.pseudonym(85073003328) == registry.pseudonym("85073003328")


def test_q5_no_identifier_is_in_any_file(registry, tmp_path):
    registry.register(["85073003328", "90010100101"], ["interview"])
    for file in tmp_path.iterdir():
        assert b"85073003328" not in file.read_bytes()
        assert KEY.hex().encode() not in file.read_bytes()


def test_q5_revoking_one_case_changes_all_that_is_derived(registry, tmp_path):
    who = registry.register(["a", "b", "c"], ["quote", "timeline"], on="2026-01-05")
    told = {"case": [*who, who[0]], "code": ["x", "x", "y", "y"], "text": ["1", "2", "3", "4"]}
    people = {"pid": who, "type": ["t", "t", "t"]}

    def quote():
        display = kp.cases.joint_display(
            people, told, person="pid", quote="text", consent=registry, least=1
        )
        return display.to_frame()["quote"].tolist()

    assert quote() == ["\N{LEFT DOUBLE QUOTATION MARK}1\N{RIGHT DOUBLE QUOTATION MARK} (x)"]
    registry.revoke(who[:1])
    assert quote() == ["\N{LEFT DOUBLE QUOTATION MARK}2\N{RIGHT DOUBLE QUOTATION MARK} (x)"]
    assert registry.keep(told, "case", "timeline")["text"].tolist() == ["2", "3"]
    registry.revoke(who[1:], "quote")
    assert quote() == [None]
    assert registry.consented("timeline") == sorted(who[1:])
    registry.consent(who[:1], "quote")
    assert registry.consented("quote") == who[:1]
    again = kp.cases.Registry(tmp_path / "log.jsonl", KEY)
    assert again.consented("quote") == who[:1]
    assert again.log()["act"].tolist() == ["register"] * 3 + ["revoke"] * 3 + ["consent"]


def test_q5_the_log_shows_what_was_done_to_it(registry, tmp_path):
    who = registry.register(["a", "b", "c"], ["quote"])
    registry.revoke(who[:1], "quote")
    head = registry.head
    path = tmp_path / "log.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    changed = {
        "changed": [*lines[:3], lines[3].replace("revoke", "consent")],
        "taken out": [lines[0], *lines[2:]],
        "put in": [lines[0], lines[0], *lines[1:]],
        "exchanged": [lines[1], lines[0], *lines[2:]],
        "not JSON": [lines[0], "{\n"],
        "cut short": [*lines[:3], lines[3][:-20]],
    }
    for what, content in changed.items():
        path.write_text("".join(content))
        with pytest.raises(InputError, match="of the log"):
            kp.cases.Registry(path, KEY)
        with pytest.raises(InputError, match="of the log"):
            registry.register(["d"])
        assert path.read_text() == "".join(content), what
    path.write_text("".join(lines[:3]))
    with pytest.raises(InputError, match="is missing"):
        kp.cases.Registry(path, KEY).verify(head)
    path.write_text("".join(lines))
    registry.verify(head)
    with pytest.raises(InputError, match="the key is another one"):
        kp.cases.Registry(path, bytes(32))


def test_q5_two_sessions_write_one_log(registry, tmp_path):
    other = kp.cases.Registry(tmp_path / "log.jsonl", KEY)
    registry.register(["a"])
    other.register(["b"])
    registry.register(["c"])
    assert kp.cases.Registry(tmp_path / "log.jsonl", KEY).head == registry.head
    assert registry.head[0] == 3


def test_q5_keys_and_pseudonyms_in_tables(tmp_path):
    path = kp.cases.Registry.new_key(tmp_path / "key")
    assert path.stat().st_mode & 0o077 == 0
    assert len(path.read_bytes()) == 32
    with pytest.raises(InputError, match="never written over"):
        kp.cases.Registry.new_key(path)
    registry = kp.cases.Registry(tmp_path / "log", path)
    made = registry.pseudonymise({"pid": [7, 9, 7, None], "x": [1, 2, 3, 4]}, "pid")
    assert made["pid"][0] == made["pid"][2] == registry.pseudonym(7)
    assert made["pid"][3] is None
    with pytest.raises(InputError, match="32 random bytes"):
        kp.cases.Registry(tmp_path / "log", b"short")
    with pytest.raises(InputError, match="not registered"):
        registry.revoke(["P00"])


def test_q6_what_is_told_is_compared_with_the_register():
    jobs = kp.Spells(
        {
            "pid": [1, 1, 1, 2, 3],
            "start": ["2010-01-10", "2012-06-01", "2014-01-01", "2011-01-01", "2011-01-01"],
            "end": ["2011-12-31", "2013-12-31", None, None, None],
            "status": ["job", "training", "job", "job", "job"],
        },
        person="pid", start="start", end="end", state="status",
    )  # fmt: skip
    told = {
        "pid": [1, 1, 1, 2, 2, None],
        "day": ["2010-02-01", "2013-06-01", "2016-01-01", "2010-01-01", "2005-05-05", "2010-01-01"],
        "event": ["job", "training", "abroad", "job", "job", "job"],
    }
    found = kp.cases.recall(told, jobs, person="pid")
    rows = found.to_frame()
    answer = list(zip(rows["person"], rows["event"], rows["outcome"], strict=True))
    assert answer == [
        ("1", "job", "matched"),
        ("1", "training", "telescoped forward"),
        ("1", "abroad", "not in register"),
        ("1", "job", "not told"),
        ("2", "job", "telescoped backward"),
        ("2", "job", "not in register"),
    ]
    days = kp.Table(found).to_dict()["days"]
    np.testing.assert_array_equal(days[[0, 1, 4]], [22, 365, -365])
    step = found.account.steps[-1]
    assert step.adds_up
    assert "matched: 1" in step.notes


@pytest.mark.parametrize("case", AGREEMENT, ids=lambda case: case["name"])
def test_q8_agreement_is_that_of_the_peers(case):
    rows = [
        (unit, coder, value)
        for coder, row in enumerate(case["values"])
        for unit, value in enumerate(row)
    ]
    data = {
        "unit": [r[0] for r in rows],
        "coder": [r[1] for r in rows],
        "value": [r[2] for r in rows],
    }
    found = kp.Table(kp.cases.agreement(data)).to_dict()
    np.testing.assert_allclose(found["alpha"], case["alpha"], rtol=1e-12)
    np.testing.assert_allclose(found["kappa"], case["kappa"], rtol=1e-12)
    assert found["low"][0] < case["alpha"] < found["high"][0]


def test_q8_agreement_by_code_and_without_variation():
    data = {
        "unit": [1, 1, 2, 2, 1, 1, 2, 2], "coder": ["A", "B"] * 4,
        "code": ["x"] * 4 + ["y"] * 4, "value": [True, True, False, False, True, True, True, True],
    }  # fmt: skip
    found = kp.Table(kp.cases.agreement(data, by="code", draws=50)).to_dict()
    assert found["code"].tolist() == ["x", "y"]
    assert found["percent"].tolist() == [1, 1]
    assert found["alpha"][0] == 1
    # All judgements are one value: nothing can be said beyond chance.
    assert np.isnan(found["alpha"][1])
    with pytest.raises(InputError, match="a second one at row 1"):
        kp.cases.agreement({"unit": [1, 1], "coder": ["A", "A"], "value": [1, 2]})


def test_q8_a_planted_association_is_recovered():
    rng = np.random.default_rng(4)
    n = 60
    types = np.repeat(["fast", "slow", "never"], 20)
    chance = {"language": {"fast": 0.1, "slow": 0.9, "never": 0.5}}
    cases, codes = [], []
    for at in range(n):
        for code in ("language", "luck", "kin"):
            if rng.random() < chance.get(code, {}).get(types[at], 0.4):
                # A code twice in one interview counts once.
                cases += [at, at]
                codes += [code, code]
    people = {"pid": np.arange(n), "type": types}
    options = {"person": "pid", "draws": 1999}
    found = kp.Table(
        kp.cases.prevalence(people, {"case": cases, "code": codes}, **options)
    ).to_dict()
    p = dict(zip(found["code"].tolist(), found["p"].tolist(), strict=True))
    adjusted = dict(zip(found["code"].tolist(), found["p_adjusted"].tolist(), strict=True))
    assert p["language"] < 0.01
    assert adjusted["language"] < 0.01
    assert min(adjusted["luck"], adjusted["kin"]) > 0.05
    assert all(adjusted[code] >= p[code] for code in p)
    # Pearson's statistic by hand.
    has = np.isin(np.arange(n), [c for c, k in zip(cases, codes, strict=True) if k == "language"])
    table = np.array(
        [[(has & (types == t)).sum(), (~has & (types == t)).sum()] for t in np.unique(types)]
    )
    expected = table.sum(1, keepdims=True) * table.sum(0, keepdims=True) / n
    statistic = ((table - expected) ** 2 / expected).sum()
    at = found["code"].tolist().index("language")
    np.testing.assert_allclose(found["statistic"][at], statistic)
    again = kp.cases.prevalence(people, {"case": cases, "code": codes}, **options)
    assert kp.Table(again).to_dict()["p"].tolist() == found["p"].tolist()


def test_q7_a_joint_display_hides_small_groups_and_quotes_by_consent():
    people = {"pid": np.arange(30), "type": ["slow"] * 14 + ["fast"] * 13 + ["rare"] * 3}
    codings = {
        "case": [0, 1, 2, 3, 4, 14, 15, 27],
        "code": ["language"] * 4 + ["luck"] * 4,
        "text": [f"<said by {at}>" for at in (0, 1, 2, 3, 4, 14, 15, 27)],
    }
    estimates = {
        "type": ["fast", "rare", "slow"],
        "att": [0.1, 0.2, -0.05],
        "note": ["a", "b", "c"],
    }
    display = kp.cases.joint_display(
        people, codings, person="pid", estimates=estimates, quote="text", consent=["2", "27"]
    )
    rows = kp.Table(display).to_dict()
    assert rows["group"].tolist() == ["fast", "rare", "slow"]
    np.testing.assert_array_equal(rows["n"], [13, np.nan, 14])
    np.testing.assert_array_equal(rows["att"], [0.1, np.nan, -0.05])
    np.testing.assert_array_equal(rows["code: language"], [np.nan, np.nan, 0.8])
    left, right = "\N{LEFT DOUBLE QUOTATION MARK}", "\N{RIGHT DOUBLE QUOTATION MARK}"
    assert rows["quote"].tolist() == [None, None, f"{left}<said by 2>{right} (language)"]
    everybody = kp.cases.joint_display(people, codings, person="pid", interviewed=range(10))
    np.testing.assert_array_equal(
        kp.Table(everybody).to_dict()["code: language"], [np.nan, np.nan, 0.4]
    )
    page = display.html()
    assert "&lt;said by 2&gt;" in page
    assert "<said" not in page
    assert "said by 27" not in page
    assert "http" not in page
    assert any("quotes of those who did not consent" in n for n in display.account.steps[-1].notes)
