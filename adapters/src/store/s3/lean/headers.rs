//! Headers of answers.

use std::collections::HashMap;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::http::Headers;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

/// Before the names of user metadata.
pub(super) const METADATA: &str = "x-amz-meta-";

/// A header's text; an error if it is not UTF-8, with the header's name as the SDK spells it.
pub(super) fn text(headers: &Headers, name: &str) -> Result<Option<String>, BoxError> {
    match headers.try_get(name) {
        None => Ok(None),
        Some(Ok(text)) => Ok(Some(text.to_owned())),
        Some(Err(_)) => Err(format!("header `{name}` is not UTF-8").into()),
    }
}

/// A header's number.
pub(super) fn number<T: std::str::FromStr>(headers: &Headers, name: &str) -> Result<Option<T>, BoxError> {
    let Some(text) = text(headers, name)? else { return Ok(None) };
    text.trim().parse().map(Some).map_err(|_| format!("header `{name}` is no number: {text:?}").into())
}

/// A header's time.
pub(super) fn time(headers: &Headers, name: &str) -> Result<Option<DateTime>, BoxError> {
    let Some(text) = text(headers, name)? else { return Ok(None) };
    DateTime::from_str(&text, Format::HttpDate).map(Some).map_err(|error| format!("header `{name}`: {error}").into())
}

/// The user metadata; `None` without any.
pub(super) fn metadata(headers: &Headers) -> Result<Option<HashMap<String, String>>, BoxError> {
    let mut found: Option<HashMap<String, String>> = None;
    for (header, value) in headers.iter_bytes() {
        let Some(name) = header.strip_prefix(METADATA) else { continue };
        let value = std::str::from_utf8(value).map_err(|_| format!("header `{header}` is not UTF-8"))?;
        let values = found.get_or_insert_with(HashMap::new);
        if values.insert(name.to_owned(), value.to_owned()).is_some() {
            return Err(format!("header `{header}` comes twice").into());
        }
    }
    Ok(found)
}
