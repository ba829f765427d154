//! Rights at a store, as its provider spells them, for messages that ask people to allow them.

/// A right that a call to a store needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Right {
    /// List objects.
    List,
    /// Describe an object.
    Head,
    /// Read an object.
    Get,
    /// Read a version of an object.
    GetVersion,
    /// Read an object's tags.
    GetTags,
    /// Read the tags of a version.
    GetVersionTags,
    /// Write an object.
    Put,
    /// Give an object tags.
    PutTags,
    /// Delete an object.
    Delete,
    /// Open an upload in parts.
    CreateUpload,
    /// Write a part.
    PutPart,
    /// Make an object of parts.
    CompleteUpload,
    /// Give an upload up.
    AbortUpload,
    /// List the parts of an upload.
    ListParts,
    /// List open uploads.
    ListUploads,
    /// Have an archived object restored.
    Restore,
}

/// The spelling of rights by a family of providers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RightNames {
    /// Amazon S3 ("Actions, resources, and condition keys for Amazon S3"), and all who took its names over.
    Amazon,
    /// Aliyun OSS ("RAM policies", part "OSS Action classification"; "CopyObject", part "Permissions").
    Oss,
    /// Tencent COS ("Working with COS API Authorization Policies"). Versions have no rights of their own.
    Cos,
    /// A folder has permissions of the file system.
    Folder,
}

impl Right {
    /// The right that a verb of the store port needs, if it is one.
    pub fn of_verb(verb: &str) -> Option<Right> {
        Some(match verb {
            "list" => Right::List,
            "head" => Right::Head,
            "get" => Right::Get,
            "put" => Right::Put,
            "part" => Right::PutPart,
            "create" => Right::CreateUpload,
            "complete" => Right::CompleteUpload,
            "delete" => Right::Delete,
            "abort" => Right::AbortUpload,
            "list-parts" => Right::ListParts,
            "list-uploads" => Right::ListUploads,
            "restore" => Right::Restore,
            _ => return None,
        })
    }
}

impl RightNames {
    /// The name of a right.
    pub fn name(self, right: Right) -> &'static str {
        match self {
            RightNames::Amazon => amazon(right),
            RightNames::Oss => oss(right),
            RightNames::Cos => cos(right),
            RightNames::Folder => match right {
                Right::List | Right::Head | Right::Get | Right::GetVersion => "read permission on the folder",
                Right::GetTags | Right::GetVersionTags | Right::ListParts | Right::ListUploads => {
                    "read permission on the folder"
                }
                _ => "write permission on the folder",
            },
        }
    }

    /// The names of the rights, `a`, `a and b` or `a, b and c`; one that two of them share comes once.
    pub fn names(self, rights: &[Right]) -> String {
        let mut names: Vec<&str> = Vec::new();
        for name in rights.iter().map(|right| self.name(*right)) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        match names.split_last() {
            Some((last, [])) => (*last).to_owned(),
            Some((last, others)) => format!("{} and {last}", others.join(", ")),
            None => String::new(),
        }
    }
}

fn amazon(right: Right) -> &'static str {
    match right {
        Right::List => "s3:ListBucket",
        Right::Head | Right::Get => "s3:GetObject",
        Right::GetVersion => "s3:GetObjectVersion",
        Right::GetTags => "s3:GetObjectTagging",
        Right::GetVersionTags => "s3:GetObjectVersionTagging",
        Right::Put | Right::CreateUpload | Right::PutPart | Right::CompleteUpload => "s3:PutObject",
        Right::PutTags => "s3:PutObjectTagging",
        Right::Delete => "s3:DeleteObject",
        Right::AbortUpload => "s3:AbortMultipartUpload",
        Right::ListParts => "s3:ListMultipartUploadParts",
        Right::ListUploads => "s3:ListBucketMultipartUploads",
        Right::Restore => "s3:RestoreObject",
    }
}

fn oss(right: Right) -> &'static str {
    match right {
        Right::List => "oss:ListObjects",
        Right::Head | Right::Get => "oss:GetObject",
        Right::GetVersion => "oss:GetObjectVersion",
        Right::GetTags => "oss:GetObjectTagging",
        Right::GetVersionTags => "oss:GetObjectVersionTagging",
        Right::Put | Right::CreateUpload | Right::PutPart | Right::CompleteUpload => "oss:PutObject",
        Right::PutTags => "oss:PutObjectTagging",
        Right::Delete => "oss:DeleteObject",
        Right::AbortUpload => "oss:AbortMultipartUpload",
        Right::ListParts => "oss:ListParts",
        Right::ListUploads => "oss:ListMultipartUploads",
        Right::Restore => "oss:RestoreObject",
    }
}

fn cos(right: Right) -> &'static str {
    match right {
        Right::List => "name/cos:GetBucket",
        Right::Head => "name/cos:HeadObject",
        Right::Get | Right::GetVersion => "name/cos:GetObject",
        Right::GetTags | Right::GetVersionTags => "name/cos:GetObjectTagging",
        Right::Put => "name/cos:PutObject",
        Right::PutTags => "name/cos:PutObjectTagging",
        Right::Delete => "name/cos:DeleteObject",
        Right::CreateUpload => "name/cos:InitiateMultipartUpload",
        Right::PutPart => "name/cos:UploadPart",
        Right::CompleteUpload => "name/cos:CompleteMultipartUpload",
        Right::AbortUpload => "name/cos:AbortMultipartUpload",
        Right::ListParts => "name/cos:ListParts",
        Right::ListUploads => "name/cos:ListMultipartUploads",
        Right::Restore => "name/cos:PostObjectRestore",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_provider_spells_the_rights_of_a_call_in_its_way() {
        for (verb, names) in [
            ("list", ["s3:ListBucket", "oss:ListObjects", "name/cos:GetBucket"]),
            ("head", ["s3:GetObject", "oss:GetObject", "name/cos:HeadObject"]),
            ("create", ["s3:PutObject", "oss:PutObject", "name/cos:InitiateMultipartUpload"]),
            ("list-parts", ["s3:ListMultipartUploadParts", "oss:ListParts", "name/cos:ListParts"]),
        ] {
            let right = Right::of_verb(verb).unwrap();
            assert_eq!([RightNames::Amazon, RightNames::Oss, RightNames::Cos].map(|of| of.name(right)), names);
        }
        assert_eq!(Right::of_verb("probe"), None);
    }

    #[test]
    fn names_that_are_the_same_come_once() {
        let rights = [Right::Put, Right::CreateUpload, Right::AbortUpload];
        assert_eq!(RightNames::Amazon.names(&rights), "s3:PutObject and s3:AbortMultipartUpload");
        let cos = "name/cos:PutObject, name/cos:InitiateMultipartUpload and name/cos:AbortMultipartUpload";
        assert_eq!(RightNames::Cos.names(&rights), cos);
        assert_eq!(RightNames::Folder.names(&rights), "write permission on the folder");
        assert_eq!(RightNames::Oss.names(&[]), "");
    }
}
