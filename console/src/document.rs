//! The OpenAPI document of the API.

use axum::http::Method;
use utoipa::OpenApi as _;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{Content, OpenApi, Ref, RefOr, Response};
use utoipa_axum::router::OpenApiRouter;

use crate::access::Access;
use crate::problem::{PROBLEM_JSON, Problem};
use crate::{Console, change, read};

/// Where all paths of the API begin.
pub const BASE: &str = "/api/v1";

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Flotilla",
        description = "Creates, watches and steers the replications of a fleet.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    servers((url = "/", description = "The console itself")),
    components(schemas(Problem))
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
            }
        }
    }
    document
}

/// Who may call it: the same table decides about requests.
fn add_role(method: &Method, operation: &mut Operation) {
    let access = Access::of(method, operation.operation_id.as_deref().unwrap_or_default());
    operation.extensions.get_or_insert_default().insert("x-role".to_owned(), access.as_str().into());
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
