//! The ways to ask for a page of a listing, and which of them the store understands.

use aws_sdk_s3::types::{CommonPrefix, EncodingType, Object};

use super::Bucket;
use super::page::Ask;
use shared::retry::LIST;
use shared::{Error, ErrorKind, Result};

/// How a page is asked for. A listing goes on in the mode in which it began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct ListMode {
    /// By `ListObjectsV2`, which goes on by a token; else by `ListObjects`, which goes on after a key.
    pub by_v2: bool,
    /// With keys encoded, by which any key passes through XML.
    pub encoded: bool,
}

/// Where a later page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Next {
    /// How the first page was asked for.
    pub list_mode: ListMode,
    /// A token, or the key in the bucket after which the page begins.
    pub place: String,
}

/// A page as it came.
#[derive(Debug)]
pub(super) struct Answer {
    /// How it was asked for.
    pub list_mode: ListMode,
    /// Whether it is one of `ListObjectsV2`: a store that does not know that takes it for `ListObjects`.
    is_v2: bool,
    /// Whether keys are encoded: a store may be asked to and not do so.
    pub encoded: bool,
    /// Whether the listing goes on.
    pub is_truncated: bool,
    /// Where the next page begins, if the store says so.
    pub next: Option<String>,
    /// Objects.
    pub objects: Vec<Object>,
    /// Folders.
    pub folders: Vec<CommonPrefix>,
}

impl Bucket {
    /// One page. The first page of a listing is asked for in the best mode that the store may understand, and
    /// where it does not, in the next one: at last as all stores have understood since there are any.
    pub(super) async fn list_once(&self, ask: &Ask, keys: i32) -> Result<Answer> {
        if let Some(next) = &ask.next {
            return self.list_by(next.list_mode, ask, keys).await;
        }
        let (v2, encoding) = (self.provider.lists_v2(), self.provider.encodes_keys());
        let best = ListMode { by_v2: v2.is_asked_for(), encoded: encoding.is_asked_for() };
        let plainer = [
            (best.by_v2 && !v2.is_sure()).then_some(ListMode { by_v2: false, ..best }),
            (best.encoded && !encoding.is_sure()).then_some(ListMode { by_v2: v2.is_sure(), encoded: false }),
        ];
        let mut list_mode = best;
        for plainer in plainer.into_iter().flatten() {
            match self.list_by(list_mode, ask, keys).await {
                // The answer may have told the kind of store, and so that this is how it lists.
                Ok(answer) if list_mode.by_v2 && !answer.is_v2 && !self.provider.lists_v2().is_sure() => {}
                Ok(answer) => return Ok(self.learned_from(best, answer)),
                Err(error) if matches!(error.kind(), ErrorKind::Invalid | ErrorKind::Unsupported) => {}
                Err(error) => return Err(error),
            }
            list_mode = plainer;
        }
        Ok(self.learned_from(best, self.list_by(list_mode, ask, keys).await?))
    }

    fn learned_from(&self, best: ListMode, answer: Answer) -> Answer {
        match answer.list_mode.by_v2 {
            true if answer.is_v2 => self.provider.lists_v2().understood(),
            false if best.by_v2 => self.provider.lists_v2().refused(),
            _ => {}
        }
        match answer.list_mode.encoded {
            true if answer.encoded => self.provider.encodes_keys().understood(),
            false if best.encoded => self.provider.encodes_keys().refused(),
            _ => {}
        }
        answer
    }

    async fn list_by(&self, list_mode: ListMode, ask: &Ask, keys: i32) -> Result<Answer> {
        let prefix = self.location.full_key(&ask.prefix);
        let delimiter = ask.by_folder.then(|| "/".to_owned());
        let encoding = list_mode.encoded.then_some(EncodingType::Url);
        let after = ask.after.as_deref().map(|after| self.location.full_key(after));
        let place = ask.next.as_ref().map(|next| next.place.clone());
        let is_encoded = |kind: Option<EncodingType>| kind == Some(EncodingType::Url);
        if list_mode.by_v2 {
            let request = self.client.list_objects_v2().bucket(self.name()).prefix(prefix).max_keys(keys);
            let request = request.set_delimiter(delimiter).set_encoding_type(encoding);
            let request = request.set_start_after(after.filter(|_| place.is_none())).set_continuation_token(place);
            let page =
                request.send().await.map_err(|error| self.unlisted(ask, self.error(LIST.verb, &ask.prefix, error)))?;
            return Ok(Answer {
                list_mode,
                is_v2: page.key_count.is_some()
                    || page.start_after.is_some()
                    || page.continuation_token.is_some()
                    || page.next_continuation_token.is_some(),
                encoded: is_encoded(page.encoding_type),
                // A token says that there is more, where a store does not.
                is_truncated: page.is_truncated.unwrap_or(page.next_continuation_token.is_some()),
                next: page.next_continuation_token,
                objects: page.contents.unwrap_or_default(),
                folders: page.common_prefixes.unwrap_or_default(),
            });
        }
        let request = self.client.list_objects().bucket(self.name()).prefix(prefix).max_keys(keys);
        let request = request.set_delimiter(delimiter).set_encoding_type(encoding).set_marker(place.or(after));
        let page =
            request.send().await.map_err(|error| self.unlisted(ask, self.error(LIST.verb, &ask.prefix, error)))?;
        Ok(Answer {
            list_mode,
            is_v2: false,
            encoded: is_encoded(page.encoding_type),
            is_truncated: page.is_truncated == Some(true),
            next: page.next_marker.filter(|marker| !marker.is_empty()),
            objects: page.contents.unwrap_or_default(),
            folders: page.common_prefixes.unwrap_or_default(),
        })
    }

    /// A listing's 404 can only mean the bucket, whatever the code.
    fn unlisted(&self, ask: &Ask, error: Error) -> Error {
        match error.kind() {
            ErrorKind::NotFound => {
                Error::new(ErrorKind::NoSuchContainer, LIST.verb, self.subject(&ask.prefix), error.message())
            }
            _ => error,
        }
    }
}
