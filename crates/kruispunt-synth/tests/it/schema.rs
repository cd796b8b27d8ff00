//! Tables and documentation agree.

use crate::world;
use kruispunt::data::{Column, Unit, Values};
use kruispunt_synth::schema::{Field, Kind, TRUTH, markdown, schema, tables};
use kruispunt_synth::{Imperfections, Registers, Scale, SynthError};

fn agrees(field: &Field, column: &Column) -> bool {
    match (field.kind, column.values()) {
        (Kind::Int, Values::Int(_))
        | (Kind::Float, Values::Float(_))
        | (Kind::Date, Values::Date(_))
        | (Kind::Quarter, Values::Period(Unit::Quarter, _))
        | (Kind::Year, Values::Period(Unit::Year, _)) => true,
        (Kind::Text, Values::Text(text)) => !text.is_categorical(),
        (Kind::Code, Values::Text(text)) => {
            text.is_categorical() && text.levels().iter().eq(field.codes.iter().map(|code| code.0))
        }
        _ => false,
    }
}

#[test]
fn every_table_has_the_columns_of_its_schema_and_rows() {
    let world = world(Scale::Test, Imperfections::all());
    let generated = tables().filter(|table| table.generated).map(|table| table.name);
    assert!(world.names().eq(generated));
    let own = world.names().map(|name| (name, world.table(name).unwrap()));
    let truth = world.truth_names().map(|name| (name, world.truth(name).unwrap()));
    for (name, table) in own.chain(truth) {
        let fields = schema(name).unwrap().fields;
        assert!(table.n_rows() > 0, "{name}");
        assert!(table.names().iter().eq(fields.iter().map(|field| field.name)), "{name}");
        for (field, column) in fields.iter().zip(table.columns()) {
            assert!(agrees(field, column), "{name}.{}", field.name);
        }
    }
    assert_eq!(world.truth_names().len(), TRUTH.len());
}

#[test]
fn the_documentation_is_the_schema() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/registers.md");
    if std::env::var_os("KRUISPUNT_WRITE_DOCS").is_some() {
        std::fs::write(path, markdown()).unwrap();
    }
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text == markdown(), "run this test with KRUISPUNT_WRITE_DOCS=1 to renew {path}");
}

#[test]
fn what_is_not_there_is_refused_by_name() {
    let world = world(Scale::Mini, Imperfections::none());
    assert!(matches!(world.table("survey_a"), Err(SynthError::NotGenerated { .. })));
    assert!(matches!(world.table("att"), Err(SynthError::UnknownTable { .. })));
    assert!(matches!(world.truth("persons"), Err(SynthError::UnknownTable { .. })));
    let unknown = Imperfections::list(["gremlins"]).unwrap_err();
    assert!(unknown.to_string().contains("dup_bis") && unknown.is_input());
    for rho in [f64::NAN, f64::INFINITY, 6.0] {
        assert!(Registers::new(Scale::Mini).rho(rho).build().is_err());
    }
    assert!(Scale::parse("huge").is_err());
}
