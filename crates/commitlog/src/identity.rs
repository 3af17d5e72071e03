//! Whose log directory this is: `meta.properties`, in the form that brokers of a ZooKeeper-mode
//! cluster write (version 0), and `partition.metadata`, which names a topic by its id.

use std::path::Path;

use disk::Disk;

use crate::error::{LogError, Result};
use crate::names::PARTITION_METADATA;
use crate::text;

/// The broker and cluster that a log directory belongs to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    /// The broker's id.
    pub broker_id: i32,
    /// The cluster's id, as `/cluster/id` tells it.
    pub cluster_id: String,
}

/// A `meta.properties` file; keys that mean nothing to us are kept.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(crate) struct MetaProperties {
    entries: Vec<(String, String)>,
}

pub(crate) const META_PROPERTIES: &str = "meta.properties";

impl MetaProperties {
    pub(crate) fn read<D: Disk>(disk: &D, directory: &Path) -> Result<Option<Self>> {
        let text = text::read(disk, &directory.join(META_PROPERTIES))?;
        Ok(text.map(|text| MetaProperties::parse(&text)))
    }

    /// A file that says this identity.
    pub(crate) fn of(identity: &Identity) -> Self {
        let entry = |key: &str, value: String| (key.to_owned(), value);
        let entries = vec![
            entry("version", "0".to_owned()),
            entry("broker.id", identity.broker_id.to_string()),
            entry("cluster.id", identity.cluster_id.clone()),
        ];
        MetaProperties { entries }
    }

    pub(crate) fn write<D: Disk>(&self, disk: &D, directory: &Path) -> Result<()> {
        let mut text = String::from("#\n");
        for (key, value) in &self.entries {
            text.push_str(&format!("{key}={value}\n"));
        }
        text::replace(disk, &directory.join(META_PROPERTIES), &text)
    }

    /// The identity in the file, as far as it tells one.
    pub(crate) fn broker_id(&self) -> Option<&str> {
        self.value("broker.id")
    }

    pub(crate) fn cluster_id(&self) -> Option<&str> {
        self.value("cluster.id")
    }

    /// Refuses a directory that is another broker's, another cluster's or of another kind.
    pub(crate) fn check(&self, directory: &Path, identity: &Identity) -> Result<()> {
        self.check_broker(directory, identity.broker_id)?;
        let ours = &identity.cluster_id;
        if let Some(theirs) = self.cluster_id().filter(|theirs| theirs != ours) {
            let what = format!(
                "belongs to cluster {theirs}, but the ensemble's /cluster/id is {ours}; correct zookeeper.connect, \
                 or point log.dirs at an empty directory"
            );
            return Err(LogError::Foreign { path: directory.join(META_PROPERTIES), what });
        }
        Ok(())
    }

    /// Refuses a directory that is another broker's or of another kind.
    pub(crate) fn check_broker(&self, directory: &Path, broker_id: i32) -> Result<()> {
        let foreign = |what: String| Err(LogError::Foreign { path: directory.join(META_PROPERTIES), what });
        match self.value("version") {
            Some("0") | None => {}
            Some("1") => {
                return foreign(
                    "written by a broker without ZooKeeper (version=1); point log.dirs at an empty directory, or \
                     at the directory of a broker that runs with ZooKeeper"
                        .to_owned(),
                );
            }
            // Damage, as far as anybody can tell: the directory's trouble, not the broker's.
            Some(version) => {
                let what = format!("unknown version={version}; point log.dirs elsewhere");
                return Err(LogError::corrupt(&directory.join(META_PROPERTIES), what));
            }
        }
        if let Some(id) = self.broker_id().filter(|id| id.parse::<i32>().is_err()) {
            let what =
                format!("broker.id={id} is not a number; restore the file, or point log.dirs elsewhere");
            return Err(LogError::corrupt(&directory.join(META_PROPERTIES), what));
        }
        let ours = broker_id.to_string();
        if let Some(theirs) = self.broker_id().filter(|&theirs| theirs != ours) {
            return foreign(format!(
                "belongs to broker.id={theirs}, but this broker has broker.id={ours}; set broker.id={theirs}, or \
                 point log.dirs at the directories of broker {ours}"
            ));
        }
        Ok(())
    }

    fn parse(text: &str) -> Self {
        let mut entries = Vec::new();
        for line in text.lines() {
            let line = line.trim();
            if line.is_empty() || line.starts_with(['#', '!']) {
                continue;
            }
            if let Some((key, value)) = line.split_once(['=', ':']) {
                let value = value.trim().replace('\\', "");
                entries.push((key.trim().to_owned(), value));
            }
        }
        MetaProperties { entries }
    }

    fn value(&self, key: &str) -> Option<&str> {
        self.entries.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }
}

/// Reads the topic id beside a partition's log, in Kafka's base64 form; `None` if there is none.
pub(crate) fn read_topic_id<D: Disk>(disk: &D, directory: &Path) -> Result<Option<String>> {
    let path = directory.join(PARTITION_METADATA);
    let Some(text) = text::read(disk, &path)? else { return Ok(None) };
    let id = text.lines().find_map(|line| line.strip_prefix("topic_id:")).map(str::trim);
    match id {
        Some(id) if id.len() == TOPIC_ID_CHARS && !id.contains('\0') => Ok(Some(id.to_owned())),
        // A power cut before the log's first sync may have left only the front of the file: then the
        // topic's id is not known here.
        _ if COMPLETE_FRONT.starts_with(text.trim_end_matches('\0')) || id.is_some() => Ok(None),
        _ => Err(LogError::corrupt(&path, "no topic_id in it")),
    }
}

/// Characters of a topic id.
const TOPIC_ID_CHARS: usize = 22;

/// What precedes the id in the file.
const COMPLETE_FRONT: &str = "version: 0\ntopic_id:";

/// Stores the topic id beside a partition's log.
pub(crate) fn write_topic_id<D: Disk>(disk: &D, directory: &Path, topic_id: &str) -> Result<()> {
    text::replace_lazily(
        disk,
        &directory.join(PARTITION_METADATA),
        &format!("version: 0\ntopic_id: {topic_id}\n"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_directory_is_accepted() {
        let identity = Identity { broker_id: 3, cluster_id: "abc".to_owned() };
        let check = |text: &str, expect: &str| {
            let outcome = MetaProperties::parse(text).check(Path::new("/d"), &identity);
            let outcome = outcome.map_or_else(|error| error.to_string(), |()| String::new());
            assert!(outcome.contains(expect) && outcome.is_empty() == expect.is_empty(), "{text}: {outcome}");
        };
        check("#\n#Thu Oct 10\nversion=0\nbroker.id=3\ncluster.id=abc\n", "");
        check("version=0\nbroker.id=3\ncluster.id=abc\ndirectory.id=xyz\n", "");
        check("", "");
        check("broker.id=4\ncluster.id=abc\nversion=0\n", "set broker.id=4");
        check("broker.id=3\ncluster.id=xyz\nversion=0\n", "correct zookeeper.connect");
        check("version=1\nnode.id=3\ncluster.id=abc\n", "without ZooKeeper");
        check("version=7\n", "unknown version=7");
        check("version=0\nbroker.id=x\n", "not a number");
    }

    #[test]
    fn what_we_write_we_accept() {
        let identity = Identity { broker_id: 0, cluster_id: "x-Y_z".to_owned() };
        let meta = MetaProperties::of(&identity);
        meta.check(Path::new("/d"), &identity).unwrap();
        assert_eq!((meta.broker_id(), meta.cluster_id()), (Some("0"), Some("x-Y_z")));
    }
}
