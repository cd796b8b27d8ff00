# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # From registers to an effect
#
# Raw registers in; linked, built into a person-quarter panel, an effect estimated with honest
# standard errors; one report out. The registers are synthetic, so every answer can be held against
# the truth. No person in them exists.
#
# The report is written to the folder given as first argument (`demo` by default). A second
# argument gives the scale: `chair` (18,000 focal persons and the people they live with, the size
# of the model study) or `test` for a quick look.

# %%
from __future__ import annotations

import re
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import polars as pl

import kruispunt as kp

STARTED = time.perf_counter()
arguments = [] if "ipykernel" in sys.modules else sys.argv[1:]
folder = Path(arguments[0] if arguments else "demo")
scale = arguments[1] if len(arguments) > 1 else "chair"
folder.mkdir(parents=True, exist_ok=True)


def say(what: str) -> None:
    """Tell how far we are, with the seconds since the start."""
    print(f"[{time.perf_counter() - STARTED:5.1f} s] {what}", flush=True)


# %% [markdown]
# ## 1. The registers
#
# Population, jobs, employment service, civic integration, work permits; with the imperfections
# that the real ones have: replaced numbers, misspelt names, open spells, wrong ends.

# %%
reg = kp.synth.registers(scale, seed=1, imperfections="all", backend="polars")
cal = kp.Calendar.quarters("2005Q1", "2016Q4")
persons, identities = reg["persons"], reg["identities"]
ORIGINS = ["BE", "EU14", "EU13", "TR", "MA", "nonEU"]
LABELS = dict(
    zip(ORIGINS, ["Belgian", "EU-14", "EU-13", "Turkish", "Moroccan", "other non-EU"], strict=True)
)
say(f"{len(persons):,} persons, {len(reg['dmfa_jobs']):,} job lines, {len(reg.names)} registers")

# %% [markdown]
# ## 2. Who is who
#
# Clients of the employment service and part of the civic-integration dossiers carry a national
# number; it may have been replaced since. Work permits carry no number at all. What the numbers
# leave open is linked by name, birth date, sex, nationality and postcode.

# %%
COMMON = ["surname", "first_name", "birth_date", "sex", "nationality", "postcode"]
SOURCES = {
    "vdab_klanten": (
        "employment-service clients",
        ["achternaam", "voornaam", "geboortedatum", "geslacht", "nationaliteit", "postcode"],
    ),
    "kbi_dossier": (
        "civic-integration dossiers",
        ["achternaam", "voornamen", "geboortedatum", "geslacht", "nationaliteit", "postcode"],
    ),
    "permits": (
        "work permits",
        ["naam", "voornaam", "geboortedatum", "sex", "nat", "postcode"],
    ),
}
c = kp.linkage
linker = c.Linker(
    comparisons=[
        c.name("surname", tf=True),
        c.name("first_name", tf=True),
        c.date("birth_date"),
        c.exact("sex"),
        c.exact("nationality", tf=True),
        c.exact("postcode", tf=True),
    ],
    blocking=[
        ["surname", "first_name"],
        ["surname", "birth_date"],
        ["first_name", "birth_date"],
        ["birth_date", "sex", "postcode"],
        ["surname", "sex", "postcode"],
        ["first_name", "sex", "postcode"],
    ],
)


def records(source: str) -> pl.DataFrame:
    """Give a source's records under the names the reference register uses."""
    frame = reg[source]
    renamed = frame.select(
        pl.col(own).alias(name) for own, name in zip(SOURCES[source][1], COMMON, strict=True)
    )
    number = (
        frame["insz"]
        if "insz" in frame.columns
        else pl.Series([None] * len(frame), dtype=pl.String)
    )
    return renamed.with_columns(insz=number)


def identify(source: str) -> kp.linkage.Links:
    """Find the person of each record: first by number, then by name."""
    records_ = records(source)
    by_number = None
    if records_["insz"].null_count() < len(records_):
        by_number = c.key_link(
            records_, identities, "insz",
            history=reg["insz_history"], old="old_insz", new="new_insz", replaced_on="date",
        )  # fmt: skip
    rest = records_ if by_number is None else records_[by_number.unlinked]
    linker.train(rest, identities, seed=1, assignment="many-to-one")
    by_name = linker.link(rest, identities, assignment="many-to-one", threshold="auto")
    return by_name if by_number is None else by_number.then(by_name)


# A linked register has the person of each record and tells how that came about: spells and panels
# that read it begin with the linkage.
links = {source: identify(source) for source in SOURCES}
linked = {
    source: links[source].attach(reg[source], identities, "pid", name=label)
    for source, (label, _) in SOURCES.items()
}
for source, (label, _) in SOURCES.items():
    say(f"{label}: {len(linked[source]) / len(reg[source]):.1%} of {len(reg[source]):,} linked")


def found(source: str) -> pl.DataFrame:
    """Give the person of each record, and the way they were found."""
    pairs = links[source].pairs.select(
        row=pl.col("left_row"),
        pid=identities["pid"].gather(pl.Series(links[source].pairs["right_row"])),
        way=pl.when(pl.col("rule").cast(pl.String) == "key")
        .then(pl.lit("number"))
        .otherwise(pl.lit("name")),
    )
    rows = pl.DataFrame({"row": np.arange(len(reg[source]))})
    return rows.join(pairs, on="row", how="left", maintain_order="left").with_columns(
        pl.col("way").fill_null("not linked")
    )


# %% [markdown]
# ### How good are the links, and for whom?
#
# The truth about each record is known here. An exact match on name and birth date, the usual
# makeshift, loses people unevenly; the link rate of the same records shows what the model adds.

# %%
truth = reg.truth["links"].join(persons.select("pid", "origin"), on="pid", how="left")
exact_key = ["surname", "first_name", "birth_date"]
unique = identities.group_by(exact_key).agg(
    pl.len().alias("n"), pl.col("pid").first().alias("exact_pid")
)
quality = []
for source, (label, _) in SOURCES.items():
    own = truth.filter(pl.col("source") == source).sort("row")
    frame = pl.concat(
        [
            own.select(pl.col("pid").alias("true_pid"), "origin"),
            found(source).select("pid", "way"),
        ],
        how="horizontal",
    )
    exact = records(source).join(unique.filter(pl.col("n") == 1), on=exact_key, how="left")
    frame = frame.with_columns(exact=exact["exact_pid"])
    quality.append(
        frame.filter(pl.col("origin").is_not_null())
        .group_by("origin")
        .agg(
            records=pl.len(),
            recall=(pl.col("pid") == pl.col("true_pid")).fill_null(value=False).mean(),
            precision=(pl.col("pid") == pl.col("true_pid")).mean(),
            exact_recall=(pl.col("exact") == pl.col("true_pid")).fill_null(value=False).mean(),
        )
        .with_columns(source=pl.lit(label), origin=pl.col("origin").cast(pl.String))
    )
quality_table = (
    pl.concat(quality)
    .with_columns(order=pl.col("origin").replace_strict(dict(zip(ORIGINS, range(6), strict=True))))
    .sort("source", "order")
    .select("source", "origin", "records", "recall", "precision", "exact_recall")
)
print(quality_table)

# %% [markdown]
# ## 3. From spells to a panel
#
# One row for a person and a quarter of residence. The position at the quarter's end comes from the
# nomenclature file; the main job of that day from the job lines (lines of one job are put together
# first, then the job with the highest pay wins); training from the employment service.

# %%
residence = kp.Spells(
    reg["residence_spells"], person="pid", start="from", end="to", carry=["nis5"], name="residence"
)
print(residence.check(cal))
panel = residence.clip(cal).resolve("-start").to_panel(cal, state=None, days=True, balance="none")

born = persons.select("pid", born=pl.col("birth_date").str.slice(0, 4).cast(pl.Int64))
digit = pl.col("nomenc").cast(pl.String).str.slice(0, 1)
year = pl.col("quarter").cast(pl.String).str.slice(0, 4).cast(pl.Int64)
positions = reg["nomenc"].join(born, on="pid", how="left").select(
    "pid", "quarter",
    employed=(digit == "1").cast(pl.Float64),
    seeking=(digit == "2").cast(pl.Float64),
    age=year - pl.col("born"),
)  # fmt: skip
position = kp.Spells(
    positions,
    person="pid",
    period="quarter",
    carry=["employed", "seeking", "age"],
    name="positions",
)
lines = kp.Spells(
    reg["dmfa_jobs"], person="pid", start="start", end="end", name="job lines",
    carry=["quarter", "matric", "wage_ord", "days_ft", "hours_pt", "temp_agency", "ft_flag"],
)  # fmt: skip
print(lines.check(cal))
main_job = (
    lines.clip(cal)
    .merge(0, by=["quarter", "matric"], sum=["wage_ord", "days_ft", "hours_pt"])
    .resolve(["-wage_ord", "matric"])
)
clients = linked["vdab_klanten"]
TRAININGS = ["GCT", "OCT", "NCWT", "CWT"]
courses = (
    reg["vdab_acties"]
    .with_columns(pl.col("type").cast(pl.String))
    .filter(pl.col("type").is_in(TRAININGS))
    .sort("from", "action_id")
)
training = kp.Spells(
    courses, person="vdab_id", day="from", carry=["type", "action_id"], name="training"
).identify(clients, person="pid")
first_course = (
    training.to_frame()
    .sort("pid", "from", "action_id")
    .group_by("pid", maintain_order=True)
    .agg(training=pl.col("type").first())
)
education = (
    reg["vdab_inschrijving"]
    .join(clients.to_frame().select("vdab_id", "pid"), on="vdab_id")
    .sort("from")
    .group_by("pid", maintain_order=True)
    .agg(edu=pl.col("edu").cast(pl.String).first())
)
traits = persons.select("pid", "origin", "sex")
panel = (
    panel.as_of(position, ["employed", "seeking", "age"])
    .as_of(main_job, ["matric", "wage_ord", "days_ft", "hours_pt", "temp_agency", "ft_flag"])
    .event_time(training)
    .attach_person(first_course)
    .attach_person(education)
    .attach_person(traits)
)
say(f"{panel}")

# %% [markdown]
# Histories lie behind: lags go by quarter, never by row, and are taken before the sample is
# restricted to working age. So is the panel that training is judged on, so that nobody's future is
# cut off.

# %%
HORIZONS, HISTORY = [1, 2, 4, 8, 12, 16], range(1, 9)
paid_days = panel["days_ft"] + panel["hours_pt"] / 7.6
with np.errstate(divide="ignore", invalid="ignore"):
    day_wage = np.where(paid_days > 0, panel["wage_ord"] / paid_days, np.nan)
    panel = panel.with_column("ln_wage", np.where(day_wage > 0, np.log(day_wage), np.nan))
for k in HISTORY:
    panel = panel.lag("employed", k)
everyone = panel
panel = panel.filter(
    ~np.isnan(panel["age"]), "left or died within the quarter: no position at its end"
)
panel = panel.filter(
    (panel["age"] >= 18) & (panel["age"] <= 64), "younger than 18 or older than 64"
)
say(f"{panel}")

# %% [markdown]
# ## 4. The origin gap
#
# The employment rate at the end of each quarter, of residents of 18 to 64, and the gap to persons
# of Belgian origin: raw, and between persons of the same age and sex in the same quarter. Errors
# are clustered by person.

# %%
labels = {label: at for at, label in enumerate(cal.labels)}
frame = (
    pl.DataFrame(panel)
    .with_columns(
        pl.col("origin", "quarter", "sex").cast(pl.String),
    )
    .with_columns(
        q=pl.col("quarter").replace_strict(labels, return_dtype=pl.Int64),
        age_band=pl.col("age") // 5,
    )
)
rates = (
    frame.group_by("origin", "quarter")
    .agg(employed=pl.col("employed").mean(), n=pl.len())
    .sort("origin", "quarter")
)
raw = kp.feols('employed ~ i(origin, ref="BE") | quarter', frame, vcov={"CRV1": "pid"})
adjusted = kp.feols(
    'employed ~ i(origin, ref="BE") | quarter^age_band^sex', frame, vcov={"CRV1": "pid"}
)
gap_table = kp.etable([raw, adjusted], type="text")
print(gap_table)
say("origin gap estimated")

# %% [markdown]
# The registers have holes: people who left without telling look inactive, asylum seekers are
# missing before 2011. The same persons in registers without imperfections show the true gap.

# %%
clean = kp.synth.registers(scale, seed=1, imperfections="none", backend="polars")
whole = clean["nomenc"].join(clean["persons"].select("pid", "origin", "birth_date"), on="pid")
whole = whole.with_columns(
    origin=pl.col("origin").cast(pl.String),
    employed=pl.col("nomenc").cast(pl.String).str.starts_with("1").cast(pl.Float64),
    age=pl.col("quarter").cast(pl.String).str.slice(0, 4).cast(pl.Int64)
    - pl.col("birth_date").str.slice(0, 4).cast(pl.Int64),
).filter(pl.col("age").is_between(18, 64))
whole = whole.select("pid", "quarter", "origin", "employed")
true_gap = kp.feols('employed ~ i(origin, ref="BE") | quarter', whole, vcov={"CRV1": "pid"})
say("the same gap in registers without imperfections")

# %% [markdown]
# ## 5. What did training do?
#
# Four kinds of training of job-seekers. The question: of those who started in a quarter, how many
# more were employed *e* quarters later than would have been, had they **waited** (not started in
# that quarter, perhaps later)?
#
# - **Two-way fixed effects** compare a person before and after. But one must be a job-seeker to
#   start, so the time before is a dip by construction: the answer is wrong whatever the sample.
# - **Trained against never trained** uses the future to choose the controls: who never trained is
#   who found work quickly.
# - **Risk sets** compare those who start with those who are job-seekers in the same quarter, have
#   been so for as long, have the same record, and do not start now.

# %%
# Whoever is a job-seeker of working age could start. The record of the last two years, in quarters
# of it spent employed, is compared in four classes.
past = np.nan_to_num(np.stack([everyone[f"employed_lag{k}"] for k in HISTORY])).sum(axis=0)
known = np.isfinite(np.stack([everyone[f"employed_lag{k}"] for k in HISTORY])).sum(axis=0)
everyone = everyone.with_column(
    "eligible", (everyone["seeking"] == 1) & (everyone["age"] >= 18) & (everyone["age"] <= 64)
).with_column("past", np.clip(past / np.maximum(known, 1) * 4, 0, 3).astype(int))


def compare(kind: str, against: str) -> kp.Effects:
    """Compare those who start `kind` with those at risk who do not, within cells.

    Abroad or dead counts as not employed, as in the truth.
    """
    with warnings.catch_warnings():
        # Starters without control are counted below; never-trained controls are the point.
        warnings.simplefilter("ignore", kp.exceptions.DesignWarning)
        return kp.dynamic_matching(
            everyone, "employed", eligible="eligible", kind=("training", kind),
            exact=["origin", "sex", "edu", "past"], duration=4, horizons=HORIZONS,
            against=against, absent=0.0,
        )  # fmt: skip


att = reg.truth["att"].with_columns(pl.col("type", "group", "estimand", "outcome").cast(pl.String))
att = att.filter((pl.col("group") == "all") & (pl.col("outcome") == "employed"))
rows = []
for kind in TRAININGS:
    dynamic, static = compare(kind, "waiting"), compare(kind, "never")
    starts = len(training.to_frame().filter(pl.col("type") == kind))
    for at, horizon in enumerate(HORIZONS):
        true = att.filter((pl.col("type") == kind) & (pl.col("e") == horizon))
        waiting = true.filter(pl.col("estimand") == "waiting")
        rows.append(
            {
                "training": kind,
                "quarters after start": horizon,
                "starts": starts,
                "compared": dynamic.tidy()["n_treated"][at],
                "truth vs waiting": waiting["value"][0] * 100,
                "risk sets": dynamic.estimates[at] * 100,
                "standard error": dynamic.std_errors[at] * 100,
                "vs never trained": static.estimates[at] * 100,
                "mc_se": waiting["mc_se"][0] * 100,
            }
        )
effects = pl.DataFrame(rows)
print(effects)
say("risk sets compared")

# %% [markdown]
# Before and after, with person and quarter effects: the coefficient of *after the start* on
# employment, up to 16 quarters, beside the mean true effect over the same quarters.

# %%
twfe = {}
for kind in TRAININGS:
    sample = (
        frame.select("pid", "quarter", "employed", "training", "event_time")
        .filter(
            (pl.col("training").is_null() | (pl.col("training") == kind))
            & (pl.col("event_time").is_null() | (pl.col("event_time") <= 16))
        )
        .with_columns(after=(pl.col("event_time") >= 0).fill_null(value=False).cast(pl.Float64))
    )
    twfe[kind] = kp.feols("employed ~ after | pid + quarter", sample, vcov={"CRV1": "pid"})
never = att.filter((pl.col("estimand") == "never") & pl.col("e").is_between(0, 16))
true_mean = {
    kind: float((own["value"] * own["n"]).sum() / own["n"].sum()) * 100
    for (kind,), own in never.group_by("type")
}
dip = frame.filter(pl.col("training").is_null() | (pl.col("training") == "OCT")).select(
    "pid", "quarter", "employed",
    event=pl.when(pl.col("event_time").is_null()).then(-9).otherwise(pl.col("event_time").clip(-9, 16)),
)  # fmt: skip
study = kp.feols("employed ~ i(event, ref=-9) | pid + quarter", dip, vcov={"CRV1": "pid"})
say("two-way fixed effects, for comparison")

# %% [markdown]
# ## 6. An outcome that fixed effects can answer
#
# The log day wage of the main job is linear in a person effect, an employer effect, a quarter
# effect and a constant effect of a finished training. Here person, employer and quarter effects
# are the right design, and the truth is a number. Without the person effect the answer is wrong:
# those who train earn less to begin with.

# %%
LENGTH = {"GCT": 1, "OCT": 2, "NCWT": 2, "CWT": 2}  # quarters, as the courses were planned
wages = frame.filter(pl.col("ln_wage").is_not_null() & pl.col("matric").is_not_null()).select(
    "pid", "quarter", "matric", "ln_wage",
    part_time=1.0 - pl.col("ft_flag"),
    agency=pl.col("temp_agency").cast(pl.Float64),
    **{
        f"after_{kind}": ((pl.col("training") == kind) & (pl.col("event_time") >= LENGTH[kind]))
        .fill_null(value=False)
        .cast(pl.Float64)
        for kind in TRAININGS
    },
)  # fmt: skip
AFTER = " + ".join(f"after_{kind}" for kind in TRAININGS)
pooled = kp.feols(f"ln_wage ~ {AFTER} + part_time + agency | quarter", wages, vcov={"CRV1": "pid"})
within = kp.feols(
    f"ln_wage ~ {AFTER} + part_time + agency | pid + matric + quarter", wages, vcov={"CRV1": "pid"}
)
params = dict(reg.truth["params"].iter_rows())
true_wage = {f"after_{kind}": params[f"wage.tau.{kind}"] for kind in TRAININGS}
print(kp.etable([pooled, within], type="text"))
say("wage equation with person, employer and quarter effects")

# %% [markdown]
# ## 7. The report
#
# Everything above on one page that opens without network.

# %%
from kruispunt.plots import COLOURS, new_axes

QUARTERS = cal.labels
report = kp.Report("From registers to an effect")
report.lead(
    f"Synthetic Belgian registers of {len(persons):,} persons over 48 quarters, 2005Q1 to 2016Q4, "
    "with the imperfections of real ones. No person in them exists; because they are made, the "
    "truth is known and stands beside every estimate."
)

report.section("Linkage: who is whose record")
report.text(
    "Clients of the employment service and civic-integration dossiers are linked by national "
    "number first, with BIS numbers and replaced numbers followed to the current one. Records "
    "without a usable number, and all work permits, are linked by surname, first name, birth date, "
    "sex, nationality and postcode with a probabilistic model that learns without labels."
)
shown = quality_table.with_columns(pl.col("origin").replace_strict(LABELS)).rename(
    {"exact_recall": "recall of an exact match on name and birth date"}
)
report.table(
    shown,
    "Records found (recall) and links that are right (precision), as shares, by origin of the "
    "person; the truth is known here",
    digits=3,
)
ax = new_axes(height=3.6)
permits = quality_table.filter(pl.col("source") == SOURCES["permits"][0])
at = np.arange(len(permits))
ax.bar(
    at - 0.2,
    permits["exact_recall"] * 100,
    0.38,
    color=COLOURS[4],
    label="exact name and birth date",
)
ax.bar(at + 0.2, permits["recall"] * 100, 0.38, color=COLOURS[0], label="probabilistic model")
ax.set_xticks(at, [LABELS[o] for o in permits["origin"]])
ax.set_ylabel("permits linked to the right person (%)")
ax.set_ylim(0, 108)
ax.legend(frameon=False, ncols=2, loc="upper center", bbox_to_anchor=(0.5, 1.16))
report.figure(
    ax,
    "Share of work permits linked to the right person, by origin. What an exact match loses, it "
    "loses unevenly; every comparison between origin groups would inherit that.",
)

ways = pl.concat(
    found(source).group_by("way").agg(records=pl.len()).with_columns(source=pl.lit(label))
    for source, (label, _) in SOURCES.items()
)
report.table(
    ways.pivot("way", index="source", values="records").select(
        "source", "number", "name", "not linked"
    ),
    "How records were linked: records by source and way",
)
report.flow(linked["permits"].account, "Work permits, linked by name.")

report.section("The panel: what went in, what was left out")
report.text(
    f"The panel has {len(panel):,} person-quarters of {panel.persons:,} residents of 18 to 64 years."
)
report.flow(
    panel.account,
    "Flow of rows and persons from the residence register to the panel (RECORD 2015, item 13.1). "
    "Left: the registers that joined; training begins with the linkage of the clients it belongs "
    "to, by number and then by name. Right: what was left out, and why.",
)

report.section("The origin gap over time")
ax = new_axes()
for at, origin in enumerate(ORIGINS):
    own = rates.filter(pl.col("origin") == origin)
    x = [labels[label] for label in own["quarter"]]
    ax.plot(x, own["employed"] * 100, color=COLOURS[at], label=LABELS[origin], linewidth=1.6)
ax.set_xticks(range(0, 48, 8), QUARTERS[::8])
ax.set_ylabel("employed on the last day of the quarter (%)")
ax.set_xlabel("quarter")
ax.set_ylim(bottom=0)
ax.legend(frameon=False, ncols=3)
report.figure(
    ax, f"Employment rate of residents of 18 to 64, by origin. n = {len(frame):,} person-quarters."
)
names = {
    name: origin for origin in ORIGINS for name in raw.coef() if origin in re.split(r"\W+", name)
}
gap = pl.DataFrame(
    [
        {
            "origin": LABELS[origin],
            "gap": raw.coef()[name] * 100,
            "s.e.": raw.se()[name] * 100,
            "gap, same age and sex": adjusted.coef()[name] * 100,
            "s.e. ": adjusted.se()[name] * 100,
            "gap without register faults": true_gap.coef()[name] * 100,
        }
        for name, origin in names.items()
    ]
)
report.table(
    gap,
    "Gap in the employment rate to persons of Belgian origin, in percentage points, 2005-2016; "
    "errors clustered by person",
    digits=1,
)
report.remark(
    "Estimand: difference in the share employed at the end of a quarter, among residents of 18 to "
    "64, within quarters. It describes; it does not say why. The last column is the same gap for "
    "the same persons in registers without imperfections."
)

report.section("What training did to employment")
report.text(
    "Estimand: of job-seekers who started a training in a quarter, the share employed e quarters "
    "later minus the share had they not started in that quarter (they might have later): starting "
    "against waiting. Comparison group: job-seekers of the same quarter, duration, history, origin, "
    "sex and education who did not start then. Sample: starters with such a control."
)
report.table(
    effects.select(
        "training",
        "quarters after start",
        "starts",
        "compared",
        "truth vs waiting",
        "risk sets",
        "standard error",
        "vs never trained",
    ),
    "Effect on employment in percentage points by kind of training and quarters since the start "
    "(GCT general classroom, OCT occupation-specific classroom, NCWT workplace without contract, "
    "CWT workplace with contract)",
    digits=1,
)
from matplotlib.figure import Figure

figure = Figure(figsize=(9.5, 6.2), layout="constrained")
for ax, kind in zip(figure.subplots(2, 2, sharex=True, sharey=True).flat, TRAININGS, strict=True):
    own = effects.filter(pl.col("training") == kind)
    line = att.filter(
        (pl.col("type") == kind) & (pl.col("estimand") == "waiting") & (pl.col("e") >= 0)
    )
    ax.plot(line["e"], line["value"] * 100, color="black", linewidth=1.6, label="truth")
    x = own["quarters after start"]
    ax.errorbar(
        x, own["risk sets"], yerr=own["standard error"] * 1.96, fmt="o", color=COLOURS[0],
        capsize=2, markersize=4.5, label="risk sets (95% interval)",
    )  # fmt: skip
    ax.plot(x, own["vs never trained"], "x", color=COLOURS[1], label="against never trained")
    ax.axhline(0, color="#444444", linewidth=0.8)
    ax.set_title(kind, fontsize=11)
    ax.spines[["top", "right"]].set_visible(False)
figure.supxlabel("quarters since the start of training", fontsize=10)
figure.supylabel("effect on employment (percentage points)", fontsize=10)
figure.axes[0].legend(frameon=False, fontsize=8.5)
report.figure(
    figure,
    "Starting against waiting, by kind of training. Black: the truth. Circles: comparison within "
    "risk sets. Crosses: the same starters against persons who never train, who are those that "
    "found work.",
)
report.table(
    pl.DataFrame(
        [
            {
                "training": kind,
                "truth vs never, mean of quarters 0 to 16": true_mean[kind],
                "two-way fixed effects": twfe[kind].coef()["after"] * 100,
                "standard error": twfe[kind].se()["after"] * 100,
                "person-quarters": twfe[kind].n_obs,
            }
            for kind in TRAININGS
        ]
    ),
    "Where the usual regression goes wrong: employment on 'after the start' with person and "
    "quarter effects, in percentage points",
    digits=1,
)
report.figure(
    kp.iplot(
        study,
        reference=-9,
        truth={
            int(row["e"]): row["value"]
            for row in att.filter(
                (pl.col("type") == "OCT") & (pl.col("estimand") == "never")
            ).iter_rows(named=True)
        },
        xlabel="quarters since the start of OCT (9 and more before: reference)",
        ylabel="share employed, difference",
    ),
    "Two-way fixed effects event study of occupation-specific training (OCT). The slide before the "
    "start is no trend: one has to be a job-seeker to start. Black: the truth, zero before the start.",
)
report.remark(
    "Do not read the two-way table as an effect. Treatment depends on the outcome's own past "
    "(eligibility is being out of work), which person and quarter effects cannot undo."
)

report.section("What training did to wages")
report.text(
    "Estimand: the constant effect of a finished training on the log day wage of the main job at "
    "the end of the quarter. Here the outcome is linear in person, employer and quarter effects, "
    "so a regression that absorbs all three recovers the truth; one without them does not."
)
report.table(
    pl.DataFrame(
        [
            {
                "training": kind,
                "truth": true_wage[f"after_{kind}"],
                "person, employer and quarter effects": within.coef()[f"after_{kind}"],
                "standard error": within.se()[f"after_{kind}"],
                "quarter effects only": pooled.coef()[f"after_{kind}"],
            }
            for kind in TRAININGS
        ]
    ),
    "Effect of a finished training on the log day wage",
)
report.figure(
    kp.coefplot(
        {"person, employer, quarter effects": within, "quarter effects only": pooled},
        keep=[f"after_{kind}" for kind in TRAININGS],
        labels={f"after_{kind}": kind for kind in TRAININGS},
        truth=true_wage,
        xlabel="effect on the log day wage",
    ),
    f"Wage effects with 95% intervals, errors clustered by person. n = {within.n_obs:,} "
    "person-quarters with a main job.",
)
report.fragment(
    kp.etable(
        [pooled, within],
        type="html",
        labels={f"after_{kind}": f"after {kind}" for kind in TRAININGS}
        | {"part_time": "part-time", "agency": "agency work", "ln_wage": "log day wage",
           "pid": "person", "matric": "employer"},
    ),
    "Regression table of the two wage equations, errors clustered by person. Agency work belongs to "
    "the employer, so it drops out where employer effects are absorbed.",
)  # fmt: skip

report.section("How this was made")
report.text(
    f"kruispunt {kp.__version__}; registers: scale {scale}, seed 1, all imperfections. Same input, "
    "same seed, same numbers, on any number of threads."
)
path = report.write(folder / "report.html")
say(f"the report is in {path}")

# %% [markdown]
# ## What this notebook claims, checked

# %%
for row in effects.iter_rows(named=True):
    allowed = 3 * float(np.hypot(row["standard error"], row["mc_se"]))
    assert abs(row["risk sets"] - row["truth vs waiting"]) <= allowed, row
for kind in TRAININGS:
    name = f"after_{kind}"
    assert abs(within.coef()[name] - true_wage[name]) <= 3 * within.se()[name], (
        kind,
        within.coef()[name],
    )
assert all(
    twfe[kind].coef()["after"] * 100 < true_mean[kind] - 5 for kind in ("OCT", "NCWT", "CWT")
)
assert quality_table["precision"].min() > 0.9
say("all claims hold")
