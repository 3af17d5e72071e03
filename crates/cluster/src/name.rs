//! Topic names: which are legal, which collide, which are internal.

use crate::limits::TOPIC_NAME_CHARS_MAX;
use std::fmt;

/// A legal topic name: 1 to 249 characters of `[A-Za-z0-9._-]`, not `.` and not `..`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TopicName(String);

/// Why a text is no topic name; the `Display` is what the client reads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum InvalidTopicName {
    /// The empty text.
    Empty,
    /// `.` or `..`, which would walk the log directory.
    Dots,
    /// More than 249 characters.
    TooLong,
    /// A character that is neither a letter, a digit, `.`, `_` nor `-`.
    Character(char),
}

impl TopicName {
    /// Takes `text` if it obeys the rules.
    pub fn parse(text: &str) -> Result<TopicName, InvalidTopicName> {
        check(text).map(|()| TopicName(text.to_string()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn check(text: &str) -> Result<(), InvalidTopicName> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    match text {
        "" => Err(InvalidTopicName::Empty),
        "." | ".." => Err(InvalidTopicName::Dots),
        _ if text.len() > TOPIC_NAME_CHARS_MAX => Err(InvalidTopicName::TooLong),
        _ => match text.chars().find(|c| !legal(*c)) {
            Some(c) => Err(InvalidTopicName::Character(c)),
            None => Ok(()),
        },
    }
}

/// Whether two names would share metric names, which replace `.` by `_`. Kafka refuses the second.
pub fn names_collide(one: &str, other: &str) -> bool {
    let folded = |byte: u8| if byte == b'.' { b'_' } else { byte };
    one.len() == other.len() && one.bytes().map(folded).eq(other.bytes().map(folded))
}

/// Whether the topic belongs to the brokers: clients may read it but not write it.
pub fn is_internal(name: &str) -> bool {
    matches!(name, "__consumer_offsets" | "__transaction_state" | "__share_group_state")
}

impl fmt::Display for InvalidTopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InvalidTopicName::Empty => f.write_str("a topic name cannot be empty"),
            InvalidTopicName::Dots => f.write_str("a topic cannot be named \".\" or \"..\""),
            InvalidTopicName::TooLong => {
                write!(f, "a topic name has at most {TOPIC_NAME_CHARS_MAX} characters")
            }
            InvalidTopicName::Character(c) => write!(
                f,
                "{c:?} is not allowed in a topic name: use ASCII letters, digits, \".\", \"_\" and \"-\""
            ),
        }
    }
}

impl std::error::Error for InvalidTopicName {}

impl fmt::Display for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topic_names_follow_kafkas_rules() {
        let check = |text: &str, expect| assert_eq!(TopicName::parse(text).err(), expect, "{text:?}");
        check("orders", None);
        check("A-z_0.9", None);
        check("...", None);
        check(&"x".repeat(249), None);
        check("", Some(InvalidTopicName::Empty));
        check(".", Some(InvalidTopicName::Dots));
        check("..", Some(InvalidTopicName::Dots));
        check(&"x".repeat(250), Some(InvalidTopicName::TooLong));
        check("a b", Some(InvalidTopicName::Character(' ')));
        check("a/b", Some(InvalidTopicName::Character('/')));
        check("é", Some(InvalidTopicName::Character('é')));
    }

    #[test]
    fn dots_and_underscores_collide() {
        let check = |one, other, expect| assert_eq!(names_collide(one, other), expect);
        check("a.b", "a_b", true);
        check("a.b", "a.b", true);
        check("a.b", "a-b", false);
        check("a.b", "ab", false);
    }
}
