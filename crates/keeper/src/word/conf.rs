//! conf: the settings that count.

use std::fmt::Write;

use crate::keeper::Keeper;

impl Keeper {
    pub(super) fn conf(&self) -> String {
        let (config, measures) = (&self.server.config, &self.server.measures);
        let shown = &config.shown;
        let mut text = format!(
            "clientPort={}\nsecureClientPort={}\ndataDir={}\ndataDirSize={}\ndataLogDir={}\ndataLogSize={}\n\
             tickTime={}\nmaxClientCnxns={}\nminSessionTimeout={}\nmaxSessionTimeout={}\n\
             clientPortListenBacklog={}\nserverId={}\n",
            shown.client_port,
            shown.secure_client_port,
            shown.data_dir,
            measures.data_dir_bytes,
            shown.data_log_dir,
            measures.log_dir_bytes,
            config.tick_time.as_ms(),
            config.connections_per_address_max,
            config.timeout_ms_min(),
            config.timeout_ms_max(),
            shown.listen_backlog,
            config.server_id,
        );
        if !self.stands_alone() {
            self.write_ensemble(&mut text);
        }
        text
    }

    /// What only members show. The last line has no end, as in the original. Source:
    /// `QuorumZooKeeperServer.dumpConf`.
    fn write_ensemble(&self, text: &mut String) {
        let ensemble = self.server.peer.ensemble();
        let _ = writeln!(
            text,
            "initLimit={}\nsyncLimit={}\nelectionAlg={ELECTION_ALGORITHM}",
            ensemble.init_limit, ensemble.sync_limit
        );
        // A server that only wants to join is on no line.
        if let Some(own) = ensemble.configuration.members.get(&ensemble.id) {
            let _ = writeln!(text, "electionPort={}\nquorumPort={}", own.election_port, own.quorum_port);
        }
        let observes = ensemble.configuration.observes(ensemble.id);
        let _ = write!(
            text,
            "peerType={}\nmembership: \n{}",
            if observes { OBSERVER } else { PARTICIPANT },
            ensemble.configuration.text()
        );
    }
}

/// Fast leader election; there is no other any more.
const ELECTION_ALGORITHM: u32 = 3;

/// What `peerType` says of those who vote.
const PARTICIPANT: u32 = 0;

/// What `peerType` says of those who do not.
const OBSERVER: u32 = 1;
