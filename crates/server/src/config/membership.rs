//! Who is in the ensemble, as `zoo.cfg` and its dynamic file say it: `server.N`, groups and weights, and how
//! patient members are with each other.
//!
//! ```text
//! server.N=host:quorum port:election port[:participant|observer][;[client host:]client port]
//! ```
//! Several addresses of one member may be joined by `|`; the first is used. No line, or one alone (unless
//! `standaloneEnabled=false`), is a keeper that stands alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::net::SocketAddr;
use std::time::Duration;

use zab::{Quorum, ServerId};

use super::keeper_config::resolve;
use super::{Note, Properties};

/// An ensemble and our place in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Membership {
    /// `server.N`, ourselves among them.
    pub members: BTreeMap<ServerId, Member>,
    /// `group.N`, if quorums are hierarchical: the members of each group.
    pub groups: BTreeMap<i64, BTreeSet<ServerId>>,
    /// `weight.N`; 1 for whom it is not said.
    pub weights: BTreeMap<ServerId, u64>,
    /// `initLimit`, in ticks.
    pub init_limit: u32,
    /// `syncLimit`, in ticks.
    pub sync_limit: u32,
    /// `connectToLearnerMasterLimit`, in ticks; `initLimit` if it is not said.
    pub connect_limit: u32,
    /// `cnxTimeout`.
    pub dial_timeout: Duration,
    /// `quorumListenOnAllIPs`.
    pub listens_on_all: bool,
    /// `version` of the dynamic file.
    pub version: i64,
}

/// One member.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    /// Its host, as it is written down.
    pub host: String,
    /// The port over which it leads.
    pub quorum_port: u16,
    /// The host of its election port.
    pub election_host: String,
    /// The port over which it votes.
    pub election_port: u16,
    /// Whether it only observes.
    pub is_observer: bool,
    /// Where its clients connect, if its line says so: host and port.
    pub client: Option<(String, u16)>,
}

impl Member {
    /// From the value of a `server.N` line.
    pub fn parse(line: &str) -> Result<Member, String> {
        let (addresses, client) = match line.split_once(';') {
            Some((addresses, client)) => (addresses, Some(client.split(';').next().unwrap_or(client))),
            None => (line, None),
        };
        let (first, role) = split_role(addresses)?;
        let first = first.split('|').next().unwrap_or(first).trim();
        let (host, ports) = split_host(first).ok_or_else(|| usage(line))?;
        let (quorum, election) = ports.split_once(':').ok_or_else(|| usage(line))?;
        // The oldest form of the election's address may name a host of its own.
        let (election_host, election) = match election.rsplit_once(':') {
            Some((host, port)) => (host.to_owned(), port),
            None => (host.to_owned(), election),
        };
        let client = client.map(|client| match client.trim().rsplit_once(':') {
            Some((host, client)) => Ok((bare(host).to_owned(), port(client)?)),
            None => Ok(("0.0.0.0".to_owned(), port(client)?)),
        });
        Ok(Member {
            host: host.to_owned(),
            quorum_port: port(quorum)?,
            election_host,
            election_port: port(election)?,
            is_observer: role,
            client: client.transpose().map_err(|why: String| why)?,
        })
    }

    /// Where it leads, as `host:port`.
    pub fn quorum_address(&self) -> String {
        joined(&self.host, self.quorum_port)
    }

    /// Where it votes, as `host:port`.
    pub fn election_address(&self) -> String {
        joined(&self.election_host, self.election_port)
    }

    /// As the original writes it.
    fn text(&self) -> String {
        let role = if self.is_observer { "observer" } else { "participant" };
        let client = self.client.as_ref().map(|(host, port)| format!(";{}", joined(host, *port)));
        format!("{}:{}:{role}{}", self.quorum_address(), self.election_port, client.unwrap_or_default())
    }
}

impl Membership {
    /// Takes what is about ensembles; `None` for a keeper that stands alone.
    pub(super) fn take(file: &mut Properties, notes: &mut Vec<Note>) -> Option<Membership> {
        let alone_allowed = file.take_switch("standaloneEnabled").unwrap_or(true);
        let mut members = BTreeMap::new();
        for (key, value) in numbered(file, "server.") {
            let (Some(id), line) = (number(file, &key), value) else { continue };
            match Member::parse(&line) {
                Ok(member) => drop(members.insert(ServerId(id), member)),
                Err(why) => file.refuse(&key, why),
            }
        }
        let voters = members.values().filter(|member| !member.is_observer).count();
        if voters == 0 && !members.is_empty() {
            file.refuse("server.N", "all are observers, and nobody could lead; make one a participant");
        }
        let alone = members.is_empty() || (members.len() == 1 && alone_allowed);
        let mut membership = Membership {
            members,
            groups: BTreeMap::new(),
            weights: BTreeMap::new(),
            init_limit: 0,
            sync_limit: 0,
            connect_limit: 0,
            dial_timeout: Duration::from_secs(5),
            listens_on_all: file.take_switch("quorumListenOnAllIPs").unwrap_or(false),
            version: 0,
        };
        if alone {
            // What is about ensembles may stand in its file all the same.
            drop((numbered(file, "group."), numbered(file, "weight.")));
        }
        membership.take_groups(file);
        membership.take_limits(file, notes, alone);
        (!alone).then_some(membership)
    }

    fn take_groups(&mut self, file: &mut Properties) {
        for (key, value) in numbered(file, "group.") {
            let Some(group) = number(file, &key) else { continue };
            let mut in_group = BTreeSet::new();
            for text in value.split(':') {
                match text.trim().parse().map(ServerId) {
                    Ok(id) if self.members.contains_key(&id) => drop(in_group.insert(id)),
                    _ => file.refuse(&key, format!("{:?} is not the number of a server", text.trim())),
                }
            }
            if self.groups.values().any(|other| !other.is_disjoint(&in_group)) {
                file.refuse(&key, "a server is in two groups");
            }
            self.groups.insert(group, in_group);
        }
        for (key, value) in numbered(file, "weight.") {
            let Some(id) = number(file, &key) else { continue };
            match value.trim().parse() {
                Ok(weight) => drop(self.weights.insert(ServerId(id), weight)),
                Err(_) => file.refuse(&key, format!("{value:?} is not a weight")),
            }
        }
        let without = self.members.iter().find(|(id, member)| {
            !member.is_observer && !self.groups.values().any(|group| group.contains(id))
        });
        if let (false, Some((id, _))) = (self.groups.is_empty(), without) {
            file.refuse("group.N", format!("server {id} votes and is in no group"));
        }
    }

    fn take_limits(&mut self, file: &mut Properties, notes: &mut Vec<Note>, alone: bool) {
        for (key, into) in [("initLimit", &mut self.init_limit), ("syncLimit", &mut self.sync_limit)] {
            match file.take_number(key, (1, 1_000_000)) {
                Some(ticks) => *into = ticks as u32,
                None if alone || file.refusals.iter().any(|refusal| refusal.key == key) => {}
                None => file.refuse(
                    key,
                    "it is missing, and an ensemble needs it; such as initLimit=10, syncLimit=5",
                ),
            }
        }
        let connect =
            file.take_number("connectToLearnerMasterLimit", (0, 1_000_000)).filter(|ticks| *ticks > 0);
        self.connect_limit = connect.map_or(self.init_limit, |ticks| ticks as u32);
        if let Some(ms) = file.take_number("cnxTimeout", (1, 3_600_000)) {
            self.dial_timeout = Duration::from_millis(ms as u64);
        }
        if let Some(algorithm) = file.take_number("electionAlg", (i64::MIN, i64::MAX))
            && algorithm != 3
            && !alone
        {
            file.refuse("electionAlg", "only 3, fast leader election, was ever safe; remove it");
        }
        if file.take_switch("leaderServes") == Some(false) && !alone {
            let why = "a leader serves clients here as well".to_owned();
            notes.push(Note::Adjusted { key: "leaderServes".to_owned(), why });
        }
        if let Some(version) = file.take_text("version") {
            match i64::from_str_radix(&version, 16) {
                Ok(version) => self.version = version,
                Err(_) => file.refuse("version", format!("{version:?} is not a hexadecimal number")),
            }
        }
    }

    /// Who may decide.
    pub fn quorum(&self) -> Quorum {
        let voters = || self.members.iter().filter(|(_, member)| !member.is_observer).map(|(id, _)| *id);
        if self.groups.is_empty() {
            return Quorum::majority(voters());
        }
        let voters: BTreeSet<ServerId> = voters().collect();
        let weigh = |id: &ServerId| (*id, self.weights.get(id).copied().unwrap_or(1));
        let groups = self.groups.iter().map(|(group, members)| {
            (*group, members.intersection(&voters).map(weigh).collect::<BTreeMap<_, _>>())
        });
        Quorum::Hierarchical { groups: groups.collect() }
    }

    /// The membership as the original writes it down, in `/zookeeper/config` and between servers.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (id, member) in &self.members {
            let _ = writeln!(text, "server.{id}={}", member.text());
        }
        for (group, members) in &self.groups {
            let members: Vec<String> = members.iter().map(ServerId::to_string).collect();
            let _ = writeln!(text, "group.{group}={}", members.join(":"));
        }
        if !self.groups.is_empty() {
            for id in self.members.keys() {
                let _ = writeln!(text, "weight.{id}={}", self.weights.get(id).copied().unwrap_or(1));
            }
        }
        let _ = write!(text, "version={:x}", self.version);
        text
    }

    /// Where a member's port is listened on: at its own address, or at all of the machine's.
    pub fn listen_address(&self, host: &str, port: u16) -> Result<SocketAddr, String> {
        let ip = if self.listens_on_all { [0, 0, 0, 0].into() } else { resolve(host)? };
        Ok(SocketAddr::new(ip, port))
    }
}

/// Takes all keys that begin so.
fn numbered(file: &mut Properties, beginning: &str) -> Vec<(String, String)> {
    let keys: Vec<String> = file.rest().keys().filter(|key| key.starts_with(beginning)).cloned().collect();
    keys.into_iter().filter_map(|key| file.take(&key).map(|value| (key, value))).collect()
}

/// The number in `server.7`.
fn number(file: &mut Properties, key: &str) -> Option<i64> {
    let number = key.split_once('.').and_then(|(_, number)| number.trim().parse().ok());
    if number.is_none_or(|number: i64| number < 0) {
        file.refuse(key, "what stands behind the dot is not a number");
        return None;
    }
    number
}

/// The part before the role, and whether that is an observer's.
fn split_role(addresses: &str) -> Result<(&str, bool), String> {
    let Some((before, last)) = addresses.trim().rsplit_once(':') else { return Err(usage(addresses)) };
    match last.trim().to_ascii_lowercase().as_str() {
        "participant" => Ok((before, false)),
        "observer" => Ok((before, true)),
        role if role.chars().next().is_some_and(char::is_alphabetic) => {
            Err(format!("{role:?} is neither participant nor observer"))
        }
        _ => Ok((addresses.trim(), false)),
    }
}

/// A host, without its brackets, and what follows its colon.
fn split_host(text: &str) -> Option<(&str, &str)> {
    match text.strip_prefix('[') {
        Some(rest) => rest.split_once("]:"),
        None => text.split_once(':'),
    }
}

fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

fn joined(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

fn port(text: &str) -> Result<u16, String> {
    text.trim().parse().map_err(|_| format!("{:?} is not a port", text.trim()))
}

fn usage(line: &str) -> String {
    format!("{line:?} is not of the form host:2888:3888[:participant|observer][;2181]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_read_in_every_form() {
        let check = |line: &str, expect: &str| {
            let text = Member::parse(line).map_or_else(|why| why, |member| member.text());
            assert_eq!(text, expect, "{line}");
        };
        check("h:2888:3888", "h:2888:3888:participant");
        check("h:2888:3888:observer", "h:2888:3888:observer");
        check("h:2888:3888:PARTICIPANT;2181", "h:2888:3888:participant;0.0.0.0:2181");
        check("h:2888:3888;10.0.0.1:2181", "h:2888:3888:participant;10.0.0.1:2181");
        check("[::1]:2888:3888;[::1]:2181", "[::1]:2888:3888:participant;[::1]:2181");
        check("a:1:2|b:3:4;5", "a:1:2:participant;0.0.0.0:5");
        check("h:2888", "\"h:2888\" is not of the form host:2888:3888[:participant|observer][;2181]");
        check("h:2888:3888:leader", "\"leader\" is neither participant nor observer");
        check("h:2888:70000", "\"70000\" is not a port");
        check("", "\"\" is not of the form host:2888:3888[:participant|observer][;2181]");
    }

    fn read(text: &str) -> Result<Option<Membership>, Vec<String>> {
        let mut file = Properties::parse(text.as_bytes()).expect("properties");
        let membership = Membership::take(&mut file, &mut Vec::new());
        let refusals: Vec<String> = file.refusals.iter().map(ToString::to_string).collect();
        if refusals.is_empty() { Ok(membership) } else { Err(refusals) }
    }

    const THREE: &str =
        "server.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:2:observer;7\ninitLimit=10\nsyncLimit=5\n";

    #[test]
    fn a_membership_is_written_as_the_original_writes_it() {
        let membership = read(THREE).expect("right").expect("an ensemble");
        let expect = "server.1=a:1:2:participant\nserver.2=b:1:2:participant\n\
                      server.3=c:1:2:observer;0.0.0.0:7\nversion=0";
        assert_eq!(membership.text(), expect);
        assert_eq!(membership.quorum(), Quorum::majority([ServerId(1), ServerId(2)]));
        assert_eq!((membership.init_limit, membership.connect_limit, membership.sync_limit), (10, 10, 5));
    }

    #[test]
    fn groups_and_weights_make_a_hierarchy() {
        let text = format!("{THREE}group.1=1:3\ngroup.2=2\nweight.2=5\n");
        let membership = read(&text).expect("right").expect("an ensemble");
        let Quorum::Hierarchical { groups } = membership.quorum() else { panic!("a hierarchy") };
        assert_eq!(groups[&1], BTreeMap::from([(ServerId(1), 1)]));
        assert_eq!(groups[&2], BTreeMap::from([(ServerId(2), 5)]));
        assert!(read(&format!("{THREE}group.1=1:3")).is_err());
        assert!(read(&format!("{THREE}group.1=1:2\ngroup.2=2")).is_err());
        assert!(read(&format!("{THREE}group.1=1:2:9")).is_err());
    }

    #[test]
    fn one_server_stands_alone_unless_told_otherwise() {
        assert_eq!(read(""), Ok(None));
        assert_eq!(read("server.1=a:1:2"), Ok(None));
        let one = read("server.1=a:1:2\nstandaloneEnabled=false\ninitLimit=1\nsyncLimit=1");
        assert!(matches!(one, Ok(Some(_))), "{one:?}");
        assert!(read("server.1=a:1:2:observer\nserver.2=a:1:2:observer\ninitLimit=1\nsyncLimit=1").is_err());
    }

    #[test]
    fn what_an_ensemble_needs_is_asked_for() {
        let refused =
            read("server.1=a:1:2\nserver.2=b:1:2\nelectionAlg=1").expect_err("three things are wrong");
        assert_eq!(refused.len(), 3, "{refused:?}");
    }
}
