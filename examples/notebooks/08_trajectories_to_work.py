# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # Trajectories to work
#
# Newcomers arrive between 2005 and 2011. What do their first five years look like, which types of
# careers are there, and who takes which? The registers are synthetic, so that the notebook can check
# what its text says.

# %%
from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import polars as pl

import kruispunt as kp

arguments = [] if "ipykernel" in sys.modules else sys.argv[1:]
OUT = Path(arguments[0] if arguments else tempfile.mkdtemp())
OUT.mkdir(parents=True, exist_ok=True)

# %% [markdown]
# ## 1. From registers to sequences
#
# The nomenclature gives the position at the end of each quarter: its first digit is work (1),
# looking for work (2), neither (3) or unknown (4; an unknown position is no state, it is missing).
# Quarters count from the day of first residence. Undeclared work, which makes positions of newcomers
# unknown, is left out here: what types make of missing positions is another question.

# %%
faults = [name for name in kp.synth.imperfections() if name != "informal_work_hidden"]
reg = kp.synth.registers("test", seed=1, imperfections=faults, backend="polars")
digit = pl.col("nomenc").cast(pl.String).str.slice(0, 1)
WORDS = {"1": "work", "2": "seeking", "3": "inactive"}
positions = reg["nomenc"].select(
    "pid", "quarter", state=digit.replace_strict(WORDS, default=None, return_dtype=pl.String)
)
panel = kp.Panel(positions, person="pid", period="quarter")

first_day = reg["residence_spells"].group_by("pid").agg(pl.col("from").min().alias("arrival"))
newcomers = (
    first_day.filter(pl.col("arrival").is_between(pl.date(2005, 1, 1), pl.date(2011, 12, 31)))
    .join(reg["persons"], on="pid")
    .filter(pl.col("generation").cast(pl.String) == "1")
)
panel = panel.attach_person(newcomers.select("pid", "arrival", "origin", "sex"))
careers = panel.sequences(
    "state", since="arrival", length=20, states=["work", "seeking", "inactive"],
    labels=["work", "looking for work", "neither"], empty="drop",
)  # fmt: skip
print(careers)
print(careers.account)
assert 150 < len(careers) <= len(newcomers)
assert careers.positions[0] == "0"

# %% [markdown]
# ## 2. What they look like
#
# The share in work grows with the quarters since arrival. Positions are persistent: most people stay
# where they are from one quarter to the next.

# %%
shares = careers.distribution()
early, late = shares["work"][:4].mean(), shares["work"][-4:].mean()
print(f"in work: {early:.0%} in the first year, {late:.0%} in the fifth")
assert late > early
rates = careers.transition_rates()
print(pl.DataFrame({"from": careers.states} | dict(zip(careers.states, rates.T, strict=True))))
assert np.allclose(rates.sum(axis=1), 1)
assert rates.diagonal().min() > 0.5
KINDS = (
    "chronogram", "index", "frequency", "modal", "mean_time", "entropy", "transitions", "graph",
)  # fmt: skip
for kind in KINDS:
    axes = careers.plot(kind, title="Newcomers")
    axes.figure.savefig(OUT / f"careers_{kind}.png", dpi=110)

indicators = careers.indicators(["transitions", "entropy", "complexity", "turbulence"])
print(indicators.drop("pid").describe())
work = careers.integration(["work"])
assert np.nanmin(work) >= 0
assert np.nanmax(work) <= 1

# %% [markdown]
# States have an order here: work is better than looking for it, and neither is worse. Precarity is
# complexity raised by changes for the worse; badness is the mean degree, late quarters weighing more.

# %%
order = ["work", "seeking", "inactive"]
print(
    f"precarity {careers.precarity(order).mean():.2f}, badness {careers.badness(order).mean():.2f}"
)
assert np.corrcoef(careers.badness(order), work)[0, 1] < -0.9

# %% [markdown]
# ## 3. How far apart they are
#
# Optimal matching with costs from transition rates: states between which many move are close. Some
# sequences end early (people leave the country), so distances are normalised by length. Unknown
# positions count as one more state.

# %%
distances = careers.distances("om", costs="trate", norm="auto", missing="state")
print(distances)
square = distances.square()
assert np.array_equal(square, square.T)
assert square.max() <= 2

# %% [markdown]
# ## 4. Types
#
# Medoids and Ward's tree, for two to eight types. The silhouette chooses; Hubert's gamma says how
# often two careers of one type are nearer than two of different types.

# %%
medoids = distances.pam(range(2, 9))
ward = distances.tree("ward").cut(range(2, 9))
quality = medoids.quality()
print(quality.select("k", "asw", "hg", "pbc", "hc", "r2"))
assert quality["total"].is_sorted(descending=True)
best = medoids.best("asw")
print(best)
print(best.summary())
best.plot("chronogram", title="Types of careers").savefig(OUT / "types.png", dpi=110)
best.plot("index").savefig(OUT / "types_index.png", dpi=110)
assert best.quality["asw"] > 0.3
pairs = np.random.default_rng(2).integers(0, len(careers), (2_000, 2))
other = ward[best.k].types
agree = np.mean([(best.types[i] == best.types[j]) == (other[i] == other[j]) for i, j in pairs])
print(f"medoids and Ward agree on {agree:.0%} of pairs")
assert agree > 0.6

# %% [markdown]
# Between two types there are careers of both: memberships say how far each belongs to which.

# %%
fuzzy = distances.fuzzy(best.k)
print(fuzzy)
print(fuzzy.typology)
between = (fuzzy.membership.max(axis=1) < 0.6).mean()
print(f"{between:.0%} of newcomers belong to no type by more than 60 %")
assert np.allclose(fuzzy.membership.sum(axis=1), 1)
assert 1 / best.k < fuzzy.partition <= 1

# %% [markdown]
# A few careers that stand for many, and fifty lines that stand for all.

# %%
few = distances.representatives(coverage=0.5, radius=0.2)
print(few)
print(few.to_frame())
lines = distances.relative_frequency(50)
print(lines)
lines.plot(title="Newcomers").savefig(OUT / "relative_frequency.png", dpi=110)
assert lines.r2 > best.quality["r2"] / 2

# %% [markdown]
# ## 5. Who takes which
#
# The typology is a column: it goes back to the panel and into any model. How much of the discrepancy
# between careers do origin and sex explain? A permutation test says whether chance would do as well.

# %%
panel = panel.attach_person(best)
typed = panel.to_frame().filter(pl.col("type").is_not_null()).unique("pid", keep="first")
assert len(typed) == len(careers)
print(typed.group_by("origin", "type").len().pivot("type", index="origin", values="len"))

background = pl.DataFrame({"pid": careers.ids}).join(newcomers, on="pid", how="left")
origin = background["origin"].cast(pl.String)
test = distances.compare(origin, permutations=199, seed=1)
print(f"origin explains {test['r2']:.1%} of the discrepancy (p = {test['f_pvalue']:.3f})")
assert 0 < test["r2"] < 0.5
factors = {"origin": origin, "sex": background["sex"]}
table = distances.explain(factors, permutations=99, seed=1)
print(table)
assert table["r2"][-1] >= test["r2"]

# %% [markdown]
# A tree splits newcomers by what is known of them, each time where most discrepancy is taken away. The
# p value of a split is of that split, not of the search for it.

# %%
known = background.select("origin", "sex", year=pl.col("arrival").dt.year())
tree = distances.discrepancy_tree(
    {name: known[name].cast(pl.String) if name != "year" else known[name] for name in known.columns},
    permutations=99, seed=1,
)  # fmt: skip
print(tree)
tree.plot(title="Newcomers").savefig(OUT / "tree.png", dpi=110)
assert 0 <= tree.r2 < 0.5
assert set(tree.leaves) == set(tree.rules())

# %% [markdown]
# ## 6. How sure the types are
#
# Types are found, not seen. Drawing the careers anew and clustering again tells which types would
# have been found anyway, and how sure each person's type is; a regression can use these shares as
# weights.

# %%
sure = distances.stability(best, draws=50, seed=1)
print("overlap of each type with what other draws find:", sure["jaccard"].round(2))
assert sure["jaccard"].shape == (best.k,)
assert np.allclose(sure["membership"].sum(axis=1), 1)
own = sure["membership"][np.arange(len(careers)), best.types - 1]
print(f"mean share of draws in a person's own type: {own.mean():.0%}")
assert own.mean() > 0.6

# %% [markdown]
# Are they better than types found in careers without types? Two comparisons: positions drawn one by one,
# where nothing lasts, and the spells of each newcomer in another order and of other lengths. The types
# are far better than the first and not better than the second: what sets them apart is which states
# occur and that they last, not their order. That is worth knowing before a story is told of pathways.

# %%
options = {"costs": "trate", "norm": "auto", "missing": "state", "draws": 19, "seed": 1}
null = {
    model: careers.null_quality([2, 3, 4], "om", model=model, **options)
    for model in ("states", "combined")
}
asw = {model: rows.filter(pl.col("measure") == "asw") for model, rows in null.items()}
for model, rows in asw.items():
    print(model, rows.select("k", "observed", "mean", "low", "high", "pvalue", "pvalue_any"))
assert (asw["states"]["pvalue_any"] == 0.05).all()
assert (asw["combined"]["pvalue_any"] > 0.05).any()

# %% [markdown]
# A model that takes types as given forgets that they were estimated. `over_types` fits it on the types of
# other draws too and pools: who arrived later, is he or she less often of the type with most work?

# %%
share = [(careers.codes[best.types == at] == 0).mean() for at in range(1, best.k + 1)]
busy = f"type {int(np.argmax(share)) + 1}"


def later(drawn):
    """Fit the share of newcomers in the busy type by year of arrival."""
    frame = drawn.join(background, on="pid").with_columns(
        busy=(pl.col("type") == busy).cast(pl.Float64), year=pl.col("arrival").dt.year() - 2005
    )
    return kp.feols("busy ~ year", frame, vcov="hetero")


crisp, pooled = later(best.to_frame()), kp.trajectory.over_types(best, later, draws=20, seed=1)
print(f"types as given:  {crisp.coef()['year']:.4f} (se {crisp.se()['year']:.4f})")
print(f"types as drawn:  {pooled.coef()['year']:.4f} (se {pooled.se()['year']:.4f})")
assert abs(pooled.coef()["year"] - crisp.coef()["year"]) < 3 * pooled.se()["year"]

# %% [markdown]
# ## 7. Two sequences a person
#
# A position and, beside it, whether the employment service acts for the person in that quarter. Costs of
# both are added up, so that they are aligned together.

# %%
actions = (
    reg["vdab_acties"]
    .join(reg["vdab_klanten"].select("vdab_id", "insz"), on="vdab_id")
    .join(reg["identities"].select("pid", "insz"), on="insz")
    .with_columns(pl.col("to").fill_null(pl.date(2016, 12, 31)))
    .filter(pl.col("from") <= pl.col("to"))
)
count = [4 * pl.col(day).dt.year() + pl.col(day).dt.quarter() for day in ("from", "to")]
served = actions.select("pid", at=pl.int_ranges(count[0], count[1] + 1)).explode("at").unique()
quarter = pl.col("quarter").cast(pl.String)
number = 4 * quarter.str.slice(0, 4).cast(pl.Int64) + quarter.str.slice(5, 1).cast(pl.Int64)
both = positions.with_columns(at=number).join(
    served.with_columns(pl.col("at").cast(pl.Int64), vdab=pl.lit("acted for")), on=["pid", "at"],
    how="left",
)  # fmt: skip
both = both.with_columns(pl.col("vdab").fill_null("not"))
wide = kp.Panel(both, person="pid", period="quarter").attach_person(
    newcomers.select("pid", "arrival")
)
channels = {
    "position": careers,
    "service": wide.sequences("vdab", since="arrival", length=20, right="missing", empty="drop"),
}
together = kp.trajectory.multichannel(channels, costs="trate", norm="auto", missing="state")
print(together)
print(together.sequences)
joint = together.pam(4)
joint.plot("chronogram", title="Position and service").savefig(OUT / "channels.png", dpi=110)
print(joint.summary())
assert together.n_unique >= distances.n_unique
assert len(joint) == len(careers)
