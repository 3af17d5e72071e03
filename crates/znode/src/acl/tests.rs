use super::*;

fn ids(list: &[(&'static str, &'static str)]) -> Vec<Identity> {
    list.iter().map(|&(scheme, id)| Identity::new(scheme, id)).collect()
}

#[test]
fn permissions_follow_the_list() {
    let check = |acl: &[Acl], permission, who: &[(&'static str, &'static str)], expect| {
        assert_eq!(permits(acl, permission, &ids(who)), expect, "{acl:?} {who:?}");
    };
    let (read, write) = (Permissions::READ, Permissions::WRITE);
    check(&Acl::open(), write, &[], true);
    check(&[], write, &[], true);
    check(&[Acl::world(read)], read, &[], true);
    check(&[Acl::world(read)], write, &[], false);
    check(&[Acl::world(read)], write, &[("super", "")], true);
    let digest = [Acl::new(Permissions::ALL, "digest", "u:h")];
    check(&digest, read, &[("ip", "10.0.0.1")], false);
    check(&digest, read, &[("digest", "u:h")], true);
    check(&digest, read, &[("digest", "u:other")], false);
    check(&digest, read, &[("sasl", "u:h")], false);
    let net = [Acl::new(read, "ip", "10.1.0.0/16")];
    check(&net, read, &[("ip", "10.1.2.3")], true);
    check(&net, read, &[("ip", "10.2.2.3")], false);
    check(&net, read, &[("ip", "::1")], false);
    check(&[Acl::new(read, "ip", "fe80::/10")], read, &[("ip", "fe80::1")], true);
    check(&[Acl::new(read, "ip", "0.0.0.0/0")], read, &[("ip", "1.2.3.4")], true);
    check(&[Acl::new(read, "other", "x")], read, &[("other", "x")], false);
}

#[test]
fn lists_are_resolved_before_they_are_stored() {
    let invalid = Err(ErrorCode::INVALID_ACL);
    let check = |list: Vec<Acl>, who: &[(&'static str, &'static str)], expect| {
        assert_eq!(resolve(list, &ids(who), Schemes::default()), expect);
    };
    let all = Permissions::ALL;
    check(vec![], &[], invalid.clone());
    check(Acl::open(), &[], Ok(Acl::open()));
    check(vec![Acl::world(all), Acl::world(all)], &[], Ok(Acl::open()));
    check(vec![Acl::new(all, "auth", "")], &[("ip", "1.2.3.4")], invalid.clone());
    check(
        vec![Acl::new(all, "auth", "")],
        &[("ip", "1.2.3.4"), ("digest", "u:h"), ("digest", "v:h")],
        Ok(vec![Acl::new(all, "digest", "u:h"), Acl::new(all, "digest", "v:h")]),
    );
    check(vec![Acl::new(all, "world", "someone")], &[], invalid.clone());
    check(vec![Acl::new(all, "nonsense", "x")], &[], invalid.clone());
    check(vec![Acl::new(all, "digest", "nocolon")], &[], invalid.clone());
    check(vec![Acl::new(all, "digest", "a:b:c")], &[], invalid.clone());
    let padded = vec![Acl::new(all, "ip", "192.168.001.001/24"), Acl::new(all, "digest", "a:b:")];
    check(padded.clone(), &[], Ok(padded));
    check(vec![Acl::new(all, "ip", "1.2.3")], &[], invalid.clone());
    check(vec![Acl::new(all, "ip", "1.2.3.+4")], &[], invalid.clone());
    check(vec![Acl::new(all, "ip", "1.2.3.0400")], &[], invalid.clone());
    check(vec![Acl::new(all, "ip", "1.2.3.4/33")], &[], invalid);
}

#[test]
fn schemes_count_once_they_are_switched_on() {
    let check = |scheme: &'static str, id: &'static str, expect: bool| {
        let list = vec![Acl::new(Permissions::ALL, scheme, id)];
        let on = Schemes { digest: true, x509: true, sasl: true };
        let kept = resolve(list.clone(), &[], on);
        assert_eq!(
            kept,
            if expect { Ok(list.clone()) } else { Err(ErrorCode::INVALID_ACL) },
            "{scheme} {id}"
        );
        let off = Schemes { digest: false, x509: false, sasl: false };
        assert_eq!(resolve(list, &[], off), Err(ErrorCode::INVALID_ACL));
    };
    check("sasl", "bob", true);
    check("sasl", "bob/host@REALM", true);
    check("sasl", "bob@A@B", false);
    check("x509", "CN=bob,OU=a\\, b,O=c", true);
    check("x509", "CN=\"a,b\"", true);
    check("x509", "bob", false);
    check("x509", "CN=bob,", false);
    check("digest", "bob:hash", true);
    let mine = vec![Acl::new(Permissions::ALL, "auth", "")];
    let who = ids(&[("ip", "::1"), ("super", ""), ("x509", "CN=a"), ("sasl", "bob")]);
    let on = Schemes { digest: true, x509: true, sasl: true };
    let expect = vec![Acl::new(Permissions::ALL, "x509", "CN=a"), Acl::new(Permissions::ALL, "sasl", "bob")];
    assert_eq!(resolve(mine.clone(), &who, on), Ok(expect));
    assert_eq!(resolve(mine, &who, Schemes::default()), Err(ErrorCode::INVALID_ACL));
    let for_bob = [Acl::new(Permissions::ALL, "sasl", "bob")];
    assert!(permits(&for_bob, Permissions::READ, &ids(&[("sasl", "super")])));
    assert!(!permits(&for_bob, Permissions::READ, &ids(&[("sasl", "alice")])));
}

#[test]
fn password_hashes_are_masked() {
    let list = [Acl::world(Permissions::READ), Acl::new(Permissions::ALL, "digest", "bob:hash=")];
    let expect = [Acl::world(Permissions::READ), Acl::new(Permissions::ALL, "digest", "bob:x")];
    assert_eq!(masked(&list), expect);
}

#[test]
fn a_list_lives_as_long_as_its_last_znode() {
    let mut table = AclTable::new(HashKey(1));
    let list = [Acl::world(Permissions::READ)];
    let first = table.acquire(&list);
    assert_eq!(table.acquire(&list), first);
    assert_eq!(table.acquire(&Acl::open()), AclId::OPEN);
    table.release(first);
    assert_eq!((table.len(), &table.list(first)[..]), (1, &list[..]));
    table.release(first);
    assert_eq!(table.len(), 0);
}
