//! An object's properties besides bytes and headers: tags, access, storage class, encryption, and the state of
//! an archived object.

use std::fmt::Write as _;

use aws_sdk_s3::error::ProvideErrorMetadata as _;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::{GlacierJobParameters, ObjectCannedAcl, RestoreRequest, ServerSideEncryption, StorageClass};

use super::Bucket;
use super::encoding::encode_path;
use shared::acl::{Acl, Grant, Grantee, Permission};
use shared::object::{Access, Pin, Tags};
use shared::retry::{self, ACL, RESTORE};
use shared::store::{Classes, Encryption, Restore, Support, Tier, Write};
use shared::{Error, ErrorKind, Result};

/// The properties of a new object besides its headers, as a request has them.
#[derive(Debug, Default)]
pub(super) struct Extras {
    pub tagging: Option<String>,
    pub class: Option<StorageClass>,
    pub canned: Option<ObjectCannedAcl>,
    pub full_control: Option<String>,
    pub read: Option<String>,
    pub read_acp: Option<String>,
    pub write_acp: Option<String>,
    pub encryption: Option<ServerSideEncryption>,
    pub kms_key: Option<String>,
}

/// Sets class, access and encryption of a request. The builders of PutObject, CopyObject and
/// CreateMultipartUpload have the same setters, but no common trait.
macro_rules! with_extras {
    ($request:expr, $extras:expr) => {{
        let extras: &super::extras::Extras = $extras;
        $request
            .set_storage_class(extras.class.clone())
            .set_acl(extras.canned.clone())
            .set_grant_full_control(extras.full_control.clone())
            .set_grant_read(extras.read.clone())
            .set_grant_read_acp(extras.read_acp.clone())
            .set_grant_write_acp(extras.write_acp.clone())
            .set_server_side_encryption(extras.encryption.clone())
            .set_ssekms_key_id(extras.kms_key.clone())
    }};
}
pub(super) use with_extras;

impl Bucket {
    /// The properties of `write` in the store's words; `Unsupported` for one that the store is known to lack,
    /// `Unrepresentable` for an invalid header.
    pub(super) async fn extras(&self, verb: &'static str, key: &str, write: &Write) -> Result<Extras> {
        let keeps = self.metadata_support();
        let lacks = |what: &str| {
            let message = format!("the store keeps no {what}");
            Err(Error::new(ErrorKind::Unsupported, verb, self.subject(key), message))
        };
        let acl = write.acl.as_ref().filter(|acl| !acl.is_private());
        if !write.tags.is_empty() && keeps.tags == Support::No {
            return lacks("tags");
        }
        if (acl.is_some() || write.canned_acl.is_some()) && keeps.acl == Support::No {
            return lacks("access control lists");
        }
        if write.storage_class.is_some() && *keeps.classes == Classes::NONE {
            return lacks("storage classes");
        }
        if write.encryption.is_some() && !keeps.encrypts {
            return lacks("objects encrypted on request");
        }
        if let Some((name, why)) = illegal_header(write) {
            let message = format!("{name} {why}, which no header can hold");
            return Err(Error::new(ErrorKind::Unrepresentable, verb, self.subject(key), message));
        }
        let mut extras = Extras {
            tagging: (!write.tags.is_empty()).then(|| tagging(&write.tags)),
            class: write.storage_class.as_deref().map(StorageClass::from),
            ..Extras::default()
        };
        (extras.encryption, extras.kms_key) = match &write.encryption {
            None => (None, None),
            Some(Encryption::Aes256) => (Some(ServerSideEncryption::Aes256), None),
            Some(Encryption::Kms(key)) => (Some(ServerSideEncryption::AwsKms), key.clone()),
        };
        if let Some(canned) = write.canned_acl {
            extras.canned = Some(ObjectCannedAcl::from(canned.as_str()));
        } else if let Some(acl) = acl {
            extras.canned = acl.canned().map(ObjectCannedAcl::from);
            if extras.canned.is_none() {
                let owner = self.owner(key).await?;
                let named = |permission| acl.header(permission, owner);
                extras.full_control = named(Permission::FullControl);
                extras.read = named(Permission::Read);
                extras.read_acp = named(Permission::ReadAcp);
                extras.write_acp = named(Permission::WriteAcp);
            }
        }
        Ok(extras)
    }

    /// Read-only: repeated after a failed attempt.
    pub(super) async fn acl(&self, key: &str, pin: &Pin) -> Result<Acl> {
        self.check_representable(ACL.verb, key).await?;
        if self.metadata_support().acl == Support::No {
            let message = "the store keeps no access control lists";
            return Err(Error::new(ErrorKind::Unsupported, ACL.verb, self.subject(key), message));
        }
        let once = || async {
            let request = self.client.get_object_acl().bucket(self.name()).key(self.full_key(ACL.verb, key)?);
            let answer = request.set_version_id(pin.version.clone()).send().await;
            let answer = answer.map_err(|error| self.error(ACL.verb, key, error))?;
            let owner = answer.owner.as_ref().and_then(|owner| owner.id());
            let grants = answer.grants.unwrap_or_default().into_iter().map(|raw| grant(raw, owner));
            let grants: Option<Vec<Grant>> = grants.collect();
            grants.map(Acl::new).ok_or_else(|| self.corrupt(ACL.verb, key, "a grant has no grantee or no permission"))
        };
        retry::run(&ACL, &self.subject(key), once).await
    }

    /// The canonical id of the bucket's owner, who owns the objects that are written here; requested once. `None`
    /// if the store does not report it: then the store decides about the owner's right.
    async fn owner(&self, key: &str) -> Result<Option<&str>> {
        let ask = || async {
            let once = || async {
                let answer = self.client.get_bucket_acl().bucket(self.name()).send().await;
                let answer = answer.map_err(|error| self.error(ACL.verb, key, error))?;
                Ok(answer.owner.and_then(|owner| owner.id).filter(|id| !id.is_empty()))
            };
            match retry::run(&ACL, &self.subject(key), once).await {
                Err(error) if !error.is_retryable() => Ok(None),
                answer => answer,
            }
        };
        Ok(self.owner.get_or_try_init(ask).await?.as_deref())
    }

    /// Safe to repeat: the store answers that the restore is in progress.
    pub(super) async fn restore(&self, key: &str, pin: &Pin, restore: &Restore) -> Result<()> {
        let tier = match restore.tier {
            Tier::Bulk => aws_sdk_s3::types::Tier::Bulk,
            Tier::Standard => aws_sdk_s3::types::Tier::Standard,
            Tier::Expedited => aws_sdk_s3::types::Tier::Expedited,
        };
        let once = || async {
            let parameters = GlacierJobParameters::builder().tier(tier.clone()).build();
            let parameters = parameters.map_err(|error| {
                Error::new(ErrorKind::Invalid, RESTORE.verb, self.subject(key), "no tier").with_source(error)
            })?;
            let wish = RestoreRequest::builder()
                .set_days(restore.days.map(i32::from))
                .glacier_job_parameters(parameters)
                .build();
            let request = self.client.restore_object().bucket(self.name()).key(self.full_key(RESTORE.verb, key)?);
            let request = request.set_version_id(pin.version.clone()).restore_request(wish);
            match request.send().await {
                Ok(_) => Ok(()),
                Err(error) if ASKED_BEFORE.contains(&error.code().unwrap_or_default()) => Ok(()),
                Err(error) => Err(self.error(RESTORE.verb, key, error)),
            }
        };
        retry::run(&RESTORE, &self.subject(key), once).await
    }
}

/// Answers to a restore that is in progress or no longer needed (Amazon S3 `RestoreObject`, "Errors").
const ASKED_BEFORE: [&str; 2] = ["RestoreAlreadyInProgress", "ObjectAlreadyInActiveTierError"];

/// A grant of an answer; `None` if it is invalid.
fn grant(raw: aws_sdk_s3::types::Grant, owner: Option<&str>) -> Option<Grant> {
    let permission = Permission::named(raw.permission?.as_str())?;
    let grantee = raw.grantee?;
    let grantee = match (grantee.uri, grantee.id) {
        (Some(uri), _) => Grantee::Group(uri),
        (None, Some(id)) if Some(id.as_str()) == owner => Grantee::Owner,
        (None, id) => Grantee::Account(id?),
    };
    Some(Grant { grantee, permission })
}

/// Tags in the form of `x-amz-tagging`: the parameters of a URL.
fn tagging(tags: &Tags) -> String {
    tags.iter().fold(String::new(), |mut text, (name, value)| {
        let separator = if text.is_empty() { "" } else { "&" };
        let _ = write!(text, "{separator}{}={}", encode_path(name), encode_path(value));
        text
    })
}

/// The first invalid header (RFC 9110 §5.5), and why.
fn illegal_header(write: &Write) -> Option<(String, &'static str)> {
    let attributes = &write.attributes;
    let headers = [
        ("Content-Type", &attributes.content_type),
        ("Content-Encoding", &attributes.content_encoding),
        ("Content-Disposition", &attributes.content_disposition),
        ("Content-Language", &attributes.content_language),
        ("Cache-Control", &attributes.cache_control),
        ("Expires", &attributes.expires),
    ];
    let headers = headers.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.as_deref()?)));
    let user = attributes.user.iter().map(|(name, value)| (format!("user metadata {name:?}"), value.as_str()));
    headers.chain(user).find_map(|(name, value)| Some((name, illegal(value)?)))
}

fn illegal(value: &str) -> Option<&'static str> {
    if value.chars().any(|c| c.is_ascii_control() && c != '\t') {
        return Some("contains a control character");
    }
    (value.trim_matches([' ', '\t']) != value).then_some("begins or ends with a space")
}

/// Whether an object can be read, by its class, `x-amz-archive-status` and `x-amz-restore`.
pub(super) fn access(answer: &HeadObjectOutput, classes: &Classes) -> Access {
    let class = answer.storage_class.as_ref().map(StorageClass::as_str);
    if answer.archive_status.is_none() && !class.is_some_and(|class| classes.is_archive(class)) {
        return Access::Readable;
    }
    match answer.restore.as_deref() {
        Some(restore) if restore.contains("ongoing-request=\"false\"") => Access::Readable,
        Some(restore) if restore.contains("ongoing-request=\"true\"") => Access::Restoring,
        _ => Access::Archived,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_s3::types::ArchiveStatus;
    use shared::object::Attributes;

    #[test]
    fn tags_are_spelled_as_the_parameters_of_a_url() {
        let pair = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let tags: Tags = [("a", "1"), ("b c", "ü&="), ("d", "")].map(pair).into();
        assert_eq!(tagging(&tags), "a=1&b%20c=%C3%BC%26%3D&d=");
    }

    #[test]
    fn a_header_that_cannot_be_one_is_named() {
        let with = |value: &str| {
            let user = [("k".to_owned(), value.to_owned())].into();
            illegal_header(&Write { attributes: Attributes { user, ..Attributes::default() }, ..Write::default() })
        };
        for value in ["", "plain", "a\tb", "grüß", "=?UTF-8?B?w7w=?="] {
            assert_eq!(with(value), None, "{value:?}");
        }
        for value in ["a\nb", "a\r\nx-amz-acl: public-read", "\u{7f}", " a", "a\t"] {
            assert_eq!(with(value).map(|(name, _)| name).as_deref(), Some("user metadata \"k\""), "{value:?}");
        }
    }

    #[test]
    fn whether_an_object_can_be_read_follows_its_table() {
        use Access::*;
        let (ongoing, done) =
            ("ongoing-request=\"true\"", "ongoing-request=\"false\", expiry-date=\"Fri, 21 Dec 2040 00:00:00 GMT\"");
        for (class, status, restore, expected) in [
            ("", None, None, Readable),
            ("STANDARD_IA", None, None, Readable),
            ("GLACIER_IR", None, None, Readable),
            ("GLACIER", None, None, Archived),
            ("DEEP_ARCHIVE", None, Some(ongoing), Restoring),
            ("GLACIER", None, Some(done), Readable),
            ("INTELLIGENT_TIERING", None, None, Readable),
            ("INTELLIGENT_TIERING", Some(ArchiveStatus::ArchiveAccess), None, Archived),
            ("INTELLIGENT_TIERING", Some(ArchiveStatus::DeepArchiveAccess), Some(ongoing), Restoring),
        ] {
            let answer = HeadObjectOutput::builder()
                .set_storage_class((!class.is_empty()).then(|| StorageClass::from(class)))
                .set_archive_status(status.clone())
                .set_restore(restore.map(str::to_owned))
                .build();
            assert_eq!(access(&answer, &Classes::AMAZON), expected, "{class} {status:?} {restore:?}");
        }
    }
}
