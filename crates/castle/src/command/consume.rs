//! `castle consume`: records on stdout, one a line.

use crate::failure::Failure;
use crate::kafka::{Server, json_bytes};
use crate::output::{Format, Output};
use broker_client::blocking::{Client, Consumer, Create, Event, OffsetAt, Reset};
use broker_client::{Fetched, Isolation, MemberOptions, TopicPartition};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufWriter, Write};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  castle consume orders                            what comes from now on; Ctrl-C stops
  castle consume orders --from earliest --exit     everything there is, then stop
  castle consume orders --from 42 --partition 0    from offset 42 on
  castle consume orders --since 2h                 the last two hours, or --since 2026-11-22T18:00:00Z
  castle consume orders --group billing            as a member of a group, which remembers how far it got
  castle consume orders --keys --max 10            key, tab, value; stop after ten
  castle consume orders -o json | jq .value        all there is to know of each record, one JSON object a line";

/// How long a poll waits, and so how late Ctrl-C may be noticed.
const POLL: Duration = Duration::from_millis(500);

#[derive(clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
    /// The topics
    #[arg(required = true)]
    topics: Vec<String>,
    /// Read as a member of this group: partitions are shared among its members, and offsets are committed
    #[arg(long, short = 'g', conflicts_with_all = ["partition", "since"])]
    group: Option<String>,
    /// Where to begin: earliest, latest, or an offset (in a group: where it has not committed anything)
    #[arg(long, short = 'f', default_value = "latest", value_name = "WHERE")]
    from: From,
    /// Begin with the first record of this time (2026-11-22T18:00:00Z) or age (90m, 2h, 7d)
    #[arg(long, conflicts_with = "from", value_parser = since)]
    since: Option<Since>,
    /// Only this partition; may be repeated
    #[arg(long, short = 'p')]
    partition: Vec<i32>,
    /// Stop after so many records
    #[arg(long, short = 'n', value_name = "COUNT")]
    max: Option<u64>,
    /// Stop at the end instead of waiting for more
    #[arg(long, short = 'e')]
    exit: bool,
    /// Show key, tab, value
    #[arg(long, short = 'k')]
    keys: bool,
    /// Only records of no transaction, or of a committed one
    #[arg(long)]
    committed: bool,
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    output: Output,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum From {
    Earliest,
    Latest,
    Offset(i64),
}

impl FromStr for From {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "earliest" | "beginning" => Ok(From::Earliest),
            "latest" | "end" => Ok(From::Latest),
            _ => match text.parse() {
                Ok(offset) if offset >= 0 => Ok(From::Offset(offset)),
                _ => Err("it is earliest, latest, or an offset; for a time use --since".to_owned()),
            },
        }
    }
}

/// A point in time, or an age.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Since {
    At(Timestamp),
    Ago(SignedDuration),
}

fn since(text: &str) -> Result<Since, String> {
    if let Ok(at) = text.parse() {
        return Ok(Since::At(at));
    }
    // Days are not of one length everywhere, but whoever says 7d means 168 hours.
    let days = text.strip_suffix('d').and_then(|days| days.parse::<i64>().ok());
    let ago = match days.and_then(|days| days.checked_mul(24)) {
        Some(hours) => Some(SignedDuration::from_hours(hours)),
        None => text.parse().ok(),
    };
    match ago {
        Some(ago) if !ago.is_negative() => Ok(Since::Ago(ago)),
        _ => Err("it is a time as 2026-11-22T18:00:00Z, or an age as 90m, 2h, 7d".to_owned()),
    }
}

impl Since {
    fn ms(self, now: Timestamp) -> i64 {
        match self {
            Since::At(at) => at.as_millisecond(),
            Since::Ago(ago) => now.checked_sub(ago).map_or(0, Timestamp::as_millisecond),
        }
    }
}

pub(crate) fn run(args: Args) -> Result<(), Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        // The second one ends the process at once.
        signal_hook::flag::register_conditional_default(signal, Arc::clone(&stop))?;
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    let mut client = args.server.connect()?;
    client.know(&args.topics, Create::IfMissing)?;
    let isolation = if args.committed { Isolation::ReadCommitted } else { Isolation::ReadUncommitted };
    let reset = match args.from {
        From::Earliest => Reset::Earliest,
        _ => Reset::Latest,
    };
    let consumer = match &args.group {
        Some(group) => {
            if let From::Offset(_) = args.from {
                return Err(Failure::failed(
                    "a group begins where it left off; --from takes only earliest or latest with --group",
                ));
            }
            let topics: BTreeSet<String> = args.topics.iter().cloned().collect();
            Consumer::member(&mut client, MemberOptions::new(group, topics), isolation, reset)
        }
        None => {
            let positions = positions(&mut client, &args)?;
            let mut consumer = Consumer::new(&mut client, isolation, reset);
            consumer.assign(positions);
            consumer
        }
    };
    read(consumer, &args, &stop)
}

/// Where each partition is read from, without a group.
fn positions(client: &mut Client, args: &Args) -> Result<BTreeMap<TopicPartition, i64>, Failure> {
    let mut places = Vec::new();
    for topic in &args.topics {
        let all = client.view().partitions(topic);
        for partition in &args.partition {
            if !all.iter().any(|place| place.partition == *partition) {
                let last = all.len().saturating_sub(1);
                return Err(Failure::failed(format!(
                    "topic {topic:?} has no partition {partition}; its partitions are 0 to {last}"
                )));
            }
        }
        places.extend(
            all.into_iter()
                .filter(|place| args.partition.is_empty() || args.partition.contains(&place.partition)),
        );
    }
    let at = match (args.since, args.from) {
        (Some(since), _) => OffsetAt::Time(since.ms(Timestamp::now())),
        (None, From::Earliest) => OffsetAt::Earliest,
        (None, From::Latest) => OffsetAt::Latest,
        (None, From::Offset(offset)) => return Ok(places.into_iter().map(|place| (place, offset)).collect()),
    };
    Ok(client.offsets(&places, at)?)
}

fn read(mut consumer: Consumer<'_>, args: &Args, stop: &AtomicBool) -> Result<(), Failure> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut left = args.max.unwrap_or(u64::MAX);
    while left > 0 && !stop.load(Ordering::Relaxed) {
        let records = consumer.poll(POLL)?;
        for event in consumer.events() {
            tell(&event);
        }
        let mut shown = 0;
        for fetched in records {
            if left == 0 {
                break;
            }
            if show(&mut out, &fetched, args).is_err() {
                // The reader went away: nothing more is to be shown, and what was not seen is not committed.
                return Ok(());
            }
            consumer.done(&fetched);
            left -= 1;
            shown += 1;
        }
        if out.flush().is_err() {
            return Ok(());
        }
        if shown > 0 && left > 0 {
            consumer.commit()?;
        }
        if args.exit && shown == 0 && consumer.is_at_end() {
            break;
        }
    }
    Ok(consumer.close()?)
}

/// What happens besides records is for people, not for the pipe.
fn tell(event: &Event) {
    match event {
        Event::Assigned(places) if places.is_empty() => {
            eprintln!("castle: the group has more members than partitions; waiting");
        }
        Event::Assigned(places) => {
            let places: Vec<String> = places.iter().map(ToString::to_string).collect();
            eprintln!("castle: reading {}", places.join(", "));
        }
        Event::Revoked => eprintln!("castle: the group is changing"),
        Event::Jumped(place, offset) => {
            eprintln!("castle: {place} does not have the offset asked for; going on at {offset}");
        }
    }
}

fn show(out: &mut impl Write, fetched: &Fetched, args: &Args) -> std::io::Result<()> {
    let record = &fetched.record;
    if args.output.format == Format::Json {
        let headers: Vec<serde_json::Value> = record
            .headers
            .iter()
            .map(|header| json!([json_bytes(Some(&header.key)), json_bytes(header.value.as_ref())]))
            .collect();
        let value = json!({
            "topic": fetched.partition.topic,
            "partition": fetched.partition.partition,
            "offset": record.offset,
            "timestamp": record.timestamp,
            "key": json_bytes(record.key.as_ref()),
            "value": json_bytes(record.value.as_ref()),
            "headers": headers,
        });
        return writeln!(out, "{value}");
    }
    if args.keys {
        out.write_all(record.key.as_deref().unwrap_or_default())?;
        out.write_all(b"\t")?;
    }
    out.write_all(record.value.as_deref().unwrap_or_default())?;
    out.write_all(b"\n")
}

#[cfg(test)]
mod tests {
    use super::{From, since};
    use jiff::Timestamp;

    #[test]
    fn places_to_begin() {
        let check = |text: &str, expect: Option<From>| assert_eq!(text.parse().ok(), expect, "{text}");
        check("earliest", Some(From::Earliest));
        check("latest", Some(From::Latest));
        check("42", Some(From::Offset(42)));
        check("-1", None);
        check("yesterday", None);
    }

    #[test]
    fn times_and_ages() {
        let now: Timestamp = "2026-11-22T18:00:00Z".parse().unwrap();
        let check = |text: &str, expect: Option<i64>| {
            let ago = since(text).ok().map(|since| (now.as_millisecond() - since.ms(now)) / 1_000);
            assert_eq!(ago, expect, "{text}");
        };
        check("2026-11-22T17:00:00Z", Some(3_600));
        check("2h", Some(7_200));
        check("90m", Some(5_400));
        check("1h30m", Some(5_400));
        check("7d", Some(604_800));
        check("-2h", None);
        check("soon", None);
    }
}
