//! Oaxaca-Blinder: what differences in characteristics explain, at the reference's coefficients.

use super::cells::{Rows, finite};
use super::{Comparison, Component, Gap, crossed, is_number, stop};
use crate::data::{Table, Ticket};
use crate::evaluate::EvaluateError;
use crate::math::linalg::Triangle;

/// The most characteristics, levels counted.
const MOST: usize = 500;

/// The columns of the regression, a constant first.
struct Design {
    /// Values, row by row.
    x: Vec<f64>,
    k: usize,
    /// Which adjustment each column belongs to; the constant to none.
    of: Vec<Option<usize>>,
}

fn design(gap: &Gap, table: &Table, rows: &Rows) -> Result<Design, EvaluateError> {
    let mut columns: Vec<Vec<f64>> = vec![vec![1.0; rows.len()]];
    let mut of = vec![None];
    for (at, name) in gap.adjust.iter().enumerate() {
        if is_number(table.column("adjust", name)?) {
            let values = finite(table, "adjust", name)?;
            columns.push(rows.of_table.iter().map(|&row| values[row as usize]).collect());
            of.push(Some(at));
            continue;
        }
        let (codes, first) = crossed(table, "adjust", std::slice::from_ref(name))?;
        if first.len() + columns.len() > MOST {
            return Err(EvaluateError::BadArgument {
                argument: "adjust",
                expected: "at most 500 characteristics and levels",
                got: format!("\"{name}\" with {} levels", first.len()),
            });
        }
        for level in 1..first.len() as u32 {
            let is = |&row: &u32| f64::from(u8::from(codes[row as usize] == Some(level)));
            columns.push(rows.of_table.iter().map(is).collect());
            of.push(Some(at));
        }
    }
    let k = columns.len();
    let mut x = Vec::with_capacity(k * rows.len());
    for row in 0..rows.len() {
        x.extend(columns.iter().map(|column| column[row]));
    }
    Ok(Design { x, k, of })
}

/// Sums over the rows of one side.
struct Side {
    n: f64,
    y: f64,
    x: Vec<f64>,
}

pub(super) fn compare(
    gap: &Gap,
    table: &Table,
    rows: &Rows,
    ticket: &Ticket,
) -> Result<Vec<Comparison>, EvaluateError> {
    let design = design(gap, table, rows)?;
    let mut found = Vec::new();
    for by in 0..rows.offsets.len() - 1 {
        stop(ticket)?;
        let range = rows.offsets[by]..rows.offsets[by + 1];
        let mut counts = vec![0_u64; rows.n_groups];
        for at in range.clone() {
            counts[rows.group[at] as usize] += 1;
        }
        let fit = Reference::fit(rows, range.clone(), &design);
        let others = |group: &u32| *group != rows.reference && counts[*group as usize] > 0;
        for group in (0..rows.n_groups as u32).filter(others) {
            let mut one = Comparison {
                shows: rows.by_row(by),
                group,
                components: Vec::new(),
                n_group: counts[group as usize],
                n_reference: counts[rows.reference as usize],
                clusters: 0,
                note: None,
            };
            if let Some(fit) = &fit {
                fit.against(gap, rows, range.clone(), &design, &mut one);
            } else {
                one.note = Some("nobody of the reference group");
                let (estimate, se) = (f64::NAN, f64::NAN);
                one.components.push(Component { name: "gap".to_owned(), estimate, se });
            }
            found.push(one);
        }
    }
    Ok(found)
}

/// The regression of the reference group.
struct Reference {
    beta: Vec<f64>,
    /// The inverse of X'WX; zero for columns without variation of their own.
    bread: Vec<f64>,
    side: Side,
    collinear: bool,
}

fn side(rows: &Rows, range: std::ops::Range<usize>, design: &Design, group: u32) -> Side {
    let mut side = Side { n: 0.0, y: 0.0, x: vec![0.0; design.k] };
    for at in range.filter(|&at| rows.group[at] == group) {
        let w = rows.w[at];
        side.n += w;
        side.y += w * rows.y[at];
        let x = &design.x[at * design.k..(at + 1) * design.k];
        side.x.iter_mut().zip(x).for_each(|(sum, x)| *sum += w * x);
    }
    side
}

impl Reference {
    fn fit(rows: &Rows, range: std::ops::Range<usize>, design: &Design) -> Option<Self> {
        let k = design.k;
        let side = side(rows, range.clone(), design, rows.reference);
        if side.n <= 0.0 {
            return None;
        }
        let (mut gram, mut right) = (vec![0.0; k * k], vec![0.0; k]);
        for at in range.filter(|&at| rows.group[at] == rows.reference) {
            let x = &design.x[at * k..(at + 1) * k];
            for (i, xi) in x.iter().enumerate().filter(|(_, x)| **x != 0.0) {
                let wx = rows.w[at] * xi;
                right[i] += wx * rows.y[at];
                gram[i * k..=i * k + i].iter_mut().zip(x).for_each(|(sum, x)| *sum += wx * x);
            }
        }
        for i in 0..k {
            for j in 0..i {
                gram[j * k + i] = gram[i * k + j];
            }
        }
        let diagonal: Vec<f64> = (0..k).map(|i| gram[i * k + i]).collect();
        let triangle = Triangle::cholesky(&gram, &diagonal, 1e-10);
        let kept = &triangle.kept;
        let small = triangle.inverse();
        let mut bread = vec![0.0; k * k];
        for (a, &i) in kept.iter().enumerate() {
            for (b, &j) in kept.iter().enumerate() {
                bread[i * k + j] = small[a * kept.len() + b];
            }
        }
        let times = |row: usize| (0..k).map(|j| bread[row * k + j] * right[j]).sum();
        let beta = (0..k).map(times).collect();
        Some(Self { beta, bread, side, collinear: kept.len() < k })
    }

    /// The components of one group, with influence functions summed by cluster.
    fn against(
        &self,
        gap: &Gap,
        rows: &Rows,
        range: std::ops::Range<usize>,
        design: &Design,
        one: &mut Comparison,
    ) {
        let k = design.k;
        let own = side(rows, range.clone(), design, one.group);
        let difference: Vec<f64> =
            (0..k).map(|j| own.x[j] / own.n - self.side.x[j] / self.side.n).collect();
        // columns: gap, explained, unexplained, one for each adjustment
        let m = 3 + gap.adjust.len();
        let mut estimates = vec![0.0; m];
        estimates[0] = own.y / own.n - self.side.y / self.side.n;
        // how a residual of the reference moves the part of each adjustment: bread' difference
        let mut lever = vec![0.0; m * k];
        for (j, apart) in difference.iter().enumerate() {
            let part = apart * self.beta[j];
            let targets = [Some(1), design.of[j].map(|at| 3 + at)];
            for target in targets.into_iter().flatten() {
                estimates[target] += part;
                for i in 0..k {
                    lever[target * k + i] += apart * self.bread[j * k + i];
                }
            }
        }
        estimates[2] = estimates[0] - estimates[1];
        let parts = Parts { fit: self, own: &own, lever: &lever, of: &design.of };
        let mut squares = vec![0.0; m];
        let mut at = range.start;
        for run in rows.clusters(range) {
            let mut sums = vec![0.0; m];
            let mut seen = false;
            for row in at..at + run.len() {
                let theirs = rows.group[row] == rows.reference;
                if !theirs && rows.group[row] != one.group {
                    continue;
                }
                seen = true;
                let x = &design.x[row * k..(row + 1) * k];
                parts.add(x, rows.y[row], rows.w[row], theirs, &mut sums);
            }
            at += run.len();
            one.clusters += u64::from(seen);
            squares.iter_mut().zip(&sums).for_each(|(square, sum)| *square += sum * sum);
        }
        let clusters = one.clusters as f64;
        let names = ["gap", "explained", "unexplained"].map(str::to_owned).into_iter();
        let names = names.chain(gap.adjust.iter().map(|name| format!("explained:{name}")));
        for ((name, estimate), square) in names.zip(estimates).zip(squares) {
            let se = if one.clusters > 1 {
                (square * clusters / (clusters - 1.0)).sqrt()
            } else {
                f64::NAN
            };
            one.components.push(Component { name, estimate, se });
        }
        if self.collinear {
            one.note = Some("some characteristics do not vary on their own in the reference group");
        }
    }
}

/// What the influence of a row on the components is made of.
struct Parts<'a> {
    fit: &'a Reference,
    own: &'a Side,
    lever: &'a [f64],
    of: &'a [Option<usize>],
}

impl Parts<'_> {
    /// Adds the influence of one row, `theirs` when it is of the reference group.
    fn add(&self, x: &[f64], y: f64, w: f64, theirs: bool, sums: &mut [f64]) {
        let k = x.len();
        let beta = &self.fit.beta;
        let (side, sign) = if theirs { (&self.fit.side, -1.0) } else { (self.own, 1.0) };
        let scale = sign * w / side.n;
        let before = (sums[0], sums[1]);
        sums[0] += scale * (y - side.y / side.n);
        for j in 0..k {
            let part = scale * (x[j] - side.x[j] / side.n) * beta[j];
            sums[1] += part;
            if let Some(at) = self.of[j] {
                sums[3 + at] += part;
            }
        }
        if theirs {
            let fitted: f64 = x.iter().zip(beta).map(|(x, beta)| x * beta).sum();
            let residual = w * (y - fitted);
            for (target, sum) in sums.iter_mut().enumerate().filter(|(at, _)| *at == 1 || *at > 2) {
                let lever = &self.lever[target * k..(target + 1) * k];
                *sum += residual * x.iter().zip(lever).map(|(x, l)| x * l).sum::<f64>();
            }
        }
        sums[2] += (sums[0] - before.0) - (sums[1] - before.1);
    }
}
