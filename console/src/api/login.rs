//! Signing in with the token that the program prints, and signing out.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The token in the fragment of the address that the program prints.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginRequest {
    /// The token.
    #[schema(max_length = 200)]
    pub token: String,
}

/// What the page needs beside its cookie. Browsers send cookies to all ports of a host; this one stays with the page.
#[derive(Serialize, ToSchema)]
pub struct SessionSecret {
    /// For the header `X-Flotilla-Session`, which each request that is no GET needs.
    pub session: String,
}
