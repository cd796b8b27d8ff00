//! A room imports only from floors below it.

use std::fs;
use std::path::{Path, PathBuf};

/// Rooms by floor, lowest first; see `docs/ARCHITECTURE.md`.
const FLOORS: &[&[&str]] = &[
    &["data"],
    &["math"],
    &["linkage", "panel", "trajectory", "estimate"],
    &["evaluate", "cases"],
    &["report"],
];

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).expect("the source folder can be read");
    for entry in entries {
        let path = entry.expect("a folder entry can be read").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Rooms named after `crate::` in a line of code, comments left out.
fn imports(line: &str) -> Vec<&str> {
    let code = line.split("//").next().unwrap_or_default();
    code.split("crate::")
        .skip(1)
        .map(|rest| {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            &rest[..end]
        })
        .filter(|room| floor(room).is_some())
        .collect()
}

fn violations(room: &str, name: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, line) in text.lines().enumerate() {
        for other in imports(line) {
            if other != room && floor(other) >= floor(room) {
                found.push(format!("{name}:{}: {room} imports {other}", at + 1));
            }
        }
    }
    found
}

#[test]
fn rooms_import_only_from_floors_below() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut found = Vec::new();
    let mut checked = 0;
    for path in files {
        let inside = path.strip_prefix(&root).expect("sources lie under src");
        let name = inside.display().to_string();
        let room = name.split(['/', '\\', '.']).next().unwrap_or_default().to_owned();
        if room == "lib" {
            continue;
        }
        assert!(floor(&room).is_some(), "{name}: the room `{room}` stands on no floor");
        found.extend(violations(&room, &name, &fs::read_to_string(&path).expect("readable")));
        checked += 1;
    }
    assert!(checked > 10, "only {checked} files were checked");
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn only_linalg_uses_nalgebra() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    for path in files {
        let allowed = path.ends_with("math/linalg.rs")
            || path.components().any(|c| c.as_os_str() == "linalg");
        let text = fs::read_to_string(&path).expect("readable");
        for (at, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            assert!(
                allowed || !code.contains("nalgebra"),
                "{}:{}: nalgebra",
                path.display(),
                at + 1
            );
        }
    }
}

#[test]
fn a_planted_violation_is_found() {
    let planted = "use crate::data::Table;\nuse crate::panel::Panel; // crate::report\n";
    assert_eq!(violations("linkage", "x.rs", planted), ["x.rs:2: linkage imports panel"]);
    assert_eq!(
        violations("data", "y.rs", "let x = crate::math::sum(y);"),
        ["y.rs:1: data imports math"]
    );
    assert!(violations("report", "z.rs", planted).is_empty());
}
