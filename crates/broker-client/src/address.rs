//! Where a broker listens: `host:port`, `[v6]:port`, or a host alone.

use std::fmt;
use std::str::FromStr;

/// The port that Kafka's examples use.
pub const DEFAULT_PORT: u16 = 9092;

/// A host name or address, and a port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// Name or address, without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl Address {
    /// A list separated by commas, as in `bootstrap.servers`.
    ///
    /// # Errors
    /// An empty list, or the first entry that is no address.
    pub fn parse_list(text: &str) -> Result<Vec<Address>, String> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let addresses: Vec<Address> = entries.map(str::parse).collect::<Result<_, _>>()?;
        if addresses.is_empty() { Err("no broker is named".to_owned()) } else { Ok(addresses) }
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("{text:?} is no address of a broker; it looks like localhost:9092");
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, rest) = rest.split_once(']').ok_or_else(wrong)?;
                (host, rest.strip_prefix(':'))
            }
            // More than one colon is an IPv6 address without brackets.
            None if text.matches(':').count() > 1 => (text, None),
            None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
        };
        let port = match port {
            None => DEFAULT_PORT,
            Some(port) => port.parse().map_err(|_| wrong())?,
        };
        if host.is_empty() || port == 0 {
            return Err(wrong());
        }
        Ok(Address { host: host.to_owned(), port })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn addresses_are_read_and_shown() {
        let check = |text: &str, expect: &str| {
            let shown = Address::parse_list(text)
                .map(|list| list.iter().map(Address::to_string).collect::<Vec<_>>().join(" "));
            assert_eq!(shown.unwrap_or_else(|_| "refused".to_owned()), expect, "{text}");
        };
        check("localhost:9092", "localhost:9092");
        check("a, b:1 ,", "a:9092 b:1");
        check("[::1]:9093", "[::1]:9093");
        check("::1", "[::1]:9092");
        check("", "refused");
        check("a:", "refused");
        check("a:0", "refused");
        check(":9092", "refused");
        check("a:port", "refused");
    }
}
