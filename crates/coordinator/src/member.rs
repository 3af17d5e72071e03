//! A member of a classic group.

use std::sync::Arc;

use bytes::Bytes;
use clock::{Moment, Span};

use crate::input::RequestToken;

/// A way to assign partitions that a member offers, with what it wants the leader to know.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Protocol {
    /// `range`, `cooperative-sticky`, ...
    pub name: String,
    /// For a consumer: its subscription.
    pub metadata: Bytes,
}

/// A member that has joined, or waits to.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) id: Arc<str>,
    pub(crate) instance_id: Option<String>,
    pub(crate) client_id: String,
    pub(crate) client_host: String,
    pub(crate) session_timeout: Span,
    pub(crate) rebalance_timeout: Span,
    /// In its order of preference; no name twice.
    pub(crate) protocols: Vec<Protocol>,
    /// Of the current generation; empty until the leader's assignment is durable.
    pub(crate) assignment: Bytes,
    /// Its JoinGroup, while it waits for the rebalance to complete.
    pub(crate) joining: Option<RequestToken>,
    /// Its SyncGroup, while it waits for the leader's assignment.
    pub(crate) syncing: Option<RequestToken>,
    /// Whether it has not seen a generation yet. It cannot send heartbeats then, and is dropped if it
    /// waits longer than [`NEW_MEMBER_JOIN_TIMEOUT`].
    pub(crate) is_new: bool,
    /// When it is taken for dead if nothing is heard of it.
    pub(crate) expires: Moment,
    /// The alarm that is set for it, at or before `expires`: a heartbeat only moves `expires`, and the
    /// alarm follows when it rings.
    pub(crate) alarm: Option<Moment>,
}

/// How long a member that never saw a generation may wait in JoinGroup. It cannot be told from one
/// whose client gave up, and those must not pile up.
pub(crate) const NEW_MEMBER_JOIN_TIMEOUT: Span = Span::seconds(300);

impl Member {
    pub(crate) fn is_static(&self) -> bool {
        self.instance_id.is_some()
    }

    /// What it said for a protocol. All members of a group know the chosen one.
    pub(crate) fn metadata(&self, protocol: &str) -> Bytes {
        self.protocols
            .iter()
            .find(|offer| offer.name == protocol)
            .map(|offer| offer.metadata.clone())
            .unwrap_or_default()
    }

    /// Whether it is exempt from heartbeats because it waits for others.
    pub(crate) fn waits_for_others(&self) -> bool {
        !self.is_new && (self.joining.is_some() || self.syncing.is_some())
    }
}
