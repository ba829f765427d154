//! Signing in with the token that the program prints, and signing out.

use serde::Deserialize;
use utoipa::ToSchema;

/// The token in the fragment of the address that the program prints.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginRequest {
    /// The token.
    #[schema(max_length = 200)]
    pub token: String,
}
