//! The first message on a connection to an election port: who dials, and where it can be dialled.
//!
//! ```text
//! version i64 = -65536 (one address) or -65535 (several, joined by `|`)
//! server i64 | length i32 (1..=2048) | addresses "host:port", IPv6 in brackets
//! ```
//! A first number of 0 or more is the server itself, without an address: that is how 3.4 did it.

use bytes::Bytes;
use zookeeper_wire::WireError;
use zookeeper_wire::jute::{Reader, Writer};

use crate::packet::Measure;
use crate::{ServerId, limits::GREETING_ADDRESS_BYTES_MAX};

const ONE_ADDRESS: i64 = -65536;
const SEVERAL_ADDRESSES: i64 = -65535;

/// Who dials an election port.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Greeting {
    /// Which server. [`Greeting::NAMELESS`] for an observer without a name.
    pub server: ServerId,
    /// The election addresses it says it has, as `host:port` each; empty if it does not say.
    pub addresses: Vec<String>,
}

impl Greeting {
    /// What an observer without a name calls itself.
    pub const NAMELESS: ServerId = ServerId(i64::MAX);

    /// How long the greeting is that begins with `arrived`. An error means that none begins so: the
    /// connection must be closed.
    pub fn measure(arrived: &[u8]) -> Result<Measure, WireError> {
        const HEAD: usize = 8 + 8 + 4;
        let Some(first) = arrived.first_chunk::<8>() else { return Ok(Measure::AtLeast(8)) };
        match i64::from_be_bytes(*first) {
            0.. => return Ok(Measure::Whole(8)),
            ONE_ADDRESS | SEVERAL_ADDRESSES => {}
            // The number that is shown is cut, as only the lower half of any version was ever used.
            other => return Err(WireError::UnknownOp(other as i32)),
        }
        let Some(length) = arrived.get(16..HEAD).and_then(|bytes| bytes.first_chunk::<4>()) else {
            return Ok(Measure::AtLeast(HEAD));
        };
        let length = i32::from_be_bytes(*length);
        match usize::try_from(length) {
            Ok(bytes @ 1..=GREETING_ADDRESS_BYTES_MAX) if HEAD + bytes <= arrived.len() => {
                Ok(Measure::Whole(HEAD + bytes))
            }
            Ok(bytes @ 1..=GREETING_ADDRESS_BYTES_MAX) => Ok(Measure::AtLeast(HEAD + bytes)),
            _ => Err(WireError::BadLength(length)),
        }
    }

    /// From the bytes of exactly one greeting.
    pub fn decode(bytes: Bytes) -> Result<Greeting, WireError> {
        match Self::measure(&bytes)? {
            Measure::Whole(length) if length == bytes.len() => {}
            _ => return Err(WireError::Truncated),
        }
        let mut reader = Reader::new(bytes);
        let first = reader.i64()?;
        if first >= 0 {
            return Ok(Greeting { server: ServerId(first), addresses: Vec::new() });
        }
        let server = ServerId(reader.i64()?);
        let text = reader.text()?.ok_or(WireError::Null)?;
        let addresses = match first {
            SEVERAL_ADDRESSES => text.split('|').map(str::to_owned).collect(),
            _ => vec![text],
        };
        Ok(Greeting { server, addresses })
    }

    /// To bytes, which must leave in one piece: the original reads the address with a single read. Only
    /// the first address is told, in the form that every version understands (ZOOKEEPER-3720).
    ///
    /// # Panics
    /// If there is no address or it is longer than
    /// [`GREETING_ADDRESS_BYTES_MAX`](crate::limits::GREETING_ADDRESS_BYTES_MAX).
    pub fn encode(&self) -> Bytes {
        let address = self.addresses.first().expect("a server that dials has an address");
        assert!((1..=GREETING_ADDRESS_BYTES_MAX).contains(&address.len()), "an address of usual length");
        let mut writer = Writer::with_capacity(20 + address.len());
        writer.i64(ONE_ADDRESS);
        writer.i64(self.server.0);
        writer.text(address);
        writer.finish()
    }
}
