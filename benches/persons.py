"""Records of invented persons with the errors of registers, some persons more than once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

ONSETS = [
    "b",
    "d",
    "f",
    "g",
    "h",
    "j",
    "k",
    "l",
    "m",
    "n",
    "p",
    "r",
    "s",
    "t",
    "v",
    "w",
    "z",
    "br",
    "de",
    "van",
    "el",
    "ab",
    "ch",
    "sch",
    "st",
    "kr",
    "oz",
    "yil",
    "ben",
    "al",
]
VOWELS = ["a", "e", "i", "o", "u", "aa", "ee", "ie", "oe", "ou", "ij", "ei"]
ENDS = [
    "",
    *[
        "n",
        "r",
        "s",
        "t",
        "l",
        "k",
        "m",
        "ck",
        "ns",
        "rt",
        "man",
        "sen",
        "oui",
        "di",
        "ane",
        "ma",
        "ter",
        "ens",
        "lar",
    ],
]
LETTERS = "abcdefghijklmnopqrstuvwxyz"
SPELLINGS = ["ij-y", "oe-u", "ou-u", "ch-sj", "sch-sh", "ck-k", "ee-e", "aa-a", "z-s"]


def pool(rng: np.random.Generator, n: int, syllables: list[int]) -> Any:
    """Make `n` different names."""
    out: dict[str, None] = {}
    while len(out) < n:
        count = int(rng.choice(syllables))
        word = "".join(
            ONSETS[rng.integers(len(ONSETS))] + VOWELS[rng.integers(len(VOWELS))]
            for _ in range(count)
        )
        word += ENDS[rng.integers(len(ENDS))]
        if len(word) > 2:
            out[word] = None
    return np.array(list(out), dtype=object)


def draw(rng: np.random.Generator, names: Any, skew: float, shift: int, n: int) -> Any:
    """Draw `n` of `names`, the first most often."""
    weight = 1.0 / (np.arange(len(names)) + shift) ** skew
    place = np.searchsorted(np.cumsum(weight / weight.sum()), rng.random(n))
    return names[np.minimum(place, len(names) - 1)]


def typo(rng: np.random.Generator, text: str, letters: str = LETTERS) -> str:
    """Insert, drop, change or swap one letter."""
    if not text:
        return text
    kind, at = int(rng.integers(4)), int(rng.integers(len(text)))
    letter = letters[int(rng.integers(len(letters)))]
    if kind == 0:
        return text[:at] + letter + text[at:]
    if kind == 1:
        return text[:at] + text[at + 1 :]
    if kind == 2:
        return text[:at] + letter + text[at + 1 :]
    at = max(at, 1)
    return text if len(text) < 2 else text[: at - 1] + text[at] + text[at - 1] + text[at + 1 :]


def respell(text: str) -> str:
    """Write the first sound that has another spelling that way."""
    for pair in SPELLINGS:
        one, other = pair.split("-")
        if one in text:
            return text.replace(one, other, 1)
    return text


def persons(n: int, seed: int = 20240601, block: int = 0) -> dict[str, Any]:
    """Make `n` records; ``cluster`` says who each is.

    Other blocks are other persons, their names, postcodes and streets drawn from the same lists.

    Among second and further records of a person: typing errors (names 12 and 14 %, number 4 %),
    other spellings (5 and 6 %), shortened or double names, day and month swapped, wrong digits
    and 1 January in dates of birth, moves (18 %), marriage, first and last name swapped; and
    missing cells everywhere (numbers 45 %).
    """
    rng = np.random.default_rng(seed)
    first, last = pool(rng, 3000, [1, 2]), pool(rng, 30000, [1, 2, 3])
    streets = pool(rng, 8000, [2, 3])
    codes = np.array(
        [f"{code:04d}" for code in rng.choice(np.arange(1000, 9999), 1200, replace=False)]
    )
    codes = codes.astype(object)
    if block:
        rng = np.random.default_rng([seed, block])
    sizes = rng.choice(np.arange(1, 7), p=[0.62, 0.22, 0.09, 0.04, 0.02, 0.01], size=n)
    sizes = sizes[: int(np.searchsorted(np.cumsum(sizes), n)) + 1]
    sizes[-1] -= sizes.sum() - n
    entities = len(sizes)
    days = np.datetime64("1935-01-01") + rng.integers(0, 29000, entities).astype("timedelta64[D]")
    entity = np.repeat(np.arange(entities), sizes)
    again = np.flatnonzero(np.r_[False, entity[1:] == entity[:-1]])
    made = {
        "first_name": draw(rng, first, 0.95, 8, entities),
        "surname": draw(rng, last, 0.85, 20, entities),
        "sex": np.where(rng.random(entities) < 0.5, "M", "F").astype(object),
        "dob": days.astype(str).astype(object),
        "postcode": draw(rng, codes, 0.7, 10, entities),
        "street": draw(rng, streets, 0.6, 10, entities),
        "natid": np.array([f"{x:011d}" for x in rng.integers(0, 10**11, entities)], dtype=object),
    }
    rows = {name: values[entity] for name, values in made.items()}

    def some(share: float) -> Any:
        return again[rng.random(len(again)) < share]

    def spoil(name: str, share: float, how: Any) -> None:
        for row in some(share):
            rows[name][row] = how(rows[name][row])

    def swapped(date: str) -> str:
        year, month, day = date.split("-")
        return f"{year}-{day}-{month}" if int(day) <= 12 else date

    def digit(date: str) -> str:
        at = int(rng.choice([3, 5, 6, 8, 9]))
        return date[:at] + str(int(rng.integers(10))) + date[at + 1 :]

    def number(text: str) -> str:
        return typo(rng, text, "0123456789")

    spoil("first_name", 0.12, lambda text: typo(rng, text))
    spoil("first_name", 0.05, respell)
    spoil("first_name", 0.03, lambda text: text[: max(3, len(text) // 2)])
    spoil("surname", 0.14, lambda text: typo(rng, text))
    spoil("surname", 0.06, respell)
    spoil("surname", 0.02, lambda text: f"{text} {draw(rng, last, 0.85, 20, 1)[0]}")
    spoil("dob", 0.03, swapped)
    spoil("dob", 0.06, digit)
    spoil("dob", 0.01, lambda date: date[:4] + "-01-01")
    spoil("natid", 0.04, number)
    moved = some(0.18)
    rows["postcode"][moved] = draw(rng, codes, 0.7, 10, len(moved))
    rows["street"][moved] = draw(rng, streets, 0.6, 10, len(moved))
    spoil("postcode", 0.03, number)
    spoil("street", 0.10, lambda text: typo(rng, text))
    married = some(0.02)
    rows["surname"][married] = draw(rng, last, 0.85, 20, len(married))
    turned = some(0.02)
    names = rows["first_name"][turned].copy()
    rows["first_name"][turned], rows["surname"][turned] = rows["surname"][turned], names
    missing = {"first_name": 0.01, "surname": 0.005, "sex": 0.02, "dob": 0.02}
    missing |= {"postcode": 0.04, "street": 0.06, "natid": 0.45}
    for name, share in missing.items():
        rows[name][rng.random(n) < share] = None
    order = rng.permutation(n)
    return {
        "unique_id": np.arange(n),
        "cluster": entity[order],
        **{name: values[order] for name, values in rows.items()},
    }


MILLION = 1_000_000


def columns(made: dict[str, Any]) -> Any:
    """Make a table."""
    import pyarrow as pa

    return pa.table(
        {
            name: pa.array(list(values), pa.string() if values.dtype == object else pa.int64())
            for name, values in made.items()
        }
    )


def millions(times: int, path: Path) -> None:
    """Write `times` million records, a million of other persons after the other.

    Names, postcodes and streets are drawn from the same lists, so that pairs by chance grow with
    the square of the rows, as in a longer table. A million is held at a time.
    """
    import pyarrow.parquet as pq

    writer, entities = None, 0
    for block in range(times):
        made = persons(MILLION, block=block)
        made["unique_id"] += block * MILLION
        made["cluster"] += entities
        entities = int(made["cluster"].max()) + 1
        table = columns(made)
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()


def parquet(n: int) -> Path:
    """Write the records once; give the file."""
    import pyarrow.parquet as pq

    path = Path(__file__).parents[1] / "build" / f"persons-{n}.parquet"
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        half = path.with_suffix(".part")
        if n > MILLION and n % MILLION == 0:
            millions(n // MILLION, half)
        else:
            pq.write_table(columns(persons(n)), half)
        half.rename(path)
    return path
