"""Build the documentation site: essays, how-tos, notebooks with what they give, API.

Everything is staged in one folder, pages of the API are written from the package's own
`__all__`, and Sphinx makes HTML of it that needs no network. Usage: ``build.py OUT [--quick]``;
``--quick`` leaves notebooks as they are, without running them.
"""

from __future__ import annotations

import argparse
import inspect
import os
import re
import shutil
import sys
from pathlib import Path

from sphinx.cmd.build import main as sphinx

import kruispunt as kp

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
ROOMS = {
    "Tables and accounts": [
        "Account", "Table", "progress", "set_threads", "exceptions",
    ],
    "Linkage": ["linkage"],
    "Spells and panels": ["Calendar", "Panel", "Spells", "Timeline", "person_blocks", "read_register"],
    "Estimation": [
        "Decomposition", "Estimates", "Fit", "Fits", "clogit", "etable", "feglm", "feols", "fepois", "hausman",
        "panel_ols", "rwolf", "ssc",
    ],
    "Evaluation": [
        "Balanced", "ByGroup", "Comparison", "DoseResponse", "Effects", "Hazard", "Jump",
        "Multistate", "NegativeControls", "Pairwise", "RiskSets", "Staged", "Structural",
        "Survival", "TreatmentWeights", "att", "bacon", "compare_did", "cox", "cumulative_incidence", "did",
        "dose_response", "dynamic_matching", "e_value", "event_study", "gap", "hazard",
        "marginal_structural", "matching_balance", "multistate", "negative_controls", "oster", "pairwise_matching",
        "rd_in_time", "risk_sets", "rosenbaum", "stage_paths", "staged", "survival",
        "treatment_weights", "twfe_weights",
    ],
    "After an uncertain linkage": [
        "AfterLinkage", "MismatchFit", "after_linkage", "link_rates", "mismatch_mixture",
        "over_draws", "over_thresholds", "pool", "posterior_weighted",
    ],
    "Trajectories": ["trajectory"],
    "Cases": ["cases"],
    "Reports and pictures": [
        "Report", "coefplot", "iplot", "love_plot", "plot_curves", "plot_effects",
    ],
    "What may leave the room, and what made it": [
        "Bundle", "Disclosure", "Manifest", "Protected", "manifest", "set_disclosure",
    ],
    "Belgium and synthetic registers": ["belgium", "synth"],
}  # fmt: skip
FOLDERS = ["methods", "howto", "coming-from", "decisions"]
TOP = ["ARCHITECTURE.md", "COMPARE.md", "registers.md", "glossary.md"]
LINK = re.compile(r"\]\((?![a-z]+:)([^()#\s]+\.(?:md|py))(#[^()]*)?\)")


def stage(source: Path) -> None:
    """Put all pages under one folder."""
    shutil.rmtree(source, ignore_errors=True)
    source.mkdir(parents=True)
    for page in (DOCS / "site").glob("*.md"):
        write(source / page.name, page.read_text())
    shutil.copy(DOCS / "site" / "conf.py", source)
    shutil.copytree(DOCS / "site" / "_static", source / "_static")
    for folder in FOLDERS:
        for page in sorted((DOCS / folder).glob("*.md")):
            name = "index.md" if page.name == "README.md" else page.name
            write(source / folder / name, page.read_text())
    for page in TOP:
        if not (DOCS / page).exists():
            continue
        write(source / page.lower(), (DOCS / page).read_text())
    write(source / "changelog.md", (ROOT / "CHANGELOG.md").read_text())
    (source / "notebooks").mkdir()
    for page in sorted((ROOT / "examples" / "notebooks").glob("*.py")):
        write(source / "notebooks" / page.name, page.read_text())
    listed(source / "notebooks", "Notebooks", "*.py", "Each runs and asserts what it says.")
    for folder in ("methods", "decisions"):
        append_toctree(source / folder)


def write(path: Path, text: str) -> None:
    """Write a page with its links to other pages of the repository turned to those of the site."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".md":
        text = LINK.sub(link, text)
    path.write_text(text)


def one_title(text: str) -> str:
    """Set the titles after the first one step lower, where there is more than one."""
    head, *rest = re.split(r"(?m)^(?=# )", text.lstrip())[1:]
    lower = [re.sub(r"(?m)^(#+ )", r"#\1", part) for part in rest]
    return "".join([head, *lower])


def link(found: re.Match[str]) -> str:
    """Turn a link to a file of the repository into one to its page; others stay."""
    target, rest = found[1], found[2] or ""
    name = target.rsplit("/", 1)[-1]
    if name in TOP:
        target = f"/{name.lower()}"
    elif target.endswith("README.md"):
        target = target.removesuffix("README.md") + "index.md"
    elif "examples/notebooks/" in target:
        target = f"/notebooks/{name}"
    return f"]({target}{rest})"


def listed(folder: Path, title: str, pattern: str, text: str) -> None:
    """Write the index of a folder."""
    names = [page.stem for page in sorted(folder.glob(pattern))]
    lines = [f"# {title}", "", text, "", "```{toctree}", ":maxdepth: 1", "", *names, "```", ""]
    (folder / "index.md").write_text("\n".join(lines))


def append_toctree(folder: Path) -> None:
    """Give an index the pages beside it."""
    index = folder / "index.md"
    names = [page.stem for page in sorted(folder.glob("*.md")) if page.stem != "index"]
    lines = ["", "```{toctree}", ":hidden:", "", *names, "```", ""]
    index.write_text(index.read_text() + "\n".join(lines))


def api(source: Path) -> None:
    """Write a page for each room from the names the package exports; all must have a room."""
    known = {name for names in ROOMS.values() for name in names} | {"__version__"}
    missing = sorted(set(kp.__all__) - known)
    gone = sorted(known - set(kp.__all__))
    if missing or gone:
        sys.exit(f"docs/site/build.py: names without a room {missing}, names that are gone {gone}")
    folder = source / "api"
    folder.mkdir()
    pages = []
    for room, names in ROOMS.items():
        page = re.sub(r"[^a-z]+", "-", room.lower()).strip("-")
        pages.append(page)
        lines = [room, "=" * len(room), ""]
        for name in names:
            lines += described(f"kruispunt.{name}", getattr(kp, name))
        (folder / f"{page}.rst").write_text("\n".join(lines))
    lines = [
        "# API", "", f"Everything that kruispunt {kp.__version__} exports, by room.", "",
        "```{toctree}", ":maxdepth: 2", "", *pages, "```", "",
    ]  # fmt: skip
    (folder / "index.md").write_text("\n".join(lines))


def described(name: str, what: object) -> list[str]:
    """Say a name in reStructuredText; of a module, all that it exports."""
    if inspect.ismodule(what):
        title = name.removeprefix("kruispunt.")
        lines = [title, "-" * len(title), "", f".. automodule:: {name}", ""]
        names = getattr(what, "__all__", None) or [
            own for own in vars(what) if not own.startswith("_") and owned(what, own)
        ]
        for own in names:
            lines += described(f"{name}.{own}", getattr(what, own))
        return lines
    if inspect.isclass(what):
        return [f".. autoclass:: {name}", "   :members:", "   :show-inheritance:", ""]
    kind = "autofunction" if callable(what) else "autodata"
    return [f".. {kind}:: {name}", ""]


def owned(module: object, name: str) -> bool:
    """Whether a module made the name itself."""
    return getattr(getattr(module, name), "__module__", None) == getattr(module, "__name__", "")


def unknown(source: Path) -> list[str]:
    """Give the names that pages of the reader's folders quote and that do not exist."""
    homes = {
        name: getattr(place, name)
        for place in (kp, kp.linkage, kp.trajectory, kp.cases)
        for name in place.__all__
        if inspect.isclass(getattr(place, name))
    }
    wrong = []
    for folder in ("howto", "coming-from"):
        for page in sorted((source / folder).glob("*.md")):
            for quoted in re.findall(r"`(\w+(?:\.\w+)+)", page.read_text()):
                first, *rest = quoted.split(".")
                what = kp if first == "kp" else homes.get(first)
                for name in rest:
                    what = None if what is None else getattr(what, name, None)
                if what is None and (first == "kp" or first in homes):
                    wrong.append(f"{page.relative_to(source)}: `{quoted}` does not exist")
    return wrong


def main() -> int:
    """Stage the pages and build them; warnings are errors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--quick", action="store_true", help="do not run the notebooks")
    options = parser.parse_args()
    out = options.out.resolve()
    shutil.rmtree(out, ignore_errors=True)
    source = out.with_name(out.name + "-source")
    stage(source)
    api(source)
    if wrong := unknown(source):
        sys.exit("\n".join(wrong))
    os.environ["KRUISPUNT_SITE_EXECUTE"] = "off" if options.quick else "cache"
    os.environ["KRUISPUNT_SITE_CACHE"] = str(out.with_name(out.name + "-cache"))
    return sphinx(["-W", "--keep-going", "-q", "-b", "html", "-d", str(source / ".trees"),
                   str(source), str(out)])  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
