//! `Fetch`, API key 1, versions 0 to 18.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{ApiKey, ErrorCode, Message, Reader, Records, Request, Tags, Uuid, WireError, Writer};

/// `FetchRequest`, versions 0 to 18.
#[derive(Clone, Debug, PartialEq)]
pub struct FetchRequest {
    pub cluster_id: Option<String>,
    pub replica_id: i32,
    pub replica_state: ReplicaState,
    pub max_wait_ms: i32,
    pub min_bytes: i32,
    pub max_bytes: i32,
    pub isolation_level: i8,
    pub session_id: i32,
    pub session_epoch: i32,
    pub topics: Vec<FetchTopic>,
    pub forgotten_topics_data: Vec<ForgottenTopic>,
    pub rack_id: String,
}

impl Default for FetchRequest {
    fn default() -> Self {
        Self {
            cluster_id: None,
            replica_id: -1,
            replica_state: ReplicaState::default(),
            max_wait_ms: 0,
            min_bytes: 0,
            max_bytes: i32::MAX,
            isolation_level: 0,
            session_id: 0,
            session_epoch: -1,
            topics: Vec::new(),
            forgotten_topics_data: Vec::new(),
            rack_id: String::new(),
        }
    }
}

impl Message for FetchRequest {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=18;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 12;
        let mut message = Self::default();
        if version <= 14 {
            message.replica_id = reader.i32()?;
        }
        message.max_wait_ms = reader.i32()?;
        message.min_bytes = reader.i32()?;
        if version >= 3 {
            message.max_bytes = reader.i32()?;
        }
        if version >= 4 {
            message.isolation_level = reader.i8()?;
        }
        if version >= 7 {
            message.session_id = reader.i32()?;
        }
        if version >= 7 {
            message.session_epoch = reader.i32()?;
        }
        message.topics = reader
            .array(flexible, FetchTopic::size_min(version), |reader| FetchTopic::decode(reader, version))?;
        if version >= 7 {
            message.forgotten_topics_data =
                reader.array(flexible, ForgottenTopic::size_min(version), |reader| {
                    ForgottenTopic::decode(reader, version)
                })?;
        }
        if version >= 11 {
            message.rack_id = reader.string(flexible)?;
        }
        if flexible {
            reader.tags(|tag, reader| {
                match tag {
                    0 => {
                        message.cluster_id = reader.nullable_string(true)?;
                    }
                    1 if version >= 15 => {
                        message.replica_state = ReplicaState::decode(reader, version)?;
                    }
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 12;
        if version <= 14 {
            writer.i32(self.replica_id);
        }
        writer.i32(self.max_wait_ms);
        writer.i32(self.min_bytes);
        if version >= 3 {
            writer.i32(self.max_bytes);
        }
        if version >= 4 {
            writer.i8(self.isolation_level);
        }
        if version >= 7 {
            writer.i32(self.session_id);
        }
        if version >= 7 {
            writer.i32(self.session_epoch);
        }
        writer.array_len(flexible, self.topics.len());
        for item in &self.topics {
            item.encode(writer, version);
        }
        if version >= 7 {
            writer.array_len(flexible, self.forgotten_topics_data.len());
            for item in &self.forgotten_topics_data {
                item.encode(writer, version);
            }
        }
        if version >= 11 {
            writer.string(flexible, &self.rack_id);
        }
        if flexible {
            let mut tags = Tags::default();
            if self.cluster_id.is_some() {
                tags.put(0, |writer| {
                    writer.nullable_string(true, true, self.cluster_id.as_deref());
                });
            }
            if version >= 15 && self.replica_state != ReplicaState::default() {
                tags.put(1, |writer| {
                    self.replica_state.encode(writer, version);
                });
            }
            writer.tags(tags);
        }
    }
}

impl Request for FetchRequest {
    const API: ApiKey = ApiKey::Fetch;
    type Response = FetchResponse;
}

/// `ReplicaState`.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplicaState {
    pub replica_id: i32,
    pub replica_epoch: i64,
}

impl Default for ReplicaState {
    fn default() -> Self {
        Self { replica_id: -1, replica_epoch: -1 }
    }
}

impl Message for ReplicaState {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=18;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 12;
        let mut message = Self::default();
        if version >= 15 {
            message.replica_id = reader.i32()?;
        }
        if version >= 15 {
            message.replica_epoch = reader.i64()?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 12;
        if version >= 15 {
            writer.i32(self.replica_id);
        }
        if version >= 15 {
            writer.i64(self.replica_epoch);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `FetchTopic`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FetchTopic {
    pub topic: String,
    pub topic_id: Uuid,
    pub partitions: Vec<FetchPartition>,
}

impl FetchTopic {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=11 => 6,
            12 => 3,
            _ => 18,
        }
    }
}

impl Message for FetchTopic {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=18;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 12;
        let mut message = Self::default();
        if version <= 12 {
            message.topic = reader.string(flexible)?;
        }
        if version >= 13 {
            message.topic_id = reader.uuid()?;
        }
        message.partitions = reader.array(flexible, FetchPartition::size_min(version), |reader| {
            FetchPartition::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 12;
        if version <= 12 {
            writer.string(flexible, &self.topic);
        }
        if version >= 13 {
            writer.uuid(self.topic_id);
        }
        writer.array_len(flexible, self.partitions.len());
        for item in &self.partitions {
            item.encode(writer, version);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `FetchPartition`.
#[derive(Clone, Debug, PartialEq)]
pub struct FetchPartition {
    pub partition: i32,
    pub current_leader_epoch: i32,
    pub fetch_offset: i64,
    pub last_fetched_epoch: i32,
    pub log_start_offset: i64,
    pub partition_max_bytes: i32,
    pub replica_directory_id: Uuid,
    pub high_watermark: i64,
}

impl Default for FetchPartition {
    fn default() -> Self {
        Self {
            partition: 0,
            current_leader_epoch: -1,
            fetch_offset: 0,
            last_fetched_epoch: -1,
            log_start_offset: -1,
            partition_max_bytes: 0,
            replica_directory_id: Uuid::ZERO,
            high_watermark: i64::MAX,
        }
    }
}

impl FetchPartition {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=4 => 16,
            5..=8 => 24,
            9..=11 => 28,
            _ => 33,
        }
    }
}

impl Message for FetchPartition {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=18;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 12;
        let mut message = Self::default();
        message.partition = reader.i32()?;
        if version >= 9 {
            message.current_leader_epoch = reader.i32()?;
        }
        message.fetch_offset = reader.i64()?;
        if version >= 12 {
            message.last_fetched_epoch = reader.i32()?;
        }
        if version >= 5 {
            message.log_start_offset = reader.i64()?;
        }
        message.partition_max_bytes = reader.i32()?;
        if flexible {
            reader.tags(|tag, reader| {
                match tag {
                    0 if version >= 17 => {
                        message.replica_directory_id = reader.uuid()?;
                    }
                    1 if version == 18 => {
                        message.high_watermark = reader.i64()?;
                    }
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 12;
        writer.i32(self.partition);
        if version >= 9 {
            writer.i32(self.current_leader_epoch);
        }
        writer.i64(self.fetch_offset);
        if version >= 12 {
            writer.i32(self.last_fetched_epoch);
        }
        if version >= 5 {
            writer.i64(self.log_start_offset);
        }
        writer.i32(self.partition_max_bytes);
        if flexible {
            let mut tags = Tags::default();
            if version >= 17 && self.replica_directory_id != Uuid::ZERO {
                tags.put(0, |writer| {
                    writer.uuid(self.replica_directory_id);
                });
            }
            if version == 18 && self.high_watermark != i64::MAX {
                tags.put(1, |writer| {
                    writer.i64(self.high_watermark);
                });
            }
            writer.tags(tags);
        }
    }
}

/// `ForgottenTopic`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ForgottenTopic {
    pub topic: String,
    pub topic_id: Uuid,
    pub partitions: Vec<i32>,
}

impl ForgottenTopic {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=6 => 0,
            7..=11 => 6,
            12 => 3,
            _ => 18,
        }
    }
}

impl Message for ForgottenTopic {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=18;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 12;
        let mut message = Self::default();
        if (7..=12).contains(&version) {
            message.topic = reader.string(flexible)?;
        }
        if version >= 13 {
            message.topic_id = reader.uuid()?;
        }
        if version >= 7 {
            message.partitions = reader.array(flexible, 4, Reader::i32)?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 12;
        if (7..=12).contains(&version) {
            writer.string(flexible, &self.topic);
        }
        if version >= 13 {
            writer.uuid(self.topic_id);
        }
        if version >= 7 {
            writer.array_len(flexible, self.partitions.len());
            for item in &self.partitions {
                writer.i32(*item);
            }
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `FetchResponse`, versions 0 to 18.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FetchResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    pub session_id: i32,
    pub responses: Vec<FetchableTopicResponse>,
    pub node_endpoints: Vec<NodeEndpoint>,
}

impl Message for FetchResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=18;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 12;
        let mut message = Self::default();
        if version >= 1 {
            message.throttle_time_ms = reader.i32()?;
        }
        if version >= 7 {
            message.error_code = reader.error_code()?;
        }
        if version >= 7 {
            message.session_id = reader.i32()?;
        }
        message.responses = reader.array(flexible, FetchableTopicResponse::size_min(version), |reader| {
            FetchableTopicResponse::decode(reader, version)
        })?;
        if flexible {
            reader.tags(|tag, reader| {
                match tag {
                    0 if version >= 16 => {
                        message.node_endpoints =
                            reader.array(true, NodeEndpoint::size_min(version), |reader| {
                                NodeEndpoint::decode(reader, version)
                            })?;
                    }
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 12;
        if version >= 1 {
            writer.i32(self.throttle_time_ms);
        }
        if version >= 7 {
            writer.error_code(self.error_code);
        }
        if version >= 7 {
            writer.i32(self.session_id);
        }
        writer.array_len(flexible, self.responses.len());
        for item in &self.responses {
            item.encode(writer, version);
        }
        if flexible {
            let mut tags = Tags::default();
            if version >= 16 && !self.node_endpoints.is_empty() {
                tags.put(0, |writer| {
                    writer.array_len(true, self.node_endpoints.len());
                    for item in &self.node_endpoints {
                        item.encode(writer, version);
                    }
                });
            }
            writer.tags(tags);
        }
    }
}

/// `FetchableTopicResponse`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FetchableTopicResponse {
    pub topic: String,
    pub topic_id: Uuid,
    pub partitions: Vec<PartitionData>,
}

impl FetchableTopicResponse {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=11 => 6,
            12 => 3,
            _ => 18,
        }
    }
}

impl Message for FetchableTopicResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=18;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 12;
        let mut message = Self::default();
        if version <= 12 {
            message.topic = reader.string(flexible)?;
        }
        if version >= 13 {
            message.topic_id = reader.uuid()?;
        }
        message.partitions = reader.array(flexible, PartitionData::size_min(version), |reader| {
            PartitionData::decode(reader, version)
        })?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 12;
        if version <= 12 {
            writer.string(flexible, &self.topic);
        }
        if version >= 13 {
            writer.uuid(self.topic_id);
        }
        writer.array_len(flexible, self.partitions.len());
        for item in &self.partitions {
            item.encode(writer, version);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `PartitionData`.
#[derive(Clone, Debug, PartialEq)]
pub struct PartitionData {
    pub partition_index: i32,
    pub error_code: ErrorCode,
    pub high_watermark: i64,
    pub last_stable_offset: i64,
    pub log_start_offset: i64,
    pub diverging_epoch: EpochEndOffset,
    pub current_leader: LeaderIdAndEpoch,
    pub snapshot_id: SnapshotId,
    pub aborted_transactions: Option<Vec<AbortedTransaction>>,
    pub preferred_read_replica: i32,
    pub records: Option<Records>,
}

impl Default for PartitionData {
    fn default() -> Self {
        Self {
            partition_index: 0,
            error_code: ErrorCode::NONE,
            high_watermark: 0,
            last_stable_offset: -1,
            log_start_offset: -1,
            diverging_epoch: EpochEndOffset::default(),
            current_leader: LeaderIdAndEpoch::default(),
            snapshot_id: SnapshotId::default(),
            aborted_transactions: Some(Vec::new()),
            preferred_read_replica: -1,
            records: None,
        }
    }
}

impl PartitionData {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=3 => 18,
            4 => 30,
            5..=10 => 38,
            11 => 42,
            _ => 37,
        }
    }
}

impl Message for PartitionData {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=18;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 12;
        let mut message = Self::default();
        message.partition_index = reader.i32()?;
        message.error_code = reader.error_code()?;
        message.high_watermark = reader.i64()?;
        if version >= 4 {
            message.last_stable_offset = reader.i64()?;
        }
        if version >= 5 {
            message.log_start_offset = reader.i64()?;
        }
        if version >= 4 {
            message.aborted_transactions =
                reader.nullable_array(flexible, AbortedTransaction::size_min(version), |reader| {
                    AbortedTransaction::decode(reader, version)
                })?;
        }
        if version >= 11 {
            message.preferred_read_replica = reader.i32()?;
        }
        message.records = reader.records(flexible)?;
        if flexible {
            reader.tags(|tag, reader| {
                match tag {
                    0 => {
                        message.diverging_epoch = EpochEndOffset::decode(reader, version)?;
                    }
                    1 => {
                        message.current_leader = LeaderIdAndEpoch::decode(reader, version)?;
                    }
                    2 => {
                        message.snapshot_id = SnapshotId::decode(reader, version)?;
                    }
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 12;
        writer.i32(self.partition_index);
        writer.error_code(self.error_code);
        writer.i64(self.high_watermark);
        if version >= 4 {
            writer.i64(self.last_stable_offset);
        }
        if version >= 5 {
            writer.i64(self.log_start_offset);
        }
        if version >= 4 {
            writer.nullable_array_len(flexible, true, self.aborted_transactions.as_ref().map(Vec::len));
            for item in self.aborted_transactions.iter().flatten() {
                item.encode(writer, version);
            }
        }
        if version >= 11 {
            writer.i32(self.preferred_read_replica);
        }
        writer.records(flexible, self.records.as_ref());
        if flexible {
            let mut tags = Tags::default();
            if self.diverging_epoch != EpochEndOffset::default() {
                tags.put(0, |writer| {
                    self.diverging_epoch.encode(writer, version);
                });
            }
            if self.current_leader != LeaderIdAndEpoch::default() {
                tags.put(1, |writer| {
                    self.current_leader.encode(writer, version);
                });
            }
            if self.snapshot_id != SnapshotId::default() {
                tags.put(2, |writer| {
                    self.snapshot_id.encode(writer, version);
                });
            }
            writer.tags(tags);
        }
    }
}

/// `EpochEndOffset`.
#[derive(Clone, Debug, PartialEq)]
pub struct EpochEndOffset {
    pub epoch: i32,
    pub end_offset: i64,
}

impl Default for EpochEndOffset {
    fn default() -> Self {
        Self { epoch: -1, end_offset: -1 }
    }
}

impl Message for EpochEndOffset {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=18;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 12;
        let mut message = Self::default();
        if version >= 12 {
            message.epoch = reader.i32()?;
        }
        if version >= 12 {
            message.end_offset = reader.i64()?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 12;
        if version >= 12 {
            writer.i32(self.epoch);
        }
        if version >= 12 {
            writer.i64(self.end_offset);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `LeaderIdAndEpoch`.
#[derive(Clone, Debug, PartialEq)]
pub struct LeaderIdAndEpoch {
    pub leader_id: i32,
    pub leader_epoch: i32,
}

impl Default for LeaderIdAndEpoch {
    fn default() -> Self {
        Self { leader_id: -1, leader_epoch: -1 }
    }
}

impl Message for LeaderIdAndEpoch {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=18;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 12;
        let mut message = Self::default();
        if version >= 12 {
            message.leader_id = reader.i32()?;
        }
        if version >= 12 {
            message.leader_epoch = reader.i32()?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 12;
        if version >= 12 {
            writer.i32(self.leader_id);
        }
        if version >= 12 {
            writer.i32(self.leader_epoch);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `SnapshotId`.
#[derive(Clone, Debug, PartialEq)]
pub struct SnapshotId {
    pub end_offset: i64,
    pub epoch: i32,
}

impl Default for SnapshotId {
    fn default() -> Self {
        Self { end_offset: -1, epoch: -1 }
    }
}

impl Message for SnapshotId {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=18;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 12;
        let mut message = Self::default();
        message.end_offset = reader.i64()?;
        message.epoch = reader.i32()?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 12;
        writer.i64(self.end_offset);
        writer.i32(self.epoch);
        if flexible {
            writer.no_tags();
        }
    }
}

/// `AbortedTransaction`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AbortedTransaction {
    pub producer_id: i64,
    pub first_offset: i64,
}

impl AbortedTransaction {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=3 => 0,
            4..=11 => 16,
            _ => 17,
        }
    }
}

impl Message for AbortedTransaction {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=18;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 12;
        let mut message = Self::default();
        if version >= 4 {
            message.producer_id = reader.i64()?;
        }
        if version >= 4 {
            message.first_offset = reader.i64()?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 12;
        if version >= 4 {
            writer.i64(self.producer_id);
        }
        if version >= 4 {
            writer.i64(self.first_offset);
        }
        if flexible {
            writer.no_tags();
        }
    }
}

/// `NodeEndpoint`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeEndpoint {
    pub node_id: i32,
    pub host: String,
    pub port: i32,
    pub rack: Option<String>,
}

impl NodeEndpoint {
    /// Fewest bytes an encoded one takes.
    fn size_min(version: i16) -> usize {
        match version {
            0..=11 => 0,
            12..=15 => 1,
            _ => 11,
        }
    }
}

impl Message for NodeEndpoint {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=18;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        let flexible = version >= 12;
        let mut message = Self::default();
        if version >= 16 {
            message.node_id = reader.i32()?;
        }
        if version >= 16 {
            message.host = reader.string(true)?;
        }
        if version >= 16 {
            message.port = reader.i32()?;
        }
        if version >= 16 {
            message.rack = reader.nullable_string(true)?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 12;
        if version >= 16 {
            writer.i32(self.node_id);
        }
        if version >= 16 {
            writer.string(true, &self.host);
        }
        if version >= 16 {
            writer.i32(self.port);
        }
        if version >= 16 {
            writer.nullable_string(true, true, self.rack.as_deref());
        }
        if flexible {
            writer.no_tags();
        }
    }
}
