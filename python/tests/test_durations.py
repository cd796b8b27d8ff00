"""Curves and hazards: the door, and R's survival on its own data."""

import csv
import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest

import kruispunt as kp
from kruispunt.exceptions import DesignWarning, InputError

ORACLES = os.environ.get("KRUISPUNT_ORACLES")


def reference(name, file):
    """Data and R's results, from a folder that may not be redistributed."""
    if ORACLES is None:
        pytest.skip("KRUISPUNT_ORACLES names no folder of reference data")
    folder = Path(ORACLES) / name
    with (folder / file).open() as lines:
        rows = list(csv.DictReader(lines))
    columns = {}
    for key in rows[0]:
        cells = [row[key] for row in rows]
        try:
            columns[key] = np.array([np.nan if c in ("", "NA") else float(c) for c in cells])
        except ValueError:
            columns[key] = np.array(cells)
    return columns, json.loads((folder / "reference.json").read_text())["survival"]


def complete(data, *names):
    keep = np.all([~np.isnan(data[name]) for name in names], axis=0)
    return {name: values[keep] for name, values in data.items() if name in names}


def close(got, expected, tolerance=1e-8):
    np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)


@pytest.fixture(scope="module")
def lung():
    data, expected = reference("surv_dev", "lung.csv")
    data["status"] = (data["status"] == data["status"].max()).astype(float)
    return data, expected


def at(table, times, column, group=None):
    rows = np.ones(len(table["time"]), bool) if group is None else table["sex"] == group
    own = np.asarray(table["time"])[rows]
    values = np.asarray(table[column])[rows]
    return [values[np.searchsorted(own, t, side="right") - 1] for t in times]


def test_curves_of_lung_are_those_of_r(lung):
    data, expected = lung
    own = {name: data[name] for name in ("time", "status", "sex")}
    by = kp.survival(own, time="time", event="status", by="sex")
    table = by.tidy()
    r = expected["km_lung_sex"]
    late = [place for place, t in enumerate(r["time"]) if t > 0]
    for place in late:
        group = "1.0" if r["strata"][place] == "sex=1" else "2.0"
        group = next(g for g in by.groups if float(g) == float(group))
        close(at(table, [r["time"][place]], "survival", group), [r["surv"][place]])
        close(at(table, [r["time"][place]], "std_error", group), [r["se"][place]])
    test = by.logrank()
    close(test["statistic"], expected["logrank"]["chisq"])
    close(test["groups"]["expected"], expected["logrank"]["exp"])
    close(by.logrank(1.0)["statistic"], expected["logrank"]["peto_rho1"])
    medians = by.quantile()
    # R: records, n.max, n.start, events, rmean, se(rmean), median, low, high
    r = expected["km_lung_sex"]["median"]
    close(medians["time"], [r[0][6], r[1][6]])
    whole = kp.survival(own, time="time", event="status")
    r = expected["km_lung_loglog"]
    for name, column in (("surv", "survival"), ("lo", "conf_low"), ("hi", "conf_high")):
        close(at(whole.tidy(), r["time"], column), r[name])
    close(whole.quantile()["conf_low"], r["median"][7])
    close(whole.quantile()["conf_high"], r["median"][8])
    mean, se = next(iter(whole.restricted_mean(1022).values()))
    close([mean, se], r["median"][4:6])
    r = expected["na_lung"]
    close(whole.tidy()["cumulative_hazard"][:30], r["cumhaz"])
    close(whole.tidy()["hazard_std_error"][:30], r["se"])


def check_cox(fit, r, names=None, tolerance=1e-8):
    names = names or list(r["coef"])
    mine = fit.coef()
    for name in names:
        own = name.replace(".", "_")
        close(mine[own], r["coef"][name], tolerance)
        se = r["robust_se"] or r["se"] if "robust_se" in r else r["se"]
        close(fit.se()[own], se[name], tolerance)
    if "loglik" in r:
        close(fit.likelihood["loglik"], r["loglik"][1], 1e-9)


def test_cox_of_lung_is_that_of_r(lung):
    data, expected = lung
    data = {name.replace(".", "_"): values for name, values in data.items()}
    own = complete(data, "time", "status", "age", "sex", "ph_ecog")
    check_cox(kp.cox("time ~ age + sex + ph_ecog", own, event="status"), expected["cox_lung_efron"])
    breslow = kp.cox("time ~ age + sex + ph_ecog", own, event="status", ties="breslow")
    check_cox(breslow, expected["cox_lung_breslow"])
    strata = kp.cox("time ~ age + ph_ecog | sex", own, event="status")
    check_cox(strata, expected["cox_lung_strata"])
    own = complete(data, "time", "status", "age", "sex", "ph_ecog", "inst")
    cluster = kp.cox("time ~ age + sex + ph_ecog", own, event="status", vcov={"CRV1": "inst"})
    check_cox(cluster, expected["cox_lung_cluster_inst"])


def test_cox_with_entries_and_weights_is_that_of_r():
    data, expected = reference("surv_dev", "heart.csv")
    year = kp.cox(
        "stop ~ age + year + surgery + transplant", data, event="event", entry="start",
        ties="breslow",
    )  # fmt: skip
    check_cox(year, expected["cox_heart_year"])
    data, expected = reference("surv_dev", "rossi.csv")
    check_cox(
        kp.cox("week ~ fin + age + race + wexp + mar + paro + prio", data, event="arrest"),
        expected["cox_rossi_efron"],
    )
    data["w"] = data["age"] / 20
    weighted = kp.cox("week ~ fin + age + prio", data, event="arrest", weights="w", vcov="HC0")
    check_cox(weighted, expected["cox_rossi_weights"])
    data, expected = reference("surv_dev", "bladder2.csv")
    ag = kp.cox(
        "stop ~ rx + size + number", data, event="event", entry="start", vcov={"CRV1": "id"}
    )
    check_cox(ag, expected["bladder_AG"])
    pwp = kp.cox(
        "stop ~ rx + size + number | enum", data, event="event", entry="start", vcov={"CRV1": "id"}
    )
    check_cox(pwp, expected["bladder_PWP"])


def test_unemployment_durations_are_those_of_r():
    data, expected = reference("unempdur", "UnempDur.csv")
    exits = np.select([data[f"censor{k}"] == 1 for k in (1, 2, 3)], [1, 2, 3], 0)
    own = {"spell": data["spell"], "exit": exits}
    found = kp.cumulative_incidence(own, time="spell", event="exit").incidence()
    r = expected["AJ"]
    shape = np.reshape(found["incidence"], (3, -1))
    times = np.asarray(found["time"])[: shape.shape[1]]
    places = np.searchsorted(times, [2, 5, 10, 20], side="right") - 1
    close(shape[:, places].T, np.array(r["pstate"])[:, 1:])
    # R's errors are by the infinitesimal jackknife: near, not equal.
    errors = np.reshape(found["std_error"], (3, -1))
    close(errors[:, places].T, np.array(r["se"])[:, 1:], 0.02)
    data["ui"] = (data["ui"] == "yes").astype(float)
    data["full_time"] = data["censor1"]
    fit = kp.cox("spell ~ reprate + disrate + ui + logwage + tenure + age", data, event="full_time")
    check_cox(fit, expected["cox_ft_efron"])
    breslow = kp.cox(
        "spell ~ reprate + disrate + ui + logwage + tenure + age", data, event="full_time",
        ties="breslow",
    )  # fmt: skip
    check_cox(breslow, expected["cox_ft_breslow"])


def test_discrete_hazards_of_rossi_are_those_of_r():
    data, expected = reference("surv_dev", "rossi.csv")
    weeks = data["week"].astype(int)
    rows = np.repeat(np.arange(len(weeks)), weeks)
    t = np.concatenate([np.arange(1, w + 1) for w in weeks])
    long = {name: data[name][rows] for name in ("fin", "age", "prio")}
    long |= {"t": t, "y": ((t == weeks[rows]) & (data["arrest"][rows] == 1)).astype(int)}
    r = expected["discrete_rossi"]
    logit = kp.hazard("y ~ t + I(t**2) + fin + age + prio", long)
    close(logit.coef().to_numpy(), list(r["logit"]["coef"].values()), 1e-7)
    close(logit.se().to_numpy(), list(r["logit"]["se"].values()), 1e-7)
    cloglog = kp.hazard("y ~ t + fin + age + prio", long, link="cloglog")
    close(cloglog.coef().to_numpy(), list(r["cloglog"]["coef"].values()), 1e-7)
    close(cloglog.se().to_numpy(), list(r["cloglog"]["se"].values()), 1e-7)


@pytest.fixture
def rows():
    rng = np.random.default_rng(1)
    n = 4000
    duration = rng.integers(1, 9, n)
    trained = rng.integers(0, 2, n)
    chance = 1 / (1 + np.exp(-(-2 + 0.1 * duration + 0.5 * trained)))
    exit_ = (rng.random(n) < chance).astype(int)
    why = exit_ * rng.integers(1, 3, n)
    return {
        "person": np.arange(n) // 4, "duration": duration, "trained": trained, "exit": exit_,
        "why": why,
    }  # fmt: skip


def test_a_hazard_finds_the_truth_and_keeps_its_promises(rows):
    fit = kp.hazard("exit ~ trained | duration", rows, vcov={"CRV1": "person"})
    assert abs(fit.coef()["trained"] - 0.5) < 3 * fit.se()["trained"]
    assert fit.clusters == {"person": 1000}
    assert fit.vcov_type.startswith("CRV1")
    curves = fit.curves({"trained": [0, 1]})
    assert np.all(np.diff(np.reshape(curves["survival"], (2, 8)), axis=1) < 0)
    assert np.all(np.asarray(curves["survival_low"]) < curves["survival"])
    copy = pickle.loads(pickle.dumps(fit))
    assert copy.coef() == fit.coef()
    assert len(copy.curves()["duration"]) == 8
    # The same model with effects swept out.
    swept = kp.feglm("exit ~ trained | duration", rows, family="logit")
    close(swept.coef()["trained"], fit.coef()["trained"])
    several = kp.hazard("why ~ trained | duration", rows, link="multinomial")
    table = several.curves()
    total = np.reshape(table["incidence"], (-1, 2)).sum(axis=1) + table["survival"][::2]
    close(total, np.ones(8), 1e-12)
    with pytest.raises(InputError, match="vcov"):
        kp.hazard("exit ~ trained", rows, vcov={"CRV3": "person"})
    with pytest.raises(InputError, match="neither 0 nor 1"):
        kp.hazard("why ~ trained", rows)
    with pytest.raises(InputError, match="perfectly"):
        kp.hazard("exit ~ same", {**rows, "same": rows["exit"]})


def test_curves_warn_and_draw(rows):
    with pytest.warns(DesignWarning, match="small_early_risk_set"):
        kp.survival({"t": [1, 3], "e": [1, 0], "s": [0, 1]}, time="t", event="e", entry="s")
    curves = kp.survival(rows, time="duration", event="exit", by="trained")
    assert pickle.loads(pickle.dumps(curves)).groups == ["0", "1"]
    both = kp.cumulative_incidence(rows, time="duration", event="why", by="trained")
    plt = pytest.importorskip("matplotlib.pyplot")
    for found, kind in ((curves, "survival"), (curves, "uptake"), (both, "incidence")):
        axes = found.plot(kind=kind)
        assert len(axes.lines) == (4 if kind == "incidence" else 2)
    curves.plot(kind="hazard")
    plt.close("all")
    with pytest.raises(InputError, match="kind"):
        curves.plot(kind="pie")


def test_an_effect_splits_by_stage(rows):
    del rows
    rng = np.random.default_rng(3)
    n, quarters = 6000, 8
    programme = (rng.random(n) < 0.5).astype(float)
    stage, goal = np.zeros(n), np.zeros(n)
    long = {name: [] for name in ("person", "d", "programme", "stage", "enters", "goal", "open")}
    for quarter in range(1, quarters + 1):
        at = goal == 0
        open_ = at & (stage == 0)
        enters = open_ & (rng.random(n) < 1 / (1 + np.exp(2.0 - 1.2 * programme)))
        stage = np.where(enters, 1.0, stage)
        line = -2.5 + 0.2 * programme + 0.9 * stage
        reaches = at & (rng.random(n) < 1 / (1 + np.exp(-line)))
        goal = np.where(reaches, 1.0, goal)
        values = (np.arange(n), np.full(n, quarter), programme, stage, enters, reaches, open_)
        for name, value in zip(long, values, strict=True):
            long[name].append(np.asarray(value, dtype=float)[at])
    data = {name: np.concatenate(values) for name, values in long.items()}
    first = {name: values[data["open"] == 1] for name, values in data.items()}
    to_stage = kp.hazard("enters ~ programme | d", first)
    to_goal = kp.hazard("goal ~ programme + stage | d", data)
    found = kp.staged(to_stage, to_goal, programme="programme", through="stage", draws=100)

    def reach(a, b):
        neither, within, there = 1.0, 0.0, 0.0
        for _ in range(quarters):
            moves = neither / (1 + np.exp(2.0 - 1.2 * b))
            neither, within = neither - moves, within + moves
            ends = [share / (1 + np.exp(2.5 - 0.2 * a - 0.9 * s))
                    for share, s in ((neither, 0), (within, 1))]  # fmt: skip
            neither, within, there = neither - ends[0], within - ends[1], there + sum(ends)
        return there

    total, via = reach(1, 1) - reach(0, 0), reach(1, 1) - reach(1, 0)
    for own, truth in ((found.total, total), (found.via, via), (found.share, via / total)):
        assert abs(own["estimate"] - truth) < 3.5 * own["std_error"]
        assert own["low"] <= own["estimate"] <= own["high"]
    whole = found.via["estimate"] + found.direct["estimate"]
    close(whole, found.total["estimate"], 1e-12)
    occupation = found.occupation
    sums = sum(np.asarray(occupation[name]) for name in ("neither", "stage", "goal"))
    close(sums, np.ones(3 * quarters), 1e-12)
    assert "as good as random" in repr(found)
    with pytest.raises(InputError, match="programme"):
        kp.staged(to_stage, to_goal, programme="x", through="stage")
    with pytest.raises(InputError, match="draws"):
        kp.staged(to_stage, to_goal, programme="programme", through="stage", draws=3)


def test_ties_where_another_package_differs():
    """lifelines stops early, and its robust errors take tied events as one after the other."""
    folder = Path(__file__).parents[2] / "crates/kruispunt/tests/oracles/hazard"
    other = json.loads((folder / "ties.json").read_text(encoding="utf-8"))
    fit = kp.cox("time ~ a + b", other["data"], event="event", vcov={"CRV1": "house"})
    gaps = np.abs(np.array(list(fit.coef().values())) - other["coef"])
    assert 1e-8 < gaps.max() < 1e-4
    ratios = np.array(list(fit.se().values())) / other["robust_se"]
    assert 0.01 < np.abs(ratios - 1).max() < 0.06


def test_cox_is_a_poisson_regression_of_pieces():
    rng = np.random.default_rng(12)
    n = 300
    x = rng.normal(size=(n, 2)).round(2)
    end = np.ceil(rng.exponential(20 * np.exp(-0.5 * x[:, 0])))
    stop = rng.integers(5, 40, n)
    entry = rng.integers(0, 3, n) * (rng.random(n) < 0.3)
    time, event = np.minimum(end, stop), (end <= stop).astype(int)
    keep = time > entry
    spells = {"time": time[keep], "event": event[keep], "entry": entry[keep],
              "a": x[keep, 0], "b": x[keep, 1]}  # fmt: skip
    cox = kp.cox("time ~ a + b", spells, event="event", entry="entry", ties="breslow")
    # A piece for each person and time of an event at which the person is at risk.
    times = np.unique(spells["time"][spells["event"] == 1])
    at_risk = (spells["time"][:, None] >= times) & (spells["entry"][:, None] < times)
    person, at = np.nonzero(at_risk)
    pieces = {
        "event": ((spells["time"][person] == times[at]) & (spells["event"][person] == 1)) * 1.0,
        "at": times[at],
        "a": spells["a"][person],
        "b": spells["b"][person],
    }
    poisson = kp.fepois("event ~ a + b | at", pieces, vcov="iid")
    close(list(poisson.coef().values()), list(cox.coef().values()))
    # The information is the same; the small-sample factor of regressions is not Cox's.
    ratio = np.array(list(poisson.se().values())) / list(cox.se().values())
    close(ratio, ratio[0], 1e-6)
    efron = kp.cox("time ~ a + b", spells, event="event", entry="entry")
    assert abs(efron.coef()["a"] - cox.coef()["a"]) > 1e-6


def test_spells_that_repeat_let_each_person_be_its_own_control():
    rng = np.random.default_rng(4)
    n, spells = 1500, 4
    own = rng.normal(0, 1.5, n)
    rows = {name: [] for name in ("person", "d", "x", "exit")}
    for _ in range(spells):
        alive = np.arange(n)
        for d in range(1, 7):
            # What varies within a person goes with what does not, and is not recorded.
            x = 0.5 * own[alive] + rng.normal(size=len(alive))
            exits = rng.random(len(alive)) < 1 / (1 + np.exp(1.5 - 0.5 * x + 0.8 * own[alive]))
            values = (alive, np.full(len(alive), d), x, exits.astype(int))
            for name, value in zip(rows, values, strict=True):
                rows[name].append(value)
            alive = alive[~exits]
    data = {name: np.concatenate(values) for name, values in rows.items()}
    plain = kp.hazard("exit ~ x | d", data)
    assert abs(plain.coef()["x"] - 0.5) > 5 * plain.se()["x"]
    frail = kp.hazard("exit ~ x | d", data, frailty="normal", person="person")
    # Frailty takes what persons bring as unrelated to what is recorded: here it is not.
    assert abs(frail.coef()["x"] - 0.5) > 3 * frail.se()["x"]
    conditional = kp.clogit("exit ~ x + C(d) | person", data)
    assert abs(conditional.coef()["x"] - 0.5) < 3 * conditional.se()["x"]
    swept = kp.feglm("exit ~ x | person + d", data, family="logit").bias_corrected()
    assert abs(swept.coef()["x"] - 0.5) < 4 * swept.se()["x"]
