//! What is checked of each request before a handler sees it, and added to each answer.
//!
//! A page of another origin may make a browser send requests here: by a name that it lets resolve to this address (DNS
//! rebinding), or by a form or a script (cross-site request forgery). So the `Host` must be one of the console's own, the
//! `Origin`, where the browser sends one, too, and `Sec-Fetch-Site` must not say that another site asks. The cookie is
//! `SameSite=Strict` beside that.

use std::net::SocketAddr;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::Console;
use crate::api::features::Me;
use crate::document::BASE;
use crate::problem::{PROBLEM_JSON, Problem};

/// Paths that a provider sends a browser to, from its own site. They change nothing without the browser's cookie.
const FROM_PROVIDER: [&str; 2] = ["/api/v1/login/oidc", "/api/v1/login/callback"];

/// Paths that begin and end a session. They need no secret of a page: nobody has one before, and a page that lost it
/// signs out.
const LOGIN_AND_LOGOUT: [&str; 2] = ["/api/v1/login", "/api/v1/logout"];

/// The header with the page's secret.
pub const PAGE_SECRET: &str = "x-flotilla-session";

/// Most bytes of an answer that is made a problem.
const MAX_PLAIN_BYTES: usize = 4096;

const CSP: &str = "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; \
                   frame-ancestors 'none'; object-src 'none'";

/// Headers of all answers.
const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, CSP),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Where a console is reached.
#[derive(Debug, Clone)]
pub struct Address {
    /// Hosts with their ports, as browsers send them.
    pub hosts: Vec<String>,
    /// The port, which is part of the cookie's name: cookies of one host are shared by all its ports.
    pub port: u16,
    /// Whether browsers reach it by HTTPS.
    pub is_https: bool,
}

impl Address {
    /// A console that only this machine reaches, bound to this address. Browsers leave out port 80.
    pub fn local(bound: SocketAddr) -> Address {
        let port = bound.port();
        let names = ["127.0.0.1:", "localhost:", "[::1]:"].map(|host| format!("{host}{port}"));
        let mut hosts: Vec<String> = names.into_iter().chain([bound.to_string()]).collect();
        if port == 80 {
            hosts.extend(hosts.clone().iter().filter_map(|host| host.strip_suffix(":80").map(str::to_owned)));
        }
        hosts.dedup();
        Address { hosts, port, is_https: false }
    }

    /// The name of the session's cookie.
    pub fn cookie(&self) -> String {
        match self.is_https {
            true => "__Host-flotilla".to_owned(),
            false => format!("flotilla-{}", self.port),
        }
    }

    fn is_host(&self, host: &str) -> bool {
        self.hosts.iter().any(|own| own.eq_ignore_ascii_case(host))
    }

    fn is_origin(&self, origin: &str) -> bool {
        let scheme = if self.is_https { "https://" } else { "http://" };
        origin.strip_prefix(scheme).is_some_and(|host| self.is_host(host))
    }
}

/// The values of all cookies of a name. There may be several: another server of this host sets cookies too.
pub fn cookies<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = &'a str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(move |(key, _)| *key == name).map(|(_, value)| value)
}

/// Judges a request, has it carried out, and completes the answer.
pub async fn guard(State(console): State<Console>, mut request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let is_api = path.starts_with("/api/");
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD);
    let judged = judged(&console, &request, &path);
    let answer = match judged {
        Ok(()) => who(&console, request.headers(), &path, changes).await,
        Err(problem) => Err(problem),
    };
    let answer = match answer {
        Err(problem) => problem.into_response(),
        Ok(me) => {
            if let Some(me) = me {
                request.extensions_mut().insert(me);
            }
            if let Some(oidc) = &console.setup().oidc {
                request.extensions_mut().insert(oidc.clone());
            }
            let answer = next.run(request).await;
            if changes {
                console.recent().forget().await;
            }
            answer
        }
    };
    let answer = if is_api { as_problem(answer).await } else { answer };
    completed(answer, is_api)
}

/// Refuses what another site sends. Health is asked for by programs, under any name.
fn judged(console: &Console, request: &Request, path: &str) -> Result<(), Problem> {
    let (headers, address) = (request.headers(), &console.setup().address);
    if matches!(path, "/healthz" | "/readyz") {
        return Ok(());
    }
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if !text(header::HOST).is_some_and(|host| address.is_host(host)) {
        let problem = Problem::new(StatusCode::MISDIRECTED_REQUEST, "wrong-host", "this console has another address");
        return Err(problem.with_remedy(format!("open it as {}", address.hosts.join(" or "))));
    }
    let is_foreign = text(header::ORIGIN).is_some_and(|origin| !address.is_origin(origin));
    let site = text(HeaderName::from_static("sec-fetch-site")).unwrap_or("none");
    // A link of another site may open the page, which shows nothing without a session.
    let is_open = !path.starts_with("/api/") || FROM_PROVIDER.contains(&path);
    let may_be_foreign = is_open && *request.method() == Method::GET;
    if !may_be_foreign && (is_foreign || !["none", "same-origin"].contains(&site)) {
        return Err(Problem::new(StatusCode::FORBIDDEN, "wrong-origin", "a page of another origin sent this request"));
    }
    Ok(())
}

/// Who asks: by a bearer token, or by the session in a cookie. `access` decides which operations somebody may call.
async fn who(console: &Console, headers: &HeaderMap, path: &str, changes: bool) -> Result<Option<Me>, Problem> {
    if !path.starts_with("/api/") && path != "/metrics" {
        return Ok(None);
    }
    let me = match &console.setup().oidc {
        Some(oidc) => match oidc.bearer(headers).await? {
            None => by_session(console, headers, path, changes).await?,
            me => me,
        },
        None => by_session(console, headers, path, changes).await?,
    };
    match me {
        None if path == "/metrics" => Err(Problem::signed_out()),
        me => Ok(me),
    }
}

/// Who has the session in a cookie. Browsers send a cookie to all ports of its host: another server there may have it,
/// but not the secret of the page. So a change needs that secret too, and a wrong one is refused with each request.
async fn by_session(console: &Console, headers: &HeaderMap, path: &str, changes: bool) -> Result<Option<Me>, Problem> {
    let mut sessions = console.sessions(headers).await?.into_iter();
    let page = headers.get(PAGE_SECRET).map(|page| page.to_str().unwrap_or_default());
    if LOGIN_AND_LOGOUT.contains(&path) || (page.is_none() && !changes) {
        return Ok(sessions.next().map(|session| session.me));
    }
    let has_session = sessions.len() > 0;
    match page.and_then(|page| sessions.find(|session| session.is_page(page))) {
        None if changes && has_session => Err(Problem::another_page()),
        session => Ok(session.map(|session| session.me)),
    }
}

/// An answer that the router, or a reader of requests, refused in plain text.
async fn as_problem(answer: Response) -> Response {
    let status = answer.status();
    let is_problem = answer.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == PROBLEM_JSON);
    if !(status.is_client_error() || status.is_server_error()) || is_problem {
        return answer;
    }
    let allow = answer.headers().get(header::ALLOW).cloned();
    let bytes = axum::body::to_bytes(answer.into_body(), MAX_PLAIN_BYTES).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes).trim().to_owned();
    let (code, text) = match (status, text.is_empty()) {
        (StatusCode::METHOD_NOT_ALLOWED, _) => ("method-not-allowed", "this path has no such method".to_owned()),
        (StatusCode::NOT_FOUND, true) => ("no-such-path", format!("the API has no such path: see {BASE}/openapi.json")),
        (StatusCode::PAYLOAD_TOO_LARGE, _) => ("too-large", "the request is larger than 1 MiB".to_owned()),
        (StatusCode::UNSUPPORTED_MEDIA_TYPE, _) => ("media-type", text),
        (_, true) => ("invalid-request", "the request is invalid".to_owned()),
        (_, false) => ("invalid-request", text),
    };
    let mut answer = Problem::new(status, code, text).into_response();
    answer.headers_mut().extend(allow.map(|allow| (header::ALLOW, allow)));
    answer
}

fn completed(mut answer: Response, is_api: bool) -> Response {
    let headers = answer.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if is_api || !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regression_a_console_answers_at_the_address_that_it_prints() {
        for bound in ["127.0.0.1:7300", "127.0.0.2:7300", "[::1]:7300", "127.0.0.1:80"] {
            let address = Address::local(bound.parse().unwrap());
            assert!(address.is_host(bound) && address.is_origin(&format!("http://{bound}")), "{bound}: {address:?}");
            assert!(!address.is_host("127.0.0.3:7300") && !address.is_host("evil.example"));
        }
        let address = Address::local("127.0.0.1:80".parse().unwrap());
        assert!(address.is_host("127.0.0.1") && address.is_origin("http://localhost"), "{address:?}");
    }
}
