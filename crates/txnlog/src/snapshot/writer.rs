//! Writes a snapshot: under another name, synced, then renamed, then the directory synced. A file that
//! has the name of a snapshot is therefore whole, whatever happens in between.

use std::io::{self, Write};
use std::path::PathBuf;

use disk::{Disk, File, Open};
use simd_adler32::Adler32;
use zookeeper_wire::{Acl, SessionId, StoredStat, Zxid};

use super::compress::Pack;
use super::{Compression, DATABASE, END, MAGIC, VERSION};
use crate::names::UNFINISHED_PREFIX;
use crate::stream::Sink;
use crate::{Directories, Error, directories, snapshot_name};

/// A snapshot in the making. If it is dropped before [`finish`](Self::finish) succeeds its file is removed,
/// so that a disk that is full stays no fuller; after a crash the next recovery does that.
pub struct SnapshotWriter<D: Disk> {
    disk: D,
    at: Directories,
    zxid: Zxid,
    name: String,
    unfinished: Unfinished<D>,
    into: Summed<D::File>,
    nodes: u64,
}

/// The file as long as it is not a snapshot.
struct Unfinished<D: Disk> {
    disk: D,
    path: PathBuf,
    finished: bool,
}

/// A stream that sums what passes. Small writes are gathered first: summing pays per call.
struct Summed<F: File> {
    into: Pack<Sink<F>>,
    adler: Adler32,
    gathered: Vec<u8>,
}

/// Bytes gathered before they are summed and packed.
const GATHERED: usize = 16 << 10;

impl<D: Disk> SnapshotWriter<D> {
    /// Begins the snapshot whose last transaction is `zxid`.
    pub fn create(
        disk: &D,
        at: &Directories,
        zxid: Zxid,
        compression: Compression,
        sessions: &[(SessionId, i32)],
        acls: &[(i64, &[Acl])],
    ) -> Result<Self, Error> {
        let name = snapshot_name(zxid, compression);
        let path = at.snapshots.join(format!("{UNFINISHED_PREFIX}{name}"));
        let file = disk.open(&path, Open::Replace).map_err(Error::disk("create", &path))?;
        let unfinished = Unfinished { disk: disk.clone(), path, finished: false };
        let into = Pack::new(compression, Sink::new(file)).map_err(Error::disk("write", &unfinished.path))?;
        let into = Summed { into, adler: Adler32::new(), gathered: Vec::with_capacity(2 * GATHERED) };
        let (disk, at) = (disk.clone(), at.clone());
        let mut writer = SnapshotWriter { disk, at, zxid, name, unfinished, into, nodes: 0 };
        writer.start(sessions, acls).map_err(|error| writer.failed(error))?;
        Ok(writer)
    }

    fn start(&mut self, sessions: &[(SessionId, i32)], acls: &[(i64, &[Acl])]) -> io::Result<()> {
        let into = &mut self.into;
        into.i32(MAGIC);
        into.i32(VERSION);
        into.i64(DATABASE);
        into.length(sessions.len())?;
        for (id, timeout_ms) in sessions {
            into.i64(id.0);
            into.i32(*timeout_ms);
            into.pass_on()?;
        }
        into.length(acls.len())?;
        for (key, list) in acls {
            into.i64(*key);
            into.length(list.len())?;
            for acl in *list {
                into.i32(acl.permissions.0);
                into.bytes(acl.scheme.as_bytes())?;
                into.bytes(acl.id.as_bytes())?;
            }
            into.pass_on()?;
        }
        Ok(())
    }

    /// Adds a node. The first is the root, whose path is empty; the parent of each later one came before.
    pub fn node(
        &mut self,
        path: &str,
        data: Option<&[u8]>,
        acl: i64,
        stat: &StoredStat,
    ) -> Result<(), Error> {
        debug_assert!(path != END && path.is_empty() == (self.nodes == 0), "the root's path is empty");
        self.nodes += 1;
        self.write_node(path, data, acl, stat).map_err(|error| self.failed(error))
    }

    fn write_node(&mut self, path: &str, data: Option<&[u8]>, acl: i64, stat: &StoredStat) -> io::Result<()> {
        let into = &mut self.into;
        into.bytes(path.as_bytes())?;
        match data {
            Some(data) => into.bytes(data)?,
            None => into.i32(-1),
        }
        for number in [acl, stat.czxid.0, stat.mzxid.0, stat.ctime, stat.mtime] {
            into.i64(number);
        }
        for number in [stat.version, stat.child_version, stat.acl_version] {
            into.i32(number);
        }
        into.i64(stat.ephemeral_owner);
        into.i64(stat.pzxid.0);
        into.pass_on()
    }

    /// Ends the snapshot and puts it in place, durably. `digest` is the tree's, version 2, at the
    /// snapshot's zxid, if one is kept. Returns the file.
    pub fn finish(mut self, digest: Option<i64>) -> Result<PathBuf, Error> {
        assert!(self.nodes > 0, "there is always a root");
        self.seals(digest).map_err(|error| self.failed(error))?;
        let path = self.at.snapshots.join(&self.name);
        let unfinished = &self.unfinished.path;
        self.into.into.finish().and_then(Sink::finish).map_err(Error::disk("write", unfinished))?;
        self.disk.rename(unfinished, &path).map_err(Error::disk("rename to", &path))?;
        self.unfinished.finished = true;
        directories::sync(&self.disk, &self.at.snapshots)?;
        Ok(path)
    }

    fn seals(&mut self, digest: Option<i64>) -> io::Result<()> {
        const DIGEST_VERSION: i32 = 2;
        self.into.bytes(END.as_bytes())?;
        self.into.seal()?;
        if let Some(digest) = digest {
            self.into.i64(self.zxid.0);
            self.into.i32(DIGEST_VERSION);
            self.into.i64(digest);
            self.into.seal()?;
            // Only behind a digest: a server that expects one would read this as its beginning.
            self.into.i64(self.zxid.0);
            self.into.seal()?;
        }
        Ok(())
    }

    fn failed(&self, error: io::Error) -> Error {
        Error::disk("write", &self.unfinished.path)(error)
    }
}

impl<D: Disk> Drop for Unfinished<D> {
    fn drop(&mut self) {
        if !self.finished {
            // In vain if the disk takes nothing any more; recovery tries again.
            let _ = self.disk.remove(&self.path);
        }
    }
}

impl<F: File> Summed<F> {
    fn i32(&mut self, value: i32) {
        self.gathered.extend_from_slice(&value.to_be_bytes());
    }

    fn i64(&mut self, value: i64) {
        self.gathered.extend_from_slice(&value.to_be_bytes());
    }

    fn length(&mut self, length: usize) -> io::Result<()> {
        let length = i32::try_from(length).map_err(|_| io::ErrorKind::InvalidInput)?;
        self.i32(length);
        Ok(())
    }

    fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.length(bytes.len())?;
        self.gathered.extend_from_slice(bytes);
        Ok(())
    }

    /// Sums and packs what was gathered, if it is worth while.
    fn pass_on(&mut self) -> io::Result<()> {
        if self.gathered.len() >= GATHERED { self.empty() } else { Ok(()) }
    }

    fn empty(&mut self) -> io::Result<()> {
        self.adler.write(&self.gathered);
        self.into.write_all(&self.gathered)?;
        self.gathered.clear();
        Ok(())
    }

    fn seal(&mut self) -> io::Result<()> {
        self.empty()?;
        self.i64(i64::from(self.adler.finish()));
        self.bytes(END.as_bytes())?;
        self.empty()
    }
}
