"""Broken and hostile Arrow producers get an exception, never a crash."""

from __future__ import annotations

import ctypes
import gc
import threading

import numpy as np
import pyarrow as pa
import pytest

import kruispunt as kp
from kruispunt._frames import to_table
from kruispunt.exceptions import InputError


class Producer:
    """Hands out whatever it was given."""

    def __init__(self, handed: object) -> None:
        self.handed = handed

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        if isinstance(self.handed, Exception):
            raise self.handed
        return self.handed


def capsule(name: bytes | None) -> object:
    new = ctypes.pythonapi.PyCapsule_New
    new.restype, new.argtypes = (
        ctypes.py_object,
        [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p],
    )
    memory = ctypes.create_string_buffer(256)
    capsule.kept = (memory, name)  # type: ignore[attr-defined] # a capsule borrows both
    return new(ctypes.addressof(memory), name, None)


@pytest.mark.parametrize(
    "handed",
    [None, 3, "x", capsule(b"arrow_schema"), capsule(b"dltensor"), capsule(None)],
    ids=["none", "number", "text", "another structure", "another protocol", "without a name"],
)
def test_what_is_not_a_stream_is_refused(handed: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        to_table(Producer(handed))


def test_a_released_stream_is_refused() -> None:
    zeros = capsule(b"arrow_array_stream")
    with pytest.raises(TypeError, match="released"):
        to_table(Producer(zeros))


def test_an_exception_of_the_producer_is_its_own() -> None:
    with pytest.raises(ZeroDivisionError):
        to_table(Producer(ZeroDivisionError()))


def test_a_producer_that_fails_midway_is_reported() -> None:
    schema = pa.schema({"x": pa.int64()})

    def batches():
        yield pa.RecordBatch.from_pydict({"x": [1]}, schema)
        raise RuntimeError("the disk is full")

    reader = pa.RecordBatchReader.from_batches(schema, batches())
    with pytest.raises(TypeError, match="the disk is full"):
        to_table(reader)


def test_a_reader_is_read_batch_by_batch() -> None:
    schema = pa.schema({"x": pa.int64(), "s": pa.string()})
    batches = (
        pa.RecordBatch.from_pydict({"x": [n, None], "s": ["a", str(n)]}, schema) for n in range(50)
    )
    table = kp.Table(pa.RecordBatchReader.from_batches(schema, batches))
    assert len(table) == 100
    assert table["s"][-1] == "49"


def test_an_array_that_is_no_table_is_refused() -> None:
    with pytest.raises(InputError, match="not columns"):
        to_table(pa.array([1, 2]))
    assert kp.Table(pa.array([{"x": 1}, {"x": 2}]))["x"].tolist() == [1, 2]


def test_rows_that_are_null_as_a_whole_are_refused() -> None:
    with pytest.raises(InputError, match="null as a whole"):
        to_table(pa.array([{"x": 1}, None]))


@pytest.mark.parametrize("values", [["a"], [5], []])
@pytest.mark.parametrize("code", [9, -3])
def test_codes_beyond_the_dictionary_are_refused(values: list[object], code: int) -> None:
    kind = pa.int64() if values == [5] else pa.string()
    codes = pa.array([0, code], pa.int8())
    array = pa.DictionaryArray.from_arrays(codes, pa.array(values, kind), safe=False)
    with pytest.raises(InputError, match='"x" holds a dictionary with damaged codes'):
        to_table(pa.table({"x": array}))


@pytest.mark.parametrize("as_dictionary", [False, True])
def test_text_in_another_encoding_is_refused(as_dictionary: bool) -> None:
    offsets = pa.py_buffer(np.array([0, 1, 7], dtype="i4").tobytes())
    array = pa.StringArray.from_buffers(2, offsets, pa.py_buffer("aMünchx".encode("latin-1")))
    if as_dictionary:
        array = pa.DictionaryArray.from_arrays(pa.array([0, 1], pa.int8()), array)
    with pytest.raises(InputError, match=r'"name" holds .*not UTF-8'):
        to_table(pa.table({"name": array}))


def test_memory_goes_back_to_its_owner() -> None:
    before = pa.total_allocated_bytes()
    for _ in range(20):
        table = kp.Table(pa.table({"x": pa.array(np.arange(100_000)), "s": ["a"] * 100_000}))
        out = table.to_arrow()
        assert out["x"][-1].as_py() == 99_999
        del table, out
    gc.collect()
    assert pa.total_allocated_bytes() - before < 1_000_000


def test_a_capsule_nobody_reads_is_freed() -> None:
    table = kp.Table({"x": np.arange(1000.0)})
    for _ in range(1000):
        table.__arrow_c_stream__()
        table.__arrow_c_schema__()
    assert pa.schema(table).names == ["x"]


def test_threads_may_read_the_same_table() -> None:
    frame = pa.table({"x": np.arange(50_000), "s": [str(n % 97) for n in range(50_000)]})
    tables: list[kp.Table] = []
    threads = [threading.Thread(target=lambda: tables.append(kp.Table(frame))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(tables) == 8
    assert all(table == tables[0] for table in tables)
