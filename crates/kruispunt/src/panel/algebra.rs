use super::{PanelError, match_persons};
use crate::data::{Calendar, Count, Day, Pieces, Spells, Step, Table};
use crate::math::sweep;

/// Days `[start, end)` that at least one spell covers, apart from each other, ascending.
type Covered = Vec<(i32, i32)>;

impl Spells {
    /// The spells cut at the ends of the periods of a calendar, so that none lies in two periods.
    ///
    /// Days outside the calendar are not cut. An amount that belongs to the whole spell is shared
    /// out over the pieces by days (see [`Spread`](super::Spread)).
    #[must_use]
    pub fn cut(&self, calendar: &Calendar) -> Self {
        let bounds: Vec<i32> = calendar.bounds().into_iter().map(|day| day.0).collect();
        let pieces = self.in_pieces(|at, _, out| {
            let (mut start, end) = (self.starts[at], self.ends[at]);
            let first = bounds.partition_point(|&bound| bound <= start);
            for &bound in bounds[first..].iter().take_while(|&&bound| bound < end) {
                out.push((start, bound));
                start = bound;
            }
            out.push((start, end));
        });
        let made = pieces.source.len() - self.len();
        let step = Step::new(
            "cut",
            format!("at the ends of {}s", calendar.unit().name()),
            Count::default(),
            Count::default(),
        )
        .note(format!("{made} more pieces than spells"));
        self.with_pieces(pieces, step)
    }

    /// The parts of the spells on days that `other` covers for the same person.
    ///
    /// ```
    /// use kruispunt::data::{Column, Spells, Table};
    /// use kruispunt::panel::SpellColumns;
    /// let spells = |start, end| {
    ///     let table = Table::new([
    ///         ("pid", Column::int(vec![7])),
    ///         ("start", Column::text([Some(start)])),
    ///         ("end", Column::text([Some(end)])),
    ///     ])?;
    ///     Spells::read(&table, &SpellColumns::new("pid", "start", "end"))
    /// };
    /// let job = spells("2012-01-01", "2012-12-31")?;
    /// let leave = spells("2012-03-01", "2012-03-31")?;
    /// assert_eq!(job.intersect(&leave)?.len(), 1);
    /// assert_eq!(job.subtract(&leave)?.len(), 2);
    /// # Ok::<(), kruispunt::panel::PanelError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`PanelError::PersonTypes`] when identifiers cannot be compared.
    pub fn intersect(&self, other: &Self) -> Result<Self, PanelError> {
        let found = match_persons("other", &self.persons, other.persons())?;
        let pieces = self.in_pieces_over(other, &found, |(start, end), covered, out| {
            out.extend(within((start, end), covered));
        });
        Ok(self.sifted(pieces, "intersect", "on no day of", other))
    }

    /// The parts of the spells on days that `other` does not cover for the same person.
    ///
    /// # Errors
    ///
    /// As [`intersect`](Self::intersect).
    pub fn subtract(&self, other: &Self) -> Result<Self, PanelError> {
        let found = match_persons("other", &self.persons, other.persons())?;
        let pieces = self.in_pieces_over(other, &found, |(mut start, end), covered, out| {
            for (from, to) in within((start, end), covered) {
                if start < from {
                    out.push((start, from));
                }
                start = to;
            }
            if start < end {
                out.push((start, end));
            }
        });
        Ok(self.sifted(pieces, "subtract", "only on days of", other))
    }

    /// The days of the calendar on which a person has no spell, as spells without columns.
    ///
    /// Persons without any spell are not in the register, so they have no complement; intersect
    /// the result with spells of residence to leave out days on which nobody could have one.
    #[must_use]
    pub fn complement(&self, calendar: &Calendar) -> Self {
        let (first, next) = (calendar.first_day().0, calendar.last_day().0 + 1);
        let parts = sweep::in_chunks(self.persons.len(), |persons| {
            let mut pieces = Pieces::default();
            for person in persons {
                let before = pieces.source.len();
                let own = self.of(person);
                let mut start = first;
                for (from, to) in within((first, next), &self.covered(person)) {
                    if start < from {
                        pieces.push(own.start, start, from);
                    }
                    start = to;
                }
                if start < next {
                    pieces.push(own.start, start, next);
                }
                pieces.close_person(before);
            }
            pieces
        });
        let step = Step::new(
            "complement",
            format!(
                "days without a spell, {}-{}",
                calendar.label(0),
                calendar.label(calendar.len() - 1)
            ),
            Count::default(),
            Count::default(),
        );
        let mut gaps = Self { columns: Table::default(), ..self.clone() }
            .with_pieces(Pieces::concat(parts), step);
        (gaps.roles.state, gaps.roles.source) = (None, None);
        // A gap is a spell of its own: it has the days it has.
        gaps.origins = gaps.starts.clone();
        let lengths = gaps.starts.iter().zip(gaps.ends.iter()).map(|(start, end)| end - start);
        gaps.lengths = lengths.collect::<Vec<_>>().into();
        gaps
    }

    /// The days that the spells of a person cover.
    fn covered(&self, person: usize) -> Covered {
        let mut covered: Covered = Vec::new();
        for at in self.of(person) {
            let (start, end) = (self.starts[at], self.ends[at]);
            match covered.last_mut() {
                Some((_, until)) if start <= *until => *until = (*until).max(end),
                _ => covered.push((start, end)),
            }
        }
        covered
    }

    /// Each spell in the pieces that `cut` gives for it and the code of its person, in order.
    fn in_pieces(&self, cut: impl Fn(usize, usize, &mut Covered) + Sync) -> Pieces {
        let parts = sweep::in_chunks(self.persons.len(), |persons| {
            let mut pieces = Pieces::default();
            let (mut own, mut made) = (Vec::new(), Vec::new());
            for person in persons {
                let before = pieces.source.len();
                own.clear();
                for at in self.of(person) {
                    made.clear();
                    cut(at, person, &mut made);
                    own.extend(made.iter().map(|&(start, end)| (start, end, self.rows[at], at)));
                }
                own.sort_unstable();
                for &(start, end, _, at) in &own {
                    pieces.push(at, start, end);
                }
                pieces.close_person(before);
            }
            pieces
        });
        Pieces::concat(parts)
    }

    /// As [`in_pieces`](Self::in_pieces), beside the days that `other` covers.
    fn in_pieces_over(
        &self,
        other: &Self,
        found: &[u32],
        cut: impl Fn((i32, i32), &Covered, &mut Covered) + Sync,
    ) -> Pieces {
        let covered: Vec<Covered> = sweep::in_chunks(found.len(), |persons| {
            let covered = |at: usize| {
                let code = found[at] as usize;
                if code < other.persons.len() { other.covered(code) } else { Vec::new() }
            };
            persons.map(covered).collect::<Vec<_>>()
        })
        .into_iter()
        .flatten()
        .collect();
        self.in_pieces(|at, person, out| {
            cut((self.starts[at], self.ends[at]), &covered[person], out);
        })
    }

    fn sifted(&self, pieces: Pieces, verb: &str, lost: &str, other: &Self) -> Self {
        let mut left = vec![false; self.len()];
        for &at in &pieces.source {
            left[at as usize] = true;
        }
        let gone = left.iter().filter(|left| !**left).count();
        let made = pieces.source.len() + gone - self.len();
        let step = Step::new(verb, other.name().to_owned(), Count::default(), Count::default())
            .exclude(format!("{lost} {}", other.name()), Count::rows(gone))
            .note(format!("{made} more pieces than spells"))
            .join(other.account().clone());
        self.with_pieces(pieces, step)
    }
}

/// The parts of `covered` within `[start, end)`.
fn within(
    (start, end): (i32, i32),
    covered: &Covered,
) -> impl Iterator<Item = (i32, i32)> + use<'_> {
    let first = covered.partition_point(|&(_, to)| to <= start);
    covered[first..]
        .iter()
        .take_while(move |&&(from, _)| from < end)
        .map(move |&(from, to)| (from.max(start), to.min(end)))
        .filter(|(from, to)| from < to || *to == Day::OPEN.0)
}
