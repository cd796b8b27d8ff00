//! The tables, family by family, filled person by person.

mod identities;
mod integration;
mod permits;
mod population;
mod reference;
mod services;
mod work;

use crate::SynthError;
use crate::life::Life;
use crate::rows::Rows;
use crate::schema::{TableSchema, schema};
use crate::truth::{Nested, Tally};
use kruispunt::data::Table;

pub(crate) use integration::contract;
pub(crate) use reference::reference;

/// Stands in for a table without schema, which the tests rule out.
static NO_SCHEMA: TableSchema =
    TableSchema { name: "", description: "", generated: false, fields: &[] };

macro_rules! sheets {
    ($($name:ident)*) => {
        /// The rows of all tables filled person by person.
        #[derive(Debug)]
        pub(crate) struct Sheets { $(pub(crate) $name: Rows,)* }

        impl Sheets {
            fn blank() -> Self {
                Self { $($name: Rows::new(schema(stringify!($name)).unwrap_or(&NO_SCHEMA)),)* }
            }

            fn add(&mut self, other: Self) { $(self.$name.append(other.$name);)* }

            /// The tables by name.
            pub(crate) fn finish(self) -> Result<Vec<(&'static str, Table)>, SynthError> {
                Ok(vec![$((stringify!($name), self.$name.finish()?),)*])
            }
        }
    };
}

sheets! {
    persons nationality_spells parents residence_spells households nomenc dmfa_jobs rsvz benefits
    deaths rollout_outcome vdab_klanten vdab_inschrijving vdab_acties kbi_dossier kbi_onderdelen
    permits identities insz_history latent worlds
}

/// Whose record it is.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    /// Place in the schema's list of sources.
    pub(crate) source: u32,
    pub(crate) record: String,
    pub(crate) pid: i64,
}

/// What a run of households gives.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) sheets: Sheets,
    pub(crate) links: Vec<Link>,
    pub(crate) tally: Tally,
    pub(crate) nested: Nested,
}

impl Batch {
    pub(crate) fn new() -> Self {
        Self {
            sheets: Sheets::blank(),
            links: Vec::new(),
            tally: Tally::default(),
            nested: Nested::default(),
        }
    }

    pub(crate) fn append(&mut self, other: Self) {
        self.sheets.add(other.sheets);
        self.links.extend(other.links);
        self.tally.add(&other.tally);
        self.nested.add(&other.nested);
    }

    /// Writes everything about the persons of one household.
    pub(crate) fn write(&mut self, household: &[Life<'_>]) {
        population::households(&mut self.sheets, household);
        for life in household {
            population::write(&mut self.sheets, life, household);
            let worked = work::write(&mut self.sheets, life);
            services::write(self, life, worked);
            integration::write(self, life);
            permits::write(self, life);
            identities::write(self, life);
            crate::truth::person(self, life);
        }
    }
}
