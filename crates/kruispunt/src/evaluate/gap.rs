//! Gaps between groups: raw, standardised and decomposed, with standard errors by cluster.

mod cells;
mod regression;

use super::EvaluateError;
use crate::data::{Account, Column, Count, Linked, Register, Step, Table, Ticket, Values};
use crate::math::special;
use cells::Rows;

/// How a gap is taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum GapMethod {
    /// The difference between means: component `gap`.
    #[default]
    Raw,
    /// Direct standardisation: `rate`, the difference at the composition of the reference group;
    /// `composition`, what is left of the gap; `off_support`, what cells with one group only add.
    Standardised,
    /// Kitagawa (1955): `rate` at the mean of the two compositions, `composition` at the mean of
    /// the two rates; `off_support` as above.
    Kitagawa,
    /// Oaxaca-Blinder, at the coefficients of the reference group: `explained` by differences in
    /// characteristics, `unexplained`, and `explained:<column>` for each.
    OaxacaBlinder,
}

impl GapMethod {
    const fn word(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Standardised => "standardised to the reference group",
            Self::Kitagawa => "Kitagawa",
            Self::OaxacaBlinder => "Oaxaca-Blinder at the coefficients of the reference group",
        }
    }
}

/// The gap in an outcome between each group and a reference group.
///
/// ```text
/// gap_g = mean(y | g) - mean(y | reference)
/// ```
///
/// Standard errors come from influence functions summed by cluster (persons, in a panel): they hold
/// for composition and rates together, and for gaps that share a reference group.
///
/// ```
/// use kruispunt::data::{Column, Register, Table, Ticket};
/// use kruispunt::evaluate::Gap;
///
/// let table = Table::new([
///     ("employed", Column::int(vec![1, 1, 1, 0, 1, 0, 0, 0])),
///     ("origin", Column::text(["BE", "BE", "BE", "BE", "MA", "MA", "MA", "MA"].map(Some))),
/// ])?;
/// let gap = Gap::new("employed", "origin", "BE").of(&table, &Ticket::default())?;
/// assert_eq!(gap.table().get("estimate").and_then(|column| column.label(0)), Some("-0.5".into()));
/// # Ok::<(), kruispunt::evaluate::EvaluateError>(())
/// ```
///
/// # References
///
/// - Kitagawa, E. M. (1955). Components of a difference between two rates. *JASA* 50(272),
///   1168-1194.
/// - Oaxaca, R. (1973). Male-female wage differentials in urban labor markets. *International
///   Economic Review* 14(3), 693-709. Blinder, A. S. (1973). *Journal of Human Resources* 8(4),
///   436-455.
#[must_use]
#[derive(Clone, Debug)]
pub struct Gap {
    outcome: String,
    group: String,
    reference: String,
    method: GapMethod,
    adjust: Vec<String>,
    by: Vec<String>,
    weights: Option<String>,
    cluster: Option<String>,
    level: f64,
}

/// One component of the gap of a group, before it becomes a row.
pub(super) struct Component {
    pub name: String,
    pub estimate: f64,
    pub se: f64,
}

/// What one comparison gives.
pub(super) struct Comparison {
    /// A row of the table that shows the values of `by`.
    pub shows: u32,
    pub group: u32,
    pub components: Vec<Component>,
    pub n_group: u64,
    pub n_reference: u64,
    pub clusters: u64,
    pub note: Option<&'static str>,
}

impl Gap {
    /// The gap in `outcome` between each value of `group` and the one called `reference`.
    pub fn new(outcome: &str, group: &str, reference: &str) -> Self {
        Self {
            outcome: outcome.to_owned(),
            group: group.to_owned(),
            reference: reference.to_owned(),
            method: GapMethod::Raw,
            adjust: Vec::new(),
            by: Vec::new(),
            weights: None,
            cluster: None,
            level: 0.95,
        }
    }

    /// How the gap is taken apart, and by which characteristics.
    ///
    /// Standardisation and Kitagawa cross them into cells, so they should be few and categorical;
    /// Oaxaca-Blinder takes numbers as they are and other columns by level.
    pub fn adjust<N: Into<String>>(
        mut self,
        method: GapMethod,
        columns: impl IntoIterator<Item = N>,
    ) -> Self {
        self.method = method;
        self.adjust = columns.into_iter().map(Into::into).collect();
        self
    }

    /// A gap for each combination of these columns: quarter, cohort, sex.
    pub fn by<N: Into<String>>(mut self, columns: impl IntoIterator<Item = N>) -> Self {
        self.by = columns.into_iter().map(Into::into).collect();
        self
    }

    /// A column of weights above 0.
    pub fn weights(mut self, column: &str) -> Self {
        self.weights = Some(column.to_owned());
        self
    }

    /// The column of clusters; without it, rows are independent.
    pub fn cluster(mut self, column: &str) -> Self {
        self.cluster = Some(column.to_owned());
        self
    }

    /// The level of the intervals (default 0.95).
    pub const fn level(mut self, level: f64) -> Self {
        self.level = level;
        self
    }

    /// The gaps: a row for each combination of `by`, group and component.
    ///
    /// Columns: those of `by`, `group`, `component`, `estimate`, `se`, `low`, `high`, `n_group`,
    /// `n_reference`, `clusters`, `note`. Rows without outcome, group, adjustment or weight are left
    /// out and counted. A comparison that cannot be made has no estimate and says why in `note`.
    ///
    /// # Errors
    ///
    /// [`EvaluateError::Data`] for columns, [`EvaluateError::NotFinite`], [`EvaluateError::BadWeight`],
    /// [`EvaluateError::BadArgument`] when the reference does not occur, or too many cells.
    pub fn of(&self, table: &Table, ticket: &Ticket) -> Result<Linked, EvaluateError> {
        self.check()?;
        let rows = Rows::read(self, table, ticket)?;
        let comparisons = match self.method {
            GapMethod::OaxacaBlinder => regression::compare(self, table, &rows, ticket)?,
            _ => cells::compare(self, &rows, ticket)?,
        };
        self.told(table, &rows, &comparisons)
    }

    /// The gaps under several rules side by side: each of `rules` is a column of groups that takes the
    /// place of the one given to [`new`](Self::new). The rows of [`of`](Self::of) for each, with the
    /// rule's column name in `rule`; rows that one rule leaves without a group count under the others.
    ///
    /// ```
    /// use kruispunt::data::{Column, Register, Table, Ticket};
    /// use kruispunt::evaluate::Gap;
    /// let people = Table::new([
    ///     ("employed", Column::bool(vec![true, false, false])),
    ///     ("strict", Column::text([Some("BE"), None, Some("MA")])),
    ///     ("broad", Column::text([Some("BE"), Some("BE"), Some("MA")])),
    /// ])?;
    /// let gap = Gap::new("employed", "strict", "BE");
    /// let found = gap.under(&["strict", "broad"], &people, &Ticket::default())?;
    /// assert_eq!(found.table().column("gap", "estimate")?.to_floats("gap", "estimate")?, [-1.0, -0.5]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`of`](Self::of), and [`EvaluateError::BadArgument`] without rules or when one is
    /// there twice.
    pub fn under<N: AsRef<str>>(
        &self,
        rules: &[N],
        table: &Table,
        ticket: &Ticket,
    ) -> Result<Linked, EvaluateError> {
        let names: Vec<&str> = rules.iter().map(AsRef::as_ref).collect();
        let twice = names.iter().enumerate().any(|(at, name)| names[..at].contains(name));
        if twice || names.is_empty() {
            return Err(EvaluateError::BadArgument {
                argument: "group",
                expected: "one column of groups or more, each once",
                got: if twice { "one twice" } else { "none" }.to_owned(),
            });
        }
        let mut found = Vec::with_capacity(names.len());
        for name in &names {
            let own = Self { group: (*name).to_owned(), ..self.clone() };
            found.push(own.of(table, ticket)?);
        }
        let tables: Vec<(&str, &Table)> =
            names.iter().zip(&found).map(|(name, own)| (*name, own.table())).collect();
        let out = Table::stack(&tables, "rule")?;
        let steps = found.iter().filter_map(|own| own.account()?.last().cloned());
        let account = steps.fold(Account::new(&self.outcome), Account::then);
        Ok(Linked::new(out, account))
    }

    fn check(&self) -> Result<(), EvaluateError> {
        let bad = |argument, expected, got: String| {
            Err(EvaluateError::BadArgument { argument, expected, got })
        };
        if !(self.level > 0.0 && self.level < 1.0) {
            return bad("level", "a level between 0 and 1", self.level.to_string());
        }
        if self.method == GapMethod::Raw && !self.adjust.is_empty() {
            return bad("adjust", "a method beside \"raw\" to adjust by", "raw".to_owned());
        }
        if self.method != GapMethod::Raw && self.adjust.is_empty() {
            return bad("adjust", "one column or more to adjust by", "none".to_owned());
        }
        Ok(())
    }

    fn told(
        &self,
        table: &Table,
        rows: &Rows,
        comparisons: &[Comparison],
    ) -> Result<Linked, EvaluateError> {
        let quantile = special::normal_quantile(0.5 + self.level / 2.0);
        let lines: Vec<(&Comparison, &Component)> = comparisons
            .iter()
            .flat_map(|one| one.components.iter().map(move |component| (one, component)))
            .collect();
        let shown: Vec<u32> = lines.iter().map(|(one, _)| one.shows).collect();
        let mut out = Table::default();
        for name in &self.by {
            out.push(name, table.column("by", name)?.take(&shown))?;
        }
        let groups: Vec<u32> = lines.iter().map(|(one, _)| rows.group_row(one.group)).collect();
        out.push("group", table.column("group", &self.group)?.take(&groups))?;
        let real = |of: &dyn Fn(&Component) -> f64| {
            let values = lines.iter().map(|(_, part)| Some(of(part)).filter(|v| v.is_finite()));
            Column::floats(&values.collect::<Vec<_>>())
        };
        let whole = |of: &dyn Fn(&Comparison) -> u64| {
            Column::int(lines.iter().map(|(one, _)| of(one) as i64).collect())
        };
        out.push("component", Column::text(lines.iter().map(|(_, part)| Some(&*part.name))))?;
        out.push("estimate", real(&|part| part.estimate))?;
        out.push("se", real(&|part| part.se))?;
        out.push("low", real(&|part| part.estimate - quantile * part.se))?;
        out.push("high", real(&|part| part.estimate + quantile * part.se))?;
        out.push("n_group", whole(&|one| one.n_group))?;
        out.push("n_reference", whole(&|one| one.n_reference))?;
        out.push("clusters", whole(&|one| one.clusters))?;
        out.push("note", Column::text(lines.iter().map(|(one, _)| one.note)))?;
        let detail = format!("{} by {}: {}", self.outcome, self.group, self.method.word());
        let (before, after) = (Count::rows(table.n_rows()), Count::rows(rows.len()));
        let mut step = Step::new("gap", detail, before, after)
            .note(format!("each group against {}", self.reference));
        for (reason, count) in rows.excluded.iter().filter(|(_, count)| *count > 0) {
            step = step.exclude(reason.clone(), Count::rows(*count));
        }
        Ok(Linked::new(out, Account::new(&self.outcome).then(step)))
    }
}

/// Codes of the values of several columns together in natural order of the first, then the next;
/// `None` where one is missing; and a row that shows each code.
fn crossed(
    table: &Table,
    argument: &str,
    names: &[String],
) -> Result<(Vec<Option<u32>>, Vec<u32>), EvaluateError> {
    let mut codes = vec![Some(0_u32); table.n_rows()];
    for name in names {
        let (own, first) = table.column(argument, name)?.ranks();
        let n = first.len() as u64;
        let both = codes.iter().zip(&own).map(|(before, own)| {
            Some(i64::try_from(u64::from((*before)?) * n + u64::from((*own)?)).unwrap_or(i64::MAX))
        });
        let (next, _) = Column::ints(&both.collect::<Vec<_>>()).ranks();
        codes = next;
    }
    let mut first: Vec<u32> = Vec::new();
    for (row, code) in codes.iter().enumerate() {
        if let Some(code) = code {
            if first.len() <= *code as usize {
                first.resize(*code as usize + 1, u32::MAX);
            }
            let slot = &mut first[*code as usize];
            *slot = (*slot).min(row as u32);
        }
    }
    Ok((codes, first))
}

/// Whether a column enters a regression as it is.
const fn is_number(column: &Column) -> bool {
    matches!(
        column.values(),
        Values::Int(_) | Values::Float(_) | Values::Bool(_) | Values::Short(_)
    )
}

fn stop(ticket: &Ticket) -> Result<(), EvaluateError> {
    if ticket.is_cancelled() { Err(EvaluateError::Cancelled) } else { Ok(()) }
}
