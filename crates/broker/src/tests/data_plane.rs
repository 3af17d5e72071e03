//! Topics, produce, fetch, offsets: in every version, and with every mistake.

use kafka_wire::message::delete_records::{DeleteRecordsPartition, DeleteRecordsRequest, DeleteRecordsTopic};
use kafka_wire::message::describe_log_dirs::{DescribableLogDirTopic, DescribeLogDirsRequest};
use kafka_wire::message::describe_producers::{DescribeProducersRequest, TopicRequest};
use kafka_wire::message::describe_topic_partitions::{
    DescribeTopicPartitionsRequest, DescribeTopicPartitionsRequestCursor, TopicRequest as TopicRequestByName,
};
use kafka_wire::message::init_producer_id::InitProducerIdRequest;
use kafka_wire::message::list_config_resources::ListConfigResourcesRequest;
use kafka_wire::message::list_offsets::{ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic};
use kafka_wire::message::list_partition_reassignments::ListPartitionReassignmentsRequest;
use kafka_wire::message::metadata::{MetadataRequest, MetadataRequestTopic};
use kafka_wire::message::offset_for_leader_epoch::{
    OffsetForLeaderEpochRequest, OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use kafka_wire::message::produce::ProduceRequest;
use kafka_wire::{ErrorCode, Uuid};

use crate::testing::World;
use crate::testing::client::{batch, fetch, no_transactions, produce, stamped, values};
use crate::{CloseReason, Event, Settings};

fn named(names: &[&str]) -> Option<Vec<MetadataRequestTopic>> {
    let topic = |name: &&str| MetadataRequestTopic { name: Some(name.to_string()), ..Default::default() };
    Some(names.iter().map(topic).collect())
}

fn text(values: &[(i64, &str)]) -> Vec<(i64, String)> {
    values.iter().map(|(offset, value)| (*offset, value.to_string())).collect()
}

#[test]
fn a_broker_over_an_empty_keeper_becomes_ready() {
    let world = World::new();
    assert!(world.events.iter().any(|event| matches!(event, Event::Ready { broker_id: 0, .. })));
    for path in ["/brokers/ids/0", "/controller", "/cluster/id", "/latest_producer_id_block"] {
        assert!(world.keeper.text(path).is_some(), "{path}: {:?}", world.keeper.paths().collect::<Vec<_>>());
    }
}

#[test]
fn records_come_back_in_every_version_of_produce_and_fetch() {
    let mut world = World::new();
    let id = world.create_topic("t", 1, &[]);
    for version in 3..=13 {
        let expect = i64::from(version) - 3;
        let answer = world.call(version, &produce("t", id, 0, -1, batch(&[&format!("v{version}")])));
        let topic = &answer.responses[0];
        assert_eq!(topic.name, if version < 13 { "t" } else { "" });
        assert_eq!(topic.topic_id, if version < 13 { Uuid::ZERO } else { id });
        let partition = &topic.partition_responses[0];
        assert_eq!((partition.error_code, partition.base_offset), (ErrorCode::NONE, expect), "v{version}");
        assert_eq!(partition.log_append_time_ms, -1);
        assert_eq!(partition.log_start_offset, if version < 5 { -1 } else { 0 });
    }
    for version in 4..=18 {
        let answer = world.call(version, &fetch("t", id, 0, 9));
        assert_eq!(answer.error_code, ErrorCode::NONE);
        let topic = &answer.responses[0];
        assert_eq!(topic.topic, if version < 13 { "t" } else { "" });
        assert_eq!(topic.topic_id, if version < 13 { Uuid::ZERO } else { id });
        let data = &topic.partitions[0];
        assert_eq!((data.error_code, data.high_watermark), (ErrorCode::NONE, 11), "v{version}");
        assert_eq!(data.last_stable_offset, 11);
        assert_eq!(values(data), text(&[(9, "v12"), (10, "v13")]));
        assert_eq!(data.aborted_transactions, None, "read_uncommitted hears of no transaction");
    }
}

#[test]
fn read_committed_gets_a_list_of_aborted_transactions() {
    let mut world = World::new();
    world.create_topic("t", 1, &[]);
    world.produce("t", 0, batch(&["a"]));
    let mut request = fetch("t", Uuid::ZERO, 0, 0);
    request.isolation_level = 1;
    let answer = world.call(12, &request);
    let data = &answer.responses[0].partitions[0];
    assert_eq!(data.aborted_transactions, Some(Vec::new()));
    assert_eq!(values(data), text(&[(0, "a")]));
}

#[test]
fn produce_has_an_error_for_each_mistake() {
    let mut world = World::new();
    let id = world.create_topic("t", 1, &[("max.message.bytes", "200")]);
    world.create_topic("compacted", 1, &[("cleanup.policy", "compact")]);
    let big = "x".repeat(300);
    let mut check = |version, request: ProduceRequest, expect| {
        let answer = world.call(version, &request);
        let partition = &answer.responses[0].partition_responses[0];
        assert_eq!(partition.error_code, expect, "{partition:?}");
        if expect != ErrorCode::NONE {
            assert_eq!(partition.base_offset, -1);
        }
    };
    let one = || batch(&["a"]);
    check(12, produce("t", Uuid::ZERO, 0, -1, one()), ErrorCode::NONE);
    check(12, produce("nope", Uuid::ZERO, 0, -1, one()), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    check(12, produce("t", Uuid::ZERO, 1, -1, one()), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    check(12, produce("t", Uuid::ZERO, -1, -1, one()), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    check(13, produce("", Uuid([9; 16]), 0, -1, one()), ErrorCode::UNKNOWN_TOPIC_ID);
    check(13, produce("", id, 0, -1, one()), ErrorCode::NONE);
    check(12, produce("t", Uuid::ZERO, 0, 2, one()), ErrorCode::INVALID_REQUIRED_ACKS);
    check(12, produce("t", Uuid::ZERO, 0, -2, one()), ErrorCode::INVALID_REQUIRED_ACKS);
    check(12, produce("t", Uuid::ZERO, 0, -1, batch(&[&big])), ErrorCode::MESSAGE_TOO_LARGE);
    check(12, produce("t", Uuid::ZERO, 0, -1, Default::default()), ErrorCode::INVALID_RECORD);
    let mut spoiled = one().to_vec();
    *spoiled.last_mut().unwrap() ^= 1;
    check(12, produce("t", Uuid::ZERO, 0, -1, spoiled.into()), ErrorCode::CORRUPT_MESSAGE);
    check(12, produce("compacted", Uuid::ZERO, 0, -1, one()), ErrorCode::INVALID_RECORD);
}

#[test]
fn internal_topics_are_not_for_clients() {
    let mut world = World::new();
    world.create_topic("__consumer_offsets", 1, &[("cleanup.policy", "compact")]);
    let answer = world.produce("__consumer_offsets", 0, batch(&["a"]));
    assert_eq!(answer.error_code, ErrorCode::INVALID_TOPIC_EXCEPTION);
}

#[test]
fn acks_0_is_silent_and_its_errors_close_the_connection() {
    let mut world = World::new();
    world.create_topic("t", 1, &[]);
    let connection = world.connect();
    world.send(connection, 12, &produce("t", Uuid::ZERO, 0, 0, batch(&["a"])));
    assert!(world.got_silence(connection));
    world.send(connection, 12, &produce("nope", Uuid::ZERO, 0, 0, batch(&["a"])));
    assert_eq!(world.closed.get(&connection), Some(&CloseReason::UnacknowledgedProduceFailed));
    assert_eq!(values(&world.fetch("t", 0, 0)), text(&[(0, "a")]));
}

#[test]
fn a_repeated_batch_is_stored_once() {
    let mut world = World::new();
    world.create_topic("t", 1, &[]);
    let ids: Vec<_> = (0..=5).map(|version| world.call(version, &no_transactions()).producer_id).collect();
    assert_eq!(ids, [0, 1, 2, 3, 4, 5], "{ids:?}");
    let first = stamped(5, 0, 0, &["a", "b"]);
    assert_eq!(world.produce("t", 0, first.clone()).base_offset, 0);
    let again = world.produce("t", 0, first);
    assert_eq!((again.error_code, again.base_offset), (ErrorCode::NONE, 0));
    assert_eq!(world.produce("t", 0, stamped(5, 0, 2, &["c"])).base_offset, 2);
    let gap = world.produce("t", 0, stamped(5, 0, 9, &["x"]));
    assert_eq!(gap.error_code, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    let stale = world.produce("t", 0, stamped(5, 1, 0, &["d"]));
    assert_eq!(stale.error_code, ErrorCode::NONE);
    let fenced = world.produce("t", 0, stamped(5, 0, 3, &["x"]));
    assert_eq!(fenced.error_code, ErrorCode::INVALID_PRODUCER_EPOCH);
    assert_eq!(values(&world.fetch("t", 0, 0)), text(&[(0, "a"), (1, "b"), (2, "c"), (3, "d")]));
}

#[test]
fn a_partition_remembers_its_producers() {
    let mut world = World::new();
    world.create_topic("t", 1, &[]);
    world.produce("t", 0, stamped(7, 2, 0, &["a", "b"]));
    let topic = |name: &str| TopicRequest { name: name.into(), partition_indexes: vec![0] };
    let request = DescribeProducersRequest { topics: vec![topic("t"), topic("nope")] };
    let answer = world.call(0, &request);
    let producers = &answer.topics[0].partitions[0].active_producers;
    let seen: Vec<_> =
        producers.iter().map(|one| (one.producer_id, one.producer_epoch, one.last_sequence)).collect();
    assert_eq!(seen, [(7, 2, 1)]);
    assert_eq!(producers[0].current_txn_start_offset, -1);
    assert_eq!(answer.topics[1].partitions[0].error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
}

#[test]
fn log_directories_tell_their_partitions_and_sizes() {
    let mut world = World::new();
    world.create_topic("t", 2, &[]);
    world.produce("t", 1, batch(&["a"]));
    for version in 0..=5 {
        let answer = world.call(version, &DescribeLogDirsRequest { topics: None });
        let directory = &answer.results[0];
        assert_eq!((directory.error_code, directory.log_dir.as_str()), (ErrorCode::NONE, "/logs"));
        let sizes: Vec<_> = directory.topics[0].partitions.iter().map(|one| one.partition_size).collect();
        assert_eq!(sizes, [0, 69], "v{version}");
        assert_eq!(directory.usable_bytes > 0, version >= 4);
        let one = DescribableLogDirTopic { topic: "t".into(), partitions: vec![0, 9] };
        let answer = world.call(version, &DescribeLogDirsRequest { topics: Some(vec![one]) });
        assert_eq!(answer.results[0].topics[0].partitions.len(), 1);
    }
}

#[test]
fn producer_ids_are_never_given_twice() {
    let mut world = World::new();
    let mut last = -1;
    for _ in 0..2500 {
        let id = world.call(5, &no_transactions()).producer_id;
        assert_eq!(id, last + 1);
        last = id;
    }
    assert!(world.keeper.text("/latest_producer_id_block").unwrap().contains("\"2999\""));
    let disk = world.disk.clone();
    let mut world = world.restart(disk);
    assert_eq!(world.call(5, &no_transactions()).producer_id, 3000);
}

#[test]
fn transactional_ids_have_no_coordinator_here() {
    let mut world = World::new();
    let mut check = |id: Option<&str>, producer_id, producer_epoch, expect| {
        let request = InitProducerIdRequest {
            transactional_id: id.map(str::to_string),
            producer_id,
            producer_epoch,
            ..Default::default()
        };
        assert_eq!(world.call(5, &request).error_code, expect);
    };
    check(None, -1, -1, ErrorCode::NONE);
    check(None, 5, 3, ErrorCode::NONE);
    check(None, 5, -1, ErrorCode::INVALID_REQUEST);
    check(Some(""), -1, -1, ErrorCode::INVALID_REQUEST);
    check(Some("x"), -1, -1, ErrorCode::NOT_COORDINATOR);
}

#[test]
fn fetch_has_an_error_for_each_mistake() {
    let mut world = World::new();
    let id = world.create_topic("t", 1, &[]);
    world.produce("t", 0, batch(&["a", "b"]));
    let mut check = |version, topic: &str, id, partition, offset, expect| {
        let answer = world.call(version, &fetch(topic, id, partition, offset));
        let data = &answer.responses[0].partitions[0];
        assert_eq!(data.error_code, expect, "{topic}-{partition} at {offset}");
        assert!(data.records.as_ref().is_some_and(|records| expect == ErrorCode::NONE || records.is_empty()));
    };
    check(12, "t", Uuid::ZERO, 0, 2, ErrorCode::NONE);
    check(12, "t", Uuid::ZERO, 0, 3, ErrorCode::OFFSET_OUT_OF_RANGE);
    check(12, "t", Uuid::ZERO, 0, -1, ErrorCode::OFFSET_OUT_OF_RANGE);
    check(12, "t", Uuid::ZERO, 0, i64::MAX, ErrorCode::OFFSET_OUT_OF_RANGE);
    check(12, "t", Uuid::ZERO, 7, 0, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    check(12, "nope", Uuid::ZERO, 0, 0, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    check(13, "", id, 0, 0, ErrorCode::NONE);
    check(13, "", Uuid([9; 16]), 0, 0, ErrorCode::UNKNOWN_TOPIC_ID);
    check(13, "", id, 7, 0, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    for (epoch, expect) in [(-1, ErrorCode::NONE), (0, ErrorCode::NONE), (1, ErrorCode::UNKNOWN_LEADER_EPOCH)]
    {
        let mut request = fetch("t", Uuid::ZERO, 0, 0);
        request.topics[0].partitions[0].current_leader_epoch = epoch;
        let answer = world.call(12, &request);
        assert_eq!(answer.responses[0].partitions[0].error_code, expect, "epoch {epoch}");
    }
}

#[test]
fn limits_hold_back_all_but_the_first_batch() {
    let mut world = World::new();
    world.create_topic("t", 2, &[]);
    let large = "x".repeat(1000);
    for partition in 0..2 {
        world.produce("t", partition, batch(&[&large]));
        world.produce("t", partition, batch(&[&large]));
    }
    let mut check = |bytes_max, partition_bytes_max, expect: [usize; 2]| {
        let mut request = fetch("t", Uuid::ZERO, 0, 0);
        request.max_bytes = bytes_max;
        let mut second = request.topics[0].partitions[0].clone();
        second.partition = 1;
        request.topics[0].partitions.push(second);
        for partition in &mut request.topics[0].partitions {
            partition.partition_max_bytes = partition_bytes_max;
        }
        let answer = world.call(12, &request);
        let counts: Vec<usize> =
            answer.responses[0].partitions.iter().map(|data| values(data).len()).collect();
        assert_eq!(counts, expect, "{bytes_max} {partition_bytes_max}");
    };
    check(1 << 20, 1 << 20, [2, 2]);
    check(1, 1 << 20, [1, 0]);
    check(1 << 20, 1, [1, 0]);
    check(0, 0, [1, 0]);
    check(1 << 20, 1500, [1, 1]);
    check(2500, 1 << 20, [2, 0]);
    check(-1, -1, [1, 0]);
}

#[test]
fn a_fetch_inside_a_batch_gets_the_whole_batch() {
    let mut world = World::new();
    world.create_topic("t", 1, &[]);
    world.produce("t", 0, batch(&["a", "b", "c"]));
    assert_eq!(values(&world.fetch("t", 0, 1)), text(&[(0, "a"), (1, "b"), (2, "c")]));
    assert_eq!(values(&world.fetch("t", 0, 3)), text(&[]));
}

#[test]
fn a_session_is_told_only_news() {
    for version in [7, 12, 18] {
        let mut world = World::new();
        let id = world.create_topic("t", 3, &[]);
        let (topic, id) = if version < 13 { ("t", Uuid::ZERO) } else { ("", id) };
        let mut full = fetch(topic, id, 0, 0);
        full.session_epoch = 0;
        for partition in 1..3 {
            let mut more = full.topics[0].partitions[0].clone();
            more.partition = partition;
            full.topics[0].partitions.push(more);
        }
        let answer = world.call(version, &full);
        assert_eq!(answer.responses[0].partitions.len(), 3);
        let session = answer.session_id;
        assert!(session > 0);

        let mut next = fetch(topic, id, 0, 0);
        next.topics.clear();
        next.session_id = session;
        next.session_epoch = 1;
        let answer = world.call(version, &next);
        assert_eq!((answer.session_id, answer.responses.len()), (session, 0), "nothing is new");

        let end = world.produce("t", 1, batch(&["a"])).base_offset + 1;
        next.session_epoch = 2;
        let answer = world.call(version, &next);
        let told: Vec<_> = answer.responses[0].partitions.iter().map(|data| data.partition_index).collect();
        assert_eq!(told, [1], "v{version}");
        assert_eq!(answer.responses[0].partitions[0].high_watermark, end);

        next.session_epoch = 2;
        assert_eq!(world.call(version, &next).error_code, ErrorCode::INVALID_FETCH_SESSION_EPOCH);
        next.session_id ^= 1;
        assert_eq!(world.call(version, &next).error_code, ErrorCode::FETCH_SESSION_ID_NOT_FOUND);
    }
}

fn list(partition: i32, timestamp: i64) -> ListOffsetsRequest {
    ListOffsetsRequest {
        replica_id: -1,
        topics: vec![ListOffsetsTopic {
            name: "t".into(),
            partitions: vec![ListOffsetsPartition {
                partition_index: partition,
                timestamp,
                max_num_offsets: 10,
                ..Default::default()
            }],
        }],
        ..Default::default()
    }
}

#[test]
fn offsets_are_found_by_name_and_by_time() {
    let mut world = World::new();
    world.create_topic("t", 1, &[]);
    let of_nothing = world.call(7, &list(0, -3)).topics.remove(0).partitions.remove(0);
    assert_eq!((of_nothing.timestamp, of_nothing.offset, of_nothing.leader_epoch), (-1, -1, 0));
    world.produce("t", 0, batch(&["a", "b", "c"]));
    world.produce("t", 0, batch(&["d"]));
    let mut check = |version, timestamp, expect: Result<(i64, i64), ErrorCode>| {
        let mut answer = world.call(version, &list(0, timestamp));
        let found = answer.topics.remove(0).partitions.remove(0);
        let found = match found.error_code {
            ErrorCode::NONE => Ok((found.timestamp, found.offset)),
            error => Err(error),
        };
        assert_eq!(found, expect, "v{version} {timestamp}");
    };
    for version in 1..=11 {
        check(version, -1, Ok((-1, 4)));
        check(version, -2, Ok((-1, 0)));
        check(version, 0, Ok((1_000_000, 0)));
        check(version, 1_000_001, Ok((1_000_001, 1)));
        check(version, 1_000_002, Ok((1_000_002, 2)));
        check(version, 1_000_003, Ok((-1, -1)));
    }
    for version in 7..=11 {
        check(version, -3, Ok((1_000_002, 2)));
    }
    check(6, -3, Err(ErrorCode::UNSUPPORTED_VERSION));
    check(8, -4, Ok((-1, 0)));
    check(9, -5, Ok((-1, -1)));
    check(11, -6, Ok((-1, -1)));
    check(11, -7, Err(ErrorCode::UNSUPPORTED_VERSION));
    let mut check_oldest = |timestamp, expect: &[i64]| {
        let answer = world.call(0, &list(0, timestamp));
        assert_eq!(answer.topics[0].partitions[0].old_style_offsets, expect);
    };
    check_oldest(-1, &[4, 0]);
    check_oldest(-2, &[0]);
    let answer = world.call(5, &list(3, -1));
    assert_eq!(answer.topics[0].partitions[0].error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    let mut twice = list(0, -1);
    twice.topics.push(twice.topics[0].clone());
    let answer = world.call(5, &twice);
    assert!(answer.topics.iter().all(|topic| topic.partitions[0].error_code == ErrorCode::INVALID_REQUEST));
}

fn deletion(topic: &str, partition: i32, offset: i64) -> DeleteRecordsRequest {
    DeleteRecordsRequest {
        topics: vec![DeleteRecordsTopic {
            name: topic.into(),
            partitions: vec![DeleteRecordsPartition { partition_index: partition, offset }],
        }],
        timeout_ms: 5_000,
    }
}

#[test]
fn deleted_records_are_out_of_range() {
    let mut world = World::new();
    world.create_topic("t", 1, &[]);
    world.create_topic("compacted", 1, &[("cleanup.policy", "compact")]);
    for value in ["a", "b", "c", "d"] {
        world.produce("t", 0, batch(&[value]));
    }
    let mut delete = |version, topic: &str, partition, offset| {
        let answer = world.call(version, &deletion(topic, partition, offset));
        let result = &answer.topics[0].partitions[0];
        (result.error_code, result.low_watermark)
    };
    assert_eq!(delete(0, "t", 0, 1), (ErrorCode::NONE, 1));
    assert_eq!(delete(1, "t", 0, 2), (ErrorCode::NONE, 2));
    assert_eq!(delete(2, "t", 0, 1), (ErrorCode::NONE, 2), "the start never goes back");
    assert_eq!(delete(2, "t", 0, 5), (ErrorCode::OFFSET_OUT_OF_RANGE, -1));
    assert_eq!(delete(2, "t", 0, -2), (ErrorCode::OFFSET_OUT_OF_RANGE, -1));
    assert_eq!(delete(2, "t", 1, 0), (ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, -1));
    assert_eq!(delete(2, "compacted", 0, 0), (ErrorCode::POLICY_VIOLATION, -1));
    assert_eq!(delete(2, "__consumer_offsets", 0, 0), (ErrorCode::INVALID_TOPIC_EXCEPTION, -1));
    assert_eq!(world.fetch("t", 0, 1).error_code, ErrorCode::OFFSET_OUT_OF_RANGE);
    assert_eq!(values(&world.fetch("t", 0, 2)), text(&[(2, "c"), (3, "d")]));
    let answer = world.call(2, &deletion("t", 0, -1));
    assert_eq!(answer.topics[0].partitions[0].low_watermark, 4, "-1 is the high watermark");
    let answer = world.call(5, &list(0, -2));
    assert_eq!(answer.topics[0].partitions[0].offset, 4);
}

#[test]
fn a_leader_epoch_ends_where_the_log_does() {
    let mut world = World::new();
    world.create_topic("t", 1, &[]);
    world.produce("t", 0, batch(&["a", "b"]));
    let request = |partition, leader_epoch, current_leader_epoch| OffsetForLeaderEpochRequest {
        replica_id: -1,
        topics: vec![OffsetForLeaderTopic {
            topic: "t".into(),
            partitions: vec![OffsetForLeaderPartition { partition, leader_epoch, current_leader_epoch }],
        }],
    };
    for version in 0..=4 {
        let answer = world.call(version, &request(0, 0, -1));
        let end = &answer.topics[0].partitions[0];
        assert_eq!((end.error_code, end.end_offset), (ErrorCode::NONE, 2), "v{version}");
        assert_eq!(end.leader_epoch, if version < 1 { -1 } else { 0 });
    }
    let mut check = |request: OffsetForLeaderEpochRequest, expect: (ErrorCode, i32, i64)| {
        let answer = world.call(4, &request);
        let end = &answer.topics[0].partitions[0];
        assert_eq!((end.error_code, end.leader_epoch, end.end_offset), expect);
    };
    check(request(0, 9, -1), (ErrorCode::NONE, -1, -1));
    check(request(0, 0, 9), (ErrorCode::UNKNOWN_LEADER_EPOCH, -1, -1));
    check(request(4, 0, -1), (ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, -1, -1));
}

#[test]
fn metadata_tells_the_same_in_every_version() {
    let mut world = World::new();
    let id = world.create_topic("t", 2, &[]);
    for version in 0..=13 {
        let answer = world.call(version, &MetadataRequest { topics: named(&["t"]), ..Default::default() });
        let broker = &answer.brokers[0];
        assert_eq!((broker.node_id, broker.host.as_str(), broker.port), (0, "broker.test", 9092));
        assert_eq!(answer.controller_id, if version < 1 { -1 } else { 0 });
        assert_eq!(answer.cluster_id.is_some(), version >= 2);
        let topic = &answer.topics[0];
        assert_eq!((topic.error_code, topic.name.as_deref()), (ErrorCode::NONE, Some("t")));
        assert_eq!(topic.topic_id, if version < 10 { Uuid::ZERO } else { id });
        assert!(!topic.is_internal);
        assert_eq!(topic.topic_authorized_operations, i32::MIN);
        assert_eq!(topic.partitions.len(), 2);
        for (index, partition) in topic.partitions.iter().enumerate() {
            assert_eq!((partition.error_code, partition.partition_index), (ErrorCode::NONE, index as i32));
            assert_eq!(
                (partition.leader_id, &partition.replica_nodes[..], &partition.isr_nodes[..]),
                (0, &[0][..], &[0][..])
            );
            assert_eq!(partition.leader_epoch, if version < 7 { -1 } else { 0 });
            assert!(partition.offline_replicas.is_empty());
        }
    }
}

#[test]
fn null_and_empty_lists_of_topics_differ_since_version_1() {
    let mut world = World::new();
    world.create_topic("a", 1, &[]);
    world.create_topic("b", 1, &[]);
    let mut check = |version, topics, expect: &[&str]| {
        let answer = world.call(version, &MetadataRequest { topics, ..Default::default() });
        let names: Vec<_> = answer.topics.iter().map(|topic| topic.name.as_deref().unwrap()).collect();
        assert_eq!(names, expect, "v{version}");
    };
    check(0, Some(Vec::new()), &["a", "b"]);
    for version in 1..=13 {
        check(version, Some(Vec::new()), &[]);
        check(version, None, &["a", "b"]);
    }
}

#[test]
fn topics_are_found_by_id_since_version_12() {
    let mut world = World::new();
    let id = world.create_topic("t", 1, &[]);
    let mut ask = |version, name: Option<&str>, topic_id| {
        let topics = Some(vec![MetadataRequestTopic { name: name.map(str::to_string), topic_id }]);
        let answer = world.call(version, &MetadataRequest { topics, ..Default::default() });
        let topic = &answer.topics[0];
        (topic.error_code, topic.name.clone(), topic.topic_id)
    };
    let name = Some("t".to_string());
    assert_eq!(ask(12, None, id), (ErrorCode::NONE, name.clone(), id));
    assert_eq!(ask(13, None, Uuid([9; 16])), (ErrorCode::UNKNOWN_TOPIC_ID, None, Uuid([9; 16])));
    assert_eq!(ask(12, None, Uuid::ZERO).0, ErrorCode::INVALID_REQUEST);
    assert_eq!(ask(11, Some("t"), id).0, ErrorCode::INVALID_REQUEST);
    assert_eq!(ask(11, Some("t"), Uuid::ZERO), (ErrorCode::NONE, name, id));
}

#[test]
fn metadata_creates_topics_if_client_and_broker_agree() {
    let mut world = World::new();
    let mut ask = |version, name: &str, allow| {
        let request = MetadataRequest {
            topics: named(&[name]),
            allow_auto_topic_creation: allow,
            ..Default::default()
        };
        world.call(version, &request).topics.remove(0)
    };
    assert_eq!(ask(4, "no", false).error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    assert_eq!(ask(4, "bad name", true).error_code, ErrorCode::INVALID_TOPIC_EXCEPTION);
    assert_eq!(ask(4, "", true).error_code, ErrorCode::INVALID_TOPIC_EXCEPTION);
    assert_eq!(ask(4, "bad name", false).error_code, ErrorCode::INVALID_TOPIC_EXCEPTION);
    for (version, name) in [(0, "zero"), (4, "four"), (13, "thirteen")] {
        let topic = ask(version, name, true);
        assert_eq!((topic.error_code, topic.partitions.len()), (ErrorCode::NONE, 1), "v{version}");
        assert_eq!(topic.partitions[0].leader_id, 0);
    }
    assert_eq!(ask(4, "no", false).error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    let strict = Settings { auto_create_topics: false, ..crate::testing::settings() };
    let mut world = World::with(strict);
    let answer = world.call(4, &MetadataRequest { topics: named(&["x"]), ..Default::default() });
    assert_eq!(answer.topics[0].error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
}

#[test]
fn authorized_operations_are_told_when_asked_for() {
    let mut world = World::new();
    world.create_topic("t", 1, &[]);
    let request = MetadataRequest {
        topics: named(&["t"]),
        include_cluster_authorized_operations: true,
        include_topic_authorized_operations: true,
        ..Default::default()
    };
    let answer = world.call(8, &request);
    // Read from Apache Kafka without an authorizer.
    assert_eq!(answer.cluster_authorized_operations, 8096);
    assert_eq!(answer.topics[0].topic_authorized_operations, 3576);
}

#[test]
fn large_topics_are_described_in_pages() {
    let mut world = World::new();
    world.create_topic("a", 3, &[]);
    world.create_topic("b", 2, &[]);
    let ask = |topics: &[&str], cursor: Option<(&str, i32)>, limit| DescribeTopicPartitionsRequest {
        topics: topics.iter().map(|name| TopicRequestByName { name: name.to_string() }).collect(),
        response_partition_limit: limit,
        cursor: cursor.map(|(topic_name, partition_index)| DescribeTopicPartitionsRequestCursor {
            topic_name: topic_name.into(),
            partition_index,
        }),
    };
    let mut check =
        |request: DescribeTopicPartitionsRequest, expect: &[(&str, &[i32])], next: Option<(&str, i32)>| {
            let answer = world.call(0, &request);
            let found: Vec<(String, Vec<i32>)> = answer
                .topics
                .iter()
                .map(|topic| {
                    let partitions = topic.partitions.iter().map(|partition| partition.partition_index);
                    (topic.name.clone().expect("a name"), partitions.collect())
                })
                .collect();
            let expect: Vec<_> = expect.iter().map(|(name, all)| (name.to_string(), all.to_vec())).collect();
            assert_eq!(found, expect);
            let cursor = answer.next_cursor.map(|cursor| (cursor.topic_name, cursor.partition_index));
            assert_eq!(cursor, next.map(|(name, partition)| (name.to_string(), partition)));
        };
    check(ask(&[], None, 100), &[("a", &[0, 1, 2]), ("b", &[0, 1])], None);
    check(ask(&["b"], None, 100), &[("b", &[0, 1])], None);
    check(ask(&[], None, 2), &[("a", &[0, 1])], Some(("a", 2)));
    check(ask(&[], Some(("a", 2)), 2), &[("a", &[2]), ("b", &[0])], Some(("b", 1)));
    check(ask(&[], None, 3), &[("a", &[0, 1, 2])], Some(("b", 0)));
    check(ask(&[], Some(("b", 1)), 0), &[("b", &[1])], None);
    check(ask(&["nope", "b"], None, 9), &[("b", &[0, 1]), ("nope", &[])], None);
}

#[test]
fn what_can_be_configured_is_listed() {
    let mut world = World::new();
    world.create_topic("a", 1, &[]);
    let mut ask = |version, kinds: &[i8]| {
        let answer = world.call(version, &ListConfigResourcesRequest { resource_types: kinds.to_vec() });
        let named =
            answer.config_resources.into_iter().map(|found| (found.resource_type, found.resource_name));
        (answer.error_code, named.collect::<Vec<_>>())
    };
    let (topic, broker, logger) = ((2, "a".to_string()), (4, "0".to_string()), (8, "0".to_string()));
    assert_eq!(ask(0, &[]), (ErrorCode::NONE, vec![]));
    assert_eq!(ask(1, &[]), (ErrorCode::NONE, vec![topic.clone(), broker, logger]));
    assert_eq!(ask(1, &[2]), (ErrorCode::NONE, vec![topic]));
    assert_eq!(ask(1, &[3]), (ErrorCode::UNSUPPORTED_VERSION, vec![]));
}

#[test]
fn nothing_moves_in_a_cluster_of_one() {
    let mut world = World::new();
    world.create_topic("a", 1, &[]);
    let answer = world.call(0, &ListPartitionReassignmentsRequest { topics: None, ..Default::default() });
    assert_eq!((answer.error_code, answer.topics.len()), (ErrorCode::NONE, 0));
}

#[test]
fn what_a_follower_asked_for_in_a_former_life_does_not_count() {
    let mut world = World::new();
    let id = world.create_topic("t", 1, &[]);
    let live = world.broker.membership.epoch().expect("it is registered").0;
    // The only broker that is registered is the leader, which does not follow itself.
    for (epoch, expect) in
        [(live - 1, ErrorCode::NOT_LEADER_OR_FOLLOWER), (live, ErrorCode::UNKNOWN_LEADER_EPOCH)]
    {
        let mut request = fetch("t", id, 0, 0);
        (request.replica_state.replica_id, request.replica_state.replica_epoch) = (0, epoch);
        let answer = world.call(15, &request);
        assert_eq!(answer.responses[0].partitions[0].error_code, expect, "epoch {epoch} of {live}");
    }
}
