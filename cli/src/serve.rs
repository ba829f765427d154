//! `flotilla serve`: all tasks of a state folder in one process: worker, controller, console, and watchers of
//! folders.

use tokio_util::sync::CancellationToken;
use worker::Stop;

use crate::args::ServeArgs;
use crate::console::{self, Opened};
use crate::exit::CommandResult;
use crate::fleet::{self, Options};

/// Serves until it is asked to end.
pub async fn run(args: &ServeArgs, stop: CancellationToken) -> CommandResult {
    let (report, metrics_addr) = (args.report.clone(), args.metrics_addr.clone());
    let fleet = args.fleet()?;
    let console = match args.console.no_console {
        true => None,
        false => {
            let provider = console::provider(args.console.oidc.as_deref())?;
            Some(Opened::open(args.console.console, "--console", provider).await?)
        }
    };
    let options = Options { fleet, name: None, report, metrics_addr, is_whole: true, console };
    // A second signal ends the process at once.
    fleet::run(options, Stop { drain: stop, abort: CancellationToken::new() }).await
}
