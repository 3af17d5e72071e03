//! SyncGroup (key 14): takes the leader's assignment and gives each member its part.

use std::ops::RangeInclusive;

use clock::Now;
use coordinator::{Input, SyncRequest, Synced};
use disk::Disk;
use kafka_wire::ErrorCode;
use kafka_wire::message::sync_group::{SyncGroupRequest, SyncGroupResponse};

use crate::call::Call;
use crate::groups::{self, Asked};
use crate::{Broker, Effect};

/// The versions served.
pub(crate) const SERVED: RangeInclusive<i16> = 0..=5;

/// A request that waits for the assignment.
#[derive(Debug)]
pub(crate) struct Waiting {
    call: Call,
}

/// Answers the request.
pub(crate) fn serve<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    call: Call,
    request: SyncGroupRequest,
    effects: &mut Vec<Effect>,
) {
    let names_its_protocol = request.protocol_type.is_some() && request.protocol_name.is_some();
    if call.api_version >= 5 && !names_its_protocol {
        let error_code = ErrorCode::INCONSISTENT_GROUP_PROTOCOL;
        let response = SyncGroupResponse { error_code, ..Default::default() };
        return broker.answer(call, &response, effects);
    }
    let assignments = request.assignments.into_iter();
    let request = SyncRequest {
        group: request.group_id,
        generation: request.generation_id,
        member_id: request.member_id,
        instance_id: request.group_instance_id,
        protocol_type: request.protocol_type,
        protocol_name: request.protocol_name,
        assignments: assignments.map(|given| (given.member_id, given.assignment)).collect(),
    };
    let asked = Asked::SyncGroup(Waiting { call });
    groups::ask(broker, now, asked, |token| Input::Sync(token, request), effects);
}

/// The assignment is durable, or there is none.
pub(crate) fn answered<D: Disk>(
    broker: &mut Broker<D>,
    waiting: Waiting,
    synced: Synced,
    effects: &mut Vec<Effect>,
) {
    let response = SyncGroupResponse {
        error_code: synced.error,
        protocol_type: synced.protocol_type,
        protocol_name: synced.protocol_name,
        assignment: synced.assignment,
        ..Default::default()
    };
    broker.answer(waiting.call, &response, effects);
}
