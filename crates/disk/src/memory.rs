//! A file system in memory that can crash and fail on request: the disk of tests and simulations.
//!
//! [`MemoryDisk::crash`] gives a **new** disk holding what a power loss (or a kill) could leave; the old
//! one stays usable. A [recording](MemoryDisk::recording) disk also remembers every operation, so that a
//! store can be reopened after [a cut at every write](MemoryDisk::every_cut).

mod volume;

#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use volume::{Change, NodeId, Operation, Volume};

use crate::{Disk, Entry, File, Open};

/// A shared file system in memory. Clones are the same file system.
#[derive(Clone)]
pub struct MemoryDisk(Arc<Mutex<State>>);

/// A file of a [`MemoryDisk`].
pub struct MemoryFile {
    disk: MemoryDisk,
    file: NodeId,
    writable: bool,
}

/// All of a [`MemoryDisk`], to be synced at once.
#[derive(Debug)]
pub struct MemoryVolume(MemoryDisk);

/// What a crash takes away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Loss {
    /// The process was killed: everything written is there.
    Nothing,
    /// Power loss, the harshest legal outcome: only synced data and names of synced directories.
    Unsynced,
    /// Power loss: of each file a prefix of the unsynced changes, the next write torn; of the names
    /// likewise a prefix.
    Prefix {
        /// Chooses how much.
        seed: u64,
    },
    /// Power loss: of each file any subset of the unsynced changes, some torn, some without some of their
    /// sectors, some with the length on disk but zeroes for data; of the names a prefix.
    Subset {
        /// Chooses which.
        seed: u64,
    },
}

/// A fault to inject. Each kind is armed separately; arming a kind again replaces it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// ENOSPC once this many more bytes have been taken from the file system; the part of a write
    /// that fits is written. Overwriting takes nothing.
    FullAfter {
        /// Bytes still free.
        bytes: u64,
    },
    /// EIO on one write after this many succeeded; nothing of it is written.
    FailWrite {
        /// Writes that succeed first.
        after: u64,
    },
    /// EIO on one file sync after this many succeeded. What it should have made durable never is, even
    /// if a later sync succeeds: that is how kernels behave.
    FailSync {
        /// Syncs that succeed first.
        after: u64,
    },
    /// EROFS on everything that writes.
    ReadOnly,
    /// EIO on everything that writes or syncs, names included, after this many such operations: the
    /// power goes out in the middle of what the caller is doing.
    Halt {
        /// Operations that still happen.
        after: u64,
    },
}

/// One image of [`MemoryDisk::every_cut`].
#[derive(Debug)]
pub struct Cut {
    /// How many operations had been done.
    pub operations: usize,
    /// What was lost of them.
    pub loss: Loss,
    /// What was left.
    pub disk: MemoryDisk,
}

struct State {
    volume: Volume,
    journal: Option<Vec<Operation>>,
    operations: usize,
    free: u64,
    fail_write: Option<u64>,
    fail_sync: Option<u64>,
    read_only: bool,
    /// Operations that may still happen.
    halt: Option<u64>,
}

/// What an unlimited disk says is free: 1 TiB.
const UNLIMITED: u64 = 1 << 40;

impl Default for MemoryDisk {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryDisk").field("operations", &self.operations()).finish_non_exhaustive()
    }
}

impl MemoryDisk {
    /// An empty disk.
    pub fn new() -> Self {
        Self::of(Volume::new(), None)
    }

    /// An empty disk that remembers every operation, for [`every_cut`](Self::every_cut) and
    /// [`crash_at`](Self::crash_at). It holds all bytes ever written: for tests of bounded length.
    pub fn recording() -> Self {
        Self::of(Volume::new(), Some(Vec::new()))
    }

    fn of(volume: Volume, journal: Option<Vec<Operation>>) -> Self {
        MemoryDisk(Arc::new(Mutex::new(State {
            volume,
            journal,
            operations: 0,
            free: UNLIMITED,
            fail_write: None,
            fail_sync: None,
            read_only: false,
            halt: None,
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no code panics while it holds this lock")
    }

    /// How many operations changed or synced this disk so far.
    pub fn operations(&self) -> usize {
        self.state().operations
    }

    /// What a crash now would leave. The image is healthy: faults are not inherited.
    pub fn crash(&self, loss: Loss) -> MemoryDisk {
        Self::of(self.state().volume.after_crash(loss), None)
    }

    /// What a crash right after the first `operations` operations would have left.
    ///
    /// # Panics
    /// If the disk is not [recording](Self::recording) or has done fewer operations.
    pub fn crash_at(&self, operations: usize, loss: Loss) -> MemoryDisk {
        let state = self.state();
        let journal = state.journal.as_ref().expect("only a recording disk can go back");
        let mut volume = Volume::new();
        journal[..operations].iter().for_each(|operation| {
            volume.apply(operation);
        });
        Self::of(volume.after_crash(loss), None)
    }

    /// Every crash image of this disk's history: after each operation (and before the first) one image
    /// for a kill, one for a power loss that takes all it may, and one of each seeded kind.
    ///
    /// # Panics
    /// If the disk is not [recording](Self::recording).
    pub fn every_cut(&self, seed: u64) -> impl Iterator<Item = Cut> + use<> {
        let journal = self.state().journal.clone().expect("only a recording disk can go back");
        let mut volume = Volume::new();
        (0..=journal.len()).flat_map(move |operations| {
            if operations > 0 {
                volume.apply(&journal[operations - 1]);
            }
            let seed = seed.wrapping_add(operations as u64);
            [Loss::Nothing, Loss::Unsynced, Loss::Prefix { seed }, Loss::Subset { seed }].map(|loss| Cut {
                operations,
                loss,
                disk: Self::of(volume.after_crash(loss), None),
            })
        })
    }

    /// Arms a fault.
    pub fn inject(&self, fault: Fault) {
        let mut state = self.state();
        match fault {
            Fault::FullAfter { bytes } => state.free = bytes,
            Fault::FailWrite { after } => state.fail_write = Some(after),
            Fault::FailSync { after } => state.fail_sync = Some(after),
            Fault::ReadOnly => state.read_only = true,
            Fault::Halt { after } => state.halt = Some(after),
        }
    }

    /// Disarms all faults.
    pub fn heal(&self) {
        let mut state = self.state();
        state.free = UNLIMITED;
        state.fail_write = None;
        state.fail_sync = None;
        state.read_only = false;
        state.halt = None;
    }
}

impl State {
    fn run(&mut self, operation: Operation) -> Option<NodeId> {
        let made = self.volume.apply(&operation);
        self.operations += 1;
        if let Some(journal) = &mut self.journal {
            journal.push(operation);
        }
        made
    }

    fn check_writable(&self) -> io::Result<()> {
        if self.read_only { Err(os_error(EROFS)) } else { Ok(()) }
    }

    /// Whether one more operation happens.
    fn check_power(&mut self) -> io::Result<()> {
        match &mut self.halt {
            None => Ok(()),
            Some(0) => Err(os_error(EIO)),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
        }
    }

    fn open(&mut self, path: &Path, mode: Open) -> io::Result<NodeId> {
        if mode == Open::Read {
            let node = self.volume.find(path)?;
            return if self.volume.is_directory(node) {
                Err(io::ErrorKind::IsADirectory.into())
            } else {
                Ok(node)
            };
        }
        self.check_writable()?;
        if mode != Open::Write {
            self.check_power()?;
        }
        let (directory, name) = self.volume.place(path)?;
        let found = self.volume.child(directory, &name);
        if found.is_some_and(|node| self.volume.is_directory(node)) {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        match (found, mode) {
            (Some(_), Open::CreateNew) => Err(io::ErrorKind::AlreadyExists.into()),
            (Some(file), Open::Replace) => {
                self.run(Operation::Data { file, change: Change::SetLength(0) });
                Ok(file)
            }
            (Some(file), _) => Ok(file),
            (None, Open::Write) => Err(io::ErrorKind::NotFound.into()),
            (None, _) => {
                Ok(self.run(Operation::CreateFile { directory, name }).expect("creating makes a node"))
            }
        }
    }

    fn create_directory(&mut self, path: &Path) -> io::Result<()> {
        self.check_writable()?;
        let mut missing: Vec<&Path> = Vec::new();
        for ancestor in path.ancestors() {
            match self.volume.find(ancestor) {
                Ok(node) if self.volume.is_directory(node) => break,
                Ok(_) => return Err(io::ErrorKind::AlreadyExists.into()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => missing.push(ancestor),
                Err(error) => return Err(error),
            }
        }
        for path in missing.into_iter().rev() {
            let (directory, name) = self.volume.place(path)?;
            self.run(Operation::CreateDirectory { directory, name });
        }
        Ok(())
    }

    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        self.check_writable()?;
        self.check_power()?;
        let node = self.volume.find(from)?;
        let (from, to) = (self.volume.place(from)?, self.volume.place(to)?);
        if from == to {
            return Ok(());
        }
        if let Some(target) = self.volume.child(to.0, &to.1) {
            match (self.volume.is_directory(node), self.volume.is_directory(target)) {
                (false, false) => {}
                (false, true) => return Err(io::ErrorKind::IsADirectory.into()),
                (true, false) => return Err(io::ErrorKind::NotADirectory.into()),
                (true, true) if self.volume.list(target)?.is_empty() => {}
                (true, true) => return Err(io::ErrorKind::DirectoryNotEmpty.into()),
            }
        }
        self.run(Operation::Rename { from, to });
        Ok(())
    }

    fn remove(&mut self, path: &Path) -> io::Result<()> {
        self.check_writable()?;
        self.check_power()?;
        if self.volume.is_directory(self.volume.find(path)?) {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let (directory, name) = self.volume.place(path)?;
        self.run(Operation::Remove { directory, name });
        Ok(())
    }

    fn remove_directory(&mut self, path: &Path) -> io::Result<()> {
        self.check_writable()?;
        for entry in self.volume.list(self.volume.find(path)?)? {
            let inner = path.join(&entry.name);
            if entry.is_directory { self.remove_directory(&inner)? } else { self.remove(&inner)? }
        }
        let (directory, name) = self.volume.place(path)?;
        self.run(Operation::Remove { directory, name });
        Ok(())
    }

    fn write(&mut self, file: NodeId, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.check_writable()?;
        self.check_power()?;
        if countdown(&mut self.fail_write) {
            return Err(os_error(EIO));
        }
        let growth = self.volume.growth(file, offset + bytes.len() as u64);
        let over = growth.saturating_sub(self.free);
        self.free -= growth - over;
        let fits = bytes.len() - usize::try_from(over).unwrap_or(usize::MAX).min(bytes.len());
        if fits > 0 {
            let change = Change::Write { offset, bytes: bytes[..fits].into() };
            self.run(Operation::Data { file, change });
        }
        if over > 0 { Err(os_error(ENOSPC)) } else { Ok(()) }
    }

    fn sync_all(&mut self) -> io::Result<()> {
        self.check_power()?;
        if countdown(&mut self.fail_sync) {
            self.run(Operation::SyncAllFailed);
            return Err(os_error(EIO));
        }
        self.run(Operation::SyncAll);
        Ok(())
    }

    fn sync(&mut self, file: NodeId) -> io::Result<()> {
        self.check_power()?;
        if countdown(&mut self.fail_sync) {
            self.run(Operation::SyncFailed { file });
            return Err(os_error(EIO));
        }
        self.run(Operation::Sync { file });
        Ok(())
    }
}

impl Disk for MemoryDisk {
    type File = MemoryFile;
    type Volume = MemoryVolume;

    fn open(&self, path: &Path, mode: Open) -> io::Result<MemoryFile> {
        let mut state = self.state();
        let file = state.open(path, mode)?;
        state.volume.opened(file);
        Ok(MemoryFile { disk: self.clone(), file, writable: mode != Open::Read })
    }

    fn create_directory(&self, path: &Path) -> io::Result<()> {
        self.state().create_directory(path)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<Entry>> {
        let state = self.state();
        state.volume.list(state.volume.find(directory)?)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.state().rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.state().remove(path)
    }

    fn remove_directory(&self, path: &Path) -> io::Result<()> {
        self.state().remove_directory(path)
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        let directory = state.volume.find(path)?;
        state.volume.list(directory)?;
        state.check_power()?;
        state.run(Operation::SyncDirectory { directory });
        Ok(())
    }

    fn volume(&self, directory: &Path) -> io::Result<Option<MemoryVolume>> {
        let state = self.state();
        state.volume.list(state.volume.find(directory)?)?;
        Ok(Some(MemoryVolume(self.clone())))
    }

    fn free_bytes(&self, _path: &Path) -> io::Result<u64> {
        Ok(self.state().free)
    }

    fn exists(&self, path: &Path) -> bool {
        self.state().volume.find(path).is_ok()
    }
}

impl crate::Volume for MemoryVolume {
    fn sync(&self) -> io::Result<()> {
        self.0.state().sync_all()
    }
}

impl File for MemoryFile {
    fn length(&self) -> io::Result<u64> {
        Ok(self.disk.state().volume.data(self.file).len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let state = self.disk.state();
        let data = state.volume.data(self.file);
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(data.len());
        let read = buffer.len().min(data.len() - start);
        buffer[..read].copy_from_slice(&data[start..start + read]);
        Ok(read)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.check_writable()?;
        self.disk.state().write(self.file, bytes, offset)
    }

    fn write_pair_at(&self, first: &[u8], second: &[u8], offset: u64) -> io::Result<()> {
        self.write_at(&[first, second].concat(), offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.state().sync(self.file)
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.check_writable()?;
        let mut state = self.disk.state();
        state.check_writable()?;
        state.check_power()?;
        state.run(Operation::Data { file: self.file, change: Change::SetLength(length) });
        Ok(())
    }
}

impl MemoryFile {
    fn check_writable(&self) -> io::Result<()> {
        if self.writable { Ok(()) } else { Err(os_error(EBADF)) }
    }
}

impl Drop for MemoryFile {
    fn drop(&mut self) {
        if let Ok(mut state) = self.disk.0.lock() {
            state.volume.closed(self.file);
        }
    }
}

impl fmt::Debug for MemoryFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryFile").field("file", &self.file).finish_non_exhaustive()
    }
}

/// Whether the fault armed by this counter strikes now.
fn countdown(counter: &mut Option<u64>) -> bool {
    match counter {
        None => false,
        Some(0) => {
            *counter = None;
            true
        }
        Some(left) => {
            *left -= 1;
            false
        }
    }
}

const EIO: rustix::io::Errno = rustix::io::Errno::IO;
const EBADF: rustix::io::Errno = rustix::io::Errno::BADF;
const ENOSPC: rustix::io::Errno = rustix::io::Errno::NOSPC;
const EROFS: rustix::io::Errno = rustix::io::Errno::ROFS;

/// The error that the kernel would give.
fn os_error(errno: rustix::io::Errno) -> io::Error {
    io::Error::from(errno)
}
