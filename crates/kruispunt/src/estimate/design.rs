//! Terms to columns: dummies, interactions, and which level is left out where.
//!
//! A classification that would repeat what terms before it already span loses its first level, as
//! in R, patsy and formulaic; names are those of pyfixest.

use super::EstimateError;
use super::formula::{Factor, Formula, Number, Reference, Term};
use super::sample::Rows;
use crate::data::{Buffer, Column, Values};
use std::sync::Arc;

/// Regressors a design may have; larger classifications are swept out.
const MOST: usize = 5000;

/// Classifications in one interaction; each doubles the work of finding what it adds.
const MOST_CROSSED: usize = 8;

/// A named column of the design.
#[derive(Clone)]
pub(super) struct Regressor {
    pub(super) name: String,
    pub(super) values: Buffer<f64>,
}

/// What a factor contributes: its columns in full and, if it spans a constant, without one level.
struct Evaluated {
    full: Vec<Piece>,
    reduced: Option<Vec<Piece>>,
}

#[derive(Clone)]
struct Piece {
    name: String,
    values: Source,
}

#[derive(Clone)]
enum Source {
    Dense(Buffer<f64>),
    Dummy(Arc<Vec<u32>>, u32),
    DummyTimes(Arc<Vec<u32>>, u32, Arc<Vec<f64>>),
    Both(Arc<Vec<u32>>, u32, Arc<Vec<u32>>, u32),
}

impl Source {
    /// Multiplies `product` by it, row by row.
    fn multiply(&self, product: &mut [f64]) {
        let one = |holds: bool| f64::from(u8::from(holds));
        match self {
            Self::Dense(values) => product.iter_mut().zip(&values[..]).for_each(|(p, v)| *p *= v),
            Self::Dummy(codes, level) => {
                product.iter_mut().zip(&codes[..]).for_each(|(p, code)| *p *= one(code == level));
            }
            Self::DummyTimes(codes, level, values) => {
                for ((p, code), value) in product.iter_mut().zip(&codes[..]).zip(&values[..]) {
                    *p *= if code == level { *value } else { 0.0 };
                }
            }
            Self::Both(a, i, b, j) => {
                for ((p, a), b) in product.iter_mut().zip(&a[..]).zip(&b[..]) {
                    *p *= one(a == i && b == j);
                }
            }
        }
    }
}

/// The regressors of terms; the intercept only where no effects (`absorbed`) stand in its place.
pub(super) fn design(
    terms: &[Term],
    absorbed: bool,
    rows: &Rows<'_>,
) -> Result<Vec<Regressor>, EstimateError> {
    let mut known: Vec<&Factor> = Vec::new();
    let mut evaluated: Vec<Evaluated> = Vec::new();
    let mut spanned: Vec<Vec<Scoped>> = Vec::new();
    let mut regressors = Vec::new();
    for term in terms {
        for factor in term {
            if !known.contains(&factor) {
                evaluated.push(evaluate(factor, rows)?);
                known.push(factor);
            }
        }
        let places = places(term, &known);
        let classified = places.iter().filter(|&&at| evaluated[at].reduced.is_some()).count();
        if classified > MOST_CROSSED {
            return Err(EstimateError::BadArgument {
                argument: "fml",
                expected: "at most 8 classifications in one interaction",
                got: classified.to_string(),
            });
        }
        for scoped in scope(&places, &evaluated, &mut spanned) {
            if scoped.is_empty() && absorbed {
                continue;
            }
            multiply(&scoped, &evaluated, rows.n(), &mut regressors)?;
        }
    }
    Ok(regressors)
}

fn places(term: &Term, known: &[&Factor]) -> Vec<usize> {
    term.iter().filter_map(|factor| known.iter().position(|own| *own == factor)).collect()
}

/// A factor's place, and whether it stands without one level.
type Scoped = (usize, bool);

/// What a term adds to what is spanned already, as products of full or reduced factors.
fn scope(
    term: &[usize],
    evaluated: &[Evaluated],
    spanned: &mut Vec<Vec<Scoped>>,
) -> Vec<Vec<Scoped>> {
    let mut span: Vec<Vec<Scoped>> = vec![Vec::new()];
    for &place in term {
        let extend = |product: &Vec<Scoped>, reduced: bool| {
            let mut product = product.clone();
            product.push((place, reduced));
            product
        };
        span = if evaluated[place].reduced.is_some() {
            let with: Vec<_> = span.iter().map(|product| extend(product, true)).collect();
            span.into_iter().chain(with).collect()
        } else {
            span.iter().map(|product| extend(product, false)).collect()
        };
    }
    span.retain(|product| !spanned.iter().any(|own| same(own, product)));
    spanned.extend(span.iter().cloned());
    let mut simple = simplify(span);
    for product in &mut simple {
        product.sort_by_key(|(place, _)| term.iter().position(|own| own == place));
    }
    simple
}

fn same(a: &[Scoped], b: &[Scoped]) -> bool {
    a.len() == b.len() && a.iter().all(|factor| b.contains(factor))
}

/// Joins `rest` and `rest:f without a level` to `rest:f` with all levels.
fn simplify(mut products: Vec<Vec<Scoped>>) -> Vec<Vec<Scoped>> {
    products.sort_by_key(Vec::len);
    let mut done: Vec<Vec<Scoped>> = Vec::new();
    for product in products {
        let partner = done.iter().position(|own| {
            let extra: Vec<&Scoped> = product.iter().filter(|f| !own.contains(f)).collect();
            product.len() == own.len() + 1 && extra.len() == 1 && extra[0].1
        });
        match partner {
            Some(at) => {
                let own = done.remove(at);
                let extra = product.iter().find(|f| !own.contains(f)).map(|&(place, _)| place);
                let mut joined = own;
                joined.extend(extra.map(|place| (place, false)));
                done.push(joined);
                done = simplify(done);
            }
            None => done.push(product),
        }
    }
    done
}

fn multiply(
    product: &[Scoped],
    evaluated: &[Evaluated],
    n: usize,
    regressors: &mut Vec<Regressor>,
) -> Result<(), EstimateError> {
    let mut combined: Vec<Vec<&Piece>> = vec![Vec::new()];
    for &(place, reduced) in product {
        let own = &evaluated[place];
        let pieces = own.reduced.as_ref().filter(|_| reduced).unwrap_or(&own.full);
        let mut next = Vec::with_capacity(combined.len() * pieces.len());
        for piece in pieces {
            for before in &combined {
                let mut both = before.clone();
                both.push(piece);
                next.push(both);
            }
            if next.len() + regressors.len() > MOST {
                return Err(EstimateError::BadArgument {
                    argument: "fml",
                    expected: "at most 5,000 regressors; put large classifications right of `|`",
                    got: "more".to_owned(),
                });
            }
        }
        combined = next;
    }
    for pieces in combined {
        let name = if pieces.is_empty() {
            "Intercept".to_owned()
        } else {
            pieces.iter().map(|piece| piece.name.as_str()).collect::<Vec<_>>().join(":")
        };
        let values = match pieces.as_slice() {
            [Piece { values: Source::Dense(values), .. }] => values.clone(),
            many => {
                let mut product = vec![1.0; n];
                for piece in many {
                    piece.values.multiply(&mut product);
                }
                product.into()
            }
        };
        regressors.push(Regressor { name, values });
    }
    Ok(())
}

fn evaluate(factor: &Factor, rows: &Rows<'_>) -> Result<Evaluated, EstimateError> {
    match factor {
        Factor::Number { number, label } => {
            let values = match number {
                Number::Column(name) => rows.shared(name)?,
                _ => rows.evaluate(number)?.into(),
            };
            let piece = Piece { name: label.clone(), values: Source::Dense(values) };
            Ok(Evaluated { full: vec![piece], reduced: None })
        }
        Factor::Column(name) => {
            let column = rows.table.get(name);
            match column.map(Column::values) {
                Some(Values::Text(_)) => dummies(name, name, rows),
                Some(Values::Date(_) | Values::Period(..)) => {
                    Err(EstimateError::Data(rows.table.column("fml", name)?.wrong_type(
                        "fml",
                        name,
                        "numbers or categories; write i(...) or C(...) for one dummy a level",
                    )))
                }
                _ => {
                    let values = rows.shared(name)?;
                    let piece = Piece { name: name.clone(), values: Source::Dense(values) };
                    Ok(Evaluated { full: vec![piece], reduced: None })
                }
            }
        }
        Factor::Dummies { column, label } => dummies(column, label, rows),
        Factor::Interaction { column, by, reference, by_reference } => match by {
            None => alone(column, reference.as_ref(), rows),
            Some(by) => {
                interaction((column, reference.as_ref()), (by, by_reference.as_ref()), rows)
            }
        },
    }
}

/// Codes in the natural order of the levels, with their labels.
struct Levels {
    codes: Arc<Vec<u32>>,
    labels: Vec<String>,
    values: Column,
}

fn levels(name: &str, rows: &Rows<'_>) -> Result<Levels, EstimateError> {
    let (factor, mut columns) = rows.classify("fml", name)?;
    if factor.n_levels() > MOST {
        return Err(EstimateError::BadArgument {
            argument: "fml",
            expected: "a classification of at most 5,000 levels left of `|`",
            got: format!("{} levels in \"{name}\"", factor.n_levels()),
        });
    }
    let values = columns.swap_remove(0);
    let (ranks, first) = values.ranks();
    let rank: Vec<u32> = ranks.into_iter().map(Option::unwrap_or_default).collect();
    let codes = factor.codes().iter().map(|&code| rank[code as usize]).collect();
    let values = values.take(&first);
    let labels = (0..values.len()).map(|level| label(&values, level)).collect();
    Ok(Levels { codes: Arc::new(codes), labels, values })
}

/// A level as Python prints it.
pub(super) fn label(column: &Column, row: usize) -> String {
    match column.values() {
        Values::Bool(values) => if values[row] { "True" } else { "False" }.to_owned(),
        Values::Float(values) if values[row].fract() == 0.0 && values[row].abs() < 1e16 => {
            format!("{:.1}", values[row])
        }
        _ => column.label(row).unwrap_or_default(),
    }
}

fn dummies(column: &str, label: &str, rows: &Rows<'_>) -> Result<Evaluated, EstimateError> {
    let levels = levels(column, rows)?;
    let piece = |level: usize, mark: &str| Piece {
        name: format!("{label}[{mark}{}]", levels.labels[level]),
        values: Source::Dummy(Arc::clone(&levels.codes), level as u32),
    };
    let n = levels.labels.len();
    Ok(Evaluated {
        full: (0..n).map(|level| piece(level, "")).collect(),
        reduced: Some((1..n).map(|level| piece(level, "T.")).collect()),
    })
}

/// Labels of the levels of each classification among the regressors, by column.
pub(super) fn known_levels(
    formula: &Formula,
    rows: &Rows<'_>,
) -> Result<Vec<(String, Vec<String>)>, EstimateError> {
    let mut known: Vec<(String, Vec<String>)> = Vec::new();
    for factor in formula.all_terms().flatten() {
        for column in classified(factor, rows) {
            if !known.iter().any(|(own, _)| own == column) {
                known.push((column.to_owned(), levels(column, rows)?.labels));
            }
        }
    }
    Ok(known)
}

/// The columns of a factor whose levels become dummies.
fn classified<'f>(factor: &'f Factor, rows: &Rows<'_>) -> Vec<&'f str> {
    let text =
        |name: &str| matches!(rows.table.get(name).map(Column::values), Some(Values::Text(_)));
    match factor {
        Factor::Column(name) if text(name) => vec![name],
        Factor::Dummies { column, .. } => vec![column],
        Factor::Interaction { column, by, by_reference, .. } => {
            let more = by.as_deref().filter(|by| by_reference.is_some() || !is_numeric(by, rows));
            std::iter::once(column.as_str()).chain(more).collect()
        }
        _ => Vec::new(),
    }
}

fn is_numeric(name: &str, rows: &Rows<'_>) -> bool {
    rows.table.get(name).is_some_and(|column| {
        matches!(column.values(), Values::Int(_) | Values::Float(_) | Values::Short(_))
    })
}

/// The regressors of these names, on rows other than those of the fit. Levels that do not occur
/// are columns of zeros.
pub(super) fn named(
    formula: &Formula,
    names: &[String],
    rows: &Rows<'_>,
) -> Result<Vec<Vec<f64>>, EstimateError> {
    let mut terms: Vec<Vec<Vec<Piece>>> = Vec::new();
    for term in formula.all_terms() {
        terms.push(term.iter().map(|factor| pieces(factor, rows)).collect::<Result<_, _>>()?);
    }
    let column = |name: &String| {
        let mut product = vec![1.0; rows.n()];
        let found = name == "Intercept"
            || terms.iter().any(|term| {
                !term.is_empty() && {
                    let mut chosen = Vec::new();
                    let fits = split(name, term, &mut chosen);
                    if fits {
                        for piece in &chosen {
                            piece.values.multiply(&mut product);
                        }
                    }
                    fits
                }
            });
        if found { product } else { vec![0.0; rows.n()] }
    };
    Ok(names.iter().map(column).collect())
}

/// Whether a name is a product of one piece of each factor, and which.
fn split<'p>(name: &str, factors: &'p [Vec<Piece>], chosen: &mut Vec<&'p Piece>) -> bool {
    let Some((first, rest)) = factors.split_first() else { return name.is_empty() };
    for piece in first {
        let own = if rest.is_empty() {
            (name == piece.name).then_some("")
        } else {
            name.strip_prefix(piece.name.as_str()).and_then(|left| left.strip_prefix(':'))
        };
        if let Some(left) = own {
            chosen.push(piece);
            if split(left, rest, chosen) {
                return true;
            }
            chosen.pop();
        }
    }
    false
}

/// All columns a factor may contribute, whatever is left out of a fit.
fn pieces(factor: &Factor, rows: &Rows<'_>) -> Result<Vec<Piece>, EstimateError> {
    let dummy = |name: String, own: &Levels, level: usize| Piece {
        name,
        values: Source::Dummy(Arc::clone(&own.codes), level as u32),
    };
    let all = |column: &str, label: &str| -> Result<Vec<Piece>, EstimateError> {
        let own = levels(column, rows)?;
        let each = own.labels.iter().enumerate();
        let marked = each.flat_map(|(level, text)| {
            ["", "T."].map(|mark| dummy(format!("{label}[{mark}{text}]"), &own, level))
        });
        Ok(marked.collect())
    };
    match factor {
        Factor::Column(name) if !classified(factor, rows).is_empty() => all(name, name),
        Factor::Dummies { column, label } => all(column, label),
        Factor::Interaction { column, by: None, .. } => {
            let own = levels(column, rows)?;
            let each = own.labels.iter().enumerate();
            Ok(each.map(|(at, text)| dummy(format!("{column}::{text}"), &own, at)).collect())
        }
        Factor::Interaction { column, by: Some(by), by_reference, .. } => {
            let own = levels(column, rows)?;
            let mut pieces = Vec::new();
            if by_reference.is_none() && is_numeric(by, rows) {
                let values = Arc::new(rows.numbers("newdata", by)?);
                for (at, text) in own.labels.iter().enumerate() {
                    let (codes, values) = (Arc::clone(&own.codes), Arc::clone(&values));
                    pieces.push(Piece {
                        name: format!("{column}::{text}:{by}"),
                        values: Source::DummyTimes(codes, at as u32, values),
                    });
                }
                return Ok(pieces);
            }
            let other = levels(by, rows)?;
            for (i, text) in own.labels.iter().enumerate() {
                for (j, second) in other.labels.iter().enumerate() {
                    let (a, b) = (Arc::clone(&own.codes), Arc::clone(&other.codes));
                    pieces.push(Piece {
                        name: format!("{column}::{text}:{by}::{second}"),
                        values: Source::Both(a, i as u32, b, j as u32),
                    });
                }
            }
            Ok(pieces)
        }
        _ => Ok(evaluate(factor, rows)?.full),
    }
}

fn find(column: &str, reference: &Reference, levels: &Levels) -> Result<usize, EstimateError> {
    let number = |level: usize| match levels.values.values() {
        Values::Int(values) => Some(values[level] as f64),
        Values::Short(values) => Some(f64::from(values[level])),
        Values::Float(values) => Some(values[level]),
        Values::Bool(values) => Some(f64::from(u8::from(values[level]))),
        _ => None,
    };
    let (found, shown) = match reference {
        Reference::Number(value, text) => (
            (0..levels.labels.len())
                .find(|&level| number(level) == Some(*value) || levels.labels[level] == *text),
            text.clone(),
        ),
        Reference::Text(text) => {
            (levels.labels.iter().position(|label| label == text), format!("\"{text}\""))
        }
    };
    found.ok_or_else(|| EstimateError::NoSuchLevel { column: column.to_owned(), level: shown })
}

fn alone(
    column: &str,
    reference: Option<&Reference>,
    rows: &Rows<'_>,
) -> Result<Evaluated, EstimateError> {
    let levels = levels(column, rows)?;
    let out = reference.map(|reference| find(column, reference, &levels)).transpose()?;
    let without = |out: Option<usize>| -> Vec<Piece> {
        (0..levels.labels.len())
            .filter(|&level| Some(level) != out)
            .map(|level| Piece {
                name: format!("{column}::{}", levels.labels[level]),
                values: Source::Dummy(Arc::clone(&levels.codes), level as u32),
            })
            .collect()
    };
    Ok(Evaluated { full: without(out), reduced: Some(without(Some(out.unwrap_or(0)))) })
}

fn interaction(
    (column, reference): (&str, Option<&Reference>),
    (by, by_reference): (&str, Option<&Reference>),
    rows: &Rows<'_>,
) -> Result<Evaluated, EstimateError> {
    let first = levels(column, rows)?;
    let out = reference.map(|reference| find(column, reference, &first)).transpose()?;
    let own = (0..first.labels.len()).filter(|&level| Some(level) != out);
    let numeric = rows.table.get(by).is_some_and(|column| {
        matches!(column.values(), Values::Int(_) | Values::Float(_) | Values::Short(_))
    });
    if numeric && by_reference.is_none() {
        let values = Arc::new(rows.numbers("fml", by)?);
        let piece = |level: usize| Piece {
            name: format!("{column}::{}:{by}", first.labels[level]),
            values: Source::DummyTimes(Arc::clone(&first.codes), level as u32, Arc::clone(&values)),
        };
        return Ok(Evaluated { full: own.map(piece).collect(), reduced: None });
    }
    let second = levels(by, rows)?;
    let by_out = by_reference.map(|reference| find(by, reference, &second)).transpose()?;
    let corner = (out.unwrap_or(0), by_out.unwrap_or(0));
    let mut pieces = Vec::new();
    for i in own {
        for j in (0..second.labels.len()).filter(|&level| Some(level) != by_out) {
            if (i, j) != corner {
                pieces.push(Piece {
                    name: format!("{column}::{}:{by}::{}", first.labels[i], second.labels[j]),
                    values: Source::Both(
                        Arc::clone(&first.codes),
                        i as u32,
                        Arc::clone(&second.codes),
                        j as u32,
                    ),
                });
            }
        }
        if pieces.len() > MOST {
            break; // refused when the design is put together
        }
    }
    Ok(Evaluated { full: pieces, reduced: None })
}
