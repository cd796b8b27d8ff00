# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # From a register to twelve conversations, and back
#
# Registers say who moves slowly into work; people say why. This notebook chooses newcomers for
# interviews from types of careers, draws their life courses, keeps their names apart, codes what they
# told (here an invented story with a known association), and puts both side by side. Registers and
# interviews are synthetic, so that the notebook can check what its text says.

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
# ## 1. Careers and their types

# %%
reg = kp.synth.registers("test", seed=1, backend="polars")
digit = pl.col("nomenc").cast(pl.String).str.slice(0, 1)
WORDS = {"1": "work", "2": "seeking", "3": "neither"}
positions = reg["nomenc"].select(
    "pid", "quarter", state=digit.replace_strict(WORDS, default=None, return_dtype=pl.String)
)
first_day = reg["residence_spells"].group_by("pid").agg(pl.col("from").min().alias("arrival"))
newcomers = (
    first_day.filter(pl.col("arrival").is_between(pl.date(2005, 1, 1), pl.date(2011, 12, 31)))
    .join(reg["persons"], on="pid")
    .filter(pl.col("generation").cast(pl.String) == "1")
    .with_columns(
        cohort=pl.when(pl.col("arrival").dt.year() < 2008)
        .then(pl.lit("2005-2007"))
        .otherwise(pl.lit("2008-2011")),
        sex=pl.col("sex").cast(pl.String).replace_strict({"1": "M", "2": "F"}),
    )
    .select("pid", "arrival", "origin", "sex", "cohort")
)
panel = kp.Panel(positions, person="pid", period="quarter").attach_person(newcomers)
careers = panel.sequences(
    "state", since="arrival", length=20, states=["work", "seeking", "neither"], empty="drop"
)
types = careers.distances("om", costs="trate", norm="auto", missing="state").pam(3)
print(types.summary())
print(len(careers), "careers of newcomers")

# %% [markdown]
# ## 2. Whom to interview
#
# Four typical careers of each type, at least five women and five men, and a reserve for each. What is
# printed of a case is shared by five newcomers or more; identifiers are not shown.

# %%
chosen = kp.cases.select(
    types, "typical", 12, data=newcomers, quota={"sex": {"F": 5, "M": 5}}, reserves=1,
    printed=["cohort"], k=5, seed=1,
)  # fmt: skip
print(chosen.printed())
print(chosen.account)
assert len(chosen.ids) == 12
assert chosen.printed()["class_size"].min() >= 5
again = kp.cases.select(
    types, "typical", 12, data=newcomers, quota={"sex": {"F": 5, "M": 5}}, reserves=1,
    printed=["cohort"], k=5, seed=1,
)  # fmt: skip
assert again.ids == chosen.ids
for kind in ("deviant", "boundary", "medoid", "diverse"):
    print(kp.cases.select(types, kind, 3, seed=1))

# %% [markdown]
# Typical and deviant cases in one list, with quotas over both: of all choices that meet them the one with
# the best scores. Nobody is chosen twice.

# %%
both = kp.cases.select(
    types, {"typical": 6, "deviant": 6}, data=newcomers, seed=1,
    quota={"sex": {"F": 5, "M": 5}, "cohort": {"2005-2007": 4, "2008-2011": 4}},
)  # fmt: skip
print(both.printed())
assert len(set(both.ids)) == 12
kinds = both.to_frame().group_by("kind").len()
assert dict(kinds.iter_rows()) == {"typical": 6, "deviant": 6}

# %% [markdown]
# ## 3. Pairs
#
# Two newcomers of the same origin, sex and cohort with as many quarters in work in their first year:
# one was in guidance within two years of arrival, the other was not.

# %%
spells = (
    reg["vdab_acties"]
    .join(reg["vdab_klanten"].select("vdab_id", "insz"), on="vdab_id")
    .join(reg["identities"].select("pid", "insz"), on="insz")
    .filter(pl.col("from") <= pl.col("to").fill_null(pl.date(2016, 12, 31)))
)
started = spells.group_by("pid").agg(pl.col("from").min().alias("guidance"))
work = pl.Series((careers.codes[:, :4] == 0).sum(axis=1))
pool = (
    pl.DataFrame({"pid": careers.ids, "first_year": work})
    .join(newcomers, on="pid")
    .join(started, on="pid", how="left")
    .with_columns(
        guided=(pl.col("guidance") - pl.col("arrival")).dt.total_days().is_between(0, 730)
        .fill_null(value=False)
    )
)  # fmt: skip
pairs = kp.cases.pairs(
    pool, "guided", person="pid", n=3, alike=["sex", "cohort"], near="first_year", seed=1
)
print(pairs.balance())
after = pairs.balance()["after"].abs().max()
assert after <= pairs.balance()["before"].abs().max() + 1e-12

# %% [markdown]
# ## 4. Life courses
#
# One page, three registers, time from arrival, with privacy: dates by quarter, rare states hidden, no
# identifiers. What was done stands at its foot.

# %%
residence = kp.Spells(
    reg["residence_spells"].with_columns(state=pl.lit("resident")),
    person="pid", start="from", end="to", state="state", name="residence",
)  # fmt: skip
actions = kp.Spells(
    spells, person="pid", start="from", end="to", state="type", carry=[], name="VDAB"
)
states = kp.Panel(positions, person="pid", period="quarter").sequences("state", empty="drop")
arrival = dict(newcomers.select("pid", "arrival").iter_rows())
page = kp.cases.timeline(
    {"residence": residence, "position": states, "VDAB": actions},
    people=pairs.ids, align={pid: arrival[pid] for pid in pairs.ids},
    privacy=True, title="Three pairs, time since arrival",
)  # fmt: skip
page.write(OUT / "pairs.html")
kp.cases.timeline(
    {"residence": residence, "position": states, "VDAB": actions},
    people=chosen.ids[:4], privacy=True, window=("2005-01-01", "2016-12-31"),
    title="Four typical newcomers",
).write(OUT / "cases.svg")  # fmt: skip
print(page.notes)
assert not any(str(pid) in page.html for pid in pairs.ids)
assert "<script" not in page.html

# %% [markdown]
# ## 5. Names apart from numbers
#
# A keyed pseudonym for each case, consent by use, and a log that shows when it was tampered with.
# One person takes back the consent to be quoted.

# %%
for file in ("consent.jsonl", "study.key"):
    (OUT / file).unlink(missing_ok=True)
registry = kp.cases.Registry(OUT / "consent.jsonl", kp.cases.Registry.new_key(OUT / "study.key"))
who = registry.register(chosen.ids, ["interview", "quote"], on="2026-02-01")
registry.revoke(who[:1], "quote", on="2026-03-01")
registry.verify()
assert len(registry.consented("interview")) == 12
assert len(registry.consented("quote")) == 11

# %% [markdown]
# ## 6. What they told, coded
#
# Invented interviews, five a type. "Language" is planted in slow careers: those of the type with the
# least work. The project is a REFI-QDA file that NVivo, ATLAS.ti and MAXQDA open; the type of career
# goes in as a variable of each case, and nothing else in the file changes.

# %%
share = [(careers.codes[types.types == at] == 0).mean() for at in (1, 2, 3)]
slow = f"type {int(np.argmin(share)) + 1}"
people = kp.cases.select(types, "typical", 45, seed=1).to_frame().select("pid", "type")
rng = np.random.default_rng(5)
TOLD = {"language": "I did not speak Dutch then.", "kin": "My cousin knew the foreman."}
rows = []
for pid, kind in people.iter_rows():
    for code, chance in (("language", 0.9 if kind == slow else 0.2), ("kin", 0.5)):
        if rng.random() < chance:
            rows.append((registry.pseudonym(pid), code, TOLD[code]))
coded = pl.DataFrame(rows, schema=["case", "code", "text"], orient="row")
people = registry.pseudonymise(people, "pid")

project = kp.cases.Project("Newcomers").with_codes(
    [("barriers", None, "#D55E00"), ("language", "barriers"), ("kin", None, "#0072B2")]
)
for name in who:
    told = coded.filter(pl.col("case") == name)
    project = project.with_text(name, " ".join(told["text"]) or "Nothing of this.")
codings = []
for name, code, text in coded.iter_rows():
    if name in who:
        place = " ".join(coded.filter(pl.col("case") == name)["text"]).index(text)
        codings.append((name, code, (place, place + len(text))))
project = project.with_codings(codings).with_cases({name: [name] for name in who})
project = project.with_values(people.filter(pl.col("pid").is_in(who)), case="pid")
path = project.write(OUT / "newcomers.qdpx")
read = kp.cases.read_qdpx(path)
print(read)
assert read.codings()["code_name"].tolist() == project.codings()["code_name"].tolist()
assert set(read.selections()["text"]) <= set(TOLD.values())
assert read.write(OUT / "again.qdpx").read_bytes() == path.read_bytes()

# %% [markdown]
# ## 7. Side by side
#
# The planted association is found and the other code does not pass for one. The joint display shows
# each type with its share in work, its codes, and a quote of somebody who consents.

# %%
found = kp.cases.prevalence(people, coded, person="pid", draws=1999).to_frame()
print(found)
p = dict(found.select("code", "p_adjusted").iter_rows())
assert p["language"] < 0.01
assert p["kin"] > 0.05
display = kp.cases.joint_display(
    people, coded, person="pid", quote="text", consent=registry,
    interviewed=people["pid"],
    estimates={"type": ["type 1", "type 2", "type 3"], "share in work": share},
)  # fmt: skip
print(display.to_frame())
(OUT / "joint.html").write_text(display.html("Types, codes, quotes"), encoding="utf-8")
shown = display.to_frame()
highest = shown.sort("code: language", descending=True)["group"][0]
assert highest == slow

# %% [markdown]
# Two coders read the same interviews; the second overlooks one in ten. And what was told is compared
# with the register: memory moves events.

# %%
units = np.arange(100)
first = rng.random(100) < 0.4
second = np.where(rng.random(100) < 0.1, ~first, first)
judged = {
    "unit": np.tile(units, 2), "coder": ["A"] * 100 + ["B"] * 100,
    "value": np.concatenate([first, second]),
}  # fmt: skip
agreed = kp.Table(kp.cases.agreement(judged)).to_dict()
print({name: float(value[0]) for name, value in agreed.items()})
assert 0.6 < agreed["alpha"][0] < 0.95
assert agreed["low"][0] < agreed["alpha"][0] < agreed["high"][0]

remembered = spells.filter(pl.col("pid").is_in(pool["pid"].implode())).head(40)
events = remembered.select("pid", day=pl.col("from").dt.offset_by("45d"), event="type")
compared = kp.cases.recall(events, actions, person="pid")
print(compared.account)
outcomes = compared.to_frame()["outcome"].value_counts()
print(outcomes)
told = compared.to_frame().filter(pl.col("told").is_not_null())
assert (told["outcome"] == "matched").mean() > 0.9
