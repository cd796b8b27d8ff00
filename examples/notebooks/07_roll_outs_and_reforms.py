# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # Roll-outs and reforms
#
# Municipalities adopt a policy in different quarters. What did it do? We make a world in which we
# know, ask two-way fixed effects, see it fail, and ask again.
#
# 4,000 persons live in 300 municipalities and are seen for 48 quarters. Early adopters gain .010
# more with each quarter, late adopters .002. A quarter of the municipalities never adopts.

# %%
from __future__ import annotations

import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

import kruispunt as kp

arguments = [] if "ipykernel" in sys.modules else sys.argv[1:]
OUT = Path(arguments[0] if arguments else tempfile.mkdtemp())
QUARTERS = [f"{2005 + at // 4}Q{at % 4 + 1}" for at in range(48)]


def roll_out(seed: int, *, never: bool) -> pd.DataFrame:
    """Make persons in municipalities that adopt in turn; `truth` is the effect of each cell."""
    rng = np.random.default_rng(seed)
    persons, towns, periods = 4_000, 300, 48
    starts = np.array([8, 12, 16, 20, 24, 28, 99 if never else 28])
    share = [0.125] * 6 + [0.25]
    town_start = rng.choice(starts, towns, p=share)
    town = rng.integers(0, towns, persons)
    start = town_start[town]
    person, q = np.repeat(np.arange(persons), periods), np.tile(np.arange(periods), persons)
    since = q - start[person]
    slope = np.where(start[person] <= 16, 0.010, 0.002)
    truth = np.where(since >= 0, slope * (since + 1), 0.0)
    early = 0.02 * (start <= 16)
    level = 0.5 + early + 0.15 * rng.normal(size=persons) + 0.05 * rng.normal(size=towns)[town]
    season = 0.02 * np.sin(np.arange(periods) * np.pi / 2) + 0.001 * np.arange(periods)
    employed = level[person] + season[q] + truth + 0.25 * rng.normal(size=person.size)
    first = np.array([*QUARTERS, None], dtype=object)[np.minimum(start, 48)]
    return pd.DataFrame(
        {
            "person": person,
            "quarter": np.array(QUARTERS, dtype=object)[q],
            "town": town[person],
            "adopted": first[person],
            "employed": employed,
            "truth": truth,
            "since": since,
        }
    )


data = roll_out(1, never=True)
panel = kp.Panel(data, person="person", period="quarter")
treated = data[data["since"] >= 0]
att = treated["truth"].mean()
print(panel, f"\ntrue mean effect on the treated: {att:.4f}")

# %% [markdown]
# ## 1. Two-way fixed effects
#
# The coefficient is a fraction of the truth. The decomposition says why: much of its weight rests on
# comparisons with municipalities that adopted *earlier*, whose effect is still growing.

# %%
with warnings.catch_warnings(record=True) as heard:
    warnings.simplefilter("always")
    twfe = kp.did(panel, "employed", cohort="adopted", method="twfe", cluster="town")
coefficient = twfe.estimates[-1]
print(f"two-way coefficient: {coefficient:.4f}")
print("\n".join(twfe.cautions.values()))
assert coefficient < 0.5 * att
assert "negative_weights" in twfe.cautions
assert any("negative_weights" in str(own.message) for own in heard)

parts = kp.bacon(panel, "employed", cohort="adopted")
by_kind = parts.assign(product=parts["weight"] * parts["estimate"]).groupby("kind")
summary = by_kind[["weight", "product"]].sum()
print(summary)
assert abs(summary["product"].sum() - coefficient) < 1e-8
assert abs(summary["weight"].sum() - 1) < 1e-10
later = parts[parts["kind"] == "later vs earlier"]
assert np.average(later["estimate"], weights=later["weight"]) < 0

weights = kp.twfe_weights(panel, "employed", cohort="adopted")
negative = weights[weights["weight"] < 0]
print(
    f"{len(negative) / len(weights):.1%} of the treated cells have a negative weight, "
    f"{negative['weight'].sum():.3f} together"
)
assert 0.15 < len(negative) / len(weights) < 0.45

# %% [markdown]
# ## 2. Comparisons with the untreated alone
#
# Every estimator that compares with the untreated alone finds the truth, and they agree with each
# other.

# %%
warnings.simplefilter("ignore", kp.exceptions.DesignWarning)
both = kp.compare_did(
    panel, "employed", cohort="adopted", cluster="town",
    methods=["twfe", "cs", "sa", "imputation", "did2s", "etwfe", "lpdid_rw"],
)  # fmt: skip
print(both)
for method in ("cs", "sa", "imputation", "did2s", "etwfe"):
    simple = both[method].aggregate("simple")
    gap = abs(simple.estimates[0] - att)
    assert gap < 3 * simple.std_errors[0], method
    assert simple.std_errors[0] < 0.02
assert both["imputation"].identified_share == 1.0

# %% [markdown]
# The event study lies on the truth; a uniform band holds the whole path, so that "no effect before,
# a growing effect after" may be said of it at once.

# %%
true_path = {int(e): float(v) for e, v in treated.groupby("since")["truth"].mean().items()}
event = both["imputation"].aggregate("event", window=(-8, 20))
table = event.tidy(bands="sup-t")
inside = [
    low <= true_path[int(e)] <= high
    for e, low, high in zip(table["event"], table["band_low"], table["band_high"], strict=True)
    if pd.notna(e) and e >= 0
]
print(f"{np.mean(inside):.0%} of the true path lies in the band")
assert all(inside)
axes = event.plot(truth={e: v for e, v in true_path.items() if e <= 20}, ylabel="employment")
axes.figure.savefig(OUT / "event_study.png", dpi=110)

# %% [markdown]
# ## 3. Everybody adopts in the end
#
# Now the quarter of municipalities that never adopted adopts last. After 2012Q1 nobody is left to
# compare with. The two-way coefficient gets the *sign* wrong. An honest answer says how much of the
# treatment it can speak about, and speaks about that.

# %%
data = roll_out(2, never=False)
panel = kp.Panel(data, person="person", period="quarter")
treated = data[data["since"] >= 0]
whole = treated["truth"].mean()
own = treated[treated["quarter"] < "2012Q1"]["truth"].mean()
twfe = kp.did(panel, "employed", cohort="adopted", method="twfe", cluster="town")
effects = kp.did(panel, "employed", cohort="adopted", method="imputation", cluster="town")
simple = effects.aggregate("simple")
print(f"truth of all treated quarters {whole:.3f}, of those with a comparison {own:.3f}")
print(f"two-way {twfe.estimates[-1]:.3f}; imputation {simple.estimates[0]:.3f}")
print(f"identified: {effects.identified_share:.0%} of the treated person-quarters")
assert twfe.estimates[-1] < 0 < whole
assert abs(simple.estimates[0] - own) < 3 * simple.std_errors[0]
assert 0.25 < effects.identified_share < 0.45
assert {"all_treated", "identified_share"} <= set(effects.cautions)
late = effects.tidy()
late = late[late["reason"] == "no unit is still untreated"]
print(f"{len(late)} cells say: no unit is still untreated")
assert len(late) > 50
assert late["estimate"].isna().all()

# %% [markdown]
# ## 4. What a pre-test can say
#
# The placebos are not different from zero. That is weak evidence: `power` gives the trend that they
# would have missed, and `honest` the intervals that hold when trends are not quite parallel. In this
# sample the placebos happen to rise a little, so that an interval which takes out a linear trend
# (m = 0) lies too low: one in twenty does. With a bend of .001 a quarter it holds the truth.

# %%
data = roll_out(1, never=True)
panel = kp.Panel(data, person="person", period="quarter")
cs = kp.did(panel, "employed", cohort="adopted", cluster="town", base="universal")
event = cs.aggregate("event", window=(-6, 6))
power = event.power()
print(f"a trend of {power['slope_80']:.4f} a quarter is found in 80 % of samples")
print(f"it would add {power['bias_80']:.4f} to the mean effect")
weights = np.full(7, 1 / 7)
bounds = event.honest("smoothness", [0.0, 0.001, 0.01], weights=weights)
print(bounds)
true_mean = np.mean([true_path[e] for e in range(7)])
width = bounds["conf_high"] - bounds["conf_low"]
bent = bounds[bounds["m"] > 0]
assert (bent["conf_low"] <= true_mean).all()
assert (true_mean <= bent["conf_high"]).all()
assert width.is_monotonic_increasing
breaks = event.honest("rm", [0.5, 1.0], weights=weights)  # as large as half, or all, before
print(breaks)
assert (breaks["conf_low"] <= true_mean).all()
assert (true_mean <= breaks["conf_high"]).all()

# %% [markdown]
# ## 5. What is refused
#
# A treatment that ends is no roll-out; an estimator gets no argument it has no use for.

# %%


def refusal(panel: kp.Panel, **design: str) -> str:
    """Give the message of the error that a design ends in."""
    try:
        kp.did(panel, "employed", **design)
    except kp.exceptions.InputError as error:
        return str(error)
    return "not refused"


flag = data.assign(subsidised=(data["since"].between(0, 3)).astype(int))
message = refusal(kp.Panel(flag, person="person", period="quarter"), cohort="subsidised")
print(message)
assert "turns off" in message
message = refusal(panel, cohort="adopted", method="imputation", controls="never")
print(message)
assert "every outcome before treatment" in message

# %% [markdown]
# ## 6. Who may enter
#
# Training starts among job-seekers alone. Before and after then measures how unemployment ends, not
# what training does. On synthetic registers, where the truth is known, `did` refuses and says why;
# forced, the leads show the rule: employment falls before every start.

# %%
reg = kp.synth.registers("test", seed=2, imperfections="none", backend="pandas")
latent = reg.truth["latent"].set_index("pid")["start"]
work = reg["nomenc"].assign(employed=reg["nomenc"]["nomenc"].astype(str).str.startswith("1"))
work["training"] = work["pid"].map(latent)
work = kp.Panel(work, person="pid", period="quarter")
try:
    kp.did(work, "employed", cohort="training")
    message = "not refused"
except kp.exceptions.EstimationError as error:
    message = str(error)
print(message)
assert "risk sets" in message
forced = kp.did(work, "employed", cohort="training", base="universal", force="eligibility")
assert "eligibility" in forced.cautions
leads = forced.aggregate("event", window=(-8, 4)).tidy().set_index("event")["estimate"]
print(leads.round(3).dropna())
assert leads[-8] > leads[-4] > leads[-2] > 0.03

# %% [markdown]
# ## 7. Placebos
#
# In time: as if every municipality had adopted four quarters earlier, on outcomes before it did. In
# a group: as if half of the municipalities that never adopt had adopted in 2010. Both should be zero.

# %%
panel = kp.Panel(roll_out(1, never=True), person="person", period="quarter")
time = kp.did(panel, "employed", cohort="adopted", cluster="town", placebo=4)
town, adopted = panel["town"], panel["adopted"]
pretend = np.where(pd.isna(adopted) & (town % 2 == 0), "2010Q1", None)
group = kp.did(
    panel.with_column("pretend", pretend), "employed", cohort="adopted", cluster="town",
    placebo="pretend",
)  # fmt: skip
for placebo in (time, group):
    simple = placebo.aggregate("simple")
    print(f"{placebo.estimand[:60]}...: {simple.estimates[0]:.4f} ({simple.std_errors[0]:.4f})")
    assert abs(simple.estimates[0]) < 3 * simple.std_errors[0]

# %% [markdown]
# ## 8. A policy for one kind of person
#
# The service is for women alone, and the towns that adopt grow faster anyway. Comparing the women
# of towns finds the growth, too; the gap between women and men, compared between towns, takes it
# out.

# %%
data = roll_out(3, never=True)
woman = data["person"] % 2 == 0
grow = 0.004 * (data["adopted"].notna()) * (np.arange(len(data)) % 48)
data["employed"] += np.where(woman, 0, -data["truth"]) + grow
panel = kp.Panel(data.assign(woman=woman), person="person", period="quarter")
truth = data[woman & (data["since"] >= 0)]["truth"].mean()
triple = kp.did(
    panel, "employed", cohort="adopted", method="ddd", partition="woman", controls="never",
    cluster="town",
)  # fmt: skip
simple = triple.aggregate("simple")
women = kp.Panel(data[woman], person="person", period="quarter")
double = kp.did(women, "employed", cohort="adopted", controls="never").aggregate("simple")
print(f"truth {truth:.3f}; triple {simple.estimates[0]:.3f}; women {double.estimates[0]:.3f}")
assert abs(simple.estimates[0] - truth) < 3 * simple.std_errors[0]
assert abs(double.estimates[0] - truth) > 0.03

# %% [markdown]
# ## 9. Hours, not yes or no
#
# The more hours, the more it helps, ever less so. Levels compare each dose with none; slopes compare
# doses with each other and need more, which a caution says.

# %%
rng = np.random.default_rng(4)
data = roll_out(4, never=True)
hours = rng.gamma(4, 10, 4_000).clip(5, 100).round(1)[data["person"]]
data["employed"] += np.where(data["since"] >= 0, 0.03 * np.sqrt(hours), 0) - data["truth"]
panel = kp.Panel(data.assign(hours=hours), person="person", period="quarter")
dose = kp.dose_response(
    panel, "employed", cohort="adopted", dose="hours", knots=1, at=[10, 20, 40, 60, 80],
    cluster="town",
)  # fmt: skip
print(dose)
table = dose.tidy()[:-1]
known = {float(d): 0.03 * np.sqrt(d) for d in np.linspace(10, 80, 36)}
inside = (table["level_band_low"] <= 0.03 * np.sqrt(table["dose"])) & (
    0.03 * np.sqrt(table["dose"]) <= table["level_band_high"]
)
assert inside.all()
steep = 0.015 / np.sqrt(table["dose"])
assert ((table["slope_band_low"] <= steep) & (steep <= table["slope_band_high"])).all()
axes = dose.plot(truth=known, xlabel="hours", ylabel="employment")
axes.figure.savefig(OUT / "doses.png", dpi=110)

# %% [markdown]
# ## 10. Dates on the plot
#
# What else happened? Breaks in registers (dashed) and other policies (dotted) stand on the axis of
# time, under several estimators side by side.

# %%
event = both["cs"].aggregate("calendar")
axes = kp.plot_effects(
    {"cs": event, "imputation": both["imputation"].aggregate("calendar")},
    bands="pointwise", dates=kp.belgium.calendar(), ylabel="employment",
)  # fmt: skip
axes.figure.savefig(OUT / "calendar.png", dpi=110)
marked = [text.get_text() for text in axes.texts]
print(marked)
assert len(marked) > 2

# %% [markdown]
# ## 11. Coaching that stops and starts
#
# A coach is there in some quarters and not in others. Each quarter with one adds .06 now and half of
# that in the next. `dcdh` compares persons after their first change with those who began alike and
# have not changed; it says how many persons it cannot use, and why. An estimator for roll-outs refuses.

# %%
rng = np.random.default_rng(5)
persons, periods = 3_000, 12
coached = np.zeros((persons, periods), dtype=int)
coached[:, 0] = rng.random(persons) < 0.3
for quarter in range(1, periods):
    changes = rng.random(persons) < 0.10
    coached[:, quarter] = np.where(changes, 1 - coached[:, quarter - 1], coached[:, quarter - 1])
before = np.hstack([np.zeros((persons, 1)), coached[:, :-1]])
before[:, 0] = coached[:, 0]  # the state in which they came had lasted
wage = 0.06 * coached + 0.03 * before + 0.05 * rng.normal(size=(persons, periods))
wage += rng.normal(size=(persons, 1)) + 0.01 * np.arange(periods)
data = pd.DataFrame(
    {
        "person": np.repeat(np.arange(persons), periods),
        "quarter": np.tile(QUARTERS[:periods], persons),
        "coached": coached.ravel(),
        "wage": wage.ravel(),
    }
)
panel = kp.Panel(data, person="person", period="quarter")
change = kp.did(panel, "wage", treatment="coached", method="dcdh", window=(3, 3))
print(change)
first = change.tidy().set_index("event")
assert abs(first.loc[0, "estimate"] - 0.06) < 3 * first.loc[0, "std_error"]
placebos = first.loc[[-4, -3, -2]]
assert (placebos["estimate"].abs() < 3.5 * placebos["std_error"]).all()
ways = {
    way: kp.did(panel, "wage", treatment="coached", method="dcdh", window=(3, 0), switchers=way)
    for way in ("in", "out")
}
for way, own in ways.items():
    row = own.tidy().set_index("event").loc[0]
    print(f"{way}: {row['estimate']:.3f} ({row['std_error']:.3f})")
    assert abs(row["estimate"] - 0.06) < 3 * row["std_error"]
message = refusal(panel.with_column("employed", panel["wage"]), cohort="coached")
assert "turns off" in message

# %% [markdown]
# ## 12. A reform on one day
#
# From 9 November 2015 on asylum seekers may work after 120 days in place of 180. All who come from
# that day on are treated: there is nobody left to compare with but those who came just before. Each
# day less of waiting adds .001 to the chance of work a year after arrival; arrivals grow towards the
# reform and the economy drifts. Some who hear of it come a few days later than they would have.

# %%
day = np.datetime64("2015-11-09")
rng = np.random.default_rng(6)
persons = 12_000
came = np.floor(730 * rng.beta(1.6, 1.2, persons)).astype(int) - 400
waits = (came < 0) & (came >= -10) & (rng.random(persons) < 0.5)
arrived = np.where(waits, -came - 1, came)
waited = np.where(arrived >= 0, 120, 180) + rng.integers(0, 40, persons)
chance = 0.45 - 0.001 * waited + 0.0002 * arrived + 2e-7 * arrived**2 + 0.15 * waits
works = rng.random(persons) < chance
seekers = pd.DataFrame(
    {
        "arrived": day + arrived,
        "waited": waited,
        "works": works,
        "week": np.floor(arrived / 7).astype(int),
    }
)
with warnings.catch_warnings(record=True) as heard:
    warnings.simplefilter("always")
    law = kp.rd_in_time(seekers, "waited", running="arrived", cutoff=day)
print(law)
assert "sorting" in law.cautions
assert any("sorting" in str(own.message) for own in heard)
jumps = {}
for outcome, truth in (("waited", -60), ("works", 0.06)):
    own = kp.rd_in_time(
        seekers, outcome, running="arrived", cutoff=day, donut=11, cluster="week",
        bandwidth=None if outcome == "waited" else (200, 250),
    )  # fmt: skip
    print(own)
    assert abs(own.estimate - truth) < 3 * own.std_error
    jumps[outcome] = own
a_day = kp.rd_in_time(
    seekers, "works", running="arrived", cutoff=day, treatment="waited", donut=11,
    cluster="week", bandwidth=(200, 250),
)  # fmt: skip
print(a_day)
assert abs(a_day.estimate - -0.001) < 3 * a_day.std_error
axes = jumps["works"].plot(ylabel="share at work after a year")
axes.figure.savefig(OUT / "reform.png", dpi=110)

# On a day on which nothing happened nothing is found.
earlier = seekers[seekers["arrived"] < day - 11]
placebo = kp.rd_in_time(earlier, "waited", running="arrived", cutoff="2015-05-09")
print(placebo)
assert placebo.p_value > 0.01
