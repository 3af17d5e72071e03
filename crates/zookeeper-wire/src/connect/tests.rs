use super::*;

fn request(read_only: Option<bool>) -> ConnectRequest {
    ConnectRequest {
        protocol_version: 0,
        last_zxid_seen: Zxid(7),
        timeout_ms: 30_000,
        session: SessionId(0x10),
        password: Bytes::from_static(&[9; 16]),
        read_only,
    }
}

#[test]
fn both_lengths_exist_and_survive_a_round_trip() {
    for (read_only, request_bytes, response_bytes) in [(None, 44, 36), (Some(true), 45, 37)] {
        let mut writer = Writer::new();
        request(read_only).encode(&mut writer);
        let bytes = writer.split();
        assert_eq!(bytes.len(), request_bytes);
        assert_eq!(ConnectRequest::decode(&mut Reader::new(bytes)), Ok(request(read_only)));

        let response = ConnectResponse::refused(read_only);
        response.encode(&mut writer);
        let bytes = writer.split();
        assert_eq!(bytes.len(), response_bytes);
        assert_eq!(ConnectResponse::decode(&mut Reader::new(bytes)), Ok(response));
    }
}

#[test]
fn every_shorter_request_is_refused() {
    let mut writer = Writer::new();
    request(None).encode(&mut writer);
    let bytes = writer.finish();
    for length in 0..bytes.len() {
        let cut = ConnectRequest::decode(&mut Reader::new(bytes.slice(..length)));
        assert_eq!(cut, Err(WireError::Truncated), "{length} bytes");
    }
}
