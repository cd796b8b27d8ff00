//! Where a person's origin lies: by nationality or country of birth, of the parents and one's own.
//!
//! A rule is a list of criteria in order of priority: the first that is known and foreign gives the
//! country. Without a foreign criterion the person is of Belgian origin, if enough is known to say
//! so: rules differ in what is enough, and [`Unknown`] makes it explicit.

use crate::country::{Country, country_of};
use crate::error::BelgiumError;
use kruispunt::data::{Account, Column, Count, Linked, Step, Table};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

/// What a rule looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Criterion {
    /// The father's nationality at birth, in practice the first one known.
    Father,
    /// The mother's.
    Mother,
    /// One's own nationality at birth, in practice the first one known.
    Own,
    /// One's own nationality now.
    Now,
    /// One's own country of birth.
    Born,
    /// The father's country of birth.
    FatherBorn,
    /// The mother's country of birth.
    MotherBorn,
}

impl Criterion {
    /// All criteria.
    pub const ALL: [Self; 7] = [
        Self::Father,
        Self::Mother,
        Self::Own,
        Self::Now,
        Self::Born,
        Self::FatherBorn,
        Self::MotherBorn,
    ];

    /// The name: `father`, `mother`, `own`, `now`, `born`, `father_born`, `mother_born`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Father => "father",
            Self::Mother => "mother",
            Self::Own => "own",
            Self::Now => "now",
            Self::Born => "born",
            Self::FatherBorn => "father_born",
            Self::MotherBorn => "mother_born",
        }
    }

    const fn what(self) -> &'static str {
        match self {
            Self::Father => "the father's first nationality",
            Self::Mother => "the mother's first nationality",
            Self::Own => "the person's first nationality",
            Self::Now => "the person's present nationality",
            Self::Born => "the person's country of birth",
            Self::FatherBorn => "the father's country of birth",
            Self::MotherBorn => "the mother's country of birth",
        }
    }
}

/// What becomes of a person without a foreign criterion of whom not all criteria are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unknown {
    /// Undetermined, with the reason: the origin gap then leaves these persons out.
    #[default]
    Separate,
    /// Belgian origin, as long as one criterion is known.
    Belgian,
}

/// Into which groups countries fall.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Groups {
    /// `BE`, `EU14`, `EU13`, `TR`, `MA`, `nonEU`.
    #[default]
    Register,
    /// The six groups of Arvastat: `BE`, `neighbour`, `west`, `south`, `EU28`, `nonEU`.
    Arvastat,
    /// `BE`, `EU`, `nonEU`.
    Eu,
    /// Groups of one's own, by code.
    Own(FxHashMap<String, String>),
}

impl Groups {
    fn of<'a>(&'a self, code: &str, country: Option<&'static Country>) -> Option<&'a str> {
        match (self, country) {
            (Self::Own(groups), _) => groups.get(code).map(String::as_str),
            (_, None) => None,
            (Self::Register, Some(country)) => Some(country.origin.label()),
            (Self::Arvastat, Some(country)) => Some(country.arvastat),
            (Self::Eu, Some(country)) => Some(match country.arvastat {
                "BE" => "BE",
                "nonEU" => "nonEU",
                _ => "EU",
            }),
        }
    }
}

/// A rule: criteria in order of priority, and what to do when they are not all known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginRule {
    priority: Vec<Criterion>,
    unknown: Unknown,
    groups: Groups,
    name: String,
}

impl OriginRule {
    fn new(name: &str, priority: &[Criterion], unknown: Unknown, groups: Groups) -> Self {
        Self { priority: priority.to_vec(), unknown, groups, name: name.to_owned() }
    }

    /// Socio-economic monitoring: father's, then mother's, then own first nationality, then the
    /// present one. Belgian origin needs all four known and Belgian; a Belgian of whom a parent is
    /// unknown is undetermined.
    #[must_use]
    pub fn monitoring() -> Self {
        use Criterion::{Father, Mother, Now, Own};
        Self::new("monitoring", &[Father, Mother, Own, Now], Unknown::Separate, Groups::Register)
    }

    /// Statistiek Vlaanderen and Statbel: the same four criteria; a person is of foreign origin if
    /// one of them is foreign, so that an unknown parent counts as Belgian.
    #[must_use]
    pub fn statbel() -> Self {
        use Criterion::{Father, Mother, Now, Own};
        Self::new("statbel", &[Father, Mother, Own, Now], Unknown::Belgian, Groups::Register)
    }

    /// Arvastat (the employment service): the same four criteria in its six groups. How it treats
    /// incomplete histories is not published in full; here as [`statbel`](Self::statbel) does.
    #[must_use]
    pub fn arvastat() -> Self {
        use Criterion::{Father, Mother, Now, Own};
        Self::new("arvastat", &[Father, Mother, Own, Now], Unknown::Belgian, Groups::Arvastat)
    }

    /// Own country of birth, then the parents', the mother's first (the rule of Statistics
    /// Netherlands since 2022).
    #[must_use]
    pub fn country_of_birth() -> Self {
        use Criterion::{Born, FatherBorn, MotherBorn};
        let priority = [Born, MotherBorn, FatherBorn];
        Self::new("country_of_birth", &priority, Unknown::Separate, Groups::Register)
    }

    /// A priority of one's own.
    ///
    /// # Errors
    ///
    /// [`BelgiumError::OutOfRange`] when it is empty or names a criterion twice.
    pub fn custom(priority: &[Criterion]) -> Result<Self, BelgiumError> {
        let twice = (1..priority.len()).any(|at| priority[..at].contains(&priority[at]));
        if priority.is_empty() || twice {
            return Err(BelgiumError::OutOfRange {
                argument: "rule",
                got: format!(
                    "{} criteria{}",
                    priority.len(),
                    if twice { ", one twice" } else { "" }
                ),
                expected: "one or more different criteria, the first to decide first",
            });
        }
        Ok(Self::new("custom", priority, Unknown::Separate, Groups::Register))
    }

    /// What becomes of persons of whom not all is known.
    #[must_use]
    pub fn unknown(mut self, unknown: Unknown) -> Self {
        self.unknown = unknown;
        self
    }

    /// Into which groups countries fall.
    #[must_use]
    pub fn groups(mut self, groups: Groups) -> Self {
        self.groups = groups;
        self
    }

    /// The criteria, in order.
    #[must_use]
    pub fn priority(&self) -> &[Criterion] {
        &self.priority
    }

    /// Applies the rule to each row of `data`; `columns` says where the criteria stand.
    ///
    /// The answer has the column `person`, and
    /// - `origin`: the code of the country, missing when undetermined;
    /// - `origin_group`: its group; missing too when the list does not know the code;
    /// - `origin_by`: the criterion that decided; `all` when everything known is Belgian;
    /// - `origin_reason`: why `origin` or its group is undetermined.
    ///
    /// Countries are register codes or ISO alpha-2 codes, as text or whole numbers.
    ///
    /// # Errors
    ///
    /// [`BelgiumError::Unnamed`] when the rule reads a criterion without a column;
    /// [`BelgiumError::Data`] when a column is not there or holds something else than codes.
    pub fn apply(
        &self,
        data: &Table,
        person: &str,
        columns: &[(Criterion, &str)],
    ) -> Result<Linked, BelgiumError> {
        let ids = data.column("person", person)?;
        let read = |criterion: &Criterion| {
            let named = columns.iter().find(|(of, _)| of == criterion);
            let (_, name) = named.ok_or(BelgiumError::Unnamed {
                argument: criterion.name(),
                what: criterion.what(),
            })?;
            Codes::read(data.column(criterion.name(), name)?, criterion.name(), name)
        };
        let facts = self.priority.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let mut found = Found::default();
        for row in 0..data.n_rows() {
            found.push(&self.decide(&facts, row));
        }
        let step = found.step(&self.name, self.unknown);
        let mut table = Table::new([(person, ids.clone())])?;
        for (name, column) in found.columns() {
            table.push(name, column)?;
        }
        Ok(Linked::new(table, Account::new(person).then(step)))
    }

    /// The origin of one row.
    fn decide<'a>(&'a self, facts: &'a [Codes], row: usize) -> Decision<'a> {
        let mut known = 0;
        for (criterion, codes) in self.priority.iter().zip(facts) {
            let Some((code, country)) = codes.at(row) else { continue };
            known += 1;
            if country.is_none_or(|country| country.code != BELGIUM) {
                let group = self.groups.of(code, country);
                let reason = group.is_none().then_some(NO_GROUP);
                return Decision { origin: Some(code), group, by: Some(criterion.name()), reason };
            }
        }
        let all = known == self.priority.len();
        if known == 0 || (!all && self.unknown == Unknown::Separate) {
            return Decision { reason: Some(self.missing(facts, row)), ..Decision::default() };
        }
        let group = self.groups.of(BELGIUM, country_of(BELGIUM));
        let reason = group.is_none().then_some(NO_GROUP);
        Decision { origin: Some(BELGIUM), group, by: Some("all"), reason }
    }

    /// What is not known of a person without a foreign criterion.
    fn missing(&self, facts: &[Codes], row: usize) -> &'static str {
        let blank = |wanted: &[Criterion]| {
            let mut pairs = self.priority.iter().zip(facts);
            pairs.any(|(criterion, codes)| wanted.contains(criterion) && codes.at(row).is_none())
        };
        let father = blank(&[Criterion::Father, Criterion::FatherBorn]);
        let mother = blank(&[Criterion::Mother, Criterion::MotherBorn]);
        let own = blank(&[Criterion::Own, Criterion::Now, Criterion::Born]);
        if facts.iter().all(|codes| codes.at(row).is_none()) {
            return "nothing known";
        }
        match (father, mother, own) {
            (true, true, _) => "both parents unknown",
            (true, false, _) => "father unknown",
            (false, true, _) => "mother unknown",
            _ => "own nationality or birth unknown",
        }
    }
}

const BELGIUM: &str = "150";
const NO_GROUP: &str = "the list of groups does not have the country";

/// One person's answer.
#[derive(Default)]
struct Decision<'a> {
    origin: Option<&'a str>,
    group: Option<&'a str>,
    by: Option<&'static str>,
    reason: Option<&'static str>,
}

/// A column of country codes.
struct Codes {
    codes: Vec<Option<u32>>,
    levels: Vec<(String, Option<&'static Country>)>,
}

impl Codes {
    fn read(column: &Column, argument: &str, name: &str) -> Result<Self, BelgiumError> {
        use kruispunt::data::Values;
        if !matches!(column.values(), Values::Text(_) | Values::Int(_)) {
            let expected = "country codes: text or whole numbers";
            return Err(column.wrong_type(argument, name, expected).into());
        }
        let (codes, first) = column.ranks();
        let level = |row: &u32| {
            let code = column.label(*row as usize).unwrap_or_default();
            let country = country_of(code.trim());
            (country.map_or_else(|| code.trim().to_owned(), |known| known.code.to_owned()), country)
        };
        Ok(Self { codes, levels: first.iter().map(level).collect() })
    }

    /// The code of a row; an empty text is not known.
    fn at(&self, row: usize) -> Option<(&str, Option<&'static Country>)> {
        let (code, country) = &self.levels[self.codes[row]? as usize];
        (!code.is_empty()).then_some((code, *country))
    }
}

/// The answers, column by column.
#[derive(Default)]
struct Found {
    origin: Vec<Option<String>>,
    group: Vec<Option<String>>,
    by: Vec<Option<&'static str>>,
    reason: Vec<Option<&'static str>>,
}

impl Found {
    fn push(&mut self, decision: &Decision<'_>) {
        self.origin.push(decision.origin.map(str::to_owned));
        self.group.push(decision.group.map(str::to_owned));
        self.by.push(decision.by);
        self.reason.push(decision.reason);
    }

    fn columns(&self) -> [(&'static str, Column); 4] {
        [
            ("origin", Column::text(self.origin.iter().map(Option::as_deref))),
            ("origin_group", Column::text(self.group.iter().map(Option::as_deref))),
            ("origin_by", Column::text(self.by.iter().copied())),
            ("origin_reason", Column::text(self.reason.iter().copied())),
        ]
    }

    fn step(&self, rule: &str, unknown: Unknown) -> Step {
        let rows = self.origin.len();
        let counted = |of: &[Option<&'static str>]| crate::tally(of.iter().flatten().copied());
        let how = match unknown {
            Unknown::Separate => "unknown parents leave it undetermined",
            Unknown::Belgian => "unknown parents count as Belgian",
        };
        let detail = format!("rule {rule}; {how}");
        let mut step = Step::new("origin", detail, Count::rows(rows), Count::rows(rows))
            .note(format!("decided by: {}", counted(&self.by)));
        if self.reason.iter().any(Option::is_some) {
            step = step.note(format!("undetermined: {}", counted(&self.reason)));
        }
        step
    }
}
