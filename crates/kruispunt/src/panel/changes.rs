use super::keys::NONE;
use super::{PanelError, match_persons};
use crate::data::{Bitmap, Buffer, Column, NOBODY, Pieces, Spells, Step, Timeline, Values};
use crate::math::sweep;
use std::ops::Range;

/// What changes become in a timeline that is cut at them.
///
/// A change holds from its day on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// What the latest change carries in this column; null before the first. A change without a
    /// value there is no change.
    Value(String),
    /// How many changes there have been.
    Cumulative,
    /// How many changes fall on the first day of the piece.
    Count,
    /// Days from the latest change to the first day of the piece; null before the first.
    Since,
}

impl Change {
    const fn word(&self) -> &'static str {
        match self {
            Self::Value(_) => "value",
            Self::Cumulative => "cumulative",
            Self::Count => "count",
            Self::Since => "since",
        }
    }
}

/// Where changes fell, by the words of `tmerge`.
#[derive(Clone, Copy, Default)]
struct Fell {
    early: u64,
    late: u64,
    gap: u64,
    within: u64,
    boundary: u64,
    leading: u64,
    trailing: u64,
    tied: u64,
    no_value: u64,
}

impl Fell {
    fn add(&mut self, other: Self) {
        self.early += other.early;
        self.late += other.late;
        self.gap += other.gap;
        self.within += other.within;
        self.boundary += other.boundary;
        self.leading += other.leading;
        self.trailing += other.trailing;
        self.tied += other.tied;
        self.no_value += other.no_value;
    }
}

/// The pieces of some persons.
#[derive(Default)]
struct Cut {
    pieces: Pieces,
    /// The change that holds in each piece, or [`NONE`].
    latest: Vec<u32>,
    /// Changes so far.
    so_far: Vec<i64>,
    /// Changes on the first day.
    on_day: Vec<i64>,
    fell: Fell,
}

impl Timeline {
    /// Cuts the timeline at the days of changes, and adds a column made of them.
    ///
    /// The `tmerge` of R's *survival* for days: a spell that contains a change becomes two, of which
    /// the second has the new value; the value goes on into later spells until the next change. Of
    /// several changes on a day the highest row number gives the value. The account tells, in the
    /// words of `tmerge`, how many changes fell before the person's first spell (`early`), after the
    /// last (`late`), into a gap (`gap`), inside a spell (`within`), on the first day of one that
    /// abuts the one before (`boundary`) or does not (`leading`), on the day after a spell that
    /// nothing abuts (`trailing`), and on a day with another change of that person (`tied`).
    ///
    /// ```
    /// use kruispunt::data::{Column, Spells, Table};
    /// use kruispunt::panel::{Change, SpellColumns};
    /// let stay = Table::new([
    ///     ("pid", Column::int(vec![7])),
    ///     ("from", Column::text([Some("2012-01-01")])),
    ///     ("to", Column::text([Some("2012-12-31")])),
    /// ])?;
    /// let moves = Table::new([
    ///     ("pid", Column::int(vec![7])),
    ///     ("day", Column::text([Some("2012-03-01")])),
    ///     ("nis", Column::text([Some("44021")])),
    /// ])?;
    /// let stay = Spells::read(&stay, &SpellColumns::new("pid", "from", "to"))?.resolve(["start"])?;
    /// let moves = Spells::read(&moves, &SpellColumns::event("pid", "day").carry(["nis"]))?;
    /// let lived = stay.attach(&moves, &Change::Value("nis".into()), "nis")?;
    /// assert_eq!(lived.spells().len(), 2);
    /// # Ok::<(), kruispunt::panel::PanelError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`PanelError::PersonTypes`] when identifiers cannot be compared, [`PanelError::Data`] for a
    /// missing column and a name that is taken.
    pub fn attach(&self, changes: &Spells, how: &Change, name: &str) -> Result<Self, PanelError> {
        let own = self.spells();
        if own.columns().get(name).is_some() {
            let column = name.to_owned();
            return Err(crate::data::DataError::DuplicateColumn { column }.into());
        }
        let found = match_persons("changes", own.persons(), changes.persons())?;
        let carried = match how {
            Change::Value(column) => Some(changes.look_up("column", column)?),
            _ => None,
        };
        let parts = sweep::in_chunks(own.persons().len(), |persons| {
            let mut cut = Cut::default();
            for person in persons {
                let events = changes.spells_of(found[person]);
                cut.person(own, own.of(person), changes, events, carried.as_ref());
            }
            cut
        });
        let mut fell = Fell::default();
        let mut pieces = Vec::with_capacity(parts.len());
        let (mut latest, mut so_far, mut on_day) = (Vec::new(), Vec::new(), Vec::new());
        for part in parts {
            fell.add(part.fell);
            pieces.push(part.pieces);
            latest.extend(part.latest);
            match how {
                Change::Cumulative => so_far.extend(part.so_far),
                Change::Count => on_day.extend(part.on_day),
                _ => {}
            }
        }
        let pieces = Pieces::concat(pieces);
        let column = match (how, carried) {
            (Change::Value(_), Some(carried)) => carried.gather(&latest),
            (Change::Cumulative, _) => Column::int(so_far),
            (Change::Count, _) => Column::int(on_day),
            _ => since(&pieces.starts, &latest, changes.starts()),
        };
        let mut known = vec![false; changes.persons().len()];
        for &code in found.iter().filter(|code| **code != NOBODY) {
            known[code as usize] = true;
        }
        let elsewhere = (0..known.len()).filter(|at| !known[*at]);
        let missing: usize = elsewhere.map(|person| changes.of(person).len()).sum();
        let detail = format!("{name}: {} of {}", how.word(), changes.name());
        let step = Step::new("attach", detail, own.count(), own.count())
            .note(format!(
                "changes: {} early, {} late, {} in a gap, {} within, {} at a boundary, {} leading, \
                 {} trailing, {} tied",
                fell.early,
                fell.late,
                fell.gap,
                fell.within,
                fell.boundary,
                fell.leading,
                fell.trailing,
                fell.tied
            ))
            .note(format!("{missing} changes of persons without a spell"))
            .note(format!("{} changes without a value passed over", fell.no_value))
            .tied("changes of a person on one day", fell.tied, "the highest row number")
            .join(changes.account().clone());
        let mut result = own.with_pieces(pieces, step);
        result.columns.push(name, column)?;
        Self::prove(result).ok_or(PanelError::Overlap {
            argument: "attach".to_owned(),
            first: 0,
            second: 0,
        })
    }
}

/// Days since the latest change, null before the first.
fn since(starts: &[i32], latest: &[u32], days: &[i32]) -> Column {
    let validity = Bitmap::pack(latest.iter().map(|latest| *latest != NONE));
    let since = |(&start, &latest): (&i32, &u32)| {
        days.get(latest as usize).map_or(0, |day| i64::from(start) - i64::from(*day))
    };
    let values: Vec<i64> = starts.iter().zip(latest).map(since).collect();
    Column::new(Values::Int(Buffer::from(values)), validity)
}

impl Cut {
    fn person(
        &mut self,
        own: &Spells,
        spells: Range<usize>,
        changes: &Spells,
        events: Range<usize>,
        carried: Option<&Column>,
    ) {
        let before = self.pieces.source.len();
        let (starts, ends) = (own.starts(), own.ends());
        let (days, rows) = (changes.starts(), changes.rows());
        let valued = |at: usize| carried.is_none_or(|column| !column.is_null(at));
        let (mut latest, mut so_far) = (NONE, 0_i64);
        let mut next = events.start;
        // takes in all changes of one day; how many there are
        let take = |next: &mut usize, latest: &mut u32, fell: &mut Fell| {
            let day = days[*next];
            let mut taken = 0_u32;
            let mut best: Option<usize> = None;
            while *next < events.end && days[*next] == day {
                if valued(*next) {
                    taken += 1;
                    best = best.filter(|best| rows[*best] > rows[*next]).or(Some(*next));
                } else {
                    fell.no_value += 1;
                }
                *next += 1;
            }
            if let Some(best) = best {
                *latest = best as u32;
            }
            fell.tied += u64::from(taken.max(1) - 1);
            i64::from(taken)
        };
        let mut until = None;
        for spell in spells {
            let (start, end) = (starts[spell], ends[spell]);
            while next < events.end && days[next] < start {
                let day = days[next];
                let n = take(&mut next, &mut latest, &mut self.fell);
                so_far += n;
                *match until {
                    None => &mut self.fell.early,
                    Some(until) if until == day => &mut self.fell.trailing,
                    Some(_) => &mut self.fell.gap,
                } += n as u64;
            }
            let (mut from, mut on_first) = (start, 0);
            if next < events.end && days[next] == start {
                on_first = take(&mut next, &mut latest, &mut self.fell);
                so_far += on_first;
                let abuts = until == Some(start);
                *(if abuts { &mut self.fell.boundary } else { &mut self.fell.leading }) +=
                    on_first as u64;
            }
            while next < events.end && days[next] < end {
                let (day, held) = (days[next], latest);
                let n = take(&mut next, &mut latest, &mut self.fell);
                if n == 0 {
                    continue;
                }
                self.push(spell, (from, day), held, so_far, on_first);
                so_far += n;
                self.fell.within += n as u64;
                (from, on_first) = (day, n);
            }
            self.push(spell, (from, end), latest, so_far, on_first);
            until = Some(end);
        }
        while next < events.end {
            let day = days[next];
            let n = take(&mut next, &mut latest, &mut self.fell) as u64;
            *(if until == Some(day) { &mut self.fell.trailing } else { &mut self.fell.late }) += n;
        }
        self.pieces.close_person(before);
    }

    fn push(
        &mut self,
        spell: usize,
        (from, to): (i32, i32),
        latest: u32,
        so_far: i64,
        on_day: i64,
    ) {
        self.pieces.push(spell, from, to);
        self.latest.push(latest);
        self.so_far.push(so_far);
        self.on_day.push(on_day);
    }
}
