"""Lay a release out in one folder: wheels, the documentation, the changelog, and what each file is.

Usage: ``release.py RELEASE``. Wheels come from ``wheelhouse``, pages from ``build/site``. The archive of
the pages has the same bytes for the same pages: names in order, no dates.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
import zipfile
from pathlib import Path


def archive(pages: Path, target: Path) -> int:
    """Put a folder in an archive, under the archive's own name; give how many files it holds."""
    files = sorted(path for path in pages.rglob("*") if path.is_file())
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as out:
        for path in files:
            name = f"{target.stem}/{path.relative_to(pages).as_posix()}"
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            out.writestr(entry, path.read_bytes())
    return len(files)


def main() -> int:
    """Lay out, and say what is there."""
    release, wheels, pages = Path(sys.argv[1]), Path("wheelhouse"), Path("build/site")
    own = sorted(wheels.glob("kruispunt-*.whl"))
    if len(own) != 1 or not (pages / "index.html").exists():
        sys.stdout.write("release: one wheel of kruispunt and a site are needed; make both first\n")
        return 1
    shutil.rmtree(release, ignore_errors=True)
    release.mkdir(parents=True)
    for path in sorted(wheels.glob("*.whl")):
        shutil.copy2(path, release)
    version = own[0].name.split("-")[1]
    count = archive(pages, release / f"kruispunt-{version}-docs.zip")
    shutil.copy2("CHANGELOG.md", release)
    sums = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
        for path in sorted(release.iterdir())
    ]
    (release / "SHA256SUMS").write_text("".join(sums))
    mib = sum(path.stat().st_size for path in release.iterdir()) / 2**20
    sys.stdout.write(f"release: {len(sums)} files with {count} of documentation, {mib:.1f} MiB\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
