//! ListTransactions (key 66): lists the transactional ids coordinated here (KIP-664).

use std::ops::RangeInclusive;

use clock::Now;
use coordinator::transactions::{Filter, State};
use disk::Disk;
use kafka_wire::message::list_transactions::{
    ListTransactionsRequest, ListTransactionsResponse, TransactionState,
};

use crate::call::Call;
use crate::{Broker, Effect};

/// The versions served. Version 2 selects ids by a pattern, which is not served.
pub(crate) const SERVED: RangeInclusive<i16> = 0..=1;

/// Answers the request.
pub(crate) fn serve<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    call: Call,
    request: ListTransactionsRequest,
    effects: &mut Vec<Effect>,
) {
    let mut response = ListTransactionsResponse::default();
    let mut filter = Filter {
        states: Vec::new(),
        producer_ids: request.producer_id_filters,
        older_than_ms: request.duration_filter,
    };
    for name in &request.state_filters {
        match State::from_name(name) {
            Some(state) => filter.states.push(state),
            None => response.unknown_state_filters.push(name.clone()),
        }
    }
    // With unknown states only, nothing is asked for.
    if request.state_filters.is_empty() || !filter.states.is_empty() {
        match broker.transactions.core().list(now, &filter) {
            Ok(listed) => {
                let state = |one: coordinator::transactions::Listed| TransactionState {
                    transactional_id: one.id,
                    producer_id: one.producer_id,
                    transaction_state: one.state.to_owned(),
                };
                response.transaction_states = listed.into_iter().map(state).collect();
            }
            Err(error) => response.error_code = error,
        }
    }
    broker.answer(call, &response, effects);
}
