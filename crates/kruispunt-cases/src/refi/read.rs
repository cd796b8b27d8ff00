//! What a project holds, as tables.

use super::tree::Tree;
use super::{Limits, Project, RefiError, package};
use kruispunt::data::{Column, DataError, Table};
use rustc_hash::FxHashMap;

/// Rows of text, gathered column by column.
#[derive(Default)]
struct Rows {
    columns: Vec<Vec<Option<String>>>,
}

impl Rows {
    fn push<const N: usize>(&mut self, row: [Option<String>; N]) {
        self.columns.resize(N, Vec::new());
        for (column, cell) in self.columns.iter_mut().zip(row) {
            column.push(cell);
        }
    }

    /// The table; columns in `whole` hold whole numbers.
    fn table(self, names: &[&str], whole: &[&str]) -> Result<Table, DataError> {
        let mut columns = self.columns;
        columns.resize(names.len(), Vec::new());
        Table::new(names.iter().zip(columns).map(|(name, cells)| {
            let column = if whole.contains(name) {
                let parse =
                    |cell: &Option<String>| cell.as_deref().and_then(|cell| cell.parse().ok());
                Column::ints(&cells.iter().map(parse).collect::<Vec<Option<i64>>>())
            } else {
                Column::text(cells.iter().map(Option::as_deref))
            };
            (*name, column)
        }))
    }
}

/// A project opened for reading.
pub(super) struct View {
    pub(super) tree: Tree,
    pub(super) parents: Vec<usize>,
    pub(super) by_guid: FxHashMap<String, usize>,
}

impl View {
    pub(super) fn of(project: &Project) -> Result<Self, RefiError> {
        let tree = project.tree()?;
        let mut parents = vec![0; tree.len()];
        let mut by_guid = FxHashMap::default();
        for at in 0..tree.len() {
            for kid in tree.children(at) {
                parents[kid] = at;
            }
            if let Some(guid) = tree.get(at).attribute("guid") {
                by_guid.insert(guid.to_ascii_lowercase(), at);
            }
        }
        Ok(Self { tree, parents, by_guid })
    }

    pub(super) fn of_name(&self, names: &[&str]) -> Vec<usize> {
        let all = self.tree.below(0);
        all.into_iter().filter(|&at| names.contains(&self.tree.get(at).name.as_str())).collect()
    }

    pub(super) fn attribute(&self, at: usize, name: &str) -> Option<String> {
        self.tree.get(at).attribute(name).map(str::to_owned)
    }

    pub(super) fn described(&self, at: usize) -> Option<String> {
        self.tree.child(at, "Description").map(|child| self.tree.text(child))
    }

    /// The element a reference inside `at` points to, and its GUID.
    pub(super) fn target(&self, at: usize, name: &str) -> Option<(Option<usize>, String)> {
        let reference = self.tree.child(at, name)?;
        let guid = self.tree.get(reference).attribute("targetGUID")?;
        Some((self.by_guid.get(&guid.to_ascii_lowercase()).copied(), guid.to_owned()))
    }

    /// Names of a code and those above it.
    fn path(&self, code: usize) -> Vec<String> {
        let mut path = Vec::new();
        let mut at = code;
        while self.tree.get(at).name == "Code" {
            path.push(self.attribute(at, "name").unwrap_or_default());
            at = self.parents[at];
        }
        path.reverse();
        path
    }

    /// The source and, where it lies in one, the selection of a coding.
    fn place(&self, coding: usize) -> (Option<usize>, Option<usize>) {
        let (mut source, mut selection, mut at) = (None, None, self.parents[coding]);
        while at != 0 {
            let name = &self.tree.get(at).name;
            if name.ends_with("Selection") && selection.is_none() {
                selection = Some(at);
            }
            if SOURCES.contains(&name.as_str()) {
                source = Some(at);
            }
            at = self.parents[at];
        }
        (source, selection)
    }
}

/// The kinds of sources.
pub(super) const SOURCES: [&str; 5] =
    ["TextSource", "PictureSource", "PDFSource", "AudioSource", "VideoSource"];
const SELECTIONS: [&str; 6] = [
    "PlainTextSelection",
    "PictureSelection",
    "PDFSelection",
    "AudioSelection",
    "VideoSelection",
    "TranscriptSelection",
];

impl Project {
    /// Codes, parents first: `guid`, `name`, `path` (names from the top, ` / ` between), `parent`,
    /// `depth` (0 at the top), `colour`, `codable`, `description`.
    ///
    /// # Errors
    ///
    /// [`RefiError`].
    pub fn codes(&self) -> Result<Table, RefiError> {
        let view = View::of(self)?;
        let mut rows = Rows::default();
        for at in view.of_name(&["Code"]) {
            let path = view.path(at);
            let above = view.parents[at];
            let parent =
                (view.tree.get(above).name == "Code").then(|| view.attribute(above, "guid"));
            rows.push([
                view.attribute(at, "guid"),
                view.attribute(at, "name"),
                Some(path.join(" / ")),
                parent.flatten(),
                Some((path.len() - 1).to_string()),
                view.attribute(at, "color"),
                view.attribute(at, "isCodable"),
                view.described(at),
            ]);
        }
        let names = ["guid", "name", "path", "parent", "depth", "colour", "codable", "description"];
        table(rows.table(&names, &["depth"]))
    }

    /// Sources: `guid`, `name`, `kind`, `path`, `description`.
    ///
    /// # Errors
    ///
    /// [`RefiError`].
    pub fn sources(&self) -> Result<Table, RefiError> {
        let view = View::of(self)?;
        let mut rows = Rows::default();
        for at in view.of_name(&["Sources"]).into_iter().flat_map(|at| view.tree.children(at)) {
            let kind = view.tree.get(at).name.trim_end_matches("Source").to_lowercase();
            let path = ["plainTextPath", "path", "richTextPath"];
            rows.push([
                view.attribute(at, "guid"),
                view.attribute(at, "name"),
                Some(kind),
                path.into_iter().find_map(|name| view.attribute(at, name)),
                view.described(at),
            ]);
        }
        table(rows.table(&["guid", "name", "kind", "path", "description"], &[]))
    }

    /// Selections: `guid`, `source`, `kind`, `name`, `start`, `end` (characters of text, milliseconds
    /// of sound and film; the end does not belong to it) and `text` where the source is plain text.
    ///
    /// # Errors
    ///
    /// [`RefiError`].
    pub fn selections(&self) -> Result<Table, RefiError> {
        let view = View::of(self)?;
        let mut rows = Rows::default();
        let mut texts: FxHashMap<usize, Option<Vec<char>>> = FxHashMap::default();
        for at in view.of_name(&SELECTIONS) {
            let (source, _) = view.place(at);
            let start = view.attribute(at, "startPosition").or_else(|| view.attribute(at, "begin"));
            let end = view.attribute(at, "endPosition").or_else(|| view.attribute(at, "end"));
            let mut text = None;
            if view.tree.get(at).name == "PlainTextSelection" {
                let holder = view.parents[at];
                let whole = match texts.entry(holder) {
                    std::collections::hash_map::Entry::Occupied(own) => own.into_mut(),
                    std::collections::hash_map::Entry::Vacant(own) => {
                        own.insert(self.plain(&view, holder)?.map(|text| text.chars().collect()))
                    }
                };
                let range = |text: &Option<String>| text.as_deref().and_then(|t| t.parse().ok());
                if let (Some(whole), Some(from), Some(to)) = (whole, range(&start), range(&end)) {
                    let (from, to): (usize, usize) = (from, to);
                    text = whole.get(from..to).map(|part| part.iter().collect());
                }
            }
            rows.push([
                view.attribute(at, "guid"),
                source.and_then(|source| view.attribute(source, "guid")),
                Some(view.tree.get(at).name.trim_end_matches("Selection").to_lowercase()),
                view.attribute(at, "name"),
                start,
                end,
                text,
            ]);
        }
        let names = ["guid", "source", "kind", "name", "start", "end", "text"];
        table(rows.table(&names, &["start", "end"]))
    }

    /// Codings: `guid`, `code`, `code_name`, `source`, `source_name`, `selection` (missing where the
    /// whole source is coded), `user`, `created`.
    ///
    /// # Errors
    ///
    /// [`RefiError`].
    pub fn codings(&self) -> Result<Table, RefiError> {
        let view = View::of(self)?;
        let mut rows = Rows::default();
        for at in view.of_name(&["Coding"]) {
            let Some((code, guid)) = view.target(at, "CodeRef") else { continue };
            let (source, selection) = view.place(at);
            rows.push([
                view.attribute(at, "guid"),
                Some(guid),
                code.and_then(|code| view.attribute(code, "name")),
                source.and_then(|source| view.attribute(source, "guid")),
                source.and_then(|source| view.attribute(source, "name")),
                selection.and_then(|selection| view.attribute(selection, "guid")),
                view.attribute(at, "creatingUser"),
                view.attribute(at, "creationDateTime"),
            ]);
        }
        let names =
            ["guid", "code", "code_name", "source", "source_name", "selection", "user", "created"];
        table(rows.table(&names, &[]))
    }

    /// Cases and what belongs to them, a row each: `guid`, `name`, `description`, `kind` (source,
    /// selection, code; missing where nothing does), `target`.
    ///
    /// # Errors
    ///
    /// [`RefiError`].
    pub fn cases(&self) -> Result<Table, RefiError> {
        let view = View::of(self)?;
        let mut rows = Rows::default();
        for at in view.of_name(&["Case"]) {
            let mut any = false;
            for kid in view.tree.children(at) {
                let kind = match view.tree.get(kid).name.as_str() {
                    "SourceRef" => "source",
                    "SelectionRef" => "selection",
                    "CodeRef" => "code",
                    _ => continue,
                };
                any = true;
                let target = view.attribute(kid, "targetGUID");
                rows.push(case_row(&view, at, Some(kind), target));
            }
            if !any {
                rows.push(case_row(&view, at, None, None));
            }
        }
        table(rows.table(&["guid", "name", "description", "kind", "target"], &[]))
    }

    /// Values of variables: `holder` (the GUID of a case or source), `holder_name`, `variable`,
    /// `type`, `value`.
    ///
    /// # Errors
    ///
    /// [`RefiError`].
    pub fn variables(&self) -> Result<Table, RefiError> {
        let view = View::of(self)?;
        let mut rows = Rows::default();
        for at in view.of_name(&["VariableValue"]) {
            let Some((variable, guid)) = view.target(at, "VariableRef") else { continue };
            let holder = view.parents[at];
            let kids = view.tree.children(at);
            let value = kids.filter(|&kid| view.tree.get(kid).name.ends_with("Value")).last();
            rows.push([
                view.attribute(holder, "guid"),
                view.attribute(holder, "name"),
                variable.and_then(|own| view.attribute(own, "name")).or(Some(guid)),
                variable.and_then(|own| view.attribute(own, "typeOfVariable")),
                value.map(|value| view.tree.text(value)),
            ]);
        }
        table(rows.table(&["holder", "holder_name", "variable", "type", "value"], &[]))
    }

    /// Notes: `guid`, `name`, `text`.
    ///
    /// # Errors
    ///
    /// [`RefiError`].
    pub fn notes(&self) -> Result<Table, RefiError> {
        let view = View::of(self)?;
        let mut rows = Rows::default();
        for at in view.of_name(&["Note"]) {
            let text = self.plain(&view, at)?;
            rows.push([view.attribute(at, "guid"), view.attribute(at, "name"), text]);
        }
        table(rows.table(&["guid", "name", "text"], &[]))
    }

    /// Users: `guid`, `name`.
    ///
    /// # Errors
    ///
    /// [`RefiError`].
    pub fn users(&self) -> Result<Table, RefiError> {
        let view = View::of(self)?;
        let mut rows = Rows::default();
        for at in view.of_name(&["User"]) {
            rows.push([view.attribute(at, "guid"), view.attribute(at, "name")]);
        }
        table(rows.table(&["guid", "name"], &[]))
    }

    /// The plain text of a source, by its GUID; none where it has none.
    ///
    /// # Errors
    ///
    /// [`RefiError::Unknown`], or what is wrong with the file.
    pub fn text(&self, source: &str) -> Result<Option<String>, RefiError> {
        let view = View::of(self)?;
        let Some(&at) = view.by_guid.get(&source.to_ascii_lowercase()) else {
            return Err(RefiError::Unknown { argument: "source", what: "source", row: 0 });
        };
        self.plain(&view, at)
    }

    /// The text of a text source, written in it or in a file of the archive.
    fn plain(&self, view: &View, at: usize) -> Result<Option<String>, RefiError> {
        if let Some(inside) = view.tree.child(at, "PlainTextContent") {
            return Ok(Some(view.tree.text(inside)));
        }
        let Some(path) = view.attribute(at, "plainTextPath") else { return Ok(None) };
        let Some(name) = path.strip_prefix("internal://") else { return Ok(None) };
        let name = format!("sources/{name}");
        let bytes = match self.more.iter().find(|(own, _)| own == &name) {
            Some((_, bytes)) => Some(bytes.clone()),
            None => match &self.archive {
                None => None,
                Some(archive) => {
                    let limits = Limits::default();
                    package::entry(&mut package::open(archive, limits)?, &name, limits)?
                }
            },
        };
        let Some(bytes) = bytes else { return Ok(None) };
        let text = String::from_utf8(bytes).map_err(|_| RefiError::Xml {
            file: "a text source".to_owned(),
            problem: "not UTF-8".to_owned(),
        })?;
        Ok(Some(text.strip_prefix('\u{feff}').map_or(text.clone(), str::to_owned)))
    }
}

fn case_row(
    view: &View,
    at: usize,
    kind: Option<&str>,
    target: Option<String>,
) -> [Option<String>; 5] {
    let (guid, name) = (view.attribute(at, "guid"), view.attribute(at, "name"));
    [guid, name, view.described(at), kind.map(str::to_owned), target]
}

/// The names are distinct and the columns of one length.
fn table(made: Result<Table, DataError>) -> Result<Table, RefiError> {
    made.map_err(|error| RefiError::Package { problem: error.to_string() })
}
