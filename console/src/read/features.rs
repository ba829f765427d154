//! What this console is, and who uses it.

use axum::extract::State;
use axum::{Extension, Json};

use crate::Console;
use crate::api::features::{Features, Me};

/// What this console can do.
#[utoipa::path(
    get, path = "/features", tag = "features", security(()),
    responses((status = 200, description = "Answer", body = Features))
)]
pub async fn get_features(State(console): State<Console>) -> Json<Features> {
    Json(console.setup().features.clone())
}

/// Who is signed in.
#[utoipa::path(get, path = "/me", tag = "features", responses((status = 200, description = "Answer", body = Me)))]
pub async fn get_me(Extension(me): Extension<Me>) -> Json<Me> {
    Json(me)
}
