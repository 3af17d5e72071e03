use zookeeper_wire::{EventKind, SetWatches2Request, Zxid};

use super::*;
use crate::testing::{World, create, delete, set};

fn w(id: u64) -> WatcherId {
    WatcherId(id)
}

#[test]
fn one_shot_watches_fire_once_and_where_they_should() {
    let mut world = World::new();
    world.watches.watch_data("/a", w(1));
    world.watches.watch_children("/", w(2));
    let expect = ["NodeCreated /a [1]", "NodeChildrenChanged / [2]"];
    assert_eq!(world.fire(create("/a")), expect);
    assert_eq!(world.fire(create("/b")), [""; 0]);

    world.watches.watch_data("/a", w(1));
    world.watches.watch_children("/a", w(1));
    world.watches.watch_children("/a", w(2));
    assert_eq!(world.fire(set("/a", "x")), ["NodeDataChanged /a [1]"]);
    world.watches.watch_data("/a", w(1));
    // One event for watcher 1, though it watches both ways.
    assert_eq!(world.fire(delete("/a")), ["NodeDeleted /a [1, 2]"]);
    assert!(world.watches.is_empty());
}

#[test]
fn persistent_watches_stay() {
    let mut world = World::new();
    world.ask(create("/p"));
    world.watches.watch_persistently("/p", w(1));
    world.watches.watch_data("/p", w(1));
    assert_eq!(world.fire(set("/p", "x")), ["NodeDataChanged /p [1]"]);
    assert_eq!(world.fire(create("/p/c")), ["NodeChildrenChanged /p [1]"]);
    assert_eq!(world.fire(set("/p/c", "x")), [""; 0]);
    assert_eq!(world.fire(delete("/p/c")), ["NodeChildrenChanged /p [1]"]);
    assert_eq!(world.fire(delete("/p")), ["NodeDeleted /p [1]"]);
    assert_eq!(world.fire(create("/p")), ["NodeCreated /p [1]"]);
}

#[test]
fn recursive_watches_cover_all_below_but_no_child_events() {
    let mut world = World::new();
    world.ask(create("/r"));
    world.watches.watch_recursively("/r", w(1));
    world.watches.watch_recursively("/", w(2));
    world.watches.watch_data("/r/c", w(1));
    assert_eq!(world.fire(create("/r/c")), ["NodeCreated /r/c [1, 2]"]);
    assert_eq!(world.fire(create("/r/c/d")), ["NodeCreated /r/c/d [1, 2]"]);
    assert_eq!(world.fire(set("/r", "x")), ["NodeDataChanged /r [1, 2]"]);
    assert_eq!(world.fire(create("/rr")), ["NodeCreated /rr [2]"]);
    assert!(world.watches.remove("/", w(2), WatchKind::Recursive));
    assert_eq!(world.fire(delete("/r/c/d")), ["NodeDeleted /r/c/d [1]"]);
    world.watches.forget(w(1));
    assert_eq!(world.fire(delete("/r/c")), [""; 0]);
    assert!(!world.watches.book.has_recursive());
}

#[test]
fn removal_is_by_kind() {
    let mut watches = Watches::new(HashKey(1));
    let kinds = [WatchKind::Children, WatchKind::Data, WatchKind::Persistent, WatchKind::Recursive];
    watches.watch_data("/a", w(1));
    assert!(!watches.remove("/a", w(1), WatchKind::Children));
    assert!(!watches.remove("/a", w(2), WatchKind::Any));
    assert!(watches.contains("/a", w(1), WatchKind::Data));
    assert!(watches.remove("/a", w(1), WatchKind::Data));
    assert!(!watches.contains("/a", w(1), WatchKind::Any));
    watches.watch_data("/a", w(1));
    watches.watch_children("/a", w(1));
    watches.watch_persistently("/a", w(1));
    watches.watch_recursively("/a", w(1));
    for kind in kinds {
        assert!(watches.contains("/a", w(1), kind));
    }
    assert!(watches.remove("/a", w(1), WatchKind::Any));
    for kind in kinds {
        assert!(!watches.contains("/a", w(1), kind));
    }
    assert!(watches.is_empty());
    assert_eq!(watches.counts(), WatchCounts { watchers: 0, paths: 0, watches: 0 });
}

#[test]
fn watches_set_again_tell_at_once_what_was_missed() {
    let mut world = World::new();
    for path in ["/old", "/old/c", "/new"] {
        world.ask(create(path));
    }
    world.ask(set("/new", "x"));
    let list = |paths: &[&str]| paths.iter().map(|path| path.to_string()).collect::<Vec<_>>();
    let request = SetWatches2Request {
        relative_zxid: Zxid(3),
        data: list(&["/old", "/new", "/gone"]),
        exist: list(&["/new", "/never"]),
        child: list(&["/old", "/", "/gone"]),
        persistent: list(&["/p"]),
        persistent_recursive: list(&["/r"]),
    };
    let missed = world.watches.rearm(world.database.tree(), w(1), &request);
    let expect = [
        (EventKind::DATA_CHANGED, "/new"),
        (EventKind::DELETED, "/gone"),
        (EventKind::CREATED, "/new"),
        (EventKind::DELETED, "/gone"),
    ];
    assert_eq!(missed, expect.map(|(kind, path)| (kind, path.to_owned())));
    assert!(world.watches.contains("/old", w(1), WatchKind::Data));
    assert!(world.watches.contains("/never", w(1), WatchKind::Data));
    assert!(world.watches.contains("/", w(1), WatchKind::Children));
    assert!(world.watches.contains("/p", w(1), WatchKind::Persistent));
    assert!(world.watches.contains("/r", w(1), WatchKind::Recursive));
}
