//! Writes synthetic registers as CSV: `write_registers <scale> <seed> <folder>`.

use kruispunt_synth::{Imperfections, Registers, Scale, SynthError};

fn main() -> Result<(), SynthError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let given = |at: usize, otherwise: &'static str| {
        arguments.get(at).map_or_else(|| otherwise.to_owned(), String::clone)
    };
    let scale = Scale::parse(&given(0, "mini"))?;
    let seed = given(1, "1").parse().unwrap_or(1);
    let faults = Imperfections::all();
    let world = Registers::new(scale).seed(seed).imperfections(faults).build()?;
    if let Some(folder) = arguments.get(2) {
        world.write_csv(folder)?;
    }
    Ok(())
}
