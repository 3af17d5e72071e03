//! The operating system's files. It adds nothing to what the kernel promises: [`RealFile::sync`] is
//! fdatasync, and a directory's sync is an fsync of the directory itself.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::{Disk, Entry, File, Open};

/// The file system of this machine.
#[derive(Clone, Copy, Default, Debug)]
pub struct RealDisk;

/// A file of this machine.
#[derive(Debug)]
pub struct RealFile(fs::File);

/// Holds an advisory lock on a file for as long as it lives.
#[derive(Debug)]
pub struct Lock {
    _file: fs::File,
}

impl RealDisk {
    /// Takes the advisory write lock (POSIX `fcntl`, the kind that Java's `FileChannel.tryLock`
    /// takes) on `path`, which is created if missing. Fails with `WouldBlock` or `PermissionDenied`
    /// when another **process** has it; a second lock by the same process succeeds.
    pub fn lock(&self, path: &Path) -> io::Result<Lock> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        rustix::fs::fcntl_lock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive)?;
        Ok(Lock { _file: file })
    }
}

impl Disk for RealDisk {
    type File = RealFile;

    fn open(&self, path: &Path, mode: Open) -> io::Result<RealFile> {
        let mut options = OpenOptions::new();
        options.read(true);
        match mode {
            Open::Read => &mut options,
            Open::Write => options.write(true),
            Open::CreateNew => options.write(true).create_new(true),
            Open::CreateOrWrite => options.write(true).create(true).truncate(false),
            Open::Replace => options.write(true).create(true).truncate(true),
        };
        options.open(path).map(RealFile)
    }

    fn create_directory(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for item in fs::read_dir(directory)? {
            let item = item?;
            // A file may vanish between the listing and the look: it is then not in the directory.
            let metadata = match fs::metadata(item.path()) {
                Ok(metadata) => metadata,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            // A name that is not UTF-8 is not one of ours.
            let Ok(name) = item.file_name().into_string() else { continue };
            let is_directory = metadata.is_dir();
            entries.push(Entry { name, is_directory, length: if is_directory { 0 } else { metadata.len() } });
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_directory(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir_all(path)
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        fs::File::open(path)?.sync_all()
    }

    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        let statistics = rustix::fs::statvfs(path)?;
        Ok(statistics.f_bavail.saturating_mul(statistics.f_frsize))
    }

    fn exists(&self, path: &Path) -> bool {
        path.exists()
    }
}

impl File for RealFile {
    fn length(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        loop {
            match FileExt::read_at(&self.0, buffer, offset) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        FileExt::write_all_at(&self.0, bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }
}

impl AsFd for RealFile {
    /// For the calls that want a descriptor (sendfile, fadvise).
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_real_disk_keeps_the_trait() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        let disk = RealDisk;
        disk.create_directory(&root.join("d/e")).unwrap();
        let file = disk.open(&root.join("d/a"), Open::CreateNew).unwrap();
        assert!(disk.open(&root.join("d/a"), Open::CreateNew).is_err());
        file.write_at(b"xy", 3).unwrap();
        file.sync().unwrap();
        disk.sync_directory(&root.join("d")).unwrap();
        let mut bytes = [9; 5];
        file.read_exact_at(&mut bytes, 0).unwrap();
        assert_eq!(&bytes, b"\0\0\0xy");
        file.set_length(4).unwrap();
        assert_eq!(file.length().unwrap(), 4);
        disk.rename(&root.join("d/a"), &root.join("d/b")).unwrap();
        let names: Vec<_> =
            disk.list(&root.join("d")).unwrap().into_iter().map(|e| (e.name, e.length)).collect();
        assert_eq!(names, [("b".into(), 4), ("e".into(), 0)]);
        assert_eq!(disk.open(&root.join("d/b"), Open::Replace).unwrap().length().unwrap(), 0);
        assert!(disk.free_bytes(root).unwrap() > 0);
        assert!(disk.exists(&root.join("d/b")));
        disk.remove(&root.join("d/b")).unwrap();
        disk.remove_directory(&root.join("d")).unwrap();
        assert!(!disk.exists(&root.join("d")));
        let _lock = disk.lock(&root.join(".lock")).unwrap();
    }
}
