//! A file of fixed-width entries that only grows or is cut: what all three indexes of a segment are.
//! New entries collect in memory and are written a few dozen at a time; searches read a handful of
//! entries from the file. Nothing is mapped and nothing is held for an idle segment.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use disk::{Disk, File, Open};

use crate::error::{LogError, Result};
use crate::files::{FileTicket, Files};
use crate::limits::{INDEX_BLOCK_ENTRIES, INDEX_BUFFER_ENTRIES};
use crate::names::FileKind;

/// Where a segment's files are.
#[derive(Debug)]
pub(crate) struct Place<'a, D: Disk> {
    pub(crate) files: &'a Files<D>,
    pub(crate) directory: &'a Path,
    pub(crate) base_offset: i64,
    /// Behind the files' names while a cleaner still works on them; else empty.
    pub(crate) suffix: &'static str,
}

impl<D: Disk> Clone for Place<'_, D> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<D: Disk> Copy for Place<'_, D> {}

impl<D: Disk> std::fmt::Debug for Files<D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Files({} open)", self.open_count())
    }
}

impl<D: Disk> Place<'_, D> {
    pub(crate) fn path(&self, kind: FileKind) -> PathBuf {
        let mut path = kind.path(self.directory, self.base_offset).into_os_string();
        path.push(self.suffix);
        path.into()
    }

    /// The same files under names with `suffix` behind them.
    pub(crate) fn with_suffix(self, suffix: &'static str) -> Self {
        Place { suffix, ..self }
    }

    pub(crate) fn open(&self, ticket: &FileTicket, kind: FileKind, mode: Open) -> Result<Arc<D::File>> {
        if let Some(file) = self.files.held(ticket) {
            return Ok(file);
        }
        let path = self.path(kind);
        self.files.open(ticket, &path, mode).map_err(|source| LogError::io(&path, source))
    }

    pub(crate) fn fail(&self, kind: FileKind) -> impl FnOnce(std::io::Error) -> LogError {
        move |source| LogError::io(&self.path(kind), source)
    }
}

/// A file of entries of `WIDTH` bytes. The newest may not be in the file yet.
#[derive(Debug)]
pub(crate) struct EntryTable<const WIDTH: usize> {
    kind: FileKind,
    ticket: FileTicket,
    /// Entries in the file.
    stored: u32,
    /// Entries that are only in memory, in order.
    buffered: Vec<[u8; WIDTH]>,
    /// Whether the file exists.
    created: bool,
}

impl<const WIDTH: usize> EntryTable<WIDTH> {
    /// A table without a file yet.
    pub(crate) fn new<D: Disk>(kind: FileKind, files: &Files<D>) -> Self {
        EntryTable { kind, ticket: files.ticket(), stored: 0, buffered: Vec::new(), created: false }
    }

    /// A table over a file of `length` bytes; what follows the last whole entry is ignored, and
    /// overwritten later.
    pub(crate) fn existing<D: Disk>(kind: FileKind, files: &Files<D>, length: u64) -> Self {
        let stored = u32::try_from(length / WIDTH as u64).unwrap_or(u32::MAX);
        EntryTable { kind, ticket: files.ticket(), stored, buffered: Vec::new(), created: true }
    }

    pub(crate) fn len(&self) -> u32 {
        self.stored + self.buffered.len() as u32
    }

    /// Entries in the file.
    pub(crate) fn stored_len(&self) -> u32 {
        self.stored
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The last entry.
    pub(crate) fn last<D: Disk>(&self, place: Place<'_, D>) -> Result<Option<[u8; WIDTH]>> {
        match self.len() {
            0 => Ok(None),
            len => self.entry(place, len - 1).map(Some),
        }
    }

    /// The entry number `at`, which exists.
    pub(crate) fn entry<D: Disk>(&self, place: Place<'_, D>, at: u32) -> Result<[u8; WIDTH]> {
        assert!(at < self.len());
        if at >= self.stored {
            return Ok(self.buffered[(at - self.stored) as usize]);
        }
        let mut entry = [0; WIDTH];
        let file = place.open(&self.ticket, self.kind, Open::Write)?;
        file.read_exact_at(&mut entry, u64::from(at) * WIDTH as u64).map_err(place.fail(self.kind))?;
        Ok(entry)
    }

    /// The entries `from..to`.
    pub(crate) fn entries<D: Disk>(
        &self,
        place: Place<'_, D>,
        from: u32,
        to: u32,
    ) -> Result<Vec<[u8; WIDTH]>> {
        assert!(from <= to && to <= self.len());
        let mut entries = Vec::with_capacity((to - from) as usize);
        let stored_to = to.min(self.stored);
        if from < stored_to {
            let mut bytes = vec![0; (stored_to - from) as usize * WIDTH];
            let file = place.open(&self.ticket, self.kind, Open::Write)?;
            file.read_exact_at(&mut bytes, u64::from(from) * WIDTH as u64).map_err(place.fail(self.kind))?;
            entries.extend_from_slice(bytes.as_chunks::<WIDTH>().0);
        }
        if to > self.stored {
            let start = from.max(self.stored) - self.stored;
            entries.extend_from_slice(&self.buffered[start as usize..(to - self.stored) as usize]);
        }
        Ok(entries)
    }

    /// How many entries at the front satisfy `in_front`, which no entry after the first that does not
    /// satisfies.
    pub(crate) fn partition_point<D: Disk>(
        &self,
        place: Place<'_, D>,
        in_front: impl Fn(&[u8; WIDTH]) -> bool,
    ) -> Result<u32> {
        let (mut low, mut high) = (0, self.len());
        while high - low > INDEX_BLOCK_ENTRIES {
            let middle = low + (high - low) / 2;
            if in_front(&self.entry(place, middle)?) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let block = self.entries(place, low, high)?;
        Ok(low + block.partition_point(in_front) as u32)
    }

    /// Adds an entry; the file gets it with the next full buffer or `flush`.
    pub(crate) fn push<D: Disk>(&mut self, place: Place<'_, D>, entry: [u8; WIDTH]) -> Result<()> {
        if self.buffered.len() >= INDEX_BUFFER_ENTRIES {
            self.flush(place)?;
        }
        self.buffered.push(entry);
        Ok(())
    }

    /// Writes what is only in memory, and gives the memory back.
    pub(crate) fn flush<D: Disk>(&mut self, place: Place<'_, D>) -> Result<()> {
        if self.buffered.is_empty() {
            return Ok(());
        }
        let file = self.create(place)?;
        let bytes = self.buffered.as_flattened();
        file.write_at(bytes, u64::from(self.stored) * WIDTH as u64).map_err(place.fail(self.kind))?;
        self.stored += self.buffered.len() as u32;
        self.buffered = Vec::new();
        Ok(())
    }

    /// Writes everything and cuts the file to its entries, so that the originals accept it. Creates
    /// an empty file if there are no entries.
    pub(crate) fn seal<D: Disk>(&mut self, place: Place<'_, D>) -> Result<()> {
        self.flush(place)?;
        let file = self.create(place)?;
        let length = u64::from(self.stored) * WIDTH as u64;
        if file.length().map_err(place.fail(self.kind))? != length {
            file.set_length(length).map_err(place.fail(self.kind))?;
        }
        Ok(())
    }

    /// Keeps the first `len` entries.
    pub(crate) fn truncate<D: Disk>(&mut self, place: Place<'_, D>, len: u32) -> Result<()> {
        if len >= self.len() {
            return Ok(());
        }
        if len >= self.stored {
            self.buffered.truncate((len - self.stored) as usize);
            return Ok(());
        }
        self.buffered = Vec::new();
        let file = self.create(place)?;
        file.set_length(u64::from(len) * WIDTH as u64).map_err(place.fail(self.kind))?;
        self.stored = len;
        Ok(())
    }

    /// The open file, if there is one on disk: for a sync.
    pub(crate) fn file<D: Disk>(&self, place: Place<'_, D>) -> Result<Option<Arc<D::File>>> {
        if !self.created {
            return Ok(None);
        }
        place.open(&self.ticket, self.kind, Open::Write).map(Some)
    }

    pub(crate) fn close<D: Disk>(&self, files: &Files<D>) {
        files.close(&self.ticket);
    }

    fn create<D: Disk>(&mut self, place: Place<'_, D>) -> Result<Arc<D::File>> {
        let mode = if self.created { Open::Write } else { Open::CreateOrWrite };
        let file = place.open(&self.ticket, self.kind, mode)?;
        self.created = true;
        Ok(file)
    }
}
