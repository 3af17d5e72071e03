//! Reads a snapshot item by item. What it hands out is provisional until the iteration ends without an
//! error: only then have the seals been compared.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use disk::{Disk, Open};
use simd_adler32::Adler32;
use zookeeper_wire::{Acl, Permissions, SessionId, StoredStat, Zxid};

use super::compress::Unpack;
use super::{Compression, END, MAGIC, SnapshotItem, VERSION};
use crate::limits::{BUFFER_BYTES, FIELD_BYTES_MAX, SNAPSHOT_TAIL_BYTES_MAX};
use crate::stream::{JuteRead, Source};
use crate::{Error, snapshot_zxid};

/// The items of a snapshot file. Stops for good at the end or at the first error.
pub struct SnapshotReader<D: Disk> {
    path: PathBuf,
    zxid: Zxid,
    stream: Checked<Unpack<Source<D::File>>>,
    next: Next,
}

/// Where in the file the reader is.
enum Next {
    Sessions {
        left: i32,
    },
    Acls {
        left: i32,
    },
    Nodes,
    /// The items behind the first seal, all read and checked, last one first.
    Tail(Vec<SnapshotItem>),
    Nothing,
}

impl<D: Disk> SnapshotReader<D> {
    /// Opens a snapshot; its name tells the zxid and the packing.
    pub fn open(disk: &D, path: &Path) -> Result<Self, Error> {
        let (zxid, compression) = path
            .file_name()
            .and_then(|name| snapshot_zxid(name.to_str()?))
            .unwrap_or((Zxid::ZERO, Compression::None));
        let file = disk.open(path, Open::Read).map_err(Error::disk("open", path))?;
        let stream = Checked::new(Unpack::new(compression, Source::new(file, 0)));
        let mut reader = SnapshotReader { path: path.to_owned(), zxid, stream, next: Next::Nothing };
        reader.next = reader.header()?;
        Ok(reader)
    }

    /// The zxid of the file's name: every transaction up to it is contained; later ones may be, in part.
    pub fn zxid(&self) -> Zxid {
        self.zxid
    }

    fn header(&mut self) -> Result<Next, Error> {
        let header =
            (|| Ok((self.stream.i32()?, self.stream.i32()?, self.stream.i64()?, self.stream.i32()?)))();
        match header {
            Ok((MAGIC, VERSION, _, left)) if left >= 0 => Ok(Next::Sessions { left }),
            Ok((MAGIC, VERSION, ..)) => Err(self.broken(invalid("a negative number of sessions"))),
            Ok((MAGIC, version, ..)) => Err(self.foreign(format!("version {version} of the format"))),
            Ok(_) => Err(self.foreign("it does not begin as a snapshot".to_owned())),
            Err(error) => Err(self.broken(error)),
        }
    }

    fn item(&mut self) -> io::Result<Option<SnapshotItem>> {
        loop {
            match &mut self.next {
                Next::Sessions { left: 0 } => {
                    let left = self.stream.i32()?;
                    if left < 0 {
                        return Err(invalid("a negative number of ACL lists"));
                    }
                    self.next = Next::Acls { left };
                }
                Next::Sessions { left } => {
                    *left -= 1;
                    let (id, timeout_ms) = (SessionId(self.stream.i64()?), self.stream.i32()?);
                    return Ok(Some(SnapshotItem::Session { id, timeout_ms }));
                }
                Next::Acls { left: 0 } => self.next = Next::Nodes,
                Next::Acls { left } => {
                    *left -= 1;
                    return acl(&mut self.stream).map(Some);
                }
                Next::Nodes => match node(&mut self.stream)? {
                    Some(node) => return Ok(Some(node)),
                    None => {
                        let mut tail = self.tail()?;
                        tail.reverse();
                        self.next = Next::Tail(tail);
                    }
                },
                Next::Tail(items) => return Ok(items.pop()),
                Next::Nothing => return Ok(None),
            }
        }
    }

    /// Everything from the first seal on. Which of the later blocks are there shows in the length: older
    /// servers wrote neither, or only the digest; a server whose digest is off, only the last zxid.
    fn tail(&mut self) -> io::Result<Vec<SnapshotItem>> {
        const LAST_BYTES: usize = 8 + SEAL_BYTES;
        const DIGEST_BYTES_MIN: usize = 8 + 4 + 4 + SEAL_BYTES;
        self.stream.seal()?;
        let adler = self.stream.settled();
        let mut rest = Vec::new();
        let mut items = Vec::new();
        (&mut self.stream).take(SNAPSHOT_TAIL_BYTES_MAX as u64 + 1).read_to_end(&mut rest)?;
        if rest.len() > SNAPSHOT_TAIL_BYTES_MAX {
            return Err(invalid("there is too much behind the first seal"));
        }
        let mut rest = Checked::going_on(rest.as_slice(), rest.len(), adler);
        if rest.left()? >= DIGEST_BYTES_MIN {
            let (zxid, version) = (Zxid(rest.i64()?), rest.i32()?);
            let digest = if version < 2 {
                // Version 1 was text.
                let text = rest.buffer(FIELD_BYTES_MAX)?.unwrap_or_default();
                let text = String::from_utf8_lossy(&text).into_owned();
                u64::from_str_radix(&text, 16).map_err(|_| invalid("a digest that is no number"))? as i64
            } else {
                rest.i64()?
            };
            rest.seal()?;
            // Without a transaction yet the original writes 0, which says nothing.
            if zxid > Zxid::ZERO {
                items.push(SnapshotItem::Digest { zxid, version, digest });
            }
        }
        if rest.left()? == LAST_BYTES {
            items.push(SnapshotItem::Last(Zxid(rest.i64()?)));
            rest.seal()?;
        }
        match rest.left()? {
            0 => Ok(items),
            _ => Err(invalid("there is something unknown behind the last seal")),
        }
    }

    fn broken(&self, error: io::Error) -> Error {
        use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
        match error.kind() {
            UnexpectedEof => Error::corrupt(&self.path, self.stream.passed(), "it is cut short"),
            InvalidData | InvalidInput => Error::corrupt(&self.path, self.stream.passed(), error.to_string()),
            _ => Error::disk("read", &self.path)(error),
        }
    }

    fn foreign(&self, why: String) -> Error {
        Error::Foreign { path: self.path.clone(), why }
    }
}

/// One ACL list.
fn acl(stream: &mut impl JuteRead) -> io::Result<SnapshotItem> {
    let (key, count) = (stream.i64()?, stream.i32()?);
    if count < 0 {
        return Err(invalid("a negative length of an ACL list"));
    }
    let mut acl = Vec::new();
    for _ in 0..count {
        let permissions = Permissions(stream.i32()?);
        let (scheme, id) = (stream.text(FIELD_BYTES_MAX)?, stream.text(FIELD_BYTES_MAX)?);
        acl.push(Acl::new(permissions, scheme, id));
    }
    Ok(SnapshotItem::Acl { key, acl })
}

/// The next node; `None` at their end.
fn node(stream: &mut impl JuteRead) -> io::Result<Option<SnapshotItem>> {
    let path = stream.text(FIELD_BYTES_MAX)?;
    if path == END {
        return Ok(None);
    }
    let data = stream.buffer(FIELD_BYTES_MAX)?;
    let acl = stream.i64()?;
    let stat = StoredStat {
        czxid: Zxid(stream.i64()?),
        mzxid: Zxid(stream.i64()?),
        ctime: stream.i64()?,
        mtime: stream.i64()?,
        version: stream.i32()?,
        child_version: stream.i32()?,
        acl_version: stream.i32()?,
        ephemeral_owner: stream.i64()?,
        pzxid: Zxid(stream.i64()?),
    };
    Ok(Some(SnapshotItem::Node { path, data, acl, stat }))
}

/// The items of a snapshot that comes over a link: sessions, ACL lists and nodes, without a header or
/// seals. Reads nothing behind the last of them.
pub struct SnapshotStream<R> {
    from: R,
    next: Streamed,
}

/// Where in the stream the reader is.
enum Streamed {
    Start,
    Sessions { left: i32 },
    Acls { left: i32 },
    Nodes,
    End,
}

impl<R: Read> SnapshotStream<R> {
    /// From the first byte on.
    pub fn new(from: R) -> Self {
        SnapshotStream { from, next: Streamed::Start }
    }

    /// The next item; `None` behind the last.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> io::Result<Option<SnapshotItem>> {
        loop {
            match &mut self.next {
                Streamed::Start => self.next = Streamed::Sessions { left: self.count()? },
                Streamed::Sessions { left: 0 } => self.next = Streamed::Acls { left: self.count()? },
                Streamed::Sessions { left } => {
                    *left -= 1;
                    let (id, timeout_ms) = (SessionId(self.from.i64()?), self.from.i32()?);
                    return Ok(Some(SnapshotItem::Session { id, timeout_ms }));
                }
                Streamed::Acls { left: 0 } => self.next = Streamed::Nodes,
                Streamed::Acls { left } => {
                    *left -= 1;
                    return acl(&mut self.from).map(Some);
                }
                Streamed::Nodes => match node(&mut self.from)? {
                    Some(node) => return Ok(Some(node)),
                    None => self.next = Streamed::End,
                },
                Streamed::End => return Ok(None),
            }
        }
    }

    fn count(&mut self) -> io::Result<i32> {
        let count = self.from.i32()?;
        if count < 0 { Err(invalid("a negative count")) } else { Ok(count) }
    }
}

impl<D: Disk> Iterator for SnapshotReader<D> {
    type Item = Result<SnapshotItem, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let result = self.item().transpose();
        if !matches!(result, Some(Ok(_))) {
            self.next = Next::Nothing;
        }
        result.map(|result| result.map_err(|error| self.broken(error)))
    }
}

/// Bytes of a seal.
const SEAL_BYTES: usize = 8 + 4 + 1;

/// A stream that sums what passes, in large pieces: a sum pays per call, and a node has a dozen fields.
struct Checked<R> {
    from: R,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    /// What of the buffer is in the sum: never more than was handed out.
    summed: usize,
    adler: Adler32,
    /// Bytes before the buffer.
    before: u64,
}

impl<R: Read> Checked<R> {
    fn new(from: R) -> Self {
        Checked::going_on(from, BUFFER_BYTES, Adler32::new())
    }

    /// A stream with a sum over what came before it.
    fn going_on(from: R, buffer_bytes: usize, adler: Adler32) -> Self {
        let buffer = vec![0; buffer_bytes.max(1)].into_boxed_slice();
        Checked { from, buffer, start: 0, end: 0, summed: 0, adler, before: 0 }
    }

    /// Bytes handed out.
    fn passed(&self) -> u64 {
        self.before + self.start as u64
    }

    /// The sum of all that was handed out.
    fn settled(&mut self) -> Adler32 {
        self.adler.write(&self.buffer[self.summed..self.start]);
        self.summed = self.start;
        self.adler.clone()
    }

    /// Reads on when everything was handed out; nothing comes at the end.
    fn fill(&mut self) -> io::Result<()> {
        if self.start < self.end {
            return Ok(());
        }
        self.settled();
        self.before += self.end as u64;
        (self.start, self.end, self.summed) = (0, 0, 0);
        self.end = self.from.read(&mut self.buffer)?;
        Ok(())
    }

    /// Bytes until the end, of a stream that fits into its buffer.
    fn left(&mut self) -> io::Result<usize> {
        self.fill()?;
        Ok(self.end - self.start)
    }

    /// Reads a seal and compares it with the sum so far.
    fn seal(&mut self) -> io::Result<()> {
        let sum = i64::from(self.settled().finish());
        let sealed = self.i64()?;
        let text = self.text(END.len())?;
        if sealed != sum || text != END {
            return Err(invalid("a seal does not fit what is before it"));
        }
        Ok(())
    }
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.fill()?;
        let read = into.len().min(self.end - self.start);
        into[..read].copy_from_slice(&self.buffer[self.start..self.start + read]);
        self.start += read;
        Ok(read)
    }

    #[inline]
    fn read_exact(&mut self, mut into: &mut [u8]) -> io::Result<()> {
        if let Some(here) = self.buffer[self.start..self.end].get(..into.len()) {
            into.copy_from_slice(here);
            self.start += into.len();
            return Ok(());
        }
        while !into.is_empty() {
            match self.read(into)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => into = &mut into[read..],
            }
        }
        Ok(())
    }
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}
