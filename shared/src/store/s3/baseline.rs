//! What a kind of store is known to do: a row of data for each, so that no code asks for names.

use aws_config::Region;

use crate::digest::Algorithm;
use crate::store::{Capabilities, EtagMeaning, Keeps};

/// In which order a store lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// By the bytes of whole keys, as Amazon documents.
    ByBytes,
    /// Folder by folder, as a file system does: by the bytes of one name, then of the name below it.
    ByFolder,
}

/// Which keys a store holds as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keys {
    /// Any, or it refuses by itself what it cannot hold.
    Any,
    /// Those that are paths; it takes others too, and holds them under another key
    /// ([`super::keys`]).
    FolderLike,
}

/// One kind of store.
#[derive(Debug)]
pub(super) struct Baseline {
    /// The kind's name.
    #[allow(dead_code, reason = "shown by Debug")]
    pub name: &'static str,
    /// Whether answers may tell that the store is of another kind. Data, because two constants that
    /// are alike may or may not have one address.
    pub is_guess: bool,
    /// Whether the bucket stands in the path.
    pub path_style: bool,
    /// What entity tags mean.
    pub etags: EtagMeaning,
    /// What is verified on `put`.
    pub verifies: &'static [Algorithm],
    /// Whether `x-amz-mp-object-size` and whole-object checksums are understood at completion.
    pub checks_completion: bool,
    /// In which order it lists.
    pub lists: Order,
    /// Which keys it holds.
    pub keys: Keys,
    /// What it keeps of an object besides bytes and headers.
    pub keeps: Keeps,
}

/// Amazon S3 ("Checking object integrity in Amazon S3").
const AMAZON: Baseline = Baseline {
    name: "Amazon S3",
    is_guess: false,
    path_style: false,
    etags: EtagMeaning::Md5AndParts,
    verifies: &Algorithm::ALL,
    checks_completion: true,
    lists: Order::ByBytes,
    keys: Keys::Any,
    keeps: Keeps::AMAZON,
};

/// A store that nothing is known about: only what all of them have done for a decade.
const UNKNOWN: Baseline = Baseline {
    name: "S3-compatible",
    is_guess: true,
    path_style: true,
    etags: EtagMeaning::Md5,
    verifies: &[Algorithm::Md5],
    checks_completion: false,
    lists: Order::ByBytes,
    keys: Keys::Any,
    keeps: Keeps::UNKNOWN,
};

/// SeaweedFS's gateway over its file system (version 4.48, by trying).
const SEAWEED: Baseline =
    Baseline { name: "SeaweedFS", is_guess: false, lists: Order::ByFolder, keys: Keys::FolderLike, ..UNKNOWN };

/// Stores that tell what they are: what `Server` begins with in their answers.
const BY_SERVER: &[(&str, &Baseline)] = &[("SeaweedFS", &SEAWEED)];

/// Amazon S3 "Multipart upload limits", and the objects of up to 50 TB since December 2025. Stores
/// with lower limits refuse with an error that names theirs.
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const MAX_OBJECT_BYTES: u64 = 50_000_000_000_000;

impl Baseline {
    /// The row for an endpoint; `None` is Amazon's own.
    pub fn of(endpoint: Option<&str>) -> &'static Baseline {
        if endpoint.is_none_or(is_amazon) { &AMAZON } else { &UNKNOWN }
    }

    /// The row for a store of no known endpoint whose answers carry this `Server`.
    pub fn by_server(server: &str) -> &'static Baseline {
        BY_SERVER.iter().find(|(name, _)| server.starts_with(name)).map_or(&UNKNOWN, |(_, baseline)| baseline)
    }

    /// What callers may know. It is the same for all rows that a `Server` may name, since callers ask
    /// before the first answer; ranges are listed at once to advantage in either order.
    pub fn capabilities(&self) -> Capabilities {
        Capabilities {
            etags: self.etags,
            parallel_listing: true,
            max_put_bytes: 5 * GIB,
            min_part_bytes: 5 * MIB,
            max_part_bytes: 5 * GIB,
            max_parts: 10_000,
            max_object_bytes: MAX_OBJECT_BYTES,
            max_copy_bytes: 5 * GIB,
            verifies: self.verifies.to_vec(),
            keeps_attributes: true,
            keeps_modified: false,
            keeps: self.keeps,
        }
    }
}

fn is_amazon(endpoint: &str) -> bool {
    let Ok(uri) = endpoint.parse::<http::Uri>() else { return false };
    let host = uri.host().unwrap_or_default().to_ascii_lowercase();
    [".amazonaws.com", ".amazonaws.com.cn"].iter().any(|domain| host.ends_with(domain))
}

/// The part of Amazon within which buckets can be copied between.
pub(super) fn amazon_partition(region: Option<&Region>) -> &'static str {
    match region.map(Region::as_ref) {
        Some(region) if region.starts_with("cn-") => "amazonaws.com.cn",
        Some(region) if region.starts_with("us-gov-") => "amazonaws.com (us-gov)",
        _ => "amazonaws.com",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_known_by_its_server_and_can_do_what_was_said_before() {
        for (server, lists) in
            [("SeaweedFS 8000GB 4.48", Order::ByFolder), ("nginx", Order::ByBytes), ("", Order::ByBytes)]
        {
            assert_eq!(Baseline::by_server(server).lists, lists, "{server}");
            assert_eq!(Baseline::by_server(server).capabilities(), UNKNOWN.capabilities(), "{server}");
        }
    }

    #[test]
    fn only_amazons_own_domains_are_taken_for_amazon() {
        for (endpoint, amazon) in [
            (None, true),
            (Some("https://s3.eu-west-1.amazonaws.com"), true),
            (Some("https://s3.cn-north-1.amazonaws.com.cn/"), true),
            (Some("https://amazonaws.com.example.org"), false),
            (Some("http://127.0.0.1:8333"), false),
            (Some("https://s3.oss-cn-beijing.aliyuncs.com"), false),
        ] {
            assert_eq!(Baseline::of(endpoint).checks_completion, amazon, "{endpoint:?}");
        }
    }
}
