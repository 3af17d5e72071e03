use disk::{Disk, File, Loss, MemoryDisk, Open};
use zookeeper_wire::Permissions;

use super::*;
use crate::testing::{Collected, directories, payload, policy, recovered, snapshot};
use crate::{Directories, EmptySnapshot, log_name, purge, recover, snapshot_name};

fn sessions() -> Vec<(SessionId, i32)> {
    vec![(SessionId(0x1_0000_0000_0001), 30_000), (SessionId(-5), 4_000)]
}

fn acls() -> Vec<(i64, Vec<Acl>)> {
    vec![
        (1, vec![Acl::new(Permissions::READ, "digest", "user:hash"), Acl::world(Permissions::ALL)]),
        (2, vec![]),
    ]
}

/// A tree of `count` nodes below the root.
fn nodes(count: i64) -> Vec<SnapshotItem> {
    let node = |path: String, index: i64| SnapshotItem::Node {
        path,
        data: (index % 3 != 0).then(|| vec![index as u8; (index * 37 % 5000) as usize]),
        acl: index % 3 - 1,
        stat: StoredStat {
            czxid: Zxid(index),
            mzxid: Zxid(index + 1),
            ctime: index + 2,
            mtime: index + 3,
            version: index as i32 + 4,
            child_version: index as i32 + 5,
            acl_version: index as i32 + 6,
            ephemeral_owner: -index,
            pzxid: Zxid(index + 8),
        },
    };
    std::iter::once(node(String::new(), 0))
        .chain((1..=count).map(|i| node(format!("/n\u{e9}{i}"), i)))
        .collect()
}

fn write(disk: &MemoryDisk, zxid: i64, compression: Compression, count: i64) -> PathBuf {
    let at = directories();
    let acls = acls();
    let acls: Vec<_> = acls.iter().map(|(key, list)| (*key, &list[..])).collect();
    let mut writer = SnapshotWriter::create(disk, &at, Zxid(zxid), compression, &sessions(), &acls).unwrap();
    for item in nodes(count) {
        let SnapshotItem::Node { path, data, acl, stat } = item else { unreachable!() };
        writer.node(&path, data.as_deref(), acl, &stat).unwrap();
    }
    writer.finish(Some(-77)).unwrap()
}

fn expected(zxid: i64, count: i64) -> Vec<SnapshotItem> {
    let sessions = sessions().into_iter().map(|(id, timeout_ms)| SnapshotItem::Session { id, timeout_ms });
    let acls = acls().into_iter().map(|(key, acl)| SnapshotItem::Acl { key, acl });
    let digest = SnapshotItem::Digest { zxid: Zxid(zxid), version: 2, digest: -77 };
    sessions.chain(acls).chain(nodes(count)).chain([digest, SnapshotItem::Last(Zxid(zxid))]).collect()
}

fn read(disk: &MemoryDisk, path: &std::path::Path) -> Result<Vec<SnapshotItem>, Error> {
    SnapshotReader::open(disk, path)?.collect()
}

fn prepared() -> MemoryDisk {
    let disk = MemoryDisk::new();
    directories().prepare(&disk).unwrap();
    disk
}

fn bytes(disk: &MemoryDisk, path: &std::path::Path) -> Vec<u8> {
    let file = disk.open(path, Open::Read).unwrap();
    let mut bytes = vec![0; file.length().unwrap() as usize];
    file.read_exact_at(&mut bytes, 0).unwrap();
    bytes
}

fn replace(disk: &MemoryDisk, path: &std::path::Path, bytes: &[u8]) {
    disk.open(path, Open::Replace).unwrap().write_at(bytes, 0).unwrap();
}

#[test]
fn a_snapshot_is_read_as_it_was_written_in_every_packing() {
    for compression in [Compression::None, Compression::Gzip, Compression::Snappy] {
        for count in [0, 1, 200] {
            let disk = prepared();
            let path = write(&disk, 0x2a, compression, count);
            assert_eq!(path, directories().snapshots.join(snapshot_name(Zxid(0x2a), compression)));
            assert_eq!(read(&disk, &path).unwrap(), expected(0x2a, count), "{compression:?} {count}");
        }
    }
}

#[test]
fn the_empty_tree_is_these_bytes() {
    let disk = prepared();
    snapshot(&disk, 0).unwrap();
    let found = bytes(&disk, &directories().snapshots.join("snapshot.0"));
    let header = [&b"ZKSN\0\0\0\x02"[..], &[0xff; 8]].concat();
    let node = [&[0; 4][..], &[0; 4], &[0xff; 8], &[0; 60]].concat();
    let body = [&header[..], &[0; 4], &[0; 4], &node, b"\0\0\0\x01/"].concat();
    assert_eq!(found[..body.len()], body);
    assert_eq!(found.len(), body.len() + 13 + 20 + 13 + 8 + 13);
    assert!(found.ends_with(b"\0\0\0\x01/"));
}

/// Cuts the blocks behind the first seal off, or swaps them, as other versions have them.
#[test]
fn the_tails_of_all_versions_are_read() {
    let disk = prepared();
    let path = write(&disk, 9, Compression::None, 3);
    let all = bytes(&disk, &path);
    let (bare, digest) = (all.len() - 54, all.len() - 21);
    let items = expected(9, 3);
    let check = |bytes: &[u8], count: usize| {
        replace(&disk, &path, bytes);
        assert_eq!(read(&disk, &path).unwrap(), items[..count]);
    };
    check(&all, items.len());
    check(&all[..digest], items.len() - 1);
    check(&all[..bare], items.len() - 2);
    // 3.9 with the digest switched off: the last zxid alone.
    let seal = |bytes: &mut Vec<u8>| {
        let sum = i64::from(crate::log::checksum(bytes));
        bytes.extend_from_slice(&sum.to_be_bytes());
        bytes.extend_from_slice(b"\0\0\0\x01/");
    };
    let mut last_only = all[..bare].to_vec();
    last_only.extend_from_slice(&9_i64.to_be_bytes());
    seal(&mut last_only);
    replace(&disk, &path, &last_only);
    assert_eq!(read(&disk, &path).unwrap().last(), Some(&SnapshotItem::Last(Zxid(9))));
    // The first digests were text.
    let mut text = all[..bare].to_vec();
    text.extend_from_slice(&9_i64.to_be_bytes());
    text.extend_from_slice(b"\0\0\0\x01\0\0\0\x02ff");
    seal(&mut text);
    replace(&disk, &path, &text);
    let digest = SnapshotItem::Digest { zxid: Zxid(9), version: 1, digest: 255 };
    assert_eq!(read(&disk, &path).unwrap().last(), Some(&digest));
}

#[test]
fn any_flipped_bit_is_noticed() {
    for compression in [Compression::None, Compression::Snappy] {
        let disk = prepared();
        let path = write(&disk, 9, compression, 3);
        let all = bytes(&disk, &path);
        let expect = expected(9, 3);
        for at in 0..all.len() {
            for bit in 0..8 {
                let mut flipped = all.clone();
                flipped[at] ^= 1 << bit;
                replace(&disk, &path, &flipped);
                match read(&disk, &path) {
                    Err(Error::Corrupt { .. } | Error::Foreign { .. }) => {}
                    Err(error) => panic!("{error}"),
                    // The version that wrote a snappy stream says nothing about its content, and of a
                    // flipped snappy block the unpacked bytes may be the same.
                    Ok(items) => {
                        assert!(compression == Compression::Snappy && items == expect, "byte {at} bit {bit}");
                    }
                }
            }
        }
    }
}

#[test]
fn whatever_is_cut_off_is_noticed() {
    for compression in [Compression::None, Compression::Gzip, Compression::Snappy] {
        let disk = prepared();
        let path = write(&disk, 9, compression, 20);
        let all = bytes(&disk, &path);
        let whole: Vec<usize> = (0..all.len())
            .filter(|length| {
                replace(&disk, &path, &all[..*length]);
                read(&disk, &path).is_ok()
            })
            .collect();
        // Only where an older version's file would have ended.
        let expect =
            if compression == Compression::None { vec![all.len() - 54, all.len() - 21] } else { vec![] };
        assert_eq!(whole, expect, "{compression:?}");
    }
}

#[test]
fn random_bytes_never_panic() {
    let disk = prepared();
    let path = write(&disk, 9, Compression::None, 5);
    let all = bytes(&disk, &path);
    for seed in 0..5000 {
        let mut chance = fastrand::Rng::with_seed(seed);
        let mut bytes = all.clone();
        for _ in 0..chance.usize(1..8) {
            let at = chance.usize(0..bytes.len());
            bytes[at] = *chance.choice(&[0, 1, 0x7f, 0x80, 0xff]).unwrap();
        }
        bytes.truncate(chance.usize(0..=bytes.len()));
        for suffix in ["", ".gz", ".snappy"] {
            let path = path.with_file_name(format!("snapshot.9{suffix}"));
            replace(&disk, &path, &bytes);
            let _ = read(&disk, &path);
        }
    }
}

#[test]
fn the_newest_whole_snapshot_is_used() {
    let disk = prepared();
    for zxid in [3, 5, 7, 9] {
        snapshot(&disk, zxid).unwrap();
    }
    let path = |zxid: i64| directories().snapshots.join(format!("snapshot.{zxid:x}"));
    // Cut short, as the original leaves them: passed over without a word.
    let nine = bytes(&disk, &path(9));
    replace(&disk, &path(9), &nine[..nine.len() - 2]);
    // Damaged in the middle: looks whole, is found out.
    let mut seven = bytes(&disk, &path(7));
    seven[40] ^= 1;
    replace(&disk, &path(7), &seven);
    replace(&disk, &path(11), b"");
    let (_, found) = recovered(&disk).unwrap();
    assert_eq!((found.snapshot, found.last), (Some(Zxid(5)), Zxid(5)));
    assert_eq!(found.damaged.len(), 1);
    assert_eq!(found.damaged[0].0, path(7));
}

#[test]
fn a_snapshot_that_the_tree_refuses_is_passed_over_and_forgotten() {
    let disk = prepared();
    snapshot(&disk, 3).unwrap();
    write(&disk, 5, Compression::None, 4);
    let mut state = Collected { refuse_item: Some(6), ..Collected::default() };
    let found = recover(&disk, &directories(), policy(), EmptySnapshot::Refused, &mut state).unwrap();
    assert_eq!((found.snapshot, state.loaded), (Some(Zxid(3)), Some(Zxid(3))));
    assert_eq!(
        state.items.len(),
        3,
        "the root, the digest of 3 and the last zxid: nothing of the refused one"
    );
}

#[test]
fn if_no_snapshot_is_whole_recovery_refuses() {
    let disk = prepared();
    snapshot(&disk, 3).unwrap();
    let path = directories().snapshots.join("snapshot.3");
    let mut damaged = bytes(&disk, &path);
    damaged[30] ^= 1;
    replace(&disk, &path, &damaged);
    let error = recovered(&disk).unwrap_err();
    assert!(matches!(error, Error::NoUsableSnapshot { tried: 1, .. }), "{error}");
}

#[test]
fn a_file_with_the_name_of_a_snapshot_is_whole_after_any_crash() {
    for compression in [Compression::None, Compression::Snappy] {
        let disk = MemoryDisk::recording();
        directories().prepare(&disk).unwrap();
        snapshot(&disk, 1).unwrap();
        let one = disk.operations();
        write(&disk, 5, compression, 300);
        let five = disk.operations();
        for cut in disk.every_cut(3) {
            let (_, found) = recovered(&cut.disk).unwrap();
            assert_eq!(found.damaged.len(), 0, "{:?}", cut.loss);
            let zxid = found.snapshot.map_or(0, |zxid| zxid.0);
            assert!(zxid >= i64::from(cut.operations >= one), "{:?}", cut.loss);
            assert!(cut.operations < five || zxid == 5, "{:?}", cut.loss);
            let names: Vec<_> = cut.disk.list(&directories().snapshots).unwrap();
            assert!(names.iter().all(|entry| !entry.name.starts_with("writing.")), "cleared away");
        }
    }
}

#[test]
fn purging_keeps_what_the_oldest_kept_snapshot_needs() {
    let disk = prepared();
    let log = |first: i64| directories().logs.join(log_name(Zxid(first)));
    for first in [1, 11, 21, 31, 41] {
        snapshot(&disk, first - 1).unwrap();
        let file = disk.open(&log(first), Open::CreateNew).unwrap();
        let mut bytes = b"ZKLG\0\0\0\x02\0\0\0\0\0\0\0\0".to_vec();
        (first..first + 10).for_each(|zxid| crate::log::frame(&payload(zxid, b""), &mut bytes));
        file.write_at(&bytes, 0).unwrap();
    }
    // A broken newest one does not count as kept.
    replace(&disk, &directories().snapshots.join("snapshot.64"), b"broken");
    let removed = purge(&disk, &directories(), 1).unwrap();
    let names: Vec<_> = removed.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    // Kept: snapshots 40, 30, 20 and the logs from 11 on (20 might be in the one that begins with 11).
    assert_eq!(names, ["snapshot.a", "snapshot.0", "log.1"]);
    let (state, found) = recovered(&disk).unwrap();
    assert_eq!((found.snapshot, state.zxids()), (Some(Zxid(40)), (41..=50).collect()));
    assert_eq!(purge(&disk, &directories(), 3).unwrap(), Vec::<PathBuf>::new());
    let image = disk.crash(Loss::Unsynced);
    assert!(!image.exists(&log(1)));
    assert_eq!(purge(&prepared(), &Directories::single(std::path::Path::new("/data")), 3).unwrap().len(), 0);
}

#[test]
fn a_snapshot_that_does_not_fit_leaves_nothing_behind() {
    let disk = prepared();
    disk.inject(disk::Fault::FullAfter { bytes: 300_000 });
    let mut writer =
        SnapshotWriter::create(&disk, &directories(), Zxid(7), Compression::None, &[], &[]).unwrap();
    writer.node("", None, -1, &StoredStat::default()).unwrap();
    let error = (0..).find_map(|index| {
        writer.node(&format!("/{index}"), Some(&[1; 1000]), -1, &StoredStat::default()).err()
    });
    assert!(error.is_some_and(|error| error.to_string().contains("writing.snapshot.7")));
    drop(writer);
    assert_eq!(disk.list(&directories().snapshots).unwrap(), []);
}
