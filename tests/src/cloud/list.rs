//! ListObjects, ListObjectsV2, ListMultipartUploads and ListParts.

use std::cmp::Ordering;
use std::fmt::Write as _;

use super::answer::{Outcome, iso_date, xml};
use super::call::Call;
use super::profile::Order;
use super::refusal::Refusal;
use super::sign::hex;
use super::url::{self, encode_listed};
use super::world::{Bucket, OpenUpload, Restore, StoredObject, World};
use super::{Profile, xml::escape};

/// One line of a listing.
enum Line<'a> {
    Object(&'a str, &'a StoredObject),
    Folder(&'a str),
}

impl<'a> Line<'a> {
    fn name(&self) -> &'a str {
        match self {
            Line::Object(name, _) | Line::Folder(name) => name,
        }
    }
}

/// How text stands in this listing.
struct Spelling {
    is_url: bool,
    control: super::Control,
}

impl Spelling {
    fn of(call: &Call, profile: &Profile) -> Result<Spelling, Refusal> {
        let is_url = match call.asks("encoding-type") {
            Some("url") => profile.encodes_listings,
            Some(_) => return Err(Refusal::argument("Invalid Encoding Method specified in Request")),
            None => false,
        };
        Ok(Spelling { is_url, control: profile.control })
    }

    fn text(&self, text: &str) -> String {
        if self.is_url { encode_listed(text) } else { escape(text, self.control) }
    }

    fn element(&self) -> &'static str {
        if self.is_url { "<EncodingType>url</EncodingType>" } else { "" }
    }
}

fn compare(order: Order, a: &str, b: &str) -> Ordering {
    match order {
        Order::Bytes => a.cmp(b),
        Order::Utf16 => a.encode_utf16().cmp(b.encode_utf16()),
    }
}

/// Whether a store of folders does not show what is below an object.
fn is_hidden(bucket: &Bucket, key: &str) -> bool {
    key.match_indices('/').any(|(at, _)| bucket.current(&key[..at]).is_some())
}

/// What a page of a listing shows.
struct Shown<'a> {
    prefix: &'a str,
    delimiter: Option<&'a str>,
    /// The key or folder that it begins after.
    after: Option<&'a str>,
    /// Whether `after` may be a folder, which then comes no more.
    is_marker: bool,
    /// Most lines.
    most: usize,
}

impl Shown<'_> {
    /// The lines, and whether there are more.
    fn lines<'b>(&self, bucket: &'b Bucket, profile: &Profile) -> (Vec<Line<'b>>, bool) {
        let mut keys: Vec<(&'b str, &'b StoredObject)> = bucket
            .keys
            .iter()
            .filter(|(key, _)| key.starts_with(self.prefix) && !(profile.has_folders && is_hidden(bucket, key)))
            .filter_map(|(key, _)| Some((key.as_str(), bucket.current(key)?)))
            .collect();
        if profile.order != Order::Bytes {
            keys.sort_by(|(a, _), (b, _)| compare(profile.order, a, b));
        }
        let mut lines: Vec<Line<'b>> = Vec::new();
        let mut is_truncated = false;
        for (key, object) in keys {
            if self.after.is_some_and(|after| compare(profile.order, key, after) != Ordering::Greater) {
                continue;
            }
            let folder = self.delimiter.and_then(|delimiter| {
                key[self.prefix.len()..].find(delimiter).map(|at| &key[..self.prefix.len() + at + delimiter.len()])
            });
            let line = folder.map_or(Line::Object(key, object), Line::Folder);
            let is_known = matches!(&line, Line::Folder(folder)
                if lines.last().is_some_and(|last| last.name() == *folder) || self.is_marker && self.after == Some(*folder));
            if is_known {
                continue;
            }
            if lines.len() == self.most {
                is_truncated = self.most > 0;
                break;
            }
            lines.push(line);
        }
        (lines, is_truncated)
    }
}

pub(super) fn objects(world: &mut World, profile: &Profile, call: &Call) -> Outcome {
    let bucket = &world.buckets[&call.bucket];
    let spelling = Spelling::of(call, profile)?;
    let is_v2 = profile.lists_v2 && call.asks("list-type") == Some("2");
    let prefix = call.asks("prefix").unwrap_or_default();
    let delimiter = call.asks("delimiter").filter(|delimiter| !delimiter.is_empty());
    let most = match call.asks("max-keys").map(str::parse::<usize>) {
        None => profile.page_keys,
        Some(Ok(most)) => most.min(profile.page_keys),
        Some(Err(_)) => return Err(Refusal::argument("Provided max-keys not an integer or within integer range")),
    };
    let token = call.asks("continuation-token").filter(|_| is_v2).map(open_token).transpose()?;
    let start = if is_v2 { call.asks("start-after") } else { call.asks("marker") };
    let after = token.as_deref().or(start).filter(|after| !after.is_empty());
    // A folder that ended the last page comes no more, however many keys are below it.
    let is_marker = token.is_some() || !is_v2;

    let shown = Shown { prefix, delimiter, after, is_marker, most };
    let (lines, is_truncated) = shown.lines(bucket, profile);
    let last = lines.last().map(Line::name).unwrap_or_default();

    let mut text = String::from("<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    let _ = write!(
        text,
        "<Name>{}</Name><Prefix>{}</Prefix><MaxKeys>{most}</MaxKeys>{}<IsTruncated>{is_truncated}</IsTruncated>",
        call.bucket,
        spelling.text(prefix),
        spelling.element()
    );
    if let Some(delimiter) = delimiter {
        let _ = write!(text, "<Delimiter>{}</Delimiter>", spelling.text(delimiter));
    }
    if is_v2 {
        let _ = write!(text, "<KeyCount>{}</KeyCount>", lines.len());
        if is_truncated {
            let _ = write!(text, "<NextContinuationToken>{}</NextContinuationToken>", seal_token(last));
        }
    } else {
        let _ = write!(text, "<Marker>{}</Marker>", spelling.text(start.unwrap_or_default()));
        // Amazon reports it only where there is a delimiter; else it is the last key.
        if is_truncated && delimiter.is_some() {
            let _ = write!(text, "<NextMarker>{}</NextMarker>", spelling.text(last));
        }
    }
    let reports_restores = call.header("x-amz-optional-object-attributes").is_some_and(|v| v.contains("RestoreStatus"));
    for line in &lines {
        match line {
            Line::Object(key, stored) => text.push_str(&object(key, stored, &spelling, reports_restores)),
            Line::Folder(folder) => {
                let _ = write!(text, "<CommonPrefixes><Prefix>{}</Prefix></CommonPrefixes>", spelling.text(folder));
            }
        }
    }
    text.push_str("</ListBucketResult>");
    Ok(xml(text))
}

fn object(key: &str, stored: &StoredObject, spelling: &Spelling, reports_restores: bool) -> String {
    let class = if stored.class.is_empty() { "STANDARD" } else { &stored.class };
    let restore = match stored.restore.filter(|_| reports_restores) {
        Some(restore) => {
            format!(
                "<RestoreStatus><IsRestoreInProgress>{}</IsRestoreInProgress></RestoreStatus>",
                restore == Restore::Ongoing
            )
        }
        None => String::new(),
    };
    format!(
        "<Contents><Key>{}</Key><LastModified>{}</LastModified><ETag>&quot;{}&quot;</ETag><Size>{}</Size>\
         <StorageClass>{class}</StorageClass>{restore}</Contents>",
        spelling.text(key),
        iso_date(stored.modified),
        stored.etag,
        stored.bytes.len(),
    )
}

// Opaque to clients, and no key: one that passes it as a key is found out.
fn seal_token(last: &str) -> String {
    format!("1{}", hex(last.as_bytes()))
}

fn open_token(token: &str) -> Result<String, Refusal> {
    let wrong = || Refusal::argument("The continuation token provided is incorrect");
    let digits = token.strip_prefix('1').ok_or_else(wrong)?;
    let escaped: String =
        digits.as_bytes().chunks(2).map(|pair| format!("%{}", String::from_utf8_lossy(pair))).collect();
    url::decode_text(&escaped).ok_or_else(wrong)
}

pub(super) fn uploads(world: &mut World, profile: &Profile, call: &Call) -> Outcome {
    if !profile.lists_uploads {
        return Err(Refusal::not_implemented("uploads"));
    }
    let bucket = &world.buckets[&call.bucket];
    let spelling = Spelling::of(call, profile)?;
    let most = call.asks("max-uploads").and_then(|most| most.parse().ok()).unwrap_or(profile.page_keys);
    let prefix = call.asks("prefix").unwrap_or_default();
    let marker = (call.asks("key-marker").unwrap_or_default(), call.asks("upload-id-marker").unwrap_or_default());
    let mut uploads: Vec<&OpenUpload> =
        bucket.uploads.values().filter(|upload| upload.key.starts_with(prefix)).collect();
    uploads.sort_by_key(|upload| (&upload.key, &upload.id));
    // Without an id a marker covers all uploads of its key.
    uploads.retain(|upload| match marker {
        ("", _) => true,
        (key, "") => upload.key.as_str() > key,
        marker => (upload.key.as_str(), upload.id.as_str()) > marker,
    });
    let is_truncated = uploads.len() > most;
    uploads.truncate(most);
    let mut text = format!(
        "<ListMultipartUploadsResult><Bucket>{}</Bucket>{}<IsTruncated>{is_truncated}</IsTruncated>",
        call.bucket,
        spelling.element()
    );
    if let Some(last) = uploads.last().filter(|_| is_truncated) {
        let _ = write!(
            text,
            "<NextKeyMarker>{}</NextKeyMarker><NextUploadIdMarker>{}</NextUploadIdMarker>",
            spelling.text(&last.key),
            last.id
        );
    }
    for upload in uploads {
        let _ = write!(
            text,
            "<Upload><Key>{}</Key><UploadId>{}</UploadId><Initiated>{}</Initiated></Upload>",
            spelling.text(&upload.key),
            upload.id,
            iso_date(upload.begun)
        );
    }
    text.push_str("</ListMultipartUploadsResult>");
    Ok(xml(text))
}

pub(super) fn parts(world: &mut World, profile: &Profile, call: &Call) -> Outcome {
    let upload = super::multipart::find(&world.buckets[&call.bucket], call)?;
    let most = call.asks("max-parts").and_then(|most| most.parse().ok()).unwrap_or(profile.page_keys);
    let marker = call.asks("part-number-marker").and_then(|marker| marker.parse().ok()).unwrap_or(0);
    let later: Vec<_> = upload.parts.values().filter(|part| part.number > marker).collect();
    let shown = &later[..later.len().min(most)];
    let mut text = format!(
        "<ListPartsResult><Bucket>{}</Bucket><Key>{}</Key><UploadId>{}</UploadId><PartNumberMarker>{marker}</PartNumberMarker>\
         <NextPartNumberMarker>{}</NextPartNumberMarker><MaxParts>{most}</MaxParts><IsTruncated>{}</IsTruncated>",
        call.bucket,
        escape(&upload.key, profile.control),
        upload.id,
        shown.last().map_or(0, |part| part.number),
        shown.len() < later.len(),
    );
    for part in shown {
        let sum = part.checksum.iter().map(|sum| format!("<{0}>{1}</{0}>", sum.algorithm.element(), sum.value));
        let _ = write!(
            text,
            "<Part><PartNumber>{}</PartNumber><LastModified>{}</LastModified><ETag>&quot;{}&quot;</ETag><Size>{}</Size>{}</Part>",
            part.number,
            iso_date(part.modified),
            part.etag,
            part.bytes.len(),
            sum.collect::<String>(),
        );
    }
    text.push_str("</ListPartsResult>");
    Ok(xml(text))
}
