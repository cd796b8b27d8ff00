use super::PanelError;
use super::order::{Order, Ranking};
use crate::data::{Count, Pieces, Spells, Step, Timeline};
use crate::math::sweep;
use std::ops::Range;

#[derive(Default)]
struct Won {
    pieces: Pieces,
    tied: u64,
    losers: usize,
}

impl Spells {
    /// On each day the best spell wins: spells become a timeline.
    ///
    /// Spells of a person are ordered by the columns of `order`, one after the other, missing
    /// values last; what is still tied is settled by the row number, and counted (in elementary
    /// episodes won that way). On every day covered, the first spell in that order wins. Days of a
    /// spell that follow each other stay one piece; a spell that is interrupted by a better one
    /// goes on afterwards in a second piece. `start`, `end`, `state` and `source` stand for the
    /// columns of that meaning.
    ///
    /// ```
    /// use kruispunt::data::{Column, Spells, Table};
    /// use kruispunt::panel::SpellColumns;
    /// let jobs = Table::new([
    ///     ("pid", Column::int(vec![7, 7])),
    ///     ("start", Column::text([Some("2012-01-01"), Some("2012-02-01")])),
    ///     ("end", Column::text([Some("2012-12-31"), Some("2012-02-29")])),
    ///     ("wage", Column::float(vec![80.0, 120.0])),
    /// ])?;
    /// let jobs = Spells::read(&jobs, &SpellColumns::new("pid", "start", "end").carry(["wage"]))?;
    /// let timeline = jobs.resolve(["-wage"])?;
    /// assert_eq!(timeline.spells().rows(), [0, 1, 0]);
    /// # Ok::<(), kruispunt::panel::PanelError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`PanelError::Data`] for a missing column, [`PanelError::NotFinite`] for NaN in one.
    pub fn resolve<O: Into<Order>>(
        &self,
        order: impl IntoIterator<Item = O>,
    ) -> Result<Timeline, PanelError> {
        let ranking = Ranking::read(self, order.into_iter().map(Into::into), false)?;
        let parts = sweep::in_chunks(self.persons.len(), |persons| self.win(persons, &ranking));
        let (mut tied, mut losers) = (0, 0);
        let mut pieces = Vec::with_capacity(parts.len());
        for part in parts {
            tied += part.tied;
            losers += part.losers;
            pieces.push(part.pieces);
        }
        let pieces = Pieces::concat(pieces);
        let made = pieces.source.len() + losers - self.len();
        let step = Step::new(
            "resolve",
            format!("on each day the first by {}", ranking.told()),
            Count::default(),
            Count::default(),
        )
        .exclude("never the best on any day", Count::rows(losers))
        .tied("best spells of an episode", tied, "the lowest row number")
        .note(format!("{made} more pieces than spells, of spells interrupted by a better one"));
        let resolved = self.with_pieces(pieces, step);
        Timeline::prove(resolved).ok_or(PanelError::Overlap {
            argument: "resolve".to_owned(),
            first: 0,
            second: 0,
        })
    }

    fn win(&self, persons: Range<usize>, ranking: &Ranking) -> Won {
        let mut won = Won::default();
        let (all_starts, all_ends, all_rows) = (self.starts(), self.ends(), self.rows());
        let mut scratch = Vec::new();
        let (mut place, mut class) = (Vec::new(), Vec::new());
        let mut wins: Vec<bool> = Vec::new();
        for person in persons {
            let own = self.of(person);
            let before = won.pieces.source.len();
            let (starts, ends) = (&all_starts[own.clone()], &all_ends[own.clone()]);
            if (1..starts.len()).all(|at| starts[at] >= ends[at - 1]) {
                own.clone().for_each(|at| won.pieces.push(at, self.starts[at], self.ends[at]));
                won.pieces.close_person(before);
                continue;
            }
            let compare =
                |a: u32, b: u32| ranking.compare(own.start + a as usize, own.start + b as usize);
            let row = |at: u32| (all_rows[own.start + at as usize], at);
            scratch.clear();
            scratch.extend(0..own.len() as u32);
            scratch.sort_unstable_by(|&a, &b| compare(a, b).then_with(|| row(a).cmp(&row(b))));
            place.resize(own.len(), 0);
            class.resize(own.len(), 0);
            for (rank, &at) in scratch.iter().enumerate() {
                place[at as usize] = rank as u32;
                class[at as usize] = if rank > 0 && compare(scratch[rank - 1], at).is_eq() {
                    class[scratch[rank - 1] as usize]
                } else {
                    rank as u32
                };
            }
            wins.clear();
            wins.resize(own.len(), false);
            sweep::best(starts, ends, &place, &class, |start, end, at, tied| {
                won.tied += u64::from(tied);
                wins[at] = true;
                let source = (own.start + at) as u32;
                let pieces = &mut won.pieces;
                let goes_on = pieces.source.len() > before
                    && pieces.source.last() == Some(&source)
                    && pieces.ends.last() == Some(&start);
                match pieces.ends.last_mut() {
                    Some(last) if goes_on => *last = end,
                    _ => pieces.push(source as usize, start, end),
                }
            });
            won.losers += wins.iter().filter(|wins| !**wins).count();
            won.pieces.close_person(before);
        }
        won
    }
}
