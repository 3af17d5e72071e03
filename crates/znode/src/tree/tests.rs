use std::collections::BTreeMap;

use zookeeper_wire::{ErrorCode, Request};

use crate::testing::{SESSION, World, create, create_container, create_ttl, create_with, delete, set};
use crate::{CONFIG, Database, NodeId, Outcome, Owner, Tree};

#[test]
fn a_new_tree_has_what_a_new_server_has() {
    let world = World::new();
    let tree = world.database.tree();
    let mut all: Vec<String> = Vec::new();
    let mut todo = vec![NodeId::ROOT];
    while let Some(id) = todo.pop() {
        all.push(tree.path(id));
        todo.extend(tree.children(id));
    }
    all.sort();
    assert_eq!(all, ["/", "/zookeeper", "/zookeeper/config", "/zookeeper/quota"]);
    assert_eq!(tree.len(), 4);
    let config = tree.stat(tree.find(CONFIG).unwrap());
    assert_eq!(config.acl_version, -1, "as the original has it");
    assert_eq!(tree.digest(), recomputed(tree));
}

#[test]
fn the_child_version_shown_counts_creates_and_deletes() {
    let mut world = World::new();
    let check = |world: &World, version, children, pzxid| {
        let stat = world.database.tree().stat(world.database.tree().find("/p").unwrap());
        assert_eq!((stat.child_version, stat.children, stat.pzxid.0), (version, children, pzxid));
    };
    world.ask(create("/p"));
    check(&world, 0, 0, 1);
    world.ask(create("/p/a"));
    world.ask(create("/p/b"));
    check(&world, 2, 2, 3);
    world.ask(delete("/p/a"));
    check(&world, 3, 1, 4);
    world.ask(delete("/p/b"));
    check(&world, 4, 0, 5);
    world.ask(set("/p", "x"));
    check(&world, 4, 0, 5);
}

#[test]
fn data_may_be_null_or_empty_and_is_shown_so() {
    let mut world = World::new();
    world.ask(create_with("/empty", "", 0));
    world.ask(create_ttl("/null", 5, 10));
    let tree = world.database.tree();
    assert_eq!(tree.data(tree.find("/empty").unwrap()), Some(&b""[..]));
    assert_eq!(tree.data(tree.find("/null").unwrap()), None);
}

#[test]
fn owners_show_only_sessions() {
    let mut world = World::new();
    world.ask(create_with("/e", "", 1));
    world.ask(create_container("/c"));
    world.ask(create_ttl("/t", 5, 77));
    let tree = world.database.tree();
    let check = |path, owner, shown| {
        let id = tree.find(path).unwrap();
        assert_eq!((tree.owner(id), tree.stat(id).ephemeral_owner.0), (owner, shown), "{path}");
    };
    check("/e", Owner::Session(SESSION), SESSION.0);
    check("/c", Owner::Container, 0);
    check("/t", Owner::TimeToLive(77), 0);
}

#[test]
fn paths_are_found_exactly() {
    let mut world = World::new();
    for path in ["/a", "/a/b", "/a/b/c", "/ab", "/a/bc"] {
        world.ask(create(path));
    }
    let tree = world.database.tree();
    for path in ["/", "", "/a", "/a/b", "/a/b/c", "/ab", "/a/bc"] {
        let found = tree.find(path).map(|id| tree.path(id));
        assert_eq!(found.as_deref(), Some(if path.is_empty() { "/" } else { path }));
    }
    for path in ["a", "/a/", "//a", "/b", "/a/b/c/d", "/a//b", "b", "/a/b/", "a/b", "x/a"] {
        assert_eq!(tree.find(path), None, "{path}");
    }
}

/// Random histories against a map from paths to data, with everything recounted now and then.
#[test]
fn the_tree_is_a_map_with_bookkeeping() {
    for seed in 0..8 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut world = World::new();
        let mut model: BTreeMap<String, String> = BTreeMap::new();
        for step in 0..3_000 {
            let path = random_path(&mut random);
            let data = "d".repeat(random.usize(..40));
            let parent = zookeeper_wire::path::parent(&path).unwrap().to_owned();
            let has_parent = parent == "/" || model.contains_key(&parent);
            let has_children = model.keys().any(|other| zookeeper_wire::path::parent(other) == Some(&path));
            let (request, expect): (Request, Option<ErrorCode>) = match random.u8(..4) {
                0 | 1 => {
                    let expect = match (has_parent, model.contains_key(&path)) {
                        (false, _) => Some(ErrorCode::NO_NODE),
                        (_, true) => Some(ErrorCode::NODE_EXISTS),
                        _ => None,
                    };
                    (create_with(&path, &data, 0), expect)
                }
                2 => {
                    let expect = match (model.contains_key(&path), has_children) {
                        (false, _) => Some(ErrorCode::NO_NODE),
                        (_, true) => Some(ErrorCode::NOT_EMPTY),
                        _ => None,
                    };
                    (delete(&path), expect)
                }
                _ => (set(&path, &data), (!model.contains_key(&path)).then_some(ErrorCode::NO_NODE)),
            };
            let change = request.clone();
            let outcome = world.ask(request);
            match expect {
                Some(error) => assert_eq!(outcome, Outcome::Failed(error), "{change:?}"),
                None => {
                    assert!(!matches!(outcome, Outcome::Failed(_)), "{change:?} {outcome:?}");
                    match change {
                        Request::Delete(_) => {
                            model.remove(&path);
                        }
                        _ => {
                            model.insert(path, data);
                        }
                    }
                }
            }
            if step % 200 == 0 {
                agrees(world.database.tree(), &model);
            }
        }
        agrees(world.database.tree(), &model);
        replay_is_the_same(&world);
    }
}

fn random_path(random: &mut fastrand::Rng) -> String {
    (0..=random.usize(..3)).map(|_| format!("/n{}", random.u8(..6))).collect()
}

fn agrees(tree: &Tree, model: &BTreeMap<String, String>) {
    assert_eq!(tree.len(), model.len() + 4);
    for (path, data) in model {
        let id = tree.find(path).expect("the model has it");
        assert_eq!(tree.data(id), Some(data.as_bytes()));
        let children = tree.children(id).count();
        assert_eq!(children, tree.child_count(id));
        let expect = model.keys().filter(|other| zookeeper_wire::path::parent(other) == Some(path)).count();
        assert_eq!(children, expect);
        let prefix = format!("{path}/");
        let below = model.keys().filter(|other| other.starts_with(&prefix)).count();
        assert_eq!(tree.descendant_count(id), below);
    }
    let bytes: usize = model.iter().map(|(path, data)| path.len() + data.len()).sum();
    let own = ["/zookeeper", "/zookeeper/quota", CONFIG].iter().map(|path| path.len()).sum::<usize>();
    assert_eq!(tree.approximate_data_bytes(), bytes + own);
    assert_eq!(tree.digest(), recomputed(tree));
}

/// Applied again from the start over its own result, a log changes nothing that matters.
fn replay_is_the_same(world: &World) {
    let mut again = Database::new(world.database.tree().key(), crate::ExtendedTypes::On);
    let mut watches = crate::Watches::new(world.database.tree().key());
    for (header, txn, _) in &world.log {
        again.apply(header, txn, &mut watches, &mut Vec::new());
    }
    assert_eq!(again.tree().digest(), world.database.tree().digest());
}

/// The digest from nothing but the published rule.
fn recomputed(tree: &Tree) -> u64 {
    let mut sum = 0u64;
    let mut todo = vec![NodeId::ROOT];
    while let Some(id) = todo.pop() {
        todo.extend(tree.children(id));
        let path = tree.path(id);
        if path.starts_with("/zookeeper/") {
            continue;
        }
        let stat = tree.stored_stat(id);
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(if path == "/" { b"" } else { path.as_bytes() });
        hasher.update(tree.data(id).unwrap_or_default());
        for long in [stat.czxid.0, stat.mzxid.0, stat.pzxid.0, stat.ctime, stat.mtime] {
            hasher.update(&long.to_be_bytes());
        }
        for int in [stat.version, stat.child_version, stat.acl_version] {
            hasher.update(&int.to_be_bytes());
        }
        hasher.update(&stat.ephemeral_owner.to_be_bytes());
        sum = sum.wrapping_add(u64::from(hasher.finalize()));
    }
    sum
}
