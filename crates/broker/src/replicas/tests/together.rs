//! Many logs made durable at once: what is acknowledged survives, a failure is everybody's, and a clean stop
//! of many logs is one.

use super::*;

const LOGS: i32 = 2 * SYNC_TOGETHER_LOGS_MIN as i32;

/// Replicas that lead many partitions, acknowledged once they are durable.
fn many(disk: &MemoryDisk, leader_epoch: i32) -> Replicas<MemoryDisk> {
    let durable = Settings { durable_acks: true, ..settings() };
    let mut replicas = Replicas::open(now(0), &durable, disk.clone()).unwrap();
    for number in 0..LOGS {
        let order = LeaderAndIsr { partition: number, ..order(leader_epoch, TOPIC_ID) };
        replicas.ordered(now(0), &order).unwrap();
    }
    replicas
}

fn append_to_all(replicas: &mut Replicas<MemoryDisk>, value: &str) -> Vec<i64> {
    let append = |number| {
        let replica = replicas.leader(&TopicPartition::new("t", number)).expect("it leads");
        replica.append_as_leader(now(1), batch(value), Durability::InSync).unwrap().end
    };
    (0..LOGS).map(append).collect()
}

fn reached(replicas: &Replicas<MemoryDisk>, ends: &[i64]) -> Vec<Result<bool, ErrorCode>> {
    let one = |(number, end): (i32, &i64)| {
        replicas.reached(&TopicPartition::new("t", number), *end, Durability::InSync)
    };
    (0..).zip(ends).map(one).collect()
}

#[test]
fn many_logs_are_acknowledged_after_one_sync_and_survive_a_power_cut() {
    let disk = MemoryDisk::recording();
    let mut replicas = many(&disk, 0);
    let mut acknowledged = Vec::new();
    for round in 0..3 {
        let ends = append_to_all(&mut replicas, &format!("v{round}"));
        assert!(reached(&replicas, &ends).iter().all(|reached| *reached == Ok(false)));
        let before = disk.operations();
        let moved = settle(&mut replicas, now(1));
        assert_eq!((moved.len(), disk.operations() - before), (LOGS as usize, 1), "one sync for all");
        assert!(reached(&replicas, &ends).iter().all(|reached| *reached == Ok(true)));
        acknowledged.push((disk.operations(), ends));
    }
    for operations in (0..=disk.operations()).rev().step_by(23) {
        let promised = acknowledged.iter().rfind(|(done, _)| *done <= operations);
        for loss in [Loss::Unsynced, Loss::Subset { seed: operations as u64 }] {
            let mut replicas = open(&disk.crash_at(operations, loss));
            let Some((_, ends)) = promised else { continue };
            for (number, end) in (0..).zip(ends) {
                let order = LeaderAndIsr { partition: number, ..order(1, TOPIC_ID) };
                replicas.ordered(now(0), &order).unwrap();
                let replica = replicas.leader(&TopicPartition::new("t", number)).unwrap();
                assert!(
                    replica.log_end_offset() >= *end,
                    "operation {operations} {loss:?} partition {number}"
                );
            }
        }
    }
}

#[test]
fn a_sync_that_fails_acknowledges_none_of_them() {
    let disk = MemoryDisk::new();
    let mut replicas = many(&disk, 0);
    let ends = append_to_all(&mut replicas, "v");
    disk.inject(Fault::FailSync { after: 0 });
    settle(&mut replicas, now(1));
    disk.heal();
    let failed = Err(ErrorCode::KAFKA_STORAGE_ERROR);
    assert!(reached(&replicas, &ends).iter().all(|reached| *reached == failed));
    let told = replicas.notes.iter().filter(|note| note.contains("was not synced")).count();
    assert_eq!(told, 1, "{:?}", replicas.notes);
    replicas.close(1);
    assert!(!disk.exists(Path::new("/logs/.kafka_cleanshutdown")));
}

#[test]
fn a_clean_stop_of_many_logs_is_durable_before_it_is_marked() {
    let disk = MemoryDisk::recording();
    let mut replicas = many(&disk, 0);
    append_to_all(&mut replicas, "v0");
    settle(&mut replicas, now(1));
    append_to_all(&mut replicas, "v1");
    let before = disk.operations();
    assert_eq!(replicas.close(1), Vec::<String>::new());
    for operations in (before..=disk.operations()).rev().step_by(9) {
        for loss in [Loss::Nothing, Loss::Unsynced, Loss::Subset { seed: operations as u64 }] {
            let image = disk.crash_at(operations, loss);
            let is_clean = image.exists(Path::new("/logs/.kafka_cleanshutdown"));
            let mut again = many(&image, 1);
            for number in 0..LOGS {
                let replica = again.leader(&TopicPartition::new("t", number)).unwrap();
                let end = replica.log_end_offset();
                assert!(end == 2 || (end == 1 && !is_clean), "operation {operations} {loss:?}: {end}");
            }
        }
    }
    assert!(disk.crash(Loss::Unsynced).exists(Path::new("/logs/.kafka_cleanshutdown")));
}

#[test]
fn a_stop_on_a_failing_disk_is_not_marked_as_clean() {
    let disk = MemoryDisk::new();
    let mut replicas = many(&disk, 0);
    append_to_all(&mut replicas, "v");
    disk.inject(Fault::FailSync { after: 0 });
    assert!(replicas.close(1).iter().any(|note| note.contains("was not closed")));
    assert!(!disk.exists(Path::new("/logs/.kafka_cleanshutdown")));
}
