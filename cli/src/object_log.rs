//! With `-v`: each object on standard error as it settles.
//!
//! A thread of its own writes the lines, behind a bounded channel: a terminal that is stopped, or a pipe that
//! nobody reads, holds no transfer up. Lines that find the channel full are left out and counted.

use std::io::Write as _;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use shared::ledger::{Outcome, State};
use shared::report::{Listener, Report};
use shared::terminal;

use crate::progress::Stderr;
use crate::verbosity::Verbosity;

/// Most lines that wait to be written: some hundred bytes each, so a few MiB.
const WAITING_LINES: usize = 10_000;

/// Longest wait for the lines to be written before a summary.
const FLUSH: Duration = Duration::from_secs(1);

enum Message {
    Line(String),
    /// Answered when all lines before it are written.
    Flush(SyncSender<()>),
}

static WRITER: OnceLock<SyncSender<Message>> = OnceLock::new();
static LEFT_OUT: AtomicU64 = AtomicU64::new(0);

/// What listens to the outcomes of a run: the report, and with `-v` this log.
pub fn listener(report: Option<&Report>) -> Option<Listener> {
    let report = report.map(Report::listener);
    if Verbosity::chosen() < Verbosity::Objects {
        return report;
    }
    let writer = WRITER.get_or_init(begin).clone();
    Some(std::sync::Arc::new(move |outcomes: &[&Outcome]| {
        if let Some(report) = &report {
            report(outcomes);
        }
        for outcome in outcomes {
            if let Err(TrySendError::Full(_)) = writer.try_send(Message::Line(line(outcome))) {
                LEFT_OUT.fetch_add(1, Relaxed);
            }
        }
    }))
}

fn begin() -> SyncSender<Message> {
    let (sender, lines) = sync_channel(WAITING_LINES);
    std::thread::spawn(move || write(&lines));
    sender
}

fn write(messages: &Receiver<Message>) {
    while let Ok(message) = messages.recv() {
        match message {
            // Nobody reads a standard error that is closed.
            Message::Line(line) => drop(Stderr.write_all(line.as_bytes())),
            Message::Flush(done) => drop(done.try_send(())),
        }
    }
}

/// Waits, not for long, until the lines so far are written, and says how many were left out.
pub fn flush() {
    let Some(writer) = WRITER.get() else { return };
    let (done, is_done) = sync_channel(1);
    if writer.try_send(Message::Flush(done)).is_ok() {
        let _ = is_done.recv_timeout(FLUSH);
    }
    match LEFT_OUT.swap(0, Relaxed) {
        0 => {}
        lines => terminal::say(format_args!(
            "{} not printed, because standard error was read too slowly: use --report FILE to get all",
            terminal::counted(lines, "object")
        )),
    }
}

/// One outcome for people.
fn line(outcome: &Outcome) -> String {
    let key = terminal::escaped(&outcome.key);
    let because =
        |why: &Option<String>| why.as_deref().map_or_else(String::new, |why| format!(": {}", terminal::escaped(why)));
    match outcome.state {
        State::Copied => format!("copied {key} ({})\n", terminal::bytes(outcome.size)),
        State::Deleted => format!("deleted {key}\n"),
        State::Skipped => format!("skipped {key}{}\n", because(&outcome.reason)),
        State::Failed => format!("failed {key}{}\n", because(&outcome.error)),
        State::Cancelled => format!("cancelled {key}\n"),
    }
}
