"""F1 at the threshold that is chosen without labels, on data with known truth."""

from __future__ import annotations

import json
import os
import warnings
from pathlib import Path

import numpy as np
import pytest

import kruispunt as kp

pd = pytest.importorskip("pandas")
c = kp.linkage
SPLINK = Path(__file__).parents[2] / "crates/kruispunt/tests/oracles/splink/expected.json"


def read(name, file):
    """Read a file of the folder that KRUISPUNT_ORACLES names."""
    folder = Path(os.environ.get("KRUISPUNT_ORACLES", "/nowhere")) / name
    if not folder.exists():
        pytest.skip("KRUISPUNT_ORACLES names no folder with this data")
    reference = json.loads((folder / "reference.json").read_text(encoding="utf-8"))
    return pd.read_csv(folder / file, dtype=str), reference


def f1(links, truth):
    return float(np.asarray(c.evaluate(links, truth)["f1"])[0])


def cluster_f1(links, truth):
    """F1 of the pairs inside clusters."""
    found = c.cluster_measures(links, truth)
    at = list(found["measure"]).index("pair_f1")
    return float(np.asarray(found["value"])[at])


def febrl(name):
    frame, reference = read("febrl_dev", name)
    frame["entity"] = frame["rec_id"].str.extract(r"rec-(\d+)-")[0]
    return frame, reference


FEBRL = c.Linker(
    comparisons=[
        c.name("given_name", tf=True), c.name("surname", tf=True), c.date("date_of_birth"),
        c.identifier("soc_sec_id"), c.osa("postcode", 1, 2, tf=True), c.name("suburb", tf=True),
        c.osa("address_1", 1, 3), c.exact("street_number", tf=True),
    ],
    blocking=[
        ["given_name", "surname"], ["soc_sec_id"], ["date_of_birth"],
        ["postcode", "given_name"], ["postcode", "surname"],
    ],
).to_json()  # fmt: skip


def test_febrl_4():
    (left, reference), (right, _) = febrl("dataset4a.csv"), febrl("dataset4b.csv")
    linker = c.Linker.from_json(FEBRL).train(left, right, progress=False)
    links = linker.link(left, right, progress=False)
    best = reference["splink_febrl4"]["best_f1"]["f1"]
    assert f1(links, "entity") >= max(best - 0.002, 0.9985)


def test_febrl_1():
    table, reference = febrl("dataset1.csv")
    links = c.Linker.from_json(FEBRL).train(table, progress=False).dedupe(table, progress=False)
    assert f1(links, "entity") >= reference["splink_febrl1"]["best_f1"]["f1"] - 0.002


def test_rldata500():
    table, reference = read("rldata500", "RLdata500.csv")
    table["birth"] = table["by"] + "-" + table["bm"].str.zfill(2) + "-" + table["bd"].str.zfill(2)
    linker = c.Linker(
        comparisons=[
            c.name("fname_c1", tf=True), c.name("lname_c1", tf=True), c.exact("by"),
            c.exact("bm"), c.exact("bd"),
        ],
        blocking=[["fname_c1"], ["lname_c1"], ["birth"]],
    )  # fmt: skip
    links = linker.train(table, progress=False).dedupe(table, progress=False)
    assert f1(links, "identity") >= reference["splink"]["best_f1"]["f1"] - 0.002


def test_fake_1000():
    table, reference = read("splink_fake1000", "fake_1000.csv")
    linker = c.Linker(
        comparisons=[
            c.name("first_name", tf=True), c.name("surname", tf=True), c.date("dob"),
            c.exact("city", tf=True), c.osa("email", 1, 2),
        ],
        blocking=[["first_name"], ["surname"], ["dob"]],
    )  # fmt: skip
    links = linker.train(table, progress=False).dedupe(table, progress=False)
    # Splink's predictions as stored, at the best of all thresholds.
    parquet = Path(os.environ["KRUISPUNT_ORACLES"], "splink_fake1000/splink_predictions.parquet")
    stored = pd.read_parquet(parquet).sort_values("match_weight", ascending=False)
    person = table.set_index("unique_id")["cluster"]
    sides = [stored[f"unique_id_{side}"].astype(str).map(person).to_numpy() for side in "lr"]
    hits = np.cumsum(sides[0] == sides[1])
    best = (2 * hits / (np.arange(1, len(hits) + 1) + reference["splink"]["true_pairs"])).max()
    assert f1(links, "cluster") >= best - 0.002
    # The rules miss a quarter of the matches, which clusters fill in.
    assert cluster_f1(links, "cluster") >= best + 0.06


CHILDCARE = SPLINK.parents[1] / "splink_childcare/expected.json"
SITES = {
    "five": [["Phone"], ["address"], ["name"], ["Zip", ("name", 4)], ["Zip", ("address", 5)]],
    "wide": [["Phone"], [("address", 6)], ["name"], ["Zip"]],
}


@pytest.mark.filterwarnings("ignore::kruispunt.exceptions.DesignWarning")  # sites of one provider
@pytest.mark.parametrize("rules", SITES)
def test_childcare_sites(rules):
    """Several sites of one provider: a third kind of pairs, by two sets of blocking rules."""
    table, _ = read("dedupe_childcare", "childcare.csv")
    names = {"True Id": "person", "Site name": "name", "Address": "address"}
    table = table.rename(columns=names)
    linker = c.Linker(
        [
            c.name("name", tf=True), c.jaro_winkler("address", 0.92, 0.85, tf=True),
            c.exact("Zip", tf=True), c.exact("Phone", tf=True),
        ],
        SITES[rules],
    )  # fmt: skip
    links = linker.train(table, progress=False).dedupe(table, progress=False)
    runs = json.loads(CHILDCARE.read_text(encoding="utf-8"))["runs"]
    best = max(run["best_f1"] for run in runs if run["rules"] == rules)
    assert f1(links, "person") >= best - 0.002
    # Clusters, by what speaks for and against, are more than pairs one by one.
    assert cluster_f1(links, "person") >= best + 0.01
    # By the five rules, what goes together among the pairs of one telephone is not of matches.
    used = np.asarray(linker.dependencies()["in_model"]).any()
    told = [note for step in links.account.steps for note in step.notes]
    assert used == (rules == "wide")
    assert any("taken as independent" in note for note in told) == (rules == "five")


def test_no_origin_is_left_behind():
    """All errors of identifiers on: recall, precision and the gap between origins."""
    registers = kp.synth.registers("test", seed=3, imperfections="all", backend="pandas")
    names = {
        "achternaam": "surname", "voornaam": "first_name", "geboortedatum": "birth_date",
        "geslacht": "sex", "nationaliteit": "nationality",
    }  # fmt: skip
    clients = registers["vdab_klanten"].rename(columns=names)
    truth = registers.truth["links"]
    truth = truth[truth["source"].astype(str) == "vdab_klanten"].sort_values("row")
    clients["pid"] = truth["pid"].to_numpy()
    origin = registers["persons"].set_index("pid")["origin"].astype(str)
    groups = origin.reindex(clients["pid"]).to_numpy()
    linker = c.Linker(
        comparisons=[
            c.name("surname", tf=True), c.name("first_name", tf=True), c.date("birth_date"),
            c.exact("sex"), c.exact("nationality", tf=True), c.exact("postcode", tf=True),
        ],
        blocking=[
            ["surname", "first_name"], ["surname", "birth_date"], ["first_name", "birth_date"],
            ["birth_date", "sex", "postcode"], ["surname", "sex", "postcode"],
            ["first_name", "sex", "postcode"], [("surname", 3), ("birth_date", 4), "sex"],
            [("first_name", 3), ("birth_date", 4), "sex"], ["birth_date", "nationality"],
        ],
    )  # fmt: skip
    people = registers["identities"]
    linker.train(clients, people, assignment="many-to-one", progress=False)
    links = linker.link(clients, people, assignment="many-to-one", progress=False)
    found = c.evaluate(links, "pid", by=groups)
    recall, precision = np.asarray(found["recall"]), np.asarray(found["precision"])
    assert recall.min() >= 0.95
    assert precision.min() >= 0.99
    assert recall.max() - recall.min() <= 0.03


def test_splinks_model_gives_splinks_weights():
    """Read as Splink writes it, with its m, u and lambda, pairs weigh what they weigh there."""
    oracle = json.loads(SPLINK.read_text(encoding="utf-8"))
    people = pd.read_csv(SPLINK.parent / "fake_1000.csv", dtype=str)
    for column in ("first_name", "surname", "city", "email"):
        people[column] = people[column].str.lower()
    measures = {
        "first_name": ("jaro_winkler_similarity", ">=", (0.9, 0.7)),
        "surname": ("jaro_winkler_similarity", ">=", (0.9, 0.7)),
        "dob": ("levenshtein", "<=", (1, 2)),
        "city": ("", "", ()),
        "email": ("levenshtein", "<=", (2,)),
    }
    comparisons = []
    for column, (measure, sign, rungs) in measures.items():
        sql = [f'"{column}_l" = "{column}_r"']
        sql += [f'{measure}("{column}_l", "{column}_r") {sign} {rung}' for rung in rungs]
        null = f'"{column}_l" IS NULL OR "{column}_r" IS NULL'
        levels = [{"sql_condition": null, "is_null_level": True}]
        stored = oracle["comparisons"][column]
        for condition, m, u in zip([*sql, "ELSE"], stored["m"], stored["u"], strict=True):
            levels.append({"sql_condition": condition, "m_probability": m, "u_probability": u})
        comparisons.append({"output_column_name": column, "comparison_levels": levels})
    linker = c.Linker.from_splink(
        json.dumps(
            {
                "probability_two_random_records_match": oracle["lambda"],
                "comparisons": comparisons,
                "blocking_rules_to_generate_predictions": [
                    {"blocking_rule": f'l."{column}" = r."{column}"'}
                    for column in ("first_name", "surname", "dob")
                ],
            }
        )
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", kp.exceptions.DesignWarning)
        pairs = linker.dedupe(people, threshold=0.0, progress=False).pairs
    assert len(pairs) == oracle["n_pairs"]
    ours = {
        (left, right): weight
        for left, right, weight in zip(
            pairs["left_row"], pairs["right_row"], pairs["weight"], strict=True
        )
    }
    for left, right, weight in oracle["pairs"]:
        assert abs(ours[left, right] - weight) < 1e-6


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("no json", "neither a JSON text nor a file"),
        ("[1]", "neither a JSON text nor a file"),
        (
            {"comparisons": [{"comparison_levels": [{"sql_condition": "1 = 1"},
                                                    {"sql_condition": "ELSE"}]}]},
            "comparison 0, level 0: `=` is read between values of the two rows",
        ),
        ({"comparisons": [{}]}, "comparison 0 has no levels"),
        ({"blocking_rules_to_generate_predictions": ["l.a < r.a"]}, "blocking rule 0"),
    ],
)  # fmt: skip
def test_settings_that_cannot_be_read_are_named(settings, words):
    with pytest.raises(kp.exceptions.InputError, match=words):
        c.Linker.from_splink(settings)


def people(n, start=0):
    rng = np.random.default_rng(start)
    first = np.array(["ana", "bilal", "chloe", "daan", "emine", "fatma", "gert", "hind"])
    last = np.array(["maes", "peeters", "yildiz", "nowak", "diallo", "amrani", "claes", "janssens"])
    days = np.datetime64("1950-01-01") + rng.integers(0, 20000, n)
    return {
        "first": rng.choice(first, n), "last": rng.choice(last, n), "birth": days.astype(str),
        "person": np.arange(start, start + n),
    }  # fmt: skip


def by_names():
    return c.Linker(
        [c.name("first"), c.name("last"), c.date("birth")],
        [["first", "last"], ["last", "birth"], ["first", "birth"]],
    )


def test_no_matches_is_said_by_name_or_nothing_is_linked():
    one, other = people(500), people(500, start=1000)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        compared = [c.name("first"), c.name("last"), c.date("birth")]
        links = c.Linker(compared, [["first"], ["last"]]).train(one, other).link(one, other)
    names = {str(one.message).split(":")[0] for one in said}
    doubts = {"no_separation", "match_share_at_bound", "low_expected_precision"}
    assert names & doubts or len(links) < 10


@pytest.mark.filterwarnings("ignore::kruispunt.exceptions.DesignWarning")  # a handful of rows
def test_draws_and_false_discovery_rate():
    one = people(300)
    other = {name: values[::-1] for name, values in one.items()}
    linker = by_names().train(one, other)
    links = linker.link(one, other, fdr=0.2)
    assert len(links) > 0
    assert 1 - np.mean(links.pairs["probability"]) <= 0.2
    drawn = links.draws(5, seed=3)
    assert sorted(set(np.asarray(drawn["draw"]))) == [0, 1, 2, 3, 4]
    again = links.draws(5, seed=3)
    np.testing.assert_array_equal(drawn["right_row"], again["right_row"])
    with pytest.raises(kp.exceptions.InputError, match="only fresh links"):
        c.key_link(one, other, "person").draws(2)


@pytest.mark.filterwarnings("ignore::kruispunt.exceptions.DesignWarning")  # a handful of rows
def test_groupings_of_clusters():
    one = people(200)
    links = by_names().train(one, one).link(one, one)
    for grouping in ("connected", "best-link", "complete"):
        assert len(links.clusters(grouping)["cluster"]) == 400
    with pytest.raises(kp.exceptions.InputError, match="grouping"):
        links.clusters("loose")


def movers(n=6000, seed=4):
    """Two lists of the same persons; who moved has another street and another postcode."""
    rng = np.random.default_rng(seed)
    letters = np.array(list("abcdefghijklmnop"))
    words = np.array(["".join(rng.choice(letters, 7)) for _ in range(4000)])
    left = {
        "first": words[rng.zipf(1.6, n) % 400],
        "last": words[400 + rng.integers(0, 1500, n)],
        "birth": (np.datetime64("1950-01-01") + rng.integers(0, 9000, n)).astype(str),
        "street": words[2000 + rng.integers(0, 2000, n)],
        "postcode": rng.integers(1000, 1200, n).astype(str),
    }
    right = {name: values.copy() for name, values in left.items()}
    moved = rng.random(n) < 0.3
    right["street"][moved] = words[2000 + rng.integers(0, 2000, moved.sum())]
    right["postcode"][moved] = rng.integers(1000, 1200, moved.sum()).astype(str)
    for name, share in (("first", 0.1), ("last", 0.15), ("birth", 0.1)):
        wrong = rng.random(n) < share
        right[name][wrong] = left[name][rng.integers(0, n, wrong.sum())]
    lists = [frame | {"person": np.arange(n)} for frame in (left, right)]
    order = rng.permutation(n)
    return lists[0], {name: values[order] for name, values in lists[1].items()}


def moved_linker(dependence):
    compared = [c.name("first"), c.name("last"), c.date("birth"), c.exact("street"),
                c.exact("postcode")]  # fmt: skip
    rules = [["first", "last"], ["last", "birth"], ["first", "birth"], ["street", "postcode"]]
    return c.Linker(compared, rules, dependence=dependence)


@pytest.mark.filterwarnings("ignore::kruispunt.exceptions.DesignWarning")  # unlikely pairs, too
def test_what_goes_together_is_found_and_weighs_once():
    left, right = movers()
    linker = moved_linker("tree").train(left, right, progress=False)
    found = linker.dependencies()
    told = {
        (a, b): (matches, used)
        for a, b, matches, used in zip(
            found["first"], found["second"], found["matches"], found["in_model"], strict=True
        )
    }
    # Moved or not, one bit for both: H(0.3) is 0.88 bits.
    assert abs(told["street", "postcode"][0] - 0.88) < 0.08
    assert told["street", "postcode"][1]
    assert not any(used for pair, (_, used) in told.items() if pair != ("street", "postcode"))
    independent = moved_linker("none").train(left, right, progress=False)
    assert not np.asarray(independent.dependencies()["first"]).size

    def wrong(linker):
        """Total miscalibration: how far probabilities are from what is true, over classes."""
        links = linker.link(left, right, assignment="none", threshold=1e-3, progress=False)
        pairs = links.pairs
        sure = np.asarray(pairs["probability"])
        hit = (left["person"][np.asarray(pairs["left_row"])]
               == right["person"][np.asarray(pairs["right_row"])])  # fmt: skip
        place = np.digitize(sure, [0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98])
        return sum(abs((sure - hit)[place == at].sum()) for at in range(8))

    assert wrong(linker) < 0.75 * wrong(independent)
    assert f1(linker.link(left, right, progress=False), "person") >= f1(
        independent.link(left, right, progress=False), "person"
    )
    links = linker.link(left, right, progress=False)
    for at in (0, len(links) // 2, len(links) - 1):
        steps = links.waterfall(at)
        assert np.asarray(steps["step"])[-1] == "street & postcode"
        weight = np.asarray(links.pairs["weight"])[at]
        assert np.asarray(steps["running"])[-1] == pytest.approx(weight, abs=1e-9)
    again = c.Linker.from_json(linker.to_json()).link(left, right, progress=False)
    np.testing.assert_array_equal(again.pairs["weight"], links.pairs["weight"])


def test_a_stored_dependence_that_does_not_fit_is_refused():
    left, right = movers(3000)
    stored = json.loads(moved_linker("tree").train(left, right, progress=False).to_json())
    used = next(own for own in stored["linker"]["model"]["dependence"] if own["m"])
    for at, m in (([3, 9], used["m"]), ([4, 3], used["m"]), ([3, 4], [1.0]),
                  ([3, 4], [-1.0, *used["m"][1:]])):  # fmt: skip
        used["at"], used["m"] = at, m
        with pytest.raises(kp.exceptions.InputError, match="does not fit"):
            c.Linker.from_json(json.dumps(stored))
    with pytest.raises(kp.exceptions.InputError, match="dependence"):
        moved_linker("forest")
