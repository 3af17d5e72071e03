//! The conversations in `transcripts/`, and those that were recorded from Apache Kafka. A line with `>` is what is done, `#` explains, the rest is what
//! comes of it. `CASTLE_BLESS=1` writes what comes of it anew; read the difference aloud.

use std::fmt::Write as _;
use std::path::Path;

use bytes::Bytes;
use clock::Span;
use kafka_wire::ErrorCode;

use super::room::{Room, describe_record};
use crate::effect::Answer;
use crate::input::{
    CommitRequest, HeartbeatRequest, Input, JoinRequest, LeaveRequest, LeavingMember, OffsetCommit, Producer,
    RequestToken, SyncRequest,
};
use crate::{Protocol, Settings, subscription};

#[test]
fn conversations_go_as_written() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("transcripts");
    let mut paths = Vec::new();
    for directory in [directory.clone(), directory.join("apache-kafka-3.9.2")] {
        let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
        paths.extend(entries.filter(|path| path.is_file()));
    }
    paths.sort();
    assert!(paths.len() > 25, "the transcripts are there");
    let mut wrong = Vec::new();
    for path in paths {
        let expect = std::fs::read_to_string(&path).unwrap();
        let actual = replay(&expect);
        if actual != expect {
            let is_recorded = path.parent().is_some_and(|parent| parent.ends_with("apache-kafka-3.9.2"));
            if std::env::var_os("CASTLE_BLESS").is_some() && !is_recorded {
                std::fs::write(&path, &actual).unwrap();
            }
            wrong.push(format!("{}:\n{}", path.display(), difference(&expect, &actual)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn difference(expect: &str, actual: &str) -> String {
    let (mut expect, mut actual) = (expect.lines(), actual.lines());
    let mut at = 1;
    loop {
        match (expect.next(), actual.next()) {
            (Some(a), Some(b)) if a == b => at += 1,
            (a, b) => return format!("line {at}\n  expected {a:?}\n  got      {b:?}"),
        }
    }
}

fn replay(script: &str) -> String {
    let mut talk = Talk::new(settings(script));
    let mut out = String::new();
    for line in script.lines() {
        if let Some(command) = line.strip_prefix("> ") {
            writeln!(out, "{line}").unwrap();
            talk.command(command);
            for told in talk.told() {
                writeln!(out, "{told}").unwrap();
            }
        } else if line.starts_with('#') || line.is_empty() {
            writeln!(out, "{line}").unwrap();
        }
    }
    out
}

/// From the line `# settings: delay=0 size=2`, if there is one.
fn settings(script: &str) -> Settings {
    let mut settings = Settings { partitions: 1, ..Settings::default() };
    let line = script.lines().find_map(|line| line.strip_prefix("# settings: ")).unwrap_or_default();
    for (name, value) in line.split_whitespace().map(|pair| pair.split_once('=').expect("name=value")) {
        let value: u64 = value.parse().unwrap();
        match name {
            "delay" => settings.initial_rebalance_delay = Span::ms(value),
            "size" => settings.group_size_max = value as usize,
            "retention" => settings.offsets_retention = Span::ms(value),
            "metadata" => settings.offset_metadata_max = value as usize,
            _ => panic!("no setting {name}"),
        }
    }
    settings
}

struct Talk {
    room: Room,
    /// Who asked what.
    asked: Vec<(RequestToken, String)>,
    /// Member ids in the order of their appearance.
    members: Vec<String>,
    extra: Vec<String>,
}

/// The words of a command: those with `=` by name, the others in order.
struct Words<'a> {
    named: Vec<(&'a str, &'a str)>,
    plain: Vec<&'a str>,
}

impl<'a> Words<'a> {
    fn new(command: &'a str) -> Self {
        let (named, plain): (Vec<&str>, Vec<&str>) =
            command.split_whitespace().partition(|word| word.contains('='));
        Words { named: named.iter().map(|word| word.split_once('=').unwrap()).collect(), plain }
    }

    fn get(&self, name: &str) -> Option<&'a str> {
        self.named.iter().find(|(other, _)| *other == name).map(|&(_, value)| value)
    }

    fn number<T: std::str::FromStr>(&self, name: &str, default: T) -> T {
        self.get(name).map_or(default, |text| text.parse().ok().expect("a number"))
    }
}

impl Talk {
    fn new(settings: Settings) -> Self {
        Talk { room: Room::new(settings, 7), asked: Vec::new(), members: Vec::new(), extra: Vec::new() }
    }

    fn command(&mut self, command: &str) {
        let words = Words::new(command);
        let who = words.plain.get(1).copied().unwrap_or_default();
        match words.plain[0] {
            "join" => self.join(who, &words),
            "sync" => self.sync(who, &words),
            "beat" => {
                let (member_id, instance_id) = self.identity(&words);
                let request = HeartbeatRequest {
                    group: group(&words),
                    generation: words.number("gen", -1),
                    member_id,
                    instance_id,
                };
                self.ask(who, |token| Input::Heartbeat(token, request));
            }
            "leave" => {
                let leaving = |word: &&str| match word.split_once(':') {
                    Some(("instance", id)) => {
                        LeavingMember { member_id: String::new(), instance_id: Some(id.to_owned()) }
                    }
                    Some((member, instance)) => LeavingMember {
                        member_id: self.full_id(member),
                        instance_id: Some(instance.to_owned()),
                    },
                    None => LeavingMember { member_id: self.full_id(word), instance_id: None },
                };
                let members = words.plain[2..].iter().map(leaving).collect();
                let request = LeaveRequest { group: group(&words), members };
                self.ask(who, |token| Input::Leave(token, request));
            }
            "commit" => self.commit(who, &words),
            "fetch" => {
                let topics = (words.plain.len() > 2).then(|| topics(&words.plain[2..]));
                let (group, require_stable) = (group(&words), words.get("stable") == Some("yes"));
                self.ask(who, |token| Input::Fetch { token, group, topics, member: None, require_stable });
            }
            "list" => {
                let split = |name| -> Vec<String> {
                    words
                        .get(name)
                        .map(|list| list.split(',').map(str::to_owned).collect())
                        .unwrap_or_default()
                };
                let (states, types) = (split("states"), split("types"));
                self.ask(who, |token| Input::List { token, states, types });
            }
            "describe" => {
                let group = group(&words);
                self.ask(who, |token| Input::Describe { token, group });
            }
            "delete" => {
                let groups = words.plain[2..].iter().map(|name| name.to_string()).collect();
                self.ask(who, |token| Input::Delete { token, groups });
            }
            "delete-offsets" => {
                let (group, topics) = (group(&words), topics(&words.plain[2..]));
                self.ask(who, |token| Input::DeleteOffsets { token, group, topics });
            }
            "topic-deleted" => self.room.tell(Input::TopicsDeleted { topics: vec![who.to_owned()] }),
            "hold" => self.room.holds = true,
            "acknowledge" => {
                self.room.holds = false;
                while self.room.acknowledge() {}
            }
            "acknowledge-one" => assert!(self.room.acknowledge()),
            "fail" => {
                let error = ErrorCode::ALL.iter().find(|error| error.name() == who).expect("an error's name");
                assert!(self.room.fail(*error));
            }
            "transaction" => self.room.end_transaction(words.number("producer", 0), who == "commits"),
            "pass" => self.room.pass(who.parse().unwrap()),
            "unload" => self.room.unload(0, words.get("kept") == Some("yes")),
            "load" => self.room.load(0),
            "begin-load" => self.room.tell(Input::Load { partition: 0, leader_epoch: 1_000 }),
            "end-load" => self.room.tell(Input::Loaded { partition: 0 }),
            "log" => {
                let records = self.room.log.get(&0).into_iter().flatten().flat_map(|batch| &batch.records);
                let lines: Vec<String> = records.map(describe_record).collect();
                for line in lines {
                    let line = self.shorten(&line);
                    self.extra.push(format!("  {line}"));
                }
            }
            other => panic!("no command {other}"),
        }
    }

    fn join(&mut self, who: &str, words: &Words<'_>) {
        let (member_id, instance_id) = self.identity(words);
        let version: i16 = words.number("v", 4);
        let protocols = words.get("protocols").unwrap_or("range:any");
        let protocols = protocols.split(',').filter(|offer| !offer.is_empty()).map(|offer| {
            let (name, metadata) = offer.split_once(':').unwrap_or((offer, ""));
            Protocol { name: name.to_owned(), metadata: metadata_of(metadata) }
        });
        let session: i32 = words.number("session", 10_000);
        let request = JoinRequest {
            group: group(words),
            member_id,
            require_known_member_id: version >= 4 && instance_id.is_none(),
            can_skip_assignment: version >= 9,
            instance_id,
            client_id: who.to_owned(),
            client_host: "/127.0.0.1".into(),
            session_timeout_ms: session,
            rebalance_timeout_ms: words.number("rebalance", 60_000),
            protocol_type: words.get("type").unwrap_or("consumer").to_owned(),
            protocols: protocols.collect(),
        };
        self.ask(who, |token| Input::Join(token, request));
    }

    fn sync(&mut self, who: &str, words: &Words<'_>) {
        let (member_id, instance_id) = self.identity(words);
        let assignments = words.get("assign").unwrap_or_default();
        let assignments = assignments.split(',').filter(|part| !part.is_empty()).map(|part| {
            let (member, assignment) = part.split_once(':').expect("member:assignment");
            (self.full_id(member), Bytes::copy_from_slice(assignment.as_bytes()))
        });
        let request = SyncRequest {
            group: group(words),
            generation: words.number("gen", -1),
            assignments: assignments.collect(),
            member_id,
            instance_id,
            protocol_type: words.get("type").map(str::to_owned),
            protocol_name: words.get("protocol").map(str::to_owned),
        };
        self.ask(who, |token| Input::Sync(token, request));
    }

    fn commit(&mut self, who: &str, words: &Words<'_>) {
        let (member_id, instance_id) = self.identity(words);
        let offsets = words.named.iter().filter_map(|(at, value)| {
            let (topic, partition) = at.rsplit_once('-')?;
            let (offset, metadata) = value.split_once(':').unwrap_or((value, ""));
            Some(OffsetCommit {
                topic: topic.to_owned(),
                partition: partition.parse().ok()?,
                offset: offset.parse().unwrap(),
                leader_epoch: -1,
                metadata: Some(metadata.to_owned()),
                timestamp_ms: None,
            })
        });
        let request = CommitRequest {
            group: group(words),
            generation: words.number("gen", -1),
            offsets: offsets.collect(),
            member_id,
            instance_id,
            retention_ms: words.get("retention").map(|ms| ms.parse().unwrap()),
            knows_group_id_not_found: words.number("v", 8) >= 9,
            producer: words.get("producer").map(|id| Producer { id: id.parse().unwrap(), epoch: 0 }),
        };
        self.ask(who, |token| Input::Commit(token, request));
    }

    fn ask(&mut self, who: &str, input: impl FnOnce(RequestToken) -> Input) {
        let token = self.room.token();
        self.asked.push((token, who.to_owned()));
        self.room.tell(input(token));
    }

    fn identity(&self, words: &Words<'_>) -> (String, Option<String>) {
        let member = words.get("member").map(|id| self.full_id(id)).unwrap_or_default();
        (member, words.get("instance").map(str::to_owned))
    }

    /// `m3` as the id that it stands for; any other name as it is.
    fn full_id(&self, short: &str) -> String {
        let number = short.strip_prefix('m').and_then(|number| number.parse::<usize>().ok());
        number
            .and_then(|number| self.members.get(number.wrapping_sub(1)))
            .map_or(short.to_owned(), String::clone)
    }

    fn learn(&mut self, id: &str) {
        if id.len() > 36 && !self.members.iter().any(|known| known == id) {
            self.members.push(id.to_owned());
        }
    }

    fn shorten(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (index, id) in self.members.iter().enumerate() {
            text = text.replace(id, &format!("m{}", index + 1));
        }
        text
    }

    fn told(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut answers = Vec::new();
        for (token, answer) in self.room.take_answers() {
            let at = self.asked.iter().position(|(other, _)| *other == token).expect("it was asked");
            answers.push((self.asked.remove(at).1, answer));
        }
        // Those that are answered in one step are told in the order of their names.
        answers.sort_by(|(who, _), (other, _)| who.cmp(other));
        for (_, answer) in &answers {
            match answer {
                Answer::Join(joined) => self.learn(&joined.member_id),
                Answer::Describe(told) => {
                    told.members.iter().for_each(|member| self.learn(&member.member_id))
                }
                _ => {}
            }
        }
        for (who, answer) in answers {
            lines.push(self.shorten(&format!("{who}: {}", in_words(&answer, &|text| self.shorten(text)))));
        }
        lines.append(&mut self.extra);
        lines
    }
}

fn group(words: &Words<'_>) -> String {
    words.get("group").unwrap_or("g").to_owned()
}

/// `t:0,1` as topic and partitions.
fn topics(words: &[&str]) -> Vec<(String, Vec<i32>)> {
    let topic = |word: &&str| {
        let (topic, partitions) = word.split_once(':').expect("topic:partitions");
        (topic.to_owned(), partitions.split(',').map(|number| number.parse().unwrap()).collect())
    };
    words.iter().map(topic).collect()
}

/// Lines in their order as text, which no broker's order of members can disturb.
fn sorted(lines: impl Iterator<Item = String>) -> Vec<String> {
    let mut lines: Vec<String> = lines.collect();
    lines.sort();
    lines
}

fn metadata_in_words(metadata: &[u8]) -> String {
    match subscription::topics(metadata) {
        _ if metadata == b"any" => String::new(),
        Some(topics) => format!(" {:?}", topics.join("+")),
        None => format!(" {metadata:?}"),
    }
}

/// A subscription to the named topics; `any` is no subscription at all.
fn metadata_of(topics: &str) -> Bytes {
    if topics == "any" {
        return Bytes::from_static(b"any");
    }
    let topics: Vec<&str> = topics.split('+').filter(|topic| !topic.is_empty()).collect();
    let mut bytes = vec![0, 1];
    bytes.extend((topics.len() as i32).to_be_bytes());
    for topic in topics {
        bytes.extend((topic.len() as i16).to_be_bytes());
        bytes.extend(topic.as_bytes());
    }
    // No user data.
    bytes.extend((-1i32).to_be_bytes());
    bytes.into()
}

fn in_words(answer: &Answer, shorten: &dyn Fn(&str) -> String) -> String {
    let mut out = String::new();
    match answer {
        Answer::Join(joined) if joined.error.is_none() => {
            let protocol = joined.protocol_name.as_deref().unwrap_or("none");
            let (id, generation, leader) = (&joined.member_id, joined.generation, &joined.leader);
            write!(out, "joined as {id}, generation {generation}, {protocol}, leader {leader}").unwrap();
            if joined.skip_assignment {
                out.push_str(", skip the assignment");
            }
            let tell = |member: &crate::JoinedMember| {
                let instance = member.instance_id.as_ref().map(|id| format!("({id})")).unwrap_or_default();
                let metadata = metadata_in_words(&member.metadata);
                shorten(&format!("\n   {}{instance}{metadata}", member.member_id))
            };
            out.extend(sorted(joined.members.iter().map(tell)));
        }
        Answer::Join(joined) => {
            write!(out, "{}", joined.error.name()).unwrap();
            if !joined.member_id.is_empty() {
                write!(out, " for {}", joined.member_id).unwrap();
            }
        }
        Answer::Sync(synced) if synced.error.is_none() => {
            write!(out, "assigned {:?}", String::from_utf8_lossy(&synced.assignment)).unwrap();
        }
        Answer::Sync(synced) => out.push_str(synced.error.name()),
        Answer::ConsumerBeat(_) | Answer::ConsumerDescribe(_) => unreachable!("not asked for here"),
        Answer::Heartbeat(error) => out.push_str(error.name()),
        Answer::Leave(left) => {
            out.push_str(left.error.name());
            for (member, error) in &left.members {
                let name = if member.member_id.is_empty() {
                    member.instance_id.clone().unwrap_or_default()
                } else {
                    member.member_id.clone()
                };
                write!(out, "\n   {name} {}", error.name()).unwrap();
            }
        }
        Answer::Commit(outcomes) => {
            out.push_str("committed");
            for outcome in outcomes {
                write!(out, " {}-{} {}", outcome.topic, outcome.partition, outcome.error.name()).unwrap();
            }
        }
        Answer::Fetch(fetched) => {
            out.push_str(fetched.error.name());
            for (topic, partitions) in &fetched.topics {
                for told in partitions {
                    write!(out, " {topic}-{}={}", told.partition, told.offset).unwrap();
                    if !told.metadata.is_empty() {
                        write!(out, "({})", told.metadata).unwrap();
                    }
                    if !told.error.is_none() {
                        write!(out, " {}", told.error.name()).unwrap();
                    }
                }
            }
        }
        Answer::List(error, groups) => {
            out.push_str(error.name());
            for group in groups {
                write!(out, " {}[{}]:{}", group.group, group.protocol_type, group.state).unwrap();
            }
        }
        Answer::Describe(description) => {
            let (kind, protocol) = (&description.protocol_type, &description.protocol);
            write!(out, "{} {} [{kind}/{protocol}]", description.error.name(), description.state).unwrap();
            let tell = |member: &crate::MemberDescription| {
                let instance = member.instance_id.as_ref().map(|id| format!("({id})")).unwrap_or_default();
                let assignment = String::from_utf8_lossy(&member.assignment);
                let (id, client, host) = (&member.member_id, &member.client_id, &member.client_host);
                shorten(&format!("\n   {id}{instance} {client} {host} {assignment:?}"))
            };
            out.extend(sorted(description.members.iter().map(tell)));
        }
        Answer::Delete(results) => {
            out.push_str("deleted");
            for (group, error) in results {
                write!(out, " {group} {}", error.name()).unwrap();
            }
        }
        Answer::DeleteOffsets(Err(error)) => out.push_str(error.name()),
        Answer::DeleteOffsets(Ok(outcomes)) => {
            out.push_str("deleted");
            for outcome in outcomes {
                write!(out, " {}-{} {}", outcome.topic, outcome.partition, outcome.error.name()).unwrap();
            }
        }
    }
    out
}
