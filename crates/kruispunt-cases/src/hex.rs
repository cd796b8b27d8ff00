//! Bytes as digits.

use std::fmt::Write as _;

/// Lower-case hexadecimal digits.
pub(crate) fn lower(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}
