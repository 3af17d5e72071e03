//! `TransactionLogKey`, `TransactionLogValue`.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{Message, Reader, Tags, WireError, Writer};

/// `TransactionLogKey`, version 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TransactionLogKey {
    pub transactional_id: String,
}

impl Message for TransactionLogKey {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let mut message = Self::default();
        message.transactional_id = reader.string(false)?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.string(false, &self.transactional_id);
    }
}

/// `TransactionLogValue`, versions 0 to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct TransactionLogValue {
    pub producer_id: i64,
    pub previous_producer_id: i64,
    pub next_producer_id: i64,
    pub producer_epoch: i16,
    pub next_producer_epoch: i16,
    pub transaction_timeout_ms: i32,
    pub transaction_status: i8,
    pub transaction_partitions: Option<Vec<PartitionsSchema>>,
    pub transaction_last_update_timestamp_ms: i64,
    pub transaction_start_timestamp_ms: i64,
    pub client_transaction_version: i16,
}

impl Default for TransactionLogValue {
    fn default() -> Self {
        Self {
            producer_id: 0,
            previous_producer_id: -1,
            next_producer_id: -1,
            producer_epoch: 0,
            next_producer_epoch: -1,
            transaction_timeout_ms: 0,
            transaction_status: 0,
            transaction_partitions: Some(Vec::new()),
            transaction_last_update_timestamp_ms: 0,
            transaction_start_timestamp_ms: 0,
            client_transaction_version: 0,
        }
    }
}

impl Message for TransactionLogValue {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=1;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 1;
        let mut message = Self::default();
        message.producer_id = reader.i64()?;
        message.producer_epoch = reader.i16()?;
        message.transaction_timeout_ms = reader.i32()?;
        message.transaction_status = reader.i8()?;
        message.transaction_partitions =
            reader.nullable_array(flexible, PartitionsSchema::size_min(version), |reader| {
                PartitionsSchema::decode(reader, version)
            })?;
        message.transaction_last_update_timestamp_ms = reader.i64()?;
        message.transaction_start_timestamp_ms = reader.i64()?;
        if flexible {
            reader.tags(|tag, reader| {
                match tag {
                    0 => {
                        message.previous_producer_id = reader.i64()?;
                    }
                    1 => {
                        message.next_producer_id = reader.i64()?;
                    }
                    3 => {
                        message.next_producer_epoch = reader.i16()?;
                    }
                    2 => {
                        message.client_transaction_version = reader.i16()?;
                    }
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 1;
        writer.i64(self.producer_id);
        writer.i16(self.producer_epoch);
        writer.i32(self.transaction_timeout_ms);
        writer.i8(self.transaction_status);
        writer.nullable_array_len(flexible, true, self.transaction_partitions.as_ref().map(Vec::len));
        for item in self.transaction_partitions.iter().flatten() {
            item.encode(writer, version);
        }
        writer.i64(self.transaction_last_update_timestamp_ms);
        writer.i64(self.transaction_start_timestamp_ms);
        if flexible {
            let mut tags = Tags::default();
            if self.previous_producer_id != -1 {
                tags.put(0, |writer| {
                    writer.i64(self.previous_producer_id);
                });
            }
            if self.next_producer_id != -1 {
                tags.put(1, |writer| {
                    writer.i64(self.next_producer_id);
                });
            }
            if self.client_transaction_version != 0 {
                tags.put(2, |writer| {
                    writer.i16(self.client_transaction_version);
                });
            }
            if self.next_producer_epoch != -1 {
                tags.put(3, |writer| {
                    writer.i16(self.next_producer_epoch);
                });
            }
            writer.tags(tags);
        }
    }
}

/// `PartitionsSchema`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PartitionsSchema {
    pub topic: String,
    pub partition_ids: Vec<i32>,
}

impl PartitionsSchema {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0 => 6,
            _ => 3,
        }
    }
}

impl Message for PartitionsSchema {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=1;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 1;
        let mut message = Self::default();
        message.topic = reader.string(flexible)?;
        message.partition_ids = reader.array(flexible, 4, Reader::i32)?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 1;
        writer.string(flexible, &self.topic);
        writer.array_len(flexible, self.partition_ids.len());
        for item in &self.partition_ids {
            writer.i32(*item);
        }
        if flexible {
            writer.no_tags();
        }
    }
}
