"""Gaps between groups against regressions, hand formulas and numerical derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

import kruispunt as kp
from kruispunt.exceptions import InputError


def people(n: int = 240, seed: int = 3) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    group = rng.choice(["BE", "MA", "TR"], n, p=[0.6, 0.25, 0.15])
    edu = np.where(rng.random(n) < np.where(group == "BE", 0.4, 0.6), "L", "H")
    age = rng.normal(np.where(group == "BE", 45, 38), 8)
    y = 0.2 * (edu == "H") + 0.01 * age - 0.15 * (group != "BE") + rng.normal(0, 0.3, n)
    return pl.DataFrame({
        "pid": np.repeat(np.arange(n // 2), 2), "group": group, "edu": edu, "age": age,
        "sex": rng.choice(["M", "F"], n), "y": y, "w": rng.uniform(0.5, 2, n),
    })  # fmt: skip


def estimates(frame: pl.DataFrame, **options: Any) -> dict[tuple[str, str], tuple[float, float]]:
    found = kp.gap(frame, "y", "group", reference="BE", **options).to_frame()
    return {
        (group, part): (estimate, se)
        for group, part, estimate, se in found.select(
            "group", "component", "estimate", "se"
        ).iter_rows()
    }


def test_the_raw_gap_is_a_regression_on_a_dummy() -> None:
    two = people().filter(pl.col("group") != "TR")
    found = estimates(two, cluster="pid", weights="w")[("MA", "gap")]
    fit = kp.feols(
        "y ~ ma", two.with_columns(ma=pl.col("group") == "MA"), weights="w", vcov={"CRV1": "pid"},
        ssc=kp.ssc(adj=False),
    )  # fmt: skip
    assert found == pytest.approx((fit.coef()["ma"], fit.se()["ma"]), rel=1e-10)


METHODS = [
    ("standardised", ["edu", "sex"]),
    ("kitagawa", ["edu", "sex"]),
    ("oaxaca_blinder", ["edu", "age"]),
]


@pytest.mark.parametrize(("method", "adjust"), METHODS)
def test_standard_errors_are_those_of_numerical_derivatives(method: str, adjust: list[str]) -> None:
    frame = people(80)
    found = estimates(frame, method=method, adjust=adjust, weights="w", cluster="pid")
    weights = frame["w"].to_numpy()
    influence: dict[tuple[str, str], np.ndarray[Any, Any]] = {
        key: np.zeros(len(frame)) for key in found
    }
    for row in range(len(frame)):
        sides = []
        for sign in (1, -1):
            moved = weights.copy()
            moved[row] *= 1 + sign * 1e-5
            other = frame.with_columns(w=moved)
            sides.append(estimates(other, method=method, adjust=adjust, weights="w"))
        for key, values in influence.items():
            values[row] = (sides[0][key][0] - sides[1][key][0]) / 2e-5
    for key, (_, se) in found.items():
        inside = frame["group"].is_in([key[0], "BE"]).to_numpy()
        pids = frame["pid"].to_numpy()[inside]
        sums = np.bincount(pids, influence[key][inside])[np.unique(pids)]
        by_hand = np.sqrt((sums**2).sum() * len(sums) / (len(sums) - 1))
        assert se == pytest.approx(by_hand, rel=1e-4, abs=1e-9), key


def test_components_follow_their_formulas() -> None:
    frame = people().filter(pl.col("group") != "TR")
    cells = frame.group_by("group", "edu").agg(n=pl.len(), m=pl.col("y").mean()).sort("edu")
    own, ref = (cells.filter(pl.col("group") == group) for group in ("MA", "BE"))
    p, q = own["n"] / own["n"].sum(), ref["n"] / ref["n"].sum()
    found = estimates(frame, method="kitagawa", adjust="edu")
    rate = ((p + q) / 2 * (own["m"] - ref["m"])).sum()
    composition = ((p - q) * (own["m"] + ref["m"]) / 2).sum()
    assert found[("MA", "rate")][0] == pytest.approx(rate, rel=1e-12)
    assert found[("MA", "composition")][0] == pytest.approx(composition, rel=1e-12)
    assert found[("MA", "gap")][0] == pytest.approx(rate + composition, rel=1e-12)
    assert found[("MA", "off_support")][0] == pytest.approx(0, abs=1e-15)
    found = estimates(frame, method="standardised", adjust="edu")
    assert found[("MA", "rate")][0] == pytest.approx((q * (own["m"] - ref["m"])).sum(), rel=1e-12)


def test_oaxaca_blinder_equals_two_regressions() -> None:
    frame = people().filter(pl.col("group") != "TR")
    found = estimates(frame, method="oaxaca_blinder", adjust=["edu", "age"])
    x = np.column_stack([np.ones(len(frame)), frame["edu"] == "L", frame["age"]])
    ref = (frame["group"] == "BE").to_numpy()
    y = frame["y"].to_numpy()
    beta = np.linalg.lstsq(x[ref], y[ref], rcond=None)[0]
    parts = (x[~ref].mean(0) - x[ref].mean(0)) * beta
    assert found[("MA", "explained")][0] == pytest.approx(parts.sum(), rel=1e-9)
    assert found[("MA", "explained:edu")][0] == pytest.approx(parts[1], rel=1e-9)
    assert found[("MA", "explained:age")][0] == pytest.approx(parts[2], rel=1e-9)
    gap = y[~ref].mean() - y[ref].mean()
    assert found[("MA", "unexplained")][0] == pytest.approx(gap - parts.sum(), rel=1e-9)


def test_what_cannot_be_compared_is_said() -> None:
    frame = pl.DataFrame({
        "y": [1.0, 0.0, 1.0, None, 1.0], "group": ["BE", "MA", "MA", "BE", None],
        "edu": ["H", "L", "L", "H", "H"], "q": [1, 1, 2, 1, 1],
    })  # fmt: skip
    found = kp.gap(frame, "y", "group", reference="BE", by="q")
    table = found.to_frame()
    assert table["note"].to_list() == [None, "nobody of the reference group"]
    assert table["estimate"].to_list() == [-1.0, None]
    (step,) = found.account.steps
    assert [(reason.reason, reason.count.rows) for reason in step.excluded] == [
        ("no outcome", 1), ("no group", 1),
    ]  # fmt: skip
    apart = kp.gap(frame, "y", "group", reference="BE", method="kitagawa", adjust="edu").to_frame()
    assert apart.filter(component="rate")["estimate"].to_list() == [None]
    assert apart.filter(component="gap")["estimate"].to_list() == [-0.5]


def test_bad_input_has_a_name() -> None:
    frame = people(20)
    with pytest.raises(InputError, match="reference"):
        kp.gap(frame, "y", "group", reference="XX")
    with pytest.raises(InputError, match="adjust"):
        kp.gap(frame, "y", "group", reference="BE", method="kitagawa")
    with pytest.raises(InputError, match="adjust"):
        kp.gap(frame, "y", "group", reference="BE", adjust="edu")
    with pytest.raises(InputError, match="method"):
        kp.gap(frame, "y", "group", reference="BE", method="cotton")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="level"):
        kp.gap(frame, "y", "group", reference="BE", level=1.0)
    with pytest.raises(InputError, match="weights"):
        kp.gap(frame.with_columns(w=pl.lit(0.0)), "y", "group", reference="BE", weights="w")
    with pytest.raises(InputError, match="wage"):
        kp.gap(frame, "wage", "group", reference="BE")


def test_the_gap_of_the_synthetic_panel_is_the_one_put_in() -> None:
    reg = kp.synth.registers("test", seed=1, backend="polars", progress=False)
    seen = reg["nomenc"].join(reg["persons"].select("pid", "origin", "focal"), on="pid")
    seen = seen.filter(pl.col("focal") == 1).with_columns(
        employed=pl.col("nomenc").cast(pl.String).str.starts_with("1"),
        quarter=pl.col("quarter").cast(pl.String),
    )
    panel = kp.Panel(seen, person="pid", period="quarter")
    found = kp.gap(panel, "employed", "origin", reference="BE", by="quarter").to_frame()
    last = found.filter((pl.col("quarter") == "2016Q4") & (pl.col("group") == "nonEU"))
    estimate, se = last["estimate"][0], last["se"][0]
    assert abs(estimate + 0.21) < 4 * se
    assert last["clusters"][0] == last["n_group"][0] + last["n_reference"][0]


def test_gaps_by_cohort_and_over_time_under_several_rules_are_means_by_hand() -> None:
    """Each cell is a difference of two means, its interval that of independent rows."""
    rng = np.random.default_rng(12)
    n = 1200
    frame = pl.DataFrame({
        "strict": rng.choice(["BE", "MA", None], n, p=[0.55, 0.35, 0.1]),
        "quarter": rng.choice(["2015Q4", "2016Q4"], n),
        "cohort": rng.choice(["before 1970", "from 1970 on"], n),
        "y": rng.normal(0, 1, n), "edu": rng.choice(["L", "H"], n),
    })  # fmt: skip
    frame = frame.with_columns(broad=pl.col("strict").fill_null("BE"))
    found = kp.gap(frame, "y", ["strict", "broad"], reference="BE", by=["quarter", "cohort"])
    table = found.to_frame()
    assert table.columns[:4] == ["rule", "quarter", "cohort", "group"]
    assert len(table) == 2 * 2 * 2
    seen = set()
    for row in table.with_columns(pl.col("rule").cast(pl.String)).to_dicts():
        own = frame.filter(
            (pl.col("quarter") == row["quarter"]) & (pl.col("cohort") == row["cohort"])
        )
        sides = [own.filter(pl.col(row["rule"]) == side)["y"].to_numpy() for side in ("MA", "BE")]
        assert row["estimate"] == pytest.approx(sides[0].mean() - sides[1].mean(), rel=1e-12)
        total = sum(len(side) for side in sides)
        spread = sum(((side - side.mean()) ** 2).sum() / len(side) ** 2 for side in sides)
        se = np.sqrt(total / (total - 1) * spread)
        assert row["se"] == pytest.approx(se, rel=1e-10)
        assert row["low"] == pytest.approx(row["estimate"] - 1.959963984540054 * se, rel=1e-9)
        assert row["high"] == pytest.approx(row["estimate"] + 1.959963984540054 * se, rel=1e-9)
        assert (row["n_group"], row["n_reference"]) == (len(sides[0]), len(sides[1]))
        seen.add((row["rule"], row["quarter"], row["cohort"]))
    assert len(seen) == 8
    # side by side is one after the other, whatever the method
    methods: list[tuple[str, Any]] = [
        ("raw", ()), ("standardised", "edu"), ("kitagawa", "edu"), ("oaxaca_blinder", "edu"),
    ]  # fmt: skip
    for method, adjust in methods:
        options: dict[str, Any] = {
            "reference": "BE",
            "method": method,
            "adjust": adjust,
            "by": "quarter",
        }
        both = kp.gap(frame, "y", ["strict", "broad"], **options).to_frame()
        each = [kp.gap(frame, "y", rule, **options).to_frame() for rule in ("strict", "broad")]
        assert both.drop("rule").equals(pl.concat(each))
    steps = found.account.steps
    assert [step.detail for step in steps] == ["y by strict: raw", "y by broad: raw"]
    assert [(reason.reason, reason.count.rows) for reason in steps[0].excluded] == [
        ("no group", frame["strict"].null_count())
    ]
    with pytest.raises(InputError, match=r"`group`.*one twice"):
        kp.gap(frame, "y", ["strict", "strict"], reference="BE")
    with pytest.raises(InputError, match=r"`group`.*none"):
        kp.gap(frame, "y", [], reference="BE")
