mod issuer;

use adapters::open::FleetBackend;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::{Value, json};
use shared::config::FleetFile;
use shared::object::Timestamp;
use shared::tasks::SharedTasks;

use self::issuer::{Issuer, unsigned};
use super::flow::FinishQuery;
use super::*;
use crate::api::features::Role;

/// Sign-in at an issuer.
fn oidc(issuer: &Issuer) -> Oidc {
    let text = format!(
        "issuer = {:?}\nclient-id = \"console\"\npublic-url = \"https://flotilla.example.com\"\n\
         [roles]\nviewer = [\"staff\"]\noperator = [\"ops\"]\n",
        issuer.url
    );
    Oidc::new(OidcConfig::parse(&text).unwrap()).unwrap()
}

fn now() -> Timestamp {
    Timestamp::now()
}

/// The claims of an ordinary token.
fn claims(issuer: &Issuer) -> Value {
    let seconds = now().0 / 1000;
    json!({
        "iss": issuer.url, "sub": "17", "aud": "console", "exp": seconds + 600, "iat": seconds,
        "email": "ada@example.com", "email_verified": true, "groups": ["staff", "ops"],
    })
}

fn header_of(name: header::HeaderName, value: &str) -> HeaderMap {
    HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
}

/// Who a bearer token is of, or the code of the refusal.
async fn bearer(oidc: &Oidc, token: &str) -> Result<Me, (u16, &'static str)> {
    let headers = header_of(header::AUTHORIZATION, &format!("Bearer {token}"));
    let identified = oidc.bearer(&headers).await;
    identified.map(Option::unwrap).map_err(|problem| (problem.status, problem.code))
}

/// The cookies that an answer sets, as a browser sends them.
fn cookies(response: &Response) -> HeaderMap {
    let set = response.headers().get_all(header::SET_COOKIE).iter().map(|value| value.to_str().unwrap());
    let pairs: Vec<&str> = set.map(|cookie| cookie.split(';').next().unwrap()).collect();
    header_of(header::COOKIE, &pairs.join("; "))
}

/// Begins a sign-in: the browser's cookies, and the query that it brings to the provider.
async fn begun(oidc: &Oidc) -> (HeaderMap, Vec<(String, String)>) {
    let response = oidc.start("/tasks", now()).await.unwrap();
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    let target = response.headers()[header::LOCATION].to_str().unwrap().to_owned();
    let query = target.split_once('?').unwrap().1;
    let fields = query.split('&').map(|field| field.split_once('=').unwrap());
    (cookies(&response), fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

fn field(query: &[(String, String)], name: &str) -> String {
    query.iter().find(|(field, _)| field == name).unwrap().1.clone()
}

#[tokio::test]
async fn a_sign_in_begins_a_session_with_the_role_of_its_groups() {
    let issuer = Issuer::start().await;
    let oidc = oidc(&issuer);
    let (browser, query) = begun(&oidc).await;
    assert_eq!(
        (field(&query, "response_type"), field(&query, "code_challenge_method")),
        ("code".into(), "S256".into())
    );
    let mut given = claims(&issuer);
    given["nonce"] = field(&query, "nonce").into();
    issuer.will_answer("code-1", &field(&query, "code_challenge"), given);
    let answer = |state: String| FinishQuery { code: Some("code-1".into()), state: Some(state), error: None };
    let other = oidc.finish(&browser, answer("another".into()), now()).await.unwrap_err();
    assert_eq!((other.status, other.code), (401, "sign-in-late"));
    let strange = oidc.finish(&HeaderMap::new(), answer(field(&query, "state")), now()).await.unwrap_err();
    assert_eq!(strange.status, 401, "another browser");
    let late = Timestamp(now().0 + 3_600_000);
    assert_eq!(oidc.finish(&browser, answer(field(&query, "state")), late).await.unwrap_err().status, 401);
    let done = oidc.finish(&browser, answer(field(&query, "state")), now()).await.unwrap();
    let target = done.headers()[header::LOCATION].to_str().unwrap().to_owned();
    let (page, secret) = target.split_once("#session=").unwrap();
    assert_eq!(page, "/tasks");
    let signed_in = cookies(&done);
    let folder = tempfile::tempdir().unwrap();
    let tasks = FleetBackend::open(&FleetFile::of_folder("f", folder.path())).await.unwrap().tasks;
    let session = oidc.sessions(&signed_in, &tasks, now()).await.unwrap().remove(0);
    assert_eq!(session.me, Me { name: "ada@example.com".into(), role: Role::Operator });
    assert!(session.is_page(secret) && !session.is_page("") && !session.is_page(&secret[1..]));
    let late = Timestamp(now().0 + 9 * 3_600_000);
    assert_eq!(oidc.sessions(&signed_in, &tasks, late).await.unwrap(), [], "it ends");
    oidc.end_sessions(&signed_in, &tasks, now()).await.unwrap();
    assert_eq!(oidc.sessions(&signed_in, &tasks, now()).await.unwrap(), [], "a copied cookie is refused");
    let again = oidc.finish(&browser, answer(field(&query, "state")), now()).await.unwrap_err();
    assert_eq!(again.status, 401, "a code is good once");
}

#[tokio::test]
async fn a_session_that_was_ended_is_refused_by_all_replicas() {
    let folder = tempfile::tempdir().unwrap();
    let fleet = FleetFile::of_folder("f", folder.path());
    let key = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, [7; 32]);
    let key_file = folder.path().join("key");
    std::fs::write(&key_file, key).unwrap();
    let text = format!(
        "issuer = \"https://issuer.example\"\nclient-id = \"c\"\npublic-url = \"https://flotilla.example.com\"\n\
         cookie-key = \"file:{}\"\n[roles]\nviewer = [\"staff\"]\n",
        key_file.display()
    );
    let replica = || Oidc::new(OidcConfig::parse(&text).unwrap()).unwrap();
    let (one, two) = (replica(), replica());
    let me = Me { name: "ada".into(), role: Role::Viewer };
    let begin = || {
        let begun = session::begin(&one.0.sealer, me.clone(), now()).unwrap();
        header_of(header::COOKIE, &format!("__Host-flotilla-session={}", begun.cookie))
    };
    let (copied, other) = (begin(), begin());
    let backend = async || FleetBackend::open(&fleet).await.unwrap().tasks;
    let (of_one, of_two) = (backend().await, backend().await);
    let count = async |oidc: &Oidc, tasks: &SharedTasks, cookie: &HeaderMap| {
        oidc.sessions(cookie, tasks, now()).await.unwrap().len()
    };
    assert_eq!((count(&one, &of_one, &copied).await, count(&two, &of_two, &copied).await), (1, 1));
    one.end_sessions(&copied, &of_one, now()).await.unwrap();
    assert_eq!(count(&one, &of_one, &copied).await, 0, "at once in the replica that ended it");
    tokio::time::pause();
    tokio::time::advance(std::time::Duration::from_secs(6)).await;
    tokio::time::resume();
    assert_eq!(count(&two, &of_two, &copied).await, 0, "some seconds later in another one");
    assert_eq!(count(&replica(), &of_two, &copied).await, 0, "after a restart");
    assert_eq!(count(&two, &of_two, &other).await, 1, "another session of the same person goes on");
}

#[tokio::test]
async fn a_token_of_another_sign_in_or_without_a_role_is_refused() {
    let issuer = Issuer::start().await;
    let oidc = oidc(&issuer);
    for (change, status) in [
        (json!({"nonce": "another"}), 401),
        (json!({"groups": ["guests"]}), 403),
        (json!({"groups": null}), 403),
        (json!({"aud": ["console", "other"]}), 401),
        (json!({"azp": "other"}), 401),
    ] {
        let (browser, query) = begun(&oidc).await;
        let mut given = claims(&issuer);
        given["nonce"] = field(&query, "nonce").into();
        given.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        issuer.will_answer("code", &field(&query, "code_challenge"), given);
        let answer = FinishQuery { code: Some("code".into()), state: Some(field(&query, "state")), error: None };
        assert_eq!(oidc.finish(&browser, answer, now()).await.unwrap_err().status, status, "{change}");
    }
}

#[tokio::test]
async fn only_tokens_that_the_issuer_signed_for_us_are_taken() {
    let issuer = Issuer::start().await;
    let oidc = oidc(&issuer);
    let me = bearer(&oidc, &issuer.sign(&claims(&issuer))).await.unwrap();
    assert_eq!((me.name.as_str(), me.role), ("ada@example.com", Role::Operator));
    let seconds = now().0 / 1000;
    for change in [
        json!({"iss": "https://other.example.com"}),
        json!({"aud": "other"}),
        json!({"aud": []}),
        json!({"exp": seconds - 61}),
        json!({"exp": null}),
        json!({"nbf": seconds + 120}),
        json!({"iat": seconds + 120}),
        json!({"sub": ""}),
    ] {
        let mut given = claims(&issuer);
        given.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        assert_eq!(bearer(&oidc, &issuer.sign(&given)).await, Err((401, "invalid-token")), "{change}");
    }
    let good = issuer.sign(&claims(&issuer));
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let mut richer = claims(&issuer);
    richer["groups"] = json!(["admins"]);
    let changed = format!("{}.{signature}", unsigned("ES256", &issuer.kid(), &richer));
    let stranger = Issuer::start().await;
    for token in [
        format!("{}.", unsigned("none", &issuer.kid(), &richer)),
        format!("{}.{signature}", unsigned("HS256", &issuer.kid(), &richer)),
        changed,
        format!("{signed}."),
        signed.to_owned(),
        stranger.sign_as(&issuer.kid(), &claims(&issuer)),
        "x".repeat(20_000),
        String::new(),
    ] {
        assert_eq!(bearer(&oidc, &token).await, Err((401, "invalid-token")), "{token}");
    }
}

#[tokio::test]
async fn an_address_that_nobody_confirmed_names_nobody() {
    let issuer = Issuer::start().await;
    let mut given = claims(&issuer);
    (given["email_verified"], given["groups"]) = (false.into(), "staff".into());
    let me = bearer(&oidc(&issuer), &issuer.sign(&given)).await.unwrap();
    assert_eq!((me.name.as_str(), me.role), ("17", Role::Viewer));
}

#[tokio::test]
async fn unknown_keys_do_not_ask_the_issuer_each_time() {
    let issuer = Issuer::start().await;
    let oidc = oidc(&issuer);
    assert!(bearer(&oidc, &issuer.sign(&claims(&issuer))).await.is_ok());
    assert_eq!(issuer.reads(), 1);
    for _ in 0..20 {
        let token = issuer.sign_as("unknown", &claims(&issuer));
        assert_eq!(bearer(&oidc, &token).await, Err((401, "invalid-token")));
    }
    assert_eq!(issuer.reads(), 1, "a minute has not passed");
    issuer.go_away();
    assert!(bearer(&oidc, &issuer.sign(&claims(&issuer))).await.is_ok(), "cached keys stay");
}

#[tokio::test]
async fn without_its_issuer_nobody_is_let_in() {
    let issuer = Issuer::start().await;
    issuer.go_away();
    let oidc = oidc(&issuer);
    let token = issuer.sign(&claims(&issuer));
    assert_eq!(bearer(&oidc, &token).await, Err((503, "login-unavailable")));
    assert_eq!(oidc.start("/", now()).await.unwrap_err().status, 503);
    assert_eq!(oidc.bearer(&HeaderMap::new()).await.unwrap(), None);
}
