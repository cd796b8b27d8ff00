//! Changes to a project: each gives a new one.

use super::read::{SOURCES, View};
use super::{Project, RefiError};
use sha2::{Digest, Sha256};

/// The order of the elements of a project.
const ROOT: [&str; 11] = [
    "Users",
    "CodeBook",
    "Variables",
    "Cases",
    "Sources",
    "Notes",
    "Links",
    "Sets",
    "Graphs",
    "Description",
    "NoteRef",
];
const CASE: [&str; 5] = ["Description", "CodeRef", "VariableValue", "SourceRef", "SelectionRef"];
const TEXT: [&str; 6] =
    ["Description", "PlainTextContent", "PlainTextSelection", "Coding", "NoteRef", "VariableValue"];
const CODE: [&str; 3] = ["Description", "NoteRef", "Code"];
const SELECTION: [&str; 3] = ["Description", "Coding", "NoteRef"];
const CODING: [&str; 2] = ["CodeRef", "NoteRef"];

/// A code to add.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct NewCode {
    /// Its name.
    pub name: String,
    /// The GUID or the path (` / ` between names) of the code above it.
    pub parent: Option<String>,
    /// `#RRGGBB`.
    pub colour: Option<String>,
    /// What it stands for.
    pub description: Option<String>,
}

/// A coding of plain text to add.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct NewCoding {
    /// The GUID or the name of a text source.
    pub source: String,
    /// The GUID, the name or the path of a code.
    pub code: String,
    /// First character and the one after the last, counted from 0; none codes the whole source.
    pub range: Option<(u64, u64)>,
}

/// A value of a variable of a case.
#[derive(Clone, Debug, PartialEq)]
pub struct NewValue {
    /// The GUID or the name of the case.
    pub case: String,
    /// The name of the variable.
    pub variable: String,
    /// `Text`, `Boolean`, `Integer`, `Float`, `Date` or `DateTime`.
    pub kind: &'static str,
    /// The value as the standard writes it; none takes the value away.
    pub value: Option<String>,
}

impl Project {
    /// With codes added, in order, so that a code may be the parent of the next.
    ///
    /// # Errors
    ///
    /// [`RefiError::Unknown`] or [`RefiError::Value`], with the place in `codes`.
    pub fn with_codes(&self, codes: &[NewCode]) -> Result<Self, RefiError> {
        let mut view = View::of(self)?;
        let mut maker = Maker::new(self);
        for (row, code) in codes.iter().enumerate() {
            if code.name.trim().is_empty() {
                return Err(RefiError::Value { argument: "codes", expected: "a name", row });
            }
            if code.colour.as_deref().is_some_and(|colour| !is_colour(colour)) {
                let expected = "a colour such as #0072B2";
                return Err(RefiError::Value { argument: "codes", expected, row });
            }
            let parent = if let Some(parent) = &code.parent {
                let what = "parent code";
                view.code(parent).ok_or(RefiError::Unknown { argument: "codes", what, row })?
            } else {
                let book = if self.codebook { 0 } else { view.holder(0, "CodeBook", &ROOT) };
                view.holder(book, "Codes", &["Codes", "Sets"])
            };
            let guid = maker.guid(&view, &["code", &code.name]);
            let mut attributes =
                vec![("guid", guid.as_str()), ("name", code.name.as_str()), ("isCodable", "true")];
            if let Some(colour) = &code.colour {
                attributes.push(("color", colour));
            }
            let at = view.add(parent, "Code", &attributes, &CODE);
            if let Some(description) = &code.description {
                let inside = view.add(at, "Description", &[], &CODE);
                view.tree.set_text(inside, description);
            }
        }
        Ok(self.changed(&view))
    }

    /// With other names, colours or descriptions of codes: the code (GUID, name or path), then what
    /// is set.
    ///
    /// # Errors
    ///
    /// [`RefiError::Unknown`] or [`RefiError::Value`], with the place in `codes`.
    pub fn recoded(&self, codes: &[(String, NewCode)]) -> Result<Self, RefiError> {
        let mut view = View::of(self)?;
        for (row, (which, code)) in codes.iter().enumerate() {
            let unknown = RefiError::Unknown { argument: "codes", what: "code", row };
            let at = view.code(which).ok_or(unknown)?;
            if !code.name.is_empty() {
                view.tree.set(at, "name", &code.name);
            }
            if let Some(colour) = &code.colour {
                if !is_colour(colour) {
                    let expected = "a colour such as #0072B2";
                    return Err(RefiError::Value { argument: "codes", expected, row });
                }
                view.tree.set(at, "color", colour);
            }
            if let Some(description) = &code.description {
                let inside = view.tree.child(at, "Description");
                let inside = inside.unwrap_or_else(|| view.add(at, "Description", &[], &CODE));
                view.tree.set_text(inside, description);
            }
        }
        Ok(self.changed(&view))
    }

    /// With a text source added: its name and its text, kept in the project file.
    ///
    /// # Errors
    ///
    /// [`RefiError::Value`] for a codebook or an empty name.
    pub fn with_text(&self, name: &str, text: &str) -> Result<Self, RefiError> {
        if self.codebook || name.trim().is_empty() {
            let expected = "a project (not a codebook) and a name";
            return Err(RefiError::Value { argument: "name", expected, row: 0 });
        }
        let mut view = View::of(self)?;
        let guid = Maker::new(self).guid(&view, &["source", name]);
        let sources = view.holder(0, "Sources", &ROOT);
        let at = view.add(sources, "TextSource", &[("guid", &guid), ("name", name)], &SOURCES);
        let inside = view.add(at, "PlainTextContent", &[], &TEXT);
        view.tree.set_text(inside, text);
        Ok(self.changed(&view))
    }

    /// With plain text coded.
    ///
    /// # Errors
    ///
    /// [`RefiError::Unknown`] or [`RefiError::Value`], with the place in `codings`.
    pub fn with_codings(&self, codings: &[NewCoding]) -> Result<Self, RefiError> {
        let mut view = View::of(self)?;
        let mut maker = Maker::new(self);
        for (row, coding) in codings.iter().enumerate() {
            let unknown = |what| RefiError::Unknown { argument: "codings", what, row };
            let source = view
                .named(&["TextSource"], &coding.source)
                .ok_or_else(|| unknown("text source"))?;
            let code = view.code(&coding.code).ok_or_else(|| unknown("code"))?;
            let code = view.attribute(code, "guid").unwrap_or_default();
            let mut holder = source;
            if let Some((from, to)) = coding.range {
                if from >= to {
                    let expected = "a start before the end";
                    return Err(RefiError::Value { argument: "codings", expected, row });
                }
                let (from, to) = (from.to_string(), to.to_string());
                let guid = maker.guid(&view, &["selection", &coding.source, &from, &to]);
                let attributes = [
                    ("guid", guid.as_str()),
                    ("startPosition", from.as_str()),
                    ("endPosition", to.as_str()),
                ];
                holder = view.add(source, "PlainTextSelection", &attributes, &TEXT);
            }
            let guid = maker.guid(&view, &["coding", &coding.source, &coding.code]);
            let order: &[&str] = if holder == source { &TEXT } else { &SELECTION };
            let at = view.add(holder, "Coding", &[("guid", &guid)], order);
            view.add(at, "CodeRef", &[("targetGUID", &code)], &CODING);
        }
        Ok(self.changed(&view))
    }

    /// With cases added: a name, and the sources (GUID or name) that belong to it.
    ///
    /// # Errors
    ///
    /// [`RefiError::Unknown`] or [`RefiError::Value`], with the place in `cases`.
    pub fn with_cases(&self, cases: &[(String, Vec<String>)]) -> Result<Self, RefiError> {
        let mut view = View::of(self)?;
        let mut maker = Maker::new(self);
        for (row, (name, sources)) in cases.iter().enumerate() {
            if name.trim().is_empty() || self.codebook {
                let expected = "a name, in a project";
                return Err(RefiError::Value { argument: "cases", expected, row });
            }
            let holder = view.holder(0, "Cases", &ROOT);
            let guid = maker.guid(&view, &["case", name]);
            let at = view.add(holder, "Case", &[("guid", &guid), ("name", name)], &[]);
            for source in sources {
                let unknown = RefiError::Unknown { argument: "cases", what: "source", row };
                let source = view.named(&SOURCES, source).ok_or(unknown)?;
                let guid = view.attribute(source, "guid").unwrap_or_default();
                view.add(at, "SourceRef", &[("targetGUID", &guid)], &CASE);
            }
        }
        Ok(self.changed(&view))
    }

    /// With values of variables of cases; variables that are not there are defined, values that are
    /// there are replaced.
    ///
    /// # Errors
    ///
    /// [`RefiError::Unknown`] for a case that is not there, [`RefiError::Value`] for a variable of
    /// another type, with the place in `values`.
    pub fn with_values(&self, values: &[NewValue]) -> Result<Self, RefiError> {
        let mut view = View::of(self)?;
        let mut maker = Maker::new(self);
        for (row, value) in values.iter().enumerate() {
            let unknown = RefiError::Unknown { argument: "values", what: "case", row };
            let case = view.named(&["Case"], &value.case).ok_or(unknown)?;
            let variable = if let Some(variable) = view.named(&["Variable"], &value.variable) {
                let kind = view.attribute(variable, "typeOfVariable").unwrap_or_default();
                if kind != value.kind {
                    let expected = "a value of the type the variable has in the project";
                    return Err(RefiError::Value { argument: "values", expected, row });
                }
                variable
            } else {
                let guid = maker.guid(&view, &["variable", &value.variable]);
                let holder = view.holder(0, "Variables", &ROOT);
                let attributes = [
                    ("guid", guid.as_str()),
                    ("name", value.variable.as_str()),
                    ("typeOfVariable", value.kind),
                ];
                view.add(holder, "Variable", &attributes, &[])
            };
            let guid = view.attribute(variable, "guid").unwrap_or_default();
            view.put(case, &guid, value);
        }
        Ok(self.changed(&view))
    }

    fn changed(&self, view: &View) -> Self {
        let xml = view.tree.write();
        let changed = self.changed || xml != self.xml;
        Self { xml, changed, ..self.clone() }
    }
}

impl View {
    fn add(&mut self, parent: usize, name: &str, with: &[(&str, &str)], order: &[&str]) -> usize {
        let at = self.tree.add(parent, name, with, order);
        self.parents.push(parent);
        if let Some((_, guid)) = with.iter().find(|(name, _)| *name == "guid") {
            self.by_guid.insert(guid.to_ascii_lowercase(), at);
        }
        at
    }

    /// The element `name` inside another, made where there is none.
    fn holder(&mut self, parent: usize, name: &str, order: &[&str]) -> usize {
        self.tree.child(parent, name).unwrap_or_else(|| self.add(parent, name, &[], order))
    }

    /// An element by its GUID or its name; none when two have that name.
    fn named(&self, kinds: &[&str], which: &str) -> Option<usize> {
        if let Some(&at) = self.by_guid.get(&which.to_ascii_lowercase()) {
            return kinds.contains(&self.tree.get(at).name.as_str()).then_some(at);
        }
        let same = |at: &usize| self.tree.get(*at).attribute("name") == Some(which);
        let mut found = self.of_name(kinds).into_iter().filter(same);
        let first = found.next();
        first.filter(|_| found.next().is_none())
    }

    /// A code by GUID, path or name.
    fn code(&self, which: &str) -> Option<usize> {
        let path: Vec<&str> = which.split(" / ").collect();
        if path.len() == 1 {
            return self.named(&["Code"], which);
        }
        self.of_name(&["Code"]).into_iter().find(|&at| {
            let (mut at, mut left) = (at, path.iter().rev());
            loop {
                match (self.tree.get(at).name == "Code", left.next()) {
                    (true, Some(name)) if self.tree.get(at).attribute("name") == Some(*name) => {
                        at = self.parents[at];
                    }
                    (false, None) => return true,
                    _ => return false,
                }
            }
        })
    }

    /// Sets, replaces or takes away the value of a variable.
    fn put(&mut self, case: usize, variable: &str, value: &NewValue) {
        let own = |view: &Self, at: usize| {
            view.target(at, "VariableRef")
                .is_some_and(|(_, guid)| guid.eq_ignore_ascii_case(variable))
        };
        let kids: Vec<usize> = self.tree.children(case).collect();
        let found = kids.into_iter().find(|&at| own(self, at));
        let Some(text) = &value.value else {
            if let Some(found) = found {
                self.tree.remove(case, found);
            }
            return;
        };
        let name = format!("{}Value", value.kind);
        let at = found.unwrap_or_else(|| {
            let at = self.add(case, "VariableValue", &[], &CASE);
            self.add(at, "VariableRef", &[("targetGUID", variable)], &[]);
            at
        });
        let inside = self.tree.child(at, &name);
        if inside.is_some_and(|inside| &self.tree.text(inside) == text) {
            return;
        }
        let inside = inside.unwrap_or_else(|| self.add(at, &name, &[], &[]));
        self.tree.set_text(inside, text);
    }
}

/// Makes GUIDs of what they name: the same change of the same project gives the same file.
struct Maker {
    project: Vec<u8>,
}

impl Maker {
    fn new(project: &Project) -> Self {
        Self { project: Sha256::digest(&project.xml).to_vec() }
    }

    /// A UUID of version 8 (RFC 9562) that the project does not have.
    fn guid(&mut self, view: &View, parts: &[&str]) -> String {
        let mut count = 0_u64;
        loop {
            let mut hash = Sha256::new();
            hash.update(&self.project);
            for part in parts {
                hash.update((part.len() as u64).to_le_bytes());
                hash.update(part.as_bytes());
            }
            hash.update(count.to_le_bytes());
            let mut bytes = hash.finalize().to_vec();
            bytes[6] = bytes[6] & 0x0F | 0x80;
            bytes[8] = bytes[8] & 0x3F | 0x80;
            let hex = crate::hex::lower(&bytes[..16]);
            let guid = format!(
                "{}-{}-{}-{}-{}",
                &hex[..8],
                &hex[8..12],
                &hex[12..16],
                &hex[16..20],
                &hex[20..]
            );
            if !view.by_guid.contains_key(&guid) {
                return guid;
            }
            count += 1;
        }
    }
}

fn is_colour(text: &str) -> bool {
    let hex = text.strip_prefix('#').unwrap_or_default();
    hex.len() == 6 && hex.chars().all(|letter| letter.is_ascii_hexdigit())
}
