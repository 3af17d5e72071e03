//! `castle status`: both halves at a glance. It asks as any client could: `srvr` of each keeper, which are
//! in `/zookeeper/config`, and the metadata of the brokers.

mod quorum;

use crate::failure::Failure;
use crate::output::{self, Format, Output};
use broker_client::Address;
use broker_client::blocking::{Client, ClientOptions, Create};
use quorum::Quorum;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  castle status
  castle status -o json
  castle status --keeper zk1:2181,zk2:2181,zk3:2181 --server kafka1:9092,kafka2:9092";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The keepers to ask, separated by commas: the first one that answers names the others
    #[arg(long, value_name = "HOST:PORT", env = "CASTLE_KEEPER", default_value = "localhost:2181")]
    keeper: String,
    /// The brokers to ask, separated by commas
    #[arg(long = "server", short = 's', value_name = "HOST:PORT", env = "CASTLE_BROKER")]
    #[arg(default_value = "localhost:9092")]
    server: String,
    /// Seconds that an answer may take
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    timeout: u64,
    #[command(flatten)]
    output: Output,
}

/// Partitions that are named because they lack a leader or replicas in sync; the rest is counted.
const TROUBLED_MAX: usize = 20;

/// What the keeper said to `srvr`: names and values in its order.
pub(super) type KeeperFacts = Vec<(String, String)>;

pub(crate) fn run(args: Args) -> Result<(), Failure> {
    let patience = Duration::from_secs(args.timeout.max(1));
    let keeper = Quorum::ask(&args.keeper, patience);
    let broker = ask_broker(&args.server, patience);
    match args.output.format {
        Format::Json => output::json(&json!({
            "keeper": match &keeper {
                Ok(quorum) => keeper_json(&quorum.asked, &quorum.facts),
                Err(why) => json!({ "address": args.keeper, "error": why }),
            },
            "quorum": keeper.as_ref().ok().map(Quorum::json),
            "broker": match &broker {
                Ok(facts) => facts.clone(),
                Err(why) => json!({ "address": args.server, "error": why }),
            },
        })),
        Format::Table => print(&keeper, &broker),
    }
    match (&keeper, &broker) {
        (Err(_), Err(_)) => Err(Failure::failed(format!(
            "neither {} nor {} answers; is `castle dev` running?",
            args.keeper, args.server
        ))),
        (Err(why), _) | (_, Err(why)) => Err(Failure::failed(why.clone())),
        (Ok(_), Ok(_)) => Ok(()),
    }
}

fn print(keeper: &Result<Quorum, String>, broker: &Result<Value, String>) {
    let mut rows = Vec::new();
    let mut row =
        |what: &str, name: &str, value: String| rows.push([what.to_owned(), name.to_owned(), value]);
    match keeper {
        Ok(quorum) => {
            row("keeper", "address", quorum.asked.clone());
            for (name, value) in &quorum.facts {
                row("", &name.to_lowercase(), value.clone());
            }
            if !quorum.members.is_empty() {
                row("quorum", "state", quorum.verdict());
                for member in &quorum.members {
                    row("", &format!("server {}", member.id), member.text());
                }
            }
        }
        Err(why) => row("keeper", "error", why.clone()),
    }
    match broker {
        Ok(facts) => {
            row("broker", "cluster", text(&facts["cluster_id"]));
            row("", "controller", text(&facts["controller"]));
            for broker in facts["brokers"].as_array().into_iter().flatten() {
                row("", &format!("broker {}", broker["id"]), text(&broker["address"]));
            }
            for name in ["topics", "partitions", "under_replicated", "offline"] {
                row("", &name.replace('_', " "), text(&facts[name]));
            }
            for (number, trouble) in facts["troubled"].as_array().into_iter().flatten().enumerate() {
                row(if number == 0 { "trouble" } else { "" }, &trouble_name(trouble), trouble_text(trouble));
            }
        }
        Err(why) => row("broker", "error", why.clone()),
    }
    output::table(["half", "fact", "value"], rows);
}

fn trouble_name(trouble: &Value) -> String {
    format!("{}-{}", text(&trouble["topic"]), trouble["partition"])
}

fn trouble_text(trouble: &Value) -> String {
    let leader = match trouble["leader"].as_i64() {
        Some(leader) if leader >= 0 => format!("led by {leader}"),
        _ => "offline".to_owned(),
    };
    format!("{leader}, in sync {} of {}", trouble["isr"], trouble["replicas"])
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn keeper_json(address: &str, facts: &KeeperFacts) -> Value {
    let mut object = serde_json::Map::new();
    object.insert("address".to_owned(), address.into());
    for (name, value) in facts {
        let value = value.parse::<i64>().map_or_else(|_| Value::from(value.as_str()), Value::from);
        object.insert(name.to_lowercase().replace([' ', '/'], "_"), value);
    }
    Value::Object(object)
}

/// Sends `srvr` and takes the answer apart.
pub(super) fn ask_keeper(address: &str, patience: Duration) -> Result<KeeperFacts, String> {
    let failed = |error: std::io::Error| format!("the keeper at {address} does not answer: {error}");
    let mut failure = std::io::Error::from(std::io::ErrorKind::AddrNotAvailable);
    for candidate in address.to_socket_addrs().map_err(failed)? {
        match srvr(&candidate, patience) {
            Ok(text) => return parse_srvr(&text).map_err(|why| format!("the keeper at {address} {why}")),
            Err(error) => failure = error,
        }
    }
    Err(failed(failure))
}

fn srvr(address: &std::net::SocketAddr, patience: Duration) -> std::io::Result<String> {
    /// More than any server says.
    const ANSWER_BYTES_MAX: u64 = 64 << 10;
    let mut stream = TcpStream::connect_timeout(address, patience)?;
    stream.set_read_timeout(Some(patience))?;
    stream.write_all(b"srvr")?;
    let mut text = String::new();
    stream.take(ANSWER_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}

fn parse_srvr(text: &str) -> Result<KeeperFacts, String> {
    let facts: KeeperFacts = text
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect();
    match facts.iter().any(|(name, _)| name == "Mode") {
        true => Ok(facts),
        false => {
            Err(format!("is not serving requests: {}", text.lines().next().unwrap_or("it said nothing")))
        }
    }
}

fn ask_broker(addresses: &str, patience: Duration) -> Result<Value, String> {
    let mut options = ClientOptions::new(Address::parse_list(addresses)?);
    options.patience = patience;
    let failed = |error: broker_client::Error| format!("the broker at {addresses} does not answer: {error}");
    let mut client = Client::connect(options).map_err(failed)?;
    client.refresh(None, Create::Never).map_err(failed)?;
    let view = client.view();
    let partitions = || view.topics.values().flat_map(|topic| topic.partitions.values());
    let troubled = view.topics.iter().flat_map(|(name, topic)| {
        let partitions = topic.partitions.iter();
        let in_trouble = partitions.filter(|(_, it)| it.leader < 0 || it.isr.len() < it.replicas.len());
        in_trouble.map(move |(number, it)| {
            json!({
                "topic": name, "partition": number, "leader": it.leader, "isr": it.isr,
                "replicas": it.replicas,
            })
        })
    });
    let brokers: Vec<Value> = view
        .brokers
        .iter()
        .map(|(id, address)| json!({ "id": id, "address": address.to_string() }))
        .collect();
    Ok(json!({
        "cluster_id": view.cluster_id,
        "controller": view.controller,
        "brokers": brokers,
        "topics": view.topics.len(),
        "partitions": partitions().count(),
        "under_replicated": partitions().filter(|it| it.isr.len() < it.replicas.len()).count(),
        "offline": partitions().filter(|it| it.leader < 0).count(),
        "troubled": troubled.take(TROUBLED_MAX).collect::<Vec<_>>(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_to_srvr_is_taken_apart() {
        let text = "Zookeeper version: 3.9.5-x, built on y\nLatency min/avg/max: 0/0.5/3\nConnections: 2\nMode: standalone\n";
        let facts = parse_srvr(text).expect("a server that serves");
        let json = keeper_json("here:1", &facts);
        assert_eq!(json["connections"], 2);
        assert_eq!(json["latency_min_avg_max"], "0/0.5/3");
        assert_eq!(json["mode"], "standalone");
    }

    #[test]
    fn a_server_without_a_quorum_is_told_from_one_that_serves() {
        let refused =
            parse_srvr("This ZooKeeper instance is not currently serving requests\n").expect_err("no mode");
        assert!(refused.contains("is not serving requests: This ZooKeeper"), "{refused}");
        assert!(parse_srvr("").expect_err("nothing").contains("it said nothing"));
    }
}
