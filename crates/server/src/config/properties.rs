//! A Java properties file as an ordered map whose values are taken out one by one.

use super::{Note, Refusal};
use java_properties::PropertiesIter;
use std::collections::BTreeMap;
use std::io::Read;
use std::str::FromStr;

/// Keys and values. The last of equal keys counts, as in Java.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Properties {
    values: BTreeMap<String, String>,
    pub(super) refusals: Vec<Refusal>,
    pub(super) notes: Vec<Note>,
}

impl Properties {
    /// Parses the text of a file.
    pub fn parse(text: &[u8]) -> Result<Properties, Refusal> {
        if matches!(text, [0xfe, 0xff, ..] | [0xff, 0xfe, ..]) {
            let why = "the file is UTF-16; save it as UTF-8 or plain ASCII".to_owned();
            return Err(Refusal { key: "syntax".to_owned(), why });
        }
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        // Whatever else looks like the beginning of a byte order mark must not come first: the decoder panics over
        // one that is cut off. The files are of single bytes, as Java reads them.
        let before: &[u8] = if text.first().is_some_and(|byte| *byte >= 0xef) { b"\n" } else { b"" };
        let mut values = BTreeMap::new();
        PropertiesIter::new(before.chain(text))
            .read_into(|key, value| {
                values.insert(key.trim().to_owned(), value.trim().to_owned());
            })
            .map_err(|error| Refusal { key: "syntax".to_owned(), why: error.to_string() })?;
        Ok(Properties { values, refusals: Vec::new(), notes: Vec::new() })
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

    /// Takes a whole number of which all below zero stand for "none" or "no limit", up to `most` (inclusive).
    pub(super) fn take_count(&mut self, key: &str, most: i64) -> Option<i64> {
        self.take_number(key, (i64::from(i32::MIN), most)).map(|number| number.max(0))
    }

    /// Whether the value is `word`, which is the only one that changes anything: for switches that the
    /// original compares with one word, and whose other spellings it takes for the safe default.
    pub(super) fn take_word(&mut self, key: &str, word: &str) -> bool {
        let Some(value) = self.take_text(key) else { return false };
        let opposite = if word == "yes" { ["no", "false"] } else { ["yes", "true"] };
        if value != word && !opposite.contains(&value.as_str()) {
            let why = format!("{value:?} changes nothing, as in the original: only {word:?} does");
            self.notes.push(Note::Adjusted { key: key.to_owned(), why });
        }
        value == word
    }

    /// Takes `true` or `false`. `no` is `false`, as it is for both originals wherever they do not refuse it; `yes`,
    /// which one of them reads as `false`, is refused.
    pub(super) fn take_switch(&mut self, key: &str) -> Option<bool> {
        let value = self.take_text(key)?;
        match value.to_ascii_lowercase().as_str() {
            "true" => Some(true),
            "false" | "no" => Some(false),
            _ => {
                self.refuse(key, format!("{value:?} is neither true nor false; write which one is meant"));
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
