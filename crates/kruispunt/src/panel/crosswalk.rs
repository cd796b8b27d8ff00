use super::PanelError;
use crate::data::{
    Bitmap, Column, Count, DataError, Day, Levels, Pieces, Register, Spells, Step, Table, Text,
    Values,
};
use rustc_hash::FxHashMap;

/// What becomes of a spell whose code the crosswalk does not know on its days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Unknown {
    /// Stop, with the row.
    #[default]
    Error,
    /// Keep the code as it is, counted.
    Keep,
    /// No code, counted.
    Null,
}

/// Which columns of a table say what codes became, and when.
///
/// One row a code and a period of validity: the code, what it is called in the target list, the
/// first and the last day on which that holds (both included; null: no limit).
///
/// ```
/// use kruispunt::panel::{Crosswalk, Unknown};
/// let nis = Crosswalk::new("code", "code_2019").valid("from", "to").on_unknown(Unknown::Keep);
/// # let _ = nis;
/// ```
#[must_use]
#[derive(Clone, Debug)]
pub struct Crosswalk {
    from: String,
    to: String,
    valid: Option<(String, String)>,
    on_unknown: Unknown,
}

impl Crosswalk {
    /// The columns of old and new codes.
    pub fn new(from: impl Into<String>, to: impl Into<String>) -> Self {
        Self { from: from.into(), to: to.into(), valid: None, on_unknown: Unknown::default() }
    }

    /// The columns of the first and the last day of validity.
    pub fn valid(mut self, first: impl Into<String>, last: impl Into<String>) -> Self {
        self.valid = Some((first.into(), last.into()));
        self
    }

    /// What becomes of codes that are not valid on the days of a spell (default: stop).
    pub fn on_unknown(mut self, policy: Unknown) -> Self {
        self.on_unknown = policy;
        self
    }
}

/// One line of the table.
#[derive(Clone, Copy)]
struct Line {
    /// First day.
    from: i32,
    /// The day after the last.
    to: i32,
    /// The new code; none when the table has none.
    code: Option<u32>,
    row: usize,
}

/// Distinct texts under numbers.
#[derive(Default)]
struct Codes {
    levels: Levels,
    known: FxHashMap<String, u32>,
}

impl Codes {
    fn number(&mut self, text: &str) -> Option<u32> {
        if let Some(&known) = self.known.get(text) {
            return Some(known);
        }
        let code = self.levels.push(text)?;
        self.known.insert(text.to_owned(), code);
        Some(code)
    }
}

/// The lines of each old code, by day.
fn lines(
    table: &Table,
    walk: &Crosswalk,
    codes: &mut Codes,
) -> Result<FxHashMap<String, Vec<Line>>, PanelError> {
    let from = table.column("crosswalk", &walk.from)?;
    let to = table.column("crosswalk", &walk.to)?;
    let days = |argument, name: &str| -> Result<Vec<Option<Day>>, PanelError> {
        Ok(table.column(argument, name)?.to_days(argument, name)?)
    };
    let limits = match &walk.valid {
        Some((first, last)) => Some((days("valid_from", first)?, days("valid_to", last)?)),
        None => None,
    };
    let mut of: FxHashMap<String, Vec<Line>> = FxHashMap::default();
    for row in 0..table.n_rows() {
        let Some(code) = from.label(row) else {
            return Err(DataError::MissingCell {
                argument: "crosswalk".to_owned(),
                column: walk.from.clone(),
                row,
                expected: "a code in each row",
            }
            .into());
        };
        let (first, after) = limits.as_ref().map_or((i32::MIN, Day::OPEN.0), |limits| {
            let after = limits.1[row].map_or(Day::OPEN.0, |day| day.0.saturating_add(1));
            (limits.0[row].map_or(i32::MIN, |day| day.0), after)
        });
        let new = to.label(row).and_then(|text| codes.number(text.trim()));
        of.entry(code.trim().to_owned()).or_default().push(Line {
            from: first,
            to: after,
            code: new,
            row,
        });
    }
    for lines in of.values_mut() {
        lines.sort_unstable_by_key(|line| (line.from, line.row));
        if let Some(pair) = lines.windows(2).find(|pair| pair[1].from < pair[0].to) {
            return Err(PanelError::CrosswalkOverlap {
                argument: "crosswalk".to_owned(),
                first: pair[0].row.min(pair[1].row),
                second: pair[0].row.max(pair[1].row),
            });
        }
    }
    Ok(of)
}

/// What is told of a crosswalk: rows changed, spells cut, rows made and rows of unknown code.
fn told(walk: &Crosswalk, name: &str, [changed, cut, made, unknown]: [u64; 4]) -> Step {
    let what = match walk.on_unknown {
        Unknown::Error => "stopped at",
        Unknown::Keep => "kept",
        Unknown::Null => "without a code",
    };
    let title = format!("{name}: {} to {}", walk.from, walk.to);
    Step::new("crosswalk", title, Count::default(), Count::default())
        .note(format!("{changed} rows with another code than before"))
        .note(format!("{cut} spells cut where their code changed, {made} rows more"))
        .note(format!("{unknown} rows with a code that is not in the crosswalk then: {what}"))
}

impl Spells {
    /// Replaces the codes of a column by those of another list, as they were valid on the days.
    ///
    /// A spell that goes on over the day on which its code changed becomes two, each with the code
    /// of its days; amounts are shared out by days (see [`Spread`](super::Spread)). Codes are
    /// compared as they are written, blanks around them left out: `"44021"` and 44021 are one
    /// code, `"011"` and `"11"` are two. Null stays null. The new column has the old name and is
    /// text.
    ///
    /// # Errors
    ///
    /// [`PanelError::CrosswalkOverlap`] when two lines of one code share a day,
    /// [`PanelError::UnknownCode`] for a spell with a day on which its code is not valid, unless
    /// [`Crosswalk::on_unknown`] says otherwise, [`PanelError::Data`] for missing columns and cells
    /// that are no day.
    pub fn crosswalk(
        &self,
        column: &str,
        register: &dyn Register,
        walk: &Crosswalk,
    ) -> Result<Self, PanelError> {
        let own = self.look_up("column", column)?;
        let name = match (column, &self.roles.state, &self.roles.source) {
            _ if self.columns.get(column).is_some() => column,
            ("state", Some(state), _) => state,
            ("source", _, Some(source)) => source,
            _ => column,
        };
        let mut target = Codes::default();
        let known = lines(register.table(), walk, &mut target)?;
        let (codes, first) = own.ranks();
        let label = |row: &u32| own.label(*row as usize).unwrap_or_default().trim().to_owned();
        let labels: Vec<String> = first.iter().map(label).collect();
        let lines: Vec<&[Line]> =
            labels.iter().map(|code| known.get(code).map_or(&[][..], Vec::as_slice)).collect();
        let kept: Vec<Option<u32>> = labels
            .iter()
            .map(|code| if walk.on_unknown == Unknown::Keep { target.number(code) } else { None })
            .collect();
        let mut pieces = Pieces::default();
        let mut new: Vec<Option<u32>> = Vec::with_capacity(self.len());
        let (mut unknown, mut changed, mut cut) = (0_u64, 0_u64, 0_u64);
        for person in 0..self.persons.len() {
            let before = pieces.source.len();
            for at in self.of(person) {
                let (mut start, end) = (self.starts[at], self.ends[at]);
                let Some(code) = codes[at].map(|code| code as usize) else {
                    pieces.push(at, start, end);
                    new.push(None);
                    continue;
                };
                let mut rest = lines[code];
                rest = &rest[rest.partition_point(|line| line.to <= start)..];
                cut +=
                    u64::from(rest.first().is_some_and(|line| line.from <= start && line.to < end));
                while start < end {
                    let (until, became) = match rest.split_first() {
                        Some((line, after)) if line.from <= start => {
                            rest = after;
                            (line.to.min(end), Some(line.code))
                        }
                        Some((line, _)) => (line.from.min(end), None),
                        None => (end, None),
                    };
                    if became.is_none() && walk.on_unknown == Unknown::Error {
                        return Err(PanelError::UnknownCode {
                            argument: "column".to_owned(),
                            column: name.to_owned(),
                            row: self.rows[at] as usize,
                            day: Day(start).to_string(),
                        });
                    }
                    unknown += u64::from(became.is_none());
                    let became = became.unwrap_or(kept[code]);
                    let same = became.is_some_and(|new| target.levels.get(new) == labels[code]);
                    changed += u64::from(!same);
                    pieces.push(at, start, until);
                    new.push(became);
                    start = until;
                }
            }
            pieces.close_person(before);
        }
        let made = pieces.source.len() - self.len();
        let mut step = told(walk, name, [changed, cut, made as u64, unknown]);
        if let Some(account) = register.account() {
            step = step.join(account.clone());
        }
        let name = name.to_owned();
        let mut result = self.with_pieces(pieces, step);
        let validity = Bitmap::pack(new.iter().map(Option::is_some));
        let codes: Vec<u32> = new.iter().map(|code| code.unwrap_or_default()).collect();
        if let Some(text) = Text::new(codes.into(), target.levels, false) {
            result.columns.set(&name, Column::new(Values::Text(text), validity))?;
        }
        Ok(result)
    }
}
