//! Telemetry of the programs: logs on standard error, metrics and health over HTTP, health to the service manager.

pub mod endpoint;
mod human;
pub mod service_manager;

use std::str::FromStr;

use tracing::{Level, Metadata};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::prelude::*;
use tracing_subscriber::{EnvFilter, Layer, fmt};

use crate::terminal;
use human::Human;

/// The format of log lines on standard error. A command's summary, and the error that ends it, are no log
/// lines and look the same in both formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people: in colours on a terminal, plain elsewhere.
    #[default]
    Human,
    /// One JSON object a line.
    Json,
}

impl FromStr for LogFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "human" => Ok(LogFormat::Human),
            "json" => Ok(LogFormat::Json),
            _ => Err("give human or json".into()),
        }
    }
}

/// Crates that handle credentials and signed requests, by the start of their names. Only their errors are
/// logged, at any `RUST_LOG`: at lower levels they log headers, URLs and, when a provider of credentials
/// fails (which is normal while there are others), its whole response.
const CAPPED: [&str; 6] = ["aws_", "hyper", "rustls", "h2", "reqwest", "tower"];

fn is_allowed(event: &Metadata<'_>) -> bool {
    *event.level() == Level::ERROR || !CAPPED.iter().any(|name| event.target().starts_with(name))
}

/// Sends log lines of `level` and above (or of `RUST_LOG`'s levels instead) to standard error, and prints a
/// panic as one line there. Call it once, before anything else.
pub fn init(log: LogFormat, level: Level) {
    init_with(log, &level.to_string(), std::io::stderr, Human { has_time: true });
}

/// As [`init`], without times, with `directives` in the form of `RUST_LOG` in place of a level, and to a writer of the
/// caller's, which knows the progress bar on the same terminal.
pub fn init_to<W>(log: LogFormat, directives: &str, writer: W)
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    init_with(log, directives, writer, Human { has_time: false });
}

fn init_with<W>(log: LogFormat, directives: &str, writer: W, human: Human)
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let asked = std::env::var(EnvFilter::DEFAULT_ENV).ok().filter(|asked| !asked.trim().is_empty());
    let filter = EnvFilter::builder().parse_lossy(asked.as_deref().unwrap_or(directives));
    let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let layer = match log {
        LogFormat::Human => {
            fmt::layer().event_format(human).with_writer(writer).with_ansi(colours).log_internal_errors(false).boxed()
        }
        LogFormat::Json => fmt::layer().with_writer(writer).json().log_internal_errors(false).boxed(),
    };
    let layer = layer.with_filter(filter).with_filter(filter_fn(is_allowed));
    // A second call leaves the first one's subscriber unchanged.
    let _ = tracing_subscriber::registry().with(layer).try_init();
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(String::new, |at| format!(" at {}:{}", at.file(), at.line()));
        let message = panic.payload_as_str().unwrap_or("no message").replace('\n', " ");
        terminal::say(format_args!("flotilla: internal error{place}: {message}; please report this line"));
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crates_that_sign_requests_are_heard_only_of_errors() {
        use std::sync::{Arc, Mutex};
        let lines = Arc::new(Mutex::new(Vec::new()));
        #[derive(Clone)]
        struct Lines(Arc<Mutex<Vec<u8>>>);
        impl std::io::Write for Lines {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                self.0.lock().expect("not poisoned").extend_from_slice(bytes);
                Ok(bytes.len())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let writer = Lines(lines.clone());
        let layer = fmt::layer().with_writer(move || writer.clone()).with_filter(filter_fn(is_allowed));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            tracing::info!(target: "aws_smithy_runtime::client", "secret");
            tracing::debug!(target: "hyper_util::client", "secret");
            tracing::warn!(target: "aws_config::meta::credentials", "secret");
            tracing::error!(target: "aws_config", "heard");
            tracing::info!(target: "worker", "also heard");
        });
        let text = String::from_utf8(lines.lock().expect("not poisoned").clone()).expect("text");
        assert!(text.contains("heard") && text.contains("also heard") && !text.contains("secret"), "{text}");
    }
}
