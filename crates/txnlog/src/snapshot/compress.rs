//! How a snapshot's bytes are packed: plainly, as gzip, or in the framing of snappy-java (which is not
//! the standard snappy frame format).
//!
//! ```text
//! snappy-java  82 "SNAPPY" 00 | version i32 = 1 | oldest reader's version i32 = 1
//!              then blocks: length i32 | one raw snappy block
//! ```

use std::io::{self, BufRead, Read, Write};

use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;

use crate::stream::JuteRead;

/// The packing of a snapshot; its file name tells.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub enum Compression {
    /// As it is.
    #[default]
    None,
    /// gzip.
    Gzip,
    /// snappy-java's stream.
    Snappy,
}

const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];
const SNAPPY_MAGIC: &[u8] = b"\x82SNAPPY\0";
const SNAPPY_VERSION: i32 = 1;
/// Bytes in a block before compression: what snappy-java writes.
const SNAPPY_BLOCK: usize = 32 << 10;
/// Bytes in a block that are believed; its writer goes up to 512 MiB if told, nobody tells it.
const SNAPPY_BLOCK_MAX: usize = 64 << 20;

impl Compression {
    /// What stands behind the zxid in the file name.
    pub fn suffix(self) -> &'static str {
        match self {
            Compression::None => "",
            Compression::Gzip => ".gz",
            Compression::Snappy => ".snappy",
        }
    }

    pub(super) fn magic(self) -> Option<&'static [u8]> {
        match self {
            Compression::None => None,
            Compression::Gzip => Some(GZIP_MAGIC),
            Compression::Snappy => Some(SNAPPY_MAGIC),
        }
    }
}

/// Unpacks while reading.
pub(super) enum Unpack<R> {
    Plain(R),
    Gzip(Box<MultiGzDecoder<R>>),
    Snappy(SnappyReader<R>),
}

/// Packs while writing.
pub(super) enum Pack<W: Write> {
    Plain(W),
    Gzip(Box<GzEncoder<W>>),
    Snappy(SnappyWriter<W>),
}

impl<R: BufRead> Unpack<R> {
    pub(super) fn new(compression: Compression, from: R) -> Self {
        match compression {
            Compression::None => Unpack::Plain(from),
            Compression::Gzip => Unpack::Gzip(Box::new(MultiGzDecoder::new(from))),
            Compression::Snappy => {
                Unpack::Snappy(SnappyReader { from, block: Vec::new(), at: 0, begun: false })
            }
        }
    }
}

impl<R: BufRead> Read for Unpack<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Unpack::Plain(reader) => reader.read(into),
            Unpack::Gzip(reader) => reader.read(into),
            Unpack::Snappy(reader) => reader.read(into),
        }
    }
}

impl<W: Write> Pack<W> {
    pub(super) fn new(compression: Compression, mut into: W) -> io::Result<Self> {
        Ok(match compression {
            Compression::None => Pack::Plain(into),
            Compression::Gzip => Pack::Gzip(Box::new(GzEncoder::new(into, flate2::Compression::default()))),
            Compression::Snappy => {
                into.write_all(SNAPPY_MAGIC)?;
                into.write_all(&SNAPPY_VERSION.to_be_bytes())?;
                into.write_all(&SNAPPY_VERSION.to_be_bytes())?;
                Pack::Snappy(SnappyWriter { into, block: Vec::with_capacity(SNAPPY_BLOCK) })
            }
        })
    }

    /// Writes what is left, and gives back what it wrote to.
    pub(super) fn finish(self) -> io::Result<W> {
        match self {
            Pack::Plain(into) => Ok(into),
            Pack::Gzip(writer) => writer.finish(),
            Pack::Snappy(mut writer) => {
                writer.emit()?;
                Ok(writer.into)
            }
        }
    }
}

impl<W: Write> Write for Pack<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Pack::Plain(writer) => writer.write(bytes),
            Pack::Gzip(writer) => writer.write(bytes),
            Pack::Snappy(writer) => writer.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(super) struct SnappyReader<R> {
    from: R,
    block: Vec<u8>,
    at: usize,
    begun: bool,
}

impl<R: BufRead> SnappyReader<R> {
    /// Loads the next block; false at the end.
    fn next_block(&mut self) -> io::Result<bool> {
        if !self.begun {
            self.header()?;
            self.begun = true;
        }
        // The header may stand again between blocks, where streams were joined.
        while self.from.fill_buf()?.first() == Some(&SNAPPY_MAGIC[0]) {
            self.header()?;
        }
        if self.from.fill_buf()?.is_empty() {
            return Ok(false);
        }
        let packed = self.from.buffer(SNAPPY_BLOCK_MAX)?.ok_or_else(|| invalid("a null block"))?;
        let length = snap::raw::decompress_len(&packed).map_err(|_| invalid("a broken snappy block"))?;
        if length > SNAPPY_BLOCK_MAX {
            return Err(invalid("a snappy block that unpacks to too much"));
        }
        self.block = snap::raw::Decoder::new()
            .decompress_vec(&packed)
            .map_err(|_| invalid("a broken snappy block"))?;
        self.at = 0;
        Ok(true)
    }

    fn header(&mut self) -> io::Result<()> {
        let mut magic = [0; SNAPPY_MAGIC.len()];
        self.from.read_exact(&mut magic)?;
        let (_version, oldest) = (self.from.i32()?, self.from.i32()?);
        if magic != SNAPPY_MAGIC || oldest > SNAPPY_VERSION {
            return Err(invalid("not a snappy-java stream of version 1"));
        }
        Ok(())
    }
}

impl<R: BufRead> Read for SnappyReader<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.at == self.block.len() {
            if !self.next_block()? {
                return Ok(0);
            }
        }
        let read = into.len().min(self.block.len() - self.at);
        into[..read].copy_from_slice(&self.block[self.at..self.at + read]);
        self.at += read;
        Ok(read)
    }
}

pub(super) struct SnappyWriter<W> {
    into: W,
    block: Vec<u8>,
}

impl<W: Write> SnappyWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(SNAPPY_BLOCK - self.block.len());
        self.block.extend_from_slice(&bytes[..taken]);
        if self.block.len() == SNAPPY_BLOCK {
            self.emit()?;
        }
        Ok(taken)
    }

    fn emit(&mut self) -> io::Result<()> {
        if self.block.is_empty() {
            return Ok(());
        }
        let packed = snap::raw::Encoder::new().compress_vec(&self.block).map_err(io::Error::other)?;
        self.into.write_all(&(packed.len() as i32).to_be_bytes())?;
        self.into.write_all(&packed)?;
        self.block.clear();
        Ok(())
    }
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}
