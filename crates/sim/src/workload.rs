//! What clients ask for: a few paths that everybody uses, every kind of operation.

use bytes::Bytes;
use zookeeper_wire::{
    Acl, CheckVersionRequest, CreateRequest, DeleteRequest, MultiOp, PathOnly, PathWatch, Request,
    SetDataRequest,
};

const PATHS: [&str; 8] = ["/a", "/b", "/c", "/a/x", "/a/y", "/b/x", "/q", "/e"];
const PERSISTENT: i32 = 0;
const EPHEMERAL: i32 = 1;
const SEQUENTIAL: i32 = 2;
const EPHEMERAL_SEQUENTIAL: i32 = 3;

/// The next request of a client.
pub(crate) fn request(chance: &mut fastrand::Rng) -> Request {
    let path = (*chance.choice(&PATHS).expect("there are some")).to_owned();
    match chance.u8(0..20) {
        0..=3 => Request::Create(create(path, PERSISTENT, chance)),
        4 => Request::Create2(create(path, PERSISTENT, chance)),
        5 => Request::Create(create(path, EPHEMERAL, chance)),
        6 => Request::Create2(create("/q/n-".into(), SEQUENTIAL, chance)),
        7 => Request::Create(create("/a/e-".into(), EPHEMERAL_SEQUENTIAL, chance)),
        8..=10 => Request::SetData(set(path, chance)),
        11..=12 => Request::Delete(DeleteRequest { path, version: version(chance) }),
        13 => Request::Multi(vec![
            MultiOp::Check(CheckVersionRequest { path: "/a".into(), version: version(chance) }),
            MultiOp::Create(create(path.clone(), PERSISTENT, chance)),
            MultiOp::SetData(set(path, chance)),
        ]),
        14 => Request::Multi(vec![
            MultiOp::SetData(set(path.clone(), chance)),
            MultiOp::Delete(DeleteRequest { path, version: -1 }),
        ]),
        15 => Request::Sync(PathOnly { path }),
        16 => Request::Exists(PathWatch { path, watch: chance.bool() }),
        17 => Request::GetChildren(PathWatch { path, watch: chance.bool() }),
        _ => Request::GetData(PathWatch { path, watch: chance.bool() }),
    }
}

fn create(path: String, flags: i32, chance: &mut fastrand::Rng) -> CreateRequest {
    CreateRequest { path, data: data(chance), acl: Acl::open(), flags }
}

fn set(path: String, chance: &mut fastrand::Rng) -> SetDataRequest {
    SetDataRequest { path, data: data(chance), version: version(chance) }
}

fn version(chance: &mut fastrand::Rng) -> i32 {
    if chance.bool() { -1 } else { chance.i32(0..3) }
}

/// Mostly small, now and then more than a sector or several.
fn data(chance: &mut fastrand::Rng) -> Option<Bytes> {
    let length = match chance.u8(0..16) {
        0 => return None,
        1 => chance.usize(500..5000),
        _ => chance.usize(0..30),
    };
    let byte = chance.u8(..);
    Some(Bytes::from(vec![byte; length]))
}
