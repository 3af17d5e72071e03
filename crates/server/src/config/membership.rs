//! Who is in the ensemble, as `zoo.cfg` and its dynamic file say it: `server.N`, groups and weights, and how
//! patient members are with each other.
//!
//! ```text
//! server.N=host:quorum port:election port[:participant|observer][;[client host:]client port]
//! ```
//! Several addresses of one member may be joined by `|`; the first is used. No line, or one alone (unless
//! `standaloneEnabled=false`), is a keeper that stands alone.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use zab::{Configuration, MemberAddress, ServerId};

use super::Properties;
use super::keeper_config::resolve;
use crate::Routes;

/// An ensemble, and how patient its members are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Membership {
    /// Who is in it, ourselves among them.
    pub configuration: Configuration,
    /// A later one that a reconfiguration proposed before we ended, if what became of it is not known.
    pub proposed: Option<Configuration>,
    /// `standaloneEnabled`.
    pub standalone_allowed: bool,
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
    /// Ways to other members that are not straight. Not in any file; `castle dev` has them.
    pub routes: Routes,
    /// `leaderServes`: whether a leader has clients of its own.
    pub leader_serves: bool,
}

impl Membership {
    /// Takes what is about ensembles; `None` for a keeper that stands alone.
    pub(super) fn take(file: &mut Properties) -> Option<Membership> {
        let alone_allowed = file.take_switch("standaloneEnabled").unwrap_or(true);
        let mut configuration = Configuration::default();
        for (key, value) in numbered(file, "server.") {
            let (Some(id), line) = (number(file, &key), value) else { continue };
            match MemberAddress::parse(&line) {
                Ok(member) => drop(configuration.members.insert(ServerId(id), member)),
                Err(why) => file.refuse(&key, why),
            }
        }
        let members = &configuration.members;
        if configuration.voters().next().is_none() && !members.is_empty() {
            file.refuse("server.N", "all are observers, and nobody could lead; make one a participant");
        }
        let alone = members.is_empty() || (members.len() == 1 && alone_allowed);
        let mut membership = Membership {
            configuration,
            proposed: None,
            standalone_allowed: alone_allowed,
            init_limit: 0,
            sync_limit: 0,
            connect_limit: 0,
            dial_timeout: Duration::from_secs(5),
            leader_serves: true,
            listens_on_all: file.take_switch("quorumListenOnAllIPs").unwrap_or(false),
            routes: Routes::default(),
        };
        if alone {
            // What is about ensembles may stand in its file all the same.
            drop((numbered(file, "group."), numbered(file, "weight.")));
        }
        membership.take_groups(file);
        membership.take_limits(file, alone);
        (!alone).then_some(membership)
    }

    fn take_groups(&mut self, file: &mut Properties) {
        let it = &mut self.configuration;
        for (key, value) in numbered(file, "group.") {
            let Some(group) = number(file, &key) else { continue };
            let mut in_group = BTreeSet::new();
            for text in value.split(':') {
                match text.trim().parse().map(ServerId) {
                    Ok(id) if it.members.contains_key(&id) => drop(in_group.insert(id)),
                    _ => file.refuse(&key, format!("{:?} is not the number of a server", text.trim())),
                }
            }
            if it.groups.values().any(|other| !other.is_disjoint(&in_group)) {
                file.refuse(&key, "a server is in two groups");
            }
            it.groups.insert(group, in_group);
        }
        for (key, value) in numbered(file, "weight.") {
            let Some(id) = number(file, &key) else { continue };
            match value.trim().parse() {
                Ok(weight) => drop(it.weights.insert(ServerId(id), weight)),
                Err(_) => file.refuse(&key, format!("{value:?} is not a weight")),
            }
        }
        let without = it.voters().find(|id| !it.groups.values().any(|group| group.contains(id)));
        if let (true, Some(id)) = (it.is_hierarchical(), without) {
            file.refuse("group.N", format!("server {id} votes and is in no group"));
        }
    }

    fn take_limits(&mut self, file: &mut Properties, alone: bool) {
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
        self.leader_serves = !file.take_word("leaderServes", "no");
        if let Some(version) = file.take_text("version") {
            match i64::from_str_radix(&version, 16) {
                Ok(version) => self.configuration.version = version,
                Err(_) => file.refuse("version", format!("{version:?} is not a hexadecimal number")),
            }
        }
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

#[cfg(test)]
mod tests {
    use zab::Quorum;

    use super::*;

    fn read(text: &str) -> Result<Option<Membership>, Vec<String>> {
        let mut file = Properties::parse(text.as_bytes()).expect("properties");
        let membership = Membership::take(&mut file);
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
        assert_eq!(membership.configuration.text(), expect);
        assert_eq!(membership.configuration.quorum(), Quorum::majority([ServerId(1), ServerId(2)]));
        assert_eq!((membership.init_limit, membership.connect_limit, membership.sync_limit), (10, 10, 5));
    }

    #[test]
    fn groups_and_weights_make_a_hierarchy() {
        let text = format!("{THREE}group.1=1:3\ngroup.2=2\nweight.2=5\n");
        let membership = read(&text).expect("right").expect("an ensemble");
        let Quorum::Hierarchical { groups } = membership.configuration.quorum() else {
            panic!("a hierarchy")
        };
        assert_eq!(groups[&1], [(ServerId(1), 1)].into());
        assert_eq!(groups[&2], [(ServerId(2), 5)].into());
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
