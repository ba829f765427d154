//! Headers, tags, storage class and access list of an object: the metadata of a copy, and reports of unsupported ones.
//!
//! Streamed, sent in parts or copied by the service: what an object comes with is decided here, so that it
//! is the same however it goes.

use shared::config::Work;
use shared::metadata::content_type;
use shared::object::{Attributes, ObjectInfo, Pin, Tags, Uncarried};
use shared::objects::UploadRecord;
use shared::objects::job::JobObject;
use shared::store::{Capabilities, ObjectStore, Spelling, Support, Write};
use shared::{Error, ErrorKind, Result, rfc2047};

pub(crate) mod snapshot;
mod tags;
pub(crate) mod unsupported;

use crate::objects::context::{Context, ObjectsContext};
use crate::objects::version::at_version;

pub(crate) use snapshot::SourceSnapshot;
pub(crate) use tags::{EarlyTags, described_with_tags, opened_with_tags};
pub(crate) use unsupported::Unsupported;

/// Whether a destination does not support a feature, by its capabilities.
fn is_unsupported(feature: Unsupported, source: &Capabilities, destination: &Capabilities) -> bool {
    match feature {
        Unsupported::Attributes => !destination.keeps_attributes,
        Unsupported::Tags => destination.metadata.tags == Support::No,
        Unsupported::Acl => destination.metadata.acl == Support::No,
        Unsupported::StorageClass => {
            let theirs = destination.metadata.classes.family;
            theirs.is_empty() || theirs != source.metadata.classes.family
        }
        _ => false,
    }
}

/// What refusals name, of that which a destination may do without: codes and headers.
const MARKS: [(Unsupported, &[&str]); 3] = [
    (Unsupported::Acl, &["AccessControlListNotSupported", "x-amz-acl", "x-amz-grant"]),
    (Unsupported::Tags, &["x-amz-tagging"]),
    (Unsupported::StorageClass, &["InvalidStorageClass", "x-amz-storage-class"]),
];

/// What the destination refused of a write, if it may do without: what the error names, else the first
/// thing that was carried along.
fn refused(write: &Write, options: &Work, error: &Error) -> Option<Unsupported> {
    if error.kind() != ErrorKind::Unsupported {
        return None;
    }
    let is_carried = |feature: Unsupported| match feature {
        Unsupported::Acl => write.acl.is_some(),
        Unsupported::Tags => !write.tags.is_empty(),
        Unsupported::StorageClass => write.storage_class.is_some() && options.storage_class.is_none(),
        _ => false,
    };
    let message = error.message().to_ascii_lowercase();
    let names = |marks: &[&str]| marks.iter().any(|mark| message.contains(&mark.to_ascii_lowercase()));
    let named = MARKS.iter().find(|(_, marks)| names(marks)).map(|(feature, _)| *feature);
    let first = || MARKS.iter().map(|(feature, _)| *feature).find(|feature| is_carried(*feature));
    match named {
        Some(feature) => Some(feature).filter(|feature| is_carried(*feature)),
        None => first(),
    }
}

impl ObjectsContext {
    /// Whether an object may go without something: said once a run; with `strict`, an error.
    pub(crate) fn leave_out(&self, feature: Unsupported, key: &str) -> Result<()> {
        if self.options.strict {
            let subject = self.destination.location().display_key(key);
            let message = format!("strict: {}", feature.text(self.source.capabilities().rights));
            return Err(Error::new(ErrorKind::Unrepresentable, "copy", subject, message));
        }
        // The first warning names all known unsupported features, so that it is the only one.
        let mut all = vec![feature];
        if Unsupported::BY_DESTINATION.contains(&feature) {
            let (source, destination) = (self.source.capabilities(), self.destination.capabilities());
            let others = Unsupported::BY_DESTINATION.into_iter().filter(|other| *other != feature);
            let wanted = |other: &Unsupported| *other != Unsupported::Acl || self.options.acl;
            all.extend(others.filter(wanted).filter(|other| is_unsupported(*other, source, destination)));
        }
        let names = self.source.capabilities().rights;
        let unsaid: Vec<String> =
            self.unsupported.unsaid(&all).into_iter().map(|feature| feature.text(names)).collect();
        if !unsaid.is_empty() {
            tracing::warn!("some metadata is not copied: {} (with --strict these objects fail)", unsaid.join("; "));
        }
        Ok(())
    }

    pub(crate) fn is_unsupported(&self, feature: Unsupported) -> bool {
        is_unsupported(feature, self.source.capabilities(), self.destination.capabilities())
            || self.unsupported.is_refused(feature)
    }

    /// Takes in that the destination refused `write`. `true`: it can be written again without what was
    /// refused. Each time there is less to leave out, so this ends.
    pub fn can_do_without(&self, write: &Write, error: &Error) -> bool {
        match refused(write, &self.options, error) {
            Some(feature) if !self.options.strict => {
                self.unsupported.refuse(feature);
                true
            }
            _ => false,
        }
    }
}

/// Everything that `object`, which `info` describes, is written with, `early` tags among it.
pub(crate) async fn write(context: &Context, object: &JobObject, info: &ObjectInfo, early: EarlyTags) -> Result<Write> {
    let key = &object.key;
    let mut write = beside(context, object, info.storage_class.as_deref()).await?;
    write.size = info.size;
    write.replaces = object.blocked > 0;
    write.modified = Some(at_version(object, info).modified);
    match attributes(context, info) {
        Some(attributes) => write.attributes = attributes,
        None if says_something(&info.attributes) => context.objects.leave_out(Unsupported::Attributes, key)?,
        None => {}
    }
    if info.unreported_metadata > 0 {
        context.objects.leave_out(Unsupported::Unreported, key)?;
    }
    write.tags = tags::read(context, key, info, early).await?;
    leave_behind(context, key, info)?;
    Ok(write)
}

/// The headers and user metadata that the destination gets of an object, as it spells them; `None` where it keeps none.
pub(crate) fn attributes(context: &Context, info: &ObjectInfo) -> Option<Attributes> {
    let keeps = context.objects.destination.capabilities().keeps_attributes;
    keeps.then(|| spelled(&info.attributes, context.objects.spellings()))
}

/// The source's description of an object that was written so, to be compared with the second look.
pub(crate) fn snapshot(context: &Context, info: &ObjectInfo, write: Write) -> SourceSnapshot {
    let tags = are_compared(context, &write.tags).then_some(write.tags);
    SourceSnapshot { attributes: attributes(context, info), tags }
}

/// The source's description of an object that the service is about to copy.
pub(crate) async fn snapshot_before(context: &Context, key: &str, info: &ObjectInfo) -> Result<SourceSnapshot> {
    let tags = match info.tag_count {
        _ if !context.objects.follow.look_again
            || !context.objects.options.tags
            || context.objects.is_unsupported(Unsupported::Tags) =>
        {
            None
        }
        Some(0) => Some(Tags::new()),
        _ => match context.objects.source.tags(key, &info.pin()).await {
            Ok(tags) => Some(tags),
            // The service may read what we may not.
            Err(error) if matches!(error.kind(), ErrorKind::Denied | ErrorKind::Unsupported) => None,
            Err(error) => return Err(error),
        },
    };
    Ok(SourceSnapshot { attributes: attributes(context, info), tags })
}

/// The source's description of an object that an upload was opened with.
pub(crate) fn snapshot_of(context: &Context, record: &UploadRecord) -> SourceSnapshot {
    let attributes = context.objects.destination.capabilities().keeps_attributes.then(|| record.attributes.clone());
    let tags = are_compared(context, &record.tags).then(|| record.tags.clone());
    SourceSnapshot { attributes, tags }
}

/// Whether an object that was written with these tags is compared by them when the source is looked at again: not
/// where tags are left behind.
fn are_compared(context: &Context, tags: &Tags) -> bool {
    !tags.is_empty() || context.objects.options.tags && !context.objects.is_unsupported(Unsupported::Tags)
}

/// What no copy has of an object.
pub(crate) fn leave_behind(context: &Context, key: &str, info: &ObjectInfo) -> Result<()> {
    let Uncarried { redirect, retention, legal_hold } = info.uncarried;
    let unsupported =
        [(redirect, Unsupported::Redirect), (retention, Unsupported::Retention), (legal_hold, Unsupported::LegalHold)];
    unsupported
        .into_iter()
        .filter(|(is_there, _)| *is_there)
        .try_for_each(|(_, feature)| context.objects.leave_out(feature, key))
}

/// Whether an upload was opened under the present write options, and with the metadata in `write`, which can be given at
/// no other time.
pub(crate) fn is_opened_with(context: &Context, record: &UploadRecord, write: &Write) -> bool {
    // Where the destination may turn out to keep no tags, an upload without them matches too.
    let tags = record.tags == write.tags
        || record.tags.is_empty() && context.objects.destination.capabilities().metadata.tags == Support::Unknown;
    // The destination may turn out to refuse a class or an access list of the source's, and the record is without it.
    let class = record.storage_class.is_none() || record.storage_class == write.storage_class;
    let acl = record.acl.is_none() || record.acl == write.acl;
    record.writes == context.objects.writes && record.attributes == write.attributes && tags && class && acl
}

/// What a service that copies an object with its headers, user metadata and tags must be given besides.
pub(crate) async fn beside(context: &Context, object: &JobObject, class: Option<&str>) -> Result<Write> {
    let mut write = Write { size: object.size, modified: Some(object.modified), ..Write::default() };
    write.drops_tags = !context.objects.options.tags;
    write.encryption = context.objects.options.encryption();
    write.canned_acl = context.objects.options.canned_acl;
    write.storage_class = match (&context.objects.options.storage_class, class) {
        (Some(wanted), _) => Some(wanted.clone()),
        (None, Some(_)) if context.objects.is_unsupported(Unsupported::StorageClass) => {
            context.objects.leave_out(Unsupported::StorageClass, &object.key)?;
            None
        }
        (None, class) => class.map(str::to_owned),
    };
    if context.objects.options.acl {
        access(context, &object.key, &object.pin(), &mut write).await?;
    }
    Ok(write)
}

/// The source's list, as far as the destination can have it.
async fn access(context: &Context, key: &str, pin: &Pin, write: &mut Write) -> Result<()> {
    let acl = match context.objects.source.acl(key, pin).await {
        Ok(acl) if acl.is_private() => return Ok(()),
        Ok(acl) => acl,
        // Nothing is lost that is not there; but it was asked for.
        Err(error) if error.kind() == ErrorKind::Unsupported && !context.objects.options.strict => {
            return context.objects.leave_out(Unsupported::SourceAcl, key);
        }
        Err(error) => return Err(error),
    };
    if context.objects.is_unsupported(Unsupported::Acl) {
        return context.objects.leave_out(Unsupported::Acl, key);
    }
    let same_service = endpoint(&*context.objects.source).is_some()
        && endpoint(&*context.objects.source) == endpoint(&*context.objects.destination);
    write.acl = if acl.names_accounts() && !same_service {
        context.objects.leave_out(Unsupported::Accounts, key)?;
        Some(acl.without_accounts())
    } else {
        Some(acl)
    };
    Ok(())
}

fn endpoint(store: &dyn ObjectStore) -> Option<&str> {
    store.service().map(|service| service.endpoint.as_str())
}

/// Whether there is anything in these attributes that a store does not make up by itself.
fn says_something(attributes: &Attributes) -> bool {
    let untyped = Attributes { content_type: None, ..attributes.clone() };
    content_type(attributes).is_some() || untyped != Attributes::default()
}

/// How both sides spell user metadata.
#[derive(Debug, Clone, Copy)]
struct Spellings {
    source: Spelling,
    destination: Spelling,
    /// Whether they are one store: then what came out goes in as it came.
    one_store: bool,
}

impl ObjectsContext {
    fn spellings(&self) -> Spellings {
        Spellings {
            source: self.source.capabilities().metadata.spelling,
            destination: self.destination.capabilities().metadata.spelling,
            one_store: endpoint(&*self.source).is_some() && endpoint(&*self.source) == endpoint(&*self.destination),
        }
    }
}

/// The attributes with user metadata that means at the destination what it means at the source.
fn spelled(attributes: &Attributes, spellings: Spellings) -> Attributes {
    use Spelling::{Unknown, Utf8, Words};
    let spell = |value: &String| match (spellings.source, spellings.destination) {
        _ if spellings.one_store => value.clone(),
        (Utf8, Utf8) | (Words, Words | Unknown) => value.clone(),
        (Words | Unknown, Utf8) => rfc2047::decode(value),
        (Utf8 | Unknown, Words | Unknown) => rfc2047::encode(value),
    };
    let user = attributes.user.iter().map(|(name, value)| (name.clone(), spell(value))).collect();
    Attributes { user, ..attributes.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::store;
    use shared::acl::Acl;
    use shared::store::{Classes, EtagMeaning, MetadataSupport};

    fn keeping(metadata: MetadataSupport) -> Capabilities {
        Capabilities { metadata, ..store(EtagMeaning::Md5, &[]) }
    }

    #[test]
    fn what_a_destination_lacks_follows_its_capabilities() {
        use Unsupported::{Acl, Attributes, StorageClass, Tags};
        const OTHER: Classes = Classes { family: "other", archives: &[] };
        let amazon = keeping(MetadataSupport::AMAZON);
        let folder = Capabilities { keeps_attributes: false, ..keeping(MetadataSupport::NOTHING) };
        let other = keeping(MetadataSupport { classes: &OTHER, tags: Support::No, ..MetadataSupport::AMAZON });
        for (source, destination, lacking) in [
            (&amazon, &amazon, vec![]),
            (&amazon, &keeping(MetadataSupport::UNKNOWN), vec![]),
            (&amazon, &folder, vec![Attributes, Tags, StorageClass, Acl]),
            (&amazon, &other, vec![Tags, StorageClass]),
            (&other, &other, vec![Tags]),
        ] {
            let lost: Vec<Unsupported> = Unsupported::BY_DESTINATION
                .into_iter()
                .filter(|feature| is_unsupported(*feature, source, destination))
                .collect();
            assert_eq!(lost, lacking);
        }
    }

    #[test]
    fn a_refused_write_goes_without_what_was_refused_and_only_that() {
        let refusal = |message: &str| Error::new(ErrorKind::Unsupported, "put", "k", message);
        let all = Write {
            storage_class: Some("STANDARD_IA".into()),
            acl: Some(Acl::default()),
            tags: [("a".to_owned(), "b".to_owned())].into(),
            ..Write::default()
        };
        let wished = Work { storage_class: Some("STANDARD_IA".into()), ..Work::default() };
        let classy = Write { storage_class: Some("STANDARD_IA".into()), ..Write::default() };
        let none = Write::default();
        for (write, options, message, feature) in [
            (&all, Work::default(), "InvalidStorageClass: no", Some(Unsupported::StorageClass)),
            (&all, Work::default(), "AccessControlListNotSupported: no", Some(Unsupported::Acl)),
            (&all, Work::default(), "NotImplemented: X-Amz-Tagging", Some(Unsupported::Tags)),
            (&all, Work::default(), "NotImplemented", Some(Unsupported::Acl)),
            (&classy, Work::default(), "NotImplemented", Some(Unsupported::StorageClass)),
            (&classy, wished.clone(), "NotImplemented", None),
            (&all, wished, "InvalidStorageClass: no", None),
            (&none, Work::default(), "NotImplemented", None),
        ] {
            assert_eq!(refused(write, &options, &refusal(message)), feature, "{message}");
        }
        let denied = Error::new(ErrorKind::Denied, "put", "k", "AccessDenied");
        assert_eq!(refused(&all, &Work::default(), &denied), None);
    }

    #[test]
    fn user_metadata_means_the_same_in_every_spelling() {
        use Spelling::{Unknown, Utf8, Words};
        let (plain, word) = ("grüß", "=?UTF-8?B?Z3LDvMOf?=");
        for (source, destination, from, to) in [
            (Words, Words, word, word),
            (Words, Utf8, word, plain),
            (Words, Unknown, word, word),
            (Utf8, Words, plain, word),
            (Utf8, Utf8, plain, plain),
            (Utf8, Utf8, word, word),
            (Utf8, Unknown, plain, word),
            (Unknown, Utf8, word, plain),
            (Unknown, Words, word, word),
            (Unknown, Unknown, plain, word),
            (Utf8, Words, "plain", "plain"),
        ] {
            let one = |value: &str| Attributes { user: [("k".into(), value.into())].into(), ..Attributes::default() };
            let spellings = Spellings { source, destination, one_store: false };
            assert_eq!(spelled(&one(from), spellings), one(to), "{source:?} {destination:?} {from}");
            assert_eq!(spelled(&one(from), Spellings { one_store: true, ..spellings }), one(from));
        }
    }

    #[test]
    fn a_type_that_stores_make_up_is_nothing_to_lose() {
        let typed = |text: &str| Attributes { content_type: Some(text.into()), ..Attributes::default() };
        assert!(!says_something(&Attributes::default()) && !says_something(&typed("binary/octet-stream")));
        assert!(says_something(&typed("text/plain")));
        assert!(says_something(&Attributes { expires: Some("0".into()), ..typed("binary/octet-stream") }));
    }
}
