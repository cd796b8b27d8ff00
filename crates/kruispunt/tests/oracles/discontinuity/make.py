"""Expectations for regression discontinuity, from rdrobust on invented data.

python make.py   (in an environment with rdrobust 2.1.1, numpy and pandas)

"days": arrivals by day around a reform, several a day, whole days; "smooth": a continuous running
variable; "donut": the days without those nearer than 14 to the reform; "week": clusters of seven
days; "mixed": clusters across both sides; "counts": observations by day, or by bins of
2 sd / sqrt(n), in units of the running variable, taken as outcomes at the middle of their bin;
"fuzzy": the effect of a day waited on a later outcome, with the bandwidths of the outcome.
"""

import json
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
from rdrobust import rdrobust

warnings.filterwarnings("ignore")
rng = np.random.default_rng(5)
n = 700
day = rng.integers(-300, 300, n).astype(float)
waited = (180 - 60 * (day >= 0) + 0.02 * day - 5e-5 * day**2 + 12 * rng.normal(size=n)).round(4)
x = (rng.beta(2, 3, size=500) * 2 - 0.9).round(6)
y = (np.sin(2 * x) + 0.7 * (x >= 0) + 0.3 * rng.normal(size=500)).round(6)


def run(y, x, **options):
    found = rdrobust(y=y, x=x, c=0, **options)
    get = lambda frame: [float(v) for v in np.ravel(frame.to_numpy())]  # noqa: E731
    coef, se, bandwidths = get(found.coef), get(found.se), found.bws.to_numpy()
    return {
        "conventional": coef[0],
        "conventional_se": se[0],
        "robust": coef[2],
        "robust_se": se[2],
        "low": float(found.ci.to_numpy()[2, 0]),
        "p": float(np.ravel(found.pv.to_numpy())[2]),
        "h": float(bandwidths[0, 0]),
        "b": float(bandwidths[1, 0]),
    }


def counts(x, width, edge):
    """Full bins on both sides of 0."""
    at = np.floor(x / width).astype(int)
    first, last = at.min() + edge, at.max() + 1 - edge
    tall = np.array([(at == place).sum() / width for place in range(first, last)])
    found = run(tall, np.arange(first, last) + 0.5)
    return found | {"h": found["h"] * width, "b": found["b"] * width}


keep = np.abs(day) >= 14
week, mixed = np.floor(day / 7).astype(int), np.arange(len(x)) % 40
later = (5 - 0.02 * waited + 0.001 * day + 0.3 * rng.normal(size=n)).round(5)
expected = {
    "made_by": f"rdrobust {version('rdrobust')}, numpy {version('numpy')}",
    "days": {"x": day.tolist(), "y": waited.tolist(), "later": later.tolist()},
    "smooth": {"x": x.tolist(), "y": y.tolist()},
    "cases": {
        "smooth": run(y, x),
        "smooth_uniform": run(y, x, kernel="uniform"),
        "smooth_epanechnikov": run(y, x, kernel="epanechnikov"),
        "smooth_given": run(y, x, h=0.4, b=0.6),
        "days": run(waited, day),
        "days_given": run(waited, day, h=90, b=150),
        "donut": run(waited[keep], day[keep]),
        "donut_given": run(waited[keep], day[keep], h=120, b=200),
        "fuzzy_given": run(later, day, fuzzy=waited, h=90, b=150),
        "fuzzy": run(later, day, fuzzy=waited, sharpbw=True),
        "fuzzy_week": run(later, day, fuzzy=waited, h=90, b=150, cluster=week),
        "later_given": run(later, day, h=90, b=150),
        "week_given": run(waited, day, h=90, b=150, cluster=week),
        "week": run(waited, day, cluster=week),
        "mixed_given": run(y, x, h=0.4, b=0.6, cluster=mixed),
        "mixed": run(y, x, cluster=mixed),
        "days_counts": counts(day, 1.0, 0),
        "smooth_counts": counts(x, 2 * x.std() / np.sqrt(len(x)), 1),
    },
}
Path(__file__).with_name("expected.json").write_text(json.dumps(expected) + "\n")
