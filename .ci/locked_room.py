"""A small job in a room without internet: only kruispunt, NumPy and narwhals are there."""

import importlib.util
import pickle
import warnings

import numpy as np

warnings.simplefilter("error")

import kruispunt as kp  # noqa: E402 - a warning at import would be an error here

absent = ["pandas", "pyarrow", "polars", "duckdb", "matplotlib"]
assert not [name for name in absent if importlib.util.find_spec(name)], "not a bare room"

wages = kp.Table(
    {
        "person": np.repeat(np.arange(1000), 8),
        "quarter": np.tile(np.arange(8), 1000),
        "wage": np.random.default_rng(1).normal(100, 10, 8000),
    }
)
assert pickle.loads(pickle.dumps(wages)) == wages
assert not kp._core.DEBUG
try:
    wages.to_pandas()
except kp.exceptions.MissingPackageError as error:
    print("as it should:", error)
print(f"kruispunt {kp.__version__} works in a locked room")
