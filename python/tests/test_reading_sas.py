"""Files of SAS, made here byte by byte, come in as they were meant.

No package writes `.sas7bdat`. The little writer below follows the public description of the format
(M. Shotwell, *SAS7BDAT Database Binary Format*, 2011) for tables without compression; two readers that
know nothing of it, ReadStat's and that of pandas, must agree on what it wrote.
"""

from __future__ import annotations

import datetime as dt
import struct
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import kruispunt as kp
from kruispunt.exceptions import InputError

pytest.importorskip("pyreadstat")

MAGIC = bytes.fromhex("000000000000000000000000c2ea8160b31411cfbd92080009c7318c181f1011")
MISSING = bytes.fromhex("0000000000feffff")
ENCODINGS = {"utf-8": 20, "latin-1": 29, "cp1252": 62}
PAGE, HEAD, META, DATA = 4096, 24, 0, 256
Column = tuple[str, int, str]
"""Name, bytes of text (0 for a number), format."""


def subheaders(columns: list[Column], rows: int, width: int) -> list[bytes]:
    """What a file says of its columns: sizes, names and formats as text, and where each stands."""
    text = bytearray(8)

    def stored(word: str) -> tuple[int, int, int]:
        at = len(text) if word else 0
        text.extend(word.encode("ascii"))
        return (0, at, len(word))

    names = [stored(name) for name, _, _ in columns]
    formats = [stored(form) for _, _, form in columns]
    size = bytearray(b"\xf7" * 4 + bytes(476))
    struct.pack_into("<II", size, 20, width, rows)
    struct.pack_into("<I", size, 36, len(columns))
    struct.pack_into("<I", size, 52, PAGE)
    name = b"\xff" * 4 + bytes(8)
    attribute = b"\xfc\xff\xff\xff" + bytes(8)
    at = 0
    for place, (_, length, _) in zip(names, columns, strict=True):
        name += struct.pack("<HHHH", *place, 0)
        attribute += struct.pack("<IIHBB", at, length or 8, 4, 2 if length else 1, 0)
        at += length or 8
    parts = [b"\xfd\xff\xff\xff" + bytes(text), name, attribute]
    told = []
    for part in parts:
        own = bytearray(part + bytes(8))
        struct.pack_into("<H", own, 4, len(own) - 12)
        told.append(bytes(own))
    for place in formats:
        own = bytearray(b"\xfe\xfb\xff\xff" + bytes(48))
        struct.pack_into("<HHH", own, 34, *place)
        told.append(bytes(own))
    return [bytes(size), b"\xf6" * 4 + struct.pack("<II", len(columns), 0), *told]


def write(path: Path, columns: list[Column], rows: list[tuple], encoding: str = "cp1252") -> Path:
    width = sum(length or 8 for _, length, _ in columns)
    fits = (PAGE - HEAD) // width
    header = bytearray(1024)
    header[:32] = MAGIC
    header[37], header[39], header[70] = 1, ord("2"), ENCODINGS[encoding]
    header[84:92] = b"SAS FILE"
    header[92:156] = b"DELIVERY".ljust(64)
    header[156:164] = b"DATA    "
    struct.pack_into("<III", header, 196, len(header), PAGE, 1 + -(-len(rows) // fits))
    header[216:224] = b"9.0401M1"
    page = bytearray(PAGE)
    told = subheaders(columns, len(rows), width)
    struct.pack_into("<HHH", page, 16, META, len(told), len(told))
    end = PAGE
    for at, own in enumerate(told):
        end -= len(own)
        page[end : end + len(own)] = own
        struct.pack_into("<II", page, HEAD + 12 * at, end, len(own))
    pages = [header, page]
    for first in range(0, len(rows), fits):
        some = rows[first : first + fits]
        page = bytearray(PAGE)
        struct.pack_into("<HHH", page, 16, DATA, len(some), 0)
        at = HEAD
        for row in some:
            for (_, length, _), cell in zip(columns, row, strict=True):
                if length:
                    page[at : at + length] = cell.encode(encoding).ljust(length)
                else:
                    page[at : at + 8] = MISSING if cell is None else struct.pack("<d", cell)
                at += length or 8
        pages.append(page)
    path.write_bytes(b"".join(pages))
    return path


def day(year: int, month: int, date: int) -> int:
    """Days since 1 January 1960, as SAS counts."""
    return (dt.date(year, month, date) - dt.date(1960, 1, 1)).days


COLUMNS: list[Column] = [
    ("pid", 0, ""), ("start", 0, "DATE"), ("seen", 0, "DATETIME"), ("nis", 0, ""), ("naam", 12, ""),
    ("loon", 0, ""),
]  # fmt: skip
ROWS = [
    (7, day(2012, 1, 1), 86_400.0 * day(2012, 1, 1) + 3_661, 1001, "Müller", 1234.56),
    (7, day(2012, 2, 29), None, 44021, "Çelik", None),
    (9, day(1959, 12, 31), 0.0, None, "", -7.0),
    (11, None, 86_400.0 * day(2016, 12, 31), 11002, "d'Hôtel", 0.0),
]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_dates_codes_and_letters_of_sas(encoding: str, tmp_path: Path) -> None:
    path = write(tmp_path / "delivery.sas7bdat", COLUMNS, ROWS, encoding)
    got = kp.read_register(path, codes={"nis": 5})
    assert list(got.columns) == [name for name, _, _ in COLUMNS]
    assert got["pid"].tolist() == [7, 7, 9, 11]
    days = [None if pd.isna(own) else pd.Timestamp(own).date() for own in got["start"]]
    assert days == [dt.date(2012, 1, 1), dt.date(2012, 2, 29), dt.date(1959, 12, 31), None]
    moments = pd.to_datetime(got["seen"])
    assert moments[0] == pd.Timestamp("2012-01-01 01:01:01")
    assert pd.isna(moments[1])
    assert moments[2] == pd.Timestamp("1960-01-01")
    assert [None if pd.isna(own) else own for own in got["nis"]] == [
        "01001",
        "44021",
        None,
        "11002",
    ]
    assert got["naam"].fillna("").tolist() == ["Müller", "Çelik", "", "d'Hôtel"]
    np.testing.assert_array_equal(got["loon"], [1234.56, np.nan, -7.0, 0.0])
    days_only = got.drop(columns="seen").dropna(subset="start")
    spells = kp.Spells(days_only, person="pid", day="start", carry=["nis"])
    assert spells.to_frame()["pid"].tolist() == [7, 7, 9]


def test_many_pages_are_read_as_another_reader_reads_them(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    n = 2_000
    rows = [
        (float(pid), float(start), None, float(nis), f"naam {pid}", float(pay))
        for pid, start, nis, pay in zip(
            range(n), rng.integers(15_000, 20_000, n), rng.integers(1_000, 99_999, n),
            rng.normal(size=n), strict=True,
        )
    ]  # fmt: skip
    path = write(tmp_path / "large.sas7bdat", COLUMNS, rows)
    assert path.stat().st_size > 20 * PAGE
    got = kp.read_register(path)
    other = pd.read_sas(path, encoding="cp1252")
    assert len(got) == len(other) == n
    for name in ("pid", "nis", "loon"):
        np.testing.assert_array_equal(got[name], other[name])
        np.testing.assert_array_equal(
            got[name], [row[COLUMNS.index((name, 0, ""))] for row in rows]
        )
    assert got["naam"].tolist() == other["naam"].tolist()
    assert (pd.to_datetime(got["start"]) == other["start"]).all()
    some = kp.read_register(path, columns=["loon", "pid"])
    assert sorted(some.columns) == ["loon", "pid"]
    assert some["loon"].tolist() == got["loon"].tolist()


def test_files_of_sas_that_are_cut_short_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "cut.sas7bdat", COLUMNS, ROWS)
    whole = path.read_bytes()
    for size in (10, 200, 1024, 1024 + PAGE // 2):
        path.write_bytes(whole[:size])
        for columns in (None, ["pid"]):
            with pytest.raises(InputError, match="cannot be read"):
                kp.read_register(path, columns=columns)
