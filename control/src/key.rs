//! Requests that may be repeated.
//!
//! The id of what a request makes carries a digest of its key. A repeated request finds by it what the first one made,
//! in the fleet's own records: through any program, also after a restart. Nothing else is kept.
//!
//! Two repetitions at the very same moment: of a task or a run the ledger's conditions let one be made, and the other
//! finds it. Of other operations, which change no object, both may be made.

use sha2::{Digest as _, Sha256};
use shared::object::Timestamp;

/// The key of a request, with who sent it, and to which route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestKey([u8; 10]);

impl RequestKey {
    /// The key that somebody gave to a request. The same key of another person, or of another route, is another one.
    pub fn new(who: &str, route: &str, key: &str) -> RequestKey {
        let mut hash = Sha256::new();
        for part in [who, route, key] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let mut digest = [0; 10];
        digest.copy_from_slice(&hash.finalize()[..10]);
        digest[0] = 0x70 | digest[0] & 0x0f;
        digest[2] = 0x80 | digest[2] & 0x3f;
        RequestKey(digest)
    }

    /// The id of what the request makes now, in the form of a UUID of version 7: it sorts by time.
    pub fn id(&self, now: Timestamp) -> String {
        let millis = u64::try_from(now.0).unwrap_or(0) & 0xffff_ffff_ffff;
        let time = format!("{millis:012x}");
        format!("{}-{}-{}", &time[..8], &time[8..], self.tail())
    }

    /// Whether the request, or an earlier one of the same key, made what has this id.
    pub fn made(&self, id: &str) -> bool {
        id.len() == 36 && id.get(14..) == Some(self.tail().as_str())
    }

    /// The part of the id that is no time.
    fn tail(&self) -> String {
        let hex: String = self.0.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{}-{}-{}", &hex[..4], &hex[4..8], &hex[8..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_request_finds_what_the_first_one_made() {
        let key = RequestKey::new("ada", "POST /plans", "1");
        let id = key.id(Timestamp(1_700_000_000_000));
        assert!(id.starts_with("018bcfe5-6800-7") && id.len() == 36, "{id}");
        assert!(key.made(&id) && key.made(&key.id(Timestamp(1_800_000_000_000))));
        for other in [("bob", "POST /plans", "1"), ("ada", "POST /probes", "1"), ("ada", "POST /plans", "2")] {
            assert!(!RequestKey::new(other.0, other.1, other.2).made(&id), "{other:?}");
        }
        assert!(!key.made(&uuid::Uuid::now_v7().to_string()) && !key.made("") && !key.made("events-x"));
    }
}
