//! A store's support of metadata: data, so that no caller branches on a vendor's name.

/// Whether a store supports something that not all do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    /// It is supported.
    Yes,
    /// It is not supported, or not reliably: it is never requested.
    No,
    /// It depends on the store's age or configuration: it is requested until the store refuses it.
    Unknown,
}

/// A family of names of storage classes. Two stores' classes mean the same if both use one family.
#[derive(Debug, PartialEq, Eq)]
pub struct Classes {
    /// The family's name; empty: no classes.
    pub family: &'static str,
    /// Classes whose objects must be restored before they can be read.
    pub archives: &'static [&'static str],
}

impl Classes {
    /// No classes.
    pub const NONE: Classes = Classes { family: "", archives: &[] };
    /// Amazon's (Amazon S3 "Understanding and managing storage classes"), which most others use too.
    pub const AMAZON: Classes = Classes { family: "amazon", archives: &["GLACIER", "DEEP_ARCHIVE"] };

    /// Whether objects of this class must be restored before they can be read.
    pub fn is_archive(&self, class: &str) -> bool {
        self.archives.contains(&class)
    }
}

/// The spelling of user metadata beyond ASCII in a store's headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// As words of RFC 2047, which the store reads and writes itself (Amazon S3 "Working with object
    /// metadata"): raw bytes are taken for Latin-1 and come out as something else.
    Words,
    /// As the bytes of UTF-8; a word of RFC 2047 is a text like any other.
    Utf8,
    /// Unknown: words are safe in requests, and answers may have either.
    Unknown,
}

/// A store's support of metadata besides headers and user metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetadataSupport {
    /// Tags.
    pub tags: Support,
    /// Access control lists.
    pub acl: Support,
    /// Storage classes.
    pub classes: &'static Classes,
    /// Whether it encrypts on request, by its own keys or by KMS.
    pub encrypts: bool,
    /// The spelling of user metadata beyond ASCII.
    pub spelling: Spelling,
}

impl MetadataSupport {
    /// Supports nothing.
    pub const NOTHING: MetadataSupport = MetadataSupport {
        tags: Support::No,
        acl: Support::No,
        classes: &Classes::NONE,
        encrypts: false,
        spelling: Spelling::Utf8,
    };
    /// Supports everything, as Amazon S3 does.
    pub const AMAZON: MetadataSupport = MetadataSupport {
        tags: Support::Yes,
        acl: Support::Yes,
        classes: &Classes::AMAZON,
        encrypts: true,
        spelling: Spelling::Words,
    };
    /// An unknown store: most stores use Amazon's names, and refuse features that they do not have.
    pub const UNKNOWN: MetadataSupport = MetadataSupport {
        tags: Support::Unknown,
        acl: Support::Unknown,
        spelling: Spelling::Unknown,
        ..MetadataSupport::AMAZON
    };
}
