use super::*;
use disk::MemoryDisk;
use std::path::Path;

fn open(disk: &MemoryDisk) -> Result<Rebuilt<MemoryDisk>, String> {
    let at = Directories::single(Path::new("/keeper"));
    rebuild(
        disk,
        &at,
        LogPolicy::default(),
        EmptySnapshot::Refused,
        Blank { key: HashKey(7), extended_types: false },
    )
}

#[test]
fn a_new_directory_gets_a_tree_and_a_snapshot() {
    let disk = MemoryDisk::new();
    let first = open(&disk).expect("a new directory");
    assert_eq!(first.last, Zxid::ZERO);
    let digest = first.database.tree().digest();
    drop(first);
    assert!(disk.exists(Path::new("/keeper/version-2/snapshot.0")));
    let again = open(&disk).expect("the same directory");
    assert_eq!((again.last, again.database.tree().digest()), (Zxid::ZERO, digest));
}
