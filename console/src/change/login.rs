//! Signs in and out.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};

use shared::object::Timestamp;

use crate::Console;
use crate::api::login::{LoginRequest, SessionSecret};
use crate::guard::{Address, cookies};
use crate::oidc;
use crate::problem::Problem;
use crate::session::SESSION_LIFE;

/// Sign in with the token that the program prints.
#[utoipa::path(
    post, path = "/login", tag = "login", request_body = LoginRequest, security(()),
    responses((status = 200, description = "The answer sets the session's cookie too", body = SessionSecret))
)]
pub async fn login(
    State(console): State<Console>,
    Json(request): Json<LoginRequest>,
) -> Result<(HeaderMap, Json<SessionSecret>), Problem> {
    let setup = console.setup();
    let begun = setup.sessions.begin(&request.token).ok_or_else(|| {
        Problem::new(StatusCode::UNAUTHORIZED, "wrong-token", "this is not the token of this console")
            .with_remedy("open the address that the program printed when it started: each start has another token")
    })?;
    let cookie = cookie(&setup.address, &begun.cookie, SESSION_LIFE.as_secs());
    Ok((cookie, Json(SessionSecret { session: begun.page })))
}

/// Sign out.
#[utoipa::path(post, path = "/logout", tag = "login", responses((status = 204, description = "Done")))]
pub async fn logout(State(console): State<Console>, headers: HeaderMap) -> Result<(StatusCode, HeaderMap), Problem> {
    let setup = console.setup();
    let Some(provider) = &setup.oidc else {
        for secret in cookies(&headers, &setup.address.cookie()) {
            setup.sessions.end(secret);
        }
        return Ok((StatusCode::NO_CONTENT, cookie(&setup.address, "", 0)));
    };
    provider.end_sessions(&headers, &console.backend().tasks, Timestamp::now()).await?;
    let (name, value) = oidc::end_header();
    let header = value.parse().ok().map(|value: HeaderValue| (name, value));
    Ok((StatusCode::NO_CONTENT, HeaderMap::from_iter(header)))
}

/// The header that sets the session's cookie.
pub fn cookie(address: &Address, secret: &str, seconds: u64) -> HeaderMap {
    let secure = if address.is_https { "; Secure" } else { "" };
    let name = address.cookie();
    let text = format!("{name}={secret}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    HeaderMap::from_iter(HeaderValue::from_str(&text).ok().map(|value| (header::SET_COOKIE, value)))
}
