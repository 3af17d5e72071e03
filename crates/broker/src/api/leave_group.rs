//! LeaveGroup (key 13): takes members out of a group: oneself, or from version 3 on anybody.

use std::ops::RangeInclusive;

use clock::Now;
use coordinator::{Answer, Input, LeaveRequest, LeavingMember, Left};
use disk::Disk;
use kafka_wire::ErrorCode;
use kafka_wire::message::leave_group::{LeaveGroupRequest, LeaveGroupResponse, MemberResponse};

use crate::call::Call;
use crate::{Broker, Effect, groups};

/// The versions served.
pub(crate) const SERVED: RangeInclusive<i16> = 0..=5;

/// Answers the request.
pub(crate) fn serve<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    call: Call,
    request: LeaveGroupRequest,
    effects: &mut Vec<Effect>,
) {
    let names_many = call.api_version >= 3;
    let members = if names_many {
        let members = request.members.into_iter();
        members
            .map(|member| LeavingMember {
                member_id: member.member_id,
                instance_id: member.group_instance_id,
            })
            .collect()
    } else {
        vec![LeavingMember { member_id: request.member_id, instance_id: None }]
    };
    let request = LeaveRequest { group: request.group_id, members };
    let answer = groups::ask_now(broker, now, |token| Input::Leave(token, request), effects);
    let Answer::Leave(left) = answer else { unreachable!("a leave is answered as one") };
    broker.answer(call, &if names_many { response(left) } else { response_for_one(&left) }, effects);
}

fn response(left: Left) -> LeaveGroupResponse {
    let member = |(member, error_code): (LeavingMember, ErrorCode)| MemberResponse {
        member_id: member.member_id,
        group_instance_id: member.instance_id,
        error_code,
    };
    LeaveGroupResponse {
        error_code: left.error,
        members: left.members.into_iter().map(member).collect(),
        ..Default::default()
    }
}

/// Before version 3, the error of the one member is that of the whole.
fn response_for_one(left: &Left) -> LeaveGroupResponse {
    let of_member = left.members.first().map_or(ErrorCode::NONE, |&(_, error)| error);
    let error_code = if left.error.is_none() { of_member } else { left.error };
    LeaveGroupResponse { error_code, ..Default::default() }
}
