//! `--report FILE`: one JSON line per object, as its outcome is recorded.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex};

use shared::ledger::Outcome;

use crate::exit::Failure;

/// An open report. Clones write to the same file.
#[derive(Clone)]
pub struct Report(Arc<Mutex<Sheet>>);

struct Sheet {
    file: BufWriter<File>,
    failure: Option<std::io::Error>,
}

impl Report {
    /// Creates the file, empty.
    pub fn create(path: &Path) -> Result<Report, Failure> {
        let file = File::create(path).map_err(|why| {
            Failure::usage(format!(
                "report: cannot write {}: {why}; give a file in a folder that is yours",
                path.display()
            ))
        })?;
        Ok(Report(Arc::new(Mutex::new(Sheet { file: BufWriter::new(file), failure: None }))))
    }

    /// The worker's end of it.
    pub fn listener(&self) -> worker::Report {
        let report = self.clone();
        Arc::new(move |outcome| report.write(outcome))
    }

    /// Adds a line. Copying goes on when the report cannot: [`Report::flush`] tells.
    fn write(&self, outcome: &Outcome) {
        let mut line = serde_json::to_vec(outcome).expect("an outcome is representable as JSON");
        line.push(b'\n');
        let mut sheet = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if sheet.failure.is_none() {
            sheet.failure = sheet.file.write_all(&line).err();
        }
    }

    /// Writes out what is buffered; the first error of all writes so far.
    pub fn flush(&self) -> std::io::Result<()> {
        let mut sheet = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        match sheet.failure.take() {
            Some(failure) => Err(failure),
            None => sheet.file.flush(),
        }
    }
}
