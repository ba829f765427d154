//! Access control lists of objects.

mod canned;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use canned::CannedAcl;

/// Amazon's groups (Amazon S3 "Access control list (ACL) overview", "Who is a grantee?"). Other stores use
/// the same names.
const ALL_USERS: &str = "http://acs.amazonaws.com/groups/global/AllUsers";
const AUTHENTICATED_USERS: &str = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers";

/// An access control list.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Acl(Vec<Grant>);

/// One permission of one grantee.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Grant {
    /// The grantee.
    pub grantee: Grantee,
    /// The permission.
    pub permission: Permission,
}

/// A grantee.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grantee {
    /// The object's owner, at any store.
    Owner,
    /// A group, by its URI.
    Group(String),
    /// An account, by its canonical id, which is valid within one service only.
    Account(String),
}

/// A permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Permission {
    /// To read the object.
    Read,
    /// Has no effect on objects; a canned list contains it.
    Write,
    /// To read the list.
    ReadAcp,
    /// To write the list.
    WriteAcp,
    /// Everything.
    FullControl,
}

impl Acl {
    /// A list of these grants, each once, in no order.
    pub fn new(grants: impl IntoIterator<Item = Grant>) -> Acl {
        let mut grants: Vec<Grant> = grants.into_iter().collect();
        grants.sort();
        grants.dedup();
        Acl(grants)
    }

    /// The grants.
    pub fn grants(&self) -> &[Grant] {
        &self.0
    }

    /// Whether only the owner has permissions: the default of an object without a list.
    pub fn is_private(&self) -> bool {
        self.0.iter().all(|grant| grant.grantee == Grantee::Owner)
    }

    /// Whether it names accounts, which other services do not know.
    pub fn names_accounts(&self) -> bool {
        self.0.iter().any(|grant| matches!(grant.grantee, Grantee::Account(_)))
    }

    /// The list without its accounts.
    pub fn without_accounts(&self) -> Acl {
        Acl(self.0.iter().filter(|grant| !matches!(grant.grantee, Grantee::Account(_))).cloned().collect())
    }

    /// The name of the equal canned list, if there is one (Amazon S3 "Canned ACL").
    pub fn canned(&self) -> Option<&'static str> {
        let others: Vec<(&str, Permission)> = self
            .0
            .iter()
            .filter(|grant| grant.grantee != Grantee::Owner)
            .map(|grant| match &grant.grantee {
                Grantee::Group(uri) => (uri.as_str(), grant.permission),
                _ => ("", grant.permission),
            })
            .collect();
        let owner_has_all = self.0.contains(&Grant { grantee: Grantee::Owner, permission: Permission::FullControl });
        match &others[..] {
            _ if !owner_has_all => None,
            [] => Some("private"),
            [(ALL_USERS, Permission::Read)] => Some("public-read"),
            [(ALL_USERS, Permission::Read), (ALL_USERS, Permission::Write)] => Some("public-read-write"),
            [(AUTHENTICATED_USERS, Permission::Read)] => Some("authenticated-read"),
            _ => None,
        }
    }

    /// The grantee as `x-amz-grant-…` spells it; `owner` is the destination's, if it is known.
    pub fn header(&self, permission: Permission, owner: Option<&str>) -> Option<String> {
        let name = |grantee: &Grantee| match grantee {
            Grantee::Owner => owner.map(|id| format!("id=\"{id}\"")),
            Grantee::Group(uri) => Some(format!("uri=\"{uri}\"")),
            Grantee::Account(id) => Some(format!("id=\"{id}\"")),
        };
        let granted = self.0.iter().filter(|grant| grant.permission == permission);
        let names: Vec<String> = granted.filter_map(|grant| name(&grant.grantee)).collect();
        (!names.is_empty()).then(|| names.join(", "))
    }
}

impl Permission {
    /// The permission as stores spell it (Amazon S3 "What permissions can I grant?").
    pub const fn as_str(self) -> &'static str {
        match self {
            Permission::Read => "READ",
            Permission::Write => "WRITE",
            Permission::ReadAcp => "READ_ACP",
            Permission::WriteAcp => "WRITE_ACP",
            Permission::FullControl => "FULL_CONTROL",
        }
    }

    /// The permission of this name.
    pub fn named(name: &str) -> Option<Permission> {
        use Permission::*;
        [Read, Write, ReadAcp, WriteAcp, FullControl].into_iter().find(|permission| permission.as_str() == name)
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(grantee: Grantee, permission: Permission) -> Grant {
        Grant { grantee, permission }
    }

    fn group(uri: &str, permission: Permission) -> Grant {
        grant(Grantee::Group(uri.to_owned()), permission)
    }

    #[test]
    fn a_list_that_a_canned_one_says_goes_by_its_name() {
        let owner = || grant(Grantee::Owner, Permission::FullControl);
        for (grants, canned) in [
            (vec![owner()], Some("private")),
            (vec![group(ALL_USERS, Permission::Read), owner()], Some("public-read")),
            (
                vec![group(ALL_USERS, Permission::Write), owner(), group(ALL_USERS, Permission::Read)],
                Some("public-read-write"),
            ),
            (vec![owner(), group(AUTHENTICATED_USERS, Permission::Read)], Some("authenticated-read")),
            (vec![group(ALL_USERS, Permission::Read)], None),
            (vec![owner(), group(ALL_USERS, Permission::ReadAcp)], None),
            (vec![owner(), grant(Grantee::Account("a".into()), Permission::Read)], None),
        ] {
            let acl = Acl::new(grants);
            assert_eq!(acl.canned(), canned, "{acl:?}");
        }
    }

    #[test]
    fn grants_are_by_permission_and_the_owner_stays() {
        let acl = Acl::new([
            grant(Grantee::Owner, Permission::FullControl),
            grant(Grantee::Account("a1".into()), Permission::Read),
            group(AUTHENTICATED_USERS, Permission::Read),
        ]);
        let read = format!("uri=\"{AUTHENTICATED_USERS}\", id=\"a1\"");
        assert_eq!(acl.header(Permission::Read, Some("me")), Some(read));
        assert_eq!(acl.header(Permission::FullControl, Some("me")).as_deref(), Some("id=\"me\""));
        assert_eq!(acl.header(Permission::FullControl, None), None);
        assert!(acl.names_accounts() && !acl.without_accounts().names_accounts() && !acl.is_private());
    }
}
