//! srvr and stat: the server in a few lines; stat lists the clients too.

use std::fmt::Write;

use crate::keeper::Keeper;
use crate::member::{Part, Votes};

impl Keeper {
    pub(super) fn srvr(&self) -> String {
        let mut text = self.version_line();
        self.write_server(&mut text);
        text
    }

    pub(super) fn stat(&self) -> String {
        let mut text = self.version_line();
        text.push_str("Clients:\n");
        self.write_connections(&mut text, true);
        text.push('\n');
        self.write_server(&mut text);
        text
    }

    /// What the server is to its ensemble.
    pub fn mode(&self) -> &'static str {
        match self.server.member.part {
            Part::Alone => "standalone",
            Part::Looking => "looking",
            Part::ReadOnly => "read-only",
            Part::Leading => "leader",
            Part::Learning(_, Votes::Yes) => "follower",
            Part::Learning(_, Votes::No) => "observer",
        }
    }

    fn version_line(&self) -> String {
        let mode = if self.reads_only() { "READ-ONLY mode; serving only read-only clients\n" } else { "" };
        format!("Zookeeper version: {}\n{mode}", self.server.config.version)
    }

    fn write_server(&self, text: &mut String) {
        let server = &self.server;
        let latency = &server.statistics.latency;
        let database = &server.database;
        let _ = write!(
            text,
            "Latency min/avg/max: {}/{}/{}\nReceived: {}\nSent: {}\nConnections: {}\nOutstanding: {}\n\
             Zxid: {}\nMode: {}\nNode count: {}\n",
            latency.min_ms,
            latency.average_text(),
            latency.max_ms,
            server.statistics.received,
            server.statistics.sent,
            self.connections.len(),
            server.in_flight,
            database.last_applied(),
            self.mode(),
            // The original counts the root's two names.
            database.tree().len() + 1,
        );
        if server.member.part == Part::Leading {
            let sizes = &server.statistics.proposal_sizes;
            let _ = writeln!(text, "Proposal sizes last/min/max: {}/{}/{}", sizes.last, sizes.min, sizes.max);
        }
    }
}
