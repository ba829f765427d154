//! Progress on standard error: a few lines that are drawn anew on a terminal, a line every few seconds elsewhere.

use std::io::{self, IsTerminal as _};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use shared::ledger::Run;

use crate::layout;
use crate::meter::{Meter, Standing};
use crate::verbosity::{Verbosity, note};

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
        let is_drawn = io::stderr().is_terminal() && Verbosity::chosen() > Verbosity::Quiet;
        let bar = is_drawn.then(|| {
            let style = ProgressStyle::with_template("{msg}").expect("the template is well-formed");
            ProgressBar::no_length().with_style(style)
        });
        set_bar(bar.clone());
        Progress { began: now, meter: Meter::default(), bar, said: now }
    }

    /// Shows the run's counters as they are now.
    pub fn show(&mut self, run: &Run) {
        self.meter.observe(self.began.elapsed(), run, 0);
        if let Some(bar) = &self.bar {
            bar.set_message(drawn(&self.meter, run, layout::columns()));
            bar.tick();
        } else if self.said.elapsed() >= LINE_EVERY {
            self.said = Instant::now();
            note(self.meter.line(run));
        }
    }
}

/// What is drawn on a terminal: counters behind a bar, then rates. No line is as wide as the terminal, so that
/// none wraps.
fn drawn(meter: &Meter, run: &Run, columns: usize) -> String {
    let columns = columns.saturating_sub(1);
    let Standing { counters, rates } = meter.standing(run);
    let bar = layout::bar(meter.share(run), columns);
    let mut text = format!("{bar}{}", layout::line_of(&counters, columns - bar.len()));
    if !rates.is_empty() {
        text += &format!("\n{}", layout::line_of(&rates, columns));
    }
    text
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
