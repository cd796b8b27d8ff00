//! Loops compiled for the widest registers this processor has.

#![allow(clippy::inline_always, reason = "the dispatch is worth nothing where it is not inlined")]

/// Runs `work` compiled for AVX-512, AVX2 or what every processor of the architecture has. What it
/// calls must be `#[inline(always)]` to be compiled along. Nothing is fused or reordered, so that
/// the bits are the same at every width.
#[inline(always)]
pub(crate) fn widest<R>(work: impl FnOnce() -> R) -> R {
    struct Work<F>(F);
    impl<R, F: FnOnce() -> R> pulp::NullaryFnOnce for Work<F> {
        type Output = R;
        #[inline(always)]
        fn call(self) -> R {
            (self.0)()
        }
    }
    pulp::Arch::new().dispatch(Work(work))
}

/// The sum of `f(0)` to `f(n - 1)` in a fixed order with eight running sums.
#[inline(always)]
pub(crate) fn running(n: usize, f: impl Fn(usize) -> f64) -> f64 {
    let mut sums = [0.0; 8];
    let whole = n / 8 * 8;
    for from in (0..whole).step_by(8) {
        for (lane, sum) in sums.iter_mut().enumerate() {
            *sum += f(from + lane);
        }
    }
    let rest: f64 = (whole..n).map(f).sum();
    ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7])) + rest
}
