//! The broker's place in the cluster: its registration, the controller election, and its view of the
//! cluster's znodes, all as a ZooKeeper client (never by a private door).
//!
//! A session is joined in steps ([`joining`]): the common znodes are made if missing, the cluster's id
//! is compared with that of the log directories, the broker registers, the mirror reads everything, and
//! the controller core is let loose. A lost connection stops none of what the broker does for its
//! clients; only the end of the session makes it join anew, under a new broker epoch.

mod joining;
mod last_session;
mod orders;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use clock::{Moment, Now};
use cluster::mirror::{self, Mirror};
use cluster::{BrokerEpoch, BrokerId, Change, Cluster, ControllerEpoch, Metadata};
use controller::{Alteration, Controller, Partition, Wanted};
use disk::Disk;
use kafka_wire::ErrorCode;
use zookeeper_wire::SessionId;

use crate::api::elect_leaders;
use crate::asks::{self, Answer};
use crate::call::Call;
use crate::limits::{KEEPER_RETRY, OFFICE_REVIEW};
use crate::purgatory::WatchKey;
use crate::{Broker, Effect, Event, KeeperInput, Settings, TopicPartition, groups, isr, links, peers};
use joining::Step;

pub(crate) use last_session::read as read_last_session;
pub(crate) use orders::{obey, replicas_failed, stop, tell_failure};

/// What the broker knows of the cluster, and how it came to know.
pub(crate) struct Membership {
    me: BrokerId,
    cluster: Cluster,
    mirror: Mirror,
    controller: Controller,
    /// The session, while there is one.
    session: Option<SessionId>,
    connected: bool,
    /// The session of the process that used the log directories before: its registration is ours to
    /// remove.
    last_session: Option<SessionId>,
    /// How far this session is joined.
    joined: Joined,
    epoch: Option<BrokerEpoch>,
    /// Since when another session has held our registration.
    conflict_since: Option<Moment>,
    retry_at: Option<Moment>,
    /// When the controller shall look at everything again.
    review_at: Option<Moment>,
    said_ready: bool,
    /// For the registration: when this session was first connected, in milliseconds since 1970.
    joined_at_ms: i64,
    /// The newest controller that gave orders here.
    controller_epoch: ControllerEpoch,
    /// Leaders' wishes that the controller core has not answered.
    wishes: BTreeMap<u64, Asker>,
    /// Operators' wishes for elections that the controller core has not answered.
    elections: BTreeMap<u64, elect_leaders::Waiting>,
    next_wish: u64,
}

/// Who asked the controller core for something.
#[derive(Debug)]
pub(crate) enum Asker {
    /// This broker's own leaders.
    Own,
    /// Another broker, by a request.
    Call(Call),
}

/// How far a session is joined.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Joined {
    /// Not at all, or interrupted.
    No,
    /// Under way; the number tells the answers of this attempt from those of an earlier one.
    Joining(u64),
    /// Registered, the mirror at work.
    Registered,
}

/// What was being asked of the keeper.
#[derive(Debug)]
pub(crate) enum Asked {
    /// A step of joining, in this attempt.
    Joining(u64, Step),
    /// A read of the mirror.
    Mirror(mirror::Read),
    /// A write of the controller.
    Controller(controller::Ask),
    /// Nothing depends on the answer.
    Whatever,
}

impl Membership {
    /// A broker that has not met the keeper yet.
    pub(crate) fn new(settings: &Settings, last_session: Option<SessionId>, seed: u64) -> Self {
        let me = BrokerId(settings.broker_id);
        Membership {
            me,
            cluster: Cluster::new(),
            mirror: Mirror::default(),
            controller: Controller::new(me, seed),
            session: None,
            connected: false,
            last_session,
            joined: Joined::No,
            epoch: None,
            conflict_since: None,
            retry_at: None,
            review_at: None,
            said_ready: false,
            joined_at_ms: 0,
            controller_epoch: ControllerEpoch(0),
            wishes: BTreeMap::new(),
            elections: BTreeMap::new(),
            next_wish: 0,
        }
    }

    /// What clients may see of the cluster, as of the end of the last turn.
    pub(crate) fn metadata(&self) -> &Arc<Metadata> {
        self.cluster.published()
    }

    /// Whether clients may be told of the cluster: this broker is in it, and somebody is controller.
    pub(crate) fn is_ready(&self) -> bool {
        let metadata = self.metadata();
        self.said_ready && metadata.controller.is_some() && metadata.is_live(self.me)
    }

    /// The view of the cluster's znodes, as of now.
    pub(crate) fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The controller core: in office or not.
    pub(crate) fn controller(&self) -> &Controller {
        &self.controller
    }

    /// The epoch of this broker's registration; `None` before the first.
    pub(crate) fn epoch(&self) -> Option<BrokerEpoch> {
        self.epoch
    }

    /// Whether orders of a controller of this epoch, meant for this life of the broker, are to be obeyed;
    /// -1 means any life. A greater broker epoch is one that this broker has not heard of yet.
    pub(crate) fn check_orders(
        &mut self,
        controller_epoch: ControllerEpoch,
        broker_epoch: i64,
    ) -> Result<(), ErrorCode> {
        let seen = self.cluster.controller_epoch().map_or(ControllerEpoch(0), |(epoch, _)| epoch);
        if controller_epoch < self.controller_epoch.max(seen) {
            return Err(ErrorCode::STALE_CONTROLLER_EPOCH);
        }
        if broker_epoch != -1 && self.epoch.is_some_and(|epoch| broker_epoch < epoch.0) {
            return Err(ErrorCode::STALE_BROKER_EPOCH);
        }
        self.controller_epoch = controller_epoch;
        Ok(())
    }

    /// Whether the keeper can be reached.
    pub(crate) fn is_connected(&self) -> bool {
        self.connected
    }

    /// Who wished for elections that were held.
    pub(crate) fn take_election(&mut self, token: u64) -> Option<elect_leaders::Waiting> {
        self.elections.remove(&token)
    }

    /// Who made a wish that was answered.
    pub(crate) fn take_wish(&mut self, token: u64) -> Option<Asker> {
        self.wishes.remove(&token)
    }

    /// When it next wants [`woken`].
    pub(crate) fn deadline(&self) -> Option<Moment> {
        [self.retry_at, self.review_at].into_iter().flatten().min()
    }
}

/// Takes what happened on the keeper session (all but answers).
pub(crate) fn keeper<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    input: KeeperInput,
    effects: &mut Vec<Effect>,
) {
    match input {
        KeeperInput::Connected { session } => connected(broker, now, session, effects),
        KeeperInput::Disconnected => {
            broker.membership.connected = false;
            step_mirror(broker, now, mirror::Input::Disconnected, effects);
        }
        KeeperInput::Expired => {
            session_over(broker, now, effects);
            note(effects, "the keeper session expired; a new one will be begun".into());
        }
        KeeperInput::Watch(event) => step_mirror(broker, now, mirror::Input::Watch(event), effects),
        KeeperInput::Answered { .. } => unreachable!("answers come with what was asked"),
    }
}

fn connected<D: Disk>(broker: &mut Broker<D>, now: Now, session: SessionId, effects: &mut Vec<Effect>) {
    let membership = &mut broker.membership;
    if membership.session.is_some_and(|before| before != session) {
        session_over(broker, now, effects);
    }
    let membership = &mut broker.membership;
    if membership.session.replace(session).is_none() {
        membership.joined_at_ms = now.wall.as_ms();
    }
    membership.connected = true;
    match membership.joined {
        Joined::Registered => {
            // Answers may have been lost: once the view is whole again, all of it is looked at.
            membership.review_at = None;
            step_mirror(broker, now, mirror::Input::Resumed, effects);
            if broker.membership.mirror.is_settled() && broker.membership.review_at.is_none() {
                review(broker, now, effects);
            }
        }
        Joined::No | Joined::Joining(_) => joining::begin(broker, now, effects),
    }
}

fn session_over<D: Disk>(broker: &mut Broker<D>, now: Now, effects: &mut Vec<Effect>) {
    let membership = &mut broker.membership;
    membership.last_session = membership.session.take().or(membership.last_session);
    membership.connected = false;
    membership.joined = Joined::No;
    membership.retry_at = None;
    membership.review_at = None;
    step_mirror(broker, now, mirror::Input::Disconnected, effects);
    step_controller(broker, now, controller::Input::SessionLost, effects);
}

/// Takes the answer to an ask.
pub(crate) fn answered<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    asked: Asked,
    answer: Answer,
    effects: &mut Vec<Effect>,
) {
    let answer = answer.map(|(response, _)| response);
    match asked {
        Asked::Joining(attempt, step) => {
            if broker.membership.joined == Joined::Joining(attempt) {
                joining::answered(broker, now, step, answer, effects);
            }
        }
        Asked::Mirror(read) => step_mirror(broker, now, mirror::Input::Answered { read, answer }, effects),
        Asked::Controller(ask) => {
            step_controller(broker, now, controller::Input::Answered { ask, answer }, effects);
        }
        Asked::Whatever => {}
    }
}

/// Does what is due by time.
pub(crate) fn woken<D: Disk>(broker: &mut Broker<D>, now: Now, effects: &mut Vec<Effect>) {
    let membership = &mut broker.membership;
    let due = |at: &mut Option<Moment>| at.take_if(|at| *at <= now.moment).is_some();
    let (retry, look) = (due(&mut membership.retry_at), due(&mut membership.review_at));
    if retry && membership.connected {
        joining::begin(broker, now, effects);
    }
    if look {
        review(broker, now, effects);
    }
}

/// Ends the shell's turn: what changed is shown to clients from now on.
pub(crate) fn turn_ended<D: Disk>(broker: &mut Broker<D>) {
    let before = broker.membership.metadata().version;
    if broker.membership.cluster.metadata().version != before {
        broker.purgatory.touch(&WatchKey::Topics);
    }
}

/// The view is whole: the controller core may look at all of it.
fn review<D: Disk>(broker: &mut Broker<D>, now: Now, effects: &mut Vec<Effect>) {
    broker.membership.review_at = Some(now.moment + OFFICE_REVIEW);
    let (Some(session), true) = (broker.membership.session, broker.membership.mirror.is_settled()) else {
        return;
    };
    let ready = controller::Input::Ready { session, wall_ms: now.wall.as_ms() };
    step_controller(broker, now, ready, effects);
}

fn step_mirror<D: Disk>(broker: &mut Broker<D>, now: Now, input: mirror::Input, effects: &mut Vec<Effect>) {
    let mut wanted = Vec::new();
    let Membership { mirror, cluster, .. } = &mut broker.membership;
    mirror.step(cluster, input, &mut wanted);
    for effect in wanted {
        match effect {
            mirror::Effect::Ask { read, request } => {
                broker.ask(asks::Asked::Membership(Asked::Mirror(read)), request, effects);
            }
            mirror::Effect::Changed(change) => changed(broker, now, change, effects),
            mirror::Effect::Settled => settled(broker, now, effects),
            mirror::Effect::Malformed { path, why } => note(effects, format!("{path}: {why}")),
            mirror::Effect::Refused { path, error } => {
                note(effects, format!("{path} cannot be read: {error}"));
            }
        }
    }
}

fn settled<D: Disk>(broker: &mut Broker<D>, now: Now, effects: &mut Vec<Effect>) {
    // Only the first time in a session, or after a pause: changes are told one by one.
    if broker.membership.review_at.is_none() {
        joining::remove_own_stale_office(broker, effects);
        review(broker, now, effects);
    }
    tell_when_ready(broker, effects);
}

/// Ready is a broker that is registered, sees the whole cluster, and knows a controller: if it is the
/// controller itself, what it leads is led.
fn tell_when_ready<D: Disk>(broker: &mut Broker<D>, effects: &mut Vec<Effect>) {
    let Membership { mirror, cluster, controller, me, .. } = &broker.membership;
    let other = || cluster.controller().is_some_and(|other| other.node.broker != *me);
    if broker.membership.said_ready || !mirror.is_settled() || !(controller.epoch().is_some() || other()) {
        return;
    }
    let cluster_id = cluster.id().map(ToString::to_string).unwrap_or_default();
    broker.membership.said_ready = true;
    effects.push(Effect::Event(Event::Ready { broker_id: broker.settings.broker_id, cluster_id }));
}

fn changed<D: Disk>(broker: &mut Broker<D>, now: Now, change: Change, effects: &mut Vec<Effect>) {
    peers::changed(broker, &change);
    // Requests that wait for a change wait under this key, whatever it is that changes.
    broker.purgatory.touch(&WatchKey::Topics);
    match &change {
        Change::TopicConfig(topic) => orders::configure(broker, topic, effects),
        Change::TopicGone(topic, _) => {
            groups::topics_deleted(broker, now, vec![topic.to_string()], effects);
        }
        Change::BrokerConfig(_) => orders::inherit(broker, effects),
        Change::Topic(name) => drop(broker.growing_topics.remove(name)),
        Change::Broker(id) if *id == broker.membership.me => own_registration_changed(broker, now, effects),
        Change::Broker(id) => {
            links::peer_changed(broker, now, *id, effects);
            broker.followers.leader_changed(*id);
        }
        Change::PartitionState(topic, partition) => own_state_changed(broker, topic, *partition),
        _ => {}
    }
    step_controller(broker, now, controller::Input::Changed(change), effects);
}

/// What the controller wrote about a partition that this broker leads counts, however it is heard of.
fn own_state_changed<D: Disk>(broker: &mut Broker<D>, topic: &Arc<str>, partition: i32) {
    let Some((state, version)) = broker.membership.cluster.partition_state(topic, partition) else { return };
    if state.leader == broker.membership.me {
        let isr = state.isr.iter().map(|id| id.0).collect();
        let (leader_epoch, version) = (state.leader_epoch.0, version.0);
        let partition = TopicPartition::new(topic.clone(), partition);
        isr::settle(broker, &partition, leader_epoch, isr, version);
    }
}

/// A leader wants in-sync sets changed.
pub(crate) fn alter<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    asker: Asker,
    from: BrokerId,
    broker_epoch: i64,
    wishes: Vec<Alteration>,
    effects: &mut Vec<Effect>,
) {
    let token = broker.membership.next_wish;
    broker.membership.next_wish += 1;
    broker.membership.wishes.insert(token, asker);
    let input = controller::Input::Alter { token, from, broker_epoch, wishes };
    step_controller(broker, now, input, effects);
}

/// Somebody, or nobody but the balance, wants other leaders.
pub(crate) fn elect<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    waiting: Option<elect_leaders::Waiting>,
    wanted: Wanted,
    partitions: Vec<Partition>,
    effects: &mut Vec<Effect>,
) {
    let token = broker.membership.next_wish;
    broker.membership.next_wish += 1;
    if let Some(waiting) = waiting {
        broker.membership.elections.insert(token, waiting);
    }
    step_controller(broker, now, controller::Input::Elect { token, wanted, partitions }, effects);
}

/// A replica on some broker is gone, as ordered.
pub(crate) fn replica_deleted<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    partition: TopicPartition,
    by: BrokerId,
    effects: &mut Vec<Effect>,
) {
    let TopicPartition { topic, partition } = partition;
    let report = controller::Input::ReplicaDeleted { topic, partition, broker: by };
    step_controller(broker, now, report, effects);
}

/// A broker says that it will stop.
pub(crate) fn stopping<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    (who, epoch): (BrokerId, BrokerEpoch),
    effects: &mut Vec<Effect>,
) {
    step_controller(broker, now, controller::Input::Stopping { broker: who, epoch }, effects);
}

/// Removed by a foreign hand while the session lives, the broker is lost to its clients: it registers
/// again.
fn own_registration_changed<D: Disk>(broker: &mut Broker<D>, now: Now, effects: &mut Vec<Effect>) {
    let membership = &mut broker.membership;
    if !membership.cluster.is_live(membership.me) && membership.joined == Joined::Registered {
        membership.joined = Joined::No;
        membership.retry_at = Some(now.moment + KEEPER_RETRY);
        note(effects, "the registration was removed by another; registering again".into());
    }
}

/// Lets the controller core take something in, and does what it wants done.
fn step_controller<D: Disk>(
    broker: &mut Broker<D>,
    now: Now,
    input: controller::Input,
    effects: &mut Vec<Effect>,
) {
    let mut wanted = Vec::new();
    let Membership { controller, cluster, .. } = &mut broker.membership;
    controller.step(cluster, input, &mut wanted);
    for effect in wanted {
        orders::execute(broker, now, effect, effects);
    }
    tell_when_ready(broker, effects);
}

fn note(effects: &mut Vec<Effect>, text: String) {
    effects.push(Effect::Event(Event::Note(text)));
}
