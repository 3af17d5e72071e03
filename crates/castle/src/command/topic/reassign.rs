//! `castle topic reassign`: which brokers hold a topic's replicas, changed while it is read and written.

use crate::failure::Failure;
use crate::kafka::numbers;
use crate::output::{Format, json, line, table};
use broker_client::TopicPartition;
use broker_client::blocking::{Client, Create, Reassignment};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::{Duration, Instant};

const EXAMPLES: &str = "\
Examples:
  castle topic reassign orders --brokers 1,2,4         spread its replicas over these brokers
  castle topic reassign orders --brokers 1,2,4 --wait  and wait until all are in sync there
  castle topic reassign orders --partition 0 --replicas 4,2,1
                                                       exactly these, the preferred leader first
  castle topic reassign orders --cancel                take back what is under way
  castle topic reassign                                what is under way, of all topics";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The topic; without it, moves that are under way are shown
    name: Option<String>,
    /// Only these partitions, separated by commas
    #[arg(long, short = 'p', value_name = "N,...", value_delimiter = ',', requires = "name")]
    partition: Vec<i32>,
    /// Brokers over which the replicas are spread; as many for each partition as it has now
    #[arg(long, value_name = "ID,...", value_delimiter = ',', requires = "name", conflicts_with_all = ["replicas", "cancel"])]
    brokers: Vec<i32>,
    /// Brokers that each partition is given, the preferred leader first
    #[arg(long, value_name = "ID,...", value_delimiter = ',', requires = "name", conflicts_with = "cancel")]
    replicas: Vec<i32>,
    /// Take back moves that are under way
    #[arg(long, requires = "name")]
    cancel: bool,
    /// Wait until the moves are done
    #[arg(long)]
    wait: bool,
    /// Seconds to wait at most
    #[arg(long, value_name = "SECONDS", default_value_t = 3600, requires = "wait")]
    within: u64,
}

/// Pause between two looks at what is under way.
const LOOK: Duration = Duration::from_millis(250);

type Moves = BTreeMap<TopicPartition, Option<Vec<i32>>>;

pub(super) fn run(client: &mut Client, args: Args, format: Format) -> Result<(), Failure> {
    let Some(name) = &args.name else {
        if args.wait {
            wait(client, args.within, |_| true)?;
        }
        return show(&client.reassignments()?, format);
    };
    let moves = moves(client, name, &args)?;
    if moves.is_empty() {
        let own = client.reassignments()?.into_iter().filter(|(place, _)| place.topic == *name);
        return show(&own.collect(), format);
    }
    client.reassign(&moves)?;
    if args.wait {
        wait(client, args.within, |place| moves.contains_key(place))?;
    }
    let said = match (args.cancel, args.wait) {
        (true, _) => "taken back",
        (false, true) => "moved",
        (false, false) => "under way",
    };
    match format {
        Format::Json => json(&json!({
            "topic": name,
            "state": said,
            "partitions": moves
                .iter()
                .map(|(place, replicas)| json!({ "partition": place.partition, "replicas": replicas }))
                .collect::<Vec<_>>(),
        })),
        Format::Table => {
            for (place, replicas) in &moves {
                let to = replicas.as_ref().map(|replicas| format!(": {}", numbers(replicas)));
                line(format!("{place} {said}{}", to.unwrap_or_default()));
            }
        }
    }
    Ok(())
}

/// What was asked for. Empty if nothing was.
fn moves(client: &mut Client, name: &str, args: &Args) -> Result<Moves, Failure> {
    let names = [name.to_owned()];
    client.refresh(Some(&names), Create::Never)?;
    let topic = client.view().topics.get(name).filter(|topic| !topic.partitions.is_empty());
    let topic = topic.ok_or_else(|| {
        Failure::failed(format!("there is no topic {name:?}; `castle topic list` shows all"))
    })?;
    let wanted: BTreeSet<i32> = args.partition.iter().copied().collect();
    if let Some(unknown) = wanted.iter().find(|number| !topic.partitions.contains_key(number)) {
        return Err(Failure::failed(format!("{name} has no partition {unknown}")));
    }
    let own = topic.partitions.iter().filter(|(number, _)| wanted.is_empty() || wanted.contains(number));
    if args.cancel {
        let under_way: BTreeSet<TopicPartition> =
            own.map(|(number, _)| TopicPartition::new(name, *number)).collect();
        let found = client.reassignments()?.into_keys().filter(|place| under_way.contains(place));
        let moves: Moves = found.map(|place| (place, None)).collect();
        return match moves.is_empty() {
            true => Err(Failure::failed(format!("nothing of {name} is being moved"))),
            false => Ok(moves),
        };
    }
    let mut moves = Moves::new();
    for (number, partition) in own {
        let replicas = if !args.replicas.is_empty() {
            args.replicas.clone()
        } else if !args.brokers.is_empty() {
            spread(&args.brokers, *number, partition.replicas.len()).ok_or_else(|| {
                Failure::failed(format!(
                    "{name}-{number} has {} replicas, and --brokers names fewer; name more, or say --replicas",
                    partition.replicas.len()
                ))
            })?
        } else {
            return Ok(Moves::new());
        };
        moves.insert(TopicPartition::new(name, *number), Some(replicas));
    }
    Ok(moves)
}

/// Replicas of partition `number`: partitions begin one broker after the other, and the distance to the
/// second replica grows with each round, so that the load of a lost broker falls on all others.
fn spread(brokers: &[i32], number: i32, count: usize) -> Option<Vec<i32>> {
    if count > brokers.len() {
        return None;
    }
    let number = usize::try_from(number).ok()?;
    let (first, round) = (number % brokers.len(), number / brokers.len());
    let others = brokers.len().saturating_sub(1).max(1);
    let replica = |n: usize| match n {
        0 => brokers[first],
        n => brokers[(first + 1 + (n - 1 + round) % others) % brokers.len()],
    };
    Some((0..count).map(replica).collect())
}

fn wait(client: &mut Client, within: u64, counts: impl Fn(&TopicPartition) -> bool) -> Result<(), Failure> {
    let until = Instant::now() + Duration::from_secs(within);
    loop {
        let left = client.reassignments()?.into_keys().filter(|place| counts(place)).count();
        if left == 0 {
            return Ok(());
        }
        if Instant::now() >= until {
            return Err(Failure::failed(format!("{left} partitions are still being moved; it goes on")));
        }
        thread::sleep(LOOK);
    }
}

fn show(found: &BTreeMap<TopicPartition, Reassignment>, format: Format) -> Result<(), Failure> {
    match format {
        Format::Json => {
            let values = found.iter().map(|(place, it)| {
                json!({
                    "topic": place.topic, "partition": place.partition, "replicas": it.replicas,
                    "adding": it.adding, "removing": it.removing,
                })
            });
            json(&values.collect());
        }
        Format::Table if found.is_empty() => line("nothing is being moved"),
        Format::Table => table(
            ["PARTITION", "REPLICAS", "ADDING", "REMOVING"],
            found.iter().map(|(place, it)| {
                [place.to_string(), numbers(&it.replicas), numbers(&it.adding), numbers(&it.removing)]
            }),
        ),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::spread;

    #[test]
    fn replicas_go_round_the_brokers_and_are_distinct() {
        let check = |number: i32, count: usize, expect: &[i32]| {
            assert_eq!(spread(&[1, 2, 4], number, count).as_deref(), Some(expect), "{number} {count}");
        };
        check(0, 1, &[1]);
        check(0, 3, &[1, 2, 4]);
        check(1, 3, &[2, 4, 1]);
        check(2, 2, &[4, 1]);
        check(3, 2, &[1, 4]);
        check(3, 3, &[1, 4, 2]);
        check(6, 2, &[1, 2]);
        assert_eq!(spread(&[7], 5, 1), Some(vec![7]));
        assert_eq!(spread(&[1, 2], 0, 3), None);
    }
}
