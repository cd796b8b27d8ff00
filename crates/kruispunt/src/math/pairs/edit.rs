//! Edit distances whose costs depend on more than two codes, pair by pair.

use super::Pair;

/// Costs of an edit distance between two rows: of turning position `i` of one into position `j` of
/// the other, and of deleting or inserting a position where the other string stands at `j`.
pub(crate) trait Edits: Sync {
    /// Positions of a row.
    fn len(&self, row: usize) -> usize;
    /// Turns position `i` of row `a` into position `j` of row `b`.
    fn substitute(&self, a: usize, i: usize, b: usize, j: usize) -> f64;
    /// Puts position `i` of row `a` behind the first `j` positions of row `b`.
    fn insert(&self, a: usize, i: usize, b: usize, j: usize) -> f64;
}

/// The least cost of turning one row into another.
pub(crate) struct Edit<E>(pub(crate) E);

impl<E: Edits> Pair for Edit<E> {
    type Room = Vec<f64>;

    fn distance(&self, room: &mut Vec<f64>, a: usize, b: usize) -> f64 {
        let (n, m) = (self.0.len(a), self.0.len(b));
        room.clear();
        room.push(0.0);
        for j in 0..m {
            room.push(room[j] + self.0.insert(b, j, a, 0));
        }
        for i in 0..n {
            let mut diagonal = room[0];
            room[0] += self.0.insert(a, i, b, 0);
            for j in 0..m {
                let deleted = room[j + 1] + self.0.insert(a, i, b, j + 1);
                let inserted = room[j] + self.0.insert(b, j, a, i + 1);
                let substituted = diagonal + self.0.substitute(a, i, b, j);
                diagonal = room[j + 1];
                room[j + 1] = substituted.min(deleted).min(inserted);
            }
        }
        room[m]
    }
}

/// Time warp edit distance: `stiffness` a shift in time, `penalty` a gap.
pub(crate) struct Twed<'a> {
    pub(crate) strings: &'a super::Strings,
    pub(crate) substitution: &'a [f64],
    pub(crate) states: usize,
    pub(crate) stiffness: f64,
    pub(crate) penalty: f64,
    pub(crate) indel: f64,
}

impl Pair for Twed<'_> {
    type Room = Vec<f64>;

    fn distance(&self, room: &mut Vec<f64>, a: usize, b: usize) -> f64 {
        let (a, b) = (self.strings.get(a), self.strings.get(b));
        if a.is_empty() || b.is_empty() {
            return (a.len() + b.len()) as f64 * self.indel;
        }
        let cost = |x: u8, y: u8| self.substitution[x as usize * self.states + y as usize];
        let gap = self.stiffness + self.penalty;
        room.clear();
        room.resize(b.len() + 1, f64::INFINITY);
        room[0] = 0.0;
        for i in 0..a.len() {
            let mut diagonal = if i == 0 { 0.0 } else { f64::INFINITY };
            for j in 0..b.len() {
                let up = room[j + 1];
                let before = if i > 0 && j > 0 { cost(a[i - 1], b[j - 1]) } else { 0.0 };
                let shift = 2.0 * self.stiffness * i.abs_diff(j) as f64;
                let mut best = diagonal + cost(a[i], b[j]) + before + shift;
                if j > 0 {
                    best = best.min(room[j] + cost(b[j], b[j - 1]) + gap);
                }
                if i > 0 {
                    best = best.min(up + cost(a[i], a[i - 1]) + gap);
                }
                diagonal = up;
                room[j + 1] = best;
            }
        }
        room[b.len()]
    }
}
