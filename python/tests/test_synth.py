"""Synthetic registers and Belgian numbers as Python users see them."""

from __future__ import annotations

import csv
import datetime as dt
import pickle
from pathlib import Path

import numpy as np
import pytest

import kruispunt as kp


@pytest.fixture(scope="module")
def reg() -> kp.synth.Registers:
    return kp.synth.registers("mini", seed=1)


def test_tables_come_by_name_with_the_columns_of_their_schema(reg: kp.synth.Registers) -> None:
    assert reg.names[0] == "persons"
    assert len(reg) == len(reg.names) == 22
    for name in reg:
        assert reg[name].columns == [field.name for field in reg.schema(name)]
    for name in reg.truth:
        assert reg.truth[name].columns == [field.name for field in reg.schema(name)]
        assert name not in reg


def test_the_same_seed_gives_the_same_registers(reg: kp.synth.Registers) -> None:
    again = kp.synth.registers("mini", seed=1)
    other = kp.synth.registers("mini", seed=2)
    assert all(reg[name] == again[name] for name in reg)
    assert reg["persons"] != other["persons"]


def test_threads_change_nothing(reg: kp.synth.Registers) -> None:
    kp.set_threads(1)
    try:
        alone = kp.synth.registers("mini", seed=1)
    finally:
        kp.set_threads()
    assert all(reg[name] == alone[name] for name in reg)


def test_imperfections_are_chosen_by_name() -> None:
    clean = kp.synth.registers("mini", imperfections="none")
    bis = kp.synth.registers("mini", imperfections=["bis_to_nr"])
    assert len(clean["insz_history"]) == 0
    assert len(bis["insz_history"]) > 0
    assert clean.truth["latent"] == bis.truth["latent"]
    assert "bis_to_nr" in kp.synth.imperfections()


def test_true_effects_are_zero_at_the_start_and_stated_with_their_error() -> None:
    att = kp.synth.registers("test", imperfections="none").truth["att"]
    start = (att["e"] <= 0) & (att["n"] > 0)
    assert np.all(att["value"][start] == 0)
    later = (att["e"] == 2) & (att["n"] > 100)
    assert later.any()
    assert np.all(att["mc_se"][later] > 0)


def test_every_kind_of_frame_holds_the_same() -> None:
    own = kp.synth.registers("mini")["dmfa_jobs"]
    for backend in ("pandas", "polars", "pyarrow"):
        pytest.importorskip(backend)
        frame = kp.synth.registers("mini", backend=backend)["dmfa_jobs"]
        assert type(frame).__module__.split(".")[0] == backend
        assert np.array_equal(np.asarray(frame["wage_ord"]), own["wage_ord"])


def test_the_account_says_how_many_persons_and_which_faults(reg: kp.synth.Registers) -> None:
    text = reg.account.to_json()
    assert "dup_bis" in text
    assert str(len(reg["persons"])) in text


def test_files_keep_the_truth_apart(reg: kp.synth.Registers, tmp_path: Path) -> None:
    reg.to_csv(tmp_path)
    with (tmp_path / "registers" / "identities.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["surname"] for row in rows] == reg["identities"]["surname"].tolist()
    found = {path.stem for path in (tmp_path / "registers").iterdir()}
    assert found == set(reg.names)
    assert {path.stem for path in (tmp_path / "truth").iterdir()} == set(reg.truth)


def test_parquet_is_written_by_the_frame_library(reg: kp.synth.Registers, tmp_path: Path) -> None:
    polars = pytest.importorskip("polars")
    reg.to_parquet(tmp_path)
    back = polars.read_parquet(tmp_path / "registers" / "persons.parquet")
    assert back["pid"].to_list() == reg["persons"]["pid"].tolist()


def test_registers_pickle(reg: kp.synth.Registers) -> None:
    back = pickle.loads(pickle.dumps(reg))
    assert back.names == reg.names
    assert back["permits"] == reg["permits"]
    assert back.truth["att"].columns == reg.truth["att"].columns


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ({"scale": "huge"}, "mini, test, chair"),
        ({"imperfections": ["gremlins"]}, "gremlins"),
        ({"rho": float("nan")}, "rho"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**64}, "seed"),
        ({"backend": "excel"}, "backend"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict[str, object], part: str) -> None:
    with pytest.raises(kp.exceptions.InputError, match=part):
        kp.synth.registers(**arguments)  # type: ignore[arg-type]


def test_tables_that_are_not_there_are_named(reg: kp.synth.Registers) -> None:
    with pytest.raises(KeyError, match="not generated yet"):
        reg["survey_a"]
    with pytest.raises(KeyError, match="there is no table"):
        reg.truth["persons"]
    assert reg.schema("survey_a")[0].name == "sid"
    with pytest.raises(kp.exceptions.InputError):
        reg.schema("gremlins")


def test_an_insz_says_what_it_holds_and_hides_its_digits() -> None:
    number = kp.belgium.insz.parse("93.05.18-223.61")
    assert number.compact == "93051822361"
    assert number.formatted == "93.05.18-223.61"
    assert (number.kind, number.sex, number.century) == ("national", "M", 1900)
    assert number.birth_date == dt.date(1993, 5, 18)
    assert "930518" not in repr(number)
    assert kp.belgium.insz.parse("98.47.28-997.65").kind == "bis"


def test_columns_of_numbers_are_checked_at_once(reg: kp.synth.Registers) -> None:
    assert kp.belgium.insz.is_valid(reg["identities"]["insz"]).all()
    checked = kp.belgium.insz.is_valid(["93051822361", None, "93051822362", 3.5])
    assert checked.tolist() == [True, False, False, False]
    assert kp.belgium.insz.is_valid("93051822361") is True


def test_wrong_numbers_are_refused_without_being_shown() -> None:
    with pytest.raises(kp.exceptions.InputError, match="check digits") as error:
        kp.belgium.insz.parse("93051822362")
    assert "93051822362" not in str(error.value)
    with pytest.raises(kp.exceptions.InputError, match="century"):
        kp.belgium.insz.parse("93051822361", birth_year=2003)
    with pytest.raises(kp.exceptions.InputError, match="leading zeros"):
        kp.belgium.insz.parse(93051822361)  # type: ignore[arg-type]
