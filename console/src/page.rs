//! The web page, embedded in the program.

use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;

/// The built page. Its sources are in `console/ui`; CI compares it with a fresh build.
#[derive(RustEmbed)]
#[folder = "ui/dist"]
#[allow_missing = true]
struct Files;

const INDEX: &str = "index.html";

/// A file of the page. Each path that is none of them is an address within the page.
pub async fn page(uri: Uri) -> Response {
    let path = uri.path().trim_start_matches('/');
    if path.starts_with("api/") {
        return StatusCode::NOT_FOUND.into_response();
    }
    // The names of files under `assets` change with their contents.
    let (file, cache) = match Files::get(path) {
        Some(file) if path.starts_with("assets/") => (Some((path, file)), "public, max-age=31536000, immutable"),
        Some(file) => (Some((path, file)), "no-cache"),
        None if path.starts_with("assets/") => (None, "no-store"),
        None => (Files::get(INDEX).map(|file| (INDEX, file)), "no-cache"),
    };
    match file {
        Some((name, file)) => {
            ([(header::CONTENT_TYPE, media_type(name)), (header::CACHE_CONTROL, cache)], file.data).into_response()
        }
        None => (StatusCode::NOT_FOUND, "there is no such file\n").into_response(),
    }
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("woff2") => "font/woff2",
        Some("json") => "application/json",
        _ => "application/octet-stream",
    }
}
