//! `castle group list|describe|delete`: consumer groups and how far they got.

use crate::failure::Failure;
use crate::kafka::Server;
use crate::output::{Format, Output, json, line, table};
use broker_client::blocking::{Client, Committed, OffsetAt};
use broker_client::{TopicPartition, assignor};
use kafka_wire::message::describe_groups::{DescribedGroup, DescribedGroupMember};
use serde_json::json;
use std::collections::BTreeMap;

const EXAMPLES: &str = "\
Examples:
  castle group list
  castle group describe billing            members, offsets, and how far behind they are
  castle group delete billing              the group must have no members
  castle group describe billing -o json | jq '.[0].lag'";

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
    /// Name all groups
    #[command(visible_alias = "ls")]
    List,
    /// Show members and offsets of groups
    Describe {
        /// The groups
        #[arg(required = true)]
        groups: Vec<String>,
    },
    /// Delete groups and what they committed
    Delete {
        /// The groups
        #[arg(required = true)]
        groups: Vec<String>,
    },
}

/// The state of a group that does not exist.
const DEAD: &str = "Dead";

pub(crate) fn run(args: Args) -> Result<(), Failure> {
    let mut client = args.server.connect()?;
    let format = args.output.format;
    match args.action {
        Action::List => list(&mut client, format),
        Action::Describe { groups } => describe(&mut client, &groups, format),
        Action::Delete { groups } => delete(&mut client, &groups, format),
    }
}

fn list(client: &mut Client, format: Format) -> Result<(), Failure> {
    let groups = client.groups()?;
    match format {
        Format::Json => {
            let values = groups.iter().map(|group| {
                json!({
                    "group": group.group_id,
                    "state": group.group_state,
                    "protocol_type": group.protocol_type,
                    "type": group.group_type,
                })
            });
            json(&values.collect());
        }
        Format::Table => {
            let rows =
                groups.iter().map(|g| [g.group_id.clone(), g.group_state.clone(), g.protocol_type.clone()]);
            table(["GROUP", "STATE", "PROTOCOL"], rows);
        }
    }
    Ok(())
}

/// How far a group got in one partition.
struct Progress {
    place: TopicPartition,
    committed: Committed,
    end: Option<i64>,
    member: Option<String>,
}

impl Progress {
    fn lag(&self) -> Option<i64> {
        self.end.map(|end| (end - self.committed.offset).max(0))
    }
}

fn describe(client: &mut Client, groups: &[String], format: Format) -> Result<(), Failure> {
    let mut values = Vec::new();
    for (index, group) in groups.iter().enumerate() {
        let described = client.describe_group(group)?;
        let committed = client.committed(group)?;
        if described.group_state == DEAD && committed.is_empty() {
            return Err(Failure::failed(format!(
                "there is no group {group:?}; `castle group list` shows all"
            )));
        }
        let progress = progress(client, &described, committed);
        match format {
            Format::Json => values.push(value(&described, &progress)),
            Format::Table => {
                if index > 0 {
                    line("");
                }
                show(&described, &progress);
            }
        }
    }
    if format == Format::Json {
        json(&values.into());
    }
    Ok(())
}

fn progress(
    client: &mut Client,
    described: &DescribedGroup,
    committed: BTreeMap<TopicPartition, Committed>,
) -> Vec<Progress> {
    let mut owners: BTreeMap<TopicPartition, String> = BTreeMap::new();
    for member in &described.members {
        for place in assigned(member) {
            owners.insert(place, member.member_id.clone());
        }
    }
    let mut progress = Vec::new();
    for (place, committed) in committed {
        // A topic may be gone while its offsets are still there.
        let end = client.offsets(std::slice::from_ref(&place), OffsetAt::Latest).ok();
        let end = end.and_then(|offsets| offsets.get(&place).copied());
        progress.push(Progress { member: owners.get(&place).cloned(), place, committed, end });
    }
    progress
}

/// What a member reads; nothing if it speaks another protocol than consumers do.
fn assigned(member: &DescribedGroupMember) -> Vec<TopicPartition> {
    assignor::assigned(member.member_assignment.clone()).unwrap_or_default()
}

fn value(described: &DescribedGroup, progress: &[Progress]) -> serde_json::Value {
    let members: Vec<serde_json::Value> = described
        .members
        .iter()
        .map(|member| {
            let places: Vec<String> = assigned(member).iter().map(ToString::to_string).collect();
            json!({
                "member": member.member_id,
                "instance": member.group_instance_id,
                "client": member.client_id,
                "host": member.client_host,
                "partitions": places,
            })
        })
        .collect();
    let offsets: Vec<serde_json::Value> = progress
        .iter()
        .map(|progress| {
            json!({
                "topic": progress.place.topic,
                "partition": progress.place.partition,
                "committed": progress.committed.offset,
                "metadata": progress.committed.metadata,
                "end": progress.end,
                "lag": progress.lag(),
                "member": progress.member,
            })
        })
        .collect();
    json!({
        "group": described.group_id,
        "state": described.group_state,
        "protocol_type": described.protocol_type,
        "protocol": described.protocol_data,
        "members": members,
        "offsets": offsets,
        "lag": progress.iter().filter_map(Progress::lag).sum::<i64>(),
    })
}

fn show(described: &DescribedGroup, progress: &[Progress]) {
    line(format!("{}  {}", described.group_id, described.group_state));
    if !described.members.is_empty() {
        let rows = described.members.iter().map(|member| {
            let places: Vec<String> = assigned(member).iter().map(ToString::to_string).collect();
            [member.member_id.clone(), member.client_host.clone(), places.join(" ")]
        });
        table(["MEMBER", "HOST", "PARTITIONS"], rows);
    }
    if progress.is_empty() {
        return line("nothing is committed");
    }
    let number = |value: Option<i64>| value.map_or_else(|| "?".to_owned(), |value| value.to_string());
    let rows = progress.iter().map(|progress| {
        [
            progress.place.to_string(),
            progress.committed.offset.to_string(),
            number(progress.end),
            number(progress.lag()),
            progress.member.clone().unwrap_or_else(|| "-".to_owned()),
        ]
    });
    table(["PARTITION", "COMMITTED", "END", "LAG", "MEMBER"], rows);
}

fn delete(client: &mut Client, groups: &[String], format: Format) -> Result<(), Failure> {
    for group in groups {
        client.delete_group(group)?;
        if format == Format::Table {
            line(format!("deleted {group}"));
        }
    }
    if format == Format::Json {
        json(&json!({ "deleted": groups }));
    }
    Ok(())
}
