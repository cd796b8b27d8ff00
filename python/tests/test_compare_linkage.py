"""Every line of the linkage table in docs/COMPARE.md: what kruispunt does, and what peers were seen to do."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path

import numpy as np
import pytest

import kruispunt as kp
from kruispunt.exceptions import InputError

c = kp.linkage
ROOT = Path(__file__).parents[2]
RECORD = ROOT / "benches/record/2026-11-28-linkage-peers.json"
PEERS = ["Splink", "fastLink", "dedupe", "recordlinkage", "anonlink", "GoldenMatch"]


def table():
    text = (ROOT / "docs/COMPARE.md").read_text(encoding="utf-8")
    part = text.split("## Record linkage, line by line")[1].split("\n## ")[0]
    rows = [
        re.split(r"\s*\|\s*", line.strip("| "))
        for line in part.splitlines()
        if line.startswith("|")
    ]
    return rows[0], {row[0]: row[1:] for row in rows[2:]}


@pytest.fixture(scope="module")
def job():
    """Two lists with slips, a street and a postcode that move together, some values missing."""
    rng = np.random.default_rng(8)
    n = 3000
    letters = np.array(list("abcdefghijklmnop"))
    words = np.array(["".join(rng.choice(letters, 6)) for _ in range(3000)])
    left = {
        "first": words[rng.zipf(1.6, n) % 300], "last": words[400 + rng.integers(0, 1200, n)],
        "birth": (np.datetime64("1950-01-01") + rng.integers(0, 9000, n)).astype(str),
        "street": words[1600 + rng.integers(0, 1400, n)],
        "postcode": rng.integers(1000, 1200, n).astype(str),
        "origin": rng.choice(["BE", "MA", "TR"], n),
    }  # fmt: skip
    right = {name: own.copy() for name, own in left.items()}
    moved = rng.random(n) < 0.3
    right["street"][moved] = words[1600 + rng.integers(0, 1400, moved.sum())]
    right["postcode"][moved] = rng.integers(1000, 1200, moved.sum()).astype(str)
    for name in ("first", "last", "birth"):
        wrong = rng.random(n) < 0.12
        right[name][wrong] = left[name][rng.integers(0, n, wrong.sum())]
    left["first"] = np.where(rng.random(n) < 0.05, None, left["first"])
    keep, order = rng.random(n) < 0.9, rng.permutation(n)
    left = {name: own[keep] for name, own in left.items()} | {"person": np.arange(n)[keep]}
    right = {name: own[order] for name, own in right.items()} | {"person": order}
    linker = c.Linker(
        [c.name("first", tf=True), c.name("last", tf=True), c.date("birth"), c.exact("street"),
         c.exact("postcode")],
        [["first", "last"], ["last", "birth"], ["first", "birth"], ["street", "postcode"]],
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", kp.exceptions.DesignWarning)
        linker.train(left, right, progress=False)
        return linker, linker.link(left, right, progress=False)


def col(frame, name):
    return np.asarray(frame[name])


def several_levels(linker, links, _):
    found = linker.parameters()
    assert (np.asarray(found["comparison"]) == "last").sum() >= 4
    assert np.isfinite(found["m"]).all()


def missing(linker, links, _):
    pairs = links.pairs
    at = next(k for k, own in enumerate(pairs["level_first"]) if own is None)
    steps = links.waterfall(int(at))
    step = list(steps["step"]).index("first")
    assert steps["level"][step] == "missing"
    assert steps["weight"][step] == 0


def match_share(linker, links, _):
    right = links._right
    assert linker.match_share == pytest.approx(1 / len(right["person"]), rel=0.05)
    assert 0.9 < linker.completeness <= 1


def dependence(linker, links, _):
    found = linker.dependencies()
    used = [pair for pair, own in zip(zip(found["first"], found["second"], strict=True),
                                      found["in_model"], strict=True) if own]  # fmt: skip
    assert ("street", "postcode") in used


def frequencies(linker, links, _):
    assert sum(own.tf for own in linker.comparisons) >= 2
    steps = [links.waterfall(at) for at in range(40)]
    for name in ("first", "last"):
        added = [own["tf_adjustment"][list(own["step"]).index(name)] for own in steps]
        assert len({round(float(own), 6) for own in added}) > 5


def automatic(linker, links, _):
    assert 0 < links.threshold < 1
    few = linker.link(links._left, links._right, fdr=0.001, progress=False)
    assert 1 - np.mean(few.pairs["probability"]) <= 0.001
    goal = col(c.evaluate(links, "person"), "f1")[0]
    assert goal >= col(c.ranking(links, "person"), "best_f1")[0] - 0.003


def label_free(linker, links, _):
    report = links.report(by="origin", truth="person")
    assert np.abs(col(report, "expected_precision") - col(report, "precision")).max() < 0.02
    assert np.abs(col(report, "expected_recall") - col(report, "recall")).max() < 0.05


def one_to_one(linker, links, _):
    """Best first takes one pair of 5.8 bits; the optimum is two of 3.8."""
    pairs = links.pairs
    assert len(set(pairs["left_row"])) == len(set(pairs["right_row"])) == len(links)

    def comparison(column, bits):
        equal = {"sql_condition": f'"{column}_l" = "{column}_r"'}
        levels = [equal | {"m_probability": 0.5, "u_probability": 0.5 / 2**bits},
                  {"sql_condition": "ELSE", "m_probability": 0.5, "u_probability": 0.5 * 2**0.1}]  # fmt: skip
        return {"comparison_levels": levels}

    small = c.Linker.from_splink(
        {"comparisons": [comparison("c", 6), comparison("d", 4), comparison("e", 4)],
         "blocking_rules_to_generate_predictions": ['l."town" = r."town"'],
         "probability_two_random_records_match": 0.5}
    )  # fmt: skip
    left = {"town": ["x", "x"], "c": ["a", "b"], "d": ["a", "b"], "e": ["b", "a"]}
    right = {"town": ["x", "x"], "c": ["a", "q"], "d": ["q", "a"], "e": ["a", "q"]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", kp.exceptions.DesignWarning)
        best = small.link(left, right, threshold=0.02)
    assert list(zip(best.pairs["left_row"], best.pairs["right_row"], strict=True)) == [
        (0, 1),
        (1, 0),
    ]


def intervals(linker, links, _):
    found = c.evaluate(links, "person")
    for name in ("precision", "recall", "f1", "b3_precision", "b3_recall", "b3_f1"):
        assert col(found, f"{name}_low")[0] <= col(found, name)[0] <= col(found, f"{name}_high")[0]
        assert col(found, f"{name}_low")[0] < col(found, f"{name}_high")[0]


def clerical(linker, links, _):
    sample = c.clerical_sample(links, 300, by="origin")
    pairs = sample.pairs
    labels = (np.asarray(links._left["person"])[col(pairs, "left_row")]
              == np.asarray(links._right["person"])[col(pairs, "right_row")])  # fmt: skip
    rates = sample.estimate(labels)
    goal = col(c.evaluate(links, "person"), "precision")[0]
    assert col(rates, "precision_low")[0] <= goal <= col(rates, "precision_high")[0]
    assert len(col(sample.forecast(), "recall_error")) == 4


def by_group(linker, links, _):
    groups = {"BE", "MA", "TR"}
    for found in (c.evaluate(links, "person", by="origin"), links.report("origin"),
                  c.cluster_measures(links, "person", by="origin"),
                  c.thresholds(links, "person", by="origin"), c.balance(links, "postcode", by="origin"),
                  c.implausible(links, c.Check.same("origin"), by="origin")):  # fmt: skip
        assert set(col(found, "group")) == groups


def balanced(linker, links, _):
    found = c.balance(links, "origin")
    assert {"linked", "unlinked", "standardised", "link_rate", "link_rate_low"} <= set(found)


def impossible(linker, links, _):
    found = c.implausible(links, c.Check.same("origin"))
    assert col(found, "share")[0] < 0.02
    assert col(found, "by_chance")[0] == pytest.approx(2 / 3, abs=0.05)


def clusters(linker, links, _):
    found = c.cluster_measures(links, "person")
    assert len(col(found, "measure")) == 17
    assert np.isfinite(col(found, "low")).all()
    assert {"b3_f1", "cluster_f1", "v_measure", "adjusted_rand"} <= set(col(found, "measure"))


def waterfall(linker, links, _):
    steps = links.waterfall(7)
    assert steps["running"][-1] == pytest.approx(col(links.pairs, "weight")[7], abs=1e-9)


def viewers(linker, links, folder):
    text = c.page(links, folder / "page.html", truth="person", shown=5).read_text(encoding="utf-8")
    assert not re.search(r"https?://|@import|url\(", text)
    assert links._left["last"][col(links.pairs, "left_row")[0]] not in text
    shown = c.page(links, folder / "page.html", values=True).read_text(encoding="utf-8")
    assert links._left["last"][col(links.pairs, "left_row")[0]] in shown


def review(linker, links, folder):
    sample = c.clerical_sample(links, 60)
    assert "save the answers" in sample.page(folder / "r.html", ["last"]).read_text(
        encoding="utf-8"
    )
    rows = [{"left_row": int(a), "right_row": int(b), "label": "unsure"}
            for a, b in zip(sample.pairs["left_row"], sample.pairs["right_row"], strict=True)]  # fmt: skip
    stored = {"kind": "kruispunt-labels", "version": 1, "sample": sample.id, "labels": rows}
    (folder / "a.json").write_text(json.dumps(stored), encoding="utf-8")
    assert len(c.read_labels(folder / "a.json", sample=sample)) == 60


def versions(linker, links, _):
    stored = json.loads(linker.to_json())
    stored["version"] += 1
    with pytest.raises(InputError, match="this version of kruispunt reads"):
        c.Linker.from_json(json.dumps(stored))


def splink(linker, links, _):
    """Weights of Splink under models with every comparison of its libraries."""
    file = ROOT / "crates/kruispunt/tests/oracles/splink_levels/expected.json"
    stored = json.loads(file.read_text(encoding="utf-8"))
    assert len(stored["models"]) == 14
    assert '"tf_adjustment_column"' in file.read_text(encoding="utf-8")
    for name, model in stored["models"].items():
        read = c.Linker.from_splink(model["settings"])
        scored = read.score(stored["rows"], stored["rows"], stored["pairs"])
        np.testing.assert_allclose(
            scored["weight"], model["weights"], atol=1e-6, rtol=0, err_msg=name
        )


def draws(linker, links, _):
    drawn = links.draws(3, seed=2)
    assert set(col(drawn, "draw")) == {0, 1, 2}


def regression(linker, links, _):
    assert callable(kp.after_linkage)
    assert callable(kp.over_draws)
    (rates,) = kp.link_rates(links, by="origin").values()
    assert set(rates) == {"BE", "MA", "TR"}


SHOWN = {
    "several levels a field, learned without labels": several_levels,
    "missing values say nothing": missing,
    "share of matches estimated": match_share,
    "fields that depend on each other": dependence,
    "frequencies of values, several fields": frequencies,
    "threshold chosen without labels": automatic,
    "expected errors without labels": label_free,
    "one to one": one_to_one,
    "precision and recall with intervals": intervals,
    "rates from a clerical sample": clerical,
    "errors by group": by_group,
    "linked beside unlinked rows": balanced,
    "implausible links": impossible,
    "B3 and measures of clusters against labels": clusters,
    "waterfall of a pair": waterfall,
    "viewers as files without a network": viewers,
    "clerical review with answers that come back": review,
    "stored model with a version": versions,
    "reads a model of Splink": splink,
    "draws of whole linkages": draws,
    "regression that knows of wrong links": regression,
}


@pytest.mark.parametrize("line", SHOWN)
def test_a_line_of_the_table_is_true_here(line, job, tmp_path) -> None:
    SHOWN[line](*job, tmp_path)


def test_the_table_has_the_lines_that_are_tested_and_says_what_was_seen_of_peers() -> None:
    heads, rows = table()
    stored = json.loads(RECORD.read_text(encoding="utf-8"))
    assert heads[-7:] == ["kruispunt", *PEERS]
    assert list(rows) == list(SHOWN) == list(stored["lines"])
    for line, cells in rows.items():
        assert dict(zip(PEERS, cells[1:], strict=True)) == stored["lines"][line], line
        assert cells[0]
