//! DeleteGroups (key 42): forgets groups without members, and their offsets.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use clock::Now;
use coordinator::Input;
use disk::Disk;
use kafka_wire::ErrorCode;
use kafka_wire::message::delete_groups::{DeletableGroupResult, DeleteGroupsRequest, DeleteGroupsResponse};

use crate::call::Call;
use crate::groups::{self, Asked};
use crate::{Broker, Effect};

/// The versions served.
pub(crate) const SERVED: RangeInclusive<i16> = 0..=2;

/// A request whose tombstones are being written.
#[derive(Debug)]
pub(crate) struct Waiting {
    call: Call,
}

/// Answers the request.
pub(crate) fn serve<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    call: Call,
    request: DeleteGroupsRequest,
    effects: &mut Vec<Effect>,
) {
    let groups = request.groups_names;
    let asked = Asked::DeleteGroups(Waiting { call });
    groups::ask(broker, now, asked, |token| Input::Delete { token, groups }, effects);
}

/// The groups are gone, or stay.
pub(crate) fn answered<D: Disk>(
    broker: &mut Broker<D>,
    waiting: Waiting,
    results: BTreeMap<String, ErrorCode>,
    effects: &mut Vec<Effect>,
) {
    let results =
        results.into_iter().map(|(group_id, error_code)| DeletableGroupResult { group_id, error_code });
    let response = DeleteGroupsResponse { results: results.collect(), ..Default::default() };
    broker.answer(waiting.call, &response, effects);
}
