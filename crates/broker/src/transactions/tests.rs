//! Transactions from the outside: every API of them, what readers see, and what is left after a crash.

use bytes::Bytes;
use clock::Span;
use disk::MemoryDisk;
use kafka_wire::batch::{BatchBuilder, ProducerStamp};
use kafka_wire::message::add_offsets_to_txn::AddOffsetsToTxnRequest;
use kafka_wire::message::add_partitions_to_txn::{
    AddPartitionsToTxnRequest, AddPartitionsToTxnTopic, AddPartitionsToTxnTransaction,
};
use kafka_wire::message::describe_producers::{DescribeProducersRequest, TopicRequest};
use kafka_wire::message::describe_transactions::DescribeTransactionsRequest;
use kafka_wire::message::end_txn::{EndTxnRequest, EndTxnResponse};
use kafka_wire::message::fetch::PartitionData;
use kafka_wire::message::find_coordinator::FindCoordinatorRequest;
use kafka_wire::message::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};
use kafka_wire::message::list_offsets::{ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic};
use kafka_wire::message::list_transactions::ListTransactionsRequest;
use kafka_wire::message::offset_fetch::{OffsetFetchRequest, OffsetFetchRequestTopic};
use kafka_wire::message::txn_offset_commit::{
    TxnOffsetCommitRequest, TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
};
use kafka_wire::message::write_txn_markers::{
    WritableTxnMarker, WritableTxnMarkerTopic, WriteTxnMarkersRequest,
};
use kafka_wire::{ErrorCode, Uuid};

use crate::testing::client::{batch, fetch, produce};
use crate::testing::{self, World};

type Me = (i64, i16);

fn world() -> World {
    let mut settings = testing::settings();
    for name in ["offsets.topic.replication.factor", "transaction.state.log.replication.factor"] {
        settings.properties.insert(name.into(), "1".into());
    }
    settings.properties.insert("transaction.state.log.min.isr".into(), "1".into());
    let mut world = World::with(settings);
    world.create_topic("t", 2, &[]);
    for (key, key_type) in [("g", 0), ("tx", 1)] {
        let request = FindCoordinatorRequest { key: key.into(), key_type, ..Default::default() };
        let connection = world.connect();
        world.send(connection, 2, &request);
        let found = match world.reply::<FindCoordinatorRequest>(connection, 2) {
            Some(found) => found,
            None => {
                world.pass(Span::seconds(3));
                world.reply::<FindCoordinatorRequest>(connection, 2).expect("it waits two seconds at most")
            }
        };
        assert_eq!((found.error_code, found.node_id), (ErrorCode::NONE, 0), "{key}");
    }
    world
}

fn init(world: &mut World, version: i16) -> InitProducerIdResponse {
    let request = InitProducerIdRequest {
        transactional_id: Some("tx".into()),
        transaction_timeout_ms: 60_000,
        ..Default::default()
    };
    let connection = world.connect();
    world.send(connection, version, &request);
    match world.reply::<InitProducerIdRequest>(connection, version) {
        Some(answer) => answer,
        // The first block of ids comes from the keeper, which takes another turn.
        None => {
            world.pass(Span::ms(1));
            world.reply::<InitProducerIdRequest>(connection, version).expect("the block has come")
        }
    }
}

fn begin(world: &mut World) -> Me {
    let answer = init(world, 4);
    assert_eq!(answer.error_code, ErrorCode::NONE);
    (answer.producer_id, answer.producer_epoch)
}

fn add(world: &mut World, version: i16, me: Me, partition: i32) -> ErrorCode {
    let topics = vec![AddPartitionsToTxnTopic { name: "t".into(), partitions: vec![partition] }];
    let request = AddPartitionsToTxnRequest {
        v3_and_below_transactional_id: "tx".into(),
        v3_and_below_producer_id: me.0,
        v3_and_below_producer_epoch: me.1,
        v3_and_below_topics: topics,
        ..Default::default()
    };
    let answer = world.call(version, &request);
    answer.results_by_topic_v3_and_below[0].results_by_partition[0].partition_error_code
}

fn transactional(me: Me, base_sequence: i32, value: &str) -> Bytes {
    let stamp = ProducerStamp { id: me.0, epoch: me.1, base_sequence, transactional: true };
    let mut builder = BatchBuilder::new(0).producer(stamp);
    builder.append(1_000_000, None, Some(value.as_bytes()), &[]);
    builder.build()
}

fn write(world: &mut World, version: i16, me: Me, partition: i32, sequence: i32, value: &str) -> ErrorCode {
    let mut request = produce("t", Uuid::ZERO, partition, -1, transactional(me, sequence, value));
    request.transactional_id = Some("tx".into());
    world.call(version, &request).responses[0].partition_responses[0].error_code
}

fn end(world: &mut World, version: i16, me: Me, committed: bool) -> EndTxnResponse {
    let request =
        EndTxnRequest { transactional_id: "tx".into(), producer_id: me.0, producer_epoch: me.1, committed };
    world.call(version, &request)
}

fn read(world: &mut World, partition: i32) -> PartitionData {
    let mut request = fetch("t", Uuid::ZERO, partition, 0);
    request.isolation_level = 1;
    world.call(12, &request).responses.remove(0).partitions.remove(0)
}

/// Values that a reader of committed records keeps: the broker sends all below the last stable offset
/// and names the aborted.
fn committed(world: &mut World, partition: i32) -> (i64, Vec<(i64, i64)>) {
    let data = read(world, partition);
    let aborted = data.aborted_transactions.unwrap_or_default();
    let aborted = aborted.iter().map(|one| (one.producer_id, one.first_offset)).collect();
    (data.last_stable_offset, aborted)
}

fn crash(world: World) -> World {
    let disk: MemoryDisk = world.disk.clone();
    let mut world = world.restart(disk);
    world.pass(Span::seconds(1));
    world
}

#[test]
fn readers_of_committed_records_wait_for_the_marker() {
    let mut world = world();
    let me = begin(&mut world);
    assert_eq!(add(&mut world, 3, me, 0), ErrorCode::NONE);
    assert_eq!(write(&mut world, 11, me, 0, 0, "a"), ErrorCode::NONE);
    world.produce("t", 0, batch(&["plain"]));
    assert_eq!(committed(&mut world, 0), (0, vec![]));
    assert_eq!(end(&mut world, 3, me, true).error_code, ErrorCode::NONE);
    assert_eq!(committed(&mut world, 0), (3, vec![]), "two records and the marker");
    assert_eq!(add(&mut world, 3, me, 0), ErrorCode::NONE);
    assert_eq!(write(&mut world, 11, me, 0, 1, "b"), ErrorCode::NONE);
    assert_eq!(end(&mut world, 3, me, false).error_code, ErrorCode::NONE);
    assert_eq!(committed(&mut world, 0), (5, vec![(me.0, 3)]));
    let mut world = crash(world);
    assert_eq!(committed(&mut world, 0), (5, vec![(me.0, 3)]), "also after a crash");
}

#[test]
fn a_partition_that_was_not_added_takes_nothing() {
    let mut world = world();
    let me = begin(&mut world);
    assert_eq!(write(&mut world, 11, me, 0, 0, "a"), ErrorCode::TRANSACTION_ABORTABLE);
    assert_eq!(write(&mut world, 9, me, 0, 0, "a"), ErrorCode::INVALID_TXN_STATE, "as older clients know it");
    assert_eq!(add(&mut world, 3, me, 0), ErrorCode::NONE);
    assert_eq!(write(&mut world, 11, me, 1, 0, "a"), ErrorCode::TRANSACTION_ABORTABLE);
    assert_eq!(write(&mut world, 11, me, 0, 0, "a"), ErrorCode::NONE);
    assert_eq!(add(&mut world, 3, me, 7), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
}

#[test]
fn a_fenced_producer_is_told_in_the_words_of_its_version() {
    let mut world = world();
    let zombie = begin(&mut world);
    assert_eq!(add(&mut world, 3, zombie, 0), ErrorCode::NONE);
    assert_eq!(write(&mut world, 11, zombie, 0, 0, "a"), ErrorCode::NONE);
    assert_eq!(init(&mut world, 4).error_code, ErrorCode::CONCURRENT_TRANSACTIONS);
    begin(&mut world);
    assert_eq!(add(&mut world, 3, zombie, 0), ErrorCode::PRODUCER_FENCED);
    assert_eq!(add(&mut world, 1, zombie, 0), ErrorCode::INVALID_PRODUCER_EPOCH);
    assert_eq!(end(&mut world, 3, zombie, true).error_code, ErrorCode::PRODUCER_FENCED);
    assert_eq!(end(&mut world, 1, zombie, true).error_code, ErrorCode::INVALID_PRODUCER_EPOCH);
    assert_eq!(write(&mut world, 11, zombie, 0, 1, "b"), ErrorCode::INVALID_PRODUCER_EPOCH);
}

#[test]
fn a_transaction_goes_on_after_a_crash_at_each_step() {
    for step in 0..4 {
        let mut world = world();
        let me = begin(&mut world);
        if step == 0 {
            world = crash(world);
        }
        assert_eq!(add(&mut world, 3, me, 0), ErrorCode::NONE);
        if step == 1 {
            world = crash(world);
        }
        assert_eq!(write(&mut world, 11, me, 0, 0, "a"), ErrorCode::NONE);
        if step == 2 {
            world = crash(world);
        }
        assert_eq!(committed(&mut world, 0).0, 0);
        assert_eq!(end(&mut world, 3, me, true).error_code, ErrorCode::NONE);
        if step == 3 {
            world = crash(world);
        }
        assert_eq!(committed(&mut world, 0), (2, vec![]), "step {step}");
        assert_eq!(end(&mut world, 3, me, true).error_code, ErrorCode::NONE, "a repetition");
    }
}

#[test]
fn what_takes_too_long_is_aborted() {
    let mut world = world();
    let me = begin(&mut world);
    assert_eq!(add(&mut world, 3, me, 0), ErrorCode::NONE);
    assert_eq!(write(&mut world, 11, me, 0, 0, "a"), ErrorCode::NONE);
    world.pass(Span::seconds(80));
    assert_eq!(committed(&mut world, 0), (2, vec![(me.0, 0)]));
    assert_eq!(end(&mut world, 3, me, true).error_code, ErrorCode::PRODUCER_FENCED);
}

fn commit_offset(world: &mut World, version: i16, me: Me, offset: i64) -> ErrorCode {
    commit_offset_of(world, version, me, 0, offset)
}

fn commit_offset_of(world: &mut World, version: i16, me: Me, partition_index: i32, offset: i64) -> ErrorCode {
    let partition =
        TxnOffsetCommitRequestPartition { partition_index, committed_offset: offset, ..Default::default() };
    let request = TxnOffsetCommitRequest {
        transactional_id: "tx".into(),
        group_id: "g".into(),
        producer_id: me.0,
        producer_epoch: me.1,
        topics: vec![TxnOffsetCommitRequestTopic { name: "t".into(), partitions: vec![partition] }],
        ..Default::default()
    };
    world.call(version, &request).topics[0].partitions[0].error_code
}

fn offset(world: &mut World, require_stable: bool) -> (i64, ErrorCode) {
    let topic = OffsetFetchRequestTopic { name: "t".into(), partition_indexes: vec![0] };
    let request = OffsetFetchRequest {
        group_id: "g".into(),
        topics: Some(vec![topic]),
        require_stable,
        ..Default::default()
    };
    let answer = world.call(7, &request);
    let partition = &answer.topics[0].partitions[0];
    (partition.committed_offset, partition.error_code)
}

fn add_offsets(world: &mut World, me: Me) -> ErrorCode {
    let request = AddOffsetsToTxnRequest {
        transactional_id: "tx".into(),
        producer_id: me.0,
        producer_epoch: me.1,
        group_id: "g".into(),
    };
    world.call(3, &request).error_code
}

#[test]
fn offsets_count_when_the_transaction_does() {
    let mut world = world();
    let me = begin(&mut world);
    assert_ne!(commit_offset(&mut world, 3, me, 5), ErrorCode::NONE, "not without its partition");
    assert_eq!(add_offsets(&mut world, me), ErrorCode::NONE);
    assert_eq!(commit_offset(&mut world, 3, me, 5), ErrorCode::NONE);
    assert_eq!(offset(&mut world, false), (-1, ErrorCode::NONE));
    assert_eq!(offset(&mut world, true), (-1, ErrorCode::UNSTABLE_OFFSET_COMMIT));
    let mut world = crash(world);
    assert_eq!(offset(&mut world, true), (-1, ErrorCode::UNSTABLE_OFFSET_COMMIT), "also after a crash");
    assert_eq!(end(&mut world, 3, me, true).error_code, ErrorCode::NONE);
    assert_eq!(offset(&mut world, true), (5, ErrorCode::NONE));
    assert_eq!(add_offsets(&mut world, me), ErrorCode::NONE);
    assert_eq!(commit_offset(&mut world, 3, me, 9), ErrorCode::NONE);
    assert_eq!(end(&mut world, 3, me, false).error_code, ErrorCode::NONE);
    assert_eq!(offset(&mut world, true), (5, ErrorCode::NONE));
    let mut world = crash(world);
    assert_eq!(offset(&mut world, true), (5, ErrorCode::NONE));
}

#[test]
fn offsets_outside_of_a_transaction_are_refused_in_the_words_of_the_version() {
    let mut world = world();
    let me = begin(&mut world);
    assert_eq!(commit_offset(&mut world, 3, me, 5), ErrorCode::INVALID_TXN_STATE);
    assert_eq!(commit_offset(&mut world, 4, me, 5), ErrorCode::TRANSACTION_ABORTABLE);
    for version in [3, 4] {
        let error = commit_offset_of(&mut world, version, me, 9, 5);
        assert_eq!(error, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, "what does not exist is told first");
    }
}

#[test]
fn when_the_last_transaction_began_is_told_until_the_next_producer() {
    let mut world = world();
    let began = |world: &mut World| {
        let request = DescribeTransactionsRequest { transactional_ids: vec!["tx".into()] };
        world.call(0, &request).transaction_states[0].transaction_start_time_ms
    };
    let me = begin(&mut world);
    assert_eq!(began(&mut world), -1);
    assert_eq!(add(&mut world, 3, me, 0), ErrorCode::NONE);
    let open = began(&mut world);
    assert!(open >= 0);
    assert_eq!(end(&mut world, 3, me, true).error_code, ErrorCode::NONE);
    assert_eq!(began(&mut world), open);
    let mut world = crash(world);
    assert_eq!(began(&mut world), open, "also after a crash");
    begin(&mut world);
    assert_eq!(began(&mut world), -1);
}

#[test]
fn the_second_protocol_joins_by_writing_and_raises_the_epoch() {
    let mut world = world();
    let (id, _) = begin(&mut world);
    for epoch in 0..3 {
        let me = (id, epoch);
        assert_eq!(write(&mut world, 12, me, 0, 0, "a"), ErrorCode::NONE);
        assert_eq!(write(&mut world, 12, me, 1, 0, "a"), ErrorCode::NONE);
        assert_eq!(commit_offset(&mut world, 5, me, i64::from(epoch)), ErrorCode::NONE);
        let ended = end(&mut world, 5, me, true);
        assert_eq!(
            (ended.error_code, ended.producer_id, ended.producer_epoch),
            (ErrorCode::NONE, id, epoch + 1)
        );
        assert_eq!(end(&mut world, 5, me, true).producer_epoch, epoch + 1, "a repetition");
        assert_eq!(write(&mut world, 12, me, 0, 1, "late"), ErrorCode::INVALID_PRODUCER_EPOCH);
        assert_eq!(offset(&mut world, true), (epoch.into(), ErrorCode::NONE));
    }
    assert_eq!(committed(&mut world, 0), (6, vec![]));
}

#[test]
fn tools_see_transactions_and_end_those_that_hang() {
    let mut world = world();
    let me = begin(&mut world);
    assert_eq!(add(&mut world, 3, me, 0), ErrorCode::NONE);
    assert_eq!(write(&mut world, 11, me, 0, 0, "a"), ErrorCode::NONE);
    let request = DescribeTransactionsRequest { transactional_ids: vec!["tx".into(), "nobody".into()] };
    let described = world.call(0, &request).transaction_states;
    assert_eq!((described[0].transaction_state.as_str(), described[0].producer_id), ("Ongoing", me.0));
    assert_eq!(
        (described[0].topics[0].topic.as_str(), &described[0].topics[0].partitions[..]),
        ("t", &[0][..])
    );
    assert_eq!(described[1].error_code, ErrorCode::TRANSACTIONAL_ID_NOT_FOUND);
    let count = |world: &mut World, states: &[&str], version| {
        let request = ListTransactionsRequest {
            state_filters: states.iter().map(|state| state.to_string()).collect(),
            duration_filter: -1,
            ..Default::default()
        };
        let listed = world.call(version, &request);
        (listed.transaction_states.len(), listed.unknown_state_filters.len())
    };
    assert_eq!(count(&mut world, &[], 1), (1, 0));
    assert_eq!(count(&mut world, &["Ongoing"], 0), (1, 0));
    assert_eq!(count(&mut world, &["Empty", "Odd"], 1), (0, 1));
    let topics = vec![TopicRequest { name: "t".into(), partition_indexes: vec![0] }];
    let producers = world.call(0, &DescribeProducersRequest { topics });
    let producer = &producers.topics[0].partitions[0].active_producers[0];
    assert_eq!((producer.producer_id, producer.current_txn_start_offset), (me.0, 0));
    // What Admin.abortTransaction sends.
    let marker = WritableTxnMarker {
        producer_id: me.0,
        producer_epoch: me.1,
        transaction_result: false,
        topics: vec![WritableTxnMarkerTopic { name: "t".into(), partition_indexes: vec![0, 9] }],
        coordinator_epoch: producer.coordinator_epoch,
        ..Default::default()
    };
    let answer = world.call(1, &WriteTxnMarkersRequest { markers: vec![marker] });
    let partitions = &answer.markers[0].topics[0].partitions;
    assert_eq!(partitions[0].error_code, ErrorCode::NONE);
    assert_eq!(partitions[1].error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    assert_eq!(committed(&mut world, 0), (2, vec![(me.0, 0)]));
}

#[test]
fn brokers_ask_whether_a_partition_is_in_a_transaction() {
    let mut world = world();
    let me = begin(&mut world);
    assert_eq!(add(&mut world, 3, me, 0), ErrorCode::NONE);
    let ask = |id: &str, verify_only, partitions: &[i32]| AddPartitionsToTxnTransaction {
        transactional_id: id.into(),
        producer_id: me.0,
        producer_epoch: me.1,
        verify_only,
        topics: vec![AddPartitionsToTxnTopic { name: "t".into(), partitions: partitions.to_vec() }],
    };
    let request = AddPartitionsToTxnRequest {
        transactions: vec![
            ask("tx", true, &[0, 1]),
            ask("nobody", true, &[0]),
            ask("tx", true, &[0, 9]),
            ask("tx", false, &[1]),
        ],
        ..Default::default()
    };
    let answer = world.call(5, &request);
    let errors: Vec<ErrorCode> = answer
        .results_by_transaction
        .iter()
        .flat_map(|one| &one.topic_results[0].results_by_partition)
        .map(|one| one.partition_error_code)
        .collect();
    let expected = [
        ErrorCode::NONE,
        ErrorCode::TRANSACTION_ABORTABLE,
        ErrorCode::INVALID_PRODUCER_ID_MAPPING,
        ErrorCode::OPERATION_NOT_ATTEMPTED,
        ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
        ErrorCode::NONE,
    ];
    assert_eq!(errors, expected);
}

#[test]
fn the_latest_offset_of_committed_records_is_the_last_stable_one() {
    let mut world = world();
    let me = begin(&mut world);
    world.produce("t", 0, batch(&["plain"]));
    assert_eq!(add(&mut world, 3, me, 0), ErrorCode::NONE);
    assert_eq!(write(&mut world, 11, me, 0, 0, "a"), ErrorCode::NONE);
    for (isolation_level, latest) in [(0, 2), (1, 1)] {
        let partition = ListOffsetsPartition { timestamp: -1, ..Default::default() };
        let request = ListOffsetsRequest {
            replica_id: -1,
            isolation_level,
            topics: vec![ListOffsetsTopic { name: "t".into(), partitions: vec![partition] }],
            ..Default::default()
        };
        let answer = world.call(7, &request);
        assert_eq!(answer.topics[0].partitions[0].offset, latest);
    }
}

#[test]
fn a_request_with_very_many_transactional_ids_is_answered() {
    let mut world = world();
    let nobody = AddPartitionsToTxnTransaction { transactional_id: "nobody".into(), ..Default::default() };
    let request = AddPartitionsToTxnRequest { transactions: vec![nobody; 20_000], ..Default::default() };
    assert_eq!(world.call(5, &request).results_by_transaction.len(), 20_000);
}
