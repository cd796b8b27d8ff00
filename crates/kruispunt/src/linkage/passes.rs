//! Linkage by rules alone, one pass after the other.

use super::blocking::{Blocks, Found};
use super::coded::Sides;
use super::comparer::Comparer;
use super::{Assignment, Comparison, LinkageError, Rule};
use crate::data::{Account, Count, Links, Step, Table, Ticket};

/// Links rows whose keys are equal, by the first rule that tells which.
///
/// The passes go from the strictest rule down. In each, a left row that is still open goes to the
/// right row with its keys, when there is exactly one that may take it; where there are several,
/// the row stays open for the next pass and is counted. Nothing is weighed: each link has
/// probability 1 and the rule that found it.
///
/// ```
/// use kruispunt::data::{Column, Table};
/// use kruispunt::linkage::{Comparison, RuleLink};
/// let table = |names: [&str; 3], births: [Option<&str>; 3]| Table::new([
///     ("surname", Column::text(names.map(Some))),
///     ("birth_date", Column::text(births)),
/// ]);
/// let left = table(["Yıldız", "Maes", "Maes"], [Some("1985-07-30"), Some("1990-01-12"), None])?;
/// let right = table(["YILDIZ", "Maes", "Nowak"], [None, Some("1990-01-12"), Some("1978-11-03")])?;
/// let links = RuleLink::new()
///     .spell(Comparison::name("surname"))
///     .pass(["surname", "birth_date"])
///     .pass(["surname"])
///     .link(&left, &right)?;
/// assert_eq!(links.left_rows(), [0, 1]);
/// assert_eq!(links.rule(0), "surname");
/// # Ok::<(), kruispunt::linkage::LinkageError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct RuleLink {
    spelled: Vec<Comparison>,
    rules: Vec<Rule>,
    assignment: Assignment,
    ticket: Ticket,
}

impl RuleLink {
    /// A linkage without passes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Says how a column is spelled and what it is called on the right, as in a
    /// [`Linker`](super::Linker); other columns are compared without case and outer space.
    #[must_use]
    pub fn spell(mut self, comparison: Comparison) -> Self {
        self.spelled.push(comparison);
        self
    }

    /// Adds a pass.
    #[must_use]
    pub fn pass(mut self, rule: impl Into<Rule>) -> Self {
        self.rules.push(rule.into());
        self
    }

    /// One-to-one (the default): both rows of a link are taken, and a right row that several open
    /// left rows would take goes to none. Many-to-one: a right row may be taken again.
    #[must_use]
    pub const fn assignment(mut self, assignment: Assignment) -> Self {
        self.assignment = assignment;
        self
    }

    /// Carries progress out and cancellation in.
    #[must_use]
    pub fn ticket(mut self, ticket: Ticket) -> Self {
        self.ticket = ticket;
        self
    }

    /// Links the rows of two tables.
    ///
    /// # Errors
    ///
    /// [`LinkageError::NoBlocking`] without passes, [`LinkageError::Data`] for a missing column or
    /// an empty table, [`LinkageError::BadArgument`] for another assignment,
    /// [`LinkageError::TooManyPairs`] beyond a billion pairs of equal keys,
    /// [`LinkageError::Cancelled`].
    pub fn link(&self, left: &Table, right: &Table) -> Result<Links, LinkageError> {
        const CAP: u64 = 1_000_000_000;
        left.require_rows("left")?;
        right.require_rows("right")?;
        let once = match self.assignment {
            Assignment::OneToOne => true,
            Assignment::ManyToOne => false,
            other => {
                return Err(LinkageError::BadArgument {
                    argument: "assignment",
                    got: f64::from(other as u8),
                    expected: "one-to-one or many-to-one",
                });
            }
        };
        let sides = Sides::two(left, right);
        let comparers = self
            .spelled
            .iter()
            .map(|own| Comparer::new(sides, own))
            .collect::<Result<Vec<_>, _>>()?;
        let blocks = Blocks::new(sides, &self.rules, &self.spelled, &comparers)?;
        match blocks.check(&self.rules, CAP, u64::MAX) {
            Ok(()) | Err(LinkageError::NoPairs { .. }) => {}
            Err(error) => return Err(error),
        }
        let (n, m) = (left.n_rows(), right.n_rows());
        let (mut open, mut free) = (vec![true; n], vec![true; m]);
        let (mut several, mut found) = (vec![false; n], Vec::new());
        let mut links = Vec::new();
        let mut partners = Found::default();
        self.ticket.stage("passes", self.rules.len() as u64);
        for rule in 0..self.rules.len() {
            if self.ticket.is_cancelled() {
                return Err(LinkageError::Cancelled);
            }
            // The only free right row of each open left row, and how often each is wanted.
            found.clear();
            let mut wanted = vec![0_u32; m];
            for row in (0..n as u32).filter(|&row| open[row as usize]) {
                blocks.partners(row, 1 << rule, &mut partners);
                let mut each = partners.rows.iter().filter(|&&right| !once || free[right as usize]);
                let Some(&first) = each.next() else { continue };
                if each.next().is_some() {
                    several[row as usize] = true;
                    if once {
                        // Whoever wants one of these is not alone.
                        let all = partners.rows.iter().filter(|&&right| free[right as usize]);
                        all.for_each(|&right| wanted[right as usize] += 2);
                    }
                } else {
                    wanted[first as usize] += 1;
                    found.push((row, first));
                }
            }
            for &(row, right) in &found {
                if once && wanted[right as usize] > 1 {
                    several[row as usize] = true;
                    continue;
                }
                (open[row as usize], free[right as usize]) = (false, false);
                links.push((row, right, rule as u16));
            }
            self.ticket.advance(1);
        }
        let names: Vec<String> = self.rules.iter().map(ToString::to_string).collect();
        let step = told(&names, &links, &blocks, (&open, &several));
        Ok(Links::by_rules(links, names, (n, m), Account::new("links").then(step)))
    }
}

/// The step of the account.
fn told(
    names: &[String],
    links: &[(u32, u32, u16)],
    blocks: &Blocks,
    (open, several): (&[bool], &[bool]),
) -> Step {
    let count = |test: &dyn Fn(usize) -> bool| {
        Count::rows((0..open.len()).filter(|&row| open[row] && test(row)).count())
    };
    let by = |rule: usize| links.iter().filter(|link| usize::from(link.2) == rule).count();
    let each = names.iter().enumerate().map(|(at, name)| format!("[{name}]: {}", by(at)));
    Step::new(
        "rule_link",
        format!("links by pass: {}", each.collect::<Vec<_>>().join(", ")),
        Count::rows(open.len()),
        Count::rows(links.len()),
    )
    .exclude("missing values in every pass", count(&|row| blocks.is_keyless(row)))
    .exclude(
        "several rows with equal keys in every pass that found any",
        count(&|row| !blocks.is_keyless(row) && several[row]),
    )
    .exclude("no free row with equal keys", count(&|row| !blocks.is_keyless(row) && !several[row]))
}
