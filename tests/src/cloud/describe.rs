//! Metadata of objects: from a write's headers, and into answers.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::answer::{Answer, With as _, http_date};
use super::call::Call;
use super::profile::Metadata;
use super::refusal::Refusal;
use super::url;
use super::world::{Encryption, Grant, Restore, StoredObject};
use super::{Profile, detail};

/// Headers that are kept and given back as they came.
const KEPT: [&str; 6] =
    ["content-type", "content-encoding", "content-disposition", "content-language", "cache-control", "expires"];

/// Largest user metadata, bytes of names and values (Amazon S3, "User-defined object metadata").
const MAX_USER_BYTES: usize = 2048;

/// Classes that an object can be written in.
const CLASSES: [&str; 9] = [
    "STANDARD",
    "REDUCED_REDUNDANCY",
    "STANDARD_IA",
    "ONEZONE_IA",
    "INTELLIGENT_TIERING",
    "GLACIER_IR",
    "GLACIER",
    "DEEP_ARCHIVE",
    "EXPRESS_ONEZONE",
];

/// The object that a PUT, a copy or a new upload describes, without bytes, tag and time.
pub(super) fn described(call: &Call, profile: &Profile, default: Option<&Encryption>) -> Result<StoredObject, Refusal> {
    let mut stored = StoredObject { grants: grants(call, profile)?, ..StoredObject::default() };
    (stored.headers, stored.user) = attributes(call, profile)?;
    stored.tags = tags(call, profile)?;
    if let Some(class) = call.header("x-amz-storage-class") {
        if !profile.has_classes {
            return Err(Refusal::not_implemented("x-amz-storage-class"));
        }
        if !CLASSES.contains(&class) {
            let message = "The storage class you specified is not valid";
            return Err(Refusal::new(400, "InvalidStorageClass", message));
        }
        stored.class = if class == "STANDARD" { String::new() } else { class.to_owned() };
    }
    let key = call.header("x-amz-server-side-encryption-aws-kms-key-id").map(str::to_owned);
    stored.encryption = match call.header("x-amz-server-side-encryption") {
        Some("AES256") if key.is_none() => Some(Encryption { kind: "AES256".to_owned(), key }),
        Some(kind @ ("aws:kms" | "aws:kms:dsse")) => Some(Encryption { kind: kind.to_owned(), key }),
        Some(_) => return Err(Refusal::argument("The encryption method specified is not supported")),
        None => default.cloned(),
    };
    Ok(stored)
}

/// Values by name.
type Named = BTreeMap<String, String>;

/// Content headers and user metadata of a request.
fn attributes(call: &Call, profile: &Profile) -> Result<(Named, Named), Refusal> {
    let (mut headers, mut user) = (Named::new(), Named::new());
    for name in KEPT {
        let Some(value) = call.headers.get(name) else { continue };
        let mut value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        if name == "content-encoding" {
            let kept: Vec<&str> = value.split(',').map(str::trim).filter(|coding| *coding != "aws-chunked").collect();
            value = kept.join(",");
        }
        if !value.is_empty() {
            headers.insert(name.to_owned(), value);
        }
    }
    for (name, value) in &call.headers {
        let Some(name) = name.as_str().strip_prefix("x-amz-meta-") else { continue };
        let value = match profile.metadata {
            Metadata::Raw => {
                String::from_utf8(value.as_bytes().to_vec()).map_err(|_| Refusal::argument("metadata is not UTF-8"))?
            }
            Metadata::Rfc2047 => decode_words(&value.as_bytes().iter().copied().map(char::from).collect::<String>()),
        };
        // Values of one name are joined by a comma.
        user.entry(name.to_owned()).and_modify(|known| *known = format!("{known},{value}")).or_insert(value);
    }
    let size: usize = user.iter().map(|(name, value)| name.len() + value.len()).sum();
    if size > MAX_USER_BYTES {
        let message = "Your metadata headers exceed the maximum allowed metadata size";
        return Err(Refusal::new(400, "MetadataTooLarge", message));
    }
    Ok((headers, user))
}

fn tags(call: &Call, profile: &Profile) -> Result<Named, Refusal> {
    let Some(text) = call.header("x-amz-tagging") else { return Ok(Named::new()) };
    if !profile.has_tags {
        return Err(Refusal::not_implemented("x-amz-tagging"));
    }
    let pairs = url::pairs(text).ok_or_else(|| Refusal::argument("The header 'x-amz-tagging' is malformed"))?;
    detail::checked_tags(pairs)
}

/// Access that `x-amz-acl` or `x-amz-grant-*` give.
pub(super) fn grants(call: &Call, profile: &Profile) -> Result<BTreeSet<Grant>, Refusal> {
    let named = [
        ("x-amz-grant-read", "READ"),
        ("x-amz-grant-read-acp", "READ_ACP"),
        ("x-amz-grant-write-acp", "WRITE_ACP"),
        ("x-amz-grant-full-control", "FULL_CONTROL"),
    ];
    let canned = call.header("x-amz-acl");
    let grants = named.into_iter().filter_map(|(name, permission)| Some((call.header(name)?, permission)));
    let mut given: BTreeSet<Grant> = grants
        .flat_map(|(grantees, permission)| {
            grantees.split(',').map(move |grantee| Grant {
                grantee: grantee.trim().replace('"', ""),
                permission: permission.to_owned(),
            })
        })
        .collect();
    if (canned.is_some() || !given.is_empty()) && !profile.has_acl {
        return Err(Refusal::not_implemented("x-amz-acl"));
    }
    if canned.is_some() && !given.is_empty() {
        return Err(Refusal::invalid("Specifying both Canned ACLs and Header Grants is not allowed"));
    }
    let group = |name: &str, permission: &str| Grant {
        grantee: format!("uri=http://acs.amazonaws.com/groups/global/{name}"),
        permission: permission.to_owned(),
    };
    match canned {
        None | Some("private" | "bucket-owner-read" | "bucket-owner-full-control" | "aws-exec-read") => {}
        Some("public-read") => given.extend([group("AllUsers", "READ")]),
        Some("public-read-write") => given.extend([group("AllUsers", "READ"), group("AllUsers", "WRITE")]),
        Some("authenticated-read") => given.extend([group("AuthenticatedUsers", "READ")]),
        Some(_) => return Err(Refusal::argument("The canned ACL is not known")),
    }
    Ok(given)
}

/// An answer that describes the object; what it says of the length is the caller's.
pub(super) fn describe(
    mut answer: Answer,
    stored: &StoredObject,
    profile: &Profile,
    with_checksum: bool,
    with_tags: bool,
) -> Answer {
    answer = answer.with("etag", format!("\"{}\"", stored.etag)).with("last-modified", http_date(stored.modified));
    answer = answer.with("accept-ranges", "bytes").with_some("x-amz-version-id", stored.version.as_deref());
    if !stored.headers.contains_key("content-type") {
        answer = answer.with("content-type", "binary/octet-stream");
    }
    for (name, value) in &stored.headers {
        answer = answer.with(name, value);
    }
    for (name, value) in &stored.user {
        let value = match profile.metadata {
            Metadata::Raw => value.clone(),
            Metadata::Rfc2047 => encode_words(value),
        };
        answer = answer.with(&format!("x-amz-meta-{name}"), value);
    }
    if !stored.tags.is_empty() && with_tags {
        answer = answer.with("x-amz-tagging-count", stored.tags.len().to_string());
    }
    if !stored.class.is_empty() {
        answer = answer.with("x-amz-storage-class", &stored.class);
    }
    answer = match stored.restore {
        Some(Restore::Ongoing) => answer.with("x-amz-restore", "ongoing-request=\"true\""),
        Some(Restore::Done) => {
            answer.with("x-amz-restore", "ongoing-request=\"false\", expiry-date=\"Fri, 21 Dec 2040 00:00:00 GMT\"")
        }
        None => answer,
    };
    answer = encrypted(answer, stored);
    match stored.checksum.as_ref().filter(|_| with_checksum) {
        Some(sum) => answer.with(&sum.algorithm.header(), &sum.value).with("x-amz-checksum-type", sum.kind()),
        None => answer,
    }
}

/// An answer that says how the object is encrypted.
pub(super) fn encrypted(answer: Answer, stored: &StoredObject) -> Answer {
    let Some(encryption) = &stored.encryption else { return answer };
    answer
        .with("x-amz-server-side-encryption", &encryption.kind)
        .with_some("x-amz-server-side-encryption-aws-kms-key-id", encryption.key.as_deref())
}

/// Text whose RFC 2047 words, if it has any, are read.
fn decode_words(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("=?") {
        let Some((word, length)) = decode_word(&rest[at..]) else { break };
        plain.push_str(&rest[..at]);
        plain.push_str(&word);
        rest = &rest[at + length..];
        // Space between two words is none (§6.2).
        if rest.trim_start().starts_with("=?") {
            rest = rest.trim_start();
        }
    }
    plain.push_str(rest);
    plain
}

/// The word that the text begins with, and its length: `=?UTF-8?B?…?=` or `=?UTF-8?Q?…?=`.
fn decode_word(text: &str) -> Option<(String, usize)> {
    let inner = text.get(..8).filter(|head| head.eq_ignore_ascii_case("=?utf-8?"))?;
    let rest = &text[inner.len()..];
    let (kind, rest) = rest.split_once('?')?;
    let end = rest.find("?=")?;
    let bytes = match kind {
        "B" | "b" => BASE64.decode(&rest[..end]).ok()?,
        "Q" | "q" => url::decode(&rest[..end].replace('_', " ").replace('%', "=25").replace('=', "%"))?,
        _ => return None,
    };
    Some((String::from_utf8(bytes).ok()?, inner.len() + kind.len() + 1 + end + 2))
}

/// As one RFC 2047 word if it is not ASCII: in Q if most of it is, else in B.
fn encode_words(text: &str) -> String {
    if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return text.to_owned();
    }
    let ascii = text.chars().filter(char::is_ascii).count();
    if 2 * ascii <= text.chars().count() {
        return format!("=?UTF-8?B?{}?=", BASE64.encode(text));
    }
    let word: String = text
        .bytes()
        .map(|byte| match byte {
            b' ' => "_".to_owned(),
            b'=' | b'?' | b'_' | ..=0x1f | 0x7f.. => format!("={byte:02X}"),
            byte => char::from(byte).to_string(),
        })
        .collect();
    format!("=?UTF-8?Q?{word}?=")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_answered_as_amazon_documents() {
        let latin: String = "ÄMÄZÕÑ S3".bytes().map(char::from).collect();
        assert_eq!(encode_words(&decode_words(&latin)), "=?UTF-8?B?w4PChE3Dg8KEWsODwpXDg8KRIFMz?=");
        let word = "=?UTF-8?Q?=C3=84M=C3=84Z=C3=95=C3=91_S3?=";
        assert_eq!(decode_words(word), "ÄMÄZÕÑ S3");
        assert_eq!(encode_words("ÄMÄZÕÑ S3"), word);
        assert_eq!(encode_words("plain =?x"), "plain =?x");
        assert_eq!(decode_words("a =?UTF-8?B?w6k=?= =?UTF-8?B?w6k=?= b"), "a éé b");
    }
}
