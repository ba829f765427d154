//! Who may do what: one table, by which requests are let through, and which the OpenAPI document shows as `x-role`.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use utoipa::openapi::OpenApi;
use utoipa::openapi::path::{Operation, PathItem};

use crate::api::features::{Me, Role};
use crate::problem::Problem;

/// Who may send a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody: it says nothing of the fleet, or signs somebody in.
    Open,
    /// Those with this role, or one that may do more.
    From(Role),
}

/// The operations that change something or are open. Others that change something need the role `admin`; those that
/// only read need `viewer`.
const TABLE: &[(&str, Access)] = &[
    ("get_features", Access::Open),
    ("login", Access::Open),
    ("logout", Access::Open),
    ("start_login", Access::Open),
    ("finish_login", Access::Open),
    ("check_definition", Access::From(Role::Viewer)),
    ("pause_task", Access::From(Role::Operator)),
    ("resume_task", Access::From(Role::Operator)),
    ("limit_task", Access::From(Role::Operator)),
    ("begin_run", Access::From(Role::Operator)),
    ("cancel_run", Access::From(Role::Operator)),
    ("retry_run", Access::From(Role::Operator)),
    ("verify_task", Access::From(Role::Operator)),
    ("notify_test", Access::From(Role::Operator)),
    ("redrive_dead_letters", Access::From(Role::Operator)),
    // Probes and plans take any definition: workers then use the credentials that it names, at any endpoint.
    ("probe", Access::From(Role::Admin)),
    ("plan", Access::From(Role::Admin)),
    ("create_task", Access::From(Role::Admin)),
    ("edit_task", Access::From(Role::Admin)),
    ("delete_task", Access::From(Role::Admin)),
    ("set_events", Access::From(Role::Admin)),
    ("purge_dead_letters", Access::From(Role::Admin)),
];

impl Access {
    /// Who may call an operation of the document.
    pub fn of(method: &Method, operation_id: &str) -> Access {
        match TABLE.iter().find(|(id, _)| *id == operation_id) {
            Some((_, access)) => *access,
            None if *method == Method::GET => Access::From(Role::Viewer),
            None => Access::From(Role::Admin),
        }
    }

    /// The word in the document.
    pub fn as_str(self) -> &'static str {
        match self {
            Access::Open => "none",
            Access::From(Role::Viewer) => "viewer",
            Access::From(Role::Operator) => "operator",
            Access::From(Role::Admin) => "admin",
        }
    }

    /// Lets somebody through, or says why not.
    fn check(self, me: Option<&Me>) -> Result<(), Problem> {
        match (self, me) {
            (Access::Open, _) => Ok(()),
            (Access::From(_), None) => Err(Problem::signed_out()),
            (Access::From(role), Some(me)) if me.role >= role => Ok(()),
            (Access::From(_), Some(_)) => {
                let detail = format!("this needs the role {}", self.as_str());
                let remedy = "ask an administrator of the fleet for the role";
                Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", detail).with_remedy(remedy))
            }
        }
    }
}

/// Lets requests to the operations of a document through by role. Clones share the table.
#[derive(Debug, Clone)]
pub struct Guard(Arc<HashMap<(Method, String), Access>>);

impl Guard {
    /// The guard of these operations.
    pub fn of(document: &OpenApi) -> Guard {
        let mut table = HashMap::new();
        for (path, item) in &document.paths.paths {
            for (method, operation) in operations(item) {
                let id = operation.operation_id.as_deref().unwrap_or_default();
                let access = Access::of(&method, id);
                table.insert((method, path.clone()), access);
            }
        }
        Guard(Arc::new(table))
    }

    /// Who may send a request. What the document does not have needs the role `admin`.
    fn access(&self, method: &Method, path: &str) -> Access {
        let method = if *method == Method::HEAD { Method::GET } else { method.clone() };
        self.0.get(&(method, path.to_owned())).copied().unwrap_or(Access::From(Role::Admin))
    }
}

/// The layer of the API's routes. Who is signed in stands in the request's extensions as [`Me`].
pub async fn require_role(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    match guard.access(request.method(), path).check(request.extensions().get::<Me>()) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// The operations of a path.
pub fn operations(item: &PathItem) -> Vec<(Method, &Operation)> {
    let all = [
        (Method::GET, &item.get),
        (Method::POST, &item.post),
        (Method::PUT, &item.put),
        (Method::PATCH, &item.patch),
        (Method::DELETE, &item.delete),
    ];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_ref()?))).collect()
}

#[cfg(test)]
mod tests;
