//! The documentation of the tables.

use super::{Field, TRUTH, TableSchema, tables};
use crate::imperfection::Imperfection;
use std::fmt::Write as _;

/// `docs/registers.md`, made from the schemas.
#[must_use]
pub fn markdown() -> String {
    let mut page = String::from(INTRO);
    page.push_str("\n## Imperfections\n\n| name | what it does |\n|---|---|\n");
    for one in Imperfection::ALL {
        let _ = writeln!(page, "| `{}` | {} |", one.name(), one.description());
    }
    page.push_str("\n# Registers\n");
    for table in tables() {
        section(&mut page, table);
    }
    page.push_str(
        "\n# Truth\n\nNever in a register file; `write_csv` puts it in a folder of its own.\n",
    );
    for table in TRUTH {
        section(&mut page, table);
    }
    page
}

fn section(page: &mut String, table: &TableSchema) {
    let _ = writeln!(page, "\n## {}\n\n{}", table.name, table.description);
    if !table.generated {
        page.push_str("\n**Not generated yet.**\n");
    }
    page.push_str("\n| column | kind | unit | description |\n|---|---|---|---|\n");
    for field in table.fields {
        let kind = field.kind.name();
        let (name, unit) = (field.name, field.unit);
        let _ = writeln!(
            page,
            "| `{name}` | {kind} | {unit} | {}{} |",
            field.description,
            codes(field)
        );
    }
}

fn codes(field: &Field) -> String {
    if field.codes.is_empty() {
        return String::new();
    }
    let list: Vec<String> =
        field.codes.iter().map(|(code, meaning)| format!("`{code}` {meaning}")).collect();
    format!(" ({})", list.join(", "))
}

const INTRO: &str = "\
# Synthetic registers

Made by `kruispunt-synth` (`kp.synth.registers` in Python). No person in them exists: names come
from a syllable grammar, numbers from a seed. Codes follow the Belgian registers where the lists
are public; the rest is the project's own and says so. This page is generated from the schemas; a
test compares the two.

Every person lives in three worlds with the same draws: `actual`, which the registers show;
`never`, without any programme; and `block`, in which the person's own first start of a training
is suppressed at its quarter and later starts are allowed. The truth is the difference between
worlds: against *never* and against *waiting*. With `rho = 0` the start of a training depends on
state, duration, education and origin only; larger values add selection on unobserved attachment.

Two outcomes are linear and have their truth in closed form: the log day wage in `dmfa_jobs`
(person effect + employer effect + quarter effect + b1 part-time + b2 agency work + effect of a
finished training + noise, parameters in `params`) and `service_index` in `rollout_outcome`
(person effect + quarter effect + effect by adoption cohort and time + noise).

`asylum_seekers` lives in two worlds with the same draws: with the reform of 9 November 2015 (access
to work after 120 days, not 180) and without it. Search for a first job begins with access and lasts
240 exp(-p) days on average, p by education, sex, age, season and trend; jobs last 200 days on
average, and 120 days lie between them. Applications rise and fall smoothly around the reform. Those
of 13 May to 11 July 2015 wait between 120 and 180 days.

## How careers are made

Each quarter the next state is `argmax_s (V_s + G_s)` over employed E, job-seeking U, social
assistance L, not active I and abroad A, with standard Gumbel draws `G` that are the same in all
worlds. With `e` the pull into work (origin by generation, education, sex, attachment `u`, cycle,
quarters since arrival), `x` the push out of it and `d` the quarters in the state:

| from | to E | to U | to L | to I |
|---|---|---|---|---|
| E | 0 | -3.85 + x | -7 + x | -4.7 + 0.4 x |
| U | -1.35 + e - 0.28 ln(1 + d) | 0 | -4.8 - 0.3 e | -3.3 - 0.3 e |
| L | -2.9 + e | -3.2 + 0.3 e | 0 | -3.2 |
| I | -3.0 + e | -3.6 + 0.3 e | -5.2 - 0.3 e | 0 |

A job-seeker not yet trained starts training `k` with odds
`exp(a_k + rho g_k u + h_k nonEU + s_k (edu - 1) + 0.35 exp(-((d - 2) / 2)^2))`. While it lasts (1
quarter for GCT, 2 for the others) the pull into work falls by the lock-in; afterwards it rises by
`tau_k 2^(-(e - length_k) / half_life_k)`, by 30 % more outside the EU (all in `params`). Everybody
takes at most one training. A trainee of CWT is not employed. Persons below the end of school and
from 65 on are not active; a transition has one day inside its quarter, so all files agree to the
day.

What has no effect in this version: civic integration, Dutch lessons and work permits of the persons
of the panel are recorded but do not change the states.
";
