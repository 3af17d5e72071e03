//! The originals' configuration files: `zoo.cfg` and `server.properties`, unchanged.
//!
//! Every key is honoured, reported as harmless, or refused because ignoring it would change what is
//! safe. A file is read to its end before it is refused, so that all of its problems are told at once.

mod broker_config;
mod dynamic_files;
mod jaas;
mod keeper_config;
mod keeper_keys;
mod keeper_security;
mod membership;
mod properties;
mod tls;

pub use broker_config::{BrokerConfig, ListenerConfig};
pub use dynamic_files::DynamicFiles;
pub(crate) use keeper_config::client_address;
pub use keeper_config::{AdminConfig, KeeperConfig, Purge, Words};
pub use keeper_keys::keeper_key_table;
pub use keeper_security::{MemberUsers, SecureClients, SecureMembers};
pub use membership::Membership;
pub use properties::Properties;

use std::fmt;
use std::path::PathBuf;

/// A key that the operator should know about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Note {
    /// The key has no effect here, and nothing is lost by that.
    Harmless {
        /// The key.
        key: String,
        /// Why it does nothing.
        why: &'static str,
    },
    /// The key is not one of the original's.
    Unknown {
        /// The key.
        key: String,
    },
    /// The value was changed to something close.
    Adjusted {
        /// The key.
        key: String,
        /// What is used instead, and why.
        why: String,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::Harmless { key, why } => write!(f, "{key} is ignored: {why}"),
            Note::Unknown { key } => write!(f, "{key} is not a known key and is ignored"),
            Note::Adjusted { key, why } => write!(f, "{key}: {why}"),
        }
    }
}

/// A key that stands in the way of starting.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// The key, or the file if it is about no key.
    pub key: String,
    /// What is wrong and how to fix it.
    pub why: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.why)
    }
}

/// Why a configuration cannot be honoured.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConfigError {
    /// The file.
    pub file: PathBuf,
    /// All that is wrong with it; never empty.
    pub refusals: Vec<Refusal>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cannot be honoured:", self.file.display())?;
        for refusal in &self.refusals {
            write!(f, "\n  {refusal}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

/// What a key without code of its own means to us.
#[derive(Clone, Copy)]
enum Meaning {
    /// Counts, with this to be said about it.
    Honoured(&'static str),
    /// Without effect here.
    Harmless(&'static str),
    /// Must not be ignored, unless it has one of these values.
    RefusedUnless(&'static [&'static str], &'static str),
}

/// The meaning of `key` in a table of names; a name that ends in `*` stands for all that begin so.
fn meaning_in(table: &[(&str, Meaning)], key: &str) -> Option<Meaning> {
    meaning_of(table.iter().copied(), key)
}

/// The same, of rows that may be part of longer ones.
fn meaning_of<'a>(mut table: impl Iterator<Item = (&'a str, Meaning)>, key: &str) -> Option<Meaning> {
    let matches = |name: &str| match name.strip_suffix('*') {
        Some(beginning) => key.starts_with(beginning),
        None => key == name,
    };
    table.find(|(names, _)| names.split_whitespace().any(matches)).map(|(_, meaning)| meaning)
}

#[cfg(test)]
mod tests;
