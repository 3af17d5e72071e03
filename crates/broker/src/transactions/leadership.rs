//! Partitions of `__transaction_state` that this broker comes to lead, which means to read them, a part in
//! each turn, or ceases to lead.

use std::collections::BTreeMap;

use clock::Now;
use coordinator::LoadedBatch;
use coordinator::transactions::Input;
use disk::Disk;

use super::{TRANSACTIONS_TOPIC, step};
use crate::internal_log::Part;
use crate::purgatory::WatchKey;
use crate::{Broker, Effect};

/// Loads the partitions that this broker came to lead and drops those that it lost.
pub(super) fn follow<D: Disk>(broker: &mut Broker<D>, now: Now, effects: &mut Vec<Effect>) {
    let metadata = broker.membership.metadata().clone();
    let transactions = &mut broker.transactions;
    if !transactions.is_unsettled && transactions.seen_version == Some(metadata.version) {
        return;
    }
    transactions.seen_version = Some(metadata.version);
    transactions.is_unsettled = false;
    let led: BTreeMap<i32, i32> = transactions.core.led().collect();
    for &partition in led.keys() {
        let name = broker.transactions.partition(partition);
        if broker.replicas.leader(&name).is_none() {
            broker.transactions.in_log.remove(&partition);
            broker.transactions.reading.end(partition);
            step(broker, now, Input::Unload { partition, leader_epoch: None }, effects);
        }
    }
    let Some(topic) = metadata.topic(TRANSACTIONS_TOPIC).filter(|topic| !topic.partitions.is_empty()) else {
        return;
    };
    if broker.transactions.core.led().next().is_none() {
        let count = i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX);
        broker.transactions.core.set_partitions(count);
    }
    for known in &topic.partitions {
        let partition = known.partition;
        let name = broker.transactions.partition(partition);
        let Some(replica) = broker.replicas.leader(&name) else {
            // The cluster says it is ours, but the replica has not heard of it yet.
            broker.transactions.is_unsettled |= known.leader.0 == broker.settings.broker_id;
            continue;
        };
        let (leader_epoch, start) = (replica.leader_epoch(), replica.log_start_offset());
        let is_reading = broker.transactions.reading.contains(partition);
        match led.get(&partition) {
            Some(&epoch) if epoch == leader_epoch => continue,
            Some(_) if !is_reading => {}
            _ => {
                broker.transactions.reading.begin(partition, start);
            }
        }
        step(broker, now, Input::Load { partition, leader_epoch }, effects);
    }
}

/// Reads on in every partition that is being read, as far as one turn allows.
pub(super) fn read_on<D: Disk>(broker: &mut Broker<D>, now: Now, effects: &mut Vec<Effect>) {
    broker.transactions.reading.begin_turn();
    loop {
        let Broker { transactions, replicas, .. } = broker;
        match transactions.reading.next(now, &transactions.topic, replicas, effects) {
            None => return,
            // It will be unloaded.
            Some(Part::Lost) => broker.transactions.leadership_changed(),
            Some(Part::Batches(partition, batches)) => {
                let of_batch = |batch| match batch {
                    LoadedBatch::Records { records, .. } => records,
                    LoadedBatch::Marker { .. } => Vec::new(),
                };
                let records = batches.into_iter().flat_map(of_batch).collect();
                step(broker, now, Input::Loading { partition, records }, effects);
            }
            Some(Part::End(partition)) => {
                step(broker, now, Input::Loaded { partition }, effects);
                // Whoever looks for the coordinator may be told now.
                broker.purgatory.touch(&WatchKey::Topics);
            }
        }
    }
}
