//! Invented municipalities, and when each took up the local service.

use crate::Rollout;
use crate::draw::{Draws, Purpose, pick, scaled};
use crate::params::{ROLLOUT_EARLY, ROLLOUT_SD_PERSON};
use kruispunt::data::Seed;

pub(crate) const MUNICIPALITIES: usize = 300;
/// As many as on 1 January 2019.
const RECODED: usize = 26;
const PROVINCES: [(&str, usize); 5] = [
    ("Antwerpen", 1),
    ("Vlaams-Brabant", 2),
    ("West-Vlaanderen", 3),
    ("Oost-Vlaanderen", 4),
    ("Limburg", 7),
];
const HEADS: [&str; 20] = [
    "Bever", "Eike", "Linde", "Molen", "Wolve", "Haze", "Vosse", "Berke", "Ooster", "Wester",
    "Noorder", "Zuider", "Steen", "Water", "Heide", "Kasteel", "Ever", "Roze", "Distel", "Klaver",
];
const TAILS: [&str; 15] = [
    "gem", "dijk", "hoven", "beke", "zele", "kerke", "dorp", "broek", "laar", "rode", "veld",
    "donk", "loo", "wijk", "berg",
];

/// A municipality.
#[derive(Clone, Debug)]
pub(crate) struct Municipality {
    pub(crate) nis5: String,
    /// Its code from 2019 on.
    pub(crate) nis5_2019: String,
    pub(crate) name: String,
    pub(crate) postcode: String,
    pub(crate) province: &'static str,
    /// First quarter of the window with the service.
    pub(crate) adoption: Option<usize>,
    /// Whether some of its inhabitants work across the border.
    pub(crate) border: bool,
}

/// The municipalities of a world.
pub(crate) fn municipalities(seed: Seed, rollout: Rollout) -> Vec<Municipality> {
    (0..MUNICIPALITIES)
        .map(|at| {
            let (province, digit) = PROVINCES[at % 5];
            let place = at / 5;
            let draws = Draws::new(seed, at as u64);
            let never = draws.chance(Purpose::Municipality, 0, 0, 0.25);
            let cohort = [8, 12, 16, 20, 24, 28][draws.below(Purpose::Municipality, 1, 0, 6)];
            let number = place % 20 + 1;
            let nis5 = format!("{digit}{}{number:03}", place / 20 + 1);
            let moves = at >= MUNICIPALITIES - RECODED;
            Municipality {
                nis5_2019: if moves { format!("{digit}9{number:03}") } else { nis5.clone() },
                nis5,
                name: format!("{}{}", HEADS[at % 20], TAILS[at / 20]),
                postcode: format!("{:04}", digit * 1000 + place * 10),
                province,
                adoption: (!never || rollout == Rollout::All).then_some(cohort),
                border: at.is_multiple_of(10),
            }
        })
        .collect()
}

/// A municipality: large ones more often, and more so for persons of foreign origin.
pub(crate) fn choose(u: f64, origin: usize) -> usize {
    scaled(if origin == 0 { u.powf(1.3) } else { u.powf(1.9) }, MUNICIPALITIES)
}

/// Person effect of the roll-out outcome: higher where the service came early.
pub(crate) fn rollout_person(draws: Draws, adoption: Option<usize>) -> f64 {
    let early = adoption.is_some_and(|quarter| quarter < 20);
    ROLLOUT_SD_PERSON * draws.normal(Purpose::Rollout, 1000, 0)
        + if early { ROLLOUT_EARLY } else { 0.0 }
}

/// Kept with its kin: a weighted choice for callers that hold no draws.
pub(crate) fn neighbour(u: f64, from: usize) -> usize {
    let step = pick(u, &[0.25, 0.25, 0.2, 0.15, 0.1, 0.05]) + 1;
    (from + step * 7) % MUNICIPALITIES
}
