//! Blocks of producer ids, taken from the keeper's `/latest_producer_id_block` as Kafka takes them.

use clock::Now;
use disk::Disk;

use crate::asks::Answer;
use crate::{Broker, Effect};

/// The block in use.
#[derive(Default)]
pub(crate) struct ProducerIds {}

/// What was being asked.
#[derive(Debug)]
pub(crate) enum Asked {}

/// Takes an answer of the keeper.
pub(crate) fn answered<D: Disk>(
    _broker: &mut Broker<D>,
    _now: Now,
    asked: Asked,
    _answer: Answer,
    _effects: &mut Vec<Effect>,
) {
    match asked {}
}
