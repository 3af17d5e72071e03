//! `castle znode export` and `import`: a subtree as JSON, to be kept, read, or put somewhere else.

use super::{at, below, make_parents};
use crate::failure::Failure;
use crate::output::{Format, json, line};
use crate::progress::Progress;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use keeper_client::blocking::{Client, Error};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::io::{BufWriter, Read, Write};
use zookeeper_wire::{
    Acl, CreateRequest, ErrorCode, PathOnly, Permissions, Request, Response, SetAclRequest, Stat,
};

/// What the file says it is.
const FORMAT: &str = "castle-znodes-1";

/// The whole file. The znodes come parents first.
#[derive(Deserialize)]
struct Exported {
    format: String,
    znodes: Vec<Znode>,
}

/// One znode, its path counted from the exported one, which itself is empty.
#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Znode {
    path: String,
    /// Base64.
    data: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    acl: Vec<Entry>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    ephemeral: bool,
}

/// One entry of a list; permissions as the letters `cdrwa`.
#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Entry {
    permissions: String,
    scheme: String,
    id: String,
}

impl Entry {
    fn of(acl: &Acl) -> Entry {
        Entry {
            permissions: acl.permissions.to_string(),
            scheme: acl.scheme.to_string(),
            id: acl.id.to_string(),
        }
    }

    fn parse(&self) -> Result<Acl, Failure> {
        let mut permissions = Permissions::NONE;
        for letter in self.permissions.chars() {
            permissions = permissions
                | match letter {
                    'c' => Permissions::CREATE,
                    'd' => Permissions::DELETE,
                    'r' => Permissions::READ,
                    'w' => Permissions::WRITE,
                    'a' => Permissions::ADMIN,
                    other => {
                        return Err(Failure::failed(format!("{other:?} is no permission: they are cdrwa")));
                    }
                };
        }
        Ok(Acl::new(permissions, self.scheme.clone(), self.id.clone()))
    }

    /// True if the server did not show the hash of a password.
    fn is_masked(&self) -> bool {
        self.scheme == "digest" && self.id.ends_with(":x")
    }
}

#[derive(clap::Args)]
pub(super) struct ExportArgs {
    /// The subtree
    path: String,
    /// Leave out the access control lists
    #[arg(long)]
    no_acl: bool,
}

#[derive(clap::Args)]
pub(super) struct ImportArgs {
    /// What `export` wrote, or - for stdin
    #[arg(value_name = "FILE")]
    file: String,
    /// Where to put it
    path: String,
    /// Also where there are znodes already: their data and lists are replaced
    #[arg(long)]
    replace: bool,
    /// Leave the access control lists out; new znodes are open to everybody
    #[arg(long)]
    no_acl: bool,
    /// Make ephemeral znodes lasting ones; without this they are left out
    #[arg(long)]
    keep_ephemerals: bool,
}

pub(super) fn export(client: &mut Client, args: &ExportArgs) -> Result<(), Failure> {
    let ExportArgs { path, no_acl } = args;
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut progress = Progress::of("znodes");
    // Paths still to be visited, the next one last.
    let mut ahead = vec![path.clone()];
    // Nothing is said before the first znode was read: an export that fails at once leaves an empty file.
    let mut separator =
        format!("{{\"format\": {}, \"root\": {}, \"znodes\": [\n", json!(FORMAT), json!(path));
    while let Some(full) = ahead.pop() {
        let Some((znode, names)) = read(client, path, &full, *no_acl)? else { continue };
        if full == *path && znode.ephemeral && names.is_empty() {
            eprintln!("{path} is ephemeral; it is marked as such");
        }
        ahead.extend(names.into_iter().rev().map(|name| below(&full, &name)));
        write!(out, "{separator}{}", serde_json::to_string(&znode)?)?;
        separator = ",\n".to_owned();
        progress.step();
    }
    writeln!(out, "\n]}}")?;
    out.flush()?;
    Ok(())
}

/// The znode and the names of its children; `None` for one that went meanwhile. What belongs to the
/// server itself stays out of an export of the root.
fn read(
    client: &mut Client,
    root: &str,
    full: &str,
    no_acl: bool,
) -> Result<Option<(Znode, Vec<String>)>, Failure> {
    let gone = |error: &Error| matches!(error, Error::Answered(ErrorCode::NO_NODE)) && full != root;
    let (data, stat) = match client.data(full, false) {
        Err(error) if gone(&error) => return Ok(None),
        other => other.map_err(at(full))?,
    };
    let acl = if no_acl {
        Vec::new()
    } else {
        match acl(client, full) {
            Err(error) if gone(&error) => return Ok(None),
            other => other.map_err(at(full))?,
        }
    };
    let mut names = match children(client, full, &stat) {
        Err(error) if gone(&error) => return Ok(None),
        other => other.map_err(at(full))?,
    };
    if full == "/" {
        names.retain(|name| name != "zookeeper");
    }
    if let Some(entry) = acl.iter().find(|entry| entry.is_masked()) {
        return Err(Failure::failed(format!(
            "{full} hides the password of {} from whoever may not change its list; present credentials with \
             --auth, or leave the lists out with --no-acl",
            entry.id.trim_end_matches(":x")
        )));
    }
    let path = if root == "/" { full } else { full.strip_prefix(root).unwrap_or(full) };
    let path = if path == "/" { "" } else { path }.to_owned();
    let znode = Znode { path, data: STANDARD.encode(&data), acl, ephemeral: stat.ephemeral_owner.0 != 0 };
    Ok(Some((znode, names)))
}

fn acl(client: &mut Client, path: &str) -> Result<Vec<Entry>, Error> {
    match client.ask(Request::GetAcl(PathOnly { path: path.to_owned() }))? {
        Response::Acl(list, _) => Ok(list.iter().map(Entry::of).collect()),
        _ => Err(Error::Answered(ErrorCode::MARSHALLING_ERROR)),
    }
}

fn children(client: &mut Client, path: &str, stat: &Stat) -> Result<Vec<String>, Error> {
    if stat.children == 0 { Ok(Vec::new()) } else { client.children(path, false).map(|(names, _)| names) }
}

pub(super) fn import(client: &mut Client, args: &ImportArgs, format: Format) -> Result<(), Failure> {
    let mut text = String::new();
    if args.file == "-" {
        std::io::stdin().lock().read_to_string(&mut text)?;
    } else {
        text = std::fs::read_to_string(&args.file)
            .map_err(|error| Failure::failed(format!("{}: {error}", args.file)))?;
    }
    let wrong = |why: String| Failure::failed(format!("{} is not what export wrote: {why}", args.file));
    let exported: Exported = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    if exported.format != FORMAT {
        return Err(wrong(format!("its format is {:?}, not {FORMAT:?}", exported.format)));
    }
    drop(text);
    if let Some(outside) = exported.znodes.iter().find(|znode| !is_inside(&znode.path)) {
        return Err(wrong(format!("{:?} is no path below another", outside.path)));
    }
    make_parents(client, &args.path)?;
    let (mut made, mut replaced, mut left_out) = (0_u64, 0_u64, 0_u64);
    let mut progress = Progress::of("znodes");
    for znode in &exported.znodes {
        progress.step();
        if znode.ephemeral && !args.keep_ephemerals {
            left_out += 1;
            continue;
        }
        match put(client, args, znode)? {
            Put::Made => made += 1,
            Put::Replaced => replaced += 1,
        }
    }
    drop(progress);
    match format {
        Format::Json => {
            json(&json!({"path": args.path, "made": made, "replaced": replaced, "left_out": left_out}))
        }
        Format::Table => line(format!(
            "{made} znodes made, {replaced} replaced, {left_out} ephemeral ones left out, at {}",
            args.path
        )),
    }
    Ok(())
}

/// True for the exported znode itself and for what is below it. The rest of a path is the server's to judge.
fn is_inside(path: &str) -> bool {
    path.is_empty() || path.starts_with('/')
}

enum Put {
    Made,
    Replaced,
}

fn put(client: &mut Client, args: &ImportArgs, znode: &Znode) -> Result<Put, Failure> {
    let prefix = args.path.trim_end_matches('/');
    let full = if prefix.is_empty() && znode.path.is_empty() {
        "/".to_owned()
    } else {
        format!("{prefix}{}", znode.path)
    };
    let data = STANDARD
        .decode(&znode.data)
        .map_err(|error| Failure::failed(format!("the data of {full} is no base64: {error}")))?;
    let data = Bytes::from(data);
    let acl = if args.no_acl || znode.acl.is_empty() {
        None
    } else {
        Some(znode.acl.iter().map(Entry::parse).collect::<Result<Vec<_>, _>>()?)
    };
    let request = CreateRequest {
        path: full.clone(),
        data: Some(data.clone()),
        acl: acl.clone().unwrap_or_else(Acl::open),
        flags: 0,
    };
    match client.ask(Request::Create(request)) {
        Ok(_) => return Ok(Put::Made),
        // The root is always there.
        Err(Error::Answered(ErrorCode::NODE_EXISTS | ErrorCode::BAD_ARGUMENTS)) if full == "/" => {}
        Err(Error::Answered(ErrorCode::NODE_EXISTS)) if args.replace => {}
        Err(Error::Answered(ErrorCode::NODE_EXISTS)) => {
            return Err(Failure::failed(format!(
                "{full} exists already; replace what is there with --replace"
            )));
        }
        Err(error) => return Err(at(&full)(error)),
    }
    if full == "/" && !args.replace {
        return Ok(Put::Replaced);
    }
    client.set(&full, data, -1).map_err(at(&full))?;
    if let Some(acl) = acl {
        let request = SetAclRequest { path: full.clone(), acl, version: -1 };
        client.ask(Request::SetAcl(request)).map_err(at(&full))?;
    }
    Ok(Put::Replaced)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn znodes_survive_the_file() {
        let acl = Entry { permissions: "cdrwa".into(), scheme: "world".into(), id: "anyone".into() };
        assert_eq!(Entry::of(&acl.parse().expect("a list")), acl);
        let znode =
            Znode { path: "/a".into(), data: STANDARD.encode([0, 255]), acl: vec![acl], ephemeral: true };
        let text = serde_json::to_string(&znode).expect("JSON");
        assert_eq!(serde_json::from_str::<Znode>(&text).expect("the same"), znode);
        let bare: Znode = serde_json::from_str(r#"{"path": "", "data": ""}"#).expect("what may be left out");
        assert!(bare.acl.is_empty() && !bare.ephemeral);
    }

    #[test]
    fn paths_beside_the_target_are_refused() {
        assert!(is_inside("") && is_inside("/a/b"));
        assert!(!is_inside("-beside") && !is_inside("../up") && !is_inside("a/b"));
    }

    #[test]
    fn wrong_lists_are_refused() {
        let entry = |permissions: &str, id: &str| Entry {
            permissions: permissions.into(),
            scheme: "digest".into(),
            id: id.into(),
        };
        assert!(entry("rq", "a:b").parse().is_err());
        assert!(entry("r", "a:x").is_masked() && !entry("r", "a:xx").is_masked());
    }
}
