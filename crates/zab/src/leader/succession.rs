//! Who leads when a reconfiguration is in force, and when a leader may let go.

use std::collections::BTreeSet;

use super::{Leader, Step};
use crate::core::Core;
use crate::{Configuration, MemberAddress, ServerId};

impl Leader {
    /// Who leads the new membership: ourselves, if we vote in it at the same address, or else whoever of it
    /// has the most of what is outstanding. Source: `Leader.getDesignatedLeader`.
    pub(super) fn designated(&self, core: &Core, next: &Configuration, has: &BTreeSet<ServerId>) -> ServerId {
        let own = core.ensemble.id;
        let address = |it: &Configuration| it.members.get(&own).map(MemberAddress::quorum_address);
        if next.voter(own).is_some() && address(next) == address(&core.ensemble.configuration) {
            return own;
        }
        let mut candidates: BTreeSet<ServerId> = has.iter().copied().collect();
        candidates.retain(|id| *id != own && next.voter(*id).is_some());
        let mut chosen = candidates.first().copied().unwrap_or(own);
        for proposal in &self.outstanding {
            candidates.retain(|id| proposal.acknowledged.contains(id));
            let Some(first) = candidates.first() else { break };
            chosen = *first;
        }
        chosen
    }

    /// The next leader, once those who follow it have left, and what made it the leader is applied here.
    pub(crate) fn handed_over(&self, core: &Core) -> Option<ServerId> {
        let successor = self.successor?;
        let mut here: BTreeSet<ServerId> = self.learners.values().map(|learner| learner.server).collect();
        here.insert(core.ensemble.id);
        let applied = core.history.delivered() >= core.history.last_upto(self.committed);
        (applied && !core.quorum().is_met_by(&here)).then_some(successor)
    }

    /// Whether a quorum of `configuration` follows us and is up to date.
    pub(crate) fn has_synced_quorum(&self, core: &Core, configuration: &Configuration) -> bool {
        let synced = self.learners.values().filter(|learner| learner.votes && learner.step == Step::Active);
        let mut here: BTreeSet<ServerId> = synced.map(|learner| learner.server).collect();
        here.insert(core.ensemble.id);
        configuration.quorum().is_met_by(&here)
    }
}
