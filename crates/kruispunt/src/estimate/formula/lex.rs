//! Characters to tokens.

use super::Fault;

/// Where a token stands, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Span {
    pub(super) const fn to(self, other: Self) -> Self {
        Self { start: self.start, end: other.end }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Name(String),
    Number(f64, String),
    Text(String),
    /// An operator or bracket.
    Op(&'static str),
    End,
}

/// Longest first.
const OPS: [&str; 21] = [
    "**", "<=", ">=", "==", "!=", "~", "|", "+", "-", "*", "/", ":", "^", "(", ")", "[", "]", ",",
    "=", "<", ">",
];

pub(super) fn tokens(formula: &str) -> Result<Vec<(Token, Span)>, Fault> {
    let chars: Vec<char> = formula.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let start = at;
        let c = chars[at];
        if c.is_whitespace() {
            at += 1;
            continue;
        }
        let next_is = |test: fn(char) -> bool| chars.get(start + 1).copied().is_some_and(test);
        let token = if c.is_ascii_digit() || (c == '.' && next_is(|d| d.is_ascii_digit())) {
            at = number_end(&chars, start);
            let text: String = chars[start..at].iter().collect();
            let value = text
                .parse()
                .map_err(|_| Fault::new("this is not a number", Span { start, end: at }))?;
            Token::Number(value, text)
        } else if c.is_alphabetic() || c == '_' || (c == '.' && next_is(char::is_alphabetic)) {
            while at < chars.len() && (chars[at].is_alphanumeric() || "_.".contains(chars[at])) {
                at += 1;
            }
            Token::Name(chars[start..at].iter().collect())
        } else if matches!(c, '`' | '\'' | '"') {
            let close = (start + 1..chars.len()).find(|&i| chars[i] == c).ok_or_else(|| {
                Fault::new("this quote is never closed", Span { start, end: chars.len() })
            })?;
            at = close + 1;
            let inside: String = chars[start + 1..close].iter().collect();
            if c == '`' { Token::Name(inside) } else { Token::Text(inside) }
        } else {
            let found = OPS
                .iter()
                .find(|op| op.chars().enumerate().all(|(i, o)| chars.get(start + i) == Some(&o)));
            let op = found.ok_or_else(|| {
                Fault::new(
                    "this character has no meaning in a formula",
                    Span { start, end: start + 1 },
                )
            })?;
            at += op.len();
            Token::Op(op)
        };
        tokens.push((token, Span { start, end: at }));
    }
    tokens.push((Token::End, Span { start: chars.len(), end: chars.len() + 1 }));
    Ok(tokens)
}

fn number_end(chars: &[char], start: usize) -> usize {
    let mut at = start;
    while at < chars.len() && (chars[at].is_ascii_digit() || chars[at] == '.') {
        at += 1;
    }
    let signed = usize::from(chars.get(at + 1).is_some_and(|c| matches!(c, '+' | '-')));
    let exponent = chars.get(at).is_some_and(|c| matches!(c, 'e' | 'E'))
        && chars.get(at + 1 + signed).is_some_and(char::is_ascii_digit);
    if exponent {
        at += 1 + signed;
        while at < chars.len() && chars[at].is_ascii_digit() {
            at += 1;
        }
    }
    at
}
