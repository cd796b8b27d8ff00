"""Programmes in registers with known truth: estimates beside the truth, and how long they take.

- ``truth``: the four kinds of training at 1, 2, 4, 8, 16 quarters, against waiting and against no
  start, by cells and by odds; static controls and two-way fixed effects beside them.
- ``selection``: contractual training with unobserved selection from 0 to 1: bias, and what wages of
  before the start say.
- ``integration``: the share of a civic-integration programme that runs through registering.
- ``speed``: four kinds by cells and by neighbours at a scale, and clustered bootstrap replications.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import kruispunt as kp

KINDS = ["GCT", "OCT", "NCWT", "CWT"]
EVENTS = [1, 2, 4, 8, 16]
DESIGN: dict[str, Any] = {
    "eligible": "eligible",
    "exact": ["origin", "sex", "edu"],
    "coarse": {"record": [0.25, 0.5, 0.75]},
    "duration": 4,
    "absent": 0.0,
}


def trained(reg: Any) -> kp.Panel:
    """Make the panel of persons by quarter with training, record and day wage."""
    digit = pl.col("nomenc").cast(pl.String).str.slice(0, 1)
    persons = reg["persons"].select(
        "pid", "sex", pl.col("origin").cast(pl.String),
        born=pl.col("birth_date").str.slice(0, 4).cast(int),
    )  # fmt: skip
    clients = reg.truth["links"].filter(pl.col("source") == "vdab_klanten")
    numbers = reg["vdab_klanten"].with_row_index("row").join(clients, on="row")
    numbers = numbers.select("vdab_id", "pid")
    courses = (
        reg["vdab_acties"]
        .with_columns(pl.col("type").cast(pl.String))
        .filter(pl.col("type").is_in(KINDS))
        .join(numbers, on="vdab_id")
        .sort("from", "action_id")
    )
    first = courses.group_by("pid", maintain_order=True).agg(training=pl.col("type").first())
    edu = (
        reg["vdab_inschrijving"]
        .join(numbers, on="vdab_id")
        .sort("from")
        .group_by("pid", maintain_order=True)
        .agg(edu=pl.col("edu").cast(pl.String).first())
    )
    jobs = reg["dmfa_jobs"].with_columns(
        pl.col("quarter").cast(pl.String), days=pl.col("days_ft") + pl.col("hours_pt") / 7.6
    )
    wages = (
        jobs.filter((pl.col("days") > 10) & (pl.col("wage_ord") > 0))
        .group_by("pid", "quarter")
        .agg(wage=(pl.col("wage_ord").sum() / pl.col("days").sum()).log())
    )
    frame = (
        reg["nomenc"]
        .with_columns(pl.col("quarter").cast(pl.String))
        .join(persons, on="pid", how="left")
        .join(first, on="pid", how="left")
        .join(edu, on="pid", how="left")
        .join(wages, on=["pid", "quarter"], how="left")
        .select(
            "pid", "quarter", "origin", "sex", "edu", "training", "wage",
            employed=(digit == "1").cast(pl.Float64),
            seeking=digit == "2",
            age=pl.col("quarter").str.slice(0, 4).cast(int) - pl.col("born"),
        )
    )  # fmt: skip
    # The mean day wage of all quarters worked so far.
    seen = pl.col("wage").is_not_null().cum_sum()
    frame = frame.sort("pid", "quarter").with_columns(
        pay=pl.when(seen > 0).then(pl.col("wage").fill_null(0.0).cum_sum() / seen).over("pid")
    )
    panel = kp.Panel(frame, person="pid", period="quarter")
    panel = panel.event_time(kp.Spells(courses, person="pid", day="from", name="training"))
    for k in range(1, 9):
        panel = panel.lag("employed", k)
    lags = np.stack([panel[f"employed_lag{k}"] for k in range(1, 9)])
    there = np.isfinite(lags).sum(axis=0)
    panel = panel.with_column("record", np.nan_to_num(lags).sum(axis=0) / np.maximum(there, 1))
    age = panel["age"]
    return panel.with_column("eligible", panel["seeking"] & (age >= 18) & (age <= 64))


def values(reg: Any) -> dict[tuple[str, str, int], tuple[float, float]]:
    """Give true effects and their simulation errors by kind, estimand and quarter."""
    table = reg.truth["att"].with_columns(
        pl.col("type", "group", "estimand", "outcome").cast(pl.String)
    )
    table = table.filter((pl.col("group") == "all") & (pl.col("outcome") == "employed"))
    return {
        (row["type"], row["estimand"], row["e"]): (row["value"], row["mc_se"])
        for row in table.iter_rows(named=True)
    }


def beside(name: str, found: Any, true: Any, kind: str, estimand: str) -> list[dict[str, Any]]:
    """Lay estimates beside the truth."""
    rows = []
    for at, e in enumerate(EVENTS):
        value, mc = true[kind, estimand, e]
        estimate, error = float(found.estimates[at]), float(found.std_errors[at])
        rows.append(
            {
                "design": name, "kind": kind, "estimand": estimand, "e": e,
                "estimate": round(estimate, 5), "std_error": round(error, 5),
                "truth": round(value, 5), "mc_se": round(mc, 5),
                "z": round((estimate - value) / float(np.hypot(error, mc)), 2),
            }
        )  # fmt: skip
    return rows


def truth(scale: str, seeds: int) -> dict[str, Any]:
    """Lay designs beside the truth."""
    rows: list[dict[str, Any]] = []
    for seed in range(1, seeds + 1):
        reg = kp.synth.registers(scale, seed=seed, imperfections="none", backend="polars")
        panel, true = trained(reg), values(reg)
        for kind in KINDS:
            own: dict[str, Any] = {"kind": ("training", kind), "horizons": EVENTS}
            near = {
                "eligible": "eligible",
                "duration": 4,
                "absent": 0.0,
                "exact": ["origin", "sex"],
            }
            designs: list[tuple[str, str, dict[str, Any]]] = [
                ("cells, waiting", "waiting", DESIGN),
                ("cells, untreated", "never", DESIGN | {"against": "untreated"}),
                (
                    "odds, untreated", "never",
                    near | {"covariates": ["record", "age"], "odds": True, "against": "untreated"},
                ),
                ("static: never trained", "never", DESIGN | {"against": "never"}),
            ]  # fmt: skip
            for name, estimand, how in designs:
                found = kp.dynamic_matching(panel, "employed", **own, **how)
                rows += [{"seed": seed} | one for one in beside(name, found, true, kind, estimand)]
    good = [row for row in rows if not row["design"].startswith("static")]
    return {"rows": rows, "within_3": float(np.mean([abs(row["z"]) <= 3 for row in good]))}


def selection(scale: str, seeds: int) -> dict[str, Any]:
    """Turn the dial of unobserved selection."""
    rows = []
    for seed in range(1, seeds + 1):
        for rho in (0.0, 0.5, 1.0):
            reg = kp.synth.registers(
                scale, seed=seed, imperfections="none", rho=rho, backend="polars"
            )
            panel, true = trained(reg), values(reg)
            for kind in KINDS:
                how = DESIGN | {"kind": ("training", kind)}
                found = kp.dynamic_matching(panel, "employed", horizons=[16], **how)
                told = kp.negative_controls(
                    panel, "employed", controls=["pay"], horizons=[-1], **how
                )
                value, mc = true[kind, "waiting", 16]
                rows.append(
                    {
                        "seed": seed, "rho": rho, "kind": kind,
                        "bias": round(float(found.estimates[0]) - value, 4),
                        "std_error": round(float(np.hypot(found.std_errors[0], mc)), 4),
                        "wage_before": round(float(told.effects["pay"].estimates[0]), 4),
                        "pvalue": told.joint["pay"]["pvalue"],
                        "flagged": bool(told.flagged),
                    }
                )  # fmt: skip
    return {"rows": rows}


def arrivals(reg: Any, most: int = 16) -> tuple[kp.Panel, Any]:
    """Follow newcomers who neither work nor seek work on arrival, until a first job.

    Gives the panel of their states, and one row a person with what is recorded of them.
    """
    labels = kp.Calendar.quarters("2005Q1", "2016Q4").labels
    at = {label: q for q, label in enumerate(labels)}
    latent = reg.truth["latent"].with_columns(pl.col("generation", "origin").cast(pl.String))

    def number(day: pl.Expr) -> pl.Expr:
        return (day.dt.year() - 2005) * 4 + (day.dt.month() - 1) // 3

    people = reg["persons"].select(
        "pid",
        "first_reg_date",
        woman=(pl.col("sex").cast(pl.String) == "2").cast(pl.Float64),
        born=pl.col("birth_date").str.slice(0, 4).cast(int),
        arrival=number(pl.col("first_reg_date")),
    )
    people = people.join(latent.select("pid", "edu", "origin", "generation"), on="pid")
    # Out of school on arrival (18 + 2 edu, and the quarter of it), followed for all the quarters.
    age = pl.col("first_reg_date").dt.year() - pl.col("born")
    people = people.filter(
        (pl.col("generation") == "1")
        & pl.col("origin").is_in(["EU13", "TR", "MA", "nonEU"])
        & pl.col("arrival").is_between(1, 47 - most)
        & (age > 19 + 2 * pl.col("edu"))
    )
    states = reg["nomenc"].select(
        "pid",
        q=pl.col("quarter").cast(pl.String).replace_strict(at, return_dtype=pl.Int64),
        state=pl.col("nomenc").cast(pl.String).str.slice(0, 1)
        .replace_strict({"1": "work", "2": "service"}, default="neither"),
    )  # fmt: skip
    own = states.join(people.select("pid", "arrival"), on="pid")
    idle = own.filter((pl.col("q") == pl.col("arrival")) & (pl.col("state") == "neither"))
    people = people.join(idle.select("pid"), on="pid")
    job = own.filter(pl.col("state") == "work").group_by("pid").agg(job=pl.col("q").min())
    dossiers = reg.truth["links"].filter(pl.col("source") == "kbi_dossier")
    signed = (
        reg["kbi_dossier"]
        .with_row_index("row")
        .join(dossiers, on="row")
        .filter(pl.col("contract").is_not_null())
        .select("pid", programme=number(pl.col("contract")))
    )
    people = people.join(job, on="pid", how="left").join(signed, on="pid", how="left")
    people = people.with_columns(EU13=(pl.col("origin") == "EU13").cast(pl.Float64)).sort("pid")
    # Who found a first job stays there; what comes after the quarters that are counted is unknown;
    # a quarter without a row before is one abroad.
    rows = (
        people.with_columns(q=pl.int_ranges(pl.col("arrival"), 48))
        .explode("q")
        .join(states, on=["pid", "q"], how="left")
        .with_columns(late=pl.col("q") > pl.col("arrival") + most)
        .with_columns(
            state=pl.when(pl.col("late")).then(None)
            .when(pl.col("job") <= pl.col("q")).then(pl.lit("work"))
            .otherwise(pl.col("state")),
            begun=(pl.col("programme") <= pl.col("q")).fill_null(value=False).cast(pl.Float64),
            since=(pl.col("q") - pl.col("arrival")).cast(pl.Float64),
            quarter=pl.col("q").replace_strict(dict(enumerate(labels))),
        )
        .filter(pl.col("late") | pl.col("state").is_not_null())
    )  # fmt: skip
    rows = rows.select("pid", "quarter", "state", "begun", "since", "edu", "woman", "EU13")
    return kp.Panel(rows, person="pid", period="quarter"), people


def share(reg: Any, most: int = 16) -> tuple[Any, int]:
    """Split the effect of civic integration, as the programme of the notebook does."""
    panel, people = arrivals(reg, most)
    # The time in the state is the clock: who has just registered finds work soonest. The chance of
    # work also grows with the time since arrival, and who began the programme has been here longer.
    moves = kp.multistate(
        "state ~ begun + since + edu + woman + EU13", panel, duration=most, absent="abroad"
    )
    found = moves.split(
        "begun", through="service", goal="work", start="neither", periods=most, rising="since",
        profiles=people.select("edu", "woman", "EU13", since=pl.lit(0.0)), draws=400,
    )  # fmt: skip
    return found, len(people)


def integration(scale: str, seeds: int, first: int = 1, rho: float = 0.0) -> dict[str, Any]:
    """Find the share that runs through registering.

    What is fitted follows from how careers are documented to be made, and was fixed before any of
    the seeds recorded was looked at: newcomers of the groups to whom the programme is offered, out
    of school, without work and unregistered on arrival, followed for 16 quarters each; moves
    between neither, registered, a first job (for good) and abroad, one a quarter, driven by what
    was so at the end of the quarter before; education, sex, origin and quarters since arrival; the
    time in the state as clock. With `rho` above 0 who registers is chosen by what is not recorded.
    """
    found = []
    for seed in range(first, first + seeds):
        reg = kp.synth.registers(
            scale, seed=seed, imperfections="none", integration=True, rho=rho, backend="polars"
        )
        true = reg.truth["integration"].filter(pl.col("e") == 16).row(0, named=True)
        own, newcomers = share(reg)
        del reg
        found.append(
            {
                "seed": seed, "newcomers": newcomers, "flagged": bool(own.cautions),
                "total": own.total, "share": own.share,
                "true_total": true["total"], "true_total_mc_se": true["total_mc_se"],
                "true_share": true["share"], "true_share_mc_se": true["share_mc_se"],
                "z_total": (own.total["estimate"] - true["total"])
                / float(np.hypot(own.total["std_error"], true["total_mc_se"])),
                "z_share": (own.share["estimate"] - true["share"])
                / float(np.hypot(own.share["std_error"], true["share_mc_se"])),
            }
        )  # fmt: skip
        sys.stderr.write(json.dumps(found[-1]) + "\n")
        sys.stderr.flush()
    summary: dict[str, Any] = {"flagged": float(np.mean([own["flagged"] for own in found]))}
    for what in ("total", "share"):
        gaps = np.array([own[what]["estimate"] - own[f"true_{what}"] for own in found])
        z = np.array([own[f"z_{what}"] for own in found])
        summary[what] = {
            "bias": float(gaps.mean()),
            "mc_se": float(gaps.std(ddof=1) / np.sqrt(len(gaps))) if len(gaps) > 1 else None,
            "within_2": float(np.mean(np.abs(z) <= 1.959964)),
            "within_3": float(np.mean(np.abs(z) <= 3)),
        }
    return {"first": first, "rho": rho, "summary": summary, "rows": found}


def clocked(work: Any) -> dict[str, float]:
    """Time a piece of work."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return {
        "wall_s": round(time.perf_counter() - wall, 3),
        "cpu_s": round(time.process_time() - cpu, 3),
    }


def speed(scale: str, seeds: int) -> dict[str, Any]:
    """Time dynamic matching of four kinds, and replications of a bootstrap."""
    del seeds
    reg = kp.synth.registers(scale, seed=1, imperfections="none", backend="polars")
    panel = trained(reg)
    del reg
    near = {
        "eligible": "eligible", "duration": 4, "absent": 0.0, "exact": ["origin", "sex"],
        "covariates": ["record", "age"], "neighbours": 5, "caliper": 0.2,
    }  # fmt: skip

    def each(how: dict[str, Any]) -> Any:
        def work() -> None:
            for kind in KINDS:
                kp.dynamic_matching(
                    panel, "employed", kind=("training", kind), horizons=range(1, 17), **how
                )

        return work

    periods = kp.risk_sets(panel, eligible="eligible", duration=4, kind="training").by_period()
    found: dict[str, Any] = {
        "persons": panel.persons,
        "rows": len(panel),
        "start quarters": int((np.asarray(periods["starts"]) > 0).sum()),
        "starts": int(np.asarray(periods["starts"]).sum()),
        # Seconds that four kinds may take.
        "bar_s": {"chair": 5.0, "bench": 90.0}.get(scale),
        "cells, 4 kinds": clocked(each(DESIGN)),
        "5 neighbours, 4 kinds": clocked(each(near)),
        "odds, 4 kinds": clocked(
            each({key: own for key, own in near.items() if key not in ("neighbours", "caliper")}
                 | {"odds": True})
        ),
    }  # fmt: skip
    if scale in ("test", "chair"):
        calls: list[tuple[str, int, int]] = []
        options = near | {"kind": ("training", "OCT"), "bootstrap": 499}

        def drawn() -> None:
            kp.dynamic_matching(
                panel, "employed", horizons=range(1, 17), progress=lambda *own: calls.append(own),
                **options,
            )  # fmt: skip

        found["499 replications, 5 neighbours"] = clocked(drawn)
        found["calls of progress"] = len([own for own in calls if own[2] == 499])
        cells = DESIGN | {"kind": ("training", "OCT"), "bootstrap": 499}
        found["499 replications, cells"] = clocked(
            lambda: kp.dynamic_matching(panel, "employed", horizons=range(1, 17), **cells)
        )
    return found


JOBS: dict[str, Any] = {
    "truth": truth,
    "selection": selection,
    "integration": integration,
    "speed": speed,
}


def main() -> None:
    """Run a job, print, record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--job", choices=sorted(JOBS), required=True)
    parser.add_argument("--scale", default="chair")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--first", type=int, default=1, help="the first seed, of integration")
    parser.add_argument("--rho", type=float, default=0.0, help="the dial, of integration")
    parser.add_argument("--no-record", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    more = (options.first, options.rho) if options.job == "integration" else ()
    found = JOBS[options.job](options.scale, options.seeds, *more)
    date = dt.datetime.now(tz=dt.UTC).date().isoformat()
    record = {
        "bench": f"programmes-{options.job}",
        "date": date,
        "version": kp.__version__,
        "machine": {"cpus": os.cpu_count(), "arch": platform.machine(), "load": os.getloadavg()[0]},
        "scale": options.scale,
        "seeds": options.seeds,
    } | found
    sys.stdout.write(json.dumps(record, indent=1) + "\n")
    if not options.no_record:
        dial = f"-rho-{options.rho:g}" if more and options.rho else ""
        name = f"{date}-programmes-{options.job}-{options.scale}{dial}.json"
        path = Path(__file__).parent / "record" / name
        path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
