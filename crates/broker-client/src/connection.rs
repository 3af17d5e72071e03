//! One connection to a broker as a pure core: numbers requests, agrees on versions, matches answers.
//!
//! A broker answers in the order of the requests, so the requests under way form a queue. The first exchange is
//! ApiVersions; a broker that does not know our version of it answers in version 0, and is asked again.

use bytes::Bytes;
use kafka_wire::message::api_versions::{ApiVersionsRequest, ApiVersionsResponse};
use kafka_wire::{
    ApiKey, ErrorCode, Frame, Message, Reader, Request, RequestHeader, ResponseHeader, WireError,
};
use std::collections::{BTreeMap, VecDeque};
use std::ops::RangeInclusive;

/// State of one connection, from the first byte to the last.
#[derive(Debug)]
pub struct Connection {
    client_id: String,
    next_correlation_id: i32,
    /// What the broker serves; empty before it said so.
    served: BTreeMap<i16, RangeInclusive<i16>>,
    waiting: VecDeque<Waiting>,
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    correlation_id: i32,
    api: ApiKey,
    version: i16,
}

/// Where the opening exchange stands.
#[derive(Debug)]
pub enum Welcome {
    /// Requests may be asked.
    Ready,
    /// The broker is older; send this and hand in its answer.
    Again(Frame),
}

/// Why a request cannot be asked or an answer not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionError {
    /// There is no version that both sides speak.
    Unsupported(ApiKey),
    /// The answer is not one to the request it should belong to.
    Unexpected,
    /// The answer cannot be read.
    Wire(WireError),
    /// The broker refuses to say what it serves.
    Refused(ErrorCode),
}

impl From<WireError> for ConnectionError {
    fn from(error: WireError) -> Self {
        ConnectionError::Wire(error)
    }
}

/// The versions of an API that this client can use, which may be fewer than its tables define.
fn usable(api: ApiKey) -> RangeInclusive<i16> {
    let all = api.spec_versions();
    match api {
        // Format 2 of records needs 3; from 13 on topics go by id, and this client knows names.
        ApiKey::Produce => 3..=12,
        // Format 2 of records needs 4; from 13 on topics go by id.
        ApiKey::Fetch => 4..=12,
        // From 10 on topics go by id.
        ApiKey::OffsetCommit => 2..=9,
        ApiKey::OffsetFetch => 1..=9,
        // Version 0 answers in another way (a list of segment offsets).
        ApiKey::ListOffsets => 1..=*all.end(),
        _ => all,
    }
}

impl Connection {
    /// A connection on which nothing happened yet.
    pub fn new(client_id: impl Into<String>) -> Connection {
        Connection {
            client_id: client_id.into(),
            next_correlation_id: 0,
            served: BTreeMap::new(),
            waiting: VecDeque::new(),
        }
    }

    /// The first frame to send.
    pub fn hello(&mut self) -> Frame {
        self.api_versions(*ApiVersionsRequest::VERSIONS.end())
    }

    fn api_versions(&mut self, version: i16) -> Frame {
        let request = ApiVersionsRequest {
            client_software_name: "castle".to_owned(),
            client_software_version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        self.frame(&request, version)
    }

    /// Takes the answer to [`Connection::hello`].
    ///
    /// # Errors
    /// An answer that is none, or a refusal for another reason than the version.
    pub fn welcome(&mut self, frame: Bytes) -> Result<Welcome, ConnectionError> {
        let (waiting, mut reader) = self.open(frame, ApiKey::ApiVersions)?;
        // A refused version is answered in version 0, whatever was asked.
        let refused = reader.clone().i16()? == ErrorCode::UNSUPPORTED_VERSION.0;
        let version = if refused { 0 } else { waiting.version };
        let response = ApiVersionsResponse::decode(&mut reader, version)?;
        if refused && waiting.version > 0 {
            let range = response.api_keys.iter().find(|key| key.api_key == ApiKey::ApiVersions as i16);
            let next = range.map_or(0, |range| range.max_version).min(waiting.version - 1).max(0);
            return Ok(Welcome::Again(self.api_versions(next)));
        }
        if !response.error_code.is_none() {
            return Err(ConnectionError::Refused(response.error_code));
        }
        let served = response.api_keys.iter().map(|key| (key.api_key, key.min_version..=key.max_version));
        self.served = served.collect();
        Ok(Welcome::Ready)
    }

    /// The highest version of `api` that both sides speak.
    ///
    /// # Errors
    /// [`ConnectionError::Unsupported`].
    pub fn version_of(&self, api: ApiKey) -> Result<i16, ConnectionError> {
        let ours = usable(api);
        let theirs = self.served.get(&(api as i16)).ok_or(ConnectionError::Unsupported(api))?;
        let version = *ours.end().min(theirs.end());
        if ours.contains(&version) && theirs.contains(&version) {
            Ok(version)
        } else {
            Err(ConnectionError::Unsupported(api))
        }
    }

    /// Whether both sides speak `api`.
    pub fn serves(&self, api: ApiKey) -> bool {
        self.version_of(api).is_ok()
    }

    /// Encodes `request` in the highest version that both sides speak.
    ///
    /// # Errors
    /// [`ConnectionError::Unsupported`].
    pub fn ask<R: Request>(&mut self, request: &R) -> Result<Frame, ConnectionError> {
        let version = self.version_of(R::API)?;
        Ok(self.frame(request, version))
    }

    /// As [`Connection::ask`], for a request that is never answered (Produce with acks 0).
    ///
    /// # Errors
    /// [`ConnectionError::Unsupported`].
    pub fn tell<R: Request>(&mut self, request: &R) -> Result<Frame, ConnectionError> {
        let frame = self.ask(request)?;
        self.waiting.pop_back();
        Ok(frame)
    }

    fn frame<R: Request>(&mut self, request: &R, version: i16) -> Frame {
        let correlation_id = self.next_correlation_id;
        self.next_correlation_id = correlation_id.wrapping_add(1);
        self.waiting.push_back(Waiting { correlation_id, api: R::API, version });
        let header = RequestHeader {
            api_key: R::API as i16,
            api_version: version,
            correlation_id,
            client_id: Some(self.client_id.clone()),
        };
        Frame::request(&header, request)
    }

    /// Reads the answer to the oldest request under way, which must be an `R`.
    ///
    /// # Errors
    /// An answer to something else, or bytes that are no such answer.
    pub fn answer<R: Request>(&mut self, frame: Bytes) -> Result<R::Response, ConnectionError> {
        let (waiting, mut reader) = self.open(frame, R::API)?;
        Ok(R::Response::decode(&mut reader, waiting.version)?)
    }

    fn open(&mut self, frame: Bytes, api: ApiKey) -> Result<(Waiting, Reader), ConnectionError> {
        let mut reader = Reader::new(frame);
        let waiting = self.waiting.pop_front().ok_or(ConnectionError::Unexpected)?;
        let header =
            ResponseHeader::decode(&mut reader, waiting.api.response_header_version(waiting.version))?;
        if header.correlation_id != waiting.correlation_id || waiting.api != api {
            return Err(ConnectionError::Unexpected);
        }
        Ok((waiting, reader))
    }
}

#[cfg(test)]
mod tests {
    use super::{Connection, ConnectionError, Welcome};
    use kafka_wire::message::api_versions::{ApiVersion, ApiVersionsRequest, ApiVersionsResponse};
    use kafka_wire::message::heartbeat::{HeartbeatRequest, HeartbeatResponse};
    use kafka_wire::{ApiKey, ErrorCode, Frame, Reader, RequestHeader};

    fn versions(keys: &[(ApiKey, i16, i16)]) -> ApiVersionsResponse {
        let key = |&(api, min_version, max_version): &(ApiKey, i16, i16)| ApiVersion {
            api_key: api as i16,
            min_version,
            max_version,
        };
        ApiVersionsResponse { api_keys: keys.iter().map(key).collect(), ..ApiVersionsResponse::default() }
    }

    fn header(frame: &Frame) -> RequestHeader {
        RequestHeader::decode(&mut Reader::new(frame.to_bytes())).unwrap()
    }

    fn ready(keys: &[(ApiKey, i16, i16)]) -> Connection {
        let mut connection = Connection::new("test");
        connection.hello();
        let answer = Frame::response::<ApiVersionsRequest>(0, 4, &versions(keys)).to_bytes();
        assert!(matches!(connection.welcome(answer), Ok(Welcome::Ready)));
        connection
    }

    #[test]
    fn the_highest_common_version_is_used() {
        let check = |min, max, expect| {
            let connection = ready(&[(ApiKey::Fetch, min, max)]);
            assert_eq!(connection.version_of(ApiKey::Fetch).ok(), expect, "{min}-{max}");
        };
        check(0, 17, Some(12));
        check(4, 18, Some(12));
        check(0, 11, Some(11));
        check(0, 3, None);
        check(13, 18, None);
        let connection = ready(&[]);
        assert_eq!(
            connection.version_of(ApiKey::Metadata),
            Err(ConnectionError::Unsupported(ApiKey::Metadata))
        );
    }

    #[test]
    fn an_older_broker_is_asked_again_in_its_own_version() {
        let mut connection = Connection::new("test");
        assert_eq!(header(&connection.hello()).api_version, 4);
        let mut refusal = versions(&[(ApiKey::ApiVersions, 0, 2)]);
        refusal.error_code = ErrorCode::UNSUPPORTED_VERSION;
        let answer = Frame::response::<ApiVersionsRequest>(0, 0, &refusal).to_bytes();
        let Ok(Welcome::Again(frame)) = connection.welcome(answer) else { panic!("not asked again") };
        assert_eq!((header(&frame).api_version, header(&frame).correlation_id), (2, 1));
        let answer = versions(&[(ApiKey::Metadata, 0, 5)]);
        let answer = Frame::response::<ApiVersionsRequest>(1, 2, &answer).to_bytes();
        assert!(matches!(connection.welcome(answer), Ok(Welcome::Ready)));
        assert_eq!(connection.version_of(ApiKey::Metadata), Ok(5));
    }

    #[test]
    fn answers_belong_to_requests_in_order() {
        let mut connection = ready(&[(ApiKey::Heartbeat, 0, 4)]);
        let answer =
            |id| Frame::response::<HeartbeatRequest>(id, 4, &HeartbeatResponse::default()).to_bytes();
        connection.ask(&HeartbeatRequest::default()).unwrap();
        connection.ask(&HeartbeatRequest::default()).unwrap();
        assert_eq!(connection.answer::<HeartbeatRequest>(answer(1)), Ok(HeartbeatResponse::default()));
        assert_eq!(connection.answer::<HeartbeatRequest>(answer(7)), Err(ConnectionError::Unexpected));
        assert_eq!(connection.answer::<HeartbeatRequest>(answer(3)), Err(ConnectionError::Unexpected));
        assert!(connection.answer::<HeartbeatRequest>(bytes::Bytes::new()).is_err());
    }
}
