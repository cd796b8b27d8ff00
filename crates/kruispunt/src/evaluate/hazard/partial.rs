//! The partial likelihood: risk sets from the last time back to the first.

use super::cox::Ties;

/// Rows of one stratum, sorted by the time they end, last first.
pub(super) struct Stratum {
    /// Row-major, `(n, k)`, centred.
    pub(super) x: Vec<f64>,
    pub(super) stop: Vec<f64>,
    pub(super) start: Option<Vec<f64>>,
    pub(super) event: Vec<bool>,
    pub(super) weight: Option<Vec<f64>>,
    pub(super) offset: Option<Vec<f64>>,
    /// Places in order of `start`, last first.
    pub(super) by_start: Vec<u32>,
    /// The place of each row in the sample.
    pub(super) rows: Vec<u32>,
}

/// Sums over a risk set.
struct Set {
    s0: f64,
    s1: Vec<f64>,
    /// Upper triangle.
    s2: Vec<f64>,
}

/// Log-likelihood, score and information.
pub(super) struct Partial {
    pub(super) log_likelihood: f64,
    pub(super) score: Vec<f64>,
    pub(super) information: Vec<f64>,
}

/// The baseline at one time of an event.
#[derive(Clone)]
pub(super) struct Jump {
    pub(super) time: f64,
    pub(super) at_risk: f64,
    pub(super) events: f64,
    /// Increment of the cumulative hazard of a row with centred regressors 0.
    pub(super) hazard: f64,
    /// Its variance, the coefficients taken as known.
    pub(super) variance: f64,
    /// The increment times the mean of the regressors at risk.
    pub(super) mean: Vec<f64>,
    /// Both for a row that itself ends here with the event.
    own_hazard: f64,
    own_mean: Vec<f64>,
    /// The plain mean over ties of the mean at risk.
    centre: Vec<f64>,
}

impl Set {
    fn new(k: usize) -> Self {
        Self { s0: 0.0, s1: vec![0.0; k], s2: vec![0.0; k * k] }
    }

    fn clear(&mut self) {
        self.s0 = 0.0;
        self.s1.fill(0.0);
        self.s2.fill(0.0);
    }

    /// Adds a row with its risk; `second` moments when they are wanted.
    fn add(&mut self, x: &[f64], risk: f64, second: bool) {
        let k = x.len();
        self.s0 += risk;
        for (i, xi) in x.iter().enumerate() {
            let own = risk * xi;
            self.s1[i] += own;
            if second {
                for (slot, xj) in self.s2[i * k + i..(i + 1) * k].iter_mut().zip(&x[i..]) {
                    *slot += own * xj;
                }
            }
        }
    }
}

impl Stratum {
    pub(super) fn weight(&self, at: usize) -> f64 {
        self.weight.as_ref().map_or(1.0, |own| own[at])
    }

    fn row(&self, at: usize, k: usize) -> &[f64] {
        &self.x[at * k..(at + 1) * k]
    }

    pub(super) fn eta(&self, at: usize, beta: &[f64]) -> f64 {
        let offset = self.offset.as_ref().map_or(0.0, |own| own[at]);
        offset + self.row(at, beta.len()).iter().zip(beta).map(|(x, b)| x * b).sum::<f64>()
    }

    /// Visits the times of events, last first: the risk set, the events, their rows.
    fn visit(
        &self,
        beta: &[f64],
        second: bool,
        mut see: impl FnMut(f64, &Set, &Set, std::ops::Range<usize>, &[f64]),
    ) {
        let (k, n) = (beta.len(), self.stop.len());
        let eta: Vec<f64> = (0..n).map(|at| self.eta(at, beta)).collect();
        let risk: Vec<f64> = (0..n).map(|at| self.weight(at) * libm::exp(eta[at])).collect();
        let (mut set, mut dead) = (Set::new(k), Set::new(k));
        let (mut at, mut gone) = (0, 0);
        while at < n {
            let time = self.stop[at];
            let from = at;
            dead.clear();
            let mut any = false;
            while at < n && self.stop[at] == time {
                set.add(self.row(at, k), risk[at], second);
                if self.event[at] {
                    dead.add(self.row(at, k), risk[at], second);
                    any = true;
                }
                at += 1;
            }
            if let Some(start) = &self.start {
                while gone < n && start[self.by_start[gone] as usize] >= time {
                    let own = self.by_start[gone] as usize;
                    set.add(self.row(own, k), -risk[own], second);
                    gone += 1;
                }
            }
            if any {
                see(time, &set, &dead, from..at, &eta);
            }
        }
    }

    /// Adds the stratum's part of the likelihood to `sums`.
    pub(super) fn add_to(&self, beta: &[f64], ties: Ties, sums: &mut Partial) {
        let k = beta.len();
        let mut mean = vec![0.0; k];
        self.visit(beta, true, |_, set, dead, rows, eta| {
            let (mut mass, mut d) = (0.0, 0_usize);
            for at in rows.filter(|&at| self.event[at]) {
                let w = self.weight(at);
                mass += w;
                d += 1;
                sums.log_likelihood += w * eta[at];
                for (slot, x) in sums.score.iter_mut().zip(self.row(at, k)) {
                    *slot += w * x;
                }
            }
            let each = mass / d as f64;
            // With Breslow's ties one denominator serves all.
            let (turns, each) = match ties {
                Ties::Efron => (d, each),
                Ties::Breslow => (1, mass),
            };
            for turn in 0..turns {
                let share = if turns > 1 { turn as f64 / d as f64 } else { 0.0 };
                let below = set.s0 - share * dead.s0;
                sums.log_likelihood -= each * libm::log(below);
                for (i, own) in mean.iter_mut().enumerate() {
                    *own = (set.s1[i] - share * dead.s1[i]) / below;
                    sums.score[i] -= each * *own;
                }
                for i in 0..k {
                    for j in i..k {
                        let second = (set.s2[i * k + j] - share * dead.s2[i * k + j]) / below;
                        sums.information[i * k + j] += each * (second - mean[i] * mean[j]);
                    }
                }
            }
        });
    }

    /// The baseline, first time first.
    pub(super) fn jumps(&self, beta: &[f64], ties: Ties) -> Vec<Jump> {
        let k = beta.len();
        let mut jumps = Vec::new();
        self.visit(beta, false, |time, set, dead, rows, _| {
            let events: Vec<usize> = rows.filter(|&at| self.event[at]).collect();
            let mass: f64 = events.iter().map(|&at| self.weight(at)).sum();
            let d = events.len() as f64;
            let (turns, each) = match ties {
                Ties::Efron => (events.len(), mass / d),
                Ties::Breslow => (1, mass),
            };
            let mut jump = Jump {
                time,
                at_risk: 0.0,
                events: mass,
                hazard: 0.0,
                variance: 0.0,
                mean: vec![0.0; k],
                own_hazard: 0.0,
                own_mean: vec![0.0; k],
                centre: vec![0.0; k],
            };
            for turn in 0..turns {
                let share = if turns > 1 { turn as f64 / d } else { 0.0 };
                let below = set.s0 - share * dead.s0;
                let hazard = each / below;
                jump.hazard += hazard;
                jump.variance += each / (below * below);
                jump.own_hazard += (1.0 - share) * hazard;
                for i in 0..k {
                    let mean = (set.s1[i] - share * dead.s1[i]) / below;
                    jump.mean[i] += hazard * mean;
                    jump.own_mean[i] += (1.0 - share) * hazard * mean;
                    jump.centre[i] += mean / turns as f64;
                }
            }
            jumps.push(jump);
        });
        jumps.reverse();
        self.count_at_risk(&mut jumps);
        jumps
    }

    /// Weights at risk just before each time of an event.
    fn count_at_risk(&self, jumps: &mut [Jump]) {
        let (mut at, mut gone, mut sum) = (0, 0, 0.0);
        for jump in jumps.iter_mut().rev() {
            while at < self.stop.len() && self.stop[at] >= jump.time {
                sum += self.weight(at);
                at += 1;
            }
            if let Some(start) = &self.start {
                while gone < start.len() && start[self.by_start[gone] as usize] >= jump.time {
                    sum -= self.weight(self.by_start[gone] as usize);
                    gone += 1;
                }
            }
            jump.at_risk = sum;
        }
    }

    /// What each row brings to the score, times its weight, row-major `(n, k)`.
    pub(super) fn scores(&self, beta: &[f64], jumps: &[Jump]) -> Vec<f64> {
        let k = beta.len();
        // Sums of the jumps up to and with each.
        let mut hazard = vec![0.0; jumps.len() + 1];
        let mut mean = vec![0.0; (jumps.len() + 1) * k];
        for (at, jump) in jumps.iter().enumerate() {
            hazard[at + 1] = hazard[at] + jump.hazard;
            for i in 0..k {
                mean[(at + 1) * k + i] = mean[at * k + i] + jump.mean[i];
            }
        }
        let upto = |time: f64| jumps.partition_point(|jump| jump.time <= time);
        let mut scores = vec![0.0; self.stop.len() * k];
        for at in 0..self.stop.len() {
            let last = upto(self.stop[at]);
            let first = self.start.as_ref().map_or(0, |start| upto(start[at]));
            if last <= first {
                continue;
            }
            let (w, risk) = (self.weight(at), libm::exp(self.eta(at, beta)));
            let x = self.row(at, k);
            let mut own = hazard[last] - hazard[first];
            let ends = self.event[at].then(|| &jumps[last - 1]);
            if let Some(jump) = ends {
                own += jump.own_hazard - jump.hazard;
            }
            for i in 0..k {
                let mut centre = mean[last * k + i] - mean[first * k + i];
                let mut score = 0.0;
                if let Some(jump) = ends {
                    centre += jump.own_mean[i] - jump.mean[i];
                    score = x[i] - jump.centre[i];
                }
                scores[at * k + i] = w * (score - risk * (x[i] * own - centre));
            }
        }
        scores
    }
}
