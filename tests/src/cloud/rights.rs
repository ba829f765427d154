//! Refusals by a bucket's policy and its object lock.

use super::call::Call;
use super::refusal::Refusal;
use super::world::{Bucket, World};
use super::write;
use crate::proxy::Kind;

/// The action of reading tags, which is another one for a named version.
pub(super) fn reads_tags(call: &Call) -> &'static str {
    if call.asks("versionId").is_some() { "GetObjectVersionTagging" } else { "GetObjectTagging" }
}

/// Refuses what the bucket's policy denies, and bytes without a checksum where object lock wants one.
pub(super) fn check(world: &World, call: &Call) -> Result<(), Refusal> {
    let bucket = &world.buckets[&call.bucket];
    if charges(world, call) && call.header("x-amz-request-payer") != Some("requester") {
        return Err(Refusal::new(403, "AccessDenied", "Access Denied"));
    }
    if let Some(action) = actions(world, call).into_iter().find(|(bucket, action)| bucket.denied.contains(action)) {
        let message = format!("User: arn:aws:iam::1:user/u is not authorized to perform: s3:{}", action.1);
        return Err(Refusal::new(403, "AccessDenied", message));
    }
    let has_checksum = call.headers.contains_key("content-md5") || call.checksum.is_some();
    let what = match call.kind {
        Kind::Put => "Put Object",
        Kind::Part => "Put Part",
        _ => return Ok(()),
    };
    if bucket.is_locked && !has_checksum {
        return Err(Refusal::invalid(format!(
            "Content-MD5 OR x-amz-checksum- HTTP header is required for {what} requests with Object Lock parameters"
        )));
    }
    Ok(())
}

/// The bucket that a copy reads from.
fn copied_from<'a>(world: &'a World, call: &Call) -> Option<&'a Bucket> {
    let name = call.header("x-amz-copy-source").and_then(|path| path.trim_start_matches('/').split('/').next())?;
    world.buckets.get(name)
}

/// Whether a requester must agree to pay for a call (Amazon S3 "Requester Pays buckets"): for all but those about a
/// bucket's configuration.
fn charges(world: &World, call: &Call) -> bool {
    let is_of_owner =
        matches!(call.kind, Kind::Bucket | Kind::Other) || call.kind == Kind::Detail && call.key.is_empty();
    let buckets = [world.buckets.get(&call.bucket), copied_from(world, call)];
    !is_of_owner && buckets.into_iter().flatten().any(|bucket| bucket.charges_requesters)
}

/// The actions that a call needs, each with the bucket that it is about.
fn actions<'a>(world: &'a World, call: &Call) -> Vec<(&'a Bucket, &'static str)> {
    let bucket = &world.buckets[&call.bucket];
    let names_version = call.asks("versionId").is_some();
    let mut actions = Vec::new();
    match call.kind {
        Kind::Detail if call.asks("tagging").is_some() && call.method == http::Method::GET => {
            actions.push((bucket, reads_tags(call)));
        }
        Kind::Head | Kind::Get => actions.push((bucket, if names_version { "GetObjectVersion" } else { "GetObject" })),
        Kind::Put | Kind::Create | Kind::Copy => {
            actions.push((bucket, "PutObject"));
            if call.header("x-amz-tagging").is_some() {
                actions.push((bucket, "PutObjectTagging"));
            }
        }
        Kind::Delete => actions.push((bucket, "DeleteObject")),
        Kind::Bucket if call.asks("object-lock").is_some() => {
            actions.push((bucket, "GetBucketObjectLockConfiguration"))
        }
        Kind::Bucket if call.asks("website").is_some() => actions.push((bucket, "GetBucketWebsite")),
        _ => {}
    }
    let copies_tags = call.header("x-amz-tagging-directive").is_none_or(|directive| directive != "REPLACE");
    if call.kind == Kind::Copy && copies_tags && write::copies_tags(world, call) {
        let source = copied_from(world, call);
        actions.extend(source.map(|source| (source, "GetObjectTagging")));
        actions.push((bucket, "PutObjectTagging"));
    }
    actions
}
