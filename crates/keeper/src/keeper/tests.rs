//! Conversations. A transcript is both the script and what is expected of it: `1 > get /a` is said by
//! connection 1, `1 < ...` is what it hears. Lines without a connection move time or the disk.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bytes::Bytes;
use clock::Now;
use znode::Database;
use zookeeper_wire::jute::{Reader, Writer};
use zookeeper_wire::{
    Acl, AddWatchRequest, AuthPacket, CheckVersionRequest, ConnectRequest, ConnectResponse, CreateRequest,
    DeleteRequest, MultiOp, OpCode, PathOnly, PathWatch, Permissions, ReplyHeader, Request, Response,
    SetAclRequest, SetDataRequest, SetWatchesRequest, Stat, WatcherEvent, WatchesRequest, session_password,
};

use super::*;

pub(crate) struct Talk {
    pub(crate) keeper: Keeper,
    now_ms: u64,
    /// Does the disk work by itself?
    persisting: bool,
    written: Zxid,
    asked: BTreeMap<(u64, i32), OpCode>,
    xids: BTreeMap<u64, i32>,
    /// Whose session is whose.
    sessions: BTreeMap<u64, SessionId>,
    pub(crate) out: String,
    pub(crate) snapshots: usize,
    log: Vec<Entry>,
}

use zab::Entry;

pub(crate) fn check(transcript: &str) {
    check_with(KeeperConfig::default(), transcript);
}

pub(crate) fn check_with(config: KeeperConfig, transcript: &str) {
    let transcript: String = transcript.lines().map(str::trim).filter(|line| !line.is_empty()).fold(
        String::new(),
        |mut text, line| {
            text.push_str(line);
            text.push('\n');
            text
        },
    );
    let mut talk = Talk::new(config);
    for line in transcript.lines() {
        if !line.contains(" < ") {
            talk.line(line);
        }
    }
    assert!(talk.out == transcript, "expected:\n{transcript}\nheard:\n{}", talk.out);
}

impl Talk {
    pub(crate) fn new(config: KeeperConfig) -> Talk {
        let database = Database::new(HashKey(1), true);
        Talk::over(config, database)
    }

    fn over(config: KeeperConfig, database: Database) -> Talk {
        let written = database.last_applied();
        Talk {
            keeper: Keeper::alone(config, database, Now::at_ms(0), 7),
            now_ms: 0,
            persisting: true,
            written,
            asked: BTreeMap::new(),
            xids: BTreeMap::new(),
            sessions: BTreeMap::new(),
            out: String::new(),
            snapshots: 0,
            log: Vec::new(),
        }
    }

    pub(crate) fn line(&mut self, line: &str) {
        self.out.push_str(line);
        self.out.push('\n');
        match line.split_once(" > ") {
            Some((connection, said)) => self.say(connection.parse().unwrap(), said),
            None => self.happen(line),
        }
    }

    fn happen(&mut self, line: &str) {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        match verb {
            "hold" => self.persisting = false,
            "persist" => {
                self.persisting = true;
                self.step(Input::Woken);
            }
            "wait" => {
                self.now_ms += rest.parse::<u64>().unwrap();
                self.step(Input::Woken);
            }
            "#" => {}
            other => panic!("what is {other}?"),
        }
    }

    fn say(&mut self, id: u64, said: &str) {
        let connection = ConnectionId(id);
        let words: Vec<&str> = said.split(' ').collect();
        match words[..] {
            ["open", peer] => {
                let peer = peer.parse().unwrap();
                return self.step(Input::Opened { connection, peer });
            }
            ["connect", timeout_ms] => {
                self.step(Input::Opened { connection, peer: "10.0.0.1:5000".parse().unwrap() });
                return self.connect(
                    id,
                    SessionId::NONE,
                    [0; 16],
                    timeout_ms.parse().unwrap(),
                    0,
                    Some(false),
                );
            }
            ["connect-old", timeout_ms] => {
                self.step(Input::Opened { connection, peer: "10.0.0.1:5000".parse().unwrap() });
                return self.connect(id, SessionId::NONE, [0; 16], timeout_ms.parse().unwrap(), 0, None);
            }
            ["connect-ahead"] => {
                self.step(Input::Opened { connection, peer: "10.0.0.1:5000".parse().unwrap() });
                return self.connect(id, SessionId::NONE, [0; 16], 10_000, 999, None);
            }
            ["take-up", of, password] => {
                let session = self.sessions[&of.parse().unwrap()];
                let password = if password == "right" { session_password(session) } else { [1; 16] };
                self.step(Input::Opened { connection, peer: "10.0.0.1:5000".parse().unwrap() });
                return self.connect(id, session, password, 10_000, 0, Some(true));
            }
            ["hangs-up"] => return self.step(Input::Closed { connection }),
            ["word", word] => {
                let word = word.as_bytes().try_into().unwrap();
                return self.step(Input::FourLetterWord { connection, word });
            }
            ["raw", hex] => {
                let frame: Vec<u8> = (0..hex.len())
                    .step_by(2)
                    .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
                    .collect();
                return self.step(Input::Received { connection, frame: frame.into() });
            }
            _ => {}
        }
        let request = request(&words);
        let xid = match &request {
            Request::Ping => Xid::PING,
            Request::Auth(_) => Xid::AUTH,
            Request::SetWatches(_) => Xid::SET_WATCHES,
            _ => {
                let xid = self.xids.entry(id).or_insert(0);
                *xid += 1;
                Xid(*xid)
            }
        };
        self.asked.insert((id, xid.0), request.op());
        self.step(Input::Received { connection, frame: request.frame(xid) });
    }

    fn connect(
        &mut self,
        id: u64,
        session: SessionId,
        password: [u8; 16],
        timeout_ms: i32,
        seen: i64,
        read_only: Option<bool>,
    ) {
        let request = ConnectRequest {
            protocol_version: 0,
            last_zxid_seen: Zxid(seen),
            timeout_ms,
            session,
            password: Bytes::copy_from_slice(&password),
            read_only,
        };
        let mut writer = Writer::new();
        request.encode(&mut writer);
        self.asked.insert((id, 0), OpCode::CREATE_SESSION);
        self.step(Input::Received { connection: ConnectionId(id), frame: writer.finish() });
    }

    pub(crate) fn step(&mut self, input: Input) {
        let mut effects = Vec::new();
        self.keeper.step(Now::at_ms(self.now_ms), input, &mut effects);
        loop {
            let mut more = Vec::new();
            for effect in effects.drain(..) {
                self.run(effect, &mut more);
            }
            if self.persisting && self.written > self.keeper.server.peer.last_committed() {
                let upto = self.written;
                self.keeper.step(Now::at_ms(self.now_ms), Input::Persisted { upto }, &mut more);
            }
            if more.is_empty() {
                return;
            }
            effects = more;
        }
    }

    fn run(&mut self, effect: Effect, more: &mut Vec<Effect>) {
        match effect {
            Effect::Send { connection, frame } => {
                let heard = self.heard(connection.0, frame);
                writeln!(self.out, "{} < {heard}", connection.0).unwrap();
            }
            Effect::SendText { connection, text } => {
                writeln!(self.out, "{} < {:?}", connection.0, String::from_utf8_lossy(&text)).unwrap();
            }
            Effect::Close { connection } => {
                writeln!(self.out, "{} < closed", connection.0).unwrap();
                self.keeper.step(Now::at_ms(self.now_ms), Input::Closed { connection }, more);
            }
            Effect::Persist { entries } => {
                self.written = entries.last().unwrap().zxid;
                self.log.extend(entries);
            }
            Effect::WriteSnapshot { snapshot } => {
                self.snapshots += 1;
                let input = Input::SnapshotWritten { zxid: snapshot.zxid() };
                self.keeper.step(Now::at_ms(self.now_ms), input, more);
            }
            Effect::Pause { connection } => writeln!(self.out, "{} < paused", connection.0).unwrap(),
            Effect::Resume { connection } => writeln!(self.out, "{} < resumed", connection.0).unwrap(),
        }
    }

    fn heard(&mut self, id: u64, frame: Bytes) -> String {
        if self.asked.get(&(id, 0)) == Some(&OpCode::CREATE_SESSION) {
            self.asked.remove(&(id, 0));
            let length = frame.len();
            let response = ConnectResponse::decode(&mut Reader::new(frame)).unwrap();
            if response.timeout_ms > 0 {
                self.sessions.insert(id, response.session);
                assert_eq!(response.password, session_password(response.session));
            }
            return format!("session for {} in {length} bytes", response.timeout_ms);
        }
        let mut reader = Reader::new(frame);
        let header: ReplyHeader = reader.record().unwrap();
        if header.xid == Xid::NOTIFICATION {
            let event: WatcherEvent = reader.record().unwrap();
            return format!("event {} {} @{}", event.kind.name(), event.path, header.zxid.0);
        }
        let op = self.asked[&(id, header.xid.0)];
        let body = if header.error.0 != 0 {
            header.error.name().to_owned()
        } else {
            shown(Response::decode(op, &mut reader).unwrap())
        };
        if op == OpCode::SASL && header.error.0 != 0 {
            assert_eq!(reader.buffer(), Ok(None));
        }
        assert_eq!(reader.remaining(), 0, "{op}");
        format!("{} {body} @{}", op.name(), header.zxid.0)
    }
}

fn request(words: &[&str]) -> Request {
    let data = |text: &str| Some(Bytes::copy_from_slice(text.as_bytes()));
    let create = |path: &str, text: &str, acl, flags| CreateRequest {
        path: path.into(),
        data: data(text),
        acl,
        flags,
    };
    let path = |path: &str| PathOnly { path: path.into() };
    let watch = |path: &str, watch: bool| PathWatch { path: path.into(), watch };
    match *words {
        ["create", p, text] => Request::Create(create(p, text, Acl::open(), 0)),
        ["create2", p, text] => Request::Create2(create(p, text, Acl::open(), 0)),
        ["create", p, text, "e"] => Request::Create(create(p, text, Acl::open(), 1)),
        ["create", p, text, "s"] => Request::Create(create(p, text, Acl::open(), 2)),
        ["create", p, text, "mine"] => {
            Request::Create(create(p, text, vec![Acl::new(Permissions::ALL, "auth", "")], 0))
        }
        ["create-container", p] => Request::CreateContainer(create(p, "", Acl::open(), 4)),
        ["delete", p] => Request::Delete(DeleteRequest { path: p.into(), version: -1 }),
        ["delete", p, version] => {
            Request::Delete(DeleteRequest { path: p.into(), version: version.parse().unwrap() })
        }
        ["delete-container", p] => Request::DeleteContainer(path(p)),
        ["set", p, text] => {
            Request::SetData(SetDataRequest { path: p.into(), data: data(text), version: -1 })
        }
        ["exists", p] => Request::Exists(watch(p, false)),
        ["exists", p, "w"] => Request::Exists(watch(p, true)),
        ["get", p] => Request::GetData(watch(p, false)),
        ["get", p, "w"] => Request::GetData(watch(p, true)),
        ["ls", p] => Request::GetChildren(watch(p, false)),
        ["ls", p, "w"] => Request::GetChildren(watch(p, true)),
        ["ls2", p] => Request::GetChildren2(watch(p, false)),
        ["get-acl", p] => Request::GetAcl(path(p)),
        ["set-acl", p] => Request::SetAcl(SetAclRequest { path: p.into(), acl: Acl::open(), version: -1 }),
        ["sync", p] => Request::Sync(path(p)),
        ["ping"] => Request::Ping,
        ["close"] => Request::CloseSession,
        ["auth", credential] => {
            Request::Auth(AuthPacket { kind: 0, scheme: "digest".into(), auth: data(credential) })
        }
        ["auth-as", scheme] => {
            Request::Auth(AuthPacket { kind: 0, scheme: scheme.to_owned().into(), auth: data("x") })
        }
        ["sasl"] => Request::Sasl(zookeeper_wire::SaslToken { token: None }),
        ["who-am-i"] => Request::WhoAmI,
        ["ephemerals", p] => Request::GetEphemerals(path(p)),
        ["count", p] => Request::GetAllChildrenNumber(path(p)),
        ["watch", p, mode] => {
            Request::AddWatch(AddWatchRequest { path: p.into(), mode: mode.parse().unwrap() })
        }
        ["check-watches", p, kind] => {
            Request::CheckWatches(WatchesRequest { path: p.into(), kind: kind.parse().unwrap() })
        }
        ["unwatch", p, kind] => {
            Request::RemoveWatches(WatchesRequest { path: p.into(), kind: kind.parse().unwrap() })
        }
        ["set-watches", zxid, data, exist, child] => Request::SetWatches(SetWatchesRequest {
            relative_zxid: Zxid(zxid.parse().unwrap()),
            data: vec![data.into()],
            exist: vec![exist.into()],
            child: vec![child.into()],
        }),
        ["check", p, version] => {
            Request::Check(CheckVersionRequest { path: p.into(), version: version.parse().unwrap() })
        }
        ["reconfig"] => Request::Reconfig(zookeeper_wire::ReconfigRequest {
            joining: None,
            leaving: None,
            members: None,
            config_id: -1,
        }),
        ["multi", ..] => Request::Multi(ops(&words[1..])),
        ["multi-read", ..] => Request::MultiRead(ops(&words[1..])),
        _ => panic!("what is {words:?}?"),
    }
}

fn ops(words: &[&str]) -> Vec<MultiOp> {
    words
        .split(|word| *word == "+")
        .map(|words| match request(words) {
            Request::Create(r) => MultiOp::Create(r),
            Request::Create2(r) => MultiOp::Create2(r),
            Request::Delete(r) => MultiOp::Delete(r),
            Request::SetData(r) => MultiOp::SetData(r),
            Request::Check(r) => MultiOp::Check(r),
            Request::GetData(r) => MultiOp::GetData(r),
            Request::GetChildren(r) => MultiOp::GetChildren(r),
            other => panic!("{other:?}"),
        })
        .collect()
}

fn shown(response: Response) -> String {
    let text = |data: Option<Bytes>| {
        data.map_or("null".to_owned(), |data| format!("{:?}", String::from_utf8_lossy(&data)))
    };
    let names = |mut names: Vec<String>| {
        names.sort();
        format!("{names:?}")
    };
    match response {
        Response::Empty => "ok".into(),
        Response::Create(path) | Response::Sync(path) => path,
        Response::Create2(path, stat) => format!("{path} {}", stat_shown(&stat)),
        Response::Stat(stat) => stat_shown(&stat),
        Response::Data(data, stat) => format!("{} {}", text(data), stat_shown(&stat)),
        Response::Acl(acl, _) => {
            let entries: Vec<String> =
                acl.iter().map(|acl| format!("{}:{}:{}", acl.scheme, acl.id, acl.permissions)).collect();
            entries.join(",")
        }
        Response::Children(children) | Response::Ephemerals(children) => names(children),
        Response::Children2(children, stat) => format!("{} {}", names(children), stat_shown(&stat)),
        Response::Multi(results) => format!("{results:?}").replace("Stat { ", "{ "),
        Response::AllChildrenNumber(n) | Response::AddWatch(n) => n.to_string(),
        Response::WhoAmI(infos) => {
            infos.iter().map(|info| format!("{}:{}", info.scheme, info.user)).collect::<Vec<_>>().join(",")
        }
        Response::Sasl(token) => text(token),
    }
}

fn stat_shown(stat: &Stat) -> String {
    format!("v{} c{} a{} n{}", stat.version, stat.child_version, stat.acl_version, stat.children)
}

#[test]
fn a_session_begins_works_and_ends() {
    check(
        r#"
        1 > connect 10000
        1 < session for 10000 in 37 bytes
        1 > create /a hello
        1 < create /a @2
        1 > get /a
        1 < getData "hello" v0 c0 a0 n0 @2
        1 > set /a bye
        1 < setData v1 c0 a0 n0 @3
        1 > exists /b
        1 < exists NoNode @3
        1 > create2 /a/b x
        1 < create2 /a/b v0 c0 a0 n0 @4
        1 > ls /a
        1 < getChildren ["b"] @4
        1 > ls2 /a
        1 < getChildren2 ["b"] v1 c1 a0 n1 @4
        1 > delete /a
        1 < delete NotEmpty @5
        1 > delete /a/b 0
        1 < delete ok @6
        1 > count /
        1 < getAllChildrenNumber 4 @6
        1 > ping
        1 < ping ok @6
        1 > close
        1 < closeSession ok @7
        1 < closed
        "#,
    );
}

#[test]
fn the_short_handshake_is_answered_in_kind() {
    check(
        "
        1 > connect-old 1
        1 < session for 6000 in 36 bytes
        ",
    );
}

#[test]
fn nothing_is_acknowledged_before_it_is_durable() {
    check(
        r#"
        1 > connect 10000
        1 < session for 10000 in 37 bytes
        2 > connect 10000
        2 < session for 10000 in 37 bytes
        hold
        1 > create /a x
        1 > get /a
        1 > ping
        # Another session does not wait, and sees only what is committed.
        2 > get /a
        2 < getData NoNode @2
        2 > sync /
        2 > exists /a
        1 > create /a y
        persist
        1 < create /a @3
        1 < getData "x" v0 c0 a0 n0 @3
        1 < ping ok @3
        2 < sync / @3
        2 < exists v0 c0 a0 n0 @3
        1 < create NodeExists @4
        "#,
    );
}

#[test]
fn events_come_before_what_would_show_the_change() {
    check(
        r#"
        1 > connect 10000
        1 < session for 10000 in 37 bytes
        2 > connect 10000
        2 < session for 10000 in 37 bytes
        1 > exists /a w
        1 < exists NoNode @2
        1 > ls / w
        1 < getChildren ["zookeeper"] @2
        1 > get /b w
        1 < getData NoNode @2
        hold
        2 > create /a x
        2 > create /b x
        2 > set /a y
        1 > get /a
        1 < getData NoNode @2
        persist
        1 < event NodeCreated /a @3
        1 < event NodeChildrenChanged / @3
        2 < create /a @3
        2 < create /b @4
        2 < setData v1 c0 a0 n0 @5
        1 > get /a w
        1 < getData "y" v1 c0 a0 n0 @5
        1 > set /a z
        1 < event NodeDataChanged /a @6
        1 < setData v2 c0 a0 n0 @6
        "#,
    );
}

#[test]
fn persistent_watches_stay_and_can_be_checked_and_removed() {
    check(
        r#"
        1 > connect 10000
        1 < session for 10000 in 37 bytes
        1 > watch / 1
        1 < addWatch 0 @1
        1 > watch / 7
        1 < addWatch MarshallingError @1
        1 > create /a x
        1 < event NodeCreated /a @2
        1 < create /a @2
        1 > create /a/b x
        1 < event NodeCreated /a/b @3
        1 < create /a/b @3
        1 > check-watches / 5
        1 < checkWatches ok @3
        1 > check-watches / 4
        1 < checkWatches NoWatcher @3
        1 > unwatch / 9
        1 < removeWatches MarshallingError @3
        1 > unwatch / 3
        1 < removeWatches ok @3
        1 > unwatch / 3
        1 < removeWatches NoWatcher @3
        1 > delete /a/b
        1 < delete ok @4
        "#,
    );
}

#[test]
fn a_session_is_taken_up_on_another_connection() {
    check(
        r#"
        1 > connect 10000
        1 < session for 10000 in 37 bytes
        1 > create /e x e
        1 < create /e @2
        1 > get /e w
        1 < getData "x" v0 c0 a0 n0 @2
        2 > take-up 1 wrong
        2 < session for 0 in 37 bytes
        2 < closed
        hold
        1 > create /late x
        3 > take-up 1 right
        1 < closed
        # The write under way on the old connection comes first.
        persist
        3 < session for 10000 in 37 bytes
        3 > exists /late
        3 < exists v0 c0 a0 n0 @3
        3 > set-watches 1 /e /late /
        3 < event NodeDataChanged /e @-1
        3 < event NodeCreated /late @-1
        3 < event NodeChildrenChanged / @-1
        3 < setWatches ok @3
        3 > ephemerals /
        3 < getEphemerals ["/e"] @3
        "#,
    );
}

#[test]
fn a_session_expires_with_its_ephemerals() {
    check(
        r#"
        1 > connect 6000
        1 < session for 6000 in 37 bytes
        2 > connect 60000
        2 < session for 60000 in 37 bytes
        1 > create /e x e
        1 < create /e @3
        1 > hangs-up
        2 > exists /e w
        2 < exists v0 c0 a0 n0 @3
        wait 5000
        wait 4000
        2 < event NodeDeleted /e @4
        3 > take-up 1 right
        3 < session for 0 in 37 bytes
        3 < closed
        "#,
    );
}

#[test]
fn a_live_connection_of_an_expired_session_is_closed() {
    check(
        r#"
        1 > connect 6000
        1 < session for 6000 in 37 bytes
        wait 5000
        1 > ping
        1 < ping ok @1
        wait 5000
        wait 5000
        1 < closed
        "#,
    );
}

#[test]
fn a_client_that_has_seen_more_and_one_that_says_nothing_are_cut_off() {
    check(
        r#"
        1 > connect-ahead
        1 < closed
        2 > open 10.0.0.2:1
        wait 9999
        wait 1
        2 < closed
        3 > open 10.0.0.2:1
        3 > raw 0000
        3 < closed
        "#,
    );
}

#[test]
fn requests_before_the_session_is_ready_wait() {
    check(
        r#"
        hold
        1 > connect 10000
        1 > create /a x
        1 > get /a
        persist
        1 < session for 10000 in 37 bytes
        1 < create /a @2
        1 < getData "x" v0 c0 a0 n0 @2
        "#,
    );
}

#[test]
fn failures_of_a_multi_are_in_its_body() {
    check(
        r#"
        1 > connect 10000
        1 < session for 10000 in 37 bytes
        1 > multi create /a x + create /b y + check /a 3 + delete /b
        1 < multi [Error(ErrorCode(0)), Error(ErrorCode(0)), Error(ErrorCode(-103)), Error(ErrorCode(-2))] @2
        1 > multi create /a x + check /a 0 + delete /a
        1 < multi [Create("/a"), Check, Delete] @3
        1 > multi-read ls / + get /none
        1 < multiRead [GetChildren(["zookeeper"]), Error(ErrorCode(-101))] @3
        1 > multi get / + ls /
        1 < multi MarshallingError @4
        "#,
    );
}

#[test]
fn what_is_no_operation_is_refused_and_cut_off() {
    for line in ["check / 0", "delete-container /zookeeper"] {
        let name = if line.starts_with("check") { "check" } else { "deleteContainer" };
        check(&format!(
            "
            1 > connect 10000
            1 < session for 10000 in 37 bytes
            1 > {line}
            1 < {name} Unimplemented @-1
            1 < closed
            "
        ));
    }
}

/// A body that cannot be read is answered; a header that cannot be read is not.
#[test]
fn hostile_frames_cost_only_their_own_connection() {
    let mut talk = Talk::new(KeeperConfig::default());
    talk.line("1 > connect 10000");
    talk.line("2 > connect 10000");
    let mut random = fastrand::Rng::with_seed(3);
    for id in 10..400u64 {
        talk.line(&format!("{id} > connect 10000"));
        for _ in 0..4 {
            let mut frame = Vec::new();
            let op = [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 14, 15, 16, 18, 21, 22, 100, 101, 105, 106]
                [random.usize(..20)];
            frame.extend_from_slice(&random.i32(1..100).to_be_bytes());
            frame.extend_from_slice(&i32::to_be_bytes(op));
            for _ in 0..random.usize(..6) {
                frame.extend_from_slice(&random.i32(-2..9).to_be_bytes());
                frame.push(b'/');
            }
            frame.truncate(random.usize(..=frame.len()));
            let mut effects = Vec::new();
            let input = Input::Received { connection: ConnectionId(id), frame: frame.into() };
            talk.keeper.step(Now::at_ms(0), input, &mut effects);
            for effect in effects {
                if let Effect::Persist { entries } = effect {
                    let upto = entries.last().unwrap().zxid;
                    talk.written = upto;
                    talk.keeper.step(Now::at_ms(0), Input::Persisted { upto }, &mut Vec::new());
                }
            }
        }
    }
    talk.out.clear();
    talk.line("2 > exists /");
    assert!(talk.out.contains("2 < exists v0"), "{}", talk.out);
}

#[test]
fn identities_open_what_lists_close() {
    let config = KeeperConfig {
        super_digest: Some("super:D/InIHSb7yEEbrWz8b9l71RjZJU=".into()),
        ..KeeperConfig::default()
    };
    check_with(
        config,
        r#"
        1 > connect 10000
        1 < session for 10000 in 37 bytes
        1 > create /m x mine
        1 < create InvalidACL @2
        1 > auth bob:secret
        1 < auth ok @0
        1 > who-am-i
        1 < whoAmI ip:10.0.0.1,digest:bob @2
        1 > create /m x mine
        1 < create /m @3
        1 > get-acl /m
        1 < getACL digest:bob:fyVmFCwVbTJYrznoSu1koqYEYF0=:cdrwa @3
        2 > connect 10000
        2 < session for 10000 in 37 bytes
        2 > get /m
        2 < getData NoAuth @4
        2 > get-acl /m
        2 < getACL NoAuth @4
        2 > exists /m w
        2 < exists NoAuth @4
        2 > watch /m 0
        2 < addWatch 0 @4
        # The event is withheld from one who may not read.
        1 > set /m y
        1 < setData v1 c0 a0 n0 @5
        2 > auth super:test
        2 < auth ok @0
        2 > get /m
        2 < getData "y" v1 c0 a0 n0 @5
        2 > set-acl /m
        2 < setACL v1 c0 a1 n0 @6
        3 > connect 10000
        3 < session for 10000 in 37 bytes
        3 > auth-as nonsense
        3 < auth AuthFailed @0
        3 < closed
        4 > connect 10000
        4 < session for 10000 in 37 bytes
        4 > sasl
        4 < sasl AuthFailed @0
        4 < closed
        "#,
    );
}

#[test]
fn reading_stops_while_too_much_is_under_way() {
    check_with(
        KeeperConfig { outstanding_max: 2, ..KeeperConfig::default() },
        r#"
        1 > connect 10000
        1 < session for 10000 in 37 bytes
        hold
        1 > create /a x
        1 > create /b x
        1 > create /c x
        1 < paused
        1 > create /d x
        persist
        1 < create /a @2
        1 < resumed
        1 < create /b @3
        1 < create /c @4
        1 < create /d @5
        "#,
    );
}

#[test]
fn too_many_connections_from_one_address_are_closed() {
    check_with(
        KeeperConfig { connections_per_address_max: 2, ..KeeperConfig::default() },
        r#"
        1 > open 10.0.0.1:1
        2 > open 10.0.0.1:2
        3 > open 10.0.0.1:3
        3 < closed
        4 > open 10.0.0.2:4
        1 > hangs-up
        5 > open 10.0.0.1:5
        "#,
    );
}

#[test]
fn containers_are_reaped_once_they_were_used() {
    check(
        r#"
        1 > connect 60000
        1 < session for 60000 in 37 bytes
        1 > create-container /c
        1 < createContainer /c v0 c0 a0 n0 @2
        1 > create /c/x x
        1 < create /c/x @3
        1 > delete /c/x
        1 < delete ok @4
        1 > exists /c w
        1 < exists v0 c2 a0 n0 @4
        wait 59999
        1 > ping
        1 < ping ok @4
        wait 1
        1 < event NodeDeleted /c @5
        "#,
    );
}

#[test]
fn reconfiguration_is_answered_as_a_lone_server_does() {
    check(
        "
        1 > connect 10000
        1 < session for 10000 in 37 bytes
        1 > reconfig
        1 < reconfig ReconfigDisabled @2
        ",
    );
    check_with(
        KeeperConfig { reconfig: true, ..KeeperConfig::default() },
        "
        1 > connect 10000
        1 < session for 10000 in 37 bytes
        1 > reconfig
        1 < reconfig Unimplemented @2
        ",
    );
}

#[test]
fn a_restart_keeps_what_was_logged() {
    let mut talk = Talk::new(KeeperConfig::default());
    for line in
        ["1 > connect 10000", "1 > create /a x", "1 > create /e x e", "1 > set /a y", "1 > delete /none"]
    {
        talk.line(line);
    }
    let mut database = Database::new(HashKey(5), true);
    for entry in &talk.log {
        database.replay(&zookeeper_wire::txn::TxnEntry::decode(entry.payload.clone()).unwrap());
    }
    let digest = talk.keeper.database().tree().digest();
    let sessions = talk.sessions.clone();
    let mut again = Talk::over(KeeperConfig::default(), database);
    assert_eq!(again.keeper.database().tree().digest(), digest);
    again.sessions = sessions;
    for line in ["2 > take-up 1 right", "2 > get /e", "2 > create /more x"] {
        again.line(line);
    }
    let heard: Vec<&str> = again.out.lines().filter(|line| line.contains('<')).collect();
    let expect =
        ["2 < session for 10000 in 37 bytes", r#"2 < getData "x" v0 c0 a0 n0 @5"#, "2 < create /more @6"];
    assert_eq!(heard, expect);
    again.now_ms = 20_000;
    again.line("wait 0");
    assert_eq!(again.keeper.database().tree().find("/e"), None);
}

#[test]
fn snapshots_are_due_after_so_many_transactions() {
    let config = KeeperConfig { snapshot_transactions: 20, ..KeeperConfig::default() };
    let mut talk = Talk::new(config);
    talk.line("1 > connect 10000");
    for n in 0..100 {
        talk.line(&format!("1 > create /n{n} x"));
    }
    assert!((5..=10).contains(&talk.snapshots), "{}", talk.snapshots);
}

/// Everything at once: many sessions, a slow disk, hang-ups. The node checks itself after each step;
/// here every reply must fit its request (the talk checks) and replies come in the order of requests.
#[test]
fn random_conversations_keep_their_order() {
    for seed in 0..20 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut talk = Talk::new(KeeperConfig { outstanding_max: 8, ..KeeperConfig::default() });
        let mut next = 1u64;
        let mut live: Vec<u64> = Vec::new();
        for _ in 0..600 {
            let line = match random.u8(..24) {
                0 => "hold".to_owned(),
                1 | 2 => "persist".to_owned(),
                3 => format!("wait {}", random.u16(..3000)),
                4 => {
                    live.push(next);
                    next += 1;
                    format!("{} > connect 10000", next - 1)
                }
                5 if live.len() > 3 => {
                    let id = live.swap_remove(random.usize(..live.len()));
                    format!("{id} > {}", if random.bool() { "close" } else { "hangs-up" })
                }
                _ if live.is_empty() => continue,
                verb => {
                    let id = live[random.usize(..live.len())];
                    let path = format!("/p{}", random.u8(..5));
                    let said = match verb % 9 {
                        0 => format!("create {path} x"),
                        1 => format!("create {path} x e"),
                        2 => format!("delete {path}"),
                        3 => format!("set {path} y"),
                        4 => format!("get {path} w"),
                        5 => "ls / w".to_owned(),
                        6 => format!("sync {path}"),
                        7 => format!("multi create {path} x + set {path} z"),
                        _ => "ping".to_owned(),
                    };
                    format!("{id} > {said}")
                }
            };
            talk.line(&line);
        }
        talk.line("persist");
        let mut asked: BTreeMap<&str, VecDeque<&str>> = BTreeMap::new();
        for line in talk.out.lines() {
            if let Some((id, said)) = line.split_once(" > ") {
                asked.entry(id).or_default().push_back(said.split(' ').next().unwrap());
            } else if let Some((id, heard)) = line.split_once(" < ") {
                let op = heard.split(' ').next().unwrap();
                if ["event", "paused", "resumed", "closed"].contains(&op) {
                    continue;
                }
                let said = asked.get_mut(id).and_then(VecDeque::pop_front);
                let expect = match op {
                    "session" => "connect",
                    "getData" => "get",
                    "getChildren" => "ls",
                    "setData" => "set",
                    "closeSession" => "close",
                    same => same,
                };
                assert_eq!(said, Some(expect), "seed {seed}, connection {id}");
            }
        }
        let tree = talk.keeper.database().tree();
        let owners: Vec<SessionId> = tree.ephemeral_sessions().map(|(session, _)| session).collect();
        assert!(owners.iter().all(|owner| talk.keeper.database().sessions().contains_key(owner)));
    }
}
