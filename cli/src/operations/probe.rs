//! Finds out the rights of a task's credentials at its stores.
//!
//! Reading is tried at an object that is there, writing by an upload that is opened and aborted. Only a write test
//! writes: one small object under a name of its own below the prefix, which it reads and deletes; a bucket with versions
//! keeps the version. A source is never written to. No result has a secret.

mod right;
mod side;

use control::request::{self, ProbeRequest};
use serde::{Deserialize, Serialize};
use shared::Result;
use shared::config::Config;
use shared::store::Store;

pub use right::{Answer, Rights};

use super::slice::SliceEnd;
use side::Probe;

/// The rights of the credentials.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeResult {
    /// At the source.
    pub source: SideProbe,
    /// At the destination.
    pub destination: SideProbe,
}

/// Their rights at one side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SideProbe {
    /// The location.
    pub location: String,
    /// Each right.
    #[serde(flatten)]
    pub rights: Rights,
}

impl ProbeResult {
    /// Whether a right is missing.
    pub fn has_denials(&self) -> bool {
        [&self.source, &self.destination].into_iter().any(|side| side.rights.all().iter().any(|(_, a)| a.is_no()))
    }
}

/// Probes both sides. The result is a [`ProbeResult`].
pub async fn slice(config: &Config, (source, destination): (&Store, &Store), request: &str) -> Result<SliceEnd> {
    let ProbeRequest { write_test, .. } = match request::read(request) {
        Ok(request) => request,
        Err(why) => return Ok(SliceEnd::failed(why)),
    };
    let source = Probe::new(source.clone(), &config.objects.source);
    let destination = Probe::new(destination.clone(), &config.objects.destination);
    let (source, destination) = tokio::join!(source.source(), destination.destination(write_test));
    Ok(SliceEnd::succeeded(&ProbeResult { source, destination }))
}
