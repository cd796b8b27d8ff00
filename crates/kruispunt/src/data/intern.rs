//! Numbers for texts, without an allocation for each.

use super::Levels;
use rustc_hash::FxHasher;
use std::hash::Hasher;

/// A slot that holds no code.
const EMPTY: u32 = u32::MAX;

/// Distinct texts in the order in which they were met, and a table to find them by.
#[derive(Debug, Default)]
pub(crate) struct Interner {
    levels: Levels,
    /// Code and the upper half of the hash, open addressing.
    slots: Vec<(u32, u32)>,
}

impl Interner {
    /// The code of `text`, a new one when it was not met before.
    pub(crate) fn code(&mut self, text: &str) -> u32 {
        if self.levels.len() * 2 >= self.slots.len() {
            self.grow();
        }
        let (mut at, tag) = self.place(text);
        loop {
            let (code, known) = self.slots[at];
            if code == EMPTY {
                // Texts of more than 4 GiB together share the last code.
                let code = self.levels.push(text).unwrap_or(self.levels.len() as u32 - 1);
                self.slots[at] = (code, tag);
                return code;
            }
            if known == tag && self.levels.get(code) == text {
                return code;
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }

    /// The texts by code.
    pub(crate) fn into_levels(self) -> Levels {
        self.levels
    }

    fn place(&self, text: &str) -> (usize, u32) {
        let mut hasher = FxHasher::default();
        hasher.write(text.as_bytes());
        let hash = hasher.finish();
        (hash as usize & (self.slots.len() - 1), (hash >> 32) as u32)
    }

    fn grow(&mut self) {
        let n = (self.slots.len() * 2).max(64);
        self.slots.clear();
        self.slots.resize(n, (EMPTY, 0));
        for code in 0..self.levels.len() as u32 {
            let (mut at, tag) = self.place(self.levels.get(code));
            while self.slots[at].0 != EMPTY {
                at = (at + 1) & (n - 1);
            }
            self.slots[at] = (code, tag);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn codes_are_those_of_the_first_meeting(texts in proptest::collection::vec("[a-cé]{0,3}", 0..300)) {
            let mut interner = Interner::default();
            let codes: Vec<u32> = texts.iter().map(|text| interner.code(text)).collect();
            let levels = interner.into_levels();
            let mut first: Vec<&str> = Vec::new();
            for (text, code) in texts.iter().zip(codes) {
                if !first.contains(&text.as_str()) {
                    first.push(text);
                }
                prop_assert_eq!(levels.get(code), text.as_str());
                prop_assert_eq!(first[code as usize], text.as_str());
            }
        }
    }
}
