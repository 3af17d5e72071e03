//! Conversations. A transcript is both the script and what is expected of it: `1 > get /a` is said by
//! connection 1, `1 < ...` is what it hears. Lines without a connection move time or the disk.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bytes::Bytes;
use clock::Now;
use zab::{Configuration, Ensemble, Entry, Recovered, ServerId};
use znode::{Database, HashKey};
use zookeeper_wire::jute::{Reader, Writer};
use zookeeper_wire::{
    Acl, AddWatchRequest, AuthPacket, CheckVersionRequest, ConnectRequest, ConnectResponse, CreateRequest,
    CreateTtlRequest, DeleteRequest, MultiOp, OpCode, PathOnly, PathWatch, Permissions, ReplyHeader, Request,
    Response, SessionId, SetAclRequest, SetDataRequest, SetWatchesRequest, Stat, WatcherEvent,
    WatchesRequest, Xid, Zxid, session_password,
};

use crate::ConnectionId;
use crate::border::{Effect, Input};
use crate::config::KeeperConfig;
use crate::keeper::Keeper;

pub(crate) struct Talk {
    pub(crate) keeper: Keeper,
    pub(crate) now_ms: u64,
    /// Does the disk work by itself?
    pub(crate) persisting: bool,
    pub(crate) written: Zxid,
    asked: BTreeMap<(u64, i32), OpCode>,
    xids: BTreeMap<u64, i32>,
    /// Whose session is whose.
    pub(crate) sessions: BTreeMap<u64, SessionId>,
    pub(crate) out: String,
    pub(crate) snapshots: usize,
    pub(crate) log: Vec<Entry>,
}

pub(crate) fn check(transcript: &str) {
    check_with(KeeperConfig::default(), transcript);
}

pub(crate) fn check_with(config: KeeperConfig, transcript: &str) {
    check_on(Talk::new(config), transcript);
}

pub(crate) fn check_on(mut talk: Talk, transcript: &str) {
    let transcript: String = transcript.lines().map(str::trim).filter(|line| !line.is_empty()).fold(
        String::new(),
        |mut text, line| {
            text.push_str(line);
            text.push('\n');
            text
        },
    );
    for line in transcript.lines() {
        if !line.contains(" < ") {
            talk.line(line);
        }
    }
    assert!(talk.out == transcript, "expected:\n{transcript}\nheard:\n{}", talk.out);
}

impl Talk {
    pub(crate) fn new(config: KeeperConfig) -> Talk {
        let database = Database::new(HashKey(1), znode::ExtendedTypes::On);
        Talk::over(config, database)
    }

    /// A member of an ensemble of so many, of whom no other is there.
    pub(crate) fn member(config: KeeperConfig, of: i64) -> Talk {
        let ensemble = Ensemble {
            id: ServerId(1),
            configuration: Configuration::of_voters((1..=of).map(ServerId)),
            proposed: None,
            reconfigurable: false,
            tick: config.tick_time,
            init_limit: 10,
            sync_limit: 5,
        };
        let recovered = Recovered {
            last: Zxid::ZERO,
            accepted_epoch: 0,
            current_epoch: 0,
            is_blank: false,
            history: Vec::new(),
        };
        let database = Database::new(HashKey(1), znode::ExtendedTypes::On);
        let config = KeeperConfig { server_id: 1, ..config };
        let keeper = Keeper::member(config, ensemble, recovered, database, Now::at_ms(0), 7);
        let mut talk = Talk::with(keeper);
        talk.step(Input::Woken);
        talk
    }

    pub(crate) fn over(config: KeeperConfig, database: Database) -> Talk {
        Talk::with(Keeper::alone(config, database, Now::at_ms(0), 7))
    }

    fn with(keeper: Keeper) -> Talk {
        let written = keeper.database().last_applied();
        Talk {
            keeper,
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
            [how @ ("connect" | "connect-old" | "connect-reading"), timeout_ms] => {
                let read_only = match how {
                    "connect" => Some(false),
                    "connect-reading" => Some(true),
                    _ => None,
                };
                self.step(Input::Opened { connection, peer: "10.0.0.1:5000".parse().unwrap() });
                let timeout_ms = timeout_ms.parse().unwrap();
                return self.connect(id, SessionId::NONE, [0; 16], timeout_ms, 0, read_only);
            }
            ["connect-on", timeout_ms] => {
                let timeout_ms = timeout_ms.parse().unwrap();
                return self.connect(id, SessionId::NONE, [0; 16], timeout_ms, 0, Some(false));
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
            ["secured", subject] => {
                let subject = Some(subject.to_owned());
                return self.step(Input::Secured { connection, subject });
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
                if let Some((xid, rest)) = frame.split_first_chunk()
                    && let Some((op, _)) = rest.split_first_chunk()
                {
                    self.asked.insert((id, i32::from_be_bytes(*xid)), OpCode(i32::from_be_bytes(*op)));
                }
                return self.step(Input::Received { connection, frame: frame.into() });
            }
            // A request that lacks its last byte.
            ["cut", ref rest @ ..] => {
                let request = request(rest);
                let xid = self.next_xid(id);
                self.asked.insert((id, xid.0), request.op());
                let frame = request.frame(xid);
                let frame = frame.slice(..frame.len() - 1);
                return self.step(Input::Received { connection, frame });
            }
            _ => {}
        }
        let request = request(&words);
        let xid = match &request {
            Request::Ping => Xid::PING,
            Request::Auth(_) => Xid::AUTH,
            Request::SetWatches(_) => Xid::SET_WATCHES,
            _ => self.next_xid(id),
        };
        self.asked.insert((id, xid.0), request.op());
        self.step(Input::Received { connection, frame: request.frame(xid) });
    }

    fn next_xid(&mut self, id: u64) -> Xid {
        let xid = self.xids.entry(id).or_insert(0);
        *xid += 1;
        Xid(*xid)
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
            if self.persisting && self.written > self.keeper.server.peer.last_delivered() {
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
            Effect::WriteEpochs { .. } => {
                self.keeper.step(Now::at_ms(self.now_ms), Input::EpochsWritten, more);
            }
            // Nobody is there.
            Effect::Notify { .. } => {}
            Effect::Truncate { .. }
            | Effect::InstallSnapshot { .. }
            | Effect::Dial { .. }
            | Effect::SendSnapshot { .. }
            | Effect::CloseLink { .. }
            | Effect::Foresee { .. }
            | Effect::Reconfigure { .. }
            | Effect::Halt { .. } => unreachable!("a server that stands alone has no peers"),
            Effect::SendPacket { packet, .. } => writeln!(self.out, "leader < {}", packet.kind).unwrap(),
            Effect::Complain { connection, why } => {
                writeln!(self.out, "{} < refused: {why}", connection.0).unwrap()
            }
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
            let reading = if response.read_only == Some(true) { ", to read" } else { "" };
            return format!("session for {} in {length} bytes{reading}", response.timeout_ms);
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
        ["create", p, text, flags @ ("4" | "5" | "6" | "7")] => {
            Request::Create(create(p, text, Acl::open(), flags.parse().unwrap()))
        }
        ["create", p, text, "bare"] => Request::Create(create(p, text, Vec::new(), 0)),
        ["create-ttl", p, ttl_ms] => Request::CreateTtl(CreateTtlRequest {
            path: p.into(),
            data: data(""),
            acl: Acl::open(),
            flags: 5,
            ttl_ms: ttl_ms.parse().unwrap(),
        }),
        ["create", p, text, "s"] => Request::Create(create(p, text, Acl::open(), 2)),
        ["create", p, text, "mine"] => {
            Request::Create(create(p, text, vec![Acl::new(Permissions::ALL, "auth", "")], 0))
        }
        ["create", p, text, "mine-readable"] => {
            let acl =
                vec![Acl::new(Permissions::ALL, "auth", ""), Acl::new(Permissions::READ, "world", "anyone")];
            Request::Create(create(p, text, acl, 0))
        }
        ["create", p, text, "for", scheme, id] => {
            let acl = Acl::new(Permissions::ALL, scheme.to_owned(), id.to_owned());
            Request::Create(create(p, text, vec![acl], 0))
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
        ["protect", p] => {
            let acl = vec![Acl::new(Permissions::ALL, "auth", "")];
            Request::SetAcl(SetAclRequest { path: p.into(), acl, version: -1 })
        }
        ["auth", credential] => {
            Request::Auth(AuthPacket { kind: 0, scheme: "digest".into(), auth: data(credential) })
        }
        ["auth-as", scheme] => {
            Request::Auth(AuthPacket { kind: 0, scheme: scheme.to_owned().into(), auth: data("x") })
        }
        ["sasl"] => Request::Sasl(zookeeper_wire::SaslToken { token: None }),
        ["sasl", token] => Request::Sasl(zookeeper_wire::SaslToken { token: data(token) }),
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
