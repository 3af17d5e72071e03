//! What stands before every request and every reply.

use crate::jute::records;
use crate::{ErrorCode, OpCode, Xid, Zxid};

records! {
    /// Before every request but the first.
    #[derive(Copy)]
    struct RequestHeader {
        /// The client's number for it.
        xid: Xid,
        /// What is asked.
        op: OpCode,
    }

    /// Before every reply but the first; a body follows only if the error is `OK`.
    #[derive(Copy)]
    struct ReplyHeader {
        /// The number of the request, or one of the negative ones.
        xid: Xid,
        /// The server's last applied transaction.
        zxid: Zxid,
        /// The outcome.
        error: ErrorCode,
    }
}

impl ReplyHeader {
    /// Bytes of an encoded reply header.
    pub const BYTES: usize = 16;
}
