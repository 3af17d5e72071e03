//! Slots in pages that can be pinned: taking a point-in-time copy shares all pages, and a later
//! write copies the one page it touches. The copy can be read on another thread.

use std::fmt;
use std::sync::Arc;

use crate::limits::{CHUNK_PAGES, PAGE_SLOTS};

type Page<T> = Arc<[T; PAGE_SLOTS]>;
type Chunk<T> = Arc<Vec<Page<T>>>;

/// A growing array of `T`, addressed by `u32`; freed slots are used again.
#[derive(Clone)]
pub(crate) struct Arena<T> {
    chunks: Vec<Chunk<T>>,
    /// Slots ever handed out; all ids are below it.
    length: u32,
}

impl<T> fmt::Debug for Arena<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Arena of {} slots", self.length)
    }
}

impl<T: Clone + Default> Arena<T> {
    pub(crate) fn new() -> Self {
        Arena { chunks: Vec::new(), length: 0 }
    }

    /// Ids handed out so far.
    pub(crate) fn len(&self) -> u32 {
        self.length
    }

    #[inline]
    pub(crate) fn get(&self, id: u32) -> &T {
        let (chunk, page, slot) = place(id);
        &self.chunks[chunk][page][slot]
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, id: u32) -> &mut T {
        let (chunk, page, slot) = place(id);
        let pages = Arc::make_mut(&mut self.chunks[chunk]);
        &mut Arc::make_mut(&mut pages[page])[slot]
    }

    /// A slot never used before, holding `value`.
    pub(crate) fn push(&mut self, value: T) -> u32 {
        let id = self.length;
        let (chunk, page, slot) = place(id);
        if chunk == self.chunks.len() {
            self.chunks.push(Arc::new(Vec::new()));
        }
        let pages = Arc::make_mut(&mut self.chunks[chunk]);
        if page == pages.len() {
            pages.push(Arc::new(std::array::from_fn(|_| T::default())));
        }
        Arc::make_mut(&mut pages[page])[slot] = value;
        self.length += 1;
        id
    }
}

fn place(id: u32) -> (usize, usize, usize) {
    let id = id as usize;
    let page = id / PAGE_SLOTS;
    (page / CHUNK_PAGES, page % CHUNK_PAGES, id % PAGE_SLOTS)
}

/// An arena with the list of its free slots. The list is not part of a pinned copy.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    arena: Arena<T>,
    free: Vec<u32>,
}

impl<T: Clone + Default> Slab<T> {
    pub(crate) fn new() -> Self {
        Slab { arena: Arena::new(), free: Vec::new() }
    }

    pub(crate) fn get(&self, id: u32) -> &T {
        self.arena.get(id)
    }

    pub(crate) fn get_mut(&mut self, id: u32) -> &mut T {
        self.arena.get_mut(id)
    }

    /// Takes a slot for `value`.
    pub(crate) fn insert(&mut self, value: T) -> u32 {
        match self.free.pop() {
            Some(id) => {
                *self.arena.get_mut(id) = value;
                id
            }
            None => self.arena.push(value),
        }
    }

    /// Gives the slot back; what it held is dropped.
    pub(crate) fn remove(&mut self, id: u32) -> T {
        let value = std::mem::take(self.arena.get_mut(id));
        self.free.push(id);
        value
    }

    /// All slots as they are now, for as long as the copy lives.
    pub(crate) fn pin(&self) -> Arena<T> {
        self.arena.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pinned_copy_does_not_change() {
        let mut slab = Slab::new();
        let ids: Vec<u32> = (0..40_000u64).map(|n| slab.insert(n)).collect();
        let pinned = slab.pin();
        for &id in &ids {
            *slab.get_mut(id) += 1_000_000;
        }
        slab.remove(7);
        assert_eq!(slab.insert(99), 7, "freed slots are used again");
        for (n, &id) in ids.iter().enumerate() {
            assert_eq!(*pinned.get(id), n as u64);
        }
        assert_eq!(*slab.get(40), 1_000_040);
        assert_eq!(*slab.get(7), 99);
    }
}
