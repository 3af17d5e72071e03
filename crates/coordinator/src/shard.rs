//! One partition of `__consumer_offsets` that this broker leads.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::group::Group;
use crate::load::Loader;

/// The groups of a partition.
#[derive(Debug)]
pub(crate) struct Shard {
    /// Epoch of our leadership.
    pub(crate) leader_epoch: i32,
    pub(crate) content: Content,
}

/// Whether they can be served.
#[derive(Debug)]
pub(crate) enum Content {
    /// The log is being read.
    Loading(Loader),
    /// All is there.
    Loaded(BTreeMap<Arc<str>, Group>),
}

impl Shard {
    pub(crate) fn groups(&self) -> Option<&BTreeMap<Arc<str>, Group>> {
        match &self.content {
            Content::Loading(_) => None,
            Content::Loaded(groups) => Some(groups),
        }
    }

    pub(crate) fn groups_mut(&mut self) -> Option<&mut BTreeMap<Arc<str>, Group>> {
        match &mut self.content {
            Content::Loading(_) => None,
            Content::Loaded(groups) => Some(groups),
        }
    }
}
