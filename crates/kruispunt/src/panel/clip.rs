use crate::data::{Calendar, Count, Pieces, Spells, Step};

impl Spells {
    /// The spells within the calendar: those outside are left out, the others shortened.
    ///
    /// An amount that belongs to a whole spell keeps its length, so the days cut off take their
    /// share along (see [`Spread`](super::Spread)).
    #[must_use]
    pub fn clip(&self, calendar: &Calendar) -> Self {
        let (first, next) = (calendar.first_day().0, calendar.last_day().0 + 1);
        let mut pieces = Pieces::default();
        let (mut early, mut late, mut cut_start, mut cut_end) = (0, 0, 0_u64, 0_u64);
        for person in 0..self.persons.len() {
            let before = pieces.source.len();
            for at in self.of(person) {
                let (start, end) = (self.starts[at], self.ends[at]);
                if end <= first {
                    early += 1;
                } else if start >= next {
                    late += 1;
                } else {
                    cut_start += u64::from(start < first);
                    cut_end += u64::from(end > next);
                    pieces.push(at, start.max(first), end.min(next));
                }
            }
            pieces.close_person(before);
        }
        let step = Step::new(
            "clip",
            format!("to {}-{}", calendar.label(0), calendar.label(calendar.len() - 1)),
            Count::default(),
            Count::default(),
        )
        .exclude(format!("ended before {}", calendar.first_day()), Count::rows(early))
        .exclude(format!("started after {}", calendar.last_day()), Count::rows(late))
        .note(format!("{cut_start} spells shortened at the start, {cut_end} at the end"));
        self.with_pieces(pieces, step)
    }
}
