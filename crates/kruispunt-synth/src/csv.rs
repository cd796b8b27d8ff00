//! Registers as files.

use crate::{SynthError, World};
use kruispunt::data::Table;
use std::fs;
use std::io::{BufWriter, Write};
use std::path::Path;

impl World {
    /// Writes `registers/<name>.csv` and `truth/<name>.csv` in `folder`.
    ///
    /// Comma separated, UTF-8, a header line, quotes where needed, nothing where missing.
    ///
    /// # Errors
    ///
    /// [`SynthError::Write`].
    pub fn write_csv(&self, folder: impl AsRef<Path>) -> Result<(), SynthError> {
        let folder = folder.as_ref();
        for name in self.names() {
            write(&folder.join("registers"), name, self.table(name)?)?;
        }
        for name in self.truth_names() {
            write(&folder.join("truth"), name, self.truth(name)?)?;
        }
        Ok(())
    }
}

fn write(folder: &Path, name: &str, table: &Table) -> Result<(), SynthError> {
    let path = folder.join(format!("{name}.csv"));
    let write = || {
        fs::create_dir_all(folder)?;
        let mut file = BufWriter::new(fs::File::create(&path)?);
        writeln!(file, "{}", table.names().join(","))?;
        for row in 0..table.n_rows() {
            for (at, column) in table.columns().iter().enumerate() {
                if at > 0 {
                    file.write_all(b",")?;
                }
                if let Some(text) = column.label(row) {
                    cell(&mut file, &text)?;
                }
            }
            file.write_all(b"\n")?;
        }
        file.flush()
    };
    write().map_err(|source| SynthError::Write { path: path.display().to_string(), source })
}

fn cell(file: &mut impl Write, text: &str) -> std::io::Result<()> {
    if text.contains([',', '"', '\n', '\r']) {
        write!(file, "\"{}\"", text.replace('"', "\"\""))
    } else {
        file.write_all(text.as_bytes())
    }
}
