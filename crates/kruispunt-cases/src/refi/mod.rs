//! REFI-QDA projects (`.qdpx`) and codebooks (`.qdc`): read, changed, written.
//!
//! The standard is *REFI-QDA Standard, version 1.0/1.5* (Rotterdam Exchange Format Initiative,
//! 2019; namespaces `urn:QDA-XML:project:1.0` and `urn:QDA-XML:codebook:1.0`). A project keeps the
//! bytes it was read from; a change makes anew the tags it touches and nothing else, and an
//! unchanged project is written as the same bytes.

mod edit;
mod package;
mod read;
mod tree;

pub use edit::{NewCode, NewCoding, NewValue};
pub use package::Limits;

use serde::{Deserialize, Serialize};
use std::path::Path;
use tree::Tree;

/// What can be wrong with a project.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RefiError {
    /// The archive cannot be read.
    #[error("`path`: not a REFI-QDA project: {problem}")]
    Package {
        /// What is wrong.
        problem: String,
    },
    /// A file of the archive would be unpacked outside its folder.
    #[error("`path`: file {file} of the archive points outside it; nothing was read")]
    Path {
        /// The number of the file in the archive, from 0.
        file: usize,
    },
    /// The archive unpacks to more than it may.
    #[error(
        "`path`: the archive unpacks to more than {bytes} bytes or {ratio} times its size; nothing was read"
    )]
    Bomb {
        /// The most bytes.
        bytes: u64,
        /// The most bytes for one packed byte.
        ratio: u64,
    },
    /// The XML cannot be read.
    #[error("`path`: {file} is no XML this reads: {problem}")]
    Xml {
        /// The file.
        file: String,
        /// What is wrong.
        problem: String,
    },
    /// Not the standard, or not this version of it.
    #[error("`path`: expected {expected}, got {got}")]
    Version {
        /// What was expected.
        expected: &'static str,
        /// What it is.
        got: String,
    },
    /// An identifier of the standard occurs twice or is none.
    #[error("`path`: the guid of {element} number {number} (from 0) {problem}")]
    Guid {
        /// The name of the element.
        element: String,
        /// Its number among those of its name.
        number: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// Something is asked for that the project does not have.
    #[error("`{argument}`: the project has no such {what} (row {row})")]
    Unknown {
        /// The argument.
        argument: &'static str,
        /// What is missing.
        what: &'static str,
        /// The row of the argument, from 0.
        row: usize,
    },
    /// A value cannot be written.
    #[error("`{argument}`: expected {expected} (row {row})")]
    Value {
        /// The argument.
        argument: &'static str,
        /// What was expected.
        expected: &'static str,
        /// The row, from 0.
        row: usize,
    },
    /// A file cannot be read or written.
    #[error("`path`: {problem}")]
    File {
        /// What the system says.
        problem: String,
    },
}

/// A project or a codebook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    codebook: bool,
    /// The archive as it was read; none for codebooks and new projects.
    archive: Option<Vec<u8>>,
    /// `project.qde` or the codebook.
    xml: Vec<u8>,
    /// Files to add to the archive.
    more: Vec<(String, Vec<u8>)>,
    /// Whether something was changed since it was read.
    changed: bool,
}

const PROJECT: &str = "urn:QDA-XML:project:1.0";
const CODEBOOK: &str = "urn:QDA-XML:codebook:1.0";

impl Project {
    /// An empty project.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let xml = format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<Project xmlns=\"{PROJECT}\" name=\"{}\" origin=\"kruispunt {}\"/>\n",
            tree::escape(name),
            env!("CARGO_PKG_VERSION")
        );
        let xml = xml.into_bytes();
        Self { codebook: false, archive: None, xml, more: Vec::new(), changed: true }
    }

    /// Reads the bytes of a `.qdpx` or a `.qdc`.
    ///
    /// # Errors
    ///
    /// [`RefiError`], by what is wrong.
    pub fn from_bytes(bytes: &[u8], limits: Limits) -> Result<Self, RefiError> {
        let start = bytes.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(0);
        let plain = bytes[start..].starts_with(b"<") || bytes.starts_with(&[0xEF, 0xBB, 0xBF]);
        let project = if plain {
            Self {
                codebook: true,
                archive: None,
                xml: bytes.to_vec(),
                more: Vec::new(),
                changed: false,
            }
        } else {
            let mut archive = package::open(bytes, limits)?;
            let Some(xml) = package::entry(&mut archive, "project.qde", limits)? else {
                let problem = "there is no project.qde in it".to_owned();
                return Err(RefiError::Package { problem });
            };
            let archive = Some(bytes.to_vec());
            Self { codebook: false, archive, xml, more: Vec::new(), changed: false }
        };
        let tree = project.tree()?;
        project.check(&tree)?;
        Ok(project)
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// As [`from_bytes`](Self::from_bytes), and [`RefiError::File`].
    pub fn read(path: &Path, limits: Limits) -> Result<Self, RefiError> {
        let bytes = std::fs::read(path)
            .map_err(|error| RefiError::File { problem: format!("cannot be read: {error}") })?;
        Self::from_bytes(&bytes, limits)
    }

    /// The bytes of the file: those that were read where nothing was changed.
    ///
    /// # Errors
    ///
    /// [`RefiError::Package`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, RefiError> {
        match (&self.archive, self.changed) {
            _ if self.codebook => Ok(self.xml.clone()),
            (Some(archive), false) => Ok(archive.clone()),
            (archive, _) => package::rewrite(archive.as_deref(), &self.xml, &self.more),
        }
    }

    /// Writes the file: first beside its place, then moved there, so that there is the old file or
    /// the new one and never half of one.
    ///
    /// # Errors
    ///
    /// [`RefiError::File`] or [`RefiError::Package`]; nothing was written then.
    pub fn write(&self, path: &Path) -> Result<(), RefiError> {
        let bytes = self.to_bytes()?;
        crate::whole::write(path, &bytes)
            .map_err(|error| RefiError::File { problem: format!("cannot be written: {error}") })
    }

    /// Whether it is a codebook alone.
    #[must_use]
    pub const fn is_codebook(&self) -> bool {
        self.codebook
    }

    fn tree(&self) -> Result<Tree, RefiError> {
        Tree::read(&self.xml, if self.codebook { "the codebook" } else { "project.qde" })
    }

    fn check(&self, tree: &Tree) -> Result<(), RefiError> {
        let (name, space) =
            if self.codebook { ("CodeBook", CODEBOOK) } else { ("Project", PROJECT) };
        let root = tree.get(0);
        if root.name != name {
            let expected = if self.codebook { "a root CodeBook" } else { "a root Project" };
            return Err(RefiError::Version { expected, got: "another root".to_owned() });
        }
        let declared = root.space().unwrap_or_default();
        // Programs write 1.5 in the namespace although the schema of 1.5 says 1.0.
        let known = [space.to_owned(), space.replace("1.0", "1.5")];
        if !known.iter().any(|own| own == declared) {
            let expected = "REFI-QDA of version 1.0 or 1.5 (its XML namespace)";
            let got = declared.rsplit(':').next().unwrap_or_default();
            let got = if declared.starts_with("urn:QDA-XML:") && got.len() < 8 {
                format!("version {got}")
            } else {
                "another namespace".to_owned()
            };
            return Err(RefiError::Version { expected, got });
        }
        let mut seen = std::collections::BTreeSet::new();
        let mut numbers = std::collections::BTreeMap::new();
        for at in 0..tree.len() {
            let element = tree.get(at);
            let number = numbers.entry(element.name.clone()).or_insert(0_usize);
            let own = *number;
            *number += 1;
            let Some(guid) = element.attribute("guid") else { continue };
            let problem = if !is_guid(guid) {
                "is not 32 hexadecimal digits with dashes"
            } else if !seen.insert(guid.to_ascii_lowercase()) {
                "occurs before"
            } else {
                continue;
            };
            return Err(RefiError::Guid { element: element.name.clone(), number: own, problem });
        }
        Ok(())
    }
}

/// `8-4-4-4-12` hexadecimal digits, in braces or not.
fn is_guid(text: &str) -> bool {
    let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or(text);
    let parts: Vec<&str> = inner.split('-').collect();
    let sizes = [8, 4, 4, 4, 12];
    parts.len() == 5
        && parts.iter().zip(sizes).all(|(part, size)| {
            part.len() == size && part.chars().all(|letter| letter.is_ascii_hexdigit())
        })
}
