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

const BLANK: Blank = Blank { key: znode::HashKey(1), extended_types: false };

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
    log: LogThread,
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
    let mut database = znode::Database::new(znode::HashKey(1), false);
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
