//! DescribeTransactions (key 65): tells where transactional ids stand, for tools (KIP-664).

use std::ops::RangeInclusive;

use clock::Now;
use disk::Disk;
use kafka_wire::ErrorCode;
use kafka_wire::message::describe_transactions::{
    DescribeTransactionsRequest, DescribeTransactionsResponse, TopicData, TransactionState,
};

use crate::call::Call;
use crate::{Broker, Effect};

/// The versions served.
pub(crate) const SERVED: RangeInclusive<i16> = 0..=0;

/// Answers the request.
pub(crate) fn serve<D: Disk>(
    broker: &mut Broker<D>,
    _now: Now,
    call: Call,
    request: DescribeTransactionsRequest,
    effects: &mut Vec<Effect>,
) {
    let states = request.transactional_ids.into_iter().map(|id| describe(broker, id)).collect();
    let response = DescribeTransactionsResponse { transaction_states: states, ..Default::default() };
    broker.answer(call, &response, effects);
}

fn describe<D: Disk>(broker: &Broker<D>, transactional_id: String) -> TransactionState {
    match broker.transactions.core().describe(&transactional_id) {
        Ok(found) => TransactionState {
            error_code: ErrorCode::NONE,
            transactional_id,
            transaction_state: found.state.to_owned(),
            transaction_timeout_ms: found.timeout_ms,
            transaction_start_time_ms: found.started_ms,
            producer_id: found.producer.id,
            producer_epoch: found.producer.epoch,
            topics: found
                .partitions
                .into_iter()
                .map(|(topic, partitions)| TopicData { topic, partitions: partitions.into_iter().collect() })
                .collect(),
        },
        Err(error_code) => TransactionState { error_code, transactional_id, ..Default::default() },
    }
}
