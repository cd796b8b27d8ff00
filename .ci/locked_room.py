"""A small job in a room without internet: only kruispunt, NumPy and narwhals are there."""

import importlib.util
import pickle
import warnings

import numpy as np

warnings.simplefilter("error")

import kruispunt as kp  # noqa: E402 - a warning at import would be an error here

absent = ["pandas", "pyarrow", "polars", "duckdb", "matplotlib"]
assert not [name for name in absent if importlib.util.find_spec(name)], "not a bare room"

# From spells to a panel, with plain arrays in and out.
persons, quarters = 1000, 8
random = np.random.default_rng(1)
calendar = kp.Calendar.quarters("2012Q1", "2013Q4")
first = random.integers(0, 500, persons).astype("timedelta64[D]") + np.datetime64("2011-12-01")
jobs = kp.Spells(
    {
        "pid": np.arange(persons),
        "start": first,
        "end": first + random.integers(100, 900, persons).astype("timedelta64[D]"),
        "status": random.choice(["employee", "self-employed"], persons),
        "wage": random.normal(100, 10, persons),
    },
    person="pid",
    start="start",
    end="end",
    state="status",
    name="jobs",
)
panel = jobs.clip(calendar).resolve(["-wage"]).to_panel(calendar, days=True)
table = kp.Table(panel)
assert 0 < len(table) <= persons * quarters
assert pickle.loads(pickle.dumps(table)) == table
print(panel.account)

# An effect that is known: 2 for each day in work.
worked = table["days"]
person = np.unique(table["pid"], return_inverse=True)[1]
outcome = 2 * worked + 10.0 * person + random.normal(size=len(table))
fit = kp.feols(
    "outcome ~ worked | pid + quarter",
    {"outcome": outcome, "worked": worked, "pid": person, "quarter": table["quarter"]},
)
estimate = fit.coef()["worked"]
assert abs(estimate - 2) < 0.05, estimate

# Two registers with a slip of the pen in one name of ten.
names = np.array(["".join(random.choice(list("aeioubdklmnprst"), 8)) for _ in range(300)])
slipped = np.array([name[:3] + name[4:] if n % 10 == 0 else name for n, name in enumerate(names)])
born = random.integers(0, 9000, 300).astype("datetime64[D]")
c = kp.linkage
linker = c.Linker(comparisons=[c.name("surname"), c.date("born")], blocking=[["surname"], ["born"]])
left, right = {"surname": names, "born": born}, {"surname": slipped, "born": born}
links = linker.train(left, right, seed=1).link(left, right)
assert len(kp.Table(links.pairs)) >= 290
print(links)
assert not kp._core.DEBUG
try:
    table.to_pandas()
except kp.exceptions.MissingPackageError as error:
    print("as it should:", error)
print(f"kruispunt {kp.__version__} works in a locked room")
