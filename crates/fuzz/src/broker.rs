//! What Kafka's clients and brokers may send. What is accepted is written and read again as the same.

use bytes::Bytes;
use kafka_wire::batch::{Batch, Keys, legacy};
use kafka_wire::compression::{Codec, decompress, decompress_magic_0};
use kafka_wire::message as m;
use kafka_wire::{Message, Reader, Request, RequestHeader, Writer};

/// What a batch may unpack to here.
const UNPACKED_BYTES_MAX: usize = 1 << 20;

/// A message of a version.
type Check = fn(i16, &[u8]);

fn in_range<M: Message>(version: i16) -> i16 {
    let (first, last) = (*M::VERSIONS.start(), *M::VERSIONS.end());
    first + version.rem_euclid(last - first + 1)
}

/// Written, read and written again: equal bytes, since a number that is not one is not equal to itself.
fn same_again<M: Message>(version: i16, body: &[u8]) {
    let version = in_range::<M>(version);
    let Ok(message) = M::decode(&mut Reader::new(Bytes::copy_from_slice(body)), version) else { return };
    let written = |message: &M| {
        let mut writer = Writer::new();
        message.encode(&mut writer, version);
        writer.into_bytes()
    };
    let first = written(&message);
    let again = M::decode(&mut Reader::new(first.clone()), version);
    let again = again.unwrap_or_else(|error| panic!("what was written is not read: {error:?}"));
    assert_eq!(written(&again), first);
}

fn both<R: Request>() -> (Check, Check) {
    (same_again::<R>, same_again::<R::Response>)
}

/// Every API that has a table.
fn messages() -> Vec<(Check, Check)> {
    vec![
        both::<m::add_offsets_to_txn::AddOffsetsToTxnRequest>(),
        both::<m::add_partitions_to_txn::AddPartitionsToTxnRequest>(),
        both::<m::allocate_producer_ids::AllocateProducerIdsRequest>(),
        both::<m::alter_client_quotas::AlterClientQuotasRequest>(),
        both::<m::alter_configs::AlterConfigsRequest>(),
        both::<m::alter_partition::AlterPartitionRequest>(),
        both::<m::alter_partition_reassignments::AlterPartitionReassignmentsRequest>(),
        both::<m::alter_replica_log_dirs::AlterReplicaLogDirsRequest>(),
        both::<m::alter_user_scram_credentials::AlterUserScramCredentialsRequest>(),
        both::<m::api_versions::ApiVersionsRequest>(),
        both::<m::consumer_group_describe::ConsumerGroupDescribeRequest>(),
        both::<m::consumer_group_heartbeat::ConsumerGroupHeartbeatRequest>(),
        both::<m::controlled_shutdown::ControlledShutdownRequest>(),
        both::<m::create_acls::CreateAclsRequest>(),
        both::<m::create_delegation_token::CreateDelegationTokenRequest>(),
        both::<m::create_partitions::CreatePartitionsRequest>(),
        both::<m::create_topics::CreateTopicsRequest>(),
        both::<m::delete_acls::DeleteAclsRequest>(),
        both::<m::delete_groups::DeleteGroupsRequest>(),
        both::<m::delete_records::DeleteRecordsRequest>(),
        both::<m::delete_topics::DeleteTopicsRequest>(),
        both::<m::describe_acls::DescribeAclsRequest>(),
        both::<m::describe_client_quotas::DescribeClientQuotasRequest>(),
        both::<m::describe_cluster::DescribeClusterRequest>(),
        both::<m::describe_configs::DescribeConfigsRequest>(),
        both::<m::describe_delegation_token::DescribeDelegationTokenRequest>(),
        both::<m::describe_groups::DescribeGroupsRequest>(),
        both::<m::describe_log_dirs::DescribeLogDirsRequest>(),
        both::<m::describe_producers::DescribeProducersRequest>(),
        both::<m::describe_topic_partitions::DescribeTopicPartitionsRequest>(),
        both::<m::describe_transactions::DescribeTransactionsRequest>(),
        both::<m::describe_user_scram_credentials::DescribeUserScramCredentialsRequest>(),
        both::<m::elect_leaders::ElectLeadersRequest>(),
        both::<m::end_txn::EndTxnRequest>(),
        both::<m::expire_delegation_token::ExpireDelegationTokenRequest>(),
        both::<m::fetch::FetchRequest>(),
        both::<m::find_coordinator::FindCoordinatorRequest>(),
        both::<m::get_telemetry_subscriptions::GetTelemetrySubscriptionsRequest>(),
        both::<m::heartbeat::HeartbeatRequest>(),
        both::<m::incremental_alter_configs::IncrementalAlterConfigsRequest>(),
        both::<m::init_producer_id::InitProducerIdRequest>(),
        both::<m::join_group::JoinGroupRequest>(),
        both::<m::leader_and_isr::LeaderAndIsrRequest>(),
        both::<m::leave_group::LeaveGroupRequest>(),
        both::<m::list_config_resources::ListConfigResourcesRequest>(),
        both::<m::list_groups::ListGroupsRequest>(),
        both::<m::list_offsets::ListOffsetsRequest>(),
        both::<m::list_partition_reassignments::ListPartitionReassignmentsRequest>(),
        both::<m::list_transactions::ListTransactionsRequest>(),
        both::<m::metadata::MetadataRequest>(),
        both::<m::offset_commit::OffsetCommitRequest>(),
        both::<m::offset_delete::OffsetDeleteRequest>(),
        both::<m::offset_fetch::OffsetFetchRequest>(),
        both::<m::offset_for_leader_epoch::OffsetForLeaderEpochRequest>(),
        both::<m::produce::ProduceRequest>(),
        both::<m::push_telemetry::PushTelemetryRequest>(),
        both::<m::renew_delegation_token::RenewDelegationTokenRequest>(),
        both::<m::sasl_authenticate::SaslAuthenticateRequest>(),
        both::<m::sasl_handshake::SaslHandshakeRequest>(),
        both::<m::stop_replica::StopReplicaRequest>(),
        both::<m::sync_group::SyncGroupRequest>(),
        both::<m::txn_offset_commit::TxnOffsetCommitRequest>(),
        both::<m::unregister_broker::UnregisterBrokerRequest>(),
        both::<m::update_features::UpdateFeaturesRequest>(),
        both::<m::update_metadata::UpdateMetadataRequest>(),
        both::<m::write_txn_markers::WriteTxnMarkersRequest>(),
    ]
}

/// The first two bytes are the API and the version.
fn choose(bytes: &[u8]) -> Option<((Check, Check), i16, &[u8])> {
    let [api, version, body @ ..] = bytes else { return None };
    let messages = messages();
    Some((messages[usize::from(*api) % messages.len()], i16::from(*version), body))
}

/// A request, and the header before any.
pub(crate) fn request(bytes: &[u8]) {
    let _ = RequestHeader::decode(&mut Reader::new(Bytes::copy_from_slice(bytes)));
    if let Some(((request, _), version, body)) = choose(bytes) {
        request(version, body);
    }
}

/// An answer, as our own client and controller read it.
pub(crate) fn response(bytes: &[u8]) {
    if let Some(((_, response), version, body)) = choose(bytes) {
        response(version, body);
    }
}

/// What a producer sends for a partition, as it is and with the checksum that it would need.
pub(crate) fn batch(bytes: &[u8]) {
    let check = |bytes: Bytes| {
        let Ok(batch) = Batch::produced(bytes.clone()) else { return };
        assert_eq!(batch.bytes(), &bytes);
        assert_eq!(batch.header().size(), bytes.len());
        let told = batch.verify_records(Keys::Optional, UNPACKED_BYTES_MAX);
        let Ok(records) = batch.records(UNPACKED_BYTES_MAX) else {
            assert!(told.is_err());
            return;
        };
        let mut read = 0;
        for record in records {
            if record.is_err() {
                assert!(told.is_err());
                return;
            }
            read += 1;
        }
        assert!(told.is_err() || read == batch.header().record_count);
    };
    check(Bytes::copy_from_slice(bytes));
    if bytes.len() > 21 {
        let mut sealed = bytes.to_vec();
        let length = (sealed.len() - 12) as u32;
        sealed[8..12].copy_from_slice(&length.to_be_bytes());
        sealed[16] = 2;
        let checksum = crc32c::crc32c(&sealed[21..]);
        sealed[17..21].copy_from_slice(&checksum.to_be_bytes());
        check(Bytes::from(sealed));
    }
}

/// Messages of the formats before batches.
pub(crate) fn legacy_batch(bytes: &[u8]) {
    let _ = legacy::records(Bytes::copy_from_slice(bytes), UNPACKED_BYTES_MAX);
}

/// Packed bytes; the first byte says by which codec.
pub(crate) fn compression(bytes: &[u8]) {
    let Some((codec, packed)) = bytes.split_first() else { return };
    let Some(codec) = Codec::from_attributes(i16::from(codec % 5)) else { return };
    for unpacked in
        [decompress(codec, packed, UNPACKED_BYTES_MAX), decompress_magic_0(codec, packed, UNPACKED_BYTES_MAX)]
    {
        assert!(unpacked.map_or(0, |bytes| bytes.len()) <= UNPACKED_BYTES_MAX);
    }
}
