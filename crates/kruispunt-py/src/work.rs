//! Long work: GIL released, Ctrl-C heard, progress told, panics caught.

use crate::error::{InputError, InternalError};
use kruispunt::data::{Progress, Ticket};
use pyo3::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SendError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// How often the waiting thread looks at signals and progress.
const TICK: Duration = Duration::from_millis(50);
/// Deep recursion on hostile input ends in an error long before this.
const STACK: usize = 16 << 20;

/// How long the calling thread waits for cancelled work to end before it goes on without it.
const GRACE: Duration = Duration::from_millis(200);

/// Whether work has ended that was told to stop and had not stopped yet when its caller went on.
static LEFT: Mutex<Vec<Arc<AtomicBool>>> = Mutex::new(Vec::new());

/// What a thread is handed.
type Job = Box<dyn FnOnce() + Send>;

/// Threads that wait for work, with the process they live in: short calls, of which a table of a few
/// rows takes a dozen, need no thread each.
static WAITING: Mutex<Vec<(u32, Sender<Job>)>> = Mutex::new(Vec::new());

/// So many threads wait at most.
const MOST_WAITING: usize = 4;

/// Has a job done by a thread that waits, or by a new one.
fn hand_over(mut job: Job) -> std::io::Result<()> {
    let process = std::process::id();
    loop {
        let next = {
            let mut waiting = WAITING.lock().unwrap_or_else(PoisonError::into_inner);
            // The threads of a parent process did not come along.
            waiting.retain(|(own, _)| *own == process);
            waiting.pop()
        };
        let Some((_, thread)) = next else { break };
        match thread.send(job) {
            Ok(()) => return Ok(()),
            // From a thread that has gone it comes back; the next one is asked.
            Err(SendError(back)) => job = back,
        }
    }
    let (send, receive) = mpsc::channel::<Job>();
    thread::Builder::new()
        .name("kruispunt".to_owned())
        .stack_size(STACK)
        .spawn(move || {
            job();
            loop {
                {
                    let mut waiting = WAITING.lock().unwrap_or_else(PoisonError::into_inner);
                    if waiting.len() >= MOST_WAITING {
                        return;
                    }
                    waiting.push((process, send.clone()));
                }
                let Ok(next) = receive.recv() else { return };
                next();
            }
        })
        .map(|_| ())
}

/// Runs `work` on another thread and waits for it.
///
/// The GIL is released; every 50 ms the calling thread looks for signals and tells `progress`
/// (called with stage, units done and units in all, 0 when unknown). A signal or an exception in
/// `progress` cancels the ticket and is raised, whatever the work returns. Work that does not stop
/// within 200 ms is left behind: it owns all it reads, ends by itself, and its result is dropped.
/// So Ctrl-C is heard in time in every verb, whether its core looks at the ticket or not. A panic
/// becomes `kruispunt.exceptions.InternalError`.
///
/// ```ignore
/// let table = Arc::clone(&table.get().0);
/// work::run(py, progress, move |ticket| model.fit(&table, ticket).map_err(|e| estimate_error(&e)))
/// ```
pub(crate) fn run<T, F>(py: Python<'_>, progress: Option<&Bound<'_, PyAny>>, work: F) -> PyResult<T>
where
    T: Send + 'static,
    F: FnOnce(&Ticket) -> PyResult<T> + Send + 'static,
{
    let work: Work = Box::new(move |ticket| Box::new(work(ticket)));
    let given = run_any(py, progress, work)?;
    match given.downcast::<PyResult<T>>() {
        Ok(given) => *given,
        Err(_) => Err(internal(&"the work gave another type than it promised")),
    }
}

/// Work whose type is forgotten, so that threads and channels are compiled once and not for each verb.
type Work = Box<dyn FnOnce(&Ticket) -> Given + Send>;
/// What such work gives: a `PyResult<T>`.
type Given = Box<dyn Any + Send>;
/// What the work gave, or the panic that ended it.
type Outcome = thread::Result<Given>;

fn run_any(py: Python<'_>, progress: Option<&Bound<'_, PyAny>>, work: Work) -> PyResult<Given> {
    let ticket = Ticket::new();
    let pool = pool()?;
    let (send, receive) = mpsc::channel();
    let handed = ticket.clone();
    let ended = Arc::new(AtomicBool::new(false));
    let end = Arc::clone(&ended);
    hand_over(Box::new(move || {
        let outcome = catch_unwind(AssertUnwindSafe(|| pool.install(|| work(&handed))));
        // Nobody listens any more when the work was left behind.
        let _ = send.send(outcome);
        end.store(true, Ordering::Release);
    }))
    .map_err(|error| InternalError::new_err(format!("no thread to work on: {error}")))?;
    match wait(py, progress, &ticket, receive) {
        Ok(outcome) => outcome.map_err(|panic| internal(panic.as_ref())),
        Err(interrupt) => {
            let mut left = LEFT.lock().unwrap_or_else(PoisonError::into_inner);
            left.retain(|own| !own.load(Ordering::Acquire));
            left.push(ended);
            // Its threads are busy; the next work gets new ones.
            *POOL.lock().unwrap_or_else(PoisonError::into_inner) = None;
            Err(interrupt)
        }
    }
}

/// Waits until the work is done; the first exception of a signal handler or of `progress` cancels.
fn wait(
    py: Python<'_>,
    progress: Option<&Bound<'_, PyAny>>,
    ticket: &Ticket,
    mut receive: Receiver<Outcome>,
) -> PyResult<Outcome> {
    let mut told = Progress::default();
    loop {
        let arrived = {
            let receive = &mut receive;
            py.detach(move || receive.recv_timeout(TICK))
        };
        match arrived {
            Ok(outcome) => return Ok(outcome),
            Err(RecvTimeoutError::Disconnected) => {
                return Err(internal(&"the thread of the work ended without an answer"));
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
        let heard = py.check_signals().and_then(|()| match progress {
            Some(progress) => tell(progress, ticket, &mut told),
            None => Ok(()),
        });
        if let Err(error) = heard {
            ticket.cancel();
            // What arrives now is dropped without the GIL, however large it is.
            py.detach(move || drop(receive.recv_timeout(GRACE)));
            return Err(error);
        }
    }
}

/// Waits until all work that was left behind has ended; called before the interpreter goes.
///
/// Such work may hold memory lent by another library, which must not be given back while that
/// library is being taken down.
#[pyfunction]
#[pyo3(name = "_settle")]
pub(crate) fn settle(py: Python<'_>) -> PyResult<()> {
    loop {
        let busy = {
            let mut left = LEFT.lock().unwrap_or_else(PoisonError::into_inner);
            left.retain(|own| !own.load(Ordering::Acquire));
            !left.is_empty()
        };
        if !busy {
            return Ok(());
        }
        py.detach(|| thread::sleep(TICK));
        py.check_signals()?;
    }
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

/// Works for `seconds` in steps of a millisecond, then ends as told: `return`, `error`, `panic`,
/// or `deaf`, which returns and never looks at its ticket.
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
    let ending = ending.to_owned();
    run(py, progress, move |ticket| {
        ticket.stage("rehearsal", steps);
        for step in 0..steps {
            if ticket.is_cancelled() && ending != "deaf" {
                return Ok(step);
            }
            thread::sleep(STEP);
            ticket.advance(1);
        }
        match ending.as_str() {
            "return" | "deaf" => Ok(steps),
            "panic" => std::panic::resume_unwind(Box::new("a rehearsed panic")),
            _ => Err(InputError::new_err("a rehearsed error")),
        }
    })
}
