//! Progress out, cancellation in.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Carried through long work: it reports how far the work is and asks it to stop.
///
/// Clones share one state. Work calls [`stage`](Self::stage) and [`advance`](Self::advance), and
/// returns its `Cancelled` error soon after [`is_cancelled`](Self::is_cancelled) turns true (at
/// least ten times a second). Whoever waits reads [`progress`](Self::progress) and may
/// [`cancel`](Self::cancel). It never influences a result.
#[derive(Clone, Debug, Default)]
pub struct Ticket(Arc<State>);

#[derive(Debug, Default)]
struct State {
    cancelled: AtomicBool,
    done: AtomicU64,
    total: AtomicU64,
    stage: Mutex<&'static str>,
}

/// How far a piece of work is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Progress {
    /// What is being done now.
    pub stage: &'static str,
    /// Units done in this stage.
    pub done: u64,
    /// Units of this stage in all; 0 when unknown.
    pub total: u64,
}

impl Ticket {
    /// A ticket nobody has cancelled.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts a stage of `total` units (0 when unknown).
    pub fn stage(&self, stage: &'static str, total: u64) {
        *self.0.stage.lock().unwrap_or_else(PoisonError::into_inner) = stage;
        self.0.done.store(0, Ordering::Relaxed);
        self.0.total.store(total, Ordering::Relaxed);
    }

    /// Counts `units` more as done.
    pub fn advance(&self, units: u64) {
        self.0.done.fetch_add(units, Ordering::Relaxed);
    }

    /// Asks the work to stop.
    pub fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::Relaxed);
    }

    /// Whether the work was asked to stop.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::Relaxed)
    }

    /// How far the work is.
    #[must_use]
    pub fn progress(&self) -> Progress {
        Progress {
            stage: *self.0.stage.lock().unwrap_or_else(PoisonError::into_inner),
            done: self.0.done.load(Ordering::Relaxed),
            total: self.0.total.load(Ordering::Relaxed),
        }
    }
}
