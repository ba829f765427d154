//! Shows what became of notices.

use axum::Json;
use axum::extract::{Path, State};
use control::{Actor, views};
use shared::notify;

use super::found;
use crate::Console;
use crate::api::notices::{Channel, Notice, NoticeEvent, Notices, Receiver};
use crate::api::page::time;
use crate::problem::Problem;

/// Notices that are shown.
const SHOWN: usize = 20;

/// The notices of a task, and how they reach its receivers.
#[utoipa::path(
    get, path = "/tasks/{task}/notices", tag = "tasks",
    params(("task" = String, Path, description = "The name of the task", max_length = 40)),
    responses((status = 200, description = "Answer", body = Notices))
)]
pub async fn list_notices(State(console): State<Console>, Path(name): Path<String>) -> Result<Json<Notices>, Problem> {
    let summary = found::task(&console, &name).await?;
    let actor = Actor::new(console.backend().clone(), "");
    let definition = actor.definition(&summary).await?;
    let notices = views::notices(actor.tasks(), &summary.task.id).await?;
    let receivers = views::receivers(&notices, definition.notify.channels());
    Ok(Json(Notices {
        receivers: receivers.into_iter().map(receiver).collect(),
        items: notices.into_iter().take(SHOWN).map(notice).collect(),
    }))
}

fn receiver(state: views::ReceiverState) -> Receiver {
    let views::ReceiverState { channel, delivered, error, tries } = state;
    Receiver { channel: channel.into(), delivered: delivered.map(time), error, tries }
}

fn notice(state: views::NoticeState) -> Notice {
    let views::NoticeState { id, event, channel, run, requested, delivered, tries, error, is_done } = state;
    Notice {
        id,
        event: event.into(),
        channel: channel.map(Channel::from),
        run,
        requested: time(requested),
        delivered: delivered.map(time),
        tries,
        error,
        done: is_done,
    }
}

impl From<notify::Channel> for Channel {
    fn from(channel: notify::Channel) -> Channel {
        match channel {
            notify::Channel::Topic => Channel::Topic,
            notify::Channel::Webhook => Channel::Webhook,
        }
    }
}

impl From<notify::NoticeEvent> for NoticeEvent {
    fn from(event: notify::NoticeEvent) -> NoticeEvent {
        match event {
            notify::NoticeEvent::RunEnded => NoticeEvent::RunEnded,
            notify::NoticeEvent::Waits => NoticeEvent::Waits,
            notify::NoticeEvent::GoesOn => NoticeEvent::GoesOn,
            notify::NoticeEvent::Test => NoticeEvent::Test,
        }
    }
}
