//! Tables that do not belong to persons: employers and municipalities.

use crate::SynthError;
use crate::life::Stage;
use crate::params::FIRST;
use crate::rows::{Cell, Rows};
use crate::schema::schema;
use kruispunt::data::{Table, Values};
use rustc_hash::FxHashSet;

/// `employers` (those with a job line), `municipalities`, and the truth `employer_effects`.
pub(crate) fn reference(stage: &Stage, jobs: &Table) -> Result<[Table; 3], SynthError> {
    let used: FxHashSet<i64> = match jobs.get("matric").map(kruispunt::data::Column::values) {
        Some(Values::Int(matrics)) => matrics.iter().copied().collect(),
        _ => FxHashSet::default(),
    };
    let mut employers = sheet("employers");
    let mut effects = sheet("employer_effects");
    let mut firms: Vec<_> =
        stage.firms.all.iter().filter(|firm| used.contains(&firm.matric)).collect();
    firms.sort_unstable_by_key(|firm| firm.matric);
    for firm in firms {
        employers.push(&[
            Cell::Int(firm.matric),
            Cell::Text(&firm.kbo_text()),
            Cell::Text(firm.nace()),
            Cell::Text(firm.committee()),
            Cell::Code(firm.size),
            Cell::Text(&stage.municipalities[firm.municipality].nis5),
        ]);
        effects.push(&[Cell::Int(firm.matric), Cell::Float(firm.psi)]);
    }
    let mut places = sheet("municipalities");
    for place in &stage.municipalities {
        let adoption = place.adoption.map(|q| FIRST + q as i32);
        places.push(&[
            Cell::Text(&place.nis5),
            Cell::Text(&place.nis5_2019),
            Cell::Text(&place.name),
            Cell::Text(&place.postcode),
            Cell::Text(place.province),
            adoption.map_or(Cell::Null, Cell::Period),
            Cell::from(place.border),
        ]);
    }
    Ok([employers.finish()?, places.finish()?, effects.finish()?])
}

fn sheet(name: &str) -> Rows {
    Rows::new(schema(name).unwrap_or(&super::NO_SCHEMA))
}
