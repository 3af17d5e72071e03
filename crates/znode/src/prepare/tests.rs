use bytes::Bytes;
use zookeeper_wire::txn::Txn;
use zookeeper_wire::{
    Acl, CheckVersionRequest, CreateRequest, DeleteRequest, ErrorCode, MultiResult, Permissions, Request,
    SessionId, SetAclRequest, SetDataRequest,
};

use crate::testing::{SESSION, World, create, create_container, create_ttl, create_with, delete, op, set};
use crate::{Identity, Outcome};

fn failure(world: &mut World, request: Request) -> Option<ErrorCode> {
    match world.ask(request) {
        Outcome::Failed(error) => Some(error),
        _ => None,
    }
}

fn created_path(world: &mut World, request: Request) -> String {
    match world.prepare(request).txn {
        Txn::Create2(txn) => txn.path,
        other => panic!("{other:?}"),
    }
}

/// Which error wins is part of the protocol.
#[test]
fn creates_are_checked_in_the_order_of_the_original() {
    let mut world = World::new();
    world.ask(create("/p"));
    world.ask(create_with("/e", "", 1));
    let read_only = vec![Acl::world(Permissions::READ)];
    world.ask(Request::Create(CreateRequest { path: "/r".into(), data: None, acl: read_only, flags: 0 }));
    let mut check = |path: &str, acl: Vec<Acl>, flags, expect| {
        let request = Request::Create2(CreateRequest { path: path.into(), data: None, acl, flags });
        assert_eq!(failure(&mut world, request), expect, "{path:?} {flags}");
    };
    check("x", vec![], 7, Some(ErrorCode::BAD_ARGUMENTS));
    check("/missing/x", vec![], 5, Some(ErrorCode::BAD_ARGUMENTS));
    check("x", vec![], 0, Some(ErrorCode::BAD_ARGUMENTS));
    check("/p/\0", vec![], 0, Some(ErrorCode::BAD_ARGUMENTS));
    check("/missing/x", vec![], 0, Some(ErrorCode::INVALID_ACL));
    check("/missing/x/", Acl::open(), 0, Some(ErrorCode::NO_NODE));
    check("/r/x/..", Acl::open(), 0, Some(ErrorCode::NO_NODE));
    check("/r/..", Acl::open(), 0, Some(ErrorCode::NO_AUTH));
    check("/p/..", Acl::open(), 0, Some(ErrorCode::BAD_ARGUMENTS));
    check("/p/", Acl::open(), 0, Some(ErrorCode::BAD_ARGUMENTS));
    check("/p", Acl::open(), 0, Some(ErrorCode::NODE_EXISTS));
    check("/", Acl::open(), 0, Some(ErrorCode::NODE_EXISTS));
    check("/e/x", Acl::open(), 0, Some(ErrorCode::NO_CHILDREN_FOR_EPHEMERALS));
    check("/p/", Acl::open(), 2, None);
    check("/p/x", Acl::open(), 0, None);
}

#[test]
fn a_time_to_live_has_bounds_and_can_be_off() {
    let mut world = World::new();
    let mut check = |flags, ttl, expect| {
        assert_eq!(failure(&mut world, create_ttl("/t", flags, ttl)), expect, "{flags} {ttl}");
    };
    check(5, 0, Some(ErrorCode::BAD_ARGUMENTS));
    check(5, -1, Some(ErrorCode::BAD_ARGUMENTS));
    check(5, 1 << 40, Some(ErrorCode::BAD_ARGUMENTS));
    check(0, 10, Some(ErrorCode::BAD_ARGUMENTS));
    check(6, (1 << 40) - 1, None);
    let mut world = World::new();
    world.database = crate::Database::new(crate::HashKey(1), crate::ExtendedTypes::Off);
    assert_eq!(failure(&mut world, create_ttl("/t", 5, 10)), Some(ErrorCode::UNIMPLEMENTED));
}

#[test]
fn deletes_are_checked_in_the_order_of_the_original() {
    let mut world = World::new();
    world.ask(create("/p"));
    world.ask(create("/p/c"));
    let locked = vec![Acl::world(Permissions::READ | Permissions::CREATE)];
    world.ask(Request::Create(CreateRequest { path: "/l".into(), data: None, acl: locked, flags: 0 }));
    world.ask(create("/l/c"));
    let mut check = |path: &str, version, expect| {
        let request = Request::Delete(DeleteRequest { path: path.into(), version });
        assert_eq!(failure(&mut world, request), expect, "{path:?} {version}");
    };
    for special in ["", "x", "/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"] {
        check(special, -1, Some(ErrorCode::BAD_ARGUMENTS));
    }
    check("/missing/x", -1, Some(ErrorCode::NO_NODE));
    check("/l/missing", -1, Some(ErrorCode::NO_AUTH));
    check("/missing", -1, Some(ErrorCode::NO_NODE));
    check("/p", 3, Some(ErrorCode::BAD_VERSION));
    check("/p", 0, Some(ErrorCode::NOT_EMPTY));
    check("/p/c", 0, None);
    check("/p", -1, None);
}

#[test]
fn versions_are_compared_and_skip_minus_one() {
    let mut world = World::new();
    world.ask(create("/v"));
    let mut check = |version, expect: Result<i32, ErrorCode>| {
        let data = Some(Bytes::from_static(b"x"));
        let request = Request::SetData(SetDataRequest { path: "/v".into(), data, version });
        let got = match world.ask(request) {
            Outcome::Stat(stat) => Ok(stat.version),
            Outcome::Failed(error) => Err(error),
            other => panic!("{other:?}"),
        };
        assert_eq!(got, expect);
    };
    check(1, Err(ErrorCode::BAD_VERSION));
    check(0, Ok(1));
    check(-1, Ok(2));
    assert_eq!(super::next_version(-2, -1), Ok(0));
    assert_eq!(super::next_version(i32::MAX, i32::MAX), Ok(i32::MIN));
}

#[test]
fn sequence_numbers_count_all_creates_even_those_under_way() {
    let mut world = World::new();
    world.ask(create("/q"));
    assert_eq!(created_path(&mut world, create_with("/q/n-", "", 2)), "/q/n-0000000000");
    assert_eq!(created_path(&mut world, create_with("/q/n-", "", 3)), "/q/n-0000000001");
    world.prepare(create("/q/plain"));
    world.apply();
    world.prepare(delete("/q/n-0000000000"));
    assert_eq!(created_path(&mut world, create_with("/q/", "", 2)), "/q/0000000003");
    world.apply_all();
    assert_eq!(created_path(&mut world, create_with("/q/n-", "", 2)), "/q/n-0000000004");
    world.apply_all();
}

#[test]
fn requests_see_what_is_prepared_before_it_is_applied() {
    let mut world = World::new();
    world.prepare(create("/a"));
    world.prepare(create("/a/b"));
    world.prepare(set("/a/b", "one"));
    assert_eq!(world.prepare(delete("/a")).txn, Txn::Error(ErrorCode::NOT_EMPTY));
    world.prepare(delete("/a/b"));
    world.prepare(delete("/a"));
    assert_eq!(world.prepare(create("/a/c")).txn, Txn::Error(ErrorCode::NO_NODE));
    world.apply_all();
    assert!(world.outstanding.is_empty());
    assert_eq!(world.database.tree().find("/a"), None);
}

#[test]
fn a_multi_happens_as_a_whole_or_not_at_all() {
    let mut world = World::new();
    world.prepare(create("/a"));
    let check = Request::Check(CheckVersionRequest { path: "/a".into(), version: 9 });
    let failing = vec![op(create("/b")), op(set("/a", "x")), op(check), op(delete("/a"))];
    let prepared = world.prepare(Request::Multi(failing));
    assert!(matches!(&prepared.txn, Txn::Multi(members) if matches!(members[0], Txn::Create2(_))));
    assert!(prepared.digest.is_some(), "a failed multi carries the digest too");
    // What follows must not see any of it.
    let Txn::SetData(after) = world.prepare(set("/a", "y")).txn else { panic!() };
    assert_eq!(after.version, 1);
    world.apply();
    let (outcome, fired) = world.apply();
    let codes = [ErrorCode::OK, ErrorCode::OK, ErrorCode::BAD_VERSION, ErrorCode::RUNTIME_INCONSISTENCY];
    assert_eq!(outcome, Outcome::Multi(codes.map(MultiResult::Error).to_vec()));
    assert!(fired.is_empty());
    world.apply_all();
    assert_eq!(world.database.tree().find("/b"), None);

    let Outcome::Multi(results) = world.ask(Request::Multi(vec![
        op(create("/m")),
        op(create_with("/m/s-", "", 2)),
        op(create_with("/m/s-", "", 2)),
        op(set("/m", "z")),
        op(delete("/m/s-0000000000")),
    ])) else {
        panic!()
    };
    assert!(matches!(&results[2], MultiResult::Create2(path, _) if path == "/m/s-0000000001"));
    let tree = world.database.tree();
    let stat = tree.stat(tree.find("/m").unwrap());
    assert_eq!((stat.czxid, stat.mzxid, stat.children), (world.zxid, world.zxid, 1));
    assert_eq!(world.ask(Request::Multi(vec![])), Outcome::Multi(vec![]));
}

#[test]
fn lists_are_enforced_and_super_is_above_them() {
    let mut world = World::new();
    world.identities = vec![Identity::new("digest", "bob:hash")];
    let acl = vec![Acl::new(Permissions::ALL, "auth", "")];
    world.ask(Request::Create(CreateRequest { path: "/bob".into(), data: None, acl, flags: 0 }));
    let set_acl =
        |path: &str, version| Request::SetAcl(SetAclRequest { path: path.into(), acl: Acl::open(), version });
    world.identities = vec![Identity::new("digest", "eve:hash")];
    assert_eq!(failure(&mut world, set("/bob", "x")), Some(ErrorCode::NO_AUTH));
    assert_eq!(failure(&mut world, set_acl("/bob", 7)), Some(ErrorCode::NO_AUTH));
    assert_eq!(failure(&mut world, create("/bob/x")), Some(ErrorCode::NO_AUTH));
    world.identities = vec![Identity::new("super", "")];
    assert_eq!(failure(&mut world, set_acl("/bob", 7)), Some(ErrorCode::BAD_VERSION));
    assert_eq!(failure(&mut world, set_acl("/bob", 0)), None);
    world.identities.clear();
    assert_eq!(failure(&mut world, set("/bob", "x")), None);
    assert_eq!(failure(&mut world, set("/zookeeper/config", "x")), Some(ErrorCode::NO_AUTH));
    world.rules.skip_acl = true;
    assert_eq!(failure(&mut world, set("/zookeeper/config", "x")), None);
}

#[test]
fn a_session_takes_its_ephemerals_with_it_even_those_under_way() {
    let mut world = World::new();
    let other = SessionId(7);
    world.ask(create_with("/gone", "", 1));
    world.ask(create_with("/e1", "", 1));
    world.prepare(delete("/gone"));
    world.prepare(create_with("/e2", "", 1));
    world.prepare_for(other, create_with("/theirs", "", 1));
    let closed = world.prepare(Request::CloseSession);
    assert_eq!(closed.txn, Txn::CloseSession(Some(vec!["/e1".into(), "/e2".into()])));
    assert_eq!(world.prepare(set("/e2", "x")).txn, Txn::Error(ErrorCode::NO_NODE));
    world.apply_all();
    let tree = world.database.tree();
    assert_eq!(tree.ephemerals(SESSION).count(), 0);
    assert_eq!(tree.ephemerals(other).map(|id| tree.path(id)).collect::<Vec<_>>(), ["/theirs"]);
    assert_eq!(tree.stat(crate::NodeId::ROOT).pzxid.0, 6, "the close changed the root's children");
}

/// Found by simulation, seed 5078.
#[test]
fn a_session_does_not_take_what_was_made_anew_for_others() {
    let mut world = World::new();
    world.ask(create_with("/theirs", "", 1));
    world.ask(create_with("/lasting", "", 1));
    world.ask(create_with("/again", "", 1));
    for path in ["/theirs", "/lasting", "/again"] {
        world.prepare(delete(path));
    }
    world.prepare_for(SessionId(7), create_with("/theirs", "", 1));
    world.prepare(create("/lasting"));
    world.prepare(create_with("/again", "", 1));
    let closed = world.prepare(Request::CloseSession);
    assert_eq!(closed.txn, Txn::CloseSession(Some(vec!["/again".into()])));
    world.apply_all();
    assert!(world.database.tree().find("/theirs").is_some());
    assert!(world.database.tree().find("/lasting").is_some());
}

/// The original cannot read back a transaction that names too many.
#[test]
fn a_session_with_very_many_ephemerals_ends_in_steps() {
    let mut world = World::new();
    let long = "x".repeat(1_000);
    for n in 0..2_500 {
        world.prepare(create_with(&format!("/{long}{n}"), "", 1));
    }
    world.prepare_for(SessionId(9), create_with("/theirs", "", 1));
    for _ in 0..1_200 {
        world.apply();
    }
    let mut steps = 0;
    while world.farewell().is_some() {
        steps += 1;
    }
    assert_eq!(steps, 2);
    let Txn::CloseSession(Some(last)) = world.prepare(Request::CloseSession).txn else { panic!() };
    assert!((400..600).contains(&last.len()), "{}", last.len());
    world.apply_all();
    assert_eq!(world.database.tree().ephemeral_count(), 1);
    assert!(world.farewell().is_none());
}

#[test]
fn the_reaper_finds_what_may_go() {
    let mut world = World::new();
    for request in [
        create_container("/used"),
        create("/used/c"),
        delete("/used/c"),
        create_container("/fresh"),
        create_container("/full"),
        create("/full/c"),
        create_ttl("/short", 5, 10),
        create_ttl("/long", 5, 1_000_000),
        create("/plain"),
    ] {
        world.ask(request);
    }
    let reapable = |world: &World, never_used_ms| {
        let mut paths = world.database.tree().reapable(2_000, never_used_ms, 100);
        paths.sort();
        paths
    };
    assert_eq!(reapable(&world, 0), ["/short", "/used"]);
    assert_eq!(reapable(&world, 500), ["/fresh", "/short", "/used"]);
    let mut reap = |path: &str| {
        let request = Request::DeleteContainer(zookeeper_wire::PathOnly { path: path.into() });
        failure(&mut world, request)
    };
    assert_eq!(reap("/plain"), Some(ErrorCode::BAD_VERSION));
    assert_eq!(reap("/full"), Some(ErrorCode::NOT_EMPTY));
    assert_eq!(reap("/used"), None);
}

#[test]
fn quotas_count_and_refuse_only_when_told_to() {
    let mut world = World::new();
    world.ask(create_with("/t", "12345", 0));
    world.ask(create("/t/a"));
    world.ask(create("/zookeeper/quota/t"));
    let limits = "count=-1,bytes=-1=;byteHardLimit=12;countHardLimit=3";
    world.ask(create_with("/zookeeper/quota/t/zookeeper_limits", limits, 0));
    world.ask(create_with("/zookeeper/quota/t/zookeeper_stats", "", 0));
    let used = |world: &World| {
        let tree = world.database.tree();
        let id = tree.find("/zookeeper/quota/t/zookeeper_stats").unwrap();
        String::from_utf8(tree.data(id).unwrap().to_vec()).unwrap()
    };
    assert_eq!(used(&world), "count=2,bytes=5");
    assert_eq!(failure(&mut world, create_with("/t/b", "123", 0)), None);
    assert_eq!(used(&world), "count=3,bytes=8");
    world.rules.enforce_quota = true;
    assert_eq!(failure(&mut world, create("/t/c")), Some(ErrorCode::QUOTA_EXCEEDED));
    assert_eq!(failure(&mut world, set("/t/b", "12345678")), Some(ErrorCode::QUOTA_EXCEEDED));
    assert_eq!(failure(&mut world, set("/t/b", "1234567")), None);
    assert_eq!(failure(&mut world, delete("/t/b")), None);
    assert_eq!(used(&world), "count=2,bytes=5");
    assert_eq!(failure(&mut world, create("/tt")), None, "a subtree is more than a prefix");
    world.ask(delete("/zookeeper/quota/t/zookeeper_limits"));
    world.ask(create_with("/t/c", "long enough to break it", 0));
    assert_eq!(used(&world), "count=2,bytes=5");
}

#[test]
fn statistics_that_are_nonsense_do_no_harm() {
    let mut world = World::new();
    for path in
        ["/t", "/zookeeper/quota/t", "/zookeeper/quota/zookeeper_limits", "/zookeeper/quota/zookeeper_stats"]
    {
        world.ask(create(path));
    }
    let limits = format!("count={0},bytes={0}=;countHardLimit={0};byteHardLimit={0}", i64::MAX);
    world.ask(create_with("/zookeeper/quota/t/zookeeper_limits", &limits, 0));
    world.ask(create_with("/zookeeper/quota/t/zookeeper_stats", "", 0));
    world.rules.enforce_quota = true;
    for nonsense in [i64::MAX, i64::MIN] {
        let text = format!("count={nonsense},bytes={nonsense}");
        world.ask(set("/zookeeper/quota/t/zookeeper_stats", &text));
        assert_eq!(failure(&mut world, create_with("/t/x", "data", 0)), None);
        assert_eq!(failure(&mut world, delete("/t/x")), None);
    }
}

/// Many prepared at once, applied in bursts: digests promised must come true (the world checks it).
#[test]
fn promised_digests_come_true() {
    for seed in 0..6 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut world = World::new();
        for _ in 0..2_000 {
            let path: String = (0..=random.usize(..2)).map(|_| format!("/k{}", random.u8(..4))).collect();
            let session = SessionId(random.i64(1..4));
            let simple = |random: &mut fastrand::Rng| match random.u8(..4) {
                0 => create_with(&path, "abc", random.i32(..4)),
                1 => delete(&path),
                2 => set(&path, "other"),
                _ => create(&path),
            };
            let request = match random.u8(..12) {
                0 => Request::CloseSession,
                1 => Request::Multi((0..random.usize(..4)).map(|_| op(simple(&mut random))).collect()),
                _ => simple(&mut random),
            };
            world.prepare_for(session, request);
            if random.u8(..10) == 0 {
                world.apply_all();
            } else if random.bool() {
                world.apply();
            }
        }
        world.apply_all();
        assert!(world.outstanding.is_empty());
    }
}
