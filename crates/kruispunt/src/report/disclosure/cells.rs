//! All cells of tables that share variables, in one space.

use super::DisclosureError;
use super::rules::{Need, Reason};
use rustc_hash::FxHashMap;

/// The code of a total.
pub(super) const TOTAL: u32 = 0;

/// A variable: its labels by code (code 0 is the total) and the label each is part of.
#[derive(Clone, Debug)]
pub(super) struct Dimension {
    pub(super) name: String,
    pub(super) labels: Vec<String>,
    pub(super) parent: Vec<u32>,
    known: FxHashMap<String, u32>,
}

impl Dimension {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            labels: vec![String::new()],
            parent: vec![TOTAL],
            known: FxHashMap::default(),
        }
    }

    /// The code of a label, a new one if need be.
    pub(super) fn code(&mut self, label: &str) -> u32 {
        if let Some(&code) = self.known.get(label) {
            return code;
        }
        let code = self.labels.len() as u32;
        self.labels.push(label.to_owned());
        self.parent.push(TOTAL);
        self.known.insert(label.to_owned(), code);
        code
    }

    /// Says that `label` is part of `parent`.
    pub(super) fn within(&mut self, label: &str, parent: &str) {
        let (own, above) = (self.code(label), self.code(parent));
        self.parent[own as usize] = above;
    }

    /// Refuses labels that are part of themselves.
    pub(super) fn check(&self) -> Result<(), DisclosureError> {
        for start in 1..self.parent.len() as u32 {
            let (mut at, mut steps) = (start, 0);
            while at != TOTAL {
                at = self.parent[at as usize];
                steps += 1;
                if steps > self.parent.len() {
                    return Err(DisclosureError::Circle { variable: self.name.clone() });
                }
            }
        }
        Ok(())
    }

    /// The labels right below a code.
    pub(super) fn children(&self, code: u32) -> Vec<u32> {
        (1..self.parent.len() as u32).filter(|&own| self.parent[own as usize] == code).collect()
    }
}

/// What is known of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It would be shown, and may be withheld.
    Open,
    /// Nobody is told.
    Withheld,
    /// It was told before; nothing can take it back.
    Told,
}

/// A quantity that adds up over parts: persons, persons with something, a sum.
#[derive(Clone, Debug)]
pub(super) struct System {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// By cell; NaN where unknown.
    pub(super) value: Vec<f64>,
    pub(super) need: Vec<Need>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Whole persons; parts never exceed a total.
    Count,
    /// A count behind a share, as exact as the share is.
    Share,
    /// A sum of numbers.
    Sum,
    /// A sum behind a mean, as exact as the mean is.
    Mean,
}

/// Cells, what is known of them, and the quantities they have.
#[derive(Clone, Debug, Default)]
pub(super) struct Cells {
    pub(super) dimensions: Vec<Dimension>,
    pub(super) codes: Vec<Vec<u32>>,
    pub(super) state: Vec<State>,
    pub(super) reason: Vec<Option<Reason>>,
    /// The rows of the tables of this call that show the cell.
    pub(super) rows: Vec<Vec<(usize, usize)>>,
    pub(super) systems: Vec<System>,
    known: FxHashMap<Vec<u32>, usize>,
}

impl Cells {
    pub(super) fn len(&self) -> usize {
        self.codes.len()
    }

    /// The place of a variable, a new one if need be: cells so far are totals of it.
    pub(super) fn dimension(&mut self, name: &str) -> usize {
        if let Some(at) = self.dimensions.iter().position(|own| own.name == name) {
            return at;
        }
        self.dimensions.push(Dimension::new(name));
        for codes in &mut self.codes {
            codes.push(TOTAL);
        }
        let known = self.codes.iter().cloned().enumerate().map(|(at, codes)| (codes, at));
        self.known = known.collect();
        self.dimensions.len() - 1
    }

    pub(super) fn find(&self, codes: &[u32]) -> Option<usize> {
        self.known.get(codes).copied()
    }

    /// The cell of `codes`, a new open one if need be.
    pub(super) fn cell(&mut self, codes: Vec<u32>) -> usize {
        if let Some(&at) = self.known.get(&codes) {
            return at;
        }
        let at = self.codes.len();
        self.known.insert(codes.clone(), at);
        self.codes.push(codes);
        self.state.push(State::Open);
        self.reason.push(None);
        self.rows.push(Vec::new());
        for system in &mut self.systems {
            system.value.push(f64::NAN);
            system.need.push(Need::default());
        }
        at
    }

    /// The quantity of a name, a new one if need be.
    pub(super) fn system(&mut self, name: &str, kind: Kind) -> usize {
        if let Some(at) = self.systems.iter().position(|own| own.name == name) {
            return at;
        }
        let (value, need) = (vec![f64::NAN; self.len()], vec![Need::default(); self.len()]);
        self.systems.push(System { name: name.to_owned(), kind, value, need });
        self.systems.len() - 1
    }

    /// Withholds a cell; the first reason stays.
    pub(super) fn withhold(&mut self, at: usize, reason: Reason) {
        if self.state[at] != State::Told {
            self.state[at] = State::Withheld;
            self.reason[at].get_or_insert(reason);
        }
    }

    /// The cell's labels by variable, totals left out.
    pub(super) fn labels(&self, at: usize) -> Vec<(String, String)> {
        let mut labels: Vec<(String, String)> = self.codes[at]
            .iter()
            .zip(&self.dimensions)
            .filter(|(code, _)| **code != TOTAL)
            .map(|(code, own)| (own.name.clone(), own.labels[*code as usize].clone()))
            .collect();
        labels.sort();
        labels
    }
}
