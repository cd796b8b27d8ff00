//! A person is the same at every scale, on any number of threads.

use crate::world;
use kruispunt::data::Ticket;
use kruispunt_synth::{Imperfections, Registers, Rollout, Scale, SynthError, World};
use rayon::ThreadPoolBuilder;

/// Tables that do not come person by person.
const OTHERS: [&str; 2] = ["employers", "municipalities"];

#[test]
fn a_smaller_world_is_the_beginning_of_a_larger_one() {
    let (small, large) =
        (world(Scale::Mini, Imperfections::all()), world(Scale::Test, Imperfections::all()));
    let tables = small.names().filter(|name| !OTHERS.contains(name));
    let pairs =
        tables.map(|name| (name, small.table(name).unwrap(), large.table(name).unwrap())).chain(
            ["latent", "worlds"]
                .map(|name| (name, small.truth(name).unwrap(), large.truth(name).unwrap())),
        );
    for (name, small, large) in pairs {
        assert!(small.n_rows() < large.n_rows(), "{name}");
        for (column, own) in small.names().iter().zip(small.columns()) {
            let other = large.get(column).unwrap();
            for row in 0..small.n_rows() {
                assert_eq!(own.label(row), other.label(row), "{name}.{column} at row {row}");
            }
        }
    }
}

#[test]
fn threads_change_no_bit() {
    let with = |threads: usize| -> World {
        let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| world(Scale::Test, Imperfections::all()))
    };
    let (one, three) = (with(1), with(3));
    for name in one.names() {
        assert_eq!(one.table(name).unwrap(), three.table(name).unwrap(), "{name}");
    }
    for name in one.truth_names().filter(|name| *name != "att") {
        assert_eq!(one.truth(name).unwrap(), three.truth(name).unwrap(), "{name}");
    }
    let bits = |world: &World| -> Vec<u64> {
        let att = world.truth("att").unwrap();
        crate::floats(att, "value").iter().map(|value| value.to_bits()).collect()
    };
    assert_eq!(bits(&one), bits(&three));
}

#[test]
fn another_seed_gives_other_persons() {
    let other = Registers::new(Scale::Mini).seed(2).build().unwrap();
    let one = Registers::new(Scale::Mini).seed(1).build().unwrap();
    assert_ne!(one.table("persons").unwrap(), other.table("persons").unwrap());
}

#[test]
fn cancelled_work_stops() {
    let ticket = Ticket::new();
    ticket.cancel();
    let made = Registers::new(Scale::Stress).ticket(ticket).build();
    assert!(matches!(made, Err(SynthError::Cancelled)));
}

#[test]
fn files_hold_what_the_tables_hold_and_truth_stays_apart() {
    let world = world(Scale::Mini, Imperfections::all());
    let folder = std::env::temp_dir().join(format!("kruispunt-synth-{}", std::process::id()));
    world.write_csv(&folder).unwrap();
    let read = |path: &str| std::fs::read_to_string(folder.join(path)).unwrap();
    let persons = read("registers/persons.csv");
    assert_eq!(persons.lines().count(), world.table("persons").unwrap().n_rows() + 1);
    assert!(persons.starts_with("pid,focal,register,birth_date"));
    assert!(read("truth/att.csv").lines().count() > 1000);
    for name in world.truth_names() {
        assert!(!folder.join("registers").join(format!("{name}.csv")).exists());
    }
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(matches!(world.write_csv("/dev/null/nowhere"), Err(SynthError::Write { .. })));
}

/// The switch of the roll-out moves adoptions and what hangs on them, nothing else.
#[test]
fn a_roll_out_to_all_changes_adoptions_alone() {
    let build = |rollout| Registers::new(Scale::Mini).seed(3).rollout(rollout).build().unwrap();
    let (some, all) = (build(Rollout::Some), build(Rollout::All));
    for name in some.names() {
        let same = some.table(name).unwrap() == all.table(name).unwrap();
        assert_eq!(same, !["municipalities", "rollout_outcome"].contains(&name), "{name}");
    }
    for name in some.truth_names() {
        let same = some.truth(name).unwrap() == all.truth(name).unwrap();
        assert_eq!(same, name != "rollout", "{name}");
    }
    let column = |world: &World| {
        world.table("municipalities").unwrap().get("adoption").unwrap().count_nulls()
    };
    assert!(column(&some) > 40);
    assert_eq!(column(&all), 0);
}
