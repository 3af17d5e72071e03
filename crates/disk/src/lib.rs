//! One small trait for disks. Everything that Castle stores goes through [`Disk`] and [`File`], so the
//! logs can be run over the real file system, over memory, and over a memory that crashes.
//!
//! Rules that every user of the trait keeps: data is durable only after [`File::sync`]; a created,
//! renamed or removed name is durable only after [`Disk::sync_directory`] of its directory; after the
//! first failed write or sync the owner stops using that directory and never retries the sync.

mod memory;
mod real;

use std::fmt::Debug;
use std::io;
use std::path::Path;

pub use memory::{Cut, Fault, Loss, MemoryDisk, MemoryFile, MemoryVolume};
pub use real::{Lock, RealDisk, RealFile, RealVolume};

/// A file system, or the part of it that Castle uses. Cheap to clone; clones share the same files.
pub trait Disk: Clone + Debug + Send + Sync + 'static {
    /// An open file.
    type File: File;
    /// A file system that can be synced as a whole.
    type Volume: Volume;

    /// Opens `path`. See [`Open`] for what each mode does when the file exists or does not.
    fn open(&self, path: &Path, mode: Open) -> io::Result<Self::File>;
    /// Creates a directory and its missing parents; no error if it exists. Not durable by itself.
    fn create_directory(&self, path: &Path) -> io::Result<()>;
    /// The names in a directory, in ascending order of name.
    fn list(&self, directory: &Path) -> io::Result<Vec<Entry>>;
    /// Renames a file or directory, replacing an existing file. Durable after the directory's sync.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Removes a directory and what is in it.
    fn remove_directory(&self, path: &Path) -> io::Result<()>;
    /// Makes the names in a directory durable.
    fn sync_directory(&self, path: &Path) -> io::Result<()>;
    /// The file system of `directory`, if all of it can be synced at once with no error lost. What is to be
    /// synced so must be written after this call: errors are told from here on.
    fn volume(&self, directory: &Path) -> io::Result<Option<Self::Volume>>;
    /// Bytes that an unprivileged writer can still allocate on the file system of `path`.
    fn free_bytes(&self, path: &Path) -> io::Result<u64>;

    /// Whether a file or directory of that name exists.
    fn exists(&self, path: &Path) -> bool;
}

/// A whole file system.
pub trait Volume: Debug + Send + Sync + 'static {
    /// Makes everything written to it so far durable, names included (syncfs). Fails if any write to it
    /// failed since the last call, whoever made it; never retried after an error.
    fn sync(&self) -> io::Result<()>;
}

/// An open file. Reads and writes name their place, so a file can be shared between threads.
pub trait File: Debug + Send + Sync + 'static {
    /// Length in bytes.
    fn length(&self) -> io::Result<u64>;
    /// Reads at most `buffer.len()` bytes at `offset`; 0 at or past the end. May be short.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes all of `bytes` at `offset`, extending the file with zeroes if there is a gap.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// As [`write_at`](Self::write_at), for bytes that lie in two pieces.
    fn write_pair_at(&self, first: &[u8], second: &[u8], offset: u64) -> io::Result<()>;
    /// Makes the file's data and length durable (fdatasync). Never retried after an error.
    fn sync(&self) -> io::Result<()>;
    /// Cuts or extends (with zeroes) to `length` bytes.
    fn set_length(&self, length: u64) -> io::Result<()>;

    /// A hint: these bytes are durable and nobody will read them soon, so that memory which caches them
    /// is better used for something else. What they are does not change.
    fn uncache(&self, _offset: u64, _length: u64) {}

    /// Fills `buffer` from `offset`, or fails with `UnexpectedEof`.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let mut done = 0;
        while done < buffer.len() {
            match self.read_at(&mut buffer[done..], offset + done as u64)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => done += read,
            }
        }
        Ok(())
    }

    /// Exactly `length` bytes from `offset` in memory of their own, or `UnexpectedEof`. The caller knows that so
    /// many are there: the memory is taken before anything is read.
    fn read_vec_at(&self, length: usize, offset: u64) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.read_exact_at(&mut bytes, offset)?;
        Ok(bytes)
    }
}

/// How to open a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Open {
    /// Must exist; reads only.
    Read,
    /// Must exist; reads and writes.
    Write,
    /// Must not exist; reads and writes.
    CreateNew,
    /// Created if missing, kept if there; reads and writes.
    CreateOrWrite,
    /// Created if missing, emptied if there; reads and writes.
    Replace,
}

/// A name in a directory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// The name without its directory.
    pub name: String,
    /// Whether it is a directory.
    pub is_directory: bool,
    /// Length in bytes; 0 for a directory.
    pub length: u64,
}
