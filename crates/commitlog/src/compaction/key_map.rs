//! The newest offset of each key in a stretch of log, in bounded memory. Keys are held whole: a hash in
//! their place could lose a record to a collision.

use std::collections::HashMap;

use crate::limits::{KEY_MAP_BYTES_MAX, KEY_OVERHEAD_BYTES};

/// Newest offsets by key.
#[derive(Default, Debug)]
pub(crate) struct KeyMap {
    offsets: HashMap<Box<[u8]>, i64>,
    bytes: usize,
}

impl KeyMap {
    /// Takes note of a key at an offset above all before. Returns false, and takes no note, if the map
    /// is full.
    pub(crate) fn put(&mut self, key: &[u8], offset: i64) -> bool {
        if let Some(known) = self.offsets.get_mut(key) {
            *known = offset;
            return true;
        }
        let charge = key.len() + KEY_OVERHEAD_BYTES;
        if self.bytes + charge > KEY_MAP_BYTES_MAX && !self.offsets.is_empty() {
            return false;
        }
        self.bytes += charge;
        self.offsets.insert(key.into(), offset);
        true
    }

    /// The newest offset of a key, if it is in the stretch.
    pub(crate) fn newest(&self, key: &[u8]) -> Option<i64> {
        self.offsets.get(key).copied()
    }
}
