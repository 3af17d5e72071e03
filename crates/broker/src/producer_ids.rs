//! Blocks of producer ids, taken from the keeper's `/latest_producer_id_block` as Kafka takes them.
//!
//! A block is ours once the write that claims it was answered; ids of a block that a crash cut short are
//! never given out again.

use clock::Now;
use cluster::BrokerId;
use cluster::path::PRODUCER_ID_BLOCK;
use cluster::znodes::ProducerIdBlock;
use disk::Disk;
use zookeeper_wire::{ErrorCode, PathWatch, Request, Response, SetDataRequest};

use crate::asks::{self, Answer};
use crate::purgatory::WatchKey;
use crate::{Broker, Effect, Event};

/// The block in use, and whether another is being asked for.
#[derive(Default)]
pub(crate) struct ProducerIds {
    block: Option<ProducerIdBlock>,
    asking: bool,
}

/// What was being asked.
#[derive(Debug)]
pub(crate) enum Asked {
    /// The latest block.
    Latest,
    /// To be the owner of this block.
    Claim(ProducerIdBlock),
}

/// An id that nobody has had, or `None` until a block of them arrives, which touches
/// [`WatchKey::ProducerIds`].
pub(crate) fn take<D: Disk>(broker: &mut Broker<D>, effects: &mut Vec<Effect>) -> Option<i64> {
    let ids = &mut broker.producer_ids;
    if let Some(block) = &mut ids.block
        && block.first <= block.last
    {
        block.first += 1;
        return Some(block.first - 1);
    }
    if !ids.asking {
        ids.asking = true;
        ask_for_latest(broker, effects);
    }
    None
}

/// Takes an answer of the keeper.
pub(crate) fn answered<D: Disk>(
    broker: &mut Broker<D>,
    _now: Now,
    asked: Asked,
    answer: Answer,
    effects: &mut Vec<Effect>,
) {
    match (asked, answer) {
        (Asked::Latest, Ok((Response::Data(data, stat), _))) => {
            claim_next(broker, data.as_deref().unwrap_or_default(), stat.version, effects);
        }
        (Asked::Claim(block), Ok(_)) => {
            broker.producer_ids = ProducerIds { block: Some(block), asking: false };
            broker.purgatory.touch(&WatchKey::ProducerIds);
        }
        (Asked::Claim(_), Err(ErrorCode::BAD_VERSION)) => ask_for_latest(broker, effects),
        // A lost connection, or a tree that is not set up yet: the next retry asks again.
        (_, _) => broker.producer_ids.asking = false,
    }
}

fn ask_for_latest<D: Disk>(broker: &mut Broker<D>, effects: &mut Vec<Effect>) {
    let request = Request::GetData(PathWatch { path: PRODUCER_ID_BLOCK.into(), watch: false });
    broker.ask(asks::Asked::ProducerIds(Asked::Latest), request, effects);
}

fn claim_next<D: Disk>(broker: &mut Broker<D>, latest: &[u8], version: i32, effects: &mut Vec<Effect>) {
    let latest = match ProducerIdBlock::decode(latest) {
        Ok(latest) => latest,
        Err(malformed) => {
            broker.producer_ids.asking = false;
            effects.push(Effect::Event(Event::Note(format!("{PRODUCER_ID_BLOCK}: {malformed}"))));
            return;
        }
    };
    let Some(block) = ProducerIdBlock::next(latest, BrokerId(broker.settings.broker_id)) else {
        broker.producer_ids.asking = false;
        effects.push(Effect::Event(Event::Note("all producer ids are used up".into())));
        return;
    };
    let write = SetDataRequest { path: PRODUCER_ID_BLOCK.into(), data: Some(block.encode()), version };
    broker.ask(asks::Asked::ProducerIds(Asked::Claim(block)), Request::SetData(write), effects);
}
