"""Files of other programs, made here, come in as they were meant."""

from __future__ import annotations

import datetime as dt
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import kruispunt as kp
from kruispunt.exceptions import BreakWarning, InputError, MissingPackageError

pyreadstat = pytest.importorskip("pyreadstat")

ROWS = pd.DataFrame(
    {
        "pid": [7.0, 7.0, 9.0, 11.0],
        "start": [dt.date(2012, 1, 1), dt.date(2012, 2, 29), dt.date(1959, 12, 31), None],
        "nis": [1001.0, 44021.0, np.nan, 11002.0],
        "status": [1.0, 2.0, 3.0, 1.0],
        "naam": ["Müller", "Çelik", "", "d'Hôtel"],
    }
)
LABELS = {"status": {1: "werkend", 2: "werkzoekend"}}


def write(kind: str, folder: Path) -> Path:
    path = folder / f"delivery.{kind}"
    if kind == "dta":
        pyreadstat.write_dta(ROWS, str(path), variable_value_labels=LABELS)
    elif kind == "xpt":
        pyreadstat.write_xport(ROWS, str(path))
    else:
        pyreadstat.write_sav(ROWS, str(path), variable_value_labels=LABELS)
    return path


@pytest.mark.parametrize("kind", ["sav", "dta", "xpt"])
def test_dates_codes_and_letters_survive_each_program(kind: str, tmp_path: Path) -> None:
    got = kp.read_register(write(kind, tmp_path), codes={"nis": 5})
    assert got["nis"].tolist()[:2] == ["01001", "44021"]
    assert pd.isna(got["nis"][2])
    assert [pd.Timestamp(day).date() for day in got["start"][:3]] == ROWS["start"].tolist()[:3]
    assert pd.isna(got["start"][3])
    assert got["naam"].tolist()[:2] == ["Müller", "Çelik"]
    spells = kp.Spells(got.dropna(subset="start"), person="pid", day="start", carry=["nis"])
    assert spells.to_frame()["pid"].tolist() == [7, 7, 9]


@pytest.mark.parametrize("kind", ["sav", "dta"])
def test_value_labels_are_categories_in_the_order_of_their_values(
    kind: str, tmp_path: Path
) -> None:
    path = write(kind, tmp_path)
    assert kp.read_register(path)["status"].tolist() == [1, 2, 3, 1]
    said = kp.read_register(path, labels=True)["status"]
    assert said.tolist() == ["werkend", "werkzoekend", "3", "werkend"]
    assert list(said.cat.categories) == ["werkend", "werkzoekend", "3"]


def test_user_missing_values_of_spss_are_missing(tmp_path: Path) -> None:
    path = tmp_path / "missing.sav"
    pyreadstat.write_sav(
        pd.DataFrame({"pid": [1.0, 2.0], "wage": [99.0, 1200.0]}), str(path),
        missing_ranges={"wage": [99]},
    )  # fmt: skip
    assert np.isnan(kp.read_register(path)["wage"][0])


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8", "utf-8-sig"])
def test_text_with_commas_zeros_and_letters_of_windows(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "loon.csv"
    said = "pid;nis;loon;naam;uren\n1;01001;1.234,56;Müller;38,5\n2;1002;-7;Çelik;\n3;;;é;19\n"
    path.write_bytes(said.encode(encoding))
    got = kp.read_register(path, codes={"nis": 5}, decimal_comma="loon")
    assert got["nis"].tolist()[:2] == ["01001", "01002"]
    assert pd.isna(got["nis"][2])
    assert got["loon"].tolist()[:2] == [1234.56, -7.0]
    assert np.isnan(got["loon"][2])
    assert got["uren"].tolist()[::2] == [38.5, 19.0]
    assert got["naam"].tolist() == ["Müller", "Çelik", "é"]
    assert list(kp.read_register(path, columns=["pid"]).columns) == ["pid"]


def test_what_cannot_be_read_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.csv"
    path.write_text("pid;nis;loon\n1;123456;1,2,3\n", encoding="ascii")
    with pytest.raises(InputError, match='"nis" at row 0 has more than 5') as error:
        kp.read_register(path, codes={"nis": 5})
    assert "123456" not in str(error.value)
    with pytest.raises(InputError, match='"loon" at row 0 is not a number'):
        kp.read_register(path, decimal_comma=["loon"])
    with pytest.raises(InputError, match='no column "x"'):
        kp.read_register(path, codes={"x": 5})
    with pytest.raises(InputError, match='no column "x"'):
        kp.read_register(path, columns=["x"])
    with pytest.raises(InputError, match="no file"):
        kp.read_register(tmp_path / "b.dta")
    with pytest.raises(InputError, match=r'ends in "\.xlsx"'):
        kp.read_register(tmp_path / "b.xlsx")
    broken = tmp_path / "broken.sav"
    broken.write_bytes(b"no such thing")
    with pytest.raises(InputError, match="cannot be read"):
        kp.read_register(broken)
    monkeypatch.setitem(__import__("sys").modules, "pyreadstat", None)
    with pytest.raises(MissingPackageError, match="readers"):
        kp.read_register(write_sav_elsewhere(tmp_path))


def write_sav_elsewhere(folder: Path) -> Path:
    path = folder / "c.sav"
    pyreadstat.write_sav(pd.DataFrame({"pid": [1.0]}), str(path))
    return path


@pytest.mark.parametrize(
    ("origin", "number"),
    [
        ("unix", 15400), ("sas", 19053), ("stata", 19053), ("excel", 40969), ("excel1904", 39507),
        ("2012-01-01", 60),
    ],
)  # fmt: skip
def test_days_as_numbers_need_an_origin(origin: str, number: int) -> None:
    """The same day in each program: 1 March 2012."""
    rows = {"pid": [1, 2], "from": [number, number + 1], "to": [float(number), np.nan]}
    with pytest.raises(InputError, match=r'"from" holds whole numbers.*origin'):
        kp.Spells(rows, person="pid", start="from", end="to")
    spells = kp.Spells(rows, person="pid", start="from", end="to", origin=origin).to_frame()
    assert [str(day) for day in spells["from"]] == ["2012-03-01", "2012-03-02"]
    assert [str(day) for day in spells["to"]] == ["2012-03-01", "NaT"]


def test_numbers_that_are_no_days_are_refused_with_their_row() -> None:
    for bad in (1.5, 1e12, float("inf")):
        rows = {"pid": [1, 2], "day": [19000.0, bad]}
        with pytest.raises(InputError, match='"day" at row 1'):
            kp.Spells(rows, person="pid", day="day", origin="sas")
    with pytest.raises(InputError, match="`origin`"):
        kp.Spells({"pid": [1], "day": [1]}, person="pid", day="day", origin="lotus")


def test_panels_warn_of_spells_over_a_break_by_name() -> None:
    job = {
        "pid": [7, 8], "start": ["2016-07-01", "2017-02-01"], "end": ["2017-06-30", "2017-06-30"],
        "matric": ["a", "a"],
    }  # fmt: skip
    breaks = {"dibiss": "2017-01-01", "nomenclature": "2003-01-01"}
    jobs = kp.Spells(job, person="pid", start="start", end="end", name="jobs", breaks=breaks)
    years = kp.Calendar.years(2016, 2017)
    for source in (jobs, jobs.clip(years), jobs.resolve("start")):
        with pytest.warns(BreakWarning, match="dibiss: 1 spells of jobs") as told:
            source.to_panel(years, days=True)
        assert len(told) == 1
    walk = {"old": ["a", "a"], "new": ["a", "z"], "from": [None, "2017-01-01"],
            "to": ["2016-12-31", None]}  # fmt: skip
    recoded = jobs.crosswalk("matric", walk, code="old", to="new", valid_from="from", valid_to="to")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        recoded.to_panel(years, days=True)
        jobs.breaks(breaks, on_break="cut").to_panel(years, days=True)
    stacked = kp.Spells.stack([jobs, kp.Spells(job, person="pid", day="start", name="other")])
    with pytest.warns(BreakWarning, match="dibiss"):
        stacked.to_panel(years, days=True)


def test_mixed_calendars_are_refused_by_name() -> None:
    mixed = {"pid": [1, 2], "period": ["2012Q1", "2012-03"]}
    with pytest.raises(InputError, match='`period`: column "period" at row 1 is not a quarter'):
        kp.Spells(mixed, person="pid", period="period")
    with pytest.raises(InputError, match="at row 1 is not a quarter"):
        kp.Panel(mixed, person="pid", period="period")
    months = {"pid": [1], "period": pd.PeriodIndex(["2012-03"], freq="M")}
    with pytest.raises(InputError, match="quarter"):
        kp.Spells(months, person="pid", period="period", unit="quarter")
