//! ApiVersions (key 18): what this broker serves. The first request of nearly every client.
//!
//! Its response header is the old one in every version, so that a client can read the answer to a
//! version that the broker does not know.

use std::ops::RangeInclusive;

use clock::Now;
use disk::Disk;
use kafka_wire::message::api_versions::{ApiVersion, ApiVersionsRequest, ApiVersionsResponse};
use kafka_wire::{ApiKey, ErrorCode, Request};

use crate::api::{self, produce};
use crate::call::Call;
use crate::{Broker, Effect};

/// The versions served.
pub(crate) const SERVED: RangeInclusive<i16> = 0..=4;

/// This API's own key.
pub(crate) const KEY: ApiKey = ApiVersionsRequest::API;

/// Answers the request.
pub(crate) fn serve<D: Disk>(
    broker: &mut Broker<D>,
    _now: Now,
    call: Call,
    request: ApiVersionsRequest,
    effects: &mut Vec<Effect>,
) {
    let named = call.api_version < 3
        || (is_software_word(&request.client_software_name)
            && is_software_word(&request.client_software_version));
    let response = if named {
        ApiVersionsResponse { api_keys: advertised(), ..Default::default() }
    } else {
        ApiVersionsResponse { error_code: ErrorCode::INVALID_REQUEST, ..Default::default() }
    };
    broker.answer(call, &response, effects);
}

/// Answers a version of ApiVersions that is not served: version 0, error 35 and our own range, from
/// which the client learns what to send next.
pub(crate) fn serve_unknown_version<D: Disk>(
    broker: &mut Broker<D>,
    mut call: Call,
    effects: &mut Vec<Effect>,
) {
    call.api_version = 0;
    let response = ApiVersionsResponse {
        error_code: ErrorCode::UNSUPPORTED_VERSION,
        api_keys: vec![range_of(KEY)],
        ..Default::default()
    };
    broker.answer(call, &response, effects);
}

/// The ranges in ascending order of key.
fn advertised() -> Vec<ApiVersion> {
    let mut keys: Vec<ApiVersion> =
        api::ALL.iter().filter(|&&key| !api::served(key).is_empty()).map(|&key| range_of(key)).collect();
    keys.sort_by_key(|range| range.api_key);
    keys
}

fn range_of(key: ApiKey) -> ApiVersion {
    let served = api::served(key);
    let min_version = if key == ApiKey::Produce { produce::ADVERTISED_SINCE } else { *served.start() };
    ApiVersion { api_key: key as i16, min_version, max_version: *served.end() }
}

/// Whether a client software name or version is of the allowed form: letters and digits, with `-` and
/// `.` inside only. Source: KIP-511.
fn is_software_word(word: &str) -> bool {
    let is_end = |c: u8| c.is_ascii_alphanumeric();
    let bytes = word.as_bytes();
    match (bytes.first(), bytes.last()) {
        (Some(&first), Some(&last)) => {
            is_end(first) && is_end(last) && bytes.iter().all(|&c| is_end(c) || c == b'-' || c == b'.')
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
