"""Any table in, the same kind out."""

from __future__ import annotations

import copy
import datetime as dt
import decimal
import pickle

import duckdb
import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import kruispunt as kp
from kruispunt import _core, _frames
from kruispunt._frames import to_frame, to_table
from kruispunt.exceptions import InputError, KruispuntError

DAYS = [dt.date(2012, 3, 31), None, dt.date(1899, 12, 31)]
CELLS = {
    "person": [7, 7, 9],
    "wage": [101.5, None, 120.25],
    "name": ["Jansen", None, "Çelik-Øst 李"],
    "start": DAYS,
    "trained": [True, None, False],
}


def cells(table: _core.Table) -> dict[str, list[object]]:
    arrays = kp.Table.wrap(table).to_dict()
    return {name: _plain(array) for name, array in arrays.items()}


def _plain(array: np.ndarray) -> list[object]:
    if array.dtype.kind == "M":
        return [None if np.isnat(day) else day.item() for day in array]
    return [None if isinstance(v, float) and np.isnan(v) else v for v in array.tolist()]


def pandas_frame(**kinds: str) -> pd.DataFrame:
    frame = pd.DataFrame(CELLS)
    frame["start"] = pd.to_datetime(frame["start"]).astype("datetime64[s]")
    frame["trained"] = frame["trained"].astype("boolean")
    return frame.astype(kinds)


KINDS = {
    "pandas": pandas_frame,
    "pandas nullable": lambda: pandas_frame(person="Int32", wage="Float64"),
    "pandas on arrow": lambda: pa.table(CELLS).to_pandas(types_mapper=pd.ArrowDtype),
    "polars": lambda: pl.DataFrame(CELLS),
    "polars lazy": lambda: pl.LazyFrame(CELLS),
    "pyarrow": lambda: pa.table(CELLS),
    "pyarrow batch": lambda: pa.RecordBatch.from_pydict(CELLS),
    "duckdb": lambda: duckdb.from_arrow(pa.table(CELLS)),
    "narwhals": lambda: nw.from_native(pl.DataFrame(CELLS)),
    "mapping": lambda: dict(CELLS),
    "mapping of series": lambda: pl.DataFrame(CELLS).to_dict(),
    "kruispunt": lambda: kp.Table(CELLS),
    "native": lambda: to_table(CELLS),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_table_reads_the_same(kind: str) -> None:
    assert cells(to_table(KINDS[kind]())) == CELLS


@pytest.mark.parametrize("kind", KINDS)
def test_columns_come_in_the_order_asked_for(kind: str) -> None:
    table = to_table(KINDS[kind](), ["start", "person"])
    assert table.columns == ["start", "person"]
    assert cells(table) == {"start": DAYS, "person": [7, 7, 9]}


@pytest.mark.parametrize("kind", KINDS)
def test_a_column_that_is_not_there_is_named_with_those_that_are(kind: str) -> None:
    with pytest.raises(
        InputError, match='`jobs`: there is no column "loon"; the table has "person", "wage"'
    ):
        to_table(KINDS[kind](), ["person", "loon"], "jobs")


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_kind_comes_out(kind: str) -> None:
    like = KINDS[kind]()
    out = to_frame(to_table(like), like)
    expected = {"polars lazy": pl.DataFrame, "native": kp.Table}.get(kind, type(like))
    assert isinstance(out, expected)
    again = cells(to_table(out))
    assert again == CELLS


def test_without_pyarrow_pandas_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pandas_frame(wage="float32")
    frame["sector"] = pd.Categorical(["b", None, "a"], categories=["b", "a", "c"])
    frame["level"] = pd.Categorical([3, None, 1])
    frame["quarter"] = pd.PeriodIndex(["2012Q1", "NaT", "2016Q4"], freq="Q")
    frame["month"] = pd.PeriodIndex(["2012-01", "1969-12", "NaT"], freq="M")
    frame["year"] = pd.PeriodIndex(["2012", "1969", "2000"], freq="Y")
    frame["utc"] = pd.to_datetime(frame["start"]).dt.tz_localize("UTC")
    frame["mixed"] = pd.Series([1, None, 2], dtype=object)
    with_it = to_table(frame)
    monkeypatch.setattr(_frames, "_installed", lambda name: None)
    without = to_table(frame)
    assert cells(with_it) == cells(without)
    for name in ("sector", "quarter", "month", "year", "person", "wage", "start", "name"):
        assert with_it.column(name).kind == without.column(name).kind, name
    assert cells(without)["sector"] == ["b", None, "a"]
    assert cells(without)["quarter"] == ["2012Q1", None, "2016Q4"]
    assert cells(without)["level"] == [3, None, 1]
    assert without.column("sector").levels() == ["b", "a", "c"]


def test_named_index_levels_of_pandas_are_columns_and_row_numbers_are_not() -> None:
    frame = pd.DataFrame(CELLS).set_index(["person"])
    assert to_table(frame, ["person", "wage"]).columns == ["person", "wage"]
    assert to_table(pd.DataFrame(CELLS, index=[5, 6, 7])).columns == list(CELLS)
    with pytest.raises(InputError, match='"person" occurs twice'):
        to_table(pd.DataFrame(CELLS).set_index("person", drop=False))


@pytest.mark.parametrize(
    "kind",
    ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"],
)
def test_whole_numbers_of_every_width_are_whole_numbers(kind: str) -> None:
    values = np.array([0, 1, 100], dtype=kind)
    for data in (
        {"n": values},
        pd.DataFrame({"n": values}),
        pl.DataFrame({"n": values}),
        pa.table({"n": values}),
    ):
        column = to_table(data).column("n")
        assert (column.kind, column.values().tolist()) == ("int", [0, 1, 100])


@pytest.mark.parametrize("kind", ["float16", "float32", "float64"])
def test_real_numbers_of_every_width_are_real_numbers(kind: str) -> None:
    array = pa.array(np.array([0.5, np.nan, -2.0], dtype=kind))
    column = to_table(pa.table({"x": array})).column("x")
    assert column.kind == "float"
    assert column.valid() is None, "NaN is not missing"
    np.testing.assert_array_equal(column.values(), [0.5, np.nan, -2.0])


def test_nan_is_missing_where_pandas_says_so_and_only_there() -> None:
    values = np.array([1.0, np.nan])
    assert to_table(pd.DataFrame({"x": values})).column("x").valid().tolist() == [True, False]
    assert to_table({"x": values}).column("x").valid() is None
    assert to_table(pl.DataFrame({"x": values})).column("x").valid() is None


@pytest.mark.parametrize("row", [0, 3])
def test_whole_numbers_beyond_63_bits_are_refused_with_their_row(row: int) -> None:
    values = np.zeros(5, dtype=np.uint64)
    values[row] = 2**63
    chunked = pa.chunked_array([pa.array(values[:2]), pa.array(values[2:])])
    for data in ({"insz": values}, pa.table({"insz": chunked}), pd.DataFrame({"insz": values})):
        with pytest.raises(InputError, match=f'"insz" at row {row} is not a whole number below'):
            to_table(data)


@pytest.mark.parametrize("index", [pa.int8(), pa.uint8(), pa.int32(), pa.uint32(), pa.int64()])
@pytest.mark.parametrize("text", [pa.string(), pa.large_string(), pa.string_view()])
def test_dictionaries_of_any_index_are_categories(index: pa.DataType, text: pa.DataType) -> None:
    values = pa.array(["low", "high", None, "unused"], text)
    array = pa.DictionaryArray.from_arrays(pa.array([1, 0, None, 2, 1], index), values)
    column = to_table(pa.table({"level": array})).column("level")
    assert column.kind == "category"
    assert cells(to_table(pa.table({"level": array})))["level"] == [
        "high",
        "low",
        None,
        None,
        "high",
    ]
    assert column.levels() == ["low", "high", "unused"]


def test_chunks_with_dictionaries_of_their_own_agree_on_the_codes() -> None:
    chunks = [pa.array(part).dictionary_encode() for part in (["a", "b"], ["b", None, "c"], [])]
    chunks[2] = pa.array([], pa.string()).dictionary_encode()
    table = to_table(pa.table({"x": pa.chunked_array(chunks)}))
    assert cells(table)["x"] == ["a", "b", "b", None, "c"]
    assert table.column("x").levels() == ["a", "b", "c"]


def test_dictionaries_of_numbers_and_dates_are_looked_up() -> None:
    numbers = pa.chunked_array(
        [pa.array([5, None, 7]).dictionary_encode(), pa.array([7, 9]).dictionary_encode()]
    )
    days = pa.chunked_array([pa.array([*DAYS, DAYS[0], DAYS[0]], pa.date32()).dictionary_encode()])
    table = to_table(pa.table({"n": numbers, "day": days}))
    assert cells(table) == {"n": [5, None, 7, 7, 9], "day": [*DAYS, DAYS[0], DAYS[0]]}


def test_empty_and_all_null_dictionaries_are_read() -> None:
    array = pa.DictionaryArray.from_arrays(
        pa.array([None, None], pa.int8()), pa.array([], pa.string())
    )
    assert cells(to_table(pa.table({"x": array})))["x"] == [None, None]
    numbers = pa.DictionaryArray.from_arrays(
        pa.array([None, None], pa.int8()), pa.array([], pa.int64())
    )
    assert cells(to_table(pa.table({"x": numbers})))["x"] == [None, None]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_timestamps_at_midnight_are_days(unit: str) -> None:
    days = [dt.datetime(2012, 3, 31), None, dt.datetime(1899, 12, 31)]
    array = pa.array(days, pa.timestamp(unit))
    assert cells(to_table(pa.table({"day": array})))["day"] == DAYS
    late = pa.array([*days, dt.datetime(2012, 3, 31, 1)], pa.timestamp(unit))
    with pytest.raises(
        InputError, match='"day" at row 3 is not a day; cut the time of day off first'
    ):
        to_table(pa.table({"day": late}))


def test_timestamps_in_another_zone_are_refused_rather_than_shifted() -> None:
    array = pa.array([dt.datetime(2012, 3, 31)], pa.timestamp("us", "Europe/Brussels"))
    with pytest.raises(InputError, match="turn them into local dates first"):
        to_table(pa.table({"day": array}))
    utc = pa.array([dt.datetime(2012, 3, 31)], pa.timestamp("us", "UTC"))
    assert cells(to_table(pa.table({"day": utc})))["day"] == DAYS[:1]


def test_other_types_are_read_or_refused_by_name() -> None:
    decimals = pa.array([decimal.Decimal("1.10"), None, decimal.Decimal("-3.25")])
    table = to_table(
        pa.table({"wage": decimals, "nothing": pa.nulls(3), "d": pa.array(DAYS, pa.date64())})
    )
    assert cells(table) == {"wage": [1.1, None, -3.25], "nothing": [None] * 3, "d": DAYS}
    for wide in (pa.decimal128(38, 30), pa.decimal256(60, 2)):
        array = pa.array([decimal.Decimal("0.1"), None]).cast(wide)
        assert cells(to_table(pa.table({"x": array}))) == {"x": [0.1, None]}
    for array in (
        pa.array([[1], [2]]),
        pa.array([b"x"]),
        pa.array([{"a": 1}]),
        pa.array([dt.timedelta(1)]),
    ):
        with pytest.raises(
            InputError, match=r'`jobs`: column "x" holds .*, which kruispunt does not read'
        ):
            to_table(pa.table({"x": array}), None, "jobs")


def test_slices_and_chunks_are_read_where_they_stand() -> None:
    whole = pa.table({name: pa.array(values * 7) for name, values in CELLS.items()})
    sliced = whole.slice(4, 9)
    assert cells(to_table(sliced)) == {
        name: values.to_pylist()
        for name, values in zip(sliced.column_names, sliced.columns, strict=True)
    }
    chunked = pa.concat_tables([whole.slice(1, 3), whole.slice(0, 0), whole.slice(2, 11)])
    assert cells(to_table(chunked)) == chunked.to_pydict()
    frame = pl.concat([pl.DataFrame(CELLS)[1:], pl.DataFrame(CELLS)], rechunk=False)
    assert cells(to_table(frame)) == frame.to_dict(as_series=False)


def test_empty_tables_keep_their_columns() -> None:
    for kind in ("pandas", "polars", "pyarrow"):
        like = KINDS[kind]()[:0]
        table = to_table(like)
        assert (len(table), table.columns) == (0, list(CELLS))
        assert len(to_frame(table, like)) == 0
    assert to_table({}).columns == []


def test_numbers_and_dates_are_not_copied() -> None:
    wage = np.arange(1000.0)
    array = pa.array(wage)
    address = array.buffers()[1].address
    assert to_table(pa.table({"x": array})).column("x").address == address
    assert to_table(pa.table({"x": array.slice(10)})).column("x").address == address + 80
    series = pl.Series("x", np.arange(1000))
    assert to_table(pl.DataFrame([series])).column("x").address == series.to_numpy().ctypes.data
    frame = pd.DataFrame({"x": wage}, copy=False)
    shared = frame["x"].to_numpy().ctypes.data
    assert to_table(frame).column("x").address == shared
    days = pa.array(np.arange(5).astype("datetime64[D]"))
    assert to_table(pa.table({"x": days})).column("x").address == days.buffers()[1].address


def test_numbers_and_dates_leave_without_a_copy() -> None:
    table = kp.Table({"x": np.arange(4.0), "n": np.arange(4), "d": np.arange(4).astype("M8[D]")})
    out = table.to_arrow()
    for name in table.columns:
        address = out[name].chunk(0).buffers()[1].address
        assert address == table.native.column(name).address


def test_lent_memory_outlives_the_table() -> None:
    array = kp.Table({"x": np.arange(100_000.0)}).to_arrow()["x"]
    values = kp.Table(pa.table({"x": pa.array(np.arange(100_000.0))}))
    assert array.to_numpy()[-1] == 99_999
    assert values["x"][-1] == 99_999


def test_a_stream_can_be_read_once_and_a_table_often() -> None:
    table = kp.Table(CELLS)
    capsule = table.__arrow_c_stream__()

    class Once:
        def __arrow_c_stream__(self, requested_schema: object = None) -> object:
            return capsule

    assert cells(to_table(Once())) == CELLS
    with pytest.raises(TypeError, match="released"):
        to_table(Once())
    assert cells(to_table(table)) == CELLS


def test_periods_leave_as_ordered_categories() -> None:
    quarter = _core.Column.periods(np.array([8051, 8048, 8051], dtype=np.int32), "quarter")
    table = kp.Table.wrap(_core.Table.from_columns([("q", quarter)]))
    assert table["q"].tolist() == ["2012Q4", "2012Q1", "2012Q4"]
    assert table.to_arrow()["q"].type.ordered
    assert table.to_arrow()["q"].to_pylist() == ["2012Q4", "2012Q1", "2012Q4"]
    assert table.to_pandas()["q"].cat.ordered
    assert table.to_pandas()["q"].min() == "2012Q1"
    assert table.to_polars()["q"].to_list() == ["2012Q4", "2012Q1", "2012Q4"]
    assert cells(to_table(table.to_pandas()))["q"] == ["2012Q4", "2012Q1", "2012Q4"]


@pytest.mark.parametrize(
    "data", [None, 3, "jobs.csv", [1, 2], pd.Series([1]), np.zeros((2, 2)), object()]
)
def test_what_is_no_table_is_refused_with_what_would_be(data: object) -> None:
    with pytest.raises(KruispuntError) as caught:
        to_table(data, argument="jobs")
    assert "jobs" in str(caught.value)


def test_messages_never_show_a_cell() -> None:
    secret = "Janssens"
    for values in ([1, secret], [secret, dt.date(2012, 1, 1)], [1.5, secret, b"x"]):
        for data in ({"x": values}, pd.DataFrame({"x": pd.Series(values, dtype=object)})):
            with pytest.raises(InputError, match='column "x"') as caught:
                to_table(data)
            assert secret not in str(caught.value)
            assert caught.value.__cause__ is None


def test_lengths_and_names_must_agree() -> None:
    with pytest.raises(InputError, match='"wage" has 3 rows; expected 2'):
        to_table({"person": [1, 2], "wage": [1.0, 2.0, 3.0]})
    with pytest.raises(InputError, match="names are text"):
        to_table({1: [1, 2]})
    with pytest.raises(InputError, match="names are text"):
        to_table(pd.DataFrame({0: [1, 2]}))
    with pytest.raises(InputError, match='"x" occurs twice'):
        to_table(pa.table([pa.array([1]), pa.array([2])], names=["x", "x"]))


def test_structured_and_masked_arrays_are_read() -> None:
    rows = np.array(
        [(7, 101.5, "a"), (9, 99.0, "é")], dtype=[("person", "i4"), ("wage", "f4"), ("name", "U5")]
    )
    assert cells(to_table(rows)) == {"person": [7, 9], "wage": [101.5, 99.0], "name": ["a", "é"]}
    assert to_frame(to_table(rows), rows).dtype.names == rows.dtype.names
    masked = np.ma.masked_array([1, 2, 3], mask=[False, True, False])
    assert cells(to_table({"n": masked}))["n"] == [1, None, 3]


def test_native_tables_pickle_and_copy() -> None:
    quarter = _core.Column.periods(
        np.array([8051, 8048, 0], dtype=np.int32), "quarter", np.array([True, True, False])
    )
    native = to_table(
        CELLS | {"nan": [float("nan"), 1.0, 2.0], "c": pd.Categorical(["b", "a", "b"])}
    )
    native = _core.Table.from_columns(
        [*((n, native.column(n)) for n in native.columns), ("q", quarter)]
    )
    table = kp.Table.wrap(native)
    assert cells(pickle.loads(pickle.dumps(native))) == cells(native)
    again = pickle.loads(pickle.dumps(table))
    assert isinstance(again, kp.Table)
    assert cells(again.native) == cells(native)
    assert cells(copy.deepcopy(table).native) == cells(native)
    assert again.native.column("c").kind == "category"


def test_a_pickle_of_another_format_is_refused() -> None:
    restore, (data,) = to_table(CELLS).__reduce__()
    assert cells(restore(data)) == CELLS
    for damaged in (b"", b"\xff" + data[1:], data[:9]):
        with pytest.raises(InputError, match="pickle"):
            restore(damaged)


def test_tables_show_themselves(tmp_path) -> None:
    table = kp.Table(CELLS | {"code": ["<b>", "x,y", 'q"']})
    assert "3 rows x 6 columns" in repr(table)
    assert "&lt;b&gt;" in table._repr_html_()
    assert "<b>" not in table._repr_html_()
    table.to_csv(tmp_path / "out.csv")
    back = pl.read_csv(tmp_path / "out.csv", try_parse_dates=True)
    assert back["code"].to_list() == ["<b>", "x,y", 'q"']
    assert back["start"].to_list() == DAYS
    assert table.shape == (3, 6)
    assert list(table) == table.columns
    assert "wage" in table
    assert len(kp.Table({"n": range(25)}).__repr__().splitlines()) == 14


def test_a_missing_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "polars", None)
    with pytest.raises(kp.exceptions.MissingPackageError, match="pip install polars"):
        kp.Table(CELLS).to_polars()
