//! The source's state at many keys, read from pages of its listing: one LIST in place of a HEAD a key.
//!
//! A page proves that a key is absent if the store lists in byte order and its listings are strongly consistent
//! ([`Capabilities::lists_consistently`](shared::store::Capabilities)), and the page spans the key. Other keys stay
//! unknown, and their callers ask for each of them.

use shared::Result;
use shared::object::Entry;
use shared::store::{KeyRange, Listed};

use crate::objects::context::Context;

/// What a page says of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PageState {
    /// It is listed so.
    Listed(Entry),
    /// It is not there.
    Absent,
    /// No page spans it.
    Unknown,
}

/// Reads the state of `keys`, which ascend. Pages are read as long as each of them spans at least `least` of the keys
/// that are left: fewer are cheaper to ask for one by one.
///
/// Read-only: slow or repeated, a page changes nothing. Cut off or malformed, it is an error and says nothing.
pub(crate) async fn look(context: &Context, keys: &[String], least: usize) -> Result<Vec<PageState>> {
    let least = least.max(1);
    let mut states = Vec::with_capacity(keys.len());
    if context.objects.source.capabilities().lists_consistently {
        while keys.len() - states.len() >= least {
            let spanned = page(context, &keys[states.len()..]).await?;
            let is_worth_it = spanned.len() >= least;
            states.extend(spanned);
            if !is_worth_it {
                break;
            }
        }
    }
    states.resize(keys.len(), PageState::Unknown);
    Ok(states)
}

/// The state of the first of these keys that one page spans; one at least.
pub(crate) async fn page(context: &Context, keys: &[String]) -> Result<Vec<PageState>> {
    let range = KeyRange { after: keys.first().and_then(|key| just_before(key)), ..KeyRange::default() };
    let mut listing = context.objects.source.list(range);
    let page = listing.next_page().await?;
    let last = page.as_ref().filter(|_| !listing.has_ended()).and_then(|page| page.last());
    let spanned = keys.iter().take_while(|key| last.is_none_or(|last| key.as_str() <= last.position()));
    let page = page.as_deref().unwrap_or_default();
    Ok(spanned.map(|key| state(page, key)).collect())
}

fn state(page: &[Listed], key: &str) -> PageState {
    match page.binary_search_by(|listed| listed.position().cmp(key)) {
        Ok(at) => match &page[at] {
            Listed::Object(entry) => PageState::Listed(entry.clone()),
            Listed::Unlisted(_) => PageState::Unknown,
        },
        Err(_) => PageState::Absent,
    }
}

/// A key before this one, with few keys between the two; `None`: the beginning.
fn just_before(key: &str) -> Option<String> {
    let (at, last) = key.char_indices().next_back()?;
    let lower = char::from_u32((last as u32).checked_sub(1)?).filter(|c| (' '..'\u{d7ff}').contains(c));
    match lower {
        Some(lower) => Some(format!("{}{lower}~", &key[..at])),
        None => Some(key[..at].to_owned()).filter(|key| !key.is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_listing_that_begins_just_before_a_key_has_the_key(key in ".{1,8}") {
            prop_assert!(just_before(&key).is_none_or(|before| before < key));
        }
    }

    #[test]
    fn few_keys_lie_just_before_a_key() {
        assert_eq!(just_before("a/object-10").as_deref(), Some("a/object-1/~"));
        assert_eq!(just_before("a").as_deref(), Some("`~"));
        assert_eq!(just_before("a\u{e000}").as_deref(), Some("a"));
        assert_eq!((just_before("\u{1}"), just_before("")), (None, None));
    }

    #[test]
    fn a_page_says_which_keys_are_there() {
        let entry = |key: &str| Entry {
            key: key.into(),
            size: 1,
            modified: shared::object::Timestamp(1),
            etag: None,
            version: None,
            storage_class: None,
        };
        let page: Vec<Listed> = ["b", "d"].map(|key| entry(key).into()).into();
        assert_eq!(state(&page, "b"), PageState::Listed(entry("b")));
        assert_eq!((state(&page, "a"), state(&page, "c")), (PageState::Absent, PageState::Absent));
    }
}
