//! The OpenAPI document of the API.

use axum::http::Method;
use utoipa::OpenApi as _;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Components, Content, OpenApi, Ref, RefOr, Required, Response};
use utoipa_axum::router::OpenApiRouter;

use crate::access::Access;
use crate::api::failures::FailureGrouping;
use crate::guard::PAGE_SECRET;
use crate::problem::{PROBLEM_JSON, Problem};
use crate::{Console, change, read};

/// Where all paths of the API begin.
pub const BASE: &str = "/api/v1";

/// Operations whose body has optional fields alone: no body is one without fields.
const MAY_LACK_BODY: [&str; 4] = ["begin_run", "limit_task", "retry_run", "verify_task"];

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Flotilla",
        description = "Creates, watches and steers the replications of a fleet.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    servers((url = "/", description = "The console itself")),
    components(schemas(Problem, FailureGrouping))
)]
struct Head;

/// All routes of the API with their description.
pub fn routes() -> OpenApiRouter<Console> {
    let api = read::routes().merge(change::routes());
    OpenApiRouter::with_openapi(Head::openapi()).nest(BASE, api)
}

/// The document.
pub fn document() -> OpenApi {
    complete(routes().into_openapi())
}

/// Adds what all operations have: the answers to requests that are refused.
pub fn complete(mut document: OpenApi) -> OpenApi {
    add_schemes(document.components.get_or_insert_default());
    for item in document.paths.paths.values_mut() {
        let operations = [
            (Method::GET, &mut item.get),
            (Method::POST, &mut item.post),
            (Method::PUT, &mut item.put),
            (Method::PATCH, &mut item.patch),
            (Method::DELETE, &mut item.delete),
        ];
        for (method, operation) in operations {
            if let Some(operation) = operation {
                add_problems(operation);
                add_role(&method, operation);
                let may_lack_body = operation.operation_id.as_deref().is_some_and(|id| MAY_LACK_BODY.contains(&id));
                if let Some(RefOr::T(body)) = operation.request_body.as_mut().filter(|_| may_lack_body) {
                    body.required = Some(Required::False);
                }
            }
        }
    }
    document
}

/// Who may call it: the same table decides about requests.
fn add_role(method: &Method, operation: &mut Operation) {
    let access = Access::of(method, operation.operation_id.as_deref().unwrap_or_default());
    operation.extensions.get_or_insert_default().insert("x-role".to_owned(), access.as_str().into());
    let none: [&str; 0] = [];
    let session = SecurityRequirement::new("session", none);
    let page = if *method == Method::GET { session } else { session.add("page", none) };
    operation.security = Some(match access {
        Access::Open => Vec::new(),
        Access::From(_) => vec![page, SecurityRequirement::new("bearer", none)],
    });
}

/// How a request shows who sends it.
fn add_schemes(components: &mut Components) {
    let cookie =
        ApiKeyValue::with_description("flotilla-7300", "The cookie of POST /login; its name ends with the port");
    let page = ApiKeyValue::with_description(PAGE_SECRET, "The text `session` of the answer of POST /login");
    let schemes = [
        ("session", SecurityScheme::ApiKey(ApiKey::Cookie(cookie))),
        ("page", SecurityScheme::ApiKey(ApiKey::Header(page))),
        ("bearer", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer))),
    ];
    components.security_schemes.extend(schemes.map(|(name, scheme)| (name.to_owned(), RefOr::T(scheme))));
}

fn add_problems(operation: &mut Operation) {
    for (status, description) in [("4XX", "The request is refused"), ("5XX", "The request could not be carried out")] {
        let content = Content::new(Some(Ref::from_schema_name("Problem")));
        let mut response = Response::new(description);
        response.content.insert(PROBLEM_JSON.to_owned(), RefOr::T(content));
        operation.responses.responses.insert(status.to_owned(), RefOr::T(response));
    }
}

/// The document as it is kept in the repository.
pub fn text() -> String {
    let mut text = document().to_pretty_json().expect("the document is representable as JSON");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kept_document_is_that_of_the_code() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
        if std::env::var_os("FLOTILLA_WRITE_OPENAPI").is_some() {
            std::fs::write(path, text()).unwrap();
        }
        let kept = std::fs::read_to_string(path).unwrap_or_default();
        assert!(kept == text(), "run the test with FLOTILLA_WRITE_OPENAPI=1, and commit console/openapi.json");
    }
}
