//! What all handlers share.

use std::sync::Arc;

use adapters::open::FleetBackend;

use crate::api::features::Features;

/// What all handlers share. Clones share it.
#[derive(Debug, Clone)]
pub struct Console(pub(crate) Arc<Shared>);

/// See [`Console`].
#[derive(Debug)]
pub(crate) struct Shared {
    /// The fleet's services.
    pub backend: FleetBackend,
    /// What this console can do.
    pub features: Features,
}

impl Console {
    /// A console of a fleet.
    pub fn new(backend: FleetBackend, features: Features) -> Console {
        Console(Arc::new(Shared { backend, features }))
    }

    /// The fleet's services.
    pub fn backend(&self) -> &FleetBackend {
        &self.0.backend
    }
}
