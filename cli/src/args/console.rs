//! Options of `flotilla console`, and those of the console of `flotilla serve`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::tasks::FleetArgs;

/// `flotilla console`
#[derive(Debug, Args)]
pub struct ConsoleArgs {
    #[command(flatten)]
    pub fleet: FleetArgs,
    /// Serve the console at ADDRESS:PORT of this machine [default: 127.0.0.1:7300, or another port if that one is taken]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<SocketAddr>,
    /// Sign people in at the OpenID provider that FILE names; other machines may then reach the console
    #[arg(long, value_name = "FILE")]
    pub oidc: Option<PathBuf>,
    /// Do not open the page in a browser
    #[arg(long)]
    pub no_open: bool,
}

/// The console of `flotilla serve`.
#[derive(Debug, Clone, Args)]
pub struct ServedConsoleArgs {
    /// Serve the console at ADDRESS:PORT of this machine [default: 127.0.0.1:7300, or another port if that one is taken]
    #[arg(long, value_name = "ADDRESS:PORT", conflicts_with = "no_console")]
    pub console: Option<SocketAddr>,
    /// Serve no console
    #[arg(long)]
    pub no_console: bool,
    /// Sign people in at the OpenID provider that FILE names; other machines may then reach the console
    #[arg(long, value_name = "FILE", conflicts_with = "no_console")]
    pub oidc: Option<PathBuf>,
    /// Do not open the page in a browser
    #[arg(long)]
    pub no_open: bool,
    /// Where people reach the console, as https://HOST, for links in notices [default: that of --oidc, else the fleet
    /// file's]
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,
}
