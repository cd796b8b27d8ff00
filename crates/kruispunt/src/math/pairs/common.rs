//! Distances from all the subsequences two strings have in common.

use super::Pair;

/// What a common subsequence counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counted {
    /// One, for each pair of places where it stands.
    One,
    /// The time its codes share: the sum of the smaller of two lengths.
    Shared,
    /// The product of its times in both.
    Product,
}

/// `sqrt(K(a, a) + K(b, b) - 2 K(a, b))` with K the sum over all pairs of embeddings of the same
/// subsequence of what it counts.
///
/// With `E(i, j)` the number of such pairs that end in positions i and j (where the codes agree),
/// `E(i, j) = 1 + sum_{i' < i, j' < j} E(i', j')`, and times are carried along; sums over the
/// rectangle before are kept a column, so that a pair costs `n m`.
pub(crate) struct Common {
    codes: Vec<Vec<(u8, f64)>>,
    counted: Counted,
    own: Vec<f64>,
}

/// Sums over the rectangle before: pairs, times of each, products of times.
type Sums = [f64; 4];

impl Common {
    /// Rows of codes with the length of each.
    pub(crate) fn new(codes: Vec<Vec<(u8, f64)>>, counted: Counted) -> Self {
        let mut kernel = Self { codes, counted, own: Vec::new() };
        let mut room = Vec::new();
        kernel.own = (0..kernel.codes.len()).map(|row| kernel.value(&mut room, row, row)).collect();
        kernel
    }

    fn value(&self, room: &mut Vec<Sums>, a: usize, b: usize) -> f64 {
        let (a, b) = (&self.codes[a], &self.codes[b]);
        room.clear();
        room.resize(b.len() + 1, [0.0; 4]);
        let mut total = 0.0;
        for &(x, s) in a {
            let mut along = [0.0; 4];
            for (j, &(y, t)) in b.iter().enumerate() {
                // room[j] still holds the rectangle up to the row before
                let before = room[j];
                add(&mut room[j], &along);
                if x != y {
                    continue;
                }
                let pairs = 1.0 + before[0];
                let here = match self.counted {
                    Counted::One => [pairs, 0.0, 0.0, pairs],
                    Counted::Shared => [pairs, 0.0, 0.0, s.min(t) * pairs + before[3]],
                    Counted::Product => {
                        let product = s * t * pairs + s * before[2] + t * before[1] + before[3];
                        [pairs, s * pairs + before[1], t * pairs + before[2], product]
                    }
                };
                total += here[3];
                add(&mut along, &here);
            }
            if let Some(last) = room.last_mut() {
                add(last, &along);
            }
        }
        total
    }
}

fn add(sum: &mut Sums, more: &Sums) {
    for (sum, more) in sum.iter_mut().zip(more) {
        *sum += more;
    }
}

impl Pair for Common {
    type Room = Vec<Sums>;

    fn distance(&self, room: &mut Vec<Sums>, a: usize, b: usize) -> f64 {
        let square = self.own[a] + self.own[b] - 2.0 * self.value(room, a, b);
        if a == b { 0.0 } else { square.max(0.0).sqrt() }
    }
}
