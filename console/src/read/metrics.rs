//! Metrics of the fleet's records, for Prometheus.

use std::fmt::Write as _;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use shared::object::Timestamp;

use super::tasks::all_counts;
use crate::Console;
use crate::problem::Problem;
use crate::view;

/// Tasks by status, and workers.
pub async fn metrics(State(console): State<Console>) -> Result<impl IntoResponse, Problem> {
    let tasks = &console.backend().tasks;
    let summaries = console.recent().summaries(tasks).await?;
    let heartbeats = console.recent().heartbeats(tasks).await?;
    let counts = all_counts(&summaries, &heartbeats);
    let mut text = String::from("# HELP flotilla_tasks Tasks of the fleet, by status.\n# TYPE flotilla_tasks gauge\n");
    for (status, count) in [
        ("failed", counts.failed),
        ("running", counts.running),
        ("waiting", counts.waiting),
        ("paused", counts.paused),
        ("deleting", counts.deleting),
    ] {
        let _ = writeln!(text, "flotilla_tasks{{status=\"{status}\"}} {count}");
    }
    let now = Timestamp::now();
    let workers = heartbeats.iter().filter(|heartbeat| !view::is_silent(heartbeat, now)).count();
    text += "# HELP flotilla_workers Workers seen in the last minute.\n# TYPE flotilla_workers gauge\n";
    let _ = writeln!(text, "flotilla_workers {workers}");
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text))
}
