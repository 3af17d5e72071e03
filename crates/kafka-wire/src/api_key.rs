//! The API keys, with what the tables say about each.
//!
//! Generated from the heads of the tables by `cargo xtask codegen`; edit those.

use std::ops::RangeInclusive;
/// An API that the tables define.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i16)]
pub enum ApiKey {
    /// `Produce`, versions 0 to 13.
    Produce = 0,
    /// `Fetch`, versions 0 to 18.
    Fetch = 1,
    /// `ListOffsets`, versions 0 to 11.
    ListOffsets = 2,
    /// `Metadata`, versions 0 to 13.
    Metadata = 3,
    /// `LeaderAndIsr`, versions 0 to 7.
    LeaderAndIsr = 4,
    /// `StopReplica`, versions 0 to 4.
    StopReplica = 5,
    /// `UpdateMetadata`, versions 0 to 8.
    UpdateMetadata = 6,
    /// `ControlledShutdown`, versions 0 to 3.
    ControlledShutdown = 7,
    /// `OffsetCommit`, versions 0 to 10.
    OffsetCommit = 8,
    /// `OffsetFetch`, versions 0 to 10.
    OffsetFetch = 9,
    /// `FindCoordinator`, versions 0 to 6.
    FindCoordinator = 10,
    /// `JoinGroup`, versions 0 to 9.
    JoinGroup = 11,
    /// `Heartbeat`, versions 0 to 4.
    Heartbeat = 12,
    /// `LeaveGroup`, versions 0 to 5.
    LeaveGroup = 13,
    /// `SyncGroup`, versions 0 to 5.
    SyncGroup = 14,
    /// `DescribeGroups`, versions 0 to 6.
    DescribeGroups = 15,
    /// `ListGroups`, versions 0 to 5.
    ListGroups = 16,
    /// `SaslHandshake`, versions 0 to 1.
    SaslHandshake = 17,
    /// `ApiVersions`, versions 0 to 4.
    ApiVersions = 18,
    /// `CreateTopics`, versions 0 to 7.
    CreateTopics = 19,
    /// `DeleteTopics`, versions 0 to 6.
    DeleteTopics = 20,
    /// `DeleteRecords`, versions 0 to 2.
    DeleteRecords = 21,
    /// `InitProducerId`, versions 0 to 5.
    InitProducerId = 22,
    /// `OffsetForLeaderEpoch`, versions 0 to 4.
    OffsetForLeaderEpoch = 23,
    /// `AddPartitionsToTxn`, versions 0 to 5.
    AddPartitionsToTxn = 24,
    /// `AddOffsetsToTxn`, versions 0 to 4.
    AddOffsetsToTxn = 25,
    /// `EndTxn`, versions 0 to 5.
    EndTxn = 26,
    /// `WriteTxnMarkers`, versions 0 to 2.
    WriteTxnMarkers = 27,
    /// `TxnOffsetCommit`, versions 0 to 5.
    TxnOffsetCommit = 28,
    /// `DescribeAcls`, versions 0 to 3.
    DescribeAcls = 29,
    /// `CreateAcls`, versions 0 to 3.
    CreateAcls = 30,
    /// `DeleteAcls`, versions 0 to 3.
    DeleteAcls = 31,
    /// `DescribeConfigs`, versions 0 to 4.
    DescribeConfigs = 32,
    /// `AlterConfigs`, versions 0 to 2.
    AlterConfigs = 33,
    /// `AlterReplicaLogDirs`, versions 0 to 2.
    AlterReplicaLogDirs = 34,
    /// `DescribeLogDirs`, versions 0 to 5.
    DescribeLogDirs = 35,
    /// `SaslAuthenticate`, versions 0 to 2.
    SaslAuthenticate = 36,
    /// `CreatePartitions`, versions 0 to 3.
    CreatePartitions = 37,
    /// `CreateDelegationToken`, versions 0 to 3.
    CreateDelegationToken = 38,
    /// `RenewDelegationToken`, versions 0 to 2.
    RenewDelegationToken = 39,
    /// `ExpireDelegationToken`, versions 0 to 2.
    ExpireDelegationToken = 40,
    /// `DescribeDelegationToken`, versions 0 to 3.
    DescribeDelegationToken = 41,
    /// `DeleteGroups`, versions 0 to 2.
    DeleteGroups = 42,
    /// `ElectLeaders`, versions 0 to 2.
    ElectLeaders = 43,
    /// `IncrementalAlterConfigs`, versions 0 to 1.
    IncrementalAlterConfigs = 44,
    /// `AlterPartitionReassignments`, versions 0 to 1.
    AlterPartitionReassignments = 45,
    /// `ListPartitionReassignments`, version 0.
    ListPartitionReassignments = 46,
    /// `OffsetDelete`, version 0.
    OffsetDelete = 47,
    /// `DescribeClientQuotas`, versions 0 to 1.
    DescribeClientQuotas = 48,
    /// `AlterClientQuotas`, versions 0 to 1.
    AlterClientQuotas = 49,
    /// `DescribeUserScramCredentials`, version 0.
    DescribeUserScramCredentials = 50,
    /// `AlterUserScramCredentials`, version 0.
    AlterUserScramCredentials = 51,
    /// `AlterPartition`, versions 0 to 3.
    AlterPartition = 56,
    /// `UpdateFeatures`, versions 0 to 2.
    UpdateFeatures = 57,
    /// `DescribeCluster`, versions 0 to 2.
    DescribeCluster = 60,
    /// `DescribeProducers`, version 0.
    DescribeProducers = 61,
    /// `UnregisterBroker`, version 0.
    UnregisterBroker = 64,
    /// `DescribeTransactions`, version 0.
    DescribeTransactions = 65,
    /// `ListTransactions`, versions 0 to 2.
    ListTransactions = 66,
    /// `AllocateProducerIds`, version 0.
    AllocateProducerIds = 67,
    /// `ConsumerGroupHeartbeat`, versions 0 to 1.
    ConsumerGroupHeartbeat = 68,
    /// `ConsumerGroupDescribe`, versions 0 to 1.
    ConsumerGroupDescribe = 69,
    /// `GetTelemetrySubscriptions`, version 0.
    GetTelemetrySubscriptions = 71,
    /// `PushTelemetry`, version 0.
    PushTelemetry = 72,
    /// `ListConfigResources`, versions 0 to 1.
    ListConfigResources = 74,
    /// `DescribeTopicPartitions`, version 0.
    DescribeTopicPartitions = 75,
}
impl ApiKey {
    /// Every API, by key.
    pub const ALL: [ApiKey; 66] = [
        ApiKey::Produce,
        ApiKey::Fetch,
        ApiKey::ListOffsets,
        ApiKey::Metadata,
        ApiKey::LeaderAndIsr,
        ApiKey::StopReplica,
        ApiKey::UpdateMetadata,
        ApiKey::ControlledShutdown,
        ApiKey::OffsetCommit,
        ApiKey::OffsetFetch,
        ApiKey::FindCoordinator,
        ApiKey::JoinGroup,
        ApiKey::Heartbeat,
        ApiKey::LeaveGroup,
        ApiKey::SyncGroup,
        ApiKey::DescribeGroups,
        ApiKey::ListGroups,
        ApiKey::SaslHandshake,
        ApiKey::ApiVersions,
        ApiKey::CreateTopics,
        ApiKey::DeleteTopics,
        ApiKey::DeleteRecords,
        ApiKey::InitProducerId,
        ApiKey::OffsetForLeaderEpoch,
        ApiKey::AddPartitionsToTxn,
        ApiKey::AddOffsetsToTxn,
        ApiKey::EndTxn,
        ApiKey::WriteTxnMarkers,
        ApiKey::TxnOffsetCommit,
        ApiKey::DescribeAcls,
        ApiKey::CreateAcls,
        ApiKey::DeleteAcls,
        ApiKey::DescribeConfigs,
        ApiKey::AlterConfigs,
        ApiKey::AlterReplicaLogDirs,
        ApiKey::DescribeLogDirs,
        ApiKey::SaslAuthenticate,
        ApiKey::CreatePartitions,
        ApiKey::CreateDelegationToken,
        ApiKey::RenewDelegationToken,
        ApiKey::ExpireDelegationToken,
        ApiKey::DescribeDelegationToken,
        ApiKey::DeleteGroups,
        ApiKey::ElectLeaders,
        ApiKey::IncrementalAlterConfigs,
        ApiKey::AlterPartitionReassignments,
        ApiKey::ListPartitionReassignments,
        ApiKey::OffsetDelete,
        ApiKey::DescribeClientQuotas,
        ApiKey::AlterClientQuotas,
        ApiKey::DescribeUserScramCredentials,
        ApiKey::AlterUserScramCredentials,
        ApiKey::AlterPartition,
        ApiKey::UpdateFeatures,
        ApiKey::DescribeCluster,
        ApiKey::DescribeProducers,
        ApiKey::UnregisterBroker,
        ApiKey::DescribeTransactions,
        ApiKey::ListTransactions,
        ApiKey::AllocateProducerIds,
        ApiKey::ConsumerGroupHeartbeat,
        ApiKey::ConsumerGroupDescribe,
        ApiKey::GetTelemetrySubscriptions,
        ApiKey::PushTelemetry,
        ApiKey::ListConfigResources,
        ApiKey::DescribeTopicPartitions,
    ];
    /// The API of a key on the wire, if the tables define it.
    pub fn from_i16(key: i16) -> Option<ApiKey> {
        Some(match key {
            0 => ApiKey::Produce,
            1 => ApiKey::Fetch,
            2 => ApiKey::ListOffsets,
            3 => ApiKey::Metadata,
            4 => ApiKey::LeaderAndIsr,
            5 => ApiKey::StopReplica,
            6 => ApiKey::UpdateMetadata,
            7 => ApiKey::ControlledShutdown,
            8 => ApiKey::OffsetCommit,
            9 => ApiKey::OffsetFetch,
            10 => ApiKey::FindCoordinator,
            11 => ApiKey::JoinGroup,
            12 => ApiKey::Heartbeat,
            13 => ApiKey::LeaveGroup,
            14 => ApiKey::SyncGroup,
            15 => ApiKey::DescribeGroups,
            16 => ApiKey::ListGroups,
            17 => ApiKey::SaslHandshake,
            18 => ApiKey::ApiVersions,
            19 => ApiKey::CreateTopics,
            20 => ApiKey::DeleteTopics,
            21 => ApiKey::DeleteRecords,
            22 => ApiKey::InitProducerId,
            23 => ApiKey::OffsetForLeaderEpoch,
            24 => ApiKey::AddPartitionsToTxn,
            25 => ApiKey::AddOffsetsToTxn,
            26 => ApiKey::EndTxn,
            27 => ApiKey::WriteTxnMarkers,
            28 => ApiKey::TxnOffsetCommit,
            29 => ApiKey::DescribeAcls,
            30 => ApiKey::CreateAcls,
            31 => ApiKey::DeleteAcls,
            32 => ApiKey::DescribeConfigs,
            33 => ApiKey::AlterConfigs,
            34 => ApiKey::AlterReplicaLogDirs,
            35 => ApiKey::DescribeLogDirs,
            36 => ApiKey::SaslAuthenticate,
            37 => ApiKey::CreatePartitions,
            38 => ApiKey::CreateDelegationToken,
            39 => ApiKey::RenewDelegationToken,
            40 => ApiKey::ExpireDelegationToken,
            41 => ApiKey::DescribeDelegationToken,
            42 => ApiKey::DeleteGroups,
            43 => ApiKey::ElectLeaders,
            44 => ApiKey::IncrementalAlterConfigs,
            45 => ApiKey::AlterPartitionReassignments,
            46 => ApiKey::ListPartitionReassignments,
            47 => ApiKey::OffsetDelete,
            48 => ApiKey::DescribeClientQuotas,
            49 => ApiKey::AlterClientQuotas,
            50 => ApiKey::DescribeUserScramCredentials,
            51 => ApiKey::AlterUserScramCredentials,
            56 => ApiKey::AlterPartition,
            57 => ApiKey::UpdateFeatures,
            60 => ApiKey::DescribeCluster,
            61 => ApiKey::DescribeProducers,
            64 => ApiKey::UnregisterBroker,
            65 => ApiKey::DescribeTransactions,
            66 => ApiKey::ListTransactions,
            67 => ApiKey::AllocateProducerIds,
            68 => ApiKey::ConsumerGroupHeartbeat,
            69 => ApiKey::ConsumerGroupDescribe,
            71 => ApiKey::GetTelemetrySubscriptions,
            72 => ApiKey::PushTelemetry,
            74 => ApiKey::ListConfigResources,
            75 => ApiKey::DescribeTopicPartitions,
            _ => return None,
        })
    }
    /// The name the protocol guide uses.
    pub fn name(self) -> &'static str {
        match self {
            ApiKey::Produce => "Produce",
            ApiKey::Fetch => "Fetch",
            ApiKey::ListOffsets => "ListOffsets",
            ApiKey::Metadata => "Metadata",
            ApiKey::LeaderAndIsr => "LeaderAndIsr",
            ApiKey::StopReplica => "StopReplica",
            ApiKey::UpdateMetadata => "UpdateMetadata",
            ApiKey::ControlledShutdown => "ControlledShutdown",
            ApiKey::OffsetCommit => "OffsetCommit",
            ApiKey::OffsetFetch => "OffsetFetch",
            ApiKey::FindCoordinator => "FindCoordinator",
            ApiKey::JoinGroup => "JoinGroup",
            ApiKey::Heartbeat => "Heartbeat",
            ApiKey::LeaveGroup => "LeaveGroup",
            ApiKey::SyncGroup => "SyncGroup",
            ApiKey::DescribeGroups => "DescribeGroups",
            ApiKey::ListGroups => "ListGroups",
            ApiKey::SaslHandshake => "SaslHandshake",
            ApiKey::ApiVersions => "ApiVersions",
            ApiKey::CreateTopics => "CreateTopics",
            ApiKey::DeleteTopics => "DeleteTopics",
            ApiKey::DeleteRecords => "DeleteRecords",
            ApiKey::InitProducerId => "InitProducerId",
            ApiKey::OffsetForLeaderEpoch => "OffsetForLeaderEpoch",
            ApiKey::AddPartitionsToTxn => "AddPartitionsToTxn",
            ApiKey::AddOffsetsToTxn => "AddOffsetsToTxn",
            ApiKey::EndTxn => "EndTxn",
            ApiKey::WriteTxnMarkers => "WriteTxnMarkers",
            ApiKey::TxnOffsetCommit => "TxnOffsetCommit",
            ApiKey::DescribeAcls => "DescribeAcls",
            ApiKey::CreateAcls => "CreateAcls",
            ApiKey::DeleteAcls => "DeleteAcls",
            ApiKey::DescribeConfigs => "DescribeConfigs",
            ApiKey::AlterConfigs => "AlterConfigs",
            ApiKey::AlterReplicaLogDirs => "AlterReplicaLogDirs",
            ApiKey::DescribeLogDirs => "DescribeLogDirs",
            ApiKey::SaslAuthenticate => "SaslAuthenticate",
            ApiKey::CreatePartitions => "CreatePartitions",
            ApiKey::CreateDelegationToken => "CreateDelegationToken",
            ApiKey::RenewDelegationToken => "RenewDelegationToken",
            ApiKey::ExpireDelegationToken => "ExpireDelegationToken",
            ApiKey::DescribeDelegationToken => "DescribeDelegationToken",
            ApiKey::DeleteGroups => "DeleteGroups",
            ApiKey::ElectLeaders => "ElectLeaders",
            ApiKey::IncrementalAlterConfigs => "IncrementalAlterConfigs",
            ApiKey::AlterPartitionReassignments => "AlterPartitionReassignments",
            ApiKey::ListPartitionReassignments => "ListPartitionReassignments",
            ApiKey::OffsetDelete => "OffsetDelete",
            ApiKey::DescribeClientQuotas => "DescribeClientQuotas",
            ApiKey::AlterClientQuotas => "AlterClientQuotas",
            ApiKey::DescribeUserScramCredentials => "DescribeUserScramCredentials",
            ApiKey::AlterUserScramCredentials => "AlterUserScramCredentials",
            ApiKey::AlterPartition => "AlterPartition",
            ApiKey::UpdateFeatures => "UpdateFeatures",
            ApiKey::DescribeCluster => "DescribeCluster",
            ApiKey::DescribeProducers => "DescribeProducers",
            ApiKey::UnregisterBroker => "UnregisterBroker",
            ApiKey::DescribeTransactions => "DescribeTransactions",
            ApiKey::ListTransactions => "ListTransactions",
            ApiKey::AllocateProducerIds => "AllocateProducerIds",
            ApiKey::ConsumerGroupHeartbeat => "ConsumerGroupHeartbeat",
            ApiKey::ConsumerGroupDescribe => "ConsumerGroupDescribe",
            ApiKey::GetTelemetrySubscriptions => "GetTelemetrySubscriptions",
            ApiKey::PushTelemetry => "PushTelemetry",
            ApiKey::ListConfigResources => "ListConfigResources",
            ApiKey::DescribeTopicPartitions => "DescribeTopicPartitions",
        }
    }
    /// First version with compact lengths and tagged fields, if any.
    pub fn flexible_since(self) -> Option<i16> {
        Some(match self {
            ApiKey::Produce => 9,
            ApiKey::Fetch => 12,
            ApiKey::ListOffsets => 6,
            ApiKey::Metadata => 9,
            ApiKey::LeaderAndIsr => 4,
            ApiKey::StopReplica => 2,
            ApiKey::UpdateMetadata => 6,
            ApiKey::ControlledShutdown => 3,
            ApiKey::OffsetCommit => 8,
            ApiKey::OffsetFetch => 6,
            ApiKey::FindCoordinator => 3,
            ApiKey::JoinGroup => 6,
            ApiKey::Heartbeat => 4,
            ApiKey::LeaveGroup => 4,
            ApiKey::SyncGroup => 4,
            ApiKey::DescribeGroups => 5,
            ApiKey::ListGroups => 3,
            ApiKey::SaslHandshake => return None,
            ApiKey::ApiVersions => 3,
            ApiKey::CreateTopics => 5,
            ApiKey::DeleteTopics => 4,
            ApiKey::DeleteRecords => 2,
            ApiKey::InitProducerId => 2,
            ApiKey::OffsetForLeaderEpoch => 4,
            ApiKey::AddPartitionsToTxn => 3,
            ApiKey::AddOffsetsToTxn => 3,
            ApiKey::EndTxn => 3,
            ApiKey::WriteTxnMarkers => 1,
            ApiKey::TxnOffsetCommit => 3,
            ApiKey::DescribeAcls => 2,
            ApiKey::CreateAcls => 2,
            ApiKey::DeleteAcls => 2,
            ApiKey::DescribeConfigs => 4,
            ApiKey::AlterConfigs => 2,
            ApiKey::AlterReplicaLogDirs => 2,
            ApiKey::DescribeLogDirs => 2,
            ApiKey::SaslAuthenticate => 2,
            ApiKey::CreatePartitions => 2,
            ApiKey::CreateDelegationToken => 2,
            ApiKey::RenewDelegationToken => 2,
            ApiKey::ExpireDelegationToken => 2,
            ApiKey::DescribeDelegationToken => 2,
            ApiKey::DeleteGroups => 2,
            ApiKey::ElectLeaders => 2,
            ApiKey::IncrementalAlterConfigs => 1,
            ApiKey::AlterPartitionReassignments => 0,
            ApiKey::ListPartitionReassignments => 0,
            ApiKey::OffsetDelete => return None,
            ApiKey::DescribeClientQuotas => 1,
            ApiKey::AlterClientQuotas => 1,
            ApiKey::DescribeUserScramCredentials => 0,
            ApiKey::AlterUserScramCredentials => 0,
            ApiKey::AlterPartition => 0,
            ApiKey::UpdateFeatures => 0,
            ApiKey::DescribeCluster => 0,
            ApiKey::DescribeProducers => 0,
            ApiKey::UnregisterBroker => 0,
            ApiKey::DescribeTransactions => 0,
            ApiKey::ListTransactions => 0,
            ApiKey::AllocateProducerIds => 0,
            ApiKey::ConsumerGroupHeartbeat => 0,
            ApiKey::ConsumerGroupDescribe => 0,
            ApiKey::GetTelemetrySubscriptions => 0,
            ApiKey::PushTelemetry => 0,
            ApiKey::ListConfigResources => 0,
            ApiKey::DescribeTopicPartitions => 0,
        })
    }
    /// The versions the tables define; what a broker advertises is its own decision.
    pub fn spec_versions(self) -> RangeInclusive<i16> {
        match self {
            ApiKey::Produce => 0..=13,
            ApiKey::Fetch => 0..=18,
            ApiKey::ListOffsets => 0..=11,
            ApiKey::Metadata => 0..=13,
            ApiKey::LeaderAndIsr => 0..=7,
            ApiKey::StopReplica => 0..=4,
            ApiKey::UpdateMetadata => 0..=8,
            ApiKey::ControlledShutdown => 0..=3,
            ApiKey::OffsetCommit => 0..=10,
            ApiKey::OffsetFetch => 0..=10,
            ApiKey::FindCoordinator => 0..=6,
            ApiKey::JoinGroup => 0..=9,
            ApiKey::Heartbeat => 0..=4,
            ApiKey::LeaveGroup => 0..=5,
            ApiKey::SyncGroup => 0..=5,
            ApiKey::DescribeGroups => 0..=6,
            ApiKey::ListGroups => 0..=5,
            ApiKey::SaslHandshake => 0..=1,
            ApiKey::ApiVersions => 0..=4,
            ApiKey::CreateTopics => 0..=7,
            ApiKey::DeleteTopics => 0..=6,
            ApiKey::DeleteRecords => 0..=2,
            ApiKey::InitProducerId => 0..=5,
            ApiKey::OffsetForLeaderEpoch => 0..=4,
            ApiKey::AddPartitionsToTxn => 0..=5,
            ApiKey::AddOffsetsToTxn => 0..=4,
            ApiKey::EndTxn => 0..=5,
            ApiKey::WriteTxnMarkers => 0..=2,
            ApiKey::TxnOffsetCommit => 0..=5,
            ApiKey::DescribeAcls => 0..=3,
            ApiKey::CreateAcls => 0..=3,
            ApiKey::DeleteAcls => 0..=3,
            ApiKey::DescribeConfigs => 0..=4,
            ApiKey::AlterConfigs => 0..=2,
            ApiKey::AlterReplicaLogDirs => 0..=2,
            ApiKey::DescribeLogDirs => 0..=5,
            ApiKey::SaslAuthenticate => 0..=2,
            ApiKey::CreatePartitions => 0..=3,
            ApiKey::CreateDelegationToken => 0..=3,
            ApiKey::RenewDelegationToken => 0..=2,
            ApiKey::ExpireDelegationToken => 0..=2,
            ApiKey::DescribeDelegationToken => 0..=3,
            ApiKey::DeleteGroups => 0..=2,
            ApiKey::ElectLeaders => 0..=2,
            ApiKey::IncrementalAlterConfigs => 0..=1,
            ApiKey::AlterPartitionReassignments => 0..=1,
            ApiKey::ListPartitionReassignments => 0..=0,
            ApiKey::OffsetDelete => 0..=0,
            ApiKey::DescribeClientQuotas => 0..=1,
            ApiKey::AlterClientQuotas => 0..=1,
            ApiKey::DescribeUserScramCredentials => 0..=0,
            ApiKey::AlterUserScramCredentials => 0..=0,
            ApiKey::AlterPartition => 0..=3,
            ApiKey::UpdateFeatures => 0..=2,
            ApiKey::DescribeCluster => 0..=2,
            ApiKey::DescribeProducers => 0..=0,
            ApiKey::UnregisterBroker => 0..=0,
            ApiKey::DescribeTransactions => 0..=0,
            ApiKey::ListTransactions => 0..=2,
            ApiKey::AllocateProducerIds => 0..=0,
            ApiKey::ConsumerGroupHeartbeat => 0..=1,
            ApiKey::ConsumerGroupDescribe => 0..=1,
            ApiKey::GetTelemetrySubscriptions => 0..=0,
            ApiKey::PushTelemetry => 0..=0,
            ApiKey::ListConfigResources => 0..=1,
            ApiKey::DescribeTopicPartitions => 0..=0,
        }
    }
}
