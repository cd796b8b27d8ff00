"""What made a result: remembered beside it, from the tables that were read to the last verb.

Public verbs are wrapped once, when the package is imported (:func:`trace`). A call takes down its
verb and options; tables from elsewhere get a fingerprint when they are read (a data frame may
change later, so later would be too late); results of kruispunt are known by what made them and are
not read again. Records lie in a table of their own, by weak reference, so that a result of any
kind has one, data frames of the caller's own kind included, and none keeps data alive.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import sys
import weakref
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from pathlib import PurePath
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from kruispunt import _core

__all__ = ["Input", "Made", "made", "reads", "remember", "trace"]

_MOST = 20
_PRIVATE = frozenset({"people", "ids", "who", "key", "persons", "progress", "backend", "ax"})
"""Options that are not told: they may name persons, or do not touch the result."""


class Input(NamedTuple):
    """A table that came from elsewhere."""

    name: str
    rows: int
    columns: tuple[str, ...]
    fingerprint: str


class Made:
    """One call: its verb, its options, what it read and what it used."""

    __slots__ = ("inputs", "inside", "options", "tables", "uses", "verb")

    def __init__(self, verb: str, *, inside: bool) -> None:
        self.verb = verb
        self.inside = inside
        self.options: dict[str, Any] = {}
        self.inputs: list[Input] = []
        self.uses: list[Made] = []
        self.tables: set[int] = set()
        """Which objects were read as tables: data, whatever they look like."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Give what equal records give, whichever of their texts happen to be one object."""
        options = [(_apart(name), _apart(value)) for name, value in self.options.items()]
        inputs = [tuple(_apart(value) for value in one) for one in self.inputs]
        return (_again, (_apart(self.verb), self.inside, options, inputs, list(self.uses)))

    def use(self, other: Made) -> None:
        """Take note of an earlier result."""
        if other is not self and other not in self.uses:
            self.uses.append(other)

    def read(self, one: Input) -> None:
        """Take note of a table."""
        if one not in self.inputs:
            self.inputs.append(one)

    def absorb(self, inner: Made) -> None:
        """Take over what a call within this one read."""
        self.tables |= inner.tables
        for one in inner.inputs:
            self.read(one)
        for other in inner.uses:
            if not other.inside:
                self.use(other)


def _again(
    verb: str,
    inside: bool,  # noqa: FBT001  a part of what is stored
    options: list[tuple[str, Any]],
    inputs: list[tuple[Any, ...]],
    uses: list[Made],
) -> Made:
    record = Made(verb, inside=inside)
    record.options = dict(options)
    record.inputs = [Input(*one) for one in inputs]
    record.uses = uses
    return record


def _apart(value: Any) -> Any:
    """Copy a value so that no text in it is the object of another: pickles refer to such texts."""
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass").decode("utf-8", "surrogatepass")
    if type(value) in (list, tuple):
        return type(value)(_apart(own) for own in value)
    if type(value) is dict:
        return {_apart(name): _apart(own) for name, own in value.items()}
    return value


_now: ContextVar[Made | None] = ContextVar("kruispunt_call", default=None)
_records: dict[int, tuple[weakref.ref[Any], Made]] = {}


def made(result: object) -> Made | None:
    """Give the record of a result, if it has one."""
    found = _records.get(id(result))
    return found[1] if found is not None and found[0]() is result else None


def remember(result: object, record: Made) -> bool:
    """Keep the record of a result for as long as the result lives; say whether that can be."""
    key = id(result)

    def forget(reference: weakref.ref[Any]) -> None:
        found = _records.get(key)
        if found is not None and found[0] is reference:
            del _records[key]

    try:
        _records[key] = (weakref.ref(result, forget), record)
    except TypeError:  # a plain dictionary, a number, text
        return False
    return True


def reads(data: object, table: _core.Table, argument: str) -> None:
    """Take note that the call under way reads a table."""
    call = _now.get()
    if call is None:
        return
    call.tables.add(id(data))
    known = made(data)
    if known is not None:
        call.use(known)
        if getattr(type(data), "_kruispunt_result", False):
            return  # a caller's data frame may have changed since
    if type(data).__module__.startswith("kruispunt.") and hasattr(data, "__kruispunt_table__"):
        return  # made within this very call
    call.read(Input(argument, len(table), tuple(table.columns), table.fingerprint()))


def _frames() -> tuple[type, ...]:
    kinds = [
        ("pandas", "DataFrame"),
        ("polars", "DataFrame"),
        ("pyarrow", "Table"),
        ("duckdb", "DuckDBPyRelation"),
    ]
    loaded = ((sys.modules.get(package), name) for package, name in kinds)
    found = (getattr(module, name, None) for module, name in loaded if module is not None)
    return tuple(kind for kind in found if isinstance(kind, type))


def _remembers(result: object) -> bool:
    if getattr(type(result), "_kruispunt_result", False):
        return True
    return isinstance(result, _frames())


def traced(function: Callable[..., Any], verb: str, *, makes: bool = False) -> Callable[..., Any]:
    """Wrap a verb so that its result remembers the call; `makes` for constructors."""
    signature: list[inspect.Signature] = []

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        outer = _now.get()
        record = Made(verb, inside=outer is not None)
        token = _now.set(record)
        before = made(args[0]) if args else None
        try:
            result = function(*args, **kwargs)
        finally:
            _now.reset(token)
        own = args[0] if makes else result
        if function.__name__ in _FACES:
            if before is not None and _remembers(own):
                remember(own, before)
            record = Made(verb, inside=True)
        elif _remembers(own):
            if not signature:
                signature.append(inspect.signature(function))
            bound = signature[0].bind(*args, **kwargs)
            bound.apply_defaults()
            if before is not None:
                record.use(before)
            for name, value in bound.arguments.items():
                _note(record, name, value, of=own)
            called = record.options.get("name")
            if isinstance(called, str):
                record.inputs = [
                    one._replace(name=called) if one.name == "data" else one
                    for one in record.inputs
                ]
            remember(own, record)
        if outer is not None:
            outer.absorb(record)
        return result

    return call


def _note(record: Made, name: str, value: object, *, of: object) -> None:
    """Take note of one argument: an earlier result, a table, or an option."""
    if name in {"self", "cls"} or name in _PRIVATE or value is of:
        return
    known = made(value)
    if known is not None:
        record.use(known)
        return
    if isinstance(value, Mapping) and name == _KEYWORDS:
        for own, one in value.items():
            _note(record, own, one, of=of)
        return
    parts = list(value.values()) if isinstance(value, Mapping) else value
    if isinstance(parts, list | tuple):
        for one in parts:
            if (earlier := made(one)) is not None:
                record.use(earlier)
    if id(value) not in record.tables and not _is_data(value):
        record.options[name] = _plain(value)


_KEYWORDS = "options"


def _is_data(value: object) -> bool:
    if isinstance(value, _frames()) or hasattr(value, "__arrow_c_stream__"):
        return True
    if hasattr(value, "__kruispunt_table__") or type(value).__module__.startswith("polars"):
        return True
    return isinstance(value, Mapping) and any(
        hasattr(one, "dtype") or (isinstance(one, list) and len(one) > _MOST)
        for one in value.values()
    )


def _plain(value: object) -> Any:
    """Give an option as JSON holds it, without data."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else str(value)  # noqa: PLR0124
    if isinstance(value, str):
        return value if len(value) <= 500 else f"{value[:200]}... ({len(value)} characters)"
    if isinstance(value, PurePath):
        return value.name
    if isinstance(value, Mapping):
        if len(value) > _MOST:
            return f"{len(value)} entries"
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset | range):
        if len(value) > _MOST:
            return f"{len(value)} values"
        return [_plain(one) for one in value]
    if isinstance(value, FunctionType):
        return f"{value.__qualname__} (source {_source(value)})"
    if hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        return _plain(value.item())
    if hasattr(value, "shape"):
        return f"array of shape {tuple(value.shape)}"
    text = repr(value)
    return text if len(text) <= 200 and " at 0x" not in text else type(value).__qualname__


def _source(function: FunctionType) -> str:
    try:
        text = inspect.getsource(function)
    except (OSError, TypeError):
        return "not at hand"
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _revive(record: Made, function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    result = function(*args)
    remember(result, record)
    return result


def _reduce(self: object, protocol: int) -> Any:
    """Let a record travel with a pickle."""
    parts = object.__reduce_ex__(self, protocol)
    record = made(self)
    if record is None or isinstance(parts, str):
        return parts
    function, args, *rest = parts
    return (_revive, (record, function, args), *rest)


def trace(
    package: ModuleType,
    rooms: list[ModuleType],
    results: list[type],
    doors: list[type],
) -> None:
    """Wrap the public verbs of the package.

    Parameters
    ----------
    package, rooms : module
        Where public functions stand; all names that ``__all__`` lists are wrapped, in every module
        of the package that holds them.
    results : list of type
        What remembers, beside all exported classes that show themselves and can be referred to
        weakly; all their public methods that give such a result, or a table, are wrapped.
    doors : list of type
        Results that callers make themselves, by the name of the class.
    """
    wrapped: dict[int, Callable[..., Any]] = {}
    for room in (package, *rooms):
        for name in room.__all__:
            function = getattr(room, name)
            if isinstance(function, FunctionType) and name not in _SILENT:
                own = name if room is package else f"{room.__name__.split('.')[-1]}.{name}"
                wrapped[id(function)] = traced(function, own)
    own_modules = [own for name, own in sys.modules.items() if name.startswith("kruispunt.")]
    for module in [*own_modules, package]:
        for name, value in list(vars(module).items()):
            if id(value) in wrapped:
                setattr(module, name, wrapped[id(value)])
    exported = [vars(room).get(name) for room in (package, *rooms) for name in room.__all__]
    shown = [own for own in exported if isinstance(own, type) and is_result(own)]
    for kind in dict.fromkeys([*results, *shown]):
        _trace_class(kind)
    for kind in doors:
        kind.__init__ = traced(kind.__init__, kind.__name__, makes=True)  # type: ignore[misc]


def is_result(kind: type) -> bool:
    """Whether a class is a result that can remember."""
    own = kind.__name__ not in _TOLD
    return own and hasattr(kind, "_repr_html_") and kind.__weakrefoffset__ != 0


_TOLD = frozenset({"Account", "Bundle", "Manifest", "Picture", "Project", "Report"})
"""What shows itself and is no result: it tells of results, or comes from a file as it is."""


def _trace_class(kind: type) -> None:
    kind._kruispunt_result = True  # type: ignore[attr-defined]
    if "__reduce_ex__" not in vars(kind):
        kind.__reduce_ex__ = _reduce  # type: ignore[method-assign, assignment]
    for name, value in list(vars(kind).items()):
        if name.startswith("_") or name in _SILENT:
            continue
        if isinstance(value, FunctionType):
            setattr(kind, name, traced(value, f"{kind.__name__}.{name}"))
        elif isinstance(value, classmethod):
            inner = traced(value.__func__, f"{kind.__name__}.{name}")
            setattr(kind, name, classmethod(inner))


_FACES = frozenset({"to_pandas", "to_polars", "to_arrow", "to_frame"})
"""Verbs that give the same in another form: it is known by what made the first."""

_SILENT = frozenset(
    {"manifest", "set_threads", "progress", "set_disclosure", "plot", "wrap", "etable"}
)
"""Verbs that make no result of their own, or hand out the same again."""
