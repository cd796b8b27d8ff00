//! The truth, kept apart from the registers.

use super::Kind::{Date, Float, Int, Quarter, Text};
use super::{GENERATION, ORIGIN, PID, QUARTER, TRAINING, TableSchema, code, field, in_unit};

const STATE: &[(&str, &str)] = &[
    ("E", "employed"),
    ("U", "job-seeking"),
    ("L", "social assistance"),
    ("I", "not active"),
    ("A", "abroad"),
    ("N", "not there yet"),
    ("D", "dead"),
];

pub(super) const ALL: &[TableSchema] = &[
    TableSchema {
        name: "att",
        description: "Average effect of a training on those who took it, by quarters since its start: the difference between twin worlds with the same draws.",
        generated: true,
        fields: &[
            code("type", TRAINING, "training"),
            code(
                "group",
                &[
                    ("all", "everybody"),
                    ("BE", "Belgium"),
                    ("EU14", "EU14"),
                    ("EU13", "EU13"),
                    ("TR", "Turkey"),
                    ("MA", "Morocco"),
                    ("nonEU", "other countries"),
                ],
                "origin group",
            ),
            code(
                "estimand",
                &[
                    ("never", "against a world without programmes"),
                    ("waiting", "against not starting in that quarter, later start allowed"),
                ],
                "against what",
            ),
            code(
                "outcome",
                &[
                    (
                        "employed",
                        "share employed on the last day; abroad and dead count as not employed",
                    ),
                    ("jobseeking", "share job-seeking on the last day"),
                    (
                        "cum_employed",
                        "quarters employed since the start, the start quarter included",
                    ),
                ],
                "outcome",
            ),
            in_unit("e", Int, "quarters", "quarters since the start; before it the effect is 0"),
            field("value", Float, "effect on the treated observed at e"),
            field("n", Int, "treated persons observed at e"),
            field(
                "mc_se",
                Float,
                "standard error of the value as an estimate for the population the world is drawn from",
            ),
        ],
    },
    TableSchema {
        name: "links",
        description: "Whose record it is.",
        generated: true,
        fields: &[
            code(
                "source",
                &[
                    ("vdab_klanten", "clients"),
                    ("kbi_dossier", "dossiers"),
                    ("permits", "permits"),
                    ("identities", "second identities"),
                ],
                "table",
            ),
            field("record", Text, "its key in that table: vdab_id, kbi_nr, permit_id or pid"),
            field("row", Int, "its row in that table, from 0"),
            PID,
        ],
    },
    TableSchema {
        name: "latent",
        description: "What no register knows of a person.",
        generated: true,
        fields: &[
            PID,
            field("household", Int, "number of the household"),
            field("u", Float, "attachment to work"),
            field("theta", Float, "person effect in the log day wage"),
            field("edu", Int, "education, 0 to 2"),
            code("origin", ORIGIN, "origin group"),
            code("generation", GENERATION, "migration generation"),
            code("training", TRAINING, "first training; missing when none"),
            field("start", Quarter, "quarter of its start; missing when none"),
        ],
    },
    TableSchema {
        name: "params",
        description: "Parameters of the world.",
        generated: true,
        fields: &[field("name", Text, "parameter"), field("value", Float, "value")],
    },
    TableSchema {
        name: "worlds",
        description: "States of the trained in the three worlds, from the start of training on.",
        generated: true,
        fields: &[
            PID,
            QUARTER,
            code("actual", STATE, "the world of the registers"),
            code("never", STATE, "without programmes"),
            code("block", STATE, "own first start suppressed"),
        ],
    },
    TableSchema {
        name: "rollout",
        description: "Effect of the municipal roll-out on `service_index`.",
        generated: true,
        fields: &[
            field("cohort", Quarter, "quarter of adoption"),
            in_unit("e", Int, "quarters", "quarters since adoption"),
            field("value", Float, "effect"),
            field("n", Int, "person-quarters in `rollout_outcome`"),
        ],
    },
    TableSchema {
        name: "employer_effects",
        description: "Employer effects in the log day wage.",
        generated: true,
        fields: &[field("matric", Int, "coded employer"), field("psi", Float, "employer effect")],
    },
    TableSchema {
        name: "asylum",
        description: "Asylum seekers with access to work, and what they would have done in a world in which all wait 180 days, with the same draws.",
        generated: true,
        fields: &[
            field("applicant", Int, "coded number"),
            field("access", Date, "first day on which work is allowed"),
            in_unit("wait", Int, "days", "days from application to access"),
            field("first_job_180", Date, "first day of work after a wait of 180 days"),
            in_unit("days_worked_180", Int, "days", "days at work after a wait of 180 days"),
            field("edu", Int, "education, 0 to 2"),
        ],
    },
    TableSchema {
        name: "integration",
        description: "What a civic-integration programme from the quarter of arrival on does to ever having worked, for adult newcomers who neither work nor seek work when they arrive, in nested worlds with the same draws; 0 unless integration changes careers.",
        generated: true,
        fields: &[
            in_unit("e", Int, "quarters", "quarters since arrival"),
            field("none", Float, "share who worked by then without a programme"),
            field("programme", Float, "with one"),
            field(
                "direct_only",
                Float,
                "with one to which registering as a job-seeker does not react",
            ),
            field("total", Float, "programme less none"),
            field("total_mc_se", Float, "its simulation error"),
            field("share", Float, "part of the total that runs through registering"),
            field("share_mc_se", Float, "its simulation error"),
            field("n", Int, "newcomers observed at e"),
        ],
    },
];
