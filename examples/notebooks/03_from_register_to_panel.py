# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # From register deliveries to an analysis panel
#
# Registers record spells and events, each in its own way; an analysis needs one row for a person and a
# quarter, and a reason for every cell that is empty. This notebook walks the whole way on synthetic
# registers: checks, main job and pay, why cells are missing, programmes as exposure, permits and access
# to work, time since arrival, constructs with their definitions. No person in the registers exists, and
# the truth is known, so that each step can be held against it.

# %%
from __future__ import annotations

import time

import numpy as np
import polars as pl

import kruispunt as kp

reg = kp.synth.registers("test", seed=1, imperfections=[], backend="polars", progress=False)
cal = kp.Calendar.quarters("2005Q1", "2016Q4")
persons = reg["persons"]
print(f"{len(persons):,} persons, {len(reg['dmfa_jobs']):,} job lines")

# %% [markdown]
# ## 1. Job lines to a main job and pay
#
# The main job of a quarter is the one with most paid days, ties by pay, then by employer. That is an
# order, and it is declared; ties it leaves open go to the lowest row number and are counted.

# %%
began = time.perf_counter()
lines = reg["dmfa_jobs"].with_columns(day_wage=kp.belgium.day_wage(reg["dmfa_jobs"]))
jobs = kp.Spells(
    lines, person="pid", period="quarter", state="clatra", name="jobs",
    carry=["matric", "days_ft", "hours_pt", "wage_ord", "day_wage"],
)  # fmt: skip
residence = kp.Spells(
    reg["residence_spells"], person="pid", start="from", end="to", name="residence"
)
deaths = kp.Spells(reg["deaths"], person="pid", day="death_date", name="deaths")
arrivals = kp.Spells(persons, person="pid", day="first_reg_date", carry=[], name="arrivals")
panel = jobs.to_panel(
    cal, state="main", order=["-days_ft", "-hours_pt", "-wage_ord", "matric"],
    values=["matric", "day_wage"], count=True, sum="wage_ord", balance="full",
    presence=residence, arrived=arrivals, died=deaths,
)  # fmt: skip
print(panel)
print(f"{time.perf_counter() - began:.2f} s")

by_hand = (
    lines.sort("days_ft", "hours_pt", "wage_ord", "matric", descending=[True, True, True, False])
    .group_by("pid", "quarter", maintain_order=True)
    .agg(pl.col("matric").first(), pay=pl.col("wage_ord").sum())
    .with_columns(quarter=pl.col("quarter").cast(pl.String))
)
ours = panel.to_frame().with_columns(quarter=pl.col("quarter").cast(pl.String))
both = ours.join(by_hand, on=["pid", "quarter"], how="inner", suffix="_by_hand")
assert len(both) == len(by_hand)
assert (both["matric"] == both["matric_by_hand"]).all()
assert np.allclose(both["wage_ord"], both["pay"], rtol=1e-9)

# %% [markdown]
# ## 2. Why a cell is empty
#
# A person without a job line may be at home, not yet here, gone, or dead. Each empty cell says which.

# %%
reasons = ours["reason"].cast(pl.String)
print(reasons.value_counts(sort=True))
assert (reasons.is_null() == (ours["count"] > 0)).all()
assert {"not arrived", "not resident", "dead", "no record"} <= set(reasons.drop_nulls())
dead = dict(reg["deaths"].group_by("pid").agg(pl.col("death_date").min()).iter_rows())
for row in ours.filter(reasons == "dead").gather_every(50).iter_rows(named=True):
    first_day = np.datetime64(f"{row['quarter'][:4]}-{3 * int(row['quarter'][-1]) - 2:02d}-01")
    assert np.datetime64(dead[row["pid"]]) < first_day
print(panel.account)

# %% [markdown]
# ## 3. Programmes as exposure: days, dose, who could start when
#
# Training actions are spells of days, of clients of the employment service; the bridge to persons is in
# the linkage. Days are conserved: what the panel holds is what the spells have within the window.

# %%
links = reg.truth["links"].filter(pl.col("source").cast(pl.String) == "vdab_klanten")
bridge = links.select(vdab_id=pl.col("record").cast(pl.Int64), pid="pid")
kinds = ["GCT", "OCT", "NCWT", "CWT"]
actions = reg["vdab_acties"].filter(pl.col("type").cast(pl.String).is_in(kinds))
training = kp.Spells(
    actions, person="vdab_id", start="from", end="to", state="type", carry=["hours"],
    name="training",
).identify(bridge, person="pid")  # fmt: skip
inside = training.clip(cal).merge(across_states=True)
exposed = panel.attach(training, "days").dose(training).treatment(training)
spells = inside.to_frame()
of_panel = spells.join(ours.select("pid").unique(), on="pid", how="semi")
days = (of_panel["to"] - of_panel["from"]).dt.total_days() + 1
assert exposed["training_days"].sum() == days.sum()
first = training.to_frame().group_by("pid").agg(pl.col("from").min())
starts = exposed.event_time(training).to_frame().filter(pl.col("event_time") == 0)
starts = starts.select("pid", pl.col("quarter").cast(pl.String)).join(first, on="pid")
quarter = pl.format("{}Q{}", pl.col("from").dt.year(), pl.col("from").dt.quarter())
assert starts.select((pl.col("quarter") == quarter).all()).item()
print(exposed.to_frame()["treatment"].value_counts(sort=True))

# %% [markdown]
# ## 4. Permits, renewed and in a chain; access to work before and after a reform
#
# Renewals within thirty days of each other are one chain. Access to work of asylum seekers follows from
# the date of the claim under the rules of that day.

# %%
granted = reg["permits"].filter(pl.col("decision").cast(pl.String) == "toegekend")
permits = kp.Spells(
    granted, person="permit_id", start="from", end="to", state="card", name="permits"
).identify(
    reg.truth["links"]
    .filter(pl.col("source").cast(pl.String) == "permits")
    .select(permit_id="record", pid="pid"),
    person="pid",
)
chains = permits.merge(gap=30)
print(f"{len(permits):,} permits in {len(chains):,} chains of {chains.persons:,} persons")
assert len(chains) <= len(permits)

seekers = reg["asylum_seekers"]
truth = reg.truth["asylum"].join(seekers.select("applicant", "application"), on="applicant")
ages = (truth["access"] - truth["application"]).dt.total_days()
rule = kp.belgium.asylum_access(truth["application"].to_numpy())
waits = (rule - truth["application"].to_numpy().astype("datetime64[D]")).astype(int)
# the register's rule counts 180 and 120 days, the decree six and four months
assert np.abs(waits - ages.to_numpy()).max() <= 4
late = truth["application"].to_numpy() >= np.datetime64("2015-07-12")
before, after = ages.to_numpy()[~late].mean(), ages.to_numpy()[late].mean()
print(f"waiting before the reform {before:.0f} days, after {after:.0f}")
assert ages.to_numpy()[late].max() < ages.to_numpy()[~late].max()

# %% [markdown]
# ## 5. Newcomers: quarters since arrival and since the latest entry
#
# Some leave and come back. An absence of a year or more ends a stay; the clock since the latest entry
# begins again. Who was here before the window opened is marked: their clocks began unseen.

# %%
newcomers = kp.belgium.since_arrival(panel, residence, absence=365)
print(newcomers.account.steps[-1])
clocks = newcomers.to_frame()
again = clocks.filter(pl.col("entries") > 1)
print(f"{again['pid'].n_unique():,} persons came back")
assert (again["since_entry"] < again["since_arrival"]).all()

# %% [markdown]
# ## 6. Constructs, each with its definition
#
# Stable employment, leave by seniority, the way through a programme: the definition of each is a card to
# quote in a methods section.

# %%
work = panel.with_column("employed", panel["count"] > 0)
work = kp.belgium.stable_employment(work, "employed", quarters=4)
work = kp.belgium.leave_eligibility(work, jobs, employer="matric")
stable = work.to_frame()
assert not stable.filter(~pl.col("employed") & pl.col("stable")).height
assert stable.filter(pl.col("leave"))["leave_days"].min() >= 365
kbi = reg.truth["links"].filter(pl.col("source").cast(pl.String) == "kbi_dossier")
dossiers = reg["kbi_dossier"].join(kbi.select(kbi_nr="record", pid="pid"), on="kbi_nr")
paths = kp.belgium.programme_paths(
    {
        "integration": kp.Spells(
            dossiers.select("pid", "aanmelding"), person="pid", day="aanmelding", name="kbi"
        ),
        "service": kp.Spells(
            reg["vdab_inschrijving"].select("vdab_id", "from"), person="vdab_id", day="from",
            name="registration",
        ).identify(bridge, person="pid"),
        "training": training,
        "job": jobs,
    }
)  # fmt: skip
shown = paths.to_frame()
print(shown["path"].value_counts(sort=True).head(6))
whole = shown.filter(pl.col("reached").cast(pl.String) == "job")
assert whole["first_integration"].is_not_null().all()
print(kp.belgium.cards()["leave_eligibility"]["definition"])

# %% [markdown]
# ## 7. What the panel looks like
#
# Patterns of participation, flows, transitions and a table of who the groups are made of.

# %%
print(work.flows().head(3))
table = work.attach_person(
    persons.select(
        "pid",
        pl.col("origin").cast(pl.String),
        age=2010 - pl.col("birth_date").str.slice(0, 4).cast(pl.Int64),
    )
).balance_table(["age", "employed"], "origin", reference="BE")
print(table.filter(pl.col("column") == "employed"))
assert table.filter(pl.col("group") == "BE")["difference"].abs().max() == 0
