"""Careers of the synthetic registers against the process that made them."""

from __future__ import annotations

import pytest

import kruispunt as kp

pl = pytest.importorskip("polars")
QUARTERS = {label: q for q, label in enumerate(kp.Calendar.quarters("2005Q1", "2016Q4").labels)}


def make(*, integration=False, seed=1):
    return kp.synth.registers(
        "test", seed=seed, imperfections="none", integration=integration, backend="polars"
    )


@pytest.fixture(scope="module")
def world():
    return make()


def careers(reg):
    """Give states by quarter with what made them, latent traits included."""
    people = reg["persons"].select(
        "pid", woman=(pl.col("sex").cast(pl.String) == "2").cast(pl.Float64),
        born=pl.col("birth_date").str.slice(0, 4).cast(int),
        arrival=pl.col("first_reg_date").dt.year() * 4 + (pl.col("first_reg_date").dt.month() - 1) // 3,
    )  # fmt: skip
    latent = reg.truth["latent"].select(
        "pid", "u", edu=pl.col("edu") - 1.0,
        group=pl.col("origin").cast(pl.String) + "/" + pl.col("generation").cast(pl.String),
        start=pl.col("start").cast(pl.String).replace_strict(QUARTERS, default=99),
    )  # fmt: skip
    states = reg["nomenc"].select(
        "pid",
        q=pl.col("quarter").cast(pl.String).replace_strict(QUARTERS),
        state=pl.col("nomenc").cast(pl.String).str.slice(0, 1),
    )
    return (
        states.join(people, on="pid")
        .join(latent, on="pid")
        .sort("pid", "q")
        .with_columns(run=pl.col("state").rle_id().over("pid"))
        .with_columns(elapsed=pl.int_range(pl.len()).over("pid", "run"))
        .with_columns(
            next=pl.col("state").shift(-1).over("pid"),
            follows=pl.col("q").shift(-1).over("pid") == pl.col("q") + 1,
        )
    )


def test_hazards_from_job_seeking_are_those_of_the_process(world):
    """Entry into work: -1.35 + u + .25 edu - .15 woman - .28 ln(1 + quarters), against staying."""
    rows = careers(world).filter(
        (pl.col("state") == "2")
        & pl.col("follows")
        & (pl.col("q") < pl.col("start"))
        & ((pl.col("q") // 4 + 2005 - pl.col("born")).is_between(26, 61))
    )
    data = rows.select(
        "pid", "u", "edu", "woman", "group", "q",
        lasted=pl.col("elapsed").log1p(),
        # 0 stays, 1 to work, 2 elsewhere.
        event=pl.when(pl.col("next") == "2").then(0)
        .when(pl.col("next") == "1").then(1).otherwise(2),
        since=pl.when(pl.col("group").str.ends_with("/1") | pl.col("group").str.ends_with("/1.5"))
        .then((pl.col("q") + 2005 * 4 - pl.col("arrival")).clip(0, 24)).otherwise(0),
    )  # fmt: skip
    assert len(data) > 5000
    fit = kp.hazard(
        "event ~ u + edu + woman + lasted + C(group) | q", data, link="multinomial",
        vcov={"CRV1": "pid"},
    )  # fmt: skip
    for name, truth in (("u", 1.0), ("edu", 0.25), ("woman", -0.15), ("lasted", -0.28)):
        gap = fit.coef()[f"1: {name}"] - truth
        assert abs(gap) <= 3 * fit.se()[f"1: {name}"], (name, gap, fit.se()[f"1: {name}"])
    # Without what nobody recorded the others shrink, and the hazard seems to fall faster.
    plain = kp.hazard(
        "event ~ edu + woman + lasted + C(group) | q", data, link="multinomial",
        vcov={"CRV1": "pid"},
    )  # fmt: skip
    assert plain.coef()["1: lasted"] < fit.coef()["1: lasted"]


def test_integration_changes_careers_only_when_asked(world):
    before = make()
    assert before["nomenc"].equals(world["nomenc"])
    zero = before.truth["integration"]
    assert (zero["total"] == 0).all()
    assert zero["share"].null_count() == len(zero)
    own = make(integration=True)
    # The persons, the dossiers and the draws are the same, careers are not.
    for table in ("persons", "kbi_dossier"):
        assert own[table]["pid" if table == "persons" else "kbi_nr"].equals(
            world[table]["pid" if table == "persons" else "kbi_nr"]
        )
    assert not own["nomenc"].equals(world["nomenc"])
    true = own.truth["integration"]
    assert (true["none"] <= true["direct_only"] + 1e-12).all()
    assert (true["direct_only"] <= true["programme"] + 1e-12).mean() > 0.9
    assert (true["n"] > 30).all()
    names = own.truth["params"]["name"].to_list()
    assert "integration.registers" in names
    assert "integration.registers" not in world.truth["params"]["name"].to_list()
