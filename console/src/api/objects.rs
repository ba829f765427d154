//! The last outcome of an object.

use serde::Deserialize;
use utoipa::IntoParams;

/// Which object.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ObjectQuery {
    /// Its key, relative to the task's locations.
    #[param(min_length = 1, max_length = 1024)]
    pub key: String,
}
