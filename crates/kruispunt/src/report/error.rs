/// What can be wrong with a report.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// A figure is not an SVG drawing.
    #[error("`figure` \"{caption}\": no <svg> element found; pass the text of one SVG drawing")]
    NotSvg {
        /// The figure's caption.
        caption: String,
    },
    /// A format of cells cannot be read.
    #[error("`coef_fmt`: {format:?} cannot be read: {what}")]
    Format {
        /// The format.
        format: String,
        /// What is wrong.
        what: String,
    },
    /// What is given for each fit has another length.
    #[error("`{argument}`: \"{name}\" has {got} entries, expected one for each of {expected} {of}")]
    Length {
        /// The argument.
        argument: &'static str,
        /// The line or statistic.
        name: String,
        /// How many there are.
        got: usize,
        /// How many there should be.
        expected: usize,
        /// Of what.
        of: &'static str,
    },
    /// A figure or fragment would fetch something or run code when the page opens.
    #[error("\"{caption}\" holds {found}; a report opens without network and runs no code")]
    NotSelfContained {
        /// The caption of the part.
        caption: String,
        /// What was found.
        found: &'static str,
    },
}

impl ReportError {
    /// Whether the input, not the numbers, is at fault; always true here.
    #[must_use]
    pub const fn is_input(&self) -> bool {
        true
    }
}
