//! Making a world, and what it holds.

use crate::identity::{Numbers, give};
use crate::life::{Life, Stage};
use crate::person::{Person, household};
use crate::schema::tables;
use crate::tables::{Batch, reference};
use crate::{Imperfections, Scale, SynthError, truth};
use kruispunt::data::{Account, Calendar, Count, Seed, Step, Table, Ticket};
use rayon::prelude::*;

/// Households per piece of parallel work; fixed, so that results do not depend on threads.
const PIECE: usize = 256;

/// Makes synthetic registers.
///
/// ```
/// use kruispunt_synth::{Imperfections, Registers, Scale};
/// let world = Registers::new(Scale::Mini).seed(1).imperfections(Imperfections::none()).build()?;
/// assert!(world.table("nomenc")?.n_rows() > 1_000);
/// assert_eq!(world.truth("att")?.names()[0], "type");
/// # Ok::<(), kruispunt_synth::SynthError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Registers {
    scale: Scale,
    seed: u64,
    rho: f64,
    rollout: Rollout,
    integration: bool,
    faults: Imperfections,
    ticket: Ticket,
}

/// Where the local service comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Rollout {
    /// A quarter of the municipalities never takes it up.
    #[default]
    Some,
    /// These take it up like the others, so that nobody is left to compare with in the end.
    All,
}

impl Registers {
    /// Registers of a scale: seed 0, no imperfections, no selection on unobservables.
    #[must_use]
    pub fn new(scale: Scale) -> Self {
        let faults = Imperfections::none();
        let rollout = Rollout::default();
        let ticket = Ticket::new();
        Self { scale, seed: 0, rho: 0.0, rollout, integration: false, faults, ticket }
    }

    /// The seed.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The faults the registers have.
    #[must_use]
    pub fn imperfections(mut self, faults: Imperfections) -> Self {
        self.faults = faults;
        self
    }

    /// How much the start of a training depends on unobserved attachment to work, and with
    /// [`integration`](Self::integration) registering as a job-seeker; 0 is none.
    #[must_use]
    pub const fn rho(mut self, rho: f64) -> Self {
        self.rho = rho;
        self
    }

    /// Where the local service comes; nothing else in the world depends on it.
    #[must_use]
    pub const fn rollout(mut self, rollout: Rollout) -> Self {
        self.rollout = rollout;
        self
    }

    /// Whether a civic-integration programme changes careers: who signs a contract registers sooner
    /// as a job-seeker, and finds work sooner also apart from that. Without it, worlds are those of
    /// before to the last bit.
    #[must_use]
    pub const fn integration(mut self, changes: bool) -> Self {
        self.integration = changes;
        self
    }

    /// Carries progress and cancellation.
    #[must_use]
    pub fn ticket(mut self, ticket: Ticket) -> Self {
        self.ticket = ticket;
        self
    }

    /// Makes the world.
    ///
    /// # Errors
    ///
    /// [`SynthError::Rho`], [`SynthError::Cancelled`], or [`SynthError::Data`] when a table would
    /// pass the size a table can have.
    pub fn build(self) -> Result<World, SynthError> {
        if !(-5.0..=5.0).contains(&self.rho) {
            return Err(SynthError::Rho { got: self.rho });
        }
        let stage = Stage::new(
            Seed::new(self.seed),
            (self.rho, self.integration),
            self.rollout,
            self.faults.clone(),
        );
        let homes = self.people(&stage)?;
        let persons: Vec<Person> = homes.into_iter().flatten().collect();
        let numbers = give(stage.seed, &persons, &stage.faults);
        let batch = self.careers(&stage, &persons, &numbers)?;
        self.gather(&stage, persons.len(), batch)
    }

    fn people(&self, stage: &Stage) -> Result<Vec<Vec<Person>>, SynthError> {
        let households = self.scale.households();
        self.ticket.stage("persons", households as u64);
        let pieces: Vec<Vec<Vec<Person>>> = (0..households.div_ceil(PIECE))
            .into_par_iter()
            .map(|piece| {
                if self.ticket.is_cancelled() {
                    return Err(SynthError::Cancelled);
                }
                let from = piece * PIECE;
                let to = (from + PIECE).min(households);
                self.ticket.advance((to - from) as u64);
                Ok((from..to).map(|number| household(stage.seed, number as u64)).collect())
            })
            .collect::<Result<_, _>>()?;
        Ok(pieces.into_iter().flatten().collect())
    }

    fn careers(
        &self,
        stage: &Stage,
        persons: &[Person],
        numbers: &[Numbers],
    ) -> Result<Batch, SynthError> {
        self.ticket.stage("careers", persons.len() as u64);
        let mut cuts = vec![0];
        for (at, pair) in persons.windows(2).enumerate() {
            let (before, after) = (pair[0].household(), pair[1].household());
            if before / PIECE as u64 != after / PIECE as u64 {
                cuts.push(at + 1);
            }
        }
        cuts.push(persons.len());
        let mut all = Batch::new();
        // A few pieces at a time, so that little stands in memory twice.
        for some in cuts.windows(2).collect::<Vec<_>>().chunks(16) {
            let made: Vec<Batch> = some
                .par_iter()
                .map(|cut| {
                    let (from, to) = (cut[0], cut[1]);
                    self.piece(stage, &persons[from..to], &numbers[from..to])
                })
                .collect::<Result<_, _>>()?;
            for batch in made {
                if self.ticket.is_cancelled() {
                    return Err(SynthError::Cancelled);
                }
                all.append(batch);
            }
        }
        Ok(all)
    }

    fn piece(
        &self,
        stage: &Stage,
        persons: &[Person],
        numbers: &[Numbers],
    ) -> Result<Batch, SynthError> {
        if self.ticket.is_cancelled() {
            return Err(SynthError::Cancelled);
        }
        let mut batch = Batch::new();
        let mut from = 0;
        for members in persons.chunk_by(|a, b| a.household() == b.household()) {
            let lives: Vec<Life<'_>> = members
                .iter()
                .zip(&numbers[from..])
                .map(|(person, numbers)| Life::new(stage, person, numbers))
                .collect();
            batch.write(&lives);
            from += members.len();
        }
        self.ticket.advance(persons.len() as u64);
        Ok(batch)
    }

    fn gather(self, stage: &Stage, persons: usize, batch: Batch) -> Result<World, SynthError> {
        self.ticket.stage("tables", 0);
        let Batch { sheets, links, tally, nested } = batch;
        let mut made = sheets.finish()?;
        let take = |made: &mut Vec<(&'static str, Table)>, name: &str| {
            let at = made.iter().position(|(own, _)| *own == name);
            at.map_or_else(Table::default, |at| made.swap_remove(at).1)
        };
        let latent = take(&mut made, "latent");
        let worlds = take(&mut made, "worlds");
        let find = |name: &str| made.iter().find(|(own, _)| *own == name).map(|(_, table)| table);
        let nothing = Table::default();
        let [employers, municipalities, effects] =
            reference(stage, find("dmfa_jobs").unwrap_or(&nothing))?;
        let rollout = truth::rollout(stage, find("rollout_outcome").unwrap_or(&nothing))?;
        let [asylum_seekers, asylum] = crate::asylum::tables(stage, self.scale)?;
        made.push(("asylum_seekers", asylum_seekers));
        made.push(("employers", employers));
        made.push(("municipalities", municipalities));
        let order = |name: &str| tables().position(|table| table.name == name);
        made.sort_by_key(|(name, _)| order(name));
        let truth = vec![
            ("att", truth::att(&tally)?),
            ("links", truth::links(&links)?),
            ("latent", latent),
            ("params", truth::params(stage)?),
            ("worlds", worlds),
            ("rollout", rollout),
            ("employer_effects", effects),
            ("asylum", asylum),
            ("integration", truth::integration(&nested)?),
        ];
        let account = self.account(persons, &made);
        Ok(World { scale: self.scale, seed: self.seed, tables: made, truth, account })
    }

    fn account(&self, persons: usize, tables: &[(&'static str, Table)]) -> Account {
        let count = Count::of(persons, persons);
        let mut step = Step::new(
            "registers",
            format!("scale {}, seed {}, rho {}", self.scale.name(), self.seed, self.rho),
            count,
            count,
        );
        for fault in self.faults.iter() {
            step = step.note(format!("{}: {}", fault.name(), fault.description()));
        }
        for (name, table) in tables {
            step = step.note(format!("{name}: {} rows", table.n_rows()));
        }
        Account::new("synthetic registers").then(step)
    }
}

/// Synthetic registers and the truth about them.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct World {
    scale: Scale,
    seed: u64,
    #[serde(with = "crate::world::named")]
    tables: Vec<(&'static str, Table)>,
    #[serde(with = "crate::world::named")]
    truth: Vec<(&'static str, Table)>,
    account: Account,
}

impl World {
    /// The register tables, in the order of the documentation.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &'static str> {
        self.tables.iter().map(|(name, _)| *name)
    }

    /// The truth tables.
    pub fn truth_names(&self) -> impl ExactSizeIterator<Item = &'static str> {
        self.truth.iter().map(|(name, _)| *name)
    }

    /// A register table.
    ///
    /// # Errors
    ///
    /// [`SynthError::UnknownTable`], or [`SynthError::NotGenerated`] for one that is described
    /// only.
    pub fn table(&self, name: &str) -> Result<&Table, SynthError> {
        find(&self.tables, name)
    }

    /// A truth table.
    ///
    /// # Errors
    ///
    /// [`SynthError::UnknownTable`].
    pub fn truth(&self, name: &str) -> Result<&Table, SynthError> {
        find(&self.truth, name)
    }

    /// How many persons and rows there are, and which faults.
    #[must_use]
    pub const fn account(&self) -> &Account {
        &self.account
    }

    /// The scale.
    #[must_use]
    pub const fn scale(&self) -> Scale {
        self.scale
    }

    /// The seed.
    #[must_use]
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// The quarters of the window, 2005Q1 to 2016Q4.
    ///
    /// # Errors
    ///
    /// None in practice.
    pub fn calendar(&self) -> Result<Calendar, SynthError> {
        Ok(crate::params::calendar()?)
    }
}

fn find<'a>(tables: &'a [(&'static str, Table)], name: &str) -> Result<&'a Table, SynthError> {
    if let Some((_, table)) = tables.iter().find(|(own, _)| *own == name) {
        return Ok(table);
    }
    if crate::schema::tables().any(|schema| schema.name == name && !schema.generated) {
        return Err(SynthError::NotGenerated { name: name.to_owned() });
    }
    Err(SynthError::UnknownTable {
        name: name.to_owned(),
        known: tables.iter().map(|(own, _)| *own).collect(),
    })
}

/// Names of tables are those of the schemas; on the way back they are looked up there.
mod named {
    use kruispunt::data::Table;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    pub(super) fn serialize<S: Serializer>(
        tables: &[(&'static str, Table)],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        tables.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<(&'static str, Table)>, D::Error> {
        let owned = Vec::<(String, Table)>::deserialize(deserializer)?;
        owned
            .into_iter()
            .map(|(name, table)| {
                let schema = crate::schema::schema(&name)
                    .ok_or_else(|| de::Error::custom("a table this version does not know"))?;
                Ok((schema.name, table))
            })
            .collect()
    }
}
