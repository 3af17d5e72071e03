//! `castle bench keeper|broker|machine`: load for any ZooKeeper or Kafka server, with percentiles, and the limits of
//! the machine that it runs on.

use std::io::{IsTerminal, Write};
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use bench::{
    BrokerOperation, BrokerWork, KeeperOperation, KeeperWork, Pace, Plan, Report, Work, fan_out, measure,
    run as drive,
};
use clap::{Subcommand, ValueEnum};

use crate::failure::Failure;
use crate::output::{Format, Output, json, line};

const EXAMPLES: &str = "\
Examples:
  castle bench keeper                                    creates, 10 connections with 64 requests in flight each
  castle bench keeper --operation get --connections 100
  castle bench keeper --operation set --rate 5000        latency at a fixed rate, stalls included
  castle bench keeper --operation fan-out --connections 1000   time until 1000 watchers know of a change
  castle bench keeper --requests 1000000                 a million znodes, then stop
  castle bench broker --records 100 --size 1000          produce batches of 100 records of 1000 bytes
  castle bench broker --operation fetch --topic bench    read them again
  castle bench broker --server other:9092 -o json        any Kafka broker, for a script
  castle bench machine                                   what disk, loopback and memory allow here

The keeper's root znode (--root) and the broker's topic are left behind: look at them, then delete them.";

#[derive(clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    half: Half,
}

#[derive(Subcommand)]
enum Half {
    /// Load a ZooKeeper server
    Keeper(Keeper),
    /// Load a Kafka broker
    Broker(Broker),
    /// Measure what this machine allows: sync, write, loopback, copy, checksum
    Machine(Limits),
}

#[derive(clap::Args)]
struct Keeper {
    /// The server
    #[arg(long, default_value = "localhost:2181")]
    server: String,
    /// What each request does
    #[arg(long, value_enum, default_value = "create")]
    operation: Of,
    /// Bytes of data in a znode
    #[arg(long, default_value_t = 100)]
    size: usize,
    /// Znode under which the load works, a path of one part
    #[arg(long, default_value = "/bench")]
    root: String,
    #[command(flatten)]
    load: Load,
}

#[derive(clap::Args)]
struct Broker {
    /// The broker; it must lead the topic's partitions
    #[arg(long, default_value = "localhost:9092")]
    server: String,
    /// What each request does
    #[arg(long, value_enum, default_value = "produce")]
    operation: From,
    /// The topic; created by the broker when it is not there
    #[arg(long, default_value = "bench")]
    topic: String,
    /// Records in a batch
    #[arg(long, default_value_t = 100)]
    records: usize,
    /// Bytes of value in a record
    #[arg(long, default_value_t = 1000)]
    size: usize,
    /// Acknowledgement that is waited for: 1 or -1 (all in-sync replicas)
    #[arg(long, default_value_t = -1, allow_negative_numbers = true)]
    acks: i16,
    #[command(flatten)]
    load: Load,
}

#[derive(clap::Args)]
struct Limits {
    /// Directory on the disk to measure; half a gigabyte is written and removed again
    #[arg(long, default_value = ".")]
    directory: std::path::PathBuf,
    /// Seconds for each measurement
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    #[command(flatten)]
    output: Output,
}

#[derive(clap::Args)]
struct Load {
    /// Connections
    #[arg(long, default_value_t = 10)]
    connections: usize,
    /// Requests in flight on each connection (closed loop: as fast as the server answers)
    #[arg(long, default_value_t = 64, conflicts_with = "rate")]
    in_flight: usize,
    /// Requests a second over all connections (open loop: latency counts from when a request was due)
    #[arg(long)]
    rate: Option<f64>,
    /// Seconds that count
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// Seconds before that
    #[arg(long, default_value_t = 2.0)]
    warm_up: f64,
    /// Stop after this many requests, warm-up included
    #[arg(long)]
    requests: Option<u64>,
    #[command(flatten)]
    output: Output,
}

#[derive(Clone, Copy, ValueEnum)]
enum Of {
    Create,
    Set,
    Get,
    /// Nine gets, then one set
    Mixed,
    /// Every connection watches one znode, which is set again and again; events are counted
    FanOut,
}

#[derive(Clone, Copy, ValueEnum)]
enum From {
    Produce,
    Fetch,
}

pub(crate) fn run(args: Args) -> Result<(), Failure> {
    match args.half {
        Half::Machine(machine) => limits(&machine),
        Half::Keeper(keeper) => {
            let operation = match keeper.operation {
                Of::Create => KeeperOperation::Create,
                Of::Set => KeeperOperation::Set,
                Of::Get => KeeperOperation::Get,
                Of::Mixed => KeeperOperation::Mixed,
                Of::FanOut => return watch(&keeper),
            };
            // Each run creates names of its own, so a second one does not meet those of the first.
            let connections = keeper.load.connections;
            let mut work =
                KeeperWork::new(operation, connections, keeper.size, &keeper.root, std::process::id());
            load(&keeper.server, &keeper.load, &mut work)
        }
        Half::Broker(broker) => {
            let operation = match broker.operation {
                From::Produce => BrokerOperation::Produce,
                From::Fetch => BrokerOperation::Fetch,
            };
            let connections = broker.load.connections;
            let mut work = BrokerWork::new(
                operation,
                connections,
                &broker.topic,
                broker.acks,
                broker.records,
                broker.size,
            );
            load(&broker.server, &broker.load, &mut work)
        }
    }
}

fn plan(server: &str, load: &Load) -> Result<Plan, Failure> {
    Ok(Plan {
        address: resolve(server)?,
        connections: load.connections.max(1),
        pace: load.rate.map_or(Pace::InFlight(load.in_flight.max(1)), Pace::PerSecond),
        warm_up: Duration::from_secs_f64(load.warm_up.max(0.0)),
        length: Duration::from_secs_f64(load.seconds.max(0.001)),
        requests: load.requests,
    })
}

fn load(server: &str, load: &Load, work: &mut dyn Work) -> Result<(), Failure> {
    let plan = plan(server, load)?;
    finish(server, load, drive(&plan, work, progress()))
}

fn watch(keeper: &Keeper) -> Result<(), Failure> {
    let plan = plan(&keeper.server, &keeper.load)?;
    let report = fan_out(&plan, keeper.size, &keeper.root, std::process::id(), progress());
    finish(&keeper.server, &keeper.load, report)
}

fn progress() -> impl FnMut(f64, u64) {
    let bar = std::io::stderr().is_terminal();
    move |done, things| {
        if bar {
            show(done, things);
        }
    }
}

fn finish(server: &str, load: &Load, report: Result<Report, bench::Failure>) -> Result<(), Failure> {
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[K");
    }
    let report = report.map_err(|failure| {
        Failure::failed(format!("{server}: {failure}; is a server running there? `castle dev` starts one"))
    })?;
    print(&report, load.output.format)
}

fn limits(limits: &Limits) -> Result<(), Failure> {
    let each = Duration::from_secs_f64(limits.seconds.clamp(0.01, 60.0));
    let machine = measure(&limits.directory, each)
        .map_err(|error| Failure::failed(format!("{}: {error}", limits.directory.display())))?;
    match limits.output.format {
        Format::Json => json(&serde_json::to_value(&machine)?),
        Format::Table => {
            let micros = |name: &str, p50, p99| line(format!("{name:<44} p50 {p50} µs, p99 {p99} µs"));
            let rate = |name: &str, rate: f64| line(format!("{name:<44} {rate:.2} GB/s"));
            micros("durable append of 4 KiB", machine.sync_append_p50_us, machine.sync_append_p99_us);
            micros(
                "durable overwrite of 4 KiB",
                machine.sync_overwrite_p50_us,
                machine.sync_overwrite_p99_us,
            );
            rate("sequential write, one sync at the end", machine.write_gigabytes_per_second);
            line(format!("{:<44} p50 {} µs", "loopback there and back", machine.loopback_round_trip_p50_us));
            rate("loopback one way", machine.loopback_gigabytes_per_second);
            rate("memory copy", machine.copy_gigabytes_per_second);
            rate("CRC-32C", machine.crc32c_gigabytes_per_second);
        }
    }
    Ok(())
}

fn show(done: f64, things: u64) {
    const WIDTH: usize = 40;
    let filled = ((done.clamp(0.0, 1.0)) * WIDTH as f64) as usize;
    eprint!("\r[{}{}] {things}", "█".repeat(filled), "░".repeat(WIDTH - filled));
    // A progress bar that cannot be shown is no reason to fail.
    let _ = std::io::stderr().flush();
}

fn print(report: &Report, format: Format) -> Result<(), Failure> {
    match format {
        Format::Table => line(report.to_string()),
        Format::Json => json(&serde_json::to_value(report)?),
    }
    if report.errors > 0 && report.things == 0 {
        return Err(Failure::failed("no request succeeded"));
    }
    Ok(())
}

fn resolve(server: &str) -> Result<SocketAddr, Failure> {
    let addresses = server.to_socket_addrs().map_err(|error| {
        Failure::failed(format!("{server}: {error}; an address looks like localhost:2181"))
    })?;
    let addresses: Vec<SocketAddr> = addresses.collect();
    // `localhost` may name both families while the server listens on one of them.
    addresses
        .iter()
        .find(|address| std::net::TcpStream::connect_timeout(address, Duration::from_secs(2)).is_ok())
        .or(addresses.first())
        .copied()
        .ok_or_else(|| Failure::failed(format!("{server}: no such address")))
}
