//! Errors of the API, as `application/problem+json` (RFC 9457).

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use shared::{Error, ErrorKind};
use utoipa::ToSchema;

/// The media type of a problem.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// Why a request was refused, or could not be carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Problem {
    /// Always `about:blank`: `code` says more.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The status in words.
    pub title: String,
    /// The status.
    pub status: u16,
    /// What happened, in one line.
    pub detail: String,
    /// The problem in a stable word, in kebab case.
    pub code: &'static str,
    /// The setting at fault, as definitions name it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub setting: Option<String>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// Whether something was recorded before this happened: read what is there before you send the request again. `null`:
    /// it is unknown.
    pub recorded: Option<bool>,
}

impl Problem {
    /// A problem.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Problem {
        Problem {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or_default().to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            code,
            setting: None,
            remedy: None,
            recorded: Some(false),
        }
    }

    /// With what to do.
    pub fn with_remedy(self, remedy: impl Into<String>) -> Problem {
        Problem { remedy: Some(remedy.into()), ..self }
    }

    /// With the setting at fault.
    pub fn with_setting(self, setting: impl Into<String>) -> Problem {
        Problem { setting: Some(setting.into()), ..self }
    }

    /// Something that does not exist.
    pub fn missing(code: &'static str, detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::NOT_FOUND, code, detail)
    }

    /// The error of a page whose token the caller gave.
    pub fn of_page(error: Error, has_cursor: bool) -> Problem {
        match (has_cursor, error.kind()) {
            (true, ErrorKind::Invalid | ErrorKind::Corrupt) => {
                let detail = "the cursor is none that this list gave";
                Problem::new(StatusCode::BAD_REQUEST, "invalid-cursor", detail).with_remedy("leave cursor out")
            }
            _ => error.into(),
        }
    }
}

impl From<Error> for Problem {
    /// A service that failed. The message names no secret.
    fn from(error: Error) -> Problem {
        let status = match error.kind() {
            ErrorKind::Invalid | ErrorKind::Unrepresentable => StatusCode::BAD_REQUEST,
            ErrorKind::Conflict => StatusCode::CONFLICT,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        };
        let problem = Problem::new(status, error.kind().as_str(), error.to_string());
        Problem { recorded: (!error.is_unclear()).then_some(false), ..problem }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, axum::Json(self)).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regression_an_unclear_error_may_have_recorded_something() {
        for (kind, recorded) in [
            (ErrorKind::Timeout, None),
            (ErrorKind::Connection, None),
            (ErrorKind::Unavailable, None),
            (ErrorKind::Denied, Some(false)),
            (ErrorKind::Throttled, Some(false)),
        ] {
            let error = || Error::new(kind, "write", "table", "why");
            assert_eq!(Problem::from(error()).recorded, recorded, "{kind:?}");
            assert_eq!(Problem::from(control::Refusal::service(error())).recorded, recorded, "{kind:?}");
            assert_eq!(Problem::from(control::Refusal::midway(error())).recorded, Some(true), "{kind:?}");
        }
    }
}
