//! [`Controller`]: election, and the duties of the office.
//!
//! A duty is found by looking at the view, asked for at most once at a time, and done when the view
//! shows it. Whoever is not in office has no duties; whoever lost it learns so from the fence of the
//! next write at the latest.

mod alter;
mod duties;
mod liveness;
mod orders;
mod reassignment;
mod removal;
mod wishes;

use crate::deletion::{Deletions, Progress};
use crate::{Alteration, Altered, LeaderAndIsr, StopReplica};
use alter::Alterations;
use cluster::plan::{self, Fence, Outcome};
use cluster::znodes::{ControllerNode, PartitionState, Replicas};
use cluster::{BrokerEpoch, BrokerId, Change, Cluster, ControllerEpoch, PartitionEpoch};
pub use reassignment::{called_off, reassigned};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use wishes::Elections;
pub use wishes::{Held, Partition, Wanted};
use zookeeper_wire::{ErrorCode, MultiResult, Request, Response, SessionId};

/// What happened.
#[derive(Debug)]
pub enum Input {
    /// The view is whole and fresh: for the first time in a session, again after a pause in which
    /// something may have been missed, or once in a while to be sure.
    Ready {
        /// The session that the view is seen through.
        session: SessionId,
        /// For the date in `/controller`.
        wall_ms: i64,
    },
    /// The view changed.
    Changed(Change),
    /// The answer to an ask.
    Answered {
        /// As [`Effect::Ask`] said it.
        ask: Ask,
        /// The server's word, or `CONNECTION_LOSS` or `SESSION_EXPIRED` of the client's making.
        answer: Result<Response, ErrorCode>,
    },
    /// The session is gone, and with it `/controller` if it was ours.
    SessionLost,
    /// A broker did what [`StopReplica`] with `delete` told it.
    ReplicaDeleted {
        /// The topic.
        topic: Arc<str>,
        /// The partition.
        partition: i32,
        /// Who reports.
        broker: BrokerId,
    },
    /// A leader wants in-sync sets changed; answered by [`Effect::Altered`].
    Alter {
        /// Comes back in the effect.
        token: u64,
        /// Who asks.
        from: BrokerId,
        /// The epoch of its registration, as it knows it.
        broker_epoch: i64,
        /// What it wants.
        wishes: Vec<Alteration>,
    },
    /// Somebody wants other leaders; answered by [`Effect::ElectionsHeld`].
    Elect {
        /// Comes back in the effect.
        token: u64,
        /// Which leaders.
        wanted: Wanted,
        /// Of which partitions.
        partitions: Vec<Partition>,
    },
    /// A broker could not obey about these replicas, because their log directory failed.
    ReplicasFailed {
        /// Who.
        broker: BrokerId,
        /// Of which partitions.
        partitions: Vec<Partition>,
    },
    /// A broker is about to stop: others shall lead and be in sync in its place.
    Stopping {
        /// Who.
        broker: BrokerId,
        /// Which of its lives; it ends with that.
        epoch: BrokerEpoch,
    },
}

/// What shall be done, in order.
#[derive(Debug)]
pub enum Effect {
    /// Send this to the keeper and hand the answer back with `ask`.
    Ask {
        /// To be handed back.
        ask: Ask,
        /// To be sent.
        request: Request,
    },
    /// This broker is controller now.
    Elected(ControllerEpoch),
    /// This broker was controller and is no more.
    Resigned,
    /// Orders for one broker, the content of a LeaderAndIsr request. What UpdateMetadata would carry
    /// besides is in the view that every broker of ours keeps.
    LeaderAndIsr {
        /// For whom.
        to: BrokerId,
        /// Which of its lives is meant.
        broker_epoch: BrokerEpoch,
        /// Who orders.
        controller_epoch: ControllerEpoch,
        /// What.
        partitions: Vec<LeaderAndIsr>,
    },
    /// Orders for one broker, the content of a StopReplica request.
    StopReplica {
        /// For whom.
        to: BrokerId,
        /// Which of its lives is meant.
        broker_epoch: BrokerEpoch,
        /// Who orders.
        controller_epoch: ControllerEpoch,
        /// What.
        partitions: Vec<StopReplica>,
    },
    /// The answer to [`Input::Alter`]: what became of each wish, or why none was looked at.
    Altered {
        /// Of the input.
        token: u64,
        /// In no particular order.
        result: Result<Vec<Altered>, kafka_wire::ErrorCode>,
    },
    /// The answer to [`Input::Elect`]: what became of each partition, or why none was looked at.
    ElectionsHeld {
        /// Of the input.
        token: u64,
        /// In no particular order.
        result: Result<Vec<Held>, kafka_wire::ErrorCode>,
    },
    /// For the log.
    Note(String),
}

/// A request under way. Opaque: only to be handed back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ask {
    what: What,
    /// Counts the elections this broker stood for: answers of an earlier term mean nothing.
    term: u64,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum What {
    MakeEpoch,
    Elect { epoch: ControllerEpoch },
    CreateStates { topic: Arc<str>, partitions: Vec<i32> },
    CreateParent,
    SetStates(Vec<(Arc<str>, i32)>),
    SetAssignment(Arc<str>),
    RemoveTopic { topic: Arc<str>, step_by_step: bool },
    ForgetDeletion(Arc<str>),
    ForgetLogDirEvent,
    ElectWished { token: u64, key: Partition },
    Alter { token: u64, wish: Box<Alteration>, state: Box<PartitionState> },
}

/// One broker's part in the election, and its duties while it is controller.
#[derive(Debug)]
pub struct Controller {
    me: BrokerId,
    random: fastrand::Rng,
    term: u64,
    /// While the view is whole: the session it is seen through.
    session: Option<SessionId>,
    wall_ms: i64,
    office: Office,
    /// Partitions whose first state was asked for and not seen yet.
    creating: BTreeSet<(Arc<str>, i32)>,
    /// Partitions whose next state was asked for, with the version it replaces.
    electing: BTreeMap<(Arc<str>, i32), PartitionEpoch>,
    deletions: Deletions,
    alterations: Alterations,
    elections: Elections,
    /// Partitions that are being reassigned, as all concerned were told last.
    moving: BTreeMap<Partition, Replicas>,
    /// States that leaders wished for and got, until the view shows them.
    altered: BTreeMap<(Arc<str>, i32), PartitionEpoch>,
    /// The lives of the brokers as this controller knew them last.
    lives: BTreeMap<BrokerId, BrokerEpoch>,
    /// Brokers that began another life unseen, with the partitions in which they still count as dead.
    reborn: BTreeMap<BrokerId, BTreeSet<(Arc<str>, i32)>>,
    /// Brokers that are about to stop, with the life that ends.
    stopping: BTreeMap<BrokerId, BrokerEpoch>,
    /// Replicas on log directories that failed, of brokers that live on; until they begin another life.
    failed: BTreeMap<BrokerId, BTreeSet<Partition>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Office {
    /// No candidate, or not yet.
    None,
    /// Standing for election.
    Candidate { epoch: ControllerEpoch },
    /// Controller.
    Held { epoch: ControllerEpoch, fence: Fence },
}

impl Controller {
    /// A broker that is not controller. `seed` decides the ids of topics that have none.
    pub fn new(me: BrokerId, seed: u64) -> Controller {
        Controller {
            me,
            random: fastrand::Rng::with_seed(seed),
            term: 0,
            session: None,
            wall_ms: 0,
            office: Office::None,
            creating: BTreeSet::new(),
            electing: BTreeMap::new(),
            deletions: Deletions::default(),
            alterations: Alterations::default(),
            elections: Elections::default(),
            moving: BTreeMap::new(),
            altered: BTreeMap::new(),
            lives: BTreeMap::new(),
            reborn: BTreeMap::new(),
            stopping: BTreeMap::new(),
            failed: BTreeMap::new(),
        }
    }

    /// The epoch of this broker's office, if it is controller.
    pub fn epoch(&self) -> Option<ControllerEpoch> {
        match self.office {
            Office::Held { epoch, .. } => Some(epoch),
            _ => None,
        }
    }

    /// The fence for writes that an admin request makes this controller do.
    pub fn fence(&self) -> Option<Fence> {
        match self.office {
            Office::Held { fence, .. } => Some(fence),
            _ => None,
        }
    }

    /// Takes in what happened; `cluster` is the view as it is after it.
    pub fn step(&mut self, cluster: &Cluster, input: Input, effects: &mut Vec<Effect>) {
        match input {
            Input::Ready { session, wall_ms } => self.ready(cluster, session, wall_ms, effects),
            Input::Changed(change) => self.changed(cluster, change, effects),
            Input::Answered { ask, answer } if ask.term == self.term => {
                self.answered(cluster, ask.what, answer, effects);
            }
            Input::Answered { .. } => {}
            Input::SessionLost => {
                self.session = None;
                self.leave_office(effects);
            }
            Input::Alter { token, from, broker_epoch, wishes } => {
                self.alter(cluster, token, (from, broker_epoch), wishes, effects);
            }
            Input::Elect { token, wanted, partitions } => {
                self.elect_wished(cluster, token, wanted, partitions, effects);
            }
            Input::ReplicasFailed { broker, partitions } => {
                self.replicas_failed(cluster, broker, partitions, effects);
            }
            Input::Stopping { broker, epoch } => self.stops(cluster, broker, epoch, effects),
            Input::ReplicaDeleted { topic, partition, broker } => {
                if self.deletions.replica_gone(&topic, partition, broker) == Progress::Stopped {
                    self.remove_topic(cluster, &topic, effects);
                }
            }
        }
    }

    fn ask(&self, what: What, request: Request, effects: &mut Vec<Effect>) {
        effects.push(Effect::Ask { ask: Ask { what, term: self.term }, request });
    }

    fn ready(&mut self, cluster: &Cluster, session: SessionId, wall_ms: i64, effects: &mut Vec<Effect>) {
        self.session = Some(session);
        self.wall_ms = wall_ms;
        match self.office {
            Office::Held { epoch, .. } => match self.victory(cluster, epoch) {
                // Answers may have been lost: look at everything with fresh eyes.
                Some(_) => {
                    self.forget_what_is_under_way();
                    self.do_all_duties(cluster, effects);
                }
                None => {
                    self.leave_office(effects);
                    self.stand_if_vacant(cluster, effects);
                }
            },
            // The answer to our candidacy may have been lost with the connection.
            Office::Candidate { epoch } => match self.victory(cluster, epoch) {
                Some(fence) => self.take_office(cluster, epoch, fence, effects),
                None => {
                    self.office = Office::None;
                    self.stand_if_vacant(cluster, effects);
                }
            },
            Office::None => self.stand_if_vacant(cluster, effects),
        }
    }

    /// Whether the view shows that we won the election for `epoch`, and the fence it gave us.
    fn victory(&self, cluster: &Cluster, epoch: ControllerEpoch) -> Option<Fence> {
        let node = cluster.controller()?;
        let (current, version) = cluster.controller_epoch()?;
        let ours = node.node.broker == self.me && Some(node.session) == self.session && current == epoch;
        ours.then_some(Fence(version))
    }

    fn stand_if_vacant(&mut self, cluster: &Cluster, effects: &mut Vec<Effect>) {
        if self.session.is_none() || self.office != Office::None || cluster.controller().is_some() {
            return;
        }
        self.term += 1;
        match cluster.controller_epoch() {
            Some((epoch, version)) => self.stand(epoch, version, effects),
            None => self.ask(What::MakeEpoch, plan::create_controller_epoch(), effects),
        }
    }

    fn stand(&mut self, last: ControllerEpoch, version: i32, effects: &mut Vec<Effect>) {
        let epoch = last.next();
        let node = ControllerNode { broker: self.me, timestamp_ms: self.wall_ms, kraft_epoch: -1 };
        self.office = Office::Candidate { epoch };
        self.ask(What::Elect { epoch }, plan::elect(&node, epoch, version), effects);
    }

    fn take_office(
        &mut self,
        cluster: &Cluster,
        epoch: ControllerEpoch,
        fence: Fence,
        effects: &mut Vec<Effect>,
    ) {
        self.office = Office::Held { epoch, fence };
        self.forget_what_is_under_way();
        self.lives = cluster.brokers().iter().map(|(id, broker)| (*id, broker.epoch)).collect();
        effects.push(Effect::Elected(epoch));
        for broker in cluster.brokers().keys() {
            self.order_all(cluster, *broker, effects);
        }
        // Every broker has just been asked what it cannot do.
        for name in cluster.log_dir_events().keys() {
            self.ask(What::ForgetLogDirEvent, plan::forget_log_dir_event(fence, name), effects);
        }
        self.do_all_duties(cluster, effects);
    }

    fn leave_office(&mut self, effects: &mut Vec<Effect>) {
        if matches!(self.office, Office::Held { .. }) {
            effects.push(Effect::Resigned);
        }
        self.office = Office::None;
        self.term += 1;
        self.forget_what_is_under_way();
        self.alterations.clear(effects);
        self.elections.clear(effects);
        self.moving.clear();
        self.reborn.clear();
        self.stopping.clear();
        self.failed.clear();
    }

    fn forget_what_is_under_way(&mut self) {
        self.creating.clear();
        self.electing.clear();
        self.altered.clear();
        self.deletions.clear();
    }

    fn changed(&mut self, cluster: &Cluster, change: Change, effects: &mut Vec<Effect>) {
        if change == Change::Controller {
            return self.controller_changed(cluster, effects);
        }
        if self.epoch().is_none() {
            return;
        }
        match change {
            Change::Topic(name) => {
                self.deletions.forget_if_gone(cluster, &name);
                self.tend(cluster, &name, effects);
            }
            Change::PartitionState(topic, partition) => {
                self.state_seen(cluster, &topic, partition, effects);
            }
            Change::TopicGone(name, _) => {
                self.creating.retain(|(topic, _)| *topic != name);
                self.electing.retain(|(topic, _), _| *topic != name);
                if self.deletions.forget_if_gone(cluster, &name) {
                    self.delete_if_wished(cluster, &name, effects);
                }
            }
            Change::Broker(id) => {
                self.life_changed(cluster, id);
                if cluster.is_live(id) {
                    self.order_all(cluster, id, effects);
                    self.stop_owed(cluster, id, effects);
                }
                self.do_all_duties(cluster, effects);
            }
            Change::DeleteTopic(name) => {
                self.delete_if_wished(cluster, &name, effects);
                // Taken back: if the topic exists, it was made after the wish and shall live.
                self.tend(cluster, &name, effects);
            }
            Change::TopicConfig(name) => self.tend(cluster, &name, effects),
            Change::LogDirEvent(name) => self.log_dir_failed(cluster, &name, effects),
            _ => {}
        }
    }

    fn controller_changed(&mut self, cluster: &Cluster, effects: &mut Vec<Effect>) {
        match self.office {
            Office::Held { epoch, .. } if self.session.is_some() => {
                let node = cluster.controller();
                let ours = node.is_some_and(|n| n.node.broker == self.me && Some(n.session) == self.session);
                if !ours {
                    effects.push(Effect::Note(format!("controller epoch {epoch} was ended by another")));
                    self.leave_office(effects);
                    self.stand_if_vacant(cluster, effects);
                }
            }
            Office::None => self.stand_if_vacant(cluster, effects),
            _ => {}
        }
    }

    fn answered(
        &mut self,
        cluster: &Cluster,
        what: What,
        answer: Result<Response, ErrorCode>,
        effects: &mut Vec<Effect>,
    ) {
        // Nobody knows what happened; the view will, and Ready says when.
        if matches!(answer, Err(ErrorCode::CONNECTION_LOSS | ErrorCode::SESSION_EXPIRED)) {
            let unknown = kafka_wire::ErrorCode::NOT_CONTROLLER;
            match what {
                What::Alter { token, wish, .. } => self.settle_wish(token, &wish, Err(unknown), effects),
                What::ElectWished { token, key } => self.settle_election(token, key, Err(unknown), effects),
                _ => {}
            }
            return;
        }
        match what {
            What::MakeEpoch => match answer {
                Ok(_) => self.stand(ControllerEpoch(0), 0, effects),
                // Another broker made it; its candidacy, or the node itself, will show in the view.
                Err(_) => match cluster.controller_epoch() {
                    Some((epoch, version)) if cluster.controller().is_none() => {
                        self.stand(epoch, version, effects);
                    }
                    _ => {}
                },
            },
            What::Elect { epoch } => self.election_answered(cluster, epoch, answer, effects),
            What::CreateParent => {}
            What::ForgetLogDirEvent => drop(self.outcome(answer, effects)),
            What::ElectWished { token, key } => {
                self.election_wished_answered(token, key, answer, effects);
            }
            What::Alter { token, wish, state } => {
                self.alter_answered(cluster, (token, *wish), *state, answer, effects);
            }
            What::CreateStates { topic, partitions } => match self.outcome(answer, effects) {
                None | Some(Outcome::Done) => {}
                Some(outcome) => self.create_failed(cluster, &topic, partitions, outcome, effects),
            },
            What::SetStates(partitions) => {
                if let Some(Outcome::Failed { op, .. }) = self.outcome(answer, effects) {
                    self.set_failed(cluster, partitions, op, effects);
                }
            }
            What::SetAssignment(topic) => {
                if let Some(Outcome::Failed { error, .. }) = self.outcome(answer, effects) {
                    effects.push(Effect::Note(format!("topic {topic} could not be given an id: {error}")));
                }
            }
            What::RemoveTopic { topic, step_by_step } => {
                self.removal_answered(cluster, topic, step_by_step, answer, effects);
            }
            What::ForgetDeletion(topic) => {
                // The same wish may have come again without the view having seen it gone.
                if self.outcome(answer, effects) == Some(Outcome::Done) {
                    self.delete_if_wished(cluster, &topic, effects);
                }
            }
        }
    }

    fn election_answered(
        &mut self,
        cluster: &Cluster,
        epoch: ControllerEpoch,
        answer: Result<Response, ErrorCode>,
        effects: &mut Vec<Effect>,
    ) {
        let results = match answer {
            Ok(Response::Multi(results)) => results,
            _ => return self.office = Office::None,
        };
        match (plan::outcome(&results), results.last()) {
            (Outcome::Done, Some(MultiResult::SetData(stat))) => {
                self.take_office(cluster, epoch, Fence(stat.version), effects);
            }
            _ => {
                // Lost. If the winner has gone again already, the view may show it as vacant: then try
                // again with what it shows now.
                self.office = Office::None;
                let moved_on = cluster.controller_epoch().is_some_and(|(current, _)| current >= epoch);
                if moved_on {
                    self.stand_if_vacant(cluster, effects);
                }
            }
        }
    }

    /// The outcome of a fenced multi, after resigning if it was fenced; `None` if there is nothing more
    /// to do about it.
    fn outcome(&mut self, answer: Result<Response, ErrorCode>, effects: &mut Vec<Effect>) -> Option<Outcome> {
        match answer {
            Ok(Response::Multi(results)) => match plan::fenced_outcome(&results) {
                Outcome::Fenced => {
                    effects.push(Effect::Note("a newer controller exists: resigning".into()));
                    self.leave_office(effects);
                    None
                }
                other => Some(other),
            },
            Ok(_) => None,
            Err(error) => Some(Outcome::Failed { op: 0, error }),
        }
    }
}

#[cfg(test)]
mod tests;
