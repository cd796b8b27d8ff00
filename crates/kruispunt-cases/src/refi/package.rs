//! A `.qdpx` archive.

use super::RefiError;
use std::io::{Cursor, Read, Write};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// What an archive may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all files together, unpacked.
    pub bytes: u64,
    /// Bytes of a file unpacked for one packed byte, above 1 MiB.
    pub ratio: u64,
    /// Files.
    pub files: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 8 << 30, ratio: 500, files: 100_000 }
    }
}

/// The project file must fit into memory several times.
const PROJECT: u64 = 512 << 20;

fn bad(problem: impl Into<String>) -> RefiError {
    RefiError::Package { problem: problem.into() }
}

/// Opens an archive and refuses what could do harm.
pub(super) fn open(bytes: &[u8], limits: Limits) -> Result<ZipArchive<Cursor<&[u8]>>, RefiError> {
    let mut archive = ZipArchive::new(Cursor::new(bytes))
        .map_err(|error| bad(format!("no zip archive ({error})")))?;
    if archive.len() > limits.files {
        return Err(bad(format!("{} files, more than {}", archive.len(), limits.files)));
    }
    let mut names = std::collections::BTreeSet::new();
    let mut total = 0_u64;
    for at in 0..archive.len() {
        let file = archive.by_index_raw(at).map_err(|error| bad(format!("file {at}: {error}")))?;
        let name = file.name().map_err(|_| RefiError::Path { file: at })?;
        let parts = name.split(['/', '\\']);
        let climbs = parts.clone().any(|part| part == ".." || part.contains('\0'));
        let rooted = name.starts_with(['/', '\\']) || name.get(1..2) == Some(":");
        if climbs || rooted || name.is_empty() {
            return Err(RefiError::Path { file: at });
        }
        if file.encrypted() {
            return Err(bad(format!("file {at} is encrypted")));
        }
        if !names.insert(name.to_lowercase()) {
            return Err(bad(format!("the name of file {at} occurs twice")));
        }
        total = total.saturating_add(file.size());
        let dense =
            file.size() > 1 << 20 && file.size() / file.compressed_size().max(1) > limits.ratio;
        if total > limits.bytes || dense {
            return Err(RefiError::Bomb { bytes: limits.bytes, ratio: limits.ratio });
        }
    }
    Ok(archive)
}

/// Reads one file, never more than its declared size.
pub(super) fn entry(
    archive: &mut ZipArchive<Cursor<&[u8]>>,
    name: &str,
    limits: Limits,
) -> Result<Option<Vec<u8>>, RefiError> {
    let mut names = archive.file_names().filter_map(Result::ok);
    let found = names.find(|own| own.eq_ignore_ascii_case(name)).map(std::borrow::Cow::into_owned);
    drop(names);
    let Some(found) = found else { return Ok(None) };
    let file = archive.by_name(&found).map_err(|error| bad(error.to_string()))?;
    let most = file.size().min(PROJECT);
    if file.size() > PROJECT {
        return Err(RefiError::Bomb { bytes: PROJECT, ratio: limits.ratio });
    }
    let mut bytes = Vec::new();
    file.take(most + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| bad(format!("a file cannot be unpacked ({error})")))?;
    if bytes.len() as u64 > most {
        return Err(RefiError::Bomb { bytes: limits.bytes, ratio: limits.ratio });
    }
    Ok(Some(bytes))
}

/// The archive with another project file and more files; all others as they are, packed bytes too.
pub(super) fn rewrite(
    bytes: Option<&[u8]>,
    project: &[u8],
    more: &[(String, Vec<u8>)],
) -> Result<Vec<u8>, RefiError> {
    let failed = |error: zip::result::ZipError| bad(error.to_string());
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    let put = |writer: &mut ZipWriter<Cursor<Vec<u8>>>, name: &str, data: &[u8]| {
        writer.start_file(name, options).map_err(failed)?;
        writer.write_all(data).map_err(|error| bad(error.to_string()))
    };
    let mut written = false;
    if let Some(bytes) = bytes {
        let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(failed)?;
        for at in 0..archive.len() {
            let file = archive.by_index_raw(at).map_err(failed)?;
            let name = file.name().map_err(failed)?.into_owned();
            if name.eq_ignore_ascii_case("project.qde") {
                drop(file);
                put(&mut writer, &name, project)?;
                written = true;
            } else {
                writer.raw_copy_file(file).map_err(failed)?;
            }
        }
    }
    if !written {
        put(&mut writer, "project.qde", project)?;
    }
    for (name, data) in more {
        put(&mut writer, name, data)?;
    }
    Ok(writer.finish().map_err(failed)?.into_inner())
}
