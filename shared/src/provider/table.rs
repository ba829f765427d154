//! The rows. Each has only the differences from [`KNOWN`], and names the page of the vendor that says so.

use super::{Keys, ListOrder, ProviderProfile, StoreLimits};
use crate::digest::Algorithm;
use crate::location::Scheme;
use crate::store::{Classes, EtagMeaning, MetadataSupport, RightNames, Spelling, Support};

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const TIB: u64 = 1 << 40;

/// Amazon S3 "Multipart upload limits"; objects of up to 50 TB since December 2025. Some stores accept parts
/// below 5 MiB, which nobody wants to send.
const AMAZONS: StoreLimits = StoreLimits {
    put_bytes: 5 * GIB,
    min_part_bytes: 5 * MIB,
    part_bytes: 5 * GIB,
    parts: 10_000,
    object_bytes: 50_000_000_000_000,
    copy_bytes: 5 * GIB,
};

/// Most keys of one `DeleteObjects` at every vendor that documents the request: Amazon S3 "DeleteObjects", Aliyun OSS
/// "DeleteMultipleObjects", Tencent COS "DELETE Multiple Objects", Google "Delete multiple objects" (XML API), Cloudflare
/// R2 "S3 API compatibility", Backblaze B2 "S3 Delete Objects", Scaleway "S3 operations", Ceph
/// `rgw_delete_multi_obj_max_num`, MinIO "S3 API compatibility", Garage "S3 Compatibility status".
const DELETE_KEYS: usize = 1_000;

/// Amazon's names at stores that move objects by themselves. A read returns the object as before, or says that
/// it must be restored.
const READABLE_CLASSES: Classes = Classes { archives: &[], ..Classes::AMAZON };

/// Aliyun OSS "Overview of storage classes"; its S3 API names archives as Amazon does.
const OSS_CLASSES: Classes =
    Classes { family: "oss", archives: &["Archive", "ColdArchive", "DeepColdArchive", "GLACIER", "DEEP_ARCHIVE"] };

/// Tencent COS "Storage class overview".
const COS_CLASSES: Classes = Classes { family: "cos", archives: &["ARCHIVE", "DEEP_ARCHIVE"] };

/// Qiniu Kodo "Storage types".
const KODO_CLASSES: Classes = Classes { family: "kodo", archives: &["GLACIER", "DEEP_ARCHIVE"] };

/// Google Cloud Storage "Storage classes": objects of every class can be read at once, also of `ARCHIVE`.
const GCS_CLASSES: Classes = Classes { family: "gcs", archives: &[] };

/// A store of which nothing is known: only what every store has done for a decade.
pub const UNKNOWN: ProviderProfile = ProviderProfile {
    name: "S3-compatible",
    is_guess: true,
    scheme: None,
    domains: &[],
    regions: &[],
    server: None,
    endpoints: &[],
    region_example: "us-east-1",
    default_region: None,
    path_style: true,
    accept_encoding: None,
    crc32c_header: None,
    accepts_x_id: true,
    list_order: ListOrder::ByBytes,
    lists_v2: Support::Unknown,
    encodes_keys: Support::Unknown,
    lists_uploads: true,
    keys: Keys::Any,
    etags: EtagMeaning::Md5,
    reports_checksums: Support::Unknown,
    lists_consistently: false,
    reports_tag_counts: false,
    verifies: &[Algorithm::Md5],
    checks_completion: false,
    copies_parts: true,
    max_delete_keys: 0,
    limits: AMAZONS,
    metadata: MetadataSupport::UNKNOWN,
    rights: RightNames::Amazon,
};

/// The base of every row: optional features that the row does not name are not used.
const KNOWN: ProviderProfile = ProviderProfile {
    is_guess: false,
    lists_v2: Support::Yes,
    encodes_keys: Support::Yes,
    reports_checksums: Support::No,
    ..UNKNOWN
};

/// Amazon S3 ("Checking object integrity in Amazon S3", "Amazon S3 endpoints and quotas"; "Amazon S3 data consistency
/// model": listings are strongly consistent).
pub const AMAZON: ProviderProfile = ProviderProfile {
    name: "Amazon S3",
    domains: &["amazonaws.com", "amazonaws.com.cn"],
    endpoints: &["https://s3.{region}.amazonaws.com", "https://s3.{region}.amazonaws.com.cn"],
    path_style: false,
    etags: EtagMeaning::Md5AndParts,
    reports_checksums: Support::Yes,
    lists_consistently: true,
    reports_tag_counts: true,
    verifies: &Algorithm::ALL,
    max_delete_keys: DELETE_KEYS,
    checks_completion: true,
    metadata: MetadataSupport::AMAZON,
    ..KNOWN
};

/// Aliyun OSS ("Compatibility with Amazon S3": operations, request style, ETag; "Use AWS SDKs to access
/// OSS": endpoints; "Limits"). `ListMultipartUploads` is not among the operations. The ETag of an upload
/// in parts is no hash of MD5s.
const OSS: ProviderProfile = ProviderProfile {
    name: "Aliyun OSS",
    scheme: Some(Scheme::Oss),
    domains: &["aliyuncs.com"],
    server: Some("AliyunOSS"),
    endpoints: &[
        "https://s3.oss-{region}.aliyuncs.com",
        "https://s3.oss-{region}-internal.aliyuncs.com",
        "https://oss-{region}.aliyuncs.com",
        "https://oss-{region}-internal.aliyuncs.com",
    ],
    region_example: "cn-beijing",
    path_style: false,
    lists_uploads: false,
    max_delete_keys: DELETE_KEYS,
    metadata: MetadataSupport { tags: Support::No, classes: &OSS_CLASSES, encrypts: false, ..MetadataSupport::UNKNOWN },
    rights: RightNames::Oss,
    ..KNOWN
};

/// Tencent COS ("Accessing COS with AWS S3 SDK": endpoint; "Multipart Upload": parts of up to 5 GB, 10,000
/// of them; "Common Response Headers": ETag). Its own API documents only `ListObjects` ("GET Bucket (List Objects)").
const COS: ProviderProfile = ProviderProfile {
    name: "Tencent COS",
    scheme: Some(Scheme::Cos),
    domains: &["myqcloud.com", "tencentcos.cn"],
    server: Some("tencent-cos"),
    endpoints: &[
        "https://cos.{region}.myqcloud.com",
        "https://cos-internal.{region}.tencentcos.cn",
        "https://cos.{region}.tencentcos.cn",
    ],
    region_example: "ap-beijing",
    path_style: false,
    lists_v2: Support::No,
    max_delete_keys: DELETE_KEYS,
    metadata: MetadataSupport { classes: &COS_CLASSES, encrypts: false, ..MetadataSupport::UNKNOWN },
    rights: RightNames::Cos,
    ..KNOWN
};

/// Qiniu Kodo ("AWS S3 compatibility": endpoints, styles, the bucket's S3 name; "Multipart upload v2":
/// parts of up to 1 GB). Its listings do not encode keys.
const KODO: ProviderProfile = ProviderProfile {
    name: "Qiniu Kodo",
    scheme: Some(Scheme::Kodo),
    domains: &["qiniucs.com"],
    endpoints: &["https://s3.{region}.qiniucs.com"],
    region_example: "cn-east-1",
    encodes_keys: Support::No,
    limits: StoreLimits { part_bytes: GIB, object_bytes: 10_000 * GIB, ..AMAZONS },
    metadata: MetadataSupport { classes: &KODO_CLASSES, encrypts: false, ..MetadataSupport::UNKNOWN },
    ..KNOWN
};

/// Google Cloud Storage's XML API ("Hashes and ETags": only objects of one request have an MD5 as
/// their ETag, all have a CRC-32C; "Quotas & limits"; "Transcoding of gzip-compressed files": without
/// `Accept-Encoding: gzip` it decompresses objects that are stored compressed; "Cloud Storage consistency": listings). It changes `Accept-Encoding` on
/// the way, accepts no `x-id` and copies no ranges (rclone issue 6670 and its table of providers; Google issue 323465186).
const GCS: ProviderProfile = ProviderProfile {
    name: "Google Cloud Storage",
    scheme: Some(Scheme::Gs),
    domains: &["storage.googleapis.com"],
    server: Some("UploadServer"),
    endpoints: &["https://storage.googleapis.com"],
    default_region: Some("auto"),
    accept_encoding: Some("gzip"),
    crc32c_header: Some("x-goog-hash"),
    lists_consistently: true,
    accepts_x_id: false,
    copies_parts: false,
    max_delete_keys: DELETE_KEYS,
    limits: StoreLimits { put_bytes: 5 * TIB, object_bytes: 5 * TIB, ..AMAZONS },
    metadata: MetadataSupport { tags: Support::No, classes: &GCS_CLASSES, encrypts: false, ..MetadataSupport::UNKNOWN },
    ..KNOWN
};

/// Cloudflare R2 ("S3 API compatibility": region, operations; "Limits"; "Multipart upload": parts of one
/// size, and tags as Amazon's, but not those of objects from before 21 June 2023). Its whole-object
/// checksums are CRC-64/NVME alone. "Consistency model": listings are strongly consistent. It decompresses gzip objects for clients that
/// do not accept `gzip` (rclone issue 8137).
const R2: ProviderProfile = ProviderProfile {
    name: "Cloudflare R2",
    scheme: Some(Scheme::R2),
    domains: &["r2.cloudflarestorage.com"],
    endpoints: &["https://{ACCOUNT_ID}.r2.cloudflarestorage.com"],
    default_region: Some("auto"),
    accept_encoding: Some("gzip"),
    reports_checksums: Support::Unknown,
    lists_consistently: true,
    max_delete_keys: DELETE_KEYS,
    limits: StoreLimits {
        put_bytes: 5 * GIB - 5 * MIB,
        part_bytes: 5 * GIB - 5 * MIB,
        copy_bytes: 5 * GIB - 5 * MIB,
        object_bytes: 5 * TIB - 5 * GIB,
        ..AMAZONS
    },
    metadata: MetadataSupport { tags: Support::No, acl: Support::No, encrypts: false, ..MetadataSupport::AMAZON },
    ..KNOWN
};

/// Backblaze B2 ("Call the S3-Compatible API": endpoints, only by TLS; "Files", "Large Files": 5 GB in one
/// request, parts of 5 MB to 5 GB, 10 TB). It refuses `x-amz-checksum-*`.
const B2: ProviderProfile = ProviderProfile {
    name: "Backblaze B2",
    domains: &["backblazeb2.com"],
    endpoints: &["https://s3.{region}.backblazeb2.com"],
    max_delete_keys: DELETE_KEYS,
    limits: StoreLimits {
        put_bytes: 5_000_000_000,
        part_bytes: 5_000_000_000,
        copy_bytes: 5_000_000_000,
        object_bytes: 10_000_000_000_000,
        ..AMAZONS
    },
    metadata: MetadataSupport {
        tags: Support::No,
        acl: Support::No,
        classes: &Classes::NONE,
        ..MetadataSupport::UNKNOWN
    },
    ..KNOWN
};

/// Scaleway Object Storage ("Multipart uploads": 1 to 1,000 parts; "Object Storage concepts": objects of up to 5 TB).
const SCALEWAY: ProviderProfile = ProviderProfile {
    name: "Scaleway",
    domains: &["scw.cloud"],
    endpoints: &["https://s3.{region}.scw.cloud"],
    region_example: "fr-par",
    max_delete_keys: DELETE_KEYS,
    limits: StoreLimits { parts: 1_000, object_bytes: 5_000_000_000_000, ..AMAZONS },
    ..KNOWN
};

/// Ceph's gateway (its pull request 50510: `Server`, since Reef). Old builds support only `ListObjects`, do
/// not encode keys, and do not report how an object was cut, without which the ETags of parts say nothing.
const CEPH: ProviderProfile = ProviderProfile {
    name: "Ceph RGW",
    server: Some("Ceph Object Gateway"),
    lists_v2: Support::No,
    encodes_keys: Support::No,
    reports_checksums: Support::Unknown,
    reports_tag_counts: true,
    max_delete_keys: DELETE_KEYS,
    metadata: MetadataSupport { classes: &READABLE_CLASSES, spelling: Spelling::Utf8, ..MetadataSupport::UNKNOWN },
    ..KNOWN
};

/// MinIO ("S3 API compatibility"; "Differences from S3 APIs for Multipart Uploads": uploads are listed for one
/// whole key only; "Core operational concepts": read-after-write and list-after-write consistency).
const MINIO: ProviderProfile = ProviderProfile {
    name: "MinIO",
    server: Some("MinIO"),
    etags: EtagMeaning::Md5AndParts,
    reports_checksums: Support::Unknown,
    lists_consistently: true,
    reports_tag_counts: true,
    max_delete_keys: DELETE_KEYS,
    metadata: MetadataSupport {
        tags: Support::Yes,
        acl: Support::No,
        classes: &READABLE_CLASSES,
        spelling: Spelling::Utf8,
        ..MetadataSupport::UNKNOWN
    },
    ..KNOWN
};

/// Garage ("S3 Compatibility status"; `src/api/s3/multipart.rs`: tags). Its answers do not name it. The
/// region of its quick start identifies it.
const GARAGE: ProviderProfile = ProviderProfile {
    name: "Garage",
    regions: &["garage"],
    etags: EtagMeaning::Md5AndParts,
    reports_checksums: Support::Unknown,
    max_delete_keys: DELETE_KEYS,
    metadata: MetadataSupport { spelling: Spelling::Unknown, ..MetadataSupport::NOTHING },
    ..KNOWN
};

/// SeaweedFS's gateway over its file system (version 4.48, by trying). ETags of uploads in parts are made
/// of the parts' MD5s, also after parts were sent again. ETags of parts that it copies itself are no MD5s.
const SEAWEED: ProviderProfile = ProviderProfile {
    name: "SeaweedFS",
    server: Some("SeaweedFS"),
    list_order: ListOrder::ByFolder,
    keys: Keys::FolderLike,
    etags: EtagMeaning::Md5AndParts,
    reports_checksums: Support::Unknown,
    reports_tag_counts: true,
    copies_parts: false,
    max_delete_keys: DELETE_KEYS,
    metadata: MetadataSupport {
        tags: Support::Yes,
        acl: Support::No,
        classes: &READABLE_CLASSES,
        encrypts: false,
        spelling: Spelling::Utf8,
    },
    ..KNOWN
};

/// All providers that can be recognised.
pub const ROWS: &[&ProviderProfile] =
    &[&AMAZON, &OSS, &COS, &KODO, &GCS, &R2, &B2, &SCALEWAY, &CEPH, &MINIO, &GARAGE, &SEAWEED];
