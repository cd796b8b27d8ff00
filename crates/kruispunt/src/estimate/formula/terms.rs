//! Expressions to terms: `a*b` is `a + b + a:b`.

use super::expr::{Kind, Node};
use super::{Fault, several};

/// Where slopes stand.
const SLOPES: &str = "slopes by level stand right of the bar: y ~ x | f[z]";

/// A number computed row by row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Number {
    /// A column.
    Column(String),
    /// A constant.
    Constant(f64),
    /// A function of one number.
    Function(Function, Box<Number>),
    /// An operation on two numbers.
    Operation(Operation, Box<Number>, Box<Number>),
    /// The value so many periods before, for the same person; negative is after.
    Lag(Box<Number>, i64),
}

impl Number {
    /// Whether values of other periods are used.
    pub(crate) fn has_lags(&self) -> bool {
        match self {
            Self::Column(_) | Self::Constant(_) => false,
            Self::Function(_, inner) => inner.has_lags(),
            Self::Operation(_, left, right) => left.has_lags() || right.has_lags(),
            Self::Lag(..) => true,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    Identity,
    Minus,
    Log,
    Log2,
    Log10,
    Log1p,
    Exp,
    Sqrt,
    Abs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
    Less,
    LessEqual,
    More,
    MoreEqual,
    Equal,
    NotEqual,
}

/// A reference level as written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Reference {
    Number(f64, String),
    Text(String),
}

/// One factor of a term.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Factor {
    /// A column as it is: numbers are numbers, text and categories become dummies.
    Column(String),
    /// `C(f)`: dummies of any column.
    Dummies { column: String, label: String },
    /// `log(x)`, `I(x ** 2)` and their like.
    Number { number: Number, label: String },
    /// `i(f, x, ref=, ref2=)`.
    Interaction {
        column: String,
        by: Option<String>,
        reference: Option<Reference>,
        by_reference: Option<Reference>,
    },
}

/// A product of factors; none is the intercept.
pub(crate) type Term = Vec<Factor>;

/// Adds (or removes) the terms of a node.
pub(super) fn collect(node: &Node, add: bool, terms: &mut Vec<Term>) -> Result<(), Fault> {
    match &node.kind {
        Kind::Binary("+", left, right) => {
            collect(left, add, terms)?;
            collect(right, add, terms)
        }
        Kind::Binary("-", left, right) => {
            collect(left, add, terms)?;
            collect(right, !add, terms)
        }
        Kind::Minus(inner) => collect(inner, !add, terms),
        Kind::Number(value, _) if *value == 0.0 || *value == 1.0 => {
            put(terms, Vec::new(), add == (*value == 1.0));
            Ok(())
        }
        _ => {
            for term in expand(node)? {
                put(terms, term, add);
            }
            Ok(())
        }
    }
}

fn put(terms: &mut Vec<Term>, term: Term, add: bool) {
    let known = terms.iter().position(|own| same(own, &term));
    match (known, add) {
        (None, true) => terms.push(term),
        (Some(at), false) => {
            terms.remove(at);
        }
        _ => {}
    }
}

fn same(a: &Term, b: &Term) -> bool {
    a.len() == b.len() && a.iter().all(|factor| b.contains(factor))
}

/// Terms a formula may expand to.
const MOST: usize = 2000;

fn expand(node: &Node) -> Result<Vec<Term>, Fault> {
    let terms = expand_all(node)?;
    if terms.len() > MOST {
        return Err(Fault::new("this expands to more than 2,000 terms", node.span));
    }
    Ok(terms)
}

fn expand_all(node: &Node) -> Result<Vec<Term>, Fault> {
    match &node.kind {
        Kind::Binary("+" | "-", ..) | Kind::Minus(_) => {
            let mut terms = Vec::new();
            collect(node, true, &mut terms)?;
            Ok(terms)
        }
        Kind::Binary(":", left, right) => Ok(products(&expand(left)?, &expand(right)?)),
        Kind::Binary("*", left, right) => {
            let (left, right) = (expand(left)?, expand(right)?);
            let both = products(&left, &right);
            Ok(unique(left.into_iter().chain(right).chain(both)))
        }
        Kind::Binary("/", left, right) => {
            let (left, right) = (expand(left)?, expand(right)?);
            let all = left.iter().fold(Vec::new(), |all, term| product(&all, term));
            let nested = products(&[all], &right);
            Ok(unique(left.into_iter().chain(nested)))
        }
        Kind::Binary("**", base, power) => {
            let Kind::Number(times, _) = power.kind else {
                return Err(Fault::new("a power of terms is a whole number", power.span));
            };
            if !(1.0..=8.0).contains(&times) || times.fract() != 0.0 {
                return Err(Fault::new(
                    "a power of terms is a whole number from 1 to 8",
                    power.span,
                ));
            }
            let base = expand(base)?;
            let mut all = base.clone();
            for _ in 1..times as usize {
                let next = products(&all, &base);
                all = unique(all.into_iter().chain(next));
            }
            Ok(all)
        }
        Kind::Binary("^", ..) => Err(Fault::new(
            "`^` combines effects, right of `|`; for a power write I(x ** 2), for an interaction a:b",
            node.span,
        )),
        Kind::Binary(..) => Err(Fault::new("put a comparison in I(...)", node.span)),
        Kind::Number(value, _) if *value == 1.0 => Ok(vec![Vec::new()]),
        Kind::Number(value, _) if *value == 0.0 => Ok(Vec::new()),
        Kind::Number(..) => {
            Err(Fault::new("a number stands alone here; only 0 and 1 are terms", node.span))
        }
        Kind::Text(_) => Err(Fault::new("text is no term; name a column", node.span)),
        Kind::Index(..) => Err(Fault::new(SLOPES, node.span)),
        Kind::Name(name) => Ok(vec![vec![Factor::Column(name.clone())]]),
        Kind::Call(name, arguments) if is_lag(name) => {
            let factor = |(number, label)| vec![Factor::Number { number, label }];
            Ok(lags(node, name, arguments)?.into_iter().map(factor).collect())
        }
        Kind::Call(name, arguments) => Ok(vec![vec![call(node, name, arguments)?]]),
    }
}

fn unique(terms: impl Iterator<Item = Term>) -> Vec<Term> {
    let mut all = Vec::new();
    terms.for_each(|term| put(&mut all, term, true));
    all
}

fn product(a: &Term, b: &Term) -> Term {
    let mut all = a.clone();
    all.extend(b.iter().filter(|factor| !a.contains(factor)).cloned());
    all
}

/// All pairs; those beyond the first 2,000 are left out, and `expand` refuses so many.
fn products(left: &[Term], right: &[Term]) -> Vec<Term> {
    unique(left.iter().flat_map(|a| right.iter().map(move |b| product(a, b))).take(MOST + 1))
}

fn call(node: &Node, name: &str, arguments: &[(Option<String>, Node)]) -> Result<Factor, Fault> {
    match name {
        "C" => match arguments {
            [(None, Node { kind: Kind::Name(column), .. })] => {
                Ok(Factor::Dummies { column: column.clone(), label: node.to_string() })
            }
            [(None, Node { kind: Kind::Name(_), .. }), (_, second), ..] => Err(Fault::new(
                "C() takes a column alone; for a reference write i(f, ref=...)",
                second.span,
            )),
            _ => Err(Fault::new("C() takes one column", node.span)),
        },
        "i" => interaction(node, arguments),
        _ if several::is_several(name) => Err(Fault::new(several::ELSEWHERE, node.span)),
        "poly" | "bs" | "cr" | "ns" | "scale" | "center" => {
            Err(Fault::unsupported("polynomials, splines and scaling in a formula", node.span))
        }
        _ => Ok(Factor::Number { number: number(node)?, label: node.to_string() }),
    }
}

fn interaction(node: &Node, arguments: &[(Option<String>, Node)]) -> Result<Factor, Fault> {
    let mut columns = Vec::new();
    let (mut reference, mut by_reference) = (None, None);
    for (keyword, value) in arguments {
        let slot = match keyword.as_deref() {
            None => {
                let Kind::Name(column) = &value.kind else {
                    return Err(Fault::new("i() takes names of columns", value.span));
                };
                columns.push(column.clone());
                continue;
            }
            Some("ref") => &mut reference,
            Some("ref2") => &mut by_reference,
            Some("bin" | "bin2") => {
                return Err(Fault::unsupported("bins in i()", value.span));
            }
            Some(_) => {
                return Err(Fault::new("i() knows the keywords ref and ref2", value.span));
            }
        };
        *slot = Some(level(value)?);
    }
    let mut columns = columns.into_iter();
    match (columns.next(), columns.next(), columns.next()) {
        (Some(column), by, None) => Ok(Factor::Interaction { column, by, reference, by_reference }),
        _ => Err(Fault::new("i() takes one or two columns", node.span)),
    }
}

fn level(node: &Node) -> Result<Reference, Fault> {
    match &node.kind {
        Kind::Number(value, text) => Ok(Reference::Number(*value, text.clone())),
        Kind::Text(text) => Ok(Reference::Text(text.clone())),
        Kind::Name(name) if matches!(name.as_str(), "True" | "False" | "TRUE" | "FALSE") => {
            let lower = name.to_lowercase();
            Ok(Reference::Text(lower[..1].to_uppercase() + &lower[1..]))
        }
        Kind::Minus(inner) => match &inner.kind {
            Kind::Number(value, text) => Ok(Reference::Number(-value, format!("-{text}"))),
            _ => Err(Fault::new("a reference is a number or quoted text", node.span)),
        },
        _ => Err(Fault::new("a reference is a number or quoted text", node.span)),
    }
}

/// Whether a call is a panel operator.
pub(super) fn is_lag(name: &str) -> bool {
    matches!(name, "l" | "f" | "d" | "lag" | "lead")
}

/// Periods a lag may reach.
const FURTHEST: f64 = 10_000.0;

/// `l(x, 1:3)`: the numbers and their labels; a lag of 0 is the variable itself.
pub(super) fn lags(
    node: &Node,
    name: &str,
    arguments: &[(Option<String>, Node)],
) -> Result<Vec<(Number, String)>, Fault> {
    let (inner, steps) = match arguments {
        [(None, inner)] => (inner, vec![1]),
        [(None, inner), (None, steps)] => (inner, periods(steps)?),
        _ => return Err(Fault::new("l(), f() and d() take a number and periods", node.span)),
    };
    let value = number(inner)?;
    let one = |step: i64| {
        let before = if matches!(name, "f" | "lead") { -step } else { step };
        let lag = Number::Lag(Box::new(value.clone()), before);
        let label = format!("{name}({inner}, {step})");
        match (name, step) {
            ("d", _) => {
                let operation = Operation::Subtract;
                (Number::Operation(operation, Box::new(value.clone()), Box::new(lag)), label)
            }
            (_, 0) => (value.clone(), inner.to_string()),
            _ => (lag, label),
        }
    };
    Ok(steps.into_iter().map(one).collect())
}

/// `2`, `-1`, `1:3`.
fn periods(node: &Node) -> Result<Vec<i64>, Fault> {
    let whole = |node: &Node| {
        let (sign, node) = match &node.kind {
            Kind::Minus(inner) => (-1.0, inner.as_ref()),
            _ => (1.0, node),
        };
        match node.kind {
            Kind::Number(value, _) if value.fract() == 0.0 && value <= FURTHEST => {
                Ok((sign * value) as i64)
            }
            _ => Err(Fault::new("periods are whole numbers up to 10,000: 2 or 1:3", node.span)),
        }
    };
    match &node.kind {
        Kind::Binary(":", first, last) => {
            let (first, last) = (whole(first)?, whole(last)?);
            if first > last || last - first >= 100 {
                return Err(Fault::new(
                    "at most 100 periods, the first before the last",
                    node.span,
                ));
            }
            Ok((first..=last).collect())
        }
        _ => Ok(vec![whole(node)?]),
    }
}

/// An arithmetic expression.
pub(super) fn number(node: &Node) -> Result<Number, Fault> {
    let unary = |function, inner| Ok(Number::Function(function, Box::new(number(inner)?)));
    match &node.kind {
        Kind::Name(name) => Ok(Number::Column(name.clone())),
        Kind::Number(value, _) => Ok(Number::Constant(*value)),
        Kind::Minus(inner) => unary(Function::Minus, inner),
        Kind::Binary(op, left, right) => {
            let operation = match *op {
                "+" => Operation::Add,
                "-" => Operation::Subtract,
                "*" => Operation::Multiply,
                "/" => Operation::Divide,
                "**" | "^" => Operation::Power,
                "<" => Operation::Less,
                "<=" => Operation::LessEqual,
                ">" => Operation::More,
                ">=" => Operation::MoreEqual,
                "==" => Operation::Equal,
                "!=" => Operation::NotEqual,
                _ => return Err(Fault::new("`:` is no arithmetic; multiply with *", node.span)),
            };
            Ok(Number::Operation(operation, Box::new(number(left)?), Box::new(number(right)?)))
        }
        Kind::Call(name, arguments) if is_lag(name) => {
            let mut found = lags(node, name, arguments)?;
            match (found.pop(), found.pop()) {
                (Some((one, _)), None) => Ok(one),
                _ => Err(Fault::new("several lags are no number", node.span)),
            }
        }
        Kind::Call(name, arguments) => {
            let function = match name.strip_prefix("np.").unwrap_or(name) {
                "I" => Function::Identity,
                "log" => Function::Log,
                "log2" => Function::Log2,
                "log10" => Function::Log10,
                "log1p" => Function::Log1p,
                "exp" => Function::Exp,
                "sqrt" => Function::Sqrt,
                "abs" => Function::Abs,
                _ => {
                    return Err(Fault::new(
                        "there is no such function; there are i, C, I, l, f, d, log, log2, log10, log1p, exp, sqrt and abs",
                        node.span,
                    ));
                }
            };
            match arguments.as_slice() {
                [(None, inner)] => unary(function, inner),
                _ => Err(Fault::new("this function takes one argument", node.span)),
            }
        }
        Kind::Text(_) => Err(Fault::new("text is no number", node.span)),
        Kind::Index(..) => Err(Fault::new(SLOPES, node.span)),
    }
}
