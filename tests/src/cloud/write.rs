//! PutObject and CopyObject.

use bytes::Bytes;

use super::Profile;
use super::answer::{Outcome, With as _, empty, iso_date, xml};
use super::call::Call;
use super::checksum::{Algorithm, Sum};
use super::describe::{described, encrypted};
use super::read::names_tag;
use super::refusal::Refusal;
use super::sign::hex;
use super::url;
use super::world::{Bucket, StoredObject, World};

/// Refuses a write whose condition does not hold.
pub(super) fn check_conditions(bucket: &Bucket, call: &Call) -> Result<(), Refusal> {
    let current = bucket.current(&call.key);
    if call.header("if-none-match").is_some() && current.is_some() {
        return Err(Refusal::precondition());
    }
    match (call.header("if-match"), current) {
        (Some(_), None) => Err(Refusal::no_such_key()),
        (Some(list), Some(stored)) if !names_tag(list, &stored.etag) => Err(Refusal::precondition()),
        _ => Ok(()),
    }
}

/// Refuses a key below an object, where the store has folders.
pub(super) fn check_place(bucket: &Bucket, profile: &Profile, key: &str) -> Result<(), Refusal> {
    let mut parents = key.match_indices('/').map(|(at, _)| &key[..at]);
    match profile.has_folders && parents.any(|parent| bucket.current(parent).is_some()) {
        true => Err(Refusal::new(400, "XMinioParentIsObject", "Object-prefix is already an object")),
        false => Ok(()),
    }
}

/// Makes the object visible: with a tag, a time, a version.
pub(super) fn keep(
    world: &mut World,
    profile: &Profile,
    bucket: &str,
    key: &str,
    mut stored: StoredObject,
) -> StoredObject {
    let is_kms = stored.encryption.as_ref().is_some_and(|encryption| encryption.kind != "AES256");
    let is_opaque = is_kms || !stored.parts.is_empty() && profile.multipart_tags == super::Tags::Opaque;
    let digest = match (is_opaque, stored.parts.is_empty()) {
        (true, _) => md5::compute(world.name("tag")).0,
        (false, true) => md5::compute(&stored.bytes).0,
        (false, false) => {
            let parts: Vec<u8> = stored.parts.iter().flat_map(|part| md5::compute(&part.bytes).0).collect();
            md5::compute(parts).0
        }
    };
    stored.etag = tag(profile, &digest);
    if !stored.parts.is_empty() {
        stored.etag = format!("{}-{}", stored.etag, stored.parts.len());
    }
    stored.modified = world.now();
    let version = world.name("version-");
    let bucket = world.buckets.get_mut(bucket).expect("it was looked for");
    stored.version = bucket.is_versioned.then_some(version);
    bucket.put(key, stored.clone());
    stored
}

/// A digest as this store's tags spell it.
pub(super) fn tag(profile: &Profile, digest: &[u8]) -> String {
    if profile.upper_case_tags { hex(digest).to_ascii_uppercase() } else { hex(digest) }
}

pub(super) fn put(world: &mut World, profile: &Profile, call: &Call) -> Outcome {
    let bucket = &world.buckets[&call.bucket];
    check_conditions(bucket, call)?;
    check_place(bucket, profile, &call.key)?;
    let mut stored = described(call, profile, bucket.encryption.as_ref())?;
    stored.bytes = call.body.clone();
    stored.checksum = call.checksum.clone().or_else(|| added_checksum(profile, &stored.bytes));
    let stored = keep(world, profile, &call.bucket, &call.key, stored);
    let mut answer = encrypted(empty(200), &stored).with("etag", format!("\"{}\"", stored.etag));
    if let Some(sum) = &stored.checksum {
        answer = answer.with(&sum.algorithm.header(), &sum.value).with("x-amz-checksum-type", sum.kind());
    }
    Ok(answer.with_some("x-amz-version-id", stored.version))
}

/// The checksum that an object gets which came without one.
pub(super) fn added_checksum(profile: &Profile, bytes: &[u8]) -> Option<Sum> {
    profile.adds_crc64nvme.then(|| Sum::of(Algorithm::Crc64Nvme, bytes))
}

/// The object that `x-amz-copy-source` names, if the conditions on it hold.
pub(super) fn source(world: &World, profile: &Profile, call: &Call) -> Result<StoredObject, Refusal> {
    let malformed = || Refusal::argument("Copy Source must mention the source bucket and key: sourcebucket/sourcekey");
    let text = call.header("x-amz-copy-source").ok_or_else(malformed)?;
    let (path, version) = match text.split_once("?versionId=") {
        Some((path, version)) => (path, Some(url::decode_text(version).ok_or_else(malformed)?)),
        None => (text, None),
    };
    let path = url::decode_text(path).ok_or_else(malformed)?;
    let (bucket, key) = path.strip_prefix('/').unwrap_or(&path).split_once('/').ok_or_else(malformed)?;
    let bucket = world.buckets.get(bucket).ok_or_else(no_such_bucket)?;
    let stored = match version {
        Some(_) if !profile.has_versions => return Err(Refusal::not_implemented("versionId")),
        Some(version) => bucket.version(key, &version),
        None => bucket.current(key),
    };
    let stored = stored.filter(|stored| !stored.is_delete_marker).ok_or_else(Refusal::no_such_key)?;
    let heeded = profile.heeds_if_match;
    if heeded && call.header("x-amz-copy-source-if-match").is_some_and(|list| !names_tag(list, &stored.etag)) {
        return Err(Refusal::precondition());
    }
    if call.header("x-amz-copy-source-if-none-match").is_some_and(|list| names_tag(list, &stored.etag)) {
        return Err(Refusal::precondition());
    }
    if stored.is_archived() {
        let message = "The source object of the COPY operation is not in the active tier";
        return Err(Refusal::new(403, "ObjectNotInActiveTierError", message));
    }
    Ok(stored.clone())
}

/// Whether the source of a copy has tags.
pub(super) fn copies_tags(world: &World, call: &Call) -> bool {
    source(world, &Profile::AMAZON, call).is_ok_and(|stored| !stored.tags.is_empty())
}

pub(super) fn no_such_bucket() -> Refusal {
    Refusal::new(404, "NoSuchBucket", "The specified bucket does not exist")
}

pub(super) fn copy(world: &mut World, profile: &Profile, call: &Call) -> Outcome {
    let from = source(world, profile, call)?;
    let bucket = &world.buckets[&call.bucket];
    check_place(bucket, profile, &call.key)?;
    let mut stored = described(call, profile, bucket.encryption.as_ref())?;
    let replaces = |name: &str| call.header(name).is_some_and(|directive| directive == "REPLACE");
    if !replaces("x-amz-metadata-directive") {
        (stored.headers, stored.user) = (from.headers.clone(), from.user.clone());
    }
    if !replaces("x-amz-tagging-directive") {
        stored.tags = from.tags.clone();
    }
    stored.bytes = from.bytes.clone();
    stored.checksum = match call.header("x-amz-checksum-algorithm").and_then(Algorithm::by_name) {
        Some(algorithm) => Some(Sum::of(algorithm, &stored.bytes)),
        // A composite one is of parts that the copy does not have.
        None => from.checksum.as_ref().map(|sum| match sum.is_composite {
            true => Sum::of(sum.algorithm, &stored.bytes),
            false => sum.clone(),
        }),
    };
    let stored = keep(world, profile, &call.bucket, &call.key, stored);
    Ok(encrypted(copied("CopyObjectResult", &stored.etag, stored.modified), &stored)
        .with_some("x-amz-version-id", stored.version)
        .with_some("x-amz-copy-source-version-id", from.version))
}

/// The answer to a copy.
pub(super) fn copied(element: &str, etag: &str, modified: shared::object::Timestamp) -> super::answer::Answer {
    let modified = iso_date(modified);
    xml(format!("<{element}><LastModified>{modified}</LastModified><ETag>&quot;{etag}&quot;</ETag></{element}>"))
}

/// An object as one puts it there past the wire.
pub(super) fn planted(profile: &Profile, bytes: Bytes) -> StoredObject {
    StoredObject {
        etag: tag(profile, &md5::compute(&bytes).0),
        checksum: added_checksum(profile, &bytes),
        bytes,
        ..StoredObject::default()
    }
}
