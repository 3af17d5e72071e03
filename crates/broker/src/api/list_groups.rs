//! ListGroups (key 16): the groups that this broker coordinates.

use std::ops::RangeInclusive;

use clock::Now;
use coordinator::{Answer, Input};
use disk::Disk;
use kafka_wire::message::list_groups::{ListGroupsRequest, ListGroupsResponse, ListedGroup};

use crate::call::Call;
use crate::{Broker, Effect, groups};

/// The versions served.
pub(crate) const SERVED: RangeInclusive<i16> = 0..=5;

/// Answers the request.
pub(crate) fn serve<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    call: Call,
    request: ListGroupsRequest,
    effects: &mut Vec<Effect>,
) {
    let (states, types) = (request.states_filter, request.types_filter);
    let answer = groups::ask_now(broker, now, |token| Input::List { token, states, types }, effects);
    let Answer::List(error_code, listed) = answer else { unreachable!("a list is answered as one") };
    let groups = listed.into_iter().map(|group| ListedGroup {
        group_id: group.group,
        protocol_type: group.protocol_type,
        group_state: group.state.to_owned(),
        group_type: group.kind.name().to_owned(),
    });
    let response = ListGroupsResponse { error_code, groups: groups.collect(), ..Default::default() };
    broker.answer(call, &response, effects);
}
