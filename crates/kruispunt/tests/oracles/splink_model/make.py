"""A model as Splink saves it, and the weights it gives: `pip install splink==5.0.0 pandas`, run here."""

import importlib.metadata
import json
import logging
from pathlib import Path

import pandas as pd
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

logging.disable(logging.WARNING)
here = Path(__file__).parent
frame = pd.read_csv(here.parent / "splink/fake_1000.csv", dtype=str)
for name in ("first_name", "surname", "city", "email"):
    frame[name] = frame[name].str.lower()
frame["unique_id"] = frame["unique_id"].astype(int)

settings = SettingsCreator(
    link_type="dedupe_only",
    comparisons=[
        cl.JaroWinklerAtThresholds("first_name", [0.92, 0.8]),
        cl.JaroAtThresholds("surname", [0.9, 0.75]),
        cl.DamerauLevenshteinAtThresholds("dob", [1, 2]),
        cl.ExactMatch("city"),
        cl.LevenshteinAtThresholds("email", [2, 5]),
    ],
    blocking_rules_to_generate_predictions=[
        block_on("first_name", "substr(dob, 1, 4)"),
        block_on("surname"),
        block_on("email"),
    ],
    retain_intermediate_calculation_columns=True,
)
linker = Linker(DuckDBAPI().register(frame), settings, log_level=40)
linker.training.estimate_probability_two_random_records_match([block_on("email")], recall=0.6)
linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
for column in ("first_name", "dob"):
    linker.training.estimate_parameters_using_expectation_maximisation(block_on(column))
linker.misc.save_model_to_json(str(here / "model.json"), overwrite=True)
pairs = linker.inference.predict().as_pandas_dataframe()
place = {own: row for row, own in enumerate(frame["unique_id"])}
rows = [
    [*sorted((place[left], place[right])), weight]
    for left, right, weight in zip(
        pairs["unique_id_l"], pairs["unique_id_r"], pairs["match_weight"], strict=True
    )
]
rows.sort()
answer = {"splink": importlib.metadata.version("splink"), "n_pairs": len(rows), "pairs": rows[::3]}
(here / "expected.json").write_text(json.dumps(answer) + "\n", encoding="utf-8")
print(len(rows))
