//! Stretches of consecutive partitions: the members of a topic in order, static ones first, so that who
//! comes back gets the same place.

use std::collections::BTreeMap;

use kafka_wire::Uuid;

use super::Candidate;
use crate::consumer::Assignment;

/// The targets, in the order of the candidates.
pub(super) fn assign(candidates: &[Candidate], partitions: &BTreeMap<Uuid, i32>) -> Vec<Assignment> {
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    order.sort_by_key(|&at| {
        let Candidate { id, instance_id, .. } = &candidates[at];
        (instance_id.is_none(), instance_id.as_deref().unwrap_or(id))
    });
    let mut subscribers: BTreeMap<Uuid, Vec<usize>> = BTreeMap::new();
    for at in order {
        for &topic in candidates[at].topics.iter() {
            subscribers.entry(topic).or_default().push(at);
        }
    }
    let mut targets = vec![Assignment::new(); candidates.len()];
    for (topic, members) in subscribers {
        let size = partitions.get(&topic).copied().unwrap_or(0);
        let count = i32::try_from(members.len()).unwrap_or(i32::MAX);
        let (share, mut extra) = (size / count, size % count);
        let mut next = 0;
        for at in members {
            let end = next + share + i32::from(extra > 0);
            extra = (extra - 1).max(0);
            if next < end {
                targets[at].insert(topic, (next..end).collect());
            }
            next = end;
        }
        assert_eq!(next, size, "every partition has its member");
    }
    targets
}
