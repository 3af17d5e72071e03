//! Error codes and operation codes, with the names that logs and tools show.

use std::fmt;

use crate::jute::number_record;

/// The outcome in a reply header. Any number can be held; the known ones have names.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct ErrorCode(pub i32);

/// The kind of a request or transaction. Any number can be held; the known ones have names.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct OpCode(pub i32);

number_record!(ErrorCode(i32), OpCode(i32));

macro_rules! codes {
    ($type:ident { $( $(#[$meta:meta])* $name:ident = $value:literal, $text:literal; )* }) => {
        impl $type {
            $( $(#[$meta])* pub const $name: $type = $type($value); )*

            /// The name the field uses, or `Unknown`.
            pub const fn name(self) -> &'static str {
                match self.0 {
                    $( $value => $text, )*
                    _ => "Unknown",
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{} ({})", self.name(), self.0)
            }
        }
    };
}

codes!(ErrorCode {
    /// It worked.
    OK = 0, "Ok";
    /// Everything from here down to `API_ERROR` is the server's fault.
    SYSTEM_ERROR = -1, "SystemError";
    /// Inside a failed multi: an operation after the one that failed.
    RUNTIME_INCONSISTENCY = -2, "RuntimeInconsistency";
    /// Not used by servers today.
    DATA_INCONSISTENCY = -3, "DataInconsistency";
    /// Made by clients, never sent.
    CONNECTION_LOSS = -4, "ConnectionLoss";
    /// The body of the request could not be decoded.
    MARSHALLING_ERROR = -5, "MarshallingError";
    /// The operation is not served here.
    UNIMPLEMENTED = -6, "Unimplemented";
    /// Made by clients, never sent.
    OPERATION_TIMEOUT = -7, "OperationTimeout";
    /// An argument breaks a rule.
    BAD_ARGUMENTS = -8, "BadArguments";
    /// Between servers only.
    UNKNOWN_SESSION = -12, "UnknownSession";
    /// Reconfiguration: no quorum of the new configuration is in step.
    NEW_CONFIG_NO_QUORUM = -13, "NewConfigNoQuorum";
    /// Reconfiguration: another one is under way.
    RECONFIG_IN_PROGRESS = -14, "ReconfigInProgress";
    /// Boundary: everything below is the caller's to handle.
    API_ERROR = -100, "APIError";
    /// The znode does not exist.
    NO_NODE = -101, "NoNode";
    /// The ACL does not allow it.
    NO_AUTH = -102, "NoAuth";
    /// The expected version is not the znode's.
    BAD_VERSION = -103, "BadVersion";
    /// An ephemeral znode cannot have children.
    NO_CHILDREN_FOR_EPHEMERALS = -108, "NoChildrenForEphemerals";
    /// The znode exists already.
    NODE_EXISTS = -110, "NodeExists";
    /// The znode has children.
    NOT_EMPTY = -111, "NotEmpty";
    /// The session is over.
    SESSION_EXPIRED = -112, "SessionExpired";
    /// Made by clients, never sent.
    INVALID_CALLBACK = -113, "InvalidCallback";
    /// The ACL of the request is empty or malformed.
    INVALID_ACL = -114, "InvalidACL";
    /// The credentials were refused.
    AUTH_FAILED = -115, "AuthFailed";
    /// The session lives on another connection now; the connection is closed instead of answered.
    SESSION_MOVED = -118, "SessionMoved";
    /// The server is read-only.
    NOT_READ_ONLY = -119, "NotReadOnly";
    /// A local session cannot own ephemeral znodes.
    EPHEMERAL_ON_LOCAL_SESSION = -120, "EphemeralOnLocalSession";
    /// No such watch is set.
    NO_WATCHER = -121, "NoWatcher";
    /// Made by clients, never sent.
    REQUEST_TIMEOUT = -122, "RequestTimeout";
    /// Reconfiguration is switched off.
    RECONFIG_DISABLED = -123, "ReconfigDisabled";
    /// The server demands SASL and the client has not used it.
    SESSION_CLOSED_REQUIRE_SASL_AUTH = -124, "SessionClosedRequireSaslAuth";
    /// A quota that is enforced would be exceeded.
    QUOTA_EXCEEDED = -125, "QuotaExceeded";
    /// The operation waited too long before it was started.
    THROTTLED_OP = -127, "ThrottledOp";
});

codes!(OpCode {
    /// Tells watchers apart from requests; not served.
    NOTIFICATION = 0, "notification";
    /// Create, answered by the path.
    CREATE = 1, "create";
    /// Delete.
    DELETE = 2, "delete";
    /// Stat of a znode that need not exist.
    EXISTS = 3, "exists";
    /// Data and stat.
    GET_DATA = 4, "getData";
    /// Replace the data.
    SET_DATA = 5, "setData";
    /// ACL and stat.
    GET_ACL = 6, "getACL";
    /// Replace the ACL.
    SET_ACL = 7, "setACL";
    /// Names of the children.
    GET_CHILDREN = 8, "getChildren";
    /// Wait until this server has seen what the leader has.
    SYNC = 9, "sync";
    /// Keep the session.
    PING = 11, "ping";
    /// Names of the children and stat.
    GET_CHILDREN2 = 12, "getChildren2";
    /// Version check inside a multi.
    CHECK = 13, "check";
    /// Several writes or none.
    MULTI = 14, "multi";
    /// Create, answered by path and stat.
    CREATE2 = 15, "create2";
    /// Change the ensemble.
    RECONFIG = 16, "reconfig";
    /// Is such a watch set?
    CHECK_WATCHES = 17, "checkWatches";
    /// Take watches away.
    REMOVE_WATCHES = 18, "removeWatches";
    /// Create a znode that goes when its last child went.
    CREATE_CONTAINER = 19, "createContainer";
    /// Between servers: reap a container or a znode whose time is over.
    DELETE_CONTAINER = 20, "deleteContainer";
    /// Create a znode with a time to live.
    CREATE_TTL = 21, "createTTL";
    /// Several reads in one.
    MULTI_READ = 22, "multiRead";
    /// Add credentials to the connection.
    AUTH = 100, "auth";
    /// Set watches again after a reconnect.
    SET_WATCHES = 101, "setWatches";
    /// One step of a SASL dialogue.
    SASL = 102, "sasl";
    /// The session's ephemeral znodes under a prefix.
    GET_EPHEMERALS = 103, "getEphemerals";
    /// Count of all descendants.
    GET_ALL_CHILDREN_NUMBER = 104, "getAllChildrenNumber";
    /// setWatches with the persistent kinds.
    SET_WATCHES2 = 105, "setWatches2";
    /// Set a persistent watch.
    ADD_WATCH = 106, "addWatch";
    /// The identities of the connection.
    WHO_AM_I = 107, "whoAmI";
    /// A session begins; a transaction, never a request.
    CREATE_SESSION = -10, "createSession";
    /// A session ends.
    CLOSE_SESSION = -11, "closeSession";
    /// A write that failed; a transaction, never a request.
    ERROR = -1, "error";
});
