//! Partitions of `__transaction_state` that come and go with their leadership.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use kafka_wire::ErrorCode;

use super::effect::{Answer, Effect};
use super::record::{self, Value};
use super::transaction::{Then, Transaction};
use super::{Content, Place, Shard, Transactions, answer};
use crate::groups::place;

impl Transactions {
    pub(super) fn load(&mut self, partition: i32, leader_epoch: i32, effects: &mut Vec<Effect>) {
        let newest = self.epochs.entry(partition).or_insert(leader_epoch);
        if leader_epoch < *newest {
            return;
        }
        *newest = leader_epoch;
        if let Some(Shard { leader_epoch: known, content: Content::Loaded(_) }) =
            self.shards.get_mut(&partition)
        {
            // Leader still: what is in memory is what is in the log.
            *known = leader_epoch;
            return;
        }
        self.close(partition, effects);
        self.shards.insert(partition, Shard { leader_epoch, content: Content::Loading(BTreeMap::new()) });
    }

    pub(super) fn loading(
        &mut self,
        partition: i32,
        records: Vec<(Bytes, Option<Bytes>)>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(Shard { content: Content::Loading(values), .. }) = self.shards.get_mut(&partition) else {
            return;
        };
        for (key, value) in records {
            let read = record::read_key(&key).map_err(|_| "keys that are malformed").and_then(|id| {
                let id = id.ok_or("keys of a version that is not known")?;
                Ok((id, value.as_ref().map(Value::decode).transpose()?))
            });
            match read {
                Ok((id, Some(value))) => {
                    values.insert(id, value);
                }
                Ok((id, None)) => {
                    values.remove(&id);
                }
                Err(what) => {
                    effects.push(Effect::Note(format!("__transaction_state-{partition}: {what} left out")));
                }
            }
        }
    }

    /// Serves what was loaded, and goes on where the coordinator before stopped.
    pub(super) fn loaded(&mut self, partition: i32, effects: &mut Vec<Effect>) {
        let Some(shard) = self.shards.get_mut(&partition) else { return };
        let Content::Loading(values) = &mut shard.content else { return };
        let partitions = self.settings.partitions;
        let ours = std::mem::take(values).into_iter().filter(|(id, _)| place(id, partitions) == partition);
        let transactions: BTreeMap<Arc<str>, Transaction> =
            ours.map(|(id, value)| (Arc::from(id), Transaction::new(value))).collect();
        let is_decided = |(_, transaction): &(&Arc<str>, &Transaction)| transaction.value.state.is_prepared();
        let decided: Vec<Arc<str>> =
            transactions.iter().filter(is_decided).map(|(id, _)| id.clone()).collect();
        shard.content = Content::Loaded(transactions);
        for id in decided {
            self.mark(&Place { partition, id }, effects);
        }
    }

    pub(super) fn unload(&mut self, partition: i32, leader_epoch: Option<i32>, effects: &mut Vec<Effect>) {
        if let Some(leader_epoch) = leader_epoch {
            let newest = self.epochs.entry(partition).or_insert(leader_epoch);
            if leader_epoch < *newest {
                return;
            }
            *newest = leader_epoch;
        }
        self.close(partition, effects);
    }

    /// Drops a partition and tells whoever waits for something in it to look elsewhere.
    fn close(&mut self, partition: i32, effects: &mut Vec<Effect>) {
        self.writes.retain(|_, place| place.partition != partition);
        self.marks.retain(|_, place| place.partition != partition);
        self.retries.retain(|(_, other, _)| *other != partition);
        let Some(Shard { content: Content::Loaded(transactions), .. }) = self.shards.remove(&partition)
        else {
            return;
        };
        let error = ErrorCode::NOT_COORDINATOR;
        for pending in transactions.into_values().filter_map(|transaction| transaction.pending) {
            match pending.then {
                Then::Nothing => {}
                Then::Init(token) | Then::FencedForInit(token) => {
                    answer(effects, token, Answer::Init(Err(error)));
                }
                Then::Add(token) => answer(effects, token, Answer::Add(error)),
                Then::End(token, _) => answer(effects, token, Answer::End(Err(error))),
            }
        }
    }
}
