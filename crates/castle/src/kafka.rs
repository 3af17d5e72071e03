//! How the tools reach a broker: the options that they share, and what bytes look like on a terminal.

use crate::failure::Failure;
use broker_client::Address;
use broker_client::blocking::{Client, ClientOptions};
use bytes::Bytes;
use std::time::Duration;

/// The options of every command that talks to a broker: `#[command(flatten)] server: Server`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Server {
    /// Brokers to ask first, separated by commas
    #[arg(long = "server", short = 's', value_name = "HOST:PORT", env = "CASTLE_BROKER")]
    #[arg(default_value = "localhost:9092", global = true)]
    addresses: String,
    /// Seconds that a connection or an answer may take
    #[arg(long = "timeout", value_name = "SECONDS", default_value_t = 30, global = true)]
    timeout: u64,
}

impl Server {
    /// Connects to the first broker that answers.
    pub(crate) fn connect(&self) -> Result<Client, Failure> {
        let mut options = ClientOptions::new(Address::parse_list(&self.addresses).map_err(Failure::failed)?);
        options.patience = Duration::from_secs(self.timeout.max(1));
        Ok(Client::connect(options)?)
    }
}

/// `name=value`, as `--config` and `--header` take it.
pub(crate) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err(format!("{text:?} is not of the form name=value")),
    }
}

/// Bytes as a JSON string if they are UTF-8, else as `{"hex": "…"}`; null stays null.
pub(crate) fn json_bytes(bytes: Option<&Bytes>) -> serde_json::Value {
    match bytes {
        None => serde_json::Value::Null,
        Some(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => text.into(),
            Err(_) => {
                let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                serde_json::json!({ "hex": hex })
            }
        },
    }
}

/// Numbers separated by commas, as replicas and in-sync sets are shown.
pub(crate) fn numbers(values: &[i32]) -> String {
    values.iter().map(i32::to_string).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::{json_bytes, pair};
    use bytes::Bytes;

    #[test]
    fn pairs_are_split_at_the_first_equals_sign() {
        let check = |text: &str, expect: Option<(&str, &str)>| {
            let expect = expect.map(|(name, value)| (name.to_owned(), value.to_owned()));
            assert_eq!(pair(text).ok(), expect, "{text}");
        };
        check("a=b", Some(("a", "b")));
        check("a=b=c", Some(("a", "b=c")));
        check("a=", Some(("a", "")));
        check("=b", None);
        check("a", None);
    }

    #[test]
    fn bytes_that_are_no_text_are_shown_in_hex() {
        assert_eq!(json_bytes(None), serde_json::Value::Null);
        assert_eq!(json_bytes(Some(&Bytes::from_static(b"text"))), "text");
        assert_eq!(json_bytes(Some(&Bytes::from_static(&[0xff, 0]))), serde_json::json!({"hex": "ff00"}));
    }
}
