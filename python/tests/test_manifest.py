"""Every result can say what made it."""

from __future__ import annotations

import gc
import inspect
import json
import pickle
import warnings
from typing import Any

import numpy as np
import pytest

import kruispunt as kp
from kruispunt import _made
from kruispunt.exceptions import InputError


@pytest.fixture(scope="module")
def registers() -> Any:
    return kp.synth.registers("test", seed=1, progress=False, backend="pandas")


@pytest.fixture(scope="module")
def results() -> dict[str, Any]:
    """One result of each kind, from small tables."""
    random = np.random.default_rng(4)
    calendar = kp.Calendar.quarters("2012Q1", "2014Q4")
    n = 60
    start = random.integers(15_340, 15_700, n)
    spells = kp.Spells(
        {
            "pid": np.arange(n),
            "start": start.astype("datetime64[D]"),
            "end": (start + random.integers(200, 700, n)).astype("datetime64[D]"),
            "status": random.choice(["work", "out"], n),
            "wage": random.normal(100, 9, n),
        },
        person="pid", start="start", end="end", state="status", carry=["wage"], name="jobs",
    )  # fmt: skip
    timeline = spells.clip(calendar).resolve(["-wage"])
    panel = timeline.to_panel(calendar, state="last_day", days=True, sum=["wage"])
    wide = {f"q{at}": random.choice(["work", "out"], 30) for at in range(5)}
    sequences = kp.trajectory.Sequences(wide, list(wide))
    distances = sequences.distances("ham")
    units, periods = 40, 8
    person = np.repeat(np.arange(units), periods)
    period = np.tile(np.arange(periods), units) + 2000
    cohort = np.where(person % 2 == 0, 2004, 0)
    rows = kp.Panel(
        {
            "person": person, "year": period, "cohort": cohort,
            "y": random.normal(size=units * periods) + (cohort > 0) * (period >= 2004),
        },
        person="person", period="year", unit="year",
    )  # fmt: skip
    names = random.choice(["anna", "bert", "carl", "dora", "emma"], 40)
    days = random.integers(0, 9000, 40).astype("datetime64[D]")
    table = {"name": names, "born": days}
    c = kp.linkage
    linker = c.Linker(comparisons=[c.name("name"), c.date("born")], blocking=[["name"], ["born"]])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", kp.exceptions.DesignWarning)
        linked = linker.train(table, table, seed=3).link(table, table)
    durations = {"time": random.integers(1, 20, 50), "event": random.random(50) < 0.5}
    people = {"origin": random.choice(["a", "b"], 80), "w": random.normal(size=80)}
    fit = kp.feols("wage ~ days | pid", panel)
    found = {
        "spells": spells, "timeline": timeline, "panel": panel, "fit": fit,
        "sequences": sequences, "distances": distances, "types": distances.pam(2),
        "survival": kp.survival(durations, time="time", event="event"),
        "gap": kp.gap(kp.Table(people), "w", group="origin", reference="a"),
        "links": linked,
        "protected": kp.Disclosure(min_cell=5).tabulate(people, "origin"),
        "tidy": kp.Table(fit.tidy()),
    }  # fmt: skip
    found["effects"] = kp.did(rows, "y", cohort="cohort")
    return found


@pytest.mark.parametrize(
    ("kind", "last"),
    [
        ("spells", "Spells"), ("timeline", "Spells.resolve"), ("panel", "Timeline.to_panel"),
        ("fit", "feols"), ("sequences", "Sequences"), ("distances", "Sequences.distances"),
        ("types", "Distances.pam"), ("survival", "survival"), ("gap", "gap"),
        ("links", "Linker.link"), ("effects", "did"), ("protected", "Disclosure.tabulate"),
    ],
)  # fmt: skip
def test_every_result_says_what_made_it(results: dict[str, Any], kind: str, last: str) -> None:
    found = kp.manifest(results[kind])
    assert found["calls"][-1]["verb"] == last
    assert found["inputs"], "no table was read"
    for one in found["inputs"]:
        assert len(one["fingerprint"]) == 32
        assert one["rows"] > 0
        assert one["columns"]
    assert found["kruispunt"] == kp.__version__
    assert kp.Manifest.from_json(found.to_json()) == found
    for language in ("en", "nl"):
        text = found.methods(language)
        assert text.endswith(".")
        assert "None" not in text
        assert "{" not in text
    assert found.methods("en") != found.methods("nl")
    assert found._repr_html_().count("<tr>") == len(found["inputs"]) + 1


def test_a_chain_reaches_back_to_the_register(results: dict[str, Any]) -> None:
    found = kp.manifest(results["fit"])
    verbs = [call["verb"] for call in found["calls"]]
    assert verbs == ["Spells", "Spells.clip", "Spells.resolve", "Timeline.to_panel", "feols"]
    assert [one["name"] for one in found["inputs"]] == ["jobs"]
    options = found["calls"][-1]["options"]
    assert options["fml"] == "wage ~ days | pid"
    assert options["weights"] is None, "defaults are told too"
    assert found.account is not None
    assert found.account.source == "jobs"
    assert [step.verb for step in found.account.steps][:2] == ["read", "clip"]


def test_fingerprints_are_of_what_was_read(results: dict[str, Any]) -> None:
    pd = pytest.importorskip("pandas")
    pl = pytest.importorskip("polars")
    data = {"w": np.array([1.0, 2.0, 4.0, 8.0]), "t": np.array([0, 1, 0, 1]), "x": ["a"] * 4}
    frames = [data, pd.DataFrame(data), pl.DataFrame(data), kp.Table(data, ["w", "t"])]
    prints = {kp.manifest(kp.feols("w ~ t", frame))["inputs"][0]["fingerprint"] for frame in frames}
    assert prints == {kp.Table(data, ["w", "t"]).fingerprint()}
    # taken when the table was read, not later
    frame = pd.DataFrame(data)
    fit = kp.feols("w ~ t", frame)
    frame.loc[0, "w"] = 99.0
    assert kp.manifest(fit)["inputs"][0]["fingerprint"] in prints
    assert kp.manifest(kp.feols("w ~ t", frame))["inputs"][0]["fingerprint"] not in prints


def test_frames_of_the_callers_kind_remember_too() -> None:
    pl = pytest.importorskip("polars")
    people = pl.DataFrame({"t": [0, 1] * 40, "w": np.arange(80.0)})
    tidy = kp.feols("w ~ t", people).tidy()
    assert isinstance(tidy, pl.DataFrame)
    found = kp.manifest(tidy)
    assert found["result"] == "DataFrame"
    assert [call["verb"] for call in found["calls"]] == ["feols", "Fit.tidy"]


def test_manifests_travel_with_pickles_and_hold_nothing_alive(results: dict[str, Any]) -> None:
    for kind in ("fit", "panel", "links", "survival", "types", "protected"):
        again = pickle.loads(pickle.dumps(results[kind]))
        assert kp.manifest(again)["calls"] == kp.manifest(results[kind])["calls"], kind
    fit = kp.feols("w ~ t", {"w": [1.0, 2.0, 4.0], "t": [0, 1, 1]})
    key = id(fit)
    assert key in _made._records
    del fit
    gc.collect()
    assert key not in _made._records


def test_what_was_not_made_here_is_unknown() -> None:
    for thing in ({}, [1], "text", 3.0, kp.Account("jobs"), kp.Calendar.years(2000, 2001)):
        with pytest.raises(InputError, match="nothing is known"):
            kp.manifest(thing)
    for text in ("", "[]", '{"kruispunt": "1"}'):
        with pytest.raises(InputError, match="not a manifest"):
            kp.Manifest.from_json(text)
    with pytest.raises(InputError, match="language"):
        kp.manifest(kp.Table({"a": [1]})).methods("fr")  # type: ignore[arg-type]


def test_options_hold_no_data_and_no_persons() -> None:
    table = kp.Table({"pid": list(range(2000)), "n": [1] * 2000})
    text = kp.manifest(table).to_json()
    assert "1999" not in text.replace("2000", "")
    assert _made._plain(list(range(100))) == "100 values"
    assert _made._plain("x" * 1000).endswith("(1000 characters)")
    assert _made._plain(np.float64(2.5)) == 2.5
    assert _made._plain(float("nan")) == "nan"

    def own(fit: object) -> object:
        return fit

    told = _made._plain(own)
    assert told.startswith("test_options")
    assert "source" in told
    json.dumps(told)


def test_small_tables_are_data_too() -> None:
    """A plain dictionary of three columns looks like an option, and is not."""
    panel = {"person": [7, 7, 9, 9], "trained": [0, 1, 0, 1], "wage": [10.0, 12.0, 20.0, 24.0]}
    found = kp.manifest(kp.feols("wage ~ trained | person", panel, vcov={"CRV1": "person"}))
    (call,) = found["calls"]
    assert "data" not in call["options"]
    assert call["options"]["vcov"] == {"CRV1": "person"}
    assert "24.0" not in found.to_json()


def test_pooled_results_tell_of_the_linkage(results: dict[str, Any]) -> None:
    fits = [kp.feols("w ~ t", {"w": [1.0, 2.0, 4.0 + k, 3.0], "t": [0, 1, 1, 0]}) for k in range(3)]
    found = kp.manifest(kp.pool(fits))
    assert [call["verb"] for call in found["calls"]] == ["feols"] * 3 + ["pool"]
    assert len(found["inputs"]) == 3


def test_wrapped_verbs_keep_their_face() -> None:
    assert "fml" in inspect.signature(kp.feols).parameters
    assert (kp.feols.__doc__ or "").startswith("Least squares") or kp.feols.__doc__
    assert kp.feols is kp.estimate.feols
    assert pickle.loads(pickle.dumps(kp.feols)) is kp.feols


def test_the_synthetic_registers_are_told_by_their_seed(registers: Any) -> None:
    found = kp.manifest(registers)
    assert found["calls"][0]["options"]["seed"] == 1
    assert found.seeds == {"synth.registers": 1}
    assert "seed 1" in found.methods("en")


def test_every_exported_result_remembers() -> None:
    shown = [
        getattr(place, name)
        for place in (kp, kp.linkage, kp.trajectory, kp.cases, kp.synth)
        for name in place.__all__
        if isinstance(getattr(place, name), type) and hasattr(getattr(place, name), "_repr_html_")
    ]
    assert len(shown) > 25
    silent = {own.__name__ for own in shown if not getattr(own, "_kruispunt_result", False)}
    silent -= set(_made._TOLD)
    assert not silent, f"give these a slot `__weakref__`: {silent}"
