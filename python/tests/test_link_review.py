"""A clerical review of links: the sample, the page, the file of answers, the rates."""

from __future__ import annotations

import json
import pickle
import re
import shutil
import subprocess
import warnings

import numpy as np
import pytest

import kruispunt as kp
from kruispunt.exceptions import InputError

c = kp.linkage
BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)


def column(table, name):
    return np.asarray(table[name])


def people(n, seed):
    """Two lists of the same persons with slips, more of them in one group."""
    rng = np.random.default_rng(seed)
    letters = np.array(list("abcdefghijklmnoprstu"))
    words = np.array(["".join(rng.choice(letters, 5)) for _ in range(500)])
    origin = np.where(rng.random(n) < 0.4, "other", "here")
    left = {
        "first": words[rng.zipf(1.5, n) % 90],
        "last": words[100 + rng.zipf(1.3, n) % 380],
        "birth": (np.datetime64("1980-01-01") + rng.integers(0, 2500, n)).astype(str),
        "origin": origin,
    }
    right = {name: own.copy() for name, own in left.items()}
    slips = np.where(origin == "other", 0.4, 0.15)
    for name in ("first", "last", "birth"):
        wrong = rng.random(n) < slips
        right[name][wrong] = left[name][rng.integers(0, n, wrong.sum())]
    order = rng.permutation(n)
    right = {name: own[order] for name, own in right.items()}
    return left | {"person": np.arange(n)}, right | {"person": order}


@pytest.fixture(scope="module")
def linked():
    left, right = people(1500, 3)
    linker = c.Linker(
        [c.name("first"), c.name("last"), c.date("birth")],
        [["first", "last"], ["last", "birth"], ["first", "birth"]], dependence="none",
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", kp.exceptions.DesignWarning)
        linker.train(left, right, progress=False)
        return linker.link(left, right, progress=False)


def truth_of(links, table):
    left, right = column(table, "left_row"), column(table, "right_row")
    return (np.asarray(links._left["person"])[left]
            == np.asarray(links._right["person"])[right])  # fmt: skip


def known(links, sample):
    """Precision and recall among the pairs that could be drawn, with all labels known."""
    found = c.evaluate(links, "person")
    from kruispunt.link_quality import compared_pairs

    matches = truth_of(links, compared_pairs(links).pairs).sum()
    return column(found, "precision")[0], column(found, "correct")[0] / matches


def test_strata_hold_all_pairs_and_the_unsure_ones_are_looked_at_most(linked) -> None:
    sample = c.clerical_sample(linked, 300, seed=4)
    design, pairs = sample.design, sample.pairs
    assert column(design, "drawn").sum() == len(sample) == 300
    links = column(design, "linked").astype(bool)
    assert column(design, "pairs")[links].sum() == len(linked)
    assert (column(design, "drawn") <= column(design, "pairs")).all()
    share = column(design, "drawn") / column(design, "pairs")
    mean = column(design, "mean_probability")
    unsure, sure = (mean > 0.1) & (mean < 0.9), mean < 0.05
    assert share[unsure & links].mean() > 0.1
    assert 0 < share[sure & ~links].mean() < share[unsure & links].mean() / 3
    # Weights give back the pairs of every stratum.
    weight, stratum = column(pairs, "weight"), column(pairs, "stratum")
    for at, n in zip(column(design, "stratum"), column(design, "pairs"), strict=True):
        assert weight[stratum == at].sum() == pytest.approx(n)
    again = c.clerical_sample(linked, 300, seed=4)
    assert again.to_json() == sample.to_json()
    assert again.id == sample.id != c.clerical_sample(linked, 300, seed=5).id


def test_rates_are_found_without_bias_and_intervals_hold_them(linked) -> None:
    """Over samples: the mean is the truth, and 95 percent intervals hold it that often."""
    goal = known(linked, None)
    held, found, width = np.zeros(2), [], []
    n = 60
    from kruispunt.link_quality import compared_pairs

    compared = compared_pairs(linked)
    for seed in range(n):
        sample = c.clerical_sample(linked, 200, compared=compared, seed=seed)
        rates = sample.estimate(list(truth_of(linked, sample.pairs)))
        own = []
        for at, name in enumerate(("precision", "recall")):
            low, high = column(rates, f"{name}_low")[0], column(rates, f"{name}_high")[0]
            held[at] += low <= goal[at] <= high
            own.append(column(rates, name)[0])
        found.append(own)
        width.append(column(rates, "precision_high")[0] - column(rates, "precision_low")[0])
    found = np.array(found)
    # Precision is a mean, without bias; recall is a ratio, in the middle too high by less than its
    # own spread.
    error = 3 * found[:, 0].std(ddof=1) / np.sqrt(n)
    assert abs(found[:, 0].mean() - goal[0]) < error + 1e-3
    assert abs(np.median(found[:, 1]) - goal[1]) < found[:, 1].std(ddof=1)
    assert (held / n >= 0.89).all(), held / n
    # What was foreseen is about what came out.
    foreseen = column(c.clerical_sample(linked, 200).forecast(), "precision_error")[0]
    assert 0.4 < foreseen / (np.mean(width) / 2) < 2.5
    assert np.isfinite(column(c.clerical_sample(linked, 200).forecast(), "recall_error")[0])


def test_all_labels_give_the_truth_itself_also_by_group(linked) -> None:
    sample = c.clerical_sample(linked, 10**6, by="origin")
    rates = sample.estimate(list(truth_of(linked, sample.pairs)))
    goal = known(linked, sample)
    for at, name in enumerate(("precision", "recall")):
        assert column(rates, name)[0] == pytest.approx(goal[at])
        assert column(rates, f"{name}_low")[0] == pytest.approx(goal[at])
        assert column(rates, f"{name}_high")[0] == pytest.approx(goal[at])
    by = c.evaluate(linked, "person", by="origin")
    assert column(rates, "group").tolist() == ["all", "here", "other"]
    np.testing.assert_allclose(column(rates, "precision")[1:], column(by, "precision"))
    assert (column(rates, "recall_of_all") <= column(rates, "recall")).all()


def test_answers_come_in_any_order_and_unsure_counts_as_not_looked_at(linked) -> None:
    sample = c.clerical_sample(linked, 200)
    pairs, truth = sample.pairs, truth_of(linked, sample.pairs)
    order = np.random.default_rng(1).permutation(len(truth))
    table = {
        "left_row": column(pairs, "left_row")[order], "right_row": column(pairs, "right_row")[order],
        "label": truth[order],
    }  # fmt: skip
    one, other = sample.estimate(table), sample.estimate(truth)
    for name in one:
        np.testing.assert_array_equal(column(one, name), column(other, name))
    unsure: list[bool | None] = [bool(own) for own in truth]
    unsure[:50] = [None] * 50
    some = sample.estimate(unsure)
    assert column(some, "labelled")[0] == 150
    assert column(some, "unsure")[0] == 50
    assert (column(some, "precision_high") - column(some, "precision_low"))[0] > (
        column(one, "precision_high") - column(one, "precision_low")
    )[0]
    nobody = sample.estimate([None] * 200)
    assert column(nobody, "precision_high")[0] - column(nobody, "precision_low")[0] > 0.3


def test_links_alone_tell_precision_and_not_recall() -> None:
    table = {"k": [str(at) for at in range(400)]}
    links = c.key_link(table, table, "k")
    sample = c.clerical_sample(links, 100)
    rates = sample.estimate([True] * 100)
    # Nothing wrong among 100 of 400: the rule of three and what is left to see.
    assert column(rates, "precision")[0] == 1
    assert 0.96 < column(rates, "precision_low")[0] < 1
    assert np.isnan(column(rates, "recall")[0])
    assert np.isnan(column(sample.forecast(), "recall")[0])


def test_what_contradicts_itself_or_does_not_fit_is_refused(linked) -> None:
    left = {"k": ["a", "a", "b"]}
    links = c.key_link(left, {"k": ["a", "b"]}, "k")
    sample = c.clerical_sample(links, 3)
    assert len(sample) == 3
    with pytest.raises(InputError, match="`labels` is 2; there are 3"):
        sample.estimate([True, False])
    with pytest.raises(InputError, match="answer 1 is neither"):
        sample.estimate([True, "perhaps", False])
    with pytest.raises(InputError, match="row 0 is about a pair that is not in the sample"):
        sample.estimate({"left_row": [2], "right_row": [0], "label": [True]})
    rows = {"left_row": [0, 0], "right_row": [0, 0], "label": [True, False]}
    with pytest.raises(InputError, match="row 1 contradicts"):
        sample.estimate(rows)
    for n in (0, -1, 1.5, True):
        with pytest.raises(InputError, match="`n` must be"):
            c.clerical_sample(links, n)
    with pytest.raises(InputError, match="doubt"):
        c.clerical_sample(links, 3, doubt=0)
    with pytest.raises(InputError, match="`n` is 2; expected at least one pair for each stratum"):
        c.clerical_sample(linked, 2)
    with pytest.raises(InputError, match="`compared` is"):
        c.clerical_sample(linked, 300, compared=links)


def test_two_persons_by_one_answer_and_one_by_others_is_refused() -> None:
    table = {"first": ["ana"] * 3 + ["bo"] * 3, "last": ["maes"] * 3 + ["nys"] * 3,
             "birth": ["1980-01-01"] * 3 + ["1990-02-03"] * 3}  # fmt: skip
    stored = people(400, 1)[0]
    table = {name: [*own, *stored[name].tolist()] for name, own in table.items()}
    linker = c.Linker(
        [c.name("first"), c.name("last"), c.date("birth")], [["first"], ["last"], ["birth"]]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", kp.exceptions.DesignWarning)
        links = linker.train(table, progress=False).dedupe(table, threshold=0.01, progress=False)
    sample = c.clerical_sample(links, 10**6, compared=links)
    pairs = list(
        zip(column(sample.pairs, "left_row"), column(sample.pairs, "right_row"), strict=True)
    )
    said = {(0, 1): True, (1, 2): True, (0, 2): False}
    assert set(said) <= set(pairs)
    with pytest.raises(InputError, match="left row 0 and right row 2 are said to be two persons"):
        sample.estimate([said.get(pair) for pair in pairs])


def test_a_sample_travels_as_json_and_as_a_pickle(linked) -> None:
    sample = c.clerical_sample(linked, 60)
    text = sample.to_json()
    truth = truth_of(linked, sample.pairs)
    for copy in (c.ClericalSample.from_json(text), pickle.loads(pickle.dumps(sample))):
        assert copy.id == sample.id
        assert column(copy.estimate(truth), "recall") == column(sample.estimate(truth), "recall")
        with pytest.raises(InputError, match="no longer knows its tables"):
            copy.page("never.html", ["first"])
    stored = json.loads(text)
    for broken, words in (
        ("no json", "not JSON"), ("{}", "version none"), (text.replace('"version":1', '"version":9'), "version 9"),
        (json.dumps(stored | {"stratum": [99]}), "do not fit"), (json.dumps(stored | {"left": "x"}), "wrong type"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=words):
            c.ClericalSample.from_json(broken)
    assert "strata" in repr(sample)
    assert sample._repr_html_().count("<table") == 2


# the page and its file -----------------------------------------------------------------------


def answers_file(folder, about, said, name="answers.json", **other):
    pairs = zip(column(about.pairs, "left_row"), column(about.pairs, "right_row"), strict=True)
    labels = [{"left_row": int(a), "right_row": int(b), "label": own}
              for (a, b), own in zip(pairs, said, strict=True) if own]  # fmt: skip
    stored = {"kind": "kruispunt-labels", "version": 1, "sample": about.id, "labels": labels}
    (folder / name).write_text(json.dumps(stored | other), encoding="utf-8")
    return folder / name


def test_files_of_answers_are_read_and_settled(linked, tmp_path) -> None:
    sample = c.clerical_sample(linked, 40)
    truth = truth_of(linked, sample.pairs)
    words = ["match" if own else "no match" for own in truth]
    one = answers_file(tmp_path, sample, ["unsure", *words[1:30], *[None] * 10])
    labels = c.read_labels(one, sample=sample)
    assert len(labels) == 30
    assert labels["label"][0] is None
    rates = sample.estimate(labels)
    assert column(rates, "labelled")[0] == 29
    two = answers_file(tmp_path, sample, words, "two.json")
    both = c.read_labels(one, two, sample=sample)
    assert len(both) == 40
    assert both["label"][0] == truth[0]  # a firm answer wins over unsure
    assert both["answers"].tolist() == [1] + [2] * 29 + [1] * 10
    assert all(own is True for own in both["agree"][1:30])
    turned = ["no match" if own == "match" else "match" for own in words[:5]] + words[5:]
    three = answers_file(tmp_path, sample, turned, "three.json")
    pairs = sample.pairs
    rows = f"left row {column(pairs, 'left_row')[0]} and right row {column(pairs, 'right_row')[0]}"
    with pytest.raises(InputError, match=rows):
        c.read_labels(two, three)
    split = c.read_labels(two, three, settle="unsure")
    assert [own is None for own in split["label"]] == [True] * 5 + [False] * 35
    assert split["agree"].tolist() == [False] * 5 + [True] * 35


def test_files_that_are_no_answers_are_refused_by_name(linked, tmp_path) -> None:
    sample = c.clerical_sample(linked, 40)
    good = answers_file(tmp_path, sample, ["match"] * 40)
    other = answers_file(tmp_path, sample, ["match"] * 40, "other.json", sample="0123")
    with pytest.raises(InputError, match=f"about sample 0123, not {sample.id}"):
        c.read_labels(other, sample=sample)
    with pytest.raises(InputError, match="different samples"):
        c.read_labels(good, other)
    cases = {
        "[]": "no file of answers of a clerical review", "{": "is no file of answers",
        json.dumps({"kind": "kruispunt-labels", "version": 7}): "has version 7",
        json.dumps({"kind": "kruispunt-labels", "version": 1}): "a part is missing",
        json.dumps({"kind": "kruispunt-labels", "version": 1, "sample": "x",
                    "labels": [{"left_row": 1, "right_row": 2, "label": "maybe"}]}): "answer 0 of bad",
    }  # fmt: skip
    for text, words in cases.items():
        (tmp_path / "bad.json").write_text(text, encoding="utf-8")
        with pytest.raises(InputError, match=words):
            c.read_labels(tmp_path / "bad.json")
    with pytest.raises(InputError, match="is no file of answers"):
        c.read_labels(tmp_path / "none.json")
    with pytest.raises(InputError, match="at least one"):
        c.read_labels()
    with pytest.raises(InputError, match="settle"):
        c.read_labels(good, settle="majority")


def test_the_page_stands_alone_and_shows_only_the_columns_that_were_named(linked, tmp_path) -> None:
    sample = c.clerical_sample(linked, 40)
    path = sample.page(tmp_path / "review.html", ["first", ("last", "last")], title="Review <1>")
    text = path.read_text(encoding="utf-8")
    assert "Review &lt;1&gt;" in text
    assert not re.search(r"https?://|src=|@import|url\(", text)
    assert "default-src 'none'" in text
    assert "personal data" in " ".join((c.ClericalSample.page.__doc__ or "").split())
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.S)[1])
    assert data["columns"] == ["first", "last"]
    assert data["probability"] is None
    row = data["left_rows"][7]
    assert data["left"][7] == [linked._left["first"][row], linked._left["last"][row]]
    births = set(linked._left["birth"][data["left_rows"]])
    assert not any(birth in text for birth in births)
    sample.page(path, ["first"], blind=False)
    assert '"probability":[' in path.read_text(encoding="utf-8")
    with pytest.raises(InputError, match="name the columns"):
        sample.page(path, [])
    with pytest.raises(InputError, match='there is no column "mother"'):
        sample.page(path, ["mother"])


def test_values_cannot_break_out_of_the_page(tmp_path) -> None:
    bad = "</script><script>alert('x')</script>&<!--\u2028"
    left = {"k": ["a"], "name": [bad]}
    sample = c.clerical_sample(c.key_link(left, {"k": ["a"], "name": ["x"]}, "k"), 1)
    text = sample.page(tmp_path / "p.html", ["name"]).read_text(encoding="utf-8")
    assert text.count("</script>") == 2
    assert "<!--" not in text.split('id="data">')[1]
    assert json.loads(re.search(r'id="data">(.*?)</script>', text, re.S)[1])["left"] == [[bad]]


@pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")
def test_answers_given_in_a_browser_come_back(linked, tmp_path) -> None:
    """The page's own buttons are pressed and what it would save is read."""
    sample = c.clerical_sample(linked, 12)
    path = sample.page(tmp_path / "review.html", ["first", "last", "birth"])
    press = """
    const say = a => [...document.querySelectorAll(".answers button")].find(b => b.dataset.a === a).click();
    say("match"); say("no match"); say("unsure");
    document.dispatchEvent(new KeyboardEvent("keydown", {key: "1"}));
    document.getElementById("note").value = "look again"; document.getElementById("note").oninput();
    for (let k = 0; k < 8; k++) document.dispatchEvent(new KeyboardEvent("keydown", {key: "2"}));
    document.getElementById("who").value = "AB";
    const kept = stored();
    answers.fill(null); draw(); restore(kept);
    const again = stored();
    document.body.innerHTML = "<pre id=out></pre>"; document.getElementById("out").textContent = again;
    """
    text = path.read_text(encoding="utf-8").replace(
        "draw();\n</script>", f"draw();\n{press}</script>"
    )
    (tmp_path / "pressed.html").write_text(text, encoding="utf-8")
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND",
               f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", (tmp_path / "pressed.html").as_uri()]  # fmt: skip
    answer = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    kept = re.search(r'<pre id="out">(.*?)</pre>', answer.stdout, re.S)
    assert kept, answer.stderr[-2000:]
    (tmp_path / "answers.json").write_text(kept[1], encoding="utf-8")
    stored = json.loads(kept[1])
    assert stored["reviewer"] == "AB"
    assert stored["labels"][4]["note"] == "look again"
    labels = c.read_labels(tmp_path / "answers.json", sample=sample)
    assert labels["label"].tolist() == [True, False, None, True, *[False] * 8]
    assert labels["left_row"].tolist() == column(sample.pairs, "left_row").tolist()
