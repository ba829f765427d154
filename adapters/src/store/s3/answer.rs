//! Checks that an answer in XML is complete, and bounds its size.
//!
//! The SDK reads tag by tag. It takes the end of the text, or a garbled text between two tags, for the end of
//! the document. A listing that was cut off or garbled behind a tag would look like a shorter listing, and its
//! missing keys like deleted objects. So the whole text is read first, and must be XML.

use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    AfterDeserializationInterceptorContextRef, BeforeDeserializationInterceptorContextMut,
};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_types::body::SdkBody;
use http_body_util::Limited;
use xmlparser::{ElementEnd, Token, Tokenizer};

/// Longest answer that is read into memory, bytes. A page of 1,000 keys of 1,024 bytes, each encoded as `%XX`,
/// has some 4 MB in all.
pub(super) const MAX_ANSWER_BYTES: usize = 16 << 20;

/// Calls whose success S3 answers without a body (Amazon S3 API Reference, "Response Syntax" of each).
const WITHOUT_DOCUMENT: [&str; 4] = ["DeleteObject", "AbortMultipartUpload", "PutObject", "UploadPart"];

/// Sees every answer of the client.
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
        // Only an object's bytes are not buffered in memory.
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
        settings: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Some(text) = context.response().body().bytes() else { return Ok(()) };
        // A proxy's page would pass for an empty answer.
        let has_no_document = settings.load::<Metadata>().is_some_and(|call| WITHOUT_DOCUMENT.contains(&call.name()));
        if has_no_document && context.output_or_error().is_ok() && text.trim_ascii_start().starts_with(b"<") {
            return Err("a document where S3 answers without one".into());
        }
        match check(text) {
            // An error says more than the fault of its text, except for a key that XML cannot represent.
            Err(fault) if context.output_or_error().is_ok() || fault.is_character => Err(fault.into()),
            _ => Ok(()),
        }
    }
}

/// Why a text is not XML, and where.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(super) struct Fault {
    message: String,
    /// Whether it is a character that is illegal in XML.
    pub is_character: bool,
}

/// Checks that a text that begins as XML is well-formed up to the end of its outermost element.
pub(super) fn check(text: &[u8]) -> Result<(), Fault> {
    let fault = |message: String| Err(Fault { message, is_character: false });
    let begins = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text).trim_ascii_start().starts_with(b"<");
    if !begins {
        return Ok(());
    }
    let Ok(text) = std::str::from_utf8(text) else { return fault("the answer is not UTF-8".to_owned()) };
    let mut open: Vec<&str> = Vec::new();
    for token in Tokenizer::from(text) {
        match token {
            Ok(Token::ElementStart { span, .. }) => open.push(&span.as_str()[1..]),
            Ok(Token::ElementEnd { end: ElementEnd::Empty, .. }) => drop(open.pop()),
            Ok(Token::ElementEnd { end: ElementEnd::Close(prefix, name), .. }) => {
                let (prefix, name) = (prefix.as_str(), name.as_str());
                let name = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}:{name}") };
                if open.pop() != Some(name.as_str()) {
                    return fault(format!("the XML closes {name:?}, but another element is open"));
                }
            }
            Ok(_) => {}
            Err(error) => return Err(unreadable(text, &error)),
        }
    }
    match open.last() {
        Some(name) => fault(format!("the XML ends inside the element {name:?}")),
        None if !text.contains("</") && !text.contains("/>") => fault("the XML has no element".to_owned()),
        None => Ok(()),
    }
}

/// The fault that stopped the tokenizer. An illegal character is shown with its surroundings: in a listing that
/// is not encoded, with the key that cannot be listed.
fn unreadable(text: &str, error: &xmlparser::Error) -> Fault {
    let is_illegal = |c: char| c < ' ' && !matches!(c, '\t' | '\n' | '\r') || matches!(c, '\u{fffe}' | '\u{ffff}');
    let Some(at) = text.find(is_illegal) else {
        return Fault { message: format!("the answer is not valid XML: {error}"), is_character: false };
    };
    let begin = text[..at].rfind('>').map_or(0, |before| before + 1);
    let end = text[at..].find('<').map_or(text.len(), |after| at + after);
    let around: String = text[begin..end].chars().take(1100).collect();
    let message = format!(
        "the answer contains a character that is illegal in XML, near {around:?}: the store cannot list this key; rename the object or remove it"
    );
    Fault { message, is_character: true }
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
            assert_eq!(check(whole.as_bytes()), Ok(()), "{whole:?}");
        }
        for cut in
            ["<", "<A", "<A>", "<?xml version=\"1.0\"?>", "<A><B/>", "<A><B></B>", "<A></A", "<A><A2></A2>", "<>"]
        {
            assert!(check(cut.as_bytes()).is_err(), "{cut:?}");
        }
    }

    #[test]
    fn garbled_xml_is_a_fault_with_its_position() {
        for garbled in ["<A><B/><<C/></A>", "<A><B></C></A>", "<A><B></A>", "<A>\u{1}<B/></A>", "<A><B x=></B></A>"] {
            assert!(check(garbled.as_bytes()).is_err(), "{garbled:?}");
        }
        let fault = check("<A><K>good</K><K>bad\u{1}key</K></A>".as_bytes()).unwrap_err();
        assert!(fault.is_character && fault.message.contains("\"bad\\u{1}key\""), "{fault}");
        assert!(check(b"<A>\xff</A>").is_err());
    }
}
