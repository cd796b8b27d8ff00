//! How long the kernels take beside the `rapidfuzz` crate; run by `benches/kernels.py`.

use super::*;
use crate::data::Seed;
use std::hint::black_box;
use std::time::Instant;

const SYLLABLES: [&str; 16] = [
    "van", "de", "el", "ben", "ma", "ri", "ou", "ss", "jan", "pe", "ters", "yil", "diz", "kow",
    "al", "ski",
];
/// Right words that each left word meets.
const RIGHTS: usize = 16;
const LEFTS: usize = 4000;

fn words(kind: &str, stream: u64, n: usize) -> Vec<String> {
    let seed = Seed::new(7).stream(stream);
    let word = |row: usize| {
        let pick = |at: u64, n: u64| seed.below([row as u64, at, 0], n);
        if kind == "dates" {
            format!("{}-{:02}-{:02}", 1940 + pick(0, 70), 1 + pick(1, 12), 1 + pick(2, 28))
        } else {
            let parts = if kind == "names" { 2 + pick(0, 3) } else { 22 + pick(0, 8) };
            (0..parts).map(|at| SYLLABLES[pick(at + 1, 16) as usize]).collect()
        }
    };
    (0..n).map(word).collect()
}

/// Nanoseconds a pair, the best of five.
fn time(mut work: impl FnMut() -> f64) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..5 {
        let start = Instant::now();
        black_box(work());
        best = best.min(start.elapsed().as_secs_f64());
    }
    best * 1e9 / (LEFTS * RIGHTS) as f64
}

/// Ours and theirs, the left word prepared once for all the right words it meets.
macro_rules! beside {
    ($name:literal, $kind:expr, $left:expr, $right:expr, $ours:expr, $theirs:ident, $verb:ident) => {{
        let mut alphabet = Alphabet::default();
        // In bytes, as linkage holds words over a small alphabet; theirs are bytes too.
        let mut encode = |words: &[String]| -> Vec<Vec<u8>> {
            let each = words.iter().map(|word| {
                let mut own = Vec::new();
                alphabet.encode(word, &mut own);
                own.iter().map(|&symbol| symbol as u8).collect()
            });
            each.collect()
        };
        let (a, b) = (encode($left), encode($right));
        let mut pattern = Pattern::new(alphabet.len());
        let ours = time(|| {
            let mut sum = 0.0;
            for (left, rights) in a.iter().zip(b.chunks_exact(RIGHTS)) {
                pattern.load(left);
                sum += rights.iter().map(|right| $ours(&pattern, right) as f64).sum::<f64>();
            }
            sum
        });
        let theirs = time(|| {
            let mut sum = 0.0;
            for (left, rights) in $left.iter().zip($right.chunks_exact(RIGHTS)) {
                let own = rapidfuzz::distance::$theirs::BatchComparator::new(left.bytes());
                sum += rights.iter().map(|right| own.$verb(right.bytes()) as f64).sum::<f64>();
            }
            sum
        });
        println!(
            "KERNEL {{\"kernel\": \"{}\", \"words\": \"{}\", \"ours_ns\": {ours:.1}, \"rapidfuzz_ns\": {theirs:.1}}}",
            $name, $kind
        );
    }};
}

#[test]
#[ignore = "a benchmark: takes seconds and means something only when optimised"]
#[allow(clippy::cast_lossless, reason = "distances and similarities alike")]
fn kernels_beside_rapidfuzz() {
    for kind in ["names", "dates", "long"] {
        let (left, right) = (&words(kind, 1, LEFTS), &words(kind, 2, LEFTS * RIGHTS));
        beside!("levenshtein", kind, left, right, levenshtein, levenshtein, distance);
        beside!("osa", kind, left, right, osa, osa, distance);
        beside!("damerau", kind, left, right, damerau, damerau_levenshtein, distance);
        beside!("jaro", kind, left, right, jaro, jaro, similarity);
        beside!("jaro_winkler", kind, left, right, jaro_winkler, jaro_winkler, similarity);
    }
}
