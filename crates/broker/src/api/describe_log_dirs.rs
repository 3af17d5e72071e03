//! DescribeLogDirs (key 35): tells which partitions are in which log directory, and their sizes.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use clock::Now;
use disk::Disk;
use kafka_wire::ErrorCode;
use kafka_wire::message::describe_log_dirs::{
    DescribeLogDirsPartition, DescribeLogDirsRequest, DescribeLogDirsResponse, DescribeLogDirsResult,
    DescribeLogDirsTopic,
};

use crate::call::Call;
use crate::replicas::DirectoryListing;
use crate::{Broker, Effect, TopicPartition};

/// The versions served. Version 5 adds a flag of directories that are being emptied, which we never do.
pub(crate) const SERVED: RangeInclusive<i16> = 0..=5;

/// Answers the request.
pub(crate) fn serve<D: Disk>(
    broker: &mut Broker<D>,
    _now: Now,
    call: Call,
    request: DescribeLogDirsRequest,
    effects: &mut Vec<Effect>,
) {
    let wanted: Option<BTreeSet<TopicPartition>> = request.topics.map(|topics| {
        let partitions = topics.iter().flat_map(|topic| {
            topic.partitions.iter().map(|partition| TopicPartition::new(topic.topic.as_str(), *partition))
        });
        partitions.collect()
    });
    let results = broker.replicas.listing().into_iter().map(|directory| describe(directory, wanted.as_ref()));
    let response = DescribeLogDirsResponse { results: results.collect(), ..Default::default() };
    broker.answer(call, &response, effects);
}

fn describe(directory: DirectoryListing, wanted: Option<&BTreeSet<TopicPartition>>) -> DescribeLogDirsResult {
    if directory.is_offline {
        return DescribeLogDirsResult {
            error_code: ErrorCode::KAFKA_STORAGE_ERROR,
            log_dir: directory.path,
            ..Default::default()
        };
    }
    let used: u64 = directory.partitions.iter().map(|(_, bytes)| bytes).sum();
    let mut topics: BTreeMap<_, Vec<DescribeLogDirsPartition>> = BTreeMap::new();
    for (partition, bytes) in directory.partitions {
        if wanted.is_some_and(|wanted| !wanted.contains(&partition)) {
            continue;
        }
        topics.entry(partition.topic).or_default().push(DescribeLogDirsPartition {
            partition_index: partition.partition,
            partition_size: bytes.cast_signed(),
            ..Default::default()
        });
    }
    let topics = topics
        .into_iter()
        .map(|(name, partitions)| DescribeLogDirsTopic { name: name.to_string(), partitions });
    DescribeLogDirsResult {
        error_code: ErrorCode::NONE,
        log_dir: directory.path,
        topics: topics.collect(),
        // What the disk holds besides our logs is not known to us and not counted.
        total_bytes: directory.usable_bytes.map_or(-1, |free| (free + used).cast_signed()),
        usable_bytes: directory.usable_bytes.map_or(-1, u64::cast_signed),
        ..Default::default()
    }
}
