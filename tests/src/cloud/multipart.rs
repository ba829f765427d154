//! Uploads in parts, by the rules of Amazon S3 ("Multipart upload limits", CompleteMultipartUpload).

use std::fmt::Write as _;

use super::answer::{Outcome, With as _, empty, xml};
use super::call::Call;
use super::checksum::{Algorithm, Sum};
use super::describe::{described, encrypted};
use super::refusal::Refusal;
use super::world::{Bucket, OpenUpload, StoredObject, StoredPart, World};
use super::write::{added_checksum, check_conditions, check_place, copied, keep, source, tag};
use super::{Profile, xml as text};

/// The upload that the call names, of its key.
pub(super) fn find<'a>(bucket: &'a Bucket, call: &Call) -> Result<&'a OpenUpload, Refusal> {
    let upload = call.asks("uploadId").and_then(|id| bucket.uploads.get(id));
    upload.filter(|upload| upload.key == call.key).ok_or_else(Refusal::no_such_upload)
}

pub(super) fn create(world: &mut World, profile: &Profile, call: &Call) -> Outcome {
    let bucket = &world.buckets[&call.bucket];
    check_place(bucket, profile, &call.key)?;
    let object = described(call, profile, bucket.encryption.as_ref())?;
    let checksum = match profile.checksums {
        super::Checksums::Support => checksum(call)?,
        _ => None,
    };
    let id = world.name("upload-");
    let upload = OpenUpload {
        key: call.key.clone(),
        id: id.clone(),
        begun: world.now(),
        parts: Default::default(),
        checksum,
        object,
    };
    let answer = encrypted(
        xml(format!(
            "<InitiateMultipartUploadResult><Bucket>{}</Bucket><Key>{}</Key><UploadId>{id}</UploadId>\
             </InitiateMultipartUploadResult>",
            call.bucket,
            text::escape(&call.key, profile.control)
        )),
        &upload.object,
    );
    world.buckets.get_mut(&call.bucket).expect("it was looked for").uploads.insert(id, upload);
    Ok(answer)
}

/// Algorithm and type that the upload is to have; the type by default is the algorithm's.
fn checksum(call: &Call) -> Result<Option<(Algorithm, bool)>, Refusal> {
    let Some(name) = call.header("x-amz-checksum-algorithm") else { return Ok(None) };
    let algorithm =
        Algorithm::by_name(name).ok_or_else(|| Refusal::invalid("Checksum algorithm provided is unsupported"))?;
    let is_full = match call.header("x-amz-checksum-type") {
        Some("FULL_OBJECT") => true,
        Some("COMPOSITE") => false,
        Some(_) => return Err(Refusal::invalid("Value for x-amz-checksum-type header is invalid.")),
        None => algorithm == Algorithm::Crc64Nvme,
    };
    let is_possible = if is_full { algorithm.is_crc() } else { algorithm != Algorithm::Crc64Nvme };
    match is_possible {
        true => Ok(Some((algorithm, is_full))),
        false => Err(Refusal::invalid("The checksum type cannot be used with this checksum algorithm.")),
    }
}

pub(super) fn part(world: &mut World, profile: &Profile, call: &Call) -> Outcome {
    let stored = StoredPart {
        number: number(call, profile)?,
        bytes: call.body.clone(),
        etag: String::new(),
        modified: world.now(),
        checksum: call.checksum.clone(),
    };
    let stored = put_part(world, profile, call, stored)?;
    let mut answer = empty(200).with("etag", format!("\"{}\"", stored.etag));
    if let Some(sum) = &stored.checksum {
        answer = answer.with(&sum.algorithm.header(), &sum.value);
    }
    Ok(encrypted(answer, &find(&world.buckets[&call.bucket], call)?.object))
}

pub(super) fn part_copy(world: &mut World, profile: &Profile, call: &Call) -> Outcome {
    if !profile.copies_parts {
        return Err(Refusal::not_implemented("x-amz-copy-source"));
    }
    find(&world.buckets[&call.bucket], call)?;
    let from = source(world, profile, call)?;
    let mut bytes = from.bytes.clone();
    if let Some(range) = call.header("x-amz-copy-source-range") {
        let span = range.strip_prefix("bytes=").and_then(|range| range.split_once('-'));
        let span = span.and_then(|(first, last)| Some((first.parse::<usize>().ok()?, last.parse::<usize>().ok()?)));
        let (first, last) = span.filter(|(first, last)| first <= last && *last < bytes.len()).ok_or_else(|| {
            Refusal::argument(
                "The x-amz-copy-source-range value must be of the form bytes=first-last, within the source",
            )
        })?;
        bytes = bytes.slice(first..last + 1);
    }
    let algorithm = find(&world.buckets[&call.bucket], call)?.checksum.map(|(algorithm, _)| algorithm);
    let stored = StoredPart {
        number: number(call, profile)?,
        etag: String::new(),
        modified: world.now(),
        checksum: algorithm.map(|algorithm| Sum::of(algorithm, &bytes)),
        bytes,
    };
    let stored = put_part(world, profile, call, stored)?;
    Ok(copied("CopyPartResult", &stored.etag, stored.modified))
}

fn number(call: &Call, profile: &Profile) -> Result<u32, Refusal> {
    let number = call.asks("partNumber").and_then(|number| number.parse().ok());
    number.filter(|number| (1..=profile.max_parts).contains(number)).ok_or_else(|| {
        let message = format!("Part number must be an integer between 1 and {}, inclusive", profile.max_parts);
        Refusal::argument(message)
    })
}

fn put_part(world: &mut World, profile: &Profile, call: &Call, mut part: StoredPart) -> Result<StoredPart, Refusal> {
    let upload = find(&world.buckets[&call.bucket], call)?;
    let (algorithm, is_full) = match upload.checksum {
        Some((algorithm, is_full)) => (Some(algorithm), is_full),
        None => (None, true),
    };
    let sent = part.checksum.as_ref().map(|sum| sum.algorithm);
    // A part may come without a checksum, unless the upload's is made of theirs; another kind is refused.
    if sent != algorithm && !(sent.is_none() && is_full) {
        let spell = |algorithm: Option<Algorithm>| algorithm.map_or("null", Algorithm::name).to_ascii_lowercase();
        let message = format!(
            "Checksum Type mismatch occurred, expected checksum Type: {}, actual checksum Type: {}",
            spell(algorithm),
            spell(sent)
        );
        return Err(Refusal::invalid(message));
    }
    let is_kms = upload.object.encryption.as_ref().is_some_and(|encryption| encryption.kind != "AES256");
    part.etag = match is_kms {
        true => tag(profile, &md5::compute(world.name("tag")).0),
        false => tag(profile, &md5::compute(&part.bytes).0),
    };
    let bucket = world.buckets.get_mut(&call.bucket).expect("it was looked for");
    let upload =
        bucket.uploads.get_mut(call.asks("uploadId").unwrap_or_default()).ok_or_else(Refusal::no_such_upload)?;
    upload.parts.insert(part.number, part.clone());
    Ok(part)
}

pub(super) fn complete(world: &mut World, profile: &Profile, call: &Call) -> Outcome {
    let bucket = &world.buckets[&call.bucket];
    let upload = find(bucket, call).map_err(|_| {
        let (status, code) = profile.gone_at_completion;
        Refusal::new(status, code, "The specified upload does not exist.")
    })?;
    check_conditions(bucket, call)?;
    let parts = chosen(upload, call, profile)?;
    let bytes: Vec<u8> = parts.iter().flat_map(|part| part.bytes.iter().copied()).collect();
    let size = call.header("x-amz-mp-object-size").map(str::parse::<usize>);
    if size.is_some_and(|size| size != Ok(bytes.len())) {
        return Err(Refusal::invalid("The provided 'x-amz-mp-object-size' header does not match what was computed"));
    }
    let checksum = whole(upload, &parts, &bytes, profile);
    if let Some(given) = &call.checksum {
        let same = checksum.as_ref().is_some_and(|sum| sum.algorithm == given.algorithm && sum.value == given.value);
        if profile.checksums == super::Checksums::Support && !same {
            return Err(Refusal::bad_digest("The checksum you specified did not match the calculated checksum."));
        }
    }
    let object = StoredObject { bytes: bytes.into(), parts, checksum, ..upload.object.clone() };
    let id = upload.id.clone();
    let stored = keep(world, profile, &call.bucket, &call.key, object);
    world.buckets.get_mut(&call.bucket).expect("it was looked for").uploads.remove(&id);
    let mut body = format!(
        "<CompleteMultipartUploadResult><Bucket>{}</Bucket><Key>{}</Key><ETag>&quot;{}&quot;</ETag>",
        call.bucket,
        text::escape(&call.key, profile.control),
        stored.etag
    );
    if let Some(sum) = &stored.checksum {
        let _ = write!(
            body,
            "<{0}>{1}</{0}><ChecksumType>{2}</ChecksumType>",
            sum.algorithm.element(),
            sum.value,
            sum.kind()
        );
    }
    body.push_str("</CompleteMultipartUploadResult>");
    Ok(encrypted(xml(body), &stored).with_some("x-amz-version-id", stored.version))
}

/// The parts that the request lists, if it may list them so.
fn chosen(upload: &OpenUpload, call: &Call, profile: &Profile) -> Result<Vec<StoredPart>, Refusal> {
    let malformed = || Refusal::new(400, "MalformedXML", "The XML you provided was not well-formed");
    let body = std::str::from_utf8(&call.body).map_err(|_| malformed())?;
    let mut parts: Vec<StoredPart> = Vec::new();
    for listed in text::elements(body, "Part") {
        let number: u32 = text::text_of(listed, "PartNumber").and_then(|n| n.parse().ok()).ok_or_else(malformed)?;
        let etag = text::text_of(listed, "ETag").ok_or_else(malformed)?;
        if parts.last().is_some_and(|last| last.number >= number) {
            let message = "The list of parts was not in ascending order. Parts must be ordered by part number.";
            return Err(Refusal::new(400, "InvalidPartOrder", message));
        }
        let stored = upload.parts.get(&number).filter(|part| part.etag == etag.trim_matches('"'));
        let invalid = || Refusal::new(400, "InvalidPart", "One or more of the specified parts could not be found.");
        let stored = stored.ok_or_else(invalid)?;
        if let Some((algorithm, is_full)) = upload.checksum {
            let given = text::text_of(listed, &algorithm.element());
            let kept = stored.checksum.as_ref().map(|sum| sum.value.clone());
            if given.is_none() && !is_full {
                let message = format!(
                    "The upload was created using a {} checksum. The complete request must include the checksum for each part.",
                    algorithm.name().to_ascii_lowercase()
                );
                return Err(Refusal::invalid(message));
            }
            if given.is_some() && given != kept {
                return Err(invalid());
            }
        }
        parts.push(stored.clone());
    }
    let Some((last, others)) = parts.split_last() else { return Err(malformed()) };
    if others.iter().any(|part| (part.bytes.len() as u64) < profile.min_part_bytes) {
        let message = "Your proposed upload is smaller than the minimum allowed size";
        return Err(Refusal::new(400, "EntityTooSmall", message));
    }
    let size = others.first().map_or(usize::MAX, |part| part.bytes.len());
    let is_even = others.iter().all(|part| part.bytes.len() == size) && last.bytes.len() <= size;
    if profile.wants_equal_parts && !is_even {
        return Err(Refusal::new(400, "InvalidPart", "All non-trailing parts must have the same length."));
    }
    Ok(parts)
}

/// The checksum of the object: of its bytes, or of its parts' checksums.
fn whole(upload: &OpenUpload, parts: &[StoredPart], bytes: &[u8], profile: &Profile) -> Option<Sum> {
    match upload.checksum {
        Some((algorithm, true)) => Some(Sum::of(algorithm, bytes)),
        Some((algorithm, false)) => {
            let sums: Vec<Sum> = parts.iter().filter_map(|part| part.checksum.clone()).collect();
            Some(Sum::composite(algorithm, &sums))
        }
        None => added_checksum(profile, bytes),
    }
}

pub(super) fn abort(world: &mut World, _: &Profile, call: &Call) -> Outcome {
    let id = find(&world.buckets[&call.bucket], call)?.id.clone();
    world.buckets.get_mut(&call.bucket).expect("it was looked for").uploads.remove(&id);
    Ok(empty(204))
}
