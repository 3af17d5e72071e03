use super::*;

fn header(kind: OpCode) -> TxnHeader {
    TxnHeader { session: SessionId(0x1_0000), cxid: Xid(3), zxid: Zxid(9), time_ms: 1_700_000_000_000, kind }
}

fn create() -> CreateTxn {
    CreateTxn { path: "/a".into(), data: None, acl: Acl::open(), ephemeral: true, parent_cversion: 4 }
}

fn every_txn() -> Vec<Txn> {
    let delete = || DeleteTxn { path: "/a".into() };
    let set = || SetDataTxn { path: "/a".into(), data: Some(Bytes::from_static(b"d")), version: 1 };
    vec![
        Txn::Create(create()),
        Txn::Create2(create()),
        Txn::CreateContainer(CreateContainerTxn {
            path: "/c".into(),
            data: None,
            acl: Acl::open(),
            parent_cversion: 1,
        }),
        Txn::CreateTtl(CreateTtlTxn {
            path: "/t".into(),
            data: None,
            acl: Acl::open(),
            parent_cversion: 1,
            ttl_ms: 5,
        }),
        Txn::Delete(delete()),
        Txn::DeleteContainer(delete()),
        Txn::SetData(set()),
        Txn::Reconfig(set()),
        Txn::SetAcl(SetAclTxn { path: "/a".into(), acl: Acl::open(), version: 2 }),
        Txn::Multi(vec![
            Txn::Create(create()),
            Txn::Check(CheckVersionTxn { path: "/a".into(), version: 1 }),
            Txn::Error(ErrorCode::NO_NODE),
        ]),
        Txn::CreateSession { timeout_ms: 30_000 },
        Txn::CloseSession(Some(vec!["/a".into()])),
        Txn::CloseSession(None),
        Txn::Error(ErrorCode::BAD_VERSION),
    ]
}

#[test]
fn every_transaction_survives_a_round_trip_with_and_without_digest() {
    for txn in every_txn() {
        for digest in [None, Some(TxnDigest { version: 2, tree: -77 })] {
            let entry = TxnEntry { header: header(txn.kind()), txn: txn.clone(), digest };
            let mut writer = Writer::new();
            entry.encode(&mut writer);
            assert_eq!(TxnEntry::decode(writer.finish()), Ok(entry));
        }
    }
}

#[test]
fn no_transaction_panics_when_cut() {
    for txn in every_txn() {
        let mut writer = Writer::new();
        TxnEntry { header: header(txn.kind()), txn, digest: None }.encode(&mut writer);
        let bytes = writer.finish();
        for length in 0..bytes.len() {
            let _ = TxnEntry::decode(bytes.slice(..length));
        }
    }
}

#[test]
fn a_create_of_the_oldest_logs_has_no_parent_version() {
    let mut writer = Writer::new();
    writer.record(&header(OpCode::CREATE));
    create().write(&mut writer);
    let bytes = writer.finish();
    let entry = TxnEntry::decode(bytes.slice(..bytes.len() - 4)).unwrap();
    assert_eq!(entry.txn, Txn::Create(CreateTxn { parent_cversion: -1, ..create() }));
}

#[test]
fn a_check_alone_is_refused() {
    let decoded = Txn::decode(OpCode::CHECK, &mut Reader::new(Bytes::from_static(&[0; 16])));
    assert_eq!(decoded, Err(WireError::UnknownOp(13)));
}
