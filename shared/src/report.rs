//! A report: one JSON line per object, written as soon as its outcome is recorded.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::ledger::Outcome;
use crate::sync::lock;
use crate::{Error, ErrorKind, Result};

/// More than any line takes, bytes: a key has at most 1,024 bytes, an error some thousand, and JSON makes
/// at most six of each.
const MAX_LINE_BYTES: u64 = 256 << 10;

/// Gets outcomes after they are recorded, each from the worker that counted it first. If this worker dies between the
/// two, nobody gets the outcome.
pub type Listener = Arc<dyn Fn(&[&Outcome]) + Send + Sync>;

/// An open report. Clones write to the same file.
#[derive(Debug, Clone)]
pub struct Report(Arc<Mutex<Sheet>>);

#[derive(Debug)]
struct Sheet {
    file: File,
    failure: Option<io::Error>,
}

impl Report {
    /// Opens the file, or makes it, to append to it. A line that a crash cut off is removed.
    pub fn open(path: &Path) -> Result<Report> {
        let file = OpenOptions::new().read(true).append(true).create(true).open(path);
        let file = file.and_then(|file| cut_to_whole_lines(&file).map(|()| file)).map_err(|why| {
            let message = format!("{why}: give another file, in a writable folder");
            Error::new(ErrorKind::Invalid, "write", path.display().to_string(), message)
        })?;
        Ok(Report(Arc::new(Mutex::new(Sheet { file, failure: None }))))
    }

    /// Empties the file for a new run. A pipe or a terminal is not changed.
    pub fn begin_anew(&self) -> io::Result<()> {
        let sheet = self.sheet();
        if sheet.file.metadata()?.is_file() { sheet.file.set_len(0) } else { Ok(()) }
    }

    /// The listener for a worker.
    pub fn listener(&self) -> Listener {
        let report = self.clone();
        Arc::new(move |outcomes| report.write(outcomes))
    }

    /// Adds lines in one write, so that a killed process leaves whole lines. An error does not stop the copying;
    /// [`Report::check`] returns it.
    fn write(&self, outcomes: &[&Outcome]) {
        let mut lines = Vec::new();
        for outcome in outcomes {
            serde_json::to_writer(&mut lines, outcome).expect("an outcome is representable as JSON");
            lines.push(b'\n');
        }
        let mut sheet = self.sheet();
        if sheet.failure.is_none() {
            sheet.failure = sheet.file.write_all(&lines).err();
        }
    }

    /// The first error of all writes since the last call of this method.
    pub fn check(&self) -> io::Result<()> {
        self.sheet().failure.take().map_or(Ok(()), Err)
    }

    fn sheet(&self) -> MutexGuard<'_, Sheet> {
        lock(&self.0)
    }
}

/// Does not change a file whose last line is long and has no end: it is no report.
fn cut_to_whole_lines(file: &File) -> io::Result<()> {
    let about = file.metadata()?;
    if !about.is_file() || about.len() == 0 {
        return Ok(());
    }
    let from = about.len().saturating_sub(MAX_LINE_BYTES);
    let mut tail = vec![0; (about.len() - from) as usize];
    file.read_exact_at(&mut tail, from)?;
    match tail.iter().rposition(|byte| *byte == b'\n') {
        Some(end) if end + 1 == tail.len() => Ok(()),
        Some(end) => file.set_len(from + end as u64 + 1),
        // A single line, which a crash cut off before its end.
        None if from == 0 && tail.starts_with(b"{\"key\":") => file.set_len(0),
        None => Err(io::Error::new(io::ErrorKind::InvalidData, "the file exists and is not a report")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn opened(before: &str) -> (Result<Report>, tempfile::TempDir) {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("report"), before).unwrap();
        (Report::open(&dir.path().join("report")), dir)
    }

    #[test]
    fn a_report_goes_on_after_the_last_whole_line() {
        for (before, after) in [("", ""), ("{}\n", "{}\n"), ("{}\n{\"ke", "{}\n"), ("{\"key\":", "")] {
            let (report, dir) = opened(before);
            report.unwrap().check().unwrap();
            assert_eq!(fs::read_to_string(dir.path().join("report")).unwrap(), after, "{before:?}");
        }
    }

    #[test]
    fn a_file_that_is_no_report_is_left_alone() {
        let (report, dir) = opened("precious");
        assert!(report.unwrap_err().to_string().contains("is not a report"));
        assert_eq!(fs::read_to_string(dir.path().join("report")).unwrap(), "precious");
    }

    #[test]
    fn a_new_run_begins_the_report_anew() {
        let (report, dir) = opened("{}\n");
        report.unwrap().begin_anew().unwrap();
        assert_eq!(fs::read_to_string(dir.path().join("report")).unwrap(), "");
    }
}
