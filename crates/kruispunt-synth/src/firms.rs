//! Employers.

use crate::draw::{Draws, Purpose, permute, pick};
use kruispunt::data::Seed;

pub(crate) const EMPLOYERS: usize = 12_000;
/// Activity, joint committee, employer effect of the sector and
/// share of employers.
const SECTORS: [(&str, &str, f64, f64); 10] = [
    ("10710", "118", -0.02, 0.08),
    ("41201", "124", 0.06, 0.08),
    ("47110", "202", -0.08, 0.14),
    ("49410", "140", 0.00, 0.08),
    ("56101", "302", -0.14, 0.09),
    ("62010", "200", 0.16, 0.09),
    ("78200", "322", -0.10, 0.10),
    ("81210", "121", -0.12, 0.08),
    ("84111", "000", 0.08, 0.12),
    ("86101", "330", 0.04, 0.14),
];
const AGENCY: usize = 6;
const LOCAL: usize = 8;

/// An employer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Firm {
    pub(crate) matric: i64,
    pub(crate) kbo: u64,
    pub(crate) sector: usize,
    pub(crate) psi: f64,
    pub(crate) size: u32,
    pub(crate) municipality: usize,
    pub(crate) bracket: f64,
}

impl Firm {
    pub(crate) const fn nace(&self) -> &'static str {
        SECTORS[self.sector].0
    }

    pub(crate) const fn committee(&self) -> &'static str {
        SECTORS[self.sector].1
    }

    pub(crate) const fn is_agency(&self) -> bool {
        self.sector == AGENCY
    }

    pub(crate) const fn is_local_government(&self) -> bool {
        self.sector == LOCAL
    }

    pub(crate) fn kbo_text(&self) -> String {
        format!("{:010}", self.kbo)
    }
}

/// The labour market: employers by size.
#[derive(Clone, Debug)]
pub(crate) struct Firms {
    pub(crate) all: Vec<Firm>,
    cumulated: Vec<f64>,
}

impl Firms {
    pub(crate) fn new(seed: Seed) -> Self {
        let shares = SECTORS.map(|sector| sector.3);
        let mut sum = 0.0;
        let mut cumulated = Vec::with_capacity(EMPLOYERS);
        let all = (0..EMPLOYERS)
            .map(|rank| {
                let draws = Draws::new(seed, rank as u64);
                let sector = pick(draws.unit(Purpose::Employer, 0, 0), &shares);
                let weight = (rank as f64 + 10.0).powf(-1.1);
                sum += weight;
                cumulated.push(sum);
                let number = permute(seed, 2, rank as u64);
                Firm {
                    matric: number as i64,
                    kbo: 400_000_000 + permute(seed, 3, rank as u64) % 500_000_000,
                    sector,
                    psi: SECTORS[sector].2 + 0.15 * draws.normal(Purpose::Employer, 1, 0),
                    size: match rank {
                        0..300 => 3,
                        300..1500 => 2,
                        1500..5000 => 1,
                        _ => 0,
                    },
                    municipality: draws.below(
                        Purpose::Employer,
                        2,
                        0,
                        crate::places::MUNICIPALITIES,
                    ),
                    bracket: draws.unit(Purpose::Employer, 3, 0),
                }
            })
            .collect();
        Self { all, cumulated }
    }

    fn at(&self, u: f64) -> usize {
        let target = u * self.cumulated.last().copied().unwrap_or_default();
        self.cumulated.partition_point(|sum| *sum <= target).min(self.all.len() - 1)
    }

    /// An employer for a person with effect `theta`: of two candidates the better paying one is
    /// more likely for the better paid.
    pub(crate) fn choose(&self, draws: Draws, when: u64, theta: f64) -> usize {
        let (a, b) = (
            self.at(draws.unit(Purpose::Employer, when, 10)),
            self.at(draws.unit(Purpose::Employer, when, 11)),
        );
        let (low, high) = if self.all[a].psi <= self.all[b].psi { (a, b) } else { (b, a) };
        let up = 1.0 / (1.0 + (-3.0 * theta).exp());
        if draws.unit(Purpose::Employer, when, 12) < up { high } else { low }
    }
}
