"""What may leave the room: tables, models, plots, lists; an attacker finds nothing."""

from __future__ import annotations

import contextlib
import inspect
import itertools
import json
import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kruispunt as kp
from kruispunt.exceptions import DisclosureError, InputError

FIVE = kp.Disclosure(min_cell=5)


@pytest.fixture(scope="module")
def people() -> dict[str, np.ndarray]:
    random = np.random.default_rng(5)
    n = 900
    origin = random.choice(
        ["Belgian", "EU", "Maghreb", "Turkey", "other"], n, p=[0.6, 0.2, 0.1, 0.07, 0.03]
    )
    return {
        "pid": np.arange(n),
        "origin": origin,
        "sex": random.choice(["f", "m"], n),
        "region": random.choice(["A", "B", "C", "D", "E", "F"], n, p=[.4, .3, .1, .1, .07, .03]),
        "employed": random.random(n) < 0.6,
        "wage": random.lognormal(4.6, 0.6, n),
    }  # fmt: skip


def _attack(
    tables: list[tuple[list[str], dict[str, np.ndarray]]], variables: list[str]
) -> list[float]:
    """Work out hidden counts by elimination over all sums of all tables; give what is found.

    The unknowns are the inner cells of the finest table. Every shown count of any table is one
    equation over them; a cell is found when it is a combination of these equations.
    """
    labels: dict[str, list[str]] = {name: [] for name in variables}
    for by, table in tables:
        for name in by:
            for label in table[name]:
                if label != "total" and label not in labels[name]:
                    labels[name].append(label)
    leaves = list(itertools.product(*(labels[name] for name in variables)))
    rows, right = [], []
    targets = []
    for by, table in tables:
        for at in range(len(table["n"])):
            wanted = {name: table[name][at] for name in by if table[name][at] != "total"}
            row = [
                float(all(leaf[variables.index(name)] == label for name, label in wanted.items()))
                for leaf in leaves
            ]
            if np.isnan(table["n"][at]):
                targets.append(row)
            else:
                rows.append(row)
                right.append(float(table["n"][at]))
    a, b = np.array(rows), np.array(right)
    found = []
    for target in targets:
        weights, *_ = np.linalg.lstsq(a.T, np.array(target), rcond=None)
        if np.abs(a.T @ weights - target).max() < 1e-8:
            found.append(float(weights @ b))
    return found


def test_a_differencing_attack_finds_nothing_under_the_minimum(people: dict[str, Any]) -> None:
    """Tables of one session, one after the other, with elimination over all of them together."""
    variables = ["origin", "sex", "region"]
    shown = []
    with kp.set_disclosure(FIVE) as session:
        for by in (["origin", "sex"], ["origin", "region"], ["sex", "region"], variables):
            protected = FIVE.tabulate(people, by, name=" x ".join(by))
            assert protected.is_safe
            shown.append((by, kp.Table(protected).to_dict()))
    assert sum(np.isnan(table["n"]).sum() for _, table in shown) > 10
    for _, table in shown:
        there = table["n"][~np.isnan(table["n"])]
        assert ((there == 0) | (there >= 5)).all()
    found = _attack(shown, variables)
    assert all(round(n) == 0 or n > 4.5 for n in found), found
    assert session.released.counts()[0] > 50
    # the attack is able: without protection of linked tables it finds small cells
    alone = [(by, kp.Table(_only_primary(people, by)).to_dict()) for by, _ in shown]
    assert any(0.5 < n < 4.5 for n in _attack(alone, variables))


def _only_primary(people: dict[str, Any], by: list[str]) -> kp.Table:
    raw = kp.Table(kp.Disclosure().tabulate(people, by)).to_dict()
    n = raw["n"].astype(float)
    return kp.Table({**raw, "n": np.where((n > 0) & (n < 5), np.nan, n)})


@pytest.mark.parametrize("sizes", [(6, 8), (5, 6, 4)])
def test_a_linear_programme_finds_no_small_count(sizes: tuple[int, ...]) -> None:
    """HiGHS looks for the least and the most of every withheld count: none of 1 to 4 is told."""
    from scipy.optimize import linprog

    random = np.random.default_rng(3)
    cells = int(np.prod(sizes))
    weights = random.lognormal(0, 1.6, cells)
    drawn = random.choice(cells, 30 * cells, p=weights / weights.sum())
    names = [f"v{at}" for at in range(len(sizes))]
    labels = [own.astype(str) for own in np.unravel_index(drawn, sizes)]
    found = FIVE.tabulate(dict(zip(names, labels, strict=True)), names, progress=False)
    table = {name: np.array(column) for name, column in kp.Table(found).to_dict().items()}
    leaves = np.array(list(itertools.product(*map(range, sizes)))).astype(str)
    rows = np.array(
        [
            np.all([(label == "total") | (leaves[:, axis] == label)
                    for axis, label in enumerate(key)], axis=0)
            for key in zip(*(table[name] for name in names), strict=True)
        ]
    ).astype(float)  # fmt: skip
    shown = ~np.isnan(table["n"].astype(float))
    true = rows @ np.bincount(drawn, minlength=cells)
    np.testing.assert_array_equal(table["n"][shown].astype(float), true[shown])
    small = (true > 0) & (true < 5)
    assert small.sum() >= 5
    assert not (small & shown).any()
    for at in np.flatnonzero(small):
        ends = [
            linprog(sign * rows[at], A_eq=rows[shown], b_eq=true[shown], method="highs")
            for sign in (1, -1)
        ]
        assert [end.status for end in ends] == [0, 0]
        assert ends[0].fun <= true[at] + 1e-6
        assert -ends[1].fun >= 5 - 1e-6


def test_linked_tables_of_one_call_are_one(people: dict[str, Any]) -> None:
    tables = {
        " x ".join(by): {
            "table": kp.Table(kp.Disclosure().tabulate(people, by)),
            "by": by,
            "count": "n",
        }
        for by in (["origin", "region"], ["region"], ["origin"])
    }
    found = FIVE.protect(tables)
    assert list(found) == list(tables)
    whole = kp.Table(found["origin x region"]).to_dict()
    own = kp.Table(found["region"]).to_dict()
    hidden = {r for o, r, n in zip(*(whole[k] for k in ("origin", "region", "n")), strict=False) if o == "total" and np.isnan(n)}  # fmt: skip
    assert hidden == {r for r, n in zip(own["region"], own["n"], strict=False) if np.isnan(n)}


def test_shares_and_dominance(people: dict[str, Any]) -> None:
    profile = kp.Disclosure(min_cell=5, dominance=(1, 0.8), rounding=5)
    rich = {**people, "wage": people["wage"].copy()}
    rich["wage"][np.flatnonzero(people["origin"] == "Turkey")[0]] = 1e7
    found = profile.tabulate(rich, ["origin"], shares=["employed"], means=["wage"])
    table = kp.Table(found).to_dict()
    assert found.why["wage: a few persons make up most of it"] >= 1
    turkey = list(table["origin"]).index("Turkey")
    assert np.isnan(table["n"][turkey])
    assert np.isnan(table["wage"][turkey])
    there = ~np.isnan(table["n"])
    assert (table["n"][there] % 5 == 0).all()
    assert all(abs(s * n / 5 - round(s * n / 5)) < 1e-9 for s, n in zip(table["employed"][there], table["n"][there], strict=False))  # fmt: skip
    audit = kp.Table(found.audit()).to_dict()
    assert audit["safe"].all()
    assert {"count", "mean:wage", "share:employed"} <= set(audit["quantity"])


def test_any_table_in_the_same_kind_out() -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"origin": ["EU", "other", "total"], "n": [40, 3, 43]})
    protected = FIVE.protect(frame)
    assert isinstance(protected.to_frame(), pd.DataFrame)
    assert protected.to_frame()["n"].isna().tolist() == [True, True, False]
    again = pickle.loads(pickle.dumps(protected))
    assert again.why == protected.why
    assert len(again) == 3
    assert "2 of 3 cells withheld" in repr(protected)
    assert "Turkey" not in protected._repr_html_()
    assert kp.Table(protected.reasons("nl"))["reden"].tolist()[1] == "te weinig personen"


@pytest.mark.parametrize(
    "rules",
    [
        {"min_cell": -1}, {"min_cell": 2.5}, {"min_cell": True}, {"dominance": 3},
        {"dominance": (1, 2)}, {"p_percent": 0}, {"rounding": 0}, {"zeros": "maybe"},
        {"min_df": float("nan")}, {"digits": 40},
    ],
)  # fmt: skip
def test_rules_that_make_no_sense(rules: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(rules))):
        kp.Disclosure(**rules)


def test_profiles_are_data() -> None:
    profile = kp.Disclosure(min_cell=5, dominance=(1, 0.8), rounding=5, zeros="hide")
    assert kp.Disclosure.from_json(profile.to_json()) == profile
    assert kp.Disclosure().rules() == {}
    for text in ("", "[]", '{"min": 3}'):
        with pytest.raises(InputError, match="profile"):
            kp.Disclosure.from_json(text)
    assert pickle.loads(pickle.dumps(profile)) == profile


def test_columns_without_a_role_are_refused() -> None:
    table = {"origin": ["EU", "other"], "n": [40, 30], "wage": [100.0, 90.0]}
    with pytest.raises(InputError, match='what is column "wage"'):
        FIVE.protect(table)
    with pytest.raises(InputError, match="count"):
        FIVE.protect({"origin": ["EU"], "a": [1], "b": [2]})
    with pytest.raises(InputError, match="largest"):
        kp.Disclosure(dominance=(1, 0.8)).protect(table, means=["wage"])
    with pytest.raises(InputError, match="no role"):
        FIVE.protect({"x": {"table": table, "mean": ["wage"]}})


@pytest.fixture(scope="module")
def fit(people: dict[str, Any]) -> kp.Fit:
    return kp.feols("wage ~ employed | region", people)


def test_every_export_passes_the_profile(
    people: dict[str, Any], fit: kp.Fit, tmp_path: Path
) -> None:
    table = kp.Table({"origin": ["EU", "other", "total"], "n": [40, 3, 43]})
    log = tmp_path / "log.jsonl"
    with kp.set_disclosure(FIVE, log) as session:
        report = kp.Report("x").table(table, "Origin")
        assert ">3<" not in report.html()
        assert ">43<" in report.html()
        table.to_csv(tmp_path / "own.csv")
        assert (tmp_path / "own.csv").read_text().split() == [
            "origin,n",
            "EU,c",
            "other,c",
            "total,43",
        ]
        with pytest.raises(DisclosureError, match="whole numbers stand in pid"):
            report.table(kp.Table(people), "rows")
        with pytest.raises(DisclosureError, match="no rule can judge"):
            report.fragment("<b>3</b>")
        with pytest.raises(DisclosureError, match="no plot of kruispunt"):
            report.figure("<svg></svg>", "picture")
        report.figure("<svg></svg>", "picture", safe="a drawing of the design")
        report.fragment(kp.etable(fit, type="html"))
        report.table(fit, "model")
        report.write(tmp_path / "page.html")
    entries = session.log.entries
    decisions = [entry["decision"] for entry in entries]
    assert decisions.count("refused") == 3
    assert decisions.count("released by exception") == 1
    assert entries[0]["withheld"] == {"would tell another cell": 1, "too few persons": 1}
    assert all(entry["profile"] == {"min_cell": 5} for entry in entries)
    assert kp.disclosure.Log(log).entries == entries
    assert kp.Report("x").table(kp.Table(people), "rows").html()  # the profile is off again


def test_a_log_that_was_changed_is_found(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    log = kp.disclosure.Log(path)
    for name in "abc":
        log.append({"output": "table", "name": name})
    lines = path.read_text().splitlines()
    for wrong in (
        lines[1:],
        lines[:1] + lines[2:],
        [lines[0].replace('"a"', '"z"'), *lines[1:]],
        ["?"],
    ):
        path.write_text("\n".join(wrong) + "\n")
        with pytest.raises(InputError, match="does not follow"):
            kp.disclosure.Log(path)


def test_later_sessions_know_earlier_ones(people: dict[str, Any], tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    shown = []
    for by in (["origin", "region"], ["origin", "sex", "region"]):
        with kp.set_disclosure(kp.Disclosure(min_cell=5), log) as session:
            shown.append((by, kp.Table(session.profile.tabulate(people, by)).to_dict()))
    found = _attack(shown, ["origin", "sex", "region"])
    assert all(round(n) == 0 or n > 4.5 for n in found), found
    assert "Belgian" in log.with_suffix(".cells.json").read_text()


def test_models_effects_and_curves(people: dict[str, Any], fit: kp.Fit) -> None:
    strict = kp.Disclosure(min_cell=5, min_df=10_000)
    assert "degrees of freedom" in str(strict.check(fit))
    with kp.set_disclosure(strict), pytest.raises(DisclosureError, match="degrees of freedom"):
        kp.etable(fit)
    assert FIVE.check(fit) is None
    random = np.random.default_rng(2)
    data = {"time": random.integers(1, 30, 60), "event": random.random(60) < 0.5}
    curves = kp.survival(data, time="time", event="event")
    shown = kp.Table(FIVE.protect(curves)).to_dict()
    raw = kp.Table(curves.tidy()).to_dict()
    assert len(shown["time"]) == len(raw["time"])
    there = ~np.isnan(shown["survival"])
    assert 1 < there.sum() < len(there)
    # between shown steps at least five had an event, and five are left at risk
    events = np.cumsum(raw["n_event"])[there]
    assert (np.diff(np.concatenate([[0], events])) >= 5).all()
    assert (raw["n_risk"][there] >= 5).all()


def test_no_single_person_points_in_plots(people: dict[str, Any]) -> None:
    pytest.importorskip("matplotlib")
    random = np.random.default_rng(2)
    data = {"time": random.integers(1, 30, 60), "event": random.random(60) < 0.5}
    curves = kp.survival(data, time="time", event="event")
    free = len(curves.plot().lines[0].get_xdata())
    states = {f"q{at}": random.choice(["work", "out"], 40) for at in range(6)}
    sequences = kp.trajectory.Sequences(states, list(states))
    with kp.set_disclosure(FIVE):
        assert len(curves.plot().lines[0].get_xdata()) < free
        with pytest.raises(DisclosureError, match="person's career"):
            sequences.plot("index")
        axes = sequences.plot("chronogram")
        kp.Report("x").figure(axes, "states")
        few = ["a"] * 3 + ["b"] * 37
        with pytest.raises(DisclosureError, match="too few persons"):
            sequences.plot("chronogram", by=few)


def test_flow_diagrams_tell_no_few(people: dict[str, Any]) -> None:
    account = kp.Account.from_json(json.dumps({
        "source": "jobs", "steps": [{
            "verb": "clip", "detail": "", "before": {"rows": 100, "persons": 90},
            "after": {"rows": 88, "persons": 80}, "ties": [], "notes": ["3 odd rows"], "joined": [],
            "excluded": [{"reason": "late", "count": {"rows": 9, "persons": 9}},
                         {"reason": "dead", "count": {"rows": 3, "persons": 3}}]}]}))  # fmt: skip
    with kp.set_disclosure(FIVE):
        page = kp.Report("x").flow(account).html()
    assert "other reasons" in page
    assert "dead" not in page
    assert "odd" not in page
    assert "dead" in kp.Report("x").flow(account).html()


def test_a_bundle_for_the_output_checker(
    people: dict[str, Any], fit: kp.Fit, tmp_path: Path
) -> None:
    code = tmp_path / "analysis.py"
    code.write_text("print(1)\n")
    bundle = kp.Bundle(
        FIVE, "Herkomst en werk", language="nl", code=[code], labels={"region": "gewest"}
    )
    bundle.tabulate("herkomst", people, ["origin", "region"], "Personen", shares=["employed"])
    bundle.tabulate("geslacht", people, ["origin", "sex", "region"], "Personen")
    bundle.table("model", fit, "Loon")
    pytest.importorskip("matplotlib")
    bundle.figure("schattingen", lambda: kp.coefplot(fit), "Schattingen")
    with pytest.raises(InputError, match="already"):
        bundle.table("model", fit)
    folder = bundle.write(tmp_path / "export")
    with pytest.raises(InputError, match="there already"):
        bundle.write(folder)
    text = (folder / "release" / "tables" / "herkomst.csv").read_text()
    assert text.startswith("herkomst,gewest,aantal personen,aan het werk")
    shown = []
    names = {"herkomst": "origin", "gewest": "region", "geslacht": "sex", "aantal personen": "n"}
    for name, by in (("herkomst", ["origin", "region"]), ("geslacht", ["origin", "sex", "region"])):
        lines = (folder / f"release/tables/{name}.csv").read_text().splitlines()
        heads = [names.get(head, head) for head in lines[0].split(",")]
        cells = list(zip(*(line.split(",") for line in lines[1:]), strict=True))
        columns = dict(zip(heads, (np.array(one, dtype=object) for one in cells), strict=True))
        table: dict[str, Any] = {
            v: np.where(columns[v] == "totaal", "total", columns[v]) for v in by
        }
        table["n"] = np.array([np.nan if n == "c" else float(n) for n in columns["n"]])
        assert all(np.isnan(n) or n == 0 or n >= 5 for n in table["n"])
        shown.append((by, table))
    found = _attack(shown, ["origin", "sex", "region"])
    assert all(round(n) == 0 or n > 4.5 for n in found), found
    told = json.loads((folder / "release" / "manifest.json").read_text())
    assert len(told["code"]["analysis.py"]) == 64
    assert [one["name"] for one in told["outputs"]] == [
        "herkomst",
        "geslacht",
        "model",
        "schattingen",
    ]
    assert told["outputs"][2]["made"]["calls"][0]["verb"] == "feols"
    cells = (folder / "check" / "herkomst.cells.csv").read_text().splitlines()
    assert any(line.split(",")[2] in "1234" for line in cells[1:])
    assert (folder / "check" / "herkomst.audit.csv").exists()
    page = (folder / "release" / "index.html").read_text()
    assert 'lang="nl"' in page
    assert "Gegevens en methode" in page
    assert "<svg" in page
    kp.disclosure.Log(folder / "check" / "log.jsonl")


def test_a_cell_of_many_persons_from_one_employer_is_withheld() -> None:
    """Contributors are counted beside persons; another cell hides the one in the total."""
    towns = {
        "town": ["Aalst", "Brugge", "Gent", "total"],
        "n": [400, 30, 900, 1330],
        "employers": [1, 12, 80, 93],
    }
    profile = kp.Disclosure(min_contributors=3)
    found = profile.protect(towns, by=["town"], count="n", contributors="employers")
    shown = np.asarray(kp.Table(found)["n"], dtype=float)
    assert np.isnan(shown).tolist() == [True, True, False, False]
    assert found.why == {"too few contributors": 1, "would tell another cell": 1}
    assert found.is_safe
    assert (
        kp.Disclosure(min_cell=5)
        .protect(towns, by=["town"], count="n", other=["employers"])
        .withheld
        == 0
    )


# What writes a file: through which door it goes. A new one has to be entered here.
DOORS = {
    "kp.Table.to_csv": "protected",
    "kp.Protected.to_csv": "protected",
    "kp.Report.write": "protected",
    "kp.Bundle.write": "protected",
    "kp.etable": "models",
    "kp.linkage.page": "persons",
    "kp.linkage.ClericalSample.page": "persons",
    "kp.cases.Picture.write": "persons",
    "kp.cases.Project.write": "persons",
    # no data of persons: rules, keys, what made a result, and invented people
    "kp.Manifest.write": "none",
    "kp.cases.Registry.new_key": "none",
    "kp.cases.Registry.__init__": "none",
    "kp.set_disclosure": "none",
    "kp.synth.Registers.to_csv": "none",
    "kp.synth.Registers.to_parquet": "none",
    # these read
    "kp.read_register": "none",
    "kp.cases.read_qdc": "none",
    "kp.cases.read_qdpx": "none",
}


def _writers() -> set[str]:
    """Give public callables that take a file or a folder."""
    places = {"path", "folder", "file", "file_name"}
    found = set()

    def look(what: Any, name: str) -> None:
        with contextlib.suppress(TypeError, ValueError):
            if places & {*inspect.signature(what).parameters}:
                found.add(name)

    def walk(module: Any, before: str) -> None:
        for name in module.__all__:
            what = getattr(module, name)
            if inspect.ismodule(what):
                walk(what, f"{before}{name}.")
            elif inspect.isclass(what):
                for own, method in inspect.getmembers(what, callable):
                    if not own.startswith("_") or own == "__init__":
                        look(method, f"{before}{name}.{own}")
            else:
                look(what, before + name)

    walk(kp, "kp.")
    return found


def test_every_file_goes_through_a_known_door() -> None:
    assert _writers() | {"kp.set_disclosure"} == {*DOORS}


def test_files_about_single_persons_need_a_reason(tmp_path: Path) -> None:
    random = np.random.default_rng(4)
    names = random.choice(["anna", "bert", "carl", "dora", "emma"], 60)
    people = {"name": names, "born": random.integers(0, 9000, 60).astype("datetime64[D]")}
    c = kp.linkage
    linker = c.Linker(comparisons=[c.name("name"), c.date("born")], blocking=[["name"], ["born"]])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", kp.exceptions.DesignWarning)  # sixty rows are few
        links = linker.train(people, people, seed=3).link(people, people)
    sample = c.clerical_sample(links, 40)
    spells = kp.Spells(
        {"pid": [7], "start": ["2012-01-01"], "end": ["2012-06-30"], "state": ["work"]},
        person="pid", start="start", end="end", state="state",
    )  # fmt: skip
    picture = kp.cases.timeline(spells, privacy=kp.cases.Privacy(rare=1))
    project = (
        kp.cases.Project("interviews").with_text("p1", "work was hard").with_cases({"p1": ["p1"]})
    )
    doors = {
        "kp.linkage.page": lambda **how: c.page(links, tmp_path / "links.html", **how),
        "kp.linkage.ClericalSample.page": lambda **how: sample.page(
            tmp_path / "review.html", ["name"], **how
        ),
        "kp.cases.Picture.write": lambda **how: picture.write(tmp_path / "case.svg", **how),
        "kp.cases.Project.write": lambda **how: project.write(tmp_path / "study.qdpx", **how),
    }
    assert {*doors} == {name for name, door in DOORS.items() if door == "persons"}
    with kp.set_disclosure(FIVE) as session:
        for write in doors.values():
            with pytest.raises(DisclosureError, match="single p"):
                write()
        assert not list(tmp_path.iterdir())
        for write in doors.values():
            write(safe="it stays in the room")
    assert len(list(tmp_path.iterdir())) == len(doors)
    decisions = [entry["decision"] for entry in session.log.entries]
    assert decisions == ["refused"] * 4 + ["released by exception"] * 4
