//! What this console is, and who uses it.

use axum::Json;
use axum::extract::State;

use crate::Console;
use crate::api::features::{Features, Me};
use crate::problem::Problem;

/// What this console can do.
#[utoipa::path(get, path = "/features", tag = "features", responses((status = 200, description = "Answer", body = Features)))]
pub async fn get_features(State(console): State<Console>) -> Json<Features> {
    Json(console.0.features.clone())
}

/// Who is signed in.
#[utoipa::path(get, path = "/me", tag = "features", responses((status = 200, description = "Answer", body = Me)))]
pub async fn get_me() -> Problem {
    Problem::not_built()
}
