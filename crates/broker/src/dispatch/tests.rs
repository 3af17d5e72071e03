//! Hostile frames: whatever arrives, the answer is a reply or a closed connection, and the next client
//! is served.

use std::ops::RangeInclusive;

use bytes::Bytes;
use clock::Span;
use kafka_wire::message::api_versions::ApiVersionsRequest;
use kafka_wire::message::create_partitions::{CreatePartitionsRequest, CreatePartitionsTopic};
use kafka_wire::message::create_topics::{CreatableTopic, CreateTopicsRequest};
use kafka_wire::message::delete_records::{DeleteRecordsPartition, DeleteRecordsRequest, DeleteRecordsTopic};
use kafka_wire::message::describe_log_dirs::DescribeLogDirsRequest;
use kafka_wire::message::describe_topic_partitions::DescribeTopicPartitionsRequest;
use kafka_wire::message::fetch::FetchRequest;
use kafka_wire::message::find_coordinator::FindCoordinatorRequest;
use kafka_wire::message::join_group::{JoinGroupRequest, JoinGroupRequestProtocol};
use kafka_wire::message::list_offsets::{ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic};
use kafka_wire::message::metadata::{MetadataRequest, MetadataRequestTopic};
use kafka_wire::message::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_wire::{ApiKey, ErrorCode, Request, RequestHeader, Uuid, Writer};
use proptest::prelude::*;

use crate::testing::World;
use crate::testing::client::{batch, fetch, produce, stamped};
use crate::{CloseReason, ConnectionId, Input, api};

fn frame(api_key: i16, api_version: i16, body: &[u8]) -> Bytes {
    let mut writer = Writer::new();
    let header = RequestHeader { api_key, api_version, correlation_id: 1, client_id: None };
    header.encode(&mut writer);
    writer.raw(body);
    writer.into_bytes()
}

fn send(world: &mut World, frame: Bytes) -> ConnectionId {
    let connection = world.connect();
    world.step(Input::Received { connection, frame });
    connection
}

#[test]
fn what_is_not_a_request_closes_the_connection_with_a_reason() {
    let mut world = World::new();
    let mut check = |frame: Bytes, expect: CloseReason| {
        let connection = send(&mut world, frame);
        assert_eq!(world.closed.get(&connection), Some(&expect));
    };
    check(Bytes::new(), CloseReason::MalformedHeader);
    check(
        Bytes::from_static(b"GET / HTTP/1.1\r\n"),
        CloseReason::UnsupportedRequest { api_key: 18245, version: 21536 },
    );
    check(frame(999, 0, b""), CloseReason::UnsupportedRequest { api_key: 999, version: 0 });
    check(frame(-1, 0, b""), CloseReason::UnsupportedRequest { api_key: -1, version: 0 });
    check(frame(3, 14, b""), CloseReason::UnsupportedRequest { api_key: 3, version: 14 });
    check(frame(3, -1, b""), CloseReason::UnsupportedRequest { api_key: 3, version: -1 });
    check(frame(0, 2, b""), CloseReason::UnsupportedRequest { api_key: 0, version: 2 });
    // UpdateMetadata is a real API, but not one that clients may use.
    check(frame(6, 0, b""), CloseReason::UnsupportedRequest { api_key: 6, version: 0 });
    let truncated = CloseReason::MalformedRequest {
        api: "Metadata",
        version: 1,
        detail: "the message ends too early".into(),
    };
    check(frame(3, 1, b"\0\0"), truncated);
    let negative = CloseReason::MalformedRequest {
        api: "Metadata",
        version: 0,
        detail: "a length that the message cannot hold".into(),
    };
    check(frame(3, 0, b"\x80\0\0\0"), negative);
}

#[test]
fn a_frame_behind_a_closed_connection_is_ignored() {
    let mut world = World::new();
    let connection = send(&mut world, Bytes::new());
    world.step(Input::Received { connection, frame: Bytes::new() });
    assert!(world.closed.contains_key(&connection));
}

/// Every served version of every API.
fn served() -> impl Iterator<Item = (ApiKey, RangeInclusive<i16>)> {
    api::ALL.iter().map(|&api| (api, api::served(api)))
}

#[test]
fn empty_and_tiny_bodies_never_panic() {
    let mut world = World::new();
    for (api, versions) in served() {
        for version in versions {
            for length in 0..24 {
                for fill in [0x00, 0x01, 0x7f, 0x80, 0xff] {
                    send(&mut world, frame(api as i16, version, &vec![fill; length]));
                }
            }
        }
    }
    assert_eq!(world.call(0, &ApiVersionsRequest::default()).error_code.0, 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bodies_never_panic(body in proptest::collection::vec(any::<u8>(), 0..200), tail in any::<u8>()) {
        let mut world = World::new();
        for (api, versions) in served() {
            for version in versions {
                send(&mut world, frame(api as i16, version, &body));
                // Small bytes make more bodies that decode.
                let small: Vec<u8> = body.iter().map(|byte| byte & tail & 3).collect();
                send(&mut world, frame(api as i16, version, &small));
            }
        }
        prop_assert_eq!(world.call(0, &ApiVersionsRequest::default()).error_code.0, 0);
    }

    #[test]
    fn random_frames_never_panic(body in proptest::collection::vec(any::<u8>(), 0..100)) {
        let mut world = World::new();
        send(&mut world, body.into());
        prop_assert_eq!(world.call(0, &ApiVersionsRequest::default()).error_code.0, 0);
    }
}

/// A sound request of `R` in every served version, as frames.
fn sound<R: Request>(request: &R) -> Vec<Bytes> {
    let encode = |version| {
        let mut writer = Writer::new();
        request.encode(&mut writer, version);
        frame(R::API as i16, version, &writer.into_bytes())
    };
    // The oldest CreateTopics cannot ask for mere validation.
    let wanted = |version: &i16| R::API != ApiKey::CreateTopics || *version > 0;
    api::served(R::API).filter(wanted).map(encode).collect()
}

/// Sound requests, all of them about things that exist.
fn sound_requests(id: Uuid) -> Vec<Bytes> {
    let name = || "t".to_string();
    let records = batch(&["a", "b"]);
    [
        sound(&produce("t", id, 0, -1, records.clone())),
        sound(&produce("t", id, 0, -1, stamped(1, 0, 0, &["c"]))),
        sound(&FetchRequest { session_epoch: 0, ..fetch("t", id, 0, 0) }),
        sound(&FetchRequest { max_wait_ms: 100, min_bytes: 1000, ..fetch("t", id, 0, 2) }),
        sound(&ListOffsetsRequest {
            topics: vec![ListOffsetsTopic {
                name: name(),
                partitions: vec![ListOffsetsPartition { timestamp: 1_000_000, ..Default::default() }],
            }],
            ..Default::default()
        }),
        sound(&MetadataRequest {
            topics: Some(vec![MetadataRequestTopic { name: Some(name()), ..Default::default() }]),
            ..Default::default()
        }),
        sound(&DeleteRecordsRequest {
            topics: vec![DeleteRecordsTopic {
                name: name(),
                partitions: vec![DeleteRecordsPartition { partition_index: 0, offset: 1 }],
            }],
            timeout_ms: 100,
        }),
        sound(&CreateTopicsRequest {
            topics: vec![CreatableTopic {
                name: "u".into(),
                num_partitions: 2,
                replication_factor: 1,
                ..Default::default()
            }],
            timeout_ms: 100,
            // Spoiled counts are legal up to 50,000 partitions, which take this keeper minutes to make.
            validate_only: true,
        }),
        sound(&CreatePartitionsRequest {
            topics: vec![CreatePartitionsTopic { name: name(), count: 2, assignments: None }],
            timeout_ms: 100,
            validate_only: true,
        }),
        sound(&FindCoordinatorRequest {
            key: "g".into(),
            coordinator_keys: vec!["g".into()],
            ..Default::default()
        }),
        sound(&JoinGroupRequest {
            group_id: "g".into(),
            session_timeout_ms: 10_000,
            rebalance_timeout_ms: 10_000,
            group_instance_id: None,
            protocol_type: "consumer".into(),
            protocols: vec![JoinGroupRequestProtocol { name: "range".into(), metadata: Bytes::new() }],
            ..Default::default()
        }),
        sound(&OffsetCommitRequest {
            group_id: "g".into(),
            generation_id_or_member_epoch: -1,
            group_instance_id: None,
            topics: vec![OffsetCommitRequestTopic {
                name: name(),
                topic_id: id,
                partitions: vec![OffsetCommitRequestPartition::default()],
            }],
            ..Default::default()
        }),
        sound(&DescribeTopicPartitionsRequest::default()),
        sound(&DescribeLogDirsRequest { topics: None }),
    ]
    .concat()
}

#[test]
fn spoiled_requests_never_panic_and_harm_nobody_else() {
    for seed in 0..2 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut world = World::new();
        let id = world.create_topic("t", 1, &[]);
        world.create_topic("mine", 1, &[]);
        let requests = sound_requests(id);
        for step in 0..150 {
            let mut spoiled = random.choice(&requests).expect("there are some").to_vec();
            // Key and version stay, so that most of what is spoiled is still decoded.
            for _ in 0..random.usize(0..4) {
                let at = random.usize(8..spoiled.len());
                let any = random.u8(..);
                spoiled[at] = *random.choice(&[0, 1, 2, 0x7f, 0x80, 0xff, any]).expect("seven");
            }
            if random.u8(..) < 20 {
                spoiled.truncate(random.usize(8..=spoiled.len()));
            }
            let connection = send(&mut world, spoiled.into());
            if random.bool() {
                world.step(Input::Closed { connection });
            }
            if step % 20 == 0 {
                world.pass(Span::seconds(1));
            }
        }
        let answer = world.produce("mine", 0, batch(&["still here"]));
        assert_eq!((answer.error_code, answer.base_offset), (ErrorCode::NONE, 0), "seed {seed}");
    }
}
