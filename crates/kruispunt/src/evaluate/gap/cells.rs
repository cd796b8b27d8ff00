//! Means by cell: raw gaps, standardisation, Kitagawa.

use super::{Comparison, Component, Gap, GapMethod, crossed, stop};
use crate::data::{Table, Ticket};
use crate::evaluate::EvaluateError;

/// The most numbers kept for cells.
const MOST: usize = 50_000_000;

/// The rows compared, in order of `by`, then cluster.
pub(in crate::evaluate) struct Rows {
    pub of_table: Vec<u32>,
    pub y: Vec<f64>,
    pub w: Vec<f64>,
    pub group: Vec<u32>,
    pub cell: Vec<u32>,
    pub cluster: Vec<u32>,
    /// Where each value of `by` starts, and last the number of rows.
    pub offsets: Vec<usize>,
    pub reference: u32,
    pub n_groups: usize,
    pub n_cells: usize,
    /// Why rows were left out, and how many.
    pub excluded: Vec<(String, usize)>,
    shows_group: Vec<u32>,
    shows_by: Vec<u32>,
}

impl Rows {
    pub fn len(&self) -> usize {
        self.of_table.len()
    }

    /// A row of the table that shows a group.
    pub fn group_row(&self, group: u32) -> u32 {
        self.shows_group[group as usize]
    }

    /// A row of the table that shows a value of `by`.
    pub fn by_row(&self, by: usize) -> u32 {
        self.shows_by[by]
    }

    pub fn read(gap: &Gap, table: &Table, ticket: &Ticket) -> Result<Self, EvaluateError> {
        table.require_rows("data")?;
        let n = table.n_rows();
        let y = finite(table, "outcome", &gap.outcome)?;
        let w = match &gap.weights {
            None => vec![1.0; n],
            Some(name) => {
                let w = finite(table, "weights", name)?;
                if let Some(row) = w.iter().position(|w| *w <= 0.0) {
                    return Err(EvaluateError::BadWeight { column: name.clone(), row });
                }
                w
            }
        };
        let (group, group_rows) = crossed(table, "group", std::slice::from_ref(&gap.group))?;
        let names = table.column("group", &gap.group)?;
        let is_reference =
            |row: &u32| names.label(*row as usize).as_deref() == Some(gap.reference.as_str());
        let reference =
            group_rows.iter().position(is_reference).ok_or_else(|| EvaluateError::BadArgument {
                argument: "reference",
                expected: "a value that occurs in the column of groups",
                got: format!("\"{}\"", gap.reference),
            })? as u32;
        let (by, by_rows) = crossed(table, "by", &gap.by)?;
        let cells = gap.method != GapMethod::OaxacaBlinder;
        let (cell, first) = crossed(table, "adjust", if cells { &gap.adjust } else { &[] })?;
        let missing = if cells { None } else { Some(missing_in(table, &gap.adjust)?) };
        let cluster: Vec<Option<u32>> = match &gap.cluster {
            None => (0..n as u32).map(Some).collect(),
            Some(name) => table.column("cluster", name)?.ranks().0,
        };
        stop(ticket)?;

        let reasons = ["outcome", "group", "by", "characteristic", "weight", "cluster"];
        let mut counts = [0_usize; 6];
        let mut kept: Vec<(u32, u32, u32)> = Vec::with_capacity(n);
        for row in 0..n {
            let blank = [
                y[row].is_nan(),
                group[row].is_none(),
                by[row].is_none(),
                cell[row].is_none() || missing.as_ref().is_some_and(|missing| missing[row]),
                w[row].is_nan(),
                cluster[row].is_none(),
            ];
            if let Some(at) = blank.iter().position(|blank| *blank) {
                counts[at] += 1;
            } else if let (Some(by), Some(cluster)) = (by[row], cluster[row]) {
                kept.push((by, cluster, row as u32));
            }
        }
        kept.sort_unstable();
        let mut offsets = vec![0];
        for by in 0..by_rows.len() as u32 {
            offsets.push(kept.partition_point(|(own, ..)| *own <= by));
        }
        let pick = |of: &[f64]| kept.iter().map(|(.., row)| of[*row as usize]).collect();
        let code = |of: &[Option<u32>]| {
            kept.iter().map(|(.., row)| of[*row as usize].unwrap_or_default()).collect()
        };
        Ok(Self {
            y: pick(&y),
            w: pick(&w),
            group: code(&group),
            cell: code(&cell),
            cluster: kept.iter().map(|(_, cluster, _)| *cluster).collect(),
            of_table: kept.iter().map(|(.., row)| *row).collect(),
            offsets,
            reference,
            n_groups: group_rows.len(),
            n_cells: first.len(),
            excluded: reasons.map(|what| format!("no {what}")).into_iter().zip(counts).collect(),
            shows_group: group_rows,
            shows_by: by_rows,
        })
    }

    /// The runs of one cluster within a range of rows.
    pub fn clusters(&self, range: std::ops::Range<usize>) -> impl Iterator<Item = &[u32]> {
        self.cluster[range].chunk_by(|one, next| one == next)
    }
}

/// A column of numbers; NaN that is not null is an error, null becomes NaN.
pub(super) fn finite(
    table: &Table,
    argument: &'static str,
    name: &str,
) -> Result<Vec<f64>, EvaluateError> {
    let column = table.column(argument, name)?;
    let values = column.to_floats(argument, name)?;
    match (0..values.len())
        .find(|&row| !column.is_null(row) && (values[row].is_nan() || values[row].abs() >= 1e90))
    {
        Some(row) => Err(EvaluateError::NotFinite { argument, column: name.to_owned(), row }),
        None => Ok(values),
    }
}

fn missing_in(table: &Table, names: &[String]) -> Result<Vec<bool>, EvaluateError> {
    let mut missing = vec![false; table.n_rows()];
    for name in names {
        let column = table.column("adjust", name)?;
        for (row, missing) in missing.iter_mut().enumerate() {
            *missing |= column.is_null(row);
        }
    }
    Ok(missing)
}

/// Weight and weighted outcome of a cell.
#[derive(Clone, Copy, Default)]
struct Cell {
    n: f64,
    s: f64,
}

/// What a component gains from a row of a cell: `constant + slope * y`, for either side.
#[derive(Clone, Default)]
struct Influence {
    estimate: f64,
    group: Vec<(f64, f64)>,
    reference: Vec<(f64, f64)>,
}

pub(super) fn compare(
    gap: &Gap,
    rows: &Rows,
    ticket: &Ticket,
) -> Result<Vec<Comparison>, EvaluateError> {
    let (g, c) = (rows.n_groups, rows.n_cells);
    if g.saturating_mul(c) > MOST {
        return Err(EvaluateError::BadArgument {
            argument: "adjust",
            expected: "characteristics that make fewer cells",
            got: format!("{c} cells"),
        });
    }
    let mut found = Vec::new();
    for by in 0..rows.offsets.len() - 1 {
        stop(ticket)?;
        let range = rows.offsets[by]..rows.offsets[by + 1];
        let mut cells = vec![Cell::default(); g * c];
        let mut counts = vec![0_u64; g];
        for at in range.clone() {
            let own = &mut cells[rows.group[at] as usize * c + rows.cell[at] as usize];
            own.n += rows.w[at];
            own.s += rows.w[at] * rows.y[at];
            counts[rows.group[at] as usize] += 1;
        }
        let reference = rows.reference as usize;
        let side = |group: usize| &cells[group * c..(group + 1) * c];
        for group in (0..g).filter(|&group| group != reference && counts[group] > 0) {
            let mut one = Comparison {
                shows: rows.by_row(by),
                group: group as u32,
                components: Vec::new(),
                n_group: counts[group],
                n_reference: counts[reference],
                clusters: 0,
                note: None,
            };
            if counts[reference] == 0 {
                one.note = Some("nobody of the reference group");
                one.components.push(Component {
                    name: "gap".to_owned(),
                    estimate: f64::NAN,
                    se: f64::NAN,
                });
            } else {
                let parts = components(gap.method, side(group), side(reference));
                spread(rows, range.clone(), &parts, &mut one);
                if parts.iter().any(|(name, part)| *name == "off_support" && part.estimate != 0.0) {
                    one.note = Some("some cells hold one of the two groups only");
                }
            }
            found.push(one);
        }
    }
    Ok(found)
}

/// The standard errors of the components of one comparison.
fn spread(
    rows: &Rows,
    range: std::ops::Range<usize>,
    parts: &[(&'static str, Influence)],
    one: &mut Comparison,
) {
    let mut squares = vec![0.0; parts.len()];
    let mut at = range.start;
    for run in rows.clusters(range) {
        let mut sums = vec![0.0; parts.len()];
        let mut seen = false;
        for row in at..at + run.len() {
            let (group, cell) = (rows.group[row], rows.cell[row] as usize);
            let own = group == one.group;
            if !own && group != rows.reference {
                continue;
            }
            seen = true;
            for (sum, (_, part)) in sums.iter_mut().zip(parts) {
                let (constant, slope) = if own { part.group[cell] } else { part.reference[cell] };
                *sum += rows.w[row] * (constant + slope * rows.y[row]);
            }
        }
        at += run.len();
        one.clusters += u64::from(seen);
        for (square, sum) in squares.iter_mut().zip(&sums) {
            *square += sum * sum;
        }
    }
    let clusters = one.clusters as f64;
    for ((name, part), square) in parts.iter().zip(squares) {
        let se =
            if one.clusters > 1 { (square * clusters / (clusters - 1.0)).sqrt() } else { f64::NAN };
        one.components.push(Component { name: (*name).to_owned(), estimate: part.estimate, se });
    }
}

/// The components with their derivatives by weight and weighted outcome of every cell.
fn components(
    method: GapMethod,
    group: &[Cell],
    reference: &[Cell],
) -> Vec<(&'static str, Influence)> {
    let gap = raw(group, reference);
    if method == GapMethod::Raw {
        return vec![("gap", gap)];
    }
    let common: Vec<bool> =
        group.iter().zip(reference).map(|(g, r)| g.n > 0.0 && r.n > 0.0).collect();
    let inside = |cells: &[Cell]| -> Vec<Cell> {
        cells
            .iter()
            .zip(&common)
            .map(|(cell, keep)| if *keep { *cell } else { Cell::default() })
            .collect()
    };
    let (group, reference) = (inside(group), inside(reference));
    if !common.contains(&true) {
        let nothing = |estimate| Influence { estimate, ..gap.minus(&gap) };
        return vec![
            ("gap", gap.clone()),
            ("rate", nothing(f64::NAN)),
            ("composition", nothing(f64::NAN)),
            ("off_support", nothing(f64::NAN)),
        ];
    }
    let supported = raw(&group, &reference);
    let rate = match method {
        GapMethod::Kitagawa => rates(&group, &reference, 0.5),
        _ => rates(&group, &reference, 0.0),
    };
    let composition = supported.minus(&rate);
    let off = gap.minus(&supported);
    vec![("gap", gap), ("rate", rate), ("composition", composition), ("off_support", off)]
}

impl Influence {
    fn minus(&self, other: &Self) -> Self {
        let less = |one: &[(f64, f64)], other: &[(f64, f64)]| {
            one.iter().zip(other).map(|(a, b)| (a.0 - b.0, a.1 - b.1)).collect()
        };
        Self {
            estimate: self.estimate - other.estimate,
            group: less(&self.group, &other.group),
            reference: less(&self.reference, &other.reference),
        }
    }
}

fn total(cells: &[Cell]) -> Cell {
    cells.iter().fold(Cell::default(), |sum, cell| Cell { n: sum.n + cell.n, s: sum.s + cell.s })
}

/// The difference between means; cells without weight get no influence.
fn raw(group: &[Cell], reference: &[Cell]) -> Influence {
    let side = |cells: &[Cell], sign: f64| {
        let all = total(cells);
        let mean = all.s / all.n;
        let of = |cell: &Cell| {
            if cell.n > 0.0 { (-sign * mean / all.n, sign / all.n) } else { (0.0, 0.0) }
        };
        (mean, cells.iter().map(of).collect::<Vec<_>>())
    };
    let ((own, group), (theirs, reference)) = (side(group, 1.0), side(reference, -1.0));
    Influence { estimate: own - theirs, group, reference }
}

/// The difference in rates at `share` of the composition of the group and the rest of that of the
/// reference: `sum_c (share p_gc + (1 - share) p_rc) (m_gc - m_rc)`.
fn rates(group: &[Cell], reference: &[Cell], share: f64) -> Influence {
    let (all, theirs) = (total(group).n, total(reference).n);
    let mean = |cell: &Cell| if cell.n > 0.0 { cell.s / cell.n } else { 0.0 };
    let difference: Vec<f64> =
        group.iter().zip(reference).map(|(g, r)| mean(g) - mean(r)).collect();
    let at = |cells: &[Cell], n: f64| -> f64 {
        cells.iter().zip(&difference).map(|(cell, d)| cell.n / n * d).sum()
    };
    let (at_group, at_reference) = (at(group, all), at(reference, theirs));
    let weight: Vec<f64> = group
        .iter()
        .zip(reference)
        .map(|(g, r)| share * g.n / all + (1.0 - share) * r.n / theirs)
        .collect();
    let side = |cells: &[Cell], sign: f64, share: f64, n: f64, mean_difference: f64| {
        let of = |(c, cell): (usize, &Cell)| {
            if cell.n <= 0.0 {
                return (0.0, 0.0);
            }
            let slope = sign * weight[c] / cell.n;
            (share * (difference[c] - mean_difference) / n - slope * mean(cell), slope)
        };
        cells.iter().enumerate().map(of).collect::<Vec<_>>()
    };
    Influence {
        estimate: share * at_group + (1.0 - share) * at_reference,
        group: side(group, 1.0, share, all, at_group),
        reference: side(reference, -1.0, 1.0 - share, theirs, at_reference),
    }
}
