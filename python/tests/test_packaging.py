"""What is built, and what the check of a wheel refuses."""

from __future__ import annotations

import importlib.util
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SPEC = importlib.util.spec_from_file_location("wheel", ROOT / ".ci" / "wheel.py")
wheel = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(wheel)

NAMES = [
    "kruispunt/_core.abi3.so",
    "kruispunt/_core.pyi",
    "kruispunt/py.typed",
    "kruispunt-0.1.0.dist-info/licenses/THIRD-PARTY.txt",
    "kruispunt-0.1.0.dist-info/licenses/LICENSE-MIT",
    "kruispunt-0.1.0.dist-info/licenses/LICENSE-APACHE",
]
GOOD = "kruispunt-0.1.0-cp311-abi3-manylinux2014_x86_64.whl"


def _wheel(folder: Path, name: str, names: list[str], content: bytes = b"x") -> Path:
    path = folder / name
    with zipfile.ZipFile(path, "w") as archive:
        for member in names:
            archive.writestr(member, content)
    return path


def test_a_good_wheel_passes(tmp_path: Path) -> None:
    assert wheel.problems(_wheel(tmp_path, GOOD, NAMES), 25) == []


@pytest.mark.parametrize(
    ("name", "names", "problem"),
    [
        ("kruispunt-0.1.0-cp311-cp311-linux_x86_64.whl", NAMES, "not an abi3 wheel"),
        (GOOD, [*NAMES, "kruispunt/tests/test_x.py"], "does not belong"),
        (GOOD, [*NAMES, "kruispunt/people.csv"], "does not belong"),
        (GOOD, NAMES[1:], "_core.abi3.so is missing"),
        (GOOD, NAMES[:-1], "LICENSE-APACHE is missing"),
    ],
)
def test_a_wheel_that_is_not_right_is_named(
    tmp_path: Path, name: str, names: list[str], problem: str
) -> None:
    found = wheel.problems(_wheel(tmp_path, name, names), 25)
    assert len(found) == 1
    assert problem in found[0]


def test_a_wheel_with_the_builders_home_or_too_large_is_refused(tmp_path: Path) -> None:
    path = _wheel(tmp_path, GOOD, NAMES, str(Path.home()).encode() + b"/.cargo/registry")
    assert any("home" in problem for problem in wheel.problems(path, 25))
    assert any("MiB" in problem for problem in wheel.problems(path, 0))


def test_only_numpy_and_narwhals_are_needed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {requirement.split(">")[0] for requirement in project["dependencies"]}
    assert names == {"numpy", "narwhals"}


def test_tools_are_pinned_and_name_no_host() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        text = path.read_text(encoding="utf-8")
        assert "://" not in text
        for line in text.splitlines():
            assert line.startswith("#") or "==" in line, line
