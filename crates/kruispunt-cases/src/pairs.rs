//! Two persons alike in all but one thing.

use crate::CasesError;
use crate::groups::{Coded, numbers};
use crate::select::identified;
use kruispunt::data::{Account, Column, Count, Linked, Seed, Step, Table, Ticket};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

/// A search for pairs: one person with the contrast, one without, equal on some columns and near
/// on others.
///
/// The distance is Mahalanobis' on the numbers of `near`, with the covariance pooled within the two
/// sides (Rubin 1980, *Biometrics* 36(2), 293-298). All pairs of one exact cell are put in the order
/// of their distance and taken as long as both are free (greedy, not optimal matching).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pairs {
    n: usize,
    alike: Vec<String>,
    near: Vec<String>,
    caliper: Option<f64>,
    seed: u64,
}

impl Default for Pairs {
    fn default() -> Self {
        Self { n: 10, alike: Vec::new(), near: Vec::new(), caliper: None, seed: 1 }
    }
}

/// Pairs, and how alike their sides are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Paired {
    /// Identifier, `pair`, `contrast`, `distance`: two rows a pair, the one with the contrast first.
    pub pairs: Linked,
    /// A row a column: `before` and `after`, the difference of means in standard deviations.
    pub balance: Table,
}

impl Pairs {
    /// So many pairs.
    #[must_use]
    pub fn new(n: usize) -> Self {
        Self { n, ..Self::default() }
    }

    /// Columns on which both are equal.
    #[must_use]
    pub fn alike(mut self, columns: Vec<String>) -> Self {
        self.alike = columns;
        self
    }

    /// Columns of numbers on which both are near.
    #[must_use]
    pub fn near(mut self, columns: Vec<String>) -> Self {
        self.near = columns;
        self
    }

    /// The largest distance of a pair; none at first.
    #[must_use]
    pub const fn caliper(mut self, caliper: Option<f64>) -> Self {
        self.caliper = caliper;
        self
    }

    /// The seed that settles ties.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Finds the pairs. `contrast` is a column of two values, of which the second in natural order
    /// (true, 1) has the contrast; `id` names persons, one row each.
    ///
    /// # Errors
    ///
    /// [`CasesError::Argument`], [`CasesError::TooFew`], [`CasesError::NotFinite`],
    /// [`CasesError::Identifier`], [`CasesError::Cancelled`] or [`CasesError::Data`].
    pub fn find(
        &self,
        data: &Table,
        id: &str,
        contrast: &str,
        ticket: &Ticket,
    ) -> Result<Paired, CasesError> {
        data.require_rows("data")?;
        identified(data, id)?;
        if self.n == 0 || (self.alike.is_empty() && self.near.is_empty()) {
            let expected = "1 pair or more, and columns in `alike` or `near`";
            return Err(CasesError::argument("n", expected, "none"));
        }
        let sides = Coded::named(data, "contrast", contrast)?;
        if sides.labels.len() != 2 {
            let got = format!("{} values", sides.labels.len());
            return Err(CasesError::argument("contrast", "a column of two values", got));
        }
        let field = Field::of(self, data, sides.codes)?;
        let found = field.search(self, ticket)?;
        self.finish(data, id, contrast, &sides.labels, &field, &found)
    }

    fn finish(
        &self,
        data: &Table,
        id: &str,
        contrast: &str,
        labels: &[String],
        field: &Field,
        found: &Found,
    ) -> Result<Paired, CasesError> {
        if found.pairs.len() < self.n {
            let place =
                "in pairs that are alike; ask for fewer columns or a wider caliper".to_owned();
            let available = 2 * found.pairs.len();
            return Err(CasesError::TooFew { wanted: 2 * self.n, available, place });
        }
        let rows: Vec<u32> = found.pairs.iter().flat_map(|&(_, one, other)| [one, other]).collect();
        let mut table = Table::new([(id, data.column("person", id)?.take(&rows))])?;
        table.push("pair", Column::int((0..rows.len()).map(|at| at as i64 / 2 + 1).collect()))?;
        let side = |at: usize| Some(labels[1 - at % 2].as_str());
        table.push("contrast", Column::text((0..rows.len()).map(side)))?;
        let distance = (0..rows.len()).map(|at| found.pairs[at / 2].0).collect();
        table.push("distance", Column::float(distance))?;
        let (n, chosen) = (data.n_rows(), rows.len());
        let missing = n - field.rows.iter().flatten().count();
        let left = n - missing - chosen;
        let detail = format!(
            "pairs that differ in {contrast}, equal on [{}], near on [{}]; seed {}",
            self.alike.join(", "),
            self.near.join(", "),
            self.seed
        );
        let step = Step::new("pairs", detail, Count::of(n, n), Count::of(chosen, chosen))
            .exclude("a value is missing", Count::of(missing, missing))
            .exclude("not in a pair", Count::of(left, left))
            .tied(
                "pairs at the distance of the last one taken",
                found.tied,
                "a draw from the seed, then the row numbers",
            );
        let balance = field.balance(&self.near, &rows)?;
        Ok(Paired { pairs: Linked::new(table, Account::new("persons").then(step)), balance })
    }
}

struct Found {
    pairs: Vec<(f64, u32, u32)>,
    tied: u64,
}

/// Persons of the two sides, by exact cell, and their numbers.
struct Field {
    side: Vec<Option<u32>>,
    cells: Vec<[Vec<u32>; 2]>,
    /// Numbers by column; rows without all of them are in no cell.
    numbers: Vec<Vec<Option<f64>>>,
    /// Numbers such that Euclid's distance is Mahalanobis', by row.
    rows: Vec<Option<Vec<f64>>>,
}

impl Field {
    fn of(pairs: &Pairs, data: &Table, side: Vec<Option<u32>>) -> Result<Self, CasesError> {
        let mut exact = Vec::new();
        for name in &pairs.alike {
            exact.push(Coded::named(data, "alike", name)?.codes);
        }
        let mut near = Vec::new();
        for name in &pairs.near {
            near.push(numbers(data, "near", name)?);
        }
        let mut own = Self { side, cells: Vec::new(), numbers: near, rows: Vec::new() };
        let complete = |row: usize| {
            own.side[row].is_some()
                && exact.iter().all(|codes| codes[row].is_some())
                && own.numbers.iter().all(|column| column[row].is_some())
        };
        let usable: Vec<bool> = (0..data.n_rows()).map(complete).collect();
        own.whiten(&usable);
        let mut at: FxHashMap<Vec<Option<u32>>, usize> = FxHashMap::default();
        for row in (0..data.n_rows()).filter(|&row| usable[row]) {
            let key: Vec<Option<u32>> = exact.iter().map(|codes| codes[row]).collect();
            let cell = *at.entry(key).or_insert(own.cells.len());
            if cell == own.cells.len() {
                own.cells.push([Vec::new(), Vec::new()]);
            }
            own.cells[cell][own.side[row].unwrap_or_default() as usize].push(row as u32);
        }
        Ok(own)
    }

    /// Solves `L z = x` for the Cholesky factor L of the covariance pooled within sides.
    fn whiten(&mut self, usable: &[bool]) {
        let k = self.numbers.len();
        let value = |j: usize, row: usize| self.numbers[j][row].unwrap_or_default();
        let mut count = [0.0_f64; 2];
        let mut mean = vec![[0.0; 2]; k];
        let each = || (0..usable.len()).filter(|&row| usable[row]);
        let side = |row: usize| self.side[row].unwrap_or_default() as usize;
        for row in each() {
            count[side(row)] += 1.0;
            (0..k).for_each(|j| mean[j][side(row)] += value(j, row));
        }
        for own in &mut mean {
            own[0] /= count[0].max(1.0);
            own[1] /= count[1].max(1.0);
        }
        let mut pooled = vec![0.0; k * k];
        for row in each() {
            let s = side(row);
            for i in 0..k {
                for j in 0..=i {
                    pooled[i * k + j] +=
                        (value(i, row) - mean[i][s]) * (value(j, row) - mean[j][s]);
                }
            }
        }
        let df = (count[0] + count[1] - 2.0).max(1.0);
        for sum in &mut pooled {
            *sum /= df;
        }
        let factor = cholesky(&pooled, k);
        let white = |row: usize| {
            let mut z = vec![0.0; k];
            for i in 0..k {
                let known: f64 = (0..i).map(|j| factor[i * k + j] * z[j]).sum();
                let scale = factor[i * k + i];
                z[i] = if scale > 0.0 { (value(i, row) - known) / scale } else { 0.0 };
            }
            z
        };
        self.rows = usable.iter().enumerate().map(|(row, &ok)| ok.then(|| white(row))).collect();
    }

    fn distance(&self, one: u32, other: u32) -> f64 {
        match (&self.rows[one as usize], &self.rows[other as usize]) {
            (Some(a), Some(b)) => {
                a.iter().zip(b).map(|(x, y)| (x - y) * (x - y)).sum::<f64>().sqrt()
            }
            _ => f64::INFINITY,
        }
    }

    fn search(&self, pairs: &Pairs, ticket: &Ticket) -> Result<Found, CasesError> {
        let seed = Seed::new(pairs.seed).stream(0x0CA5_E5E3);
        let mut all: Vec<(f64, u64, u32, u32)> = Vec::new();
        let mut near: Vec<(f64, u32)> = Vec::new();
        let keep = 2 * pairs.n;
        for [without, with] in &self.cells {
            for &one in with {
                if ticket.is_cancelled() {
                    return Err(CasesError::Cancelled);
                }
                near.clear();
                near.extend(without.iter().map(|&other| (self.distance(one, other), other)));
                if let Some(most) = pairs.caliper {
                    near.retain(|pair| pair.0 <= most);
                }
                // draws settle ties: they are made for those alone that may be kept
                if near.len() > keep {
                    let by = |a: &(f64, u32), b: &(f64, u32)| a.0.total_cmp(&b.0);
                    let (_, last, _) = near.select_nth_unstable_by(keep - 1, by);
                    let last = last.0;
                    near.retain(|pair| pair.0 <= last);
                }
                let draw = |other: u32| seed.words([u64::from(one), u64::from(other), 0, 0])[0];
                let drawn = near.iter().map(|&(far, other)| (far, draw(other), one, other));
                let mut own: Vec<(f64, u64, u32, u32)> = drawn.collect();
                if own.len() > keep {
                    own.select_nth_unstable_by(keep, order);
                    own.truncate(keep);
                }
                all.append(&mut own);
            }
        }
        all.sort_by(order);
        let mut used = vec![false; self.rows.len()];
        let mut found = Vec::with_capacity(pairs.n);
        for &(distance, _, one, other) in &all {
            if found.len() == pairs.n {
                break;
            }
            if !used[one as usize] && !used[other as usize] {
                used[one as usize] = true;
                used[other as usize] = true;
                found.push((distance, one, other));
            }
        }
        let last = found.last().map(|pair| pair.0);
        let same = all.iter().filter(|pair| Some(pair.0) == last).count() as u64;
        Ok(Found { pairs: found, tied: if same > 1 { same } else { 0 } })
    }

    /// Differences of means in standard deviations, of all and of those in pairs.
    fn balance(&self, names: &[String], chosen: &[u32]) -> Result<Table, CasesError> {
        let all: Vec<u32> =
            (0..self.rows.len() as u32).filter(|&row| self.rows[row as usize].is_some()).collect();
        let difference = |column: &[Option<f64>], rows: &[u32]| {
            let part = |side: u32| -> Vec<f64> {
                rows.iter()
                    .filter(|&&row| self.side[row as usize] == Some(side))
                    .filter_map(|&row| column[row as usize])
                    .collect()
            };
            mean(&part(1)) - mean(&part(0))
        };
        let spread = |column: &[Option<f64>]| {
            let part = |side: u32| {
                let rows = all.iter().filter(|&&row| self.side[row as usize] == Some(side));
                variance(&rows.filter_map(|&row| column[row as usize]).collect::<Vec<_>>())
            };
            f64::midpoint(part(0), part(1)).sqrt()
        };
        let ratio = |difference: f64, sd: f64| if sd > 0.0 { difference / sd } else { 0.0 };
        let sds: Vec<f64> = self.numbers.iter().map(|column| spread(column)).collect();
        let of = |rows: &[u32]| -> Vec<f64> {
            let columns = self.numbers.iter().zip(&sds);
            columns.map(|(column, &sd)| ratio(difference(column, rows), sd)).collect()
        };
        Ok(Table::new([
            ("column", Column::text(names.iter().map(|name| Some(name.as_str())))),
            ("before", Column::float(of(&all))),
            ("after", Column::float(of(chosen))),
        ])?)
    }
}

fn order(a: &(f64, u64, u32, u32), b: &(f64, u64, u32, u32)) -> std::cmp::Ordering {
    a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)).then(a.3.cmp(&b.3))
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn variance(values: &[f64]) -> f64 {
    let mean = mean(values);
    let square: f64 = values.iter().map(|x| (x - mean) * (x - mean)).sum();
    square / (values.len() as f64 - 1.0).max(1.0)
}

/// The lower Cholesky factor; columns that depend on those before have a row of zero.
fn cholesky(matrix: &[f64], k: usize) -> Vec<f64> {
    let mut factor = vec![0.0; k * k];
    for i in 0..k {
        for j in 0..=i {
            let known: f64 = (0..j).map(|m| factor[i * k + m] * factor[j * k + m]).sum();
            let rest = matrix[i * k + j] - known;
            if i == j {
                let small = 1e-10 * matrix[i * k + i];
                factor[i * k + i] = if rest > small { rest.sqrt() } else { 0.0 };
            } else if factor[j * k + j] > 0.0 {
                factor[i * k + j] = rest / factor[j * k + j];
            }
        }
    }
    factor
}
