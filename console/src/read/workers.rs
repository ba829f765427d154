//! Shows workers and machines.

use std::collections::BTreeMap;
use std::time::Duration;

use adapters::open;
use axum::Json;
use axum::extract::State;
use shared::object::Timestamp;
use shared::tasks::Heartbeat;

use crate::Console;
use crate::api::workers::{Group, Machine, Workers};
use crate::problem::Problem;
use crate::view::{self, Names};

/// Most machines of a group that are named.
const MAX_MACHINES: usize = 1_000;

/// A group that does not answer within this time is shown as unreadable.
const GROUP_LIMIT: Duration = Duration::from_secs(10);

/// The workers of the fleet, and its group of machines.
#[utoipa::path(get, path = "/workers", tag = "workers", responses((status = 200, description = "Answer", body = Workers)))]
pub async fn list_workers(State(console): State<Console>) -> Result<Json<Workers>, Problem> {
    let tasks = &console.backend().tasks;
    let heartbeats = console.recent().heartbeats(tasks).await?;
    let summaries = console.recent().summaries(tasks).await?;
    let (names, now) = (Names::of(&summaries), Timestamp::now());
    let (group, group_error) = match group(&console, &heartbeats).await {
        Ok(group) => (group, None),
        Err(why) => (None, Some(why)),
    };
    let items = heartbeats.iter().map(|heartbeat| view::worker(heartbeat, &names, now)).collect();
    Ok(Json(Workers { items, group, group_error }))
}

/// The fleet's group. Read-only: slow or cut off, the answer says so.
async fn group(console: &Console, heartbeats: &[Heartbeat]) -> Result<Option<Group>, String> {
    let Some(config) = &console.backend().fleet().group else { return Ok(None) };
    let read = async { open::group(Some(config)).await?.state().await };
    let state = match tokio::time::timeout(GROUP_LIMIT, read).await {
        Ok(state) => state.map_err(|error| error.to_string())?,
        Err(_) => return Err("the group did not answer within 10 s".to_owned()),
    };
    let workers: BTreeMap<&str, &str> =
        heartbeats.iter().filter_map(|one| Some((one.machine.as_deref()?, one.worker.as_str()))).collect();
    let machines = state.machines.iter().take(MAX_MACHINES).map(|machine| Machine {
        id: machine.id.clone(),
        in_service: machine.is_in_service,
        worker: workers.get(machine.id.as_str()).map(|worker| (*worker).to_owned()),
    });
    Ok(Some(Group {
        name: config.group.clone(),
        min: state.min,
        max: state.max,
        wanted: state.desired,
        in_service: state.machines.iter().filter(|machine| machine.is_in_service).count() as u32,
        machines: machines.collect(),
    }))
}
