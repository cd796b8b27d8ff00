"""Write data.csv and expected.json: fereg on models x effects x weights x covariances.

    pip install fereg==0.4.1 numpy pandas
    python make.py

fereg (MIT, github.com/leoliu0/fereg) mirrors fixest 0.14: slopes by level, Conley's errors, the
jackknife of instruments and of logit, leverage with effects. One line of the data is one row of an
invented panel of 40 persons and 15 firms.
"""

from __future__ import annotations

import itertools
import json
import warnings
from importlib.metadata import version
from pathlib import Path

import fereg
import numpy as np
import pandas as pd

HERE = Path(__file__).parent
SPACE = {"lat": "lat", "lon": "lon", "cutoff": 80}
LEAST = [
    "y ~ x + z",
    "y ~ x | person",
    "y ~ x + z | person + firm",
    "y ~ x | person^half",
    "y ~ x | person[t]",
    "y ~ x + z | person[[t]]",
    "y ~ x | person[t] + firm",
    "y ~ x | person[t] + firm[z]",
    "y ~ x | firm[t, z] + person",
]
INSTRUMENTS = [
    "y ~ x | 0 | hours ~ z + near",
    "y ~ x | person | hours ~ z + near",
    "y ~ x | person + firm | hours ~ z + near",
    "y ~ x | person[t] | hours ~ near",
]
COUNTS = ["count ~ x + z", "count ~ x | person", "count ~ x + z | person + firm",
          "count ~ x | person[t]", "count ~ x | person[t] + firm"]  # fmt: skip
COVARIANCES = [
    ("iid", None), ("hetero", None), ("HC2", None), ("HC3", None), ({"CRV1": "district"}, None),
    ({"CRV1": "district+firm"}, None), ({"CRV3": "district"}, None), ({"CRV3": "firm"}, None),
    ("conley", SPACE), ("conley", {**SPACE, "distance": "spherical"}),
]  # fmt: skip


def data() -> pd.DataFrame:
    """Persons at firms in districts, with places."""
    rng = np.random.default_rng(11)
    n = 600
    frame = pd.DataFrame({
        "person": rng.integers(0, 40, n), "firm": rng.integers(0, 15, n), "half": rng.integers(0, 2, n),
        "x": rng.normal(size=n), "z": rng.normal(size=n), "near": rng.normal(size=n),
        "t": rng.normal(size=n) + 3, "lat": 50 + rng.normal(size=n), "lon": 4 + 2 * rng.normal(size=n),
        "w": rng.integers(1, 4, n),
    }).round(6)  # fmt: skip
    frame["district"] = frame["person"] // 4
    own = 0.1 * frame["t"] * (frame["person"] % 3)
    shock = rng.normal(size=n)
    frame["hours"] = frame["near"] + 0.5 * frame["z"] + shock + 0.05 * frame["person"]
    frame["y"] = 0.5 * frame["x"] + 0.8 * frame["hours"] + own + shock + rng.normal(size=n)
    eta = 0.3 * frame["x"] + own - 0.2
    frame["count"] = rng.poisson(np.exp(np.clip(eta, -3, 3)))
    frame["works"] = (eta + rng.logistic(size=n) > 0).astype(int)
    return frame.round(6)


def main() -> None:
    """Fit every model."""
    warnings.simplefilter("ignore")
    data().to_csv(HERE / "data.csv", index=False)
    frame = pd.read_csv(HERE / "data.csv")
    cases = [("feols", *case) for case in itertools.product(LEAST, [None, "w"], COVARIANCES)]
    cases += [("feols", *case) for case in itertools.product(INSTRUMENTS, [None, "w"], COVARIANCES)]
    cases += [("fepois", *case) for case in itertools.product(COUNTS, [None, "w"], COVARIANCES)]
    logits = [fml.replace("count", "works") for fml in COUNTS]
    cases += [("feglm", *case) for case in itertools.product(logits, [None], COVARIANCES)]
    found, refused = [], []
    for verb, fml, weights, (vcov, options) in cases:
        more = {} if verb == "feols" else {"iwls_tol": 1e-13}
        more |= {"family": "logit"} if verb == "feglm" else {}
        case = {"verb": verb, "fml": fml, "weights": weights, "vcov": vcov, "vcov_kwargs": options}
        try:
            fit = getattr(fereg, verb)(
                fml, frame, vcov=vcov, vcov_kwargs=options, weights=weights, **more
            )
        except Exception as error:  # noqa: BLE001 - what the peer refuses is no oracle
            refused.append({**case, "why": str(error).splitlines()[0][:80]})
            continue
        found.append({
            # a negative eigenvalue is set to zero by kruispunt and fixest, kept by fereg
            **case, "definite": bool(np.linalg.eigvalsh(np.asarray(fit._vcov)).min() > 0),
            "n": int(fit._N), "names": [str(name) for name in fit.coef().index],
            "coef": [float(b) for b in fit.coef()], "se": [float(se) for se in fit.se()],
        })  # fmt: skip
    lines = ",\n".join(map(json.dumps, found))
    rest = ",\n".join(map(json.dumps, refused))
    text = f'{{"fereg": "{version("fereg")}",\n"cases": [\n{lines}],\n"refused": [\n{rest}]}}\n'
    (HERE / "expected.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
