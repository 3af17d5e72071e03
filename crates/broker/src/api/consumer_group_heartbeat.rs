//! ConsumerGroupHeartbeat (key 68): joins, keeps and leaves a group of the consumer protocol (KIP-848).

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use clock::Now;
use coordinator::{ConsumerBeat, ConsumerBeatRequest, Input};
use disk::Disk;
use kafka_wire::message::consumer_group_heartbeat::{
    Assignment, ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatRequestTopicPartitions,
    ConsumerGroupHeartbeatResponse, ConsumerGroupHeartbeatResponseTopicPartitions,
};
use kafka_wire::{ErrorCode, Uuid};

use crate::api::join_group::java_address;
use crate::call::Call;
use crate::groups::{self, Asked, settings};
use crate::{Broker, Effect};

/// The versions served.
pub(crate) const SERVED: RangeInclusive<i16> = 0..=1;

/// From which version on members make their own ids (KIP-1082).
const OWN_IDS_SINCE: i16 = 1;

/// A request whose changes are being written.
#[derive(Debug)]
pub(crate) struct Waiting {
    call: Call,
}

/// Answers the request.
pub(crate) fn serve<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    call: Call,
    request: ConsumerGroupHeartbeatRequest,
    effects: &mut Vec<Effect>,
) {
    if !settings::serves_consumer_protocol(&broker.settings) {
        let error_code = ErrorCode::UNSUPPORTED_VERSION;
        let response = ConsumerGroupHeartbeatResponse { error_code, ..Default::default() };
        return broker.answer(call, &response, effects);
    }
    groups::show_topics(broker, now, effects);
    let request = ConsumerBeatRequest {
        group: request.group_id,
        member_id: request.member_id,
        makes_own_id: call.api_version >= OWN_IDS_SINCE,
        epoch: request.member_epoch,
        instance_id: request.instance_id,
        rack_id: request.rack_id,
        rebalance_timeout_ms: request.rebalance_timeout_ms,
        client_id: call.client_id.clone().unwrap_or_default(),
        client_host: java_address(call.client_address),
        topics: request.subscribed_topic_names,
        pattern: request.subscribed_topic_regex,
        assignor: request.server_assignor,
        owned: request.topic_partitions.map(by_topic),
    };
    let asked = Asked::ConsumerGroupHeartbeat(Waiting { call });
    groups::ask(broker, now, asked, |token| Input::ConsumerBeat(token, request), effects);
}

fn by_topic(
    topics: Vec<ConsumerGroupHeartbeatRequestTopicPartitions>,
) -> BTreeMap<Uuid, std::collections::BTreeSet<i32>> {
    let mut owned: BTreeMap<_, std::collections::BTreeSet<i32>> = BTreeMap::new();
    for topic in topics.into_iter().filter(|topic| !topic.partitions.is_empty()) {
        owned.entry(topic.topic_id).or_default().extend(topic.partitions);
    }
    owned
}

/// What the heartbeat changed is durable, or cannot be.
pub(crate) fn answered<D: Disk>(
    broker: &mut Broker<D>,
    waiting: Waiting,
    told: ConsumerBeat,
    effects: &mut Vec<Effect>,
) {
    let to_topic =
        |(topic_id, partitions)| ConsumerGroupHeartbeatResponseTopicPartitions { topic_id, partitions };
    let response = ConsumerGroupHeartbeatResponse {
        error_code: told.error,
        error_message: told.message,
        member_id: told.member_id,
        member_epoch: told.epoch,
        heartbeat_interval_ms: told.interval_ms,
        assignment: told
            .assignment
            .map(|topics| Assignment { topic_partitions: topics.into_iter().map(to_topic).collect() }),
        ..Default::default()
    };
    broker.answer(waiting.call, &response, effects);
}
