//! Frailty: what persons bring that nobody recorded, in a hazard in discrete time.

use super::discrete::HazardFit;
use super::likelihood::Rows;
use super::mixing::{Grouped, Mixed, Mixing, Peak, shares};
use super::newton::{Free, Top};
use super::robust::by_clusters;
use super::types::points;
use crate::data::{Caution, Factor, Ticket};
use crate::evaluate::EvaluateError;
use crate::evaluate::result::caution;
use crate::math::hermite::gauss_hermite;
use crate::math::special::chi2_sf;
use serde::{Deserialize, Serialize};

/// How persons differ by what was not recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Frailty {
    /// Not at all.
    #[default]
    None,
    /// A normal effect of the person on the linear predictor, integrated out by adaptive
    /// Gauss-Hermite quadrature. Without a number of points, 15 are taken, and 30 or 60 where twice
    /// as many give another likelihood.
    Normal {
        /// Points of the quadrature, 1 to 60.
        points: Option<u32>,
    },
    /// A few types of persons, each with its own intercept (Heckman & Singer 1984); without a
    /// number, types are added while the AIC falls.
    Points {
        /// Types of persons, 2 to 10.
        types: Option<u32>,
    },
}

/// What was found about frailty.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mixture {
    /// How persons differ.
    pub frailty: Frailty,
    /// The column of persons, and how many there are.
    pub person: String,
    /// Persons.
    pub persons: usize,
    /// The standard deviation of a normal effect; of the points otherwise. A normal effect may have
    /// its largest likelihood at 0: then errors of coefficients are those of a model without.
    pub sd: f64,
    /// Points relative to the first, and shares of persons; of a normal effect none.
    pub points: Vec<f64>,
    /// Shares of persons at the points.
    pub shares: Vec<f64>,
    /// The log-likelihood of the same model without frailty.
    pub without: f64,
    /// Twice the gain of the log-likelihood.
    pub lr: f64,
    /// Its p value; of a normal effect half that of a chi-squared with one degree of freedom,
    /// since no variance is below 0. NaN for points, for which there is no such distribution.
    pub p_value: f64,
    /// Parameters beside regressors and baseline.
    pub(super) extra: Vec<f64>,
}

/// Rows sorted by person, and what the climb gave.
pub(super) struct Climbed {
    pub(super) top: Top,
    pub(super) joint: Vec<f64>,
    pub(super) mixture: Mixture,
    /// Names of the parameters beside regressors and baseline.
    pub(super) names: Vec<String>,
}

/// Steps at most.
const MOST: usize = 200;
/// Ends when a step is shorter than this many standard errors.
const STILL: f64 = 1e-7;
/// Points of the quadrature, in turn, unless told.
pub(super) const POINTS: [u32; 3] = [15, 30, 60];
/// A log-likelihood that twice as many points move by less is settled.
const SETTLED: f64 = 1e-4;
/// A standard deviation below this, on the scale of log odds, is 0: the likelihood is even in it.
const NOTHING: f64 = 1e-3;
/// A point that lies farther away is at infinity: its persons never, or at once, have the event.
const FAR: f64 = 12.0;

impl Frailty {
    pub(super) fn check(self) -> Result<(), EvaluateError> {
        let bad = |argument, expected, got: u32| {
            Err(EvaluateError::BadArgument { argument, expected, got: got.to_string() })
        };
        match self {
            Self::Normal { points: Some(points) } if !(1..=60).contains(&points) => {
                bad("points", "1 to 60 points of the quadrature", points)
            }
            Self::Points { types: Some(types) } if !(2..=10).contains(&types) => {
                bad("points", "2 to 10 types of persons", types)
            }
            _ => Ok(()),
        }
    }
}

/// Rows of each person together; weights must be one a person.
pub(super) fn grouped(
    rows: &Rows<'_>,
    persons: &Factor,
    column: &str,
    table_rows: &[u32],
) -> Result<Grouped, EvaluateError> {
    let (n, k) = (rows.n(), rows.k());
    let g = persons.n_levels();
    let (order, starts) = persons.rows();
    let mut x = Vec::with_capacity(n * k);
    for &row in &order {
        x.extend(rows.columns.iter().map(|own| own[row as usize]));
    }
    let weight = match rows.weights {
        None => vec![1.0; g],
        Some(weights) => {
            let mut own = Vec::with_capacity(g);
            for person in 0..g {
                let of = &order[starts[person]..starts[person + 1]];
                let first = weights[of[0] as usize];
                if let Some(&row) =
                    of.iter().find(|&&row| weights[row as usize].to_bits() != first.to_bits())
                {
                    return Err(EvaluateError::Varies {
                        argument: "weights",
                        column: column.to_owned(),
                        row: table_rows[row as usize] as usize,
                        why: "with frailty a weight counts persons: one a person",
                    });
                }
                own.push(first);
            }
            own
        }
    };
    let pick = |values: &[u32]| -> Vec<u32> {
        if values.is_empty() {
            Vec::new()
        } else {
            order.iter().map(|&row| values[row as usize]).collect()
        }
    };
    Ok(Grouped {
        x,
        k,
        level: pick(rows.level),
        n_levels: rows.n_levels,
        event: order.iter().map(|&row| rows.event[row as usize] > 0).collect(),
        offset: order
            .iter()
            .map(|&row| rows.offset.map_or(0.0, |offset| offset[row as usize]))
            .collect(),
        starts,
        weight,
        link: rows.link,
    })
}

/// Why a normal effect has no answer.
const UNTOLD: &str = "the standard deviation of persons' effects grows without end; frailty is told \
    from the baseline by several spells a person, by regressors that change in a spell, or by a \
    coarser baseline";

/// Where a climb stands.
pub(super) struct State {
    pub(super) theta: Vec<f64>,
    pub(super) sums: Mixed,
    steps: usize,
    inverse: Vec<f64>,
}

/// Climbs to the top. Points that run away are held at [`FAR`], a standard deviation where the mixing
/// says.
pub(super) fn climb(
    own: &Grouped,
    mixing: &Mixing<'_>,
    mut theta: Vec<f64>,
    free: &[usize],
    (peaks, each): (&mut [Peak], bool),
    ticket: &Ticket,
) -> Result<State, EvaluateError> {
    let m = own.m(mixing);
    let after = own.k + own.n_levels;
    let (places, far) = match mixing {
        Mixing::Normal { most, .. } => (1, *most),
        Mixing::Points { n } => (n - 1, FAR),
    };
    let settled = || EvaluateError::NoSolution {
        what: "the likelihood with frailty",
        why: match mixing {
            Mixing::Normal { .. } => UNTOLD,
            Mixing::Points { .. } => {
                "it did not come to rest; take a coarser baseline, or fewer types of persons"
            }
        },
    };
    ticket.stage("maximising the likelihood with frailty", 0);
    let mut free = free.to_vec();
    let mut sums = own.sums(&theta, mixing, peaks, each);
    for steps in 1..=MOST {
        if ticket.is_cancelled() {
            return Err(EvaluateError::Cancelled);
        }
        ticket.advance(1);
        let mut ridge = 0.0;
        let solver = loop {
            let mut information = sums.information.clone();
            for &at in &free {
                let own = information[at * m + at].abs().max(1e-8);
                information[at * m + at] += ridge * own;
            }
            if let Some(solver) = Free::new(&information, m, &free) {
                break solver;
            }
            ridge = if ridge == 0.0 { 1e-3 } else { ridge * 4.0 };
            if ridge > 1e6 {
                return Err(settled());
            }
        };
        let (step, length) = solver.step(&sums.score);
        if !length.is_finite() {
            return Err(settled());
        }
        let slack = 1e-10 * (1.0 + sums.log_likelihood.abs());
        // Steps on the scale of log odds beyond 3 leave the region the curvature knows.
        let longest = step.iter().fold(0.0_f64, |top, own| top.max(own.abs()));
        let mut share = (3.0 / longest.max(1e-300)).min(1.0);
        let next = loop {
            let next: Vec<f64> =
                theta.iter().zip(&step).map(|(own, step)| own + share * step).collect();
            if own.value(&next, mixing, peaks) >= sums.log_likelihood - slack || share < 1e-8 {
                break next;
            }
            share *= 0.5;
        };
        theta = next;
        let mut fled = false;
        for (at, own) in theta.iter_mut().enumerate().skip(after).take(places) {
            if own.abs() > far && free.contains(&at) {
                *own = far * own.signum();
                free.retain(|other| *other != at);
                fled = true;
            }
        }
        sums = own.sums(&theta, mixing, peaks, each);
        if length < STILL && share >= 1.0 && !fled {
            let inverse = if let Some(solver) = Free::new(&sums.information, m, &free) {
                solver.inverse()
            } else {
                // A standard deviation of 0 has no slope: its curvature is not that of a top.
                free.retain(|own| *own < after);
                Free::new(&sums.information, m, &free).ok_or_else(settled)?.inverse()
            };
            return Ok(State { theta, sums, steps, inverse });
        }
    }
    Err(settled())
}

/// Fits the model with frailty from the top without.
pub(super) fn fit(
    rows: &Rows<'_>,
    without: &Top,
    free: &[usize],
    (frailty, person, persons): (Frailty, &str, &Factor),
    (clusters, weights, table_rows): (Option<&Factor>, &str, &[u32]),
    ticket: &Ticket,
) -> Result<Climbed, EvaluateError> {
    let own = grouped(rows, persons, weights, table_rows)?;
    let mut peaks = vec![Peak { mode: 0.0, spread: 1.0 }; own.persons()];
    let each = clusters.is_some();
    let start = without.theta.clone();
    let after = start.len();
    let (state, kind, names) = match frailty {
        Frailty::None => unreachable_kind()?,
        Frailty::Normal { points } => {
            let mut free = free.to_vec();
            free.push(after);
            let (state, points) = normal(&own, (start, points), &free, (&mut peaks, each), ticket)?;
            let kind = Frailty::Normal { points: Some(points) };
            (state, kind, vec![format!("sd of {person}")])
        }
        Frailty::Points { types } => {
            let (state, n) = points(
                &own,
                (start, without.log_likelihood),
                free,
                types,
                (&mut peaks, each),
                ticket,
            )?;
            let mut names: Vec<String> = (2..=n).map(|at| format!("type {at}")).collect();
            names.extend((2..=n).map(|at| format!("log odds of type {at}")));
            (state, Frailty::Points { types: Some(n as u32) }, names)
        }
    };
    let mut state = state;
    if let Frailty::Normal { .. } = kind
        && state.theta[after] < 0.0
    {
        turn(&mut state, after);
    }
    let joint = match clusters {
        None => state.inverse.clone(),
        Some(clusters) => clustered(&state, clusters, persons)?,
    };
    let mixture = mixture(&own, (kind, person), &state, without.log_likelihood);
    let top = Top {
        theta: state.theta,
        log_likelihood: state.sums.log_likelihood,
        inverse: state.inverse,
        steps: without.steps + state.steps,
    };
    Ok(Climbed { top, joint, mixture, names })
}

fn unreachable_kind() -> Result<(State, Frailty, Vec<String>), EvaluateError> {
    Err(EvaluateError::BadArgument {
        argument: "frailty",
        expected: "a kind of frailty",
        got: "none".to_owned(),
    })
}

/// Climbs with a normal effect, with as many points of the quadrature as the likelihood needs.
fn normal(
    own: &Grouped,
    (start, asked): (Vec<f64>, Option<u32>),
    free: &[usize],
    (peaks, each): (&mut [Peak], bool),
    ticket: &Ticket,
) -> Result<(State, u32), EvaluateError> {
    let after = start.len();
    let mut from: Vec<f64> = start.into_iter().chain([0.8]).collect();
    let tried = asked.map_or_else(|| POINTS.to_vec(), |points| vec![points]);
    for (turn, &points) in tried.iter().enumerate() {
        let (nodes, weights) = gauss_hermite(points as usize);
        let mixing = Mixing::normal(&nodes, &weights);
        peaks.fill(Peak { mode: 0.0, spread: 1.0 });
        let found = climb(own, &mixing, from.clone(), free, (peaks, each), ticket);
        let state = match found {
            Ok(state) => nothing(own, &mixing, state, free, (peaks, each))?,
            Err(EvaluateError::NoSolution { .. }) => continue,
            Err(error) => return Err(error),
        };
        let Some(&more) = tried.get(turn + 1) else { return Ok((state, points)) };
        let (nodes, weights) = gauss_hermite(more as usize);
        let finer = Mixing::normal(&nodes, &weights);
        let there = own.value(&state.theta, &finer, peaks);
        if (there - state.sums.log_likelihood).abs() < SETTLED {
            return Ok((state, points));
        }
        from.clone_from(&state.theta);
        from[after] = from[after].abs();
    }
    // A climb with fewer points is an answer only where more points agree.
    Err(EvaluateError::NoSolution { what: "the likelihood with frailty", why: UNTOLD })
}

/// Where the standard deviation came to rest at 0, holds it there.
fn nothing(
    own: &Grouped,
    mixing: &Mixing<'_>,
    mut state: State,
    free: &[usize],
    (peaks, each): (&mut [Peak], bool),
) -> Result<State, EvaluateError> {
    let after = own.k + own.n_levels;
    if state.theta[after].abs() >= NOTHING {
        return Ok(state);
    }
    state.theta[after] = 0.0;
    state.sums = own.sums(&state.theta, mixing, peaks, each);
    let others: Vec<usize> = free.iter().copied().filter(|at| *at < after).collect();
    let flat = EvaluateError::NoSolution { what: "the likelihood with frailty", why: UNTOLD };
    state.inverse =
        Free::new(&state.sums.information, own.m(mixing), &others).ok_or(flat)?.inverse();
    Ok(state)
}

/// A negative standard deviation is the positive one with persons turned round.
fn turn(state: &mut State, at: usize) {
    let m = state.theta.len();
    state.theta[at] = -state.theta[at];
    for other in (0..m).filter(|own| *own != at) {
        state.inverse[at * m + other] = -state.inverse[at * m + other];
        state.inverse[other * m + at] = -state.inverse[other * m + at];
    }
    for own in &mut state.sums.each {
        own[at] = -own[at];
    }
}

fn mixture(
    own: &Grouped,
    (frailty, person): (Frailty, &str),
    state: &State,
    without: f64,
) -> Mixture {
    let extra = state.theta[own.k + own.n_levels..].to_vec();
    let lr = (2.0 * (state.sums.log_likelihood - without)).max(0.0);
    let (sd, points, parts, p_value) = match frailty {
        Frailty::Points { .. } => {
            let (places, odds) = extra.split_at(extra.len() / 2);
            let points: Vec<f64> = std::iter::once(0.0).chain(places.iter().copied()).collect();
            let parts = shares(odds);
            let mean: f64 = points.iter().zip(&parts).map(|(x, p)| x * p).sum();
            let square: f64 =
                points.iter().zip(&parts).map(|(x, p)| p * (x - mean) * (x - mean)).sum();
            (square.sqrt(), points, parts, f64::NAN)
        }
        _ => (extra[0], Vec::new(), Vec::new(), 0.5 * chi2_sf(lr, 1.0)),
    };
    Mixture {
        frailty,
        person: person.to_owned(),
        persons: own.persons(),
        sd,
        points,
        shares: parts,
        without,
        lr,
        p_value,
        extra,
    }
}

/// The covariance when persons of a cluster may depend on each other.
fn clustered(
    state: &State,
    clusters: &Factor,
    persons: &Factor,
) -> Result<Vec<f64>, EvaluateError> {
    let g = clusters.n_levels();
    if g < 2 {
        return Err(EvaluateError::TooFewClusters { n: g });
    }
    let mut of = vec![u32::MAX; persons.n_levels()];
    for (&person, &cluster) in persons.codes().iter().zip(clusters.codes()) {
        let slot = &mut of[person as usize];
        if *slot != u32::MAX && *slot != cluster {
            return Err(EvaluateError::BadArgument {
                argument: "vcov",
                expected: "clusters of whole persons: with frailty a person stands in one",
                got: "a person in two clusters".to_owned(),
            });
        }
        *slot = cluster;
    }
    let m = state.theta.len();
    let mut order: Vec<u32> = (0..of.len() as u32).collect();
    order.sort_by_key(|&person| of[person as usize]);
    let free: Vec<usize> = (0..m).filter(|&at| !state.inverse[at * m + at].is_nan()).collect();
    let f = free.len();
    let mut meat = vec![0.0; f * f];
    for group in order.chunk_by(|&a, &b| of[a as usize] == of[b as usize]) {
        let mut sum = vec![0.0; f];
        for &person in group {
            let own = &state.sums.each[person as usize];
            for (slot, &at) in sum.iter_mut().zip(&free) {
                *slot += own[at];
            }
        }
        for i in (0..f).filter(|&i| sum[i] != 0.0) {
            for j in 0..f {
                meat[i * f + j] += sum[i] * sum[j];
            }
        }
    }
    Ok(by_clusters(&state.inverse, &meat, &free, g))
}

/// A node of the frailty in the population: its weight, how it moves the linear predictor with each
/// parameter that mixes, and how its weight does.
pub(super) struct Node {
    pub(super) weight: f64,
    pub(super) shift: f64,
    pub(super) shift_by: Vec<f64>,
    pub(super) weight_by: Vec<f64>,
}

/// A likelihood ratio below this, the 95 % point of a chi-squared, does not tell a standard deviation
/// from 0: its likelihood is no parabola.
const TOLD: f64 = 3.841_458_820_694_124;

impl HazardFit {
    /// What a reader must know, by name.
    #[must_use]
    pub fn cautions(&self) -> Vec<Caution> {
        let normal = |own: &&Mixture| matches!(own.frailty, Frailty::Normal { .. });
        let Some(own) = self.mixture.as_ref().filter(normal) else { return Vec::new() };
        let found = if own.sd == 0.0 {
            caution(
                "frailty_at_zero",
                "the likelihood is largest where persons do not differ. Standard errors are those of \
                 a model without frailty, and too small if persons do differ: one spell a person and \
                 a free baseline say little about it; take intervals by the likelihood ratio, method \
                 \"profile\"",
            )
        } else if own.lr < TOLD {
            caution(
                "frailty_weakly_identified",
                "the data hardly tell the standard deviation of persons' effects from 0 (one spell a \
                 person and a free baseline say little about it), so that intervals from standard \
                 errors are not to be trusted; take those by the likelihood ratio, method \"profile\"",
            )
        } else {
            return Vec::new();
        };
        vec![found]
    }
}

impl Mixture {
    /// Nodes over which curves of the population are averaged.
    pub(super) fn nodes(&self) -> Vec<Node> {
        if self.points.is_empty() {
            let (x, w) = gauss_hermite(25);
            let root = std::f64::consts::PI.sqrt();
            let node = |(x, w): (&f64, &f64)| {
                let v = std::f64::consts::SQRT_2 * x;
                let (weight, shift) = (w / root, self.sd * v);
                Node { weight, shift, shift_by: vec![v], weight_by: vec![0.0] }
            };
            return x.iter().zip(&w).map(node).collect();
        }
        let n = self.points.len();
        let node = |at: usize| {
            let mut shift_by = vec![0.0; 2 * (n - 1)];
            let mut weight_by = vec![0.0; 2 * (n - 1)];
            if at > 0 {
                shift_by[at - 1] = 1.0;
            }
            for other in 1..n {
                let same = if other == at { 1.0 } else { 0.0 };
                weight_by[n - 1 + other - 1] = self.shares[at] * (same - self.shares[other]);
            }
            Node { weight: self.shares[at], shift: self.points[at], shift_by, weight_by }
        };
        (0..n).map(node).collect()
    }
}
