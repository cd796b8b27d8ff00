# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # Who counts as what: origin, generation, and the gap under several rules
#
# The origin gap is a difference between two groups, so it depends on who is put in which group.
# Three rules are in use for the same registers. This notebook applies them side by side, shows what
# decided each person's origin, and asks how much of the gap the choice of rule moves. The registers
# are synthetic: no person in them exists, and the truth is known.

# %%
from __future__ import annotations

import polars as pl

import kruispunt as kp

registers = kp.synth.registers("test", seed=1, backend="polars", progress=False)
print(f"{len(registers['persons']):,} persons")

# %% [markdown]
# ## 1. First ask what the delivery is like
#
# The checks know the traps of the warehouse. They look for each and say what to do about it.

# %%
checks = kp.belgium.checks(registers)
print(checks.filter(status="found").select("check", "rows", "of", "advice"))

found = set(checks.filter(status="found")["check"])
assert {
    "it202_blank",
    "double_death",
    "estab_only_q2q4",
    "wachtregister_missing_before_2011",
} <= found
assert "not checked" not in set(checks["status"])

# %% [markdown]
# ## 2. Origin by three rules
#
# All three read the same four criteria: the first nationality of father, mother and person, and the
# present one. They differ in what happens when a parent is unknown.

# %%
nationality = registers["nationality_spells"].sort("from").group_by("pid").agg(now=pl.last("nat"))
persons = registers["persons"].join(registers["parents"], on="pid").join(nationality, on="pid")
columns = {
    "father": "father_nat_first",
    "mother": "mother_nat_first",
    "own": "nat_first",
    "now": "now",
}

origins = {
    rule: kp.belgium.origin(persons, rule, **columns, groups="eu")
    for rule in ("monitoring", "statbel", "arvastat")
}
for rule, origin in origins.items():
    counts = origin.to_frame()["origin_group"].value_counts(sort=True)
    print(rule, dict(counts.iter_rows()))

# %% [markdown]
# Each answer says which criterion decided, and why there is none.

# %%
monitoring = origins["monitoring"].to_frame()
print(monitoring["origin_by"].value_counts(sort=True))
print(monitoring["origin_reason"].drop_nulls().value_counts(sort=True))

undetermined = monitoring["origin_group"].null_count()
assert undetermined > 0
assert origins["statbel"].to_frame()["origin_group"].null_count() == 0
truth = persons.select("pid", truth=pl.col("origin").cast(pl.String))
agreed = monitoring.join(truth, on="pid").drop_nulls("origin_group")
same = (agreed["origin_group"] == "BE") == (agreed["truth"] == "BE")
assert same.all()  # wherever the monitoring rule answers, it is right

# %% [markdown]
# ## 3. Generation, with the cut-off as a parameter

# %%
roots = {
    "born": "birth_country", "birth_date": "birth_date", "arrival": "first_reg_date",
    "father": "father_nat_first", "mother": "mother_nat_first",
    "grandparents": ["ff_nat_first", "fm_nat_first", "mf_nat_first", "mm_nat_first"],
}  # fmt: skip
sizes = {}
for below in (6, 12, 18):
    generations = kp.belgium.generation(persons, **roots, bands={"1.5": below}).to_frame()
    sizes[below] = int((generations["generation"] == "1.5").sum())
    print(f"came before {below:2d}: {sizes[below]:4d} persons of generation 1.5")
assert sizes[6] < sizes[12] < sizes[18]

# %% [markdown]
# ## 4. The gap in employment, rule by rule
#
# Residents of 18 to 64 at the end of 2016. The estimate is the share at work among persons of
# non-EU origin minus that among persons of Belgian origin, in percentage points.

# %%
residents = (
    registers["nomenc"]
    .filter(pl.col("quarter").cast(pl.String) == "2016Q4")
    .join(persons, on="pid")
    .with_columns(
        employed=pl.col("nomenc").cast(pl.String).str.starts_with("1"),
        age=2016 - pl.col("birth_date").str.slice(0, 4).cast(pl.Int32),
    )
    .filter(pl.col("age").is_between(18, 64))
    .with_columns(
        age_band=pl.when(pl.col("age") <= 30)
        .then(pl.lit("18-30"))
        .otherwise(pl.when(pl.col("age") <= 45).then(pl.lit("31-45")).otherwise(pl.lit("46-64")))
    )
)
gaps = {}
for rule, origin in origins.items():
    rows = residents.join(origin.to_frame(), on="pid")
    gap = kp.gap(rows, "employed", "origin_group", reference="BE").to_frame()
    line = gap.filter(group="nonEU").row(0, named=True)
    gaps[rule] = line
    print(
        f"{rule:11s} {100 * line['estimate']:6.1f} points "
        f"[{100 * line['low']:.1f}, {100 * line['high']:.1f}], "
        f"n = {line['n_group']} and {line['n_reference']}"
    )
assert all(line["high"] < 0 for line in gaps.values())
assert gaps["statbel"]["n_reference"] > gaps["monitoring"]["n_reference"]

# %% [markdown]
# ## 5. What the gap is made of
#
# Part of it is composition: the groups differ in age and sex. Kitagawa's decomposition separates
# it from the difference in rates; its standard errors treat composition and rates as estimated.

# %%
rows = residents.join(origins["monitoring"].to_frame(), on="pid")
parts = kp.gap(
    rows, "employed", "origin_group", reference="BE", method="kitagawa", adjust=["age_band", "sex"]
).to_frame()
print(parts.filter(group="nonEU").select("component", "estimate", "se", "low", "high"))
part = dict(parts.filter(group="nonEU").select("component", "estimate").iter_rows())
assert abs(part["rate"] + part["composition"] + part["off_support"] - part["gap"]) < 1e-12

# %% [markdown]
# The account of the origin goes into whatever is built on it, so that a report can say how many
# persons a rule left without an answer.

# %%
print(origins["monitoring"].account)
