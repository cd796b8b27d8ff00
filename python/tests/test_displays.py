"""What a notebook shows of results."""

from __future__ import annotations

import inspect
import types
import warnings

import numpy as np

import kruispunt as kp
from kruispunt.table import Table

# Settings, exceptions and parts of results; they show themselves by their repr.
NO_RESULTS = {
    "kruispunt.Calendar",
    "kruispunt.Estimates",
    "kruispunt.belgium.Insz",
    "kruispunt.belgium.insz",
    "kruispunt.cases.Privacy",
    "kruispunt.cases.Registry",
    "kruispunt.linkage.Blocking",
    "kruispunt.linkage.Check",
    "kruispunt.linkage.Comparison",
    "kruispunt.linkage.Condition",
    "kruispunt.linkage.PairScorer",
    "kruispunt.synth.Field",
}


def exported(module: types.ModuleType) -> dict[str, type]:
    found: dict[str, type] = {}
    for name in module.__all__:
        what = getattr(module, name)
        if inspect.isclass(what):
            found[f"{module.__name__}.{name}"] = what
        elif inspect.ismodule(what) and what.__name__ != "kruispunt.exceptions":
            found |= exported(what)
    return found


def test_every_result_shows_itself() -> None:
    classes = exported(kp)
    assert len(classes) > 25
    plain = {name for name, own in classes.items() if not hasattr(own, "_repr_html_")}
    assert plain == NO_RESULTS, plain ^ NO_RESULTS


def test_tables_show_numbers_that_can_be_read() -> None:
    table = Table({"person": [7, 9], "wage": [1234.5678901234, 0.1 + 0.2], "share": [1e-12, 0.5]})
    shown = table._repr_html_()
    assert "1234.568" in shown
    assert "0.3000000" in shown
    assert "1e-12" in shown
    assert "0.30000000000000004" not in shown + repr(table)
    assert np.asarray(table["wage"])[1] == 0.1 + 0.2


def test_a_regression_table_is_a_table_in_a_notebook() -> None:
    data = {"person": [7, 7, 9, 9], "trained": [0, 1, 0, 1], "wage": [10.0, 12.0, 20.0, 24.0]}
    fit = kp.feols("wage ~ trained | person", data)
    text = kp.etable(fit)
    assert repr(text) == str(text)
    assert "<table" in text._repr_html_()
    assert kp.etable(fit, "tex")._repr_html_().startswith("<pre>")
    assert kp.etable(fit, "html")._repr_html_() == kp.etable(fit, "html")


def test_comparisons_of_estimators_name_what_was_refused() -> None:
    quarters = [f"2010Q{at % 4 + 1}" if at < 4 else f"2011Q{at % 4 + 1}" for at in range(8)]
    rows = [(person, at) for person in range(12) for at in range(8)]
    data = {
        "person": [person for person, _ in rows],
        "quarter": [quarters[at] for _, at in rows],
        "opened": [("2011Q1" if person < 6 else None) for person, _ in rows],
        "jobs": [float(person % 5 + at + (person < 6) * (at >= 4)) for person, at in rows],
    }
    panel = kp.Panel(data, person="person", period="quarter")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", kp.exceptions.DesignWarning)
        both = kp.compare_did(panel, "jobs", cohort="opened", methods=["cs", "imputation"])
    assert both._repr_html_().count("<tr>") == 3
