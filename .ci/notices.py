"""Write THIRD-PARTY.txt: the crates inside the wheel with their licences, as these ask for."""

import json
import subprocess
import sys
from pathlib import Path

NAMES = ("licen", "copying", "notice", "copyright")
ROOT = Path(__file__).parents[1]


def linked() -> list[dict[str, str]]:
    """List the crates that are linked into the native module."""
    command = ["cargo", "metadata", "--format-version", "1", "--locked"]
    command += ["--filter-platform", "x86_64-unknown-linux-gnu"]
    out = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    metadata = json.loads(out)
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    door = next(key for key, package in packages.items() if package["name"] == "kruispunt-py")
    seen, todo = set(), [door]
    while todo:
        key = todo.pop()
        if key in seen:
            continue
        seen.add(key)
        todo += [
            dep["pkg"]
            for dep in nodes[key]["deps"]
            if any(kind["kind"] is None for kind in dep["dep_kinds"])
            and not _is_macro(packages[dep["pkg"]])
        ]
    ours = set(metadata["workspace_members"])
    return sorted(
        (packages[key] for key in seen - ours),
        key=lambda package: (package["name"], package["version"]),
    )


def _is_macro(package: dict) -> bool:
    return any("proc-macro" in target["kind"] for target in package["targets"])


def _licences(package: dict) -> list[Path]:
    """List the licence files; of a choice with MIT in it, the MIT licence."""
    folder = Path(package["manifest_path"]).parent
    paths = [path for path in sorted(folder.iterdir()) if path.name.lower().startswith(NAMES)]
    paths = [path for path in paths if path.is_file()]
    choice = " OR " in package["license"] or "/" in package["license"]
    mit = [path for path in paths if "mit" in path.name.lower()]
    return mit if choice and mit else paths


def main() -> None:
    """Write the file; the same licence text stands in it once."""
    texts: dict[str, list[str]] = {}
    lines = ["Crates inside the native module of kruispunt, with their licences.", ""]
    for package in linked():
        label = f"{package['name']} {package['version']}"
        lines.append(f"{label}: {package['license']}")
        for path in _licences(package):
            text = path.read_text(encoding="utf-8", errors="replace")
            text = "\n".join(line.strip() for line in text.strip().splitlines())
            texts.setdefault(text, []).append(label)
    for text, labels in texts.items():
        lines += ["", "-" * 80, ", ".join(labels), "", text]
    Path(ROOT, "THIRD-PARTY.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
