//! `acceptedEpoch` and `currentEpoch`: a decimal number each, replaced atomically and durably. They
//! belong to ensembles; a server alone has none.

use std::io;
use std::path::Path;

use disk::{Disk, File, Open};

use crate::limits::EPOCH_FILE_BYTES_MAX;
use crate::{Directories, Error, directories};

/// Which of the two.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EpochFile {
    /// The last epoch whose leader this server promised to follow.
    Accepted,
    /// The epoch whose history this server has.
    Current,
}

impl EpochFile {
    fn name(self) -> &'static str {
        match self {
            EpochFile::Accepted => "acceptedEpoch",
            EpochFile::Current => "currentEpoch",
        }
    }
}

/// The number in the file; `None` if there is no such file.
pub fn read_epoch<D: Disk>(disk: &D, at: &Directories, which: EpochFile) -> Result<Option<u32>, Error> {
    let path = at.snapshots.join(which.name());
    let file = match disk.open(&path, Open::Read) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::disk("open", &path)(error)),
    };
    let mut bytes = [0; EPOCH_FILE_BYTES_MAX];
    let mut length = 0;
    while length < bytes.len() {
        match file.read_at(&mut bytes[length..], length as u64).map_err(Error::disk("read", &path))? {
            0 => break,
            read => length += read,
        }
    }
    let text = String::from_utf8_lossy(&bytes[..length]);
    match text.trim().parse() {
        Ok(epoch) if epoch <= i32::MAX as u32 => Ok(Some(epoch)),
        _ => Err(Error::corrupt(&path, 0, format!("{:?} is not an epoch", text.trim()))),
    }
}

/// Replaces the number. When this returns the new one is durable; after a crash before that, the file
/// has the old or the new one.
pub fn write_epoch<D: Disk>(disk: &D, at: &Directories, which: EpochFile, epoch: u32) -> Result<(), Error> {
    let path = at.snapshots.join(which.name());
    let unfinished = at.snapshots.join(format!("{}.tmp", which.name()));
    write_synced(disk, &unfinished, epoch.to_string().as_bytes())?;
    disk.rename(&unfinished, &path).map_err(Error::disk("rename to", &path))?;
    directories::sync(disk, &at.snapshots)
}

fn write_synced<D: Disk>(disk: &D, path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let file = disk.open(path, Open::Replace).map_err(Error::disk("create", path))?;
    file.write_at(bytes, 0).and_then(|()| file.sync()).map_err(Error::disk("write", path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use disk::MemoryDisk;

    fn write(disk: &MemoryDisk, text: &str) -> Directories {
        let at = Directories::single(Path::new("/data"));
        at.prepare(disk).unwrap();
        write_synced(disk, &at.snapshots.join("currentEpoch"), text.as_bytes()).unwrap();
        at
    }

    #[test]
    fn an_epoch_is_a_decimal_number() {
        let check = |text: &str, expect: Option<u32>| {
            let disk = MemoryDisk::new();
            let at = write(&disk, text);
            assert_eq!(read_epoch(&disk, &at, EpochFile::Current).ok().flatten(), expect, "{text:?}");
        };
        check("0", Some(0));
        check("17\n", Some(17));
        check("2147483647", Some(i32::MAX as u32));
        check("2147483648", None);
        check("-1", None);
        check("", None);
        check(&"1".repeat(1000), None);
        check("\u{1F600}", None);
    }

    #[test]
    fn after_any_crash_it_is_the_old_or_the_new_one() {
        let disk = MemoryDisk::recording();
        let at = Directories::single(Path::new("/data"));
        at.prepare(&disk).unwrap();
        let mut done = vec![(disk.operations(), None)];
        for epoch in [1, 2, 30] {
            write_epoch(&disk, &at, EpochFile::Current, epoch).unwrap();
            done.push((disk.operations(), Some(epoch)));
        }
        for cut in disk.every_cut(7) {
            let before =
                done.iter().rev().find(|(at, _)| *at <= cut.operations).and_then(|(_, epoch)| *epoch);
            let after = done.iter().find(|(at, _)| *at >= cut.operations).and_then(|(_, epoch)| *epoch);
            let found = read_epoch(&cut.disk, &at, EpochFile::Current).unwrap();
            assert!(found == before || found == after, "{found:?} at {} {:?}", cut.operations, cut.loss);
        }
    }
}
