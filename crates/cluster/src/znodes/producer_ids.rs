//! `/latest_producer_id_block`: the last block of producer ids that was given out.
//!
//! Blocks are claimed by compare-and-set on the znode's version; ids of a block that nobody uses up
//! are lost, which is harmless.

use super::{Malformed, from_json, to_json};
use crate::BrokerId;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// A range of producer ids that belongs to one broker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProducerIdBlock {
    /// The owner.
    pub broker: BrokerId,
    /// First id of the block.
    pub first: i64,
    /// Last id of the block, inclusive.
    pub last: i64,
}

/// Ids in a block, as in Kafka.
const BLOCK_LEN: i64 = 1000;

const WHAT: &str = "producer id block";

impl ProducerIdBlock {
    /// The block after `latest` for `broker`, or `None` when 63 bits are used up.
    pub fn next(latest: Option<ProducerIdBlock>, broker: BrokerId) -> Option<ProducerIdBlock> {
        let first = latest.map_or(0, |block| block.last.saturating_add(1));
        let last = first.checked_add(BLOCK_LEN - 1)?;
        Some(ProducerIdBlock { broker, first, last })
    }

    /// The znode's data, version 1.
    pub fn encode(&self) -> Bytes {
        to_json(&Json {
            version: 1,
            broker: self.broker.0,
            block_start: self.first.to_string(),
            block_end: self.last.to_string(),
        })
    }

    /// Reads version 1; a znode without data means that no block was given out yet.
    pub fn decode(data: &[u8]) -> Result<Option<ProducerIdBlock>, Malformed> {
        if data.is_empty() {
            return Ok(None);
        }
        let json: Json = from_json(WHAT, data)?;
        let number = |text: &str| text.parse::<i64>().map_err(|error| Malformed::new(WHAT, error));
        let (first, last) = (number(&json.block_start)?, number(&json.block_end)?);
        if first < 0 || last < first {
            return Err(Malformed::new(WHAT, format_args!("{first} to {last} is no range")));
        }
        Ok(Some(ProducerIdBlock { broker: BrokerId(json.broker), first, last }))
    }
}

#[derive(Serialize, Deserialize)]
struct Json {
    #[serde(default)]
    version: i32,
    broker: i32,
    block_start: String,
    block_end: String,
}
