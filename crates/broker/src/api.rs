//! The APIs, one file each, and the one table of what is served.
//!
//! Each file has a range `SERVED` and a function `serve`. ApiVersions and the version check both read
//! `SERVED` through this table, so what is advertised is what is answered. An API whose file holds
//! [`NOT_YET`] is neither.

pub(crate) mod add_offsets_to_txn;
pub(crate) mod add_partitions_to_txn;
pub(crate) mod allocate_producer_ids;
pub(crate) mod alter_configs;
pub(crate) mod alter_partition;
pub(crate) mod alter_partition_reassignments;
pub(crate) mod api_versions;
pub(crate) mod consumer_group_describe;
pub(crate) mod consumer_group_heartbeat;
pub(crate) mod controlled_shutdown;
pub(crate) mod create_partitions;
pub(crate) mod create_topics;
pub(crate) mod delete_groups;
pub(crate) mod delete_records;
pub(crate) mod delete_topics;
pub(crate) mod describe_cluster;
pub(crate) mod describe_configs;
pub(crate) mod describe_groups;
pub(crate) mod describe_log_dirs;
pub(crate) mod describe_producers;
pub(crate) mod describe_topic_partitions;
pub(crate) mod describe_transactions;
pub(crate) mod elect_leaders;
pub(crate) mod end_txn;
pub(crate) mod fetch;
pub(crate) mod find_coordinator;
pub(crate) mod heartbeat;
pub(crate) mod incremental_alter_configs;
pub(crate) mod init_producer_id;
pub(crate) mod join_group;
pub(crate) mod leader_and_isr;
pub(crate) mod leave_group;
pub(crate) mod list_config_resources;
pub(crate) mod list_groups;
pub(crate) mod list_offsets;
pub(crate) mod list_partition_reassignments;
pub(crate) mod list_transactions;
pub(crate) mod metadata;
pub(crate) mod offset_commit;
pub(crate) mod offset_delete;
pub(crate) mod offset_fetch;
pub(crate) mod offset_for_leader_epoch;
pub(crate) mod produce;
pub(crate) mod stop_replica;
pub(crate) mod sync_group;
pub(crate) mod txn_offset_commit;
pub(crate) mod update_metadata;
pub(crate) mod write_txn_markers;

use std::ops::RangeInclusive;

use clock::Now;
use disk::Disk;
use kafka_wire::{ApiKey, Reader, Request, message};

use crate::call::Call;
use crate::dispatch::decode_and_serve;
use crate::{Broker, Effect};

/// The empty range: not served, not advertised.
#[allow(clippy::reversed_empty_ranges)]
pub(crate) const NOT_YET: RangeInclusive<i16> = 0..=-1;

macro_rules! apis {
    ($($name:ident $request:ident)*) => {
        /// The API with the key, if this broker has a file for it.
        pub(crate) fn find(key: i16) -> Option<ApiKey> {
            ApiKey::from_i16(key).filter(|api| ALL.contains(api))
        }

        /// All APIs in the order of the table.
        pub(crate) const ALL: &[ApiKey] = &[$(message::$name::$request::API),*];

        /// The versions that are advertised and answered; empty if the API is not served.
        pub(crate) fn served(api: ApiKey) -> RangeInclusive<i16> {
            $(if api == message::$name::$request::API { return $name::SERVED; })*
            NOT_YET
        }

        /// Decodes the body and serves it. The version has been checked against [`served`].
        pub(crate) fn serve<D: Disk>(
            broker: &mut Broker<D>,
            now: Now,
            call: Call,
            body: Reader,
            effects: &mut Vec<Effect>,
        ) {
            let api = call.api;
            $(if api == message::$name::$request::API {
                return decode_and_serve(broker, now, call, body, effects, $name::serve);
            })*
            unreachable!("find() returned an API that is not in the table");
        }
    };
}

apis! {
    produce ProduceRequest
    fetch FetchRequest
    list_offsets ListOffsetsRequest
    metadata MetadataRequest
    leader_and_isr LeaderAndIsrRequest
    stop_replica StopReplicaRequest
    update_metadata UpdateMetadataRequest
    controlled_shutdown ControlledShutdownRequest
    offset_commit OffsetCommitRequest
    offset_fetch OffsetFetchRequest
    find_coordinator FindCoordinatorRequest
    join_group JoinGroupRequest
    heartbeat HeartbeatRequest
    leave_group LeaveGroupRequest
    sync_group SyncGroupRequest
    describe_groups DescribeGroupsRequest
    list_groups ListGroupsRequest
    api_versions ApiVersionsRequest
    create_topics CreateTopicsRequest
    delete_topics DeleteTopicsRequest
    delete_records DeleteRecordsRequest
    init_producer_id InitProducerIdRequest
    offset_for_leader_epoch OffsetForLeaderEpochRequest
    add_partitions_to_txn AddPartitionsToTxnRequest
    add_offsets_to_txn AddOffsetsToTxnRequest
    end_txn EndTxnRequest
    write_txn_markers WriteTxnMarkersRequest
    txn_offset_commit TxnOffsetCommitRequest
    describe_configs DescribeConfigsRequest
    alter_configs AlterConfigsRequest
    describe_log_dirs DescribeLogDirsRequest
    create_partitions CreatePartitionsRequest
    delete_groups DeleteGroupsRequest
    incremental_alter_configs IncrementalAlterConfigsRequest
    elect_leaders ElectLeadersRequest
    alter_partition_reassignments AlterPartitionReassignmentsRequest
    list_partition_reassignments ListPartitionReassignmentsRequest
    offset_delete OffsetDeleteRequest
    alter_partition AlterPartitionRequest
    allocate_producer_ids AllocateProducerIdsRequest
    describe_cluster DescribeClusterRequest
    describe_producers DescribeProducersRequest
    describe_transactions DescribeTransactionsRequest
    list_transactions ListTransactionsRequest
    consumer_group_heartbeat ConsumerGroupHeartbeatRequest
    consumer_group_describe ConsumerGroupDescribeRequest
    list_config_resources ListConfigResourcesRequest
    describe_topic_partitions DescribeTopicPartitionsRequest
}
