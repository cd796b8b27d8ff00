"""Cox with many ties and clusters as lifelines has it by default, from lifelines.

python ties.py   (in an environment with lifelines 0.30.3, pandas and numpy)
"""

import json
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from lifelines import CoxPHFitter

warnings.filterwarnings("ignore")
rng = np.random.default_rng(1)
n = 400
x = rng.normal(size=(n, 2)).round(3)
time = np.ceil(rng.exponential(6 * np.exp(-1.2 * x[:, 0])))
end = rng.integers(4, 30, n)
data = pd.DataFrame(
    {
        "time": np.minimum(time, end).astype(int),
        "event": (time <= end).astype(int),
        "a": x[:, 0],
        "b": x[:, 1],
        "house": np.arange(n) // 2,
    }
)
fit = CoxPHFitter().fit(data, "time", "event", cluster_col="house", robust=True)
found = {
    "peer": f"lifelines {version('lifelines')}",
    "data": {name: data[name].tolist() for name in data.columns},
    "coef": fit.params_.tolist(),
    "robust_se": fit.standard_errors_.tolist(),
}
Path(__file__).with_name("ties.json").write_text(json.dumps(found) + "\n")
