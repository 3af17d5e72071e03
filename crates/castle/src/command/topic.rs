//! `castle topic create|list|describe|delete|alter|reassign`: the topics of a cluster.

mod reassign;

use crate::failure::Failure;
use crate::kafka::{Server, numbers, pair};
use crate::output::{Format, Output, json, line, table};
use broker_client::blocking::{Client, ConfigChange, ConfigResource, Create, NewTopic, OffsetAt};
use broker_client::{Error, TopicPartition};
use kafka_wire::ErrorCode;
use serde_json::json;
use std::collections::BTreeMap;

const EXAMPLES: &str = "\
Examples:
  castle topic create orders                           as many partitions as the broker gives by default
  castle topic create orders --partitions 6 --config retention.ms=86400000
  castle topic list
  castle topic describe orders                         leaders, offsets, and what is not default
  castle topic alter orders --partitions 12 --config max.message.bytes=2000000 --reset retention.ms
  castle topic reassign orders --brokers 1,2,4 --wait  other brokers hold it from now on
  castle topic delete orders
  castle topic list -o json --server other:9092";

#[derive(clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    output: Output,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Make a topic
    Create(CreateArgs),
    /// Name all topics
    #[command(visible_alias = "ls")]
    List {
        /// Also the brokers' own
        #[arg(long)]
        internal: bool,
    },
    /// Show partitions and configuration of topics
    Describe {
        /// The topics
        #[arg(required = true)]
        names: Vec<String>,
    },
    /// Delete topics with all their records
    Delete {
        /// The topics
        #[arg(required = true)]
        names: Vec<String>,
        /// A topic that does not exist is no failure
        #[arg(long)]
        if_exists: bool,
    },
    /// Add partitions, change configuration
    Alter(AlterArgs),
    /// Move replicas to other brokers, or show what is being moved
    Reassign(reassign::Args),
}

#[derive(clap::Args)]
struct CreateArgs {
    /// The new topic's name
    name: String,
    /// How many partitions; the broker's default otherwise
    #[arg(long, short = 'p')]
    partitions: Option<i32>,
    /// How many replicas of each partition; the broker's default otherwise
    #[arg(long, short = 'r')]
    replicas: Option<i16>,
    /// A configuration that differs from the default, as in retention.ms=86400000; may be repeated
    #[arg(long, short = 'c', value_name = "NAME=VALUE", value_parser = pair)]
    config: Vec<(String, String)>,
    /// A topic that exists already is no failure
    #[arg(long)]
    if_not_exists: bool,
}

#[derive(clap::Args)]
#[command(group(clap::ArgGroup::new("change").required(true).multiple(true).args(["partitions", "config", "reset"])))]
struct AlterArgs {
    /// The topic
    name: String,
    /// How many partitions it is to have; more than now, since partitions cannot be taken away
    #[arg(long, short = 'p')]
    partitions: Option<i32>,
    /// A configuration to set; may be repeated
    #[arg(long, short = 'c', value_name = "NAME=VALUE", value_parser = pair)]
    config: Vec<(String, String)>,
    /// A configuration to set back to its default; may be repeated
    #[arg(long, value_name = "NAME")]
    reset: Vec<String>,
}

/// `config_source` of what was set for the topic itself.
const SOURCE_TOPIC: i8 = 1;

pub(crate) fn run(args: Args) -> Result<(), Failure> {
    let mut client = args.server.connect()?;
    let format = args.output.format;
    match args.action {
        Action::Create(create) => run_create(&mut client, create, format),
        Action::List { internal } => list(&mut client, internal, format),
        Action::Describe { names } => describe(&mut client, &names, format),
        Action::Delete { names, if_exists } => delete(&mut client, &names, if_exists, format),
        Action::Alter(alter) => run_alter(&mut client, alter, format),
        Action::Reassign(args) => reassign::run(&mut client, args, format),
    }
}

/// Prints what was done, as one line or as JSON.
fn done(format: Format, text: &str, value: &serde_json::Value) {
    match format {
        Format::Table => line(text),
        Format::Json => json(value),
    }
}

fn run_create(client: &mut Client, args: CreateArgs, format: Format) -> Result<(), Failure> {
    let topic = NewTopic {
        name: args.name.clone(),
        partitions: args.partitions,
        replicas: args.replicas,
        configs: args.config,
    };
    let name = &args.name;
    match client.create_topic(&topic) {
        Ok(created) => {
            let count = match created.num_partitions {
                count if count > 0 => count,
                // Brokers before 2.4 do not say.
                _ => {
                    client.know(std::slice::from_ref(name), Create::Never)?;
                    client.view().partition_count(name)
                }
            };
            let partitions =
                if count == 1 { "1 partition".to_owned() } else { format!("{count} partitions") };
            let value = json!({
                "topic": name,
                "created": true,
                "id": (!created.topic_id.is_zero()).then(|| created.topic_id.to_string()),
                "partitions": count,
            });
            done(format, &format!("created {name} with {partitions}"), &value);
            Ok(())
        }
        Err(error) if args.if_not_exists && error.code() == Some(ErrorCode::TOPIC_ALREADY_EXISTS) => {
            done(format, &format!("{name} exists already"), &json!({"topic": name, "created": false}));
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

fn list(client: &mut Client, internal: bool, format: Format) -> Result<(), Failure> {
    client.refresh(None, Create::Never)?;
    let topics = client.view().topics.iter().filter(|(_, topic)| internal || !topic.internal);
    let replicas = |topic: &broker_client::TopicView| {
        topic.partitions.values().map(|partition| partition.replicas.len()).max().unwrap_or(0)
    };
    match format {
        Format::Json => {
            let values = topics.map(|(name, topic)| {
                json!({
                    "name": name,
                    "id": (!topic.id.is_zero()).then(|| topic.id.to_string()),
                    "internal": topic.internal,
                    "partitions": topic.partitions.len(),
                    "replicas": replicas(topic),
                })
            });
            json(&values.collect());
        }
        Format::Table => {
            let rows = topics.map(|(name, topic)| {
                [name.clone(), topic.partitions.len().to_string(), replicas(topic).to_string()]
            });
            table(["TOPIC", "PARTITIONS", "REPLICAS"], rows);
        }
    }
    Ok(())
}

fn describe(client: &mut Client, names: &[String], format: Format) -> Result<(), Failure> {
    client.know(names, Create::Never)?;
    let mut values = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let topic = client.view().topics.get(name).cloned().unwrap_or_default();
        let places = client.view().partitions(name);
        let first = client.offsets(&places, OffsetAt::Earliest)?;
        let end = client.offsets(&places, OffsetAt::Latest)?;
        let configs: BTreeMap<String, String> = client
            .configs(&ConfigResource::Topic(name.clone()))?
            .into_iter()
            .filter(|config| config.config_source == SOURCE_TOPIC)
            .map(|config| (config.name, config.value.unwrap_or_default()))
            .collect();
        let offset = |offsets: &BTreeMap<TopicPartition, i64>, partition: i32| {
            offsets.get(&TopicPartition::new(name, partition)).copied().unwrap_or(-1)
        };
        if format == Format::Json {
            let partitions = topic.partitions.iter().map(|(number, partition)| {
                json!({
                    "partition": number,
                    "leader": partition.leader,
                    "leader_epoch": partition.leader_epoch,
                    "replicas": partition.replicas,
                    "isr": partition.isr,
                    "first_offset": offset(&first, *number),
                    "end_offset": offset(&end, *number),
                })
            });
            values.push(json!({
                "name": name,
                "id": (!topic.id.is_zero()).then(|| topic.id.to_string()),
                "internal": topic.internal,
                "configs": configs,
                "partitions": partitions.collect::<Vec<_>>(),
            }));
            continue;
        }
        if index > 0 {
            line("");
        }
        line(format!("{name}  id {}", topic.id));
        for (name, value) in &configs {
            line(format!("  {name} = {value}"));
        }
        let rows = topic.partitions.iter().map(|(number, partition)| {
            let (first, end) = (offset(&first, *number), offset(&end, *number));
            [
                number.to_string(),
                partition.leader.to_string(),
                numbers(&partition.replicas),
                numbers(&partition.isr),
                first.to_string(),
                end.to_string(),
                (end - first).to_string(),
            ]
        });
        table(["PARTITION", "LEADER", "REPLICAS", "IN SYNC", "FIRST", "END", "OFFSETS"], rows);
    }
    if format == Format::Json {
        json(&values.into());
    }
    Ok(())
}

fn delete(client: &mut Client, names: &[String], if_exists: bool, format: Format) -> Result<(), Failure> {
    let mut deleted = Vec::new();
    for name in names {
        client.refresh(Some(std::slice::from_ref(name)), Create::Never)?;
        let known = client.view().topics.get(name).map(|topic| topic.error);
        if if_exists && known.is_none_or(|code| code == ErrorCode::UNKNOWN_TOPIC_OR_PARTITION) {
            continue;
        }
        client.delete_topic(name)?;
        if format == Format::Table {
            line(format!("deleted {name}"));
        }
        deleted.push(name.as_str());
    }
    if format == Format::Json {
        json(&json!({ "deleted": deleted }));
    }
    Ok(())
}

fn run_alter(client: &mut Client, args: AlterArgs, format: Format) -> Result<(), Failure> {
    let name = args.name;
    client.know(std::slice::from_ref(&name), Create::Never)?;
    let mut changes: Vec<ConfigChange> =
        args.config.into_iter().map(|(name, value)| ConfigChange::Set(name, value)).collect();
    changes.extend(args.reset.into_iter().map(ConfigChange::Delete));
    if !changes.is_empty() {
        client.change_configs(&ConfigResource::Topic(name.clone()), &changes)?;
    }
    if let Some(count) = args.partitions {
        let now = client.view().partition_count(&name);
        match client.add_partitions(&name, count) {
            Err(Error::Refused { code: ErrorCode::INVALID_PARTITIONS, .. }) if count == now => {}
            Err(Error::Refused { code: ErrorCode::INVALID_PARTITIONS, .. }) if count < now => {
                return Err(Failure::failed(format!(
                    "{name} has {now} partitions, and partitions cannot be taken away; make a new topic with \
                     {count} and copy the records"
                )));
            }
            result => result?,
        }
    }
    done(format, &format!("altered {name}"), &json!({"topic": name, "altered": true}));
    Ok(())
}
