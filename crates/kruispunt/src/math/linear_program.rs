//! Linear programs by the primal simplex with bounds, started where all variables are zero.
//!
//! ```text
//! max c'z   subject to   A z = 0,   l <= z <= u,   l <= 0 <= u
//! ```
//!
//! The tableau is dense and stays from one objective to the next, so that a row of programs over
//! the same constraints costs little more than the first: where all variables are zero any choice of
//! basic variables is a vertex, so that bounds may change and the program start over without being
//! solved anew. Dantzig's rule picks who enters; after a run of steps that gain nothing Bland's rule
//! takes over until one does. What each variable was seen to reach is kept: each step stands on a
//! point that satisfies the program.

/// What the simplex gives up on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// Whoever waits asked to stop.
    Cancelled,
    /// More steps than a program of this size should need.
    Stalled,
}

/// A program with a vertex that satisfies it.
#[derive(Clone, Debug)]
pub(crate) struct LinearProgram {
    equations: Vec<Vec<(usize, f64)>>,
    columns: usize,
    /// Row-major: what a basic variable loses when a column's variable grows by one.
    tableau: Vec<f64>,
    /// The variable that each row determines.
    basic: Vec<usize>,
    is_basic: Vec<bool>,
    value: Vec<f64>,
    lower: Vec<f64>,
    upper: Vec<f64>,
    least: Vec<f64>,
    most: Vec<f64>,
    pivots: usize,
    work: u64,
}

const TINY: f64 = 1e-9;
/// Pivots by basic variable after which the tableau is made anew.
const FRESH: usize = 30;

impl LinearProgram {
    /// The program of `equations` (each a list of variables with their coefficients) and bounds.
    pub(crate) fn new(equations: Vec<Vec<(usize, f64)>>, lower: Vec<f64>, upper: Vec<f64>) -> Self {
        let columns = lower.len();
        let mut program = Self {
            equations,
            columns,
            tableau: Vec::new(),
            basic: Vec::new(),
            is_basic: vec![false; columns],
            value: vec![0.0; columns],
            lower,
            upper,
            least: vec![0.0; columns],
            most: vec![0.0; columns],
            pivots: 0,
            work: 0,
        };
        program.refresh();
        program
    }

    /// Makes the tableau anew, which takes rounding out of it, starts over and forgets what was seen.
    pub(crate) fn refresh(&mut self) {
        let (n, rows) = (self.columns, self.equations.len());
        self.tableau = vec![0.0; rows * n];
        self.basic.clear();
        self.is_basic.fill(false);
        for all in [&mut self.value, &mut self.least, &mut self.most] {
            all.fill(0.0);
        }
        for (row, equation) in self.equations.iter().enumerate() {
            for &(at, by) in equation {
                self.tableau[row * n + at] += by;
            }
        }
        self.eliminate(rows);
        self.pivots = 0;
    }

    /// Starts over where all variables are zero, which all bounds must allow.
    pub(crate) fn restart(&mut self) {
        if self.pivots > FRESH * (self.basic.len() + 50) {
            self.refresh();
        } else {
            self.value.fill(0.0);
        }
    }

    /// Gives a variable other bounds; where it stands must be within.
    pub(crate) fn bound(&mut self, at: usize, lower: f64, upper: f64) {
        self.lower[at] = lower;
        self.upper[at] = upper;
    }

    /// The smallest and largest value that a variable was seen to have, whatever its bounds were.
    pub(crate) fn seen(&self, at: usize) -> (f64, f64) {
        (self.least[at], self.most[at])
    }

    /// Whether the equations hold for the values as they are.
    pub(crate) fn is_exact(&self) -> bool {
        self.equations.iter().all(|equation| {
            let (mut sum, mut size) = (0.0, 1.0);
            for &(at, by) in equation {
                sum += by * self.value[at];
                size += (by * self.value[at]).abs();
            }
            sum.abs() <= 1e-9 * size
        })
    }

    /// Multiplications so far, roughly.
    pub(crate) const fn work(&self) -> u64 {
        self.work
    }

    /// Gives every equation a variable it determines; those that follow from others go.
    fn eliminate(&mut self, rows: usize) {
        let n = self.columns;
        let mut kept = 0;
        for row in 0..rows {
            if kept < row {
                self.tableau.copy_within(row * n..(row + 1) * n, kept * n);
            }
            let own = &self.tableau[kept * n..(kept + 1) * n];
            // a variable with room, as few as possible pivots that cannot move
            let room = |at: usize| (self.upper[at] - self.lower[at]).min(1e6);
            let best =
                (0..n).filter(|&at| !self.is_basic[at] && own[at].abs() > 1e-7).max_by(|&i, &j| {
                    (room(i) * own[i].abs()).total_cmp(&(room(j) * own[j].abs())).then(j.cmp(&i))
                });
            if let Some(at) = best {
                self.basic.push(at);
                self.is_basic[at] = true;
                kept += 1;
                self.pivot(kept - 1, at, kept, rows, row + 1);
            }
        }
        self.tableau.truncate(kept * n);
    }

    /// Makes `at` the variable of `row`: rows below `solved` and from `rest` to `rows` lose it.
    fn pivot(&mut self, row: usize, at: usize, solved: usize, rows: usize, rest: usize) {
        let n = self.columns;
        let by = 1.0 / self.tableau[row * n + at];
        let own: Vec<(usize, f64)> = (0..n)
            .filter_map(|j| {
                let entry = &mut self.tableau[row * n + j];
                *entry = if j == at { 1.0 } else { *entry * by };
                if entry.abs() < 1e-12 {
                    *entry = 0.0;
                }
                (*entry != 0.0).then_some((j, *entry))
            })
            .collect();
        let mut touched = 0;
        for other in (0..solved).chain(rest..rows).filter(|&other| other != row) {
            let line = &mut self.tableau[other * n..(other + 1) * n];
            let by = line[at];
            if by != 0.0 {
                for &(j, entry) in &own {
                    line[j] -= by * entry;
                }
                line[at] = 0.0;
                touched += 1;
            }
        }
        self.pivots += 1;
        self.work += (touched * own.len() + n + rows) as u64;
    }

    /// The value of a variable.
    pub(crate) fn value(&self, at: usize) -> f64 {
        self.value[at]
    }

    /// Holds a variable where it is.
    pub(crate) fn hold(&mut self, at: usize) {
        self.lower[at] = self.value[at];
        self.upper[at] = self.value[at];
    }

    /// Moves to where the sum of `objective` times the variables is largest and gives it;
    /// infinite when nothing bounds it.
    pub(crate) fn maximise(
        &mut self,
        objective: &[(usize, f64)],
        stop: &dyn Fn() -> bool,
    ) -> Result<f64, Stopped> {
        let (n, m) = (self.columns, self.basic.len());
        let mut cost = vec![0.0; n];
        for &(at, by) in objective {
            cost[at] += by;
        }
        let mut gain = cost.clone();
        for (row, &at) in self.basic.iter().enumerate() {
            if cost[at] != 0.0 {
                let line = &self.tableau[row * n..(row + 1) * n];
                gain.iter_mut().zip(line).for_each(|(gain, by)| *gain -= cost[at] * by);
            }
        }
        let mut idle = 0_usize;
        let patience = 2 * (n + m) + 50;
        for step in 0..200 * (n + m) + 1000 {
            if step % 64 == 0 && stop() {
                return Err(Stopped::Cancelled);
            }
            let Some((enter, sign)) = self.entering(&gain, idle > patience) else {
                return Ok(objective.iter().map(|&(at, by)| by * self.value[at]).sum());
            };
            let (reach, leave) = self.reach(enter, sign, idle > patience);
            if reach.is_infinite() {
                return Ok(f64::INFINITY);
            }
            idle = if reach > TINY { 0 } else { idle + 1 };
            if reach > 0.0 {
                self.step(enter, sign * reach);
            }
            let Some(row) = leave else {
                let bound = if sign > 0.0 { self.upper[enter] } else { self.lower[enter] };
                self.value[enter] = bound;
                continue;
            };
            let out = self.basic[row];
            // exactly at its bound, whatever rounding did
            self.value[out] = if (self.value[out] - self.lower[out]).abs()
                < (self.value[out] - self.upper[out]).abs()
            {
                self.lower[out]
            } else {
                self.upper[out]
            };
            self.is_basic[out] = false;
            self.is_basic[enter] = true;
            self.basic[row] = enter;
            self.pivot(row, enter, m, m, m);
            let by = gain[enter];
            let line = &self.tableau[row * n..(row + 1) * n];
            gain.iter_mut().zip(line).for_each(|(gain, entry)| *gain -= by * entry);
            gain[enter] = 0.0;
        }
        Err(Stopped::Stalled)
    }

    /// Moves `enter` by `by`, and basic variables so that all equations hold.
    fn step(&mut self, enter: usize, by: f64) {
        let mut go = |at: usize, by: f64| {
            self.value[at] += by;
            self.least[at] = self.least[at].min(self.value[at]);
            self.most[at] = self.most[at].max(self.value[at]);
        };
        go(enter, by);
        for (row, &at) in self.basic.iter().enumerate() {
            let own = self.tableau[row * self.columns + enter];
            if own != 0.0 {
                go(at, -by * own);
            }
        }
    }

    /// A variable whose move gains, and which way; the first such one by Bland's rule.
    fn entering(&self, gain: &[f64], first: bool) -> Option<(usize, f64)> {
        let mut best = None;
        let mut most = TINY;
        for (at, &by) in gain.iter().enumerate() {
            let moves = !self.is_basic[at]
                && by.abs() > most
                && if by > 0.0 {
                    self.value[at] < self.upper[at]
                } else {
                    self.value[at] > self.lower[at]
                };
            if moves {
                best = Some((at, by.signum()));
                if first {
                    break;
                }
                most = by.abs();
            }
        }
        best
    }

    /// How far `enter` can move, and the row whose variable stops it; none when its own bound does.
    fn reach(&self, enter: usize, sign: f64, first: bool) -> (f64, Option<usize>) {
        let n = self.columns;
        let mut reach = if sign > 0.0 {
            self.upper[enter] - self.value[enter]
        } else {
            self.value[enter] - self.lower[enter]
        };
        let (mut leave, mut size) = (None, 0.0);
        for (row, &at) in self.basic.iter().enumerate() {
            let by = sign * self.tableau[row * n + enter];
            if by.abs() <= TINY {
                continue;
            }
            let room = if by > 0.0 {
                self.value[at] - self.lower[at]
            } else {
                self.upper[at] - self.value[at]
            };
            let own = room.max(0.0) / by.abs();
            let tie = (own - reach).abs() <= 1e-12;
            let better = match leave {
                Some(other) if tie && first => at < self.basic[other],
                Some(_) if tie => by.abs() > size,
                _ => own < reach,
            };
            if better {
                (reach, leave, size) = (own.min(reach), Some(row), by.abs());
            }
        }
        (reach, leave)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Seed;

    fn never() -> bool {
        false
    }

    /// All corners of a small program, by trying every choice of basic variables.
    fn corners(
        equations: &[Vec<(usize, f64)>],
        lower: &[f64],
        upper: &[f64],
        objective: &[(usize, f64)],
    ) -> f64 {
        let n = lower.len();
        let dense: Vec<Vec<f64>> = equations
            .iter()
            .map(|equation| {
                let mut row = vec![0.0; n];
                for &(at, by) in equation {
                    row[at] += by;
                }
                row
            })
            .collect();
        let mut best = f64::NEG_INFINITY;
        // every variable at its lower bound, its upper bound, or determined
        for code in 0..3_usize.pow(n as u32) {
            let state: Vec<usize> = (0..n).map(|at| code / 3_usize.pow(at as u32) % 3).collect();
            let free: Vec<usize> = (0..n).filter(|&at| state[at] == 2).collect();
            if free.len() > dense.len() {
                continue;
            }
            let mut z: Vec<f64> = (0..n).map(|at| [lower[at], upper[at], 0.0][state[at]]).collect();
            let mut rows: Vec<Vec<f64>> = dense
                .iter()
                .map(|row| {
                    let right: f64 =
                        -(0..n).filter(|at| state[*at] != 2).map(|at| row[at] * z[at]).sum::<f64>();
                    free.iter().map(|&at| row[at]).chain([right]).collect()
                })
                .collect();
            let mut rank = 0;
            for column in 0..free.len() {
                let Some(pivot) = (rank..rows.len()).find(|&r| rows[r][column].abs() > 1e-9) else {
                    break;
                };
                rows.swap(rank, pivot);
                for other in 0..rows.len() {
                    if other != rank {
                        let by = rows[other][column] / rows[rank][column];
                        let lead = rows[rank].clone();
                        for (own, lead) in rows[other].iter_mut().zip(&lead) {
                            *own -= by * lead;
                        }
                    }
                }
                rank += 1;
            }
            if rank < free.len() || rows[rank..].iter().any(|row| row[free.len()].abs() > 1e-9) {
                continue;
            }
            for (at, &own) in free.iter().enumerate() {
                z[own] = rows[at][free.len()] / rows[at][at];
            }
            let fits = |at: usize| z[at] >= lower[at] - 1e-9 && z[at] <= upper[at] + 1e-9;
            if (0..n).all(fits) {
                best = best.max(objective.iter().map(|&(at, by)| by * z[at]).sum());
            }
        }
        best
    }

    #[test]
    fn the_largest_is_the_largest_of_all_corners() {
        for seed in 0..150_u64 {
            let draw = |at: u64| Seed::new(seed).uniform([at, 1, 0]);
            let n = 2 + (draw(0) * 5.0) as usize;
            let m = (draw(1) * 4.0) as usize;
            let equations: Vec<Vec<(usize, f64)>> = (0..m)
                .map(|row| {
                    (0..n)
                        .filter_map(|at| {
                            let by = (draw(10 + (row * n + at) as u64) * 3.0).floor() - 1.0;
                            (by != 0.0).then_some((at, by))
                        })
                        .collect()
                })
                .collect();
            let lower: Vec<f64> = (0..n).map(|at| -(draw(100 + at as u64) * 4.0).floor()).collect();
            let upper: Vec<f64> = (0..n).map(|at| (draw(200 + at as u64) * 4.0).floor()).collect();
            let mut program = LinearProgram::new(equations.clone(), lower.clone(), upper.clone());
            // one program after the other, from where the last one ended
            for goal in 0..4 {
                let objective: Vec<(usize, f64)> = (0..n)
                    .map(|at| (at, (draw(300 + (goal * n + at) as u64) * 5.0).floor() - 2.0))
                    .collect();
                let found = program.maximise(&objective, &never).unwrap();
                let slow = corners(&equations, &lower, &upper, &objective);
                assert!((found - slow).abs() < 1e-7, "{seed}.{goal}: {found} is not {slow}");
                assert!(program.is_exact());
                for (at, (low, high)) in lower.iter().zip(&upper).enumerate() {
                    let (least, most) = program.seen(at);
                    assert!(*low - 1e-9 <= least && most <= *high + 1e-9);
                    assert!(least <= program.value(at) && program.value(at) <= most);
                }
            }
            // bounds that change, from where all are zero, without making the tableau anew
            let (tight, wide): (Vec<f64>, Vec<f64>) = lower
                .iter()
                .map(|low| (low / 2.0).ceil())
                .zip(upper.iter().map(|up| up + 1.0))
                .unzip();
            program.restart();
            for at in 0..n {
                program.bound(at, tight[at], wide[at]);
            }
            let objective: Vec<(usize, f64)> =
                (0..n).map(|at| (at, (draw(700 + at as u64) * 5.0).floor() - 2.0)).collect();
            let found = program.maximise(&objective, &never).unwrap();
            let slow = corners(&equations, &tight, &wide, &objective);
            assert!((found - slow).abs() < 1e-7, "{seed}: {found} is not {slow}");
            program.refresh();
            let again = program.maximise(&objective, &never).unwrap();
            assert!((again - slow).abs() < 1e-7, "{seed}: {again} is not {slow}");
        }
    }

    #[test]
    fn what_nothing_bounds_is_infinite() {
        let equations = vec![vec![(0, 1.0), (1, -1.0)]];
        let mut program = LinearProgram::new(equations, vec![-1.0; 2], vec![f64::INFINITY; 2]);
        assert_eq!(program.maximise(&[(0, 1.0)], &never), Ok(f64::INFINITY));
        assert_eq!(program.maximise(&[(0, -1.0)], &never), Ok(1.0));
        assert_eq!(program.maximise(&[(0, 1.0)], &|| true), Err(Stopped::Cancelled));
    }
}
