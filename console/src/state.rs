//! What all handlers share.

use std::sync::Arc;

use adapters::open::FleetBackend;
use axum::http::HeaderMap;
use shared::object::Timestamp;
use shared::telemetry::endpoint::Health;

use crate::api::features::Features;
use crate::guard::{Address, cookies};
use crate::hub::Hub;
use crate::oidc::Oidc;
use crate::problem::Problem;
use crate::recent::Recent;
use crate::session::{Session, Sessions};

/// What a console is made of.
#[derive(Debug)]
pub struct Setup {
    /// The fleet's services.
    pub backend: FleetBackend,
    /// What this console can do.
    pub features: Features,
    /// Where it is reached.
    pub address: Address,
    /// Who is signed in.
    pub sessions: Sessions,
    /// Whether its process is well.
    pub health: Health,
    /// Sign-in at an OpenID provider; `None`: by the token that the program prints.
    pub oidc: Option<Oidc>,
}

/// What all handlers share. Clones share it.
#[derive(Debug, Clone)]
pub struct Console(pub(crate) Arc<Shared>);

/// See [`Console`].
#[derive(Debug)]
pub(crate) struct Shared {
    pub setup: Setup,
    pub recent: Recent,
    pub hub: Arc<Hub>,
}

impl Console {
    /// A console of a fleet.
    pub fn new(setup: Setup) -> Console {
        Console(Arc::new(Shared { recent: Recent::default(), hub: Arc::default(), setup }))
    }

    /// The fleet's services.
    pub fn backend(&self) -> &FleetBackend {
        &self.0.setup.backend
    }

    /// The sessions that the cookies of a request name.
    pub(crate) async fn sessions(&self, headers: &HeaderMap) -> Result<Vec<Session>, Problem> {
        let Setup { oidc, sessions, address, .. } = self.setup();
        match oidc {
            Some(oidc) => Ok(oidc.sessions(headers, &self.backend().tasks, Timestamp::now()).await?),
            None => Ok(cookies(headers, &address.cookie()).filter_map(|cookie| sessions.find(cookie)).collect()),
        }
    }

    /// Whether somebody has signed in with the token, and not signed out.
    pub fn has_sessions(&self) -> bool {
        self.setup().sessions.has_some()
    }

    /// What it is made of.
    pub fn setup(&self) -> &Setup {
        &self.0.setup
    }

    pub(crate) fn recent(&self) -> &Recent {
        &self.0.recent
    }

    pub(crate) fn hub(&self) -> &Arc<Hub> {
        &self.0.hub
    }
}
