//! The owner field of a znode, which says more than its name: a session, a container, or a time to
//! live. Source: `EphemeralType`, `EphemeralTypeEmulate353`.

use zookeeper_wire::SessionId;

use crate::limits::TTL_MS_MAX;

/// Whether znodes may have a time to live, and which fields are taken for one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ExtendedTypes {
    /// They may not, and what looks like one is a session (`extendedTypesEnabled=false`).
    #[default]
    Off,
    /// They may.
    On,
    /// They may, and those count too that release 3.5.3 wrote (`emulate353TTLNodes=true`). New ones are
    /// written as by later releases. No session may have the high bit then: servers are numbered up to 127.
    OnAsIn353,
}

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
    /// From the stored field. A time to live that does not count looks like a session, as it does to the
    /// original.
    pub fn from_stored(field: i64, types: ExtendedTypes) -> Owner {
        let timed = match types {
            ExtendedTypes::Off => false,
            ExtendedTypes::On => field & EXTENDED_MASK == EXTENDED_MASK,
            ExtendedTypes::OnAsIn353 => field < 0,
        };
        match field {
            0 => Owner::Nobody,
            CONTAINER => Owner::Container,
            // Of the sixty bits of 3.5.3 the original looks at forty, too.
            _ if timed => Owner::TimeToLive(field & TTL_MS_MAX),
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

/// True if the field may hold a time to live, of 3.5.3 or later, to a server that has them switched on.
/// The number of a session of server 128 is told from one of 3.5.3 by its bits from the clock.
pub(crate) fn looks_extended(field: i64) -> bool {
    field & EXTENDED_MASK == EXTENDED_MASK || field & !TTL_MS_MAX == CONTAINER
}

const CONTAINER: i64 = i64::MIN;
const EXTENDED_MASK: i64 = 0xff << 56;

#[cfg(test)]
mod tests {
    use super::*;
    use ExtendedTypes::{Off, On, OnAsIn353};

    const TIMED: i64 = -0x0100_0000_0000_0000 | 60_000;
    const TIMED_353: i64 = i64::MIN | 60_000;

    #[test]
    fn owners_survive_the_field() {
        let check = |field, types, expect: Owner| {
            assert_eq!(Owner::from_stored(field, types), expect);
            assert_eq!(expect.to_stored(), field);
        };
        let session = |id| Owner::Session(SessionId(id));
        check(0, On, Owner::Nobody);
        check(0x1000_0000_0000_0001, On, session(0x1000_0000_0000_0001));
        check(0x7f00_0000_0000_0001, OnAsIn353, session(0x7f00_0000_0000_0001));
        for types in [Off, On, OnAsIn353] {
            check(i64::MIN, types, Owner::Container);
        }
        check(TIMED, Off, session(TIMED));
        check(TIMED, On, Owner::TimeToLive(60_000));
        check(TIMED, OnAsIn353, Owner::TimeToLive(60_000));
        check(TIMED_353, Off, session(TIMED_353));
        check(TIMED_353, On, session(TIMED_353));
    }

    #[test]
    fn those_of_3_5_3_count_when_asked_for() {
        assert_eq!(Owner::from_stored(TIMED_353, OnAsIn353), Owner::TimeToLive(60_000));
        let longer_than_we_can = i64::MIN | (TTL_MS_MAX + 6);
        assert_eq!(Owner::from_stored(longer_than_we_can, OnAsIn353), Owner::TimeToLive(5));
    }

    #[test]
    fn what_may_be_a_time_to_live_is_no_dead_session() {
        let check = |field, expect| assert_eq!(looks_extended(field), expect, "{field:#x}");
        check(TIMED, true);
        check(TIMED_353, true);
        check(1 << 56 | 0x18_c1f3_0a2b << 16, false);
        // Of servers 128 and 254, as their first session is numbered in 2026.
        check(i64::MIN | 0xa1ee << 40, false);
        check(-0x0200_0000_0000_0000 | 0xa1ee << 40, false);
    }
}
