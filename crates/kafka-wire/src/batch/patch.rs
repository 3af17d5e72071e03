//! Changes that a leader makes to a batch it appends, in place.
//!
//! Base offset and leader epoch stand before what the CRC covers; the broker's timestamp does not, so that a
//! topic with LogAppendTime costs a pass over the batch.

use super::{Attributes, CRC_FROM, HEADER_LEN};

/// Writes the base offset.
pub fn set_base_offset(header: &mut [u8; HEADER_LEN], base_offset: i64) {
    header[0..8].copy_from_slice(&base_offset.to_be_bytes());
}

/// Writes the epoch of the appending leader.
pub fn set_partition_leader_epoch(header: &mut [u8; HEADER_LEN], epoch: i32) {
    header[12..16].copy_from_slice(&epoch.to_be_bytes());
}

/// Makes the batch one of LogAppendTime at `timestamp`; `records` are the (packed) bytes behind the header,
/// which the new CRC covers but which do not change.
pub fn set_log_append_time(header: &mut [u8; HEADER_LEN], records: &[u8], timestamp: i64) {
    let attributes = Attributes(i16::from_be_bytes([header[21], header[22]]));
    let attributes = attributes.known().with(Attributes::LOG_APPEND_TIME, true);
    header[21..23].copy_from_slice(&attributes.0.to_be_bytes());
    header[35..43].copy_from_slice(&timestamp.to_be_bytes());
    refresh_crc(header, records);
}

/// Writes the greatest timestamp, and the CRC that this asks for.
pub fn set_max_timestamp(header: &mut [u8; HEADER_LEN], records: &[u8], timestamp: i64) {
    header[35..43].copy_from_slice(&timestamp.to_be_bytes());
    refresh_crc(header, records);
}

fn refresh_crc(header: &mut [u8; HEADER_LEN], records: &[u8]) {
    let crc = crc32c::crc32c_append(crc32c::crc32c(&header[CRC_FROM..]), records);
    header[CRC_FROM - 4..CRC_FROM].copy_from_slice(&crc.to_be_bytes());
}
