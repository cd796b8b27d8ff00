"""Writes expected.json: instruments, random effects and their like, and marginal effects.

linearmodels estimates LIML, GMM's J, random effects, means and differences; statsmodels the
marginal effects of models with dummies. The rank statistics of Kleibergen and Paap follow the
definitions of their paper (section 3), with a singular value decomposition and Kronecker products.
"""

import json
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import statsmodels.api as sm
from linearmodels.iv import IV2SLS, IVGMM, IVLIML
from linearmodels.panel import BetweenOLS, FirstDifferenceOLS, RandomEffects
from scipy.linalg import sqrtm
from statsmodels.discrete.conditional_models import ConditionalLogit
from statsmodels.discrete.discrete_model import Logit, Poisson, Probit

warnings.simplefilter("ignore")
here = Path(__file__).parent
rng = np.random.default_rng(17)
persons, years = 40, 7
person = np.repeat(np.arange(persons), years)
year = np.tile(np.arange(2001, 2001 + years), persons)
keep = rng.uniform(size=person.size) < 0.85
person, year = person[keep], year[keep]
n = person.size
region = person % 8
own = rng.normal(0, 0.6, persons)[person]
z1, z2, z3 = rng.normal(0, 1, (3, n))
hidden = rng.normal(0, 1, n)
hours = 0.5 * z1 + 0.3 * z2 + 0.6 * hidden + 0.3 * own + rng.normal(0, 1, n)
tenure = 0.4 * z2 - 0.3 * z3 + 0.5 * hidden + rng.normal(0, 1, n)
age = rng.normal(0, 1, n) + 0.2 * own
female = (person % 2).astype(float)
wage = 1 + 0.7 * hours - 0.4 * tenure + 0.3 * age + 0.2 * female + own
wage = wage + 0.8 * hidden + rng.normal(0, 1, n) * (1 + 0.5 * np.abs(z1))
busy = (0.4 * hours - 0.5 * age + 0.6 * own + rng.logistic(0, 1, n) > 0).astype(float)
days = rng.poisson(np.exp(0.3 + 0.2 * hours - 0.1 * age)).astype(float)
times = rng.integers(1, 5, n)
data = pd.DataFrame({
    "person": person, "year": year, "region": region, "z1": z1, "z2": z2, "z3": z3,
    "hours": hours, "tenure": tenure, "age": age, "female": female, "wage": wage, "busy": busy,
    "days": days, "times": times,
})  # fmt: skip
one = pd.Series(1.0, data.index, name="Intercept")


def numbers(values):
    return [float(value) for value in np.asarray(values).ravel()]


def fitted(fit, names):
    se = [fit.std_errors[name] for name in names]
    return {
        "names": names,
        "coef": numbers([fit.params[name] for name in names]),
        "se": numbers(se),
    }


def rank(endogenous, instruments, exogenous, kind):
    """Kleibergen and Paap's Wald and LM statistics, and Cragg and Donald's F."""
    annihilate = np.eye(n) - exogenous @ np.linalg.pinv(exogenous)
    x, z = annihilate @ endogenous, annihilate @ instruments
    m, many = x.shape[1], z.shape[1]
    pi = np.linalg.solve(z.T @ z, z.T @ x)
    out = {}
    for name, error in (("wald", x - z @ pi), ("lm", x)):
        f, g = np.linalg.cholesky(z.T @ z).T, np.linalg.cholesky(error.T @ error).T
        theta = f @ pi @ np.linalg.inv(g)
        u, _, vt = np.linalg.svd(theta)
        v = vt.T
        q = m - 1
        u2, v2 = u[q:, q:], v[q:, q:]
        a = u[:, q:] @ np.linalg.solve(u2, np.real(sqrtm(u2 @ u2.T)))
        b = np.real(sqrtm(v2 @ v2.T)) @ np.linalg.solve(v2.T, v[:, q:].T)
        scores = np.stack([np.kron(e, row) for e, row in zip(error, z, strict=True)])
        if kind == "iid":
            meat = np.kron(error.T @ error / n, z.T @ z)
        elif kind == "HC1":
            meat = scores.T @ scores
        else:
            sums = pd.DataFrame(scores).groupby(data[kind].to_numpy()).sum().to_numpy()
            meat = sums.T @ sums
        inverse = np.linalg.inv(z.T @ z)
        spread = np.kron(np.eye(m), inverse) @ meat @ np.kron(np.eye(m), inverse)
        turn = np.kron(np.linalg.inv(g).T, f)
        both = np.kron(b, a.T)
        value = both @ theta.T.ravel()
        variance = both @ turn @ spread @ turn.T @ both.T
        out[name] = float(value @ np.linalg.solve(variance, value))
    error = x - z @ pi
    df = n - exogenous.shape[1] - many
    roots = np.linalg.eigvals(np.linalg.solve(error.T @ error / df, x.T @ x - error.T @ error))
    out["cragg_donald"] = float(np.min(np.real(roots)) / many)
    k = exogenous.shape[1] + many
    groups = data[kind].nunique() if kind in data else n
    small = {"iid": (n - k) / n, "HC1": (n - k) / n}.get(
        kind, (n - k) / (n - 1) * (groups - 1) / groups
    )
    out["wald_f"] = out["wald"] * small / many
    return out


instruments = []
for endogenous, causes in (
    (["hours"], ["z1", "z2"]),
    (["hours", "tenure"], ["z1", "z2", "z3"]),
    (["hours", "tenure"], ["z2", "z3"]),
):
    exogenous = pd.concat([one, data[["age"]]], axis=1)
    names = ["Intercept", "age", *endogenous]
    case = {"fml": f"wage ~ age | {' + '.join(endogenous)} ~ {' + '.join(causes)}", "kinds": []}
    parts = (data["wage"], exogenous, data[endogenous], data[causes])
    for kind, options in (
        ("iid", {"cov_type": "unadjusted"}),
        ("HC1", {"cov_type": "robust"}),
        ("region", {"cov_type": "clustered", "clusters": data["region"]}),
    ):
        liml = IVLIML(*parts).fit(debiased=True, **options)
        fuller = IVLIML(*parts, fuller=1).fit(debiased=True, **options)
        own = {"kind": kind, "liml": fitted(liml, names), "fuller": fitted(fuller, names)}
        own["rank"] = rank(
            data[endogenous].to_numpy(), data[causes].to_numpy(), exogenous.to_numpy(), kind
        )
        if len(causes) > len(endogenous) and kind != "iid":
            weight = dict(options)
            weight["weight_type"] = weight.pop("cov_type")
            gmm = IVGMM(*parts, **weight).fit(iter_limit=2)
            own["hansen"] = {"statistic": float(gmm.j_stat.stat), "p": float(gmm.j_stat.pval)}
        case["kinds"].append(own)
    two = IV2SLS(*parts).fit(debiased=True, cov_type="unadjusted")
    case["2sls"] = fitted(two, names)
    instruments.append(case)

panel = data.set_index(["person", "year"])
x = panel[["hours", "age", "female"]].assign(Intercept=1.0)
names = ["Intercept", "hours", "age", "female"]
means = panel[["hours", "age"]].groupby("person").transform("mean").add_prefix("mean(")
means.columns = [f"{name})" for name in means.columns]
panels = []
for model, build, regressors, used in (
    ("random", RandomEffects, x, names),
    ("mundlak", RandomEffects, x.join(means), [*names, *means.columns]),
    ("between", BetweenOLS, x, names),
    ("first-differences", FirstDifferenceOLS, panel[["hours", "age"]], ["hours", "age"]),
):
    for kind, options in (
        ("iid", {"cov_type": "unadjusted"}),
        ("HC1", {"cov_type": "robust"}),
        ("person", {"cov_type": "clustered", "cluster_entity": True, "group_debias": True}),
    ):
        if model == "between" and kind == "person":
            continue
        for small in (False, True) if build is RandomEffects else (False,):
            extra = {"small_sample": small} if build is RandomEffects else {}
            fit = build(panel["wage"], regressors).fit(debiased=True, **options, **extra)
            own = {"model": model, "kind": kind, "small": small, **fitted(fit, used)}
            if build is RandomEffects:
                own["error"] = float(fit.variance_decomposition["Residual"])
                own["effect"] = float(fit.variance_decomposition["Effects"])
            panels.append(own)

margins = []
for family, build, outcome, effects in (
    ("logit", Logit, "busy", []),
    ("probit", Probit, "busy", []),
    ("poisson", Poisson, "days", []),
    ("logit", Logit, "busy", ["region"]),
    ("poisson", Poisson, "days", ["region", "year"]),
):
    design = data[["hours", "age"]].assign(Intercept=1.0)
    for effect in effects:
        dummies = pd.get_dummies(data[effect], prefix=effect, dtype=float).iloc[:, 1:]
        design = pd.concat([design, dummies], axis=1)
    for kind, options in (
        ("iid", {}),
        ("region", {"cov_type": "cluster", "cov_kwds": {"groups": data["region"]}}),
    ):
        if kind == "region" and (effects or family == "probit"):
            continue
        fit = build(data[outcome], design).fit(disp=0, tol=1e-13, maxiter=200, **options)
        effect = fit.get_margeff(at="overall")
        at = [list(design.columns).index(name) for name in ("hours", "age")]
        skip = [index - (list(design.columns).index("Intercept") < index) for index in at]
        if family == "probit":  # expected information, as weighted least squares has it
            link = sm.families.links.Probit()
            glm = sm.GLM(data[outcome], design, sm.families.Binomial(link)).fit(tol=1e-14)
            eta = design.to_numpy() @ glm.params.to_numpy()
            density = np.exp(-(eta**2) / 2) / np.sqrt(2 * np.pi)
            turns = -(eta * density) @ design.to_numpy() / n
            slopes = np.outer(glm.params, turns) + density.mean() * np.eye(len(turns))
            spread = slopes @ glm.cov_params().to_numpy() @ slopes.T
            errors = np.sqrt(np.diag(spread))[:2]
        else:
            errors = effect.margeff_se[skip]
        margins.append({
            "family": family, "kind": kind, "outcome": outcome, "effects": effects,
            "coef": numbers(effect.margeff[skip]), "se": numbers(errors),
        })  # fmt: skip

conditional = []
for groups in ("person", "region"):
    own = ConditionalLogit(data["busy"], data[["hours", "age"]], groups=data[groups])
    fit = own.fit(disp=0, method="newton", tol=1e-13, maxiter=200)
    conditional.append({
        "groups": groups, "names": ["hours", "age"], "coef": numbers(fit.params),
        "se": numbers(fit.bse), "log_likelihood": float(own.loglike(fit.params)),
    })  # fmt: skip

expected = {
    "peers": {name: version(name) for name in ("linearmodels", "statsmodels", "numpy", "scipy")},
    "data": {name: data[name].tolist() for name in data.columns},
    "instruments": instruments,
    "panels": panels,
    "margins": margins,
    "conditional": conditional,
}
(here / "expected.json").write_text(json.dumps(expected) + "\n")
