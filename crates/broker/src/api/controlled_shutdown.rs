//! ControlledShutdown (key 7): a broker that is about to stop asks the controller to let others lead what
//! it leads, and waits until they do.
//!
//! Only the controller serves it. What nobody else can lead is named in the answer.

use std::ops::RangeInclusive;

use clock::{Moment, Now};
use cluster::{BrokerEpoch, BrokerId};
use controller::Controller;
use disk::Disk;
use kafka_wire::ErrorCode;
use kafka_wire::message::controlled_shutdown::{
    ControlledShutdownRequest, ControlledShutdownResponse, RemainingPartition,
};

use crate::call::Call;
use crate::limits::CONTROLLED_SHUTDOWN_WAIT;
use crate::purgatory::{Parked, Patience, WatchKey};
use crate::{Broker, Effect, membership};

/// The versions served: from the first that tells which life of the broker is meant.
pub(crate) const SERVED: RangeInclusive<i16> = 2..=3;

/// A broker that waits for others to lead.
#[derive(Debug)]
pub(crate) struct Waiting {
    call: Call,
    broker: BrokerId,
    deadline: Moment,
}

/// Answers the request.
pub(crate) fn serve<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    call: Call,
    request: ControlledShutdownRequest,
    effects: &mut Vec<Effect>,
) {
    let who = BrokerId(request.broker_id);
    let live = broker.membership.cluster().brokers().get(&who).map(|live| live.epoch);
    let error_code = match live {
        _ if broker.membership.controller().fence().is_none() => ErrorCode::NOT_CONTROLLER,
        None => ErrorCode::BROKER_ID_NOT_REGISTERED,
        Some(BrokerEpoch(live)) if request.broker_epoch != -1 && request.broker_epoch < live => {
            ErrorCode::STALE_BROKER_EPOCH
        }
        Some(epoch) => {
            membership::stopping(broker, now, (who, epoch), effects);
            let deadline = now.moment + CONTROLLED_SHUTDOWN_WAIT;
            return retry(broker, now, Waiting { call, broker: who, deadline }, Patience::Left, effects);
        }
    };
    broker.answer(call, &ControlledShutdownResponse { error_code, ..Default::default() }, effects);
}

/// Answers if the broker leads nothing that others could, or lets the request wait on.
pub(crate) fn retry<D: Disk>(
    broker: &mut Broker<D>,
    _now: Now,
    waiting: Waiting,
    patience: Patience,
    effects: &mut Vec<Effect>,
) {
    let led = Controller::led_by(broker.membership.cluster(), waiting.broker);
    if !led.is_empty() && patience == Patience::Left {
        let (connection, deadline) = (waiting.call.connection, waiting.deadline);
        let parked = Parked::ControlledShutdown(waiting);
        return broker.purgatory.park(connection, deadline, vec![WatchKey::Topics], parked);
    }
    let remaining_partitions = led
        .into_iter()
        .map(|(topic, partition_index)| RemainingPartition { topic_name: topic.to_string(), partition_index })
        .collect();
    let response = ControlledShutdownResponse { error_code: ErrorCode::NONE, remaining_partitions };
    broker.answer(waiting.call, &response, effects);
}
