use super::PanelError;
use super::keys::{all, real_key, sort_keys};
use crate::data::{Buffer, Rows, Spells, Values};
use std::cmp::Ordering;

/// One rule of an order of spells: a column, and which end of it comes first.
///
/// From text, a leading minus means the largest first: `"-wage"`. Where one spell is picked for a
/// period ([`StateRule::Main`](super::StateRule::Main)), `days` stands for its days in that period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    column: String,
    down: bool,
}

impl Order {
    /// The smallest value first (categories: the first level first).
    #[must_use]
    pub fn ascending(column: impl Into<String>) -> Self {
        Self { column: column.into(), down: false }
    }

    /// The largest value first.
    #[must_use]
    pub fn descending(column: impl Into<String>) -> Self {
        Self { column: column.into(), down: true }
    }
}

impl From<&str> for Order {
    fn from(text: &str) -> Self {
        match text.strip_prefix('-') {
            Some(column) => Self::descending(column),
            None => Self::ascending(text),
        }
    }
}

impl From<String> for Order {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

enum Key {
    Column(Vec<u64>),
    /// Real numbers, and whether the largest come first.
    Real(Buffer<f64>, bool),
    /// Days in the period, and whether most days come first.
    Days(bool),
}

/// An order of spells, ready to compare them.
pub(super) struct Ranking {
    keys: Vec<Key>,
    rows: Rows,
    told: Vec<String>,
}

impl Ranking {
    /// Reads the rules; `in_period` lets `days` stand for days in a period.
    pub fn read(
        spells: &Spells,
        rules: impl IntoIterator<Item = Order>,
        in_period: bool,
    ) -> Result<Self, PanelError> {
        let (mut keys, mut told) = (Vec::new(), Vec::new());
        for Order { column: name, down } in rules {
            told.push(format!("{}{name}", if down { "-" } else { "" }));
            if in_period && name == "days" && spells.columns().get(&name).is_none() {
                keys.push(Key::Days(down));
                continue;
            }
            let column = spells.look_up("order", &name)?;
            if let Values::Float(values) = column.values() {
                let bad = |at: &usize| values[*at].is_nan() && !column.is_null(*at);
                if !all(values, |value| !value.is_nan())
                    && let Some(at) = (0..values.len()).find(bad)
                {
                    return Err(PanelError::NotFinite {
                        argument: "order".to_owned(),
                        column: name,
                        row: spells.rows()[at] as usize,
                    });
                }
                if column.validity().is_none() {
                    keys.push(Key::Real(values.clone(), down));
                    continue;
                }
            }
            keys.push(Key::Column(sort_keys(&column, down)));
        }
        told.push("row".to_owned());
        Ok(Self { keys, rows: spells.rows.clone(), told })
    }

    /// The rules, in words.
    pub fn told(&self) -> String {
        self.told.join(", ")
    }

    /// The keys, where one column decides.
    #[inline]
    pub fn single(&self) -> Option<Single<'_>> {
        match &self.keys[..] {
            [Key::Column(keys)] => Some(Single::Column(keys)),
            [Key::Real(values, down)] => Some(Single::Real(values, *down)),
            _ => None,
        }
    }

    /// The row of a spell, which settles ties.
    pub fn row(&self, spell: usize) -> u32 {
        self.rows.at(spell)
    }

    /// Which of two spells comes first by the columns; equal when only their rows tell them apart.
    pub fn compare(&self, a: usize, b: usize) -> Ordering {
        self.compare_in_period((a, 0), (b, 0))
    }

    /// As [`compare`](Self::compare), of spells with their days in the period.
    #[inline]
    pub fn compare_in_period(&self, a: (usize, i32), b: (usize, i32)) -> Ordering {
        for key in &self.keys {
            let order = match key {
                Key::Column(key) => key[a.0].cmp(&key[b.0]),
                Key::Real(values, down) => {
                    real_key(values[a.0], *down).cmp(&real_key(values[b.0], *down))
                }
                Key::Days(true) => b.1.cmp(&a.1),
                Key::Days(false) => a.1.cmp(&b.1),
            };
            if order.is_ne() {
                return order;
            }
        }
        Ordering::Equal
    }
}

/// The keys of an order by one column.
#[derive(Clone, Copy)]
pub(super) enum Single<'a> {
    Column(&'a [u64]),
    Real(&'a [f64], bool),
}

impl Single<'_> {
    /// The key of a spell: the smallest comes first.
    #[inline]
    pub fn of(&self, spell: usize) -> u64 {
        match self {
            Self::Column(keys) => keys[spell],
            Self::Real(values, down) => real_key(values[spell], *down),
        }
    }
}
