//! The formula dialect of fixest and pyfixest, parsed by hand.

mod expr;
mod lex;
mod several;
mod terms;

use super::EstimateError;
use expr::{Kind, Node, Parser};
use lex::{Span, Token};
pub(crate) use terms::{Factor, Function, Number, Operation, Reference, Term};

/// What to regress on what, and which effects to sweep out.
///
/// ```text
/// outcome ~ terms | effects | endogenous ~ instruments
/// ```
///
/// | written | means |
/// |---|---|
/// | `a + b`, `- a`, `0`, `- 1` | terms added, removed; no intercept |
/// | `a:b`, `a*b`, `a/b`, `(a + b)**2` | interactions; with main effects; nested; up to degree 2 |
/// | `C(f)` | dummies of any column; text and categories need none |
/// | `i(f, ref=2010)`, `i(f, x, ref=2010)` | dummies without a reference, alone or times `x` |
/// | `I(x ** 2)`, `log(x)`, `exp(x)`, `sqrt(x)`, `abs(x)` | arithmetic, row by row |
/// | `l(x)`, `l(x, 2)`, `l(x, 1:3)`, `f(x)`, `d(x)` | the value of the period before, two before, one to three before, after; the difference with the period before; null where that period has no row |
/// | `f + g`, `f^g` right of the bar | effects; one effect for each pair of levels |
/// | `f[x]`, `f[x, z]`, `f[[x]]` there | an effect and a slope of x (and of z) for each level of f; slopes alone |
/// | `a ~ z + w` after the last bar | `a` is endogenous, `z` and `w` are its instruments |
/// | `` `monthly wage` `` | a column whose name is no name |
///
/// Several estimations in one formula (several outcomes, `sw`, `csw` and their like) are read by
/// [`several`](Self::several).
///
/// ```
/// use kruispunt::estimate::Formula;
/// let formula = Formula::parse("log(wage) ~ trained*age | person + sector^quarter")?;
/// assert_eq!(formula.columns(), ["wage", "trained", "age", "person", "sector", "quarter"]);
/// assert_eq!(formula.effects(), ["person", "sector^quarter"]);
///
/// let error = Formula::parse("wage ~ trained + | person").unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "`fml`: a term is expected here\n  wage ~ trained + | person\n                   ^"
/// );
/// # Ok::<(), kruispunt::estimate::EstimateError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Formula {
    text: String,
    outcome: Number,
    outcome_label: String,
    terms: Vec<Term>,
    effects: Vec<EffectTerm>,
    endogenous: Vec<Term>,
    instruments: Vec<Term>,
}

/// One effect: columns whose pairs of levels it has, and what has slopes by level.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct EffectTerm {
    pub(crate) parts: Vec<String>,
    /// Whether levels have a constant.
    pub(crate) constant: bool,
    /// Numbers and what they are called.
    pub(crate) slopes: Vec<(Number, String)>,
}

impl EffectTerm {
    /// Its columns, joined by `^`.
    pub(crate) fn name(&self) -> String {
        self.parts.join("^")
    }
}

/// A message and where it belongs.
#[derive(Debug)]
struct Fault {
    message: &'static str,
    span: Span,
    unsupported: bool,
}

impl Fault {
    const fn new(message: &'static str, span: Span) -> Self {
        Self { message, span, unsupported: false }
    }

    const fn unsupported(message: &'static str, span: Span) -> Self {
        Self { message, span, unsupported: true }
    }

    fn at(self, formula: &str) -> EstimateError {
        let line = |c: char| if c.is_whitespace() { ' ' } else { c };
        let formula: String = formula.chars().map(line).collect();
        let (column, width) = (self.span.start, self.span.end - self.span.start);
        if self.unsupported {
            return EstimateError::NotSupported { what: self.message, formula, column, width };
        }
        EstimateError::Formula { message: self.message.to_owned(), formula, column, width }
    }
}

impl Formula {
    /// Reads a formula.
    ///
    /// # Errors
    ///
    /// [`EstimateError::Formula`] or [`EstimateError::NotSupported`], with the place.
    pub fn parse(text: &str) -> Result<Self, EstimateError> {
        Self::read(text).map_err(|fault| fault.at(text))
    }

    fn read(text: &str) -> Result<Self, Fault> {
        let tokens = lex::tokens(text)?;
        if tokens.len() > 4000 {
            return Err(Fault::new("the formula has more than 4,000 words", tokens[4000].1));
        }
        let mut parser = Parser::new(&tokens);
        if matches!(parser.peek().0, Token::End) {
            return Err(Fault::new(
                "the formula is empty; write `y ~ x | person`",
                parser.peek().1,
            ));
        }
        let outcome = parser.expression(0, 0)?;
        if !parser.eat("~") {
            return Err(Fault::new("a `~` is expected here: `outcome ~ terms`", parser.peek().1));
        }
        let right = parser.expression(0, 0)?;
        let mut effects = Vec::new();
        let (mut endogenous, mut instruments) = (Vec::new(), Vec::new());
        let mut parts = 0;
        while parser.eat("|") {
            parts += 1;
            let part = parser.expression(0, 0)?;
            if parser.eat("~") {
                let causes = parser.expression(0, 0)?;
                terms::collect(&part, true, &mut endogenous)?;
                terms::collect(&causes, true, &mut instruments)?;
                check_instruments(&mut endogenous, &mut instruments, part.span, causes.span)?;
                break;
            }
            if parts > 1 {
                return Err(Fault::new("effects stand after one bar: `y ~ x | f + g`", part.span));
            }
            effect_list(&part, &mut effects)?;
        }
        if !matches!(parser.peek().0, Token::End) {
            return Err(Fault::new("this is not expected here", parser.peek().1));
        }
        let mut terms = vec![Vec::new()];
        terms::collect(&right, true, &mut terms)?;
        terms.sort_by_key(Vec::len);
        let (outcome, outcome_label) = read_outcome(&outcome)?;
        if endogenous.iter().chain(&instruments).any(|own| terms.contains(own)) {
            return Err(Fault::new(
                "a variable stands among the regressors and after the last bar",
                right.span,
            ));
        }
        let text = text.trim().to_owned();
        Ok(Self { text, outcome, outcome_label, terms, effects, endogenous, instruments })
    }

    /// The formula as written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The outcome, as a label.
    #[must_use]
    pub fn outcome(&self) -> &str {
        &self.outcome_label
    }

    /// The effects swept out, as labels; `f^g` for a pair, `f[[x]]` for slopes of x by level.
    #[must_use]
    pub fn effects(&self) -> Vec<String> {
        let mut labels = Vec::new();
        for effect in &self.effects {
            labels.extend(effect.constant.then(|| effect.name()));
            let slope = |own: &(Number, String)| format!("{}[[{}]]", effect.name(), own.1);
            labels.extend(effect.slopes.iter().map(slope));
        }
        labels
    }

    /// The columns of the data the formula needs, each once, in order of appearance.
    #[must_use]
    pub fn columns(&self) -> Vec<String> {
        self.columns_where(true)
    }

    /// The columns whose value in the row itself is used; `l(x)` alone does not use x.
    pub(crate) fn columns_of_the_row(&self) -> Vec<String> {
        self.columns_where(false)
    }

    /// The columns of regressors and effects, each once; not those of the outcome.
    pub(crate) fn columns_of_causes(&self) -> Vec<String> {
        let mut names = Vec::new();
        for factor in self.all_terms().flatten() {
            factor_columns(factor, true, &mut names);
        }
        self.effect_columns(true, &mut names);
        names.sort();
        names.dedup();
        names
    }

    fn effect_columns(&self, lagged: bool, names: &mut Vec<String>) {
        for effect in &self.effects {
            names.extend(effect.parts.iter().cloned());
            for (number, _) in &effect.slopes {
                number_columns(number, lagged, names);
            }
        }
    }

    fn columns_where(&self, lagged: bool) -> Vec<String> {
        let mut names = Vec::new();
        number_columns(&self.outcome, lagged, &mut names);
        for factor in self.all_terms().flatten() {
            factor_columns(factor, lagged, &mut names);
        }
        self.effect_columns(lagged, &mut names);
        let mut unique = Vec::new();
        for name in names {
            if !unique.contains(&name) {
                unique.push(name);
            }
        }
        unique
    }

    /// Terms left of the bar, endogenous variables and instruments.
    pub(crate) fn all_terms(&self) -> impl Iterator<Item = &Term> {
        self.terms.iter().chain(&self.endogenous).chain(&self.instruments)
    }

    /// Whether values of other periods are used.
    pub(crate) fn has_lags(&self) -> bool {
        let lagged = |factor: &Factor| match factor {
            Factor::Number { number, .. } => number.has_lags(),
            _ => false,
        };
        let slopes = self.effects.iter().flat_map(|own| &own.slopes);
        self.outcome.has_lags()
            || self.all_terms().flatten().any(lagged)
            || slopes.into_iter().any(|(number, _)| number.has_lags())
    }

    /// Endogenous variables; none without instruments.
    pub(crate) fn endogenous(&self) -> &[Term] {
        &self.endogenous
    }

    pub(crate) fn instruments(&self) -> &[Term] {
        &self.instruments
    }

    pub(crate) const fn outcome_number(&self) -> &Number {
        &self.outcome
    }

    pub(crate) fn terms(&self) -> &[Term] {
        &self.terms
    }

    pub(crate) fn effect_terms(&self) -> &[EffectTerm] {
        &self.effects
    }

    /// Whether slopes differ between levels of an effect.
    pub(crate) fn has_slopes(&self) -> bool {
        self.effects.iter().any(|own| !own.slopes.is_empty())
    }
}

fn read_outcome(node: &Node) -> Result<(Number, String), Fault> {
    match &node.kind {
        Kind::Call(name, _) if name == "c" || several::is_several(name) => {
            Err(Fault::new(several::ELSEWHERE, node.span))
        }
        Kind::Call(name, _) if name == "i" || name == "C" => {
            Err(Fault::new("the outcome is a number", node.span))
        }
        Kind::Call(name, arguments) if terms::is_lag(name) => {
            let mut found = terms::lags(node, name, arguments)?;
            match (found.pop(), found.pop()) {
                (Some(one), None) => Ok(one),
                _ => Err(Fault::new("the outcome is one number", node.span)),
            }
        }
        Kind::Name(_) | Kind::Call(..) => Ok((terms::number(node)?, node.to_string())),
        Kind::Binary("+", ..) => Err(Fault::new(several::ELSEWHERE, node.span)),
        Kind::Binary(..) => Err(Fault::new("put arithmetic in I(...)", node.span)),
        _ => Err(Fault::new("the outcome is a column, or a function of columns", node.span)),
    }
}

fn effect_list(node: &Node, effects: &mut Vec<EffectTerm>) -> Result<(), Fault> {
    match &node.kind {
        Kind::Binary("+", left, right) => {
            effect_list(left, effects)?;
            effect_list(right, effects)
        }
        Kind::Number(value, _) if *value == 0.0 || *value == 1.0 => Ok(()),
        Kind::Call(name, _) if several::is_several(name) => {
            Err(Fault::new(several::ELSEWHERE, node.span))
        }
        _ => {
            let own = effect_term(node)?;
            match effects.iter_mut().find(|other| other.parts == own.parts) {
                None => effects.push(own),
                Some(other) => {
                    other.constant |= own.constant;
                    for slope in own.slopes {
                        if !other.slopes.contains(&slope) {
                            other.slopes.push(slope);
                        }
                    }
                }
            }
            Ok(())
        }
    }
}

/// `f`, `f^g`, `f^g[x]`, `f[[x]]`.
fn effect_term(node: &Node) -> Result<EffectTerm, Fault> {
    match &node.kind {
        Kind::Index(inner, slopes, double) => {
            let mut parts = Vec::new();
            effect_parts(inner, &mut parts)?;
            let slopes = slopes
                .iter()
                .map(|own| Ok((terms::number(own)?, own.to_string())))
                .collect::<Result<Vec<_>, Fault>>()?;
            Ok(EffectTerm { parts, constant: !double, slopes })
        }
        Kind::Binary("^" | ":", left, right) => {
            let mut parts = Vec::new();
            effect_parts(left, &mut parts)?;
            let mut own = effect_term(right)?;
            parts.append(&mut own.parts);
            Ok(EffectTerm { parts, ..own })
        }
        _ => {
            let mut parts = Vec::new();
            effect_parts(node, &mut parts)?;
            Ok(EffectTerm { parts, constant: true, slopes: Vec::new() })
        }
    }
}

fn effect_parts(node: &Node, parts: &mut Vec<String>) -> Result<(), Fault> {
    match &node.kind {
        Kind::Name(name) => {
            parts.push(name.clone());
            Ok(())
        }
        Kind::Binary("^" | ":", left, right) => {
            effect_parts(left, parts)?;
            effect_parts(right, parts)
        }
        Kind::Index(..) => {
            Err(Fault::new("slopes stand after all columns of an effect: f^g[x]", node.span))
        }
        _ => Err(Fault::new("an effect is a column, or columns joined by `^`", node.span)),
    }
}

/// Endogenous variables and instruments are columns and numbers, at least as many of these as of
/// those.
fn check_instruments(
    endogenous: &mut Vec<Term>,
    instruments: &mut Vec<Term>,
    left: Span,
    right: Span,
) -> Result<(), Fault> {
    endogenous.retain(|term| !term.is_empty());
    instruments.retain(|term| !term.is_empty());
    if endogenous.is_empty() {
        return Err(Fault::new("an endogenous variable is expected here", left));
    }
    if instruments.len() < endogenous.len() {
        return Err(Fault::new(
            "there are fewer instruments than endogenous variables",
            left.to(right),
        ));
    }
    if endogenous.iter().any(|term| instruments.contains(term)) {
        return Err(Fault::new("a variable is no instrument for itself", left.to(right)));
    }
    Ok(())
}

fn number_columns(number: &Number, lagged: bool, names: &mut Vec<String>) {
    match number {
        Number::Column(name) => names.push(name.clone()),
        Number::Constant(_) => {}
        Number::Function(_, inner) => number_columns(inner, lagged, names),
        Number::Lag(inner, _) => {
            if lagged {
                number_columns(inner, lagged, names);
            }
        }
        Number::Operation(_, left, right) => {
            number_columns(left, lagged, names);
            number_columns(right, lagged, names);
        }
    }
}

fn factor_columns(factor: &Factor, lagged: bool, names: &mut Vec<String>) {
    match factor {
        Factor::Column(column) | Factor::Dummies { column, .. } => names.push(column.clone()),
        Factor::Number { number, .. } => number_columns(number, lagged, names),
        Factor::Interaction { column, by, .. } => {
            names.push(column.clone());
            names.extend(by.clone());
        }
    }
}

#[cfg(test)]
mod tests;
