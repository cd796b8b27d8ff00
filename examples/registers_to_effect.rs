//! From registers to an effect, in Rust: link by number, build a panel, estimate, report.
//!
//! `cargo run --release --example registers_to_effect -- report.html`

#![allow(clippy::print_stdout, reason = "an example shows its result")]

use kruispunt::data::{Calendar, Column, Spells, Table};
use kruispunt::estimate::{FeOls, Vcov};
use kruispunt::linkage::KeyLink;
use kruispunt::panel::{Balance, FirstTreatment, Merge, SpellColumns, ToPanel};
use kruispunt::report::{HtmlTable, Page, RegressionTable};
use kruispunt_synth::{Imperfections, Registers, Scale};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let world = Registers::new(Scale::Test).seed(1).imperfections(Imperfections::all()).build()?;
    let calendar = Calendar::quarters("2005Q1", "2016Q4")?;

    // Who are the clients of the employment service? Old numbers lead to the current one.
    let (clients, identities) = (world.table("vdab_klanten")?, world.table("identities")?);
    let history = world.table("insz_history")?.clone();
    let links = KeyLink::new("insz")
        .history(history, "old_insz", "new_insz")
        .date("date")
        .link(clients, identities)?;
    let clients = links.attach(clients, identities, &["pid"], "clients")?;

    // The courses of each client, as events of a person.
    let courses = trainings(world.table("vdab_acties")?)?;
    let training =
        Spells::read(&courses, &SpellColumns::event("vdab_id", "from").name("training"))?
            .identify(&clients, "vdab_id", "pid")?;

    // The main job at the end of each quarter.
    let columns = SpellColumns::new("pid", "start", "end").name("job lines");
    let jobs = Spells::read(
        world.table("dmfa_jobs")?,
        &columns.carry(["quarter", "matric", "wage_ord", "days_ft", "hours_pt"]),
    )?
    .clip(&calendar)
    .merge(&Merge::days(0).by(["quarter", "matric"]).sum(["wage_ord", "days_ft", "hours_pt"]))?
    .resolve(["-wage_ord", "matric"])?;
    let what =
        ToPanel::new().values(["matric", "wage_ord", "days_ft", "hours_pt"]).balance(Balance::None);
    let panel = jobs.to_panel(&calendar, &what)?.event_time(FirstTreatment::Spells(&training))?;

    // The log day wage on a finished training, with person, employer and quarter effects.
    let panel = panel.with_column("ln_wage", log_day_wage(&panel.table())?)?;
    let after = panel.column("after", "event_time")?.to_floats("after", "event_time")?;
    let after = after.iter().map(|&e| f64::from(u8::from(e >= 2.0))).collect();
    let panel = panel.with_column("after", Column::float(after))?;
    let fit = FeOls::new("ln_wage ~ after | pid + matric + quarter")?
        .vcov(Vcov::cluster("pid"))
        .fit(&panel.table())?;
    println!("{}", RegressionTable::new(&[&fit]).text());

    let page = Page::new("From registers to an effect")
        .lead("Synthetic registers; no person in them exists.")
        .section("Clients linked by number")
        .flow(links.account(), "What the numbers left open")
        .section("The panel")
        .flow(panel.account(), "Flow of rows and persons")
        .section("Any finished action and the day wage")
        .table(&HtmlTable::new(&fit.tidy(0.05)?).digits(4));
    if let Some(path) = std::env::args().nth(1) {
        std::fs::write(path, page.html())?;
    }
    Ok(())
}

/// The actions that are trainings.
fn trainings(actions: &Table) -> Result<Table, Box<dyn Error>> {
    let kind = actions.column("type", "type")?;
    let rows: Vec<u32> = (0..actions.n_rows())
        .filter(|&row| {
            kind.label(row)
                .is_some_and(|kind| ["GCT", "OCT", "NCWT", "CWT"].contains(&kind.as_str()))
        })
        .map(|row| row as u32)
        .collect();
    Ok(actions.take(&rows))
}

fn log_day_wage(table: &Table) -> Result<Column, Box<dyn Error>> {
    let numbers = |name: &str| table.column("ln_wage", name)?.to_floats("ln_wage", name);
    let (wage, days, hours) = (numbers("wage_ord")?, numbers("days_ft")?, numbers("hours_pt")?);
    let wages: Vec<Option<f64>> = (0..wage.len())
        .map(|row| {
            let day_wage = wage[row] / (days[row] + hours[row] / 7.6);
            (day_wage.is_finite() && day_wage > 0.0).then(|| day_wage.ln())
        })
        .collect();
    Ok(Column::floats(&wages))
}
