//! The log directories of a broker before it opens them: each locked, or out of use. What Kafka does at a start:
//! a directory whose disk fails is left out and the others serve, but one that is named twice or that another
//! process uses ends the start, since whoever goes on might write where somebody else does.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use disk::Disk;

use crate::start::{DirectoryLock, LockError, StartError, check_room, unusable};

/// Log directories, locked as far as they can be used.
#[derive(Debug)]
pub(super) struct LockedDirectories {
    pub(super) locks: Vec<DirectoryLock>,
    /// Those that cannot be used.
    pub(super) failed: BTreeSet<PathBuf>,
}

impl LockedDirectories {
    /// Makes and locks directories. Fails if one is named twice, in use or full, or if none can be used.
    pub(super) fn lock<D: Disk>(disk: &D, directories: &[PathBuf]) -> Result<Self, StartError> {
        let mut locked = LockedDirectories { locks: Vec::new(), failed: BTreeSet::new() };
        let mut first_failure = None;
        let mut names: BTreeMap<PathBuf, &Path> = BTreeMap::new();
        for directory in directories {
            if let Some(other) = real_name(directory).and_then(|name| names.insert(name, directory)) {
                return Err(StartError::Data(format!(
                    "log.dirs names one directory twice, as {} and as {}; remove one of them",
                    other.display(),
                    directory.display()
                )));
            }
            match lock_one(disk, directory) {
                Ok(lock) => {
                    check_room(disk, directory)?;
                    locked.locks.push(lock);
                }
                Err(taken @ LockError::Taken(_)) => return Err(taken.into()),
                Err(LockError::Unusable(text)) => {
                    tracing::error!("a log directory is out of use: {text}");
                    first_failure.get_or_insert(text);
                    locked.failed.insert(directory.clone());
                }
            }
        }
        match first_failure {
            Some(text) if locked.locks.is_empty() => Err(StartError::Data(text)),
            _ => Ok(locked),
        }
    }
}

fn lock_one<D: Disk>(disk: &D, directory: &Path) -> Result<DirectoryLock, LockError> {
    let lock = DirectoryLock::try_acquire(directory)?;
    let looked = disk.free_bytes(directory);
    looked.map_err(|error| LockError::Unusable(unusable(directory, "look at", &error).to_string()))?;
    Ok(lock)
}

/// The one name of a directory, which is made if it is missing; `None` if it cannot be found out.
fn real_name(directory: &Path) -> Option<PathBuf> {
    // Why it cannot be made is told by whoever locks it.
    let _ = fs::create_dir_all(directory);
    fs::canonicalize(directory).ok()
}

#[cfg(test)]
mod tests {
    use disk::RealDisk;

    use super::*;

    fn lock(root: &Path, names: &[&str]) -> Result<LockedDirectories, StartError> {
        let directories: Vec<PathBuf> = names.iter().map(|name| root.join(name)).collect();
        LockedDirectories::lock(&RealDisk, &directories)
    }

    #[test]
    fn one_that_fails_is_left_out_while_others_serve() {
        let root = tempfile::tempdir().expect("a directory");
        fs::write(root.path().join("file"), b"").expect("written");
        let check = |names: &[&str], failed: &[&str]| {
            let locked = lock(root.path(), names).expect("some can be used");
            let expect: BTreeSet<PathBuf> = failed.iter().map(|name| root.path().join(name)).collect();
            assert_eq!((locked.locks.len(), locked.failed), (names.len() - failed.len(), expect));
        };
        check(&["one", "two"], &[]);
        check(&["one", "file"], &["file"]);
        check(&["file/below", "one", "file"], &["file", "file/below"]);
        let refusal = lock(root.path(), &["file", "file/below"]).expect_err("none can be used").to_string();
        assert!(refusal.contains("something else has that name"), "{refusal}");
    }

    #[test]
    fn one_that_is_named_twice_or_in_use_ends_the_start() {
        let root = tempfile::tempdir().expect("a directory");
        let check = |names: &[&str], expect: &str| {
            let refusal = lock(root.path(), names).expect_err(expect).to_string();
            assert!(refusal.contains(expect), "{refusal}");
        };
        check(&["one", "two", "one"], "names one directory twice");
        check(&["one", "two/../one"], "names one directory twice");
        std::os::unix::fs::symlink(root.path().join("one"), root.path().join("link")).expect("linked");
        check(&["link", "one"], "names one directory twice");
        let held = lock(root.path(), &["one"]).expect("free");
        check(&["one", "two"], "is in use by the process");
        check(&["two", "one"], "is in use by the process");
        drop(held);
        lock(root.path(), &["two", "one"]).expect("free again");
    }
}
