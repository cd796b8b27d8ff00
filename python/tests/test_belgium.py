"""The Belgian pack from Python: rules, checks and constructs on synthetic registers."""

from __future__ import annotations

import pickle

import numpy as np
import polars as pl
import pytest

import kruispunt as kp
from kruispunt.exceptions import InputError

COLUMNS = {
    "father": "father_nat_first",
    "mother": "mother_nat_first",
    "own": "nat_first",
    "now": "now",
}


@pytest.fixture(scope="module")
def registers() -> kp.synth.Registers:
    return kp.synth.registers("test", seed=1, imperfections=[], backend="polars", progress=False)


@pytest.fixture(scope="module")
def persons(registers: kp.synth.Registers) -> pl.DataFrame:
    """Give persons with their parents' and their present nationality."""
    now = registers["nationality_spells"].filter(pl.col("to").is_null()).select("pid", now="nat")
    return registers["persons"].join(registers["parents"], on="pid").join(now, on="pid", how="left")


def test_three_rules_differ_where_a_parent_is_unknown(persons: pl.DataFrame) -> None:
    shares = {}
    for rule in ("monitoring", "statbel", "arvastat"):
        found = kp.belgium.origin(persons, rule, **COLUMNS)
        frame = found.to_frame()
        assert isinstance(frame, pl.DataFrame)
        assert frame["pid"].equals(persons["pid"])
        assert (frame["origin_reason"].is_null() == frame["origin_group"].is_not_null()).all()
        shares[rule] = frame["origin_group"].is_null().mean()
        (step,) = found.account.steps
        assert step.verb == "origin"
    assert shares["monitoring"] > 0.01
    assert shares["statbel"] == shares["arvastat"] == 0


def test_origin_goes_into_a_panel_with_its_account(persons: pl.DataFrame) -> None:
    found = kp.belgium.origin(persons, **COLUMNS)
    assert pickle.loads(pickle.dumps(found)).account == found.account
    panel = kp.Panel(
        {"pid": persons["pid"], "q": ["2012Q1"] * len(persons)}, person="pid", period="q"
    )
    panel = panel.attach_person(found)
    assert panel.account.steps[-1].joined == (found.account,)
    assert set(np.unique(panel["origin_by"].astype(str))) >= {"all", "father"}


def test_groups_and_priorities_of_ones_own(persons: pl.DataFrame) -> None:
    own = kp.belgium.origin(persons, ["mother", "own"], **COLUMNS, groups="eu").to_frame()
    assert set(own["origin_group"].drop_nulls()) == {"BE", "EU", "nonEU"}
    mapped = kp.belgium.origin(
        persons, ["own"], **COLUMNS, groups={"150": "here", "354": "Morocco"}
    )
    assert set(mapped.to_frame()["origin_group"].drop_nulls()) == {"here", "Morocco"}
    assert "the list of groups" in mapped.to_frame()["origin_reason"].drop_nulls()[0]


def test_what_a_rule_lacks_is_said(persons: pl.DataFrame) -> None:
    with pytest.raises(InputError, match=r"`now`.*present nationality"):
        kp.belgium.origin(
            persons, father="father_nat_first", mother="mother_nat_first", own="nat_first"
        )
    with pytest.raises(InputError, match="none of"):
        kp.belgium.origin(persons, "monitor", **COLUMNS)
    with pytest.raises(InputError, match="unknown"):
        kp.belgium.origin(persons, **COLUMNS, unknown="drop")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="groups"):
        kp.belgium.origin(persons, **COLUMNS, groups="six")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="ascending"):
        kp.belgium.generation(
            persons,
            born="birth_country",
            birth_date="birth_date",
            arrival="first_reg_date",
            father="father_nat_first",
            mother="mother_nat_first",
            bands={"a": 18, "b": 6},
        )


def test_generations_count_what_is_unknown(persons: pl.DataFrame) -> None:
    found = kp.belgium.generation(
        persons,
        born="birth_country",
        birth_date="birth_date",
        arrival="first_reg_date",
        father="father_nat_first",
        mother="mother_nat_first",
        grandparents=["ff_nat_first", "fm_nat_first", "mf_nat_first", "mm_nat_first"],
    )
    frame = found.to_frame()
    assert set(frame["generation"].drop_nulls()) == {"0", "1", "1.5", "2", "2.5"}
    unknown = frame.filter(pl.col("generation").is_null())
    assert unknown["generation_reason"].is_not_null().all()
    assert 0 < len(unknown) < 0.06 * len(frame)


def test_checks_read_any_tables_and_say_what_they_did_not_see(
    registers: kp.synth.Registers,
) -> None:
    clean = kp.belgium.checks(registers)
    assert set(clean["status"]) == {"clean"}
    faulty = kp.belgium.checks(kp.synth.registers("test", seed=1, backend="polars", progress=False))
    assert (faulty["status"] == "found").sum() >= 28
    none = kp.belgium.checks({"deaths": registers["deaths"]})
    assert set(none["status"]) == {"clean", "not checked"}
    assert none.filter(pl.col("status") == "not checked")["what"].str.contains("is not there").all()


def test_day_wages_follow_the_formula(registers: kp.synth.Registers) -> None:
    jobs = registers["dmfa_jobs"]
    wage = kp.belgium.day_wage(jobs)
    pay = (jobs["wage_ord"] + jobs["wage_lump"].fill_null(0)).to_numpy()
    days, hours = jobs["days_ft"].to_numpy(), jobs["hours_pt"].to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        by_hand = np.where(days > 0, pay / days, np.where(hours > 0, 7.6 * pay / hours, 0.0))
    np.testing.assert_allclose(wage, by_hand, rtol=1e-12)
    assert np.median(wage) > 50


def test_access_jumps_at_the_reform() -> None:
    claims = np.arange("2015-01-01", "2016-03-01", dtype="datetime64[D]")
    access = kp.belgium.asylum_access(claims)
    waiting = (access - claims).astype(int)
    assert waiting[claims < np.datetime64("2015-05-01")].min() >= 181
    assert waiting[claims >= np.datetime64("2015-07-09")].max() <= 123
    between = (claims >= np.datetime64("2015-05-10")) & (claims <= np.datetime64("2015-07-09"))
    assert set(access[between]) == {np.datetime64("2015-11-09")}
    with pytest.raises(InputError, match="claims"):
        kp.belgium.asylum_access(np.array([1.5]))


def test_cards_events_and_countries_are_data() -> None:
    cards = kp.belgium.cards()
    for name, card in cards.items():
        assert callable(getattr(kp.belgium, name))
        assert set(card) == {"definition", "limits", "source"}
        assert all(card.values())
    events = kp.belgium.calendar()
    assert [event["date"] for event in events] == sorted(event["date"] for event in events)
    assert {event["certainty"] for event in events} == {"read", "unchecked"}
    codes = [country["code"] for country in kp.belgium.countries()]
    assert len(set(codes)) == len(codes) == 48
