//! What was released before, so that no new table undoes what an old one hid.

use super::cells::{Cells, Kind, State};
use super::rules::{Need, Reason};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The cells of all tables released so far: what was told, what was withheld.
///
/// Tables whose cells agree where they are the same, and whose parts are never more than their
/// totals, are taken to be of one population and protected as one; others are kept apart, and a
/// cell that differs from the same cell of another population by a few persons is withheld. It
/// holds the values of withheld cells and must not leave the room.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Released {
    pub(super) populations: Vec<Population>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Population {
    pub(super) within: BTreeMap<String, BTreeMap<String, String>>,
    pub(super) cells: Vec<Past>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Past {
    pub(super) labels: Vec<(String, String)>,
    pub(super) told: bool,
    pub(super) table: String,
    /// Value and need by quantity.
    pub(super) values: Vec<(String, f64, Need)>,
}

impl Past {
    fn value(&self, quantity: &str) -> Option<f64> {
        self.values.iter().find(|(name, ..)| name == quantity).map(|(_, value, _)| *value)
    }
}

impl Released {
    /// How many cells were told and how many withheld.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        let all = || self.populations.iter().flat_map(|population| &population.cells);
        (all().filter(|past| past.told).count(), all().filter(|past| !past.told).count())
    }
}

impl Population {
    /// Whether cells that are the same have the same values in the tables of the call.
    pub(super) fn agrees(&self, cells: &Cells) -> bool {
        self.known(cells).all(|(at, past)| {
            cells.systems.iter().filter(|own| own.kind == Kind::Count).all(|own| {
                let value = own.value[at];
                past.value(&own.name).is_none_or(|past| value.is_nan() || past == value)
            })
        })
    }

    /// The cells of the call that were released before.
    fn known<'a>(&'a self, cells: &'a Cells) -> impl Iterator<Item = (usize, &'a Past)> {
        let by_labels: BTreeMap<_, _> = (0..cells.len()).map(|at| (cells.labels(at), at)).collect();
        self.cells.iter().filter_map(move |past| by_labels.get(&past.labels).map(|at| (*at, past)))
    }

    /// Puts what was released before among the cells of the call.
    pub(super) fn join(&self, cells: &mut Cells) {
        for (variable, parents) in &self.within {
            let at = cells.dimension(variable);
            for (label, parent) in parents {
                cells.dimensions[at].within(label, parent);
            }
        }
        for past in &self.cells {
            for (variable, _) in &past.labels {
                cells.dimension(variable);
            }
        }
        for past in &self.cells {
            let mut codes = vec![super::cells::TOTAL; cells.dimensions.len()];
            for (variable, label) in &past.labels {
                let at = cells.dimension(variable);
                codes[at] = cells.dimensions[at].code(label);
            }
            let at = cells.cell(codes);
            if past.told {
                cells.state[at] = State::Told;
                cells.reason[at] = None;
            } else {
                cells.withhold(at, Reason::Before);
            }
            for (name, value, need) in &past.values {
                let kind = match name.split_once(':').map(|(kind, _)| kind) {
                    Some("share" | "without") => Kind::Share,
                    Some("sum") => Kind::Sum,
                    Some("mean") => Kind::Mean,
                    _ => Kind::Count,
                };
                let system = cells.system(name, kind);
                let own = &mut cells.systems[system];
                own.value[at] = *value;
                own.need[at] = own.need[at].or(Some(*need));
            }
        }
    }

    /// Cells of the call that differ from a told one by fewer persons than `least`.
    pub(super) fn nearly(&self, cells: &Cells, least: f64) -> Vec<(usize, String)> {
        self.known(cells)
            .filter(|(_, past)| past.told)
            .filter(|(at, past)| {
                cells.systems.iter().filter(|own| own.kind == Kind::Count).any(|own| {
                    past.value(&own.name).is_some_and(|past| {
                        let apart = (past - own.value[*at]).abs();
                        apart > 0.0 && apart < least
                    })
                })
            })
            .map(|(at, past)| (at, past.table.clone()))
            .collect()
    }

    /// Takes note of the cells of a call.
    pub(super) fn note(&mut self, cells: &Cells, tables: &[String]) {
        for dimension in &cells.dimensions {
            for (code, parent) in dimension.parent.iter().enumerate().skip(1) {
                if *parent != super::cells::TOTAL {
                    self.within.entry(dimension.name.clone()).or_default().insert(
                        dimension.labels[code].clone(),
                        dimension.labels[*parent as usize].clone(),
                    );
                }
            }
        }
        let places: BTreeMap<Vec<(String, String)>, usize> =
            self.cells.iter().enumerate().map(|(at, past)| (past.labels.clone(), at)).collect();
        for at in 0..cells.len() {
            let labels = cells.labels(at);
            let values = cells
                .systems
                .iter()
                .filter(|own| !own.value[at].is_nan())
                .map(|own| (own.name.clone(), own.value[at], own.need[at]))
                .collect();
            let told = cells.state[at] != State::Withheld;
            let table = cells.rows[at].first().map(|(table, _)| tables[*table].clone());
            match places.get(&labels) {
                Some(&place) => self.cells[place].values = values,
                None => {
                    self.cells.push(Past {
                        labels,
                        told,
                        table: table.unwrap_or_default(),
                        values,
                    });
                }
            }
        }
    }
}
