//! What a kind of store is known to do: one profile for each, so that no code asks for names.
//!
//! The rows stand in `table`. A profile is found by the location's scheme, else by the endpoint's host,
//! else, for an unknown endpoint, by the `Server` of its answers. What a profile calls
//! [`Support::Unknown`] is found out once per endpoint by the S3 adapter.
//!
//! What is the same for all kinds stands in no profile: a body is sent with its length and an unsigned
//! payload, never in aws-chunks and never with a trailer; all parts of an upload but the last have one
//! size; nothing is asked of a store with a condition on writing.

pub mod endpoint;
mod table;

use crate::digest::Algorithm;
use crate::location::Scheme;
use crate::store::{Capabilities, EtagMeaning, MetadataSupport, Support};

/// In which order a store lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// By the bytes of whole keys, as Amazon documents.
    ByBytes,
    /// Folder by folder, as a file system does: by the bytes of one name, then of the name below it.
    ByFolder,
}

/// Which keys a store holds as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// Any, or it refuses by itself what it cannot hold.
    Any,
    /// Those that are paths; it takes others too, and holds them under another key
    /// (the S3 adapter's `keys`).
    FolderLike,
}

/// One kind of store.
#[derive(Debug)]
pub struct ProviderProfile {
    /// The kind's name.
    pub name: &'static str,
    /// Whether answers may tell that the store is of another kind. Data, because two constants that
    /// are alike may or may not have one address.
    pub is_guess: bool,
    /// The scheme of its locations, where it has one of its own.
    pub scheme: Option<Scheme>,
    /// Its endpoints' domains.
    pub domains: &'static [&'static str],
    /// Regions that no other kind has.
    pub regions: &'static [&'static str],
    /// What `Server` begins with in its answers, where no other kind says the same.
    pub server: Option<&'static str>,
    /// Its endpoints by region (`{region}`), the first one for a location that names none. What else
    /// stands in braces only the user knows.
    pub endpoints: &'static [&'static str],
    /// A region that exists.
    pub region_example: &'static str,
    /// The region that requests are signed for where none is given; `None`: the surroundings' region.
    pub default_region: Option<&'static str>,
    /// Whether the bucket stands in the path.
    pub path_style: bool,
    /// `Accept-Encoding` of reads, sent without being signed: the store changes it on the way.
    pub accept_encoding: Option<&'static str>,
    /// The header in which answers tell the object's CRC-32C, as `crc32c=BASE64` among others.
    pub crc32c_header: Option<&'static str>,
    /// Whether it takes `x-id`, by which the SDK names the operation.
    pub takes_x_id: bool,
    /// In which order it lists.
    pub lists: Order,
    /// Whether it knows `ListObjectsV2`; all know `ListObjects`.
    pub lists_v2: Support,
    /// Whether its listings may be asked to encode keys, so that any key passes through XML.
    pub encodes_keys: Support,
    /// Whether it lists the open uploads below a prefix.
    pub lists_uploads: bool,
    /// Which keys it holds.
    pub keys: Keys,
    /// What entity tags mean.
    pub etags: EtagMeaning,
    /// Whether `x-amz-checksum-mode` may be asked for.
    pub tells_checksums: Support,
    /// Whether it reports an object's number of tags to all who may read the tags.
    pub reports_tag_counts: bool,
    /// What is verified on `put` and of parts.
    pub verifies: &'static [Algorithm],
    /// Whether `x-amz-mp-object-size` and whole-object checksums are understood at completion.
    pub checks_completion: bool,
    /// Whether it copies ranges into parts.
    pub copies_parts: bool,
    /// How much it takes.
    pub limits: Limits,
    /// What it keeps of an object besides bytes and headers.
    pub metadata: MetadataSupport,
}

/// How much a store takes. Where its own limits are not known they are Amazon's, and a store with lower
/// ones refuses with an error that names them.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Largest object that one `put` takes, bytes.
    pub put_bytes: u64,
    /// Smallest part other than the last, bytes.
    pub min_part_bytes: u64,
    /// Largest part, bytes.
    pub part_bytes: u64,
    /// Most parts.
    pub parts: u32,
    /// Largest object, bytes.
    pub object_bytes: u64,
    /// Largest object that one `copy` takes, bytes.
    pub copy_bytes: u64,
}

impl ProviderProfile {
    /// The profile for a location of this scheme at this endpoint (`None`: Amazon's own), whose requests are
    /// signed for this region.
    pub fn of(scheme: Scheme, endpoint: Option<&str>, region: Option<&str>) -> &'static ProviderProfile {
        let Some(host) = endpoint.map(endpoint::host_of) else {
            return ProviderProfile::of_scheme(scheme).unwrap_or(&table::AMAZON);
        };
        let by_domain =
            |profile: &&ProviderProfile| profile.domains.iter().any(|domain| endpoint::is_within(&host, domain));
        let by_region = |profile: &&ProviderProfile| region.is_some_and(|region| profile.regions.contains(&region));
        let find = |rule: &dyn Fn(&&ProviderProfile) -> bool| table::ROWS.iter().copied().find(rule);
        ProviderProfile::of_scheme(scheme)
            .or_else(|| find(&by_domain))
            .or_else(|| find(&by_region))
            .unwrap_or(&table::UNKNOWN)
    }

    /// The profile of a scheme that only one provider has.
    fn of_scheme(scheme: Scheme) -> Option<&'static ProviderProfile> {
        table::ROWS.iter().copied().find(|profile| profile.scheme == Some(scheme))
    }

    /// The profile of a store at no known endpoint whose answers carry this `Server`.
    pub fn by_server(server: &str) -> Option<&'static ProviderProfile> {
        table::ROWS.iter().copied().find(|profile| profile.server.is_some_and(|name| server.starts_with(name)))
    }

    /// What callers may know.
    pub fn capabilities(&self) -> Capabilities {
        Capabilities {
            etags: self.etags,
            // To advantage in either order of listing.
            parallel_listing: true,
            max_put_bytes: self.limits.put_bytes,
            min_part_bytes: self.limits.min_part_bytes,
            max_part_bytes: self.limits.part_bytes,
            max_parts: self.limits.parts,
            max_object_bytes: self.limits.object_bytes,
            max_copy_bytes: self.limits.copy_bytes,
            copies_parts: self.copies_parts,
            verifies: self.verifies.to_vec(),
            keeps_attributes: true,
            keeps_modified: false,
            metadata: self.metadata,
            surely_verifies: !self.is_guess,
            reports_tag_counts: self.reports_tag_counts,
            has_folders: false,
            is_remote: true,
        }
    }
}

#[cfg(test)]
mod tests;
