//! Handlers that change tasks, or ask workers for something.

pub mod dead_letters;
pub mod login;
pub mod operations;
pub mod runs;
pub mod tasks;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Console;

/// Their routes.
pub fn routes() -> OpenApiRouter<Console> {
    OpenApiRouter::new()
        .routes(routes!(login::login))
        .routes(routes!(login::logout))
        .routes(routes!(crate::oidc::flow::start_login))
        .routes(routes!(crate::oidc::flow::finish_login))
        .routes(routes!(tasks::create_task))
        .routes(routes!(tasks::edit_task, tasks::delete_task))
        .routes(routes!(tasks::pause_task))
        .routes(routes!(tasks::resume_task))
        .routes(routes!(tasks::limit_task))
        .routes(routes!(tasks::set_events))
        .routes(routes!(tasks::check_definition))
        .routes(routes!(runs::begin_run))
        .routes(routes!(runs::cancel_run))
        .routes(routes!(runs::retry_run))
        .routes(routes!(operations::probe))
        .routes(routes!(operations::plan))
        .routes(routes!(operations::verify_task))
        .routes(routes!(operations::notify_test))
        .routes(routes!(dead_letters::list_dead_letters))
        .routes(routes!(dead_letters::redrive_dead_letters))
        .routes(routes!(dead_letters::purge_dead_letters))
}

#[cfg(test)]
mod tests;
