# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # Who is lost in a linkage, and what it does to an estimate
#
# Clients of the employment service are looked up in the population register by name, birth date,
# sex, nationality and postcode, as if they had no national number. Names of some origins are
# spelled in more ways, and birth dates of newcomers are more often unknown. We know the truth and
# see three things: how recall falls by origin; that the linkage names the group it loses most
# without labels, and is too hopeful about how many; and what that does to the share of clients at
# work.

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
QUARTER = "2014Q4"
reg = kp.synth.registers("test", seed=2, imperfections="all", backend="polars")
identities, persons = reg["identities"], reg["persons"]
clients = reg["vdab_klanten"].select(
    surname="achternaam",
    first_name="voornaam",
    birth_date="geboortedatum",
    sex="geslacht",
    nationality="nationaliteit",
    postcode="postcode",
)
truth = reg.truth["links"].filter(pl.col("source") == "vdab_klanten").sort("row")
clients = clients.with_columns(pid=truth["pid"]).join(
    persons.select("pid", pl.col("origin").cast(pl.String)), on="pid", how="left",
    maintain_order="left",
)  # fmt: skip

# %% [markdown]
# ## Linking without labels

# %%
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
        # Wide rules find whom a misspelt name and an unknown day have taken out of the others.
        [("surname", 3), ("birth_date", 4), "sex"],
        [("first_name", 3), ("birth_date", 4), "sex"],
        ["birth_date", "nationality"],
    ],
)
linker.train(clients, identities, assignment="many-to-one", progress=False)
links = linker.link(clients, identities, assignment="many-to-one", progress=False)
report = links.report(by="origin", truth="pid")
print(links.account)
print(report)
recall = dict(zip(report["group"], report["recall"], strict=True))
print("worst and best recall:", min(recall.values()), max(recall.values()))
expected = dict(zip(report["group"], report["expected_recall"], strict=True))
assert min(recall.values()) >= 0.95
assert max(recall.values()) - min(recall.values()) <= 0.03
assert min(report["precision"]) >= 0.99
assert min(expected, key=expected.get) == min(recall, key=recall.get)

# %% [markdown]
# Beside it the usual makeshift: names and birth date must be equal, and belong to one person.

# %%
KEY = ["surname", "first_name", "birth_date"]
one = identities.group_by(KEY).agg(pl.len().alias("n"), pl.col("pid").first().alias("found"))
exact = clients.join(one.filter(pl.col("n") == 1), on=KEY, how="left", maintain_order="left")
makeshift = (
    exact.group_by("origin")
    .agg((pl.col("found") == pl.col("pid")).fill_null(value=False).mean().alias("recall"))
    .sort("origin")
)
print(makeshift)
gap = max(recall.values()) - min(recall.values())
exact_gap = float(makeshift["recall"].max()) - float(makeshift["recall"].min())
print(f"gap between origins: {gap:.3f} by the model, {exact_gap:.3f} by equality")
assert gap < exact_gap

# %% [markdown]
# ## Who is lost, seen without labels
#
# Linked beside unlinked clients: the origins that are lost most are those whose names are spelled in
# more ways. A referee asks for this table first. And no link may be impossible: two birth dates ten
# years apart would be.

# %%
balance = c.balance(links, ["sex", "origin"])
print(balance.select("column", "level", "linked", "unlinked", "standardised", "link_rate"))
rates = {
    str(level): float(rate)
    for column, level, rate in balance.select("column", "level", "link_rate").iter_rows()
    if column == "origin"
}
assert min(rates, key=rates.get) == min(recall, key=recall.get)
checks = [c.Check.near("birth_date", 3660), c.Check.crowded(3)]
impossible = c.implausible(links, checks, by="origin")
print(impossible.select("check", "group", "links", "implausible", "high", "by_chance"))
assert impossible["implausible"].sum() == 0
assert impossible["by_chance"].drop_nulls().min() > 0.3

# %% [markdown]
# ## Precision and recall from three hundred pairs
#
# A sample of pairs for somebody to look at, more of them where the model is unsure, by origin; its page
# (`review.html`) opens without a network and saves the answers as a file. Here the truth answers. The
# intervals hold what all labels say.

# %%
sample = c.clerical_sample(links, 300, by="origin", seed=3)
sample.page(OUT / "review.html", ["surname", "first_name", "birth_date", "nationality", "postcode"])
drawn_pairs = sample.pairs
answers = (
    clients["pid"].gather(drawn_pairs["left_row"])
    == identities["pid"].gather(drawn_pairs["right_row"])
).to_list()
looked = sample.estimate(answers)
print(sample.forecast())
print(looked.select("group", "labelled", "precision", "precision_low", "recall", "recall_low"))
everything = c.evaluate(links, "pid", by="origin")
for group, low, high in looked.select("group", "precision_low", "precision_high").iter_rows():
    known = everything.filter(pl.col("group") == group)["precision"]
    assert group == "all" or low <= known[0] <= high

# %% [markdown]
# ## All of it on one page
#
# Thresholds, weights, m and u, a viewer of comparisons with the waterfall of each pair, clusters, balance
# and checks, as one file without a network. It shows row numbers and levels; values of persons only with
# `values=True`.

# %%
page = c.page(
    links, OUT / "linkage.html", truth="pid", by="origin", columns=["sex", "origin"], checks=checks
)
text = page.read_text(encoding="utf-8")
assert "https://" not in text
assert clients["surname"][0] not in text
c.plot_thresholds(links, "pid")

# %% [markdown]
# ## What it does to an estimate
#
# The share of clients with a job in a quarter, for each way of linking: who is not found has no job
# in the register of jobs, so that reading "not found" as "does not work" makes every group look
# worse, and most of all the group that is lost most.

# %%
jobs = reg["dmfa_jobs"].filter(pl.col("quarter").cast(pl.String) == QUARTER)
working = set(jobs["pid"].to_list())
works = np.array([pid in working for pid in identities["pid"]])
origin = clients["origin"].to_numpy()
true = np.array([pid in working for pid in clients["pid"]])
linked = np.full(len(clients), -1)
linked[links.pairs["left_row"].to_numpy()] = links.pairs["right_row"].to_numpy()
by_model = (linked >= 0) & works[linked]
by_equality = np.array([pid in working for pid in exact["found"]])


def shares(values: np.ndarray, keep: np.ndarray | None = None) -> dict[str, float]:
    """Give the share by origin."""
    keep = np.ones(len(values), dtype=bool) if keep is None else keep
    return {
        str(group): float(values[keep & (origin == group)].mean())
        for group in sorted(set(origin))
    }  # fmt: skip


table = pl.DataFrame(
    {
        "origin": sorted(set(origin)),
        "true": list(shares(true).values()),
        "model": list(shares(by_model).values()),
        "model, linked only": list(shares(by_model, linked >= 0).values()),
        "equality": list(shares(by_equality).values()),
    }
)
print(table)
error = {
    name: float((table[name] - table["true"]).abs().mean())
    for name in ("model", "model, linked only", "equality")
}
print("mean absolute error by origin:", error)
assert error["model"] < error["equality"]

# %% [markdown]
# ## The uncertainty of the linkage
#
# Draws of whole configurations, the share estimated on each: how much the estimate moves because
# we do not know for sure who is who. It says nothing about those whom no rule found.

# %%
drawn = links.draws(50, seed=1)
draw, left, right = (drawn[name].to_numpy() for name in ("draw", "left_row", "right_row"))
spread = {}
for group in sorted(set(origin)):
    own = origin[left] == group
    hits = np.bincount(draw[own], weights=works[right[own]], minlength=50)
    spread[str(group)] = float(np.std(hits / max(int((origin == group).sum()), 1)))
print("standard deviation over draws:", spread)
assert max(spread.values()) < 0.05

with (OUT / "linkage_quality.csv").open("w", encoding="utf-8") as file:
    file.write(table.write_csv())
