//! The operating system's files. It adds nothing to what the kernel promises: [`RealFile::sync`] is
//! fdatasync, and a directory's sync is an fsync of the directory itself.

use std::fs::{self, OpenOptions};
use std::io::{self, IoSlice};
use std::num::NonZeroU64;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::buffer::spare_capacity;

use crate::{Disk, Entry, File, Open, Volume};

/// The file system of this machine.
#[derive(Clone, Copy, Default, Debug)]
pub struct RealDisk;

/// A file of this machine.
#[derive(Debug)]
pub struct RealFile(fs::File);

/// A file system of this machine, known by a directory in it that is held open: the kernel tells errors of
/// write-back to whoever had something open before.
#[derive(Debug)]
pub struct RealVolume(fs::File);

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
    type Volume = RealVolume;

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

    fn volume(&self, directory: &Path) -> io::Result<Option<RealVolume>> {
        if !syncfs_tells_errors(rustix::system::uname().release().to_str().unwrap_or_default()) {
            return Ok(None);
        }
        let directory = fs::File::open(directory)?;
        // Others may answer before their data is where it must be: network and layered file systems do.
        let magic = rustix::fs::fstatfs(&directory)?.f_type;
        let is_local = u32::try_from(magic).is_ok_and(|magic| SYNCED_WHOLE.contains(&magic));
        Ok(is_local.then_some(RealVolume(directory)))
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

    /// Without clearing the memory first, which would write all of it twice.
    fn read_vec_at(&self, length: usize, offset: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(length);
        while bytes.len() < length {
            let at = offset + bytes.len() as u64;
            match rustix::io::pread(&self.0, spare_capacity(&mut bytes), at) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        // Where the allocator had more room than was asked for, more was read.
        bytes.truncate(length);
        Ok(bytes)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        FileExt::write_all_at(&self.0, bytes, offset)
    }

    fn write_pair_at(&self, first: &[u8], second: &[u8], offset: u64) -> io::Result<()> {
        let total = first.len() + second.len();
        let mut written = 0;
        while written < total {
            let (skipped_first, skipped_second) =
                (written.min(first.len()), written.saturating_sub(first.len()));
            let slices = [IoSlice::new(&first[skipped_first..]), IoSlice::new(&second[skipped_second..])];
            match rustix::io::pwritev(&self.0, &slices, offset + written as u64) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => written += count,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }

    fn uncache(&self, offset: u64, length: u64) {
        if let Some(length) = NonZeroU64::new(length) {
            // A file system that knows no such hint needs none.
            let _ = rustix::fs::fadvise(&self.0, offset, Some(length), rustix::fs::Advice::DontNeed);
        }
    }
}

impl Volume for RealVolume {
    fn sync(&self) -> io::Result<()> {
        Ok(rustix::fs::syncfs(&self.0)?)
    }
}

/// Whether a kernel of this release lets syncfs fail when a write-back failed: Linux does since 5.8.
fn syncfs_tells_errors(release: &str) -> bool {
    let mut numbers =
        release.split(|c: char| !c.is_ascii_digit()).map(|word| word.parse::<u32>().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= (5, 8)
}

/// The numbers of ext4, XFS and btrfs in `statfs`: for these syncfs is known to wait for the data, the journal and
/// the device.
const SYNCED_WHOLE: [u32; 3] = [0xef53, 0x5846_5342, 0x9123_683e];

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
        if let Some(volume) = disk.volume(root).unwrap() {
            volume.sync().unwrap();
        }
        file.uncache(0, 4096);
        disk.sync_directory(&root.join("d")).unwrap();
        let mut bytes = [9; 5];
        file.read_exact_at(&mut bytes, 0).unwrap();
        assert_eq!(&bytes, b"\0\0\0xy");
        file.write_pair_at(b"", b"ab", 1).unwrap();
        file.write_pair_at(b"c", b"d", 3).unwrap();
        file.read_exact_at(&mut bytes, 0).unwrap();
        assert_eq!(&bytes, b"\0abcd");
        assert_eq!(file.read_vec_at(3, 2).unwrap(), b"bcd");
        assert_eq!(file.read_vec_at(0, 9).unwrap(), b"");
        assert_eq!(file.read_vec_at(4, 2).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
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

    #[test]
    fn a_kernel_is_trusted_from_the_release_that_tells_errors() {
        for (release, expect) in
            [("5.8.0", true), ("5.7.19-generic", false), ("6.1", true), ("4.19.0", false), ("", false)]
        {
            assert_eq!(syncfs_tells_errors(release), expect, "{release}");
        }
    }
}
