//! Metrics of the fleet's records, for Prometheus.

use std::fmt::Write as _;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;

use super::tasks::all_counts;
use crate::Console;
use crate::problem::Problem;

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
    text += "# HELP flotilla_workers Workers with a heartbeat.\n# TYPE flotilla_workers gauge\n";
    let _ = writeln!(text, "flotilla_workers {}", heartbeats.len());
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text))
}
