use axum::Router;

use super::*;
use crate::document;
use crate::fixtures::{Sent, api};

/// The status of an operation for somebody with this role.
async fn status(router: &Router, method: &Method, path: &str, role: Option<Role>) -> u16 {
    let path: Vec<&str> = path.split('/').map(|part| if part.starts_with('{') { "x" } else { part }).collect();
    Sent { router, role }.send(&format!("{method} {}", path.join("/")), &[], "").await.0
}

#[tokio::test]
async fn each_operation_is_open_to_its_roles_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (router, document) = api(folder.path()).await;
    let mut walked = 0;
    for (path, item) in document.paths.paths.iter().filter(|(path, _)| !path.ends_with("/stream")) {
        for (method, operation) in operations(item) {
            let access = Access::of(&method, operation.operation_id.as_deref().unwrap());
            for role in [None, Some(Role::Viewer), Some(Role::Operator), Some(Role::Admin)] {
                let status = status(&router, &method, path, role).await;
                let what = format!("{method} {path} as {role:?}: {status}");
                match (access, role) {
                    (Access::Open, _) => assert_ne!(status, 403, "{what}"),
                    (Access::From(_), None) => assert_eq!(status, 401, "{what}"),
                    (Access::From(needed), Some(role)) if role < needed => assert_eq!(status, 403, "{what}"),
                    (Access::From(_), Some(_)) => assert!(![401, 403].contains(&status), "{what}"),
                }
                walked += 1;
            }
        }
    }
    assert!(walked > 100, "{walked}");
}
#[tokio::test]
async fn regression_an_operator_begins_no_run_that_deletes_more() {
    let folder = tempfile::tempdir().unwrap();
    let (router, _) = api(folder.path()).await;
    let task = r#"{"task":"t","source":{"location":"/a"},"destination":{"location":"/b"}}"#;
    let sent = |role| Sent { router: &router, role: Some(role) };
    assert_eq!(sent(Role::Admin).send("POST /api/v1/tasks", &[], task).await.0, 201);
    let begin = async |role: Role, overrides: &str| {
        let body = format!("{{\"supersede\":true,\"overrides\":{overrides}}}");
        sent(role).send("POST /api/v1/tasks/t/runs", &[], &body).await.0
    };
    for overrides in [r#"{"delete":true}"#, r#"{"max_delete":9}"#, r#"{"filters":[]}"#, r#"{"min_age":1}"#] {
        assert_eq!(begin(Role::Operator, overrides).await, 403, "{overrides}");
        assert_eq!(begin(Role::Admin, overrides).await, 202, "{overrides}");
    }
    assert_eq!(begin(Role::Operator, r#"{"delete":false,"compare":"always"}"#).await, 202);
}

#[test]
fn the_document_shows_the_roles_of_the_table() {
    let document = document::document();
    let mut shown = Vec::new();
    for item in document.paths.paths.values() {
        for (method, operation) in operations(item) {
            let id = operation.operation_id.clone().unwrap();
            let role = operation.extensions.as_ref().and_then(|extensions| extensions.get("x-role"));
            assert_eq!(role.and_then(|role| role.as_str()), Some(Access::of(&method, &id).as_str()), "{id}");
            shown.push(id);
        }
    }
    let stale: Vec<_> = TABLE.iter().filter(|(id, _)| !shown.iter().any(|shown| shown == id)).collect();
    assert!(stale.is_empty(), "{stale:?}");
}

#[test]
fn an_operation_that_nobody_listed_is_for_administrators() {
    assert_eq!(Access::of(&Method::POST, "new_operation"), Access::From(Role::Admin));
    assert_eq!(Access::of(&Method::GET, "new_operation"), Access::From(Role::Viewer));
    let guard = Guard(Arc::default());
    assert_eq!(guard.access(&Method::GET, "/unknown"), Access::From(Role::Admin));
}
