//! Before a role starts: its directory locked, writable and with room; or a refusal that says what to do.

use crate::config::ConfigError;
use crate::limits;
use disk::Disk;
use rustix::fs::{FlockOperation, fcntl_lock, flock};
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use transport::{BindError, Listener};

/// Why something could not be started. The text names the cause and the fix.
#[derive(Debug)]
pub enum StartError {
    /// The configuration.
    Config(ConfigError),
    /// A port or an address.
    Address(BindError),
    /// The data directory: locked, full, read-only, damaged, another cluster's.
    Data(String),
    /// Anything else that the system refused.
    System(String),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Config(error) => error.fmt(f),
            StartError::Address(error) => error.fmt(f),
            StartError::Data(text) | StartError::System(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for StartError {}

impl From<ConfigError> for StartError {
    fn from(error: ConfigError) -> Self {
        StartError::Config(error)
    }
}

impl From<BindError> for StartError {
    fn from(error: BindError) -> Self {
        StartError::Address(error)
    }
}

impl StartError {
    /// What the system refused while `doing` something.
    pub(crate) fn system(doing: &str) -> impl FnOnce(io::Error) -> StartError {
        move |error| StartError::System(format!("cannot {doing}: {error}"))
    }
}

/// Why a directory was not locked.
#[derive(Debug)]
pub(crate) enum LockError {
    /// Somebody else uses it: whoever starts all the same may write where that one writes.
    Taken(String),
    /// It cannot be made, or nothing can be written there.
    Unusable(String),
}

impl From<LockError> for StartError {
    fn from(error: LockError) -> Self {
        match error {
            LockError::Taken(text) | LockError::Unusable(text) => StartError::Data(text),
        }
    }
}

/// A directory that no other process may use while this lives.
#[derive(Debug)]
pub struct DirectoryLock {
    _file: File,
    path: PathBuf,
}

impl DirectoryLock {
    /// Makes `directory` if it is missing, and locks it by the file `.lock`, as Kafka does.
    pub fn acquire(directory: &Path) -> Result<DirectoryLock, StartError> {
        DirectoryLock::try_acquire(directory).map_err(StartError::from)
    }

    /// As [`DirectoryLock::acquire`], for whoever can do without a directory that fails.
    pub(crate) fn try_acquire(directory: &Path) -> Result<DirectoryLock, LockError> {
        let fail =
            |doing: &str, error: &io::Error| LockError::Unusable(unusable_text(directory, doing, error));
        fs::create_dir_all(directory).map_err(|error| fail("create", &error))?;
        let path = directory.join(".lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|error| fail("write to", &error))?;
        // Both kinds: the JVM's locks are those of fcntl, which do not tell two users in one process.
        let outcome = flock(&file, FlockOperation::NonBlockingLockExclusive)
            .and_then(|()| fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive));
        if outcome.is_err() {
            let mut owner = String::new();
            let _ = file.read_to_string(&mut owner);
            let owner = match owner.trim() {
                "" => "another process".to_owned(),
                owner => format!("the process {owner}"),
            };
            return Err(LockError::Taken(format!(
                "{} is in use by {owner}; stop it, or choose another data directory",
                directory.display()
            )));
        }
        // Who holds it, for the message above. Of no importance if it cannot be written.
        let _ = file.set_len(0).and_then(|()| file.rewind());
        let _ = writeln!(file, "{}", std::process::id());
        Ok(DirectoryLock { _file: file, path })
    }

    /// The lock's file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Listens on `address` and, if asked for and it is a loopback address, on its IPv6 twin. The first one is
/// `address` itself, with the real port.
pub(crate) fn bind(address: SocketAddr, both_loopbacks: bool) -> Result<Vec<Listener>, BindError> {
    let listener = Listener::bind(address)?;
    let port = listener.address().port();
    let mut listeners = vec![listener];
    if both_loopbacks && address.ip() == IpAddr::V4(Ipv4Addr::LOCALHOST) {
        // Machines without IPv6 have no twin, and nobody who would look for it.
        listeners.extend(Listener::bind(SocketAddr::from((Ipv6Addr::LOCALHOST, port))).ok());
    }
    Ok(listeners)
}

/// Refuses to start on a disk that is as good as full.
pub(crate) fn check_room<D: Disk>(disk: &D, directory: &Path) -> Result<(), StartError> {
    let free = disk.free_bytes(directory).map_err(|error| unusable(directory, "look at", &error))?;
    if free >= limits::FREE_BYTES_MIN {
        return Ok(());
    }
    Err(StartError::Data(format!(
        "the disk of {} has {} MiB free, and at least {} MiB are needed to start; make room, or choose a data \
         directory on another disk",
        directory.display(),
        free >> 20,
        limits::FREE_BYTES_MIN >> 20
    )))
}

/// What to say when a data directory cannot be used.
pub(crate) fn unusable(directory: &Path, doing: &str, error: &io::Error) -> StartError {
    StartError::Data(unusable_text(directory, doing, error))
}

fn unusable_text(directory: &Path, doing: &str, error: &io::Error) -> String {
    let fix = match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "give this user the right to write there, or choose another directory"
        }
        io::ErrorKind::ReadOnlyFilesystem => "mount it for writing, or choose another directory",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "make room, or choose another directory",
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            "something else has that name; choose another"
        }
        _ => "choose another directory if this cannot be repaired",
    };
    format!("cannot {doing} {}: {error}; {fix}", directory.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_has_one_user_at_a_time() {
        let directory = tempfile::tempdir().expect("a directory");
        let inner = directory.path().join("made/if/missing");
        let lock = DirectoryLock::acquire(&inner).expect("nobody else is there");
        let refusal = DirectoryLock::acquire(&inner).expect_err("it is taken").to_string();
        assert!(refusal.contains(&format!("is in use by the process {}", std::process::id())), "{refusal}");
        drop(lock);
        DirectoryLock::acquire(&inner).expect("it is free again");
    }

    #[test]
    fn a_name_that_is_no_directory_is_told() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("file");
        fs::write(&file, b"").expect("written");
        let refusal = DirectoryLock::acquire(&file).expect_err("a file").to_string();
        assert!(refusal.contains("something else has that name"), "{refusal}");
    }

    #[test]
    fn a_full_disk_is_refused_with_the_fix() {
        let error = io::Error::from(io::ErrorKind::StorageFull);
        let told = unusable(Path::new("/data"), "write to", &error).to_string();
        assert!(told.starts_with("cannot write to /data: "), "{told}");
        assert!(told.ends_with("; make room, or choose another directory"), "{told}");
    }
}
