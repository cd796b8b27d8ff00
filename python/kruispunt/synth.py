"""Synthetic Belgian registers with known truth, for examples, tests and teaching."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from kruispunt import _core
from kruispunt._progress import Callback, reporting
from kruispunt._shown import said
from kruispunt.account import Account
from kruispunt.exceptions import InputError, MissingPackageError
from kruispunt.table import Table

__all__ = ["Field", "Registers", "Truth", "imperfections", "registers"]

Backend: TypeAlias = Literal["polars", "pandas", "pyarrow"]

_BACKENDS = ("polars", "pandas", "pyarrow")
_LARGEST_SEED = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a register.

    Attributes
    ----------
    name : str
        Its name.
    kind : str
        ``"int"``, ``"float"``, ``"date"``, ``"quarter"``, ``"year"``, ``"code"`` or ``"text"``.
    codes : dict of str to str
        For codes: what each means.
    unit : str
        The unit; empty where there is none.
    description : str
        What it says, and when it is missing.
    """

    name: str
    kind: str
    codes: dict[str, str]
    unit: str
    description: str


class _Tables(Mapping[str, Any]):
    """Tables by name, in the kind of data frame asked for."""

    def __init__(self, world: _core.World, backend: Backend | None) -> None:
        self._world = world
        self._backend: Backend | None = backend

    def _native(self, name: str) -> _core.Table:
        raise NotImplementedError

    def _names(self) -> list[str]:
        raise NotImplementedError

    def __getitem__(self, name: str) -> Any:
        if name not in self._names():
            # A mapping says KeyError; the message lists what there is.
            try:
                self._native(name)
            except InputError as error:
                raise KeyError(str(error)) from None
        table = Table.wrap(self._native(name))
        match self._backend:
            case "polars":
                return table.to_polars()
            case "pandas":
                return table.to_pandas()
            case "pyarrow":
                return table.to_arrow()
            case None:
                return table

    def __iter__(self) -> Iterator[str]:
        return iter(self._names())

    def __len__(self) -> int:
        return len(self._names())


class Truth(_Tables):
    """What no register knows, by name: ``att``, ``links``, ``latent``, ``params`` and others."""

    def _native(self, name: str) -> _core.Table:
        return self._world.truth(name)

    def _names(self) -> list[str]:
        return self._world.truth_names

    def __repr__(self) -> str:
        return f"<truth: {', '.join(self)}>"

    def _repr_html_(self) -> str:
        return said(self)


class Registers(_Tables):
    """Synthetic registers, by name of the table; made by :func:`registers`.

    Attributes
    ----------
    names : list of str
        The tables, in the order of the documentation.
    truth : Truth
        The truth, by name.
    account : Account
        Persons, rows and the imperfections there are.
    """

    def _native(self, name: str) -> _core.Table:
        return self._world.table(name)

    def _names(self) -> list[str]:
        return self._world.names

    @property
    def names(self) -> list[str]:
        """The tables, in the order of the documentation."""
        return self._names()

    @property
    def truth(self) -> Truth:
        """What no register knows."""
        return Truth(self._world, self._backend)

    @property
    def account(self) -> Account:
        """Persons, rows and the imperfections there are."""
        return Account.from_json(self._world.account())

    def schema(self, name: str) -> list[Field]:
        """Describe the columns of a register or truth table, also of one not generated yet.

        Raises
        ------
        InputError
            If there is no such table.
        """
        fields = json.loads(_core.synth_schema(name))["fields"]
        return [Field(**{**field, "codes": dict(field["codes"])}) for field in fields]

    def to_csv(self, folder: str | Path) -> None:
        """Write ``registers/<name>.csv`` and ``truth/<name>.csv`` in a folder.

        Raises
        ------
        OSError
            If a file cannot be written.
        """
        self._world.write_csv(Path(folder))

    def to_parquet(self, folder: str | Path) -> None:
        """Write ``registers/<name>.parquet`` and ``truth/<name>.parquet`` in a folder.

        pyarrow, polars or DuckDB writes them, whichever is installed.

        Raises
        ------
        MissingPackageError
            If none of them is installed.
        """
        write = _parquet_writer()
        for part, tables in (("registers", self), ("truth", self.truth)):
            target = Path(folder) / part
            target.mkdir(parents=True, exist_ok=True)
            for name in tables:
                write(Table.wrap(tables._native(name)), target / f"{name}.parquet")

    def __repr__(self) -> str:
        persons = len(self._native("persons"))
        return (
            f"<registers: scale {self._world.scale}, seed {self._world.seed}, {persons:,} persons, "
            f"{len(self)} tables>"
        )

    def _repr_html_(self) -> str:
        return said(self)

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return Registers, (self._world, self._backend)


def _parquet_writer() -> Any:
    if importlib.util.find_spec("pyarrow"):
        from pyarrow import parquet

        return lambda table, path: parquet.write_table(table.to_arrow(), path)
    if importlib.util.find_spec("polars"):
        return lambda table, path: table.to_polars().write_parquet(path)
    if importlib.util.find_spec("duckdb"):
        import duckdb

        def write(table: Table, path: Path) -> None:
            rows = table  # noqa: F841 - DuckDB finds it by its name
            duckdb.sql("from rows").write_parquet(str(path))

        return write
    message = "Parquet needs pyarrow, polars or duckdb; install one of them, or use to_csv"
    raise MissingPackageError(message)


def imperfections() -> dict[str, str]:
    """Name the faults that registers can have, and what each does.

    Examples
    --------
    >>> kp.synth.imperfections()["open_vdab_spells"]
    'Registrations that ended were never closed.'
    """
    return dict(_core.synth_imperfections())


def registers(
    scale: str = "mini",
    seed: int = 1,
    *,
    imperfections: str | Sequence[str] = "all",
    rho: float = 0.0,
    rollout: Literal["some", "all"] = "some",
    integration: bool = False,
    backend: Backend | None = None,
    progress: bool | Callback | None = None,
) -> Registers:
    """Make synthetic registers of 2005 to 2016, with the truth about them.

    Every person lives in three worlds with the same draws: the one the registers show, one
    without programmes, and one in which the person's own first training does not start in its
    quarter. The true effect of a training is the difference between worlds.

    Parameters
    ----------
    scale : {"mini", "test", "chair", "bench", "stress"}
        About 200 persons, 5,000, 45,000 (17,991 focal persons and the members of their
        households), 300,000 or 2 million. Smaller worlds are the beginning of larger ones.
    seed : int
        The seed, 0 or more; the same seed gives the same bits on any number of threads.
    imperfections : {"all", "none"} or sequence of str
        Which faults the registers have; see :func:`imperfections`.
    rho : float
        How much the start of a training depends on unobserved attachment to work, -5 to 5; with
        0, selection is on observables. With `integration`, registering as a job-seeker too.
    rollout : {"some", "all"}
        Whether a quarter of the municipalities never takes up the local service, or these take it
        up like the others, so that nobody is left to compare with in the end. Nothing else depends
        on it.
    integration : bool
        Whether a civic-integration programme changes careers: who signs a contract registers sooner
        as a job-seeker and finds work sooner also apart from that; ``truth["integration"]`` says how
        much runs through registering. Without it, worlds are those of before to the last bit.
    backend : {"polars", "pandas", "pyarrow"}, optional
        The kind of data frame the tables come as; by default :class:`kruispunt.Table`.
    progress : bool or callable, optional
        See :func:`kruispunt.progress`.

    Returns
    -------
    Registers
        The tables by name.

    Raises
    ------
    InputError
        If an argument is not one of these.

    Examples
    --------
    >>> reg = kp.synth.registers("mini", seed=1)
    >>> reg["nomenc"].columns
    ['quarter', 'pid', 'nomenc']
    >>> sorted(reg.truth)[:3]
    ['asylum', 'att', 'employer_effects']
    """
    if backend is not None and backend not in _BACKENDS:
        message = f'`backend`: "{backend}" is none of {", ".join(_BACKENDS)}'
        raise InputError(message)
    given: object = seed
    whole = isinstance(given, int) and not isinstance(given, bool)
    if not whole or not 0 <= seed <= _LARGEST_SEED:
        message = "`seed` must be a whole number from 0 to 2^64 - 1"
        raise InputError(message)
    names: list[str] | None
    match imperfections:
        case "all":
            names = None
        case "none":
            names = []
        case str():
            names = [imperfections]
        case _:
            names = list(imperfections)
    with reporting(progress) as callback:
        world = _core.World.build(
            scale, seed, names, float(rho), (rollout, bool(integration)), callback
        )
    return Registers(world, backend)
