"""Bad input through the Python door: an error that says where and what, and shows nobody."""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

import kruispunt as kp
from kruispunt.exceptions import InputError, KruispuntError, LinkageError

SECRET = "SECRET-93051822361"
NUMBER = 93051822361
NAN = float("nan")

JOBS: dict[str, list[Any]] = {
    "pid": [SECRET, SECRET, "b", "c"],
    "start": ["2012-01-01", "2012-03-01", "2012-01-01", "2012-05-05"],
    "end": ["2012-02-29", None, "2012-12-31", "2012-08-08"],
    "status": ["employee", "jobseeker", "student", SECRET],
    "wage": [80.0, None, 120.0, 90.0],
}
QUARTERS: dict[str, list[Any]] = {
    "pid": [SECRET, SECRET, "b", "b"] * 5,
    "quarter": [f"20{10 + row // 4}Q{1 + row % 2}" for row in range(20)],
    "wage": [float(10 + row * 7 % 11) for row in range(20)],
    "age": [float(20 + row * row % 13) for row in range(20)],
    "w": [1.0] * 20,
}
PEOPLE: dict[str, list[Any]] = {
    "surname": [
        f"{name} {row // 4}" for row, name in enumerate(["Maes", "Diallo", "Nowak", SECRET] * 10)
    ],
    "birth": [f"19{50 + row % 40}-0{1 + row % 9}-03" for row in range(40)],
    "insz": [str(NUMBER + row) for row in range(40)],
}


def frame(of: dict[str, list[Any]], **cells: list[Any]) -> pl.DataFrame:
    return pl.DataFrame({**of, **cells}, strict=False)


def jobs(**cells: list[Any]) -> kp.Spells:
    data = frame(JOBS, **cells)
    return kp.Spells(data, person="pid", start="start", end="end", state="status")


def panel(**cells: list[Any]) -> kp.Panel:
    return kp.Panel(frame(QUARTERS, **cells), person="pid", period="quarter")


def linker() -> kp.linkage.Linker:
    c = kp.linkage
    return c.Linker([c.name("surname", tf=True), c.date("birth")], [["surname"], ["birth"]])


def fit(data: Any, fml: str = "wage ~ age | pid", **more: Any) -> kp.Fit:
    return kp.feols(fml, data, **more)


def drop(of: dict[str, list[Any]], name: str) -> pl.DataFrame:
    return frame(of).drop(name)


people = frame(PEOPLE)
spoiled = [*QUARTERS["wage"][:7], NAN, *QUARTERS["wage"][8:]]
infinite = [*QUARTERS["wage"][:7], float("inf"), *QUARTERS["wage"][8:]]
no_quarter = [*QUARTERS["quarter"][:3], SECRET, *QUARTERS["quarter"][4:]]
spell: dict[str, Any] = {"person": "pid", "start": "start", "end": "end"}
history = {"old": ["x", SECRET, "b"], "new": [SECRET, "b", SECRET]}

Case = tuple[str, Callable[[], Any], list[str]]
CASES: list[Case] = [
    # a column that is not there
    ("spells lack a column", lambda: kp.Spells(drop(JOBS, "end"), **spell), ["`end`", '"end"']),
    ("panel lacks a column", lambda: kp.Panel(drop(QUARTERS, "quarter"), person="pid", period="quarter"), ["`period`", '"quarter"']),
    ("fit lacks a column", lambda: fit(drop(QUARTERS, "age")), ['"age"']),
    ("weights lack a column", lambda: fit(frame(QUARTERS), weights="x"), ['"x"']),
    ("clusters lack a column", lambda: fit(frame(QUARTERS), vcov={"CRV1": "x"}), ['"x"']),
    ("left lacks a column", lambda: linker().train(drop(PEOPLE, "birth"), people), ["`left`", '"birth"']),
    ("right lacks a column", lambda: linker().train(people, drop(PEOPLE, "birth")), ["`right`", '"birth"']),
    ("a key is not there", lambda: kp.linkage.key_link(people, people, "pid"), ["`left`", '"pid"']),
    ("a lag of nothing", lambda: panel().lag("nothing"), ['"nothing"']),
    # the wrong type
    ("booleans for persons", lambda: jobs(pid=[True] * 4), ["`person`", '"pid"', "booleans", "identifiers"]),
    ("numbers for days", lambda: jobs(start=[NUMBER] * 4), ["`start`", "whole numbers", "dates"]),
    ("no date", lambda: jobs(start=[*JOBS["start"][:2], SECRET, None]), ["`start`", "row 2", "date"]),
    ("text for an outcome", lambda: fit(frame(QUARTERS, wage=[SECRET] * 20)), ['"wage"', "text", "numbers"]),
    ("text for weights", lambda: fit(frame(QUARTERS, w=[SECRET] * 20), weights="w"), ["`weights`", "numbers"]),
    ("text for a number", lambda: kp.linkage.Linker([kp.linkage.numeric("surname", 1)], [["birth"]]).train(people, people), ['"surname"', "numbers"]),
    ("a negative key", lambda: kp.linkage.key_link({"insz": [1, -NUMBER]}, people, "insz"), ['"insz"', "row 1"]),
    ("a mask of text", lambda: panel().filter([SECRET] * 20), ["`mask`", "truth values"]),
    # spells and quarters
    ("an inverted spell", lambda: jobs(end=["2012-02-29", None, "2011-12-31", None]), ["`end`", "row 2", "before it starts"]),
    ("nobody", lambda: jobs(pid=["a", None, "b", "c"]), ["`person`", "row 1", "identifier"]),
    ("a quarter that does not parse", lambda: panel(quarter=no_quarter), ["`period`", '"quarter"', "row 3", "2012Q1"]),
    ("a calendar that does not parse", lambda: kp.Calendar.quarters("2012Q5", "2013Q1"), ["`first`", "2012Q1"]),
    ("a calendar beyond time", lambda: kp.Calendar.quarters("2012Q1", "9999Q4"), ["`last`", "9998"]),
    # keys that occur twice
    ("a person twice in a quarter", lambda: panel(quarter=["2012Q1"] * 20), ["`table`", "rows 0 and 1"]),
    ("a person twice", lambda: panel().attach_person({"pid": ["b", SECRET, SECRET], "sex": [1, 2, 2]}), ["`table`", "rows 1 and 2"]),
    ("a key twice", lambda: kp.linkage.key_link(people, {"insz": ["a", SECRET, SECRET]}, "insz"), ["`right`", "rows 1 and 2"]),
    ("a circle of keys", lambda: kp.linkage.key_link(people, people, "insz", history=history), ["`history`", "[1, 2]"]),
    # no rows
    ("no spells", lambda: kp.Spells(frame(JOBS).clear(), **spell), ["no rows"]),
    ("no panel", lambda: kp.Panel(frame(QUARTERS).clear(), person="pid", period="quarter"), ["no rows"]),
    ("no sample", lambda: fit(frame(QUARTERS).clear()), ["`data`", "no rows"]),
    ("no left rows", lambda: linker().train(people.clear(), people), ["`left`", "no rows"]),
    ("no right rows", lambda: linker().train(people, people.clear()), ["`right`", "no rows"]),
    ("no keys", lambda: kp.linkage.key_link(people, people.clear(), "insz"), ["`right`", "no rows"]),
    # numbers that are none
    ("NaN in y", lambda: fit(frame(QUARTERS, wage=spoiled)), ['"wage"', "row 7", "finite", "null"]),
    ("NaN in x", lambda: fit(frame(QUARTERS, age=spoiled)), ['"age"', "row 7", "finite", "null"]),
    ("infinity in y", lambda: fit({**QUARTERS, "wage": np.array(infinite)}), ['"wage"', "row 7", "finite"]),
    ("NaN in weights", lambda: fit(frame(QUARTERS, w=spoiled), weights="w"), ["`weights`", '"w"', "row 7"]),
    ("a weight of 0", lambda: fit(frame(QUARTERS, w=[0.0] * 20), weights="w"), ["`weights`", "row 0", "above 0"]),
    ("NaN in a wage", lambda: jobs(wage=[1.0, NAN, 1.0, 1.0]).resolve("-wage"), ["`order`", '"wage"', "row 1"]),
    # arguments
    ("no formula", lambda: fit(frame(QUARTERS), "wage ~ age +"), ["`fml`", "^"]),
    ("no level", lambda: fit(frame(QUARTERS), "wage ~ i(age, ref=999)"), ["999", '"age"']),
    ("not trained", lambda: linker().link(people, people), ["train"]),
    ("no threshold", lambda: linker().train(people, people).link(people, people, threshold=2.0), ["`threshold`"]),
    ("no draws", lambda: kp.linkage.Linker([kp.linkage.name("surname")], [["birth"]], draws=0), ["`draws`"]),
    ("a stored linker", lambda: kp.linkage.Linker.from_json('{"version": 1, "linker": "' + SECRET + '"}'), ["stored linker"]),
    ("a lag of minus one", lambda: panel().lag("wage", -1), ["`k`"]),
]  # fmt: skip


def refused(run: Callable[[], Any]) -> KruispuntError:
    with pytest.raises(KruispuntError) as caught:
        run()
    shown = (
        f"{caught.value} {caught.value!r} {caught.value.__cause__!r} {caught.value.__context__!r}"
    )
    for secret in (SECRET, SECRET.lower(), str(NUMBER)):
        assert secret not in shown
    return caught.value


@pytest.mark.parametrize(
    ("run", "says"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_bad_input_is_refused_by_name_and_shows_nobody(
    run: Callable[[], Any], says: list[str]
) -> None:
    error = refused(run)
    assert isinstance(error, InputError)
    for part in says:
        assert part in str(error)
    # and the interpreter works on
    assert fit(frame(QUARTERS)).coef()["age"] == pytest.approx(fit(frame(QUARTERS)).coef()["age"])


def test_blocking_columns_without_a_value_are_the_rooms_error() -> None:
    nothing = people.with_columns(pl.lit(None, dtype=pl.String).alias("surname"))
    nothing = nothing.with_columns(pl.lit(None, dtype=pl.String).alias("birth"))
    for run in (lambda: linker().train(nothing, people), lambda: linker().train(nothing)):
        error = refused(run)
        assert isinstance(error, LinkageError | InputError)
        assert "`blocking`" in str(error)
        assert "40 of 40 left rows" in str(error)


def test_collinear_levels_are_not_listed() -> None:
    data = frame(QUARTERS, age=[1.0] * 20)
    error = refused(lambda: fit(data, "wage ~ C(pid) | pid"))
    assert "C(pid)" in str(error)


def test_odd_text_goes_through() -> None:
    texts = ["", " ", "\0", "e\u0301\u0327", "\u202eحسن", "👩‍👩‍👧‍👦", "x" * 100_000, SECRET]
    data = pl.DataFrame({"pid": texts, "quarter": ["2012Q1"] * 8, "wage": range(8)})
    made = kp.Panel(data, person="pid", period="quarter")
    assert sorted(made.to_frame()["pid"].to_list()) == sorted(texts)
    for error in (lambda: made.lag(texts[5]), lambda: fit(data, f"wage ~ `{texts[4]}`")):
        assert isinstance(refused(error), InputError)


def cells(native: Any) -> bytes:
    """The bytes of a table as Arrow writes them: the same bits, and nothing else, are equal."""
    table = pa.table(native)
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return sink.getvalue()


def twins(one: Any) -> list[Any]:
    protocols = range(2, pickle.HIGHEST_PROTOCOL + 1)
    return [pickle.loads(pickle.dumps(one, protocol)) for protocol in protocols] + [
        copy.copy(one),
        copy.deepcopy(one),
    ]


def test_spells_timelines_and_panels_round_trip_bit_for_bit() -> None:
    spells = jobs()
    timeline = spells.resolve(["-wage"])
    quarters = kp.Calendar.quarters("2012Q1", "2012Q4")
    made = timeline.to_panel(quarters, days=True, sum=["wage"], spread="daily").lag("wage")
    for one in (spells, timeline, made, panel()):
        for twin in twins(one):
            assert type(twin) is type(one)
            assert twin == one
            assert cells(twin.__kruispunt_table__()) == cells(one.__kruispunt_table__())
            assert twin.account == one.account
            assert pickle.dumps(twin) == pickle.dumps(one)
    assert all(twin == quarters for twin in twins(quarters))


def test_linkers_and_links_round_trip_bit_for_bit() -> None:
    trained = linker().train(people, people)
    links = trained.link(people, people)
    for twin in [*twins(trained), kp.linkage.Linker.from_json(trained.to_json())]:
        assert twin.to_json() == trained.to_json()
        assert cells(twin.link(people, people).native.pairs()) == cells(links.native.pairs())
    for links_twin in twins(links):
        assert cells(links_twin.native.pairs()) == cells(links.native.pairs())
        assert links_twin.account == links.account
        assert cells(links_twin.native.waterfall(0)) == cells(links.native.waterfall(0))


def test_fits_round_trip_bit_for_bit() -> None:
    # a fit without effects holds NaN (its within R2), which has bits too
    for fml in ("wage ~ age | pid", "wage ~ age"):
        one = fit(frame(QUARTERS), fml, vcov={"CRV1": "pid"} if "|" in fml else "hetero")
        for twin in twins(one):
            assert twin.resid().tobytes() == one.resid().tobytes()
            assert twin.vcov_matrix().tobytes() == one.vcov_matrix().tobytes()
            assert list(twin.coef()) == list(one.coef())
            assert (
                np.array(list(twin.se().values())).tobytes()
                == np.array(list(one.se().values())).tobytes()
            )
            assert twin.account == one.account
            assert pickle.dumps(twin) == pickle.dumps(one)


def test_registers_round_trip_bit_for_bit() -> None:
    reg = kp.synth.registers("mini", seed=1)
    for twin in twins(reg):
        assert twin.names == reg.names
        for name in reg:
            assert cells(twin[name]) == cells(reg[name])


@pytest.mark.parametrize(
    "make",
    [jobs, panel, lambda: linker().train(people, people).native, lambda: fit(frame(QUARTERS))],
)
def test_pickles_cut_short_are_refused(make: Callable[[], Any]) -> None:
    one = make()
    native = getattr(one, "native", one)
    rebuild, (data,) = native.__reduce__()
    for end in range(0, len(data) - 1, max(1, len(data) // 40)):
        error = refused(lambda end=end: rebuild(data[:end]))  # type: ignore[misc]
        assert "pickle" in str(error)
