"""The page of a linkage, and its figures."""

from __future__ import annotations

import json
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


def people(n, seed):
    rng = np.random.default_rng(seed)
    letters = np.array(list("abcdefghijklmnoprstu"))
    words = np.array(["".join(rng.choice(letters, 7)) for _ in range(700)])
    left = {
        "first": words[rng.zipf(1.6, n) % 90], "last": words[100 + rng.integers(0, 600, n)],
        "birth": (np.datetime64("1960-01-01") + rng.integers(0, 9000, n)).astype(str),
        "origin": rng.choice(["<b>here</b>", "there"], n), "person": np.arange(n),
    }  # fmt: skip
    right = {name: own.copy() for name, own in left.items()}
    for name in ("first", "last", "birth"):
        wrong = rng.random(n) < 0.15
        right[name][wrong] = left[name][rng.integers(0, n, wrong.sum())]
    return left, right


def quietly(call):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", kp.exceptions.DesignWarning)
        return call()


RULES = [["first", "last"], ["last", "birth"], ["first", "birth"]]


def linker():
    return c.Linker([c.name("first", tf=True), c.name("last"), c.date("birth")], RULES)


@pytest.fixture(scope="module")
def linked():
    left, right = people(900, 2)
    return quietly(
        lambda: linker().train(left, right, progress=False).link(left, right, progress=False)
    )


@pytest.fixture(scope="module")
def grouped():
    """One table in which some persons stand three times."""
    left, right = people(500, 6)
    third = people(500, 6)[1]
    table = {
        name: np.concatenate([left[name], right[name][:200], third[name][:90]]) for name in left
    }
    return quietly(lambda: linker().train(table, progress=False).dedupe(table, progress=False))


def read(path):
    text = path.read_text(encoding="utf-8")
    return text, json.loads(re.search(r'id="data">(.*?)</script>', text, re.S)[1])


def test_the_page_shows_numbers_of_the_verbs_and_no_values(linked, tmp_path) -> None:
    checks = [c.Check.same("origin")]
    path = c.page(linked, tmp_path / "p.html", truth="person", by="origin", columns="origin",
                  checks=checks, title="Links & <more>")  # fmt: skip
    text, data = read(path)
    assert "<title>Links &amp; &lt;more&gt;</title>" in text
    assert not re.search(r"https?://|@import|url\(|<img|<link", text)
    assert "default-src 'none'" in text
    for name in ("first", "last", "birth"):
        assert not any(
            value in text for value in set(linked._left[name]) | set(linked._right[name])
        )
    assert data["values"] is False
    assert "<b>here" not in text  # labels of groups stand escaped
    found = c.evaluate(linked, "person", by="origin")
    np.testing.assert_allclose(data["evaluate"]["recall"], found["recall"], rtol=1e-5)
    assert data["links"] == len(linked)
    balance = c.balance(linked, "origin")
    np.testing.assert_allclose(data["balance"]["standardised"], balance["standardised"], rtol=1e-5)
    assert (
        data["checks"]["implausible"]
        == c.implausible(linked, checks, by="origin")["implausible"].tolist()
    )
    viewer = data["viewer"]
    pairs = linked.pairs
    for at, link in enumerate(viewer["link"][:20]):
        assert viewer["left_row"][at] == pairs["left_row"][link]
        assert viewer["steps"][at]["running"][-1] == pytest.approx(viewer["weight"][at], abs=1e-3)
    assert sum(data["patterns"]["links"]) == len(linked)
    assert data["histogram"]["pairs"]
    assert data["all_pairs"] is True
    assert len(data["candidates"]["recall"]) > 5


def test_values_stand_there_only_when_asked(linked, tmp_path) -> None:
    _, data = read(c.page(linked, tmp_path / "v.html", values=True, shown=50))
    viewer = data["viewer"]
    assert viewer["columns"] == ["first", "last", "birth"]
    assert len(viewer["link"]) == 50
    for at in range(50):
        assert viewer["left"][at][1] == linked._left["last"][viewer["left_row"][at]]
        assert viewer["right"][at][2] == linked._right["birth"][viewer["right_row"][at]]
    node, text = data["clusters"]["nodes"][0][0], data["clusters"]["labels"][0][0]
    side = linked._left if node[0] == "left" else linked._right
    assert side["last"][node[1]] in text
    import pickle

    back = pickle.loads(pickle.dumps(linked))
    with pytest.raises(InputError, match="leave values out"):
        c.page(back, tmp_path / "v.html", values=True)
    _, data = read(c.page(back, tmp_path / "v.html"))
    assert data["all_pairs"] is False


def test_clusters_on_the_page_are_those_of_the_links(grouped, tmp_path) -> None:
    _, data = read(c.page(grouped, tmp_path / "c.html", truth="person"))
    shown = data["clusters"]
    clusters = np.asarray(grouped.clusters()["cluster"])
    sizes = np.unique(clusters, return_counts=True)[1]
    many = np.unique(sizes[sizes > 1], return_counts=True)
    assert (shown["sizes"], shown["counts"]) == (many[0].tolist(), many[1].tolist())
    for cluster, nodes, edges in zip(
        shown["table"]["cluster"], shown["nodes"], shown["edges"], strict=True
    ):
        assert sorted(row for _, row in nodes) == np.flatnonzero(clusters == int(cluster)).tolist()
        assert len(edges) >= len(nodes) - 1
    assert max(shown["sizes"]) >= 3


def test_links_by_a_key_and_no_links_give_a_page(tmp_path) -> None:
    left = {"k": ["a", "b", "z"], "p": [1, 2, 3]}
    _, data = read(
        c.page(
            c.key_link(left, {"k": ["a", "b"], "p": [1, 2]}, "k"), tmp_path / "k.html", truth="p"
        )
    )
    assert data["histogram"] is None
    assert data["viewer"] is None
    assert data["evaluate"]["precision"] == [1.0]
    _, data = read(c.page(c.key_link(left, {"k": ["q"]}, "k"), tmp_path / "n.html"))
    assert data["links"] == 0
    for wrong in (-1, 1.5, True):
        with pytest.raises(InputError, match="`shown` must be"):
            c.page(c.key_link(left, {"k": ["q"]}, "k"), tmp_path / "n.html", shown=wrong)


@pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")
@pytest.mark.parametrize("what", ["linked", "grouped"])
def test_a_browser_draws_every_section_without_an_error(what, request, tmp_path) -> None:
    links = request.getfixturevalue(what)
    path = c.page(links, tmp_path / "b.html", truth="person", by="origin", columns="origin",
                  checks=[c.Check.crowded(1)], values=True)  # fmt: skip
    watch = "<script>window.onerror = m => document.title = 'ERROR ' + m;</script>"
    path.write_text(
        path.read_text(encoding="utf-8").replace("<body>", "<body>" + watch), encoding="utf-8"
    )
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND",
               f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", path.as_uri()]  # fmt: skip
    answer = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert "ERROR" not in answer.stdout[:3000]
    ids = re.findall(r'<h2 id="(\w+)"', answer.stdout)
    assert ids == ["overview", "groups", "thresholds", "curves", "weights", "mu", "viewer", "clusters",
                   "measures", "balance", "checks"]  # fmt: skip
    assert answer.stdout.count("<svg") >= 9
    assert "NaN" not in answer.stdout.split("</script>")[-1]
    assert not re.search(r'(x|y|d|width|cx|cy)="[^"]*(NaN|Infinity|undefined)', answer.stdout)


# figures -------------------------------------------------------------------------------------


def test_figures_draw_what_the_verbs_give(linked, grouped) -> None:
    pytest.importorskip("matplotlib")
    curve = c.plot_thresholds(linked, "person")
    labels = [line.get_label() for line in curve.get_lines()]
    assert {"precision", "recall", "F1", "precision, expected"} <= set(labels)
    assert len(c.plot_thresholds(linked).get_lines()) >= 3
    lines = c.plot_precision_recall(linked, "person", by="origin").get_lines()
    assert [line.get_label() for line in lines] == ["<b>here</b>", "there"]
    assert c.plot_roc(linked, "person").get_xscale() == "log"
    assert len(c.plot_calibration(linked, "person").containers) == 1
    bars = c.plot_weights(linked, "person", bins=20).containers[1]
    from kruispunt.link_quality import compared_pairs

    found = c.weight_histogram(compared_pairs(linked), "person", bins=20)
    np.testing.assert_allclose([bar.get_height() for bar in bars], found["matches"])
    evidence = c.evidence(linked)
    bars = c.plot_parameters(linked).containers[0]
    np.testing.assert_allclose([bar.get_width() for bar in bars], evidence["m"])
    steps = linked.waterfall(4)
    bars = c.plot_waterfall(linked, 4).containers[1]
    assert bars[0].get_width() == pytest.approx(linked.pairs["weight"][4])
    assert len(c.plot_waterfall(linked, 4).get_yticks()) == len(steps["step"]) + 1
    assert len(c.plot_comparisons(linked, most=6).get_yticks()) == 6
    balance = c.plot_balance(linked, "origin")
    assert [tick.get_text() for tick in balance.get_yticklabels()] == [
        "origin: <b>here</b>",
        "origin: there",
    ]
    graph = c.plot_clusters(grouped)
    table = c.cluster_table(grouped)
    assert f"{int(max(table['rows']))} rows" in graph.get_title()
    with pytest.raises(InputError, match="there is no cluster 99999"):
        c.plot_clusters(grouped, 99999)
    with pytest.raises(InputError, match="`link`"):
        c.plot_waterfall(linked, -1)
    with pytest.raises(InputError, match="decided by a key"):
        c.plot_parameters(c.key_link({"k": ["a"]}, {"k": ["a"]}, "k"))
