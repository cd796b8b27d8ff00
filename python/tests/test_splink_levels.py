"""Models of Splink: every comparison of its library, with the weights that Splink gives."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import kruispunt as kp

c = kp.linkage
ORACLE = Path(__file__).parents[2] / "crates/kruispunt/tests/oracles/splink_levels/expected.json"
STORED = json.loads(ORACLE.read_text(encoding="utf-8"))


def rows():
    """Give the rows as a table of Arrow, whose lists stay lists."""
    return pytest.importorskip("pyarrow").table(STORED["rows"])


@pytest.mark.parametrize("name", STORED["models"])
def test_weights_are_those_of_splink(name):
    model, table = STORED["models"][name], rows()
    linker = c.Linker.from_splink(model["settings"])
    scored = linker.score(table, table, STORED["pairs"])
    np.testing.assert_allclose(np.asarray(scored["weight"]), model["weights"], atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", ["frequencies", "forename and surname", "email"])
@pytest.mark.filterwarnings("ignore::kruispunt.exceptions.DesignWarning")  # m and u are invented
def test_links_and_single_pairs_weigh_the_same(name):
    """One table against itself, a stored linker, and a scorer of single records."""
    model, table = STORED["models"][name], rows()
    linker = c.Linker.from_json(c.Linker.from_splink(model["settings"]).to_json())
    links = linker.dedupe(table, threshold=0.0, progress=False)
    pairs = links.pairs.to_pydict()
    found = dict(zip(zip(pairs["left_row"], pairs["right_row"]), pairs["weight"]))  # noqa: B905
    expected = dict(zip(map(tuple, STORED["pairs"]), model["weights"], strict=True))
    assert found.keys() == expected.keys()
    np.testing.assert_allclose(
        [found[pair] for pair in expected], list(expected.values()), atol=1e-6, rtol=0
    )
    scorer, listed = linker.scorer(table), table.to_pylist()
    columns = {name for one in linker.comparisons for name in json.loads(one.settings)}
    assert columns
    for left, right in STORED["pairs"][::40]:
        one, other = (
            {name: value for name, value in listed[at].items() if isinstance(value, str)}
            for at in (left, right)
        )
        assert scorer.score(one, other)["weight"] == pytest.approx(expected[left, right], abs=1e-6)
    steps = links.waterfall(0).to_pydict()
    first = (pairs["left_row"][0], pairs["right_row"][0])
    assert steps["running"][-1] == pytest.approx(expected[first], abs=1e-6)


def test_levels_that_were_not_trained_are_said_and_settings_alone_stay_untrained():
    model = STORED["models"]["levels not trained"]["settings"]
    (caution,) = c.Linker.from_splink(model).cautions
    assert caution.startswith("levels_not_trained: 6 m or u")
    assert not c.Linker.from_splink(STORED["models"]["exact"]["settings"]).cautions
    bare = json.loads(json.dumps(STORED["models"]["exact"]["settings"]))
    for level in bare["comparisons"][0]["comparison_levels"]:
        level.pop("m_probability", None)
    assert c.Linker.from_splink(bare).match_share is None
    lacking = json.loads(json.dumps(STORED["models"]["exact"]["settings"]))
    del lacking["comparisons"][1]["comparison_levels"][-1]["u_probability"]
    with pytest.raises(kp.exceptions.InputError, match="comparison 1 lacks u of its last level"):
        c.Linker.from_splink(lacking)


def levels(*conditions, null='"a_l" IS NULL OR "a_r" IS NULL', **extra):
    made = [{"sql_condition": null, "is_null_level": True}] if null else []
    made += [{"sql_condition": one, **extra} for one in conditions]
    return {"comparisons": [{"comparison_levels": [*made, {"sql_condition": "ELSE"}]}]}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (levels('soundex("a_l") = soundex("a_r")'), "level 1: the function soundex .* a column of"),
        (levels('"a_l" LIKE "a_r"'), "level 1"),
        (levels('"a_l" < "a_r"'), "level 1: `<` is read between a measure"),
        (levels('"a" = "a_r"'), 'level 1: `"a"` is no column of a row'),
        (levels('"a_l" = "a_r" AND'), "level 1: the condition ends too early"),
        (levels('"a_l" = \'x'), "level 1: .* cannot be read"),
        (levels('"a_l" = "a_r"', tf_adjustment_column="b"), 'term frequencies of "b" need'),
        (
            {"comparisons": [{"comparison_levels": [{"sql_condition": '"a_l" = "a_r"'}]}]},
            'last level is not "ELSE"',
        ),
        (levels(null=None), 'no level but "ELSE"'),
    ],
)
def test_what_cannot_be_read_is_named_with_what_to_do(settings, words):
    with pytest.raises(kp.exceptions.InputError, match=words):
        c.Linker.from_splink(settings)


def test_a_pattern_that_is_not_known_is_refused_by_name():
    found = "regexp_extract(\"a_{}\", '(?=x)', 0)"
    settings = levels(f"{found.format('l')} = {found.format('r')}")
    for level in settings["comparisons"][0]["comparison_levels"][1:]:
        level |= {"m_probability": 0.5, "u_probability": 0.5}
    settings["blocking_rules_to_generate_predictions"] = ['l."a" = r."a"']
    with pytest.raises(kp.exceptions.InputError, match="regular expressions of letters"):
        c.Linker.from_splink(settings)
