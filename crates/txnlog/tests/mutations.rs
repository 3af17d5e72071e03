//! Recovery against directories that were bent: the original's files with bits flipped, ends cut,
//! pieces swapped and names changed. It may refuse; it may not panic, nor invent a transaction, nor
//! change what it refused in such a way that the next recovery sees something else.
//!
//! `CASTLE_FUZZ_SEEDS` says how many seeds (`cargo xtask fuzz` sets it); a failure names its seed.

#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping

use std::collections::BTreeSet;
use std::path::Path;

use disk::{Disk, File, MemoryDisk, Open};
use txnlog::{Directories, EmptySnapshot, LogPolicy, Refusal, Restore, SnapshotItem, recover};
use zookeeper_wire::Zxid;
use zookeeper_wire::txn::TxnEntry;

macro_rules! capture {
    ($name:literal) => {
        ($name, include_bytes!(concat!("captures/zookeeper-3.9.3/", $name)).as_slice())
    };
}

const FILES: &[(&str, &[u8])] = &[
    capture!("snapshot.0"),
    capture!("snapshot.12"),
    capture!("snapshot.12.gz"),
    capture!("snapshot.12.snappy"),
    capture!("log.1"),
];

#[derive(Default)]
struct Seen {
    nodes: usize,
    txns: Vec<TxnEntry>,
}

impl Restore for Seen {
    fn reset(&mut self) {
        *self = Seen::default();
    }
    fn item(&mut self, item: SnapshotItem) -> Result<(), Refusal> {
        self.nodes += usize::from(matches!(item, SnapshotItem::Node { .. }));
        Ok(())
    }
    fn loaded(&mut self, _zxid: Zxid) -> Result<(), Refusal> {
        Ok(())
    }
    fn txn(&mut self, entry: TxnEntry) -> Result<(), Refusal> {
        self.txns.push(entry);
        Ok(())
    }
}

/// What a directory of these files comes to: its transactions, or nothing if it is refused.
fn recovered(disk: &MemoryDisk, at: &Directories) -> Option<Vec<TxnEntry>> {
    let mut seen = Seen::default();
    recover(disk, at, LogPolicy::default(), EmptySnapshot::Trusted, &mut seen).ok()?;
    Some(seen.txns)
}

fn directory(files: &[(String, Vec<u8>)]) -> (MemoryDisk, Directories) {
    let (disk, at) = (MemoryDisk::new(), Directories::single(Path::new("/data")));
    disk.create_directory(&at.snapshots).unwrap();
    for (name, bytes) in files {
        let file = disk.open(&at.snapshots.join(name), Open::CreateNew).unwrap();
        file.write_at(bytes, 0).unwrap();
    }
    (disk, at)
}

fn bend(files: &mut Vec<(String, Vec<u8>)>, random: &mut fastrand::Rng) {
    for _ in 0..random.usize(1..5) {
        if files.is_empty() {
            return;
        }
        let which = random.usize(..files.len());
        let donor = files[random.usize(..files.len())].1.clone();
        let (name, bytes) = &mut files[which];
        // Most of a log is zeroes; what matters is in front.
        let length = bytes.len().min(4096);
        let at = random.usize(..=length);
        match random.u8(..10) {
            0 | 1 if at < bytes.len() => bytes[at] ^= 1 << random.u8(..8),
            2 => bytes.truncate(at),
            3 if at + 4 <= bytes.len() => {
                let odd = [i32::MAX, i32::MIN, -1, 0, 1, 1 << 24, random.i32(..)];
                bytes[at..at + 4].copy_from_slice(&odd[random.usize(..odd.len())].to_be_bytes());
            }
            4 if !donor.is_empty() => {
                let from = random.usize(..donor.len());
                bytes.truncate(at);
                bytes.extend_from_slice(&donor[from..donor.len().min(from + 4096)]);
            }
            5 => {
                bytes.insert(at, random.u8(..));
            }
            6 => {
                let names = [
                    "log.0",
                    "log.12",
                    "log.13",
                    "log.ffffffffffffffff",
                    "log.x",
                    "snapshot.13",
                    "snapshot.",
                ];
                let new = names[random.usize(..names.len())].to_owned();
                let taken: BTreeSet<&String> = files.iter().map(|(name, _)| name).collect();
                if !taken.contains(&new) {
                    files[which].0 = new;
                }
            }
            7 => {
                files.remove(which);
            }
            8 => {
                let end = (at + 512).min(bytes.len());
                bytes[at..end].fill(0);
            }
            _ => {
                let copy = (format!("{name}.tmp"), bytes.clone());
                if !files.iter().any(|(name, _)| *name == copy.0) {
                    files.push(copy);
                }
            }
        }
    }
}

#[test]
fn no_damage_makes_recovery_panic_or_believe_what_nobody_wrote() {
    let seeds: u64 =
        std::env::var("CASTLE_FUZZ_SEEDS").map_or(3_000, |seeds| seeds.parse().expect("a number"));
    let whole: Vec<(String, Vec<u8>)> =
        FILES.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec())).collect();
    let only_log: Vec<_> = whole.iter().filter(|(name, _)| name == "log.1").cloned().collect();
    let (disk, at) = directory(&only_log);
    let written = recovered(&disk, &at).expect("the log alone is whole");
    assert!(written.len() > 10);
    let (mut refused, mut accepted) = (0, 0);
    for seed in 0..seeds {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut files = whole.clone();
        random.shuffle(&mut files);
        files.truncate(random.usize(1..=files.len()));
        bend(&mut files, &mut random);
        let told = std::panic::catch_unwind(|| {
            let (disk, at) = directory(&files);
            let first = recovered(&disk, &at);
            // Whatever it did to the directory, it says the same again.
            assert_eq!(recovered(&disk, &at), first);
            first
        });
        let names: Vec<_> = files.iter().map(|(name, bytes)| (name, bytes.len())).collect();
        let told = told.unwrap_or_else(|_| panic!("seed {seed}: {names:?}"));
        match told {
            None => refused += 1,
            Some(txns) => {
                accepted += 1;
                for txn in &txns {
                    assert!(written.contains(txn), "seed {seed}: nobody wrote {txn:?}; {names:?}");
                }
            }
        }
    }
    assert!(refused > 0 && accepted > 0, "{refused} refused, {accepted} accepted");
}
