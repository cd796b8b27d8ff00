//! Text, each distinct string stored once.

use super::{Bitmap, Buffer, Column, Interner, Values};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Text as codes into a list of distinct strings.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Text {
    pub(super) codes: Buffer<u32>,
    /// The same codes in one byte each, where that is how they are kept.
    #[serde(skip)]
    pub(super) narrow: Option<Buffer<u8>>,
    pub(super) levels: Arc<Levels>,
    pub(super) categorical: bool,
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.categorical == other.categorical
            && self.levels == other.levels
            && match (&self.narrow, &other.narrow) {
                (Some(own), Some(theirs)) => own == theirs,
                _ => self.codes == other.codes,
            }
    }
}

/// What a list of a table begins with and what ends each of its items, in a column of text.
///
/// A list without items is this alone, which is not a missing value.
pub const ITEM: char = '\u{1d}';

/// Distinct strings, back to back.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Levels {
    bytes: String,
    ends: Vec<u32>,
}

impl Levels {
    /// Appends a string; `None` when the strings together pass 4 GiB.
    pub fn push(&mut self, text: &str) -> Option<u32> {
        let code = u32::try_from(self.ends.len()).ok()?;
        let end = u32::try_from(self.bytes.len() + text.len()).ok()?;
        self.bytes.push_str(text);
        self.ends.push(end);
        Some(code)
    }

    /// The string of `code`; empty when there is no such code.
    #[must_use]
    pub fn get(&self, code: u32) -> &str {
        let at = code as usize;
        let Some(&end) = self.ends.get(at) else { return "" };
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.bytes[start as usize..end as usize]
    }

    /// How many strings.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// All strings, by code.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        (0..self.len()).map(|code| self.get(code as u32))
    }
}

impl<'a> FromIterator<&'a str> for Levels {
    fn from_iter<I: IntoIterator<Item = &'a str>>(texts: I) -> Self {
        let mut levels = Self::default();
        for text in texts {
            if levels.push(text).is_none() {
                break;
            }
        }
        levels
    }
}

impl Text {
    /// Text from codes and their strings; `None` when a code has no string.
    ///
    /// `categorical` remembers that the table held categories, whose order of levels is meant.
    #[must_use]
    pub fn new(codes: Buffer<u32>, levels: Levels, categorical: bool) -> Option<Self> {
        let in_range = codes.iter().all(|&code| (code as usize) < levels.len().max(1));
        in_range.then(|| Self::wide(codes, Arc::new(levels), categorical))
    }

    /// As [`new`](Self::new), from codes of one byte: they are kept as they are, and widened when
    /// [`codes`](Self::codes) are first asked for.
    #[must_use]
    pub fn of_bytes(codes: Buffer<u8>, levels: Levels, categorical: bool) -> Option<Self> {
        let most = codes.iter().fold(0, |most: u8, &code| most.max(code));
        (usize::from(most) < levels.len().max(1))
            .then(|| Self::thin(codes, Arc::new(levels), categorical))
    }

    pub(super) const fn wide(codes: Buffer<u32>, levels: Arc<Levels>, categorical: bool) -> Self {
        Self { codes, narrow: None, levels, categorical }
    }

    /// Codes of one byte, all below the number of levels.
    pub(super) fn thin(codes: Buffer<u8>, levels: Arc<Levels>, categorical: bool) -> Self {
        let own = codes.clone();
        let widened = Buffer::later(codes.len(), move || own.iter().map(|&c| c.into()).collect());
        Self { codes: widened, narrow: Some(codes), levels, categorical }
    }

    /// One code a row in one byte each, where that is how they are kept.
    #[must_use]
    pub fn bytes(&self) -> Option<&Buffer<u8>> {
        self.narrow.as_ref()
    }

    /// The code of one row; codes of one byte need not be widened for it.
    #[inline]
    pub(super) fn code(&self, row: usize) -> u32 {
        self.narrow.as_ref().map_or_else(|| self.codes[row], |bytes| bytes[row].into())
    }

    /// One code a row.
    #[must_use]
    pub fn codes(&self) -> &[u32] {
        &self.codes
    }

    /// The distinct strings.
    #[must_use]
    pub fn levels(&self) -> &Levels {
        &self.levels
    }

    /// Whether the table held categories.
    #[must_use]
    pub const fn is_categorical(&self) -> bool {
        self.categorical
    }

    /// Whether the table held lists, which begin with [`ITEM`] and end every item with it.
    #[must_use]
    pub fn is_lists(&self) -> bool {
        let list = |text: &str| text.starts_with(ITEM) && text.ends_with(ITEM);
        !self.categorical && !self.levels.is_empty() && self.levels.iter().all(list)
    }

    /// The items of a list; none of what is no list.
    pub fn items(list: &str) -> impl Iterator<Item = &str> {
        list.strip_prefix(ITEM).unwrap_or_default().split_terminator(ITEM)
    }
}

/// Collects strings into a text column, each distinct string once.
#[derive(Debug, Default)]
pub struct TextBuilder {
    known: Interner,
    codes: Vec<u32>,
    valid: Vec<bool>,
}

impl TextBuilder {
    /// Appends one row.
    pub fn push(&mut self, text: Option<&str>) {
        let code = text.map(|text| self.level(text));
        self.push_code(code);
    }

    /// The code of a string, whether a row holds it or not.
    pub(super) fn level(&mut self, text: &str) -> u32 {
        self.known.code(text)
    }

    /// Appends one row by its code.
    pub(super) fn push_code(&mut self, code: Option<u32>) {
        self.valid.push(code.is_some());
        self.codes.push(code.unwrap_or_default());
    }

    /// The column.
    #[must_use]
    pub fn finish(self, categorical: bool) -> Column {
        let text = Text::wide(self.codes.into(), Arc::new(self.known.into_levels()), categorical);
        Column::new(Values::Text(text), Bitmap::pack(self.valid.into_iter()))
    }
}
