//! A table as HTML.

use super::text::{escape, real, whole};
use crate::data::{Column, Table, Values};
use std::fmt::Write as _;

/// Shows a [`Table`] as an HTML table: numbers right-aligned, missing cells as a dash.
///
/// ```
/// use kruispunt::data::{Column, Table};
/// use kruispunt::report::HtmlTable;
/// let gap = Table::new([
///     ("origin", Column::text([Some("Belgian"), Some("non-EU")])),
///     ("employed", Column::float(vec![0.677, 0.455])),
/// ])?;
/// let html = HtmlTable::new(&gap).caption("Employment rate by origin").digits(2).html();
/// assert!(html.contains("<td class=\"n\">0.68</td>"));
/// # Ok::<(), kruispunt::data::DataError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct HtmlTable<'a> {
    table: &'a Table,
    caption: String,
    digits: usize,
    max_rows: usize,
}

impl<'a> HtmlTable<'a> {
    /// Shows `table`.
    pub fn new(table: &'a Table) -> Self {
        Self { table, caption: String::new(), digits: 3, max_rows: 200 }
    }

    /// The caption above the table (default none).
    pub fn caption(mut self, caption: impl Into<String>) -> Self {
        self.caption = caption.into();
        self
    }

    /// Decimals of real numbers (default 3).
    pub fn digits(mut self, digits: usize) -> Self {
        self.digits = digits.min(15);
        self
    }

    /// Rows shown at most (default 200); how many more there are is said below the table.
    pub fn max_rows(mut self, rows: usize) -> Self {
        self.max_rows = rows;
        self
    }

    /// The HTML.
    #[must_use]
    pub fn html(&self) -> String {
        let mut out = String::from("<table>");
        if !self.caption.is_empty() {
            let _ = write!(out, "<caption>{}</caption>", escape(&self.caption));
        }
        out.push_str("<thead><tr>");
        let numeric: Vec<bool> = self.table.columns().iter().map(is_number).collect();
        for (name, numeric) in self.table.names().iter().zip(&numeric) {
            let class = if *numeric { " class=\"n\"" } else { "" };
            let _ = write!(out, "<th scope=\"col\"{class}>{}</th>", escape(name));
        }
        out.push_str("</tr></thead><tbody>");
        let shown = self.table.n_rows().min(self.max_rows);
        for row in 0..shown {
            out.push_str("<tr>");
            for (column, numeric) in self.table.columns().iter().zip(&numeric) {
                let class = if *numeric { " class=\"n\"" } else { "" };
                let _ = write!(out, "<td{class}>{}</td>", escape(&self.cell(column, row)));
            }
            out.push_str("</tr>");
        }
        out.push_str("</tbody></table>");
        if shown < self.table.n_rows() {
            let _ = write!(out, "<p class=\"note\">{} more rows</p>", self.table.n_rows() - shown);
        }
        out
    }

    fn cell(&self, column: &Column, row: usize) -> String {
        if column.is_null(row) {
            return "\u{2013}".to_owned();
        }
        match column.values() {
            Values::Int(values) => whole(values[row]),
            Values::Short(values) => whole(i64::from(values[row])),
            Values::Float(values) => real(values[row], self.digits),
            _ => column.label(row).unwrap_or_default(),
        }
    }
}

const fn is_number(column: &Column) -> bool {
    matches!(column.values(), Values::Int(_) | Values::Float(_) | Values::Short(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_escaped_aligned_and_never_silently_cut() {
        let table = Table::new([
            ("a<b", Column::text([Some("x&y"), None, Some("z")])),
            ("n", Column::ints(&[Some(1_000), Some(-2), None])),
        ])
        .unwrap();
        let html = HtmlTable::new(&table).max_rows(2).html();
        assert!(html.contains("a&lt;b") && html.contains("x&amp;y"));
        assert!(html.contains("<td class=\"n\">1,000</td>"));
        assert!(html.contains("1 more rows"));
        assert!(html.contains("<td>\u{2013}</td>"));
    }

    #[test]
    fn a_table_without_columns_is_shown_empty() {
        assert!(HtmlTable::new(&Table::default()).html().contains("<tbody></tbody>"));
    }
}
