use super::alphabet::{Alphabet, MISSING, VOID};
use crate::data::{Account, Column};
use serde::{Deserialize, Serialize};

/// Sequences of states, one a person: what happened in which order.
///
/// Position t of person i holds a state of the alphabet, or is *missing* (unknown), or *void* (the
/// sequence has ended). Sequences that are the same are kept apart but known
/// ([`unique_of`](Self::unique_of)): distances are computed between different ones only.
///
/// Made by a [`Reader`](super::Reader) from a table or a panel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sequences {
    pub(super) alphabet: Alphabet,
    pub(super) positions: Vec<String>,
    pub(super) codes: Vec<u8>,
    pub(super) weights: Vec<f64>,
    pub(super) weighted: bool,
    pub(super) id: String,
    pub(super) ids: Column,
    pub(super) unique: Vec<u32>,
    pub(super) firsts: Vec<u32>,
    pub(super) account: Account,
}

impl Sequences {
    /// Finds the sequences that are the same; different ones are numbered in the order of their
    /// states, so that neighbours share a beginning.
    pub(super) fn index(mut self) -> Self {
        let n = self.len();
        let mut order: Vec<u32> = (0..n as u32).collect();
        order.sort_unstable_by(|&a, &b| {
            self.row(a as usize).cmp(self.row(b as usize)).then(a.cmp(&b))
        });
        let mut unique = vec![0; n];
        let mut firsts: Vec<u32> = Vec::new();
        for &at in &order {
            let same =
                firsts.last().is_some_and(|&l| self.row(l as usize) == self.row(at as usize));
            if !same {
                firsts.push(at);
            }
            unique[at as usize] = firsts.len() as u32 - 1;
        }
        (self.unique, self.firsts) = (unique, firsts);
        self
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.weights.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.weights.is_empty()
    }

    /// The states.
    #[must_use]
    pub const fn alphabet(&self) -> &Alphabet {
        &self.alphabet
    }

    /// The labels of the positions.
    #[must_use]
    pub fn positions(&self) -> &[String] {
        &self.positions
    }

    /// The weight of each sequence, shape `(n,)`; 1 without weights.
    #[must_use]
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// Whether weights were given.
    #[must_use]
    pub const fn is_weighted(&self) -> bool {
        self.weighted
    }

    /// Who each sequence is of.
    #[must_use]
    pub const fn ids(&self) -> &Column {
        &self.ids
    }

    /// The name of that column.
    #[must_use]
    pub fn id_name(&self) -> &str {
        &self.id
    }

    /// The number of each sequence among the different ones, shape `(n,)`.
    #[must_use]
    pub fn unique_of(&self) -> &[u32] {
        &self.unique
    }

    /// The first row of each of the different sequences.
    #[must_use]
    pub fn unique_rows(&self) -> &[u32] {
        &self.firsts
    }

    /// The total weight of each of the different sequences.
    #[must_use]
    pub fn unique_weights(&self) -> Vec<f64> {
        let mut sums = vec![0.0; self.firsts.len()];
        for (&unique, weight) in self.unique.iter().zip(&self.weights) {
            sums[unique as usize] += weight;
        }
        sums
    }

    /// What happened to the rows so far.
    #[must_use]
    pub const fn account(&self) -> &Account {
        &self.account
    }

    /// The state at a position; `None` when missing or after the end.
    #[must_use]
    pub fn state(&self, sequence: usize, position: usize) -> Option<u8> {
        let code = *self.row(sequence).get(position)?;
        (code < MISSING).then_some(code)
    }

    /// All codes of a sequence: states, [`MISSING`], [`VOID`].
    pub(super) fn row(&self, sequence: usize) -> &[u8] {
        let width = self.positions.len();
        &self.codes[sequence * width..(sequence + 1) * width]
    }

    /// A sequence up to its end, with its missing positions.
    pub(super) fn body(&self, sequence: usize) -> &[u8] {
        let row = self.row(sequence);
        let end = row.iter().rposition(|&code| code != VOID).map_or(0, |at| at + 1);
        &row[..end]
    }

    /// Spells of states with their length; missing positions are left out.
    pub(super) fn spells(&self, sequence: usize) -> Vec<(u8, u32)> {
        let mut spells: Vec<(u8, u32)> = Vec::new();
        for &code in self.body(sequence).iter().filter(|&&code| code != MISSING) {
            match spells.last_mut() {
                Some((state, length)) if *state == code => *length += 1,
                _ => spells.push((code, 1)),
            }
        }
        spells
    }

    /// The codes as numbers, shape `(n, positions)` row by row: -1 missing, -2 void.
    #[must_use]
    pub fn codes(&self) -> Vec<i16> {
        let number = |&code: &u8| match code {
            MISSING => -1,
            VOID => -2,
            code => i16::from(code),
        };
        self.codes.iter().map(number).collect()
    }
}
