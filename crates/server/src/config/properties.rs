//! A Java properties file as an ordered map whose values are taken out one by one.

use super::Refusal;
use java_properties::PropertiesIter;
use std::collections::BTreeMap;
use std::str::FromStr;

/// Keys and values. The last of equal keys counts, as in Java.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Properties {
    values: BTreeMap<String, String>,
    pub(super) refusals: Vec<Refusal>,
}

impl Properties {
    /// Parses the text of a file.
    pub fn parse(text: &[u8]) -> Result<Properties, Refusal> {
        let mut values = BTreeMap::new();
        PropertiesIter::new(text)
            .read_into(|key, value| {
                values.insert(key.trim().to_owned(), value.trim().to_owned());
            })
            .map_err(|error| Refusal { key: "syntax".to_owned(), why: error.to_string() })?;
        Ok(Properties { values, refusals: Vec::new() })
    }

    /// All that was not taken yet.
    pub fn rest(&self) -> &BTreeMap<String, String> {
        &self.values
    }

    /// Sets a value, as a command line does.
    pub fn set(&mut self, key: &str, value: &str) {
        self.values.insert(key.to_owned(), value.to_owned());
    }

    /// Sets what flags of Java (`-Dzookeeper.key=value ...`) say and the file does not. Flags that are
    /// about Java itself are passed over.
    pub fn set_from_flags(&mut self, flags: &str) {
        for flag in flags.split_whitespace() {
            let Some((name, value)) = flag.strip_prefix("-D").and_then(|flag| flag.split_once('=')) else {
                continue;
            };
            let key = name.strip_prefix("zookeeper.").or(is_bare(name).then_some(name));
            if let Some(key) = key.filter(|key| self.peek(key).is_none() && self.peek(name).is_none()) {
                self.set(key, value);
            }
        }
    }

    /// Takes a text.
    pub(super) fn take(&mut self, key: &str) -> Option<String> {
        self.values.remove(key)
    }

    /// Looks without taking.
    pub(super) fn peek(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }

    /// Takes a text that is not empty.
    pub(super) fn take_text(&mut self, key: &str) -> Option<String> {
        self.take(key).filter(|value| !value.is_empty())
    }

    /// Takes a number (or whatever `T` reads); refuses what is none.
    pub(super) fn take_parsed<T: FromStr>(&mut self, key: &str, what: &str) -> Option<T> {
        let value = self.take_text(key)?;
        match value.parse() {
            Ok(parsed) => Some(parsed),
            Err(_) => {
                self.refuse(key, format!("{value:?} is not {what}"));
                None
            }
        }
    }

    /// Takes a whole number within bounds (both inclusive).
    pub(super) fn take_number(&mut self, key: &str, bounds: (i64, i64)) -> Option<i64> {
        let (least, most) = bounds;
        let Number(number) = self.take_parsed(key, "a whole number")?;
        if (least..=most).contains(&number) {
            return Some(number);
        }
        self.refuse(key, format!("{number} is out of bounds: from {least} to {most}"));
        None
    }

    /// Takes yes or no, in the spellings that both originals use.
    pub(super) fn take_switch(&mut self, key: &str) -> Option<bool> {
        let value = self.take_text(key)?;
        match value.to_ascii_lowercase().as_str() {
            "true" | "yes" => Some(true),
            "false" | "no" => Some(false),
            _ => {
                self.refuse(key, format!("{value:?} is neither true nor false"));
                None
            }
        }
    }

    /// Adds a refusal.
    pub(super) fn refuse(&mut self, key: &str, why: impl Into<String>) {
        self.refusals.push(Refusal { key: key.to_owned(), why: why.into() });
    }
}

/// System properties that the original reads without its prefix.
fn is_bare(name: &str) -> bool {
    matches!(name, "jute.maxbuffer" | "readonlymode.enabled" | "java.security.auth.login.config")
        || name.starts_with("znode.container.")
}

/// A whole number as Java decodes one: decimal, or hexadecimal behind `0x`.
struct Number(i64);

impl FromStr for Number {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix("0x").or(text.strip_prefix("0X")) {
            Some(digits) => i64::from_str_radix(digits, 16).map(Number),
            None => text.parse().map(Number),
        }
    }
}
