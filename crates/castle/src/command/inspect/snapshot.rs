//! `castle inspect snapshot`: the jobs of zkSnapShotToolkit.

use super::{acl_text, damaged, log};
use crate::failure::{Code, Failure};
use crate::kafka::json_bytes;
use crate::output::{Format, escaped, json, line};
use crate::progress::Progress;
use disk::RealDisk;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use txnlog::{SnapshotItem, SnapshotReader};
use zookeeper_wire::{SessionId, StoredStat};

#[derive(clap::Args)]
pub(super) struct Args {
    /// The snapshot, packed or not
    #[arg(value_name = "FILE")]
    path: PathBuf,
    /// Print each znode; with JSON, one object a line
    #[arg(long)]
    znodes: bool,
    /// With their data
    #[arg(long, requires = "znodes")]
    data: bool,
    /// Print each session
    #[arg(long, conflicts_with = "znodes")]
    sessions: bool,
}

#[derive(Default)]
struct Summary {
    sessions: u64,
    lists: u64,
    znodes: u64,
    data_bytes: u64,
    ephemerals: u64,
    digest: Option<(i64, i32, i64)>,
    last: Option<i64>,
}

pub(super) fn run(args: Args, format: Format) -> Result<(), Failure> {
    let mut summary = Summary::default();
    let mut lists = BTreeMap::new();
    let mut progress = Progress::of("znodes");
    let reader = SnapshotReader::open(&RealDisk, &args.path).map_err(|error| damaged(&error))?;
    let zxid = reader.zxid();
    for item in reader {
        match item.map_err(|error| damaged(&error))? {
            SnapshotItem::Session { id, timeout_ms } => {
                summary.sessions += 1;
                if args.sessions {
                    show_session(id, timeout_ms, format);
                }
            }
            SnapshotItem::Acl { key, acl } => {
                summary.lists += 1;
                lists.insert(key, acl_text(&acl));
            }
            SnapshotItem::Node { path, data, acl, stat } => {
                progress.step();
                summary.znodes += 1;
                summary.data_bytes += data.as_ref().map_or(0, |data| data.len() as u64);
                summary.ephemerals += u64::from(stat.ephemeral_owner != 0);
                if args.znodes {
                    // The open list is not in the table.
                    let acl = lists.get(&acl).map_or("world:anyone:cdrwa", String::as_str);
                    let shown = args.data.then_some(());
                    show_znode(&path, data, shown.is_some(), acl, &stat, format);
                }
            }
            SnapshotItem::Digest { zxid, version, digest } => {
                summary.digest = Some((zxid.0, version, digest))
            }
            SnapshotItem::Last(zxid) => summary.last = Some(zxid.0),
        }
    }
    drop(progress);
    if args.znodes || args.sessions {
        return Ok(());
    }
    let (database, _) = log::load(&args.path, zxid)?;
    let computed = database.tree().digest() as i64;
    // One that holds parts of later transactions has no digest of its own to compare with.
    let exact = summary.digest.is_some_and(|(at, version, _)| version == 2 && at == zxid.0);
    let right = summary.digest.filter(|_| exact).map(|(.., digest)| digest == computed);
    report(&args, &summary, zxid, computed, right, format);
    if right == Some(false) && summary.last == Some(zxid.0) {
        let why = "the digest of the tree is not the one that was written down with it";
        return Err(Failure::new(Code::Data, why));
    }
    Ok(())
}

fn report(
    args: &Args,
    summary: &Summary,
    zxid: zookeeper_wire::Zxid,
    computed: i64,
    right: Option<bool>,
    format: Format,
) {
    let Summary { sessions, lists, znodes, data_bytes, ephemerals, digest, last } = summary;
    if format == Format::Json {
        return json(&json!({
            "path": args.path,
            "zxid": zxid.0,
            "last_zxid": last,
            "sessions": sessions,
            "acls": lists,
            "znodes": znodes,
            "ephemerals": ephemerals,
            "data_bytes": data_bytes,
            "digest": digest.map(|(zxid, version, digest)| {
                json!({"zxid": zxid, "version": version, "digest": digest})
            }),
            "digest_computed": computed,
            "digest_right": right,
        }));
    }
    let digest = match (digest, right) {
        (None, _) => "none was written".to_owned(),
        (Some(_), Some(true)) => format!("{computed:x}, as it was written"),
        (Some((.., written)), Some(false)) => format!("{computed:x}, and {written:x} was written"),
        (Some((at, ..)), None) => format!("{computed:x}; the one written is for {at:#x}"),
    };
    for (name, value) in [
        ("zxid", zxid.to_string()),
        ("last zxid", last.map_or_else(|| "not told".to_owned(), |last| format!("{last:#x}"))),
        ("sessions", sessions.to_string()),
        ("ACL lists", lists.to_string()),
        ("znodes", format!("{znodes}, {ephemerals} of them ephemeral or timed")),
        ("data", format!("{data_bytes} B")),
        ("digest", digest),
    ] {
        line(format!("{name:<10} {value}"));
    }
}

fn show_session(id: SessionId, timeout_ms: i32, format: Format) {
    match format {
        Format::Json => line(json!({"session": id.0, "timeout": timeout_ms}).to_string()),
        Format::Table => line(format!("{id}  {timeout_ms} ms")),
    }
}

fn show_znode(
    path: &str,
    data: Option<Vec<u8>>,
    with_data: bool,
    acl: &str,
    stat: &StoredStat,
    format: Format,
) {
    let path = if path.is_empty() { "/" } else { path };
    let bytes = data.as_ref().map_or(0, Vec::len);
    let data = data.map(bytes::Bytes::from);
    match format {
        Format::Json => {
            let mut value = json!({
                "path": path,
                "dataLength": bytes,
                "acl": acl,
                "stat": {
                    "czxid": stat.czxid.0, "mzxid": stat.mzxid.0, "pzxid": stat.pzxid.0,
                    "ctime": stat.ctime, "mtime": stat.mtime,
                    "version": stat.version, "cversion": stat.child_version, "aversion": stat.acl_version,
                    "ephemeralOwner": stat.ephemeral_owner,
                },
            });
            if with_data {
                value["data"] = json_bytes(data.as_ref());
            }
            line(value.to_string());
        }
        Format::Table => {
            let owner = match stat.ephemeral_owner {
                0 => String::new(),
                owner => format!("  owner {owner:#x}"),
            };
            line(escaped(&format!("{path}  {bytes} B  version {}  acl {acl}{owner}", stat.version)));
            if let (true, Value::String(text)) = (with_data && bytes > 0, json_bytes(data.as_ref())) {
                line(format!("    {}", escaped(&text)));
            }
        }
    }
}
