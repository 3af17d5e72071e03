//! The membership of an ensemble as members tell it to each other, as `/zookeeper/config` shows it and as
//! dynamic configuration files hold it: text, byte for byte the original's.
//!
//! ```text
//! server.N=host:quorum port:election port:participant|observer[;client host:client port[;secure host:port]]
//! group.G=N:N
//! weight.N=W
//! version=hexadecimal
//! ```
//! Nothing else may stand in it: a Java member drops the link of whoever sends it another key. Sources:
//! `QuorumServer`, `QuorumMaj`, `QuorumHierarchical`, `QuorumPeerConfig.parseDynamicConfig`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write};

use crate::limits::{CONFIGURATION_BYTES_MAX, MEMBERS_MAX};
use crate::{Quorum, ServerId};

mod address;

pub use address::MemberAddress;

/// Who is in an ensemble, who of them votes with what weight, and since when.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Configuration {
    /// `server.N`.
    pub members: BTreeMap<ServerId, MemberAddress>,
    /// `group.G`, if quorums are hierarchical: the members of each group.
    pub groups: BTreeMap<i64, BTreeSet<ServerId>>,
    /// `weight.N`; 1 for a voter for whom it is not said.
    pub weights: BTreeMap<ServerId, u64>,
    /// The zxid of the reconfiguration that made it; 0 for one from files that nobody agreed on yet.
    pub version: i64,
}

impl Configuration {
    /// Voters of equal weight with addresses that mean nothing; for tests and for a server alone.
    pub fn of_voters(voters: impl IntoIterator<Item = ServerId>) -> Configuration {
        let members = voters.into_iter().map(|id| {
            let line = format!("server{id}:2888:3888");
            (id, MemberAddress::parse(&line).expect("a line of the usual form"))
        });
        Configuration { members: members.collect(), ..Configuration::default() }
    }

    /// From the lines that stand above. What is wrong is told in words.
    pub fn parse(text: &str) -> Result<Configuration, ConfigurationError> {
        if text.len() > CONFIGURATION_BYTES_MAX {
            return Err(format!("a membership of {} bytes", text.len()).into());
        }
        let mut it = Configuration::default();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (key, value) = line.split_once('=').ok_or_else(|| format!("{line:?} is no setting"))?;
            it.take(key.trim(), value.trim())?;
        }
        it.check()?;
        Ok(it)
    }

    fn take(&mut self, key: &str, value: &str) -> Result<(), ConfigurationError> {
        if key == "version" {
            self.version = i64::from_str_radix(value, 16).map_err(|_| {
                ConfigurationError::Number(format!("version {value:?} is not a hexadecimal number"))
            })?;
        } else if let Some(id) = key.strip_prefix("server.") {
            self.members.insert(server(id)?, MemberAddress::parse(value)?);
            if self.members.len() > MEMBERS_MAX {
                return Err(format!("more than {MEMBERS_MAX} members").into());
            }
        } else if let Some(group) = key.strip_prefix("group.") {
            let group = group
                .parse()
                .map_err(|_| ConfigurationError::Number(format!("{group:?} is not a number of a group")))?;
            let members = value.split(':').map(|id| server(id.trim())).collect::<Result<BTreeSet<_>, _>>()?;
            if self.groups.values().any(|other| !other.is_disjoint(&members)) {
                return Err("a server is in two groups".to_owned().into());
            }
            self.groups.insert(group, members);
        } else if let Some(id) = key.strip_prefix("weight.") {
            let weight = value
                .parse()
                .map_err(|_| ConfigurationError::Number(format!("{value:?} is not a weight")))?;
            self.weights.insert(server(id)?, weight);
        } else {
            return Err(format!("{key:?} does not belong into a membership").into());
        }
        Ok(())
    }

    fn check(&self) -> Result<(), ConfigurationError> {
        if self.is_hierarchical()
            && let Some(id) = self.voters().find(|id| !self.groups.values().any(|group| group.contains(id)))
        {
            return Err(format!("server {id} votes and is in no group").into());
        }
        Ok(())
    }

    /// Whether groups count, and not servers.
    pub fn is_hierarchical(&self) -> bool {
        !self.groups.is_empty() || !self.weights.is_empty()
    }

    /// Those who vote.
    pub fn voters(&self) -> impl Iterator<Item = ServerId> {
        self.members.iter().filter(|(_, member)| !member.is_observer).map(|(id, _)| *id)
    }

    /// Whether `id` is a member that does not vote.
    pub fn observes(&self, id: ServerId) -> bool {
        self.members.get(&id).is_some_and(|member| member.is_observer)
    }

    /// The member of that number, if it votes.
    pub fn voter(&self, id: ServerId) -> Option<&MemberAddress> {
        self.members.get(&id).filter(|member| !member.is_observer)
    }

    fn weight(&self, id: ServerId) -> u64 {
        self.weights.get(&id).copied().unwrap_or(1)
    }

    /// Who may decide.
    pub fn quorum(&self) -> Quorum {
        if !self.is_hierarchical() {
            return Quorum::majority(self.voters());
        }
        let groups = self.groups.iter().map(|(group, members)| {
            let voters = members.iter().filter(|id| self.voter(**id).is_some());
            (*group, voters.map(|id| (*id, self.weight(*id))).collect::<BTreeMap<_, _>>())
        });
        Quorum::Hierarchical { groups: groups.collect() }
    }

    /// Whether both have the same members in the same parts, whatever their versions.
    pub fn has_members_of(&self, other: &Configuration) -> bool {
        self.members == other.members && self.groups == other.groups && self.weights == other.weights
    }

    /// Whether it may be told to a Java server during an election: that one's receiver ends for good on
    /// observers of which no quorum could be (ZOOKEEPER-1783's checks throw there).
    pub fn may_be_told(&self) -> bool {
        let voters = self.voters().count();
        voters > 1 || (voters == 1 && self.members.len() == 1)
    }

    /// As it is told and shown.
    pub fn text(&self) -> String {
        let mut text: String = self.lines().map(|line| line + "\n").collect();
        let _ = write!(text, "version={:x}", self.version);
        text
    }

    /// As a dynamic file holds it: without the version, which is the end of the file's name; the file of
    /// what is only proposed has it inside.
    pub fn file(&self, version: InFile) -> String {
        let mut lines: Vec<String> = self.lines().collect();
        if version == InFile::WithVersion {
            lines.push(format!("version={:x}", self.version));
        }
        lines.sort();
        lines.join("\n")
    }

    fn lines(&self) -> impl Iterator<Item = String> {
        let mut members: Vec<_> = self.members.iter().collect();
        // The original's map has as many places as a power of two, and keeps servers by their number's rest.
        let places = members.len().div_ceil(3).saturating_mul(4).next_power_of_two().max(16) as i64;
        members.sort_by_key(|(id, _)| (id.0.rem_euclid(places), id.0));
        let members = members.into_iter().map(|(id, member)| format!("server.{id}={}", member.text()));
        let groups = self.groups.iter().map(|(group, members)| {
            let members: Vec<String> = members.iter().map(ServerId::to_string).collect();
            format!("group.{group}={}", members.join(":"))
        });
        let weighed: BTreeSet<ServerId> = match self.is_hierarchical() {
            true => self.weights.keys().copied().chain(self.voters()).collect(),
            false => BTreeSet::new(),
        };
        let weights = weighed.into_iter().map(|id| format!("weight.{id}={}", self.weight(id)));
        members.chain(groups).chain(weights)
    }

    /// What becomes of it when some leave and then others join. Each of `joining` is `server.N=line`, and
    /// names a port for clients.
    pub fn changed(
        &self,
        leaving: Option<&str>,
        joining: Option<&str>,
    ) -> Result<Configuration, ConfigurationError> {
        if self.is_hierarchical() {
            return Err("groups and weights can only be changed as a whole".to_owned().into());
        }
        let parts = |list: Option<&str>| -> Vec<String> {
            let parts = list.unwrap_or_default().split(',').map(str::trim);
            parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
        };
        let mut next = self.clone();
        for id in parts(leaving) {
            next.members.remove(&server(&id)?);
        }
        for line in parts(joining) {
            let (key, value) = line.split_once('=').ok_or_else(|| format!("{line:?} names no server"))?;
            let id = server(key.rsplit_once('.').map_or(key, |(_, id)| id).trim())?;
            let joiner = MemberAddress::parse(value.trim())?;
            if joiner.client.is_none() && joiner.secure_client.is_none() {
                return Err(format!("{line:?} names no port for clients").into());
            }
            if let Some((other, _)) = (next.members.iter()).find(|(it, at)| **it != id && at.clashes(&joiner))
            {
                return Err(format!("server {id} would have an address of server {other}").into());
            }
            next.members.insert(id, joiner);
        }
        if next.members.len() > MEMBERS_MAX {
            return Err(format!("more than {MEMBERS_MAX} members").into());
        }
        Ok(next)
    }
}

/// Why a membership is none, in words. The original's clients are told of the two in different ways.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ConfigurationError {
    /// What should be a number is not.
    Number(String),
    /// Something else.
    Unfit(String),
}

/// Whether a file says the version inside.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InFile {
    /// It does.
    WithVersion,
    /// Its name does.
    WithoutVersion,
}

impl fmt::Display for ConfigurationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (ConfigurationError::Number(why) | ConfigurationError::Unfit(why)) = self;
        f.write_str(why)
    }
}

impl From<String> for ConfigurationError {
    fn from(why: String) -> ConfigurationError {
        ConfigurationError::Unfit(why)
    }
}

fn server(id: &str) -> Result<ServerId, ConfigurationError> {
    let wrong = |_| ConfigurationError::Number(format!("{id:?} is not the number of a server"));
    id.parse().map(ServerId).map_err(wrong)
}

#[cfg(test)]
mod tests;
