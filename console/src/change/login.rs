//! Signs in and out.

use crate::api::login::LoginRequest;
use crate::problem::Problem;

/// Sign in with the token that the program prints.
#[utoipa::path(post, path = "/login", tag = "login", request_body = LoginRequest, responses((status = 204, description = "Done")))]
pub async fn login() -> Problem {
    Problem::not_built()
}

/// Sign out.
#[utoipa::path(post, path = "/logout", tag = "login", responses((status = 204, description = "Done")))]
pub async fn logout() -> Problem {
    Problem::not_built()
}
