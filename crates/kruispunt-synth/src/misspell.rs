//! What happens to a name on its way into another institution's file.

use crate::draw::{Draws, Purpose, scaled};
use crate::imperfection::{Imperfection, Imperfections};
use crate::params::{
    BIRTH_ERROR, FIRST_NAME_ERROR, INSZ_MISSING, INSZ_SLIP, NAME_SWAP, SURNAME_ERROR,
};
use kruispunt::data::Day;

/// How a person stands in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) surname: String,
    pub(crate) first_name: String,
    pub(crate) birth: String,
}

/// The identity as a clerk of file `file` wrote it.
pub(crate) fn misspell(
    own: &Identity,
    origin: usize,
    draws: Draws,
    file: u64,
    faults: &Imperfections,
) -> Identity {
    let mut written = own.clone();
    let unit = |what: u64| draws.unit(Purpose::Misspell, file, what);
    if faults.has(Imperfection::NameErrors) {
        if unit(0) < SURNAME_ERROR[origin] {
            written.surname = alter(&own.surname, [unit(1), unit(2), unit(3)]);
        }
        if unit(4) < FIRST_NAME_ERROR[origin] {
            written.first_name = alter(&own.first_name, [unit(5), unit(6), unit(7)]);
        }
        if unit(8) < NAME_SWAP[origin] {
            std::mem::swap(&mut written.surname, &mut written.first_name);
        }
        written.surname = written.surname.chars().take(48).collect();
    }
    if faults.has(Imperfection::BirthDateErrors) && unit(9) < BIRTH_ERROR[origin] {
        written.birth = slip_of_date(&own.birth, unit(10), unit(11));
    }
    written
}

/// Spellings that stand for the same sound in another language's letters.
const SOUNDS: [(&str, &str); 22] = [
    ("ou", "u"),
    ("oui", "aoui"),
    ("ch", "sh"),
    ("sh", "sj"),
    ("kh", "ch"),
    ("gh", "g"),
    ("y", "i"),
    ("j", "y"),
    ("ss", "s"),
    ("mm", "m"),
    ("ll", "l"),
    ("ck", "k"),
    ("ae", "aa"),
    ("ey", "ei"),
    ("ski", "ska"),
    ("ov", "off"),
    ("ah", "a"),
    ("oo", "o"),
    ("ee", "e"),
    ("i", "y"),
    ("u", "ou"),
    ("a", "e"),
];

const PARTICLES: [&str; 9] =
    ["El ", "Ben ", "Aït ", "Al ", "Abdul ", "Van der ", "Van den ", "Van ", "De "];

fn alter(name: &str, u: [f64; 3]) -> String {
    let attempt = match scaled(u[0], 5) {
        0 => Some(plain(name)),
        1 | 2 => respell(name, u[1]),
        3 => structure(name),
        _ => None,
    };
    attempt
        .filter(|written| written != name && !written.is_empty())
        .unwrap_or_else(|| keyboard(name, u))
}

/// Without diacritics.
fn plain(name: &str) -> String {
    let simple = |c: char| match c {
        'ı' | 'í' | 'ï' => 'i',
        'İ' => 'I',
        'ç' | 'ć' => 'c',
        'Ç' => 'C',
        'ş' | 'ś' => 's',
        'Ş' => 'S',
        'ö' | 'ó' => 'o',
        'Ö' => 'O',
        'ü' => 'u',
        'ğ' => 'g',
        'é' => 'e',
        'ń' => 'n',
        other => other,
    };
    name.chars().map(simple).collect()
}

fn respell(name: &str, u: f64) -> Option<String> {
    let first = scaled(u, SOUNDS.len());
    (0..SOUNDS.len()).find_map(|step| {
        let (from, to) = SOUNDS[(first + step) % SOUNDS.len()];
        name.contains(from).then(|| name.replacen(from, to, 1))
    })
}

/// Particles attached or left out, the second surname dropped.
fn structure(name: &str) -> Option<String> {
    if let Some((first, _)) = name.split_once('-') {
        return Some(first.to_owned());
    }
    let particle = PARTICLES.iter().find(|particle| name.starts_with(**particle))?;
    let rest = &name[particle.len()..];
    if name.len().is_multiple_of(2) {
        return Some(rest.to_owned());
    }
    Some(format!("{}{}", particle.replace(' ', ""), rest.to_lowercase()))
}

/// A letter left out, put in, mistaken or swapped.
fn keyboard(name: &str, u: [f64; 3]) -> String {
    const LETTERS: &[u8; 12] = b"aeiouyhknstr";
    let mut letters: Vec<char> = name.chars().collect();
    let at = scaled(u[1], letters.len());
    let letter = char::from(LETTERS[scaled(u[2], LETTERS.len())]);
    match scaled(u[0] * 20.0 % 1.0, 4) {
        0 if letters.len() > 2 => {
            letters.remove(at);
        }
        1 => letters.insert(at, letter),
        2 if at + 1 < letters.len() && letters[at] != letters[at + 1] => letters.swap(at, at + 1),
        _ if letters.get(at) == Some(&letter) => letters.insert(at, letter),
        _ => {
            if let Some(slot) = letters.get_mut(at) {
                *slot = letter;
            }
        }
    }
    letters.into_iter().collect()
}

/// Day and month swapped, or one part wrong by a little.
fn slip_of_date(birth: &str, u: f64, v: f64) -> String {
    let part = |range: std::ops::Range<usize>| -> u32 {
        birth.get(range).and_then(|digits| digits.parse().ok()).unwrap_or_default()
    };
    let (year, month, day) = (part(0..4), part(5..7), part(8..10));
    let write = |year: u32, month: u32, day: u32| format!("{year:04}-{month:02}-{day:02}");
    if u < 0.5 && (1..=12).contains(&day) && month > 0 && day != month {
        return write(year, day, month);
    }
    match scaled(v, 3) {
        0 => write(if v < 0.2 { year + 1 } else { year - 1 }, month, day),
        1 if day > 0 => {
            let next = if day < 28 { day + 1 } else { day - 1 };
            write(year, month, next)
        }
        _ if month > 0 => {
            let next = if month < 12 { month + 1 } else { 1 };
            write(year, next, day.min(28))
        }
        _ => write(year + 1, month, day),
    }
}

/// The INSZ as it stands in file `file`: as known, with a slip, or missing.
pub(crate) fn written_insz(
    insz: &str,
    origin: usize,
    draws: Draws,
    file: u64,
    faults: &Imperfections,
) -> Option<String> {
    if !faults.has(Imperfection::InszErrors) {
        return Some(insz.to_owned());
    }
    let unit = |what: u64| draws.unit(Purpose::Misspell, file, what);
    if unit(20) < INSZ_MISSING[origin] {
        return None;
    }
    if unit(21) >= INSZ_SLIP {
        return Some(insz.to_owned());
    }
    let mut digits = insz.as_bytes().to_vec();
    let at = scaled(unit(22), digits.len());
    if unit(23) < 0.5 && at + 1 < digits.len() {
        digits.swap(at, at + 1);
    } else if let Some(digit) = digits.get_mut(at) {
        *digit = b'0' + (*digit - b'0' + 1 + scaled(unit(24), 9) as u8) % 10;
    }
    String::from_utf8(digits).ok()
}

/// A birth date as the registers write it when the day or more is unknown.
pub(crate) fn registered_birth(birth: Day, unknown: Option<f64>) -> kruispunt_belgium::insz::Birth {
    let (year, month, day) = birth.ymd();
    match unknown {
        None => kruispunt_belgium::insz::Birth { year, month: Some(month), day: Some(day) },
        Some(u) if u < 0.8 => kruispunt_belgium::insz::Birth { year, month: Some(1), day: Some(1) },
        Some(_) => kruispunt_belgium::insz::Birth { year, month: None, day: None },
    }
}
