//! The verbs of a store.

use bytes::Bytes;
use futures::stream;

use super::super::super::*;
use super::service::{Reply, reply};
use shared::object::ETag;
use shared::retry::{
    ABORT, COMPLETE, COPY, CREATE, DELETE, DELETE_MANY, GET, HEAD, LIST, LIST_PARTS, PART, PROBE, PUT, Policy,
};
use shared::store;

/// A verb, with its policy and what a good store answers to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    Probe,
    List,
    Head,
    Get,
    Put,
    Create,
    Part,
    ListParts,
    Complete,
    Abort,
    Delete,
    DeleteMany,
    Copy,
    PartCopy,
}
use Verb::*;

pub const ALL: [Verb; 14] =
    [Probe, List, Head, Get, Put, Create, Part, ListParts, Complete, Abort, Delete, DeleteMany, Copy, PartCopy];

impl Verb {
    pub fn policy(self) -> Policy {
        match self {
            Probe => PROBE,
            List => LIST,
            Head => HEAD,
            Get => GET,
            Put => PUT,
            // Sent once: the caller announces each.
            Create => Policy { attempts: 1, ..CREATE },
            Part => PART,
            ListParts => LIST_PARTS,
            Complete => COMPLETE,
            Abort => ABORT,
            Delete => DELETE,
            DeleteMany => DELETE_MANY,
            Verb::Copy | PartCopy => COPY,
        }
    }

    /// Requests that are made under an error that lasts.
    pub fn requests(self, kind: ErrorKind) -> usize {
        // A completion that keeps failing asks whether its upload is gone.
        let asks = matches!((self, kind), (Complete, ErrorKind::Unavailable));
        (self.policy().attempts + if asks { LIST_PARTS.attempts } else { 0 }) as usize
    }

    pub fn good(self) -> Reply {
        let described = vec![
            ("last-modified", "Wed, 21 Oct 2015 07:28:00 GMT".to_owned()),
            ("etag", "\"e\"".to_owned()),
            ("content-length", "3".to_owned()),
        ];
        match self {
            Probe | List => reply(
                200,
                "<ListBucketResult><IsTruncated>false</IsTruncated><KeyCount>1</KeyCount>\
                 <EncodingType>url</EncodingType><Contents><Key>key</Key><Size>3</Size>\
                 <LastModified>2015-10-21T07:28:00Z</LastModified></Contents></ListBucketResult>",
            ),
            Head => Reply::Answer(200, described, String::new()),
            Get => Reply::Answer(200, described, "foo".to_owned()),
            Put | Part => Reply::Answer(200, described[1..2].to_vec(), String::new()),
            Create => {
                reply(200, "<InitiateMultipartUploadResult><UploadId>id</UploadId></InitiateMultipartUploadResult>")
            }
            ListParts => reply(
                200,
                "<ListPartsResult><IsTruncated>false</IsTruncated><Part><PartNumber>1</PartNumber><Size>3</Size>\
                 <ETag>e</ETag></Part></ListPartsResult>",
            ),
            Complete => reply(200, "<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>"),
            Abort | Delete => reply(204, ""),
            DeleteMany => reply(200, "<DeleteResult><Deleted><Key>key</Key></Deleted></DeleteResult>"),
            Verb::Copy => reply(200, "<CopyObjectResult><ETag>e</ETag></CopyObjectResult>"),
            PartCopy => reply(200, "<CopyPartResult><ETag>e</ETag></CopyPartResult>"),
        }
    }

    /// Whether its good answer has a body of XML.
    pub fn answers_xml(self) -> bool {
        !matches!(self, Head | Get | Put | Part | Abort | Delete)
    }

    pub async fn call(self, store: &S3Store) -> Result<()> {
        let upload = Upload { key: "key".into(), id: "id".into() };
        let part = PartWrite { number: 1, offset: 0, size: 3, checksum: None };
        let write = Write { size: 3, ..Write::default() };
        let body = || Body::stream(stream::iter([Ok(Bytes::from_static(b"foo"))]));
        let source = CopySource { bucket: "bucket".into(), key: "source".into(), requester_pays: false };
        let pin = Pin::default();
        match self {
            Probe => store.probe().await,
            List => {
                let mut listing = store.list(KeyRange::default());
                let mut keys = 0;
                while let Some(page) = listing.next_page().await? {
                    keys += page.len();
                }
                assert_eq!(keys, 1, "a listing that ends well is whole");
                Ok(())
            }
            Head => store.head("key", &pin).await.map(|info| assert_eq!(info.size, 3)),
            Get => store.get("key", &Read::default()).await.map(drop),
            Put => store.put("key", &write, body()).await.map(drop),
            Create => store.create_upload("key", &write).await.map(drop),
            Part => store.upload_part(&upload, &part, body()).await.map(drop),
            ListParts => store.list_parts(&upload).await.map(|parts| assert_eq!(parts.len(), 1)),
            Complete => {
                let parts =
                    [store::Part { number: 1, size: 3, etag: ETag::new("e"), etag_is_opaque: false, checksum: None }];
                store.complete_upload(&upload, &parts, &write).await.map(drop)
            }
            Abort => store.abort_upload(&upload).await,
            Delete => store.delete("key").await,
            DeleteMany => store.delete_many(&["key".to_owned()]).await?.remove(0),
            Verb::Copy => store.copy(&source, &pin, "key", &write).await.map(drop),
            PartCopy => store.copy_part(&source, &pin, 0..3, &upload, &part).await.map(drop),
        }
    }
}
