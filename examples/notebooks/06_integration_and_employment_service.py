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
# to finding work runs through registering? The newcomers are simulated here, from formulas that are
# shown, so that the answer is known.

# %%
from __future__ import annotations

import warnings

import numpy as np

import kruispunt as kp

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
print("all claims hold")
