//! Tags, access and restoring of objects that are there.

use std::collections::{BTreeMap, BTreeSet};

use super::answer::{Outcome, With as _, empty, xml};
use super::call::Call;
use super::read::found;
use super::refusal::Refusal;
use super::world::{Grant, Restore, StoredObject, World};
use super::{Control, Profile, describe, xml as text};

/// Who owns everything.
const OWNER: &str = "id=0123456789abcdef";

/// Most tags (Amazon S3, "Categorizing your objects using tags").
const MAX_TAGS: usize = 10;

/// Tags or ACL, by what the call asks for.
pub(super) fn detail(world: &mut World, profile: &Profile, call: &Call) -> Outcome {
    let is_tags = call.asks("tagging").is_some();
    let is_known = if is_tags { profile.has_tags } else { profile.has_acl };
    if !is_known {
        return Err(Refusal::not_implemented(if is_tags { "tagging" } else { "acl" }));
    }
    let stored = found(&world.buckets[&call.bucket], profile, call)?;
    match (call.method.as_str(), is_tags) {
        ("GET", true) => return Ok(xml(tagging(stored)).with_some("x-amz-version-id", stored.version.as_deref())),
        ("GET", false) => return Ok(xml(policy(stored))),
        _ => {}
    }
    let tags = match (call.method.as_str(), is_tags) {
        ("PUT", true) => Some(tags_of(call)?),
        ("DELETE", true) => Some(BTreeMap::new()),
        ("PUT", false) => None,
        _ => return Err(Refusal::new(405, "MethodNotAllowed", "The specified method is not allowed")),
    };
    let grants = if is_tags { BTreeSet::new() } else { grants_of(call, profile)? };
    let bucket = world.buckets.get_mut(&call.bucket).expect("it was looked for");
    let stored = bucket.stored_mut(&call.key, call.asks("versionId")).ok_or_else(Refusal::no_such_key)?;
    match tags {
        Some(tags) => stored.tags = tags,
        None => stored.grants = grants,
    }
    Ok(empty(if call.method == http::Method::DELETE { 204 } else { 200 }))
}

fn tagging(stored: &StoredObject) -> String {
    let spell = |text: &str| text::escape(text, Control::Referenced);
    let tags =
        stored.tags.iter().map(|(k, v)| format!("<Tag><Key>{}</Key><Value>{}</Value></Tag>", spell(k), spell(v)));
    format!("<Tagging><TagSet>{}</TagSet></Tagging>", tags.collect::<String>())
}

fn tags_of(call: &Call) -> Result<BTreeMap<String, String>, Refusal> {
    let body = String::from_utf8_lossy(&call.body);
    // Values may begin or end with spaces.
    let value = |tag: &str, name: &str| text::elements(tag, name).first().map(|raw| text::unescape(raw));
    let pairs = text::elements(&body, "Tag")
        .into_iter()
        .map(|tag| Some((value(tag, "Key")?, value(tag, "Value")?)))
        .collect::<Option<Vec<_>>>();
    checked_tags(pairs.ok_or_else(|| Refusal::new(400, "MalformedXML", "The XML you provided was not well-formed"))?)
}

/// Tags as Amazon takes them.
pub(super) fn checked_tags(pairs: Vec<(String, String)>) -> Result<BTreeMap<String, String>, Refusal> {
    if pairs.len() > MAX_TAGS {
        return Err(Refusal::new(400, "BadRequest", "Object tags cannot be greater than 10"));
    }
    let is_legal = |c: char| c.is_alphanumeric() || c.is_whitespace() || "_.:/=+-@".contains(c);
    for (key, value) in &pairs {
        if key.is_empty() || key.chars().count() > 128 || key.starts_with("aws:") || !key.chars().all(is_legal) {
            return Err(Refusal::new(400, "InvalidTag", "The TagKey you have provided is invalid"));
        }
        if value.chars().count() > 256 || !value.chars().all(is_legal) {
            return Err(Refusal::new(400, "InvalidTag", "The TagValue you have provided is invalid"));
        }
    }
    let count = pairs.len();
    let tags: BTreeMap<_, _> = pairs.into_iter().collect();
    match tags.len() == count {
        true => Ok(tags),
        false => Err(Refusal::new(400, "InvalidTag", "Cannot provide multiple Tags with the same key")),
    }
}

fn policy(stored: &StoredObject) -> String {
    let owner = Grant { grantee: OWNER.to_owned(), permission: "FULL_CONTROL".to_owned() };
    let grants = std::iter::once(&owner).chain(&stored.grants).map(|grant| {
        let (kind, value) = grant.grantee.split_once('=').unwrap_or(("id", &grant.grantee));
        let (kind, element) = match kind {
            "uri" => ("Group", "URI"),
            "emailAddress" => ("AmazonCustomerByEmail", "EmailAddress"),
            _ => ("CanonicalUser", "ID"),
        };
        format!(
            "<Grant><Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"{kind}\">\
             <{element}>{value}</{element}></Grantee><Permission>{}</Permission></Grant>",
            grant.permission
        )
    });
    let id = OWNER.trim_start_matches("id=");
    let grants: String = grants.collect();
    format!(
        "<AccessControlPolicy><Owner><ID>{id}</ID></Owner><AccessControlList>{grants}</AccessControlList></AccessControlPolicy>"
    )
}

fn grants_of(call: &Call, profile: &Profile) -> Result<BTreeSet<Grant>, Refusal> {
    if call.body.is_empty() {
        return describe::grants(call, profile);
    }
    let body = String::from_utf8_lossy(&call.body);
    let grants = text::elements(&body, "Grant").into_iter().map(|grant| {
        let named = [("ID", "id"), ("URI", "uri"), ("EmailAddress", "emailAddress")];
        let grantee =
            named.into_iter().find_map(|(element, kind)| Some(format!("{kind}={}", text::text_of(grant, element)?)));
        Some(Grant { grantee: grantee?, permission: text::text_of(grant, "Permission")? })
    });
    let grants: Option<BTreeSet<Grant>> = grants.collect();
    let malformed = || Refusal::new(400, "MalformedACLError", "The XML you provided was not well-formed");
    let mut grants = grants.ok_or_else(malformed)?;
    grants.retain(|grant| grant.grantee != OWNER);
    Ok(grants)
}

/// RestoreObject: asked for, it goes on until [`Cloud::finish_restores`](super::Cloud::finish_restores).
pub(super) fn restore(world: &mut World, profile: &Profile, call: &Call) -> Outcome {
    if !profile.has_classes {
        return Err(Refusal::not_implemented("restore"));
    }
    let stored = found(&world.buckets[&call.bucket], profile, call)?;
    let body = String::from_utf8_lossy(&call.body).into_owned();
    let tier = text::text_of(&body, "Tier").unwrap_or_else(|| "Standard".to_owned());
    if !["Standard", "Bulk", "Expedited"].contains(&tier.as_str()) {
        return Err(Refusal::new(400, "MalformedXML", "The XML you provided was not well-formed"));
    }
    match (stored.class.as_str(), stored.restore) {
        ("GLACIER" | "DEEP_ARCHIVE", Some(Restore::Ongoing)) => {
            Err(Refusal::new(409, "RestoreAlreadyInProgress", "Object restore is already in progress"))
        }
        ("DEEP_ARCHIVE", None) if tier == "Expedited" => {
            Err(Refusal::argument("Retrieval option is not supported by this storage class"))
        }
        ("GLACIER" | "DEEP_ARCHIVE", was) => {
            let bucket = world.buckets.get_mut(&call.bucket).expect("it was looked for");
            let stored = bucket.stored_mut(&call.key, call.asks("versionId")).ok_or_else(Refusal::no_such_key)?;
            stored.restore.get_or_insert(Restore::Ongoing);
            Ok(empty(if was.is_some() { 200 } else { 202 }))
        }
        _ => Err(Refusal::new(
            403,
            "InvalidObjectState",
            "Restore is not allowed for the object's current storage class",
        )),
    }
}
