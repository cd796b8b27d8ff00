"""Difference-in-differences at a million rows: kruispunt beside its peers.

100,000 units x 10 periods, five cohorts and a never treated group, effects that grow and differ by
cohort. The clock runs from the data frame to the event study with standard errors.

Two-stage: of the peers py2sdid alone takes a million rows on this machine. pyfixest asks for units
x rows bytes there (93 GiB), and diff-diff, quadratic in units, took 61 CPU seconds for 20,000 units.
pyfixest solves its first stage to some 1e-5, with no argument to ask for more: its estimates are
that far from those of the other three. `etwfe-x`, the extended regression given three covariates,
takes diff-diff 10 GiB and 80 CPU seconds. Beside all: `--job did2s --units 2000 --engines kruispunt,py2sdid,pyfixest,diff-diff`.
"""

from __future__ import annotations

import logging
import warnings
from functools import partial
from typing import Any

import harness
import numpy as np

JOBS = {
    "cs": ("kruispunt", "diff-diff", "csdid", "moderndid", "differences"),
    "cs-dr": ("kruispunt", "diff-diff", "csdid", "moderndid", "differences"),
    "sa": ("kruispunt", "diff-diff"),
    "imputation": ("kruispunt", "diff-diff"),
    "did2s": ("kruispunt", "py2sdid", "pyfixest"),
    "lpdid": ("kruispunt", "diff-diff"),
    "etwfe": ("kruispunt", "diff-diff"),
    "etwfe-x": ("kruispunt", "diff-diff"),
    "bacon": ("kruispunt", "diff-diff"),
    "stacked": ("kruispunt", "diff-diff"),
    "poisson": ("kruispunt", "diff-diff"),
    "ddd": ("kruispunt", "moderndid"),
    "dose": ("kruispunt", "diff-diff", "moderndid"),
    "bands": ("kruispunt", "diff-diff"),
    "dcdh": ("kruispunt", "py-did-multiplegt-dyn"),
}
DOSES = [10.0, 15.0, 20.0, 30.0]  # within those of the treated, also of the few of the warm-up
COVARIATES = ["x1", "x2", "x3"]


def data(n: int, periods: int = 10) -> Any:
    """Make the panel."""
    import pandas as pd

    rng = np.random.default_rng(n)
    g = rng.choice([0, 2004, 2005, 2006, 2007, 2008], n)
    x = rng.normal(size=(n, 3)).round(4)
    unit = np.repeat(np.arange(n), periods)
    year = np.tile(2001 + np.arange(periods), n)
    first = g[unit]
    since = year - first
    effect = np.where((first > 0) & (since >= 0), 0.1 * (since + 1) + 0.02 * (first - 2004), 0.0)
    level = rng.normal(size=n) + x[:, 0]
    trend = 0.05 * (1 + x[:, 1])
    y = level[unit] + trend[unit] * (year - 2001) + effect + rng.normal(size=n * periods)
    frame = {"unit": unit, "year": year, "g": first, "y": y}
    frame |= {name: x[unit, at] for at, name in enumerate(COVARIATES)}
    frame["count"] = np.random.default_rng(n + 1).poisson(np.exp(0.2 * np.clip(y, -8, 8)))
    frame["woman"] = (x[unit, 1] > 0).astype(int)
    frame["hours"] = np.where(first > 0, np.abs(10 * x[unit, 2]) + 5, 0.0)
    changes = np.random.default_rng(n + 2).random(n * periods) < 0.1
    frame["coached"] = (np.add.accumulate(changes.reshape(n, periods), axis=1) % 2).ravel()
    frame["treated"] = ((first > 0) & (since >= 0)).astype(int)
    return pd.DataFrame(frame)


def event_study(events: Any, estimates: Any, errors: Any) -> dict[str, list[float]]:
    """Give estimate and standard error by event time; reference periods left out."""
    rows = zip(events, estimates, errors, strict=True)
    return {
        str(int(e)): [float(b), float(se)]
        for e, b, se in rows
        if b is not None and se is not None and np.isfinite(se) and se > 0
    }


def cells(cohorts: Any, periods: Any, estimates: Any, errors: Any) -> dict[str, list[float]]:
    """Give estimate and standard error by cohort and period, from treatment on."""
    rows = zip(cohorts, periods, estimates, errors, strict=True)
    return {
        f"{int(g)} {int(t)}": [float(b), float(se)]
        for g, t, b, se in rows
        if int(t) >= int(g) and np.isfinite(se) and se > 0
    }


def kruispunt(job: str, frame: Any) -> Any:
    """Our own."""
    import kruispunt as kp

    panel = kp.Panel(frame, person="unit", period="year", unit="year")
    if job == "bacon":
        table = kp.bacon(panel, "y", cohort="g")
        return {"coefficient": [float(table["estimate"] @ table["weight"]), 1.0]}
    if job == "dose":
        own = kp.dose_response(
            panel, "y", cohort="g", dose="hours", controls="never", at=DOSES, parity="fixest"
        )
        errors = own.tidy()["level_error"]
        return event_study(own.doses, own.levels, errors[:-1])
    if job == "dcdh":
        effects = kp.did(panel, "y", treatment="coached", method="dcdh", window=(2, 3))
        table = effects.tidy()
        table = table[table["event"].notna()]
        return event_study(table["event"], table["estimate"], table["std_error"])
    if job in ("poisson", "ddd"):
        options = {"method": "etwfe", "family": "poisson"}
        if job == "ddd":
            options = {"method": "ddd", "partition": "woman", "controls": "never"}
        outcome = "count" if job == "poisson" else "y"
        table = kp.did(panel, outcome, cohort="g", **options).tidy()
        return cells(table["cohort"], table["period"], table["estimate"], table["std_error"])
    options: dict[str, Any] = {"method": job.removesuffix("-x")}
    if job == "etwfe-x":
        options["covariates"] = COVARIATES
    if job == "stacked":
        options["window"] = (3, 2)
    if job == "bands":
        effects = kp.did(panel, "y", cohort="g", controls="never").aggregate("event")
        table = effects.tidy(bands="sup-t", draws=999)
        table = table[table["event"].notna()]
        return event_study(table["event"], table["estimate"], table["std_error"])
    if job.startswith("cs"):
        options = {"controls": "never"}
        options |= {"covariates": COVARIATES} if job == "cs-dr" else {}
    effects = kp.did(panel, "y", cohort="g", **options)
    event = effects if effects.by == "event" else effects.aggregate("event")
    table = event.tidy()
    table = table[table["event"].notna()]
    if job in ("imputation", "did2s"):
        table = table[table["event"] >= 0]
    return event_study(table["event"], table["estimate"], table["std_error"])


def diff_diff(job: str, frame: Any) -> Any:
    """The diff-diff package."""
    import diff_diff as dd

    names = {"outcome": "y", "unit": "unit", "time": "year", "first_treat": "g"}
    if job == "dose":
        fit = dd.ContinuousDiD(dvals=np.array(DOSES)).fit(frame, **names, dose="hours")
        curve = fit.dose_response_att
        return event_study(DOSES, curve.effects, curve.se)
    if job == "poisson":
        fit = dd.WooldridgeDiD(method="poisson", cluster="unit").fit(
            frame, **(names | {"outcome": "count"})
        )
        own = fit.group_time_effects
        return cells(
            [g for g, _ in own], [t for _, t in own],
            [v["att"] for v in own.values()], [v["se"] for v in own.values()],
        )  # fmt: skip
    if job == "bands":
        fit = dd.CallawaySantAnna(n_bootstrap=999, seed=1).fit(
            frame, **names, aggregate="event_study"
        )
    elif job.startswith("cs"):
        covariates = COVARIATES if job == "cs-dr" else None
        fit = dd.CallawaySantAnna(estimation_method="dr").fit(
            frame, **names, covariates=covariates, aggregate="event_study"
        )
    elif job == "sa":
        fit = dd.SunAbraham(cluster="unit").fit(frame, **names)
    elif job in ("imputation", "did2s", "stacked"):
        kinds = {
            "imputation": dd.ImputationDiD(),
            "did2s": dd.TwoStageDiD(),
            "stacked": dd.StackedDiD(kappa_pre=3, kappa_post=2, cluster="unit"),
        }
        fit = kinds[job].fit(frame, **names, aggregate="event_study")
    elif job.startswith("etwfe"):
        covariates = COVARIATES if job == "etwfe-x" else None
        fit = dd.WooldridgeDiD(cluster="unit").fit(frame, **names, xtvar=covariates)
        found = fit.aggregate("event")
        fit = fit if found is None else found
    elif job == "bacon":
        fit = dd.BaconDecomposition().fit(frame, **names)
        return {"coefficient": [float(fit.twfe_estimate), 1.0]}
    else:
        fit = dd.LPDiD(pre_window=7, post_window=6).fit(
            frame, outcome="y", unit="unit", time="year", treatment="treated"
        )
    effects = getattr(fit, "event_study_effects", None)
    if effects is None:
        table = getattr(fit, "event_study", None)
        if table is None:
            table = fit.to_dataframe()
        columns = {name.lower(): name for name in table.columns}
        where = next(
            columns[k] for k in ("horizon", "event_time", "relative_period") if k in columns
        )
        value = next(
            columns[k] for k in ("effect", "coefficient", "estimate", "att") if k in columns
        )
        error = next(columns[k] for k in ("se", "std_error", "std.error") if k in columns)
        return event_study(table[where], table[value], table[error])
    value = "att" if job.startswith("etwfe") else "effect"
    rows = effects.values()
    return event_study(effects, [own[value] for own in rows], [own["se"] for own in rows])


def csdid(job: str, frame: Any) -> Any:
    """The csdid package."""
    from csdid.att_gt import ATTgt

    formula = "y ~ 1" if job == "cs" else "y ~ " + " + ".join(COVARIATES)
    fit = ATTgt(
        yname="y", tname="year", idname="unit", gname="g", data=frame,
        control_group="nevertreated", xformla=formula,
    ).fit(est_method="dr", bstrap=False)  # fmt: skip
    fit.aggte(typec="dynamic", bstrap=False, cband=False)
    own = fit.atte
    return event_study(own["egt"], own["att_egt"], np.ravel(own["se_egt"]))


def moderndid(job: str, frame: Any) -> Any:
    """The moderndid package."""
    import moderndid as md

    if job == "ddd":
        own = md.didtriple.estimators.ddd_mp(
            frame.assign(g=frame["g"].astype(float)), "y", "year", "unit", "g", "woman",
            base_period="varying",
        )  # fmt: skip
        return cells(own.groups, own.times, own.att, own.se)
    if job == "dose":
        own = md.cont_did(
            frame, yname="y", tname="year", idname="unit", gname="g", dname="hours",
            dvals=np.array(DOSES), control_group="nevertreated", biters=2,
        )  # fmt: skip
        # its bootstrap (1,000 draws by default) is left out of its time: errors by its influences
        errors = np.sqrt(np.mean(own.att_d_inf_func**2, axis=0) / len(own.att_d_inf_func))
        return event_study(DOSES, own.att_d, errors)
    formula = "~1" if job == "cs" else "~ " + " + ".join(COVARIATES)
    fit = md.att_gt(
        frame, yname="y", tname="year", idname="unit", gname="g", xformla=formula, cband=False
    )
    own = md.aggte(fit, type="dynamic", cband=False)
    return event_study(own.event_times, own.att_by_event, own.se_by_event)


def differences(job: str, frame: Any) -> Any:
    """The differences package."""
    from differences import ATTgt

    indexed = frame.assign(g=frame["g"].where(frame["g"] > 0)).set_index(["unit", "year"])
    formula = "y" if job == "cs" else "y ~ " + " + ".join(COVARIATES)
    fit = ATTgt(data=indexed, cohort_column="g")
    fit.fit(formula=formula, est_method="dr", progress_bar=False)
    table = fit.aggregate("event")
    table.columns = [column[-1] for column in table.columns]
    return event_study(table.index, table["ATT"], table["std_error"])


def pyfixest(_job: str, frame: Any) -> Any:
    """The pyfixest package."""
    from pyfixest.did.estimation import did2s

    own = frame.assign(
        rel=np.where(frame["treated"] == 1, frame["year"] - frame["g"], -99).astype(int)
    )
    fit = did2s(
        own, yname="y", first_stage="~ 0 | unit + year", second_stage="~ i(rel, ref=-99)",
        treatment="treated", cluster="unit",
    )  # fmt: skip
    table = fit.tidy()
    events = [int(float(name.split("::")[-1].rstrip("]").lstrip("T."))) for name in table.index]
    return event_study(events, table["Estimate"], table["Std. Error"])


def py2sdid(_job: str, frame: Any) -> Any:
    """The py2sdid package."""
    import polars as pl
    from py2sdid import ts_did

    columns = {name: frame[name].to_numpy() for name in ("unit", "year", "g", "y")}
    fit = ts_did(pl.DataFrame(columns), "y", "unit", "year", "g", verbose=False)
    table = fit.att_by_horizon
    return event_study(table["rel_time"], table["estimate"], table["se"])


def did_multiplegt_dyn(_job: str, frame: Any) -> Any:
    """The authors' Python port."""
    import contextlib
    import io

    import polars as pl
    from did_multiplegt_dyn import DidMultiplegtDyn

    count = pl.count  # polars 2 no longer counts rows without a name, which 0.1.9 asks for
    pl.count = lambda *names: count(*names) if names else pl.len()
    columns = {name: frame[name].to_numpy() for name in ("unit", "year", "coached", "y")}
    with contextlib.redirect_stdout(io.StringIO()):
        fit = DidMultiplegtDyn(
            df=pl.DataFrame(columns), outcome="y", group="unit", time="year",
            treatment="coached", effects=4, placebo=2,
        )  # fmt: skip
        fit.fit()
    table = fit.result["mat_res_XX"]
    events = [0, 1, 2, 3, None, -2, -3]
    rows = [
        row
        for row in zip(events, table["Estimate"], table["SE"], strict=True)
        if row[0] is not None
    ]
    return event_study(*zip(*rows, strict=True))


ENGINES = {
    "py-did-multiplegt-dyn": did_multiplegt_dyn,
    "kruispunt": kruispunt,
    "diff-diff": diff_diff,
    "csdid": csdid,
    "moderndid": moderndid,
    "differences": differences,
    "pyfixest": pyfixest,
    "py2sdid": py2sdid,
}


def agree(
    one: dict[str, list[float]], other: dict[str, list[float]], tolerance: float = 1e-2
) -> str | None:
    """Estimates to 1e-5 and standard errors to 1 %, of the event times both have."""
    both = sorted(set(one) & set(other))
    if not both:
        return "no event time in common"
    estimate = max(abs(one[e][0] - other[e][0]) for e in both)
    error = max(abs(one[e][1] / other[e][1] - 1) for e in both)
    if estimate < 1e-5 and error < tolerance:
        return None
    return f"estimates differ by {estimate:.1e}, errors by {100 * error:.2g} %, of {len(both)}"


def main() -> None:
    """Run one engine, or all."""
    parser = harness.arguments(__doc__ or "")
    parser.add_argument("--units", type=int, default=100_000)
    parser.add_argument("--job", choices=sorted(JOBS), default="cs")
    parser.add_argument("--engines", help="these, comma-separated, in place of the usual ones")
    options = parser.parse_args()
    if options.engine:
        warnings.simplefilter("ignore")
        logging.disable(logging.CRITICAL)
        work = ENGINES[options.engine]
        work(options.job, data(500))  # compile, import and warm up outside the clock
        frame = data(options.units)
        answer, figures = harness.timed(lambda: work(options.job, frame))
        harness.child(answer, figures)
        return
    engines = options.engines.split(",") if options.engines else JOBS[options.job]
    size = "" if options.units == 100_000 else f"-{options.units}-units"
    harness.compare(
        f"did-{options.job}{size}",
        {engine: engine for engine in engines},
        options,
        # errors of 999 bootstrap draws come within some 8 % of the analytic ones
        agree=partial(agree, tolerance=0.1) if options.job == "bands" else agree,
        bytes_moved=options.units * 10 * 8 * (4 + 3 * (options.job in ("cs-dr", "etwfe-x"))),
        extra=["--units", str(options.units), "--job", options.job],
    )


if __name__ == "__main__":
    main()
