//! Options that say how a location is reached: of both sides at once, and of each.

use clap::Args;
use shared::config::Addressing;
use shared::config::Connection;
use shared::config::Side;
use shared::location::{Location, Scheme};

use super::task::word;
use crate::exit::Failure;

/// How all buckets of a command are reached.
#[derive(Debug, Args)]
#[command(next_help_heading = "Source and destination")]
pub struct BothArgs {
    /// Base URL of the endpoint, for each bucket without an endpoint option of its own
    #[arg(long, value_name = "URL")]
    endpoint_url: Option<String>,
    /// Region, for each bucket without a region option of its own
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// Where requests name the bucket: path (in the path), virtual (in the host name) or auto [default: auto]
    #[arg(long, value_name = "STYLE", value_parser = addressing)]
    addressing_style: Option<Addressing>,
    /// Source of credentials: default, env:PREFIX, profile:NAME, file:PATH, secretsmanager:NAME, role:ARN or
    /// anonymous
    #[arg(long, value_name = "FROM")]
    credentials: Option<String>,
    /// Agree to pay for requests to requester-pays buckets
    #[arg(long)]
    requester_pays: bool,
}

/// How the source is reached.
#[derive(Debug, Args)]
#[command(next_help_heading = "Source")]
pub struct SourceArgs {
    /// Base URL of the endpoint [default: the provider's for the region]
    #[arg(long, value_name = "URL")]
    source_endpoint_url: Option<String>,
    /// Region of the source bucket
    #[arg(long, value_name = "REGION")]
    source_region: Option<String>,
    /// Where requests name the bucket: path (in the path), virtual (in the host name) or auto [default: auto]
    #[arg(long, value_name = "STYLE", value_parser = addressing)]
    source_addressing_style: Option<Addressing>,
    /// Source of credentials: default, env:PREFIX, profile:NAME, file:PATH, secretsmanager:NAME, role:ARN or
    /// anonymous
    #[arg(long, value_name = "FROM")]
    source_credentials: Option<String>,
    /// Agree to pay for requests to the source, a requester-pays bucket
    #[arg(long)]
    source_requester_pays: bool,
}

/// How the destination is reached.
#[derive(Debug, Args)]
#[command(next_help_heading = "Destination")]
pub struct DestinationArgs {
    /// Base URL of the endpoint [default: the provider's for the region]
    #[arg(long, value_name = "URL")]
    destination_endpoint_url: Option<String>,
    /// Region of the destination bucket
    #[arg(long, value_name = "REGION")]
    destination_region: Option<String>,
    /// Where requests name the bucket: path (in the path), virtual (in the host name) or auto [default: auto]
    #[arg(long, value_name = "STYLE", value_parser = addressing)]
    destination_addressing_style: Option<Addressing>,
    /// Source of credentials: default, env:PREFIX, profile:NAME, file:PATH, secretsmanager:NAME, role:ARN or
    /// anonymous
    #[arg(long, value_name = "FROM")]
    destination_credentials: Option<String>,
    /// Agree to pay for requests to the destination, a requester-pays bucket
    #[arg(long)]
    destination_requester_pays: bool,
}

/// The options of one side alone.
#[derive(Debug, Clone, Default)]
pub struct Own {
    connection: Connection,
    addressing_style: Option<Addressing>,
    requester_pays: bool,
}

fn ambient_endpoint(location: &Location) -> Option<String> {
    (location.scheme() == Scheme::S3).then(adapters::aws::ambient_s3_endpoint).flatten()
}

fn addressing(text: &str) -> Result<Addressing, String> {
    word(text)
}

impl SourceArgs {
    /// The options that were given.
    pub fn own(&self) -> Own {
        let connection = Connection {
            endpoint_url: self.source_endpoint_url.clone(),
            region: self.source_region.clone(),
            credentials: self.source_credentials.clone(),
        };
        let requester_pays = self.source_requester_pays;
        Own { connection, addressing_style: self.source_addressing_style, requester_pays }
    }
}

impl DestinationArgs {
    /// The options that were given.
    pub fn own(&self) -> Own {
        let connection = Connection {
            endpoint_url: self.destination_endpoint_url.clone(),
            region: self.destination_region.clone(),
            credentials: self.destination_credentials.clone(),
        };
        let requester_pays = self.destination_requester_pays;
        Own { connection, addressing_style: self.destination_addressing_style, requester_pays }
    }
}

impl BothArgs {
    /// Refuses options that no location takes: all of them are folders.
    pub fn check(&self, locations: &[&Location]) -> Result<(), Failure> {
        if locations.iter().any(|location| location.scheme() != Scheme::File) {
            return Ok(());
        }
        let given = [
            ("endpoint-url", self.endpoint_url.is_some()),
            ("region", self.region.is_some()),
            ("addressing-style", self.addressing_style.is_some()),
            ("credentials", self.credentials.is_some()),
            ("requester-pays", self.requester_pays),
        ];
        match given.into_iter().find(|(_, is_given)| *is_given) {
            Some((name, _)) => Err(Failure::usage(format!(
                "--{name}: every location here is a folder and has no {name}: leave --{name} out"
            ))),
            None => Ok(()),
        }
    }

    /// A side: its own options win over those for both, and these over the environment. A folder takes its
    /// own alone.
    /// The environment's endpoint stands in the task from here on, so that another one makes another task.
    pub fn side(&self, location: &Location, own: Own) -> Side {
        let shared = (location.scheme() != Scheme::File).then_some(self);
        let Connection { endpoint_url, region, credentials } = own.connection;
        let connection = Connection {
            endpoint_url: endpoint_url.or_else(|| shared?.endpoint_url.clone()).or_else(|| ambient_endpoint(location)),
            region: region.or_else(|| shared?.region.clone()),
            credentials: credentials.or_else(|| shared?.credentials.clone()),
        };
        let style = own.addressing_style.or_else(|| shared?.addressing_style).unwrap_or_default();
        let requester_pays = own.requester_pays || shared.is_some_and(|shared| shared.requester_pays);
        Side { location: location.clone(), connection, addressing_style: style, requester_pays }
    }
}
