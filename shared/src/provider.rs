//! The providers of object stores: one row of data for each, so that no code branches on names.
//!
//! A row is found by the location's scheme, by the endpoint's domain, or by the region
//! ([`ProviderProfile::of`]); for an unknown endpoint by the `Server` header of its answers
//! ([`ProviderProfile::by_server`]). What a row calls [`Support::Unknown`] each store finds out itself from
//! refusals. `adapters/src/store/s3/provider.rs` keeps this state.
//!
//! # How to add a provider
//!
//! 1. Add a constant to `provider/table.rs` with what differs from `KNOWN`, and name the vendor's page that
//!    says so. Add it to `ROWS`.
//! 2. Add a row to the test `a_provider_is_known_by_scheme_domain_region_or_server` with an endpoint, a region
//!    or a `Server` header that finds it. The test fails for a provider that it does not find.
//! 3. Describe it in `tests/src/cloud/profile.rs`, and in `docs/reference.md` and `docs/operations.md`, part
//!    Providers. A format of events of its own goes to `shared/src/event.rs`.
//!
//! A provider with a scheme of its own (`gs://`) also needs that scheme in [`Scheme`]. A difference that no
//! field describes is a new field, with Amazon's value in `UNKNOWN`.
//!
//! # Properties that no row has, because all are alike
//!
//! Flotilla sends a body with its length and an unsigned payload, never in aws-chunks and never with a
//! trailer. All parts of an upload but the last have one size. No write has a condition.

pub mod endpoint;
mod table;

use crate::digest::Algorithm;
use crate::location::Scheme;
use crate::store::{Capabilities, EtagMeaning, MetadataSupport, RightNames, Support};

/// The order in which a store lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListOrder {
    /// By the bytes of whole keys, as Amazon documents it.
    ByBytes,
    /// Folder by folder, as a file system: by the bytes of one name, then of the name below it.
    ByFolder,
}

/// The keys that a store keeps unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// Any key. The store refuses keys that it cannot store.
    Any,
    /// Only paths. The store accepts other keys too, but stores them under another key (the S3 adapter's
    /// `keys`).
    FolderLike,
}

/// One provider.
#[derive(Debug)]
pub struct ProviderProfile {
    /// Its name in messages.
    pub name: &'static str,
    /// Whether answers may show that the store has another provider. A field, because equal constants may or
    /// may not have one address.
    pub is_guess: bool,
    /// The scheme of its locations, if no other provider has it.
    pub scheme: Option<Scheme>,
    /// The domains of its endpoints.
    pub domains: &'static [&'static str],
    /// Regions that no other provider has.
    pub regions: &'static [&'static str],
    /// The beginning of the `Server` header of its answers, if no other provider sends the same.
    pub server: Option<&'static str>,
    /// Its endpoints by region (`{region}`). A location without an endpoint gets the first one. Any other name
    /// in braces the user must fill in.
    pub endpoints: &'static [&'static str],
    /// A region that exists, for messages.
    pub region_example: &'static str,
    /// The region for signatures if none is given; `None`: the region of the environment.
    pub default_region: Option<&'static str>,
    /// Whether URLs name the bucket in the path.
    pub path_style: bool,
    /// `Accept-Encoding` of reads. It is not signed: the store changes it on the way.
    pub accept_encoding: Option<&'static str>,
    /// The header of answers that reports the object's CRC-32C, as `crc32c=BASE64` among others.
    pub crc32c_header: Option<&'static str>,
    /// Whether it accepts the parameter `x-id`, in which the SDK names the operation.
    pub accepts_x_id: bool,
    /// The order of its listings.
    pub list_order: ListOrder,
    /// Whether it supports `ListObjectsV2`; all support `ListObjects`.
    pub lists_v2: Support,
    /// Whether its listings encode keys on request, so that XML can carry any key.
    pub encodes_keys: Support,
    /// Whether it lists the open uploads below a prefix.
    pub lists_uploads: bool,
    /// The keys that it keeps unchanged.
    pub keys: Keys,
    /// The meaning of entity tags.
    pub etags: EtagMeaning,
    /// Whether it supports `x-amz-checksum-mode`.
    pub reports_checksums: Support,
    /// Whether its vendor documents that listings are strongly consistent.
    pub lists_consistently: bool,
    /// Whether it reports an object's number of tags to everyone who may read the tags.
    pub reports_tag_counts: bool,
    /// The checksums that it verifies of objects and parts.
    pub verifies: &'static [Algorithm],
    /// Whether it supports `x-amz-mp-object-size` and whole-object checksums at completion.
    pub checks_completion: bool,
    /// Whether it copies ranges into parts.
    pub copies_parts: bool,
    /// Most keys of one `DeleteObjects`; 0 where no vendor documents the request.
    pub max_delete_keys: usize,
    /// Its limits.
    pub limits: StoreLimits,
    /// Its support of metadata besides headers.
    pub metadata: MetadataSupport,
    /// How it spells rights.
    pub rights: RightNames,
}

/// The limits of a store. Where they are not known they are Amazon's. A store with lower limits refuses with
/// an error that names them.
#[derive(Debug, Clone, Copy)]
pub struct StoreLimits {
    /// Largest object in one `put`, bytes.
    pub put_bytes: u64,
    /// Smallest part other than the last, bytes.
    pub min_part_bytes: u64,
    /// Largest part, bytes.
    pub part_bytes: u64,
    /// Most parts.
    pub parts: u32,
    /// Largest object, bytes.
    pub object_bytes: u64,
    /// Largest object in one `copy`, bytes.
    pub copy_bytes: u64,
}

impl ProviderProfile {
    /// The row for a location of this scheme, at this endpoint (`None`: Amazon's own), with requests signed for
    /// this region.
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

    /// The row of a scheme that only one provider has.
    fn of_scheme(scheme: Scheme) -> Option<&'static ProviderProfile> {
        table::ROWS.iter().copied().find(|profile| profile.scheme == Some(scheme))
    }

    /// The row of a store at an unknown endpoint whose answers have this `Server` header.
    pub fn by_server(server: &str) -> Option<&'static ProviderProfile> {
        table::ROWS.iter().copied().find(|profile| profile.server.is_some_and(|name| server.starts_with(name)))
    }

    /// What callers of the port may know.
    pub fn capabilities(&self) -> Capabilities {
        Capabilities {
            etags: self.etags,
            // Faster in either order of listing.
            parallel_listing: true,
            max_put_bytes: self.limits.put_bytes,
            min_part_bytes: self.limits.min_part_bytes,
            max_part_bytes: self.limits.part_bytes,
            max_parts: self.limits.parts,
            max_object_bytes: self.limits.object_bytes,
            max_copy_bytes: self.limits.copy_bytes,
            copies_parts: self.copies_parts,
            max_delete_keys: self.max_delete_keys,
            verifies: self.verifies.to_vec(),
            keeps_attributes: true,
            keeps_modified: false,
            metadata: self.metadata,
            surely_verifies: !self.is_guess,
            lists_consistently: self.lists_consistently,
            reports_tag_counts: self.reports_tag_counts,
            has_folders: false,
            is_remote: true,
            rights: self.rights,
        }
    }
}

#[cfg(test)]
mod tests;
