//! What is asked of members of an ensemble: who leads, who votes, how far it has come. A keeper that
//! stands alone answers as the original's does.

use serde_json::{Value, json};
use zab::ServerId;

use super::{Fields, fields};
use crate::config::MemberShown;
use crate::keeper::Keeper;
use crate::member::Part;
use crate::metrics::Value as Measure;

impl Keeper {
    /// True if it is no member of an ensemble.
    pub fn stands_alone(&self) -> bool {
        self.server.member.part == Part::Alone
    }

    fn member_shown(&self, id: ServerId) -> Option<&MemberShown> {
        self.server.config.shown.ensemble.iter().find(|member| member.id == id.0)
    }

    fn leads(&self) -> bool {
        self.server.member.part == Part::Leading
    }

    pub(super) fn leader_fields(&self) -> Fields {
        if self.stands_alone() {
            return fields(json!({"error": "server is not initialized"}));
        }
        let leader = self.server.peer.leader();
        let host = leader.and_then(|id| self.member_shown(id)).map(|member| host_of(&member.quorum_address));
        fields(json!({
            "is_leader": self.leads(),
            "leader_id": leader.map_or(-1, |id| id.0),
            "leader_ip": host.unwrap_or_default(),
        }))
    }

    pub(super) fn voting_view(&self) -> Fields {
        let voters = self.server.config.shown.ensemble.iter().filter(|member| member.votes);
        let view: Fields = voters
            .map(|member| {
                let value = json!({
                    "server_addresses": [member.quorum_address],
                    "election_addresses": [member.election_address],
                    "client_address": member.client_address,
                    "learner_type": "participant",
                });
                (member.id.to_string(), value)
            })
            .collect();
        fields(json!({"current_config": view}))
    }

    pub(super) fn zab_state(&self) -> Fields {
        let own = self.member_shown(ServerId(self.server.config.server_id));
        let Some(own) = own.filter(|_| !self.stands_alone()) else {
            return fields(json!({"voting": false, "zabstate": ""}));
        };
        let last = self.server.database.last_applied();
        fields(json!({
            "myid": own.id,
            "is_leader": self.leads(),
            "quorum_address": own.quorum_address,
            "election_address": own.election_address,
            "client_address": own.client_address,
            "voting": own.votes,
            "last_zxid": last.to_string(),
            "zab_epoch": last.epoch(),
            "zab_counter": last.counter(),
            "zabstate": match self.server.peer.phase().progress() {
                Some(progress) => progress.to_string(),
                None => "election".to_owned(),
            },
        }))
    }

    pub(super) fn observers(&self) -> Fields {
        let learners = self.server.peer.learners();
        let observers: Vec<Value> =
            learners.iter().filter(|(_, votes)| !votes).map(|(id, _)| json!({"sid": id.0})).collect();
        fields(json!({"synced_observers": observers.len(), "observers": observers}))
    }

    /// What only members of ensembles measure.
    pub(crate) fn ensemble_gauges(&self) -> Vec<(&'static str, Measure<'static>)> {
        if self.stands_alone() {
            return Vec::new();
        }
        let gauge = |count: usize| Measure::Gauge(count as i64);
        let voters = self.server.config.shown.ensemble.iter().filter(|member| member.votes).count();
        let mut gauges = vec![("quorum_size", gauge(voters))];
        if self.leads() {
            let learners = self.server.peer.learners();
            let sizes = &self.server.statistics.proposal_sizes;
            let voting = learners.iter().filter(|(_, votes)| *votes).count();
            gauges.extend([
                ("learners", gauge(learners.len())),
                ("synced_followers", gauge(voting)),
                ("synced_non_voting_followers", Measure::Gauge(0)),
                ("synced_observers", gauge(learners.len() - voting)),
                ("leader_uptime", {
                    let since = self.server.now.moment.since(self.server.member.since);
                    Measure::Gauge(since.as_ms() as i64)
                }),
                ("last_proposal_size", Measure::Gauge(sizes.last)),
                ("min_proposal_size", Measure::Gauge(sizes.min)),
                ("max_proposal_size", Measure::Gauge(sizes.max)),
                ("pending_syncs", gauge(self.server.member.syncs_of_learners.len())),
            ]);
        }
        gauges
    }
}

/// The host of `host:port`.
fn host_of(address: &str) -> &str {
    address.rsplit_once(':').map_or(address, |(host, _)| host)
}
