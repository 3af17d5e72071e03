//! [`Controller`]: election, and the duties of the office.
//!
//! A duty is found by looking at the view, asked for at most once at a time, and done when the view
//! shows it. Whoever is not in office has no duties; whoever lost it learns so from the fence of the
//! next write at the latest.

use crate::deletion::{Deletions, Progress};
use crate::election::{Candidates, Elected, Unclean};
use crate::limits::NEW_STATES_UNDER_WAY_MAX;
use crate::{LeaderAndIsr, StopReplica};
use cluster::plan::{self, Fence, NewState, NextState, Outcome, Parents, Settings};
use cluster::znodes::{ControllerNode, LeaderRecovery, PartitionState};
use cluster::{BrokerEpoch, BrokerId, Change, Cluster, ControllerEpoch, LeaderEpoch, PartitionEpoch};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
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
        effects.push(Effect::Elected(epoch));
        for broker in cluster.brokers().keys() {
            self.order_all(cluster, *broker, effects);
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
    }

    fn forget_what_is_under_way(&mut self) {
        self.creating.clear();
        self.electing.clear();
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

    /// Orders about every partition that `broker` has a replica of.
    fn order_all(&self, cluster: &Cluster, broker: BrokerId, effects: &mut Vec<Effect>) {
        let mut partitions = Vec::new();
        for name in cluster.topics().keys() {
            if self.is_deleting(cluster, name) {
                continue;
            }
            for (partition, view) in cluster.partitions(name) {
                if view.replicas.all.contains(&broker) {
                    partitions.extend(self.order(cluster, name, partition));
                }
            }
        }
        self.send_orders(cluster, broker, partitions, effects);
    }

    /// Orders about every replica of a topic.
    fn order_topic(&self, cluster: &Cluster, topic: &Arc<str>, effects: &mut Vec<Effect>) {
        for (partition, view) in cluster.partitions(topic) {
            let Some(order) = self.order(cluster, topic, partition) else { continue };
            for replica in &view.replicas.all {
                self.send_orders(cluster, *replica, vec![order.clone()], effects);
            }
        }
    }

    fn send_orders(
        &self,
        cluster: &Cluster,
        to: BrokerId,
        partitions: Vec<LeaderAndIsr>,
        effects: &mut Vec<Effect>,
    ) {
        let (Some(controller_epoch), Some(broker)) = (self.epoch(), cluster.brokers().get(&to)) else {
            return;
        };
        if !partitions.is_empty() {
            let broker_epoch = broker.epoch;
            effects.push(Effect::LeaderAndIsr { to, broker_epoch, controller_epoch, partitions });
        }
    }

    /// The order about one partition, if it has a state.
    fn order(&self, cluster: &Cluster, topic: &Arc<str>, partition: i32) -> Option<LeaderAndIsr> {
        let view = cluster.partition(topic, partition)?;
        let (state, partition_epoch) = view.state?;
        Some(LeaderAndIsr {
            topic: topic.clone(),
            topic_id: cluster.topic(topic)?.node.id,
            partition,
            state: state.clone(),
            partition_epoch: *partition_epoch,
            replicas: view.replicas.all.clone(),
            adding: view.replicas.adding.clone(),
            removing: view.replicas.removing.clone(),
            is_new: state.leader_epoch == LeaderEpoch(0) && *partition_epoch == PartitionEpoch(0),
        })
    }

    /// A state is in the view: what was asked for is done, and those concerned must know.
    fn state_seen(&mut self, cluster: &Cluster, topic: &Arc<str>, partition: i32, effects: &mut Vec<Effect>) {
        let key = (topic.clone(), partition);
        let was_creating = self.creating.remove(&key);
        self.electing.remove(&key);
        if self.is_deleting(cluster, topic) {
            return;
        }
        if let Some(order) = self.order(cluster, topic, partition) {
            for replica in order.replicas.clone() {
                self.send_orders(cluster, replica, vec![order.clone()], effects);
            }
            self.elect_offline(cluster, &[key], effects);
        }
        // The rest of a topic too large to be made at once.
        if was_creating && !self.creating.iter().any(|(creating, _)| creating == topic) {
            self.tend(cluster, topic, effects);
        }
    }

    fn is_deleting(&self, cluster: &Cluster, topic: &str) -> bool {
        cluster.deleting().contains(topic) || self.deletions.contains(topic)
    }

    fn do_all_duties(&mut self, cluster: &Cluster, effects: &mut Vec<Effect>) {
        for name in cluster.deleting() {
            self.delete_if_wished(cluster, name, effects);
        }
        for name in cluster.topics().keys() {
            self.tend(cluster, name, effects);
        }
    }

    /// Gives a topic what it lacks: an id, first states, leaders.
    fn tend(&mut self, cluster: &Cluster, name: &str, effects: &mut Vec<Effect>) {
        let (Some(fence), Some((name, topic))) = (self.fence(), cluster.topics().get_key_value(name)) else {
            return;
        };
        if self.is_deleting(cluster, name) {
            return self.delete_if_wished(cluster, name, effects);
        }
        if topic.node.id.is_none() {
            let mut node = topic.node.clone();
            node.id = Some(cluster::TopicId::random(|| self.random.u64(..)));
            let request = plan::set_assignment(Some(fence), name, &node, topic.version);
            return self.ask(What::SetAssignment(name.clone()), request, effects);
        }
        let lacking = cluster.partitions(name).filter(|(_, view)| view.state.is_none());
        let lacking: Vec<_> = lacking
            .map(|(partition, _)| partition)
            .filter(|partition| !self.creating.contains(&(name.clone(), *partition)))
            .take(NEW_STATES_UNDER_WAY_MAX)
            .collect();
        if !lacking.is_empty() {
            let has_some = cluster.partition_states(name).next().is_some()
                || self.creating.iter().any(|(creating, _)| creating == name);
            let parents = if has_some { Parents::PartitionsOnly } else { Parents::Missing };
            self.create_states(cluster, name, &lacking, parents, effects);
        }
        let all: Vec<_> = cluster.partitions(name).map(|(partition, _)| (name.clone(), partition)).collect();
        self.elect_offline(cluster, &all, effects);
    }

    fn create_states(
        &mut self,
        cluster: &Cluster,
        topic: &Arc<str>,
        partitions: &[i32],
        parents: Parents,
        effects: &mut Vec<Effect>,
    ) {
        let Office::Held { epoch, fence } = self.office else { return };
        let first_state = |partition: &i32| {
            let view = cluster.partition(topic, *partition)?;
            let candidates =
                Candidates { replicas: &view.replicas.all, isr: &[], recovery: LeaderRecovery::Recovered };
            let elected = candidates.first(|id| cluster.is_live(id))?;
            let state = next_state(elected, LeaderEpoch(0), epoch);
            Some(NewState { partition: *partition, state })
        };
        let states: Vec<NewState> = partitions.iter().filter_map(first_state).collect();
        self.creating.extend(states.iter().map(|new| (topic.clone(), new.partition)));
        let mut parents = parents;
        let mut rest = &states[..];
        // One plan may take several multis; each is asked with the partitions it is about.
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(STATES_PER_ASK));
            for request in plan::create_states(fence, topic, now, parents) {
                let partitions = now.iter().map(|new| new.partition).collect();
                self.ask(What::CreateStates { topic: topic.clone(), partitions }, request, effects);
            }
            if parents == Parents::Missing {
                parents = Parents::PartitionsOnly;
            }
            rest = later;
        }
    }

    /// Something of it exists: left by a controller that made the znodes one by one, or written by one
    /// that we have not heard of yet. Makes what is above the states and then those that the view lacks.
    fn create_failed(
        &mut self,
        cluster: &Cluster,
        topic: &Arc<str>,
        partitions: Vec<i32>,
        outcome: Outcome,
        effects: &mut Vec<Effect>,
    ) {
        for partition in &partitions {
            self.creating.remove(&(topic.clone(), *partition));
        }
        let Outcome::Failed { error, .. } = outcome else { return };
        let lacking: Vec<_> = partitions
            .into_iter()
            .filter(|p| cluster.partition(topic, *p).is_some_and(|view| view.state.is_none()))
            .collect();
        match error {
            ErrorCode::NODE_EXISTS if !lacking.is_empty() => {
                for request in plan::create_parents(topic, lacking.iter().copied()) {
                    self.ask(What::CreateParent, request, effects);
                }
                for partition in lacking {
                    // Alone, so that one that exists does not keep the others from being made.
                    self.create_states(cluster, topic, &[partition], Parents::Present, effects);
                }
            }
            // A state exists that the view has not shown yet, or the topic is gone: the view will tell.
            ErrorCode::NODE_EXISTS | ErrorCode::NO_NODE => {}
            error => effects.push(Effect::Note(format!("topic {topic}: no leaders could be set: {error}"))),
        }
    }

    /// Elects leaders for those of `partitions` whose leader is not alive.
    fn elect_offline(
        &mut self,
        cluster: &Cluster,
        partitions: &[(Arc<str>, i32)],
        effects: &mut Vec<Effect>,
    ) {
        let Office::Held { epoch, fence } = self.office else { return };
        let mut next = Vec::new();
        for (topic, partition) in partitions {
            let Some(view) = cluster.partition(topic, *partition) else { continue };
            let Some((state, version)) = view.state else { continue };
            let key = (topic.clone(), *partition);
            if cluster.is_live(state.leader) || self.electing.get(&key) == Some(version) {
                continue;
            }
            let candidates =
                Candidates { replicas: &view.replicas.all, isr: &state.isr, recovery: state.recovery };
            let unclean = unclean_allowed(cluster, topic);
            let elected = match candidates.offline(|id| cluster.is_live(id), unclean) {
                Some(elected) => elected,
                None if state.leader == BrokerId::NONE => continue,
                // Nobody can lead. The last of the ISR stays in it: it alone has everything.
                None => Elected { leader: BrokerId::NONE, isr: state.isr.clone(), recovery: state.recovery },
            };
            self.electing.insert(key, *version);
            let state = next_state(elected, state.leader_epoch.next(), epoch);
            next.push(NextState { topic: topic.to_string(), partition: *partition, state, epoch: *version });
        }
        for chunk in next.chunks(STATES_PER_ASK) {
            for request in plan::set_states(fence, chunk) {
                let about = chunk.iter().map(|next| (Arc::from(next.topic.as_str()), next.partition));
                self.ask(What::SetStates(about.collect()), request, effects);
            }
        }
    }

    /// Somebody wrote one of the states in between: all but that one are tried again; that one comes
    /// with the view.
    fn set_failed(
        &mut self,
        cluster: &Cluster,
        mut partitions: Vec<(Arc<str>, i32)>,
        op: usize,
        effects: &mut Vec<Effect>,
    ) {
        // Operation 0 is the fence.
        if (1..=partitions.len()).contains(&op) {
            partitions.remove(op - 1);
        }
        for key in &partitions {
            self.electing.remove(key);
        }
        self.elect_offline(cluster, &partitions, effects);
    }

    fn delete_if_wished(&mut self, cluster: &Cluster, name: &str, effects: &mut Vec<Effect>) {
        let Some(fence) = self.fence() else { return };
        if !cluster.deleting().contains(name) {
            return;
        }
        let Some((name, _)) = cluster.topics().get_key_value(name) else {
            // Not while the znodes of a topic that just went are still being removed.
            if !self.deletions.contains(name) {
                let request = plan::forget_deletion(fence, name);
                self.ask(What::ForgetDeletion(Arc::from(name)), request, effects);
            }
            return;
        };
        let mut orders: BTreeMap<BrokerId, Vec<i32>> = BTreeMap::new();
        for (partition, broker) in self.deletions.begin(cluster, name) {
            orders.entry(broker).or_default().push(partition);
        }
        for (broker, partitions) in orders {
            let partitions = partitions.into_iter().map(|partition| (name.clone(), partition)).collect();
            self.stop(cluster, broker, partitions, effects);
        }
        if self.deletions.is_stopped(name) {
            self.remove_topic(cluster, name, effects);
        }
    }

    /// A broker is back: it is asked for what it still owes.
    fn stop_owed(&self, cluster: &Cluster, broker: BrokerId, effects: &mut Vec<Effect>) {
        self.stop(cluster, broker, self.deletions.owed_by(broker), effects);
    }

    fn stop(
        &self,
        cluster: &Cluster,
        to: BrokerId,
        partitions: Vec<(Arc<str>, i32)>,
        effects: &mut Vec<Effect>,
    ) {
        let (Some(controller_epoch), Some(broker)) = (self.epoch(), cluster.brokers().get(&to)) else {
            return;
        };
        if partitions.is_empty() {
            return;
        }
        let id = |topic: &str| cluster.topic(topic).and_then(|topic| topic.node.id);
        let partitions = partitions.into_iter().map(|(topic, partition)| StopReplica {
            topic_id: id(&topic),
            topic,
            partition,
            delete: true,
        });
        let (broker_epoch, partitions) = (broker.epoch, partitions.collect());
        effects.push(Effect::StopReplica { to, broker_epoch, controller_epoch, partitions });
    }

    fn remove_topic(&mut self, cluster: &Cluster, topic: &Arc<str>, effects: &mut Vec<Effect>) {
        let Some(fence) = self.fence() else { return };
        let partitions: Vec<i32> = cluster.partition_states(topic).map(|(partition, _)| partition).collect();
        let settings = match cluster.topic_config(topic) {
            Some(_) => Settings::Present,
            None => Settings::Absent,
        };
        let requests = plan::remove_topic(fence, topic, &partitions, settings);
        self.deletions.removing(topic, requests.len());
        for request in requests {
            let what = What::RemoveTopic { topic: topic.clone(), step_by_step: false };
            self.ask(what, request, effects);
        }
    }

    fn removal_answered(
        &mut self,
        cluster: &Cluster,
        topic: Arc<str>,
        step_by_step: bool,
        answer: Result<Response, ErrorCode>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(outcome) = self.outcome(answer, effects) else { return };
        // Operation 1 checks the wish. Without one, whatever has the name now shall live.
        if matches!(outcome, Outcome::Failed { op: 1, .. }) {
            self.deletions.cancel(&topic);
            self.order_topic(cluster, &topic, effects);
            self.delete_if_wished(cluster, &topic, effects);
            return self.tend(cluster, &topic, effects);
        }
        if let (Outcome::Failed { .. }, false, Some(fence)) = (outcome, step_by_step, self.fence()) {
            // The tree is not as the view says, or half of it went before: one by one then.
            let known = cluster.partitions(&topic).map(|(partition, _)| partition);
            let requests = plan::remove_topic_step_by_step(fence, &topic, known);
            self.deletions.removing(&topic, requests.len());
            for request in requests {
                self.ask(What::RemoveTopic { topic: topic.clone(), step_by_step: true }, request, effects);
            }
            return;
        }
        if self.deletions.answered(&topic) == Progress::Removed {
            effects.push(Effect::Note(format!("topic {topic} is deleted")));
            if self.deletions.forget_if_gone(cluster, &topic) {
                // Another of the same name may have been made, or wished away, already.
                self.delete_if_wished(cluster, &topic, effects);
                self.tend(cluster, &topic, effects);
            }
        }
    }
}

/// States in one ask: each multi then fits, parents included, so that an ask is one multi.
const STATES_PER_ASK: usize = 500;

const _: () = assert!(2 * STATES_PER_ASK + 2 <= cluster::limits::OPS_PER_MULTI_MAX);
// A state with its path takes under 450 bytes for names of 249 characters and few replicas.
const _: () = assert!(STATES_PER_ASK * 1000 <= cluster::limits::BYTES_PER_MULTI_MAX);

fn next_state(
    elected: Elected,
    leader_epoch: LeaderEpoch,
    controller_epoch: ControllerEpoch,
) -> PartitionState {
    let Elected { leader, isr, recovery } = elected;
    PartitionState { leader, leader_epoch, isr, controller_epoch, recovery }
}

/// The topic's own setting, else that of all brokers.
fn unclean_allowed(cluster: &Cluster, topic: &str) -> Unclean {
    const KEY: &str = "unclean.leader.election.enable";
    let own = cluster.topic_config(topic).and_then(|config| config.value(KEY));
    let common = || cluster.broker_config(None).and_then(|config| config.value(KEY));
    match own.or_else(common) {
        Some(value) if value.trim().eq_ignore_ascii_case("true") => Unclean::Allowed,
        _ => Unclean::Forbidden,
    }
}

#[cfg(test)]
mod tests;
