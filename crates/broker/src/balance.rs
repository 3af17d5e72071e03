//! The balance of leaders: now and then the controller gives partitions back to their preferred leaders,
//! if a broker leads too few of those that it should (`auto.leader.rebalance.enable` and
//! `leader.imbalance.*`).

use std::collections::BTreeMap;

use clock::{Moment, Now, Span};
use controller::Wanted;
use disk::Disk;

use crate::limits::BALANCE_FIRST_AFTER;
use crate::{Broker, Effect, membership};

/// When the controller looks next, while this broker is controller.
#[derive(Default)]
pub(crate) struct Balance {
    look_at: Option<Moment>,
}

impl Balance {
    /// This broker has become controller.
    pub(crate) fn begin(&mut self, now: Now) {
        self.look_at = Some(now.moment + BALANCE_FIRST_AFTER);
    }

    /// It is controller no more.
    pub(crate) fn end(&mut self) {
        self.look_at = None;
    }

    pub(crate) fn deadline(&self) -> Option<Moment> {
        self.look_at
    }
}

/// Looks, if it is time.
pub(crate) fn woken<D: Disk>(broker: &mut Broker<D>, now: Now, effects: &mut Vec<Effect>) {
    if broker.balance.look_at.is_none_or(|at| at > now.moment) {
        return;
    }
    let properties = &broker.settings.properties;
    let number = |name: &str, default: u64| number(properties, name, default);
    let interval = Span::seconds(number("leader.imbalance.check.interval.seconds", 300).max(1));
    let percent = u32::try_from(number("leader.imbalance.per.broker.percentage", 10)).unwrap_or(100);
    broker.balance.look_at = Some(now.moment + interval);
    if properties.get("auto.leader.rebalance.enable").is_some_and(|text| text.trim() == "false") {
        return;
    }
    let membership = &broker.membership;
    let partitions = membership.controller().imbalanced(membership.cluster(), percent);
    if !partitions.is_empty() {
        membership::elect(broker, now, None, Wanted::Preferred, partitions, effects);
    }
}

fn number(properties: &BTreeMap<String, String>, name: &str, default: u64) -> u64 {
    properties.get(name).and_then(|text| text.trim().parse().ok()).unwrap_or(default)
}
