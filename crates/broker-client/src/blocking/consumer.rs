//! Reading, one poll after the other: partitions that the caller names, or those that a group gives.

use super::link::Link;
use super::{Client, Create, OffsetAt, admin};
use crate::fetcher::{Fetched, Fetcher, Isolation, Trouble};
use crate::limits::{FETCH_WAIT, METADATA_AGE_MAX};
use crate::membership::{Effect, Input, MemberOptions, Membership};
use crate::{Error, TopicPartition};
use clock::Moment;
use kafka_wire::ErrorCode;
use kafka_wire::message::fetch::FetchRequest;
use kafka_wire::message::heartbeat::HeartbeatRequest;
use kafka_wire::message::join_group::JoinGroupRequest;
use kafka_wire::message::leave_group::LeaveGroupRequest;
use kafka_wire::message::offset_commit::OffsetCommitRequest;
use kafka_wire::message::sync_group::SyncGroupRequest;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

/// Where to begin in a partition that has no (valid) position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reset {
    /// At the first record there is.
    Earliest,
    /// Behind the last one.
    #[default]
    Latest,
}

/// What a poll may report besides records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The group gave these partitions.
    Assigned(Vec<TopicPartition>),
    /// The group took all partitions back.
    Revoked,
    /// A position was not in the log; reading goes on at this offset.
    Jumped(TopicPartition, i64),
}

/// Which answer the coordinator owes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owed {
    Join,
    Sync,
    Heartbeat,
}

/// The connection to the group's coordinator, apart from the one for fetches, which may be held for a while.
#[derive(Debug)]
struct Coordinator {
    link: Link,
    owed: VecDeque<Owed>,
}

/// A [`Fetcher`], perhaps a [`Membership`], and the client they speak through.
#[derive(Debug)]
pub struct Consumer<'a> {
    client: &'a mut Client,
    fetcher: Fetcher,
    reset: Reset,
    membership: Option<Membership>,
    coordinator: Option<Coordinator>,
    /// Behind what the caller is done with, which is what a commit covers.
    seen: BTreeMap<TopicPartition, i64>,
    /// What is already committed.
    committed: BTreeMap<TopicPartition, i64>,
    events: Vec<Event>,
    started: Instant,
    looked: Instant,
}

impl<'a> Consumer<'a> {
    /// A consumer that reads nothing yet; [`Consumer::assign`] says what.
    pub fn new(client: &'a mut Client, isolation: Isolation, reset: Reset) -> Consumer<'a> {
        Consumer {
            client,
            fetcher: Fetcher::new(isolation),
            reset,
            membership: None,
            coordinator: None,
            seen: BTreeMap::new(),
            committed: BTreeMap::new(),
            events: Vec::new(),
            started: Instant::now(),
            looked: Instant::now(),
        }
    }

    /// A consumer that reads what its group gives it.
    pub fn member(
        client: &'a mut Client,
        options: MemberOptions,
        isolation: Isolation,
        reset: Reset,
    ) -> Consumer<'a> {
        let mut consumer = Consumer::new(client, isolation, reset);
        consumer.membership = Some(Membership::new(options));
        consumer
    }

    /// Reads these partitions from these offsets on.
    pub fn assign(&mut self, positions: BTreeMap<TopicPartition, i64>) {
        self.fetcher.retain(|place| positions.contains_key(place));
        for (place, offset) in positions {
            self.fetcher.seek(place, offset);
        }
    }

    /// What happened since the last call.
    pub fn events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Whether everything there was has been read.
    pub fn is_at_end(&self) -> bool {
        let reads = self.fetcher.positions().next().is_some();
        let joined = self.membership.as_ref().is_none_or(|membership| membership.identity().is_some());
        joined && (reads || self.membership.is_none()) && self.fetcher.is_at_end()
    }

    /// Waits up to `patience` for records. Returns early whenever there is something to look at.
    ///
    /// # Errors
    /// What will not pass by waiting.
    pub fn poll(&mut self, patience: Duration) -> Result<Vec<Fetched>, Error> {
        let deadline = Instant::now() + patience;
        loop {
            self.drive()?;
            let records = self.fetch()?;
            if !records.is_empty() || !self.events.is_empty() || Instant::now() >= deadline {
                return Ok(records);
            }
        }
    }

    /// Says that the caller is done with a record, which the next commit may cover.
    pub fn done(&mut self, fetched: &Fetched) {
        let next = fetched.record.offset + 1;
        match self.seen.get_mut(&fetched.partition) {
            Some(seen) => *seen = next,
            None => drop(self.seen.insert(fetched.partition.clone(), next)),
        }
    }

    /// Commits everything that the caller is done with; without a group there is nothing to do.
    ///
    /// # Errors
    /// What will not pass. A commit that the group's change made void is none.
    pub fn commit(&mut self) -> Result<(), Error> {
        let Some(membership) = &self.membership else { return Ok(()) };
        let Some((member, generation)) = membership.identity() else { return Ok(()) };
        let news = self.seen.iter().filter(|(place, offset)| self.committed.get(*place) != Some(*offset));
        let news: BTreeMap<TopicPartition, i64> =
            news.map(|(place, offset)| (place.clone(), *offset)).collect();
        if news.is_empty() {
            return Ok(());
        }
        let offsets = news.iter().map(|(place, offset)| (place, *offset));
        let mut request = admin::commit_request(membership.group(), offsets);
        request.member_id = member.to_owned();
        request.generation_id_or_member_epoch = generation;
        request.group_instance_id = membership.instance().map(str::to_owned);
        let heard = match self.hear_heartbeats() {
            Ok(heard) => heard,
            Err(error) if error.is_passing() => return self.lose_coordinator(),
            Err(error) => return Err(error),
        };
        let Some(coordinator) = &mut self.coordinator else { return Ok(()) };
        if !coordinator.owed.is_empty() {
            // The group is being joined: what was read belongs to a generation that is gone.
            return Ok(());
        }
        let patience = self.client.patience();
        let response = match coordinator.link.ask::<OffsetCommitRequest>(&request, patience) {
            Ok(response) => response,
            Err(error) if error.is_passing() => return self.lose_coordinator(),
            Err(error) => return Err(error),
        };
        let partitions = response.topics.into_iter().flat_map(|topic| topic.partitions);
        let refused = partitions.map(|partition| partition.error_code).find(|code| !code.is_none());
        match refused {
            None => self.committed.extend(news),
            Some(code) => self.step(Input::CommitRefused(code))?,
        }
        for code in heard {
            self.step(Input::Heartbeaten(code))?;
        }
        Ok(())
    }

    /// Takes the answers to heartbeats under way, since answers come in order.
    fn hear_heartbeats(&mut self) -> Result<Vec<ErrorCode>, Error> {
        let patience = self.client.patience();
        let mut heard = Vec::new();
        let Some(coordinator) = &mut self.coordinator else { return Ok(heard) };
        while coordinator.owed.front() == Some(&Owed::Heartbeat) {
            heard.push(coordinator.link.receive::<HeartbeatRequest>(patience)?.error_code);
            coordinator.owed.pop_front();
        }
        Ok(heard)
    }

    /// Commits, and leaves the group.
    ///
    /// # Errors
    /// As [`Consumer::commit`].
    pub fn close(mut self) -> Result<(), Error> {
        let committed = self.commit();
        if self.membership.is_some() {
            self.step(Input::Leave)?;
        }
        committed
    }

    /// One round of fetches: to all leaders at once, then the answers.
    fn fetch(&mut self) -> Result<Vec<Fetched>, Error> {
        let requests = self.fetcher.requests(self.client.view());
        let mut records = Vec::new();
        if requests.is_empty() {
            if self.fetcher.positions().next().is_some() {
                std::thread::sleep(Duration::from_millis(100));
                self.look_again()?;
            } else if self.coordinator.as_ref().is_none_or(|coordinator| coordinator.owed.is_empty()) {
                std::thread::sleep(Duration::from_millis(50));
            }
            return Ok(records);
        }
        let mut sent = Vec::new();
        let mut stale = false;
        for (node, request) in requests {
            let result = self.client.link(node).and_then(|link| link.send(&request));
            match self.client.keep_if_alive(node, result) {
                Ok(()) => sent.push(node),
                Err(Error::Lost { .. } | Error::Unreachable { .. }) => stale = true,
                Err(error) => return Err(error),
            }
        }
        let patience = self.client.patience() + FETCH_WAIT.as_duration();
        let mut troubles = Vec::new();
        for node in sent {
            let result = self.client.link(node).and_then(|link| link.receive::<FetchRequest>(patience));
            match self.client.keep_if_alive(node, result) {
                Ok(response) if !response.error_code.is_none() => {
                    return Err(Error::refused("fetch records", response.error_code, None));
                }
                Ok(response) => troubles.extend(self.fetcher.answered(response, &mut records)),
                Err(Error::Lost { .. } | Error::Unreachable { .. }) => stale = true,
                Err(error) => return Err(error),
            }
        }
        for trouble in troubles {
            match trouble {
                Trouble::Moved(_) => stale = true,
                Trouble::OutOfRange(place) => self.jump(place)?,
                Trouble::Failed(place, code) => {
                    return Err(Error::refused(format!("read {place}"), code, None));
                }
                Trouble::Damaged(place, error) => {
                    return Err(Error::Invalid(format!("cannot read {place}: {error}")));
                }
            }
        }
        if stale {
            std::thread::sleep(Duration::from_millis(100));
            self.look_again()?;
        }
        Ok(records)
    }

    fn jump(&mut self, place: TopicPartition) -> Result<(), Error> {
        let found = self.client.offsets(std::slice::from_ref(&place), self.reset.offset())?;
        if let Some(offset) = found.get(&place) {
            self.fetcher.seek(place.clone(), *offset);
            self.events.push(Event::Jumped(place, *offset));
        }
        Ok(())
    }

    /// Refreshes metadata; a cluster that is away for a moment is asked again by the next poll.
    fn look_again(&mut self) -> Result<(), Error> {
        let topics: BTreeSet<String> =
            self.fetcher.positions().map(|(place, _)| place.topic.clone()).collect();
        let topics: Vec<String> = topics.into_iter().collect();
        match self.client.refresh(Some(&topics), Create::Never) {
            Err(Error::Lost { .. } | Error::Unreachable { .. }) => {
                std::thread::sleep(Duration::from_millis(100));
                Ok(())
            }
            result => result,
        }
    }

    fn now(&self) -> Moment {
        Moment::at_ms(u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    /// Lets the membership do what is due.
    fn drive(&mut self) -> Result<(), Error> {
        if self.membership.is_none() {
            return Ok(());
        }
        self.step(Input::Woken)?;
        self.take_answer()?;
        let watched = self.membership.as_ref().and_then(|membership| membership.watched_topics()).cloned();
        if let Some(topics) = watched
            && self.looked.elapsed() >= METADATA_AGE_MAX.as_duration()
        {
            let counts = self.count(&topics)?;
            self.step(Input::Counted(counts))?;
        }
        Ok(())
    }

    fn take_answer(&mut self) -> Result<(), Error> {
        let Some(coordinator) = &mut self.coordinator else { return Ok(()) };
        let Some(owed) = coordinator.owed.front().copied() else { return Ok(()) };
        // While there is nothing to read, waiting here is all there is to do.
        let idle = owed != Owed::Heartbeat;
        let patience = Duration::from_millis(if idle { 200 } else { 1 });
        let link = &mut coordinator.link;
        let answer = match owed {
            Owed::Join => link.poll::<JoinGroupRequest>(patience).map(|answer| answer.map(Input::Joined)),
            Owed::Sync => link.poll::<SyncGroupRequest>(patience).map(|answer| answer.map(Input::Synced)),
            Owed::Heartbeat => link
                .poll::<HeartbeatRequest>(patience)
                .map(|answer| answer.map(|answer| Input::Heartbeaten(answer.error_code))),
        };
        match answer {
            Ok(None) => Ok(()),
            Ok(Some(input)) => {
                coordinator.owed.pop_front();
                self.step(input)
            }
            Err(error) if error.is_passing() => self.lose_coordinator(),
            Err(error) => Err(error),
        }
    }

    fn lose_coordinator(&mut self) -> Result<(), Error> {
        self.coordinator = None;
        self.step(Input::CoordinatorLost)
    }

    /// Hands one input to the membership and does what follows from it.
    fn step(&mut self, input: Input) -> Result<(), Error> {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let now = self.now();
            let Some(membership) = &mut self.membership else { return Ok(()) };
            let mut effects = Vec::new();
            membership.step(now, input, &mut effects);
            for effect in effects {
                if let Some(next) = self.perform(effect)? {
                    inputs.push_back(next);
                }
            }
        }
        Ok(())
    }

    /// Does what the membership asks for; what that leads to at once is returned.
    fn perform(&mut self, effect: Effect) -> Result<Option<Input>, Error> {
        match effect {
            Effect::FindCoordinator => {
                self.coordinator = None;
                let group = self.membership.as_ref().map(|m| m.group().to_owned()).unwrap_or_default();
                let found = self.client.coordinator(&group).and_then(|node| self.client.open_node(node));
                return match found {
                    Ok(link) => {
                        self.coordinator = Some(Coordinator { link, owed: VecDeque::new() });
                        Ok(Some(Input::CoordinatorFound))
                    }
                    Err(Error::Unreachable { .. }) => Ok(Some(Input::CoordinatorLost)),
                    Err(error) if error.is_passing() => Ok(Some(Input::CoordinatorLost)),
                    Err(error) => Err(error),
                };
            }
            Effect::Join(request) => return Ok(self.send(&request, Owed::Join)),
            Effect::Sync(request) => return Ok(self.send(&request, Owed::Sync)),
            Effect::Heartbeat(request) => return Ok(self.send(&request, Owed::Heartbeat)),
            Effect::Leave(request) => {
                let patience = self.client.patience();
                if let Some(coordinator) = &mut self.coordinator
                    && coordinator.owed.is_empty()
                {
                    // The session time-out removes a member whose farewell was lost.
                    let _ = coordinator.link.ask::<LeaveGroupRequest>(&request, patience);
                }
            }
            Effect::CountPartitions(topics) => return self.count(&topics).map(Input::Counted).map(Some),
            Effect::Assigned(partitions) => self.begin(partitions)?,
            Effect::Revoked => {
                self.commit()?;
                self.fetcher.retain(|_| false);
                self.seen.clear();
                self.committed.clear();
                self.events.push(Event::Revoked);
            }
            Effect::Failed(code) => return Err(Error::refused("stay in the group", code, None)),
        }
        Ok(None)
    }

    fn send<R: kafka_wire::Request>(&mut self, request: &R, owed: Owed) -> Option<Input> {
        let Some(coordinator) = &mut self.coordinator else { return Some(Input::CoordinatorLost) };
        match coordinator.link.send(request) {
            Ok(()) => {
                coordinator.owed.push_back(owed);
                None
            }
            Err(_) => {
                self.coordinator = None;
                Some(Input::CoordinatorLost)
            }
        }
    }

    fn count(&mut self, topics: &BTreeSet<String>) -> Result<BTreeMap<String, i32>, Error> {
        let names: Vec<String> = topics.iter().cloned().collect();
        self.client.refresh(Some(&names), Create::Never)?;
        self.looked = Instant::now();
        Ok(names.into_iter().map(|name| (name.clone(), self.client.view().partition_count(&name))).collect())
    }

    /// Begins with what the group gave: where it left off, or where the caller wants to begin.
    fn begin(&mut self, partitions: Vec<TopicPartition>) -> Result<(), Error> {
        let group = self.membership.as_ref().map(|m| m.group().to_owned()).unwrap_or_default();
        let topics: BTreeSet<String> = partitions.iter().map(|place| place.topic.clone()).collect();
        let topics: Vec<String> = topics.into_iter().collect();
        if !topics.is_empty() {
            self.client.refresh(Some(&topics), Create::Never)?;
        }
        let committed = self.client.committed(&group)?;
        let mut positions = BTreeMap::new();
        let mut fresh = Vec::new();
        for place in &partitions {
            match committed.get(place) {
                Some(known) => drop(positions.insert(place.clone(), known.offset)),
                None => fresh.push(place.clone()),
            }
        }
        self.committed = positions.clone();
        if !fresh.is_empty() {
            positions.extend(self.client.offsets(&fresh, self.reset.offset())?);
        }
        // What was read is committed even if there is nothing new: so "latest" holds from now on.
        self.seen = positions.clone();
        self.assign(positions);
        self.events.push(Event::Assigned(partitions));
        Ok(())
    }
}

impl Reset {
    fn offset(self) -> OffsetAt {
        match self {
            Reset::Earliest => OffsetAt::Earliest,
            Reset::Latest => OffsetAt::Latest,
        }
    }
}
