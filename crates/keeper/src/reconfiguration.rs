//! `reconfig`: a new membership is judged by the leader, goes its way as a transaction, and is shown to
//! clients in `/zookeeper/config`. The order of the checks is the original's (`PrepRequestProcessor`).

use zab::{Configuration, ConfigurationError};
use znode::{CONFIG, Identity, Prepared};
use zookeeper_wire::jute::Writer;
use zookeeper_wire::txn::SetDataTxn;
use zookeeper_wire::{ErrorCode, ReconfigRequest, SessionId, Stat, Zxid};

use crate::config::MemberShown;
use crate::keeper::Keeper;
use crate::member::Part;
use crate::server::{Server, failure};

impl Server {
    /// Prepares a reconfiguration, or its failure.
    pub(crate) fn reconfigure(
        &mut self,
        session: SessionId,
        identities: &[Identity],
        zxid: Zxid,
        request: &ReconfigRequest,
    ) -> Prepared {
        match self.next_configuration(zxid, request) {
            Ok(next) => {
                let asked = self.asked(session, identities, zxid, Ok(()));
                let tree = self.database.tree();
                self.outstanding.prepare_reconfig(tree, &self.rules, &asked, &next.text())
            }
            Err(error) => failure(error),
        }
    }

    fn next_configuration(&self, zxid: Zxid, request: &ReconfigRequest) -> Result<Configuration, ErrorCode> {
        if !self.config.reconfig {
            return Err(ErrorCode::RECONFIG_DISABLED);
        }
        if self.member.part == Part::Alone {
            return Err(ErrorCode::UNIMPLEMENTED);
        }
        if self.peer.is_reconfiguring() {
            return Err(ErrorCode::RECONFIG_IN_PROGRESS);
        }
        let present = self.peer.configuration();
        if request.config_id != -1 && request.config_id != present.version {
            return Err(ErrorCode::BAD_VERSION);
        }
        let next = match &request.members {
            // Members may be separated by commas as well.
            Some(members) => Configuration::parse(&members.replace(',', "\n")),
            None => present.changed(request.leaving.as_deref(), request.joining.as_deref()),
        };
        let mut next = next.map_err(|wrong| match wrong {
            ConfigurationError::Number(_) => ErrorCode::MARSHALLING_ERROR,
            ConfigurationError::Unfit(_) => ErrorCode::BAD_ARGUMENTS,
        })?;
        let (voters, alone) = (next.voters().count(), self.config.standalone_allowed);
        let observed = next.members.len() > voters;
        let nobody = (voters == 0 && (observed || !alone)) || (voters == 1 && observed && alone);
        if request.members.is_some() && nobody {
            return Err(ErrorCode::MARSHALLING_ERROR);
        }
        next.version = zxid.0;
        if voters < if alone { 2 } else { 1 } {
            return Err(ErrorCode::BAD_ARGUMENTS);
        }
        if !can_be_kept(&next) {
            return Err(ErrorCode::BAD_ARGUMENTS);
        }
        if !self.peer.has_synced_quorum(&next) {
            return Err(ErrorCode::NEW_CONFIG_NO_QUORUM);
        }
        Ok(next)
    }
}

impl Keeper {
    /// Shows clients and administrators the membership that is in force.
    pub(crate) fn show_configuration(&mut self) {
        let configuration = self.server.peer.configuration();
        self.server.database.show(CONFIG, configuration.text().as_bytes());
        let shown = configuration.members.iter().map(|(id, member)| MemberShown {
            id: id.0,
            quorum_address: member.quorum_address(),
            election_address: member.election_address(),
            client_address: (member.client.as_ref())
                .map(|(host, port)| format!("{host}:{port}"))
                .unwrap_or_default(),
            votes: !member.is_observer,
        });
        self.server.config.shown.ensemble = shown.collect();
    }
}

/// Whether members can read back what they would be told, and add up its weights.
fn can_be_kept(next: &Configuration) -> bool {
    // Those of whom no weight is told have one of 1.
    let others = next.members.len() as u64;
    let weights = next.weights.values().try_fold(others, |sum, weight| sum.checked_add(*weight));
    let read = Configuration::parse(&next.text());
    weights.is_some() && read.is_ok_and(|read| read.members.keys().eq(next.members.keys()))
}

/// The answer to `reconfig`: the new membership, as `getData` would give it.
pub(crate) fn answer(txn: &SetDataTxn, stat: &Stat, writer: &mut Writer) {
    writer.buffer(txn.data.as_deref());
    writer.record(stat);
}

#[cfg(test)]
mod tests;
