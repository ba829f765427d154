//! Log lines for people: one readable sentence, then what caused it, then the fields that have no place in it.
//!
//! `warning: the claim could not be given back: it ends by itself: unclaim t: …` in a command, with the time before it in
//! a program that runs for long. No module names: the JSON format has those, and every field by its name.

use std::fmt::{self, Debug, Write as _};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::registry::LookupSpan;

use crate::object::Timestamp;
use crate::terminal::escaped;

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

    #[test]
    fn regression_a_log_line_for_people_has_no_module_and_no_raw_fields() {
        let lines = Lines::default();
        let layer = layer().event_format(Human { has_time: false }).with_writer(lines.clone()).with_ansi(false);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            let error = "tags s3://b/k: AccessDenied";
            tracing::warn!(%error, "tags are not compared");
            tracing::error!(key = ?"a\nb", attempts = 3, "object failed");
        });
        let text = String::from_utf8(lines.0.lock().expect("not poisoned").clone()).expect("text");
        let expected = "warning: tags are not compared: tags s3://b/k: AccessDenied\n\
                        error: object failed (key \"a\\nb\", attempts 3)\n";
        assert_eq!(text, expected);
    }
}
