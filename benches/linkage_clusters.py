"""F1 of links and of the pairs inside clusters, by way of grouping, on data with known persons.

Everything is chosen without labels: m, u, the threshold and the groups. Data from the folder that
KRUISPUNT_ORACLES names, and invented persons; `best` is F1 at the best of all thresholds, which only
labels can tell.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import warnings
from pathlib import Path
from typing import Any

import linkage_scale
import numpy as np
import persons

GROUPINGS = ("connected", "best-link", "complete", "correlation")


def data() -> Any:
    """Give each table with its persons, comparisons and rules."""
    import pandas as pd

    import kruispunt as kp

    c, folder = kp.linkage, Path(os.environ["KRUISPUNT_ORACLES"])
    febrl = pd.read_csv(folder / "febrl_dev/dataset1.csv", dtype=str)
    febrl["person"] = febrl["rec_id"].str.extract(r"rec-(\d+)-")[0]
    yield "febrl 1", febrl, [
        c.name("given_name", tf=True), c.name("surname", tf=True), c.date("date_of_birth"),
        c.identifier("soc_sec_id"), c.osa("postcode", 1, 2, tf=True), c.name("suburb", tf=True),
        c.osa("address_1", 1, 3), c.exact("street_number", tf=True),
    ], [
        ["given_name", "surname"], ["soc_sec_id"], ["date_of_birth"], ["postcode", "given_name"],
        ["postcode", "surname"],
    ]  # fmt: skip
    data = pd.read_csv(folder / "rldata500/RLdata500.csv", dtype=str)
    data["birth"] = data["by"] + "-" + data["bm"].str.zfill(2) + "-" + data["bd"].str.zfill(2)
    yield "RLdata500", data.rename(columns={"identity": "person"}), [
        c.name("fname_c1", tf=True), c.name("lname_c1", tf=True), c.exact("by"), c.exact("bm"),
        c.exact("bd"),
    ], [["fname_c1"], ["lname_c1"], ["birth"]]  # fmt: skip
    fake = pd.read_csv(folder / "splink_fake1000/fake_1000.csv", dtype=str)
    yield "fake_1000", fake.rename(columns={"cluster": "person"}), [
        c.name("first_name", tf=True), c.name("surname", tf=True), c.date("dob"),
        c.exact("city", tf=True), c.osa("email", 1, 2),
    ], [["first_name"], ["surname"], ["dob"]]  # fmt: skip
    sites = pd.read_csv(folder / "dedupe_childcare/childcare.csv", dtype=str)
    sites = sites.rename(columns={"True Id": "person", "Site name": "name", "Address": "address"})
    compared = [
        c.name("name", tf=True), c.jaro_winkler("address", 0.92, 0.85, tf=True),
        c.exact("Zip", tf=True), c.exact("Phone", tf=True),
    ]  # fmt: skip
    five = [["Phone"], ["address"], ["name"], ["Zip", ("name", 4)], ["Zip", ("address", 5)]]
    yield "childcare sites", sites, compared, five
    wide = [["Phone"], [("address", 6)], ["name"], ["Zip"]]
    yield "childcare sites, wider rules", sites, compared, wide
    people = pd.DataFrame(persons.persons(20_000)).rename(columns={"cluster": "person"})
    yield "20,000 invented persons", people, [
        c.name("first_name", tf=True), c.name("surname", tf=True), c.date("dob"),
        c.osa("postcode", 1, 2, tf=True), c.jaro_winkler("street", 0.92, 0.8), c.exact("sex"),
        c.damerau("natid", 1, 2),
    ], linkage_scale.RULES  # fmt: skip
    yield "the same, four fields", people, [
        c.name("first_name", tf=True), c.name("surname", tf=True), c.date("dob"),
        c.osa("postcode", 1, 2, tf=True),
    ], linkage_scale.RULES[:4]  # fmt: skip


def f1(cluster: Any, person: Any) -> float:
    """Give the F1 of the pairs inside clusters."""
    a, b = (np.unique(values, return_inverse=True)[1] for values in (cluster, person))
    both = np.unique(a.astype(np.int64) * (b.max() + 1) + b, return_inverse=True)[1]

    def pairs(codes: Any) -> float:
        sizes = np.bincount(codes).astype(float)
        return float((sizes * (sizes - 1) / 2).sum())

    return 2 * pairs(both) / (pairs(a) + pairs(b))


def best(links: Any, person: Any) -> float:
    """Give F1 at the best of all thresholds."""
    pairs = links.pairs
    order = np.argsort(-pairs["weight"].to_numpy(), kind="stable")
    hits = np.cumsum((person[pairs["left_row"]] == person[pairs["right_row"]])[order])
    sizes = np.unique(person, return_counts=True)[1]
    matches = (sizes * (sizes - 1) // 2).sum()
    return float((2 * hits / (np.arange(1, len(hits) + 1) + matches)).max())


def main() -> None:
    """Write the record."""
    import kruispunt as kp

    warnings.simplefilter("ignore")
    rows = []
    for name, table, comparisons, rules in data():
        person = table["person"].to_numpy()
        for dependence in ("tree", "none"):
            linker = kp.linkage.Linker(comparisons, rules, dependence=dependence)
            linker.train(table, progress=False)
            links = linker.dedupe(table, progress=False)
            row = {"data": name, "dependence": dependence}
            row["links"] = float(kp.linkage.evaluate(links, "person")["f1"].iloc[0])
            everything = linker.dedupe(table, threshold=0.0, progress=False)
            row["best"] = best(everything, person)
            for grouping in GROUPINGS:
                row[grouping] = f1(links.clusters(grouping)["cluster"].to_numpy(), person)
            rows.append({key: round(x, 4) if isinstance(x, float) else x for key, x in row.items()})
            print(rows[-1])
    today = dt.datetime.now(dt.UTC).date().isoformat()
    path = Path(__file__).parent / "record" / f"{today}-linkage-clusters.json"
    record = {"bench": "linkage-clusters", "date": today, "rows": rows}
    path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
