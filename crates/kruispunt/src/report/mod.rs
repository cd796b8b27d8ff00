//! Tables, flow diagrams and the page that holds them.
//!
//! Every verb leaves an [`Account`](crate::data::Account); [`Flow`] draws it. [`HtmlTable`] shows
//! a table, and [`Page`] puts text, tables and drawings into one file that opens
//! without network.

mod error;
mod etable;
mod flow;
mod page;
mod table;
mod text;

pub use error::ReportError;
pub use etable::RegressionTable;
pub use flow::Flow;
pub use page::Page;
pub use table::HtmlTable;
