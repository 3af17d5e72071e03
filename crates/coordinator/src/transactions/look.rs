//! DescribeTransactions and ListTransactions (KIP-664).

use clock::Now;
use kafka_wire::ErrorCode;

use super::transaction::{Partitions, State, Transaction};
use super::{Content, Transactions};
use crate::input::Producer;

/// A transactional id as DescribeTransactions shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Description {
    /// Name of its state.
    pub state: &'static str,
    /// In milliseconds.
    pub timeout_ms: i32,
    /// When its last transaction began, in milliseconds since 1970; -1 if this producer began none.
    pub started_ms: i64,
    /// Its producer.
    pub producer: Producer,
    /// What its transaction wrote to.
    pub partitions: Partitions,
}

/// A transactional id as ListTransactions shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listed {
    /// The id.
    pub id: String,
    /// Id of its producer.
    pub producer_id: i64,
    /// Name of its state.
    pub state: &'static str,
}

/// What ListTransactions asks for.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Filter {
    /// Empty for all.
    pub states: Vec<State>,
    /// Empty for all.
    pub producer_ids: Vec<i64>,
    /// Only open transactions that are older, in milliseconds; negative for all.
    pub older_than_ms: i64,
}

impl Transactions {
    /// Describes one transactional id.
    ///
    /// # Errors
    /// `TRANSACTIONAL_ID_NOT_FOUND`, `NOT_COORDINATOR`, `COORDINATOR_LOAD_IN_PROGRESS`, `INVALID_REQUEST`.
    pub fn describe(&self, id: &str) -> Result<Description, ErrorCode> {
        let partition = self.locate(id)?;
        let transaction = self.find(partition, id).ok_or(ErrorCode::TRANSACTIONAL_ID_NOT_FOUND)?;
        let value = &transaction.value;
        Ok(Description {
            state: value.state.name(),
            timeout_ms: value.timeout_ms,
            started_ms: value.started_ms,
            producer: value.producer,
            partitions: value.partitions.clone(),
        })
    }

    /// The transactional ids that are wanted, by partition and id.
    ///
    /// # Errors
    /// `COORDINATOR_LOAD_IN_PROGRESS` while any partition is loaded: the list would not be whole.
    pub fn list(&self, now: Now, filter: &Filter) -> Result<Vec<Listed>, ErrorCode> {
        let mut listed = Vec::new();
        for shard in self.shards.values() {
            let Content::Loaded(transactions) = &shard.content else {
                return Err(ErrorCode::COORDINATOR_LOAD_IN_PROGRESS);
            };
            let wanted = transactions.iter().filter(|(_, transaction)| filter.wants(now, transaction));
            listed.extend(wanted.map(|(id, transaction)| Listed {
                id: id.to_string(),
                producer_id: transaction.value.producer.id,
                state: transaction.value.state.name(),
            }));
        }
        Ok(listed)
    }
}

impl Filter {
    fn wants(&self, now: Now, transaction: &Transaction) -> bool {
        let value = &transaction.value;
        let age_ms = now.wall.as_ms().saturating_sub(value.started_ms);
        let is_old_enough = self.older_than_ms < 0 || (value.started_ms >= 0 && age_ms > self.older_than_ms);
        (self.states.is_empty() || self.states.contains(&value.state))
            && (self.producer_ids.is_empty() || self.producer_ids.contains(&value.producer.id))
            && is_old_enough
    }
}
