//! Reading a partition of `__consumer_offsets` into groups, when this broker comes to lead it.
//!
//! The last record of a key counts; records of a transaction count when its marker says so. What
//! cannot be read is left out and told, so that one broken record does not cost all groups.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use clock::Moment;

use crate::consumer::Consumer;
use crate::consumer::change::{self, Change};
use crate::group::Group;
use crate::input::LoadedBatch;
use crate::join::span;
use crate::member::{Member, Protocol};
use crate::offsets::{Committed, Offsets, TopicPartition};
use crate::record::{self, GroupValue, Key, OffsetKey};

/// What was read so far.
#[derive(Default, Debug)]
pub(crate) struct Loader {
    offsets: BTreeMap<String, Offsets>,
    /// With the offset of the batch that says so.
    groups: BTreeMap<String, (i64, GroupValue)>,
    /// With the offset of the batch of the latest epoch.
    consumers: BTreeMap<String, (i64, Consumer)>,
    /// Records that could not be read, by reason, for the log.
    unread: BTreeMap<&'static str, usize>,
}

impl Loader {
    pub(crate) fn read(&mut self, batch: LoadedBatch) {
        match batch {
            LoadedBatch::Records { base_offset, transaction_of, records } => {
                for (key, value) in records {
                    if let Err(reason) = self.read_record(base_offset, transaction_of, &key, value) {
                        *self.unread.entry(reason).or_default() += 1;
                    }
                }
            }
            LoadedBatch::Marker { producer_id, committed } => {
                for offsets in self.offsets.values_mut() {
                    offsets.end_transaction(producer_id, committed);
                }
            }
        }
    }

    fn read_record(
        &mut self,
        base_offset: i64,
        transaction_of: Option<i64>,
        key: &Bytes,
        value: Option<Bytes>,
    ) -> Result<(), &'static str> {
        if let Some(key) = OffsetKey::decode(key) {
            return self.read_offset(base_offset, transaction_of, key, value);
        }
        if key.first_chunk().is_some_and(|kind| change::is_ours(i16::from_be_bytes(*kind))) {
            let (group, change) = Change::decode(key, value.as_ref())
                .map_err(|_| "parts of consumer groups that are malformed or of a later version")?;
            let (position, consumer) = self.consumers.entry(group).or_default();
            if matches!(change, Change::Epoch(Some(_))) {
                *position = base_offset;
            }
            consumer.apply(change);
            return Ok(());
        }
        match Key::decode(key).map_err(|_| "keys that are malformed")? {
            Key::Offset { .. } => return Err("keys that are malformed"),
            Key::Group { group } => match value {
                Some(value) => {
                    let value = record::read_group(&value)
                        .map_err(|_| "groups that are malformed or of a later version")?;
                    self.groups.insert(group, (base_offset, value));
                }
                None => {
                    self.groups.remove(&group);
                }
            },
            Key::Unknown { .. } => return Err("records of kinds that are not known"),
        }
        Ok(())
    }

    fn read_offset(
        &mut self,
        base_offset: i64,
        transaction_of: Option<i64>,
        key: OffsetKey<'_>,
        value: Option<Bytes>,
    ) -> Result<(), &'static str> {
        let at = || TopicPartition { topic: key.topic.to_owned(), partition: key.partition };
        let committed = match value {
            Some(value) => {
                let reason = "offsets that are malformed or of a later version";
                Some(Committed { position: base_offset, ..record::read_offset(&value).map_err(|_| reason)? })
            }
            None => None,
        };
        // Most records are of a group that is known: its name is copied once.
        let offsets = match self.offsets.get_mut(key.group) {
            Some(offsets) => offsets,
            None => self.offsets.entry(key.group.to_owned()).or_default(),
        };
        match (committed, transaction_of) {
            (Some(committed), None) => offsets.commit_at(key.topic, key.partition, committed),
            (Some(committed), Some(producer)) => offsets.hold_back(producer, at(), committed),
            (None, None) => offsets.remove_committed(&at()),
            (None, Some(producer)) => offsets.drop_held_back(producer, &at()),
        }
        Ok(())
    }

    /// The groups, and what to say about what was left out.
    pub(crate) fn finish(mut self, partition: i32, now_ms: i64) -> (BTreeMap<Arc<str>, Group>, Vec<String>) {
        let mut groups = BTreeMap::new();
        for (id, (position, mut consumer)) in self.consumers {
            consumer.settle();
            // A group changes protocol when it is empty, and the later record says to which.
            let is_classic = self.groups.get(&id).is_some_and(|&(classic, _)| classic > position);
            if is_classic || !consumer.is_written() {
                continue;
            }
            self.groups.remove(&id);
            let id: Arc<str> = Arc::from(id);
            let mut group = Group::new(id.clone(), partition, now_ms);
            group.protocol_type = Some("consumer".to_owned());
            group.consumer = Some(Box::new(consumer));
            groups.insert(id, group);
        }
        for (id, (_, value)) in self.groups {
            let id: Arc<str> = Arc::from(id);
            let mut group = Group::new(id.clone(), partition, now_ms);
            restore(&mut group, value);
            groups.insert(id, group);
        }
        self.offsets.retain(|_, offsets| !offsets.is_empty());
        for (id, offsets) in self.offsets {
            let id: Arc<str> = Arc::from(id);
            let group = groups.entry(id.clone()).or_insert_with(|| Group::new(id, partition, now_ms));
            group.offsets = offsets;
        }
        let tell =
            |(reason, count)| format!("__consumer_offsets-{partition}: {count} {reason} were left out");
        (groups, self.unread.into_iter().map(tell).collect())
    }
}

fn restore(group: &mut Group, value: GroupValue) {
    let protocol = value.protocol.clone().unwrap_or_default();
    let to_member = |member: record::MemberValue| Member {
        id: Arc::from(member.id),
        instance_id: member.instance_id,
        client_id: member.client_id,
        client_host: member.client_host,
        session_timeout: span(member.session_timeout_ms),
        rebalance_timeout: span(member.rebalance_timeout_ms),
        protocols: vec![Protocol { name: protocol.clone(), metadata: member.subscription }],
        assignment: member.assignment,
        joining: None,
        syncing: None,
        is_new: false,
        expires: Moment::default(),
        alarm: None,
    };
    // A record that Kafka wrote has each id once; what it did not write may say anything.
    let mut members: BTreeMap<Arc<str>, Member> = BTreeMap::new();
    let mut instances = BTreeSet::new();
    for mut member in value.members.into_iter().map(to_member) {
        member.instance_id.take_if(|instance| !instances.insert(instance.clone()));
        members.entry(member.id.clone()).or_insert(member);
    }
    group.restore(
        value.generation,
        Some(value.protocol_type),
        protocol,
        value.leader,
        value.state_since_ms,
        members.into_values().collect(),
    );
}
