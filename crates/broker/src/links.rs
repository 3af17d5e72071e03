//! Links to other brokers: one connection for each purpose and peer, with one request in flight.
//!
//! A link is dialled when there is something to send, at the address that the peer's registration tells
//! then. A request that got no answer fails with [`LinkError::Lost`], and nobody knows whether it was
//! done; whoever asked decides what follows. Nothing here negotiates versions: brokers of one cluster
//! agree on them by configuration (`inter.broker.protocol.version`).

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use clock::{Moment, Now, Span};
use cluster::BrokerId;
use disk::Disk;
use kafka_wire::{Frame, Message, Reader, Request, RequestHeader, ResponseHeader};

use crate::limits::{
    JOINING_QUEUE_MAX, LINK_BACKOFF, LINK_BACKOFF_MAX, LINK_DIAL_PATIENCE, LINK_QUEUE_MAX,
    LINK_REQUEST_PATIENCE,
};
use crate::{Broker, Effect, followers, isr, peers, shutdown, transactions};

/// Names one dialled connection to another broker; never used again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LinkId(pub u64);

/// What a link is for. Purposes do not wait for each other.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Lane {
    /// From the controller to a broker.
    Orders,
    /// From a broker to the controller.
    Office,
    /// From a follower to its leader.
    Replication,
    /// From a coordinator of transactions to the leaders of what they wrote to.
    Transactions,
    /// From the leader of a partition to the coordinator of what is written there: one of
    /// [`JOINING_LANES`](crate::limits::JOINING_LANES).
    Joining(u8),
}

/// What an answer belongs to: one variant for each module that sends.
#[derive(Debug)]
pub(crate) enum Sent {
    /// Orders of this controller.
    Orders(peers::Sent),
    /// A follower's fetch and what belongs to it.
    Replication(followers::Sent),
    /// In-sync sets proposed to the controller.
    InSync,
    /// Markers of a transaction.
    Markers(transactions::SentMarkers),
    /// Partitions that join a transaction, for whoever waits for that.
    Joining(Box<transactions::Asked>),
    /// The wish to stop.
    Shutdown,
}

/// Why there is no answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum LinkError {
    /// The connection could not be made, broke, or stayed silent.
    Lost,
}

/// The answer to a request, still in its frame.
#[derive(Debug)]
pub(crate) struct Reply {
    version: i16,
    reader: Reader,
}

impl Reply {
    /// Reads it as the answer to an `R`. What cannot be read is as good as lost.
    pub(crate) fn read<R: Request>(mut self) -> Result<R::Response, LinkError> {
        R::Response::decode(&mut self.reader, self.version).map_err(|_| LinkError::Lost)
    }
}

/// All links.
#[derive(Default)]
pub(crate) struct Links {
    next: u64,
    links: BTreeMap<(BrokerId, Lane), Link>,
    by_id: BTreeMap<LinkId, (BrokerId, Lane)>,
}

#[derive(Debug)]
struct Link {
    state: State,
    backoff: Span,
    next_correlation: i32,
    queue: VecDeque<Queued>,
}

#[derive(Debug)]
enum State {
    /// No connection; the next may be dialled at that moment.
    Down(Moment),
    Dialing(LinkId, Moment),
    /// Connected and idle, or until when the answer to the first of the queue is awaited.
    Up(LinkId, Option<Moment>),
}

#[derive(Debug)]
struct Queued {
    frame: Frame,
    correlation_id: i32,
    version: i16,
    response_header: i16,
    sent: Sent,
}

impl Links {
    /// When something is due: a dial, or the end of somebody's patience.
    pub(crate) fn deadline(&self) -> Option<Moment> {
        let due = |link: &Link| match link.state {
            State::Down(at) => (!link.queue.is_empty()).then_some(at),
            State::Dialing(_, until) => Some(until),
            State::Up(_, until) => until,
        };
        self.links.values().filter_map(due).min()
    }
}

impl<D: Disk> Broker<D> {
    /// Queues a request to another broker. Its answer, or that there is none, comes to the module that
    /// `sent` names. A full queue answers at once that it is lost.
    pub(crate) fn send_to<R: Request>(
        &mut self,
        now: Now,
        (to, lane): (BrokerId, Lane),
        version: i16,
        request: &R,
        sent: Sent,
        effects: &mut Vec<Effect>,
    ) {
        let link = self.links.links.entry((to, lane)).or_insert_with(|| Link {
            state: State::Down(now.moment),
            backoff: LINK_BACKOFF,
            next_correlation: 0,
            queue: VecDeque::new(),
        });
        let queue_max = if matches!(lane, Lane::Joining(_)) { JOINING_QUEUE_MAX } else { LINK_QUEUE_MAX };
        if link.queue.len() >= queue_max {
            return answered(self, now, to, sent, Err(LinkError::Lost), effects);
        }
        let correlation_id = link.next_correlation;
        link.next_correlation = correlation_id.wrapping_add(1);
        let header = RequestHeader {
            api_key: R::API as i16,
            api_version: version,
            correlation_id,
            client_id: Some(self.settings.broker_id.to_string()),
        };
        let frame = Frame::request(&header, request);
        let response_header = R::API.response_header_version(version);
        link.queue.push_back(Queued { frame, correlation_id, version, response_header, sent });
        advance(self, now, (to, lane), effects);
    }
}

/// Dials or sends, if there is anything to send and nothing in the way.
fn advance<D: Disk>(broker: &mut Broker<D>, now: Now, key: (BrokerId, Lane), effects: &mut Vec<Effect>) {
    let Some(link) = broker.links.links.get_mut(&key) else { return };
    let Some(first) = link.queue.front() else { return };
    match link.state {
        State::Up(id, None) => {
            effects.push(Effect::Transmit { link: id, frame: first.frame.clone() });
            link.state = State::Up(id, Some(now.moment + LINK_REQUEST_PATIENCE));
        }
        State::Down(at) if at <= now.moment => {
            let listener = &broker.settings.listeners[broker.settings.inter_broker_listener].name;
            let metadata = broker.membership.metadata();
            let Some(endpoint) = metadata.endpoint(key.0, listener).cloned() else {
                return fail(broker, now, key, effects);
            };
            let id = LinkId(broker.links.next);
            broker.links.next += 1;
            broker.links.by_id.insert(id, key);
            if let Some(link) = broker.links.links.get_mut(&key) {
                link.state = State::Dialing(id, now.moment + LINK_DIAL_PATIENCE);
            }
            effects.push(Effect::Dial { link: id, host: endpoint.host, port: endpoint.port });
        }
        _ => {}
    }
}

/// The connection is there.
pub(crate) fn linked<D: Disk>(broker: &mut Broker<D>, now: Now, id: LinkId, effects: &mut Vec<Effect>) {
    let Some(&key) = broker.links.by_id.get(&id) else {
        return effects.push(Effect::Hangup { link: id });
    };
    if let Some(link) = broker.links.links.get_mut(&key) {
        link.state = State::Up(id, None);
    }
    advance(broker, now, key, effects);
}

/// The connection could not be made, or is gone.
pub(crate) fn unlinked<D: Disk>(broker: &mut Broker<D>, now: Now, id: LinkId, effects: &mut Vec<Effect>) {
    if let Some(key) = broker.links.by_id.remove(&id) {
        fail(broker, now, key, effects);
    }
}

/// An answer came.
pub(crate) fn received<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    id: LinkId,
    frame: Bytes,
    effects: &mut Vec<Effect>,
) {
    let Some(&key) = broker.links.by_id.get(&id) else { return };
    let Some(link) = broker.links.links.get_mut(&key) else { return };
    let mut reader = Reader::new(frame);
    let expected = match (&link.state, link.queue.front()) {
        (State::Up(_, Some(_)), Some(first)) => {
            let header = ResponseHeader::decode(&mut reader, first.response_header);
            header.is_ok_and(|header| header.correlation_id == first.correlation_id)
        }
        _ => false,
    };
    if !expected {
        effects.push(Effect::Hangup { link: id });
        return unlinked(broker, now, id, effects);
    }
    link.state = State::Up(id, None);
    link.backoff = LINK_BACKOFF;
    let Some(first) = link.queue.pop_front() else { return };
    let reply = Reply { version: first.version, reader };
    answered(broker, now, key.0, first.sent, Ok(reply), effects);
    advance(broker, now, key, effects);
}

/// Everything queued on a link is lost; the next dial waits a little longer each time.
fn fail<D: Disk>(broker: &mut Broker<D>, now: Now, key: (BrokerId, Lane), effects: &mut Vec<Effect>) {
    let Some(link) = broker.links.links.get_mut(&key) else { return };
    link.state = State::Down(now.moment + link.backoff);
    link.backoff = Span::ms((link.backoff.as_ms() * 2).min(LINK_BACKOFF_MAX.as_ms()));
    for lost in std::mem::take(&mut link.queue) {
        answered(broker, now, key.0, lost.sent, Err(LinkError::Lost), effects);
    }
}

/// Hands an answer, or its absence, to the module that asked.
fn answered<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    peer: BrokerId,
    sent: Sent,
    reply: Result<Reply, LinkError>,
    effects: &mut Vec<Effect>,
) {
    match sent {
        Sent::Orders(sent) => peers::answered(broker, now, peer, sent, reply, effects),
        Sent::Replication(sent) => followers::answered(broker, now, peer, sent, reply),
        Sent::InSync => isr::answered(broker, now, reply, effects),
        Sent::Joining(asked) => transactions::join_answered(broker, now, *asked, reply, effects),
        Sent::Markers(sent) => transactions::markers_answered(broker, sent, reply),
        Sent::Shutdown => shutdown::answered(broker, now, reply, effects),
    }
}

/// Does what is due by time.
pub(crate) fn woken<D: Disk>(broker: &mut Broker<D>, now: Now, effects: &mut Vec<Effect>) {
    let keys: Vec<_> = broker.links.links.keys().copied().collect();
    for key in keys {
        let Some(link) = broker.links.links.get(&key) else { continue };
        match link.state {
            State::Dialing(id, until) | State::Up(id, Some(until)) if until <= now.moment => {
                effects.push(Effect::Hangup { link: id });
                unlinked(broker, now, id, effects);
            }
            State::Down(at) if at <= now.moment => advance(broker, now, key, effects),
            _ => {}
        }
    }
}

/// A broker left or came back: what is connected to its former life is hung up.
pub(crate) fn peer_changed<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    peer: BrokerId,
    effects: &mut Vec<Effect>,
) {
    let ids: Vec<LinkId> =
        broker.links.by_id.iter().filter(|(_, (id, _))| *id == peer).map(|(id, _)| *id).collect();
    for id in ids {
        effects.push(Effect::Hangup { link: id });
        unlinked(broker, now, id, effects);
    }
    broker.links.links.retain(|(id, _), link| *id != peer || !link.queue.is_empty());
}
