//! Server-sent events: tasks, runs and operations as they change.

use crate::api::stream::StreamQuery;
use crate::problem::Problem;

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
                       and `gone` (the name or id of something that is deleted)",
        body = String,
        content_type = "text/event-stream"
    ))
)]
pub async fn stream() -> Problem {
    Problem::not_built()
}
