"""Expectations for bounds under departures from parallel trends, from honestdid.

python make.py   (in an environment with honestdid 0.1.1 and numpy)

Case "ehec" holds the coefficients and the covariance of the event study that the README of
HonestDiD (R) uses: the share insured by states that expanded Medicaid in 2014, 2008-2015, two-way
fixed effects, clustered by state (fixest 0.14.2), and the intervals that README prints. The other
cases are invented. The peer tests 1000 points up to 20 standard errors away, with critical values
from 1000 draws: its grid has steps of 4 % of a standard error, and 1000 draws know the critical
value of the first stage to 14 %.
"""

import json
import warnings
from importlib.metadata import version
from pathlib import Path

import honestdid
import numpy as np

warnings.filterwarnings("ignore")
# its projection asks for a solver that cvxpy no longer brings along; any solves a least-squares problem
peer = honestdid.core
peer.cp.ECOS = peer.cp.CLARABEL
# numpy 2.4 no longer makes a number of an array of one, which this version does throughout
peer.number = lambda value: np.asarray(value, dtype=np.float64).item()
SOURCE = Path(peer.__file__).read_text().replace("float(", "number(")
exec(SOURCE, vars(peer))
EHEC = {
    "beta": [
        -0.00528535453272061, -0.011297324648151, -0.00267599181179348, -0.00141931225211062,
        0.000339663518971793, 0.0464468541599456, 0.0692061754790219,
    ],
    "vcov": [
        [7.4884836358978e-05, 6.03987409564451e-05, 4.44461981846127e-05, 3.38576470608929e-05,
         4.32801125474368e-05, 4.76588047877807e-05, 2.42512869975422e-05],
        [6.03987409564451e-05, 7.2665006169971e-05, 3.78933022128822e-05, 2.86657802514857e-05,
         4.54332062840387e-05, 4.42885011931818e-05, 2.82465504298469e-05],
        [4.44461981846127e-05, 3.78933022128822e-05, 5.05205194016301e-05, 2.67367943248398e-05,
         2.77819356767415e-05, 3.06064410890563e-05, 9.63753388266954e-06],
        [3.38576470608929e-05, 2.86657802514857e-05, 2.67367943248398e-05, 4.00322202633785e-05,
         2.41285997571648e-05, 2.38086820907369e-05, 2.92387814336437e-06],
        [4.32801125474368e-05, 4.54332062840387e-05, 2.77819356767415e-05, 2.41285997571648e-05,
         5.46266220705437e-05, 3.68253105174326e-05, 9.72294750241885e-06],
        [4.76588047877807e-05, 4.42885011931818e-05, 3.06064410890563e-05, 2.38086820907369e-05,
         3.68253105174326e-05, 8.3756688246776e-05, 6.32139796253383e-05],
        [2.42512869975422e-05, 2.82465504298469e-05, 9.63753388266954e-06, 2.92387814336437e-06,
         9.72294750241885e-06, 6.32139796253383e-05, 0.000107123523030044],
    ],
    "n_before": 5,
    "weights": [1.0, 0.0],
}  # fmt: skip
PRINTED = {
    "relative": {
        "m": [0.5, 1, 1.5, 2],
        "low": [0.0241, 0.0171, 0.00859, -0.00107],
        "high": [0.0673, 0.0720, 0.0796, 0.0883],
    },
    "smooth": {
        "m": [0, 0.01, 0.02, 0.03, 0.04, 0.05],
        "low": [0.0259, 0.0132, 0.00286, -0.00714, -0.0171, -0.0271],
        "high": [0.0607, 0.0787, 0.0907, 0.101, 0.111, 0.121],
    },
}


def invented(seed, n_before, n_after, trend, weights):
    rng = np.random.default_rng(seed)
    k = n_before + n_after
    shocks = rng.normal(size=(k, 3 * k)).cumsum(axis=0) * 0.04
    vcov = (shocks @ shocks.T / (3 * k) + 0.004 * np.eye(k)).round(8)
    event = np.r_[np.arange(-n_before - 1, -1) + 1, np.arange(1, n_after + 1)]
    noise = np.linalg.cholesky(vcov) @ rng.normal(size=k)
    beta = (trend * event + np.where(event > 0, 0.3, 0.0) + noise).round(6)
    return {
        "beta": beta.tolist(),
        "vcov": vcov.tolist(),
        "n_before": n_before,
        "weights": weights,
    }


def run(case, relative, smooth):
    beta, vcov = np.array(case["beta"]), np.array(case["vcov"])
    n_before, n_after = case["n_before"], len(case["weights"])
    weights = np.array(case["weights"]).reshape(-1, 1)
    found = {}
    for name, m, verb, key in (
        ("relative", relative, peer.createSensitivityResults_relativeMagnitudes, "Mbarvec"),
        ("smooth", smooth, peer.createSensitivityResults, "Mvec"),
    ):
        table = verb(
            betahat=beta, sigma=vcov, numPrePeriods=n_before, numPostPeriods=n_after,
            l_vec=weights, **{key: m},
        )  # fmt: skip
        found[name] = {
            "m": m,
            "low": [float(v) for v in table["lb"]],
            "high": [float(v) for v in table["ub"]],
        }
    return case | found


def many_draws(case, m, draws, grid):
    """Where an interval by relative magnitudes begins, with critical values from many draws."""
    exec(SOURCE.replace("sims=1000", f"sims={draws}"), vars(peer))
    table = peer.createSensitivityResults_relativeMagnitudes(
        betahat=np.array(case["beta"]), sigma=np.array(case["vcov"]),
        numPrePeriods=case["n_before"], numPostPeriods=len(case["weights"]),
        l_vec=np.array(case["weights"]).reshape(-1, 1), Mbarvec=[m],
        grid_lb=grid[0], grid_ub=grid[1], gridPoints=grid[2],
    )  # fmt: skip
    exec(SOURCE, vars(peer))
    step = (grid[1] - grid[0]) / (grid[2] - 1)
    return {"m": m, "draws": draws, "step": step, "low": float(table["lb"].iloc[0])}


def ends(table):
    kept = table["grid"][table["accept"] > 0]
    return [float(kept.min()), float(kept.max())]


def hybrid(case, smooth, bends):
    names = {"numPrePeriods": case["n_before"], "numPostPeriods": len(case["weights"])}
    names |= {"betahat": np.array(case["beta"]), "sigma": np.array(case["vcov"])}
    names |= {"l_vec": np.array(case["weights"]).reshape(-1, 1)}
    bent = peer.computeConditionalCS_DeltaSD
    jobs = {
        "c-lf": (smooth, lambda m: bent(**names, M=m, hybrid_flag="LF")),
        "c-f": (smooth, lambda m: bent(**names, M=m, hybrid_flag="FLCI")),
        "bends": (bends, lambda m: peer.computeConditionalCS_DeltaSDRM(**names, Mbar=m)),
    }
    found = {}
    for name, (values, work) in jobs.items():
        bounds = [ends(work(m)) for m in values]
        found[name] = {
            "m": values,
            "low": [low for low, _ in bounds],
            "high": [high for _, high in bounds],
        }
    return found


if __name__ == "__main__":
    made_by = f"honestdid {version('honestdid')}, numpy {version('numpy')}"
    hybrids = {
        "ehec": hybrid(EHEC, [0, 0.01, 0.03], [0.5, 1]),
        "three_after": hybrid(invented(1, 4, 3, 0.02, [1 / 3, 1 / 3, 1 / 3]), [0, 0.02, 0.05], [0.5, 1]),
        "first": hybrid(invented(2, 6, 4, 0.0, [1.0, 0.0, 0.0, 0.0]), [0, 0.03], [0.5, 1.5]),
        "contrast": hybrid(invented(3, 2, 3, 0.1, [-1.0, 0.0, 1.0]), [0.0, 0.05], [0.5]),
    }  # fmt: skip
    text = json.dumps({"made_by": made_by, "cases": hybrids})
    Path(__file__).with_name("hybrid.json").write_text(text + "\n")
    cases = {
        "ehec": run(EHEC, [0.5, 1, 1.5, 2], [0, 0.01, 0.02, 0.03, 0.04, 0.05]),
        "three_after": run(
            invented(1, 4, 3, 0.02, [1 / 3, 1 / 3, 1 / 3]), [0.0, 0.5, 1, 2], [0, 0.02, 0.05]
        ),
        "first": run(invented(2, 6, 4, 0.0, [1.0, 0.0, 0.0, 0.0]), [0.5, 1.5], [0, 0.03]),
        "contrast": run(invented(3, 2, 3, 0.1, [-1.0, 0.0, 1.0]), [0.25, 1.0], [0.0, 0.05]),
    }
    expected = {
        "made_by": made_by,
        "printed": PRINTED,
        "many_draws": many_draws(EHEC, 1.5, 20_000, (0.0077, 0.0087, 21)),
        "cases": cases,
    }
    Path(__file__).with_name("expected.json").write_text(json.dumps(expected) + "\n")
