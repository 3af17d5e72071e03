//! `ListTransactions`, API key 66, versions 0 to 2.
//!
//! Generated from the table of the same name by `cargo xtask codegen`; edit that.

use crate::{ApiKey, ErrorCode, Message, Reader, Request, WireError, Writer};

/// `ListTransactionsRequest`, versions 0 to 2.
#[derive(Clone, Debug, PartialEq)]
pub struct ListTransactionsRequest {
    pub state_filters: Vec<String>,
    pub producer_id_filters: Vec<i64>,
    pub duration_filter: i64,
    pub transactional_id_pattern: Option<String>,
}

impl Default for ListTransactionsRequest {
    fn default() -> Self {
        Self {
            state_filters: Vec::new(),
            producer_id_filters: Vec::new(),
            duration_filter: -1,
            transactional_id_pattern: None,
        }
    }
}

impl Message for ListTransactionsRequest {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=2;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let mut message = Self::default();
        message.state_filters = reader.array(true, 1, |reader| reader.string(true))?;
        message.producer_id_filters = reader.array(true, 8, Reader::i64)?;
        if version >= 1 {
            message.duration_filter = reader.i64()?;
        }
        if version == 2 {
            message.transactional_id_pattern = reader.nullable_string(true)?;
        }
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.array_len(true, self.state_filters.len());
        for item in &self.state_filters {
            writer.string(true, item);
        }
        writer.array_len(true, self.producer_id_filters.len());
        for item in &self.producer_id_filters {
            writer.i64(*item);
        }
        if version >= 1 {
            writer.i64(self.duration_filter);
        }
        if version == 2 {
            writer.nullable_string(true, true, self.transactional_id_pattern.as_deref());
        }
        writer.no_tags();
    }
}

impl Request for ListTransactionsRequest {
    const API: ApiKey = ApiKey::ListTransactions;
    type Response = ListTransactionsResponse;
}

/// `ListTransactionsResponse`, versions 0 to 2.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListTransactionsResponse {
    pub throttle_time_ms: i32,
    pub error_code: ErrorCode,
    pub unknown_state_filters: Vec<String>,
    pub transaction_states: Vec<TransactionState>,
}

impl Message for ListTransactionsResponse {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=2;

    fn decode(reader: &mut Reader, version: i16) -> Result<Self, WireError> {
        crate::check_version::<Self>(version)?;
        let mut message = Self::default();
        message.throttle_time_ms = reader.i32()?;
        message.error_code = reader.error_code()?;
        message.unknown_state_filters = reader.array(true, 1, |reader| reader.string(true))?;
        message.transaction_states = reader.array(true, TransactionState::size_min(version), |reader| {
            TransactionState::decode(reader, version)
        })?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, version: i16) {
        writer.i32(self.throttle_time_ms);
        writer.error_code(self.error_code);
        writer.array_len(true, self.unknown_state_filters.len());
        for item in &self.unknown_state_filters {
            writer.string(true, item);
        }
        writer.array_len(true, self.transaction_states.len());
        for item in &self.transaction_states {
            item.encode(writer, version);
        }
        writer.no_tags();
    }
}

/// `TransactionState`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TransactionState {
    pub transactional_id: String,
    pub producer_id: i64,
    pub transaction_state: String,
}

impl TransactionState {
    /// Fewest bytes an encoded one takes.
    fn size_min(_version: i16) -> usize {
        11
    }
}

impl Message for TransactionState {
    const VERSIONS: std::ops::RangeInclusive<i16> = 0..=2;

    fn decode(reader: &mut Reader, _version: i16) -> Result<Self, WireError> {
        let mut message = Self::default();
        message.transactional_id = reader.string(true)?;
        message.producer_id = reader.i64()?;
        message.transaction_state = reader.string(true)?;
        reader.skip_tags()?;
        Ok(message)
    }

    fn encode(&self, writer: &mut Writer, _version: i16) {
        writer.string(true, &self.transactional_id);
        writer.i64(self.producer_id);
        writer.string(true, &self.transaction_state);
        writer.no_tags();
    }
}
