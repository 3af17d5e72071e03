//! Placement of replicas: tables for what is refused, properties for what is placed.

use super::*;

fn brokers(n: i32) -> Vec<BrokerId> {
    (0..n).map(BrokerId).collect()
}

fn placement(partitions: i32, replication_factor: i32, seed: u64) -> Placement {
    Placement { partitions, replication_factor, first_partition: 0, seed }
}

#[test]
fn impossible_wishes_are_refused() {
    let check = |n, partitions, factor, expect| {
        assert_eq!(assign_to(&brokers(n), None, placement(partitions, factor, 0)).unwrap_err(), expect);
    };
    check(1, 0, 1, CannotAssign::Partitions(0));
    check(1, 1, 0, CannotAssign::ReplicationFactor(0));
    check(1, 1, -1, CannotAssign::ReplicationFactor(-1));
    check(1, 1, 3, CannotAssign::TooFewBrokers { wanted: 3, live: 1 });
    check(0, 1, 1, CannotAssign::TooFewBrokers { wanted: 1, live: 0 });
}

#[test]
fn one_broker_takes_everything() {
    let placed = assign_to(&brokers(1), None, placement(3, 1, 99)).unwrap();
    assert_eq!(placed.len(), 3);
    assert!(placed.values().all(|replicas| replicas.all == [BrokerId(0)]));
}

#[test]
fn leaders_and_replicas_are_spread_evenly() {
    for seed in [0, 7, u64::MAX, 0x1234_5678_9abc_def0] {
        let placed = assign_to(&brokers(5), None, placement(50, 3, seed)).unwrap();
        let mut leads = BTreeMap::new();
        let mut holds = BTreeMap::new();
        for replicas in placed.values() {
            assert_eq!(replicas.all.iter().collect::<BTreeSet<_>>().len(), 3, "no broker twice");
            *leads.entry(replicas.all[0]).or_insert(0) += 1;
            for id in &replicas.all {
                *holds.entry(*id).or_insert(0) += 1;
            }
        }
        assert!(leads.values().all(|count| *count == 10), "{leads:?}");
        assert!(holds.values().all(|count| (25..=35).contains(count)), "{holds:?}");
    }
}

#[test]
fn replicas_fill_every_rack_before_one_twice() {
    let racks: Vec<String> = ["a", "a", "b", "b", "c", "c"].map(String::from).into();
    let rack = |id: &BrokerId| racks[id.0 as usize].as_str();
    let placed = assign_to(&brokers(6), Some(&racks), placement(60, 4, 3)).unwrap();
    for replicas in placed.values() {
        let first: BTreeSet<_> = replicas.all[..3].iter().map(rack).collect();
        assert_eq!(first.len(), 3, "{replicas:?}");
        assert_eq!(replicas.all.len(), 4);
    }
}

#[test]
fn growth_numbers_from_where_the_topic_ended() {
    let grown = Placement { first_partition: 4, ..placement(2, 1, 0) };
    let placed = assign_to(&brokers(2), None, grown).unwrap();
    assert_eq!(placed.keys().copied().collect::<Vec<_>>(), [4, 5]);
}
