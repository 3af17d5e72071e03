//! The LZ4 frame format as Kafka uses it: independent 64 KiB blocks.
//!
//! Frames in messages of magic 0 carry a header checksum that wrongly covers the frame's magic number; they
//! are mended before they are read.

use super::{CompressionError, lz4_search, read_bounded};
use lz4_flex::frame::{BlockMode, BlockSize, FrameDecoder, FrameEncoder, FrameInfo};
use std::borrow::Cow;
use std::io::Write;

/// Flag of the frame descriptor: eight bytes of content size follow.
const FLAG_CONTENT_SIZE: u8 = 0x08;

pub(super) fn compress(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let info = FrameInfo::new().block_mode(BlockMode::Independent).block_size(BlockSize::Max64KB);
    let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}

/// As [`compress`], with a search for long matches that takes the longer the higher the level is.
pub(super) fn compress_searching(bytes: &[u8], level: i32) -> Vec<u8> {
    let descriptor = [VERSION_1 | FLAG_INDEPENDENT, BLOCKS_OF_64_KIB];
    let mut out = MAGIC.to_vec();
    out.extend_from_slice(&descriptor);
    out.push((xxh32_short(&descriptor) >> 8) as u8);
    for block in bytes.chunks(BLOCK_BYTES) {
        let at = out.len();
        out.extend_from_slice(&[0; 4]);
        lz4_search::pack(block, level, &mut out);
        let mut length = out.len() - at - 4;
        let mut as_it_is = 0;
        if length >= block.len() {
            out.truncate(at + 4);
            out.extend_from_slice(block);
            (length, as_it_is) = (block.len(), NOT_PACKED);
        }
        out[at..at + 4].copy_from_slice(&(length as u32 | as_it_is).to_le_bytes());
    }
    out.extend_from_slice(&[0; 4]);
    out
}

/// How a frame begins.
const MAGIC: [u8; 4] = 0x184d_2204_u32.to_le_bytes();
const VERSION_1: u8 = 0x40;
/// Flag of the frame descriptor: no block refers to another.
const FLAG_INDEPENDENT: u8 = 0x20;
const BLOCKS_OF_64_KIB: u8 = 0x40;
const BLOCK_BYTES: usize = 64 * 1024;
/// Bit of a block's length: its bytes are as they were.
const NOT_PACKED: u32 = 1 << 31;

pub(super) fn decompress(bytes: &[u8], limit: usize) -> Result<Vec<u8>, CompressionError> {
    read_bounded(FrameDecoder::new(bytes), limit)
}

/// Puts the right header checksum into a frame, whatever stood there.
pub(super) fn mend_header_checksum(bytes: &[u8]) -> Cow<'_, [u8]> {
    let Some(flags) = bytes.get(4) else { return Cow::Borrowed(bytes) };
    let checksum_at = if flags & FLAG_CONTENT_SIZE != 0 { 14 } else { 6 };
    if bytes.len() <= checksum_at {
        return Cow::Borrowed(bytes);
    }
    let mut mended = bytes.to_vec();
    mended[checksum_at] = (xxh32_short(&bytes[4..checksum_at]) >> 8) as u8;
    Cow::Owned(mended)
}

/// xxHash32 with seed 0 of fewer than 16 bytes.
fn xxh32_short(bytes: &[u8]) -> u32 {
    const PRIMES: [u32; 5] = [0x9e37_79b1, 0x85eb_ca77, 0xc2b2_ae3d, 0x27d4_eb2f, 0x1656_67b1];
    debug_assert!(bytes.len() < 16, "longer inputs take another path");
    let mut hash = PRIMES[4].wrapping_add(bytes.len() as u32);
    let (words, tail) = bytes.as_chunks::<4>();
    for word in words {
        hash = hash.wrapping_add(u32::from_le_bytes(*word).wrapping_mul(PRIMES[2]));
        hash = hash.rotate_left(17).wrapping_mul(PRIMES[3]);
    }
    for byte in tail {
        hash = hash.wrapping_add(u32::from(*byte).wrapping_mul(PRIMES[4]));
        hash = hash.rotate_left(11).wrapping_mul(PRIMES[0]);
    }
    hash = (hash ^ hash >> 15).wrapping_mul(PRIMES[1]);
    hash = (hash ^ hash >> 13).wrapping_mul(PRIMES[2]);
    hash ^ hash >> 16
}
