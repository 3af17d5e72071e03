//! `DescribeCluster`, API key 60, versions 0 to 2.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{ApiKey, ErrorCode, Message, Reader, Request, WireError, Writer};

/// `DescribeClusterRequest`, versions 0 to 2.
#[derive(Clone, Debug, PartialEq)]
pub struct DescribeClusterRequest {
    pub include_cluster_authorized_operations: bool,
    pub endpoint_type: i8,
    pub include_fenced_brokers: bool,
}

impl Default for DescribeClusterRequest {
    fn default() -> Self {
        Self { include_cluster_authorized_operations: false, endpoint_type: 1, include_fenced_brokers: false }
    }
}

impl Message for DescribeClusterRequest {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=2;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let mut message = Self::default();
        message.include_cluster_authorized_operations = reader.bool()?;
        if version >= 1 {
            message.endpoint_type = reader.i8()?;
        }
        if version == 2 {
            message.include_fenced_brokers = reader.bool()?;
        }
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.bool(self.include_cluster_authorized_operations);
        if version >= 1 {
            writer.i8(self.endpoint_type);
        }
        if version == 2 {
            writer.bool(self.include_fenced_brokers);
        }
        writer.no_tags();
    }
}

impl Request for DescribeClusterRequest {
    const API: ApiKey = ApiKey::DescribeCluster;
    type Response = DescribeClusterResponse;
}

/// `DescribeClusterResponse`, versions 0 to 2.
#[derive(Clone, Debug, PartialEq)]
pub struct DescribeClusterResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    pub error_message: Option<String>,
    pub endpoint_type: i8,
    pub cluster_id: String,
    pub controller_id: i32,
    pub brokers: Vec<DescribeClusterBroker>,
    pub cluster_authorized_operations: i32,
}

impl Default for DescribeClusterResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: 0,
            error_code: ErrorCode::NONE,
            error_message: None,
            endpoint_type: 1,
            cluster_id: String::new(),
            controller_id: -1,
            brokers: Vec::new(),
            cluster_authorized_operations: i32::MIN,
        }
    }
}

impl Message for DescribeClusterResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=2;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let mut message = Self::default();
        message.throttle_time_ms = reader.i32()?;
        message.error_code = reader.error_code()?;
        message.error_message = reader.nullable_string(true)?;
        if version >= 1 {
            message.endpoint_type = reader.i8()?;
        }
        message.cluster_id = reader.string(true)?;
        message.controller_id = reader.i32()?;
        message.brokers = reader.array(true, DescribeClusterBroker::size_min(version), |reader| {
            DescribeClusterBroker::decode(reader, version)
        })?;
        message.cluster_authorized_operations = reader.i32()?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.i32(self.throttle_time_ms);
        writer.error_code(self.error_code);
        writer.nullable_string(true, true, self.error_message.as_deref());
        if version >= 1 {
            writer.i8(self.endpoint_type);
        }
        writer.string(true, &self.cluster_id);
        writer.i32(self.controller_id);
        writer.array_len(true, self.brokers.len());
        for item in &self.brokers {
            item.encode(writer, version);
        }
        writer.i32(self.cluster_authorized_operations);
        writer.no_tags();
    }
}

/// `DescribeClusterBroker`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeClusterBroker {
    pub broker_id: i32,
    pub host: String,
    pub port: i32,
    pub rack: Option<String>,
    pub is_fenced: bool,
}

impl DescribeClusterBroker {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=1 => 11,
            _ => 12,
        }
    }
}

impl Message for DescribeClusterBroker {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=2;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let mut message = Self::default();
        message.broker_id = reader.i32()?;
        message.host = reader.string(true)?;
        message.port = reader.i32()?;
        message.rack = reader.nullable_string(true)?;
        if version == 2 {
            message.is_fenced = reader.bool()?;
        }
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.i32(self.broker_id);
        writer.string(true, &self.host);
        writer.i32(self.port);
        writer.nullable_string(true, true, self.rack.as_deref());
        if version == 2 {
            writer.bool(self.is_fenced);
        }
        writer.no_tags();
    }
}
