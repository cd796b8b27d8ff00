//! Tables, flow diagrams and the page that holds them.
//!
//! Every verb leaves an [`Account`](crate::data::Account); [`Flow`] draws it. [`HtmlTable`] shows
//! a table, and [`Page`] puts text, tables and drawings into one file that opens
//! without network. [`Disclosure`] decides what of a table may leave the room and proves it;
//! [`Manifest`] says what made a result, as JSON and as a paragraph on methods.

mod cell;
mod disclosure;
mod error;
mod etable;
mod flow;
mod manifest;
mod page;
mod sheet;
mod table;
mod text;

pub use disclosure::{
    Attacked, Disclosure, DisclosureError, Microdata, Protected, Reason, Released, Tabulated,
    Withheld,
};
pub use error::ReportError;
pub use etable::{Own, OwnCell, RegressionTable, TableHead};
pub use flow::Flow;
pub use manifest::{Call, Input, Manifest, ManifestError};
pub use page::Page;
pub use table::HtmlTable;
