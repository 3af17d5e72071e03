//! DescribeGroups (key 15): state, protocol and members of groups.

use std::ops::RangeInclusive;

use clock::Now;
use coordinator::{Answer, Description, Input, MemberDescription};
use disk::Disk;
use kafka_wire::ErrorCode;
use kafka_wire::message::describe_groups::{
    DescribeGroupsRequest, DescribeGroupsResponse, DescribedGroup, DescribedGroupMember,
};

use crate::call::Call;
use crate::{Broker, Effect, groups};

/// The versions served.
pub(crate) const SERVED: RangeInclusive<i16> = 0..=6;

/// From which version on a group that does not exist is an error.
const NOT_FOUND_SINCE: i16 = 6;

/// What may be done to a group, as bits by the number of the operation: read, delete, describe. A broker
/// without an authorizer allows all.
pub(crate) const GROUP_OPERATIONS: i32 = 1 << 3 | 1 << 6 | 1 << 8;

/// Answers the request.
pub(crate) fn serve<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    call: Call,
    request: DescribeGroupsRequest,
    effects: &mut Vec<Effect>,
) {
    let mut response = DescribeGroupsResponse::default();
    for group_id in request.groups {
        let group = group_id.clone();
        let answer = groups::ask_now(broker, now, |token| Input::Describe { token, group }, effects);
        let Answer::Describe(description) = answer else { unreachable!("a description was asked for") };
        let mut described = described(call.api_version, group_id, description);
        if request.include_authorized_operations && described.error_code.is_none() {
            described.authorized_operations = GROUP_OPERATIONS;
        }
        response.groups.push(described);
    }
    broker.answer(call, &response, effects);
}

fn described(version: i16, group_id: String, description: Description) -> DescribedGroup {
    let is_missing = description.error.is_none() && description.state == "Dead";
    if version >= NOT_FOUND_SINCE && is_missing {
        return DescribedGroup {
            error_code: ErrorCode::GROUP_ID_NOT_FOUND,
            error_message: Some(format!("Group {group_id} not found.")),
            group_id,
            group_state: description.state.to_owned(),
            ..Default::default()
        };
    }
    let member = |member: MemberDescription| DescribedGroupMember {
        member_id: member.member_id,
        group_instance_id: member.instance_id,
        client_id: member.client_id,
        client_host: member.client_host,
        member_metadata: member.metadata,
        member_assignment: member.assignment,
    };
    DescribedGroup {
        error_code: description.error,
        group_id,
        group_state: description.state.to_owned(),
        protocol_type: description.protocol_type,
        protocol_data: description.protocol,
        members: description.members.into_iter().map(member).collect(),
        ..Default::default()
    }
}
