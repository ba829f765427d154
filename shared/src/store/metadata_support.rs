//! What a store keeps of an object besides its bytes: data, so that no caller asks for a vendor's name.

/// Whether a store supports something that not all do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    /// It does.
    Yes,
    /// It does not, or not reliably: it is never asked for it.
    No,
    /// It depends on the store's age or configuration: it is asked until it refuses.
    Unknown,
}

/// The names that storage classes go by. Two stores' classes mean the same where both go by one family.
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
    /// Amazon's (Amazon S3 "Understanding and managing storage classes"), which most others took over.
    pub const AMAZON: Classes = Classes { family: "amazon", archives: &["GLACIER", "DEEP_ARCHIVE"] };

    /// Whether objects of this class must be restored before they can be read.
    pub fn is_archive(&self, class: &str) -> bool {
        self.archives.contains(&class)
    }
}

/// How user metadata beyond ASCII stands in a store's headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// As words of RFC 2047, which the store reads and writes itself (Amazon S3 "Working with object
    /// metadata"): raw bytes are taken for Latin-1 and come out as something else.
    Words,
    /// As the bytes of UTF-8; a word of RFC 2047 is a text like any other.
    Utf8,
    /// Nobody knows: words are the safe way in, and may be either on the way out.
    Unknown,
}

/// What a store keeps of an object besides its bytes, headers and user metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetadataSupport {
    /// Tags.
    pub tags: Support,
    /// Access control lists.
    pub acl: Support,
    /// Storage classes.
    pub classes: &'static Classes,
    /// Whether it encrypts as it is asked to, by its own keys or by KMS.
    pub encrypts: bool,
    /// How user metadata beyond ASCII is spelled.
    pub spelling: Spelling,
}

impl MetadataSupport {
    /// Nothing.
    pub const NOTHING: MetadataSupport = MetadataSupport {
        tags: Support::No,
        acl: Support::No,
        classes: &Classes::NONE,
        encrypts: false,
        spelling: Spelling::Utf8,
    };
    /// Everything, as Amazon S3 does.
    pub const AMAZON: MetadataSupport = MetadataSupport {
        tags: Support::Yes,
        acl: Support::Yes,
        classes: &Classes::AMAZON,
        encrypts: true,
        spelling: Spelling::Words,
    };
    /// What nothing is known of: most stores took over Amazon's names, and refuse what they do not have.
    pub const UNKNOWN: MetadataSupport = MetadataSupport {
        tags: Support::Unknown,
        acl: Support::Unknown,
        spelling: Spelling::Unknown,
        ..MetadataSupport::AMAZON
    };
}
