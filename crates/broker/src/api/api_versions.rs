//! ApiVersions (key 18): what this broker serves. The first request of nearly every client.
//!
//! Its response header is the old one in every version, so that a client can read the answer to a
//! version that the broker does not know.

use std::ops::RangeInclusive;
use std::sync::Arc;

use clock::Now;
use disk::Disk;
use kafka_wire::message::api_versions::{
    ApiVersion, ApiVersionsRequest, ApiVersionsResponse, FinalizedFeatureKey, SupportedFeatureKey,
};
use kafka_wire::{ApiKey, ErrorCode, Request};

use crate::api::{self, produce};
use crate::call::Call;
use crate::{Broker, Effect, Settings, groups};

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
        let (supported, finalized) = features(broker, call.api_version);
        ApiVersionsResponse {
            api_keys: advertised(&broker.settings),
            supported_features: supported,
            finalized_features_epoch: if finalized.is_empty() { -1 } else { features_epoch(broker) },
            finalized_features: finalized,
            ..Default::default()
        }
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
fn advertised(settings: &Settings) -> Vec<ApiVersion> {
    let hidden = |key| {
        let is_newer = matches!(key, ApiKey::ConsumerGroupHeartbeat | ApiKey::ConsumerGroupDescribe);
        is_newer && !groups::settings::serves_consumer_protocol(settings)
    };
    let served = api::ALL.iter().copied().filter(|&key| !api::served(key).is_empty() && !hidden(key));
    let mut keys: Vec<ApiVersion> = served.map(range_of).collect();
    keys.sort_by_key(|range| range.api_key);
    keys
}

/// What clients may rely on, and what they should use: features that are more than the version of an API.
fn features<D: Disk>(
    broker: &Broker<D>,
    version: i16,
) -> (Vec<SupportedFeatureKey>, Vec<FinalizedFeatureKey>) {
    let mut levels = Vec::new();
    if groups::settings::serves_consumer_protocol(&broker.settings) {
        levels.push(("group.version", GROUP_VERSION));
    }
    let is_with_us = |broker: &Arc<cluster::Broker>| {
        let levels = broker.registration.features.get(TRANSACTION_FEATURE);
        levels.and_then(|levels| levels.get("max_version")).is_some_and(|&max| max >= TRANSACTION_VERSION)
    };
    let brokers = &broker.membership.metadata().brokers;
    if !brokers.is_empty() && brokers.values().all(is_with_us) {
        levels.push((TRANSACTION_FEATURE, TRANSACTION_VERSION));
    }
    let supported = |&(name, max_version): &(&str, i16)| SupportedFeatureKey {
        name: name.to_owned(),
        // Older clients do not bear a range that begins at 0 (KAFKA-17492).
        min_version: i16::from(version < ZERO_LEVELS_SINCE),
        max_version,
    };
    let finalized = |&(name, level): &(&str, i16)| FinalizedFeatureKey {
        name: name.to_owned(),
        max_version_level: level,
        min_version_level: level,
    };
    (levels.iter().map(supported).collect(), levels.iter().map(finalized).collect())
}

/// A number that rises when a broker joins, which is when the features may become fewer: clients believe
/// the highest.
fn features_epoch<D: Disk>(broker: &Broker<D>) -> i64 {
    broker.membership.metadata().brokers.values().map(|broker| broker.epoch.0).max().unwrap_or(0).max(0)
}

/// From which version on a feature may begin at level 0.
const ZERO_LEVELS_SINCE: i16 = 4;

/// Level of `group.version` that has the consumer protocol.
const GROUP_VERSION: i16 = 1;

/// The feature of transactions whose partitions join by producing, and whose ends raise the epoch (KIP-890).
/// Clients use it on all brokers as soon as one tells of it, so all must know it: each registers it.
pub(crate) const TRANSACTION_FEATURE: &str = "transaction.version";

/// Level of that feature.
pub(crate) const TRANSACTION_VERSION: i16 = 2;

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
