use super::*;
use std::path::PathBuf;

fn path(text: &str) -> PathBuf {
    PathBuf::from(text)
}

fn write(disk: &MemoryDisk, name: &str, bytes: &[u8], offset: u64) -> MemoryFile {
    let file = disk.open(&path(name), Open::CreateOrWrite).unwrap();
    file.write_at(bytes, offset).unwrap();
    file
}

fn content(disk: &MemoryDisk, name: &str) -> Option<Vec<u8>> {
    let file = disk.open(&path(name), Open::Read).ok()?;
    let mut bytes = vec![0; file.length().unwrap() as usize];
    file.read_exact_at(&mut bytes, 0).unwrap();
    Some(bytes)
}

#[test]
fn modes_do_what_they_say() {
    let disk = MemoryDisk::new();
    let check = |mode, expect: Result<(), io::ErrorKind>| {
        let result = disk.open(&path("/a"), mode).map(drop).map_err(|error| error.kind());
        assert_eq!(result, expect, "{mode:?}");
    };
    check(Open::Read, Err(io::ErrorKind::NotFound));
    check(Open::Write, Err(io::ErrorKind::NotFound));
    check(Open::CreateNew, Ok(()));
    check(Open::CreateNew, Err(io::ErrorKind::AlreadyExists));
    write(&disk, "/a", b"abc", 0);
    check(Open::CreateOrWrite, Ok(()));
    assert_eq!(content(&disk, "/a").unwrap(), b"abc");
    check(Open::Replace, Ok(()));
    assert_eq!(content(&disk, "/a").unwrap(), b"");
    assert!(disk.open(&path("/no/such"), Open::CreateNew).is_err());
    disk.create_directory(&path("/d/e")).unwrap();
    assert!(disk.open(&path("/d"), Open::CreateOrWrite).is_err());
    assert!(disk.create_directory(&path("/a/b")).is_err());
}

#[test]
fn gaps_read_as_zeroes_and_reads_past_the_end_are_empty() {
    let disk = MemoryDisk::new();
    let file = write(&disk, "a", b"xy", 3);
    assert_eq!(content(&disk, "/a").unwrap(), b"\0\0\0xy");
    let mut buffer = [1; 4];
    assert_eq!(file.read_at(&mut buffer, 4).unwrap(), 1);
    assert_eq!(file.read_at(&mut buffer, u64::MAX).unwrap(), 0);
    assert_eq!(file.read_exact_at(&mut buffer, 4).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
}

#[test]
fn listing_is_sorted_and_removing_a_directory_removes_what_is_in_it() {
    let disk = MemoryDisk::new();
    disk.create_directory(&path("/d/sub")).unwrap();
    write(&disk, "/d/b", b"12", 0);
    write(&disk, "/d/a", b"1", 0);
    write(&disk, "/d/sub/c", b"1", 0);
    let names: Vec<_> =
        disk.list(&path("/d")).unwrap().into_iter().map(|e| (e.name, e.is_directory, e.length)).collect();
    assert_eq!(names, [("a".into(), false, 1), ("b".into(), false, 2), ("sub".into(), true, 0)]);
    disk.remove_directory(&path("/d")).unwrap();
    assert!(!disk.exists(&path("/d")));
}

#[test]
fn only_synced_bytes_under_synced_names_survive_a_power_loss() {
    let disk = MemoryDisk::new();
    let file = write(&disk, "/a", b"one", 0);
    file.sync().unwrap();
    assert_eq!(content(&disk.crash(Loss::Unsynced), "/a"), None, "the name was never synced");
    disk.sync_directory(&path("/")).unwrap();
    file.write_at(b"two", 3).unwrap();
    assert_eq!(content(&disk.crash(Loss::Unsynced), "/a").unwrap(), b"one");
    assert_eq!(content(&disk.crash(Loss::Nothing), "/a").unwrap(), b"onetwo");
    file.sync().unwrap();
    assert_eq!(content(&disk.crash(Loss::Unsynced), "/a").unwrap(), b"onetwo");
}

#[test]
fn a_rename_is_whole_or_not_at_all() {
    let disk = MemoryDisk::new();
    disk.create_directory(&path("/x")).unwrap();
    disk.create_directory(&path("/y")).unwrap();
    disk.sync_directory(&path("/")).unwrap();
    write(&disk, "/x/old", b"data", 0).sync().unwrap();
    disk.rename(&path("/x/old"), &path("/y/new")).unwrap();
    for seed in 0..50 {
        let image = disk.crash(Loss::Prefix { seed });
        assert!(!(image.exists(&path("/x/old")) && image.exists(&path("/y/new"))));
    }
    disk.sync_directory(&path("/y")).unwrap();
    let image = disk.crash(Loss::Unsynced);
    assert!(!image.exists(&path("/x/old")));
    assert_eq!(content(&image, "/y/new").unwrap(), b"data");
}

#[test]
fn a_replaced_file_is_the_old_or_the_new_one() {
    let disk = MemoryDisk::new();
    write(&disk, "/epoch", b"1", 0).sync().unwrap();
    disk.sync_directory(&path("/")).unwrap();
    write(&disk, "/epoch.tmp", b"2", 0).sync().unwrap();
    disk.rename(&path("/epoch.tmp"), &path("/epoch")).unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..50 {
        seen.insert(content(&disk.crash(Loss::Subset { seed }), "/epoch").unwrap());
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), [b"1", b"2"]);
}

#[test]
fn a_torn_write_is_a_prefix_of_it() {
    let disk = MemoryDisk::new();
    let file = write(&disk, "/a", b"", 0);
    disk.sync_directory(&path("/")).unwrap();
    file.write_at(&[7; 2000], 0).unwrap();
    let lengths: std::collections::BTreeSet<_> = (0..200)
        .map(|seed| content(&disk.crash(Loss::Prefix { seed }), "/a").unwrap())
        .inspect(|bytes| assert!(bytes.iter().all(|byte| *byte == 7)))
        .map(|bytes| bytes.len())
        .collect();
    assert!(lengths.contains(&0) && lengths.contains(&2000) && lengths.len() > 20, "{lengths:?}");
}

#[test]
fn every_cut_equals_the_live_disk_at_its_end_and_is_repeatable() {
    let disk = MemoryDisk::recording();
    let a = write(&disk, "/a", b"one", 0);
    a.sync().unwrap();
    disk.sync_directory(&path("/")).unwrap();
    write(&disk, "/b", b"two", 0);
    disk.rename(&path("/b"), &path("/a")).unwrap();
    let cuts: Vec<_> = disk.every_cut(1).collect();
    assert_eq!(cuts.len(), (disk.operations() + 1) * 4);
    assert_eq!(content(&cuts[0].disk, "/a"), None);
    let kill = &cuts[cuts.len() - 4];
    assert_eq!((kill.loss, kill.operations), (Loss::Nothing, disk.operations()));
    assert_eq!(content(&kill.disk, "/a").unwrap(), b"two");
    for cut in cuts {
        let again = disk.crash_at(cut.operations, cut.loss);
        assert_eq!(content(&again, "/a"), content(&cut.disk, "/a"), "{:?}", cut.loss);
    }
}

#[test]
fn a_failed_sync_never_makes_its_bytes_durable() {
    let disk = MemoryDisk::new();
    let file = write(&disk, "/a", b"lost", 0);
    disk.sync_directory(&path("/")).unwrap();
    disk.inject(Fault::FailSync { after: 0 });
    assert!(file.sync().is_err());
    file.sync().unwrap();
    assert_eq!(content(&disk.crash(Loss::Unsynced), "/a").unwrap(), b"");
}

#[test]
fn a_full_disk_takes_what_fits_and_overwriting_still_works() {
    let disk = MemoryDisk::new();
    let file = write(&disk, "/a", b"0123", 0);
    disk.inject(Fault::FullAfter { bytes: 2 });
    let error = file.write_at(b"4567", 4).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    assert_eq!(content(&disk, "/a").unwrap(), b"012345");
    file.write_at(b"ab", 0).unwrap();
    assert_eq!(disk.free_bytes(&path("/")).unwrap(), 0);
    disk.heal();
    file.write_at(b"67", 6).unwrap();
    assert_eq!(content(&disk, "/a").unwrap(), b"ab234567");
}

#[test]
fn faults_strike_when_told() {
    let disk = MemoryDisk::new();
    let file = write(&disk, "/a", b"0", 0);
    disk.inject(Fault::FailWrite { after: 1 });
    file.write_at(b"1", 1).unwrap();
    assert!(file.write_at(b"2", 2).is_err());
    file.write_at(b"3", 2).unwrap();
    disk.inject(Fault::ReadOnly);
    assert_eq!(file.write_at(b"4", 0).unwrap_err().kind(), io::ErrorKind::ReadOnlyFilesystem);
    assert!(disk.open(&path("/b"), Open::CreateNew).is_err());
    assert!(disk.open(&path("/a"), Open::Write).is_err());
    assert!(disk.remove(&path("/a")).is_err());
    assert!(disk.rename(&path("/a"), &path("/b")).is_err());
    assert_eq!(content(&disk, "/a").unwrap(), b"013");
    let reader = disk.open(&path("/a"), Open::Read).unwrap();
    disk.heal();
    assert!(reader.write_at(b"x", 0).is_err(), "opened for reading only");
}

#[test]
fn a_removed_file_stays_readable_while_open_and_is_swept_afterwards() {
    let disk = MemoryDisk::new();
    let kept = write(&disk, "/kept", b"kept", 0);
    disk.remove(&path("/kept")).unwrap();
    for round in 0..1000 {
        write(&disk, "/x", &[round as u8; 10], 0);
        disk.remove(&path("/x")).unwrap();
        disk.sync_directory(&path("/")).unwrap();
    }
    let mut bytes = [0; 4];
    kept.read_exact_at(&mut bytes, 0).unwrap();
    assert_eq!(&bytes, b"kept");
}

#[test]
fn when_the_power_goes_nothing_more_happens() {
    let disk = MemoryDisk::new();
    let file = write(&disk, "/a", b"0", 0);
    disk.inject(Fault::Halt { after: 2 });
    file.write_at(b"1", 1).unwrap();
    file.sync().unwrap();
    assert!(file.write_at(b"2", 2).is_err());
    assert!(file.sync().is_err());
    assert!(disk.sync_directory(&path("/")).is_err());
    assert!(disk.rename(&path("/a"), &path("/b")).is_err());
    assert_eq!(content(&disk, "/a").unwrap(), b"01");
    assert!(write(&disk.crash(Loss::Nothing), "/a", b"2", 2).sync().is_ok());
}
