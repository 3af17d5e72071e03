//! Open files under one bound. A broker may hold far more segments than a process may hold
//! descriptors, so segments name their files and borrow them open from here; what was not used for
//! long is closed. A closed file loses nothing: what was written is in the page cache, and a sync
//! through a new descriptor reaches it.

use std::cell::Cell;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use disk::{Disk, Open};

/// A bounded set of open files over one disk. Clones share it.
pub struct Files<D: Disk> {
    shared: Arc<Shared<D>>,
}

/// The right to one file of a [`Files`]: remembers where the cache holds it, if it still does.
#[derive(Debug)]
pub(crate) struct FileTicket {
    id: u64,
    place: Cell<u32>,
}

struct Shared<D: Disk> {
    disk: D,
    next_id: AtomicU64,
    table: Mutex<Table<D::File>>,
}

struct Table<F> {
    places: Vec<Option<Held<F>>>,
    capacity: usize,
    /// Where the search for something to close goes on.
    hand: usize,
}

struct Held<F> {
    id: u64,
    file: Arc<F>,
    used: bool,
}

impl<D: Disk> Clone for Files<D> {
    fn clone(&self) -> Self {
        Files { shared: self.shared.clone() }
    }
}

impl<D: Disk> Files<D> {
    /// A cache that keeps at most `capacity` files open (one at least).
    pub fn new(disk: D, capacity: usize) -> Self {
        let table = Table { places: Vec::new(), capacity: capacity.max(1), hand: 0 };
        Files { shared: Arc::new(Shared { disk, next_id: AtomicU64::new(1), table: Mutex::new(table) }) }
    }

    /// The disk underneath.
    pub fn disk(&self) -> &D {
        &self.shared.disk
    }

    /// How many files are open now.
    pub fn open_count(&self) -> usize {
        self.table().places.iter().flatten().count()
    }

    /// A number that nothing else over these files has.
    pub(crate) fn unique(&self) -> u64 {
        self.shared.next_id.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn ticket(&self) -> FileTicket {
        FileTicket { id: self.unique(), place: Cell::new(u32::MAX) }
    }

    /// Opens the file of a ticket, which the cache does not hold.
    pub(crate) fn open(&self, ticket: &FileTicket, path: &Path, mode: Open) -> io::Result<Arc<D::File>> {
        let file = Arc::new(self.shared.disk.open(path, mode)?);
        ticket.place.set(self.table().keep(ticket.id, file.clone()));
        Ok(file)
    }

    /// The file of a ticket, if it is open.
    pub(crate) fn held(&self, ticket: &FileTicket) -> Option<Arc<D::File>> {
        self.table().find(ticket)
    }

    /// Closes the file of a ticket. Readers that hold it still may finish.
    pub(crate) fn close(&self, ticket: &FileTicket) {
        let mut table = self.table();
        if table.find(ticket).is_some() {
            table.places[ticket.place.get() as usize] = None;
        }
    }

    fn table(&self) -> MutexGuard<'_, Table<D::File>> {
        self.shared.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F> Table<F> {
    fn find(&mut self, ticket: &FileTicket) -> Option<Arc<F>> {
        let held = self.places.get_mut(ticket.place.get() as usize)?.as_mut()?;
        if held.id != ticket.id {
            return None;
        }
        held.used = true;
        Some(held.file.clone())
    }

    /// Finds a place for a file: a new one while there is room, else that of the first file that was
    /// not used since the hand last passed it.
    fn keep(&mut self, id: u64, file: Arc<F>) -> u32 {
        let held = Some(Held { id, file, used: true });
        if self.places.len() < self.capacity {
            self.places.push(held);
            return (self.places.len() - 1) as u32;
        }
        loop {
            let place = self.hand;
            self.hand = (self.hand + 1) % self.places.len();
            match &mut self.places[place] {
                Some(other) if other.used => other.used = false,
                free => {
                    *free = held;
                    return place as u32;
                }
            }
        }
    }
}
