//! Which S3 operation a request is.

use http::{HeaderMap, Method, Uri};

/// An S3 operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// ListObjects, ListObjectsV2, ListObjectVersions
    List,
    /// HeadObject
    Head,
    /// GetObject
    Get,
    /// GetObjectAttributes
    Attributes,
    /// Reading or writing tags or ACL of an object
    Detail,
    /// RestoreObject
    Restore,
    /// PutObject
    Put,
    /// CopyObject
    Copy,
    /// CreateMultipartUpload
    Create,
    /// UploadPart
    Part,
    /// UploadPartCopy
    PartCopy,
    /// ListParts
    ListParts,
    /// ListMultipartUploads
    ListUploads,
    /// CompleteMultipartUpload
    Complete,
    /// AbortMultipartUpload
    Abort,
    /// DeleteObject
    Delete,
    /// DeleteObjects
    DeleteMany,
    /// Whatever else is asked of a bucket: HeadBucket, GetBucketLocation, …
    Bucket,
    /// Not S3: a call by `x-amz-target` or a form, or ListBuckets
    Other,
}

impl Kind {
    /// The operations that change something in a store, those on tags and ACLs aside.
    pub const WRITES: [Kind; 10] = [
        Kind::Put,
        Kind::Copy,
        Kind::Create,
        Kind::Part,
        Kind::PartCopy,
        Kind::Complete,
        Kind::Abort,
        Kind::Delete,
        Kind::DeleteMany,
        Kind::Restore,
    ];

    /// The operation of a request in path style.
    pub fn of(method: &Method, uri: &Uri, headers: &HeaderMap) -> Kind {
        let path = uri.path().strip_prefix('/').unwrap_or_default();
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        if bucket.is_empty() {
            return Kind::Other;
        }
        Kind::on(method, key, uri.query().unwrap_or_default(), headers)
    }

    /// The operation of a request about a key, or about the bucket itself if that is empty.
    pub fn on(method: &Method, key: &str, query: &str, headers: &HeaderMap) -> Kind {
        let asks = |name: &str| query.split('&').any(|pair| pair.split('=').next() == Some(name));
        let copies = headers.contains_key("x-amz-copy-source");
        if headers.contains_key("x-amz-target") {
            return Kind::Other;
        }
        if key.is_empty() {
            let lists = ["list-type", "prefix", "versions", "max-keys", "marker", "delimiter", "encoding-type"];
            return match method.as_str() {
                "GET" if asks("uploads") => Kind::ListUploads,
                "GET" if lists.into_iter().any(asks) => Kind::List,
                "GET" if query.is_empty() || query == "x-id=ListObjects" => Kind::List,
                "POST" if asks("delete") => Kind::DeleteMany,
                _ => Kind::Bucket,
            };
        }
        match method.as_str() {
            _ if asks("tagging") || asks("acl") => Kind::Detail,
            "HEAD" => Kind::Head,
            "GET" if asks("attributes") => Kind::Attributes,
            "GET" if asks("uploadId") => Kind::ListParts,
            "GET" => Kind::Get,
            "PUT" if asks("partNumber") && copies => Kind::PartCopy,
            "PUT" if asks("partNumber") => Kind::Part,
            "PUT" if copies => Kind::Copy,
            "PUT" => Kind::Put,
            "POST" if asks("uploads") => Kind::Create,
            "POST" if asks("uploadId") => Kind::Complete,
            "POST" if asks("restore") => Kind::Restore,
            "DELETE" if asks("uploadId") => Kind::Abort,
            "DELETE" => Kind::Delete,
            _ => Kind::Other,
        }
    }
}
