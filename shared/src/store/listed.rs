//! The items of a listing: objects, and keys that could not be listed.

use crate::object::Entry;
use crate::{Error, ErrorKind, Result};

/// One item of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listed {
    /// An object.
    Object(Entry),
    /// Keys that could not be listed.
    Unlisted(Unlisted),
}

/// Keys that may or may not exist. They count neither as present nor as absent: no object may be deleted or
/// overwritten because they are missing from the listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unlisted {
    /// The keys.
    pub keys: Span,
    /// The reason, in one line that names the location.
    pub reason: String,
    /// Whether the user requested these keys and does not get them. `false`: the store never serves
    /// them (a link that leads to no file in the folder).
    pub is_failure: bool,
}

/// The keys of an [`Unlisted`]: contiguous in key order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Span {
    /// This key alone.
    Key(String),
    /// All keys with this prefix.
    Below(String),
    /// No key at all: files in this folder have names that cannot be keys.
    Nameless(String),
}

impl Listed {
    /// The position in key order: the key, or the beginning of the span.
    pub fn position(&self) -> &str {
        match self {
            Listed::Object(entry) => &entry.key,
            Listed::Unlisted(unlisted) => unlisted.position(),
        }
    }

    /// The object, for a caller that needs a complete listing: unknown keys are an error. `None` for
    /// keys that the store never serves.
    pub fn complete(self) -> Result<Option<Entry>> {
        match self {
            Listed::Object(entry) => Ok(Some(entry)),
            Listed::Unlisted(Unlisted { is_failure: false, .. }) => Ok(None),
            Listed::Unlisted(Unlisted { keys, reason, .. }) => {
                Err(Error::new(ErrorKind::Denied, "list", keys.position(), reason))
            }
        }
    }

    /// The objects of a page, for a caller that does not use unknown keys.
    pub fn objects(page: Vec<Listed>) -> impl Iterator<Item = Entry> {
        page.into_iter().filter_map(|listed| match listed {
            Listed::Object(entry) => Some(entry),
            Listed::Unlisted(_) => None,
        })
    }
}

impl From<Entry> for Listed {
    fn from(entry: Entry) -> Listed {
        Listed::Object(entry)
    }
}

impl Unlisted {
    /// Where the span begins in key order.
    pub fn position(&self) -> &str {
        self.keys.position()
    }
}

impl Span {
    /// Where the span begins in key order.
    pub fn position(&self) -> &str {
        match self {
            Span::Key(place) | Span::Below(place) | Span::Nameless(place) => place,
        }
    }

    /// Whether the key lies in the span.
    pub fn covers(&self, key: &str) -> bool {
        match self {
            Span::Key(only) => only == key,
            Span::Below(prefix) => key.starts_with(prefix),
            Span::Nameless(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_covers_its_keys_and_no_namesakes() {
        assert!(Span::Key("a".into()).covers("a") && !Span::Key("a".into()).covers("a/b"));
        let below = Span::Below("a/".into());
        assert!(below.covers("a/") && below.covers("a/b") && !below.covers("a") && !below.covers("a0"));
        assert!(!Span::Nameless("a/".into()).covers("a/b"));
    }

    #[test]
    fn a_caller_that_needs_all_keys_gets_an_error_for_unknown_ones() {
        let unlisted = |is_failure| {
            Listed::Unlisted(Unlisted { keys: Span::Below("a/".into()), reason: "closed".into(), is_failure })
        };
        assert_eq!(unlisted(true).complete().unwrap_err().kind(), ErrorKind::Denied);
        assert_eq!(unlisted(false).complete().unwrap(), None);
    }
}
