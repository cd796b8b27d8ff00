//! What stands in the cells of a coefficient, written as a small format.

use super::ReportError;

/// What a cell can show of a coefficient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Statistic {
    Estimate,
    StdError,
    T,
    P,
    Low,
    High,
    /// A statistic of the caller's, by place.
    Own(usize),
}

/// Names of statistics in a format, and in words.
const KNOWN: [(&str, Statistic, &str); 6] = [
    ("b", Statistic::Estimate, "estimate"),
    ("se", Statistic::StdError, "standard error"),
    ("t", Statistic::T, "t value"),
    ("p", Statistic::P, "p value"),
    ("ci95l", Statistic::Low, "lower 95 % bound"),
    ("ci95u", Statistic::High, "upper 95 % bound"),
];

/// How a number is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Digits {
    decimals: usize,
    exponent: bool,
    thousands: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    Value { of: Statistic, digits: Option<Digits>, stars: bool },
}

/// A format such as `b*\n(se)`: lines of pieces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CellFormat {
    pub(super) lines: Vec<Vec<Piece>>,
    written: String,
}

impl Digits {
    pub(super) const fn plain(decimals: usize) -> Self {
        Self { decimals, exponent: false, thousands: false }
    }

    pub(super) fn write(self, value: f64) -> String {
        if value.is_nan() {
            return String::new();
        }
        if self.exponent {
            let text = format!("{value:.*e}", self.decimals);
            // Two digits of exponent with their sign, as elsewhere.
            let Some((number, power)) = text.split_once('e') else { return text };
            let (sign, power) = power.strip_prefix('-').map_or(('+', power), |own| ('-', own));
            return format!("{number}e{sign}{power:0>2}");
        }
        let text = format!("{value:.*}", self.decimals);
        if self.thousands { grouped(&text) } else { text }
    }
}

/// Commas between thousands.
fn grouped(text: &str) -> String {
    let (sign, rest) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (whole, decimals) = rest.split_once('.').map_or((rest, ""), |(whole, own)| (whole, own));
    if !whole.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.to_owned();
    }
    let mut out = String::from(sign);
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    if !decimals.is_empty() {
        out.push('.');
        out.push_str(decimals);
    }
    out
}

impl CellFormat {
    /// Reads a format; `own` are names of the caller's statistics.
    pub(super) fn read(format: &str, own: &[String]) -> Result<Self, ReportError> {
        let refused = |what: String| ReportError::Format { format: format.to_owned(), what };
        let text: Vec<char> = format.chars().collect();
        let mut lines = vec![Vec::new()];
        let mut literal = String::new();
        let mut at = 0;
        while at < text.len() {
            let c = text[at];
            if c.is_alphanumeric() || c == '_' {
                let end = (at..text.len())
                    .find(|&at| !(text[at].is_alphanumeric() || text[at] == '_'))
                    .unwrap_or(text.len());
                let word: String = text[at..end].iter().collect();
                let of = find(&word, own).ok_or_else(|| {
                    let known = KNOWN.iter().map(|(name, ..)| *name);
                    let all: Vec<&str> = known.chain(own.iter().map(String::as_str)).collect();
                    refused(format!(
                        "no statistic is called \"{word}\"; there are {}",
                        all.join(", ")
                    ))
                })?;
                at = end;
                let (digits, after) = digits(&text, at).map_err(&refused)?;
                at = after;
                let stars = text.get(at) == Some(&'*');
                at += usize::from(stars);
                flush(&mut literal, &mut lines);
                if let Some(line) = lines.last_mut() {
                    line.push(Piece::Value { of, digits, stars });
                }
            } else if c == '\n' || (c == '\\' && text.get(at + 1) == Some(&'n')) {
                at += 1 + usize::from(c == '\\');
                literal.truncate(literal.trim_end_matches(' ').len());
                flush(&mut literal, &mut lines);
                lines.push(Vec::new());
                while text.get(at) == Some(&' ') {
                    at += 1;
                }
            } else {
                // A backslash takes what follows as it is.
                at += usize::from(c == '\\' && at + 1 < text.len());
                literal.push(text[at]);
                at += 1;
            }
        }
        flush(&mut literal, &mut lines);
        if !lines.iter().flatten().any(|piece| matches!(piece, Piece::Value { .. })) {
            return Err(refused("it shows no statistic".to_owned()));
        }
        Ok(Self { lines, written: format.to_owned() })
    }

    /// Whether this is the house's own format, whose note is a sentence.
    pub(super) fn is_default(&self) -> bool {
        self.written == super::etable::CELL
    }

    /// Whether anything is starred.
    pub(super) fn starred(&self) -> bool {
        let starred = |piece: &Piece| matches!(piece, Piece::Value { stars: true, .. });
        self.lines.iter().flatten().any(starred)
    }

    /// What stands in a cell, in words.
    pub(super) fn words(&self, own: &[String]) -> String {
        let word = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Value { of: Statistic::Own(at), .. } => own[*at].clone(),
            Piece::Value { of, .. } => {
                let named = KNOWN.iter().find(|(_, own, _)| own == of);
                named.map_or_else(String::new, |(_, _, words)| (*words).to_owned())
            }
        };
        let line = |line: &Vec<Piece>| line.iter().map(word).collect::<String>();
        self.lines.iter().map(line).collect::<Vec<_>>().join(", below ")
    }
}

fn find(word: &str, own: &[String]) -> Option<Statistic> {
    let known = KNOWN.iter().find(|(name, ..)| *name == word).map(|(_, of, _)| *of);
    known.or_else(|| own.iter().position(|name| name == word).map(Statistic::Own))
}

fn flush(literal: &mut String, lines: &mut [Vec<Piece>]) {
    if let (false, Some(line)) = (literal.is_empty(), lines.last_mut()) {
        line.push(Piece::Text(std::mem::take(literal)));
    }
    literal.clear();
}

/// Reads `:.3f`, `:,.2f` or `:.2e` at a place; gives where it ends.
fn digits(text: &[char], at: usize) -> Result<(Option<Digits>, usize), String> {
    if text.get(at) != Some(&':') {
        return Ok((None, at));
    }
    let mut end = at + 1;
    let thousands = text.get(end) == Some(&',');
    end += usize::from(thousands);
    let mut decimals = None;
    if text.get(end) == Some(&'.') {
        let from = end + 1;
        end = (from..text.len()).find(|&at| !text[at].is_ascii_digit()).unwrap_or(text.len());
        let number: String = text[from..end].iter().collect();
        decimals = number.parse::<usize>().ok().filter(|own| *own <= 15);
    }
    let wrong = || "after a colon stands .3f, ,.2f, .2e or d, with 15 decimals at most".to_owned();
    match (text.get(end), decimals) {
        (Some('f' | 'e'), Some(decimals)) => {
            let exponent = text[end] == 'e';
            Ok((Some(Digits { decimals, exponent, thousands }), end + 1))
        }
        (Some('d'), None) => {
            Ok((Some(Digits { decimals: 0, exponent: false, thousands }), end + 1))
        }
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_read_as_they_are_written() {
        let format = CellFormat::read("b:.2f* \\n [t] \\(p:.1e\\)", &[]).unwrap();
        assert_eq!(format.lines.len(), 2);
        assert_eq!(
            format.lines[0],
            [Piece::Value {
                of: Statistic::Estimate,
                digits: Some(Digits { decimals: 2, exponent: false, thousands: false }),
                stars: true
            }]
        );
        assert_eq!(format.words(&[]), "estimate, below [t value] (p value)");
        let own = ["n_moves".to_owned()];
        let format = CellFormat::read("b (n_moves:,d)", &own).unwrap();
        assert!(!format.starred());
        assert_eq!(format.words(&own), "estimate (n_moves)");
    }

    #[test]
    fn numbers_are_written_as_asked() {
        let write = |decimals, exponent, thousands, value| {
            Digits { decimals, exponent, thousands }.write(value)
        };
        assert_eq!(write(2, false, true, -1_234_567.891), "-1,234,567.89");
        assert_eq!(write(0, false, true, 999.4), "999");
        assert_eq!(write(1, true, false, 12_345.0), "1.2e+04");
        assert_eq!(write(2, true, false, -0.000_123_4), "-1.23e-04");
        assert_eq!(write(2, false, true, f64::NAN), "");
        assert_eq!(write(2, false, true, f64::INFINITY), "inf");
    }

    #[test]
    fn what_is_no_format_is_said() {
        for (format, expected) in [
            ("", "no statistic"),
            ("(...)", "no statistic"),
            ("beta", "\"beta\""),
            ("b:x", "colon"),
            ("b:.f", "colon"),
            ("b:.99f", "15 decimals"),
        ] {
            let error = CellFormat::read(format, &[]).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
