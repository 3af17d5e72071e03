//! `WriteTxnMarkers`, API key 27, versions 0 to 2.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{ApiKey, ErrorCode, Message, Reader, Request, WireError, Writer};

/// `WriteTxnMarkersRequest`, versions 0 to 2.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WriteTxnMarkersRequest {
    pub markers: Vec<WritableTxnMarker>,
}

impl Message for WriteTxnMarkersRequest {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=2;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 1;
        let mut message = Self::default();
        message.markers = reader.array(flexible, WritableTxnMarker::size_min(version), |reader| {
            WritableTxnMarker::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 1;
        writer.array_len(flexible, self.markers.len());
        for item in &self.markers {
            item.encode(writer, version);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

impl Request for WriteTxnMarkersRequest {
    const API: ApiKey = ApiKey::WriteTxnMarkers;
    type Response = WriteTxnMarkersResponse;
}

/// `WritableTxnMarker`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WritableTxnMarker {
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub transaction_result: bool,
    pub topics: Vec<WritableTxnMarkerTopic>,
    pub coordinator_epoch: i32,
    pub transaction_version: i8,
}

impl WritableTxnMarker {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0 => 19,
            1 => 17,
            _ => 18,
        }
    }
}

impl Message for WritableTxnMarker {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=2;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 1;
        let mut message = Self::default();
        message.producer_id = reader.i64()?;
        message.producer_epoch = reader.i16()?;
        message.transaction_result = reader.bool()?;
        message.topics = reader.array(flexible, WritableTxnMarkerTopic::size_min(version), |reader| {
            WritableTxnMarkerTopic::decode(reader, version)
        })?;
        message.coordinator_epoch = reader.i32()?;
        if version == 2 {
            message.transaction_version = reader.i8()?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 1;
        writer.i64(self.producer_id);
        writer.i16(self.producer_epoch);
        writer.bool(self.transaction_result);
        writer.array_len(flexible, self.topics.len());
        for item in &self.topics {
            item.encode(writer, version);
        }
        writer.i32(self.coordinator_epoch);
        if version == 2 {
            writer.i8(self.transaction_version);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `WritableTxnMarkerTopic`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WritableTxnMarkerTopic {
    pub name: String,
    pub partition_indexes: Vec<i32>,
}

impl WritableTxnMarkerTopic {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0 => 6,
            _ => 3,
        }
    }
}

impl Message for WritableTxnMarkerTopic {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=2;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 1;
        let mut message = Self::default();
        message.name = reader.string(flexible)?;
        message.partition_indexes = reader.array(flexible, 4, Reader::i32)?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 1;
        writer.string(flexible, &self.name);
        writer.array_len(flexible, self.partition_indexes.len());
        for item in &self.partition_indexes {
            writer.i32(*item);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `WriteTxnMarkersResponse`, versions 0 to 2.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WriteTxnMarkersResponse {
    pub markers: Vec<WritableTxnMarkerResult>,
}

impl Message for WriteTxnMarkersResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=2;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 1;
        let mut message = Self::default();
        message.markers = reader.array(flexible, WritableTxnMarkerResult::size_min(version), |reader| {
            WritableTxnMarkerResult::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 1;
        writer.array_len(flexible, self.markers.len());
        for item in &self.markers {
            item.encode(writer, version);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `WritableTxnMarkerResult`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WritableTxnMarkerResult {
    pub producer_id: i64,
    pub topics: Vec<WritableTxnMarkerTopicResult>,
}

impl WritableTxnMarkerResult {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0 => 12,
            _ => 10,
        }
    }
}

impl Message for WritableTxnMarkerResult {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=2;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 1;
        let mut message = Self::default();
        message.producer_id = reader.i64()?;
        message.topics =
            reader.array(flexible, WritableTxnMarkerTopicResult::size_min(version), |reader| {
                WritableTxnMarkerTopicResult::decode(reader, version)
            })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 1;
        writer.i64(self.producer_id);
        writer.array_len(flexible, self.topics.len());
        for item in &self.topics {
            item.encode(writer, version);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `WritableTxnMarkerTopicResult`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WritableTxnMarkerTopicResult {
    pub name: String,
    pub partitions: Vec<WritableTxnMarkerPartitionResult>,
}

impl WritableTxnMarkerTopicResult {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0 => 6,
            _ => 3,
        }
    }
}

impl Message for WritableTxnMarkerTopicResult {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=2;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 1;
        let mut message = Self::default();
        message.name = reader.string(flexible)?;
        message.partitions =
            reader.array(flexible, WritableTxnMarkerPartitionResult::size_min(version), |reader| {
                WritableTxnMarkerPartitionResult::decode(reader, version)
            })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 1;
        writer.string(flexible, &self.name);
        writer.array_len(flexible, self.partitions.len());
        for item in &self.partitions {
            item.encode(writer, version);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `WritableTxnMarkerPartitionResult`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WritableTxnMarkerPartitionResult {
    pub partition_index: i32,
    pub error_code: ErrorCode,
}

impl WritableTxnMarkerPartitionResult {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0 => 6,
            _ => 7,
        }
    }
}

impl Message for WritableTxnMarkerPartitionResult {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=2;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 1;
        let mut message = Self::default();
        message.partition_index = reader.i32()?;
        message.error_code = reader.error_code()?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 1;
        writer.i32(self.partition_index);
        writer.error_code(self.error_code);
        if flexible {
            writer.no_tags();
        }
    }
}
