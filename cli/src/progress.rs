//! Progress on standard error: a few lines that are drawn anew on a terminal, a line every few seconds elsewhere.

use std::io::{self, IsTerminal as _};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use shared::ledger::Run;
use shared::terminal;
use worker::{InFlight, TransferProgress};

use crate::layout;
use crate::meter::{Meter, Standing};
use crate::verbosity::{Verbosity, note};

/// Time between lines where standard error is not a terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// The bar that is on the terminal now, for log lines to make room.
static BAR: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Most objects in flight that are drawn.
const DRAWN_OBJECTS: usize = 5;

/// Rows that are left to what the terminal showed before.
const SPARED_ROWS: usize = 6;

/// Objects that have been in flight for less are not drawn: small ones would only flicker by.
const DRAWN_AFTER: Duration = Duration::from_secs(1);

/// Shows how a run goes until it is dropped.
pub struct Progress {
    began: Instant,
    meter: Meter,
    transfers: Transfers,
    bar: Option<ProgressBar>,
    said: Instant,
}

impl Progress {
    /// Begins to show. `transferred` is what this process's workers count in.
    pub fn begin(transferred: Arc<TransferProgress>) -> Self {
        let now = Instant::now();
        let is_drawn = io::stderr().is_terminal() && Verbosity::chosen() > Verbosity::Quiet;
        let bar = is_drawn.then(|| {
            let style = ProgressStyle::with_template("{msg}").expect("the template is well-formed");
            ProgressBar::no_length().with_style(style)
        });
        set_bar(bar.clone());
        let transfers = Transfers { before: transferred.bytes(), settled_before: None, transferred };
        Progress { began: now, meter: Meter::default(), transfers, bar, said: now }
    }

    /// Shows the run's counters as they are now.
    pub fn show(&mut self, run: &Run) {
        self.meter.observe(self.began.elapsed(), run, self.transfers.under_way_bytes(run));
        if let Some(bar) = &self.bar {
            let (columns, rows) = (layout::columns(), layout::rows());
            let room = DRAWN_OBJECTS.min(rows.saturating_sub(SPARED_ROWS));
            let lines = drawn(&self.meter, run, &self.transfers.long_in_flight(room), columns);
            bar.set_message(lines.join("\n"));
        } else if self.said.elapsed() >= LINE_EVERY {
            self.said = Instant::now();
            note(self.meter.line(run));
        }
    }
}

/// What this process transfers, beside what the run's counters know of it.
struct Transfers {
    transferred: Arc<TransferProgress>,
    /// Bytes that had been transferred when this began: by earlier runs of the process.
    before: u64,
    /// Bytes that the run had settled at the first look.
    settled_before: Option<u64>,
}

impl Transfers {
    /// Bytes that were transferred and are not settled yet: of objects in flight, and of those whose outcomes are about
    /// to be recorded.
    fn under_way_bytes(&mut self, run: &Run) -> u64 {
        let settled_before = *self.settled_before.get_or_insert(run.settled.bytes);
        let settled = run.settled.bytes.saturating_sub(settled_before);
        self.transferred.bytes().saturating_sub(self.before).saturating_sub(settled)
    }

    /// The largest objects that have been in flight for a while.
    fn long_in_flight(&self, most: usize) -> Vec<InFlight> {
        let mut objects = self.transferred.in_flight(usize::MAX);
        objects.retain(|object| object.elapsed >= DRAWN_AFTER);
        objects.truncate(most);
        objects
    }
}

/// The lines that are drawn on a terminal: counters behind a bar, rates, objects in flight. Each is narrower than the
/// terminal, so that none wraps.
fn drawn(meter: &Meter, run: &Run, in_flight: &[InFlight], columns: usize) -> Vec<String> {
    let columns = columns.saturating_sub(1);
    let Standing { counters, rates } = meter.standing(run);
    let bar = layout::bar(meter.share(run), columns);
    let mut lines = vec![format!("{bar}{}", layout::line_of(&counters, columns - bar.len()))];
    if !rates.is_empty() {
        lines.push(layout::line_of(&rates, columns));
    }
    lines.extend(in_flight.iter().map(|object| line_of(object, columns)));
    lines
}

/// Columns below which an object's sizes are left out, for its key to have room.
const SIZES_FROM_COLUMNS: usize = 60;

/// One object in flight: ` 42%  1.20 GiB of 2.86 GiB  films/a.mkv`.
fn line_of(object: &InFlight, columns: usize) -> String {
    let share = object.bytes.min(object.size) as f64 / object.size.max(1) as f64;
    let mut line = format!("{:>4}%  ", (share * 100.0) as u64);
    if columns >= SIZES_FROM_COLUMNS {
        line += &format!("{} of {}  ", terminal::bytes(object.bytes), terminal::bytes(object.size));
    }
    let room = columns.saturating_sub(layout::width(&line));
    line += &layout::end_within(&terminal::escaped(&object.key), room);
    layout::start_within(&line, columns)
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        set_bar(None);
    }
}

fn set_bar(bar: Option<ProgressBar>) {
    *BAR.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = bar;
}

/// Standard error for log lines: takes the bar off while it writes.
#[derive(Debug, Clone, Copy)]
pub struct Stderr;

impl io::Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let bar = BAR.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone();
        match bar {
            Some(bar) => bar.suspend(|| io::stderr().write_all(bytes))?,
            None => io::stderr().write_all(bytes)?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::ledger::{Found, Phase, RunStart, Settled};
    use shared::object::Timestamp;

    fn run(settled_bytes: u64) -> Run {
        let start = RunStart {
            id: "r".into(),
            task: "t".into(),
            source: "/a".into(),
            destination: "/b".into(),
            options: Default::default(),
            started: Timestamp(0),
        };
        let found = Found { listed: 1_234_567, enqueued: 1_234_567, enqueued_bytes: 50 << 40, ..Found::default() };
        let settled =
            Settled { copied: 1_000_000, failed: 12, archived: 3, bytes: settled_bytes, ..Settled::default() };
        Run { start, phase: Phase::Listed, error: None, found, settled }
    }

    #[test]
    fn regression_no_line_of_the_progress_is_as_wide_as_the_terminal() {
        let mut meter = Meter::default();
        for second in 0..10 {
            meter.observe(Duration::from_secs(second), &run(second << 30), 123 << 20);
        }
        let object = InFlight {
            key: "映画/".to_owned() + &"long/".repeat(30) + "film.mkv",
            size: 10 << 30,
            bytes: 3 << 30,
            elapsed: Duration::from_secs(5),
        };
        for columns in [1, 2, 10, 40, 59, 60, 61, 80, 200] {
            for line in drawn(&meter, &run(9 << 30), std::slice::from_ref(&object), columns) {
                assert!(layout::width(&line) < columns.max(2), "{columns}: {line}");
            }
        }
        let lines = drawn(&meter, &run(9 << 30), &[object], 80);
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert!(lines[0].contains("1,000,012 of 1,234,567 objects"), "{lines:?}");
        assert!(lines[2].starts_with("  30%  3.00 GiB of 10.0 GiB  …") && lines[2].ends_with("film.mkv"), "{lines:?}");
    }

    #[test]
    fn regression_bytes_are_under_way_until_they_are_settled() {
        let transferred = Arc::new(TransferProgress::default());
        let mut transfers = Transfers { transferred, before: 0, settled_before: None };
        assert_eq!(transfers.under_way_bytes(&run(100)), 0, "an earlier process has settled them");
        assert_eq!(transfers.under_way_bytes(&run(300)), 0);
        assert!(transfers.long_in_flight(5).is_empty());
    }
}
