//! Blocks of producer ids, taken from the keeper's `/latest_producer_id_block` as Kafka takes them.
//!
//! A block is ours once the write that claims it was answered; ids of a block that a crash cut short are
//! never given out again. Castle's brokers claim for themselves; Apache Kafka's ask the controller, which
//! claims for them.

use std::collections::VecDeque;

use clock::Now;
use cluster::BrokerId;
use cluster::path::PRODUCER_ID_BLOCK;
use cluster::znodes::ProducerIdBlock;
use disk::Disk;
use kafka_wire::ErrorCode;
use kafka_wire::message::allocate_producer_ids::AllocateProducerIdsResponse;
use zookeeper_wire::{ErrorCode as KeeperError, PathWatch, Request, Response, SetDataRequest};

use crate::asks::{self, Answer};
use crate::call::Call;
use crate::limits::PRODUCER_ID_GRANTS_MAX;
use crate::purgatory::WatchKey;
use crate::{Broker, Effect, Event};

/// The block in use, and whether another is being asked for.
#[derive(Default)]
pub(crate) struct ProducerIds {
    block: Option<ProducerIdBlock>,
    asking: bool,
    /// Requests of other brokers, oldest first. The first one is being served.
    grants: VecDeque<Grant>,
}

/// A block for another broker.
#[derive(Debug)]
struct Grant {
    call: Call,
    broker: BrokerId,
}

/// What was being asked.
#[derive(Debug)]
pub(crate) enum Asked {
    /// The latest block.
    Latest(For),
    /// To be the owner of this block.
    Claim(For, ProducerIdBlock),
}

/// Who shall have a block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum For {
    /// This broker.
    Own,
    /// Whoever asked first.
    Other,
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
        ask_for_latest(broker, For::Own, effects);
    }
    None
}

/// Claims a block for another broker, which is answered then.
pub(crate) fn grant<D: Disk>(broker: &mut Broker<D>, call: Call, to: BrokerId, effects: &mut Vec<Effect>) {
    if broker.producer_ids.grants.len() >= PRODUCER_ID_GRANTS_MAX {
        return refuse(broker, call, ErrorCode::UNKNOWN_SERVER_ERROR, effects);
    }
    broker.producer_ids.grants.push_back(Grant { call, broker: to });
    if broker.producer_ids.grants.len() == 1 {
        ask_for_latest(broker, For::Other, effects);
    }
}

fn refuse<D: Disk>(broker: &mut Broker<D>, call: Call, error_code: ErrorCode, effects: &mut Vec<Effect>) {
    broker.answer(call, &AllocateProducerIdsResponse { error_code, ..Default::default() }, effects);
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
        (Asked::Latest(who), Ok((Response::Data(data, stat), _))) => {
            claim_next(broker, who, data.as_deref().unwrap_or_default(), stat.version, effects);
        }
        (Asked::Claim(For::Own, block), Ok(_)) => {
            broker.producer_ids.block = Some(block);
            broker.producer_ids.asking = false;
            broker.purgatory.touch(&WatchKey::ProducerIds);
        }
        (Asked::Claim(For::Other, block), Ok(_)) => granted(broker, Some(block), effects),
        (Asked::Claim(who, _), Err(KeeperError::BAD_VERSION)) => ask_for_latest(broker, who, effects),
        // A lost connection, or a tree that is not set up yet: the next retry asks again.
        (Asked::Latest(who) | Asked::Claim(who, _), _) => failed(broker, who, effects),
    }
}

fn failed<D: Disk>(broker: &mut Broker<D>, who: For, effects: &mut Vec<Effect>) {
    match who {
        For::Own => broker.producer_ids.asking = false,
        For::Other => granted(broker, None, effects),
    }
}

/// Answers the broker that asked first, and looks after the next one.
fn granted<D: Disk>(broker: &mut Broker<D>, block: Option<ProducerIdBlock>, effects: &mut Vec<Effect>) {
    if let Some(grant) = broker.producer_ids.grants.pop_front() {
        match block {
            Some(block) => {
                let response = AllocateProducerIdsResponse {
                    producer_id_start: block.first,
                    producer_id_len: i32::try_from(block.last - block.first + 1).unwrap_or(i32::MAX),
                    ..Default::default()
                };
                broker.answer(grant.call, &response, effects);
            }
            // Whoever asked asks again.
            None => refuse(broker, grant.call, ErrorCode::UNKNOWN_SERVER_ERROR, effects),
        }
    }
    if !broker.producer_ids.grants.is_empty() {
        ask_for_latest(broker, For::Other, effects);
    }
}

fn ask_for_latest<D: Disk>(broker: &mut Broker<D>, who: For, effects: &mut Vec<Effect>) {
    let request = Request::GetData(PathWatch { path: PRODUCER_ID_BLOCK.into(), watch: false });
    broker.ask(asks::Asked::ProducerIds(Asked::Latest(who)), request, effects);
}

fn claim_next<D: Disk>(
    broker: &mut Broker<D>,
    who: For,
    latest: &[u8],
    version: i32,
    effects: &mut Vec<Effect>,
) {
    let owner = match who {
        For::Own => Some(BrokerId(broker.settings.broker_id)),
        For::Other => broker.producer_ids.grants.front().map(|grant| grant.broker),
    };
    let next = match (ProducerIdBlock::decode(latest), owner) {
        (Ok(latest), Some(owner)) => {
            ProducerIdBlock::next(latest, owner).ok_or_else(|| "all producer ids are used up".to_owned())
        }
        (Err(malformed), _) => Err(format!("{PRODUCER_ID_BLOCK}: {malformed}")),
        (Ok(_), None) => return,
    };
    match next {
        Ok(block) => {
            let write =
                SetDataRequest { path: PRODUCER_ID_BLOCK.into(), data: Some(block.encode()), version };
            let asked = asks::Asked::ProducerIds(Asked::Claim(who, block));
            broker.ask(asked, Request::SetData(write), effects);
        }
        Err(text) => {
            effects.push(Effect::Event(Event::Note(text)));
            failed(broker, who, effects);
        }
    }
}
