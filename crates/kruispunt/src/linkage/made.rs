//! Values made from the value of a column, for conditions.

use super::pattern::Pattern;
use crate::data::{Day, Text};
use serde::{Deserialize, Serialize};

/// A value made from a column, step by step; a missing value stays missing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Made {
    /// What conditions call it.
    pub(super) name: String,
    /// The column.
    pub(super) column: String,
    pub(super) steps: Vec<Step>,
}

/// What is done with a text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Step {
    /// Small letters.
    Lower,
    /// Capitals.
    Upper,
    /// So many letters from this one on, the first being 1.
    Part { from: usize, letters: usize },
    /// What a regular expression finds, empty where it finds nothing.
    Extract { pattern: String },
    /// Missing where it is this text.
    Unless { text: String },
    /// Seconds since 1970 of a time written in a format; missing where it is none.
    Seconds { format: String },
    /// An item of a list, the first being 1 and the last -1.
    Item { at: i32 },
}

/// Steps that are ready to be taken.
#[derive(Debug)]
pub(super) struct Maker {
    steps: Vec<Ready>,
}

/// A step with its pattern or format read.
#[derive(Debug)]
enum Ready {
    Lower,
    Upper,
    Part {
        skip: usize,
        letters: usize,
    },
    Extract(Pattern),
    Unless(String),
    /// The parts of a format: a letter of a time, or what must stand there.
    Seconds(Vec<Result<char, char>>),
    Item(i32),
}

/// What is expected where a value cannot be made.
pub(super) const EXPECTED: &str = "values made by steps that are known: regular expressions of letters, classes, groups and greedy counts, times of %Y, %m, %d, %H, %M and %S";

impl Made {
    /// The steps, ready.
    pub(super) fn maker(&self) -> Option<Maker> {
        let ready = |step: &Step| {
            Some(match step {
                Step::Lower => Ready::Lower,
                Step::Upper => Ready::Upper,
                Step::Part { from, letters } => {
                    Ready::Part { skip: from.checked_sub(1)?, letters: *letters }
                }
                Step::Extract { pattern } => Ready::Extract(Pattern::new(pattern)?),
                Step::Unless { text } => Ready::Unless(text.clone()),
                Step::Seconds { format } => Ready::Seconds(parts(format)?),
                Step::Item { at: 0 } => return None,
                Step::Item { at } => Ready::Item(*at),
            })
        };
        Some(Maker { steps: self.steps.iter().map(ready).collect::<Option<_>>()? })
    }
}

impl Maker {
    /// The value made of a text.
    pub(super) fn make(&self, text: &str) -> Option<String> {
        let mut own = text.to_owned();
        for step in &self.steps {
            own = match step {
                Ready::Lower => own.to_lowercase(),
                Ready::Upper => own.to_uppercase(),
                Ready::Part { skip, letters } => own.chars().skip(*skip).take(*letters).collect(),
                Ready::Extract(pattern) => pattern.find(&own).unwrap_or_default().to_owned(),
                Ready::Unless(text) if *text == own => return None,
                Ready::Unless(_) => own,
                Ready::Seconds(parts) => seconds(parts, own.trim())?.to_string(),
                Ready::Item(at) => item(&own, *at)?.to_owned(),
            };
        }
        Some(own)
    }
}

fn item(list: &str, at: i32) -> Option<&str> {
    let items: Vec<&str> = Text::items(list).collect();
    let place = at.unsigned_abs() as usize;
    if at > 0 { items.get(place - 1) } else { items.get(items.len().checked_sub(place)?) }.copied()
}

fn parts(format: &str) -> Option<Vec<Result<char, char>>> {
    let (mut letters, mut parts) = (format.chars(), Vec::new());
    while let Some(letter) = letters.next() {
        parts.push(match letter {
            '%' => match letters.next()? {
                '%' => Err('%'),
                part if "YmdHMS".contains(part) => Ok(part),
                _ => return None,
            },
            other => Err(other),
        });
    }
    Some(parts)
}

/// Seconds since 1970 of a text in a format.
fn seconds(parts: &[Result<char, char>], text: &str) -> Option<i64> {
    let mut rest = text;
    let [mut year, mut month, mut day, mut hour, mut minute, mut second] = [1900, 1, 1, 0, 0, 0];
    for part in parts {
        match *part {
            Err(letter) => rest = rest.strip_prefix(letter)?,
            Ok(part) => {
                let most = if part == 'Y' { 4 } else { 2 };
                let digits = rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
                let number: i64 = rest[..digits].parse().ok()?;
                rest = &rest[digits..];
                let slot = match part {
                    'Y' => &mut year,
                    'm' => &mut month,
                    'd' => &mut day,
                    'H' => &mut hour,
                    'M' => &mut minute,
                    _ => &mut second,
                };
                *slot = number;
            }
        }
    }
    let inside = rest.is_empty() && hour < 24 && minute < 60 && second < 60;
    let day = Day::new(year as i32, month as u32, day as u32).filter(|_| inside)?;
    Some(((i64::from(day.0) * 24 + hour) * 60 + minute) * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::ITEM;

    fn made(steps: Vec<Step>, text: &str) -> Option<String> {
        let own = Made { name: String::new(), column: String::new(), steps };
        own.maker()?.make(text)
    }

    #[test]
    fn times_are_read_or_missing() {
        let days = || vec![Step::Seconds { format: "%Y-%m-%d".to_owned() }];
        assert_eq!(made(days(), "1970-01-02").as_deref(), Some("86400"));
        assert_eq!(made(days(), "2020-1-5 ").as_deref(), Some("1578182400"));
        assert_eq!(made(days(), "1960-02-29").as_deref(), Some("-310521600"));
        for text in ["2020-02-30", "2020-01-05x", "2020-13-01", "", "2020--1-1", "é"] {
            assert_eq!(made(days(), text), None, "{text}");
        }
        let time = vec![Step::Seconds { format: "%Y-%m-%dT%H:%M:%SZ".to_owned() }];
        assert_eq!(made(time, "1970-01-01T01:00:01Z").as_deref(), Some("3601"));
        assert_eq!(made(vec![Step::Seconds { format: "%j".to_owned() }], "1"), None);
    }

    #[test]
    fn steps_follow_each_other() {
        let steps = vec![Step::Lower, Step::Part { from: 2, letters: 2 }];
        assert_eq!(made(steps, "ÉÀBC").as_deref(), Some("àb"));
        let user = |text: &str| {
            let pattern = "^[^@]+".to_owned();
            made(vec![Step::Extract { pattern }, Step::Unless { text: String::new() }], text)
        };
        assert_eq!(user("a@b").as_deref(), Some("a"));
        assert_eq!(user("@b"), None);
        let list = format!("{ITEM}x{ITEM}y{ITEM}");
        assert_eq!(made(vec![Step::Item { at: 1 }], &list).as_deref(), Some("x"));
        assert_eq!(made(vec![Step::Item { at: -1 }, Step::Upper], &list).as_deref(), Some("Y"));
        assert_eq!(made(vec![Step::Item { at: 3 }], &list), None);
        assert_eq!(made(vec![Step::Item { at: 1 }], "x"), None);
    }
}
