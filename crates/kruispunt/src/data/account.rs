//! What happened to the rows.

use serde::{Deserialize, Serialize};

/// Rows, and persons where the table knows persons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Count {
    /// Rows.
    pub rows: u64,
    /// Distinct persons; `None` where rows do not belong to persons.
    pub persons: Option<u64>,
}

impl Count {
    /// A count of rows alone.
    #[must_use]
    pub const fn rows(rows: usize) -> Self {
        Self { rows: rows as u64, persons: None }
    }

    /// A count of rows and persons.
    #[must_use]
    pub const fn of(rows: usize, persons: usize) -> Self {
        Self { rows: rows as u64, persons: Some(persons as u64) }
    }
}

/// Rows left out, for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exclusion {
    /// Why, in words a reader of the report understands.
    pub reason: String,
    /// What was left out.
    pub count: Count,
}

/// Ties met, and how they were settled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ties {
    /// What was tied.
    pub what: String,
    /// How many.
    pub met: u64,
    /// The rule that settled them.
    pub settled_by: String,
}

/// What one verb did.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Step {
    /// The verb, for example `clip`.
    pub verb: String,
    /// What it worked on and how, in words.
    pub detail: String,
    /// What went in.
    pub before: Count,
    /// What came out.
    pub after: Count,
    /// What was left out, by reason.
    pub excluded: Vec<Exclusion>,
    /// Ties met.
    pub ties: Vec<Ties>,
    /// Anything else worth telling: conventions, rows made, warnings.
    pub notes: Vec<String>,
    /// Accounts of the other tables that joined here.
    pub joined: Vec<Account>,
}

impl Step {
    /// A step of `verb` from `before` to `after`.
    #[must_use]
    pub fn new(verb: &str, detail: impl Into<String>, before: Count, after: Count) -> Self {
        Self { verb: verb.to_owned(), detail: detail.into(), before, after, ..Self::default() }
    }

    /// Adds an exclusion, unless nothing was excluded.
    #[must_use]
    pub fn exclude(mut self, reason: impl Into<String>, count: Count) -> Self {
        if count.rows > 0 {
            self.excluded.push(Exclusion { reason: reason.into(), count });
        }
        self
    }

    /// Adds ties, unless there were none.
    #[must_use]
    pub fn tied(mut self, what: &str, met: u64, settled_by: &str) -> Self {
        if met > 0 {
            self.ties.push(Ties { what: what.to_owned(), met, settled_by: settled_by.to_owned() });
        }
        self
    }

    /// Adds a note.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Adds the account of a table that joined here.
    #[must_use]
    pub fn join(mut self, account: Account) -> Self {
        self.joined.push(account);
        self
    }

    /// Whether the rows that went in are the rows that came out plus those excluded.
    #[must_use]
    pub fn adds_up(&self) -> bool {
        let excluded: u64 = self.excluded.iter().map(|exclusion| exclusion.count.rows).sum();
        self.before.rows == self.after.rows + excluded
    }
}

/// What happened to a table's rows, verb by verb: nothing is lost in silence.
///
/// Accounts chain into the flow diagram that CONSORT (2010) and RECORD (2015) ask for.
///
/// ```
/// use kruispunt::data::{Account, Count, Step};
/// let account = Account::new("jobs").then(
///     Step::new("clip", "to 2005Q1-2016Q4", Count::rows(10), Count::rows(8))
///         .exclude("ended before 2005-01-01", Count::rows(2)),
/// );
/// assert!(account.steps()[0].adds_up());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Account {
    source: String,
    steps: Vec<Step>,
}

impl Account {
    /// The account of a table just read, called `source` in the report.
    #[must_use]
    pub fn new(source: impl Into<String>) -> Self {
        Self { source: source.into(), steps: Vec::new() }
    }

    /// The account with one more step.
    #[must_use]
    pub fn then(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// The account under another name.
    #[must_use]
    pub fn called(mut self, source: impl Into<String>) -> Self {
        self.source = source.into();
        self
    }

    /// The name of the table.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The steps, in order.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The last step.
    #[must_use]
    pub fn last(&self) -> Option<&Step> {
        self.steps.last()
    }
}
