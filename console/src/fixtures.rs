//! The API over a fleet in a folder, without its server.

use std::path::Path;

use adapters::open::FleetBackend;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request};
use axum::middleware::from_fn_with_state;
use serde_json::Value;
use shared::config::FleetFile;
use shared::telemetry::endpoint::Health;
use tower::ServiceExt as _;
use utoipa::openapi::OpenApi;

use crate::access::{Guard, require_role};
use crate::api::features::{Features, LoginKind, Me, Mode, Role};
use crate::guard::Address;
use crate::{Console, Sessions, Setup, document};

/// The API of an empty fleet with its roles. Requests say who sends them by an extension.
pub async fn api(folder: &Path) -> (Router, OpenApi) {
    let backend = FleetBackend::open(&FleetFile::of_folder("f", folder)).await.unwrap();
    let features = Features {
        version: "0".into(),
        fleet: "f".into(),
        mode: Mode::Folder,
        login: LoginKind::Token,
        scales_machines: false,
        serves_tasks: false,
    };
    let me = Me { name: "ada".into(), role: Role::Admin };
    let setup = Setup {
        backend,
        features,
        address: Address::local(([127, 0, 0, 1], 7300).into()),
        sessions: Sessions::without_token(me),
        health: Health::default(),
        oidc: None,
    };
    let (routes, document) = document::routes().split_for_parts();
    let guarded = routes.route_layer(from_fn_with_state(Guard::of(&document), require_role));
    (guarded.with_state(Console::new(setup)), document)
}

/// A request of somebody.
pub struct Sent<'a> {
    pub router: &'a Router,
    pub role: Option<Role>,
}

impl Sent<'_> {
    /// Sends it: status, headers and the body as JSON.
    pub async fn send(&self, line: &str, headers: &[(&str, &str)], body: &str) -> (u16, HeaderMap, Value) {
        let (method, path) = line.split_once(' ').unwrap();
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !body.is_empty() && !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header("content-type", "application/json");
        }
        let mut request = request.body(Body::from(body.to_owned())).unwrap();
        if let Some(role) = self.role {
            request.extensions_mut().insert(Me { name: "ada".into(), role });
        }
        let answer = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = answer.into_parts();
        let bytes = to_bytes(body, 1 << 20).await.unwrap();
        (head.status.as_u16(), head.headers, serde_json::from_slice(&bytes).unwrap_or_default())
    }
}
