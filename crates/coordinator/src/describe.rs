//! DescribeGroups and ListGroups.

use bytes::Bytes;
use kafka_wire::ErrorCode;

use crate::effect::{Description, GroupType, ListedGroup, MemberDescription};
use crate::group::{Group, State};
use crate::member::Member;

/// A group that exists, or one that does not.
pub(crate) fn describe(group: Option<&Group>) -> Description {
    let Some(group) = group.filter(|group| group.consumer.is_none()) else {
        return Description { state: State::Dead.name(), ..refused(ErrorCode::NONE) };
    };
    let protocol = group.protocol.as_deref().filter(|_| group.is(State::Stable));
    let tell = |member: &Member| MemberDescription {
        member_id: member.id.to_string(),
        instance_id: member.instance_id.clone(),
        client_id: member.client_id.clone(),
        client_host: member.client_host.clone(),
        metadata: protocol.map(|protocol| member.metadata(protocol)).unwrap_or_default(),
        assignment: protocol.map(|_| member.assignment.clone()).unwrap_or_else(Bytes::new),
    };
    Description {
        error: ErrorCode::NONE,
        state: group.state().name(),
        protocol_type: group.protocol_type.clone().unwrap_or_default(),
        protocol: protocol.unwrap_or_default().to_owned(),
        members: group.members().map(tell).collect(),
    }
}

/// The answer for a group that cannot be looked at.
pub(crate) fn refused(error: ErrorCode) -> Description {
    Description {
        error,
        state: "",
        protocol_type: String::new(),
        protocol: String::new(),
        members: Vec::new(),
    }
}

/// Which groups a list is about.
pub(crate) struct Filter {
    states: Vec<String>,
    wants_classic: bool,
    wants_consumer: bool,
}

impl Filter {
    pub(crate) fn new(states: &[String], types: &[String]) -> Self {
        let wants = |wanted: GroupType| {
            types.is_empty() || types.iter().any(|kind| kind.eq_ignore_ascii_case(wanted.name()))
        };
        Filter {
            states: states.iter().map(|state| state.to_ascii_lowercase()).collect(),
            wants_classic: wants(GroupType::Classic),
            wants_consumer: wants(GroupType::Consumer),
        }
    }

    /// The group as a line of the list, if it belongs there.
    pub(crate) fn list(&self, group: &Group) -> Option<ListedGroup> {
        let state = group.state_name();
        let kind = if group.consumer.is_some() { GroupType::Consumer } else { GroupType::Classic };
        let is_wanted = if group.consumer.is_some() { self.wants_consumer } else { self.wants_classic };
        let in_state =
            self.states.is_empty() || self.states.iter().any(|name| state.eq_ignore_ascii_case(name));
        (is_wanted && in_state).then(|| ListedGroup {
            group: group.id.to_string(),
            protocol_type: group.protocol_type.clone().unwrap_or_default(),
            state,
            kind,
        })
    }
}
