//! The differences of vendors' stores from Amazon's: data, one row for each.
//!
//! The rows say what documents and users' reports say of each vendor's S3 interface; a limit that is
//! here is one that Flotilla must get along with.

/// In which order keys are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// By the bytes of UTF-8, as Amazon documents.
    Bytes,
    /// By UTF-16 units, as programs in Java and .NET sort: an emoji comes before U+E000.
    Utf16,
}

/// What multipart objects' entity tags are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tags {
    /// MD5 of the parts' MD5s, with `-N`.
    OfParts,
    /// The same form, and no MD5 of anything that a client has.
    Opaque,
}

/// What becomes of `x-amz-checksum-*` on what is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checksums {
    /// Verified, kept and reported.
    Support,
    /// Not looked at.
    Ignored,
    /// Refused with this status and code.
    Refused(u16, &'static str),
}

/// What user metadata beyond ASCII becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metadata {
    /// Bytes are read as Latin-1, RFC 2047 words are decoded; answers are in RFC 2047 (Amazon S3, "Working
    /// with object metadata").
    Rfc2047,
    /// The bytes that came.
    Raw,
}

/// How a character that XML 1.0 does not have stands in a listing that is not URL-encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// As a character reference, `&#x1;`, which XML 1.0 forbids too.
    Referenced,
    /// As it is.
    Raw,
    /// As U+FFFD, as some XML writers do: the key is lost.
    Replaced,
}

/// A vendor's store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The vendor.
    pub name: &'static str,
    /// `Server` of all answers.
    pub server: &'static str,
    /// The only region that requests may be signed for; `None`: any.
    pub region: Option<&'static str>,
    /// Whether the bucket must stand in the host name.
    pub virtual_host_only: bool,
    /// Whether ListObjectsV2 is known; where it is not, it is answered as ListObjects.
    pub lists_v2: bool,
    /// Whether listings can be URL-encoded; where not, they never are.
    pub encodes_listings: bool,
    /// Characters that XML does not have, in listings.
    pub control: Control,
    /// Order of listings.
    pub order: Order,
    /// Most keys of a page.
    pub page_keys: usize,
    /// Tags of multipart objects.
    pub multipart_tags: Tags,
    /// Whether tags are in upper case.
    pub upper_case_tags: bool,
    /// What happens to checksums.
    pub checksums: Checksums,
    /// Whether an object that comes without a checksum gets a CRC-64/NVME.
    pub adds_crc64nvme: bool,
    /// Whether bodies may be `aws-chunked`.
    pub takes_aws_chunked: bool,
    /// Whether reads and copies heed `If-Match` and its like.
    pub heeds_if_match: bool,
    /// Whether `accept-encoding` may be signed: proxies before the store change it.
    pub takes_signed_accept_encoding: bool,
    /// Whether objects have tags.
    pub has_tags: bool,
    /// Whether answers report the number of tags.
    pub reports_tag_counts: bool,
    /// Most parts of an upload.
    pub max_parts: u32,
    /// Whether it unpacks objects of `Content-Encoding: gzip` for clients that do not accept that.
    pub unpacks_gzip: bool,
    /// Whether it ignores ranges of objects of `Content-Encoding: gzip`.
    pub ignores_gzip_ranges: bool,
    /// Whether objects have ACLs.
    pub has_acl: bool,
    /// Whether a bucket's object lock and website can be asked for.
    pub configures_buckets: bool,
    /// Whether buckets can be versioned.
    pub has_versions: bool,
    /// Whether storage classes and restoring are known.
    pub has_classes: bool,
    /// Whether GetObjectAttributes is known.
    pub has_attributes: bool,
    /// Whether ListMultipartUploads is known.
    pub lists_uploads: bool,
    /// Whether UploadPartCopy is known.
    pub copies_parts: bool,
    /// Whether all parts but the last must have one size.
    pub wants_equal_parts: bool,
    /// Status and code for completing an upload that is gone.
    pub gone_at_completion: (u16, &'static str),
    /// Whether keys with a segment `.`, `..` or an empty one are refused, and `foo` hides `foo/bar`.
    pub has_folders: bool,
    /// Smallest part but the last, bytes.
    pub min_part_bytes: u64,
    /// User metadata beyond ASCII.
    pub metadata: Metadata,
}

impl Profile {
    /// Amazon S3.
    pub const AMAZON: Profile = Profile {
        name: "amazon",
        server: "AmazonS3",
        region: None,
        virtual_host_only: false,
        lists_v2: true,
        encodes_listings: true,
        control: Control::Referenced,
        order: Order::Bytes,
        page_keys: 1000,
        multipart_tags: Tags::OfParts,
        upper_case_tags: false,
        checksums: Checksums::Support,
        adds_crc64nvme: true,
        takes_aws_chunked: true,
        heeds_if_match: true,
        takes_signed_accept_encoding: true,
        has_tags: true,
        reports_tag_counts: true,
        max_parts: 10_000,
        unpacks_gzip: false,
        ignores_gzip_ranges: false,
        has_acl: true,
        configures_buckets: true,
        has_versions: true,
        has_classes: true,
        has_attributes: true,
        lists_uploads: true,
        copies_parts: true,
        wants_equal_parts: false,
        gone_at_completion: (404, "NoSuchUpload"),
        has_folders: false,
        min_part_bytes: 5 << 20,
        metadata: Metadata::Rfc2047,
    };

    /// A store that nobody has heard of: objects, parts, lists, and nothing of the last ten years.
    pub const UNKNOWN: Profile = Profile {
        name: "unknown",
        server: "unknown",
        lists_v2: true,
        multipart_tags: Tags::Opaque,
        checksums: Checksums::Ignored,
        adds_crc64nvme: false,
        takes_aws_chunked: false,
        has_tags: false,
        has_acl: false,
        configures_buckets: false,
        has_versions: false,
        has_classes: false,
        has_attributes: false,
        metadata: Metadata::Raw,
        ..Profile::AMAZON
    };

    /// Aliyun OSS.
    pub const OSS: Profile = Profile {
        name: "oss",
        server: "AliyunOSS",
        virtual_host_only: true,
        upper_case_tags: true,
        lists_uploads: false,
        min_part_bytes: 100 << 10,
        ..Profile::UNKNOWN
    };

    /// Tencent COS.
    pub const COS: Profile = Profile {
        name: "cos",
        server: "tencent-cos",
        checksums: Checksums::Refused(400, "BadDigest"),
        min_part_bytes: 1 << 20,
        has_tags: true,
        has_acl: true,
        has_versions: true,
        has_classes: true,
        ..Profile::UNKNOWN
    };

    /// Qiniu Kodo.
    pub const KODO: Profile =
        Profile { name: "kodo", server: "nginx", encodes_listings: false, min_part_bytes: 1 << 20, ..Profile::UNKNOWN };

    /// Google Cloud Storage's XML API.
    pub const GCS: Profile = Profile {
        name: "gcs",
        server: "UploadServer",
        takes_signed_accept_encoding: false,
        copies_parts: false,
        has_acl: true,
        unpacks_gzip: true,
        ..Profile::UNKNOWN
    };

    /// Cloudflare R2.
    pub const R2: Profile = Profile {
        name: "r2",
        server: "cloudflare",
        region: Some("auto"),
        multipart_tags: Tags::OfParts,
        wants_equal_parts: true,
        has_classes: true,
        unpacks_gzip: true,
        ..Profile::UNKNOWN
    };

    /// Backblaze B2.
    pub const B2: Profile = Profile {
        name: "b2",
        server: "nginx",
        multipart_tags: Tags::OfParts,
        checksums: Checksums::Refused(400, "InvalidArgument"),
        ..Profile::UNKNOWN
    };

    /// An old build of Ceph's RADOS Gateway.
    pub const CEPH: Profile = Profile {
        name: "ceph",
        server: "Ceph Object Gateway",
        lists_v2: false,
        encodes_listings: false,
        multipart_tags: Tags::OfParts,
        has_tags: true,
        has_acl: true,
        has_versions: true,
        gone_at_completion: (500, "InternalError"),
        ..Profile::UNKNOWN
    };

    /// MinIO.
    pub const MINIO: Profile = Profile {
        name: "minio",
        server: "MinIO",
        has_folders: true,
        multipart_tags: Tags::OfParts,
        checksums: Checksums::Support,
        takes_aws_chunked: true,
        has_tags: true,
        has_versions: true,
        has_attributes: true,
        ..Profile::UNKNOWN
    };

    /// Scaleway Object Storage.
    pub const SCALEWAY: Profile = Profile {
        name: "scaleway",
        server: "nginx",
        max_parts: 1_000,
        has_tags: true,
        has_acl: true,
        ..Profile::UNKNOWN
    };

    /// All of them.
    pub const ALL: [Profile; 11] = [
        Profile::AMAZON,
        Profile::UNKNOWN,
        Profile::OSS,
        Profile::COS,
        Profile::KODO,
        Profile::GCS,
        Profile::R2,
        Profile::B2,
        Profile::CEPH,
        Profile::MINIO,
        Profile::SCALEWAY,
    ];
}
