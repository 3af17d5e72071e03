//! A connect string: `host:port,host:port/chroot`.

use std::fmt;
use std::str::FromStr;

/// Where a server listens.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Address {
    /// A name or an IP address, without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// The servers of one ensemble, and the znode that stands for the root there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Servers {
    /// Never empty.
    addresses: Vec<Address>,
    /// Empty, or an absolute path other than `/`.
    chroot: String,
}

/// Why a text is no connect string.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InvalidServers(String);

/// The port of a server that names none.
const DEFAULT_PORT: u16 = 2181;

impl Servers {
    /// One server, no chroot.
    pub fn one(host: impl Into<String>, port: u16) -> Servers {
        Servers { addresses: vec![Address { host: host.into(), port }], chroot: String::new() }
    }

    /// The servers, in the order given.
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// The chroot, empty for none.
    pub fn chroot(&self) -> &str {
        &self.chroot
    }
}

impl FromStr for Servers {
    type Err = InvalidServers;

    fn from_str(text: &str) -> Result<Self, InvalidServers> {
        let (hosts, chroot) = match text.find('/') {
            Some(at) => text.split_at(at),
            None => (text, ""),
        };
        let chroot = if chroot == "/" { "" } else { chroot };
        if !chroot.is_empty() && zookeeper_wire::path::validate(chroot).is_err() {
            return Err(InvalidServers(format!("{chroot:?} is no path for a chroot")));
        }
        let hosts = hosts.split(',').map(str::trim).filter(|host| !host.is_empty());
        let addresses = hosts.map(str::parse).collect::<Result<Vec<_>, _>>()?;
        if addresses.is_empty() {
            return Err(InvalidServers(format!("{text:?} names no server")));
        }
        Ok(Servers { addresses, chroot: chroot.to_string() })
    }
}

impl FromStr for Address {
    type Err = InvalidServers;

    fn from_str(text: &str) -> Result<Self, InvalidServers> {
        let wrong = || InvalidServers(format!("{text:?} is no address: write host:port"));
        let (host, port) = match text.strip_prefix('[') {
            // IPv6 in brackets.
            Some(rest) => {
                let (host, port) = rest.split_once(']').ok_or_else(wrong)?;
                if port.is_empty() {
                    (host, None)
                } else {
                    (host, Some(port.strip_prefix(':').ok_or_else(wrong)?))
                }
            }
            None => match text.split_once(':') {
                // More than one colon: IPv6 without brackets, and so without a port.
                Some((_, rest)) if rest.contains(':') => (text, None),
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            },
        };
        if host.is_empty() {
            return Err(wrong());
        }
        let port = match port {
            Some(port) => port.parse().map_err(|_| wrong())?,
            None => DEFAULT_PORT,
        };
        Ok(Address { host: host.to_string(), port })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Address { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

impl fmt::Display for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, address) in self.addresses.iter().enumerate() {
            write!(f, "{}{address}", if index == 0 { "" } else { "," })?;
        }
        f.write_str(&self.chroot)
    }
}

impl fmt::Display for InvalidServers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidServers {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connect_strings_are_read() {
        let check = |text: &str, expect: &str| {
            assert_eq!(text.parse::<Servers>().unwrap().to_string(), expect, "{text}");
        };
        check("localhost:2181", "localhost:2181");
        check("localhost", "localhost:2181");
        check("a:1, b:2,c", "a:1,b:2,c:2181");
        check("a:1/kafka", "a:1/kafka");
        check("a:1/", "a:1");
        check("a:1,b:2/x/y", "a:1,b:2/x/y");
        check("[::1]:5", "[::1]:5");
        check("[::1]", "[::1]:2181");
        check("::1", "[::1]:2181");
    }

    #[test]
    fn nonsense_is_refused_with_a_reason() {
        for text in ["", ",", "/kafka", ":1", "a:x", "a:99999", "a:1/x/", "a:1//x", "[::1", "[::1]5x"] {
            assert!(text.parse::<Servers>().is_err(), "{text}");
        }
    }
}
