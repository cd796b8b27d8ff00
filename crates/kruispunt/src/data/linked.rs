//! A register whose rows were linked.

use super::{Account, Table};
use serde::{Deserialize, Serialize};

/// What verbs read rows from: a table, or a table that tells what happened to its rows before.
pub trait Register {
    /// The rows.
    fn table(&self) -> &Table;

    /// What happened to the rows before, if that is known; it joins the account of the reader.
    fn account(&self) -> Option<&Account>;
}

impl Register for Table {
    fn table(&self) -> &Table {
        self
    }

    fn account(&self) -> Option<&Account> {
        None
    }
}

/// Rows that have a past: those of a register that have a link, with columns of the register they
/// were linked to, or what a rule made of them.
///
/// Made by [`Links::attach`](super::Links::attach) and by rules of the country packs. Whatever
/// reads it takes over its account, so that the flow diagram of a panel begins with the linkage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Linked {
    table: Table,
    account: Account,
}

impl Linked {
    /// A table and what happened to its rows.
    #[must_use]
    pub const fn new(table: Table, account: Account) -> Self {
        Self { table, account }
    }
}

impl Register for Linked {
    fn table(&self) -> &Table {
        &self.table
    }

    fn account(&self) -> Option<&Account> {
        Some(&self.account)
    }
}
