//! Why a broker did not do what was asked.

use crate::Address;
use kafka_wire::{ApiKey, ErrorCode, WireError};
use std::fmt;
use std::io;

/// A failure, with what a person needs to act on it.
#[derive(Debug)]
pub enum Error {
    /// None of the addresses could be reached.
    Unreachable {
        /// Whom was tried.
        addresses: Vec<Address>,
        /// What the last try met.
        why: io::Error,
    },
    /// The connection broke while a request was under way: it may or may not have happened.
    Lost {
        /// To whom.
        address: Address,
        /// How it broke.
        why: io::Error,
    },
    /// What came is not Kafka's protocol.
    Wire {
        /// From whom.
        address: Address,
        /// What is wrong with it.
        why: WireError,
    },
    /// Client and broker have no version of this API in common.
    Unsupported {
        /// The API.
        api: ApiKey,
    },
    /// The broker said no.
    Refused {
        /// What was asked, as `create topic "x"`.
        what: String,
        /// The answer.
        code: ErrorCode,
        /// The broker's own words.
        message: Option<String>,
    },
    /// It took too long.
    TimedOut {
        /// What was asked.
        what: String,
    },
    /// The question makes no sense.
    Invalid(String),
}

impl Error {
    /// A refusal, with the broker's words if it sent any.
    pub fn refused(what: impl Into<String>, code: ErrorCode, message: Option<String>) -> Error {
        Error::Refused { what: what.into(), code, message: message.filter(|text| !text.is_empty()) }
    }

    /// The broker's error code, if this is an answer.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Error::Refused { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// Whether trying again may help.
    pub fn is_passing(&self) -> bool {
        match self {
            Error::Refused { code, .. } => code.is_retriable(),
            Error::Lost { .. } => true,
            _ => false,
        }
    }
}

/// What a person can do about a code, where the name alone does not say it.
fn advice(code: ErrorCode) -> Option<&'static str> {
    Some(match code {
        ErrorCode::UNKNOWN_TOPIC_OR_PARTITION => {
            "there is no such topic or partition; `castle topic list` shows all"
        }
        ErrorCode::TOPIC_ALREADY_EXISTS => "there is such a topic already",
        ErrorCode::INVALID_TOPIC_EXCEPTION => {
            "a topic's name is 1 to 249 letters, digits, dots, underscores and dashes, and not like an internal one's"
        }
        ErrorCode::INVALID_REPLICATION_FACTOR => "there are fewer brokers than replicas asked for",
        ErrorCode::INVALID_PARTITIONS => "a topic has at least one partition, and can only gain some",
        ErrorCode::MESSAGE_TOO_LARGE | ErrorCode::RECORD_LIST_TOO_LARGE => {
            "a record is larger than the topic takes (`max.message.bytes`)"
        }
        ErrorCode::OFFSET_OUT_OF_RANGE => {
            "the offset is not in the log; try --from earliest or --from latest"
        }
        ErrorCode::NON_EMPTY_GROUP => "the group has members; stop them first",
        ErrorCode::GROUP_ID_NOT_FOUND => "there is no such group; `castle group list` shows all",
        ErrorCode::UNSUPPORTED_VERSION => "the broker is too old or too new for this",
        ErrorCode::REQUEST_TIMED_OUT => "the broker took too long; it may still happen",
        _ => return None,
    })
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Unreachable { addresses, why } => {
                let addresses: Vec<String> = addresses.iter().map(Address::to_string).collect();
                write!(
                    f,
                    "no broker answers at {} ({why}); is one running there? `castle dev` starts one, --server \
                     names another",
                    addresses.join(", ")
                )
            }
            Error::Lost { address, why } => write!(f, "the connection to {address} broke: {why}"),
            Error::Wire { address, why } => {
                write!(f, "{address} does not answer as a Kafka broker ({why}); is the port right?")
            }
            Error::Unsupported { api } => {
                write!(f, "the broker does not serve {} in a version that this client speaks", api.name())
            }
            Error::Refused { what, code, message } => {
                write!(f, "cannot {what}: ")?;
                match (message, advice(*code)) {
                    (Some(message), _) => write!(f, "{message} ({})", code.name()),
                    (None, Some(advice)) => write!(f, "{advice} ({})", code.name()),
                    (None, None) => write!(f, "{code}"),
                }
            }
            Error::TimedOut { what } => write!(f, "gave up: {what} took too long"),
            Error::Invalid(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Unreachable { why, .. } | Error::Lost { why, .. } => Some(why),
            Error::Wire { why, .. } => Some(why),
            _ => None,
        }
    }
}
