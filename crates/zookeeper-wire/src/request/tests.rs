use super::*;
use crate::{ErrorCode, MultiResult, Response, Stat};

fn create() -> CreateRequest {
    CreateRequest { path: "/a".into(), data: Some(Bytes::from_static(b"x")), acl: Acl::open(), flags: 3 }
}

fn every_request() -> Vec<Request> {
    let path = || PathOnly { path: "/p".into() };
    let watch = || PathWatch { path: "/p".into(), watch: true };
    let ttl =
        || CreateTtlRequest { path: "/t".into(), data: None, acl: Acl::open(), flags: 5, ttl_ms: 1 << 39 };
    let delete = || DeleteRequest { path: "/p".into(), version: -1 };
    let set = || SetDataRequest { path: "/p".into(), data: Some(Bytes::new()), version: 4 };
    let check = || CheckVersionRequest { path: "/p".into(), version: 4 };
    vec![
        Request::Create(create()),
        Request::Create2(create()),
        Request::CreateContainer(create()),
        Request::CreateTtl(ttl()),
        Request::Delete(delete()),
        Request::DeleteContainer(path()),
        Request::Exists(watch()),
        Request::GetData(watch()),
        Request::SetData(set()),
        Request::GetAcl(path()),
        Request::SetAcl(SetAclRequest { path: "/p".into(), acl: Acl::open(), version: 0 }),
        Request::GetChildren(watch()),
        Request::GetChildren2(watch()),
        Request::Sync(path()),
        Request::Ping,
        Request::Check(check()),
        Request::Multi(vec![
            MultiOp::Create(create()),
            MultiOp::Create2(create()),
            MultiOp::CreateContainer(CreateRequest { flags: 4, ..create() }),
            MultiOp::CreateTtl(ttl()),
            MultiOp::Delete(delete()),
            MultiOp::SetData(set()),
            MultiOp::Check(check()),
        ]),
        Request::Multi(vec![]),
        Request::MultiRead(vec![MultiOp::GetData(watch()), MultiOp::GetChildren(watch())]),
        Request::Reconfig(ReconfigRequest {
            joining: Some("x".into()),
            leaving: None,
            members: None,
            config_id: -1,
        }),
        Request::CheckWatches(WatchesRequest { path: "/p".into(), kind: 3 }),
        Request::RemoveWatches(WatchesRequest { path: "/p".into(), kind: 1 }),
        Request::AddWatch(AddWatchRequest { path: "/p".into(), mode: 1 }),
        Request::SetWatches(SetWatchesRequest {
            relative_zxid: Zxid(3),
            data: vec!["/a".into()],
            exist: vec![],
            child: vec!["/b".into(), "/c".into()],
        }),
        Request::SetWatches2(SetWatches2Request {
            relative_zxid: Zxid(3),
            data: vec![],
            exist: vec!["/a".into()],
            child: vec![],
            persistent: vec!["/b".into()],
            persistent_recursive: vec!["/".into()],
        }),
        Request::GetEphemerals(path()),
        Request::GetAllChildrenNumber(path()),
        Request::WhoAmI,
        Request::Auth(AuthPacket {
            kind: 0,
            scheme: "digest".into(),
            auth: Some(Bytes::from_static(b"u:p")),
        }),
        Request::Sasl(SaslToken { token: None }),
        Request::CloseSession,
    ]
}

#[test]
fn every_request_survives_a_round_trip() {
    for request in every_request() {
        let mut reader = Reader::new(request.frame(Xid(5)));
        let header: RequestHeader = reader.record().unwrap();
        assert_eq!(header, RequestHeader { xid: Xid(5), op: request.op() });
        assert_eq!(Request::decode(header.op, &mut reader), Ok(request));
        assert_eq!(reader.remaining(), 0);
    }
}

/// Cut anywhere, a request is an error and never a panic.
#[test]
fn no_request_can_be_cut() {
    for request in every_request() {
        let mut writer = Writer::new();
        request.encode(&mut writer);
        let bytes = writer.finish();
        for length in 0..bytes.len() {
            let cut = Request::decode(request.op(), &mut Reader::new(bytes.slice(..length)));
            assert!(cut.is_err(), "{request:?} cut to {length}");
        }
    }
}

#[test]
fn unknown_operations_are_named() {
    for op in [0, 10, 23, 99, 108, -1, -10, i32::MAX] {
        let decoded = Request::decode(OpCode(op), &mut Reader::new(Bytes::new()));
        assert_eq!(decoded, Err(WireError::UnknownOp(op)));
    }
}

#[test]
fn a_multi_does_not_mix_reads_with_writes() {
    let ops = vec![
        MultiOp::Delete(DeleteRequest { path: "/a".into(), version: -1 }),
        MultiOp::GetData(PathWatch { path: "/a".into(), watch: false }),
    ];
    let mut writer = Writer::new();
    MultiOp::write_all(&ops, &mut writer);
    assert_eq!(MultiOp::read_all(&mut Reader::new(writer.finish())), Err(WireError::BadMulti));
}

#[test]
fn in_a_multi_the_flags_of_a_create_have_the_last_word() {
    let check = |op: MultiOp, expect: Result<OpCode, WireError>| {
        let mut writer = Writer::new();
        MultiOp::write_all(&[op], &mut writer);
        let read = MultiOp::read_all(&mut Reader::new(writer.finish()));
        assert_eq!(read.map(|ops| ops[0].op()), expect);
    };
    let with = |flags| CreateRequest { flags, ..create() };
    check(MultiOp::Create(with(4)), Ok(OpCode::CREATE_CONTAINER));
    check(MultiOp::Create2(with(4)), Ok(OpCode::CREATE_CONTAINER));
    check(MultiOp::CreateContainer(with(0)), Ok(OpCode::CREATE_CONTAINER));
    check(MultiOp::Create2(with(2)), Ok(OpCode::CREATE2));
    check(MultiOp::Create(with(5)), Err(WireError::BadMulti));
    check(MultiOp::Create(with(7)), Err(WireError::BadMulti));
    let ttl = |flags| {
        let CreateRequest { path, data, acl, .. } = create();
        MultiOp::CreateTtl(CreateTtlRequest { path, data, acl, flags, ttl_ms: 5 })
    };
    check(ttl(6), Ok(OpCode::CREATE_TTL));
    check(ttl(1), Ok(OpCode::CREATE));
    check(ttl(4), Ok(OpCode::CREATE_CONTAINER));
    check(ttl(99), Ok(OpCode::CREATE));
}

#[test]
fn a_create_has_the_bytes_of_the_original() {
    let mut writer = Writer::new();
    Request::Create(create()).encode(&mut writer);
    let mut expect = vec![0, 0, 0, 2, b'/', b'a', 0, 0, 0, 1, b'x', 0, 0, 0, 1, 0, 0, 0, 31, 0, 0, 0, 5];
    expect.extend_from_slice(b"world\0\0\0\x06anyone\0\0\0\x03");
    assert_eq!(writer.finish(), expect);
}

#[test]
fn every_response_survives_a_round_trip() {
    let stat = Stat { czxid: Zxid(1), version: 2, children: 3, ..Stat::default() };
    let check = |op, response: Response| {
        let mut writer = Writer::new();
        response.encode(&mut writer);
        assert_eq!(Response::decode(op, &mut Reader::new(writer.finish())), Ok(response));
    };
    check(OpCode::CREATE, Response::Create("/a".into()));
    check(OpCode::CREATE2, Response::Create2("/a".into(), stat));
    check(OpCode::CREATE_TTL, Response::Create2("/a".into(), stat));
    check(OpCode::DELETE, Response::Empty);
    check(OpCode::EXISTS, Response::Stat(stat));
    check(OpCode::GET_DATA, Response::Data(None, stat));
    check(OpCode::GET_ACL, Response::Acl(Acl::open(), stat));
    check(OpCode::GET_CHILDREN, Response::Children(vec!["a".into()]));
    check(OpCode::GET_CHILDREN2, Response::Children2(vec![], stat));
    check(OpCode::SYNC, Response::Sync("/".into()));
    check(OpCode::GET_ALL_CHILDREN_NUMBER, Response::AllChildrenNumber(7));
    check(OpCode::ADD_WATCH, Response::AddWatch(0));
    check(OpCode::SASL, Response::Sasl(Some(Bytes::from_static(b"t"))));
    check(
        OpCode::MULTI,
        Response::Multi(vec![
            MultiResult::Create("/a".into()),
            MultiResult::Create2("/a".into(), stat),
            MultiResult::Delete,
            MultiResult::SetData(stat),
            MultiResult::Check,
            MultiResult::Error(ErrorCode::NO_NODE),
        ]),
    );
    check(
        OpCode::MULTI_READ,
        Response::Multi(vec![
            MultiResult::GetData(None, stat),
            MultiResult::GetChildren(vec!["x".into()]),
            MultiResult::Error(ErrorCode::NO_AUTH),
        ]),
    );
}
