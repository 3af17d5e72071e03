use zookeeper_wire::{Acl, CreateRequest, Permissions, Request, SessionId};

use super::*;
use crate::testing::{World, create, create_with, delete, op, set};
use crate::{ExtendedTypes, HashKey, Watches};

fn world() -> World {
    let mut world = World::new();
    for n in 0..300 {
        world.ask(create_with(&format!("/n{n}"), "data", n % 2));
    }
    for n in 0..20 {
        world.ask(create(&format!("/n4/c{n}")));
    }
    let acl = vec![Acl::world(Permissions::READ)];
    world.ask(Request::Create(CreateRequest { path: "/locked".into(), data: None, acl, flags: 0 }));
    world
}

fn restored(snapshot: &Snapshot) -> Database {
    let mut restore = Restore::new(HashKey(9), ExtendedTypes::On);
    for (&session, &timeout_ms) in snapshot.sessions() {
        restore.session(session, timeout_ms);
    }
    for (key, list) in snapshot.acls() {
        restore.acl(key, list.to_vec());
    }
    let mut walk = snapshot.walk();
    let mut count = 0;
    while let Some(node) = walk.step() {
        restore.node(node.path, node.data, node.acl_key, &node.stat).unwrap();
        count += 1;
    }
    assert_eq!(count, snapshot.len());
    restore.finish(snapshot.zxid()).unwrap()
}

#[test]
fn a_snapshot_is_of_one_point_in_time_and_loads_again() {
    let mut world = world();
    world.database.sessions.insert(SessionId(5), 4000);
    let snapshot = world.database.snapshot();
    let digest = world.database.tree().digest();
    for n in 0..200 {
        world.ask(set(&format!("/n{n}"), "changed a lot"));
        world.ask(delete(&format!("/n{}", n + 50)));
        world.ask(create(&format!("/later{n}")));
    }
    assert_ne!(world.database.tree().digest(), digest);
    let database = restored(&snapshot);
    assert_eq!(database.tree().digest(), digest);
    assert_eq!(database.last_applied(), snapshot.zxid());
    assert_eq!(database.sessions(), snapshot.sessions());
    let locked = database.tree().find("/locked").unwrap();
    assert_eq!(**database.tree().acl(locked), [Acl::world(Permissions::READ)]);
    assert_eq!(database.tree().ephemeral_count(), 150);
}

/// As the original's snapshots may be: each znode as it was at a different time. The log since the
/// snapshot began makes it whole.
#[test]
fn a_log_repairs_a_fuzzy_snapshot() {
    for seed in 0..10 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut world = world();
        let begin = world.log.len();
        let zxid = world.zxid;
        // Half of the znodes as they are now, half as they will be.
        let early = world.database.snapshot();
        for _ in 0..300 {
            let path = format!("/n{}", random.u8(..30));
            let child = format!("{path}/x{}", random.u8(..3));
            let request = match random.u8(..6) {
                0 => delete(&path),
                1 => create(&path),
                2 => create(&child),
                3 => delete(&child),
                4 => set(&path, "new"),
                _ => Request::Multi(vec![op(create(&child)), op(set(&child, "m"))]),
            };
            world.ask(request);
        }
        let late = world.database.snapshot();
        let mut restore = Restore::new(HashKey(2), ExtendedTypes::On);
        for (key, list) in early.acls() {
            restore.acl(key, list.to_vec());
        }
        let mut walk = early.walk();
        let mut late_paths = BTreeMap::new();
        let mut late_walk = late.walk();
        while let Some(node) = late_walk.step() {
            let data = node.data.map(<[u8]>::to_vec);
            late_paths.insert(node.path.to_owned(), (data, node.acl_key, node.stat));
        }
        while let Some(node) = walk.step() {
            // The walk of the original visits parents first and reads each as it is by then.
            match late_paths.get(node.path) {
                Some((data, acl, stat)) if random.bool() => {
                    let _ = restore.node(node.path, data.as_deref(), *acl, stat);
                }
                _ => {
                    let _ = restore.node(node.path, node.data, node.acl_key, &node.stat);
                }
            }
        }
        let mut database = restore.finish(zxid).unwrap();
        let mut watches = Watches::new(HashKey(2));
        for (header, txn, _) in &world.log[begin..] {
            database.apply(header, txn, &mut watches, &mut Vec::new());
        }
        assert_eq!(database.tree().len(), world.database.tree().len(), "seed {seed}");
        assert_eq!(database.tree().digest(), world.database.tree().digest(), "seed {seed}");
    }
}

/// Znodes whose time to live was written by 3.5.3 keep their field, whoever reads it, and go when their
/// time is over only where that is asked for.
#[test]
fn times_to_live_of_3_5_3_are_read_when_asked_for() {
    const FIELD: i64 = i64::MIN | 500;
    for types in [ExtendedTypes::Off, ExtendedTypes::On, ExtendedTypes::OnAsIn353] {
        let mut restore = Restore::new(HashKey(3), types);
        let stat = StoredStat { ephemeral_owner: FIELD, mtime: 1_000, ..StoredStat::default() };
        restore.node("", None, OPEN_ACL_KEY, &StoredStat::default()).unwrap();
        restore.node("/old", None, OPEN_ACL_KEY, &stat).unwrap();
        let mut database = restore.finish(Zxid(7)).unwrap();
        assert_eq!(database.bury_dead_sessions(), 0);
        let id = database.tree().find("/old").unwrap();
        let counts = types == ExtendedTypes::OnAsIn353;
        let owner = if counts { SessionId::NONE } else { SessionId(FIELD) };
        assert_eq!(database.tree().stat(id).ephemeral_owner, owner);
        let due = database.tree().reapable(1_501, 0, 10);
        assert_eq!(due, if counts { vec!["/old".to_owned()] } else { Vec::new() });
        assert!(database.tree().reapable(1_500, 0, 10).is_empty());
        let snapshot = database.snapshot();
        let mut walk = snapshot.walk();
        walk.step();
        assert_eq!(walk.step().unwrap().stat.ephemeral_owner, FIELD);
    }
}

#[test]
fn what_makes_no_tree_is_refused() {
    let stat = StoredStat::default();
    let check = |steps: &[(&str, i64)], expect: RestoreError| {
        let mut restore = Restore::new(HashKey(0), ExtendedTypes::Off);
        let result = steps.iter().try_for_each(|&(path, acl)| restore.node(path, None, acl, &stat));
        let result = result.and_then(|()| restore.finish(Zxid(1)).map(|_| ()));
        assert_eq!(result, Err(expect));
    };
    check(&[], RestoreError::NoRoot);
    check(&[("/a", -1)], RestoreError::Orphan("/a".into()));
    check(&[("", -1), ("", -1)], RestoreError::Orphan("".into()));
    check(&[("", -1), ("/a/b", -1)], RestoreError::Orphan("/a/b".into()));
    check(&[("", -1), ("/a", -1), ("/a", -1)], RestoreError::Twice("/a".into()));
    check(&[("", 3)], RestoreError::UnknownAcl(3));
}
