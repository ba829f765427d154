//! Log lines for people: one readable sentence, then the error that caused it.
//!
//! `warning: could not release the claim on the task: it expires by itself: unclaim t: …` in a command, with the time
//! before it in a program that runs for long. No module names: the JSON format has those, and every field by its name.
//!
//! Warnings and errors show no other field: their message names the thing, and says what to do. Lower levels add their
//! fields in parentheses.

use std::fmt::{self, Debug, Write as _};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::registry::LookupSpan;

use crate::object::Timestamp;
use crate::terminal::{escaped, run_id};

/// The format.
#[derive(Debug, Clone, Copy)]
pub(super) struct Human {
    /// Whether lines begin with the time.
    pub has_time: bool,
}

impl<S, N> FormatEvent<S, N> for Human
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut sentence = Sentence::default();
        event.record(&mut sentence);
        if *event.metadata().level() <= Level::WARN {
            sentence.others.clear();
        }
        if self.has_time {
            write!(writer, "{} ", Timestamp::now())?;
        }
        let (name, colour) = named(*event.metadata().level());
        match writer.has_ansi_escapes() {
            true => write!(writer, "\u{1b}[{colour}m{name}:\u{1b}[0m ")?,
            false => write!(writer, "{name}: ")?,
        }
        writeln!(writer, "{}", sentence.text())
    }
}

/// A level's name in a line, and its colour on a terminal.
fn named(level: Level) -> (&'static str, u8) {
    match level {
        Level::ERROR => ("error", 31),
        Level::WARN => ("warning", 33),
        Level::INFO => ("info", 32),
        Level::DEBUG => ("debug", 34),
        Level::TRACE => ("trace", 35),
    }
}

/// An event's fields, in the order in which a line has them.
#[derive(Debug, Default)]
struct Sentence {
    message: String,
    error: String,
    others: String,
}

impl Sentence {
    fn text(&self) -> String {
        let mut text = escaped(&self.message);
        if !self.error.is_empty() {
            let _ = write!(text, "{}{}", if text.is_empty() { "" } else { ": " }, escaped(&self.error));
        }
        if !self.others.is_empty() {
            let _ = write!(text, " ({})", escaped(&self.others));
        }
        text
    }

    fn add(&mut self, name: &str, value: fmt::Arguments<'_>) {
        let _ = match name {
            "message" => write!(self.message, "{value}"),
            "error" => write!(self.error, "{value}"),
            // As commands print it, and take it.
            "run" if self.others.is_empty() => write!(self.others, "run {}", run_id(&value.to_string())),
            "run" => write!(self.others, ", run {}", run_id(&value.to_string())),
            _ if self.others.is_empty() => write!(self.others, "{name} {value}"),
            _ => write!(self.others, ", {name} {value}"),
        };
    }
}

impl Visit for Sentence {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field.name(), format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.add(field.name(), format_args!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use std::sync::{Arc, Mutex};
    use tracing_subscriber::fmt::{MakeWriter, layer};
    use tracing_subscriber::prelude::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("not poisoned").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Lines {
        type Writer = Lines;

        fn make_writer(&'a self) -> Lines {
            self.clone()
        }
    }

    fn logged(log: impl FnOnce()) -> String {
        let lines = Lines::default();
        let layer = layer().event_format(Human { has_time: false }).with_writer(lines.clone()).with_ansi(false);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), log);
        String::from_utf8(lines.0.lock().expect("not poisoned").clone()).expect("text")
    }

    #[test]
    fn regression_a_readable_log_line_has_no_module_or_raw_field() {
        let text = logged(|| {
            let error = "tags s3://b/k: AccessDenied";
            tracing::warn!(%error, side = "source", next_s = 30, "tags are not compared");
            tracing::error!(key = ?"a", may_pass = true, "could not copy \"a\nb\"");
            tracing::warn!(run = "r", "the run is lost");
        });
        let expected = "warning: tags are not compared: tags s3://b/k: AccessDenied\n\
                        error: could not copy \"a\\nb\"\n\
                        warning: the run is lost\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn lower_levels_show_fields_and_short_run_ids() {
        let text = logged(|| {
            let run = "0193a5c4-7b1e-7c3a-9d2e-5f60718293a4".to_owned();
            tracing::info!(run, listed = 3, "listed both sides");
            tracing::info!(left = 1, %run, "cancelled an earlier run");
        });
        let expected = "info: listed both sides (run 718293a4, listed 3)\n\
                        info: cancelled an earlier run (left 1, run 718293a4)\n";
        assert_eq!(text, expected);
    }
}
