"""F1 of Splink at the best of all thresholds: `pip install splink==5.0.0 pandas`, run here."""

import importlib.metadata
import json
import logging
import os
from pathlib import Path

import numpy as np
import pandas as pd
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

logging.disable(logging.WARNING)
here = Path(__file__).parent
file = Path(os.environ["KRUISPUNT_ORACLES"], "dedupe_childcare/childcare.csv")
names = {"True Id": "person", "Site name": "name", "Address": "address", "Zip": "zip"}
frame = pd.read_csv(file, dtype=str).rename(columns=names | {"Phone": "phone"})
for name in ("name", "address"):
    frame[name] = frame[name].str.lower().str.strip()
frame["unique_id"] = range(len(frame))
person = frame["person"].to_numpy()
sizes = np.unique(person, return_counts=True)[1]
matches = int((sizes * (sizes - 1) // 2).sum())
pair = {"term_frequency_adjustments": True}
comparisons = {
    "names": lambda: [
        cl.NameComparison("name"),
        cl.JaroWinklerAtThresholds("address", [0.92, 0.85]).configure(**pair),
        cl.ExactMatch("zip").configure(**pair),
        cl.ExactMatch("phone").configure(**pair),
    ],
    "two steps": lambda: [
        cl.JaroWinklerAtThresholds("name", [0.92, 0.8]).configure(**pair),
        cl.JaroWinklerAtThresholds("address", [0.92, 0.8]).configure(**pair),
        cl.ExactMatch("zip"),
        cl.ExactMatch("phone"),
    ],
    "telephones with slips": lambda: [
        cl.NameComparison("name"),
        cl.NameComparison("address"),
        cl.ExactMatch("zip"),
        cl.LevenshteinAtThresholds("phone", [1, 2]),
    ],
}
rules = {
    "five": [
        block_on("phone"),
        block_on("address"),
        block_on("name"),
        block_on("zip", "substr(name,1,4)"),
        block_on("zip", "substr(address,1,5)"),
    ],
    "wide": [
        block_on("phone"),
        block_on("substr(address,1,6)"),
        block_on("name"),
        block_on("zip"),
    ],
}
trainings = [("phone", "address"), ("name", "address"), ("name", "phone")]
out = {"peer": "splink", "version": importlib.metadata.version("splink"), "runs": []}
for which, blocking in rules.items():
    for compared, made in comparisons.items():
        for columns in trainings:
            settings = SettingsCreator(
                link_type="dedupe_only",
                comparisons=made(),
                blocking_rules_to_generate_predictions=blocking,
            )
            linker = Linker(DuckDBAPI().register(frame), settings, log_level=40)
            training = linker.training
            training.estimate_probability_two_random_records_match(
                [block_on("phone", "name"), block_on("address", "name")], recall=0.6
            )
            training.estimate_u_using_random_sampling(max_pairs=1e7)
            for column in columns:
                training.estimate_parameters_using_expectation_maximisation(
                    block_on(column), max_pairs=None, record_sample_proportion=1.0
                )
            scored = linker.inference.predict().as_pandas_dataframe()
            scored = scored.sort_values("match_weight", ascending=False)
            hits = np.cumsum(person[scored["unique_id_l"]] == person[scored["unique_id_r"]])
            weight = scored["match_weight"].to_numpy()
            ends = np.append(weight[1:] != weight[:-1], True)
            f1 = float(np.max((2 * hits / (np.arange(1, len(hits) + 1) + matches))[ends]))
            run = {"rules": which, "comparisons": compared, "trained_on": columns, "best_f1": f1}
            out["runs"].append(run)
            print(run)
(here / "expected.json").write_text(json.dumps(out, indent=1) + "\n", encoding="utf-8")
