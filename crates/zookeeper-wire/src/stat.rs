//! What a znode says about itself.

use crate::jute::records;
use crate::{SessionId, Zxid};

records! {
    /// The metadata of a znode as clients see it, 68 bytes.
    ///
    /// `child_version` is the one on the wire: creates and deletes counted, that is twice the stored
    /// count of creates less the number of children.
    #[derive(Copy, Default)]
    struct Stat {
        /// The transaction that created it.
        czxid: Zxid,
        /// The transaction that last set its data.
        mzxid: Zxid,
        /// When it was created, in milliseconds since 1970 on the leader's clock.
        ctime: i64,
        /// When its data was last set, likewise.
        mtime: i64,
        /// Changes of the data.
        version: i32,
        /// Changes of the set of children.
        child_version: i32,
        /// Changes of the ACL.
        acl_version: i32,
        /// The session that owns it; none unless ephemeral.
        ephemeral_owner: SessionId,
        /// Bytes of data.
        data_length: i32,
        /// Children, not descendants.
        children: i32,
        /// The transaction that last changed the set of children.
        pzxid: Zxid,
    }
}

impl Stat {
    /// Bytes of an encoded stat.
    pub const BYTES: usize = 68;
}

const _: () = assert!(<Stat as crate::jute::Record>::BYTES_MIN == Stat::BYTES);

records! {
    /// The metadata of a znode as snapshots hold it, 60 bytes. Source: `StatPersisted`.
    #[derive(Copy, Default)]
    struct StoredStat {
        /// The transaction that created it.
        czxid: Zxid,
        /// The transaction that last set its data.
        mzxid: Zxid,
        /// When it was created, in milliseconds since 1970 on the leader's clock.
        ctime: i64,
        /// When its data was last set, likewise.
        mtime: i64,
        /// Changes of the data.
        version: i32,
        /// Children ever created, not what clients see.
        child_version: i32,
        /// Changes of the ACL.
        acl_version: i32,
        /// The session that owns it, or the marks of a container or of a time to live.
        ephemeral_owner: i64,
        /// The transaction that last changed the set of children.
        pzxid: Zxid,
    }
}

impl StoredStat {
    /// Bytes of an encoded stored stat.
    pub const BYTES: usize = 60;
}
