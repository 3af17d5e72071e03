//! Where one member of an ensemble is reached, and what part it has: the value of a `server.N` line.

use std::net::IpAddr;

/// One member.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemberAddress {
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
    /// Where its clients connect by TLS, if its line says so.
    pub secure_client: Option<(String, u16)>,
}

impl MemberAddress {
    /// From the value of a `server.N` line. Of several addresses, joined by `|`, the first is used.
    pub fn parse(line: &str) -> Result<MemberAddress, String> {
        let mut parts = line.split(';');
        let (first, is_observer) = split_role(parts.next().unwrap_or_default())?;
        let first = first.split('|').next().unwrap_or(first).trim();
        let (host, ports) = split_host(first).ok_or_else(|| usage(line))?;
        let (quorum, election) = ports.split_once(':').ok_or_else(|| usage(line))?;
        // The oldest form of the election's address may name a host of its own.
        let (election_host, election) = match election.rsplit_once(':') {
            Some((host, port)) => (host.to_owned(), port),
            None => (host.to_owned(), election),
        };
        let client = parts.next().map(client).transpose()?.flatten();
        let secure_client = parts.next().map(self::client).transpose()?.flatten();
        Ok(MemberAddress {
            host: host.to_owned(),
            quorum_port: port(quorum)?,
            election_host,
            election_port: port(election)?,
            is_observer,
            client,
            secure_client,
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
    pub fn text(&self) -> String {
        let role = if self.is_observer { "observer" } else { "participant" };
        let shown =
            |at: &Option<(String, u16)>| at.as_ref().map(|(host, port)| format!(";{}", joined(host, *port)));
        let client = shown(&self.client);
        let secure = shown(&self.secure_client).map(|secure| match client {
            Some(_) => secure,
            None => format!(";{secure}"),
        });
        let (client, secure) = (client.unwrap_or_default(), secure.unwrap_or_default());
        format!("{}:{}:{role}{client}{secure}", self.quorum_address(), self.election_port)
    }

    /// Whether two servers would listen at one address.
    pub(super) fn clashes(&self, other: &MemberAddress) -> bool {
        let all = |it: &MemberAddress| {
            let mut all =
                vec![(it.host.clone(), it.quorum_port), (it.election_host.clone(), it.election_port)];
            all.extend(it.client.iter().chain(&it.secure_client).cloned());
            // Neither all of a machine's addresses nor its own for itself say which machine.
            all.retain(|(host, _)| {
                let special = |ip: IpAddr| ip.is_unspecified() || ip.is_loopback();
                !host.parse().map_or(host == "localhost", special)
            });
            all
        };
        let theirs = all(other);
        all(self).iter().any(|address| theirs.contains(address))
    }
}

/// `[host:]port` of clients; nothing if there is nothing.
fn client(text: &str) -> Result<Option<(String, u16)>, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    Ok(Some(match text.rsplit_once(':') {
        Some((host, client)) => (bare(host).to_owned(), port(client)?),
        None => ("0.0.0.0".to_owned(), port(text)?),
    }))
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
