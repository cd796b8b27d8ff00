//! How many are at risk and end, at each time of each group.

use super::episodes::Episodes;
use rayon::prelude::*;

/// One group's times at which an episode ends, in order.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) time: Vec<f64>,
    /// At risk: entered before, not ended before.
    pub(super) at_risk: Vec<f64>,
    /// Events, `k` causes a time.
    pub(super) events: Vec<f64>,
    pub(super) censored: Vec<f64>,
    /// Times at which episodes enter, with all that entered up to and with them.
    pub(super) enters: Vec<(f64, f64)>,
}

/// The bit that tells the row of an entry from the row of an end.
const ENTRY: u32 = 1 << 31;

/// What begins and ends at one time.
#[derive(Clone, Copy, Default)]
struct Sums {
    entered: f64,
    ended: f64,
    censored: f64,
    rows: u32,
}

/// Times on a short whole-number scale: no sort is needed.
fn scale(episodes: &Episodes) -> Option<(f64, usize)> {
    let mut bounds = (f64::INFINITY, f64::NEG_INFINITY);
    for &time in episodes.time.iter().chain(episodes.entry.iter().flatten()) {
        if time.fract() != 0.0 {
            return None;
        }
        bounds = (bounds.0.min(time), bounds.1.max(time));
    }
    let range = bounds.1 - bounds.0 + 1.0;
    let room = (4 * episodes.time.len()).max(1 << 12) as f64;
    (range * episodes.groups.len() as f64 * episodes.causes.len() as f64 <= room)
        .then_some((bounds.0, range as usize))
}

impl Episodes {
    pub(super) fn weight(&self, row: usize) -> f64 {
        self.weight.as_ref().map_or(1.0, |weight| weight[row])
    }

    /// Risk sets of each group.
    pub(super) fn tallies(&self) -> Vec<Tally> {
        match scale(self) {
            Some((first, range)) => self.counted(first, range),
            None => self.sorted(),
        }
    }

    fn counted(&self, first: f64, range: usize) -> Vec<Tally> {
        let k = self.causes.len();
        let mut sums = vec![Sums::default(); self.groups.len() * range];
        let mut events = vec![0.0; sums.len() * k];
        let place =
            |row: usize, time: f64| self.group[row] as usize * range + (time - first) as usize;
        for row in 0..self.time.len() {
            let (at, weight) = (place(row, self.time[row]), self.weight(row));
            let own = &mut sums[at];
            own.ended += weight;
            own.rows += 1;
            match self.event[row] {
                0 => own.censored += weight,
                cause => events[at * k + cause as usize - 1] += weight,
            }
            if let Some(entry) = &self.entry {
                sums[place(row, entry[row])].entered += weight;
            }
        }
        (0..self.groups.len())
            .map(|group| {
                let own = group * range..(group + 1) * range;
                let times: Vec<f64> = (0..range).map(|at| first + at as f64).collect();
                tally(
                    &times,
                    &sums[own.clone()],
                    &events[own.start * k..own.end * k],
                    k,
                    self.entry.is_some(),
                )
            })
            .collect()
    }

    fn sorted(&self) -> Vec<Tally> {
        let k = self.causes.len();
        let mut marks: Vec<(u32, f64, u32)> = (0..self.time.len())
            .map(|row| (self.group[row], self.time[row] + 0.0, row as u32))
            .collect();
        if let Some(entry) = &self.entry {
            marks.extend(
                (0..entry.len()).map(|row| (self.group[row], entry[row] + 0.0, row as u32 | ENTRY)),
            );
        }
        marks.par_sort_unstable_by(|a, b| {
            a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2))
        });
        let mut tallies = Vec::with_capacity(self.groups.len());
        let mut rest = marks.as_slice();
        for group in 0..self.groups.len() as u32 {
            let (own, others) = rest.split_at(rest.partition_point(|mark| mark.0 <= group));
            rest = others;
            let (mut times, mut sums, mut events) = (Vec::new(), Vec::<Sums>::new(), Vec::new());
            for &(_, time, mark) in own {
                if times.last() != Some(&time) {
                    times.push(time);
                    sums.push(Sums::default());
                    events.resize(events.len() + k, 0.0);
                }
                let (row, last) = ((mark & !ENTRY) as usize, sums.len() - 1);
                let weight = self.weight(row);
                let slot = &mut sums[last];
                if mark & ENTRY != 0 {
                    slot.entered += weight;
                    continue;
                }
                slot.ended += weight;
                slot.rows += 1;
                match self.event[row] {
                    0 => slot.censored += weight,
                    cause => events[last * k + cause as usize - 1] += weight,
                }
            }
            tallies.push(tally(&times, &sums, &events, k, self.entry.is_some()));
        }
        tallies
    }
}

fn tally(times: &[f64], sums: &[Sums], events: &[f64], k: usize, enter: bool) -> Tally {
    let mut found = Tally::default();
    // Whole weights stay exact this way round: nothing is subtracted but what was added.
    let all: f64 = if enter { 0.0 } else { sums.iter().map(|own| own.ended).sum() };
    let (mut entered, mut ended) = (all, 0.0);
    for (at, own) in sums.iter().enumerate() {
        if own.rows > 0 {
            found.time.push(times[at]);
            found.at_risk.push(entered - ended);
            found.events.extend(&events[at * k..(at + 1) * k]);
            found.censored.push(own.censored);
        }
        entered += own.entered;
        ended += own.ended;
        if own.entered > 0.0 {
            found.enters.push((times[at], entered));
        }
    }
    found
}
