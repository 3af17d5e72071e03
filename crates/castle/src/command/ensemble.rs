//! `castle ensemble`: the members of a ZooKeeper ensemble, Castle's or the original's, each asked with `srvr`
//! as any monitor would.

mod change;

use self::change::{Change, How};
use super::status::{KeeperFacts, ask_keeper};
use crate::failure::Failure;
use crate::output::{self, Format, Output};
use serde_json::json;
use std::thread;
use std::time::{Duration, Instant};

const EXAMPLES: &str = "\
Examples:
  castle ensemble status --servers zk1:2181,zk2:2181,zk3:2181
  castle ensemble status --servers zk1:2181,zk2:2181,zk3:2181 -o json
  castle ensemble wait-synced --servers zk1:2181,zk2:2181,zk3:2181 && systemctl restart zookeeper
  castle ensemble add 'server.4=zk4:2888:3888:participant;2181' --auth digest:super:secret
  castle ensemble remove 3 --auth digest:super:secret";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
    /// The client ports of all members, separated by commas
    #[arg(
        long,
        value_name = "HOST:PORT,...",
        env = "CASTLE_KEEPER",
        default_value = "localhost:2181",
        global = true
    )]
    servers: String,
    /// Seconds that an answer may take
    #[arg(long, value_name = "SECONDS", default_value_t = 5, global = true)]
    timeout: u64,
    #[command(flatten)]
    output: Output,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Show each member's part and how far it is
    Status,
    /// Wait until every member serves and one of them leads: only then may the next one be stopped
    WaitSynced {
        /// Seconds to wait at most
        #[arg(long, value_name = "SECONDS", default_value_t = 300)]
        within: u64,
    },
    /// Make a server that runs and knows the others a member (needs reconfigEnabled=true)
    Add {
        /// Its line, as in server.4=zk4:2888:3888:participant;2181
        #[arg(value_name = "SERVER.N=LINE")]
        line: String,
        #[command(flatten)]
        how: How,
    },
    /// Take a member out, unless the others are not up to date (needs reconfigEnabled=true)
    Remove {
        /// Its number, the N of server.N
        #[arg(value_name = "N")]
        id: u8,
        #[command(flatten)]
        how: How,
    },
}

/// What one member said.
struct Member {
    address: String,
    said: Result<KeeperFacts, String>,
}

impl Member {
    fn fact(&self, name: &str) -> Option<&str> {
        let facts = self.said.as_ref().ok()?;
        facts.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
    }

    fn mode(&self) -> &str {
        self.fact("Mode").unwrap_or("-")
    }

    /// Whether it calls itself the one that decides.
    fn leads(&self) -> bool {
        matches!(self.mode(), "leader" | "standalone")
    }

    /// Its last transaction: the epoch in the upper half, the number in the lower one.
    fn zxid(&self) -> Option<i64> {
        i64::from_str_radix(self.fact("Zxid")?.trim_start_matches("0x"), 16).ok()
    }

    /// Whether its last transaction can be that of a member which has all that `leader` has. The original's
    /// leader counts its new epoch before anything was written in it; its followers do not.
    fn is_with(&self, leader: &Member) -> bool {
        let (Some(own), Some(led)) = (self.zxid(), leader.zxid()) else { return false };
        own >> 32 == led >> 32 || (led & 0xffff_ffff == 0 && own < led)
    }
}

pub(crate) fn run(args: Args) -> Result<(), Failure> {
    let patience = Duration::from_secs(args.timeout.max(1));
    match args.action {
        Action::Status => {
            let members = ask(&args.servers, patience);
            print(&members, args.output.format);
            missing(&members).map_or(Ok(()), |why| Err(Failure::failed(why)))
        }
        Action::Add { line, how } => {
            change::run(&Change::Add(line), &how, &args.servers, patience, args.output.format)
        }
        Action::Remove { id, how } => {
            change::run(&Change::Remove(id), &how, &args.servers, patience, args.output.format)
        }
        Action::WaitSynced { within } => {
            let began = Instant::now();
            loop {
                let members = ask(&args.servers, patience);
                let Some(why) = missing(&members) else {
                    print(&members, args.output.format);
                    return Ok(());
                };
                if began.elapsed() >= Duration::from_secs(within) {
                    return Err(Failure::failed(format!("not synced after {within} s: {why}")));
                }
                thread::sleep(Duration::from_millis(200));
            }
        }
    }
}

fn ask(servers: &str, patience: Duration) -> Vec<Member> {
    let addresses = servers.split(',').map(str::trim).filter(|address| !address.is_empty());
    addresses
        .map(|address| Member { address: address.to_owned(), said: ask_keeper(address, patience) })
        .collect()
}

/// What is missing for all members to be one ensemble that is up to date. A member serves clients only when
/// it has the leader's history, so that is what is asked.
fn missing(members: &[Member]) -> Option<String> {
    if let Some(why) = members.iter().find_map(|member| member.said.as_ref().err()) {
        return Some(why.clone());
    }
    let leaders: Vec<&Member> = members.iter().filter(|member| member.leads()).collect();
    let [leader] = leaders[..] else { return Some(format!("{} of them lead", leaders.len())) };
    let other = members.iter().find(|member| !member.is_with(leader))?;
    Some(format!("{} is of another epoch than the leader, {}", other.address, leader.address))
}

fn print(members: &[Member], format: Format) {
    match format {
        Format::Json => output::json(&json!({
            "members": members
                .iter()
                .map(|member| match &member.said {
                    Ok(_) => json!({
                        "address": member.address,
                        "mode": member.mode(),
                        "zxid": member.fact("Zxid"),
                        "version": member.fact("Zookeeper version"),
                    }),
                    Err(why) => json!({ "address": member.address, "error": why }),
                })
                .collect::<Vec<_>>(),
            "missing": missing(members),
        })),
        Format::Table => output::table(
            ["member", "mode", "zxid", "version"],
            members.iter().map(|member| {
                let version = member.fact("Zookeeper version").unwrap_or("-");
                let version = version.split([',', ' ']).next().unwrap_or(version);
                [
                    member.address.clone(),
                    member.mode().to_owned(),
                    member.fact("Zxid").unwrap_or("-").to_owned(),
                    version.to_owned(),
                ]
            }),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(mode: &str, zxid: &str) -> Member {
        let facts = [("Zxid", zxid), ("Mode", mode)];
        let facts = facts.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Member { address: format!("{mode}:1"), said: Ok(facts.into()) }
    }

    #[test]
    fn an_ensemble_is_whole_with_one_leader_and_one_epoch() {
        let check = |members: &[Member], expect: Option<&str>| {
            assert_eq!(missing(members).as_deref(), expect);
        };
        check(&[member("leader", "0x200000001"), member("follower", "0x200000000")], None);
        check(&[member("standalone", "0x2")], None);
        check(&[member("follower", "0x2"), member("follower", "0x2")], Some("0 of them lead"));
        check(&[member("leader", "0x2"), member("leader", "0x2")], Some("2 of them lead"));
        check(
            &[member("leader", "0x200000001"), member("follower", "0x100000001")],
            Some("follower:1 is of another epoch than the leader, leader:1"),
        );
        // Nothing was written since the original elected its leader.
        check(&[member("follower", "0x100000003"), member("leader", "0x200000000")], None);
        check(
            &[member("follower", "0x300000000"), member("leader", "0x200000000")],
            Some("follower:1 is of another epoch than the leader, leader:1"),
        );
        check(
            &[member("follower", "?"), member("leader", "0x2")],
            Some("follower:1 is of another epoch than the leader, leader:1"),
        );
        let silent = Member { address: "c:1".to_owned(), said: Err("c:1 does not answer".to_owned()) };
        check(&[member("leader", "0x2"), silent], Some("c:1 does not answer"));
    }
}
