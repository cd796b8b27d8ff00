//! Cases from a model.

use super::table::{extremity, plain, remedy};
use super::{Candidates, Kind};
use crate::CasesError;
use crate::groups::{Coded, numbers};
use kruispunt::data::{Fit, Sample, Table, Ticket};

/// A model and what it says of the rows of a table.
#[derive(Clone, Copy, Debug)]
pub struct Model<'a> {
    /// The model.
    pub fit: &'a Fit,
    /// The residuals of its sample.
    pub residuals: &'a [f64],
    /// The residuals of the model without the cause, of the same sample.
    pub without: Option<(&'a Fit, &'a [f64])>,
    /// The cause: a coefficient for `influential`, a column for pairs.
    pub cause: Option<&'a str>,
}

/// The rows of each person of the sample, and what stands for them.
struct Persons {
    /// The rows of the sample of each person.
    rows: Vec<Vec<u32>>,
    /// One row a person: that of its last observation.
    table: Table,
}

impl Persons {
    fn of(data: &Table, id: &str, sample: &Sample) -> Result<Self, CasesError> {
        let coded = Coded::named(data, "person", id)?;
        let mut rows = vec![Vec::new(); coded.labels.len()];
        for (at, &row) in sample.rows().iter().enumerate() {
            let Some(code) = coded.codes.get(row as usize) else {
                let expected = "the table the model was estimated on".to_owned();
                return Err(CasesError::argument("data", expected, "fewer rows"));
            };
            let Some(code) = code else {
                let (problem, row) = ("is missing", row as usize);
                return Err(CasesError::Identifier { argument: "person", row, problem });
            };
            rows[*code as usize].push(at as u32);
        }
        rows.retain(|own: &Vec<u32>| !own.is_empty());
        let last = rows.iter().filter_map(|own| own.last());
        let last: Vec<u32> = last.map(|&at| sample.rows()[at as usize]).collect();
        Ok(Self { rows, table: data.take(&last) })
    }

    /// The root of the mean square of a person's values.
    fn size(&self, values: &[f64]) -> Vec<f64> {
        let of = |own: &Vec<u32>| {
            let square: f64 = own.iter().map(|&at| values[at as usize].powi(2)).sum();
            (square / own.len() as f64).sqrt()
        };
        self.rows.iter().map(of).collect()
    }

    /// The mean of a column of the data over a person's rows; none when one is missing.
    fn mean(&self, values: &[Option<f64>], sample: &Sample) -> Vec<Option<f64>> {
        let of = |own: &Vec<u32>| {
            let each = own.iter().map(|&at| values[sample.rows()[at as usize] as usize]);
            each.sum::<Option<f64>>().map(|sum| sum / own.len() as f64)
        };
        self.rows.iter().map(of).collect()
    }
}

/// Cases from a model, one a person.
///
/// With residuals `e_it`, the residual of a person is `sqrt(mean_t e_it^2)`, which is `|e_i|` where
/// a person has one row and does not vanish where persons have fixed effects. Typicality is minus
/// it, deviance is it (Seawright & Gerring 2008, p. 299 and 302). `pathway` is
/// `|e_without| - |e|`, for those whom the cause explains (Weller & Barnes 2014, chapter 4; they
/// and Gerring take `|e_without - e|`, which is the same where the signs agree). `influential` is
/// Cook's distance of leaving a person's rows out, or `|b - b_(i)| / se` of one coefficient
/// (Belsley, Kuh & Welsch 1980, p. 13); exact without effects and with effects of persons, and
/// with other effects held where they are. `extreme` takes the mean of `on` by person.
///
/// # Errors
///
/// [`CasesError::Undefined`], [`CasesError::Argument`], [`CasesError::Identifier`] or
/// [`CasesError::Data`].
pub fn of_fit(
    data: &Table,
    id: &str,
    model: Model<'_>,
    kind: Kind,
    on: &[String],
    ticket: &Ticket,
) -> Result<Candidates, CasesError> {
    let Some(sample) = model.fit.sample() else {
        let got = "a fit stored without it";
        return Err(CasesError::argument("source", "a fit with its sample", got));
    };
    let persons = Persons::of(data, id, sample)?;
    let (scores, definition) = match kind {
        Kind::Typical => (
            persons.size(model.residuals).into_iter().map(|size| Some(-size)).collect(),
            "small residual".to_owned(),
        ),
        Kind::Deviant => (
            persons.size(model.residuals).into_iter().map(Some).collect(),
            "large residual".to_owned(),
        ),
        Kind::Pathway => pathway(&persons, model, sample)?,
        Kind::Influential => influence(&persons, model, sample)?,
        Kind::Extreme => {
            let name = on.first().map_or(model.fit.outcome(), String::as_str);
            let means = persons.mean(&numbers(data, "on", name)?, sample);
            (extremity(&means), format!("far from the mean of {name}, |x - mean| / sd"))
        }
        Kind::Medoid | Kind::Boundary => {
            let source_kind = "a model";
            return Err(CasesError::Undefined {
                kind: kind.name(),
                source_kind,
                remedy: remedy(kind),
            });
        }
        Kind::Diverse | Kind::MostSimilar | Kind::MostDifferent | Kind::Random => {
            return plain(persons.table, id, kind, on, model.cause, ticket, "a model");
        }
    };
    let mut notes = Vec::new();
    if matches!(kind, Kind::Typical | Kind::Deviant | Kind::Pathway) {
        notes.push(
            "residuals say whom the model explains only as far as its controls are identified"
                .to_owned(),
        );
    }
    if persons.rows.iter().any(|own| own.len() > 1) {
        notes.push(
            "several rows a person: root of the mean square; columns as in the last row".to_owned(),
        );
    }
    Ok(Candidates {
        table: persons.table,
        id: id.to_owned(),
        kind,
        scores,
        group: None,
        definition: format!("{definition}; {}", model.fit.formula()),
        unscored: "the cause does not explain them, or without them the model has no estimate",
        pairs: None,
        account: None,
        notes,
    })
}

type Ground = (Vec<Option<f64>>, String);

fn pathway(persons: &Persons, model: Model<'_>, sample: &Sample) -> Result<Ground, CasesError> {
    let Some((reduced, residuals)) = model.without else {
        let expected = "the fit without the cause, of the same sample";
        return Err(CasesError::argument("without", expected, "none"));
    };
    if reduced.sample().is_none_or(|other| other.rows() != sample.rows()) {
        let expected = "a fit of the same rows as the model";
        return Err(CasesError::argument("without", expected, "other rows"));
    }
    if reduced.outcome() != model.fit.outcome() {
        return Err(CasesError::argument("without", "the same outcome", "another one"));
    }
    let pairs = persons.size(residuals).into_iter().zip(persons.size(model.residuals));
    let scores = pairs.map(|(before, after)| (before > after).then_some(before - after)).collect();
    Ok((scores, format!("residual of {} less that of the model", reduced.formula())))
}

/// The rows are weighed as in the fit.
fn influence(persons: &Persons, model: Model<'_>, sample: &Sample) -> Result<Ground, CasesError> {
    if !sample.is_least_squares() {
        let got = "a model of another kind";
        return Err(CasesError::argument("source", "least squares for \"influential\"", got));
    }
    let (x, k) = (sample.regressors(), sample.regressors().len());
    let focal = match model.cause {
        None => None,
        Some(cause) => {
            let names = model.fit.names();
            let found = names.iter().position(|name| name == cause);
            Some(found.ok_or_else(|| {
                let expected = format!("one of the coefficients {}", names.join(", "));
                CasesError::argument("cause", expected, cause)
            })?)
        }
    };
    let Some(gram) = inverse(sample.bread(), k) else {
        return Err(CasesError::argument("source", "a model with coefficients", "none"));
    };
    let weight = |at: usize| sample.weights().map_or(1.0, |weights| weights[at]);
    let squares = sample.residuals().iter().enumerate().map(|(at, e)| weight(at) * e * e);
    let s2 = squares.sum::<f64>() / model.fit.df().max(1.0);
    let of = |own: &Vec<u32>| {
        let (mut left, mut moment) = (gram.clone(), vec![0.0; k]);
        for &at in own {
            let at = at as usize;
            for i in 0..k {
                moment[i] += weight(at) * x[i][at] * sample.residuals()[at];
                for j in 0..k {
                    left[i * k + j] -= weight(at) * x[i][at] * x[j][at];
                }
            }
        }
        let change = solve(left, moment, k)?;
        let score = if let Some(focal) = focal {
            change[focal].abs() / (s2 * sample.bread()[focal * k + focal]).sqrt()
        } else {
            let row = |i: usize| (0..k).map(|j| gram[i * k + j] * change[j]).sum::<f64>();
            (0..k).map(|i| change[i] * row(i)).sum::<f64>() / (k as f64 * s2)
        };
        Some(score).filter(|score| score.is_finite())
    };
    let scores = persons.rows.iter().map(of).collect();
    let words = match model.cause {
        Some(cause) => format!("change of the coefficient of {cause} without the person, in se"),
        None => "Cook's distance of leaving the person out".to_owned(),
    };
    Ok((scores, words))
}

/// The inverse of a symmetric positive matrix, row-major; none when it has none.
fn inverse(matrix: &[f64], k: usize) -> Option<Vec<f64>> {
    if k == 0 || matrix.len() != k * k {
        return None;
    }
    let mut columns = Vec::with_capacity(k);
    for at in 0..k {
        let mut unit = vec![0.0; k];
        unit[at] = 1.0;
        columns.push(solve(matrix.to_vec(), unit, k)?);
    }
    Some((0..k * k).map(|at| columns[at % k][at / k]).collect())
}

/// Solves `a x = b` by elimination with the largest pivot; none when `a` is singular.
fn solve(mut a: Vec<f64>, mut b: Vec<f64>, k: usize) -> Option<Vec<f64>> {
    let largest = a.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
    for column in 0..k {
        let rows = column..k;
        let pivot =
            rows.max_by(|&i, &j| a[i * k + column].abs().total_cmp(&a[j * k + column].abs()))?;
        if a[pivot * k + column].abs() <= 1e-12 * largest {
            return None;
        }
        if pivot != column {
            (0..k).for_each(|j| a.swap(pivot * k + j, column * k + j));
            b.swap(pivot, column);
        }
        for row in column + 1..k {
            let factor = a[row * k + column] / a[column * k + column];
            for j in column..k {
                a[row * k + j] -= factor * a[column * k + j];
            }
            b[row] -= factor * b[column];
        }
    }
    for row in (0..k).rev() {
        let known: f64 = (row + 1..k).map(|j| a[row * k + j] * b[j]).sum();
        b[row] = (b[row] - known) / a[row * k + row];
    }
    Some(b)
}
