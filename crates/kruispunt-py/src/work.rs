//! Long work: GIL released, Ctrl-C heard, progress told, panics caught.

use crate::error::{InputError, InternalError};
use kruispunt::data::{Progress, Ticket};
use pyo3::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// How often the waiting thread looks at signals and progress.
const TICK: Duration = Duration::from_millis(50);
/// Deep recursion on hostile input ends in an error long before this.
const STACK: usize = 16 << 20;

/// Runs `work` on a thread of its own and waits for it.
///
/// The GIL is released; every 50 ms the calling thread looks for signals and tells `progress`
/// (called with stage, units done and units in all, 0 when unknown). A signal or an exception in
/// `progress` cancels the ticket; the work returns soon after and the signal's exception is
/// raised, whatever the work returned. A panic becomes `kruispunt.exceptions.InternalError`.
///
/// ```ignore
/// work::run(py, progress, |ticket| model.fit(&table, ticket).map_err(|e| estimate_error(&e)))
/// ```
pub(crate) fn run<T, F>(py: Python<'_>, progress: Option<&Bound<'_, PyAny>>, work: F) -> PyResult<T>
where
    T: Send,
    F: FnOnce(&Ticket) -> PyResult<T> + Send,
{
    let ticket = Ticket::new();
    let pool = pool()?;
    let done = AtomicBool::new(false);
    let caller = thread::current();
    thread::scope(|scope| {
        let worker = thread::Builder::new()
            .name("kruispunt".to_owned())
            .stack_size(STACK)
            .spawn_scoped(scope, || {
                let outcome = catch_unwind(AssertUnwindSafe(|| pool.install(|| work(&ticket))));
                done.store(true, Ordering::Release);
                caller.unpark();
                outcome
            })
            .map_err(|error| InternalError::new_err(format!("no thread to work on: {error}")))?;
        let interrupted = wait(py, progress, &ticket, &done);
        let outcome = py.detach(|| worker.join());
        interrupted?;
        match outcome {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) | Err(panic) => Err(internal(panic.as_ref())),
        }
    })
}

/// Waits until the work is done; the first exception of a signal handler or of `progress` cancels.
fn wait(
    py: Python<'_>,
    progress: Option<&Bound<'_, PyAny>>,
    ticket: &Ticket,
    done: &AtomicBool,
) -> PyResult<()> {
    let mut told = Progress::default();
    while !done.load(Ordering::Acquire) {
        py.detach(|| thread::park_timeout(TICK));
        let heard = py.check_signals().and_then(|()| match progress {
            Some(progress) => tell(progress, ticket, &mut told),
            None => Ok(()),
        });
        if let Err(error) = heard {
            ticket.cancel();
            return Err(error);
        }
    }
    Ok(())
}

fn tell(progress: &Bound<'_, PyAny>, ticket: &Ticket, told: &mut Progress) -> PyResult<()> {
    let now = ticket.progress();
    if now != *told {
        *told = now;
        progress.call1((now.stage, now.done, now.total))?;
    }
    Ok(())
}

fn internal(panic: &(dyn Any + Send)) -> PyErr {
    let message = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    InternalError::new_err(format!(
        "this is a defect in kruispunt, not in your data; please report it: {message}"
    ))
}

/// Threads asked for; 0 for as many as the machine has.
static THREADS: AtomicUsize = AtomicUsize::new(0);
/// The pool with the process and the number of threads it was made for.
static POOL: Mutex<Option<(u32, usize, Arc<ThreadPool>)>> = Mutex::new(None);

/// The threads to work on. They do not survive a `fork`, so a child process makes its own.
fn pool() -> PyResult<Arc<ThreadPool>> {
    let (process, threads) = (std::process::id(), THREADS.load(Ordering::Relaxed));
    let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((of, with, pool)) = pool.as_ref()
        && (*of, *with) == (process, threads)
    {
        return Ok(Arc::clone(pool));
    }
    let made = ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|at| format!("kruispunt-{at}"))
        .build()
        .map_err(|error| InternalError::new_err(format!("no threads to work on: {error}")))?;
    let made = Arc::new(made);
    // The threads of a parent process are not ours to stop.
    if let Some((of, _, old)) = pool.replace((process, threads, Arc::clone(&made)))
        && of != process
    {
        std::mem::forget(old);
    }
    Ok(made)
}

/// Works on `threads` threads from now on; 0 for as many as the machine has.
#[pyfunction]
#[pyo3(signature = (threads))]
pub(crate) fn set_threads(threads: usize) -> PyResult<()> {
    const MOST: usize = 1024;
    if threads > MOST {
        return Err(InputError::new_err(format!("`threads`: {threads} is more than {MOST}")));
    }
    THREADS.store(threads, Ordering::Relaxed);
    Ok(())
}

/// Works for `seconds` in steps of a millisecond, then ends as told: `return`, `error` or `panic`.
///
/// It rehearses what no verb does on purpose, for the tests of this file.
#[pyfunction]
#[pyo3(name = "_rehearse", signature = (seconds, ending="return", progress=None))]
pub(crate) fn rehearse(
    py: Python<'_>,
    seconds: f64,
    ending: &str,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<u64> {
    const STEP: Duration = Duration::from_millis(1);
    let steps = (seconds.clamp(0.0, 3600.0) * 1000.0) as u64;
    run(py, progress, |ticket| {
        ticket.stage("rehearsal", steps);
        for step in 0..steps {
            if ticket.is_cancelled() {
                return Ok(step);
            }
            thread::sleep(STEP);
            ticket.advance(1);
        }
        match ending {
            "return" => Ok(steps),
            "panic" => std::panic::resume_unwind(Box::new("a rehearsed panic")),
            _ => Err(InputError::new_err("a rehearsed error")),
        }
    })
}
