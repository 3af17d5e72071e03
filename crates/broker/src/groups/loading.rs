//! Reading the partitions of `__consumer_offsets` that this broker came to lead.

use clock::Now;
use coordinator::Input;
use disk::Disk;

use super::step;
use crate::internal_log::Part;
use crate::purgatory::WatchKey;
use crate::{Broker, Effect};

/// Reads on in every partition that is being read, as far as one turn allows.
pub(super) fn go_on<D: Disk>(broker: &mut Broker<D>, now: Now, effects: &mut Vec<Effect>) {
    broker.groups.reading.begin_turn();
    loop {
        let Broker { groups, replicas, .. } = broker;
        match groups.reading.next(now, &groups.topic, replicas, effects) {
            None => return,
            // It will be unloaded.
            Some(Part::Lost) => broker.groups.leadership_changed(),
            Some(Part::Batches(partition, batches)) => {
                step(broker, now, Input::Loading { partition, batches }, effects);
            }
            Some(Part::End(partition)) => {
                step(broker, now, Input::Loaded { partition }, effects);
                // Whoever looks for the coordinator may be told now.
                broker.purgatory.touch(&WatchKey::Topics);
            }
        }
    }
}
