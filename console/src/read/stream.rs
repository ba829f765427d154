//! Server-sent events: tasks, runs and operations as they change.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::time::Duration;

use axum::Extension;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::sse::{Event, KeepAlive};
use axum::response::{IntoResponse, Sse};
use futures::{StreamExt as _, stream};
use serde::Serialize;

use super::{operations, runs, tasks};
use crate::Console;
use crate::api::features::Me;
use crate::api::stream::StreamQuery;
use crate::hub::{Hub, Seen, Thing};
use crate::problem::Problem;
use crate::view;

/// Most things of one stream.
const MAX_THINGS: usize = 200;

/// A reader whose connection is silent for longer takes it for broken.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// A stream ends after this time.
const STREAM_LIFE: Duration = Duration::from_secs(15 * 60);

/// A reader comes back this long after its connection broke.
const RETRY: Duration = Duration::from_secs(2);

/// Time between two looks at a thing in a state folder, and in a table, where each look is paid for.
const LOOK_EVERY: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(4)];

/// Has proxies such as nginx pass each event on at once.
const UNBUFFERED: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));

/// Time between two looks at all tasks.
const COUNT_EVERY: Duration = Duration::from_secs(10);

/// Tasks, runs and operations as they change.
#[utoipa::path(
    get,
    path = "/stream",
    tag = "stream",
    params(
        StreamQuery,
        ("Last-Event-ID" = Option<String>, Header, description = "The last event that was received", max_length = 100)
    ),
    responses((
        status = 200,
        description = "Events `task` (a TaskItem), `run` (a Run), `operation` (an Operation), `counts` (TaskCounts) \
                       and `gone` (the name or id of something that is not there)",
        body = String,
        content_type = "text/event-stream"
    ))
)]
pub async fn stream(
    State(console): State<Console>,
    Extension(me): Extension<Me>,
    Query(query): Query<StreamQuery>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Problem> {
    let things = things(&query)?;
    let last_id = headers.get("last-event-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
    let hub = console.hub().clone();
    let reader = hub.look(&me.name, things, last_id, |thing| poll(&console, thing)).ok_or_else(|| {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too-many-streams", "too many things are looked at: try again")
    })?;
    let begin = stream::iter([Ok(Event::default().retry(RETRY).comment("flotilla"))]);
    let changes = stream::unfold(reader, |mut reader| async move {
        let changes = reader.next().await;
        Some((changes, reader))
    });
    let events = changes.flat_map(move |changes| stream::iter(written(&hub, changes)));
    // The reader comes back, and is judged anew: its session may have ended.
    let events = events.take_until(tokio::time::sleep(STREAM_LIFE));
    let events = Sse::new(begin.chain(events)).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    Ok(([UNBUFFERED], events))
}

fn written(hub: &Hub, changes: Vec<crate::hub::Event>) -> Vec<Result<Event, Infallible>> {
    let write =
        |event: crate::hub::Event| Ok(Event::default().id(hub.id(event.number)).event(event.name).data(&*event.data));
    changes.into_iter().map(write).collect()
}

/// The things that a request names.
fn things(query: &StreamQuery) -> Result<Vec<Thing>, Problem> {
    let named = |list: &Option<String>| -> BTreeSet<String> {
        let names = list.iter().flat_map(|list| list.split(','));
        names.map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
    };
    let mut things: Vec<Thing> = named(&query.tasks).into_iter().map(Thing::Task).collect();
    things.extend(named(&query.runs).into_iter().map(Thing::Run));
    things.extend(named(&query.operations).into_iter().map(|name| match name.split_once('/') {
        Some((task, id)) => Thing::Operation(Some(task.to_owned()), id.to_owned()),
        None => Thing::Operation(None, name),
    }));
    things.extend(query.counts.then_some(Thing::Counts));
    match things.len() {
        0 => {
            let problem =
                Problem::new(StatusCode::BAD_REQUEST, "invalid-request", "the request names nothing to look at");
            Err(problem.with_remedy("give tasks, runs, operations or counts"))
        }
        many if many > MAX_THINGS => {
            let detail = format!("the request names {many} things, more than {MAX_THINGS}");
            Err(Problem::new(StatusCode::BAD_REQUEST, "invalid-request", detail))
        }
        _ => Ok(things),
    }
}

/// Begins the poller of a thing.
fn poll(console: &Console, thing: Thing) {
    let is_embedded = console.backend().fleet().state.is_some();
    let every = if thing == Thing::Counts { COUNT_EVERY } else { LOOK_EVERY[usize::from(!is_embedded)] };
    let console = console.clone();
    tokio::spawn(async move {
        let hub = console.hub().clone();
        hub.poll(thing.clone(), every, || read(&console, &thing)).await;
    });
}

/// Reads a thing. What does not exist is gone; what cannot be read now is read again.
async fn read(console: &Console, thing: &Thing) -> Option<Seen> {
    let (name, key) = match thing {
        Thing::Task(name) => (task(console, name).await, name.as_str()),
        Thing::Run(id) => (runs::shown(console, id).await.map(|run| seen("run", &run)), id.as_str()),
        Thing::Operation(task, id) => {
            let shown = operations::shown(console, task.as_deref(), id).await;
            (shown.map(|operation| seen("operation", &operation)), id.as_str())
        }
        Thing::Counts => (counts(console).await, ""),
    };
    match name {
        Ok(seen) => Some(seen),
        Err(problem) if problem.status == StatusCode::NOT_FOUND.as_u16() => Some(seen("gone", &key)),
        Err(problem) => {
            tracing::debug!(?thing, problem = problem.detail, "cannot read something that a page shows");
            None
        }
    }
}

fn seen(name: &'static str, value: &impl Serialize) -> Seen {
    (name, serde_json::to_string(value).unwrap_or_default())
}

async fn task(console: &Console, name: &str) -> Result<Seen, Problem> {
    let backend = console.backend();
    let summary = super::found::task(console, name).await?;
    let heartbeats = console.recent().heartbeats(&backend.tasks).await?;
    Ok(seen("task", &view::item(backend, &summary, &heartbeats).await?))
}

async fn counts(console: &Console) -> Result<Seen, Problem> {
    let backend = console.backend();
    let summaries = console.recent().summaries(&backend.tasks).await?;
    let heartbeats = console.recent().heartbeats(&backend.tasks).await?;
    Ok(seen("counts", &tasks::all_counts(&summaries, &heartbeats)))
}
