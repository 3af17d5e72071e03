//! The end in order: before its registration goes, the broker asks the controller that others lead what
//! it leads (ControlledShutdown), so that no partition is without a leader for long.
//!
//! Nothing waits for it beyond its patience: a broker that is asked to stop stops.

use std::collections::BTreeMap;

use clock::{Moment, Now, Span};
use cluster::BrokerId;
use controller::Controller;
use disk::Disk;
use kafka_wire::ErrorCode;
use kafka_wire::message::controlled_shutdown::ControlledShutdownRequest;

use crate::limits::{CONTROLLED_SHUTDOWN_PATIENCE, CONTROLLED_SHUTDOWN_PAUSE};
use crate::links::{self, Lane, LinkError, Reply};
use crate::{Broker, Effect, membership};

/// The version sent: fixed, as all between brokers.
const VERSION: i16 = 3;

/// How far the end has come.
#[derive(Default)]
pub(crate) struct Shutdown {
    until: Option<Moment>,
    retry_at: Option<Moment>,
    busy: bool,
    is_over: bool,
}

impl Shutdown {
    pub(crate) fn deadline(&self) -> Option<Moment> {
        if self.is_over {
            return None;
        }
        self.until.map(|until| self.retry_at.map_or(until, |at| at.min(until)))
    }
}

fn is_enabled(properties: &BTreeMap<String, String>) -> bool {
    properties.get("controlled.shutdown.enable").is_none_or(|text| text.trim() != "false")
}

/// The operator wants the broker to stop; [`Effect::MayStop`] follows.
pub(crate) fn begin<D: Disk>(broker: &mut Broker<D>, now: Now) {
    if broker.shutdown.until.is_some() {
        return;
    }
    let me = BrokerId(broker.settings.broker_id);
    let is_alone = broker.membership.metadata().brokers.keys().all(|id| *id == me);
    let leads = !Controller::led_by(broker.membership.cluster(), me).is_empty();
    let can_ask = broker.membership.is_connected() && is_enabled(&broker.settings.properties);
    let patience = if is_alone || !leads || !can_ask { Span::ZERO } else { CONTROLLED_SHUTDOWN_PATIENCE };
    broker.shutdown.until = Some(now.moment + patience);
}

/// Asks, and says when it is over.
pub(crate) fn turn_ended<D: Disk>(broker: &mut Broker<D>, now: Now, effects: &mut Vec<Effect>) {
    let Some(until) = broker.shutdown.until else { return };
    if broker.shutdown.is_over {
        return;
    }
    let me = BrokerId(broker.settings.broker_id);
    let is_controller = broker.membership.controller().epoch().is_some();
    let hands_over = is_controller && Controller::led_by(broker.membership.cluster(), me).is_empty();
    if until <= now.moment || hands_over {
        broker.shutdown.is_over = true;
        return effects.push(Effect::MayStop);
    }
    if broker.shutdown.busy || broker.shutdown.retry_at.is_some_and(|at| at > now.moment) {
        return;
    }
    broker.shutdown.retry_at = Some(now.moment + CONTROLLED_SHUTDOWN_PAUSE);
    let (Some(controller), Some(epoch)) =
        (broker.membership.metadata().controller, broker.membership.epoch())
    else {
        return;
    };
    if is_controller {
        return membership::stopping(broker, now, (me, epoch), effects);
    }
    broker.shutdown.busy = true;
    let request = ControlledShutdownRequest { broker_id: me.0, broker_epoch: epoch.0 };
    let lane = (controller, Lane::Office);
    broker.send_to(now, lane, VERSION, &request, links::Sent::Shutdown, effects);
}

/// The controller answered, or did not.
pub(crate) fn answered<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    reply: Result<Reply, LinkError>,
    effects: &mut Vec<Effect>,
) {
    broker.shutdown.busy = false;
    let answer = reply.and_then(Reply::read::<ControlledShutdownRequest>);
    let is_done = answer
        .is_ok_and(|answer| answer.error_code == ErrorCode::NONE && answer.remaining_partitions.is_empty());
    if is_done && !broker.shutdown.is_over {
        broker.shutdown.is_over = true;
        effects.push(Effect::MayStop);
    }
    broker.shutdown.retry_at = Some(now.moment + CONTROLLED_SHUTDOWN_PAUSE);
}
