//! The door to `kruispunt::report`.

use crate::account;
use crate::error::InputError;
use crate::table::PyTable;
use kruispunt::report::{Flow, HtmlTable, Page, ReportError};
use pyo3::prelude::*;
use std::sync::{Mutex, MutexGuard, PoisonError};

pub(crate) fn report_error(error: &ReportError) -> PyErr {
    InputError::new_err(error.to_string())
}

/// The flow diagram of an account (as JSON) as one SVG element.
#[pyfunction]
#[pyo3(signature = (json))]
pub(crate) fn flow_svg(json: &str) -> PyResult<String> {
    account::read(json).map(|account| Flow::new(&account).svg())
}

/// A page under construction.
#[pyclass(frozen, name = "Page", module = "kruispunt._core")]
pub(crate) struct PyPage(Mutex<Page>);

impl PyPage {
    fn page(&self) -> MutexGuard<'_, Page> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(Page) -> Page) {
        let mut page = self.page();
        *page = change(std::mem::take(&mut *page));
    }

    /// As `change`; a refused part leaves the page as it was.
    fn try_change(&self, change: impl FnOnce(Page) -> Result<Page, ReportError>) -> PyResult<()> {
        let mut page = self.page();
        *page = change(page.clone()).map_err(|error| report_error(&error))?;
        Ok(())
    }
}

#[pymethods]
impl PyPage {
    #[new]
    #[pyo3(signature = (title))]
    fn new(title: &str) -> Self {
        Self(Mutex::new(Page::new(title)))
    }

    /// A paragraph under the title.
    fn lead(&self, text: &str) {
        self.change(|page| page.lead(text));
    }

    /// Starts a section.
    fn section(&self, heading: &str) {
        self.change(|page| page.section(heading));
    }

    /// A paragraph.
    fn paragraph(&self, text: &str) {
        self.change(|page| page.paragraph(text));
    }

    /// A remark set apart.
    fn remark(&self, text: &str) {
        self.change(|page| page.remark(text));
    }

    /// A table.
    #[pyo3(signature = (table, caption, digits, max_rows))]
    fn table(&self, table: &PyTable, caption: &str, digits: usize, max_rows: usize) {
        let shown = HtmlTable::new(&table.0).caption(caption).digits(digits).max_rows(max_rows);
        self.change(|page| page.table(&shown));
    }

    /// The flow diagram of an account, given as JSON.
    #[pyo3(signature = (json, caption))]
    fn flow(&self, json: &str, caption: &str) -> PyResult<()> {
        let account = account::read(json)?;
        self.change(|page| page.flow(&account, caption));
        Ok(())
    }

    /// A drawing in SVG.
    #[pyo3(signature = (svg, caption))]
    fn figure(&self, svg: &str, caption: &str) -> PyResult<()> {
        self.try_change(|page| page.figure(svg, caption))
    }

    /// A ready-made piece of HTML.
    #[pyo3(signature = (html, caption))]
    fn fragment(&self, html: &str, caption: &str) -> PyResult<()> {
        self.try_change(|page| page.fragment(html, caption))
    }

    /// The page as HTML.
    fn html(&self) -> String {
        self.page().html()
    }
}
