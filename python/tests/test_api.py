"""Every name has a home, and the home is described."""

from __future__ import annotations

import ast
import inspect
import pkgutil
from pathlib import Path

import pytest

import kruispunt as kp
from kruispunt import _core

PACKAGE = Path(kp.__file__).parent
STUB = ast.parse((PACKAGE / "_core.pyi").read_text(encoding="utf-8"))


def _stubbed() -> set[str]:
    names = set()
    for node in STUB.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return names


def _native() -> set[str]:
    return {name for name in vars(_core) if not name.startswith("__")}


def test_every_native_name_has_a_stub_and_every_stub_a_native() -> None:
    assert _native() == _stubbed()


def test_every_native_name_has_a_home() -> None:
    """A native that no Python module uses is dead."""
    sources = "".join(path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
    homeless = {name for name in _native() if f"_core.{name}" not in sources}
    assert homeless <= {"_rehearse"}


def test_every_public_name_exists_once_and_in_order_of_its_room() -> None:
    assert len(kp.__all__) == len(set(kp.__all__))
    for name in kp.__all__:
        assert hasattr(kp, name), name


def _public() -> list[tuple[str, object]]:
    found = []
    for module in pkgutil.iter_modules([str(PACKAGE)]):
        if module.name.startswith("_"):
            continue
        loaded = __import__(f"kruispunt.{module.name}", fromlist=["__all__"])
        found += [
            (f"{module.name}.{name}", getattr(loaded, name))
            for name in getattr(loaded, "__all__", ())
        ]
    return found


@pytest.mark.parametrize(("name", "thing"), _public(), ids=[name for name, _ in _public()])
def test_every_public_thing_says_what_it_is(name: str, thing: object) -> None:
    if not inspect.isclass(thing) and not inspect.isfunction(thing):
        pytest.skip("a name for a type")
    assert inspect.getdoc(thing), f"{name} has no docstring"
    if inspect.isclass(thing):
        for method, function in vars(thing).items():
            if not method.startswith("_") and inspect.isfunction(function):
                assert function.__doc__, f"{name}.{method} has no docstring"


def test_every_module_says_what_is_public() -> None:
    for path in PACKAGE.rglob("*.py"):
        assert "__all__" in path.read_text(encoding="utf-8"), path.name


def test_importing_is_quick_and_brings_no_optional_package() -> None:
    import subprocess
    import sys

    probe = (
        "import sys, kruispunt; "
        "print([name for name in ('pandas', 'polars', 'pyarrow', 'duckdb', 'matplotlib', 'scipy')"
        " if name in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
    assert out.stderr == ""
