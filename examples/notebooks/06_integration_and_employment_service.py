# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # Integration, the employment service, a job
#
# Newcomers may begin a civic-integration programme. Those who do register sooner with the
# employment service, and who is registered finds work sooner. How much of what the programme does
# to finding work runs through registering? The first newcomers are simulated here, from formulas that
# are shown, so that the answer is known; the second part asks the same of the registers. Two
# arguments: the folder of the report (not used here) and the scale.

# %%
from __future__ import annotations

import sys
import warnings

import numpy as np
import polars as pl

import kruispunt as kp

arguments = [] if "ipykernel" in sys.modules else sys.argv[1:]
scale = arguments[1] if len(arguments) > 1 else "chair"
warnings.simplefilter("ignore", kp.exceptions.DesignWarning)
N, QUARTERS = 12_000, 16
# On the scale of log odds, per quarter.
START = {"constant": -1.6, "women": 0.3, "schooled": 0.2}
REGISTER = {"constant": -2.4, "programme": 0.9, "women": -0.2, "schooled": 0.2}
WORK = {"constant": -3.0, "programme": 0.15, "registered": 0.5, "women": -0.3, "schooled": 0.4}


def chance(formula: dict[str, float], **traits: np.ndarray | float) -> np.ndarray:
    """Give the chance of an event in a quarter."""
    line = formula["constant"] + sum(
        formula[name] * value for name, value in traits.items() if name in formula
    )
    return np.asarray(1 / (1 + np.exp(-line)))


# %% [markdown]
# ## Newcomers, quarter by quarter
#
# Arrival, then in each quarter perhaps the programme, registering, a job. Everybody carries the
# same random numbers through every world, so that worlds differ by policy alone.

# %%
rng = np.random.default_rng(1)
women = (rng.random(N) < 0.5).astype(float)
schooled = (rng.random(N) < 0.4).astype(float)
luck = rng.random((3, QUARTERS, N))


def live(programme: float | None, registering_as: float | None = None) -> dict[str, np.ndarray]:
    """Let newcomers live, with a programme by choice or imposed.

    `registering_as` sets the programme that registering reacts to; the job always reacts to the
    programme itself.
    """
    traits = {"women": women, "schooled": schooled}
    took = np.zeros(N) if programme is None else np.full(N, programme)
    registered, works = np.zeros(N), np.zeros(N)
    rows: dict[str, list[np.ndarray]] = {name: [] for name in ("programme", "registered", "work", "at_risk", "registers", "unregistered")}  # fmt: skip
    for quarter in range(QUARTERS):
        at_risk = works == 0
        if programme is None:
            begins = at_risk & (took == 0) & (luck[0, quarter] < chance(START, **traits))
            took = np.where(begins, 1.0, took)
        reacts = took if registering_as is None else np.full(N, registering_as)
        unregistered = at_risk & (registered == 0)
        registers = unregistered & (luck[1, quarter] < chance(REGISTER, programme=reacts, **traits))
        registered = np.where(registers, 1.0, registered)
        finds = at_risk & (
            luck[2, quarter] < chance(WORK, programme=took, registered=registered, **traits)
        )
        works = np.where(finds, 1.0, works)
        for name, value in (("programme", took), ("registered", registered), ("work", finds),
                            ("at_risk", at_risk), ("registers", registers),
                            ("unregistered", unregistered)):  # fmt: skip
            rows[name].append(np.array(value, dtype=float))
    return {name: np.concatenate(values) for name, values in rows.items()} | {"ever": works}


actual = live(None)
nested = {
    "with": live(1.0)["ever"].mean(),
    "without": live(0.0)["ever"].mean(),
    "with, registering as without": live(1.0, registering_as=0.0)["ever"].mean(),
}
true_total = nested["with"] - nested["without"]
true_via = nested["with"] - nested["with, registering as without"]
print({name: round(float(value), 4) for name, value in nested.items()})
print(f"truth: total {true_total:.4f}, through registering {true_via / true_total:.2f} of it")

# %% [markdown]
# ## Paths
#
# Who reached what, in which order?

# %%
long = actual | {
    "person": np.tile(np.arange(N), QUARTERS),
    "quarter": np.repeat(np.arange(1, QUARTERS + 1), N),
    "women": np.tile(women, QUARTERS),
    "schooled": np.tile(schooled, QUARTERS),
}
del long["ever"]
table = {name: values.reshape(QUARTERS, N) for name, values in long.items() if name != "person"}


def first(what: str) -> np.ndarray:
    """Give the quarter a person first has something, 99 for never."""
    own = table[what] > 0
    return np.where(own.any(axis=0), own.argmax(axis=0), 99)


programme, register, job = first("programme"), first("registered"), first("work")
paths: dict[str, int] = {}
for p, r, j in zip(programme, register, job, strict=True):
    steps = sorted(
        (at, name) for at, name in ((p, "integration"), (r, "service"), (j, "job")) if at < 99
    )
    path = " > ".join(name for _, name in steps) or "none"
    paths[path] = paths.get(path, 0) + 1
for path, count in sorted(paths.items(), key=lambda own: -own[1]):
    print(f"{count:6d}  {path}")

# %% [markdown]
# ## Uptake of the service, by curves
#
# Registering competes with finding work without the service.

# %%
spells = {
    "quarters": np.minimum(np.minimum(register, job), QUARTERS - 1) + 1,
    "end": np.where(register <= job, np.where(register < 99, "service", ""), "job"),
    "sex": np.where(women == 1, "women", "men"),
}
uptake = kp.cumulative_incidence(spells, time="quarters", event="end", by="sex")
own = uptake.incidence()
at_end = {
    (str(g), str(c)): float(v)
    for g, c, v in zip(own["sex"], own["cause"], own["incidence"], strict=True)
}
print(at_end)

# %% [markdown]
# ## Two hazards, and the split
#
# Of registering, among those who neither registered nor work; of finding work, given programme and
# service. The split averages over the newcomers as they are.

# %%
risk = {name: values[long["at_risk"] > 0] for name, values in long.items()}
open_ = {name: values[long["unregistered"] > 0] for name, values in long.items()}
stage = kp.hazard(
    "registers ~ programme + women + schooled | quarter", open_, vcov={"CRV1": "person"}
)
goal = kp.hazard(
    "work ~ programme + registered + women + schooled | quarter", risk, vcov={"CRV1": "person"}
)
print(stage.coef(), goal.coef(), sep="\n\n")
some = rng.choice(N, 500, replace=False)
profiles = {"women": women[some], "schooled": schooled[some]}
found = kp.staged(
    stage, goal, programme="programme", through="registered", profiles=profiles, draws=200
)
print(found)

# %% [markdown]
# ## A comparison that is wrong
#
# Those who ever took the programme against those who never did: who found work soon had no time to
# take it.

# %%
took = programme < 99
naive = (job < 99)[took].mean() - (job < 99)[~took].mean()
print(f"ever against never: {naive:+.3f}; truth {true_total:+.3f}")

# %% [markdown]
# ## The same in the registers
#
# In registers made with `integration=True` who signs an integration contract registers sooner as a
# job-seeker, and finds work sooner also apart from that. The truth comes from nested worlds with the
# same draws: no programme; one from arrival; one from arrival to which registering does not react.
#
# Newcomers of 24 to 47 from outside the old member states who neither work nor seek work when they
# arrive are followed from quarter to quarter: who registers, who finds a first job, given what was so in the
# quarter before.

# %%
reg = kp.synth.registers(scale, seed=1, imperfections="none", integration=True, backend="polars")
cal = kp.Calendar.quarters("2005Q1", "2016Q4")
place = {label: at for at, label in enumerate(cal.labels)}


def number(day: pl.Expr) -> pl.Expr:
    """Give the quarter of a day, counted from 2005Q1."""
    return (day.dt.year() - 2005) * 4 + (day.dt.month() - 1) // 3


latent = reg.truth["latent"].with_columns(pl.col("generation", "origin").cast(pl.String))
people = (
    reg["persons"]
    .select(
        "pid",
        sex=pl.col("sex").cast(pl.String),
        arrival=number(pl.col("first_reg_date")),
        age=pl.col("first_reg_date").dt.year() - pl.col("birth_date").str.slice(0, 4).cast(int),
    )
    .join(latent.select("pid", "edu", "origin", "generation"), on="pid")
    .filter(
        (pl.col("generation") == "1")
        & pl.col("origin").is_in(["EU13", "TR", "MA", "nonEU"])
        & pl.col("arrival").is_between(1, 46)
        & pl.col("age").is_between(24, 47)
    )
)
states = reg["nomenc"].select(
    "pid",
    q=pl.col("quarter").cast(pl.String).replace_strict(place, return_dtype=pl.Int64),
    state=pl.col("nomenc").cast(pl.String).str.slice(0, 1),
)
own = states.join(people.select("pid", "arrival"), on="pid")
idle = own.filter((pl.col("q") == pl.col("arrival")) & ~pl.col("state").is_in(["1", "2"]))
when = (
    own.join(idle.select("pid"), on="pid")
    .group_by("pid")
    .agg(
        work=pl.col("q").filter(pl.col("state") == "1").min(),
        service=pl.col("q").filter(pl.col("state") == "2").min(),
    )
)
dossiers = reg.truth["links"].filter(pl.col("source") == "kbi_dossier")
signed = (
    reg["kbi_dossier"]
    .with_row_index("row")
    .join(dossiers, on="row")
    .filter(pl.col("contract").is_not_null())
    .select("pid", programme=number(pl.col("contract")))
)
newcomers = people.join(when, on="pid").join(signed, on="pid", how="left")
# A row for each quarter after arrival up to the first job, also abroad: no job comes from there.
spans = (
    newcomers.with_columns(d=pl.int_ranges(1, pl.min_horizontal(47 - pl.col("arrival"), 16) + 1))
    .explode("d")
    .with_columns(q=pl.col("arrival") + pl.col("d"))
    .filter(pl.col("work").is_null() | (pl.col("q") <= pl.col("work")))
    .with_columns(
        begun=(pl.col("programme") < pl.col("q")).fill_null(value=False).cast(pl.Float64),
        served=(pl.col("service") < pl.col("q")).fill_null(value=False).cast(pl.Float64),
        registers=(pl.col("service") == pl.col("q")).fill_null(value=False).cast(pl.Float64),
        EU13=(pl.col("origin") == "EU13").cast(pl.Float64),
        TR=(pl.col("origin") == "TR").cast(pl.Float64),
        MA=(pl.col("origin") == "MA").cast(pl.Float64),
        works=(pl.col("work") == pl.col("q")).fill_null(value=False).cast(pl.Float64),
        woman=(pl.col("sex") == "2").cast(pl.Float64),
    )
)
print(f"{len(newcomers)} newcomers, {len(spans)} quarters")

# %% [markdown]
# Their paths, and the share of the effect that runs through registering.

# %%
quarters = np.array([*cal.labels, None], dtype=object)


def label(column: str) -> list[str | None]:
    """Name the quarters of a column."""
    return [quarters[48 if q is None else q] for q in newcomers[column]]


firsts = kp.Panel(
    {
        "pid": newcomers["pid"], "quarter": label("arrival"), "integration": label("programme"),
        "service": label("service"), "job": label("work"),
    },
    person="pid", period="quarter",
)  # fmt: skip
stages = {name: name for name in ("integration", "service", "job")}
walked = kp.stage_paths(firsts, stages)
print(walked)
traits = "edu + woman + EU13 + TR + MA"
to_service = kp.hazard(
    f"registers ~ begun + {traits} | d", spans.filter(pl.col("served") == 0), vcov={"CRV1": "pid"}
)
# Who registers in a quarter is not at risk of a job in it: in the split the stage comes first.
to_work = kp.hazard(
    f"works ~ begun + served + {traits} | d",
    spans.filter(pl.col("registers") == 0),
    vcov={"CRV1": "pid"},
)
arrived = spans.filter(d=1).select("edu", "woman", "EU13", "TR", "MA")
measured = kp.staged(
    to_service, to_work, programme="begun", through="served", profiles=arrived, draws=400
)
known = reg.truth["integration"].filter(e=16).row(0, named=True)
print(measured)
print(
    f"truth: total {known['total']:.3f} ({known['total_mc_se']:.3f}), "
    f"through registering {known['share']:.2f} ({known['share_mc_se']:.2f})"
)

# %% [markdown]
# Where are newcomers who begin without work and unregistered? A model of all moves, with leaving the
# country as a state of its own.

# %%
moves = kp.Panel(
    states.join(newcomers.select("pid", "arrival"), on="pid")
    .join(spans.filter(d=1).select("pid", "woman", "edu"), on="pid")
    .filter(pl.col("q") >= pl.col("arrival"))
    .select(
        "pid", "woman", "edu",
        quarter=pl.col("q"),
        state=pl.col("state").replace_strict({"1": "work", "2": "service"}, default="neither"),
    )
    .with_columns(pl.col("quarter").replace_strict(dict(enumerate(cal.labels)))),
    person="pid", period="quarter",
)  # fmt: skip
chain = kp.multistate("state ~ woman + edu", moves, duration=4, absent="abroad")
where = chain.occupation({"woman": [0.0, 1.0]}, start="neither", periods=16, draws=100)
print(where.filter(periods=16))

# %% [markdown]
# ## What this notebook claims, checked

# %%
for model, formula in ((stage, REGISTER), (goal, WORK)):
    for name in model.coef():
        assert abs(model.coef()[name] - formula[name]) <= 3.5 * model.se()[name], name
mc = np.sqrt(0.25 / N)
assert abs(found.total["estimate"] - true_total) <= 3 * np.hypot(found.total["std_error"], mc)
# The two worlds share their random numbers: the simulation error of the share is far smaller.
share = true_via / true_total
assert abs(found.share["estimate"] - share) <= 3 * np.hypot(found.share["std_error"], 0.03)
assert abs(found.via["estimate"] + found.direct["estimate"] - found.total["estimate"]) < 1e-12
assert naive < true_total - 0.05
assert sum(paths.values()) == N
for found_, value, mc_se in (
    (measured.total, known["total"], known["total_mc_se"]),
    (measured.share, known["share"], known["share_mc_se"]),
):
    assert abs(found_["estimate"] - value) <= 3 * np.hypot(found_["std_error"], mc_se)
assert 0.4 < known["share"] < 0.6
assert walked["persons"].sum() == len(newcomers)
sums = where.group_by("woman", "periods").agg(pl.col("share").sum())
assert (sums["share"] - 1).abs().max() < 1e-9
print("all claims hold")
