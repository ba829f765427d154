//! `flotilla console`: the API and the page of a fleet, on this machine.

mod opener;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use ::console::api::features::{Features, LoginKind, Me, Mode, Role};
use ::console::guard::Address;
use ::console::oidc::{Oidc, OidcConfig};
use ::console::{Console, Sessions, Setup, server, session};
use adapters::open::FleetBackend;
use shared::telemetry::endpoint::Health;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::args::ConsoleArgs;
use crate::exit::{CommandResult, Exit, Failure};
use crate::{stdout, tasks};
use opener::{Opening, Page};

/// Where the console is unless somebody says otherwise.
const DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7300);

/// Serves the console until it is asked to end.
pub async fn run(args: &ConsoleArgs, stop: CancellationToken) -> CommandResult {
    let fleet = args.fleet.read()?;
    let backend = tasks::backend(&fleet).await?;
    let opened = Opened::open(args.listen, "--listen", provider(args.oidc.as_deref())?).await?;
    opened.in_browser(!args.no_open).serve(backend, Health::default(), false, stop).await?;
    Ok(Exit::InSync)
}

/// The provider that a file names.
pub fn provider(file: Option<&Path>) -> Result<Option<Oidc>, Failure> {
    let config = file.map(OidcConfig::read).transpose();
    let oidc = config.and_then(|config| config.map(Oidc::new).transpose());
    oidc.map_err(|why| Failure::usage(format!("--oidc: {why}")))
}

/// A console that accepts connections, which wait until it is served.
pub struct Opened {
    listener: TcpListener,
    address: SocketAddr,
    oidc: Option<Oidc>,
    opens_browser: bool,
}

impl Opened {
    /// Opens the port. Without a provider only this machine reaches it: a reader of the printed address may do everything.
    pub async fn open(address: Option<SocketAddr>, option: &str, oidc: Option<Oidc>) -> Result<Opened, Failure> {
        let wanted = address.unwrap_or(DEFAULT);
        if !wanted.ip().is_loopback() && oidc.is_none() {
            let why =
                format!("{option}: {wanted} is reached by other machines, and nobody would have to sign in there");
            return Err(
                Failure::usage(why).hint("give --oidc, or an address of this machine alone, such as 127.0.0.1:7300")
            );
        }
        let listener = match TcpListener::bind(wanted).await {
            Err(_) if address.is_none() => TcpListener::bind(SocketAddr::new(DEFAULT.ip(), 0)).await,
            bound => bound,
        };
        let refused = |why| Failure::usage(format!("{option}: cannot listen on {wanted}: {why}; give a free port"));
        let listener = listener.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        Ok(Opened { listener, address, oidc, opens_browser: false })
    }

    /// With the page in a browser at its start, where somebody looks at the terminal of a machine with a display.
    pub fn in_browser(self, opens: bool) -> Opened {
        Opened { opens_browser: opens && opener::has_viewer(), ..self }
    }

    /// Prints the console's address with a token of this start, and serves it until `stop`.
    pub async fn serve(
        self,
        backend: FleetBackend,
        health: Health,
        serves_tasks: bool,
        stop: CancellationToken,
    ) -> Result<(), Failure> {
        let no_secret = |why| Failure::usage(format!("the system gives no random numbers: {why}"));
        let token = session::secret().map_err(no_secret)?;
        let me = Me { name: tasks::who(), role: Role::Admin };
        let setup = Setup {
            features: features(&backend, serves_tasks, self.oidc.is_some()),
            address: match &self.oidc {
                Some(oidc) => oidc.address(self.address.port()),
                None => Address::local(self.address),
            },
            sessions: match &self.oidc {
                Some(_) => Sessions::without_token(me),
                None => Sessions::by_token(&token, me),
            },
            health,
            backend,
            oidc: self.oidc.clone(),
        };
        let console = Console::new(setup);
        let page = match &self.oidc {
            Some(oidc) => {
                stdout::line(format_args!("console: http://{}, behind its public URL", self.address))?;
                Page::Address(oidc.public_url().to_owned())
            }
            None => {
                let address = format!("http://{}/#token={token}", self.address);
                stdout::line(format_args!("console: {address}"))?;
                Page::Secret { address, folder: folder(&console) }
            }
        };
        let signed_in = console.clone();
        let opening = self.opens_browser.then(|| Opening::begin(page, move || signed_in.has_sessions()));
        server::serve(self.listener, ::console::app(console), stop).await;
        if let Some(opening) = opening {
            opening.end().await;
        }
        Ok(())
    }
}

/// Where a file of this process stands.
fn folder(console: &Console) -> PathBuf {
    console.backend().fleet().state.clone().unwrap_or_else(std::env::temp_dir)
}

fn features(backend: &FleetBackend, serves_tasks: bool, has_provider: bool) -> Features {
    let fleet = backend.fleet();
    Features {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        fleet: fleet.name.clone(),
        mode: if fleet.state.is_some() { Mode::Folder } else { Mode::Fleet },
        login: if has_provider { LoginKind::Oidc } else { LoginKind::Token },
        scales_machines: fleet.group.is_some(),
        serves_tasks,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_console_opens_for_this_machine_alone() {
        let refused = |address: &str| Opened::open(Some(address.parse().unwrap()), "--listen", None);
        let other = refused("0.0.0.0:0").await.err().unwrap().message;
        assert!(other.contains("--listen: 0.0.0.0:0 is reached by other machines"), "{other}");
        let opened = refused("127.0.0.1:0").await.unwrap();
        let taken = refused(&opened.address.to_string()).await.err().unwrap().message;
        assert!(taken.contains("cannot listen on 127.0.0.1"), "{taken}");
    }
}
