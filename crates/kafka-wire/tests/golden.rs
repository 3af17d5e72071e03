//! Bytes whose meaning is known from elsewhere: what clients send first, and what must never change.

use bytes::Bytes;
use kafka_wire::message::api_versions::{ApiVersion, ApiVersionsRequest, ApiVersionsResponse};
use kafka_wire::message::fetch::{FetchRequest, FetchResponse, FetchableTopicResponse, PartitionData};
use kafka_wire::message::metadata::MetadataRequest;
use kafka_wire::message::produce::ProduceRequest;
use kafka_wire::records::offset_commit::OffsetCommitValue;
use kafka_wire::{ApiKey, ErrorCode, Frame, Message, Reader, Records, RequestHeader, Writer};

fn hex(text: &str) -> Bytes {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(16)).collect();
    digits.chunks(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect()
}

fn header(api: ApiKey, api_version: i16, correlation_id: i32, client_id: &str) -> RequestHeader {
    RequestHeader { api_key: api as i16, api_version, correlation_id, client_id: Some(client_id.to_owned()) }
}

#[test]
fn the_first_request_of_a_modern_client() {
    let request = ApiVersionsRequest {
        client_software_name: "librdkafka".to_owned(),
        client_software_version: "2.3.0".to_owned(),
    };
    let header = header(ApiKey::ApiVersions, 3, 1, "rdkafka");
    let bytes = hex("0012 0003 00000001 0007 72646b61666b61 00
         0b 6c696272646b61666b61 06 322e332e30 00");
    assert_eq!(Frame::request(&header, &request).to_bytes(), bytes);
    let mut reader = Reader::new(bytes);
    assert_eq!(RequestHeader::decode(&mut reader), Ok(header));
    assert_eq!(ApiVersionsRequest::decode(&mut reader, 3), Ok(request));
    assert_eq!(reader.remaining(), 0);
}

#[test]
fn api_versions_answers_with_the_oldest_header() {
    let response = ApiVersionsResponse {
        api_keys: vec![ApiVersion { api_key: 18, min_version: 0, max_version: 4 }],
        ..ApiVersionsResponse::default()
    };
    let frame = |version| Frame::response::<ApiVersionsRequest>(7, version, &response).to_bytes();
    assert_eq!(frame(0), hex("00000007 0000 00000001 0012 0000 0004"));
    assert_eq!(frame(3), hex("00000007 0000 02 0012 0000 0004 00 00000000 00"));
    let refusal = ApiVersionsResponse { error_code: ErrorCode::UNSUPPORTED_VERSION, ..response.clone() };
    let refused = Frame::response::<ApiVersionsRequest>(7, 0, &refusal).to_bytes();
    assert_eq!(refused, hex("00000007 0023 00000001 0012 0000 0004"));
}

#[test]
fn no_topics_and_all_topics() {
    let encoded = |topics, version| {
        let mut writer = Writer::new();
        MetadataRequest { topics, ..MetadataRequest::default() }.encode(&mut writer, version);
        writer.into_bytes()
    };
    assert_eq!(encoded(None, 1), hex("ffffffff"));
    assert_eq!(encoded(Some(vec![]), 1), hex("00000000"));
    assert_eq!(encoded(None, 0), hex("00000000"));
    assert_eq!(encoded(None, 12), hex("00 01 00 00"));
    assert_eq!(encoded(Some(vec![]), 12), hex("01 01 00 00"));
}

#[test]
fn the_oldest_produce_and_fetch() {
    let produce = hex("0001 00000bb8 00000001 0001 74 00000001 00000000 00000003 aabbcc");
    let request = ProduceRequest::decode(&mut Reader::new(produce.clone()), 0).expect("a produce request");
    assert_eq!((request.acks, request.timeout_ms), (1, 3_000));
    let partition = &request.topic_data[0].partition_data[0];
    assert_eq!(partition.records, Some(Records::from(hex("aabbcc"))));
    let mut writer = Writer::new();
    request.encode(&mut writer, 0);
    assert_eq!(writer.into_bytes(), produce);

    let fetch =
        hex("ffffffff 000001f4 00000001 00000001 0001 74 00000001 00000000 000000000000002a 00100000");
    let request = FetchRequest::decode(&mut Reader::new(fetch), 0).expect("a fetch request");
    assert_eq!((request.replica_id, request.max_wait_ms, request.max_bytes), (-1, 500, i32::MAX));
    let partition = &request.topics[0].partitions[0];
    assert_eq!((partition.fetch_offset, partition.partition_max_bytes), (42, 1 << 20));
    assert_eq!((partition.current_leader_epoch, partition.high_watermark), (-1, i64::MAX));
}

#[test]
fn headers_follow_api_and_version() {
    let check = |api: ApiKey, version, request, response| {
        assert_eq!(api.request_header_version(version), request, "{api:?} v{version}");
        assert_eq!(api.response_header_version(version), response, "{api:?} v{version}");
    };
    check(ApiKey::Produce, 8, 1, 0);
    check(ApiKey::Produce, 9, 2, 1);
    check(ApiKey::ApiVersions, 2, 1, 0);
    check(ApiKey::ApiVersions, 4, 2, 0);
    check(ApiKey::ControlledShutdown, 0, 0, 0);
    check(ApiKey::ControlledShutdown, 3, 2, 1);
    check(ApiKey::SaslHandshake, 1, 1, 0);
    check(ApiKey::OffsetDelete, 0, 1, 0);
}

#[test]
fn a_header_of_an_unknown_api_is_still_a_header() {
    let mut reader = Reader::new(hex("03e7 0000 0000002a"));
    let header = RequestHeader::decode(&mut reader).expect("the fixed part");
    assert_eq!((header.api_key, header.correlation_id), (999, 42));
    assert_eq!(ApiKey::from_i16(999), None);
    assert!(RequestHeader::decode(&mut Reader::new(hex("0012 0003 0000"))).is_err());
}

#[test]
fn records_pass_through_uncopied() {
    let records = Bytes::from(vec![7; 1 << 20]);
    let partition =
        |records: Bytes| PartitionData { records: Some(records.into()), ..PartitionData::default() };
    let response = FetchResponse {
        responses: vec![FetchableTopicResponse {
            topic: "t".to_owned(),
            partitions: vec![partition(records.clone()), partition(Bytes::from_static(b"few"))],
            ..FetchableTopicResponse::default()
        }],
        ..FetchResponse::default()
    };
    let frame = Frame::response::<FetchRequest>(1, 12, &response);
    let [before, middle, after] = frame.segments() else { panic!("{} segments", frame.segments().len()) };
    assert_eq!(middle.as_ptr(), records.as_ptr());
    assert_eq!(before.len() + middle.len() + after.len(), frame.len());
    let whole = frame.to_bytes();
    let mut reader = Reader::new(whole.slice(5..));
    let decoded = FetchResponse::decode(&mut reader, 12).expect("what was encoded");
    let pieces = decoded.responses[0].partitions[0].records.as_ref().expect("records").pieces();
    assert!(whole.as_ptr_range().contains(&pieces[0].as_ptr()), "decoding shares the frame");
    assert_eq!(decoded, response);
}

#[test]
fn committed_offsets_are_readable_by_todays_tools() {
    let value = OffsetCommitValue {
        offset: 5,
        leader_epoch: 2,
        metadata: "m".to_owned(),
        commit_timestamp: 9,
        ..OffsetCommitValue::default()
    };
    let mut writer = Writer::new();
    value.encode(&mut writer, 3);
    assert_eq!(writer.into_bytes(), hex("0000000000000005 00000002 0001 6d 0000000000000009"));
}

#[test]
fn long_texts_are_cut_only_where_two_bytes_must_do() {
    let text = "ä".repeat(20_000);
    let encoded = |flexible| {
        let mut writer = Writer::new();
        writer.string(flexible, &text);
        Reader::new(writer.into_bytes()).string(flexible).map(|text| text.len())
    };
    assert_eq!(encoded(true), Ok(40_000));
    assert_eq!(encoded(false), Ok(32_766));
}
