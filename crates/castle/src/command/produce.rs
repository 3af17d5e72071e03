//! `castle produce`: lines from stdin become records.

use crate::failure::Failure;
use crate::kafka::{Server, pair};
use crate::output::{Format, Output, json, table};
use broker_client::blocking::{BlockingProducer, Create};
use broker_client::{Acks, Delivery, Error, NewRecord, ProducerOptions, TopicPartition};
use bytes::Bytes;
use kafka_wire::batch::RecordHeader;
use kafka_wire::compression::Codec;
use serde_json::json;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::time::{SystemTime, UNIX_EPOCH};

const EXAMPLES: &str = "\
Examples:
  echo \"first order\" | castle produce orders            one record a line
  castle produce orders --value \"another one\"           one record, no stdin
  castle produce orders --key-separator : < orders.txt  the part before the colon is the key
  castle produce orders --key cat.png --whole < cat.png all of stdin is one record
  castle produce orders --codec zstd --acks leader < big.log
  castle produce orders --header trace=42 --partition 0 --value x";

/// Bytes that are read from stdin at once.
const STDIN_BYTES: usize = 1024 * 1024;

/// Bytes of the longest line or whole input; brokers take about 1 MiB unless told otherwise.
const RECORD_BYTES_MAX: u64 = 64 * 1024 * 1024;

#[derive(clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
    /// The topic; created if the broker is set to do so
    topic: String,
    /// One record with this value, instead of stdin
    #[arg(long, conflicts_with_all = ["whole", "key_separator"])]
    value: Option<String>,
    /// The key of every record; records with one key stay together, in order
    #[arg(long, short = 'k', conflicts_with = "key_separator")]
    key: Option<String>,
    /// What separates key and value in a line
    #[arg(long, short = 'K', value_name = "TEXT")]
    key_separator: Option<String>,
    /// All of stdin is one record
    #[arg(long)]
    whole: bool,
    /// A header of every record; may be repeated
    #[arg(long, short = 'H', value_name = "NAME=VALUE", value_parser = pair)]
    header: Vec<(String, String)>,
    /// The partition of every record; by the key otherwise
    #[arg(long, short = 'p')]
    partition: Option<i32>,
    /// Who must have a record before it counts
    #[arg(long, value_enum, default_value = "all")]
    acks: AcksArg,
    /// How batches are packed: none, gzip, snappy, lz4, zstd
    #[arg(long, short = 'z', default_value = "none")]
    codec: Codec,
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    output: Output,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum AcksArg {
    /// Every replica in sync
    All,
    /// The leader
    Leader,
    /// Nobody: fast, and nothing is known
    None,
}

/// What was acknowledged in one partition.
#[derive(Default)]
struct Tally {
    records: usize,
    first: Option<i64>,
    last: Option<i64>,
}

pub(crate) fn run(args: Args) -> Result<(), Failure> {
    let mut client = args.server.connect()?;
    let acks = match args.acks {
        AcksArg::All => Acks::All,
        AcksArg::Leader => Acks::Leader,
        AcksArg::None => Acks::None,
    };
    let options = ProducerOptions {
        acks,
        codec: args.codec,
        idempotent: acks == Acks::All,
        ..ProducerOptions::default()
    };
    // Records without key are spread by chance; nothing else depends on it.
    let seed = wall_ms() as u64;
    let mut producer = BlockingProducer::new(&mut client, options, Create::IfMissing, seed)?;
    let mut tallies = BTreeMap::new();
    let sent = send_all(&args, &mut producer, &mut tallies);
    // What was acknowledged is reported even if something else failed.
    if !tallies.is_empty() {
        report(&tallies, args.output.format);
    }
    sent
}

fn send_all(
    args: &Args,
    producer: &mut BlockingProducer<'_>,
    tallies: &mut BTreeMap<TopicPartition, Tally>,
) -> Result<(), Failure> {
    let mut send = |key: Option<Bytes>, value: Bytes, flush: bool| -> Result<(), Failure> {
        let mut deliveries = Vec::new();
        let sent = producer.send(&record(args, key, value), &mut deliveries);
        let result = match sent {
            Ok(()) if flush => producer.flush(&mut deliveries),
            result => result,
        };
        settle(deliveries, tallies)?;
        Ok(result?)
    };
    let key = || args.key.clone().map(Bytes::from);
    if let Some(value) = &args.value {
        return send(key(), Bytes::from(value.clone()), true);
    }
    let mut input = BufReader::with_capacity(STDIN_BYTES, std::io::stdin());
    if args.whole {
        let mut value = Vec::new();
        input.take(RECORD_BYTES_MAX).read_to_end(&mut value)?;
        return send(key(), Bytes::from(value), true);
    }
    loop {
        let mut text = Vec::new();
        if input.by_ref().take(RECORD_BYTES_MAX).read_until(b'\n', &mut text)? == 0 {
            break;
        }
        if text.last() == Some(&b'\n') {
            text.pop();
        }
        let (key, value) = match &args.key_separator {
            None => (key(), Bytes::from(text)),
            Some(separator) => split(Bytes::from(text), separator)?,
        };
        // Whoever types, or pipes slowly, sees each line arrive.
        let nothing_waits = input.buffer().is_empty();
        send(key, value, nothing_waits)?;
    }
    let mut deliveries = Vec::new();
    let result = producer.flush(&mut deliveries);
    settle(deliveries, tallies)?;
    Ok(result?)
}

fn record(args: &Args, key: Option<Bytes>, value: Bytes) -> NewRecord {
    let headers = args.header.iter().map(|(name, value)| RecordHeader {
        key: Bytes::from(name.clone()),
        value: Some(Bytes::from(value.clone())),
    });
    NewRecord {
        topic: args.topic.clone(),
        partition: args.partition,
        timestamp: wall_ms(),
        key,
        value: Some(value),
        headers: headers.collect(),
    }
}

fn split(text: Bytes, separator: &str) -> Result<(Option<Bytes>, Bytes), Failure> {
    let found = text.windows(separator.len().max(1)).position(|window| window == separator.as_bytes());
    match found {
        Some(at) => Ok((Some(text.slice(..at)), text.slice(at + separator.len()..))),
        None => Err(Failure::failed(format!(
            "the line {:?} has no {separator:?} between key and value",
            String::from_utf8_lossy(&text)
        ))),
    }
}

/// Counts what arrived; the first batch that did not is the failure.
fn settle(deliveries: Vec<Delivery>, tallies: &mut BTreeMap<TopicPartition, Tally>) -> Result<(), Failure> {
    let mut failure = None;
    for delivery in deliveries {
        match delivery.outcome {
            Ok(offset) => {
                let tally = tallies.entry(delivery.partition).or_default();
                tally.records += delivery.records;
                if offset >= 0 {
                    tally.first.get_or_insert(offset);
                    tally.last = Some(offset + delivery.records as i64 - 1);
                }
            }
            Err((code, message)) => {
                let what = format!("write {} records to {}", delivery.records, delivery.partition);
                failure.get_or_insert(Error::refused(what, code, message));
            }
        }
    }
    failure.map_or(Ok(()), |error| Err(error.into()))
}

fn report(tallies: &BTreeMap<TopicPartition, Tally>, format: Format) {
    match format {
        Format::Table => {
            let offset =
                |offset: Option<i64>| offset.map_or_else(|| "?".to_owned(), |offset| offset.to_string());
            let rows = tallies.iter().map(|(place, tally)| {
                [place.to_string(), tally.records.to_string(), offset(tally.first), offset(tally.last)]
            });
            table(["PARTITION", "RECORDS", "FIRST", "LAST"], rows);
        }
        Format::Json => {
            let partitions = tallies.iter().map(|(place, tally)| {
                json!({
                    "topic": place.topic,
                    "partition": place.partition,
                    "records": tally.records,
                    "first_offset": tally.first,
                    "last_offset": tally.last,
                })
            });
            json(&partitions.collect());
        }
    }
}

/// Milliseconds of Unix time.
fn wall_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::split;
    use bytes::Bytes;

    #[test]
    fn lines_are_split_at_the_first_separator() {
        let check = |text: &'static str, separator: &str, expect: Option<(&str, &str)>| {
            let parts = split(Bytes::from_static(text.as_bytes()), separator).ok();
            let parts = parts.map(|(key, value)| (key.unwrap(), value));
            let expect = expect.map(|(k, v)| (Bytes::from(k.to_owned()), Bytes::from(v.to_owned())));
            assert_eq!(parts, expect, "{text}");
        };
        check("k:v", ":", Some(("k", "v")));
        check("k::v:w", "::", Some(("k", "v:w")));
        check(":v", ":", Some(("", "v")));
        check("v", ":", None);
    }
}
