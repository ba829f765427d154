//! Progress on standard error: a bar on a terminal, a line every few seconds elsewhere.

use std::io::{self, IsTerminal as _};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use shared::console;
use shared::ledger::{Phase, Run};

use crate::meter::Meter;

/// Time between lines where standard error is not a terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// The bar that is on the terminal now, for log lines to make room.
static BAR: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Shows how a run goes until it is dropped.
pub struct Progress {
    began: Instant,
    meter: Meter,
    bar: Option<ProgressBar>,
    said: Instant,
}

impl Progress {
    /// Begins to show.
    pub fn begin() -> Self {
        let now = Instant::now();
        let bar = io::stderr().is_terminal().then(|| {
            let style =
                ProgressStyle::with_template("{spinner} [{bar:24}] {msg}").expect("the template is well-formed");
            ProgressBar::no_length().with_style(style.progress_chars("=> "))
        });
        set_bar(bar.clone());
        Progress { began: now, meter: Meter::default(), bar, said: now }
    }

    /// Shows the run's counters as they are now.
    pub fn show(&mut self, run: &Run) {
        self.meter.observe(self.began.elapsed(), run);
        if let Some(bar) = &self.bar {
            if run.phase != Phase::Listing {
                bar.set_length(run.enqueued());
            }
            bar.set_position(run.settled.objects());
            bar.set_message(self.meter.line(run));
            bar.tick();
        } else if self.said.elapsed() >= LINE_EVERY {
            self.said = Instant::now();
            console::say(self.meter.line(run));
        }
    }
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
