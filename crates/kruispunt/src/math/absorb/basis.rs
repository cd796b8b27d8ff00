//! The columns of one set whose groups have slopes, made orthonormal group by group.

use super::Groups;
use rayon::prelude::*;

/// What is left of a slope beside the columns before it, in shares of its own sum of squares,
/// below which they determine it.
const DETERMINED: f64 = 1e-20;

/// One set of groups with what differs between them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Varying<'a> {
    /// Which row is in which group.
    pub(crate) groups: Groups<'a>,
    /// Whether groups have a constant.
    pub(crate) constant: bool,
    /// Values whose slopes differ between groups.
    pub(crate) slopes: &'a [Vec<f64>],
}

impl Varying<'_> {
    pub(super) fn width(&self) -> usize {
        self.slopes.len() + usize::from(self.constant)
    }
}

/// A column of a set's basis, by row, or one value a group.
enum Column {
    Group(Vec<f64>),
    Row(Vec<f64>),
}

/// The orthonormal columns of one set.
pub(super) struct Basis<'a> {
    pub(super) set: Varying<'a>,
    columns: Vec<Column>,
    /// Weight of each group.
    pub(super) mass: Vec<f64>,
}

impl<'a> Basis<'a> {
    pub(super) fn new(set: Varying<'a>, weights: Option<&[f64]>) -> Self {
        let mut mass = vec![0.0; set.groups.n];
        for (row, &code) in set.groups.codes.iter().enumerate() {
            mass[code as usize] += weights.map_or(1.0, |own| own[row]);
        }
        let mut this = Self { set, columns: Vec::new(), mass };
        if set.constant {
            let share = |mass: &f64| if *mass > 0.0 { mass.sqrt().recip() } else { 0.0 };
            this.columns.push(Column::Group(this.mass.iter().map(share).collect()));
        }
        for slope in set.slopes {
            this.extend(slope, weights);
        }
        this
    }

    /// Adds a column, made orthogonal to those before it.
    fn extend(&mut self, slope: &[f64], weights: Option<&[f64]>) {
        let (n, j) = (self.set.groups.n, self.columns.len());
        let codes = self.set.groups.codes;
        let weight = |row: usize| weights.map_or(1.0, |own| own[row]);
        let squares = |values: &[f64]| {
            let mut sums = vec![0.0; n];
            for (row, (&code, v)) in codes.iter().zip(values).enumerate() {
                sums[code as usize] += weight(row) * v * v;
            }
            sums
        };
        let before = squares(slope);
        let mut left = slope.to_vec();
        for _ in 0..2 {
            for i in 0..j {
                let mut sums = vec![0.0; n];
                for (row, (&code, v)) in codes.iter().zip(&left).enumerate() {
                    sums[code as usize] += weight(row) * self.value(i, row) * v;
                }
                for (row, (&code, v)) in codes.iter().zip(left.iter_mut()).enumerate() {
                    *v -= self.value(i, row) * sums[code as usize];
                }
            }
        }
        let after = squares(&left);
        let share: Vec<f64> = (0..n)
            .map(|group| {
                let own = after[group];
                let free = own > DETERMINED * before[group] && own > 0.0;
                if free { own.sqrt().recip() } else { 0.0 }
            })
            .collect();
        for (&code, v) in codes.iter().zip(left.iter_mut()) {
            *v *= share[code as usize];
        }
        self.columns.push(Column::Row(left));
    }

    #[inline]
    pub(super) fn value(&self, column: usize, row: usize) -> f64 {
        match &self.columns[column] {
            Column::Group(values) => values[self.set.groups.codes[row] as usize],
            Column::Row(values) => values[row],
        }
    }

    pub(super) fn width(&self) -> usize {
        self.columns.len()
    }

    pub(super) fn len(&self) -> usize {
        self.width() * self.set.groups.n
    }

    /// Where the coefficients of a row's group start.
    #[inline]
    pub(super) fn place(&self, row: usize) -> usize {
        self.set.groups.codes[row] as usize * self.width()
    }

    /// Coefficients of the set's own columns, from those of the basis; what is determined by the
    /// columns before it gets 0.
    ///
    /// `set columns = basis x triangle`, one triangle a group, made here and not kept: all of them
    /// together may be much larger than the data.
    pub(super) fn original(&self, own: &[f64], weights: Option<&[f64]>) -> Vec<f64> {
        let p = self.width();
        let (starts, order) = self.rows_by_group();
        let mut out = own.to_vec();
        out.par_chunks_exact_mut(p).enumerate().for_each(|(group, b)| {
            let rows = &order[starts[group] as usize..starts[group + 1] as usize];
            let mut triangle = vec![0.0; p * p];
            for &row in rows {
                let row = row as usize;
                let weight = weights.map_or(1.0, |own| own[row]);
                for i in 0..p {
                    let own = weight * self.value(i, row);
                    for j in i..p {
                        triangle[i * p + j] += own * self.given(j, row);
                    }
                }
            }
            for i in (0..p).rev() {
                let above: f64 = (i + 1..p).map(|j| triangle[i * p + j] * b[j]).sum();
                let pivot = triangle[i * p + i];
                b[i] = if pivot > 0.0 { (b[i] - above) / pivot } else { 0.0 };
            }
        });
        out
    }

    /// A column of the set as it was given.
    #[inline]
    fn given(&self, column: usize, row: usize) -> f64 {
        match (self.set.constant, column) {
            (true, 0) => 1.0,
            (true, _) => self.set.slopes[column - 1][row],
            (false, _) => self.set.slopes[column][row],
        }
    }

    /// Where each group's rows start in a list of all rows by group, and that list.
    fn rows_by_group(&self) -> (Vec<u32>, Vec<u32>) {
        let mut starts = vec![0_u32; self.set.groups.n + 1];
        for &code in self.set.groups.codes {
            starts[code as usize + 1] += 1;
        }
        for group in 0..self.set.groups.n {
            starts[group + 1] += starts[group];
        }
        let mut next = starts.clone();
        let mut order = vec![0_u32; self.set.groups.codes.len()];
        for (row, &code) in self.set.groups.codes.iter().enumerate() {
            let slot = &mut next[code as usize];
            order[*slot as usize] = row as u32;
            *slot += 1;
        }
        (starts, order)
    }
}
