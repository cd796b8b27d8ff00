# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # Does training work?
#
# Four kinds of training for job-seekers: general classroom (GCT), occupation-specific classroom
# (OCT), workplace without contract (NCWT), workplace with contract (CWT). The registers are
# synthetic, so that the truth stands beside every estimate. Two arguments: the folder of the report
# (not used here) and the scale.

# %%
from __future__ import annotations

import sys
import time
import warnings

import numpy as np
import polars as pl

import kruispunt as kp

STARTED = time.perf_counter()
arguments = [] if "ipykernel" in sys.modules else sys.argv[1:]
scale = arguments[1] if len(arguments) > 1 else "chair"
KINDS = ["GCT", "OCT", "NCWT", "CWT"]
warnings.simplefilter("ignore", kp.exceptions.DesignWarning)  # cautions are looked at by name


def say(what: str) -> None:
    """Tell how far we are, with the seconds since the start."""
    print(f"[{time.perf_counter() - STARTED:5.1f} s] {what}", flush=True)


# %% [markdown]
# ## The panel
#
# Persons by quarter: employed on the last day, job-seeking, first training and its kind, day wage,
# and the record of the last two years.

# %%
cal = kp.Calendar.quarters("2005Q1", "2016Q4")
digit = pl.col("nomenc").cast(pl.String).str.slice(0, 1)


def trained(reg: kp.synth.Registers) -> kp.Panel:
    """Make the panel of a world."""
    persons = reg["persons"].select(
        "pid", "sex", pl.col("origin").cast(pl.String),
        born=pl.col("birth_date").str.slice(0, 4).cast(int),
    )  # fmt: skip
    clients = reg.truth["links"].filter(pl.col("source") == "vdab_klanten")
    numbers = reg["vdab_klanten"].with_row_index("row").join(clients, on="row")
    numbers = numbers.select("vdab_id", "pid")
    courses = (
        reg["vdab_acties"]
        .with_columns(pl.col("type").cast(pl.String))
        .filter(pl.col("type").is_in(KINDS))
        .join(numbers, on="vdab_id")
        .sort("from", "action_id")
    )
    first = courses.group_by("pid", maintain_order=True).agg(training=pl.col("type").first())
    edu = (
        reg["vdab_inschrijving"]
        .join(numbers, on="vdab_id")
        .sort("from")
        .group_by("pid", maintain_order=True)
        .agg(edu=pl.col("edu").cast(pl.String).first())
    )
    wages = (
        reg["dmfa_jobs"]
        .with_columns(
            pl.col("quarter").cast(pl.String), days=pl.col("days_ft") + pl.col("hours_pt") / 7.6
        )
        .filter((pl.col("days") > 10) & (pl.col("wage_ord") > 0))
        .group_by("pid", "quarter")
        .agg(wage=(pl.col("wage_ord").sum() / pl.col("days").sum()).log())
    )
    frame = (
        reg["nomenc"]
        .with_columns(pl.col("quarter").cast(pl.String))
        .join(persons, on="pid", how="left")
        .join(first, on="pid", how="left")
        .join(edu, on="pid", how="left")
        .join(wages, on=["pid", "quarter"], how="left")
        .select(
            "pid", "quarter", "origin", "sex", "edu", "training", "wage",
            employed=(digit == "1").cast(pl.Float64),
            seeking=digit == "2",
            age=pl.col("quarter").str.slice(0, 4).cast(int) - pl.col("born"),
        )
    )  # fmt: skip
    # The mean day wage of all quarters worked so far.
    seen = pl.col("wage").is_not_null().cum_sum()
    frame = frame.sort("pid", "quarter").with_columns(
        pay=pl.when(seen > 0).then(pl.col("wage").fill_null(0.0).cum_sum() / seen).over("pid")
    )
    panel = kp.Panel(frame, person="pid", period="quarter")
    training = kp.Spells(courses, person="pid", day="from", carry=["type"], name="training")
    panel = panel.event_time(training)
    for k in range(1, 9):
        panel = panel.lag("employed", k)
    lags = np.stack([panel[f"employed_lag{k}"] for k in range(1, 9)])
    share = np.nan_to_num(lags).sum(axis=0) / np.maximum(np.isfinite(lags).sum(axis=0), 1)
    panel = panel.with_column("record", share)
    return panel.with_column(
        "eligible", panel["seeking"] & (panel["age"] >= 18) & (panel["age"] <= 64)
    )


reg = kp.synth.registers(scale, seed=1, imperfections="none", backend="polars")
panel = trained(reg)
say(f"{panel}")

# %% [markdown]
# ## Risk sets
#
# Before any outcome: who could have started in each quarter, and how spells of job-seeking end.

# %%
sets = kp.risk_sets(panel, eligible="eligible", kind="training", duration=4)
print(sets, sets.by_duration(), sep="\n")
seen = sets.spells().filter(~pl.col("truncated"))
endings = kp.cumulative_incidence(seen, time="time", event="event")
print(endings.incidence().filter(pl.col("time") == 8).select("cause", "incidence"))
say("risk sets")

# %% [markdown]
# ## Who starts, who waits
#
# Eligible are job-seekers. Those who start a training in a quarter are held against job-seekers of
# the same quarter, duration, origin, sex and education, with the same class of record, who do not
# start then: *starting against waiting*. Abroad counts as not employed.

# %%
DESIGN = {
    "eligible": "eligible",
    "exact": ["origin", "sex", "edu"],
    "coarse": {"record": [0.25, 0.5, 0.75]},
    "duration": 4,
    "absent": 0.0,
}
truth = reg.truth["att"].with_columns(
    pl.col("type", "group", "estimand", "outcome").cast(pl.String)
)
truth = truth.filter((pl.col("group") == "all") & (pl.col("outcome") == "employed"))


def true(kind: str, estimand: str, e: int) -> tuple[float, float]:
    """Give the true effect and its simulation error."""
    row = truth.filter(
        (pl.col("type") == kind) & (pl.col("estimand") == estimand) & (pl.col("e") == e)
    )
    return row["value"][0], row["mc_se"][0]


paths = {
    kind: kp.dynamic_matching(
        panel, "employed", kind=("training", kind), horizons=range(1, 17), **DESIGN
    )
    for kind in KINDS
}
rows = []
for kind, effects in paths.items():
    for e in (1, 2, 4, 8, 16):
        value, mc = true(kind, "waiting", e)
        rows.append(
            {
                "training": kind,
                "quarters": e,
                "truth": value,
                "estimate": effects.estimates[e - 1],
                "error": effects.std_errors[e - 1],
                "mc_se": mc,
            }
        )
found = pl.DataFrame(rows)
print(found)
print(paths["CWT"].estimand, paths["CWT"].comparison, sep="\n")
say("four kinds, sixteen quarters")

# %% [markdown]
# The lock-in comes first: who sits in a course does not take a job. Added up over quarters, when is
# it made up for?

# %%
for kind in ("NCWT", "CWT"):
    print(kind, paths[kind].break_even())
total = paths["NCWT"].cumulate()
say(f"NCWT: {total.estimates[-1]:+.2f} quarters of work after four years")

# %% [markdown]
# ## Other ways to choose controls
#
# The five with the nearest chance to start, by a logit on the record of two years, within the same
# cells of quarter and duration; with standard errors that know matching (Abadie & Imbens). Are
# starters and controls alike?

# %%
NEAR = {
    "eligible": "eligible",
    "kind": ("training", "OCT"),
    "duration": 4,
    "absent": 0.0,
    "exact": ["origin", "sex"],
    "covariates": ["record", "age"],
    "neighbours": 5,
    "caliper": 0.2,
    "horizons": [-4, 1, 4, 8, 16],
}
near = kp.dynamic_matching(panel, "employed", **NEAR)
balance = kp.matching_balance(panel, "employed", **NEAR)
print(near.tidy())
print(balance)
say("nearest neighbours")

# %% [markdown]
# *Starting against not starting at all* is another question. Who waits may start next quarter; those
# who have not started up to the quarter of the outcome are weighed by one over their chance of that,
# also after they left the state (van den Berg & Vikström). The truth differs, and so do the answers.

# %%
untreated = {
    kind: kp.dynamic_matching(
        panel, "employed", kind=("training", kind), horizons=[1, 2, 4, 8, 16],
        against="untreated", **DESIGN,
    )
    for kind in KINDS
}  # fmt: skip
for kind, effects in untreated.items():
    row = [f"{true(kind, 'never', e)[0]:+.3f}" for e in (1, 2, 4, 8, 16)]
    print(kind, "truth", *row, "estimate", *[f"{own:+.3f}" for own in effects.estimates])
say("against no start at all")

# %% [markdown]
# One kind against another, started in the same quarter, and effects by origin.

# %%
pairs_of_kinds = kp.pairwise_matching(
    panel, "employed", kind="training", kinds=["GCT", "NCWT"], eligible="eligible", duration=4,
    absent=0.0, horizons=[4, 8, 16],
)  # fmt: skip
for name, effects in pairs_of_kinds.items():
    print(name, effects.estimates.round(3), effects.std_errors.round(3))
by_origin = kp.dynamic_matching(
    panel.with_column("non_eu", np.isin(np.asarray(panel["origin"], dtype=str), ["TR", "MA", "nonEU"])),
    "employed", by="non_eu", kind=("training", "NCWT"), horizons=[4, 8, 16],
    **(DESIGN | {"exact": ["sex", "edu"]}),
)  # fmt: skip
print({group: own.estimates.round(3) for group, own in by_origin.items()})
say("pairwise and by origin")

# %% [markdown]
# ## Two usual answers that are wrong
#
# *Never-trained controls* are chosen by their future: who found work soon never trained. *Two-way
# fixed effects* compare with the time before, which is a dip by construction.

# %%
never = kp.dynamic_matching(
    panel, "employed", kind=("training", "OCT"), against="never", horizons=[4, 8, 16], **DESIGN
)
numbered = {label: at for at, label in enumerate(cal.labels)}
data = pl.DataFrame(panel).with_columns(pl.col("training", "quarter", "cohort").cast(pl.String))
data = data.filter(pl.col("age").is_between(18, 64)).with_columns(
    q=pl.col("quarter").replace_strict(numbered, return_dtype=pl.Int64),
    g=pl.col("cohort").replace_strict(numbered, return_dtype=pl.Int64, default=None),
)
specific = data.filter(pl.col("training").is_null() | (pl.col("training") == "OCT")).with_columns(
    after=(pl.col("q") >= pl.col("g")).fill_null(value=False).cast(pl.Float64)
)
twfe = kp.feols("employed ~ after | pid + quarter", specific, vcov={"CRV1": "pid"})
true_post = np.mean([true("OCT", "never", e)[0] for e in range(17)])
print(f"never trained at 16: {never.estimates[2]:+.3f}; truth {true('OCT', 'never', 16)[0]:+.3f}")
print(f"two-way: {twfe.coef()['after']:+.3f}; mean truth {true_post:+.3f}")
say("static and two-way")

# %% [markdown]
# ## How long until work: uptake of training and exit to jobs
#
# Chance to start a training in a quarter of job-seeking, by duration and origin.

# %%
risk = data.filter(pl.col("eligible")).with_columns(
    start=(pl.col("q") == pl.col("g")).fill_null(value=False).cast(pl.Float64),
    untreated=pl.col("g").is_null() | (pl.col("q") <= pl.col("g")),
    non_eu=pl.col("origin").is_in(["TR", "MA", "nonEU"]).cast(pl.Float64),
).filter("untreated").sort("pid", "q").with_columns(
    run=(pl.col("q") - pl.int_range(pl.len()).over("pid")).rle_id().over("pid")
).with_columns(duration=pl.col("q").cum_count().over("pid", "run").clip(1, 12))  # fmt: skip
uptake = kp.hazard("start ~ non_eu + record | duration", risk, vcov={"CRV1": "pid"})
print(uptake)
curves = uptake.curves({"non_eu": [0.0, 1.0]})
print(curves.group_by("non_eu").agg(pl.col("incidence").last()))
say("uptake")

# %% [markdown]
# ## How fragile is it?
#
# How far may the odds to start differ within pairs, for reasons nobody recorded, before the result
# could be chance? And how strong must one such reason be to explain a ratio away? These are bounds,
# not tests.

# %%
pairs = kp.rosenbaum(
    panel, "employed", horizon=8, gammas=[1, 1.5, 2, 3], eligible="eligible",
    kind=("training", "NCWT"), duration=4, absent=0.0, covariates=["record", "age"], neighbours=1,
)  # fmt: skip
print(pairs)
print("E-value of a ratio of 1.2 (1.1 to 1.3):", kp.e_value(1.2, 1.1, 1.3))
say("sensitivity")

# %% [markdown]
# A test is what treatment cannot have changed: the mean day wage of all jobs before. In registers made with
# `rho=1` employers choose whom to train on a contract by an attachment to work that nobody recorded.
# The effect of contracts is then overstated; the record of employment, on which starters and controls
# are alike, does not show it, their wages of before do.

# %%
chosen_reg = kp.synth.registers(scale, seed=1, imperfections="none", rho=1, backend="polars")
chosen = trained(chosen_reg)
BEFORE = {"controls": ["pay"], "horizons": [-1], **DESIGN}
placebos = {
    (rho, kind): kp.negative_controls(own, "employed", kind=("training", kind), **BEFORE)
    for rho, own in ((0, panel), (1, chosen))
    for kind in KINDS
}
for (rho, kind), told in placebos.items():
    print(f"rho {rho} {kind}: p {told.joint['pay']['pvalue']:.2g}, flagged {told.flagged}")
overstated = kp.dynamic_matching(
    chosen, "employed", kind=("training", "CWT"), horizons=[16], **DESIGN
)
value_16 = (
    chosen_reg.truth["att"]
    .with_columns(pl.col("type", "group", "estimand", "outcome").cast(pl.String))
    .filter(type="CWT", group="all", estimand="waiting", outcome="employed", e=16)["value"][0]
)
print(f"CWT at 16, rho 1: {overstated.estimates[0]:+.3f}; truth {value_16:+.3f}")
say("outcomes before the start")

# %% [markdown]
# ## What counts as work
#
# An outcome that counts trainees on a contract as employed finds an effect from the first day on. It
# is refused in spirit by a warning, and before-after designs on employment by an error: who is
# eligible depends on the outcome.

# %%
labels = np.asarray(panel["quarter"], dtype=str)
cohorts = np.asarray(panel["cohort"], dtype=object)
place = {label: at for at, label in enumerate(cal.labels)}
elapsed = np.array(
    [place[q] - place.get(str(g), 10**6) for q, g in zip(labels, cohorts, strict=True)]
)
on_course = (np.asarray(panel["training"], dtype=object) == "CWT") & (elapsed >= 0) & (elapsed < 2)
counted = panel.with_column("counted", np.maximum(panel["employed"], on_course.astype(float)))
wrong = kp.dynamic_matching(counted, "counted", kind=("training", "CWT"), horizons=[1, 4], **DESIGN)
print(f"counting trainees, after a quarter: {wrong.estimates[0]:+.3f}; {list(wrong.cautions)}")
cohort_panel = panel.filter((panel["age"] >= 18) & (panel["age"] <= 64))
try:
    kp.did(cohort_panel, "employed", cohort="cohort", method="twfe")
    refused = ""
except kp.exceptions.KruispuntError as error:
    refused = str(error)
print(refused[:160])
say("what counts as work")

# %% [markdown]
# ## What this notebook claims, checked

# %%
for row in found.iter_rows(named=True):
    allowed = 3 * np.hypot(row["error"], row["mc_se"])
    assert abs(row["estimate"] - row["truth"]) <= allowed, row
for at, e in enumerate((4, 8, 16), start=2):
    value, mc = true("OCT", "waiting", e)
    assert abs(near.estimates[at] - value) <= 3 * np.hypot(near.std_errors[at], mc), e
assert balance["difference_after"].abs().max() < 0.1
assert never.estimates[2] < true("OCT", "never", 16)[0] - 0.02
assert twfe.coef()["after"] < true_post - 0.05
assert paths["NCWT"].break_even()["at"] is not None
assert pairs["p_low"][0] == pairs["p_high"][0] < 0.05
assert pairs["p_high"][3] > 0.05
for kind, effects in untreated.items():
    for at, e in enumerate((1, 2, 4, 8, 16)):
        value, mc = true(kind, "never", e)
        assert abs(effects.estimates[at] - value) <= 3 * np.hypot(effects.std_errors[at], mc), (
            kind,
            e,
        )
assert placebos[1, "CWT"].flagged == ["pay"]
assert not any(placebos[0, kind].flagged for kind in ("GCT", "OCT"))
assert placebos[0, "CWT"].joint["pay"]["pvalue"] > placebos[1, "CWT"].joint["pay"]["pvalue"]
assert overstated.estimates[0] > value_16
assert "outcome_counts_trainees" in wrong.cautions
assert wrong.estimates[0] > true("CWT", "waiting", 1)[0] + 0.3
assert "eligibility" in refused
assert sets.account.steps[-1].after.rows > 0
say("all claims hold")
