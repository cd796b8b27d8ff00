//! The verbs of the panel room against slow twins that look at every day.

use kruispunt::data::{
    Bitmap, Calendar, Column, Day, Panel, Period, Spells, Table, Text, Unit, Values,
};
use kruispunt::panel::{
    Aggregates, Attach, Balance, Merge, SpellColumns, Spread, StateRule, ToPanel,
};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet, HashMap};

const STATES: [&str; 3] = ["employee", "jobseeker", "student"];
/// 1 November 2011, in days: the spells lie around the leap day of 2012.
const FIRST: i32 = 15_279;

#[derive(Clone, Debug)]
struct Row {
    person: i64,
    start: i32,
    end: i32,
    state: u32,
    wage: Option<f64>,
    source: i64,
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let wage = prop_oneof![Just(None), (1..4_i32).prop_map(|wage| Some(f64::from(wage) * 30.0))];
    let row = (0..4_i64, 0..300_i32, 1..130_i32, 0..3_u32, wage, 0..2_i64);
    let row = row.prop_map(|(person, start, days, state, wage, source)| Row {
        person: person * 7 - 7,
        start: FIRST + start,
        end: FIRST + start + days,
        state,
        wage,
        source,
    });
    proptest::collection::vec(row, 1..14)
}

fn read(rows: &[Row]) -> Spells {
    let states = Column::text(rows.iter().map(|row| Some(STATES[row.state as usize])));
    read_with(rows, states)
}

/// States as categories of one byte each; the last is missing, if `gaps`.
fn in_bytes(rows: &[Row], gaps: bool) -> Column {
    let codes: Vec<u8> = rows.iter().map(|row| row.state as u8).collect();
    let text = Text::of_bytes(codes.into(), STATES.into_iter().collect(), true).unwrap();
    let there = rows.iter().map(|row| !gaps || row.state < 2);
    Column::new(Values::Text(text), Bitmap::pack(there))
}

fn read_with(rows: &[Row], states: Column) -> Spells {
    let dates = |of: fn(&Row) -> i32| {
        Column::dates(&rows.iter().map(|row| Some(Day(of(row)))).collect::<Vec<_>>())
    };
    let table = Table::new([
        ("pid", Column::int(rows.iter().map(|row| row.person).collect())),
        ("start", dates(|row| row.start)),
        ("end", dates(|row| row.end - 1)),
        ("status", states),
        ("wage", Column::floats(&rows.iter().map(|row| row.wage).collect::<Vec<_>>())),
        ("reg", Column::int(rows.iter().map(|row| row.source).collect())),
    ])
    .unwrap();
    let columns = SpellColumns::new("pid", "start", "end").state("status").source("reg");
    Spells::read(&table, &columns.carry(["wage"])).unwrap()
}

/// Which rows cover each day of each person.
fn days(spells: &Spells) -> BTreeMap<(String, i32), Vec<u32>> {
    let mut days: BTreeMap<_, Vec<u32>> = BTreeMap::new();
    for person in 0..spells.persons().len() {
        let id = spells.persons().ids().label(person).unwrap();
        for at in spells.of(person) {
            for day in spells.starts()[at]..spells.ends()[at] {
                days.entry((id.clone(), day)).or_default().push(spells.rows()[at]);
            }
        }
    }
    for rows in days.values_mut() {
        rows.sort_unstable();
    }
    days
}

fn naive_days(rows: &[Row]) -> BTreeMap<(String, i32), Vec<u32>> {
    let mut days: BTreeMap<_, Vec<u32>> = BTreeMap::new();
    for (at, row) in (0..).zip(rows) {
        for day in row.start..row.end {
            days.entry((row.person.to_string(), day)).or_default().push(at);
        }
    }
    days
}

fn calendar() -> Calendar {
    Calendar::quarters("2012Q1", "2012Q3").unwrap()
}

fn ints(panel: &Panel, name: &str) -> Vec<Option<i64>> {
    let column = panel.column("test", name).unwrap();
    let Values::Int(values) = column.values().clone() else { panic!("{name} is not whole") };
    (0..panel.n_rows()).map(|row| (!column.is_null(row)).then(|| values[row])).collect()
}

fn floats(panel: &Panel, name: &str) -> Vec<Option<f64>> {
    let column = panel.column("test", name).unwrap();
    let values = column.to_floats("test", name).unwrap();
    (0..panel.n_rows()).map(|row| (!column.is_null(row)).then(|| values[row])).collect()
}

/// Person and period of each row.
fn cells(panel: &Panel) -> Vec<(String, Period)> {
    let of = |(&person, &at): (&u32, &u32)| {
        let id = panel.persons().ids().label(person as usize).unwrap();
        (id, panel.calendar().period(at as usize))
    };
    panel.person_codes().iter().zip(panel.positions()).map(of).collect()
}

fn winner(rows: &[Row], covering: &[u32]) -> u32 {
    let key = |at: &&u32| {
        let row = &rows[**at as usize];
        (row.source, row.wage.map_or(i64::MAX, |wage| -(wage as i64)), **at)
    };
    *covering.iter().min_by_key(key).unwrap()
}

fn close(a: Option<f64>, b: Option<f64>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * (1.0 + a.abs()),
        (a, b) => a.is_none() && b.is_none(),
    }
}

proptest! {
    #[test]
    fn spells_are_sorted_and_keep_their_days(rows in rows()) {
        let spells = read(&rows);
        prop_assert_eq!(days(&spells), naive_days(&rows));
        for person in 0..spells.persons().len() {
            let key = |at: usize| (spells.starts()[at], spells.ends()[at], spells.rows()[at]);
            prop_assert!(spells.of(person).map(key).is_sorted());
        }
    }

    #[test]
    fn clipping_keeps_the_days_inside(rows in rows()) {
        let clipped = read(&rows).clip(&calendar());
        let mut naive = naive_days(&rows);
        naive.retain(|(_, day), _| calendar().position(Day(*day)).is_some());
        prop_assert_eq!(days(&clipped), naive);
        prop_assert!(clipped.account().last().unwrap().adds_up());
    }

    #[test]
    fn merging_bridges_gaps_within_a_state(rows in rows(), gap in 0..40_u32) {
        let merged = read(&rows).merge(&Merge::days(gap)).unwrap();
        let mut covered: BTreeMap<(i64, u32), BTreeSet<i32>> = BTreeMap::new();
        for row in &rows {
            covered.entry((row.person, row.state)).or_default().extend(row.start..row.end);
        }
        let mut naive = Vec::new();
        for ((person, state), days) in covered {
            let mut era: Option<(i32, i32)> = None;
            for day in days {
                era = match era {
                    Some((start, last)) if day - last - 1 <= gap as i32 => Some((start, day)),
                    Some((start, last)) => {
                        naive.push((person, start, last + 1, STATES[state as usize].to_owned()));
                        Some((day, day))
                    }
                    None => Some((day, day)),
                };
            }
            naive.extend(era.map(|(start, last)| (person, start, last + 1, STATES[state as usize].to_owned())));
        }
        naive.sort();
        let states = merged.columns().get("status").unwrap();
        let mut made: Vec<_> = merged.person_codes().iter().enumerate().map(|(at, &person)| {
            let id = merged.persons().ids().label(person as usize).unwrap().parse::<i64>().unwrap();
            (id, merged.starts()[at], merged.ends()[at], states.label(at).unwrap())
        }).collect();
        made.sort();
        prop_assert_eq!(made, naive);
        prop_assert!(merged.account().last().unwrap().adds_up());
    }

    #[test]
    fn splitting_keeps_every_day_and_leaves_no_partial_overlap(rows in rows()) {
        let split = read(&rows).split(&Aggregates::new().count().sum(["wage"])).unwrap();
        let naive = naive_days(&rows);
        prop_assert_eq!(&days(&split), &naive);
        let sums = split.columns().get("wage_sum").unwrap();
        for person in 0..split.persons().len() {
            let id = split.persons().ids().label(person).unwrap();
            for a in split.of(person) {
                for b in split.of(person) {
                    let same = (split.starts()[a], split.ends()[a]) == (split.starts()[b], split.ends()[b]);
                    prop_assert!(same || split.ends()[a] <= split.starts()[b] || split.ends()[b] <= split.starts()[a]);
                }
                let covering = &naive[&(id.clone(), split.starts()[a])];
                let wages: Vec<f64> = covering.iter().filter_map(|&at| rows[at as usize].wage).collect();
                let expected = (!wages.is_empty()).then(|| wages.iter().sum::<f64>().to_string());
                prop_assert_eq!(sums.label(a), expected);
            }
        }
        let episodes = read(&rows).episodes(&Aggregates::new().count()).unwrap();
        let covered: usize = (0..episodes.spells().len())
            .map(|at| (episodes.spells().ends()[at] - episodes.spells().starts()[at]) as usize)
            .sum();
        prop_assert_eq!(covered, naive.len());
    }

    #[test]
    fn the_best_spell_wins_each_day(rows in rows()) {
        let timeline = read(&rows).resolve(["source", "-wage"]).unwrap();
        let naive: BTreeMap<_, Vec<u32>> = naive_days(&rows)
            .into_iter()
            .map(|(key, covering)| (key, vec![winner(&rows, &covering)]))
            .collect();
        prop_assert_eq!(days(timeline.spells()), naive);
        let spells = timeline.spells();
        for person in 0..spells.persons().len() {
            for at in spells.of(person).skip(1) {
                let goes_on = spells.rows()[at] == spells.rows()[at - 1]
                    && spells.starts()[at] == spells.ends()[at - 1];
                prop_assert!(!goes_on, "pieces of one spell that touch are one");
            }
        }
    }

    #[test]
    fn a_panel_holds_what_a_look_at_each_day_finds(rows in rows(), full in any::<bool>(), month in any::<bool>()) {
        let calendar = if month { Calendar::months("2011-12", "2012-09").unwrap() } else { calendar() };
        let balance = if full { Balance::Full } else { Balance::EntryExit };
        let what = ToPanel::new().state(StateRule::LastDay).days().days_by_state().count().sum(["wage"]).balance(balance);
        let timeline = read(&rows).resolve(["source", "-wage"]).unwrap();
        let panel = timeline.to_panel(&calendar, &what).unwrap();
        let by_day: HashMap<(String, i32), u32> = naive_days(&rows)
            .into_iter()
            .map(|(key, covering)| (key, winner(&rows, &covering)))
            .collect();
        let (days, wages) = (ints(&panel, "days"), floats(&panel, "wage"));
        let state = panel.column("test", "state").unwrap();
        let reason = panel.column("test", "reason").unwrap();
        for (at, (id, period)) in cells(&panel).into_iter().enumerate() {
            let own: Vec<u32> = (period.first_day().0..=period.last_day().0)
                .filter_map(|day| by_day.get(&(id.clone(), day)).copied())
                .collect();
            prop_assert_eq!(days[at], Some(own.len() as i64));
            let last = by_day.get(&(id.clone(), period.last_day().0));
            prop_assert_eq!(state.label(at), last.map(|&row| STATES[rows[row as usize].state as usize].to_owned()));
            let share = |row: &u32| {
                let row = &rows[*row as usize];
                row.wage.map(|wage| wage / f64::from(row.end - row.start))
            };
            let shares: Vec<f64> = own.iter().filter_map(share).collect();
            prop_assert!(close(wages[at], (!shares.is_empty()).then(|| shares.iter().sum())));
            prop_assert_eq!(reason.is_null(at), !own.is_empty());
        }
        let inside = by_day.keys().filter(|(_, day)| calendar.position(Day(*day)).is_some()).count();
        prop_assert_eq!(days.iter().flatten().sum::<i64>(), inside as i64);
        let n_states = STATES.iter().filter_map(|state| {
            panel.column("test", &format!("days_{state}")).ok().map(|_| ints(&panel, &format!("days_{state}")))
        });
        prop_assert_eq!(n_states.flatten().flatten().sum::<i64>(), inside as i64);
    }

    #[test]
    fn unresolved_spells_give_quantities(rows in rows()) {
        let spells = read(&rows);
        let what = ToPanel::new().days().count().balance(Balance::None)
            .sum_with(["wage"], Spread::Start);
        let panel = spells.to_panel(&calendar(), &what).unwrap();
        let naive = naive_days(&rows);
        for (at, (id, period)) in cells(&panel).into_iter().enumerate() {
            let covering: Vec<u32> = (period.first_day().0..=period.last_day().0)
                .flat_map(|day| naive.get(&(id.clone(), day)).cloned().unwrap_or_default())
                .collect();
            prop_assert!(!covering.is_empty());
            prop_assert_eq!(ints(&panel, "days")[at], Some(covering.len() as i64));
            let touched: BTreeSet<u32> = covering.iter().copied().collect();
            prop_assert_eq!(ints(&panel, "count")[at], Some(touched.len() as i64));
            let started: Vec<f64> = touched.iter().map(|&row| &rows[row as usize])
                .filter(|row| row.start >= period.first_day().0)
                .filter_map(|row| row.wage)
                .collect();
            let expected = (!started.is_empty()).then(|| started.iter().sum());
            prop_assert!(close(floats(&panel, "wage")[at], expected));
        }
        let expected: BTreeSet<(String, i32)> = naive.keys()
            .filter_map(|(id, day)| Some((id.clone(), calendar().position(Day(*day))? as i32)))
            .collect();
        prop_assert_eq!(panel.n_rows(), expected.len());
    }

    #[test]
    fn what_cells_show_and_sum_is_what_a_look_at_each_spell_finds(
        rows in rows(), by in 0..4_usize, bytes in any::<bool>(), gaps in any::<bool>(),
        daily in any::<bool>(),
    ) {
        // more periods than bits in a word
        let calendar = Calendar::months("2008-01", "2014-12").unwrap();
        let states = if bytes {
            in_bytes(&rows, gaps)
        } else {
            let there = |row: &Row| (!gaps || row.state < 2).then(|| STATES[row.state as usize]);
            Column::text(rows.iter().map(there))
        };
        let order = [&["wage"][..], &["-wage"], &["source"], &["source", "-wage"]][by];
        let spread = if daily { Spread::Daily } else { Spread::Days };
        let what = ToPanel::new().state(StateRule::LastDay).order(order.iter().copied())
            .dominant().days_by_state().sum_with(["wage"], spread).balance(Balance::Full);
        let panel = read_with(&rows, states).to_panel(&calendar, &what).unwrap();
        let mut sorted: Vec<usize> = (0..rows.len()).collect();
        sorted.sort_by_key(|&row| (rows[row].person, rows[row].start, rows[row].end, row));
        // nulls last, whichever end of the others comes first
        let wage = |row: usize, sign: f64| rows[row].wage.map_or(f64::MAX, |wage| sign * wage);
        let key = |row: usize| match by {
            0 => (0, wage(row, 1.0)),
            1 => (0, wage(row, -1.0)),
            2 => (rows[row].source, 0.0),
            _ => (rows[row].source, wage(row, -1.0)),
        };
        let name = |row: usize| (!gaps || rows[row].state < 2).then(|| STATES[rows[row].state as usize].to_owned());
        let (state, dominant) = (panel.column("test", "state").unwrap(), panel.column("test", "dominant").unwrap());
        let (wages, reason) = (floats(&panel, "wage"), panel.column("test", "reason").unwrap());
        let mut ties = 0;
        for (at, (id, period)) in cells(&panel).into_iter().enumerate() {
            let (from, to) = (period.first_day().0, period.last_day().0 + 1);
            let own: Vec<(usize, i32)> = sorted.iter()
                .filter(|&&row| rows[row].person.to_string() == id)
                .map(|&row| (row, rows[row].end.min(to) - rows[row].start.max(from)))
                .filter(|(_, days)| *days > 0)
                .collect();
            let shown = own.iter().map(|(row, _)| *row).filter(|&row| rows[row].end >= to)
                .min_by(|&a, &b| key(a).partial_cmp(&key(b)).unwrap().then(a.cmp(&b)));
            prop_assert_eq!(state.label(at), shown.and_then(name));
            ties += shown.map_or(0, |best| usize::from(own.iter()
                .any(|&(row, _)| row != best && rows[row].end >= to && key(row) == key(best))));
            let mut sum = None;
            for (row, days) in &own {
                let Some(wage) = rows[*row].wage else { continue };
                let length = f64::from(rows[*row].end - rows[*row].start);
                let days = f64::from(*days);
                let part = if daily { wage * days } else { wage * (days / length) };
                sum = Some(sum.unwrap_or(0.0) + part);
            }
            prop_assert_eq!(wages[at], sum);
            let days_in = |state: &str| own.iter().filter(|(row, _)| name(*row).as_deref() == Some(state))
                .map(|(_, days)| i64::from(*days)).sum::<i64>();
            let mut best: Option<(&str, i64)> = None;
            let mut natural = STATES;
            natural.sort_unstable();
            for state in natural {
                let days = days_in(state);
                if days > best.map_or(0, |best| best.1) {
                    best = Some((state, days));
                }
                let column = format!("days_{state}");
                let of_panel = panel.columns().get(&column).map(|_| ints(&panel, &column)[at]);
                prop_assert_eq!(of_panel.unwrap_or(Some(0)), Some(days));
            }
            prop_assert_eq!(dominant.label(at), best.map(|best| best.0.to_owned()));
            prop_assert_eq!(reason.is_null(at), !own.is_empty());
        }
        let told = panel.account().steps().last().unwrap().ties.iter()
            .filter(|ties| ties.what == "spells shown").map(|ties| ties.met).sum::<u64>();
        prop_assert_eq!(told, ties as u64);
    }

    #[test]
    fn states_in_bytes_merge_as_those_in_words(rows in rows(), gap in 0..40_u32, sum in any::<bool>()) {
        let merge = Merge::days(gap).sum(if sum { vec!["wage"] } else { Vec::new() });
        let bytes = read_with(&rows, in_bytes(&rows, false)).merge(&merge).unwrap();
        let words = read(&rows).merge(&merge).unwrap();
        prop_assert_eq!(days(&bytes), days(&words));
        prop_assert_eq!(bytes.account(), words.account());
        prop_assert_eq!(bytes.columns().get("wage"), words.columns().get("wage"));
        prop_assert_eq!(bytes.rows(), words.rows());
    }

    #[test]
    fn the_dominant_state_has_most_days(rows in rows()) {
        let timeline = read(&rows).resolve(["source"]).unwrap();
        let what = ToPanel::new().state(StateRule::Dominant).days_by_state();
        let panel = timeline.to_panel(&calendar(), &what).unwrap();
        let state = panel.column("test", "state").unwrap();
        let of: Vec<(&str, Vec<Option<i64>>)> = STATES.iter()
            .filter(|state| panel.columns().get(&format!("days_{state}")).is_some())
            .map(|state| (*state, ints(&panel, &format!("days_{state}"))))
            .collect();
        for row in 0..panel.n_rows() {
            let most = of.iter().map(|(_, days)| days[row].unwrap()).max().unwrap();
            let first = of.iter().find(|(_, days)| days[row] == Some(most)).map(|(state, _)| *state);
            let expected = if most == 0 { None } else { first };
            prop_assert_eq!(state.label(row), expected.map(str::to_owned));
        }
    }

    #[test]
    fn of_many_states_the_first_with_most_days_dominates(
        rows in rows(), bytes in any::<bool>(), by_state in any::<bool>(), gaps in any::<bool>(),
        balance in 0..3_usize,
    ) {
        const MANY: [&str; 12] = ["l", "k", "j", "i", "h", "g", "f", "e", "d", "c", "b", "a"];
        let code = |row: &Row| row.state * 4 + row.start as u32 % 4;
        let name = |row: &Row| (!gaps || row.state < 2).then(|| MANY[code(row) as usize]);
        let states = if bytes {
            let codes: Vec<u8> = rows.iter().map(|row| code(row) as u8).collect();
            let text = Text::of_bytes(codes.into(), MANY.into_iter().collect(), false).unwrap();
            Column::new(Values::Text(text), Bitmap::pack(rows.iter().map(|row| name(row).is_some())))
        } else {
            Column::text(rows.iter().map(name))
        };
        let what = ToPanel::new().dominant().sum_with(["wage"], Spread::Daily)
            .balance([Balance::Full, Balance::EntryExit, Balance::None][balance]);
        let what = if by_state { what.days_by_state() } else { what };
        let calendar = Calendar::months("2011-12", "2012-11").unwrap();
        let panel = read_with(&rows, states).to_panel(&calendar, &what).unwrap();
        let dominant = panel.column("test", "dominant").unwrap();
        let wages = floats(&panel, "wage");
        let mut even = 0;
        for (at, (id, period)) in cells(&panel).into_iter().enumerate() {
            let (from, to) = (period.first_day().0, period.last_day().0 + 1);
            let mut days: BTreeMap<&str, i32> = BTreeMap::new();
            let mut wage = None;
            for row in rows.iter().filter(|row| row.person.to_string() == id) {
                let own = row.end.min(to) - row.start.max(from);
                if own > 0 {
                    if let Some(state) = name(row) {
                        *days.entry(state).or_default() += own;
                    }
                    if let Some(daily) = row.wage {
                        wage = Some(wage.unwrap_or(0.0) + daily * f64::from(own));
                    }
                }
            }
            let most = days.values().copied().max();
            let best: Vec<&str> = days.iter().filter(|(_, days)| Some(**days) == most).map(|own| *own.0).collect();
            even += u64::from(best.len() > 1);
            prop_assert_eq!(dominant.label(at), best.first().map(|state| (*state).to_owned()));
            prop_assert_eq!(wages[at], wage);
            for state in MANY.into_iter().filter(|_| by_state) {
                let column = format!("days_{state}");
                let of_panel = panel.columns().get(&column).map_or(Some(0), |_| ints(&panel, &column)[at]);
                prop_assert_eq!(of_panel, Some(i64::from(days.get(state).copied().unwrap_or(0))));
            }
        }
        let ties = &panel.account().steps().last().unwrap().ties;
        let told = ties.iter().filter(|ties| ties.what == "dominant states").map(|ties| ties.met);
        prop_assert_eq!(told.sum::<u64>(), even);
    }

    #[test]
    fn lags_go_by_period(rows in rows(), k in 0..4_u32) {
        let panel = read(&rows).to_panel(&Calendar::months("2011-11", "2012-12").unwrap(),
            &ToPanel::new().days().balance(Balance::None)).unwrap();
        let lagged = panel.lag("days", k).unwrap().lead("days", k).unwrap().diff("days", k).unwrap();
        let cells = cells(&panel);
        let known: HashMap<(String, i32), i64> = cells.iter().zip(ints(&panel, "days"))
            .map(|((id, period), days)| ((id.clone(), period.number), days.unwrap()))
            .collect();
        for (row, (id, period)) in cells.iter().enumerate() {
            let find = |shift: i32| known.get(&(id.clone(), period.number + shift)).copied();
            let k_periods = k as i32;
            prop_assert_eq!(ints(&lagged, &format!("days_lag{k}"))[row], find(-k_periods));
            prop_assert_eq!(ints(&lagged, &format!("days_lead{k}"))[row], find(k_periods));
            prop_assert_eq!(ints(&lagged, &format!("days_diff{k}"))[row],
                find(-k_periods).map(|before| find(0).unwrap() - before));
        }
    }

    #[test]
    fn attached_columns_hold_what_a_look_at_each_day_finds(rows in rows(), others in rows()) {
        let panel = read(&rows).to_panel(&calendar(), &ToPanel::new().balance(Balance::Full)).unwrap();
        let spells = read(&others);
        let attached = panel
            .attach(&spells, &Attach::Ever, "ever").unwrap()
            .attach(&spells, &Attach::Cumulative, "cumulative").unwrap()
            .attach(&spells, &Attach::Days, "days").unwrap()
            .attach(&spells, &Attach::Since, "since").unwrap()
            .attach(&spells, &Attach::Value("wage".into()), "value").unwrap()
            .attach(&spells, &Attach::Current("wage".into()), "current").unwrap()
            .as_of(&spells, &["status"]).unwrap();
        let label = |name: &str, row: usize| attached.column("test", name).unwrap().label(row);
        let naive = naive_days(&others);
        for (row, (id, period)) in cells(&panel).into_iter().enumerate() {
            let (first, last) = (period.first_day().0, period.last_day().0);
            let started: Vec<(usize, &Row)> = others.iter().enumerate()
                .filter(|(_, other)| other.person.to_string() == id && other.start <= last)
                .collect();
            prop_assert_eq!(label("ever", row), Some((!started.is_empty()).to_string()));
            prop_assert_eq!(label("cumulative", row), Some(started.len().to_string()));
            let days = (first..=last).filter(|day| naive.contains_key(&(id.clone(), *day))).count();
            prop_assert_eq!(label("days", row), Some(days.to_string()));
            let since = started.iter().map(|(_, other)| other.start).min()
                .map(|start| (period.number - Period::of(Day(start), Unit::Quarter).number).to_string());
            prop_assert_eq!(label("since", row), since);
            let wage = |of: Option<&(usize, &Row)>| of.and_then(|(_, other)| other.wage).map(|wage| wage.to_string());
            let latest = started.iter().max_by_key(|(at, other)| (other.start, *at));
            prop_assert_eq!(label("value", row), wage(latest));
            let valid = started.iter().filter(|(_, other)| other.end > last).max_by_key(|(at, other)| (other.start, *at));
            prop_assert_eq!(label("current", row), wage(valid));
            prop_assert_eq!(label("status", row), valid.map(|(_, other)| STATES[other.state as usize].to_owned()));
        }
    }
}

/// The days of `days`, whatever covers them.
fn covered(days: &BTreeMap<(String, i32), Vec<u32>>) -> BTreeSet<(String, i32)> {
    days.keys().cloned().collect()
}

proptest! {
    #[test]
    fn set_algebra_of_spells_is_that_of_their_days(one in rows(), two in rows()) {
        let (a, b) = (read(&one), read(&two));
        let (own, theirs) = (naive_days(&one), covered(&naive_days(&two)));
        let both = a.intersect(&b).unwrap();
        let rest = a.subtract(&b).unwrap();
        let expect = |inside: bool| -> BTreeMap<_, _> {
            own.iter()
                .filter(|(day, _)| theirs.contains(day) == inside)
                .map(|(day, rows)| (day.clone(), rows.clone()))
                .collect()
        };
        prop_assert_eq!(days(&both), expect(true));
        prop_assert_eq!(days(&rest), expect(false));
        for spells in [&both, &rest] {
            for person in 0..spells.persons().len() {
                let order: Vec<_> = spells.of(person)
                    .map(|at| (spells.starts()[at], spells.ends()[at], spells.rows()[at]))
                    .collect();
                prop_assert!(order.is_sorted());
                prop_assert!(!order.is_empty());
            }
        }
    }

    #[test]
    fn the_complement_is_every_other_day_of_the_calendar(rows in rows()) {
        let spells = read(&rows);
        let calendar = Calendar::quarters("2011Q4", "2012Q3").unwrap();
        let window = calendar.first_day().0..=calendar.last_day().0;
        let own = covered(&naive_days(&rows));
        let persons: BTreeSet<String> = own.iter().map(|(person, _)| person.clone()).collect();
        let expected: BTreeSet<(String, i32)> = persons
            .iter()
            .flat_map(|person| window.clone().map(|day| (person.clone(), day)))
            .filter(|day| !own.contains(day))
            .collect();
        let gaps = spells.complement(&calendar);
        prop_assert_eq!(covered(&days(&gaps)), expected);
        for person in 0..gaps.persons().len() {
            let own: Vec<_> = gaps.of(person).collect();
            prop_assert!(own.windows(2).all(|at| gaps.ends()[at[0]] < gaps.starts()[at[1]]));
        }
    }

    #[test]
    fn cutting_moves_no_day_and_leaves_none_in_two_periods(rows in rows()) {
        let spells = read(&rows);
        let calendar = Calendar::months("2011-12", "2012-06").unwrap();
        let cut = spells.cut(&calendar);
        prop_assert_eq!(days(&cut), naive_days(&rows));
        for at in 0..cut.len() {
            let of = |day: i32| calendar.position(Day(day));
            let (first, last) = (of(cut.starts()[at]), of(cut.ends()[at] - 1));
            prop_assert!(first == last, "{first:?} {last:?}");
        }
        // The wage of a whole spell is shared out by days, so nothing of it is lost.
        let what = |spells: &Spells| {
            let calendar = Calendar::years("2011", "2013").unwrap();
            let panel = spells
                .to_panel(&calendar, &ToPanel::new().sum(["wage"]).balance(Balance::Full))
                .unwrap();
            panel.columns().get("wage").unwrap().to_floats("wage", "wage").unwrap()
        };
        for (a, b) in what(&spells).into_iter().zip(what(&cut)) {
            prop_assert!(a.is_nan() && b.is_nan() || (a - b).abs() < 1e-9, "{a} {b}");
        }
    }

    #[test]
    fn a_stack_holds_the_days_of_all_registers(one in rows(), two in rows()) {
        let named = |rows: &[Row], name: &str| {
            let table = read(rows).table();
            let columns = SpellColumns::new("pid", "start", "end").name(name).state("status");
            Spells::read(&table, &columns.carry(["wage"])).unwrap()
        };
        let (a, b) = (named(&one, "dmfa"), named(&two, "vdab"));
        let stack = Spells::stack(&[&a, &b], "from").unwrap();
        prop_assert_eq!(stack.len(), one.len() + two.len());
        prop_assert_eq!(stack.source(), Some("from"));
        let mut expected = covered(&naive_days(&one));
        expected.extend(covered(&naive_days(&two)));
        prop_assert_eq!(covered(&days(&stack)), expected);
        let from = stack.columns().get("from").unwrap();
        let wage = stack.columns().get("wage").unwrap().to_floats("wage", "wage").unwrap();
        for (name, rows) in [("dmfa", &one), ("vdab", &two)] {
            let mut own: Vec<i64> = rows.iter().filter_map(|row| row.wage).map(|w| w as i64).collect();
            let mut found: Vec<i64> = (0..stack.len())
                .filter(|&at| from.label(at).as_deref() == Some(name) && !wage[at].is_nan())
                .map(|at| wage[at] as i64)
                .collect();
            own.sort_unstable();
            found.sort_unstable();
            prop_assert_eq!(own, found);
        }
    }

    #[test]
    fn wide_columns_become_runs(
        cells in proptest::collection::vec(proptest::collection::vec(0..4_u32, 7), 1..5),
    ) {
        let periods = ["2011Q4", "2012Q1", "2012Q2", "2012Q3", "2013Q1", "2013Q2", "2013Q3"];
        let mut table = Table::new([("pid", Column::int((0..cells.len() as i64).collect()))]).unwrap();
        for (at, period) in periods.iter().enumerate() {
            let states = cells.iter().map(|row| STATES.get(row[at] as usize).copied());
            table.push(format!("y_{period}"), Column::text(states)).unwrap();
        }
        let names: Vec<String> = periods.iter().map(|period| format!("y_{period}")).collect();
        let mut columns: Vec<(&str, &str)> =
            names.iter().map(String::as_str).zip(periods).collect();
        columns.reverse();
        let spells =
            Spells::from_wide(&table, "pid", &columns, Unit::Quarter, "status", "survey");
        let empty = cells.iter().flatten().all(|&cell| cell == 3);
        if empty {
            prop_assert!(spells.is_err());
            return Ok(());
        }
        let spells = spells.unwrap();
        let mut expected = BTreeSet::new();
        for (person, row) in cells.iter().enumerate() {
            for (at, period) in periods.iter().enumerate().filter(|(at, _)| row[*at] < 3) {
                let state = STATES[row[at] as usize];
                let period = Period::parse(period, Unit::Quarter).unwrap();
                for day in period.first_day().0..=period.last_day().0 {
                    expected.insert((person as i64, day, state.to_owned()));
                }
            }
        }
        let state = spells.columns().get("status").unwrap();
        let mut found = BTreeSet::new();
        for person in 0..spells.persons().len() {
            let id: i64 = spells.persons().ids().label(person).unwrap().parse().unwrap();
            let own: Vec<_> = spells.of(person).collect();
            for pair in own.windows(2) {
                prop_assert!(
                    spells.ends()[pair[0]] < spells.starts()[pair[1]]
                        || state.label(pair[0]) != state.label(pair[1]),
                    "neighbours of one state are one spell"
                );
            }
            for at in own {
                prop_assert_eq!(i64::from(spells.rows()[at]), id);
                for day in spells.starts()[at]..spells.ends()[at] {
                    found.insert((id, day, state.label(at).unwrap()));
                }
            }
        }
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn many_rows_are_read_alike_in_order_and_out_of_it() {
    // rows in order are looked at some thousands at a time; persons reach over the edges
    let all: Vec<Row> = (0..40_000_i32)
        .map(|at| Row {
            person: i64::from(at / 7),
            start: FIRST + at % 7 * 9,
            end: FIRST + at % 7 * 9 + 1 + at % 30,
            state: (at % 3) as u32,
            wage: Some(f64::from(at)),
            source: 0,
        })
        .collect();
    let whole = read(&all);
    assert_eq!(whole.len(), all.len());
    for (at, row) in all.iter().enumerate() {
        assert_eq!((whole.starts()[at], whole.ends()[at]), (row.start, row.end), "{at}");
    }
    let mut first = 0;
    for person in 0..whole.persons().len() {
        let own = whole.of(person);
        let n = all[first..].iter().take_while(|row| row.person == person as i64).count();
        assert_eq!((own.start, own.len()), (first, n), "person {person}");
        first += n;
    }
    assert_eq!(first, all.len());
    let rows = |spells: &Spells| {
        let days = spells.starts().iter().zip(spells.ends());
        days.map(|(start, end)| (*start, *end)).collect::<Vec<_>>()
    };
    // wherever two rows change places, also at an edge, they are put in order
    for at in [0, 1, 16_382, 16_383, 16_384, 32_767, 39_998] {
        let mut swapped = all.clone();
        swapped.swap(at, at + 1);
        let found = read(&swapped);
        assert_eq!(rows(&found), rows(&whole), "swapped at {at}");
        assert_eq!(found.persons(), whole.persons());
        assert_eq!(found.rows()[at] as usize, at + 1, "swapped at {at}");
    }
}
