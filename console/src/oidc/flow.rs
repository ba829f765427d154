//! The code flow with PKCE, and the session that it begins.

use adapters::web;
use axum::Extension;
use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use shared::object::Timestamp;
use utoipa::IntoParams;

use super::cookie::{random, set_cookie};
use super::keys::{refused, unavailable};
use super::session::{self, seconds};
use super::{Inner, Oidc};
use crate::guard::cookies;
use crate::problem::Problem;

/// The cookie of a sign-in that is under way.
const LOGIN: &str = "__Host-flotilla-login";

/// How long a sign-in may take, seconds.
const LOGIN_SECONDS: i64 = 600;

/// Longest path that a sign-in returns to, characters.
const MAX_PATH_CHARS: usize = 1_000;

/// A sign-in that is under way.
#[derive(Debug, Serialize, Deserialize)]
struct Login {
    state: String,
    nonce: String,
    verifier: String,
    back: String,
    until: i64,
}

/// Where a sign-in ends.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct StartQuery {
    /// The path of the page that is shown then.
    #[serde(default)]
    #[param(max_length = 1000)]
    next: Option<String>,
}

/// The provider's answer.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FinishQuery {
    /// Becomes a token.
    #[serde(default)]
    #[param(max_length = 4096)]
    pub(super) code: Option<String>,
    /// Names the sign-in.
    #[serde(default)]
    #[param(max_length = 1000)]
    pub(super) state: Option<String>,
    /// Why the provider refuses.
    #[serde(default)]
    #[param(max_length = 1000)]
    pub(super) error: Option<String>,
}

/// Begin to sign in at the OpenID provider.
#[utoipa::path(get, path = "/login/oidc", tag = "login", params(StartQuery), responses((status = 303, description = "Go to the provider")))]
pub async fn start_login(
    oidc: Option<Extension<Oidc>>,
    query: Result<Query<StartQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let Some(Extension(oidc)) = oidc else { return Err(no_provider()) };
    let back = query.ok().and_then(|Query(query)| query.next);
    let started = oidc.start(back.as_deref().unwrap_or("/"), Timestamp::now()).await;
    Ok(started.unwrap_or_else(|problem| failed(&problem)))
}

/// Finish to sign in, with the provider's answer.
#[utoipa::path(get, path = "/login/callback", tag = "login", params(FinishQuery), responses((status = 303, description = "Go to the page")))]
pub async fn finish_login(
    oidc: Option<Extension<Oidc>>,
    headers: HeaderMap,
    query: Result<Query<FinishQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let Some(Extension(oidc)) = oidc else { return Err(no_provider()) };
    let query = query.map(|Query(query)| query).unwrap_or_default();
    let finished = oidc.finish(&headers, query, Timestamp::now()).await;
    Ok(finished.unwrap_or_else(|problem| failed(&problem)))
}

/// Sends a browser back to the page, which says by the code of the problem what to do. The log has the reason.
fn failed(problem: &Problem) -> Response {
    tracing::warn!(code = problem.code, "a sign-in failed: {}", problem.detail);
    redirect(format!("/?sign-in={}", problem.code), [])
}

fn no_provider() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "no-provider", "this console has no OpenID provider")
        .with_remedy("sign in by the address that the program prints")
}

impl Oidc {
    pub(super) async fn start(&self, back: &str, now: Timestamp) -> Result<Response, Problem> {
        let Inner { config, provider, sealer, .. } = &*self.0;
        let metadata = provider.metadata().await?;
        let new = || random::<32>().map(|bytes| URL_SAFE_NO_PAD.encode(bytes)).map_err(|why| unavailable(&why));
        let login = Login {
            state: new()?,
            nonce: new()?,
            verifier: new()?,
            back: path(back).to_owned(),
            until: seconds(now) + LOGIN_SECONDS,
        };
        let scope = ["openid"].into_iter().chain(config.scopes.iter().map(String::as_str));
        let query = form(&[
            ("response_type", "code"),
            ("client_id", &config.client_id),
            ("redirect_uri", &config.redirect_uri()),
            ("scope", &scope.collect::<Vec<_>>().join(" ")),
            ("state", &login.state),
            ("nonce", &login.nonce),
            ("code_challenge", &URL_SAFE_NO_PAD.encode(Sha256::digest(&login.verifier))),
            ("code_challenge_method", "S256"),
        ]);
        let sealed = sealer.seal(LOGIN, &login).map_err(|why| unavailable(&why))?;
        let join = if metadata.authorization_endpoint.contains('?') { '&' } else { '?' };
        let target = format!("{}{join}{query}", metadata.authorization_endpoint);
        // Lax: the provider sends the browser back from another site.
        Ok(redirect(target, [set_cookie(LOGIN, &sealed, LOGIN_SECONDS, "Lax")]))
    }

    pub(super) async fn finish(
        &self,
        headers: &HeaderMap,
        query: FinishQuery,
        now: Timestamp,
    ) -> Result<Response, Problem> {
        let Inner { config, provider, sealer, .. } = &*self.0;
        let login: Option<Login> = cookies(headers, LOGIN).find_map(|sealed| sealer.open(LOGIN, sealed));
        let Some(login) = login.filter(|login| login.until > seconds(now)) else {
            return Err(late("the sign-in took too long, or began in another browser"));
        };
        // Who has the cookie's content knows the state: comparing it in any time betrays nothing to others.
        if query.state.as_deref() != Some(login.state.as_str()) {
            return Err(late("the answer belongs to another sign-in"));
        }
        if let Some(error) = query.error {
            // A word as RFC 6749 has it. Everybody can send a text in its place.
            let word: String = error.chars().filter(|c| c.is_ascii_lowercase() || *c == '_').take(40).collect();
            let detail = format!("the OpenID provider refused the sign-in: {word}");
            return Err(Problem::new(StatusCode::UNAUTHORIZED, "sign-in-refused", detail));
        }
        let Some(code) = query.code.filter(|code| !code.is_empty()) else {
            return Err(refused("the answer has no code"));
        };
        let token = self.exchange(&code, &login.verifier).await?;
        let claims = provider.verify(&token, &config.client_id, now).await?;
        claims.check_login(&config.client_id, &login.nonce).map_err(refused)?;
        let me = claims.me(config)?;
        tracing::info!(who = me.name, "signed in");
        let session = session::begin(sealer, me, now).map_err(|why| unavailable(&why))?;
        // Browsers send no fragment to a server: the page alone reads its secret there.
        let target = format!("{}#session={}", login.back, session.page);
        // Strict: no other site's request has it. The page asks for its data from here.
        Ok(redirect(target, [session::header(&session), set_cookie(LOGIN, "", 0, "Lax")]))
    }

    /// The ID token for a code. The exchange is not repeated: a code is good once.
    async fn exchange(&self, code: &str, verifier: &str) -> Result<String, Problem> {
        #[derive(Deserialize)]
        struct Tokens {
            id_token: String,
        }
        let Inner { config, provider, secret, .. } = &*self.0;
        let body = form(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &config.redirect_uri()),
            ("client_id", &config.client_id),
            ("code_verifier", verifier),
        ]);
        // Both parts are encoded as in a form (RFC 6749, 2.3.1).
        let basic = |secret: &String| {
            let pair = format!("{}:{}", encoded(&config.client_id), encoded(secret));
            format!("Basic {}", STANDARD.encode(pair))
        };
        let endpoint = provider.metadata().await?.token_endpoint;
        let answer = web::post_form(&endpoint, body, secret.as_ref().map(basic)).await;
        let answer = answer.map_err(|error| unavailable(&error.to_string()))?;
        match answer.status {
            200 => {}
            400 | 401 => return Err(refused("the OpenID provider refused the code")),
            status => return Err(unavailable(&format!("it answers {status} to a code"))),
        }
        let tokens: Tokens = serde_json::from_slice(&answer.body).map_err(|why| unavailable(&why.to_string()))?;
        Ok(tokens.id_token)
    }
}

/// The answer is of no sign-in that is under way in this browser.
fn late(why: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "sign-in-late", why)
}

/// The path to return to: of this host, whatever a link says. Its fragment is left out.
fn path(back: &str) -> &str {
    let back = back.split('#').next().unwrap_or_default();
    let is_path = back.starts_with('/')
        && !back.starts_with("//")
        && back.len() <= MAX_PATH_CHARS
        && back.chars().all(|c| c.is_ascii_graphic() && c != '\\');
    if is_path { back } else { "/" }
}

fn redirect<const N: usize>(target: String, cookies: [(HeaderName, String); N]) -> Response {
    let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, target)]).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    for (name, value) in cookies {
        if let Ok(value) = value.parse() {
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// Fields as a form has them.
fn form(fields: &[(&str, &str)]) -> String {
    fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect::<Vec<_>>().join("&")
}

/// A value with all characters escaped that are not plain everywhere.
fn encoded(value: &str) -> String {
    let escaped = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => (byte as char).to_string(),
        byte => format!("%{byte:02X}"),
    };
    value.bytes().map(escaped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_in_returns_to_this_host_alone() {
        assert_eq!(path("/tasks/photos?tab=runs#session=x"), "/tasks/photos?tab=runs");
        for other in ["https://evil.example.com", "//evil.example.com", "/\\evil.example.com", "tasks", "/a\r\nb", ""] {
            assert_eq!(path(other), "/", "{other:?}");
        }
    }
}
