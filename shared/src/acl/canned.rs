//! The access control lists that stores know by name.

use serde::{Deserialize, Serialize};

/// A list that every written object gets (Amazon S3 "Canned ACL", those of objects).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CannedAcl {
    /// Only the owner has access.
    Private,
    /// Everybody reads.
    PublicRead,
    /// Everybody reads; a bucket's list would let everybody write.
    PublicReadWrite,
    /// Everybody with an account at the service reads.
    AuthenticatedRead,
    /// Amazon EC2 reads.
    AwsExecRead,
    /// The bucket's owner reads.
    BucketOwnerRead,
    /// The bucket's owner has full control.
    BucketOwnerFullControl,
}

impl CannedAcl {
    /// All of them.
    pub const ALL: [CannedAcl; 7] = [
        CannedAcl::Private,
        CannedAcl::PublicRead,
        CannedAcl::PublicReadWrite,
        CannedAcl::AuthenticatedRead,
        CannedAcl::AwsExecRead,
        CannedAcl::BucketOwnerRead,
        CannedAcl::BucketOwnerFullControl,
    ];

    /// The name, as `x-amz-acl` and config files spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            CannedAcl::Private => "private",
            CannedAcl::PublicRead => "public-read",
            CannedAcl::PublicReadWrite => "public-read-write",
            CannedAcl::AuthenticatedRead => "authenticated-read",
            CannedAcl::AwsExecRead => "aws-exec-read",
            CannedAcl::BucketOwnerRead => "bucket-owner-read",
            CannedAcl::BucketOwnerFullControl => "bucket-owner-full-control",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_one_name_in_files_and_in_requests() {
        for acl in CannedAcl::ALL {
            assert_eq!(serde_json::to_value(acl).unwrap(), acl.as_str());
        }
    }
}
