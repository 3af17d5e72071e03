//! The owner field of a znode, which says more than its name: a session, a container, or a time to
//! live. Source: `EphemeralType`.

use zookeeper_wire::SessionId;

use crate::limits::TTL_MS_MAX;

/// What kind of life a znode has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Owner {
    /// It stays until it is deleted.
    Nobody,
    /// It goes with this session.
    Session(SessionId),
    /// It goes some time after its last child went.
    Container,
    /// It goes when it has had no children and no new data for so many milliseconds.
    TimeToLive(i64),
}

impl Owner {
    /// From the stored field. Without `extended_types` a time to live looks like a session, as it
    /// does to an original with `extendedTypesEnabled=false`.
    pub fn from_stored(field: i64, extended_types: bool) -> Owner {
        match field {
            0 => Owner::Nobody,
            CONTAINER => Owner::Container,
            _ if extended_types && looks_extended(field) => Owner::TimeToLive(field & TTL_MS_MAX),
            _ => Owner::Session(SessionId(field)),
        }
    }

    /// As the field is stored.
    pub fn to_stored(self) -> i64 {
        match self {
            Owner::Nobody => 0,
            Owner::Session(session) => session.0,
            Owner::Container => CONTAINER,
            Owner::TimeToLive(ms) => EXTENDED_MASK | ms,
        }
    }
}

/// True if `ms` can be a time to live.
pub fn is_valid_ttl(ms: i64) -> bool {
    (1..=TTL_MS_MAX).contains(&ms)
}

/// True if the field may hold something other than a session where extended types are on.
pub(crate) fn looks_extended(field: i64) -> bool {
    field & EXTENDED_MASK == EXTENDED_MASK
}

const CONTAINER: i64 = i64::MIN;
const EXTENDED_MASK: i64 = 0xff << 56;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_survive_the_field() {
        let check = |field, extended, expect: Owner| {
            assert_eq!(Owner::from_stored(field, extended), expect);
            assert_eq!(expect.to_stored(), field);
        };
        check(0, true, Owner::Nobody);
        check(0x1000_0000_0000_0001, true, Owner::Session(SessionId(0x1000_0000_0000_0001)));
        check(i64::MIN, true, Owner::Container);
        check(-0x0100_0000_0000_0000 | 60_000, true, Owner::TimeToLive(60_000));
        check(
            -0x0100_0000_0000_0000 | 60_000,
            false,
            Owner::Session(SessionId(-0x0100_0000_0000_0000 | 60_000)),
        );
    }
}
