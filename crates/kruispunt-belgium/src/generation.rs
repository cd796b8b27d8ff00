//! Migration generations: 0, 1, 1.5, 2, 2.5, 3.
//!
//! Born abroad: `1`, or the label of the band the age at arrival falls into (`1.5` below 18 by
//! default; the literature draws the line at 6, 12, 13 or 18). Born in Belgium: `2` with two parents
//! from abroad, `2.5` with one, `3` with a grandparent from abroad, else `0`.

use crate::country::country_of;
use crate::error::BelgiumError;
use kruispunt::data::{Account, Column, Count, Day, Linked, Step, Table, Values};

/// Where the columns stand that generations are read from.
#[derive(Clone, Copy, Debug, Default)]
pub struct Roots<'a> {
    /// The person's country of birth.
    pub born: &'a str,
    /// The birth date: days, or text `YYYY-MM-DD` with `00` for what is unknown.
    pub birth_date: &'a str,
    /// The first registration in Belgium.
    pub arrival: &'a str,
    /// The father's first nationality or country of birth.
    pub father: &'a str,
    /// The mother's.
    pub mother: &'a str,
    /// Grandparents' first nationalities or countries of birth; may be empty.
    pub grandparents: &'a [&'a str],
    /// Whether there is evidence of schooling here, true or false; without it arrival decides alone.
    pub schooled: Option<&'a str>,
}

/// The bands of age at arrival.
///
/// ```
/// use kruispunt_belgium::generation::Generations;
///
/// let fine = Generations::new(vec![("1.75".into(), 6), ("1.5".into(), 13), ("1.25".into(), 18)])?;
/// assert_eq!(fine.of_age(7), "1.5");
/// assert_eq!(fine.of_age(30), "1");
/// # Ok::<(), kruispunt_belgium::BelgiumError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generations {
    bands: Vec<(String, u32)>,
}

impl Default for Generations {
    fn default() -> Self {
        Self { bands: vec![("1.5".to_owned(), 18)] }
    }
}

/// What is known of one birth date.
#[derive(Clone, Copy)]
struct Birth {
    day: Day,
    whole: bool,
}

impl Generations {
    /// Bands as a label and the age it ends before, ascending.
    ///
    /// # Errors
    ///
    /// [`BelgiumError::OutOfRange`] when there is none, or the ages do not ascend.
    pub fn new(bands: Vec<(String, u32)>) -> Result<Self, BelgiumError> {
        if bands.is_empty() || !bands.is_sorted_by(|one, next| one.1 < next.1) {
            return Err(BelgiumError::OutOfRange {
                argument: "bands",
                got: format!("{} bands, ages not ascending", bands.len()),
                expected: "labels with the age each ends before, ascending",
            });
        }
        Ok(Self { bands })
    }

    /// The label of an age at arrival in completed years.
    #[must_use]
    pub fn of_age(&self, age: i32) -> &str {
        let within = |(_, below): &&(String, u32)| i64::from(age) < i64::from(*below);
        self.bands.iter().find(within).map_or("1", |(label, _)| label)
    }

    /// The generation of each row of `data`.
    ///
    /// The answer has the column `person`, `generation`, `arrival_age` (completed years; missing for
    /// those born here) and `generation_reason` (what is not known).
    ///
    /// # Errors
    ///
    /// [`BelgiumError::Data`] when a column is not there or holds something else.
    pub fn apply(
        &self,
        data: &Table,
        person: &str,
        roots: &Roots<'_>,
    ) -> Result<Linked, BelgiumError> {
        let ids = data.column("person", person)?;
        let abroad = |argument: &str, name: &str| -> Result<Vec<Option<bool>>, BelgiumError> {
            foreign(data.column(argument, name)?, argument, name)
        };
        let born = abroad("born", roots.born)?;
        let (father, mother) = (abroad("father", roots.father)?, abroad("mother", roots.mother)?);
        let mut grand = Vec::new();
        for name in roots.grandparents {
            grand.push(abroad("grandparents", name)?);
        }
        let births = births(data.column("birth_date", roots.birth_date)?, roots.birth_date)?;
        let arrivals = data.column("arrival", roots.arrival)?.to_days("arrival", roots.arrival)?;
        let schooled = roots.schooled.map(|name| data.column("schooled", name)).transpose()?;
        let schooled =
            schooled.map(|column| column.to_floats("schooled", roots.schooled.unwrap_or("")));
        let schooled = schooled.transpose()?;

        let (mut labels, mut ages, mut reasons) = (Vec::new(), Vec::new(), Vec::new());
        let mut halves = 0_usize;
        for row in 0..data.n_rows() {
            let mut age = None;
            let (label, reason) = match born[row] {
                None => (None, Some("country of birth unknown")),
                Some(true) if father[row] == Some(false) && mother[row] == Some(false) => {
                    (Some("0"), None)
                }
                Some(true) => match (births[row], arrivals[row]) {
                    (Some(birth), Some(arrival)) => {
                        halves += usize::from(!birth.whole);
                        let years = completed_years(birth.day, arrival);
                        age = Some(i64::from(years));
                        let here = schooled.as_ref().is_none_or(|of| of[row] > 0.0);
                        (Some(if here { self.of_age(years) } else { "1" }), None)
                    }
                    (None, _) => (None, Some("birth date unknown")),
                    (_, None) => (None, Some("arrival unknown")),
                },
                Some(false) => {
                    let grand = grand.iter().any(|parent| parent[row] == Some(true));
                    born_here(father[row], mother[row], grand)
                }
            };
            labels.push(label);
            ages.push(age);
            reasons.push(reason);
        }
        let step = step(&self.bands, data.n_rows(), &labels, &reasons, halves);
        let table = Table::new([
            (person, ids.clone()),
            ("generation", Column::text(labels)),
            ("arrival_age", Column::ints(&ages)),
            ("generation_reason", Column::text(reasons)),
        ])?;
        Ok(Linked::new(table, Account::new(person).then(step)))
    }
}

/// The generation of a person born in Belgium.
fn born_here(
    father: Option<bool>,
    mother: Option<bool>,
    grandparent: bool,
) -> (Option<&'static str>, Option<&'static str>) {
    match (father, mother) {
        (Some(true), Some(true)) => (Some("2"), None),
        (Some(true), Some(false)) | (Some(false), Some(true)) => (Some("2.5"), None),
        (Some(true), None) | (None, Some(true)) => {
            (Some("2"), Some("one parent unknown: 2 or 2.5"))
        }
        (Some(false), Some(false)) => (Some(if grandparent { "3" } else { "0" }), None),
        (None, None) => (None, Some("both parents unknown")),
        (None, _) => (None, Some("father unknown")),
        (_, None) => (None, Some("mother unknown")),
    }
}

/// Whether each country is another than Belgium; missing where unknown.
fn foreign(column: &Column, argument: &str, name: &str) -> Result<Vec<Option<bool>>, BelgiumError> {
    if !matches!(column.values(), Values::Text(_) | Values::Int(_)) {
        let expected = "country codes: text or whole numbers";
        return Err(column.wrong_type(argument, name, expected).into());
    }
    let (codes, first) = column.ranks();
    let level = |row: &u32| {
        let label = column.label(*row as usize).unwrap_or_default();
        let belgian = country_of(label.trim()).is_some_and(|country| country.iso2 == "BE");
        (!label.trim().is_empty()).then_some(!belgian)
    };
    let levels: Vec<Option<bool>> = first.iter().map(level).collect();
    Ok(codes.into_iter().map(|code| levels[code? as usize]).collect())
}

/// Birth dates; an unknown month or day counts as the middle of what is known.
fn births(column: &Column, name: &str) -> Result<Vec<Option<Birth>>, BelgiumError> {
    if !matches!(column.values(), Values::Text(_)) {
        let days = column.to_days("birth_date", name)?;
        return Ok(days.into_iter().map(|day| Some(Birth { day: day?, whole: true })).collect());
    }
    let (codes, first) = column.ranks();
    let level = |row: &u32| read_birth(column.label(*row as usize)?.trim());
    let levels: Vec<Option<Birth>> = first.iter().map(level).collect();
    Ok(codes.into_iter().map(|code| levels[code? as usize]).collect())
}

fn read_birth(text: &str) -> Option<Birth> {
    if let Some(day) = Day::parse(text) {
        return Some(Birth { day, whole: true });
    }
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let (year, month): (i32, u32) = (year.parse().ok()?, month.parse().ok()?);
    let day: u32 = day.parse().ok()?;
    let guess = match (month, day) {
        (0, _) => Day::new(year, 7, 1),
        (_, 0) => Day::new(year, month, 15),
        _ => None,
    };
    Some(Birth { day: guess.filter(|_| year > 0)?, whole: false })
}

/// Whole years between two days; negative when the second comes first.
fn completed_years(birth: Day, day: Day) -> i32 {
    let ((by, bm, bd), (y, m, d)) = (birth.ymd(), day.ymd());
    y - by - i32::from((m, d) < (bm, bd))
}

fn step(
    bands: &[(String, u32)],
    rows: usize,
    labels: &[Option<&str>],
    reasons: &[Option<&'static str>],
    halves: usize,
) -> Step {
    let bands: Vec<String> =
        bands.iter().map(|(label, below)| format!("{label} below {below}")).collect();
    let detail = format!("age at arrival: {}", bands.join(", "));
    let mut step = Step::new("generation", detail, Count::rows(rows), Count::rows(rows))
        .note(format!("by generation: {}", crate::tally(labels.iter().flatten().copied())));
    if reasons.iter().any(Option::is_some) {
        step = step.note(format!("not known: {}", crate::tally(reasons.iter().flatten().copied())));
    }
    if halves > 0 {
        step = step.note(format!(
            "{halves} birth dates without month or day: taken as the middle of what is known"
        ));
    }
    step
}
