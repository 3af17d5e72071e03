//! Values of settings: from text to the types of the table, and what is wrong when they are not.

use std::fmt;

use super::keys::{Allowed, ConfigKey, ConfigKind};

/// A setting that cannot be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConfigError {
    name: String,
    value: String,
    what: String,
}

impl ConfigError {
    pub(crate) fn new(name: &str, value: &str, what: impl Into<String>) -> Self {
        ConfigError { name: name.to_owned(), value: value.to_owned(), what: what.into() }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Invalid value {} for configuration {}: {}", self.value, self.name, self.what)
    }
}

impl std::error::Error for ConfigError {}

/// The entries of a list value.
pub(crate) fn list(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim).filter(|word| !word.is_empty())
}

impl ConfigKey {
    /// Whether the key may have this value.
    pub fn check(&self, value: &str) -> Result<(), ConfigError> {
        let trimmed = value.trim();
        let ok = match self.kind {
            ConfigKind::Boolean if matches!(self.allowed, Allowed::OneOf(_)) => self.is_listed(trimmed),
            ConfigKind::Boolean => {
                trimmed.eq_ignore_ascii_case("true") || trimmed.eq_ignore_ascii_case("false")
            }
            ConfigKind::Int | ConfigKind::Long => return self.long(value).map(drop),
            ConfigKind::Double => return self.double(value).map(drop),
            ConfigKind::String => self.is_listed(trimmed),
            ConfigKind::List => match self.allowed {
                Allowed::Replicas => list(value).all(is_replica) || trimmed == "*",
                _ => list(value).all(|word| self.is_listed(word)),
            },
        };
        if ok { Ok(()) } else { Err(self.impossible(value)) }
    }

    fn is_listed(&self, word: &str) -> bool {
        match self.allowed {
            Allowed::OneOf(words) => words.contains(&word),
            _ => true,
        }
    }

    pub(crate) fn impossible(&self, value: &str) -> ConfigError {
        let what = match (self.kind, self.allowed) {
            (_, Allowed::OneOf(words)) => format!("it must be one of {}", words.join(", ")),
            (_, Allowed::Between(low, i64::MAX)) => format!("it must be at least {low}"),
            (ConfigKind::Int, Allowed::Between(low, high)) if high == i64::from(i32::MAX) => {
                format!("it must be at least {low}")
            }
            (_, Allowed::Between(low, high)) => format!("it must be between {low} and {high}"),
            (_, Allowed::BetweenOr(low, high, other)) => {
                format!("it must be between {low} and {high} or equal to {other}")
            }
            (_, Allowed::Replicas) => "it must be \"*\" or a list of partition:broker".to_owned(),
            (ConfigKind::Boolean, _) => "it must be true or false".to_owned(),
            _ => "it is not of the right type".to_owned(),
        };
        ConfigError::new(self.name, value, what)
    }

    pub(crate) fn long(&self, value: &str) -> Result<i64, ConfigError> {
        let parsed: i64 = value.trim().parse().map_err(|_| self.impossible(value))?;
        match self.allowed {
            Allowed::Between(low, high) if !(low..=high).contains(&parsed) => Err(self.impossible(value)),
            Allowed::BetweenOr(low, high, other) if !(low..=high).contains(&parsed) && parsed != other => {
                Err(self.impossible(value))
            }
            _ => Ok(parsed),
        }
    }

    pub(crate) fn double(&self, value: &str) -> Result<f64, ConfigError> {
        let parsed: f64 = value.trim().parse().map_err(|_| self.impossible(value))?;
        match self.allowed {
            Allowed::Between(low, high) if !(low as f64..=high as f64).contains(&parsed) => {
                Err(self.impossible(value))
            }
            _ => Ok(parsed),
        }
    }
}

fn is_replica(word: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    word.split_once(':').is_some_and(|(partition, broker)| is_number(partition) && is_number(broker))
}
