//! What handlers take from a request. What cannot be taken is refused with a problem.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use control::{Actor, RequestKey};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use shared::config::TaskDefinition;
use shared::digest::to_hex;
use shared::tasks::{Limits, Summary, check_task_name};

use crate::Console;
use crate::api::features::Me;
use crate::problem::Problem;

/// The header with the key of a request that may be repeated.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// Most characters of a key.
const MAX_KEY_CHARS: usize = 100;

/// Most characters of a run's id: the ledger has no longer ones.
const MAX_RUN_CHARS: usize = 100;

/// Who sends a request, acting on the fleet.
pub struct Caller(pub Actor);

impl FromRequestParts<Console> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Caller, Problem> {
        // The guard puts it there: without it nobody is signed in.
        let Some(me) = parts.extensions.get::<Me>() else { return Err(Problem::signed_out()) };
        let route = format!("{} {}", parts.method, parts.uri.path());
        let key = match text(&parts.headers, IDEMPOTENCY_KEY)? {
            Some(key) if key.is_empty() || key.len() > MAX_KEY_CHARS => {
                let detail = format!("Idempotency-Key: give 1 to {MAX_KEY_CHARS} characters");
                return Err(Problem::new(StatusCode::BAD_REQUEST, "invalid-header", detail));
            }
            key => key.map(|key| RequestKey::new(&me.name, &route, key)),
        };
        Ok(Caller(Actor::new(console.backend().clone(), me.name.clone()).with_key(key)))
    }
}

/// A header of visible characters; `None` without one.
fn text<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Problem> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    let detail = || format!("header {name} has other characters than visible ones of ASCII");
    value.to_str().map(Some).map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "invalid-header", detail()))
}

/// The name of a task in the path.
pub struct TaskName(pub String);

impl<S: Send + Sync> FromRequestParts<S> for TaskName {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<TaskName, Problem> {
        let none = || Problem::new(StatusCode::NOT_FOUND, "no-such-task", "the fleet has no task of this name");
        let Path(name) = Path::<String>::from_request_parts(parts, state).await.map_err(|_| none())?;
        match check_task_name(&name) {
            Ok(()) => Ok(TaskName(name)),
            Err(_) => Err(none()),
        }
    }
}

/// The id of a run in the path.
pub struct RunId(pub String);

impl<S: Send + Sync> FromRequestParts<S> for RunId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<RunId, Problem> {
        let none = || Problem::new(StatusCode::NOT_FOUND, "no-such-run", "no task of the fleet has this run");
        let Path(id) = Path::<String>::from_request_parts(parts, state).await.map_err(|_| none())?;
        let is_id = !id.is_empty() && id.len() <= MAX_RUN_CHARS && id.chars().all(|c| c.is_ascii_graphic());
        if is_id { Ok(RunId(id)) } else { Err(none()) }
    }
}

/// The state of a task that a change is made to, from `If-Match`.
pub enum IfMatch {
    /// The request does not say.
    Absent,
    /// Any state.
    Any,
    /// Those with these tags.
    Tags(Vec<String>),
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<IfMatch, Problem> {
        Ok(text(&parts.headers, header::IF_MATCH.as_str())?.map_or(IfMatch::Absent, IfMatch::parse))
    }
}

impl IfMatch {
    fn parse(text: &str) -> IfMatch {
        if text.trim() == "*" {
            return IfMatch::Any;
        }
        IfMatch::Tags(text.split(',').map(|tag| tag.trim().to_owned()).collect())
    }

    /// Refuses a request that does not say which state it changes.
    pub fn required(self) -> Result<IfMatch, Problem> {
        match self {
            IfMatch::Absent => {
                let detail = "If-Match: give the ETag of the definition that the change is made to";
                Err(Problem::new(StatusCode::PRECONDITION_REQUIRED, "if-match-required", detail))
            }
            given => Ok(given),
        }
    }

    /// Refuses another state than the one that the request names.
    pub fn check(&self, summary: &Summary) -> Result<(), Problem> {
        match self {
            IfMatch::Tags(tags) if !tags.contains(&etag(summary, summary.version)) => {
                Err(changed("somebody else has changed the task, its limits, or made another one of its name"))
            }
            _ => Ok(()),
        }
    }
}

/// The task is not as the request names it.
pub fn changed(detail: &str) -> Problem {
    Problem::new(StatusCode::PRECONDITION_FAILED, "changed", detail)
        .with_remedy("read it again, and make the change to what is there now")
}

/// The entity tag of a version of a definition. Limits that somebody sets make another one: they are a part of what is
/// read, and of what an edit replaces. Another task of the name has other tags.
pub fn etag(summary: &Summary, version: u32) -> String {
    let Limits { machines, bandwidth, requests } = summary.limits;
    let limits = format!("{machines:?} {bandwidth:?} {requests:?}");
    let digest = to_hex(&Sha256::digest(limits)[..6]);
    format!("\"{}-{version}-{digest}\"", summary.task.id)
}

/// A body in JSON; an empty one is an object without fields.
pub struct JsonBody<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<JsonBody<T>, Problem> {
        let media = media(request.headers());
        let bytes = bytes(request, state).await?;
        match media {
            Media::Json => {}
            Media::None if bytes.is_empty() => {}
            _ => return Err(unsupported("application/json")),
        }
        let json: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        serde_json::from_slice(json).map(JsonBody).map_err(|why| invalid(&why))
    }
}

/// A definition, in JSON or TOML, checked.
pub struct DefinitionBody(pub TaskDefinition);

impl<S: Send + Sync> FromRequest<S> for DefinitionBody {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<DefinitionBody, Problem> {
        let media = media(request.headers());
        let bytes = bytes(request, state).await?;
        match media {
            Media::Json => {
                let map: Map<String, Value> = serde_json::from_slice(&bytes).map_err(|why| invalid(&why))?;
                definition(map).map(DefinitionBody)
            }
            Media::Toml => match std::str::from_utf8(&bytes) {
                Ok(text) => Ok(DefinitionBody(TaskDefinition::parse(text).map_err(control::Refusal::from)?)),
                Err(_) => Err(Problem::new(StatusCode::BAD_REQUEST, "invalid-request", "the body is not UTF-8")),
            },
            Media::None | Media::Other => Err(unsupported("application/json or application/toml")),
        }
    }
}

/// A definition from JSON: it has the settings of a file, and is checked as one. A setting that is `null` is left out.
pub fn definition(map: Map<String, Value>) -> Result<TaskDefinition, Problem> {
    let table = toml::Table::try_from(without_nulls(map)).and_then(|table| toml::to_string(&table));
    let text = table.map_err(|why| {
        let detail = format!("the definition has no TOML: {why}");
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-definition", detail)
    })?;
    Ok(TaskDefinition::parse(&text).map_err(control::Refusal::from)?)
}

fn without_nulls(map: Map<String, Value>) -> Map<String, Value> {
    let kept = map.into_iter().filter(|(_, value)| !value.is_null());
    kept.map(|(key, value)| match value {
        Value::Object(map) => (key, Value::Object(without_nulls(map))),
        value => (key, value),
    })
    .collect()
}

/// The media type of a body.
enum Media {
    None,
    Json,
    Toml,
    Other,
}

fn media(headers: &HeaderMap) -> Media {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Media::None };
    let text = value.to_str().unwrap_or_default();
    match text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "application/json" => Media::Json,
        "application/toml" => Media::Toml,
        _ => Media::Other,
    }
}

async fn bytes<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    // The server bounds its length, and the time that it takes.
    Bytes::from_request(request, state).await.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", "the body is larger than a definition may be")
        }
        _ => Problem::new(StatusCode::BAD_REQUEST, "invalid-request", "the body was cut off"),
    })
}

fn unsupported(wanted: &str) -> Problem {
    let detail = format!("Content-Type: send {wanted}");
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", detail)
}

fn invalid(why: &serde_json::Error) -> Problem {
    let status = match why.classify() {
        serde_json::error::Category::Data => StatusCode::UNPROCESSABLE_ENTITY,
        _ => StatusCode::BAD_REQUEST,
    };
    Problem::new(status, "invalid-request", format!("the body is invalid: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use shared::object::Timestamp;
    use shared::tasks::{Author, Definition, NewTask, Outline, TaskRef};

    #[test]
    fn regression_a_tag_names_task_version_and_limits() {
        let new = |id: &str| NewTask {
            task: TaskRef { name: "t".into(), id: id.into() },
            definition: Definition { text: String::new(), outline: Outline::default(), limits: Limits::default() },
            next_due: None,
        };
        let summary = |id: &str| Summary::of_new(&new(id), &Author::new("me", Timestamp(0), ""));
        let seen = summary("1");
        let tag = etag(&seen, 1);
        assert!(IfMatch::parse(&tag).check(&seen).is_ok());
        assert!(IfMatch::parse(&format!("\"x\", {tag}")).check(&seen).is_ok());
        assert!(IfMatch::parse("*").check(&seen).is_ok() && IfMatch::Absent.check(&seen).is_ok());
        let limits = Limits { bandwidth: Some(1 << 20), ..Limits::default() };
        for other in [summary("2"), Summary { version: 2, ..seen.clone() }, Summary { limits, ..seen.clone() }] {
            assert_eq!(IfMatch::parse(&tag).check(&other).unwrap_err().status, 412, "{other:?}");
        }
        for other in ["1", &format!("W/{tag}"), ""] {
            assert_eq!(IfMatch::parse(other).check(&seen).unwrap_err().status, 412, "{other}");
        }
        assert_eq!(IfMatch::Absent.required().err().map(|problem| problem.status), Some(428));
    }

    #[test]
    fn a_definition_in_json_is_checked_as_a_file() {
        let sides =
            json!({"task": "t", "source": {"location": "/a", "region": null}, "destination": {"location": "/b"}});
        let map = |value: Value| value.as_object().unwrap().clone();
        assert_eq!(definition(map(sides.clone())).unwrap().task, "t");
        let mut wrong = map(sides);
        wrong.insert("find".into(), json!({"max-delete": "many"}));
        assert_eq!(definition(wrong.clone()).unwrap_err().status, 422);
        wrong.insert("find".into(), json!({}));
        wrong.insert("limits".into(), json!({"machines": 99_999}));
        let refused = definition(wrong).unwrap_err();
        assert_eq!((refused.code, refused.setting.as_deref()), ("invalid-setting", Some("limits.machines")));
    }
}
