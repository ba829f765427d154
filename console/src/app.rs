//! All routes of a console.

use std::time::Duration;

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};

use crate::access::{Guard, require_role};
use crate::document::{self, BASE};
use crate::guard::guard;
use crate::page::page;
use crate::problem::Problem;
use crate::{Console, read};

/// Most bytes of a request's body: a definition has at most a MiB.
const MAX_BODY_BYTES: usize = 1 << 20;

/// Whether the records can be read is asked at most this often, however many ask.
const READY_FOR: Duration = Duration::from_secs(30);

/// A handler answers within this time. The bodies of streams take longer.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);

/// All routes of a console: the API, health, metrics, and the page at all other paths.
pub fn app(console: Console) -> Router {
    let (api, description) = document::routes().split_for_parts();
    let api = api.route_layer(middleware::from_fn_with_state(Guard::of(&description), require_role));
    let description = document::complete(description);
    let open_api = move || {
        let description = description.clone();
        async move { Json(description) }
    };
    api.route(&format!("{BASE}/openapi.json"), get(open_api))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(read::metrics::metrics))
        .fallback(page)
        .layer(middleware::from_fn(limited))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::from_fn_with_state(console.clone(), guard))
        .with_state(console)
}

async fn healthz(State(console): State<Console>) -> Response {
    match console.setup().health.is_alive() {
        true => "ok\n".into_response(),
        false => (StatusCode::SERVICE_UNAVAILABLE, "silent\n").into_response(),
    }
}

/// Ready means that the fleet's records can be read.
async fn readyz(State(console): State<Console>) -> Response {
    let tasks = &console.backend().tasks;
    match console.recent().summaries_within(tasks, READY_FOR).await {
        Ok(_) => "ready\n".into_response(),
        Err(error) => {
            tracing::warn!(%error, "the console cannot read the fleet's tasks");
            (StatusCode::SERVICE_UNAVAILABLE, "not ready\n").into_response()
        }
    }
}

async fn limited(request: Request, next: Next) -> Response {
    match tokio::time::timeout(ANSWER_LIMIT, next.run(request)).await {
        Ok(answer) => answer,
        Err(_) => {
            let problem = Problem::new(StatusCode::GATEWAY_TIMEOUT, "timeout", "a service did not answer in time");
            let mut answer = problem.with_remedy("try again").into_response();
            answer.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("5"));
            answer
        }
    }
}
