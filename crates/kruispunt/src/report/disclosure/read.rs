//! Tables of cells, read with the roles of their columns.

use super::cells::{Cells, Kind, State, TOTAL};
use super::rules::{Need, Reason};
use super::{Disclosure, DisclosureError};
use crate::data::{Column, Table, Values};
use std::collections::{BTreeMap, BTreeSet};

/// A table whose rows are cells, with the roles of its columns.
///
/// `by` are the variables that classify persons, `count` the column that counts them. A row whose
/// label in a variable is `total` (see [`total`](Self::total)) is a total over it. Columns that
/// are neither must be given a role: shares, means and sums are over the persons counted.
#[derive(Clone, Debug)]
#[must_use]
pub struct Tabulated<'a> {
    pub(super) table: &'a Table,
    pub(super) name: String,
    pub(super) by: Vec<String>,
    pub(super) count: String,
    pub(super) contributors: Option<String>,
    pub(super) shares: Vec<String>,
    pub(super) sums: Vec<String>,
    pub(super) means: Vec<String>,
    pub(super) other: Vec<String>,
    pub(super) largest: BTreeMap<String, Vec<String>>,
    total: String,
    within: BTreeMap<String, BTreeMap<String, String>>,
    known_totals: bool,
}

impl<'a> Tabulated<'a> {
    /// The cells of `table` by the variables `by`, with their persons in the column `count`.
    pub fn new<S: Into<String>>(
        table: &'a Table,
        by: impl IntoIterator<Item = S>,
        count: impl Into<String>,
    ) -> Self {
        Self {
            table,
            name: "table".to_owned(),
            by: by.into_iter().map(Into::into).collect(),
            count: count.into(),
            contributors: None,
            shares: Vec::new(),
            sums: Vec::new(),
            means: Vec::new(),
            other: Vec::new(),
            largest: BTreeMap::new(),
            total: "total".to_owned(),
            within: BTreeMap::new(),
            known_totals: false,
        }
    }

    /// The name of the table in the log.
    pub fn called(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The column with the distinct contributors of each cell.
    pub fn contributors(mut self, column: impl Into<String>) -> Self {
        self.contributors = Some(column.into());
        self
    }

    /// A column with a share of the persons, from 0 to 1.
    pub fn share(mut self, column: impl Into<String>) -> Self {
        self.shares.push(column.into());
        self
    }

    /// A column with a sum over the persons; `largest` are columns with the largest contributions
    /// to it, largest first, which are never shown.
    pub fn sum(mut self, column: impl Into<String>, largest: &[&str]) -> Self {
        let column = column.into();
        let largest = largest.iter().map(|name| (*name).to_owned()).collect();
        self.largest.insert(column.clone(), largest);
        self.sums.push(column);
        self
    }

    /// A column with a mean over the persons; `largest` as in [`sum`](Self::sum).
    pub fn mean(mut self, column: impl Into<String>, largest: &[&str]) -> Self {
        let column = column.into();
        let largest = largest.iter().map(|name| (*name).to_owned()).collect();
        self.largest.insert(column.clone(), largest);
        self.means.push(column);
        self
    }

    /// A column that no rule looks at; it is emptied where its cell is withheld.
    pub fn other(mut self, column: impl Into<String>) -> Self {
        self.other.push(column.into());
        self
    }

    /// The label of a total (default `total`).
    pub fn total(mut self, label: impl Into<String>) -> Self {
        self.total = label.into();
        self
    }

    /// Says that label `part` of a variable is part of label `whole`: a hierarchy.
    pub fn within(mut self, variable: &str, part: &str, whole: &str) -> Self {
        let own = self.within.entry(variable.to_owned()).or_default();
        own.insert(part.to_owned(), whole.to_owned());
        self
    }

    /// Takes all totals for known, also those the table does not show (default no).
    pub fn known_totals(mut self, known: bool) -> Self {
        self.known_totals = known;
        self
    }

    /// Columns that are never shown.
    pub(super) fn inner(&self) -> BTreeSet<&str> {
        self.largest.values().flatten().map(String::as_str).collect()
    }

    /// Columns emptied where a cell is withheld.
    pub(super) fn statistics(&self) -> BTreeSet<&str> {
        let lists = [&self.shares, &self.sums, &self.means, &self.other];
        let mut all: BTreeSet<&str> = lists.into_iter().flatten().map(String::as_str).collect();
        all.insert(&self.count);
        all.extend(self.contributors.as_deref());
        all
    }

    fn number(&self, argument: &'static str, name: &str) -> Result<Vec<f64>, DisclosureError> {
        let values = self.table.column(argument, name)?.to_floats(argument, name)?;
        match values.iter().position(|value| value.is_infinite()) {
            Some(row) => Err(bad(argument, name, row, "a finite number")),
            None => Ok(values),
        }
    }

    /// Puts the cells of the table, number `which` of the call, among the others.
    pub(super) fn read(
        &self,
        profile: &Disclosure,
        which: usize,
        cells: &mut Cells,
    ) -> Result<(), DisclosureError> {
        let columns: Vec<&Column> =
            self.by.iter().map(|name| self.table.column("by", name)).collect::<Result<_, _>>()?;
        self.roles(profile)?;
        let places: Vec<usize> = self.by.iter().map(|name| cells.dimension(name)).collect();
        for (variable, parents) in &self.within {
            self.table.column("within", variable)?;
            let at = cells.dimension(variable);
            for (part, whole) in parents {
                cells.dimensions[at].within(part, whole);
            }
        }
        for dimension in &cells.dimensions {
            dimension.check()?;
        }
        let counts = self.number("count", &self.count)?;
        let mut own = Vec::with_capacity(counts.len());
        for (row, count) in counts.iter().enumerate() {
            if !(*count >= 0.0 && count.fract() == 0.0) {
                return Err(bad("count", &self.count, row, "a whole number of persons"));
            }
            let mut codes = vec![TOTAL; cells.dimensions.len()];
            for (at, column) in places.iter().zip(&columns) {
                let label = column.label(row).unwrap_or_else(|| "(missing)".to_owned());
                if label != self.total {
                    codes[*at] = cells.dimensions[*at].code(&label);
                }
            }
            let cell = cells.cell(codes);
            if let Some((_, first)) = cells.rows[cell].iter().find(|(table, _)| *table == which) {
                return Err(DisclosureError::DuplicateCell { first: *first, second: row });
            }
            cells.rows[cell].push((which, row));
            own.push(cell);
        }
        self.counts(profile, cells, &own, &counts)?;
        self.magnitudes(profile, cells, &own, &counts)?;
        if self.known_totals {
            Self::add_totals(profile, cells, &own, &places);
        }
        Ok(())
    }

    /// Refuses columns without a role, or with two.
    fn roles(&self, profile: &Disclosure) -> Result<(), DisclosureError> {
        let statistics = self.statistics();
        let inner = self.inner();
        for name in statistics.iter().chain(&inner) {
            self.table.column("table", name)?;
        }
        for name in self.table.names() {
            let known = self.by.contains(name)
                || statistics.contains(name.as_str())
                || inner.contains(name.as_str());
            if !known {
                return Err(DisclosureError::NoRole { column: name.clone() });
            }
        }
        if profile.needs_contributions() {
            let missing = |name: &&String| {
                self.largest.get(*name).is_none_or(|own| own.len() < profile.contributions())
            };
            if let Some(name) = self.sums.iter().chain(&self.means).find(missing) {
                return Err(DisclosureError::NoContributions { column: name.clone() });
            }
        }
        Ok(())
    }

    fn counts(
        &self,
        profile: &Disclosure,
        cells: &mut Cells,
        own: &[usize],
        counts: &[f64],
    ) -> Result<(), DisclosureError> {
        let system = cells.system("count", Kind::Count);
        for (row, &cell) in own.iter().enumerate() {
            let before = cells.systems[system].value[cell];
            if !before.is_nan() && before != counts[row] {
                return Err(bad("count", &self.count, row, "what another table says of that cell"));
            }
            cells.systems[system].value[cell] = counts[row];
            if let Some(need) = profile.need_of_count(counts[row]) {
                cells.sensitive(system, cell, need, Reason::FewPersons);
            }
            if let Some(need) = profile.need_of_zero(counts[row]) {
                cells.sensitive(system, cell, need, Reason::Zero);
            }
        }
        if let (Some(name), Some(least)) = (&self.contributors, profile.min_contributors) {
            let contributors = self.number("contributors", name)?;
            for (row, &cell) in own.iter().enumerate() {
                if contributors[row] > 0.0 && contributors[row] < least as f64 {
                    let need = Need { down: 1.0_f64.min(counts[row]), up: 1.0 };
                    cells.sensitive(system, cell, need, Reason::FewContributors);
                }
            }
        }
        for name in &self.shares {
            let shares = self.number("shares", name)?;
            let with = cells.system(&format!("share:{name}"), Kind::Share);
            let without = cells.system(&format!("without:{name}"), Kind::Share);
            for (row, &cell) in own.iter().enumerate() {
                let share = if counts[row] == 0.0 { 0.0 } else { shares[row] };
                if share.is_nan() {
                    continue;
                }
                if !(0.0..=1.0).contains(&share) {
                    return Err(bad("shares", name, row, "a share from 0 to 1"));
                }
                let having = share * counts[row];
                for (system, value) in [(with, having), (without, counts[row] - having)] {
                    cells.systems[system].value[cell] = value;
                    let whole = value.round();
                    let hidden_zero = profile.need_of_zero(whole).filter(|_| counts[row] > 0.0);
                    if let Some(need) = profile.need_of_count(whole).or(hidden_zero) {
                        let need = Need { down: need.down.min(value), ..need };
                        cells.sensitive(system, cell, need, Reason::Share(name.clone()));
                    }
                }
            }
        }
        Ok(())
    }

    fn magnitudes(
        &self,
        profile: &Disclosure,
        cells: &mut Cells,
        own: &[usize],
        counts: &[f64],
    ) -> Result<(), DisclosureError> {
        let sums = self.sums.iter().map(|name| (name, Kind::Sum));
        for (name, kind) in sums.chain(self.means.iter().map(|name| (name, Kind::Mean))) {
            let argument = if kind == Kind::Sum { "sums" } else { "means" };
            let values = self.number(argument, name)?;
            let prefix = if kind == Kind::Sum { "sum" } else { "mean" };
            let system = cells.system(&format!("{prefix}:{name}"), kind);
            let mut largest = Vec::new();
            for column in self.largest.get(name).into_iter().flatten() {
                largest.push(self.number("largest", column)?);
            }
            for (row, &cell) in own.iter().enumerate() {
                let value = match kind {
                    Kind::Mean if counts[row] == 0.0 => 0.0,
                    Kind::Mean => values[row] * counts[row],
                    _ => values[row],
                };
                if value.is_nan() {
                    continue;
                }
                cells.systems[system].value[cell] = value;
                let top: Vec<f64> = largest
                    .iter()
                    .map(|own| if own[row].is_nan() { 0.0 } else { own[row] })
                    .collect();
                if !top.is_empty()
                    && let Some((reason, need)) = profile.concentrated(name, value, &top)
                {
                    cells.sensitive(system, cell, need, reason);
                }
            }
        }
        Ok(())
    }

    /// Totals of all combinations of variables that the table has no totals of.
    fn add_totals(profile: &Disclosure, cells: &mut Cells, own: &[usize], places: &[usize]) {
        let whole: Vec<usize> = places
            .iter()
            .copied()
            .filter(|&at| own.iter().all(|&cell| cells.codes[cell][at] != TOTAL))
            .collect();
        let is_parent: Vec<BTreeSet<u32>> =
            cells.dimensions.iter().map(|own| own.parent.iter().copied().collect()).collect();
        let leaves: Vec<usize> = own
            .iter()
            .copied()
            .filter(|&cell| whole.iter().all(|&at| !is_parent[at].contains(&cells.codes[cell][at])))
            .collect();
        for subset in 1_u32..1 << whole.len().min(16) {
            let mut groups: BTreeMap<Vec<u32>, Vec<usize>> = BTreeMap::new();
            for &cell in &leaves {
                let mut codes = cells.codes[cell].clone();
                for (bit, &at) in whole.iter().enumerate() {
                    if subset >> bit & 1 == 1 {
                        codes[at] = TOTAL;
                    }
                }
                groups.entry(codes).or_default().push(cell);
            }
            for (codes, parts) in groups {
                if cells.find(&codes).is_some() {
                    continue;
                }
                let cell = cells.cell(codes);
                for system in &mut cells.systems {
                    system.value[cell] = parts.iter().map(|&part| system.value[part]).sum();
                }
                let few = cells.systems[0].value[cell];
                let small = profile.need_of_count(few).is_some();
                cells.state[cell] = if small { State::Withheld } else { State::Told };
            }
        }
    }
}

impl Cells {
    /// Withholds a cell that is sensitive, and says what it needs.
    fn sensitive(&mut self, system: usize, cell: usize, need: Need, reason: Reason) {
        let own = &mut self.systems[system].need[cell];
        *own = own.or(Some(need));
        self.withhold(cell, reason);
    }
}

fn bad(
    argument: &'static str,
    column: &str,
    row: usize,
    expected: &'static str,
) -> DisclosureError {
    DisclosureError::BadCell { argument, column: column.to_owned(), row, expected }
}

/// Names of a column that counts persons.
const NAMES: [&str; 6] = ["n", "persons", "count", "n_persons", "units", "aantal"];

impl<'a> Tabulated<'a> {
    /// As [`new`](Self::new), with the roles that columns seem to have: text, categories, dates,
    /// periods and truth values classify; the column of whole numbers that is called `n`, `persons`,
    /// `count`, `n_persons`, `units` or `aantal` counts.
    ///
    /// # Errors
    ///
    /// [`DisclosureError::NoCount`] when no column counts, or several may.
    pub fn guess(table: &'a Table) -> Result<Self, DisclosureError> {
        let whole: Vec<&String> = table
            .names()
            .iter()
            .zip(table.columns())
            .filter(|(_, own)| matches!(own.values(), Values::Int(_) | Values::Short(_)))
            .map(|(name, _)| name)
            .collect();
        let named: Vec<&&String> =
            whole.iter().filter(|name| NAMES.contains(&name.as_str())).collect();
        if let [one] = named.as_slice() {
            return Ok(Self::classes(table, **one));
        }
        let names: Vec<&str> = whole.iter().map(|name| name.as_str()).collect();
        let found = match names.as_slice() {
            [] => "no column holds whole numbers".to_owned(),
            names => format!("whole numbers stand in {}", names.join(", ")),
        };
        Err(DisclosureError::NoCount { found })
    }

    /// As [`new`](Self::new), with all columns that are no numbers as variables.
    pub fn classes(table: &'a Table, count: impl Into<String>) -> Self {
        let by: Vec<String> = table
            .names()
            .iter()
            .zip(table.columns())
            .filter(|(_, own)| {
                !matches!(own.values(), Values::Int(_) | Values::Short(_) | Values::Float(_))
            })
            .map(|(name, _)| name.clone())
            .collect();
        Self::new(table, by, count)
    }

    /// The same with other variables.
    pub fn classified(mut self, by: Vec<String>) -> Self {
        self.by = by;
        self
    }
}
