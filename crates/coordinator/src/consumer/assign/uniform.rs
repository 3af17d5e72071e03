//! Equal shares: no two members differ by more than one partition if all subscribe to the same, and by as
//! little as their subscriptions allow if not. Within that, members keep what they had.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use kafka_wire::Uuid;

use super::Candidate;
use crate::consumer::Assignment;

/// The targets of members that all subscribe to the same topics, in the order of the candidates.
pub(super) fn assign_equals(candidates: &[Candidate], partitions: &BTreeMap<Uuid, i32>) -> Vec<Assignment> {
    let topics = &candidates[0].topics;
    let total: usize = topics.iter().map(|topic| size(partitions, *topic)).sum();
    let (share, extra) = (total / candidates.len(), total % candidates.len());
    let mut kept = Kept::of(candidates, partitions);
    // Those that have most get what is left over: nothing moves then.
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    order.sort_by_key(|&at| Reverse(kept.loads[at]));
    let mut quotas = vec![share; candidates.len()];
    order.iter().take(extra).for_each(|&at| quotas[at] += 1);
    for (at, &quota) in quotas.iter().enumerate() {
        while kept.loads[at] > quota {
            kept.give_up_last(at);
        }
    }
    let mut free = kept.free(topics.iter().copied(), partitions).into_iter();
    for (at, &quota) in quotas.iter().enumerate() {
        while kept.loads[at] < quota {
            let (topic, partition) = free.next().expect("the quotas add up to all partitions");
            kept.give(at, topic, partition);
        }
    }
    assert!(free.next().is_none(), "every partition has its member");
    kept.targets
}

/// The targets of members that subscribe to different topics, in the order of the candidates.
pub(super) fn assign_different(
    candidates: &[Candidate],
    partitions: &BTreeMap<Uuid, i32>,
) -> Vec<Assignment> {
    let mut subscribers: BTreeMap<Uuid, Vec<usize>> = BTreeMap::new();
    for (at, candidate) in candidates.iter().enumerate() {
        for &topic in candidate.topics.iter() {
            subscribers.entry(topic).or_default().push(at);
        }
    }
    let mut kept = Kept::of(candidates, partitions);
    // Topics with few subscribers first: they have the least choice.
    let mut topics: Vec<Uuid> = subscribers.keys().copied().collect();
    topics.sort_by_key(|topic| (subscribers[topic].len(), *topic));
    for &topic in &topics {
        let by_load = |&at: &usize| Reverse((kept.loads[at], at));
        let mut least: BinaryHeap<_> = subscribers[&topic].iter().map(by_load).collect();
        for (topic, partition) in kept.free([topic].into_iter(), partitions) {
            let Some(Reverse((load, at))) = least.pop() else { break };
            kept.give(at, topic, partition);
            least.push(Reverse((load + 1, at)));
        }
    }
    for _ in 0..BALANCE_ROUNDS_MAX {
        if !balance(&mut kept, &topics, &subscribers) {
            break;
        }
    }
    kept.targets
}

/// Rounds of balancing. Each move makes the shares more equal, so there is an end; a few rounds come close
/// to it, and the rest is not worth the time.
const BALANCE_ROUNDS_MAX: usize = 16;

/// Moves partitions of each topic from those that have most to those that have least. False if none moved.
fn balance(kept: &mut Kept, topics: &[Uuid], subscribers: &BTreeMap<Uuid, Vec<usize>>) -> bool {
    let mut has_moved = false;
    for topic in topics {
        let members = &subscribers[topic];
        let mut by_load: BTreeSet<(usize, usize)> = members.iter().map(|&at| (kept.loads[at], at)).collect();
        let mut givers = by_load.clone();
        while let (Some(&(least, to)), Some(&(most, from))) = (by_load.first(), givers.last()) {
            if most < least + 2 {
                break;
            }
            let Some(partition) = kept.targets[from].get(topic).and_then(|have| have.last().copied()) else {
                givers.remove(&(most, from));
                continue;
            };
            has_moved = true;
            kept.take(from, *topic, partition);
            kept.give(to, *topic, partition);
            for set in [&mut by_load, &mut givers] {
                for (load, at, now) in [(most, from, most - 1), (least, to, least + 1)] {
                    if set.remove(&(load, at)) {
                        set.insert((now, at));
                    }
                }
            }
        }
    }
    has_moved
}

/// Targets in the making.
struct Kept {
    targets: Vec<Assignment>,
    /// Partitions of each member.
    loads: Vec<usize>,
}

impl Kept {
    /// What the members had and may keep: topics that they still subscribe to, partitions that there are,
    /// and none twice.
    fn of(candidates: &[Candidate], partitions: &BTreeMap<Uuid, i32>) -> Kept {
        let mut taken: BTreeSet<(Uuid, i32)> = BTreeSet::new();
        let mut targets = Vec::with_capacity(candidates.len());
        for candidate in candidates {
            let mut target = Assignment::new();
            for (&topic, before) in
                candidate.before.iter().filter(|(topic, _)| candidate.topics.contains(topic))
            {
                let size = partitions.get(&topic).copied().unwrap_or(0);
                let keep = before.iter().copied().filter(|partition| (0..size).contains(partition));
                let keep: BTreeSet<i32> =
                    keep.filter(|&partition| taken.insert((topic, partition))).collect();
                if !keep.is_empty() {
                    target.insert(topic, keep);
                }
            }
            targets.push(target);
        }
        let loads = targets.iter().map(|target| target.values().map(BTreeSet::len).sum()).collect();
        Kept { targets, loads }
    }

    /// The partitions of some topics that nobody has, in order.
    fn free(&self, topics: impl Iterator<Item = Uuid>, partitions: &BTreeMap<Uuid, i32>) -> Vec<(Uuid, i32)> {
        let mut free = Vec::new();
        for topic in topics {
            let mut is_free = vec![true; size(partitions, topic)];
            for have in self.targets.iter().filter_map(|target| target.get(&topic)) {
                for &partition in have {
                    is_free[usize::try_from(partition).expect("what is kept was checked")] = false;
                }
            }
            free.extend(
                (0..).zip(is_free).filter(|&(_, is_free)| is_free).map(|(partition, _)| (topic, partition)),
            );
        }
        free
    }

    fn give(&mut self, at: usize, topic: Uuid, partition: i32) {
        let is_new = self.targets[at].entry(topic).or_default().insert(partition);
        assert!(is_new, "a partition is given once");
        self.loads[at] += 1;
    }

    fn take(&mut self, at: usize, topic: Uuid, partition: i32) {
        let partitions = self.targets[at].get_mut(&topic).expect("the member has it");
        partitions.remove(&partition);
        if partitions.is_empty() {
            self.targets[at].remove(&topic);
        }
        self.loads[at] -= 1;
    }

    fn give_up_last(&mut self, at: usize) {
        let (&topic, partitions) = self.targets[at].last_key_value().expect("it has more than its quota");
        let &partition = partitions.last().expect("no topic is there without partitions");
        self.take(at, topic, partition);
    }
}

fn size(partitions: &BTreeMap<Uuid, i32>, topic: Uuid) -> usize {
    partitions.get(&topic).and_then(|&size| usize::try_from(size).ok()).unwrap_or(0)
}
