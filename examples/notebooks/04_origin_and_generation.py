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
# decided each person's origin, and asks how much of the gap the choice of rule moves: raw, among persons
# alike, taken apart, by cohort and over time. The registers are synthetic: no person in them exists, and
# the truth is known.

# %%
from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import polars as pl

import kruispunt as kp
from kruispunt.plots import COLOURS, new_axes

arguments = [] if "ipykernel" in sys.modules else sys.argv[1:]
OUT = Path(arguments[0] if arguments else tempfile.mkdtemp())
pl.Config(
    tbl_hide_dataframe_shape=True, tbl_hide_column_data_types=True, tbl_rows=40, tbl_cols=12,
    fmt_str_lengths=80, tbl_width_chars=140,
)  # fmt: skip

registers = kp.synth.registers("test", seed=1, backend="polars", progress=False)
print(f"{len(registers['persons']):,} persons")

# %% [markdown]
# ## 1. First ask what the delivery is like
#
# The checks know the traps of the warehouse. They look for each, say how many rows show it, and what to do
# about it. These registers were made with every fault there is a switch for.

# %%
checks = kp.belgium.checks(registers)
print(checks["status"].value_counts(sort=True))
print(checks.filter(status="found").select("check", "rows", "of"))
for line in checks.filter(status="found").head(3).iter_rows(named=True):
    print(f"{line['check']}: {line['what']}. To do: {line['advice']}.")

found = set(checks.filter(status="found")["check"])
assert set(kp.synth.imperfections()) <= found
assert "not checked" not in set(checks["status"])

# %% [markdown]
# ## 2. Origin by three rules
#
# All three read the same four criteria: the first nationality of father, mother and person, and the
# present one; the first that is known and foreign decides. They differ in what happens when a parent is
# unknown: the monitoring of the federal administrations leaves the person without an answer, the regional
# statistics (`statbel`) and the employment service (`arvastat`) count the person as Belgian. The
# employment service has groups of its own.

# %%
nationality = registers["nationality_spells"].sort("from").group_by("pid").agg(now=pl.last("nat"))
persons = registers["persons"].join(registers["parents"], on="pid").join(nationality, on="pid")
columns = {
    "father": "father_nat_first",
    "mother": "mother_nat_first",
    "own": "nat_first",
    "now": "now",
}
RULES = ["monitoring", "statbel", "arvastat"]
origins = {rule: kp.belgium.origin(persons, rule, **columns, groups="eu") for rule in RULES}
groups = persons.select("pid", truth=pl.col("origin").cast(pl.String).replace(
    {"EU14": "EU", "EU13": "EU", "TR": "nonEU", "MA": "nonEU"}
))  # fmt: skip
for rule, origin in origins.items():
    answer = origin.to_frame().select("pid", pl.col("origin_group").alias(rule))
    groups = groups.join(answer, on="pid")
print(
    groups.unpivot(on=["truth", *RULES], variable_name="rule", value_name="group")
    .with_columns(pl.col("group").fill_null("no answer"))
    .pivot("group", index="rule", values="group", aggregate_function="len")
)
own = kp.belgium.origin(persons, "arvastat", **columns).to_frame()
print("the groups of the employment service:", dict(own["origin_group"].value_counts().iter_rows()))

# %% [markdown]
# Each answer says which criterion decided, and why there is none.

# %%
monitoring = origins["monitoring"].to_frame()
print(monitoring["origin_by"].fill_null("no answer").value_counts(sort=True))
print(monitoring["origin_reason"].drop_nulls().value_counts(sort=True))

undetermined = monitoring["origin_group"].null_count()
assert undetermined > 0
assert origins["statbel"].to_frame()["origin_group"].null_count() == 0
agreed = groups.drop_nulls("monitoring")
assert (agreed["monitoring"] == agreed["truth"]).all()  # where the monitoring answers, it is right
wrong = groups.filter(pl.col("statbel") != pl.col("truth"))
print(
    f"{undetermined} persons without an answer by the monitoring; counted as Belgian, {len(wrong)} of "
    "them would be in the wrong group"
)

# %% [markdown]
# The account of the origin goes into whatever is built on it, so that a report can say how many
# persons a rule left without an answer.

# %%
print(origins["monitoring"].account)

# %% [markdown]
# ## 3. Generation, with the cut-off as a parameter
#
# Born abroad: the first generation, or 1.5 for those who came as a child; where that line lies is yours to
# say. Born here: 2 with two parents from abroad, 2.5 with one, 3 with a grandparent, else 0.

# %%
roots = {
    "born": "birth_country", "birth_date": "birth_date", "arrival": "first_reg_date",
    "father": "father_nat_first", "mother": "mother_nat_first",
    "grandparents": ["ff_nat_first", "fm_nat_first", "mf_nat_first", "mm_nat_first"],
}  # fmt: skip
sizes = {}
for below in (6, 12, 18):
    answer = kp.belgium.generation(persons, **roots, bands={"1.5": below}).to_frame()
    sizes[below] = dict(answer["generation"].fill_null("no answer").value_counts().iter_rows())
print(
    pl.DataFrame([{"came before": below, **size} for below, size in sizes.items()]).select(
        "came before", "0", "1", "1.5", "2", "2.5", "no answer"
    )
)
assert sizes[6]["1.5"] < sizes[12]["1.5"] < sizes[18]["1.5"]

# %% [markdown]
# ## 4. The gap in employment, rule by rule
#
# Residents of 18 to 64 at the end of 2016. The estimate is the share at work among persons of
# non-EU origin minus that among persons of Belgian origin. Give the columns of all rules, and the gaps
# come side by side; the last is the truth.

# %%
year = pl.col("birth_date").str.slice(0, 4).cast(pl.Int32)
rows = (
    registers["nomenc"]
    .with_columns(pl.col("quarter").cast(pl.String))
    .filter(pl.col("quarter").str.ends_with("Q4"))
    .join(persons.select("pid", "sex", year=year), on="pid")
    .join(groups, on="pid")
    .with_columns(
        employed=pl.col("nomenc").cast(pl.String).str.starts_with("1"),
        age=pl.col("quarter").str.slice(0, 4).cast(pl.Int32) - pl.col("year"),
        cohort=pl.when(pl.col("year") < 1970).then(pl.lit("born before 1970"))
        .when(pl.col("year") < 1985).then(pl.lit("born 1970-1984")).otherwise(pl.lit("born from 1985 on")),
    )
    .filter(pl.col("age").is_between(18, 64))
    .with_columns(
        age_band=pl.when(pl.col("age") <= 30).then(pl.lit("18-30"))
        .when(pl.col("age") <= 45).then(pl.lit("31-45")).otherwise(pl.lit("46-64"))
    )
)  # fmt: skip


def points(found: kp.linked.Register, *names: str) -> pl.DataFrame:
    """Gaps of persons of non-EU origin, in percentage points."""
    table = found.to_frame().filter(pl.col("group") == "nonEU")
    numbers = [(pl.col(name) * 100).round(1) for name in ("estimate", "low", "high")]
    return table.select(*names, *numbers, "n_group", "n_reference")


last = rows.filter(pl.col("quarter") == "2016Q4")
gaps = kp.gap(last, "employed", [*RULES, "truth"], reference="BE")
print(points(gaps, "rule"))
by_rule = points(gaps, "rule").with_columns(pl.col("rule").cast(pl.String)).rows_by_key("rule")
estimate = {rule: cells[0][0] for rule, cells in by_rule.items()}
assert all(cells[0][2] < 0 for cells in by_rule.values())
assert by_rule["statbel"][0][4] > by_rule["monitoring"][0][4]  # more in the reference group
print(
    f"unknown as Belgian moves the gap by {estimate['statbel'] - estimate['monitoring']:+.1f} points"
)

# %% [markdown]
# ## 5. What the gap is made of
#
# Part of it is composition: the groups differ in age and sex. Direct standardisation gives the gap
# between persons alike, weighed as the reference group; Kitagawa's decomposition splits the difference
# evenly between rates and composition; Oaxaca-Blinder asks what the characteristics would bring at the
# coefficients of the reference group. Standard errors take composition and rates as estimated.

# %%
for method in ("standardised", "kitagawa", "oaxaca_blinder"):
    parts = kp.gap(
        last, "employed", "monitoring", reference="BE", method=method, adjust=["age_band", "sex"]
    )
    print(method)
    print(points(parts, "component"))
part = dict(
    kp.gap(last, "employed", "monitoring", reference="BE", method="kitagawa",
           adjust=["age_band", "sex"])
    .to_frame().filter(group="nonEU").select("component", "estimate").iter_rows()
)  # fmt: skip
assert abs(part["rate"] + part["composition"] + part["off_support"] - part["gap"]) < 1e-12

# %% [markdown]
# ## 6. By cohort and over time
#
# A gap that falls may do so because persons catch up, or because others come in: follow the cohorts.
# Persons occur once a year, so the person is the cluster.

# %%
time = kp.gap(rows, "employed", RULES, reference="BE", by="quarter", cluster="pid").to_frame()
time = time.filter(pl.col("group") == "nonEU").with_columns(pl.col("rule").cast(pl.String))
axes = new_axes()
for at, rule in enumerate(RULES[:2]):
    line = time.filter(pl.col("rule") == rule).sort("quarter")
    x = [int(label[:4]) + 0.12 * (at - 0.5) for label in line["quarter"]]
    middle = 100 * line["estimate"]
    reach = [middle - 100 * line["low"], 100 * line["high"] - middle]
    axes.errorbar(x, middle, yerr=reach, fmt="o-", color=COLOURS[at], label=rule, linewidth=1.2)
axes.axhline(0, color="black", linewidth=0.8)
axes.set_ylabel("gap in employment (percentage points)")
axes.set_xlabel("end of the year")
axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(0, 0.9))
axes.figure.savefig(OUT / "gap_over_time.png", dpi=110)
assert (time["high"] < 0).all()

cohorts = kp.gap(
    rows, "employed", "monitoring", reference="BE", by=["cohort", "quarter"], cluster="pid"
)
shown = points(cohorts, "cohort", "quarter")
print(shown.filter(pl.col("quarter").is_in(["2008Q4", "2012Q4", "2016Q4"])))
