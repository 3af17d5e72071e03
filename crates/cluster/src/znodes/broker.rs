//! `/brokers/ids/N`: where a broker can be reached.
//!
//! Version 5 is written (2.7 and later); versions 1 to 5 are read. The JSON's `host` and `port` repeat
//! the first PLAINTEXT listener for the oldest clients.

use super::{Malformed, from_json, to_json};
use bytes::Bytes;
use serde::{Deserialize, Serialize, Serializer};
use std::collections::BTreeMap;
use std::fmt;

/// What a live broker tells the others.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Registration {
    /// In the order of `advertised.listeners`.
    pub endpoints: Vec<Endpoint>,
    /// `broker.rack`.
    pub rack: Option<String>,
    /// -1 where there is none, as always with us.
    pub jmx_port: i32,
    /// When the broker registered, in milliseconds since 1970.
    pub timestamp_ms: i64,
    /// Versions of features the broker supports; empty for every broker in ZooKeeper mode.
    pub features: BTreeMap<String, BTreeMap<String, i16>>,
}

/// One advertised listener.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Endpoint {
    /// The listener's name, upper case, such as `PLAINTEXT` or `INTERNAL`.
    pub listener: String,
    /// Name or address as clients shall use it, without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// How the listener speaks.
    pub security: SecurityProtocol,
}

/// Whether a listener encrypts and whether it authenticates by SASL.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum SecurityProtocol {
    /// Neither.
    Plaintext,
    /// TLS.
    Ssl,
    /// SASL over plain TCP.
    SaslPlaintext,
    /// SASL over TLS.
    SaslSsl,
}

const WHAT: &str = "broker registration";

impl Registration {
    /// The endpoint of the listener called `name`.
    pub fn endpoint(&self, name: &str) -> Option<&Endpoint> {
        self.endpoints.iter().find(|endpoint| endpoint.listener == name)
    }

    /// The znode's data, version 5.
    pub fn encode(&self) -> Bytes {
        let plain = self.endpoints.iter().find(|endpoint| endpoint.security == SecurityProtocol::Plaintext);
        to_json(&Written {
            features: &self.features,
            listener_security_protocol_map: Protocols(&self.endpoints),
            endpoints: self.endpoints.iter().map(Endpoint::to_string).collect(),
            rack: self.rack.as_deref(),
            jmx_port: self.jmx_port,
            port: plain.map_or(-1, |endpoint| endpoint.port.into()),
            host: plain.map(|endpoint| endpoint.host.as_str()),
            version: 5,
            timestamp: self.timestamp_ms.to_string(),
        })
    }

    /// Reads versions 1 to 5 and those that will come after.
    pub fn decode(data: &[u8]) -> Result<Registration, Malformed> {
        let read: Read = from_json(WHAT, data)?;
        let endpoints = match read.version {
            i32::MIN..=0 => return Err(Malformed::new(WHAT, "versions start at 1")),
            1 => vec![Endpoint {
                listener: "PLAINTEXT".into(),
                host: read.host.unwrap_or_default(),
                port: u16::try_from(read.port).map_err(|error| Malformed::new(WHAT, error))?,
                security: SecurityProtocol::Plaintext,
            }],
            _ => {
                let protocols = read.listener_security_protocol_map;
                let parse = |text: &String| Endpoint::parse(text, &protocols);
                read.endpoints.iter().map(parse).collect::<Result<_, _>>()?
            }
        };
        Ok(Registration {
            endpoints,
            rack: read.rack,
            jmx_port: read.jmx_port,
            timestamp_ms: read.timestamp.and_then(|text| text.parse().ok()).unwrap_or(-1),
            features: read.features.unwrap_or_default(),
        })
    }
}

impl Endpoint {
    /// Reads `NAME://host:port`. Without an entry in `protocols` the name is the protocol.
    fn parse(text: &str, protocols: &BTreeMap<String, String>) -> Result<Endpoint, Malformed> {
        let wrong = || Malformed::new(WHAT, format_args!("{text:?} is no endpoint"));
        let (listener, address) = text.split_once("://").ok_or_else(wrong)?;
        let (host, port) = address.rsplit_once(':').ok_or_else(wrong)?;
        let port = port.parse().map_err(|_| wrong())?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let protocol = protocols.get(listener).map_or(listener, String::as_str);
        let security = SecurityProtocol::parse(protocol).ok_or_else(wrong)?;
        Ok(Endpoint { listener: listener.to_string(), host: host.to_string(), port, security })
    }
}

impl fmt::Display for Endpoint {
    /// As in `advertised.listeners`: IPv6 addresses in brackets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Endpoint { listener, host, port, .. } = self;
        if host.contains(':') {
            write!(f, "{listener}://[{host}]:{port}")
        } else {
            write!(f, "{listener}://{host}:{port}")
        }
    }
}

impl SecurityProtocol {
    /// Kafka's name.
    pub const fn name(self) -> &'static str {
        match self {
            SecurityProtocol::Plaintext => "PLAINTEXT",
            SecurityProtocol::Ssl => "SSL",
            SecurityProtocol::SaslPlaintext => "SASL_PLAINTEXT",
            SecurityProtocol::SaslSsl => "SASL_SSL",
        }
    }

    /// Reads Kafka's name, in either case.
    pub fn parse(text: &str) -> Option<SecurityProtocol> {
        use SecurityProtocol::*;
        [Plaintext, Ssl, SaslPlaintext, SaslSsl].into_iter().find(|one| one.name().eq_ignore_ascii_case(text))
    }
}

/// Protocols by listener, in the order of the listeners.
struct Protocols<'a>(&'a [Endpoint]);

impl Serialize for Protocols<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|endpoint| (&endpoint.listener, endpoint.security.name())))
    }
}

#[derive(Serialize)]
struct Written<'a> {
    features: &'a BTreeMap<String, BTreeMap<String, i16>>,
    listener_security_protocol_map: Protocols<'a>,
    endpoints: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rack: Option<&'a str>,
    jmx_port: i32,
    port: i32,
    host: Option<&'a str>,
    version: i32,
    timestamp: String,
}

#[derive(Deserialize)]
struct Read {
    version: i32,
    host: Option<String>,
    #[serde(default)]
    port: i32,
    #[serde(default)]
    endpoints: Vec<String>,
    #[serde(default)]
    listener_security_protocol_map: BTreeMap<String, String>,
    rack: Option<String>,
    #[serde(default = "no_port")]
    jmx_port: i32,
    timestamp: Option<String>,
    features: Option<BTreeMap<String, BTreeMap<String, i16>>>,
}

fn no_port() -> i32 {
    -1
}
