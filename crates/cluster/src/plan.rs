//! Writes, as requests to a ZooKeeper server.
//!
//! Whatever a controller writes goes through a multi that begins with a check of the version of
//! `/controller_epoch` ([`Fence`]): a controller that was replaced without noticing cannot change a
//! byte. Large jobs are cut into several multis, each within [`limits`](crate::limits); every one of
//! them leaves a tree that another controller can go on from.

use crate::limits::{BYTES_PER_MULTI_MAX, OPS_PER_MULTI_MAX};
use crate::znodes::{
    ClusterId, ConfigChange, ControllerNode, EntityConfig, PartitionState, ProducerIdBlock, Registration,
    TopicNode, encode_controller_epoch,
};
use crate::{BrokerId, ControllerEpoch, PartitionEpoch, path};
use bytes::Bytes;
use zookeeper_wire::{
    Acl, CheckVersionRequest, CreateRequest, DeleteRequest, ErrorCode, MultiOp, MultiResult, Request,
    SetDataRequest,
};

/// A version of a znode that a write does not care about.
pub const ANY_VERSION: i32 = -1;

/// Create flags of the protocol.
const PERSISTENT: i32 = 0;
const EPHEMERAL: i32 = 1;
const PERSISTENT_SEQUENTIAL: i32 = 2;

/// Proof of an election: the version that `/controller_epoch` got by it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fence(pub i32);

impl Fence {
    fn check(self) -> MultiOp {
        MultiOp::Check(CheckVersionRequest { path: path::CONTROLLER_EPOCH.into(), version: self.0 })
    }
}

/// How a multi ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// All of it happened.
    Done,
    /// None of it happened: the controller was replaced.
    Fenced,
    /// None of it happened, because of the operation at this place.
    Failed {
        /// Counted from 0; in a fenced multi, operation 0 is the fence.
        op: usize,
        /// Why.
        error: ErrorCode,
    },
}

/// The outcome of a multi that began with a [`Fence`].
pub fn fenced_outcome(results: &[MultiResult]) -> Outcome {
    match outcome(results) {
        Outcome::Failed { op: 0, .. } => Outcome::Fenced,
        other => other,
    }
}

/// The outcome of a multi without a fence.
pub fn outcome(results: &[MultiResult]) -> Outcome {
    // Operations before the one that failed report OK, those after it RuntimeInconsistency.
    let failed = results.iter().enumerate().find_map(|(op, result)| match result {
        MultiResult::Error(error) if *error != ErrorCode::OK => Some(Outcome::Failed { op, error: *error }),
        _ => None,
    });
    failed.unwrap_or(Outcome::Done)
}

/// Makes one of the [`path::PERSISTENT`] znodes; `NodeExists` is as good as done.
pub fn make_persistent(path: &str) -> Request {
    Request::Create(create(path.to_string(), None, PERSISTENT))
}

/// Names the cluster, if nobody has yet.
pub fn create_cluster_id(id: &ClusterId) -> Request {
    Request::Create(create(path::CLUSTER_ID.into(), Some(id.encode()), PERSISTENT))
}

/// Registers a broker. As Kafka does: created without data and filled by the same transaction, so that
/// the stat of the second answer carries the czxid, which is the broker epoch.
pub fn register(id: BrokerId, registration: &Registration) -> Request {
    let path = path::broker(id);
    Request::Multi(vec![
        MultiOp::Create(create(path.clone(), None, EPHEMERAL)),
        MultiOp::SetData(SetDataRequest { path, data: Some(registration.encode()), version: 0 }),
    ])
}

/// Rewrites a broker's registration in place, which keeps its epoch.
pub fn update_registration(id: BrokerId, registration: &Registration) -> Request {
    let data = Some(registration.encode());
    Request::SetData(SetDataRequest { path: path::broker(id), data, version: ANY_VERSION })
}

/// Makes `/controller_epoch` with epoch 0, which the first election needs.
pub fn create_controller_epoch() -> Request {
    let data = encode_controller_epoch(ControllerEpoch(0));
    Request::Create(create(path::CONTROLLER_EPOCH.into(), Some(data), PERSISTENT))
}

/// Stands for election as the controller of epoch `epoch`, which must be one more than the epoch that
/// was read together with `version`.
pub fn elect(node: &ControllerNode, epoch: ControllerEpoch, version: i32) -> Request {
    let data = Some(encode_controller_epoch(epoch));
    Request::Multi(vec![
        MultiOp::Create(create(path::CONTROLLER.into(), Some(node.encode()), EPHEMERAL)),
        MultiOp::SetData(SetDataRequest { path: path::CONTROLLER_EPOCH.into(), data, version }),
    ])
}

/// Gives `/controller` up, if it is still the one of this election.
pub fn resign(fence: Fence) -> Request {
    Request::Multi(vec![fence.check(), delete(path::CONTROLLER.into(), ANY_VERSION)])
}

/// Makes a topic with its own settings, both or neither. Its leaders are the controller's business.
pub fn create_topic(name: &str, node: &TopicNode, config: &EntityConfig, settings: Settings) -> Request {
    let config_path = path::topic_config(name);
    let data = Some(config.encode());
    let config_op = match settings {
        Settings::Absent => MultiOp::Create(create(config_path, data, PERSISTENT)),
        Settings::Present => {
            MultiOp::SetData(SetDataRequest { path: config_path, data, version: ANY_VERSION })
        }
    };
    Request::Multi(vec![
        config_op,
        MultiOp::Create(create(path::topic(name), Some(node.encode()), PERSISTENT)),
    ])
}

/// Whether an entity has a configuration znode already.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Settings {
    /// It has none.
    Absent,
    /// It has one, which will be replaced.
    Present,
}

/// Replaces a topic's assignment if its znode still has `version`.
pub fn set_assignment(fence: Option<Fence>, name: &str, node: &TopicNode, version: i32) -> Request {
    let data = Some(node.encode());
    let write = MultiOp::SetData(SetDataRequest { path: path::topic(name), data, version });
    Request::Multi(fence.map(Fence::check).into_iter().chain([write]).collect())
}

/// Asks the controller to delete a topic.
pub fn ask_to_delete(name: &str) -> Request {
    Request::Create(create(path::delete_topic(name), None, PERSISTENT))
}

/// Replaces an entity's settings and leaves a note about it. `entity` is below `/config`, such as
/// `topics/orders`.
pub fn set_config(entity: &str, config: &EntityConfig, settings: Settings) -> Request {
    let path = format!("/config/{entity}");
    let data = Some(config.encode());
    let write = match settings {
        Settings::Absent => MultiOp::Create(create(path, data, PERSISTENT)),
        Settings::Present => MultiOp::SetData(SetDataRequest { path, data, version: ANY_VERSION }),
    };
    let note = ConfigChange { entity_path: entity.to_string() }.encode();
    let note = create(ConfigChange::PREFIX.into(), Some(note), PERSISTENT_SEQUENTIAL);
    Request::Multi(vec![write, MultiOp::Create(note)])
}

/// Claims a block of producer ids, if the znode still has `version`.
pub fn claim_producer_ids(block: &ProducerIdBlock, version: i32) -> Request {
    let data = Some(block.encode());
    Request::SetData(SetDataRequest { path: path::PRODUCER_ID_BLOCK.into(), data, version })
}

/// One partition's first state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewState {
    /// The partition, from 0.
    pub partition: i32,
    /// Leader and ISR.
    pub state: PartitionState,
}

/// The znodes above the states, for a topic whose partitions nobody touched yet or some of whose
/// parents are there already.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Parents {
    /// Not one exists, `/partitions` included.
    Missing,
    /// `/partitions` exists, but none of the partitions given.
    PartitionsOnly,
    /// All exist.
    Present,
}

/// Writes the first states of new partitions of one topic.
pub fn create_states(fence: Fence, topic: &str, states: &[NewState], parents: Parents) -> Vec<Request> {
    let mut ops = Vec::new();
    if parents == Parents::Missing {
        ops.push(MultiOp::Create(create(path::partitions(topic), None, PERSISTENT)));
    }
    for NewState { partition, state } in states {
        if parents != Parents::Present {
            ops.push(MultiOp::Create(create(path::partition(topic, *partition), None, PERSISTENT)));
        }
        let data = Some(state.encode());
        ops.push(MultiOp::Create(create(path::partition_state(topic, *partition), data, PERSISTENT)));
    }
    fenced(fence, ops)
}

/// Creates the parents of states one by one, for when some of them exist and some do not; each may be
/// answered by `NodeExists`.
pub fn create_parents(topic: &str, partitions: impl Iterator<Item = i32>) -> Vec<Request> {
    let paths = std::iter::once(path::partitions(topic)).chain(partitions.map(|p| path::partition(topic, p)));
    paths.map(|path| Request::Create(create(path, None, PERSISTENT))).collect()
}

/// One partition's next state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NextState {
    /// The topic.
    pub topic: String,
    /// The partition, from 0.
    pub partition: i32,
    /// Leader and ISR.
    pub state: PartitionState,
    /// The version of the znode that the decision was based on.
    pub epoch: PartitionEpoch,
}

/// Writes new states of existing partitions, each only if nobody wrote it in between. A multi that
/// fails names the partition to read again; the rest of it can be tried without that one.
pub fn set_states(fence: Fence, states: &[NextState]) -> Vec<Request> {
    let op = |next: &NextState| {
        let path = path::partition_state(&next.topic, next.partition);
        MultiOp::SetData(SetDataRequest { path, data: Some(next.state.encode()), version: next.epoch.0 })
    };
    fenced(fence, states.iter().map(op).collect())
}

/// Removes a topic's znodes from the leaves up: states, assignment, settings, and at last the wish to
/// delete it, so that a controller that takes over halfway finds the wish and goes on.
///
/// Each multi also checks that the wish is still there (operation 1): a topic that was made again under
/// the same name has none and is safe. `partitions` are those that have a state. Znodes that are not
/// there make their multi fail; then [`remove_topic_step_by_step`] does the same in smaller bites.
pub fn remove_topic(fence: Fence, topic: &str, partitions: &[i32], settings: Settings) -> Vec<Request> {
    let mut paths = Vec::with_capacity(2 * partitions.len() + 4);
    for partition in partitions {
        paths.push(path::partition_state(topic, *partition));
        paths.push(path::partition(topic, *partition));
    }
    if !partitions.is_empty() {
        paths.push(path::partitions(topic));
    }
    paths.push(path::topic(topic));
    if settings == Settings::Present {
        paths.push(path::topic_config(topic));
    }
    paths.push(path::delete_topic(topic));
    let ops = paths.into_iter().map(|path| delete(path, ANY_VERSION)).collect();
    guarded(&[fence.check(), wished(topic)], ops)
}

/// The same work as [`remove_topic`] with one delete to each multi, which may fail with `NoNode` at
/// operation 2.
pub fn remove_topic_step_by_step(
    fence: Fence,
    topic: &str,
    partitions: impl Iterator<Item = i32>,
) -> Vec<Request> {
    let mut paths = Vec::new();
    for partition in partitions {
        paths.push(path::partition_state(topic, partition));
        paths.push(path::partition(topic, partition));
    }
    paths.push(path::partitions(topic));
    paths.push(path::topic(topic));
    paths.push(path::topic_config(topic));
    paths.push(path::delete_topic(topic));
    let one = |path| Request::Multi(vec![fence.check(), wished(topic), delete(path, ANY_VERSION)]);
    paths.into_iter().map(one).collect()
}

/// Fails unless somebody wants the topic deleted.
fn wished(topic: &str) -> MultiOp {
    MultiOp::Check(CheckVersionRequest { path: path::delete_topic(topic), version: ANY_VERSION })
}

/// Takes back a wish to delete a topic that cannot be deleted or does not exist.
pub fn forget_deletion(fence: Fence, topic: &str) -> Request {
    Request::Multi(vec![fence.check(), delete(path::delete_topic(topic), ANY_VERSION)])
}

/// Takes away the notes of failed log directories that were dealt with.
pub fn forget_log_dir_event(fence: Fence, name: &str) -> Request {
    let path = format!("{}/{name}", path::LOG_DIR_EVENTS);
    Request::Multi(vec![fence.check(), delete(path, ANY_VERSION)])
}

/// Deletes a znode of any version.
pub fn delete_any(path: String) -> Request {
    Request::Delete(DeleteRequest { path, version: ANY_VERSION })
}

fn fenced(fence: Fence, ops: Vec<MultiOp>) -> Vec<Request> {
    guarded(&[fence.check()], ops)
}

/// Cuts `ops` into multis that each begin with the guards.
fn guarded(guards: &[MultiOp], ops: Vec<MultiOp>) -> Vec<Request> {
    let mut multis = Vec::new();
    let (mut multi, mut bytes) = (guards.to_vec(), 0);
    for op in ops {
        let size = op_bytes(&op);
        let full = multi.len() >= OPS_PER_MULTI_MAX || bytes + size > BYTES_PER_MULTI_MAX;
        if multi.len() > guards.len() && full {
            multis.push(Request::Multi(std::mem::replace(&mut multi, guards.to_vec())));
            bytes = 0;
        }
        bytes += size;
        multi.push(op);
    }
    if multi.len() > guards.len() {
        multis.push(Request::Multi(multi));
    }
    multis
}

/// About how many bytes an operation takes in a frame.
fn op_bytes(op: &MultiOp) -> usize {
    const OVERHEAD: usize = 64;
    let data = match op {
        MultiOp::Create(create) => create.data.as_ref().map_or(0, Bytes::len),
        MultiOp::SetData(set) => set.data.as_ref().map_or(0, Bytes::len),
        _ => 0,
    };
    OVERHEAD + op.path().len() + data
}

fn create(path: String, data: Option<Bytes>, flags: i32) -> CreateRequest {
    CreateRequest { path, data, acl: Acl::open(), flags }
}

fn delete(path: String, version: i32) -> MultiOp {
    MultiOp::Delete(DeleteRequest { path, version })
}

#[cfg(test)]
mod tests;
