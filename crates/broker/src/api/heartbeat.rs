//! Heartbeat (key 12): says that a member lives, and learns whether its generation does.

use std::ops::RangeInclusive;

use clock::Now;
use coordinator::{Answer, HeartbeatRequest as Beat, Input};
use disk::Disk;
use kafka_wire::message::heartbeat::{HeartbeatRequest, HeartbeatResponse};

use crate::call::Call;
use crate::{Broker, Effect, groups};

/// The versions served.
pub(crate) const SERVED: RangeInclusive<i16> = 0..=4;

/// Answers the request.
pub(crate) fn serve<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    call: Call,
    request: HeartbeatRequest,
    effects: &mut Vec<Effect>,
) {
    let beat = Beat {
        group: request.group_id,
        generation: request.generation_id,
        member_id: request.member_id,
        instance_id: request.group_instance_id,
    };
    let answer = groups::ask_now(broker, now, |token| Input::Heartbeat(token, beat), effects);
    let Answer::Heartbeat(error_code) = answer else { unreachable!("a heartbeat is answered as one") };
    let response = HeartbeatResponse { error_code, ..Default::default() };
    broker.answer(call, &response, effects);
}
