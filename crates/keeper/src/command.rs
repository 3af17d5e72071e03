//! An administrator's commands, which come over HTTP: the four-letter words' longer brothers. Names,
//! aliases, fields and errors are those of the original's AdminServer (3.9).
//!
//! A command is answered at once and changes nothing but counters. Snapshot and restore are carried out
//! by the edge; here they are only authorized.

mod authorization;
mod connections;
mod ensemble;
mod listing;

use serde_json::{Map, Value, json};

use clock::Now;

use crate::keeper::Keeper;

/// A command as it came.
#[derive(Clone, Copy, Debug)]
pub struct Command<'a> {
    /// Its name or one of its aliases.
    pub name: &'a str,
    /// What `traceMask` says, the only argument that any of these commands has.
    pub trace_mask: Option<&'a str>,
}

/// What is said to a command.
#[derive(Clone, PartialEq, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The fields.
    pub body: Value,
}

impl Answer {
    /// An answer of nothing but an error, as the original words it; `None` says why only by the status.
    pub fn refused(command: &str, status: u16, error: Option<&str>) -> Answer {
        Answer { status, body: json!({"command": command, "error": error}) }
    }
}

type Fields = Map<String, Value>;
type Run = fn(&mut Keeper, &Command<'_>) -> Fields;

/// Names of the commands, the first of each its proper one, in the order of the alphabet.
pub const COMMANDS: &[&[&str]] = &[
    &["configuration", "conf", "config"],
    &["connection_stat_reset", "crst"],
    &["connections", "cons"],
    &["dirs"],
    &["dump"],
    &["environment", "env", "envi"],
    &["get_trace_mask", "gtmk"],
    &["hash"],
    &["initial_configuration", "icfg"],
    &["is_read_only", "isro"],
    &["last_snapshot", "lsnp"],
    &["leader", "lead"],
    &["monitor", "mntr"],
    &["observer_connection_stat_reset", "orst"],
    &["observers", "obsr"],
    &["restore", "rest"],
    &["ruok"],
    &["server_stats", "srvr"],
    &["set_trace_mask", "stmk"],
    &["snapshot", "snap"],
    &["stat_reset", "srst"],
    &["stats", "stat"],
    &["system_properties", "sysp"],
    &["voting_view"],
    &["watch_summary", "wchs"],
    &["watches", "wchc"],
    &["watches_by_path", "wchp"],
    &["zabstate"],
];

/// Commands that need no leader.
const ALWAYS: [&str; 6] =
    ["environment", "get_trace_mask", "monitor", "set_trace_mask", "system_properties", "zabstate"];

impl Keeper {
    /// Answers a command. One that is not known is an answer too, as in the original.
    pub fn command(&mut self, now: Now, command: &Command<'_>) -> Answer {
        self.server.now = now;
        let Some(names) = COMMANDS.iter().find(|names| names.contains(&command.name)) else {
            let error = format!("Unknown command: {}", command.name);
            return Answer::refused(command.name, 200, Some(&error));
        };
        if !self.serves() && !ALWAYS.contains(&names[0]) {
            let error = "This ZooKeeper instance is not currently serving requests";
            return Answer::refused(command.name, 200, Some(error));
        }
        let mut fields = run(names[0])(self, command);
        fields.insert("command".to_owned(), names[0].into());
        fields.entry("error").or_insert(Value::Null);
        Answer { status: 200, body: Value::Object(fields) }
    }
}

/// What to do for the command of that name.
fn run(name: &str) -> Run {
    match name {
        "configuration" => Keeper::configuration,
        "connections" => |keeper, _| keeper.all_connections(connections::Detail::Full),
        "connection_stat_reset" => |keeper, _| {
            keeper.reset_connections();
            Fields::new()
        },
        "dirs" => |keeper, _| {
            let measures = &keeper.server.measures;
            fields(json!({
                "datadir_size": measures.data_dir_bytes,
                "logdir_size": measures.log_dir_bytes,
            }))
        },
        "dump" => |keeper, _| keeper.expiry_and_ephemerals(),
        "environment" => |keeper, _| {
            let config = &keeper.server.config;
            let version = ("zookeeper.version".to_owned(), Value::from(config.version.as_str()));
            let rest = config.environment.iter().map(|(name, value)| (name.clone(), value.as_str().into()));
            std::iter::once(version).chain(rest).collect()
        },
        "get_trace_mask" => |keeper, _| fields(json!({"tracemask": keeper.server.trace_mask})),
        "hash" => |keeper, _| {
            let digests =
                keeper.server.digests.iter().map(
                    |(zxid, digest)| json!({"zxid": zxid.0, "digest_version": 2, "digest": *digest as i64}),
                );
            fields(json!({"digests": digests.collect::<Vec<_>>()}))
        },
        "initial_configuration" => |keeper, _| {
            fields(json!({"initial_configuration": keeper.server.config.shown.initial_configuration}))
        },
        "is_read_only" => |keeper, _| fields(json!({"read_only": keeper.reads_only()})),
        "last_snapshot" => |keeper, _| {
            let (zxid, timestamp) = match keeper.server.measures.last_snapshot {
                Some((zxid, seconds)) => (format!("{:x}", zxid.0), seconds),
                None => ("ffffffffffffffff".to_owned(), -1),
            };
            fields(json!({"zxid": zxid, "timestamp": timestamp}))
        },
        "leader" => |keeper, _| keeper.leader_fields(),
        "monitor" => |keeper, _| {
            let texts = keeper.monitor_texts().into_iter().map(|(name, text)| (name.to_owned(), text.into()));
            let numbers = keeper.monitor_numbers();
            texts.chain(numbers.into_iter().map(|(name, number)| (name, Value::Number(number)))).collect()
        },
        "observers" => |keeper, _| keeper.observers(),
        "server_stats" => |keeper, _| keeper.server_stats(),
        "set_trace_mask" => |keeper, command| set_trace_mask(keeper, command.trace_mask),
        "stat_reset" => |keeper, _| {
            keeper.reset_server();
            Fields::new()
        },
        "stats" => |keeper, _| {
            let mut fields = keeper.server_stats();
            fields.extend(keeper.all_connections(connections::Detail::Brief));
            fields
        },
        "system_properties" => |keeper, _| {
            let properties = &keeper.server.config.shown.properties;
            properties.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect()
        },
        "voting_view" => |keeper, _| keeper.voting_view(),
        "watches" => |keeper, _| keeper.watches_by_session(),
        "watches_by_path" => |keeper, _| keeper.watches_by_path(),
        "watch_summary" => |keeper, _| {
            let counts = keeper.server.watches.counts();
            fields(json!({
                "num_connections": counts.watchers,
                "num_paths": counts.paths,
                "num_total_watches": counts.watches,
            }))
        },
        "zabstate" => |keeper, _| keeper.zab_state(),
        // ruok, observer_connection_stat_reset: that it answers is the answer. snapshot, restore: the edge's.
        _ => |_, _| Fields::new(),
    }
}

fn set_trace_mask(keeper: &mut Keeper, argument: Option<&str>) -> Fields {
    let wanted = "setTraceMask requires long traceMask argument";
    let Some(text) = argument else { return fields(json!({"error": wanted})) };
    match text.parse::<i64>() {
        Ok(mask) => {
            keeper.server.trace_mask = mask;
            fields(json!({"tracemask": mask}))
        }
        Err(_) => fields(json!({"error": format!("{wanted}, got {text}")})),
    }
}

impl Keeper {
    fn configuration(&mut self, _: &Command<'_>) -> Fields {
        let config = &self.server.config;
        let shown = &config.shown;
        fields(json!({
            "client_port": shown.client_port,
            "data_dir": shown.data_dir,
            "data_log_dir": shown.data_log_dir,
            "tick_time": config.tick_time.as_ms(),
            "max_client_cnxns": config.connections_per_address_max,
            "min_session_timeout": config.timeout_ms_min(),
            "max_session_timeout": config.timeout_ms_max(),
            "server_id": config.server_id,
            "client_port_listen_backlog": shown.listen_backlog,
        }))
    }

    fn server_stats(&self) -> Fields {
        let server = &self.server;
        let (statistics, measures) = (&server.statistics, &server.measures);
        let sizes = &statistics.response_sizes;
        let sizes = json!({
            "last_buffer_size": sizes.last,
            "min_buffer_size": sizes.min,
            "max_buffer_size": sizes.max,
        });
        fields(json!({
            "version": server.config.version,
            "read_only": self.reads_only(),
            "server_stats": {
                "packets_sent": statistics.sent,
                "packets_received": statistics.received,
                "fsync_threshold_exceed_count": measures.slow_syncs,
                "client_response_stats": sizes,
                "provider_null": false,
                "data_dir_size": measures.data_dir_bytes,
                "log_dir_size": measures.log_dir_bytes,
                "last_processed_zxid": server.database.last_applied().0,
                "outstanding_requests": server.in_flight,
                "server_state": self.mode(),
                "avg_latency": statistics.latency.average_ms(),
                "max_latency": statistics.latency.max_ms,
                "min_latency": statistics.latency.min_ms,
                "num_alive_client_connections": self.connections.len(),
                "uptime": (server.now.moment - server.started).as_ms(),
                "auth_failed_count": server.authentication_failures(),
                "non_mtlsremote_conn_count": 0,
                "non_mtlslocal_conn_count": 0,
            },
            "client_response": sizes,
            "node_count": server.database.tree().len() + 1,
        }))
    }
}

/// The fields of a JSON object.
fn fields(object: Value) -> Fields {
    match object {
        Value::Object(fields) => fields,
        _ => unreachable!("only called with objects written out in this file"),
    }
}

#[cfg(test)]
mod tests;
