//! Every switch changes the table it names, and nothing is wrong without switches.

use crate::{days, texts, world};
use kruispunt::data::Table;
use kruispunt_belgium::insz;
use kruispunt_synth::{Imperfection, Imperfections, Scale};
use rayon::prelude::*;

/// Where a fault shows.
fn shows_in(fault: Imperfection) -> &'static [&'static str] {
    match fault {
        Imperfection::NameErrors | Imperfection::BirthDateErrors => &["vdab_klanten", "permits"],
        Imperfection::InszErrors => &["vdab_klanten", "kbi_dossier"],
        Imperfection::JanuaryFirst => &["persons", "identities"],
        Imperfection::BisToNr => &["insz_history", "vdab_klanten"],
        Imperfection::DupBis => &["identities"],
        Imperfection::WachtregisterMissing
        | Imperfection::AnnualAttributes
        | Imperfection::StatSec
        | Imperfection::NisRecode => &["residence_spells"],
        Imperfection::It202Blank => &["persons"],
        Imperfection::EstabOnlyQ2Q4
        | Imperfection::SeveralLines
        | Imperfection::JobLineSplit
        | Imperfection::DaysOver65
        | Imperfection::NegativeCorrection
        | Imperfection::Dibiss
        | Imperfection::StudentJobs => &["dmfa_jobs"],
        Imperfection::DoubleDeath => &["deaths"],
        Imperfection::OpenVdabSpells => &["vdab_inschrijving"],
        Imperfection::PlannedEnd => &["vdab_acties"],
        Imperfection::KbiStatusEmpty | Imperfection::Nt2WithoutTraject => &["kbi_dossier"],
        Imperfection::KbiRenumber => &["kbi_dossier", "kbi_onderdelen"],
        Imperfection::SilentExit => &["nomenc", "residence_spells"],
        _ => &["nomenc", "dmfa_jobs"],
    }
}

#[test]
fn each_fault_shows_and_leaves_other_families_alone() {
    let clean = world(Scale::Test, Imperfections::none());
    Imperfection::ALL.par_iter().for_each(|fault| {
        let faults = Imperfections::list([fault.name()]).unwrap();
        let faulty = world(Scale::Test, faults);
        for name in shows_in(*fault) {
            let (own, other) = (faulty.table(name).unwrap(), clean.table(name).unwrap());
            assert_ne!(own, other, "{} does not show in {name}", fault.name());
        }
        let latent = |world: &kruispunt_synth::World| world.truth("latent").unwrap().clone();
        assert_eq!(latent(&faulty), latent(&clean), "{} changes the truth", fault.name());
    });
}

fn nulls(table: &Table, name: &str) -> usize {
    table.get(name).unwrap().count_nulls()
}

#[test]
fn without_faults_the_files_are_as_they_should_be() {
    let world = world(Scale::Test, Imperfections::none());
    let clients = world.table("vdab_klanten").unwrap();
    assert_eq!(nulls(clients, "insz"), 0);
    let identities = world.table("identities").unwrap();
    assert_eq!(world.table("insz_history").unwrap().n_rows(), 0);
    let mut numbers: Vec<String> = texts(identities, "insz").into_iter().flatten().collect();
    assert!(numbers.iter().all(|number| insz::is_valid(number)));
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), identities.n_rows());
    assert_eq!(numbers.len(), world.table("persons").unwrap().n_rows());
    let jobs = world.table("dmfa_jobs").unwrap();
    assert!(crate::floats(jobs, "days_ft").iter().all(|days| *days <= 65.0));
    assert!(crate::floats(jobs, "wage_ord").iter().all(|wage| *wage > 0.0));
    assert_eq!(nulls(jobs, "nis_estab"), 0);
}

#[test]
fn replaced_numbers_are_valid_different_and_lead_to_the_number_now() {
    let world = world(Scale::Test, Imperfections::all());
    let history = world.table("insz_history").unwrap();
    let (old, new) = (texts(history, "old_insz"), texts(history, "new_insz"));
    let known = texts(world.table("identities").unwrap(), "insz");
    assert!(history.n_rows() > 50);
    assert!(days(history, "date").iter().all(Option::is_some));
    let mut bis = 0;
    for (old, new) in old.iter().flatten().zip(&new) {
        bis += usize::from(insz::Insz::parse(old).unwrap().kind() != insz::Kind::National);
        assert!(known.contains(new) && !known.contains(&Some(old.clone())));
    }
    assert!(bis * 3 > history.n_rows() * 2);
}
