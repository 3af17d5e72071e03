//! Transactions that change the membership, and what becomes of a member's part when one is committed.

use bytes::Bytes;
use zookeeper_wire::OpCode;
use zookeeper_wire::txn::{Txn, TxnEntry};

use crate::{Configuration, Entry, ServerId};

/// Where a transaction's header says what it is: behind session, number and zxid, and its time.
const KIND_AT: usize = 8 + 4 + 8 + 8;

/// What a transaction says of the membership.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Said {
    /// Nothing.
    Nothing,
    /// It is a new one.
    New(Configuration),
    /// It is one that cannot be read.
    Garbage,
}

/// What `entry` says of the membership.
pub(crate) fn said_by(entry: &Entry) -> Said {
    let kind = entry.payload.get(KIND_AT..KIND_AT + 4).and_then(|bytes| bytes.first_chunk::<4>());
    if kind.is_none_or(|kind| i32::from_be_bytes(*kind) != OpCode::RECONFIG.0) {
        return Said::Nothing;
    }
    match TxnEntry::decode(entry.payload.clone()) {
        Ok(TxnEntry { txn: Txn::Reconfig(txn), .. }) => match txn.data.as_ref().and_then(read) {
            Some(configuration) => Said::New(configuration),
            None => Said::Garbage,
        },
        _ => Said::Garbage,
    }
}

/// A membership as text, with somebody in it who can lead.
pub(crate) fn read(text: &Bytes) -> Option<Configuration> {
    let configuration = Configuration::parse(std::str::from_utf8(text).ok()?).ok()?;
    configuration.voters().next()?;
    Some(configuration)
}

/// The leader that a packet of activation names.
pub(crate) fn designated(data: &Option<Bytes>) -> Option<ServerId> {
    let first = data.as_ref()?.first_chunk::<8>()?;
    Some(ServerId(i64::from_be_bytes(*first)))
}

/// Whether a learner must begin again: it has another part, or its leader another address or none.
/// Source: `QuorumPeer.processReconfig`.
pub(crate) fn is_upset(former: &Configuration, now: &Configuration, own: ServerId, leader: ServerId) -> bool {
    let address = |it: &Configuration| it.voter(leader).map(crate::MemberAddress::quorum_address);
    former.observes(own) != now.observes(own) || address(former).is_none() || address(former) != address(now)
}

#[cfg(test)]
mod tests;
