//! Who may do what with a znode.

use std::borrow::Cow;
use std::fmt;
use std::ops::{BitAnd, BitOr};

use crate::jute::{number_record, records};

/// A set of permissions, as bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Permissions(pub i32);

number_record!(Permissions(i32));

impl Permissions {
    /// None at all.
    pub const NONE: Permissions = Permissions(0);
    /// Read data and list children.
    pub const READ: Permissions = Permissions(1);
    /// Set data.
    pub const WRITE: Permissions = Permissions(2);
    /// Create children.
    pub const CREATE: Permissions = Permissions(4);
    /// Delete children.
    pub const DELETE: Permissions = Permissions(8);
    /// Set the ACL.
    pub const ADMIN: Permissions = Permissions(16);
    /// All five.
    pub const ALL: Permissions = Permissions(31);

    /// True if any bit of `other` is in this set.
    pub const fn intersects(self, other: Permissions) -> bool {
        self.0 & other.0 != 0
    }
}

impl BitOr for Permissions {
    type Output = Permissions;
    fn bitor(self, other: Permissions) -> Permissions {
        Permissions(self.0 | other.0)
    }
}

impl BitAnd for Permissions {
    type Output = Permissions;
    fn bitand(self, other: Permissions) -> Permissions {
        Permissions(self.0 & other.0)
    }
}

/// The letters that tools show: `cdrwa`.
impl fmt::Display for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letters = [
            (Permissions::CREATE, 'c'),
            (Permissions::DELETE, 'd'),
            (Permissions::READ, 'r'),
            (Permissions::WRITE, 'w'),
            (Permissions::ADMIN, 'a'),
        ];
        for (permission, letter) in letters {
            if self.intersects(permission) {
                write!(f, "{letter}")?;
            }
        }
        Ok(())
    }
}

/// One entry of an access control list: these permissions for that identity.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Acl {
    /// What is allowed.
    pub permissions: Permissions,
    /// How the identity is to be understood: `world`, `digest`, `ip`, ...
    pub scheme: Cow<'static, str>,
    /// The identity, in the notation of its scheme.
    pub id: Cow<'static, str>,
}

impl Acl {
    /// `permissions` for `id` of `scheme`.
    pub fn new(
        permissions: Permissions,
        scheme: impl Into<Cow<'static, str>>,
        id: impl Into<Cow<'static, str>>,
    ) -> Acl {
        Acl { permissions, scheme: scheme.into(), id: id.into() }
    }

    /// `permissions` for everybody.
    pub fn world(permissions: Permissions) -> Acl {
        Acl::new(permissions, "world", "anyone")
    }

    /// The list most clients send: everything for everybody.
    pub fn open() -> Vec<Acl> {
        vec![Acl::world(Permissions::ALL)]
    }
}

impl crate::jute::Record for Acl {
    const BYTES_MIN: usize = 12;
    fn read(reader: &mut crate::jute::Reader) -> Result<Self, crate::jute::WireError> {
        Ok(Acl { permissions: reader.record()?, scheme: reader.record()?, id: reader.record()? })
    }
    fn write(&self, writer: &mut crate::jute::Writer) {
        writer.record(&self.permissions);
        writer.text(&self.scheme);
        writer.text(&self.id);
    }
}

records! {
    /// One identity of a connection, as whoAmI shows it.
    struct ClientInfo {
        /// Its scheme.
        scheme: Cow<'static, str>,
        /// The part of the identity that may be shown.
        user: Cow<'static, str>,
    }
}
