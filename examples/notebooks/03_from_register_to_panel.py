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
# registers: who is in the panel and why cells are empty, main job and pay, programmes as exposure, permits
# and access to work, time since arrival, constructs with their definitions. No person in the registers
# exists, and the truth is known, so that each step is held against it.

# %%
from __future__ import annotations

import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import polars as pl

import kruispunt as kp
from kruispunt.plots import COLOURS, new_axes

arguments = [] if "ipykernel" in sys.modules else sys.argv[1:]
OUT = Path(arguments[0] if arguments else tempfile.mkdtemp())
pl.Config(tbl_hide_dataframe_shape=True, tbl_hide_column_data_types=True, tbl_rows=20, tbl_cols=12)

reg = kp.synth.registers("test", seed=1, imperfections=[], backend="polars", progress=False)
cal = kp.Calendar.quarters("2005Q1", "2016Q4")
persons = reg["persons"]
print(f"{len(persons):,} persons in the delivery, {len(reg['dmfa_jobs']):,} job lines")

# %% [markdown]
# ## 1. Who is in the panel, and why a cell is empty
#
# A panel of jobs has only persons who ever had one: no base for an employment rate. The base here is the
# register of positions, which has every resident at the end of each quarter. With `balance="full"` every
# person gets a row for every quarter, and each cell without a position says why it has none.

# %%
residence = kp.Spells(
    reg["residence_spells"], person="pid", start="from", end="to", name="residence"
)
deaths = kp.Spells(reg["deaths"], person="pid", day="death_date", name="deaths")
arrivals = kp.Spells(persons, person="pid", day="first_reg_date", carry=[], name="arrivals")
positions = kp.Spells(
    reg["nomenc"], person="pid", period="quarter", state="nomenc", name="positions"
)
panel = positions.to_panel(
    cal, state="last_day", balance="full", presence=residence, arrived=arrivals, died=deaths
)
print(panel)
frame = panel.to_frame().with_columns(pl.col("quarter", "reason").cast(pl.String))
reasons = frame["reason"].fill_null("a position").value_counts(sort=True)
print(reasons)
assert (frame["state"].is_null() == frame["reason"].is_not_null()).all()
assert {"not arrived", "not resident", "dead"} <= set(frame["reason"].drop_nulls())
dead = dict(reg["deaths"].group_by("pid").agg(pl.col("death_date").min()).iter_rows())
for row in frame.filter(pl.col("reason") == "dead").gather_every(50).iter_rows(named=True):
    first_day = np.datetime64(f"{row['quarter'][:4]}-{3 * int(row['quarter'][-1]) - 2:02d}-01")
    assert np.datetime64(dead[row["pid"]]) < first_day

# %%
# Cells of the panel by reason, quarter by quarter: arrivals fade, deaths and departures grow.
words = ["not arrived", "not resident", "dead", "before entry", "after exit", "no record"]
by_quarter = {
    word: frame.filter(pl.col("reason") == word).group_by("quarter").len() for word in words
}
axes = new_axes()
height = np.zeros(len(cal))
for word, colour in zip(words, COLOURS, strict=False):
    own = dict(by_quarter[word].iter_rows())
    top = height + np.array([own.get(label, 0) for label in cal.labels])
    if (top > height).any():
        axes.fill_between(range(len(cal)), height, top, color=colour, label=word, linewidth=0)
    height = top
axes.set_xticks(range(0, 48, 8), cal.labels[::8])
axes.set_ylabel(f"persons without a position, of {panel.persons:,}")
axes.set_ylim(bottom=0)
axes.legend(frameon=False, ncols=3)
axes.set_axisbelow(b=True)
axes.figure.savefig(OUT / "reasons.png", dpi=110)

# %% [markdown]
# The account says the same in words, with what joined on the way. It goes along with the panel into every
# later step and ends as a flow diagram in a report.

# %%
print(panel.account)

# %% [markdown]
# ## 2. Job lines to a main job and pay
#
# The main job of a quarter is the one with most paid days, ties by pay, then by employer. That is an
# order, and it is declared; ties it leaves open go to the lowest row number and are counted. The day wage
# follows the formula of the social-security register: pay by paid days, part-timers' hours at 7.6 a day.

# %%
began = time.process_time()
lines = reg["dmfa_jobs"].with_columns(day_wage=kp.belgium.day_wage(reg["dmfa_jobs"]))
jobs = kp.Spells(
    lines, person="pid", period="quarter", state="clatra", name="jobs",
    carry=["matric", "days_ft", "hours_pt", "wage_ord", "day_wage"],
)  # fmt: skip
main = jobs.resolve(["-days_ft", "-hours_pt", "-wage_ord", "matric"])
panel = panel.as_of(main, ["matric", "day_wage"]).attach(jobs, "days", name="job_days")
print(f"{time.process_time() - began:.2f} seconds of processor time")

by_hand = (
    lines.sort("days_ft", "hours_pt", "wage_ord", "matric", descending=[True, True, True, False])
    .group_by("pid", "quarter", maintain_order=True)
    .agg(pl.col("matric", "day_wage").first())
    .with_columns(quarter=pl.col("quarter").cast(pl.String))
)
ours = panel.to_frame().with_columns(pl.col("quarter").cast(pl.String))
both = ours.join(by_hand, on=["pid", "quarter"], how="inner", suffix="_by_hand")
assert (both["matric"] == both["matric_by_hand"]).all()
assert np.allclose(both["day_wage"], both["day_wage_by_hand"], rtol=1e-12)
# employees at the end of the quarter are those with a job line
employees = ours.filter(pl.col("state").cast(pl.String).is_in(["111", "112"]))
assert employees["matric"].null_count() == 0
print(
    f"{len(employees):,} person-quarters of employees; median day wage "
    f"{employees['day_wage'].median():.0f} euro"
)

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
of_panel = inside.to_frame().join(ours.select("pid").unique(), on="pid", how="semi")
days = (of_panel["to"] - of_panel["from"]).dt.total_days() + 1
assert exposed["training_days"].sum() == days.sum()
first = training.to_frame().group_by("pid").agg(pl.col("from").min())
starts = exposed.event_time(training).to_frame().filter(pl.col("event_time") == 0)
starts = starts.select("pid", pl.col("quarter").cast(pl.String)).join(first, on="pid")
quarter = pl.format("{}Q{}", pl.col("from").dt.year(), pl.col("from").dt.quarter())
assert starts.select((pl.col("quarter") == quarter).all()).item()
print(f"{days.sum():,} days of training in the spells, and as many in the panel")
print(exposed.to_frame()["treatment"].value_counts(sort=True))

# %% [markdown]
# ## 4. Permits, renewed and in a chain; access to work before and after a reform
#
# Renewals within thirty days of each other are one chain. Asylum seekers may work from a day that follows
# from the date of the claim, under the rules of that day: this register counts 180 days, and 120 from
# 9 November 2015 on (the decree six months and four, the default rule). The quarter in which access opens
# is the true one for all 6,000 of them.

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

claims = reg["asylum_seekers"].join(
    reg.truth["asylum"].select("applicant", truth="access"), on="applicant"
)
rules = {"from": ["2010-01-12", "2015-11-09"], "to": ["2015-11-08", None], "days": [180, 120]}
opens = kp.belgium.asylum_access(claims["application"].to_numpy(), rules)
claims = claims.with_columns(opens=pl.Series(opens), end=pl.lit(None, dtype=pl.Date))
assert (claims["opens"] == claims["truth"]).all()
applied = kp.Spells(
    claims, person="applicant", start="application", end="end", carry=[], name="applied"
)
claim = kp.Spells(claims, person="applicant", start="opens", end="end", carry=[], name="claim")
may = kp.belgium.work_access(
    applied.to_panel(kp.Calendar.quarters("2013Q1", "2016Q4"), state=None), [claim]
).to_frame()
opened = may.filter(pl.col("access_days") > 0).group_by("applicant").agg(pl.col("quarter").first())
expected = claims.filter(pl.col("truth") <= pl.date(2016, 12, 31)).select(
    "applicant", truth=pl.format("{}Q{}", pl.col("truth").dt.year(), pl.col("truth").dt.quarter())
)
checked = opened.join(expected, on="applicant")
assert len(checked) == len(expected) == len(opened)
assert (checked["quarter"].cast(pl.String) == checked["truth"]).all()
wait = (pl.col("opens") - pl.col("application")).dt.total_days()
share = may.group_by("quarter").agg(pl.col("access").mean()).sort("quarter")
print(
    claims.with_columns(
        wait=wait,
        opened=pl.when(pl.col("opens") < pl.date(2015, 11, 9)).then(pl.lit("1 before the reform"))
        .when(pl.col("opens") == pl.date(2015, 11, 9)).then(pl.lit("2 on its day"))
        .otherwise(pl.lit("3 after it")),
    ).group_by("opened").agg(
        claims=pl.len(), shortest_wait=pl.col("wait").min(), longest_wait=pl.col("wait").max()
    ).sort("opened")
)  # fmt: skip

# %% [markdown]
# ## 5. Newcomers: quarters since arrival and since the latest entry
#
# Some leave and come back. An absence of more than a year ends a stay; the clock since the latest entry
# begins again. Who was here before the window opened is marked: their clocks began unseen. And asylum
# seekers are not in the person file before 2011, so that a rate over all residents has another
# denominator before than after: `coverage` marks the rows and warns.

# %%
newcomers = kp.belgium.since_arrival(panel, residence, absence=365)
for note in newcomers.account.steps[-1].notes:
    print(note)
clocks = newcomers.to_frame()
again = clocks.filter(pl.col("entries") > 1)
assert (again["since_entry"] < again["since_arrival"]).all()
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    covered = kp.belgium.coverage(
        newcomers.attach_person(persons.select("pid", pl.col("it202").cast(pl.String)))
    )
print("warning:", told[0].message)

# %%
# Share at work by quarters since arrival, of those seen from the first day on.
came = covered.to_frame().filter(
    pl.col("covered") & ~pl.col("here_before") & pl.col("state").is_not_null()
)
origin = persons.select(
    "pid", far=pl.col("origin").cast(pl.String).is_in(["TR", "MA", "nonEU"]),
    adult=pl.col("generation").cast(pl.String) == "1",
)  # fmt: skip
came = came.join(origin, on="pid").filter(pl.col("adult")).with_columns(
    job=pl.col("state").cast(pl.String).str.starts_with("1")
)  # fmt: skip
axes = new_axes()
for far, label, colour in ((False, "EU", COLOURS[0]), (True, "outside the EU", COLOURS[1])):
    line = (
        came.filter((pl.col("far") == far) & (pl.col("since_arrival") <= 24))
        .group_by("since_arrival").agg(pl.col("job").mean(), n=pl.len()).sort("since_arrival")
        .filter(pl.col("n") >= 20)
    )  # fmt: skip
    axes.plot(line["since_arrival"], 100 * line["job"], color=colour, label=label)
axes.set_xlabel("quarters since arrival")
axes.set_ylabel("at work at the end of the quarter (%)")
axes.set_ylim(bottom=0)
axes.legend(frameon=False)
axes.figure.savefig(OUT / "newcomers.png", dpi=110)

# %% [markdown]
# ## 6. Constructs, each with its definition
#
# Stable employment, leave by seniority, the way through a programme: the definition of each is a card to
# quote in a methods section.

# %%
at_work = np.array([str(code).startswith("1") for code in panel["state"]])
work = panel.with_column("employed", at_work)
work = kp.belgium.stable_employment(work, "employed", quarters=4)
work = kp.belgium.leave_eligibility(work, jobs, employer="matric")
stable = work.to_frame()
assert not stable.filter(~pl.col("employed") & pl.col("stable")).height
assert stable.filter(pl.col("leave"))["leave_days"].min() >= 365
print(
    f"at work in {stable['employed'].sum():,} person-quarters, in stable work in "
    f"{stable['stable'].sum():,}, with a right to leave in {stable['leave'].sum():,}"
)
print("leave:", kp.belgium.cards()["leave_eligibility"]["definition"])

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
through = shown.filter(pl.col("first_integration").is_not_null())
print(f"the ways of {len(through):,} persons with civic integration:")
print(through["path"].value_counts(sort=True).head(6))
whole = shown.filter(pl.col("reached").cast(pl.String) == "job")
assert whole["first_integration"].is_not_null().all()

# %% [markdown]
# ## 7. What the panel looks like
#
# Who enters, stays and leaves; how positions follow each other; who the groups are made of. Only rows with
# a position count, of persons of 18 to 64, so that nobody abroad, dead, at school or retired is in a
# denominator. The account says how many rows that leaves out.

# %%
residents = work.attach_person(
    persons.select(
        "pid",
        pl.col("origin").cast(pl.String),
        born=pl.col("birth_date").str.slice(0, 4).cast(pl.Int64),
    )
)
residents = residents.filter(residents["reason"] == None, reason="no position")  # noqa: E711
year = np.array([int(str(label)[:4]) for label in residents["quarter"]])
age = year - residents["born"]
residents = residents.with_column("age", age).filter((age >= 18) & (age < 65), reason="age")
kind = {"1": "work", "2": "search"}
standing = np.array([kind.get(str(code)[0], "not active") for code in residents["state"]])
residents = residents.with_column("standing", standing)
for step in residents.account.steps[-2:]:
    print(f"left out: {step.excluded[0].reason}, {step.excluded[0].count.rows:,} rows")
print(residents.flows().head(3))
moves = residents.transitions("standing").filter(pl.col("kind").cast(pl.String) == "observed")
print(moves.select("from", "to", "count", pl.col("share").round(3)))
table = residents.balance_table(["age", "employed"], "origin", reference="BE")
print(table.select("column", "group", "rows", pl.col("mean", "sd", "difference").round(3)))
assert table.filter(pl.col("group") == "BE")["difference"].abs().max() == 0
rates = dict(table.filter(pl.col("column") == "employed").select("group", "mean").iter_rows())
assert min(rates, key=rates.__getitem__) in {"TR", "MA", "nonEU"}
