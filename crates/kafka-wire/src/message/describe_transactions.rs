//! `DescribeTransactions`, API key 65, version 0.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{ApiKey, ErrorCode, Message, Reader, Request, WireError, Writer};

/// `DescribeTransactionsRequest`, version 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeTransactionsRequest {
    pub transactional_ids: Vec<String>,
}

impl Message for DescribeTransactionsRequest {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let mut message = Self::default();
        message.transactional_ids = reader.array(true, 1, |reader| reader.string(true))?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.array_len(true, self.transactional_ids.len());
        for item in &self.transactional_ids {
            writer.string(true, item);
        }
        writer.no_tags();
    }
}

impl Request for DescribeTransactionsRequest {
    const API: ApiKey = ApiKey::DescribeTransactions;
    type Response = DescribeTransactionsResponse;
}

/// `DescribeTransactionsResponse`, version 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeTransactionsResponse {
    pub throttle_time_ms: i32,
    pub transaction_states: Vec<TransactionState>,
}

impl Message for DescribeTransactionsResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let mut message = Self::default();
        message.throttle_time_ms = reader.i32()?;
        message.transaction_states = reader.array(true, TransactionState::size_min(version), |reader| {
            TransactionState::decode(reader, version)
        })?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.i32(self.throttle_time_ms);
        writer.array_len(true, self.transaction_states.len());
        for item in &self.transaction_states {
            item.encode(writer, version);
        }
        writer.no_tags();
    }
}

/// `TransactionState`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TransactionState {
    pub error_code: ErrorCode,
    pub transactional_id: String,
    pub transaction_state: String,
    pub transaction_timeout_ms: i32,
    pub transaction_start_time_ms: i64,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub topics: Vec<TopicData>,
}

impl TransactionState {
    /// Fewest bytes an encoded one takes.
    fn size_min(_version: i16) -> usize {
        28
    }
}

impl Message for TransactionState {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let mut message = Self::default();
        message.error_code = reader.error_code()?;
        message.transactional_id = reader.string(true)?;
        message.transaction_state = reader.string(true)?;
        message.transaction_timeout_ms = reader.i32()?;
        message.transaction_start_time_ms = reader.i64()?;
        message.producer_id = reader.i64()?;
        message.producer_epoch = reader.i16()?;
        message.topics =
            reader.array(true, TopicData::size_min(version), |reader| TopicData::decode(reader, version))?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.error_code(self.error_code);
        writer.string(true, &self.transactional_id);
        writer.string(true, &self.transaction_state);
        writer.i32(self.transaction_timeout_ms);
        writer.i64(self.transaction_start_time_ms);
        writer.i64(self.producer_id);
        writer.i16(self.producer_epoch);
        writer.array_len(true, self.topics.len());
        for item in &self.topics {
            item.encode(writer, version);
        }
        writer.no_tags();
    }
}

/// `TopicData`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopicData {
    pub topic: String,
    pub partitions: Vec<i32>,
}

impl TopicData {
    /// Fewest bytes an encoded one takes.
    fn size_min(_version: i16) -> usize {
        3
    }
}

impl Message for TopicData {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=0;

    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, WireError> {
        let mut message = Self::default();
        message.topic = reader.string(true)?;
        message.partitions = reader.array(true, 4, Reader::i32)?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.string(true, &self.topic);
        writer.array_len(true, self.partitions.len());
        for item in &self.partitions {
            writer.i32(*item);
        }
        writer.no_tags();
    }
}
