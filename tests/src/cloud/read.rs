//! HeadObject, GetObject, GetObjectAttributes and deletes.

use std::fmt::Write as _;
use std::ops::Range;

use http::StatusCode;

use super::Profile;
use super::answer::{Answer, Outcome, With as _, body_of, empty, xml};
use super::call::Call;
use super::describe::describe;
use super::refusal::Refusal;
use super::rights;
use super::world::{Bucket, StoredObject, World};
use super::xml as text;
use crate::proxy::Kind;

/// The object that the call is about: its current version, or the one it names.
pub(super) fn found<'a>(bucket: &'a Bucket, profile: &Profile, call: &Call) -> Result<&'a StoredObject, Refusal> {
    let Some(version) = call.asks("versionId") else {
        return bucket.current(&call.key).ok_or_else(Refusal::no_such_key);
    };
    if !profile.has_versions {
        return Err(Refusal::not_implemented("versionId"));
    }
    match bucket.version(&call.key, version) {
        Some(stored) if stored.is_delete_marker => {
            Err(Refusal::new(405, "MethodNotAllowed", "The specified method is not allowed against this resource."))
        }
        Some(stored) => Ok(stored),
        None => Err(Refusal::new(404, "NoSuchVersion", "The specified version does not exist.")),
    }
}

/// Whether a list of tags (RFC 9110 §13.1.1) names this one.
pub(super) fn names_tag(list: &str, etag: &str) -> bool {
    list.split(',').map(str::trim).any(|tag| tag == "*" || tag.trim_matches('"') == etag)
}

pub(super) fn object(world: &mut World, profile: &Profile, call: &Call) -> Outcome {
    let bucket = &world.buckets[&call.bucket];
    let reports_tags = !bucket.denied.contains(rights::reads_tags(call)) && profile.reports_tag_counts;
    let stored = found(bucket, profile, call)?;
    if profile.heeds_if_match && call.header("if-match").is_some_and(|list| !names_tag(list, &stored.etag)) {
        return Err(Refusal::precondition());
    }
    if call.header("if-none-match").is_some_and(|list| names_tag(list, &stored.etag)) {
        return Ok(empty(304).with("etag", format!("\"{}\"", stored.etag)));
    }
    let is_head = call.kind == Kind::Head;
    if stored.is_archived() && !is_head {
        let message = "The operation is not valid for the object's storage class";
        return Err(Refusal::new(403, "InvalidObjectState", message));
    }
    let size = stored.bytes.len() as u64;
    let is_packed = stored.headers.get("content-encoding").is_some_and(|encoding| encoding.contains("gzip"));
    let accepts_packed = call.header("accept-encoding").is_some_and(|list| list.contains("gzip"));
    if is_packed && profile.unpacks_gzip && !accepts_packed && call.kind != Kind::Head {
        return Ok(unpacked(stored, profile, reports_tags));
    }
    let asked = call.header("range").filter(|_| !(is_packed && profile.ignores_gzip_ranges));
    let range = match (call.asks("partNumber"), asked) {
        (Some(_), Some(_)) => return Err(Refusal::invalid("Cannot specify both Range header and partNumber")),
        (Some(number), None) => Some(part(stored, number)?),
        (None, Some(range)) => span(range, size)?,
        (None, None) => None,
    };
    // The checksum is of the whole, so it stands by no part of it.
    let reports_checksum = call.header("x-amz-checksum-mode").is_some_and(|mode| mode.eq_ignore_ascii_case("ENABLED"));
    let reports_checksum = reports_checksum && range.as_ref().is_none_or(|range| *range == (0..size));
    let mut answer = describe(empty(200), stored, profile, reports_checksum, reports_tags);
    if call.asks("partNumber").is_some() && !stored.parts.is_empty() {
        answer = answer.with("x-amz-mp-parts-count", stored.parts.len().to_string());
    }
    let bytes = match range {
        None => stored.bytes.clone(),
        Some(range) => {
            *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
            if size > 0 {
                answer = answer.with("content-range", format!("bytes {}-{}/{size}", range.start, range.end - 1));
            }
            stored.bytes.slice(range.start as usize..range.end as usize)
        }
    };
    answer = answer.with("content-length", bytes.len().to_string());
    Ok(if is_head { answer } else { answer.map(|_| body_of(bytes)) })
}

/// What a store answers that unpacks an object on the way: it does not know the length, and so has no ranges.
fn unpacked(stored: &StoredObject, profile: &Profile, reports_tags: bool) -> Answer {
    let mut answer = describe(empty(200), stored, profile, false, reports_tags);
    answer.headers_mut().remove("content-encoding");
    let bytes = [&b"unpacked "[..], &stored.bytes].concat();
    answer.with("transfer-encoding", "chunked").map(|_| body_of(bytes))
}

/// Where a part lies; an object that was put whole is one part.
fn part(stored: &StoredObject, number: &str) -> Result<Range<u64>, Refusal> {
    let wrong = || Refusal::new(416, "InvalidPartNumber", "The requested partnumber is not satisfiable");
    let number: usize = number.parse().ok().filter(|number| *number > 0).ok_or_else(wrong)?;
    if stored.parts.is_empty() && number == 1 {
        return Ok(0..stored.bytes.len() as u64);
    }
    let part = stored.parts.get(number - 1).ok_or_else(wrong)?;
    let start: u64 = stored.parts[..number - 1].iter().map(|part| part.bytes.len() as u64).sum();
    Ok(start..start + part.bytes.len() as u64)
}

/// `bytes=FIRST-LAST`, `bytes=FIRST-` or `bytes=-COUNT` (RFC 9110 §14.1.2); what is no range is ignored.
fn span(text: &str, size: u64) -> Result<Option<Range<u64>>, Refusal> {
    let Some((first, last)) = text.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Ok(None);
    };
    let range = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => first..size.min(last.saturating_add(1)),
        (Ok(first), Err(_)) if last.is_empty() => first..size,
        (Err(_), Ok(count)) if first.is_empty() => size.saturating_sub(count)..size,
        _ => return Ok(None),
    };
    match range.is_empty() {
        true => Err(Refusal::new(416, "InvalidRange", "The requested range is not satisfiable")),
        false => Ok(Some(range)),
    }
}

pub(super) fn attributes(world: &mut World, profile: &Profile, call: &Call) -> Outcome {
    if !profile.has_attributes {
        return Err(Refusal::not_implemented("attributes"));
    }
    let stored = found(&world.buckets[&call.bucket], profile, call)?;
    let asks = |name: &str| {
        let lists = call.headers.get_all("x-amz-object-attributes").iter().filter_map(|value| value.to_str().ok());
        lists.flat_map(|list| list.split(',')).any(|asked| asked.trim() == name)
    };
    let mut body = String::from("<GetObjectAttributesResponse>");
    if asks("ETag") {
        let _ = write!(body, "<ETag>{}</ETag>", stored.etag);
    }
    if let Some(sum) = stored.checksum.as_ref().filter(|_| asks("Checksum")) {
        let _ = write!(
            body,
            "<Checksum><{0}>{1}</{0}><ChecksumType>{2}</ChecksumType></Checksum>",
            sum.algorithm.element(),
            sum.value,
            sum.kind()
        );
    }
    if asks("ObjectParts") && !stored.parts.is_empty() {
        let _ = write!(body, "<ObjectParts><PartsCount>{}</PartsCount>", stored.parts.len());
        // Amazon reports the parts of objects with checksums only.
        for (at, part) in stored.parts.iter().enumerate() {
            let Some(sum) = &part.checksum else { continue };
            let _ = write!(
                body,
                "<Part><PartNumber>{}</PartNumber><Size>{}</Size><{2}>{3}</{2}></Part>",
                at + 1,
                part.bytes.len(),
                sum.algorithm.element(),
                sum.value
            );
        }
        body.push_str("</ObjectParts>");
    }
    if asks("StorageClass") {
        let class = if stored.class.is_empty() { "STANDARD" } else { &stored.class };
        let _ = write!(body, "<StorageClass>{class}</StorageClass>");
    }
    if asks("ObjectSize") {
        let _ = write!(body, "<ObjectSize>{}</ObjectSize>", stored.bytes.len());
    }
    body.push_str("</GetObjectAttributesResponse>");
    let answer = xml(body).with("last-modified", super::answer::http_date(stored.modified));
    Ok(answer.with_some("x-amz-version-id", stored.version.as_deref()))
}

pub(super) fn delete(world: &mut World, profile: &Profile, call: &Call) -> Outcome {
    if call.asks("versionId").is_some() && !profile.has_versions {
        return Err(Refusal::not_implemented("versionId"));
    }
    Ok(delete_one(world, &call.bucket, &call.key, call.asks("versionId")))
}

fn delete_one(world: &mut World, bucket: &str, key: &str, version: Option<&str>) -> Answer {
    let now = world.now();
    let marker = world.name("marker");
    let bucket = world.buckets.get_mut(bucket).expect("it was looked for");
    match version {
        Some(version) => {
            if let Some(versions) = bucket.keys.get_mut(key) {
                versions.retain(|stored| stored.version.as_deref().unwrap_or("null") != version);
            }
            bucket.keys.retain(|_, versions| !versions.is_empty());
            empty(204)
        }
        None if bucket.is_versioned => {
            let stored = StoredObject {
                version: Some(marker.clone()),
                is_delete_marker: true,
                modified: now,
                ..StoredObject::default()
            };
            bucket.put(key, stored);
            empty(204).with("x-amz-delete-marker", "true").with("x-amz-version-id", marker)
        }
        None => {
            bucket.keys.remove(key);
            empty(204)
        }
    }
}

/// Answers for each key, also where the right is missing.
pub(super) fn delete_many(world: &mut World, _: &Profile, call: &Call) -> Outcome {
    let body = String::from_utf8_lossy(&call.body).into_owned();
    let objects = text::elements(&body, "Object");
    if objects.is_empty() || objects.len() > 1000 {
        return Err(Refusal::new(400, "MalformedXML", "The XML you provided was not well-formed"));
    }
    let mut answer = String::from("<DeleteResult>");
    for object in objects {
        let key = text::text_of(object, "Key").unwrap_or_default();
        if world.buckets[&call.bucket].denied.contains("DeleteObject") {
            let key = text::escape(&key, super::Control::Referenced);
            let _ = write!(answer, "<Error><Key>{key}</Key><Code>AccessDenied</Code><Message>no</Message></Error>");
            continue;
        }
        delete_one(world, &call.bucket, &key, text::text_of(object, "VersionId").as_deref());
        let _ = write!(answer, "<Deleted><Key>{}</Key></Deleted>", text::escape(&key, super::Control::Referenced));
    }
    answer.push_str("</DeleteResult>");
    Ok(xml(answer))
}
