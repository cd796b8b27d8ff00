//! Several estimations in one formula, written out.

use super::lex::{self, Span, Token};
use super::{EstimateError, Fault, Formula};

/// What a formula of one estimation says about several.
pub(super) const ELSEWHERE: &str =
    "several estimations stand here; `several` reads them, `new` and `parse` read one";

/// Estimations a formula may hold.
const MOST: usize = 1000;

/// Whether a call stands for several estimations.
pub(super) fn is_several(name: &str) -> bool {
    matches!(name, "sw" | "sw0" | "csw" | "csw0" | "mvsw")
}

impl Formula {
    /// Reads a formula that stands for several, in the order pyfixest estimates them: effects
    /// outside, then outcomes, then regressors.
    ///
    /// | written | means |
    /// |---|---|
    /// | `y + z ~ a`, `c(y, z) ~ a` | one estimation for each outcome |
    /// | `sw(a, b)` | one with a, one with b |
    /// | `csw(a, b)` | one with a, one with a + b |
    /// | `sw0(a, b)`, `csw0(a, b)` | the same, and first one with neither |
    /// | `mvsw(a, b)` | one for each set of them: none, a, b, a + b |
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse).
    ///
    /// ```
    /// use kruispunt::estimate::Formula;
    /// let all = Formula::several("wage ~ csw(trained, age) | sw0(person)").unwrap_err();
    /// assert!(all.to_string().contains("at least two"));
    /// let all = Formula::several("wage + hours ~ csw(trained, age) | person")?;
    /// let texts: Vec<&str> = all.iter().map(Formula::text).collect();
    /// assert_eq!(texts[3], "hours ~ trained + age | person");
    /// assert_eq!(texts.len(), 4);
    /// # Ok::<(), kruispunt::estimate::EstimateError>(())
    /// ```
    pub fn several(text: &str) -> Result<Vec<Self>, EstimateError> {
        let texts = expand(text).map_err(|fault| fault.at(text))?;
        let all = texts
            .iter()
            .map(|text| Self::parse(text))
            .collect::<Result<Vec<_>, EstimateError>>()?;
        let mut effects: Vec<Vec<String>> = Vec::new();
        for formula in &all {
            if !effects.contains(&formula.effects()) {
                effects.push(formula.effects());
            }
        }
        let group = |own: &Self| effects.iter().position(|effects| *effects == own.effects());
        let mut ordered: Vec<Self> = all;
        ordered.sort_by_key(group);
        Ok(ordered)
    }
}

fn expand(text: &str) -> Result<Vec<String>, Fault> {
    let mut waiting = vec![text.to_owned()];
    let mut done = Vec::new();
    while let Some(next) = waiting.pop() {
        match first(&next)? {
            None => done.push(next),
            Some(choices) => waiting.extend(choices.into_iter().rev()),
        }
        if waiting.len() + done.len() > MOST {
            let span = Span { start: 0, end: text.chars().count() };
            return Err(Fault::new("more than 1,000 estimations in one formula", span));
        }
    }
    Ok(done)
}

/// The formulas that the first several-estimation call of a formula stands for.
fn first(text: &str) -> Result<Option<Vec<String>>, Fault> {
    let tokens = lex::tokens(text)?;
    let chars: Vec<char> = text.chars().collect();
    let cut = |from: usize, to: usize| chars[from..to].iter().collect::<String>();
    let with = |from: usize, to: usize, choices: Vec<String>| {
        let (head, tail) = (cut(0, from), cut(to, chars.len()));
        Some(choices.into_iter().map(|own| format!("{head}{own}{tail}")).collect())
    };
    if let Some(outcomes) = outcomes(&tokens) {
        let end = outcomes.last().map_or(0, |span| span.end);
        let choices = outcomes.iter().map(|span| cut(span.start, span.end).trim().to_owned());
        return Ok(with(0, end, choices.map(|own| own + " ").collect()));
    }
    for (at, pair) in tokens.windows(2).enumerate() {
        let [(Token::Name(name), span), (Token::Op("("), _)] = pair else { continue };
        if !(is_several(name) || name == "c" && at == 0) {
            continue;
        }
        let (spans, close) = arguments(&tokens, at + 1);
        let Some(close) = close else { return Ok(None) };
        let parts: Vec<String> =
            spans.iter().map(|span| cut(span.start, span.end).trim().to_owned()).collect();
        if parts.iter().any(String::is_empty) || (parts.len() < 2 && name != "mvsw") {
            let place = Span { start: span.start, end: close };
            return Err(Fault::new("at least two estimations are expected in the brackets", place));
        }
        return Ok(with(span.start, close, choices(name, &parts, *span)?));
    }
    Ok(None)
}

fn choices(name: &str, parts: &[String], span: Span) -> Result<Vec<String>, Fault> {
    let mut all: Vec<String> = match name {
        "csw" | "csw0" => (1..=parts.len()).map(|n| parts[..n].join(" + ")).collect(),
        "mvsw" => {
            if parts.len() > 9 {
                return Err(Fault::new("mvsw() takes at most nine variables", span));
            }
            let chosen = |set: usize| -> Vec<usize> {
                (0..parts.len()).filter(|at| set >> at & 1 == 1).collect()
            };
            let mut sets: Vec<Vec<usize>> = (1..1 << parts.len()).map(chosen).collect();
            sets.sort_by_key(|set| (set.len(), set.clone()));
            let text = |set: &Vec<usize>| {
                set.iter().map(|&at| parts[at].as_str()).collect::<Vec<_>>().join(" + ")
            };
            sets.iter().map(text).collect()
        }
        _ => parts.to_vec(),
    };
    if matches!(name, "sw0" | "csw0" | "mvsw") {
        all.insert(0, "1".to_owned());
    }
    Ok(all)
}

/// Several outcomes joined by `+` outside brackets, left of the `~`.
fn outcomes(tokens: &[(Token, Span)]) -> Option<Vec<Span>> {
    let tilde = tokens.iter().position(|(token, _)| *token == Token::Op("~"))?;
    let mut depth = 0_usize;
    let mut ends = Vec::new();
    for (token, span) in &tokens[..tilde] {
        match token {
            Token::Op("(" | "[") => depth += 1,
            Token::Op(")" | "]") => depth = depth.saturating_sub(1),
            Token::Op("+") if depth == 0 => ends.push(*span),
            _ => {}
        }
    }
    if ends.is_empty() {
        return None;
    }
    let mut start = 0;
    let mut spans = Vec::new();
    for end in ends {
        spans.push(Span { start, end: end.start });
        start = end.end;
    }
    spans.push(Span { start, end: tokens[tilde].1.start });
    Some(spans)
}

/// The arguments of the call whose bracket opens at `open`, and where it closes.
fn arguments(tokens: &[(Token, Span)], open: usize) -> (Vec<Span>, Option<usize>) {
    let mut start = tokens[open].1.end;
    let (mut depth, mut spans) = (0_usize, Vec::new());
    for (token, span) in &tokens[open..] {
        match token {
            Token::Op("(" | "[") => depth += 1,
            Token::Op(")" | "]") => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    spans.push(Span { start, end: span.start });
                    return (spans, Some(span.end));
                }
            }
            Token::Op(",") if depth == 1 => {
                spans.push(Span { start, end: span.start });
                start = span.end;
            }
            _ => {}
        }
    }
    (spans, None)
}
