//! Hostile frames: whatever arrives, the answer is a reply or a closed connection, and the next client
//! is served.

use std::ops::RangeInclusive;

use bytes::Bytes;
use kafka_wire::message::api_versions::ApiVersionsRequest;
use kafka_wire::{ApiKey, RequestHeader, Writer};
use proptest::prelude::*;

use crate::testing::World;
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
