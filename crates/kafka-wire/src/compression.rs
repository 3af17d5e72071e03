//! The codecs of record batches: packing for producers, bounded unpacking for those who must look inside.
//!
//! A broker passes packed bytes through untouched; only clients, the log cleaner and tools come here.

mod lz4;
mod lz4_search;
mod xerial;

use crate::limits::{UNPACK_RESERVE_BYTES_MAX, ZSTD_WINDOW_LOG_MAX};
use std::fmt;
use std::io::{Read, Write};
use std::str::FromStr;

/// How the records of a batch are packed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Codec {
    /// Not at all.
    #[default]
    None,
    /// RFC 1952.
    Gzip,
    /// Snappy in Xerial's framing when written; raw snappy is read as well.
    Snappy,
    /// The LZ4 frame format.
    Lz4,
    /// RFC 8878; since Produce 7 and Fetch 10 only (KIP-110).
    Zstd,
}

/// A codec, and how hard it works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Packing {
    /// The codec.
    pub codec: Codec,
    /// Its level as Kafka's settings number it: gzip -1 (its default) or 1 to 9, lz4 1 to 17 of which 9 is the fast
    /// way, zstd up to 22. `None` for the codec's default; snappy has no levels.
    pub level: Option<i32>,
}

impl From<Codec> for Packing {
    fn from(codec: Codec) -> Self {
        Packing { codec, level: None }
    }
}

/// Why packed bytes did not unpack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompressionError {
    /// They are not what the codec makes.
    Corrupt,
    /// They unpack to more than `limit` bytes.
    TooLarge {
        /// The bound that was given.
        limit: usize,
    },
}

impl fmt::Display for CompressionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CompressionError::Corrupt => f.write_str("compressed bytes are damaged"),
            CompressionError::TooLarge { limit } => {
                write!(f, "compressed bytes hold more than {limit} bytes")
            }
        }
    }
}

impl std::error::Error for CompressionError {}

impl Codec {
    /// Every codec, by its number in the batch attributes.
    pub const ALL: [Codec; 5] = [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd];

    /// The codec of the low three bits of a batch's attributes, if there is such a codec.
    pub fn from_attributes(attributes: i16) -> Option<Codec> {
        Codec::ALL.get(usize::from(attributes as u16 & 0x07)).copied()
    }

    /// The number in the batch attributes.
    pub fn id(self) -> i16 {
        self as i16
    }

    /// The name that configurations use.
    pub fn name(self) -> &'static str {
        match self {
            Codec::None => "none",
            Codec::Gzip => "gzip",
            Codec::Snappy => "snappy",
            Codec::Lz4 => "lz4",
            Codec::Zstd => "zstd",
        }
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Codec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Codec::ALL.into_iter().find(|codec| codec.name() == text);
        found.ok_or_else(|| format!("unknown codec {text:?}; there are none, gzip, snappy, lz4 and zstd"))
    }
}

/// Packs `bytes` with the codec's default level.
pub fn compress(codec: Codec, bytes: &[u8]) -> Vec<u8> {
    compress_with(codec.into(), bytes)
}

/// Packs `bytes`. A level beyond the codec's counts as the nearest.
pub fn compress_with(Packing { codec, level }: Packing, bytes: &[u8]) -> Vec<u8> {
    let packed = match codec {
        Codec::None => Ok(bytes.to_vec()),
        Codec::Gzip => {
            let level = match level {
                Some(level @ 0..) => flate2::Compression::new(level.min(9) as u32),
                _ => flate2::Compression::default(),
            };
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
            encoder.write_all(bytes).and_then(|()| encoder.finish())
        }
        Codec::Snappy => Ok(xerial::compress(bytes)),
        Codec::Lz4 => match level {
            None | Some(LZ4_FAST_LEVEL) => lz4::compress(bytes),
            Some(level) => Ok(lz4::compress_searching(bytes, level)),
        },
        Codec::Zstd => zstd::bulk::compress(bytes, level.unwrap_or(zstd::DEFAULT_COMPRESSION_LEVEL)),
    };
    packed.expect("packing in memory has nothing to fail on")
}

/// The level by which Kafka's Java code names LZ4's fast way; all others search.
const LZ4_FAST_LEVEL: i32 = 9;

/// Unpacks `bytes` into at most `limit` bytes.
///
/// # Errors
/// Damage, or more output than `limit`; memory stays near `limit` either way.
pub fn decompress(codec: Codec, bytes: &[u8], limit: usize) -> Result<Vec<u8>, CompressionError> {
    match codec {
        Codec::None if bytes.len() > limit => Err(CompressionError::TooLarge { limit }),
        Codec::None => Ok(bytes.to_vec()),
        Codec::Gzip => read_bounded(flate2::bufread::MultiGzDecoder::new(bytes), limit),
        Codec::Snappy => xerial::decompress(bytes, limit),
        Codec::Lz4 => lz4::decompress(bytes, limit),
        Codec::Zstd => {
            let mut decoder =
                zstd::stream::read::Decoder::with_buffer(bytes).map_err(|_| CompressionError::Corrupt)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(|_| CompressionError::Corrupt)?;
            read_bounded(decoder, limit)
        }
    }
}

/// As [`decompress`] for the messages of magic 0, whose LZ4 frames carry a wrong header checksum.
///
/// # Errors
/// As [`decompress`].
pub fn decompress_magic_0(codec: Codec, bytes: &[u8], limit: usize) -> Result<Vec<u8>, CompressionError> {
    match codec {
        Codec::Lz4 => lz4::decompress(&lz4::mend_header_checksum(bytes), limit),
        _ => decompress(codec, bytes, limit),
    }
}

/// Reads to the end, but refuses to hold more than `limit` bytes.
fn read_bounded(reader: impl Read, limit: usize) -> Result<Vec<u8>, CompressionError> {
    let mut out = Vec::with_capacity(limit.min(UNPACK_RESERVE_BYTES_MAX));
    let ceiling = limit as u64 + 1;
    reader.take(ceiling).read_to_end(&mut out).map_err(|_| CompressionError::Corrupt)?;
    if out.len() > limit {
        return Err(CompressionError::TooLarge { limit });
    }
    Ok(out)
}

#[cfg(test)]
mod tests;
