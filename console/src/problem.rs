//! Errors of the API, as `application/problem+json` (RFC 9457).

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
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

    /// No handler yet.
    pub fn not_built() -> Problem {
        Problem::new(StatusCode::NOT_IMPLEMENTED, "not-built", "this operation is not built yet")
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
