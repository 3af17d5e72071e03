//! What the controller and the topics' configuration tell the replicas: lead, follow, stop, behave so.

use std::collections::BTreeMap;
use std::sync::Arc;

use clock::{Now, Span};
use controller::{LeaderAndIsr, StopReplica};
use disk::Disk;
use kafka_wire::{ErrorCode, Uuid};
use partition::{Leadership, TopicConfig};

use super::{Held, Replicas};
use crate::TopicPartition;
use crate::replica::{self, log_config, storage_error};

impl<D: Disk> Replicas<D> {
    /// Leads or follows a partition as told; makes its log if it is new here. The caller touches
    /// `WatchKey::Partition`.
    ///
    /// Errors: `STALE_CONTROLLER_EPOCH` for a leader epoch that is not above the known one,
    /// `INCONSISTENT_TOPIC_ID` for a log of another topic of the same name, `KAFKA_STORAGE_ERROR` also for one
    /// that is not new and may be where nobody can look.
    pub(crate) fn ordered(&mut self, now: Now, order: &LeaderAndIsr) -> Result<(), ErrorCode> {
        let partition = TopicPartition::new(order.topic.clone(), order.partition);
        let topic_id = order.topic_id.map(|id| Uuid(id.0).to_string());
        if self.broken.contains(&partition) {
            return Err(ErrorCode::KAFKA_STORAGE_ERROR);
        }
        if !self.held.contains_key(&partition) {
            if !order.is_new && self.may_hold_more() {
                // It may be in the directory that failed: an empty one in its place would lose it.
                self.notes
                    .push(format!("{partition} may be in a log directory that is offline: not made anew"));
                self.broken.insert(partition);
                return Err(ErrorCode::KAFKA_STORAGE_ERROR);
            }
            self.create(now, &partition, topic_id.as_deref())?;
        }
        let held = self.held.get_mut(&partition).expect("it was there or has just been made");
        match (&held.topic_id, &topic_id) {
            (Some(ours), Some(theirs)) if ours != theirs => return Err(ErrorCode::INCONSISTENT_TOPIC_ID),
            (None, Some(theirs)) => {
                let directory = &self.directories[held.directory].log_directory;
                directory
                    .set_topic_id(&log_name(&partition), theirs)
                    .map_err(|error| storage_error(&error))?;
                held.topic_id = Some(theirs.clone());
            }
            _ => {}
        }
        let epoch = order.state.leader_epoch.0;
        if held.replica.is_offline() {
            // Said of every order, also of one that is known: the controller asks thus what has failed.
            held.replica.follow(epoch.max(held.replica.leader_epoch()));
            return Err(ErrorCode::KAFKA_STORAGE_ERROR);
        }
        if epoch <= held.replica.leader_epoch() {
            return Err(ErrorCode::STALE_CONTROLLER_EPOCH);
        }
        if order.state.leader.0 != self.broker_id {
            held.replica.follow(epoch);
            if held.replica.last_epoch() < 0 {
                // Nobody knows whose records these are: only what is replicated is kept (KIP-101).
                held.replica.truncate_to_high_watermark(now)?;
            }
            return Ok(());
        }
        let leadership = Leadership::new(
            self.broker_id,
            epoch,
            order.partition_epoch.0,
            order.replicas.iter().map(|id| id.0).collect(),
            order.state.isr.iter().map(|id| id.0),
            held.replica.log_end_offset(),
            now.moment,
        );
        held.replica.lead(leadership)?;
        self.lent.push(partition);
        Ok(())
    }

    fn create(
        &mut self,
        now: Now,
        partition: &TopicPartition,
        topic_id: Option<&str>,
    ) -> Result<(), ErrorCode> {
        let directory = self.emptiest_directory().ok_or(ErrorCode::KAFKA_STORAGE_ERROR)?;
        let config = self.config_of(&partition.topic);
        let chosen = &self.directories[directory];
        let log = chosen
            .log_directory
            .create_log(&log_name(partition), topic_id, log_config(&config), now.wall)
            .map_err(|error| storage_error(&error))?;
        let flags = (self.durable_acks, chosen.space.clone());
        let held = Held {
            replica: replica::create(log, config, flags),
            directory,
            topic_id: topic_id.map(str::to_owned),
            stored_log_start: 0,
            stored_high_watermark: -1,
            stored_recovery_point: 0,
        };
        self.held.insert(partition.clone(), held);
        Ok(())
    }

    /// The directory in use with the fewest partitions.
    fn emptiest_directory(&self) -> Option<usize> {
        let count = |number: usize| self.held.values().filter(|held| held.directory == number).count();
        let usable = (0..self.directories.len()).filter(|&n| !self.directories[n].log_directory.is_offline());
        if self.directories.len() == 1 {
            return usable.min();
        }
        usable.min_by_key(|&number| count(number))
    }

    /// Stops a replica as told, and deletes its log if that is meant. A partition that is not here is
    /// stopped already. The caller touches `WatchKey::Partition`.
    pub(crate) fn stopped(&mut self, now: Now, order: &StopReplica) -> Result<(), ErrorCode> {
        let partition = TopicPartition::new(order.topic.clone(), order.partition);
        let Some(held) = self.held.get_mut(&partition) else { return self.stopped_unseen(order, &partition) };
        let theirs = order.topic_id.map(|id| Uuid(id.0).to_string());
        if theirs.is_some() && held.topic_id.is_some() && theirs != held.topic_id {
            return Err(ErrorCode::INCONSISTENT_TOPIC_ID);
        }
        if !order.delete {
            let epoch = held.replica.leader_epoch();
            held.replica.follow(epoch);
            return Ok(());
        }
        let number = held.directory;
        let config = self.configs.get(&partition.topic).unwrap_or(&self.default_config);
        let delay = Span::ms(u64::try_from(config.file_delete_delay_ms).unwrap_or(0));
        let directory = &mut self.directories[number].log_directory;
        directory.delete_log(&log_name(&partition), now.wall).map_err(|error| storage_error(&error))?;
        for path in directory.take_deleted() {
            self.due.remove(now.moment + delay, number, path);
        }
        self.held.remove(&partition);
        self.unsynced.remove(&partition);
        self.deletion_unstored = true;
        if self.held.range(first_of(&order.topic)..).next().is_none_or(|(next, _)| next.topic != order.topic)
        {
            self.configs.remove(&order.topic);
        }
        Ok(())
    }

    /// Stops a replica that is not in use: there is nothing to stop, but a log that cannot be looked at cannot be
    /// deleted either, and would come back.
    fn stopped_unseen(&self, order: &StopReplica, partition: &TopicPartition) -> Result<(), ErrorCode> {
        let may_be_here = self.broken.contains(partition) || self.may_hold_more();
        if order.delete && may_be_here { Err(ErrorCode::KAFKA_STORAGE_ERROR) } else { Ok(()) }
    }

    /// Takes over what a topic configures for itself; an empty map for a topic that configures nothing.
    /// An error, in words, leaves the configuration as it was.
    pub(crate) fn configure(
        &mut self,
        topic: &Arc<str>,
        overrides: &BTreeMap<String, String>,
    ) -> Result<(), String> {
        let lookup = |name: &str| self.properties.get(name).map(String::as_str);
        let config = TopicConfig::resolve(overrides, lookup).map_err(|error| error.to_string())?;
        let config = if overrides.is_empty() { self.default_config.clone() } else { Arc::new(config) };
        if overrides.is_empty() {
            self.configs.remove(topic);
        } else {
            self.configs.insert(topic.clone(), config.clone());
        }
        let of_topic =
            self.held.range_mut(first_of(topic)..).take_while(|(partition, _)| partition.topic == *topic);
        for (_, held) in of_topic {
            held.replica.configure(config.clone());
        }
        Ok(())
    }

    /// Takes over the broker's settings that topics inherit from: those of `server.properties` with the
    /// dynamic ones over them. Topics with settings of their own must be configured again afterwards. An
    /// error, in words, leaves everything as it was.
    pub(crate) fn inherit(&mut self, settings: BTreeMap<String, String>) -> Result<(), String> {
        let lookup = |name: &str| settings.get(name).map(String::as_str);
        let config = TopicConfig::resolve(&BTreeMap::new(), lookup).map_err(|error| error.to_string())?;
        self.default_config = Arc::new(config);
        self.properties = settings;
        for (partition, held) in &mut self.held {
            if !self.configs.contains_key(&partition.topic) {
                held.replica.configure(self.default_config.clone());
            }
        }
        Ok(())
    }

    /// The configuration of a topic.
    pub(crate) fn config_of(&self, topic: &Arc<str>) -> Arc<TopicConfig> {
        self.configs.get(topic).unwrap_or(&self.default_config).clone()
    }
}

fn first_of(topic: &Arc<str>) -> TopicPartition {
    TopicPartition::new(topic.clone(), i32::MIN)
}

/// The name by which log directories know a partition.
fn log_name(partition: &TopicPartition) -> commitlog::TopicPartition {
    commitlog::TopicPartition::new(&*partition.topic, partition.partition)
}
