//! Where things are: snapshots and epoch files in `dataDir/version-2`, logs in `dataLogDir/version-2`.

use std::path::{Path, PathBuf};

use disk::{Disk, Entry};
use zookeeper_wire::Zxid;

use crate::{Compression, Error, log_zxid, snapshot_zxid};

/// The two directories of a server; often the same.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Directories {
    /// `dataDir/version-2`.
    pub snapshots: PathBuf,
    /// `dataLogDir/version-2`.
    pub logs: PathBuf,
}

impl Directories {
    /// Of a server with these `dataDir` and `dataLogDir`.
    pub fn new(data: &Path, data_log: &Path) -> Directories {
        Directories { snapshots: data.join("version-2"), logs: data_log.join("version-2") }
    }

    /// Of a server that has both in one place.
    pub fn single(data: &Path) -> Directories {
        Directories::new(data, data)
    }

    /// Makes them if they are missing, durably, and refuses a mixture.
    pub(crate) fn prepare<D: Disk>(&self, disk: &D) -> Result<(), Error> {
        create(disk, &self.snapshots)?;
        create(disk, &self.logs)?;
        if self.snapshots == self.logs {
            return Ok(());
        }
        let misplaced = |directory: &Path, wrong: fn(&str) -> bool| match list(disk, directory)?
            .into_iter()
            .find(|entry| wrong(&entry.name))
        {
            Some(entry) => Err(Error::Misplaced { path: directory.join(entry.name) }),
            None => Ok(()),
        };
        misplaced(&self.snapshots, |name| log_zxid(name).is_some())?;
        misplaced(&self.logs, |name| snapshot_zxid(name).is_some())
    }

    /// The log files, ascending by their first transaction.
    pub(crate) fn log_files<D: Disk>(&self, disk: &D) -> Result<Vec<(Zxid, PathBuf)>, Error> {
        log_files(disk, &self.logs)
    }

    /// The snapshot files, newest first; whole or not.
    pub(crate) fn snapshot_files<D: Disk>(
        &self,
        disk: &D,
    ) -> Result<Vec<(Zxid, Compression, PathBuf)>, Error> {
        let mut files: Vec<_> = list(disk, &self.snapshots)?
            .into_iter()
            .filter(|entry| !entry.is_directory)
            .filter_map(|entry| {
                let (zxid, compression) = snapshot_zxid(&entry.name)?;
                Some((zxid, compression, self.snapshots.join(entry.name)))
            })
            .collect();
        files.sort();
        files.reverse();
        Ok(files)
    }
}

/// The log files of `directory`, ascending by their first transaction.
pub(crate) fn log_files<D: Disk>(disk: &D, directory: &Path) -> Result<Vec<(Zxid, PathBuf)>, Error> {
    let mut files: Vec<_> = list(disk, directory)?
        .into_iter()
        .filter(|entry| !entry.is_directory)
        .filter_map(|entry| Some((log_zxid(&entry.name)?, directory.join(entry.name))))
        .collect();
    files.sort();
    Ok(files)
}

pub(crate) fn list<D: Disk>(disk: &D, directory: &Path) -> Result<Vec<Entry>, Error> {
    disk.list(directory).map_err(Error::disk("list", directory))
}

pub(crate) fn sync<D: Disk>(disk: &D, directory: &Path) -> Result<(), Error> {
    disk.sync_directory(directory).map_err(Error::disk("sync the directory", directory))
}

/// Creates `directory` and makes the names of all that it had to create durable.
fn create<D: Disk>(disk: &D, directory: &Path) -> Result<(), Error> {
    let missing: Vec<&Path> = directory.ancestors().take_while(|path| !disk.exists(at(path))).collect();
    disk.create_directory(directory).map_err(Error::disk("create the directory", directory))?;
    missing.iter().filter_map(|path| path.parent()).try_for_each(|parent| sync(disk, at(parent)))
}

/// The parent of a relative name is the working directory.
fn at(path: &Path) -> &Path {
    if path.as_os_str().is_empty() { Path::new(".") } else { path }
}
