# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # A published table, anew
#
# Vella and Verbeek (1998) ask what a union card does to the wages of young men, with 545 men of the
# National Longitudinal Survey over 1980-87. Wooldridge's *Introductory Econometrics* prints three
# estimates side by side (Table 14.2): pooled least squares, random effects, fixed effects. The data
# come with linearmodels. Every printed digit is held against ours.
#
# - Vella, F. & Verbeek, M. (1998). Whose wages do unions raise? A dynamic model of unionism and wage
#   rate determination for young men. *Journal of Applied Econometrics* 13(2), 163-183.
# - Wooldridge, J. M. (2016). *Introductory Econometrics: A Modern Approach*, 6th edition, Table 14.2.

# %%
from __future__ import annotations

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from linearmodels.datasets import wage_panel

import kruispunt as kp

wages = wage_panel.load().reset_index(drop=True)
print(f"{wages['nr'].nunique()} men, {wages['year'].nunique()} years")

# %% [markdown]
# Schooling and origin do not vary within men, so that fixed effects say nothing about them. With
# dummies for years, the linear part of experience is not there either: all men grow one year older
# each year.

# %%
varying = "exper + I(exper ** 2) + married + union + C(year)"
constant = "educ + black + hisp"
panel = ("nr", "year")
pooled = kp.feols(f"lwage ~ {constant} + {varying}", wages)
random = kp.panel_ols(f"lwage ~ {constant} + {varying}", wages, panel_id=panel)
fixed = kp.feols("lwage ~ I(exper ** 2) + married + union | nr + year", wages)
print(
    kp.etable([pooled, random, fixed], keep=["educ", "black", "hisp", "exper", "married", "union"])
)

# %% [markdown]
# The printed numbers: estimate and standard error. The book rounds, and so do we.

# %%
SQUARE = "I(exper ** 2)"
PRINTED = {
    "pooled": {
        "educ": (0.091, 0.005),
        "black": (-0.139, 0.024),
        "hisp": (0.016, 0.021),
        "exper": (0.067, 0.014),
        SQUARE: (-0.0024, 0.0008),
        "married": (0.108, 0.016),
        "union": (0.182, 0.017),
    },
    "random": {
        "educ": (0.092, 0.011),
        "black": (-0.139, 0.048),
        "hisp": (0.022, 0.043),
        "exper": (0.106, 0.015),
        SQUARE: (-0.0047, 0.0007),
        "married": (0.064, 0.017),
        "union": (0.106, 0.018),
    },
    "fixed": {
        SQUARE: (-0.0052, 0.0007),
        "married": (0.047, 0.018),
        "union": (0.080, 0.019),
    },
}
for name, fit in (("pooled", pooled), ("random", random), ("fixed", fixed)):
    for coefficient, (estimate, error) in PRINTED[name].items():
        digits = 4 if coefficient == SQUARE else 3
        found = fit.coef()[coefficient], fit.se()[coefficient]
        for printed, own in zip((estimate, error), found, strict=True):
            off = abs(own - printed) * 10**digits
            assert off <= 0.51, (name, coefficient, printed, own)
print("all printed digits agree")

# %% [markdown]
# Random effects ask that a man's own level has nothing to do with his union card. Hausman's test
# compares the two; Mundlak's regression puts each man's means beside the values and says where the
# difference is, here with errors that may depend within men.

# %%
mundlak = kp.panel_ols(
    f"lwage ~ {constant} + I(exper ** 2) + married + union + C(year)",
    wages,
    {"CRV1": "nr"},
    model="mundlak",
    panel_id=panel,
)
means = [name for name in ("mean(married)", "mean(union)") if name in mundlak.coef()]
test = mundlak.wald_test(means)
print(f"own levels and the means of marriage and union card: F = {test['statistic']:.2f}, "
      f"p = {test['pvalue']:.4f}")  # fmt: skip
within = fixed.coef()["union"]
assert abs(mundlak.coef()["union"] - within) < 1e-8, "means beside values give the fixed effects"
assert test["pvalue"] < 0.05, "union members differ from others in what never changes"

# %% [markdown]
# A union card is worth 8 per cent within men, 18 per cent between and within them taken together:
# men who would earn more anyway are members more often.
