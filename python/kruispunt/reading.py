"""Files of statistical programs become tables: SAS, SPSS, Stata and delimited text."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from kruispunt.exceptions import InputError, MissingPackageError

__all__ = ["read_register"]

_READERS = {
    ".sas7bdat": "read_sas7bdat", ".xpt": "read_xport", ".sav": "read_sav", ".zsav": "read_sav",
    ".por": "read_por", ".dta": "read_dta",
}  # fmt: skip
_TEXT = {".csv", ".txt", ".tsv"}


def read_register(
    file: str | Path,
    *,
    labels: bool = False,
    codes: Mapping[str, int] | None = None,
    decimal_comma: str | Iterable[str] = (),
    encoding: str | None = None,
    columns: Iterable[str] | None = None,
) -> Any:
    r"""Read a register from a file of SAS, SPSS or Stata, or from delimited text.

    The reading itself is done by *pyreadstat* (SAS, SPSS, Stata; ``pip install kruispunt[readers]``)
    or pandas (text); this function settles what such files leave open. Dates come as dates where
    the file says that a column holds them; a column of bare numbers stays one, and
    :class:`kruispunt.Spells` asks for its ``origin``. User-defined missing values are missing.

    Parameters
    ----------
    file : path
        ``.sas7bdat``, ``.xpt``, ``.sav``, ``.zsav``, ``.por``, ``.dta``, or ``.csv``, ``.txt``,
        ``.tsv`` (its separator is found in its first lines).
    labels : bool
        Give the value labels of the file (as categories, in the order of their values) in place of
        the values. Values without a label keep their own text.
    codes : mapping of str to int, optional
        Columns that hold codes and how many characters a code has: numbers and short text are
        filled with leading zeros, ``{"nis": 5, "nace": 5}``. Codes that are longer are an error.
    decimal_comma : str or sequence of str
        Columns of text such as ``1.234,56`` that are numbers. A cell that is none is an error.
    encoding : str, optional
        Of text in the file. By default what the file says; text that says nothing is UTF-8, or else
        CP1252, as Windows programs write it.
    columns : iterable of str, optional
        What to read; everything by default.

    Returns
    -------
    pandas.DataFrame
        One row a row of the file.

    Raises
    ------
    InputError
        If there is no such file, its ending is not one of those above, or a column or a cell is not
        as described. Messages name column and row, never the cell.
    MissingPackageError
        If the package that reads it is not installed.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder, "homes.csv")
    ...     _ = file.write_bytes("pid;nis;rent\n7;1001;1.250,50\n".encode("cp1252"))
    ...     homes = kp.read_register(file, codes={"nis": 5}, decimal_comma="rent")
    >>> homes.to_dict("list")
    {'pid': [7], 'nis': ['01001'], 'rent': [1250.5]}
    """
    path = Path(file)
    ending = path.suffix.lower()
    if ending not in _READERS and ending not in _TEXT:
        known = ", ".join([*_READERS, *sorted(_TEXT)])
        raise InputError(f'`file`: a name that ends in "{ending}"; expected one of {known}')
    if not path.is_file():
        raise InputError(f"`file`: there is no file {path.name}")
    widths = dict(codes or {})
    commas = [decimal_comma] if isinstance(decimal_comma, str) else list(decimal_comma)
    wanted = None if columns is None else list(columns)
    if ending in _TEXT:
        frame = _text(path, [*widths, *commas], encoding, wanted)
    else:
        frame = _statistical(path, _READERS[ending], encoding, wanted, labels=labels)
    for name in [*widths, *commas]:
        if name not in frame.columns:
            have = ", ".join(map(str, frame.columns))
            raise InputError(f'`codes`: there is no column "{name}"; there are {have}')
    for name, width in widths.items():
        frame[name] = _filled(frame[name], name, width)
    for name in commas:
        frame[name] = _numbers(frame[name], name)
    return frame


def _package(name: str, why: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise MissingPackageError(f"{why} needs {name}: pip install kruispunt[readers]") from None


def _statistical(
    path: Path, reader: str, encoding: str | None, columns: list[str] | None, *, labels: bool
) -> Any:
    pyreadstat = _package("pyreadstat", f"reading {path.suffix} files")
    _package("pandas", f"reading {path.suffix} files")
    options: dict[str, Any] = {} if encoding is None else {"encoding": encoding}
    read = getattr(pyreadstat, reader)
    try:
        if columns is not None:
            _, told = read(str(path), metadataonly=True, **options)
            for name in columns:
                if name not in told.column_names:
                    have = ", ".join(told.column_names)
                    raise InputError(f'`columns`: there is no column "{name}"; there are {have}')
            options["usecols"] = columns
        frame, told = read(str(path), **options)
    except pyreadstat.ReadstatError as error:
        raise InputError(f"`file`: {path.name} cannot be read as {path.suffix}: {error}") from None
    if labels:
        for name, own in told.variable_value_labels.items():
            frame[name] = _labelled(frame[name], own)
    return frame


def _labelled(column: Any, labels: Mapping[Any, str]) -> Any:
    pandas = _package("pandas", "value labels")
    values = sorted(column.dropna().unique())
    unlabelled = [value for value in values if value not in labels]
    names = [labels[value] for value in sorted(labels)] + [_plain(value) for value in unlabelled]
    said = column.map({**labels, **{value: _plain(value) for value in unlabelled}})
    return pandas.Categorical(said, categories=list(dict.fromkeys(names)), ordered=False)


def _text(path: Path, as_text: list[str], encoding: str | None, columns: list[str] | None) -> Any:
    pandas = _package("pandas", "reading delimited text")
    encoding = encoding or _encoding(path)
    with path.open(encoding=encoding, newline="") as lines:
        head = lines.readline()
    separator = max(";\t|,", key=head.count)
    names = [name.strip().strip('"') for name in head.rstrip("\r\n").split(separator)]
    names = [name.removeprefix("\ufeff") for name in names]
    for name in columns or ():
        if name not in names:
            raise InputError(
                f'`columns`: there is no column "{name}"; there are {", ".join(names)}'
            )
    text = dict.fromkeys(as_text, str)
    return pandas.read_csv(
        path, sep=separator, encoding=encoding, dtype=text, usecols=columns,
        decimal="." if separator == "," else ",",
    )  # fmt: skip


def _encoding(path: Path) -> str:
    """UTF-8 if the bytes are, else what Windows programs write."""
    with path.open("rb") as file:
        start = file.read(3)
    with path.open(encoding="utf-8") as file:
        try:
            while file.read(1 << 20):
                pass
        except UnicodeDecodeError:
            return "cp1252"
    return "utf-8-sig" if start == b"\xef\xbb\xbf" else "utf-8"


def _plain(value: Any) -> str:
    """Write a code as it was meant: 7.0 is 7."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _filled(column: Any, name: str, width: int) -> Any:
    said = column.map(_plain, na_action="ignore")
    long = said.str.len() > width
    if long.fillna(value=False).any():
        row = int(long.fillna(value=False).to_numpy(dtype=bool).argmax())
        raise InputError(f'`codes`: column "{name}" at row {row} has more than {width} characters')
    return said.str.zfill(width)


def _numbers(column: Any, name: str) -> Any:
    pandas = _package("pandas", "decimal commas")
    if column.dtype.kind in "iuf":
        return column
    said = column.str.strip().str.replace(r"[.\u00a0\u202f ](?=\d{3}(\D|$))", "", regex=True)
    numbers = pandas.to_numeric(said.str.replace(",", ".", regex=False), errors="coerce")
    bad = numbers.isna() & column.notna() & (said != "")
    if bad.any():
        row = int(bad.to_numpy(dtype=bool).argmax())
        raise InputError(
            f'`decimal_comma`: column "{name}" at row {row} is not a number such as 1.234,56'
        )
    return numbers
