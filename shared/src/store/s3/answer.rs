//! Answers in XML, taken only whole and only up to a size.
//!
//! The SDK reads tags as they come and takes the end of the text for the end of the document: a
//! listing that was cut off behind a tag would look like a shorter one, and what it lacks like deleted.

use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    AfterDeserializationInterceptorContextRef, BeforeDeserializationInterceptorContextMut,
};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_types::body::SdkBody;
use http_body_util::Limited;

/// Longest answer that is read into memory, bytes. A page of 1,000 keys of 1,024 bytes, each written
/// as `%XX`, has some 4 MB with all the rest.
const MAX_ANSWER_BYTES: usize = 16 << 20;

/// The client shows it every answer.
#[derive(Debug)]
pub(super) struct WholeAnswers;

impl Intercept for WholeAnswers {
    fn name(&self) -> &'static str {
        "whole answers"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        settings: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // An object's bytes are the only body that is not held in memory.
        if settings.load::<Metadata>().is_none_or(|call| call.name() != "GetObject") {
            let body = std::mem::replace(context.response_mut().body_mut(), SdkBody::taken());
            *context.response_mut().body_mut() = SdkBody::from_body_1_x(Limited::new(body, MAX_ANSWER_BYTES));
        }
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        match context.response().body().bytes() {
            Some(text) if context.output_or_error().is_ok() && !is_whole(text) => {
                Err("the XML ends before its last tag".into())
            }
            _ => Ok(()),
        }
    }
}

/// Whether a text that begins as XML does ends with the end of its outermost element.
fn is_whole(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    let text = text.trim_start_matches('\u{feff}').trim();
    if !text.starts_with('<') {
        return true;
    }
    let root = text.match_indices('<').map(|(at, _)| &text[at + 1..]).find(|rest| !rest.starts_with(['?', '!']));
    let Some(root) = root else { return false };
    let name = root.split(|c: char| c.is_whitespace() || matches!(c, '>' | '/')).next().unwrap_or_default();
    let end = text.strip_suffix('>').unwrap_or_default().trim_end();
    let is_empty_element = end.ends_with('/') && root.len() <= end.len() && !root[..root.len() - 1].contains('>');
    is_empty_element || end.strip_suffix(name).is_some_and(|rest| !name.is_empty() && rest.ends_with("</"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xml_is_whole_when_its_outermost_element_is_closed() {
        for whole in [
            "",
            "OK",
            "<A></A>",
            "<A/>",
            "<A b='c' />",
            "\u{feff}<?xml version=\"1.0\"?>\n<!-- B -->\n<A x=\"1\"><B/></A >\n",
        ] {
            assert!(is_whole(whole.as_bytes()), "{whole:?}");
        }
        for cut in
            ["<", "<A", "<A>", "<?xml version=\"1.0\"?>", "<A><B/>", "<A><B></B>", "<A></A", "<A><A2></A2>", "<>"]
        {
            assert!(!is_whole(cut.as_bytes()), "{cut:?}");
        }
    }
}
