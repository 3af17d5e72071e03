use zookeeper_wire::{Acl, CreateRequest, Permissions, Request, SessionId};

use super::*;
use crate::testing::{World, create, create_with, delete, op, set};
use crate::{HashKey, Watches};

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
    let mut restore = Restore::new(HashKey(9), true);
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
        let mut restore = Restore::new(HashKey(2), true);
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

#[test]
fn what_makes_no_tree_is_refused() {
    let stat = StoredStat::default();
    let check = |steps: &[(&str, i64)], expect: RestoreError| {
        let mut restore = Restore::new(HashKey(0), false);
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
