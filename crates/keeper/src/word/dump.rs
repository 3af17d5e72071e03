//! dump: sessions by expiry, ephemeral znodes by session, connections.

use std::fmt::Write;

use crate::connection::Connection;
use crate::keeper::Keeper;

impl Keeper {
    pub(super) fn dump(&self) -> String {
        let server = &self.server;
        let mut text = "SessionTracker dump:\n".to_owned();
        let buckets: Vec<_> = server.sessions.by_due().collect();
        let _ = writeln!(text, "Session Sets ({})/({}):", buckets.len(), server.sessions.len());
        for (due, sessions) in buckets {
            let _ = writeln!(text, "{} expire in {}:", sessions.len(), due - server.now.moment);
            for session in sessions {
                let _ = writeln!(text, "\t{session}");
            }
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
        let mut connections: Vec<&Connection> = self.connections.values().collect();
        connections.sort_unstable_by_key(|connection| connection.id);
        let _ = writeln!(text, "Connections dump:\nConnections Sets (1)/({}):", connections.len());
        for connection in connections {
            let _ = writeln!(text, "\tip: /{} sessionId: {}", connection.peer, connection.session);
        }
        text
    }
}
