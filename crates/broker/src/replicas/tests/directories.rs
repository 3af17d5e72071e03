//! Several log directories: one that fails at the start takes only its partitions away, and these are never
//! made anew elsewhere; and no crash shows a partition twice, half or as another that had its name.

use std::path::PathBuf;

use disk::{File, Open};

use super::*;

const DAMAGED: &str = "version=9\n";

fn two_directories() -> Settings {
    let log_directories = vec![PathBuf::from("/one"), PathBuf::from("/two")];
    Settings { log_directories, durable_acks: true, ..settings() }
}

fn named(number: i32) -> TopicPartition {
    TopicPartition::new("t", number)
}

fn order_of(number: i32, leader_epoch: i32, topic_id: TopicId, is_new: bool) -> LeaderAndIsr {
    LeaderAndIsr { partition: number, is_new, ..order(leader_epoch, topic_id) }
}

fn stop_of(number: i32, topic_id: TopicId) -> StopReplica {
    StopReplica { topic: "t".into(), topic_id: Some(topic_id), partition: number, delete: true }
}

fn append_to(replicas: &mut Replicas<MemoryDisk>, number: i32, value: &str) {
    let replica = replicas.leader(&named(number)).expect("it leads");
    replica.append_as_leader(now(1), batch(value), Durability::InSync).unwrap();
}

fn values_of(replicas: &mut Replicas<MemoryDisk>, number: i32) -> Vec<String> {
    let replica = replicas.in_any_part(&named(number)).expect("it is held");
    let (start, end) = (replica.log_start_offset(), replica.log_end_offset());
    if start == end {
        return Vec::new();
    }
    let mut bytes = replica.read(start, 1 << 20, true, Isolation::Replica).unwrap().records.to_bytes();
    let mut values = Vec::new();
    while let Some(batch) = Batch::take_first(&mut bytes).unwrap() {
        batch.verify_crc().unwrap();
        for record in batch.records(1 << 20).unwrap() {
            values.push(String::from_utf8(record.unwrap().value.unwrap().to_vec()).unwrap());
        }
    }
    values
}

fn write(disk: &MemoryDisk, path: &str, text: &str) {
    disk.open(Path::new(path), Open::Replace).unwrap().write_at(text.as_bytes(), 0).unwrap();
}

/// Four partitions with a record each, two in each directory, closed cleanly.
fn spread() -> MemoryDisk {
    let disk = MemoryDisk::new();
    let mut replicas = Replicas::open(now(0), &two_directories(), disk.clone()).unwrap();
    replicas.claim("c").unwrap();
    for number in 0..4 {
        replicas.ordered(now(0), &order_of(number, 0, TOPIC_ID, true)).unwrap();
        append_to(&mut replicas, number, &format!("v{number}"));
    }
    settle(&mut replicas, now(1));
    assert_eq!(replicas.close(1), Vec::<String>::new());
    disk
}

fn is_in(disk: &MemoryDisk, directory: &str, number: i32) -> bool {
    disk.exists(&Path::new(directory).join(format!("t-{number}")))
}

/// How `/two` fails: in words, what the shell says, what happens to the disk.
type Failure<'a> = (&'a str, &'a Settings, &'a dyn Fn(&MemoryDisk));

/// Opens with `/two` out of use, and checks all that must be true then.
fn check_without_two(disk: &MemoryDisk, settings: &Settings, lost: &[i32], name: &str) {
    let mut replicas = Replicas::open(now(2), settings, disk.clone()).unwrap();
    replicas.claim("c").unwrap();
    settle(&mut replicas, now(2));
    assert!(replicas.take_failure(), "{name}: the controller is to be told");
    let offline: Vec<bool> = replicas.listing().iter().map(|directory| directory.is_offline).collect();
    assert_eq!(offline, [false, true], "{name}");
    for number in 0..4 {
        let ordered = replicas.ordered(now(2), &order_of(number, 1, TOPIC_ID, false));
        if lost.contains(&number) {
            let failed = Err(ErrorCode::KAFKA_STORAGE_ERROR);
            assert_eq!(ordered, failed, "{name}: {number}");
            // Whatever is said of it later: this broker has it, where nobody can look.
            assert_eq!(replicas.ordered(now(2), &order_of(number, 2, TOPIC_ID, true)), failed, "{name}");
            assert!(replicas.leads(&named(number)), "{name}: clients are told of the disk");
            assert!(!is_in(disk, "/one", number), "{name}: {number} was made anew");
        } else {
            assert_eq!(ordered, Ok(()), "{name}: {number}");
            assert_eq!(values_of(&mut replicas, number), [format!("v{number}")], "{name}");
        }
    }
    // What cannot be looked at cannot be deleted; what was never here may be there.
    for number in [lost[0], 77] {
        let stopped = replicas.stopped(now(2), &stop_of(number, TOPIC_ID));
        assert_eq!(stopped, Err(ErrorCode::KAFKA_STORAGE_ERROR), "{name}: {number}");
        let kept = StopReplica { delete: false, ..stop_of(number, TOPIC_ID) };
        assert_eq!(replicas.stopped(now(2), &kept), Ok(()), "{name}: {number}");
    }
    // What nobody ever had has its place.
    replicas.ordered(now(2), &order_of(9, 0, TOPIC_ID, true)).unwrap();
    assert!(is_in(disk, "/one", 9), "{name}");
    append_to(&mut replicas, 9, "new");
    settle(&mut replicas, now(2));
    replicas.close(1);
}

#[test]
fn a_directory_that_fails_at_the_start_takes_only_its_partitions_away() {
    let all = two_directories();
    let without_lock =
        Settings { failed_log_directories: BTreeSet::from([PathBuf::from("/two")]), ..two_directories() };
    let checks: [Failure<'_>; 3] = [
        ("a file has its name", &all, &|disk| {
            disk.rename(Path::new("/two"), Path::new("/gone")).unwrap();
            write(disk, "/two", "");
        }),
        ("its meta.properties is damaged", &all, &|disk| write(disk, "/two/meta.properties", DAMAGED)),
        ("nobody could lock it", &without_lock, &|_| {}),
    ];
    for (name, settings, damage) in checks {
        let disk = spread();
        let lost: Vec<i32> = (0..4).filter(|number| is_in(&disk, "/two", *number)).collect();
        assert_eq!(lost.len(), 2);
        damage(&disk);
        check_without_two(&disk, settings, &lost, name);
        // Mended, everything is there as it was.
        if disk.exists(Path::new("/gone")) {
            disk.remove(Path::new("/two")).unwrap();
            disk.rename(Path::new("/gone"), Path::new("/two")).unwrap();
        } else {
            write(&disk, "/two/meta.properties", "version=0\nbroker.id=0\ncluster.id=c\n");
        }
        let mut replicas = Replicas::open(now(3), &all, disk.clone()).unwrap();
        for number in 0..4 {
            replicas.ordered(now(3), &order_of(number, 3, TOPIC_ID, false)).unwrap();
            assert_eq!(values_of(&mut replicas, number), [format!("v{number}")], "{name}");
        }
        assert_eq!(values_of(&mut replicas, 9), ["new"], "{name}");
    }
}

#[test]
fn what_is_another_brokers_or_there_twice_ends_the_start() {
    let check = |damage: &dyn Fn(&MemoryDisk), expect: &str| {
        let disk = spread();
        damage(&disk);
        let refused = Replicas::open(now(2), &two_directories(), disk).err().expect(expect).to_string();
        assert!(refused.contains(expect), "{refused}");
    };
    check(
        &|disk| write(disk, "/two/meta.properties", "broker.id=5\ncluster.id=c\n"),
        "belongs to broker.id=5",
    );
    check(&|disk| write(disk, "/two/meta.properties", "version=1\nnode.id=0\n"), "without ZooKeeper");
    check(
        &|disk| {
            let twice = if is_in(disk, "/one", 0) { "/two/t-0" } else { "/one/t-0" };
            disk.create_directory(Path::new(twice)).unwrap();
        },
        "t-0 is in two log directories",
    );
    check(
        &|disk| {
            write(disk, "/one/meta.properties", DAMAGED);
            write(disk, "/two/meta.properties", DAMAGED);
        },
        "unknown version=9",
    );
    let disk = spread();
    write(&disk, "/two/meta.properties", "broker.id=0\ncluster.id=other\n");
    let mut replicas = Replicas::open(now(2), &two_directories(), disk).unwrap();
    assert!(replicas.claim("c").unwrap_err().contains("cluster other"));
}

#[test]
fn a_directory_that_cannot_be_marked_is_out_of_use() {
    let disk = MemoryDisk::new();
    disk.create_directory(Path::new("/two/meta.properties.tmp")).unwrap();
    let mut replicas = Replicas::open(now(0), &two_directories(), disk.clone()).unwrap();
    replicas.claim("c").unwrap();
    settle(&mut replicas, now(0));
    let offline: Vec<bool> = replicas.listing().iter().map(|directory| directory.is_offline).collect();
    assert_eq!(offline, [false, true]);
    assert!(disk.exists(Path::new("/one/meta.properties")));
    for number in 0..3 {
        replicas.ordered(now(0), &order_of(number, 0, TOPIC_ID, true)).unwrap();
        assert!(is_in(&disk, "/one", number));
    }
}

/// What there was of a partition after a step.
#[derive(Clone, PartialEq, Debug)]
struct Life {
    topic_id: TopicId,
    /// Offset of the first value.
    start: i64,
    values: Vec<String>,
    /// Offset below which all had been made durable.
    durable: i64,
}

impl Life {
    fn of(topic_id: TopicId) -> Self {
        Life { topic_id, start: 0, values: Vec::new(), durable: 0 }
    }

    fn end(&self) -> i64 {
        self.start + self.values.len() as i64
    }

    fn has(&self, offset: i64, value: &str) -> bool {
        (self.start..self.end()).contains(&offset) && self.values[(offset - self.start) as usize] == value
    }
}

/// What was found of a partition: its topic's id, its start, its values.
type Found = (Option<String>, i64, Vec<String>);

type Stage = (usize, BTreeMap<i32, Life>);

const PARTITIONS: i32 = 3;

/// Records come, are cut as a follower does it, and whole partitions go and come again, maybe in the other
/// directory.
fn life(disk: &MemoryDisk, seed: u64) -> Vec<Stage> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut replicas = Replicas::open(now(0), &two_directories(), disk.clone()).unwrap();
    replicas.claim("c").unwrap();
    let mut lives: BTreeMap<i32, Life> = BTreeMap::new();
    let mut stages = vec![(disk.operations(), lives.clone())];
    let mut epoch = 0;
    for step in 0..45_u8 {
        let number = random.i32(0..PARTITIONS);
        epoch += 1;
        let Some(life) = lives.get_mut(&number) else {
            let topic_id = TopicId([step + 1; 16]);
            replicas.ordered(now(0), &order_of(number, epoch, topic_id, true)).unwrap();
            lives.insert(number, Life::of(topic_id));
            stages.push((disk.operations(), lives.clone()));
            continue;
        };
        match random.u32(0..100) {
            0..50 => {
                for part in 0..random.u32(1..4) {
                    let value = format!("{step}.{part}");
                    append_to(&mut replicas, number, &value);
                    life.values.push(value);
                }
                settle(&mut replicas, now(1));
                life.durable = life.end();
                if random.bool() {
                    replicas.store_now(Checkpoint::RecoveryPoint);
                }
            }
            50..65 => {
                let replica = replicas.leader(&named(number)).unwrap();
                let start = replica.log_start_offset();
                let to = random.i64(start..=replica.high_watermark());
                replica.delete_records_before(now(1), to).unwrap();
                life.values.drain(..(to - start) as usize);
                life.start = to;
                settle(&mut replicas, now(1));
                life.durable = life.end();
            }
            65..85 => {
                let mut follow = order_of(number, epoch, life.topic_id, false);
                follow.state.leader = BrokerId(1);
                replicas.ordered(now(0), &follow).unwrap();
                let replica = replicas.follower(&named(number)).unwrap();
                let start = replica.log_start_offset();
                let to = random.i64(start..=replica.log_end_offset());
                replica.truncate(now(1), to).unwrap();
                life.values.truncate((to - start) as usize);
                life.durable = life.end();
                settle(&mut replicas, now(1));
                stages.push((disk.operations(), lives.clone()));
                // What another leader wrote there, not durable yet.
                let life = lives.get_mut(&number).unwrap();
                let mut records = Vec::new();
                for part in 0..3 {
                    let value = format!("{step}.other.{part}");
                    let mut builder = BatchBuilder::new(to + part);
                    builder.append(5, None, Some(value.as_bytes()), &[]);
                    records.extend_from_slice(&builder.build());
                    life.values.push(value);
                }
                let replica = replicas.follower(&named(number)).unwrap();
                replica.append_as_follower(now(1), records.into(), to, start).unwrap();
                stages.push((disk.operations(), lives.clone()));
                epoch += 1;
                let topic_id = lives[&number].topic_id;
                replicas.ordered(now(0), &order_of(number, epoch, topic_id, false)).unwrap();
            }
            _ => {
                replicas.stopped(now(1), &stop_of(number, life.topic_id)).unwrap();
                lives.remove(&number);
                stages.push((disk.operations(), lives.clone()));
                if random.bool() {
                    let topic_id = TopicId([step + 101; 16]);
                    replicas.ordered(now(0), &order_of(number, epoch, topic_id, true)).unwrap();
                    lives.insert(number, Life::of(topic_id));
                    stages.push((disk.operations(), lives.clone()));
                    append_to(&mut replicas, number, "first");
                    settle(&mut replicas, now(1));
                    let life = lives.get_mut(&number).unwrap();
                    (life.values, life.durable) = (vec!["first".to_owned()], 1);
                } else {
                    upkeep(&mut replicas, now(u64::from(step) * 40_000));
                }
            }
        }
        stages.push((disk.operations(), lives.clone()));
    }
    stages
}

/// Whether what was found of a partition is what a crash between two stages may leave.
fn is_legal(found: Option<&Found>, held: Option<&Life>, next: Option<&Life>) -> bool {
    let Some((topic_id, start, values)) = found else {
        return [held, next].iter().any(|life| life.is_none_or(|life| life.durable == 0));
    };
    let name_of = |life: &Life| kafka_wire::Uuid(life.topic_id.0).to_string();
    let both = [held, next].into_iter().flatten();
    // A log whose topic is not known has nothing durable yet.
    let lives: Vec<&Life> =
        both.filter(|life| topic_id.as_ref().is_none_or(|id| *id == name_of(life))).collect();
    let (Some(first), Some(last)) = (lives.first(), lives.last()) else { return false };
    let end = start + values.len() as i64;
    let promised = if topic_id.is_some() { first.durable.min(last.end()) } else { 0 };
    let is_known = |(offset, value): (i64, &String)| lives.iter().any(|life| life.has(offset, value));
    (first.start..=last.start).contains(start) && end >= promised && (*start..).zip(values).all(is_known)
}

#[test]
fn no_crash_shows_a_partition_twice_or_half_or_as_another() {
    for seed in 0..6 {
        let disk = MemoryDisk::recording();
        let stages = life(&disk, seed);
        let images = disk.every_cut(seed).filter(|cut| cut.operations >= stages[0].0);
        for cut in images.filter(|cut| cut.operations % 3 == 0 || cut.loss == Loss::Unsynced) {
            let at = stages.iter().rposition(|(operations, _)| *operations <= cut.operations).unwrap();
            let (held, next) = (&stages[at].1, &stages.get(at + 1).unwrap_or(&stages[at]).1);
            let name = format!("seed {seed} operation {} {:?}", cut.operations, cut.loss);
            let mut replicas = Replicas::open(now(0), &two_directories(), cut.disk)
                .unwrap_or_else(|refused| panic!("{name}: {refused}"));
            for number in 0..PARTITIONS {
                let topic_id = replicas.held.get(&named(number)).map(|held| held.topic_id.clone());
                let found = topic_id.map(|topic_id| {
                    let start = replicas.in_any_part(&named(number)).unwrap().log_start_offset();
                    (topic_id, start, values_of(&mut replicas, number))
                });
                let (held, next) = (held.get(&number), next.get(&number));
                assert!(
                    is_legal(found.as_ref(), held, next),
                    "{name}: {number} is {found:?}, not {held:?} nor {next:?}: {:?}",
                    replicas.notes
                );
            }
            assert!(replicas.broken.is_empty(), "{name}: {:?}", replicas.notes);
        }
    }
}
