//! Standard output: the results of a command, line by line.

use std::fmt::Display;
use std::io::{self, BufWriter, ErrorKind, Write as _};

use crate::exit::Failure;

/// Standard output, buffered. A reader may close it early (`| head`): that is no failure, and what
/// comes after goes nowhere. What cannot be written for another reason is a failure.
#[derive(Debug)]
pub struct Stdout {
    stdout: BufWriter<io::Stdout>,
    closed: bool,
}

impl Stdout {
    /// The process's standard output.
    pub fn new() -> Self {
        Stdout { stdout: BufWriter::new(io::stdout()), closed: false }
    }

    /// Writes a line.
    pub fn line(&mut self, text: impl Display) -> Result<(), Failure> {
        let written = writeln!(self.stdout, "{text}");
        self.check(written)
    }

    /// Writes out the buffer.
    pub fn flush(&mut self) -> Result<(), Failure> {
        let flushed = self.stdout.flush();
        self.check(flushed)
    }

    /// Whether nobody reads any more.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    fn check(&mut self, written: io::Result<()>) -> Result<(), Failure> {
        match written {
            Ok(()) => Ok(()),
            Err(_) if self.closed => Ok(()),
            Err(why) if why.kind() == ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(())
            }
            Err(why) => {
                // Said once; the rest of the buffer would fail again.
                self.closed = true;
                Err(Failure::midway(format!("cannot write to standard output: {why}")))
            }
        }
    }
}

/// Writes a single line, at once.
pub fn line(text: impl Display) -> Result<(), Failure> {
    let mut out = Stdout::new();
    out.line(text)?;
    out.flush()
}
