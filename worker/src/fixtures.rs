//! Stores for tests of decisions that follow from their capabilities.

use shared::digest::Algorithm;
use shared::store::{Capabilities, EtagMeaning, MetadataSupport};

/// A store with the limits of Amazon S3.
pub fn store(etags: EtagMeaning, verifies: &[Algorithm]) -> Capabilities {
    Capabilities {
        etags,
        parallel_listing: true,
        max_put_bytes: 5 << 30,
        min_part_bytes: 5 << 20,
        max_part_bytes: 5 << 30,
        max_parts: 10_000,
        max_object_bytes: 50_000_000_000_000,
        max_copy_bytes: 5 << 30,
        copies_parts: true,
        max_delete_keys: 1_000,
        verifies: verifies.to_vec(),
        keeps_attributes: true,
        keeps_modified: false,
        metadata: MetadataSupport::AMAZON,
        surely_verifies: true,
        lists_consistently: true,
        reports_tag_counts: true,
        has_folders: false,
        is_remote: true,
        rights: shared::store::RightNames::Amazon,
    }
}
