//! Multipart uploads of the stores in memory.

use std::collections::BTreeMap;

use bytes::Bytes;
use shared::digest::multipart_etag;
use shared::object::{Attributes, ETag, Timestamp};
use shared::store::{Part, PartLayout, Upload, Write, Written};
use shared::{ErrorKind, Result};

use crate::bucket::Bucket;
use crate::schedule::Kind;
use crate::store::{FakeStore, described, md5, refusal};

/// An upload that is open.
#[derive(Debug)]
pub struct OpenUpload {
    pub key: String,
    attributes: Attributes,
    parts: BTreeMap<u32, (Part, Bytes)>,
    opened: Timestamp,
    /// The worker that opened it.
    pub opener: u32,
}

impl Bucket {
    /// Ids and keys of the uploads that this worker opened.
    pub fn uploads_opened_by(&self, worker: u32) -> Vec<(String, String)> {
        let its = self.uploads.iter().filter(|(_, open)| open.opener == worker);
        its.map(|(id, open)| (id.clone(), open.key.clone())).collect()
    }

    fn upload(&mut self, verb: &'static str, upload: &Upload) -> Result<&mut OpenUpload> {
        let found = self.uploads.get_mut(&upload.id).filter(|open| open.key == upload.key);
        found.ok_or_else(|| refusal(ErrorKind::NoSuchUpload, verb, &upload.key, "no such upload"))
    }

    fn complete(&mut self, upload: &Upload, parts: &[Part], size: u64) -> Result<Written> {
        let open = self.upload("complete", upload)?;
        let bad = |why| Err(refusal(ErrorKind::Invalid, "complete", &upload.key, why));
        let mut bytes = Vec::new();
        let mut md5s = Vec::new();
        let mut last = 0;
        for part in parts {
            match open.parts.get(&part.number) {
                Some((stored, data)) if stored.etag == part.etag && part.number > last => {
                    bytes.extend_from_slice(data);
                    md5s.extend(<[u8; 16]>::try_from(md5(data).value));
                    last = part.number;
                }
                _ => return bad("not the parts that are stored, in order"),
            }
        }
        if parts.is_empty() || bytes.len() as u64 != size {
            return bad("the parts do not make up the object");
        }
        let layout = PartLayout { part_bytes: parts[0].size, count: parts.len() as u32 };
        let attributes = open.attributes.clone();
        self.uploads.remove(&upload.id);
        let etag = match self.opaque {
            true => self.tag(&bytes),
            false => ETag::new(&multipart_etag(&md5s)),
        };
        Ok(self.write_tagged(&upload.key, bytes.into(), attributes, etag, Some(layout)))
    }
}

impl FakeStore {
    fn about(&self, verb: &str, key: &str) -> String {
        format!("{verb} {}/{key}", self.location.bucket())
    }

    pub async fn create(&self, key: &str, write: &Write) -> Result<Upload> {
        let (wanted, attributes, opener) = (key.to_owned(), write.attributes.clone(), self.worker);
        let effect = move |bucket: &mut Bucket| {
            let id = format!("u{}", bucket.number());
            let (parts, opened) = (BTreeMap::new(), bucket.now());
            let open = OpenUpload { key: wanted.clone(), attributes, parts, opened, opener };
            bucket.uploads.insert(id.clone(), open);
            described(Ok(Upload { key: wanted, id }), |upload| format!("-> {}", upload.id))
        };
        self.call(Kind::Open, key, self.about("CREATE", key), effect).await
    }

    pub async fn take_part(&self, upload: &Upload, number: u32, bytes: Bytes) -> Result<Part> {
        let (wanted, what) = (upload.clone(), self.about(&format!("PART {number} of {}", upload.id), &upload.key));
        let effect = move |bucket: &mut Bucket| {
            let etag = bucket.tag(&bytes);
            let part = Part { number, size: bytes.len() as u64, etag, etag_is_opaque: false, checksum: None };
            let taken = bucket.upload("part", &wanted).map(|open| {
                open.parts.insert(number, (part.clone(), bytes));
                part
            });
            described(taken, |_| String::new())
        };
        self.call(Kind::Write, &upload.key, what, effect).await
    }

    pub async fn parts_of(&self, upload: &Upload) -> Result<Vec<Part>> {
        let (wanted, what) = (upload.clone(), self.about(&format!("PARTS of {}", upload.id), &upload.key));
        let effect = move |bucket: &mut Bucket| {
            let open = bucket.upload("list-parts", &wanted);
            let parts = open.map(|open| open.parts.values().map(|(part, _)| part.clone()).collect::<Vec<_>>());
            described(parts, |parts| format!("-> {}", parts.len()))
        };
        self.call(Kind::Ask, &upload.key, what, effect).await
    }

    pub async fn complete(&self, upload: &Upload, parts: &[Part], write: &Write) -> Result<Written> {
        let (wanted, parts, size) = (upload.clone(), parts.to_vec(), write.size);
        let what = self.about(&format!("COMPLETE {} of", upload.id), &upload.key);
        let effect = move |bucket: &mut Bucket| {
            let written = bucket.complete(&wanted, &parts, size);
            described(written, |_| format!(":= {}", bucket.name(&wanted.key)))
        };
        self.call(Kind::Write, &upload.key, what, effect).await
    }

    pub async fn abort(&self, upload: &Upload) -> Result<()> {
        let (wanted, what) = (upload.clone(), self.about(&format!("ABORT {} of", upload.id), &upload.key));
        let effect = move |bucket: &mut Bucket| {
            if bucket.upload("abort", &wanted).is_ok() {
                bucket.uploads.remove(&wanted.id);
            }
            (Ok(()), String::new())
        };
        self.call(Kind::Ask, &upload.key, what, effect).await
    }

    pub async fn uploads_of(&self, key: &str) -> Result<Vec<(Upload, Option<Timestamp>)>> {
        let wanted = key.to_owned();
        let effect = move |bucket: &mut Bucket| {
            let of_key = bucket.uploads.iter().filter(|(_, open)| open.key == wanted);
            let uploads = of_key.map(|(id, open)| (Upload { key: wanted.clone(), id: id.clone() }, Some(open.opened)));
            described(Ok(uploads.collect::<Vec<_>>()), |uploads| format!("-> {}", uploads.len()))
        };
        self.call(Kind::Ask, key, self.about("UPLOADS", key), effect).await
    }
}
