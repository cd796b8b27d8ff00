"""Weights of Splink for its own comparisons: `pip install splink==5.0.0 pandas`, run here.

m and u are set, not learned, so that a weight tells whether levels and term frequencies are those
of Splink. The rows are invented; some values are missing, empty, in capitals or not ASCII.
"""

import importlib.metadata
import json
import logging
import random
from pathlib import Path

import duckdb
import pandas as pd
import splink.comparison_level_library as cll
import splink.comparison_library as cl
from splink import ColumnExpression as Made
from splink import DuckDBAPI, Linker

logging.disable(logging.WARNING)
here = Path(__file__).parent
pick = random.Random(20261129)
FIRST = [
    "Ana",
    "Anna",
    "ana",
    "Zoë",
    "Zoe",
    "Bilal",
    "Belal",
    "Mehmet",
    "Mehmed",
    "Peeters",
    "Jo",
    "",
]
LAST = ["Peeters", "Peters", "Pieters", "Yıldız", "Yildiz", "El Amrani", "Elamrani", "Ana", "Maes"]
HOSTS = ["home.be", "work.be", "home.eu"]


def slip(text: str) -> str:
    """Change a letter of a text, now and then."""
    if len(text) < 2 or pick.random() < 0.6:
        return text
    at = pick.randrange(len(text) - 1)
    kind = pick.randrange(3)
    if kind == 0:
        return text[:at] + text[at + 1 :]
    if kind == 1:
        return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    return text[:at] + pick.choice("aéx1") + text[at + 1 :]


def maybe(value, share=0.1):
    """Lose a value, now and then."""
    return None if pick.random() < share else value


rows = []
for at in range(192):
    first, last = pick.choice(FIRST), pick.choice(LAST)
    day = f"{pick.choice([1980, 1981, 1990])}-{pick.randrange(1, 13):02}-{pick.randrange(1, 29):02}"
    if pick.random() < 0.5:
        day = f"1985-0{pick.randrange(3, 5)}-{pick.choice([1, 2, 12]):02}"
    mail = f"{slip(pick.choice(['ana.m', 'ana.p', 'zoé', 'bilal77', 'jo']))}@{pick.choice(HOSTS)}"
    phones = pick.sample(["011", "022", "033", "044"], pick.randrange(4))
    rows.append(
        {
            "unique_id": at,
            "block": at % 16,
            "first_name": maybe(first),
            "surname": maybe(slip(last)),
            "whole_name": maybe(f"{first} {last}", 0.2),
            "birth": maybe(slip(day) if pick.random() < 0.1 else day),
            "email": maybe("@nobody" if pick.random() < 0.05 else mail),
            "postcode": maybe(
                pick.choice(["SW1A 1AA", "SW1A 1AB", "SW1B 2AA", "M1 2AB", "m1 2ab"])
            ),
            "latitude": maybe(50.8 + pick.randrange(40) / 100),
            "longitude": maybe(4.3 + pick.randrange(40) / 100),
            "wage": maybe(float(pick.choice([100, 101, 105, 120, 200]))),
            "phones": maybe(phones),
        }
    )
frame = pd.DataFrame(rows)
pair = {"term_frequency_adjustments": True}


def ladder(name, *levels):
    """Give a comparison of levels of one's own."""
    return cl.CustomComparison(output_column_name=name, comparison_levels=list(levels))


least = cll.ExactMatchLevel("surname").configure(
    tf_adjustment_column="surname", tf_adjustment_weight=0.6, tf_minimum_u_value=0.05
)
fuzzy = cll.JaroWinklerLevel("surname", 0.85).configure(
    tf_adjustment_column="surname", tf_adjustment_weight=0.25
)
alone = cll.CustomLevel("jaro_winkler_similarity(surname_l, surname_r) > 0.8").configure(
    tf_adjustment_column="first_name", disable_tf_exact_match_detection=True
)
models = {
    "exact": [cl.ExactMatch("first_name").configure(**pair), cl.ExactMatch("surname")],
    "measures": [
        cl.JaroWinklerAtThresholds("first_name", [0.9, 0.7]).configure(**pair),
        cl.LevenshteinAtThresholds("surname", [1, 3]).configure(**pair),
        cl.DamerauLevenshteinAtThresholds("email", [1, 4]),
        cl.JaroAtThresholds("whole_name", [0.9]),
        cl.JaccardAtThresholds("postcode", [0.9, 0.5]),
    ],
    "frequencies": [
        ladder("surname", cll.NullLevel("surname"), least, fuzzy, cll.ElseLevel()),
        ladder(
            "names", cll.NullLevel("surname"), cll.ExactMatchLevel("surname"), alone, cll.ElseLevel()
        ),
    ],
    "date of birth": [cl.DateOfBirthComparison("birth", input_is_string=True).configure(**pair)],
    "email": [cl.EmailComparison("email")],
    "forename and surname": [cl.ForenameSurnameComparison("first_name", "surname")],
    "forename, surname and both": [
        cl.ForenameSurnameComparison(
            "first_name", "surname", forename_surname_concat_col_name="whole_name"
        )
    ],
    "name": [cl.NameComparison("first_name"), cl.NameComparison("surname")],
    "postcode": [
        cl.PostcodeComparison("postcode"),
        cl.PostcodeComparison(
            "postcode", lat_col="latitude", long_col="longitude", km_thresholds=[1, 10]
        ),
    ],
    "places and numbers": [
        cl.DistanceInKMAtThresholds("latitude", "longitude", [2, 15]),
        ladder(
            "wage", cll.NullLevel("wage"), cll.AbsoluteDifferenceLevel("wage", 1),
            cll.PercentageDifferenceLevel("wage", 0.1), cll.ElseLevel(),
        ),
    ],
    "lists": [
        cl.ArrayIntersectAtSizes("phones", [2, 1]),
        cl.PairwiseStringDistanceFunctionAtThresholds("phones", "levenshtein", [1]),
        ladder("subset", cll.NullLevel("phones"), cll.ArraySubsetLevel("phones"), cll.ElseLevel()),
    ],
    "days": [cl.AbsoluteDateDifferenceAtThresholds(
        "birth", input_is_string=True, metrics=["day", "month", "year"], thresholds=[1, 2, 1]
    )],
    "levels not trained": [
        cl.DateOfBirthComparison("birth", input_is_string=True),
        cl.JaroWinklerAtThresholds("surname", [0.9, 0.7]),
        cl.ExactMatch("first_name"),
    ],
    "own levels": [
        ladder(
            "name", cll.And(cll.NullLevel("first_name"), cll.NullLevel("surname")),
            cll.And(cll.ExactMatchLevel("first_name"), cll.Not(cll.ExactMatchLevel("surname"))),
            cll.ColumnsReversedLevel("first_name", "surname"),
            cll.Or(cll.ExactMatchLevel(Made("surname").lower().substr(1, 3)),
                   cll.LevenshteinLevel("first_name", 1)),
            cll.Not(cll.Or(cll.ExactMatchLevel("birth"), cll.JaroWinklerLevel("surname", 0.7))),
            cll.ElseLevel(),
        ),
        ladder(
            "first", cll.LiteralMatchLevel("first_name", "Ana", "string"),
            cll.ExactMatchLevel(Made("first_name").nullif("")),
            cll.NullLevel("first_name"),
            cll.ExactMatchLevel(Made("birth").substr(1, 4)), cll.ElseLevel(),
        ),
    ],
}  # fmt: skip


def shares(n, first):
    """Give falling or rising probabilities that sum to 1."""
    own = [first**at for at in range(n)]
    return [one / sum(own) for one in own]


out = {"peer": "splink", "version": importlib.metadata.version("splink"), "models": {}}
for name, comparisons in models.items():
    stored = [one.get_comparison("duckdb").as_dict() for one in comparisons]
    for at, comparison in enumerate(stored):
        levels = [one for one in comparison["comparison_levels"] if not one.get("is_null_level")]
        for level, m, u in zip(
            levels, shares(len(levels), 0.6), shares(len(levels), 2.5), strict=True
        ):
            level["m_probability"], level["u_probability"] = m, u
        if name == "levels not trained":
            # Of two levels, Splink assumes 1.6 for u of the last.
            del levels[at % len(levels)]["m_probability"]
            del levels[-1 if len(levels) > 2 else 0]["u_probability"]
        comparison["output_column_name"] = f"{at} {comparison['output_column_name']}"
    settings = {
        "link_type": "dedupe_only",
        "probability_two_random_records_match": 0.02,
        "comparisons": stored,
        "blocking_rules_to_generate_predictions": ['l."block" = r."block"'],
    }
    connection = duckdb.connect()
    # DuckDB 2 wants to be told that Splink writes lambdas with arrows.
    connection.execute("SET lambda_syntax = 'ENABLE_SINGLE_ARROW'")
    linker = Linker(DuckDBAPI(connection).register(frame), settings, log_level=40)
    scored = linker.inference.predict().as_pandas_dataframe()
    scored = scored.sort_values(["unique_id_l", "unique_id_r"])
    pairs = scored[["unique_id_l", "unique_id_r"]].to_numpy().tolist()
    assert out.setdefault("pairs", pairs) == pairs
    weights = [round(float(weight), 9) for weight in scored["match_weight"]]
    out["models"][name] = {"settings": settings, "weights": weights}
    print(name, len(scored), scored["match_weight"].round(6).nunique())
columns = {name: frame[name].astype(object).where(frame[name].notna(), None) for name in frame}
out["rows"] = {name: list(values) for name, values in columns.items()}
(here / "expected.json").write_text(json.dumps(out) + "\n", encoding="utf-8")
