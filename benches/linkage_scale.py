"""Deduplication of 200,000 to 10,000,000 records of invented persons: kruispunt, Splink.

The same seven fields and eight blocking rules, two threads. The whole job counts: training
without labels, all pairs scored, links. F1 is pairwise: kruispunt's at the threshold it chooses
itself, Splink's at the best of all thresholds, which only labels can tell, and at 0.5.
"""

from __future__ import annotations

from typing import Any

import harness
import persons

RULES: list[list[Any]] = [
    ["first_name", "surname"],
    ["surname", "dob"],
    ["first_name", "dob"],
    ["postcode", "dob"],
    ["postcode", "surname"],
    ["postcode", "first_name"],
    ["natid"],
    [("first_name", 2), ("surname", 3), ("dob", 4)],
]


def matches(cluster: Any) -> int:
    """Count the pairs of records that are one person."""
    import numpy as np

    sizes = np.bincount(cluster)
    return int((sizes * (sizes - 1) // 2).sum())


def ours(table: Any) -> Any:
    """Train and link with kruispunt."""
    import kruispunt as kp

    c = kp.linkage
    linker = c.Linker(
        comparisons=[
            c.name("first_name", tf=True), c.name("surname", tf=True), c.date("dob"),
            c.osa("postcode", 1, 2, tf=True), c.jaro_winkler("street", 0.92, 0.8), c.exact("sex"),
            c.damerau("natid", 1, 2),
        ],
        blocking=RULES,
    )  # fmt: skip
    return linker.train(table, seed=1, progress=False).dedupe(table, progress=False)


def our_f1(links: Any, table: Any) -> dict[str, float]:
    """Give F1 at the automatic threshold."""
    import numpy as np

    cluster, pairs = table["cluster"].to_numpy(), links.pairs
    left, right = (np.asarray(pairs[name]) for name in ("left_row", "right_row"))
    correct = int((cluster[left] == cluster[right]).sum())
    return {"f1": 2 * correct / (len(left) + matches(cluster))}


def splink(table: Any) -> Any:
    """Train and score with Splink."""
    import logging

    import duckdb
    import splink.comparison_library as cl
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on

    logging.getLogger("splink").setLevel(logging.ERROR)
    connection = duckdb.connect()
    connection.execute("set threads = 2")
    api = DuckDBAPI(connection=connection)
    short = [f"substr({name},1,{letters})" for name, letters in RULES[-1]]
    settings = SettingsCreator(
        unique_id_column_name="unique_id",
        link_type="dedupe_only",
        blocking_rules_to_generate_predictions=[
            *(block_on(*rule) for rule in RULES[:-1]), block_on(*short),
        ],
        comparisons=[
            cl.NameComparison("first_name").configure(term_frequency_adjustments=True),
            cl.NameComparison("surname").configure(term_frequency_adjustments=True),
            cl.DateOfBirthComparison("dob", input_is_string=True),
            cl.DamerauLevenshteinAtThresholds("postcode", [1, 2]).configure(
                term_frequency_adjustments=True
            ),
            cl.JaroWinklerAtThresholds("street", [0.92, 0.8]),
            cl.ExactMatch("sex"),
            cl.DamerauLevenshteinAtThresholds("natid", [1, 2]),
        ],
        retain_intermediate_calculation_columns=False,
        retain_matching_columns=False,
        additional_columns_to_retain=["cluster"],
    )  # fmt: skip
    linker = Linker(api.register(table, dataset_display_name="persons"), settings)
    train = linker.training
    certain = [block_on("natid"), block_on("first_name", "surname", "dob")]
    train.estimate_probability_two_random_records_match(certain, recall=0.7)
    train.estimate_u_using_random_sampling(max_pairs=1e7, seed=1)
    for rule in (block_on("first_name", "surname"), block_on("dob")):
        train.estimate_parameters_using_expectation_maximisation(
            rule, estimate_without_term_frequencies=True
        )
    found = linker.inference.predict(threshold_match_weight=-10)
    return connection, found.physical_name


def splink_f1(answer: Any, table: Any) -> dict[str, float]:
    """Give F1 at the best threshold and at 0.5."""
    import numpy as np

    connection, name = answer
    found = connection.sql(
        f"select match_weight as w, cluster_l = cluster_r as hit from {name} order by w desc"
    ).fetchnumpy()
    links = np.arange(1, len(found["w"]) + 1)
    f1 = 2 * np.cumsum(found["hit"]) / (links + matches(table["cluster"].to_numpy()))
    half = int((found["w"] >= 0).sum()) - 1
    return {"f1": float(f1.max()), "f1_at_half": float(f1[half])}


def agree(one: float, other: float) -> str | None:
    """Say the F1 of the second; both must find nearly all."""
    return f"F1 {other:.5f}" if min(one, other) > 0.95 else f"F1 {other:.5f}: too low"


def main() -> None:
    """Run one engine, or all."""
    parser = harness.arguments(__doc__ or "")
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--alone", action="store_true", help="without Splink")
    options = parser.parse_args()
    path = persons.parquet(options.rows)
    if options.engine:
        import pyarrow.parquet as pq

        table = pq.read_table(path)
        work, judge = {"kruispunt": (ours, our_f1), "splink": (splink, splink_f1)}[options.engine]
        answer, figures = harness.timed(lambda: work(table))
        found = judge(answer, table)
        harness.child(found["f1"], figures | found)
        return
    engines = {"kruispunt": "kruispunt", "splink": "splink"}
    if options.alone:
        del engines["splink"]
    harness.compare(
        f"linkage-{options.rows}",
        engines,
        options,
        agree=agree,
        extra=["--rows", str(options.rows)],
        figures=("f1",),
    )


if __name__ == "__main__":
    main()
