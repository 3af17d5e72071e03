//! `castle dev status`: the nodes of the running cluster, with what their keepers say of themselves.

use super::orders::{self, NodeStatus, Order};
use crate::command::status::ask_keeper;
use crate::failure::Failure;
use crate::output::{self, Format};
use serde_json::json;
use std::path::Path;
use std::time::Duration;

/// How long a keeper may take to answer; a frozen one never does.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) fn show(data: &Path, format: Format) -> Result<(), Failure> {
    let cluster = orders::ask(data, Order::Status)?;
    let modes: Vec<String> = cluster.nodes.iter().map(mode).collect();
    match format {
        Format::Json => output::json(&json!({
            "nodes": cluster
                .nodes
                .iter()
                .zip(&modes)
                .map(|(node, mode)| json!({
                    "node": node.node, "state": node.state, "mode": mode, "pid": node.pid,
                    "keeper": node.keeper, "broker": node.broker, "http": node.http, "log": node.log,
                }))
                .collect::<Vec<_>>(),
            "cut": cluster.cut,
        })),
        Format::Table => {
            output::table(
                ["node", "state", "keeper is", "keeper", "broker", "pid", "log"],
                cluster.nodes.iter().zip(&modes).map(|(node, mode)| {
                    [
                        node.node.to_string(),
                        node.state.clone(),
                        mode.clone(),
                        node.keeper.clone(),
                        node.broker.clone(),
                        node.pid.map_or_else(|| "-".to_owned(), |pid| pid.to_string()),
                        node.log.display().to_string(),
                    ]
                }),
            );
            for (one, other) in &cluster.cut {
                output::line(format!("cut: {one} and {other}"));
            }
        }
    }
    Ok(())
}

/// What a node's keeper is in the ensemble: `leader`, `follower`, or why that is not known.
fn mode(node: &NodeStatus) -> String {
    if node.state != "running" {
        return "-".to_owned();
    }
    match ask_keeper(&node.keeper, PATIENCE) {
        Ok(facts) => facts
            .into_iter()
            .find_map(|(name, value)| (name == "Mode").then_some(value))
            .unwrap_or_else(|| "without a quorum".to_owned()),
        Err(_) => "without a quorum".to_owned(),
    }
}
