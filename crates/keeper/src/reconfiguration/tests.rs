use zookeeper_wire::txn::Txn;

use super::*;
use crate::config::KeeperConfig;
use crate::talk::Talk;

/// Each would be the end of all members, were it ever agreed on.
#[test]
fn a_membership_that_members_could_not_read_or_count_is_refused() {
    let mut talk = Talk::member(KeeperConfig { reconfig: true, ..KeeperConfig::default() }, 1);
    talk.line("wait 1000");
    assert_eq!(talk.keeper.mode(), "leader");
    let mut check = |joining: Option<&str>, members: Option<&str>, expect: ErrorCode| {
        let own = |text: Option<&str>| text.map(str::to_owned);
        let request =
            ReconfigRequest { joining: own(joining), leaving: None, members: own(members), config_id: -1 };
        let prepared = talk.keeper.server.reconfigure(SessionId(1), &[], Zxid(1 << 32), &request);
        assert_eq!(prepared.txn, Txn::Error(expect), "{joining:?} {members:?}");
    };
    check(Some("server.2=host:1:2;3"), None, ErrorCode::NEW_CONFIG_NO_QUORUM);
    check(Some("server.2=ho\nst:1:2;3"), None, ErrorCode::BAD_ARGUMENTS);
    check(Some(&format!("server.2={}:1:2;3", "h".repeat(300_000))), None, ErrorCode::BAD_ARGUMENTS);
    let groups = "server.1=a:1:2;3,server.2=b:4:5;6,group.1=1:2,weight.1=";
    check(None, Some(&format!("{groups}2,weight.2=2")), ErrorCode::NEW_CONFIG_NO_QUORUM);
    check(None, Some(&format!("{groups}{},weight.2=2", u64::MAX)), ErrorCode::BAD_ARGUMENTS);
}
