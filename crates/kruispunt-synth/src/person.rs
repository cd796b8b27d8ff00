//! Who lives in a household: everything about a person that no career changes.

use crate::countries::COUNTRIES;
use crate::draw::{Draws, Purpose, normal, pick, scaled};
use crate::dynamics::State;
use crate::params::{EDU, FIRST, QUARTERS, SD_THETA, SD_U, SHARE, THETA_U, first_day};
use crate::places;
use kruispunt::data::{Day, Period, Seed, Unit};
use kruispunt_belgium::country::{Country, Origin};

/// Persons a household can have: focal person, partner and up to four children.
pub(crate) const MEMBERS: u64 = 8;

#[derive(Clone, Debug)]
pub(crate) struct Person {
    /// Household times eight plus place in it; the counter of all draws.
    pub(crate) key: u64,
    pub(crate) pid: i64,
    /// 0 to 5, as `Origin::ALL`.
    pub(crate) origin: usize,
    /// 0, 1, 2 (for 1.5) or 3 (for 2), the place in the schema's list.
    pub(crate) generation: usize,
    pub(crate) country: usize,
    pub(crate) woman: bool,
    pub(crate) edu: usize,
    pub(crate) u: f64,
    pub(crate) theta: f64,
    pub(crate) birth: Day,
    /// First registration: arrival, or birth.
    pub(crate) arrival: Day,
    pub(crate) municipality: usize,
    /// Place in the list of reasons, for those who came from abroad.
    pub(crate) reason: Option<u32>,
    pub(crate) death: Option<Day>,
    pub(crate) father: Option<u64>,
    pub(crate) mother: Option<u64>,
    enters: i32,
}

/// The quarter of the window in which a day lies; may lie outside.
pub(crate) fn quarter_of(day: Day) -> i32 {
    Period::of(day, Unit::Quarter).number - FIRST
}

impl Person {
    pub(crate) const fn is_focal(&self) -> bool {
        self.key.is_multiple_of(MEMBERS)
    }

    pub(crate) const fn household(&self) -> u64 {
        self.key / MEMBERS
    }

    pub(crate) fn newcomer(&self) -> bool {
        self.generation != 0 && self.generation != 3 && quarter_of(self.arrival) > 0
    }

    pub(crate) const fn foreign_born(&self) -> bool {
        matches!(self.generation, 1 | 2)
    }

    /// Full years of age at the end of quarter `q`.
    pub(crate) fn age(&self, q: usize) -> i32 {
        let (year, month, day) = (first_day(q + 1) + -1).ymd();
        let (born, birth_month, birth_day) = self.birth.ymd();
        (year - born - i32::from((month, day) < (birth_month, birth_day))).max(0)
    }

    /// Quarters since arrival, for newcomers.
    pub(crate) fn quarters_here(&self, q: usize) -> Option<usize> {
        self.newcomer().then(|| (q as i32 - quarter_of(self.arrival)).max(0) as usize)
    }

    /// The state that age, arrival or death impose in quarter `q`.
    pub(crate) fn forced(&self, q: usize) -> Option<State> {
        let now = q as i32;
        if self.death.is_some_and(|day| now >= quarter_of(day)) {
            return Some(State::Dead);
        }
        if now < quarter_of(self.arrival) {
            return Some(State::NotYet);
        }
        (now < self.enters || self.age(q) >= 65).then_some(State::Inactive)
    }

    /// Whether the person enters the labour market in quarter `q` of the window.
    pub(crate) fn enters(&self, q: usize) -> bool {
        q as i32 == self.enters || (q == 0 && self.enters < 0)
    }

    /// Whether nothing forces the state of quarter `q`.
    pub(crate) fn active(&self, q: usize) -> bool {
        self.forced(q).is_none()
    }

    pub(crate) fn born_in(&self) -> &'static str {
        if self.foreign_born() { COUNTRIES[self.country].code } else { COUNTRIES[0].code }
    }

    pub(crate) fn first_nationality(&self) -> &'static str {
        // Two in three of the second generation were born Belgian.
        let belgian = self.generation == 0 || (self.generation == 3 && self.pid % 3 != 0);
        if belgian { COUNTRIES[0].code } else { COUNTRIES[self.country].code }
    }
}

/// Whole years from one day to another.
fn years_between(from: Day, to: Day) -> i32 {
    let ((fy, fm, fd), (ty, tm, td)) = (from.ymd(), to.ymd());
    ty - fy - i32::from((tm, td) < (fm, fd))
}

/// Makes the persons of a household.
pub(crate) fn household(seed: Seed, number: u64) -> Vec<Person> {
    let draws = Draws::new(seed, number);
    let unit = |what: u64| draws.unit(Purpose::Household, what, 0);
    let origin = pick(unit(0), &SHARE);
    let municipality = places::choose(unit(1), origin);
    let age = 18.0 + 47.0 * unit(2).powf(1.1);
    let mut focal =
        Draft { seed, key: number * MEMBERS, origin, municipality, age, born: None }.person();
    focal.municipality = municipality;
    let age = f64::from(first_day(0).since(focal.birth)) / 365.25;
    let mut members = vec![focal];
    if age > 14.0 && unit(3) < 0.62 {
        let key = number * MEMBERS + 1;
        let other = pick(unit(5), &SHARE);
        let origin = match (origin, unit(4)) {
            (_, u) if u < 0.82 => origin,
            (0, _) => other,
            _ => 0,
        };
        let age = (age + 6.0 * (unit(6) - 0.5)).max(16.0);
        let mut partner = Draft { seed, key, origin, municipality, age, born: None }.person();
        partner.woman = !members[0].woman;
        members.push(partner);
    }
    let children = if (16.0..52.0).contains(&age) {
        pick(unit(7), &[0.28, 0.22, 0.30, 0.14, 0.06])
    } else {
        0
    };
    for place in 0..children {
        if let Some(child) = child(seed, number, &members, place as u64) {
            members.push(child);
        }
    }
    members
}

fn child(seed: Seed, number: u64, members: &[Person], place: u64) -> Option<Person> {
    let draws = Draws::new(seed, number);
    // Without a partner the second member is an elder child, who is nobody's parent here.
    let adults = || members.iter().filter(|member| member.key % MEMBERS < 2);
    let father = adults().find(|parent| !parent.woman);
    let mother = adults().find(|parent| parent.woman);
    let years = 22.0 + 5.0 * draws.unit(Purpose::Household, 20, place) + 3.5 * place as f64;
    let focal = members.first()?;
    let birth = focal.birth + (years * 365.25) as i32;
    // Not in the panel: grown up before it starts, or born after it ends.
    if birth < Day::new(1986, 1, 1)? || birth >= first_day(QUARTERS) {
        return None;
    }
    let from = [father, mother].into_iter().flatten().find(|parent| parent.origin != 0);
    let origin = from.map_or(0, |parent| parent.origin);
    let key = number * MEMBERS + 2 + place;
    let draft = Draft {
        seed,
        key,
        origin,
        municipality: focal.municipality,
        age: 0.0,
        born: Some((birth, from.map(|parent| parent.arrival))),
    };
    let mut child = draft.person();
    child.country = from.map_or(0, |parent| parent.country);
    child.father = father.map(|parent| parent.key);
    child.mother = mother.map(|parent| parent.key);
    Some(child)
}

/// What is fixed before a person is made.
struct Draft {
    seed: Seed,
    key: u64,
    origin: usize,
    municipality: usize,
    /// Age on 1 January 2005, unless the person is a child or comes later.
    age: f64,
    /// For children: birth, and the arrival of the parent from abroad.
    born: Option<(Day, Option<Day>)>,
}

/// Share that came as an adult, that came before 18, and that comes inside the window (of those
/// who came as adults), by origin group.
const CAME: [(f64, f64, f64); 6] = [
    (0.0, 0.0, 0.0),
    (0.55, 0.10, 0.15),
    (0.80, 0.10, 0.40),
    (0.50, 0.15, 0.15),
    (0.50, 0.15, 0.18),
    (0.75, 0.12, 0.35),
];

impl Draft {
    fn person(&self) -> Person {
        let draws = Draws::new(self.seed, self.key);
        let unit = |what: u64| draws.unit(Purpose::Person, what, 0);
        let start = first_day(0);
        let mut birth = start + -((self.age * 365.25) as i32) + -(scaled(unit(0), 365) as i32);
        let mut arrival = birth;
        let mut generation = 0;
        if let Some((born, parent_arrival)) = self.born {
            birth = born;
            arrival = parent_arrival.map_or(birth, |day| birth.max(day));
            generation = match (self.origin, arrival > birth) {
                (0, _) => 0,
                (_, true) => 2,
                _ => 3,
            };
            if self.origin == 0 || generation == 3 {
                arrival = birth;
            }
        } else if self.origin > 0 {
            let (adult, young, recent) = CAME[self.origin];
            let u = unit(1);
            if u < adult * recent {
                generation = 1;
                arrival = newcomer_day(self.origin, unit(2), unit(3));
                birth = arrival + -((18.0 + 27.0 * unit(4).powf(1.4)) * 365.25) as i32;
            } else if u < adult + young {
                generation = if u < adult { 1 } else { 2 };
                let (low, high) =
                    if generation == 1 { (18.0, self.age.min(42.0)) } else { (1.0, 17.0) };
                let years = (low + (high - low).max(0.0) * unit(4)) * 365.25;
                arrival = (birth + years as i32).min(start + -1);
            } else {
                generation = 3;
            }
        }
        if matches!(generation, 1 | 2) {
            generation = if years_between(birth, arrival) < 18 { 2 } else { 1 };
        }
        let edu = usize::from(unit(5) < EDU[self.origin]) + usize::from(unit(6) < EDU[self.origin]);
        let u = SD_U * normal(unit(7));
        let school = birth + ((18.0 + 2.0 * edu as f64 + unit(8)) * 365.25) as i32;
        let country = country(self.origin, unit(9));
        let person = Person {
            key: self.key,
            pid: 0,
            origin: self.origin,
            generation,
            country,
            woman: unit(10) < 0.5,
            edu,
            u,
            theta: THETA_U * u + SD_THETA * normal(unit(11)),
            birth,
            arrival,
            municipality: self.municipality,
            reason: matches!(generation, 1 | 2).then(|| reason(self.origin, unit(12))),
            death: None,
            father: None,
            mother: None,
            enters: quarter_of(school).max(quarter_of(arrival)),
        };
        let pid = crate::draw::permute(self.seed, 1, self.key) as i64;
        Person { pid, death: death(draws, &person), ..person }
    }
}

/// Arrivals inside the window: more EU13 after 2007, more others in 2015 and 2016.
fn newcomer_day(origin: usize, u: f64, v: f64) -> Day {
    let weight = |q: usize| match (origin, q) {
        (2, 8..=36) => 2.0,
        (5, 40..) => 2.5,
        _ => 1.0,
    };
    let weights: Vec<f64> = (1..QUARTERS - 1).map(weight).collect();
    let q = pick(u, &weights) + 1;
    first_day(q) + scaled(v, 88) as i32
}

fn country(origin: usize, u: f64) -> usize {
    let of = |country: &Country| country.origin == Origin::ALL[origin];
    let places: Vec<usize> = (0..COUNTRIES.len()).filter(|&at| of(COUNTRIES[at])).collect();
    let weights: Vec<f64> = (0..places.len()).map(|at| 1.0 / (1.0 + at as f64)).collect();
    places.get(pick(u, &weights)).copied().unwrap_or_default()
}

fn reason(origin: usize, u: f64) -> u32 {
    let weights: &[f64] = match origin {
        1 => &[0.30, 0.0, 0.0, 0.50, 0.05, 0.10, 0.03, 0.02],
        2 => &[0.25, 0.02, 0.01, 0.65, 0.03, 0.03, 0.01, 0.0],
        3 | 4 => &[0.78, 0.03, 0.05, 0.05, 0.02, 0.05, 0.02, 0.0],
        _ => &[0.35, 0.38, 0.09, 0.06, 0.02, 0.08, 0.01, 0.01],
    };
    pick(u, weights) as u32
}

/// The day of death inside the window, from a Gompertz hazard.
fn death(draws: Draws, person: &Person) -> Option<Day> {
    (0..QUARTERS).find_map(|q| {
        let age = f64::from(person.age(q));
        let hazard = (-10.2 + 0.095 * age).exp() / 4.0;
        let due = q as i32 > quarter_of(person.arrival);
        (due && draws.chance(Purpose::Death, q as u64, 0, hazard))
            .then(|| first_day(q) + draws.below(Purpose::Death, q as u64, 1, 90) as i32)
    })
}
