//! Shows, redrives and purges dead letters.

use axum::Json;
use axum::http::StatusCode;
use control::actions;
use shared::job::Job;
use shared::queue::DeadLetter as Letter;

use crate::api::dead_letters::{DeadLetter, DeadLetters, MovedLetters};
use crate::extract::{Caller, TaskName};
use crate::problem::Problem;

/// Characters of a body that are shown.
const SHOWN_CHARS: usize = 4_096;

/// The first dead letters of a task.
#[utoipa::path(get, path = "/tasks/{task}/dead-letters", tag = "dead_letters", params(("task" = String, Path, description = "The name of the task", max_length = 40)), responses((status = 200, description = "Answer", body = DeadLetters)))]
pub async fn list_dead_letters(Caller(actor): Caller, TaskName(name): TaskName) -> Result<Json<DeadLetters>, Problem> {
    let read = actions::dead_letters(&actor, &name).await?;
    Ok(Json(DeadLetters { items: read.letters.into_iter().map(shown).collect(), count: read.count }))
}

/// Send dead letters again.
#[utoipa::path(post, path = "/tasks/{task}/dead-letters/redrive", tag = "dead_letters", params(("task" = String, Path, description = "The name of the task", max_length = 40)), responses((status = 202, description = "Recorded", body = MovedLetters)))]
pub async fn redrive_dead_letters(
    Caller(actor): Caller,
    TaskName(name): TaskName,
) -> Result<(StatusCode, Json<MovedLetters>), Problem> {
    let moved = actions::redrive(&actor, &name).await?;
    Ok((StatusCode::ACCEPTED, Json(MovedLetters { task: name, moved })))
}

/// Remove dead letters.
#[utoipa::path(post, path = "/tasks/{task}/dead-letters/purge", tag = "dead_letters", params(("task" = String, Path, description = "The name of the task", max_length = 40)), responses((status = 202, description = "Recorded", body = MovedLetters)))]
pub async fn purge_dead_letters(
    Caller(actor): Caller,
    TaskName(name): TaskName,
) -> Result<(StatusCode, Json<MovedLetters>), Problem> {
    let moved = actions::purge(&actor, &name).await?;
    Ok((StatusCode::ACCEPTED, Json(MovedLetters { task: name, moved })))
}

fn shown(letter: Letter) -> DeadLetter {
    let Letter { id, body, deliveries, reason, .. } = letter;
    let job = Job::parse(&body).ok();
    DeadLetter {
        id,
        deliveries,
        reason,
        what: job.as_ref().map(|job| format!("{}/{}", job.kind, job.verb)),
        objects: job.as_ref().map(|job| job.items),
        run: job.map(|job| job.run),
        body: body.chars().take(SHOWN_CHARS).collect(),
    }
}
