//! Bad input, verb by verb: an error by name that shows nobody, or a defined result; no panic.

use std::error::Error;
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};

mod estimate;
mod linkage;
mod panel;
mod threads;

/// What no message may show.
pub const SECRET: &str = "SECRET-93051822361";
/// The same as a number.
pub const NUMBER: i64 = 93_051_822_361;

/// A walk through cases; all are tried before it fails.
#[derive(Default)]
pub struct Walk {
    faults: Vec<String>,
    cases: usize,
}

impl Walk {
    /// The case is refused by the variant `name`, and the message says all of `says`.
    pub fn refused<T, E: Error + Debug>(
        &mut self,
        case: &str,
        name: &str,
        says: &[&str],
        run: impl FnOnce() -> Result<T, E>,
    ) {
        self.cases += 1;
        let error = match catch_unwind(AssertUnwindSafe(run)) {
            Err(_) => return self.faults.push(format!("{case}: panicked")),
            Ok(Ok(_)) => return self.faults.push(format!("{case}: was let through")),
            Ok(Err(error)) => error,
        };
        let (shown, inside) = (error.to_string(), format!("{error:?}"));
        let named = inside.split(|c: char| !c.is_alphanumeric()).any(|word| word == name);
        if !named {
            self.faults.push(format!("{case}: expected {name}, got {inside}"));
        }
        for part in says.iter().filter(|part| !shown.contains(**part)) {
            self.faults.push(format!("{case}: \"{part}\" is not said in: {shown}"));
        }
        self.private(case, &[&shown, &inside]);
    }

    /// The case gives a result or an error; either way it ends, and an error shows nobody.
    pub fn ends<T, E: Error + Debug>(
        &mut self,
        case: &str,
        run: impl FnOnce() -> Result<T, E>,
    ) -> Option<T> {
        self.cases += 1;
        match catch_unwind(AssertUnwindSafe(run)) {
            Err(_) => {
                self.faults.push(format!("{case}: panicked"));
                None
            }
            Ok(Ok(value)) => Some(value),
            Ok(Err(error)) => {
                self.private(case, &[&error.to_string(), &format!("{error:?}")]);
                None
            }
        }
    }

    /// The case gives a result for which `test` holds.
    pub fn gives<T, E: Error + Debug>(
        &mut self,
        case: &str,
        run: impl FnOnce() -> Result<T, E>,
        test: impl FnOnce(&T) -> bool,
    ) {
        self.cases += 1;
        match catch_unwind(AssertUnwindSafe(run)) {
            Err(_) => self.faults.push(format!("{case}: panicked")),
            Ok(Err(error)) => self.faults.push(format!("{case}: {error}")),
            Ok(Ok(value)) if test(&value) => {}
            Ok(Ok(_)) => self.faults.push(format!("{case}: another result than expected")),
        }
    }

    fn private(&mut self, case: &str, texts: &[&str]) {
        let secrets = [SECRET.to_owned(), SECRET.to_lowercase(), NUMBER.to_string()];
        for text in texts {
            if secrets.iter().any(|secret| text.contains(secret)) {
                self.faults.push(format!("{case}: shows a person: {text}"));
            }
        }
    }

    /// All cases went as they should.
    pub fn done(self) {
        assert!(self.cases > 0);
        assert!(self.faults.is_empty(), "{} cases\n{}", self.cases, self.faults.join("\n"));
    }
}

/// Text nobody expects in a register.
pub fn odd_texts() -> Vec<String> {
    vec![
        String::new(),
        " ".to_owned(),
        "\0".to_owned(),
        "e\u{301}\u{327}\u{301}".to_owned(),
        "\u{301}".to_owned(),
        "\u{202e}حسن\u{202c}".to_owned(),
        "👩‍👩‍👧‍👦".to_owned(),
        "\u{feff}Peeters".to_owned(),
        "ﬃ ẞ ŉ ǰ ΐ".to_owned(),
        "x".repeat(100_000),
        SECRET.to_owned(),
    ]
}
