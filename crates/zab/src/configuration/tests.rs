use super::*;

const THREE: &str = "server.1=a:1:2:participant;0.0.0.0:5\nserver.2=b:1:2:participant;b:5;b:6\n\
                     server.3=c:1:2:observer;;[::1]:7\nversion=100000003";

fn check(text: &str, expect: Result<&str, &str>) {
    let told = Configuration::parse(text).map(|it| it.text()).map_err(|why| why.to_string());
    assert_eq!(told.as_deref().map_err(String::as_str), expect, "{text}");
}

#[test]
fn a_member_is_read_in_every_form() {
    let check = |line: &str, expect: &str| {
        let text = MemberAddress::parse(line).map_or_else(|why| why, |member| member.text());
        assert_eq!(text, expect, "{line}");
    };
    check("h:2888:3888", "h:2888:3888:participant");
    check("h:2888:3888:observer", "h:2888:3888:observer");
    check("h:2888:3888:PARTICIPANT;2181", "h:2888:3888:participant;0.0.0.0:2181");
    check("h:2888:3888;10.0.0.1:2181", "h:2888:3888:participant;10.0.0.1:2181");
    check("h:2888:3888;2181;2281", "h:2888:3888:participant;0.0.0.0:2181;0.0.0.0:2281");
    check("h:2888:3888;;2281", "h:2888:3888:participant;;0.0.0.0:2281");
    check("[::1]:2888:3888;[::1]:2181", "[::1]:2888:3888:participant;[::1]:2181");
    check("a:1:2|b:3:4;5", "a:1:2:participant;0.0.0.0:5");
    check("h:2888", "\"h:2888\" is not of the form host:2888:3888[:participant|observer][;2181]");
    check("h:2888:3888:leader", "\"leader\" is neither participant nor observer");
    check("h:2888:70000", "\"70000\" is not a port");
    check("", "\"\" is not of the form host:2888:3888[:participant|observer][;2181]");
}

#[test]
fn a_membership_is_written_as_it_was_read() {
    check(THREE, Ok(THREE));
    check("\n# why\nserver.1 = a:1:2;5\n", Ok("server.1=a:1:2:participant;0.0.0.0:5\nversion=0"));
    check("", Ok("version=0"));
    let grouped = "server.1=a:1:2:participant\nserver.2=b:1:2:participant\nserver.3=c:1:2:observer\n\
                   group.1=1\ngroup.2=2\nweight.1=1\nweight.2=5\nversion=0";
    check(grouped, Ok(grouped));
    check("server.x=a:1:2", Err("\"x\" is not the number of a server"));
    check("server.1=a:1:2\nclientPort=5", Err("\"clientPort\" does not belong into a membership"));
    check("server.1=a:1:2\nversion=z", Err("version \"z\" is not a hexadecimal number"));
    check("server.1=a:1:2\ngroup.1=1\ngroup.2=1", Err("a server is in two groups"));
    check("server.1=a:1:2\nserver.2=b:1:2\ngroup.1=1", Err("server 2 votes and is in no group"));
    check("server.1", Err("\"server.1\" is no setting"));
    let long = format!("# {}", "x".repeat(CONFIGURATION_BYTES_MAX));
    assert!(Configuration::parse(&long).is_err());
}

#[test]
fn a_file_has_its_lines_in_the_order_of_text() {
    let it = Configuration::parse("server.10=a:1:2;5\nserver.9=b:1:2;5\nversion=1f").unwrap();
    let lines = "server.10=a:1:2:participant;0.0.0.0:5\nserver.9=b:1:2:participant;0.0.0.0:5";
    assert_eq!(it.file(InFile::WithoutVersion), lines);
    assert_eq!(it.file(InFile::WithVersion), format!("{lines}\nversion=1f"));
}

#[test]
fn members_come_and_go() {
    let check = |leaving: Option<&str>, joining: Option<&str>, expect: Result<&[i64], &str>| {
        let next = Configuration::parse(THREE).unwrap().changed(leaving, joining);
        let ids = next.map(|next| next.members.keys().map(|id| id.0).collect::<Vec<_>>());
        let ids = ids.map_err(|why| why.to_string());
        assert_eq!(ids.as_deref().map_err(String::as_str), expect, "{leaving:?} {joining:?}");
    };
    check(None, None, Ok(&[1, 2, 3]));
    check(Some("2, 9"), None, Ok(&[1, 3]));
    check(Some("3"), Some("server.4=d:1:2;5,server.3=c:1:2;9"), Ok(&[1, 2, 3, 4]));
    check(Some("two"), None, Err("\"two\" is not the number of a server"));
    check(None, Some("server.4=d:1:2"), Err("\"server.4=d:1:2\" names no port for clients"));
    check(None, Some("server.4"), Err("\"server.4\" names no server"));
    check(None, Some("server.4=a:1:9;7"), Err("server 4 would have an address of server 1"));
    check(None, Some("server.4=d:1:2;5,server.5=d:7:2;9"), Err("server 5 would have an address of server 4"));
    check(None, Some("server.5=127.0.0.1:1:2;5,server.6=127.0.0.1:1:2;5"), Ok(&[1, 2, 3, 5, 6]));
    let grouped = Configuration::parse("server.1=a:1:2\ngroup.1=1").unwrap();
    assert!(grouped.changed(Some("1"), None).is_err());
}

#[test]
fn what_ends_a_java_receiver_is_not_told() {
    let check = |text: &str, expect| {
        assert_eq!(Configuration::parse(text).unwrap().may_be_told(), expect, "{text}");
    };
    check(THREE, true);
    check("server.1=a:1:2", true);
    check("server.1=a:1:2\nserver.2=b:1:2:observer", false);
    check("server.2=b:1:2:observer", false);
    check("", false);
}

#[test]
fn groups_and_weights_make_a_hierarchy() {
    let it = Configuration::parse(&THREE.replace("version", "group.1=1:3\ngroup.2=2\nweight.2=5\nversion"));
    let Quorum::Hierarchical { groups } = it.unwrap().quorum() else { panic!("a hierarchy") };
    let weights = |group: i64| groups[&group].values().copied().collect::<Vec<_>>();
    assert_eq!((weights(1), weights(2)), (vec![1], vec![5]));
}
