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
    let is_read = request.method().is_safe();
    match tokio::time::timeout(ANSWER_LIMIT, next.run(request)).await {
        Ok(answer) => answer,
        Err(_) => {
            let mut problem = Problem::new(StatusCode::GATEWAY_TIMEOUT, "timeout", "a service did not answer in time");
            // A change that was sent may be done: its answer is what is missing.
            problem.recorded = is_read.then_some(false);
            let remedy = if is_read { "try again" } else { "look whether it was done, then try again" };
            let mut answer = problem.with_remedy(remedy).into_response();
            answer.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("5"));
            answer
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::{Body, to_bytes};
    use tower::ServiceExt as _;

    #[tokio::test(start_paused = true)]
    async fn regression_a_change_without_an_answer_may_be_recorded() {
        let never = axum::routing::any(std::future::pending::<()>);
        let router: Router = Router::new().route("/", never).layer(middleware::from_fn(limited));
        for (method, recorded) in [("GET", serde_json::json!(false)), ("POST", serde_json::Value::Null)] {
            let request = Request::builder().method(method).uri("/").body(Body::empty()).unwrap();
            let answer = router.clone().oneshot(request).await.unwrap();
            assert_eq!(answer.status(), StatusCode::GATEWAY_TIMEOUT);
            let body = to_bytes(answer.into_body(), 4096).await.unwrap();
            let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(problem["recorded"], recorded, "{method}");
        }
    }
}
