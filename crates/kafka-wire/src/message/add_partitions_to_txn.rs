//! `AddPartitionsToTxn`, API key 24, versions 0 to 5.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{ApiKey, ErrorCode, Message, Reader, Request, WireError, Writer};

/// `AddPartitionsToTxnRequest`, versions 0 to 5.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AddPartitionsToTxnRequest {
    pub transactions: Vec<AddPartitionsToTxnTransaction>,
    pub v3_and_below_transactional_id: String,
    pub v3_and_below_producer_id: i64,
    pub v3_and_below_producer_epoch: i16,
    pub v3_and_below_topics: Vec<AddPartitionsToTxnTopic>,
}

impl Message for AddPartitionsToTxnRequest {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=5;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 3;
        let mut message = Self::default();
        if version >= 4 {
            message.transactions =
                reader.array(true, AddPartitionsToTxnTransaction::size_min(version), |reader| {
                    AddPartitionsToTxnTransaction::decode(reader, version)
                })?;
        }
        if version <= 3 {
            message.v3_and_below_transactional_id = reader.string(flexible)?;
        }
        if version <= 3 {
            message.v3_and_below_producer_id = reader.i64()?;
        }
        if version <= 3 {
            message.v3_and_below_producer_epoch = reader.i16()?;
        }
        if version <= 3 {
            message.v3_and_below_topics =
                reader.array(flexible, AddPartitionsToTxnTopic::size_min(version), |reader| {
                    AddPartitionsToTxnTopic::decode(reader, version)
                })?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 3;
        if version >= 4 {
            writer.array_len(true, self.transactions.len());
            for item in &self.transactions {
                item.encode(writer, version);
            }
        }
        if version <= 3 {
            writer.string(flexible, &self.v3_and_below_transactional_id);
        }
        if version <= 3 {
            writer.i64(self.v3_and_below_producer_id);
        }
        if version <= 3 {
            writer.i16(self.v3_and_below_producer_epoch);
        }
        if version <= 3 {
            writer.array_len(flexible, self.v3_and_below_topics.len());
            for item in &self.v3_and_below_topics {
                item.encode(writer, version);
            }
        }
        if flexible {
            writer.no_tags();
        }
    }
}

impl Request for AddPartitionsToTxnRequest {
    const API: ApiKey = ApiKey::AddPartitionsToTxn;
    type Response = AddPartitionsToTxnResponse;
}

/// `AddPartitionsToTxnTransaction`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AddPartitionsToTxnTransaction {
    pub transactional_id: String,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub verify_only: bool,
    pub topics: Vec<AddPartitionsToTxnTopic>,
}

impl AddPartitionsToTxnTransaction {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=2 => 0,
            3 => 1,
            _ => 14,
        }
    }
}

impl Message for AddPartitionsToTxnTransaction {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=5;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 3;
        let mut message = Self::default();
        if version >= 4 {
            message.transactional_id = reader.string(true)?;
        }
        if version >= 4 {
            message.producer_id = reader.i64()?;
        }
        if version >= 4 {
            message.producer_epoch = reader.i16()?;
        }
        if version >= 4 {
            message.verify_only = reader.bool()?;
        }
        if version >= 4 {
            message.topics = reader.array(true, AddPartitionsToTxnTopic::size_min(version), |reader| {
                AddPartitionsToTxnTopic::decode(reader, version)
            })?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 3;
        if version >= 4 {
            writer.string(true, &self.transactional_id);
        }
        if version >= 4 {
            writer.i64(self.producer_id);
        }
        if version >= 4 {
            writer.i16(self.producer_epoch);
        }
        if version >= 4 {
            writer.bool(self.verify_only);
        }
        if version >= 4 {
            writer.array_len(true, self.topics.len());
            for item in &self.topics {
                item.encode(writer, version);
            }
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `AddPartitionsToTxnTopic`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AddPartitionsToTxnTopic {
    pub name: String,
    pub partitions: Vec<i32>,
}

impl AddPartitionsToTxnTopic {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=2 => 6,
            _ => 3,
        }
    }
}

impl Message for AddPartitionsToTxnTopic {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=5;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 3;
        let mut message = Self::default();
        message.name = reader.string(flexible)?;
        message.partitions = reader.array(flexible, 4, Reader::i32)?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 3;
        writer.string(flexible, &self.name);
        writer.array_len(flexible, self.partitions.len());
        for item in &self.partitions {
            writer.i32(*item);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `AddPartitionsToTxnResponse`, versions 0 to 5.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AddPartitionsToTxnResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    pub results_by_transaction: Vec<AddPartitionsToTxnResult>,
    pub results_by_topic_v3_and_below: Vec<AddPartitionsToTxnTopicResult>,
}

impl Message for AddPartitionsToTxnResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=5;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 3;
        let mut message = Self::default();
        message.throttle_time_ms = reader.i32()?;
        if version >= 4 {
            message.error_code = reader.error_code()?;
        }
        if version >= 4 {
            message.results_by_transaction =
                reader.array(true, AddPartitionsToTxnResult::size_min(version), |reader| {
                    AddPartitionsToTxnResult::decode(reader, version)
                })?;
        }
        if version <= 3 {
            message.results_by_topic_v3_and_below =
                reader.array(flexible, AddPartitionsToTxnTopicResult::size_min(version), |reader| {
                    AddPartitionsToTxnTopicResult::decode(reader, version)
                })?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 3;
        writer.i32(self.throttle_time_ms);
        if version >= 4 {
            writer.error_code(self.error_code);
        }
        if version >= 4 {
            writer.array_len(true, self.results_by_transaction.len());
            for item in &self.results_by_transaction {
                item.encode(writer, version);
            }
        }
        if version <= 3 {
            writer.array_len(flexible, self.results_by_topic_v3_and_below.len());
            for item in &self.results_by_topic_v3_and_below {
                item.encode(writer, version);
            }
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `AddPartitionsToTxnResult`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AddPartitionsToTxnResult {
    pub transactional_id: String,
    pub topic_results: Vec<AddPartitionsToTxnTopicResult>,
}

impl AddPartitionsToTxnResult {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=2 => 0,
            3 => 1,
            _ => 3,
        }
    }
}

impl Message for AddPartitionsToTxnResult {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=5;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 3;
        let mut message = Self::default();
        if version >= 4 {
            message.transactional_id = reader.string(true)?;
        }
        if version >= 4 {
            message.topic_results =
                reader.array(true, AddPartitionsToTxnTopicResult::size_min(version), |reader| {
                    AddPartitionsToTxnTopicResult::decode(reader, version)
                })?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 3;
        if version >= 4 {
            writer.string(true, &self.transactional_id);
        }
        if version >= 4 {
            writer.array_len(true, self.topic_results.len());
            for item in &self.topic_results {
                item.encode(writer, version);
            }
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `AddPartitionsToTxnTopicResult`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AddPartitionsToTxnTopicResult {
    pub name: String,
    pub results_by_partition: Vec<AddPartitionsToTxnPartitionResult>,
}

impl AddPartitionsToTxnTopicResult {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=2 => 6,
            _ => 3,
        }
    }
}

impl Message for AddPartitionsToTxnTopicResult {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=5;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 3;
        let mut message = Self::default();
        message.name = reader.string(flexible)?;
        message.results_by_partition =
            reader.array(flexible, AddPartitionsToTxnPartitionResult::size_min(version), |reader| {
                AddPartitionsToTxnPartitionResult::decode(reader, version)
            })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 3;
        writer.string(flexible, &self.name);
        writer.array_len(flexible, self.results_by_partition.len());
        for item in &self.results_by_partition {
            item.encode(writer, version);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `AddPartitionsToTxnPartitionResult`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AddPartitionsToTxnPartitionResult {
    pub partition_index: i32,
    pub partition_error_code: ErrorCode,
}

impl AddPartitionsToTxnPartitionResult {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=2 => 6,
            _ => 7,
        }
    }
}

impl Message for AddPartitionsToTxnPartitionResult {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=5;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 3;
        let mut message = Self::default();
        message.partition_index = reader.i32()?;
        message.partition_error_code = reader.error_code()?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 3;
        writer.i32(self.partition_index);
        writer.error_code(self.partition_error_code);
        if flexible {
            writer.no_tags();
        }
    }
}
