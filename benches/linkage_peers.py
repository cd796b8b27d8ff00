"""What the peers of `kp.linkage` can do, line by line of the table in docs/COMPARE.md.

Run with a Python that has the peers: splink, dedupe, recordlinkage, anonlink, clkhash, goldenmatch.
Each cell rests on something that can be seen in the installed package: a name that is there, a word
that its source has or has not, a signature. fastLink (R, GPL) was read at its version 0.6.1 and is not
run. The record is what the test of the table compares with.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import inspect
import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

PEERS = {
    "Splink": "splink",
    "dedupe": "dedupe",
    "recordlinkage": "recordlinkage",
    "anonlink": "anonlink",
    "GoldenMatch": "goldenmatch",
}


@cache
def source(package: str) -> str:
    """Give all Python source of an installed package, comments and all."""
    folder = Path(str(importlib.import_module(package).__file__)).parent
    return "\n".join(path.read_text(errors="replace") for path in sorted(folder.rglob("*.py")))


def named(path: str) -> bool:
    """Whether `module:attribute.attribute` is there."""
    module, _, rest = path.partition(":")
    thing: object = importlib.import_module(module)
    for part in filter(None, rest.split(".")):
        if not hasattr(thing, part):
            return False
        thing = getattr(thing, part)
    return True


def says(package: str, pattern: str) -> bool:
    """Whether the source has the words."""
    return re.search(pattern, source(package), re.IGNORECASE) is not None


def asks(path: str, argument: str) -> bool:
    """Whether a function takes the argument."""
    module, _, rest = path.partition(":")
    thing: object = importlib.import_module(module)
    for part in rest.split("."):
        thing = getattr(thing, part)
    return argument in inspect.signature(thing).parameters  # type: ignore[arg-type]


def file_says(package: str, name: str, pattern: str) -> bool:
    """Whether a file of the package has the words."""
    folder = Path(str(importlib.import_module(package).__file__)).parent
    return re.search(pattern, (folder / name).read_text(errors="replace")) is not None


def nobody(pattern: str) -> dict[str, tuple[str, Callable[[], bool] | None]]:
    """Give "no" for all, where no source has the words."""

    def unsaid(package: str) -> Callable[[], bool]:
        return lambda: not says(package, pattern)

    return {peer: ("no", unsaid(name)) for peer, name in PEERS.items()} | {"fastLink": ("no", None)}


S, G = "splink.internals.linker_components", "goldenmatch"
HTML = "splink_cluster_studio/cluster_template.html"
NO_GROUPS = r"(precision|recall)_by_(group|column|segment)|fairness|by_group"
NO_INTERVAL = r"confidence_interval|wilson|clopper"
# line -> peer -> answer, and whether what it rests on is seen
LINES = {
    "several levels a field, learned without labels": {
        "Splink": ("yes", lambda: named(f"{S}.training:LinkerTraining.estimate_parameters_using_expectation_maximisation")),
        "fastLink": ("two or three levels", None),
        "dedupe": ("no (a classifier, from labels)", lambda: named("dedupe:Dedupe.train") and not says("dedupe", "expectation.maximi")),
        "recordlinkage": ("two levels", lambda: asks("recordlinkage:ECMClassifier.__init__", "binarize")),
        "anonlink": ("no", lambda: not says("anonlink", "expectation.maximi|fellegi")),
        "GoldenMatch": ("yes", lambda: named(f"{G}:train_em")),
    },
    "missing values say nothing": {
        "Splink": ("yes (null level)", lambda: named("splink.comparison_level_library:NullLevel")),
        "fastLink": ("yes", None),
        "dedupe": ("a feature of its own", lambda: says("dedupe", "has.missing")),
        "recordlinkage": ("a number the user gives", lambda: asks("recordlinkage.compare:Exact.__init__", "missing_value")),
        "anonlink": ("a value the user gives (clkhash)", lambda: says("clkhash", "missing_?value")),
        "GoldenMatch": ("yes", lambda: named("goldenmatch.core.probabilistic:fs_missing_mode")),
    },
    "share of matches estimated": {
        "Splink": ("from a recall the user guesses", lambda: asks(f"{S}.training:LinkerTraining.estimate_probability_two_random_records_match", "recall")),
        "fastLink": ("yes", None),
        "dedupe": ("no", lambda: not says("dedupe", "match_share|prior_match|proportion_matched")),
        "recordlinkage": ("among compared pairs", lambda: named("recordlinkage:ECMClassifier.p")),
        "anonlink": ("no", lambda: not says("anonlink", "prior|proportion_matched")),
        "GoldenMatch": ("among sampled pairs", lambda: says(G, "proportion_matched")),
    },
    "fields that depend on each other": {
        "Splink": ("no", lambda: not says("splink", "log.?linear|conditional.dependence|dependence.tree")),
        "fastLink": ("terms the user names", None),
        "dedupe": ("interactions the user names", lambda: named("dedupe.variables.interaction:InteractionType")),
        "recordlinkage": ("no", lambda: not says("recordlinkage", "log.?linear|conditional.dependence")),
        "anonlink": ("no", lambda: not says("anonlink", "log.?linear|conditional.dependence")),
        "GoldenMatch": ("on request, among other pairs", lambda: says(G, "GOLDENMATCH_FS_FIELD_DEPENDENCE") and says(G, r"Default OFF")),
    },
    "frequencies of values, several fields": {
        "Splink": ("yes", lambda: named(f"{S}.table_management:LinkerTableManagement.compute_tf_table")),
        "fastLink": ("one field", None),
        "dedupe": ("no", lambda: not says("dedupe", "term.frequency.adjust")),
        "recordlinkage": ("no (a weight for equality)", lambda: named("recordlinkage.compare:Frequency")),
        "anonlink": ("no", lambda: not says("anonlink", "term.frequency")),
        "GoldenMatch": ("yes", lambda: says(G, "tf_adjustment")),
    },
    "threshold chosen without labels": {
        "Splink": ("no", lambda: asks(f"{S}.clustering:LinkerClustering.cluster_pairwise_predictions_at_threshold", "threshold_match_probability")),
        "fastLink": ("no", None),
        "dedupe": ("no", lambda: asks("dedupe:Dedupe.partition", "threshold")),
        "recordlinkage": ("at even odds", lambda: asks("recordlinkage:ECMClassifier.__init__", "max_iter") and not asks("recordlinkage:ECMClassifier.__init__", "threshold")),
        "anonlink": ("no", lambda: asks("anonlink.candidate_generation:find_candidate_pairs", "threshold")),
        "GoldenMatch": ("from the histogram of scores (Otsu)", lambda: named(f"{G}:suggest_threshold") and says(G, "Otsu")),
    },
    "expected errors without labels": {
        "Splink": ("no", lambda: not says("splink", "false.discovery|expected_precision|estimated_recall")),
        "fastLink": ("yes (FDR, FNR)", None),
        "dedupe": ("no", lambda: not says("dedupe", "false.discovery|expected_precision")),
        "recordlinkage": ("no", lambda: not says("recordlinkage", "false.discovery|expected_precision")),
        "anonlink": ("no", lambda: not says("anonlink", "false.discovery|expected_precision")),
        "GoldenMatch": ("recall, by capture and recapture", lambda: named(f"{G}:certify_recall_df")),
    },
    "one to one": {
        "Splink": ("best of both rows", lambda: named(f"{S}.clustering:LinkerClustering.cluster_using_single_best_links")),
        "fastLink": ("optimal, dense", None),
        "dedupe": ("best first", lambda: named("dedupe.clustering:greedyMatching")),
        "recordlinkage": ("best first", lambda: named("recordlinkage:OneToOneLinking") and says("recordlinkage", "greedy")),
        "anonlink": ("best first", lambda: named("anonlink.solving:greedy_solve")),
        "GoldenMatch": ("no", lambda: not says(G, "linear_sum_assignment|hungarian")),
    },
    "precision and recall with intervals": {
        "Splink": ("no intervals", lambda: named(f"{S}.evaluation:LinkerEvalution.accuracy_analysis_from_labels_table") and not says("splink", NO_INTERVAL)),
        "fastLink": ("no intervals", None),
        "dedupe": ("no", lambda: not says("dedupe", NO_INTERVAL)),
        "recordlinkage": ("no intervals", lambda: named("recordlinkage:precision") and not says("recordlinkage", NO_INTERVAL)),
        "anonlink": ("no", lambda: not says("anonlink", NO_INTERVAL)),
        "GoldenMatch": ("no intervals", lambda: named(f"{G}:evaluate_pairs") and set(vars(importlib.import_module(G).EvalResult)) >= {"precision", "recall"} and not says_file(NO_INTERVAL)),
    },
    "rates from a clerical sample": {
        "Splink": ("no", lambda: not says("splink", "clerical.sample|sampling.weight")),
        "fastLink": ("no", None),
        "dedupe": ("no", lambda: not says("dedupe", "stratif|clerical")),
        "recordlinkage": ("no", lambda: not says("recordlinkage", "stratif|clerical")),
        "anonlink": ("no", lambda: not says("anonlink", "stratif|clerical")),
        "GoldenMatch": ("a bound for recall, from counts of three strata", lambda: named(f"{G}:audit_calibrated_bound") and asks(f"{G}:audit_calibrated_bound", "b_true")),
    },
    "errors by group": {
        "Splink": ("no", lambda: not says("splink", NO_GROUPS)),
        "fastLink": ("no", None),
        "dedupe": ("no", lambda: not says("dedupe", NO_GROUPS)),
        "recordlinkage": ("no", lambda: not says("recordlinkage", NO_GROUPS)),
        "anonlink": ("no", lambda: not says("anonlink", NO_GROUPS)),
        "GoldenMatch": ("no", lambda: not says_in_core(NO_GROUPS)),
    },
    "linked beside unlinked rows": {
        **nobody("standardi[sz]ed.(mean.)?difference"),
        "Splink": ("rows that could not match themselves", lambda: named(f"{S}.evaluation:LinkerEvalution.unlinkables_chart")),
    },
    "implausible links": {
        **nobody("implausible.(link|scenario)"),
    },
    "B3 and measures of clusters against labels": {
        "Splink": ("graph measures only", lambda: named(f"{S}.clustering:LinkerClustering.compute_graph_metrics") and not says("splink", "b3_|b_cubed|bcubed")),
        "fastLink": ("no", None),
        "dedupe": ("no", lambda: not says("dedupe", "b3_|b_cubed|bcubed")),
        "recordlinkage": ("no", lambda: not says("recordlinkage", "b3_|b_cubed|bcubed")),
        "anonlink": ("no", lambda: not says("anonlink", "b3_|b_cubed|bcubed")),
        "GoldenMatch": ("pairs over clusters", lambda: named(f"{G}:evaluate_clusters")),
    },
    "waterfall of a pair": {
        "Splink": ("yes", lambda: named(f"{S}.visualisations:LinkerVisualisations.waterfall_chart")),
        "fastLink": ("no", None),
        "dedupe": ("no", lambda: not says("dedupe", "waterfall")),
        "recordlinkage": ("no", lambda: not says("recordlinkage", "waterfall")),
        "anonlink": ("no", lambda: not says("anonlink", "waterfall")),
        "GoldenMatch": ("as text", lambda: says(G, "waterfall") and not says(G, "waterfall.{0,40}svg")),
    },
    "viewers as files without a network": {
        "Splink": ("two files, which ask for fonts", lambda: file_says("splink", f"internals/files/{HTML}", "fonts.googleapis")),
        "fastLink": ("no", None),
        "dedupe": ("no", lambda: not says("dedupe", "<html")),
        "recordlinkage": ("no", lambda: not says("recordlinkage", "<html")),
        "anonlink": ("no", lambda: not says("anonlink", "<html")),
        "GoldenMatch": ("dashboard of a run", lambda: named("goldenmatch.core.dashboard:")),
    },
    "clerical review with answers that come back": {
        "Splink": ("page of one record; labels by copying", lambda: named(f"{S}.evaluation:LinkerEvalution.labelling_tool_for_specific_record")),
        "fastLink": ("no", None),
        "dedupe": ("console", lambda: named("dedupe:console_label")),
        "recordlinkage": ("file for a separate page, and back", lambda: named("recordlinkage:write_annotation_file") and named("recordlinkage:read_annotation_file")),
        "anonlink": ("no", lambda: not says("anonlink", "clerical|annotation_file")),
        "GoldenMatch": ("queue", lambda: named(f"{G}:ReviewQueue.approve")),
    },
    "stored model with a version": {
        "Splink": ("JSON, no version", lambda: named(f"{S}.misc:LinkerMisc.save_model_to_json")),
        "fastLink": ("R object", None),
        "dedupe": ("pickle", lambda: named("dedupe:StaticDedupe") and says("dedupe", "pickle.dump")),
        "recordlinkage": ("no", lambda: not says("recordlinkage", "pickle.dump|def to_json|save_model")),
        "anonlink": ("schema with a version (clkhash)", lambda: says("clkhash", "schema.*version|version.*schema")),
        "GoldenMatch": ("JSON; a newer one is refused", lambda: says(G, "is newer than this")),
    },
    "reads a model of Splink": {
        "Splink": ("its own", lambda: named("splink:SettingsCreator")),
        "fastLink": ("no", None),
        "dedupe": ("no", lambda: not says("dedupe", "splink")),
        "recordlinkage": ("no", lambda: not says("recordlinkage", "splink")),
        "anonlink": ("no", lambda: not says("anonlink", "splink")),
        "GoldenMatch": ("yes", lambda: named(f"{G}:from_splink")),
    },
    "draws of whole linkages": {
        **nobody("gibbs|posterior.(draw|sample)"),
    },
    "regression that knows of wrong links": {
        **nobody("lahiri|linkage.error.(adjust|correct)"),
    },
}  # fmt: skip


def says_file(pattern: str) -> bool:
    """Whether GoldenMatch's evaluation says it."""
    return file_says("goldenmatch", "core/evaluate.py", pattern)


def says_in_core(pattern: str) -> bool:
    """Whether GoldenMatch's evaluation or report says it."""
    return any(
        file_says("goldenmatch", name, pattern) for name in ("core/evaluate.py", "core/report.py")
    )


def main() -> None:
    """Look at every cell and write the record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", type=Path, default=None)
    options = parser.parse_args()
    wrong = []
    for line, cells in LINES.items():
        for peer, (answer, seen) in cells.items():
            try:
                held = seen is None or seen()
            except (AttributeError, ImportError, OSError) as error:
                held = False
                wrong.append(f"{line} / {peer}: {error}")
            if not held:
                wrong.append(f"{line} / {peer}: not seen: {answer}")
    print("\n".join(wrong) or "every cell rests on what the packages show")
    if wrong:
        raise SystemExit(1)
    versions = {peer: importlib.metadata.version(name) for peer, name in PEERS.items()}
    record = {
        "versions": versions | {"fastLink": "0.6.1", "clkhash": importlib.metadata.version("clkhash")},
        "not run": ["fastLink"],
        "lines": {line: {peer: cells[peer][0] for peer in ["Splink", "fastLink", *list(PEERS)[1:]]}
                  for line, cells in LINES.items()},
    }  # fmt: skip
    if options.record:
        options.record.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
