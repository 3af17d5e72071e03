//! Requests that came before this broker knew the cluster and its own part in it.
//!
//! The ports are open as soon as the process runs, but until the broker is registered and somebody is
//! controller, Metadata would name neither; and until the controller's first orders are obeyed, the
//! partitions that this broker is known to lead would answer that it does not. Some clients take that
//! for an answer. So the first request of each connection waits here, as it would wait in the backlog
//! of a broker whose port is not served.

use std::collections::VecDeque;

use bytes::Bytes;
use clock::{Moment, Now};
use disk::Disk;

use crate::limits::{EARLY_BYTES_MAX, FIRST_ORDERS_WAIT};
use crate::{Broker, CloseReason, ConnectionId, Effect, TopicPartition, dispatch};

/// The requests that wait, in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Early {
    is_over: bool,
    frames: VecDeque<(ConnectionId, Bytes)>,
    bytes: usize,
    /// When the broker stops waiting for orders about partitions that it should lead.
    orders_until: Option<Moment>,
}

impl Early {
    /// When it wants the turn to end, whatever else happens.
    pub(crate) fn deadline(&self) -> Option<Moment> {
        self.orders_until.filter(|_| !self.is_over)
    }
}

/// Serves a request, now or when the broker is ready.
pub(crate) fn received<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    id: ConnectionId,
    frame: Bytes,
    effects: &mut Vec<Effect>,
) {
    if broker.early.is_over {
        return dispatch::received(broker, now, id, frame, effects);
    }
    if broker.early.bytes + frame.len() > EARLY_BYTES_MAX {
        return broker.close(id, CloseReason::Forbidden("the broker is still starting"), effects);
    }
    broker.early.bytes += frame.len();
    broker.early.frames.push_back((id, frame));
}

/// Ends the shell's turn: if the broker is ready now, serves what waited for that.
pub(crate) fn turn_ended<D: Disk>(broker: &mut Broker<D>, now: Now, effects: &mut Vec<Effect>) {
    if broker.early.is_over || !broker.membership.is_ready() {
        return;
    }
    let until = *broker.early.orders_until.get_or_insert(now.moment + FIRST_ORDERS_WAIT);
    if now.moment < until && !leads_what_it_should(broker) {
        return;
    }
    broker.early.is_over = true;
    broker.early.bytes = 0;
    for (id, frame) in std::mem::take(&mut broker.early.frames) {
        dispatch::received(broker, now, id, frame, effects);
    }
}

/// Whether every partition that the cluster says this broker leads is led here.
fn leads_what_it_should<D: Disk>(broker: &Broker<D>) -> bool {
    let me = broker.settings.broker_id;
    broker.membership.metadata().topics().all(|topic| {
        let mut mine = topic.partitions.iter().filter(|partition| partition.leader.0 == me);
        mine.all(|partition| {
            broker.replicas.leads(&TopicPartition::new(topic.name.clone(), partition.partition))
        })
    })
}

#[cfg(test)]
mod tests {
    use clock::Now;
    use disk::MemoryDisk;

    use super::*;
    use crate::testing::{World, settings};
    use crate::{Input, ListenerIndex};

    #[test]
    fn requests_wait_until_the_cluster_is_known() {
        let now = Now::at_ms(0);
        let mut broker = Broker::open(now, settings(), MemoryDisk::new(), 1).expect("an empty disk");
        let mut effects = Vec::new();
        let frame = Bytes::from_static(b"\x00\x12\x00\x00\x00\x00\x00\x01\xff\xff");
        for number in [1, 2] {
            let connection = ConnectionId(number);
            let peer = "127.0.0.1:40000".parse().expect("an address");
            broker.step(now, Input::Opened { connection, peer, listener: ListenerIndex(0) }, &mut effects);
            broker.step(now, Input::Received { connection, frame: frame.clone() }, &mut effects);
        }
        broker.turn_ended(now, &mut effects);
        assert!(effects.is_empty(), "nobody is answered: {effects:?}");

        // Too much of it is not kept.
        let connection = ConnectionId(1);
        let frame = Bytes::from(vec![0; EARLY_BYTES_MAX]);
        broker.step(now, Input::Received { connection, frame }, &mut effects);
        assert!(matches!(effects.pop(), Some(Effect::Close { .. })));

        // A broker that is ready serves at once.
        let world = World::new();
        assert!(world.broker.early.is_over);
    }
}
