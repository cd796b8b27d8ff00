//! Names kept apart from numbers: keyed one-way pseudonyms, consent, and a log that shows when it
//! was tampered with.

use crate::hex;
use hmac::{Hmac, KeyInit, Mac};
use kruispunt::data::{Column, DataError, Day, Table};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// What can be wrong with a registry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// The key is too short to keep a secret.
    #[error("`key`: {bytes} bytes; a key has at least 32 random bytes")]
    Key {
        /// Its bytes.
        bytes: usize,
    },
    /// The log was changed, or the key is another one.
    #[error("`path`: line {line} (from 0) of the log {problem}; restore it from a copy")]
    Log {
        /// The line.
        line: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// A person who is not in the registry.
    #[error("`who`: number {number} (from 0) is not registered; register it first")]
    Unknown {
        /// Its number among those asked for.
        number: usize,
    },
    /// A use that is no word.
    #[error("`uses`: a use is a word without comma, such as \"quote\"")]
    Use,
    /// The file cannot be read or written.
    #[error("`path`: {problem}")]
    File {
        /// What the system says.
        problem: String,
    },
    /// Something about a table.
    #[error(transparent)]
    Data(#[from] DataError),
}

/// What a line of the log says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Act {
    /// A person was registered, with consent to these uses.
    Register,
    /// Consent to these uses was given.
    Consent,
    /// Consent to these uses was taken back; to all when none is named.
    Revoke,
}

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Line {
    act: Act,
    who: String,
    uses: Vec<String>,
    on: i32,
    /// HMAC of the line before and this one.
    seal: String,
}

/// The registry of a study.
///
/// A pseudonym is the first 80 bits of `HMAC-SHA-256(key, "kruispunt pseudonym" | identifier)` (RFC
/// 2104; FIPS 180-4): without the key nobody can tell or try whose it is, with it the same person
/// has the same pseudonym again. Identifiers are nowhere stored. Each line of the log is sealed with
/// the key over itself and the seal before it, so that a line that was changed, taken out or put in
/// is found. A log cut off at its end is found by comparing [`head`](Self::head) with a note of it.
#[derive(Clone)]
pub struct Registry {
    path: PathBuf,
    key: Vec<u8>,
    lines: Vec<Line>,
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry").field("lines", &self.lines.len()).finish_non_exhaustive()
    }
}

type Seal = Hmac<Sha256>;

fn file(error: &std::io::Error) -> RegistryError {
    RegistryError::File { problem: error.to_string() }
}

impl Registry {
    /// Opens the log at `path`, which is made when there is none, and checks all its seals.
    ///
    /// # Errors
    ///
    /// [`RegistryError`].
    pub fn open(path: &Path, key: &[u8]) -> Result<Self, RegistryError> {
        if key.len() < 32 {
            return Err(RegistryError::Key { bytes: key.len() });
        }
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(file(&error)),
        };
        let mut own = Self { path: path.to_owned(), key: key.to_vec(), lines: Vec::new() };
        own.lines = own.verified(&text)?;
        Ok(own)
    }

    fn mac(&self) -> Result<Seal, RegistryError> {
        Seal::new_from_slice(&self.key).map_err(|_| RegistryError::Key { bytes: self.key.len() })
    }

    fn seal(&self, before: &str, line: &Line) -> Result<String, RegistryError> {
        let mut mac = self.mac()?;
        let act = match line.act {
            Act::Register => "register",
            Act::Consent => "consent",
            Act::Revoke => "revoke",
        };
        let uses = line.uses.join(",");
        let on = line.on.to_string();
        for part in ["kruispunt log", before, act, &line.who, &uses, &on] {
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part.as_bytes());
        }
        Ok(hex::lower(&mac.finalize().into_bytes()))
    }

    fn verified(&self, text: &str) -> Result<Vec<Line>, RegistryError> {
        let mut lines: Vec<Line> = Vec::new();
        if !text.is_empty() && !text.ends_with('\n') {
            let line = text.lines().count() - 1;
            return Err(RegistryError::Log { line, problem: "is cut short" });
        }
        for (at, raw) in text.lines().enumerate() {
            let line: Line = serde_json::from_str(raw)
                .map_err(|_| RegistryError::Log { line: at, problem: "cannot be read" })?;
            let before = lines.last().map_or("", |line| line.seal.as_str());
            if self.seal(before, &line)? != line.seal {
                let problem = "was changed, or the key is another one";
                return Err(RegistryError::Log { line: at, problem });
            }
            lines.push(line);
        }
        Ok(lines)
    }

    /// The pseudonym of an identifier.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Key`].
    pub fn pseudonym(&self, identifier: &str) -> Result<String, RegistryError> {
        let mut mac = self.mac()?;
        mac.update(b"kruispunt pseudonym");
        mac.update(identifier.as_bytes());
        Ok(format!("P{}", hex::lower(&mac.finalize().into_bytes()[..10])))
    }

    /// The pseudonyms of a column; missing stays missing.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Key`].
    pub fn pseudonyms(&self, column: &Column) -> Result<Column, RegistryError> {
        let (codes, firsts) = column.ranks();
        let names = firsts
            .iter()
            .map(|&row| self.pseudonym(&column.label(row as usize).unwrap_or_default()))
            .collect::<Result<Vec<String>, _>>()?;
        let text = codes.iter().map(|code| code.map(|code| names[code as usize].as_str()));
        Ok(Column::text(text))
    }

    /// Appends what was done about persons, by their pseudonyms, on a day.
    ///
    /// # Errors
    ///
    /// [`RegistryError`]; nothing was written then.
    pub fn append(
        &mut self,
        act: Act,
        who: &[String],
        uses: &[String],
        on: Day,
    ) -> Result<(), RegistryError> {
        if uses
            .iter()
            .any(|own| own.is_empty() || own.contains(',') || own.chars().any(char::is_control))
        {
            return Err(RegistryError::Use);
        }
        let mut log = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(&self.path)
            .map_err(|error| file(&error))?;
        log.lock().map_err(|error| file(&error))?;
        // What another process wrote since counts too.
        self.lines = self.verified(&read(&mut log)?)?;
        let known: BTreeSet<&str> = self.lines.iter().map(|line| line.who.as_str()).collect();
        if act != Act::Register
            && let Some(number) = who.iter().position(|one| !known.contains(one.as_str()))
        {
            return Err(RegistryError::Unknown { number });
        }
        let mut lines = self.lines.clone();
        let mut text = String::new();
        for one in who {
            let (who, uses, seal) = (one.clone(), uses.to_vec(), String::new());
            let mut line = Line { act, who, uses, on: on.0, seal };
            let before = lines.last().map_or("", |line| line.seal.as_str());
            line.seal = self.seal(before, &line)?;
            let told = serde_json::to_string(&line)
                .map_err(|error| RegistryError::File { problem: error.to_string() })?;
            text.push_str(&told);
            text.push('\n');
            lines.push(line);
        }
        log.write_all(text.as_bytes())
            .and_then(|()| log.sync_all())
            .map_err(|error| file(&error))?;
        self.lines = lines;
        Ok(())
    }

    /// What each person consents to now.
    #[must_use]
    pub fn consents(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut now: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for line in &self.lines {
            let own = now.entry(line.who.clone()).or_default();
            match line.act {
                Act::Register | Act::Consent => own.extend(line.uses.iter().cloned()),
                Act::Revoke if line.uses.is_empty() => own.clear(),
                Act::Revoke => own.retain(|one| !line.uses.contains(one)),
            }
        }
        now
    }

    /// Who consents to a use now, by pseudonym, in order.
    #[must_use]
    pub fn consented(&self, to: &str) -> Vec<String> {
        let now = self.consents().into_iter();
        now.filter(|(_, uses)| uses.contains(to)).map(|(who, _)| who).collect()
    }

    /// Lines of the log, and the seal of the last: note them elsewhere.
    #[must_use]
    pub fn head(&self) -> (usize, String) {
        (self.lines.len(), self.lines.last().map(|line| line.seal.clone()).unwrap_or_default())
    }

    /// Reads the log again and checks it against a noted head, which must be one it had.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Log`] or [`RegistryError::File`].
    pub fn verify(&mut self, head: Option<&(usize, String)>) -> Result<(), RegistryError> {
        let own = Self::open(&self.path, &self.key)?;
        self.lines = own.lines;
        if let Some((count, seal)) = head
            && *count > 0
            && self.lines.get(count - 1).is_none_or(|line| &line.seal != seal)
        {
            let problem = "is missing, or another one than was noted";
            return Err(RegistryError::Log { line: count - 1, problem });
        }
        Ok(())
    }

    /// The log: `line`, `act`, `who`, `uses`, `on`.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Data`].
    pub fn table(&self) -> Result<Table, RegistryError> {
        let act = |line: &Line| match line.act {
            Act::Register => "register",
            Act::Consent => "consent",
            Act::Revoke => "revoke",
        };
        let uses: Vec<String> = self.lines.iter().map(|line| line.uses.join(", ")).collect();
        let days: Vec<Option<Day>> = self.lines.iter().map(|line| Some(Day(line.on))).collect();
        Ok(Table::new([
            ("line", Column::int((0..self.lines.len() as i64).collect())),
            ("act", Column::text(self.lines.iter().map(|line| Some(act(line))))),
            ("who", Column::text(self.lines.iter().map(|line| Some(line.who.as_str())))),
            ("uses", Column::text(uses.iter().map(|uses| Some(uses.as_str())))),
            ("on", Column::dates(&days)),
        ])?)
    }
}

fn read(log: &mut File) -> Result<String, RegistryError> {
    let mut text = String::new();
    log.seek(SeekFrom::Start(0))
        .and_then(|_| log.read_to_string(&mut text))
        .map_err(|error| file(&error))?;
    Ok(text)
}
