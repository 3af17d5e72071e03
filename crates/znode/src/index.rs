//! From paths to znodes: a hash table in shards that holds nothing but ids and one byte of hash
//! each. Whoever asks compares the path itself; the table only proposes candidates.

use crate::limits::INDEX_SHARDS;

/// Five bytes for each slot, about eight for each entry.
#[derive(Debug)]
pub(crate) struct Index {
    /// None at all before the first entry.
    shards: Vec<Shard>,
}

/// Open addressing, linear probing, no tombstones: a removal moves later entries up.
#[derive(Default, Debug)]
struct Shard {
    /// Zero if the slot is empty, else the high bit and seven bits of the hash.
    tags: Vec<u8>,
    ids: Vec<u32>,
    entries: usize,
}

impl Index {
    pub(crate) fn new() -> Self {
        Index { shards: Vec::new() }
    }

    /// The entry under `hash` that is the right one.
    pub(crate) fn find(&self, hash: u32, mut is_right: impl FnMut(u32) -> bool) -> Option<u32> {
        let shard = self.shards.get(shard_of(hash)).filter(|shard| shard.entries > 0)?;
        let mask = shard.tags.len() - 1;
        let tag = tag_of(hash);
        let mut slot = hash as usize & mask;
        loop {
            match shard.tags[slot] {
                0 => return None,
                t if t == tag && is_right(shard.ids[slot]) => return Some(shard.ids[slot]),
                _ => slot = (slot + 1) & mask,
            }
        }
    }

    /// Adds an entry; `hash_of` tells the hash of those already in.
    pub(crate) fn insert(&mut self, hash: u32, id: u32, hash_of: impl Fn(u32) -> u32) {
        if self.shards.is_empty() {
            self.shards.resize_with(INDEX_SHARDS, Shard::default);
        }
        let shard = &mut self.shards[shard_of(hash)];
        if (shard.entries + 1) * 8 > shard.tags.len() * 7 {
            shard.grow(hash_of);
        }
        shard.put(hash, id);
        shard.entries += 1;
    }

    /// Takes the entry `id` under `hash` out; it must be in.
    pub(crate) fn remove(&mut self, hash: u32, id: u32, hash_of: impl Fn(u32) -> u32) {
        let shard = &mut self.shards[shard_of(hash)];
        let mask = shard.tags.len() - 1;
        let mut hole = hash as usize & mask;
        while shard.tags[hole] == 0 || shard.ids[hole] != id {
            assert!(shard.tags[hole] != 0, "what is removed from the index was in it");
            hole = (hole + 1) & mask;
        }
        let mut slot = hole;
        loop {
            slot = (slot + 1) & mask;
            if shard.tags[slot] == 0 {
                break;
            }
            let home = hash_of(shard.ids[slot]) as usize & mask;
            // An entry may move into the hole unless its home lies behind the hole.
            if (slot.wrapping_sub(home) & mask) >= (slot.wrapping_sub(hole) & mask) {
                shard.tags[hole] = shard.tags[slot];
                shard.ids[hole] = shard.ids[slot];
                hole = slot;
            }
        }
        shard.tags[hole] = 0;
        shard.entries -= 1;
    }
}

impl Shard {
    fn put(&mut self, hash: u32, id: u32) {
        let mask = self.tags.len() - 1;
        let mut slot = hash as usize & mask;
        while self.tags[slot] != 0 {
            slot = (slot + 1) & mask;
        }
        self.tags[slot] = tag_of(hash);
        self.ids[slot] = id;
    }

    fn grow(&mut self, hash_of: impl Fn(u32) -> u32) {
        let slots = (self.tags.len() * 2).max(8);
        let tags = std::mem::replace(&mut self.tags, vec![0; slots]);
        let ids = std::mem::replace(&mut self.ids, vec![0; slots]);
        for (tag, id) in tags.into_iter().zip(ids) {
            if tag != 0 {
                self.put(hash_of(id), id);
            }
        }
    }
}

/// The top byte.
fn shard_of(hash: u32) -> usize {
    (hash >> 24) as usize
}

/// Seven bits that small tables do not use for the slot.
fn tag_of(hash: u32) -> u8 {
    0x80 | (hash >> 17) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// Against a map, with few hashes so that probing is long and removal moves entries.
    #[test]
    fn it_is_a_map_from_hashes_to_ids() {
        let mut random = fastrand::Rng::with_seed(11);
        let mut index = Index::new();
        let mut model: BTreeMap<u32, u32> = BTreeMap::new();
        for step in 0..200_000u32 {
            let id = random.u32(..3000);
            let hash = id.wrapping_mul(0x10_0001) & 0xff00_03ff;
            let hash_of = |id: u32| id.wrapping_mul(0x10_0001) & 0xff00_03ff;
            match model.remove(&id) {
                None => {
                    model.insert(id, hash);
                    index.insert(hash, id, hash_of);
                }
                Some(hash) => index.remove(hash, id, hash_of),
            }
            if step % 1000 == 0 {
                for id in 0..3000 {
                    let found = index.find(hash_of(id), |candidate| candidate == id);
                    assert_eq!(found.is_some(), model.contains_key(&id), "{id}");
                }
            }
        }
    }
}
