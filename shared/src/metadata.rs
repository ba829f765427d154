//! Compares the metadata of one object at two stores: pure.
//!
//! A difference is one that copying again removes. Values that a store adds itself, or spells otherwise, are no
//! differences: else every run would copy the object.

use std::borrow::Cow;
use std::fmt;

use crate::object::{Attributes, Tags};
use crate::rfc2047;
use crate::store::Spelling;

/// The metadata of an object at one side.
#[derive(Debug, Clone, Copy)]
pub struct ComparedMetadata<'a> {
    /// Headers and user metadata.
    pub attributes: &'a Attributes,
    /// Tags; `None`: they are not compared.
    pub tags: Option<&'a Tags>,
    /// The store's spelling of user metadata beyond ASCII.
    pub spelling: Spelling,
}

/// A difference of an object's metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataDifference {
    /// The name: a header's, or `tag NAME`.
    pub name: String,
    /// The source's value.
    pub source: Option<String>,
    /// The destination's value.
    pub destination: Option<String>,
}

impl fmt::Display for MetadataDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let say = |value: &Option<String>| value.as_ref().map_or("nothing".to_owned(), |value| format!("{value:?}"));
        write!(f, "{}: {} at the source, {} at the destination", self.name, say(&self.source), say(&self.destination))
    }
}

/// All differences between the destination's and the source's object, by name. The caller checks that both
/// sides support attributes.
pub fn differences(source: &ComparedMetadata<'_>, destination: &ComparedMetadata<'_>) -> Vec<MetadataDifference> {
    let (ours, theirs) = (source.attributes, destination.attributes);
    let mut found = Vec::new();
    let mut compare = |name: &str, ours: Option<Cow<'_, str>>, theirs: Option<Cow<'_, str>>| {
        if ours != theirs {
            let owned = |value: Option<Cow<'_, str>>| value.map(Cow::into_owned);
            found.push(MetadataDifference { name: name.to_owned(), source: owned(ours), destination: owned(theirs) });
        }
    };
    // If the source names no type, the destination may choose one.
    if let Some(ours) = content_type(ours) {
        compare("Content-Type", Some(ours), content_type(theirs));
    }
    for (name, value) in [
        ("Content-Encoding", (&ours.content_encoding, &theirs.content_encoding)),
        ("Content-Disposition", (&ours.content_disposition, &theirs.content_disposition)),
        ("Content-Language", (&ours.content_language, &theirs.content_language)),
        ("Cache-Control", (&ours.cache_control, &theirs.cache_control)),
    ] {
        compare(name, said(value.0), said(value.1));
    }
    if !same_time(ours.expires.as_deref(), theirs.expires.as_deref()) {
        compare("Expires", said(&ours.expires), said(&theirs.expires));
    }
    // If both stores keep bytes, a word of RFC 2047 is an ordinary text.
    let as_spelled = source.spelling == Spelling::Utf8 && destination.spelling == Spelling::Utf8;
    for name in names(&ours.user, &theirs.user) {
        let value = |user: &Tags| Some(Cow::Owned(meaning(user.get(name)?, as_spelled)));
        compare(&format!("x-amz-meta-{name}"), value(&ours.user), value(&theirs.user));
    }
    if let (Some(ours), Some(theirs)) = (source.tags, destination.tags) {
        for name in names(ours, theirs) {
            let value = |tags: &Tags| tags.get(name).cloned().map(Cow::Owned);
            compare(&format!("tag {name}"), value(ours), value(theirs));
        }
    }
    found
}

/// Types that stores use if nobody named one: all mean that the type is unknown
/// (RFC 2046 §4.5.1, RFC 9110 §8.3).
const UNKNOWN_TYPES: [&str; 3] = ["binary/octet-stream", "application/octet-stream", "application/x-octet-stream"];

/// The type, unless it means an unknown one.
pub fn content_type(attributes: &Attributes) -> Option<Cow<'_, str>> {
    said(&attributes.content_type).filter(|value| !UNKNOWN_TYPES.contains(&&**value))
}

/// A header's value without the space around it, which no header keeps; `None` if it is empty.
fn said(value: &Option<String>) -> Option<Cow<'_, str>> {
    value.as_deref().map(str::trim).filter(|value| !value.is_empty()).map(Cow::Borrowed)
}

/// The meaning of a value of user metadata, in either spelling.
fn meaning(value: &str, as_spelled: bool) -> String {
    if as_spelled { value.trim().to_owned() } else { rfc2047::decode(value).trim().to_owned() }
}

/// Whether two spellings of `Expires` mean one time: some stores rewrite it.
fn same_time(ours: Option<&str>, theirs: Option<&str>) -> bool {
    let time = |text: Option<&str>| httpdate::parse_http_date(text?.trim()).ok();
    time(ours).is_some() && time(ours) == time(theirs)
}

fn names<'a>(ours: &'a Tags, theirs: &'a Tags) -> impl Iterator<Item = &'a String> {
    ours.keys().chain(theirs.keys().filter(|name| !ours.contains_key(*name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn typed(content_type: &str) -> Attributes {
        Attributes { content_type: Some(content_type.into()), ..Attributes::default() }
    }

    fn user(value: &str) -> Attributes {
        Attributes { user: BTreeMap::from([("k".into(), value.into())]), ..Attributes::default() }
    }

    fn names_of(ours: (&Attributes, Spelling), theirs: (&Attributes, Spelling)) -> Vec<String> {
        let describe = |(attributes, spelling)| ComparedMetadata { attributes, tags: None, spelling };
        differences(&describe(ours), &describe(theirs)).into_iter().map(|difference| difference.name).collect()
    }

    fn same(ours: &Attributes, theirs: &Attributes) -> bool {
        names_of((ours, Spelling::Unknown), (theirs, Spelling::Unknown)).is_empty()
    }

    #[test]
    fn every_attribute_is_compared() {
        let full = Attributes {
            content_type: Some("text/plain".into()),
            content_encoding: Some("gzip".into()),
            content_disposition: Some("inline".into()),
            content_language: Some("de".into()),
            cache_control: Some("no-store".into()),
            expires: Some("Thu, 01 Dec 2033 16:00:00 GMT".into()),
            user: BTreeMap::from([("a".into(), "b".into())]),
        };
        let none = Attributes::default();
        let all = [
            "Content-Type",
            "Content-Encoding",
            "Content-Disposition",
            "Content-Language",
            "Cache-Control",
            "Expires",
            "x-amz-meta-a",
        ];
        assert_eq!(names_of((&full, Spelling::Words), (&none, Spelling::Words)), all);
        assert_eq!(names_of((&none, Spelling::Words), (&full, Spelling::Words)), all[1..]);
        assert!(same(&full, &full));
    }

    #[test]
    fn what_a_store_adds_or_spells_otherwise_is_no_difference() {
        let none = Attributes::default();
        assert!(same(&none, &typed("binary/octet-stream")) && same(&typed("binary/octet-stream"), &none));
        assert!(same(&none, &typed("text/plain; charset=utf-8")), "a store may guess");
        assert!(same(&typed("binary/octet-stream"), &typed("application/octet-stream")));
        assert!(!same(&typed("text/plain"), &typed("binary/octet-stream")) && !same(&typed("text/plain"), &none));
        let expires = |text: &str| Attributes { expires: Some(text.into()), ..Attributes::default() };
        assert!(same(&expires("Sun, 06 Nov 1994 08:49:37 GMT"), &expires("Sunday, 06-Nov-94 08:49:37 GMT")));
        assert!(!same(&expires("0"), &expires("-1")) && same(&expires("0"), &expires(" 0")));
    }

    #[test]
    fn user_metadata_is_compared_by_what_it_says() {
        let (plain, word) = (user("grüß"), user("=?UTF-8?B?Z3LDvMOf?="));
        assert_eq!(names_of((&word, Spelling::Utf8), (&plain, Spelling::Utf8)), ["x-amz-meta-k"]);
        assert!(names_of((&word, Spelling::Words), (&plain, Spelling::Utf8)).is_empty());
        assert!(names_of((&plain, Spelling::Utf8), (&word, Spelling::Unknown)).is_empty());
        assert_eq!(names_of((&user("a"), Spelling::Words), (&user("b"), Spelling::Utf8)), ["x-amz-meta-k"]);
        assert_eq!(
            names_of((&user("a"), Spelling::Words), (&Attributes::default(), Spelling::Words)),
            ["x-amz-meta-k"]
        );
    }

    #[test]
    fn tags_are_compared_where_both_sides_have_them() {
        let attributes = Attributes::default();
        let tags = |pairs: &[(&str, &str)]| -> Tags {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let (ours, theirs) = (tags(&[("a", "1"), ("b", "2")]), tags(&[("b", "3"), ("c", "4")]));
        let describe = |tags| ComparedMetadata { attributes: &attributes, tags, spelling: Spelling::Words };
        let found = differences(&describe(Some(&ours)), &describe(Some(&theirs)));
        let said: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "tag a: \"1\" at the source, nothing at the destination",
                "tag b: \"2\" at the source, \"3\" at the destination",
                "tag c: nothing at the source, \"4\" at the destination",
            ]
        );
        assert_eq!(differences(&describe(Some(&ours)), &describe(None)), []);
    }
}
