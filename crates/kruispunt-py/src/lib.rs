//! The Python door of kruispunt: type conversion and nothing else.
//!
//! Each file mirrors one room of the core. A room's file holds its native classes and functions;
//! it converts arguments, calls the core through [`work::run`] (which releases the GIL, hears
//! Ctrl-C and reports progress) and converts the answer. There is no loop over data here.
//!
//! | Python | here | core |
//! |---|---|---|
//! | any data frame | [`arrow`] and [`import`] | `data::Table` |
//! | `kp.Table` | [`table`] over [`export`] | `data::Table` |
//! | exceptions | [`error`] | one error enum per room |
//! | `KeyboardInterrupt`, progress | [`work`] | `data::Ticket` |
//!
//! A new native name is exported in the block of its room below and described in
//! `python/kruispunt/_core.pyi`.

#![allow(clippy::needless_pass_by_value, reason = "arguments of Python functions arrive owned")]

mod account;
mod arrow;
mod belgium;
mod careers;
mod cases;
mod coded;
mod column;
mod disclosure;
mod dose;
mod error;
mod estimate;
mod evaluate;
mod export;
mod hazard;
mod import;
mod linkage;
mod linkage_quality;
mod linked;
mod multistate;
mod panel;
mod pickle;
mod refi;
mod report;
mod risk_sets;
mod roll_outs;
mod synth;
mod table;
mod trajectory;
mod work;

#[pyo3::pymodule(gil_used = false)]
mod _core {
    // data
    #[pymodule_export]
    use crate::account::check_account;
    #[pymodule_export]
    use crate::column::PyColumn;
    #[pymodule_export]
    use crate::linked::PyLinked;
    #[pymodule_export]
    use crate::table::PyTable;

    // linkage
    #[pymodule_export]
    use crate::linkage::PyLinker;
    #[pymodule_export]
    use crate::linkage::PyLinks;
    #[pymodule_export]
    use crate::linkage::PyPairScorer;
    #[pymodule_export]
    use crate::linkage::PyTruth;
    #[pymodule_export]
    use crate::linkage::key_link;
    #[pymodule_export]
    use crate::linkage::resolve_key;
    #[pymodule_export]
    use crate::linkage::rule_link;
    #[pymodule_export]
    use crate::linkage::stack;
    #[pymodule_export]
    use crate::linkage_quality::{
        PyClericalSample, link_balance, link_calibration, link_cluster_measures,
        link_cluster_table, link_evidence, link_histogram, link_implausible, link_implausible_rows,
        link_patterns, link_ranking, link_right_ones, link_thresholds, link_waterfalls,
    };

    // panel
    #[pymodule_export]
    use crate::panel::PyCalendar;
    #[pymodule_export]
    use crate::panel::PyPanel;
    #[pymodule_export]
    use crate::panel::PySpells;
    #[pymodule_export]
    use crate::panel::PyTimeline;

    // estimate
    #[pymodule_export]
    use crate::estimate::{PyFit, etable, etable_rows, fit_models, model_columns};
    #[pymodule_export]
    use crate::estimate::{
        PyLinkedFit, PyMismatchFit, after_linkage, linkage_sensitivity, linked_columns,
        mismatch_mixture, mixture_columns, pooled_effects, pooled_fit,
    };

    // evaluate
    #[pymodule_export]
    use crate::dose::{PyDoseEffects, dose_response};
    #[pymodule_export]
    use crate::evaluate::{
        PyEffects, bacon, did, dynamic_matching, event_study, gap, twfe_weights,
    };
    #[pymodule_export]
    use crate::evaluate::{
        att, dynamic_matching_by, e_value, matching_balance, matching_rosenbaum, oster,
    };
    #[pymodule_export]
    use crate::hazard::{
        PyCoxFit, PyHazardFit, PySurvival, cox, formula_columns, hazard, staged, survival,
    };
    #[pymodule_export]
    use crate::multistate::{PyMultistate, multistate, treatment_weights};
    #[pymodule_export]
    use crate::risk_sets::{PyRiskTable, risk_sets, stage_paths};
    #[pymodule_export]
    use crate::roll_outs::{discontinuity, switching_did, synthetic_did};

    // trajectory
    #[pymodule_export]
    use crate::careers::{
        PyChannels, trajectory_against, trajectory_branches, trajectory_drawn, trajectory_dss,
        trajectory_fuzzy, trajectory_quality_drawn, trajectory_relative,
        trajectory_representatives, trajectory_sum, trajectory_types_drawn, trajectory_undesirable,
    };
    #[pymodule_export]
    use crate::trajectory::{PyDistances, PySequences, PyTree, PyTypology};

    // cases
    #[pymodule_export]
    use crate::cases::{cases_pairs, cases_select, cases_timeline};
    #[pymodule_export]
    use crate::coded::{PyRegistry, cases_agreement, cases_joint, cases_prevalence, cases_recall};
    #[pymodule_export]
    use crate::refi::PyProject;

    // report
    #[pymodule_export]
    use crate::disclosure::{
        PyDisclosure, PyProtected, PyReleased, check_manifest, manifest_methods,
    };
    #[pymodule_export]
    use crate::report::PyPage;
    #[pymodule_export]
    use crate::report::flow_svg;

    // belgium
    #[pymodule_export]
    use crate::belgium::{
        access_to_work, code_list, construct_cards, country_list, eligible_for_leave,
        family_origin, generation, insz_parse, insz_read, insz_valid, integration_obligation,
        nis_crosswalk, origin, policy_events, programme_paths, register_checks,
        resolve_identifiers, stable_employment, wage_a_day, waiting_register_mask, work_grounds,
    };

    // synth
    #[pymodule_export]
    use crate::synth::PyWorld;
    #[pymodule_export]
    use crate::synth::{synth_imperfections, synth_schema};

    // the build
    #[pymodule_export]
    use crate::work::{rehearse, set_threads, settle};

    /// Whether this build has no optimisation worth the name.
    #[pymodule_export]
    const DEBUG: bool = cfg!(debug_assertions);

    /// The version of the native module.
    #[pymodule_export]
    const VERSION: &str = env!("CARGO_PKG_VERSION");
}
