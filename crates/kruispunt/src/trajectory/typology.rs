use crate::data::{Account, Column, Count, DataError, Step, Table};
use serde::{Deserialize, Serialize};

/// Types of sequences: who is of which, and who stands for each.
///
/// Types are numbered from 1 by falling weight (then by their medoid).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Typology {
    pub(super) method: String,
    /// One number a sequence, from 0.
    pub(super) types: Vec<u32>,
    /// The row of the medoid of each type.
    pub(super) medoids: Vec<u32>,
    pub(super) sizes: Vec<u64>,
    pub(super) weights: Vec<f64>,
    pub(super) total: f64,
    /// Distances to the medoids, `(n, k)`, where not all distances are held.
    pub(super) apart: Option<Vec<f32>>,
    pub(super) id: String,
    pub(super) ids: Column,
    pub(super) account: Account,
}

/// Groups of the different sequences before they are a typology.
pub(super) struct Groups<'a> {
    pub(super) method: String,
    /// One number a different sequence.
    pub(super) group: Vec<u32>,
    /// The medoid of each group, a different sequence.
    pub(super) medoids: Vec<u32>,
    pub(super) total: f64,
    /// Distances of the medoids to the different sequences, medoid by medoid, where they are kept.
    pub(super) rows: Option<Vec<f32>>,
    pub(super) unique: &'a [u32],
    pub(super) firsts: &'a [u32],
    pub(super) weights: &'a [f64],
}

impl Groups<'_> {
    /// The typology: groups in the order of their weight.
    pub(super) fn finish(self, id: &str, ids: &Column, account: &Account) -> Typology {
        let k = self.medoids.len();
        let (mut sizes, mut weights) = (vec![0_u64; k], vec![0.0; k]);
        for (&unique, weight) in self.unique.iter().zip(self.weights) {
            let group = self.group[unique as usize] as usize;
            sizes[group] += 1;
            weights[group] += weight;
        }
        let mut order: Vec<usize> = (0..k).collect();
        order.sort_by(|&a, &b| {
            weights[b].total_cmp(&weights[a]).then(self.medoids[a].cmp(&self.medoids[b]))
        });
        let mut place = vec![0; k];
        for (at, &group) in order.iter().enumerate() {
            place[group] = at as u32;
        }
        let types = self.unique.iter().map(|&u| place[self.group[u as usize] as usize]).collect();
        let different = self.firsts.len();
        let apart = self.rows.map(|rows| {
            let of = |&unique: &u32| order.iter().map(move |&g| (g, unique as usize));
            self.unique.iter().flat_map(of).map(|(g, at)| rows[g * different + at]).collect()
        });
        let all = Count::rows(self.unique.len());
        let step = Step::new("types", format!("{}, {k} types", self.method), all, all);
        Typology {
            method: self.method,
            types,
            medoids: order.iter().map(|&g| self.firsts[self.medoids[g] as usize]).collect(),
            sizes: order.iter().map(|&group| sizes[group]).collect(),
            weights: order.iter().map(|&group| weights[group]).collect(),
            total: self.total,
            apart,
            id: id.to_owned(),
            ids: ids.clone(),
            account: account.clone().then(step),
        }
    }
}

impl Typology {
    /// How many types.
    #[must_use]
    pub fn k(&self) -> usize {
        self.medoids.len()
    }

    /// How they were found, in words.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The type of each sequence, counted from 0.
    #[must_use]
    pub fn types(&self) -> &[u32] {
        &self.types
    }

    /// The sequence that stands for each type: the one nearest to all others of it.
    #[must_use]
    pub fn medoids(&self) -> &[u32] {
        &self.medoids
    }

    /// Sequences of each type.
    #[must_use]
    pub fn sizes(&self) -> &[u64] {
        &self.sizes
    }

    /// Weight of each type.
    #[must_use]
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// The weighted sum of the distances to the medoids.
    #[must_use]
    pub const fn total(&self) -> f64 {
        self.total
    }

    /// How far each sequence is from each medoid, shape `(n, k)` row by row, where it was kept: types
    /// from [`Clara`](super::Clara), of which not all distances are held.
    #[must_use]
    pub fn to_medoids(&self) -> Option<&[f32]> {
        self.apart.as_deref()
    }

    /// What happened to the rows so far.
    #[must_use]
    pub const fn account(&self) -> &Account {
        &self.account
    }

    /// Who is of which type: the column of identifiers and `type`, `type 1`, `type 2`..., to attach
    /// to a panel or a table.
    ///
    /// # Errors
    ///
    /// [`DataError::DuplicateColumn`] when the identifier is called `name`.
    pub fn table(&self, name: &str) -> Result<Table, DataError> {
        let labels: Vec<String> = (1..=self.k()).map(|at| format!("type {at}")).collect();
        let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
        let codes: Vec<Option<u32>> = self.types.iter().copied().map(Some).collect();
        Table::new([
            (self.id.as_str(), self.ids.clone()),
            (name, Column::category(&codes, &labels)),
        ])
    }
}
