//! Subscriptions by pattern: RE2 syntax, matched against whole topic names.
//!
//! The engine takes time in proportion to the name, whatever the pattern; what a pattern may compile to
//! is bounded, so that none explodes.

use std::collections::BTreeSet;

use clock::Span;
use kafka_wire::ErrorCode;
use regex::{Regex, RegexBuilder};

use crate::limits::{PATTERN_BYTES_MAX, PATTERN_PROGRAM_BYTES_MAX};
use crate::topics::Topics;

/// What a pattern matched.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(crate) struct Resolved {
    pub(crate) topics: BTreeSet<String>,
    /// Of the table of topics that was matched.
    pub(crate) version: i64,
    /// When, in milliseconds since 1970.
    pub(crate) at_ms: i64,
}

/// How long a match stands although topics come and go: matching looks at all topics.
pub(crate) const REFRESH_AT_MOST_EVERY: Span = Span::seconds(10);

/// Reads a pattern.
pub(crate) fn compile(pattern: &str) -> Result<Regex, (ErrorCode, String)> {
    let refuse = |why: String| {
        (ErrorCode::INVALID_REGULAR_EXPRESSION, format!("SubscribedTopicRegex is not valid: {why}."))
    };
    if pattern.len() > PATTERN_BYTES_MAX {
        return Err(refuse(format!("it is longer than {PATTERN_BYTES_MAX} bytes")));
    }
    // Read alone first: `)|(` would be well-formed only within the brackets.
    let build = |text: &str| RegexBuilder::new(text).size_limit(PATTERN_PROGRAM_BYTES_MAX).build();
    build(pattern)
        .and_then(|_| build(&format!("^(?:{pattern})$")))
        .map_err(|error| refuse(error.to_string().replace('\n', " ")))
}

/// The topics that a pattern names; none if it cannot be read, which an older version may have accepted.
pub(crate) fn resolve(pattern: &str, topics: &Topics, now_ms: i64) -> Resolved {
    let matched = match compile(pattern) {
        Ok(regex) => {
            topics.names().filter(|name| regex.is_match(name)).map(|name| name.to_string()).collect()
        }
        Err(_) => BTreeSet::new(),
    };
    let version = i64::try_from(topics.version()).unwrap_or(i64::MAX);
    Resolved { topics: matched, version, at_ms: now_ms }
}
