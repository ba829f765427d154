//! ListObjectsV2 and ListObjects: a page is parsed once, straight into what a listing needs.

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

use super::call::Call;
use super::events::{self, Reader, check_root};
use super::{Answered, LeanClient};
use crate::store::s3::list_mode::{ListMode, RawObject, RawPage};
use shared::object::{ETag, Timestamp};

/// The parameters of a page. Keys are full keys of the bucket.
#[derive(Debug, Default)]
pub(in crate::store::s3) struct PageCall<'a> {
    pub prefix: &'a str,
    pub delimiter: Option<&'a str>,
    /// Where the first page begins.
    pub after: Option<&'a str>,
    /// Where a later page begins.
    pub position: Option<&'a str>,
    pub keys: i32,
}

impl LeanClient {
    /// One page. Read-only: slow, cut off, throttled or garbled, it is requested again by the caller.
    pub(in crate::store::s3) async fn list(&self, mode: ListMode, page: &PageCall<'_>) -> Answered<RawPage> {
        let encoding = mode.encoded.then_some("url");
        let keys = Some(page.keys.to_string());
        let call = Call::new("GET", None);
        let call = match mode.by_v2 {
            true => call
                .parameter("continuation-token", page.position)
                .parameter("delimiter", page.delimiter)
                .parameter("encoding-type", encoding)
                .parameter("list-type", Some("2"))
                .parameter("max-keys", keys)
                .parameter("prefix", Some(page.prefix))
                .parameter("start-after", page.after.filter(|_| page.position.is_none())),
            false => call
                .parameter("delimiter", page.delimiter)
                .parameter("encoding-type", encoding)
                .parameter("marker", page.position.or(page.after))
                .parameter("max-keys", keys)
                .parameter("prefix", Some(page.prefix)),
        };
        let (answer, body) = self.whole(self.send(call).await?).await?;
        match events::read::<Document>(&body) {
            Ok(document) => Ok(document.page(mode)),
            Err(why) => Err(SdkError::response_error(why, answer)),
        }
    }
}

/// The outermost element of a page.
const ROOT: &str = "ListBucketResult";

/// A page, as far as it was read.
#[derive(Debug, Default)]
struct Document {
    depth: u32,
    /// The open element of the second level.
    group: Group,
    object: RawObject,
    folder: Option<String>,
    objects: Vec<RawObject>,
    folders: Vec<Option<String>>,
    is_v2: bool,
    key_count: Option<u64>,
    is_encoded: bool,
    is_truncated: Option<bool>,
    token: Option<String>,
    marker: Option<String>,
}

/// An element of a page that has others in it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Group {
    #[default]
    Other,
    Object,
    Folder,
}

impl Group {
    fn of(name: &str) -> Group {
        match name {
            "Contents" => Group::Object,
            "CommonPrefixes" => Group::Folder,
            _ => Group::Other,
        }
    }
}

impl Reader for Document {
    fn open(&mut self, name: &str) -> Result<(), String> {
        self.depth += 1;
        match self.depth {
            1 => check_root(name, ROOT)?,
            2 => self.group = Group::of(name),
            _ => {}
        }
        Ok(())
    }

    fn leaf(&mut self, name: &str, text: &str) -> Result<(), String> {
        match (self.depth, self.group) {
            (2, Group::Object) => self.object_field(name, text),
            (2, Group::Folder) if name == "Prefix" => {
                self.folder = Some(text.to_owned());
                Ok(())
            }
            (1, _) => self.page_field(name, text),
            (0, _) => check_root(name, ROOT),
            _ => Ok(()),
        }
    }

    fn close(&mut self) -> Result<(), String> {
        self.depth -= 1;
        if self.depth == 1 {
            self.end(self.group);
        }
        Ok(())
    }
}

impl Document {
    fn object_field(&mut self, name: &str, text: &str) -> Result<(), String> {
        match name {
            "Key" => self.object.key = Some(text.to_owned()),
            "Size" => {
                let size = text.parse::<i64>().map_err(|_| format!("a size is no number: {text:?}"))?;
                self.object.size = u64::try_from(size).ok();
            }
            "LastModified" => {
                let time = time(text).ok_or_else(|| format!("a time is invalid: {text:?}"))?;
                self.object.modified = Some(time);
            }
            "ETag" => self.object.etag = Some(ETag::new(text)),
            "StorageClass" if text != "STANDARD" && !text.is_empty() => {
                self.object.storage_class = Some(text.to_owned());
            }
            _ => {}
        }
        Ok(())
    }

    fn page_field(&mut self, name: &str, text: &str) -> Result<(), String> {
        match name {
            "IsTruncated" => {
                self.is_truncated = Some(text.parse().map_err(|_| format!("IsTruncated is {text:?}"))?);
            }
            "NextContinuationToken" => self.token = Some(text.to_owned()),
            "NextMarker" => self.marker = Some(text.to_owned()),
            "EncodingType" => self.is_encoded = text == "url",
            // Only answers to ListObjectsV2 have these.
            "KeyCount" => {
                self.is_v2 = true;
                self.key_count = Some(text.parse().map_err(|_| format!("KeyCount is {text:?}"))?);
            }
            "StartAfter" | "ContinuationToken" => self.is_v2 = true,
            // An entry without anything in it.
            name => self.end(Group::of(name)),
        }
        Ok(())
    }

    /// Ends an entry.
    fn end(&mut self, group: Group) {
        match group {
            Group::Object => self.objects.push(std::mem::take(&mut self.object)),
            Group::Folder => self.folders.push(self.folder.take()),
            Group::Other => {}
        }
        self.group = Group::Other;
    }

    fn page(self, list_mode: ListMode) -> RawPage {
        let by_v2 = list_mode.by_v2;
        RawPage {
            list_mode,
            is_v2: by_v2 && (self.is_v2 || self.token.is_some()),
            encoded: self.is_encoded,
            is_truncated: self.is_truncated,
            key_count: self.key_count,
            next: if by_v2 { self.token } else { self.marker.filter(|marker| !marker.is_empty()) },
            objects: self.objects,
            folders: self.folders,
        }
    }
}

/// `2015-10-21T07:28:00.000Z`. Other forms of RFC 3339 are left to the SDK.
fn time(text: &str) -> Option<Timestamp> {
    plain_time(text.as_bytes())
        .or_else(|| DateTime::from_str(text, Format::DateTimeWithOffset).ok()?.to_millis().ok())
        .map(Timestamp)
}

/// Milliseconds since 1970; `None` for any other form.
fn plain_time(text: &[u8]) -> Option<i64> {
    let (seconds, fraction) = text.split_at_checked(19)?;
    let shape = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if !shape.iter().all(|(at, byte)| seconds[*at] == *byte) {
        return None;
    }
    let number = |from: usize, to: usize| {
        let digit = |sum: i64, byte: &u8| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0'));
        seconds[from..to].iter().try_fold(0, digit)
    };
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    // The last days of months differ: the SDK knows which there are.
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=28).contains(&day) {
        return None;
    }
    let millis = match fraction {
        b"Z" | b".000Z" => 0,
        [b'.', a, b, c, b'Z'] if [a, b, c].iter().all(|digit| digit.is_ascii_digit()) => {
            [a, b, c].iter().fold(0, |sum, digit| sum * 10 + i64::from(**digit - b'0'))
        }
        _ => return None,
    };
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    // Days since 1970, with years that begin in March, so that a leap day is the last of its year.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468;
    Some((days * 86_400 + hour * 3600 + minute * 60 + second) * 1000 + millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    const V2: ListMode = ListMode { by_v2: true, encoded: true };

    fn page(body: &str, mode: ListMode) -> Result<RawPage, String> {
        events::read::<Document>(body.as_bytes()).map(|document| document.page(mode))
    }

    #[test]
    fn a_page_is_read() {
        let body = "<?xml version=\"1.0\"?><ListBucketResult xmlns=\"x\"><Name>b</Name><KeyCount>2</KeyCount>\
            <EncodingType>url</EncodingType><IsTruncated>true</IsTruncated><NextContinuationToken>t&amp;u\
            </NextContinuationToken><Contents><Key>a</Key><LastModified>2015-10-21T07:28:00.123Z</LastModified>\
            <ETag>&quot;e&quot;</ETag><Size>5</Size><Owner><ID>k</ID><Key>no</Key></Owner>\
            <StorageClass>STANDARD</StorageClass></Contents><Contents><Key></Key><StorageClass>GLACIER</StorageClass>\
            </Contents><CommonPrefixes><Prefix>f/</Prefix></CommonPrefixes></ListBucketResult>";
        let page = page(body, V2).unwrap();
        assert!(page.is_v2 && page.encoded);
        assert_eq!((page.is_truncated, page.key_count), (Some(true), Some(2)));
        assert_eq!(page.next.as_deref(), Some("t&u"));
        assert_eq!(page.folders, [Some("f/".to_owned())]);
        let first = RawObject {
            key: Some("a".into()),
            size: Some(5),
            modified: Some(Timestamp(1_445_412_480_123)),
            etag: Some(ETag::new("\"e\"")),
            storage_class: None,
        };
        let second =
            RawObject { key: Some(String::new()), storage_class: Some("GLACIER".into()), ..RawObject::default() };
        assert_eq!(page.objects, [first, second]);
    }

    #[test]
    fn a_page_that_is_none_is_refused() {
        for body in [
            "",
            "<Error><Code>x</Code></Error>",
            "<ListBucketResult><Contents><Key>a</Key>",
            "<ListBucketResult><Contents><Size>x</Size></Contents></ListBucketResult>",
            "<ListBucketResult><Contents><LastModified>x</LastModified></Contents></ListBucketResult>",
            "<ListBucketResult><IsTruncated>maybe</IsTruncated></ListBucketResult>",
            "<ListBucketResult><KeyCount>few</KeyCount></ListBucketResult>",
        ] {
            assert!(page(body, V2).is_err(), "{body}");
        }
    }

    #[test]
    fn times_are_those_of_the_sdk() {
        for text in [
            "2015-10-21T07:28:00Z",
            "1970-01-01T00:00:00.001Z",
            "2000-02-28T23:59:59.999Z",
            "2000-02-29T00:00:00Z",
            "2024-03-01T12:00:00.000Z",
            "2100-03-01T00:00:00.5Z",
            "2024-12-31T23:59:59+02:00",
        ] {
            let expected = DateTime::from_str(text, Format::DateTimeWithOffset).unwrap().to_millis().unwrap();
            assert_eq!(time(text), Some(Timestamp(expected)), "{text}");
        }
        for text in ["", "2023-02-29T00:00:00Z", "2015-13-21T07:28:00Z", "2015-10-21 07:28:00Z", "yesterday"] {
            assert_eq!(time(text), None, "{text}");
        }
    }
}
