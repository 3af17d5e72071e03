//! ConsumerGroupDescribe (key 69): state, epochs and members of groups of the consumer protocol (KIP-848).

use std::ops::RangeInclusive;

use clock::Now;
use coordinator::{Answer, ConsumerDescription, ConsumerMemberDescription, Input, NamedPartitions};
use disk::Disk;
use kafka_wire::ErrorCode;
use kafka_wire::message::consumer_group_describe::{
    Assignment, ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse, DescribedGroup, Member,
    TopicPartitions,
};

use crate::api::describe_groups::GROUP_OPERATIONS;
use crate::call::Call;
use crate::groups::settings;
use crate::{Broker, Effect, groups};

/// The versions served.
pub(crate) const SERVED: RangeInclusive<i16> = 0..=1;

/// Type of a member that speaks the consumer protocol.
const CONSUMER_MEMBER: i8 = 1;

/// Answers the request.
pub(crate) fn serve<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    call: Call,
    request: ConsumerGroupDescribeRequest,
    effects: &mut Vec<Effect>,
) {
    groups::show_topics(broker, now, effects);
    let is_served = settings::serves_consumer_protocol(&broker.settings);
    let mut response = ConsumerGroupDescribeResponse::default();
    for group_id in request.group_ids {
        if !is_served {
            let error_code = ErrorCode::UNSUPPORTED_VERSION;
            response.groups.push(DescribedGroup { group_id, error_code, ..Default::default() });
            continue;
        }
        let group = group_id.clone();
        let answer = groups::ask_now(broker, now, |token| Input::ConsumerDescribe { token, group }, effects);
        let Answer::ConsumerDescribe(told) = answer else { unreachable!("a description was asked for") };
        let mut described = described(group_id, told);
        if request.include_authorized_operations && described.error_code.is_none() {
            described.authorized_operations = GROUP_OPERATIONS;
        }
        response.groups.push(described);
    }
    broker.answer(call, &response, effects);
}

fn described(group_id: String, told: ConsumerDescription) -> DescribedGroup {
    DescribedGroup {
        error_code: told.error,
        error_message: told.message,
        group_id,
        group_state: told.state.to_owned(),
        group_epoch: told.epoch,
        assignment_epoch: told.target_epoch,
        assignor_name: told.assignor.to_owned(),
        members: told.members.into_iter().map(member).collect(),
        ..Default::default()
    }
}

fn member(told: ConsumerMemberDescription) -> Member {
    Member {
        member_id: told.member_id,
        instance_id: told.instance_id,
        rack_id: told.rack_id,
        member_epoch: told.epoch,
        client_id: told.client_id,
        client_host: told.client_host,
        subscribed_topic_names: told.topics,
        subscribed_topic_regex: told.pattern,
        assignment: assignment(told.assigned),
        target_assignment: assignment(told.target),
        member_type: CONSUMER_MEMBER,
    }
}

fn assignment(topics: Vec<NamedPartitions>) -> Assignment {
    let topic = |topic: NamedPartitions| TopicPartitions {
        topic_id: topic.id,
        topic_name: topic.name,
        partitions: topic.partitions,
    };
    Assignment { topic_partitions: topics.into_iter().map(topic).collect() }
}
