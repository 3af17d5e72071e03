//! The members of an ensemble, each asked what it is: who leads, and whether enough are there to decide.

use super::{KeeperFacts, ask_keeper};
use clock::Span;
use keeper_client::Servers;
use keeper_client::blocking::Client;
use serde_json::{Value, json};
use std::thread;
use std::time::Duration;
use zab::MemberAddress as Line;

/// The keeper that was asked, and those that it names.
pub(super) struct Quorum {
    /// Who answered first.
    pub(super) asked: String,
    /// What it said.
    pub(super) facts: KeeperFacts,
    /// All members, if it is not alone.
    pub(super) members: Vec<Member>,
}

/// One member.
pub(super) struct Member {
    pub(super) id: i64,
    /// Where its clients connect.
    address: String,
    votes: bool,
    /// `leader`, `follower`, `observer`; or why it does not say.
    mode: Result<String, String>,
}

/// Where a server shows who is in the ensemble.
const CONFIG: &str = "/zookeeper/config";

/// Members that are asked: ensembles have nine at most.
const MEMBERS_MAX: usize = 64;

impl Quorum {
    /// Asks the first of `addresses` that answers, and the members that it knows.
    pub(super) fn ask(addresses: &str, patience: Duration) -> Result<Quorum, String> {
        let addresses: Vec<&str> = addresses.split(',').map(str::trim).filter(|it| !it.is_empty()).collect();
        let mut failure = "no keeper is named".to_owned();
        // One that is frozen must leave time for the others.
        let each = patience / addresses.len().max(1) as u32;
        for address in addresses {
            match ask_keeper(address, each) {
                Ok(facts) => {
                    let members = members(address, each);
                    return Ok(Quorum { asked: address.to_owned(), facts, members });
                }
                Err(why) => failure = why,
            }
        }
        Err(failure)
    }

    fn leader(&self) -> Option<&Member> {
        self.members.iter().find(|member| member.mode.as_deref() == Ok("leader"))
    }

    fn voters(&self) -> (usize, usize) {
        let voters = || self.members.iter().filter(|member| member.votes);
        (voters().filter(|member| member.mode.is_ok()).count(), voters().count())
    }

    /// In a sentence.
    pub(super) fn verdict(&self) -> String {
        let (there, all) = self.voters();
        let spare = there.saturating_sub(all / 2 + 1);
        match self.leader() {
            Some(leader) if spare == 0 => {
                format!("led by {}; {there} of {all} voters, none may fail", leader.id)
            }
            Some(leader) => format!("led by {}; {there} of {all} voters, {spare} may fail", leader.id),
            None => format!("no leader; {there} of {all} voters serve"),
        }
    }

    pub(super) fn json(&self) -> Value {
        let (there, all) = self.voters();
        json!({
            "leader": self.leader().map(|leader| leader.id),
            "voters": all,
            "voters_serving": there,
            "members": self
                .members
                .iter()
                .map(|member| json!({
                    "id": member.id, "address": member.address, "votes": member.votes,
                    "mode": member.mode.as_ref().ok(), "error": member.mode.as_ref().err(),
                }))
                .collect::<Vec<_>>(),
        })
    }
}

impl Member {
    pub(super) fn text(&self) -> String {
        match &self.mode {
            Ok(mode) => format!("{mode} at {}", self.address),
            Err(why) => why.clone(),
        }
    }
}

/// The members that the keeper at `address` shows; none if it is alone, or shows none.
fn members(address: &str, patience: Duration) -> Vec<Member> {
    let Ok(servers) = address.parse::<Servers>() else { return Vec::new() };
    let Ok(mut client) = Client::connect(servers, Span::seconds(5), patience) else { return Vec::new() };
    let text = client.data(CONFIG, false).map(|(data, _)| data).unwrap_or_default();
    client.close();
    let own_host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let found = parse(&String::from_utf8_lossy(&text), own_host);
    // All at once: those that are gone take all the patience that there is.
    thread::scope(|scope| {
        let asked: Vec<_> = found
            .into_iter()
            .map(|(id, address, votes)| {
                scope.spawn(move || {
                    let said = ask_keeper(&address, patience);
                    let mode = said.map(|facts| {
                        let mode = facts.into_iter().find(|(name, _)| name == "Mode");
                        mode.map(|(_, mode)| mode).unwrap_or_default()
                    });
                    Member { id, address, votes, mode }
                })
            })
            .collect();
        asked.into_iter().filter_map(|asked| asked.join().ok()).collect()
    })
}

/// Numbers, addresses for clients, and who votes. Members of whom no port for clients is shown are left out.
fn parse(text: &str, own_host: &str) -> Vec<(i64, String, bool)> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("server.")?.split_once('='));
    let members = lines.filter_map(|(id, line)| {
        let member = Line::parse(line).ok()?;
        let (host, port) = member.client?;
        // All addresses of its machine: the one by which others know it.
        let host = match host.as_str() {
            "0.0.0.0" | "::" if member.host == "0.0.0.0" => own_host.to_owned(),
            "0.0.0.0" | "::" => member.host,
            _ => host,
        };
        let host = if host.contains(':') { format!("[{host}]") } else { host };
        Some((id.parse().ok()?, format!("{host}:{port}"), !member.is_observer))
    });
    members.take(MEMBERS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_in_what_a_server_shows() {
        let text = "server.1=a:2888:3888:participant;0.0.0.0:2181\n\
                    server.2=b:2888:3888:observer;10.0.0.2:2182\n\
                    server.3=c:2888:3888:participant\nversion=0";
        let expect = [(1, "a:2181".to_owned(), true), (2, "10.0.0.2:2182".to_owned(), false)];
        assert_eq!(parse(text, "x"), expect);
        assert!(parse("", "x").is_empty());
    }

    #[test]
    fn what_may_fail_is_counted() {
        let check = |modes: &[Option<&str>], expect: &str| {
            let members = modes.iter().enumerate().map(|(id, mode)| Member {
                id: id as i64 + 1,
                address: String::new(),
                votes: true,
                mode: mode.map(str::to_owned).ok_or_else(|| "gone".to_owned()),
            });
            let quorum = Quorum { asked: String::new(), facts: Vec::new(), members: members.collect() };
            assert_eq!(quorum.verdict(), expect);
        };
        let (leads, follows) = (Some("leader"), Some("follower"));
        check(&[follows, leads, follows], "led by 2; 3 of 3 voters, 1 may fail");
        check(&[leads, None, follows], "led by 1; 2 of 3 voters, none may fail");
        check(&[follows, None, None], "no leader; 1 of 3 voters serve");
    }
}
