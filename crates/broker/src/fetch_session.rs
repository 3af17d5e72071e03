//! Incremental fetch sessions (KIP-227): what a consumer follows, so that it need not say it each time.

/// The sessions of all connections.
#[derive(Default)]
pub(crate) struct FetchSessions {}
