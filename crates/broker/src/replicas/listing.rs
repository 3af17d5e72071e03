//! What the log directories hold and how large it is, for tools.

use disk::Disk;

use super::Replicas;
use crate::TopicPartition;

/// One log directory as tools see it.
pub(crate) struct DirectoryListing {
    pub(crate) path: String,
    /// Whether its disk failed.
    pub(crate) is_offline: bool,
    /// Bytes that can still be written; `None` if the disk does not say.
    pub(crate) usable_bytes: Option<u64>,
    /// Each partition with the bytes of its log, in order of name.
    pub(crate) partitions: Vec<(TopicPartition, u64)>,
}

impl<D: Disk> Replicas<D> {
    /// The log directories in the order in which they are configured.
    pub(crate) fn listing(&self) -> Vec<DirectoryListing> {
        let list = |number: usize, directory: &super::Directory<D>| DirectoryListing {
            path: directory.log_directory.path().display().to_string(),
            is_offline: directory.log_directory.is_offline(),
            usable_bytes: directory.log_directory.free_bytes().ok(),
            partitions: self
                .held
                .iter()
                .filter(|(_, held)| held.directory == number)
                .map(|(partition, held)| (partition.clone(), held.replica.size_bytes()))
                .collect(),
        };
        self.directories.iter().enumerate().map(|(number, directory)| list(number, directory)).collect()
    }
}
