//! `castle inspect log`: the jobs of zkTxnLogToolkit.

use super::{acl_text, damaged, version_2};
use crate::failure::{Code, Failure};
use crate::kafka::json_bytes;
use crate::output::{Format, escaped, json, line};
use crate::progress::Progress;
use disk::RealDisk;
use serde_json::{Value, json};
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use txnlog::{
    Compression, Directories, Error, LogEntry, LogFileReader, LogReader, SnapshotItem, SnapshotReader,
    newest_snapshots,
};
use znode::{Database, HashKey, Restore};
use zookeeper_wire::Zxid;
use zookeeper_wire::txn::{Txn, TxnEntry};

#[derive(clap::Args)]
pub(super) struct Args {
    /// A log file, or a data directory with its log
    #[arg(value_name = "FILE|DIR")]
    path: PathBuf,
    /// Only transactions from this one on
    #[arg(long, value_name = "ZXID", value_parser = super::zxid, default_value = "0")]
    from: Zxid,
    /// Only transactions up to this one
    #[arg(long, value_name = "ZXID", value_parser = super::zxid)]
    to: Option<Zxid>,
    /// Print no transactions: check checksums and order and, of a directory, the digests of the tree
    #[arg(long)]
    verify: bool,
    /// Write the valid part of a log file that is damaged or torn into this new file
    #[arg(long, value_name = "NEW_FILE", conflicts_with_all = ["verify", "from", "to"])]
    recover: Option<PathBuf>,
}

pub(super) fn run(args: Args, format: Format) -> Result<(), Failure> {
    if let Some(new) = &args.recover {
        return recover(&args.path, new, format);
    }
    if args.verify {
        return verify(&args.path, format);
    }
    let wanted = |entry: &LogEntry| entry.zxid >= args.from && args.to.is_none_or(|to| entry.zxid <= to);
    for entry in entries(&args.path, args.from)? {
        let entry = entry.map_err(|error| damaged(&error))?;
        if args.to.is_some_and(|to| entry.zxid > to) {
            break;
        }
        if wanted(&entry) {
            show(&entry, format);
        }
    }
    Ok(())
}

type Entries = Box<dyn Iterator<Item = Result<LogEntry, Error>>>;

fn entries(path: &Path, from: Zxid) -> Result<Entries, Failure> {
    let error = |error| damaged(&error);
    Ok(if path.is_dir() {
        Box::new(LogReader::open(&RealDisk, &version_2(path), from).map_err(error)?)
    } else {
        Box::new(LogFileReader::open(&RealDisk, path).map_err(error)?)
    })
}

fn show(entry: &LogEntry, format: Format) {
    match (entry.decode(), format) {
        (Ok(decoded), Format::Json) => line(entry_json(entry, &decoded).to_string()),
        (Ok(TxnEntry { header, txn, .. }), Format::Table) => line(escaped(&format!(
            "{}  {:<12} session {} cxid {:#x}  {} {}",
            time(header.time_ms),
            header.zxid.to_string(),
            header.session,
            header.cxid.0,
            header.kind.name(),
            detail(&txn),
        ))),
        (Err(error), Format::Json) => {
            line(
                json!({"zxid": entry.zxid.0, "offset": entry.offset, "error": error.to_string()}).to_string(),
            );
        }
        (Err(error), Format::Table) => line(format!("{} cannot be read: {error}", entry.zxid)),
    }
}

/// A date in UTC, to the millisecond.
fn time(ms: i64) -> String {
    match jiff::Timestamp::from_millisecond(ms) {
        Ok(at) => at.strftime("%Y-%m-%d %H:%M:%S%.3f").to_string(),
        Err(_) => ms.to_string(),
    }
}

/// What a transaction does, on one line.
fn detail(txn: &Txn) -> String {
    let bytes = |data: &Option<bytes::Bytes>| data.as_ref().map_or(0, |data| data.len());
    match txn {
        Txn::Create(t) | Txn::Create2(t) => {
            let ephemeral = if t.ephemeral { " ephemeral" } else { "" };
            format!("{} {} B{ephemeral} acl {}", t.path, bytes(&t.data), acl_text(&t.acl))
        }
        Txn::CreateContainer(t) => format!("{} {} B acl {}", t.path, bytes(&t.data), acl_text(&t.acl)),
        Txn::CreateTtl(t) => {
            format!("{} {} B ttl {} ms acl {}", t.path, bytes(&t.data), t.ttl_ms, acl_text(&t.acl))
        }
        Txn::Delete(t) | Txn::DeleteContainer(t) => t.path.clone(),
        Txn::SetData(t) | Txn::Reconfig(t) => {
            format!("{} {} B version {}", t.path, bytes(&t.data), t.version)
        }
        Txn::SetAcl(t) => format!("{} acl {} version {}", t.path, acl_text(&t.acl), t.version),
        Txn::Check(t) => format!("{} version {}", t.path, t.version),
        Txn::Multi(members) => {
            let members = members.iter().map(|txn| format!("{} {}", txn.kind().name(), detail(txn)));
            format!("[{}]", members.collect::<Vec<_>>().join("; "))
        }
        Txn::CreateSession { timeout_ms } => format!("timeout {timeout_ms} ms"),
        Txn::CloseSession(None) => String::new(),
        Txn::CloseSession(Some(paths)) => paths.join(" "),
        Txn::Error(error) => error.to_string(),
    }
}

fn entry_json(entry: &LogEntry, decoded: &TxnEntry) -> Value {
    let TxnEntry { header, txn, digest } = decoded;
    json!({
        "zxid": header.zxid.0,
        "time": header.time_ms,
        "session": header.session.0,
        "cxid": header.cxid.0,
        "type": header.kind.name(),
        "txn": txn_json(txn),
        "digest": digest.map(|digest| json!({"version": digest.version, "digest": digest.tree})),
        "offset": entry.offset,
        "checksum": entry.checksum,
    })
}

fn txn_json(txn: &Txn) -> Value {
    let data = |data: &Option<bytes::Bytes>| json_bytes(data.as_ref());
    match txn {
        Txn::Create(t) | Txn::Create2(t) => json!({
            "path": t.path, "data": data(&t.data), "acl": acl_text(&t.acl), "ephemeral": t.ephemeral,
            "parentCVersion": t.parent_cversion,
        }),
        Txn::CreateContainer(t) => json!({
            "path": t.path, "data": data(&t.data), "acl": acl_text(&t.acl), "parentCVersion": t.parent_cversion,
        }),
        Txn::CreateTtl(t) => json!({
            "path": t.path, "data": data(&t.data), "acl": acl_text(&t.acl), "ttl": t.ttl_ms,
            "parentCVersion": t.parent_cversion,
        }),
        Txn::Delete(t) | Txn::DeleteContainer(t) => json!({"path": t.path}),
        Txn::SetData(t) | Txn::Reconfig(t) => {
            json!({"path": t.path, "data": data(&t.data), "version": t.version})
        }
        Txn::SetAcl(t) => json!({"path": t.path, "acl": acl_text(&t.acl), "version": t.version}),
        Txn::Check(t) => json!({"path": t.path, "version": t.version}),
        Txn::Multi(members) => {
            members.iter().map(|txn| json!({"type": txn.kind().name(), "txn": txn_json(txn)})).collect()
        }
        Txn::CreateSession { timeout_ms } => json!({"timeout": timeout_ms}),
        Txn::CloseSession(paths) => json!({"paths": paths}),
        Txn::Error(error) => json!({"err": error.0}),
    }
}

/// What a verification found.
#[derive(Default)]
struct Findings {
    transactions: u64,
    first: Option<Zxid>,
    last: Option<Zxid>,
    /// Transactions whose digest was compared.
    compared: u64,
    /// The first whose digest is another.
    differs: Option<Zxid>,
    unreadable: u64,
    unordered: Option<Zxid>,
}

fn verify(path: &Path, format: Format) -> Result<(), Failure> {
    // Snapshots that were not reached yet, the next one last. Each begins a tree of its own: an
    // administrator may have restored it over another one.
    let mut snapshots = if path.is_dir() { snapshots_of(path)? } else { Vec::new() };
    let mut tree: Option<(Database, Zxid)> = None;
    let mut found = Findings::default();
    let mut progress = Progress::of("transactions");
    let mut fault = None;
    for entry in entries(path, Zxid::ZERO)? {
        progress.step();
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                fault = Some(error.to_string());
                break;
            }
        };
        found.transactions += 1;
        found.first.get_or_insert(entry.zxid);
        if found.last.is_some_and(|last| entry.zxid <= last) {
            found.unordered.get_or_insert(entry.zxid);
        }
        found.last = Some(entry.zxid);
        let Ok(decoded) = entry.decode() else {
            found.unreadable += 1;
            continue;
        };
        while let Some((zxid, _, file)) = snapshots.pop_if(|(zxid, ..)| *zxid < entry.zxid) {
            // Only the last one before the transaction is needed.
            if snapshots.last().is_none_or(|(next, ..)| *next >= entry.zxid) {
                tree = Some(load(&file, zxid)?);
            }
        }
        if let Some((database, exact_after)) = &mut tree {
            database.replay(&decoded);
            let digest = decoded.digest.filter(|digest| digest.version == 2 && entry.zxid >= *exact_after);
            if let Some(digest) = digest {
                found.compared += 1;
                if digest.tree != database.tree().digest() as i64 {
                    found.differs.get_or_insert(entry.zxid);
                }
            }
        }
    }
    drop(progress);
    if fault.is_none() && !path.is_dir() {
        fault = torn(path)?;
    }
    report(path, &found, fault, format)
}

/// What is behind the last whole transaction of a file, if anything is.
fn torn(path: &Path) -> Result<Option<String>, Failure> {
    let mut reader = LogFileReader::open(&RealDisk, path).map_err(|error| damaged(&error))?;
    reader.by_ref().for_each(drop);
    let torn = reader.torn();
    Ok(torn
        .map(|torn| format!("it is torn at byte {}, and {} bytes behind that are lost", torn.at, torn.bytes)))
}

fn report(path: &Path, found: &Findings, fault: Option<String>, format: Format) -> Result<(), Failure> {
    let zxid = |zxid: Option<Zxid>| zxid.map_or_else(|| "-".to_owned(), |zxid| zxid.to_string());
    match format {
        Format::Json => json(&json!({
            "path": path,
            "transactions": found.transactions,
            "first": found.first.map(|zxid| zxid.0),
            "last": found.last.map(|zxid| zxid.0),
            "unreadable": found.unreadable,
            "unordered": found.unordered.map(|zxid| zxid.0),
            "digests": found.compared,
            "digest_differs": found.differs.map(|zxid| zxid.0),
            "fault": fault,
        })),
        Format::Table => {
            line(format!(
                "{} transactions, {} to {}; {}",
                found.transactions,
                zxid(found.first),
                zxid(found.last),
                if fault.is_none() { "every checksum is right" } else { "what follows is damaged" },
            ));
            line(format!("{} digests of the tree compared", found.compared));
        }
    }
    let problem = fault
        .or_else(|| found.differs.map(|at| format!("the tree's digest is another from {at} on")))
        .or_else(|| found.unordered.map(|at| format!("{at} does not come after the one before it")))
        .or_else(|| (found.unreadable > 0).then(|| format!("{} cannot be decoded", found.unreadable)));
    problem.map_or(Ok(()), |problem| Err(Failure::new(Code::Data, problem)))
}

/// The whole snapshots of a directory, newest first.
fn snapshots_of(directory: &Path) -> Result<Vec<(Zxid, Compression, PathBuf)>, Failure> {
    let inner = version_2(directory);
    let at = Directories { snapshots: inner.clone(), logs: inner };
    newest_snapshots(&RealDisk, &at, usize::MAX).map_err(|error| damaged(&error))
}

/// The database of one snapshot, and the transaction from which on it is exact: snapshots are fuzzy.
pub(super) fn load(path: &Path, zxid: Zxid) -> Result<(Database, Zxid), Failure> {
    let broken = |why: String| Failure::new(Code::Data, format!("{}: {why}", path.display()));
    let mut restore = Restore::new(HashKey(0), znode::ExtendedTypes::On);
    let mut exact_after = zxid;
    let mut progress = Progress::of("znodes");
    let reader = SnapshotReader::open(&RealDisk, path).map_err(|error| damaged(&error))?;
    for item in reader {
        match item.map_err(|error| damaged(&error))? {
            SnapshotItem::Session { id, timeout_ms } => restore.session(id, timeout_ms),
            SnapshotItem::Acl { key, acl } => restore.acl(key, acl),
            SnapshotItem::Node { path, data, acl, stat } => {
                progress.step();
                restore
                    .node(&path, data.as_deref(), acl, &stat)
                    .map_err(|error| broken(error.to_string()))?;
            }
            SnapshotItem::Digest { zxid, .. } | SnapshotItem::Last(zxid) => {
                exact_after = exact_after.max(zxid);
            }
        }
    }
    let database = restore.finish(zxid).map_err(|error| broken(error.to_string()))?;
    Ok((database, exact_after))
}

fn recover(path: &Path, new: &Path, format: Format) -> Result<(), Failure> {
    if path.is_dir() {
        return Err(Failure::failed(format!(
            "{} is a directory; --recover takes one file, such as version-2/log.1",
            path.display()
        )));
    }
    let mut reader = LogFileReader::open(&RealDisk, path).map_err(|error| damaged(&error))?;
    let mut fault = None;
    let mut progress = Progress::of("transactions");
    for entry in reader.by_ref() {
        progress.step();
        if let Err(error) = entry {
            fault = Some(error.to_string());
        }
    }
    drop(progress);
    if fault.is_none() {
        fault = torn(path)?;
    }
    let valid = reader.valid_bytes();
    if valid == 0 {
        return Err(Failure::failed(format!(
            "{} ends inside its header, so there is nothing in it to recover; servers pass over such a file",
            path.display()
        )));
    }
    let cannot = |error: std::io::Error| Failure::failed(format!("cannot write {}: {error}", new.display()));
    let mut from = File::open(path)?.take(valid);
    // Never over something that is there.
    let mut to = File::create_new(new).map_err(cannot)?;
    std::io::copy(&mut from, &mut to)
        .and_then(|_| to.flush())
        .and_then(|()| to.sync_all())
        .map_err(cannot)?;
    match format {
        Format::Json => json(&json!({
            "path": path, "new": new, "transactions": reader.entries(), "bytes": valid, "fault": fault,
        })),
        Format::Table => {
            line(format!("{} transactions, {valid} bytes, are in {}", reader.entries(), new.display()));
            line(fault.unwrap_or_else(|| "nothing was wrong with the log".to_owned()));
        }
    }
    Ok(())
}
