//! Versions of a source object, as jobs name them and as stores report them.

use shared::object::ObjectInfo;
use shared::objects::job::JobObject;

/// The object at the version that `info` describes.
pub(crate) fn at_version(object: &JobObject, info: &ObjectInfo) -> JobObject {
    // Headers have whole seconds (RFC 9110 §5.6.7), listings may have more: keep the finer time,
    // or a destination that keeps times would look older than its source for ever.
    let same_second = object.modified.as_secs() == info.modified.as_secs() && info.modified.is_whole_second();
    JobObject {
        size: info.size,
        modified: if same_second { object.modified } else { info.modified },
        etag: info.etag.clone(),
        version: info.version.clone(),
        storage_class: info.storage_class.clone(),
        ..object.clone()
    }
}

/// Whether both are one version: by its name, else by tag and size, else by size and time.
pub(crate) fn is_same(seen: &JobObject, now: &JobObject) -> bool {
    match (&seen.version, &now.version, &seen.etag, &now.etag) {
        (Some(a), Some(b), _, _) => a == b,
        (_, _, Some(a), Some(b)) => a == b && seen.size == now.size,
        _ => seen.size == now.size && seen.modified == now.modified,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::object::{ETag, Timestamp};

    fn object(etag: Option<&str>, version: Option<&str>, modified: i64) -> JobObject {
        JobObject {
            index: 0,
            key: "k".into(),
            size: 1,
            modified: Timestamp(modified),
            etag: etag.map(ETag::new),
            version: version.map(str::to_owned),
            ..JobObject::default()
        }
    }

    #[test]
    fn the_strongest_name_that_both_have_decides() {
        for (a, b, same) in [
            (object(Some("x"), Some("1"), 5), object(Some("y"), Some("1"), 9), true),
            (object(Some("x"), Some("1"), 5), object(Some("x"), Some("2"), 5), false),
            (object(Some("x"), None, 5), object(Some("x"), Some("2"), 9), true),
            (object(Some("x"), None, 5), object(Some("y"), None, 5), false),
            (object(None, None, 5), object(Some("y"), None, 5), true),
            (object(None, None, 5), object(None, None, 6), false),
        ] {
            assert_eq!(is_same(&a, &b), same, "{a:?} {b:?}");
        }
    }

    #[test]
    fn a_time_in_whole_seconds_does_not_replace_a_finer_one() {
        let info = |modified| ObjectInfo { size: 1, modified: Timestamp(modified), ..ObjectInfo::default() };
        assert_eq!(at_version(&object(None, None, 5_123), &info(5_000)).modified, Timestamp(5_123));
        assert_eq!(at_version(&object(None, None, 5_123), &info(6_000)).modified, Timestamp(6_000));
    }
}
