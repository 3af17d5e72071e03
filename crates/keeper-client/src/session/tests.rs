//! Conversations with a scripted server, and a property under random accidents.

use super::*;
use std::collections::BTreeMap;
use zookeeper_wire::{
    AddWatchRequest, EventKind, MultiOp, PathWatch, RequestHeader, SessionState, SetDataRequest, Stat,
};

struct Talk {
    session: Session,
    now: u64,
    effects: Vec<Effect>,
}

impl Talk {
    fn new(servers: &str) -> Talk {
        let options = Options { timeout: Span::ms(9000), ..Options::new(servers.parse().unwrap()) };
        Talk { session: Session::new(options), now: 1000, effects: Vec::new() }
    }

    fn say(&mut self, input: Input) -> Vec<String> {
        self.session.step(Now::at_ms(self.now), input, &mut self.effects);
        self.effects.drain(..).map(|effect| show(&effect)).collect()
    }

    fn greet(&mut self, session: i64, timeout_ms: i32) -> Vec<String> {
        let greeting = ConnectResponse {
            protocol_version: 0,
            timeout_ms,
            session: SessionId(session),
            password: [7; 16],
            read_only: Some(false),
        };
        let mut writer = Writer::new();
        greeting.encode(&mut writer);
        self.say(Input::Frame(writer.finish()))
    }

    fn reply(&mut self, xid: i32, error: ErrorCode, response: Response) -> Vec<String> {
        self.say(Input::Frame(reply(xid, 100 + i64::from(xid.max(0)), error, &response)))
    }

    fn connect(&mut self) {
        self.say(Input::Woken);
        self.say(Input::Linked);
        self.greet(0x11, 9000);
    }

    fn get(&mut self, token: u64, path: &str, watch: bool) -> Vec<String> {
        let request = Request::GetData(PathWatch { path: path.into(), watch });
        self.say(Input::Ask { token: Token(token), request })
    }
}

fn reply(xid: i32, zxid: i64, error: ErrorCode, response: &Response) -> Bytes {
    let mut writer = Writer::new();
    writer.record(&ReplyHeader { xid: Xid(xid), zxid: Zxid(zxid), error });
    if error == ErrorCode::OK {
        response.encode(&mut writer);
    }
    writer.finish()
}

fn event(kind: EventKind, path: &str) -> Bytes {
    let mut writer = Writer::new();
    writer.record(&ReplyHeader { xid: Xid::NOTIFICATION, zxid: Zxid(-1), error: ErrorCode::OK });
    writer.record(&WatcherEvent { kind, state: SessionState::SYNC_CONNECTED, path: path.into() });
    writer.finish()
}

fn data(text: &'static str) -> Response {
    Response::Data(Some(Bytes::from_static(text.as_bytes())), Stat::default())
}

fn show(effect: &Effect) -> String {
    match effect {
        Effect::Dial(address) => format!("dial {address}"),
        Effect::Hangup => "hang up".into(),
        Effect::Send(frame) => format!("send {}", show_frame(frame)),
        Effect::Event(Event::Watch(event)) => format!("event {} {}", event.kind.name(), event.path),
        Effect::Event(event) => format!("event {event:?}"),
        Effect::Answer { token, result: Ok((response, zxid)) } => {
            format!("answer {} at {zxid}: {response:?}", token.0)
        }
        Effect::Answer { token, result: Err(error) } => format!("answer {}: {}", token.0, error.name()),
    }
}

fn show_frame(frame: &Bytes) -> String {
    let mut reader = Reader::new(frame.clone());
    if frame.len() == 45
        && let Ok(connect) = ConnectRequest::decode(&mut reader.clone())
        && connect.protocol_version == 0
        && connect.password.len() == 16
    {
        return format!(
            "connect {} with {} after {} for {} ms",
            connect.session, connect.password[0], connect.last_zxid_seen, connect.timeout_ms
        );
    }
    let header: RequestHeader = reader.record().unwrap();
    match Request::decode(header.op, &mut reader).unwrap() {
        Request::Ping => "ping".into(),
        Request::GetData(get) => format!("#{} get {}", header.xid.0, get.path),
        Request::Create(create) => format!("#{} create {}", header.xid.0, create.path),
        Request::SetWatches(set) => {
            format!("set watches {:?} {:?} {:?} from {}", set.data, set.exist, set.child, set.relative_zxid)
        }
        other => format!("#{} {other:?}", header.xid.0),
    }
}

#[test]
fn a_session_begins_answers_and_survives_a_lost_link() {
    let mut talk = Talk::new("a:1");
    assert_eq!(talk.get(1, "/x", true), ["dial a:1"]);
    assert_eq!(talk.say(Input::Linked), ["send connect 0x0 with 0 after 0x0 for 9000 ms"]);
    assert_eq!(
        talk.greet(0x11, 6000),
        ["event Connected { session: SessionId(17), began: true, timeout: Span(6000) }", "send #1 get /x"]
    );
    assert_eq!(
        talk.reply(1, ErrorCode::OK, data("v")),
        [format!("answer 1 at 0x65: {:?}", data("v"))],
        "zxid 101"
    );

    // A request under way is lost with the link; one that was not sent is not.
    assert_eq!(talk.get(2, "/y", false), ["send #2 get /y"]);
    assert_eq!(talk.say(Input::Unlinked), ["event Disconnected", "answer 2: ConnectionLoss"]);
    assert_eq!(talk.get(3, "/z", false), [""; 0]);
    talk.now += 1000;
    assert_eq!(talk.say(Input::Woken), ["dial a:1"]);
    assert_eq!(talk.say(Input::Linked), ["send connect 0x11 with 7 after 0x65 for 9000 ms"]);
    assert_eq!(
        talk.greet(0x11, 6000),
        [
            r#"send set watches ["/x"] [] [] from 0x65"#,
            "event Connected { session: SessionId(17), began: false, timeout: Span(6000) }",
            "send #3 get /z"
        ]
    );
}

#[test]
fn an_expired_session_is_followed_by_a_new_one() {
    let mut talk = Talk::new("a:1");
    talk.connect();
    talk.get(1, "/x", true);
    talk.reply(1, ErrorCode::OK, data("v"));
    talk.say(Input::Unlinked);
    assert_eq!(talk.get(2, "/y", false), [""; 0]);
    talk.now += 60_000;
    talk.say(Input::Woken);
    talk.say(Input::Linked);
    assert_eq!(talk.greet(0, 0), ["hang up", "event Expired", "answer 2: SessionExpired", "dial a:1"]);
    assert_eq!(talk.say(Input::Linked), ["send connect 0x0 with 0 after 0x0 for 9000 ms"]);
    let connected = "event Connected { session: SessionId(18), began: true, timeout: Span(6000) }";
    assert_eq!(talk.greet(0x12, 6000), [connected], "no watches are set again");
}

#[test]
fn silence_is_met_with_pings_and_then_with_another_server() {
    let mut talk = Talk::new("a:1,b:2");
    let first = talk.say(Input::Woken);
    talk.say(Input::Linked);
    talk.greet(0x11, 9000);
    assert_eq!(talk.session.deadline(), Some(Moment::at_ms(4000)));
    talk.now = 3999;
    assert_eq!(talk.say(Input::Woken), [""; 0]);
    talk.now = 4000;
    assert_eq!(talk.say(Input::Woken), ["send ping"]);
    talk.now = 4100;
    talk.reply(-2, ErrorCode::OK, Response::Empty);
    talk.now = 7000;
    assert_eq!(talk.say(Input::Woken), ["send ping"]);
    talk.now = 10_099;
    assert_eq!(talk.say(Input::Woken), ["send ping"]);
    talk.now = 10_100;
    let out = talk.say(Input::Woken);
    assert_eq!(out[..2], ["hang up", "event Disconnected"]);
    assert_ne!(out[2], first[0], "the other server is next");
}

#[test]
fn servers_are_dialled_in_turn_with_a_pause_after_each_round() {
    let mut talk = Talk::new("a:1,b:2");
    let first = talk.say(Input::Woken);
    let second = talk.say(Input::Unlinked);
    assert_ne!(first, second);
    assert_eq!(talk.say(Input::Unlinked), [""; 0], "a pause");
    let due = talk.session.deadline().unwrap().as_ms();
    assert!((1025..=2000).contains(&due), "{due}");
    talk.now = due;
    assert_eq!(talk.say(Input::Woken), first);
    // One that neither takes nor refuses the connection is given up.
    talk.now += 4500;
    assert_eq!(talk.say(Input::Woken), ["hang up".to_string(), second[0].clone()]);
}

#[test]
fn watches_leave_when_they_fire() {
    let mut talk = Talk::new("a:1");
    talk.connect();
    for (token, path) in [(1, "/a"), (2, "/b")] {
        talk.get(token, path, true);
        talk.reply(token as i32, ErrorCode::OK, data("v"));
    }
    let exists = Request::Exists(PathWatch { path: "/c".into(), watch: true });
    talk.say(Input::Ask { token: Token(3), request: exists });
    talk.reply(3, ErrorCode::NO_NODE, Response::Empty);
    // A failed read leaves no watch.
    talk.get(4, "/d", true);
    talk.reply(4, ErrorCode::NO_NODE, Response::Empty);
    assert_eq!(talk.say(Input::Frame(event(EventKind::DATA_CHANGED, "/a"))), ["event NodeDataChanged /a"]);
    talk.say(Input::Unlinked);
    talk.now += 2000;
    talk.say(Input::Woken);
    talk.say(Input::Linked);
    assert_eq!(talk.greet(0x11, 9000)[0], r#"send set watches ["/b"] ["/c"] [] from 0x68"#);
}

#[test]
fn persistent_watches_are_set_again_by_the_newer_request() {
    let mut talk = Talk::new("a:1");
    talk.connect();
    let request = Request::AddWatch(AddWatchRequest { path: "/a".into(), mode: 1 });
    talk.say(Input::Ask { token: Token(1), request });
    talk.reply(1, ErrorCode::OK, Response::AddWatch(0));
    talk.say(Input::Frame(event(EventKind::CREATED, "/a")));
    talk.say(Input::Unlinked);
    talk.now += 2000;
    talk.say(Input::Woken);
    talk.say(Input::Linked);
    let sent = &talk.greet(0x11, 9000)[0];
    assert!(sent.contains("SetWatches2") && sent.contains(r#"persistent_recursive: ["/a"]"#), "{sent}");
}

#[test]
fn a_chroot_is_made_and_never_shown() {
    let mut talk = Talk::new("a:1/x/kafka");
    talk.say(Input::Woken);
    talk.say(Input::Linked);
    let out = talk.greet(0x11, 9000);
    assert_eq!(out[..2], ["send #1 create /x", "send #2 create /x/kafka"]);
    talk.reply(1, ErrorCode::NODE_EXISTS, Response::Empty);
    assert_eq!(talk.reply(2, ErrorCode::OK, Response::Create("/x/kafka".into())), [""; 0]);
    assert_eq!(talk.get(1, "/", true), ["send #3 get /x/kafka"]);
    assert_eq!(talk.get(2, "/a", false), ["send #4 get /x/kafka/a"]);
    let ops = vec![MultiOp::SetData(SetDataRequest { path: "/a".into(), data: None, version: 0 })];
    let sent = talk.say(Input::Ask { token: Token(3), request: Request::Multi(ops) });
    assert!(sent[0].contains("\"/x/kafka/a\""), "{sent:?}");
    let fired = talk.say(Input::Frame(event(EventKind::DATA_CHANGED, "/x/kafka")));
    assert_eq!(fired, ["event NodeDataChanged /"]);
    let fired = talk.say(Input::Frame(event(EventKind::CREATED, "/x/kafka/a/b")));
    assert_eq!(fired, ["event NodeCreated /a/b"]);
}

#[test]
fn at_most_ten_requests_are_under_way() {
    let mut talk = Talk::new("a:1");
    talk.connect();
    for token in 0..10 {
        assert_eq!(talk.get(token, "/x", false).len(), 1);
    }
    assert_eq!(talk.get(10, "/late", false), [""; 0]);
    assert_eq!(talk.reply(1, ErrorCode::OK, data("v"))[1], "send #11 get /late");
}

#[test]
fn closing_ends_the_session_after_what_was_asked() {
    let mut talk = Talk::new("a:1");
    talk.connect();
    talk.get(1, "/x", false);
    assert_eq!(talk.say(Input::Close), ["send #2 CloseSession"]);
    assert_eq!(talk.get(2, "/late", false), ["answer 2: SessionExpired"]);
    talk.reply(1, ErrorCode::OK, data("v"));
    assert_eq!(talk.reply(2, ErrorCode::OK, Response::Empty), ["hang up", "event Closed"]);
    assert_eq!(talk.session.deadline(), None);
    // Without a link there is nothing to wait for.
    let mut talk = Talk::new("a:1");
    talk.say(Input::Woken);
    talk.say(Input::Unlinked);
    assert_eq!(talk.say(Input::Close), ["event Closed"]);
}

#[test]
fn nonsense_from_a_server_costs_the_link_and_nothing_else() {
    let check = |frame: Bytes| {
        let mut talk = Talk::new("a:1");
        talk.connect();
        talk.get(1, "/x", false);
        let out = talk.say(Input::Frame(frame));
        assert!(out.contains(&"hang up".to_string()), "{out:?}");
        assert!(out.contains(&"event Disconnected".to_string()), "{out:?}");
        assert!(out.iter().filter(|line| line.starts_with("answer 1: ")).count() == 1, "{out:?}");
    };
    check(Bytes::new());
    check(Bytes::from_static(&[0; 7]));
    check(reply(9, 1, ErrorCode::OK, &data("wrong xid")));
    check(reply(1, 1, ErrorCode::OK, &Response::Empty));
    check(reply(-1, 1, ErrorCode::OK, &Response::Empty));
    // Garbage instead of a greeting.
    let mut talk = Talk::new("a:1");
    talk.say(Input::Woken);
    talk.say(Input::Linked);
    assert_eq!(talk.say(Input::Frame(Bytes::from_static(b"HTTP/1.1 400"))), ["hang up"]);
}

#[test]
fn a_request_too_long_for_the_server_is_refused_here() {
    let mut talk = Talk::new("a:1");
    talk.connect();
    let data = Some(Bytes::from(vec![0; 2 << 20]));
    let request = Request::SetData(SetDataRequest { path: "/x".into(), data, version: -1 });
    assert_eq!(talk.say(Input::Ask { token: Token(1), request }), ["answer 1: BadArguments"]);
}

#[test]
fn refused_credentials_are_told() {
    let mut options = Options::new("a:1".parse().unwrap());
    options.credentials = vec![("digest".into(), Bytes::from_static(b"u:p"))];
    let mut talk = Talk { session: Session::new(options), now: 0, effects: Vec::new() };
    talk.say(Input::Woken);
    talk.say(Input::Linked);
    assert!(talk.greet(0x11, 9000)[0].contains("Auth"));
    assert_eq!(talk.reply(-4, ErrorCode::AUTH_FAILED, Response::Empty), [r#"event Refused("digest")"#]);
}

/// A server that executes in order and can lose its connection at any moment.
#[test]
fn every_request_is_answered_once_and_in_order_through_every_accident() {
    for seed in 0..300 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut session = Session::new(Options { seed, ..Options::new("a:1,b:2".parse().unwrap()) });
        let (mut now, mut next_token, mut zxid) = (0, 0, 0);
        let mut answered: Vec<(u64, bool)> = Vec::new();
        let mut executed: BTreeMap<String, u32> = BTreeMap::new();
        let mut from_client = VecDeque::new();
        let mut to_client = VecDeque::new();
        let (mut linked, mut dialled, mut up) = (false, false, false);
        let mut live_session = 0x10;
        for round in 0..400 {
            let quiet = round >= 300;
            let mut effects = Vec::new();
            now += rng.u64(..300);
            let input = match rng.u32(..12) {
                0..=2 if !quiet => {
                    next_token += 1;
                    let request =
                        Request::GetData(PathWatch { path: format!("/{next_token}"), watch: false });
                    Input::Ask { token: Token(next_token), request }
                }
                3 if !quiet && (linked || dialled) => {
                    (linked, dialled) = (false, false);
                    from_client.clear();
                    to_client.clear();
                    Input::Unlinked
                }
                4 if !quiet => {
                    // The session expires while nobody is attached.
                    if !linked {
                        live_session += 1;
                    }
                    Input::Woken
                }
                _ if dialled => {
                    (linked, dialled) = (true, false);
                    Input::Linked
                }
                5..=7 if !from_client.is_empty() => {
                    let frame: Bytes = from_client.pop_front().unwrap();
                    if frame.len() == 45 && frame[..4] == [0; 4] {
                        let connect = ConnectRequest::decode(&mut Reader::new(frame)).unwrap();
                        let known = connect.session.0 == 0 || connect.session.0 == live_session;
                        let greeting = ConnectResponse {
                            protocol_version: 0,
                            timeout_ms: if known { 18_000 } else { 0 },
                            session: SessionId(if known { live_session } else { 0 }),
                            password: [1; 16],
                            read_only: Some(false),
                        };
                        let mut writer = Writer::new();
                        greeting.encode(&mut writer);
                        to_client.push_back(writer.finish());
                    } else {
                        let mut reader = Reader::new(frame);
                        let header: RequestHeader = reader.record().unwrap();
                        if let Request::GetData(get) = Request::decode(header.op, &mut reader).unwrap() {
                            *executed.entry(get.path).or_default() += 1;
                        }
                        zxid += 1;
                        let response = if header.op == OpCode::PING { Response::Empty } else { data("v") };
                        to_client.push_back(reply(header.xid.0, zxid, ErrorCode::OK, &response));
                    }
                    Input::Woken
                }
                _ => to_client.pop_front().map_or(Input::Woken, Input::Frame),
            };
            session.step(Now::at_ms(now), input, &mut effects);
            for effect in effects {
                match effect {
                    Effect::Dial(_) => {
                        assert!(!linked && !dialled, "one link at a time");
                        dialled = true;
                    }
                    Effect::Send(frame) => {
                        assert!(linked, "nothing is sent without a link");
                        from_client.push_back(frame);
                    }
                    Effect::Hangup => {
                        (linked, dialled) = (false, false);
                        from_client.clear();
                        to_client.clear();
                    }
                    Effect::Answer { token, result } => answered.push((token.0, result.is_ok())),
                    Effect::Event(Event::Connected { .. }) => {
                        assert!(!std::mem::replace(&mut up, true), "connected twice");
                    }
                    Effect::Event(Event::Disconnected) => {
                        assert!(std::mem::replace(&mut up, false), "lost what it never had");
                    }
                    Effect::Event(_) => {}
                }
            }
            assert_eq!(up, session.is_connected());
            assert!(session.deadline().is_some(), "a session that lives always has something to wait for");
        }
        let tokens: Vec<u64> = answered.iter().map(|(token, _)| *token).collect();
        assert_eq!(tokens, (1..=tokens.len() as u64).collect::<Vec<_>>(), "seed {seed}");
        assert!(executed.values().all(|times| *times == 1), "nothing is sent twice: seed {seed}");
        assert!(answered.iter().all(|(token, ok)| !ok || executed.contains_key(&format!("/{token}"))));
        assert_eq!(tokens.len() as u64, next_token, "all are answered when the server is well: seed {seed}");
    }
}
