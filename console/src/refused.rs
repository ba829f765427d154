//! Refusals of actions as problems.

use axum::http::StatusCode;
use control::{Code, Refusal};
use shared::ErrorKind;

use crate::problem::Problem;

impl Problem {
    /// Nobody is signed in.
    pub fn signed_out() -> Problem {
        Problem::new(StatusCode::UNAUTHORIZED, "signed-out", "nobody is signed in")
            .with_remedy("sign in, or open the address that the program printed when it started")
    }
}

impl Problem {
    /// A request with the cookie of a session, and without the secret of its page.
    pub fn another_page() -> Problem {
        let detail = "X-Flotilla-Session: the session in the cookie has another secret";
        Problem::new(StatusCode::UNAUTHORIZED, "signed-out", detail)
            .with_remedy("sign in again; a script sends what POST /api/v1/login answered as session")
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        let remedy = refusal.advice();
        let Refusal { code, setting, what, is_midway, .. } = refusal;
        let mut problem = Problem::new(status(code), code.as_str(), what);
        let is_unclear = matches!(code, Code::Service(kind) if kind.is_unclear());
        let recorded = (is_midway || !is_unclear).then_some(is_midway);
        (problem.setting, problem.remedy, problem.recorded) = (setting, remedy, recorded);
        problem
    }
}

/// The status of a refusal.
fn status(code: Code) -> StatusCode {
    match code {
        Code::NoSuchTask | Code::NoSuchRun | Code::NoSuchOperation => StatusCode::NOT_FOUND,
        Code::TaskExists
        | Code::TaskDeleting
        | Code::TaskPaused
        | Code::RunLive
        | Code::RunEnded
        | Code::Changed
        | Code::NothingFailed
        | Code::NoReceiver
        | Code::OtherOptions
        | Code::OtherRelease => StatusCode::CONFLICT,
        Code::TooMany => StatusCode::TOO_MANY_REQUESTS,
        Code::InvalidSetting
        | Code::InvalidDefinition
        | Code::FixedSetting
        | Code::QueueShared
        | Code::KeyReused
        | Code::InvalidRequest => StatusCode::UNPROCESSABLE_ENTITY,
        // The caller's text is too large for a record.
        Code::Service(ErrorKind::Unrepresentable) => StatusCode::UNPROCESSABLE_ENTITY,
        // A service of the fleet failed, not the console: the same request may succeed later.
        Code::Service(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}
