//! dump: sessions by expiry, ephemeral znodes by session, connections.

use std::collections::BTreeMap;
use std::fmt::Write;

use clock::Moment;
use znode::Sessions;
use zookeeper_wire::SessionId;

use crate::config::LocalSessions;
use crate::connection::Connection;
use crate::date;
use crate::keeper::Keeper;
use crate::limits::SESSIONLESS;

impl Keeper {
    pub(super) fn dump(&self) -> String {
        let server = &self.server;
        let mut text = "SessionTracker dump:\n".to_owned();
        if self.tells_local_sessions() {
            text.push_str("Local ");
            self.write_sessions(&mut text, &server.local);
        }
        if self.leader_link().is_some() || self.reads_only() {
            let sessions = server.database.sessions();
            let _ = writeln!(text, "Global Sessions({}):", sessions.len());
            for (session, timeout_ms) in sessions {
                let _ = writeln!(text, "{session}\t{timeout_ms}ms");
            }
        } else {
            text.push_str(if self.tells_local_sessions() { "Global " } else { "" });
            self.write_sessions(&mut text, &server.sessions);
        }
        let tree = server.database.tree();
        let owners: Vec<_> = tree.ephemeral_sessions().collect();
        let _ = writeln!(text, "ephemeral nodes dump:\nSessions with Ephemerals ({}):", owners.len());
        for (session, _) in owners {
            let _ = writeln!(text, "{session}:");
            for id in tree.ephemerals(session) {
                let _ = writeln!(text, "\t{}", tree.path(id));
            }
        }
        let sets = self.connections_by_due();
        let count = self.connections.len();
        let _ = writeln!(text, "Connections dump:\nConnections Sets ({})/({count}):", sets.len());
        for (due, connections) in sets {
            let _ = writeln!(text, "{} expire at {}:", connections.len(), self.date_of(due));
            for connection in connections {
                let _ = writeln!(text, "\tip: /{} sessionId: {}", connection.peer, connection.session);
            }
        }
        text
    }

    fn tells_local_sessions(&self) -> bool {
        !self.stands_alone() && self.server.config.local_sessions != LocalSessions::Off
    }

    fn write_sessions(&self, text: &mut String, sessions: &Sessions) {
        let buckets: Vec<_> = sessions.by_due().collect();
        let _ = writeln!(text, "Session Sets ({})/({}):", buckets.len(), sessions.len());
        for (due, sessions) in buckets {
            let _ = writeln!(text, "{} expire at {}:", sessions.len(), self.date_of(due));
            for session in sessions {
                let _ = writeln!(text, "\t{session}");
            }
        }
    }

    /// A connection lasts as long as its session, or until it should have one.
    fn connections_by_due(&self) -> BTreeMap<Moment, Vec<&Connection>> {
        let due_of: BTreeMap<SessionId, Moment> = (self.server.sessions.by_due())
            .chain(self.server.local.by_due())
            .flat_map(|(due, sessions)| sessions.iter().map(move |session| (*session, due)))
            .collect();
        let mut connections: Vec<&Connection> = self.connections.values().collect();
        connections.sort_unstable_by_key(|connection| connection.id);
        let mut sets: BTreeMap<Moment, Vec<&Connection>> = BTreeMap::new();
        for connection in connections {
            let due = due_of.get(&connection.session).copied().unwrap_or(connection.since + SESSIONLESS);
            sets.entry(due).or_default().push(connection);
        }
        sets
    }

    /// When `due` is, on the clock on the wall.
    fn date_of(&self, due: Moment) -> String {
        let now = self.server.now;
        date::java_text(now.wall.as_ms() + due.as_ms() as i64 - now.moment.as_ms() as i64)
    }
}
