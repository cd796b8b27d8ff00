//! From tables to what may be shown of them.

use super::attack::Attacked;
use super::cells::{Cells, State};
use super::layout::Layout;
use super::proofs::Proofs;
use super::released::Population;
use super::rules::{Need, Reason};
use super::suppress::Chooser;
use super::{Disclosure, DisclosureError, Released, Tabulated};
use crate::data::{Account, Column, Table, Ticket};
use serde::{Deserialize, Serialize};

/// A cell that is not shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withheld {
    pub(super) row: usize,
    pub(super) reason: Reason,
}

impl Withheld {
    /// The row of the table.
    #[must_use]
    pub const fn row(&self) -> usize {
        self.row
    }

    /// Why.
    #[must_use]
    pub const fn reason(&self) -> &Reason {
        &self.reason
    }
}

/// A table as it may leave the room, and why it looks so.
///
/// Only [`table`](Self::table) may leave: reasons and proof tell about withheld cells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Protected {
    pub(super) table: Table,
    pub(super) name: String,
    pub(super) by: Vec<String>,
    pub(super) count: String,
    pub(super) withheld: Vec<Withheld>,
    pub(super) attacked: Vec<Attacked>,
    pub(super) account: Account,
}

impl Protected {
    /// The table, null where a cell is withheld.
    #[must_use]
    pub const fn table(&self) -> &Table {
        &self.table
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The variables that classify.
    #[must_use]
    pub fn by(&self) -> &[String] {
        &self.by
    }

    /// The column that counts.
    #[must_use]
    pub fn count(&self) -> &str {
        &self.count
    }

    /// The cells that are not shown, by row.
    #[must_use]
    pub fn withheld(&self) -> &[Withheld] {
        &self.withheld
    }

    /// What an attacker can work out about each cell that is withheld in any table of the call.
    #[must_use]
    pub fn attacked(&self) -> &[Attacked] {
        &self.attacked
    }

    /// What was done.
    #[must_use]
    pub const fn account(&self) -> &Account {
        &self.account
    }

    /// The withheld cells with their reasons as a table, in English or Dutch. It stays in the room.
    ///
    /// # Errors
    ///
    /// [`DisclosureError::Data`], when a variable is called `reason`.
    pub fn reasons(&self, dutch: bool) -> Result<Table, DisclosureError> {
        let rows: Vec<u32> = self.withheld.iter().map(|cell| cell.row as u32).collect();
        let by: Vec<&str> = self.by.iter().map(String::as_str).collect();
        let mut table = self.table.select("by", &by)?.take(&rows);
        let said: Vec<String> = self.withheld.iter().map(|cell| cell.reason.text(dutch)).collect();
        let name = if dutch { "reden" } else { "reason" };
        table.push(name, Column::text(said.iter().map(|text| Some(text.as_str()))))?;
        Ok(table)
    }

    /// What an attacker can work out as a table: `cell`, `quantity`, `value`, `low`, `high`,
    /// `needed_low`, `needed_high`, `safe`. It stays in the room.
    ///
    /// # Errors
    ///
    /// None that can occur: the columns have one length.
    pub fn audit(&self) -> Result<Table, DisclosureError> {
        let cells: Vec<String> = self
            .attacked
            .iter()
            .map(|cell| match cell.labels.as_slice() {
                [] => "(total, or what is left of one)".to_owned(),
                labels => labels
                    .iter()
                    .map(|(name, own)| format!("{name}={own}"))
                    .collect::<Vec<_>>()
                    .join(", "),
            })
            .collect();
        let quantities = self.attacked.iter().map(|cell| Some(cell.quantity.as_str()));
        let number =
            |of: fn(&Attacked) -> f64| Column::float(self.attacked.iter().map(of).collect());
        Ok(Table::new([
            ("cell", Column::text(cells.iter().map(|cell| Some(cell.as_str())))),
            ("quantity", Column::text(quantities)),
            ("value", number(Attacked::value)),
            ("low", number(|cell| cell.low)),
            ("high", number(|cell| cell.high)),
            ("needed_low", number(|cell| cell.needed().0)),
            ("needed_high", number(|cell| cell.needed().1)),
            ("safe", Column::bool(self.attacked.iter().map(Attacked::is_safe).collect())),
        ])?)
    }
}

impl Disclosure {
    /// Protects tables together: what one hides no other tells, nor all that was `released`.
    ///
    /// # Errors
    ///
    /// [`DisclosureError`]: a rule, column or cell that makes no sense, parts that are more than
    /// their total, no roles; `Unprotectable` when earlier releases already tell a cell. Then
    /// nothing is released.
    pub fn protect(
        &self,
        tables: &[Tabulated<'_>],
        released: &mut Released,
        ticket: &Ticket,
    ) -> Result<Vec<Protected>, DisclosureError> {
        self.check()?;
        let mut fresh = Cells::default();
        for (which, table) in tables.iter().enumerate() {
            table.read(self, which, &mut fresh)?;
        }
        // tables of one call are one population
        for system in 0..fresh.systems.len() {
            Layout::new(&fresh, system, self)?;
        }
        let (home, mut cells) = self.home(&fresh, released);
        if let Some(least) = self.min_cell {
            for (at, population) in released.populations.iter().enumerate() {
                if Some(at) != home {
                    Self::apart(population, least as f64, &mut cells);
                }
            }
        }
        let proofs = self.suppress(&mut cells, ticket)?;
        let tried = self.thin(&mut cells, proofs, ticket)?;
        let (attacked, unsafe_cells) = self.audit(&cells, ticket)?;
        if unsafe_cells > 0 {
            return Err(DisclosureError::Unprotectable { cells: unsafe_cells });
        }
        let names: Vec<String> = tables.iter().map(|table| table.name.clone()).collect();
        if let Some(at) = home {
            released.populations[at].note(&cells, &names);
        } else {
            let mut population = Population::default();
            population.note(&cells, &names);
            released.populations.push(population);
        }
        tables
            .iter()
            .enumerate()
            .map(|(which, table)| self.shown(table, which, &cells, &attacked, tried))
            .collect()
    }

    /// The population the tables belong to, and their cells among its own.
    fn home(&self, fresh: &Cells, released: &Released) -> (Option<usize>, Cells) {
        for (at, population) in released.populations.iter().enumerate() {
            if !population.agrees(fresh) {
                continue;
            }
            let mut joined = fresh.clone();
            population.join(&mut joined);
            let adds_up =
                (0..joined.systems.len()).all(|own| Layout::new(&joined, own, self).is_ok());
            if adds_up && joined.dimensions.iter().all(|own| own.check().is_ok()) {
                return (Some(at), joined);
            }
        }
        (None, fresh.clone())
    }

    /// Withholds what differs by few persons from a cell of another population.
    fn apart(population: &Population, least: f64, cells: &mut Cells) {
        for (at, table) in population.nearly(cells, least) {
            if cells.state[at] == State::Told {
                continue;
            }
            if let Some(system) = cells.systems.iter_mut().find(|own| own.name == "count") {
                let value = system.value[at];
                let need = Need { down: least.min(value), up: least };
                system.need[at] = system.need[at].or(Some(need));
            }
            cells.withhold(at, Reason::Differencing(table));
        }
    }

    /// Withholds others until every sensitive cell is as uncertain as it must be; gives the changes
    /// that prove it, by quantity.
    fn suppress(&self, cells: &mut Cells, ticket: &Ticket) -> Result<Vec<Proofs>, DisclosureError> {
        let stop = || ticket.is_cancelled();
        ticket.stage("withholding cells", 0);
        let mut all = Vec::with_capacity(cells.systems.len());
        for system in 0..cells.systems.len() {
            let mut layout = Layout::new(cells, system, self)?;
            let (mut chooser, mut proofs) = (Chooser::default(), Proofs::default());
            let mut hidden = layout.hidden();
            let mut order: Vec<usize> = (0..hidden.len())
                .filter(|&at| hidden[at] && layout.need[at] != Need::default())
                .collect();
            // those that ask for most come first: what hides them often hides the others
            order.sort_by(|a, b| layout.need[*b].up.total_cmp(&layout.need[*a].up).then(a.cmp(b)));
            for at in order {
                for by in layout.need[at].both() {
                    if proofs.find(&layout, at, by, &hidden).is_some() {
                        continue;
                    }
                    // what cannot be hidden is left to the audit
                    let Some(change) = chooser.hide(&layout, cells, at, by, &stop)? else {
                        continue;
                    };
                    for &(other, _) in &change {
                        hidden[other] = true;
                        if layout.state[other] == State::Open {
                            layout.state[other] = State::Withheld;
                            cells.withhold(other, Reason::Others);
                        }
                    }
                    proofs.note(change);
                }
                ticket.advance(1);
            }
            all.push(proofs);
        }
        Ok(all)
    }

    /// Attacks every withheld cell; gives what was found and how many are not safe.
    fn audit(
        &self,
        cells: &Cells,
        ticket: &Ticket,
    ) -> Result<(Vec<Attacked>, usize), DisclosureError> {
        let stop = || ticket.is_cancelled();
        ticket.stage("attacking", 0);
        let mut attacked = Vec::new();
        for (number, system) in cells.systems.iter().enumerate() {
            let layout = Layout::new(cells, number, self)?;
            for (at, low, high) in layout.attack(&stop)? {
                let labels = if at < cells.len() { cells.labels(at) } else { Vec::new() };
                let Need { down, up } = layout.need[at];
                let (quantity, value) = (system.name.clone(), layout.value[at]);
                attacked.push(Attacked { labels, quantity, value, low, high, down, up });
                ticket.advance(1);
            }
        }
        let unsafe_cells = attacked.iter().filter(|cell| !cell.is_safe()).count();
        Ok((attacked, unsafe_cells))
    }
}
