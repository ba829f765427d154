//! `flotilla ls`: the objects at a location as the finder sees them, in its order, with its filters.

use std::sync::Arc;

use adapters::open;
use serde::Serialize;
use shared::filter::{Filter, FilterVerdict};
use shared::object::{Entry, Timestamp};
use shared::store::{KeyRange, Listed, Unlisted};
use shared::terminal;
use tokio_util::sync::CancellationToken;

use crate::args::LsArgs;
use crate::exit::{CommandResult, Exit, Failure};
use crate::stdout::Stdout;
use crate::verbosity::note;

/// Most folders that could not be listed which are named; the others are counted.
const NAMED: u64 = 10;

/// One object as `--json` prints it.
#[derive(Debug, Serialize)]
struct Line<'a> {
    key: &'a str,
    size: u64,
    /// Milliseconds since 1970.
    modified: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    etag: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    storage_class: Option<&'a str>,
}

/// Lists page by page: one page is in memory at a time.
pub async fn run(args: &LsArgs, stop: CancellationToken) -> CommandResult {
    let (side, find) = args.listed()?;
    let filter = Filter::load(&find, Some(Timestamp::now())).map_err(Failure::usage)?;
    let store = open::listed(&side).await.map_err(Failure::side)?;
    let mut out = Stdout::new();
    let filter = Arc::new(filter);
    let (mut objects, mut bytes, mut unknown) = (0_u64, 0_u64, 0_u64);
    for prefix in filter.prefixes() {
        let mut listing = store.list_filtered(KeyRange { prefix: prefix.clone(), ..KeyRange::default() }, &filter);
        loop {
            let page = tokio::select! {
                page = listing.next_page() => page,
                () = stop.cancelled() => {
                    out.flush()?;
                    return Ok(Exit::Interrupted);
                }
            };
            let Some(page) = page.map_err(|why| Failure::midway(why).hint("the list above is incomplete"))? else {
                break;
            };
            for listed in &page {
                match listed {
                    Listed::Object(entry) if !takes(&filter, entry) => {}
                    Listed::Object(entry) => {
                        objects += 1;
                        bytes = bytes.saturating_add(entry.size);
                        print(&mut out, entry, args.json)?;
                    }
                    Listed::Unlisted(unlisted) => unknown += say(unlisted, unknown),
                }
            }
            // Who reads it sees a page as soon as it is there, and may have read enough.
            out.flush()?;
            if out.is_closed() {
                return Ok(Exit::InSync);
            }
        }
    }
    if !args.json {
        note(format_args!("{}, {}", terminal::counted(objects, "object"), terminal::bytes(bytes)));
    }
    if unknown > NAMED {
        terminal::say(format_args!("{} more could not be listed", terminal::count(unknown - NAMED)));
    }
    Ok(if unknown > 0 { Exit::SomeFailed } else { Exit::InSync })
}

fn takes(filter: &Filter, entry: &Entry) -> bool {
    filter.judge(&entry.key, Some((entry.size, entry.modified))) == FilterVerdict::Taken
}

/// Names a folder that cannot be listed, if it is one of the first; returns how many it counts for.
fn say(unlisted: &Unlisted, before: u64) -> u64 {
    if unlisted.is_failure && before < NAMED {
        terminal::say(format_args!("flotilla: {}", terminal::escaped(&unlisted.reason)));
    }
    u64::from(unlisted.is_failure)
}

fn print(out: &mut Stdout, entry: &Entry, json: bool) -> Result<(), Failure> {
    let etag = entry.etag.as_ref().map(|etag| etag.as_str());
    if json {
        let line = Line {
            key: &entry.key,
            size: entry.size,
            modified: entry.modified,
            etag,
            version: entry.version.as_deref(),
            storage_class: entry.storage_class.as_deref(),
        };
        return out.line(serde_json::to_string(&line).expect("an entry is representable as JSON"));
    }
    let (time, size, key) = (entry.modified.to_seconds(), terminal::bytes(entry.size), terminal::escaped(&entry.key));
    match etag {
        Some(etag) => out.line(format_args!("{time}  {size:>8}  {etag:<32}  {key}")),
        None => out.line(format_args!("{time}  {size:>8}  {key}")),
    }
}
