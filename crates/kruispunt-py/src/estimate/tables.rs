//! Fits side by side.

use super::PyFit;
use super::request::bad;
use crate::report::report_error;
use kruispunt::data::Fit;
use kruispunt::report::{Own, OwnCell, RegressionTable, TableHead};
use pyo3::prelude::*;

/// A cell of the caller's: a number or text.
#[derive(FromPyObject)]
enum Given {
    Number(f64),
    Text(String),
}

/// A statistic's name, and its cells fit by fit.
type GivenStatistic = (String, Vec<Vec<Given>>);

/// A line's label, and one cell a fit.
type TextLine = (String, Vec<String>);

/// What a table looks like.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct TableRequest {
    labels: Vec<(String, String)>,
    category: Option<String>,
    heads: Vec<String>,
    head_order: String,
    keep: Vec<String>,
    digits: usize,
    stars: Vec<f64>,
    cells: Option<String>,
    own: Vec<GivenStatistic>,
    marks: Option<(String, String)>,
    effect_labels: Vec<(String, String)>,
    below: Vec<TextLine>,
    note: Option<String>,
}

fn pairs(labels: &[(String, String)]) -> Vec<(&str, &str)> {
    labels.iter().map(|(name, label)| (name.as_str(), label.as_str())).collect()
}

fn words(texts: &[String]) -> Vec<&str> {
    texts.iter().map(String::as_str).collect()
}

fn table<'a>(fits: &[&'a Fit], asked: TableRequest) -> PyResult<RegressionTable<'a>> {
    let order = match asked.head_order.as_str() {
        "dh" => TableHead::OutcomeFirst,
        "hd" => TableHead::HeadFirst,
        "d" => TableHead::Outcome,
        "h" => TableHead::Head,
        "" => TableHead::Number,
        other => return Err(bad("head_order", other, "dh, hd, d, h or nothing")),
    };
    let marks = asked.marks.as_ref();
    let mut table = RegressionTable::new(fits)
        .labels(&pairs(&asked.labels))
        .heads(&words(&asked.heads))
        .head_order(order)
        .keep(&words(&asked.keep))
        .digits(asked.digits)
        .stars(&asked.stars)
        .effects(marks.map(|(present, absent)| (present.as_str(), absent.as_str())))
        .effect_labels(&pairs(&asked.effect_labels));
    if let Some(template) = &asked.category {
        table = table.category(template);
    }
    if let Some(note) = &asked.note {
        table = table.note(note);
    }
    if let Some(format) = &asked.cells {
        let cell = |given| match given {
            Given::Number(number) => OwnCell::Number(number),
            Given::Text(text) => OwnCell::Text(text),
        };
        let cells = |fit: Vec<Given>| fit.into_iter().map(cell).collect();
        let statistic = |(name, fits): GivenStatistic| Own {
            name,
            cells: fits.into_iter().map(cells).collect(),
        };
        let own: Vec<Own> = asked.own.into_iter().map(statistic).collect();
        table = table.cells(format, &own).map_err(|error| report_error(&error))?;
    }
    for (label, cells) in &asked.below {
        table = table.below(label, &words(cells)).map_err(|error| report_error(&error))?;
    }
    Ok(table)
}

/// A regression table in one of four forms.
#[pyfunction]
pub(crate) fn etable(fits: Vec<Py<PyFit>>, form: &str, asked: TableRequest) -> PyResult<String> {
    let fits: Vec<&Fit> = fits.iter().map(|fit| &*fit.get().0).collect();
    let table = table(&fits, asked)?;
    match form {
        "text" => Ok(table.text()),
        "md" => Ok(table.markdown()),
        "html" => Ok(table.html()),
        "tex" => Ok(table.latex()),
        other => Err(bad("type", other, "text, md, html, gt, tex or df")),
    }
}

/// The lines of a regression table: a label and one cell a fit.
#[pyfunction]
pub(crate) fn etable_rows(fits: Vec<Py<PyFit>>, asked: TableRequest) -> PyResult<Vec<TextLine>> {
    let fits: Vec<&Fit> = fits.iter().map(|fit| &*fit.get().0).collect();
    Ok(table(&fits, asked)?.rows())
}
