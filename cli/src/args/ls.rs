//! Options of `flotilla ls`.

use clap::Args;
use shared::config::{Find, Side};
use shared::location::Location;

use super::filters::FilterArgs;
use super::sides::{BothArgs, Own};
use crate::exit::Failure;

/// `flotilla ls`
#[derive(Debug, Args)]
pub struct LsArgs {
    /// Location to list: s3://BUCKET/PREFIX, oss:// cos:// kodo:// gs:// r2://, or a folder
    location: Location,
    #[command(flatten)]
    how: BothArgs,
    #[command(flatten)]
    pub filters: FilterArgs,
    /// Print JSON, one object a line
    #[arg(long, help_heading = super::RUNNING)]
    pub json: bool,
}

/// Puts the options of both sides under a heading for one location.
pub fn without_two_sides(command: clap::Command) -> clap::Command {
    ["endpoint_url", "region", "addressing_style", "credentials", "requester_pays"].into_iter().fold(
        command,
        |command, name| {
            let shown = match name {
                "endpoint_url" => Some("Base URL of the endpoint [default: the provider's for the region]"),
                "region" => Some("Region of the bucket"),
                "requester_pays" => Some("Agree to pay for requests to a requester-pays bucket"),
                _ => None,
            };
            command.mut_arg(name, |arg| {
                let arg = arg.help_heading("Location");
                if let Some(help) = shown { arg.help(help) } else { arg }
            })
        },
    )
}

impl LsArgs {
    /// The location with its connection, checked, and the filters of the listing.
    pub fn listed(&self) -> Result<(Side, Find), Failure> {
        self.how.check(&[&self.location])?;
        let side = self.how.side(&self.location, Own::default());
        side.check("location")?;
        let find = self.filters.apply(Find::default());
        find.check()?;
        Ok((side, find))
    }
}
