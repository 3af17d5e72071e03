//! JoinGroup (key 11): makes the client a member of a group's next generation.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use clock::Now;
use coordinator::{Input, JoinRequest, Joined, JoinedMember, Protocol};
use disk::Disk;
use kafka_wire::message::join_group::{JoinGroupRequest, JoinGroupResponse, JoinGroupResponseMember};

use crate::call::Call;
use crate::groups::{self, Asked};
use crate::{Broker, Effect};

/// The versions served.
pub(crate) const SERVED: RangeInclusive<i16> = 0..=9;

/// A request that waits for the rebalance.
#[derive(Debug)]
pub(crate) struct Waiting {
    call: Call,
}

/// Answers the request.
pub(crate) fn serve<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    call: Call,
    request: JoinGroupRequest,
    effects: &mut Vec<Effect>,
) {
    let version = call.api_version;
    let offers = request.protocols.into_iter();
    let request = JoinRequest {
        group: request.group_id,
        member_id: request.member_id,
        require_known_member_id: version >= 4 && request.group_instance_id.is_none(),
        can_skip_assignment: version >= 9,
        instance_id: request.group_instance_id,
        client_id: call.client_id.clone().unwrap_or_default(),
        client_host: java_address(call.client_address),
        session_timeout_ms: request.session_timeout_ms,
        // Version 0 knew one time-out for both.
        rebalance_timeout_ms: match version {
            0 => request.session_timeout_ms,
            _ => request.rebalance_timeout_ms,
        },
        protocol_type: request.protocol_type,
        protocols: offers.map(|offer| Protocol { name: offer.name, metadata: offer.metadata }).collect(),
    };
    let asked = Asked::JoinGroup(Waiting { call });
    groups::ask(broker, now, asked, |token| Input::Join(token, request), effects);
}

/// The rebalance is complete, or the member may not join.
pub(crate) fn answered<D: Disk>(
    broker: &mut Broker<D>,
    waiting: Waiting,
    joined: Joined,
    effects: &mut Vec<Effect>,
) {
    let member = |member: JoinedMember| JoinGroupResponseMember {
        member_id: member.member_id,
        group_instance_id: member.instance_id,
        metadata: member.metadata,
    };
    let response = JoinGroupResponse {
        error_code: joined.error,
        generation_id: joined.generation,
        protocol_type: joined.protocol_type,
        // Null is written as empty before version 7.
        protocol_name: joined.protocol_name,
        leader: joined.leader,
        skip_assignment: joined.skip_assignment,
        member_id: joined.member_id,
        members: joined.members.into_iter().map(member).collect(),
        ..Default::default()
    };
    broker.answer(waiting.call, &response, effects);
}

/// As `java.net.InetAddress` prints an address without a name, which is what tools show as a member's
/// host.
pub(crate) fn java_address(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => format!("/{address}"),
        IpAddr::V6(address) => {
            let parts: Vec<String> = address.segments().iter().map(|part| format!("{part:x}")).collect();
            format!("/{}", parts.join(":"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::java_address;

    #[test]
    fn addresses_look_as_java_prints_them() {
        let check = |address: &str, expect: &str| assert_eq!(java_address(address.parse().unwrap()), expect);
        check("10.0.0.7", "/10.0.0.7");
        check("::1", "/0:0:0:0:0:0:0:1");
        check("fe80::1:ab", "/fe80:0:0:0:0:0:1:ab");
        check("::ffff:10.0.0.7", "/10.0.0.7");
    }
}
