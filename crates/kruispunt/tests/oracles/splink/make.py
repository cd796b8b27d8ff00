"""u, m, weights of Splink on its own fake_1000: `pip install splink==5.0.0 pandas`, run here."""

import importlib.metadata
import json
import logging
from pathlib import Path

import duckdb
import pandas as pd
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

logging.disable(logging.WARNING)
here = Path(__file__).parent
frame = pd.read_csv(here / "fake_1000.csv", dtype=str)
for name in ("first_name", "surname", "city", "email"):
    frame[name] = frame[name].str.lower()
frame["unique_id"] = frame["unique_id"].astype(int)

api = DuckDBAPI()
settings = SettingsCreator(
    link_type="dedupe_only",
    comparisons=[
        cl.JaroWinklerAtThresholds("first_name", [0.9, 0.7]),
        cl.JaroWinklerAtThresholds("surname", [0.9, 0.7]),
        cl.LevenshteinAtThresholds("dob", [1, 2]),
        cl.ExactMatch("city"),
        cl.LevenshteinAtThresholds("email", [2]),
    ],
    blocking_rules_to_generate_predictions=[
        block_on("first_name"),
        block_on("surname"),
        block_on("dob"),
    ],
    em_convergence=1e-10,
    max_iterations=500,
    retain_intermediate_calculation_columns=True,
    probability_two_random_records_match=1 / 499,
)
linker = Linker(api.register(frame), settings, log_level=40)
linker.training.estimate_u_using_random_sampling(max_pairs=1e9)
for column in ("first_name", "dob"):
    linker.training.estimate_parameters_using_expectation_maximisation(
        block_on(column), max_pairs=None, record_sample_proportion=1.0
    )
model = linker.misc.save_model_to_json()
comparisons = {}
for comparison in model["comparisons"]:
    levels = [one for one in comparison["comparison_levels"] if not one.get("is_null_level")]
    comparisons[comparison["output_column_name"]] = {
        "m": [one["m_probability"] for one in levels],
        "u": [one["u_probability"] for one in levels],
    }
# Splink samples; these are the shares over all pairs of rows, by its own engine.
similar = "jaro_winkler_similarity(a.{0}, b.{0}) >= {1}"
apart = "levenshtein(a.{0}, b.{0}) <= {1}"
shares = {}
for column, test, ladder in [
    ("first_name", similar, (0.9, 0.7)),
    ("surname", similar, (0.9, 0.7)),
    ("dob", apart, (1, 2)),
    ("city", apart, ()),
    ("email", apart, (2,)),
]:
    whens = [f"a.{column} = b.{column}", *(test.format(column, rung) for rung in ladder)]
    cases = " ".join(f"when {when} then {level}" for level, when in enumerate(whens))
    counted = duckdb.sql(
        f"select case {cases} else {len(whens)} end as level, count(*) as n from frame a, frame b "
        f"where a.unique_id < b.unique_id and a.{column} is not null and b.{column} is not null "
        "group by all order by level"
    ).fetchall()
    total = sum(n for _, n in counted)
    shares[column] = [n / total for _, n in counted]
scored = linker.inference.predict().as_pandas_dataframe()
scored = scored.sort_values(["unique_id_l", "unique_id_r"])
out = {
    "peer": "splink",
    "version": importlib.metadata.version("splink"),
    "lambda": model["probability_two_random_records_match"],
    "comparisons": comparisons,
    "shares": shares,
    "n_pairs": len(scored),
    "pairs": [
        [int(left), int(right), float(weight)]
        for left, right, weight in zip(
            scored["unique_id_l"][::7],
            scored["unique_id_r"][::7],
            scored["match_weight"][::7],
            strict=True,
        )
    ],
}
(here / "expected.json").write_text(json.dumps(out) + "\n", encoding="utf-8")
print(out["lambda"], out["n_pairs"], len(out["pairs"]), comparisons)
