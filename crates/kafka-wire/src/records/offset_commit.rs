//! `OffsetCommitKey`, `OffsetCommitValue`.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{Message, Reader, Tags, Uuid, WireError, Writer};

/// `OffsetCommitKey`, versions 0 to 1.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetCommitKey {
    pub group: String,
    pub topic: String,
    pub partition: i32,
}

impl Message for OffsetCommitKey {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=1;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let mut message = Self::default();
        message.group = reader.string(false)?;
        message.topic = reader.string(false)?;
        message.partition = reader.i32()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.string(false, &self.group);
        writer.string(false, &self.topic);
        writer.i32(self.partition);
    }
}

/// `OffsetCommitValue`, versions 0 to 4.
#[derive(Clone, Debug, PartialEq)]
pub struct OffsetCommitValue {
    pub offset: i64,
    pub leader_epoch: i32,
    pub metadata: String,
    pub commit_timestamp: i64,
    pub expire_timestamp: i64,
    pub topic_id: Uuid,
}

impl Default for OffsetCommitValue {
    fn default() -> Self {
        Self {
            offset: 0,
            leader_epoch: -1,
            metadata: String::new(),
            commit_timestamp: 0,
            expire_timestamp: -1,
            topic_id: Uuid::ZERO,
        }
    }
}

impl Message for OffsetCommitValue {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=4;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let flexible = version >= 4;
        let mut message = Self::default();
        message.offset = reader.i64()?;
        if version >= 3 {
            message.leader_epoch = reader.i32()?;
        }
        message.metadata = reader.string(flexible)?;
        message.commit_timestamp = reader.i64()?;
        if version == 1 {
            message.expire_timestamp = reader.i64()?;
        }
        if flexible {
            reader.tags(|tag, reader| {
                match tag {
                    0 => {
                        message.topic_id = reader.uuid()?;
                    }
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        let flexible = version >= 4;
        writer.i64(self.offset);
        if version >= 3 {
            writer.i32(self.leader_epoch);
        }
        writer.string(flexible, &self.metadata);
        writer.i64(self.commit_timestamp);
        if version == 1 {
            writer.i64(self.expire_timestamp);
        }
        if flexible {
            let mut tags = Tags::default();
            if self.topic_id != Uuid::ZERO {
                tags.put(0, |writer| {
                    writer.uuid(self.topic_id);
                });
            }
            writer.tags(tags);
        }
    }
}
