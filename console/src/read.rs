//! Handlers that change nothing.

pub mod audit;
pub mod credentials;
pub mod failures;
pub mod features;
pub(crate) mod found;
pub(crate) mod metrics;
pub mod notices;
pub mod objects;
pub mod operations;
pub mod runs;
pub mod samples;
pub mod stream;
mod task;
pub mod tasks;
pub mod workers;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Console;

/// Their routes.
pub fn routes() -> OpenApiRouter<Console> {
    OpenApiRouter::new()
        .routes(routes!(features::get_features))
        .routes(routes!(features::get_me))
        .routes(routes!(tasks::list_tasks))
        .routes(routes!(tasks::get_task))
        .routes(routes!(tasks::get_definition))
        .routes(routes!(runs::list_runs))
        .routes(routes!(runs::get_run))
        .routes(routes!(runs::get_run_definition))
        .routes(routes!(failures::list_run_failures))
        .routes(routes!(failures::get_run_report))
        .routes(routes!(failures::list_failures))
        .routes(routes!(notices::list_notices))
        .routes(routes!(objects::get_object))
        .routes(routes!(samples::get_samples))
        .routes(routes!(operations::get_operation))
        .routes(routes!(workers::list_workers))
        .routes(routes!(credentials::list_credentials))
        .routes(routes!(audit::list_changes))
        .routes(routes!(stream::stream))
}
