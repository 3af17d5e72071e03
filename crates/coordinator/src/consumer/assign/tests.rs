//! The assignors against what must hold of any assignment, over random groups that change.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fastrand::Rng;
use kafka_wire::Uuid;

use super::{Assignor, Candidate};
use crate::consumer::Assignment;

fn topic(number: u8) -> Uuid {
    Uuid([number; 16])
}

fn candidate(id: &str, topics: &[u8], before: &[(u8, &[i32])]) -> Candidate {
    Candidate {
        id: Arc::from(id),
        instance_id: None,
        topics: Arc::new(topics.iter().map(|&number| topic(number)).collect()),
        before: Arc::new(assignment(before)),
    }
}

fn assignment(topics: &[(u8, &[i32])]) -> Assignment {
    topics.iter().map(|&(number, partitions)| (topic(number), partitions.iter().copied().collect())).collect()
}

fn check(assignor: Assignor, sizes: &[(u8, i32)], candidates: &[Candidate], expect: &[&[(u8, &[i32])]]) {
    let sizes = sizes.iter().map(|&(number, size)| (topic(number), size)).collect();
    let targets = assignor.assign(candidates, &sizes);
    let expect: Vec<Assignment> = expect.iter().map(|target| assignment(target)).collect();
    assert_eq!(targets, expect);
}

#[test]
fn uniform_shares_are_equal_and_stay() {
    let check = |sizes, candidates: &[Candidate], expect| check(Assignor::Uniform, sizes, candidates, expect);
    check(&[], &[candidate("a", &[], &[])], &[&[]]);
    check(
        &[(1, 3)],
        &[candidate("a", &[1], &[]), candidate("b", &[1], &[])],
        &[&[(1, &[0, 1])], &[(1, &[2])]],
    );
    // A third member takes from those that have too much, and only that.
    check(
        &[(1, 6)],
        &[
            candidate("a", &[1], &[(1, &[0, 2, 4])]),
            candidate("b", &[1], &[(1, &[1, 3, 5])]),
            candidate("c", &[1], &[]),
        ],
        &[&[(1, &[0, 2])], &[(1, &[1, 3])], &[(1, &[4, 5])]],
    );
    // Whoever has the larger share keeps it.
    check(
        &[(1, 3)],
        &[candidate("a", &[1], &[(1, &[2])]), candidate("b", &[1], &[(1, &[0, 1])])],
        &[&[(1, &[2])], &[(1, &[0, 1])]],
    );
    // More members than partitions; a topic that shrank by being made anew; a topic unsubscribed.
    check(
        &[(1, 1)],
        &[candidate("a", &[1], &[(1, &[5]), (2, &[0])]), candidate("b", &[1], &[])],
        &[&[(1, &[0])], &[]],
    );
}

#[test]
fn range_gives_the_same_stretch_of_each_topic() {
    let check = |sizes, candidates: &[Candidate], expect| check(Assignor::Range, sizes, candidates, expect);
    check(
        &[(1, 3), (2, 3)],
        &[candidate("a", &[1, 2], &[]), candidate("b", &[1, 2], &[])],
        &[&[(1, &[0, 1]), (2, &[0, 1])], &[(1, &[2]), (2, &[2])]],
    );
    let mut named = candidate("z", &[1], &[]);
    named.instance_id = Some("first".into());
    check(&[(1, 2)], &[candidate("a", &[1], &[]), named], &[&[(1, &[1])], &[(1, &[0])]]);
    check(
        &[(1, 2), (2, 1)],
        &[candidate("a", &[1], &[]), candidate("b", &[1, 2], &[])],
        &[&[(1, &[0])], &[(1, &[1]), (2, &[0])]],
    );
}

#[test]
fn every_partition_has_one_subscriber_and_shares_are_fair() {
    let mut random = Rng::with_seed(848);
    for _ in 0..300 {
        let sizes: BTreeMap<Uuid, i32> =
            (0..random.u8(1..6)).map(|n| (topic(n), random.i32(1..20))).collect();
        let everything: Vec<Uuid> = sizes.keys().copied().collect();
        let is_homogeneous = random.bool();
        let mut candidates: Vec<Candidate> = Vec::new();
        for round in 0..random.usize(1..8) {
            if random.u8(..4) == 0 && candidates.len() > 1 {
                candidates.remove(random.usize(..candidates.len()));
            } else {
                let wants = |_: &&Uuid| is_homogeneous || random.bool();
                let topics: BTreeSet<Uuid> = everything.iter().filter(wants).copied().collect();
                let id = Arc::from(format!("m{round}"));
                candidates.push(Candidate {
                    id,
                    instance_id: None,
                    topics: Arc::new(topics),
                    before: Arc::default(),
                });
            }
            for assignor in [Assignor::Range, Assignor::Uniform] {
                let targets = assignor.assign(&candidates, &sizes);
                let mut given: BTreeSet<(Uuid, i32)> = BTreeSet::new();
                for (candidate, target) in candidates.iter().zip(&targets) {
                    for (topic, partitions) in target {
                        assert!(candidate.topics.contains(topic) && !partitions.is_empty());
                        assert!(partitions.iter().all(|&partition| given.insert((*topic, partition))));
                    }
                }
                let wanted: BTreeSet<Uuid> =
                    candidates.iter().flat_map(|c| c.topics.iter().copied()).collect();
                let total: i32 = wanted.iter().map(|topic| sizes[topic]).sum();
                assert_eq!(i32::try_from(given.len()), Ok(total));
                if assignor == Assignor::Uniform {
                    let loads =
                        targets.iter().map(|target| target.values().map(BTreeSet::len).sum::<usize>());
                    let loads: Vec<usize> = loads.collect();
                    if is_homogeneous {
                        let (least, most) = (loads.iter().min().unwrap(), loads.iter().max().unwrap());
                        assert!(most - least <= 1, "{loads:?}");
                    }
                    // Asked again without a change, nothing moves.
                    for (candidate, target) in candidates.iter_mut().zip(targets) {
                        candidate.before = Arc::new(target);
                    }
                    let again = assignor.assign(&candidates, &sizes);
                    assert!(
                        candidates.iter().zip(&again).all(|(candidate, target)| *candidate.before == *target)
                    );
                }
            }
        }
    }
}
