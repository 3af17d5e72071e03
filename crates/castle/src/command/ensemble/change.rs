//! `castle ensemble add|remove`: a reconfiguration of one member, asked for as any client would, and only when
//! the others could bear it.

use super::{Member, ask, missing};
use crate::failure::Failure;
use crate::output::{self, Format};
use clock::Span;
use keeper_client::blocking::{Client, Error};
use keeper_client::{Options, Servers};
use serde_json::json;
use std::thread;
use std::time::{Duration, Instant};
use zookeeper_wire::{ErrorCode, ReconfigRequest, Request, Response};

/// How long something may be missing before a change is refused for it: the first transaction of an epoch, such as our
/// own session's, reaches the members a moment after the leader.
const MOMENT: Duration = Duration::from_secs(2);

/// Where the membership is.
const CONFIG: &str = "/zookeeper/config";

/// How to ask, and whether to look first.
#[derive(clap::Args)]
pub(super) struct How {
    /// Credentials to present, as in digest:super:password; may be repeated
    #[arg(long = "auth", value_name = "SCHEME:SECRET")]
    auth: Vec<String>,
    /// Ask for it although not all of the others are up to date
    #[arg(long)]
    force: bool,
}

/// What is to change.
pub(super) enum Change {
    /// This server joins: `server.N=line`.
    Add(String),
    /// The server of this number leaves.
    Remove(u8),
}

pub(super) fn run(
    change: &Change,
    how: &How,
    servers: &str,
    patience: Duration,
    format: Format,
) -> Result<(), Failure> {
    let mut client = connect(how, servers, patience)?;
    let before = membership(&mut client)?;
    if !how.force {
        let rest = match change {
            Change::Add(_) => client_addresses(&before, None),
            Change::Remove(id) => client_addresses(&before, Some(*id)),
        };
        if let Some(why) = lasting(&rest, patience) {
            return Err(Failure::failed(format!(
                "{why}: the ensemble stays as it is; wait with `castle ensemble wait-synced`, or add --force"
            )));
        }
    }
    let (joining, leaving) = match change {
        Change::Add(line) => (Some(line.clone()), None),
        Change::Remove(id) if !before.contains(&format!("server.{id}=")) => {
            return Err(Failure::failed(format!("there is no server.{id}; the members are\n{before}")));
        }
        Change::Remove(id) => (None, Some(id.to_string())),
    };
    // Whoever changed it in between is not overruled.
    let config_id = version(&before);
    let request = ReconfigRequest { joining, leaving, members: None, config_id };
    let after = match client.ask(Request::Reconfig(request)) {
        Ok(Response::Data(data, _)) => String::from_utf8_lossy(&data.unwrap_or_default()).into_owned(),
        Ok(_) => return Err(Failure::failed("the server answered something else")),
        Err(Error::Answered(error)) => return Err(Failure::failed(explained(error))),
        Err(error) => return Err(Failure::failed(error.to_string())),
    };
    client.close();
    match format {
        Format::Json => output::json(&json!({ "members": after.lines().collect::<Vec<_>>() })),
        Format::Table => output::line(after),
    }
    Ok(())
}

/// What these members still lack after a moment.
fn lasting(addresses: &[String], patience: Duration) -> Option<String> {
    let began = Instant::now();
    loop {
        let members: Vec<Member> =
            if addresses.is_empty() { Vec::new() } else { ask(&addresses.join(","), patience) };
        let why = shaky(&members)?;
        if began.elapsed() >= MOMENT {
            return Some(why);
        }
        thread::sleep(Duration::from_millis(100));
    }
}

fn connect(how: &How, servers: &str, patience: Duration) -> Result<Client, Failure> {
    let servers: Servers = servers.parse().map_err(|error| Failure::failed(format!("--servers: {error}")))?;
    let mut options = Options::new(servers);
    options.timeout = Span::seconds(10);
    options.create_chroot = false;
    for given in &how.auth {
        let (scheme, secret) = given.split_once(':').ok_or_else(|| {
            Failure::failed("--auth is of the form scheme:secret, as in digest:super:password")
        })?;
        options.credentials.push((scheme.to_owned(), secret.as_bytes().to_vec().into()));
    }
    Ok(Client::with(options, patience)?)
}

fn membership(client: &mut Client) -> Result<String, Failure> {
    let (data, _) = client.data(CONFIG, false)?;
    Ok(String::from_utf8_lossy(&data).into_owned())
}

/// Where the clients of all members but `leaving` connect, as far as the membership says so.
fn client_addresses(membership: &str, leaving: Option<u8>) -> Vec<String> {
    let leaving = leaving.map(|id| format!("server.{id}"));
    let members = membership.lines().filter_map(|line| line.split_once('='));
    members
        .filter(|(key, _)| key.starts_with("server.") && Some(*key) != leaving.as_deref())
        .filter_map(|(_, line)| {
            let client = line.split(';').nth(1).filter(|client| !client.is_empty())?;
            // One that listens on all of a machine's addresses is found at the machine's own.
            let port = client.strip_prefix("0.0.0.0:");
            let host = line.split(':').next().unwrap_or(line);
            Some(port.map_or_else(|| client.to_owned(), |port| format!("{host}:{port}")))
        })
        .collect()
}

/// The number of the membership, which is how a change says what it follows.
fn version(membership: &str) -> i64 {
    let version = membership.lines().find_map(|line| line.strip_prefix("version="));
    version.and_then(|version| i64::from_str_radix(version, 16).ok()).unwrap_or(-1)
}

/// Why one of them less could be too many; a leader that leaves may be missing among them.
fn shaky(members: &[Member]) -> Option<String> {
    if let Some(why) = members.iter().find_map(|member| member.said.as_ref().err()) {
        return Some(why.clone());
    }
    if members.iter().any(Member::leads) { missing(members) } else { None }
}

fn explained(error: ErrorCode) -> String {
    match error {
        ErrorCode::RECONFIG_DISABLED => {
            "reconfiguration is off; set reconfigEnabled=true on all members and restart them".to_owned()
        }
        ErrorCode::NO_AUTH => {
            "only an administrator may change the membership; use --auth digest:super:PASSWORD".to_owned()
        }
        ErrorCode::NEW_CONFIG_NO_QUORUM => {
            "no quorum of the new membership is connected and up to date; start the new server first"
                .to_owned()
        }
        ErrorCode::BAD_VERSION => {
            "somebody else has changed the membership just now; look and try again".to_owned()
        }
        ErrorCode::RECONFIG_IN_PROGRESS => {
            "another change is under way; try again when it is done".to_owned()
        }
        ErrorCode::UNIMPLEMENTED => {
            "this keeper stands alone; standaloneEnabled=false makes it an ensemble".to_owned()
        }
        ErrorCode::BAD_ARGUMENTS => {
            "the membership would not be valid: a server is server.N=host:2888:3888:participant;2181, and at \
             least two must vote"
                .to_owned()
        }
        other => format!("the ensemble refuses: {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "server.1=a:1:2:participant;0.0.0.0:5\nserver.2=b:1:2:participant;b2:6\n\
                        server.3=c:1:2:observer\nversion=1f";

    #[test]
    fn members_are_asked_where_their_lines_say() {
        assert_eq!(client_addresses(TEXT, None), ["a:5", "b2:6"]);
        assert_eq!(client_addresses(TEXT, Some(1)), ["b2:6"]);
        assert_eq!(version(TEXT), 0x1f);
        assert_eq!(version("version=x"), -1);
    }
}
