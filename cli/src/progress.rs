//! Progress on standard error: a few lines that are drawn anew on a terminal, a line every few seconds elsewhere.

use std::io::{self, IsTerminal as _};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use shared::ledger::Run;
use shared::terminal;
use worker::{ObjectInFlight, TransferProgress};

use crate::layout;
use crate::meter::{Meter, Snapshot};
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
pub struct ProgressDisplay {
    began: Instant,
    meter: Meter,
    transferred: Arc<TransferProgress>,
    unsettled: Unsettled,
    bar: Option<ProgressBar>,
    said: Instant,
}

impl ProgressDisplay {
    /// Begins to show. `transferred` is what this process's workers count in.
    pub fn begin(transferred: Arc<TransferProgress>) -> Self {
        let now = Instant::now();
        let is_drawn = io::stderr().is_terminal() && Verbosity::chosen() > Verbosity::Quiet;
        let bar = is_drawn.then(|| {
            let style = ProgressStyle::with_template("{msg}").expect("the template is well-formed");
            ProgressBar::no_length().with_style(style)
        });
        set_bar(bar.clone());
        let unsettled = Unsettled { transferred_before: transferred.bytes(), settled_before: None };
        ProgressDisplay { began: now, meter: Meter::default(), transferred, unsettled, bar, said: now }
    }

    /// Shows the run's counters as they are now.
    pub fn show(&mut self, run: &Run) {
        let under_way_bytes = self.unsettled.bytes(self.transferred.bytes(), run.settled.bytes);
        self.meter.observe(self.began.elapsed(), run, under_way_bytes);
        if let Some(bar) = &self.bar {
            let (columns, rows) = (layout::columns(), layout::rows());
            let room = DRAWN_OBJECTS.min(rows.saturating_sub(SPARED_ROWS));
            let lines = drawn(&self.meter, run, &long_in_flight(&self.transferred, room), columns);
            bar.set_message(lines.join("\n"));
        } else if self.said.elapsed() >= LINE_EVERY {
            self.said = Instant::now();
            note(self.meter.line(run));
        }
    }
}

/// Separates the bytes of objects in flight from the bytes in the run's counters.
#[derive(Debug)]
struct Unsettled {
    /// Bytes that this process had transferred before: by its earlier runs.
    transferred_before: u64,
    /// Bytes that the run had settled at the first look: by earlier processes.
    settled_before: Option<u64>,
}

impl Unsettled {
    /// Bytes that this process has transferred and the run has not settled: of objects in flight, and of objects whose
    /// outcomes are about to be recorded. An attempt that fails takes its bytes off again, and other workers settle
    /// bytes too, so the difference may be negative: that is 0.
    fn bytes(&mut self, transferred: u64, settled: u64) -> u64 {
        let settled_before = *self.settled_before.get_or_insert(settled);
        transferred.saturating_sub(self.transferred_before).saturating_sub(settled.saturating_sub(settled_before))
    }
}

/// The largest objects that have been in flight for a while.
fn long_in_flight(transferred: &TransferProgress, most: usize) -> Vec<ObjectInFlight> {
    let mut objects = transferred.in_flight(usize::MAX);
    objects.retain(|object| object.elapsed >= DRAWN_AFTER);
    objects.truncate(most);
    objects
}

/// The lines that are drawn on a terminal: counters behind a bar, rates, objects in flight. Each is narrower than the
/// terminal, so that none wraps.
fn drawn(meter: &Meter, run: &Run, in_flight: &[ObjectInFlight], columns: usize) -> Vec<String> {
    let columns = columns.saturating_sub(1);
    let Snapshot { counters, rates } = meter.snapshot(run);
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
fn line_of(object: &ObjectInFlight, columns: usize) -> String {
    let share = object.bytes.min(object.size) as f64 / object.size.max(1) as f64;
    let mut line = format!("{:>4}%  ", (share * 100.0) as u64);
    if columns >= SIZES_FROM_COLUMNS {
        line += &format!("{} of {}  ", terminal::bytes(object.bytes), terminal::bytes(object.size));
    }
    let room = columns.saturating_sub(layout::width(&line));
    line += &layout::end_within(&terminal::escaped(&object.key), room);
    layout::start_within(&line, columns)
}

impl Drop for ProgressDisplay {
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
    use shared::ledger::{Found, Phase, Settled};

    use crate::fixtures;

    fn run(settled_bytes: u64) -> Run {
        let found = Found { listed: 1_234_567, enqueued: 1_234_567, enqueued_bytes: 50 << 40, ..Found::default() };
        let mut settled = Settled { copied: 1_000_000, failed: 12, bytes: settled_bytes, ..Settled::default() };
        settled.skipped_by.add(shared::objects::reasons::ARCHIVED, 3);
        fixtures::run("r", Phase::Listed, found, settled)
    }

    #[test]
    fn regression_progress_lines_are_narrower_than_the_terminal() {
        let mut meter = Meter::default();
        for second in 0..10 {
            meter.observe(Duration::from_secs(second), &run(second << 30), 123 << 20);
        }
        let object = ObjectInFlight {
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
        // An earlier run of this process has transferred 50 bytes, an earlier process has settled 100 of this run.
        let mut unsettled = Unsettled { transferred_before: 50, settled_before: None };
        assert_eq!(unsettled.bytes(50, 100), 0, "nothing is under way yet");
        assert_eq!(unsettled.bytes(80, 100), 30, "an object in flight counts");
        assert_eq!(unsettled.bytes(95, 130), 15, "30 bytes are settled, 15 of the next object are under way");
        assert_eq!(unsettled.bytes(95, 145), 0, "all are settled");
        assert_eq!(unsettled.bytes(90, 145), 0, "an attempt that failed took its bytes off");
    }
}
