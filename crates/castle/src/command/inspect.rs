//! `castle inspect log|snapshot`: what is in a data directory, Castle's or Apache ZooKeeper's, read offline
//! and never changed.

mod log;
mod snapshot;

use crate::failure::{Code, Failure};
use crate::output::Output;
use std::path::{Path, PathBuf};
use txnlog::Error;
use zookeeper_wire::{Acl, Zxid};

const EXAMPLES: &str = "\
Examples:
  castle inspect log /var/lib/zookeeper                    every transaction, oldest first
  castle inspect log version-2/log.1f --from 0x30 -o json  one JSON object a line
  castle inspect log /var/lib/zookeeper --verify           checksums, order, digests of the tree
  castle inspect log log.1f --recover log.1f.fixed         what is valid of a torn log, into a new file
  castle inspect snapshot version-2/snapshot.1a0           what is in it, and whether its digest is right
  castle inspect snapshot snapshot.1a0 --znodes            each znode
  castle inspect snapshot snapshot.1a0 --znodes --data -o json > znodes.jsonl";

#[derive(clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    output: Output,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Show, verify or recover a transaction log
    Log(log::Args),
    /// Show a snapshot
    Snapshot(snapshot::Args),
}

pub(crate) fn run(args: Args) -> Result<(), Failure> {
    let format = args.output.format;
    match args.action {
        Action::Log(args) => log::run(args, format),
        Action::Snapshot(args) => snapshot::run(args, format),
    }
}

/// The directory with the files: `version-2` of a data directory, or the directory itself.
fn version_2(directory: &Path) -> PathBuf {
    let inner = directory.join("version-2");
    if inner.is_dir() { inner } else { directory.to_owned() }
}

fn damaged(error: &Error) -> Failure {
    Failure::new(Code::Data, error.to_string())
}

/// A zxid as people write it: hexadecimal behind `0x`, or decimal.
fn zxid(text: &str) -> Result<Zxid, String> {
    let parsed = match text.strip_prefix("0x") {
        Some(digits) => i64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    parsed.map(Zxid).map_err(|_| format!("{text:?} is no zxid: write it as 0x1f or 31"))
}

/// A list as one word: `world:anyone:cdrwa,digest:bob:...:r`.
fn acl_text(acl: &[Acl]) -> String {
    let entries = acl.iter().map(|acl| format!("{}:{}:{}", acl.scheme, acl.id, acl.permissions));
    entries.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use zookeeper_wire::Permissions;

    #[test]
    fn zxids_are_read_as_they_are_printed() {
        let check = |text: &str, expect: Option<i64>| assert_eq!(zxid(text).ok().map(|zxid| zxid.0), expect);
        check("0x1f", Some(31));
        check("31", Some(31));
        check("1f", None);
        check("", None);
    }

    #[test]
    fn lists_are_one_word() {
        let list = [Acl::world(Permissions::READ), Acl::new(Permissions::ALL, "digest", "a:b")];
        assert_eq!(acl_text(&list), "world:anyone:r,digest:a:b:cdrwa");
    }
}
