//! `castle znode ls|tree|get|create|set|delete|watch|export|import`: the znodes of a Castle keeper or of any ZooKeeper
//! server.

mod show;
mod transfer;

use crate::failure::Failure;
use crate::kafka::json_bytes;
use crate::output::{Format, Output, escaped, json, line, table};
use bytes::Bytes;
use clock::Span;
use keeper_client::blocking::{Client, Error};
use keeper_client::tls::{Connector, Settings, StoreFile};
use keeper_client::{Event, Options, Servers};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use zookeeper_wire::{AddWatchRequest, ErrorCode, EventKind, Request, Stat};

const EXAMPLES: &str = "\
Examples:
  castle znode ls /                                  names of the children
  castle znode tree /brokers                         everything below, with sizes
  castle znode get /controller --stat                data, versions and times
  castle znode create /app/config '{\"on\":true}' --parents
  castle znode create /locks/l- --sequential --ephemeral    held until Ctrl-C
  castle znode set /app/config - < config.json       data from stdin
  castle znode delete /app --recursive
  castle znode export /app > app.json                 the subtree as JSON
  castle znode import app.json /copy-of-app
  castle znode watch /app --recursive                one line for each change
  castle znode get /app/config -o json --keeper other:2181/chroot
  castle znode ls / --keeper other:2281 --tls-trust ca.pem --tls-key me.pem";

#[derive(clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    keeper: Keeper,
    #[command(flatten)]
    output: Output,
}

/// Where the keeper is.
#[derive(clap::Args)]
struct Keeper {
    /// The keeper, or several with commas between, and a chroot behind if there is one
    #[arg(
        long = "keeper",
        short = 'k',
        value_name = "HOST:PORT",
        default_value = "localhost:2181",
        env = "CASTLE_KEEPER",
        global = true
    )]
    servers: Servers,
    /// Credentials to present, as in digest:user:password; may be repeated
    #[arg(long = "auth", value_name = "SCHEME:SECRET", global = true)]
    auth: Vec<String>,
    /// Speak TLS, and believe the certificates in this file (PEM, PKCS12 or JKS)
    #[arg(long = "tls-trust", value_name = "FILE", global = true)]
    tls_trust: Option<PathBuf>,
    /// The client's key with its certificate, if the keeper wants one (PEM, PKCS12 or JKS)
    #[arg(long = "tls-key", value_name = "FILE", requires = "tls_trust", global = true)]
    tls_key: Option<PathBuf>,
    /// What opens both files, if they need it
    #[arg(
        long = "tls-password",
        value_name = "PASSWORD",
        env = "CASTLE_TLS_PASSWORD",
        hide_env_values = true,
        global = true
    )]
    tls_password: Option<String>,
    /// Seconds to wait for a connection and for each answer
    #[arg(long = "wait", value_name = "SECONDS", default_value_t = 5, global = true)]
    wait_seconds: u64,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Name the children of a znode
    #[command(visible_alias = "list")]
    Ls {
        /// The parent
        #[arg(default_value = "/")]
        path: String,
        /// Also versions, sizes and times
        #[arg(short = 'l', long)]
        long: bool,
    },
    /// Show everything below a znode
    Tree {
        /// Where to begin
        #[arg(default_value = "/")]
        path: String,
        /// How many levels down
        #[arg(long, value_name = "LEVELS")]
        depth: Option<usize>,
    },
    /// Print the data of a znode
    Get {
        /// Which
        path: String,
        /// Also versions, sizes and times
        #[arg(short = 's', long)]
        stat: bool,
    },
    /// Make a znode
    Create(CreateArgs),
    /// Replace the data of a znode
    Set {
        /// Which
        path: String,
        /// The data, or - for stdin
        data: String,
        /// Only if the znode has this version
        #[arg(long, default_value_t = -1, allow_hyphen_values = true)]
        version: i32,
    },
    /// Delete a znode
    #[command(visible_alias = "rm")]
    Delete {
        /// Which
        path: String,
        /// With everything below it
        #[arg(short = 'r', long)]
        recursive: bool,
        /// Only if the znode has this version
        #[arg(long, default_value_t = -1, allow_hyphen_values = true, conflicts_with = "recursive")]
        version: i32,
    },
    /// Write a subtree as JSON: data in base64, lists, ephemeral znodes marked
    Export(transfer::ExportArgs),
    /// Make the znodes that export wrote
    Import(transfer::ImportArgs),
    /// Print a line for each change, until Ctrl-C
    Watch {
        /// Which
        path: String,
        /// Also changes below it
        #[arg(short = 'r', long)]
        recursive: bool,
        /// End after so many changes
        #[arg(long, value_name = "CHANGES")]
        count: Option<u64>,
    },
}

#[derive(clap::Args)]
struct CreateArgs {
    /// Where; ten digits are appended with --sequential
    path: String,
    /// The data, or - for stdin
    #[arg(default_value = "")]
    data: String,
    /// Let the server append the next number
    #[arg(short = 's', long)]
    sequential: bool,
    /// Gone when this command ends: it stays until Ctrl-C
    #[arg(short = 'e', long)]
    ephemeral: bool,
    /// Make missing parents, too
    #[arg(short = 'p', long)]
    parents: bool,
}

/// Runs the command.
pub(crate) fn run(args: Args) -> Result<(), Failure> {
    let Args { action, keeper, output } = args;
    let mut client = keeper.connect()?;
    let format = output.format;
    let done = match action {
        Action::Ls { path, long } => ls(&mut client, &path, long, format),
        Action::Tree { path, depth } => tree(&mut client, &path, depth, format),
        Action::Get { path, stat } => get(&mut client, &path, stat, format),
        Action::Create(args) => create(&mut client, args, format),
        Action::Set { path, data, version } => set(&mut client, &path, &data, version, format),
        Action::Delete { path, recursive, version } => delete(&mut client, &path, recursive, version, format),
        Action::Export(args) => transfer::export(&mut client, &args),
        Action::Import(args) => transfer::import(&mut client, &args, format),
        Action::Watch { path, recursive, count } => watch(&mut client, &path, recursive, count, format),
    };
    client.close();
    done
}

impl Keeper {
    fn connect(&self) -> Result<Client, Failure> {
        let mut options = Options::new(self.servers.clone());
        options.timeout = Span::seconds(10);
        options.create_chroot = false;
        options.seed = std::process::id().into();
        for given in &self.auth {
            let (scheme, secret) = given.split_once(':').ok_or_else(|| {
                Failure::failed(format!("{given:?} is no credential: write it as digest:user:password"))
            })?;
            options.credentials.push((scheme.to_string(), Bytes::copy_from_slice(secret.as_bytes())));
        }
        let patience = Duration::from_secs(self.wait_seconds.max(1));
        Client::secured(options, patience, self.tls()?).map_err(Failure::from)
    }

    fn tls(&self) -> Result<Option<Connector>, Failure> {
        let Some(trust) = &self.tls_trust else { return Ok(None) };
        let password = self.tls_password.clone().unwrap_or_default();
        let store = |path: &PathBuf| StoreFile { path: path.clone(), password: password.clone() };
        let settings = Settings {
            trust: Some(store(trust)),
            key: self.tls_key.as_ref().map(store),
            ..Settings::default()
        };
        Connector::new(&settings).map(Some).map_err(|error| Failure::failed(error.to_string()))
    }
}

/// What went wrong with a znode, in its words.
fn at(path: &str) -> impl Fn(Error) -> Failure + '_ {
    move |error| {
        let text = match error {
            Error::Answered(ErrorCode::NO_NODE) => format!("no znode at {path}"),
            Error::Answered(ErrorCode::NODE_EXISTS) => format!("{path} exists already"),
            Error::Answered(ErrorCode::NOT_EMPTY) => {
                format!("{path} has children; delete them too with --recursive")
            }
            Error::Answered(ErrorCode::BAD_VERSION) => format!("{path} has another version than that"),
            Error::Answered(ErrorCode::NO_AUTH) => {
                format!("{path} is protected; present credentials with --auth digest:user:password")
            }
            Error::Answered(ErrorCode::BAD_ARGUMENTS) => format!("{path} is no path of a znode"),
            Error::Answered(ErrorCode::NO_CHILDREN_FOR_EPHEMERALS) => {
                format!("the parent of {path} is ephemeral and cannot have children")
            }
            other => other.to_string(),
        };
        Failure::failed(text)
    }
}

/// The path of a child.
fn below(path: &str, name: &str) -> String {
    if path == "/" { format!("/{name}") } else { format!("{path}/{name}") }
}

fn ls(client: &mut Client, path: &str, long: bool, format: Format) -> Result<(), Failure> {
    let (names, _) = client.children(path, false).map_err(at(path))?;
    if !long {
        match format {
            Format::Json => json(&json!(names)),
            Format::Table => names.iter().for_each(line),
        }
        return Ok(());
    }
    let mut found = Vec::new();
    for name in names {
        // One that went meanwhile is not listed.
        if let Some(stat) = client.stat(&below(path, &name), false).map_err(at(path))? {
            found.push((name, stat));
        }
    }
    match format {
        Format::Json => {
            let listed =
                found.iter().map(|(name, stat)| json!({"name": name, "stat": show::stat_json(stat)}));
            json(&Value::Array(listed.collect()));
        }
        Format::Table => table(
            ["NAME", "BYTES", "CHILDREN", "VERSION", "CHANGED", "OWNER"],
            found.into_iter().map(|(name, stat)| {
                [
                    name,
                    stat.data_length.to_string(),
                    stat.children.to_string(),
                    stat.version.to_string(),
                    show::time(stat.mtime),
                    show::owner(&stat),
                ]
            }),
        ),
    }
    Ok(())
}

fn tree(client: &mut Client, path: &str, depth: Option<usize>, format: Format) -> Result<(), Failure> {
    let depth = depth.unwrap_or(usize::MAX);
    match format {
        Format::Json => json(&tree_json(client, path, depth)?.unwrap_or(Value::Null)),
        Format::Table => {
            let (names, stat) = client.children(path, false).map_err(at(path))?;
            line(format!("{}{}", escaped(path), show::remark(&stat)));
            tree_lines(client, path, names, depth, "")?;
        }
    }
    Ok(())
}

fn tree_lines(
    client: &mut Client,
    path: &str,
    names: Vec<String>,
    depth: usize,
    indent: &str,
) -> Result<(), Failure> {
    if depth == 0 {
        return Ok(());
    }
    let last = names.len().saturating_sub(1);
    for (index, name) in names.into_iter().enumerate() {
        let child = below(path, &name);
        let (branch, deeper) = if index == last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        match client.children(&child, false) {
            Ok((names, stat)) => {
                line(format!("{indent}{branch}{}{}", escaped(&name), show::remark(&stat)));
                tree_lines(client, &child, names, depth - 1, &format!("{indent}{deeper}"))?;
            }
            Err(Error::Answered(ErrorCode::NO_NODE)) => {}
            Err(Error::Answered(ErrorCode::NO_AUTH)) => {
                line(format!("{indent}{branch}{}  (protected)", escaped(&name)));
            }
            Err(error) => return Err(at(&child)(error)),
        }
    }
    Ok(())
}

/// `None` for a znode that is gone.
fn tree_json(client: &mut Client, path: &str, depth: usize) -> Result<Option<Value>, Failure> {
    let (data, stat) = match client.data(path, false) {
        Ok(read) => read,
        Err(Error::Answered(ErrorCode::NO_NODE)) => return Ok(None),
        Err(error) => return Err(at(path)(error)),
    };
    let mut node = show::node_json(path, &data, &stat);
    if depth > 0 && stat.children > 0 {
        let (names, _) = client.children(path, false).map_err(at(path))?;
        let mut children = Vec::new();
        for name in names {
            children.extend(tree_json(client, &below(path, &name), depth - 1)?);
        }
        node["children"] = Value::Array(children);
    }
    Ok(Some(node))
}

fn get(client: &mut Client, path: &str, stat_too: bool, format: Format) -> Result<(), Failure> {
    let (data, stat) = client.data(path, false).map_err(at(path))?;
    match format {
        Format::Json => json(&show::node_json(path, &data, &stat)),
        Format::Table => {
            // As it is: what is not text goes to a file or a pipe unharmed.
            let mut out = std::io::stdout().lock();
            let _ = out.write_all(&data).and_then(|()| out.write_all(b"\n"));
            drop(out);
            if stat_too {
                print_stat(&stat);
            }
        }
    }
    Ok(())
}

fn print_stat(stat: &Stat) {
    for (name, value) in show::stat_fields(stat) {
        line(format!("{name:<15} {value}"));
    }
}

/// The argument, or all of stdin for `-`.
fn data_of(argument: &str) -> Result<Bytes, Failure> {
    if argument != "-" {
        return Ok(Bytes::copy_from_slice(argument.as_bytes()));
    }
    let mut data = Vec::new();
    std::io::stdin().lock().read_to_end(&mut data)?;
    Ok(Bytes::from(data))
}

fn create(client: &mut Client, args: CreateArgs, format: Format) -> Result<(), Failure> {
    let CreateArgs { path, data, sequential, ephemeral, parents } = args;
    let data = data_of(&data)?;
    if parents {
        make_parents(client, &path)?;
    }
    let flags = i32::from(ephemeral) + 2 * i32::from(sequential);
    let made = client.create(&path, data, flags).map_err(|error| match error {
        Error::Answered(ErrorCode::NO_NODE) => {
            Failure::failed(format!("the parent of {path} does not exist; make it too with --parents"))
        }
        error => at(&path)(error),
    })?;
    match format {
        Format::Json => json(&json!({"path": made, "session": client.session().to_string()})),
        Format::Table => line(&made),
    }
    let stopped = stop_signal()?;
    while ephemeral && !stopped.load(Ordering::Relaxed) {
        if client.event(SIGNAL_CHECK) == Some(Event::Expired) {
            return Err(Failure::failed(format!("the session expired, and {made} with it")));
        }
    }
    Ok(())
}

/// How often a command that waits looks whether it shall end.
const SIGNAL_CHECK: Duration = Duration::from_millis(100);

/// Becomes true with the first SIGINT or SIGTERM, so that the session can be closed; a second one ends
/// the process.
fn stop_signal() -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register_conditional_default(signal, Arc::clone(&stop))?;
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    Ok(stop)
}

fn make_parents(client: &mut Client, path: &str) -> Result<(), Failure> {
    for (end, _) in path.match_indices('/').filter(|(end, _)| *end > 0) {
        match client.create(&path[..end], Bytes::new(), 0) {
            Ok(_) | Err(Error::Answered(ErrorCode::NODE_EXISTS)) => {}
            Err(error) => return Err(at(&path[..end])(error)),
        }
    }
    Ok(())
}

fn set(client: &mut Client, path: &str, data: &str, version: i32, format: Format) -> Result<(), Failure> {
    let stat = client.set(path, data_of(data)?, version).map_err(at(path))?;
    match format {
        Format::Json => json(&json!({"path": path, "stat": show::stat_json(&stat)})),
        Format::Table => line(format!("{path} has version {} now", stat.version)),
    }
    Ok(())
}

fn delete(
    client: &mut Client,
    path: &str,
    recursive: bool,
    version: i32,
    format: Format,
) -> Result<(), Failure> {
    let deleted = if recursive {
        delete_all(client, path)?
    } else {
        client.delete(path, version).map_err(at(path))?;
        1
    };
    match format {
        Format::Json => json(&json!({"path": path, "deleted": deleted})),
        Format::Table if recursive => line(format!("{deleted} znodes deleted")),
        Format::Table => {}
    }
    Ok(())
}

/// Children first. What others delete meanwhile is gone as wished.
fn delete_all(client: &mut Client, path: &str) -> Result<u64, Failure> {
    let (names, _) = client.children(path, false).map_err(at(path))?;
    let mut deleted = 0;
    for name in names {
        let child = below(path, &name);
        // What belongs to the server itself stays.
        if child == "/zookeeper" {
            continue;
        }
        match delete_all(client, &child) {
            Ok(more) => deleted += more,
            Err(failure) if client.stat(&child, false).map_err(at(&child))?.is_some() => return Err(failure),
            Err(_) => {}
        }
    }
    if path == "/" {
        return Ok(deleted);
    }
    match client.delete(path, -1) {
        Ok(()) => Ok(deleted + 1),
        Err(Error::Answered(ErrorCode::NO_NODE)) => Ok(deleted),
        Err(error) => Err(at(path)(error)),
    }
}

fn watch(
    client: &mut Client,
    path: &str,
    recursive: bool,
    count: Option<u64>,
    format: Format,
) -> Result<(), Failure> {
    let request = AddWatchRequest { path: path.to_string(), mode: i32::from(recursive) };
    client.ask(Request::AddWatch(request)).map_err(|error| match error {
        Error::Answered(ErrorCode::UNIMPLEMENTED) => Failure::failed(
            "this server does not know persistent watches (ZooKeeper 3.6 and later do)".to_string(),
        ),
        error => at(path)(error),
    })?;
    eprintln!("watching {path}; Ctrl-C ends it");
    let stopped = stop_signal()?;
    let mut seen = 0;
    while count.is_none_or(|count| seen < count) && !stopped.load(Ordering::Relaxed) {
        let event = match client.event(SIGNAL_CHECK) {
            Some(Event::Watch(event)) => event,
            Some(Event::Disconnected) => {
                eprintln!("the connection is lost; changes until it is back are not shown");
                continue;
            }
            Some(Event::Expired) => {
                return Err(Failure::failed("the session expired, and the watch with it"));
            }
            _ => continue,
        };
        seen += 1;
        let data = match event.kind {
            EventKind::CREATED | EventKind::DATA_CHANGED => client.data(&event.path, false).ok(),
            _ => None,
        };
        let data = data.as_ref().map(|(data, _)| data);
        match format {
            // One line each, so that a program can read them as they come.
            Format::Json => {
                line(
                    json!({"event": event.kind.name(), "path": event.path, "data": json_bytes(data)})
                        .to_string(),
                );
            }
            Format::Table => {
                let data = data.map(|data| format!("  {}", show::excerpt(data))).unwrap_or_default();
                line(format!("{:<20} {}{data}", event.kind.name(), escaped(&event.path)));
            }
        }
    }
    Ok(())
}
