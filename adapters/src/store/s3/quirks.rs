//! Changes to requests and answers that some providers need, and to some keys that the SDK would refuse.

use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeDeserializationInterceptorContextMut, BeforeTransmitInterceptorContextMut,
};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::http::Headers;

use super::encoding::decode;
use super::provider::Provider;

/// Stands before a key that the SDK refuses: it takes a key of white space only for an empty one. No text has
/// this character; a key that begins with it nevertheless gets one more.
const STAND_IN: char = '\u{10ffff}';

/// Its encoding in URLs.
const STAND_IN_ENCODED: &str = "%F4%8F%BF%BF";

/// The key for the SDK; [`Quirks`] restores the original.
pub(super) fn stand_in(key: String) -> String {
    let is_refused = key.trim_start_matches(STAND_IN).trim().is_empty();
    if is_refused { format!("{STAND_IN}{key}") } else { key }
}

/// Sees every request and every answer of the client.
#[derive(Debug)]
pub(super) struct Quirks {
    provider: Provider,
    bucket: String,
    path_style: bool,
}

impl Quirks {
    /// For one bucket's requests.
    pub fn of(provider: Provider, bucket: &str, path_style: bool) -> Quirks {
        Quirks { provider, bucket: bucket.to_owned(), path_style }
    }

    /// The URL with the original key, if it has a stand-in.
    fn with_key(&self, url: &str) -> Option<String> {
        let host_at = url.find("://")? + 3;
        let path_at = host_at + url[host_at..].find('/')?;
        let is_virtual = !self.path_style
            && url[host_at..path_at].strip_prefix(&self.bucket).is_some_and(|domain| domain.starts_with('.'));
        let key_at = path_at + if is_virtual { 1 } else { self.bucket.len() + 2 };
        let (key, query) = url.get(key_at..)?.split_once('?').unwrap_or((url.get(key_at..)?, ""));
        let rest = decode(key.strip_prefix(STAND_IN_ENCODED)?)?;
        let has_stand_in = rest.trim_start_matches(STAND_IN).trim().is_empty();
        let query = if query.is_empty() { String::new() } else { format!("?{query}") };
        has_stand_in.then(|| format!("{}{}{query}", &url[..key_at], &key[STAND_IN_ENCODED.len()..]))
    }
}

impl Intercept for Quirks {
    fn name(&self) -> &'static str {
        "quirks"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(url) = self.with_key(context.request().uri()) {
            context.request_mut().set_uri(url)?;
        }
        if !self.provider.profile().accepts_x_id {
            let plain = without_x_id(context.request().uri());
            context.request_mut().set_uri(plain)?;
        }
        Ok(())
    }

    /// Runs after signing: the signature does not cover the header that is added here.
    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        settings: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let reads = settings.load::<Metadata>().is_some_and(|call| matches!(call.name(), "GetObject" | "HeadObject"));
        if let Some(encoding) = self.provider.profile().accept_encoding.filter(|_| reads) {
            context.request_mut().headers_mut().insert("accept-encoding", encoding);
        }
        Ok(())
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.provider.translate_checksum(context.response_mut().headers_mut())
    }
}

impl Provider {
    /// Adds a CRC-32C that the provider has in a header of its own, in Amazon's header.
    pub(super) fn translate_checksum(&self, headers: &mut Headers) -> Result<(), BoxError> {
        let Some(header) = self.profile().crc32c_header else { return Ok(()) };
        let hashes = headers.get_all(header).flat_map(|text| text.split(','));
        let crc32c = hashes.filter_map(|hash| hash.trim().strip_prefix("crc32c=")).next().map(str::to_owned);
        if let Some(crc32c) = crc32c {
            headers.try_insert("x-amz-checksum-crc32c", crc32c)?;
            headers.try_insert("x-amz-checksum-type", "FULL_OBJECT")?;
        }
        Ok(())
    }
}

/// The URL without the SDK's name for the operation. Keys in it hold no bare `?` or `&`.
fn without_x_id(url: &str) -> String {
    let Some((path, query)) = url.split_once('?') else { return url.to_owned() };
    let kept: Vec<&str> = query.split('&').filter(|pair| !pair.starts_with("x-id=")).collect();
    if kept.is_empty() { path.to_owned() } else { format!("{path}?{}", kept.join("&")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_white_space_and_all_others_are_sent_unchanged() {
        use super::super::encoding::encode_path;
        use shared::location::Scheme;
        use shared::provider::ProviderProfile;
        let provider = Provider::new(ProviderProfile::of(Scheme::S3, None, None));
        for key in [" ", "\u{3000}\n", "\u{10ffff}", "\u{10ffff} ", "a", "\u{10ffff}a", " a", "b/\u{10ffff} ", "/ "] {
            for (base, path_style) in [("https://h/b/", true), ("https://b.h/", false), ("https://h/b/", false)] {
                let sent = stand_in(key.to_owned());
                assert!(!sent.trim().is_empty());
                let url = format!("{base}{}?x= ", encode_path(&sent));
                let quirks = Quirks::of(provider.clone(), "b", path_style);
                let spelt = quirks.with_key(&url).unwrap_or(url);
                assert_eq!(spelt, format!("{base}{}?x= ", encode_path(key)), "{key:?}");
            }
        }
        assert_eq!(Quirks::of(provider, "b", true).with_key("https://h/b"), None);
    }

    #[test]
    fn only_the_name_of_the_operation_is_taken_out_of_a_url() {
        for (url, plain) in [
            ("https://h/b/k", "https://h/b/k"),
            ("https://h/b/k?x-id=GetObject", "https://h/b/k"),
            (
                "https://h/b/x-id=1?partNumber=1&x-id=UploadPart&uploadId=x-id=2",
                "https://h/b/x-id=1?partNumber=1&uploadId=x-id=2",
            ),
        ] {
            assert_eq!(without_x_id(url), plain);
        }
    }
}
