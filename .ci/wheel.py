"""Check the wheel in a folder: its tag, its size and what is in it."""

import sys
import zipfile
from pathlib import Path

FORBIDDEN = ("tests/", ".rs", ".pyc", "Cargo", ".csv", ".json")


def problems(wheel: Path, limit_mib: float) -> list[str]:
    """List what is wrong with a wheel."""
    found = []
    size = wheel.stat().st_size / 2**20
    if size >= limit_mib:
        found.append(f"{size:.1f} MiB; the limit is {limit_mib} MiB")
    if "-cp311-abi3-" not in wheel.name:
        found.append("not an abi3 wheel for Python 3.11 and newer")
    archive = zipfile.ZipFile(wheel)
    names = archive.namelist()
    home = str(Path.home()).encode()
    if len(home) > 1 and any(home + b"/" in archive.read(name) for name in names):
        found.append("the builder's home folder is written in it")
    found += [
        f"{name} does not belong in a wheel"
        for name in names
        if any(mark in name for mark in FORBIDDEN)
    ]
    needed = ["kruispunt/_core.abi3.so", "kruispunt/_core.pyi", "kruispunt/py.typed"]
    needed += ["licenses/LICENSE-MIT", "licenses/LICENSE-APACHE", "licenses/THIRD-PARTY.txt"]
    found += [
        f"{name} is missing" for name in needed if not any(one.endswith(name) for one in names)
    ]
    return found


def main() -> int:
    """Check the one wheel of the folder."""
    folder, limit = Path(sys.argv[1]), float(sys.argv[2])
    wheels = list(folder.glob("*.whl"))
    if len(wheels) != 1:
        print(f"wheel: {len(wheels)} wheels in {folder}; expected one")
        return 1
    found = problems(wheels[0], limit)
    for problem in found:
        print(f"wheel: {problem}")
    print(f"wheel: {wheels[0].name}, {wheels[0].stat().st_size / 2**20:.2f} MiB")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
