use super::*;
use crate::keeper_role::rebuild::{Blank, rebuild};
use bytes::Bytes;
use clock::Moment;
use disk::{Fault, Loss, MemoryDisk};
use shard::{Clock, ConnectionId, Peer, Service, Shard, Turn, WhyClosed};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;
use txnlog::{Directories, EmptySnapshot, LogPolicy};
use zookeeper_wire::jute::Writer;
use zookeeper_wire::txn::{Txn, TxnEntry, TxnHeader};
use zookeeper_wire::{SessionId, Xid, Zxid};

const BLANK: Blank = Blank { key: znode::HashKey(1), extended_types: znode::ExtendedTypes::Off };

const PATIENCE: Duration = Duration::from_secs(20);

/// Hears what the log says, in place of the node.
struct Recorder(SyncSender<Zxid>);

impl Service for Recorder {
    type Message = KeeperMessage;
    fn opened(&mut self, _: &mut Turn, _: ConnectionId, _: Peer) {}
    fn received(&mut self, _: &mut Turn, _: ConnectionId, _: Bytes) {}
    fn word(&mut self, _: &mut Turn, _: ConnectionId, _: [u8; 4]) {}
    fn closed(&mut self, _: &mut Turn, _: ConnectionId, _: WhyClosed) {}
    fn message(&mut self, turn: &mut Turn, message: KeeperMessage) {
        match message {
            KeeperMessage::Persisted(upto) => drop(self.0.send(upto)),
            KeeperMessage::Truncated(Some(database)) => drop(self.0.send(database.last_applied())),
            KeeperMessage::Stop => turn.stop(),
            _ => {}
        }
    }
    fn woken(&mut self, _: &mut Turn) {}
    fn turn_ended(&mut self, _: &mut Turn) {}
    fn deadline(&self) -> Option<Moment> {
        None
    }
}

struct Bench {
    disk: MemoryDisk,
    log: LogThread<MemoryDisk>,
    mailbox: Mailbox<KeeperMessage>,
    persisted: Receiver<Zxid>,
    notices: Receiver<Notice>,
    shard: JoinHandle<io::Result<()>>,
}

fn bench() -> Bench {
    let disk = MemoryDisk::new();
    let writer = recover(&disk).0;
    let shard = Shard::new(Clock::start()).expect("a poll");
    let mailbox = shard.mailbox();
    let (sender, persisted) = sync_channel(64);
    let (notices, heard) = Notices::channel();
    let log = LogThread::start(writer, reopening(&disk), mailbox.clone(), Arc::default(), notices)
        .expect("a thread");
    let shard = thread::spawn(move || shard.run(&mut Recorder(sender)));
    Bench { disk, log, mailbox, persisted, notices: heard, shard }
}

fn reopening(disk: &MemoryDisk) -> Reopening<MemoryDisk> {
    let at = Directories::single(Path::new("/keeper"));
    let (policy, empty) = (LogPolicy::default(), EmptySnapshot::Refused);
    Reopening { disk: disk.clone(), at, policy, empty, blank: BLANK }
}

/// The writer behind what `disk` holds, and the last transaction there.
fn recover(disk: &MemoryDisk) -> (LogWriter<MemoryDisk>, Zxid) {
    let at = Directories::single(Path::new("/keeper"));
    let rebuilt =
        rebuild(disk, &at, LogPolicy::default(), EmptySnapshot::Refused, BLANK).expect("a whole directory");
    (rebuilt.writer, rebuilt.last)
}

fn job(zxid: i64) -> Job {
    let header = TxnHeader {
        session: SessionId(zxid),
        cxid: Xid(0),
        zxid: Zxid(zxid),
        time_ms: 0,
        kind: Txn::CreateSession { timeout_ms: 1 }.kind(),
    };
    let mut writer = Writer::new();
    TxnEntry { header, txn: Txn::CreateSession { timeout_ms: 1 }, digest: None }.encode(&mut writer);
    Job::Append(Entry { zxid: Zxid(zxid), payload: writer.finish() })
}

/// Everything up to `upto` is said to be durable, in ascending order.
fn wait_for(persisted: &Receiver<Zxid>, upto: i64) {
    let mut last = Zxid::ZERO;
    while last < Zxid(upto) {
        let next = persisted.recv_timeout(PATIENCE).expect("the log works");
        assert!(next > last);
        last = next;
    }
    assert_eq!(last, Zxid(upto));
}

#[test]
fn what_is_said_to_be_durable_survives_a_power_loss() {
    let bench = bench();
    let queue = bench.log.queue();
    for zxid in 1..=50 {
        queue.push(&mut vec![job(zxid)]);
    }
    queue.push(&mut vec![Job::Roll, job(51), job(52)]);
    wait_for(&bench.persisted, 52);
    assert_eq!(recover(&bench.disk.crash(Loss::Unsynced)).1, Zxid(52));
    bench.log.stop();
    bench.mailbox.send(KeeperMessage::Stop).expect("it runs");
    bench.shard.join().expect("no panic").expect("no failure");
}

/// Whoever finds the log free writes; the other one goes on behind.
#[test]
fn the_shard_and_the_thread_take_turns() {
    let bench = bench();
    let queue = bench.log.queue();
    let (mut here, mut there, mut heard) = (0, 0, 0);
    for zxid in 1..=200 {
        let mut jobs = vec![job(zxid)];
        heard += bench.persisted.try_iter().count() as u64;
        match queue.commit_here(&mut jobs, heard) {
            Some(Committed { upto, .. }) => {
                assert_eq!((upto, jobs.len()), (Zxid(zxid), 0));
                here += 1;
            }
            None => {
                queue.push(&mut jobs);
                there += 1;
            }
        }
        if zxid % 3 == 0 && zxid < 200 {
            // What is many, or no transaction, is not for the shard.
            let mut many: Vec<Job> = (0..=limits::COMMITTED_HERE_MAX).map(|_| job(zxid)).collect();
            assert!(queue.commit_here(&mut many, heard).is_none() && many.len() > limits::COMMITTED_HERE_MAX);
            assert!(queue.commit_here(&mut vec![Job::Roll], heard).is_none());
            queue.push(&mut vec![Job::Roll]);
        }
    }
    assert_eq!(here + there, 200);
    bench.log.stop();
    // More may have been said than the recorder has room for.
    drop(bench.persisted);
    assert_eq!(queue.commit_here(&mut vec![job(201)], heard).map(|done| done.upto), None, "it has ended");
    assert_eq!(recover(&bench.disk.crash(Loss::Unsynced)).1, Zxid(200));
    bench.mailbox.send(KeeperMessage::Stop).expect("it runs");
    bench.shard.join().expect("no panic").expect("no failure");
}

/// Else the node would be told of the second first.
#[test]
fn the_shard_writes_only_when_it_has_heard_of_all_that_the_thread_wrote() {
    let bench = bench();
    let queue = bench.log.queue();
    queue.push(&mut vec![job(1)]);
    wait_for(&bench.persisted, 1);
    let began = Instant::now();
    let mut jobs = vec![job(2)];
    loop {
        assert!(queue.commit_here(&mut jobs, 0).is_none() && jobs.len() == 1, "it is not heard yet");
        // The thread may still be on its way to its rest.
        match queue.commit_here(&mut jobs, 1) {
            Some(done) => break assert_eq!(done.upto, Zxid(2)),
            None => assert!(began.elapsed() < PATIENCE, "the log never rests"),
        }
        thread::yield_now();
    }
    bench.log.stop();
    bench.mailbox.send(KeeperMessage::Stop).expect("it runs");
    bench.shard.join().expect("no panic").expect("no failure");
}

#[test]
fn a_sync_of_the_shard_that_fails_ends_the_log_as_well() {
    let bench = bench();
    let queue = bench.log.queue();
    queue.push(&mut vec![job(1)]);
    wait_for(&bench.persisted, 1);
    bench.disk.inject(Fault::FailSync { after: 0 });
    let mut jobs = vec![job(2)];
    // The thread may still be zeroing ahead; then it is the one that fails.
    if queue.commit_here(&mut jobs, 1).is_none() {
        queue.push(&mut jobs);
    }
    let told = bench.notices.recv_timeout(PATIENCE);
    assert!(matches!(told, Ok(Notice::DiskFailed { role: Role::Keeper, .. })), "{told:?}");
    assert!(queue.commit_here(&mut vec![job(3)], 1).is_none());
    queue.push(&mut vec![job(3)]);
    bench.log.stop();
    bench.mailbox.send(KeeperMessage::Stop).expect("it runs");
    bench.shard.join().expect("no panic").expect("no failure");
    assert_eq!(bench.persisted.try_iter().next(), None);
    assert_eq!(recover(&bench.disk.crash(Loss::Unsynced)).1, Zxid(1));
}

#[test]
fn after_a_failed_sync_nothing_is_acknowledged_and_the_process_is_told() {
    let bench = bench();
    let queue = bench.log.queue();
    queue.push(&mut vec![job(1)]);
    wait_for(&bench.persisted, 1);
    bench.disk.inject(Fault::FailSync { after: 0 });
    queue.push(&mut vec![job(2)]);
    let Ok(Notice::DiskFailed { role: Role::Keeper, reason }) = bench.notices.recv_timeout(PATIENCE) else {
        panic!("the process must be told");
    };
    assert!(reason.starts_with("the transaction log: sync "), "{reason}");
    // More work is dropped without waiting, and without an answer.
    queue.push(&mut vec![job(3)]);
    bench.log.stop();
    bench.mailbox.send(KeeperMessage::Stop).expect("it runs");
    bench.shard.join().expect("no panic").expect("no failure");
    assert_eq!(bench.persisted.try_iter().next(), None);
    assert_eq!(recover(&bench.disk.crash(Loss::Unsynced)).1, Zxid(1));
}

#[test]
fn what_a_leader_wants_forgotten_is_forgotten_in_order() {
    let bench = bench();
    let queue = bench.log.queue();
    let mut jobs: Vec<Job> = (1..=9).map(job).collect();
    jobs.push(Job::Epochs { accepted: Some(3), current: Some(2) });
    jobs.push(Job::Truncate { to: Zxid(6), rebuild: true });
    jobs.push(job(7));
    queue.push(&mut jobs);
    let heard: Vec<Zxid> =
        (0..3).map(|_| bench.persisted.recv_timeout(PATIENCE).expect("the log works")).collect();
    assert_eq!(heard, [Zxid(9), Zxid(6), Zxid(7)]);
    let after = bench.disk.crash(Loss::Unsynced);
    assert_eq!(recover(&after).1, Zxid(7));
    let at = Directories::single(Path::new("/keeper"));
    let read = |which| txnlog::read_epoch(&after, &at, which).expect("a file");
    assert_eq!((read(EpochFile::Accepted), read(EpochFile::Current)), (Some(3), Some(2)));
    bench.log.stop();
    bench.mailbox.send(KeeperMessage::Stop).expect("it runs");
    bench.shard.join().expect("no panic").expect("no failure");
}

#[test]
fn a_snapshot_takes_the_place_of_the_log() {
    let bench = bench();
    let queue = bench.log.queue();
    let mut jobs: Vec<Job> = (1..=9).map(job).collect();
    let mut database = znode::Database::new(znode::HashKey(1), znode::ExtendedTypes::Off);
    database.advance(Zxid(5));
    jobs.push(Job::Install(Box::new(database.snapshot())));
    jobs.push(job(6));
    queue.push(&mut jobs);
    wait_for_each(&bench.persisted, &[9, 6]);
    assert_eq!(recover(&bench.disk.crash(Loss::Unsynced)).1, Zxid(6));
    bench.log.stop();
    bench.mailbox.send(KeeperMessage::Stop).expect("it runs");
    bench.shard.join().expect("no panic").expect("no failure");
}

fn wait_for_each(persisted: &Receiver<Zxid>, expect: &[i64]) {
    for zxid in expect {
        assert_eq!(persisted.recv_timeout(PATIENCE).expect("the log works"), Zxid(*zxid));
    }
}
