//! Snappy as Java clients write it: a 16-byte header, then blocks of raw snappy with a four-byte length each.
//! Raw snappy without the framing, which librdkafka and others send, is told apart by the missing header.

use super::CompressionError;
use crate::limits::UNPACK_RESERVE_BYTES_MAX;

/// `\x82SNAPPY\0`, then the format version 1 and the oldest compatible version 1.
const HEADER: [u8; 16] = [0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1];

/// Bytes that identify the framing; the versions behind them may differ.
const MAGIC_LEN: usize = 8;

/// Unpacked bytes per block; the size that Kafka's Java client uses.
const BLOCK_BYTES: usize = 32 * 1024;

pub(super) fn compress(bytes: &[u8]) -> Vec<u8> {
    let mut out = HEADER.to_vec();
    let mut encoder = snap::raw::Encoder::new();
    for block in bytes.chunks(BLOCK_BYTES) {
        let packed = encoder.compress_vec(block).expect("a block is far below snappy's 4 GiB");
        let length = u32::try_from(packed.len()).expect("a packed block is about as small as the block");
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(&packed);
    }
    out
}

pub(super) fn decompress(bytes: &[u8], limit: usize) -> Result<Vec<u8>, CompressionError> {
    let mut out = Vec::with_capacity(limit.min(UNPACK_RESERVE_BYTES_MAX));
    if !bytes.starts_with(&HEADER[..MAGIC_LEN]) {
        block(bytes, limit, &mut out)?;
        return Ok(out);
    }
    let mut rest = bytes.get(HEADER.len()..).ok_or(CompressionError::Corrupt)?;
    while !rest.is_empty() {
        let (length, after) = rest.split_first_chunk::<4>().ok_or(CompressionError::Corrupt)?;
        let length = u32::from_be_bytes(*length) as usize;
        let packed = after.get(..length).ok_or(CompressionError::Corrupt)?;
        block(packed, limit, &mut out)?;
        rest = &after[length..];
    }
    Ok(out)
}

/// Unpacks one raw block behind what `out` already holds.
fn block(packed: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<(), CompressionError> {
    let length = snap::raw::decompress_len(packed).map_err(|_| CompressionError::Corrupt)?;
    if length > limit - out.len() {
        return Err(CompressionError::TooLarge { limit });
    }
    // Snappy's densest element makes 64 bytes from 3: a longer claim is a lie, and lies allocate nothing.
    if length > packed.len().saturating_mul(32) + 64 {
        return Err(CompressionError::Corrupt);
    }
    let start = out.len();
    out.resize(start + length, 0);
    let written = snap::raw::Decoder::new()
        .decompress(packed, &mut out[start..])
        .map_err(|_| CompressionError::Corrupt)?;
    debug_assert_eq!(written, length, "the decoder fills what it announced");
    Ok(())
}
