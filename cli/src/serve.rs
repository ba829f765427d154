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
    let mut fleet = args.fleet()?;
    let provider = console::provider(args.console.oidc.as_deref())?;
    let public_url = args.console.public_url.clone().or(provider.as_ref().map(|oidc| oidc.public_url().to_owned()));
    fleet.public_url = public_url.or(fleet.public_url);
    fleet.check()?;
    let console = match args.console.no_console {
        true => None,
        false => {
            let opened = Opened::open(args.console.console, "--console", provider).await?;
            Some(opened.in_browser(!args.console.no_open))
        }
    };
    let options = Options { fleet, name: None, report, metrics_addr, is_whole: true, console };
    // A second signal ends the process at once.
    fleet::run(options, Stop { drain: stop, abort: CancellationToken::new() }).await
}
