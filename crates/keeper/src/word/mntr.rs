//! mntr: names and numbers for monitoring, under the original's names.

use std::fmt::Write;

use crate::keeper::Keeper;

impl Keeper {
    pub(super) fn mntr(&self) -> String {
        let server = &self.server;
        let (statistics, measures) = (&server.statistics, &server.measures);
        let tree = server.database.tree();
        let latency = &statistics.latency;
        let mut text = format!(
            "zk_version\t{}\nzk_server_state\tstandalone\nzk_peer_state\tstandalone\n",
            server.config.version
        );
        let uptime_ms = (server.now.moment - server.started).as_ms();
        let _ = writeln!(text, "zk_avg_latency\t{}", latency.average_text());
        let numbers: [(&str, u64); 26] = [
            ("min_latency", latency.min_ms),
            ("max_latency", latency.max_ms),
            ("packets_received", statistics.received),
            ("packets_sent", statistics.sent),
            ("num_alive_connections", self.connections.len() as u64),
            ("outstanding_requests", server.in_flight as u64),
            ("znode_count", tree.len() as u64 + 1),
            ("watch_count", server.watches.len() as u64),
            ("ephemerals_count", tree.ephemeral_count() as u64),
            ("approximate_data_size", tree.approximate_data_bytes() as u64 + 1),
            ("open_file_descriptor_count", measures.open_files),
            ("max_file_descriptor_count", measures.open_files_max),
            ("global_sessions", server.sessions.len() as u64),
            ("local_sessions", 0),
            ("uptime", uptime_ms),
            ("last_client_response_size", 0),
            ("auth_failed_count", statistics.authentication_failures),
            ("non_mtls_local_conn_count", 0),
            ("non_mtls_remote_conn_count", 0),
            ("connection_rejected", statistics.connections_rejected),
            ("stale_sessions_expired", statistics.sessions_expired),
            ("outstanding_changes_queued", server.outstanding.len() as u64),
            ("data_dir_size", measures.data_dir_bytes),
            ("log_dir_size", measures.log_dir_bytes),
            ("snap_count", statistics.snapshots),
            ("commit_count", statistics.transactions),
        ];
        for (name, value) in numbers {
            let _ = writeln!(text, "zk_{name}\t{value}");
        }
        text
    }
}
