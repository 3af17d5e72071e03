//! OffsetDelete (key 47): forgets offsets of a group, except of topics that its members read.

use std::ops::RangeInclusive;

use clock::Now;
use coordinator::{Input, Outcome};
use disk::Disk;
use kafka_wire::ErrorCode;
use kafka_wire::message::offset_delete::{
    OffsetDeleteRequest, OffsetDeleteResponse, OffsetDeleteResponsePartition, OffsetDeleteResponseTopic,
};

use crate::call::Call;
use crate::groups::{self, Asked};
use crate::{Broker, Effect};

/// The versions served.
pub(crate) const SERVED: RangeInclusive<i16> = 0..=0;

/// A request whose tombstones are being written.
#[derive(Debug)]
pub(crate) struct Waiting {
    call: Call,
    /// The partitions that do not exist.
    unknown: Vec<(String, i32)>,
}

/// Answers the request.
pub(crate) fn serve<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    call: Call,
    request: OffsetDeleteRequest,
    effects: &mut Vec<Effect>,
) {
    let (mut topics, mut unknown) = (Vec::new(), Vec::new());
    for topic in request.topics {
        let known = broker.membership.metadata().topic(&topic.name).cloned();
        let numbers = topic.partitions.iter().map(|partition| partition.partition_index);
        let exists = |number: &i32| known.as_ref().is_some_and(|known| known.partition(*number).is_some());
        let (there, missing): (Vec<i32>, Vec<i32>) = numbers.partition(exists);
        unknown.extend(missing.into_iter().map(|number| (topic.name.clone(), number)));
        if !there.is_empty() {
            topics.push((topic.name, there));
        }
    }
    let group = request.group_id;
    let asked = Asked::OffsetDelete(Waiting { call, unknown });
    groups::ask(broker, now, asked, |token| Input::DeleteOffsets { token, group, topics }, effects);
}

/// The offsets are gone, or stay.
pub(crate) fn answered<D: Disk>(
    broker: &mut Broker<D>,
    waiting: Waiting,
    result: Result<Vec<Outcome>, ErrorCode>,
    effects: &mut Vec<Effect>,
) {
    let Waiting { call, unknown } = waiting;
    let outcomes = match result {
        Ok(outcomes) => outcomes,
        Err(error_code) => {
            let response = OffsetDeleteResponse { error_code, ..Default::default() };
            return broker.answer(call, &response, effects);
        }
    };
    let missing = unknown.into_iter().map(|(topic, partition)| {
        let error = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
        Outcome { topic, partition, error }
    });
    let mut topics: Vec<OffsetDeleteResponseTopic> = Vec::new();
    for outcome in missing.chain(outcomes) {
        let partition =
            OffsetDeleteResponsePartition { partition_index: outcome.partition, error_code: outcome.error };
        match topics.iter_mut().find(|topic| topic.name == outcome.topic) {
            Some(topic) => topic.partitions.push(partition),
            None => {
                topics.push(OffsetDeleteResponseTopic { name: outcome.topic, partitions: vec![partition] });
            }
        }
    }
    broker.answer(call, &OffsetDeleteResponse { topics, ..Default::default() }, effects);
}
